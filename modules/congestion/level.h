/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The level of the whole switch: the highest of its measures, or what an operator has set. */

#ifndef CONGESTION_LEVEL_H
#define CONGESTION_LEVEL_H

#include "settings.h"

/* What an operator has set. */
typedef struct {
    bool is_set;
    unsigned level;
    int64_t until_us; /* INT64_MAX: until it is cleared */
    int64_t wall_us;  /* when it was set */
    char *who;
} ByHand;

typedef struct {
    unsigned level;    /* in force */
    unsigned measured; /* the highest of the measures */
    int leading;       /* the measure that says so, -1: none */
    int64_t wall_us;   /* since when the level is in force */
    ByHand by_hand;
    unsigned told;   /* what the last log line said */
    int64_t told_us; /* when, INT64_MIN: never */
} Level;

void level_init (Level *level);
void level_clear (Level *level);

/* By hand, for FOR_US (INT64_MAX: for ever); overrides the measures both ways (ITU-T E.412 1.3). */
void level_set (Level *level, unsigned by_hand, const char *who, int64_t now_us, int64_t for_us);
void level_unset (Level *level);

/* Takes the measures over, and ends what was set for a time. Returns whether the level in force
 * changed; RET_FROM is what it was. */
bool level_update (Level *level, const Measure measures[N_MEASURES], int64_t now_us,
                   unsigned *ret_from);

/* Whether the log is to tell of a change now: at once, and once every DWELL_US at most. RET_FROM is
 * what it told of last. */
bool level_must_tell (Level *level, int64_t dwell_us, int64_t now_us, unsigned *ret_from);

#endif
