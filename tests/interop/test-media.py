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


if __name__ == '__main__':
    tap.main()
