#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may see calls with a priority (PRI-103): another user, with the role and without, at the control socket."""

import csv
import grp
import json
import os
import sqlite3
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, Call, branch, description  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

NOBODY = 65534

# tandemctl itself is where another user need not be able to go.
CLIENT = '''
import json, socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(sys.argv[2].encode() + b"\\n")
for line in peer.makefile():
    print(line, end="", flush=True)
    if "piece" not in json.loads(line):
        break
'''


class Switch(PeerCase):
    """agency's marks count."""

    RECORDS = ()
    CARRIER = {}

    def records(self):
        return {}

    def setUp(self):
        super().setUp()
        if os.getuid() != 0:
            self.lack('to ask as another user the test must be run by root')
        self.port = ports.free_port()
        self.agency = Agent(self, self.port, 'agency')
        self.carrier = Agent(self, self.port, 'carrier')
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority', 'trunk', *self.RECORDS),
                                     'required'),
            **self.records(),
            'cli': {'group': 'nogroup', 'priority-group': 'users'},
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'refuse'},
            'call': {'media': 'through'},
            'trunk agency': {'address': f'sip:{self.agency.address}', 'rph-trust': 'accept',
                             'rph-accept': 'ets', 'rph-interface': '127.0.0.1'},
            'trunk carrier': {'address': f'sip:{self.carrier.address}', **self.CARRIER},
            'route all': {'prefix': '', 'targets': 'carrier'},
        })
        os.chmod(self.folder, 0o755)
        os.chmod(self.tandem.folder, 0o755)
        self.has_role = False

    def invite(self, number, **extra):
        self.agency.send(self.agency.request(
            'INVITE', f'sip:{number}@127.0.0.1:{self.port}',
            {'From': '<sip:agency@127.0.0.1>;tag=f', 'To': f'<sip:{number}@x>',
             'Call-ID': uuid.uuid4().hex}, 1, description(9), branch(), extra=extra))

    def call(self, number, **extra):
        """The INVITE that goes out for a call to NUMBER; it rings on."""
        self.invite(number, **extra)
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 180, 'c')
        self.agency.expect('SIP/2.0 180 ')
        return invite

    def somebody(self, *words, stdout=subprocess.PIPE):
        """Somebody of the group, who has the role or not, asks WORDS."""
        return subprocess.Popen(
            ['/usr/bin/python3', '-c', CLIENT, self.tandem.control, json.dumps({'words': words})],
            stdout=stdout, text=True, cwd='/', user=NOBODY, group=grp.getgrnam('nogroup').gr_gid,
            extra_groups=[grp.getgrnam('users').gr_gid] if self.has_role else [])

    def follow(self):
        """Where what somebody hears is written who follows the events."""
        path = self.path(f'followed-{self.has_role}')
        with open(path, 'w', encoding='utf-8') as log:
            follower = self.somebody('event', 'follow', stdout=log)
        self.addCleanup(follower.wait)
        self.addCleanup(follower.terminate)
        return path

    def read_facts(self, path):
        with open(path, encoding='utf-8') as log:
            return [json.loads(line).get('piece', {}) for line in log if line.endswith('\n')]

    def heard(self, path, number):
        return [fact for fact in self.read_facts(path) if fact.get('called') == number]

    def ask(self, *words):
        """(rows or members of the answer, error)"""
        out, _ = self.somebody(*words).communicate(timeout=20)
        answers = [json.loads(line) for line in out.splitlines()]
        found = [answer.get('piece') or answer.get('result') for answer in answers
                 if 'error' not in answer]
        if found and all(isinstance(part, list) or part is None for part in found):
            found = [[row for part in found for row in part or []]]
        return found[-1] if found else None, answers[-1].get('error', '')


