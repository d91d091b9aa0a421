/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows for builders, written as lines of CSV; cells that hold a comma stand in double quotes. */

#ifndef ROUTE_TESTS_ROWS_H
#define ROUTE_TESTS_ROWS_H

#include "row.h"

#include <string.h>

typedef bool (*AddRow) (void *builder, const Row *row, GError **error);

/* Takes LINE apart, in place. */
static inline void
split_cells (char *line, const char **cells, unsigned n_cells)
{
    unsigned n = 0;
    bool is_quoted = false;

    for (unsigned i = 0; i < n_cells; i++) {
        cells[i] = "";
    }
    cells[n++] = line;
    for (char *at = line; *at != '\0'; at++) {
        if (*at == '"') {
            is_quoted = !is_quoted;
            memmove (at, at + 1, strlen (at));
            at--;
        } else if (*at == ',' && !is_quoted) {
            *at = '\0';
            g_assert_cmpuint (n, <, n_cells);
            cells[n++] = at + 1;
        }
    }
}

/* Adds one row; what is missing at its end is empty. */
static inline bool
add_line (SchemaTableId table, const char *text, unsigned number, AddRow add, void *builder,
          GError **error)
{
    const char *cells[SCHEMA_MAX_COLUMNS];
    g_autofree char *line = g_strdup (text);

    split_cells (line, cells, schema_table (table)->n_columns);
    return add (builder, &(Row){ table, cells, number }, error);
}

/* Adds the rows of TEXT, a line each, which are good; the first one is line 1. */
static inline void
add_lines (SchemaTableId table, const char *text, AddRow add, void *builder)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (unsigned i = 0; lines[i] != NULL; i++) {
        g_autoptr (GError) error = NULL;
        if (lines[i][0] != '\0') {
            add_line (table, lines[i], i + 1, add, builder, &error);
            g_assert_no_error (error);
        }
    }
}

/* Adds the rows of a CSV, below its header. */
static inline void
add_file (SchemaTableId table, const char *path, AddRow add, void *builder)
{
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;

    g_file_get_contents (path, &text, NULL, &error);
    g_assert_no_error (error);
    add_lines (table, strchr (text, '\n'), add, builder);
}

#endif
