#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The peers work with each other, and end with the test, before Tandem stands between them."""

import math
import os
import random
import signal
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, process, sipp, sound, tandem  # noqa: E402
from peers.agent import Agent  # noqa: E402
from peers.baresip import Baresip, tone_share  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.kamailio import Kamailio  # noqa: E402


def is_alive(pid):
    return os.path.exists(f'/proc/{pid}')


class Ports(unittest.TestCase):
    def test_never_the_same_twice(self):
        taken = [ports.free_port() for _ in range(50)]
        self.assertEqual(len(set(taken)), 50)

    def test_rtp_port_is_even_and_its_neighbour_free(self):
        port = ports.rtp_port()
        self.assertEqual(port % 2, 0)
        self.assertTrue(ports.is_free(port) and ports.is_free(port + 1))

    def test_bound_over_udp_is_not_free(self):
        port = ports.free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(('127.0.0.1', port))
            self.assertFalse(ports.is_free(port))
            self.assertTrue(ports.is_served(port))
        self.assertTrue(ports.is_free(port))
        self.assertFalse(ports.is_served(port))

    def test_bound_over_tcp_is_not_free(self):
        port = ports.free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as holder:
            holder.bind(('127.0.0.1', port))
            self.assertFalse(ports.is_served(port))
            holder.listen()
            self.assertFalse(ports.is_free(port))
            self.assertTrue(ports.is_served(port))

    def test_not_given_to_another_process(self):
        port = ports.free_port()
        question = f'from peers import ports; print(ports._claim({port}))'
        answer = subprocess.run([sys.executable, '-B', '-c', question], capture_output=True,
                                text=True, check=True,
                                env={**os.environ, 'PYTHONPATH': sys.path[0]})
        self.assertEqual(answer.stdout.strip(), 'False')


class Sounds(unittest.TestCase):
    """A wavering tone stands for speech: its loudness is nowhere the same twice."""

    RATE_HZ = 8000

    def waver(self, seconds, seed=0.0):
        return [int(9000 * math.sin(0.7 * n) * math.sin(n * n * 1e-8 + 0.0007 * n + seed))
                for n in range(int(seconds * self.RATE_HZ))]

    def test_same_sound_is_found_at_another_time(self):
        said = self.waver(3)
        heard = [0] * 1234 + [int(0.5 * sample) for sample in said[4321:]]
        self.assertGreater(sound.speech_match(heard, said, self.RATE_HZ), 0.99)

    def test_another_sound_is_not_found(self):
        noise = random.Random(1)
        heard = [noise.randrange(-9000, 9000) for _ in range(3 * self.RATE_HZ)]
        self.assertLess(sound.speech_match(heard, self.waver(3), self.RATE_HZ), 0.3)

    def test_silence_is_like_nothing(self):
        self.assertEqual(sound.speech_match([0] * 16000, self.waver(3), self.RATE_HZ), 0)
        self.assertEqual(sound.sounding_s([0] * 16000, self.RATE_HZ), 0)

    def test_nothing_is_like_nothing(self):
        self.assertEqual(sound.speech_match([], self.waver(3), self.RATE_HZ), 0)
        self.assertEqual(sound.tone_hz([], self.RATE_HZ), 0)

    def test_tone_is_told_by_its_frequency(self):
        samples = [int(8000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000)]
        self.assertAlmostEqual(sound.tone_hz(samples, self.RATE_HZ), 440, delta=1)

    def test_what_sounds_is_counted(self):
        samples = [0] * 8000 + [4000, -4000] * 4000
        self.assertAlmostEqual(sound.sounding_s(samples, self.RATE_HZ), 1, delta=0.02)


class Processes(PeerCase):
    def shell(self, script):
        return self.spawn('sh', ['sh', '-c', script])

    def test_stop_ends_what_it_started_too(self):
        parent = self.shell("trap '' TERM; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & "
                            'echo $!; wait')
        child = int(parent.wait_for(parent.output, 'number'))
        parent.stop(timeout_s=0.2)
        self.assertFalse(is_alive(parent.pid))
        parent_of_all = process.children_of(os.getpid())
        self.assertNotIn(child, parent_of_all)
        for _ in range(100):
            if not is_alive(child) or 'Z' in open(f'/proc/{child}/stat').read().split(')')[1]:
                return
            signal.sigtimedwait([], 0.02)
        self.fail('the grandchild lives')

    def test_dies_with_a_killed_test(self):
        script = ('import sys, time; from peers.process import Process\n'
                  f'p = Process("sleep", ["sleep", "60"], {self.path("log")!r})\n'
                  'print(p.pid, flush=True); time.sleep(60)')
        test = subprocess.Popen([sys.executable, '-B', '-c', script], stdout=subprocess.PIPE,
                                text=True, env={**os.environ, 'PYTHONPATH': sys.path[0]})
        pid = int(test.stdout.readline())
        self.assertTrue(is_alive(pid))
        test.kill()
        test.communicate()
        for _ in range(100):
            if not is_alive(pid) or 'Z' in open(f'/proc/{pid}/stat').read().split(')')[1]:
                return
            signal.sigtimedwait([], 0.02)
        self.fail('the peer outlives its test')

    def test_early_end_is_told_with_the_output(self):
        peer = self.shell('echo no licence; exit 7')
        with self.assertRaisesRegex(process.ProcessError, '(?s)status 7.*no licence'):
            peer.wait_for_output('ready')

    def test_silence_is_told(self):
        peer = self.shell('sleep 60')
        with self.assertRaisesRegex(process.ProcessError, 'no "ready"'):
            peer.wait_for_output('ready', timeout_s=0.1)


