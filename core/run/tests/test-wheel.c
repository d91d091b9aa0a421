/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The wheel gives back every timer in its millisecond, in order, and sleeps in between. */

#include "run/wheel.h"

#define BEGIN_US INT64_C (3600000000)

typedef struct {
    TdTimer timer;
    unsigned number;
} Numbered;

static TdModule *
owner_of_number (unsigned number)
{
    /* Never looked into by the wheel. */
    return (TdModule *) GUINT_TO_POINTER (number);
}

static void
never (TdTimer *timer)
{
    g_assert_not_reached ();
}

static void
add (TdWheel *wheel, TdTimer *timer, int64_t due_us)
{
    *timer = (TdTimer){ .expire = never, .due_us = due_us };
    td_wheel_add (wheel, timer);
}

/* Lets the wheel work at NOW_US until it has nothing to do there. */
static unsigned
take_all (TdWheel *wheel, int64_t now_us)
{
    unsigned n_taken = 0;

    while (td_wheel_next_us (wheel) <= now_us) {
        TdTimer *timer = td_wheel_take (wheel, now_us);
        if (timer != NULL) {
            g_assert_cmpint (timer->due_us, <=, now_us);
            g_assert_null (timer->next);
            n_taken++;
        }
    }
    return n_taken;
}

static void
test_every_distance_is_exact (void)
{
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);

    for (unsigned bit = 0; bit < 32; bit++) {
        for (int off = -1; off <= 1; off++) {
            int64_t delay_ms = (INT64_C (1) << bit) + off;
            int64_t begin_us = BEGIN_US + bit * 7777777;
            TdTimer timer;
            td_wheel_init (wheel, begin_us);
            int64_t due_us = begin_us + delay_ms * 1000;
            int64_t tick_us = (due_us + 999) / 1000 * 1000;
            add (wheel, &timer, due_us);
            g_assert_cmpuint (take_all (wheel, tick_us - 1), ==, 0);
            g_assert_nonnull (timer.next);
            g_assert_cmpint (td_wheel_next_us (wheel), ==, tick_us);
            g_assert_cmpuint (take_all (wheel, tick_us), ==, 1);
            g_assert_cmpint (td_wheel_next_us (wheel), ==, INT64_MAX);
        }
    }
}

static void
test_far_timer_wakes_a_few_times_only (void)
{
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    TdTimer timer;
    unsigned n_wakes = 0;

    td_wheel_init (wheel, BEGIN_US);
    add (wheel, &timer, BEGIN_US + INT64_C (1000) * INT32_MAX);
    while (timer.next != NULL) {
        td_wheel_take (wheel, td_wheel_next_us (wheel));
        n_wakes++;
    }
    g_assert_cmpuint (n_wakes, <=, TD_WHEEL_LEVELS);
}

static void
test_one_millisecond_keeps_the_order_of_start (void)
{
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    Numbered timers[6];
    int64_t due_us = BEGIN_US + INT64_C (5000) * 1000;

    /* The first ones start on an upper level and move down, the last ones start below. */
    td_wheel_init (wheel, BEGIN_US);
    for (unsigned i = 0; i < 6; i++) {
        timers[i].number = i;
        if (i == 2) {
            take_all (wheel, due_us - 200 * 1000);
        } else if (i == 4) {
            take_all (wheel, due_us - 1000);
        }
        add (wheel, &timers[i].timer, due_us);
    }
    for (unsigned i = 0; i < 6; i++) {
        TdTimer *timer = NULL;
        while (timer == NULL) {
            timer = td_wheel_take (wheel, due_us);
        }
        g_assert_cmpuint (((Numbered *) timer)->number, ==, i);
    }
}

static void
test_one_due_timer_stops_another (void)
{
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    TdTimer timers[3];

    td_wheel_init (wheel, BEGIN_US);
    for (unsigned i = 0; i < 3; i++) {
        add (wheel, &timers[i], BEGIN_US + 1000);
    }
    g_assert_true (td_wheel_take (wheel, BEGIN_US + 1000) == &timers[0]);
    td_timer_unlink (&timers[1]);
    g_assert_true (td_wheel_take (wheel, BEGIN_US + 1000) == &timers[2]);
    g_assert_cmpint (td_wheel_next_us (wheel), ==, INT64_MAX);
}

static void
test_late_wheel_catches_up (void)
{
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    TdTimer timers[1000];

    td_wheel_init (wheel, BEGIN_US);
    for (unsigned i = 0; i < 1000; i++) {
        add (wheel, &timers[i], BEGIN_US + (int64_t) i * i * 1000);
    }
    g_assert_cmpuint (take_all (wheel, BEGIN_US + INT64_C (1000000000)), ==, 1000);
}

/* A crowd in one slot of an upper level comes down in bounded pieces, on time for the last. */
static void
test_crowd_falls_in_pieces (void)
{
    enum { N = 20 * TD_WHEEL_STRIDE };
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    g_autofree TdTimer *timers = g_new (TdTimer, N);
    unsigned n_pieces = 0;

    td_wheel_init (wheel, BEGIN_US);
    for (unsigned i = 0; i < N; i++) {
        add (wheel, &timers[i], BEGIN_US + INT64_C (3600000000) + i);
    }
    int64_t end_us = BEGIN_US + INT64_C (3600000000) + N + 1000;
    unsigned n_taken = 0;
    while (td_wheel_next_us (wheel) <= end_us) {
        if (td_wheel_take (wheel, end_us) != NULL) {
            n_taken++;
        } else {
            n_pieces++;
        }
    }
    g_assert_cmpuint (n_taken, ==, N);
    g_assert_cmpuint (n_pieces, >=, N / TD_WHEEL_STRIDE - 1);
}

