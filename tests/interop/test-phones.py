#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Phones as people use them: two register, call, talk, hold, dial on, give up, refuse."""

import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.baresip import Baresip, tone_share  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

ALICE_HZ, BOB_HZ = 440, 660
WINDOW_S = 0.5


class Phones(PeerCase):
    HOST = '127.0.0.1'
    TRANSPORTS = ('udp', 'udp')
    CODECS = (('PCMU',), ('PCMU',))
    ANSWER = 'auto'

    def setUp(self):
        super().setUp()
        self.here = f'{self.HOST}:{ports.free_port()}'
        self.tandem = Tandem(self, {
            'modules': {name: 'required' for name in (
                'cli', 'sip', 'rtp', 'codec-g711', 'registrar', 'route-table', 'echo', 'cdr-file')},
            'sip': {'listen': f'udp:{self.here}, tcp:{self.here}', 'strangers': 'challenge',
                    'digest': 'md5'},
            'rtp': {'address6': '[::1]'},
            'registrar': {'domains': self.HOST},
            'user alice': {'password': 'a-secret', 'numbers': '101'},
            'user bob': {'password': 'b-secret', 'numbers': '102'},
            'user carol': {'password': 'c-secret'},
            'route echo': {'prefix': '9196', 'targets': 'echo:'},
            'cdr-file': {'format': 'json'}})
        self.alice, self.bob = (
            self.phone(user, tone_hz, answer, transport, codecs)
            for user, tone_hz, answer, transport, codecs in zip(
                ('alice', 'bob'), (ALICE_HZ, BOB_HZ), ('manual', self.ANSWER), self.TRANSPORTS,
                self.CODECS))

    def phone(self, user, tone_hz, answer, transport, codecs):
        phone = Baresip(self, user, registrar=self.here, password=f'{user[0]}-secret',
                        tone_hz=tone_hz, answer=answer, host=self.HOST, transport=transport,
                        codecs=codecs)
        phone.process.wait_for_output('200 OK')
        return phone

    def dial(self, whom):
        self.alice.dial(f'sip:{whom}@{self.here}')

    def talk(self):
        self.dial('102')
        self.alice.wait_for_event('CALL_ESTABLISHED')
        self.bob.wait_for_event('CALL_ESTABLISHED')

    def hears(self, phone, tone_hz):
        """Waits until PHONE goes on hearing the tone for half a second."""
        n_before = len(phone.heard()[0])

        def is_there():
            samples, rate_hz = phone.heard()
            tail = samples[-int(WINDOW_S * rate_hz):]
            return (len(samples) - n_before > WINDOW_S * rate_hz
                    and tone_share(tail, rate_hz, tone_hz) > 0.9)
        phone.process.wait_for(is_there, f'{tone_hz} Hz in its ear', 10)

    def is_in_the_ladder(self, words, n_times):
        call = self.tandem.ctl_json('call', 'list')[0]['call']
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl('trace', call)[1].count(words) == n_times,
            f'{n_times} x {words} in the ladder')

    def record(self):
        """The last record of the one call that was made, once that call is over."""
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.jsonl')

        def last():
            if not os.path.exists(path):
                return None
            with open(path, encoding='utf-8') as file:
                records = [json.loads(line) for line in file if line.endswith('\n')]
            return next((record for record in records if record['record'] != 'START'), None)
        return self.tandem.process.wait_for(last, 'record', 10)


class Talking(Phones):
    def test_both_are_heard_and_it_is_on_record(self):
        self.talk()
        self.hears(self.alice, BOB_HZ)
        self.hears(self.bob, ALICE_HZ)
        self.bob.command('hangup')
        self.alice.wait_for_event('CALL_CLOSED')
        record = self.record()
        data = record['data']
        self.assertEqual((record['record'], data['calling'], data['called'], data['cause'],
                          data['released_by']), ('STOP', 'alice', '102', 16, 'called'))
        self.assertEqual(self.tandem.ctl_json('call', 'list'), [])

    def test_held_and_resumed(self):
        """Seen in the ladder: this phone's files of what it heard end with the first hold."""
        self.talk()
        self.is_in_the_ladder('sendrecv', 5)  # the first INVITE is challenged
        self.alice.command('hold')
        self.is_in_the_ladder('sendonly', 2)
        self.is_in_the_ladder('recvonly', 2)
        self.alice.command('resume')
        self.is_in_the_ladder('sendrecv', 9)
        self.alice.command('hangup')
        self.bob.wait_for_event('CALL_CLOSED')
        self.assertEqual(self.record()['record'], 'STOP')

    def test_digits_come_through(self):
        self.talk()
        self.hears(self.bob, ALICE_HZ)
        for digit in '5#':
            self.alice.command('sndcode', digit)
            event = self.bob.wait_for_event('CALL_DTMF_START')
            self.assertEqual(event['param'], digit)

    def test_echo(self):
        self.dial('9196')
        self.alice.wait_for_event('CALL_ESTABLISHED')
        self.hears(self.alice, ALICE_HZ)


class TalkingOtherwise(Phones):
    """One over TCP and one over UDP, of which one knows the A-law only and one the mu-law."""
    TRANSPORTS = ('tcp', 'udp')
    CODECS = (('PCMA',), ('PCMU',))

    def test_both_are_heard(self):
        self.talk()
        self.hears(self.alice, BOB_HZ)
        self.hears(self.bob, ALICE_HZ)
        self.alice.command('hangup')
        self.bob.wait_for_event('CALL_CLOSED')
        data = self.record()['data']
        self.assertEqual((data['codec_calling'], data['codec_called']), ('PCMA/8000', 'PCMU/8000'))


class TalkingOverIpv6(Phones):
    HOST = '[::1]'

    def test_both_are_heard(self):
        self.talk()
        self.hears(self.alice, BOB_HZ)
        self.hears(self.bob, ALICE_HZ)


class NotAnswered(Phones):
    ANSWER = 'manual'

    def assert_attempt(self, cause):
        record = self.record()
        self.assertEqual((record['record'], record['data']['cause']), ('ATTEMPT', cause))

    def test_caller_gives_up(self):
        self.dial('bob')
        self.bob.wait_for_event('CALL_INCOMING')
        self.alice.wait_for_event('CALL_RINGING')
        self.alice.command('hangup')
        self.bob.wait_for_event('CALL_CLOSED')
        self.assert_attempt(16)

    def test_called_refuses(self):
        self.dial('bob')
        self.bob.wait_for_event('CALL_INCOMING')
        self.bob.command('hangup')
        closed = self.alice.wait_for_event('CALL_CLOSED')
        self.assertIn('486', closed['param'])
        self.assert_attempt(17)

    def test_nobody_is_registered(self):
        self.dial('carol')
        closed = self.alice.wait_for_event('CALL_CLOSED')
        self.assertIn('480', closed['param'])

    def test_no_such_number(self):
        self.dial('5550100')
        closed = self.alice.wait_for_event('CALL_CLOSED')
        self.assertIn('404', closed['param'])
        self.assert_attempt(3)


if __name__ == '__main__':
    tap.main()
