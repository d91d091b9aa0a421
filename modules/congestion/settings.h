/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The section [congestion] taken apart: the rules of each measure, and whom each level lets in. */

#ifndef CONGESTION_SETTINGS_H
#define CONGESTION_SETTINGS_H

#include "measure.h"

#include <tandem/config.h>
#include <tandem/resource.h>
#include <tandem/snapshot.h>

typedef enum {
    MEASURE_LANE_DELAY,
    MEASURE_ARRIVAL_DELAY,
    MEASURE_LANE_OCCUPANCY,
    MEASURE_MEMORY,
    MEASURE_DESCRIPTORS,
    MEASURE_CALLS,
    MEASURE_CALL_RATE,
    N_MEASURES,
} MeasureName;

typedef struct {
    TdTable table; /* first */
    MeasureRules measures[N_MEASURES];
    int64_t dwell_us;
    int64_t memory_bytes;                   /* -1: what the machine has */
    unsigned passing_class;                 /* it and higher ones are never refused */
    uint8_t shares[N_LEVELS][TD_N_CLASSES]; /* percent admitted */
    uint32_t retry_after_s[N_LEVELS];       /* 0: none is sent */
} Settings;

/* "lane-delay": the key, and the name in tables and facts. */
extern const char *const measure_names[N_MEASURES];
/* "us", "%" and the like. */
extern const char *const measure_units[N_MEASURES];

extern const TdConfigSection congestion_section;

Settings *settings_new (const TdConfig *config, GError **error);

/* "90 s", "10 min" into microseconds. */
bool duration_parse (const char *text, int64_t *ret_us);

/* "MC2" or "2". */
bool level_parse (const char *text, unsigned *ret_level);

#endif
