# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls with media: controllers that set them up, and rtp-load behind their ports."""

import json
import os
import re
import select
import socket
import subprocess
import time

from peers.tandem import BUILD
from subjects import CALLED_PORT, MGCP_PORT, NG_PORT, SIP_PORT

FIRST_PORT = 40000  # ours; the relays' lie below
CODECS = {0: 'PCMU', 8: 'PCMA'}


def own_ports(number):
    """The ports of call NUMBER's two sides; RTCP's are the odd ones between."""
    return FIRST_PORT + 4 * number, FIRST_PORT + 4 * number + 2


def sdp(port, payload_type=0):
    return ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n'
            f'm=audio {port} RTP/AVP {payload_type}\r\n'
            f'a=rtpmap:{payload_type} {CODECS[payload_type]}/8000\r\na=ptime:20\r\na=sendrecv\r\n')


def audio_port(text):
    found = re.search(r'^m=audio (\d+)', text, re.MULTILINE)
    if not found:
        raise ValueError('an answer without audio:\n' + text)
    return int(found.group(1))


def udp_socket(port=0):
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    opened.bind(('127.0.0.1', port))
    opened.settimeout(5)
    return opened


class NgCalls:
    """Calls of an rtpengine, over its "ng" protocol: a cookie and a bencoded dictionary."""

    payload_types = (0, 0)

    def __init__(self):
        self.socket = udp_socket()
        self.n_requests = 0
        self.run = time.time_ns()
        self.n_calls = 0

    def ask(self, **fields):
        self.n_requests += 1
        cookie = b'%d_%d' % (self.run, self.n_requests)
        fields = {name.replace('_', '-'): value for name, value in fields.items()}
        self.socket.sendto(cookie + b' ' + bencode(fields), ('127.0.0.1', NG_PORT))
        answer = self.socket.recv(65536).split(b' ', 1)[1].decode('utf-8', 'replace')
        if '6:result5:error' in answer:
            raise ValueError('rtpengine: ' + answer)
        return answer

    def open(self, number):
        """Sets call NUMBER up; its four ports."""
        a, b = own_ports(number)
        common = {'call_id': f'{self.run}-{number}', 'from_tag': f'a{number}', 'ICE': 'remove',
                  'replace': ['origin']}
        relay_b = audio_port(self.ask(command='offer', sdp=sdp(a), **common))
        relay_a = audio_port(self.ask(command='answer', to_tag=f'b{number}', sdp=sdp(b), **common))
        self.n_calls = number + 1
        return a, relay_a, b, relay_b

    def close(self):
        for number in range(self.n_calls):
            self.ask(command='delete', call_id=f'{self.run}-{number}', from_tag=f'a{number}')
        self.socket.close()


def bencode(value):
    if isinstance(value, dict):
        return b'd' + b''.join(bencode(key) + bencode(value[key]) for key in sorted(value)) + b'e'
    if isinstance(value, list):
        return b'l' + b''.join(map(bencode, value)) + b'e'
    data = str(value).encode()
    return b'%d:%s' % (len(data), data)


class MgcpCalls:
    """Calls of a media gateway: two connections on one endpoint (RFC 3435 2.3.5)."""

    payload_types = (0, 0)

    def __init__(self):
        self.socket = udp_socket()
        self.n_requests = 0
        self.endpoints = []

    def ask(self, verb, endpoint, parameters, body=''):
        self.n_requests += 1
        message = f'{verb} {self.n_requests} {endpoint} MGCP 1.0\r\n{parameters}'
        self.socket.sendto((message + ('\r\n' + body if body else '')).encode(),
                           ('127.0.0.1', MGCP_PORT))
        answer = self.socket.recv(65536).decode('utf-8', 'replace')
        if not answer.startswith('2'):
            raise ValueError(f'{verb} {endpoint}: {answer}')
        return answer

    def open(self, number):
        endpoint, relays = 'rtpbridge/*@mgw', []
        for port in own_ports(number):
            answer = self.ask('CRCX', endpoint, f'C: {number + 1:x}\r\nL: p:20, a:PCMU\r\n'
                              'M: sendrecv\r\n', sdp(port))
            named = re.search(r'^Z: *(\S+)', answer, re.MULTILINE)
            endpoint = named.group(1) if named else endpoint
            relays.append(audio_port(answer))
        self.endpoints.append((endpoint, number))
        a, b = own_ports(number)
        return a, relays[0], b, relays[1]

    def close(self):
        for endpoint, number in self.endpoints:
            self.ask('DLCX', endpoint, f'C: {number + 1:x}\r\n')
        self.socket.close()


