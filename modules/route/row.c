/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the cells of one row. */

#include "row.h"

#include <string.h>
#include <tandem/number.h>

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

bool
row_required (const Row *row, unsigned column, GError **error)
{
    return row_says (row, column) || row_refuse (row, column, error, "it must not be empty");
}

bool
row_integer (const Row *row, unsigned column, int64_t *ret_value, GError **error)
{
    const char *text = text_or_fallback (row, column);
    const SchemaColumn *declared = column_of (row, column);
    char *end = NULL;

    if (*text == '\0') {
        *ret_value = ROW_NOT_SAID;
        return !declared->is_required || row_required (row, column, error);
    }
    int64_t value = g_ascii_strtoll (text, &end, 10);
    if (!g_ascii_isdigit (*text) || *end != '\0' || value < declared->min
        || value > declared->max) {
        return row_refuse (row, column, error,
                           "write a number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                           declared->min, declared->max);
    }
    *ret_value = value;
    return true;
}

bool
row_choice (const Row *row, unsigned column, int *ret_choice, GError **error)
{
    const char *text = text_or_fallback (row, column);
    const SchemaColumn *declared = column_of (row, column);

    if (*text == '\0') {
        *ret_choice = ROW_NOT_SAID;
        return !declared->is_required || row_required (row, column, error);
    }
    for (int i = 0; declared->choices[i] != NULL; i++) {
        if (strcmp (declared->choices[i], text) == 0) {
            *ret_choice = i;
            return true;
        }
    }
    g_autofree char *choices = g_strjoinv (", ", (char **) declared->choices);
    return row_refuse (row, column, error, "write one of %s", choices);
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
    if (!td_prefix_is_valid (row_text (row, column))) {
        return row_refuse (row, column, error, "write digits, after a + for international numbers");
    }
    if (strlen (row_text (row, column)) >= TD_NUMBER_DIGITS) {
        return row_refuse (row, column, error, "%d digits are the most", TD_NUMBER_DIGITS - 1);
    }
    return true;
}

const char *
row_choice_name (SchemaTableId table, unsigned column, int choice)
{
    return choice >= 0 ? schema_table (table)->columns[column].choices[choice] : "";
}
