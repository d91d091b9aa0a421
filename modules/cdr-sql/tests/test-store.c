/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database: each record once, all of a batch or none, and a sentence for whatever is wrong. */

#include "store.h"

#include "common/fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>
#include <tandem/call.h>
#include <unistd.h>

typedef struct {
    TdFixture *fixture; /* for its folder and its topics */
    char *path;
    CdrStore *store;
} Test;

static CdrStore *
open_at (Test *test, GError **error)
{
    return cdr_store_open (test->path, CDR_SYNC_NORMAL, false, 50, td_topic_find ("call.ended"),
                           error);
}

static void
open_store (Test *test)
{
    g_autoptr (GError) error = NULL;

    test->store = open_at (test, &error);
    g_assert_no_error (error);
}

static void
set_up (Test *test, gconstpointer data)
{
    test->fixture = td_fixture_new (NULL);
    test->path = g_build_filename (test->fixture->dir, "cdr.sqlite", NULL);
}

static void
tear_down (Test *test, gconstpointer data)
{
    cdr_store_close (test->store);
    td_fixture_free (test->fixture);
    g_free (test->path);
}

/* Runs SQL in a connection of its own; returns the first column of the first row, "" without one. */
static char *
query (const char *path, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    char *text;

    g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_prepare_v2 (db, sql, -1, &statement, NULL), ==, SQLITE_OK);
    bool has_row = sqlite3_step (statement) == SQLITE_ROW;
    text = g_strdup (has_row ? (const char *) sqlite3_column_text (statement, 0) : "");
    sqlite3_finalize (statement);
    sqlite3_close (db);
    return text;
}

#define assert_query(sql, expected)                                                                \
    do {                                                                                           \
        g_autofree char *found = query (test->path, (sql));                                        \
        g_assert_cmpstr (found, ==, (expected));                                                   \
    } while (0)

/* Adds N records whose sequence begins with FIRST. */
static bool
add (CdrStore *store, unsigned first, unsigned n, GError **error)
{
    TdCallFact body = { .call = 7, .calling = "5550100", .called = "\"a', \xff", .cause = 17 };
    g_autofree TdFact *facts = g_new0 (TdFact, n);
    g_autofree const TdFact **list = g_new (const TdFact *, n);
    g_autofree const char **records = g_new (const char *, n);

    for (unsigned i = 0; i < n; i++) {
        facts[i] = (TdFact){ .topic = td_topic_find ("call.ended"),
                             .node = "exchange-1",
                             .boot = 3,
                             .call = 7,
                             .sequence = first + i,
                             .wall_us = 1000,
                             .body = &body };
        list[i] = &facts[i];
        records[i] = "ATTEMPT";
    }
    return cdr_store_add (store, list, records, n, error);
}

static void
assert_added (Test *test, unsigned first, unsigned n)
{
    g_autoptr (GError) error = NULL;

    add (test->store, first, n, &error);
    g_assert_no_error (error);
}

static void
test_a_record_is_a_row (Test *test, gconstpointer data)
{
    open_store (test);
    assert_added (test, 1, 1);
    assert_query ("SELECT record || ' ' || node || ' ' || boot || ' ' || call || ' ' || sequence "
                  "|| ' ' || time || ' ' || calling || ' ' || cause FROM records",
                  "ATTEMPT exchange-1 3 000-00-00000-000007 1 1000 5550100 17");
    assert_query ("SELECT answered_us IS NULL AND route IS NULL FROM records", "1");
    assert_query ("SELECT called FROM records", "\"a', \xef\xbf\xbd");
}

static void
test_twice_is_once (Test *test, gconstpointer data)
{
    open_store (test);
    assert_added (test, 1, 3);
    assert_added (test, 2, 3);
    assert_query ("SELECT count (*) FROM records", "4");
}

static void
test_opened_again (Test *test, gconstpointer data)
{
    open_store (test);
    assert_added (test, 1, 3);
    cdr_store_close (test->store);
    open_store (test);
    assert_added (test, 4, 1);
    assert_query ("SELECT count (*) FROM records", "4");
    assert_query ("PRAGMA journal_mode", "wal");
}

/* A database of an older version, whose facts knew less. */
static void
test_new_columns_are_added (Test *test, gconstpointer data)
{
    open_store (test);
    assert_added (test, 1, 1);
    g_clear_pointer (&test->store, cdr_store_close);
    assert_query ("ALTER TABLE records DROP COLUMN cause", "");
    open_store (test);
    assert_added (test, 2, 1);
    assert_query ("SELECT group_concat (ifnull (cause, 'none')) FROM records", "none,17");
}

static void
assert_refused (Test *test, const char *part)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (open_at (test, &error));
    g_test_message ("%s", error->message);
    g_assert_nonnull (strstr (error->message, test->path));
    g_assert_nonnull (strstr (error->message, part));
}

static void
test_newer_version (Test *test, gconstpointer data)
{
    assert_query ("PRAGMA user_version = 2", "");
    assert_refused (test, "newer Tandem (schema 2, this one knows 1)");
}

static void
test_somebody_elses (Test *test, gconstpointer data)
{
    assert_query ("CREATE TABLE bills (amount)", "");
    assert_refused (test, "somebody else's");
    assert_query ("SELECT count (*) FROM sqlite_master", "1");
}

