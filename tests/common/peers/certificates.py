# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates for a test, made by openssl: an authority, and whoever it stands for."""

import os
import subprocess
import time

ENDED_S = 1577836800  # the year 2020


def revoke(folder, certificate, key, *revoked, is_over=False):
    """The file of a list of the certificates REVOKED of the authority CERTIFICATE, in FOLDER; one whose time
    IS_OVER, if so."""
    number = len(os.listdir(folder))
    path = os.path.join(folder, f'revoked-{number}.pem')
    base = os.path.join(folder, f'revoked-{number}')
    for end, text in (('index', ''), ('conf', (
            f'[ca]\ndefault_ca = one\n[one]\ndatabase = {base}.index\ndefault_md = sha256\n'))):
        with open(f'{base}.{end}', 'w', encoding='ascii') as output:
            output.write(text)

    def ca(*words):
        subprocess.run(['openssl', 'ca', '-config', f'{base}.conf', '-cert', certificate, '-keyfile', key,
                        *words], check=True, capture_output=True, timeout=60)
    for one in revoked:
        ca('-revoke', one)
    span = ['-crl_lastupdate', '20190101000000Z', '-crl_nextupdate', '20200101000000Z'] \
        if is_over else ['-crldays', '2']
    ca('-gencrl', '-out', path, *span)
    return path


class Authority:
    """A certificate that signs others, in a folder of its own."""

    def __init__(self, case, name='authority'):
        self.case, self.openssl = case, case.need('openssl')
        self.folder = case.path(name)
        os.makedirs(self.folder)
        self.certificate = os.path.join(self.folder, 'authority.pem')
        self.key = os.path.join(self.folder, 'authority.key')
        self.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                 '-keyout', self.key, '-out', self.certificate, '-days', '2', '-subj', f'/CN={name}')

    def run(self, *arguments):
        subprocess.run([self.openssl, *arguments], check=True, capture_output=True, cwd=self.folder)

    def sign(self, name, alternatives, days=2, algorithm=('ec', 'ec_paramgen_curve:P-256'),
             file=None, ends_s=None):
        """(certificate, key) of NAME, who is ALTERNATIVES ("URI:sip:ann.example,DNS:..."); one that has
        ended when DAYS is below 0, or that ends at ENDS_S."""
        certificate, key, request, extensions = (
            os.path.join(self.folder, f'{file or name}.{end}') for end in ('pem', 'key', 'csr', 'ext'))
        with open(extensions, 'w', encoding='ascii') as output:
            output.write(f'subjectAltName = {alternatives}\n' if alternatives else '')
        self.run('req', '-new', '-newkey', algorithm[0], '-pkeyopt', algorithm[1], '-nodes',
                 '-keyout', key, '-out', request, '-subj', f'/CN={name}')
        if days < 0:
            ends_s = ENDED_S
        if ends_s is not None:  # "x509" counts whole days from now: the small authority of "ca" does not
            self.run_ca(request, certificate, extensions, ends_s)
        else:
            self.run('x509', '-req', '-in', request, '-CA', self.certificate, '-CAkey', self.key,
                     '-CAcreateserial', '-out', certificate, '-extfile', extensions, '-days', str(days))
        return certificate, key

    def run_ca(self, request, certificate, extensions, ends_s):
        for name, text in (('index.txt', ''), ('serial', '1000\n'), ('ca.conf', (
                '[ca]\ndefault_ca = one\n[one]\ndatabase = index.txt\nserial = serial\n'
                'new_certs_dir = .\ndefault_md = sha256\npolicy = any\nunique_subject = no\n'
                '[any]\ncommonName = supplied\n'))):
            with open(os.path.join(self.folder, name), 'w', encoding='ascii') as output:
                output.write(text)
        self.run('ca', '-batch', '-config', 'ca.conf', '-in', request, '-out', certificate, '-cert',
                 self.certificate, '-keyfile', self.key, '-startdate', '20190101000000Z',
                 '-enddate', time.strftime('%Y%m%d%H%M%SZ', time.gmtime(ends_s)), '-extfile', extensions, '-notext')
