#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The module http between a tandemd and clients and servers that do what they should, or not."""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem, module_folders  # noqa: E402
from peers.web import Client, Server, response  # noqa: E402


class Http(PeerCase):
    more_environment = {}

    def start(self, **keys):
        self.keys = {name.replace('_', '-'): value for name, value in
                     {'listen': '127.0.0.1:0', **keys}.items()}
        self.tandem = Tandem(self, self.config(), environment=self.environment())
        self.port = self.listener()
        return self.tandem

    def environment(self):
        folders = [*module_folders(), os.path.join(BUILD, 'modules', 'http', 'tests')]
        return {'TANDEM_MODULE_PATH': ':'.join(folders), **self.more_environment}

    def config(self):
        return {'modules': {'cli': 'required', 'http': 'required', 'http-probe': 'required'},
                'http': self.keys}

    def listener(self):
        listeners = self.tandem.ctl_json('http', 'show')['listeners']
        return int(listeners[0]['address'].rpartition(':')[2]) if listeners else None

    def client(self, **options):
        return Client(self, self.port, **options)

    def ask(self, url, *options, method='GET'):
        return self.tandem.ctl_json('probe', 'ask', method, url, *options)

    # --- Serving ---

    def test_answers_on_one_connection(self):
        self.start()
        client = self.client()
        for number in range(3):
            status, headers, body = client.ask('POST', '/probe/echo', {'number': number})
            self.assertEqual((status, body), (200, b'{"number": %d}' % number))
            self.assertEqual(headers['content-type'], 'application/json')
        self.assertEqual(client.ask('POST', '/probe/late', b'x')[::2], (200, b'x'))
        self.tandem.stop()

    def test_what_is_not_served(self):
        self.start(body='1 KiB')
        for method, path, length, status in (('POST', '/', 0, 404), ('POST', '/probe/echo/x', 0, 404),
                                             ('GET', '/probe/echo', 0, 405),
                                             ('POST', '/probe/echo', 2000, 413)):
            answer = self.client().ask(method, path, b'x' * length)
            self.assertEqual(answer[0], status, path)
            self.assertTrue(answer[2].endswith(b'\n'), answer)
        self.tandem.stop()

    def test_token(self):
        path = self.write('token', 'correct-horse\n')
        os.chmod(path, 0o600)
        self.start(token_file=path)
        for header, status in ((None, 401), ('Bearer correct-horse', 200), ('Bearer correct-hors', 401),
                               ('Bearer correct-horse1', 401), ('Bearer ', 401),
                               ('Basic correct-horse', 401), ('bearer correct-horse', 200)):
            headers = [f'Authorization: {header}'] if header else []
            answer = self.client().ask('POST', '/probe/echo', b'x', headers)
            self.assertEqual(answer[0], status, header)
            self.assertEqual(answer[1].get('www-authenticate'), 'Bearer' if status == 401 else None)
        self.tandem.stop()

    def test_token_file_of_everybody_is_refused(self):
        path = self.write('token', 'correct-horse\n')
        os.chmod(path, 0o644)
        self.keys = {'listen': '127.0.0.1:0', 'token-file': path}
        tandem = Tandem(self, self.config(), is_awaited=False, environment=self.environment())
        self.assertNotEqual(tandem.process.wait(20), 0)
        self.assertIn('chmod 600', tandem.process.output())

    def test_strangers_are_not_read(self):
        self.start(listen='127.0.0.1:0', allow='127.0.0.2, 10.0.0.0/8')
        client = self.client()
        self.assertTrue(client.is_closed())
        self.tandem.process.wait_for_output('[http] allow does not name the address')
        self.assertEqual(self.tandem.ctl_json('http', 'show')['requests'], 0)
        self.tandem.stop()

    def test_too_many_connections(self):
        self.start(connections=2)
        first, second = self.client(), self.client()
        for client in (first, second):
            self.assertEqual(client.ask('POST', '/probe/echo', b'x')[0], 200)
        self.assertTrue(self.client().is_closed())
        first.socket.close()
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('http', 'show')['connections'] == 1, 'place')
        self.assertEqual(self.client().ask('POST', '/probe/echo', b'x')[0], 200)
        self.tandem.stop()

    def test_slow_clients_are_cut(self):
        self.start(read_time='400 ms', idle_time='1 s')
        silent, slow, idle = self.client(), self.client(), self.client()
        self.assertEqual(idle.ask('POST', '/probe/echo', b'x')[0], 200)
        slow.send(b'POST /probe/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab')
        for client in (silent, slow, idle):
            self.assertTrue(client.is_closed())
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('http', 'show')['connections'] == 0, 'end of connections')
        self.tandem.stop()

    def test_body_without_end_is_cut(self):
        self.start(body='1 KiB')
        client = self.client()
        client.send(b'POST /probe/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
        with self.assertRaises(OSError):
            while True:
                client.send(b'1000\r\n' + b'x' * 0x1000 + b'\r\n')
        self.assertEqual(self.client().ask('POST', '/probe/echo', b'x')[0], 200)
        self.tandem.stop()

    def test_garbage(self):
        self.start()
        for data in (b'\0' * 1000, b'x' * 200000, b'GET\r\n\r\n', b'POST /probe/echo HTTP/9.9\r\n\r\n',
                     b'POST /probe/echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
                     b'POST http://[::1 HTTP/1.1\r\n\r\n',
                     b'POST /probe/echo HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n'):
            client = self.client()
            try:
                client.send(data)
                client.socket.shutdown(socket.SHUT_WR)
                client.receive()
            except OSError:
                pass
        self.assertEqual(self.client().ask('POST', '/probe/echo', b'x')[0], 200)
        self.tandem.stop()

    def test_nobody_answers(self):
        self.start(answer_time='300 ms', requests=1)
        client, other = self.client(), self.client()
        client.send(b'POST /probe/never HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx')
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('http', 'show')['requests'] == 1, 'request')
        status, headers, _ = other.ask('POST', '/probe/echo', b'x')
        self.assertEqual((status, headers['retry-after']), (503, '1'))
        self.assertEqual(client.receive()[0], 503)
        self.tandem.ctl('probe', 'release')
        self.assertEqual(other.ask('POST', '/probe/echo', b'x')[0], 200)
        self.tandem.stop()

    def test_clients_of_a_module_that_stops(self):
        self.start()
        client = self.client()
        client.send(b'POST /probe/never HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx')
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('http', 'show')['requests'] == 1, 'request')
        self.assertEqual(self.tandem.ctl('module', 'stop', 'http-probe')[0], 0)
        self.assertEqual(client.receive()[0], 200)   # it has answered what it had in hand
        self.assertEqual(client.ask('POST', '/probe/echo', b'x')[0], 404)
        self.assertEqual(self.tandem.ctl('module', 'load', 'http-probe')[0], 0)
        self.assertEqual(self.client().ask('POST', '/probe/echo', b'x')[0], 200)
        self.tandem.stop()

    def test_stop_with_requests_in_hand(self):
        self.start()
        late, never = self.client(), self.client()
        for client, path in ((late, 'late'), (never, 'never')):
            client.send(f'POST /probe/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx'.encode())
        self.tandem.process.wait_for(
            lambda: self.tandem.ctl_json('http', 'show')['requests'] == 2, 'requests')
        begun = time.monotonic()
        self.tandem.stop()
        self.assertLess(time.monotonic() - begun, 8)
        self.assertIn(never.receive()[0], (200, 503))

    def test_stop_lets_a_request_come_in(self):
        self.start()
        client = self.client()
        client.send(b'POST /probe/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n'
                    b'Expect: 100-continue\r\n\r\n')
        self.assertEqual(client.receive()[0], 100)
        self.tandem.process.signal(signal.SIGTERM)
        self.tandem.process.wait_for(lambda: not ports.is_served(self.port), 'end of the listener')
        client.send(b'x')
        status, headers, body = client.receive()
        self.assertEqual((status, headers['retry-after']), (503, '1'), body)
        self.assertEqual(self.tandem.process.wait(20), 0)

    def test_listen_is_reloaded(self):
        self.start()
        before = self.client()
        self.assertEqual(before.ask('POST', '/probe/echo', b'x')[0], 200)
        taken = socket.create_server(('127.0.0.1', ports.free_port()))
        self.addCleanup(taken.close)
        self.keys['listen'] = f'127.0.0.1:{taken.getsockname()[1]}'
        self.tandem.rewrite(self.config())
        status, _, errors = self.tandem.ctl('config', 'reload')
        self.assertNotEqual(status, 0)
        self.assertIn('cannot be had', errors)
        self.assertEqual(self.client().ask('POST', '/probe/echo', b'x')[0], 200)
        port, old = ports.free_port(), self.port
        self.keys['listen'] = f'127.0.0.1:{port}'
        self.tandem.rewrite(self.config())
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.assertEqual(Client(self, port).ask('POST', '/probe/echo', b'x')[0], 200)
        self.assertEqual(before.ask('POST', '/probe/echo', b'x')[0], 200)   # goes on
        self.tandem.process.wait_for(lambda: not ports.is_served(old), 'end of the old listener')
        self.keys['allow'] = '127.0.0.9'
        self.tandem.rewrite(self.config())
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.assertTrue(before.is_closed())
        self.assertTrue(Client(self, port).is_closed())
        self.tandem.stop()

    # --- Asking ---

    def test_asks(self):
        self.start()
        server = Server(self, lambda start, headers, body, _: response(
            body[::-1], media_type='text/x; charset=utf-8', headers=('Retry-After: 7',)))
        for _ in range(3):
            answer = self.ask(server.url + '/a?b=c', '--body', 'abc', '--token', 't0ken', method='POST')
            self.assertEqual(answer, {'status': 200, 'error': '', 'type': 'text/x', 'body': 'cba',
                                      'length': 3, 'retry_after': 7})
        start, headers, _ = server.requests[0]
        self.assertEqual(start, 'POST /a?b=c HTTP/1.1')
        self.assertEqual(headers['authorization'], 'Bearer t0ken')
        self.assertEqual(headers['cache-control'], 'no-cache')
        self.assertEqual(len(server.open), 1)   # one connection for all
        self.tandem.stop()

    def test_question_is_asked_once_more_when_the_connection_ends(self):
        self.start()
        server = Server(self)
        answers = [None, response(b'here')]
        server.answer = lambda *_: answers.pop(0)
        self.assertEqual(self.ask(server.url + '/')['body'], 'here')
        server.answer = lambda *_: None
        self.assertNotEqual(self.ask(server.url + '/')['error'], '')
        self.tandem.stop()

    def test_asks_itself(self):
        self.start()
        url = f'http://127.0.0.1:{self.port}/probe/echo'
        self.assertEqual(self.ask(url, '--body', 'abc', method='POST')['body'], 'abc')
        self.tandem.stop()

    def drip(self, start, headers, body, connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n')
        while not self.over.wait(0.05):
            connection.sendall(b'x')

    def flood(self, start, headers, body, connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        while True:
            connection.sendall(b'1000\r\n' + b'x' * 0x1000 + b'\r\n')

    def headers_without_end(self, start, headers, body, connection):
        connection.sendall(b'HTTP/1.1 200 OK\r\n')
        while True:
            connection.sendall(b'X: ' + b'x' * 1000 + b'\r\n')

    def test_servers_that_do_not_answer_well(self):
        self.start(answer='64 KiB')
        server = Server(self)
        self.over = server.is_over
        for answer, said in (
                (self.drip, 'no answer within 700 ms'),
                (self.flood, 'over 65536 bytes'),
                (self.headers_without_end, ''),
                (lambda *_: None, ''),
                (lambda *_: b'\0garbage\r\n\r\n', ''),
                (lambda *_: response(b'x' * 70000), 'over 65536 bytes'),
                (server.keep_quiet, 'no answer within 700 ms')):
            server.answer = answer
            begun = time.monotonic()
            found = self.ask(server.url + '/', '--for', '700')
            self.assertEqual((found['status'], found['length']), (0, 0), said)
            self.assertRegex(found['error'], re.escape(said) + '.*')
            self.assertNotEqual(found['error'], '')
            self.assertLess(time.monotonic() - begun, 3)
        server.answer = lambda *_: response(b'no', '500 Oh')
        self.assertEqual(self.ask(server.url + '/')['status'], 500)
        server.answer = lambda *_: response(b'', '302 There', headers=('Location: http://127.0.0.1:1/',))
        self.assertEqual(self.ask(server.url + '/')['status'], 302)
        server.close()
        self.assertRegex(self.ask(server.url + '/')['error'], 'refused')
        self.assertRegex(self.ask('ftp://x/')['error'], 'no URL')
        self.assertRegex(self.ask('http:///x')['error'], 'no URL')
        self.tandem.stop()

    def certificate(self):
        """Paths of a certificate for 127.0.0.1 that signs itself, and of its key."""
        certificate, key = self.path('server.pem'), self.path('server.key')
        subprocess.run([self.need('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test',
                        '-addext', 'subjectAltName=IP:127.0.0.1', '-out', certificate, '-keyout', key],
                       check=True, capture_output=True)
        return certificate, key

    def test_certificates_are_checked(self):
        certificate, key = self.certificate()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server = Server(self, lambda *_: response(b'hello'), tls=context)
        # With what TLS loads LeakSanitizer cannot look into the process, and makes it fail for that.
        self.more_environment = {'ASAN_OPTIONS': ':'.join(
            filter(None, (os.environ.get('ASAN_OPTIONS'), 'detect_leaks=0')))}
        self.start()
        patience = ('--for', '20000')   # a first handshake under a sanitizer takes seconds
        self.assertRegex(self.ask(server.url, *patience)['error'], '(?i)certificate')
        self.assertEqual(server.requests, [])
        self.keys['trust'] = certificate
        self.tandem.rewrite(self.config())
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.assertEqual(self.ask(server.url, *patience)['body'], 'hello')
        other_name = server.url.replace('127.0.0.1', 'localhost')
        self.assertRegex(self.ask(other_name, *patience)['error'], '(?i)certificate')
        del self.keys['trust']
        self.tandem.rewrite(self.config())
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        # One that has no session to resume.
        other = Server(self, lambda *_: response(b'hello'), tls=context)
        self.assertRegex(self.ask(other.url, *patience)['error'], '(?i)certificate')
        self.tandem.stop()

    def test_questions_are_bounded_and_cancelled(self):
        self.start(questions=1)
        server = Server(self)
        for _ in range(3):
            self.assertEqual(self.tandem.ctl('probe', 'cancel', server.url)[0], 0)
        server.answer = lambda *_: response(b'here')
        self.tandem.process.wait_for(lambda: self.ask(server.url)['status'] == 200, 'free place')
        self.tandem.stop()

    def test_stop_with_a_question_under_way(self):
        self.start()
        server = Server(self)
        self.tandem.ctl('probe', 'cancel', server.url)
        begun = time.monotonic()
        self.tandem.stop()
        self.assertLess(time.monotonic() - begun, 8)


if __name__ == '__main__':
    tap.main()
