#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tandemctl says words to a running tandemd, prints what it answers, and says why where it cannot."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers.case import ROOT, PeerCase  # noqa: E402
from peers.tandem import Tandem, program  # noqa: E402

NOBODY = 65534


class FakeDaemon:
    """Answers the first line of its one client with ANSWERS, then closes or waits for its end."""

    def __init__(self, case, answers, is_patient=False):
        self.path = case.path('fake.sock')
        self.answers = answers
        self.is_patient = is_patient
        self.asked = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        case.addCleanup(self.thread.join, 10)
        case.addCleanup(self.listener.close)

    def serve(self):
        client, _ = self.listener.accept()
        with client:
            self.asked = json.loads(client.makefile().readline())
            client.sendall(self.answers.encode())
            if self.is_patient:
                client.recv(1)  # returns when the other end has gone


class WithDaemon(PeerCase):
    def setUp(self):
        super().setUp()
        self.tandem = Tandem(self, {'modules': {'cli': 'required'}, 'cli': {'group': 'nogroup'}})

    def test_help_lists_the_daemons_commands(self):
        status, out, _ = self.tandem.ctl('--help')
        self.assertEqual(status, 0)
        self.assertIn('usage: tandemctl', out)
        self.assertRegex(out, r'(?m)^  help \[NOUN\] \[VERB\]  +Says which commands')

    def test_help_of_a_command(self):
        for words in (('help', 'metric'), ('metric', '--help'), ('metric', '-h')):
            status, out, _ = self.tandem.ctl(*words)
            self.assertEqual(status, 0)
            self.assertTrue(out.startswith('usage: metric [NAME] [--prometheus]\n'), out)

    def test_text_and_json_say_the_same(self):
        _, text, _ = self.tandem.ctl('version')
        _, before, _ = self.tandem.ctl('--json', 'version')
        _, behind, _ = self.tandem.ctl('version', '--json')
        self.assertEqual(before, behind)
        self.assertEqual(before.count('\n'), 1)
        for name, value in json.loads(before).items():
            self.assertRegex(text, f'(?m)^{name}: +{value.replace("+", "[+]")}$')

    def test_no_line_ends_in_a_blank(self):
        for words in (('help',), ('metric',), ('commands',)):
            _, out, _ = self.tandem.ctl(*words)
            self.assertNotRegex(out, r'(?m) $')

    def test_unknown_command(self):
        status, out, err = self.tandem.ctl('metrik')
        self.assertEqual((status, out), (2, ''))
        self.assertEqual(err, 'tandemctl: there is no command "metrik": did you mean "metric"?\n')

    def test_wrong_argument(self):
        status, _, err = self.tandem.ctl('metric', '--promtheus')
        self.assertEqual(status, 2)
        self.assertIn('did you mean --prometheus?; usage: metric [NAME] [--prometheus]', err)

    def test_failure(self):
        status, out, err = self.tandem.ctl('metric', 'bananas')
        self.assertEqual((status, out), (1, ''))
        self.assertIn('no metric begins with "bananas"', err)

    def test_machine_is_shown_as_its_table(self):
        machine = self.tandem.ctl_json('machine', 'show', 'module')
        states = {row['state']: row for row in machine['states']}
        self.assertEqual(states['running']['events'], ['stop'])
        self.assertEqual(states['running']['next'], ['draining'])

    def test_event_is_shown_with_its_fields(self):
        event = self.tandem.ctl_json('event', 'show', 'call.ended')
        self.assertEqual((event['published_by'], event['fields'][0]['field']), ('core', 'call'))

    def test_what_is_not_there_is_told_with_where_to_look(self):
        for noun in 'machine', 'event':
            status, _, err = self.tandem.ctl(noun, 'show', 'nobody')
            self.assertEqual(status, 1)
            self.assertIn(f'"{noun} list" shows all of them', err)

    def test_call_that_is_not_there_cannot_be_ended(self):
        status, out, err = self.tandem.ctl('call', 'hangup', '00a-00-00001-000001')
        self.assertEqual((status, out), (1, ''))
        self.assertIn('there is no call 00a-00-00001-000001 any more: "call list" shows', err)

    def test_event_that_is_never_told_is_not_waited_for(self):
        for pattern in 'call.answerd', 'cal.*':
            status, _, err = self.tandem.ctl('event', 'follow', pattern)
            self.assertEqual(status, 1)
            self.assertIn(f'no event is called "{pattern}"', err)

    def test_number_that_is_empty(self):
        status, _, err = self.tandem.ctl('route', 'test', '')
        self.assertEqual(status, 1)
        self.assertIn('say NUMBER or USER@HOST', err)

    def test_route_that_is_asked_about_a_trunk_or_a_time_that_is_none(self):
        status, _, err = self.tandem.ctl('route', 'test', '1', '--trunk', 'nobody')
        self.assertEqual(status, 1)
        self.assertIn('the configuration has no section [trunk nobody]', err)
        status, _, err = self.tandem.ctl('route', 'test', '1', '--at', 'noon')
        self.assertEqual(status, 1)
        self.assertIn('"noon" is no time: write it as 2026-12-24T18:00', err)

    def test_every_help_is_one_line_that_begins_with_what_is_done(self):
        for command in self.tandem.ctl_json('commands'):
            self.assertRegex(command['help'], r'^[A-Z][a-z]+s [^\n]*[^.\n]$')
            for argument in command['arguments']:
                self.assertRegex(argument['help'], r'^[A-Z0-9][^\n]*[^.\n]$')

    def test_words_cannot_steer_the_terminal(self):
        _, _, err = self.tandem.ctl('\x1b[2J\nerror')
        self.assertNotIn('\x1b', err)
        self.assertIn('\\x1b[2J', err)

    def test_prometheus_text_comes_as_it_is(self):
        status, out, _ = self.tandem.ctl('metric', '--prometheus')
        self.assertEqual(status, 0)
        self.assertRegex(out, r'(?m)^# TYPE tandem_\w+ (counter|gauge|histogram)$')

    def test_lines_from_a_pipe(self):
        answer = subprocess.run([program('tandemctl')], input='version\n\nmetrik\nexit\nversion\n',
                                capture_output=True, text=True, check=False, timeout=10,
                                env={**os.environ, **self.tandem.environment})
        self.assertEqual(answer.stdout.count('version:'), 1)
        self.assertIn('did you mean "metric"', answer.stderr)
        self.assertEqual(answer.returncode, 2)

    def test_wait_ready(self):
        status, out, err = self.tandem.ctl('wait-ready')
        self.assertEqual((status, out, err), (0, '', ''))

    def test_completion(self):
        def complete(*words):
            script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tandemctl; '
                      'printf "%s\\n" "${COMPREPLY[@]}"')
            answer = subprocess.run(
                ['bash', '-c', script, 'bash',
                 os.path.join(ROOT, 'contrib', 'bash-completion', 'tandemctl'),
                 program('tandemctl'), *words],
                capture_output=True, text=True, check=True, timeout=10,
                env={**os.environ, **self.tandem.environment})
            self.assertEqual(answer.stderr, '')
            return answer.stdout.split()

        self.assertEqual(complete('metr'), ['metric'])
        self.assertTrue({'help', 'metric', 'version', 'wait-ready'} <= set(complete('')))
        self.assertEqual(complete('--s'), ['--socket'])
        self.assertEqual(complete('--json', 'vers'), ['version'])
        self.assertEqual(complete('--socket', self.tandem.control, 'vers'), ['version'])
        self.assertEqual(complete('--output', 'x', 'vers'), ['version'])
        self.assertEqual(complete('version', '--output', '/etc/hostnam'), ['/etc/hostname'])
        self.assertEqual(complete('--socket', '/nonexistent', 'vers'), [])
        self.assertEqual(complete('metric', '--'), ['--prometheus'])
        self.assertIn('tandem_module_defects_total', complete('metric', 'tandem_mod'))
        self.assertEqual(complete('metric', 'tandem_x', ''), ['--prometheus'])

    def test_completion_in_zsh(self):
        if shutil.which('zsh') is None:
            self.lack('zsh is not installed: contrib/tools/install check')

        def complete(*words):
            script = ('compadd() { [[ $1 == -a ]] && print -l -- ${(P@)2} || print -l -- "${@:2}" }; '
                      '_files() { print FILES }; '
                      'file=$1; words=("${@:2}"); CURRENT=${#words}; set --; source "$file"')
            answer = subprocess.run(
                ['zsh', '-f', '-c', script, 'zsh',
                 os.path.join(ROOT, 'contrib', 'zsh-completion', '_tandemctl'),
                 program('tandemctl'), *words],
                capture_output=True, text=True, check=True, timeout=10,
                env={**os.environ, **self.tandem.environment})
            self.assertEqual(answer.stderr, '')
            return answer.stdout.split()

        self.assertEqual(complete('metr'), ['metric'])
        self.assertEqual(complete('metric', '--'), ['--prometheus'])
        self.assertIn('--socket', complete('--s'))
        self.assertEqual(complete('--socket', self.tandem.control, '--json', 'vers'), ['version'])
        self.assertEqual(complete('--output', 'x', 'vers'), ['version'])
        self.assertEqual(complete('--output', '/etc/ho'), ['FILES'])
        self.assertEqual(complete('version', '--output', '/etc/ho'), ['FILES'])
        self.assertEqual(complete('--socket', '/nonexistent', 'vers'), [])

    def ask_as(self, uid, gid, words):
        """The answer that another user gets."""
        if os.getuid() != 0:
            self.skipTest('only root can be somebody else')
        os.chmod(self.folder, 0o755)
        script = ('import socket, sys\n'
                  's = socket.socket(socket.AF_UNIX)\n'
                  's.connect(sys.argv[1])\n'
                  's.sendall(sys.argv[2].encode() + b"\\n")\n'
                  'print(s.makefile().readline(), end="")\n')
        return subprocess.run(['/usr/bin/python3', '-c', script, self.tandem.control,
                               json.dumps({'words': words})],
                              user=uid, group=gid, extra_groups=[], capture_output=True, text=True,
                              check=False, timeout=10, cwd='/')

    def test_member_of_the_group_may_look(self):
        answer = self.ask_as(NOBODY, NOBODY, ['version'])
        self.assertIn('"version"', json.loads(answer.stdout).__repr__().replace("'", '"'))

    def test_member_of_the_group_may_not_change(self):
        answer = self.ask_as(NOBODY, NOBODY, ['module', 'stop', 'cli'])
        self.assertIn('changes something and you may only look', json.loads(answer.stdout)['error'])

    def test_others_may_not_connect(self):
        answer = self.ask_as(NOBODY - 1, NOBODY - 1, ['version'])
        self.assertIn('PermissionError', answer.stderr)


