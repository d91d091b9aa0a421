/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders of recordings: what lies in them and is none. */

#include "library.h"

#include "wav.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *folder, *path; /* of what lies in it */
    Library *library;
} World;

static void
set_up (World *world, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    world->folder = g_dir_make_tmp ("prompts-XXXXXX", &error);
    g_assert_no_error (error);
    world->path = g_build_filename (world->folder, "one.wav", NULL);
    world->library = library_new ();
}

static void
tear_down (World *world, gconstpointer data)
{
    library_free (world->library);
    g_remove (world->path);
    g_rmdir (world->folder);
    g_free (world->folder);
    g_free (world->path);
}

static void
assert_refused (World *world, const char *why)
{
    g_autoptr (GError) error = NULL;

    g_assert_false (library_add_prompts (world->library, world->folder, &error));
    g_assert_nonnull (strstr (error->message, "one.wav"));
    g_assert_nonnull (strstr (error->message, why));
}

/* Nobody ever writes into it: a reload must not wait for that. */
static void
test_pipe (World *world, gconstpointer data)
{
    g_assert_cmpint (mkfifo (world->path, 0600), ==, 0);
    alarm (20);
    assert_refused (world, "no file");
    alarm (0);
}

static void
test_folder (World *world, gconstpointer data)
{
    g_assert_cmpint (g_mkdir (world->path, 0700), ==, 0);
    assert_refused (world, "no file");
}

/* It is not read before it is found too long. */
static void
test_too_long (World *world, gconstpointer data)
{
    const off_t len_bytes = (off_t) 1 << 40;

    g_assert_true (g_file_set_contents (world->path, "RIFF", 4, NULL));
    if (truncate (world->path, len_bytes) != 0) {
        g_test_skip ("no room for a file with a hole of 1 TiB");
        return;
    }
    assert_refused (world, "longer than 16 MiB");
}

static void
test_link_to_nothing (World *world, gconstpointer data)
{
    g_assert_cmpint (symlink ("nowhere", world->path), ==, 0);
    assert_refused (world, g_strerror (ENOENT));
}

#define ADD(name, test) g_test_add ("/announce/library/" name, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("pipe", test_pipe);
    ADD ("folder", test_folder);
    ADD ("too-long", test_too_long);
    ADD ("link-to-nothing", test_link_to_nothing);
    return g_test_run ();
}
