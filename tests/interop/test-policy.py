#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Nodes that ask others where calls go (ROU-060): real tandemd processes on loopback, some of which die, and
servers that answer badly."""

import collections
import concurrent.futures
import os
import signal
import socket
import statistics
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, description, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.process import cpu_seconds, is_sanitized  # noqa: E402
from peers.tandem import Tandem, program  # noqa: E402
from peers.web import Client, Server, response  # noqa: E402

RATE, SECONDS = 50, 8
STATUS = {'version': 1, 'node': 'fake', 'congestion': 0}
ROUTE = {'version': 1, 'node': 'fake', 'verdict': 'route', 'route': 'there',
         'targets': [{'trunk': 'called'}]}


class Policy(PeerCase):
    def setUp(self):
        super().setUp()
        self.called_port = ports.free_port()

    # --- Nodes ---

    def trunks(self):
        return {'trunk called': {'address': f'sip:127.0.0.1:{self.called_port}'}}

    def server(self, port=None, routes=True, policy=None, **more):
        """A node that is asked, and its URL."""
        port = port or ports.free_port()
        node = Tandem(self, {
            'tandem': {'node': f'server-{port}', 'lanes': 1},
            'modules': dict.fromkeys(('cli', 'http', 'policy', 'route-table', *more.pop('modules', ())),
                                     'required'),
            'http': {'listen': f'127.0.0.1:{port}', **more.pop('http', {})},
            'policy': {'serve': 'yes', **(policy or {})},
            **self.trunks(),
            **({'route there': {'prefix': '8', 'targets': 'called'}} if routes else {}),
            **more})
        return node, f'http://127.0.0.1:{port}'

    def asker(self, *urls, routes=True, **policy):
        """A node that asks; its own tables, where it has some, lead to the same trunk group."""
        self.port = ports.free_port()
        self.config = {
            'tandem': {'node': 'asker', 'lanes': 1},
            'modules': dict.fromkeys(('cli', 'http', 'policy', 'route-table', 'sip'), 'required'),
            'call': {'media': 'through', 'release-timeout': '2 s'},
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'policy': {'servers': urls, **{key.replace('_', '-'): value
                                           for key, value in policy.items()}},
            **self.trunks(),
            **({'route here': {'targets': 'called'}} if routes else {})}
        self.node = Tandem(self, self.config)
        return self.node

    def rows(self):
        return {row['server']: row for row in self.node.ctl_json('policy', 'list')}

    def wait_for_state(self, url, state, timeout_s=10):
        self.node.process.wait_for(lambda: self.rows()[url]['state'] == state, f'{url} {state}',
                                   timeout_s)

    def route(self, number='8001', node=None):
        """(What route test says, as data or as its error; the seconds it took)."""
        begun = time.monotonic()
        status, output, errors = (node or self.node).ctl('route', 'test', number, '--json')
        return (output if status == 0 else errors), time.monotonic() - begun

    def decided_by(self, number='8001'):
        answer = self.node.ctl_json('route', 'test', number)
        return answer['decided_by'], answer['route']

    def load(self, n_calls, rate=RATE):
        return sipp.uac(self, f'127.0.0.1:{self.port}', number='8001', rate=rate, n_calls=n_calls,
                        timeout_s=60, notes_messages=True)

    # --- Asking ---

    def test_route_test_shows_what_the_server_said(self):
        server, url = self.server()
        self.asker(url)
        self.wait_for_state(url, 'up')
        answer = self.node.ctl_json('route', 'test', '8001', '--from', '+4930123')
        self.assertEqual((answer['decided_by'], answer['route']), ('policy.route', 'there'))
        self.assertEqual(answer['targets'][0]['trunk'], 'called')
        steps = [(step['step'], step['what']) for step in answer['steps']]
        self.assertEqual(steps[0][0], 'server')
        self.assertIn('[route there]', steps[0][1])
        self.assertEqual(steps[-1][0], 'policy')
        self.assertRegex(steps[-1][1], f'{url} .server-.*, MC0, .* says: route there, 1 targets '
                                       r'\(route-table.route\)')
        self.assertEqual(self.decided_by('9'), ('route-table.route', 'here'))   # it knows no route
        self.node.stop()
        server.stop()

    def test_anybody_may_ask(self):
        server, url = self.server(http={'token': 'secret'})
        client = Client(self, int(url.rpartition(':')[2]))
        token = ['Authorization: Bearer secret']
        status, _, body = client.ask('POST', '/policy/v1/route', {'version': 1, 'called': '8001'}, token)
        self.assertEqual(status, 200)
        self.assertIn(b'"verdict":"route"', body)
        for question, said in (({'version': 1}, b'called'), ([], b'no object'), (b'{', b'byte')):
            status, _, body = client.ask('POST', '/policy/v1/route', question, token)
            self.assertEqual(status, 400)
            self.assertIn(said, body)
        status, _, body = client.ask('GET', '/policy/v1/status', headers=token)
        self.assertEqual(status, 200)
        self.assertIn(b'"congestion":0', body)
        self.asker(url, token='wrong', probe='200 ms')
        self.wait_for_state(url, 'lost')
        self.assertIn('[policy] token', self.rows()[url]['why'])
        self.config['policy']['token'] = 'secret'
        self.node.rewrite(self.config)
        self.assertEqual(self.node.ctl('config', 'reload')[0], 0)
        self.wait_for_state(url, 'up')
        self.assertEqual(self.decided_by(), ('policy.route', 'there'))
        self.node.stop()
        server.stop()

    def test_two_nodes_that_ask_each_other(self):
        port = ports.free_port()
        first = f'http://127.0.0.1:{port}'
        second, second_url = self.server(routes=False, policy={'servers': first, 'probe': '200 ms'})
        self.node, _ = self.server(port=port, routes=False,
                                   policy={'servers': second_url, 'probe': '200 ms'})
        self.wait_for_state(second_url, 'up')
        said, took_s = self.route()
        self.assertIn('asked for another node, so no server is asked', said)
        self.assertLess(took_s, 2)
        counts = collections.Counter()
        for node in (self.node, second):
            for row in node.ctl_json('policy', 'list'):
                counts[row['server']] += row['answered']
        self.assertEqual(counts, {second_url: 1, first: 0})
        self.node.stop()
        second.stop()

    def test_congested_gets_its_share(self):
        first, first_url = self.server(modules=('congestion',))
        second, second_url = self.server()
        self.asker(first_url, second_url, probe='200 ms')
        for url in (first_url, second_url):
            self.wait_for_state(url, 'up')
        self.assertEqual(first.ctl('congestion', 'set', 'MC2')[0], 0)
        self.node.process.wait_for(lambda: self.rows()[first_url]['congestion'] == 'MC2', 'MC2')
        for _ in range(15):
            self.route()
        rows = self.rows()
        self.assertEqual(rows[first_url]['share'], 50)
        self.assertEqual((rows[first_url]['answered'], rows[second_url]['answered']), (5, 10))
        for node in (self.node, first, second):
            node.stop()

    # --- Dying ---

    def test_kill_one_under_load(self):
        called = sipp.uas(self, port=self.called_port, timeout_s=60)
        servers = dict(reversed(self.server()) for _ in range(2))
        self.asker(*servers, routes=False)   # no tables of its own: a lookup that is lost loses a call
        for url in servers:
            self.wait_for_state(url, 'up')
        victim = next(iter(servers))
        n_calls = RATE * SECONDS
        uac = self.load(n_calls)
        self.node.process.wait_for(lambda: self.rows()[victim]['answered'] > n_calls // 8,
                                   'calls under way')
        servers[victim].process.signal(signal.SIGKILL)
        servers[victim].process.wait(5)
        counts = uac.wait()
        self.assertEqual((counts.successful, counts.failed), (n_calls, 0))
        rows = self.rows()
        self.assertEqual(rows[victim]['state'], 'lost')
        print(f'# {rows[victim]["lost"]} questions of {n_calls} calls were under way to it, and went to the '
              'other one')
        self.assertGreater(sum(row['answered'] for row in rows.values()), n_calls - 1)
        self.node.process.wait_for_output('is not asked any more')
        # The same address, alive again: a probe brings it back.
        self.server(port=int(victim.rpartition(':')[2]))
        self.wait_for_state(victim, 'up')
        self.node.process.wait_for_output('is there again')
        self.assertEqual(self.decided_by()[0], 'policy.route')
        self.node.stop()
        called.process.stop()

    def test_all_are_killed(self):
        called = sipp.uas(self, port=self.called_port, timeout_s=60)
        servers = dict(reversed(self.server()) for _ in range(2))
        self.asker(*servers)
        for url in servers:
            self.wait_for_state(url, 'up')
        uac = self.load(RATE * 4)
        self.node.process.wait_for(
            lambda: sum(row['answered'] for row in self.rows().values()) > RATE, 'calls under way')
        for server in servers.values():
            server.process.signal(signal.SIGKILL)
        counts = uac.wait()
        self.assertEqual((counts.successful, counts.failed), (RATE * 4, 0))
        self.assertEqual(self.decided_by(), ('route-table.route', 'here'))
        self.assertEqual({row['state'] for row in self.rows().values()}, {'lost'})
        self.node.stop()
        called.process.stop()

    def upgrade(self, node):
        for module in ('http', 'policy'):
            status, _, errors = node.ctl('module', 'upgrade', module)
            self.assertEqual(status, 0, errors)

    def test_upgrades_under_load(self):
        """Of what asks and of what is asked, while calls come that no tables here could route."""
        called = sipp.uas(self, port=self.called_port, timeout_s=60)
        servers = dict(reversed(self.server()) for _ in range(2))
        self.asker(*servers, routes=False, deadline='20 s')
        for url in servers:
            self.wait_for_state(url, 'up')
        rate = RATE // 5 if is_sanitized(self.node.pid) else RATE
        n_calls = 2 * rate * SECONDS
        uac = self.load(n_calls, rate)
        for number in range(3):
            self.node.process.wait_for(
                lambda: uac.counts().successful > n_calls // 16 * (number + 1), 'calls', 60)
            self.upgrade(self.node)
            with concurrent.futures.ThreadPoolExecutor() as both:   # there is no other one to ask
                list(both.map(self.upgrade, servers.values()))
        counts = uac.wait()
        self.assertEqual((counts.successful, counts.failed), (n_calls, 0))
        for node in (self.node, *servers.values()):
            node.stop()
        called.process.stop()

    def test_clients_of_an_http_that_is_upgraded(self):
        """They keep their connections and ask on and on: each is answered, or its connection ends."""
        server, url = self.server()
        port, seen, is_over = int(url.rpartition(':')[2]), collections.Counter(), threading.Event()

        def ask_on():
            while not is_over.is_set():
                try:
                    client = Client(self, port)
                except OSError:
                    return   # it is no more, which the test sees
                while not is_over.is_set() and (status := status_from(client)) is not None:
                    seen[status] += 1
                client.socket.close()

        def status_from(client):
            try:
                answer = client.ask('GET', '/policy/v1/status')
            except BrokenPipeError:
                return None
            return answer[0] if answer else None

        clients = [threading.Thread(target=ask_on, daemon=True) for _ in range(8)]
        for client in clients:
            client.start()
        for _ in range(20):
            status, _, errors = server.ctl('module', 'upgrade', 'http', timeout_s=60)
            self.assertEqual(status, 0, errors)
        is_over.set()
        for client in clients:
            client.join(20)
        self.assertEqual(set(seen), {200}, seen)
        server.stop()

    def test_question_that_an_upgrade_cuts_in_two(self):
        """Its head came to one build; by its end there are another http and another policy."""
        server, url = self.server()
        port = int(url.rpartition(':')[2])
        body = b'{"version": 1, "called": "8001"}'
        idle = Client(self, port)
        self.assertEqual(idle.ask('GET', '/policy/v1/status')[0], 200)
        with socket.create_connection(('127.0.0.1', port), 20) as asking:
            asking.sendall(b'POST /policy/v1/route HTTP/1.1\r\nHost: here\r\nExpect: 100-continue\r\n'
                           b'Content-Type: application/json\r\nContent-Length: %d\r\n\r\n' % len(body))
            self.assertIn(b' 100 ', asking.recv(4096))   # it has read the head
            self.upgrade(server)
            self.assertEqual(idle.socket.recv(1), b'')   # the build before has begun to go
            asking.sendall(body)
            self.assertIn(b' 200 ', asking.recv(4096).partition(b'\r\n')[0])
        server.stop()

    def test_http_that_is_stopped(self):
        server, url = self.server()
        self.asker(url, probe='200 ms')
        self.wait_for_state(url, 'up')
        self.assertEqual(self.node.ctl('module', 'stop', 'http')[0], 0)
        self.assertEqual(self.decided_by(), ('route-table.route', 'here'))
        self.assertEqual(self.node.ctl('module', 'load', 'http')[0], 0)
        self.wait_for_state(url, 'up')
        self.assertEqual(self.decided_by(), ('policy.route', 'there'))
        server.stop()
        self.node.stop()

    def test_stopped_server_says_so(self):
        server, url = self.server()
        self.asker(url, probe='200 ms')
        self.wait_for_state(url, 'up')
        self.assertEqual(server.ctl('module', 'stop', 'policy')[0], 0)
        self.wait_for_state(url, 'lost')
        self.assertEqual(self.decided_by(), ('route-table.route', 'here'))
        self.assertEqual(server.ctl('module', 'load', 'policy')[0], 0)
        self.wait_for_state(url, 'up')
        self.assertEqual(self.decided_by(), ('policy.route', 'there'))
        server.stop()
        self.node.stop()

    # --- Servers that answer badly ---

    def fake(self):
        """A server whose probes are answered well, and lookups by .lookup."""
        def answer(start, headers, body, connection):
            if '/status' in start:
                return response(STATUS)
            return server.lookup(start, headers, body, connection)
        server = Server(self, answer)
        server.lookup = lambda *_: response(ROUTE)
        return server

    def hostile(self, server):
        def drip(start, headers, body, connection):
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
                               b'Content-Length: 99\r\n\r\n')
            while not server.is_over.wait(0.05):
                connection.sendall(b' ')

        def flood(start, headers, body, connection):
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
                               b'Transfer-Encoding: chunked\r\n\r\n')
            while True:
                connection.sendall(b'4000\r\n' + b' ' * 0x4000 + b'\r\n')

        return {
            'garbage': lambda *_: b'\xff\0garbage\r\n\r\n',
            'no JSON': lambda *_: response(b'{"version": 1, "verdict"'),
            'another JSON': lambda *_: response([1, 2, 3]),
            'wrong type': lambda *_: response(ROUTE, media_type='text/html'),
            'wrong verdict': lambda *_: response({**ROUTE, 'verdict': 'maybe'}),
            'header in a number': lambda *_: response(
                {**ROUTE, 'targets': [{'trunk': 'called', 'number': '1\r\nX: y'}]}),
            'deep': lambda *_: response(b'[' * 50000),
            'huge': lambda *_: response(b' ' * (2 << 20)),
            'status 500': lambda *_: response(b'oh', '500 Oh'),
            'closed': lambda *_: None,
            'slow drip': drip,
            'flood': flood,
        }

    def test_hostile_answers(self):
        server = self.fake()
        self.asker(server.url, deadline='1 s', probe='100 ms')
        for name, lookup in self.hostile(server).items():
            self.wait_for_state(server.url, 'up')
            before = self.rows()[server.url]['lost']
            server.lookup = lookup
            said, took_s = self.route()
            self.assertIn('"decided_by":"route-table.route"', said.replace(' ', ''), name)
            self.assertLess(took_s, 1.5, name)
            self.assertEqual(self.rows()[server.url]['lost'], before + 1, name)
        server.lookup = lambda *_: response(ROUTE)
        self.wait_for_state(server.url, 'up')
        self.assertEqual(self.decided_by(), ('policy.route', 'there'))
        self.node.stop()

    def test_the_other_server_is_asked_then(self):
        bad, (good, good_url) = self.fake(), self.server()
        bad.lookup = bad.keep_quiet
        self.asker(bad.url, good_url, routes=False, deadline='1 s', probe='100 ms')
        for url in (bad.url, good_url):
            self.wait_for_state(url, 'up')
        times = []
        for _ in range(2):
            said, took_s = self.route()
            self.assertIn('policy.route', said)
            times.append(took_s)
        self.assertGreater(max(times), 0.5)   # half the deadline
        self.assertLess(min(times), 0.5)      # the good one's turn
        self.node.stop()
        good.stop()

    def test_unknown_trunk(self):
        server = self.fake()
        server.lookup = lambda *_: response({**ROUTE, 'targets': [{'trunk': 'elsewhere'}]})
        self.asker(server.url)
        self.wait_for_state(server.url, 'up')
        self.assertEqual(self.decided_by(), ('route-table.route', 'here'))
        self.node.process.wait_for_output('there is no [trunk elsewhere] here')
        row = self.rows()[server.url]
        self.assertEqual((row['state'], row['wrong']), ('up', 1))   # other routes are none the worse
        self.node.stop()

    def test_busy_server_is_spared(self):
        server = self.fake()
        server.lookup = lambda *_: response(b'', '503 Busy', headers=('Retry-After: 1',))
        self.asker(server.url)
        self.wait_for_state(server.url, 'up')
        self.assertEqual(self.decided_by(), ('route-table.route', 'here'))
        row = self.rows()[server.url]
        self.assertEqual((row['state'], row['busy'], row['congestion']), ('up', 1, 'MC3'))
        self.node.stop()

    def test_emergency_calls_do_not_wait_long(self):
        server = self.fake()
        server.lookup = server.keep_quiet
        self.asker(server.url, deadline='8 s', emergency_deadline='400 ms', probe='100 ms')
        for number, least_s, most_s in (('112', 0.2, 1.5), ('8001', 4, 7.9)):
            self.wait_for_state(server.url, 'up')
            said, took_s = self.route(number)
            self.assertIn('route-table.route', said)
            self.assertTrue(least_s <= took_s < most_s, (number, took_s))
        self.config['policy']['emergency-deadline'] = '0 s'
        self.node.rewrite(self.config)
        self.assertEqual(self.node.ctl('config', 'reload')[0], 0)
        said, took_s = self.route('112')
        self.assertIn('waits for no server', said)
        self.assertLess(took_s, 1)
        self.node.stop()

    def test_caller_hangs_up_meanwhile(self):
        server = self.fake()
        server.lookup = server.keep_quiet
        self.asker(server.url, deadline='20 s')
        self.wait_for_state(server.url, 'up')
        agent, uri = Agent(self, self.port, 'ann'), f'sip:8001@127.0.0.1:{self.port}'
        parties = {'From': '<sip:ann@x>;tag=1', 'To': f'<{uri}>', 'Call-ID': os.urandom(8).hex()}
        branch = 'z9hG4bK' + parties['Call-ID']
        agent.send(agent.request('INVITE', uri, parties, 1, description(9), branch))
        self.node.process.wait_for(lambda: len(server.requests) > 1, 'question')
        agent.send(agent.request('CANCEL', uri, parties, 1, transaction=branch))
        while status_of(said := agent.receive()) != 487:
            self.assertIn(status_of(said), (100, 200))
        row = self.rows()[server.url]
        self.assertEqual((row['state'], row['answered'] + row['lost']), ('up', 0))
        self.node.stop()

    def test_events(self):
        server = self.fake()
        self.asker(server.url, probe='100 ms')
        follower = self.spawn('tandemctl', [program('tandemctl'), 'event', 'follow', 'policy.*', '--json'],
                              environment=self.node.environment)
        follower.wait_for(lambda: self.rows()[server.url]['state'] == 'up', 'server')
        server.close()
        follower.wait_for_output('"policy.lost"')
        self.wait_for_state(server.url, 'lost')
        again = Server(self, lambda *_: response(STATUS), port=server.port)
        follower.wait_for_output('"policy.back"')
        again.close()
        self.node.stop()

    # --- Mistakes ---

    def test_mistakes_of_the_configuration(self):
        for key, value, said in (
                ('servers', 'ftp://x', 'is no server'), ('servers', 'http://', 'is no server'),
                ('servers', 'http://a, http://a', 'stands there twice'),
                ('servers', ', '.join(f'http://h{i}' for i in range(10)), 'is the tenth'),
                ('shares', '75 %, 50 %', 'three, for MC1'), ('shares', '75 %, 50 %, 101 %', 'no share'),
                ('emergency-numbers', 'help', 'is no number')):
            node = Tandem(self, {'modules': {'http': 'required', 'policy': 'required'},
                                 'policy': {key: value}}, is_awaited=False)
            self.assertEqual(node.process.wait(20), 78, (key, value))
            self.assertIn(said, node.process.output())

    def test_server_that_dns_decides_about_is_warned_of(self):
        """Where, why, and what to do; at a start and at a reload. It is no mistake."""
        servers = ['http://10.0.0.1:9', 'http://[::1]:9', 'http://localhost:9', 'https://policy.invalid',
                   'HTTP://Policy.invalid:9']
        warning = (r'warning policy servers: \S+tandem\.conf:\d+:\d+: \[policy\] servers: .*Policy\.invalid.* '
                   r'forged answer of DNS .*write https:, or the server.s address')
        self.asker(*servers)
        self.assertRegex(self.node.process.output(), warning)
        self.assertEqual(self.node.process.output().count('forged answer'), 1)
        self.assertEqual(self.node.ctl('config', 'reload')[0], 0)
        self.assertEqual(self.node.process.output().count('forged answer'), 2)

    # --- Figures ---

    def times(self, uac):
        """Seconds from each INVITE to its final response."""
        begun, times = {}, []
        for at_s, call, cseq, _ in uac.messages('S'):
            if cseq == '1 INVITE':
                begun.setdefault(call, at_s)
        for at_s, call, cseq, start in uac.received():
            if cseq == '1 INVITE' and status_of(start) >= 200 and call in begun:
                times.append(at_s - begun.pop(call))
        return sorted(times)

    def measure(self, name, servers):
        n_calls = int(os.environ.get('POLICY_CALLS', 200))
        processes = [self.node, *servers]
        before = [cpu_seconds(node.pid) for node in processes]
        uac = self.load(n_calls, rate=int(os.environ.get('POLICY_RATE', 100)))
        self.assertEqual(uac.wait().failed, 0)
        used = [1e6 * (cpu_seconds(node.pid) - start) / n_calls
                for node, start in zip(processes, before)]
        times = self.times(uac)
        print(f'# {name}: answered after {1000 * statistics.median(times):.2f} ms (median), '
              f'{1000 * times[int(len(times) * 0.99)]:.2f} ms (99 %); processor time a call: '
              + ', '.join(f'{microseconds:.0f} us' for microseconds in used))

    def test_what_it_costs(self):
        """Prints how much later calls are answered, and what it costs; nothing of that is judged."""
        called = sipp.uas(self, port=self.called_port, timeout_s=120)
        self.asker()
        self.measure('tables of its own', [])
        self.node.stop()
        server, url = self.server()
        self.asker(url)
        self.wait_for_state(url, 'up')
        self.measure('one server', [server])
        print(f'# {self.rows()[url]["delay_us"]} us for a question and its answer')
        self.node.stop()
        server.stop()
        called.process.stop()


if __name__ == '__main__':
    tap.main()