class Roles(Switch):
    """Two calls ring, an ordinary one and one with a priority."""

    def two_calls(self):
        self.call('8001')
        self.call('8002', **{'Resource-Priority': 'ets.0'})
        return {row['called']: row['call'] for row in self.tandem.ctl_json('call', 'list')}

    def test_pri_103_call_list(self):
        self.two_calls()
        for self.has_role, numbers in (False, ['8001']), (True, ['8001', '8002']):
            rows, error = self.ask('call', 'list')
            self.assertEqual(error, '')
            self.assertEqual(sorted(row['called'] for row in rows), numbers)

    def test_pri_103_one_call(self):
        ids = self.two_calls()
        for words in ('call', 'show'), ('trace',):
            self.has_role = False
            self.assertEqual(self.ask(*words, ids['8001'])[1], '')
            found, error = self.ask(*words, ids['8002'])
            self.assertIsNone(found)
            self.assertRegex(error, 'there is no call|no SIP message')
            self.has_role = True
            self.assertEqual(self.ask(*words, ids['8002'])[1], '')

    def test_pri_103_trace_of_a_call_that_is_over(self):
        invite = self.call('8002', **{'Resource-Priority': 'ets.0'})
        call = self.tandem.ctl_json('call', 'list')[0]['call']
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 486 ')
        self.tandem.process.wait_for(lambda: not self.tandem.ctl_json('call', 'list'), 'end')
        self.assertIn('no SIP message', self.ask('trace', call)[1])
        self.has_role = True
        self.assertEqual(self.ask('trace', call)[1], '')

    def test_pri_103_trace_of_a_mark_that_was_refused(self):
        invite = self.agency.request('INVITE', f'sip:8001@127.0.0.1:{self.port}', {
            'From': '<sip:agency@127.0.0.1>;tag=f', 'To': '<sip:8001@x>', 'Call-ID': 'refused'}, 1,
            description(9), branch(), extra={'Resource-Priority': 'wps.0'})
        self.agency.send(invite)
        self.agency.expect('SIP/2.0 403 ')
        self.assertIn('no SIP message', self.ask('trace', 'refused')[1])
        self.has_role = True
        self.assertEqual(self.ask('trace', 'refused')[1], '')

    def test_pri_103_commands_of_priority(self):
        self.assertIn('priority-group in [cli]', self.ask('trunk', 'priority', 'carrier')[1])
        self.has_role = True
        self.assertEqual(self.ask('trunk', 'priority', 'carrier')[1], '')
        # It brings no other right with it.
        self.assertIn('you may only look', self.ask('trunk', 'block', 'carrier')[1])

    def test_pri_103_events(self):
        ordinary = self.follow()
        self.has_role = True
        privileged = self.follow()
        self.tandem.process.wait_for(lambda: self.call('8000') and self.heard(ordinary, '8000')
                                     and self.heard(privileged, '8000'), 'both to follow')
        self.call('8002', **{'Resource-Priority': 'ets.0'})
        self.call('8003')
        for log in ordinary, privileged:
            self.tandem.process.wait_for(lambda: self.heard(log, '8003'), 'the last event')
        self.assertEqual(self.heard(ordinary, '8002'), [])
        self.assertIn('ets.0', [fact.get('marks_in') for fact in self.heard(privileged, '8002')])
        self.assertNotIn('priority_class', self.heard(ordinary, '8003')[0])
        self.assertIn('priority_class', self.heard(privileged, '8003')[0])


class Figures(Switch):
    """The only place of the carrier is taken, and a call with a priority waits for it."""

    CARRIER = {'capacity': '1 calls', 'queue': '5 calls', 'queue-alarm': '20 %'}

    def setUp(self):
        super().setUp()
        self.call('8001')
        self.followed = {}
        for self.has_role in False, True:
            self.followed[self.has_role] = self.follow()
            self.tandem.process.wait_for(lambda: self.call_fails() and self.read_facts(
                self.followed[self.has_role]), 'the follower')
        self.invite('8002', **{'Resource-Priority': 'ets.0'})
        self.agency.expect('SIP/2.0 182 ')
        self.tandem.process.wait_for(lambda: self.tandem.ctl_json('alarm', 'list'), 'the alarm')

    def call_fails(self):
        self.invite('8000')
        return self.agency.expect('SIP/2.0 503 ')

    def test_pri_103_figures(self):
        names = {'tandem_priority_judged_total', 'tandem_trunk_queued', 'tandem_alarm_raised'}
        for self.has_role in False, True:
            rows, error = self.ask('metric')
            self.assertEqual(error, '')
            found = {row['name'] for row in rows}
            self.assertIn('tandem_trunk_calls', found)
            self.assertEqual(names & found, names if self.has_role else set())
            page, _ = self.ask('metric', '--prometheus')
            self.assertIn('tandem_trunk_calls{', page)
            for name in names:
                self.assertEqual(name in page, self.has_role, name)

    def test_pri_102_103_alarms(self):
        for self.has_role, alarms in (False, []), (True, ['trunk-queue']):
            rows, error = self.ask('alarm', 'list')
            self.assertEqual(error, '')
            self.assertEqual([row['alarm'] for row in rows], alarms)
        self.invite('8009')
        for self.has_role in False, True:
            log = self.followed[self.has_role]
            self.tandem.process.wait_for(lambda: self.heard(log, '8009'), 'a later event')
            events = [fact['event'] for fact in self.read_facts(log)]
            self.assertEqual('alarm.raised' in events, self.has_role)

    def test_pri_103_who_waits(self):
        for self.has_role in False, True:
            shown, error = self.ask('trunk', 'show', 'carrier')
            self.assertEqual(error, '')
            self.assertEqual(len(shown['waiting']), self.has_role)
            self.assertEqual('queued' in shown, self.has_role)


