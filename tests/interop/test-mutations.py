#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-036: damaged marks and tokens on the wire of a whole switch. What goes out to the called party says
what counted: never more than stands in the message, and what is whole counts whatever stands beside it."""

import os
import random
import re
import select
import socket
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), 'common'),
                os.path.join(os.path.dirname(HERE), 'bench', 'crisis')]

import tap  # noqa: E402
import tokens  # noqa: E402
from peers import ports  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

N_EACH = int(os.environ.get('TANDEM_MUTATIONS', '10000')) // 4
TRUSTED_HOST = '127.0.0.3'
AT_ONCE, PATIENCE_S = 40, 20
FRESHNESS_S = 3600   # longer than a million calls take
MARKS = (b'ets.0', b'ets.4', b'wps.0', b'ets.0, wps.3', b'dsn.flash', b'ets.3,ets.1', b'esnet.0',
         b'q735.0')
PIECES = (b'ets.0', b'wps.0', b',', b'.', b' ', b'\t', b'"', b';', b'\\', b'%00', b'\x00', b'\xff',
          b'\xc3\xa9', b'\r\n ', b'\r', b'\n', b'A' * 300, b'0' * 40, b'-1', b'ets', b'info=', b'eyJ',
          b'=', b'<', b'>')
TOKEN = b'eyJhbGciOi.J9eyJ.abc;info=<https://a.example>;alg=ES256;ppt="rph"'
VALUE = re.compile(rb"[A-Za-z0-9!%*_+`'~-]+\.[A-Za-z0-9!%*_+`'~-]+")

# What is worth something (RFC 4412 10, RFC 7135): what else stands in a message goes on as it is.
KNOWN = re.compile(rb'(ets|wps|q735|esnet)\.[0-4]|dr?sn\.(routine|priority|immediate|flash(-override){0,2})')


def values_of(mark):
    return {value.strip().lower() for value in mark.split(b',') if value.strip()}


def field(message, name):
    found = re.search(rb'\r\n' + name + rb': ([^\r]*)', message)
    return found.group(1) if found else b''


def mutated(chance, text):
    """TEXT with some damage: bytes changed, cut out, doubled, pieces put in."""
    text = bytearray(text)
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(text) + 1)
        what = chance.randrange(5)
        if what == 0 and at < len(text):
            text[at] = chance.randrange(256)
        elif what == 1:
            del text[at:at + chance.randint(1, 8)]
        elif what == 2:
            text[at:at] = text[at:at + chance.randint(1, 40)]
        elif what == 3:
            text[at:at] = chance.choice(PIECES)
        else:
            text = text[at:] + text[:at]
    return bytes(text)


class Called:
    """Refuses every call, and remembers with what mark it came."""

    def __init__(self, case):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self.socket.getsockname()[1]}'
        self.marks = {}

    def take(self):
        message, peer = self.socket.recvfrom(65536)
        if not message.startswith(b'INVITE '):
            return
        self.marks[int(re.match(rb'INVITE sip:8(\d+)@', message).group(1))] = field(
            message, b'Resource-Priority')
        lines = [b'SIP/2.0 486 Busy Here', *re.findall(rb'\r\n(Via: [^\r]*)', message),
                 *(name + b': ' + field(message, name) for name in (b'From', b'Call-ID', b'CSeq')),
                 b'To: ' + field(message, b'To') + b';tag=c', b'Content-Length: 0', b'', b'']
        self.socket.sendto(b'\r\n'.join(lines), peer)


class Mutations(PeerCase):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get('TANDEM_SEED', '0')) or random.SystemRandom().getrandbits(32)
        print('# seed', self.seed)
        self.chance = random.Random(self.seed)
        self.port = ports.free_port()
        self.called = Called(self)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(('127.0.0.1', 0))
        self.address = f'127.0.0.1:{self.socket.getsockname()[1]}'

    def start(self, trust, more=None, modules=()):
        self.host = TRUSTED_HOST if trust == 'accept' else '127.0.0.1'
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority', *modules), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}', f'udp:{TRUSTED_HOST}:{self.port}'],
                    'strangers': 'refuse', 'trace': 'no'},
            'call': {'media': 'through'},
            'trunk callers': {'address': f'sip:{self.address}', 'rph-trust': trust,
                              **({} if trust == 'none' else {'rph-accept': 'ets, wps'}),
                              **({'rph-interface': TRUSTED_HOST} if trust == 'accept' else {})},
            'trunk called': {'address': f'sip:{self.called.address}'},
            'route all': {'targets': 'called'},
            **(more or {}),
        })

    def invite(self, number, lines):
        self.socket.sendto(
            b'INVITE sip:8%d@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKm%d\r\n'
            b'Max-Forwards: 70\r\nFrom: <sip:+%s@127.0.0.1>;tag=m%d\r\nTo: <sip:8%d@127.0.0.1>\r\n'
            b'Call-ID: m%d\r\nCSeq: 1 INVITE\r\nContact: <sip:m@%s>\r\nContent-Length: 0\r\n%s\r\n\r\n' % (
                number, self.address.encode(), number, tokens.FROM.encode(), number, number, number,
                self.address.encode(), lines), (self.host, self.port))

    def take(self, waiting):
        """A response to one of WAITING: {number: when it was sent}; it is over with a final one."""
        message = self.socket.recv(65536)
        status, found = int(message[8:11]), re.search(rb'\r\nCall-ID: m(\d+)', message)
        if status < 200 or found is None:
            return
        number = int(found.group(1))
        self.socket.sendto(
            b'ACK sip:8%d@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKm%d\r\nMax-Forwards: 70\r\n'
            b'From: <sip:+%s@127.0.0.1>;tag=m%d\r\nTo: %s\r\nCall-ID: m%d\r\nCSeq: 1 ACK\r\n'
            b'Content-Length: 0\r\n\r\n' % (
                number, self.address.encode(), number, tokens.FROM.encode(), number,
                field(message, b'To'), number), (self.host, self.port))
        waiting.pop(number, None)

    def offer(self, n_calls, make_lines):
        """{number: (header lines, mark that went out)} of those of N_CALLS that came through."""
        offered, waiting, number = {}, {}, 0
        while number < n_calls or waiting:
            while number < n_calls and len(waiting) < AT_ONCE:
                offered[number] = make_lines()
                self.invite(number, offered[number])
                waiting[number] = time.monotonic()
                number += 1
            ready, _, _ = select.select([self.socket, self.called.socket], [], [], 1)
            for one in ready:
                if one is self.socket:
                    self.take(waiting)
                else:
                    self.called.take()
            oldest = min(waiting.values(), default=time.monotonic())
            self.assertLess(time.monotonic() - oldest, PATIENCE_S, 'no answer; ' + str(
                [offered[each] for each in list(waiting)[:3]]))
        self.tandem.process.require_running()
        self.assertGreater(len(self.called.marks), n_calls // 8)
        return {each: (offered[each], mark) for each, mark in self.called.marks.items()}

    def tell(self, what, found, verdict):
        tap.figure(f'{N_EACH:,} {what}, seed {self.seed}', f'{len(found):,} calls went on, {verdict}')

    def test_no_mark_of_a_stranger_counts(self):
        """PRI-036"""
        self.start('none')
        found = self.offer(N_EACH, lambda: b'Resource-Priority: ' + mutated(
            self.chance, self.chance.choice(MARKS)))
        for lines, mark in found.values():
            self.assertFalse(any(map(KNOWN.fullmatch, values_of(mark))), (lines, mark))
        self.tell('damaged marks of somebody without trust', found, 'none counted')

    def test_no_mark_counts_for_more_than_it_says(self):
        """PRI-036"""
        self.start('accept')
        some = 0
        found = self.offer(N_EACH, lambda: b'Resource-Priority: ' + mutated(
            self.chance, self.chance.choice(MARKS)))
        for lines, mark in found.values():
            said = {value.lower() for value in VALUE.findall(lines)}
            self.assertLessEqual(values_of(mark), said, lines)
            some += any(map(KNOWN.fullmatch, values_of(mark)))
        self.assertGreater(some, 0)
        self.tell('damaged marks of somebody who is believed', found,
                  f'{some:,} with a mark that counted, none for more than it said')

    def test_a_valid_mark_counts_beside_anything(self):
        """PRI-036"""
        self.start('accept')

        def lines():
            other = b'Resource-Priority: ' + mutated(self.chance, self.chance.choice(MARKS))
            if self.chance.randrange(2):
                other = b'Identity: ' + mutated(self.chance, TOKEN)
            both = [b'Resource-Priority: ets.0', other]
            self.chance.shuffle(both)
            return b'\r\n'.join(both)

        found = self.offer(N_EACH, lines)
        for sent, mark in found.values():
            # Damage may end the header: what stands behind is a body.
            if b'Resource-Priority: ets.0' in sent.partition(b'\r\n\r\n')[0].split(b'\r\n'):
                self.assertIn(b'ets.0', mark, sent)
        self.tell('whole marks beside damaged ones, and beside damaged tokens', found, 'all counted')

    def test_no_damaged_token_counts(self):
        """PRI-036: nor does a whole one, which is another call's."""
        self.start('validate', tokens.configuration(self, FRESHNESS_S), modules=('passport',))
        true = tokens.lines(self, 'ets.0').encode()
        at = true.index(b'Identity: ') + len(b'Identity: ')
        found = self.offer(N_EACH, lambda: true[:at] + mutated(self.chance, true[at:]))
        for sent, mark in found.values():
            self.assertEqual(mark, b'', sent)
        self.tell('damaged tokens', found, 'none counted')


if __name__ == '__main__':
    tap.main()
