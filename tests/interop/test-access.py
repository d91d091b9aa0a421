#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers type a personal number, by telephone events and by INFO, and nobody finds it afterwards."""

import contextlib
import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, pyjwt  # noqa: E402
from peers.agent import Agent, Sound, authorization, branch, description, field, media_port, status_of  # noqa: E402
from peers.baresip import Baresip, tone_share  # noqa: E402
from peers.case import PeerCase, ROOT  # noqa: E402
from peers.process import is_sanitized  # noqa: E402
from peers.tandem import BUILD, Tandem, program  # noqa: E402
from peers.web import Server, response  # noqa: E402

PIN, WRONG = '482915736028', '482915736029'
ACCESS, DESTINATION = '7106274387', '7035550100'
KEY_S = 0.12  # people type no faster, and baresip sends an event each 50 ms
SDP = ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 101\r\n'
       'a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n')


def make_pin(table, digits, account='ncs-1', profile='gets'):
    """As an operator does: the number comes by standard input, never by an argument."""
    subprocess.run([os.path.join(BUILD, 'modules', 'access', 'tandem-pin'), '-t', table, account, profile],
                   input=digits + '\n', text=True, check=True, timeout=30)


class Access(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.called = Agent(self, self.port, user='called')
        self.table = self.path('pins.table')
        make_pin(self.table, PIN)
        self.tandem = Tandem(self, self.config())

    def config(self, **access):
        media = ports.free_range(40, alignment=2)
        return {
            'tandem': {'lanes': 2, 'log-level': 'debug', 'drain': '0 s'},
            'modules': dict.fromkeys(('access', 'cli', 'sip', 'rtp', 'route-table', 'codec-g711', 'announce',
                                      'cdr-file', 'priority'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            'rtp': {'address': '127.0.0.1', 'first-port': media, 'last-port': media + 39},
            'announce': {'tones': os.path.join(ROOT, 'etc', 'tones', 'north-america.ini')},
            'access': {'numbers': ACCESS, 'pins': self.table, **access},
            'access-profile gets': {'mark': 'ets.0'},
            'trunk far': {'address': f'sip:{self.called.address}'},
            'route far': {'prefix': '7035', 'targets': 'far'},
        }

    def records(self):
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv')
        try:
            with open(path, encoding='utf-8', newline='') as file:
                return [row for row in csv.DictReader(file.read().splitlines()) if row['record'] != 'START']
        except FileNotFoundError:
            return []

    def record(self):
        return self.tandem.process.wait_for(self.records, 'record')[0]

    def accept(self, sound):
        """The destination rings, and answers."""
        invite = self.called.expect('INVITE ')
        self.called.answer(invite, '180 Ringing', 'bt')
        self.called.answer(invite, '200 OK', 'bt', description(sound.port))
        self.called.expect('ACK ')
        return invite


class Phone(Access):
    """A phone of which nothing is known here but that it can call and sends telephone events."""

    def type(self, phone, digits):
        for digit in digits:
            phone.command('sndcode', digit)
            time.sleep(KEY_S)

    def hears(self, phone, *frequencies):
        def is_there():
            samples, rate_hz = phone.heard()
            tail = samples[-int(0.3 * rate_hz):]
            return len(tail) >= 0.3 * rate_hz and \
                sum(tone_share(tail, rate_hz, hz) for hz in frequencies) > 0.9
        phone.process.wait_for(is_there, f'{frequencies} Hz in its ear', 15)

    def test_pri_046_number_and_destination(self):
        phone = Baresip(self, 'anna')
        phone.dial(f'sip:{ACCESS}@127.0.0.1:{self.port}')
        phone.wait_for_event('CALL_ESTABLISHED')
        self.hears(phone, 350, 440)
        self.type(phone, WRONG)
        self.hears(phone, 350, 440)
        self.type(phone, PIN)
        self.hears(phone, 350, 440)
        self.type(phone, DESTINATION + '#')
        sound = Sound(self)
        invite = self.accept(sound)
        self.assertTrue(invite.startswith(f'INVITE sip:{DESTINATION}@'), invite)
        self.assertRegex(invite, r'a=rtpmap:\d+ telephone-event/8000')
        self.assertIsNotNone(sound.hear())  # the phone's own tone
        phone.command('hangup')
        self.called.answer(self.called.expect('BYE '), '200 OK')
        record = self.record()
        self.assertEqual({name: record[name] for name in (
            'record', 'called', 'dialled', 'account', 'name_space', 'value', 'classified_by', 'classified_stage',
            'called_trunk')}, {
                'record': 'STOP', 'called': DESTINATION, 'dialled': ACCESS, 'account': 'ncs-1',
                'name_space': 'ets', 'value': '0', 'classified_by': 'pin', 'classified_stage': 'late',
                'called_trunk': 'far'})
        self.assertGreater(record['connected_us'], record['answered_us'])

    def test_pri_046_phone_goes_away_while_it_is_asked(self):
        phone = Baresip(self, 'anna')
        phone.dial(f'sip:{ACCESS}@127.0.0.1:{self.port}')
        phone.wait_for_event('CALL_ESTABLISHED')
        self.type(phone, PIN[:5])
        phone.command('hangup')
        self.assertEqual(self.record()['account'], '')
        info = self.tandem.ctl_json('module', 'info', 'access')
        self.assertEqual(info['callers'], 0)


class Typed(Access):
    """Calls of an agent that types by telephone events and by INFO."""

    CALLER = None  # who is in From

    def config(self, **access):
        return super().config(**{'inter-digit': '60 s', **access})  # it stands still while its image is made

    def invite(self, extra=None, caller=None, host='127.0.0.1'):
        """Calls the access number, from HOST."""
        self.agent = Agent(self, self.port, host=host)
        self.sound = Sound(self)
        self.uri = f'sip:{ACCESS}@127.0.0.1:{self.port}'
        self.parties = {'From': f'<{caller or self.CALLER or "sip:ann@" + self.agent.address}>;tag=at',
                        'To': f'<{self.uri}>', 'Call-ID': uuid.uuid4().hex}
        self.send_invite(1, extra)

    def send_invite(self, cseq, extra=None):
        self.agent.send(self.agent.request('INVITE', self.uri, self.parties, cseq,
                                           SDP.format(port=self.sound.port), branch(), extra))

    def call(self, extra=None, **options):
        self.invite(extra, **options)
        self.established(self.agent.expect('SIP/2.0 200'))

    def established(self, ok, cseq=1):
        self.parties['To'] = field(ok, 'To')
        self.target = field(ok, 'Contact').strip('<>')
        self.media = media_port(ok)
        self.agent.send(self.agent.request('ACK', self.target, self.parties, cseq))
        self.cseq, self.timestamp = cseq, 0

    def send_info(self, digit):
        self.cseq += 1
        self.agent.send(self.agent.request('INFO', self.target, self.parties, self.cseq,
                                           f'Signal={digit}\r\nDuration=100\r\n',
                                           content_type='application/dtmf-relay'))
        self.agent.expect('SIP/2.0 200')

    def send_events(self, digits):
        """RFC 4733 2.5.1: each digit in three packets and three more that end it, all of one timestamp."""
        for digit in digits:
            code = '0123456789*#'.index(digit)
            self.timestamp += 800
            for part in range(6):
                self.sound.sequence += 1
                head = bytes([0x80, 101 | (0x80 if part == 0 else 0)]) + \
                    self.sound.sequence.to_bytes(2, 'big') + self.timestamp.to_bytes(4, 'big') + b'\0\0\0\1'
                end = 0x80 if part >= 3 else 0
                event = bytes([code, end | 10]) + (160 * (min(part, 3) + 1)).to_bytes(2, 'big')
                self.sound.socket.sendto(head + event, ('127.0.0.1', self.media))

    def hang_up(self):
        self.cseq += 1
        self.agent.send(self.agent.request('BYE', self.target, self.parties, self.cseq))
        self.agent.expect('SIP/2.0 200')

    def results(self, name):
        rows = self.tandem.ctl_json('metric', 'tandem_access_numbers_total')
        return sum(row['value'] for row in rows if f'"{name}"' in row['labels'])


class Hidden(Typed):
    """PRI-049: after such calls the number is searched for everywhere, also in the records of a database, in what a
    policy server is asked, and in all that an operator is shown."""

    COMMANDS = ('access locks', 'alarm list --all', 'call list', 'http show', 'metric', 'metric --prometheus',
                'module info access', 'module info sip', 'policy list', 'priority namespaces', 'trunk list')

    def config(self, **access):
        config = super().config(**access)
        config['modules'] |= dict.fromkeys(('cdr-sql', 'http', 'policy', 'trunk'), 'required')
        self.server = Server(self, self.answer)
        return config | {'policy': {'servers': self.server.url}}

    def answer(self, start, *_):
        """It is there, as far as probes can tell, and knows nothing: calls go by the tables here."""
        if '/status' in start:
            return response(b'{"version": 1, "node": "n", "congestion": 0}')
        return response(b'', status='500 Internal Server Error')

    def shown(self):
        """What the commands print, for eyes and for programs."""
        call = self.tandem.ctl_json('call', 'list')[0]['call']
        printed = [self.tandem.ctl(*form, *command.split()) for form in ((), ('--json',))
                   for command in (*self.COMMANDS, f'call show {call}')]
        self.assertEqual({status for status, _, _ in printed}, {0}, printed)
        return ''.join(out for _, out, _ in printed)

    def core(self):
        path = self.path('image')
        subprocess.run([self.need('gcore'), '-o', path, str(self.tandem.process.pid)], check=True, timeout=60,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(f'{path}.{self.tandem.process.pid}', 'rb') as file:
            image = file.read()
        os.remove(f'{path}.{self.tandem.process.pid}')
        return image

    def assert_hidden(self, content, where):
        for secret in PIN[:11], WRONG[:11]:
            self.assertNotIn(secret.encode(), content, where)

    def test_pri_049_nowhere(self):
        follower = self.spawn('tandemctl', [program('tandemctl'), 'event', 'follow', '--json'],
                              environment={'TANDEM_CONTROL': self.tandem.control})
        self.call()
        for digit in WRONG:
            self.send_info(digit)
        self.tandem.process.wait_for(lambda: self.results('wrong') == 1, 'wrong number')
        self.send_events(PIN[:11])
        self.process_has(follower, 'call.media')
        if not is_sanitized(self.tandem.process.pid):  # the image of its shadow would take hours
            image = self.core()  # while one is typed, when one was looked up
            self.assertIn(ACCESS.encode(), image)
            self.assert_hidden(image, 'core')
        self.assert_hidden(self.shown().encode(), 'commands')
        self.send_events(PIN[11:])
        self.tandem.process.wait_for(lambda: self.results('good') == 1, 'good number')
        traces = ''.join(self.tandem.ctl('trace', self.parties['Call-ID'], *form)[1]
                         for form in ((), ('--raw',)))
        self.assertIn('INFO', traces)
        self.assertNotRegex(traces, r'Signal=\s*[0-9]')
        self.send_events(DESTINATION + '#')
        self.assert_hidden(self.accept(self.sound).encode(), 'INVITE')
        self.assert_hidden(self.shown().encode(), 'commands')
        self.hang_up()
        self.called.answer(self.called.expect('BYE '), '200 OK')
        self.assertEqual(self.record()['account'], 'ncs-1')
        asked = repr(self.server.requests)
        self.assertIn(DESTINATION, asked)
        self.assert_hidden(asked.encode(), 'policy server')
        self.process_has(follower, 'call.ended')
        for name in self.tandem.process.log, follower.log:
            with open(name, 'rb') as file:
                self.assert_hidden(file.read(), name)
        self.tandem.stop()  # all is in its files
        self.assertTrue(os.path.getsize(os.path.join(self.tandem.folder, 'state', 'cdr-sql', 'cdr.sqlite')))
        for folder, _, names in os.walk(self.tandem.folder):
            for name in filter(os.path.isfile, (os.path.join(folder, name) for name in names)):
                with open(name, 'rb') as file:
                    self.assert_hidden(file.read(), name)

    def process_has(self, process, text):
        process.wait_for(lambda: text in process.output(), f'"{text}" in its output')


class Guessed(Typed):
    """PRI-048: whoever tries numbers is locked out, whoever he says that he is."""

    def config(self, **access):
        return super().config(**{'lock-after': 3, **access})

    def try_all(self):
        """As often as a caller may, in the call that is up; then it ends."""
        before = self.results('wrong')
        for n in range(1, 4):
            self.send_events(WRONG)
            self.tandem.process.wait_for(lambda n=n: self.results('wrong') == before + n, 'wrong number')
        self.agent.answer(self.agent.expect('BYE ', 20), '200 OK')

    def assert_locked(self, *keys):
        self.assertEqual({row['key'] for row in self.tandem.ctl_json('access', 'locks') if row['locked']}, set(keys))

    def test_pri_048_another_from_each_time(self):
        self.call(caller='sip:+12155550101@example.com')
        self.try_all()
        self.assert_locked('address 127.0.0.1')
        for caller in 'sip:+12155550102@example.com', 'sip:bob@example.org', 'sip:anonymous@anonymous.invalid':
            self.invite(caller=caller)
            self.agent.expect('SIP/2.0 403')
        self.call(caller='sip:+12155550101@example.com', host='127.0.0.2')  # from elsewhere that number is somebody's
        self.hang_up()


class GuessedByTrunk(Guessed):
    """PRI-048, PRI-102: a trunk's callers are who it says; whoever says another one each time is slow all the same, and
    an alarm."""

    def config(self, **access):
        config = super().config(**{'trunk-failures': 6, 'alarm-failures': 6, 'alarm-window': '1 h', **access})
        config['modules'] |= {'trunk': 'required'}
        return config | {'trunk ann': {'address': 'sip:127.0.0.1'}}

    def test_pri_048_another_from_each_time(self):
        for n in range(2):
            self.call(caller=f'sip:+1215555010{n}@example.com')
            self.try_all()
        self.assert_locked('caller ann +12155550100', 'caller ann +12155550101')
        alarm, = self.tandem.process.wait_for(lambda: self.tandem.ctl_json('alarm', 'list'), 'alarm')
        self.assertEqual((alarm['alarm'], alarm['object'], alarm['value']), ('access-failures', 'trunk="ann"', 6))
        for digits in WRONG, PIN:  # nobody is told which
            self.call(caller='sip:+12155550109@example.com')
            self.send_events(digits)
            self.agent.answer(self.agent.expect('BYE ', 20), '200 OK')
        self.assertEqual((self.results('wrong'), self.results('good'), self.results('unavailable')), (6, 0, 2))
        self.call(host='127.0.0.2')  # by no trunk
        self.send_events(PIN)
        self.tandem.process.wait_for(lambda: self.results('good') == 1, 'good number')
        self.hang_up()


class GuessedByUsers(Guessed):
    """PRI-048: callers who have proved who they are are told apart by that, wherever they are."""

    def config(self, **access):
        config = super().config(**access)
        config['modules'] |= {'registrar': 'required'}
        config['sip'] |= {'strangers': 'challenge'}
        return config | {'registrar': {'domains': '127.0.0.1', 'database': self.path('contacts.db')},
                         'user ann': {'password': 'secret'}, 'user bob': {'password': 'secret'}}

    def invite_as(self, user, domain='127.0.0.1', **options):
        self.invite(caller=f'sip:{user}@{domain}', **options)
        challenge = self.agent.expect('SIP/2.0 407')
        self.agent.send(self.agent.request('ACK', self.uri, self.parties, 1))
        name, value = authorization(challenge, 'INVITE', self.uri, user, 'secret').split(': ', 1)
        self.send_invite(2, {name: value})

    def test_pri_048_another_from_each_time(self):
        self.invite_as('ann')
        self.established(self.agent.expect('SIP/2.0 200'), 2)
        self.try_all()
        self.assert_locked('user ann')
        for domain, host in ('127.0.0.1', '127.0.0.1'), ('example.com', '127.0.0.1'), ('127.0.0.1', '127.0.0.2'):
            self.invite_as('ann', domain, host=host)
            self.agent.expect('SIP/2.0 403')
        self.invite_as('bob')
        self.established(self.agent.expect('SIP/2.0 200'), 2)
        self.hang_up()


class Signed(Typed):
    """A call that its personal number makes more than ordinary, by a trunk whose marks are signed."""

    CALLER = 'sip:+12155550112@127.0.0.1'
    INFO = 'https://certificates.example/signer.pem'

    def config(self, **access):
        if pyjwt.interpreter() is None:
            self.lack('no Python has PyJWT: install python3-jwt and python3-cryptography')
        certificate, key = self.path('signer.pem'), self.path('signer.key')
        subprocess.run([self.need('openssl'), 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate, '-days', '10',
                        '-subj', '/CN=signer'], check=True, timeout=60, capture_output=True)
        config = super().config(**access)
        config['modules'] |= {'passport': 'required'}
        config['trunk far'] |= {'rph-sign': 'yes', 'rph-egress': 'generate', 'rph-send': 'ets'}
        return config | {'passport': {'country-code': '1'},
                         'passport-signer ours': {'info': self.INFO, 'certificate': certificate, 'key': key,
                                                  'namespaces': 'ets'}}

    def test_pri_034_personal_number(self):
        """PRI-034, PRI-046: PyJWT verifies the token: of this caller, of whom he calls, and of his profile's mark;
        without the number there is none."""
        self.call()
        self.send_events(PIN)
        self.tandem.process.wait_for(lambda: self.results('good') == 1, 'good number')
        self.send_events(DESTINATION + '#')
        invite = self.accept(self.sound)
        self.assertEqual(field(invite, 'Resource-Priority'), 'ets.0')
        token, *parameters = field(invite, 'Identity').split(';')
        self.assertEqual(parameters, [f'info=<{self.INFO}>', 'alg=ES256', 'ppt="rph"'])
        public = subprocess.run(['openssl', 'x509', '-in', self.path('signer.pem'), '-noout', '-pubkey'], check=True,
                                timeout=60, capture_output=True, text=True).stdout
        header, payload = pyjwt.verify(self, public, token)
        self.assertEqual(header, {'alg': 'ES256', 'ppt': 'rph', 'typ': 'passport', 'x5u': self.INFO})
        self.assertAlmostEqual(payload.pop('iat'), time.time(), delta=30)
        self.assertEqual(payload, {'dest': {'tn': ['1' + DESTINATION]}, 'orig': {'tn': '12155550112'},
                                   'rph': {'auth': ['ets.0']}})
        self.assertNotIn(PIN, json.dumps(payload) + invite)
        self.hang_up()
        self.called.answer(self.called.expect('BYE '), '200 OK')
        self.assertEqual(self.record()['account'], 'ncs-1')


class Barred(Typed):
    """PRI-044: a line that may call nobody, by the tables here or those of a policy server, and a code that is
    blocked. Whose account pays, he may."""

    EXEMPTIONS = 'screening'
    TABLES = {'list': 'label,mode,tries\nfar,sequence,1\n', 'target': 'label,position,trunk\nfar,1,far\n',
              'screening': 'list,rank,calling,called,action,cause\nnobody,1,,,deny,21\n',
              'route': 'table,prefix,label\nmain,7035,far\n',
              'ingress': 'trunk,screening,table\n*,nobody,main\n'}

    def tables(self):
        """A database of routing, as an operator makes it."""
        folder, database = self.path('tables'), self.path('route.db')
        os.makedirs(folder, exist_ok=True)
        for table, text in self.TABLES.items():
            self.write(os.path.join(folder, f'{table}.csv'), text)
        subprocess.run([os.path.join(BUILD, 'modules', 'route', 'tandem-routes'), '-d', database, 'import', folder],
                       check=True, timeout=60, stdout=subprocess.DEVNULL)
        return {'database': database}

    def config(self, **access):
        config = super().config(**access)
        config['modules'] |= {'route': 'required', 'trunk': 'required'}
        return config | {'routing': self.tables()}

    def ordinary(self, status=403):
        """What becomes of a call of this line that nobody else pays."""
        agent = Agent(self, self.port)
        uri = f'sip:{DESTINATION}@127.0.0.1:{self.port}'
        agent.send(agent.request('INVITE', uri, {
            'From': f'<sip:ann@{agent.address}>;tag=at', 'To': f'<{uri}>', 'Call-ID': uuid.uuid4().hex}, 1,
            description(9), branch()))
        return status_of(agent.expect(f'SIP/2.0 {status}'))

    def by_account(self):
        """Names his account, and is connected."""
        self.call()
        self.send_events(PIN)
        self.tandem.process.wait_for(lambda: self.results('good') == 1, 'good number')
        self.send_events(DESTINATION + '#')
        self.accept(self.sound)

    def end(self):
        """The record of a call that is over."""
        self.hang_up()
        self.called.answer(self.called.expect('BYE '), '200 OK')
        return self.tandem.process.wait_for(lambda: [row for row in self.records() if row['record'] == 'STOP'],
                                            'record')[0]

    def test_pri_044_class_of_service(self):
        self.assertEqual(self.ordinary(), 403)
        self.by_account()
        record = self.end()
        self.assertEqual((record['account'], record['called'], record['exemptions']),
                         ('ncs-1', DESTINATION, self.EXEMPTIONS))

    def test_pri_044_code_that_is_blocked(self):
        self.assertEqual(self.tandem.ctl('control', 'set', 'block', '--code', DESTINATION[:3])[0], 0)
        self.assertEqual(self.ordinary(503), 503)
        self.by_account()
        self.assertEqual(self.end()['account'], 'ncs-1')


class BarredElsewhere(Barred):
    """PRI-044: it is a policy server that has the tables, and alone knows what they would have said."""

    EXEMPTIONS = ''

    def config(self, **access):
        port = ports.free_port()
        trunk = {'trunk far': {'address': f'sip:{self.called.address}'}}
        self.server = Tandem(self, {
            'modules': dict.fromkeys(('access', 'cli', 'http', 'policy', 'route'), 'required'),
            'http': {'listen': f'127.0.0.1:{port}'}, 'policy': {'serve': 'yes'}, 'routing': self.tables(), **trunk})
        config = Typed.config(self, **access)
        config['modules'] |= {'http': 'required', 'policy': 'required', 'trunk': 'required'}
        return config | {'policy': {'servers': f'http://127.0.0.1:{port}', 'priority-deadline': '5 s'}}

    def setUp(self):
        super().setUp()
        self.tandem.process.wait_for(
            lambda: all(row['state'] == 'up' for row in self.tandem.ctl_json('policy', 'list')), 'server')


class Killed(Typed):
    """PRI-044: whatever becomes of the switch in the call, its record has the account."""

    def config(self, **access):
        config = super().config(**access)
        config['modules'] |= {'cdr-sql': 'required'}
        return config

    def setUp(self):
        super().setUp()
        self.call()
        self.send_events(PIN)
        self.tandem.process.wait_for(lambda: self.results('good') == 1, 'good number')
        self.send_events(DESTINATION + '#')
        self.accept(self.sound)
        self.tandem.process.wait_for(lambda: any(call['state'] == 'answered' and call['called'] == DESTINATION
                                                 for call in self.tandem.ctl_json('call', 'list')), 'connection')

    def assert_billed(self):
        """Once in each place."""
        path = os.path.join(self.tandem.folder, 'state', 'cdr-sql', 'cdr.sqlite')
        with contextlib.closing(sqlite3.connect(path)) as database:
            rows = database.execute("SELECT account, called, dialled, connected_us >= answered_us FROM records "
                                    "WHERE record = 'STOP'").fetchall()
        self.assertEqual(rows, [('ncs-1', DESTINATION, ACCESS, 1)])
        row, = [row for row in self.records() if row['record'] == 'STOP']
        self.assertEqual((row['account'], row['called'], row['dialled']), ('ncs-1', DESTINATION, ACCESS))
        self.assertGreaterEqual(int(row['duration_us']), int(row['connected_duration_us']))
        self.assertGreaterEqual(int(row['connected_duration_us']), 0)

    def test_pri_044_stopped(self):
        self.tandem.process.signal(signal.SIGTERM)
        self.agent.answer(self.agent.expect('BYE '), '200 OK')
        self.called.answer(self.called.expect('BYE '), '200 OK')
        self.tandem.process.wait(20)
        self.assert_billed()

    def test_pri_044_killed(self):
        self.tandem.process.signal(signal.SIGKILL)
        self.tandem.process.wait(10)
        again = Tandem(self, file=self.tandem.config,
                       environment={'TANDEM_STATE_DIR': os.path.join(self.tandem.folder, 'state')})
        again.stop()
        self.assert_billed()


class Transferred(Typed):
    """A call that has a class already when it is handed on (PRI-043)."""

    def config(self, **access):
        config = super().config(**access)
        config['access-profile gets'] = {'mark': 'ets.4'}
        config['trunk ann'] = {'address': 'sip:127.0.0.1', 'rph-trust': 'accept', 'rph-accept': 'ets',
                               'rph-interface': '127.0.0.1'}
        config['trunk far'] |= {'rph-egress': 'generate', 'rph-send': 'ets, wps'}
        return config

    def test_pri_043_class_survives_transfer(self):
        """The number's own class is below it."""
        self.call({'Resource-Priority': 'ets.1'})
        for digit in PIN:
            self.send_info(digit)
        self.tandem.process.wait_for(lambda: self.results('good') == 1, 'good number')
        for digit in DESTINATION + '#':
            self.send_info(digit)
        invite = self.accept(Sound(self))
        self.assertEqual(field(invite, 'Resource-Priority'), 'wps.1, ets.1')
        self.hang_up()
        self.called.answer(self.called.expect('BYE '), '200 OK')
        record = self.record()
        self.assertEqual((record['value'], record['priority_class'], record['classified_by']),
                         ('1', '10', 'rph'))


if __name__ == '__main__':
    tap.main()
