/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of this room share: built modules, and files made of them. */

#include "support.h"

#include <glib/gstdio.h>
#include <string.h>

void
folder_make (Folder *folder, gconstpointer unused)
{
    folder->path = g_dir_make_tmp ("tandem-module-XXXXXX", NULL);
    g_assert_nonnull (folder->path);
    folder->images = g_build_filename (folder->path, "images", NULL);
}

static void
remove_tree (const char *path)
{
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    const char *file;

    while (dir != NULL && (file = g_dir_read_name (dir)) != NULL) {
        g_autofree char *child = g_build_filename (path, file, NULL);
        if (g_file_test (child, G_FILE_TEST_IS_DIR)) {
            remove_tree (child);
        } else {
            g_unlink (child);
        }
    }
    g_rmdir (path);
}

void
folder_remove (Folder *folder, gconstpointer unused)
{
    remove_tree (folder->path);
    g_free (folder->path);
    g_free (folder->images);
}

unsigned
count_files (const char *path)
{
    g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
    unsigned n = 0;

    while (dir != NULL && g_dir_read_name (dir) != NULL) {
        n++;
    }
    return n;
}

char *
variant_path (const char *variant)
{
    return g_strdup_printf ("%s/variant-%s.so", g_getenv ("VARIANTS"), variant);
}

char *
variant_edited (const Folder *folder, const char *variant, const char *text,
                const char *replacement, gsize size)
{
    g_autofree char *from = variant_path (variant);
    g_autofree char *data = NULL;
    gsize length;
    unsigned n_replaced = 0;

    g_assert_true (g_file_get_contents (from, &data, &length, NULL));
    for (gsize i = 0; text != NULL && i + strlen (text) <= length; i++) {
        if (memcmp (data + i, text, strlen (text)) == 0) {
            memcpy (data + i, replacement, strlen (text));
            n_replaced++;
        }
    }
    g_assert_true (text == NULL || n_replaced > 0);
    char *to = g_strdup_printf ("%s/%s-edited.so", folder->path, variant);
    /* Without a word to the disk: some tests write hundreds. */
    g_assert_true (g_file_set_contents_full (to, data, size == 0 ? (gssize) length : (gssize) size,
                                             G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    return to;
}
