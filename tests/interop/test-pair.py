#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-077: two switches carry a route between them, offered twice what they can, and one of them is killed.
Calls with a priority get through all the same, of which the other one has place for all; of ordinary calls
most do not. A small crisis, by places: that of processing time is tests/bench/crisis."""

import os
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

PLACES, HOLD_MS = 5, 500             # of each switch: it carries 10 ordinary calls a second
ORDINARY_CPS, PRIORITY_CPS = 40, 5   # what is offered to both
PRIORITY_CALLS = 40                  # for eight seconds
KILL_AFTER = 12                      # of them


class Pair(PeerCase):
    """An exchange in front of two, east and west, which it tries in turn; behind them a carrier."""

    MARKED = {'rph-trust': 'accept', 'rph-accept': 'ets', 'rph-interface': '127.0.0.1'}

    def setUp(self):
        super().setUp()
        self.carrier = sipp.uas(self, timeout_s=60)
        self.ports = {name: ports.free_port() for name in ('front', 'east', 'west', 'agency', 'public')}
        self.nodes = {name: self.node(name) for name in ('east', 'west')}
        self.front = self.start('front', {
            'trunk agency': {'address': self.address('agency'), **self.MARKED},
            'trunk public': {'address': self.address('public')},
            'trunk pair': {'hunt': 'circular', 'probe': '1 s', 'probe-failures': '1'},
            'member east': {'trunk': 'pair', 'address': self.address('east')},
            'member west': {'trunk': 'pair', 'address': self.address('west')},
            'route pair': {'targets': 'pair'},
        })

    def address(self, name):
        return f'sip:127.0.0.1:{self.ports[name]}'

    def start(self, name, sections):
        return Tandem(self, {
            'tandem': {'node': name, 'lanes': 1, 'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'trunk', 'priority'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.ports[name]}', 'trace': 'no'},
            'call': {'media': 'through', 'no-response': '1 s', 'release-timeout': '2 s'},
            **sections})

    def node(self, name):
        return self.start(name, {
            'trunk front': {'address': self.address('front'), **self.MARKED},
            'trunk carrier': {'address': f'sip:{self.carrier.address}', 'capacity': PLACES,
                              'reserve-priority': '1 calls', 'queue': 20, 'queue-wait': '5 s'},
            'route carrier': {'targets': 'carrier'},
        })

    def offer(self, name, scenario, rate, n_calls, **options):
        return sipp.uac(self, f'127.0.0.1:{self.ports["front"]}', scenario=scenario, number='8001', rate=rate,
                        n_calls=n_calls, port=self.ports[name], timeout_s=60, notes_messages=True, **options)

    @staticmethod
    def calls(agent):
        """The Call-IDs of the calls that AGENT made, and of those that were answered."""
        made = {call for _, call, _, start in agent.messages('S') if start.startswith('INVITE ')}
        answered = {call for _, call, cseq, start in agent.received()
                    if start.startswith('SIP/2.0 200 ') and cseq.endswith('INVITE')}
        return made, answered

    def test_pri_077_one_of_a_pair_is_killed(self):
        public = self.offer('public', 'uac', ORDINARY_CPS, 10000, hold_ms=HOLD_MS)
        agency = self.offer('agency', 'priority-uac', PRIORITY_CPS, PRIORITY_CALLS, keys={'marks': 'ets.0'})
        self.front.process.wait_for(lambda: agency.counts().successful >= KILL_AFTER, 'calls under way')
        east = self.nodes['east'].process
        east.signal(signal.SIGKILL)
        east.wait(5)
        before = agency.counts()
        # One that east had answered, and not yet seen the end of, does not get there for long.
        self.front.process.wait_for(lambda: agency.counts().successful >= 0.9 * PRIORITY_CALLS,
                                    '90 % of the calls with a priority', 30)
        for caller in public, agency:
            caller.process.stop()
        ordinary, served = self.calls(public)
        made, answered = self.calls(agency)
        after = len(made) - before.successful - before.failed - before.current
        print(f'# {len(answered)} of {len(made)} calls with a priority answered, {after} of them made '
              f'after the loss; of ordinary ones {len(served)} of {len(ordinary)}')
        self.assertGreaterEqual(len(answered), 0.9 * len(made))
        self.assertGreaterEqual(after, PRIORITY_CALLS // 3)
        self.assertLess(len(served), 0.6 * len(ordinary))  # it was a crisis


if __name__ == '__main__':
    tap.main()
