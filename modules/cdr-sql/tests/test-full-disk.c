/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module on a disk of its own that gets full, and one that turns read-only. */

#include "common/fake-endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

enum { N_CALLS = 40 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *disk, *path;
} Test;

static void
set_up (Test *test, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    test->disk = g_dir_make_tmp ("tandem-disk-XXXXXX", &error);
    g_assert_no_error (error);
    g_assert_cmpint (mount ("tmpfs", test->disk, "tmpfs", 0, "size=512k"), ==, 0);
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
    g_assert_cmpint (umount (test->disk), ==, 0);
    g_rmdir (test->disk);
    g_free (test->disk);
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
    g_autofree char *junk = g_build_filename (test->disk, "junk", NULL);
    g_autofree char *block = g_strnfill (4096, 'j');

    fail_calls (test, 1);
    int fd = open (junk, O_WRONLY | O_CREAT, 0600);
    while (write (fd, block, 4096) > 0) {
    }
    g_assert_cmpint (errno, ==, ENOSPC);
    close (fd);
    fail_calls (test, N_CALLS);
    td_engine_advance (5000);
    g_remove (junk);
    td_engine_advance (5000);
    check_records (test, "41");
}

/* Another disk, which nobody may write to, in the place of the first one for a while. */
static void
test_read_only (Test *test, gconstpointer data)
{
    fail_calls (test, 1);
    g_assert_cmpint (mount ("tmpfs", test->disk, "tmpfs", MS_RDONLY, NULL), ==, 0);
    fail_calls (test, N_CALLS);
    g_assert_cmpint (umount (test->disk), ==, 0);
    td_engine_advance (5000);
    check_records (test, "41");
}

/* Our own view of the file systems, in which we may mount. */
static bool
enter_namespace (void)
{
    return (unshare (CLONE_NEWNS) == 0 || unshare (CLONE_NEWUSER | CLONE_NEWNS) == 0)
           && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static void
refuse (void)
{
    const char *text = "this user may not mount in a namespace of his own: what happens on a full "
                       "disk is NOT tested";

    if (g_strcmp0 (g_getenv ("CI"), "true") == 0) {
        g_test_message ("%s", text);
        g_test_fail ();
    } else {
        g_test_skip (text);
    }
}

#define ADD(path, test) g_test_add ("/full-disk/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    bool may_mount = enter_namespace ();

    g_test_init (&argc, &argv, NULL);
    if (!may_mount) {
        g_test_add_func ("/full-disk/refused", refuse);
        return g_test_run ();
    }
    ADD ("full", test_full);
    ADD ("read-only", test_read_only);
    return g_test_run ();
}
