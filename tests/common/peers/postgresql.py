# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PostgreSQL server of the test's own, on a Unix socket in its folder and nowhere else."""

import glob
import os
import pwd
import signal
import subprocess
import time
import urllib.parse

from peers.process import ProcessError, children_of


def find_program(case, name):
    """Debian keeps the server's programs away from PATH, by version."""
    found = sorted(glob.glob(f'/usr/lib/postgresql/*/bin/{name}'))
    return found[-1] if found else case.need(name)


def unprivileged():
    """The server does not run as root: (user, group) to run it as, or None for ourselves."""
    if os.getuid() != 0:
        return None
    entry = pwd.getpwnam('nobody')
    return entry.pw_uid, entry.pw_gid


class PostgreSQL:
    def __init__(self, case):
        self.program = find_program(case, 'postgres')
        self.case = case
        # Short: the name of a Unix socket may have 107 bytes.
        self.folder = case.path('pg')
        self.user = unprivileged()
        os.makedirs(self.folder)
        os.chmod(case.folder, 0o755)
        if self.user:
            os.chown(self.folder, *self.user)
        # No fsync: nobody pulls the plug of a machine under test.
        self.run(find_program(case, 'initdb'), '-D', self.folder + '/data', '-A', 'trust', '-N',
                 '-U', 'tandem', '-E', 'UTF8', '--locale=C')
        self.process = None
        self.start()

    def run(self, *arguments):
        done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60,
                              cwd=self.folder, **self.identity())
        if done.returncode != 0:
            raise ProcessError(f'{arguments[0]}: {done.stderr}')

    def identity(self):
        return {'user': self.user[0], 'group': self.user[1], 'extra_groups': []} if self.user else {}

    def start(self):
        setting = [self.program, '-D', self.folder + '/data', '-k', self.folder,
                   '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'max_connections=40']
        if self.user:
            setting = ['/usr/bin/setpriv', f'--reuid={self.user[0]}', f'--regid={self.user[1]}',
                       '--clear-groups', '--pdeathsig=KILL', *setting]
        self.process = self.case.spawn('postgres', setting)
        self.process.wait_for_output('database system is ready to accept connections', 30)

    def children(self):
        return children_of(self.process.pid)

    def kill(self):
        """At once and without a word, as when its machine loses power."""
        below = self.children()
        self.process.signal(signal.SIGKILL)
        self.process.wait(10)
        # Its children notice in their own time; a new server waits for them in vain.
        deadline = time.monotonic() + 10
        for pid in below:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            while os.path.exists(f'/proc/{pid}') and time.monotonic() < deadline:
                time.sleep(0.01)

    def restart(self):
        self.start()

    @property
    def prefix(self):
        """What a database's name is put behind, to make a URI."""
        return f'postgresql://tandem@{urllib.parse.quote(self.folder, safe="")}/'
