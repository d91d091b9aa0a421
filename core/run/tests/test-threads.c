/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lanes that are threads: what passes between them arrives, once, in order, on the right one. */

#include "base/log.h"
#include "run/lane.h"

#include <time.h>

enum { N_LANES = 3, N_BALLS = 50, N_HOPS = 400 };

static void
open_lanes (unsigned inbox_limit)
{
    TdLanesOptions options = { .n_lanes = N_LANES, .inbox_limit = inbox_limit };

    td_lanes_open (&options);
}

/* A post that travels from lane to lane. */
typedef struct {
    TdPost post;
    uint32_t random;
    unsigned n_hops;
    unsigned target; /* the lane it was sent to */
    atomic_uint *n_left;
} Ball;

static TdLane *
lane_by_number (unsigned number)
{
    return number < N_LANES ? td_lane_at (number) : td_lane_control ();
}

static void
hop (TdPost *post)
{
    Ball *ball = (Ball *) post;

    g_assert_cmpuint (td_lane_index (td_lane_current ()), ==, ball->target);
    if (++ball->n_hops == N_HOPS) {
        if (atomic_fetch_sub (ball->n_left, 1) == 1) {
            td_lanes_quit ();
        }
        return;
    }
    ball->random = ball->random * 1664525u + 1013904223u;
    ball->target = (ball->random >> 16) % (N_LANES + 1);
    td_lane_post (lane_by_number (ball->target), post);
}

static void
drop_ball (TdPost *post)
{
    g_assert_not_reached ();
}

static void
test_posts_between_lanes_all_arrive (void)
{
    Ball balls[N_BALLS];
    atomic_uint n_left = N_BALLS;
    TdOwner module;

    td_owner_init (&module, "guest");
    open_lanes (0);
    for (unsigned i = 0; i < N_BALLS; i++) {
        balls[i] = (Ball){ { (TdModule *) &module, hop, drop_ball, NULL },
                           g_test_rand_int (),
                           0,
                           i % (N_LANES + 1),
                           &n_left };
        td_lane_post (lane_by_number (i % (N_LANES + 1)), &balls[i].post);
    }
    td_lanes_run ();
    td_lanes_close ();
    g_assert_cmpuint (atomic_load (&n_left), ==, 0);
    g_assert_cmpuint (td_owner_uses (&module), ==, 0);
    td_owner_clear (&module);
}

typedef struct {
    TdPost post;
    unsigned number;
    unsigned *expected;
} Numbered;

static void
run_in_order (TdPost *post)
{
    Numbered *numbered = (Numbered *) post;

    g_assert_cmpuint (numbered->number, ==, (*numbered->expected)++);
    g_free (numbered);
}

static void
end_of_posts (TdPost *post)
{
    td_lanes_quit ();
}

static void *
flood (void *data)
{
    atomic_uint *n_refused = data;
    static unsigned expected;
    unsigned number = 0;

    g_assert_null (td_lane_current ());
    for (unsigned i = 0; i < 20000; i++) {
        Numbered *numbered = g_new0 (Numbered, 1);
        *numbered = (Numbered){ { NULL, run_in_order, NULL, NULL }, number, &expected };
        if (td_lane_try_post (td_lane_at (1), &numbered->post, TD_POST_ORDINARY)) {
            number++;
        } else {
            atomic_fetch_add (n_refused, 1);
            g_free (numbered);
        }
    }
    return GUINT_TO_POINTER (number);
}

static void
test_flood_is_bounded_and_keeps_its_order (void)
{
    atomic_uint n_refused = 0;
    TdPost end = { NULL, end_of_posts, NULL, NULL };
    pthread_t thread;
    void *n_sent;
    TdLaneStats stats;

    open_lanes (100);
    pthread_create (&thread, NULL, flood, &n_refused);
    pthread_join (thread, &n_sent);
    /* Of the same class, so it comes last; repeated until there is room. */
    while (!td_lane_try_post (td_lane_at (1), &end, TD_POST_ORDINARY)) {
        sched_yield ();
    }
    td_lanes_run ();
    td_lane_stats (td_lane_at (1), &stats);
    g_assert_cmpuint (stats.n_posts, >=, GPOINTER_TO_UINT (n_sent));
    g_assert_cmpuint (stats.n_refused_ordinary, >=, atomic_load (&n_refused));
    g_assert_cmpuint (GPOINTER_TO_UINT (n_sent) + atomic_load (&n_refused), ==, 20000);
    td_lanes_close ();
}

/* A lane that waits has told its inbox that there is room again. */
static void
test_served_posts_make_room (void)
{
    TdPost first = { NULL, end_of_posts, NULL, NULL };
    TdPost second = { NULL, end_of_posts, NULL, NULL };
    bool is_taken = false;

    open_lanes (1);
    g_assert_true (td_lane_try_post (td_lane_at (0), &first, TD_POST_ORDINARY));
    td_lanes_run ();
    int64_t end_us = td_clock_now_us () + 10 * G_USEC_PER_SEC;
    while (!is_taken && td_clock_now_us () < end_us) {
        is_taken = td_lane_try_post (td_lane_at (0), &second, TD_POST_ORDINARY);
        sched_yield ();
    }
    g_assert_true (is_taken);
    td_lanes_run ();
    td_lanes_close ();
}

