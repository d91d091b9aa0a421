#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tandemd is killed in the middle of calls: what was told to a peer is on record, once, and each call that
was answered has an end there (BIL-002, BIL-012)."""

import collections
import csv
import os
import signal
import sqlite3
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

RATE = 100
CLEARING_S = 0.3
N_KILLS = int(os.environ.get('TANDEM_KILLS', '5'))


class Killed(PeerCase):
    """100 calls a second through a switch that is killed again and again."""

    def setUp(self):
        super().setUp()
        self.csv, self.database = self.path('cdr.csv'), self.path('cdr.sqlite')
        self.port, self.state = ports.free_port(), self.path('state')
        self.answered, self.ended = set(), set()  # Call-IDs, as the caller saw it
        os.mkdir(self.state)

    def start(self, called):
        return Tandem(self, {
            'modules': dict.fromkeys(('sip', 'route-table', 'cdr-file', 'cdr-sql'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept', 'trace': 'no'},
            'call': {'media': 'through'},
            'cdr-file': {'path': self.csv},
            'cdr-sql': {'path': self.database},
            'trunk called': {'address': f'sip:{called.address}'},
            'route all': {'targets': 'called'},
        }, environment={'TANDEM_STATE_DIR': self.state})

    def note(self, caller, killed_s):
        """What CALLER was told. A STOP is on record when the called party, too, has let go: of the
        last moment before the kill it is not expected."""
        for told_s, call, cseq, start in caller.received():
            if start.startswith('SIP/2.0 200 ') and cseq.endswith('INVITE'):
                self.answered.add(call)
            elif start.startswith('SIP/2.0 200 ') and told_s < killed_s - CLEARING_S:
                self.ended.add(call)

    def kill_once(self, called):
        tandem = self.start(called)
        caller = sipp.uac(self, f'127.0.0.1:{self.port}', number='8001', rate=RATE,
                          n_calls=10 * RATE, hold_ms=100, notes_messages=True)
        tandem.process.wait_for(lambda: caller.counts().successful > RATE // 2, 'calls')
        time.sleep(0.001 * (os.getpid() % 50))
        killed_s = time.time()
        tandem.process.signal(signal.SIGKILL)
        tandem.process.wait(10)
        caller.process.stop()
        self.note(caller, killed_s)

    def test_what_was_told_is_on_record_once(self):
        called = sipp.uas(self, timeout_s=110)
        for _ in range(N_KILLS):
            self.kill_once(called)
        self.start(called).stop()
        with open(self.csv, encoding='utf-8', newline='') as file:
            rows = list(csv.DictReader(file))
        self.check([(row['record'], row['calling_peer_id']) for row in rows])
        self.check_ends([(row['cause_text'], int(row['duration_us'])) for row in rows
                         if row['record'] == 'STOP'])
        with sqlite3.connect(self.database) as database:
            self.check(database.execute('SELECT record, calling_peer_id FROM records').fetchall())
            self.check_ends(database.execute(
                "SELECT cause_text, duration_us FROM records WHERE record = 'STOP'").fetchall())

    def check(self, records):
        counts = collections.Counter(records)
        print(f'# {len(self.answered)} answered, {len(self.ended)} ended, {len(records)} records')
        self.assertGreater(len(self.ended), N_KILLS * RATE // 2)
        self.assertEqual({key for key, n in counts.items() if n > 1}, set())
        self.assertEqual({call for call in self.answered if ('START', call) not in counts}, set())
        self.assertEqual({call for call in self.ended if ('STOP', call) not in counts}, set())
        began, over = ({call for record, call in counts if record == wanted}
                       for wanted in ('START', 'STOP'))
        self.assertEqual(began - over, set())

    def check_ends(self, stops):
        """Of the calls that were up when it was killed it is said so, and no more than they lasted."""
        lasted = [duration for text, duration in stops if text == 'Node failure']
        print(f'# {len(lasted)} of {len(stops)} calls were up when it was killed')
        self.assertGreater(len(lasted), 0)
        self.assertTrue(all(0 <= duration < 5e6 for duration in lasted), lasted)


if __name__ == '__main__':
    tap.main()
