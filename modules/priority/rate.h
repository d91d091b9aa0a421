/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* So many a minute, so many at once: a bucket that is one number.
 *
 *     due ---- now: what the next one has to wait for, were it alone
 *     each one puts DUE later by an interval; it may lie BURST intervals ahead */

#ifndef PRIORITY_RATE_H
#define PRIORITY_RATE_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>

typedef _Atomic int64_t Rate; /* 0: nobody has come yet */

/* Whether one more may come at NOW_US (monotonic), of PER_MINUTE (1 or more) and BURST at once; counts it then.
 * Thread: any. */
static inline bool
rate_take (Rate *rate, uint32_t per_minute, uint32_t burst, int64_t now_us)
{
    int64_t interval_us = 60 * G_USEC_PER_SEC / per_minute, next_us;
    int64_t due_us = atomic_load_explicit (rate, memory_order_relaxed);

    do {
        next_us = MAX (due_us, now_us) + interval_us;
        if (next_us - now_us > burst * interval_us) {
            return false;
        }
    } while (!atomic_compare_exchange_weak (rate, &due_us, next_us));
    return true;
}

#endif
