# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages that come from the code are what the last build says; without a build nothing is said."""

import os
import subprocess
import sys

from checks.tree import Finding

TOOL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'reference')
FIRST_PAGE = 'docs/states/README.md'


def check(tree):
    build = os.environ.get('TANDEM_BUILD', tree.absolute('build'))
    needed = [os.path.join(build, *path) for path in
              (('core', 'tandemd'), ('contrib', 'tandemctl', 'tandemctl'))]
    if FIRST_PAGE not in tree.files or not all(map(os.path.exists, needed)):
        return
    answer = subprocess.run([sys.executable, TOOL, '--check', '--build', build,
                             '--docs', tree.absolute('docs')],
                            capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        yield Finding(FIRST_PAGE, 1, (answer.stdout + answer.stderr).strip())
