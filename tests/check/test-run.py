#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""contrib/run becomes the program, from every folder, with an environment that makes sense."""

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

MESON_BUILD = '''project('probe', 'c')
executable('probe', 'probe.c')
subdir('modules/echo')
'''
PROBE = '''#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main (int argc, char **argv)
{
    printf ("%d %s %s %s\\n", (int) getpid (), getenv ("TANDEM_MODULE_PATH"),
            getenv ("TANDEM_CONTROL"), argc > 1 ? argv[1] : "-");
    return 3;
}
'''


class Run(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='run-')
        self.addCleanup(shutil.rmtree, self.folder)
        os.makedirs(os.path.join(self.folder, 'contrib', 'tools'))
        os.makedirs(os.path.join(self.folder, 'modules', 'echo'))
        self.run_script = shutil.copy(os.path.join(ROOT, 'contrib', 'run'),
                                      os.path.join(self.folder, 'contrib'))
        shutil.copy(os.path.join(ROOT, 'contrib', 'tools', 'cache.sh'),
                    os.path.join(self.folder, 'contrib', 'tools'))
        self.write('meson.build', MESON_BUILD)
        self.write('modules/echo/meson.build', "shared_module('echo', '../../probe.c')\n")
        self.write('probe.c', PROBE)
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith('TANDEM_')}
        self.environment['XDG_RUNTIME_DIR'] = self.folder

    def write(self, name, text):
        with open(os.path.join(self.folder, name), 'w', encoding='utf-8') as file:
            file.write(text)

    def start(self, *arguments, **environment):
        process = subprocess.Popen([self.run_script, *arguments], cwd='/', text=True,
                                   env={**self.environment, **environment},
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate(timeout=120)
        return process, output.split(), errors

    def test_builds_where_the_home_folder_cannot_be_written(self):
        self.write('home', 'no folder')
        process, words, errors = self.start('probe', HOME=os.path.join(self.folder, 'home'),
                                            XDG_CACHE_HOME='')
        self.assertEqual((process.returncode, len(words)), (3, 4), errors)

    def test_becomes_the_program(self):
        process, words, _ = self.start('probe', 'a b')
        self.assertEqual(process.returncode, 3)
        self.assertEqual(int(words[0]), process.pid)
        self.assertEqual(words[3:], ['a', 'b'])

    def test_sets_module_path_and_control_socket(self):
        _, words, _ = self.start('probe')
        self.assertEqual(words[1], os.path.join(self.folder, 'build', 'modules', 'echo'))
        self.assertEqual(words[2],
                         os.path.join(self.folder, f'tandem-{os.getuid()}', 'control.sock'))

    def test_leaves_what_is_set(self):
        _, words, _ = self.start('probe', TANDEM_MODULE_PATH='here', TANDEM_CONTROL='there')
        self.assertEqual(words[1:3], ['here', 'there'])

    def test_builds_what_has_changed(self):
        self.start('probe')
        self.write('probe.c', PROBE.replace('return 3', 'return 4'))
        self.assertEqual(self.start('probe')[0].returncode, 4)

    def test_says_once_that_a_build_takes_its_time(self):
        self.assertIn('.run-log', self.start('probe')[2])
        self.assertEqual(self.start('probe')[2], '')

    def test_shows_why_a_build_failed(self):
        self.write('probe.c', PROBE.replace('return 3', 'return missing'))
        process, words, errors = self.start('probe')
        self.assertEqual((process.returncode, words), (1, []))
        self.assertIn('missing', errors)

    def test_names_an_unknown_program(self):
        process, _, errors = self.start('nobody')
        self.assertEqual(process.returncode, 1)
        self.assertIn("no program 'nobody'", errors)

    def test_refuses_a_path(self):
        process, _, errors = self.start('../probe')
        self.assertEqual(process.returncode, 1)
        self.assertIn('is a path', errors)


if __name__ == '__main__':
    tap.main()
