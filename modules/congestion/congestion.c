/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* congestion: how much this switch has to do, MC0 to MC3, and whom it lets in at each level. */

#include "congestion.h"

#include <stdlib.h>
#include <tandem/call.h>

enum {
    TICK_MS = 100,
    IDLE_TICK_MS = 1000,
    USAGE_US = 1000000,
    RATE_US = 1000000,
};

/* --- Measuring --------------------------------------------------------------------------- */

void
congestion_settle_level (Congestion *congestion)
{
    int64_t now_us = td_clock_now_us ();
    unsigned from;

    if (level_update (&congestion->level, congestion->measures, now_us, &from)) {
        atomic_store_explicit (&congestion->level_in_force, congestion->level.level,
                               memory_order_relaxed);
        congestion_tell_change (congestion, from);
    }
    if (level_must_tell (&congestion->level, congestion_settings (congestion)->dwell_us, now_us,
                         &from)) {
        congestion_log_change (congestion, from);
    }
    congestion_show_metrics (congestion);
}

static void
read_usage (TdWork *work)
{
    process_read (&((Usage *) work)->usage);
}

static void
take (Congestion *congestion, MeasureName name, int64_t value)
{
    measure_take (&congestion->measures[name], &congestion_settings (congestion)->measures[name],
                  value, td_clock_now_us ());
}

static int64_t
percent_of (int64_t part, int64_t whole)
{
    return whole > 0 ? (int64_t) ((double) part * 100 / (double) whole) : 0;
}

static void
take_usage (TdWork *work)
{
    Usage *usage = (Usage *) work;
    Congestion *congestion = (Congestion *) ((char *) usage - offsetof (Congestion, usage));
    int64_t memory_bytes = congestion_settings (congestion)->memory_bytes;

    usage->is_under_way = false;
    take (congestion, MEASURE_MEMORY,
          percent_of (usage->usage.resident_bytes,
                      memory_bytes > 0 ? memory_bytes : usage->usage.memory_bytes));
    take (congestion, MEASURE_DESCRIPTORS,
          percent_of (usage->usage.n_descriptors, usage->usage.max_descriptors));
}

static void
drop_usage (TdWork *work)
{
    ((Usage *) work)->is_under_way = false;
}

static void
start_usage (Congestion *congestion, int64_t now_us)
{
    Usage *usage = &congestion->usage;

    if (usage->is_under_way || now_us - usage->started_us < USAGE_US) {
        return;
    }
    usage->is_under_way = true;
    usage->started_us = now_us;
    usage->work = (TdWork){
        .owner = congestion->module, .run = read_usage, .done = take_usage, .drop = drop_usage
    };
    td_work_start (&usage->work);
}

static int64_t
count_of (const char *name)
{
    const TdMetric *metric = td_metric_find (name, NULL);

    return metric != NULL ? td_metric_value (metric) : 0;
}

static void
take_calls (Congestion *congestion, int64_t now_us)
{
    CallRate *rate = &congestion->rate;
    int64_t elapsed_us = now_us - rate->at_us;

    if (elapsed_us >= RATE_US) {
        int64_t n_calls = count_of ("tandem_calls_total");
        rate->per_second = (n_calls - rate->n_calls) * G_USEC_PER_SEC / elapsed_us;
        rate->n_calls = n_calls;
        rate->at_us = now_us;
    }
    take (congestion, MEASURE_CALLS, count_of ("tandem_calls"));
    take (congestion, MEASURE_CALL_RATE, rate->per_second);
}

/* A switch that carries nothing is looked at less often: every look wakes its lanes. */
static uint32_t
next_tick_ms (const Congestion *congestion)
{
    return congestion->level.level == 0 && count_of ("tandem_calls") == 0 ? IDLE_TICK_MS : TICK_MS;
}

static void
tick (TdTimer *timer)
{
    Congestion *congestion = (Congestion *) ((char *) timer - offsetof (Congestion, tick));
    int64_t now_us = td_clock_now_us ();

    probes_turn (congestion->probes, &congestion->reading);
    take (congestion, MEASURE_LANE_DELAY, congestion->reading.delay_us);
    take (congestion, MEASURE_ARRIVAL_DELAY, congestion->reading.arrival_us);
    take (congestion, MEASURE_LANE_OCCUPANCY, congestion->reading.occupancy_percent);
    take_calls (congestion, now_us);
    start_usage (congestion, now_us);
    congestion_settle_level (congestion);
    td_timer_start (timer, next_tick_ms (congestion));
}

/* --- Life -------------------------------------------------------------------------------- */

static Congestion *
congestion_new (TdModule *module)
{
    Congestion *congestion = aligned_alloc (_Alignof(Congestion), sizeof (Congestion));

    g_assert (congestion != NULL);
    *congestion = (Congestion){ .module = module };
    for (unsigned i = 0; i < N_MEASURES; i++) {
        measure_init (&congestion->measures[i]);
    }
    level_init (&congestion->level);
    return congestion;
}