class WithoutDaemon(PeerCase):
    def ctl(self, path, *words, **options):
        return subprocess.run([program('tandemctl'), '--socket', path, *words],
                              capture_output=True, text=True, check=False, timeout=10, **options)

    def test_not_running(self):
        path = self.path('none.sock')
        answer = self.ctl(path, 'version')
        self.assertEqual(answer.returncode, 69)
        self.assertTrue(answer.stderr.startswith(
            f'tandemctl: tandemd is not running (no control socket at {path}): start it with '),
            answer.stderr)

    def test_dead_socket(self):
        path = self.path('dead.sock')
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        answer = self.ctl(path, 'version')
        self.assertEqual(answer.returncode, 69)
        self.assertIn('nobody listens at the control socket', answer.stderr)

    def test_help_without_daemon(self):
        answer = self.ctl(self.path('none.sock'), '--help')
        self.assertEqual(answer.returncode, 0)
        self.assertIn('usage: tandemctl', answer.stdout)
        self.assertIn('tandemd is not running', answer.stdout)

    def test_completion_without_daemon(self):
        answer = self.ctl(self.path('none.sock'), '--complete', '')
        self.assertEqual((answer.returncode, answer.stdout), (0, 'wait-ready\n'))

    def test_version_without_daemon(self):
        answer = self.ctl(self.path('none.sock'), '--version')
        self.assertEqual(answer.returncode, 0)
        self.assertRegex(answer.stdout, r'^tandemctl [0-9.]+\n$')

    def test_unknown_option(self):
        answer = self.ctl(self.path('none.sock'), '--jason', 'version')
        self.assertEqual(answer.returncode, 2)
        self.assertIn('there is no option --jason', answer.stderr)

    def test_wait_ready_gives_up(self):
        answer = self.ctl(self.path('none.sock'), 'wait-ready', '--timeout', '50ms')
        self.assertEqual(answer.returncode, 69)
        self.assertIn('tandemd is not running', answer.stderr)

    def test_wait_ready_refuses_a_bad_time(self):
        for time in ('', 'soon', '-1', '5 parsecs', '99999999999999999999'):
            answer = self.ctl(self.path('none.sock'), 'wait-ready', '--timeout', time)
            self.assertEqual(answer.returncode, 2, time)

    def test_wait_ready_waits_for_the_start(self):
        path = self.path('late.sock')
        waiting = subprocess.Popen([program('tandemctl'), '--socket', path, 'wait-ready'],
                                   stderr=subprocess.PIPE)
        self.addCleanup(waiting.stderr.close)
        Tandem(self, {'modules': {'cli': 'required'}, 'cli': {'socket': path}})
        self.assertEqual(waiting.wait(10), 0)

    def test_question_is_what_was_said(self):
        fake = FakeDaemon(self, '{"id":1,"result":null}\n')
        answer = self.ctl(fake.path, 'call', 'show', 'a "b"\n', '--', '--json')
        self.assertEqual((answer.returncode, answer.stdout), (0, ''))
        self.assertEqual(fake.asked['words'], ['call', 'show', 'a "b"\n', '--', '--json'])

    FILE = '{"id":1,"result":{"file":{"name":"a.bin","type":"%s","base64":"AAH/Gwo="}}}\n'

    def test_answer_that_is_a_file_is_written_as_it_is(self):
        path = self.path('a.bin')
        fake = FakeDaemon(self, self.FILE % 'application/x-any')
        answer = self.ctl(fake.path, 'trace', '1', '--output', path)
        self.assertEqual((answer.returncode, answer.stdout, answer.stderr), (0, '', ''))
        with open(path, 'rb') as file:
            self.assertEqual(file.read(), b'\x00\x01\xff\x1b\n')
        self.assertEqual(fake.asked['words'], ['trace', '1'])

    def test_answer_that_is_a_file_goes_through_a_pipe(self):
        fake = FakeDaemon(self, '{"id":1,"result":{"file":{"type":"text/plain","text":"a\\u001b"}}}\n')
        self.assertEqual(self.ctl(fake.path, 'trace', '1').stdout, 'a\x1b')

    def on_terminal(self, path, *words):
        """What a terminal gets, and the exit status."""
        master, slave = os.openpty()
        with os.fdopen(master, 'rb', buffering=0) as screen:
            answer = subprocess.run([program('tandemctl'), '--socket', path, *words], stdout=slave,
                                    stderr=subprocess.PIPE, check=False, timeout=10)
            os.close(slave)
            shown = b''
            try:
                while True:
                    shown += screen.read(4096)
            except OSError:  # the other end is closed, and everything has been read
                return shown.decode(), answer

    def test_terminal_gets_no_file_that_is_no_text(self):
        fake = FakeDaemon(self, self.FILE % 'application/x-any')
        shown, answer = self.on_terminal(fake.path, 'trace', '1')
        self.assertEqual((shown, answer.returncode), ('', 74))
        self.assertIn(b'--output FILE', answer.stderr)

    def test_terminal_is_not_steered_by_a_file(self):
        fake = FakeDaemon(self, self.FILE % 'text/plain')
        shown, answer = self.on_terminal(fake.path, 'trace', '1')
        self.assertEqual(answer.returncode, 0)
        self.assertIn('\\x1b', shown)
        self.assertNotIn('\x1b', shown)

    def test_output_takes_any_answer(self):
        path = self.path('out')
        fake = FakeDaemon(self, '{"id":1,"result":{"a":1}}\n')
        answer = self.ctl(fake.path, f'--output={path}', '--json', 'version')
        self.assertEqual((answer.returncode, answer.stdout), (0, ''))
        with open(path, encoding='ascii') as file:
            self.assertEqual(file.read(), '{"a":1}\n')

    def test_output_is_left_alone_by_a_failure(self):
        path = self.write('out', 'before')
        fake = FakeDaemon(self, '{"id":1,"error":"no"}\n')
        self.assertEqual(self.ctl(fake.path, 'version', '--output', path).returncode, 1)
        with open(path, encoding='ascii') as file:
            self.assertEqual(file.read(), 'before')

    def test_output_that_cannot_be_written(self):
        fake = FakeDaemon(self, '{"id":1,"result":{"a":1}}\n')
        answer = self.ctl(fake.path, 'version', '--output', '/nonexistent/out')
        self.assertEqual(answer.returncode, 74)
        self.assertIn('/nonexistent/out cannot be written: No such file', answer.stderr)

    def test_output_to_a_full_disk(self):
        fake = FakeDaemon(self, '{"id":1,"result":{"a":1}}\n')
        answer = self.ctl(fake.path, 'version', '--output', '/dev/full')
        self.assertEqual(answer.returncode, 74)
        self.assertIn('/dev/full cannot be written: No space left', answer.stderr)

    def test_connection_ends_before_the_answer(self):
        fake = FakeDaemon(self, '{"id":1,"piece":"half"}\n{"id":1,"res')
        answer = self.ctl(fake.path, 'version')
        self.assertEqual((answer.returncode, answer.stdout), (1, 'half\n'))
        self.assertIn('closed the connection before it had answered', answer.stderr)

    def test_answer_that_is_no_json(self):
        fake = FakeDaemon(self, 'SSH-2.0-OpenSSH\n')
        answer = self.ctl(fake.path, 'version')
        self.assertEqual(answer.returncode, 1)
        self.assertIn("tandemd's answer cannot be read: JSON, byte 0", answer.stderr)

    def follow(self, answers, *options):
        """A tandemctl that has printed one line of a stream, and that line."""
        fake = FakeDaemon(self, answers, is_patient=True)
        process = subprocess.Popen([program('tandemctl'), '--socket', fake.path, *options, 'event',
                                    'follow'], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process, process.stdout.readline()

    def test_pieces_are_printed_as_they_come(self):
        process, line = self.follow('{"id":1,"piece":{"event":"call.answered","n":1}}\n')
        self.assertEqual(line, 'event=call.answered n=1\n')
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 0)
        self.assertEqual(process.stderr.read(), '')

    def test_pieces_as_json(self):
        process, line = self.follow('{"id":1,"piece":{"n":1.5}}\n', '--json')
        self.assertEqual(line, '{"n":1.5}\n')
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 0)

    def test_interrupted_before_an_answer(self):
        fake = FakeDaemon(self, '', is_patient=True)
        process = subprocess.Popen([program('tandemctl'), '--socket', fake.path, 'version'])
        while fake.asked is None:
            self.assertIsNone(process.poll())
            os.sched_yield()
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)


if __name__ == '__main__':
    tap.main()
