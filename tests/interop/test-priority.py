#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Resource-Priority on the wire: what marks are worth, what is answered to them, and what goes out
(RFC 4412). Each test bears the number of what it proves; docs/priority.md has them all.

With TANDEM_TEST_PRIORITY=off the switch has no module priority, and these tests fail."""

import os
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import TIMEOUT_S, Call, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.certificates import Authority  # noqa: E402
from peers.kamailio import Kamailio  # noqa: E402
from peers.priority import Caller, PriorityCase, Recorded, marked, values  # noqa: E402
from peers.tandem import Tandem, csv_records  # noqa: E402
from peers.web import Server, response  # noqa: E402

ORDINARY = 4
ACCEPTED = 'ets.4, ets.3, ets.2, ets.1, ets.0, wps.4'


class Marks(PriorityCase):
    """What comes in."""

    def test_pri_001_lists_and_cases(self):
        for marks in (('ets.0, wps.4',), ('ets.0', 'wps.4'), ('ETS.0,\r\n wps.4',)):
            priority_class, out = self.goes_out(self.agency, *marks)
            self.assertEqual(priority_class, 11)
            self.assertEqual([value.lower() for value in out], ['ets.0', 'wps.4'])

    def test_pri_001_what_cannot_be_read_is_refused(self):
        for marks in ('', 'ets', 'ets.0.0', ', '.join(f'x{n}.1' for n in range(1000))):
            self.agency.invite(extra=marked(marks))
            self.agency.refused(400)
        self.assertEqual(self.carrier.drain(), [])

    def test_pri_001_names_and_values_of_any_length(self):
        """What is not understood is not touched, however long it is."""
        for odd in 'x' * 10240 + '.1', 'ets.' + '0' * 10240, 'x.' + 'y' * 10240:
            marks = odd if odd.startswith('ets') else f'{odd}, ets.0'
            priority_class, out = self.goes_out(self.agency, marks)
            self.assertEqual((priority_class, ', '.join(out)),
                             (ORDINARY if odd.startswith('ets') else 11, marks))

    def test_pri_001_more_fields_than_anybody_writes(self):
        self.agency.invite(extra=marked(*(f'x{n}.1' for n in range(1000))))
        self.agency.expect('SIP/2.0 400 ')
        self.assertEqual(self.goes_out(self.agency, *(f'x{n}.1' for n in range(60)), 'ets.0')[0], 11)

    def test_pri_005_marks_that_contradict_each_other(self):
        """Whatever else a message says, the highest mark that may be used counts, and no other."""
        for marks, more, expected in (
                ('ets.0, wps.4, dsn.routine', {}, 403),
                ('ets.4, wps.4', {'Priority': 'non-urgent'}, 7),
                ('wps.4, ets.0', {'Priority': 'emergency', 'Accept-Resource-Priority': 'wps.4'}, 11),
                ('ets.0, ets.0', {}, 400),
                ('ets.4', {'Require': 'resource-priority', 'Proxy-Require': 'resource-priority'}, 7),
                ('esnet.4', {'Require': 'resource-priority'}, 403)):
            if expected < 16:
                self.assertEqual(self.goes_out(self.agency, marks, **more)[0], expected)
            else:
                self.agency.invite(extra=marked(marks, **more))
                self.agency.refused(expected)

    def test_pri_002_namespace_twice(self):
        self.agency.invite(extra=marked('ets.0, wps.4', 'ETS.1'))
        self.agency.refused(400)

    def test_pri_004_005_highest_value_wins(self):
        for marks, priority_class in (('ets.0', 11), ('ets.4', 7), ('wps.4, ets.1', 10),
                                      ('ets.3, wps.4', 8)):
            self.assertEqual(self.goes_out(self.agency, marks)[0], priority_class)

    def test_pri_006_nothing_understood(self):
        self.assertEqual(self.goes_out(self.agency, 'strange.1, ets.7'),
                         (ORDINARY, ['strange.1', 'ets.7']))
        self.assertEqual(self.goes_out(self.neighbour, 'strange.1'), (ORDINARY, ['strange.1']))
        self.assertEqual(self.judged('unknown'), 2)

    def test_pri_007_nothing_understood_but_required(self):
        self.agency.invite(extra=marked('strange.1', Require='resource-priority'))
        self.assertEqual(', '.join(values(self.agency.refused(417), 'Accept-Resource-Priority')),
                         ACCEPTED)
        self.neighbour.invite(extra=marked('strange.1', Require='resource-priority'))
        response = self.neighbour.refused(417)
        self.assertEqual(values(response, 'Accept-Resource-Priority'), [])

    def test_pri_007_whoever_is_not_trusted_is_offered_nothing(self):
        """Each value is worth more than an ordinary call, and none would do: the list has none of them, not
        even the lowest (RFC 4412 4.6.2: "enumerating the acceptable resource values")."""
        shown = self.tandem.ctl_json('priority', 'namespaces')
        lowest = [f"{row['namespace']}.{row['values'].split()[0].split(':')[0]}" for row in shown]
        self.assertIn('dsn.routine', lowest)
        for caller in self.neighbour, Caller(self, self.port, 'stranger'):
            for marks in 'strange.1', 'dsn.routine', ', '.join(lowest):
                with self.subTest(caller=caller.user, marks=marks):
                    response = caller.ask('OPTIONS', marked(marks, Require='resource-priority'))
                    self.assertTrue(response.startswith('SIP/2.0 417 '), response)
                    self.assertEqual(values(response, 'Accept-Resource-Priority'), [])

    def test_pri_007_what_is_no_call_is_judged_as_well(self):
        required = {'Require': 'resource-priority'}
        for method in 'OPTIONS', 'REGISTER', 'SUBSCRIBE':
            for caller, accepted in (self.agency, ACCEPTED), (self.neighbour, ''):
                with self.subTest(method=method, caller=caller.user):
                    response = caller.ask(method, marked('strange.1', **required))
                    self.assertTrue(response.startswith('SIP/2.0 417 '), response)
                    self.assertEqual(', '.join(values(response, 'Accept-Resource-Priority')), accepted)
        for fields in marked('ets.0', **required), marked('strange.1'), required:
            self.assertTrue(self.agency.ask('OPTIONS', fields).startswith('SIP/2.0 200 '))

    def test_pri_007_required_and_understood(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.0', Require='resource-priority'),
                         (11, ['ets.0']))

    def test_pri_007_other_extensions_are_still_refused(self):
        self.agency.invite(extra=marked('ets.0', Require='resource-priority, x'))
        self.assertEqual(values(self.agency.refused(420), 'Unsupported'), ['x'])

    def test_pri_008_known_and_unknown(self):
        self.assertEqual(self.goes_out(self.agency, 'strange.1, ets.2, odd.x'),
                         (9, ['strange.1', 'ets.2', 'odd.x']))

    def test_pri_009_010_options(self):
        response = self.agency.ask('OPTIONS')
        self.assertEqual(', '.join(values(response, 'Accept-Resource-Priority')), ACCEPTED)
        self.assertEqual(values(response, 'Supported'), ['100rel', 'resource-priority'])
        for untrusted in self.neighbour, self.transit, Caller(self, self.port, 'stranger'):
            response = untrusted.ask('OPTIONS')
            self.assertIsNone(values(response, 'Accept-Resource-Priority'))
            self.assertEqual(values(response, 'Supported'), ['100rel', 'resource-priority'])

    def test_pri_011_030_trust_none(self):
        self.assertEqual(self.goes_out(self.neighbour, 'ets.0, strange.1'),
                         (ORDINARY, ['strange.1']))
        self.assertEqual(self.goes_out(self.neighbour, 'ets.0'), (ORDINARY, None))
        self.neighbour.invite(extra=marked('ets.0', Require='resource-priority'))
        self.neighbour.refused(417)

    def raised(self):
        return [(row['alarm'], row['object']) for row in self.tandem.ctl_json('alarm', 'list')]

    def test_pri_102_refused_again_and_again(self):
        """403 to the agency, 417 to the neighbour: each by itself is an alarm with the tenth."""
        raised = []
        for name, status, fields in (('agency', 403, marked('wps.0')),
                                     ('neighbour', 417, marked('ets.0', Require='resource-priority'))):
            for _ in range(9):
                getattr(self, name).invite(extra=fields)
                getattr(self, name).refused(status)
            self.assertEqual(self.raised(), raised)
            getattr(self, name).invite(extra=fields)
            getattr(self, name).refused(status)
            raised.append(('priority-refused', f'trunk="{name}",way="in"'))
            self.assertEqual(self.raised(), raised)

    def test_pri_011_030_stranger(self):
        stranger = Caller(self, self.port, 'stranger')
        self.assertEqual(self.goes_out(stranger, 'ets.0'), (ORDINARY, None))

    def test_pri_011_030_trust_pass(self):
        self.assertEqual(self.goes_out(self.transit, 'ets.0'), (ORDINARY, ['ets.0']))
        self.assertEqual(self.judged('passed'), 1)

    def test_pri_011_beyond_the_list(self):
        self.agency.invite(extra=marked('wps.0'))
        self.agency.refused(403)
        self.assertEqual(self.carrier.drain(), [])

    def test_pri_012_message_and_subscribe(self):
        for method in 'MESSAGE', 'SUBSCRIBE':
            for marks, status in (('ets.0, ets.1', 400), ('wps.0', 403), ('ets.0', 405)):
                response = self.agency.ask(method, marked(marks))
                self.assertEqual(int(response.split()[1]), status)
            response = self.agency.ask(method, marked('strange.1', Require='resource-priority'))
            self.assertEqual(int(response.split()[1]), 417)

    def test_pri_043_class_survives_route_advance(self):
        self.agency.invite(extra=marked('ets.0'))
        self.carrier.answer(self.carrier.expect('INVITE '), 503, 'c')
        self.carrier.expect('ACK ')
        invite = self.other.expect('INVITE ')
        self.assertEqual((self.call_in_hand()['class'], values(invite)), (11, ['ets.0']))

    def test_pri_012_responses_have_no_mark(self):
        """The header field stands in requests only (RFC 4412 3.3)."""
        self.agency.invite(extra=marked('ets.0'))
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 180, 'c')
        responses = [self.agency.expect('SIP/2.0 100 '), self.agency.expect('SIP/2.0 180 ')]
        self.carrier.answer(invite, 486, 'c')
        responses.append(self.agency.refused(486))
        for response in responses:
            self.assertIsNone(values(response))
        self.assertEqual(self.judged('accepted'), 1)


class Survives(PriorityCase):
    """What a call goes through with its class (PRI-043)."""

    MORE = {'route translated': {'prefix': '6', 'targets': 'carrier', 'strip': 1, 'prepend': '+1212'}}

    def test_pri_043_class_survives_translation(self):
        self.agency.invite('65550100', marked('ets.0'))
        invite = self.carrier.expect('INVITE ')
        self.assertTrue(invite.startswith('INVITE sip:+12125550100@'), invite)
        self.assertEqual((self.call_in_hand()['class'], values(invite)), (11, ['ets.0']))

    def test_pri_043_class_survives_a_redirection(self):
        """Of a target, for a cause that lets the call go on to the next one."""
        self.agency.invite(extra=marked('ets.0'))
        self.carrier.answer(self.carrier.expect('INVITE '), 302, 'c',
                            extra={'Contact': f'<sip:8001@{self.transit.address}>',
                                   'Reason': 'Q.850;cause=27'})
        self.carrier.expect('ACK ')
        invite = self.other.expect('INVITE ')
        self.assertEqual((self.call_in_hand()['class'], values(invite)), (11, ['ets.0']))
        self.assertEqual(self.transit.drain(), [])


class Dialogs(PriorityCase):
    """What comes within a call (PRI-012)."""

    CARRIER = {'rph-in-dialog': 'yes'}

    def call(self, *marks):
        call = Call(self.agency, self.carrier, extra=marked(*marks))
        self.addCleanup(self.tandem.process.stop)
        return call

    def test_pri_012_class_is_the_dialog_s(self):
        call = self.call('ets.0')
        call.from_a('INFO')
        self.agency.expect('SIP/2.0 200 ')
        self.assertEqual(self.call_in_hand()['class'], 11)
        call.from_a('BYE', extra=marked('wps.0'))  # whatever it says, it ends the call
        self.agency.expect('SIP/2.0 200 ')
        self.assertEqual(values(self.carrier.expect('BYE ')), ['ets.0'])

    def test_pri_012_trusted_mark_raises(self):
        call = self.call('ets.4')
        self.assertEqual(self.call_in_hand()['class'], 7)
        call.from_a('INFO', extra=marked('ets.1'))
        self.agency.expect('SIP/2.0 200 ')
        self.assertEqual(self.call_in_hand()['class'], 10)
        call.from_a('INFO', extra=marked('ets.4'))  # never lower
        self.agency.expect('SIP/2.0 200 ')
        self.assertEqual(self.call_in_hand()['class'], 10)

    def test_pri_012_mark_that_is_not_allowed_is_refused(self):
        call = self.call('ets.4')
        call.from_a('INFO', extra=marked('wps.0'))
        self.agency.expect('SIP/2.0 403 ')
        self.assertEqual(self.call_in_hand()['class'], 7)

    def refused(self):
        """How many requests were refused for their marks, by trunk and way."""
        rows = self.tandem.ctl_json('metric', 'tandem_priority_refused_total')
        return {row['labels']: row['value'] for row in rows if row['value'] > 0}

    def refuse_within(self, call):
        """B says 403 to an offer, and 417 to a digit."""
        call.from_a('INVITE', description(call.sound_a.port, version=3))
        self.carrier.answer(self.carrier.expect('INVITE '), 403)
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 4')
        self.agency.send(self.agency.request('ACK', call.target_a, call.dialog_a, call.cseq_a))
        call.from_a('INFO', 'Signal=5\r\nDuration=100\r\n', content_type='application/dtmf-relay')
        self.agency.expect('SIP/2.0 200 ')
        self.carrier.answer(self.carrier.expect('INFO '), 417)

    def test_pri_102_refused_within_a_call(self):
        """Marks of the call's own requests, here and there, count as an INVITE's; nothing does that has none."""
        self.refuse_within(self.call())
        self.assertEqual(self.refused(), {})
        call = self.call('ets.0')
        self.refuse_within(call)
        there = 'trunk="carrier",way="out"'
        self.tandem.process.wait_for(lambda: self.refused().get(there) == 2, 'both refusals')
        for method in 'INFO', 'UPDATE', 'INVITE':
            call.from_a(method, extra=marked('wps.0'))
            self.agency.expect('SIP/2.0 403 ')
        self.assertEqual(self.refused(), {there: 2, 'trunk="agency",way="in"': 3})

    def test_pri_012_untrusted_mark_does_nothing(self):
        call = self.call('ets.4')
        call.from_b('INFO', extra=marked('ets.0'))
        self.carrier.expect('SIP/2.0 200 ')
        self.assertEqual(self.call_in_hand()['class'], 7)


class Faults(PriorityCase):
    """Milder rules."""

    AGENCY = {**PriorityCase.AGENCY, 'rph-excess': 'downgrade'}
    PRIORITY = {'faulty': 'ignore', 'tell-accepted': 'no', 'serve': 'ets, wps, foo, esnet',
                'namespace': 'foo queue low:5 high:9'}

    def test_pri_002_faulty_is_ignored(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.0, ets.1'), (ORDINARY, None))

    def test_pri_003_unserved_namespace_is_unknown(self):
        self.assertEqual(self.goes_out(self.agency, 'dsn.flash'), (ORDINARY, ['dsn.flash']))
        table = self.tandem.ctl_json('priority', 'namespaces')
        self.assertEqual([row['namespace'] for row in table], ['ets', 'wps', 'esnet', 'foo'])

    def test_pri_007_accepted_is_not_told(self):
        self.agency.invite(extra=marked('strange.1', Require='resource-priority'))
        self.assertIsNone(values(self.agency.refused(417), 'Accept-Resource-Priority'))

    def test_pri_011_downgrade(self):
        self.assertEqual(self.goes_out(self.agency, 'wps.0, strange.1'), (ORDINARY, ['strange.1']))
        self.assertEqual(self.goes_out(self.agency, 'foo.high'), (ORDINARY, None))


class Ranked(PriorityCase):
    """What the marks are worth is data, which the configuration may change."""

    AGENCY = {**PriorityCase.AGENCY, 'rph-accept': 'ets, esnet'}
    PRIORITY = {'namespace': 'ets queue 4:5 3:6 2:7 1:8 0:9\nnamespace = esnet queue 0:10 1:11 2:12 3:13 4:14'}

    def test_pri_052_ranking_of_ones_own(self):
        for marks, priority_class in ('ets.0', 9), ('esnet.0, ets.0', 10), ('ets.0, esnet.4', 14):
            self.assertEqual(self.goes_out(self.agency, marks)[0], priority_class)
        self.config['priority'] = {}
        self.tandem.rewrite(self.config)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        for marks, priority_class in ('ets.0', 11), ('esnet.0, ets.0', 11):
            self.assertEqual(self.goes_out(self.agency, marks)[0], priority_class)


class Interface(PriorityCase):
    """The agency is believed as it sends into a network of its own, and nowhere else."""

    def setUp(self):
        super().setUp()
        self.config['sip']['listen'] = [f'udp:127.0.0.1:{self.port}', f'udp:127.0.0.2:{self.port}']
        self.tandem.process.stop()
        self.tandem = Tandem(self, self.config)

    def test_pri_031_marks_by_another_interface(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.0')[0], 11)
        self.agency.switch = ('127.0.0.2', self.port)
        self.assertEqual(self.goes_out(self.agency, 'ets.0')[0], ORDINARY)
        self.agency.invite(extra=marked('ets.0', Require='resource-priority'))
        self.agency.refused(417)


class Egress(PriorityCase):
    """What goes out."""

    CARRIER = {'rph-egress': 'generate', 'rph-send': 'ets, wps, q735'}

    def test_pri_019_020_generated(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.1, strange.1'),
                         (10, ['strange.1', 'wps.1', 'ets.1', 'q735.0']))
        self.assertEqual(self.goes_out(self.transit, 'ets.1'), (ORDINARY, None))

    def test_pri_102_refused_there(self):
        """403 and 417 of who is called count alike, each time; those without marks do not."""
        def refuse(status, *marks):
            self.agency.invite(extra=marked(*marks))
            self.carrier.answer(self.carrier.expect('INVITE '), status, 'c')
            self.carrier.expect('ACK ')
            self.agency.refused(status)

        def raised():
            return [(row['alarm'], row['object']) for row in self.tandem.ctl_json('alarm', 'list')]
        for status in (403,) * 5 + (417,) * 4:
            refuse(status, 'ets.4')
        refuse(403)
        self.assertEqual(raised(), [])
        refuse(403, 'ets.4')
        self.assertEqual(raised(), [('priority-refused', 'trunk="carrier",way="out"')])

    def test_pri_018_417_is_answered_once(self):
        self.agency.invite(extra=marked('ets.4'))
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 417, 'c', extra={'Accept-Resource-Priority': 'q735.0, q735.2'})
        self.carrier.expect('ACK ')
        again = self.carrier.expect('INVITE ')
        self.assertEqual(values(again), ['q735.2'])
        self.assertEqual(field(again, 'Call-ID'), field(invite, 'Call-ID'))
        self.assertEqual(field(again, 'CSeq'), '2 INVITE')
        self.carrier.answer(again, 417, 'c', extra={'Accept-Resource-Priority': 'q735.3'})
        self.carrier.expect('ACK ')
        self.agency.refused(417)
        self.assertEqual(self.carrier.drain(), [])

    def test_pri_018_417_with_more_than_anybody_reads(self):
        """RFC 4412 3.2: a list may be long; one that cannot be read is of no use."""
        accepted = ', '.join(f'x{n}.1' for n in range(1000))
        for last, tried in ('q735.2', ['q735.2']), ('y' * 10240 + ', q735.2', None):
            self.agency.invite(extra=marked('ets.4'))
            invite = self.carrier.expect('INVITE ')
            self.carrier.answer(invite, 417, 'c',
                                extra={'Accept-Resource-Priority': f'{accepted}, {last}'})
            self.carrier.expect('ACK ')
            if tried:
                invite = self.carrier.expect('INVITE ')
                self.assertEqual(values(invite), tried)
                self.carrier.answer(invite, 417, 'c')
                self.carrier.expect('ACK ')
            self.agency.refused(417)
        self.assertEqual(self.carrier.drain(), [])

    def test_pri_018_417_without_a_use(self):
        self.agency.invite(extra=marked('ets.4'))
        invite = self.carrier.expect('INVITE ')
        self.assertEqual(values(invite), ['wps.4', 'ets.4', 'q735.2'])
        self.carrier.answer(invite, 417, 'c', extra={'Accept-Resource-Priority': 'dsn.flash, q735.0'})
        self.carrier.expect('ACK ')
        self.agency.refused(417)
        self.assertEqual(self.carrier.drain(), [])


class Rated(PriorityCase):
    """Two calls of the agency may count at once, and one more in a minute."""

    AGENCY = {**PriorityCase.AGENCY, 'rph-rate': '1 calls/min', 'rph-burst': '2 calls'}

    def test_pri_038_excess_is_ordinary(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.0'), (11, ['ets.0']))
        self.assertEqual(self.goes_out(self.agency), (ORDINARY, None))   # that is no such call
        self.assertEqual(self.goes_out(self.agency, 'ets.1'), (10, ['ets.1']))
        self.assertEqual(self.goes_out(self.agency, 'ets.0, strange.1'), (ORDINARY, ['strange.1']))
        self.assertEqual(self.judged('excess'), 1)
        self.tandem.process.wait_for(
            lambda: [(row['alarm'], row['object']) for row in self.tandem.ctl_json('alarm', 'list')]
            == [('priority-excess', 'trunk="agency"')], 'the alarm')


class Challenged(PriorityCase):
    """Nobody's marks are judged before it is known whose they are (RFC 4412 4.6.3)."""

    MODULES = ('registrar',)
    STRANGERS = 'challenge'
    MORE = {'user alice': {'password': 'secret'}, 'registrar': {'domains': '127.0.0.1'}}

    def test_pri_011_not_authenticated(self):
        stranger = Caller(self, self.port, 'alice')
        for marks in 'ets.0', 'strange.1', 'ets.0, ets.1':
            stranger.invite(extra=marked(marks, Require='resource-priority'))
            self.assertIn('Digest ', field(stranger.refused(407), 'Proxy-Authenticate'))
        judged = self.tandem.ctl_json('metric', 'tandem_priority_judged_total')
        self.assertEqual(sum(row['value'] for row in judged), 0)


