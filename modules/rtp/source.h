/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a peer's packets come from: what it said, what we saw, and when we stop believing others.
 *
 *             signalled anew                first packet               N packets, one SSRC
 *     (any) -----------------> open ------------------------> latched --------------------> locked
 *                               ^   wanders while the latched one    |                        |
 *                               |   is silent, or to the signalled   |    moves with its SSRC |
 *                               |   one: latched <-------------------+    after a silence <---+
 *
 * A peer behind an address translator sends from another address than it signalled, so the first
 * source after signalling is taken; whoever else sends to the port afterwards is not heard.
 */

#ifndef MODULES_RTP_SOURCE_H
#define MODULES_RTP_SOURCE_H

#include <tandem/socket.h>

enum {
    /* For so long the source must be silent before another one may take its place. */
    RTP_SOURCE_SILENT_US = 250000,
};

typedef enum {
    RTP_SOURCE_OPEN,
    RTP_SOURCE_LATCHED,
    RTP_SOURCE_LOCKED,
} RtpSourceState;

typedef struct {
    TdAddress signalled; /* family 0: nothing was said */
    TdAddress seen;      /* unless open */
    int64_t seen_us;     /* when its last packet came */
    uint32_t ssrc;
    bool is_holding; /* the peer wants no packets */
    uint8_t state;   /* RtpSourceState */
    uint8_t n_seen;  /* in a row, with this SSRC, until locked */
} RtpSource;

static inline bool
rtp_address_is_same (const TdAddress *a, const TdAddress *b)
{
    if (a->any.sa_family != b->any.sa_family) {
        return false;
    }
    if (a->any.sa_family == AF_INET) {
        return a->v4.sin_port == b->v4.sin_port && a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    }
    return td_address_equal (a, b);
}

/* The peer says where it wants its packets. What was seen is forgotten when that is news. With no
 * address in the place of one it holds (RFC 3264 8.4). */
void rtp_source_signal (RtpSource *source, const TdAddress *address);

/* Whether a packet FROM there is the peer's. LOCK_AFTER: 1 .. 255. */
bool rtp_source_admit (RtpSource *source, const TdAddress *from, uint32_t ssrc, int64_t now_us,
                       unsigned lock_after);

/* Where to send to: where packets come from, else where they are wanted; NULL: nowhere is known, or the
 * peer holds. */
static inline const TdAddress *
rtp_source_target (const RtpSource *source)
{
    if (source->is_holding) {
        return NULL;
    }
    if (source->state != RTP_SOURCE_OPEN) {
        return &source->seen;
    }
    return source->signalled.any.sa_family != AF_UNSPEC ? &source->signalled : NULL;
}

#endif
