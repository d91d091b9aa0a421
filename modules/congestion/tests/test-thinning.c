/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The share is exact: over any run of calls, and over threads (ROU-051). */

#include "thinning.h"

#include <glib.h>
#include <pthread.h>

enum { N_CALLS = 1000, N_THREADS = 4, N_OF_THREAD = 25000 };

/* In any window of N calls the share is admitted but for less than one call. */
static void
test_any_window (void)
{
    for (unsigned share = 0; share <= 100; share++) {
        Thinning thinning = { g_test_rand_int () };
        unsigned admitted[N_CALLS + 1] = { 0 };

        for (unsigned i = 0; i < N_CALLS; i++) {
            admitted[i + 1] = admitted[i] + thinning_admits (&thinning, share);
        }
        for (unsigned n = 0; n < 200; n++) {
            int from = g_test_rand_int_range (0, N_CALLS);
            int to = g_test_rand_int_range (from, N_CALLS) + 1;
            int hundredths = (int) (admitted[to] - admitted[from]) * 100;
            g_assert_cmpint (hundredths, >, (to - from) * (int) share - 100);
            g_assert_cmpint (hundredths, <, (to - from) * (int) share + 100);
        }
    }
}

static void
test_ends_are_all_and_none (void)
{
    Thinning thinning = { 0 };

    for (unsigned i = 0; i < N_CALLS; i++) {
        g_assert_true (thinning_admits (&thinning, 100));
        g_assert_false (thinning_admits (&thinning, 0));
    }
}

static void *
thin (void *thinning)
{
    size_t n = 0;

    for (unsigned i = 0; i < N_OF_THREAD; i++) {
        n += thinning_admits (thinning, 37);
    }
    return (void *) n;
}

static void
test_threads_share_one_remainder (void)
{
    Thinning thinning = { 0 };
    pthread_t threads[N_THREADS];
    size_t n_admitted = 0;

    for (unsigned i = 0; i < N_THREADS; i++) {
        g_assert_cmpint (pthread_create (&threads[i], NULL, thin, &thinning), ==, 0);
    }
    for (unsigned i = 0; i < N_THREADS; i++) {
        void *n;
        pthread_join (threads[i], &n);
        n_admitted += (size_t) n;
    }
    g_assert_cmpuint (n_admitted, ==, N_THREADS * N_OF_THREAD * 37 / 100);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/congestion/thinning/any-window", test_any_window);
    g_test_add_func ("/congestion/thinning/all-and-none", test_ends_are_all_and_none);
    g_test_add_func ("/congestion/thinning/threads", test_threads_share_one_remainder);
    return g_test_run ();
}
