#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-032, PRI-034: tokens that others sign, others that verify ours, and certificates from a web server.

Keys and certificates are OpenSSL's, tokens PyJWT's.
"""

import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, pyjwt  # noqa: E402
from peers.agent import Agent, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem, module_folders  # noqa: E402
from peers.web import Server, response  # noqa: E402

FROM, TO = '12155550112', '12125550113'
TESTS = os.path.join(BUILD, 'modules', 'passport', 'tests')


class Case(PeerCase):
    def setUp(self):
        super().setUp()
        if pyjwt.interpreter() is None:
            self.lack('no Python has PyJWT: install python3-jwt and python3-cryptography')
        self.pairs = {}
        self.make('root', authority=True)
        self.make('signer', issuer='root')

    def openssl(self, *words):
        done = subprocess.run(['openssl', *words], capture_output=True, text=True, check=False,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def make(self, name, issuer=None, authority=False):
        """A key and a certificate, NAME.key and NAME.pem."""
        key, certificate = self.path(name + '.key'), self.path(name + '.pem')
        issued = ['-CA', self.path(issuer + '.pem'), '-CAkey', self.path(issuer + '.key')] \
            if issuer else []
        usage = 'keyCertSign' if authority else 'digitalSignature'
        self.openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                     '-keyout', key, '-out', certificate, '-days', '10', '-subj', '/CN=' + name,
                     '-addext', f'basicConstraints=critical,CA:{"TRUE" if authority else "FALSE"}',
                     '-addext', 'keyUsage=critical,' + usage, *issued)

    def read(self, name):
        with open(self.path(name), encoding='utf-8') as file:
            return file.read()

    def start(self, info, keys=None, more=None):
        self.info = info
        return Tandem(self, {
            'modules': {'cli': 'required', 'http': 'required', 'passport': 'required',
                        'passport-probe': 'required'},
            'passport': keys or {},
            'passport-anchor ets': {'certificates': self.path('root.pem'),
                                    'namespaces': 'ets, wps'},
            'passport-signer ours': {'info': info, 'certificate': self.path('signer.pem'),
                                     'key': self.path('signer.key'), 'namespaces': 'ets, wps'},
            **(more or {}),
        }, environment={'TANDEM_MODULE_PATH': ':'.join([*module_folders(), TESTS])})

    def provisioned(self):
        info = 'https://certificates.example/signer.pem'
        return self.start(info, more={'passport-certificate signer': {
            'info': info, 'certificate': self.path('signer.pem')}})

    def token(self, key='signer', values=('ets.0',), to=TO, age_s=0, ppt='rph', **header):
        payload = {'dest': {'tn': [to]}, 'iat': int(time.time()) - age_s, 'orig': {'tn': FROM},
                   'rph': {'auth': list(values)}}
        token = pyjwt.sign(self, self.read(key + '.key'),
                           {'ppt': ppt, 'typ': 'passport', 'x5u': self.info, **header}, payload)
        return f'{token};info=<{self.info}>;alg=ES256;ppt="{ppt}"'

    def ask(self, tandem, identity, call_id='1', values='ets.0'):
        status, out, errors = tandem.ctl('--json', 'probe', 'ask', 'carrier', call_id, '+' + FROM,
                                         '+' + TO, values, identity)
        self.assertEqual((status, errors), (0, ''))
        return json.loads(out)


class Theirs(Case):
    def test_is_good(self):
        """PRI-032: a token that PyJWT has signed."""
        tandem = self.provisioned()
        said = self.ask(tandem, self.token(values=('wps.1', 'ets.0')), values='ets.0,wps.0')
        self.assertEqual((said['status'], said['values']), (0, 'ets.0'))

    def test_of_another_key_is_not(self):
        """PRI-032: the same by a key whose certificate is another one."""
        tandem = self.provisioned()
        self.make('other', issuer='root')
        self.assertEqual(self.ask(tandem, self.token('other'))['status'], 438)

    def test_old_or_for_another_call_is_not(self):
        """PRI-037: stale, and to somebody else."""
        tandem = self.provisioned()
        self.assertEqual(self.ask(tandem, self.token(age_s=120))['status'], 403)
        self.assertEqual(self.ask(tandem, self.token(to='12125550199'))['status'], 438)

    def test_is_good_once(self):
        """PRI-037: another call with it gets nothing."""
        tandem = self.provisioned()
        token = self.token()
        self.assertEqual(self.ask(tandem, token)['status'], 0)
        said = self.ask(tandem, token, call_id='2')
        self.assertEqual((said['status'], said['values']), (438, ''))

    def test_is_explained(self):
        """The operator's look: each step, and nothing is used up."""
        tandem = self.provisioned()
        token = self.token()
        status, out, _ = tandem.ctl('--json', 'passport', 'verify', token)
        steps = [(step['step'], step['verdict']) for step in json.loads(out)]
        self.assertEqual(status, 0)
        self.assertEqual(steps, [(name, 'ok') for name in
                                 ('header', 'token', 'certificate', 'chain', 'signature', 'time',
                                  'parties', 'value', 'result')])
        self.assertEqual(self.ask(tandem, token)['status'], 0)


