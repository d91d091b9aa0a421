/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may stand in a cell of each type, and why the rest may not. */

#include "cell.h"

#include <string.h>

static const char *const choices[] = { "in", "out", NULL };

static void
check (const SchemaColumn *column, const char *text, const char *expected)
{
    g_autoptr (GString) reason = g_string_new (NULL);

    g_assert_cmpint (cell_check (column, text, reason), ==, *expected == '\0');
    g_assert_cmpstr (reason->str, ==, expected);
}

static void
test_empty (void)
{
    SchemaColumn column = { "c", SCHEMA_DIGITS };

    check (&column, "", "");
    column.is_required = true;
    check (&column, "", "must not be empty");
}

static void
test_texts (void)
{
    SchemaColumn column = { "c", SCHEMA_TEXT };
    g_autofree char *long_text = g_strnfill (SCHEMA_MAX_CHARACTERS + 1, 'x');

    check (&column, "Z\xc3\xbcrich, \"A\"", "");
    check (&column, "a\nb", "\"a\\nb\" has a control character: take it out");
    check (&column, long_text, "has 256 characters: 255 are the most");
    check (&column, long_text + 1, "");
}

static void
test_integers (void)
{
    const SchemaColumn column = { "c", SCHEMA_INTEGER, .min = 1, .max = 100 };

    check (&column, "1", "");
    check (&column, "100", "");
    check (&column, "007", "");
    check (&column, "0", "0 is not between 1 and 100");
    check (&column, "101", "101 is not between 1 and 100");
    check (&column, "18446744073709551617", "18446744073709551617 is not between 1 and 100");
    check (&column, "-1", "-1 is no whole number from 1 to 100");
    check (&column, "1.5", "1.5 is no whole number from 1 to 100");
    check (&column, " 1", "\" 1\" is no whole number from 1 to 100");
}

static void
test_choices (void)
{
    const SchemaColumn column = { "c", SCHEMA_CHOICE, .choices = choices };

    check (&column, "out", "");
    check (&column, "Out", "Out is none of in, out");
}

static void
test_digits (void)
{
    const SchemaColumn digits = { "c", SCHEMA_DIGITS }, pattern = { "c", SCHEMA_PATTERN },
                       number = { "c", SCHEMA_NUMBER };

    check (&digits, "+1212*#ABCD", "");
    check (&digits, "+", "");
    check (&digits, "12+",
           "12+ has \"+\": it is made of 0-9 A-D * #, behind at most one leading +");
    check (&digits, "12X",
           "12X has \"X\": it is made of 0-9 A-D * #, behind at most one leading +");
    check (&digits, "1\xc3\xa9",
           "\"1\xc3\xa9\" has \"\xc3\xa9\": it is made of 0-9 A-D * #, behind at most one leading "
           "+");
    check (&pattern, "+1NXXZ", "");
    check (&pattern, "[2-8]11", "");
    check (&pattern, "0(ZX)[2-5].", "");
    check (&pattern, "1x",
           "1x is no pattern: character 2: write digits, X, N, Z, [2-5], groups in ( ), a leading "
           "+, a . or $ at the end");
    check (&number, "+123456789012345678", "");
    check (&number, "1234567890123456789", "1234567890123456789 has 19 digits: 18 are the most");
    check (&number, "+", "+ has no digits");
    check (&number, "12*", "12* has \"*\": it is made of 0-9, behind at most one leading +");
}

static void
test_times (void)
{
    const SchemaColumn column = { "c", SCHEMA_TIME };
    static const char *const bad[] = { "24:01", "08:60", "8:30", "08.30", "08:300", "ab:cd" };

    check (&column, "00:00", "");
    check (&column, "23:59", "");
    check (&column, "24:00", "");
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autofree char *expected =
            g_strdup_printf ("%s is no time of the day: write it as 08:30, 00:00 to 24:00", bad[i]);
        check (&column, bad[i], expected);
    }
}

static void
test_days (void)
{
    const SchemaColumn column = { "c", SCHEMA_DAYS };
    static const char *const bad[] = {
        "monday", "mon,",        ",mon",        "mon-", "mon fri",
        "-",      "mon-fri-sun", "mon-holiday", "Mon",  "holiday-mon"
    };

    check (&column, "mon", "");
    check (&column, "mon-fri,sun,holiday", "");
    check (&column, " fri-mon , wed ", "");
    for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++) {
        g_autoptr (GString) reason = g_string_new (NULL);
        g_assert_false (cell_check (&column, bad[i], reason));
        g_assert_nonnull (strstr (reason->str, "is no list of days: write it as mon-fri,sun"));
    }
}

static void
test_dates (void)
{
    const SchemaColumn date = { "c", SCHEMA_DATE }, dates = { "c", SCHEMA_DATES };

    check (&date, "2024-02-29", "");
    check (&date, "2023-02-29", "2023-02-29 is no day: write it as 2026-12-24");
    check (&date, "2023-02-28x", "2023-02-28x is no day: write it as 2026-12-24");
    check (&date, "24.12.2026", "24.12.2026 is no day: write it as 2026-12-24");
    check (&dates, "2026-12-24", "");
    check (&dates, "2026-12-24..2027-01-06", "");
    check (&dates, "2027-01-06..2026-12-24",
           "2027-01-06..2026-12-24 is neither a day nor a day and a later one: write it as "
           "2026-12-24 or 2026-12-24..2027-01-06");
    check (&dates, "2026-12-24..",
           "2026-12-24.. is neither a day nor a day and a later one: write it as 2026-12-24 or "
           "2026-12-24..2027-01-06");
}

static void
test_numbers_come_back (void)
{
    static const char *const numbers[] = {
        "0",           "012125550100",        "+12125550100",
        "12125550100", "+000000000000000000", "999999999999999999"
    };
    const SchemaColumn number = { "c", SCHEMA_NUMBER };
    const SchemaColumn integer = { "c", SCHEMA_INTEGER, .max = INT64_MAX };
    char text[CELL_INTEGER_SIZE];

    for (unsigned i = 0; i < G_N_ELEMENTS (numbers); i++) {
        int64_t stored = cell_pack (&number, numbers[i]);
        g_assert_cmpstr (cell_unpack (&number, stored, text), ==, numbers[i]);
    }
    g_assert_cmpstr (cell_unpack (&integer, cell_pack (&integer, "007"), text), ==, "7");
    g_assert_cmpstr (cell_unpack (&integer, 0, text), ==, "0");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/route/ROU-040/cell/" path, function)
    ADD ("empty", test_empty);
    ADD ("texts", test_texts);
    ADD ("integers", test_integers);
    ADD ("choices", test_choices);
    ADD ("digits", test_digits);
    ADD ("times", test_times);
    ADD ("days", test_days);
    ADD ("dates", test_dates);
    ADD ("numbers-come-back", test_numbers_come_back);
    return g_test_run ();
}
