/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Modules come, go and are upgraded beside calls: no call is lost, and nothing stays mapped.
 *
 * Fifty calls a second. Every call lives across the change of a module: it was answered by the
 * build that is being replaced. CYCLES in the environment sets how many; 100 otherwise. */

#include "common/fake-endpoint.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum { CALL_EVERY_MS = 20 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    unsigned n_begun, n_answered, n_ended, n_odd;
    unsigned n_cycles;
} Cycles;

static void
hear (const TdFact *fact, void *data)
{
    Cycles *cycles = data;
    const TdCallFact *body = fact->body;
    const char *topic = td_topic_name (fact->topic);

    if (strcmp (topic, "call.answered") == 0) {
        cycles->n_answered++;
    } else if (strcmp (topic, "call.ended") == 0) {
        cycles->n_ended++;
        cycles->n_odd += body->cause != TD_CAUSE_NORMAL_CLEARING;
    }
}

static void
set_up (Cycles *cycles, gconstpointer data)
{
    const char *n_cycles = g_getenv ("CYCLES");

    memset (cycles, 0, sizeof *cycles);
    cycles->n_cycles = n_cycles != NULL ? (unsigned) atoi (n_cycles) : 100;
    cycles->fixture = td_fixture_new ("[modules]\n"
                                      "answerer = required\n"
                                      "route-table = required\n"
                                      "[call]\n"
                                      "media = through\n"
                                      "[route all]\n"
                                      "targets = answerer:\n");
    cycles->endpoint = fake_endpoint_new (cycles->fixture);
    td_bus_subscribe (NULL, TD_LIST ("call.*"), hear, cycles);
}

static void
tear_down (Cycles *cycles, gconstpointer data)
{
    td_fixture_free (cycles->fixture);
    fake_endpoint_free (cycles->endpoint);
    g_assert_cmpuint (abi_count_mapped (), ==, 0);
}

/* A call that is up; NAME is its leg's from now on. */
static void
begin (Cycles *cycles, const char *name)
{
    fake_call (cycles->endpoint, cycles->fixture, "9196", NULL);
    TdId *id = g_hash_table_lookup (cycles->endpoint->legs, "a");
    g_hash_table_insert (cycles->endpoint->legs, g_strdup (name), g_memdup2 (id, sizeof *id));
    cycles->n_begun++;
    g_assert_cmpuint (cycles->n_answered, ==, cycles->n_begun);
}

static void
end (Cycles *cycles, const char *name)
{
    g_assert_cmpstr (fake_call_state (cycles->endpoint, cycles->fixture, name), ==, "answered");
    fake_say (cycles->endpoint, cycles->fixture, name, FAKE_RELEASE, "16");
    td_engine_advance (CALL_EVERY_MS);
}

static void
assert_none_lost (Cycles *cycles)
{
    td_engine_advance (2000);
    g_assert_cmpuint (cycles->n_ended, ==, cycles->n_begun);
    g_assert_cmpuint (cycles->n_odd, ==, 0);
}

static void
test_load_and_unload (Cycles *cycles, gconstpointer data)
{
    unsigned n_mapped = abi_count_mapped ();

    for (unsigned i = 0; i < cycles->n_cycles; i++) {
        begin (cycles, "x");
        abi_expect ("\"state\":\"running\"", "module load careful");
        begin (cycles, "y");
        end (cycles, "x");
        g_autofree char *answer = abi_ask ("module unload careful");
        g_assert_nonnull (strstr (answer, "\"state\":\"unloaded\""));
        g_assert_null (strstr (answer, "defects"));
        end (cycles, "y");
        g_assert_cmpuint (abi_count_mapped (), ==, n_mapped);
    }
    assert_none_lost (cycles);
}

static void
upgrade_beside_calls (Cycles *cycles, const char *module, unsigned n_serving)
{
    unsigned n_mapped = abi_count_mapped ();

    for (unsigned i = 0; i < cycles->n_cycles; i++) {
        begin (cycles, "x");
        abi_expect ("\"state\":\"running\"", "module upgrade %s", module);
        /* The build that serves the call is still there. */
        g_assert_cmpuint (abi_count_mapped (), >=, n_mapped + n_serving);
        begin (cycles, "y");
        end (cycles, "x");
        end (cycles, "y");
        /* The builds before are gone with their calls, but for what is a moment late. */
        g_assert_cmpuint (abi_count_mapped (), <=, n_mapped + 2);
    }
    assert_none_lost (cycles);
    g_assert_cmpuint (abi_count_mapped (), ==, n_mapped);
    g_autofree char *generation = g_strdup_printf ("\"generation\":%u", cycles->n_cycles + 1);
    abi_expect (generation, "module info %s", module);
}

static void
test_upgrade_of_an_endpoint (Cycles *cycles, gconstpointer data)
{
    upgrade_beside_calls (cycles, "answerer", 1);
}

static void
test_upgrade_of_routing (Cycles *cycles, gconstpointer data)
{
    upgrade_beside_calls (cycles, "route-table", 0);
}

static void
test_refused_upgrades (Cycles *cycles, gconstpointer data)
{
    g_autofree char *file = abi_module ("careful");
    unsigned n_mapped = abi_count_mapped ();

    for (unsigned i = 0; i < 10; i++) {
        begin (cycles, "x");
        abi_expect ("error: ", "module upgrade answerer --file %s", file);
        end (cycles, "x");
        g_assert_cmpuint (abi_count_mapped (), ==, n_mapped);
    }
    assert_none_lost (cycles);
    abi_expect ("\"generation\":1", "module info answerer");
}

static void
add (const char *path, void (*test) (Cycles *, gconstpointer))
{
    g_test_add (path, Cycles, NULL, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("/abi/cycles/load-and-unload", test_load_and_unload);
    add ("/abi/cycles/upgrade-of-an-endpoint", test_upgrade_of_an_endpoint);
    add ("/abi/cycles/upgrade-of-routing", test_upgrade_of_routing);
    add ("/abi/cycles/refused-upgrades", test_refused_upgrades);
    return g_test_run ();
}
