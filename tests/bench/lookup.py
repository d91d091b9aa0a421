# SPDX-License-Identifier: LGPL-2.1-or-later
"""Look-ups by themselves, no call and no SIP: in Tandem's tables, in a plain hash, in Kamailio's mtree.

The hash and Tandem are asked by one program, bench-prefix or bench-numbers, for the same numbers. mtree is
asked from a route of Kamailio that a timer starts: a loop that makes a random number and looks it up, less
the same loop without the look-up, so that what the route's interpreter takes for the rest does not count.
"""

import os
import re
import subprocess

from peers import ports
from peers.tandem import BUILD

N_LOOKUPS = 300000
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
modparam("mtree", "mtree", "name=bench;dbtable=mtree")
modparam("mtree", "char_list", "0123456789")
modparam("mtree", "pv_value", "$var(value)")
modparam("rtimer", "timer", "name=once;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=once;route=BENCH")

request_route {{
    exit;
}}

route[NUMBER] {{
    $var(code) = 200 + $RANDOM mod 400;
    $var(rest) = 1000000000 + $RANDOM mod 1000000000;
    $var(number) = "$var(code)" + $(var(rest){{s.substr,1,0}});
}}

route[BENCH] {{
    if ($shv(done) == 1) {{
        exit;
    }}
    $shv(done) = 1;
    $var(i) = 0;
    xlog("L_ALERT", "bench empty $TV(Sn)\\n");
    while ($var(i) < {n}) {{
        route(NUMBER);
        $var(i) = $var(i) + 1;
    }}
    $var(i) = 0;
    $var(found) = 0;
    xlog("L_ALERT", "bench begin $TV(Sn)\\n");
    while ($var(i) < {n}) {{
        route(NUMBER);
        if (mt_match("bench", "$var(number)", "0")) {{
            $var(found) = $var(found) + 1;
        }}
        $var(i) = $var(i) + 1;
    }}
    xlog("L_ALERT", "bench end $TV(Sn) found $var(found)\\n");
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
    """Million look-ups a second of the longest of N prefixes, which are left in PATH: ours, a hash's."""
    text = run('core/call/tests/bench-prefix', n, 1, path)
    return found(r'^tree: ([0-9.]+)', text), found(r'^hash: ([0-9.]+)', text)


def numbers(n):
    """((million look-ups a second, MiB) of ours, the same of a hash's) for N whole numbers."""
    text = run('modules/route/tests/bench-numbers', n)
    return ((found(r'^table: ([0-9.]+)', text), found(r'made in [0-9.]+ s, ([0-9.]+)', text)),
            (found(r'^hash: ([0-9.]+)', text), found(r'^hash:.*, ([0-9.]+) MiB', text)))


def write_table(stage, path):
    """The prefixes in PATH as a table of db_text, each once."""
    stage.write('tables/version', 'table_name(string) table_version(int)\nmtree:1\n')
    with open(path, encoding='ascii') as file, \
            open(stage.path('tables/mtree'), 'w', encoding='ascii') as table:
        table.write('tprefix(string) tvalue(string)\n')
        table.writelines(f'{prefix}:{i}\n' for i, prefix in enumerate(sorted(set(file.read().split()))))


def mtree(stage, path):
    """Million look-ups a second of Kamailio's mtree over the prefixes in PATH."""
    program, port = stage.need('kamailio'), ports.free_port()
    write_table(stage, path)
    folder = stage.path('')
    config = stage.write('kamailio.cfg', MTREE.format(port=port, folder=folder.rstrip('/'), n=N_LOOKUPS))
    process = stage.spawn('kamailio', [program, '-f', config, '-DD', '-E', '-m', '4096', '-M', '1024',
                                       '-Y', folder, '-P', folder + '/pid', '-w', folder])
    process.wait_for(lambda: 'bench end' in process.output(), 'the look-ups', 300)
    empty, begin, end = (found(rf'bench {mark} ([0-9.]+)', process.output())
                         for mark in ('empty', 'begin', 'end'))
    if not found(r'found ([0-9]+)', process.output()):
        raise ValueError('mtree found nothing')
    return N_LOOKUPS / ((end - begin) - (begin - empty)) / 1e6
