#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A trunk group of several peers, over real sockets: whose calls are the trunk's, who is tried, and who
is known to be there."""

import os
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import TIMEOUT_S, Agent, Call, branch, description  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402


class Member(Agent):
    """A peer that answers OPTIONS while it is alive; what else comes is for the test."""

    is_alive = True

    def receive(self, timeout_s=TIMEOUT_S):
        while (message := super().receive(timeout_s)) and message.startswith('OPTIONS '):
            if self.is_alive:
                self.answer(message, 200, 'o')
        return message


class Trunks(PeerCase):
    """ann is on a trunk of her own; east and west are members of the trunk "pair"."""

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.ann = Agent(self, self.port, 'ann')
        self.east = Agent(self, self.port, 'east')
        self.west = Agent(self, self.port, 'west')
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table'), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse'},
            'call': {'media': 'through', 'no-response': '1 s'},
            'trunk ann': {'address': f'sip:{self.ann.address}'},
            'trunk pair': {},
            'member east': {'trunk': 'pair', 'address': f'sip:{self.east.address}'},
            'member west': {'trunk': 'pair', 'address': f'sip:{self.west.address}'},
            'route to-ann': {'prefix': '7', 'targets': 'ann'},
            'route to-pair': {'prefix': '8', 'targets': 'pair'},
        })

    def call(self, agent, number):
        self.parties = {'From': f'<sip:{agent.user}@127.0.0.1>;tag=f', 'To': f'<sip:{number}@x>',
                        'Call-ID': uuid.uuid4().hex}
        agent.send(agent.request('INVITE', f'sip:{number}@127.0.0.1:{self.port}', self.parties, 1,
                                 description(9), branch()))

    def test_member_that_refuses_is_followed_by_the_next(self):
        self.call(self.ann, '8001')
        self.east.answer(self.east.expect('INVITE '), 503, 'e')
        self.east.expect('ACK ')
        self.west.answer(self.west.expect('INVITE '), 200, 'w', description(9))
        self.ann.expect('SIP/2.0 200 ')
        self.west.expect('ACK ')

    def test_file_that_was_cut_off_takes_no_trunk_away(self):
        """Nor is it taken for good, until somebody means it; and then a call that is up goes on."""
        call = Call(self.ann, self.east)
        with open(self.tandem.config, encoding='utf-8') as file:
            whole = file.read()
        for left, reason in (('', r'tandem\.conf: the file is empty, and .* \d+ sections of it'),
                             (whole[:whole.index('[trunk')], r'tandem\.conf: no section \[trunk')):
            self.tandem.rewrite(left)
            for words in ('check', 'reload'):
                status, _, errors = self.tandem.ctl('config', words)
                self.assertNotEqual(status, 0)
                self.assertRegex(errors, reason)
            self.tandem.reload()
            self.tandem.process.wait_for_output('stays as it was')
            self.call(self.ann, '8001')
            self.east.answer(self.east.expect('INVITE '), 486, 'e')
            self.east.expect('ACK ')
            self.ann.expect('SIP/2.0 486 ')
        self.assertEqual(self.tandem.ctl('config', 'reload', '--force')[0], 0)
        self.call(self.ann, '8001')
        self.ann.expect('SIP/2.0 403 ')
        call.hang_up()

    def test_member_that_is_silent_is_followed_by_the_next(self):
        self.call(self.ann, '8001')
        self.east.expect('INVITE ')
        self.west.answer(self.west.expect('INVITE '), 200, 'w', description(9))
        self.ann.expect('SIP/2.0 200 ')

    def test_busy_is_not_asked_for_twice(self):
        self.call(self.ann, '8001')
        self.east.answer(self.east.expect('INVITE '), 486, 'e')
        self.ann.expect('SIP/2.0 486 ')
        self.assertEqual(self.west.drain(), [])

    def test_calls_of_every_member_are_the_trunk_s(self):
        for member in self.east, self.west:
            self.call(member, '7001')
            invite = self.ann.expect('INVITE ')
            call = self.tandem.ctl_json('call', 'list')[0]
            self.assertEqual((call['from'], call['to']), ('pair', 'ann'))
            self.ann.answer(invite, 486, 'a')
            member.expect('SIP/2.0 486 ')
            self.ann.expect('ACK ')

    def test_who_is_no_member_is_a_stranger(self):
        mallory = Agent(self, self.port, 'mallory')
        self.call(mallory, '7001')
        mallory.expect('SIP/2.0 403 ')

    def test_calls_come_after_reloads_too(self):
        for _ in range(3):
            self.call(self.ann, '8001')
            self.east.answer(self.east.expect('INVITE '), 486, 'e')
            self.ann.expect('SIP/2.0 486 ')
            self.east.expect('ACK ')
            self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)

    def test_route_test_says_which_route_and_why(self):
        answer = self.tandem.ctl_json('route', 'test', '8001', '--trunk', 'ann')
        self.assertEqual((answer['route'], answer['targets'][0]['trunk']), ('to-pair', 'pair'))
        self.assertEqual(answer['steps'][0], {
            'step': 'prefix',
            'what': '"8" is the longest one that "8001" begins with: [route to-pair]'})


class Probes(PeerCase):
    """As above, with members that are asked every second whether they are there (ROU-006)."""

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.ann = Agent(self, self.port, 'ann')
        self.east = Member(self, self.port, 'east')
        self.west = Member(self, self.port, 'west')
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'trunk'), 'required'),
            # Without an answer a transaction ends after 64 times t1.
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse',
                    't1': '20 ms'},
            'call': {'media': 'through'},
            'trunk ann': {'address': f'sip:{self.ann.address}'},
            'trunk pair': {'probe': '1 s', 'probe-failures': 1},
            'member east': {'trunk': 'pair', 'address': f'sip:{self.east.address}'},
            'member west': {'trunk': 'pair', 'address': f'sip:{self.west.address}'},
            'route to-pair': {'prefix': '8', 'targets': 'pair'},
        })

    call = Trunks.call

    def wait_for(self, state):
        """Both members do what they do until EAST is in STATE."""
        def is_so():
            self.east.drain()
            self.west.drain()
            east, west = self.tandem.ctl_json('trunk', 'show', 'pair')['members_in_detail']
            self.assertEqual(west['state'], 'in-service')
            return east['state'] == state
        self.tandem.process.wait_for(is_so, f'"{state}" of east', timeout_s=20)

    def test_calls_avoid_a_member_that_died_until_it_is_back(self):
        self.east.is_alive = False
        self.wait_for('unreachable')
        self.call(self.ann, '8001')
        self.west.answer(self.west.expect('INVITE '), 486, 'w')
        self.ann.expect('SIP/2.0 486 ')
        self.assertEqual(self.east.drain(), [])
        self.east.is_alive = True
        self.wait_for('in-service')
        self.call(self.ann, '8001')
        self.east.answer(self.east.expect('INVITE '), 486, 'e')


if __name__ == '__main__':
    tap.main()
