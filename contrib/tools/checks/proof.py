# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/priority.md says is proven: its tests are there and bear the number, and no number is left out."""

import re

from checks.tree import Finding, line_of

PAGE = 'docs/priority.md'
ROW = re.compile(r'^\| (\d{3}) \|(?:[^|\n]*\|){2}([^|\n]*)\|', re.MULTILINE)
BORNE = re.compile(r'PRI-(\d{3})\b|pri((?:_[01]\d{2})+)(?=_)')
TESTS = r'^(tests|(core|modules)/[^/]+/tests)/.*\.(c|py)$'
KINDS = {'flow': 'tests/flow/test-{}.c', 'interop': 'tests/interop/test-{}.py',
         'soak': 'tests/soak/test-{}.py', 'fuzz': 'tests/fuzz/fuzz-{}.c'}
ROOMS = ('modules/{}/tests/test-{}.c', 'core/{}/tests/test-{}.c')


def borne(text):
    """The numbers that a test bears."""
    found = set()
    for one, several in BORNE.findall(text):
        found.update([one] if one else re.findall(r'\d{3}', several))
    return found


def files_of(tree, name):
    """Where the test NAME of the table may be."""
    kind, _, rest = name.partition('/')
    places = [KINDS[kind].format(rest)] if kind in KINDS else \
        [place.format(kind, rest) for place in ROOMS]
    return [place for place in places if place in tree.files]


def named(cell):
    """The tests that a cell of the table names: "interop/x (of this and that), `contrib/run x`"."""
    bare = re.sub(r'\([^)]*\)|`[^`]*`', '', cell)
    return [name.strip() for name in bare.split(',') if name.strip()]


def check(tree):
    if PAGE not in tree.files:
        return
    page = tree.text(PAGE)
    last, claimed = '', set()
    for row in ROW.finditer(page):
        number, line = row.group(1), line_of(page, row.start())
        claimed.add(number)
        if number < last:
            yield Finding(PAGE, line, f'row {number} stands behind row {last}')
        last = number
        bearers = []
        for name in named(row.group(2)):
            found = files_of(tree, name)
            if not found:
                yield Finding(PAGE, line, f'row {number}: there is no test {name}')
            bearers += found
        if not any(number in borne(tree.text(path)) for path in bearers):
            yield Finding(PAGE, line, f'row {number}: none of its tests bears the number PRI-{number}')
    for path in tree.matching(TESTS):
        for number in sorted(borne(tree.text(path)) - claimed):
            yield Finding(path, 1, f'it proves PRI-{number}, of which {PAGE} has no row')
