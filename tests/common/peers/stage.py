# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where peers play: a folder of their own, their logs in it, and an end for all of them."""

import os
import re
import shutil
import tempfile

from peers.process import Process, ProcessError


def package_of(program):
    """The Debian package that brings PROGRAM."""
    packages = {'sipp': 'sip-tester', 'baresip': 'baresip-core', 'rtpengine': 'rtpengine-daemon',
                'postgres': 'postgresql', 'initdb': 'postgresql', 'xmllint': 'libxml2-utils'}
    return packages.get(program, program)


class Stage:
    """Whoever inherits has addCleanup(), whose functions run in the opposite order at the end."""

    def open_stage(self, prefix='tandem-'):
        self.folder = tempfile.mkdtemp(prefix=prefix)
        self.processes = []
        self.addCleanup(self.remove_folder)

    def remove_folder(self):
        if os.environ.get('TANDEM_KEEP'):
            print(f'# kept {self.folder}')
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def fail(self, reason):
        raise ProcessError(reason)

    def need(self, program):
        """The path of PROGRAM."""
        found = shutil.which(program) or shutil.which(program, path='/usr/sbin:/usr/local/sbin')
        return found or self.lack(
            f'{program.upper()} IS MISSING: apt-get install {package_of(program)}')

    def lack(self, reason):
        self.fail(reason)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def spawn(self, name, arguments, **options):
        """A Process that ends with the stage at the latest."""
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
