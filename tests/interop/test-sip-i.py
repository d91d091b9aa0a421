#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ISUP within INVITEs (SIP-I): what its calling party's category and its precedence are worth, which of it and
Resource-Priority counts where they disagree, and what it says of a call that goes out. tshark reads what went
out. Each test bears the number of what it proves; docs/priority.md has them all.

Of ITU-T Q.1912.5 and Q.763 the clauses' own wording could not be opened."""

import os
import re
import subprocess
import sys
import uuid

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, branch, description, field  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

ORDINARY, NSEP, IEPS = 10, 226, 14
CALLED = b'\x06\x81\x10\x09\x00\x08\x01'
CALLING = b'\x0a\x07\x03\x13\x21\x43\x65\x87\x09'


def precedence(level):
    """The MLPP precedence parameter."""
    return bytes((0x3a, 6, level, 0, 0, 0, 0, 0))


def address_message(category, *optional):
    """An initial address message of ITU ISUP."""
    return (b'\x01\x00\x60\x00' + bytes((category,)) + b'\x03\x02\x08' + CALLED + CALLING
            + b''.join(optional) + b'\x00')


def multipart(*messages):
    """A body of a description and ISUP, as text of any bytes, and its type."""
    parts = ['Content-Type: application/sdp\r\n\r\n' + description(9)]
    parts += ['Content-Type: application/ISUP;version=itu-t92+;base=itu-t92+\r\n'
              'Content-Disposition: signal;handling=optional\r\n\r\n' + message.decode('latin-1')
              for message in messages]
    return ''.join(f'--xyz\r\n{part}\r\n' for part in parts) + '--xyz--\r\n', 'multipart/mixed;boundary=xyz'


class Exchange(Agent):
    """A peer that speaks SIP-I."""

    encoding = 'latin-1'

    def invite(self, number, *messages, mark=None):
        self.parties = {'From': f'<sip:+12125550100@127.0.0.1>;tag={self.user}',
                        'To': f'<sip:{number}@x>', 'Call-ID': uuid.uuid4().hex}
        self.number, self.transaction = number, branch()
        body, content_type = multipart(*messages)
        self.send(self.request('INVITE', f'sip:{number}@127.0.0.1:{self.switch[1]}', self.parties, 1, body,
                               self.transaction, content_type=content_type,
                               extra={'MIME-Version': '1.0', **({'Resource-Priority': mark} if mark else {})}))

    def refused(self):
        response = self.expect('SIP/2.0 486 ')
        self.send(self.request('ACK', f'sip:{self.number}@127.0.0.1:{self.switch[1]}',
                               {**self.parties, 'To': field(response, 'To')}, 1,
                               transaction=self.transaction))


