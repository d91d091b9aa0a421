#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-032 to PRI-035, PRI-037: tokens that others sign, others that verify ours, and certificates from a web server.

Keys and certificates are OpenSSL's, tokens PyJWT's.
"""

import base64
import email.utils
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, pyjwt  # noqa: E402
from peers.agent import TIMEOUT_S, Agent, Call, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.certificates import revoke  # noqa: E402
from peers.tandem import BUILD, Tandem, csv_records, module_folders, program  # noqa: E402
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
        usage = 'keyCertSign,cRLSign' if authority else 'digitalSignature'
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

    def token(self, key='signer', values=('ets.0',), to=TO, age_s=0, ppt='rph', by=FROM, claims=(), **header):
        payload = {'dest': {'tn': to.split()}, 'iat': int(time.time()) - age_s, 'orig': {'tn': by},
                   'rph': {'auth': list(values)}, **dict(claims)}
        token = pyjwt.sign(self, self.read(key + '.key'),
                           {'ppt': ppt, 'typ': 'passport', 'x5u': self.info, **header}, payload)
        return f'{token};info=<{self.info}>;alg=ES256;ppt="{ppt}"'

    def ask(self, tandem, identity, call_id='1', values='ets.0', trunk='carrier'):
        status, out, errors = tandem.ctl('--json', 'probe', 'ask', trunk, call_id, '+' + FROM,
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


class CallCase(Case):
    """Marks of the trunk a must prove true."""

    TRUNK, CALLED, MODULES = {}, {}, ()

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.caller = Agent(self, self.port, '+' + FROM)
        self.called = Agent(self, self.port, 'called')
        self.info = 'https://certificates.example/signer.pem'
        self.make('numbers', authority=True)
        self.make('shaken', issuer='numbers')
        self.config = {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority', 'passport', 'cdr-file',
                                      *self.MODULES), 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse'},
            'call': {'media': 'through'},
            'passport-anchor ets': {'certificates': self.path('root.pem'),
                                    'namespaces': 'ets, wps, esnet'},
            'passport-anchor numbers': {'certificates': self.path('numbers.pem'), 'identity': 'yes'},
            'passport-certificate signer': {'info': self.info,
                                            'certificate': self.path('signer.pem')},
            'passport-certificate shaken': {'info': self.info + '?shaken',
                                            'certificate': self.path('shaken.pem')},
            'trunk a': {'address': f'sip:{self.caller.address}', 'rph-trust': 'validate',
                        'rph-accept': 'ets, wps', **self.TRUNK},
            'trunk b': {'address': f'sip:{self.called.address}', **self.CALLED},
            'route all': {'prefix': '', 'targets': 'b'},
        }
        self.tandem = Tandem(self, self.config)

    def records(self, n):
        """What the N records of calls say of signatures."""
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv')

        def rows():
            return [row for row in csv_records(path) if row['record'] != 'START']
        self.tandem.process.wait_for(lambda: len(rows()) >= n, f'{n} records')
        return [row['signature'] for row in rows()]

    def audit(self):
        """What the log says of calls whose marks are not proven."""
        return re.findall(r'is not covered by a valid signature: .*; the call (.*?)  call_id=(\S+) '
                          r'trunk=a status=(\d+) ', self.tandem.process.output())

    def invite(self, identity, call_id, marks='ets.0', to=TO, tag='f', **more):
        extra = {'Resource-Priority': marks, **more}
        if identity:
            extra['Identity'] = identity
        parties = {'From': f'<sip:+{FROM}@127.0.0.1>;tag={tag}', 'To': f'<sip:+{to}@127.0.0.1>',
                   'Call-ID': call_id}
        self.caller.send(self.caller.request('INVITE', f'sip:+{TO}@127.0.0.1:{self.port}', parties, 1,
                                             description(9), extra=extra))

    def call(self, identity, call_id, marks='ets.0', to=TO, **more):
        """(class, Resource-Priority that goes out) of a call."""
        self.invite(identity, call_id, marks, to, **more)
        invite = self.called.expect('INVITE ')
        found = self.tandem.ctl_json('call', 'list')[0]['class']
        self.called.answer(invite, 486, 'c')
        self.called.expect('ACK ')
        self.caller.expect('SIP/2.0 486 ')
        return found, field(invite, 'Resource-Priority')


class Calls(CallCase):
    """A call whose mark must prove true (PRI-032, PRI-033)."""

    def test_signed_mark_counts(self):
        """PRI-032: what a token covers, and no more."""
        self.assertEqual(self.call(self.token(), 'one'), (11, 'ets.0'))
        self.assertEqual(self.call(self.token(values=('wps.4',)), 'two', 'ets.0, wps.4'), (7, 'wps.4'))

    def test_unsigned_mark_does_not(self):
        """PRI-033: the value is taken away, the call is an ordinary one."""
        self.make('other', issuer='root')
        self.assertEqual(self.call(None, 'one'), (4, ''))
        self.assertEqual(self.call(self.token('other'), 'two'), (4, ''))

    def test_unproven_are_counted(self):
        """PRI-101: bad signatures by trunk and by the class that was claimed."""
        self.call(self.token(), 'one')
        for marks, identity in ('ets.0', self.token(age_s=120)), ('wps.4', None):
            self.invite(identity, marks, marks)
            self.tandem.process.wait_for(lambda: len(self.audit()) > (marks == 'wps.4'), 'the verdict')
        found = {row['labels']: row['value']
                 for row in self.tandem.ctl_json('metric', 'tandem_priority_calls_total')
                 if row['value'] > 0 and 'trunk="a"' in row['labels']}
        self.assertEqual({labels: n for labels, n in found.items() if 'bad_signature' in labels},
                         {'trunk="a",class="11",calls="bad_signature"': 1,
                          'trunk="a",class="7",calls="bad_signature"': 1})
        self.assertEqual(found['trunk="a",class="11",calls="admitted"'], 1)

    def test_one_record_says_why(self):
        """PRI-033, PRI-100: one record, and one line of the log, for each call."""
        self.call(self.token(), 'one')
        self.call(self.token(age_s=120), 'two')
        self.assertEqual(self.call(self.by_shaken(), 'three'), (4, ''))
        good, stale, foreign = self.records(3)
        self.assertEqual(good, 'valid: ets.0')
        self.assertRegex(stale, '^403: Stale Date: it was issued 12[0-9] s ago$')
        self.assertIn('437: nobody with authority over all its r-values vouches for its signer', foreign)
        self.assertEqual(self.audit(), [('goes on as an ordinary one', 'two', '403'),
                                        ('goes on as an ordinary one', 'three', '437')])

    def by_shaken(self):
        """By whom numbers are vouched for."""
        self.info += '?shaken'
        identity = self.token('shaken')
        self.info = self.info.removesuffix('?shaken')
        return identity

    def test_replayed_mark_does_not(self):
        """PRI-037: another call with the same token."""
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.assertEqual(self.call(token, 'two'), (4, ''))


class Replayed(CallCase):
    """A token that has been brought already, to a switch that allows one more attempt."""

    def setUp(self):
        super().setUp()
        self.other = Agent(self, self.port, '+' + FROM)
        self.config['passport'] = {'replay': 'allow-once'}
        self.config['trunk other'] = {**self.config['trunk a'], 'address': f'sip:{self.other.address}'}
        self.tandem.rewrite(self.config)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)

    def test_one_more_attempt_counts(self):
        """PRI-037: and none after it, nor is the one that was allowed another's; the first call keeps its own."""
        token = self.token()
        self.assertEqual([self.call(token, call_id)[0] for call_id in ('one', 'two', 'three', 'four')],
                         [11, 11, 4, 4])
        self.assertEqual(self.records(4)[2:], ['438: another call has brought it already'] * 2)

    def test_another_peer_is_another_call(self):
        """PRI-037: with the same Call-ID, too."""
        self.config['passport'] = {'replay': 'refuse'}
        self.tandem.rewrite(self.config)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.caller = self.other
        self.assertEqual(self.call(token, 'one', tag='other'), (4, ''))
        self.assertEqual(self.records(2)[1], '438: another call has brought it already')


