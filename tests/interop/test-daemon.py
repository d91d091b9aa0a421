#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The process tandemd: how it starts, says that it is ready, reloads, refuses and ends."""

import os
import re
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem, module_folders, program  # noqa: E402

QUIET = {'modules': {'cli': 'required'}}


class Daemon(PeerCase):
    def run_once(self, *arguments, **environment):
        return subprocess.run([program('tandemd'), *arguments], capture_output=True, text=True,
                              timeout=30, env={**os.environ, **environment}, check=False)

    def test_ready_is_told_and_term_ends_it(self):
        tandem = Tandem(self, QUIET)
        tandem.stop()
        self.assertTrue(tandem.notified.has('STOPPING', '1'))

    def test_service_manager_waits_as_long_as_calls_may_drain(self):
        tandem = Tandem(self, {**QUIET, 'tandem': {'drain': '90 s'}})
        tandem.stop()
        self.assertTrue(tandem.notified.has('STOPPING', '1'))
        self.assertGreater(int(tandem.notified.fields['EXTEND_TIMEOUT_USEC']), 90e6)

    def test_watchdog_is_told_again_and_again(self):
        tandem = Tandem(self, QUIET, environment={'WATCHDOG_USEC': '100000'})
        for _ in range(3):
            tandem.process.wait_for(lambda: tandem.notified.has('WATCHDOG', '1'), 'WATCHDOG=1')
            tandem.notified.fields.clear()

    def test_wrong_configuration_is_told_once(self):
        tandem = Tandem(self, '[modules]\n[tandem]\nlanse = 1\n', is_awaited=False)
        self.assertEqual(tandem.process.wait(20), 78)
        self.assertEqual(tandem.process.output().count('lanse'), 1)
        self.assertIn('not started: the configuration is wrong', tandem.process.output())

    def test_answers_tandemctl(self):
        tandem = Tandem(self, QUIET)
        status, answer, errors = tandem.ctl('module', 'list')
        self.assertEqual((status, errors), (0, ''))
        self.assertIn('cli', answer)

    def test_socket_is_gone_afterwards(self):
        tandem = Tandem(self, QUIET)
        self.assertTrue(os.path.exists(tandem.control))
        tandem.stop()
        self.assertFalse(os.path.exists(tandem.control))

    def test_hangup_reloads_and_is_told(self):
        tandem = Tandem(self, QUIET)
        tandem.notified.fields.clear()
        tandem.reload()
        tandem.process.wait_for(lambda: tandem.notified.has('READY', '1'), 'READY=1')
        self.assertEqual(tandem.notified.fields['RELOADING'], '1')

    def test_wrong_reload_keeps_it_running(self):
        tandem = Tandem(self, QUIET)
        tandem.rewrite('[modules\n')
        tandem.reload()
        tandem.process.wait_for_output('stays as it was')
        self.assertEqual(tandem.ctl('module', 'list')[0], 0)

    def test_wrong_configuration_is_status_78_with_its_place(self):
        tandem = Tandem(self, '[modules]\nno-such-module = required\n[tandem]\nlanse = 1\n',
                        is_awaited=False)
        self.assertEqual(tandem.process.wait(20), 78)
        self.assertRegex(tandem.process.output(), r'tandem\.conf:4:\d+: ')
        self.assertRegex(tandem.process.output(), r'tandem\.conf:2:\d+: ')
        self.assertFalse(tandem.notified.has('READY', '1'))

    def test_check_config_starts_nothing(self):
        config = self.write('tandem.conf', '[modules]\n')
        answer = self.run_once('--check-config', '--config', config,
                               TANDEM_STATE_DIR=self.path('state'))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertFalse(os.path.exists(self.path('state')))

    def test_missing_configuration_is_named(self):
        answer = self.run_once('--check-config', '--config', self.path('gone.conf'))
        self.assertEqual(answer.returncode, 78)
        self.assertIn('gone.conf', answer.stderr)

    def test_sample_is_a_good_configuration_with_one_section_and_switched_on(self):
        sample = self.run_once('--write-sample', 'core')
        self.assertEqual((sample.returncode, sample.stderr), (0, ''))
        self.assertIn('#drain = 5 s', sample.stdout)
        settings = sample.stdout[:sample.stdout.index('#[trunk')]
        for text in ('[modules]\n' + sample.stdout, re.sub(r'(?m)^#(?! )', '', settings)):
            config = self.write('tandem.conf', text)
            answer = self.run_once('--check-config', '--config', config)
            self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_tables_of_several_are_written_in_their_order(self):
        for option, head in (('--write-manual', '## `[{}]`'), ('--write-man', '.SS "[{}]"')):
            answer = self.run_once(option, 'echo,cli',
                                   TANDEM_MODULE_PATH=':'.join(module_folders()))
            self.assertEqual((answer.returncode, answer.stderr), (0, ''))
            self.assertLess(answer.stdout.index(head.format('echo')),
                            answer.stdout.index(head.format('cli')))
            self.assertNotIn(head.format('tandem'), answer.stdout)

    def test_tables_of_a_module_that_is_not_there_are_status_1(self):
        answer = self.run_once('--write-sample', 'core,no-such-module')
        self.assertEqual((answer.returncode, answer.stdout), (1, ''))
        self.assertIn('no-such-module', answer.stderr)

    def test_version(self):
        answer = self.run_once('--version')
        self.assertEqual(answer.returncode, 0)
        self.assertRegex(answer.stdout, r'[Tt]andem \d+\.\d+')

    def test_unknown_option_is_status_2(self):
        answer = self.run_once('--unknwon')
        self.assertEqual(answer.returncode, 2)
        self.assertIn('unknwon', answer.stderr)

    def test_killed_it_starts_again(self):
        tandem = Tandem(self, QUIET)
        tandem.process.signal(signal.SIGKILL)
        tandem.process.wait(10)
        again = self.spawn('tandemd', [program('tandemd'), '--config', tandem.config],
                           environment=tandem.environment)
        tandem.notified.fields.clear()
        again.wait_for(lambda: tandem.notified.has('READY', '1'), 'READY=1')


if __name__ == '__main__':
    tap.main()
