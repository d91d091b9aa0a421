/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a disk has of the records that were said to be stored, when a sync has failed before. */

#include "store.h"

#include "common/fixture.h"
#include "common/forgetful-disk.h"

#include <sqlite3.h>
#include <tandem/call.h>

typedef struct {
    TdFixture *fixture; /* for its folder and its topics */
    char *path;
    CdrStore *store;
} Test;

static void
open_store (Test *test)
{
    g_autoptr (GError) error = NULL;

    test->store =
        cdr_store_open (test->path, CDR_SYNC_FULL, false, 50, td_topic_find ("call.ended"), &error);
    g_assert_no_error (error);
}

static void
set_up (Test *test, gconstpointer data)
{
    test->fixture = td_fixture_new (NULL);
    test->path = g_build_filename (test->fixture->dir, "cdr.sqlite", NULL);
    open_store (test);
}

static void
tear_down (Test *test, gconstpointer data)
{
    cdr_store_close (test->store);
    td_fixture_free (test->fixture);
    g_free (test->path);
    forgetful_disk_clear ();
}

/* Adds N records whose sequence begins with FIRST, as the module does: a database that failed is opened
 * anew. */
static bool
add (Test *test, unsigned first, unsigned n)
{
    TdCallFact body = { .call = 7 };
    g_autofree TdFact *facts = g_new0 (TdFact, n);
    g_autofree const TdFact **list = g_new (const TdFact *, n);
    g_autofree const char **records = g_new (const char *, n);
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < n; i++) {
        facts[i] = (TdFact){ .topic = td_topic_find ("call.ended"),
                             .node = "exchange-1",
                             .sequence = first + i,
                             .wall_us = 1000,
                             .body = &body };
        list[i] = &facts[i];
        records[i] = "ATTEMPT";
    }
    if (cdr_store_add (test->store, list, records, n, &error)) {
        return true;
    }
    g_test_message ("%s", error->message);
    g_clear_pointer (&test->store, cdr_store_close);
    open_store (test);
    return false;
}

/* How many records a machine finds that begins anew with what the disk has. */
static int
count_after_power_loss (Test *test)
{
    g_autofree char *copy = g_build_filename (test->fixture->dir, "copy.sqlite", NULL);
    sqlite3 *db;
    sqlite3_stmt *count;

    forgetful_disk_copy (test->path, copy);
    g_assert_cmpint (sqlite3_open (copy, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_prepare_v2 (db, "SELECT count (*) FROM records", -1, &count, NULL), ==,
                     SQLITE_OK);
    g_assert_cmpint (sqlite3_step (count), ==, SQLITE_ROW);
    int n = sqlite3_column_int (count, 0);
    sqlite3_finalize (count);
    sqlite3_close (db);
    return n;
}

static void
test_stored (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 3);
}

/* The records are in the database that is opened anew, and not on the disk. */
static void
test_stored_at_the_second_try (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    forgetful_disk_fail (true);
    g_assert_false (add (test, 4, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 3);
    forgetful_disk_fail (false);
    g_assert_true (add (test, 4, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 6);
}

/* What stands in the log behind something that is not on the disk cannot be read. */
static void
test_stored_behind_what_failed (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    forgetful_disk_fail (true);
    g_assert_false (add (test, 4, 3));
    forgetful_disk_fail (false);
    g_assert_true (add (test, 7, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 9);
}

/* As long as the disk fails, having the records in view is not having stored them. */
static void
test_not_stored_while_it_fails (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    forgetful_disk_fail (true);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false (add (test, 4, 3));
    }
    forgetful_disk_fail (false);
    g_assert_true (add (test, 4, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 6);
}

#define ADD(path, test) g_test_add ("/power-loss/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    forgetful_disk_make ();
    ADD ("stored", test_stored);
    ADD ("second-try", test_stored_at_the_second_try);
    ADD ("behind", test_stored_behind_what_failed);
    ADD ("fails-on", test_not_stored_while_it_fails);
    int code = g_test_run ();
    forgetful_disk_end ();
    return code;
}
