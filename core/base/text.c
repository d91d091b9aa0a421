/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts that others wrote, made safe for a line of the log and for a message. */

#include "base/text.h"

#include <string.h>

bool
td_text_is_hidden (gunichar c)
{
    switch (g_unichar_type (c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
        return true;
    default:
        return false;
    }
}

static void
append_ascii (GString *out, char c)
{
    switch (c) {
    case '\\':
        g_string_append (out, "\\\\");
        break;
    case '\n':
        g_string_append (out, "\\n");
        break;
    case '\r':
        g_string_append (out, "\\r");
        break;
    case '\t':
        g_string_append (out, "\\t");
        break;
    default:
        if (c >= ' ' && c < 0x7f) {
            g_string_append_c (out, c);
        } else {
            g_string_append_printf (out, "\\x%02x", (unsigned char) c);
        }
    }
}

/* Appends the first character of TEXT and returns what follows it. */
static const char *
append_wide (GString *out, const char *text, const char *end)
{
    gunichar c = g_utf8_get_char_validated (text, end - text);

    if (c == (gunichar) -1 || c == (gunichar) -2) {
        g_string_append_printf (out, "\\x%02x", (unsigned char) *text);
        return text + 1;
    }
    if (td_text_is_hidden (c)) {
        g_string_append_printf (out, "\\u{%04x}", (unsigned) c);
    } else {
        g_string_append_unichar (out, c);
    }
    return g_utf8_next_char (text);
}

void
td_text_append_visible (GString *out, const char *text, ssize_t len_bytes)
{
    const char *end = text + (len_bytes < 0 ? strlen (text) : (size_t) len_bytes);

    while (text < end) {
        if ((unsigned char) *text < 0x80) {
            append_ascii (out, *text++);
        } else {
            text = append_wide (out, text, end);
        }
    }
}

static bool
is_plain_word (const char *text)
{
    if (*text == '\0') {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text >= 0x7f || strchr ("\"\\=", *text) != NULL) {
            return false;
        }
    }
    return true;
}

void
td_text_append_value (GString *out, const char *text)
{
    if (is_plain_word (text)) {
        g_string_append (out, text);
        return;
    }
    g_string_append_c (out, '"');
    for (const char *quote; (quote = strchr (text, '"')) != NULL; text = quote + 1) {
        td_text_append_visible (out, text, quote - text);
        g_string_append (out, "\\\"");
    }
    td_text_append_visible (out, text, -1);
    g_string_append_c (out, '"');
}

/* Fills ROW, the distances of the first I characters of A to every beginning of B, from the two
 * rows before it. */
static void
fill_row (const char *a, const char *b, size_t i, const unsigned *before_last, const unsigned *last,
          unsigned *row)
{
    row[0] = i;
    for (size_t j = 1; b[j - 1] != '\0'; j++) {
        unsigned change = last[j - 1] + (a[i - 1] != b[j - 1]);
        row[j] = MIN (MIN (last[j], row[j - 1]) + 1, change);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
            row[j] = MIN (row[j], before_last[j - 2] + 1);
        }
    }
}

unsigned
td_text_distance (const char *a, const char *b)
{
    size_t len_a = strlen (a), n = strlen (b) + 1;
    g_autofree unsigned *rows = g_new0 (unsigned, 3 * n);

    for (size_t j = 0; j < n; j++) {
        rows[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        fill_row (a, b, i, rows + (i + 1) % 3 * n, rows + (i - 1) % 3 * n, rows + i % 3 * n);
    }
    return rows[len_a % 3 * n + n - 1];
}

const char *
td_text_nearest (const char *name, const char *const *names, size_t n_names)
{
    enum { LEN_MAX = 256 }; /* longer is no slip of the pen, and the cost is quadratic */
    const char *nearest = NULL;
    size_t len = strlen (name);
    unsigned best = len < 3 ? 1 : len < 6 ? 2 : 3;

    if (len > LEN_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < n_names; i++) {
        if (strlen (names[i]) > LEN_MAX) {
            continue;
        }
        unsigned distance = td_text_distance (name, names[i]);
        if (distance < best || (distance == best && nearest == NULL)) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
