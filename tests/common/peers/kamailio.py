# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kamailio as a stateful, record-routing proxy that sends every call to one place."""

from peers import ports

# The transaction layer does the work; 483 and loose routing as RFC 3261 16.3 and 16.4 want them.
PROXY = '''#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children={n_workers}
disable_tcp=yes
auto_aliases=no
listen=udp:{address}
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


class Kamailio:
    def __init__(self, case, target, port=None, n_workers=2):
        program = case.need('kamailio')
        self.port = port or ports.free_port()
        self.address = f'127.0.0.1:{self.port}'
        config = case.write(f'kamailio-{self.port}/kamailio.cfg',
                            PROXY.format(address=self.address, target=target, n_workers=n_workers))
        folder = case.path(f'kamailio-{self.port}')
        self.process = case.spawn('kamailio', [
            program, '-f', config, '-DD', '-E', '-m', '256', '-Y', folder,
            '-P', folder + '/pid', '-w', folder])
        self.process.wait_for(lambda: ports.is_served(self.port), 'listening socket')
