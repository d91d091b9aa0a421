#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The laboratory of etc/profiles/priority-lab.conf does what docs/priority.md says, and the number that tells a
user of a priority service what class his calls have (PRI-105)."""

import csv
import os
import re
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, branch, description, field  # noqa: E402
from peers.case import ROOT, PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

REPORT = '9196'


class Laboratory(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.agency = Agent(self, self.port, 'agency', '127.0.0.2')
        self.neighbour = Agent(self, self.port, 'neighbour', '127.0.0.3')
        self.carrier = Agent(self, self.port, 'carrier', '127.0.0.4')
        self.psap = Agent(self, self.port, 'psap', '127.0.0.5')
        with open(os.path.join(ROOT, 'etc', 'profiles', 'priority-lab.conf'), encoding='utf-8') as file:
            text = file.read()
        text = re.sub(r'(127\.0\.0\.1):5060', rf'\1:{self.port}', text)
        for agent in self.carrier, self.psap:
            text = text.replace(f'{agent.host}:5070', agent.address)
        self.tandem = Tandem(self, text)

    def invite(self, agent, number, *marks):
        parties = {'From': f'<sip:{agent.user}@{agent.host}>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        agent.send(agent.request('INVITE', f'sip:{number}@127.0.0.1:{self.port}', parties, 1,
                                 description(ports.free_port(), agent.host), branch(),
                                 extra={'Resource-Priority': ', '.join(marks)} if marks else None))

    def reported(self, agent, *marks):
        self.invite(agent, REPORT, *marks)
        return field(agent.expect('SIP/2.0 200 '), 'X-Priority-Report')

    def by_sipp(self):
        """As the page says."""
        counts = sipp.call(self, f'127.0.0.1:{self.port}', scenario='priority-uac', host='127.0.0.2',
                           number=REPORT, keys={'marks': 'ets.0'})
        self.assertEqual((counts.successful, counts.failed), (1, 0))

    def test_pri_105_class_is_reported(self):
        self.assertEqual(self.reported(self.agency, 'ets.0'), 'class=11;mark=ets.0;learnt=rph')
        self.assertEqual(self.reported(self.agency, 'wps.4', 'ets.3'), 'class=8;mark=ets.3;learnt=rph')
        self.assertEqual(self.reported(self.agency), 'class=4;mark=none;learnt=default')
        self.assertEqual(self.reported(self.neighbour, 'ets.0'), 'class=4;mark=none;learnt=default')

    def test_pri_105_report_is_on_record(self):
        self.by_sipp()
        self.tandem.stop()
        folder = os.path.join(self.tandem.folder, 'state', 'cdr-file')
        for name, classes in ('cdr', []), ('cdr-priority', ['11', '11']):  # START and STOP
            with open(os.path.join(folder, name + '.csv'), newline='', encoding='utf-8') as file:
                self.assertEqual([row['priority_class'] for row in csv.DictReader(file)], classes)

    def test_a_call_with_a_priority_waits_for_the_place(self):
        self.invite(self.neighbour, '8001')
        invite = self.carrier.expect('INVITE ')
        self.invite(self.neighbour, '8002')
        self.neighbour.expect('SIP/2.0 503 ')
        self.invite(self.agency, '8003', 'ets.2')
        self.agency.expect('SIP/2.0 100 ')
        self.agency.expect('SIP/2.0 182 ')
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        self.assertEqual(field(self.carrier.expect('INVITE '), 'Resource-Priority'), 'ets.2')

    def test_a_call_for_help_goes_to_the_psap(self):
        self.invite(self.neighbour, '112')
        self.psap.expect('INVITE ')


if __name__ == '__main__':
    tap.main()
