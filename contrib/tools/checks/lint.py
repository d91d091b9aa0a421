# SPDX-License-Identifier: LGPL-2.1-or-later
"""How files begin, how they are laid out, and that the build knows them."""

import posixpath
import re
import shutil
import subprocess

from checks.tree import Finding

SPDX = 'SPDX-License-Identifier: LGPL-2.1-or-later'


def is_shell(tree, path):
    return tree.is_text(path) and re.match(r'#!.*\b(ba)?sh\b', tree.text(path)) is not None


def is_python(tree, path):
    return path.endswith('.py') or (tree.is_text(path)
                                    and re.match(r'#!.*\bpython3?\b', tree.text(path)) is not None)


def check_opening(tree):
    for path in tree.c_files:
        lines = tree.text(path).splitlines() + ['', '']
        if lines[0] != f'/* {SPDX} */':
            yield Finding(path, 1, f'the first line is not "/* {SPDX} */"')
        elif not re.match(r'/\* [A-Z<"a-z0-9].{9,}', lines[1]):
            yield Finding(path, 2, 'the second line does not say what the file is for')
    for path in tree.files:
        is_build_file = path.endswith('meson.build')
        is_script = is_shell(tree, path) or is_python(tree, path)
        if not (is_build_file or is_script):
            continue
        lines = [line for line in tree.text(path).splitlines() if not line.startswith('#!')] + ['']
        if lines[0] != f'# {SPDX}':
            yield Finding(path, 1, f'does not begin with "# {SPDX}"')


def is_listed(tree, path):
    """Whether a meson.build names the file, or its own folder's makes its name in a loop."""
    folder, name = posixpath.split(path)
    for build in tree.matching(r'(^|/)meson\.build$'):
        if re.search(rf"['/]{re.escape(name)}'", tree.text(build)):
            return True
    own = posixpath.join(folder, 'meson.build')
    loop = re.match(r'([a-z]+-)(.*)\.c$', name)
    if not loop or own not in tree.files:
        return False
    text = tree.text(own)
    is_made = f"'{loop[1]}' + " in text or f"'{loop[1]}@0@.c'" in text
    return is_made and f"'{loop[2]}'" in text


def check_listed(tree):
    for path in tree.matching(r'^(core|modules|tests)/.*\.c$'):
        if not is_listed(tree, path):
            yield Finding(path, 1, 'no meson.build lists this file')


def check_format(tree):
    if not tree.c_files or not shutil.which('clang-format'):
        return
    answer = subprocess.run(['clang-format', '--dry-run', '-Werror', '--style=file',
                             *tree.c_files], cwd=tree.root, capture_output=True, text=True,
                            check=False)
    seen = set()
    for match in re.finditer(r'^(\S+?):(\d+):\d+: error: ', answer.stderr, re.MULTILINE):
        path, line = match.group(1), int(match.group(2))
        if path not in seen:
            seen.add(path)
            yield Finding(path, line, 'clang-format would write it otherwise')
    if answer.returncode and not seen:
        yield Finding('.clang-format', 1, answer.stderr.strip())


def check_shell(tree):
    scripts = [path for path in tree.files if is_shell(tree, path)]
    if not scripts or not shutil.which('shellcheck'):
        return
    answer = subprocess.run(['shellcheck', '-f', 'gcc', '-x', *scripts], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    for match in re.finditer(r'^(.+?):(\d+):\d+: (.*)$', answer.stdout, re.MULTILINE):
        yield Finding(match.group(1), int(match.group(2)), match.group(3))
