/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Problems are printed with their place, in order, and a misspelt name finds the right one. */

#include "config/problem.h"

static void
test_prints_file_line_column (void)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    TdPlace place = { "a.conf", 0, 12, 9 };

    td_problem_add (problems, &place, "%s is wrong", "this");
    g_autofree char *text = td_problems_to_text (problems);
    g_assert_cmpstr (text, ==, "a.conf:12:9: this is wrong\n");
}

static void
test_prints_a_place_without_lines (void)
{
    TdPlace place = { .file = "--set" };
    g_autofree char *text = td_place_print (&place);

    g_assert_cmpstr (text, ==, "--set");
}

static void
test_sorts_by_reading_order_then_line_then_column (void)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    static const TdPlace places[] = { { "set", G_MAXUINT - 1, 0, 0 },
                                      { "z", 0, 10, 1 },
                                      { "a", 1, 1, 1 },
                                      { "z", 0, 9, 7 },
                                      { "z", 0, 9, 2 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (places); i++) {
        td_problem_add (problems, &places[i], "x");
    }
    td_problems_sort (problems);
    g_autofree char *text = td_problems_to_text (problems);
    g_assert_cmpstr (text, ==, "z:9:2: x\nz:9:7: x\nz:10:1: x\na:1:1: x\nset: x\n");
}

static void
test_keeps_equal_places_in_order (void)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    g_autoptr (GString) wanted = g_string_new (NULL);
    TdPlace place = { "f", 0, 1, 1 };

    for (unsigned i = 0; i < 50; i++) {
        td_problem_add (problems, &place, "%u", i);
        g_string_append_printf (wanted, "f:1:1: %u\n", i);
    }
    td_problems_sort (problems);
    g_autofree char *text = td_problems_to_text (problems);
    g_assert_cmpstr (text, ==, wanted->str);
}

static void
test_keeps_a_bounded_number (void)
{
    g_autoptr (GPtrArray) problems = td_problems_new ();
    TdPlace place = { "f", 0, 1, 1 };

    for (unsigned i = 0; i < TD_PROBLEMS_MAX + 10; i++) {
        td_problem_add (problems, &place, "x");
    }
    td_problems_sort (problems);
    g_assert_cmpuint (problems->len, ==, TD_PROBLEMS_MAX + 1);
    const TdProblem *last = g_ptr_array_index (problems, TD_PROBLEMS_MAX);
    g_assert_cmpstr (last->text, ==, "there are more problems than can be shown");
}

static void
test_quote_hides_what_a_terminal_would_obey (void)
{
    g_autofree char *text = td_problem_quote ("a\033[2J\xff\xc3\xa9");

    g_assert_cmpstr (text, ==, "\"a\\x1b[2J\\xff\xc3\xa9\"");
}

static void
test_quote_cuts_what_is_long (void)
{
    g_autofree char *just = g_strnfill (60, 'x');
    g_autofree char *longer = g_strnfill (61, 'x');
    g_autofree char *just_quoted = td_problem_quote (just);
    g_autofree char *longer_quoted = td_problem_quote (longer);
    g_autofree char *just_wanted = g_strdup_printf ("\"%s\"", just);
    g_autofree char *longer_wanted = g_strdup_printf ("\"%s...\"", just);

    g_assert_cmpstr (just_quoted, ==, just_wanted);
    g_assert_cmpstr (longer_quoted, ==, longer_wanted);
}

static const char *
nearest_of (const char *word)
{
    static const char *const names[] = { "capacity", "address", "trust", "codecs", "t1" };
    TdNearest nearest;

    td_nearest_init (&nearest, word);
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        td_nearest_offer (&nearest, names[i]);
    }
    return nearest.best;
}

static void
test_nearest_name (void)
{
    g_assert_cmpstr (nearest_of ("capcity"), ==, "capacity");  /* one letter less */
    g_assert_cmpstr (nearest_of ("adddress"), ==, "address");  /* one more */
    g_assert_cmpstr (nearest_of ("trusk"), ==, "trust");       /* one other */
    g_assert_cmpstr (nearest_of ("tursts"), ==, "trust");      /* exchanged, and one more */
    g_assert_cmpstr (nearest_of ("Capacity"), ==, "capacity"); /* case */
    g_assert_cmpstr (nearest_of ("T1"), ==, "t1");
}

static void
test_far_names_are_not_offered (void)
{
    g_autofree char *longest = g_strnfill (100000, 'c');

    g_assert_null (nearest_of ("password"));
    g_assert_null (nearest_of ("t2"));
    g_assert_null (nearest_of (""));
    g_assert_null (nearest_of (longest));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/config/problem/prints-file-line-column", test_prints_file_line_column);
    g_test_add_func ("/config/problem/prints-a-place-without-lines",
                     test_prints_a_place_without_lines);
    g_test_add_func ("/config/problem/sorts-by-reading-order-then-line-then-column",
                     test_sorts_by_reading_order_then_line_then_column);
    g_test_add_func ("/config/problem/keeps-equal-places-in-order",
                     test_keeps_equal_places_in_order);
    g_test_add_func ("/config/problem/keeps-a-bounded-number", test_keeps_a_bounded_number);
    g_test_add_func ("/config/problem/quote-hides-what-a-terminal-would-obey",
                     test_quote_hides_what_a_terminal_would_obey);
    g_test_add_func ("/config/problem/quote-cuts-what-is-long", test_quote_cuts_what_is_long);
    g_test_add_func ("/config/problem/nearest-name", test_nearest_name);
    g_test_add_func ("/config/problem/far-names-are-not-offered", test_far_names_are_not_offered);
    return g_test_run ();
}
