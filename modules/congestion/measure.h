/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One measure of the switch, and the level of congestion it speaks of: MC0 (none) to MC3.
 *
 *     threshold of MC2 - - - - - - - - - - -/\- - - -      rises once it stood above for RISE
 *     threshold of MC1 - - - - /‾‾‾‾‾‾‾‾‾‾‾‾  \ - - -
 *     CLEAR % of it  - - - - -/- - - - - - - - \_____      falls a level once below for DWELL
 *                       MC0       MC1      MC2  MC1  MC0
 */

#ifndef CONGESTION_MEASURE_H
#define CONGESTION_MEASURE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { N_LEVELS = 4, N_ONSETS = N_LEVELS - 1 };

/* The threshold of a level that a measure never speaks of. */
#define MEASURE_NEVER INT64_MAX

typedef struct {
    bool is_on;
    bool is_adaptive;
    int64_t fixed[N_ONSETS];  /* of MC1, MC2, MC3 in the unit of the measure, growing */
    unsigned times[N_ONSETS]; /* adaptive: so many times what is normal, growing */
    unsigned floor_percent;   /* adaptive: never below this share of what is fixed */
    unsigned clear_percent;   /* a level's threshold is undershot below this share of it */
    int64_t rise_us, dwell_us;
    int64_t learn_us; /* how slowly the normal value follows */
} MeasureRules;

typedef struct {
    unsigned level;
    int64_t value;
    int64_t sampled_us;         /* INT64_MIN: never */
    int64_t changed_us;         /* when the level did, INT64_MIN: never */
    int64_t above_us[N_ONSETS]; /* since when at or above each threshold, INT64_MIN: it is not */
    int64_t below_us;  /* since when low enough for the level below, INT64_MIN: it is not */
    double normal;     /* learnt at MC0 only, so that congestion is never normal */
    int64_t learnt_us; /* for so long */
} Measure;

void measure_init (Measure *measure);

/* What was measured at NOW_US. Returns whether the level changed. */
bool measure_take (Measure *measure, const MeasureRules *rules, int64_t value, int64_t now_us);

/* Where LEVEL (1 .. 3) begins at present. */
int64_t measure_threshold (const Measure *measure, const MeasureRules *rules, unsigned level);

/* Whether the normal value is known well enough to go by. */
bool measure_has_learnt (const Measure *measure, const MeasureRules *rules);

#endif
