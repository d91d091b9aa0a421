# SPDX-License-Identifier: LGPL-2.1-or-later
"""tandemd from the build tree, with a configuration of its own, ready when it says so."""

import json
import os
import signal
import socket
import subprocess

from peers.case import ROOT
from peers.process import ProcessError

PRIORITY_SECTIONS = 'priority', 'priority-number'
BUILD = os.environ.get('TANDEM_BUILD', os.path.join(ROOT, 'build'))


def program(name):
    """The path of a program of the build tree, or None."""
    for folder in ('core', 'contrib/' + name, 'contrib/tools'):
        path = os.path.join(BUILD, folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def module_folders():
    """Where the modules of the build tree are. A folder without a program file is of a module that
    is being made, or is Meson's own."""
    modules = os.path.join(BUILD, 'modules')
    if not os.path.isdir(modules):
        return []
    return [os.path.join(modules, name) for name in sorted(os.listdir(modules))
            if os.path.isfile(os.path.join(modules, name, name + '.so'))]


def ini(sections):
    """{"trunk a": {"address": ..., "numbers": [..]}} as a configuration file."""
    lines = []
    for section, keys in sections.items():
        lines.append(f'[{section}]')
        for key, value in keys.items():
            text = ', '.join(map(str, value)) if isinstance(value, (list, tuple)) else value
            lines.append(f'{key} = {text}')
        lines.append('')
    return '\n'.join(lines)


def without_priority(sections):
    """SECTIONS for a switch that has never heard of priority: what proves that a test of it can fail."""
    kept = {section: {key: value for key, value in keys.items() if not key.startswith('rph-')}
            for section, keys in sections.items() if section.split()[0] not in PRIORITY_SECTIONS}
    kept.get('modules', {}).pop('priority', None)
    return kept


def patient(config):
    """CONFIG, but that calls are not refused because this machine is late: it runs other tests, too, and a
    sanitizer's build is slow. Tests of that say "arrival-wait"."""
    if not isinstance(config, dict) or 'sip' not in config:
        return config
    return {**config, 'sip': {'arrival-wait': '0 s', **config['sip']}}


class Notified:
    """The receiving end of NOTIFY_SOCKET (sd_notify(3))."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.fields = {}

    def has(self, field, value):
        while True:
            try:
                message = self.socket.recv(4096)
            except BlockingIOError:
                break
            self.fields.update(line.split('=', 1) for line in message.decode().splitlines()
                               if '=' in line)
        return self.fields.get(field) == value


class Tandem:
    """A running tandemd. CONFIG is a text or a dictionary for ini(); or FILE is its configuration,
    where it stands."""

    def __init__(self, case, config='', arguments=(), environment=None, timeout_s=20,
                 is_awaited=True, file=None):
        path = program('tandemd')
        if path is None:
            case.fail(f'no tandemd in {BUILD}; build it, or set TANDEM_BUILD')
        self.folder = case.path(f'tandem-{len(case.processes)}')
        os.makedirs(os.path.join(self.folder, 'state'))
        if os.environ.get('TANDEM_TEST_PRIORITY') == 'off' and not isinstance(config, str):
            config = without_priority(config)
        text = config if isinstance(config, str) else ini(patient(config))
        self.config = file or case.write(os.path.join(self.folder, 'tandem.conf'), text)
        self.control = os.path.join(self.folder, 'control.sock')
        self.notified = Notified(os.path.join(self.folder, 'notify.sock'))
        case.addCleanup(self.notified.socket.close)
        self.environment = {
            'NOTIFY_SOCKET': self.notified.path,
            'TANDEM_CONTROL': self.control,
            'TANDEM_STATE_DIR': os.path.join(self.folder, 'state'),
            'TANDEM_MODULE_PATH': ':'.join(module_folders()),
            **(environment or {}),
        }
        self.process = case.spawn('tandemd', [path, '--config', self.config, *arguments],
                                  environment=self.environment)
        if is_awaited:
            self.wait_until_ready(timeout_s)

    @property
    def pid(self):
        return self.process.pid

    def wait_until_ready(self, timeout_s=20, interval_s=0.02):
        self.process.wait_for(lambda: self.notified.has('READY', '1'), 'READY=1', timeout_s,
                              interval_s)

    def rewrite(self, config):
        """Writes the configuration anew; reload() or a command takes it over."""
        with open(self.config, 'w', encoding='utf-8') as file:
            file.write(config if isinstance(config, str) else ini(patient(config)))

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def ctl(self, *words, timeout_s=10):
        """Runs tandemctl with WORDS; returns (exit status, stdout, stderr)."""
        path = program('tandemctl')
        if path is None:
            raise ProcessError(f'no tandemctl in {BUILD}')
        answer = subprocess.run([path, *words], capture_output=True, text=True, timeout=timeout_s,
                                env={**os.environ, **self.environment}, check=False)
        return answer.returncode, answer.stdout, answer.stderr

    def ctl_json(self, *words):
        """What tandemctl answers, as data; an error when it fails."""
        status, output, errors = self.ctl(*words, '--json')
        if status != 0:
            raise ProcessError(f'tandemctl {" ".join(words)}: status {status}: {errors}')
        return json.loads(output)

    def stop(self, timeout_s=20):
        """Asks for an orderly end; an error when it does not come, or not cleanly."""
        self.process.signal(signal.SIGTERM)
        status = self.process.wait(timeout_s)
        if status != 0:
            raise ProcessError(f'tandemd ended with status {status}:\n{self.process.tail()}')
