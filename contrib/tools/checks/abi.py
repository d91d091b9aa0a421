# SPDX-License-Identifier: LGPL-2.1-or-later
"""The binary interface is the promised one, as contrib/tools/abi-dump sees it."""

import os
import shutil
import subprocess
import sys

from checks.tree import Finding

BASELINE = 'tests/abi/tandem.abi'
TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'abi-dump')


def check(tree):
    # Without abigail-tools, the test of tests/abi is loud.
    if BASELINE not in tree.files or shutil.which('abidw') is None:
        return
    answer = subprocess.run([sys.executable, TOOL, '--check', '--include', tree.absolute('include'),
                             '--baseline', tree.absolute(BASELINE)],
                            capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        yield Finding(BASELINE, 1, (answer.stdout + answer.stderr).strip())
