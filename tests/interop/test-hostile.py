#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What strangers send beside a call that is up: they are refused, and the call goes on."""

import os
import random
import re
import socket
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import (Agent, Call, Sound, authorization, branch,  # noqa: E402
                         description, field, status_of)
from peers.case import PeerCase, ROOT  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

ELSEWHERE = '127.0.0.2'
CORPUS = os.path.join(ROOT, 'tests', 'fuzz', 'corpus', 'sip')
TORTURE = os.environ.get('TANDEM_TORTURE_DATA', '')


class Beside(PeerCase):
    """A call from trunk to trunk, with its media through the switch."""

    STRANGERS = 'accept'

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        first = ports.free_range(16, alignment=2)
        self.a = Agent(self, self.port, 'ann')
        self.b = Agent(self, self.port, 'bert')
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'rtp', 'cdr-file', 'registrar'),
                                     'required'),
            'registrar': {'domains': '127.0.0.1'},
            'user ann': {'password': 'secret'},
            'user mallory': {'password': 'secret'},
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}', f'tcp:127.0.0.1:{self.port}'],
                    'strangers': self.STRANGERS},
            'rtp': {'address': '127.0.0.1', 'first-port': first, 'last-port': first + 15,
                    'lock-after': 3, 'batch': '0 ms'},
            'call': {'media': 'anchor'},
            'trunk ann': {'address': f'sip:{self.a.address}'},
            'trunk bert': {'address': f'sip:{self.b.address}'},
            'route all': {'targets': 'bert'},
        })
        self.call = Call(self.a, self.b)

    def tearDown(self):
        self.call.talk()
        self.call.hang_up()
        self.tandem.stop()
        with open(os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv'),
                  encoding='utf-8') as file:
            kinds = [line.split(',')[0] for line in file if line.startswith(('START', 'STOP'))]
        self.assertEqual(kinds, ['START', 'STOP'])
        super().tearDown()

    def refused(self, agent, message, status):
        agent.send(message)
        self.assertEqual(status_of(agent.expect('SIP/2.0 ')), status)


class Spoofed(Beside):
    STRANGERS = 'refuse'

    def test_wrong_tags(self):
        """RFC 3261 12.2.2: what no dialog is known for is answered 481."""
        mallory = Agent(self, self.port, 'mallory', ELSEWHERE)
        dialog = self.call.dialog_a
        wrong = [{**dialog, 'To': re.sub('tag=.*', 'tag=guess', dialog['To'])},
                 {**dialog, 'From': re.sub('tag=.*', 'tag=guess', dialog['From'])},
                 {**dialog, 'Call-ID': 'guess'},
                 {'From': dialog['To'], 'To': dialog['From'], 'Call-ID': dialog['Call-ID']}]
        for parties in wrong:
            for method in ('BYE', 'INFO', 'UPDATE', 'INVITE'):
                with self.subTest(method=method, parties=parties):
                    body = description(9) if method in ('INVITE', 'UPDATE') else ''
                    self.refused(mallory, mallory.request(method, self.call.target_a, parties, 7,
                                                          body), 481)

    def test_known_tags_from_another_address(self):
        """Whoever has seen the tags is still not the peer."""
        mallory = Agent(self, self.port, 'mallory', ELSEWHERE)
        for method in ('BYE', 'INFO', 'UPDATE', 'INVITE'):
            for dialog in (self.call.dialog_a, self.call.dialog_b):
                with self.subTest(method=method, dialog=dialog):
                    body = description(9) if method in ('INVITE', 'UPDATE') else ''
                    self.refused(mallory, mallory.request(method, self.call.target_a, dialog, 7,
                                                          body), 403)

    def test_cancel_after_the_answer(self):
        """RFC 3261 9.2: it has no effect."""
        mallory = Agent(self, self.port, 'mallory', ELSEWHERE)
        mallory.send(mallory.compose(f'CANCEL {self.call.uri} SIP/2.0', {
            'Via': f'SIP/2.0/UDP {self.a.address};branch={self.call.branch}',
            **self.call.parties, 'CSeq': '1 CANCEL'}))
        mallory.ping()

    def test_old_sequence_number(self):
        """RFC 3261 12.2.2: lower than the last one is out of order, 500."""
        self.call.from_a('INFO')
        self.a.expect('SIP/2.0 ')
        self.call.cseq_a = -1
        self.call.from_a('BYE')
        self.assertEqual(status_of(self.a.expect('SIP/2.0 ')), 500)
        self.call.cseq_a = 2

    def test_cancel_of_a_call_that_rings(self):
        """RFC 3261 22.1: only whoever sent the INVITE may take it back."""
        carl, mallory = self.a, Agent(self, self.port, 'm', ELSEWHERE)
        parties = {'From': '<sip:carl@x>;tag=1', 'To': '<sip:8002@x>', 'Call-ID': uuid.uuid4().hex}
        transaction, uri = branch(), f'sip:8002@127.0.0.1:{self.port}'
        carl.send(carl.request('INVITE', uri, parties, 1, description(9), transaction))
        invite = self.b.expect('INVITE ')
        self.b.answer(invite, 180, 'x')
        carl.expect('SIP/2.0 180 ')
        cancel = {'Via': f'SIP/2.0/UDP {carl.address};branch={transaction};rport', **parties,
                  'CSeq': '1 CANCEL'}
        self.refused(mallory, mallory.compose(f'CANCEL {uri} SIP/2.0', cancel), 481)
        self.assertEqual(carl.drain() + self.b.drain(), [])
        carl.send(carl.compose(f'CANCEL {uri} SIP/2.0', cancel))
        self.b.answer(self.b.expect('CANCEL '), 200)
        self.b.answer(invite, 487, 'x')
        self.b.expect('ACK ')
        carl.expect('SIP/2.0 200 ')
        carl.expect('SIP/2.0 487 ')

    def test_responses_of_others(self):
        """A response is for the transaction whose branch it has (RFC 3261 17.1.3)."""
        mallory = Agent(self, self.port, 'mallory', ELSEWHERE)
        self.call.from_a('INFO', 'Signal=1\r\nDuration=100\r\n',
                         content_type='application/dtmf-relay')
        info = self.b.expect('INFO ')
        mallory.answer(info.replace(field(info, 'Via'), f'SIP/2.0/UDP x;branch={branch()}'), 481)
        mallory.ping()
        self.b.answer(info, 200)
        self.a.expect('SIP/2.0 200 ')


