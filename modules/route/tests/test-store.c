/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can befall the file: each says what, where and what to do, and what was stored stays. */

#include "store-fixture.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define assert_message(error, part)                                                                \
    do {                                                                                           \
        g_assert_nonnull (error);                                                                  \
        if (strstr ((error)->message, (part)) == NULL) {                                           \
            g_assert_cmpstr ((error)->message, ==, (part));                                        \
        }                                                                                          \
    } while (0)

static void
run_sql (const char *path, const char *sql)
{
    sqlite3 *db = NULL;

    g_assert_cmpint (sqlite3_open (path, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
    sqlite3_close (db);
}

static void
reopen (StoreFixture *fixture)
{
    g_autoptr (GError) error = NULL;

    store_close (fixture->store);
    fixture->store = store_fixture_open (fixture, fixture->path, &error);
    g_assert_no_error (error);
}

static void
check_not_opened (StoreFixture *fixture, const char *path, const char *message)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (store_fixture_open (fixture, path, &error));
    assert_message (error, path);
    assert_message (error, message);
}

/* --- Opening ----------------------------------------------------------------------------- */

static void
test_stored_is_there_again (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);
    reopen (fixture);
    g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (after, ==, before);
}

/* What root makes in the folder of tandemd is tandemd's. */
static void
test_root_makes_it_for_the_owner_of_the_folder (StoreFixture *fixture, const void *data)
{
    enum { SOMEBODY = 12345 };
    g_autofree char *folder = g_build_filename (fixture->folder, "state", NULL);
    g_autofree char *path = g_build_filename (folder, "route.db", NULL);
    g_autofree char *log = g_strconcat (path, "-wal", NULL);
    g_autoptr (GError) error = NULL;
    struct stat status;

    if (geteuid () != 0) {
        g_test_skip ("only root can do it");
        return;
    }
    g_assert_cmpint (g_mkdir (folder, 0755), ==, 0);
    g_assert_cmpint (chown (folder, SOMEBODY, SOMEBODY), ==, 0);
    G_GNUC_UNUSED g_autoptr (Store) store = store_fixture_open (fixture, path, &error);
    g_assert_no_error (error);
    g_assert_cmpint (stat (path, &status), ==, 0);
    g_assert_cmpuint (status.st_uid, ==, SOMEBODY);
    g_assert_cmpuint (status.st_gid, ==, SOMEBODY);
    g_assert_cmpint (stat (log, &status), ==, 0);
    g_assert_cmpuint (status.st_uid, ==, SOMEBODY);
}

static void
test_foreign_file_is_left_alone (StoreFixture *fixture, const void *data)
{
    g_autofree char *path = g_build_filename (fixture->folder, "other.db", NULL);
    g_autofree char *before = NULL, *after = NULL;
    size_t len_before, len_after;

    run_sql (path, "CREATE TABLE records (id INTEGER)");
    g_file_get_contents (path, &before, &len_before, NULL);
    check_not_opened (fixture, path, "it is somebody else's database: name another file");
    g_file_get_contents (path, &after, &len_after, NULL);
    g_assert_cmpmem (before, len_before, after, len_after);
}

static void
test_newer_file_is_left_alone (StoreFixture *fixture, const void *data)
{
    run_sql (fixture->path, "PRAGMA user_version = 3");
    check_not_opened (fixture, fixture->path,
                      "they were made by a newer Tandem (schema 3, this one "
                      "knows 2): run that one, or name another file");
}

