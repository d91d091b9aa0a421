#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Memory after a busy time: a thousand anchored calls leave nothing behind, again and again."""

import os
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.process import rss_kib  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

N_CALLS, RATE, ROUNDS = 1000, 150, 3
# Four for each call, and a tenth more: some are kept for calls with a priority ([rtp] port-reserve).
N_PORTS = 4400
# A transaction outlives its call by 32 s (RFC 3261 17.2.2); tandemd looks at its heap every 10 s.
AFTERMATH_S = 50


class Memory(PeerCase):
    def test_is_given_back_after_each_busy_time(self):
        port, called_port, media = ports.free_port(), ports.free_port(), ports.free_range(N_PORTS, 2)
        tandem = Tandem(self, {
            'modules': {'sip': 'required', 'rtp': 'required', 'route-table': 'required'},
            'call': {'media': 'anchor'},
            'sip': {'listen': f'udp:127.0.0.1:{port}', 'strangers': 'accept',
                    'trace': 'no'},  # the ring for traces fills up once, and stays
            'rtp': {'address': '127.0.0.1', 'first-port': media, 'last-port': media + N_PORTS - 1},
            'trunk called': {'address': f'sip:127.0.0.1:{called_port}'},
            'route all': {'targets': 'called'},
        })
        idle = rss_kib(tandem.pid)
        called = sipp.uas(self, port=called_port, timeout_s=600)
        after = []
        for _ in range(ROUNDS):
            caller = sipp.uac(self, f'127.0.0.1:{port}', number='8001', n_calls=N_CALLS, rate=RATE,
                              hold_ms=N_CALLS * 1000 // RATE + 2000, timeout_s=120)
            counts = caller.wait()
            self.assertEqual((counts.successful, counts.failed), (N_CALLS, 0))
            time.sleep(AFTERMATH_S)
            after.append(rss_kib(tandem.pid))
        tap.figure(f'{ROUNDS} times {N_CALLS:,} anchored calls: memory idle, '
                   f'{AFTERMATH_S} s after each', f'{idle} KiB, {", ".join(map(str, after))} KiB')
        self.assertEqual(called.finish().failed, 0)
        self.assertLess(max(after), idle + 4096)
        tandem.stop()


if __name__ == '__main__':
    tap.main()
