#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the machine has no more of: ports and descriptors. Calls are refused with the right cause,
the log says what is missing and what to do, and all is well once there is enough again."""

import os
import resource
import socket
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, Call, branch, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402


class Limits(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()

    def config(self, called, first, last, listen=None):
        return {
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'rtp', 'cdr-file'), 'required'),
            'sip': {'listen': listen or f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'rtp': {'address': '127.0.0.1', 'first-port': first, 'last-port': last,
                    'port-rest': '0 ms'},
            'call': {'media': 'anchor'},
            'trunk called': {'address': f'sip:{called}'},
            'route all': {'targets': 'called'},
        }

    def records(self, tandem, kind):
        with open(os.path.join(tandem.folder, 'state', 'cdr-file', 'cdr.csv'),
                  encoding='utf-8') as file:
            return sum(line.startswith(kind + ',') for line in file)


class Ports(Limits):
    def take(self, kind, port):
        holder = socket.socket(socket.AF_INET, kind)
        self.addCleanup(holder.close)
        holder.bind(('127.0.0.1', port))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        return holder

    def test_sip_port_in_use(self):
        for name, kind in (('udp', socket.SOCK_DGRAM), ('tcp', socket.SOCK_STREAM)):
            with self.subTest(transport=name):
                holder = self.take(kind, self.port)
                place = f'{name}:127.0.0.1:{self.port}'
                tandem = Tandem(self, self.config('127.0.0.1:9', 20000, 20003, place),
                                is_awaited=False)
                self.assertEqual(tandem.process.wait(20), 69)
                self.assertRegex(tandem.process.output(), rf'error.*{place}.*in use')
                holder.close()

    def test_every_media_port_in_use(self):
        first = ports.free_range(8, alignment=2)
        holders = [self.take(socket.SOCK_DGRAM, port) for port in range(first, first + 8)]
        a, b = Agent(self, self.port, 'ann'), Agent(self, self.port, 'bert')
        tandem = Tandem(self, self.config(b.address, first, first + 7))
        a.send(a.request('INVITE', f'sip:8001@127.0.0.1:{self.port}', {
            'From': '<sip:ann@x>;tag=1', 'To': '<sip:8001@x>', 'Call-ID': uuid.uuid4().hex}, 1,
            description(9)))
        response = a.expect('SIP/2.0 5')
        self.assertIn('SIP/2.0 503 ', response)
        self.assertRegex(field(response, 'Reason'), r'Q\.850;cause=(34|47)')  # no circuit, resource
        self.assertEqual(b.drain(), [])
        tandem.process.wait_for_output(f'no media port is free of {first} to {first + 7}')
        for holder in holders:
            holder.close()
        call = Call(a, b)
        call.talk()
        call.hang_up()
        tandem.stop()
        self.assertEqual((self.records(tandem, 'ATTEMPT'), self.records(tandem, 'STOP')), (1, 1))


class Connections(Limits):
    def connect(self, source):
        stream = socket.create_connection(('127.0.0.1', self.port), 10, (source, 0))
        self.addCleanup(stream.close)
        return stream

    def is_served(self, stream):
        try:
            stream.sendall(f'OPTIONS sip:127.0.0.1:{self.port} SIP/2.0\r\n'
                           f'Via: SIP/2.0/TCP 127.0.0.1;branch={branch()}\r\n'
                           'From: <sip:ann@x>;tag=1\r\nTo: <sip:x@x>\r\nCSeq: 1 OPTIONS\r\n'
                           f'Call-ID: {uuid.uuid4().hex}\r\nMax-Forwards: 70\r\n'
                           'Content-Length: 0\r\n\r\n'.encode())
            return stream.recv(4096).startswith(b'SIP/2.0 200 ')
        except (ConnectionResetError, BrokenPipeError):
            return False

    def test_of_one_source(self):
        """Who has all of his is turned away, and may open one for one that he closes; others may."""
        config = self.config('127.0.0.1:9', 20000, 20003, f'tcp:127.0.0.1:{self.port}')
        config['sip']['connections-per-source'] = 2
        tandem = Tandem(self, config)
        first, second = self.connect('127.0.0.1'), self.connect('127.0.0.1')
        self.assertTrue(self.is_served(first) and self.is_served(second))
        self.assertFalse(self.is_served(self.connect('127.0.0.1')))
        self.assertTrue(self.is_served(self.connect('127.0.0.2')))
        tandem.process.wait_for_output('its source has as many connections open as one may have already')
        first.close()
        tandem.process.wait_for(lambda: self.is_served(self.connect('127.0.0.1')), 'the next one')
        self.assertTrue(self.is_served(second))
        tandem.stop()


class Descriptors(Limits):
    """120 calls of 0.6 s each against a limit that lets a few dozen in."""

    N_CALLS, RATE = 120, 100

    def descriptors(self, tandem):
        return len(os.listdir(f'/proc/{tandem.pid}/fd'))

    def test_calls_over_the_limit_are_refused(self):
        first = ports.free_range(400, alignment=2)
        called = sipp.uas(self, timeout_s=60)
        config = self.config(called.address, first, first + 399,
                             [f'udp:127.0.0.1:{self.port}', f'tcp:127.0.0.1:{self.port}'])
        tandem = Tandem(self, config)
        idle = self.descriptors(tandem)
        limits = resource.prlimit(tandem.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(tandem.pid, resource.RLIMIT_NOFILE, (idle + 100, limits[1]))
        uac = self.caller()
        counts = uac.wait()
        n_refused = sum(start.startswith('SIP/2.0 503 ') for _, _, _, start in uac.received())
        self.assertEqual(counts.failed, 0)
        self.assertGreater(n_refused, 20)
        self.assertLess(n_refused, self.N_CALLS - 20)
        tandem.process.wait_for_output('raise the limit of open files (LimitNOFILE)')

        resource.prlimit(tandem.pid, resource.RLIMIT_NOFILE, limits)
        tandem.process.wait_for(lambda: not tandem.ctl_json('call', 'list'), 'end of all calls')
        tandem.process.wait_for(lambda: self.descriptors(tandem) <= idle + 1,  # the record's file
                                'end of their descriptors')
        uac = self.caller()
        counts = uac.wait()
        self.assertEqual((counts.successful, counts.failed), (self.N_CALLS, 0))
        self.assertFalse(any(start.startswith('SIP/2.0 5') for _, _, _, start in uac.received()))
        self.assertEqual(called.finish().failed, 0)
        tandem.stop()
        n_answered = 2 * self.N_CALLS - n_refused
        self.assertEqual([self.records(tandem, kind) for kind in ('START', 'STOP', 'ATTEMPT')],
                         [n_answered, n_answered, n_refused])

    def caller(self):
        return sipp.uac(self, f'127.0.0.1:{self.port}', scenario='uac-refused', number='8001',
                        n_calls=self.N_CALLS, rate=self.RATE, hold_ms=600, notes_messages=True)


if __name__ == '__main__':
    tap.main()
