# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test over real processes: its own folder, its peers, and their logs when it fails."""

import os
import unittest

from peers.stage import Stage

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


class PeerCase(unittest.TestCase, Stage):
    def setUp(self):
        super().setUp()
        self.open_stage('tandem-test-')

    def lack(self, reason):
        """Where a program is missing the test is skipped, loudly; under CI it fails."""
        if os.environ.get('CI') == 'true':
            self.fail(reason)
        self.skipTest(reason)
