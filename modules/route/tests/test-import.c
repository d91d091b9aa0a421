/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A CSV becomes rows, or nothing changes and every bad row is named. */

#include "store-fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define assert_table(fixture, table, expected)                                                     \
    do {                                                                                           \
        g_autofree char *text_ = store_fixture_dump ((fixture), (table), STORE_NEWEST);            \
        g_assert_cmpstr (text_, ==, (expected));                                                   \
    } while (0)

static void
test_rows_are_stored (StoreFixture *fixture, const void *data)
{
    g_assert_cmpint (store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0), ==, 1);
    assert_table (fixture, "list",
                  "label,mode,tries,seconds,causes\na,sequence,,,\nb,percent,,,\n");
    g_assert_cmpuint (fixture->report->tables[SCHEMA_ROUTE].n_read, ==, 3);
    g_assert_cmpuint (fixture->report->tables[SCHEMA_ROUTE].n_added, ==, 3);
}

static void
test_columns_in_any_order (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[holiday]\ndate,name\n2026-12-25,us\n", 0);
    assert_table (fixture, "holiday", "name,date\nus,2026-12-25\n");
}

static void
test_awkward_texts_are_kept (StoreFixture *fixture, const void *data)
{
    static const char text[] = "[screening]\nlist,rank,announcement,action,cause\n"
                               "\"a, \"\"b\"\"\",1,Z\xc3\xbcrich,deny,21\n";

    store_fixture_import (fixture, text, 0);
    assert_table (fixture, "screening",
                  "list,rank,calling,called,presentation,action,cause,announcement\n"
                  "\"a, \"\"b\"\"\",1,,,,deny,21,Z\xc3\xbcrich\n");
}

/* Each table with every kind of cell: what is exported can be imported, and is the same. */
static void
test_exported_is_imported (StoreFixture *fixture, const void *data)
{
    static const char tables[] = ROUTE_FIXTURE_TABLES
        "[plan]\nplan,pattern,min,max,nature,type,carrier_digits,strip\n"
        "us,+1NXXNXXXXXX,10,10,national,national,,\nus,011,,,,international,,3\n"
        "[calendar]\nname,rank,zone,days,from,to,dates,action\n"
        "night,1,America/New_York,\"mon-fri,sun\",22:00,06:00,,in\n"
        "[toll_free]\nnumber,carrier,routing_number\n800,0288,\n"
        "[ported]\nnumber,routing_number\n0012,+1\n+12125550100,+13035550000\n"
        "[code]\nprefix,state\n1212,\"N\"\"Y\"\n";

    store_fixture_import (fixture, tables, 0);
    g_autofree char *first = store_fixture_dump_all (fixture, STORE_NEWEST);
    store_fixture_import (fixture,
                          "[target]\nlabel,position,trunk\n[route]\ntable,label\n[list]\nlabel\n"
                          "[plan]\nplan,pattern,type\n[calendar]\nname\n[toll_free]\nnumber\n"
                          "[ported]\nnumber,routing_number\n[code]\nprefix\n",
                          0);
    g_autofree char *none = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (none, ==, "");
    store_fixture_import (fixture, first, 0);
    g_autofree char *again = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (again, ==, first);
}

/* What comes with Tandem. */
static void
test_plans_are_imported (StoreFixture *fixture, const void *data)
{
    static const char *const names[] = { "nanp.csv", "e164-de.csv" };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path =
            g_test_build_filename (G_TEST_DIST, "../../../etc/plans", names[i], NULL);
        g_autofree char *text = NULL;
        g_autoptr (GError) error = NULL;
        g_file_get_contents (path, &text, NULL, &error);
        g_assert_no_error (error);
        g_autoptr (StoreChange) change = store_change_begin (fixture->store, &error);
        store_fixture_read (change, "plan", text, true, fixture->report, &error);
        g_assert_no_error (error);
        g_autofree char *problems = store_fixture_problems (fixture);
        g_assert_cmpstr (problems, ==, "");
        g_assert_cmpuint (fixture->report->tables[SCHEMA_PLAN].n_read, >, 10);
    }
}

static void
test_merge_keeps_the_rest (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[code]\nprefix,state\n1212,NY\n1303,CO\n", 0);
    store_fixture_import (fixture, "[code]\nprefix,state\n1303,CA\n1415,CA\n", FIXTURE_MERGE);
    assert_table (fixture, "code",
                  "prefix,region,state,country,kind,status\n1212,,NY,,geographic,allocated\n"
                  "1303,,CA,,geographic,allocated\n1415,,CA,,geographic,allocated\n");
    const ReportCounts *counts = &fixture->report->tables[SCHEMA_CODE];
    g_assert_cmpuint (counts->n_added, ==, 1);
    g_assert_cmpuint (counts->n_changed, ==, 1);
    g_assert_cmpuint (counts->n_removed, ==, 0);
}

