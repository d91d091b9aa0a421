#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts test results: "PASSED FAILED SKIPPED" on stdout, what failed and why on stderr.

usage: tally.py meson LOGDIR    the testlog.junit.xml and testlog.json in LOGDIR, each subtest
       tally.py tap FILE        one TAP stream

A test program that crashed, ran too long, or broke off counts as one failure more than the
subtests it still reported; one that reported nothing at all counts as a failure, too.
"""
import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

BAD = {'FAIL', 'ERROR', 'TIMEOUT', 'INTERRUPT', 'UNEXPECTEDPASS'}
MOST_LINES_WHY = 150  # of a failed program


class Tally:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []
        self.why = []

    def count(self, name, verdict):
        if verdict == 'ok':
            self.passed += 1
        elif verdict == 'skip':
            self.skipped += 1
        else:
            self.failures.append(name)


def verdict_of(testcase):
    kinds = {child.tag for child in testcase}
    if kinds & {'failure', 'error'}:
        return 'failed'
    return 'skip' if 'skipped' in kinds else 'ok'


def subtests(path):
    """The verdicts of each program's subtests: {program: [(name, verdict)]}."""
    found = {}
    for suite in ElementTree.parse(path).getroot().iter('testsuite'):
        # A program that reported subtests is a suite "project.program" of its own.
        _, has_subtests, program = suite.get('name').partition('.')
        if has_subtests:
            found[program] = [(case.get('name'), verdict_of(case))
                              for case in suite.iter('testcase')]
    return found


def has_declared_skip(entry):
    return entry.get('returncode') == 77 or re.search(r'^1\.\.0\b.*skip', entry.get('stdout', ''),
                                                      re.IGNORECASE | re.MULTILINE) is not None


def why_failed(stdout):
    """What a program said of its failed subtests: meson shows of a TAP stream nothing."""
    lines = []
    is_telling = False
    for line in stdout.splitlines():
        is_telling = line.startswith(('not ok', 'Bail out!')) or (is_telling and line[:1] == '#')
        if is_telling:
            lines.append(line)
    if len(lines) > MOST_LINES_WHY:
        lines[MOST_LINES_WHY:] = [f'({len(lines) - MOST_LINES_WHY} lines more in the log)']
    return lines


def tally_meson(folder):
    tally = Tally()
    cases = subtests(os.path.join(folder, 'testlog.junit.xml'))
    with open(os.path.join(folder, 'testlog.json'), encoding='utf-8', errors='replace') as log:
        programs = [json.loads(line) for line in log if line.strip()]
    for entry in programs:
        name = entry['name'].rsplit(' / ', 1)[-1]
        reported = cases.get(entry['name'], [])
        for case, verdict in reported:
            tally.count(f'{name}: {case}', verdict)
        is_bad = entry['result'] in BAD
        if is_bad:
            tally.why += [f'{name}:', *why_failed(entry.get('stdout', ''))]
        if is_bad and all(verdict != 'failed' for _, verdict in reported):
            tally.count(f"{name}: {entry['result'].lower()}, exit status {entry['returncode']}",
                        'failed')
        elif is_bad and entry['result'] in {'TIMEOUT', 'INTERRUPT'}:
            tally.count(f"{name}: {entry['result'].lower()}", 'failed')
        elif not is_bad and not reported:
            if has_declared_skip(entry):
                tally.count(name, 'skip')
            elif 'TAP' in entry.get('stdout', '') or entry['result'] == 'SKIP':
                tally.count(f'{name}: reported no result', 'failed')
            else:
                tally.count(name, 'ok')
    return tally


def tally_tap(path):
    tally = Tally()
    planned = None
    n_results = 0
    with open(path, encoding='utf-8', errors='replace') as stream:
        for line in stream:
            plan = re.match(r'1\.\.(\d+)', line)
            result = re.match(r'(not )?ok\b\s*(\d*)\s*(?:-\s*)?(.*)', line)
            if plan:
                planned = int(plan.group(1))
            elif result:
                n_results += 1
                is_skip = re.search(r'# *skip', result.group(3), re.IGNORECASE)
                verdict = 'failed' if result.group(1) else 'skip' if is_skip else 'ok'
                tally.count(result.group(3), verdict)
    if planned is None or planned != n_results:
        tally.count(f'{os.path.basename(path)}: {n_results} results, planned {planned}', 'failed')
    return tally


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ('meson', 'tap'):
        sys.exit(__doc__)
    tally = (tally_meson if sys.argv[1] == 'meson' else tally_tap)(sys.argv[2])
    print(*tally.why, *(f'failed: {name}' for name in tally.failures), sep='\n',
          end='\n' if tally.failures else '', file=sys.stderr)
    print(tally.passed, len(tally.failures), tally.skipped)


if __name__ == '__main__':
    main()
