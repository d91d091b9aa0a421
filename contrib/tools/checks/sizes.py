# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long files and functions may be; HACKING.md says why."""

import re

from checks.tree import Finding, line_of, without_directives
from checks.exports import declared_functions

FILE_SOFT, FILE_HARD = 600, 1000
FUNCTION_SOFT, FUNCTION_HARD = 60, 120
HEADER_HARD = 400
HEADERS_HARD, FUNCTIONS_HARD = 25, 300


def functions(bare):
    """(name, first line, number of lines) of each function definition in C without comments."""
    code = without_directives(bare)
    depth = 0
    start = None
    for match in re.finditer(r'[{}]', code):
        if match.group() == '{':
            if depth == 0 and code[:match.start()].rstrip().endswith(')'):
                start = head_of(code, match.start())
            depth += 1
        else:
            depth = max(0, depth - 1)
            if depth == 0 and start is not None:
                name, offset = start
                first, last = line_of(code, offset), line_of(code, match.start())
                yield name, first, last - first + 1
                start = None


def head_of(code, brace):
    """The name in front of the parameter list that ends before BRACE, and where it stands."""
    depth = 0
    position = code.rindex(')', 0, brace)
    while position > 0:
        depth += {')': 1, '(': -1}.get(code[position], 0)
        if depth == 0:
            break
        position -= 1
    name = re.search(r'(\w+)\s*$', code[:position])
    return (name.group(1), name.start(1)) if name else ('?', position)


def check(tree):
    for path in tree.matching(r'\.([ch]|py|sh)$|^contrib/(test|run|demo|check|certify)$'):
        n_lines = tree.text(path).count('\n')
        if n_lines > FILE_HARD:
            yield Finding(path, 1, f'{n_lines} lines; split above {FILE_HARD}')
        elif n_lines > FILE_SOFT:
            yield Finding(path, 1, f'{n_lines} lines; look again above {FILE_SOFT}', True)
        if path in tree.public_headers and n_lines > HEADER_HARD:
            yield Finding(path, 1, f'{n_lines} lines; a public header has at most {HEADER_HARD}')
    for path in tree.c_files:
        for name, line, n_lines in functions(tree.bare_c(path)):
            if n_lines > FUNCTION_HARD:
                yield Finding(path, line, f'{name} () has {n_lines} lines; split above '
                              f'{FUNCTION_HARD}')
            elif n_lines > FUNCTION_SOFT:
                yield Finding(path, line, f'{name} () has {n_lines} lines; look again above '
                              f'{FUNCTION_SOFT}', True)
    yield from check_surface(tree)


def check_surface(tree):
    concepts = [path for path in tree.public_headers if '/iface/' not in path]
    if len(concepts) > HEADERS_HARD:
        yield Finding('include/tandem', 0, f'{len(concepts)} public headers; at most '
                      f'{HEADERS_HARD}')
    n_functions = sum(len(declared_functions(tree, path)) for path in tree.public_headers)
    if n_functions > FUNCTIONS_HARD:
        yield Finding('include/tandem', 0, f'{n_functions} public functions; at most '
                      f'{FUNCTIONS_HARD}')
