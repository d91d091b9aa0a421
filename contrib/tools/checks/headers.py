# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each public header compiles alone, as C11 and as C++17, with every compiler there is."""

import concurrent.futures
import os
import shutil
import subprocess

from checks.tree import Finding

LANGUAGES = [
    ('C11', ['-x', 'c', '-std=c11'], ('gcc', 'clang')),
    ('C++17', ['-x', 'c++', '-std=c++17'], ('g++', 'clang++')),
]
FLAGS = ['-pedantic', '-Wall', '-Wextra', '-Werror', '-fsyntax-only']


def glib_flags():
    answer = subprocess.run(['pkg-config', '--cflags', 'glib-2.0'], capture_output=True, text=True,
                            check=False)
    # As system headers: GLib's own habits are not ours to judge.
    return [flag.replace('-I', '-isystem', 1) for flag in answer.stdout.split()]


def compile_alone(tree, path, compiler, language, flags):
    source = f'#include <{path.removeprefix("include/")}>\n'
    command = [compiler, *flags, *FLAGS, '-I', tree.absolute('include'), *glib_flags(), '-']
    answer = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return None
    return Finding(path, 1, f'does not compile alone as {language} with {compiler}:\n'
                   + answer.stderr.strip())


def check(tree):
    jobs = [(tree, path, compiler, language, flags)
            for path in tree.public_headers
            for language, flags, compilers in LANGUAGES
            for compiler in compilers if shutil.which(compiler)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for finding in pool.map(lambda job: compile_alone(*job), jobs):
            if finding:
                yield finding
