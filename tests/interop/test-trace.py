#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""trace shows both legs of a call, in every form, while it is up and when it is over."""

import json
import os
import socket
import subprocess
import sys
import xml.etree.ElementTree

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402


class Traced(PeerCase):
    """One call of sipp to sipp."""
    HOST = '127.0.0.1'
    TRANSPORT = 'udp'

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        host = f'[{self.HOST}]' if ':' in self.HOST else self.HOST
        here = f'{host}:{self.port}'
        options = {'host': host, 'transport': self.TRANSPORT[0] + '1'}
        self.called = sipp.uas(self, n_calls=1, **options)
        self.tandem = Tandem(self, {
            'tandem': {'lanes': 3},
            'modules': {'cli': 'required', 'sip': 'required', 'route-table': 'required'},
            'call': {'media': 'through'},
            'sip': {'listen': f'{self.TRANSPORT}:{here}', 'strangers': 'accept'},
            'trunk out': {'address': f'sip:{host}:{self.called.port};transport={self.TRANSPORT}'},
            'route all': {'targets': 'out'}})
        self.caller = sipp.uac(self, here, number='8001', hold_ms=self.HOLD_MS, **options)

    HOLD_MS = 0

    def finish_calls(self):
        self.assertEqual(self.caller.wait().successful, 1)
        self.assertEqual(self.called.wait().successful, 1)

    @property
    def caller_call_id(self):
        return f'1-{self.caller.process.pid}@{self.HOST}'

    def trace(self, *words):
        status, out, err = self.tandem.ctl('trace', *words)
        self.assertEqual((status, err), (0, ''))
        return out

    def decode(self, path, *fields):
        """What tshark reads in the capture at PATH: a tuple of FIELDS for each packet."""
        arguments = [self.need('tshark'), '-r', path, '-d', f'{self.TRANSPORT}.port=={self.port},sip',
                     '-o', 'ip.check_checksum:TRUE', '-o', 'udp.check_checksum:TRUE',
                     '-o', 'tcp.check_checksum:TRUE', '-T', 'fields', '-E', 'occurrence=f']
        for field in fields:
            arguments += ['-e', field]
        answer = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
        return [tuple(line.split('\t')) for line in answer.stdout.splitlines()]

    def assert_legs(self, path):
        """INVITE to BYE and their 200, on both legs, each with its Call-ID, checksums right."""
        packets = self.decode(path, 'sip.Call-ID', 'sip.Method', 'sip.Status-Code',
                              'sip.CSeq.method', f'{self.TRANSPORT}.checksum.status')
        legs = {}
        for call_id, method, status, of, checksum in packets:
            self.assertEqual(checksum, '1', 'a checksum is not good')
            legs.setdefault(call_id, []).append(method or f'{status} {of}')
        self.assertEqual(len(legs), 2)
        self.assertIn(self.caller_call_id, legs)
        for messages in legs.values():
            told = [message for message in messages
                    if message in ('INVITE', '200 INVITE', 'ACK', 'BYE', '200 BYE')]
            self.assertEqual(told, ['INVITE', '200 INVITE', 'ACK', 'BYE', '200 BYE'])


