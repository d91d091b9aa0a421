/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every change is a version: who, when, what is different, and the way back. */

#include "store-fixture.h"

#include <string.h>

#define assert_text(text, expected)                                                                \
    do {                                                                                           \
        g_autofree char *text_ = (text);                                                           \
        g_assert_cmpstr (text_, ==, (expected));                                                   \
    } while (0)

static void
append_version (const StoreVersion *version, void *data)
{
    GString *out = data;

    g_string_append_printf (out, "%" G_GINT64_FORMAT " %s %s %" G_GINT64_FORMAT ":",
                            version->number, version->note.who, version->note.comment,
                            version->note.time_us);
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const ReportCounts *counts = &version->tables[i];
        if (counts->n_added + counts->n_removed + counts->n_changed > 0) {
            g_string_append_printf (
                out, " %s +%" G_GUINT64_FORMAT " -%" G_GUINT64_FORMAT " *%" G_GUINT64_FORMAT,
                schema_table (i)->name, counts->n_added, counts->n_removed, counts->n_changed);
        }
    }
    g_string_append_c (out, '\n');
}

static char *
list (StoreFixture *fixture)
{
    g_autoptr (GString) out = g_string_new (NULL);
    g_autoptr (GError) error = NULL;

    store_list_versions (fixture->store, append_version, out, &error);
    g_assert_no_error (error);
    return g_string_free (g_steal_pointer (&out), FALSE);
}

static void
put_holiday (StoreFixture *fixture, const char *name, const char *date)
{
    g_autofree char *text = g_strdup_printf ("[holiday]\nname,date\n%s,%s\n", name, date);

    store_fixture_import (fixture, text, FIXTURE_MERGE);
}

static int64_t
roll_back (StoreFixture *fixture, int64_t version)
{
    const StoreNote note = { "bob", "as before", 1700000000000001 };
    g_autoptr (GError) error = NULL;
    int64_t made = -1;

    report_free (fixture->report);
    fixture->report = report_new (10);
    store_roll_back (fixture->store, version, &note, false, fixture->report, &made, &error);
    g_assert_no_error (error);
    return made;
}

/* Three versions of a few tables. */
static void
make_three (StoreFixture *fixture)
{
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    store_fixture_import (fixture, "[route]\ntable,prefix,label\nmain,1,b\nmain,44,b\nmain,49,a\n",
                          0);
    store_fixture_import (fixture,
                          "[route]\ntable,prefix,rank,label\nmain,44,0,a\n[code]\nprefix\n1\n",
                          FIXTURE_MERGE);
}

static void
test_versions_are_listed (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    assert_text (list (fixture), "3 alice a change 1700000000000000: route +0 -0 *1 code +1 -0 *0\n"
                                 "2 alice a change 1700000000000000: route +1 -1 *1\n"
                                 "1 alice a change 1700000000000000: list +2 -0 *0 target +2 -0 *0 "
                                 "route +3 -0 *0\n");
}

static void
test_same_again_is_no_version (StoreFixture *fixture, const void *data)
{
    g_assert_cmpint (store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0), ==, 1);
    g_assert_cmpint (store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0), ==, 1);
}

static void
test_old_versions_can_be_read (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    assert_text (store_fixture_dump_all (fixture, 0), "");
    g_autofree char *first = store_fixture_dump (fixture, "route", 1);
    g_autofree char *second = store_fixture_dump (fixture, "route", 2);
    g_autofree char *third = store_fixture_dump (fixture, "route", 3);
    g_assert_nonnull (strstr (first, "\nmain,,0,,,,,,,,,,,,,a\nmain,1,0,,,,,,,,,,,,,a\nmain,44,0,"
                                     ",,,,,,,,,,,,b\n"));
    g_assert_nonnull (strstr (second,
                              "\nmain,1,0,,,,,,,,,,,,,b\nmain,44,0,,,,,,,,,,,,,b\nmain,49,0,"
                              ",,,,,,,,,,,,a\n"));
    g_assert_nonnull (strstr (third, "\nmain,1,0,,,,,,,,,,,,,b\nmain,44,0,,,,,,,,,,,,,a\nmain,49,0,"
                                     ",,,,,,,,,,,,a\n"));
}

