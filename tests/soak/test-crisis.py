#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""PRI-038: a million forged and replayed marks beside ten times the calls that a switch carries: none of them
gains a class, and true ones go on."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TESTS, 'common'))

import tap  # noqa: E402 (the path is set just above)
from peers.case import PeerCase  # noqa: E402

N_FORGED = int(os.environ.get('TANDEM_FORGED', '1000000'))
SECONDS = int(os.environ.get('TANDEM_CRISIS_S', '360'))
AROUND_S = 240   # to find out what the switch carries, and to read what was noted


def share(part, whole):
    return f'{100 * part / max(whole, 1):.1f} % of {whole:,}'


class Crisis(PeerCase):
    def run_crisis(self):
        """The figures. That ordinary calls go on as well is a goal for a machine at rest: it is told."""
        self.need('sipp')
        self.need('openssl')
        answer = subprocess.run(
            [sys.executable, os.path.join(TESTS, 'bench', 'crisis', 'crisis.py'), '--json', '--seconds',
             str(SECONDS), '--svg', self.path('crisis.svg'), '--forged', str(N_FORGED // 2), '--replayed',
             str(N_FORGED - N_FORGED // 2)],
            capture_output=True, text=True, timeout=SECONDS + AROUND_S, check=False)
        for line in answer.stderr.splitlines():
            print('#', line)
        self.assertIn(answer.returncode, (0, 1), answer.stderr)
        return json.loads(answer.stdout)

    def test_a_million_forged_marks_gain_nothing(self):
        found = self.run_crisis()
        tap.figure(f"{found['forged_offered']:,} forged and replayed marks in {SECONDS} s, beside "
                   f"{found['offered_cps']:,.0f} calls/s where {found['capacity_cps']:.0f} can be carried",
                   f"{found['forged_gained']} gained a class")
        tap.figure('true marks and tokens beside them: calls that reach alerting, tokens that count',
                   share(found['priority_alerting'], found['priority_offered']) + ', '
                   + share(found['proven_classified'], found['proven_offered']))
        tap.figure('ordinary goodput, of what could be carried; records lost',
                   f"{100 * (found['ordinary_goodput_ratio'] or 0):.1f} %; {found['records_lost']}")
        self.assertGreaterEqual(found['forged_offered'], N_FORGED)   # or it was no such run
        self.assertEqual(found['forged_gained'], 0)
        self.assertGreaterEqual(found['priority_alerting'], 0.95 * found['priority_offered'])
        self.assertGreaterEqual(found['proven_classified'], 0.95 * found['proven_offered'])
        self.assertEqual(found['records_lost'], 0)


if __name__ == '__main__':
    tap.main()
