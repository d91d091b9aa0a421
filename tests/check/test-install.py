#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What meson install lays down works from there, and so do the commands of docs/first-module.md."""

import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'common'))

import tap  # noqa: E402
from peers.case import PeerCase  # noqa: E402

BUILD = os.environ.get('TANDEM_BUILD', os.path.join(ROOT, 'build'))
FILES = '''
bin/tandemctl sbin/tandemd etc/tandem/tandem.conf etc/tandem/conf.d/core.conf.sample
etc/tandem/conf.d/echo.conf.sample include/tandem/module.h include/tandem/iface/registrar.h
include/tandem-test/common/fixture.h share/man/man1/tandemctl.1 share/man/man5/tandem.conf.5
share/man/man8/tandemd.8 share/bash-completion/completions/tandemctl
share/bash-completion/completions/tandemd share/zsh/site-functions/_tandemctl
share/doc/tandem/configuration.md share/doc/tandem/profiles/bench-media.conf
lib/systemd/system/tandemd.service lib/sysusers.d/tandem.conf lib/tmpfiles.d/tandem.conf
'''.split()


class Installed(PeerCase):
    """Installed at another place than it was configured for, as a package is made."""

    def setUp(self):
        super().setUp()
        self.install()
        prefix = os.path.relpath(self.option('prefix'), '/')
        self.prefix = os.path.join(self.path('root'), prefix)
        self.libraries = os.path.join(self.prefix, self.option('libdir'))
        self.modules = os.path.join(self.libraries, 'tandem', 'modules')
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith('TANDEM_')},
            'PATH': ':'.join([os.path.join(self.prefix, 'bin'), os.path.join(self.prefix, 'sbin'),
                              os.environ['PATH']]),
            'LD_LIBRARY_PATH': self.libraries,
            'PKG_CONFIG_PATH': self.moved_pkg_config(),
            'TANDEM_MODULE_PATH': self.modules,
            'TANDEM_CONTROL': self.path('control.sock'),
            'TANDEM_STATE_DIR': self.path('state'),
        }

    def install(self):
        subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir',
                        self.path('root')], check=True, capture_output=True)

    def option(self, name):
        answer = subprocess.run(['meson', 'introspect', '--buildoptions', BUILD], check=True,
                                capture_output=True, text=True)
        return next(option['value'] for option in json.loads(answer.stdout)
                    if option['name'] == name)

    def moved_pkg_config(self):
        """The .pc files as they would be had the build been configured for this place."""
        folder = os.path.join(self.libraries, 'pkgconfig')
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            with open(path, encoding='utf-8') as file:
                text = re.sub(r'(?m)^prefix=.*', 'prefix=' + self.prefix, file.read())
            self.write(path, text)
        return folder

    def run_installed(self, *words):
        return subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env=self.environment, check=False)

    def test_everything_is_where_it_belongs(self):
        missing = [name for name in FILES if not os.path.exists(os.path.join(self.prefix, name))]
        self.assertEqual(missing, [])

    def test_library_has_its_soname(self):
        names = [name for name in os.listdir(self.libraries) if name.startswith('libtandem.so')]
        self.assertEqual(sorted(names), ['libtandem.so', 'libtandem.so.1', 'libtandem.so.1.0.0'])
        self.assertEqual(os.readlink(os.path.join(self.libraries, 'libtandem.so.1')),
                         'libtandem.so.1.0.0')

    def test_operators_configuration_survives_an_upgrade(self):
        config = os.path.join(self.prefix, 'etc', 'tandem', 'tandem.conf')
        self.assertFalse(os.path.exists(config + '.new'))
        self.write(config, '# mine\n')
        self.install()
        with open(config, encoding='utf-8') as file:
            self.assertEqual(file.read(), '# mine\n')
        with open(config + '.new', encoding='utf-8') as file:
            self.assertIn('[modules]', file.read())

    def test_every_module_has_a_sample(self):
        samples = os.path.join(self.prefix, 'etc', 'tandem', 'conf.d')
        missing = [name for name in os.listdir(self.modules)
                   if not os.path.exists(f'{samples}/{name.removesuffix(".so")}.conf.sample')]
        self.assertEqual(missing, [], 'their meson.build adds no target to modules')

    def test_tandemd_runs_from_there(self):
        config = self.write('tandem.conf', '[modules]\ncli = required\necho = required\n')
        answer = self.run_installed('tandemd', '--check-config', '--config', config)
        self.assertEqual((answer.returncode, answer.stderr), (0, ''))
        tandemd = self.spawn('tandemd', ['tandemd', '--config', config],
                             environment=self.environment)
        tandemd.wait_for(lambda: self.run_installed('tandemctl', 'wait-ready').returncode == 0,
                         'answer to wait-ready', interval_s=0.1)
        self.assertIn('echo', self.run_installed('tandemctl', 'module', 'list').stdout)

    def test_a_program_that_was_not_built_here_finds_the_headers(self):
        source = self.write('probe.c', '#include <tandem/call.h>\n#include <tandem/module.h>\n'
                            'int main (void) { return td_cause_name (16) == NULL; }\n')
        flags = self.run_installed('pkg-config', '--cflags', '--libs', 'tandem').stdout.split()
        answer = self.run_installed('cc', source, *flags, '-o', self.path('probe'))
        self.assertEqual((answer.returncode, answer.stderr), (0, ''))
        self.assertEqual(self.run_installed(self.path('probe')).returncode, 0)

    def test_manual_pages_are_clean(self):
        pages = [os.path.join(self.prefix, 'share', 'man', page) for page in (
            'man1/tandemctl.1', 'man5/tandem.conf.5', 'man8/tandemd.8')]
        answer = self.run_installed(self.need('mandoc'), '-T', 'lint', '-W', 'warning', *pages)
        self.assertEqual(answer.stdout + answer.stderr, '')

    def test_unit_is_understood_and_shut_in(self):
        unit = os.path.join(self.prefix, 'lib', 'systemd', 'system', 'tandemd.service')
        analyze = self.need('systemd-analyze')
        answer = self.run_installed(analyze, 'security', '--offline=yes', '--threshold=30', unit)
        self.assertEqual(answer.returncode, 0, answer.stdout[-2000:] + answer.stderr)

    def test_first_module_page_works_as_written(self):
        with open(os.path.join(ROOT, 'docs', 'first-module.md'), encoding='utf-8') as file:
            steps = re.findall(r'(?ms)^```sh\n(.*?)^```$', file.read())
        self.assertEqual(len(steps), 5)
        os.mkdir(self.path('doorman'))
        answer = subprocess.run(['bash', '-e', '-c', '\n'.join(steps)], capture_output=True,
                                text=True, timeout=170, cwd=self.path('doorman'),
                                env=self.environment, check=False)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn('2 subtests passed', answer.stdout)
        for name in ('doorman.c', 'test-doorman.c', 'meson.build'):
            with open(self.path('doorman/' + name), encoding='utf-8') as written, \
                    open(os.path.join(ROOT, 'contrib/module-template', name),
                         encoding='utf-8') as template:
                self.assertEqual(written.read(), template.read(), name)

    def test_template_builds_against_the_tree_that_is_not_installed(self):
        folder = self.path('copy')
        shutil.copytree(os.path.join(ROOT, 'contrib', 'module-template'), folder)
        answer = subprocess.run(
            ['meson', 'devenv', '-C', BUILD, 'sh', '-ec',
             f'cd {folder}; meson setup build -Dwerror=true; meson test -C build'],
            capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
        self.assertIn('2 subtests passed', answer.stdout)


if __name__ == '__main__':
    tap.main()
