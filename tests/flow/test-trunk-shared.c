/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-061: calls by a trunk group that several switches share, on the fake clock, with a store that does
 * what the test says. What it rests on is tested beside the module. */

#include "trunk-flow.h"

#include <tandem/metric.h>

#define WITH_STORE "[tandem]\nnode = n\n[modules]\ntrunk = required\nlease-fake = required\n"
#define WITHOUT    "[tandem]\nnode = n\n[modules]\ntrunk = required\n"
#define GROUP      "[trunk one]\naddress = fake:b\ncapacity = 10 calls\n"
#define SHARED     GROUP "shared-by = n 2, o 2\nshared-block = 2\n"

enum { TIMEOUT_MS = 40000, SHARE = 2, POOL = 6 };

static void
open_switch (Flow *flow, gconstpointer data)
{
    const Case *of = data;

    flow->fixture = td_fixture_new (of->config);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup (of->routes);
    flow->endpoint->is_quick = true;
}

/* One call by NAME, which is answered if there is a place. */
static void
call_one (Flow *flow, const char *name)
{
    long n_before = shown ("one", "calls_out");

    call (flow, name, NULL);
    if (shown ("one", "calls_out") > n_before) {
        SAY ("b", FAKE_ANSWER, NULL);
    }
    td_engine_advance (300);
}

/* N calls, one after the other, as far as there are places. */
static void
call_many (Flow *flow, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        call_one (flow, "a");
    }
}

/* The store has known nobody before: nothing is given until a time-out is over. */
static void
ripen (void)
{
    td_engine_advance (TIMEOUT_MS + 5000);
}

static long
metric (const char *name)
{
    const TdMetric *found = td_metric_find (name, "trunk=\"one\"");

    g_assert_nonnull (found);
    return (long) td_metric_value (found);
}

/* --- With and without ------------------------------------------------------------------ */

static void
test_share_without_a_module (Flow *flow, gconstpointer data)
{
    td_engine_advance (1000);
    call_many (flow, 4);
    g_assert_cmpint (shown ("one", "calls_out"), ==, SHARE);
    must ("trunk show one", "no module provides a store: enable lease-redis");
}

static void
test_share_while_the_store_is_away (Flow *flow, gconstpointer data)
{
    must ("store away", "");
    ripen ();
    call_many (flow, 4);
    g_assert_cmpint (shown ("one", "calls_out"), ==, SHARE);
    must ("trunk show one", "\"lease\":\"alone\"");
    must ("trunk show one", "the store is away");
    g_assert_cmpint (metric ("tandem_trunk_alone"), ==, 1);
}

static void
test_pool_is_leased (Flow *flow, gconstpointer data)
{
    ripen ();
    call_many (flow, 12);
    g_assert_cmpint (shown ("one", "calls_out"), ==, SHARE + POOL);
    g_assert_cmpint (shown ("one", "leased"), ==, POOL);
    g_assert_cmpint (metric ("tandem_trunk_leased"), ==, POOL);
    g_assert_cmpint (metric ("tandem_trunk_alone"), ==, 0);
    must ("lease list", "\"node\":\"n\"");
    must ("lease list", "\"leased\":6");
}

static void
test_end_in_order_gives_back (Flow *flow, gconstpointer data)
{
    ripen ();
    must ("store show", "node n ");
    must ("module stop trunk", "");
    td_engine_advance (1000);
    g_autofree char *answer = ask ("store show", NULL);
    g_assert_null (strstr (answer, "node n "));
}

/* --- Loss ------------------------------------------------------------------------------ */

static void
test_calls_above_the_share_are_released (Flow *flow, gconstpointer data)
{
    ripen ();
    call_many (flow, 5);
    /* A counter goes on over all switches of this process. */
    long n_lost = metric ("tandem_trunk_leases_lost_total");
    long n_released = metric ("tandem_trunk_lease_calls_released_total");
    must ("store away", "");
    td_engine_advance (TIMEOUT_MS / 2 + 3000);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 5);
    must ("trunk show one", "\"lease\":\"fenced\"");
    g_string_truncate (flow->endpoint->log, 0);
    call_many (flow, 1);
    LOG ("a:release(34) ");
    td_engine_advance (TIMEOUT_MS / 4 + 3000);
    g_assert_cmpint (shown ("one", "calls_out"), ==, SHARE);
    must ("trunk show one", "\"lease\":\"alone\"");
    g_assert_nonnull (strstr (flow->endpoint->log->str, "a:release(8) "));
    g_assert_cmpint (metric ("tandem_trunk_lease_calls_released_total") - n_released, ==, 3);
    g_assert_cmpint (metric ("tandem_trunk_leases_lost_total") - n_lost, ==, 1);
}

/* Alternate-routed ones first, though they are older. */
static void
test_lowest_class_is_released_first (Flow *flow, gconstpointer data)
{
    ripen ();
    g_free (flow->endpoint->routes);
    flow->endpoint->routes = g_strdup ("x=34;@one");
    call_one (flow, "old");
    g_free (flow->endpoint->routes);
    flow->endpoint->routes = g_strdup ("@one");
    call_many (flow, 2);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 3);
    must ("store away", "");
    g_string_truncate (flow->endpoint->log, 0);
    td_engine_advance (TIMEOUT_MS / 4 * 3 + 3000);
    LOG ("b:release(8) old:release(8) ");
}

