/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's state, as its parts see it.
 *
 *     every 100 ms, on control                                 on each lane
 *     probes, calls, process -> measures -> level -- atomic --> admit hook -> thinning
 *                                             '-> fact, metrics, log
 */

#ifndef CONGESTION_CONGESTION_H
#define CONGESTION_CONGESTION_H

#include "level.h"
#include "probe.h"
#include "process.h"
#include "settings.h"
#include "thinning.h"

#include <tandem/attribute.h>
#include <tandem/bus.h>
#include <tandem/hook.h>
#include <tandem/iface/congestion.h>
#include <tandem/metric.h>
#include <tandem/module.h>
#include <tandem/worker.h>

/* Reads on a worker what may block. */
typedef struct {
    TdWork work; /* first */
    bool is_under_way;
    int64_t started_us;
    ProcessUsage usage; /* written by the worker */
} Usage;

/* New calls in a second, from what the core has counted. */
typedef struct {
    int64_t n_calls, at_us;
    int64_t per_second;
} CallRate;

typedef struct {
    TdMetric *level;
    TdMetric *values[N_MEASURES];
    TdMetric *levels[N_MEASURES];
    TdMetric *refused[N_LEVELS];
} CongestionMetrics;

typedef struct {
    /* What lanes read, apart from what control writes all the time. */
    _Alignas(64) _Atomic uint32_t level_in_force;
    TdSnapshot *settings; /* Settings */
    const TdAttribute *retry_after;
    _Alignas(64) Thinning thinning[TD_N_CLASSES]; /* by class, for all lanes */
    /* Control only. */
    TdModule *module;
    TdCongestionService service;
    Settings *prepared; /* by a reload that is not committed yet */
    GBytes *handover;   /* from or for another build, until the next start */
    TdTimer tick;
    Probes *probes;
    Usage usage;
    CallRate rate;
    ProbeReading reading;
    Measure measures[N_MEASURES];
    Level level;
    TdTopic *topic;
    CongestionMetrics metrics;
} Congestion;

const Settings *congestion_settings (const Congestion *congestion);

/* How many percent of a class are refused at LEVEL. */
unsigned congestion_spared (const Settings *settings, unsigned level, unsigned priority_class);

/* The hook "congestion.admit". Thread: a lane. */
TdHookAnswer congestion_admit (void *subject, TdToken *token, void *data);

/* Takes the measures over into the level in force, and tells of a change. */
void congestion_settle_level (Congestion *congestion);

/* command.c: congestion show, set, clear. */
bool congestion_add_commands (Congestion *congestion, GError **error);

/* fact.c: metrics, the fact "congestion.level", the log. */
void congestion_declare (Congestion *congestion);
void congestion_show_metrics (Congestion *congestion);
void congestion_tell_change (Congestion *congestion, unsigned from);
void congestion_log_change (Congestion *congestion, unsigned from);

/* handover.c: the state for another build of the module, and back. */
GBytes *congestion_export (const Congestion *congestion);
void congestion_import (Congestion *congestion, GBytes *state);

#endif
