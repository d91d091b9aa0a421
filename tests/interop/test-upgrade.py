#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Modules come and go while sipp calls sipp through Tandem: no call is lost."""

import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

RATE = 50
SECONDS = int(os.environ.get('TANDEM_LOAD_S', '8'))


class UnderLoad(PeerCase):
    """50 calls a second, each held for half a second, while the test does something to modules."""

    def setUp(self):
        super().setUp()
        self.called = sipp.uas(self, timeout_s=SECONDS + 40)
        self.port = ports.free_port()
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'echo', 'codec-g711'),
                                     'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'call': {'media': 'through'},
            'trunk called': {'address': f'sip:{self.called.address}'},
            'route all': {'targets': 'called'},
        })
        self.calling = sipp.uac(self, f'127.0.0.1:{self.port}', number='8001', rate=RATE,
                                n_calls=RATE * SECONDS, hold_ms=500, timeout_s=SECONDS + 30)

    def is_calling(self):
        return self.calling.process.status is None

    def change(self, *words):
        status, _, errors = self.tandem.ctl(*words, timeout_s=60)
        self.assertEqual((status, errors), (0, ''))

    def check_nothing_lost(self):
        counts = self.calling.wait()
        self.assertEqual((counts.successful, counts.failed), (RATE * SECONDS, 0))
        self.assertEqual(self.called.finish().failed, 0)

    def generations(self, name):
        return [row for row in self.tandem.ctl_json('module', 'list') if row['module'] == name]

    def test_sip_is_upgraded(self):
        n_upgrades = 0
        while self.is_calling() and n_upgrades < 20:
            self.change('module', 'upgrade', 'sip')
            n_upgrades += 1
            time.sleep(0.2)
        self.check_nothing_lost()
        self.assertGreaterEqual(n_upgrades, 5)
        self.tandem.process.wait_for(lambda: len(self.generations('sip')) == 1,
                                     'the old builds are gone', 60)
        self.assertEqual(self.generations('sip')[0]['generation'], n_upgrades + 1)
        self.tandem.stop()

    def test_routes_are_upgraded_and_reloaded(self):
        n_upgrades = 0
        while self.is_calling() and n_upgrades < 40:
            self.change('module', 'upgrade', 'route-table')
            self.change('config', 'reload')
            n_upgrades += 1
        self.check_nothing_lost()
        self.assertGreaterEqual(n_upgrades, 10)
        self.tandem.stop()

    def test_modules_beside_come_and_go(self):
        n_cycles = 0
        while self.is_calling() and n_cycles < 100:
            self.change('module', 'unload', 'echo')
            self.change('module', 'load', 'echo')
            n_cycles += 1
        self.check_nothing_lost()
        self.assertGreaterEqual(n_cycles, 20)
        self.tandem.stop()


if __name__ == '__main__':
    tap.main()
