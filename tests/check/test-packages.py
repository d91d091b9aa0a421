#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""contrib/tools/install on a system where everything is missing: what it does, says and leaves."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, 'tests', 'common'))

import tap  # noqa: E402

INSTALL = os.path.join(ROOT, 'contrib', 'tools', 'install')
TOOLS = ('bash', 'cat', 'dirname', 'env', 'grep', 'mktemp', 'rm', 'tail')
# Lists first, packages then: without lists no package is found, as on a fresh system.
APT_GET = '''#!/bin/bash
echo "$@" >>"$FOLDER/calls"
case "$*" in
*update*) [ -e "$FOLDER/no-net" ] && { echo "E: no net"; exit 100; }; : >"$FOLDER/lists" ;;
*) [ -e "$FOLDER/lists" ] || { echo "E: Unable to locate package gcc"; exit 100; } ;;
esac
'''


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='packages-')
        self.addCleanup(shutil.rmtree, self.folder)
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.folder, tool))
        self.tool('dpkg-query', 'exit 1')
        self.tool('id', 'echo 1000')
        self.tool('apt-get', APT_GET)

    def tool(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text if text.startswith('#!') else f'#!/bin/bash\n{text}\n')
        os.chmod(path, 0o755)

    def install(self, *kinds):
        return subprocess.run(['bash', INSTALL, *kinds], capture_output=True, text=True, check=False,
                              env={'PATH': self.folder, 'TMPDIR': self.folder,
                                   'FOLDER': self.folder})

    def calls(self):
        path = os.path.join(self.folder, 'calls')
        if not os.path.exists(path):
            return []
        with open(path, encoding='utf-8') as file:
            return [line.split() for line in file]

    def logs(self):
        return [name for name in os.listdir(self.folder) if name.startswith('tandem-install')]

    def test_lists_each_package_once(self):
        missing = self.install('--list', 'build', 'peer', 'demo').stdout.split()
        self.assertIn('baresip-core', missing)
        self.assertEqual(len(missing), len(set(missing)))
        self.assertEqual(self.calls(), [])

    def test_neither_root_nor_sudo_says_what_root_has_to_run(self):
        answer = self.install('build')
        self.assertEqual(answer.returncode, 1)
        self.assertRegex(answer.stderr, r'apt-get update && apt-get install .*\bmeson\b')
        self.assertEqual(self.calls(), [])

    def test_root_gets_lists_when_there_are_none(self):
        self.tool('id', 'echo 0')
        answer = self.install('build')
        self.assertEqual((answer.returncode, answer.stderr), (0, ''))
        self.assertEqual([('update' in call, 'install' in call) for call in self.calls()],
                         [(False, True), (True, False), (False, True)])
        self.assertEqual(self.logs(), [])

    def test_sudo_is_used_where_it_is(self):
        self.tool('sudo', '[ "$1" = env ] && echo sudo >>"$FOLDER/calls" && exec "$@"')
        self.assertEqual(self.install('build').returncode, 0)
        self.assertEqual(self.calls()[0], ['sudo'])

    def test_failure_shows_what_apt_get_said_and_where_the_rest_is(self):
        self.tool('id', 'echo 0')
        self.tool('no-net', '')
        answer = self.install('build')
        self.assertEqual(answer.returncode, 1)
        self.assertIn('E: no net', answer.stderr)
        self.assertIn(os.path.join(self.folder, *self.logs()), answer.stderr)


if __name__ == '__main__':
    tap.main()
