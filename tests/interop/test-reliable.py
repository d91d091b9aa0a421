#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Provisional responses that are acknowledged (RFC 3262): sipp calls with and without a proxy between,
and agents do what no good peer does."""

import os
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, branch, description, field, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.kamailio import Kamailio  # noqa: E402
from peers.tandem import Tandem, csv_records  # noqa: E402

REQUIRED = {'Require': '100rel'}
N_STORM = 200


class ReliableCase(PeerCase):
    TRUNK_A = {}

    def start(self, target=None, **settings):
        self.port = ports.free_port()
        self.a, self.b = Agent(self, self.port, 'ann'), Agent(self, self.port, 'bob')
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'cdr-file'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept', **settings},
            'call': {'media': 'through'},
            'trunk b': {'address': f'sip:{target or self.b.address}'},
            'trunk a': {'address': 'sip:127.0.0.1', **self.TRUNK_A},
            'route all': {'targets': 'b'},
        })

    def records(self):
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv')

        def rows():
            return [row for row in csv_records(path) if row['record'] != 'START']
        self.tandem.process.wait_for(rows, 'a record')
        return rows()

    def decoded(self, call_id, *fields):
        """What tshark reads in the messages of a call: a tuple of FIELDS for each."""
        path = self.path('call.pcap')
        self.assertEqual(self.tandem.ctl('trace', call_id, '--pcap', '--output', path)[0], 0)
        arguments = [self.need('tshark'), '-r', path, '-d', f'udp.port=={self.port},sip', '-T', 'fields',
                     '-E', 'occurrence=f']
        for name in fields:
            arguments += ['-e', name]
        answer = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
        return [tuple(line.split('\t')) for line in answer.stdout.splitlines()]


class Caller(ReliableCase):
    """To a caller."""

    def invite(self, extra=None):
        """A calls; B's INVITE is returned."""
        self.uri = f'sip:8001@127.0.0.1:{self.port}'
        self.parties = {'From': '<sip:ann@x>;tag=f', 'To': f'<{self.uri}>', 'Call-ID': uuid.uuid4().hex}
        self.a.send(self.a.request('INVITE', self.uri, self.parties, 1, description(9), branch(),
                                   extra=REQUIRED if extra is None else extra))
        return self.b.expect('INVITE ')

    def expect_reliable(self, status):
        """A gets it: its number."""
        response = self.a.expect(f'SIP/2.0 {status} ')
        self.assertEqual(field(response, 'Require'), '100rel')
        self.dialog = {**self.parties, 'To': field(response, 'To')}
        self.target = field(response, 'Contact').strip('<>')
        return int(field(response, 'RSeq'))

    def prack(self, cseq, rack):
        self.a.send(self.a.request('PRACK', self.target, self.dialog, cseq, extra={'RAck': rack}))
        return status_of(self.a.expect('SIP/2.0 ')) if rack else None

    def wait_for_pracks(self, call_id, number):
        def is_enough():
            return self.tandem.ctl('trace', call_id, '--raw')[1].count('RAck: ') >= number
        self.tandem.process.wait_for(is_enough, f'{number} PRACK')

    def acknowledged_by_sipp(self, through, extension):
        self.start()
        way = Kamailio(self, target=f'127.0.0.1:{self.port}').address if through else f'127.0.0.1:{self.port}'
        caller = sipp.uac(self, way, scenario='uac-reliable', number='8001', keys={'extension': extension})
        call_id = f'1-{caller.process.pid}@127.0.0.1'
        invite = self.b.expect('INVITE ')
        self.b.answer(invite, 180, 'b')
        self.wait_for_pracks(call_id, 1)
        self.b.answer(invite, 183, 'b', description(self.b.port))
        self.b.answer(invite, 200, 'b', description(self.b.port))
        self.b.expect('ACK ')
        self.b.answer(self.b.expect('BYE '), 200)
        self.assertEqual(caller.wait(), sipp.Counts(successful=1))
        read = self.decoded(call_id, 'sip.Method', 'sip.Status-Code', 'sip.RSeq',
                            'sip.RAck.RSeq.seq', 'sip.RAck.CSeq.seq', 'sip.RAck.CSeq.method')
        told = [(int(status), int(number)) for _, status, number, *_ in read if number]
        acknowledged = [(int(number), int(cseq), of) for method, _, _, number, cseq, of in read
                        if method == 'PRACK']
        first = told[0][1]
        self.assertEqual(told, [(180, first), (183, first + 1)])
        self.assertEqual(acknowledged, [(first, 1, 'INVITE'), (first + 1, 1, 'INVITE')])

    def test_sipp_requires(self):
        self.acknowledged_by_sipp(False, 'Require: 100rel')

    def test_sipp_requires_behind_kamailio(self):
        self.acknowledged_by_sipp(True, 'Require: 100rel')

    def test_lost(self):
        """What is not acknowledged comes again, as it was, until it is."""
        self.start()
        invite = self.invite()
        self.b.answer(invite, 180, 'b')
        number = self.expect_reliable(180)
        self.a.known.clear()
        for _ in range(2):
            self.assertEqual(self.expect_reliable(180), number)
            self.a.known.clear()
        self.assertEqual(self.prack(2, f'{number} 1 INVITE'), 200)
        self.b.answer(invite, 486, 'b')
        self.a.expect('SIP/2.0 486 ')

    def test_nobody_acknowledges(self):
        """The call is refused, and has its record."""
        self.start(t1='20 ms')
        invite = self.invite()
        self.b.answer(invite, 180, 'b')
        self.expect_reliable(180)
        self.a.expect('SIP/2.0 504 ')
        self.b.answer(self.b.expect('CANCEL '), 200, 'b')
        self.b.answer(invite, 487, 'b')
        record, = self.records()
        self.assertEqual(record['cause'], '102')

    def test_storm(self):
        """Acknowledgements of nothing are refused one by one; the call goes on."""
        self.start()
        invite = self.invite()
        self.b.answer(invite, 180, 'b')
        number = self.expect_reliable(180)
        statuses = {self.prack(2 + i, f'{(number + 1 + i) % 2 ** 32} 1 INVITE') for i in range(N_STORM)}
        self.assertEqual(statuses, {481})
        self.assertEqual(self.prack(2 + N_STORM, f'{number} 1 INVITE'), 200)
        self.b.answer(invite, 200, 'b', description(self.b.port))
        self.b.expect('ACK ')
        self.a.expect('SIP/2.0 200 ')
        self.a.send(self.a.request('ACK', self.target, self.dialog, 1))
        self.a.send(self.a.request('BYE', self.target, self.dialog, 3 + N_STORM))
        self.a.expect('SIP/2.0 200 ')
        self.b.expect('BYE ')


