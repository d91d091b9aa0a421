/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results read well on a terminal and exactly in JSON. */

#include "operate/command.h"

#include <math.h>

static GVariant *
parse (const char *text)
{
    g_autoptr (GError) error = NULL;
    GVariant *value = g_variant_parse (NULL, text, NULL, NULL, &error);

    g_assert_no_error (error);
    return value;
}

static void
check_json (const char *value_text, const char *expected)
{
    g_autoptr (GVariant) value = parse (value_text);
    g_autofree char *json = td_result_to_json (value);

    g_assert_cmpstr (json, ==, expected);
}

static void
check_text (const char *value_text, const char *expected)
{
    g_autoptr (GVariant) value = parse (value_text);
    g_autofree char *text = td_result_to_text (value);

    g_assert_cmpstr (text, ==, expected);
}

static void
test_json_of_types (void)
{
    check_json ("@a{sv} {}", "{}");
    check_json ("@aa{sv} []", "[]");
    check_json ("{'a': <1>, 'b': <[1.5, 2]>, 'c': <{'d': <true>}>}",
                "{\"a\":1,\"b\":[1.5,2.0],\"c\":{\"d\":true}}");
    check_json ("[byte 255, 0]", "[255,0]");
    check_json ("(int16 -1, uint16 1, int64 -9223372036854775808, uint64 18446744073709551615)",
                "[-1,1,-9223372036854775808,18446744073709551615]");
    check_json ("@ms nothing", "null");
    check_json ("@ms 'x'", "\"x\"");
    check_json ("'say \"no\"\\n'", "\"say \\\"no\\\"\\n\"");
    check_json ("{uint32 5: 'five'}", "{\"5\":\"five\"}");
    check_json ("0.1", "0.1");
    check_json ("1e300", "1e+300");
    check_json ("0.30000000000000004", "0.30000000000000004");
}

static void
test_json_has_no_infinity (void)
{
    g_autoptr (GVariant) endless = g_variant_ref_sink (g_variant_new_double (INFINITY));
    g_autofree char *json = td_result_to_json (endless);

    g_assert_cmpstr (json, ==, "null");
}

static void
test_json_there_and_back (void)
{
    static const char *const texts[] = {
        "{'a': <int64 1>, 'b': <1.0>, 'c': <['x', 'y']>, 'd': <[{'e': <false>}]>}",
        "[{'a': <uint64 18446744073709551615>}]",
        "'\\u0001\\u009b \xc3\xbc \\U0001f600 \\U000e0001'",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (texts); i++) {
        g_autoptr (GVariant) value = parse (texts[i]);
        g_autofree char *json = td_result_to_json (value);
        g_autoptr (GError) error = NULL;
        g_autoptr (GVariant) back = td_result_from_json (json, strlen (json), &error);
        g_assert_no_error (error);
        g_assert_true (g_variant_equal (value, back));
    }
}

static void
test_table (void)
{
    check_text ("[{'id': <'1f3'>, 'seconds': <7>, 'up': <true>},"
                " {'id': <'1f4-longer'>, 'seconds': <1234>},"
                " {'id': <''>, 'seconds': <-1>, 'late': <1.25>}]",
                "id          seconds  up   late\n"
                "1f3               7  yes     -\n"
                "1f4-longer     1234  -       -\n"
                "-                -1  -    1.25\n");
}

static void
test_table_has_no_trailing_blanks (void)
{
    check_text ("[{'a': <'long long'>, 'note': <' '>}, {'a': <'b'>, 'note': <'x'>}]",
                "a          note\nlong long\nb          x\n");
}

static void
test_wide_characters_align (void)
{
    check_text (
        "[{'n': <'\xe9\x9b\xbb\xe8\xa9\xb1'>, 'x': <'1'>}, {'n': <'e\xcc\x81'>, 'x': <'2'>}]",
        "n     x\n\xe9\x9b\xbb\xe8\xa9\xb1  1\ne\xcc\x81     2\n");
}

static void
test_block (void)
{
    check_text ("{'name': <'sip'>, 'generation': <2>, 'provides': <['endpoint.sip', 'x']>,"
                " 'needs': <@as []>, 'is_busy': <false>, 'nothing': <@mv nothing>}",
                "name:       sip\ngeneration: 2\nprovides:   endpoint.sip, x\nneeds:      -\n"
                "is_busy:    no\nnothing:    -\n");
}

