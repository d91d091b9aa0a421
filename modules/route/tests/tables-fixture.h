/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compiled tables for tests, from rows as text:
 *
 *     [route]
 *     main,49,0,,,,,,,,,,,,,west
 */

#ifndef ROUTE_TESTS_TABLES_FIXTURE_H
#define ROUTE_TESTS_TABLES_FIXTURE_H

#include "decision.h"
#include "rows.h"

static inline bool
add_to_builder (void *builder, const Row *row, GError **error)
{
    return tables_builder_add (builder, row->table, row->cells, row->line, error);
}

/* Adds the rows of TEXT. Lines count from 1 in each table. */
static inline void
add_tables (TablesBuilder *builder, const char *text)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    SchemaTableId table = N_SCHEMA_TABLES;
    unsigned number = 0;

    for (char **line = lines; *line != NULL; line++) {
        g_autoptr (GError) error = NULL;
        if (**line == '[') {
            (*line)[strlen (*line) - 1] = '\0';
            table = schema_find_table (*line + 1)->id;
            number = 0;
        } else if (**line != '\0') {
            add_line (table, *line, ++number, add_to_builder, builder, &error);
            g_assert_no_error (error);
        }
    }
}

/* Tables in which nothing is an error. */
static inline Tables *
make_tables (const char *text)
{
    TablesBuilder *builder = tables_builder_new ();
    g_autoptr (Findings) findings = findings_new ();

    add_tables (builder, text);
    Tables *tables = tables_builder_end (builder, findings, NULL, NULL);
    for (unsigned i = 0; i < findings->all->len; i++) {
        g_test_message ("%s", g_array_index (findings->all, Finding, i).text);
    }
    g_assert_cmpuint (findings->n_errors, ==, 0);
    return tables;
}

#endif
