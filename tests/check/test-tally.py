#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The counts behind the closing line: every subtest, and no crash goes uncounted."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TALLY = os.path.join(ROOT, 'contrib', 'tools', 'tally.py')
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, 'tests', 'common'))

import tap  # noqa: E402

MESON_BUILD = '''project('probe')
test('probe', find_program('probe.sh'), protocol: '{protocol}', suite: ['core'], timeout: 1)
'''


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='tally-')
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        return path

    def tally(self, kind, path):
        answer = subprocess.run([sys.executable, TALLY, kind, path], capture_output=True,
                                text=True, check=True)
        return answer.stdout.strip(), answer.stderr


class Meson(Folder):
    def counts(self, script, protocol='tap'):
        """What a test program of this shell text counts as, through meson itself."""
        self.write('meson.build', MESON_BUILD.format(protocol=protocol))
        os.chmod(self.write('probe.sh', '#!/bin/sh\n' + script), 0o755)
        build = os.path.join(self.folder, 'build')
        subprocess.run(['meson', 'setup', build, self.folder], capture_output=True, check=True)
        subprocess.run(['meson', 'test', '-C', build], capture_output=True, check=False)
        return self.tally('meson', os.path.join(build, 'meson-logs'))[0]

    def test_each_subtest_counts(self):
        script = 'echo 1..3; echo ok 1 a.b; echo ok 2 b; echo "ok 3 c # SKIP no peer"'
        self.assertEqual(self.counts(script), '2 0 1')

    def test_failed_subtest_counts_once(self):
        self.assertEqual(self.counts('echo 1..2; echo ok 1; echo not ok 2; exit 1'), '1 1 0')

    def test_crash_counts_as_failed(self):
        self.assertEqual(self.counts('echo 1..2; echo ok 1; kill -SEGV $$'), '1 1 0')

    def test_crash_before_the_first_subtest(self):
        self.assertEqual(self.counts('kill -SEGV $$'), '0 1 0')

    def test_time_out_counts_as_failed(self):
        self.assertEqual(self.counts('echo 1..2; echo ok 1; exec sleep 30'), '1 1 0')

    def test_exit_status_counts_when_all_passed(self):
        self.assertEqual(self.counts('echo 1..1; echo ok 1; exit 23'), '1 1 0')

    def test_missing_subtests_count_as_failed(self):
        self.assertEqual(self.counts('echo 1..3; echo ok 1'), '1 1 0')

    def test_silence_counts_as_failed(self):
        self.assertEqual(self.counts('true'), '0 1 0')

    def test_declared_skip(self):
        self.assertEqual(self.counts('echo "1..0 # SKIP no peer"'), '0 0 1')

    def test_program_without_subtests(self):
        self.assertEqual(self.counts('true', protocol='exitcode'), '1 0 0')


class Tap(Folder):
    def counts(self, text):
        return self.tally('tap', self.write('x.tap', text))[0]

    def test_counts(self):
        self.assertEqual(self.counts('ok 1 - a\n# x\nnot ok 2 - b\nok 3 - c # SKIP\n1..3\n'),
                         '1 1 1')

    def test_names_what_failed(self):
        path = self.write('x.tap', 'not ok 1 - check: walls\n1..1\n')
        self.assertIn('check: walls', self.tally('tap', path)[1])

    def test_stream_that_broke_off(self):
        self.assertEqual(self.counts('ok 1 - a\n'), '1 1 0')


if __name__ == '__main__':
    tap.main()