class Mapped(PriorityCase):
    CARRIER = {'rph-egress': 'map', 'rph-map': 'ets:wps'}

    def test_pri_019_mapped(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.1, strange.1'),
                         (10, ['strange.1', 'wps.1']))


class Stripped(PriorityCase):
    CARRIER = {'rph-egress': 'strip'}

    def test_pri_019_stripped(self):
        self.assertEqual(self.goes_out(self.agency, 'ets.1, strange.1'), (10, ['strange.1']))


class Redirected(Recorded):
    """A call that a carrier has others called for, whom the routing allows, keeps its class (PRI-043)."""

    CARRIER = {'redirect': 'follow'}
    MORE = {'route nine': {'prefix': '9', 'targets': 'other'}}

    def redirected(self, contact, *marks):
        """The call that the agency has made, as it comes to whom CONTACT names."""
        self.agency.invite(extra=marked(*marks))
        self.carrier.answer(self.carrier.expect('INVITE '), 302, 'c', extra={'Contact': contact})
        self.carrier.expect('ACK ')
        return self.other.expect('INVITE sip:9001@')

    def test_pri_043_class_survives_a_redirection_that_is_followed(self):
        invite = self.redirected('<sip:9001@example.org>', 'ets.0', 'strange.1')
        self.assertEqual((self.call_in_hand()['class'], values(invite)), (11, ['ets.0', 'strange.1']))
        self.other.answer(invite, 486, 'o')
        self.other.expect('ACK ')
        self.agency.refused(486)
        record, = self.records()
        self.assertEqual([record[name] for name in ('called', 'original_called', 'redirections',
                                                    'priority_class', 'marks_in', 'marks_out')],
                         ['9001', '8001', '1', '11', 'ets.0, strange.1', 'ets.0, strange.1'])

    def test_pri_043_a_contact_brings_no_marks(self):
        """RFC 3261 19.1.5: what a URI wants written into a request is not, and raises nothing."""
        invite = self.redirected('<sip:9001@x?Resource-Priority=ets.0>', 'ets.4')
        self.assertEqual((self.call_in_hand()['class'], values(invite)), (7, ['ets.4']))

    def redirected_by(self, server):
        """A marked call to SERVER, which names 9002 before 9001; the former is busy."""
        self.tandem.rewrite({**self.config, 'trunk carrier': {
            'address': f'sip:{server.address}', **self.CARRIER}})
        self.tandem.ctl_json('config', 'reload')
        self.agency.invite(extra=marked('ets.0'))
        self.other.answer(self.other.expect('INVITE sip:9002@'), 486, 'o')
        self.other.expect('ACK ')
        invite = self.other.expect('INVITE sip:9001@')
        self.assertEqual((self.call_in_hand()['class'], values(invite)), (11, ['ets.0']))

    def test_pri_043_class_survives_kamailio_s_redirection(self):
        self.redirected_by(Kamailio(self, redirects=(('sip:9001@example.org', '0.3'),
                                                     ('sip:9002@example.org', '0.7'))))

    def test_pri_043_class_survives_sipp_s_redirection(self):
        self.redirected_by(sipp.uas(self, scenario='redirect', n_calls=1, keys={
            'contacts': '<sip:9001@example.org>;q=0.3, <tel:9002>;q=0.7'}))


