# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls without media: what one costs, how many a second are clean, what delay is added."""

import math
import os
import re
import signal
import struct
import time

from peers import sipp
from subjects import CALLED_PORT, CALLER_PORT, SIP_PORT

HERE = os.path.dirname(os.path.abspath(__file__))
CALLER, CALLED = os.path.join(HERE, 'caller.xml'), os.path.join(HERE, 'called.xml')
NUMBER = '8001'  # and the call's own number behind it


def wait_while_clean(caller, called, timeout_s):
    """Waits for the end of CALLER's calls, or until either side has counted what is not clean:
    nothing more is learnt from them then."""
    deadline = time.monotonic() + timeout_s
    while caller.process.status is None:
        if not (caller.counts().is_clean and called.counts().is_clean):
            caller.process.signal(signal.SIGUSR1)  # no new calls
            deadline = min(deadline, time.monotonic() + 5)
        if time.monotonic() > deadline:
            caller.process.stop()
            called.process.stop()
        time.sleep(0.2)


def step(stage, subject, rate, n_calls, hold_ms=100, timeout_s=120, is_patient=True):
    """N_CALLS at RATE a second through SUBJECT; a dictionary of what came of it."""
    called = sipp.uas(stage, CALLED, port=CALLED_PORT, timeout_s=timeout_s + 60)
    cpu_s, started = subject.cpu_s(), time.monotonic()
    caller = sipp.uac(stage, f'127.0.0.1:{subject.sip_port}', CALLER, port=CALLER_PORT,
                      number=NUMBER, n_calls=n_calls, rate=rate, hold_ms=hold_ms,
                      timeout_s=timeout_s)
    if is_patient:
        caller.process.wait(timeout_s + 10)
    else:
        wait_while_clean(caller, called, timeout_s)
    took_s, cpu_s = time.monotonic() - started, subject.cpu_s() - cpu_s
    time.sleep(1.2)  # the called side lingers a second for retransmissions of BYE
    ours, theirs = caller.counts(), called.finish()
    return {
        'subject': subject.name, 'rate': rate, 'calls': n_calls, 'successful': ours.successful,
        'failed': ours.failed + theirs.failed,
        'retransmissions': ours.retransmissions + theirs.retransmissions,
        'calls_per_s': ours.successful / took_s,
        'cpu_s_per_1000': cpu_s * 1000 / ours.successful if ours.successful else math.nan,
        'is_clean': ours.successful == n_calls and ours.is_clean and theirs.is_clean,
    }


def highest_clean_rate(is_clean, start, factor):
    """The highest rate that IS_CLEAN (rate): steps by FACTOR from START, downwards where START is
    too much, then once the middle between the last clean rate and the first that was not."""
    rate, best, worst = start, 0, 0
    while not best or not worst:
        if rate < 1:
            return 0
        if is_clean(round(rate)):
            best, rate = rate, rate * factor
        else:
            worst, rate = rate, rate / factor
    middle = (best * worst) ** 0.5
    return round(middle if is_clean(round(middle)) else best)


class Capture:
    """Everything to and from the two sipps on the loopback interface, as a context."""

    def __init__(self, stage):
        self.file = stage.path('capture.pcap')
        # The classic format has times in microseconds, and a head that is quickly read.
        self.process = stage.spawn('dumpcap', [
            stage.need('dumpcap'), '-q', '-P', '-i', 'lo', '-B', '64', '-w', self.file,
            '-f', f'udp and (port {CALLER_PORT} or port {CALLED_PORT})'])
        self.process.wait_for(lambda: os.path.exists(self.file) and os.path.getsize(self.file),
                              'capture file')

    def packets(self):
        time.sleep(1)  # dumpcap writes in blocks
        self.process.signal(signal.SIGTERM)
        self.process.wait(10)
        with open(self.file, 'rb') as file:
            return list(read_packets(file.read()))


def read_packets(data):
    """(time in us, source port, destination port, payload) of the UDP datagrams of a pcap file."""
    per_us = {0xa1b2c3d4: 1, 0xa1b23c4d: 1000}
    order = '<' if struct.unpack_from('<I', data)[0] in per_us else '>'
    magic, link_type = (struct.unpack_from(order + 'I', data, at)[0] for at in (0, 20))
    if magic not in per_us or link_type != 1:
        raise ValueError(f'no Ethernet capture: magic {magic:#x}, link type {link_type}')
    position = 24
    while position + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from(order + '4I', data, position)
        frame = data[position + 16:position + 16 + length]
        position += 16 + length
        if len(frame) < 42 or frame[12:14] != b'\x08\x00' or frame[23] != 17:
            continue
        start = 14 + 4 * (frame[14] & 15)
        source, destination = struct.unpack_from('>2H', frame, start)
        yield seconds * 1e6 + fraction / per_us[magic], source, destination, frame[start + 8:]


def moment_of(source, destination, payload):
    """(call, what) of a SIP message, where it is one of those we time."""
    text = payload.split(b'\r\n\r\n', 1)[0].decode('utf-8', 'replace')
    to = re.search(r'^(?:to|t)\s*:[^\r\n]*?sips?:([^@;>]+)@', text, re.MULTILINE | re.IGNORECASE)
    method = re.search(r'^cseq\s*:\s*\d+\s+(\w+)', text, re.MULTILINE | re.IGNORECASE)
    if not to or not method:
        return None
    status = re.match(r'SIP/2\.0 (\d{3})', text)
    what = (status.group(1) if status else 'request') + ' ' + method.group(1).upper()
    sides = {(CALLER_PORT, SIP_PORT): 'in', (SIP_PORT, CALLED_PORT): 'out',
             (CALLED_PORT, SIP_PORT): 'in', (SIP_PORT, CALLER_PORT): 'out'}
    side = sides.get((source, destination))
    return (to.group(1), f'{what} {side}') if side else None


def delays_us(packets):
    """{what: sorted delays in us that the switch added}. A call's setup is what INVITE and 180
    took to pass through; the called party's own time is not in it."""
    calls = {}
    for at_us, source, destination, payload in packets:
        moment = moment_of(source, destination, payload)
        if moment:
            calls.setdefault(moment[0], {}).setdefault(moment[1], at_us)

    def between(times, what, came='in', went='out'):
        first, second = times.get(f'{what} {came}'), times.get(f'{what} {went}')
        return second - first if first is not None and second is not None else None

    found = {'setup': [], 'INVITE': [], '180': [], '200': [], 'BYE': []}
    for times in calls.values():
        each = {'INVITE': between(times, 'request INVITE'), '180': between(times, '180 INVITE'),
                '200': between(times, '200 INVITE'), 'BYE': between(times, 'request BYE')}
        if each['INVITE'] is not None and each['180'] is not None:
            each['setup'] = each['INVITE'] + each['180']
        for name, value in each.items():
            if value is not None:
                found[name].append(value)
    return {name: sorted(values) for name, values in found.items()}


def percentile(values, share):
    """The value that SHARE of the sorted VALUES do not exceed."""
    return values[min(len(values) - 1, max(0, math.ceil(share * len(values)) - 1))]
