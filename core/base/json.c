/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place that knows how a text is written in JSON (RFC 8259 7). */

#include "base/json.h"

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
    return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

static void
append_valid (GString *json, const char *value, size_t len_bytes)
{
    const char *end = value + len_bytes;

    while (value < end) {
        const char *plain = value;
        while (value < end && is_plain ((unsigned char) *value)) {
            value++;
        }
        g_string_append_len (json, plain, value - plain);
        if (value < end) {
            append_escaped (json, (unsigned char) *value++);
        }
    }
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
        const char *bad;
        g_utf8_validate_len (value, end - value, &bad);
        append_valid (json, value, bad - value);
        value = bad;
        if (value < end) {
            g_string_append (json, "\xef\xbf\xbd");
            value++;
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