class Numbers(Recorded):
    """What a called number and a caller's category say, and the records."""

    AGENCY = {**PriorityCase.AGENCY, 'rph-category': 'yes'}
    MORE = {
        'priority-number getsan': {'prefixes': '7106274387', 'mark': 'ets.4', 'trunks': 'neighbour'},
        'priority-number nt': {'kind': 'translation', 'prefixes': '8099', 'mark': 'ets.3'},
        'priority-number fc': {'kind': 'feature-code', 'prefixes': '*272', 'cause': 29},
    }

    def test_pri_040_041_category(self):
        for category, priority_class in (('226', 7), ('0xE2', 7), ('nsep', 7), ('payphone', ORDINARY)):
            self.agency.invite(user=f'+12125550100;cpc={category}')
            invite = self.carrier.expect('INVITE ')
            self.assertEqual(self.call_in_hand()['class'], priority_class)
            self.carrier.answer(invite, 486, 'c')
            self.carrier.expect('ACK ')
            self.agency.refused(486)

    def test_pri_082_what_a_value_is_in_other_protocols(self):
        shown = self.tandem.ctl_json('priority', 'interwork', 'ETS.1', '--trunk', 'other')
        self.assertEqual((shown['category'], shown['message_priority'], shown['context_priority'],
                          shown['ieps']), (226, 1, 10, True))
        self.assertNotIn('precedence', shown)
        for wrong, said in ((('foo.1',), '"foo.1" is no value'), (('ets.0', '--trunk', 'x'), '[trunk x]')):
            status, _, errors = self.tandem.ctl('priority', 'interwork', *wrong)
            self.assertEqual(status, 1)
            self.assertIn(said, errors)

    def test_pri_042_access_number(self):
        self.assertEqual(self.goes_out(self.neighbour, number='7106274387')[0], 7)
        self.assertEqual(self.goes_out(self.transit, number='7106274387')[0], ORDINARY)
        self.assertEqual(self.goes_out(self.transit, number='80991')[0], 8)

    def test_pri_042_feature_code(self):
        self.agency.invite('*2722125550100')
        self.assertIn('cause=29', field(self.agency.refused(501), 'Reason'))
        self.assertEqual(self.carrier.drain(), [])

    def test_pri_100_record_of_a_mark(self):
        self.goes_out(self.agency, 'ets.1, strange.1')
        row = self.records()[0]
        self.assertEqual({name: row[name] for name in (
            'name_space', 'value', 'priority_class', 'classified_by', 'classified_stage', 'marks_in',
            'marks_out')}, {
                'name_space': 'ets', 'value': '1', 'priority_class': '10', 'classified_by': 'rph',
                'classified_stage': 'early', 'marks_in': 'ets.1, strange.1',
                'marks_out': 'ets.1, strange.1'})

    def test_pri_100_record_of_a_number(self):
        self.goes_out(self.neighbour, number='7106274387')
        row = self.records()[0]
        self.assertEqual((row['classified_by'], row['classified_stage'], row['marks_in']),
                         ('access', 'late', ''))

    def test_pri_100_record_of_a_category(self):
        self.agency.invite(user='+12125550100;cpc=226')
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        self.agency.refused(486)
        row = self.records()[0]
        self.assertEqual((row['classified_by'], row['classified_stage']), ('cpc', 'early'))

    def test_pri_101_counters(self):
        self.goes_out(self.agency, 'ets.1')
        self.goes_out(self.neighbour, 'ets.1')
        self.agency.invite(extra=marked('wps.0'))
        self.agency.refused(403)
        counts = {(row['name'], row.get('labels', '')): row['value']
                  for row in self.tandem.ctl_json('metric', 'tandem_priority')}
        judged = 'tandem_priority_judged_total'
        self.assertEqual([counts[judged, f'result="{result}"']
                          for result in ('accepted', 'stripped', 'forbidden')], [1, 1, 1])
        calls = 'tandem_priority_calls_total'
        self.assertEqual([counts[calls, f'trunk="agency",class="10",calls="{what}"']
                          for what in ('offered', 'admitted', 'completed')], [1, 1, 0])

    def test_pri_104_notice(self):
        self.tandem.process.wait_for_output('restricted to authorised users')


