/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a place in a group costs, of its own and shared with other nodes; and a renewal at the ledger. */

#include "ledger.h"
#include "world.h"

#include <string.h>

enum { N_TAKES = 2000000, N_RENEWALS = 20000, ROUNDS = 5 };

static double
time_places (World *world)
{
    TrunkLeg leg = { 0 };
    int64_t begin_us = g_get_monotonic_time ();

    for (unsigned i = 0; i < N_TAKES; i++) {
        if (world_take (world, &leg, WAY_OUT, TD_CLASS_ORDINARY, false) != TAKE_DONE) {
            g_error ("no place");
        }
        world_leave (world, &leg);
        leg = (TrunkLeg){ 0 };
    }
    return (double) (g_get_monotonic_time () - begin_us) * 1000 / N_TAKES;
}

/* In turn, so that what the machine does meanwhile falls on both. */
static void
compare_places (void)
{
    World alone, shared;

    world_open (&alone);
    alone.settings.capacity[WAY_ALL] = 500;
    world_configure (&alone, 1);
    shared = alone;
    shared.group = group_new ("s", 1, 1);
    shared.settings.is_shared = true;
    shared.settings.share = 100;
    world_configure (&shared, 1);
    group_allow (shared.group, 300, INT64_MAX - 1, 100);
    for (unsigned i = 0; i < ROUNDS; i++) {
        g_print ("a place taken and given back: %.0f ns of its own, ", time_places (&alone));
        g_print ("%.0f ns shared\n", time_places (&shared));
    }
    group_close (shared.group);
    group_unref (shared.group);
    world_close (&alone);
}

static void
time_renewals (unsigned n_nodes)
{
    const LedgerTerms terms = { .pool = 100000, .timeout_ms = 40000, .text = "terms" };
    LedgerAsk ask = { .boot = 1, .epoch = 1, .fresh = 1, .known = 1, .want = 10, .terms = &terms };
    g_autofree char *text = NULL;

    int64_t begin_us = 0;
    for (unsigned i = 0; i < n_nodes + N_RENEWALS; i++) {
        g_autoptr (Ledger) ledger = ledger_parse (text, NULL);
        g_autofree char *name = g_strdup_printf ("exchange-%u", i % n_nodes);
        begin_us = i == n_nodes ? g_get_monotonic_time () : begin_us;
        ask.node = name;
        ask.seq = i;
        ledger_apply (ledger, "0123456789abcdef0123456789abcdef01234567", &ask);
        g_free (text);
        text = ledger_print (ledger);
    }
    g_print ("a renewal at a ledger of %u nodes, %zu bytes: %.1f us\n", n_nodes, strlen (text),
             (double) (g_get_monotonic_time () - begin_us) / N_RENEWALS);
}

int
main (void)
{
    compare_places ();
    time_renewals (3);
    time_renewals (32);
    return 0;
}
