/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module on a disk of its own that gets full, and one that turns read-only. */

#include "common/fake-endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

enum { DISK_BYTES = 64 * 1024, N_CALLS = 40 };

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
    g_assert_cmpint (mount ("tmpfs", test->disk, "tmpfs", 0, "size=64k"), ==, 0);
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
    g_assert_cmpint (umount (test->disk), ==, 0);
    g_rmdir (test->disk);
    g_free (test->disk);
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

/* Fills the disk but for LEFT bytes, in a file of its own. */
static char *
fill_disk (Test *test, int64_t n_left)
{
    char *path = g_build_filename (test->disk, "junk", NULL);
    g_autofree char *block = g_strnfill (4096, 'j');
    int fd = open (path, O_WRONLY | O_CREAT, 0600);
    ssize_t n = 0;

    while (write (fd, block, 4096) > 0) {
        n++;
    }
    g_assert_cmpint (errno, ==, ENOSPC);
    g_assert_cmpint (ftruncate (fd, MAX (0, n * 4096 - n_left)), ==, 0);
    close (fd);
    return path;
}

static void
test_full (Test *test, gconstpointer data)
{
    fail_calls (test, 0, 1);
    g_autofree char *junk = fill_disk (test, 0);
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
    g_autofree char *junk = fill_disk (test, 0);
    fail_calls (test, 1, N_CALLS);
    g_assert_cmpint (truncate (junk, DISK_BYTES / 2), ==, 0);
    g_autofree char *more = fill_disk (test, 4096);
    td_engine_advance (5000);
    g_assert_cmpint (g_remove (more), ==, 0);
    td_engine_advance (5000);
    check_records (test, 1 + N_CALLS);
}

/* Another disk, which nobody may write to, in the place of the first one for a while. */
static void
test_read_only (Test *test, gconstpointer data)
{
    fail_calls (test, 0, 1);
    g_assert_cmpint (mount ("tmpfs", test->disk, "tmpfs", MS_RDONLY, NULL), ==, 0);
    fail_calls (test, 1, N_CALLS);
    g_assert_cmpint (umount (test->disk), ==, 0);
    td_engine_advance (5000);
    check_records (test, 1 + N_CALLS);
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
    ADD ("full-in-the-middle", test_full_in_the_middle);
    ADD ("read-only", test_read_only);
    return g_test_run ();
}