class Raised(Recorded):
    """A mark within a call (RFC 4412 3.1: "the resource priority of the dialog")."""

    def test_pri_012_record_of_a_mark_within_a_call(self):
        for method in 'UPDATE', 'INVITE':
            call = Call(self.agency, self.carrier, extra=marked('ets.4'))
            call.from_a(method, description(call.sound_a.port, version=2), extra=marked('ets.1'))
            self.carrier.answer(self.carrier.expect('INVITE '), 200,
                                body=description(call.sound_b.port, version=2))
            self.carrier.expect('ACK ')
            self.agency.expect('SIP/2.0 200 ')
            if method == 'INVITE':
                self.agency.send(self.agency.request('ACK', call.target_a, call.dialog_a, call.cseq_a))
            call.hang_up()
        for row in self.records(2):
            self.assertEqual({name: row[name] for name in ('value', 'priority_class', 'classified_by',
                                                           'classified_stage')},
                             {'value': '1', 'priority_class': '10', 'classified_by': 'rph',
                              'classified_stage': 'late'})

    def test_pri_012_record_of_a_switch_that_is_killed(self):
        """PRI-100: the call has the class that it rose to; one that was not answered has begun nothing."""
        call = Call(self.agency, self.carrier, extra=marked('ets.4'))
        call.from_a('UPDATE', description(call.sound_a.port, version=2), extra=marked('ets.1'))
        self.carrier.answer(self.carrier.expect('INVITE '), 200,
                            body=description(call.sound_b.port, version=2))
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 200 ')
        self.agency.invite('8001', marked('ets.0'))
        self.carrier.expect('INVITE ')
        self.tandem.process.signal(signal.SIGKILL)
        self.tandem.process.wait(TIMEOUT_S)
        Tandem(self, self.config, environment={
            'TANDEM_STATE_DIR': os.path.join(self.tandem.folder, 'state')}).stop()
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv')
        (row,) = [row for row in csv_records(path) if row['record'] != 'START']
        self.assertEqual({name: row[name] for name in ('cause_text', 'value', 'priority_class', 'marks_in',
                                                       'classified_stage')},
                         {'cause_text': 'Node failure', 'value': '1', 'priority_class': '10',
                          'marks_in': 'ets.4', 'classified_stage': 'late'})

    def test_pri_012_mark_in_the_ack(self):
        call = Call(self.agency, self.carrier, extra=marked('ets.4'))
        again = self.agency.request('ACK', call.target_a, call.dialog_a, 1, extra=marked('ets.0'))
        self.agency.send(again)
        self.agency.ping()
        call.hang_up()
        self.assertEqual(self.records()[0]['priority_class'], '11')