class Remembered(CallCase):
    """Who has brought a token is known to the next life of the process, and to the next build of the module."""

    def test_after_a_kill(self):
        """PRI-037: and it is still the first call's."""
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.tandem.process.signal(signal.SIGKILL)
        self.tandem.process.wait(TIMEOUT_S)
        self.tandem = Tandem(self, self.config, environment={
            'TANDEM_STATE_DIR': os.path.join(self.tandem.folder, 'state')})
        self.assertEqual(self.call(token, 'two'), (4, ''))
        self.assertEqual(self.call(token, 'one', tag='again'), (11, 'ets.0'))

    def test_after_an_upgrade(self):
        """PRI-037"""
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.tandem.ctl_json('module', 'upgrade', 'passport')
        self.assertEqual(self.call(token, 'two'), (4, ''))

    def test_where_it_cannot_be_kept(self):
        """PRI-037: the log says so, and it is remembered while the process lives."""
        state = os.path.join(self.tandem.folder, 'state')
        self.tandem.stop()
        shutil.rmtree(os.path.join(state, 'passport'))
        with open(os.path.join(state, 'passport'), 'w', encoding='utf-8') as in_the_way:
            in_the_way.write('')
        self.tandem = Tandem(self, self.config, environment={'TANDEM_STATE_DIR': state})
        self.tandem.process.wait_for_output('a restart forgets them')
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.assertEqual(self.call(token, 'two'), (4, ''))


