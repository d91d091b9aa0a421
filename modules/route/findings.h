/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong, or odd, in tables whose rows are each good: found when they are compiled. */

#ifndef ROUTE_FINDINGS_H
#define ROUTE_FINDINGS_H

#include "schema.h"

typedef struct {
    SchemaTableId table;
    unsigned line; /* of the row in its source, 0: not known */
    bool is_error; /* the tables cannot be used as they are */
    char *text;    /* which row, what, and what to do */
} Finding;

typedef struct {
    GArray *all; /* Finding; of those beyond the most, only how many */
    unsigned n_errors, n_left_out;
} Findings;

enum { FINDINGS_MAX = 10000 };

Findings *findings_new (void);
void findings_free (Findings *findings);

void findings_add (Findings *findings, SchemaTableId table, unsigned line, bool is_error,
                   const char *format, ...) TD_PRINTF (5, 6);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Findings, findings_free)

#endif
