/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters, gauges and histograms with Prometheus names and units.
 *
 * Every lane, and everybody else together, writes to a cache line of its own; a read adds the
 * lines up and never stops a writer. A name belongs to the newest generation of a module that
 * declared it: an upgrade goes on counting where the old build was.
 */

#ifndef TANDEM_METRIC_H
#define TANDEM_METRIC_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct TdMetric TdMetric;

typedef enum {
    TD_METRIC_COUNTER,   /* only grows; its name ends in _total */
    TD_METRIC_GAUGE,     /* goes up and down */
    TD_METRIC_HISTOGRAM, /* counts observations in buckets, and their sum */
} TdMetricKind;

/* When a figure is an alarm. A counter is judged by what it has grown within WINDOW_MS. It is raised when the
 * figure comes to RAISE_AT, and over when the figure is below CLEAR_BELOW. */
typedef struct {
    const char *name;     /* "trunk-queue": with the metric's labels, what tells alarms apart */
    const char *help;     /* one sentence: what is going on, and what to do */
    uint64_t raise_at;    /* 0: it is none */
    uint64_t clear_below; /* 1 .. RAISE_AT */
    uint32_t window_ms;   /* of a counter, from 1 s */
} TdMetricAlarm;

typedef struct {
    uint32_t size; /* sizeof (TdMetricDecl) */
    TdMetricKind kind;
    const char *name;   /* "tandem_sip_messages_total" */
    const char *help;   /* one sentence */
    const char *labels; /* "method=\"INVITE\"", or NULL: with the name, what tells metrics apart */
    const uint64_t *buckets; /* histogram: upper bounds, growing, in the unit of the name */
    uint32_t n_buckets;      /* at most 32 */
    bool is_priority;        /* it tells of calls with a priority: needs TD_MAY_SEE_PRIORITY */
    TdMetricAlarm alarm;     /* of a counter or gauge; the newest declaration decides */
} TdMetricDecl;

/* Declares a metric, also once more: with other thresholds of its alarm. Owns: the core keeps a copy of
 * DECL; the result belongs to MODULE until it stops. Returns (transfer none) the metric. Thread: any. */
TD_API TdMetric *td_metric_declare (TdModule *module, const TdMetricDecl *decl);

/* The metric of NAME and LABELS (NULL: none) that was declared last, by whoever still runs, or NULL:
 * for a module that goes by what the core or another one counts. Returns (transfer none, lives as long
 * as the process). Thread: any. */
TD_API TdMetric *td_metric_find (const char *name, const char *labels);

/* Adds AMOUNT to a counter or gauge (a gauge takes negative amounts). Thread: any; costs one
 * uncontended atomic addition. */
TD_API void td_metric_add (TdMetric *metric, int64_t amount);

/* Counts one observation of VALUE in a histogram. Thread: any. */
TD_API void td_metric_observe (TdMetric *metric, uint64_t value);

/* The sum over all threads; for a histogram the number of observations. Thread: any. */
TD_API int64_t td_metric_value (const TdMetric *metric);

G_END_DECLS

#endif