CALL_BACK = {'sph': 'psap-callback'}


class CallBacks(CallCase):
    """Calls for help that a PSAP returns (PRI-035, RFC 9027 4)."""

    TRUNK = {'rph-accept': 'esnet'}

    def token(self, **more):
        return super().token(values=('esnet.1',), claims=CALL_BACK, **more)

    def test_signed_call_back_counts(self):
        """PRI-035: the Priority header field says that it is one, as the token does."""
        self.assertEqual(self.call(self.token(), 'one', 'esnet.1', Priority='psap-callback'),
                         (9, 'esnet.1'))
        self.assertEqual(self.records(1), ['valid: esnet.1'])

    def test_token_of_a_call_back_is_for_no_other_call(self):
        """PRI-035: "MUST match": of a call with another Priority, or none, it proves nothing."""
        for n, priority in enumerate(({}, {'Priority': 'emergency'})):
            self.assertEqual(self.call(self.token(), str(n), 'esnet.1', **priority), (4, ''))
        self.assertEqual(self.records(2),
                         ['438: it is for a call with Priority: psap-callback'] * 2)


class CallBacksBeside(CallCase):
    """The same where callbacks of others than PSAPs lose their Priority."""

    TRUNK, MODULES = CallBacks.TRUNK, ('emergency', 'congestion')

    def token(self, key='signer', claims=CALL_BACK, **more):
        return super().token(key, values=('esnet.1',), claims=claims, **more)

    def goes_out(self, identity, call_id, **more):
        """(class, Priority that goes out) of a call."""
        self.invite(identity, call_id, 'esnet.1', **more)
        invite = self.called.expect('INVITE ')
        found = self.tandem.ctl_json('call', 'list')[0]['class']
        self.called.answer(invite, 486, 'c')
        self.called.expect('ACK ')
        self.caller.expect('SIP/2.0 486 ')
        return found, field(invite, 'Priority')

    def test_signed_call_back_is_one_of_a_psap(self):
        """PRI-035, PRI-095: whoever may say so has said so, by whichever trunk it comes: nothing refuses it."""
        self.assertEqual(self.tandem.ctl('congestion', 'set', 'MC3')[0], 0)
        self.assertEqual(self.goes_out(self.token(), 'one', Priority='psap-callback'),
                         (12, 'psap-callback'))
        self.assertEqual(self.records(1), ['valid: esnet.1'])
        self.assertIn('\ntandem_emergency_callbacks_total 1\n',
                      self.tandem.ctl('metric', '--prometheus')[1])

    def test_unsigned_call_back_is_none(self):
        """PRI-095: nor is one whose token is of another call, or is signed by somebody else."""
        self.make('other', issuer='root')
        old, plain = self.token(age_s=120), self.token(claims=())
        for n, (identity, found) in enumerate(((None, (4, '')), (old, (4, '')), (plain, (9, '')),
                                               (self.token('other'), (4, '')))):
            self.assertEqual(self.goes_out(identity, str(n), Priority='psap-callback'), found)


class Retargeted(CallCase):
    """A request whose To header field names another one than its Request-URI."""

    def test_token_names_both(self):
        """PRI-032, PRI-037: RFC 8224 4.1: dest is the To header field's; and who overhears it calls nobody else."""
        meant = '12125550119'
        self.assertEqual(self.call(self.token(), 'one', to=meant), (4, ''))
        self.assertEqual(self.call(self.token(to=meant), 'two', to=meant), (4, ''))
        self.assertEqual(self.call(self.token(to=f'{TO} {meant}'), 'three', to=meant), (11, 'ets.0'))


