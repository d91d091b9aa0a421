#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two phones, one switch, one call: made, heard, measured, drawn and recorded.

contrib/demo starts this when everything is built. Whatever happens, what it started ends with it.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'common'))

from peers import ports, sound  # noqa: E402
from peers.baresip import Baresip, tone_share  # noqa: E402
from peers.process import ProcessError  # noqa: E402
from peers.stage import Stage  # noqa: E402
from peers.tandem import Tandem, program  # noqa: E402

WORDS = 'Hello Bob. This is Alice. I am calling you through Tandem.'
TONE_HZ = 440
TALK_S = 7
SIP_PORT = 5060


class Demo(Stage):
    def __init__(self, stack):
        self.stack = stack
        self.n_checked = self.n_failed = 0
        self.open_stage('tandem-demo-')
        self.config = os.path.join(ROOT, 'etc', 'tandem.conf')
        # Sound libraries leave things in the home folder, or fail where they cannot.
        os.environ['HOME'] = os.environ['XDG_RUNTIME_DIR'] = self.folder

    def addCleanup(self, function, *arguments):
        self.stack.callback(function, *arguments)

    def check(self, is_good, fact):
        """Says FACT and whether it is as it should be."""
        print(f'  {"ok    " if is_good else "FAILED"}  {fact}')
        self.n_checked += 1
        self.n_failed += not is_good

    def title(self, text):
        print(f'\n{text}')

    def show(self, text):
        print('\n'.join('  ' + line for line in text.rstrip('\n').splitlines()))

    def run(self, *arguments):
        subprocess.run([str(argument) for argument in arguments], check=True, cwd=self.folder)

    # --- What is said

    def make_sounds(self):
        """said.wav, one prompt; words.wav, the same again and again; tone.wav."""
        self.run('espeak-ng', '-w', 'spoken.wav', WORDS)
        self.run('sox', 'spoken.wav', '-r', 8000, '-c', 1, '-b', 16, 'said.wav', 'pad', 0, 0.4)
        self.run('sox', 'said.wav', 'words.wav', 'repeat', 20)
        self.run('sox', '-n', '-r', 8000, '-c', 1, '-b', 16, 'tone.wav',
                 'synth', 60, 'sine', TONE_HZ, 'vol', 0.25)

    # --- The switch and the phones

    def start_switch(self):
        arguments = []
        self.sip_port = SIP_PORT
        if not ports.is_free(SIP_PORT):
            self.sip_port = ports.free_port()
            listen = ', '.join(f'{kind}:127.0.0.1:{self.sip_port}' for kind in ('udp', 'tcp'))
            arguments = ['--set', f'sip.listen={listen}']
            print(f'  port {SIP_PORT} is taken, so it is {self.sip_port}')
        since = time.monotonic()
        self.tandem = Tandem(self, file=self.config, arguments=arguments)
        took_ms = (time.monotonic() - since) * 1000
        print(f'  tandemd is ready after {took_ms:.0f} ms (process {self.tandem.pid}, '
              f'{os.path.relpath(self.config, ROOT)}, 127.0.0.1:{self.sip_port})')

        self.events = self.spawn('tandemctl', [program('tandemctl'), '--json', 'event', 'follow',
                                               'call.*'], environment=self.tandem.environment)

    def password_of(self, user):
        with open(self.config, encoding='utf-8') as file:
            found = re.search(rf'(?ms)^\[user {user}\]$.*?^password *= *(\S+)', file.read())
        return found[1] if found else self.fail(f'{self.config} has no user {user}')

    def register(self, user, source, answer):
        phone = Baresip(self, user, registrar=f'127.0.0.1:{self.sip_port}', answer=answer,
                        password=self.password_of(user), source=self.path(source))
        phone.process.wait_for_output('200 OK')
        print(f'  {user} registered from {phone.address}')
        return phone

    def ctl(self, *words):
        """What tandemctl says to WORDS."""
        status, output, errors = self.tandem.ctl(*words)
        return output if status == 0 else self.fail(
            f'tandemctl {" ".join(words)}: status {status}: {errors}')

    # --- The call

    def call(self):
        """Alice calls Bob; both talk; returns the call's id and what was told of it meanwhile."""
        self.alice.dial(f'sip:bob@127.0.0.1:{self.sip_port}')
        self.alice.wait_for_event('CALL_ESTABLISHED', 15)
        print('  bob has answered; they talk')
        time.sleep(TALK_S)
        calls = self.tandem.ctl_json('call', 'list')
        if len(calls) != 1:
            self.fail(f'one call was to be seen, not {len(calls)}: {calls}')
        call = calls[0]['call']
        shown = self.ctl('call', 'show', call)
        self.alice.command('hangup')
        self.bob.wait_for_event('CALL_CLOSED')
        print('  alice hung up')
        return call, shown

    # --- What came of it

    def show_events(self, call):
        """What the switch told of the call, with the time since its beginning."""
        def all_told():
            facts = [json.loads(line) for line in self.events.output().splitlines()]
            return facts if any(fact['event'] == 'call.ended' for fact in facts) else None
        facts = [fact for fact in self.events.wait_for(all_told, 'end of the call')
                 if fact['call'] == call]
        for fact in facts:
            at_s = (fact['time_us'] - facts[0]['time_us']) / 1e6
            print(f'  {at_s:8.3f} s  {fact["event"]}')

    def show_ladder(self, call):
        ladder = self.ctl('trace', call)
        self.show(ladder)
        self.check(ladder.count('INVITE') >= 2 and ladder.count('BYE') >= 2,
                   'the ladder has both legs, from the INVITE to the BYE')

    def measure_tone(self):
        samples, rate_hz = self.alice.heard()
        samples = samples[rate_hz:]
        share, frequency_hz = tone_share(samples, rate_hz, TONE_HZ), sound.tone_hz(samples, rate_hz)
        self.check(share > 0.9, f'alice heard bob\'s tone: {frequency_hz:.1f} Hz, {share:.1%} of '
                   f'{len(samples) / rate_hz:.1f} s of sound is at {TONE_HZ} Hz')

    def measure_words(self):
        said, _ = sound.read_samples(self.path('said.wav'))
        samples, rate_hz = self.bob.heard()
        match = sound.speech_match(samples, said + said, rate_hz)
        speech_s = sound.sounding_s(samples, rate_hz)
        self.check(match > 0.9 and speech_s > TALK_S / 3,
                   f'bob heard alice\'s words: {speech_s:.1f} s of speech in '
                   f'{len(samples) / rate_hz:.1f} s, likeness to what she said {match:.3f}')

    def record(self, call):
        """The record that cdr-file wrote when CALL ended."""
        self.record_file = self.path('tandem-0/state/cdr-file/cdr.jsonl')

        def find():
            if not os.path.exists(self.record_file):
                return None
            with open(self.record_file, encoding='utf-8') as file:
                records = [json.loads(line) for line in file if line.endswith('\n')]
            return next((record for record in records
                         if record['record'] == 'STOP' and record['call'] == call), None)
        return self.tandem.process.wait_for(find, 'record of the call')

    def show_media(self, data):
        print('  from    codec   packets  lost  jitter')
        for side, name in (('calling', 'alice'), ('called', 'bob')):
            n_packets = data[f'packets_from_{side}'] or 0
            n_lost = data[f'packets_lost_from_{side}'] or 0
            jitter_ms = (data[f'jitter_from_{side}_us'] or 0) / 1000
            print(f'  {name:7} {data["codec_" + side]:7} {n_packets:7}  {n_lost:4}  '
                  f'{jitter_ms:.2f} ms')
            self.check(n_packets > TALK_S * 50 * 0.9 and n_lost <= n_packets * 0.01,
                       f'{name}\'s packets, 50 a second, came through')

    def show_record(self, record):
        data = record.pop('data')
        fields = {**record, **data}
        width = max(map(len, fields))
        for key, value in fields.items():
            if value not in ('', None):
                print(f'  {key:{width}}  {value}')
        self.check(data['cause'] == 16 and data['duration_us'] > TALK_S * 1e6 * 0.9,
                   f'the call stands in {os.path.basename(self.record_file)} with its length and '
                   'its cause')

    def play(self):
        self.title('What is said')
        self.make_sounds()
        print(f'  alice says "{WORDS}"\n  bob says a tone of {TONE_HZ} Hz')
        self.title('The switch and the phones')
        self.start_switch()
        self.alice = self.register('alice', 'words.wav', 'manual')
        self.bob = self.register('bob', 'tone.wav', 'auto')
        self.title('The call')
        call, shown = self.call()
        self.title('What was heard')
        self.measure_tone()
        self.measure_words()
        self.title('What happened (tandemctl event follow)')
        self.show_events(call)
        self.title(f'The ladder (tandemctl trace {call})')
        self.show_ladder(call)
        self.title(f'The call while they talked (tandemctl call show {call})')
        self.show(shown)
        record = self.record(call)
        self.title('The media')
        self.show_media(record['data'])
        self.title('The record')
        self.show_record(record)

    def end(self):
        """Ends everything in the order of its making, backwards, and looks that it is gone."""
        processes = self.processes
        for phone in (self.alice, self.bob):
            phone.quit()
        self.tandem.stop()
        living = [process.name for process in processes if process.status is None]
        self.check(not living, 'everything that was started has ended' if not living else
                   f'still there: {", ".join(living)}')


