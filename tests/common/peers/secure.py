# SPDX-License-Identifier: LGPL-2.1-or-later
"""A SIP user agent over TLS: it listens, it connects, and says what the test says."""

import queue
import re
import socket
import ssl
import threading

from peers.agent import TIMEOUT_S, Agent, field


def context(is_server, authority, certificate=None, newest=None):
    """What one side wants: a peer whose certificate AUTHORITY has signed, and to show CERTIFICATE, a pair
    of files."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_server else ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_verify_locations(authority.certificate)
    if certificate:
        made.load_cert_chain(*certificate)
    if newest:
        made.maximum_version = newest
    return made


class Connection:
    """One TLS connection, whose messages go into INBOX, each with this connection."""

    def __init__(self, tls, inbox):
        self.tls, self.inbox = tls, inbox
        self.is_over = threading.Event()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        buffer = b''
        try:
            while data := self.tls.recv(65536):
                buffer += data
                while found := re.search(rb'\r\n\r\n', buffer):
                    length = re.search(rb'^Content-Length: *(\d+)', buffer[:found.start()], re.M | re.I)
                    end = found.end() + int(length.group(1))
                    if len(buffer) < end:
                        break
                    self.inbox.put((buffer[:end].decode('utf-8', 'replace'), self))
                    buffer = buffer[end:]
        except (OSError, ValueError) as error:
            self.error = error
        self.is_over.set()

    def send(self, message):
        with self.lock:
            self.tls.sendall(message if isinstance(message, bytes) else message.encode())

    def close(self):
        try:
            self.tls.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(TIMEOUT_S)
        self.tls.close()


class SecureAgent(Agent):
    """Listens over TLS at its address, and connects to the switch at PORT when it has to say something
    first. Answers go by the connection that the request came on."""

    via, parameters = 'TLS', ';transport=tls'

    def __init__(self, case, port, authority, certificate, user='ann', host='127.0.0.1',
                 newest=None):
        self.case, self.switch, self.user, self.host = case, (host, port), user, host
        self.inbox, self.ways, self.connections = queue.Queue(), {}, []
        self.connection, self.known = None, set()
        self.client = context(False, authority, certificate, newest)
        self.server = context(True, authority, certificate, newest)
        self.socket = socket.create_server((host, 0))
        self.port = self.socket.getsockname()[1]
        self.address = f'{host}:{self.port}'
        self.errors = queue.Queue()
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()
        case.addCleanup(self.close)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(TIMEOUT_S)
        self.socket.close()
        for connection in self.connections:
            connection.close()

    def accept(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            try:
                plain.settimeout(TIMEOUT_S)
                tls = self.server.wrap_socket(plain, server_side=True)
                tls.settimeout(None)
                self.connections.append(Connection(tls, self.inbox))
            except OSError as error:
                self.errors.put(error)
                plain.close()

    def connect(self):
        """The connection to the switch, a new one where there is none."""
        if self.connection is None or self.connection.is_over.is_set():
            plain = socket.create_connection(self.switch, TIMEOUT_S)
            tls = self.client.wrap_socket(plain)
            tls.settimeout(None)
            self.connection = Connection(tls, self.inbox)
            self.connections.append(self.connection)
        return self.connection

    def send(self, message):
        text = message.decode() if isinstance(message, bytes) else message
        way = self.ways.get(field(text, 'Via')) if text.startswith('SIP/2.0 ') else None
        (way or self.connect()).send(message)

    def receive(self, timeout_s=TIMEOUT_S):
        try:
            message, connection = self.inbox.get(timeout=timeout_s) if timeout_s else \
                self.inbox.get_nowait()
        except queue.Empty:
            return None
        self.ways[field(message, 'Via')] = connection
        return message
