/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What stands in the head of an RTP packet (RFC 3550 5.1). */

#ifndef MODULES_RTP_PACKET_H
#define MODULES_RTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTP_HEADER_BYTES = 12,
    RTP_PACKET_BYTES =
        2048, /* the longest packet that is relayed: more than any Ethernet carries */
};

typedef struct {
    uint8_t payload_type;
    bool is_marked;
    uint16_t sequence;
    uint32_t timestamp;
    uint32_t ssrc;
} RtpHeader;

static inline uint16_t
rtp_read_u16 (const uint8_t *bytes)
{
    return (uint16_t) (bytes[0] << 8 | bytes[1]);
}

static inline uint32_t
rtp_read_u32 (const uint8_t *bytes)
{
    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8
           | bytes[3];
}

/* False when BYTES cannot be RTP of version 2. */
static inline bool
rtp_read_header (const uint8_t *bytes, size_t n_bytes, RtpHeader *ret_header)
{
    if (n_bytes < RTP_HEADER_BYTES || bytes[0] >> 6 != 2) {
        return false;
    }
    *ret_header = (RtpHeader){
        .payload_type = bytes[1] & 0x7f,
        .is_marked = (bytes[1] & 0x80) != 0,
        .sequence = rtp_read_u16 (bytes + 2),
        .timestamp = rtp_read_u32 (bytes + 4),
        .ssrc = rtp_read_u32 (bytes + 8),
    };
    return true;
}

/* RFC 5761 4: where both come to one port, the second byte tells RTCP from RTP. */
static inline bool
rtp_is_rtcp (const uint8_t *bytes, size_t n_bytes)
{
    return n_bytes >= 2 && bytes[1] >= 192 && bytes[1] <= 223;
}

#endif