static void
test_replacement_takes_the_rest_away (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[code]\nprefix,state\n1212,NY\n1303,CO\n", 0);
    store_fixture_import (fixture, "[code]\nprefix,state\n1303,CO\n", 0);
    assert_table (fixture, "code",
                  "prefix,region,state,country,kind,status\n1303,,CO,,geographic,allocated\n");
    g_assert_cmpuint (fixture->report->tables[SCHEMA_CODE].n_removed, ==, 1);
    g_assert_cmpuint (fixture->report->tables[SCHEMA_CODE].n_changed, ==, 0);
}

/* Refused, with these problems, and everything is as it was. */
static void
check_refused (StoreFixture *fixture, const char *text, const char *problems)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);

    g_assert_false (store_fixture_try (fixture, text, 0, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_INVALID);
    g_autofree char *found = store_fixture_problems (fixture);
    g_assert_cmpstr (found, ==, problems);
    g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (after, ==, before);
}

static void
test_bad_headers (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[ported]\nnumber,routing_number\n1,2\n", 0);
    check_refused (fixture, "[ported]\nnumbr,routing_number\n1,2\n",
                   "ported line 1: there is no column numbr (number?): the first line names them, "
                   "as in number,routing_number\n");
    check_refused (
        fixture, "[ported]\n12125550100,13035550000\n",
        "ported line 1: there is no column 12125550100: the first line names them, as in "
        "number,routing_number\n");
    check_refused (fixture, "[ported]\nnumber,number,routing_number\n1,2,3\n",
                   "ported line 1, number: this column is named twice: take one of them out\n");
    check_refused (
        fixture, "[ported]\nnumber\n1\n",
        "ported line 1, routing_number: this column is missing: each row must fill it\n");
    check_refused (fixture, "[ported]\n",
                   "ported line 1: it is empty: the first line names the columns, as in "
                   "number,routing_number\n");
}

static void
test_bad_rows_are_named (StoreFixture *fixture, const void *data)
{
    check_refused (fixture,
                   "[ported]\nrouting_number,number\n1,2\n1,2x\n,3\n1\n1,4,5\n\"1\"2,6\n1,\xe9\n",
                   "ported line 3, number: 2x has \"x\": it is made of 0-9, behind at most one "
                   "leading +\n"
                   "ported line 4, routing_number: must not be empty\n"
                   "ported line 5: it has 1 cells, but the first line has 2\n"
                   "ported line 6: it has 3 cells, but the first line has 2\n"
                   "ported line 7, routing_number: goes on behind its closing quote: write a quote "
                   "inside a cell twice\n"
                   "ported line 8, number: is not UTF-8 (byte 0xe9): convert the file, for example "
                   "with iconv\n");
}

static void
test_many_bad_rows_are_counted (StoreFixture *fixture, const void *data)
{
    g_autoptr (GString) text = g_string_new ("[ported]\nnumber,routing_number\n");
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < 25; i++) {
        g_string_append (text, "x,1\n");
    }
    g_assert_false (store_fixture_try (fixture, text->str, 0, &error));
    g_assert_cmpuint (fixture->report->problems->len, ==, 10);
    g_assert_cmpuint (fixture->report->n_problems, ==, 25);
    g_assert_cmpstr (error->message, ==,
                     "nothing was changed: 25 mistakes in the tables, the first: ported line 2, "
                     "number: x has \"x\": it is made of 0-9, behind at most one leading +");
}

static void
test_duplicates_are_named (StoreFixture *fixture, const void *data)
{
    check_refused (fixture, "[ported]\nnumber,routing_number\n1,2\n3,4\n1,5\n",
                   "ported line 4: 1 stands on line 2 already: take one of them out\n");
    check_refused (fixture,
                   "[list]\nlabel\na\n[route]\ntable,prefix,rank,label\nmain,+1,,a\nmain,+1,0,a\n",
                   "route line 3: main, +1, 0 stands on line 2 already: take one of them out\n");
}

static void
test_dangling_references_are_named (StoreFixture *fixture, const void *data)
{
    check_refused (fixture, "[route]\ntable,prefix,label\nmain,1,a\n",
                   "route line 2, label: a is not in the table list: add it there, or name "
                   "another\n");
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    /* Those that were there before have no line in this CSV. */
    check_refused (
        fixture, "[list]\nlabel\na\n",
        "target (b, 1), label: b is not in the table list: add it there, or name another\n"
        "route (main, 44, 0), label: b is not in the table list: add it there, or name "
        "another\n");
}

static void
test_dry_run_changes_nothing (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpint (
        store_fixture_import (fixture, "[route]\ntable,prefix,label\nmain,1,b\n", FIXTURE_DRY), ==,
        1);
    g_assert_cmpuint (fixture->report->tables[SCHEMA_ROUTE].n_changed, ==, 1);
    g_assert_cmpuint (fixture->report->tables[SCHEMA_ROUTE].n_removed, ==, 2);
    g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (after, ==, before);
}

