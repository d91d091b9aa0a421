# SPDX-License-Identifier: LGPL-2.1-or-later
"""Peers that mark their calls (RFC 4412), and a switch that they call by."""

import os
import re
import uuid

from peers import ports
from peers.agent import Agent, branch, description, field
from peers.case import PeerCase
from peers.tandem import Tandem, csv_records


def marked(*marks, **more):
    """Header fields, one Resource-Priority for each of MARKS."""
    fields = dict(more)
    if marks:
        fields['Resource-Priority'] = '\r\nResource-Priority: '.join(marks)
    return fields


def values(message, name='Resource-Priority'):
    """The values of all header fields NAME in MESSAGE, or None."""
    found = re.findall(rf'^{name}:(.*?)\r$', message, re.MULTILINE | re.IGNORECASE)
    return [value.strip() for line in found for value in line.split(',') if value.strip()] \
        if found else None


class Caller(Agent):
    """A peer that marks its calls."""

    def invite(self, number='8001', extra=None, user=None):
        self.parties = {'From': f'<sip:{user or self.user}@127.0.0.1>;tag=f',
                        'To': f'<sip:{number}@x>', 'Call-ID': uuid.uuid4().hex}
        self.transaction = branch()
        self.number = number
        self.send(self.request('INVITE', f'sip:{number}@127.0.0.1:{self.switch[1]}', self.parties, 1,
                               description(9), self.transaction, extra=extra))

    def refused(self, status):
        """The refusal, which is acknowledged."""
        response = self.expect(f'SIP/2.0 {status} ')
        self.send(self.request('ACK', f'sip:{self.number}@127.0.0.1:{self.switch[1]}',
                               {**self.parties, 'To': field(response, 'To')}, 1,
                               transaction=self.transaction))
        return response

    def ask(self, method, extra=None):
        parties = {'From': f'<sip:{self.user}@127.0.0.1>;tag=q', 'To': '<sip:switch>',
                   'Call-ID': uuid.uuid4().hex}
        self.send(self.request(method, f'sip:127.0.0.1:{self.switch[1]}', parties, 1, extra=extra))
        return self.expect('SIP/2.0 ')


class PriorityCase(PeerCase):
    """agency's marks are accepted as far as they are listed, as they come to a private address;
    neighbour's are not trusted; transit's are passed on. carrier is where calls go."""

    AGENCY = {'rph-trust': 'accept', 'rph-accept': 'ets, wps.4', 'rph-interface': '127.0.0.1'}
    CARRIER = {}
    PRIORITY = {}
    MORE = {}
    MODULES = ()
    STRANGERS = 'accept'

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        for name in 'agency', 'neighbour', 'transit', 'carrier', 'other':
            setattr(self, name, Caller(self, self.port, name))
        modules = ('cli', 'sip', 'route-table', 'priority', *self.MODULES)
        self.config = {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(modules, 'required'),
            'sip': {'listen': [f'udp:127.0.0.1:{self.port}', f'tcp:127.0.0.1:{self.port}'],
                    'strangers': self.STRANGERS},
            'call': {'media': 'through'},
            'priority': self.PRIORITY,
            **self.MORE,
            'trunk agency': {'address': f'sip:{self.agency.address}', **self.AGENCY},
            'trunk neighbour': {'address': f'sip:{self.neighbour.address}'},
            'trunk transit': {'address': f'sip:{self.transit.address}', 'rph-trust': 'pass'},
            'trunk carrier': {'address': f'sip:{self.carrier.address}', **self.CARRIER},
            'trunk other': {'address': f'sip:{self.other.address}', 'rph-isup': 'ansi'},
            'route carrier': {'prefix': '8', 'targets': 'carrier, other'},
            'route number': {'prefix': '', 'targets': 'carrier'},
        }
        self.tandem = Tandem(self, self.config)

    def call_in_hand(self, number=None):
        """That to NUMBER, of several."""
        return next(call for call in self.tandem.ctl_json('call', 'list')
                    if number in (None, call['called']))

    def judged(self, result):
        """How many requests were judged so."""
        rows = self.tandem.ctl_json('metric', 'tandem_priority_judged_total')
        return sum(row['value'] for row in rows if f'"{result}"' in row.get('labels', ''))

    def goes_out(self, caller, *marks, number='8001', **more):
        """(class, values that went out) of a call of CALLER with MARKS, which is then refused."""
        caller.invite(number, marked(*marks, **more))
        invite = self.carrier.expect('INVITE ')
        priority_class = self.call_in_hand(number)['class']
        self.carrier.answer(invite, 486, 'c')
        self.carrier.expect('ACK ')
        caller.refused(486)
        return priority_class, values(invite)


class Recorded(PriorityCase):
    """With call detail records."""

    MODULES = ('cdr-file',)

    def records(self, n=1):
        """The call detail records of calls that have ended, once there are N."""
        path = os.path.join(self.tandem.folder, 'state', 'cdr-file', 'cdr.csv')

        def rows():
            return [row for row in csv_records(path) if row['record'] != 'START']
        self.tandem.process.wait_for(lambda: len(rows()) >= n, f'{n} records')
        return rows()
