/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-009: traffic by intervals. */

#include "interval.h"

#include <math.h>
#include <stdlib.h>

enum { SECOND_US = 1000000, PERIOD_S = 900 };

#define SECONDS(n) ((int64_t) (n) *SECOND_US)

/* Monotonic time begins at 0, wall time at a whole quarter of an hour. */
typedef struct {
    Intervals intervals;
    int64_t now_us, wall_us;
} World;

static void
set_up (World *world, gconstpointer data)
{
    world->now_us = 0;
    world->wall_us = SECONDS (1000 * PERIOD_S);
    intervals_init (&world->intervals, world->now_us, world->wall_us);
    intervals_set (&world->intervals, SECONDS (PERIOD_S), SECONDS (48 * 3600), world->now_us,
                   world->wall_us);
}

static void
tear_down (World *world, gconstpointer data)
{
    intervals_clear (&world->intervals);
}

static void
pass (World *world, double seconds)
{
    world->now_us += (int64_t) (seconds * SECOND_US);
    world->wall_us += (int64_t) (seconds * SECOND_US);
}

#define AT(world) (world)->now_us, (world)->wall_us

static void
count (World *world, IntervalCount what, unsigned n)
{
    while (n-- > 0) {
        intervals_count (&world->intervals, what, AT (world));
    }
}

static Interval
now (World *world)
{
    return intervals_now (&world->intervals, AT (world));
}

/* The latest closed interval but N. */
static const Interval *
latest (World *world, unsigned n)
{
    intervals_turn (&world->intervals, AT (world));
    return intervals_closed (&world->intervals, world->intervals.n_kept - 1 - n);
}

static void
test_ratios (World *world, gconstpointer data)
{
    count (world, COUNT_OUT_SEIZURES, 200);
    count (world, COUNT_OUT_ANSWERS, 130);
    count (world, COUNT_OUT_EFFECTIVE, 190);
    intervals_talk (&world->intervals, SECONDS (100), AT (world));
    intervals_talk (&world->intervals, SECONDS (260), AT (world));
    Interval interval = now (world);
    g_assert_cmpfloat (interval_asr (&interval), ==, 65);
    g_assert_cmpfloat (interval_ner (&interval), ==, 95);
    g_assert_cmpfloat (interval_acd (&interval), ==, 180);
}

static void
test_nothing_to_divide_by (World *world, gconstpointer data)
{
    Interval interval = now (world);

    g_assert_cmpfloat (interval_asr (&interval), ==, -1);
    g_assert_cmpfloat (interval_acd (&interval), ==, -1);
}

static void
test_boundary (World *world, gconstpointer data)
{
    pass (world, 400);
    count (world, COUNT_BUSY, 3);
    pass (world, 499.999999);
    count (world, COUNT_BUSY, 1);
    pass (world, 0.000001);
    count (world, COUNT_BUSY, 1);
    g_assert_cmpuint (latest (world, 0)->counts[COUNT_BUSY], ==, 4);
    g_assert_cmpuint (latest (world, 0)->length_s, ==, PERIOD_S);
    g_assert_cmpint (latest (world, 0)->begin_us, ==, SECONDS (1000 * PERIOD_S));
    g_assert_cmpuint (now (world).counts[COUNT_BUSY], ==, 1);
    g_assert_cmpint (now (world).begin_us, ==, SECONDS (1001 * PERIOD_S));
}

/* A switch that starts at 10:07 has a first interval of eight minutes. */
static void
test_first_is_shorter (World *world, gconstpointer data)
{
    intervals_clear (&world->intervals);
    pass (world, 7 * 60);
    intervals_init (&world->intervals, AT (world));
    intervals_set (&world->intervals, SECONDS (PERIOD_S), SECONDS (48 * 3600), AT (world));
    count (world, COUNT_BUSY, 1);
    pass (world, 8 * 60);
    g_assert_cmpuint (latest (world, 0)->length_s, ==, 8 * 60);
}

static void
test_occupancy (World *world, gconstpointer data)
{
    intervals_busy (&world->intervals, 2, AT (world));
    pass (world, 300);
    intervals_busy (&world->intervals, 4, AT (world));
    pass (world, 300);
    intervals_busy (&world->intervals, -5, AT (world));
    pass (world, 300);
    const Interval *closed = latest (world, 0);
    g_assert_cmpuint (closed->usage_s, ==, 2 * 300 + 6 * 300 + 1 * 300);
    g_assert_cmpuint (closed->mean_centi, ==, 300);
    g_assert_cmpuint (closed->peak, ==, 6);
    g_assert_cmpuint (now (world).peak, ==, 1); /* it goes on */
}

