/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long new requests may wait for their turn before service would come too late. */

#include "patience.h"

enum {
    WINDOW_US = 500000,
    FALL_US = WINDOW_US / 20, /* a queue that gets shorter by less in a window does not */
    FEW = 20,                 /* one in so many refused: hardly any */
    IDLE_US = 4 * WINDOW_US,
};

void
sip_patience_init (SipPatience *patience, int64_t wait_us, int64_t target_us)
{
    *patience = (SipPatience){ .wait_us = wait_us,
                               .target_us = MIN (target_us, wait_us),
                               .least_us = INT64_MAX };
}

/* Whether the queue stood throughout this window and the one before, and got no shorter. */
static bool
stands (const SipPatience *patience)
{
    return patience->n > 0 && patience->least_us > patience->target_us
           && patience->least_before_us > patience->target_us
           && patience->least_us > patience->least_before_us - FALL_US;
}

/* What ended some time ago says nothing of what begins now: either nobody came, or the lane stood still
 * and nobody was looked at. */
static void
end_window (SipPatience *patience, int64_t now_us)
{
    int64_t past_us = now_us - patience->end_us;

    patience->is_overloaded = patience->is_overloaded
                                  ? patience->n_refused * FEW > patience->n && past_us < IDLE_US
                                  : stands (patience);
    patience->least_before_us = patience->n > 0 && past_us < WINDOW_US ? patience->least_us : 0;
    patience->least_us = INT64_MAX;
    patience->n = patience->n_refused = 0;
    patience->end_us = now_us + WINDOW_US;
}

void
sip_patience_note (SipPatience *patience, int64_t waited_us, bool is_refused, int64_t now_us)
{
    if (now_us >= patience->end_us) {
        end_window (patience, now_us);
    }
    patience->least_us = MIN (patience->least_us, waited_us);
    patience->n++;
    patience->n_refused += is_refused;
}