static void
congestion_free (Congestion *congestion)
{
    if (congestion == NULL) {
        return;
    }
    probes_free (congestion->probes);
    level_clear (&congestion->level);
    g_clear_pointer (&congestion->handover, g_bytes_unref);
    free (congestion);
}

static unsigned
level_in_force (void *data)
{
    return atomic_load_explicit (&((Congestion *) data)->level_in_force, memory_order_relaxed)
           % N_LEVELS;
}

static unsigned
spared (unsigned priority_class, void *data)
{
    const Congestion *congestion = data;
    unsigned level = level_in_force (data);

    return level > 0 ? congestion_spared (congestion_settings (congestion), level, priority_class)
                     : 0;
}

static bool
start_parts (Congestion *congestion, GError **error)
{
    TdModule *module = congestion->module;
    Settings *settings = settings_new (td_module_config (module), error);
    const TdHook hook = {
        .size = sizeof (TdHook),
        .name = "congestion.admit",
        /* A class must be known before it counts, and who is refused takes no seat. */
        .after = TD_LIST ("priority.admit", "emergency.admit"),
        .before = TD_LIST ("trunk.admit"),
        .data = congestion,
        .ask = congestion_admit,
    };

    if (settings == NULL) {
        return false;
    }
    congestion->settings = td_snapshot_new (module, "congestion", &settings->table);
    congestion->retry_after = td_attribute_declare (
        module, "call.retry-after", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_RETURN,
        "Seconds after which a call that was refused may be tried again", error);
    congestion->service = (TdCongestionService){ .size = sizeof (TdCongestionService),
                                                 .data = congestion,
                                                 .level = level_in_force,
                                                 .spared = spared };
    return congestion->retry_after != NULL && congestion_add_commands (congestion, error)
           && td_hook_add (module, "admit", &hook, error)
           && td_feature_provide (module, TD_FEATURE_CONGESTION, &congestion->service, error);
}

/* What is there already is of an earlier life, or of an import. */
static bool
start (TdModule *module, GError **error)
{
    Congestion *before = td_module_state (module);
    Congestion *congestion = congestion_new (module);

    congestion->handover = before != NULL ? g_steal_pointer (&before->handover) : NULL;
    congestion_free (before);
    td_module_set_state (module, congestion);
    if (congestion->handover != NULL) {
        congestion_import (congestion, congestion->handover);
    }
    congestion_declare (congestion);
    if (!start_parts (congestion, error)) {
        return false;
    }
    g_clear_pointer (&congestion->handover, g_bytes_unref);
    congestion->probes = probes_new (module);
    congestion->rate.n_calls = count_of ("tandem_calls_total");
    congestion->rate.at_us = congestion->usage.started_us = td_clock_now_us ();
    td_timer_init (&congestion->tick, module, tick);
    td_timer_start (&congestion->tick, TICK_MS);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Congestion *congestion = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        congestion->prepared = settings_new (next, error);
        return congestion->prepared != NULL;
    case TD_RELOAD_COMMIT:
        td_snapshot_swap (congestion->settings, &congestion->prepared->table);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&congestion->prepared->table);
        break;
    }
    congestion->prepared = NULL;
    return true;
}

static void
stop (TdModule *module)
{
    Congestion *congestion = td_module_state (module);

    td_timer_stop (&congestion->tick);
}

static void
unload (TdModule *module)
{
    congestion_free (td_module_state (module));
    td_module_set_state (module, NULL);
}

static GBytes *
export_state (TdModule *module, GError **error)
{
    Congestion *congestion = td_module_state (module);

    g_clear_pointer (&congestion->handover, g_bytes_unref);
    /* Kept as well: should the next build not start, this one begins anew. */
    congestion->handover = congestion_export (congestion);
    return g_bytes_ref (congestion->handover);
}

static bool
import_state (TdModule *module, GBytes *state, GError **error)
{
    Congestion *congestion = congestion_new (module);

    congestion->handover = g_bytes_ref (state);
    td_module_set_state (module, congestion);
    return true;
}

static bool
check (const TdConfig *config, GError **error)
{
    Settings *settings = settings_new (config, error);

    if (settings != NULL) {
        td_table_unref (&settings->table);
    }
    return settings != NULL;
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Congestion *congestion = td_module_state (module);

    if (congestion != NULL) {
        g_variant_dict_insert (info, "level", "u", congestion->level.level);
    }
}

TD_MODULE (congestion, .summary = "Machine congestion, and admission by it", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_CONGESTION),
           .config = &congestion_section, .n_config = 1, .upgrade = TD_UPGRADE_HANDOVER,
           .start = start, .reload = reload, .stop = stop, .unload = unload, .check = check,
           .describe = describe, .export_state = export_state, .import_state = import_state)
