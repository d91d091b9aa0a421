#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmarks' arithmetic, and their load generator without a relay in between."""

import json
import os
import struct
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'common')]

import media  # noqa: E402
import network  # noqa: E402
import report  # noqa: E402
import signalling  # noqa: E402
import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD  # noqa: E402
from subjects import CALLED_PORT, CALLER_PORT, SIP_PORT  # noqa: E402


def message(first, number, cseq):
    return (f'{first}\r\nFrom: <sip:x@y>;tag=1\r\nTo: "{number}" <sip:{number}@y>\r\n'
            f'CSeq: 1 {cseq}\r\n\r\nTo: <sip:wrong@body>').encode()


class Delays(unittest.TestCase):
    def call(self, number, at_us, switch_us, ring_us):
        """A call whose INVITE and 180 each spend SWITCH_US in the switch."""
        invite = message(f'INVITE sip:{number}@y SIP/2.0', number, 'INVITE')
        ringing = message('SIP/2.0 180 Ringing', number, 'INVITE')
        steps = [(0, CALLER_PORT, SIP_PORT, invite), (switch_us, SIP_PORT, CALLED_PORT, invite),
                 (switch_us + ring_us, CALLED_PORT, SIP_PORT, ringing),
                 (2 * switch_us + ring_us, SIP_PORT, CALLER_PORT, ringing)]
        return [(at_us + after, *rest) for after, *rest in steps]

    def test_setup_leaves_the_called_party_out(self):
        found = signalling.delays_us(self.call('80011', 1000, 200, 5000))
        self.assertEqual(found['setup'], [400])
        self.assertEqual((found['INVITE'], found['180']), ([200], [200]))

    def test_calls_are_told_apart(self):
        packets = self.call('80011', 1000, 200, 50) + self.call('80012', 1100, 300, 50)
        self.assertEqual(signalling.delays_us(sorted(packets))['setup'], [400, 600])

    def test_retransmission_does_not_count(self):
        packets = self.call('80011', 1000, 200, 5000)
        again = (501000, *packets[0][1:])
        self.assertEqual(signalling.delays_us([*packets, again])['setup'], [400])

    def test_half_a_call_does_not_count(self):
        self.assertEqual(signalling.delays_us(self.call('80011', 0, 200, 50)[:3])['setup'], [])

    def test_percentile(self):
        values = list(range(1, 101))
        self.assertEqual([signalling.percentile(values, share) for share in (0, 0.5, 0.99, 1)],
                         [1, 50, 99, 100])


class Pcap(unittest.TestCase):
    def frame(self, payload):
        ip = bytes([0x45, 0]) + struct.pack('>H', 28 + len(payload)) + bytes(5) + b'\x11' + bytes(10)
        return bytes(12) + b'\x08\x00' + ip + struct.pack('>4H', 5070, 5060, 8 + len(payload), 0) \
            + payload

    def file(self, order, magic, fraction, frame):
        return (struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, 65535, 1)
                + struct.pack(order + '4I', 2, fraction, len(frame), len(frame)) + frame)

    def test_microseconds(self):
        data = self.file('<', 0xa1b2c3d4, 500, self.frame(b'hello'))
        self.assertEqual(list(signalling.read_packets(data)), [(2000500.0, 5070, 5060, b'hello')])

    def test_nanoseconds_in_the_other_byte_order(self):
        data = self.file('>', 0xa1b23c4d, 500000, self.frame(b'hello'))
        self.assertEqual(list(signalling.read_packets(data)), [(2000500.0, 5070, 5060, b'hello')])

    def test_broken_end_is_left_out(self):
        data = self.file('<', 0xa1b2c3d4, 500, self.frame(b'hello'))
        self.assertEqual(len(list(signalling.read_packets(data + bytes(10)))), 1)

    def test_foreign_file(self):
        with self.assertRaises(ValueError):
            list(signalling.read_packets(bytes(24)))


class Media(unittest.TestCase):
    def test_bencode(self):
        self.assertEqual(media.bencode({'b': ['x'], 'a': 'yz'}), b'd1:a2:yz1:bl1:xee')

    def test_calls_have_ports_of_their_own(self):
        taken = [port for number in range(100) for port in media.own_ports(number)]
        self.assertEqual(len(set(taken)), 200)
        self.assertTrue(all(port % 2 == 0 for port in taken))


class Rates(unittest.TestCase):
    def highest(self, limit, start):
        """What is found, and the rates that were tried, where LIMIT is the last clean one."""
        tried = []

        def is_clean(rate):
            tried.append(rate)
            return rate <= limit
        return signalling.highest_clean_rate(is_clean, start, 1.25), tried

    def test_highest_is_found_between_steps(self):
        self.assertEqual(self.highest(1300, 1000), (1250, [1000, 1250, 1562, 1398]))
        self.assertEqual(self.highest(1400, 1000)[0], 1398)

    def test_too_high_a_start_goes_down(self):
        self.assertEqual(self.highest(700, 1000), (640, [1000, 800, 640, 716]))

    def test_where_nothing_is_clean_there_is_none(self):
        self.assertEqual(self.highest(0, 10)[0], 0)


class Calls(PeerCase):
    def test_foreign_call_is_told(self):
        calls = media.SipCalls.__new__(media.SipCalls)
        calls.calls = {}
        with self.assertRaisesRegex(ValueError, 'call 100 arrived .* nobody here made it'):
            calls.take_request(None, 'INVITE sip:8001100@127.0.0.1 SIP/2.0\r\n\r\n', None)


