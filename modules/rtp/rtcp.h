/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What RTCP says of quality (RFC 3550 6.4), read while it passes. */

#ifndef MODULES_RTP_RTCP_H
#define MODULES_RTP_RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The last sender report that went out to a peer: what its receiver reports will refer to. */
typedef struct {
    uint32_t ntp_middle; /* RFC 3550 4: the middle 32 bits of its NTP timestamp */
    int64_t sent_us;     /* 0: none yet */
} RtcpSent;

/* What the peer says it receives. */
typedef struct {
    int64_t at_us; /* 0: it has said nothing */
    uint32_t n_reports;
    uint32_t jitter; /* in units of the RTP clock */
    int32_t lost;
    uint8_t fraction_lost;  /* of 256 */
    uint32_t round_trip_us; /* 0: unknown */
} RtcpReport;

/* RFC 3550 A.2, but for the first packet's type: RFC 5506 lets others lead. */
bool rtcp_is_valid (const uint8_t *bytes, size_t n_bytes);

/* Takes the reception reports of a valid packet FROM a peer into REPORT, with SENT for the time they
 * took, and the sender report, when there is one, into PASSED_ON: what went to the other side. */
void rtcp_read (const uint8_t *bytes, size_t n_bytes, int64_t now_us, const RtcpSent *sent,
                RtcpReport *report, RtcpSent *passed_on);

#endif
