/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A store in a folder of its own, or in a database of its own where there is a server, filled from CSV texts,
 * its contents as text. */

#include "store-fixture.h"

#include "common/folder.h"

#include <fcntl.h>
#ifdef HAVE_POSTGRESQL
#include <libpq-fe.h>
#endif
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

Store *
store_fixture_open (const StoreFixture *fixture, const char *path, GError **error)
{
    const StoreOptions options = { .may_create = true, .busy_ms = 10, .n_versions = 5 };

    return store_open (path, &options, error);
}

const char *
store_fixture_server (void)
{
    return g_getenv ("ROUTE_TEST_SERVER");
}

#ifdef HAVE_POSTGRESQL
static void
run_on_server (const char *what, unsigned n)
{
    g_autofree char *uri = g_strconcat (store_fixture_server (), "postgres", NULL);
    g_autofree char *sql = g_strdup_printf ("%s r%u", what, n);
    PGconn *connection = PQconnectdb (uri);
    PGresult *result = PQexec (connection, sql);

    if (PQresultStatus (result) != PGRES_COMMAND_OK) {
        g_error ("%s: %s", sql, PQerrorMessage (connection));
    }
    PQclear (result);
    PQfinish (connection);
}

static char *
make_database (void)
{
    static unsigned n_databases;

    run_on_server ("CREATE DATABASE", ++n_databases);
    return g_strdup_printf ("%sr%u", store_fixture_server (), n_databases);
}
#else
static char *
make_database (void)
{
    g_test_message ("this build knows no PostgreSQL");
    return NULL;
}
#endif

void
store_fixture_set_up (StoreFixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    fixture->folder = g_dir_make_tmp ("route-store-XXXXXX", NULL);
    fixture->path = store_fixture_server () != NULL
                        ? make_database ()
                        : g_build_filename (fixture->folder, "route.db", NULL);
    fixture->store = store_fixture_open (fixture, fixture->path, &error);
    g_assert_no_error (error);
    fixture->report = report_new (10);
}

void
store_fixture_tear_down (StoreFixture *fixture, const void *data)
{
    store_close (fixture->store);
    report_free (fixture->report);
    folder_remove (fixture->folder);
    g_free (fixture->folder);
    g_free (fixture->path);
}

/* A file without a name, at its beginning. */
static int
open_text (const char *text, size_t len)
{
    int fd = memfd_create ("text", MFD_CLOEXEC);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (write (fd, text, len), ==, len);
    g_assert_cmpint (lseek (fd, 0, SEEK_SET), ==, 0);
    return fd;
}

bool
store_fixture_read (StoreChange *change, const char *table, const char *text, bool is_replacement,
                    Report *report, GError **error)
{
    const Import import = { .table = schema_find_table (table),
                            .fd = open_text (text, strlen (text)),
                            .is_replacement = is_replacement };
    bool is_good = import_csv (change, &import, report, error);

    close (import.fd);
    return is_good;
}

static bool
read_all (StoreChange *change, const char *text, bool is_replacement, Report *report,
          GError **error)
{
    g_auto (GStrv) parts = g_strsplit (text, "[", -1);

    for (unsigned i = 1; parts[i] != NULL; i++) {
        char *end = strstr (parts[i], "]\n");
        *end = '\0';
        if (!store_fixture_read (change, parts[i], end + 2, is_replacement, report, error)) {
            return false;
        }
    }
    return true;
}

bool
store_fixture_try (StoreFixture *fixture, const char *text, unsigned flags, GError **error)
{
    const StoreNote note = { "alice", "a change", 1700000000000000 };
    g_autoptr (StoreChange) change = store_change_begin (fixture->store, error);

    report_free (fixture->report);
    fixture->report = report_new (10);
    return change != NULL
           && read_all (change, text, (flags & FIXTURE_MERGE) == 0, fixture->report, error)
           && store_change_commit (change, &note, (flags & FIXTURE_DRY) != 0, fixture->report,
                                   &fixture->version, error);
}

int64_t
store_fixture_import (StoreFixture *fixture, const char *text, unsigned flags)
{
    g_autoptr (GError) error = NULL;
    bool is_good = store_fixture_try (fixture, text, flags, &error);

    g_assert_no_error (error);
    g_assert_true (is_good);
    return fixture->version;
}

/* --- As text ----------------------------------------------------------------------------- */

char *
store_fixture_dump (StoreFixture *fixture, const char *table, int64_t version)
{
    g_autoptr (GError) error = NULL;
    int fd = open_text ("", 0);

    store_export (fixture->store, version, schema_find_table (table), fd, &error);
    g_assert_no_error (error);
    size_t len = (size_t) lseek (fd, 0, SEEK_CUR);
    g_autofree char *text = g_malloc0 (len + 1);
    g_assert_cmpint (pread (fd, text, len, 0), ==, len);
    close (fd);
    g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
    return g_strjoinv ("\n", lines);
}

char *
store_fixture_dump_all (StoreFixture *fixture, int64_t version)
{
    g_autoptr (GString) all = g_string_new (NULL);

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const char *name = schema_table (i)->name;
        g_autofree char *text = store_fixture_dump (fixture, name, version);
        if (strchr (text, '\n')[1] != '\0') {
            g_string_append_printf (all, "[%s]\n%s", name, text);
        }
    }
    return g_string_free (g_steal_pointer (&all), FALSE);
}

char *
store_fixture_problems (const StoreFixture *fixture)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i < fixture->report->problems->len; i++) {
        report_append_problem (text, g_ptr_array_index (fixture->report->problems, i));
        g_string_append_c (text, '\n');
    }
    return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
append_cells (GString *out, const SchemaTable *table, const char *const *cells)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        g_string_append_printf (out, "%s%s", i > 0 ? "," : "", cells[i]);
    }
}

static bool
append_difference (const StoreDifference *difference, void *data, GError **error)
{
    GString *out = data;
    bool has_both = difference->before != NULL && difference->after != NULL;

    g_string_append_printf (out, "%s%s ",
                            has_both                     ? "*"
                            : difference->before != NULL ? "-"
                                                         : "+",
                            difference->table->name);
    if (difference->before != NULL) {
        append_cells (out, difference->table, difference->before);
    }
    g_string_append (out, has_both ? " > " : "");
    if (difference->after != NULL) {
        append_cells (out, difference->table, difference->after);
    }
    g_string_append_c (out, '\n');
    return true;
}

char *
store_fixture_diff (StoreFixture *fixture, int64_t from, int64_t to)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GString) out = g_string_new (NULL);

    store_diff (fixture->store, from, to, append_difference, out, &error);
    g_assert_no_error (error);
    return g_string_free (g_steal_pointer (&out), FALSE);
}
