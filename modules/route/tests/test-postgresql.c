/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can befall tables on a server, and how it tells of new ones. */

#include "store-fixture.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

#define assert_message(error, part)                                                                \
    do {                                                                                           \
        g_assert_nonnull (error);                                                                  \
        if (strstr ((error)->message, (part)) == NULL) {                                           \
            g_assert_cmpstr ((error)->message, ==, (part));                                        \
        }                                                                                          \
    } while (0)

static void
run_sql (const StoreFixture *fixture, const char *sql)
{
    PGconn *connection = PQconnectdb (fixture->path);
    PGresult *result = PQexec (connection, sql);
    ExecStatusType status = PQresultStatus (result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        g_error ("%s: %s", sql, PQerrorMessage (connection));
    }
    PQclear (result);
    PQfinish (connection);
}

/* Every connection to this database ends, as when the server's process dies. */
static void
cut_connections (const StoreFixture *fixture)
{
    run_sql (fixture, "SELECT pg_terminate_backend (pid, 10000) FROM pg_stat_activity WHERE "
                      "datname = current_database () AND pid <> pg_backend_pid ()");
}

static void
check_not_opened (const StoreFixture *fixture, const char *message)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (store_fixture_open (fixture, fixture->path, &error));
    assert_message (error, message);
}

/* --- Opening ----------------------------------------------------------------------------- */

static void
test_foreign_schema_is_left_alone (StoreFixture *fixture, const void *data)
{
    run_sql (fixture, "DROP TABLE tandem_routing.layout");
    check_not_opened (fixture,
                      "its schema tandem_routing is somebody else's: name another database");
}

static void
test_newer_schema_is_left_alone (StoreFixture *fixture, const void *data)
{
    run_sql (fixture, "UPDATE tandem_routing.layout SET number = 3");
    check_not_opened (fixture, "they were made by a newer Tandem (schema 3, this one knows 2)");
}

static void
reopen (StoreFixture *fixture)
{
    g_autoptr (GError) error = NULL;

    fixture->store = store_fixture_open (fixture, fixture->path, &error);
    g_assert_no_error (error);
}

/* As a Tandem left it that knew no dips: rows of all versions stay, and get what they lack. */
static void
test_older_schema_gets_what_it_lacks (StoreFixture *fixture, const void *data)
{
    static const char *const new_columns[] = { "country", "toll_free_dip", "portability_dip",
                                               "portability", "release_causes" };
    g_autoptr (GString) sql = g_string_new ("UPDATE tandem_routing.layout SET number = 1;");

    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    store_fixture_import (fixture, "[ingress]\ntrunk,table\nold,main\n", FIXTURE_MERGE);
    store_fixture_import (fixture, "[ingress]\ntrunk,table,region\nold,main,ny\n", FIXTURE_MERGE);
    for (unsigned i = 0; i < G_N_ELEMENTS (new_columns); i++) {
        g_string_append_printf (sql,
                                "ALTER TABLE tandem_routing.ingress DROP COLUMN %s;"
                                "ALTER TABLE tandem_routing.ingress_past DROP COLUMN %s;",
                                new_columns[i], new_columns[i]);
    }
    g_clear_pointer (&fixture->store, store_close);
    run_sql (fixture, sql->str);
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
test_missing_is_not_made_unasked (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    run_sql (fixture, "SET client_min_messages = warning; DROP SCHEMA tandem_routing CASCADE");
    g_assert_null (store_open (fixture->path, &(StoreOptions){ .busy_ms = 10 }, &error));
    assert_message (error, "it has no schema tandem_routing: put the tables back");
}

static void
test_no_database (StoreFixture *fixture, const void *data)
{
    g_autofree char *path = g_strconcat (fixture->path, "absent", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_null (store_fixture_open (fixture, path, &error));
    assert_message (error, "does not exist");
}

static void
test_no_right (StoreFixture *fixture, const void *data)
{
    const char *at = strchr (fixture->path, '@');
    g_autofree char *path = g_strconcat ("postgresql://stranger", at, NULL);
    g_autoptr (GError) error = NULL;

    run_sql (fixture, "DO 'BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object "
                      "THEN NULL; END'");
    g_assert_null (store_fixture_open (fixture, path, &error));
    assert_message (error, "let the user of the URI use the schema tandem_routing (GRANT)");
}

/* --- Others ------------------------------------------------------------------------------ */

static void
test_locked_by_another (StoreFixture *fixture, const void *data)
{
    PGconn *other = PQconnectdb (fixture->path);
    g_autoptr (GError) error = NULL;

    PQclear (PQexec (other, "BEGIN; LOCK TABLE tandem_routing.version IN EXCLUSIVE MODE"));
    g_assert_false (store_fixture_try (fixture, "[code]\nprefix\n1\n", 0, &error));
    assert_message (error, "cannot be locked: canceling statement due to lock timeout: another "
                           "program holds it");
    /* Who reads does not mind. */
    g_autofree char *meanwhile = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (meanwhile, ==, "");
    PQfinish (other);
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 1);
}

/* --- New versions ------------------------------------------------------------------------ */

/* Whether FD can be read, within the time that a busy machine may need. */
static bool
is_told (int fd, int timeout_ms)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };

    return poll (&poller, 1, timeout_ms) == 1;
}

