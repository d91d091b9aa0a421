/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads: which signals reach them. */

#include "base/spawn.h"

#include <glib.h>
#include <signal.h>
#include <stdbool.h>

static void *
take_mask (void *data)
{
    pthread_sigmask (SIG_SETMASK, NULL, data);
    return NULL;
}

static void
spawn (sigset_t *ret_mask)
{
    pthread_t thread;

    g_assert_cmpint (td_spawn (&thread, take_mask, ret_mask), ==, 0);
    pthread_join (thread, NULL);
}

static void
test_signals_from_outside_are_not_for_it (void)
{
    sigset_t mask;

    spawn (&mask);
    g_assert_true (sigismember (&mask, SIGTERM) == 1);
    g_assert_true (sigismember (&mask, SIGHUP) == 1);
}

static void
test_its_own_faults_are (void)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    sigset_t mask;

    spawn (&mask);
    for (unsigned i = 0; i < G_N_ELEMENTS (faults); i++) {
        g_assert_cmpint (sigismember (&mask, faults[i]), ==, 0);
    }
}

static void
test_who_spawns_keeps_its_own (void)
{
    sigset_t before, after, mask;

    pthread_sigmask (SIG_SETMASK, NULL, &before);
    spawn (&mask);
    pthread_sigmask (SIG_SETMASK, NULL, &after);
    g_assert_cmpint (sigismember (&after, SIGTERM), ==, sigismember (&before, SIGTERM));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/spawn/signals-from-outside-are-not-for-it",
                     test_signals_from_outside_are_not_for_it);
    g_test_add_func ("/spawn/its-own-faults-are", test_its_own_faults_are);
    g_test_add_func ("/spawn/who-spawns-keeps-its-own", test_who_spawns_keeps_its_own);
    return g_test_run ();
}
