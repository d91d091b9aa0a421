#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ROU-040: routing tables on a PostgreSQL server: heard of at once, and kept when the server dies."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.postgresql import PostgreSQL  # noqa: E402
from peers.tandem import BUILD, Tandem  # noqa: E402

PROGRAM = os.path.join(BUILD, 'modules', 'route', 'tandem-routes')
SECRET = 'geheim-5551'
NUMBERS = 'number,routing_number\n'


def code(prefix):
    return f'prefix\n{prefix}\n'


class RouteServer(PeerCase):
    def setUp(self):
        super().setUp()
        self.server = PostgreSQL(self)
        self.uri = self.server.prefix.replace('@', f':{SECRET}@') + 'postgres'

    def routes(self, *words, text='', status=0):
        done = subprocess.run([PROGRAM, '-d', self.uri, *words], input=text, text=True, timeout=60,
                              check=False, capture_output=True)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn(SECRET, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def start(self, poll):
        self.tandem = Tandem(self, {
            'modules': dict.fromkeys(('cli', 'route'), 'required'),
            'routing': {'server': f'"{self.uri}"', 'poll': poll},
        })

    def routing(self):
        return self.tandem.ctl_json('routing', 'show')

    def wait_for_version(self, version):
        self.tandem.process.wait_for(lambda: self.routing()['version'] == version,
                                     f'version {version}', 20)

    def fill(self, n):
        rows = ''.join(f'{number},1\n' for number in range(n))
        self.routes('import', 'ported', text=NUMBERS + rows)

    # --- The switch

    def test_new_version_is_heard_of_at_once(self):
        """The switch would look again in an hour: it is told."""
        self.start('1 h')
        for version in 1, 2, 3:
            self.routes('import', 'code', text=code(version))
            self.wait_for_version(version)

    def test_server_that_dies_leaves_the_tables_and_is_found_again(self):
        self.routes('import', 'code', text=code(1))
        self.start('100 ms')
        self.server.kill()
        self.tandem.process.wait_for(lambda: 'loss' in self.routing(), 'loss')
        shown = self.routing()
        self.assertEqual((shown['version'], shown['rows']), (1, 1))
        self.assertIn('see that the server runs and can be reached', shown['loss'])
        self.server.restart()
        self.routes('import', 'code', text=code(2))
        self.wait_for_version(2)
        self.assertNotIn('loss', self.routing())

    def test_secret_is_shown_nowhere(self):
        self.start('100 ms')
        self.server.kill()
        self.tandem.process.wait_for(lambda: 'loss' in self.routing(), 'loss')
        said = str(self.routing()) + str(self.tandem.ctl_json('module', 'list'))
        said += str(self.tandem.ctl('config', 'show')) + self.tandem.process.output()
        self.assertIn('/postgres', said)
        self.assertNotIn(SECRET, said)

    # --- The tool

    def test_server_that_dies_in_an_import(self):
        self.routes('import', 'code', text=code(1))
        with subprocess.Popen([PROGRAM, '-d', self.uri, 'import', 'ported', '-'], text=True,
                              stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdout=subprocess.DEVNULL) as importing:
            importing.stdin.write(NUMBERS + ''.join(f'{number},1\n' for number in range(50000)))
            importing.stdin.flush()
            self.server.process.wait_for(
                lambda: any('COPY' in title for title in self.titles()), 'COPY')
            self.server.kill()
            said = importing.communicate('50001,1\n', 60)[1]
        self.assertEqual(importing.returncode, 1)
        self.assertIn('cannot be changed: ', said)
        self.assertIn('see that the server runs and can be reached', said)
        self.server.restart()
        self.assertEqual(self.routes('versions').count('\n'), 2)
        self.fill(10)

    def test_server_that_dies_in_an_export(self):
        """What a switch does when it loads, and as slowly as the reader wants it."""
        self.fill(400000)
        with subprocess.Popen([PROGRAM, '-d', self.uri, 'export', 'ported'], text=True,
                              stderr=subprocess.PIPE, stdout=subprocess.PIPE) as exporting:
            exporting.stdout.readline()
            self.server.kill()
            rest, said = exporting.communicate(timeout=60)
        self.assertEqual(exporting.returncode, 1, said)
        self.assertLess(rest.count('\n'), 400000)
        self.assertIn('cannot be read: ', said)
        self.assertIn('see that the server runs and can be reached', said)

    def titles(self):
        """What the server's processes say they do."""
        found = []
        for pid in self.server.children():
            try:
                with open(f'/proc/{pid}/cmdline', encoding='utf-8', errors='replace') as title:
                    found.append(title.read())
            except OSError:
                continue
        return found


if __name__ == '__main__':
    tap.main()
