/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may call whom: lists of rows, of which the first that fits, by rank, allows or denies; none:
 * allowed. The rows of the table "screening". A list may have a million rows: those that name a
 * calling number are found by it, the others by the called one. */

#ifndef ROUTE_SCREENING_H
#define ROUTE_SCREENING_H

#include "digits.h"
#include "findings.h"
#include "row.h"

typedef struct Screenings Screenings;

/* The names of lists are added to NAMES, which outlives it. */
Screenings *screenings_new (Names *names);
void screenings_free (Screenings *screenings);
bool screenings_add (Screenings *screenings, const Row *row, GError **error);

/* Finds rows that an earlier one leaves nothing for. */
void screenings_end (Screenings *screenings, Findings *findings);

/* Whether rows of list INDEX were added. */
bool screenings_has (const Screenings *screenings, uint32_t index);

typedef struct {
    bool is_row; /* a row fitted */
    bool is_denied;
    unsigned cause;           /* denied: Q.850 */
    const char *announcement; /* denied: "" for none */
    unsigned line;
    unsigned rank;
} ScreeningResult;

ScreeningResult screenings_judge (const Screenings *screenings, uint32_t index,
                                  const Number *calling, TdPresentation presentation,
                                  const Number *called);

#endif
