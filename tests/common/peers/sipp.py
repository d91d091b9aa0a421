# SPDX-License-Identifier: LGPL-2.1-or-later
"""sipp in either role, from a scenario file, with what it counted."""

import csv
import dataclasses
import os
import signal

from peers import ports
from peers.process import IS_OFF, PATIENCE_S, ProcessError

SCENARIOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'scenarios')


@dataclasses.dataclass
class Counts:
    """What sipp counted, all calls since its start."""
    successful: int = 0
    failed: int = 0
    current: int = 0
    retransmissions: int = 0

    @property
    def is_clean(self):
        return self.failed == 0 and self.retransmissions == 0


def scenario_path(scenario):
    """A path as it is; a bare name is one of tests/common/scenarios."""
    return scenario if os.sep in scenario else os.path.join(SCENARIOS, scenario + '.xml')


class Sipp:
    """One running sipp. Use uac() or uas()."""

    def __init__(self, case, role, scenario, arguments, port=None, host='127.0.0.1',
                 keys=None, transport='u1', timeout_s=30, notes_messages=False):
        program = case.need('sipp')
        self.port = port or ports.free_port()
        self.host = host
        # Another sipp may have had the port before: its counts are not ours.
        self.stem = case.path(f'sipp-{role}-{self.port}-{len(case.processes)}')
        self.timeout_s = timeout_s = min(timeout_s, PATIENCE_S) if IS_OFF else timeout_s
        command = [program, '-sf', scenario_path(scenario), '-i', host, '-p', self.port,
                   '-mi', host, '-mp', ports.free_range(4, alignment=2), '-t', transport,
                   '-nostdin', '-trace_stat', '-stf', self.stem + '.csv', '-fd', '1',
                   '-trace_err', '-error_file', self.stem + '.err',
                   '-timeout', f'{timeout_s}s', '-timeout_error']
        if notes_messages:
            command += ['-trace_shortmsg', '-shortmessage_file', self.stem + '.messages']
        for key, value in (keys or {}).items():
            command += ['-key', key, value]
        self.process = case.spawn(f'sipp {role}', [*command, *arguments])

    @property
    def address(self):
        return f'{self.host}:{self.port}'

    def counts(self):
        try:
            with open(self.stem + '.csv', encoding='ascii', errors='replace', newline='') as file:
                rows = [row for row in csv.DictReader(file, delimiter=';')
                        if row.get('FailedCall(C)')]
        except OSError:
            rows = []
        if not rows:
            return Counts()
        row = rows[-1]
        return Counts(*(int(row[column]) for column in (
            'SuccessfulCall(C)', 'FailedCall(C)', 'CurrentCall', 'Retransmissions(C)')))

    def messages(self, direction):
        """(Unix time, Call-ID, CSeq, start line) of each message that was sent (DIRECTION 'S') or came
        ('R'), with notes_messages."""
        with open(self.stem + '.messages', encoding='utf-8', errors='replace') as file:
            rows = [line.rstrip('\n').split('\t') for line in file]
        return [(float(row[2]), row[4], row[5].removeprefix('CSeq:').strip(), row[6]) for row in rows
                if len(row) == 7 and row[3] == direction]

    def received(self):
        return self.messages('R')

    def errors(self):
        """What sipp says went wrong, shortened."""
        try:
            with open(self.stem + '.err', encoding='utf-8', errors='replace') as file:
                return file.read()[-4000:]
        except OSError:
            return ''

    def wait(self):
        """Waits for the end by itself and returns the counts; an error unless all calls were
        as the scenario wants them."""
        status = self.process.wait(self.timeout_s + 10)
        counts = self.counts()
        if status != 0:
            raise ProcessError(f'{self.process.name} ended with status {status}: {counts}\n'
                               f'{self.errors()}\n{self.process.tail(20)}')
        return counts

    def finish(self):
        """Takes no further calls, waits for those that are up, and returns the counts."""
        self.process.signal(signal.SIGUSR1)
        self.process.wait(self.timeout_s + 10)
        return self.counts()


def uas(case, scenario='uas', n_calls=None, **options):
    """The called side. It listens when this returns."""
    arguments = ['-m', n_calls] if n_calls else []
    sipp = Sipp(case, 'uas', scenario, arguments, **options)
    sipp.process.wait_for(lambda: ports.is_served(sipp.port), 'listening socket')
    return sipp


def uac(case, target, scenario='uac', number='service', n_calls=1, rate=10, hold_ms=0, **options):
    """The calling side: N_CALLS to NUMBER through TARGET ("host:port")."""
    arguments = ['-s', number, '-m', n_calls, '-r', rate, '-d', hold_ms, '-l', n_calls, target]
    return Sipp(case, 'uac', scenario, arguments, **options)


def call(case, target, **options):
    """As uac(), waiting for the end of all calls; returns the counts."""
    return uac(case, target, **options).wait()