class Treated(Recorded):
    """Records of what a class has been good for."""

    MODULES = ('cdr-file', 'trunk')
    CARRIER = {'capacity': '1 calls', 'queue': '2 calls'}

    def test_pri_100_record_of_the_treatment(self):
        self.neighbour.invite('5001')
        first = self.carrier.expect('INVITE ')
        self.assertEqual(self.tandem.ctl('control', 'set', 'block', '--code', '5')[0], 0)
        self.agency.invite('5002', marked('ets.0'))
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('trunk', 'show', 'carrier')['queued'] == 1, 'a call that waits')
        self.carrier.answer(first, 486, 'c')
        self.carrier.expect('ACK ')
        self.carrier.answer(self.carrier.expect('INVITE '), 486, 'c')
        self.carrier.expect('ACK ')
        ordinary, row = self.records(2)
        self.assertEqual({name: row[name] for name in ('exemptions', 'queue_result', 'carriers')},
                         {'exemptions': 'block', 'queue_result': 'served', 'carriers': 'carrier'})
        self.assertGreater(int(row['queue_wait_us']), 0)
        self.assertEqual((ordinary['exemptions'], ordinary['queue_result']), ('', ''))


class Overload(PriorityCase):
    """A class that is known early lets a call in where others are kept out."""

    MODULES = ('congestion',)

    def test_pri_040_early(self):
        self.tandem.ctl('congestion', 'set', 'MC3')
        self.neighbour.invite()
        self.neighbour.refused(503)
        self.assertEqual(self.goes_out(self.agency, 'ets.4')[0], 7)
        self.neighbour.invite(extra=marked('ets.0'))
        self.neighbour.refused(503)


