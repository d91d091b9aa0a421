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
from peers.agent import Agent, Call, Sound, branch, description, field, media_port  # noqa: E402
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


class MarkingCase(PeerCase):
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
            name = name.replace('_', ' ')
            config[name] = config.get(name, {}) | keys
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


class Marking(MarkingCase):
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


class Dialogs(MarkingCase):
    """Requests within a call, and the responses to them, go in the class of the call, whatever they say
    (PRI-012; RFC 4412 3.1, 3.3)."""

    # Which ones are refused, and how; the others are answered 200.
    REFUSED = {'REFER': 405, 'NOTIFY': 405, 'PRACK': 400, 'SUBSCRIBE': 405, 'MESSAGE': 405, 'X': 501}

    def sent(self, call):
        """How the switch has marked what it has sent in CALL, and how many that were."""
        ids = call.call_id.encode(), field(call.invite_b, 'Call-ID').encode()
        sent = [one.dscp for one in self.capture.datagrams(source=self.port)
                if any(name in one.bytes for name in ids)]
        return set(sent), len(sent)

    def renegotiate(self, call, method, **options):
        """A new offer of A's, as far as B and back."""
        call.from_a(method, description(call.sound_a.port, version=call.cseq_a + 2), **options)
        self.carrier.answer(self.carrier.expect('INVITE '), 200,
                            body=description(call.sound_b.port, version=call.cseq_a + 2))
        self.carrier.expect('ACK ')
        self.pbx.expect('SIP/2.0 200 ')
        if method == 'INVITE':
            self.pbx.send(self.pbx.request('ACK', call.target_a, call.dialog_a, call.cseq_a))

    def whole_dialog(self, marks, **options):
        call = Call(self.pbx, self.carrier, extra=marks)
        for method in 'UPDATE', 'INVITE':
            self.renegotiate(call, method, **options)
        for method in 'INFO', 'OPTIONS', *self.REFUSED:
            call.from_a(method, **options)
            self.pbx.expect(f'SIP/2.0 {self.REFUSED.get(method, 200)} ')
        call.from_b('INFO', **options)
        self.carrier.expect('SIP/2.0 200 ')
        call.hang_up()
        dscps, n_sent = self.sent(call)
        self.assertGreaterEqual(n_sent, 20)
        return dscps

    def test_pri_012_without_a_mark_of_their_own(self):
        self.start()
        self.assertEqual(self.whole_dialog({'Resource-Priority': 'ets.0'}), {SIP_FIRST})
        self.assertEqual(self.whole_dialog(None), {SIP})

    def test_pri_012_with_one(self):
        """A lower one than the call's."""
        self.start()
        marks = {'Resource-Priority': 'ets.4'}
        self.assertEqual(self.whole_dialog({'Resource-Priority': 'ets.0'}, extra=marks), {SIP_FIRST})

    def acknowledge(self, marks, own):
        """How the switch marks what it sends in a call that only rings, of which OWN is in each PRACK."""
        uri, transaction = f'sip:8001@127.0.0.1:{self.port}', branch()
        parties = {'From': '<sip:a@x>;tag=f', 'To': f'<{uri}>', 'Call-ID': uuid.uuid4().hex}
        self.pbx.send(self.pbx.request('INVITE', uri, parties, 1, description(9), transaction,
                                       extra={**marks, 'Require': '100rel'}))
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 180, 'c')
        ringing = self.pbx.expect('SIP/2.0 180 ')
        self.pbx.known.clear()
        self.assertEqual(self.pbx.expect('SIP/2.0 180 '), ringing)   # once more, since it is not acknowledged
        for cseq, (rack, status) in enumerate(((f'{field(ringing, "RSeq")} 9 INVITE', 481),
                                               (f'{field(ringing, "RSeq")} 1 INVITE', 200)), 2):
            self.pbx.send(self.pbx.request('PRACK', field(ringing, 'Contact').strip('<>'),
                                           {**parties, 'To': field(ringing, 'To')}, cseq,
                                           extra={**own, 'RAck': rack}))
            self.pbx.expect(f'SIP/2.0 {status} ')
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        refusal = self.pbx.expect('SIP/2.0 486 ')
        self.pbx.send(self.pbx.request('ACK', uri, {**parties, 'To': field(refusal, 'To')}, 1,
                                       transaction=transaction))
        sent = [one for one in self.capture.datagrams(source=self.port)
                if parties['Call-ID'].encode() in one.bytes]
        self.assertGreaterEqual(len(sent), 6)
        return {one.dscp for one in sent}

    def test_pri_012_prack(self):
        """Nor is one refused for what it is marked with: it acknowledges all the same (RFC 3262 3)."""
        self.start()
        marked, required = {'Resource-Priority': 'ets.0'}, {'Require': 'resource-priority'}
        self.assertEqual(self.acknowledge(marked, {}), {SIP_FIRST})
        self.assertEqual(self.acknowledge(marked, {'Resource-Priority': 'ets.4'}), {SIP_FIRST})
        self.assertEqual(self.acknowledge({}, {'Resource-Priority': 'strange.1', **required}), {SIP})

    def test_pri_012_prack_of_ours(self):
        """It says the mark as the other requests in the dialog do (RFC 4412 3.1)."""
        self.start(trunk_carrier={'rph-egress': 'pass', 'rph-in-dialog': 'yes'})
        uri = f'sip:8001@127.0.0.1:{self.port}'
        parties = {'From': '<sip:a@x>;tag=f', 'To': f'<{uri}>', 'Call-ID': uuid.uuid4().hex}
        self.pbx.send(self.pbx.request('INVITE', uri, parties, 1, description(9), branch(),
                                       extra={'Resource-Priority': 'ets.0'}))
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 180, 'c', extra={'Require': '100rel', 'RSeq': 1})
        prack = self.carrier.expect('PRACK ')
        self.assertEqual(field(prack, 'Resource-Priority'), 'ets.0')
        self.carrier.answer(prack, 200)
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        sent = [one.dscp for one in self.capture.datagrams(source=self.port) if one.bytes.startswith(b'PRACK ')]
        self.assertEqual(sent, [SIP_FIRST])

    def test_pri_012_a_mark_raises_what_follows(self):
        self.start()
        call = Call(self.pbx, self.carrier)
        self.assertEqual(self.sent(call)[0], {SIP})
        n_before = len(self.capture.kept)
        self.renegotiate(call, 'UPDATE', extra={'Resource-Priority': 'ets.0'})
        call.hang_up()
        self.capture.datagrams()
        self.capture.kept = self.capture.kept[n_before:]
        self.assertEqual(self.sent(call)[0], {SIP_FIRST})

    def test_pri_012_cancel(self):
        self.start()
        self.capture.datagrams()
        uri = f'sip:8001@127.0.0.1:{self.port}'
        parties = {'From': '<sip:a@x>;tag=f', 'To': f'<{uri}>', 'Call-ID': uuid.uuid4().hex}
        transaction = branch()
        self.pbx.send(self.pbx.request('INVITE', uri, parties, 1, description(9), transaction,
                                       extra={'Resource-Priority': 'ets.0'}))
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 180, 'c')
        self.pbx.expect('SIP/2.0 180 ')
        self.pbx.send(self.pbx.request('CANCEL', uri, parties, 1, transaction=transaction))
        self.pbx.expect('SIP/2.0 200 ')
        self.pbx.expect('SIP/2.0 487 ')
        self.carrier.answer(self.carrier.expect('CANCEL '), 200, 'c')
        self.carrier.answer(invite, 487, 'c')
        self.carrier.expect('ACK ')
        sent = self.capture.datagrams(source=self.port)
        self.assertGreaterEqual(len(sent), 7)
        self.assertEqual({one.dscp for one in sent}, {SIP_FIRST})


if __name__ == '__main__':
    tap.main()
