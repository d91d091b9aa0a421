# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kamailio as a stateful, record-routing proxy that sends every call to one place; or as a redirect server."""

import glob

from peers import ports

# The transaction layer does the work; 483 and loose routing as RFC 3261 16.3 and 16.4 want them.
PROXY = '''#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children={n_workers}
disable_tcp={has_no_tcp}
auto_aliases=no
listen=udp:{address}
{tls}
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
modparam("tm", "fr_timer", 30000)
modparam("tm", "fr_inv_timer", 120000)

request_route {{
    if (!mf_process_maxfwd_header("10")) {{
        sl_send_reply("483", "Too Many Hops");
        exit;
    }}
    if (is_method("ACK|CANCEL") && !has_totag()) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        if (loose_route()) {{
            t_relay();
        }} else if (is_method("ACK")) {{
            if (t_check_trans()) t_relay();
        }} else {{
            sl_send_reply("404", "Not Here");
        }}
        exit;
    }}
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    t_check_trans();
    record_route();
    $du = "sip:{target}";
    if (!t_relay()) sl_reply_error();
}}
'''

# Of the destinations that a stateless 3xx finds it makes the Contacts (module sl).
REDIRECT = '''#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children={n_workers}
disable_tcp=yes
auto_aliases=no
listen=udp:{address}
loadmodule "sl.so"
loadmodule "corex.so"
loadmodule "textops.so"

request_route {{
    if (is_method("ACK")) exit;
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
{contacts}
    sl_send_reply("302", "Moved Temporarily");
}}
'''

TLS = '''enable_tls=yes
tcp_children=2
listen=tls:{address}
loadmodule "tls.so"
modparam("tls", "config", "{file}")
'''

# One identity for both roles, which asks the other side for a certificate.
TLS_SIDE = '''[{role}:default]
method = TLSv1.2+
verify_certificate = yes
require_certificate = yes
certificate = {certificate}
private_key = {key}
ca_list = {authority}
'''


class Kamailio:
    """With TLS, an authority and a pair of files, it listens at tls_address, too. With REDIRECTS, pairs of URI and q,
    every call is redirected there."""

    def __init__(self, case, target=None, port=None, n_workers=2, tls=None, redirects=()):
        program = case.need('kamailio')
        self.port = port or ports.free_port()
        self.address = f'127.0.0.1:{self.port}'
        folder = case.path(f'kamailio-{self.port}')
        contacts = '\n'.join(f'    append_branch("{uri}", "{q}");' for uri, q in redirects)
        config = case.write(f'kamailio-{self.port}/kamailio.cfg', (REDIRECT if redirects else PROXY).format(
            address=self.address, target=target, n_workers=n_workers, contacts=contacts,
            has_no_tcp='no' if tls else 'yes', tls=self.tls_lines(case, *tls) if tls else ''))
        self.process = case.spawn('kamailio', [
            program, '-f', config, '-DD', '-E', '-m', '256', '-Y', folder,
            '-P', folder + '/pid', '-w', folder])
        self.process.wait_for(lambda: ports.is_served(self.port), 'listening socket')

    def tls_lines(self, case, authority, certificate):
        if not glob.glob('/usr/lib/*/kamailio/modules/tls.so'):
            case.lack('kamailio without TLS: install kamailio-tls-modules')
        self.tls_address = f'127.0.0.1:{ports.free_port()}'
        text = ''.join(TLS_SIDE.format(role=role, certificate=certificate[0], key=certificate[1],
                                       authority=authority.certificate)
                       for role in ('server', 'client'))
        return TLS.format(address=self.tls_address,
                          file=case.write(f'kamailio-{self.port}/tls.cfg', text))
