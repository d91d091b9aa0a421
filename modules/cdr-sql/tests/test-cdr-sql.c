/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module, loaded: calls become rows, whatever happens to the database meanwhile. */

#include "common/fake-endpoint.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#define MODULES "[modules]\ncdr-sql = required\n[tandem]\nnode = exchange-1\n[cdr-sql]\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *dir, *path; /* not the fixture's folder, which goes when the switch is closed */
} Test;

static void
set_up (Test *test, gconstpointer config)
{
    g_autoptr (GError) error = NULL;

    test->dir = g_dir_make_tmp ("tandem-test-XXXXXX", &error);
    g_assert_no_error (error);
    test->path = g_build_filename (test->dir, "cdr.sqlite", NULL);
    g_autofree char *text = g_strdup_printf (MODULES "path = %s\n%s", test->path, (char *) config);
    test->fixture = td_fixture_new (text);
    test->endpoint = fake_endpoint_new (test->fixture);
    test->endpoint->routes = g_strdup ("b1");
}

static void
close_switch (Test *test)
{
    if (test->fixture != NULL) {
        td_fixture_free (g_steal_pointer (&test->fixture));
        fake_endpoint_free (g_steal_pointer (&test->endpoint));
    }
}

static void
tear_down (Test *test, gconstpointer config)
{
    static const char *const names[] = { "cdr.sqlite", "cdr.sqlite-wal", "cdr.sqlite-shm",
                                         "old.sqlite", "other.sqlite" };

    close_switch (test);
    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        g_autofree char *path = g_build_filename (test->dir, names[i], NULL);
        g_remove (path);
    }
    g_assert_cmpint (g_rmdir (test->dir), ==, 0);
    g_free (test->dir);
    g_free (test->path);
}

static void
say (Test *test, const char *name, FakeEvent event, const char *text)
{
    fake_say (test->endpoint, test->fixture, name, event, text);
}

#define REST_MS 20 /* as long as records may wait for others */

static void
talk (Test *test, const char *called, unsigned seconds)
{
    fake_call (test->endpoint, test->fixture, called, NULL);
    say (test, "b1", FAKE_ANSWER, NULL);
    td_engine_advance (seconds * 1000);
    say (test, "b1", FAKE_RELEASE, "16");
    td_engine_advance (REST_MS);
}

static void
fail_call (Test *test, const char *called)
{
    fake_call (test->endpoint, test->fixture, called, NULL);
    say (test, "b1", FAKE_RELEASE, "17");
    td_engine_advance (REST_MS);
}

static void
assert_query_of (const char *path, const char *sql, const char *expected)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_step (statement), ==, SQLITE_ROW);
    g_assert_cmpstr ((const char *) sqlite3_column_text (statement, 0), ==, expected);
    sqlite3_finalize (statement);
    sqlite3_close (db);
}

static void
assert_query (Test *test, const char *sql, const char *expected)
{
    assert_query_of (test->path, sql, expected);
}

#define RECORDS "SELECT group_concat (record || ':' || called) FROM records"

static void
test_calls_become_rows (Test *test, gconstpointer config)
{
    talk (test, "5550199", 30);
    fail_call (test, "5550198");
    assert_query (test, RECORDS, "START:5550199,STOP:5550199,ATTEMPT:5550198");
    assert_query (test, "SELECT duration_us || released_by FROM records WHERE record = 'STOP'",
                  "30000000called");
    assert_query (test, "SELECT min (node || boot) FROM records", "exchange-11");
}

static void
test_only_some_records (Test *test, gconstpointer config)
{
    talk (test, "5550199", 30);
    fail_call (test, "5550198");
    assert_query (test, RECORDS, "ATTEMPT:5550198");
}

static void
test_nothing_is_lost_while_it_is_held (Test *test, gconstpointer config)
{
    sqlite3 *other;

    g_assert_cmpint (sqlite3_open (test->path, &other), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), ==, SQLITE_OK);
    fail_call (test, "5550199");
    fail_call (test, "5550198");
    sqlite3_exec (other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close (other);
    td_engine_advance (5000);
    assert_query (test, RECORDS, "ATTEMPT:5550199,ATTEMPT:5550198");
}

static void
test_moved_away (Test *test, gconstpointer config)
{
    g_autofree char *old = g_build_filename (test->dir, "old.sqlite", NULL);

    fail_call (test, "5550199");
    g_assert_cmpint (g_rename (test->path, old), ==, 0);
    fail_call (test, "5550198");
    assert_query (test, RECORDS, "ATTEMPT:5550198");
}

static void
test_stop_stores_all (Test *test, gconstpointer config)
{
    fake_call (test->endpoint, test->fixture, "5550199", NULL);
    say (test, "b1", FAKE_ANSWER, NULL);
    close_switch (test);
    assert_query (test, RECORDS, "START:5550199,STOP:5550199");
}

static void
note (const char *problem, void *data)
{
    g_string_append (data, problem);
}

static char *
reload (Test *test, const char *name)
{
    g_autofree char *path = g_build_filename (test->dir, name, NULL);
    g_autofree char *text = g_strdup_printf (MODULES "path = %s\n", path);
    g_autoptr (GString) problems = g_string_new (NULL);

    g_file_set_contents (test->fixture->config_file, text, -1, NULL);
    td_engine_reload (note, problems);
    td_engine_settle ();
    return g_strdup (problems->str);
}

static void
test_reload_to_another (Test *test, gconstpointer config)
{
    g_autofree char *other = g_build_filename (test->dir, "other.sqlite", NULL);

    fail_call (test, "5550199");
    g_autofree char *problems = reload (test, "other.sqlite");
    g_assert_cmpstr (problems, ==, "");
    fail_call (test, "5550198");
    assert_query (test, RECORDS, "ATTEMPT:5550199");
    assert_query_of (other, RECORDS, "ATTEMPT:5550198");
    close_switch (test);
}

static void
test_reload_to_nowhere (Test *test, gconstpointer config)
{
    g_autofree char *problems = reload (test, "nowhere/cdr.sqlite");

    g_assert_nonnull (strstr (problems, "nowhere/cdr.sqlite: cannot be opened"));
    fail_call (test, "5550198");
    assert_query (test, RECORDS, "ATTEMPT:5550198");
}

#define ADD(path, config, test)                                                                    \
    g_test_add ("/cdr-sql/" path, Test, (config), set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("rows", "", test_calls_become_rows);
    ADD ("only-some-records", "records = attempt\n", test_only_some_records);
    ADD ("synchronous/off", "synchronous = off\n", test_calls_become_rows);
    ADD ("held", "", test_nothing_is_lost_while_it_is_held);
    ADD ("moved-away", "", test_moved_away);
    ADD ("stop", "", test_stop_stores_all);
    ADD ("reload/path", "", test_reload_to_another);
    ADD ("reload/nowhere", "", test_reload_to_nowhere);
    return g_test_run ();
}
