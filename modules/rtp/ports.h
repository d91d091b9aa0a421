/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The range of ports that media comes to, given out in pairs: an even one for RTP and the next one
 * for RTCP (RFC 3550 11).
 *
 * The order of the first round is random, so that nobody can tell where the next call will be. A
 * pair that comes back goes to the end of the queue and rests there: late packets of its last call
 * must not reach the next one.
 */

#ifndef MODULES_RTP_PORTS_H
#define MODULES_RTP_PORTS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct RtpPorts RtpPorts;

/* Pairs from FIRST to LAST, both 1 .. 65535. Errors: not one pair fits in. */
RtpPorts *rtp_ports_new (unsigned first, unsigned last, unsigned rest_ms, GError **error);
void rtp_ports_free (RtpPorts *ports);

/* What rtp_ports_new() would refuse. */
bool rtp_ports_check (unsigned first, unsigned last, GError **error);

/* From now on pairs come from FIRST to LAST, which has been checked, and rest for REST_MS. Pairs in use
 * stay so; those outside the range do not come back. Thread: any. */
void rtp_ports_change (RtpPorts *ports, unsigned first, unsigned last, unsigned rest_ms,
                       int64_t now_us);

/* Takes a pair and returns its even port, or 0 when every pair is in use or rests. Thread: any. */
unsigned rtp_ports_take (RtpPorts *ports, int64_t now_us);

/* Gives PORT's pair back. Thread: any. */
void rtp_ports_give (RtpPorts *ports, unsigned port, int64_t now_us);

/* Thread: any. */
unsigned rtp_ports_in_use (RtpPorts *ports);
unsigned rtp_ports_total (RtpPorts *ports);
void rtp_ports_range (RtpPorts *ports, unsigned *ret_first, unsigned *ret_last);

#endif
