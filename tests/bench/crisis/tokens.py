# SPDX-License-Identifier: LGPL-2.1-or-later
"""A signed mark (RFC 8443) that is true for one call, to be shown again by others."""

import subprocess
import time

from peers import pyjwt

FROM, TO = '12155550112', '12125550113'
INFO = 'https://certificates.example/signer.pem'


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


def configuration(stage):
    """What a switch needs to believe in what token() signs; good for as long as a crisis is."""
    make_pair(stage, 'root', authority=True)
    make_pair(stage, 'signer', '-CA', stage.path('root.pem'), '-CAkey', stage.path('root.key'),
              authority=False)
    return {
        'passport': {'freshness': '300 s'},
        'passport-anchor ets': {'certificates': stage.path('root.pem'), 'namespaces': 'ets'},
        'passport-certificate signer': {'info': INFO, 'certificate': stage.path('signer.pem')},
    }


def lines(stage, mark):
    """Header lines of a call from FROM to TO that has MARK, without the last line end."""
    with open(stage.path('signer.key'), encoding='ascii') as file:
        key = file.read()
    token = pyjwt.sign(stage, key, {'ppt': 'rph', 'typ': 'passport', 'x5u': INFO}, {
        'dest': {'tn': [TO]}, 'iat': int(time.time()), 'orig': {'tn': FROM},
        'rph': {'auth': [mark]}})
    return (f'Resource-Priority: {mark}\r\n'
            f'Identity: {token};info=<{INFO}>;alg=ES256;ppt="rph"')
