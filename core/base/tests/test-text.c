/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a peer wrote stays on its line and says what it is. */

#include "base/text.h"

typedef struct {
    const char *text, *expected;
} Pair;

static void
test_visible (void)
{
    static const Pair pairs[] = {
        { "", "" },
        { "plain text", "plain text" },
        { "two\nlines\r\n", "two\\nlines\\r\\n" },
        { "tab\tback\\slash", "tab\\tback\\\\slash" },
        { "\x1b[31mred\x7f", "\\x1b[31mred\\x7f" },
        { "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
        { "\xff\xc3", "\\xff\\xc3" },
        { "csi \xc2\x9b", "csi \\u{009b}" },           /* a control character of 8 bits */
        { "\xe2\x80\xaegnp.exe", "\\u{202e}gnp.exe" }, /* right to left from here */
        { "line\xe2\x80\xa8separator", "line\\u{2028}separator" },
        { "\xc0\xaf", "\\xc0\\xaf" }, /* an overlong slash */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        g_autoptr (GString) out = g_string_new (NULL);
        td_text_append_visible (out, pairs[i].text, -1);
        g_assert_cmpstr (out->str, ==, pairs[i].expected);
    }
}

static void
test_visible_takes_nul_by_length (void)
{
    g_autoptr (GString) out = g_string_new (NULL);

    td_text_append_visible (out, "a\0b\xc3\xbc", 4);
    g_assert_cmpstr (out->str, ==, "a\\x00b\\xc3");
}

static void
test_value_is_quoted_when_it_must_be (void)
{
    static const Pair pairs[] = {
        { "198.51.100.7:5060", "198.51.100.7:5060" },
        { "", "\"\"" },
        { "two words", "\"two words\"" },
        { "a=b", "\"a=b\"" },
        { "say \"no\"", "\"say \\\"no\\\"\"" },
        { "end\\", "\"end\\\\\"" },
        { "x\ny=1", "\"x\\ny=1\"" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (pairs); i++) {
        g_autoptr (GString) out = g_string_new (NULL);
        td_text_append_value (out, pairs[i].text);
        g_assert_cmpstr (out->str, ==, pairs[i].expected);
    }
}

static void
test_distance (void)
{
    g_assert_cmpuint (td_text_distance ("", ""), ==, 0);
    g_assert_cmpuint (td_text_distance ("", "abc"), ==, 3);
    g_assert_cmpuint (td_text_distance ("abc", ""), ==, 3);
    g_assert_cmpuint (td_text_distance ("call list", "call lsit"), ==, 1);
    g_assert_cmpuint (td_text_distance ("kitten", "sitting"), ==, 3);
    g_assert_cmpuint (td_text_distance ("capacity", "capcity"), ==, 1);
}

static void
test_nearest (void)
{
    static const char *const names[] = { "address", "capacity", "trust", "ip" };

    g_assert_cmpstr (td_text_nearest ("capacty", names, 4), ==, "capacity");
    g_assert_cmpstr (td_text_nearest ("adress", names, 4), ==, "address");
    g_assert_cmpstr (td_text_nearest ("ipp", names, 4), ==, "ip");
    g_assert_null (td_text_nearest ("transport", names, 4));
    g_assert_null (td_text_nearest ("xy", names, 4));
    g_assert_null (td_text_nearest ("capacity", names, 0));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/text/visible", test_visible);
    g_test_add_func ("/base/text/visible-takes-nul-by-length", test_visible_takes_nul_by_length);
    g_test_add_func ("/base/text/value-is-quoted-when-it-must-be",
                     test_value_is_quoted_when_it_must_be);
    g_test_add_func ("/base/text/distance", test_distance);
    g_test_add_func ("/base/text/nearest", test_nearest);
    return g_test_run ();
}
