# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of a source tree as the checks see them, and C text without comments and strings."""

import dataclasses
import functools
import os
import re

SKIPPED_FOLDERS = re.compile(r'^(\.git|\.cache|__pycache__|corpus|build.*|subprojects)$')


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str
    is_warning: bool = False

    def __str__(self):
        kind = 'warning: ' if self.is_warning else ''
        return f'{self.path}:{self.line}: {kind}{self.text}'


class Tree:
    def __init__(self, root):
        self.root = os.path.abspath(root)

    def absolute(self, path):
        return os.path.join(self.root, path)

    @functools.cached_property
    def files(self):
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not SKIPPED_FOLDERS.match(name))
            relative = os.path.relpath(folder, self.root)
            found += [os.path.normpath(os.path.join(relative, name)) for name in sorted(names)]
        # In a second work tree of git ".git" is a file.
        return [path for path in found if path != '.git' and os.path.isfile(self.absolute(path))]

    def matching(self, pattern):
        return [path for path in self.files if re.search(pattern, path)]

    @functools.cached_property
    def c_files(self):
        return self.matching(r'\.[ch]$')

    @functools.cached_property
    def public_headers(self):
        return self.matching(r'^include/tandem/.*\.h$')

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        with open(self.absolute(path), encoding='utf-8', errors='replace') as file:
            return file.read()

    @functools.lru_cache(maxsize=None)
    def bare_c(self, path):
        return without_comments_and_strings(self.text(path))

    @functools.lru_cache(maxsize=None)
    def is_text(self, path):
        with open(self.absolute(path), 'rb') as file:
            return b'\0' not in file.read(8192)


TOKENS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
DIRECTIVES = re.compile(r'^[ \t]*#(?:\\\n|[^\n])*', re.MULTILINE)


def blank(match):
    """As many lines and columns of nothing, so that what follows keeps its place."""
    return re.sub(r'[^\n]', ' ', match.group(0))


def without_comments_and_strings(text):
    def hide(match):
        token = match.group(0)
        if token[0] in '"\'':
            return token[0] + ' ' * (len(token) - 2) + token[0]
        return blank(match)
    return TOKENS.sub(hide, text)


def without_directives(text):
    return DIRECTIVES.sub(blank, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1