class Revoked(CallCase):
    """The authority has taken a certificate back (RFC 5280 5)."""

    def replace(self, *revoked, mode='use', below=None, **options):
        """A list of the certificates REVOKED, and maybe one of the authority BELOW, read by a reload."""
        def of(authority, *names):
            with open(revoke(self.folder, self.path(authority + '.pem'), self.path(authority + '.key'),
                             *(self.path(name + '.pem') for name in names), **options),
                      encoding='ascii') as file:
                return file.read()
        self.write(self.path('crl.pem'), of('root', *revoked) + (of(below) if below else ''))
        self.config['passport-anchor ets'] |= {'crl': self.path('crl.pem'), 'crl-expired': mode}
        self.tandem.rewrite(self.config)
        self.assertEqual(self.tandem.ctl('config', 'reload')[0], 0)

    def alarms(self):
        return [alarm['alarm'] for alarm in self.tandem.ctl_json('alarm', 'list')
                if alarm['alarm'].startswith('passport-crl')]

    def test_signer_is_not_vouched_for(self):
        """PRI-032: what he signed counted until then."""
        self.assertEqual(self.call(self.token(), 'one'), (11, 'ets.0'))
        self.replace()
        self.assertEqual(self.call(self.token(), 'two'), (11, 'ets.0'))
        self.replace('signer')
        self.assertEqual(self.call(self.token(), 'three'), (4, ''))
        self.assertIn('certificate revoked', self.records(3)[2])
        self.assertEqual([finding[2] for finding in self.audit()], ['437'])

    def test_authority_between_is_not_vouched_for(self):
        """PRI-032: nor who is below one that was."""
        self.make('between', issuer='root', authority=True)
        self.make('below', issuer='between')
        self.write(self.path('chain.pem'), self.read('below.pem') + self.read('between.pem'))
        self.info = 'https://certificates.example/below.pem'
        self.config['passport-certificate below'] = {'info': self.info,
                                                     'certificate': self.path('chain.pem')}
        self.replace(below='between')
        self.assertEqual(self.call(self.token('below'), 'one'), (11, 'ets.0'))
        self.replace('between', below='between')
        self.assertEqual(self.call(self.token('below'), 'two'), (4, ''))
        self.replace()  # whose authority has no list
        self.assertEqual(self.call(self.token('below'), 'three'), (4, ''))
        self.assertIn('unable to get certificate CRL', self.records(3)[2])

    def test_list_that_is_over(self):
        """PRI-032: said at once; whom it names is not vouched for, and others are, unless nobody is to be."""
        self.make('other', issuer='root')
        self.replace('other', is_over=True)
        self.tandem.process.wait_for(lambda: self.alarms() == ['passport-crl-expired'], 'the alarm')
        self.assertIn('[passport-anchor ets]: crl: a list of revoked certificates is over since',
                      self.tandem.process.output())
        self.assertEqual(self.call(self.token(), 'one'), (11, 'ets.0'))
        self.replace('signer', is_over=True)
        self.assertEqual(self.call(self.token(), 'two'), (4, ''))
        self.replace(is_over=True, mode='refuse')
        self.assertEqual(self.call(self.token(), 'three'), (4, ''))
        self.assertIn('a list of revoked ones has expired', self.records(3)[2])
        self.replace()
        self.tandem.process.wait_for(lambda: self.alarms() == [], 'the end of the alarm')


def reinvite(call, is_by_caller=True, **extra):
    """One side of CALL offers again, with EXTRA fields; returns the INVITE that the other one gets."""
    this, other = (call.a, call.b) if is_by_caller else (call.b, call.a)
    send, cseq = (call.from_a, 'cseq_a') if is_by_caller else (call.from_b, 'cseq_b')
    target, dialog = (call.target_a, call.dialog_a) if is_by_caller else (call.target_b, call.dialog_b)
    send('INVITE', description(9, version=2), extra={name.replace('_', '-'): value
                                                     for name, value in extra.items()})
    invite = other.expect('INVITE ')
    other.answer(invite, 200, body=description(9, version=2))
    other.expect('ACK ')
    this.expect('SIP/2.0 200 ')
    this.send(this.request('ACK', target, dialog, getattr(call, cseq)))
    return invite


