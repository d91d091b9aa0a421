/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results as JSON for programs and as tables for people. */

#include "operate/command.h"

#include "base/json.h"
#include "base/text.h"

#include <math.h>
#include <string.h>

/* VALUE, or what is in it where it is a variant or a maybe that holds something (transfer full);
 * NULL where there is nothing. */
static GVariant *
unwrap (GVariant *value)
{
    GVariant *inner = g_variant_ref (value);

    while (inner != NULL
           && (g_variant_is_of_type (inner, G_VARIANT_TYPE_VARIANT)
               || g_variant_is_of_type (inner, G_VARIANT_TYPE_MAYBE))) {
        GVariant *outer = inner;
        inner = g_variant_n_children (outer) > 0 ? g_variant_get_child_value (outer, 0) : NULL;
        g_variant_unref (outer);
    }
    return inner;
}

static GVariant *
unwrapped_child (GVariant *value, gsize i)
{
    g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

    return unwrap (child);
}

static bool
is_text (GVariant *value)
{
    return g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)
           || g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)
           || g_variant_is_of_type (value, G_VARIANT_TYPE_SIGNATURE);
}

static bool
is_dict (GVariant *value)
{
    return g_variant_is_of_type (value, G_VARIANT_TYPE ("a{?*}"));
}

static bool
is_number (GVariant *value)
{
    return strchr ("ynqiuxtdhy", g_variant_get_type_string (value)[0]) != NULL;
}

static void
append_double (GString *out, double number, const char *format)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append (out, g_ascii_formatd (text, sizeof text, format, number));
}

/* Appends a number that is no double. */
static void
append_integer (GString *out, GVariant *value)
{
    switch (g_variant_get_type_string (value)[0]) {
    case 'y':
        g_string_append_printf (out, "%u", g_variant_get_byte (value));
        break;
    case 'n':
        g_string_append_printf (out, "%d", g_variant_get_int16 (value));
        break;
    case 'q':
        g_string_append_printf (out, "%u", g_variant_get_uint16 (value));
        break;
    case 'i':
        g_string_append_printf (out, "%d", g_variant_get_int32 (value));
        break;
    case 'h':
        g_string_append_printf (out, "%d", g_variant_get_handle (value));
        break;
    case 'u':
        g_string_append_printf (out, "%u", g_variant_get_uint32 (value));
        break;
    case 'x':
        g_string_append_printf (out, "%" G_GINT64_FORMAT, g_variant_get_int64 (value));
        break;
    default:
        g_string_append_printf (out, "%" G_GUINT64_FORMAT, g_variant_get_uint64 (value));
    }
}

/* JSON knows no infinity and no NaN (RFC 8259 6). */
static void
append_json_double (GString *out, double number)
{
    gsize start = out->len;

    if (!isfinite (number)) {
        g_string_append (out, "null");
        return;
    }
    append_double (out, number, "%.15g");
    if (g_ascii_strtod (out->str + start, NULL) != number) {
        g_string_truncate (out, start);
        append_double (out, number, "%.17g");
    }
    /* A reader must see that it is no integer. */
    if (out->str[start + strspn (out->str + start, "-0123456789")] == '\0') {
        g_string_append (out, ".0");
    }
}

static void append_json (GString *out, GVariant *value);

static void
append_json_member (GString *out, GVariant *entry)
{
    g_autoptr (GVariant) name = unwrapped_child (entry, 0);
    g_autoptr (GVariant) value = g_variant_get_child_value (entry, 1);

    if (is_text (name)) {
        append_json (out, name);
    } else {
        g_autofree char *text = g_variant_print (name, FALSE);
        td_json_append_text (out, text);
    }
    g_string_append_c (out, ':');
    append_json (out, value);
}

static void
append_json_container (GString *out, GVariant *container)
{
    bool is_object = is_dict (container);

    g_string_append_c (out, is_object ? '{' : '[');
    for (gsize i = 0; i < g_variant_n_children (container); i++) {
        g_autoptr (GVariant) child = g_variant_get_child_value (container, i);
        if (i > 0) {
            g_string_append_c (out, ',');
        }
        if (is_object) {
            append_json_member (out, child);
        } else {
            append_json (out, child);
        }
    }
    g_string_append_c (out, is_object ? '}' : ']');
}

