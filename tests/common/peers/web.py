# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP by hand, both ways: a server that answers as the test says, rightly or wrongly, and a client that
sends what it is given."""

import json
import socket
import threading

from peers import ports

READ_BYTES = 65536


def response(body=b'', status='200 OK', media_type='application/json', headers=()):
    """The bytes of a response as it should be; BODY may be data, which is written as JSON."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f'HTTP/1.1 {status}', f'Content-Type: {media_type}', f'Content-Length: {len(body)}',
             *headers]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + body


def read_message(connection, kept=b''):
    """(start line, headers, body, what came behind it) of the next message with Content-Length, or None
    when the connection ends."""
    while b'\r\n\r\n' not in kept:
        more = connection.recv(READ_BYTES)
        if not more:
            return None
        kept += more
    head, body = kept.split(b'\r\n\r\n', 1)
    start, *lines = head.decode('latin-1').split('\r\n')
    headers = {name.strip().lower(): value.strip()
               for name, _, value in (line.partition(':') for line in lines)}
    length = int(headers.get('content-length', 0))
    while len(body) < length:
        more = connection.recv(READ_BYTES)
        if not more:
            return None
        body += more
    return start, headers, body[:length], body[length:]


class Server:
    """Hands each request to ANSWER (start line, headers, body, connection), which returns the bytes to
    send, or None: it has done all itself, and the connection is closed. ANSWER may be replaced at any
    time."""

    def __init__(self, case, answer=None, port=None, tls=None):
        self.answer = answer or self.keep_quiet
        self.requests = []
        self.tls = tls
        self.port = port or ports.free_port()
        self.is_over = threading.Event()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(('127.0.0.1', self.port))
        self.listener.listen(128)
        self.open = set()
        threading.Thread(target=self.accept, daemon=True).start()
        case.addCleanup(self.close)

    @property
    def url(self):
        return f'{"https" if self.tls else "http"}://127.0.0.1:{self.port}'

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.open.add(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        kept = b''
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            while (message := read_message(connection, kept)) is not None:
                start, headers, body, kept = message
                self.requests.append((start, headers, body))
                answer = self.answer(start, headers, body, connection)
                if answer is None:
                    break
                connection.sendall(answer)
        except OSError:
            pass
        self.open.discard(connection)
        connection.close()

    def keep_quiet(self, *_):
        """An ANSWER that does not come."""
        self.is_over.wait(30)

    def close(self):
        """Nobody listens any more, and all connections end."""
        self.is_over.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Client:
    """One connection to HOST:PORT."""

    def __init__(self, case, port, host='127.0.0.1', timeout_s=10):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        case.addCleanup(self.socket.close)
        self.kept = b''

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """(status, headers, body), or None when the connection has ended."""
        try:
            message = read_message(self.socket, self.kept)
        except ConnectionResetError:
            return None
        if message is None:
            return None
        start, headers, body, self.kept = message
        return int(start.split()[1]), headers, body

    def ask(self, method, path, body=b'', headers=(), media_type='application/json'):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        lines = [f'{method} {path} HTTP/1.1', 'Host: x', f'Content-Length: {len(body)}',
                 f'Content-Type: {media_type}', *headers]
        self.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + body)
        return self.receive()

    def is_closed(self):
        """Whether the other side ends the connection without a word."""
        try:
            return self.socket.recv(READ_BYTES) == b''
        except ConnectionResetError:
            return True
