#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a tired operator gets wrong, with the modules that ship: place, reason, next step."""

import os
import pwd
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem, module_folders, program  # noqa: E402

SIP = '[modules]\nsip = required\n[sip]\nlisten = {}\n'
ROUTE = ('[modules]\nsip = required\nroute-table = required\n[trunk b]\naddress = {}\n'
         '[route all]\nprefix = {}\ntargets = {}\n')
DIP = '[modules]\nroute = required\ndip-enum = required\ndip-sql = required\n[dip lnp]\ndriver = {}\n{}'
DIP_HTTP = ('[modules]\nroute = required\nhttp = required\ndip-http = required\n[dip lnp]\n'
            'driver = http\n{}')
REGISTRAR = '[modules]\nregistrar = required\n'
NO_ADDRESS = r'tandem\.conf:4:10: .*write udp:ADDRESS:PORT, tcp:ADDRESS:PORT or tls'

# What a configuration says -> what --check-config must say of it.
WRONG = {
    'port above 65535': (SIP.format('udp:127.0.0.1:99999'), NO_ADDRESS),
    'negative port': (SIP.format('udp:127.0.0.1:-1'), NO_ADDRESS),
    'no transport': (SIP.format('127.0.0.1:5060'), NO_ADDRESS),
    'transport that is not there': (SIP.format('sctp:127.0.0.1:5061'), NO_ADDRESS),
    'TLS without its module': (SIP.format('tls:127.0.0.1:5061'),
                               r'TLS needs the section \[tls default\].*tls = required'),
    'name for an address': (SIP.format('udp:localhost:5060'), NO_ADDRESS),
    'IPv6 without brackets': (SIP.format('udp:::1:5060'), NO_ADDRESS),
    'listener twice': (SIP.format('udp:127.0.0.1:5060, udp:127.0.0.1:5060'),
                       r'tandem\.conf:4:10: .*127\.0\.0\.1:5060.*twice'),
    'trunk that is no URI': (ROUTE.format('sip:', 9, 'b'), r'tandem\.conf:5:11: .*write sip:HOST'),
    'target that is no trunk': (ROUTE.format('sip:192.0.2.1', 9, 'carrier'),
                                r'tandem\.conf:8:11: \[route all\] targets: carrier is the name of no \[trunk\]'),
    'prefix that is no number': (ROUTE.format('sip:192.0.2.1', 'nine', 'b'),
                                 r'tandem\.conf:7:10: \[route all\] prefix: nine is no prefix: that is digits'),
    'number of two users': (REGISTRAR + '[user a]\npassword = x\nnumbers = 101\n'
                            '[user b]\npassword = x\nnumbers = 101\n',
                            r'tandem\.conf:8:11: \[user b\] numbers: 101 is a number of \[user a\], too'),
    'user without password': (REGISTRAR + '[user a]\nnumbers = 101\n',
                              r'tandem\.conf:3:1: section \[user a\] lacks the key "password"'),
    'default above the most': (REGISTRAR + '[registrar]\ndefault-expiry = 3 h\nmax-expiry = 1 h\n',
                               r'tandem\.conf:4:18: \[registrar\] default-expiry: "3 h" must not be .*above max'),
    'duration without unit': (REGISTRAR + '[registrar]\nmax-expiry = 3600\n',
                              r'tandem\.conf:4:14: .*"3600" has no unit: expected .*in ms, s, min'),
    'negative duration': (REGISTRAR + '[registrar]\nmax-expiry = -5 s\n',
                          r'tandem\.conf:4:14: .*out of range: expected a duration from 1 s'),
    'duration of an age': (REGISTRAR + '[registrar]\nmax-expiry = 99999999999999999999 h\n',
                           r'tandem\.conf:4:14: .*out of range: expected a duration from 1 s'),
    'ports upside down': ('[modules]\nrtp = required\n[rtp]\nfirst-port = 40000\n'
                          'last-port = 30000\n', r'tandem\.conf:5:13: .*not above first-port'),
    'section of a module that is not loaded': (
        REGISTRAR + '[sip]\nlisten = udp:127.0.0.1:5060\n',
        r'tandem\.conf:3:1: section "sip" is unknown: no module in \[modules\] declares it: name'),
    'trunk without a peer': (
        '[trunk a]\n', r'tandem\.conf:1:1: section \[trunk a\] has no "address", and no \[member'),
    'trunk with an address and members': (
        '[trunk a]\naddress = sip:x\n[member b]\ntrunk = a\naddress = sip:y\n',
        r'tandem\.conf:2:11: address: \[member b\] names this trunk, whose members have the'),
    'address without a scheme': (
        '[trunk a]\n[member b]\ntrunk = a\naddress = 192.0.2.1\n',
        r'tandem\.conf:4:11: address: "192\.0\.2\.1" does not begin with a scheme such as sip:'),
    'member of no trunk': (
        '[member b]\ntrunk = a\naddress = sip:y\n',
        r'tandem\.conf:2:9: trunk: "a" is the name of no section \[trunk'),
    'key of a module that is disabled': (
        '[modules]\nsip = disabled\n[trunk a]\naddress = sip:192.0.2.1\nusername = me\n',
        r'tandem\.conf:5:1: key "username" is unknown in \[trunk\]: no module that runs declares it$'),
    'key of a module misspelt': (
        '[modules]\nsip = required\n[trunk a]\naddress = sip:192.0.2.1\nusrname = me\n',
        r'tandem\.conf:5:1: key "usrname" is unknown in \[trunk\]: .*; did you mean "username"\?'),
    'driver misspelt': (DIP.format('sqk', 'database = x\nquery = y\n'),
                        r'tandem\.conf:6:10: \[dip lnp\] driver: sqk needs dip-sqk, .*: is this meant: sql'),
    'driver of a module that is not loaded': (
        DIP.format('diameter', ''), r'tandem\.conf:6:10: .*driver: diameter needs dip-diameter, .*: enable it'),
    'dip without a driver': ('[modules]\nroute = required\n[dip lnp]\n',
                             r'section \[dip lnp\] lacks the key "driver"'),
    'dip that is not asked anywhere': (DIP.format('sql', 'query = y\n'),
                                       r'\[dip lnp\] driver: there is neither database nor server'),
    'dip that is asked twice': (
        DIP.format('sql', 'database = x\nserver = postgresql://a@b/c\nquery = y\n'),
        r'\[dip lnp\] driver: there are both database and server'),
    'dip without a query': (DIP.format('sql', 'database = x\n'), r'\[dip lnp\] driver: there is no query'),
    'server that is no URI': (DIP.format('sql', 'server = db1/numbers\nquery = y\n'),
                              r'\[dip lnp\] server: the value is not postgresql://'),
    'dip without a suffix': (DIP.format('enum', ''), r'\[dip lnp\] driver: there is no suffix: say below'),
    'suffix that is no domain': (DIP.format('enum', 'suffix = .e164.arpa\n'),
                                 r'tandem\.conf:7:10: \[dip lnp\] suffix: \.e164\.arpa is no domain'),
    'name for a name server': (DIP.format('enum', 'suffix = a.b\nservers = ns.a.b\n'),
                               r'tandem\.conf:8:11: \[dip lnp\] servers: ns\.a\.b is no address'),
    'dip without a URL': (DIP_HTTP.format(''), r'\[dip lnp\] driver: there is no url: say where to ask'),
    'URL without the number': (DIP_HTTP.format('url = http://a/b\n'),
                               r'tandem\.conf:7:7: \[dip lnp\] url: the value is not as http://HOST'),
    'URL of another scheme': (DIP_HTTP.format('url = ftp://a/{number}\n'),
                              r'\[dip lnp\] url: the value is not as http://HOST'),
    'key of another driver': (DIP.format('enum', 'suffix = a.b\nquery = x\n'),
                              r'tandem\.conf:8:9: \[dip lnp\] query: the key is only for driver = sql'),
    'failure that nobody knows': (
        DIP.format('sql', 'database = x\nquery = y\non-failure = refuse 128\n'),
        r'tandem\.conf:9:14: \[dip lnp\] on-failure: "refuse 128" is neither table nor as-is'),
    'module misspelt': ('[modules]\nspi = required\n',
                        r'tandem\.conf:2:7: module spi: no spi\.so in .*: did you mean "sip"\?'),
    'yes for required': ('[modules]\nsip = yes\n',
                         r'tandem\.conf:2:7: .*expected one of required, optional, disabled'),
    'include': ('include = other.conf\n', r'tandem\.conf:1:1: a key before any section'),
    'bracket left open': ('[modules\ncli = required\n', r'tandem\.conf:1:9: .*"\]" is missing'),
    'Latin-1': (b'[tandem]\nnode = K\xf6ln\n', r'tandem\.conf:2:9: byte 0xf6 is not UTF-8: save'),
}