/* A call over many intervals without any event of its own occupies each of them. */
static void
test_long_call (World *world, gconstpointer data)
{
    intervals_busy (&world->intervals, 1, AT (world));
    pass (world, 10 * PERIOD_S + 450);
    intervals_busy (&world->intervals, -1, AT (world));
    for (unsigned i = 0; i < 10; i++) {
        g_assert_cmpuint (latest (world, i)->usage_s, ==, PERIOD_S);
        g_assert_cmpuint (latest (world, i)->mean_centi, ==, 100);
    }
    g_assert_cmpuint (now (world).usage_s, ==, 450);
}

static void
test_kept_for_two_days (World *world, gconstpointer data)
{
    for (unsigned i = 0; i < 1000; i++) {
        count (world, COUNT_OUT_ATTEMPTS, i % 7 == 0 ? 0 : i);
        pass (world, PERIOD_S);
    }
    intervals_turn (&world->intervals, AT (world));
    g_assert_cmpuint (world->intervals.n_kept, ==, 192);
    for (unsigned i = 0; i < 192; i++) {
        const Interval *interval = intervals_closed (&world->intervals, i);
        unsigned expected = 1000 - 192 + i;
        g_assert_cmpuint (interval != NULL ? interval->counts[COUNT_OUT_ATTEMPTS] : 0, ==,
                          expected % 7 == 0 ? 0 : expected);
    }
    g_assert_cmpuint (intervals_size_bytes (&world->intervals), <, 64 * 1024);
}

static void
test_idle_costs_nothing (World *world, gconstpointer data)
{
    count (world, COUNT_BUSY, 1);
    pass (world, 400 * 24 * 3600.0);
    intervals_turn (&world->intervals, AT (world));
    for (unsigned i = 0; i < 192; i++) {
        g_assert_null (intervals_closed (&world->intervals, i));
    }
    g_assert_cmpuint (now (world).length_s, <=, PERIOD_S);
}

static void
test_other_period (World *world, gconstpointer data)
{
    count (world, COUNT_BUSY, 1);
    pass (world, PERIOD_S);
    count (world, COUNT_BUSY, 2);
    intervals_set (&world->intervals, SECONDS (300), SECONDS (48 * 3600), AT (world));
    g_assert_cmpuint (latest (world, 0)->counts[COUNT_BUSY], ==, 1);
    pass (world, 300);
    g_assert_cmpuint (latest (world, 0)->counts[COUNT_BUSY], ==, 2);
    g_assert_cmpuint (latest (world, 0)->length_s, ==, 300);
    g_assert_cmpuint (world->intervals.n_kept, ==, 576);
    intervals_set (&world->intervals, SECONDS (86400), SECONDS (48 * 3600), AT (world));
    g_assert_cmpuint (world->intervals.n_kept, ==, 2);
    g_assert_cmpuint (latest (world, 0)->counts[COUNT_BUSY], ==, 2);
    g_assert_cmpuint (latest (world, 1)->counts[COUNT_BUSY], ==, 1);
}

/* The two days of a switch that was started again at 10:07 are those before 10:00 and the seven minutes
 * before, which become one interval with what was counted before another restart. */
static void
test_restored (World *world, gconstpointer data)
{
    int64_t quarter_us = SECONDS (PERIOD_S), begin_us = world->wall_us;
    Interval interval = { .length_s = PERIOD_S, .usage_s = PERIOD_S };

    intervals_clear (&world->intervals);
    pass (world, 7 * 60);
    intervals_init (&world->intervals, AT (world));
    intervals_set (&world->intervals, quarter_us, SECONDS (48 * 3600), AT (world));
    for (unsigned i = 0; i < 300; i++) {
        interval.begin_us = begin_us - i * quarter_us;
        interval.counts[COUNT_BUSY] = i;
        interval.length_s = i == 0 ? 180 : PERIOD_S;
        g_assert_true (intervals_restore (&world->intervals, &interval) == (i < 192));
    }
    interval = (Interval){ .begin_us = begin_us + SECONDS (180), .length_s = 240, .peak = 9 };
    g_assert_true (intervals_restore (&world->intervals, &interval));
    g_assert_cmpuint (latest (world, 0)->length_s, ==, 7 * 60);
    g_assert_cmpuint (latest (world, 0)->peak, ==, 9);
    g_assert_cmpuint (latest (world, 0)->mean_centi, ==, PERIOD_S * 100 / (7 * 60));
    for (unsigned i = 0; i < 192; i++) {
        g_assert_cmpuint (latest (world, i)->counts[COUNT_BUSY], ==, i);
    }
    interval.begin_us = world->wall_us + 1;
    g_assert_false (intervals_restore (&world->intervals, &interval));
    g_assert_null (intervals_take_unstored (&world->intervals)); /* it is stored already */
}

