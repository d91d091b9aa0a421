#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The pages that come from the code are what the code says, and a drawing shows all of its table."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, 'contrib', 'tools'), os.path.join(ROOT, 'tests', 'common')]

import drawing  # noqa: E402
import tap  # noqa: E402

TOOL = os.path.join(ROOT, 'contrib', 'tools', 'reference')
DOCS = os.path.join(ROOT, 'docs')
SVG = '{http://www.w3.org/2000/svg}'


def run_tool(docs):
    return subprocess.run([sys.executable, TOOL, '--check', '--docs', docs], capture_output=True,
                          text=True, check=False)


class Pages(unittest.TestCase):
    def test_are_current(self):
        answer = run_tool(DOCS)
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_that_are_not_current_are_told_with_what_to_do(self):
        folder = tempfile.mkdtemp(prefix='reference-')
        self.addCleanup(shutil.rmtree, folder)
        docs = os.path.join(folder, 'docs')
        shutil.copytree(DOCS, docs)
        with open(os.path.join(docs, 'events.md'), 'a', encoding='utf-8') as file:
            file.write('An event of nobody.\n')
        with open(os.path.join(docs, 'states', 'nobody.svg'), 'w', encoding='utf-8') as file:
            file.write('<svg/>\n')
        answer = run_tool(docs)
        self.assertEqual(answer.returncode, 1)
        self.assertIn('-An event of nobody.', answer.stdout)
        self.assertIn('docs/states/nobody.svg', answer.stdout)
        self.assertIn('Refresh it with contrib/tools/reference', answer.stderr)


def state(name, following, events=(), **timer):
    return {'state': name, 'next': list(following), 'events': list(events), **timer}


class Drawing(unittest.TestCase):
    def setUp(self):
        self.machine = {'machine': 'test', 'states': [
            state('idle', ['busy', 'gone'], ['seize']),
            state('busy', ['idle', 'busy', 'gone'], ['<release>'], timer='guard', timeout_ms=1000,
                  timer_event='<release>'),
            state('gone', [])]}
        self.picture = ElementTree.fromstring(drawing.svg(self.machine))

    def test_shows_each_way_once(self):
        ways = [line.find(SVG + 'title').text for line in self.picture.iter(SVG + 'polyline')]
        self.assertEqual(sorted(ways), ['busy to busy', 'busy to gone', 'busy to idle',
                                        'idle to busy', 'idle to gone'])

    def test_names_states_events_and_timers(self):
        texts = [text.text for text in self.picture.iter(SVG + 'text')]
        self.assertEqual(texts, ['idle', 'seize', 'busy', '<release>', 'after guard: <release>',
                                 'gone'])

    def test_stays_within_its_frame(self):
        width, height = map(float, self.picture.get('viewBox').split()[2:])
        for line in self.picture.iter(SVG + 'polyline'):
            for x, y in re.findall(r'([\d.-]+),([\d.-]+)', line.get('points')):
                self.assertTrue(0 <= float(x) <= width and 0 <= float(y) <= height)


if __name__ == '__main__':
    tap.main()
