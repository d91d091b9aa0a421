#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-075: requests that waited too long for their turn are refused without state (RFC 3261 8.2.7), and those
that a moment of standstill delayed are served."""

import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers import ports  # noqa: E402
from peers.agent import Agent, description, field, status_of  # noqa: E402
from peers.case import PeerCase  # noqa: E402
from peers.tandem import BUILD, Tandem, module_folders  # noqa: E402


class Late(PeerCase):
    """PRI-075: without arrival-wait whatever comes is served, however late."""

    def start(self, stall, **settings):
        """A switch whose only lane stands still for as long as a call to 0000 holds it up."""
        self.port = ports.free_port()
        folders = [*module_folders(), os.path.join(BUILD, 'tests', 'bench', 'crisis')]
        self.tandem = Tandem(self, {
            'tandem': {'lanes': 1},
            'modules': dict.fromkeys(('cli', 'sip', 'route-table', 'burn'), 'required'),
            'sip': {'listen': f'udp:127.0.0.1:{self.port}', 'strangers': 'accept', **settings},
            'call': {'media': 'through'},
            'burn': {'stall': stall},
            # Whoever is served learns that the number is not known.
            'trunk nobody': {'address': 'sip:127.0.0.1:9'},
            'route none': {'prefix': '0000', 'targets': 'nobody'},
        }, environment={'TANDEM_MODULE_PATH': ':'.join(folders)})

    def invite(self, agent, number, call_id):
        uri = f'sip:{number}@127.0.0.1:{self.port}'
        parties = {'From': '<sip:ann@x>;tag=1', 'To': f'<{uri}>', 'Call-ID': call_id}
        return uri, parties, agent.request('INVITE', uri, parties, 1, description(9), f'z9hG4bK{call_id}')

    def hold_up(self):
        """Returns once the lane stands still: the message behind it is there, and stays."""
        agent = Agent(self, self.port, 'holder')
        agent.send(self.invite(agent, '0000', 'stall')[2])
        self.assertEqual(status_of(agent.receive()), 100)

    def served(self, agent, call_id):
        """Whose call it is that the next final response is for; it says 404."""
        agent.send(self.invite(agent, '9001', call_id)[2])
        while status_of(response := agent.receive()) < 200:
            pass
        self.assertEqual(status_of(response), 404)
        return field(response, 'Call-ID')

    def n_late(self):
        _, text, _ = self.tandem.ctl('metric', '--prometheus')
        return next(int(line.split()[-1]) for line in text.splitlines()
                    if line.startswith('tandem_sip_late_requests_total'))

    def test_refused_the_same_each_time(self):
        self.start('600 ms', **{'arrival-wait': '50 ms'})
        self.hold_up()
        agent = Agent(self, self.port, 'ann')
        uri, parties, request = self.invite(agent, '9001', 'one')
        for _ in range(2):
            agent.send(request)
        response = agent.receive()
        self.assertEqual(status_of(response), 503)
        # The same bytes, which the agent would pass over as a repetition.
        self.assertEqual(agent.socket.recv(65536).decode(), response)
        agent.send(request)   # now there is nothing to wait for
        self.assertEqual(agent.socket.recv(65536).decode(), response)
        self.assertIn(';tag=', field(response, 'To'))
        self.assertEqual(field(response, 'Call-ID'), 'one')
        self.assertEqual(field(response, 'CSeq'), '1 INVITE')
        self.assertIn(f';received=127.0.0.1;rport={agent.socket.getsockname()[1]}', field(response, 'Via'))
        parties['To'] = field(response, 'To')
        agent.send(agent.request('ACK', uri, parties, 1, transaction='z9hG4bKone'))
        self.assertEqual(self.served(agent, 'two'), 'two')   # and nothing came of the ACK
        self.assertEqual(self.n_late(), 3)
        self.tandem.stop()

    def test_a_standstill_refuses_nobody(self):
        self.start('800 ms', **{'arrival-wait': '2 s'})
        self.hold_up()
        agents = [Agent(self, self.port, f'ann{i}') for i in range(20)]
        for i, agent in enumerate(agents):
            agent.send(self.invite(agent, '9001', f'call{i}')[2])
        for agent in agents:
            while status_of(response := agent.receive()) < 200:
                pass
            self.assertEqual(status_of(response), 404)
        self.assertEqual(self.n_late(), 0)
        self.tandem.stop()


if __name__ == '__main__':
    tap.main()
