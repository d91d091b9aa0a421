/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the cells of one row. What a store lets through is checked, what else calls a builder may
 * not be: each says what is wrong with which column. */

#ifndef ROUTE_ROW_H
#define ROUTE_ROW_H

#include "names.h"
#include "pattern.h"
#include "schema.h"

typedef struct {
    SchemaTableId table;
    const char *const *cells; /* in the order of the columns, "" where nothing is said */
    unsigned line;            /* in its source, 0: not known */
} Row;

enum { ROW_NOT_SAID = -1 };

static inline const char *
row_text (const Row *row, unsigned column)
{
    return row->cells[column];
}

static inline bool
row_says (const Row *row, unsigned column)
{
    return row->cells[column][0] != '\0';
}

/* False: the cell is no number between the column's bounds, no choice of its, no pattern. An empty
 * one is ROW_NOT_SAID, or what the column falls back to. */
bool row_integer (const Row *row, unsigned column, int64_t *ret_value, GError **error);
bool row_choice (const Row *row, unsigned column, int *ret_choice, GError **error);
bool row_pattern (const Row *row, unsigned column, Pattern *ret_pattern, GError **error);
bool row_digits (const Row *row, unsigned column, GError **error);
bool row_required (const Row *row, unsigned column, GError **error);

/* Sets ERROR to "table.column: "value": reason"; returns false. */
bool row_refuse (const Row *row, unsigned column, GError **error, const char *format, ...)
    TD_PRINTF (4, 5);

/* The words of a choice, for explanations. */
const char *row_choice_name (SchemaTableId table, unsigned column, int choice);

#endif