/* As a Tandem left it that knew no dips: rows of all versions stay, and get what they lack. */
static void
test_older_file_gets_what_it_lacks (StoreFixture *fixture, const void *data)
{
    static const char *const new_columns[] = { "country", "toll_free_dip", "portability_dip",
                                               "portability", "release_causes" };
    g_autoptr (GString) sql = g_string_new ("PRAGMA user_version = 1;");

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    store_fixture_import (fixture, "[ingress]\ntrunk,table\nold,main\n", FIXTURE_MERGE);
    store_fixture_import (fixture, "[ingress]\ntrunk,table,region\nold,main,ny\n", FIXTURE_MERGE);
    for (unsigned i = 0; i < G_N_ELEMENTS (new_columns); i++) {
        g_string_append_printf (sql,
                                "ALTER TABLE ingress DROP COLUMN %s;"
                                "ALTER TABLE ingress_past DROP COLUMN %s;",
                                new_columns[i], new_columns[i]);
    }
    g_clear_pointer (&fixture->store, store_close);
    run_sql (fixture->path, sql->str);
    reopen (fixture);
    g_autofree char *before = store_fixture_dump (fixture, "ingress", 2);
    g_autofree char *newest = store_fixture_dump (fixture, "ingress", STORE_NEWEST);
    g_assert_cmpstr (strchr (before, '\n'), ==, "\nold,,,,main,,,,,,,first,\n");
    g_assert_cmpstr (strchr (newest, '\n'), ==, "\nold,,,,main,,ny,,,,,first,\n");
    store_fixture_import (fixture, "[ingress]\ntrunk,table,country\nold,main,1\n", FIXTURE_MERGE);
    g_autofree char *past = store_fixture_dump (fixture, "ingress", 3);
    g_autofree char *changed = store_fixture_dump (fixture, "ingress", STORE_NEWEST);
    g_assert_cmpstr (past, ==, newest);
    g_assert_cmpstr (strchr (changed, '\n'), ==, "\nold,,,,main,,,,1,,,first,\n");
}

static void
test_no_database (StoreFixture *fixture, const void *data)
{
    g_autofree char *path = g_build_filename (fixture->folder, "text", NULL);

    g_file_set_contents (path, "number,routing_number\n12125550100,13035550000\n", -1, NULL);
    check_not_opened (fixture, path, "it is no database: name another file");
}

static void
test_no_folder (StoreFixture *fixture, const void *data)
{
    g_autofree char *path = g_build_filename (fixture->folder, "absent", "route.db", NULL);

    check_not_opened (fixture, path, "does it exist, and may the user of tandemd");
}

/* A reload must not take an empty file for the tables. */
static void
test_missing_is_not_made_unasked (StoreFixture *fixture, const void *data)
{
    const StoreOptions options = { .busy_ms = 10 };
    g_autofree char *path = g_build_filename (fixture->folder, "absent.db", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_null (store_open (path, &options, &error));
    g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
    g_clear_error (&error);
    g_file_set_contents (path, "", 0, NULL);
    g_assert_null (store_open (path, &options, &error));
    assert_message (error, "it is empty: put the tables back");
}

/* --- Others ------------------------------------------------------------------------------ */

static void
test_locked_by_another (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    sqlite3 *other = NULL;

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpint (sqlite3_open (fixture->path, &other), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_exec (other, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    g_assert_false (store_fixture_try (fixture, "[code]\nprefix\n1\n", 0, &error));
    assert_message (error, "cannot be locked: database is locked: another program holds it");
    /* Who reads does not mind. */
    g_autofree char *meanwhile = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (meanwhile, ==, before);
    sqlite3_close (other);
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 2);
}

static bool
import_meanwhile (const StoreRow *row, void *data, GError **error)
{
    StoreFixture *other = data;

    if (row->table->id == SCHEMA_LIST && other->version == 0) {
        store_fixture_import (other, "[code]\nprefix\n1\n", 0);
    }
    g_assert_cmpint (row->table->id, !=, SCHEMA_CODE);
    return true;
}

/* Readers see one version whole. */
static void
test_reader_sees_one_version (StoreFixture *fixture, const void *data)
{
    StoreFixture other = { .folder = fixture->folder, .path = fixture->path };
    g_autoptr (GError) error = NULL;
    int64_t version;

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    other.store = store_fixture_open (fixture, fixture->path, &error);
    store_load (fixture->store, STORE_NEWEST, NULL, import_meanwhile, &other, &version, &error);
    g_assert_no_error (error);
    g_assert_cmpint (version, ==, 1);
    g_assert_cmpint (other.version, ==, 2);
    store_close (other.store);
    report_free (other.report);
}

/* Two change the tables at once: the second one's rows meet those of the first. */
static void
test_two_changes_at_once (StoreFixture *fixture, const void *data)
{
    static const char *const cells[] = { "us", "2026-07-04" };
    const StoreNote note = { "alice", "", 0 };
    StoreFixture other = { .folder = fixture->folder, .path = fixture->path };
    g_autoptr (GError) error = NULL;
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, &error);
    int64_t version;

    other.store = store_fixture_open (fixture, fixture->path, &error);
    store_change_put (change, schema_table (SCHEMA_HOLIDAY), cells, 0, fixture->report, &error);
    g_assert_cmpint (
        store_fixture_import (&other, "[holiday]\nname,date\nus,2026-07-04\nus,2026-12-25\n", 0),
        ==, 1);
    store_change_commit (change, &note, false, fixture->report, &version, &error);
    g_assert_no_error (error);
    g_assert_cmpint (version, ==, 1); /* nothing new */
    store_close (other.store);
    report_free (other.report);
}

static void
test_newest_of_another (StoreFixture *fixture, const void *data)
{
    StoreFixture other = { .folder = fixture->folder, .path = fixture->path };
    g_autoptr (GError) error = NULL;
    int64_t version = -1, time_us = -1;

    g_assert_true (store_newest (fixture->store, &version, &time_us, &error));
    g_assert_cmpint (version, ==, 0);
    other.store = store_fixture_open (fixture, fixture->path, &error);
    store_fixture_import (&other, "[code]\nprefix\n1\n", 0);
    g_assert_true (store_newest (fixture->store, &version, &time_us, &error));
    g_assert_cmpint (version, ==, 1);
    store_close (other.store);
    report_free (other.report);
}

/* --- Losses ------------------------------------------------------------------------------ */

static bool
load (StoreFixture *fixture, GError **error)
{
    int fd = open ("/dev/null", O_WRONLY | O_CLOEXEC);
    bool is_good =
        store_export (fixture->store, STORE_NEWEST, schema_table (SCHEMA_PORTED), fd, error);

    close (fd);
    return is_good;
}

static void
test_moved_away (StoreFixture *fixture, const void *data)
{
    g_autofree char *away = g_strconcat (fixture->path, ".away", NULL);
    g_autoptr (GError) error = NULL;

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_assert_cmpint (g_rename (fixture->path, away), ==, 0);
    g_assert_false (load (fixture, &error));
    assert_message (error, "the file was moved, removed or replaced: put it back");
    g_clear_error (&error);
    g_assert_false (store_fixture_try (fixture, "[code]\nprefix\n1\n", 0, &error));
    assert_message (error, "the file was moved, removed or replaced: put it back");
    g_assert_cmpint (g_rename (away, fixture->path), ==, 0);
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 2);
}

