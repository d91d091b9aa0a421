# SPDX-License-Identifier: LGPL-2.1-or-later
"""baresip, a phone without a head: told what to do over its control port, heard through files."""

import json
import math
import os
import socket
import struct
import time
import wave

from peers import ports
from peers.process import ProcessError

MODULES = '/usr/lib/baresip/modules'
CONFIG = '''poll_method epoll
sip_listen {host}:{sip_port}
sip_verify_server no
net_interface {interface}
rtp_ports {first_rtp_port}-{last_rtp_port}
rtp_stats yes
audio_source aufile,{source}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
audio_buffer 20-160
snd_path {folder}
ctrl_tcp_listen 127.0.0.1:{control_port}
module_path {modules}
module g711.so
module account.so
module aufile.so
module sndfile.so
module ctrl_tcp.so
module_tmp uuid.so
module_app menu.so
'''


def write_tone(path, frequency_hz, seconds=60):
    """A sine at a quarter of full scale, 8000 samples a second."""
    samples = (int(8192 * math.sin(2 * math.pi * frequency_hz * n / 8000)) for n in range(8000))
    second = b''.join(struct.pack('<h', sample) for sample in samples)
    with wave.open(path, 'wb') as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(second * seconds)


def read_wave(path):
    """(samples, rate in Hz) of a WAV file that may still be open for writing."""
    with open(path, 'rb') as file:
        data = file.read()
    if b'data' not in data:
        return (), 8000
    start = data.index(b'data') + 8
    rate_hz = struct.unpack_from('<I', data, 24)[0]
    n_samples = (len(data) - start) // 2
    return struct.unpack_from(f'<{n_samples}h', data, start), rate_hz


def tone_share(samples, rate_hz, frequency_hz):
    """How much of the samples' energy is at FREQUENCY_HZ, 0 to 1 (Goertzel's recurrence)."""
    energy = sum(sample * sample for sample in samples)
    if not energy:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency_hz / rate_hz)
    before = now = 0.0
    for sample in samples:
        before, now = now, sample + coefficient * now - before
    power = now * now + before * before - coefficient * now * before
    return 2 * power / (len(samples) * energy)


class Baresip:
    """A phone with one account at HOST ("[::1]" for IPv6). It says a tone of TONE_HZ, or the 8 kHz WAV
    file SOURCE, in the first of CODECS that the other side knows."""

    def __init__(self, case, user, registrar=None, password=None, source=None, tone_hz=440,
                 answer='manual', host='127.0.0.1', transport='udp', codecs=('PCMU', 'PCMA')):
        program = case.need('baresip')
        self.user = user
        self.port = ports.free_port()
        self.address = f'{host}:{self.port}'
        self.folder = case.path(f'baresip-{user}-{self.port}')
        self.control_port = ports.free_port()
        self.events = []
        self.buffer = b''
        first = ports.free_range(20, alignment=2)
        name = f'baresip-{user}-{self.port}'
        os.makedirs(self.folder)
        if source is None:
            source = os.path.join(self.folder, 'says.wav')
            write_tone(source, tone_hz)
        case.write(f'{name}/config', CONFIG.format(
            sip_port=self.port, host=host, interface=host.strip('[]'), folder=self.folder, source=source, modules=MODULES,
            control_port=self.control_port, first_rtp_port=first, last_rtp_port=first + 19))
        interval = 'regint=60' if registrar else 'regint=0'
        secret = f';auth_pass={password}' if password else ''
        case.write(f'{name}/accounts',
                   f'<sip:{user}@{registrar or self.address};transport={transport}>{secret};'
                   f'{interval};answermode={answer};ptime=20;audio_codecs={",".join(codecs)}\n')
        case.write(f'{name}/contacts', '')
        self.process = case.spawn(f'baresip {user}', [program, '-6' if ':' in host else '-4',
                                                      '-f', self.folder])
        self.control = self.process.wait_for(self.connect, 'control connection')
        case.addCleanup(self.control.close)

    def connect(self):
        try:
            return socket.create_connection(('127.0.0.1', self.control_port), timeout=1)
        except OSError:
            return None

    def netstrings(self):
        """The messages that have arrived: LENGTH:BYTES, again and again."""
        while b':' in self.buffer:
            length, _, rest = self.buffer.partition(b':')
            end = int(length)
            if len(rest) <= end:
                return
            self.buffer = rest[end + 1:]
            yield json.loads(rest[:end].decode('utf-8', 'replace'))

    def receive(self, timeout_s):
        self.control.settimeout(timeout_s)
        try:
            data = self.control.recv(65536)
        except TimeoutError:
            return
        if not data:
            raise ProcessError(f'{self.process.name} closed its control connection:\n'
                               f'{self.process.tail()}')
        self.buffer += data
        self.events += self.netstrings()

    def wait_for(self, is_wanted, what, timeout_s=10):
        """Takes the first event or answer that IS_WANTED out of what was told."""
        deadline = time.monotonic() + timeout_s
        while True:
            for event in self.events:
                if is_wanted(event):
                    self.events.remove(event)
                    return event
            left = deadline - time.monotonic()
            if left <= 0:
                told = [event.get('type') or event for event in self.events]
                raise ProcessError(f'{self.process.name}: no {what} within {timeout_s} s; told: '
                                   f'{told}\n{self.process.tail()}')
            self.receive(min(left, 0.5))

    def wait_for_event(self, kind, timeout_s=10):
        """The next event of KIND: REGISTER_OK, CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED ..."""
        return self.wait_for(lambda event: event.get('type') == kind, kind, timeout_s)

    def command(self, verb, parameters='', timeout_s=5):
        """One command of baresip's menu ("dial", "accept", "hangup"); returns its answer."""
        message = json.dumps({'command': verb, 'params': parameters, 'token': verb}).encode()
        self.control.sendall(b'%d:%s,' % (len(message), message))
        return self.wait_for(lambda event: event.get('token') == verb, f'answer to {verb}',
                             timeout_s)

    def dial(self, uri):
        self.command('dial', uri)

    def heard(self):
        """(samples, rate in Hz) of what the other side sent so far in the last call, decoded."""
        dumps = sorted(name for name in os.listdir(self.folder) if name.endswith('-dec.wav'))
        if not dumps:
            return (), 8000
        return read_wave(os.path.join(self.folder, dumps[-1]))

    def quit(self):
        self.command('quit')
        return self.process.wait(10)
