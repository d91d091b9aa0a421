#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demonstration: every check of it holds, and however it ends, nothing of it stays behind."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import process  # noqa: E402
from peers.case import ROOT, PeerCase  # noqa: E402


class Demo(PeerCase):
    def setUp(self):
        super().setUp()
        for program in ('baresip', 'espeak-ng', 'sox'):
            self.need(program)

    def start(self):
        arguments = [sys.executable, '-B', os.path.join(ROOT, 'contrib', 'tools', 'demo.py')]
        return self.spawn('python3 demo', arguments, environment={'TMPDIR': self.path('')})

    def is_tidy(self, below):
        alive = [pid for pid in below if os.path.exists(f'/proc/{pid}')]
        folders = [name for name in os.listdir(self.folder) if name.startswith('tandem-demo-')]
        self.assertEqual((alive, folders), ([], []))

    def test_all_checks_hold(self):
        demo = self.start()
        self.assertEqual(demo.wait(100), 0, demo.tail(100))
        self.assertNotIn('FAILED', demo.output())
        for fact in ('alice heard', 'bob heard', 'the ladder has', 'the call stands in'):
            self.assertIn(f'ok      {fact}', demo.output())
        self.is_tidy([])

    def test_interrupted_it_leaves_nothing_running(self):
        demo = self.start()
        demo.wait_for_output('they talk', 30)
        below = process.children_of(demo.pid)
        self.assertGreaterEqual(len(below), 3)
        demo.signal(signal.SIGINT)
        self.assertEqual(demo.wait(30), 130, demo.tail())
        self.is_tidy(below)

    def test_a_phone_that_dies_fails_it(self):
        demo = self.start()
        demo.wait_for_output('they talk', 30)
        below = process.children_of(demo.pid)
        for pid in below:
            with open(f'/proc/{pid}/comm', encoding='ascii') as comm:
                if comm.read().strip() == 'baresip':
                    os.kill(pid, signal.SIGKILL)
        self.assertEqual(demo.wait(60), 1, demo.tail())
        self.is_tidy(below)

    def test_unknown_option_is_told(self):
        answer = subprocess.run([os.path.join(ROOT, 'contrib', 'demo'), '--fast'], check=False,
                                capture_output=True, text=True, timeout=10)
        self.assertEqual(answer.returncode, 2)
        self.assertIn('--fast', answer.stderr)


if __name__ == '__main__':
    tap.main()
