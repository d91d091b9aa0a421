#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIP over TLS, with certificates of both sides: whose calls are a trunk's, who is refused, and what
neither silence nor garbage brings about (PRI-031)."""

import os
import resource
import socket
import ssl
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import TIMEOUT_S, Agent, Call, authorization, branch, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.certificates import Authority, revoke  # noqa: E402
from peers.kamailio import Kamailio  # noqa: E402
from peers.secure import SecureAgent, context  # noqa: E402
from peers.tandem import Tandem, module_folders, program  # noqa: E402

N_SILENT = 1000


class Secure(PeerCase):
    """ann and bob are trunks over TLS with certificates, carl is one over UDP. Whoever is on none gets
    403."""

    verify = 'peer'

    def setUp(self):
        super().setUp()
        self.authority = Authority(self)
        self.other = Authority(self, 'other')
        self.port, self.tls_port = ports.free_port(), ports.free_port()
        self.switch = self.authority.sign('switch', 'URI:sip:switch.example')
        self.ann = self.agent('ann', 'URI:sip:ann.example')
        self.bob = self.agent('bob', 'DNS:bob.example')
        self.carl = Agent(self, self.port, 'carl')
        self.tandem = Tandem(self, self.config())

    def agent(self, user, alternatives, authority=None, **options):
        certificate = (authority or self.authority).sign(user, alternatives)
        return SecureAgent(self, self.tls_port, self.authority, certificate, user, **options)

    def config(self, **changes):
        return {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'tls', 'route-table'), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}', f'tls:127.0.0.1:{self.tls_port}'],
                    'strangers': 'refuse', 'tls-handshake-timeout': '1 s'},
            'tls default': {'certificate': self.switch[0], 'key': self.switch[1],
                            'ca': self.authority.certificate, 'verify': self.verify},
            'call': {'media': 'through', 'no-response': '2 s'},
            'trunk ann': {'address': f'sip:{self.ann.address};transport=tls',
                          'tls-name': 'ann.example'},
            'trunk bob': {'address': f'sips:{self.bob.address}', 'tls-name': 'bob.example'},
            'trunk carl': {'address': f'sip:{self.carl.address}'},
            'route to-ann': {'prefix': '7', 'targets': 'ann'},
            'route to-bob': {'prefix': '8', 'targets': 'bob'},
            'route to-carl': {'prefix': '9', 'targets': 'carl'},
            **changes,
        }

    def invite(self, agent, number, scheme='sip'):
        parties = {'From': f'<sip:{agent.user}@127.0.0.1>;tag=f', 'To': f'<sip:{number}@x>',
                   'Call-ID': uuid.uuid4().hex}
        agent.send(agent.request('INVITE', f'{scheme}:{number}@127.0.0.1', parties, 1,
                                 description(9), branch()))

    def expect_log(self, *texts):
        for text in texts:
            self.tandem.process.wait_for_output(text)

    def raw(self, authority=None, certificate=None, **options):
        """A TLS connection to the switch that says nothing by itself."""
        plain = socket.create_connection(('127.0.0.1', self.tls_port), TIMEOUT_S)
        self.addCleanup(plain.close)
        tls = context(False, authority or self.authority, certificate, **options).wrap_socket(plain)
        self.addCleanup(tls.close)
        return tls

    def expect_refusal(self, certificate):
        """The switch ends the connection of whoever shows CERTIFICATE."""
        with self.assertRaises(OSError):  # of TLS 1.3 a client hears it behind its own last word
            tls = self.raw(certificate=certificate)
            tls.sendall(b'OPTIONS sip:x SIP/2.0\r\n\r\n')
            if not tls.recv(1):
                raise ConnectionError('ended')


class Calls(Secure):
    def test_calls_go_both_ways(self):
        for a, b, number in (self.ann, self.bob, '8001'), (self.bob, self.ann, '7001'):
            call = Call(a, b, number)
            self.assertIn('SIP/2.0/TLS ', field(call.invite_b, 'Via'))
            row = self.tandem.ctl_json('call', 'list')[0]
            self.assertEqual((row['from'], row['to']), (a.user, b.user))
            call.hang_up()

    def test_contact_says_what_the_dialog_is(self):
        """RFC 3261 8.1.1.8, 12.1.1."""
        call = Call(self.ann, self.bob, '8001')  # bob's address is a sips one
        self.assertEqual(field(call.ok, 'Contact'), f'<sip:127.0.0.1:{self.tls_port};transport=tls>')
        self.assertEqual(field(call.invite_b, 'Contact'), f'<sips:127.0.0.1:{self.tls_port}>')
        self.assertTrue(call.invite_b.startswith('INVITE sips:8001@'))
        call.hang_up()

    def test_calls_go_between_transports(self):
        for a, b, number in (self.ann, self.carl, '9001'), (self.carl, self.bob, '8001'):
            Call(a, b, number).hang_up()

    def test_tls_1_2_is_spoken(self):
        dave = self.agent('ann2', 'URI:sip:ann.example', newest=ssl.TLSVersion.TLSv1_2)
        Call(dave, self.bob, '8001').hang_up()
        self.assertEqual(dave.connection.tls.version(), 'TLSv1.2')

    def test_connection_is_used_again(self):
        for _ in range(3):
            Call(self.ann, self.bob, '8001').hang_up()
        self.assertEqual((len(self.ann.connections), len(self.bob.connections)), (1, 1))

    def test_sips_call_does_not_go_on_in_the_clear(self):
        """RFC 3261 26.2.2."""
        self.invite(self.ann, '9001', 'sips')
        self.ann.expect('SIP/2.0 404 ')
        self.assertEqual(self.carl.drain(), [])
        self.invite(self.ann, '8001', 'sips')
        self.bob.expect('INVITE sips:8001@')

    def test_sips_in_the_clear_is_refused(self):
        """RFC 3261 8.2.2.1."""
        self.invite(self.carl, '8001', 'sips')
        self.carl.expect('SIP/2.0 416 ')

    def test_openssl_is_served(self):
        """A client of another make, its certificate shown; not with TLS 1.1."""
        def ask(*options):
            return subprocess.run(
                [self.need('openssl'), 's_client', '-connect', f'127.0.0.1:{self.tls_port}',
                 '-CAfile', self.authority.certificate, '-cert', self.switch[0], '-key',
                 self.switch[1], '-quiet', '-no_ign_eof', *options], capture_output=True,
                timeout=30, check=False,
                input=self.carl.request('OPTIONS', 'sip:x', {
                    'From': '<sip:a@b>;tag=1', 'To': '<sip:x>', 'Call-ID': uuid.uuid4().hex},
                    1).encode())
        self.assertIn(b'verify return:1', ask().stderr)
        self.assertNotEqual(ask('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0').returncode, 0)
        self.expect_log('unsupported protocol')


class Refusals(Secure):
    def test_certificate_of_another_authority_is_refused(self):
        """PRI-031"""
        self.expect_refusal(self.other.sign('ann', 'URI:sip:ann.example', file='false-ann'))
        self.expect_log('the handshake failed', 'unable to get local issuer certificate', 'CN=ann')

    def test_client_without_a_certificate_is_refused(self):
        """PRI-031"""
        self.expect_refusal(None)
        self.expect_log('the peer has shown no certificate')

    def test_certificate_that_has_ended_is_refused(self):
        """PRI-031"""
        self.expect_refusal(self.authority.sign('old', 'URI:sip:ann.example', days=-1))
        self.expect_log('certificate has expired')

    def test_certificate_of_another_name_is_not_the_trunk_s(self):
        """PRI-031: whose certificate is good and stands for somebody else is a stranger, at the trunk's
        address, too."""
        eve = self.agent('eve', 'URI:sip:eve.example,DNS:ann.example')
        self.invite(eve, '8001')
        eve.expect('SIP/2.0 403 ')
        self.invite(self.ann, '8001')
        self.bob.expect('INVITE ')

    def test_wildcard_is_nobody(self):
        """PRI-031; RFC 5922 7.2."""
        eve = self.agent('eve', 'DNS:*.example')
        self.invite(eve, '8001')
        eve.expect('SIP/2.0 403 ')

    def test_address_alone_is_not_the_trunk_s(self):
        """PRI-031: what comes over UDP from where a trunk over TLS listens is somebody else's."""
        mallory = Agent(self, self.port, 'mallory', own_port=self.ann.port)
        self.invite(mallory, '8001')
        mallory.expect('SIP/2.0 403 ')
        self.invite(self.carl, '8001')  # who is on a trunk over UDP
        self.bob.expect('INVITE ')

    def test_call_over_tls_is_not_ended_in_the_clear(self):
        call = Call(self.ann, self.bob, '8001')
        mallory = Agent(self, self.port, 'ann')
        mallory.send(mallory.request('BYE', call.target_a, call.dialog_a, 2))
        mallory.expect('SIP/2.0 403 ')
        call.hang_up()

    def test_call_is_not_ended_by_another_certificate(self):
        """From the same host, with the right tags, and over TLS: a stranger, and another trunk."""
        call = Call(self.ann, self.bob, '8001')
        for other in self.agent('eve', 'URI:sip:eve.example'), self.bob:
            other.send(other.request('BYE', call.target_a, call.dialog_a, 2))
            other.expect('SIP/2.0 403 ')
        call.hang_up()

    def test_server_of_another_name_gets_no_call(self):
        """PRI-031; RFC 5922 7.3: nothing of a call goes to somebody whose certificate is another's."""
        eve = self.agent('eve', 'URI:sip:eve.example')
        config = self.config()
        config['trunk bob']['address'] = f'sips:{eve.address}'
        self.tandem.rewrite(config)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.invite(self.ann, '8001')
        self.ann.expect('SIP/2.0 50')
        self.expect_log('stands for eve.example and not for bob.example')
        self.assertEqual(eve.drain(), [])

    def test_garbage_ends_the_connection_and_nothing_else(self):
        Call(self.ann, self.bob, '8001').hang_up()
        for garbage in (b'OPTIONS sip:x SIP/2.0\r\n\r\n', b'GET / HTTP/1.1\r\n\r\n', b'\x16\x03\x01' +
                        b'\xff' * 300, os.urandom(70000), b'\x00', b'\x80\x2e\x01\x00\x02' * 20):
            plain = socket.create_connection(('127.0.0.1', self.tls_port), TIMEOUT_S)
            try:
                plain.sendall(garbage)
                while plain.recv(65536):
                    pass
            except ConnectionError:
                pass
            plain.close()
        tls = self.raw(certificate=self.switch)
        with self.assertRaises(OSError):  # within TLS: no message either
            tls.sendall(os.urandom(100000))
            while tls.recv(65536):
                pass
            raise ConnectionError('ended')
        Call(self.ann, self.bob, '8001').hang_up()
        self.tandem.stop()