class Moved(Beside):
    """A user calls, and goes on from another network."""

    STRANGERS = 'challenge'

    def update(self, user, sender):
        """The status of an UPDATE in ann's dialog that comes from elsewhere, from the address
        SENDER, with the credentials of USER where they are asked for."""
        agent = Agent(self, self.port, user, ELSEWHERE)
        dialog = {**self.call.dialog_a, 'From': f'{sender};tag=at'}
        credentials = {}
        for _ in range(2):
            self.call.cseq_a += 1
            agent.send(agent.request('UPDATE', self.call.target_a, dialog, self.call.cseq_a,
                                     extra=credentials))
            response = agent.expect('SIP/2.0 ')
            if status_of(response) != 407:
                break
            name, _, value = authorization(response, 'UPDATE', self.call.target_a, user,
                                           'secret').partition(': ')
            credentials = {name: value}
        return status_of(response)

    def test_user_proves_who_he_is(self):
        self.assertEqual(self.update('ann', f'<sip:ann@{self.a.address}>'), 200)

    def test_another_user_is_refused(self):
        self.assertEqual(self.update('mallory', f'<sip:ann@{self.a.address}>'), 403)
        self.assertEqual(self.update('mallory', '<sip:mallory@127.0.0.1>'), 403)


class Malformed(Beside):
    def flood(self, messages):
        """Each one over UDP from a stranger, and over TCP, whole and byte by byte."""
        mallory = Agent(self, self.port, 'mallory', ELSEWHERE)
        for number, message in enumerate(messages):
            mallory.send(message[:65000])
            with socket.create_connection(('127.0.0.1', self.port)) as stream:
                try:
                    stream.sendall(message)
                except OSError:
                    pass  # it has been closed on us, and that is fine
            if number % 64 == 0:
                mallory.drain()
        mallory.drain()
        mallory.ping()
        self.refuse_calls()

    def refuse_calls(self):
        """Among what was sent there are good calls."""
        while True:
            for message in self.b.drain():
                if message.startswith('INVITE ') and ';tag=' not in field(message, 'To'):
                    self.b.answer(message, 486, 'no')
            if len(self.tandem.ctl_json('call', 'list')) == 1:
                break
        self.b.drain()

    def read(self, *folders):
        for folder in folders:
            for name in sorted(os.listdir(folder)):
                with open(os.path.join(folder, name), 'rb') as file:
                    yield file.read()

    def test_corpus(self):
        self.flood(list(self.read(CORPUS)))

    def test_torture_messages(self):
        """RFC 4475 and RFC 5118."""
        folders = [os.path.join(TORTURE, name) for name in ('rfc4475', 'rfc5118')]
        if not TORTURE or not all(map(os.path.isdir, folders)):
            self.skipTest('THE TORTURE MESSAGES ARE MISSING: set TANDEM_TORTURE_DATA to the folder '
                          'that holds rfc4475/ and rfc5118/')
        self.flood([message.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
                    if b'\r\n' not in message else message for message in self.read(*folders)])

    def test_mutilated(self):
        """The call's own messages, cut, doubled and with bytes changed, in no order."""
        chance = random.Random(4475)
        templates = [self.a.request(method, self.call.target_a, {**self.call.dialog_a, 'To': to},
                                    chance.randrange(1, 1 << 31), description(9)).encode()
                     for method in ('INVITE', 'BYE', 'INFO', 'UPDATE', 'ACK', 'CANCEL', 'REGISTER')
                     for to in (self.call.dialog_a['To'].replace('tag=', 'tag=x'),
                                self.call.parties['To'] + ';tag=')]
        messages = []
        for _ in range(300):
            message = bytearray(chance.choice(templates))
            for _ in range(chance.randrange(1, 8)):
                message[chance.randrange(len(message))] = chance.randrange(256)
            end = chance.choice((len(message), chance.randrange(len(message))))
            messages += [bytes(message[:end])] * chance.choice((1, 1, 2))
        chance.shuffle(messages)
        self.flood(messages)

    def test_oversized(self):
        mallory = Agent(self, self.port, 'mallory', ELSEWHERE)
        parties = {'From': '<sip:m@x>;tag=1', 'To': '<sip:8002@x>', 'Call-ID': 'large'}
        uri = f'sip:8002@127.0.0.1:{self.port}'
        self.refused(mallory, mallory.request('OPTIONS', uri, parties, 1, extra={
            f'X-{n}': 'x' for n in range(300)}), 400)
        self.refused(mallory, mallory.request(
            'OPTIONS', uri + ''.join(f';p{n}=1' for n in range(100)), parties, 2), 400)
        self.flood([b'x' * 65000, b'OPTIONS ' + b'\r\n' * 30000, b'INVITE sip:' + b'a' * 200000,
                    b'INVITE sip:a SIP/2.0\r\n' + b'X: ' + b'y' * 2000000])


