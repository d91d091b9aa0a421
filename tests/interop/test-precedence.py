#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Precedence and preemption on the wire: whose place goes to whom, and what all of them are told (RFC 4411,
RFC 4412). Each test bears the number of what it proves; docs/priority.md has them all.

With TANDEM_TEST_PRIORITY=off the switch has no module priority, and these tests fail."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers.agent import Call, field  # noqa: E402
from peers.priority import PriorityCase, Recorded, marked  # noqa: E402


class PreemptionCase(Recorded):
    """The trunk "carrier" has one place, and precedence decides whose it is. Calls to 9 go there alone."""

    MODULES = ('cdr-file', 'trunk')
    AGENCY = {**PriorityCase.AGENCY, 'rph-accept': 'ets, dsn, drsn'}
    CARRIER = {'capacity': '1 calls', 'mlpp': 'on'}
    BY_US = 'preemption ;cause=1 ;text="UA Preemption"'

    def end_winner(self):
        """The winner's leg, which comes now, is refused."""
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 404, 'c')
        self.carrier.expect('ACK ')
        self.agency.refused(404)

    def rejected(self):
        """How many calls the trunk refused, by class."""
        return {row['class']: row['rejected'] for row in
                self.tandem.ctl_json('trunk', 'priority', 'carrier') if row['rejected']}

    def preempt(self, *marks):
        """A call that is up loses its place to one with MARKS. The Reason that the called and the calling
        side of it are told."""
        Call(self.neighbour, self.carrier, '9001')
        self.agency.invite('9002', marked(*marks))
        bye = self.carrier.expect('BYE ')
        told = self.neighbour.expect('BYE ')
        self.neighbour.answer(told, 200)
        self.carrier.ping()  # nothing of the new call comes before the old one has ended
        self.carrier.answer(bye, 200)
        self.end_winner()
        return field(bye, 'Reason'), field(told, 'Reason')


class Preemption(PreemptionCase):
    """Between switches."""

    def test_pri_071_both_legs(self):
        self.assertEqual(self.preempt('dsn.flash'), (self.BY_US, self.BY_US))
        victim, winner = self.records(2)
        self.assertEqual(victim['cause'], '8')
        self.assertEqual(victim['preempted_by'], winner['call'])
        self.assertEqual(winner['preempted'], victim['call'])
        self.assertEqual(winner['preempted_by'], '')
        row, = self.tandem.ctl_json('trunk', 'statistics', 'carrier', '--last', '1')
        self.assertEqual(row['preempted'], 1)

    def test_pri_071_one_that_rings(self):
        self.neighbour.invite('9001')
        invite = self.carrier.expect('INVITE ')
        self.carrier.answer(invite, 180, 'c')
        self.neighbour.expect('SIP/2.0 180 ')
        self.agency.invite('9002', marked('dsn.flash'))
        cancel = self.carrier.expect('CANCEL ')  # RFC 3326 2
        self.assertEqual(field(cancel, 'Reason'), self.BY_US)
        self.assertEqual(field(self.neighbour.refused(503), 'Reason'), self.BY_US)
        self.carrier.answer(cancel, 200, 'c')
        self.carrier.answer(invite, 487, 'c')
        self.carrier.expect('ACK ')
        self.end_winner()

    def test_pri_071_a_peer_preempts(self):
        call = Call(self.neighbour, self.carrier, '9001')
        call.from_b('BYE', extra={'Reason': 'Q.850;cause=8, Preemption;cause=4;text="x"'})
        self.carrier.expect('SIP/2.0 200 ')
        bye = self.neighbour.expect('BYE ')
        self.assertEqual(field(bye, 'Reason'), 'preemption ;cause=4 ;text="Non-IP Preemption"')
        self.neighbour.answer(bye, 200)
        self.assertEqual(self.records()[0]['cause'], '8')

    def test_pri_070_not_for_ets(self):
        Call(self.neighbour, self.carrier, '9001')
        self.agency.invite('9002', marked('ets.0'))
        self.assertIn('cause=34;', field(self.agency.refused(503), 'Reason'))
        self.assertEqual(self.carrier.drain(), [])
        self.assertEqual(self.rejected(), {11: 1})

    def test_pri_072_not_an_equal(self):
        self.agency.invite('9001', marked('drsn.flash'))
        invite = self.carrier.expect('INVITE ')
        self.agency.drain()
        other = dict(vars(self.agency))
        for mark in 'dsn.flash', 'dsn.routine':
            self.agency.invite('9002', marked(mark))
            self.assertIn('cause=46;', field(self.agency.refused(503), 'Reason'))
        vars(self.agency).update(other)
        self.carrier.answer(invite, 404, 'c')
        self.carrier.expect('ACK ')
        self.agency.refused(404)


class PreemptionAndHelp(PreemptionCase):
    """Calls of the agency preempt one another on its own trunk, by values above calls for help."""

    MODULES = ('cdr-file', 'trunk', 'emergency')
    AGENCY = {**PreemptionCase.AGENCY, 'capacity': '1 calls', 'mlpp': 'on'}
    PRIORITY = {'namespace': 'drsn preemption routine:5 flash-override:14 flash-override-override:15='}
    MORE = {'emergency': {'fallback': 'town', 'region': 'here'},
            'emergency-region here': {'numbers': '112'},
            'emergency-psap town': {'trunks': 'other'}}

    def second_call(self, first):
        """What becomes of a call of the highest value when the only place has one to FIRST."""
        self.agency.invite(first, marked('drsn.flash-override'))
        called = self.other if first == '112' else self.carrier
        called.answer(called.expect('INVITE '), 180, 'c')
        self.agency.expect('SIP/2.0 180 ')
        self.agency.invite('9002', marked('drsn.flash-override-override'))

    def test_pri_070_nobody_takes_the_place_of_a_call_for_help(self):
        self.second_call('112')
        self.assertIn('cause=46;', field(self.agency.refused(503), 'Reason'))
        self.assertEqual(self.other.drain(), [])

    def test_pri_071_but_of_another_call(self):
        self.second_call('9001')
        self.assertEqual(field(self.carrier.expect('CANCEL '), 'Reason'), self.BY_US)


class PreemptionOfUsers(PreemptionCase):
    """The carrier is a user's line, and his domain tells him no kinds."""

    CARRIER = {**PreemptionCase.CARRIER, 'line': 'yes', 'preemption-reason': 'generic'}

    def test_pri_071_both_legs(self):
        self.assertEqual(self.preempt('dsn.flash'),
                         ('preemption ;cause=3 ;text="Generic Preemption"', self.BY_US))

    def test_pri_014_busy(self):
        Call(self.neighbour, self.carrier, '9001')
        self.agency.invite('9002', marked('ets.0'))
        self.agency.refused(486)
        self.assertEqual(self.rejected(), {11: 1})


if __name__ == '__main__':
    tap.main()