static void
test_difference (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    assert_text (store_fixture_diff (fixture, 1, 2),
                 "-route main,,0,,,,,,,,,,,,,a\n"
                 "*route main,1,0,,,,,,,,,,,,,a > main,1,0,,,,,,,,,,,,,b\n"
                 "+route main,49,0,,,,,,,,,,,,,a\n");
    assert_text (store_fixture_diff (fixture, 1, STORE_NEWEST),
                 "-route main,,0,,,,,,,,,,,,,a\n"
                 "*route main,1,0,,,,,,,,,,,,,a > main,1,0,,,,,,,,,,,,,b\n"
                 "*route main,44,0,,,,,,,,,,,,,b > main,44,0,,,,,,,,,,,,,a\n"
                 "+route main,49,0,,,,,,,,,,,,,a\n"
                 "+code 1,,,,geographic,allocated\n");
    assert_text (store_fixture_diff (fixture, 3, 2),
                 "*route main,44,0,,,,,,,,,,,,,a > main,44,0,,,,,,,,,,,,,b\n"
                 "-code 1,,,,geographic,allocated\n");
    assert_text (store_fixture_diff (fixture, 2, 2), "");
}

/* Away and back again is no difference. */
static void
test_difference_of_what_came_back (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[code]\nprefix,state\n1,NY\n", 0);
    store_fixture_import (fixture, "[code]\nprefix,state\n1,CA\n", 0);
    store_fixture_import (fixture, "[code]\nprefix,state\n1,NY\n", 0);
    assert_text (store_fixture_diff (fixture, 1, 3), "");
    assert_text (store_fixture_diff (fixture, 2, 3),
                 "*code 1,,CA,,geographic,allocated > 1,,NY,,geographic,allocated\n");
}

/* SQLite and the comparison agree about the order of numbers. */
static void
test_difference_of_numbers (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[ported]\nnumber,routing_number\n9,1\n10,1\n+1,1\n", 0);
    store_fixture_import (fixture, "[ported]\nnumber,routing_number\n9,2\n10,1\n011,1\n", 0);
    assert_text (store_fixture_diff (fixture, 1, 2), "*ported 9,1 > 9,2\n-ported +1,1\n+ported "
                                                     "011,1\n");
}

static void
test_roll_back_is_a_version (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    g_autofree char *first = store_fixture_dump_all (fixture, 1);
    g_assert_cmpint (roll_back (fixture, 1), ==, 4);
    assert_text (store_fixture_dump_all (fixture, STORE_NEWEST), first);
    assert_text (store_fixture_diff (fixture, 1, 4), "");
    g_autofree char *versions = list (fixture);
    g_assert_true (g_str_has_prefix (
        versions, "4 bob as before 1700000000000001: route +1 -1 *2 code +0 -1 *0\n"));
    /* And forth again. */
    g_autofree char *third = store_fixture_dump_all (fixture, 3);
    g_assert_cmpint (roll_back (fixture, 3), ==, 5);
    assert_text (store_fixture_dump_all (fixture, STORE_NEWEST), third);
}

static void
test_roll_back_to_the_same (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    g_assert_cmpint (roll_back (fixture, 3), ==, 3);
    g_assert_cmpint (roll_back (fixture, STORE_NEWEST), ==, 3);
}

static void
test_roll_back_to_nothing (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    g_assert_cmpint (roll_back (fixture, 0), ==, 4);
    assert_text (store_fixture_dump_all (fixture, STORE_NEWEST), "");
}

static bool
count_row (const StoreRow *row, void *data, GError **error)
{
    ++*(unsigned *) data;
    return true;
}

