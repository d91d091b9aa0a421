/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others learn of the level: metrics, a fact, a line of the log. */

#include "congestion.h"

#include <tandem/log.h>

typedef struct {
    uint32_t from, to;
    const char *measure;
    int64_t value, threshold;
    const char *unit;
    const char *by;
} LevelFact;

static const TdField fields[] = {
    TD_FIELD (LevelFact, from, TD_FIELD_UINT, "The level before, 0 to 3"),
    TD_FIELD (LevelFact, to, TD_FIELD_UINT, "The level now"),
    TD_FIELD (LevelFact, measure, TD_FIELD_TEXT,
              "The measure that is highest; empty when it is none, or an operator"),
    TD_FIELD (LevelFact, value, TD_FIELD_INT, "What it measured"),
    TD_FIELD (LevelFact, threshold, TD_FIELD_INT, "Where its level begins"),
    TD_FIELD (LevelFact, unit, TD_FIELD_TEXT, "Of value and threshold"),
    TD_FIELD (LevelFact, by, TD_FIELD_TEXT, "The operator who has set the level, or empty"),
};

static const struct {
    const char *name, *help;
} values[N_MEASURES] = {
    [MEASURE_LANE_DELAY] = { "tandem_congestion_lane_delay_microseconds",
                             "How long work waits for its turn on the slowest lane." },
    [MEASURE_ARRIVAL_DELAY] = { "tandem_congestion_arrival_delay_microseconds",
                                "How long datagrams wait in the kernel for the slowest lane." },
    [MEASURE_LANE_OCCUPANCY] = { "tandem_congestion_lane_occupancy_percent",
                                 "How much of a processor the busiest lane uses." },
    [MEASURE_MEMORY] = { "tandem_congestion_memory_percent",
                         "Resident memory, of what the process may have." },
    [MEASURE_DESCRIPTORS] = { "tandem_congestion_descriptors_percent",
                              "Open files, of what the process may have." },
    [MEASURE_CALLS] = { "tandem_congestion_calls", "Calls, as machine congestion sees them." },
    [MEASURE_CALL_RATE] = { "tandem_congestion_calls_per_second",
                            "New calls in the last second, refused ones too." },
};

static TdMetric *
declare (TdModule *module, TdMetricKind kind, const char *name, const char *labels,
         const char *help)
{
    return td_metric_declare (module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                       .kind = kind,
                                                       .name = name,
                                                       .labels = labels,
                                                       .help = help });
}

void
congestion_declare (Congestion *congestion)
{
    TdModule *module = congestion->module;
    CongestionMetrics *metrics = &congestion->metrics;

    metrics->level = declare (module, TD_METRIC_GAUGE, "tandem_congestion_level", NULL,
                              "The level of machine congestion in force, 0 to 3.");
    for (unsigned i = 0; i < N_MEASURES; i++) {
        g_autofree char *labels = g_strdup_printf ("measure=\"%s\"", measure_names[i]);
        metrics->values[i] =
            declare (module, TD_METRIC_GAUGE, values[i].name, NULL, values[i].help);
        metrics->levels[i] = declare (module, TD_METRIC_GAUGE, "tandem_congestion_measure_level",
                                      labels, "The level that each measure speaks of, 0 to 3.");
    }
    for (unsigned level = 1; level < N_LEVELS; level++) {
        g_autofree char *labels = g_strdup_printf ("level=\"%u\"", level);
        metrics->refused[level] =
            declare (module, TD_METRIC_COUNTER, "tandem_congestion_refused_total", labels,
                     "Calls that were refused because of the level.");
    }
    congestion->topic = td_topic_declare (
        module, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                .version = 1,
                                .name = "congestion.level",
                                .help = "The level of machine congestion in force changed",
                                .fields = fields,
                                .n_fields = G_N_ELEMENTS (fields),
                                .body_size = sizeof (LevelFact) });
}

static void
show (TdMetric *gauge, int64_t value)
{
    td_metric_add (gauge, value - td_metric_value (gauge));
}

void
congestion_show_metrics (Congestion *congestion)
{
    show (congestion->metrics.level, congestion->level.level);
    for (unsigned i = 0; i < N_MEASURES; i++) {
        show (congestion->metrics.values[i], congestion->measures[i].value);
        show (congestion->metrics.levels[i], congestion->measures[i].level);
    }
}

/* The measure behind the level in force, -1: none. */
static int
cause_of (const Congestion *congestion)
{
    return congestion->level.by_hand.is_set ? -1 : congestion->level.leading;
}

static int64_t
threshold_of (const Congestion *congestion, int name)
{
    const Measure *measure = &congestion->measures[name];

    return measure_threshold (measure, &congestion_settings (congestion)->measures[name],
                              measure->level);
}

void
congestion_tell_change (Congestion *congestion, unsigned from)
{
    int name = cause_of (congestion);
    const ByHand *by_hand = &congestion->level.by_hand;
    LevelFact fact = { .from = from, .to = congestion->level.level, .measure = "", .unit = "" };

    fact.by = by_hand->is_set ? by_hand->who : "";
    if (name >= 0) {
        fact.measure = measure_names[name];
        fact.unit = measure_units[name];
        fact.value = congestion->measures[name].value;
        fact.threshold = threshold_of (congestion, name);
    }
    td_bus_publish (congestion->topic, TD_ID_NONE, NULL, 0, &fact);
}

/* "lane-delay is 120000 us, its threshold 100000 us" */
static char *
reason_of (const Congestion *congestion)
{
    int name = cause_of (congestion);

    if (congestion->level.by_hand.is_set) {
        return g_strdup_printf ("set by %s", congestion->level.by_hand.who);
    }
    if (name < 0) {
        return g_strdup ("every measure is below its thresholds");
    }
    return g_strdup_printf ("%s is %" G_GINT64_FORMAT " %s, its threshold %" G_GINT64_FORMAT " %s",
                            measure_names[name], congestion->measures[name].value,
                            measure_units[name], threshold_of (congestion, name),
                            measure_units[name]);
}

void
congestion_log_change (Congestion *congestion, unsigned from)
{
    unsigned to = congestion->level.level;
    g_autofree char *reason = reason_of (congestion);

    td_log (congestion->module, to > from ? TD_LOG_WARNING : TD_LOG_NOTICE, "level", NULL,
            "machine congestion is MC%u, it was MC%u: %s", to, from, reason);
}
