/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One decision on its way, for the files that its steps are in. */

#ifndef ROUTE_DECISION_WAY_H
#define ROUTE_DECISION_WAY_H

#include "tables.h"

typedef struct {
    const Tables *tables;
    const DecisionRequest *request;
    Decision *decision;
    Explanation *explanation;
    const Ingress *ingress;
    const Number *called; /* in DECISION */
    const char *key;      /* what is looked up */
    bool is_replaced;     /* CALLED is the number that stands for a toll-free one */
    CalendarMoment moment;
} Way;

/* Returns false: the way ends here. */
bool way_refuse (Way *way, unsigned cause, const char *announcement);

/* A code that is too long would be another one when it is cut: it is not taken. */
void way_take_carrier (Way *way, const char *carrier);

/* TEXT, a number or a carrier's code that somebody else wrote, as the tables of the ingress have it:
 * without the country code that is theirs. CONTEXT (nullable) is where one without a "+" holds. The
 * result is TEXT's, or in INTO. */
const char *way_localise (const Way *way, const char *text, const char *context,
                          char into[TD_NUMBER_DIGITS]);

/* The row of "code" for NUMBER, nullable. */
const Code *way_code_of (const Way *way, const char *number);
bool way_has_status (const Code *code, int status);

/* --- decision-dips.c: steps; false: the way ends --- */

bool way_look_up_toll_free (Way *way);
bool way_look_up_portability (Way *way);

#endif
