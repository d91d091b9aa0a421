#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""tandem-routes: routing tables go in and come out, and a change is whole or is not made (ROU-040, 041)."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'common'))

import tap  # noqa: E402
from peers.case import ROOT, PeerCase  # noqa: E402

PROGRAM = os.path.join(os.environ['TANDEM_BUILD'], 'modules', 'route', 'tandem-routes')
LIST = 'label,mode\nnorth,sequence\nsouth,percent\n'
TARGET = 'label,position,trunk\nnorth,1,carrier-a\nsouth,1,carrier-b\n'


class RouteTables(PeerCase):
    def run_tool(self, *words, text='', status=0):
        done = subprocess.run([PROGRAM, '-d', self.path('route.db'), *words], input=text, text=True,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def export(self, table, *words):
        return self.run_tool(*words, 'export', table)

    def test_what_is_imported_is_exported(self):
        out = self.run_tool('import', 'list', text=LIST)
        self.assertIn('list         2 read, 2 added, 0 removed, 0 changed\nversion 1\n', out)
        first = self.export('list')
        self.assertEqual(first, 'label,mode,tries,seconds,causes\nnorth,sequence,,,\n'
                                'south,percent,,,\n')
        self.run_tool('import', 'list', '--replace', text=first)
        self.assertEqual(self.export('list'), first)

    def test_folder_is_one_change(self):
        for table, text in ('list', LIST), ('target', TARGET):
            with open(self.path(f'{table}.csv'), 'w', encoding='utf-8') as file:
                file.write(text)
        self.assertTrue(self.run_tool('import', os.path.dirname(self.path(''))).endswith(
            'version 1\n'))

    def test_tables_of_the_wholesale_profile_are_good(self):
        """ROU-026: where the dip does not answer, the table has the toll-free numbers."""
        tool = os.path.join(ROOT, 'contrib', 'tools', 'wholesale-tables')
        subprocess.run([sys.executable, tool, self.path('tables'), '--prefixes', '2000', '--ported', '100'],
                       check=True, timeout=60)
        self.run_tool('import', self.path('tables'))
        self.assertNotIn('error', self.run_tool('check'))
        with open(self.path('tables/toll_free.csv'), encoding='utf-8') as file:
            number, _, stands_for = file.readlines()[1].strip().split(',')
        self.assertIn(f':{stands_for}', self.verify(f'trunk,called,list\ncustomer-a,{number},other\n'))

    def test_table_comes_before_a_folder_of_its_name(self):
        os.mkdir(self.path('list'))
        done = subprocess.run([PROGRAM, '-d', self.path('route.db'), 'import', 'list'], input=LIST,
                              text=True, cwd=self.path(''), capture_output=True, timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('2 added', done.stdout)

    def test_every_wrong_row_is_named_and_nothing_is_changed(self):
        self.run_tool('import', 'list', text=LIST)
        err = self.run_tool('import', 'list', text='label,mode\neast,percent\nwest,any\n,percent\n',
                            status=1)
        self.assertIn('list line 3, mode: any is none of sequence, percent', err)
        self.assertIn('list line 4, label: must not be empty', err)
        self.assertNotIn('east', self.export('list'))

    def test_reference_to_nothing_is_named(self):
        err = self.run_tool('import', 'target', text=TARGET, status=1)
        self.assertIn('target line 2, label: north is not in the table list', err)

    def test_dry_run_changes_nothing(self):
        out = self.run_tool('import', 'list', '--dry-run', text=LIST)
        self.assertIn('2 added', out)
        self.assertIn('nothing was changed', out)
        self.assertEqual(self.run_tool('versions'), '')

    def test_dry_run_rolls_nothing_back(self):
        self.run_tool('import', 'list', text=LIST)
        out = self.run_tool('--dry-run', 'roll-back', '0')
        self.assertIn('2 removed', out)
        self.assertIn('nothing was changed', out)
        self.assertIn('north', self.export('list'))

    def test_versions_are_compared_and_taken_back(self):
        self.run_tool('import', 'list', '-m', 'first', text=LIST)
        self.run_tool('import', 'list', '--replace', '-m', 'second', text='label\nsouth\n')
        self.assertEqual(self.run_tool('diff', '1'),
                         '- list: north,sequence,,,\n- list: south,percent,,,\n'
                         '+ list: south,sequence,,,\n')
        self.assertRegex(self.run_tool('versions'), r'(?s)^2 .*second.*\n1 .*first')
        self.run_tool('roll-back', '1')
        self.assertIn('north,sequence', self.export('list'))
        self.assertNotIn('north', self.export('list', '-v', '2'))

    def test_row_is_taken_out(self):
        self.run_tool('import', 'list', text=LIST)
        self.run_tool('remove', 'list', 'north')
        self.assertNotIn('north', self.export('list'))

    def fill(self):
        for table, text in {
                'list': LIST, 'target': TARGET,
                'route': 'table,prefix,label\nmain,+49,north\nmain,+33,south\n',
                'ingress': 'trunk,table\n*,main\n'}.items():
            with open(self.path(f'{table}.csv'), 'w', encoding='utf-8') as file:
                file.write(text)
        self.run_tool('import', os.path.dirname(self.path('')))

    def test_expected_results_are_verified(self):
        """ROU-043: a table of expected results is replayed."""
        self.fill()
        with open(self.path('expected.txt'), 'w', encoding='utf-8') as file:
            file.write('called,trunk,list,targets\n+49891234,,north,carrier-a:+49891234\n'
                       '+33123,,north,\n+1212,,,cause 3\n+33,,,carrier-a:+33\n')
        done = subprocess.run([PROGRAM, '-d', self.path('route.db'), 'verify',
                               self.path('expected.txt')],
                              text=True, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.replace(self.path(''), ''),
                         'expected.txt:3: +33123: goes to list south, carrier-b:+33123; '
                         'expected was north, ""\n'
                         'expected.txt:5: +33: goes to list south, carrier-b:+33; '
                         'expected was "", carrier-a:+33\n4 calls, 2 of them wrong\n')

    def verify(self, text, status=1):
        with open(self.path('expected.txt'), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.run_tool('verify', self.path('expected.txt'), status=status)

    def test_expected_results_under_a_name_unknown_are_no_success(self):
        self.fill()
        self.assertIn('lists in the header line is no column', self.verify('called,lists\n+33123,nowhere\n'))
        self.assertIn('"list" stands twice', self.verify('called,list,list\n+33123,south,x\n'))
        self.assertIn('expected.txt:2: +33123: has 3 cells, the header line 2',
                      self.verify('called,list\n+33123,south,nowhere\n'))

    def test_nothing_that_was_read_steers_the_terminal(self):
        self.fill()
        self.run_tool('import', 'list', '-m', '\x1b]0;owned\x07\n9  forged', text='label\nwest\n')
        shown = self.run_tool('versions')
        self.assertNotIn('\x1b', shown)
        self.assertNotIn('\n9  forged', shown)
        self.assertNotIn('\x1b', self.verify('called,list\n+33123,\x1b[2J\n\x1b[2J,south\n'))

    def test_what_is_odd_between_rows_is_found(self):
        self.fill()
        self.assertIn('warning: ingress line 2: ingress "*": it has no region', self.run_tool('check'))
        self.run_tool('import', 'list', text='label\nnowhere\n')
        shown = self.run_tool('check', status=1)
        self.assertIn('error: list line 2: list "nowhere": it has no targets', shown)
        self.assertIn('1 mistakes: a switch does not take this version', shown)

    def test_words_that_are_wrong(self):
        self.assertIn('say what to do: see tandem-routes --help', self.run_tool(status=2))
        self.assertIn('there is no verb improt', self.run_tool('improt', status=2))
        self.assertIn('say tandem-routes roll-back VERSION', self.run_tool('roll-back', status=2))
        self.assertIn('"lists" is no table; there are: plan', self.run_tool('import', 'lists', status=1))
        self.run_tool('import', 'list', text=LIST)
        self.assertIn('"x" is no version', self.run_tool('roll-back', 'x', status=1))
        self.assertIn('a row of list is named by "label"', self.run_tool('remove', 'list', 'a', 'b',
                                                                         status=1))

    def test_output_that_nobody_takes_is_an_error(self):
        for verb in 'tables', 'versions':
            self.run_tool('import', 'list', text=LIST)
            with open('/dev/full', 'w', encoding='utf-8') as full:
                done = subprocess.run([PROGRAM, '-d', self.path('route.db'), verb], stdout=full,
                                      stderr=subprocess.PIPE, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 1, verb)
            self.assertIn('the output cannot be written: No space left', done.stderr)

    def test_tables_that_are_missing_are_not_made_by_looking(self):
        self.assertIn('route.db', self.run_tool('versions', status=1))
        self.assertFalse(os.path.exists(self.path('route.db')))


if __name__ == '__main__':
    tap.main()