/* Pages behind the first are overwritten, and nothing of them is cached. */
static void
test_damaged_file (StoreFixture *fixture, const void *data)
{
    g_autoptr (GString) text = g_string_new ("[ported]\nnumber,routing_number\n");
    g_autofree char *noise = g_strnfill (4096, '\xa5');
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < 20000; i++) {
        g_string_append_printf (text, "%u,1\n", i);
    }
    store_fixture_import (fixture, text->str, 0);
    reopen (fixture);
    int fd = open (fixture->path, O_WRONLY | O_CLOEXEC);
    off_t end = lseek (fd, 0, SEEK_END);
    for (off_t at = 20 * 4096; at < end; at += 4096) {
        g_assert_cmpint (pwrite (fd, noise, 4096, at), ==, 4096);
    }
    close (fd);
    g_assert_false (load (fixture, &error));
    assert_message (error,
                    "is malformed: it is damaged: put a copy in its place, or save what can");
    g_clear_error (&error);
    g_assert_false (store_fixture_try (fixture, text->str, 0, &error));
    assert_message (error, "it is damaged");
}

/* 50,000 numbers, so that whatever is done with them takes long enough to be asked how it goes. */
static char *
make_numbers (void)
{
    g_autoptr (GString) text = g_string_new ("[ported]\nnumber,routing_number\n");

    for (unsigned i = 0; i < 50000; i++) {
        g_string_append_printf (text, "%u,1\n", i);
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

/* Ends the process in the middle of what it does, at the beat that DATA counts down to. */
static bool
die_at_beat (void *data)
{
    unsigned *n_left = data;

    if (--*n_left == 0) {
        kill (getpid (), SIGKILL);
    }
    return true;
}

/* A process of its own that is killed at beat AT of an import; false: it came to its end. */
static bool
import_and_die (const StoreFixture *fixture, const char *text, unsigned at)
{
    int status;
    pid_t child = fork ();

    if (child == 0) {
        StoreFixture own = { .folder = fixture->folder, .path = fixture->path };
        own.store = store_fixture_open (fixture, fixture->path, NULL);
        store_set_pulse (own.store, die_at_beat, &at);
        _exit (store_fixture_try (&own, text, 0, NULL) ? 0 : 1);
    }
    g_assert_cmpint (waitpid (child, &status, 0), ==, child);
    g_assert_true (WIFSIGNALED (status) || status == 0);
    return WIFSIGNALED (status);
}

static void
test_killed_while_merging (StoreFixture *fixture, const void *data)
{
    g_autofree char *text = make_numbers ();
    unsigned n_killed = 0;

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_clear_pointer (&fixture->store, store_close);
    while (import_and_die (fixture, text, 1 + 3 * n_killed)) {
        reopen (fixture);
        g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
        g_assert_cmpstr (after, ==, before);
        g_clear_pointer (&fixture->store, store_close);
        n_killed++;
    }
    g_assert_cmpuint (n_killed, >, 3);
    reopen (fixture);
    g_autofree char *after = store_fixture_dump (fixture, "ported", STORE_NEWEST);
    g_assert_cmpuint (strlen (after), >, strlen (text) - 20);
}

static bool
stop_at_once (void *data)
{
    return false;
}

static void
test_pulse_stops_what_takes_long (StoreFixture *fixture, const void *data)
{
    g_autofree char *text = make_numbers ();
    g_autoptr (GError) error = NULL;

    store_fixture_import (fixture, text, 0);
    store_set_pulse (fixture->store, stop_at_once, NULL);
    g_assert_false (load (fixture, &error));
    g_assert_error (error, TD_ERROR, TD_ERROR_REFUSED);
    assert_message (error, "cannot be read: stopped");
    store_set_pulse (fixture->store, NULL, NULL);
    g_clear_error (&error);
    load (fixture, &error);
    g_assert_no_error (error);
}

static bool
refuse_row (const StoreRow *row, void *data, GError **error)
{
    g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "not this one");
    return false;
}

static void
test_visitor_ends_loading (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_assert_false (
        store_load (fixture->store, STORE_NEWEST, NULL, refuse_row, NULL, NULL, &error));
    assert_message (error, "not this one");
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 2);
}

