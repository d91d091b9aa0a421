/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module on a disk of its own that gets full, and one that turns read-only. */

#include "common/disk.h"
#include "common/fake-endpoint.h"

#include <string.h>

enum { DISK_BYTES = 64 * 1024, N_CALLS = 40 };

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    char *disk, *path;
} Test;

static void
set_up (Test *test, gconstpointer data)
{
    test->disk = disk_new ("64k");
    test->path = g_build_filename (test->disk, "cdr.csv", NULL);
    g_autofree char *config =
        g_strdup_printf ("[modules]\ncdr-file = required\n[cdr-file]\npath = %s\n", test->path);
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
fail_calls (Test *test, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        g_autofree char *called = g_strdup_printf ("55501%02u", i);
        fake_call (test->endpoint, test->fixture, called, NULL);
    }
}

/* Every call has its record, once, in order, each line whole. */
static void
check_records (Test *test, unsigned n_expected)
{
    g_autofree char *text = NULL;
    unsigned n = 0;

    g_assert_true (g_file_get_contents (test->path, &text, NULL, NULL));
    g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
    for (char **line = lines + 1; **line != '\0'; line++, n++) {
        g_autofree char *called = g_strdup_printf (",55501%02u,", n);
        g_assert_true (g_str_has_prefix (*line, "ATTEMPT,"));
        g_assert_nonnull (strstr (*line, called));
    }
    g_assert_cmpuint (n, ==, n_expected);
}

static void
test_full (Test *test, gconstpointer data)
{
    fail_calls (test, 0, 1);
    g_autofree char *junk = disk_fill (test->disk, 0);
    fail_calls (test, 1, N_CALLS);
    g_assert_cmpint (g_remove (junk), ==, 0);
    td_engine_advance (5000);
    check_records (test, 1 + N_CALLS);
}

/* The first lines of a batch fit, the others do not: none of them may stay there twice. */
static void
test_full_in_the_middle (Test *test, gconstpointer data)
{
    fail_calls (test, 0, 1);
    g_autofree char *junk = disk_fill (test->disk, 0);
    fail_calls (test, 1, N_CALLS);
    g_assert_cmpint (truncate (junk, DISK_BYTES / 2), ==, 0);
    g_autofree char *more = disk_fill (test->disk, 4096);
    td_engine_advance (5000);
    g_assert_cmpint (g_remove (more), ==, 0);
    td_engine_advance (5000);
    check_records (test, 1 + N_CALLS);
}

static void
test_read_only (Test *test, gconstpointer data)
{
    fail_calls (test, 0, 1);
    disk_hide_behind_read_only (test->disk);
    fail_calls (test, 1, N_CALLS);
    g_assert_cmpint (umount (test->disk), ==, 0);
    td_engine_advance (5000);
    check_records (test, 1 + N_CALLS);
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
    ADD ("full-in-the-middle", test_full_in_the_middle);
    ADD ("read-only", test_read_only);
    return g_test_run ();
}
