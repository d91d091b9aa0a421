# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the public headers promise is what tandem.map exports, both ways."""

import re

from checks.tree import Finding, line_of, without_comments_and_strings, without_directives

MAP = 'include/tandem/tandem.map'


def declarations(tree, path):
    """(statement, offset) of each declaration at file level, bodies left out."""
    code = without_directives(tree.bare_c(path))
    code = re.sub(r'\bextern\s+"\s*"\s*\{', lambda match: ' ' * len(match.group()), code)
    start = depth = 0
    for match in re.finditer(r'[{};]', code):
        if match.group() == '{':
            depth += 1
        elif match.group() == '}':
            depth = max(0, depth - 1)
            if depth == 0 and re.search(r'\)\s*\{', code[start:match.end()]):
                start = match.end()  # an inline function
        elif depth == 0:
            statement = code[start:match.start()]
            lead = len(statement) - len(statement.lstrip())
            yield statement.strip(), start + lead, code
            start = match.end()


def declared_functions(tree, path):
    """{name: (line, is_exported)} of the functions a public header declares."""
    found = {}
    for statement, offset, code in declarations(tree, path):
        if re.match(r'(G_BEGIN_DECLS\s+|G_END_DECLS\s+)*(typedef|static|struct|union|enum)\b',
                    statement):
            continue
        name = re.search(r'\b(td_\w+)\s*\(', statement)
        if name:
            found[name.group(1)] = (line_of(code, offset), 'TD_API' in statement)
    return found


def exported_symbols(tree):
    """{symbol: line} of all the map's nodes."""
    if MAP not in tree.files:
        return {}
    text = re.sub(r'#[^\n]*', '', tree.text(MAP))
    text = without_comments_and_strings(text)
    found = {}
    for node in re.finditer(r'(\w[\w.]*)\s*\{(.*?)\}', text, re.DOTALL):
        public = re.search(r'global\s*:(.*?)(local\s*:|$)', node.group(2), re.DOTALL)
        for symbol in re.finditer(r'(td_\w+)\s*;', public.group(1) if public else ''):
            offset = node.start(2) + public.start(1) + symbol.start()
            found[symbol.group(1)] = line_of(text, offset)
    return found


def check(tree):
    exported = exported_symbols(tree)
    declared = {}
    for path in tree.public_headers:
        for name, (line, is_exported) in declared_functions(tree, path).items():
            declared[name] = path
            if not is_exported:
                yield Finding(path, line, f'{name} () lacks TD_API')
            elif name not in exported:
                yield Finding(path, line, f'{name} () is not in tandem.map')
    for name, line in exported.items():
        if name not in declared:
            yield Finding(MAP, line, f'{name} is in no public header')
