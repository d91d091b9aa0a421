/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lets an exact share of calls through: call percentage control (ITU-T E.412 2.3.1).
 *
 *     75 %   calls     1   2   3   4   5   6   7   8
 *            sum      75 150 225 300 375 450 525 600
 *            hundreds  0   1   2   3   3   4   5   6     admitted whenever there is one more
 *
 * The remainder is carried from call to call, so that of any N in a row the share is admitted but for
 * less than one call, on how many lanes ever they come: no dice, no bursts.
 */

#ifndef CONGESTION_THINNING_H
#define CONGESTION_THINNING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    _Atomic uint64_t sum; /* of the percents of all calls; good for 10^17 of them */
} Thinning;

/* Whether the next call passes, of which SHARE_PERCENT (0 .. 100) are to. Thread: any. */
static inline bool
thinning_admits (Thinning *thinning, unsigned share_percent)
{
    uint64_t before =
        atomic_fetch_add_explicit (&thinning->sum, share_percent, memory_order_relaxed);

    return (before + share_percent) / 100 > before / 100;
}

#endif
