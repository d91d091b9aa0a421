#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Public emergency calls over the wire: whoever makes one gets through, to the PSAP that is his, with the
location that he sent (PRI-090 to PRI-095)."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, Call, authorization, branch, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem, csv_records  # noqa: E402
from peers.web import Server, response  # noqa: E402

SCHEMA = os.path.join(HERE, 'lost-question.rng')
LOST_TYPE = 'application/lost+xml'

# Lines as no printer of ours would write them: they are to arrive as they are.
PIDF = ('<?xml version="1.0" encoding="UTF-8"?>\r\n'
        '<presence  xmlns="urn:ietf:params:xml:ns:pidf"\r\n\t'
        'xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" entity=\'pres:ann@example.com\'>\r\n'
        '<tuple id="a"><status><gp:geopriv><gp:location-info>\n'
        '<Point xmlns="http://www.opengis.net/gml" srsName="urn:ogc:def:crs:EPSG::4326">'
        '<pos>32.86726   -97.16054</pos></Point>\n</gp:location-info>'
        '<gp:usage-rules/></gp:geopriv></status></tuple></presence>\r\n\r\n')
PIDF_HEAD = ('Content-Type:application/pidf+xml ;charset="utf-8"\r\n'
             'Content-Disposition: render; handling=optional\r\n'
             'Content-ID: <there@example.com>\r\nX-Odd:  kept\r\n')

MAPPING = ('<?xml version="1.0" encoding="UTF-8"?>\n'
           '<findServiceResponse xmlns="urn:ietf:params:xml:ns:lost1">'
           '<mapping expires="{expires}" lastUpdated="2026-01-01T00:00:00Z" '
           'source="lost.example" sourceId="1"><displayName xml:lang="en">Town</displayName>'
           '<service>urn:service:sos</service><uri>{uri}</uri><serviceNumber>911</serviceNumber>'
           '</mapping><path><via source="lost.example"/></path><locationUsed id="caller"/>'
           '</findServiceResponse>')


def parts(sdp, pidf=PIDF, head=PIDF_HEAD):
    """A multipart body, and its type."""
    body = (f'--xyz\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n'
            f'--xyz\r\n{head}\r\n{pidf}\r\n--xyz--\r\n')
    return body, 'multipart/mixed;boundary=xyz'


