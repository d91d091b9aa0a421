/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a change of the tables would do, and every row that is in its way. */

#ifndef ROUTE_REPORT_H
#define ROUTE_REPORT_H

#include "schema.h"

typedef struct {
    const SchemaTable *table;
    uint64_t line;      /* of the CSV, or 0 */
    char *key;          /* of a row that came from no CSV, or NULL: "main, +44, 0" */
    const char *column; /* NULL: the row */
    char *text;
} ReportProblem;

typedef struct {
    uint64_t n_read, n_added, n_removed, n_changed;
} ReportCounts;

typedef struct {
    GPtrArray *problems; /* ReportProblem, the first MAX_PROBLEMS of all */
    unsigned max_problems;
    uint64_t n_problems;
    ReportCounts tables[N_SCHEMA_TABLES];
} Report;

Report *report_new (unsigned max_problems);
void report_free (Report *report); /* nullable */

/* Notes what is wrong with COLUMN (nullable: with the row) at LINE, or in the row of KEY (nullable). */
TD_PRINTF (6, 7)
void report_add (Report *report, const SchemaTable *table, uint64_t line, const char *key,
                 const char *column, const char *format, ...);

/* Appends "route line 12, prefix: 44x has ...". */
void report_append_problem (GString *out, const ReportProblem *problem);

/* True without problems; otherwise an error with the first of them. */
bool report_is_clean (const Report *report, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Report, report_free)

#endif
