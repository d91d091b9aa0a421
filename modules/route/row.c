/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the cells of one row. */

#include "row.h"

#include "cell.h"

#include <string.h>

static const SchemaColumn *
column_of (const Row *row, unsigned column)
{
    return &schema_table (row->table)->columns[column];
}

bool
row_refuse (const Row *row, unsigned column, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *reason = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s.%s: \"%s\": %s",
                 schema_table (row->table)->name, column_of (row, column)->name,
                 row_text (row, column), reason);
    return false;
}

/* What stands there, or what it falls back to, or "". */
static const char *
text_or_fallback (const Row *row, unsigned column)
{
    const char *fallback = column_of (row, column)->fallback;

    return row_says (row, column) || fallback == NULL ? row_text (row, column) : fallback;
}

/* As a store checks it; what calls a builder may not be one. */
static bool
check (const Row *row, unsigned column, GError **error)
{
    const SchemaColumn *declared = column_of (row, column);
    g_autoptr (GString) reason = NULL;

    if (cell_check (declared, row_text (row, column), NULL)) {
        return true;
    }
    reason = g_string_new (NULL);
    cell_check (declared, row_text (row, column), reason);
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s.%s: %s", schema_table (row->table)->name,
                 declared->name, reason->str);
    return false;
}

bool
row_required (const Row *row, unsigned column, GError **error)
{
    return row_says (row, column) || row_refuse (row, column, error, "it must not be empty");
}

bool
row_integer (const Row *row, unsigned column, int64_t *ret_value, GError **error)
{
    const char *text = text_or_fallback (row, column);

    if (!check (row, column, error)) {
        return false;
    }
    *ret_value = *text != '\0' ? cell_pack (column_of (row, column), text) : ROW_NOT_SAID;
    return true;
}

bool
row_choice (const Row *row, unsigned column, int *ret_choice, GError **error)
{
    const char *text = text_or_fallback (row, column);
    const char *const *choices = column_of (row, column)->choices;
    int choice = 0;

    if (!check (row, column, error)) {
        return false;
    }
    while (choices[choice] != NULL && strcmp (choices[choice], text) != 0) {
        choice++;
    }
    *ret_choice = *text != '\0' ? choice : ROW_NOT_SAID;
    return true;
}

bool
row_pattern (const Row *row, unsigned column, Pattern *ret_pattern, GError **error)
{
    g_autoptr (GError) reason = NULL;

    return pattern_parse (ret_pattern, row_text (row, column), &reason)
           || row_refuse (row, column, error, "%s", reason->message);
}

bool
row_digits (const Row *row, unsigned column, GError **error)
{
    return check (row, column, error);
}

const char *
row_choice_name (SchemaTableId table, unsigned column, int choice)
{
    return choice >= 0 ? schema_table (table)->columns[column].choices[choice] : "";
}
