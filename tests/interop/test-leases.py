#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ROU-061: switches that share a trunk group through a real Redis server, under load, while they and the
server are killed, stopped and started. The called parties count: the limit is never exceeded.

TANDEM_LEASE_ROUNDS says how much happens; TANDEM_SEED, what.
"""

import os
import random
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.redis import Redis  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

N_ROUNDS = int(os.environ.get('TANDEM_LEASE_ROUNDS', '5'))
SEED = int(os.environ.get('TANDEM_SEED', time.time_ns() % 1000000))
KEEP_ALIVE_S = 0.2
LIMIT, SHARE, BLOCK = 24, 4, 3
HOLD_MS, RATE = 2000, 8  # of each caller: a whole limit's worth and more
DAY_S = 3600


class Node:
    """One switch with a caller in front of it, and a called party behind it that is called by nobody
    else."""

    def __init__(self, case, number):
        self.case = case
        self.name = f'exchange-{number}'
        self.port = ports.free_port()
        self.state = case.path(f'state-{self.port}')
        os.mkdir(self.state)
        self.called = sipp.uas(case, timeout_s=DAY_S, notes_messages=True)
        self.lives = []  # [from, until] of each of its processes
        self.tandem = None

    def start(self, **trunk):
        case = self.case
        self.lives.append([time.time(), float('inf')])
        self.tandem = Tandem(case, {
            'tandem': {'node': self.name, 'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'trunk', 'lease-redis'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept', 'trace': 'no'},
            'call': {'media': 'through'},
            'lease': {'keep-alive': f'{int(KEEP_ALIVE_S * 1000)} ms',
                      'timeout': f'{int(case.timeout_s * 1000)} ms'},
            'lease-redis': {'server': case.server, 'timeout': '200 ms',
                            **({'password': case.password} if case.password else {})},
            'trunk carrier': {
                'address': f'sip:{self.called.address}', 'capacity': LIMIT,
                'shared-by': [f'exchange-{each} {SHARE}' for each in range(case.n_nodes)],
                'shared-block': BLOCK, **trunk},
            'route all': {'targets': 'carrier'},
        }, environment={'TANDEM_STATE_DIR': self.state})

    def kill(self):
        self.tandem.process.signal(signal.SIGKILL)
        self.tandem.process.wait(10)
        self.lives[-1][1] = time.time()

    def call(self, n_calls=100000, rate=RATE, hold_ms=HOLD_MS):
        return sipp.uac(self.case, f'127.0.0.1:{self.port}', number='8001', n_calls=n_calls,
                        rate=rate, hold_ms=hold_ms, timeout_s=DAY_S)

    def show(self):
        return self.tandem.ctl_json('trunk', 'show', 'carrier')

    def wait_for(self, is_true, what, timeout_s=20):
        return self.tandem.process.wait_for(lambda: is_true(self.show()), what, timeout_s, 0.05)

    def changes(self):
        """(when, +1 or -1) for each call, as the called party saw it: from the INVITE to the BYE, or
        to the end of the process that it was for. An INVITE may be read when its process is dead."""
        begun, ended = {}, {}
        for when, call, cseq, start in self.called.received():
            if start.startswith('INVITE '):
                begun.setdefault(call, when)
            elif start.startswith(('BYE ', 'CANCEL ')):
                ended.setdefault(call, when)
        changes = []
        for call, when in begun.items():
            death = [until for since, until in self.lives if since <= when][-1]
            over = max(when, min(ended.get(call, float('inf')), death))
            changes += [(when, 1), (over, -1)]
        return changes


class Shared(PeerCase):
    n_nodes = 3
    timeout_s = 5  # [lease] timeout
    password = None

    def setUp(self):
        super().setUp()
        self.redis = Redis(self, self.password)
        self.server = self.redis.address
        self.nodes = [Node(self, number) for number in range(self.n_nodes)]

    def start_all(self):
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait_for(lambda shown: shown['lease'] == 'sharing', 'lease')

    def most_calls(self):
        """The highest sum that the called parties saw, what it was made of, and how many calls there
        were."""
        changes = sorted((when, change, node.name) for node in self.nodes
                         for when, change in node.changes())
        now, most = dict.fromkeys((node.name for node in self.nodes), 0), (0, '')
        for when, change, name in changes:
            now[name] += change
            most = max(most, (sum(now.values()), f'{when:.3f}: {now}'))
        return *most, len(changes) // 2

    def leased(self):
        return sum(node.show()['leased'] for node in self.nodes if node.tandem.process.status is None)


class Sum(Shared):
    """Everything dies, all the time."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        print(f'# seed {SEED}, {N_ROUNDS} rounds')

    def kill_a_node(self):
        node = self.random.choice(self.nodes)
        node.kill()
        time.sleep(self.random.uniform(0, 1.5 * self.timeout_s))
        node.start()

    def halt_a_node(self):
        """For less than anybody notices."""
        node = self.random.choice(self.nodes)
        node.tandem.process.signal(signal.SIGSTOP)
        time.sleep(self.timeout_s / 16)
        node.tandem.process.signal(signal.SIGCONT)

    def freeze_redis(self):
        self.redis.freeze()
        time.sleep(self.random.uniform(0, 1.5 * self.timeout_s))
        self.redis.thaw()

    def kill_redis(self):
        """It comes back with what it had some time ago, or with nothing, soon or late."""
        self.redis.remember()
        time.sleep(self.random.uniform(0, 1))
        self.redis.kill()
        if self.random.random() < 0.5:
            self.redis.forget()
        time.sleep(self.random.uniform(0, 1.5 * self.timeout_s))
        self.redis.start()

    def empty_redis(self):
        self.assertEqual(self.redis.ask('FLUSHALL'), '+OK')

    def test_sum_holds_whatever_dies(self):
        self.start_all()
        for node in self.nodes:
            node.call()
        self.nodes[0].wait_for(lambda _: self.leased() == LIMIT - SHARE * self.n_nodes,
                               'pool that is in use')
        troubles = [self.kill_a_node, self.freeze_redis, self.kill_redis, self.empty_redis,
                    self.halt_a_node]
        for number in range(N_ROUNDS):
            trouble = troubles[number] if number < len(troubles) else self.random.choice(troubles)
            print(f'# {time.time():.3f} {trouble.__name__}', flush=True)
            trouble()
            time.sleep(self.random.uniform(0, self.timeout_s / 4))
        # What it was all for: it still works, and all of the pool is found again.
        self.nodes[0].wait_for(lambda _: self.leased() == LIMIT - SHARE * self.n_nodes,
                               'pool that is in use again', 6 * self.timeout_s)
        time.sleep(1)
        most, made_of, n_calls = self.most_calls()
        tap.figure(f'{self.n_nodes} switches, one limit of {LIMIT} calls, {N_ROUNDS} troubles: calls; '
                   'most at once', f'{n_calls}; {most}')
        self.assertLessEqual(most, LIMIT, made_of)
        self.assertGreater(most, LIMIT * 3 // 4)


class Death(Shared):
    """Two switches, of which one ends."""

    n_nodes = 2
    timeout_s = 3

    def setUp(self):
        super().setUp()
        self.start_all()
        self.one, self.other = self.nodes
        self.pool = LIMIT - SHARE * self.n_nodes

    def fill(self, node):
        """All of the pool is NODE's."""
        node.call(rate=20, hold_ms=60000)
        node.wait_for(lambda shown: shown['calls_out'] == SHARE + self.pool, 'calls')

    def time_until_leased(self, node):
        began = time.monotonic()
        node.call(rate=20, hold_ms=60000)
        node.wait_for(lambda shown: shown['leased'] == self.pool, 'whole pool')
        return time.monotonic() - began

    def test_blocks_of_the_dead_come_back_in_time(self):
        self.fill(self.one)
        self.one.kill()
        took_s = self.time_until_leased(self.other)
        tap.figure(f'places of a killed switch are leased again, time-out {self.timeout_s} s: after',
                   f'{took_s:.1f} s')
        self.assertGreater(took_s, self.timeout_s - 3 * KEEP_ALIVE_S)
        self.assertLess(took_s, self.timeout_s + 3)

    def test_who_ends_in_order_gives_back_at_once(self):
        caller = self.one.call(hold_ms=1000)
        self.one.wait_for(lambda shown: shown['leased'] >= BLOCK, 'lease')
        caller.finish()
        self.one.wait_for(lambda shown: shown['calls_out'] == 0, 'end of the calls')
        self.one.tandem.stop()
        self.other.wait_for(lambda shown: [peer['node'] for peer in shown['peers']]
                            == [self.other.name], 'end of the other one', self.timeout_s / 2)

    def test_calls_above_the_share_end_without_a_store(self):
        self.fill(self.one)
        self.redis.kill()
        self.one.wait_for(lambda shown: shown['lease'] == 'fenced', 'fence')
        self.assertEqual(self.one.show()['calls_out'], SHARE + self.pool)
        self.one.wait_for(lambda shown: shown['calls_out'] == SHARE, 'end of the calls', self.timeout_s)
        self.assertEqual(self.one.show()['lease'], 'alone')
        self.assertIn('see that the server runs and can be reached', self.one.show()['lease_trouble'])

    def test_calls_stay_when_the_store_is_away_for_a_moment(self):
        self.fill(self.one)
        self.redis.kill()
        self.redis.forget()
        self.redis.start()
        self.one.wait_for(lambda shown: 'lease_trouble' not in shown, 'lease')
        time.sleep(self.timeout_s)
        self.assertEqual(self.one.show()['calls_out'], SHARE + self.pool)

    def test_next_build_takes_the_lease_over(self):
        self.fill(self.one)
        before = self.one.show()
        self.one.tandem.ctl_json('module', 'upgrade', 'trunk')
        time.sleep(self.timeout_s)
        after = self.one.show()
        for key in ('lease', 'leased', 'calls_out'):
            self.assertEqual(after[key], before[key], key)


class Twin(Shared):
    n_nodes = 1

    def test_second_of_a_name_is_refused_and_said(self):
        self.start_all()
        twin = Node(self, 0)
        twin.start()
        twin.wait_for(lambda shown: shown['lease'] == 'twin', 'refusal')
        shown = twin.show()
        self.assertEqual(shown['allowed'], 0)
        self.assertIn('another switch runs by the name', twin.tandem.process.output())
        self.assertEqual(self.nodes[0].show()['lease'], 'sharing')


class Password(Shared):
    n_nodes = 1
    password = 'geheim-77'

    def test_password_is_given_and_shown_nowhere(self):
        self.start_all()
        tandem = self.nodes[0].tandem
        said = str(tandem.ctl('config', 'show')) + str(tandem.ctl_json('module', 'info', 'lease-redis'))
        self.assertNotIn(self.password, said + tandem.process.output())

    def test_wrong_one_is_told(self):
        self.password = 'wrong'
        self.nodes[0].start()
        shown = self.nodes[0].wait_for(lambda shown: 'lease_trouble' in shown and shown, 'trouble')
        self.assertIn('see user and password in [lease-redis]', shown['lease_trouble'])


class Strange(PeerCase):
    """What listens where a Redis server should."""

    n_nodes = 1
    timeout_s = 5
    password = None

    def serve(self, answer):
        """Answers each question with ANSWER, or is silent (None)."""
        listener = socket.create_server(('127.0.0.1', ports.free_port()))
        self.addCleanup(listener.close)
        self.server = '%s:%u' % listener.getsockname()

        def talk(connection):
            try:
                while connection.recv(65536):
                    if answer is not None:
                        connection.sendall(answer)
            except OSError:
                pass

        def accept():
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=talk, args=(connection,), daemon=True).start()
        threading.Thread(target=accept, daemon=True).start()

    def trouble(self, answer):
        self.serve(answer)
        node = Node(self, 0)
        node.start()
        shown = node.wait_for(lambda shown: 'lease_trouble' in shown and shown, 'trouble')
        self.assertEqual((shown['lease'], shown['allowed']), ('alone', SHARE))
        node.tandem.stop()
        return shown['lease_trouble']

    def test_silence(self):
        self.assertIn('no answer in time', self.trouble(None))

    def test_other_protocol(self):
        self.assertIn('Protocol error', self.trouble(b'HTTP/1.1 400 Bad Request\r\n\r\n'))

    def test_answer_to_something_else(self):
        self.assertIn('is this a Redis server', self.trouble(b'*3\r\n:1\r\n$1\r\nx\r\n:5\r\n'))

    def test_answer_without_end(self):
        self.assertIn('is this a Redis server', self.trouble(b'$500000000\r\n' + b'x' * 200000))

    def test_refusal_is_told(self):
        self.assertIn('LOADING the data set', self.trouble(b'-LOADING the data set\r\n'))


if __name__ == '__main__':
    tap.main()
