# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test over real processes: its own folder, its peers, and their logs when it fails."""

import os
import re
import shutil
import tempfile
import unittest

from peers.process import Process

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def package_of(program):
    """The Debian package that brings PROGRAM."""
    packages = {'sipp': 'sip-tester', 'baresip': 'baresip-core', 'rtpengine': 'rtpengine-daemon'}
    return packages.get(program, program)


class PeerCase(unittest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.mkdtemp(prefix='tandem-test-')
        self.processes = []
        self.addCleanup(self.remove_folder)

    def remove_folder(self):
        if os.environ.get('TANDEM_KEEP'):
            print(f'# {self.id()}: kept {self.folder}')
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def need(self, program):
        """The path of PROGRAM. Where it is missing the test is skipped, loudly; under CI it
        fails."""
        found = shutil.which(program) or shutil.which(program, path='/usr/sbin:/usr/local/sbin')
        if found:
            return found
        reason = f'{program.upper()} IS MISSING: apt-get install {package_of(program)}'
        if os.environ.get('CI') == 'true':
            self.fail(reason)
        self.skipTest(reason)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def spawn(self, name, arguments, **options):
        """A Process that ends with the test at the latest."""
        number = len(self.processes)
        log = self.path(f'{number}-{re.sub("[^a-z0-9-]", "-", name.lower())}.log')
        process = Process(name, arguments, log, cwd=options.pop('cwd', self.folder), **options)
        self.processes.append(process)
        self.addCleanup(process.stop)
        return process

    def evidence(self):
        """(what, text) of what the peers said, for the report of a failure."""
        return [(f'{process.name}, status {process.status}', process.tail(60))
                for process in self.processes]