/* Bumps a plain counter of its lane: two threads there would be a race. */
typedef struct {
    unsigned n_visits[N_LANES + 1];
    unsigned n_done;
} Visits;

static void
visit (TdLane *lane, void *data)
{
    ((Visits *) data)->n_visits[td_lane_index (lane)]++;
}

static void
visited (void *data)
{
    Visits *visits = data;

    if (++visits->n_done == 200) {
        td_lanes_quit ();
    } else {
        td_lane_sweep (NULL, visit, visited, NULL, visits);
    }
}

static void
test_sweeps_order_what_they_visit (void)
{
    Visits visits = { { 0 }, 0 };

    open_lanes (0);
    td_lane_sweep (NULL, visit, visited, NULL, &visits);
    td_lanes_run ();
    td_lanes_close ();
    for (unsigned i = 0; i <= N_LANES; i++) {
        g_assert_cmpuint (visits.n_visits[i], ==, 200);
    }
}

enum { N_TIMERS = 50 };

typedef struct {
    TdTimer timer;
    unsigned delay_ms;
    int64_t begin_us;
    unsigned *n_left;
} Alarm;

static void
ring (TdTimer *timer)
{
    Alarm *alarm = (Alarm *) timer;

    g_assert_cmpint (td_clock_now_us () - alarm->begin_us, >=, alarm->delay_ms * 1000);
    if (--*alarm->n_left == 0) {
        td_lanes_quit ();
    }
}

static void
start_alarms (TdPost *post)
{
    static Alarm alarms[N_TIMERS];
    static unsigned n_left;

    n_left = N_TIMERS;
    for (unsigned i = 0; i < N_TIMERS; i++) {
        alarms[i] = (Alarm){ .delay_ms = i % 20, .n_left = &n_left };
        alarms[i].begin_us = td_clock_now_us ();
        td_timer_init (&alarms[i].timer, NULL, ring);
        td_timer_start (&alarms[i].timer, alarms[i].delay_ms);
    }
}

static void
test_timers_are_never_early (void)
{
    TdPost post = { NULL, start_alarms, NULL, NULL };

    open_lanes (0);
    td_lane_post (td_lane_at (2), &post);
    td_lanes_run ();
    td_lanes_close ();
}

static void
burn (TdPost *post)
{
    int64_t begin_us = td_clock_now_us ();
    struct timespec now;
    int64_t now_us;

    do {
        clock_gettime (CLOCK_MONOTONIC, &now);
        now_us = (int64_t) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
    } while (now_us < begin_us + 2500);
    g_assert_cmpint (td_clock_now_us (), ==, begin_us);
}

static void
keep_line (const char *line, size_t len_bytes, void *data)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    pthread_mutex_lock (&lock);
    g_string_append_len (data, line, (gssize) len_bytes);
    pthread_mutex_unlock (&lock);
}

static void
test_long_turn_is_counted_and_named (void)
{
    g_autoptr (GString) log = g_string_new (NULL);
    TdLogOptions options = { .level = TD_LOG_WARNING, .sink = keep_line, .sink_data = log };
    TdOwner module;
    TdPost post = { (TdModule *) &module, burn, NULL, NULL };
    TdPost end = { NULL, end_of_posts, NULL, NULL };
    TdLaneStats stats;

    td_log_open (&options);
    td_owner_init (&module, "guest");
    open_lanes (0);
    td_lane_post (td_lane_at (0), &post);
    td_lane_post (td_lane_at (0), &end);
    td_lanes_run ();
    td_lane_stats (td_lane_at (0), &stats);
    g_assert_cmpuint (stats.n_long_turns, >=, 1);
    g_assert_cmpuint (stats.longest_turn_us, >=, 2500);
    td_lanes_close ();
    td_log_close ();
    g_assert_nonnull (strstr (log->str, "guest"));
    g_assert_nonnull (strstr (log->str, "lane 0: a turn took "));
    td_owner_clear (&module);
}

static gboolean
hear_idle (void *data)
{
    *(TdLane **) data = td_lane_current ();
    td_lanes_quit ();
    return G_SOURCE_REMOVE;
}

static void
test_source_on_a_lane_runs_there (void)
{
    TdLane *heard = NULL;

    open_lanes (0);
    TdLane *lane = td_lane_at (1);
    GSource *source = g_idle_source_new ();
    g_source_set_callback (source, hear_idle, &heard, NULL);
    g_source_attach (source, td_lane_context (lane));
    g_source_unref (source);
    td_lanes_run ();
    td_lanes_close ();
    g_assert_true (heard == lane);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/run/threads/posts-between-lanes-all-arrive",
                     test_posts_between_lanes_all_arrive);
    g_test_add_func ("/run/threads/flood-is-bounded-and-keeps-its-order",
                     test_flood_is_bounded_and_keeps_its_order);
    g_test_add_func ("/run/threads/served-posts-make-room", test_served_posts_make_room);
    g_test_add_func ("/run/threads/sweeps-order-what-they-visit",
                     test_sweeps_order_what_they_visit);
    g_test_add_func ("/run/threads/timers-are-never-early", test_timers_are_never_early);
    g_test_add_func ("/run/threads/long-turn-is-counted-and-named",
                     test_long_turn_is_counted_and_named);
    g_test_add_func ("/run/threads/source-on-a-lane-runs-there", test_source_on_a_lane_runs_there);
    return g_test_run ();
}