class Within(CallCase):
    """Marks within a call that must prove true (PRI-012): who calls, and who is called, may bring them."""

    TRUNK = {'rph-accept': 'ets, wps, esnet'}
    CALLED = {'rph-in-dialog': 'yes', 'rph-trust': 'validate', 'rph-accept': 'ets'}

    def begin(self, *values, **extra):
        """A call with a mark that is proven, if any."""
        if values:
            extra |= {'Resource-Priority': ', '.join(values), 'Identity': self.token(values=values)}
        self.hand = Call(self.caller, self.called, '+' + TO, extra)
        self.addCleanup(self.tandem.process.stop)
        return self.hand

    def priority_class(self):
        return self.tandem.ctl_json('call', 'list')[0]['class']

    def wait_for_class(self, priority_class):
        self.tandem.process.wait_for(lambda: self.priority_class() == priority_class,
                                     f'class {priority_class}')

    def end(self):
        self.hand.hang_up()
        return self.records(1)[0]

    def test_proven_mark_raises(self):
        """PRI-012, PRI-032: and what goes out from then on has it."""
        call = self.begin('ets.4')
        self.assertEqual(self.priority_class(), 7)
        reinvite(call, Resource_Priority='ets.1', Identity=self.token(values=('ets.1',)))
        self.wait_for_class(10)
        self.assertEqual(field(reinvite(call), 'Resource-Priority'), 'ets.1')
        self.assertEqual(self.end(), 'valid: ets.4; within the call: valid: ets.1')
        self.assertEqual(self.audit(), [])

    def test_proven_mark_of_who_is_called_raises(self):
        """PRI-012, PRI-032: it is he who is in From then (RFC 8224 12.1.1)."""
        call = self.begin()
        self.assertEqual(self.priority_class(), 4)
        reinvite(call, False, Resource_Priority='ets.1', Identity=self.token(values=('ets.1',)))
        reinvite(call, False, Resource_Priority='ets.2',
                 Identity=self.token(values=('ets.2',), by=TO, to=FROM))
        self.wait_for_class(9)
        self.assertEqual(self.end(), 'within the call: valid: ets.2')

    def test_proven_call_back_raises(self):
        """PRI-012, PRI-035: that it is one must be said by the request that the token came in."""
        call = self.begin('ets.4', Priority='psap-callback')
        for priority in {}, {'Priority': 'psap-callback'}:
            self.assertEqual(self.priority_class(), 7)
            reinvite(call, Resource_Priority='esnet.1',
                     Identity=self.token(values=('esnet.1',), claims=CALL_BACK), **priority)
            self.tandem.process.wait_for(lambda: self.audit(), 'the finding of the first')
        self.wait_for_class(9)
        self.assertEqual([status for _, _, status in self.audit()], ['438'])
        self.assertEqual(self.end(), 'valid: ets.4; within the call: valid: esnet.1')

    def test_unproven_mark_does_nothing(self):
        """PRI-012, PRI-033: the call keeps its class; the record and the log say why."""
        call = self.begin('ets.4')
        self.assertEqual(self.priority_class(), 7)
        for extra in {}, {'Identity': self.token(values=('ets.0',), age_s=120)}, \
                {'Identity': self.token(values=('ets.2',))}:
            reinvite(call, Resource_Priority='ets.0', **extra)
        self.tandem.process.wait_for(lambda: len(self.audit()) == 3, 'three findings')
        self.assertEqual(self.priority_class(), 7)
        self.assertEqual([(outcome, status) for outcome, _, status in self.audit()],
                         [('keeps its class', status) for status in ('428', '403', '438')])
        self.assertEqual(field(reinvite(call), 'Resource-Priority'), 'ets.4')
        self.assertEqual(self.end(), 'valid: ets.4; within the call: 438: no r-value of the request is '
                                     'in its rph.auth')

    def test_only_an_invite_proves(self):
        """PRI-012, PRI-033: RFC 8443 7.1; and what each request of a call says is told once."""
        call = self.begin('ets.4')
        for _ in range(2):
            call.from_a('INFO', extra={'Resource-Priority': 'ets.0',
                                       'Identity': self.token(values=('ets.0',))})
            self.caller.expect('SIP/2.0 200 ')
        reinvite(call, Resource_Priority='ets.0')
        self.assertEqual(self.priority_class(), 7)
        self.assertEqual([status for _, _, status in self.audit()], ['428'])
        self.assertEqual(self.end(), 'valid: ets.4; within the call: 428: only an INVITE may have one '
                                     '(RFC 8443 7.1)')

    def test_what_was_proven_needs_no_proof(self):
        """PRI-012: RFC 4412 3.1: the marks of the call in each of its requests."""
        call = self.begin('ets.4')
        reinvite(call, Resource_Priority='ets.4')
        call.from_a('INFO', extra={'Resource-Priority': 'ets.4'})
        self.caller.expect('SIP/2.0 200 ')
        self.assertEqual(self.priority_class(), 7)
        self.assertEqual(self.end(), 'valid: ets.4')
        self.assertEqual(self.audit(), [])

    def test_replayed_mark_does_nothing(self):
        """PRI-037: a token of another call, between the same two, as good as it is."""
        token = self.token()
        self.assertEqual(self.call(token, 'other'), (11, 'ets.0'))
        call = self.begin('ets.4')
        reinvite(call, Resource_Priority='ets.0', Identity=token)
        self.tandem.process.wait_for(lambda: self.audit(), 'the finding')
        self.assertEqual(self.priority_class(), 7)
        self.hand.hang_up()
        self.assertEqual(self.records(2)[1], 'valid: ets.4; within the call: 438: another call has '
                                             'brought it already')