class Calls(Case):
    """A call whose mark must prove true (PRI-032, PRI-033)."""

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.caller = Agent(self, self.port, '+' + FROM)
        self.called = Agent(self, self.port, 'called')
        self.info = 'https://certificates.example/signer.pem'
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority', 'passport'),
                                     'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse'},
            'call': {'media': 'through'},
            'passport-anchor ets': {'certificates': self.path('root.pem'), 'namespaces': 'ets, wps'},
            'passport-certificate signer': {'info': self.info,
                                            'certificate': self.path('signer.pem')},
            'trunk a': {'address': f'sip:{self.caller.address}', 'rph-trust': 'validate',
                        'rph-accept': 'ets, wps'},
            'trunk b': {'address': f'sip:{self.called.address}'},
            'route all': {'prefix': '', 'targets': 'b'},
        })

    def call(self, identity, call_id, marks='ets.0'):
        """(class, Resource-Priority that goes out) of a call."""
        extra = {'Resource-Priority': marks}
        if identity:
            extra['Identity'] = identity
        parties = {'From': f'<sip:+{FROM}@127.0.0.1>;tag=f', 'To': f'<sip:+{TO}@127.0.0.1>',
                   'Call-ID': call_id}
        self.caller.send(self.caller.request('INVITE', f'sip:+{TO}@127.0.0.1:{self.port}', parties, 1,
                                             description(9), extra=extra))
        invite = self.called.expect('INVITE ')
        found = self.tandem.ctl_json('call', 'list')[0]['class']
        self.called.answer(invite, 486, 'c')
        self.called.expect('ACK ')
        self.caller.expect('SIP/2.0 486 ')
        return found, field(invite, 'Resource-Priority')

    def test_signed_mark_counts(self):
        """PRI-032: what a token covers, and no more."""
        self.assertEqual(self.call(self.token(), 'one'), (11, 'ets.0'))
        self.assertEqual(self.call(self.token(values=('wps.4',)), 'two', 'ets.0, wps.4'), (7, 'wps.4'))

    def test_unsigned_mark_does_not(self):
        """PRI-033: the value is taken away, the call is an ordinary one."""
        self.make('other', issuer='root')
        self.assertEqual(self.call(None, 'one'), (4, ''))
        self.assertEqual(self.call(self.token('other'), 'two'), (4, ''))

    def test_replayed_mark_does_not(self):
        """PRI-037: another call with the same token."""
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.assertEqual(self.call(token, 'two'), (4, ''))


class Ours(Case):
    def test_is_good_elsewhere(self):
        """PRI-034: PyJWT verifies what is signed here, and reads in it what was asked for."""
        tandem = self.provisioned()
        status, out, errors = tandem.ctl('--json', 'probe', 'sign', 'rph', '+1 (215) 555-0112'.replace(
            ' ', '-'), 'sip:+' + TO + '@example.com;user=phone', 'ets.0,wps.1')
        self.assertEqual((status, errors), (0, ''))
        (identity,) = [row['identity'] for row in json.loads(out)]
        token, *parameters = identity.split(';')
        self.assertEqual(parameters, [f'info=<{self.info}>', 'alg=ES256', 'ppt="rph"'])
        public = self.openssl('x509', '-in', self.path('signer.pem'), '-noout', '-pubkey')
        header, payload = pyjwt.verify(self, public, token)
        self.assertEqual(header, {'alg': 'ES256', 'ppt': 'rph', 'typ': 'passport', 'x5u': self.info})
        self.assertAlmostEqual(payload.pop('iat'), time.time(), delta=30)
        self.assertEqual(payload, {'dest': {'tn': [TO]}, 'orig': {'tn': FROM},
                                   'rph': {'auth': ['ets.0', 'wps.1']}})
        with self.assertRaises(ValueError):
            pyjwt.verify(self, public, token[:-8] + 'AAAAAAAA')
        self.assertEqual(self.ask(tandem, identity)['values'], 'ets.0')