/* PRI-070: no setting ends a call for help; here it is kept above what is allowed. */
static void
test_calls_for_help_are_kept (Flow *flow, gconstpointer data)
{
    ripen ();
    call_many (flow, 2);
    for (unsigned i = 0; i < 3; i++) {
        flow->endpoint->caller = "h";
        fake_call (flow->endpoint, flow->fixture, "112", NULL);
        SAY ("b", FAKE_ANSWER, NULL);
        td_engine_advance (300);
    }
    g_assert_cmpint (shown ("one", "calls_out"), ==, 5);
    long n_released = metric ("tandem_trunk_lease_calls_released_total");
    must ("store away", "");
    td_engine_advance (2 * TIMEOUT_MS);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 3);
    g_assert_cmpint (metric ("tandem_trunk_lease_calls_released_total") - n_released, ==, 2);
    g_assert_null (strstr (flow->endpoint->log->str, "h:release"));
}

static void
test_calls_are_kept (Flow *flow, gconstpointer data)
{
    ripen ();
    call_many (flow, 5);
    must ("store away", "");
    td_engine_advance (2 * TIMEOUT_MS);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 5);
    g_string_truncate (flow->endpoint->log, 0);
    call_many (flow, 1);
    LOG ("a:release(34) ");
}

static void
test_store_that_forgot_costs_no_call (Flow *flow, gconstpointer data)
{
    ripen ();
    call_many (flow, 5);
    must ("store forget", "");
    td_engine_advance (2 * TIMEOUT_MS);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 5);
    must ("store show", "ripe run1");
    must ("trunk show one", "\"lease\":\"sharing\"");
}

/* --- Changes --------------------------------------------------------------------------- */

static void
test_upgrade_under_leased_calls (Flow *flow, gconstpointer data)
{
    g_autofree char *line =
        g_strdup_printf ("module upgrade trunk --file %s", g_getenv ("TRUNK_MODULE"));

    ripen ();
    call_many (flow, 5);
    must (line, "running");
    td_engine_advance (2 * TIMEOUT_MS);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 5);
    must ("trunk show one", "\"lease\":\"sharing\"");
    call_many (flow, 1);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 6);
}

static void
reload (Flow *flow, const char *group, const char *expected)
{
    g_autofree char *text = g_strconcat (WITH_STORE, group, NULL);

    g_assert_true (g_file_set_contents (flow->fixture->config_file, text, -1, NULL));
    must ("config reload", expected);
}

static void
test_shared_no_more (Flow *flow, gconstpointer data)
{
    ripen ();
    call_many (flow, 5);
    reload (flow, GROUP, "");
    td_engine_advance (TIMEOUT_MS);
    call_many (flow, 7);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 10);
    g_autofree char *answer = ask ("lease list", NULL);
    g_assert_null (strstr (answer, "node"));
}

static void
test_bad_settings_are_refused (Flow *flow, gconstpointer data)
{
    reload (flow, "[trunk one]\naddress = fake:b\nshared-by = n 2\n",
            "there is nothing to share: say how much with capacity = N calls");
    reload (flow, GROUP "shared-by = n 6, o 5\n", "the places add up to 11, capacity is 10");
    reload (flow, GROUP "shared-by = n 2, n 2\n", "it names a switch twice");
    reload (flow, GROUP "shared-by = n\n", "write each switch's [tandem] node and its places");
    reload (flow, GROUP "shared-by = n -1\n", "write each switch's [tandem] node and its places");
    reload (flow, SHARED "[lease]\ntimeout = 5 s\n", "less than 5 times keep-alive");
    ripen ();
    call_many (flow, 12);
    g_assert_cmpint (shown ("one", "calls_out"), ==, SHARE + POOL);
}

#define ADD(path, config_text, test)                                                               \
    do {                                                                                           \
        static const Case of = { config_text, "@one" };                                            \
        g_test_add ("/trunk/ROU-061/" path, Flow, &of, open_switch, test, tear_down);              \
    } while (0)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("no-module", WITHOUT SHARED, test_share_without_a_module);
    ADD ("away", WITH_STORE SHARED, test_share_while_the_store_is_away);
    ADD ("pool", WITH_STORE SHARED, test_pool_is_leased);
    ADD ("end", WITH_STORE SHARED, test_end_in_order_gives_back);
    ADD ("released", WITH_STORE SHARED, test_calls_above_the_share_are_released);
    ADD ("class", WITH_STORE SHARED, test_lowest_class_is_released_first);
    ADD ("kept", WITH_STORE SHARED "shared-loss = keep\n", test_calls_are_kept);
    ADD ("forgot", WITH_STORE SHARED, test_store_that_forgot_costs_no_call);
    ADD ("upgrade", WITH_STORE SHARED, test_upgrade_under_leased_calls);
    ADD ("no-more", WITH_STORE SHARED, test_shared_no_more);
    ADD ("settings", WITH_STORE SHARED, test_bad_settings_are_refused);
    static const Case help = { WITH_STORE "marker = required\n" SHARED, "@one" };
    g_test_add ("/priority/PRI-070/lease", Flow, &help, open_switch, test_calls_for_help_are_kept,
                tear_down);
    return g_test_run ();
}
