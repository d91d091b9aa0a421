/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts what comes in, by RFC 3550 A.1 (sequence), A.3 (loss) and A.8 (jitter). */

#include "stats.h"

enum {
    /* RFC 3550 A.1. */
    MAX_DROPOUT = 3000,
    MAX_MISORDER = 100,
    CYCLE = 1 << 16,
    WINDOW = 64,
};

static uint64_t
lost_of_run (const RtpStats *stats)
{
    uint32_t expected = stats->latest - stats->first + 1;

    return stats->is_running && expected > stats->n_different ? expected - stats->n_different : 0;
}

static void
start_run (RtpStats *stats, const RtpHeader *header)
{
    stats->lost_before += lost_of_run (stats);
    stats->ssrc = header->ssrc;
    /* One cycle ahead, so that a packet from before the first one has a number, too. */
    stats->first = stats->latest = CYCLE + header->sequence;
    stats->n_different = 1;
    stats->window = 1;
    stats->odd = 0;
    stats->is_running = true;
    stats->has_transit = false;
}

static void
advance (RtpStats *stats, uint16_t ahead)
{
    stats->latest += ahead;
    stats->window = ahead < WINDOW ? stats->window << ahead | 1 : 1;
    stats->n_different++;
}

/* A packet that is BEHIND the latest one. */
static void
fill_in (RtpStats *stats, uint16_t behind)
{
    uint64_t bit = behind < WINDOW ? UINT64_C (1) << behind : 0;

    if ((stats->window & bit) != 0) {
        stats->duplicates++;
        return;
    }
    stats->window |= bit;
    stats->reordered++;
    if (stats->latest - behind >= stats->first) {
        stats->n_different++;
    }
}

/* RFC 3550 A.1: a small step forward, a packet from the past, or a jump, which is believed when a
 * second packet follows on it. */
static void
count_sequence (RtpStats *stats, const RtpHeader *header)
{
    uint16_t ahead = (uint16_t) (header->sequence - (uint16_t) stats->latest);

    if (ahead != 0 && ahead < MAX_DROPOUT) {
        advance (stats, ahead);
        stats->odd = 0;
    } else if (ahead == 0 || ahead > CYCLE - MAX_MISORDER) {
        fill_in (stats, (uint16_t) -ahead);
    } else if (stats->odd == (uint32_t) header->sequence + 1) {
        start_run (stats, header);
    } else {
        stats->odd = (uint32_t) (uint16_t) (header->sequence + 1) + 1;
    }
}

/* RFC 3550 A.8. */
static void
count_jitter (RtpStats *stats, uint32_t timestamp, int64_t arrival_ns, uint32_t clock_rate_hz)
{
    /* Seconds and their rest apart: nanoseconds times a clock rate would overflow. */
    uint64_t arrival = (uint64_t) arrival_ns / 1000000000 * clock_rate_hz
                       + (uint64_t) arrival_ns % 1000000000 * clock_rate_hz / 1000000000;
    uint32_t transit = (uint32_t) arrival - timestamp;

    if (stats->has_transit && stats->clock_rate_hz == clock_rate_hz) {
        int32_t change = (int32_t) (transit - stats->transit);
        uint32_t deviation = change < 0 ? 0 - (uint32_t) change : (uint32_t) change;
        stats->jitter_x16 += deviation - ((stats->jitter_x16 + 8) >> 4);
    } else if (stats->clock_rate_hz != clock_rate_hz) {
        stats->jitter_x16 = 0;
    }
    stats->transit = transit;
    stats->clock_rate_hz = clock_rate_hz;
    stats->has_transit = true;
}

void
rtp_stats_count (RtpStats *stats, const RtpHeader *header, size_t n_bytes, int64_t arrival_ns,
                 uint32_t clock_rate_hz)
{
    stats->packets++;
    stats->bytes += n_bytes;
    if (!stats->is_running || stats->ssrc != header->ssrc) {
        start_run (stats, header);
    } else {
        count_sequence (stats, header);
    }
    if (clock_rate_hz != 0) {
        count_jitter (stats, header->timestamp, arrival_ns, clock_rate_hz);
    }
}

uint64_t
rtp_stats_lost (const RtpStats *stats)
{
    return stats->lost_before + lost_of_run (stats);
}

uint32_t
rtp_stats_jitter_us (const RtpStats *stats)
{
    if (stats->clock_rate_hz == 0) {
        return 0;
    }
    return (uint32_t) ((uint64_t) (stats->jitter_x16 >> 4) * 1000000 / stats->clock_rate_hz);
}