GOOD = {
    '3600s and 1h': REGISTRAR + '[registrar]\nmax-expiry = 3600s\ndefault-expiry = 1h\n',
    'tabs and trailing spaces': '[modules]  \n\tcli\t=\trequired \t\n',
    'lines that end as on Windows': '[modules]\r\ncli = required\r\n',
    'byte order mark': b'\xef\xbb\xbf[modules]\ncli = required\n',
    'section of a module that is disabled': (
        '[modules]\nsip = disabled\n[sip]\nlisten = udp:127.0.0.1:5060\n'),
    'section without a key': '[modules]\n',
}

# Arguments -> status and what is said. {} is a good configuration.
ARGUMENTS = {
    'two configurations': (('--config', '{}', '--config', 'b.conf'), 2,
                           r'--config is given twice.*"b\.conf".*conf\.d'),
    'file without an option': (('a.conf',), 2, r'"a\.conf"\? A configuration is given with --config'),
    'option without a value': (('--config',), 2, r'Missing argument.*see tandemd --help'),
    'module path that is none': (('--config', '{}', '--module-path', '/no/where'), 2,
                                 r'"/no/where" is no folder'),
    'set of an unknown key': (('--config', '{}', '--set', 'tandem.nodes=x'), 78,
                              r'--set tandem\.nodes: key "nodes" is unknown.*did you mean "node"'),
    'set of an unknown section': (('--config', '{}', '--set', 'tandm.node=x'), 78,
                                  r'--set tandm\.node: .*did you mean \[tandem\]'),
    'set without a section': (('--config', '{}', '--set', 'node=x'), 78,
                              r'--set node: write section\.key=value'),
    'set without a value': (('--config', '{}', '--set', 'tandem.node'), 78,
                            r'--set: "=" is missing: write section\.key=value'),
    'missing file': (('--config', '/no/where.conf'), 78,
                     r'/no/where\.conf:1:1: .*No such file.*--config FILE'),
    'folder for a file': (('--config', '/'), 78, r'/:1:1: .*a file is meant'),
}


