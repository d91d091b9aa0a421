#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Disks that are full, read-only or broken for a while: calls go on, phones are told that their
registration is not stored, and no record is lost."""

import collections
import os
import sqlite3
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import disk, ports, sipp  # noqa: E402
from peers.agent import Agent, authorization, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem, csv_records  # noqa: E402

N_CALLS = 60


class Disks(PeerCase):
    def setUp(self):
        super().setUp()
        if not MAY_MOUNT:
            self.lack('NO MOUNTING in a namespace of our own: what happens on a bad disk is NOT '
                      'tested')

    def start(self, folder):
        self.csv, self.database = (os.path.join(folder, name) for name in ('cdr.csv', 'cdr.sqlite'))
        self.port, self.called = ports.free_port(), sipp.uas(self, timeout_s=90)
        self.ann = Agent(self, self.port, 'ann')
        self.answered = set()
        self.n_registers = 0
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'registrar', 'cdr-file',
                                      'cdr-sql'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'call': {'media': 'through'},
            'registrar': {'domains': '127.0.0.1',
                          'database': os.path.join(folder, 'contacts.sqlite')},
            'user ann': {'password': 'secret'},
            'cdr-file': {'path': self.csv},
            'cdr-sql': {'path': self.database},
            'trunk called': {'address': f'sip:{self.called.address}'},
            'route all': {'targets': 'called'},
        })

    def place_calls(self):
        caller = sipp.uac(self, f'127.0.0.1:{self.port}', number='8001', rate=100, n_calls=N_CALLS,
                          notes_messages=True)
        counts = caller.wait()
        self.assertEqual((counts.successful, counts.failed), (N_CALLS, 0))
        self.answered |= {call for _, call, _, start in caller.received() if ' 200 ' in start}

    def register(self):
        """The status that ann's phone gets."""
        uri, extra = 'sip:127.0.0.1', {}
        parties = {'From': f'<{uri.replace(":", ":ann@", 1)}>;tag=1',
                   'To': f'<{uri.replace(":", ":ann@", 1)}>', 'Call-ID': 'register'}
        for _ in range(2):
            self.n_registers += 1
            self.ann.send(self.ann.request('REGISTER', uri, parties, self.n_registers, extra=extra))
            response = self.ann.expect('SIP/2.0 ')
            if status_of(response) != 401:
                break
            extra = dict([authorization(response, 'REGISTER', uri, 'ann',
                                        'secret').split(': ', 1)])
        return status_of(response)

    def read_csv(self):
        """(what names a record, record, Call-ID) of each."""
        return [(tuple(row[key] for key in ('node', 'boot', 'call', 'sequence', 'time')),
                 row['record'], row['calling_peer_id']) for row in csv_records(self.csv)]

    def read_database(self):
        with sqlite3.connect(self.database) as database:
            rows = database.execute('SELECT node, boot, call, sequence, time, record, '
                                    'calling_peer_id FROM records').fetchall()
            self.assertEqual(database.execute('PRAGMA integrity_check').fetchone(), ('ok',))
        return [(row[:5], row[5], row[6]) for row in rows]

    def check_records(self, may_be_doubled=False):
        """Each call has its START and its STOP."""
        expected = {(record, call) for call in self.answered for record in ('START', 'STOP')}
        for place, records in ((self.csv, self.read_csv()), (self.database, self.read_database())):
            if not may_be_doubled:
                self.assertEqual(len(records), len(set(records)), place)
            counts = collections.Counter((record, call) for _, record, call in set(records))
            self.assertEqual(expected - set(counts), set(), f'not in {place}')
            self.assertEqual(set(counts) - expected, set(), f'in {place}, and not answered')
            self.assertEqual({key for key, n in counts.items() if n > 1}, set(), place)

    def wait_for_advice(self, advice):
        """Both have failed by now, and say ADVICE."""
        for name in ('cdr.csv', 'cdr.sqlite'):
            self.tandem.process.wait_for(
                lambda name=name: any(name in line and advice in line for line in
                                      self.tandem.process.output().splitlines()), advice)

    def wait_until_stored(self):
        self.tandem.process.wait_for(
            lambda: self.tandem.process.output().count('facts are stored again') == 2,
            'end of the failure', 20)

    def test_full(self):
        place = disk.Disk(self, self.path('disk'), '3m')
        self.start(place.path)
        self.place_calls()
        self.assertEqual(self.register(), 200)
        place.fill()
        self.place_calls()
        self.assertEqual(self.register(), 500)
        self.wait_for_advice('make room')
        place.empty()
        self.assertEqual(self.register(), 200)
        self.wait_until_stored()
        self.place_calls()
        self.tandem.stop()
        self.check_records()

    def test_read_only(self):
        place = disk.Disk(self, self.path('disk'), '3m')
        self.start(place.path)
        self.place_calls()
        self.assertEqual(self.register(), 200)
        place.forbid()
        self.place_calls()
        self.assertEqual(self.register(), 500)
        self.wait_for_advice('mount')
        place.allow()
        self.assertEqual(self.register(), 200)
        self.wait_until_stored()
        self.place_calls()
        self.tandem.stop()
        self.check_records()

    def test_broken_disk_tells_the_truth(self):
        """What it says it has brought to the disk is there, also where half of it is."""
        below = disk.Disk(self, self.path('below'), '1m')
        image = os.path.join(below.path, 'image')
        with open(image, 'wb') as file:
            file.write(b'o' * disk.PAGE_BYTES)
            file.truncate(1 << 20)
        try:
            loop = disk.Loop(image)
        except OSError as error:
            self.lack(f'NO LOOP DEVICE: {error}: whether a broken disk lies is NOT tested')
        self.addCleanup(loop.give_back, loop.detach)
        below.fill()
        with open(loop.device, 'r+b', buffering=0) as device:
            device.write(b'n' * 2 * disk.PAGE_BYTES)
            with self.assertRaises(OSError):
                os.fsync(device)

    def test_broken(self):
        """What was written and not brought to the disk is written once more."""
        place = disk.FailingDisk(self, self.path('disk'), '12m')
        self.start(place.path)
        self.place_calls()
        self.assertEqual(self.register(), 200)
        place.break_down()
        self.place_calls()
        self.wait_for_advice('cannot be ')
        self.assertEqual(self.register(), 500)
        self.tandem.process.wait_for(place.take_off, 'end of the use of the disk')
        place.mend()
        self.wait_until_stored()
        self.assertEqual(self.register(), 200)
        self.place_calls()
        self.tandem.stop()
        self.check_records(may_be_doubled=True)


if __name__ == '__main__':
    MAY_MOUNT = disk.enter_namespace()
    tap.main()
