/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-002: calls a second. */

#include "bucket.h"

#include <glib.h>

enum { SECOND_US = 1000000 };

static void
test_burst (void)
{
    Bucket bucket = { 0 };

    bucket_set (&bucket, 10 * 1000, 3, 5);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_true (bucket_take (&bucket, 5));
    }
    g_assert_false (bucket_take (&bucket, 5));
    g_assert_false (bucket_take (&bucket, 5 + 99999));
    g_assert_true (bucket_take (&bucket, 5 + 100000));
    g_assert_false (bucket_take (&bucket, 5 + 100000));
}

static void
test_no_limit (void)
{
    Bucket bucket = { 0 };

    bucket_set (&bucket, 0, 1, 0);
    for (unsigned i = 0; i < 1000; i++) {
        g_assert_true (bucket_take (&bucket, 0));
    }
}

/* However the calls come, no window of any length sees more than its rate and one burst, and when
 * there are always enough of them, exactly its rate. */
static void
test_exact_rate (void)
{
    Bucket bucket = { 0 };
    unsigned n = 0;
    int64_t now_us = 0;

    bucket_set (&bucket, 7300, 5, 0); /* 7.3 a second */
    while (now_us < 1000 * INT64_C (1000000)) {
        now_us += g_test_rand_int_range (1, 40000);
        n += bucket_take (&bucket, now_us);
        g_assert_cmpfloat (n, <=, 5 + 7.3 * (double) now_us / SECOND_US + 0.001);
    }
    g_assert_cmpuint (n, >=, 7300 + 3);
}

static void
test_change (void)
{
    Bucket bucket = { 0 };

    bucket_set (&bucket, 1000, 10, 0);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_true (bucket_take (&bucket, 0));
    }
    bucket_set (&bucket, 2000, 10, 0); /* two are left, not ten */
    g_assert_true (bucket_take (&bucket, 0));
    g_assert_true (bucket_take (&bucket, 0));
    g_assert_false (bucket_take (&bucket, 0));
    g_assert_true (bucket_take (&bucket, SECOND_US / 2));
}

static void
test_return (void)
{
    Bucket bucket = { 0 };

    bucket_set (&bucket, 1000, 1, 0);
    g_assert_true (bucket_take (&bucket, 0));
    bucket_return (&bucket);
    bucket_return (&bucket);
    g_assert_true (bucket_take (&bucket, 0));
    g_assert_false (bucket_take (&bucket, 0));
}

/* A machine that slept for a century. */
static void
test_long_pause (void)
{
    Bucket bucket = { 0 };

    bucket_set (&bucket, 1000000, 2, 0);
    bucket_take (&bucket, 0);
    g_assert_true (bucket_take (&bucket, INT64_MAX / 2));
    g_assert_true (bucket_take (&bucket, INT64_MAX / 2));
    g_assert_false (bucket_take (&bucket, INT64_MAX / 2));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/trunk/ROU-002/burst", test_burst);
    g_test_add_func ("/trunk/ROU-002/no-limit", test_no_limit);
    g_test_add_func ("/trunk/ROU-002/exact-rate", test_exact_rate);
    g_test_add_func ("/trunk/ROU-002/change", test_change);
    g_test_add_func ("/trunk/ROU-002/return", test_return);
    g_test_add_func ("/trunk/ROU-002/long-pause", test_long_pause);
    return g_test_run ();
}
