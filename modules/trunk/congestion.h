/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How congested a trunk group is, 0 to 3: by what the peer says and by what becomes of our calls.
 *
 * A peer says so with a level and for how long (ACC, ITU-T E.412 (01/2003) 4.1; overload control, RFC
 * 7339), or by refusing a call for want of resources, with a Retry-After or without. Where it says
 * nothing, the share of calls that failed for congestion in the last ten seconds does.
 */

#ifndef TRUNK_CONGESTION_H
#define TRUNK_CONGESTION_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CONGESTION_N_SLOTS = 10, /* of a second each */
    CONGESTION_MIN_CALLS = 10,
    CONGESTION_MAX_LEVEL = 3,
};

typedef struct {
    unsigned told_level; /* by the peer ... */
    int64_t told_until_us;
    int64_t slot; /* the second counted now */
    uint16_t n_calls[CONGESTION_N_SLOTS];
    uint16_t n_failed[CONGESTION_N_SLOTS];
} Congestion;

/* The peer says LEVEL, good for DURATION_US. */
void congestion_tell (Congestion *congestion, unsigned level, int64_t duration_us, int64_t now_us);

/* A leg ended, for want of resources of the peer or otherwise. */
void congestion_count (Congestion *congestion, bool is_congested, int64_t now_us);

unsigned congestion_level (Congestion *congestion, int64_t now_us);

#endif