class PolicyServer(PriorityCase):
    """A server that is asked where calls go, and says nothing."""

    MODULES = ('http', 'policy')

    def setUp(self):
        self.server = Server(self, self.answer)
        self.MORE = {'policy': {'servers': self.server.url, 'deadline': '30 s'}}
        super().setUp()

    def answer(self, start, *_):
        """It is there, as far as probes can tell."""
        if 'status' in start:
            return response(b'{"version": 1, "node": "n", "congestion": 0}')
        return self.server.keep_quiet()

    def test_pri_076_slow(self):
        """Who came later, with a mark, goes by the tables here; who came first is still waiting."""
        self.transit.invite('8001')
        self.tandem.process.wait_for(lambda: any('route' in start for start, _, _ in self.server.requests),
                                     'the question')
        self.assertEqual(self.goes_out(self.agency, 'ets.0', number='8002'), (11, ['ets.0']))
        self.assertEqual({call['called'] for call in self.tandem.ctl_json('call', 'list')
                          if call['class'] == ORDINARY}, {'8001'})
        self.assertEqual(self.carrier.drain(), [])


class Connections(PeerCase):
    """Real peers: sipp over TCP, and Kamailio on both sides."""

    def switch(self, sections):
        return Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority'), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}', f'tcp:127.0.0.1:{self.port}'],
                    'strangers': 'refuse'},
            'call': {'media': 'through'},
            **sections,
        })

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()

    def test_pri_031_marks_over_a_connection(self):
        called = sipp.uas(self, scenario='priority-uas', n_calls=1)
        self.switch({
            'trunk agency': {'address': 'sip:127.0.0.1;transport=tcp', 'rph-trust': 'accept',
                             'rph-accept': 'ets, wps'},
            'trunk carrier': {'address': f'sip:{called.address}'},
            'route all': {'prefix': '', 'targets': 'carrier'},
        })
        counts = sipp.call(self, f'127.0.0.1:{self.port}', scenario='priority-uac', transport='t1',
                           keys={'marks': 'ets.0, wps.4, strange.1'})
        self.assertEqual((counts.successful, counts.failed), (1, 0))
        called.wait()

    def test_pri_031_marks_in_a_datagram_are_nobody_s_word(self):
        """Though the address that it seems to come from is trusted."""
        tandem = self.switch({
            'trunk agency': {'address': 'sip:127.0.0.1;transport=tcp', 'rph-trust': 'accept',
                             'rph-accept': 'ets, wps'},
        })
        mallory = Caller(self, self.port, 'mallory')
        mallory.invite(extra=marked('ets.0', Require='resource-priority'))
        mallory.refused(417)
        self.assertEqual(tandem.ctl_json('call', 'list'), [])

    def test_pri_031_config_refuses_a_spoofable_source(self):
        tandem = Tandem(self, {
            'modules': {'cli': 'required', 'sip': 'required', 'priority': 'required'},
            'trunk agency': {'address': 'sip:192.0.2.1', 'rph-trust': 'accept',
                             'rph-accept': 'ets'}}, is_awaited=False)
        self.assertEqual(tandem.process.wait(TIMEOUT_S), 78)
        self.assertIn('tandem.conf:7:11: [trunk agency] address: sip:192.0.2.1 is reached by UDP',
                      tandem.process.tail())

    def test_pri_031_config_refuses_the_word_of_the_dns(self):
        """Whoever forges its answer would have the marks of the name believed, unless it has to show a
        certificate."""
        authority = Authority(self)
        certificate, key = authority.sign('switch', 'DNS:switch.example')

        def start(address, verify):
            tandem = Tandem(self, {
                'modules': dict.fromkeys(('cli', 'sip', 'tls', 'priority'), 'required'),
                'sip': {'listen': [f'tcp:127.0.0.1:{self.port}', f'tls:127.0.0.1:{ports.free_port()}']},
                'tls default': {'certificate': certificate, 'key': key, 'ca': authority.certificate,
                                'verify': verify},
                'trunk agency': {'address': address, 'rph-trust': 'accept', 'rph-accept': 'ets'}},
                is_awaited=False)
            return tandem.process
        for address, verify in (('sip:localhost;transport=tcp', 'peer'),
                                ('sip:localhost;transport=tls', 'none')):
            refused = start(address, verify)
            self.assertEqual(refused.wait(TIMEOUT_S), 78)
            self.assertIn(f'[trunk agency] address: "{address}" is a name', refused.tail())
        start('sip:localhost;transport=tls', 'peer').wait_for_output('ready')

    def test_pri_019_kamailio_carries_the_marks_both_ways(self):
        called = sipp.uas(self, scenario='priority-uas', n_calls=1)
        before = Kamailio(self, f'127.0.0.1:{self.port}')
        behind = Kamailio(self, called.address)
        self.switch({
            'trunk agency': {'address': f'sip:{before.address}', 'rph-trust': 'accept',
                             'rph-accept': 'ets, wps', 'rph-interface': '127.0.0.1'},
            'trunk carrier': {'address': f'sip:{behind.address}'},
            'route all': {'prefix': '', 'targets': 'carrier'},
        })
        counts = sipp.call(self, before.address, scenario='priority-uac',
                           keys={'marks': 'ets.0, wps.4, strange.1'})
        self.assertEqual((counts.successful, counts.failed), (1, 0))
        called.wait()