static void
append_json (GString *out, GVariant *value)
{
    g_autoptr (GVariant) inner = unwrap (value);

    if (inner == NULL) {
        g_string_append (out, "null");
    } else if (is_text (inner)) {
        td_json_append_text (out, g_variant_get_string (inner, NULL));
    } else if (g_variant_is_of_type (inner, G_VARIANT_TYPE_BOOLEAN)) {
        g_string_append (out, g_variant_get_boolean (inner) ? "true" : "false");
    } else if (g_variant_is_of_type (inner, G_VARIANT_TYPE_DOUBLE)) {
        append_json_double (out, g_variant_get_double (inner));
    } else if (is_number (inner)) {
        append_integer (out, inner);
    } else {
        append_json_container (out, inner);
    }
}

char *
td_result_to_json (GVariant *result)
{
    g_autoptr (GString) out = g_string_new (NULL);

    append_json (out, result);
    return g_string_free (g_steal_pointer (&out), FALSE);
}

/* Appends TEXT for a terminal: nothing hidden, and a backslash, of which ladders are drawn, as
 * itself. */
static void
append_shown (GString *out, const char *text, size_t len_bytes)
{
    const char *end = text + len_bytes, *backslash;

    while ((backslash = memchr (text, '\\', (size_t) (end - text))) != NULL) {
        td_text_append_visible (out, text, backslash - text);
        g_string_append_c (out, '\\');
        text = backslash + 1;
    }
    td_text_append_visible (out, text, end - text);
}

static void
strip_blanks (GString *out)
{
    while (out->len > 0 && out->str[out->len - 1] == ' ') {
        g_string_truncate (out, out->len - 1);
    }
}

/* Appends TEXT line by line, each behind INDENT spaces. */
static void
append_lines (GString *out, const char *text, unsigned indent)
{
    while (*text != '\0') {
        size_t len = strcspn (text, "\n");
        g_string_append_printf (out, "%*s", (int) indent, "");
        append_shown (out, text, len);
        strip_blanks (out);
        g_string_append_c (out, '\n');
        text += len + (text[len] == '\n');
    }
}

/* How many columns of a terminal TEXT takes. */
static unsigned
width_of (const char *text)
{
    unsigned width = 0;

    for (; *text != '\0'; text = g_utf8_next_char (text)) {
        gunichar c = g_utf8_get_char (text);
        width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
    }
    return width;
}

static void append_cell (GString *out, GVariant *value);

/* "name=value name=value", or "value, value". */
static void
append_cell_container (GString *out, GVariant *container)
{
    bool is_named = is_dict (container);

    for (gsize i = 0; i < g_variant_n_children (container); i++) {
        g_autoptr (GVariant) child = g_variant_get_child_value (container, i);
        if (i > 0) {
            g_string_append (out, is_named ? " " : ", ");
        }
        if (is_named) {
            g_autoptr (GVariant) name = g_variant_get_child_value (child, 0);
            g_autoptr (GVariant) value = g_variant_get_child_value (child, 1);
            append_cell (out, name);
            g_string_append_c (out, '=');
            append_cell (out, value);
        } else {
            append_cell (out, child);
        }
    }
}

/* Appends VALUE on one line. */
static void
append_cell (GString *out, GVariant *value)
{
    g_autoptr (GVariant) inner = unwrap (value);
    gsize start = out->len;

    if (inner != NULL && is_text (inner)) {
        const char *text = g_variant_get_string (inner, NULL);
        append_shown (out, text, strlen (text));
    } else if (inner != NULL && g_variant_is_of_type (inner, G_VARIANT_TYPE_BOOLEAN)) {
        g_string_append (out, g_variant_get_boolean (inner) ? "yes" : "no");
    } else if (inner != NULL && g_variant_is_of_type (inner, G_VARIANT_TYPE_DOUBLE)) {
        append_double (out, g_variant_get_double (inner), "%.6g");
    } else if (inner != NULL && is_number (inner)) {
        append_integer (out, inner);
    } else if (inner != NULL) {
        append_cell_container (out, inner);
    }
    if (out->len == start) {
        g_string_append_c (out, '-');
    }
}

/* A table: the names of its columns, in the order they were first seen, and the cells as text. */
typedef struct {
    GPtrArray *names;
    GPtrArray *rows;   /* of GPtrArray of nullable text, in the order of NAMES */
    GArray *widths;    /* unsigned */
    GArray *are_right; /* bool: only numbers are in the column */
} Table;

