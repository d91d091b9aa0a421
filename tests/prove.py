#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs each test that bears the number of a rule of priority (PRI-nnn) with its feature off, and demands
that it fails: a test that passes all the same proves nothing.

usage: tests/prove.py [PROGRAM...]    of the build tree TANDEM_BUILD (default: build); prints TAP

What is off is said once for all tests, by the builders of configurations: switch_off () in
tests/common/fixture.c, switched_off () in tests/common/peers/tandem.py. A test proves something when it
fails in a switch that began its work without the feature; one that only did not get that far does not.
"""

import ast
import concurrent.futures
import os
import re
import resource
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('TANDEM_BUILD', os.path.join(os.path.dirname(HERE), 'build'))

# What is proven. tests/interop/test-crisis.py shows by itself what becomes of calls without marks; the tests
# of functions, which know of no switch, are not here.
PROGRAMS = ('flow/access', 'interop/access',
            'flow/levels', 'flow/priority', 'flow/preempt', 'flow/interwork', 'flow/sip-queue', 'flow/emergency',
            'flow/passport', 'flow/dips', 'flow/trunk-shared', 'flow/policy', 'flow/treatment',
            'interop/precedence', 'interop/priority', 'interop/queue', 'interop/passport', 'interop/emergency',
            'interop/tls', 'interop/overload', 'interop/pair', 'interop/marking', 'interop/mutations',
            'interop/reserve',
            'interop/roles', 'interop/sip-i',
            'interop/priority-lab', 'interop/late')

# Tests of what is so with the feature and without, by their names: these must pass.
SPARED = {
    # What a priority does not change.
    'flow/priority /priority/PRI-060/by-hand',       # a trunk that is out of service stays so
    'flow/priority /priority/PRI-064/refused',       # a configuration that is refused
    'flow/priority /priority/PRI-065/busy',          # nobody waits for a busy user
    'flow/sip-queue /priority/PRI-066/5xx',          # any call advances then
    'flow/treatment /flow/treatment/PRI-071/answered',  # to whom nothing is played, whatever there is
    'flow/passport /passport/PRI-034/refused',       # what cannot be signed is not
    'flow/passport /passport/PRI-102/alarm',         # tokens fail, whoever is believed
    'interop/tls Refusals.test_address_alone_is_not_the_trunk_s',  # over UDP nobody shows a certificate
    'interop/precedence Preemption.test_pri_071_a_peer_preempts',  # whoever it was that did
    'interop/roles Roles.test_pri_103_commands_of_priority',  # guarded, whatever there is to be seen
    'interop/roles Roles.test_pri_103_trace_of_a_call_that_is_over',  # a mark on the wire, believed or not
    'interop/late Late.test_a_standstill_refuses_nobody',  # nor does a switch that refuses nobody as late
    'interop/overload Overload.test_all_pay_where_nothing_is_wanted',  # and nobody departs from that
    # Calls that have none.
    'flow/levels /priority/PRI-068/time-alone',
    'flow/priority /priority/PRI-066/ordinary',
    'flow/emergency /priority/PRI-090/other-region',
    'interop/emergency Emergency.test_location_of_an_ordinary_call_arrives_byte_for_byte',
    # Switches without the feature.
    'interop/priority Absent.test_marks_that_nobody_judges_go_on_where_it_is_wanted',
    'interop/emergency Emergency.test_stranger_is_challenged_without_the_module',
    'interop/emergency Emergency.test_service_is_not_known_without_the_module',
}

NUMBER = re.compile(r'PRI-\d{3}|pri_\d{3}')
TIMEOUT_S = 60  # of a job
TESTS_A_JOB = 5


def numbered_methods(path):
    """The tests of a Python program whose names, or texts, or classes' texts, bear a number, by class."""
    with open(path, encoding='utf-8') as file:
        module = ast.parse(file.read())
    found = {}
    for case in module.body:
        if not isinstance(case, ast.ClassDef):
            continue
        is_all = NUMBER.search(ast.get_docstring(case) or '')
        names = [f'{case.name}.{item.name}' for item in case.body
                 if isinstance(item, ast.FunctionDef) and item.name.startswith('test_')
                 and (is_all or NUMBER.search(item.name + (ast.get_docstring(item) or '')))]
        if names:
            found[case.name] = names
    return found


