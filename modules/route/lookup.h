/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a number to the label of a route list: the rows of the table "route".
 *
 *     table  prefix  rank  conditions             looked at for 4989...:
 *     main   4989    0     carrier = 33           1, if the call's carrier is 33
 *     main   4989    1     calendar = night       2, if it is night
 *     main   49      0                            3
 *
 * A row is 8 bytes beside the tree of prefixes; conditions are kept apart, for rows that have some.
 */

#ifndef ROUTE_LOOKUP_H
#define ROUTE_LOOKUP_H

#include "calendar.h"
#include "digits.h"
#include "explanation.h"
#include "findings.h"
#include "row.h"

typedef struct Lookup Lookup;

/* Names that rows mention are added to these, which outlive it. */
typedef struct {
    Names *tables, *labels, *calendars;
} LookupNames;

Lookup *lookup_new (const LookupNames *names);
void lookup_free (Lookup *lookup);
bool lookup_add (Lookup *lookup, const Row *row, GError **error);

/* Finds rows that an earlier one leaves nothing for. */
void lookup_end (Lookup *lookup, Findings *findings);

/* Whether rows of table INDEX were added; whether any row leads to LABEL, or asks for CALENDAR. */
bool lookup_has (const Lookup *lookup, uint32_t index);
bool lookup_leads_to (const Lookup *lookup, uint32_t label);
bool lookup_asks_for (const Lookup *lookup, uint32_t calendar);

/* For checks: the first line of the rows that mention LABEL, or CALENDAR, 0: not known. */
unsigned lookup_line_of_label (const Lookup *lookup, uint32_t label);
unsigned lookup_line_of_calendar (const Lookup *lookup, uint32_t calendar);

/* What conditions ask about. Texts may be NULL: nothing fits them. */
typedef struct {
    const char *number; /* that is looked up: "+49...", digits or "" */
    const Number *called, *calling;
    const char *user, *domain, *ingress, *carrier, *category, *bearer;
    int type;             /* CallType */
    bool has_own_rows;    /* only those that name its type are for it */
    int line_information; /* ANI II, or ROW_NOT_SAID */
    const char *(*attribute) (const char *name, void *data); /* nullable */
    void *data;
    CalendarMoment *moment;
} LookupSubject;

/* The label for SUBJECT in table INDEX, or NAMES_NONE. Says of each row why it won or lost, when
 * EXPLANATION is not NULL. */
uint32_t lookup_find (const Lookup *lookup, uint32_t index, const LookupSubject *subject,
                      const Calendars *calendars, Explanation *explanation);

/* Whether further digits could lead to another row. */
bool lookup_has_longer (const Lookup *lookup, uint32_t index, const char *number);

size_t lookup_size_bytes (const Lookup *lookup);

#endif