class Called(ReliableCase):
    """Of a called party, which is sipp behind Kamailio; the caller knows of nothing, or has it so, too."""

    def acknowledged_to_sipp(self, **options):
        called = sipp.uas(self, scenario='uas-reliable', n_calls=1)
        self.start(target=Kamailio(self, target=called.address).address)
        caller = sipp.uac(self, f'127.0.0.1:{self.port}', number='8001', **options)
        self.assertEqual(caller.wait(), sipp.Counts(successful=1))
        self.assertEqual(called.wait(), sipp.Counts(successful=1))
        call_id = f'1-{caller.process.pid}@127.0.0.1'
        read = self.decoded(call_id, 'udp.srcport', 'sip.Method', 'sip.RAck.RSeq.seq', 'sip.RAck.CSeq.seq',
                            'sip.RAck.CSeq.method')
        self.assertEqual([ack for port, method, *ack in read if (int(port), method) == (self.port, 'PRACK')],
                         [['4711', '1', 'INVITE'], ['4712', '1', 'INVITE']])

    def test_sipp_is_acknowledged(self):
        self.acknowledged_to_sipp()

    def test_sipp_on_both_sides(self):
        self.acknowledged_to_sipp(scenario='uac-reliable', keys={'extension': 'Require: 100rel'})


class WhoSupports(Caller):
    """The same, where supporting it is enough."""

    TRUNK_A = {'reliable-in': 'supported'}

    def test_sipp_requires(self):
        self.acknowledged_by_sipp(False, 'Supported: timer, 100rel')

    def test_sipp_requires_behind_kamailio(self):
        self.acknowledged_by_sipp(True, 'Supported: 100rel')

    test_lost = test_nobody_acknowledges = test_storm = None


if __name__ == '__main__':
    tap.main()