class Recorded(Switch):
    """Two calls that failed, in files and in databases."""

    RECORDS = 'cdr-file', 'cdr-sql'
    MODE = 'include'

    def records(self):
        return {name: {'priority-records': self.MODE, 'path': self.path('ordinary' + end),
                       'priority-path': self.path('priority' + end)}
                for name, end in (('cdr-file', '.csv'), ('cdr-sql', '.sqlite'))}

    def fail_call(self, number, extra):
        invite = self.call(number, **extra)
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        self.agency.expect('SIP/2.0 486 ')

    def answer_call(self, number, extra):
        Call(self.agency, self.carrier, number, extra).hang_up()

    def make_calls(self):
        self.fail_call('8001', {})
        self.fail_call('8002', {'Resource-Priority': 'ets.0'})

    def read(self, place):
        """{number: (class, marks)} of the file of PLACE."""
        with open(self.path(place + '.csv'), newline='', encoding='utf-8') as file:
            return {row['called']: (row['priority_class'], row['marks_in'])
                    for row in csv.DictReader(file)}

    def make(self):
        """{place: {number: (class, marks)}} of files, and of databases, which have the same."""
        self.make_calls()
        self.tandem.stop()
        found = {place: self.read(place) for place in ('ordinary', 'priority')
                 if os.path.exists(self.path(place + '.csv'))}
        for place, rows in found.items():
            with sqlite3.connect(self.path(place + '.sqlite')) as database:
                stored = database.execute('SELECT called, priority_class, marks_in FROM records')
                self.assertEqual({called: (str(level), marks or '')
                                  for called, level, marks in stored}, rows)
        return found


class Included(Recorded):
    def test_pri_103_included(self):
        self.assertEqual(self.make(), {'ordinary': {'8001': ('4', ''), '8002': ('11', 'ets.0')}})


class Withheld(Recorded):
    MODE = 'withhold'

    def test_pri_103_withheld(self):
        self.assertEqual(self.make(), {'ordinary': {'8001': ('4', ''), '8002': ('4', '')},
                                       'priority': {'8001': ('4', ''), '8002': ('11', 'ets.0')}})
        for end in '.csv', '.sqlite':
            self.assertEqual(os.stat(self.path('priority' + end)).st_mode & 0o777, 0o600)
        with open(self.path('ordinary.csv'), encoding='utf-8') as file:
            self.assertNotIn('ets.', file.read())


class Separate(Recorded):
    MODE = 'separate'

    def test_pri_103_separate(self):
        self.assertEqual(self.make(), {'ordinary': {'8001': ('4', '')},
                                       'priority': {'8002': ('11', 'ets.0')}})

    def test_pri_111_completion(self):
        """Of two calls of the agency one is answered."""
        mark = {'Resource-Priority': 'ets.1'}
        self.fail_call('8002', mark)
        self.answer_call('8003', mark)
        self.fail_call('8001', {})
        self.tandem.process.wait_for(
            lambda: sum(row['calls'] for row in self.tandem.ctl_json('report', 'completion')) == 2,
            'both calls on record')
        self.assertIn('priority-group in [cli]', self.ask('report', 'completion')[1])
        self.has_role = True
        rows, error = self.ask('report', 'completion', '--carriers')
        self.assertEqual(error, '')
        self.assertEqual([(row['carrier'], row['calls'], row['completed'], row['percent'])
                          for row in rows], [('carrier', 2, 1, 50)])
        day = rows[0]['day']
        rows, _ = self.ask('report', 'completion', '--day', day)
        self.assertEqual([(row['day'], row['account'], row['completed']) for row in rows],
                         [(day, '', 1)])
        self.assertEqual(self.ask('report', 'completion', '--day', '1999-01-31'), ([], ''))
        self.assertIn('is no day', self.ask('report', 'completion', '--day', '2026-02-31')[1])

    def test_pri_103_one_is_lost_for_no_other(self):
        """The file of priority cannot be written: its record waits for the next start."""
        os.remove(self.path('priority.csv'))
        os.mkdir(self.path('priority.csv'))
        self.make_calls()
        self.tandem.process.wait_for_output('priority.csv')
        self.tandem.stop(timeout_s=30)
        os.rmdir(self.path('priority.csv'))
        again = Tandem(self, file=self.tandem.config, environment={
            'TANDEM_STATE_DIR': self.tandem.environment['TANDEM_STATE_DIR']})
        again.stop()
        self.assertEqual(set(self.read('priority')), {'8002'})
        self.assertEqual(set(self.read('ordinary')), {'8001'})


if __name__ == '__main__':
    tap.main()
