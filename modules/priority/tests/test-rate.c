/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many calls of a trunk may count as marked. */

#include "rate.h"

#define S ((int64_t) G_USEC_PER_SEC)

static unsigned
count (Rate *rate, uint32_t per_minute, uint32_t burst, int64_t now_us, unsigned n)
{
    unsigned n_taken = 0;

    for (unsigned i = 0; i < n; i++) {
        n_taken += rate_take (rate, per_minute, burst, now_us);
    }
    return n_taken;
}

static void
test_so_many_at_once (void)
{
    Rate rate = 0;

    g_assert_cmpuint (count (&rate, 60, 5, 1000 * S, 100), ==, 5);
    g_assert_cmpuint (count (&rate, 60, 5, 1000 * S + S / 2, 100), ==, 0);
    g_assert_cmpuint (count (&rate, 60, 5, 1001 * S, 100), ==, 1);
    g_assert_cmpuint (count (&rate, 60, 5, 1004 * S, 100), ==, 3);
    g_assert_cmpuint (count (&rate, 60, 5, 9000 * S, 100), ==, 5); /* no more is saved up */
}

/* In an hour, by whoever comes all the time. */
static void
test_so_many_a_minute (void)
{
    static const uint32_t rates[] = { 1, 7, 60, 600, 6000 };

    for (size_t i = 0; i < G_N_ELEMENTS (rates); i++) {
        Rate rate = 0;
        unsigned n = 0;
        for (int64_t ms = 0; ms < 3600 * 1000; ms += 5) {
            n += rate_take (&rate, rates[i], 1, 1000 * S + ms * 1000);
        }
        g_assert_cmpuint (n, >=, 60 * rates[i] * 99 / 100);
        g_assert_cmpuint (n, <=, 60 * rates[i] + 1);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/priority/PRI-038/at-once", test_so_many_at_once);
    g_test_add_func ("/priority/PRI-038/a-minute", test_so_many_a_minute);
    return g_test_run ();
}
