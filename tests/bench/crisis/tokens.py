# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signed marks (RFC 8443): those that are true, to be shown by their call and again by others, and those that
nobody has signed."""

import base64
import os
import subprocess
import time

from peers import pyjwt

FROM, TO = '12155550112', '12125550113'
INFO = 'https://certificates.example/signer.pem'
SIGNATURE_BYTES = 64   # RFC 7518 3.4


def openssl(stage, *words):
    done = subprocess.run(['openssl', *words], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        stage.fail(f'openssl {words[0]}: {done.stderr}')


def make_pair(stage, name, *more, authority):
    """A key and a certificate, NAME.key and NAME.pem."""
    openssl(stage, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
            '-keyout', stage.path(name + '.key'), '-out', stage.path(name + '.pem'), '-days', '10',
            '-subj', '/CN=' + name, '-addext',
            f'basicConstraints=critical,CA:{"TRUE" if authority else "FALSE"}', '-addext',
            'keyUsage=critical,' + ('keyCertSign' if authority else 'digitalSignature'), *more)


def configuration(stage, freshness_s=300):
    """What a switch needs to believe in what sign() signs, for FRESHNESS_S."""
    make_pair(stage, 'root', authority=True)
    make_pair(stage, 'signer', '-CA', stage.path('root.pem'), '-CAkey', stage.path('root.key'),
              authority=False)
    return {
        'passport': {'freshness': f'{freshness_s} s'},
        'passport-anchor ets': {'certificates': stage.path('root.pem'), 'namespaces': 'ets'},
        'passport-certificate signer': {'info': INFO, 'certificate': stage.path('signer.pem')},
    }


def sign(stage, mark, n_tokens):
    """Tokens of calls from FROM to TO that have MARK, all of one length."""
    with open(stage.path('signer.key'), encoding='ascii') as file:
        key = file.read()
    return pyjwt.sign_all(stage, key, {'ppt': 'rph', 'typ': 'passport', 'x5u': INFO}, {
        'dest': {'tn': [TO]}, 'iat': int(time.time()), 'orig': {'tn': FROM},
        'rph': {'auth': [mark]}}, n_tokens)


def forge(stage, mark, n_tokens):
    """The same, but for the signatures: those are of nobody."""
    signed = sign(stage, mark, 1)[0].rpartition('.')[0]
    return [signed + '.' + base64.urlsafe_b64encode(os.urandom(SIGNATURE_BYTES)).decode().rstrip('=')
            for _ in range(n_tokens)]


def header_lines(mark, token):
    """Header lines of a call with MARK and TOKEN, without the last line end."""
    return (f'Resource-Priority: {mark}\r\n'
            f'Identity: {token};info=<{INFO}>;alg=ES256;ppt="rph"')


def lines(stage, mark):
    """Those of a call from FROM to TO, whose MARK is true."""
    return header_lines(mark, sign(stage, mark, 1)[0])
