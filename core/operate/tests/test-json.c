/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON that is read means what it says, and what is no JSON is refused with its place. */

#include "operate/command.h"

static GVariant *
read_text (const char *json, GError **error)
{
    return td_result_from_json (json, strlen (json), error);
}

static void
test_values (void)
{
    static const struct {
        const char *json, *printed;
    } pairs[] = {
        { "{}", "@a{sv} {}" },
        { " { \"a\" : 1 , \"b\" : [ ] } ", "{'a': <int64 1>, 'b': <@av []>}" },
        { "[{\"a\":true},{}]", "[{'a': <true>}, {}]" },
        { "[\"x\",\"y\"]", "['x', 'y']" },
        { "[1,\"x\",[null]]", "[<int64 1>, <'x'>, <[<@mv nothing>]>]" },
        { "-0", "int64 0" },
        { "9223372036854775807", "int64 9223372036854775807" },
        { "9223372036854775808", "uint64 9223372036854775808" },
        { "18446744073709551616", "1.8446744073709552e+19" },
        { "-9223372036854775809", "-9.2233720368547758e+18" },
        { "1.5e3", "1500.0" },
        { "\"\\u00fc\\ud83d\\ude00\\n\\/\"", "'\xc3\xbc\xf0\x9f\x98\x80\\n/'" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) value = read_text (pairs[i].json, &error);
        g_assert_no_error (error);
        g_autofree char *printed = g_variant_print (value, TRUE);
        g_assert_cmpstr (printed, ==, pairs[i].printed);
    }
}

static void
test_refused_with_place (void)
{
    static const struct {
        const char *json, *message;
    } pairs[] = {
        { "", "JSON, byte 0: no value that JSON knows" },
        { "nul", "JSON, byte 0: no value that JSON knows" },
        { "{\"a\" 1}", "JSON, byte 5: no colon behind a member's name" },
        { "{\"a\":1,}", "JSON, byte 7: a member without its name in quotes" },
        { "{a:1}", "JSON, byte 1: a member without its name in quotes" },
        { "{\"a\":1", "JSON, byte 6: an object without its end" },
        { "[1,]", "JSON, byte 3: no value that JSON knows" },
        { "[1 2]", "JSON, byte 3: an array without its end" },
        { "1 2", "JSON, byte 2: more behind the value" },
        { "01", "JSON, byte 1: more behind the value" },
        { "1.", "JSON, byte 2: no value that JSON knows" },
        { "+1", "JSON, byte 0: no value that JSON knows" },
        { "NaN", "JSON, byte 0: no value that JSON knows" },
        { "\"abc", "JSON, byte 4: a text without its end" },
        { "\"a\nb\"", "JSON, byte 3: a control character inside a text" },
        { "\"\\x\"", "JSON, byte 3: an escape that JSON does not know" },
        { "\"\\u12\"", "JSON, byte 5: \\u without four hexadecimal digits" },
        { "\"\\u0000\"", "JSON, byte 7: a NUL inside a text" },
        { "\"\\ud800\"", "JSON, byte 7: \\u and half a character without its other half" },
        { "\"\\udc00\"", "JSON, byte 7: \\u and half a character without its other half" },
        { "\"\\ud800\\u0041\"", "JSON, byte 13: \\u and half a character without its other half" },
        { "\"\xff\"", "JSON, byte 3: a text that is not UTF-8" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        g_autoptr (GError) error = NULL;
        g_assert_null (read_text (pairs[i].json, &error));
        g_assert_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_JSON);
        g_assert_cmpstr (error->message, ==, pairs[i].message);
    }
}

static void
test_depth_has_an_end (void)
{
    g_autoptr (GString) deep = g_string_new (NULL);
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < 31; i++) {
        g_string_append_c (deep, '[');
    }
    g_autofree char *closing = g_strnfill (31, ']');
    g_autofree char *fits = g_strconcat (deep->str, "1", closing, NULL);
    g_autoptr (GVariant) value = read_text (fits, &error);
    g_assert_no_error (error);
    g_assert_nonnull (value);
    g_autofree char *endless = g_strnfill (1000000, '[');
    g_assert_null (read_text (endless, &error));
    g_assert_cmpstr (error->message, ==, "JSON, byte 32: nested too deeply");
}

/* Every beginning of a message, and every message with one byte changed, is read or refused. */
static void
test_mutilated_never_crashes (void)
{
    static const char json[] = "{\"words\":[\"call\",\"list\"],\"id\":-1.5e7,\"x\":[null,true,{}],"
                               "\"u\":\"\\u00e4\\ud83d\\ude00\"}";
    unsigned n_refused = 0;

    for (size_t len = 0; len < sizeof json - 1; len++) {
        g_autofree char *part = g_memdup2 (json, len + 1);
        g_autoptr (GError) error = NULL;
        g_assert_null (td_result_from_json (part, len, &error));
        g_assert_error (error, TD_OPERATE_ERROR, TD_OPERATE_ERROR_JSON);
    }
    for (size_t at = 0; at < sizeof json - 1; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            g_autofree char *changed = g_memdup2 (json, sizeof json - 1);
            g_autoptr (GError) error = NULL;
            changed[at] = (char) byte;
            g_autoptr (GVariant) value = td_result_from_json (changed, sizeof json - 1, &error);
            g_assert_true ((value == NULL) == (error != NULL));
            n_refused += value == NULL;
        }
    }
    g_assert_cmpuint (n_refused, >, 1000);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/operate/json/values", test_values);
    g_test_add_func ("/operate/json/refused-with-place", test_refused_with_place);
    g_test_add_func ("/operate/json/depth-has-an-end", test_depth_has_an_end);
    g_test_add_func ("/operate/json/mutilated-never-crashes", test_mutilated_never_crashes);
    return g_test_run ();
}
