/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-048: who has tried too many numbers is locked out, longer each time. */

#include "lock.h"

#define SECOND INT64_C (1000000)

static const LockRules rules = { .failures = 3,
                                 .first_us = 60 * SECOND,
                                 .longest_us = 300 * SECOND };

static int64_t
fail_thrice (Locks *locks, int64_t now_us)
{
    g_assert_cmpint (locks_fail (locks, &rules, "caller a 1", now_us), ==, 0);
    g_assert_cmpint (locks_fail (locks, &rules, "caller a 1", now_us), ==, 0);
    return locks_fail (locks, &rules, "caller a 1", now_us);
}

static void
test_after_so_many (void)
{
    Locks *locks = locks_new ();

    g_assert_cmpint (fail_thrice (locks, SECOND), ==, 61 * SECOND);
    g_assert_true (locks_is_locked (locks, "caller a 1", 60 * SECOND));
    g_assert_false (locks_is_locked (locks, "caller a 1", 61 * SECOND));
    g_assert_false (locks_is_locked (locks, "caller a 2", SECOND));
    locks_free (locks);
}

static void
test_twice_as_long_each_time (void)
{
    Locks *locks = locks_new ();
    int64_t now_us = 0;
    static const int64_t expected[] = { 60, 120, 240, 300, 300 };

    for (unsigned i = 0; i < G_N_ELEMENTS (expected); i++) {
        int64_t until_us = fail_thrice (locks, now_us);
        g_assert_cmpint (until_us - now_us, ==, expected[i] * SECOND);
        now_us = until_us;
    }
    locks_free (locks);
}

static void
test_who_is_let_in_begins_anew (void)
{
    Locks *locks = locks_new ();

    g_assert_cmpint (fail_thrice (locks, 0), ==, 60 * SECOND);
    g_assert_true (locks_forget (locks, "caller a 1"));
    g_assert_false (locks_is_locked (locks, "caller a 1", 1));
    g_assert_cmpint (fail_thrice (locks, 0), ==, 60 * SECOND);
    g_assert_false (locks_forget (locks, "caller a 2"));
    locks_free (locks);
}

/* A number of one's own does not pay for those of others that are tried between. */
static void
test_good_takes_back_one (void)
{
    Locks *locks = locks_new ();
    int64_t until_us = 0;

    for (unsigned n_calls = 0; n_calls < 3 && until_us == 0; n_calls++) {
        locks_fail (locks, &rules, "caller a 1", 0);
        until_us = locks_fail (locks, &rules, "caller a 1", 0);
        locks_forgive (locks, "caller a 1");
    }
    g_assert_cmpint (until_us, ==, 60 * SECOND);
    g_assert_true (locks_is_locked (locks, "caller a 1", 1));
    locks_free (locks);
}

static void
test_good_is_not_kept (void)
{
    Locks *locks = locks_new ();

    locks_fail (locks, &rules, "caller a 1", 0);
    locks_forgive (locks, "caller a 1");
    locks_forgive (locks, "caller a 2");
    g_assert_false (locks_forget (locks, "caller a 1"));
    locks_free (locks);
}

static void
test_who_is_quiet_begins_anew (void)
{
    Locks *locks = locks_new ();

    g_assert_cmpint (fail_thrice (locks, 0), ==, 60 * SECOND);
    locks_fail (locks, &rules, "caller a 2",
                361 * SECOND); /* time passes: the old one is forgotten */
    g_assert_false (locks_forget (locks, "caller a 1"));
    locks_free (locks);
}

/* Whether or not somebody else has failed meanwhile. */
static void
test_who_comes_again_begins_anew (void)
{
    Locks *locks = locks_new ();

    g_assert_cmpint (fail_thrice (locks, 0), ==, 60 * SECOND);
    g_assert_cmpint (fail_thrice (locks, 361 * SECOND), ==, 421 * SECOND);
    locks_free (locks);
}

static void
count (const Lock *lock, void *data)
{
    (*(unsigned *) data)++;
}

static void
test_there_is_an_end_to_it (void)
{
    Locks *locks = locks_new ();
    unsigned n = 0;

    for (unsigned i = 0; i < LOCKS_MAX + 10; i++) {
        g_autofree char *key = g_strdup_printf ("caller a %u", i);
        locks_fail (locks, &rules, key, i);
    }
    locks_each (locks, count, &n);
    g_assert_cmpuint (n, ==, LOCKS_MAX);
    g_assert_false (locks_forget (locks, "caller a 0"));
    locks_free (locks);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/access/PRI-048/locked-after-so-many", test_after_so_many);
    g_test_add_func ("/access/PRI-048/twice-as-long", test_twice_as_long_each_time);
    g_test_add_func ("/access/PRI-048/let-in-begins-anew", test_who_is_let_in_begins_anew);
    g_test_add_func ("/access/PRI-048/good-takes-back-one", test_good_takes_back_one);
    g_test_add_func ("/access/PRI-048/good-is-not-kept", test_good_is_not_kept);
    g_test_add_func ("/access/PRI-048/comes-again", test_who_comes_again_begins_anew);
    g_test_add_func ("/access/PRI-048/quiet-begins-anew", test_who_is_quiet_begins_anew);
    g_test_add_func ("/access/PRI-048/bounded", test_there_is_an_end_to_it);
    return g_test_run ();
}
