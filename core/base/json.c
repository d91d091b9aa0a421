/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place that knows how a text is written in JSON (RFC 8259 7). */

#include "base/json.h"

#include "base/text.h"

#include <string.h>

static void
append_escaped (GString *json, unsigned char c)
{
    static const char *const short_forms[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n",  ['\f'] = "\\f",
        ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
    };

    if (c < G_N_ELEMENTS (short_forms) && short_forms[c] != NULL) {
        g_string_append (json, short_forms[c]);
    } else {
        g_string_append_printf (json, "\\u%04x", c);
    }
}

static bool
is_plain (unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Appends C, by its number in UTF-16 where it could steer a terminal. */
static void
append_wide (GString *json, gunichar c)
{
    if (!td_text_is_hidden (c)) {
        g_string_append_unichar (json, c);
    } else if (c < 0x10000) {
        g_string_append_printf (json, "\\u%04x", (unsigned) c);
    } else {
        g_string_append_printf (json, "\\u%04x\\u%04x", (unsigned) (0xd800 + ((c - 0x10000) >> 10)),
                                (unsigned) (0xdc00 + ((c - 0x10000) & 0x3ff)));
    }
}

/* Appends what is not plain, one character of it, and returns what follows. */
static const char *
append_special (GString *json, const char *value, const char *end)
{
    if ((unsigned char) *value < 0x80) {
        append_escaped (json, (unsigned char) *value);
        return value + 1;
    }
    gunichar c = g_utf8_get_char_validated (value, end - value);
    if (c == (gunichar) -1 || c == (gunichar) -2) {
        g_string_append (json, "\xef\xbf\xbd");
        return value + 1;
    }
    append_wide (json, c);
    return g_utf8_next_char (value);
}

void
td_json_append_text (GString *json, const char *value)
{
    if (value == NULL) {
        g_string_append (json, "null");
        return;
    }
    const char *end = value + strlen (value);
    g_string_append_c (json, '"');
    while (value < end) {
        const char *plain = value;
        while (value < end && is_plain ((unsigned char) *value)) {
            value++;
        }
        g_string_append_len (json, plain, value - plain);
        if (value < end) {
            value = append_special (json, value, end);
        }
    }
    g_string_append_c (json, '"');
}

void
td_json_append_name (GString *json, const char *name, bool *is_first)
{
    if (!*is_first) {
        g_string_append_c (json, ',');
    }
    *is_first = false;
    td_json_append_text (json, name);
    g_string_append_c (json, ':');
}