class Over(Traced):
    def test_capture_has_both_legs(self):
        self.finish_calls()
        path = self.path('call.pcap')
        self.assertEqual(self.trace(self.caller_call_id, '--pcap', '--output', path), '')
        self.assert_legs(path)
        times = [float(time) for time, in self.decode(path, 'frame.time_epoch')]
        self.assertEqual(times, sorted(times))
        ends = set(self.decode(path, 'ip.src', 'udp.srcport'))
        self.assertEqual(ends, {('127.0.0.1', str(port)) for port in
                                (self.port, self.caller.port, self.called.port)})

    def test_ladder(self):
        self.finish_calls()
        out = self.trace(self.caller_call_id)
        self.assertRegex(out, r'(?m)^ +caller +tandem +callee$')
        self.assertRegex(out, r'(?m) 0\.000 +\|-+ INVITE -+>\| +\|$')
        self.assertRegex(out, r'(?m)\| +\|-+ INVITE -+>\|$')
        self.assertRegex(out, r'(?m)\|<-+ 200 OK \(BYE\) -+\| +\|$')
        self.assertIn('audio 127.0.0.1:', out)
        self.assertNotIn('again', out.replace('0 of them sent again', ''))
        self.assertLessEqual(max(map(len, out.splitlines())), 100)

    def test_picture(self):
        self.finish_calls()
        root = xml.etree.ElementTree.fromstring(self.trace(self.caller_call_id, '--svg'))
        texts = [node.text for node in root.iter('{http://www.w3.org/2000/svg}text')]
        self.assertEqual(texts.count('INVITE'), 2)
        self.assertEqual(texts.count('200 OK (BYE)'), 2)

    def test_raw(self):
        self.finish_calls()
        out = self.trace(self.caller_call_id, '--raw')
        self.assertEqual(out.count('INVITE sip:'), 2)
        self.assertIn(f'\nCall-ID: {self.caller_call_id}\n', out.replace('\r', ''))

    def test_json(self):
        self.finish_calls()
        answer = json.loads(self.trace(self.caller_call_id, '--json'))
        self.assertEqual(answer['call'], self.caller_call_id)
        self.assertIn('INVITE', answer['ladder'])
        file = json.loads(self.trace(self.caller_call_id, '--pcap', '--json'))['file']
        self.assertEqual((file['name'], file['type']),
                         ('trace.pcap', 'application/vnd.tcpdump.pcap'))

    def test_what_is_not_there(self):
        status, out, err = self.tandem.ctl('trace', 'nobody@nowhere')
        self.assertEqual((status, out), (1, ''))
        self.assertIn('no SIP message of "nobody@nowhere" is kept', err)
        self.finish_calls()

    def test_wrong_words(self):
        for words, text in ((('--pcap', '--svg'), 'choose one'), (('--width', '7'), 'no width')):
            status, _, err = self.tandem.ctl('trace', 'x', *words)
            self.assertEqual(status, 1)
            self.assertIn(text, err)
        self.finish_calls()


class Held(Traced):
    HOLD_MS = 1500

    def test_by_the_id_of_the_call(self):
        calls = []

        def is_up():
            calls[:] = json.loads(self.tandem.ctl('--json', 'call', 'list')[1])
            return calls and 'answer' in calls[0]['state']

        self.tandem.process.wait_for(is_up, 'answered call')
        up = self.trace(calls[0]['call'])
        self.assertEqual(up.count(' INVITE '), 2)
        self.assertNotIn('BYE', up)
        self.finish_calls()
        over = self.path('over.pcap')
        self.trace(calls[0]['call'], '--pcap', '--output', over)
        self.assert_legs(over)


class OverTcp(Traced):
    TRANSPORT = 'tcp'

    def test_capture_has_both_legs(self):
        self.finish_calls()
        path = self.path('call.pcap')
        self.trace(self.caller_call_id, '--pcap', '--output', path)
        self.assert_legs(path)


class OverSix(Traced):
    HOST = '::1'

    @property
    def caller_call_id(self):
        return f'1-{self.caller.process.pid}@{self.HOST}'

    def test_capture_has_both_legs(self):
        self.finish_calls()
        path = self.path('call.pcap')
        self.trace(self.caller_call_id, '--pcap', '--output', path)
        self.assert_legs(path)
        self.assertEqual(set(self.decode(path, 'ipv6.src')), {('::1',)})


class Secrets(PeerCase):
    """What must not be seen is not, whatever form it is asked for in."""

    def test_credentials_and_escapes(self):
        port = ports.free_port()
        tandem = Tandem(self, {'modules': {'cli': 'required', 'sip': 'required'},
                               'sip': {'listen': f'udp:127.0.0.1:{port}'}})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.settimeout(10)
            peer.connect(('127.0.0.1', port))
            own = peer.getsockname()[1]
            peer.send(b'OPTIONS sip:127.0.0.1 SIP/2.0\r\n'
                      b'Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK1;rport\r\n'
                      b'Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n'
                      b'Call-ID: secrets\r\nCSeq: 1 OPTIONS\r\nSubject: \x1b[2J\r\n'
                      b'Proxy-Authorization: Digest\r\n response="sesame"\r\n'
                      b'Content-Length: 0\r\n\r\n' % own)
            self.assertTrue(peer.recv(4096).startswith(b'SIP/2.0 '))
        path = self.path('secrets')
        for form in ('--raw', '--pcap', '--svg', '--width=80'):
            status, _, err = tandem.ctl('trace', 'secrets', form, '--output', path)
            self.assertEqual((status, err), (0, ''))
            with open(path, 'rb') as file:
                content = file.read()
            self.assertIn(b'OPTIONS', content)
            self.assertNotIn(b'sesame', content)


del Traced

if __name__ == '__main__':
    tap.main()