static void
test_listener_is_told (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (Store) other = store_fixture_open (fixture, fixture->path, &error);
    int fd = store_listen (other, &error);
    int64_t version = -1, time_us;

    g_assert_no_error (error);
    g_assert_false (is_told (fd, 0));
    for (unsigned i = 1; i <= 3; i++) {
        g_autofree char *text = g_strdup_printf ("[code]\nprefix\n%u\n", i);
        store_fixture_import (fixture, text, 0);
        g_assert_true (is_told (fd, 10000));
        g_assert_true (store_newest (other, &version, &time_us, &error));
        g_assert_cmpint (version, ==, i);
        g_assert_false (is_told (fd, 0));
    }
    /* Nothing new is not told. */
    store_fixture_import (fixture, "[code]\nprefix\n3\n", 0);
    g_assert_false (is_told (fd, 0));
}

static void
test_listener_hears_of_a_loss (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    int fd = store_listen (fixture->store, &error);
    int64_t version, time_us;

    cut_connections (fixture);
    g_assert_true (is_told (fd, 10000));
    g_assert_false (store_newest (fixture->store, &version, &time_us, &error));
    assert_message (error, "see that the server runs and can be reached");
}

/* --- Losses ------------------------------------------------------------------------------ */

static void
test_lost_connection_is_made_again (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, ROUTE_FIXTURE_TABLES, 0);
    g_autofree char *before = store_fixture_dump_all (fixture, STORE_NEWEST);
    cut_connections (fixture);
    g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (after, ==, before);
    cut_connections (fixture);
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 2);
}

static void
test_lost_while_gathering (StoreFixture *fixture, const void *data)
{
    const StoreNote note = { "alice", "", 0 };
    g_autoptr (GError) error = NULL;
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, &error);

    store_fixture_read (change, "code", "prefix\n1\n", false, fixture->report, &error);
    g_assert_no_error (error);
    cut_connections (fixture);
    g_assert_false (
        store_change_commit (change, &note, false, fixture->report, &fixture->version, &error));
    assert_message (error, "cannot be changed");
    assert_message (error, "see that the server runs and can be reached");
    g_clear_pointer (&change, store_change_free);
    g_autofree char *after = store_fixture_dump_all (fixture, STORE_NEWEST);
    g_assert_cmpstr (after, ==, "");
    g_assert_cmpint (store_fixture_import (fixture, "[code]\nprefix\n1\n", 0), ==, 1);
}

static bool
count_row (const StoreRow *row, void *data, GError **error)
{
    unsigned *n = data;

    ++*n;
    return true;
}

typedef struct {
    StoreFixture *fixture;
    unsigned n_rows;
} Cutting;

static bool
cut_once (const StoreRow *row, void *data, GError **error)
{
    Cutting *cutting = data;

    if (cutting->n_rows++ == 0) {
        cut_connections (cutting->fixture);
    }
    return true;
}

static void
test_lost_while_loading (StoreFixture *fixture, const void *data)
{
    enum { N = 400000 }; /* more than sockets hold */
    g_autoptr (GString) text = g_string_new ("[ported]\nnumber,routing_number\n");
    Cutting cutting = { .fixture = fixture };
    g_autoptr (GError) error = NULL;
    unsigned n = 0;

    for (unsigned i = 0; i < N; i++) {
        g_string_append_printf (text, "%u,1\n", i);
    }
    store_fixture_import (fixture, text->str, 0);
    g_assert_false (
        store_load (fixture->store, STORE_NEWEST, NULL, cut_once, &cutting, NULL, &error));
    assert_message (error, "cannot be read");
    assert_message (error, "see that the server runs and can be reached");
    g_assert_cmpuint (cutting.n_rows, <, N);
    g_clear_error (&error);
    store_load (fixture->store, STORE_NEWEST, NULL, count_row, &n, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (n, ==, N);
}

/* --- Texts ------------------------------------------------------------------------------- */

static void
test_backslashes_are_kept (StoreFixture *fixture, const void *data)
{
    store_fixture_import (fixture, "[list]\nlabel\n\\N\n\\\\t\\\n'; --\n", 0);
    g_autofree char *text = store_fixture_dump (fixture, "list", STORE_NEWEST);
    g_assert_cmpstr (text, ==,
                     "label,mode,tries,seconds,causes\n'; --,sequence,,,\n\\N,sequence,,,\n"
                     "\\\\t\\,sequence,,,\n");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/route/ROU-040/postgresql/" path, StoreFixture, NULL, store_fixture_set_up,       \
                function, store_fixture_tear_down)
    ADD ("foreign-schema-is-left-alone", test_foreign_schema_is_left_alone);
    ADD ("newer-schema-is-left-alone", test_newer_schema_is_left_alone);
    ADD ("older-schema-gets-what-it-lacks", test_older_schema_gets_what_it_lacks);
    ADD ("missing-is-not-made-unasked", test_missing_is_not_made_unasked);
    ADD ("no-database", test_no_database);
    ADD ("no-right", test_no_right);
    ADD ("locked-by-another", test_locked_by_another);
    ADD ("listener-is-told", test_listener_is_told);
    ADD ("listener-hears-of-a-loss", test_listener_hears_of_a_loss);
    ADD ("lost-connection-is-made-again", test_lost_connection_is_made_again);
    ADD ("lost-while-gathering", test_lost_while_gathering);
    ADD ("lost-while-loading", test_lost_while_loading);
    ADD ("backslashes-are-kept", test_backslashes_are_kept);
    return g_test_run ();
}