def numbered_paths(program):
    listed = subprocess.run([program, '-l'], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.startswith('/') and NUMBER.search(line)]


def jobs():
    """(program, command, tests it runs) of all that is to be proven."""
    for program in PROGRAMS:
        suite, name = program.split('/')
        if sys.argv[1:] and program not in sys.argv[1:]:
            continue
        if suite == 'interop':
            path = os.path.join(HERE, suite, f'test-{name}.py')
            for names in numbered_methods(path).values():
                for first in range(0, len(names), TESTS_A_JOB):
                    some = names[first:first + TESTS_A_JOB]
                    yield program, [sys.executable, path, *some], some
        else:
            path = os.path.join(BUILD, 'tests', suite, f'test-{suite}-{name}')
            for test in numbered_paths(path):  # each by itself: the first that fails ends a program
                yield program, [path, '-p', test], [test]


def module_path():
    """All modules, and those of tests."""
    root = os.path.join(BUILD, 'modules')
    return ':'.join(os.path.join(root, name, folder) for name in sorted(os.listdir(root))
                    for folder in ('', 'tests') if os.path.isdir(os.path.join(root, name, folder)))


def environment(program):
    """What a test of PROGRAM is started with: of the tests on the fake clock what Meson gives them."""
    added = {'TANDEM_TEST_PRIORITY': 'off', 'TANDEM_BUILD': BUILD}
    if program.startswith('flow/'):
        added |= {'TANDEM_MODULE_PATH': module_path(),
                  'TANDEM_ROUTES': os.path.join(BUILD, 'modules', 'route', 'tandem-routes'),
                  'G_TEST_SRCDIR': os.path.join(os.path.dirname(HERE), 'etc', 'tones')}
    return {**os.environ, **added}


def run(job):
    """{test: (is failed, is switched off)} of what a job says."""
    program, command, tests = job
    try:
        answer = subprocess.run(command, capture_output=True, text=True, errors='replace',
                                env=environment(program), timeout=TIMEOUT_S, check=False)
        lines = answer.stdout.splitlines()
    except subprocess.TimeoutExpired as late:
        answer, lines = None, (late.stdout or b'').decode('utf-8', 'replace').splitlines()
    found = dict.fromkeys(tests, (False, False))
    is_off, is_told = False, set()
    for line in lines:
        is_off |= line.startswith('# switched off:')
        verdict = re.match(r'(not )?ok \d+ -? ?(\S+)', line)
        if verdict and verdict.group(2) in found:
            test = verdict.group(2)
            found[test] = found[test][0] or bool(verdict.group(1)), found[test][1] or is_off
            is_off = False
            is_told.add(test)
    if answer is not None and len(tests) == 1 and not is_told and answer.returncode != 0:
        found[tests[0]] = True, is_off  # ended by its first false assertion
    return found


def main():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    todo = list(jobs())
    number = n_bad = 0
    # Most of the time something is waited for in vain.
    with concurrent.futures.ThreadPoolExecutor(3 * (os.cpu_count() or 1)) as pool:
        for (program, _, _), found in zip(todo, pool.map(run, todo)):
            for test, (is_failed, is_off) in found.items():
                number += 1
                name = f'{program} {test}'
                fault = judge(name, is_failed, is_off)
                n_bad += fault is not None
                print(f'{"not ok" if fault else "ok"} {number} - {name}{": " + fault if fault else ""}',
                      flush=True)
    print(f'1..{number}')
    sys.exit(n_bad > 0)


def judge(name, is_failed, is_off):
    if name in SPARED:
        return 'fails without the feature: take it out of SPARED' if is_failed else None
    if not is_off:
        return 'no switch began without the feature'
    return None if is_failed else 'passes without the feature'


if __name__ == '__main__':
    main()
