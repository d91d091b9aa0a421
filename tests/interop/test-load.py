#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sipp calls sipp through two lanes, over each transport: no call is lost, and each has its records,
once, also when what writes them is upgraded meanwhile."""

import collections
import json
import os
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
SECONDS = int(os.environ.get('TANDEM_LOAD_S', '5'))
N_CALLS = RATE * SECONDS
ENVELOPE = ('node', 'boot', 'call', 'sequence', 'time')


class Load(PeerCase):
    """100 calls a second, each held for 300 ms."""
    HOST = '127.0.0.1'
    TRANSPORT = 'udp'

    def setUp(self):
        super().setUp()
        port = ports.free_port()
        options = {'host': self.HOST, 'transport': self.TRANSPORT[0] + '1',
                   'timeout_s': SECONDS + 40}
        self.called = sipp.uas(self, **options)
        self.file, self.database = self.path('records.jsonl'), self.path('records.db')
        address = f'{self.called.address};transport={self.TRANSPORT}'
        self.tandem = Tandem(self, {
            'tandem': {'lanes': 2},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'cdr-file', 'cdr-sql'),
                                     'required'),
            'sip': {'listen': f'{self.TRANSPORT}:{self.HOST}:{port}', 'strangers': 'accept'},
            'call': {'media': 'through'},
            'cdr-file': {'path': self.file, 'format': 'json'},
            'cdr-sql': {'path': self.database},
            'trunk called': {'address': f'sip:{address}'},
            'route all': {'targets': 'called'},
        })
        self.calling = sipp.uac(self, f'{self.HOST}:{port}', number='8001', rate=RATE,
                                n_calls=N_CALLS, hold_ms=300, **options)

    def finish_calls(self):
        counts = self.calling.wait()
        self.assertEqual((counts.successful, counts.failed), (N_CALLS, 0))
        self.assertEqual(self.called.finish().failed, 0)

    def file_records(self):
        with open(self.file, encoding='utf-8') as file:
            rows = [json.loads(line) for line in file]
        return [(row['record'], *(row[name] for name in ENVELOPE)) for row in rows]

    def database_records(self):
        with sqlite3.connect(self.database) as database:
            return database.execute(
                f'SELECT record, {", ".join(ENVELOPE)} FROM records').fetchall()

    def assert_complete(self, records):
        """START and STOP of every call, nothing twice."""
        self.assertEqual(collections.Counter(record[0] for record in records),
                         {'START': N_CALLS, 'STOP': N_CALLS})
        self.assertEqual(len(set(records)), len(records))
        self.assertEqual(len({(record[0], record[3]) for record in records}), len(records))

    def assert_lanes_shared(self, records):
        """Lane 0 and lane 1 had a fair part each; the second field of a call's id says which."""
        lanes = collections.Counter(record[3].split('-')[1] for record in records)
        self.assertEqual(sorted(lanes), ['00', '01'])
        self.assertGreater(min(lanes.values()), len(records) // 4)

    def run_load(self):
        self.finish_calls()
        self.tandem.stop()
        self.assert_complete(self.file_records())
        self.assert_complete(self.database_records())
        self.assert_lanes_shared(self.file_records())


class OverUdp(Load):
    def test_calls_and_records(self):
        self.run_load()

    def upgrade_while_calling(self, name):
        n_upgrades = 0
        while self.calling.process.status is None and n_upgrades < 15:
            status, _, errors = self.tandem.ctl('module', 'upgrade', name, timeout_s=60)
            self.assertEqual((status, errors), (0, ''))
            n_upgrades += 1
            time.sleep(0.2)
        self.run_load()
        self.assertGreaterEqual(n_upgrades, 5)

    def test_cdr_file_is_upgraded(self):
        self.upgrade_while_calling('cdr-file')

    def test_cdr_sql_is_upgraded(self):
        self.upgrade_while_calling('cdr-sql')


class OverTcp(Load):
    TRANSPORT = 'tcp'

    def test_calls_and_records(self):
        self.run_load()


class OverUdpSix(Load):
    HOST = '[::1]'

    def test_calls_and_records(self):
        self.run_load()


class OverTcpSix(Load):
    HOST = '[::1]'
    TRANSPORT = 'tcp'

    def test_calls_and_records(self):
        self.run_load()


if __name__ == '__main__':
    tap.main()
