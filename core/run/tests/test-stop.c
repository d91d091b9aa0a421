/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that stops in full work, on real threads: what it had under way ends, and none of its
 * code runs afterwards. */

#include "run/lane.h"

#include <tandem/worker.h>

enum { N_LANES = 3, N_BALLS = 40, N_CLOCKS = 40, N_JOBS = 12, BEFORE_STOP_MS = 5 };

typedef struct {
    TdOwner module;
    TdTimer stop;
    TdLaneLeftovers found;
    bool is_revoked;
    atomic_bool is_left; /* nothing may run any more */
    atomic_uint n_clocks, n_runs, n_drops;
} Guest;

/* A post that goes from lane to lane for ever. */
typedef struct {
    TdPost post;
    Guest *guest;
    unsigned n_hops;
} Ball;

/* A timer that starts itself anew, on the lane that its post went to. */
typedef struct {
    TdTimer timer;
    TdPost post;
    Guest *guest;
    uint32_t delay_ms;
} Clock;

/* Work that is started again whenever it is done. */
typedef struct {
    TdWork work;
    TdPost post;
    Guest *guest;
} Job;

static TdLane *
lane_by_number (unsigned number)
{
    return number % (N_LANES + 1) < N_LANES ? td_lane_at (number % (N_LANES + 1))
                                            : td_lane_control ();
}

static void
note_run (Guest *guest)
{
    g_assert_false (atomic_load (&guest->is_left));
    atomic_fetch_add (&guest->n_runs, 1);
}

static void
hop (TdPost *post)
{
    Ball *ball = (Ball *) post;

    note_run (ball->guest);
    td_lane_post (lane_by_number (td_lane_index (td_lane_current ()) + ++ball->n_hops), post);
}

static void
drop_ball (TdPost *post)
{
    atomic_fetch_add (&((Ball *) post)->guest->n_drops, 1);
}

static void
tick (TdTimer *timer)
{
    Clock *clock = (Clock *) timer;

    note_run (clock->guest);
    td_timer_start (timer, clock->delay_ms);
}

static void
start_clock (TdPost *post)
{
    Clock *clock = (Clock *) ((char *) post - offsetof (Clock, post));

    td_timer_start (&clock->timer, clock->delay_ms);
    atomic_fetch_add (&clock->guest->n_clocks, 1);
}

static void
run_job (TdWork *work)
{
    note_run (((Job *) work)->guest);
}

static void
job_done (TdWork *work)
{
    note_run (((Job *) work)->guest);
    td_work_start (work);
}

static void
drop_job (TdWork *work)
{
    atomic_fetch_add (&((Job *) work)->guest->n_drops, 1);
}

static void
start_job (TdPost *post)
{
    td_work_start (&((Job *) ((char *) post - offsetof (Job, post)))->work);
}

static void
check_uses (void *data)
{
    Guest *guest = data;

    /* A piece of work may be on its way back; its use tells. */
    if (td_owner_uses (&guest->module) > 0) {
        td_lane_sweep (NULL, NULL, check_uses, NULL, guest);
        return;
    }
    atomic_store (&guest->is_left, true);
    td_lanes_quit ();
}

static void
revoked (const TdLaneLeftovers *found, void *data)
{
    Guest *guest = data;

    guest->found = *found;
    guest->is_revoked = true;
    check_uses (guest);
}

static void
stop_guest (TdTimer *timer)
{
    Guest *guest = (Guest *) ((char *) timer - offsetof (Guest, stop));

    if (atomic_load (&guest->n_clocks) < N_CLOCKS) {
        td_timer_start (timer, BEFORE_STOP_MS);
        return;
    }
    atomic_store (&guest->module.is_stopped, true);
    td_lane_revoke (&guest->module, revoked, guest);
}

static void
throw_balls (Guest *guest, Ball *balls)
{
    for (unsigned i = 0; i < N_BALLS; i++) {
        balls[i] = (Ball){ { (TdModule *) &guest->module, hop, drop_ball, NULL }, guest, i };
        td_lane_post (lane_by_number (i), &balls[i].post);
    }
}

static void
wind_clocks (Guest *guest, Clock *clocks)
{
    for (unsigned i = 0; i < N_CLOCKS; i++) {
        /* Every other one is still far from due when the module stops. */
        clocks[i] = (Clock){ .guest = guest, .delay_ms = i % 2 == 0 ? 1 : 100000 + i * 1000 };
        clocks[i].post.run = start_clock;
        td_timer_init (&clocks[i].timer, (TdModule *) &guest->module, tick);
        td_lane_post (lane_by_number (i / 2), &clocks[i].post);
    }
}

static void
hand_out_jobs (Guest *guest, Job *jobs)
{
    for (unsigned i = 0; i < N_JOBS; i++) {
        jobs[i] = (Job){ .guest = guest };
        jobs[i].work.owner = (TdModule *) &guest->module;
        jobs[i].work.queue = i % 2 == 0 ? "key" : NULL;
        jobs[i].work.run = run_job;
        jobs[i].work.done = job_done;
        jobs[i].work.drop = drop_job;
        jobs[i].post.run = start_job;
        td_lane_post (lane_by_number (i), &jobs[i].post);
    }
}

static void
test_nothing_runs_after_a_stop (void)
{
    TdLanesOptions options = { .n_lanes = N_LANES };
    g_autofree Ball *balls = g_new0 (Ball, N_BALLS);
    g_autofree Clock *clocks = g_new0 (Clock, N_CLOCKS);
    g_autofree Job *jobs = g_new0 (Job, N_JOBS);
    Guest guest = { .is_revoked = false };

    td_owner_init (&guest.module, "guest");
    td_lanes_open (&options);
    throw_balls (&guest, balls);
    wind_clocks (&guest, clocks);
    hand_out_jobs (&guest, jobs);
    td_timer_init (&guest.stop, NULL, stop_guest);
    td_timer_start (&guest.stop, BEFORE_STOP_MS);
    td_lanes_run ();
    g_assert_true (guest.is_revoked);
    g_assert_cmpuint (guest.found.n_timers, >=, N_CLOCKS / 2);
    g_assert_cmpuint (guest.found.n_timers, <=, N_CLOCKS);
    g_assert_cmpuint (atomic_load (&guest.n_drops), ==, N_BALLS + N_JOBS);
    g_assert_cmpuint (atomic_load (&guest.n_runs), >, 0);
    for (unsigned i = 0; i < N_CLOCKS; i++) {
        g_assert_false (td_timer_is_active (&clocks[i].timer));
    }
    td_lanes_close ();
    td_owner_clear (&guest.module);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/run/stop/nothing-runs-after-a-stop", test_nothing_runs_after_a_stop);
    return g_test_run ();
}
