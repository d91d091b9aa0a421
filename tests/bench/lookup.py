# SPDX-License-Identifier: LGPL-2.1-or-later
"""Look-ups by themselves, no call and no SIP: in Tandem's tables, a plain hash, Kamailio's mtree.

The hash and Tandem are asked by one program, bench-prefix or bench-numbers, for the same numbers.
mtree is asked from a route of Kamailio that a timer starts: a loop that makes a random number and
looks it up, less the same loop over a tree of one prefix, so that what the route's interpreter takes
does not count.
"""

import os
import re
import subprocess

from peers import ports
from peers.process import cpu_seconds
from peers.tandem import BUILD

N_LOOKUPS = 1000000
LOADING_S = 900  # a million rows of text, on a busy machine
MTREE = '''#!KAMAILIO
debug=0
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
max_while_loops=100000000
listen=udp:127.0.0.1:{port}
loadmodule "kex.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "cfgutils.so"
loadmodule "db_text.so"
loadmodule "mtree.so"
loadmodule "rtimer.so"
modparam("mtree", "db_url", "text://{folder}/tables")
modparam("db_text", "max_result_rows", 10000000)
modparam("mtree", "mtree", "name=bench;dbtable=mtree")
modparam("mtree", "mtree", "name=one;dbtable=one")
modparam("mtree", "char_list", "0123456789")
modparam("mtree", "pv_value", "$var(value)")
modparam("rtimer", "timer", "name=once;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=once;route=BENCH")

request_route {{
    exit;
}}

route[BENCH] {{
    if ($shv(done) == 1) {{
        exit;
    }}
    $shv(done) = 1;
    $var(i) = 0;
    xlog("L_ALERT", "bench empty\\n");
    while ($var(i) < {n}) {{
        $var(code) = 200 + $RANDOM mod 400;
        $var(rest) = 100000000 + $RANDOM mod 900000000;
        mt_match("one", "$var(code)$var(rest)", "0");
        $var(i) = $var(i) + 1;
    }}
    $var(i) = 0;
    xlog("L_ALERT", "bench begin\\n");
    while ($var(i) < {n}) {{
        $var(code) = 200 + $RANDOM mod 400;
        $var(rest) = 100000000 + $RANDOM mod 900000000;
        mt_match("bench", "$var(code)$var(rest)", "0");
        $var(i) = $var(i) + 1;
    }}
    xlog("L_ALERT", "bench end\\n");
    mt_match("bench", "{known}", "0");
    xlog("L_ALERT", "bench found $var(value)\\n");
}}
'''


def run(path, *words):
    """What the program of the build at PATH prints."""
    return subprocess.run([os.path.join(BUILD, path), *map(str, words)], check=True, timeout=600,
                          capture_output=True, text=True).stdout


def found(pattern, text):
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise ValueError(f'"{pattern}" is not in: {text}')
    return float(match.group(1))


def prefixes(n, path):
    """Million look-ups a second of the longest of N prefixes, left in PATH: ours, a hash's."""
    text = run('core/call/tests/bench-prefix', n, 1, path)
    return found(r'^tree: ([0-9.]+)', text), found(r'^hash: ([0-9.]+)', text)


def numbers(n):
    """((million look-ups a second, MiB) of ours, the same of a hash's) for N whole numbers."""
    text = run('modules/route/tests/bench-numbers', n)
    return ((found(r'^table: ([0-9.]+)', text), found(r'made in [0-9.]+ s, ([0-9.]+)', text)),
            (found(r'^hash: ([0-9.]+)', text), found(r'^hash:.*, ([0-9.]+) MiB', text)))


def write_table(stage, path):
    """The prefixes in PATH as a table of db_text, each once, and one of one; the first of them."""
    stage.write('tables/version', 'table_name(string) table_version(int)\nmtree:1\none:1\n')
    stage.write('tables/one', 'tprefix(string) tvalue(string)\n9:1\n')
    with open(path, encoding='ascii') as file, \
            open(stage.path('tables/mtree'), 'w', encoding='ascii') as table:
        table.write('tprefix(string) tvalue(string)\n')
        prefixes_there = sorted(set(file.read().split()))
        table.writelines(f'{prefix}:7\n' for prefix in prefixes_there)
    return prefixes_there[0]


def cpu_at(process, mark):
    """The CPU seconds of the process that says MARK, when it does."""
    process.wait_for(lambda: mark in process.output(), mark, LOADING_S, interval_s=0.005)
    return cpu_seconds(int(found(r'^ *[0-9]+\(([0-9]+)\) ALERT: .*bench empty', process.output())))


def mtree(stage, path):
    """Million look-ups a second of Kamailio's mtree over the prefixes in PATH."""
    program, port = stage.need('kamailio'), ports.free_port()
    known, folder = write_table(stage, path), stage.path('').rstrip('/')
    config = stage.write('kamailio.cfg',
                         MTREE.format(port=port, folder=folder, n=N_LOOKUPS, known=known))
    process = stage.spawn('kamailio', [
        program, '-f', config, '-DD', '-E', '-m', '4096', '-M', '1024', '-Y', folder,
        '-P', folder + '/pid', '-w', folder])
    empty, begin, end = (cpu_at(process, f'bench {mark}\n') for mark in ('empty', 'begin', 'end'))
    process.wait_for(lambda: 'bench found ' in process.output(), 'one more')
    found(r'bench found (7)', process.output())
    return N_LOOKUPS / ((end - begin) - (begin - empty)) / 1e6
