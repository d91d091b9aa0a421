/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbering plans: what kind of call a dialled number makes, whether it has all its digits, which
 * carrier it names, and how it is written for what follows. The plans are rows of the table "plan".
 *
 *     plan nanp:  1010288 1 212 555 0100   -> carrier 0288, and again:  1 212 555 0100
 *                                          -> national, 2125550100
 */

#ifndef ROUTE_PLAN_H
#define ROUTE_PLAN_H

#include "digits.h"
#include "row.h"

/* In the order of the choices of plan.type. */
typedef enum {
    CALL_TYPE_LOCAL,
    CALL_TYPE_NATIONAL,
    CALL_TYPE_INTERNATIONAL,
    CALL_TYPE_OPERATOR,
    CALL_TYPE_SERVICE_N11,
    CALL_TYPE_EMERGENCY,
    CALL_TYPE_TOLL_FREE,
    CALL_TYPE_CARRIER_ACCESS,
    CALL_TYPE_FEATURE,
    N_CALL_TYPES,
    CALL_TYPE_NONE = -1, /* no plan says */
} CallType;

const char *call_type_name (CallType type);

enum { CARRIER_SIZE = 33 }; /* a carrier's code and its NUL */

typedef enum {
    ANALYSIS_FITS,
    ANALYSIS_WANTS_MORE, /* digits: the number may not be complete */
    ANALYSIS_TOO_SHORT,
    ANALYSIS_TOO_LONG,
    ANALYSIS_UNKNOWN, /* no pattern begins like it */
} AnalysisVerdict;

typedef struct {
    CallType type;
    char carrier[CARRIER_SIZE]; /* that was dialled, or "" */
    unsigned line;              /* of the row that said so, 0: not known */
    char pattern[2 * PATTERN_MAX_DIGITS];
} Analysis;

typedef struct Plans Plans;

/* Plan names are added to NAMES, which outlives it. */
Plans *plans_new (Names *names);
void plans_free (Plans *plans);
bool plans_add (Plans *plans, const Row *row, GError **error);
void plans_end (Plans *plans);

/* Whether rows of plan INDEX were added. */
bool plans_has (const Plans *plans, uint32_t index);

/* Analyses NUMBER by plan INDEX and writes it as the plan wants it. Both out parameters are changed
 * only when it fits. */
AnalysisVerdict plans_analyse (const Plans *plans, uint32_t index, Number *number, bool is_complete,
                               Analysis *ret_analysis);

/* For checks: the rows of one plan, in the order they were added. */
typedef struct {
    uint32_t plan;
    Pattern pattern;
    char *text; /* the pattern as written */
    uint8_t min, max, carrier_digits, strip;
    int8_t nature, type;
    unsigned line;
} PlanRow;

const PlanRow *plans_rows (const Plans *plans, unsigned *ret_n);

#endif
