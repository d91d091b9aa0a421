/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long new requests may wait for their turn before service would come too late. */

#include "patience.h"

enum {
    WINDOW_US = 500000,
    FALL_US = WINDOW_US / 20, /* a queue that gets shorter by less in a window does not */
    FEW = 20,                 /* one in so many refused: hardly any */
    IDLE_US = 4 * WINDOW_US,
    RUSH_WINDOW_US = 100000,
    N_RUSHES = 3,
    T1_US = 500000,  /* RFC 3261 17.1.1.2: who waits for longer sends again */
    LEAST_QUEUE = 4, /* the lane is not to be idle while more is read */
};

void
sip_patience_init (SipPatience *patience, int64_t wait_us, int64_t target_us)
{
    *patience = (SipPatience){ .wait_us = wait_us,
                               .target_us = MIN (target_us, wait_us),
                               .least_us = INT64_MAX };
}

/* Whether the queue stood throughout this window and the one before, and got no shorter, neither in time
 * nor in number: those who came all at once wait the longer the later they get their turn. */
static bool
stands (const SipPatience *patience, unsigned n_waiting)
{
    return patience->n > 0 && n_waiting + patience->n / FEW >= patience->n_waiting_before
           && patience->least_us > patience->target_us
           && patience->least_before_us > patience->target_us
           && patience->least_us > patience->least_before_us - FALL_US;
}

/* As many may wait as get their turn within the target. */
static void
limit_queue (SipPatience *patience, unsigned n_served, int64_t elapsed_us)
{
    patience->n_may_wait =
        MAX ((unsigned) (n_served * patience->target_us / elapsed_us), LEAST_QUEUE);
}

static void
begin_window (SipPatience *patience, int64_t now_us)
{
    patience->least_us = INT64_MAX;
    patience->n = patience->n_refused = 0;
    patience->end_us = now_us + WINDOW_US;
}

/* What ended some time ago says nothing of what begins now: either nobody came, or the lane stood still
 * and nobody was looked at. */
static void
end_window (SipPatience *patience, unsigned n_waiting, int64_t now_us)
{
    int64_t past_us = now_us - patience->end_us;

    patience->is_overloaded = patience->is_overloaded
                                  ? patience->n_refused * FEW > patience->n && past_us < IDLE_US
                                  : stands (patience, n_waiting);
    patience->least_before_us = patience->n > 0 && past_us < WINDOW_US ? patience->least_us : 0;
    limit_queue (patience, patience->n - patience->n_refused, WINDOW_US + past_us);
    patience->n_waiting_before = n_waiting;
    begin_window (patience, now_us);
}

/* Half as many again as get their turn come, time after time, and whoever comes now would have to wait for
 * longer than T1. Those who come all at once, or whom a lane finds that stood still, are over soon. */
static void
end_rush_window (SipPatience *patience, int64_t waited_us, int64_t now_us)
{
    SipRush *rush = &patience->rush;
    unsigned n_come = atomic_exchange_explicit (&rush->n_come, 0, memory_order_relaxed);
    bool grows = n_come > rush->n + rush->n / 2 && waited_us > patience->target_us
                 && now_us - rush->end_us < RUSH_WINDOW_US;

    rush->n_times = grows ? rush->n_times + 1 : 0;
    rush->n_left = grows ? rush->n_left + n_come - rush->n : 0;
    if (!patience->is_overloaded && rush->n_times >= N_RUSHES
        && (uint64_t) rush->n_left * RUSH_WINDOW_US > (uint64_t) rush->n * T1_US) {
        patience->is_overloaded = true;
        limit_queue (patience, rush->n, RUSH_WINDOW_US);
        begin_window (patience, now_us);
    }
    rush->n = 0;
    rush->end_us = now_us + RUSH_WINDOW_US;
}

void
sip_patience_note (SipPatience *patience, int64_t waited_us, unsigned n_waiting, bool is_refused,
                   int64_t now_us)
{
    if (now_us >= patience->end_us) {
        end_window (patience, n_waiting, now_us);
    }
    if (now_us >= patience->rush.end_us) {
        end_rush_window (patience, waited_us, now_us);
    }
    patience->least_us = MIN (patience->least_us, waited_us);
    patience->n++;
    patience->n_refused += is_refused;
    patience->rush.n++;
}