class SipCalls:
    """Calls through a SIP B2BUA, caller and called party in one: the ports are known."""

    NUMBER = '8001'

    def __init__(self, payload_types=(0, 0)):
        self.payload_types = payload_types
        self.caller, self.called = udp_socket(), udp_socket(CALLED_PORT)
        self.own = '127.0.0.1:%d' % self.caller.getsockname()[1]
        self.run = time.time_ns()
        self.calls = {}

    def open(self, number):
        a, b = own_ports(number)
        call = self.calls[number] = {}
        uri = f'sip:{self.NUMBER}{number}@127.0.0.1:{SIP_PORT}'
        self.send('INVITE', uri, number, f'<{uri}>', 1, sdp(a, self.payload_types[0]))
        deadline = time.monotonic() + 5
        while 'relay_a' not in call:
            if time.monotonic() > deadline:
                raise ValueError(f'call {number} was not answered: {call}')
            self.pump(0.05)
        return a, call['relay_a'], b, call['relay_b']

    def send(self, method, uri, number, to, cseq, body=''):
        head = [
            f'{method} {uri} SIP/2.0',
            f'Via: SIP/2.0/UDP {self.own};branch=z9hG4bK{self.run}.{number}.{method}',
            'Max-Forwards: 70', f'From: <sip:bench@{self.own}>;tag=a{number}', f'To: {to}',
            f'Call-ID: {self.run}-{number}', f'CSeq: {cseq} {method}',
            f'Contact: <sip:bench@{self.own}>',
            *(['Content-Type: application/sdp'] if body else []), f'Content-Length: {len(body)}']
        message = '\r\n'.join(head) + '\r\n\r\n' + body
        self.caller.sendto(message.encode(), ('127.0.0.1', SIP_PORT))

    def pump(self, wait_s):
        for ready in select.select([self.caller, self.called], [], [], wait_s)[0]:
            data, source = ready.recvfrom(65536)
            message = data.decode('utf-8', 'replace')
            if message.startswith('SIP/2.0'):
                self.take_response(message)
            elif not message.startswith('ACK'):
                self.take_request(ready, message, source)

    def take_request(self, ready, message, source):
        """Answers whatever is asked; an INVITE with the called party's media."""
        headers = [line for line in message.split('\r\n\r\n', 1)[0].split('\r\n')[1:]
                   if re.match(r'(via|from|to|call-id|cseq|record-route|v|f|t|i)\s*:', line,
                               re.IGNORECASE)]
        headers = [line + ';tag=b' if re.match(r'(to|t)\s*:', line, re.IGNORECASE)
                   and ';tag=' not in line else line for line in headers]
        body = ''
        invited = re.match(rf'INVITE sips?:{self.NUMBER}(\d+)@', message)
        if invited:
            number = int(invited.group(1))
            if number not in self.calls:
                raise ValueError(f'call {number} arrived at port {CALLED_PORT}, but nobody here '
                                 'made it: does another bench run on these ports?')
            self.calls[number]['relay_b'] = audio_port(message)
            body = sdp(own_ports(number)[1], self.payload_types[1])
            headers += [f'Contact: <sip:bench@127.0.0.1:{CALLED_PORT}>',
                        'Content-Type: application/sdp']
        head = ['SIP/2.0 200 OK', *headers, f'Content-Length: {len(body)}']
        ready.sendto(('\r\n'.join(head) + '\r\n\r\n' + body).encode(), source)

    def take_response(self, message):
        status = int(message[8:11])
        number = re.search(rf'^call-id\s*:\s*{self.run}-(\d+)', message,
                           re.MULTILINE | re.IGNORECASE)
        if not number or status < 200 or not re.search(r'^cseq\s*:.*INVITE', message,
                                                       re.MULTILINE | re.IGNORECASE):
            return
        call = self.calls[int(number.group(1))]
        if status >= 300:
            raise ValueError('the call was refused: ' + message.split('\r\n')[0])
        call['to'] = re.search(r'^to\s*:\s*(.*?)\r$', message,
                               re.MULTILINE | re.IGNORECASE).group(1)
        call['uri'] = re.search(r'^contact\s*:[^\r\n]*?(sips?:[^>\s]+)', message,
                                re.MULTILINE | re.IGNORECASE).group(1)
        call['relay_a'] = audio_port(message)
        self.send('ACK', call['uri'], int(number.group(1)), call['to'], 1)

    def close(self):
        for number, call in self.calls.items():
            if 'uri' in call:
                self.send('BYE', call['uri'], number, call['to'], 2)
                self.pump(0.01)
        deadline = time.monotonic() + 1
        while time.monotonic() < deadline:
            self.pump(0.1)
        self.caller.close()
        self.called.close()


def weigh_relay(stage, subject, calls, n_calls, seconds):
    """What relaying N_CALLS two-way calls for SECONDS costs; a dictionary."""
    lines = [' '.join(map(str, calls.open(number))) for number in range(n_calls)]
    map_file = stage.write('calls.map', '\n'.join(lines) + '\n')
    program = os.path.join(BUILD, 'tests', 'bench', 'rtp-load')
    with subprocess.Popen([program, '--map', map_file, '--seconds', str(seconds), '--types',
                           ','.join(map(str, calls.payload_types))], stdout=subprocess.PIPE,
                          text=True) as load:
        if load.stdout.readline() != 'START\n':
            raise ValueError('rtp-load did not start')
        cpu_s = subject.cpu_s()
        result = json.loads(load.stdout.readline())
        cpu_s = subject.cpu_s() - cpu_s
    calls.close()
    result.update(subject=subject.name, calls=n_calls, cpu_s=cpu_s,
                  cpu_s_per_million=cpu_s * 1e6 / max(result['received'], 1),
                  lost=result['sent'] - result['received'])
    return result
