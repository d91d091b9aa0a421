#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures Tandem beside its peers, in the same run, on loopback.

Absolute figures drift with the machine: read the ratio. Each run starts every switch afresh, one
at a time, in turn; figures are medians over the runs. Nothing here passes or fails.

  signalling   CPU seconds for 1000 calls without media; peer: Kamailio as a stateful proxy
  capacity     the highest rate of calls of which none failed and nothing was sent twice
  setup-delay  what the switch adds to call setup, from a capture (needs the right to capture)
  held         memory of a call with two anchored legs, and whether it is given back
  relay        CPU seconds for a million RTP packets, 100 two-way calls; peers: rtpengine, osmo-mgw
  transcode    the same, one side PCMU, the other PCMA; no peer
  tones        CPU while callers whose calls failed hear a tone; no peer
  start        time until it serves with every module, memory and CPU when idle
  lookup       one look-up in tables of prefixes and numbers; peers: a plain hash, Kamailio's mtree
  swap         set-up delay while routing tables of a million prefixes are replaced; no peer

All of them, three runs each, take less than half an hour: bench.py all. The last thing printed is
the table that docs/benchmarks.md shows.
"""

import argparse
import functools
import os
import sys
import time
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), 'common')]

import lookup  # noqa: E402 (the path is set just above)
import media  # noqa: E402
import network  # noqa: E402
import report  # noqa: E402
import signalling  # noqa: E402
import subjects  # noqa: E402
import swap  # noqa: E402
import tones  # noqa: E402
from peers import sipp  # noqa: E402
from peers.tandem import program  # noqa: E402

PROXIES = [subjects.KamailioProxy, subjects.TandemSignalling]
RELAYS = [(subjects.Rtpengine, media.NgCalls), (subjects.OsmoMgw, media.MgcpCalls),
          (subjects.TandemMedia, media.SipCalls)]
GOALS = [
    report.Goal('signalling', 'CPU for 1000 calls', 'CPU for 1000 calls, back to back with its own '
                'dialogs on both sides, no media', 2.0, is_ratio=True),
    report.Goal('capacity', 'highest clean rate', 'highest rate of which every call is clean',
                1500, is_least=True),
    report.Goal('setup-delay', 'setup p50', 'setup delay added, p50, 100 calls/s', 0.5),
    report.Goal('setup-delay', 'setup p99', 'setup delay added, p99', 2),
    report.Goal('held', 'a held call', 'memory of a call with two anchored legs, 1000 held', 24),
    report.Goal('held', 'descriptors of a held call', 'descriptors of such a call'),
    report.Goal('held', 'kept after hang-up', 'memory kept after they hung up'),
    report.Goal('relay', 'CPU for a million packets',
                'RTP relay, CPU for a million packets, 100 two-way calls', 1.0, is_ratio=True),
    report.Goal('relay', 'delay p50', 'RTP relay, delay p50'),
    report.Goal('relay', 'delay p99', 'RTP relay, delay p99'),
    report.Goal('transcode', 'CPU for a million packets', 'PCMU to PCMA, the same'),
    report.Goal('start', 'start to service', 'start to service, every module', 100),
    report.Goal('start', 'idle memory', 'idle memory, every module', 30),
    report.Goal('start', 'idle CPU', 'idle CPU, every module', 0),
    report.Goal('lookup', 'longest prefix', 'longest of 10^6 prefixes', 1.5, is_least=True),
    report.Goal('lookup', 'whole number', 'one of 10^7 whole numbers', 2, is_least=True),
    report.Goal('lookup', 'memory of the numbers', 'memory of the 10^7 numbers', 160),
]


# A transaction over UDP outlives its call by 64 T1 (RFC 3261 17.2.2); tandemd looks at its heap
# every 10 s.
AFTERMATH_S = 45


def tell(text):
    print(text, file=sys.stderr, flush=True)


def is_there(subject, out):
    profile = getattr(subject, 'profile', None)
    if profile is None:
        return True
    path = os.path.join(subjects.ROOT, 'etc', 'profiles', profile)
    if program('tandemd') and os.path.exists(path):
        return True
    out.note(f'tandem is left out: there is no tandemd, or no {profile}, in this tree')
    return False


def each_run(options, candidates, out):
    """(run, candidate) in turn: the order is turned round from run to run."""
    chosen = [candidate for candidate in candidates
              if not options.only or subject_of(candidate).name in options.only]
    chosen = [candidate for candidate in chosen if is_there(subject_of(candidate), out)]
    for run in range(options.runs):
        for candidate in chosen if run % 2 == 0 else reversed(chosen):
            yield run, candidate


def subject_of(candidate):
    return candidate[0] if isinstance(candidate, tuple) else candidate


def with_subject(kind, out, work):
    """WORK (stage, subject) on a fresh switch; what goes wrong is noted and the run left out."""
    try:
        with subjects.Stage() as stage:
            try:
                return work(stage, kind(stage).begin())
            except (AssertionError, OSError, ValueError):
                for what, text in stage.evidence():
                    tell(f'--- {what}\n{text}')
                raise
    except unittest.SkipTest as missing:
        out.note(f'{kind.name} is left out: {missing}')
    except (AssertionError, OSError, ValueError) as error:
        out.note(f'{kind.name}: a run is left out: {str(error).splitlines()[0]}')
    return None


def signalling_cost(options):
    out = report.Report(f'Signalling, {options.rate} calls a second, {options.calls} calls',
                        'kamailio')
    for _, kind in each_run(options, PROXIES, out):
        result = with_subject(kind, out, lambda stage, subject: signalling.step(
            stage, subject, options.rate, options.calls))
        if result:
            tell(result)
            out.runs.append(result)
            out.add(kind.name, 'CPU for 1000 calls', result['cpu_s_per_1000'], 's', 3)
            if not result['is_clean']:
                out.note(f'{kind.name}: a run was not clean: {result["failed"]} failed, '
                         f'{result["retransmissions"]} retransmissions')
    return out


def is_clean_at(kind, rate, options, out):
    """Whether one of two tries at RATE is clean: what else runs on the machine disturbs some. Each is
    on a fresh switch, which nothing is left in of the calls of a try that was not clean."""
    for _ in range(2):
        result = with_subject(kind, out, lambda stage, subject: signalling.step(
            stage, subject, rate, round(rate * options.seconds), is_patient=False))
        if result is None:
            return False
        tell(result)
        out.runs.append(result)
        if result['is_clean'] and result['calls_per_s'] > 0.8 * rate:
            return True
    return False


def capacity(options):
    out = report.Report('Highest clean rate, two sipps on the same cores', 'kamailio')
    first_rates = {}  # a later run begins where the one before ended

    for _, kind in each_run(options, [*PROXIES, subjects.Nobody], out):
        rate = signalling.highest_clean_rate(
            lambda rate, kind=kind: is_clean_at(kind, rate, options, out),
            first_rates.get(kind, options.start), options.factor)
        if rate:
            first_rates[kind] = rate
            out.add(kind.name, 'highest clean rate', rate, 'calls/s', 0)
    return out


def setup_delay(options):
    n_calls = options.calls // 3
    out = report.Report(f'Delay added, 100 calls a second, {n_calls} calls', 'kamailio')

    def work(stage, subject):
        capture = signalling.Capture(stage)
        step = signalling.step(stage, subject, 100, n_calls)
        return step, signalling.delays_us(capture.packets())
    for _, kind in each_run(options, PROXIES, out):
        found = with_subject(kind, out, work)
        if not found:
            continue
        step, delays = found
        tell(step)
        for name, values in delays.items():
            if values:
                for share, label in ((0.5, 'p50'), (0.99, 'p99')):
                    out.add(kind.name, f'{name} {label}',
                            signalling.percentile(values, share) / 1000, 'ms')
        out.runs.append({**step, 'timed_calls': len(delays['setup'])})
    return out


def held(options):
    out = report.Report(f'Memory of {options.held} held calls, two anchored legs each', 'rtpengine')
    for _, (kind, calls) in each_run(options, RELAYS, out):
        def work(stage, subject, calls=calls):
            time.sleep(1)
            hold = hold_by_sipp if calls is media.SipCalls else hold_by_controller
            return subject.footprint(), *hold(stage, subject, calls, options.held)
        found = with_subject(kind, out, work)
        if found:
            idle, up, after = found
            tell({'subject': kind.name, 'idle': idle, 'held': up, 'after': after})
            out.add(kind.name, 'idle', idle.rss_kib / 1024, 'MiB', 1)
            out.add(kind.name, 'a held call', (up.rss_kib - idle.rss_kib) / options.held, 'KiB', 1)
            out.add(kind.name, 'descriptors of a held call',
                    (up.n_descriptors - idle.n_descriptors) / options.held, '', 1)
            out.add(kind.name, 'kept after hang-up', (after.rss_kib - idle.rss_kib) / 1024, 'MiB', 1)
    return out


def hold_by_controller(_stage, subject, calls, n_calls):
    """The footprints with N_CALLS up, and after they have ended."""
    controller = calls()
    for number in range(n_calls):
        controller.open(number)
    time.sleep(1)
    up = subject.footprint()
    controller.close()
    time.sleep(3)
    return up, subject.footprint()


def hold_by_sipp(stage, subject, _calls, n_calls, rate=100):
    """As hold_by_controller()."""
    hold_ms = int(n_calls / rate * 1000) + 10000
    called = sipp.uas(stage, signalling.CALLED, port=subjects.CALLED_PORT, timeout_s=180)
    caller = sipp.uac(stage, f'127.0.0.1:{subject.sip_port}', signalling.CALLER,
                      port=subjects.CALLER_PORT, number=signalling.NUMBER, n_calls=n_calls,
                      rate=rate, hold_ms=hold_ms, timeout_s=150)
    called.process.wait_for(lambda: called.counts().current == n_calls, f'{n_calls} calls up',
                            n_calls / rate + 9)
    time.sleep(1)
    up = subject.footprint()
    caller.wait()
    time.sleep(AFTERMATH_S)
    return up, subject.footprint()


def weigh(options, out, candidates):
    for _, (kind, calls) in each_run(options, candidates, out):
        result = with_subject(kind, out, lambda stage, subject, calls=calls: media.weigh_relay(
            stage, subject, calls(), options.media_calls, options.seconds))
        if not result:
            continue
        tell(result)
        out.runs.append(result)
        out.add(kind.name, 'CPU for a million packets', result['cpu_s_per_million'], 's', 1)
        out.add(kind.name, 'delay p50', result['p50_us'] / 1000, 'ms')
        out.add(kind.name, 'delay p99', result['p99_us'] / 1000, 'ms')
        if result['lost'] or result['silent_legs'] or result['late_rounds']:
            out.note(f'{kind.name}: {result["lost"]} lost, {result["silent_legs"]} silent legs, '
                     f'the sender {result["late_rounds"]} times late')
    return out


def relay(options):
    return weigh(options, report.Report(
        f'RTP relay, {options.media_calls} two-way calls, G.711, 20 ms', 'rtpengine'), RELAYS)


def transcode(options):
    return weigh(options, report.Report(
        f'PCMU to PCMA, {options.media_calls} two-way calls, 20 ms', 'rtpengine'),
        [(subjects.TandemTranscoding, functools.partial(media.SipCalls, (0, 8)))])


def hear_tones(options):
    out = report.Report(f'{options.media_calls} callers hear a tone of two frequencies', 'nobody')
    for _, kind in each_run(options, [tones.TandemTones], out):
        result = with_subject(kind, out, lambda stage, subject: tones.measure(
            stage, subject, options.media_calls, options.seconds))
        if not result:
            continue
        tell(result)
        out.runs.append(result)
        out.add(kind.name, 'CPU', result['cpu_percent'], '%', 1)
        out.add(kind.name, 'packets sent', result['packets_per_s'], '/s', 0)
        if result['hearing'] != options.media_calls:
            out.note(f'{result["hearing"]} heard something, {result["released"]} were released')
    return out


def start(options):
    out = report.Report('Start and rest', 'kamailio')

    def work(_stage, subject):
        time.sleep(2)
        cpu_s = subject.cpu_s()
        time.sleep(5)
        return subject.ready_ms, subject.rss_kib() / 1024, (subject.cpu_s() - cpu_s) / 5 * 100
    kinds = [subjects.KamailioProxy, subjects.Rtpengine, subjects.OsmoMgw, subjects.TandemWhole]
    for _, kind in each_run(options, kinds, out):
        found = with_subject(kind, out, work)
        if found:
            out.add(kind.name, 'start to service', found[0], 'ms', 0)
            out.add(kind.name, 'idle memory', found[1], 'MiB', 1)
            out.add(kind.name, 'idle CPU', found[2], '%', 1)
    return out


def look_up(options):
    out = report.Report(f'Look-ups, {options.prefixes} prefixes, {options.numbers} numbers',
                        'a hash')

    def work(stage, _subject):
        path = stage.path('prefixes')
        for subject, rate in zip(('tandem', 'a hash'), lookup.prefixes(options.prefixes, path)):
            out.add(subject, 'longest prefix', rate, 'million/s')
        for subject, (rate, mib) in zip(('tandem', 'a hash'), lookup.numbers(options.numbers)):
            out.add(subject, 'whole number', rate, 'million/s')
            out.add(subject, 'memory of the numbers', mib, 'MiB', 0)
        out.add('mtree', 'longest prefix', lookup.mtree(stage, path), 'million/s')

    class Nothing(subjects.Subject):
        name = 'tandem'
    for _, kind in each_run(options, [Nothing], out):
        with_subject(kind, out, work)
    return out


def swap_tables(options):
    n_calls = 500 * 10
    out = report.Report(f'A million prefixes replaced under 500 calls a second, {n_calls} calls',
                        'no change')

    def work(stage, subject):
        kind_of_run, took_s = swap.measure(stage, subject, others[subject.database], n_calls)
        return kind_of_run, took_s
    others = {}

    class Subject(swap.TandemRouting):
        def start(self):
            self.database, other = swap.make_tables(self.stage.path(''), options.prefixes)
            others[self.database] = other
            super().start()
    for _, kind in each_run(options, [Subject], out):
        found = with_subject(kind, out, work)
        if not found:
            continue
        for name, (step, delays) in found[0].items():
            tell({name: step})
            out.runs.append({**step, 'subject': name})
            out.add(name, 'calls lost', step['calls'] - step['successful'], '', 0)
            for share, label in ((0.5, 'p50'), (0.99, 'p99')):
                out.add(name, f'setup {label}',
                        signalling.percentile(delays['setup'], share) / 1000, 'ms')
        out.add('swap', 'from the change to the new tables', found[1], 's', 1)
    return out


COMMANDS = {'signalling': signalling_cost, 'capacity': capacity, 'setup-delay': setup_delay,
            'held': held, 'relay': relay, 'transcode': transcode, 'tones': hear_tones,
            'start': start, 'lookup': look_up, 'swap': swap_tables}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, prog='bench',
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('what', nargs='+', choices=[*COMMANDS, 'all'])
    parser.add_argument('--runs', type=int, default=3, help='runs of each subject (3)')
    parser.add_argument('--only', action='append', help='only this subject; may be repeated')
    parser.add_argument('--json', metavar='FILE', help='write every run, too')
    parser.add_argument('--rate', type=int, default=500, help='signalling: calls a second (500)')
    parser.add_argument('--calls', type=int, default=3000,
                        help='signalling: calls of a run (3000); setup-delay: a third')
    parser.add_argument('--start', type=float, default=1500, help='capacity: first rate (1500)')
    parser.add_argument('--factor', type=float, default=1.25, help='capacity: from step to step')
    parser.add_argument('--seconds', type=float, default=5, help='capacity, relay: of a step (5)')
    parser.add_argument('--held', type=int, default=1000, help='held: calls (1000)')
    parser.add_argument('--prefixes', type=int, default=1000000,
                        help='lookup, swap: prefixes (1000000)')
    parser.add_argument('--numbers', type=int, default=10000000,
                        help='lookup: whole numbers (10000000)')
    parser.add_argument('--media-calls', type=int, default=100, help='relay, tones: calls (100)')
    return parser.parse_args()


def main():
    options = arguments()
    network.enter(subjects.PORTS)
    names = list(COMMANDS) if 'all' in options.what else options.what
    reports, started = {}, time.monotonic()
    for name in names:
        reports[name] = COMMANDS[name](options)
        print('\n' + reports[name].text() + '\n', flush=True)
        if options.json:
            report.write_json(options.json, reports.values())
    tell(f'{(time.monotonic() - started) / 60:.1f} minutes')
    print(report.markdown(GOALS, reports))


if __name__ == '__main__':
    main()
