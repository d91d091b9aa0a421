# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers who hear a tone because their calls failed."""

import os
import socket
import time
import uuid

import subjects
from peers.agent import Agent, branch, description, status_of
from peers.case import ROOT

TREATMENT = '''
[announce]
tones = {tones}
treatment = bench
capacity = {capacity}
longest = 300 s

[treatment bench]
default = tone/reorder
'''
ROOM_BYTES = 8 * 1024 * 1024
TOGETHER = 20  # calls that are placed before their answers are looked at


class TandemTones(subjects.TandemMedia):
    """The profile for media, with tones, and without a route."""

    capacity = 100000
    arguments = ('--set', 'modules.codec-g711=required', '--set', 'modules.announce=required')

    def n_sent(self):
        """RTP packets sent until now."""
        shown = self.tandem.ctl_json('metric', 'tandem_rtp_packets_relayed_total')
        return shown[0]['value']

    def configure(self, text):
        return text[:text.index('[route bench]')] + TREATMENT.format(
            tones=os.path.join(ROOT, 'etc', 'tones', 'north-america.ini'), capacity=self.capacity)


class Callers:
    """So many calls to nobody, all from one port and heard at another."""

    def __init__(self, stage):
        self.agent = Agent(stage, subjects.SIP_PORT)
        self.ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stage.addCleanup(self.ear.close)
        self.ear.bind(('127.0.0.1', 0))
        for end in self.agent.socket, self.ear:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_BYTES)
        self.hearing = self.refused = 0

    def look(self, timeout_s):
        """Counts the answers until nothing has come for so long."""
        while (message := self.agent.receive(timeout_s)) is not None:
            self.hearing += status_of(message) == 183
            self.refused += status_of(message) >= 300

    def call(self, n_calls):
        uri = f'sip:5550199@127.0.0.1:{subjects.SIP_PORT}'
        offer = description(self.ear.getsockname()[1])
        for number in range(n_calls):
            parties = {'From': f'<sip:ann@127.0.0.1>;tag=a{number}', 'To': f'<{uri}>',
                       'Call-ID': uuid.uuid4().hex}
            self.agent.send(self.agent.request('INVITE', uri, parties, 1, offer, branch()))
            if number % TOGETHER == TOGETHER - 1:
                self.look(0.02)
        self.look(2)


def measure(stage, subject, n_calls, seconds):
    callers = Callers(stage)
    callers.call(n_calls)
    n_sent, cpu_s, started = subject.n_sent(), subject.cpu_s(), time.monotonic()
    time.sleep(seconds)
    cpu_s, n_sent = subject.cpu_s() - cpu_s, subject.n_sent() - n_sent
    took_s = time.monotonic() - started
    return {'subject': subject.name, 'calls': n_calls, 'hearing': callers.hearing,
            'released': callers.refused, 'packets_per_s': n_sent / took_s,
            'cpu_percent': cpu_s / took_s * 100}