class Revoked(Secure):
    """The authority has taken a certificate back (RFC 5280 5)."""

    MODE = 'use'

    def revoke(self, *revoked, authority=None, **options):
        authority = authority or self.authority
        return revoke(authority.folder, authority.certificate, authority.key, *revoked, **options)

    def config(self, **changes):
        self.list = self.revoke()
        config = super().config(**changes)
        config['tls default'] |= {'crl': self.list, 'crl-expired': self.MODE}
        return config

    def replace(self, file):
        """Puts the list in FILE where the configuration says, which is read again."""
        os.replace(file, self.list)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)

    def alarms(self):
        return [alarm['alarm'] for alarm in self.tandem.ctl_json('alarm', 'list')
                if alarm['alarm'].startswith('tls-crl')]

    def test_who_connects_is_refused(self):
        """PRI-031: once the list has him; who is not on it is served."""
        Call(self.ann, self.bob, '8001').hang_up()
        eve = self.authority.sign('eve', 'URI:sip:ann.example')
        self.raw(certificate=eve).close()
        self.replace(self.revoke(eve[0]))
        self.expect_refusal(eve)
        self.expect_log('certificate revoked; it is that of', 'CN=eve')
        self.raw(certificate=self.switch).close()

    def test_who_is_called_is_refused(self):
        """PRI-031: nothing of a call goes to him."""
        self.replace(self.revoke(os.path.join(self.authority.folder, 'bob.pem')))
        self.invite(self.ann, '8001')
        self.ann.expect('SIP/2.0 50')
        self.expect_log('certificate revoked; it is that of', 'CN=bob')
        self.assertEqual(self.bob.drain(), [])

    def test_who_is_connected_is_served_no_more(self):
        """PRI-031: whoever holds a stolen key does not keep what he has opened with it: no message of his is
        read, and no call is sent to him; the connections of others stand."""
        call = Call(self.ann, self.bob, '8001')
        self.replace(self.revoke(os.path.join(self.authority.folder, 'ann.pem')))
        held = self.ann.connection
        held.send(self.ann.request('BYE', call.target_a, call.dialog_a, 2))
        self.assertTrue(held.is_over.wait(TIMEOUT_S))
        self.expect_log('certificate revoked; it is that of', 'CN=ann')
        self.assertEqual(self.ann.drain() + self.bob.drain(), [])
        Call(self.carl, self.bob, '8001').hang_up()
        self.assertEqual(len(self.bob.connections), 1)
        self.replace(self.revoke(os.path.join(self.authority.folder, 'bob.pem')))
        self.invite(self.carl, '8001')
        self.carl.expect('SIP/2.0 50')
        self.assertEqual(self.bob.drain(), [])

    def test_authority_without_a_list_is_not_believed(self):
        """PRI-031: that of another authority says nothing of it."""
        self.replace(self.revoke(authority=self.other))
        self.expect_refusal(self.switch)
        self.expect_log('unable to get certificate CRL')

    def test_list_that_is_over(self):
        """PRI-031: said at once; whom it names is refused, others are served."""
        eve = self.authority.sign('eve', 'URI:sip:ann.example')
        self.assertEqual(self.alarms(), [])
        self.replace(self.revoke(eve[0], is_over=True))
        self.expect_log('tls default: crl: a list of revoked certificates is over since')
        self.tandem.process.wait_for(lambda: self.alarms() == ['tls-crl-expired'], 'the alarm')
        self.expect_refusal(eve)
        self.expect_log('certificate revoked')
        Call(self.ann, self.bob, '8001').hang_up()
        self.replace(self.revoke())
        self.tandem.process.wait_for(lambda: self.alarms() == [], 'the end of the alarm')

    def test_list_that_cannot_be_read_is_refused(self):
        """By a reload, which leaves what was; and one of several in a file that is no list any more."""
        with open(self.list, encoding='ascii') as file:
            good = file.read()
        for text in '', good + good.replace('\n', '\n!', 3), open(self.switch[0], encoding='ascii').read():
            self.write(self.list, text)
            status, _, errors = self.tandem.ctl('config', 'reload')
            self.assertNotEqual(status, 0)
            self.assertIn('[tls default] crl', errors)
        Call(self.ann, self.bob, '8001').hang_up()


