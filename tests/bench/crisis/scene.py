# SPDX-License-Identifier: LGPL-2.1-or-later
"""The scene of a crisis: the switch, who answers, who calls, and who watches."""

import collections
import copy
import dataclasses
import json
import os
import signal
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(os.path.dirname(os.path.dirname(HERE)), 'common')]

import figures  # noqa: E402 (the path is set just above)
import tokens  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.process import ProcessError  # noqa: E402
from peers.stage import Stage  # noqa: E402
from peers.tandem import BUILD, Tandem, module_folders  # noqa: E402

SIP_PORT, PUBLIC_PORT, CALLED_PORT, RESPONDER_PORT = 5060, 5070, 5080, 5090
FORGER_PORT, STALL_PORT, POLICY_PORT, SIGNER_PORT, REPLAYER_PORT, COUNTERFEITER_PORT = range(5071, 5077)
PORTS = (SIP_PORT, PUBLIC_PORT, CALLED_PORT, RESPONDER_PORT, FORGER_PORT, STALL_PORT, POLICY_PORT,
         SIGNER_PORT, REPLAYER_PORT, COUNTERFEITER_PORT)
SWITCH, PUBLIC = f'127.0.0.1:{SIP_PORT}', f'127.0.0.1:{PUBLIC_PORT}'
RESPONDER_HOST = '127.0.0.2'   # whose marks count when they come to TRUSTED
TRUSTED_HOST = '127.0.0.3'     # an interface of the switch that nobody else reaches
TRUSTED = f'{TRUSTED_HOST}:{SIP_PORT}'
BEARER_HOST = '127.0.0.4'      # whose marks are signed
MARK = 'ets.0'
N_SHOWN = 20                   # tokens that others have heard, and show again
# More than the switch remembers of: each one is verified again.
N_COUNTERFEITS = 20000
ORDINARY_CLASS = 4             # TD_CLASS_ORDINARY
# Who has a processor of its own can be compared with itself: the first is the switch's in all runs.
PROCESSORS = sorted(os.sched_getaffinity(0))
SWITCHS, OTHERS = (PROCESSORS[:1], PROCESSORS[1:]) if len(PROCESSORS) > 1 else (PROCESSORS, PROCESSORS)
LINGER_S = 5                   # as crisis-call has it, at most
HOLD_S = 0.1                   # how long calls are up
# Takes what time of a processor nobody else wants.
FILLER = """
import os, sys
os.sched_setaffinity(0, [int(sys.argv[1])])
os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
while True:
    pass
"""
FULL_CPS = 20 / HOLD_S
FULL = {'capacity': '20 calls', 'queue': '50 calls', 'queue-wait': '10 s'}
STALL_NUMBER = '0000'          # as the module burn has it
STALL_S = 3                    # longer than a call may wait, when refusals are weighed
WEIGHING_S = STALL_S + 0.5


def cpu_seconds(pid):
    """Processor time of all threads of PID; finer than a tick."""
    total_ns = 0
    for task in os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{task}/schedstat', encoding='ascii') as file:
                total_ns += int(file.read().split()[0])
        except OSError:
            continue
    return total_ns / 1e9


def last_json(process):
    """What PROCESS, which has ended, said last."""
    lines = [line for line in process.output().splitlines() if line.startswith('{')]
    if not lines:
        raise ProcessError(f'{process.name} said nothing: {process.tail()}')
    return json.loads(lines[-1])


