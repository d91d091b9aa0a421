/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tokens that fail, counted by trunk: many of them are an alarm. */

#include "passport.h"

#include <pthread.h>

struct Failures {
    TdModule *module;
    pthread_mutex_t lock;
    GHashTable *trunks; /* name -> TdMetric; under the lock */
};

static TdMetric *
declare (const Failures *failures, const Settings *settings, const char *trunk)
{
    g_autofree char *escaped = g_strescape (trunk, NULL);
    g_autofree char *labels = g_strdup_printf ("trunk=\"%s\"", escaped);

    return td_metric_declare (
        failures->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_COUNTER,
                         .name = "tandem_passport_failed_total",
                         .help = "PASSporTs that are no good, by trunk; empty: of strangers.",
                         .labels = labels,
                         .is_priority = true,
                         .alarm = { .name = "passport-failures",
                                    .help = "Many PASSporTs of the trunk are no good: the log says "
                                            "why, \"passport verify\" goes through one.",
                                    .raise_at = settings->max_failures,
                                    .clear_below = (settings->max_failures + 1) / 2,
                                    .window_ms = settings->window_ms } });
}

Failures *
failures_new (TdModule *module)
{
    Failures *failures = g_new0 (Failures, 1);

    failures->module = module;
    failures->trunks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    pthread_mutex_init (&failures->lock, NULL);
    return failures;
}

void
failures_free (Failures *failures)
{
    if (failures != NULL) {
        g_hash_table_unref (failures->trunks);
        pthread_mutex_destroy (&failures->lock);
        g_free (failures);
    }
}

void
failures_configure (Failures *failures, const Settings *settings)
{
    GHashTableIter iter;
    void *trunk;

    pthread_mutex_lock (&failures->lock);
    g_hash_table_iter_init (&iter, failures->trunks);
    while (g_hash_table_iter_next (&iter, &trunk, NULL)) {
        declare (failures, settings, trunk);
    }
    pthread_mutex_unlock (&failures->lock);
}

void
failures_count (Failures *failures, const Settings *settings, const char *trunk)
{
    pthread_mutex_lock (&failures->lock);
    TdMetric *metric = g_hash_table_lookup (failures->trunks, trunk);
    if (metric == NULL) {
        metric = declare (failures, settings, trunk);
        g_hash_table_insert (failures->trunks, g_strdup (trunk), metric);
    }
    pthread_mutex_unlock (&failures->lock);
    td_metric_add (metric, 1);
}
