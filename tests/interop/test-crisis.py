#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-073, PRI-075: a switch that is offered ten times the calls it can carry. The bounds are
wide, and shares of what the switch had: the machine may be slow, or busy. Without marks that count, or
without the refusal of what came too late, they are missed by far."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers.case import PeerCase  # noqa: E402

SECONDS = os.environ.get('TANDEM_CRISIS_S', '15')
KEYS = {'capacity_cps', 'offered_cps', 'priority_offered', 'priority_alerting', 'p99_100_ms',
        'ordinary_goodput_ratio', 'useful_work', 'refusal_to_call_cost', 'records_lost',
        'generator_late', 'kernel_drops'}


class Crisis(PeerCase):
    found = None   # calls a second

    def run_crisis(self, *options):
        """The figures; the program's own goals, which are for a machine at rest, are not asked."""
        self.need('sipp')
        program = os.path.join(ROOT, 'tests', 'bench', 'crisis', 'crisis.py')
        answer = subprocess.run(
            [sys.executable, program, '--json', '--seconds', SECONDS, '--svg',
             self.path('crisis.svg'), *options],
            capture_output=True, text=True, timeout=200, check=False)
        for line in answer.stderr.splitlines():
            print('#', line)
        self.assertIn(answer.returncode, (0, 1), answer.stderr)
        figures = json.loads(answer.stdout)
        self.assertEqual({key for key in figures if not key.startswith(('forged', 'proven'))}, KEYS)
        with open(self.path('crisis.svg'), encoding='utf-8') as file:
            self.assertIn('</svg>', file.read())
        return figures

    def capacity(self):
        """What the switch carries without overload, as the first test found it."""
        if Crisis.found is None:
            Crisis.found = self.run_crisis('--regime', 'a', '--seconds', '1')['capacity_cps']
        return '--capacity', str(Crisis.found)

    def test_saturation(self):
        figures = self.run_crisis('--regime', 'a')
        Crisis.found = figures['capacity_cps']
        self.assertGreater(figures['offered_cps'], 5 * figures['capacity_cps'])
        self.assertGreater(figures['priority_offered'], 50)
        self.assertGreaterEqual(figures['priority_alerting'], 0.95 * figures['priority_offered'])
        # In the time of so many calls, however fast the machine carries them.
        self.assertIsNotNone(figures['p99_100_ms'])
        self.assertLess(figures['p99_100_ms'] / 1000 * figures['capacity_cps'], 110)
        self.assertGreater(figures['useful_work'], 0.5)
        self.assertEqual(figures['records_lost'], 0)

    def test_no_token_that_is_shown_again_counts(self):
        """PRI-037, PRI-038: nor a mark of somebody whose marks give nothing, nor a token that nobody has signed;
        beside them true ones go on, and tokens of their own count."""
        figures = self.run_crisis('--regime', 'a', '--seconds', '5', '--forged', '2000', '--replayed', '5000',
                                  *self.capacity())
        self.assertGreaterEqual(figures['forged_offered'], 7000)
        self.assertEqual(figures['forged_gained'], 0)
        self.assertGreaterEqual(figures['priority_alerting'], 0.95 * figures['priority_offered'])
        self.assertGreaterEqual(figures['proven_classified'], 0.95 * figures['proven_offered'])
        self.assertGreater(figures['proven_offered'], 20)

    def test_tshark_reads_the_marks_of_calls_and_packets(self):
        """PRI-080: in the midst of it calls with priority have a mark on the network, and no others."""
        capture = self.path('crisis.pcap')
        self.run_crisis('--regime', 'a', '--seconds', '3', '--capture', capture, *self.capacity())
        answer = subprocess.run(
            [self.need('tshark'), '-r', capture, '-Y', 'sip.Method == "INVITE" && udp.dstport == 5080',
             '-d', 'udp.port==5080,sip', '-T', 'fields', '-E', 'occurrence=f', '-e', 'ip.dsfield.dscp',
             '-e', 'sip.Resource-Priority'], capture_output=True, text=True, check=True, timeout=60)
        invites = [tuple(line.split('\t')) for line in answer.stdout.splitlines()]
        self.assertEqual(set(invites), {('40', 'ets.0'), ('24', '')})
        self.assertGreater(invites.count(('40', 'ets.0')), 20)

    def test_without_marks_that_count_priority_is_lost(self):
        figures = self.run_crisis('--regime', 'a', '--seconds', '6', '--without', 'marks',
                                  *self.capacity())
        self.assertLess(figures['priority_alerting'], 0.9 * figures['priority_offered'])

    def test_without_a_wait_calls_are_answered_too_late(self):
        figures = self.run_crisis('--regime', 'a', '--seconds', '8', '--without', 'wait',
                                  *self.capacity())
        self.assertLess(figures['ordinary_goodput_ratio'], 0.6)


if __name__ == '__main__':
    tap.main()