class Scene(Stage):
    """Closes with the block; whatever is started in it ends then."""

    def __init__(self):
        self.cleanups = []
        self.tandem = self.peer = None
        self.n_answered = 0     # in all runs
        self.n_numbers = 0      # given to calls

    def addCleanup(self, function, *arguments):
        self.cleanups.append((function, arguments))

    def __enter__(self):
        self.open_stage('tandem-crisis-')
        # Two processors may be one core, and each is slower then while the other works. So that the switch's is
        # as fast without overload as in it, the others' are never idle.
        for processor in OTHERS:
            self.spawn('filler', [sys.executable, '-c', FILLER, str(processor)])
        return self

    def __exit__(self, *_):
        while self.cleanups:
            function, arguments = self.cleanups.pop()
            function(*arguments)

    def program(self, name):
        path = os.path.join(BUILD, 'tests', 'bench', 'crisis', name)
        if not os.access(path, os.X_OK):
            self.fail(f'no {name} in {BUILD}: build it')
        return path

    def spawn(self, name, arguments, **options):
        """Everybody stays where those who place calls are, but the switch."""
        is_switch = name in ('tandemd', 'kamailio')
        os.sched_setaffinity(0, SWITCHS if is_switch else OTHERS)
        try:
            return super().spawn(name, arguments, **options)
        finally:
            os.sched_setaffinity(0, OTHERS)

    # --- Who is there ---

    def start_called(self):
        self.called = self.spawn('crisis-answer', [self.program('crisis-answer'),
                                                   f'127.0.0.1:{CALLED_PORT}'])

    def start_silent_server(self):
        """Accepts connections and says nothing: the worst way for a policy server to be dead."""
        server = socket.create_server(('127.0.0.1', POLICY_PORT), backlog=1024)
        self.addCleanup(server.close)

    def start_switch(self, burn_us, stall_s, without=None, trouble=(), verifies_s=0):
        """A switch on one lane, on which each call costs BURN_US more than it would; WITHOUT one of what
        it does about a crisis: 'marks' that count, or the 'wait' after which a call is refused. Of TROUBLE
        it has: 'policy', a server that is asked and never answers; 'full', a trunk group of few places,
        for which calls with priority wait. With VERIFIES_S it has trunks whose marks must prove true, and
        tokens are good for so long."""
        folders = [*module_folders(), os.path.join(BUILD, 'tests', 'bench', 'crisis')]
        self.records = self.path(f'records-{len(self.processes)}.jsonl')
        modules = ('cli', 'sip', 'route-table', 'trunk', 'congestion', 'cdr-file', 'burn', 'priority',
                   *(('http', 'policy') if 'policy' in trouble else ()),
                   *(('passport',) if verifies_s else ()))
        validated = {'rph-trust': 'validate', 'rph-accept': 'ets'}
        if 'policy' in trouble:
            self.start_silent_server()
        self.tandem = Tandem(self, {
            'tandem': {'lanes': 1},
            'modules': dict.fromkeys(modules, 'required'),
            'sip': {'listen': f'udp:{SWITCH}, udp:{TRUSTED}', 'strangers': 'refuse', 'trace': 'no',
                    # The call that holds the lane up is not to be refused for its wait.
                    'first-numbers': STALL_NUMBER, **({} if verifies_s else {'first-rate': 5000}),
                    'arrival-wait': '0 s' if without == 'wait' else '2 s'},
            'call': {'media': 'through'},
            'cdr-file': {'path': self.records, 'format': 'json'},
            'burn': {'microseconds': burn_us, 'stall': f'{round(1000 * stall_s)} ms'},
            'trunk public': {'address': f'sip:{PUBLIC}'},
            'trunk forgers': {'address': f'sip:127.0.0.1:{FORGER_PORT}'},
            'trunk stall': {'address': f'sip:127.0.0.1:{STALL_PORT}'},
            'trunk responders': {
                'address': f'sip:{RESPONDER_HOST}:{RESPONDER_PORT}',
                **({} if without == 'marks' else
                   {'rph-trust': 'accept', 'rph-accept': 'ets', 'rph-interface': TRUSTED_HOST})},
            'trunk called': {'address': f'sip:127.0.0.1:{CALLED_PORT}',
                             **(FULL if 'full' in trouble else {})},
            **({'policy': {'servers': f'http://127.0.0.1:{POLICY_PORT}'}} if 'policy' in trouble else {}),
            'route all': {'targets': 'called'},
            **({'trunk signers': {'address': f'sip:127.0.0.1:{SIGNER_PORT}', **validated},
                'trunk replayers': {'address': f'sip:127.0.0.1:{REPLAYER_PORT}', **validated},
                'trunk counterfeiters': {'address': f'sip:127.0.0.1:{COUNTERFEITER_PORT}', **validated},
                'trunk bearers': {'address': f'sip:{BEARER_HOST}:{RESPONDER_PORT}', **validated},
                **tokens.configuration(self, verifies_s)} if verifies_s else {}),
        }, environment={'TANDEM_MODULE_PATH': ':'.join(folders)})

    def start_peer(self, hold_us, limit_cps):
        """Kamailio in the switch's place, as kamailio.cfg has it; it lets LIMIT_CPS calls a second in."""
        defines = {'PIPE': f'"0:RED:{round(limit_cps)}"', 'DENSITY': round(30 * limit_cps),
                   **({'HOLD': f'"{hold_us}"'} if hold_us else {})}
        folder = self.path(f'kamailio-{len(self.processes)}')
        self.peer = self.spawn('kamailio', [
            self.need('kamailio'), '-f', os.path.join(HERE, 'kamailio.cfg'), '-DD', '-E', '-m', '256',
            *[f'-A{name}={value}' for name, value in defines.items()],
            '-Y', folder, '-P', folder + '/pid', '-w', self.folder])
        self.peer.wait_for(lambda: ports.is_served(SIP_PORT), 'listening socket')

    def stop_peer(self):
        self.peer.stop()
        self.peer = None

    def cpu_s(self):
        return cpu_seconds(self.tandem.pid) if self.peer is None else 0

    def start_capture(self, path):
        """Of all runs; the watch is for figures, this for a second opinion on what is on the wire."""
        capture = self.spawn('tshark', [
            self.need('tshark'), '-q', '-i', 'lo', '-w', path, '-f',
            f'udp and (host {RESPONDER_HOST} or port {CALLED_PORT})'])
        capture.wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 0, 'capture')

    def start_watch(self):
        file = self.path(f'notes-{len(self.processes)}')
        watch = self.spawn('crisis-watch', [self.program('crisis-watch'), SIP_PORT,
                                                  PUBLIC_PORT, file])
        watch.wait_for_output('WATCHING')
        return watch, file

    def start_public(self, rate, seconds, *options, port=PUBLIC_PORT, host='127.0.0.1'):
        return self.spawn('crisis-call', [
            self.program('crisis-call'), '--own', f'{host}:{port}', '--peer', SWITCH,
            '--rate', rate, '--seconds', seconds, '--first', self.next_call(rate * seconds),
            *options])

    def next_call(self, n_calls):
        """The first of N_CALLS numbers that no call has had: transactions outlive their calls."""
        first, self.n_numbers = self.n_numbers, self.n_numbers + round(n_calls) + 1
        return first

    def start_responders(self, rate, seconds):
        n_calls = max(1, round(rate * seconds))
        return sipp.Sipp(self, 'uac', os.path.join(HERE, 'uac-priority.xml'),
                         ['-s', '8001', '-m', n_calls, '-r', max(1, round(rate)), '-d', 100,
                          '-l', n_calls, # Each load's are its own: what a call leaves lives for half a minute.
                          '-cid_str', f'p%u@crisis-{len(self.processes)}', SWITCH if self.peer else TRUSTED],
                         port=RESPONDER_PORT, host=RESPONDER_HOST, keys={'mark': MARK},
                         timeout_s=round(seconds + 60))

    # --- What happens ---

    def start_with_tokens(self, some, rate, seconds, prefix, port, host='127.0.0.1'):
        """Calls whose marks are signed by SOME, one after the other and again from the first on."""
        path = self.write(f'tokens-{len(self.processes)}', ''.join(token + '\n' for token in some))
        return self.start_public(
            rate, seconds, '--mark', tokens.header_lines(MARK, some[0]), '--tokens', path, '--caller',
            '+' + tokens.FROM, '--number', '+' + tokens.TO, '--prefix', prefix, port=port, host=host)

    def start_replayers(self, rate, seconds):
        """Calls whose marks prove true, and as soon as they are up RATE others a second with the same
        tokens: half of them from where those came from. Returns all that place calls."""
        shown = tokens.sign(self, MARK, N_SHOWN)
        self.start_with_tokens(shown, N_SHOWN, 1, figures.SIGNED, SIGNER_PORT).wait(60)
        return [self.start_with_tokens(shown, rate / 2, seconds, figures.REPLAYED, port)
                for port in (SIGNER_PORT, REPLAYER_PORT)]

    def start_forgers(self, rate, seconds):
        """RATE calls a second whose marks give nothing: half of them come by a trunk that has no trust, half
        have a token that says what a true one would and that nobody has signed."""
        return [self.start_public(rate / 2, seconds, '--mark', f'Resource-Priority: {MARK}', '--prefix',
                                  figures.FORGED, port=FORGER_PORT),
                self.start_with_tokens(tokens.forge(self, MARK, N_COUNTERFEITS), rate / 2, seconds,
                                       figures.COUNTERFEIT, COUNTERFEITER_PORT)]

    def start_bearers(self, rate, seconds):
        """Calls with a token each that is their own and true."""
        some = tokens.sign(self, MARK, max(1, round(rate * seconds)))
        return self.start_with_tokens(some, rate, seconds, figures.PROVEN, RESPONDER_PORT, BEARER_HOST)

    def load(self, rate, seconds, priority_rate=0, forged_rate=0, replayed_rate=0, at_half=None):
        """Offers RATE ordinary calls a second, and with them the others; of those with priority half
        have a token where others have forged ones. AT_HALF (nullable) is called when half of the time has
        passed. Returns a Run."""
        watch, file = self.start_watch()
        forgers = self.start_replayers(replayed_rate, seconds) if replayed_rate else []
        forgers += self.start_forgers(forged_rate, seconds) if forged_rate else []
        proven_rate = priority_rate / 2 if forgers else 0
        bearers = [self.start_bearers(proven_rate, seconds)] if proven_rate else []
        cpu_s = self.cpu_s()
        public = self.start_public(rate, seconds)
        responders = (self.start_responders(priority_rate - proven_rate, seconds) if priority_rate
                      else None)
        if at_half is not None:
            time.sleep(seconds / 2)
            at_half()
        for process in (public, *forgers, *bearers):
            if process.wait(seconds + LINGER_S + 60) != 0:
                raise ProcessError(f'{process.name} failed: {process.tail()}')
        if responders is not None:
            responders.process.wait(90)
        cpu_s = self.cpu_s() - cpu_s
        watch.signal(signal.SIGTERM)
        watch.wait(30)
        run = Run(rate, seconds, cpu_s, figures.read(file), last_json(watch), last_json(public),
                  [last_json(forger) for forger in forgers], responders.counts() if responders else None)
        self.n_answered += run.n_answered
        return run

    def stall(self):
        """Has the lane stand still for as long as the module burn is set to; returns the call."""
        return self.start_public(1, 1, '--number', STALL_NUMBER, '--prefix', 's', '--once',
                                 port=STALL_PORT)

    def spend(self, n_calls):
        """(Processor time in seconds, how many were refused) while N_CALLS come to a lane that stands
        still, are too late when it goes on, and are acknowledged."""
        watch, file = self.start_watch()
        stall = self.stall()
        time.sleep(0.2)
        before_s, end_s = cpu_seconds(self.tandem.pid), time.monotonic() + WEIGHING_S
        public = self.start_public(n_calls / 0.4, 0.4, '--once')
        public.wait(60)
        time.sleep(max(0, end_s - time.monotonic()))
        spent_s = cpu_seconds(self.tandem.pid) - before_s
        stall.wait(60)
        watch.signal(signal.SIGTERM)
        watch.wait(30)
        calls = figures.read(file)[figures.ORDINARY].values()
        self.n_answered += sum(call.answered is not None for call in calls)
        return spent_s, last_json(public)['refused']

    def weigh_refusal(self, n_calls, n_tries=5):
        """Processor time of one refusal with its ACK, in microseconds: what N_CALLS more cost than a few,
        the median of N_TRIES. None when the machine was too busy for them to come in time. Machine
        congestion, which a lane that stands still for so long is, would refuse the call that holds it
        up."""
        self.tandem.ctl('congestion', 'set', 'MC0')
        costs_us = []
        base_s, n_few = self.spend(n_calls // 20)
        for _ in range(n_tries):
            spent_s, n_refused = self.spend(n_calls)
            if n_refused >= n_calls * 0.98:
                costs_us.append((spent_s - base_s) / (n_refused - n_few) * 1e6)
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('congestion', 'show')['measured'] == 'MC0',
            'the end of the congestion', 60)
        self.tandem.ctl('congestion', 'clear')
        return figures.percentile(costs_us, 50)

    def overflowed(self):
        """Datagrams that found the switch's buffer in the kernel full."""
        _, text, _ = self.tandem.ctl('metric', '--prometheus')
        return sum(float(line.rsplit(' ', 1)[1]) for line in text.splitlines()
                   if line.startswith('tandem_socket_overflowed_total'))

    def levels(self):
        """What the switch said of its congestion, in order."""
        return [line.split(': ', 1)[1] for line in self.tandem.process.output().splitlines()
                if 'machine congestion is' in line]

    def finish(self):
        """Ends the switch; returns the records: {kind: number of calls}."""
        self.tandem.stop(60)
        kinds = {}
        with open(self.records, encoding='utf-8') as file:
            for row in file:
                record = json.loads(row)
                kinds.setdefault(record['record'], set()).add(record['call'])
        return {kind: len(calls) for kind, calls in kinds.items()}

    def classified(self):
        """{trunk: how many of its calls have more than an ordinary class in the finished switch's
        records}."""
        marked = collections.defaultdict(set)
        with open(self.records, encoding='utf-8') as file:
            for row in map(json.loads, file):
                if row['data']['priority_class'] > ORDINARY_CLASS:
                    marked[row['data']['calling_trunk']].add(row['call'])
        if 'responders' not in marked:
            self.fail('no call with priority has a class in its records')
        return {trunk: len(calls) for trunk, calls in marked.items()}

    def n_gained(self, n_true):
        """Calls that have a class and should not, of trunks of which N_TRUE may have it: those whose
        tokens others showed again."""
        classified = self.classified()
        n_marked = sum(classified.get(name, 0)
                       for name in ('forgers', 'counterfeiters', 'signers', 'replayers'))
        if n_marked < n_true:
            self.fail('calls whose marks are true have no class in their records')
        return n_marked - n_true


