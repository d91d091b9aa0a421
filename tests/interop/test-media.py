#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two phones speak through Tandem, and the operator looks at their media meanwhile."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.baresip import Baresip  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402


class Speaking(PeerCase):
    def setUp(self):
        super().setUp()
        self.called = Baresip(self, '8001', tone_hz=880, answer='auto')
        self.media = ports.free_range(40, alignment=2)
        self.port = ports.free_port()
        self.tandem = Tandem(self, self.config())
        self.caller = Baresip(self, 'anna')
        self.caller.dial(f'sip:8001@127.0.0.1:{self.port}')
        self.caller.wait_for_event('CALL_ESTABLISHED')
        self.call = self.tandem.ctl_json('call', 'list')[0]['call']

    def config(self, **rtp):
        return {
            'tandem': {'lanes': 2},
            'modules': dict.fromkeys(('cli', 'sip', 'rtp', 'route-table', 'codec-g711'),
                                     'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'call': {'media': 'anchor'},
            'rtp': {'address': '127.0.0.1', 'first-port': self.media,
                    'last-port': self.media + 39, **rtp},
            'trunk called': {'address': f'sip:{self.called.address}'},
            'route all': {'targets': 'called'},
        }

    def streams(self):
        return self.tandem.ctl_json('call', 'show', self.call).get('streams', [])

    def wait_for_streams(self, is_good, what, timeout_s=20):
        def are_good():
            streams = self.streams()
            return streams if len(streams) == 2 and all(map(is_good, streams)) else None

        return self.tandem.process.wait_for(are_good, what, timeout_s)


class Shown(Speaking):
    def test_statistics_of_a_call_that_is_up(self):
        streams = self.wait_for_streams(lambda stream: stream['packets_in'] > 50, 'packets')
        legs = [leg['leg'] for leg in self.tandem.ctl_json('call', 'show', self.call)['legs']]
        self.assertEqual([stream['leg'] for stream in streams], legs)
        for stream in streams:
            self.assertIn(stream['codec'], ('PCMU/8000', 'PCMA/8000'))
            self.assertRegex(stream['remote'], r'^127\.0\.0\.1:\d+$')
            self.assertEqual(stream['octets_in'], 172 * stream['packets_in'])
            self.assertGreater(stream['packets_out'], 40)
            self.assertEqual((stream['lost'], stream['duplicated'], stream['reordered']),
                             (0, 0, 0))
            self.assertLess(stream['jitter_ms'], 20)
        text = self.tandem.ctl('call', 'show', self.call)[1]
        self.assertRegex(text, r'(?m)^streams:\n +leg +stream +codec +remote +packets_in ')

    def test_round_trip_when_rtcp_tells_it(self):
        streams = self.wait_for_streams(lambda stream: 'round_trip_ms' in stream, 'RTCP', 30)
        for stream in streams:
            self.assertLess(stream['round_trip_ms'], 1000)


class Reloaded(Speaking):
    def reload(self, **rtp):
        self.tandem.rewrite(self.config(**rtp))
        return self.tandem.ctl('config', 'reload')

    def our_ports(self):
        """Ports that Tandem is bound to, of all media."""
        with open('/proc/net/udp', encoding='ascii') as file:
            bound = [int(line.split()[1].split(':')[1], 16) for line in file.readlines()[1:]]
        return {port for port in bound if self.media <= port < self.media + 40}

    def test_ports_move_and_the_call_goes_on(self):
        before = self.our_ports()
        self.assertEqual(len(before), 4)
        first = next(port for port in range(self.media, self.media + 40, 8)
                     if not before & set(range(port, port + 8)))
        status, out, err = self.reload(**{'first-port': first, 'last-port': first + 7,
                                          'port-rest': '0 s', 'silence': '5 s', 'dscp': 10})
        self.assertEqual((status, err), (0, ''), out)
        n_in = {stream['leg']: stream['packets_in'] for stream in self.wait_for_streams(
            lambda stream: stream['packets_in'] > 0, 'packets')}
        self.wait_for_streams(lambda stream: stream['packets_in'] > n_in[stream['leg']] + 20,
                              'packets after the reload')
        second = Baresip(self, 'carla')
        second.dial(f'sip:8001@127.0.0.1:{self.port}')
        self.tandem.process.wait_for(lambda: len(self.our_ports()) == 8, 'media of a second call')
        self.assertTrue(self.our_ports() - before <= set(range(first, first + 8)))

    def test_what_cannot_change_is_told_with_its_place(self):
        status, out, err = self.reload(threads=7)
        self.assertEqual((status, err), (0, ''))
        self.assertRegex(out, r'\[rtp\] threads: .* -> 7; restart rtp \(.*tandem\.conf:\d+:\d+\)')

    def test_range_without_a_pair_is_refused(self):
        status, out, err = self.reload(**{'first-port': self.media + 1,
                                          'last-port': self.media + 2})
        self.assertEqual(status, 1)
        self.assertRegex(out + err, r'tandem\.conf:\d+:\d+: \[rtp\] .*widen the range')


if __name__ == '__main__':
    tap.main()