class RevokedInTime(Revoked):
    MODE = 'refuse'

    def test_list_that_is_over(self):
        """PRI-031: nobody is believed any more."""
        self.replace(self.revoke(is_over=True))
        self.tandem.process.wait_for(lambda: self.alarms() == ['tls-crl-expired'], 'the alarm')
        self.expect_refusal(self.switch)
        self.expect_log('CRL has expired')


class Limited(Secure):
    HANDSHAKES = 20

    def config(self, **changes):
        config = super().config(**changes)
        config['sip']['tls-handshakes-per-source'] = self.HANDSHAKES
        return config


class Silence(Limited):
    HANDSHAKES = 0  # no limit

    def test_silent_connections_are_closed_and_calls_go_on(self):
        """A thousand that say nothing, and some that begin a handshake and never end it."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        begun = time.monotonic()
        silent = [socket.create_connection(('127.0.0.1', self.tls_port)) for _ in range(N_SILENT)]
        for connection in silent[::10]:
            connection.sendall(b'\x16\x03\x01\x02\x00\x01')
        Call(self.ann, self.bob, '8001').hang_up()
        for connection in silent:
            connection.settimeout(TIMEOUT_S)
            try:
                self.assertEqual(connection.recv(100), b'')
            except ConnectionError:
                pass
            connection.close()
        tap.figure(f'{N_SILENT} silent connections', f'ended {time.monotonic() - begun:.1f} s after '
                   'the first, and a call went through beside them')
        self.expect_log('the handshake is not over after 1000 ms')
        Call(self.ann, self.bob, '8001').hang_up()


class Crowd(Limited):
    def test_who_does_not_shake_hands_keeps_nobody_from_it(self):
        """Of one address so many are let in; another's handshakes are made beside them."""
        silent = [socket.create_connection(('127.0.0.1', self.tls_port), TIMEOUT_S,
                                           ('127.0.0.2', 0)) for _ in range(30)]
        self.expect_log('its source has as many handshakes under way as one may have already')
        for connection in silent[self.HANDSHAKES:]:
            self.assertEqual(connection.recv(1), b'')
        for connection in silent[:self.HANDSHAKES]:
            connection.settimeout(0)
            self.assertRaises(BlockingIOError, connection.recv, 1)
        self.raw(certificate=self.authority.sign('ann', 'URI:sip:ann.example'))
        Call(self.ann, self.bob, '8001').hang_up()
        for connection in silent:
            connection.close()


