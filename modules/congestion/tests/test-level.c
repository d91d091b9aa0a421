/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole is as congested as its worst measure, unless an operator says otherwise (ROU-051). */

#include "level.h"

enum { NOW_US = 7000000, DWELL_US = 5000000 };

typedef struct {
    Level level;
    Measure measures[N_MEASURES];
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
    level_init (&fixture->level);
    for (unsigned i = 0; i < N_MEASURES; i++) {
        measure_init (&fixture->measures[i]);
    }
}

static void
tear_down (Fixture *fixture, const void *data)
{
    level_clear (&fixture->level);
}

static bool
update (Fixture *fixture, int64_t now_us, unsigned *ret_from)
{
    return level_update (&fixture->level, fixture->measures, now_us, ret_from);
}

static void
test_highest_counts (Fixture *fixture, const void *data)
{
    unsigned from = 9;

    g_assert_false (update (fixture, NOW_US, &from));
    fixture->measures[MEASURE_MEMORY].level = 1;
    fixture->measures[MEASURE_CALLS].level = 2;
    g_assert_true (update (fixture, NOW_US, &from));
    g_assert_cmpuint (from, ==, 0);
    g_assert_cmpuint (fixture->level.level, ==, 2);
    g_assert_cmpint (fixture->level.leading, ==, MEASURE_CALLS);
    fixture->measures[MEASURE_CALLS].level = 0;
    g_assert_true (update (fixture, NOW_US, &from));
    g_assert_cmpint (fixture->level.leading, ==, MEASURE_MEMORY);
}

static void
test_operator_counts_more (Fixture *fixture, const void *data)
{
    unsigned from;

    fixture->measures[MEASURE_MEMORY].level = 3;
    level_set (&fixture->level, 1, "uid 7", NOW_US, INT64_MAX);
    g_assert_true (update (fixture, NOW_US, &from));
    g_assert_cmpuint (fixture->level.level, ==, 1);
    g_assert_cmpuint (fixture->level.measured, ==, 3);
    level_unset (&fixture->level);
    g_assert_true (update (fixture, NOW_US, &from));
    g_assert_cmpuint (fixture->level.level, ==, 3);
}

static void
test_by_hand_ends_in_time (Fixture *fixture, const void *data)
{
    unsigned from;

    level_set (&fixture->level, 2, "uid 7", NOW_US, 1000);
    g_assert_true (update (fixture, NOW_US, &from));
    g_assert_false (update (fixture, NOW_US + 999, &from));
    g_assert_true (update (fixture, NOW_US + 1000, &from));
    g_assert_cmpuint (fixture->level.level, ==, 0);
    g_assert_false (fixture->level.by_hand.is_set);
}

/* However wildly it goes up and down: lines are DWELL apart, each tells of another level than the one
 * before, and the last one is true. */
static void
test_log_is_told_once_a_dwell (Fixture *fixture, const void *data)
{
    int64_t now_us = NOW_US, told_us = INT64_MIN;
    unsigned told = 0, from, n_told = 0;

    for (unsigned i = 0; i < 20000; i++, now_us += 100000) {
        fixture->level.level = i < 19900 ? (unsigned) g_test_rand_int_range (0, N_LEVELS) : 2;
        if (!level_must_tell (&fixture->level, DWELL_US, now_us, &from)) {
            continue;
        }
        g_assert_cmpuint (from, ==, told);
        g_assert_cmpuint (fixture->level.level, !=, told);
        g_assert_true (told_us == INT64_MIN || now_us - told_us >= DWELL_US);
        told = fixture->level.level;
        told_us = now_us;
        n_told++;
    }
    g_assert_cmpuint (told, ==, 2);
    g_assert_cmpuint (n_told, >, 300);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/congestion/level/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("highest", test_highest_counts);
    ADD ("operator", test_operator_counts_more);
    ADD ("operator-for-a-time", test_by_hand_ends_in_time);
    ADD ("log", test_log_is_told_once_a_dwell);
    return g_test_run ();
}