class Media(Beside):
    def test_voice_of_a_stranger(self):
        """After lock-after packets no other source is heard."""
        self.call.talk()
        mallory = Sound(self, ELSEWHERE, ssrc=0xbad)
        for _ in range(20):
            mallory.say(self.call.port_a, 0x66)
            mallory.say(self.call.port_b, 0x66)
        self.call.talk()
        for sound in (self.call.sound_a, self.call.sound_b):
            self.assertNotIn(0x66, sound.hear_all())
        self.assertIsNone(mallory.hear(0))

    def test_voice_of_a_stranger_with_the_numbers_of_the_stream(self):
        self.call.talk()
        mallory = Sound(self, ELSEWHERE)
        mallory.sequence = 1000
        for _ in range(20):
            mallory.say(self.call.port_a, 0x66, ssrc=self.call.sound_a.ssrc)
        self.call.talk()
        self.assertNotIn(0x66, self.call.sound_b.hear_all())

    def test_noise_on_the_media_ports(self):
        """In clumps a socket's buffer holds, so that no voice is lost for want of room."""
        self.call.talk()
        chance = random.Random(3550)
        sizes = [0, 1, 11, 12, 1500, 9000] + [chance.randrange(200) for _ in range(300)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as noise:
            for i, size in enumerate(sizes):
                for port in (self.call.port_a, self.call.port_a + 1):
                    noise.sendto(chance.randbytes(size), ('127.0.0.1', port))
                if i % 16 == 0:
                    self.call.talk(n_packets=1)
        self.call.talk()


if __name__ == '__main__':
    tap.main()