class Accepting(Secure):
    """ann's marks of priority are accepted, as mutual TLS is a way that nobody can forge."""

    def config(self, **changes):
        config = super().config(**changes)
        config['modules']['priority'] = 'required'
        config['trunk ann'] |= {'rph-trust': 'accept', 'rph-accept': 'ets'}
        return config

    def class_of_call(self, agent):
        parties = {'From': f'<sip:{agent.user}@127.0.0.1>;tag=f', 'To': '<sip:8001@x>',
                   'Call-ID': uuid.uuid4().hex}
        agent.send(agent.request('INVITE', 'sip:8001@127.0.0.1', parties, 1, description(9), branch(),
                                 extra={'Resource-Priority': 'ets.0'}))
        invite = self.bob.expect('INVITE ')
        found = self.tandem.ctl_json('call', 'list')[0]['class']
        self.bob.answer(invite, 486, 'b')
        self.bob.expect('ACK ')
        agent.expect('SIP/2.0 486 ')
        return found


class Marks(Accepting):
    def test_marks_count_of_whoever_the_certificate_names(self):
        """PRI-031"""
        self.assertEqual(self.class_of_call(self.ann), 11)
        self.assertLess(self.class_of_call(self.carl), 8)


class Shortly(Accepting):
    """ann's certificate ends while her connection stands."""

    VALID_S = 3

    def agent(self, user, alternatives, authority=None, **options):
        agent = super().agent(user, alternatives, authority, **options)
        if user == 'ann':
            pair = (authority or self.authority).sign('ann', alternatives, file='short-ann',
                                                      ends_s=time.time() + self.VALID_S)
            agent.client = context(False, self.authority, pair)
        return agent

    def test_connection_ends_with_the_certificate(self):
        """PRI-031: marks count until then."""
        self.assertEqual(self.class_of_call(self.ann), 11)
        held = self.ann.connection

        def ends():
            if not held.is_over.is_set():
                held.send(self.ann.request('OPTIONS', 'sip:x', {
                    'From': '<sip:a@b>;tag=1', 'To': '<sip:x>', 'Call-ID': uuid.uuid4().hex}, 1))
            return held.is_over.is_set()
        self.tandem.process.wait_for(ends, 'the end of the connection')
        self.expect_log("the peer's certificate, or one above it, has ended; it is that of CN=ann")