class Rated(CallCase):
    """One call a minute of the trunk may count."""

    TRUNK = {'rph-rate': '1 calls/min', 'rph-burst': '1 calls'}

    def test_too_many_do_not(self):
        """PRI-038: however good their tokens are; those that are no good take nobody's place."""
        self.assertEqual(self.call(None, 'zero'), (4, ''))
        self.assertEqual(self.call(self.token(), 'one'), (11, 'ets.0'))
        self.assertEqual(self.call(self.token(), 'two'), (4, ''))


class Refusals(Calls):
    """The same where such a call is refused (PRI-033)."""

    TRUNK = {'rph-unproven': 'refuse'}

    def refused(self, identity, status, why):
        """The refusal with STATUS and WHY, as RFC 8224 6.2.2 has them; it says when it is here."""
        self.invite(identity, f'refused-{status}')
        response = self.caller.expect(f'SIP/2.0 {status} {why}\r\n')
        date = email.utils.parsedate_to_datetime(field(response, 'Date')).timestamp()
        self.assertAlmostEqual(date, time.time(), delta=30)

    def test_unsigned_mark_does_not(self):
        self.make('other', issuer='root')
        self.refused(None, 428, 'Use Identity Header')
        self.refused(self.token('other'), 438, 'Invalid Identity Header')
        self.refused(self.token(age_s=120), 403, 'Stale Date')
        self.refused(self.by_shaken(), 437, 'Unsupported Credential')
        self.info = 'https://elsewhere.example/'
        self.refused(self.token(), 436, 'Bad Identity Info')
        self.assertEqual(self.called.drain(), [])
        self.assertEqual([text.split(': ')[0] for text in self.records(5)],
                         ['428', '438', '403', '437', '436'])
        self.assertEqual([line[:1] + line[2:] for line in self.audit()],
                         [('is refused', status) for status in ('428', '438', '403', '437', '436')])

    def test_replayed_mark_does_not(self):
        token = self.token()
        self.assertEqual(self.call(token, 'one'), (11, 'ets.0'))
        self.refused(token, 438, 'Invalid Identity Header')

    def test_one_record_says_why(self):
        """A call without marks needs no proof."""
        self.assertEqual(self.call(self.token(), 'one'), (11, 'ets.0'))
        self.caller.send(self.caller.request(
            'INVITE', f'sip:+{TO}@127.0.0.1:{self.port}',
            {'From': f'<sip:+{FROM}@127.0.0.1>;tag=f', 'To': f'<sip:+{TO}@127.0.0.1>',
             'Call-ID': 'two'}, 1, description(9)))
        self.called.answer(self.called.expect('INVITE '), 486, 'c')
        self.called.expect('ACK ')
        self.caller.expect('SIP/2.0 486 ')
        self.assertEqual(self.records(2), ['valid: ets.0', ''])


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