static void
test_no_database (Test *test, gconstpointer data)
{
    g_autofree char *junk = g_strnfill (5000, 'j');

    g_file_set_contents (test->path, junk, -1, NULL);
    assert_refused (test, ".recover");
}

static void
test_no_folder (Test *test, gconstpointer data)
{
    g_free (test->path);
    test->path = g_build_filename (test->fixture->dir, "nowhere", "cdr.sqlite", NULL);
    assert_refused (test, "make the folder");
}

/* Pages that were overwritten while the switch was down. */
static void
test_damaged (Test *test, gconstpointer data)
{
    g_autofree char *junk = g_strnfill (4096, 'j');
    g_autoptr (GError) error = NULL;

    open_store (test);
    assert_added (test, 1, 1000);
    g_clear_pointer (&test->store, cdr_store_close);
    int fd = open (test->path, O_WRONLY);
    for (unsigned page = 1; page < 40; page++) {
        g_assert_cmpint (pwrite (fd, junk, 4096, page * 4096), ==, 4096);
    }
    close (fd);
    test->store = open_at (test, &error);
    if (test->store != NULL) {
        g_assert_false (add (test->store, 2000, 10, &error));
    }
    g_assert_nonnull (strstr (error->message, "it is damaged or no database: move it away"));
}

/* Somebody else writes: nothing of the batch is stored, and the next try stores all of it. */
static void
test_held_by_another (Test *test, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    sqlite3 *other;

    open_store (test);
    g_assert_cmpint (sqlite3_open (test->path, &other), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_false (add (test->store, 1, 3, &error));
    g_assert_nonnull (strstr (error->message, "another program holds it"));
    sqlite3_exec (other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close (other);
    assert_added (test, 1, 3);
    assert_query ("SELECT count (*) FROM records", "3");
}

/* A build that is upgraded, or another program, is in the middle of writing. */
static void
test_opened_while_it_is_written (Test *test, gconstpointer data)
{
    sqlite3 *other;

    open_store (test);
    g_clear_pointer (&test->store, cdr_store_close);
    g_assert_cmpint (sqlite3_open (test->path, &other), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    open_store (test);
    sqlite3_exec (other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close (other);
    assert_added (test, 1, 3);
}

static void
test_moved_away (Test *test, gconstpointer data)
{
    g_autofree char *elsewhere = g_strconcat (test->path, ".old", NULL);

    open_store (test);
    g_assert_true (cdr_store_is_in_place (test->store));
    g_rename (test->path, elsewhere);
    g_assert_false (cdr_store_is_in_place (test->store));
}

/* --- Killed while it writes -------------------------------------------------------------- */

enum { N_KILLS = 10, PER_BATCH = 200 };

static _Noreturn void
write_until_killed (Test *test, unsigned first, int fd)
{
    CdrStore *store = open_at (test, NULL);

    for (unsigned n = first;; n += PER_BATCH) {
        if (store == NULL || !add (store, n, PER_BATCH, NULL)
            || write (fd, &n, sizeof n) != sizeof n) {
            _exit (1);
        }
    }
}

/* Returns how many records the writer said that it had stored. */
static unsigned
kill_one (Test *test, unsigned first)
{
    unsigned number, n_batches = 0;
    int fds[2];

    g_assert_cmpint (pipe (fds), ==, 0);
    pid_t pid = fork ();
    if (pid == 0) {
        close (fds[0]);
        write_until_killed (test, first, fds[1]);
    }
    close (fds[1]);
    while (n_batches < 3 && read (fds[0], &number, sizeof number) == sizeof number) {
        n_batches++;
    }
    g_assert_cmpuint (n_batches, ==, 3);
    kill (pid, SIGKILL);
    while (read (fds[0], &number, sizeof number) == sizeof number) {
        n_batches++;
    }
    close (fds[0]);
    waitpid (pid, NULL, 0);
    return n_batches * PER_BATCH;
}

static void
test_killed (Test *test, gconstpointer data)
{
    for (unsigned i = 0; i < N_KILLS; i++) {
        unsigned first = 1 + i * 1000000;
        unsigned n_stored = kill_one (test, first);
        g_autofree char *sql = g_strdup_printf ("SELECT count (*) >= %u AND count (*) %% %u = 0 "
                                                "AND max (sequence) = %u + count (*) - 1 "
                                                "FROM records WHERE sequence >= %u",
                                                n_stored, PER_BATCH, first, first);
        assert_query (sql, "1");
    }
    assert_query ("PRAGMA integrity_check", "ok");
}

#define ADD(path, test) g_test_add ("/store/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("row", test_a_record_is_a_row);
    ADD ("twice", test_twice_is_once);
    ADD ("opened-again", test_opened_again);
    ADD ("new-columns", test_new_columns_are_added);
    ADD ("refused/newer", test_newer_version);
    ADD ("refused/somebody-elses", test_somebody_elses);
    ADD ("refused/no-database", test_no_database);
    ADD ("refused/no-folder", test_no_folder);
    ADD ("damaged", test_damaged);
    ADD ("held", test_held_by_another);
    ADD ("opened-while-it-is-written", test_opened_while_it_is_written);
    ADD ("moved-away", test_moved_away);
    ADD ("killed", test_killed);
    return g_test_run ();
}
