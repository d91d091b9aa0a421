/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who writes to which cache line of a metric, and how all of them are read. */

#ifndef CORE_BASE_METRIC_H
#define CORE_BASE_METRIC_H

#include <tandem/metric.h>

/* One metric as it stood at one moment. */
typedef struct {
    TdMetricKind kind;
    const char *name, *help;
    const char *labels; /* "" for none */
    int64_t value;      /* of a histogram the number of observations */
    /* Of a histogram: */
    const uint64_t *buckets; /* upper bounds */
    const uint64_t *counts; /* N_BUCKETS + 1, each bucket's own; the last is for what is over all */
    uint32_t n_buckets;
    uint64_t sum;
    bool is_priority;
    const TdMetricAlarm *alarm; /* nullable */
    int64_t alarm_base;         /* what the counter was when it became one to watch */
} TdMetricView;

/* Makes room for N_LANES writers in metrics that are declared from now on. Thread: control, before
 * the lanes start. */
void td_metric_set_lanes (unsigned n_lanes);

/* The current thread is the lane with INDEX, 0 .. N_LANES; a thread that never says so shares a few
 * cache lines with its like. Thread: the lane, first of all. */
void td_metric_set_lane (unsigned index);

/* Visits every metric that a running module or the core has declared, by name, then by labels.
 * The view lives as long as the visit. Thread: any; VISIT must not declare. */
void td_metric_each (void (*visit) (const TdMetricView *view, void *data), void *data);

/* The same of those with an alarm, in the order in which they became such. */
void td_metric_each_alarm (void (*visit) (const TdMetric *metric, const TdMetricView *view,
                                          void *data),
                           void *data);

/* CHANGED (nullable) is called each time a metric with an alarm changes: on any thread, where it changed, with
 * any lock held. Thread: control. */
void td_metric_watch (void (*changed) (void));

/* Appends all of them in the Prometheus text exposition format, version 0.0.4; those of priority
 * only WITH_PRIORITY. Thread: any. */
void td_metrics_to_prometheus (GString *out, bool with_priority);

#endif
