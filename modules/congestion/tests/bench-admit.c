/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the admit hook costs a call at each level: asked N times (ten million) about one real call.
 *
 *     bench-admit [N]
 */

#include "congestion.h"

#include "common/fake-endpoint.h"

#include <stdio.h>
#include <stdlib.h>

static Congestion bench;
static unsigned n_asked = 10000000;

static void
ask_often (TdCall *call, unsigned level)
{
    unsigned n_refused = 0;

    atomic_store (&bench.level_in_force, level);
    int64_t begun_us = g_get_monotonic_time ();
    for (unsigned i = 0; i < n_asked; i++) {
        n_refused += congestion_admit (call, NULL, &bench).verdict == TD_HOOK_REFUSE;
    }
    double ns = (double) (g_get_monotonic_time () - begun_us) * 1000 / n_asked;
    printf ("MC%u  %6.1f ns a call  %5.1f %% refused\n", level, ns, 100.0 * n_refused / n_asked);
}

static TdHookAnswer
measure (void *subject, TdToken *token, void *data)
{
    for (unsigned level = 0; level < N_LEVELS; level++) {
        ask_often (subject, level);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static Settings *
make_settings (void)
{
    static const uint8_t shares[N_LEVELS] = { 100, 75, 50, 0 };
    Settings *settings = g_new0 (Settings, 1);

    td_table_init (&settings->table, (void (*) (TdTable *)) g_free);
    settings->passing_class = 5;
    settings->retry_after_s[3] = 5;
    for (unsigned i = 0; i < N_LEVELS * TD_N_CLASSES; i++) {
        settings->shares[i / TD_N_CLASSES][i % TD_N_CLASSES] = shares[i / TD_N_CLASSES];
    }
    return settings;
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    n_asked = argc > 1 ? (unsigned) strtoul (argv[1], NULL, 10) : n_asked;
    TdFixture *fixture = td_fixture_new (NULL);
    FakeEndpoint *endpoint = fake_endpoint_new (fixture);

    bench.retry_after = td_attribute_declare (NULL, "call.retry-after", TD_ATTRIBUTE_NUMBER,
                                              TD_ATTRIBUTE_RETURN, "", NULL);
    bench.settings = td_snapshot_new (NULL, "bench", &make_settings ()->table);
    congestion_declare (&bench);
    td_hook_add (NULL, "admit",
                 &(TdHook){ .size = sizeof (TdHook), .name = "bench.admit", .ask = measure }, NULL);
    fake_call (endpoint, fixture, "5550199", NULL);
    td_fixture_free (fixture);
    fake_endpoint_free (endpoint);
    return 0;
}
