# SPDX-License-Identifier: LGPL-2.1-or-later
"""A Redis server of the test's own, on loopback, with its data in the test's folder."""

import os
import signal
import socket

from peers import ports


class Redis:
    """PASSWORD: what it asks for, or None."""

    def __init__(self, case, password=None):
        self.case = case
        self.program = case.need('redis-server')
        self.port = ports.free_port()
        self.password = password
        self.folder = case.path(f'redis-{self.port}')
        self.dump = os.path.join(self.folder, 'dump.rdb')
        os.makedirs(self.folder)
        self.process = None
        self.start()

    @property
    def address(self):
        return f'127.0.0.1:{self.port}'

    def start(self):
        words = ['--port', self.port, '--bind', '127.0.0.1', '--dir', self.folder, '--save', '',
                 '--appendonly', 'no', '--daemonize', 'no', '--protected-mode', 'no']
        if self.password:
            words += ['--requirepass', self.password]
        self.process = self.case.spawn('redis-server', [self.program, *words])
        self.process.wait_for(lambda: ports.is_served(self.port), 'listening socket')

    def ask(self, *words):
        """The first line of what it answers."""
        with socket.create_connection(('127.0.0.1', self.port), 5) as connection:
            for line in ([('AUTH', self.password)] if self.password else []) + [words]:
                connection.sendall(f'*{len(line)}\r\n'.encode() + b''.join(
                    f'${len(word.encode())}\r\n{word}\r\n'.encode() for word in line))
                answer = connection.makefile('rb').readline()
        return answer.decode().strip()

    def kill(self):
        self.process.signal(signal.SIGKILL)
        self.process.wait(10)

    def remember(self):
        """What it has now is what it has after the next restart."""
        self.case.assertEqual(self.ask('SAVE'), '+OK')

    def forget(self):
        if os.path.exists(self.dump):
            os.remove(self.dump)

    def freeze(self):
        self.process.signal(signal.SIGSTOP)

    def thaw(self):
        self.process.signal(signal.SIGCONT)
