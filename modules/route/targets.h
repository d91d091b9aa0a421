/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Route lists: which of a list's targets are tried, and in which order. The rows of the tables "list"
 * and "target".
 *
 *     list west, percent          target west 1 carrier-a  70 %         of 100 calls 70 begin with
 *                                 target west 2 carrier-b  30 %         carrier-a, 30 with carrier-b
 *                                 target west 9 @overflow               in its place: all of that list
 *
 * Targets of one number in the column "together" ring together, and are ordered as one. A target with
 * "@" is another list, in its own order.
 */

#ifndef ROUTE_TARGETS_H
#define ROUTE_TARGETS_H

#include "calendar.h"
#include "explanation.h"
#include "findings.h"
#include "row.h"

enum {
    TARGETS_MAX = 100,
    TARGETS_MAX_DEPTH = 8, /* lists in lists */
    TARGETS_NOT_KNOWN = -1,
};

typedef struct Targets Targets;

/* Names that rows mention are added to these, which outlive it. */
typedef struct {
    Names *labels, *calendars, *translations, *causes, *trunks;
} TargetNames;

/* In the order of the choices of list.mode. */
typedef enum { TARGETS_SEQUENCE, TARGETS_PERCENT, TARGETS_LEAST_COST, TARGETS_QUALITY } TargetsMode;

typedef struct {
    uint32_t label; /* of the list it belongs to */
    uint32_t trunk; /* or NAMES_NONE: SUBLIST */
    uint32_t sublist;
    uint32_t calendar, translation;
    char *number; /* to send instead, or NULL */
    int32_t position, together, percent, cost;
    int32_t minimum_asr, minimum_ner, maximum_pdd_ms, minimum_mos; /* ROW_NOT_SAID: any */
    uint32_t no_answer_s;                                          /* 0: not said */
    unsigned line;
} Target;

typedef struct {
    TargetsMode mode;
    unsigned tries, seconds; /* 0: no limit */
    uint32_t causes;         /* cause table, or NAMES_NONE */
    uint32_t first, n;       /* its targets, by position */
    unsigned line;
    bool has_row;
} TargetList;

Targets *targets_new (const TargetNames *names);
void targets_free (Targets *targets);
bool targets_add_list (Targets *targets, const Row *row, GError **error);
bool targets_add (Targets *targets, const Row *row, GError **error);

/* Finds what only lists themselves can say: loops, and what is never tried. */
void targets_end (Targets *targets, Findings *findings);

/* The list LABEL, or NULL: it has no row; and all targets. */
const TargetList *targets_list (const Targets *targets, uint32_t label);
const Target *targets_all (const Targets *targets, unsigned *ret_n);

/* What a trunk group did lately; TARGETS_NOT_KNOWN where there were too few calls. */
typedef struct {
    int asr, ner; /* percent */
    int pdd_ms;
    int mos; /* hundredths */
} TargetQuality;

typedef struct {
    const Calendars *calendars;
    CalendarMoment *moment;
    uint32_t chance; /* of this call: any number, evenly spread */
    bool (*quality) (const char *trunk, TargetQuality *ret_quality, void *data); /* nullable */
    void *data;
} TargetContext;

typedef struct {
    const Target *target;
    unsigned group; /* of those that ring together, from 0 */
} ChosenTarget;

/* The chance of the COUNTERth call: neighbours lie far apart, so even few calls are shared well. */
static inline uint32_t
targets_chance (uint32_t counter)
{
    return counter * UINT32_C (2654435769); /* the golden section of 2^32 */
}

/* The targets of LABEL for one call, in the order they are tried; how many. */
unsigned targets_choose (const Targets *targets, uint32_t label, const TargetContext *context,
                         ChosenTarget ret_chosen[TARGETS_MAX], Explanation *explanation);

#endif