static void
test_dry_run_finds_dangling_references (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    g_assert_false (store_fixture_try (fixture, "[route]\ntable,prefix,label\nmain,1,a\n",
                                       FIXTURE_DRY, &error));
    g_assert_cmpuint (fixture->report->n_problems, ==, 1);
}

/* --- A stream ---------------------------------------------------------------------------- */

enum { N_STREAMED = 20000 };

static void *
write_stream (void *data)
{
    FILE *file = fdopen (GPOINTER_TO_INT (data), "w");

    fprintf (file, "number,routing_number\r\n");
    for (unsigned i = 0; i < N_STREAMED; i++) {
        fprintf (file, "+1212%07u,+13035550000\r\n", i);
    }
    fclose (file);
    return NULL;
}

typedef struct {
    uint64_t n_rows, n_bytes;
    unsigned n_calls, max_calls;
} Progress;

static bool
note_progress (uint64_t n_rows, uint64_t n_bytes, void *data)
{
    Progress *progress = data;

    g_assert_cmpuint (n_rows, >=, progress->n_rows);
    g_assert_cmpuint (n_bytes, >=, progress->n_bytes);
    progress->n_rows = n_rows;
    progress->n_bytes = n_bytes;
    return ++progress->n_calls < progress->max_calls;
}

static bool
import_stream (StoreFixture *fixture, Progress *progress, GError **error)
{
    const StoreNote note = { "alice", "", 0 };
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, error);
    pthread_t writer;
    int ends[2];

    g_assert_nonnull (change);
    g_assert_cmpint (pipe (ends), ==, 0);
    pthread_create (&writer, NULL, write_stream, GINT_TO_POINTER (ends[1]));
    const Import import = { .table = schema_table (SCHEMA_PORTED),
                            .fd = ends[0],
                            .progress = note_progress,
                            .data = progress };
    bool is_good = import_csv (change, &import, fixture->report, error);
    for (char rest[4096]; read (ends[0], rest, sizeof rest) > 0;) {
    }
    pthread_join (writer, NULL);
    close (ends[0]);
    return is_good
           && store_change_commit (change, &note, false, fixture->report, &fixture->version, error);
}

static void
test_pipe_with_progress (StoreFixture *fixture, const void *data)
{
    Progress progress = { .max_calls = UINT_MAX };
    g_autoptr (GError) error = NULL;

    import_stream (fixture, &progress, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (progress.n_rows, ==, N_STREAMED);
    g_assert_cmpuint (progress.n_bytes, ==, 23 + N_STREAMED * 27);
    g_assert_cmpuint (progress.n_calls, ==, N_STREAMED / 4096 + 1);
    g_assert_cmpuint (fixture->report->tables[SCHEMA_PORTED].n_added, ==, N_STREAMED);
}

static void
test_stopped_by_progress (StoreFixture *fixture, const void *data)
{
    Progress progress = { .max_calls = 2 };
    g_autoptr (GError) error = NULL;

    g_assert_false (import_stream (fixture, &progress, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_REFUSED);
    g_assert_cmpstr (error->message, ==, "the import of ported was stopped");
    assert_table (fixture, "ported", "number,routing_number\n");
}

static void
test_unreadable_file (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, &error);
    const Import import = { .table = schema_table (SCHEMA_PORTED),
                            .fd = open (fixture->folder, O_RDONLY | O_CLOEXEC) };

    g_assert_false (import_csv (change, &import, fixture->report, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_SYSTEM);
    g_assert_cmpstr (error->message, ==, "ported line 1: cannot be read: Is a directory");
    close (import.fd);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/route/ROU-040/import/" path, StoreFixture, NULL, store_fixture_set_up, function, \
                store_fixture_tear_down)
    ADD ("rows-are-stored", test_rows_are_stored);
    ADD ("columns-in-any-order", test_columns_in_any_order);
    ADD ("awkward-texts-are-kept", test_awkward_texts_are_kept);
    ADD ("exported-is-imported", test_exported_is_imported);
    ADD ("plans-are-imported", test_plans_are_imported);
    ADD ("merge-keeps-the-rest", test_merge_keeps_the_rest);
    ADD ("replacement-takes-the-rest-away", test_replacement_takes_the_rest_away);
    ADD ("bad-headers", test_bad_headers);
    ADD ("bad-rows-are-named", test_bad_rows_are_named);
    ADD ("many-bad-rows-are-counted", test_many_bad_rows_are_counted);
    ADD ("duplicates-are-named", test_duplicates_are_named);
    ADD ("dangling-references-are-named", test_dangling_references_are_named);
    ADD ("dry-run-changes-nothing", test_dry_run_changes_nothing);
    ADD ("dry-run-finds-dangling-references", test_dry_run_finds_dangling_references);
    ADD ("pipe-with-progress", test_pipe_with_progress);
    ADD ("stopped-by-progress", test_stopped_by_progress);
    ADD ("unreadable-file", test_unreadable_file);
    return g_test_run ();
}
