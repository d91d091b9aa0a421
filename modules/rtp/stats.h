/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a stream that comes in: how much of it, what is missing, how unsteady it is. */

#ifndef MODULES_RTP_STATS_H
#define MODULES_RTP_STATS_H

#include "packet.h"

typedef struct {
    uint64_t packets; /* all that were taken, duplicates too */
    uint64_t bytes;
    uint64_t lost_before; /* of earlier runs; a run ends when the sender starts anew */
    uint64_t duplicates;
    uint64_t reordered; /* came after a later one */
    uint64_t window;    /* bit N: the packet N before the latest one has come */
    uint32_t ssrc;
    uint32_t first; /* extended sequence numbers of this run */
    uint32_t latest;
    uint32_t n_different; /* packets of this run, each counted once */
    uint32_t odd;         /* the sequence number that would confirm a jump, plus 1; 0: none */
    uint32_t transit;     /* RFC 3550 A.8, in units of the timestamp */
    uint32_t jitter_x16;
    uint32_t clock_rate_hz;
    bool is_running;
    bool has_transit;
} RtpStats;

/* Counts a packet of N_BYTES that came at ARRIVAL_NS (any steady clock). CLOCK_RATE_HZ is that of its
 * payload type, or 0 when its timestamps say nothing about its time, as those of telephone events. */
void rtp_stats_count (RtpStats *stats, const RtpHeader *header, size_t n_bytes, int64_t arrival_ns,
                      uint32_t clock_rate_hz);

/* RFC 3550 A.3, over all runs. */
uint64_t rtp_stats_lost (const RtpStats *stats);

/* RFC 3550 6.4.1, as time. */
uint32_t rtp_stats_jitter_us (const RtpStats *stats);

#endif
