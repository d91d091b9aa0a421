/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All lanes: how they are opened, run and closed. */

#include "base/metric.h"
#include "base/spawn.h"
#include "run/clock.h"
#include "run/lane-inside.h"
#include "run/step.h"
#include "run/worker.h"

#include <errno.h>
#include <stdio.h>

enum { DEFAULT_INBOX_LIMIT = 4096 };

/* Written while no other lane's thread runs. The control lane is the last one. */
static TdLane **lanes;
static unsigned n_lanes;
static bool is_fake;

TdLane *
td_lane_nth (unsigned index)
{
    return index <= n_lanes && lanes != NULL ? lanes[index] : NULL;
}

TdLane *
td_lane_control (void)
{
    return td_lane_nth (n_lanes);
}

unsigned
td_lane_count (void)
{
    return n_lanes;
}

TdLane *
td_lane_at (unsigned index)
{
    g_return_val_if_fail (index < n_lanes, NULL);
    return lanes[index];
}

static void *
run_thread (void *data)
{
    TdLane *lane = data;

    td_lane_here = lane;
    td_metric_set_lane (lane->index);
    g_main_context_push_thread_default (lane->context);
    td_lane_loop (lane);
    g_main_context_pop_thread_default (lane->context);
    td_lane_here = NULL;
    return NULL;
}

/* Signals are for the control lane. */
static void
start_thread (TdLane *lane)
{
    char name[16];
    int error = td_spawn (&lane->thread, run_thread, lane);

    if (error != 0) {
        g_error ("no thread for lane %u: %s", lane->index, g_strerror (error));
    }
    lane->has_thread = true;
    snprintf (name, sizeof name, "lane-%u", lane->index);
    pthread_setname_np (lane->thread, name);
}

void
td_lanes_open (const TdLanesOptions *options)
{
    TdLanesOptions own = *options;

    g_return_if_fail (lanes == NULL);
    g_return_if_fail (own.n_lanes >= 1 && own.n_lanes <= TD_LANES_MAX);
    if (own.inbox_limit == 0) {
        own.inbox_limit = DEFAULT_INBOX_LIMIT;
    }
    if (own.is_fake) {
        td_clock_fake_begin ();
        td_step_begin (own.seed);
    }
    is_fake = own.is_fake;
    n_lanes = own.n_lanes;
    td_metric_set_lanes (n_lanes);
    td_metric_set_lane (n_lanes);
    td_workers_open (is_fake);
    lanes = g_new0 (TdLane *, n_lanes + 1);
    for (unsigned i = 0; i < n_lanes; i++) {
        g_autoptr (GMainContext) context = g_main_context_new ();
        lanes[i] = td_lane_new (i, context, &own);
    }
    lanes[n_lanes] = td_lane_new (n_lanes, g_main_context_default (), &own);
    td_lane_here = lanes[n_lanes];
    for (unsigned i = 0; i < n_lanes && !is_fake; i++) {
        start_thread (lanes[i]);
    }
}

static void
join_threads (void)
{
    for (unsigned i = 0; i < n_lanes; i++) {
        atomic_store_explicit (&lanes[i]->is_quitting, true, memory_order_release);
        td_lane_wake (lanes[i]);
    }
    for (unsigned i = 0; i < n_lanes; i++) {
        if (lanes[i]->has_thread) {
            pthread_join (lanes[i]->thread, NULL);
        }
    }
}

/* Drops what waits, also what a drop function posts; a chain without end is cut off. */
static void
drop_all_posts (void)
{
    bool any = true;

    for (unsigned round = 0; any && round < 100; round++) {
        any = false;
        for (unsigned i = 0; i <= n_lanes; i++) {
            td_lane_here = lanes[i];
            any |= td_lane_drop_posts (lanes[i]);
        }
    }
}

void
td_lanes_close (void)
{
    g_return_if_fail (lanes != NULL && td_lane_here == td_lane_control ());
    join_threads ();
    td_workers_close ();
    drop_all_posts ();
    td_lane_here = NULL;
    for (unsigned i = 0; i <= n_lanes; i++) {
        td_lane_free (lanes[i]);
    }
    g_clear_pointer (&lanes, g_free);
    n_lanes = 0;
    if (is_fake) {
        td_clock_fake_end ();
    }
    is_fake = false;
}

void
td_lanes_run (void)
{
    TdLane *control = td_lane_control ();

    g_return_if_fail (control != NULL && td_lane_here == control);
    if (is_fake) {
        while (!atomic_load_explicit (&control->is_quitting, memory_order_acquire)
               && td_lanes_step ()) {
        }
    } else {
        td_lane_loop (control);
    }
    atomic_store (&control->is_quitting, false);
}

void
td_lanes_quit (void)
{
    TdLane *control = td_lane_control ();

    g_return_if_fail (control != NULL);
    atomic_store_explicit (&control->is_quitting, true, memory_order_release);
    td_lane_wake (control);
}
