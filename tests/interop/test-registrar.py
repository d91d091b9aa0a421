#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Phones register over the wire; what was answered is known after the worst of ends."""

import os
import signal
import socket
import sqlite3
import sys
import uuid
from unittest import mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import authorization, field, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402


class Phone:
    """Registers USER, with a password where it is asked for one (RFC 7616)."""

    def __init__(self, case, port, user, password='secret', address_of=None):
        self.port, self.user, self.password = port, user, password
        self.address = f'<sip:{address_of or user}@127.0.0.1>'
        self.call_id, self.cseq = str(uuid.uuid4()), 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        case.addCleanup(self.socket.close)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.settimeout(10)
        self.contact = f'sip:{user}@127.0.0.1:{self.socket.getsockname()[1]}'

    def ask(self, lines):
        self.cseq += 1
        here = self.socket.getsockname()[1]
        request = [
            'REGISTER sip:127.0.0.1 SIP/2.0',
            f'Via: SIP/2.0/UDP 127.0.0.1:{here};branch=z9hG4bK{uuid.uuid4().hex};rport',
            f'From: {self.address};tag=1', f'To: {self.address}',
            f'Call-ID: {self.call_id}', f'CSeq: {self.cseq} REGISTER', 'Max-Forwards: 70',
            *lines, 'Content-Length: 0', '', '']
        self.socket.sendto('\r\n'.join(request).encode(), ('127.0.0.1', self.port))
        return self.socket.recv(65536).decode()

    def authorization(self, challenge):
        return authorization(challenge, 'REGISTER', 'sip:127.0.0.1', self.user, self.password)

    def register(self, *parameters):
        """The status of the last response."""
        lines = [';'.join([f'Contact: <{self.contact}>', *parameters])]
        response = self.ask(lines)
        if response.startswith('SIP/2.0 401 '):
            response = self.ask([*lines, self.authorization(response)])
        return int(response.split(' ')[1])


class Registrar(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.database = self.path('contacts.db')
        self.tandem = self.start()

    def start(self):
        return Tandem(self, {
            'modules': {'sip': 'required', 'registrar': 'required', 'cli': 'required'},
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'challenge'},
            'registrar': {'domains': '127.0.0.1', 'database': self.database},
            'user alice': {'password': 'secret', 'numbers': '101'},
            'user bob': {'password': 'secret'},
        })

    def contacts(self):
        return {row['contact'] for row in self.tandem.ctl_json('registration', 'list')}

    def test_wrong_password_is_refused(self):
        phone = Phone(self, self.port, 'alice', 'wrong')
        self.assertIn(phone.register(), (401, 403))
        self.assertEqual(self.contacts(), set())

    def test_challenges_leave_nothing(self):
        """RFC 3261 8.2.7: nothing is kept of a request that is challenged, so that a
        flood of them takes no memory: another one of the same branch is not answered with its answer."""
        def challenged(call_id):
            mallory.call_id = call_id
            response = mallory.ask([])
            self.assertEqual((status_of(response), field(response, 'Call-ID')), (401, call_id))
            return field(response, 'To')

        mallory = Phone(self, self.port, 'alice', 'guess')
        with mock.patch.object(uuid, 'uuid4', return_value=uuid.uuid4()):  # the branch of them all
            self.assertEqual(challenged('one'), challenged('one'))
            challenged('two')

    def test_address_of_another_user_is_refused(self):
        mallory = Phone(self, self.port, 'bob', address_of='alice')
        self.assertEqual(mallory.register(), 403)
        self.assertEqual(self.contacts(), set())

    def test_credentials_are_good_for_one_request(self):
        """RFC 7616 3.4: whoever has seen them may not use them for a contact of his own."""
        alice, mallory = Phone(self, self.port, 'alice'), Phone(self, self.port, 'alice', 'guess')
        lines = [f'Contact: <{alice.contact}>']
        credentials = alice.authorization(alice.ask(lines))
        self.assertIn(' 200 ', alice.ask([*lines, credentials]).split('\r\n')[0])
        answer = mallory.ask([f'Contact: <{mallory.contact}>', credentials])
        self.assertIn(' 401 ', answer.split('\r\n')[0])
        self.assertIn('stale=true', answer)
        self.assertEqual(self.contacts(), {alice.contact})

    def test_answered_is_known_after_a_kill(self):
        phones = [Phone(self, self.port, 'alice') for _ in range(5)]
        for phone in phones:
            self.assertEqual(phone.register('q=0.5'), 200)
        self.tandem.process.signal(signal.SIGKILL)
        self.tandem.process.wait(10)
        self.tandem = self.start()
        self.assertEqual(self.contacts(), {phone.contact for phone in phones})

    def test_locked_database(self):
        alice, bob = Phone(self, self.port, 'alice'), Phone(self, self.port, 'bob')
        self.assertEqual(alice.register(), 200)
        other = sqlite3.connect(self.database, isolation_level=None)
        self.addCleanup(other.close)
        other.execute('BEGIN IMMEDIATE')
        self.assertEqual(bob.register(), 500)
        self.assertEqual(self.contacts(), {alice.contact})
        self.tandem.process.wait_for_output('another process keeps it locked')
        other.execute('ROLLBACK')
        self.assertEqual(bob.register(), 200)
        self.tandem.process.wait_for_output('it can be written again')

    def test_users_of_the_database(self):
        other = sqlite3.connect(self.database, isolation_level=None)
        self.addCleanup(other.close)
        other.execute("INSERT INTO user (name, password) VALUES ('carol', 'secret')")
        other.execute("INSERT INTO number (number, user) VALUES ('103', 'carol')")
        carol = Phone(self, self.port, 'carol')
        self.assertIn(carol.register(), (401, 403, 404))
        self.tandem.ctl_json('config', 'reload')
        self.assertEqual(carol.register(), 200)
        self.assertEqual([row['numbers'] for row in self.tandem.ctl_json('user', 'list')
                          if row['user'] == 'carol'], ['103'])


if __name__ == '__main__':
    tap.main()
