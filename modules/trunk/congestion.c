/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How congested a trunk group is. */

#include "congestion.h"

#include <string.h>

enum { SLOT_US = 1000000 };

/* Of the calls of the last ten seconds, the percentage that failed for congestion at which a level
 * begins. */
static const unsigned level_percent[CONGESTION_MAX_LEVEL] = { 10, 30, 60 };

void
congestion_tell (Congestion *congestion, unsigned level, int64_t duration_us, int64_t now_us)
{
    congestion->told_level = level < CONGESTION_MAX_LEVEL ? level : CONGESTION_MAX_LEVEL;
    congestion->told_until_us = now_us + duration_us;
}

static void
turn (Congestion *congestion, int64_t now_us)
{
    int64_t slot = now_us / SLOT_US;

    if (slot - congestion->slot >= CONGESTION_N_SLOTS) {
        memset (congestion->n_calls, 0, sizeof congestion->n_calls);
        memset (congestion->n_failed, 0, sizeof congestion->n_failed);
        congestion->slot = slot;
    }
    while (congestion->slot < slot) {
        congestion->slot++;
        congestion->n_calls[congestion->slot % CONGESTION_N_SLOTS] = 0;
        congestion->n_failed[congestion->slot % CONGESTION_N_SLOTS] = 0;
    }
}

void
congestion_count (Congestion *congestion, bool is_congested, int64_t now_us)
{
    turn (congestion, now_us);
    unsigned at = (unsigned) (congestion->slot % CONGESTION_N_SLOTS);
    if (congestion->n_calls[at] < UINT16_MAX) {
        congestion->n_calls[at]++;
        congestion->n_failed[at] += is_congested;
    }
}

static unsigned
measured_level (Congestion *congestion, int64_t now_us)
{
    unsigned n_calls = 0, n_failed = 0, level = 0;

    turn (congestion, now_us);
    for (unsigned i = 0; i < CONGESTION_N_SLOTS; i++) {
        n_calls += congestion->n_calls[i];
        n_failed += congestion->n_failed[i];
    }
    while (n_calls >= CONGESTION_MIN_CALLS && level < CONGESTION_MAX_LEVEL
           && n_failed * 100 >= n_calls * level_percent[level]) {
        level++;
    }
    return level;
}

unsigned
congestion_level (Congestion *congestion, int64_t now_us)
{
    unsigned told = now_us < congestion->told_until_us ? congestion->told_level : 0;
    unsigned measured = measured_level (congestion, now_us);

    return told > measured ? told : measured;
}