/* Thousands of random starts, stops and steps of time against a list that is searched. */
static void
test_agrees_with_a_plain_list (void)
{
    enum { N = 500, ROUNDS = 20000 };
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    g_autofree TdTimer *timers = g_new0 (TdTimer, N);
    int64_t now_us = BEGIN_US + g_test_rand_int_range (0, 1 << 30);

    td_wheel_init (wheel, now_us);
    for (unsigned round = 0; round < ROUNDS; round++) {
        TdTimer *timer = &timers[g_test_rand_int_range (0, N)];
        if (timer->next != NULL) {
            td_timer_unlink (timer);
        }
        if (g_test_rand_int_range (0, 4) != 0) {
            unsigned bits = (unsigned) g_test_rand_int_range (0, 36);
            int64_t delay_us = (INT64_C (1) << bits) + g_test_rand_int_range (0, 1000000);
            add (wheel, timer, now_us + delay_us);
        }
        int64_t first_us = INT64_MAX;
        for (unsigned i = 0; i < N; i++) {
            if (timers[i].next != NULL) {
                first_us = MIN (first_us, (timers[i].due_us + 999) / 1000 * 1000);
            }
        }
        g_assert_cmpint (td_wheel_next_us (wheel), <=, first_us);
        now_us += INT64_C (1) << g_test_rand_int_range (0, 24);
        take_all (wheel, now_us);
        for (unsigned i = 0; i < N; i++) {
            bool is_due = (timers[i].due_us + 999) / 1000 <= now_us / 1000;
            g_assert_false (is_due && timers[i].next != NULL);
        }
        g_assert_cmpint (td_wheel_next_us (wheel), >, now_us);
    }
    td_wheel_clear (wheel);
    g_assert_cmpint (td_wheel_next_us (wheel), ==, INT64_MAX);
}

/* A search in pieces finds all timers of one owner though time goes on and others come and go. */
static void
test_search_misses_none (void)
{
    enum { N = 30 * TD_WHEEL_STRIDE };
    g_autofree TdWheel *wheel = g_new (TdWheel, 1);
    g_autofree TdTimer *timers = g_new0 (TdTimer, N);
    int64_t now_us = BEGIN_US + g_test_rand_int_range (0, 1 << 30);
    TdWheelCursor cursor = { 0 };
    unsigned n_wanted = 0, n_found = 0, n_turns = 1;

    td_wheel_init (wheel, now_us);
    for (unsigned i = 0; i < N; i++) {
        unsigned bits = (unsigned) g_test_rand_int_range (16, 40);
        add (wheel, &timers[i], now_us + (INT64_C (1) << bits));
        timers[i].owner = owner_of_number (1 + (unsigned) g_test_rand_int_range (0, 2));
        n_wanted += timers[i].owner == owner_of_number (1);
    }
    for (; !td_wheel_revoke (wheel, &cursor, owner_of_number (1), &n_found); n_turns++) {
        now_us += INT64_C (1) << g_test_rand_int_range (0, 26);
        for (unsigned i = 0; i < 3 && td_wheel_next_us (wheel) <= now_us; i++) {
            TdTimer *timer = td_wheel_take (wheel, now_us);
            n_wanted -= timer != NULL && timer->owner == owner_of_number (1);
        }
        unsigned other = (unsigned) g_test_rand_int_range (0, N);
        if (timers[other].owner == owner_of_number (2) && timers[other].next != NULL) {
            td_timer_unlink (&timers[other]);
        }
    }
    g_assert_cmpuint (n_found, ==, n_wanted);
    g_assert_cmpuint (n_turns, >=, N / TD_WHEEL_STRIDE / 2);
    for (unsigned i = 0; i < N; i++) {
        g_assert_false (timers[i].owner == owner_of_number (1) && timers[i].next != NULL);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/run/wheel/every-distance-is-exact", test_every_distance_is_exact);
    g_test_add_func ("/run/wheel/far-timer-wakes-a-few-times-only",
                     test_far_timer_wakes_a_few_times_only);
    g_test_add_func ("/run/wheel/one-millisecond-keeps-the-order-of-start",
                     test_one_millisecond_keeps_the_order_of_start);
    g_test_add_func ("/run/wheel/one-due-timer-stops-another", test_one_due_timer_stops_another);
    g_test_add_func ("/run/wheel/late-wheel-catches-up", test_late_wheel_catches_up);
    g_test_add_func ("/run/wheel/crowd-falls-in-pieces", test_crowd_falls_in_pieces);
    g_test_add_func ("/run/wheel/agrees-with-a-plain-list", test_agrees_with_a_plain_list);
    g_test_add_func ("/run/wheel/search-misses-none", test_search_misses_none);
    return g_test_run ();
}