class Life(Secure):
    def setUp(self):
        super().setUp()
        self.watcher = self.authority.sign('watcher', 'DNS:watcher.example')

    def serial(self):
        return self.raw(certificate=self.watcher).getpeercert()['serialNumber']

    def test_reload_takes_new_certificates_and_keeps_connections(self):
        call = Call(self.ann, self.bob, '8001')
        before = self.serial()
        self.authority.sign('switch', 'URI:sip:switch.example')  # over the files of the first
        self.assertEqual(self.serial(), before)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.assertNotEqual(self.serial(), before)
        call.hang_up()
        Call(self.ann, self.bob, '8001').hang_up()
        self.assertEqual((len(self.ann.connections), len(self.bob.connections)), (1, 1))

    def test_connection_of_an_authority_that_is_gone_ends(self):
        """PRI-031: who is not believed any more; whose certificate another authority has, which is there
        now, may come."""
        Call(self.ann, self.bob, '8001').hang_up()
        held = self.ann.connection
        self.write(self.authority.certificate, open(self.other.certificate, encoding='ascii').read())
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        self.invite(self.ann, '9001')
        self.assertTrue(held.is_over.wait(TIMEOUT_S))
        self.expect_log("the connection is broken: the peer's certificate is refused", 'CN=ann')
        self.assertEqual(self.carl.drain(), [])

    def test_reload_with_a_broken_file_changes_nothing(self):
        before = self.serial()
        with open(self.switch[0], 'w', encoding='ascii') as file:
            file.write('no certificate\n')
        status, _, errors = self.tandem.ctl('config', 'reload')
        self.assertNotEqual(status, 0)
        self.assertIn('no certificate can be read from it', errors)
        self.assertEqual(self.serial(), before)

    def test_sip_is_upgraded_under_its_connections(self):
        """The filter is module tls's and the connection the core's: both survive the build of sip."""
        call = Call(self.ann, self.bob, '8001')
        for _ in range(3):
            status, _, errors = self.tandem.ctl('module', 'upgrade', 'sip')
            self.assertEqual((status, errors), (0, ''))
        between = Call(self.bob, self.ann, '7001')
        call.hang_up()
        between.hang_up()
        self.tandem.process.wait_for(lambda: len([
            row for row in self.tandem.ctl_json('module', 'list') if row['module'] == 'sip']) == 1,
            'end of the old builds', 60)
        Call(self.ann, self.bob, '8001').hang_up()
        # One that each has opened, and one that was opened to each.
        self.assertEqual((len(self.ann.connections), len(self.bob.connections)), (2, 2))
        self.tandem.stop()

    def test_tls_stops_and_starts_again(self):
        """Who connects meanwhile is not served; afterwards as before."""
        self.assertEqual(self.tandem.ctl('module', 'stop', 'tls')[0], 0)
        with self.assertRaises(OSError):
            self.raw(certificate=self.switch)
        self.expect_log('no module that serves such connections is running')
        self.assertEqual(self.tandem.ctl('module', 'load', 'tls')[0], 0)
        Call(self.ann, self.bob, '8001').hang_up()