static void
check_unknown (StoreFixture *fixture, int64_t version, const char *expected)
{
    g_autoptr (GError) error = NULL;
    unsigned n = 0;

    g_assert_false (store_load (fixture->store, version, NULL, count_row, &n, NULL, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_NOT_FOUND);
    g_assert_true (g_str_has_suffix (error->message, expected));
}

static void
test_unknown_versions (StoreFixture *fixture, const void *data)
{
    make_three (fixture);
    check_unknown (fixture, 4, ": version 4 is not kept: there are 0 to 3");
    check_unknown (fixture, -2, ": version -2 is not kept: there are 0 to 3");
}

/* Five are kept; each of them can still be read and gone back to. */
static void
test_old_versions_are_pruned (StoreFixture *fixture, const void *data)
{
    for (unsigned i = 1; i <= 9; i++) {
        g_autofree char *text = g_strdup_printf ("[code]\nprefix,state\n1,S%u\n2,\n", i);
        g_assert_cmpint (store_fixture_import (fixture, text, 0), ==, i);
    }
    check_unknown (fixture, 4, ": version 4 is not kept: there are 5 to 9");
    g_autofree char *fifth = store_fixture_dump (fixture, "code", 5);
    g_assert_nonnull (strstr (fifth, "\n1,,S5,,geographic,allocated\n2,,"));
    g_autofree char *versions = list (fixture);
    g_assert_nonnull (strstr (versions, "\n5 alice"));
    g_assert_null (strstr (versions, "\n4 alice"));
    g_assert_cmpint (roll_back (fixture, 5), ==, 10);
    assert_text (store_fixture_dump (fixture, "code", STORE_NEWEST), fifth);
}

static bool
append_row (const StoreRow *row, void *data, GError **error)
{
    g_string_append_printf (data, "%s@%" G_GINT64_FORMAT ":%" G_GUINT64_FORMAT " ", row->cells[0],
                            row->since, row->line);
    return true;
}

/* What stays the same keeps its version and its line: nothing of it is written. */
static void
test_rows_know_where_they_come_from (StoreFixture *fixture, const void *data)
{
    g_autoptr (GString) out = g_string_new (NULL);
    int64_t version = 0;

    store_fixture_import (fixture, "[code]\nprefix,state\n1,A\n2,B\n3,C\n", 0);
    store_fixture_import (fixture, "[code]\nprefix,state\n4,D\n3,X\n1,A\n", 0);
    g_assert_true (store_load (fixture->store, STORE_NEWEST, schema_table (SCHEMA_CODE), append_row,
                               out, &version, NULL));
    g_assert_cmpstr (out->str, ==, "1@1:2 3@2:3 4@2:2 ");
    g_assert_cmpint (version, ==, 2);
}

/* --- One row ----------------------------------------------------------------------------- */

static bool
change_row (StoreFixture *fixture, bool is_removal, const char *const *cells, GError **error)
{
    const StoreNote note = { "carol", "by hand", 0 };
    const SchemaTable *table = schema_table (SCHEMA_HOLIDAY);
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, error);

    report_free (fixture->report);
    fixture->report = report_new (10);
    return change != NULL
           && (is_removal ? store_change_remove (change, table, cells, error)
                          : store_change_put (change, table, cells, 0, fixture->report, error))
           && store_change_commit (change, &note, false, fixture->report, &fixture->version, error);
}

static void
test_one_row_by_hand (StoreFixture *fixture, const void *data)
{
    static const char *const cells[] = { "us", "2026-07-04" };
    g_autoptr (GError) error = NULL;

    put_holiday (fixture, "us", "2026-12-25");
    change_row (fixture, false, cells, &error);
    g_assert_no_error (error);
    assert_text (store_fixture_diff (fixture, 1, 2), "+holiday us,2026-07-04\n");
    change_row (fixture, true, cells, &error);
    g_assert_no_error (error);
    g_assert_cmpint (fixture->version, ==, 3);
    assert_text (store_fixture_diff (fixture, 2, 3), "-holiday us,2026-07-04\n");
    assert_text (store_fixture_diff (fixture, 1, 3), "");
}

static void
test_removal_of_nothing (StoreFixture *fixture, const void *data)
{
    static const char *const cells[] = { "us", "2026-07-04" };
    static const char *const bad[] = { "us", "4 July" };
    g_autoptr (GError) error = NULL;

    put_holiday (fixture, "us", "2026-12-25");
    g_assert_false (change_row (fixture, true, cells, &error));
    assert_text (store_fixture_problems (fixture),
                 "holiday (us, 2026-07-04): there is no such row to take away\n");
    g_clear_error (&error);
    g_assert_false (change_row (fixture, true, bad, &error));
    g_assert_cmpstr (error->message, ==,
                     "holiday, date: \"4 July\" is no day: write it as 2026-12-24");
}

