#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Modules come and go while sipp calls sipp through Tandem: no call is lost and nothing stays.

TANDEM_CHANGES in the environment says how often, 100 otherwise."""

import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.process import descriptors, is_sanitized, mappings, rss_kib  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

N_CHANGES = int(os.environ.get('TANDEM_CHANGES', '100'))
N_WARM_UP = max(10, N_CHANGES // 10)  # after them the heap is as large as it gets
RATE, HOLD_MS = 50, 500
LONGEST_S = 60 + N_CHANGES
MAY_GROW_KIB = 2048  # 2 KiB lost a change show in a thousand
# How many builds there are at once, and so how high the heap gets, is the machine's business: it finds its
# height in one of these rounds. What is lost with each change is lost in every round.
N_ROUNDS = 4


class UnderLoad(PeerCase):
    """50 calls a second, each held for half a second, while the test does something to modules."""

    def setUp(self):
        super().setUp()
        self.called = sipp.uas(self, timeout_s=LONGEST_S + 60)
        self.port = ports.free_port()
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'echo', 'codec-g711'),
                                     'required'),
            # What outlives a call is to be seen for 64 T1 only, and the ring for traces grows until it
            # is full: neither is what the changes leave behind.
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept',
                    't1': '100 ms', 'trace': 'no'},
            'call': {'media': 'through'},
            'trunk called': {'address': f'sip:{self.called.address}'},
            'trunk spare': {'address': f'sip:127.0.0.1:{ports.free_port()}'},
            'route all': {'targets': 'called'},
        })
        self.calling = sipp.uac(self, f'127.0.0.1:{self.port}', number='8001', rate=RATE,
                                n_calls=RATE * LONGEST_S, hold_ms=HOLD_MS,
                                timeout_s=LONGEST_S + 30)

    def change(self, *words):
        status, _, errors = self.tandem.ctl(*words, timeout_s=60)
        self.assertEqual((status, errors), (0, ''))

    def builds(self, name):
        return [row for row in self.tandem.ctl_json('module', 'list') if row['module'] == name]

    def settle(self, name):
        """Waits until the builds before the newest one have gone with their calls."""
        self.tandem.process.wait_for(lambda: len(self.builds(name)) == 1,
                                     f'end of the old builds of {name}', 60)

    def belongings(self, name):
        info = self.tandem.ctl_json('module', 'info', name)
        return (descriptors(self.tandem.pid), len(mappings(self.tandem.pid)),
                sorted(info['owns']), info['defects'])

    def repeat(self, name, change):
        """Does CHANGE (), which is done to module NAME, N_CHANGES times after a few others; and again,
        while more memory is in use after a round than before it. Returns how often it did."""
        n_done = self.change_often(N_WARM_UP, change)
        self.settle(name)
        # The connection that asked last may be there for a moment more.
        before = min(self.belongings(name) for _ in range(5))
        for _ in range(N_ROUNDS):
            kib, started = rss_kib(self.tandem.pid), time.monotonic()
            n_done += self.change_often(N_CHANGES, change)
            took_s = time.monotonic() - started
            self.settle(name)
            grown_kib = rss_kib(self.tandem.pid) - kib
            if grown_kib < MAY_GROW_KIB or is_sanitized(self.tandem.pid):
                break
        else:
            self.fail(f'each of {N_ROUNDS} rounds takes more memory, the last one {grown_kib} KiB')
        n_calls = self.check_nothing_lost()
        self.tandem.process.wait_for(lambda: self.belongings(name) == before,
                                     f'belongings {before} as they were', 60)
        tap.figure(f'{N_CHANGES} times {self.id().rsplit("_", 1)[1]} {name} beside {RATE} calls/s',
                   f'in {took_s:.0f} s; {n_calls} calls, none lost; {grown_kib} KiB more memory, '
                   'no descriptor, no mapping')
        return n_done

    def change_often(self, n_times, change):
        """Every second one at once and every other one when a few calls more have come."""
        for number in range(n_times):
            change()
            time.sleep(4 / RATE if number % 2 else 0)
        return n_times

    def check_nothing_lost(self):
        ours, theirs = self.calling.finish(), self.called.finish()
        self.assertEqual((ours.failed, ours.current, theirs.failed, theirs.current), (0, 0, 0, 0))
        self.assertEqual(ours.successful, theirs.successful)
        self.assertGreater(ours.successful, N_CHANGES)
        return ours.successful

    def test_sip_is_upgraded(self):
        n_upgrades = self.repeat('sip', lambda: self.change('module', 'upgrade', 'sip'))
        self.assertEqual(self.builds('sip')[0]['generation'], n_upgrades + 1)
        self.tandem.stop()

    def test_trunks_are_upgraded(self):
        def upgrade():
            self.change('module', 'upgrade', 'trunk')
            self.change('control', 'set', 'skip', '--trunk', 'spare')
            self.change('trunk', 'block', 'spare')
            self.change('config', 'reload')
            self.change('control', 'clear', 'all')
            self.change('trunk', 'unblock', 'spare')
        self.change('module', 'load', 'trunk')
        self.repeat('trunk', upgrade)
        self.assertEqual(self.tandem.ctl_json('trunk', 'show', 'called')['calls_out'], 0)
        rows = self.tandem.ctl_json('trunk', 'statistics', 'called')
        answers, ended = (sum(row[name] for row in rows) for name in ('out_answers', 'ended'))
        self.assertEqual(answers, ended)
        # sipp had begun before the module was there.
        self.assertGreater(answers, self.calling.counts().successful * 0.9)
        self.tandem.stop()

    def test_routes_are_upgraded(self):
        def upgrade():
            self.change('module', 'upgrade', 'route-table')
            self.change('config', 'reload')
        self.repeat('route-table', upgrade)
        self.tandem.stop()

    def test_modules_beside_are_cycled(self):
        def cycle():
            for verb in ('stop', 'unload', 'load'):
                self.change('module', verb, 'echo')
        self.repeat('echo', cycle)
        self.tandem.stop()


if __name__ == '__main__':
    tap.main()