static unsigned
column_of (Table *table, const char *name)
{
    unsigned column, width = width_of (name);
    bool is_right = true;

    if (g_ptr_array_find_with_equal_func (table->names, name, g_str_equal, &column)) {
        return column;
    }
    g_ptr_array_add (table->names, g_strdup (name));
    g_array_append_val (table->widths, width);
    g_array_append_val (table->are_right, is_right);
    return table->names->len - 1;
}

static void
set_cell (Table *table, GPtrArray *row, GVariant *entry)
{
    g_autoptr (GVariant) name = g_variant_get_child_value (entry, 0);
    g_autoptr (GVariant) value = unwrapped_child (entry, 1);
    g_autoptr (GString) shown_name = g_string_new (NULL);
    g_autoptr (GString) cell = g_string_new (NULL);

    append_cell (shown_name, name);
    unsigned column = column_of (table, shown_name->str);
    if (row->len <= column) {
        g_ptr_array_set_size (row, (int) column + 1);
    }
    if (value != NULL) {
        append_cell (cell, value);
        g_array_index (table->are_right, bool, column) &= is_number (value);
    } else {
        g_string_append_c (cell, '-');
    }
    unsigned *width = &g_array_index (table->widths, unsigned, column);
    *width = MAX (*width, width_of (cell->str));
    g_free (row->pdata[column]);
    row->pdata[column] = g_string_free (g_steal_pointer (&cell), FALSE);
}

static void
append_row (GString *out, const Table *table, const GPtrArray *row, unsigned indent)
{
    g_string_append_printf (out, "%*s", (int) indent, "");
    for (unsigned i = 0; i < table->names->len; i++) {
        const char *cell = i < row->len && row->pdata[i] != NULL ? row->pdata[i] : "-";
        int padding = (int) (g_array_index (table->widths, unsigned, i) - width_of (cell));
        bool is_right = g_array_index (table->are_right, bool, i);
        g_string_append_printf (out, "%*s%s%*s%s", is_right ? padding : 0, "", cell,
                                is_right ? 0 : padding, "", i + 1 < table->names->len ? "  " : "");
    }
    strip_blanks (out);
    g_string_append_c (out, '\n');
}

static void
free_row (void *row)
{
    g_ptr_array_unref (row);
}

static void
append_table (GString *out, GVariant *array, unsigned indent)
{
    Table table = { .names = g_ptr_array_new_with_free_func (g_free),
                    .rows = g_ptr_array_new_with_free_func (free_row),
                    .widths = g_array_new (FALSE, FALSE, sizeof (unsigned)),
                    .are_right = g_array_new (FALSE, FALSE, sizeof (bool)) };

    for (gsize i = 0; i < g_variant_n_children (array); i++) {
        g_autoptr (GVariant) dict = unwrapped_child (array, i);
        GPtrArray *row = g_ptr_array_new_with_free_func (g_free);
        g_ptr_array_add (table.rows, row);
        for (gsize j = 0; j < g_variant_n_children (dict); j++) {
            g_autoptr (GVariant) entry = g_variant_get_child_value (dict, j);
            set_cell (&table, row, entry);
        }
    }
    append_row (out, &table, table.names, indent);
    for (unsigned i = 0; i < table.rows->len; i++) {
        append_row (out, &table, table.rows->pdata[i], indent);
    }
    g_ptr_array_unref (table.names);
    g_ptr_array_unref (table.rows);
    g_array_unref (table.widths);
    g_array_unref (table.are_right);
}

/* Whether VALUE is a list, not empty, of dictionaries alone. */
static bool
is_table (GVariant *value)
{
    if (!g_variant_is_of_type (value, G_VARIANT_TYPE_ARRAY) || is_dict (value)
        || g_variant_n_children (value) == 0) {
        return false;
    }
    for (gsize i = 0; i < g_variant_n_children (value); i++) {
        g_autoptr (GVariant) child = unwrapped_child (value, i);
        if (child == NULL || !is_dict (child)) {
            return false;
        }
    }
    return true;
}

/* Whether VALUE needs lines of its own. */
static bool
is_tall (GVariant *value)
{
    return value != NULL
           && (is_table (value) || (is_dict (value) && g_variant_n_children (value) > 0)
               || (is_text (value) && strchr (g_variant_get_string (value, NULL), '\n') != NULL));
}