class Emergency(PeerCase):
    modules = ('cli', 'sip', 'registrar', 'route-table', 'http', 'emergency', 'congestion', 'trunk')

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.ann = Agent(self, self.port, 'ann')  # nobody knows her
        self.pbx = Agent(self, self.port, 'pbx')
        self.psap = Agent(self, self.port, 'psap')
        self.other = Agent(self, self.port, 'other')
        self.carrier = Agent(self, self.port, 'carrier')

    def start(self, emergency=None, without=(), **sections):
        modules = [name for name in self.modules if name not in without]
        config = {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(modules, 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'challenge'},
            'registrar': {'domains': '127.0.0.1', 'database': self.path('contacts.db')},
            'call': {'media': 'through'},
            'user alice': {'password': 'secret'},
            'trunk pbx': {'address': f'sip:{self.pbx.address}'},
            'trunk psap': {'address': f'sip:{self.psap.address}'},
            'trunk other': {'address': f'sip:{self.other.address}'},
            'trunk carrier': {'address': f'sip:{self.carrier.address}'},
            'route all': {'targets': 'carrier'},
        }
        if 'emergency' not in without:
            config |= {
                'emergency': {'region': 'here', 'fallback': 'town', **(emergency or {})},
                'emergency-region here': {'numbers': ['112', '110 police']},
                'emergency-psap town': {'trunks': ['psap', 'other']},
            }
        tandem = Tandem(self, config | {name.replace('_', ' '): keys
                                        for name, keys in sections.items()})
        # A PSAP here falls silent once it has been called, and is waited for at an orderly end.
        self.addCleanup(tandem.process.signal, signal.SIGKILL)
        return tandem

    def invite(self, agent, uri, body='', extra=None, **options):
        parties = {'From': f'<sip:{agent.user}@127.0.0.1>;tag=f', 'To': f'<{uri}>',
                   'Call-ID': uuid.uuid4().hex}
        message = agent.request('INVITE', uri, parties, 1, body or description(9), branch(),
                                extra, **options)
        agent.send(message)
        return message

    def dial(self, agent, number, *arguments, **options):
        return self.invite(agent, f'sip:{number}@127.0.0.1:{self.port}', *arguments, **options)

    # --- PRI-094: whoever it is

    def test_stranger_is_not_challenged(self):
        """PRI-094: a phone that is not registered calls for help; for all else it is challenged."""
        self.start()
        self.dial(self.ann, '112')
        self.psap.expect('INVITE sip:112@')
        self.dial(self.ann, '5550100')
        self.ann.expect('SIP/2.0 407 ')

    def test_stranger_is_challenged_without_the_module(self):
        """PRI-094, switched off."""
        self.start(without=('emergency',))
        self.dial(self.ann, '112')
        self.ann.expect('SIP/2.0 407 ')

    def test_stranger_is_challenged_where_the_operator_wants_it(self):
        self.start(emergency={'strangers': 'no'})
        self.dial(self.ann, '112')
        self.ann.expect('SIP/2.0 407 ')

    def test_strangers_leave_places_for_others(self):
        """PRI-094: so many of them are let in at a time; one more must prove who he is, until there are fewer."""
        tandem = self.start(emergency={'strangers-calls': '1 calls'})
        self.dial(self.ann, '112')
        first = self.psap.expect('INVITE sip:112@')
        alice = Agent(self, self.port, 'alice')
        uri = self.dial(alice, '112').split(' ')[1]
        name, value = authorization(alice.expect('SIP/2.0 407 '), 'INVITE', uri, 'alice', 'secret').split(': ', 1)
        self.invite(alice, uri, extra={name: value})
        second = self.psap.expect('INVITE sip:112@')
        self.dial(self.pbx, '112')  # a trunk's are not counted
        self.psap.expect('INVITE sip:112@')
        self.assertIn('\ntandem_emergency_strangers 2\n', tandem.ctl('metric', '--prometheus')[1])
        for invite in first, second:
            self.psap.answer(invite, 486, 'x')
            self.psap.expect('ACK ')
            self.other.answer(self.other.expect('INVITE sip:112@'), 486, 'x')
            self.other.expect('ACK ')
        self.ann.expect('SIP/2.0 600 ')
        alice.expect('SIP/2.0 600 ')
        self.dial(Agent(self, self.port, 'carl'), '112')
        self.psap.expect('INVITE sip:112@')

    def test_full_places_are_told_once(self):
        """PRI-094: each look at the INVITE of one who must prove who he is is no news."""
        tandem = self.start(emergency={'strangers-calls': '1 calls'})
        self.dial(self.ann, '112')
        self.psap.expect('INVITE sip:112@')
        alice = Agent(self, self.port, 'alice')
        self.invite(alice, 'urn:service:sos')
        alice.expect('SIP/2.0 407 ')
        self.assertEqual(tandem.process.output().count('code=emergency.strangers'), 1)

    def test_refused_strangers_call_for_help(self):
        """PRI-094: a barred line is one that is refused whatever it calls."""
        self.start(sip={'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'refuse'})
        self.dial(self.ann, '5550100')
        self.ann.expect('SIP/2.0 403 ')
        self.dial(self.ann, '112')
        self.psap.expect('INVITE sip:112@')

    def test_missing_proof_does_not_refuse_it(self):
        """PRI-033, PRI-094: marks that must prove true, and do not, cost other calls of the trunk the call."""
        self.modules += 'priority', 'passport'
        self.start(trunk_pbx={'address': f'sip:{self.pbx.address}', 'rph-trust': 'validate',
                              'rph-accept': 'ets', 'rph-unproven': 'refuse'})
        marks = {'Resource-Priority': 'ets.0'}
        self.dial(self.pbx, '5550100', extra=marks)
        self.pbx.expect('SIP/2.0 428 ')
        self.dial(self.pbx, '112', extra=marks)
        self.psap.expect('INVITE sip:112@')

    def test_congestion_does_not_refuse_it(self):
        """PRI-094: at MC3, and with a gap and a block on the code."""
        tandem = self.start()
        for words in (('congestion', 'set', 'MC3'), ('control', 'set', 'block', '--code', '11'),
                      ('control', 'set', 'cancel-to', '--trunk', 'psap')):
            self.assertEqual(tandem.ctl(*words)[0], 0)
        self.dial(self.pbx, '5550100')
        self.pbx.expect('SIP/2.0 503 ')
        self.dial(self.pbx, '112')
        self.psap.expect('INVITE sip:112@')

    def test_whole_call_by_sipp(self):
        """PRI-094: ten strangers, from INVITE to BYE."""
        called = sipp.uas(self)
        self.start(trunk_psap={'address': f'sip:{called.address}'})
        caller = sipp.uac(self, f'127.0.0.1:{self.port}', number='112', n_calls=10)
        self.assertTrue(caller.wait().is_clean)

    # --- PRI-090: URNs

    def test_service_goes_out_as_it_came(self):
        """PRI-090; RFC 6443 9.2: the URN stays, the way is a Route."""
        self.start()
        self.invite(self.ann, 'URN:service:SOS.fire')
        invite = self.psap.expect('INVITE urn:service:sos.fire SIP/2.0')
        self.assertEqual(field(invite, 'Route'), f'<sip:{self.psap.address};lr>')
        self.assertEqual(field(invite, 'To'), '<urn:service:sos.fire>')
        self.psap.answer(invite, 486, 'x')
        ack = self.psap.expect('ACK urn:service:sos.fire SIP/2.0')
        self.assertEqual(field(ack, 'Route'), field(invite, 'Route'))
        self.other.expect('INVITE urn:service:sos.fire SIP/2.0')

    def test_number_as_people_write_it(self):
        """PRI-090; RFC 3966 4: what stands between the digits of a telephone number means nothing."""
        self.start()
        for uri in 'tel:1-1-2;phone-context=+49', 'sip:1.1(2)@127.0.0.1;user=phone', 'sip:%31%31%32@127.0.0.1':
            with self.subTest(uri):
                self.invite(self.ann, uri)
                self.psap.expect('INVITE sip:112')

    def test_long_service_is_no_reason_to_refuse(self):
        """PRI-090: what is odd at its end leaves its parent."""
        self.start()
        self.invite(self.ann, 'urn:service:sos.fire.' + 'x' * 3000)
        self.psap.expect('INVITE urn:service:sos.fire SIP/2.0')

    def test_service_is_called_by_a_number(self):
        """PRI-095: a PSAP behind a trunk that knows numbers alone."""
        self.start(**{'emergency-psap town': {'trunks': 'psap', 'send': '5550911'}})
        self.invite(self.pbx, 'urn:service:sos')
        self.psap.expect('INVITE sip:5550911@')

    def test_other_services_are_not_known(self):
        """RFC 3261 8.2.2.1."""
        self.start()
        for uri in ('urn:service:counseling', 'urn:isbn:1', 'news:x'):
            self.invite(self.pbx, uri)
            self.pbx.expect('SIP/2.0 416 ')

    def test_service_is_not_known_without_the_module(self):
        """PRI-090, switched off."""
        self.start(without=('emergency',))
        self.invite(self.pbx, 'urn:service:sos')
        self.pbx.expect('SIP/2.0 416 ')
        self.dial(self.pbx, '112')
        self.carrier.expect('INVITE sip:112@')

    def test_test_call_is_no_call_for_help(self):
        """PRI-052: it is asked who it is, and told that nobody tests here."""
        self.start()
        self.invite(self.ann, 'urn:service:test.sos')
        self.ann.expect('SIP/2.0 407 ')
        self.invite(self.pbx, 'urn:service:test.sos')
        self.pbx.expect('SIP/2.0 488 ')

    # --- PRI-092, PRI-093: location

    GEOLOCATION = {'Geolocation': '<cid:there@example.com>;inserted-by="a, b" , '
                                  '<https://ls.example.com/9?x=y>',
                   'Geolocation-Routing': 'yes;odd="1"'}

    def expect_location(self, psap):
        body, kind = parts(description(9))
        self.dial(self.pbx, '112', body, self.GEOLOCATION, content_type=kind)
        invite = psap.expect('INVITE ')
        for name, value in self.GEOLOCATION.items():
            self.assertIn(f'\r\n{name}: {value}\r\n', invite)
        self.assertIn(f'\r\n{PIDF_HEAD}\r\n{PIDF}\r\n--', invite)
        self.assertRegex(field(invite, 'Content-Type'), '^multipart/mixed;')

    def test_location_arrives_byte_for_byte(self):
        """PRI-092: the header fields, the part's head and its body."""
        self.start()
        self.expect_location(self.psap)

    def test_location_of_an_ordinary_call_arrives_byte_for_byte(self):
        """PRI-092: of whatever is called."""
        self.start(without=('emergency',))
        self.expect_location(self.carrier)

    def send_bad(self, number, extra=None, **options):
        body, kind = parts(description(9), **options)
        self.dial(self.pbx, number, body, extra or {'Geolocation': '<cid:elsewhere@example.com>'},
                  content_type=kind)

    def test_bad_location_of_an_ordinary_call(self):
        """PRI-093; RFC 6442 4.3, 4.4."""
        self.start(emergency={'bad-location': 'refuse'})
        for options in ({}, {'extra': {'Geolocation': 'here'}},
                        {'extra': self.GEOLOCATION | {'Geolocation': '<cid:there@example.com>'},
                         'pidf': '<presence/>'}):
            self.send_bad('5550100', **options)
            refusal = self.pbx.expect('SIP/2.0 424 ')
            self.assertEqual(field(refusal, 'Geolocation-Error'),
                             '100;code="Cannot Process Location"')
        self.send_bad('5550100', self.GEOLOCATION)
        self.carrier.expect('INVITE ')

    def test_bad_location_of_an_emergency_call(self):
        """PRI-093: it goes on."""
        self.start(emergency={'bad-location': 'refuse'})
        self.send_bad('112')
        self.psap.expect('INVITE sip:112@')

    def test_bad_location_is_passed_on_by_default(self):
        self.start()
        self.send_bad('5550100')
        self.carrier.expect('INVITE ')

    # --- PRI-112: who calls

    ANONYMOUS = {'Privacy': 'id', 'P-Asserted-Identity': '<sip:+4989123@carrier.example>'}

    def test_psap_is_shown_who_calls(self):
        """PRI-112: though he asks not to be, and with what his trunk asserts of him."""
        self.start()
        self.dial(self.pbx, '112', extra=self.ANONYMOUS)
        invite = self.psap.expect('INVITE sip:112@')
        self.assertRegex(field(invite, 'From'), '^<sip:pbx@')
        self.assertEqual(field(invite, 'P-Asserted-Identity'),
                         self.ANONYMOUS['P-Asserted-Identity'])
        self.assertEqual(field(invite, 'Privacy'), '')

    def test_stranger_asserts_nothing_of_himself(self):
        """RFC 3325 5."""
        self.start()
        self.dial(self.ann, '112', extra=self.ANONYMOUS)
        self.assertEqual(field(self.psap.expect('INVITE '), 'P-Asserted-Identity'), '')

    def test_others_are_not_shown_who_calls(self):
        self.start()
        self.dial(self.pbx, '5550100', extra=self.ANONYMOUS)
        invite = self.carrier.expect('INVITE ')
        self.assertRegex(field(invite, 'From'), 'anonymous.invalid')
        self.assertEqual(field(invite, 'P-Asserted-Identity'), '')

    # --- PRI-095: callbacks

    CALLBACK = {'Priority': 'psap-callback'}
    KNOWN = {'trunks': ['psap', 'other'], 'callback-interface': '127.0.0.1'}

    def test_callback_of_a_psap(self):
        """PRI-095; RFC 7090 4: marked, by a PSAP's trunk, it is not refused; the mark goes on."""
        tandem = self.start(**{'emergency-psap town': self.KNOWN})
        self.assertEqual(tandem.ctl('congestion', 'set', 'MC3')[0], 0)
        self.dial(self.psap, '5550100', extra=self.CALLBACK)
        invite = self.carrier.expect('INVITE sip:5550100@')
        self.assertEqual(field(invite, 'Priority'), 'psap-callback')

    def test_callback_by_the_trunk_that_is_named(self):
        """PRI-095"""
        tandem = self.start(**{'emergency-psap town': {**self.KNOWN, 'callback-trunks': 'other'}})
        self.assertEqual(tandem.ctl('congestion', 'set', 'MC3')[0], 0)
        self.dial(self.other, '5550100', extra=self.CALLBACK)
        self.carrier.expect('INVITE sip:5550100@')
        self.dial(self.psap, '5550100', extra=self.CALLBACK)
        self.psap.expect('SIP/2.0 503 ')

    def is_no_callback(self, agent, town):
        """RFC 7090 5.3: who cannot be verified loses the mark, and the call is an ordinary one."""
        tandem = self.start(**{'emergency-psap town': town})
        self.dial(agent, '5550100', extra={'Priority': 'urgent\r\nPriority: PSAP-Callback'})
        invite = self.carrier.expect('INVITE sip:5550100@')
        self.assertEqual(re.findall('(?m)^Priority: (.*)\r$', invite), ['urgent'])
        self.assertEqual(tandem.ctl_json('call', 'list')[0]['class'], 4)
        tandem.process.wait_for_output("the mark of a PSAP's callback is taken away")
        self.assertEqual(tandem.ctl('congestion', 'set', 'MC3')[0], 0)
        self.dial(agent, '5550100', extra=self.CALLBACK)
        agent.expect('SIP/2.0 503 ')

    def test_callback_of_somebody_else(self):
        """PRI-095: by a trunk that is no PSAP's."""
        self.is_no_callback(self.pbx, self.KNOWN)

    def test_callback_by_a_trunk_that_a_psap_overflows_to(self):
        """PRI-095: a neighbour is asked for help, and not believed."""
        self.is_no_callback(self.other, self.KNOWN)

    def test_callback_in_a_datagram(self):
        """PRI-095: anybody can write the PSAP's address into one."""
        self.is_no_callback(self.psap, {'trunks': 'psap'})

    def test_callback_to_another_interface(self):
        """PRI-095"""
        self.is_no_callback(self.psap, {'trunks': 'psap', 'callback-interface': '127.0.0.2'})

    def test_nobody_takes_it(self):
        """The call that must not fail has failed: it is in the log, and counted."""
        tandem = self.start()
        self.dial(self.pbx, '112')
        for psap in (self.psap, self.other):
            psap.answer(psap.expect('INVITE '), 503, 'x')
            psap.expect('ACK ')
        self.pbx.expect('SIP/2.0 5')
        tandem.process.wait_for_output('no PSAP has taken the emergency call of pbx')

    # --- PRI-094: features

    HOLD = description(9, version=2) + 'a=sendonly\r\n'

    def call_for_help(self, number='112', callee=None, **options):
        self.start(**options)
        call = Call(self.pbx, callee or self.psap, number)
        return call

    def test_caller_cannot_hold_the_psap(self):
        """PRI-094; RFC 6443 13: and the call goes on."""
        call = self.call_for_help()
        for body in (self.HOLD, self.HOLD.replace('sendonly', 'inactive'),
                     description(9, '0.0.0.0', version=2)):
            call.from_a('INVITE', body)
            refusal = self.pbx.expect('SIP/2.0 488 ')
            self.pbx.send(self.pbx.request('ACK', call.target_a, call.dialog_a, call.cseq_a,
                                           transaction=re.search('branch=([^;]*)', refusal).group(1)))
        call.from_a('INFO')
        self.pbx.expect('SIP/2.0 200 ')
        self.assertEqual([message for message in self.psap.drain() if message.startswith('INVITE')], [])

    def holds(self, call, holder, held):
        sender = call.from_a if holder is call.a else call.from_b
        sender('INVITE', self.HOLD)
        invite = held.expect('INVITE ')
        self.assertIn('a=sendonly', invite)
        held.answer(invite, 200, '', description(9, version=2) + 'a=recvonly\r\n')
        held.expect('ACK ')
        self.assertIn('a=recvonly', holder.expect('SIP/2.0 200 '))

    def test_psap_holds_the_caller(self):
        call = self.call_for_help()
        self.holds(call, self.psap, self.pbx)

    def test_caller_holds_where_the_operator_allows_it(self):
        call = self.call_for_help(emergency={'caller-hold': 'yes'})
        self.holds(call, self.pbx, self.psap)

    def test_others_are_held(self):
        call = self.call_for_help('5550100', self.carrier)
        self.holds(call, self.pbx, self.carrier)

    # --- PRI-100: records

    def test_record_says_how_it_was_known(self):
        """PRI-100: by its number, or by its URN."""
        tandem = self.start(modules=dict.fromkeys((*self.modules, 'cdr-file'), 'required'))
        for n_calls, (uri, how) in enumerate(((f'sip:112@127.0.0.1:{self.port}', 'number'),
                                              ('urn:service:sos.fire', 'sos')), 1):
            self.invite(self.pbx, uri)
            for psap in (self.psap, self.other):
                psap.answer(psap.expect('INVITE '), 503, 'x')
                psap.expect('ACK ')
            path = os.path.join(tandem.folder, 'state', 'cdr-file', 'cdr.csv')
            rows = []
            tandem.process.wait_for(
                lambda: rows.extend(csv_records(path)[len(rows):]) or
                sum(row['record'] != 'START' for row in rows) == n_calls, f'{n_calls} records')
            self.assertEqual({name: rows[-1][name] for name in ('name_space', 'priority_class',
                                                                'classified_by', 'classified_stage')},
                             {'name_space': 'sos', 'priority_class': '12', 'classified_by': how,
                              'classified_stage': 'early'})

    # --- PRI-091: LoST

    def ask_lost(self, answer, **options):
        """A switch that asks the server that ANSWER makes."""
        self.lost = Server(self, answer)
        return self.start(emergency={'lost-servers': self.lost.url + '/lost', 'lost-budget': '3 s',
                                     'lost-trunk': 'other', **options})

    def map_to(self, uri, expires='2100-01-01T00:00:00Z'):
        return lambda *_: response(MAPPING.format(uri=uri, expires=expires).encode(),
                                   media_type=LOST_TYPE)

    def judge_questions(self):
        """What the server was asked is as the RFC has it: each (header fields, body)."""
        for _, headers, body in self.lost.requests:
            judge = subprocess.run(
                [self.need('xmllint'), '--noout', '--relaxng', SCHEMA, '-'], input=body,
                capture_output=True, timeout=30, check=False)
            self.assertEqual((judge.returncode, judge.stderr.decode()), (0, '- validates\n'))
            self.assertEqual(headers['content-type'], LOST_TYPE)
            self.assertEqual(headers['cache-control'], 'no-cache')
        return [(headers, body.decode()) for _, headers, body in self.lost.requests]

    def test_server_that_dns_decides_about_is_warned_of(self):
        """PRI-091: where, why, and what to do; at a start and at a reload. It is no mistake."""
        tandem = self.start(emergency={'lost-servers': [
            'http://10.0.0.1:9', 'http://[::1]:9', 'http://localhost:9/lost', 'https://lost.invalid/lost',
            'http://lost.invalid:9/lost']})
        self.assertRegex(tandem.process.output(),
                         r'warning emergency lost-servers: \S+tandem\.conf:\d+:\d+: \[emergency\] lost-servers: '
                         r'.*http://lost\.invalid.* forged answer of DNS .*write https:, or the server.s address')
        self.assertEqual(tandem.process.output().count('forged answer'), 1)
        self.assertEqual(tandem.ctl('config', 'reload')[0], 0)
        self.assertEqual(tandem.process.output().count('forged answer'), 2)

    def calls_ask(self, questions):
        """A call with a location for each of QUESTIONS, the number of those the server has been asked by then."""
        for n_asked in questions:
            self.send_here()
            self.other.expect('INVITE urn:service:sos SIP/2.0')
            self.assertEqual(len(self.lost.requests), n_asked)

    def test_mapping_is_kept_until_it_expires(self):
        """PRI-091; RFC 5222 5.2: at the time that the server said, and not before."""
        expires_s = int(time.time()) + 2
        uri, asked_s = f'sip:town@{self.other.address}', []

        def answer(*_):
            asked_s.append(time.time())
            return self.map_to(uri, time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(expires_s)))()

        tandem = self.ask_lost(answer)
        for _ in range(2):
            self.send_here()
            self.other.expect('INVITE urn:service:sos SIP/2.0')
        tandem.process.wait_for(lambda: time.time() >= expires_s, 'the end of the mapping')
        n_before = len(asked_s)
        self.send_here()
        self.other.expect('INVITE urn:service:sos SIP/2.0')
        self.assertEqual(len(asked_s), n_before + 1)
        self.assertGreaterEqual(asked_s[1], expires_s)

    def test_what_kinds_of_mappings_are_kept(self):
        """PRI-091; RFC 5222 5.2: NO-EXPIRATION for good; not NO-CACHE, and one that has expired only for the
        time when no server answers."""
        uri = f'sip:town@{self.other.address}'
        self.ask_lost(self.map_to(uri, 'NO-CACHE'))
        self.calls_ask((1, 2))
        self.lost.answer = lambda *_: response(b'{}')
        self.send_here()
        self.psap.expect('INVITE sip:112@')
        self.lost.answer = self.map_to(uri, '2001-01-01T00:00:00Z')
        self.calls_ask((4, 5))
        self.lost.answer = lambda *_: response(b'{}')
        self.calls_ask((6, 7))
        self.lost.answer = self.map_to(uri, 'NO-EXPIRATION')
        self.calls_ask((8, 8))

    def test_callers_location_decides(self):
        """PRI-091: the point that came in the INVITE is what the server is asked about, once."""
        uri = f'sip:town@{self.other.address}'
        self.ask_lost(self.map_to(uri))
        for _ in range(2):
            body, kind = parts(description(9))
            self.dial(self.ann, '112', body, self.GEOLOCATION, content_type=kind)
            invite = self.other.expect('INVITE urn:service:sos SIP/2.0')
            self.assertEqual(field(invite, 'Route'), f'<{uri};lr>')
        (_, question), = self.judge_questions()
        self.assertIn('>32.867260 -97.160540<', question)

    def test_lines_location_decides(self):
        """PRI-091: a civic address that is provisioned; the URI is a PSAP's."""
        self.lost = Server(self, self.map_to('sip:town@example.com'))
        self.start(emergency={'lost-servers': self.lost.url}, **{
            'emergency-location home': {'trunks': 'pbx', 'users': 'pbx',
                                        'civic': ['country DE', 'A3 Munich & <Co>', 'HNO 6']},
            'emergency-psap munich': {'trunks': 'other', 'uris': 'sip:town@example.com',
                                      'send': 'urn'}})
        self.dial(self.pbx, '110')
        self.other.expect('INVITE urn:service:sos.police SIP/2.0')
        (_, question), = self.judge_questions()
        self.assertIn('<A3>Munich &amp; &lt;Co&gt;</A3>', question)
        self.assertIn('<service>urn:service:sos.police</service>', question)

    def test_silent_server_costs_no_more_than_the_budget(self):
        """PRI-091: the call goes on before the server has said a word, and the next one asks nobody. (What
        the budget is to the millisecond is tested on the fake clock.)"""
        self.lost = Server(self, lambda *_: self.lost.is_over.wait() and None)
        tandem = self.start(emergency={'lost-servers': self.lost.url},
                            **{'emergency-location home': {'users': 'pbx', 'point': '1 2'}})
        for _ in range(2):
            self.dial(self.pbx, '112')
            self.psap.expect('INVITE sip:112@')
            self.assertEqual({row['labels']: row['value'] for row in tandem.ctl_json(
                'metric', 'tandem_emergency_lost_questions_total') if row['value']},
                {'outcome="lost"': 1})
        self.assertEqual(len(self.lost.requests), 1)

    def test_nonsense_of_a_server(self):
        """PRI-091: whatever a server says, the call goes on."""
        self.ask_lost(None)
        for answer in (response(b'<a', media_type=LOST_TYPE), response(b'{}'),
                       response(b'<!DOCTYPE a><a/>', media_type=LOST_TYPE),
                       self.map_to('sip:a@b', 'tomorrow')(), self.map_to('sip:x y')(),
                       self.map_to('tel:911')(), response(b'', '500 No')):
            with self.subTest(answer=answer[-60:]):
                self.lost.answer = lambda *_, said=answer: said
                self.send_here()
                self.psap.expect('INVITE sip:112@')
        self.assertEqual(len(self.lost.requests), 7)

    def send_here(self):
        body, kind = parts(description(9))
        self.dial(self.pbx, '112', body, self.GEOLOCATION, content_type=kind)

    def test_server_goes_away_while_asked(self):
        def leave(*_):
            return None
        self.ask_lost(leave)
        self.send_here()
        self.psap.expect('INVITE sip:112@')

    # --- Configuration

    def test_mistakes(self):
        """Each is found before anything runs."""
        for keys, said in (
                ({'emergency': {'fallback': ''}}, 'name the [emergency-psap]'),
                ({'emergency-region here': {'numbers': '110 counseling!'}}, 'no emergency service'),
                ({'emergency-region here': {'numbers': 'help'}}, 'begin with a number'),
                ({'emergency-psap town': {'trunks': 'psap', 'send': 'x'}}, 'neither called'),
                ({'emergency-location x': {'users': 'a', 'point': '100 0'}}, 'is no latitude'),
                ({'emergency-location x': {'point': '1 2'}}, 'say who is there'),
                ({'emergency': {'fallback': 'town', 'lost-servers': 'lost.example'}},
                 'is no server'),
                ({'emergency': {'fallback': 'town', 'priority-codes': '9-1'}}, 'is no code')):
            with self.subTest(said=said):
                config = {
                    'modules': {'emergency': 'required'},
                    'trunk psap': {'address': 'sip:127.0.0.1:9'},
                    'emergency': {'fallback': 'town'},
                    'emergency-psap town': {'trunks': 'psap'}, **keys}
                tandem = Tandem(self, config, arguments=['--check-config'], is_awaited=False)
                self.assertEqual(tandem.process.wait(20), 78)
                self.assertIn(said, tandem.process.tail())


if __name__ == '__main__':
    tap.main()
