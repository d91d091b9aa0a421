#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The busiest hour of a billion minutes a month: 69,444 calls are up, 600 a second come on top."""

import collections
import csv
import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, 'common'))

import tap  # noqa: E402 (the path is set just above)
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.process import cpu_seconds, rss_kib  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

N_HELD = int(os.environ.get('TANDEM_HELD', '69444'))
FILL_RATE, TOP_RATE, TOP_S = 600, 600, int(os.environ.get('TANDEM_TOP_S', '60'))
N_TOP = TOP_RATE * TOP_S
FILL_S = N_HELD / FILL_RATE
# The first call that was held hangs up well after the last one on top has come.
HOLD_S = FILL_S + TOP_S + 45
TIMEOUT_S = int(HOLD_S + FILL_S + 120)
AFTERMATH_S = 60  # a transaction outlives its call by 32 s (RFC 3261 17.2.2), then memory goes back
CALLER, CALLED = (os.path.join(TESTS, 'bench', name) for name in ('caller.xml', 'called.xml'))


class BusyHour(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.called = sipp.uas(self, CALLED, timeout_s=TIMEOUT_S + 60)
        self.tandem = Tandem(self, {
            'tandem': {'log-level': 'warning'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'cdr-file'), 'required'),
            'call': {'media': 'through'},
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept', 'trace': 'no'},
            'cdr-file': {'format': 'csv', 'path': self.path('cdr.csv')},
            'trunk called': {'address': f'sip:{self.called.address}'},
            'route all': {'targets': 'called'},
        })

    def caller(self, number, n_calls, rate, hold_s):
        return sipp.uac(self, f'127.0.0.1:{self.port}', CALLER, number=number, n_calls=n_calls,
                        rate=rate, hold_ms=int(hold_s * 1000), timeout_s=TIMEOUT_S)

    def records(self):
        """{kind of record: {call: how many}}."""
        found = collections.defaultdict(collections.Counter)
        with open(self.path('cdr.csv'), encoding='utf-8', newline='') as file:
            for row in csv.DictReader(file):
                found[row['record']][row['call']] += 1
        return found

    def wait_until_up(self, n_calls):
        self.called.process.wait_for(lambda: self.called.counts().current >= n_calls,
                                     f'{n_calls} calls up', FILL_S + 60, interval_s=1)

    def test_none_is_lost_and_none_is_doubled(self):
        idle_kib = rss_kib(self.tandem.pid)
        held = self.caller('8001', N_HELD, FILL_RATE, HOLD_S)
        self.wait_until_up(N_HELD)
        held_kib, cpu_s, began = rss_kib(self.tandem.pid), cpu_seconds(self.tandem.pid), time.time()

        top = self.caller('8002', N_TOP, TOP_RATE, 0.1)
        top_counts = top.wait()
        busy = (cpu_seconds(self.tandem.pid) - cpu_s) / (time.time() - began)
        self.assertEqual(held.counts().current, N_HELD)  # all the time
        held_counts = held.wait()
        time.sleep(AFTERMATH_S)
        after_kib = rss_kib(self.tandem.pid)
        called_counts = self.called.finish()
        self.tandem.stop()

        n_again = sum(each.retransmissions for each in (held_counts, top_counts, called_counts))
        tap.figure(f'{N_HELD:,} calls held, signalling only; {TOP_RATE} calls/s on top '
                   f'for {TOP_S} s', f'{n_again} messages sent again by sipp')
        tap.figure('memory idle, held, a held call, a minute after the last',
                   f'{idle_kib / 1024:.0f} MiB, {held_kib / 1024:.0f} MiB, '
                   f'{(held_kib - idle_kib) / N_HELD:.1f} KiB, {after_kib / 1024:.0f} MiB')
        tap.figure('CPU with them on top', f'{busy * 100:.0f} % of a core')
        self.assertEqual((held_counts.successful, held_counts.failed), (N_HELD, 0))
        self.assertEqual((top_counts.successful, top_counts.failed), (N_TOP, 0))
        self.assertEqual((called_counts.successful, called_counts.failed), (N_HELD + N_TOP, 0))
        self.check_records(N_HELD + N_TOP)

    def check_records(self, n_calls):
        records = self.records()
        for kind in ('START', 'STOP'):
            self.assertEqual((len(records[kind]), records[kind].total()), (n_calls, n_calls), kind)
        self.assertEqual(records['ATTEMPT'].total(), 0)
        tap.figure('both sipps and the records', f'{n_calls:,} calls; none lost, none doubled')


if __name__ == '__main__':
    tap.main()