class Fetched(Case):
    def serve(self, answer):
        self.server = Server(self, lambda *_: answer)
        return self.start(self.server.url + '/signer.pem', {'fetch': self.server.url + '/'})

    def test_once_for_many(self):
        """PRI-032: RFC 8224 7.2: from the place that the token names, and kept."""
        tandem = self.serve(response(self.read('signer.pem').encode(),
                                     media_type='application/pem-certificate-chain'))
        self.assertEqual(self.ask(tandem, self.token())['status'], 0)
        self.assertEqual(self.ask(tandem, self.token(values=('ets.0', 'wps.1')), call_id='2')['status'], 0)
        self.assertEqual(len(self.server.requests), 1)
        rows = json.loads(tandem.ctl('--json', 'passport', 'list')[1])
        (fetched,) = [row for row in rows if row['kind'] == 'fetched']
        self.assertEqual((fetched['state'], fetched['good_for']), ('valid', 'ets'))

    def test_as_der(self):
        """RFC 2585 3: application/pkix-cert."""
        self.openssl('x509', '-in', self.path('signer.pem'), '-outform', 'DER', '-out',
                     self.path('signer.der'))
        with open(self.path('signer.der'), 'rb') as file:
            tandem = self.serve(response(file.read(), media_type='application/pkix-cert'))
        self.assertEqual(self.ask(tandem, self.token())['status'], 0)

    def test_what_is_none(self):
        """RFC 8224 6.2.2: 436; and the server is not asked again and again."""
        tandem = self.serve(response(b'no certificate'))
        self.assertEqual(self.ask(tandem, self.token())['status'], 436)
        self.assertEqual(self.ask(tandem, self.token(values=('ets.0', 'wps.1')))['status'], 436)
        self.assertEqual(len(self.server.requests), 1)

    def test_not_there(self):
        """A 404 is no certificate."""
        tandem = self.serve(response(b'', status='404 Not Found'))
        self.assertEqual(self.ask(tandem, self.token())['status'], 436)

    def test_silence(self):
        """A server that says nothing: 436 within the deadline."""
        self.server = Server(self)
        tandem = self.start(self.server.url + '/signer.pem',
                            {'fetch': self.server.url + '/', 'fetch-deadline': '200 ms'})
        self.assertEqual(self.ask(tandem, self.token())['status'], 436)

    def test_from_nowhere_else(self):
        """Nobody makes the switch ask where the operator did not say."""
        self.server = Server(self, lambda *_: response(b''))
        tandem = self.start(self.server.url + '/signer.pem', {'fetch': 'https://other.example/'})
        self.assertEqual(self.ask(tandem, self.token())['status'], 436)
        self.assertEqual(self.server.requests, [])


class Configuration(Case):
    def refuse(self, sections, *parts):
        config = self.write(self.path('bad.conf'), '[modules]\npassport = required\n' + sections)
        done = subprocess.run([os.path.join(BUILD, 'core', 'tandemd'), '--check-config', '--config', config],
                              capture_output=True, text=True, check=False, timeout=60,
                              env={**os.environ, 'TANDEM_MODULE_PATH': ':'.join(module_folders())})
        self.assertEqual(done.returncode, 78, done.stderr)
        for part in parts:
            self.assertIn(part, done.stdout + done.stderr)

    def test_files_that_do_not_fit(self):
        """What is wrong with a file is said where the key stands."""
        self.make('other', issuer='root')
        self.refuse(f'[passport-anchor a]\ncertificates = {self.path("none.pem")}\nnamespaces = ets\n',
                    'bad.conf:4', 'none.pem', 'No such file')
        self.refuse(f'[passport-anchor a]\ncertificates = {self.path("root.key")}\nnamespaces = ets\n',
                    'no certificate can be read there')
        self.refuse(f'[passport-anchor a]\ncertificates = {self.path("root.pem")}\n',
                    'good for nothing')
        self.refuse('[passport-signer a]\ninfo = https://a.example/\n'
                    f'certificate = {self.path("signer.pem")}\nkey = {self.path("other.key")}\n'
                    'namespaces = ets\n', 'not that of the certificate')
        self.refuse('[passport]\nfetch = https://a.example\n', 'slash behind the host')


if __name__ == '__main__':
    tap.main()