class Unverified(Secure):
    """Nobody is asked for a certificate: a trunk is known by its address, over TLS."""

    verify = 'none'

    def test_trunk_is_known_by_its_address_over_tls_alone(self):
        tls = self.raw()
        self.assertEqual(tls.version(), 'TLSv1.3')
        Call(self.ann, self.bob, '8001').hang_up()
        mallory = Agent(self, self.port, 'mallory', own_port=self.ann.port)
        self.invite(mallory, '8001')
        mallory.expect('SIP/2.0 403 ')


class Peers(PeerCase):
    """Others' TLS, which is OpenSSL, too, but used as their authors think."""

    def setUp(self):
        super().setUp()
        self.authority = Authority(self)
        self.port, self.tls_port = ports.free_port(), ports.free_port()
        self.address = f'127.0.0.1:{self.port}'

    def start(self, verify, sections):
        certificate, key = self.authority.sign('switch', 'URI:sip:switch.example')
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'sip', 'tls', 'route-table', 'registrar'), 'required'),
            'sip': {'listen': [f'udp:{self.address}', f'tls:127.0.0.1:{self.tls_port}']},
            'tls default': {'certificate': certificate, 'key': key,
                            'ca': self.authority.certificate, 'verify': verify},
            'call': {'media': 'through'},
            'registrar': {'domains': '127.0.0.1'},
            **sections})

    def test_calls_go_to_kamailio(self):
        called = sipp.uas(self)
        proxy = Kamailio(self, called.address, tls=(
            self.authority, self.authority.sign('kamailio', 'URI:sip:kamailio.example')))
        self.start('peer', {
            'trunk kamailio': {'address': f'sip:{proxy.tls_address};transport=tls',
                               'tls-name': 'kamailio.example'},
            'trunk sipp': {'address': 'sip:127.0.0.1'},
            'route all': {'targets': 'kamailio'}})
        counts = sipp.call(self, self.address, n_calls=20, rate=20, hold_ms=200)
        self.assertEqual((counts.successful, counts.failed), (20, 0))
        self.assertEqual(called.counts().failed, 0)

    def test_calls_come_from_kamailio(self):
        called = sipp.uas(self)
        proxy = Kamailio(self, f'127.0.0.1:{self.tls_port};transport=tls', tls=(
            self.authority, self.authority.sign('kamailio', 'URI:sip:kamailio.example')))
        self.start('peer', {
            'trunk kamailio': {'address': f'sip:{proxy.tls_address};transport=tls',
                               'tls-name': 'kamailio.example'},
            'trunk sipp': {'address': f'sip:{called.address}'},
            'route all': {'targets': 'sipp'}})
        counts = sipp.call(self, proxy.address, n_calls=20, rate=20, hold_ms=200)
        self.assertEqual((counts.successful, counts.failed), (20, 0))
        self.assertEqual(called.counts().failed, 0)

    def test_user_is_called_by_the_connection_he_registered_on(self):
        caller = Agent(self, self.port, 'caller')
        self.start('none', {
            'user alice': {'password': 'secret', 'numbers': '101'},
            'trunk caller': {'address': f'sip:{caller.address}'}})
        alice = SecureAgent(self, self.tls_port, self.authority,
                            self.authority.sign('alice', 'DNS:alice.example'), 'alice')
        parties = {'From': '<sip:alice@127.0.0.1>;tag=f', 'To': '<sip:alice@127.0.0.1>',
                   'Call-ID': uuid.uuid4().hex}
        alice.send(alice.request('REGISTER', 'sip:127.0.0.1', parties, 1))
        answer = authorization(alice.expect('SIP/2.0 401 '), 'REGISTER', 'sip:127.0.0.1', 'alice',
                               'secret')
        alice.send(alice.request('REGISTER', 'sip:127.0.0.1', parties, 2,
                                 extra=dict([answer.split(': ', 1)])))
        alice.expect('SIP/2.0 200 ')
        Call(caller, alice, '101').hang_up()
        self.assertEqual(len(alice.connections), 1)


