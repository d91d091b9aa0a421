#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A lane that gets more calls than it can carry: the level rises, ordinary calls are refused, those that
are let in are set up soon, and calls of a priority class get through (ROU-051)."""

import collections
import os
import re
import sys
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports, sipp  # noqa: E402
from peers.agent import Agent, description, field, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem, module_folders  # noqa: E402

CALL_MS = 10      # how long each admitted call holds its only lane up: 100 calls a second at most
RATE = 250        # what comes
SECONDS = 12


class Congestion(PeerCase):
    def setUp(self):
        super().setUp()
        self.port = ports.free_port()
        self.called = sipp.uas(self, timeout_s=SECONDS + 60)

    def start(self, congestion):
        modules = ('cli', 'sip', 'route-table', 'marker', *(('congestion',) if congestion else ()))
        folders = [*module_folders(), os.path.join(BUILD, 'modules', 'congestion', 'tests')]
        return Tandem(self, {
            'tandem': {'lanes': 1},
            'modules': dict.fromkeys(modules, 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept'},
            # sipp takes calls for broken off whose ACK is late, and leaves their BYE without an answer.
            'call': {'media': 'through', 'release-timeout': '2 s'},
            'marker': {'delay': f'{CALL_MS} ms'},
            **({'congestion': congestion} if congestion else {}),
            'trunk called': {'address': f'sip:{self.called.address}'},
            'route all': {'targets': 'called'},
        }, environment={'TANDEM_MODULE_PATH': ':'.join(folders)})

    def load(self, **options):
        return sipp.uac(self, f'127.0.0.1:{self.port}', scenario='uac-refused', number='8001',
                        rate=RATE, n_calls=RATE * SECONDS, notes_messages=True,
                        timeout_s=SECONDS + 60, **options)

    def level(self, tandem):
        return tandem.ctl_json('congestion', 'show')['level']

    def wait_for_level(self, tandem, levels, timeout_s=20):
        tandem.process.wait_for(lambda: self.level(tandem) in levels, f'level {levels}', timeout_s,
                                interval_s=0.1)

    def final_response(self, agent, call_id, cseq):
        """Of this request; a lane that is late sends others again."""
        while (response := agent.receive()) is not None:
            if status_of(response) >= 200 and \
                    (field(response, 'Call-ID'), field(response, 'CSeq')) == (call_id, cseq):
                return response
        return self.fail(f'no final response to {cseq}')

    def call_once(self, agent, number):
        """(Seconds until the final response, the response) of one call, which is ended again."""
        uri = f'sip:{number}@127.0.0.1:{self.port}'
        parties = {'From': '<sip:ann@x>;tag=1', 'To': f'<{uri}>', 'Call-ID': os.urandom(8).hex()}
        branch = 'z9hG4bK' + parties['Call-ID']
        begun = time.monotonic()
        agent.send(agent.request('INVITE', uri, parties, 1, description(9), branch))
        response = self.final_response(agent, parties['Call-ID'], '1 INVITE')
        took_s = time.monotonic() - begun
        parties['To'] = field(response, 'To')
        if status_of(response) != 200:
            agent.send(agent.request('ACK', uri, parties, 1, transaction=branch))
            return took_s, response
        target = re.search('<(.*?)>', field(response, 'Contact')).group(1)
        agent.send(agent.request('ACK', target, parties, 1))
        agent.send(agent.request('BYE', target, parties, 2))
        self.final_response(agent, parties['Call-ID'], '2 BYE')
        return took_s, response

    def setup_times(self, uac):
        """Seconds from a call's first INVITE to its final response, by that one's status."""
        begun, times = {}, collections.defaultdict(list)
        for at_s, call, cseq, _ in uac.messages('S'):
            if cseq == '1 INVITE':
                begun.setdefault(call, at_s)
        for at_s, call, cseq, start in uac.received():
            if cseq == '1 INVITE' and status_of(start) >= 200 and call in begun:
                times[status_of(start)].append(at_s - begun.pop(call))
        return times

    def test_overload(self):
        tandem = self.start({'lane-delay': '20 ms, 60 ms, 150 ms', 'lane-occupancy': 'off',
                             'dwell': '1 s'})
        self.assertEqual(self.level(tandem), 'MC0')
        uac = self.load()
        self.wait_for_level(tandem, ('MC1', 'MC2', 'MC3'))
        agent = Agent(self, self.port, 'ann')
        for number in ('7001', '112') * 5:
            took_s, response = self.call_once(agent, number)
            self.assertEqual(status_of(response), 200)
            self.assertLess(took_s, 2)
        counts = uac.wait()
        self.assertEqual(counts.failed, 0)
        times = self.setup_times(uac)
        admitted, refused = sorted(times[200]), times[503]
        self.assertEqual(sorted(times), [200, 503])
        print(f'# {len(admitted)} admitted, set up in {admitted[len(admitted) // 2]:.3f} s (median), '
              f'{admitted[-1]:.3f} s (longest); {len(refused)} refused')
        self.assertGreater(len(refused), RATE * SECONDS // 4)
        self.assertGreater(len(admitted), 25 * SECONDS)   # of the 100 a second it can carry
        self.assertLess(admitted[-1], 3)
        tandem.process.wait_for_output('machine congestion is MC')
        self.wait_for_level(tandem, ('MC0',))
        tandem.process.wait_for_output('machine congestion is MC0')
        took_s, response = self.call_once(agent, '8001')
        self.assertEqual(status_of(response), 200)
        self.assertLess(took_s, 1)
        tandem.stop()

    def test_refusal_says_when_to_come_again(self):
        tandem = self.start({'lane-occupancy': 'off', 'retry-after': '0 s, 0 s, 7 s'})
        agent = Agent(self, self.port, 'ann')
        for level, status, seconds in (('MC3', 503, '7'), ('MC0', 200, '')):
            status_code, _, errors = tandem.ctl('congestion', 'set', level)
            self.assertEqual((status_code, errors), (0, ''))
            _, response = self.call_once(agent, '8001')
            self.assertEqual(status_of(response), status)
            self.assertEqual(field(response, 'Retry-After'), seconds)
        _, text, _ = tandem.ctl('congestion', 'show')
        self.assertRegex(text, r'(?m)^set_by: +uid \d+')
        self.assertRegex(text, r'(?m)lane-delay +MC0')
        tandem.stop()


if __name__ == '__main__':
    tap.main()
