#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What callers hear when a call fails, measured by frequency: ROU-031."""

import os
import socket
import subprocess
import sys
import time
import uuid
import wave

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, Sound, branch, description, field, media_port  # noqa: E402
from peers.baresip import Baresip, tone_share, write_tone  # noqa: E402
from peers.case import PeerCase, ROOT  # noqa: E402
from peers.tandem import BUILD, Tandem, csv_records, ini, program  # noqa: E402

FRAME = 80  # samples, 10 ms


def expand(byte):
    """One byte of PCMU as a sample (ITU-T G.711 table 2)."""
    byte = ~byte & 0xff
    sample = ((((byte & 0x0f) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84
    return -sample if byte & 0x80 else sample


def is_loud(samples, start, threshold=200):
    return max(map(abs, samples[start:start + FRAME]), default=0) > threshold


def bursts(samples):
    """(first sample, samples) of everything that is louder than silence, to 10 ms."""
    found, begin = [], None
    for start in range(0, len(samples) + FRAME, FRAME):
        loud = is_loud(samples, start)
        if loud and begin is None:
            begin = start
        elif not loud and begin is not None:
            found.append((begin, start - begin))
            begin = None
    return found


class Treated(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.prompts = self.path('prompts')
        os.makedirs(self.prompts)
        write_tone(os.path.join(self.prompts, 'vacant.wav'), 700, seconds=1)
        self.busy = Agent(self, self.port, user='busy')
        self.tandem = Tandem(self, self.config())

    def config(self, **announce):
        media = ports.free_range(40, alignment=2)
        return {
            'tandem': {'lanes': 2},
            'modules': dict.fromkeys(('cli', 'sip', 'rtp', 'route-table', 'codec-g711', 'announce',
                                      'cdr-file'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'call': {'media': 'anchor'},
            'rtp': {'address': '127.0.0.1', 'first-port': media, 'last-port': media + 39},
            'announce': {'tones': os.path.join(ROOT, 'etc', 'tones', 'north-america.ini'),
                         'prompts': self.prompts, 'treatment': 'usual', **announce},
            'treatment usual': {'3': 'tone/sit-vc, prompt/vacant * 2', '17': 'tone/reorder 3 s'},
            'trunk busy': {'address': f'sip:{self.busy.address}'},
            'route busy': {'prefix': '8', 'targets': 'busy'},
        }

    def records(self):
        return csv_records(os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv'))

    def wait_for_record(self):
        rows = self.tandem.process.wait_for(self.records, 'record')
        self.assertEqual(len(rows), 1, rows)
        return rows[0]

    def assert_tone(self, samples, rate_hz, frequencies):
        """At least nine tenths of what is heard are these frequencies."""
        shares = [tone_share(samples, rate_hz, hz) for hz in frequencies]
        self.assertGreater(sum(shares), 0.9, (frequencies, shares))
        for share in shares:
            self.assertAlmostEqual(share, 1 / len(shares), delta=0.1)


class Phones(Treated):
    """A phone calls, and what it heard is in a file."""

    def refuse(self):
        invite = self.busy.expect('INVITE ')
        self.busy.answer(invite, '486 Busy Here', 'bt')
        self.busy.expect('ACK ')

    def test_vacant_number(self):
        phone = Baresip(self, 'anna')
        phone.dial(f'sip:5550199@127.0.0.1:{self.port}')
        phone.wait_for_event('CALL_CLOSED', 20)
        samples, rate_hz = phone.heard()
        sounds = [sound for sound in bursts(samples) if sound[1] > 0.2 * rate_hz]
        self.assertGreaterEqual(len(sounds), 1, sounds)
        start = sounds[0][0]
        # The three of the special information tone go over into each other, and into the recording.
        for begin_ms, end_ms, hz in ((30, 350, 985.2), (400, 630, 1370.6), (680, 1000, 1776.7),
                                     (1100, 2000, 700)):
            part = samples[start + begin_ms * 8:start + end_ms * 8]
            self.assertGreater(tone_share(part, rate_hz, hz), 0.9, hz)
        record = self.wait_for_record()
        self.assertEqual((record['cause'], record['answered_us'] or '0'), ('3', '0'), record)

    def test_reorder(self):
        phone = Baresip(self, 'anna')
        phone.dial(f'sip:8001@127.0.0.1:{self.port}')
        self.refuse()
        phone.wait_for_event('CALL_CLOSED', 20)
        samples, rate_hz = phone.heard()
        sounds = bursts(samples)
        whole = [sound for sound in sounds if 0.22 * rate_hz <= sound[1] <= 0.28 * rate_hz]
        self.assertGreaterEqual(len(whole), 4, sounds)
        start = whole[1][0]
        self.assert_tone(samples[start + 160:start + 1760], rate_hz, (480, 620))
        steps = [later[0] - earlier[0] for earlier, later in zip(whole, whole[1:])]
        self.assertAlmostEqual(sorted(steps)[len(steps) // 2], 0.5 * rate_hz, delta=0.02 * rate_hz)
        record = self.wait_for_record()
        self.assertEqual((record['cause'], record['protocol_code'], record['called_trunk']),
                         ('17', '486', 'busy'), record)


class Caller(Treated):
    """A caller of our own, who sees each packet and each response."""

    def setUp(self):
        super().setUp()
        self.agent = Agent(self, self.port)
        self.sound = Sound(self)
        self.uri = f'sip:5550199@127.0.0.1:{self.port}'
        self.parties = {'From': f'<sip:ann@{self.agent.address}>;tag=at', 'To': f'<{self.uri}>',
                        'Call-ID': uuid.uuid4().hex}
        self.branch = branch()

    def invite(self, body):
        self.agent.send(self.agent.request('INVITE', self.uri, self.parties, 1, body, self.branch))

    def acknowledge(self, response):
        self.agent.send(self.agent.request(
            'ACK', self.uri, {**self.parties, 'To': field(response, 'To')}, 1,
            transaction=self.branch))

    def expect_progress(self):
        message = self.agent.receive()
        while message is not None and not message.startswith('SIP/2.0 183'):
            message = self.agent.receive()
        self.assertIsNotNone(message, 'no 183')
        self.assertIn('m=audio', message)
        return message

    def hear(self, seconds):
        """(arrival, packet) of all that comes in so long."""
        heard, end = [], time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.sound.socket.settimeout(left)
            try:
                heard.append((time.monotonic(), self.sound.socket.recv(2048)))
            except (TimeoutError, socket.timeout):
                break
        return heard


class Packets(Caller):
    def test_stream_is_steady(self):
        self.invite(description(self.sound.port))
        self.expect_progress()
        heard = self.hear(2)
        packets = [packet for _, packet in heard]
        self.assertGreater(len(packets), 90)
        self.assertTrue(all(len(packet) == 172 for packet in packets))
        self.assertEqual(packets[0][1], 0x80)  # marked
        self.assertEqual({packet[1] for packet in packets[1:]}, {0})
        self.assertEqual(len({packet[8:12] for packet in packets}), 1)
        for earlier, later in zip(packets, packets[1:]):
            for place, size, step in ((2, 2, 1), (4, 4, 160)):
                modulo = 1 << 8 * size
                self.assertEqual((int.from_bytes(later[place:place + size], 'big')
                                  - int.from_bytes(earlier[place:place + size], 'big')) % modulo,
                                 step)
        # 20 ms apart in the mean, whatever this machine has to do besides.
        self.assertAlmostEqual((heard[-1][0] - heard[0][0]) / (len(heard) - 1), 0.02, delta=0.002)
        samples = [expand(byte) for packet in packets for byte in packet[12:]]
        self.assertGreater(tone_share(samples[80:2960], 8000, 985.2), 0.95)
        level = max(map(abs, samples[80:2960]))  # -24 dBm0
        self.assertAlmostEqual(level, 22656 * 10 ** (-24 / 20), delta=100)
        response = self.agent.expect('SIP/2.0 404', 15)
        self.acknowledge(response)

    def test_packets_are_as_long_as_asked_for(self):
        """RFC 3264 6.1"""
        self.invite(description(self.sound.port) + 'a=ptime:40\r\n')
        self.expect_progress()
        packets = [packet for _, packet in self.hear(1)]
        self.assertGreater(len(packets), 15)
        self.assertEqual({len(packet) for packet in packets}, {12 + 320})
        self.acknowledge(self.agent.expect('SIP/2.0 404', 15))

    def test_caller_hangs_up_in_the_tone(self):
        self.invite(description(self.sound.port))
        self.expect_progress()
        self.assertGreater(len(self.hear(0.5)), 10)
        self.agent.send(self.agent.request('CANCEL', self.uri, self.parties, 1,
                                           transaction=self.branch))
        self.agent.expect('SIP/2.0 200')
        self.acknowledge(self.agent.expect('SIP/2.0 487'))
        self.hear(0.2)
        self.assertEqual(self.hear(0.3), [])
        self.assertEqual(self.wait_for_record()['cause'], '3')

    def test_caller_without_an_offer_is_released_at_once(self):
        self.invite('')
        response = self.agent.expect('SIP/2.0 404', 2)
        self.acknowledge(response)
        self.assertEqual(self.wait_for_record()['cause'], '3')

    def test_caller_without_a_codec_is_released_at_once(self):
        self.invite(description(self.sound.port).replace('RTP/AVP 0', 'RTP/AVP 18').replace(
            'a=rtpmap:0 PCMU', 'a=rtpmap:18 G729'))
        self.acknowledge(self.agent.expect('SIP/2.0 404', 2))

    def test_limit_is_kept(self):
        self.tandem.rewrite(self.config(capacity=0))
        status, out, err = self.tandem.ctl('config', 'reload')
        self.assertEqual((status, err), (0, ''), out)
        self.invite(description(self.sound.port))
        self.acknowledge(self.agent.expect('SIP/2.0 404', 2))

    def test_upgrade_is_not_heard(self):
        self.invite(description(self.sound.port))
        self.expect_progress()
        for name in 'announce', 'rtp':
            status, out, err = self.tandem.ctl('module', 'upgrade', name)
            self.assertEqual((status, err), (0, ''), out)
        packets = [packet for _, packet in self.hear(1.5)]
        self.assertGreater(len(packets), 50)
        steps = {(int.from_bytes(later[2:4], 'big') - int.from_bytes(earlier[2:4], 'big')) % 65536
                 for earlier, later in zip(packets, packets[1:])}
        self.assertEqual(steps, {1})
        self.acknowledge(self.agent.expect('SIP/2.0 404', 15))
        # The new builds make the next one heard.
        self.parties['Call-ID'], self.branch = uuid.uuid4().hex, branch()
        self.hear(0.1)
        self.invite(description(self.sound.port))
        self.expect_progress()
        self.assertGreater(len(self.hear(0.5)), 10)

    def test_stop_waits_for_who_listens(self):
        self.invite(description(self.sound.port))
        self.expect_progress()
        self.assertEqual(self.tandem.ctl('module', 'stop', 'announce')[0], 0)
        self.assertGreater(len(self.hear(0.5)), 10)
        self.acknowledge(self.agent.expect('SIP/2.0 404', 15))


class Upgraded(Caller):
    """rtp is upgraded while the other side rings, which then declines: that is heard all the same."""

    def ring(self, status, body=''):
        self.uri = f'sip:8001@127.0.0.1:{self.port}'
        self.parties['To'] = f'<{self.uri}>'
        self.invite(description(self.sound.port))
        invite = self.busy.expect('INVITE ')
        self.busy.answer(invite, status, 'bt', body)
        return invite

    def upgrade_and_decline(self, invite):
        status, out, err = self.tandem.ctl('module', 'upgrade', 'rtp')
        self.assertEqual((status, err), (0, ''), out)
        self.busy.answer(invite, '486 Busy Here', 'bt')
        self.busy.expect('ACK ')

    def assert_heard(self):
        samples = [expand(byte) for _, packet in self.hear(0.6) for byte in packet[12:]]
        self.assert_tone(samples[400:1600], 8000, (480, 620))
        self.acknowledge(self.agent.expect('SIP/2.0 486', 15))

    def test_while_it_rings(self):
        invite = self.ring('180 Ringing')
        self.agent.expect('SIP/2.0 180')
        self.upgrade_and_decline(invite)
        self.expect_progress()
        self.assert_heard()

    def test_while_early_media_flow(self):
        invite = self.ring('183 Session Progress', description(Sound(self).port))
        self.expect_progress()
        self.upgrade_and_decline(invite)
        self.assert_heard()


class Tables(Caller):
    """The routing tables say who hears what."""

    TABLES = {
        'list': 'label\nwest\n',
        'target': 'label,position,trunk\nwest,1,busy\n',
        'route': 'table,prefix,label\nmain,8,west\n',
        'screening': 'list,called,action,cause,announcement\npolite,5550,deny,21,vacant\n',
        'ingress': 'trunk,screening,table,treatment\n*,polite,main,tables\n',
    }

    def config(self, **announce):
        database = self.path('route.db')
        os.makedirs(self.path('tables'), exist_ok=True)
        for table, text in self.TABLES.items():
            self.write(os.path.join(self.path('tables'), f'{table}.csv'), text)
        subprocess.run([os.path.join(BUILD, 'modules', 'route', 'tandem-routes'), '-d', database,
                        'import', self.path('tables')], check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        config = super().config(**announce)
        del config['modules']['route-table'], config['route busy']
        config['modules']['route'] = 'required'
        config['routing'] = {'database': database}
        config['treatment tables'] = {'21': 'tone/reorder', '17': 'tone/busy 2 s, release 34',
                                      'announcement': 'prompt/% * 2'}
        return config

    def hear_first(self, seconds):
        """(samples of PCMU) that come in so long."""
        return [expand(byte) for _, packet in self.hear(seconds) for byte in packet[12:]]

    def test_announcement_of_a_screening_row(self):
        self.invite(description(self.sound.port))
        self.expect_progress()
        self.assertGreater(tone_share(self.hear_first(1)[:4000], 8000, 700), 0.9)
        self.acknowledge(self.agent.expect('SIP/2.0 403', 10))
        self.assertEqual(self.wait_for_record()['cause'], '21')

    def test_treatment_of_the_ingress(self):
        self.uri = f'sip:8001@127.0.0.1:{self.port}'
        self.parties['To'] = f'<{self.uri}>'
        self.invite(description(self.sound.port))
        invite = self.busy.expect('INVITE ')
        self.busy.answer(invite, '486 Busy Here', 'bt')
        self.busy.expect('ACK ')
        self.expect_progress()
        samples = self.hear_first(0.6)
        self.assert_tone(samples[400:3600], 8000, (480, 620))
        self.acknowledge(self.agent.expect('SIP/2.0 503', 10))
        self.assertEqual(self.wait_for_record()['cause'], '34')


class Sample(Treated):
    def config(self, **announce):
        with open(os.path.join(ROOT, 'etc', 'tones', 'north-america.conf'),
                  encoding='utf-8') as file:
            self.sample = file.read()
        config = super().config(treatment='north-america', **announce)
        del config['treatment usual']
        return ini(config) + self.sample

    def test_sample_is_taken_as_it_is(self):
        info = self.tandem.ctl_json('module', 'info', 'announce')
        self.assertEqual((info['treatments'], info['prompts']), (1, 1))
        phone = Baresip(self, 'anna')
        phone.dial(f'sip:5550199@127.0.0.1:{self.port}')
        phone.wait_for_event('CALL_CLOSED', 30)
        samples, rate_hz = phone.heard()
        start = bursts(samples)[0][0]
        self.assertGreater(tone_share(samples[start + 160:start + 2000], rate_hz, 913.8), 0.9)


class Mistakes(Treated):
    """What is wrong is told with its place, and the old tones stay."""

    def assert_refused(self, config, reason):
        self.tandem.rewrite(config)
        status, out, err = self.tandem.ctl('config', 'reload')
        self.assertEqual(status, 1, out)
        self.assertRegex(out + err, reason)

    def test_recording_that_is_not_there(self):
        config = self.config()
        config['treatment usual']['1'] = 'tone/sit-vc, prompt/gone'
        self.assert_refused(config, r'tandem\.conf:\d+:\d+: \[treatment usual\] 1: "prompt/gone": '
                                    r'there is no recording')

    def test_recording_that_is_not_there_is_found_before_a_start(self):
        config = self.config()
        config['treatment usual']['1'] = 'prompt/gone'
        self.tandem.rewrite(config)
        done = subprocess.run([program('tandemd'), '--config', self.tandem.config,
                               '--check-config'], capture_output=True, text=True, timeout=30,
                              check=False, env={**os.environ, **self.tandem.environment})
        self.assertEqual(done.returncode, 78, done.stderr)
        self.assertIn('"prompt/gone": there is no recording', done.stdout + done.stderr)

    def test_recording_of_another_kind(self):
        with wave.open(os.path.join(self.prompts, 'stereo.wav'), 'wb') as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(44100)
            file.writeframes(bytes(400))
        self.assert_refused(self.config(), r'stereo\.wav: it has format 1, 2 channels, 44100')

    def test_no_cause(self):
        config = self.config()
        config['treatment usual']['300'] = 'tone/busy'
        self.assert_refused(config, r'\[treatment usual\] 300: it is no cause')


if __name__ == '__main__':
    tap.main()
