# SPDX-License-Identifier: LGPL-2.1-or-later
"""tandemd from the build tree, with a configuration of its own, ready when it says so."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess

from peers.case import ROOT
from peers.process import IS_OFF, ProcessError

# What the switch lacks where features are off (tests/prove.py): the modules that know what has a
# priority, whom tokens are believed from, and what some keys say.
OFF_MODULES = 'access', 'emergency', 'marker', 'priority'
OFF_SECTIONS = re.compile(r'(access|emergency|marker|passport-|priority)')
OFF_KEYS = re.compile(r'rph-|access-|crl')
OFF_VALUES = {('tls', 'verify'): 'none', ('sip', 'tell-load'): 'no', ('sip', 'arrival-wait'): '0 s'}
# Marks that nobody judges go on then, as if nobody kept them from doing so.
OFF_ADDED = {'sip': {'unjudged-marks': 'pass'}}
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


def switched_off(sections):
    """SECTIONS for a switch that has never heard of priority, and what was taken out: tests are to fail."""
    kept, changed = {}, []
    for section, keys in sections.items():
        kind = section.split()[0]
        if OFF_SECTIONS.match(kind):
            changed.append(f'[{section}]')
            continue
        kept[section] = added = OFF_ADDED.get(kind, {}).copy()
        changed += [f'{key} = {value}' for key, value in added.items() if keys.get(key) != value]
        for key, value in keys.items():
            if OFF_KEYS.match(key) or (kind == 'modules' and key in OFF_MODULES):
                changed.append(f'{key} in [{section}]')
                continue
            kept[section][key] = off = OFF_VALUES.get((kind, key), value)
            changed += [f'{key} = {off}'] if off != value else []
    return kept, changed


def patient(config):
    """CONFIG, but that calls are not refused because this machine is late: it runs other tests, too, and a
    sanitizer's build is slow. Tests of that say "arrival-wait"."""
    if not isinstance(config, dict) or 'sip' not in config:
        return config
    return {**config, 'sip': {'arrival-wait': '0 s', **config['sip']}}


def csv_records(path):
    """The call detail records of a file that may be written to meanwhile, or not be there yet."""
    try:
        with open(path, encoding='utf-8', errors='replace', newline='') as file:
            # In one go: what comes meanwhile is no second line of an empty file.
            return list(csv.DictReader(io.StringIO(file.read(), newline='')))
    except FileNotFoundError:
        return []


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
        changed = []
        if IS_OFF and not isinstance(config, str):
            config, changed = switched_off(config)
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
        if changed:
            print('# switched off:', ', '.join(changed), flush=True)

    @property
    def pid(self):
        return self.process.pid

    def wait_until_ready(self, timeout_s=20, interval_s=0.02):
        self.process.wait_for(lambda: self.notified.has('READY', '1'), 'READY=1', timeout_s,
                              interval_s)

    def rewrite(self, config):
        """Writes the configuration anew; reload() or a command takes it over."""
        with open(self.config, 'w', encoding='utf-8') as file:
            if IS_OFF and not isinstance(config, str):
                config, _ = switched_off(config)
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
