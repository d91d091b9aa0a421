#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The binary interface is the one that was promised, and a change to it is told for what it is."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, 'tests', 'common'))

import tap  # noqa: E402

TOOL = os.path.join(ROOT, 'contrib', 'tools', 'abi-dump')
ACCEPT = 'accept it with contrib/tools/abi-dump'
BREAKS = 'modules built before it break'


class Baseline(unittest.TestCase):
    def setUp(self):
        if shutil.which('abidw') is None or shutil.which('abidiff') is None:
            reason = 'abigail-tools is missing: contrib/tools/install check'
            if os.environ.get('CI') == 'true':
                self.fail(reason)
            self.skipTest(reason)
        self.folder = tempfile.mkdtemp(prefix='baseline-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.include = os.path.join(self.folder, 'include')
        shutil.copytree(os.path.join(ROOT, 'include'), self.include)

    def replace(self, header, old, new):
        path = os.path.join(self.include, 'tandem', header)
        with open(path, encoding='utf-8') as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text.replace(old, new, 1))

    def run_tool(self, *options):
        return subprocess.run([sys.executable, TOOL, '--include', self.include, *options],
                              capture_output=True, text=True, check=False)

    def assert_told(self, *words):
        answer = self.run_tool('--check')
        self.assertEqual(answer.returncode, 1, answer.stdout + answer.stderr)
        for word in words:
            self.assertIn(word, answer.stdout + answer.stderr)

    def test_headers_are_as_promised(self):
        answer = self.run_tool('--check')
        self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)

    def test_field_at_the_end_of_a_sized_struct_is_an_addition(self):
        self.replace('module.h', '} TdModuleDescriptor;', 'int more;\n} TdModuleDescriptor;')
        self.assert_told('int more', ACCEPT)

    def test_new_function_is_an_addition(self):
        self.replace('tandem.map', 'td_call_id;', 'td_call_id; td_call_mood;')
        self.replace('call.h', 'TD_API TdId td_call_id',
                     'TD_API int td_call_mood (const TdCall *call);\nTD_API TdId td_call_id')
        self.assert_told('td_call_mood', ACCEPT)

    def test_new_choice_is_an_addition(self):
        self.replace('call.h', '    TD_CALL_ENDED,', '    TD_CALL_ENDED,\n    TD_CALL_MOURNED,')
        self.assert_told('TD_CALL_MOURNED', ACCEPT)

    def test_field_that_is_gone_breaks(self):
        self.replace('command.h', '    bool is_stream;', '    //')
        self.assert_told('is_stream', BREAKS)

    def test_field_in_the_middle_breaks(self):
        self.replace('command.h', '    bool is_stream;', '    void *more; bool is_stream;')
        self.assert_told('more', BREAKS)

    def test_embedded_struct_that_grows_breaks(self):
        self.replace('lane.h', '    TdTimer *next, *prev;', '    TdTimer *next, *prev, *more;')
        self.assert_told('more', BREAKS)

    def test_function_that_is_gone_breaks(self):
        self.replace('tandem.map', 'td_call_id;', '')
        self.assert_told('td_call_id', BREAKS)

    def test_function_with_another_parameter_breaks(self):
        self.replace('call.h', 'td_call_id (const TdCall *call)',
                     'td_call_id (const TdCall *call, int more)')
        self.assert_told('td_call_id', BREAKS)

    def test_function_in_another_node_breaks(self):
        self.replace('tandem.map', 'TANDEM_1.0 {', 'TANDEM_2.0 {')
        self.assert_told('TANDEM_1_0__td_call_id', BREAKS)

    def test_addition_is_accepted_once_and_a_break_is_not(self):
        baseline = os.path.join(self.folder, 'tandem.abi')
        shutil.copyfile(os.path.join(HERE, 'tandem.abi'), baseline)
        self.replace('module.h', '} TdModuleDescriptor;', 'int more;\n} TdModuleDescriptor;')
        self.assertEqual(self.run_tool('--baseline', baseline).returncode, 0)
        self.assertEqual(self.run_tool('--check', '--baseline', baseline).returncode, 0)
        self.replace('module.h', 'int more;', '')
        self.assertEqual(self.run_tool('--baseline', baseline).returncode, 1)


if __name__ == '__main__':
    tap.main()
