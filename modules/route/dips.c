/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which dips there are, and who asks for them. */

#include "dip-inside.h"

#include <string.h>
#include <tandem/snapshot.h>

typedef struct {
    TdTable table;    /* first */
    GHashTable *dips; /* name -> Dip */
} DipTable;

struct Dips {
    TdModule *module;
    TdSnapshot *table; /* DipTable */
};

/* --- Which dips there are ---------------------------------------------------------------- */

static void
table_unused (TdTable *table)
{
    DipTable *dips = (DipTable *) table;

    g_hash_table_unref (dips->dips);
    g_free (dips);
}

static DipTable *
table_new (void)
{
    DipTable *table = g_new0 (DipTable, 1);

    td_table_init (&table->table, table_unused);
    table->dips = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, dip_unref);
    return table;
}

static void
set_driver (Dip *dip, const TdDipDriver *driver)
{
    if (atomic_exchange (&dip->driver, driver) != NULL) {
        td_feature_release_swept (dip->module, dip->feature);
    }
}

/* A dip that is asked in another way is another one. */
static Dip *
find_same (const DipTable *table, const char *name, const DipSettings *settings)
{
    Dip *dip = table != NULL ? g_hash_table_lookup (table->dips, name) : NULL;

    return dip != NULL && strcmp (dip->settings.driver, settings->driver) == 0 ? dip : NULL;
}

void
dips_apply (Dips *dips, const TdConfig *config)
{
    const DipTable *before = (const DipTable *) td_snapshot_peek (dips->table);
    const char *const *names = td_config_instances (config, DIP_SECTION_NAME);
    DipTable *table = table_new ();
    GHashTableIter iter;
    void *name, *dip;

    for (unsigned i = 0; names[i] != NULL; i++) {
        DipSettings settings;
        dip_settings_read (&settings, config, names[i]);
        Dip *same = find_same (before, names[i], &settings);
        if (same != NULL) {
            dip_change (same, &settings);
        }
        Dip *next = same != NULL ? dip_ref (same) : dip_new (dips->module, names[i], &settings);
        g_hash_table_insert (table->dips, next->name, next);
    }
    if (before != NULL) {
        g_hash_table_iter_init (&iter, before->dips);
        while (g_hash_table_iter_next (&iter, &name, &dip)) {
            if (g_hash_table_lookup (table->dips, name) != dip) {
                set_driver (dip, NULL);
            }
        }
    }
    td_snapshot_swap (dips->table, &table->table);
}

void
dips_hear (Dips *dips, const char *feature)
{
    const DipTable *table = (const DipTable *) td_snapshot_peek (dips->table);
    GHashTableIter iter;
    void *value;

    if (table == NULL) {
        return;
    }
    g_hash_table_iter_init (&iter, table->dips);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        Dip *dip = value;
        if (strcmp (dip->feature, feature) == 0) {
            set_driver (dip, td_feature_acquire (dip->module, feature));
        }
    }
}

void
dips_stop (Dips *dips)
{
    const DipTable *table = (const DipTable *) td_snapshot_peek (dips->table);
    GHashTableIter iter;
    void *value;

    if (table == NULL) {
        return;
    }
    g_hash_table_iter_init (&iter, table->dips);
    while (g_hash_table_iter_next (&iter, NULL, &value)) {
        set_driver (value, NULL);
    }
}

Dips *
dips_new (TdModule *module)
{
    Dips *dips = g_new0 (Dips, 1);

    dips->module = module;
    dips->table = td_snapshot_new (module, "dips", NULL);
    return dips;
}

void
dips_free (Dips *dips)
{
    g_free (dips);
}

/* --- Asking ------------------------------------------------------------------------------ */

/* Good until the turn is over. */
static Dip *
find_dip (Dips *dips, const char *name, DipAnswer *ret_answer)
{
    const DipTable *table = (const DipTable *) td_snapshot_peek (dips->table);
    Dip *dip = table != NULL ? g_hash_table_lookup (table->dips, name) : NULL;

    if (dip == NULL) {
        *ret_answer = (DipAnswer){ .result = TD_DIP_FAILED };
        g_snprintf (ret_answer->error, sizeof ret_answer->error, "there is no [dip %.64s]", name);
    }
    return dip;
}

bool
dips_peek (Dips *dips, const char *name, TdDipKind kind, const char *number, DipAnswer *ret_answer)
{
    Dip *dip = find_dip (dips, name, ret_answer);

    return dip == NULL || dip_peek (dip, kind, number, ret_answer);
}

bool
dips_ask (Dips *dips, const char *name, TdDipKind kind, const char *number, DipWaiter *waiter,
          DipAnswer *ret_answer)
{
    Dip *dip = find_dip (dips, name, ret_answer);

    return dip == NULL || dip_ask (dip, kind, number, waiter, ret_answer);
}

/* --- For operators ----------------------------------------------------------------------- */

static void
visit_dip (Dip *dip, DipVisit visit, void *data)
{
    int64_t n[N_COUNTERS];

    for (unsigned i = 0; i < N_COUNTERS; i++) {
        n[i] = td_metric_value (dip->counters[i]);
    }
    pthread_mutex_lock (&dip->lock);
    const DipView view = { .name = dip->name,
                           .driver = dip->settings.driver,
                           .has_driver = atomic_load (&dip->driver) != NULL,
                           .silent_us = dip->silent_us,
                           .trouble = dip->trouble,
                           .n_asked = g_hash_table_size (dip->asked),
                           .n_kept = dip_cache_count (dip->cache),
                           .n_answers = n[METRIC_FOUND] + n[METRIC_NOT_FOUND],
                           .n_cached = n[METRIC_CACHED],
                           .n_failures = n[METRIC_FAILED] + n[METRIC_LATE] + n[METRIC_SPARED] };
    visit (&view, data);
    pthread_mutex_unlock (&dip->lock);
}

void
dips_each (Dips *dips, DipVisit visit, void *data)
{
    const DipTable *table = (const DipTable *) td_snapshot_peek (dips->table);
    g_autoptr (GList) names = table != NULL ? g_hash_table_get_keys (table->dips) : NULL;

    names = g_list_sort (names, (GCompareFunc) strcmp);
    for (GList *at = names; at != NULL; at = at->next) {
        visit_dip (g_hash_table_lookup (table->dips, at->data), visit, data);
    }
}

bool
dips_forget (Dips *dips, const char *name)
{
    const DipTable *table = (const DipTable *) td_snapshot_peek (dips->table);
    Dip *dip = table != NULL ? g_hash_table_lookup (table->dips, name) : NULL;

    if (dip == NULL) {
        return false;
    }
    pthread_mutex_lock (&dip->lock);
    dip_cache_clear (dip->cache);
    pthread_mutex_unlock (&dip->lock);
    return true;
}
