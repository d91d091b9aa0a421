#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configurations of etc/ are good, and a switch starts with each of them."""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.case import ROOT, PeerCase  # noqa: E402
from peers.tandem import Tandem, module_folders, program  # noqa: E402

ETC = os.path.join(ROOT, 'etc')
PROFILES = os.path.join(ETC, 'profiles')


def text_of(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def on_loopback(path):
    """Arguments that move the configuration at PATH to free ports of loopback."""
    text = text_of(path)
    port = ports.free_port()
    listen = re.search(r'(?m)^listen *= *(.*)$', text)[1]
    kinds = [each.split(':')[0].strip() for each in listen.split(',')]
    overrides = ['sip.listen=' + ', '.join(f'{kind}:127.0.0.1:{port}' for kind in kinds)]
    if '[rtp]' in text:
        overrides.append('rtp.address=127.0.0.1')
    return [word for override in overrides for word in ('--set', override)]


class Profiles(PeerCase):
    def check(self, path):
        environment = {**os.environ, 'TANDEM_MODULE_PATH': ':'.join(module_folders())}
        answer = subprocess.run([program('tandemd'), '--check-config', '--config', path],
                                capture_output=True, text=True, timeout=30, env=environment,
                                check=False)
        self.assertEqual((answer.returncode, answer.stderr), (0, ''))

    def start(self, path):
        tandem = Tandem(self, file=path, arguments=on_loopback(path))
        states = {row['module']: row['state'] for row in tandem.ctl_json('module', 'list')}
        self.assertEqual(set(states.values()), {'running'}, states)
        tandem.stop()

    def test_installed_configuration_answers_whoever_lists(self):
        path = os.path.join(ETC, 'tandem.conf')
        tandem = Tandem(self, file=path, arguments=on_loopback(path))
        for noun in 'module', 'call', 'trunk', 'registration':
            with self.subTest(noun=noun):
                status, _, err = tandem.ctl(noun, 'list')
                self.assertEqual((status, err), (0, ''))

    def test_bench_profiles_listen_and_send_where_the_bench_expects(self):
        for name in ('bench-signalling', 'bench-media'):
            text = text_of(os.path.join(PROFILES, name + '.conf'))
            self.assertRegex(text, r'(?m)^listen *= udp:127\.0\.0\.1:5060$')
            self.assertRegex(text, r'(?m)^address = sip:127\.0\.0\.1:5080$')
            self.assertRegex(text, r'(?m)^prefix  = 8$')

    def test_bench_media_stays_below_port_40000(self):
        last = re.search(r'(?m)^last-port *= *(\d+)$',
                         text_of(os.path.join(PROFILES, 'bench-media.conf')))[1]
        self.assertLess(int(last), 40000)


    def test_all_modules_has_every_module(self):
        text = text_of(os.path.join(PROFILES, 'all-modules.conf'))
        section = re.search(r'(?ms)^\[modules\]$(.*?)^\[', text)[1]
        listed = {word: set(re.findall(rf'(?m)^(\S+) *= {word}$', section))
                  for word in ('required', 'optional')}
        built = {os.path.basename(folder) for folder in module_folders()}
        # What is optional needs a library that may be missing.
        self.assertEqual(listed['required'], built - listed['optional'])


def add_tests(path):
    name = re.sub(r'\W', '_', os.path.splitext(os.path.basename(path))[0])
    setattr(Profiles, f'test_{name}_is_good', lambda self: self.check(path))
    setattr(Profiles, f'test_{name}_starts', lambda self: self.start(path))


for each in [os.path.join(ETC, 'tandem.conf')] + sorted(
        os.path.join(PROFILES, name) for name in os.listdir(PROFILES) if name.endswith('.conf')):
    add_tests(each)

if __name__ == '__main__':
    tap.main()