class Run:
    """One load and what came of it."""

    def __init__(self, rate, seconds, cpu_s, callers, watch, public, forgers, counts):
        self.rate, self.seconds, self.cpu_s = rate, seconds, cpu_s
        self.ordinary = list(callers[figures.ORDINARY].values())
        self.proven = list(callers[figures.PROVEN].values())
        self.priority = [*callers[figures.PRIORITY].values(), *self.proven]
        self.forged = [call for letter in (figures.FORGED, figures.COUNTERFEIT, figures.REPLAYED)
                       for call in callers[letter].values()]
        self.all = [call for calls in callers.values() for call in calls.values()]
        self.watch, self.public, self.counts = watch, public, counts
        self.n_forged_sent = sum(forger['sent'] - forger['dropped'] for forger in forgers)
        self.n_late = sum(sender['late'] for sender in (public, *forgers))

    @property
    def n_answered(self):
        return sum(call.answered is not None for call in self.all)

    @property
    def n_refused(self):
        return self.public['refused'] + sum(call.refused is not None for call in self.priority + self.forged)

    def goodput(self):
        return figures.goodput(self.ordinary, self.seconds)

    def followed_by(self, other):
        """Both as one."""
        both = copy.copy(self)
        for name in ('seconds', 'cpu_s', 'ordinary', 'proven', 'priority', 'forged', 'all', 'n_forged_sent',
                     'n_late'):
            setattr(both, name, getattr(self, name) + getattr(other, name))
        both.watch = {'dropped': self.watch['dropped'] + other.watch['dropped']}
        both.public = {name: max(value, other.public[name]) if name == 'worst_late_ms'
                       else value + other.public[name] for name, value in self.public.items()}
        if self.counts:
            both.counts = sipp.Counts(*(mine + others for mine, others in zip(
                dataclasses.astuple(self.counts), dataclasses.astuple(other.counts))))
        return both

    def shift(self, time_us):
        """As if it had been TIME_US later."""
        for call in self.all:
            for name in ('invited', 'tried', 'alerted', 'answered', 'refused'):
                at_us = getattr(call, name)
                if at_us is not None:
                    setattr(call, name, at_us + time_us)


def joined(runs):
    """RUNS of one rate as if each had begun when the one before had ended; whose times are shifted."""
    whole = runs[0]
    for run in runs[1:]:
        end_us = min(call.invited for call in whole.ordinary) + round(whole.seconds * 1e6)
        run.shift(end_us - min(call.invited for call in run.ordinary))
        whole = whole.followed_by(run)
    return whole
