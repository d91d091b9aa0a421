/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small disk of a test's own, which can be filled, in a namespace that nobody else sees.
 *
 *     int main (...) {
 *         bool may_mount = disk_enter_namespace ();  before any thread
 *         g_test_init (...);
 *         if (!may_mount) return disk_refuse ("/thing/full-disk");
 */

#ifndef TESTS_COMMON_DISK_H
#define TESTS_COMMON_DISK_H

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <unistd.h>

/* Our own view of the file systems, in which we may mount. */
static inline bool
disk_enter_namespace (void)
{
    return (unshare (CLONE_NEWNS) == 0 || unshare (CLONE_NEWUSER | CLONE_NEWNS) == 0)
           && mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static inline void
disk_tell_refusal (void)
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

/* Runs a test below PATH in the place of all others: what cannot be tested is said, and fails in CI. */
static inline int
disk_refuse (const char *path)
{
    char *name = g_strconcat (path, "/refused", NULL);

    g_test_add_func (name, disk_tell_refusal);
    g_free (name);
    return g_test_run ();
}

/* A disk with SIZE ("64k"). Returns its folder (transfer full: disk_free ()). */
static inline char *
disk_new (const char *size)
{
    GError *error = NULL;
    char *folder = g_dir_make_tmp ("tandem-disk-XXXXXX", &error);
    char *option = g_strconcat ("size=", size, NULL);

    g_assert_no_error (error);
    g_assert_cmpint (mount ("tmpfs", folder, "tmpfs", 0, option), ==, 0);
    g_free (option);
    return folder;
}

static inline void
disk_free (char *folder)
{
    g_assert_cmpint (umount (folder), ==, 0);
    g_rmdir (folder);
    g_free (folder);
}

/* Puts another disk, which nobody may write to, in the place of the one at FOLDER, until it is
 * unmounted. */
static inline void
disk_hide_behind_read_only (const char *folder)
{
    g_assert_cmpint (mount ("tmpfs", folder, "tmpfs", MS_RDONLY, NULL), ==, 0);
}

/* Fills the disk but for N_LEFT_BYTES, in a file of its own. Returns its path (transfer full). */
static inline char *
disk_fill (const char *folder, gint64 n_left_bytes)
{
    enum { BLOCK_BYTES = 4096 };
    char *path = g_build_filename (folder, "junk", NULL);
    char *block = g_strnfill (BLOCK_BYTES, 'j');
    int fd = open (path, O_WRONLY | O_CREAT, 0600);
    gint64 n_bytes = 0;

    while (write (fd, block, BLOCK_BYTES) > 0) {
        n_bytes += BLOCK_BYTES;
    }
    g_assert_cmpint (errno, ==, ENOSPC);
    g_assert_cmpint (ftruncate (fd, MAX (0, n_bytes - n_left_bytes)), ==, 0);
    close (fd);
    g_free (block);
    return path;
}

#endif