static void
test_nested (void)
{
    check_text ("{'call': <'1f3'>, 'legs': <[{'leg': <'a'>, 'n': <1>}, {'leg': <'b'>, 'n': <2>}]>,"
                " 'media': <{'codec': <'PCMA'>, 'loss': <0.5>}>, 'ladder': <'A\\n \\\\-> B  \\n'>}",
                "call: 1f3\nlegs:\n  leg  n\n  a    1\n  b    2\nmedia:\n  codec: PCMA\n"
                "  loss:  0.5\nladder:\n  A\n   \\-> B\n");
}

static void
test_dictionary_in_a_cell (void)
{
    check_text ("[{'a': <{'x': <1>, 'y': <'z'>}>, 'b': <[1, 2]>}]", "a        b\nx=1 y=z  1, 2\n");
}

static void
test_plain_values (void)
{
    check_text ("@aa{sv} []", "none\n");
    check_text ("@a{sv} {}", "none\n");
    check_text ("'one line'", "one line\n");
    check_text ("'two\\nlines\\n'", "two\nlines\n");
    check_text ("5", "5\n");
    check_text ("@ms nothing", "");
}

static void
test_nothing_steers_the_terminal (void)
{
    check_text ("'\\u001b[2J\\u009b\\n\\u202e'", "\\x1b[2J\\u{009b}\n\\u{202e}\n");
    check_text ("[{'\\u001b': <'a\\nb\\r'>}]", "\\x1b\na\\nb\\r\n");
    check_text ("{'\\u001b': <'\\u0007'>}", "\\x1b: \\x07\n");
}

/* What is longer than a line goes on under itself; what belongs together stays so. */
static void
test_long_text_is_wrapped (void)
{
    check_text ("{'usage': <'set KIND [--trunk TRUNK] [--percent PERCENT] [--traffic TRAFFIC] "
                "[--gap GAP] [--from FROM]'>, 'help': <'Sets it'>}",
                "usage: set KIND [--trunk TRUNK] [--percent PERCENT] [--traffic TRAFFIC]\n"
                "       [--gap GAP] [--from FROM]\n"
                "help:  Sets it\n");
}

/* Eighty columns with one blank more: nothing is left over for another line. */
static void
test_text_that_just_fits (void)
{
    g_autofree char *word = g_strnfill (80 - strlen ("a: b "), 'x');
    g_autofree char *value = g_strdup_printf ("{'a': <'b %s '>}", word);
    g_autofree char *expected = g_strdup_printf ("a: b %s\n", word);

    check_text (value, expected);
}

static void
test_word_that_does_not_fit (void)
{
    g_autofree char *word = g_strnfill (100, 'x');
    g_autofree char *value = g_strdup_printf ("{'a': <'b %s c'>}", word);
    g_autofree char *expected = g_strdup_printf ("a: b\n   %s\n   c\n", word);

    check_text (value, expected);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/operate/result/json-of-types", test_json_of_types);
    g_test_add_func ("/operate/result/json-has-no-infinity", test_json_has_no_infinity);
    g_test_add_func ("/operate/result/json-there-and-back", test_json_there_and_back);
    g_test_add_func ("/operate/result/table", test_table);
    g_test_add_func ("/operate/result/no-trailing-blanks", test_table_has_no_trailing_blanks);
    g_test_add_func ("/operate/result/wide-characters-align", test_wide_characters_align);
    g_test_add_func ("/operate/result/block", test_block);
    g_test_add_func ("/operate/result/wrapped", test_long_text_is_wrapped);
    g_test_add_func ("/operate/result/wrapped/fits", test_text_that_just_fits);
    g_test_add_func ("/operate/result/wrapped/long-word", test_word_that_does_not_fit);
    g_test_add_func ("/operate/result/nested", test_nested);
    g_test_add_func ("/operate/result/dictionary-in-a-cell", test_dictionary_in_a_cell);
    g_test_add_func ("/operate/result/plain-values", test_plain_values);
    g_test_add_func ("/operate/result/nothing-steers-the-terminal",
                     test_nothing_steers_the_terminal);
    return g_test_run ();
}