NEXT = '''
What to try next
  contrib/run tandemd                     the same switch, to stay
  contrib/run tandemctl help              what it can be asked
  contrib/run tandemctl event follow      what happens in it, as it happens
  a phone of yours: user alice or bob of etc/tandem.conf at 127.0.0.1; dial 9196 to hear yourself
  contrib/test                            everything Tandem promises, proven
'''


def end_tidily(number, _frame):
    raise KeyboardInterrupt(f'signal {number}')


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_tidily)
    sys.stdout.reconfigure(line_buffering=True)
    with contextlib.ExitStack() as stack:
        demo = Demo(stack)
        try:
            demo.play()
            demo.title('The end')
            demo.end()
        except (ProcessError, subprocess.CalledProcessError) as error:
            print(f'\nFAILED: {error}', file=sys.stderr)
            for what, text in demo.evidence():
                print(f'--- {what}\n{text}', file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print('\nstopped; everything that was started is being ended', file=sys.stderr)
            return 130
    if demo.n_failed:
        print(f'\n{demo.n_failed} of {demo.n_checked} checks failed', file=sys.stderr)
        return 1
    print(f'\nAll {demo.n_checked} checks are well.')
    print(NEXT, end='')
    return 0


if __name__ == '__main__':
    sys.exit(main())