class Configuration(PeerCase):
    """What is wrong is said before anything starts, with its place and what to do."""

    def look(self, text):
        path = self.write('tandem.conf', text)
        done = subprocess.run([program('tandemd'), '--check-config', '--config', path],
                              capture_output=True, text=True, timeout=60, check=False,
                              env={**os.environ, 'TANDEM_MODULE_PATH': ':'.join(module_folders())})
        return done.returncode, done.stderr + done.stdout

    def expect_mistake(self, text, *said):
        status, output = self.look(text)
        self.assertEqual(status, 78, output)
        for words in said:
            self.assertIn(words, output)

    def test_listener_without_the_module(self):
        self.expect_mistake('[modules]\nsip = required\n[sip]\nlisten = tls:127.0.0.1:5061\n',
                            'TLS needs the section [tls default]', 'tls = required under [modules]')

    def test_trunk_without_a_listener(self):
        self.expect_mistake('[modules]\nsip = required\n[trunk a]\naddress = sips:192.0.2.1\n',
                            'reached over TLS', 'add tls:ADDRESS:PORT there')

    def test_trunk_with_an_identity_that_is_not_there(self):
        authority = Authority(self)
        certificate, key = authority.sign('switch', 'DNS:a')
        text = ('[modules]\nsip = required\ntls = required\n[sip]\nlisten = tls:127.0.0.1:5061\n'
                f'[tls default]\ncertificate = {certificate}\nkey = {key}\n'
                f'ca = {authority.certificate}\n[trunk a]\naddress = sip:192.0.2.1;transport=tls\n')
        status, output = self.look(text)
        self.assertEqual(status, 0, output)
        self.expect_mistake(text + 'tls = carrier\n', 'needs the section [tls carrier]')

    def test_files_that_are_not_what_they_should_be(self):
        authority = Authority(self)
        certificate, key = authority.sign('switch', 'DNS:a')
        _, other = authority.sign('other', 'DNS:b')
        good = {'certificate': certificate, 'key': key, 'ca': authority.certificate}
        for change, said in (
                ({'certificate': '/nowhere'}, 'no certificate can be read from it'),
                ({'certificate': key}, 'no certificate can be read from it'),
                ({'key': certificate}, 'no private key of the certificate'),
                ({'key': other}, 'key'),
                ({'ca': key}, 'no certificates of authorities'),
                ({'ca': None}, 'verify = peer needs ca'),
                ({'ciphers': 'NONSENSE'}, 'OpenSSL knows none of these')):
            keys = {**good, **change}
            lines = '\n'.join(f'{name} = {value}' for name, value in keys.items() if value)
            self.expect_mistake(f'[modules]\ntls = required\n[tls default]\n{lines}\n', said,
                                '[tls default]')


if __name__ == '__main__':
    tap.main()