class Mistakes(PeerCase):
    def run_program(self, name, *arguments, environment=None, **options):
        return subprocess.run(
            [program(name), *arguments], capture_output=True, text=True, timeout=30, check=False,
            env={**os.environ, 'TANDEM_MODULE_PATH': ':'.join(module_folders()),
                 **(environment or {})}, **options)

    def config(self, text):
        if isinstance(text, str):
            text = text.encode()
        path = self.path('tandem.conf')
        with open(path, 'wb') as file:
            file.write(text)
        return path

    def check_file(self, text):
        return self.run_program('tandemd', '--check-config', '--config', self.config(text))

    # --- When it starts

    def test_port_in_use_is_named_with_what_shows_by_whom(self):
        port = ports.free_port()
        first = Tandem(self, SIP.format(f'udp:127.0.0.1:{port}'))
        second = Tandem(self, SIP.format(f'udp:127.0.0.1:{port}'), is_awaited=False)
        self.assertEqual(second.process.wait(20), 69)
        self.assertRegex(second.process.output(),
                         rf'tandem\.conf:2:7: .*127\.0\.0\.1:{port}: .*in use.*ss -ln')
        first.stop()

    def test_foreign_address_is_told(self):
        tandem = Tandem(self, SIP.format('udp:192.0.2.77:5060'), is_awaited=False)
        self.assertEqual(tandem.process.wait(20), 69)
        self.assertRegex(tandem.process.output(), r'192\.0\.2\.77.*no interface of this host')

    def test_switch_without_modules_is_warned_of(self):
        tandem = Tandem(self, '[modules]\n')
        self.assertIn('names no module under [modules]', tandem.process.output())
        tandem.stop()

    def test_file_that_was_cut_off_starts_nothing(self):
        """Nor is it said to be good; a configuration that is meant to be small is."""
        for main, drop_in, said in (
                ('', '[modules]\n', r'^\S*tandem\.conf: the file is empty, .* cut off'),
                ('[modules]\n', ' \r\n\n', r'^\S*conf\.d/trunks\.conf: the file is empty, .* cut off'),
                ('# nothing\n', '# nothing\n', r'^\S*tandem\.conf: no section stands here or in conf\.d'),
                ('# see conf.d\n', '[modules]\n', None),
                ('[modules]\n', '# nothing yet\n', None)):
            with self.subTest(main=main, drop_in=drop_in):
                self.write(os.path.join('conf.d', 'trunks.conf'), drop_in)
                answer = self.check_file(main)
                self.assertEqual(answer.returncode, 78 if said else 0, answer.stderr)
                if said is None:
                    continue
                self.assertRegex(answer.stderr, re.compile(said, re.MULTILINE))
                self.assertEqual(len(answer.stderr.splitlines()), 1, answer.stderr)
                daemon = self.run_program('tandemd', '--config', self.path('tandem.conf'),
                                          '--state-dir', self.path('state'))
                self.assertEqual(daemon.returncode, 78, daemon.stderr)
                self.assertRegex(daemon.stderr, re.compile(said, re.MULTILINE))
                self.assertIn('not started', daemon.stderr)

    def test_what_the_command_line_says_makes_up_for_sections(self):
        answer = self.run_program('tandemd', '--check-config', '--config', self.config('# by --set\n'),
                                  '--set', 'modules.cli=required')
        self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_state_folder_that_is_a_file_is_named(self):
        answer = self.run_program('tandemd', '--config', self.config('[modules]\n'),
                                  '--state-dir', self.path('tandem.conf'))
        self.assertEqual(answer.returncode, 78)
        self.assertRegex(answer.stderr, r'state-dir .*tandem\.conf: .*--set tandem\.state-dir=')

    def test_reload_with_a_mistake_that_only_a_module_sees_changes_nothing(self):
        route = ROUTE.format('sip:192.0.2.1', 9, 'b')
        tandem = Tandem(self, f'{route}[sip]\nlisten = udp:127.0.0.1:{ports.free_port()}\n'
                        .replace('[modules]\n', '[modules]\ncli = required\n'))
        with open(tandem.config, encoding='utf-8') as file:
            tandem.rewrite(file.read().replace('targets = b', 'targets = c'))
        for words in (('config', 'check'), ('config', 'reload')):
            _, output, errors = tandem.ctl(*words)
            self.assertRegex(output + errors, r'tandem\.conf:9:11: \[route all\] targets: c is the name of no')
        self.assertEqual(tandem.ctl('route', 'test', '9')[0], 0)
        tandem.stop()

    # --- Who may not

    def as_nobody(self):
        if os.geteuid() != 0:
            self.skipTest('only root can become somebody else: permissions are NOT tested')
        os.chmod(self.folder, 0o755)
        nobody = pwd.getpwnam('nobody')
        return {'user': nobody.pw_uid, 'group': nobody.pw_gid, 'extra_groups': []}

    def test_unreadable_file_says_who_may(self):
        options = self.as_nobody()
        path = self.config('[modules]\n')
        os.chmod(path, 0o600)
        answer = self.run_program('tandemd', '--check-config', '--config', path, **options)
        self.assertEqual(answer.returncode, 78)
        self.assertRegex(answer.stderr, r'tandem\.conf:1:1: .*Permission denied: try as root')

    def test_tandemctl_says_who_may_use_the_socket(self):
        options = self.as_nobody()
        tandem = Tandem(self, {'modules': {'cli': 'required'}})
        os.chmod(tandem.folder, 0o755)
        os.chmod(tandem.control, 0o600)
        answer = self.run_program('tandemctl', '--socket', tandem.control, 'call', 'list',
                                  **options)
        self.assertNotEqual(answer.returncode, 0)
        self.assertRegex(answer.stderr, r'you may not use .*: be root, .*member of its group')
        tandem.stop()

    def test_tandemctl_without_a_daemon_says_how_to_start_it(self):
        answer = self.run_program('tandemctl', '--socket', self.path('gone.sock'), 'call', 'list')
        self.assertEqual(answer.returncode, 69)
        self.assertRegex(answer.stderr, r'not running .*gone\.sock.*systemctl start tandemd')


def add_tests():
    def wrong(text, expected):
        def test(self):
            answer = self.check_file(text)
            self.assertEqual(answer.returncode, 78, answer.stderr)
            self.assertRegex(answer.stderr, expected)
        return test

    def good(text):
        def test(self):
            answer = self.check_file(text)
            self.assertEqual((answer.returncode, answer.stderr), (0, ''))
        return test

    def arguments(words, status, expected):
        def test(self):
            path = self.config('[modules]\ncli = required\n')
            answer = self.run_program('tandemd', *(word.format(path) for word in words))
            self.assertEqual(answer.returncode, status)
            self.assertRegex(answer.stderr, expected)
        return test

    made = {**{name: wrong(*case) for name, case in WRONG.items()},
            **{name + ' is good': good(text) for name, text in GOOD.items()},
            **{name: arguments(*case) for name, case in ARGUMENTS.items()}}
    for name, test in made.items():
        setattr(Mistakes, 'test_' + name.replace(' ', '_'), test)


if __name__ == '__main__':
    add_tests()
    tap.main()