/* How much of TEXT, which ends a line, fits into WIDTH columns, cut at a blank that is not between
 * brackets: "[--at AT]" stays whole. A word that does not fit stands out. */
static size_t
fitting (const char *text, unsigned width)
{
    unsigned taken = 0, depth = 0;
    size_t cut = 0;

    for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
        gunichar c = g_utf8_get_char (at);
        depth += c == '[' ? 1u : c == ']' && depth > 0 ? -1u : 0u;
        if (c == ' ' && depth == 0) {
            if (taken > width && cut > 0) {
                return cut;
            }
            cut = (size_t) (at - text);
        }
        taken += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
    }
    return taken > width && cut > 0 ? cut : strlen (text);
}

enum { TERMINAL_WIDTH = 80, MIN_TEXT_WIDTH = 20 };

/* Appends TEXT, whose first line begins in COLUMN, and each further one there, too. */
static void
append_wrapped (GString *out, const char *text, unsigned column)
{
    unsigned width = TERMINAL_WIDTH - MIN (column, TERMINAL_WIDTH - MIN_TEXT_WIDTH);

    for (;;) {
        size_t len = fitting (text, width);
        append_shown (out, text, len);
        text += len + strspn (text + len, " ");
        if (*text == '\0') {
            return;
        }
        g_string_append_printf (out, "\n%*s", (int) column, "");
    }
}

static void append_text (GString *out, GVariant *value, unsigned indent);

/* Appends "name:" and the value: behind it, WIDTH columns to the right, or under it. */
static void
append_entry (GString *out, GVariant *entry, unsigned width, unsigned indent)
{
    g_autoptr (GVariant) name = g_variant_get_child_value (entry, 0);
    g_autoptr (GVariant) value = unwrapped_child (entry, 1);
    g_autoptr (GString) shown_name = g_string_new (NULL);

    append_cell (shown_name, name);
    g_string_append_printf (out, "%*s%s:", (int) indent, "", shown_name->str);
    if (is_tall (value)) {
        g_string_append_c (out, '\n');
        append_text (out, value, indent + 2);
        return;
    }
    g_string_append_printf (out, "%*s", (int) (width - width_of (shown_name->str)) + 1, "");
    if (value != NULL && is_text (value) && g_variant_get_size (value) > 1) {
        append_wrapped (out, g_variant_get_string (value, NULL), indent + width + 2);
    } else if (value != NULL) {
        append_cell (out, value);
    } else {
        g_string_append_c (out, '-');
    }
    strip_blanks (out);
    g_string_append_c (out, '\n');
}

static void
append_block (GString *out, GVariant *dict, unsigned indent)
{
    unsigned width = 0;

    for (gsize i = 0; i < g_variant_n_children (dict); i++) {
        g_autoptr (GVariant) entry = g_variant_get_child_value (dict, i);
        g_autoptr (GVariant) name = g_variant_get_child_value (entry, 0);
        g_autoptr (GVariant) value = unwrapped_child (entry, 1);
        g_autoptr (GString) shown_name = g_string_new (NULL);
        append_cell (shown_name, name);
        width = is_tall (value) ? width : MAX (width, width_of (shown_name->str));
    }
    for (gsize i = 0; i < g_variant_n_children (dict); i++) {
        g_autoptr (GVariant) entry = g_variant_get_child_value (dict, i);
        append_entry (out, entry, width, indent);
    }
}

/* Appends VALUE as whole lines. */
static void
append_text (GString *out, GVariant *value, unsigned indent)
{
    g_autoptr (GString) cell = g_string_new (NULL);

    if (is_table (value)) {
        append_table (out, value, indent);
    } else if (is_dict (value) && g_variant_n_children (value) > 0) {
        append_block (out, value, indent);
    } else if (is_text (value)) {
        append_lines (out, g_variant_get_string (value, NULL), indent);
    } else if (g_variant_is_container (value) && g_variant_n_children (value) == 0) {
        g_string_append_printf (out, "%*snone\n", (int) indent, "");
    } else {
        append_cell (cell, value);
        g_string_append_printf (out, "%*s%s\n", (int) indent, "", cell->str);
    }
}

char *
td_result_to_text (GVariant *result)
{
    g_autoptr (GString) out = g_string_new (NULL);
    g_autoptr (GVariant) inner = unwrap (result);

    if (inner != NULL) {
        append_text (out, inner, 0);
    }
    return g_string_free (g_steal_pointer (&out), FALSE);
}
