# SPDX-License-Identifier: LGPL-2.1-or-later
"""A child process with its output in a file, which ends when we do and never outlives us."""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
# With the feature off (tests/prove.py) much is waited for in vain.
IS_OFF = os.environ.get('TANDEM_TEST_PRIORITY') == 'off'
PATIENCE_S = 2 if IS_OFF else 10
_libc = ctypes.CDLL(None, use_errno=True)


class ProcessError(AssertionError):
    """A peer did not do what the test needs of it."""


def _die_with_parent():
    """In the child: when the test itself is killed, nobody else would end this process."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def children_of(pid):
    """All living descendants of PID."""
    parents = {}
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open(f'/proc/{name}/stat', encoding='ascii', errors='replace') as stat:
                parents[int(name)] = int(stat.read().rsplit(')', 1)[1].split()[1])
        except (OSError, IndexError):
            continue
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        below = [child for child, of in parents.items() if of == parent]
        found += below
        waiting += below
    return found


def _kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Process:
    """NAME is for messages; output goes to LOG. Started at once."""

    def __init__(self, name, arguments, log, cwd=None, environment=None, stdin=None, files=()):
        self.name = name
        self.log = log
        with open(log, 'ab') as output:
            self.child = subprocess.Popen(
                [str(argument) for argument in arguments], cwd=cwd, stdin=stdin or
                subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, pass_fds=files,
                env={**os.environ, **(environment or {})}, preexec_fn=_die_with_parent)
        self.pid = self.child.pid

    @property
    def status(self):
        """The exit status, or None while it runs; negative: the signal that ended it."""
        return self.child.poll()

    def output(self):
        with open(self.log, encoding='utf-8', errors='replace') as log:
            return log.read()

    def tail(self, n_lines=40):
        # Peers redraw their terminal's last line: what is left of it is empty.
        lines = [line for line in self.output().replace('\r', '\n').splitlines() if line.strip()]
        return '\n'.join(lines[-n_lines:])

    def require_running(self):
        if self.status is not None:
            raise ProcessError(f'{self.name} ended with status {self.status}:\n{self.tail()}')

    def wait_for(self, is_true, what, timeout_s=PATIENCE_S, interval_s=0.02):
        """Waits until IS_TRUE () while the process runs; the result is IS_TRUE's."""
        deadline = time.monotonic() + timeout_s
        while True:
            result = is_true()
            if result:
                return result
            self.require_running()
            if time.monotonic() > deadline:
                raise ProcessError(f'{self.name}: no {what} within {timeout_s} s:\n{self.tail()}')
            time.sleep(interval_s)

    def wait_for_output(self, text, timeout_s=PATIENCE_S):
        self.wait_for(lambda: text in self.output(), f'"{text}" in its output', timeout_s)

    def wait(self, timeout_s):
        """The exit status; an error when it does not end by itself."""
        try:
            return self.child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise ProcessError(f'{self.name} runs on after {timeout_s} s:\n{self.tail()}') from None

    def signal(self, number):
        if self.status is None:
            self.child.send_signal(number)

    def stop(self, timeout_s=5):
        """Ends it and all it has started: politely first. Returns the exit status."""
        if self.status is None:
            below = children_of(self.pid)
            self.child.terminate()
            try:
                self.child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                below += children_of(self.pid)
                self.child.kill()
                self.child.wait()
            for pid in set(below):
                if pid not in (0, 1, os.getpid()) and is_orphan_of(pid, self.name):
                    _kill(pid, signal.SIGKILL)
        return self.status


def is_orphan_of(pid, name):
    """Whether PID still is what a peer of ours left behind, and not a stranger with its number."""
    try:
        with open(f'/proc/{pid}/comm', encoding='utf-8', errors='replace') as comm:
            return comm.read().strip().startswith(name.split()[0][:15])
    except OSError:
        return False


def cpu_seconds(pid):
    """User and system time of PID, all its threads and living descendants, in seconds."""
    ticks = 0
    for each in [pid, *children_of(pid)]:
        try:
            with open(f'/proc/{each}/stat', encoding='ascii', errors='replace') as stat:
                fields = stat.read().rsplit(')', 1)[1].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf('SC_CLK_TCK')


def rss_kib(pid):
    """Resident memory of PID and its living descendants, in KiB."""
    total = 0
    for each in [pid, *children_of(pid)]:
        try:
            with open(f'/proc/{each}/status', encoding='utf-8', errors='replace') as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith('VmRSS'))
        except OSError:
            continue
    return total


def descriptors(pid):
    """How many descriptors PID and its living descendants have open."""
    total = 0
    for each in [pid, *children_of(pid)]:
        try:
            total += len(os.listdir(f'/proc/{each}/fd'))
        except OSError:
            continue
    return total


def mappings(pid):
    """The files that PID has mapped, each once."""
    with open(f'/proc/{pid}/maps', encoding='utf-8', errors='replace') as maps:
        lines = [line.split(maxsplit=5) for line in maps]
    return {fields[5].rstrip('\n') for fields in lines if len(fields) > 5}


def is_sanitized(pid):
    """Whether PID is a build with AddressSanitizer: slow, and it keeps what was freed, and finds by itself
    what is not."""
    return any('libasan' in path for path in mappings(pid))
