/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-048: how fast numbers may be tried by one trunk. */

#include "pace.h"

#define SECOND INT64_C (1000000)

/* One each second, three of them at once. */
static const PaceRules rules = { .failures = 3, .window_us = 3 * SECOND };

static int64_t
take (Paces *paces, const char *trunk, int64_t now_us)
{
    return paces_take (paces, &rules, trunk, now_us);
}

static void
take_at_once (Paces *paces, const char *trunk, int64_t now_us)
{
    for (unsigned i = 0; i < rules.failures; i++) {
        g_assert_cmpint (take (paces, trunk, now_us), ==, 0);
    }
}

static void
test_one_after_the_other (void)
{
    Paces *paces = paces_new ();

    take_at_once (paces, "a", SECOND);
    g_assert_cmpint (take (paces, "a", SECOND), ==, SECOND);
    g_assert_cmpint (take (paces, "a", SECOND), ==, 2 * SECOND);
    g_assert_cmpint (take (paces, "a", 2 * SECOND), ==, 2 * SECOND);
    take_at_once (paces, "b", 2 * SECOND);
    take_at_once (paces, "a", 7 * SECOND);
    paces_free (paces);
}

/* However many try at once, no more are looked up. */
static void
test_bound (void)
{
    Paces *paces = paces_new ();
    unsigned n = 0;

    for (int64_t now_us = SECOND; now_us < 101 * SECOND; now_us += SECOND / 100) {
        n += take (paces, "a", now_us) >= 0 ? 1 : 0;
    }
    g_assert_cmpint (n, ==, 3 + 100 + PACE_LONGEST_S - 1);
    paces_free (paces);
}

static void
test_wait_that_is_too_long (void)
{
    Paces *paces = paces_new ();

    take_at_once (paces, "a", SECOND);
    for (unsigned i = 1; i <= PACE_LONGEST_S; i++) {
        g_assert_cmpint (take (paces, "a", SECOND), ==, i * SECOND);
    }
    g_assert_cmpint (take (paces, "a", SECOND), ==, -1);
    g_assert_cmpint (take (paces, "a", SECOND), ==, -1);
    g_assert_cmpint (take (paces, "a", 2 * SECOND), ==, PACE_LONGEST_S * SECOND);
    paces_free (paces);
}

static void
test_good_ones_take_no_place (void)
{
    Paces *paces = paces_new ();

    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpint (take (paces, "a", SECOND), ==, 0);
        paces_give (paces, &rules, "a");
    }
    take_at_once (paces, "a", SECOND);
    g_assert_cmpint (take (paces, "a", SECOND), ==, SECOND);
    paces_free (paces);
}

static void
test_any_number (void)
{
    static const PaceRules none = { .failures = 0, .window_us = SECOND };
    Paces *paces = paces_new ();

    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpint (paces_take (paces, &none, "a", SECOND), ==, 0);
    }
    paces_give (paces, &none, "a");
    paces_free (paces);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/access/pace/one-after-the-other", test_one_after_the_other);
    g_test_add_func ("/access/pace/bound", test_bound);
    g_test_add_func ("/access/pace/too-long", test_wait_that_is_too_long);
    g_test_add_func ("/access/pace/good", test_good_ones_take_no_place);
    g_test_add_func ("/access/pace/any-number", test_any_number);
    return g_test_run ();
}