class Agents(PeerCase):
    def test_what_is_repeated_is_no_news(self):
        switch = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(switch.close)
        agent = Agent(self, 9)
        for message in ('INVITE 1', 'INVITE 1', 'ACK 1', 'INVITE 2'):
            switch.sendto(message.encode(), ('127.0.0.1', agent.port))
        self.assertEqual([agent.receive() for _ in range(3)], ['INVITE 1', 'ACK 1', 'INVITE 2'])


class Missing(PeerCase):
    def result_of(self, is_ci):
        class Probe(PeerCase):
            def test_probe(self):
                self.need('no-such-peer')
        result = unittest.TestResult()
        before = os.environ.get('CI')
        os.environ['CI'] = 'true' if is_ci else ''
        try:
            Probe('test_probe').run(result)
        finally:
            if before is None:
                del os.environ['CI']
            else:
                os.environ['CI'] = before
        return result

    def test_missing_peer_is_a_loud_skip(self):
        result = self.result_of(is_ci=False)
        self.assertIn('NO-SUCH-PEER IS MISSING', result.skipped[0][1])

    def test_missing_peer_fails_under_ci(self):
        result = self.result_of(is_ci=True)
        self.assertIn('NO-SUCH-PEER IS MISSING', result.failures[0][1])


class Configuration(unittest.TestCase):
    def test_ini(self):
        text = tandem.ini({'modules': {'sip': 'required'},
                           'trunk a': {'address': 'sip:127.0.0.1', 'codecs': ['PCMU', 'PCMA']}})
        self.assertEqual(text, '[modules]\nsip = required\n\n'
                         '[trunk a]\naddress = sip:127.0.0.1\ncodecs = PCMU, PCMA\n')


class Readiness(PeerCase):
    def test_ready_is_heard(self):
        notified = tandem.Notified(self.path('notify'))
        self.addCleanup(notified.socket.close)
        self.assertFalse(notified.has('READY', '1'))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b'STATUS=up\nREADY=1', notified.path)
        self.assertTrue(notified.has('READY', '1'))
        self.assertEqual(notified.fields['STATUS'], 'up')


class Calls(PeerCase):
    def test_sipp_calls_sipp(self):
        called = sipp.uas(self, n_calls=5)
        counts = sipp.call(self, called.address, n_calls=5, hold_ms=50)
        self.assertEqual((counts.successful, counts.failed), (5, 0))
        self.assertEqual(called.wait().successful, 5)

    def test_refused_call_is_an_error(self):
        phone = Baresip(self, 'anna')
        with self.assertRaisesRegex(process.ProcessError, '(?s)failed=1.*404'):
            sipp.call(self, phone.address, number='nobody')

    def test_sipp_calls_sipp_through_kamailio(self):
        called = sipp.uas(self)
        proxy = Kamailio(self, target=called.address)
        counts = sipp.call(self, proxy.address, n_calls=3, hold_ms=100)
        self.assertEqual((counts.successful, counts.failed), (3, 0))
        self.assertEqual(called.finish().failed, 0)

    def test_phone_answers_sipp(self):
        phone = Baresip(self, 'anna', answer='auto')
        counts = sipp.call(self, phone.address, number='anna', hold_ms=300)
        self.assertEqual(counts.successful, 1)
        phone.wait_for_event('CALL_CLOSED')

    def test_phone_calls_phone(self):
        anna = Baresip(self, 'anna', tone_hz=440)
        bert = Baresip(self, 'bert', tone_hz=1000)
        anna.dial(f'sip:bert@{bert.address}')
        bert.wait_for_event('CALL_INCOMING')
        bert.command('accept')
        anna.wait_for_event('CALL_ESTABLISHED')
        anna.process.wait_for(lambda: len(anna.heard()[0]) > 8000, 'second of sound')
        bert.process.wait_for(lambda: len(bert.heard()[0]) > 8000, 'second of sound')
        bert.command('hangup')
        anna.wait_for_event('CALL_CLOSED')
        self.assertGreater(tone_share(*anna.heard(), 1000), 0.8)
        self.assertGreater(tone_share(*bert.heard(), 440), 0.8)
        self.assertLess(tone_share(*bert.heard(), 1000), 0.01)
        self.assertEqual(anna.quit(), 0)


if __name__ == '__main__':
    tap.main()