class Signed(Case):
    """What goes out signed, and to whom PyJWT says it is good (PRI-034). Calls come by agency, which is believed,
    by carrier, which must prove its marks, or by transit, whose marks pass; they go to one peer, by as many
    trunks as there are ways to mark them."""

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        for name in 'agency', 'carrier', 'transit', 'called':
            setattr(self, name, Agent(self, self.port, '+' + FROM))
        self.info = 'https://certificates.example/signer.pem'
        there = {'address': f'sip:{self.called.address}', 'rph-sign': 'yes'}
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority', 'passport'),
                                     'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}'], 'strangers': 'refuse'},
            'call': {'media': 'through'},
            'priority-number gets': {'prefixes': '+1710', 'mark': 'ets.4'},
            'passport-anchor ets': {'certificates': self.path('root.pem'), 'namespaces': 'ets, wps'},
            'passport-certificate signer': {'info': self.info,
                                            'certificate': self.path('signer.pem')},
            'passport-signer ours': {'info': self.info, 'certificate': self.path('signer.pem'),
                                     'key': self.path('signer.key'),
                                     'namespaces': 'ets, wps, esnet'},
            'trunk agency': {'address': f'sip:{self.agency.address}', 'rph-trust': 'accept',
                             'rph-accept': 'ets, wps, dsn, esnet', 'rph-interface': '127.0.0.1'},
            'trunk carrier': {'address': f'sip:{self.carrier.address}', 'rph-trust': 'validate',
                              'rph-accept': 'ets, wps'},
            'trunk transit': {'address': f'sip:{self.transit.address}', 'rph-trust': 'pass'},
            'trunk passing': {**there, 'rph-in-dialog': 'yes'},
            'trunk mapping': {**there, 'rph-egress': 'map', 'rph-map': 'ets:wps'},
            'trunk making': {**there, 'rph-egress': 'generate', 'rph-send': 'wps, ets'},
            'route passing': {'prefix': '', 'targets': 'passing'},
            'route translated': {'prefix': '+1213', 'targets': 'passing', 'strip': 5,
                                 'prepend': '+1212'},
            'route mapping': {'prefix': '+1214', 'targets': 'mapping'},
            'route making': {'prefix': '+1710', 'targets': 'making'},
        })

    def call(self, caller, marks, identities=(), to=TO, **extra):
        """The INVITE that goes out for one with MARKS and IDENTITIES, which is refused then."""
        if marks:
            extra['Resource-Priority'] = marks
        if identities:
            extra['Identity'] = '\r\nIdentity: '.join(identities)
        parties = {'From': f'<sip:+{FROM}@127.0.0.1>;tag=f', 'To': f'<sip:+{to}@127.0.0.1>',
                   'Call-ID': uuid.uuid4().hex}
        caller.send(caller.request('INVITE', f'sip:+{to}@127.0.0.1:{self.port}', parties, 1,
                                   description(9), extra=extra))
        invite = self.called.expect('INVITE ')
        self.called.answer(invite, 486, 'c')
        self.called.expect('ACK ')
        caller.expect('SIP/2.0 486 ')
        return invite

    def identities(self, invite):
        return re.findall(r'^Identity: (.*)\r$', invite, re.MULTILINE)

    def verify(self, invite, auth, to=TO, **claims):
        """The INVITE has one Identity, which PyJWT finds good, of this call and for AUTH."""
        (identity,) = self.identities(invite)
        token, *parameters = identity.split(';')
        self.assertEqual(parameters, [f'info=<{self.info}>', 'alg=ES256', 'ppt="rph"'])
        public = self.openssl('x509', '-in', self.path('signer.pem'), '-noout', '-pubkey')
        header, payload = pyjwt.verify(self, public, token)
        self.assertEqual(header, {'alg': 'ES256', 'ppt': 'rph', 'typ': 'passport', 'x5u': self.info})
        date = email.utils.parsedate_to_datetime(field(invite, 'Date')).timestamp()
        self.assertAlmostEqual(payload.pop('iat'), date, delta=1)
        self.assertAlmostEqual(date, time.time(), delta=30)
        self.assertEqual(payload, {'dest': {'tn': [to]}, 'orig': {'tn': FROM}, 'rph': {'auth': auth},
                                   **claims})

    def test_call_back_of_a_psap(self):
        """RFC 9027 4: that it is one is signed as well."""
        invite = self.call(self.agency, 'esnet.1', Priority='psap-callback')
        self.assertEqual(field(invite, 'Priority'), 'psap-callback')
        self.verify(invite, ['esnet.1'], sph='psap-callback')

    def test_marks_that_are_believed(self):
        """By who is believed: signed. By who is not, they pass, and nobody vouches for them."""
        self.verify(self.call(self.agency, 'ets.0, wps.1', Date='Sat, 13 Nov 2010 23:29:00 GMT'),
                    ['ets.0', 'wps.1'])
        invite = self.call(self.transit, 'ets.0')
        self.assertEqual((field(invite, 'Resource-Priority'), self.identities(invite)), ('ets.0', []))

    def test_marks_that_are_made_here(self):
        """By the number that is called."""
        to = '17106274387'
        invite = self.call(self.agency, None, to=to)
        self.assertEqual(field(invite, 'Resource-Priority'), 'wps.4, ets.4')
        self.verify(invite, ['wps.4', 'ets.4'], to)

    def test_what_came_signed_goes_on(self):
        """As it came, and what is not about marks beside it."""
        shaken, rph = self.token(ppt='shaken'), self.token()
        date = 'Sat, 13 Nov 2010 23:29:00 GMT'
        invite = self.call(self.carrier, 'ets.0', (shaken, rph), Date=date)
        self.assertEqual(self.identities(invite), [shaken, rph])
        self.assertEqual(field(invite, 'Date'), date)
        other = self.token(values=('ets.0', 'ets.1'), to='12125550199')  # of another call
        invite = self.call(self.carrier, 'ets.0', (other,))
        self.assertEqual((field(invite, 'Resource-Priority'), self.identities(invite)), ('', []))

    def test_what_is_changed_is_signed_anew(self):
        """Other marks, or another called party: the token that came does not hold any more."""
        to = '12145550113'
        self.verify(self.call(self.carrier, 'ets.0', (self.token(to=to),), to), ['wps.0'], to)
        self.verify(self.call(self.carrier, 'ets.0', (self.token(to='12135550113'),), '12135550113'),
                    ['ets.0'])

    def test_unsigned_by_the_hidden(self):
        """RFC 3323: the token would tell who calls."""
        rph = self.token()
        invite = self.call(self.carrier, 'ets.0', (rph,), Privacy='id')
        (identity,) = self.identities(invite)
        payload = pyjwt.verify(self, self.openssl('x509', '-in', self.path('signer.pem'), '-noout',
                                                  '-pubkey'), identity.split(';')[0])[1]
        self.assertEqual(payload['orig'], {'uri': 'sip:anonymous@anonymous.invalid'})

    def test_marks_within_a_call(self):
        """PRI-012, PRI-034: another INVITE of the call has a token of its own, and what has been believed since
        is signed; RFC 8443 7.1: other requests have none."""
        call = Call(self.agency, self.called, '+' + TO, {'Resource-Priority': 'ets.1'})
        first = self.identities(call.invite_b)
        while time.time() < json.loads(self.decoded(first[0]))['iat'] + 1:
            time.sleep(0.05)  # until a token of now is another one
        again = reinvite(call)
        self.verify(again, ['ets.1'])
        self.assertNotEqual(self.identities(again), first)
        self.verify(reinvite(call, Resource_Priority='ets.0'), ['ets.0'])
        call.from_a('BYE')
        self.agency.expect('SIP/2.0 200 ')
        bye = self.called.expect('BYE ')
        self.assertEqual((field(bye, 'Resource-Priority'), self.identities(bye), field(bye, 'Date')),
                         ('ets.0', [], ''))

    def decoded(self, identity):
        payload = identity.split('.')[1]
        return base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)).decode()

    def test_without_who_signs(self):
        """The call goes on, marked and without a signature; the log says so. What one signer cannot
        does not hinder the other."""
        invite = self.call(self.agency, 'ets.0, dsn.flash')
        self.verify(invite, ['ets.0'])
        self.assertEqual(self.tandem.ctl('module', 'stop', 'passport')[0], 0)
        invite = self.call(self.agency, 'ets.0')
        self.assertEqual((field(invite, 'Resource-Priority'), self.identities(invite)), ('ets.0', []))
        log = self.tandem.process.tail()
        self.assertIn('Resource-Priority dsn.flash goes out without a signature: no [passport-signer]',
                      log)


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

    def test_from_nowhere_beside(self):
        """PRI-032: nor by a URL that begins as the operator said and leads elsewhere (RFC 3986 5.2.4)."""
        self.server = Server(self, lambda *_: response(self.read('signer.pem').encode()))
        tandem = self.start(self.server.url + '/public/a/signer.pem', {'fetch': self.server.url + '/public/'})
        for n, way in enumerate(('../private', 'a/../../private', '%2e%2E/private', '.%2e%2fprivate', './../private')):
            self.info = f'{self.server.url}/public/{way}/signer.pem'
            self.assertEqual(self.ask(tandem, self.token(), call_id=str(n))['status'], 436)
        self.assertEqual(self.server.requests, [])
        self.info = f'{self.server.url}/public/..a/signer.pem'
        self.assertEqual(self.ask(tandem, self.token(), call_id='good')['status'], 0)

    def test_one_by_a_thousand_urls(self):
        """PRI-038: whoever names so many leaves room for the certificates that others name."""
        certificate = response(self.read('signer.pem').encode(), media_type='application/pem-certificate-chain')
        tandem = self.serve(certificate)
        asks = ''.join(f'probe ask flood {n} +{FROM} +{TO} ets.0 a.b.c;info=<{self.info}?{n}>;ppt=rph\n'
                       for n in range(1010))
        subprocess.run([program('tandemctl')], input=asks, text=True, capture_output=True, timeout=60,
                       env={**os.environ, **tandem.environment}, check=False)
        self.assertGreaterEqual(len(self.server.requests), 1010)
        self.assertEqual(self.ask(tandem, self.token(), trunk='other')['status'], 0)
        rows = json.loads(tandem.ctl('--json', 'passport', 'list')[1])
        self.assertEqual(len([row for row in rows if row['kind'] == 'fetched']), 1000)


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
