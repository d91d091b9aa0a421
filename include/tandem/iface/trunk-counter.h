/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters by trunk that are alarms: how often something has gone wrong that one trunk is to blame for.
 *
 *     start, reload   td_trunk_counter_configure ()   a figure and an alarm for each [trunk], and one, trunk="", for
 *                                                     whoever comes by none
 *     any time        td_trunk_counter_add ()         one more; of a trunk that is not configured it is the latter's
 *
 * So there are as many figures as an operator has named trunks, whatever peers say, and each stands at 0 from the
 * start, as whoever reckons rates wants it. A trunk that a reload has taken away keeps its own: it has calls yet. An
 * alarm is raised by RAISE_AT in WINDOW_MS, and over with fewer than half as many.
 */

#ifndef TANDEM_IFACE_TRUNK_COUNTER_H
#define TANDEM_IFACE_TRUNK_COUNTER_H

#include <tandem/metric.h>

#include <string.h>

G_BEGIN_DECLS

/* Static. */
typedef struct {
    const char *name;   /* of the metric: "tandem_passport_failed_total" */
    const char *help;   /* one sentence */
    const char *labels; /* others than the trunk's, "way=\"in\""; NULL: none */
    bool is_priority;   /* as of TdMetricDecl */
    const char *alarm;  /* its name: "passport-failures" */
    const char *alarm_help;
} TdTrunkCounterDecl;

/* A module has it in its state. */
typedef struct {
    const TdTrunkCounterDecl *decl;
    TdModule *module;
    GHashTable *
        metrics; /* trunk -> TdMetric; never changes: where there are more trunks another one takes its place */
    GPtrArray *past; /* those that were in its place: whoever looks into one goes on */
} TdTrunkCounter;

/* Thread: control. */
static inline void
td_trunk_counter_init (TdTrunkCounter *counter, TdModule *module, const TdTrunkCounterDecl *decl)
{
    counter->decl = decl;
    counter->module = module;
    counter->metrics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    counter->past = g_ptr_array_new_with_free_func ((GDestroyNotify) g_hash_table_unref);
}

/* COUNTER may be all zero. Thread: control, when nobody counts any more. */
static inline void
td_trunk_counter_clear (TdTrunkCounter *counter)
{
    g_clear_pointer (&counter->metrics, g_hash_table_unref);
    g_clear_pointer (&counter->past, g_ptr_array_unref);
}

static inline TdMetric *
td_trunk_counter_declare (const TdTrunkCounter *counter, const char *trunk, uint64_t raise_at,
                          uint32_t window_ms)
{
    const TdTrunkCounterDecl *decl = counter->decl;
    g_autofree char *escaped = g_strescape (trunk, NULL);
    g_autofree char *labels =
        g_strdup_printf ("trunk=\"%s\"%s%s", escaped, decl->labels != NULL ? "," : "",
                         decl->labels != NULL ? decl->labels : "");
    TdMetricDecl figure;

    memset (&figure, 0, sizeof figure);
    figure.size = sizeof figure;
    figure.kind = TD_METRIC_COUNTER;
    figure.name = decl->name;
    figure.help = decl->help;
    figure.labels = labels;
    figure.is_priority = decl->is_priority;
    figure.alarm.name = decl->alarm;
    figure.alarm.help = decl->alarm_help;
    figure.alarm.raise_at = raise_at;
    figure.alarm.clear_below = (raise_at + 1) / 2;
    figure.alarm.window_ms = window_ms;
    return td_metric_declare (counter->module, &figure);
}

/* "" and each of TRUNKS, NULL-terminated, which an operator has named (td_config_instances ()), have a figure of
 * their own from now on, and this alarm; RAISE_AT 0: none. Also once more: with others. Thread: control. */
static inline void
td_trunk_counter_configure (TdTrunkCounter *counter, const char *const *trunks, uint64_t raise_at,
                            uint32_t window_ms)
{
    GHashTable *next = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    const char *trunk = "";
    GHashTableIter iter;
    void *name, *metric;

    g_hash_table_iter_init (&iter, counter->metrics);
    while (g_hash_table_iter_next (&iter, &name, &metric)) {
        g_hash_table_insert (next, g_strdup ((const char *) name), metric);
    }
    for (; trunk != NULL; trunk = *trunks++) {
        g_hash_table_replace (next, g_strdup (trunk),
                              td_trunk_counter_declare (counter, trunk, raise_at, window_ms));
    }
    if (g_hash_table_size (next) == g_hash_table_size (counter->metrics)) { /* the same */
        g_hash_table_unref (next);
        return;
    }
    g_ptr_array_add (counter->past, counter->metrics);
    g_atomic_pointer_set (&counter->metrics, next);
}

/* One more of TRUNK, "": of none. Thread: any. */
static inline void
td_trunk_counter_add (TdTrunkCounter *counter, const char *trunk)
{
    GHashTable *metrics = (GHashTable *) g_atomic_pointer_get (&counter->metrics);
    void *metric = g_hash_table_lookup (metrics, trunk);

    metric = metric != NULL ? metric : g_hash_table_lookup (metrics, "");
    if (metric != NULL) {
        td_metric_add ((TdMetric *) metric, 1);
    }
}

G_END_DECLS

#endif
