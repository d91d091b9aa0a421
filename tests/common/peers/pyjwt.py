# SPDX-License-Identifier: LGPL-2.1-or-later
"""PyJWT, in whichever Python has it: signs and verifies tokens, a second opinion."""

import functools
import json
import subprocess
import sys

PROGRAM = '''
import json, jwt, sys
asked = json.load(sys.stdin)
if 'token' in asked:
    said = jwt.decode(asked['token'], asked['key'], algorithms=['ES256'],
                      options={'verify_iat': False})
    json.dump({'header': jwt.get_unverified_header(asked['token']), 'payload': said}, sys.stdout)
else:
    json.dump([jwt.encode(asked['payload'], asked['key'], algorithm='ES256', headers=asked['header'])
               for _ in range(asked['n_tokens'])], sys.stdout)
'''


@functools.lru_cache
def interpreter():
    """The Python that has PyJWT and what it signs ES256 with, or None."""
    for path in (sys.executable, '/usr/bin/python3'):
        if subprocess.run([path, '-c', 'import cryptography, jwt'], capture_output=True, check=False,
                          timeout=60).returncode == 0:
            return path
    return None


def ask(case, **asked):
    path = interpreter()
    if path is None:
        case.lack('no Python has PyJWT: install python3-jwt and python3-cryptography')
    done = subprocess.run([path, '-c', PROGRAM], input=json.dumps(asked), capture_output=True,
                          text=True, check=False, timeout=60)
    if done.returncode:
        raise ValueError(done.stderr.strip().rsplit('\n', 1)[-1])
    return json.loads(done.stdout)


def sign(case, key, header, payload):
    """A token with HEADER and PAYLOAD by the private KEY (PEM)."""
    return sign_all(case, key, header, payload, 1)[0]


def sign_all(case, key, header, payload, n_tokens):
    """N_TOKENS of them, which differ in their signatures alone."""
    return ask(case, key=key, header=header, payload=payload, n_tokens=n_tokens)


def verify(case, key, token):
    """The header and payload of TOKEN, which the public KEY (PEM) has signed; ValueError otherwise."""
    said = ask(case, key=key, token=token)
    return said['header'], said['payload']
