# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SIP user agent that says what the test says, right or wrong, over a real socket.

    a, b = Agent(case, switch), Agent(case, switch)
    call = Call(a, b, '8001')       a calls, b answers, all is acknowledged
    call.hang_up()
"""

import hashlib
import re
import socket
import uuid

from peers.process import PATIENCE_S, ProcessError

SDP = ('v=0\r\no=- {version} {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n'
       'm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n')
TIMEOUT_S = PATIENCE_S


def description(port, host='127.0.0.1', version=1):
    return SDP.format(host=host, port=port, version=version)


def field(message, name):
    """The value of the first header field NAME, or ''."""
    found = re.search(rf'^{name}: *(.*?)\r$', message, re.MULTILINE)
    return found.group(1) if found else ''


def media_port(message):
    """The first port of the session description in MESSAGE."""
    return int(re.search(r'^m=\S+ (\d+) ', message, re.MULTILINE).group(1))


def status_of(message):
    """The status of a response; 0: a request."""
    return int(message.split(' ')[1]) if message.startswith('SIP/2.0 ') else 0


def branch():
    return 'z9hG4bK' + uuid.uuid4().hex


def _md5(*parts):
    return hashlib.md5(':'.join(parts).encode()).hexdigest()


def authorization(response, method, uri, user, password):
    """The header line that answers the MD5 challenge in RESPONSE (RFC 7616 3.4)."""
    name, line = next((line.split(':')[0], line) for line in response.split('\r\n')
                      if re.match('(WWW|Proxy)-Authenticate:.*MD5', line))
    realm, nonce = (re.search(f'{key}="([^"]*)"', line).group(1) for key in ('realm', 'nonce'))
    answer = _md5(_md5(user, realm, password), nonce, '00000001', 'abc', 'auth', _md5(method, uri))
    return (('Proxy-' if name.startswith('Proxy') else '') +
            f'Authorization: Digest username="{user}",realm="{realm}",nonce="{nonce}",uri="{uri}",'
            f'response="{answer}",algorithm=MD5,qop=auth,nc=00000001,cnonce="abc"')


class Agent:
    """One UDP socket, at OWN_PORT or any, that talks to the switch at PORT."""

    via, parameters = 'UDP', ''  # of Via, of Contact
    encoding = 'utf-8'  # latin-1, where bodies are any bytes

    def __init__(self, case, port, user='ann', host='127.0.0.1', own_port=0):
        self.case, self.switch, self.user, self.host = case, ('127.0.0.1', port), user, host
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind((host, own_port))
        self.port = self.socket.getsockname()[1]
        self.address = f'{host}:{self.port}'
        self.known = set()

    def send(self, message):
        self.socket.sendto(message if isinstance(message, bytes) else message.encode(self.encoding),
                           self.switch)

    def receive(self, timeout_s=TIMEOUT_S):
        """The next message, or None. What the switch repeats, since we took our time to answer it
        (RFC 3261 17.1.1.2, 13.3.1.4), is no new message."""
        self.socket.settimeout(timeout_s)
        try:
            while (message := self.socket.recv(65536)) in self.known:
                pass
        except (TimeoutError, BlockingIOError):
            return None
        self.known.add(message)
        return message.decode(self.encoding, 'replace')

    def expect(self, start, timeout_s=TIMEOUT_S):
        """The next message that is no repetition of 1xx; an error unless it begins with START."""
        while True:
            message = self.receive(timeout_s)
            if message is None:
                raise ProcessError(f'{self.user}: no "{start}" within {timeout_s} s')
            if message.startswith(start):
                return message
            if not 100 <= status_of(message) < 200:
                raise ProcessError(f'{self.user}: expected "{start}", got:\n{message}')

    def drain(self):
        """All that has arrived by now."""
        messages = []
        while (message := self.receive(0)) is not None:
            messages.append(message)
        return messages

    def compose(self, start, fields, body='', content_type='application/sdp'):
        lines = [start, *(f'{name}: {value}' for name, value in fields.items())]
        if body:
            lines.append(f'Content-Type: {content_type}')
        return '\r\n'.join([*lines, f'Content-Length: {len(body.encode(self.encoding))}', '', body])

    def request(self, method, uri, dialog, cseq, body='', transaction=None, extra=None, **options):
        """A request of ours. DIALOG: {"From", "To", "Call-ID"}."""
        return self.compose(f'{method} {uri} SIP/2.0', {
            'Via': f'SIP/2.0/{self.via} {self.address};branch={transaction or branch()};rport',
            'Max-Forwards': 70, **dialog, 'CSeq': f'{cseq} {method}',
            'Contact': f'<sip:{self.user}@{self.address}{self.parameters}>', **(extra or {})}, body, **options)

    def answer(self, request, status, tag='', body='', extra=None):
        """Sends a response to REQUEST, with TAG where its To has none."""
        to = field(request, 'To')
        if tag and ';tag=' not in to:
            to += f';tag={tag}'
        self.send(self.compose(f'SIP/2.0 {status} Test', {
            'Via': field(request, 'Via'), 'From': field(request, 'From'), 'To': to,
            'Call-ID': field(request, 'Call-ID'), 'CSeq': field(request, 'CSeq'),
            'Contact': f'<sip:{self.user}@{self.address}{self.parameters}>', **(extra or {})}, body))

    def ping(self):
        """Asks the switch whether it has served what it was sent before by us, over this socket."""
        parties = {'From': f'<sip:{self.user}@{self.host}>;tag=ping', 'To': '<sip:switch>',
                   'Call-ID': uuid.uuid4().hex}
        self.send(self.request('OPTIONS', 'sip:127.0.0.1', parties, 1))
        while status_of(message := self.expect('SIP/2.0 ')) != 200 or \
                field(message, 'Call-ID') != parties['Call-ID']:
            pass


class Sound:
    """A UDP socket that sends and hears RTP."""

    def __init__(self, case, host='127.0.0.1', ssrc=1):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.ssrc, self.sequence = ssrc, 0

    def say(self, port, sample, ssrc=None, host='127.0.0.1'):
        """One packet of 20 ms, all samples the same byte, to PORT."""
        self.sequence += 1
        head = bytes([0x80, 0]) + (self.sequence & 0xffff).to_bytes(2, 'big') + \
            (self.sequence * 160).to_bytes(4, 'big') + (ssrc or self.ssrc).to_bytes(4, 'big')
        self.socket.sendto(head + bytes([sample]) * 160, (host, port))

    def hear(self, timeout_s=TIMEOUT_S):
        """The samples of the next packet: a byte; or None."""
        self.socket.settimeout(timeout_s)
        try:
            return self.socket.recv(2048)[-1]
        except (TimeoutError, BlockingIOError):
            return None

    def hear_all(self):
        """The samples of what has come by now."""
        heard = []
        while (sample := self.hear(0)) is not None:
            heard.append(sample)
        return heard


class Call:
    """A calls NUMBER, with EXTRA fields in its INVITE; B answers. Both are heard when MEDIA are anchored."""

    def __init__(self, a, b, number='8001', extra=None):
        self.a, self.b, self.extra = a, b, extra
        self.sound_a, self.sound_b = Sound(a.case, ssrc=0xa), Sound(b.case, ssrc=0xb)
        self.call_id, self.branch = uuid.uuid4().hex, branch()
        self.uri = f'sip:{number}@127.0.0.1:{a.switch[1]}'
        self.parties = {'From': f'<sip:{a.user}@{a.address}>;tag=at', 'To': f'<{self.uri}>',
                        'Call-ID': self.call_id}
        self.cseq_a, self.cseq_b = 1, 0
        self.place()

    def place(self):
        a, b = self.a, self.b
        a.send(a.request('INVITE', self.uri, self.parties, 1, description(self.sound_a.port),
                         self.branch, self.extra))
        self.invite_b = b.expect('INVITE ')
        b.answer(self.invite_b, 200, 'bt', description(self.sound_b.port))
        b.expect('ACK ')
        self.ok = a.expect('SIP/2.0 200 ')
        self.dialog_a = {**self.parties, 'To': field(self.ok, 'To')}
        self.target_a = field(self.ok, 'Contact').strip('<>')
        self.dialog_b = {'From': field(self.invite_b, 'To') + ';tag=bt',
                         'To': field(self.invite_b, 'From'),
                         'Call-ID': field(self.invite_b, 'Call-ID')}
        self.target_b = field(self.invite_b, 'Contact').strip('<>')
        self.port_a, self.port_b = media_port(self.ok), media_port(self.invite_b)
        a.send(a.request('ACK', self.target_a, self.dialog_a, 1))

    def from_a(self, method, body='', **options):
        self.cseq_a += 1
        message = self.a.request(method, self.target_a, self.dialog_a, self.cseq_a, body, **options)
        self.a.send(message)
        return message

    def from_b(self, method, body='', **options):
        self.cseq_b += 1
        message = self.b.request(method, self.target_b, self.dialog_b, self.cseq_b, body, **options)
        self.b.send(message)
        return message

    def talk(self, n_packets=5, a_says=0x11, b_says=0x22):
        """Each says N_PACKETS, and hears what the other said and nothing else."""
        self.sound_a.hear_all()
        self.sound_b.hear_all()
        for _ in range(n_packets):
            self.sound_a.say(self.port_a, a_says)
            self.sound_b.say(self.port_b, b_says)
            heard = self.sound_b.hear(), self.sound_a.hear()
            if heard != (a_says, b_says):
                raise ProcessError(f'said {(a_says, b_says)}, heard {heard}')

    def hang_up(self):
        """A hangs up, and B is told so; neither was told anything before."""
        told = [message for message in (*self.a.drain(), *self.b.drain())
                if not message.startswith('SIP/2.0 ')]
        if told:
            raise ProcessError(f'the call was told, and should not have been:\n{told[0]}')
        self.from_a('BYE')
        self.a.expect('SIP/2.0 200 ')
        self.b.answer(self.b.expect('BYE '), 200)