static void
test_forgotten_change (StoreFixture *fixture, const void *data)
{
    static const char *const cells[] = { "us", "2026-07-04" };
    g_autoptr (GError) error = NULL;
    StoreChange *change = store_change_begin (fixture->store, &error);

    g_assert_true (store_change_put (change, schema_table (SCHEMA_HOLIDAY), cells, 0,
                                     fixture->report, &error));
    store_change_free (change);
    assert_text (list (fixture), "");
    put_holiday (fixture, "us", "2026-12-25");
    assert_text (store_fixture_dump (fixture, "holiday", STORE_NEWEST),
                 "name,date\nus,2026-12-25\n");
}

/* --- At random --------------------------------------------------------------------------- */

/* Versions made at random are what they were, differ as they do, and can be gone back to. */
static void
test_random_changes (StoreFixture *fixture, const void *data)
{
    enum { N_VERSIONS = 40, N_KEYS = 6 };
    char *dumps[N_VERSIONS + 1] = { g_strdup ("prefix,region,state,country,kind,status\n") };
    int64_t newest = 0;

    while (newest < N_VERSIONS) {
        int64_t before = newest;
        if (newest > 2 && g_test_rand_int_range (0, 4) == 0) {
            newest = roll_back (
                fixture, g_test_rand_int_range ((int) MAX (newest - 4, 0), (int) newest + 1));
        } else {
            g_autoptr (GString) text = g_string_new ("[code]\nprefix,state\n");
            for (unsigned i = 0; i < N_KEYS; i++) {
                if (g_test_rand_int_range (0, 2) == 0) {
                    g_string_append_printf (text, "%u,%d\n", i, g_test_rand_int_range (0, 3));
                }
            }
            newest = store_fixture_import (fixture, text->str,
                                           g_test_rand_int_range (0, 2) ? FIXTURE_MERGE : 0);
        }
        g_assert_cmpint (newest, >=, before);
        g_assert_cmpint (newest, <=, before + 1);
        g_autofree char *dump = store_fixture_dump (fixture, "code", STORE_NEWEST);
        g_assert_true ((g_strcmp0 (dump, dumps[before]) == 0) == (newest == before));
        if (newest > before) {
            dumps[newest] = g_steal_pointer (&dump);
        }
        for (int64_t old = MAX (newest - 4, 0); old <= newest; old++) {
            g_autofree char *read = store_fixture_dump (fixture, "code", old);
            g_autofree char *diff = store_fixture_diff (fixture, old, newest);
            g_assert_cmpstr (read, ==, dumps[old]);
            g_assert_true ((*diff == '\0') == (strcmp (read, dumps[newest]) == 0));
        }
    }
    for (unsigned i = 0; i <= N_VERSIONS; i++) {
        g_free (dumps[i]);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/route/ROU-041/" path, StoreFixture, NULL, store_fixture_set_up, function,        \
                store_fixture_tear_down)
    ADD ("versions-are-listed", test_versions_are_listed);
    ADD ("same-again-is-no-version", test_same_again_is_no_version);
    ADD ("old-versions-can-be-read", test_old_versions_can_be_read);
    ADD ("difference", test_difference);
    ADD ("difference-of-what-came-back", test_difference_of_what_came_back);
    ADD ("difference-of-numbers", test_difference_of_numbers);
    ADD ("roll-back-is-a-version", test_roll_back_is_a_version);
    ADD ("roll-back-to-the-same", test_roll_back_to_the_same);
    ADD ("roll-back-to-nothing", test_roll_back_to_nothing);
    ADD ("unknown-versions", test_unknown_versions);
    ADD ("old-versions-are-pruned", test_old_versions_are_pruned);
    ADD ("rows-know-where-they-come-from", test_rows_know_where_they_come_from);
    ADD ("one-row-by-hand", test_one_row_by_hand);
    ADD ("removal-of-nothing", test_removal_of_nothing);
    ADD ("forgotten-change", test_forgotten_change);
    ADD ("random-changes", test_random_changes);
    return g_test_run ();
}