class Stopped(PriorityCase):
    def test_pri_030_nobody_marks_calls_while_the_module_is_away(self):
        """Whoever trusts this switch would take a neighbour's mark for one of ours."""
        self.assertEqual(self.tandem.ctl('module', 'stop', 'priority')[0], 0)
        for caller in self.neighbour, self.agency:
            caller.invite(extra=marked('ets.0'))
            self.assertIsNone(values(self.carrier.expect('INVITE ')))
        self.assertIn('code=sip.unjudged-marks', self.tandem.process.output())
        self.assertEqual(self.tandem.ctl('module', 'load', 'priority')[0], 0)
        self.agency.invite(extra=marked('ets.0'))
        self.assertEqual(values(self.carrier.expect('INVITE ')), ['ets.0'])


class Absent(PeerCase):
    """Where the module is not there (PRI-104: it ships off)."""

    def start(self, **sip):
        port = ports.free_port()
        caller, called = Caller(self, port, 'caller'), Caller(self, port, 'called')
        Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table'), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{port}'], 'strangers': 'accept', **sip},
            'call': {'media': 'through'},
            'trunk called': {'address': f'sip:{called.address}'},
            'route all': {'prefix': '', 'targets': 'called'},
        })
        return caller, called

    def test_pri_007_010_without_the_feature(self):
        caller, called = self.start()
        caller.invite(extra=marked('ets.0', Require='resource-priority'))
        self.assertEqual(values(caller.refused(420), 'Unsupported'), ['resource-priority'])
        response = caller.ask('OPTIONS')
        self.assertNotIn('resource-priority', response.lower())
        caller.invite(extra=marked('ets.0'))
        self.assertIsNone(values(called.expect('INVITE ')))

    def test_marks_that_nobody_judges_go_on_where_it_is_wanted(self):
        caller, called = self.start(**{'unjudged-marks': 'pass'})
        caller.invite(extra=marked('ets.0'))
        self.assertEqual(values(called.expect('INVITE ')), ['ets.0'])


if __name__ == '__main__':
    tap.main()
