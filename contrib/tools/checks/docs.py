# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links resolve, every page is reached from docs/index.md, and core's floor plan is true."""

import posixpath
import re

from checks.tree import Finding, line_of

INDEX = 'docs/index.md'
PLAN = 'core/README.md'
LINK = re.compile(r'\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)')
CODE = re.compile(r'^(```|~~~).*?^\1|`[^`\n]*`|^    [^\n]*', re.DOTALL | re.MULTILINE)


def prose(text):
    return CODE.sub(lambda match: re.sub(r'[^\n]', ' ', match.group()), text)


def anchor_of(title):
    kept = re.sub(r'[^\w\- ]', '', re.sub(r'[`*]', '', title).strip().lower())
    return kept.replace(' ', '-')


def anchors(text):
    fences = re.sub(r'^(```|~~~).*?^\1', '', text, flags=re.DOTALL | re.MULTILINE)
    return {anchor_of(title) for title in re.findall(r'^#+ +(.*)$', fences, re.MULTILINE)}


def links(tree, path):
    """(target, anchor, line) of each relative link of a page."""
    text = prose(tree.text(path))
    for match in LINK.finditer(text):
        target = match.group(1)
        if re.match(r'[a-z][a-z0-9+.-]*:', target):
            continue
        target, _, anchor = target.partition('#')
        resolved = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        yield (resolved if target else path), anchor, line_of(text, match.start())


def exists(tree, target):
    return target in tree.files or any(path.startswith(target + '/') for path in tree.files)


def check_links(tree, pages):
    for path in pages:
        for target, anchor, line in links(tree, path):
            if target.startswith('..'):
                yield Finding(path, line, f'the link leaves the tree: {target}')
            elif not exists(tree, target):
                yield Finding(path, line, f'the link leads nowhere: {target}')
            elif anchor and target.endswith('.md') and anchor not in anchors(tree.text(target)):
                yield Finding(path, line, f'{target} has no heading "#{anchor}"')


def check_reach(tree, pages):
    if INDEX not in pages:
        if any(path.startswith('docs/') for path in pages):
            yield Finding(INDEX, 1, 'there is no index of docs/')
        return
    reached, waiting = set(), [INDEX]
    while waiting:
        path = waiting.pop()
        if path in reached:
            continue
        reached.add(path)
        waiting += [target for target, _, _ in links(tree, path) if target in pages]
    for path in pages:
        is_page = path.startswith('docs/') or re.match(r'modules/[^/]+/[^/]+\.md$', path)
        if is_page and path not in reached:
            yield Finding(path, 1, f'no way leads from {INDEX} to this page')


def check(tree):
    pages = [path for path in tree.matching(r'\.md$')]
    yield from check_links(tree, pages)
    yield from check_reach(tree, pages)


def planned_files(text):
    """{file: line} of a floor plan: under a heading "### room/", one line "- `file`: purpose"."""
    planned = {}
    room = ''
    for number, line in enumerate(text.splitlines(), 1):
        heading = re.match(r'#+ +`?([a-z]+)/`?', line)
        entry = re.match(r'[-|] *`([\w.-]+)`', line)
        if heading:
            room = heading.group(1) + '/'
        elif re.match(r'#+ ', line):
            room = ''
        elif entry:
            planned[f'core/{room}{entry.group(1)}'] = number
    return planned


def check_floor_plan(tree):
    present = [path for path in tree.matching(r'^core/.*\.[ch]$') if '/tests/' not in path]
    if not present:
        return
    if PLAN not in tree.files:
        yield Finding(PLAN, 1, 'core has no floor plan')
        return
    planned = planned_files(tree.text(PLAN))
    # A source and its header are one line: the source's, or the header's where it is alone.
    lines = {path for path in present
             if path.endswith('.c') or path[:-2] + '.c' not in present}
    for path in sorted(lines - planned.keys()):
        yield Finding(PLAN, 1, f'{path} has no line in the floor plan')
    for path, line in planned.items():
        if path not in present:
            yield Finding(PLAN, line, f'{path} is planned, but not there')
