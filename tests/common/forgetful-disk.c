/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A disk for SQLite that forgets what it could not sync. */

#include "common/forgetful-disk.h"

#include <glib.h>
#include <sqlite3.h>
#include <string.h>

typedef struct {
    sqlite3_int64 at;
    GBytes *bytes; /* NULL: the file was cut at that place */
} Change;

typedef struct {
    GByteArray *on_disk;
    GArray *changes; /* since the last sync */
} Image;

/* What an open file calls. */
typedef struct {
    sqlite3_io_methods ours; /* first */
    const sqlite3_io_methods *real;
} Layer;

static sqlite3_vfs *real_vfs, vfs;
static Layer layers[2];    /* over a database, over its log */
static GHashTable *images; /* by path */
static GHashTable *files;  /* open ones, to their Image */
static bool is_failing;

static void
change_clear (void *data)
{
    g_clear_pointer (&((Change *) data)->bytes, g_bytes_unref);
}

static void
image_free (void *data)
{
    Image *image = data;

    g_byte_array_unref (image->on_disk);
    g_array_unref (image->changes);
    g_free (image);
}

static Image *
image_at (const char *path)
{
    Image *image = g_hash_table_lookup (images, path);

    if (image == NULL) {
        image = g_new0 (Image, 1);
        image->on_disk = g_byte_array_new ();
        image->changes = g_array_new (FALSE, FALSE, sizeof (Change));
        g_array_set_clear_func (image->changes, change_clear);
        g_hash_table_insert (images, g_strdup (path), image);
    }
    return image;
}

static void
bring_to_disk (Image *image, const Change *change)
{
    gsize size = 0, at = (gsize) change->at;
    const void *bytes = change->bytes != NULL ? g_bytes_get_data (change->bytes, &size) : NULL;
    guint old = image->on_disk->len;

    if (bytes == NULL || at + size > old) {
        g_byte_array_set_size (image->on_disk, (guint) (at + size));
    }
    if (image->on_disk->len > old) {
        memset (image->on_disk->data + old, 0, image->on_disk->len - old);
    }
    if (bytes != NULL) {
        memcpy (image->on_disk->data + at, bytes, size);
    }
}

static void
note (sqlite3_file *file, Change change)
{
    Image *image = g_hash_table_lookup (files, file);

    g_array_append_val (image->changes, change);
}

static const sqlite3_io_methods *
real_methods (const sqlite3_file *file)
{
    return ((const Layer *) file->pMethods)->real;
}

static int
file_write (sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    note (file, (Change){ at, g_bytes_new (bytes, (gsize) size) });
    return real_methods (file)->xWrite (file, bytes, size, at);
}

static int
file_truncate (sqlite3_file *file, sqlite3_int64 size)
{
    note (file, (Change){ size, NULL });
    return real_methods (file)->xTruncate (file, size);
}

static int
file_sync (sqlite3_file *file, int flags)
{
    Image *image = g_hash_table_lookup (files, file);

    for (guint i = 0; !is_failing && i < image->changes->len; i++) {
        bring_to_disk (image, &g_array_index (image->changes, Change, i));
    }
    g_array_set_size (image->changes, 0);
    return is_failing ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int
file_close (sqlite3_file *file)
{
    g_hash_table_remove (files, file);
    return real_methods (file)->xClose (file);
}

static int
disk_open (sqlite3_vfs *ours, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
    int code = real_vfs->xOpen (real_vfs, path, file, flags, ret_flags);

    if (code == SQLITE_OK && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
        Layer *layer = &layers[(flags & SQLITE_OPEN_WAL) != 0];
        *layer = (Layer){ *file->pMethods, file->pMethods };
        layer->ours.xWrite = file_write;
        layer->ours.xTruncate = file_truncate;
        layer->ours.xSync = file_sync;
        layer->ours.xClose = file_close;
        file->pMethods = &layer->ours;
        g_hash_table_insert (files, file, image_at (path));
    }
    return code;
}

static int
disk_delete (sqlite3_vfs *ours, const char *path, int must_sync)
{
    g_hash_table_remove (images, path);
    return real_vfs->xDelete (real_vfs, path, must_sync);
}

void
forgetful_disk_make (void)
{
    real_vfs = sqlite3_vfs_find (NULL);
    vfs = *real_vfs;
    vfs.zName = "forgetful";
    vfs.pNext = NULL;
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    g_assert_cmpint (sqlite3_vfs_register (&vfs, 1), ==, SQLITE_OK);
    images = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, image_free);
    files = g_hash_table_new (NULL, NULL);
}

void
forgetful_disk_end (void)
{
    sqlite3_vfs_unregister (&vfs);
    g_hash_table_unref (files);
    g_hash_table_unref (images);
}

void
forgetful_disk_clear (void)
{
    is_failing = false;
    g_hash_table_remove_all (images);
}

void
forgetful_disk_fail (bool fails)
{
    is_failing = fails;
}

static void
write_image (const char *path, const char *copy)
{
    Image *image = image_at (path);
    g_autoptr (GError) error = NULL;

    g_file_set_contents (copy, (const char *) image->on_disk->data, (gssize) image->on_disk->len,
                         &error);
    g_assert_no_error (error);
}

void
forgetful_disk_copy (const char *path, const char *copy)
{
    g_autofree char *log = g_strconcat (path, "-wal", NULL);
    g_autofree char *log_copy = g_strconcat (copy, "-wal", NULL);

    write_image (path, copy);
    write_image (log, log_copy);
}
