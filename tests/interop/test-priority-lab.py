#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The laboratory of etc/profiles/priority-lab.conf does what docs/priority.md says, and the number that tells a
user of a priority service what class his calls have (PRI-105)."""

import configparser
import csv
import os
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, branch, description, field  # noqa: E402
from peers.case import ROOT, PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem, csv_records  # noqa: E402

REPORT, ACCESS, DESTINATION = '9196', '7106274387', '8105550100'


class LabCase(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.agency = Agent(self, self.port, 'agency', '127.0.0.2')
        self.neighbour = Agent(self, self.port, 'neighbour', '127.0.0.3')
        self.carrier = Agent(self, self.port, 'carrier', '127.0.0.4')
        self.psap = Agent(self, self.port, 'psap', '127.0.0.5')
        self.tandem = Tandem(self, self.sections())

    def files(self):
        return [os.path.join(ROOT, 'etc', 'profiles', 'priority-lab.conf')]

    def sections(self):
        """The laboratory, on ports of this test."""
        moved = {'127.0.0.1:5060': f'127.0.0.1:{self.port}',
                 **{f'{agent.host}:5070': agent.address for agent in (self.carrier, self.psap)}}
        parser = configparser.ConfigParser(interpolation=None, comment_prefixes='#')
        parser.read(self.files(), encoding='utf-8')
        found = {name: dict(parser[name]) for name in parser.sections()}
        for keys in found.values():
            for key in keys:
                for there, here in moved.items():
                    keys[key] = keys[key].replace(there, here)
        return found

    def invite(self, agent, number, *marks):
        parties = {'From': f'<sip:{agent.user}@{agent.host}>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        agent.send(agent.request('INVITE', f'sip:{number}@127.0.0.1:{self.port}', parties, 1,
                                 description(ports.free_port(), agent.host), branch(),
                                 extra={'Resource-Priority': ', '.join(marks)} if marks else None))

    def reported(self, agent, *marks):
        self.invite(agent, REPORT, *marks)
        return field(agent.expect('SIP/2.0 200 '), 'X-Priority-Report')


class Laboratory(LabCase):
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


class Signed(LabCase):
    """Marks that must prove true: what contrib/priority-lab makes."""

    def files(self):
        folder = self.path('laboratory')
        made = subprocess.run([os.path.join(ROOT, 'contrib', 'priority-lab'), folder], text=True,
                              capture_output=True, timeout=30, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        return [os.path.join(folder, 'priority-lab.conf'),
                os.path.join(folder, 'conf.d', 'passport.conf')]

    def records(self, name='cdr-priority'):
        """Those in the file NAME, by trunk."""
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', name + '.csv')
        return {row['calling_trunk']: row for row in csv_records(path)}

    def test_pri_032_034_what_is_signed_counts(self):
        """9197 goes out signed, and comes in again by a trunk whose marks must be; 127.0.0.6 signs nothing."""
        unsigned = Agent(self, self.port, 'unsigned', '127.0.0.6')
        self.assertEqual(self.reported(unsigned, 'ets.0'), 'class=4;mark=none;learnt=default')
        self.tandem.process.wait_for(lambda: self.records('cdr'), 'the record')
        self.assertRegex(self.records('cdr')['unsigned']['signature'], '^428: ')
        self.invite(self.agency, '9197', 'ets.0')
        self.agency.expect('SIP/2.0 200 ')
        self.tandem.process.wait_for(lambda: {'agency', 'signed'} <= set(self.records()), 'records')
        self.assertEqual([(trunk, row['priority_class'], row['classified_by'], row['signature'])
                          for trunk, row in sorted(self.records().items())],
                         [('agency', '11', 'rph', ''), ('signed', '11', 'signature', 'valid: ets.0')])

    def test_a_laboratory_is_not_overwritten(self):
        folder = self.path('laboratory')
        again = subprocess.run([os.path.join(ROOT, 'contrib', 'priority-lab'), folder], text=True,
                               capture_output=True, timeout=30, check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn('has a laboratory', again.stderr)


class Named(LabCase):
    """Callers with a personal number, and telephones with a subscription: contrib/priority-lab, tandem-pin."""

    def files(self):
        folder = self.path('laboratory')
        subprocess.run([os.path.join(ROOT, 'contrib', 'priority-lab'), folder], check=True, timeout=30,
                       stdout=subprocess.DEVNULL)
        made = subprocess.run(
            [os.path.join(BUILD, 'modules', 'access', 'tandem-pin'), '-t', os.path.join(folder, 'pins.table'),
             '-g', 'ncs-0001', 'gets'], text=True, capture_output=True, timeout=30, check=True)
        self.pin = made.stdout.strip()
        return [os.path.join(folder, 'priority-lab.conf'), os.path.join(folder, 'conf.d', 'access.conf')]

    def type(self, agent, dialog, digits):
        for digit in digits:
            self.cseq += 1
            agent.send(agent.request('INFO', self.target, dialog, self.cseq, f'Signal={digit}\r\nDuration=100\r\n',
                                     content_type='application/dtmf-relay'))
            agent.expect('SIP/2.0 200')

    def name(self, agent, number):
        """A call to NUMBER, which asks: the carrier has what comes of it."""
        parties = {'From': f'<sip:{agent.user}@{agent.host}>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        agent.send(agent.request('INVITE', f'sip:{number}@127.0.0.1:{self.port}', parties, 1,
                                 description(ports.free_port(), agent.host), branch()))
        ok = agent.expect('SIP/2.0 200')
        self.target, self.cseq = field(ok, 'Contact').strip('<>'), 1
        dialog = {**parties, 'To': field(ok, 'To')}
        agent.send(agent.request('ACK', self.target, dialog, 1))
        self.type(agent, dialog, self.pin)
        self.tandem.process.wait_for(self.is_good, 'good number')
        self.type(agent, dialog, DESTINATION + '#')
        return self.carrier.expect(f'INVITE sip:{DESTINATION}@')

    def is_good(self):
        return any('"good"' in row['labels'] and row['value'] > 0
                   for row in self.tandem.ctl_json('metric', 'tandem_access_numbers_total'))

    def worth(self):
        call, = self.tandem.ctl_json('call', 'list')
        return call['class']

    def test_pri_046_number_is_asked_for(self):
        """The neighbour's telephone, whose marks would not count."""
        self.name(self.neighbour, ACCESS)
        self.assertEqual(self.worth(), 11)

    def test_pri_051_code_with_a_subscription(self):
        radio = Agent(self, self.port, 'radio', '127.0.0.7')
        self.invite(radio, '*272' + DESTINATION)
        self.carrier.expect(f'INVITE sip:{DESTINATION}@')
        self.assertEqual(self.worth(), 9)

    def test_pri_051_code_without(self):
        self.invite(self.neighbour, '*272' + DESTINATION)
        self.assertIn('Q.850;cause=50', field(self.neighbour.expect('SIP/2.0 500'), 'Reason'))

    def test_pri_110_code_before_the_access_number(self):
        """Both in one call: the subscription's class while it asks, the account's afterwards."""
        self.name(Agent(self, self.port, 'radio', '127.0.0.7'), '*272' + ACCESS)
        self.assertEqual(self.worth(), 11)


if __name__ == '__main__':
    tap.main()
