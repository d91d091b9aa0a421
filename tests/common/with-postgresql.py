#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a test program with a PostgreSQL server of its own: ROUTE_TEST_SERVER is where databases are.

Without the server's programs, what it tests is skipped, loudly; where CI=true it fails.
"""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from peers.postgresql import PostgreSQL  # noqa: E402
from peers.stage import Stage  # noqa: E402


class Lack(Exception):
    pass


class Server(Stage):
    def __init__(self):
        self.cleanups = []
        self.open_stage('tandem-pg-')

    def addCleanup(self, function):
        self.cleanups.append(function)

    def lack(self, reason):
        raise Lack(reason)

    def end(self):
        while self.cleanups:
            self.cleanups.pop()()


def main():
    stage = Server()
    try:
        server = PostgreSQL(stage)
        return subprocess.run(sys.argv[1:], check=False,
                              env={**os.environ, 'ROUTE_TEST_SERVER': server.prefix}).returncode
    except Lack as lack:
        is_failure = os.environ.get('CI') == 'true'
        print(f'1..1\nnot ok 1 - {lack}' if is_failure else f'1..0 # SKIP {lack}')
        return 1 if is_failure else 0
    finally:
        stage.end()


if __name__ == '__main__':
    sys.exit(main())
