# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every state machine that is registered is tried in every state: it has a case in a test beside it."""

import posixpath
import re

from checks.tree import Finding, line_of

REGISTER = re.compile(r'\btd_machine_register\s*\(\s*[^,;]+,\s*&(\w+)\s*\)')


def cases(tree, folder):
    """What the tests in FOLDER that use tests/common/machines.h take the addresses of."""
    found = set()
    for path in tree.matching(rf'^{re.escape(folder)}/tests/.*\.c$'):
        if '"common/machines.h"' in tree.text(path):
            found.update(re.findall(r'\{\s*&(\w+)\s*,', tree.bare_c(path)))
    return found


def check(tree):
    for path in tree.matching(r'^(core|modules)/.*\.c$'):
        if '/tests/' in path:
            continue
        code = tree.bare_c(path)
        for call in REGISTER.finditer(code):
            folder = posixpath.dirname(path)
            if call.group(1) not in cases(tree, folder):
                yield Finding(path, line_of(code, call.start()),
                              f'no test throws every event at every state of {call.group(1)}: give it a '
                              f'MachineCase in {folder}/tests, as tests/common/machines.h says')