class Steps(PeerCase):
    def test_second_sipp_of_a_port_counts_anew(self):
        first = sipp.uas(self)
        first.finish()
        second = sipp.uas(self, port=first.port)
        self.assertEqual(second.counts(), sipp.Counts())
        self.assertNotEqual(second.stem, first.stem)

    def test_step_ends_when_it_is_known_to_be_unclean(self):
        called, calls = sipp.uas(self), 10000
        deaf = media.udp_socket(ports.free_port())
        self.addCleanup(deaf.close)
        caller = sipp.uac(self, '127.0.0.1:%d' % deaf.getsockname()[1], n_calls=calls, rate=100)
        signalling.wait_while_clean(caller, called, 100)
        self.assertGreater(caller.counts().retransmissions, 0)
        self.assertLess(caller.counts().current, calls // 10)


class Network(unittest.TestCase):
    def test_port_in_use_is_named(self):
        port = ports.free_port()
        with media.udp_socket(port), self.assertRaisesRegex(SystemExit, f'port {port} of'):
            network.require_free([port])

    def test_own_network_has_free_ports_and_loopback(self):
        command = network.unshare_command()
        if command is None:
            self.skipTest('this user may not make a network: unshare --net is refused')
        port = ports.free_port()
        text = (f'import media, network, os; network.enter([]); a = media.udp_socket({port}); '
                'media.udp_socket().sendto(b"heard", a.getsockname()); print(a.recv(9))')
        with media.udp_socket(port):
            answer = subprocess.run(
                [*command, sys.executable, '-c', text], capture_output=True, text=True, timeout=30,
                env={**os.environ, network.ENTERED: 'own', 'PYTHONPATH': ':'.join(sys.path[:2])},
                check=False)
        self.assertEqual((answer.stdout, answer.stderr), ("b'heard'\n", ''))


class Goals(unittest.TestCase):
    def test_ratio_is_held_against_the_limit(self):
        goal = report.Goal('signalling', 'cost', 'a cost', 2.0, is_ratio=True)
        self.assertEqual([goal.is_reached(9, ratio) for ratio in (1.9, 2.0, 2.1, None)],
                         [True, True, False, None])

    def test_least_is_a_lower_limit(self):
        goal = report.Goal('capacity', 'rate', 'a rate', 1500, is_least=True)
        self.assertEqual([goal.is_reached(value, None) for value in (1499, 1500)], [False, True])

    def test_table_shows_peers_ratio_and_verdict(self):
        out = report.Report('Title', 'kamailio')
        for subject, value in (('tandem', 3.0), ('kamailio', 2.0)):
            out.add(subject, 'cost', value, 's')
        goal = report.Goal('signalling', 'cost', 'a cost', 1.0, is_ratio=True)
        self.assertEqual(
            report.markdown([goal], {'signalling': out}).splitlines()[2],
            '| a cost | 3.00 s (3.00 to 3.00, n=1) | kamailio 2.00 s (2.00 to 2.00, n=1) | 1.50 x '
            '| at most 1 x | NO |')

    def test_what_failed_is_not_measured(self):
        goal = report.Goal('signalling', 'cost', 'a cost', 1.0)
        row = report.markdown([goal], {'signalling': report.Report('T', 'p')}).splitlines()[2]
        self.assertIn('not measured', row)


class Reports(unittest.TestCase):
    def report(self):
        out = report.Report('Title', 'kamailio')
        for value in (2.0, 3.0, 10.0):
            out.add('tandem', 'cost', value, 's')
        out.add('kamailio', 'cost', 2.0, 's')
        return out

    def test_ratio_is_of_medians(self):
        self.assertEqual(self.report().figures['cost'].ratio('tandem', 'kamailio'), 1.5)

    def test_table_shows_median_spread_and_ratio(self):
        self.assertRegex(self.report().text(),
                         r'cost +tandem +3\.00 +s +2\.00 to 10\.00, n=3 +1\.50 x')

    def test_without_a_peer_there_is_no_ratio(self):
        out = report.Report('Title', 'kamailio')
        out.add('tandem', 'cost', 2.0, 's')
        self.assertIsNone(out.json()['figures'][0]['ratio'])


class RtpLoad(PeerCase):
    def load(self, lines, *options):
        map_file = self.write('map', lines)
        program = os.path.join(BUILD, 'tests', 'bench', 'rtp-load')
        return subprocess.run([program, '--map', map_file, *options], capture_output=True,
                              text=True, check=False, timeout=60)

    def test_all_arrives_without_a_relay(self):
        a, b = ports.rtp_port(), ports.rtp_port()
        answer = self.load(f'{a} {b} {b} {a}\n', '--seconds', '0.4')
        start, result = answer.stdout.splitlines()
        result = json.loads(result)
        self.assertEqual(start, 'START')
        self.assertEqual((result['streams'], result['sent'], result['received']), (2, 40, 40))
        self.assertEqual((result['changed'], result['silent_legs']), (0, 0))
        self.assertGreaterEqual(result['p50_us'], 0)

    def test_silence_is_told(self):
        a, b, nobody = ports.rtp_port(), ports.rtp_port(), ports.rtp_port()
        answer = self.load(f'{a} {nobody} {b} {a}\n', '--seconds', '0.2')
        result = json.loads(answer.stdout.splitlines()[1])
        self.assertEqual(result['silent_legs'], 1)
        self.assertEqual(result['received'], 10)

    def test_bad_map_is_named(self):
        answer = self.load('1 2 three 4\n')
        self.assertEqual(answer.returncode, 1)
        self.assertIn('map:1', answer.stderr)

    def test_port_in_use_is_named(self):
        a, b = ports.rtp_port(), ports.rtp_port()
        with media.udp_socket(a):
            answer = self.load(f'{a} {b} {b} {a}\n')
        self.assertEqual(answer.returncode, 1)
        self.assertIn(f'port {a}', answer.stderr)


if __name__ == '__main__':
    tap.main()
