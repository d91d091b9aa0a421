# SPDX-License-Identifier: LGPL-2.1-or-later
"""Words and calls that do not belong in the product."""

import re

from checks.tree import Finding, line_of

# Written apart, so that this file does not find itself.
UNFINISHED = r'\b(TO' r'DO|FIX' r'ME|XX' r'X|HA' r'CK)\b|\b(not yet |un)imple' r'mented\b|\b[Pp]lace' r'holder'
MACHINE = r'(?<![\w.])/(wor' r'k|home|ro' r'ot|Us' r'ers|tmp/w' r't)/[\w.]'
REGISTRY = (r'\b(deb\.deb' r'ian\.org|pypi' r'\.org|files\.python' r'hosted\.org|npm' r'js\.(org|com)'
            r'|crates' r'\.io|proxy\.gol' r'ang\.org|rubygems' r'\.org|ghcr' r'\.io|docker' r'\.io)\b')
SLEEP = r'\b(g_usleep|usleep|sleep|nanosleep)\s*\('

SKIPPED = re.compile(r'^COPYING$|/corpus/|\.(wav|raw|pcap|png|svg|dat|bin)$')


# Sources whose texts are a standard's own words.
QUOTING = {'core/call/cause.c'}


def matches(tree, path, pattern, reason, text=None):
    text = tree.text(path) if text is None else text
    for match in re.finditer(pattern, text):
        yield Finding(path, line_of(text, match.start()), f'"{match.group()}": {reason}')


def check(tree):
    for path in tree.files:
        if SKIPPED.search(path) or not tree.is_text(path):
            continue
        if path not in QUOTING:
            yield from matches(tree, path, UNFINISHED, 'finish it, or leave it out')
        yield from matches(tree, path, MACHINE, 'a path of one machine')
        yield from matches(tree, path, REGISTRY, 'the name of a package registry')
        if re.search(r'(^|/)tests/.*\.[ch]$', path) and not path.startswith('tests/bench/'):
            yield from matches(tree, path, SLEEP, 'wait for the event, or step the fake clock',
                               tree.bare_c(path))
