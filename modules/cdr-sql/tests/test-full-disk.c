/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module on a disk of its own that gets full, and one that turns read-only. */

#include "common/disk.h"
#include "common/fake-endpoint.h"

#include <sqlite3.h>

enum { N_CALLS = 40 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *disk, *path;
} Test;

static void
set_up (Test *test, gconstpointer data)
{
    test->disk = disk_new ("512k");
    test->path = g_build_filename (test->disk, "cdr.sqlite", NULL);
    g_autofree char *config =
        g_strdup_printf ("[modules]\ncdr-sql = required\n[cdr-sql]\npath = %s\n", test->path);
    test->fixture = td_fixture_new (config);
    test->endpoint = fake_endpoint_new (test->fixture);
    test->endpoint->routes = g_strdup ("b1=17");
}

static void
tear_down (Test *test, gconstpointer data)
{
    td_fixture_free (test->fixture);
    fake_endpoint_free (test->endpoint);
    disk_free (test->disk);
    g_free (test->path);
}

static void
fail_calls (Test *test, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        fake_call (test->endpoint, test->fixture, "5550199", NULL);
    }
}

static void
check_records (Test *test, const char *expected)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    g_assert_cmpint (sqlite3_open (test->path, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_prepare_v2 (db, "SELECT count (*) FROM records", -1, &statement, NULL),
                     ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
    g_assert_cmpstr ((const char *) sqlite3_column_text (statement, 0), ==, expected);
    sqlite3_finalize (statement);
    sqlite3_close (db);
}

static void
test_full (Test *test, gconstpointer data)
{
    fail_calls (test, 1);
    g_autofree char *junk = disk_fill (test->disk, 0);
    fail_calls (test, N_CALLS);
    td_engine_advance (5000);
    g_remove (junk);
    td_engine_advance (5000);
    check_records (test, "41");
}

static void
test_read_only (Test *test, gconstpointer data)
{
    fail_calls (test, 1);
    disk_hide_behind_read_only (test->disk);
    fail_calls (test, N_CALLS);
    g_assert_cmpint (umount (test->disk), ==, 0);
    td_engine_advance (5000);
    check_records (test, "41");
}

#define ADD(path, test) g_test_add ("/full-disk/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    bool may_mount = disk_enter_namespace ();

    g_test_init (&argc, &argv, NULL);
    if (!may_mount) {
        return disk_refuse ("/full-disk");
    }
    ADD ("full", test_full);
    ADD ("read-only", test_read_only);
    return g_test_run ();
}