static void
test_full_pipe_of_an_export (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    int fd = open ("/dev/full", O_WRONLY | O_CLOEXEC);

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_assert_false (
        store_export (fixture->store, STORE_NEWEST, schema_table (SCHEMA_LIST), fd, &error));
    assert_message (error, "the CSV cannot be written: No space left on device");
    close (fd);
}

static void
test_nothing_stays_beside_it (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    GDir *folder;
    const char *name;
    unsigned n = 0;

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, &error);
    g_assert_nonnull (change);
    folder = g_dir_open (fixture->folder, 0, NULL);
    while ((name = g_dir_read_name (folder)) != NULL) {
        g_assert_null (strstr (name, "incoming"));
        n++;
    }
    g_dir_close (folder);
    g_assert_cmpuint (n, ==, 3); /* the file, its log and the log's index */
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/route/ROU-040/store/" path, StoreFixture, NULL, store_fixture_set_up, function,  \
                store_fixture_tear_down)
    ADD ("stored-is-there-again", test_stored_is_there_again);
    ADD ("reader-sees-one-version", test_reader_sees_one_version);
    ADD ("two-changes-at-once", test_two_changes_at_once);
    ADD ("newest-of-another", test_newest_of_another);
    ADD ("killed-while-merging", test_killed_while_merging);
    ADD ("pulse-stops-what-takes-long", test_pulse_stops_what_takes_long);
    ADD ("visitor-ends-loading", test_visitor_ends_loading);
    ADD ("full-pipe-of-an-export", test_full_pipe_of_an_export);
    if (store_fixture_server () != NULL) {
        return g_test_run ();
    }
    /* Of files. */
    ADD ("root-makes-it-for-the-owner-of-the-folder",
         test_root_makes_it_for_the_owner_of_the_folder);
    ADD ("foreign-file-is-left-alone", test_foreign_file_is_left_alone);
    ADD ("newer-file-is-left-alone", test_newer_file_is_left_alone);
    ADD ("older-file-gets-what-it-lacks", test_older_file_gets_what_it_lacks);
    ADD ("no-database", test_no_database);
    ADD ("no-folder", test_no_folder);
    ADD ("missing-is-not-made-unasked", test_missing_is_not_made_unasked);
    ADD ("locked-by-another", test_locked_by_another);
    ADD ("moved-away", test_moved_away);
    ADD ("damaged-file", test_damaged_file);
    ADD ("nothing-stays-beside-it", test_nothing_stays_beside_it);
    return g_test_run ();
}
