# SPDX-License-Identifier: LGPL-2.1-or-later
"""Routing tables of a million prefixes that are replaced while calls go on."""

import os
import random
import subprocess
import threading
import time

import signalling
import subjects
from peers.case import ROOT
from peers.tandem import BUILD, Tandem

PROGRAM = os.path.join(BUILD, 'modules', 'route', 'tandem-routes')
TABLES = {'list': 'label\ncalled\n', 'target': 'label,position,trunk\ncalled,1,target\n',
          'ingress': 'trunk,table,region\n*,main,here\n',
          'emergency': 'region,number,label\nhere,112,called\n'}
ROUTING = '\n[routing]\ndatabase = {}\npoll = 100 ms\n'
SETTLE_S = 2  # of calls before the tables are replaced


def route_csv(n_prefixes, seed):
    """So many prefixes of eight digits, and one that fits every call of the bench."""
    chance = random.Random(seed)
    rows = (f'main,+{number:08},called' for number in chance.sample(range(10 ** 8), n_prefixes))
    return 'table,prefix,label\nmain,8,called\n' + '\n'.join(rows) + '\n'


def make_tables(folder, n_prefixes):
    """Two files of tables, each with prefixes of its own; their paths."""
    paths = []
    for seed in 1, 2:
        path = os.path.join(folder, f'tables-{seed}.db')
        tables = os.path.join(folder, f'tables-{seed}')
        os.makedirs(tables)
        for table, text in {**TABLES, 'route': route_csv(n_prefixes, seed)}.items():
            with open(os.path.join(tables, f'{table}.csv'), 'w', encoding='utf-8') as file:
                file.write(text)
        subprocess.run([PROGRAM, '-d', path, 'import', tables], check=True, timeout=300,
                       stdout=subprocess.DEVNULL)
        paths.append(path)
    return paths


class TandemRouting(subjects.TandemSignalling):
    """The profile for signalling, but by tables. DATABASE is set before it starts."""

    database = ''

    def start(self):
        path = os.path.join(ROOT, 'etc', 'profiles', self.profile)
        with open(path, encoding='utf-8') as file:
            text = file.read().replace('route-table = required', 'route = required')
        text = text[:text.index('[route bench]')] + ROUTING.format(self.database)
        self.tandem = Tandem(self.stage, text, is_awaited=False)
        self.process = self.tandem.process
        self.tandem.wait_until_ready(timeout_s=60)

    def loaded(self):
        """Other with every table that is taken into use."""
        shown = self.tandem.ctl_json('routing', 'show')
        return shown['bytes'], shown['read_in_s']


def step(stage, subject, n_calls):
    capture = signalling.Capture(stage)
    result = signalling.step(stage, subject, 500, n_calls)
    return result, signalling.delays_us(capture.packets())


def measure(stage, subject, other, n_calls):
    """{"no change" or "swap": (the step, its delays)}, and how long the swap took, s."""
    before = step(stage, subject, n_calls)
    taken = []

    def replace():
        time.sleep(SETTLE_S)
        loaded, started = subject.loaded(), time.monotonic()
        os.replace(other, subject.database)
        while subject.loaded() == loaded:
            time.sleep(0.05)
        taken.append(time.monotonic() - started)
    thread = threading.Thread(target=replace)
    thread.start()
    during = step(stage, subject, n_calls)
    thread.join(60)
    return {'no change': before, 'swap': during}, taken[0]
