#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-074: RFC 7339 on the wire. A congested switch tells who asks, and only who asks; another switch
keeps back what it is asked to, and the caller's sipp sees the rest refused."""

import os
import re
import signal
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import TIMEOUT_S, Agent, description, field, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import Tandem  # noqa: E402

N_CALLS, RATE = 200, 50
MODULES = ('cli', 'sip', 'route-table', 'congestion')


class Overload(PeerCase):
    def setUp(self):
        super().setUp()
        self.called = sipp.uas(self, timeout_s=60)

    def start(self, called, more=None, **sip):
        """(A switch before CALLED, its port)."""
        port = ports.free_port()
        return Tandem(self, {
            'tandem': {'lanes': 1},
            'modules': dict.fromkeys(MODULES, 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{port}', 'strangers': 'accept', 't1': '20 ms',
                    'tell-load': 'yes', **sip},
            'call': {'media': 'through'},
            'congestion': {'lane-occupancy': 'off'},
            'trunk called': {'address': f'sip:{called}'},
            'route all': {'targets': 'called'},
            **(more or {}),
        }), port

    def set_level(self, tandem, level):
        status, _, errors = tandem.ctl('congestion', 'set', level)
        self.assertEqual((status, errors), (0, ''))

    def first_via(self, port, parameters):
        """The Via of the first response to an INVITE whose Via has PARAMETERS; nobody goes on with
        that call."""
        agent = Agent(self, port, 'ann')
        uri = f'sip:8001@127.0.0.1:{port}'
        parties = {'From': '<sip:ann@x>;tag=1', 'To': f'<{uri}>', 'Call-ID': os.urandom(8).hex()}
        branch = 'z9hG4bK' + parties['Call-ID']
        request = agent.request('INVITE', uri, parties, 1, description(9), branch)
        agent.send(request.replace(branch, branch + parameters, 1))
        return field(agent.receive(), 'Via')

    def metric(self, tandem, name):
        _, text, _ = tandem.ctl('metric', '--prometheus')
        return sum(float(value) for value in re.findall(rf'(?m)^{name}(?:{{.*}})? (\S+)$', text))

    def test_congested_switch_tells_who_asks(self):
        """PRI-074"""
        tandem, port = self.start(self.called.address)
        asks = ';oc;oc-algo="loss"'
        self.assertIn(';oc=0;oc-algo="loss";oc-validity=0;oc-seq=', self.first_via(port, asks))
        self.set_level(tandem, 'MC2')   # where the half of ordinary calls is refused
        self.first_via(port, asks)
        via = self.first_via(port, asks)
        self.assertRegex(via, r';oc=50;oc-algo="loss";oc-validity=[1-9]\d*;oc-seq=[\d.]+')
        self.assertNotIn('oc=', self.first_via(port, ''))
        tandem.stop()

    def becomes_of(self, number, port, far, wanted=None):
        """What becomes of a call to NUMBER by the switch at PORT: 486, where it comes to FAR, who says that
        WANTED percent are to be kept back; otherwise what the switch says itself."""
        caller = Agent(self, port, 'ann')
        uri = f'sip:{number}@127.0.0.1:{port}'
        parties = {'From': '<sip:ann@x>;tag=1', 'To': f'<{uri}>', 'Call-ID': os.urandom(8).hex()}
        caller.send(caller.request('INVITE', uri, parties, 1, description(9)))
        for _ in range(20 * TIMEOUT_S):
            message = far.receive(0)
            if message is not None and message.startswith('INVITE '):
                says = f';oc={wanted};oc-validity=3600000;' if wanted else ';'
                far.answer(message.replace(';oc;', says, 1), 486, 'f')
            told = caller.receive(0.05)
            if told is not None and status_of(told) >= 200:
                return status_of(told)
        self.fail(f'nothing became of the call to {number}')

    def behind(self, **sip):
        """(What becomes of a call to a number, a silent far end) of a switch where 7... has a priority."""
        far = Agent(self, 0, 'far')
        near, port = self.start(far.address, {
            'modules': dict.fromkeys((*MODULES, 'priority'), 'required'),
            'priority-number seven': {'prefixes': '7', 'mark': 'ets.4'}}, **sip)
        self.addCleanup(near.process.signal, signal.SIGKILL)
        far.switch = ('127.0.0.1', port)
        return lambda number, wanted=None: self.becomes_of(number, port, far, wanted)

    def test_calls_with_a_priority_pay_last(self):
        """PRI-074: while ordinary calls make good what is wanted, none with a priority is kept back."""
        becomes = self.behind()
        self.assertEqual(becomes('8001', wanted=50), 486)
        became = [becomes(number) for number in ('8001', '7001') * 6]
        self.assertEqual(became[1::2], [486] * 6)
        self.assertEqual(became[::2], [486] + [503] * 5)   # theirs, and what the others leave

    def test_all_pay_where_nothing_is_wanted(self):
        """PRI-074: RFC 7339 5.5."""
        becomes = self.behind()
        self.assertEqual(becomes('7001', wanted=100), 486)
        self.assertEqual([becomes('7001'), becomes('8001')], [503, 503])

    def test_but_where_the_operator_departs_from_that(self):
        """PRI-074"""
        becomes = self.behind(**{'pass-priority': 'yes'})
        self.assertEqual(becomes('7001', wanted=100), 486)
        self.assertEqual([becomes('7001'), becomes('8001')], [486, 503])

    def test_switch_may_be_silent(self):
        tandem, port = self.start(self.called.address, **{'tell-load': 'no'})
        self.set_level(tandem, 'MC2')
        self.assertNotIn('oc=', self.first_via(port, ';oc;oc-algo="loss"'))
        tandem.stop()

    def test_two_switches_agree(self):
        """PRI-074: sipp -> near -> far -> sipp."""
        far, far_port = self.start(self.called.address)
        near, near_port = self.start(f'127.0.0.1:{far_port}')
        self.set_level(far, 'MC2')
        # What the far one refuses all the same is 500 to the caller (RFC 3261 16.7), which fails sipp's.
        sipp.uac(self, f'127.0.0.1:{near_port}', scenario='uac-refused', number='8001', rate=RATE,
                 n_calls=N_CALLS, timeout_s=60).process.wait(70)
        spared = self.metric(near, 'tandem_sip_spared_invites_total')
        came = self.metric(far, 'tandem_calls_total')
        print(f'# {spared:.0f} of {N_CALLS} kept back, {came:.0f} came')
        self.assertEqual(spared + came, N_CALLS)
        self.assertGreater(spared, N_CALLS * 0.4)
        self.assertLess(spared, N_CALLS * 0.6)
        near.stop()
        far.stop()


if __name__ == '__main__':
    tap.main()
