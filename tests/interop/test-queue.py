#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls with a priority that find no trunk, over real sockets, called and calling side sipp: they wait, and
are served when one is free, or told that none was (PRI-015, PRI-016, PRI-062, PRI-063)."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem, module_folders  # noqa: E402


class Queue(PeerCase):
    """The trunk "called" has two places. Calls to 7 have a priority, calls to 8 are ordinary."""

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.called = sipp.uas(self)
        folders = [*module_folders(), os.path.join(BUILD, 'modules', 'congestion', 'tests')]
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'trunk', 'marker'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'call': {'media': 'through'},
            'trunk called': {'address': f'sip:{self.called.address}', 'capacity': '2 calls',
                             'queue': '10 calls', 'queue-wait': '2 s'},
            'route all': {'targets': 'called'},
        }, environment={'TANDEM_MODULE_PATH': ':'.join(folders)})

    def call(self, scenario, number, **options):
        return sipp.uac(self, f'127.0.0.1:{self.port}', scenario=scenario, number=number,
                        notes_messages=True, **options)

    def show(self):
        return self.tandem.ctl_json('trunk', 'show', 'called')

    def fill(self, hold_ms):
        holder = self.call('uac', '8001', n_calls=2, hold_ms=hold_ms)
        self.tandem.process.wait_for(lambda: self.show()['calls_out'] == 2, 'both places taken')
        return holder

    def delays(self, uac, status):
        """Seconds from the INVITE of each call to its first response of STATUS."""
        begun = {call: at for at, call, cseq, _ in reversed(uac.messages('S'))
                 if cseq == '1 INVITE'}
        found = {call: at for at, call, _, start in reversed(uac.received())
                 if start.startswith(f'SIP/2.0 {status} ')}
        return [found[call] - begun[call] for call in found]

    def test_served_when_a_trunk_is_free(self):
        """PRI-015, PRI-062, PRI-063"""
        holder = self.fill(hold_ms=1000)
        waiting = self.call('uac-queued', '7001', n_calls=2)
        self.assertTrue(waiting.wait().is_clean)
        self.assertEqual(holder.wait().failed, 0)
        delays = self.delays(waiting, 182)
        self.assertEqual(len(delays), 2)
        self.assertLess(max(delays), 0.5)
        row = {row['class']: row for row in self.tandem.ctl_json('trunk', 'priority', 'called')}[8]
        self.assertEqual((row['queued'], row['served'], row['timeouts']), (2, 2, 0))
        self.assertEqual(self.show()['queued'], 0)
        self.tandem.stop()

    def test_told_when_none_was(self):
        """PRI-016, PRI-070"""
        holder = self.fill(hold_ms=4000)
        waiting = self.call('uac-queue-timeout', '7001', n_calls=2)
        self.tandem.process.wait_for(lambda: self.show()['queued'] == 2, 'both wait')
        queued = self.tandem.ctl_json('call', 'list', '--state', 'queued')
        self.assertEqual([call['state'] for call in queued], ['queued', 'queued'])
        waiting.wait()
        for delay in self.delays(waiting, 408):
            self.assertGreater(delay, 1.9)
        self.assertEqual(holder.wait().failed, 0)   # nobody who was up had to go
        self.assertEqual(self.show()['queued'], 0)
        self.tandem.stop()


if __name__ == '__main__':
    tap.main()
