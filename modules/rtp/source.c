/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Learns where a peer's packets come from, and stays with it. */

#include "source.h"

/* The kernel would take it for this machine. */
static bool
is_nowhere (const TdAddress *address)
{
    return address->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED (&address->v6.sin6_addr)
                                              : address->v4.sin_addr.s_addr == INADDR_ANY;
}

void
rtp_source_signal (RtpSource *source, const TdAddress *address)
{
    /* A refresh that repeats the address must not open a locked source to others. */
    if (rtp_address_is_same (&source->signalled, address)) {
        return;
    }
    source->signalled = *address;
    source->is_holding = is_nowhere (address);
    source->state = RTP_SOURCE_OPEN;
}

static void
latch (RtpSource *source, const TdAddress *from, uint32_t ssrc)
{
    source->seen = *from;
    source->ssrc = ssrc;
    source->state = RTP_SOURCE_LATCHED;
    source->n_seen = 0;
}

/* A packet from the source we have: each one of the same SSRC makes it surer. */
static void
confirm (RtpSource *source, uint32_t ssrc, unsigned lock_after)
{
    if (source->ssrc != ssrc) {
        source->ssrc = ssrc;
        source->n_seen = 0;
    }
    if (source->state == RTP_SOURCE_LATCHED && ++source->n_seen >= lock_after) {
        source->state = RTP_SOURCE_LOCKED;
    }
}

/* Whether another source may take over. Before the lock: the one that was signalled, or anyone when
 * the latched one has gone silent, so that one stray packet does not keep the peer out. After it:
 * only the same stream from a new address, as when a translator forgets its binding. */
static bool
may_move (const RtpSource *source, const TdAddress *from, uint32_t ssrc, int64_t now_us)
{
    bool is_silent = now_us - source->seen_us >= RTP_SOURCE_SILENT_US;

    if (source->state == RTP_SOURCE_LOCKED) {
        return is_silent && ssrc == source->ssrc;
    }
    return is_silent || rtp_address_is_same (from, &source->signalled);
}

bool
rtp_source_admit (RtpSource *source, const TdAddress *from, uint32_t ssrc, int64_t now_us,
                  unsigned lock_after)
{
    if (source->state == RTP_SOURCE_OPEN) {
        latch (source, from, ssrc);
    } else if (!rtp_address_is_same (&source->seen, from)) {
        if (!may_move (source, from, ssrc, now_us)) {
            return false;
        }
        latch (source, from, ssrc);
    }
    source->seen_us = now_us;
    confirm (source, ssrc, lock_after);
    return true;
}
