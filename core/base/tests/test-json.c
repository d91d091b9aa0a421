/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts in JSON mean what they were and cannot end their string. */

#include "base/json.h"

typedef struct {
    const char *text, *expected;
} Pair;

static void
test_text (void)
{
    static const Pair pairs[] = {
        { "", "\"\"" },
        { "a\"b\\c/d", "\"a\\\"b\\\\c/d\"" },
        { "\b\t\n\v\f\r", "\"\\b\\t\\n\\u000b\\f\\r\"" },
        { "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
        { "\xc3\xbc\xf0\x9f\x93\x9e", "\"\xc3\xbc\xf0\x9f\x93\x9e\"" },
        { "\xff", "\"\xef\xbf\xbd\"" },
        { "\xc2\x9b", "\"\\u009b\"" },
        { "\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"" }, /* a format character beyond 16 bits */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        g_autoptr (GString) out = g_string_new (NULL);
        td_json_append_text (out, pairs[i].text);
        g_assert_cmpstr (out->str, ==, pairs[i].expected);
    }
}

static void
test_names_and_commas (void)
{
    g_autoptr (GString) json = g_string_new ("{");
    bool is_first = true;

    td_json_append_name (json, "a", &is_first);
    td_json_append_text (json, NULL);
    td_json_append_name (json, "b\"", &is_first);
    g_assert_cmpstr (json->str, ==, "{\"a\":null,\"b\\\"\":");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/json/text", test_text);
    g_test_add_func ("/base/json/names-and-commas", test_names_and_commas);
    return g_test_run ();
}