class Encapsulated(PeerCase):
    """Three trunks that are believed, each with another word in a conflict, one that is not; two that calls
    go out by, of either kind of ISUP, and one that has none."""

    BELIEVED = {'rph-trust': 'accept', 'rph-accept': 'ets', 'rph-interface': '127.0.0.1', 'rph-isup': 'itu'}

    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        trunks = {
            'higher': self.BELIEVED,
            'header': {**self.BELIEVED, 'rph-conflict': 'header'},
            'isup': {**self.BELIEVED, 'rph-conflict': 'isup'},
            'neighbour': {'rph-isup': 'itu'},
            'ansi': {'rph-isup': 'ansi'},
            'itu': {'rph-isup': 'itu', 'rph-precedence': '0001:0000ff'},
            'plain': {},
        }
        for name in trunks:
            setattr(self, name, Exchange(self, self.port, name))
        self.tandem = Tandem(self, {
            'tandem': {'drain': '0 s'},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'priority'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}'},
            'call': {'media': 'through'},
            **{f'trunk {name}': {'address': f'sip:{getattr(self, name).address}', **keys}
               for name, keys in trunks.items()},
            'route ansi': {'prefix': '1', 'targets': 'ansi'},
            'route itu': {'prefix': '2', 'targets': 'itu'},
            'route plain': {'prefix': '3', 'targets': 'plain'},
        })

    def goes_out(self, caller, *messages, number='1', mark=None):
        """(class, INVITE) of a call of CALLER with ISUP MESSAGES, which is then refused."""
        called = {'1': self.ansi, '2': self.itu, '3': self.plain}[number]
        caller.invite(number, *messages, mark=mark)
        invite = called.expect('INVITE ')
        priority_class = self.tandem.ctl_json('call', 'list')[0]['class']
        called.answer(invite, 486, 'c')
        called.expect('ACK ')
        caller.refused()
        return priority_class, invite

    def isup_of(self, invite):
        """The ISUP in INVITE, as it is."""
        return re.search('Content-Type: application/ISUP.*?\r\n\r\n(.*?)\r\n--', invite,
                         re.DOTALL).group(1).encode('latin-1')

    def decoded(self, caller, called):
        """What tshark reads in the INVITE of CALLER's last call to CALLED: category, precedence or None."""
        path = self.path('call.pcap')
        self.assertEqual(self.tandem.ctl('trace', caller.parties['Call-ID'], '--pcap', '--output', path)[0], 0)
        answer = subprocess.run(
            [self.need('tshark'), '-r', path, '-d', f'udp.port=={self.port},sip', '-T', 'fields',
             '-Y', f'sip.Method == "INVITE" && udp.dstport == {called.port}',
             '-e', 'isup.calling_partys_category', '-e', 'isup.precedence_level'],
            capture_output=True, text=True, check=True, timeout=60)
        return tuple(int(text, 0) if text else None for text in answer.stdout.rstrip('\n').split('\t'))

    def test_pri_082_category_in(self):
        self.assertEqual(self.goes_out(self.higher, address_message(IEPS))[0], 7)
        self.assertEqual(self.goes_out(self.higher, address_message(IEPS, precedence(1)))[0], 10)
        self.assertEqual(self.goes_out(self.higher, address_message(ORDINARY))[0], 4)

    def test_pri_082_category_and_precedence_out(self):
        message = address_message(ORDINARY)
        priority_class, invite = self.goes_out(self.header, message, number='1', mark='ets.1')
        self.assertEqual(priority_class, 10)
        self.assertEqual(self.isup_of(invite), address_message(NSEP))  # all else as it came
        self.assertEqual(self.decoded(self.header, self.ansi), (NSEP, None))
        self.goes_out(self.header, message, number='2', mark='ets.1')
        self.assertEqual(self.decoded(self.header, self.itu), (IEPS, 1))
        _, invite = self.goes_out(self.header, message, number='3', mark='ets.1')
        self.assertEqual(self.isup_of(invite), message)  # nothing is said of ISUP there

    def test_pri_082_what_is_not_trusted_ends_here(self):
        for number in '12':
            priority_class, invite = self.goes_out(self.neighbour, address_message(NSEP, precedence(0)),
                                                   number=number)
            self.assertEqual((priority_class, self.isup_of(invite)), (4, address_message(ORDINARY)))
        payphone = address_message(15)  # means nothing here, and is not touched
        self.assertEqual(self.isup_of(self.goes_out(self.neighbour, payphone)[1]), payphone)
        twice = self.goes_out(self.neighbour, payphone, address_message(NSEP))[1]
        self.assertEqual(twice.count('application/ISUP'), 1)

    def test_pri_086_the_trunk_says_what_counts(self):
        for caller, priority_class, marks, counts in (
                (self.higher, 11, 'ets.0', 'the higher one counts'),
                (self.header, 11, 'ets.0', 'Resource-Priority counts'),
                (self.isup, 4, '', 'the ISUP counts')):
            found, invite = self.goes_out(caller, address_message(ORDINARY), mark='ets.0')
            self.assertEqual((found, field(invite, 'Resource-Priority')), (priority_class, marks))
            self.tandem.process.wait_for_output(
                f'Resource-Priority "ets.0" and the ISUP within, category {ORDINARY}, disagree: {counts}')

    def test_pri_086_no_conflict(self):
        for caller in self.higher, self.header, self.isup:
            self.assertEqual(self.goes_out(caller, address_message(IEPS), mark='ets.0')[0], 11)
        self.assertNotIn('disagree', self.tandem.process.output())

    def test_pri_086_damaged(self):
        whole = address_message(NSEP, precedence(0))
        for message in (whole[:-1], whole[:6], whole[:7] + b'\xff' + whole[8:], b'', b'\x0c' + whole[1:]):
            priority_class, invite = self.goes_out(self.isup, message, mark='ets.2')
            self.assertEqual((priority_class, self.isup_of(invite)), (9, message))


if __name__ == '__main__':
    tap.main()
