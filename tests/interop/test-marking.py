#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How packets are marked for the network: by class and by what they bear, from the first one on, as a capture
on the loopback interface has them, over IPv4 and IPv6 (PRI-080)."""

import collections
import os
import signal
import socket
import struct
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, Sound, branch, description, field, media_port  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402
from peers.web import Server, response  # noqa: E402

ETH_P_ALL = 3
SIP, MEDIA, SIP_FIRST, MEDIA_FIRST = 24, 46, 40, 44

Datagram = collections.namedtuple('Datagram', 'dscp source target bytes')
Segment = collections.namedtuple('Segment', 'dscp source is_first')   # of TCP, to one port


class Capture:
    """What goes over the loopback interface from now on."""

    def __init__(self, case):
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        except PermissionError:
            case.lack('capturing packets needs CAP_NET_RAW')
        case.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(('lo', 0))
        self.socket.setblocking(False)
        self.kept = []

    def segments(self, target):
        """What goes to the TCP port TARGET from now on is kept, too."""
        self.target, self.kept_segments = target, []
        return self.kept_segments

    target = None

    def keep_segment(self, packet):
        tcp = packet[(packet[0] & 15) * 4:]
        source, target = struct.unpack('!HH', tcp[:4])
        if target == self.target:
            self.kept_segments.append(Segment(packet[1] >> 2, source, bool(tcp[13] & 2)))

    def datagrams(self, source=None, target=None):
        """The datagrams so far from one port, or to one, in their order."""
        while True:
            try:
                packet, (_, _, kind, *_) = self.socket.recvfrom(65536)
            except BlockingIOError:
                break
            if kind == socket.PACKET_OUTGOING:   # it comes back at once
                continue
            if packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_TCP:
                self.keep_segment(packet)
                continue
            if packet[0] >> 4 == 4 and packet[9] == socket.IPPROTO_UDP:
                dscp, udp = packet[1] >> 2, packet[(packet[0] & 15) * 4:]
            elif packet[0] >> 4 == 6 and packet[6] == socket.IPPROTO_UDP:
                dscp, udp = (struct.unpack('!H', packet[:2])[0] >> 6) & 63, packet[40:]
            else:
                continue
            self.kept.append(Datagram(dscp, *struct.unpack('!HH', udp[:4]), udp[8:]))
        return [one for one in self.kept if source in (None, one.source)
                and target in (None, one.target)]


class Agent6(Agent):
    def __init__(self, case, port, user):
        self.case, self.switch, self.user, self.host = case, ('::1', port), user, '[::1]'
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind(('::1', 0))
        self.port = self.socket.getsockname()[1]
        self.address, self.known = f'[::1]:{self.port}', set()


class Sound6(Sound):
    def __init__(self, case):
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind(('::1', 0))
        self.port, self.ssrc, self.sequence = self.socket.getsockname()[1], 1, 0


class Marking(PeerCase):
    def start(self, is_ipv6=False, **sections):
        self.port = ports.free_port()
        self.host, self.is_ipv6 = ('[::1]' if is_ipv6 else '127.0.0.1'), is_ipv6
        for name in 'pbx', 'carrier', 'psap':
            setattr(self, name, (Agent6 if is_ipv6 else Agent)(self, self.port, name))
        rtp = {'address6' if is_ipv6 else 'address': self.host,
               'first-port': ports.free_range(64, 2)}
        config = {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'rtp', 'route-table', 'emergency', 'priority'),
                                     'required'),
            'sip': {'listen': f'udp:{self.host}:{self.port}'},
            'rtp': rtp,
            'emergency': {'region': 'here', 'fallback': 'town'},
            'emergency-region here': {'numbers': '112'},
            'emergency-psap town': {'trunks': 'psap'},
            'trunk pbx': {'address': f'sip:{self.pbx.address}', 'rph-trust': 'accept',
                          'rph-accept': 'ets', 'rph-interface': self.host},
            'trunk carrier': {'address': f'sip:{self.carrier.address}'},
            'trunk psap': {'address': f'sip:{self.psap.address}'},
            'route all': {'targets': 'carrier'},
        }
        for name, keys in sections.items():
            config[name.replace('_', ' ')] = config.get(name, {}) | keys
        self.tandem = Tandem(self, config)
        self.addCleanup(self.tandem.process.signal, signal.SIGKILL)
        self.capture = Capture(self)

    def sound(self):
        return Sound6(self) if self.is_ipv6 else Sound(self)

    def offer(self, sound):
        text = description(sound.port, self.host.strip('[]'))
        return text.replace('IP4', 'IP6') if self.is_ipv6 else text

    def call(self, number, callee, extra=None):
        """A whole call, with a packet of sound each way. Returns what the switch has sent: what
        signals, to either side, and what is heard, of either."""
        heard = self.sound(), self.sound()
        uri = f'sip:{number}@{self.host}:{self.port}'
        parties = {'From': f'<sip:a@{self.host}>;tag=f', 'To': f'<{uri}>', 'Call-ID': uuid.uuid4().hex}
        self.pbx.send(self.pbx.request('INVITE', uri, parties, 1, self.offer(heard[0]), branch(),
                                       extra=extra))
        invite = callee.expect('INVITE ')
        callee.answer(invite, 200, 'c', self.offer(heard[1]))
        callee.expect('ACK ')
        ok = self.pbx.expect('SIP/2.0 200 ')
        dialog = {**parties, 'To': field(ok, 'To')}
        target = field(ok, 'Contact').strip('<>')
        self.pbx.send(self.pbx.request('ACK', target, dialog, 1))
        where = '::1' if self.is_ipv6 else '127.0.0.1'
        heard[0].say(media_port(ok), 1, host=where)
        heard[1].hear()
        heard[1].say(media_port(invite), 2, host=where)
        heard[0].hear()
        self.pbx.send(self.pbx.request('BYE', target, dialog, 2))
        self.pbx.expect('SIP/2.0 200 ')
        callee.answer(callee.expect('BYE '), 200)
        ids = {parties['Call-ID'].encode(), field(invite, 'Call-ID').encode()}
        signals = [one for one in self.capture.datagrams(source=self.port)
                   if any(name in one.bytes for name in ids)]
        media = [one for sound in heard for one in self.capture.datagrams(target=sound.port)]
        self.assertTrue(signals[0].bytes.startswith(b'SIP/2.0 100 '))
        self.assertGreaterEqual(len(signals), 6)
        self.assertEqual(len(media), 2)
        return {one.dscp for one in signals}, {one.dscp for one in media}

    def three_calls(self):
        self.assertEqual(self.call('8001', self.carrier), ({SIP}, {MEDIA}))
        self.assertEqual(self.call('112', self.psap), ({SIP_FIRST}, {MEDIA_FIRST}))
        self.assertEqual(self.call('8002', self.carrier, {'Resource-Priority': 'ets.0'}),
                         ({SIP_FIRST}, {MEDIA_FIRST}))

    def test_pri_080_policy(self):
        """Questions of a policy server go by connections of their own, marked from the first packet on."""
        server = Server(self, lambda start, *_: response(
            b'{"version": 1, "verdict": "none", "node": "n", "congestion": 0}'))
        modules = ('cli', 'sip', 'rtp', 'route-table', 'emergency', 'priority', 'http', 'policy')
        self.start(modules=dict.fromkeys(modules, 'required'),
                   policy={'servers': server.url, 'probe': '600 s'})
        segments = self.capture.segments(server.port)
        asked = []
        for number, extra in (('8001', None), ('8002', {'Resource-Priority': 'ets.0'})):
            self.call(number, self.carrier, extra)
            self.capture.datagrams()
            asked.append({(one.dscp, one.source) for one in segments} - set().union(*asked))
        self.assertEqual([{dscp for dscp, _ in some} for some in asked], [{SIP}, {SIP_FIRST}])
        self.assertIn(Segment(SIP_FIRST, asked[1].pop()[1], True), segments)

    def test_pri_080_ipv4(self):
        self.start()
        self.three_calls()

    def test_pri_080_ipv6(self):
        self.start(is_ipv6=True)
        self.three_calls()

    def test_pri_080_as_configured(self):
        self.start(sip={'priority-dscp': 10}, rtp={'priority-dscp': 0})
        self.assertEqual(self.call('112', self.psap), ({10}, {0}))


if __name__ == '__main__':
    tap.main()
