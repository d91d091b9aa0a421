/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Patterns fit what they say, and nothing in them can take long. */

#include "pattern-index.h"

#include <string.h>
#include <tandem/base.h>

static Pattern
parse (const char *text)
{
    Pattern pattern = { .n_digits = 0 };
    g_autoptr (GError) error = NULL;

    pattern_parse (&pattern, text, &error);
    g_assert_no_error (error);
    return pattern;
}

static PatternFit
fit (const char *text, const char *number)
{
    Pattern pattern = parse (text);

    return pattern_fit (&pattern, number);
}

static void
test_digits (void)
{
    g_assert_cmpint (fit ("1NXX", "1234"), ==, PATTERN_FITS);
    g_assert_cmpint (fit ("1NXX", "1134"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("Z", "0"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("X", "*"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("*#aD", "*#Ad"), ==, PATTERN_FITS);
    g_assert_cmpint (fit ("X", "alice"), ==, PATTERN_MISSES);
}

static void
test_what_follows (void)
{
    g_assert_cmpint (fit ("49", "4989"), ==, PATTERN_FITS);
    g_assert_cmpint (fit ("49$", "4989"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("49$", "49"), ==, PATTERN_FITS);
    g_assert_cmpint (fit ("49XX", "498"), ==, PATTERN_WANTS_MORE);
    g_assert_cmpint (fit ("49XX", "4"), ==, PATTERN_WANTS_MORE);
}

static void
test_ranges (void)
{
    for (char c = '0'; c <= '9'; c++) {
        char number[] = { c, '\0' };
        bool is_in = (c >= '2' && c <= '5') || c == '7';
        g_assert_cmpint (fit ("[2-57]", number), ==, is_in ? PATTERN_FITS : PATTERN_MISSES);
    }
    g_assert_cmpint (fit ("[0-D]", "D"), ==, PATTERN_FITS);
}

static void
test_international (void)
{
    g_assert_cmpint (fit ("+49", "+4989"), ==, PATTERN_FITS);
    g_assert_cmpint (fit ("49", "+4989"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("+49", "4989"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("X", "+4989"), ==, PATTERN_MISSES);
    g_assert_cmpint (fit ("", "+4989"), ==, PATTERN_FITS);
    g_assert_cmpint (fit ("", ""), ==, PATTERN_FITS);
}

static void
check_group (const char *text, const char *number, unsigned group, const char *expected)
{
    Pattern pattern = parse (text);
    unsigned len;
    const char *found = pattern_group (&pattern, number, group, &len);
    g_autofree char *copy = g_strndup (found, len);

    g_assert_cmpstr (copy, ==, expected);
}

static void
test_groups (void)
{
    check_group ("0(ZX)(XNX)", "08912345", 1, "89");
    check_group ("0(ZX)(XNX)", "08912345", 2, "123");
    check_group ("0(ZX)(XNX)", "08912345", 0, "089123");
    check_group ("00(.)", "004989", 1, "4989");
    check_group ("+(49)", "+4989", 1, "49");
    check_group ("+(49)", "+4989", 0, "+49");
    check_group ("0.", "0123", 0, "0123");
    check_group ("0(.)", "0", 1, "");
}

static void
test_mistakes (void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "12x", "character 3" },
        { "1+", "character 2" },
        { "[", "character 2" },
        { "[5-2]", "character 4" },
        { "[]", "character 2" },
        { "[2-", "character 4" },
        { "(1", "character 3" },
        { "1)", "character 2" },
        { "((1))", "character 2" },
        { "1.2", "character 3" },
        { "$1", "character 2" },
        { "(1$)", "character 3" },
        { "(1)(2)(3)(4)(5)(6)(7)(8)(9)(0)", "nine groups" },
        { "123456789012345678901234567890123", "32 digits" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Pattern pattern;
        g_autoptr (GError) error = NULL;
        g_assert_false (pattern_parse (&pattern, cases[i].text, &error));
        g_assert_nonnull (strstr (error->message, cases[i].message));
    }
}

static void
test_covers (void)
{
    static const struct {
        const char *one, *other;
        bool covers, meets;
    } cases[] = {
        { "N", "2", true, true },     { "2", "N", false, true },  { "", "+49", true, false },
        { "4X", "49", true, true },   { "49", "4", false, true }, { "49$", "49", false, true },
        { "49", "49$", true, true },  { "3", "4", false, false }, { "+4", "4", false, false },
        { "4$", "49", false, false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        Pattern one = parse (cases[i].one), other = parse (cases[i].other);
        g_assert_true (pattern_covers (&one, &other) == cases[i].covers);
        g_assert_true (pattern_meets (&one, &other) == cases[i].meets);
        g_assert_true (pattern_meets (&other, &one) == cases[i].meets);
    }
}

/* --- The index --------------------------------------------------------------------------- */

static bool
write_value (uint32_t value, PatternFit how, void *data)
{
    g_string_append_printf (data, "%u%s ", value, how == PATTERN_FITS ? "" : "?");
    return false;
}

static void
check_index (const char *const *patterns, const char *number, const char *expected)
{
    g_autoptr (PatternIndex) index = pattern_index_new ();
    g_autoptr (GString) found = g_string_new (NULL);

    for (uint32_t i = 0; patterns[i] != NULL; i++) {
        Pattern pattern = parse (patterns[i]);
        pattern_index_add (index, &pattern, i);
    }
    pattern_index_end (index);
    pattern_index_each (index, number, write_value, found);
    g_assert_cmpstr (found->str, ==, expected);
}

static void
test_closest_first (void)
{
    check_index (TD_LIST ("NXX", "911", "N", "9", ""), "9115550", "1 3 0 2 4 ");
    check_index (TD_LIST ("01", "0", "011", "0NXX"), "0112", "2 0 1 ");
    check_index (TD_LIST ("0", "0NXX", "0XXX"), "0212", "1 2 0 ");
    check_index (TD_LIST ("X", "+", "", "+4"), "+49", "3 1 2 ");
    check_index (TD_LIST ("12", "12$", "12"), "12", "1 0 2 ");
    check_index (TD_LIST ("1XX", "12"), "12", "1 0? ");
    check_index (TD_LIST ("1"), "2", "");
    check_index (TD_LIST (NULL), "2", "");
}

static void
test_index_has_longer (void)
{
    g_autoptr (PatternIndex) index = pattern_index_new ();
    Pattern pattern = parse ("911");

    pattern_index_add (index, &pattern, 0);
    pattern_index_end (index);
    g_assert_true (pattern_index_has_longer (index, "91"));
    g_assert_false (pattern_index_has_longer (index, "911"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/pattern/ROU-021/digits", test_digits);
    g_test_add_func ("/route/pattern/ROU-021/what-follows", test_what_follows);
    g_test_add_func ("/route/pattern/ROU-021/ranges", test_ranges);
    g_test_add_func ("/route/pattern/ROU-021/international", test_international);
    g_test_add_func ("/route/pattern/ROU-021/groups", test_groups);
    g_test_add_func ("/route/pattern/ROU-021/mistakes", test_mistakes);
    g_test_add_func ("/route/pattern/ROU-042/covers", test_covers);
    g_test_add_func ("/route/pattern/ROU-024/closest-first", test_closest_first);
    g_test_add_func ("/route/pattern/ROU-030/has-longer", test_index_has_longer);
    return g_test_run ();
}