static void
test_stored_once (World *world, gconstpointer data)
{
    for (unsigned i = 1; i <= 3; i++) {
        count (world, COUNT_BUSY, i);
        pass (world, 2 * PERIOD_S); /* and one in which nothing happens */
    }
    intervals_turn (&world->intervals, AT (world));
    for (unsigned i = 1; i <= 3; i++) {
        const Interval *interval = intervals_take_unstored (&world->intervals);
        g_assert_cmpuint (interval->counts[COUNT_BUSY], ==, i);
    }
    g_assert_null (intervals_take_unstored (&world->intervals));
}

static int
compare_delays (const void *a, const void *b)
{
    double difference = *(const double *) a - *(const double *) b;

    return difference < 0 ? -1 : difference > 0;
}

/* Against sorting: within the width of a bucket. */
static void
test_delays (World *world, gconstpointer data)
{
    enum { N = 5000 };
    g_autofree double *delays = g_new (double, N);

    for (unsigned i = 0; i < N; i++) { /* log-normal, as delays are */
        double u = g_test_rand_double_range (1e-9, 1), v = g_test_rand_double ();
        delays[i] = 1.2 * exp (0.6 * sqrt (-2 * log (u)) * cos (2 * G_PI * v));
        intervals_delay (&world->intervals, (int64_t) (delays[i] * SECOND_US), AT (world));
    }
    qsort (delays, N, sizeof (double), compare_delays);
    Interval interval = now (world);
    g_assert_cmpfloat_with_epsilon (interval.delay_p50_ms, delays[N / 2] * 1000, 250);
    g_assert_cmpfloat_with_epsilon (interval.delay_p95_ms, delays[N * 95 / 100] * 1000, 500);
}

static void
test_clock_set_back (World *world, gconstpointer data)
{
    count (world, COUNT_BUSY, 1);
    pass (world, 100);
    world->wall_us -= SECONDS (7200);
    count (world, COUNT_BUSY, 1);
    pass (world, 800);
    g_assert_cmpuint (latest (world, 0)->counts[COUNT_BUSY], ==, 2);
    g_assert_cmpuint (latest (world, 0)->length_s, ==, PERIOD_S);
}

/* The two clocks are not read at the same instant: an interval that ends a moment before the quarter
 * of the hour is not followed by one of that moment. */
static void
test_clocks_a_moment_apart (World *world, gconstpointer data)
{
    intervals_clear (&world->intervals);
    world->wall_us += 300;
    intervals_init (&world->intervals, AT (world));
    intervals_set (&world->intervals, SECONDS (PERIOD_S), SECONDS (48 * 3600), AT (world));
    world->wall_us -= 300;
    intervals_busy (&world->intervals, 1, AT (world));
    pass (world, 2 * PERIOD_S + 1);
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmpuint (latest (world, i)->length_s, ==, PERIOD_S);
        g_assert_cmpint (latest (world, i)->begin_us / SECOND_US, ==, (1001 - i) * PERIOD_S);
    }
}

static void
test_grades (void)
{
    g_assert_cmpint (interval_grade (0, 0), ==, COUNT_GOOD);
    g_assert_cmpint (interval_grade (3, 0), ==, COUNT_FAIR);
    g_assert_cmpint (interval_grade (0, 41000), ==, COUNT_POOR);
    g_assert_cmpint (interval_grade (51, 0), ==, COUNT_BAD);
}

#define ADD(name, test) g_test_add ("/trunk/ROU-009/" name, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("ratios", test_ratios);
    ADD ("nothing-to-divide-by", test_nothing_to_divide_by);
    ADD ("boundary", test_boundary);
    ADD ("first-is-shorter", test_first_is_shorter);
    ADD ("occupancy", test_occupancy);
    ADD ("long-call", test_long_call);
    ADD ("kept-for-two-days", test_kept_for_two_days);
    ADD ("idle-costs-nothing", test_idle_costs_nothing);
    ADD ("other-period", test_other_period);
    ADD ("restored", test_restored);
    ADD ("stored-once", test_stored_once);
    ADD ("delays", test_delays);
    ADD ("clock-set-back", test_clock_set_back);
    ADD ("clocks-a-moment-apart", test_clocks_a_moment_apart);
    g_test_add_func ("/trunk/ROU-009/grades", test_grades);
    return g_test_run ();
}
