/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The range of ports that media comes to, given out in pairs: an even one for RTP and the next one
 * for RTCP (RFC 3550 11).
 *
 *     first                                 last
 *       |-------------- open --------|-- reserved --|
 *                ordinary calls         calls with a priority, first of all
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

typedef struct {
    unsigned first, last; /* 1 .. 65535 */
    unsigned rest_ms;
    unsigned reserve_percent; /* of the pairs, rounded down: the last ones of the range */
} RtpRange;

/* Errors: not one pair fits in. */
RtpPorts *rtp_ports_new (const RtpRange *range, GError **error);
void rtp_ports_free (RtpPorts *ports);

/* What rtp_ports_new() would refuse. */
bool rtp_ports_check (const RtpRange *range, GError **error);

/* From now on pairs come from RANGE, which has been checked, and rest as it says. Pairs in use stay so;
 * those outside the range do not come back. Thread: any. */
void rtp_ports_change (RtpPorts *ports, const RtpRange *range, int64_t now_us);

/* Takes a pair and returns its even port, or 0 when every pair is in use or rests. Those that are
 * reserved are for IS_PRIORITY, which takes them first. Thread: any. */
unsigned rtp_ports_take (RtpPorts *ports, bool is_priority, int64_t now_us);

/* Gives PORT's pair back. Thread: any. */
void rtp_ports_give (RtpPorts *ports, unsigned port, int64_t now_us);

/* Thread: any. */
unsigned rtp_ports_in_use (RtpPorts *ports);
unsigned rtp_ports_total (RtpPorts *ports);
/* Which ports IS_PRIORITY, or nobody with it, may take. */
void rtp_ports_range (RtpPorts *ports, bool is_priority, unsigned *ret_first, unsigned *ret_last);

#endif
