/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fake lanes: one thread steps them all in an order that a seed decides. */

#include "run/step.h"

#include "run/clock.h"
#include "run/lane-inside.h"
#include "run/worker.h"

/* More steps than any test needs to come to rest. */
#define MANY_STEPS 20000000u

/* What a thread is given to answer in. */
#define PATIENCE_US (10 * INT64_C (1000000))

static uint64_t random_state;
static bool is_stepping;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t one_came = PTHREAD_COND_INITIALIZER;
/* Guarded by the lock: */
static unsigned n_expected;
static bool has_come; /* since the lanes were last at rest */

void
td_step_begin (uint64_t seed)
{
    random_state = seed;
    is_stepping = false;
    n_expected = 0;
    has_come = false;
}

void
td_step_expect (void)
{
    pthread_mutex_lock (&lock);
    n_expected++;
    pthread_mutex_unlock (&lock);
}

void
td_step_came (void)
{
    pthread_mutex_lock (&lock);
    n_expected -= n_expected > 0;
    has_come = true;
    pthread_cond_signal (&one_came);
    pthread_mutex_unlock (&lock);
}

/* The lanes are at rest: waits for what threads will post. Returns whether there was any. */
static bool
await_threads (void)
{
    int64_t until_us = td_clock_real_us () + PATIENCE_US;

    pthread_mutex_lock (&lock);
    while (n_expected > 0 && !has_come && td_clock_real_wait (&one_came, &lock, until_us)) {
    }
    bool any = has_come;
    has_come = false;
    pthread_mutex_unlock (&lock);
    return any;
}

/* A number below N, from a Weyl sequence and an avalanche of its bits. */
static unsigned
pick_below (unsigned n)
{
    random_state += UINT64_C (0x9e3779b97f4a7c15);
    uint64_t x = random_state;
    x = (x ^ (x >> 32)) * UINT64_C (0xd6e8feb86659fd93);
    x = (x ^ (x >> 32)) * UINT64_C (0xd6e8feb86659fd93);
    x ^= x >> 32;
    return (unsigned) ((x >> 32) * n >> 32);
}

/* What the lanes have to do: twice the index of a lane for its posts, one more for its timers. */
static unsigned
list_work (uint16_t work[2 * (TD_LANES_MAX + 1)])
{
    unsigned n_work = 0;
    TdLane *lane;

    for (unsigned i = 0; (lane = td_lane_nth (i)) != NULL; i++) {
        if (td_lane_has_posts (lane)) {
            work[n_work++] = (uint16_t) (2 * i);
        }
        if (td_wheel_next_us (&lane->wheel) <= td_clock_read_us ()) {
            work[n_work++] = (uint16_t) (2 * i + 1);
        }
    }
    return n_work;
}

static void
begin_turn (TdLane *lane)
{
    td_lane_here = lane;
    lane->now_us = td_clock_read_us ();
    lane->is_in_turn = true;
}

static void
end_turn (TdLane *lane)
{
    lane->is_in_turn = false;
    td_lane_here = td_lane_control ();
}

static void
serve (TdLane *lane, bool is_timer)
{
    begin_turn (lane);
    if (is_timer) {
        td_lane_serve_timer (lane);
    } else {
        td_lane_collect (lane);
        td_lane_serve_post (lane);
        td_lane_collect (lane);
    }
    td_lane_publish (lane);
    end_turn (lane);
}

/* Looks at the lanes' contexts, from a lane that the generator picks. */
static bool
serve_contexts (void)
{
    unsigned n_lanes = td_lane_count () + 1;
    unsigned first = pick_below (n_lanes);
    bool any = false;

    for (unsigned i = 0; i < n_lanes && !any; i++) {
        TdLane *lane = td_lane_nth ((first + i) % n_lanes);
        begin_turn (lane);
        any = g_main_context_iteration (lane->context, FALSE);
        end_turn (lane);
    }
    return any;
}

bool
td_lanes_step (void)
{
    uint16_t work[2 * (TD_LANES_MAX + 1)];

    g_return_val_if_fail (td_lane_control () != NULL && !is_stepping, false);
    is_stepping = true;
    unsigned n_turns = list_work (work);
    unsigned n_work = n_turns + td_workers_n_ready ();
    bool any = n_work > 0;
    unsigned picked = any ? pick_below (n_work) : 0;
    if (!any) {
        any = serve_contexts ();
    } else if (picked < n_turns) {
        serve (td_lane_nth (work[picked] / 2), work[picked] % 2 == 1);
    } else {
        td_workers_step (picked - n_turns);
    }
    is_stepping = false;
    return any;
}

void
td_lanes_settle (void)
{
    for (unsigned i = 0; td_lanes_step () || await_threads (); i++) {
        if (i == MANY_STEPS) {
            g_error ("the lanes do not come to rest: a post or a timer of 0 ms starts itself anew");
        }
    }
}

/* When the first timer of all lanes wants the clock to stand. */
static int64_t
next_timer_us (void)
{
    int64_t next_us = INT64_MAX;
    TdLane *lane;

    for (unsigned i = 0; (lane = td_lane_nth (i)) != NULL; i++) {
        next_us = MIN (next_us, td_wheel_next_us (&lane->wheel));
    }
    return next_us;
}

void
td_lanes_advance (uint32_t ms)
{
    int64_t end_us = td_clock_read_us () + (int64_t) ms * 1000;

    td_lanes_settle ();
    for (int64_t next_us = next_timer_us (); next_us <= end_us; next_us = next_timer_us ()) {
        td_clock_fake_move (next_us);
        td_lanes_settle ();
    }
    td_clock_fake_move (end_us);
    td_lanes_settle ();
}

void
td_lanes_set_wall (int64_t wall_us)
{
    td_clock_fake_set_wall (wall_us);
}

void
td_lanes_on (TdLane *lane, void (*function) (void *data), void *data)
{
    g_return_if_fail (lane != NULL && !is_stepping);
    is_stepping = true;
    begin_turn (lane);
    function (data);
    end_turn (lane);
    is_stepping = false;
}
