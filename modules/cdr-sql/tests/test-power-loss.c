/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a disk has of the records that were said to be stored, when a sync has failed before.
 *
 * SQLite writes to files through a layer of ours, which keeps beside each of them what the disk has: a
 * sync brings there what was written since the one before. One that fails forgets it, as the kernel
 * does, while the file goes on showing it.
 */

#include "store.h"

#include "common/fixture.h"

#include <sqlite3.h>
#include <string.h>
#include <tandem/call.h>

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

typedef struct {
    TdFixture *fixture; /* for its folder and its topics */
    char *path;
    CdrStore *store;
} Test;

static sqlite3_vfs *real_vfs, vfs;
static Layer layers[2];    /* over a database, over its log */
static GHashTable *images; /* by path */
static GHashTable *files;  /* open ones, to their Image */
static bool is_failing;

/* --- The disk ---------------------------------------------------------------------------- */

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

/* All that SQLite opens from here on is on this disk. */
static void
make_disk (void)
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

/* --- The database ------------------------------------------------------------------------ */

static void
open_store (Test *test)
{
    g_autoptr (GError) error = NULL;

    test->store =
        cdr_store_open (test->path, CDR_SYNC_FULL, 50, td_topic_find ("call.ended"), &error);
    g_assert_no_error (error);
}

static void
set_up (Test *test, gconstpointer data)
{
    test->fixture = td_fixture_new (NULL);
    test->path = g_build_filename (test->fixture->dir, "cdr.sqlite", NULL);
    open_store (test);
}

static void
tear_down (Test *test, gconstpointer data)
{
    cdr_store_close (test->store);
    td_fixture_free (test->fixture);
    g_free (test->path);
    g_hash_table_remove_all (images);
}

/* Adds N records whose sequence begins with FIRST, as the module does: a database that failed is opened
 * anew. */
static bool
add (Test *test, unsigned first, unsigned n)
{
    TdCallFact body = { .call = 7 };
    g_autofree TdFact *facts = g_new0 (TdFact, n);
    g_autofree const TdFact **list = g_new (const TdFact *, n);
    g_autofree const char **records = g_new (const char *, n);
    g_autoptr (GError) error = NULL;

    for (unsigned i = 0; i < n; i++) {
        facts[i] = (TdFact){ .topic = td_topic_find ("call.ended"),
                             .node = "exchange-1",
                             .sequence = first + i,
                             .wall_us = 1000,
                             .body = &body };
        list[i] = &facts[i];
        records[i] = "ATTEMPT";
    }
    if (cdr_store_add (test->store, list, records, n, &error)) {
        return true;
    }
    g_test_message ("%s", error->message);
    g_clear_pointer (&test->store, cdr_store_close);
    open_store (test);
    return false;
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

/* How many records a machine finds that begins anew with what the disk has. */
static int
count_after_power_loss (Test *test)
{
    g_autofree char *log = g_strconcat (test->path, "-wal", NULL);
    g_autofree char *copy = g_build_filename (test->fixture->dir, "copy.sqlite", NULL);
    g_autofree char *log_copy = g_strconcat (copy, "-wal", NULL);
    sqlite3 *db;
    sqlite3_stmt *count;

    write_image (test->path, copy);
    write_image (log, log_copy);
    g_assert_cmpint (sqlite3_open (copy, &db), ==, SQLITE_OK);
    g_assert_cmpint (sqlite3_prepare_v2 (db, "SELECT count (*) FROM records", -1, &count, NULL), ==,
                     SQLITE_OK);
    g_assert_cmpint (sqlite3_step (count), ==, SQLITE_ROW);
    int n = sqlite3_column_int (count, 0);
    sqlite3_finalize (count);
    sqlite3_close (db);
    return n;
}

static void
test_stored (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 3);
}

/* The records are in the database that is opened anew, and not on the disk. */
static void
test_stored_at_the_second_try (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    is_failing = true;
    g_assert_false (add (test, 4, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 3);
    is_failing = false;
    g_assert_true (add (test, 4, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 6);
}

/* What stands in the log behind something that is not on the disk cannot be read. */
static void
test_stored_behind_what_failed (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    is_failing = true;
    g_assert_false (add (test, 4, 3));
    is_failing = false;
    g_assert_true (add (test, 7, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 9);
}

/* As long as the disk fails, having the records in view is not having stored them. */
static void
test_not_stored_while_it_fails (Test *test, gconstpointer data)
{
    g_assert_true (add (test, 1, 3));
    is_failing = true;
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false (add (test, 4, 3));
    }
    is_failing = false;
    g_assert_true (add (test, 4, 3));
    g_assert_cmpint (count_after_power_loss (test), ==, 6);
}

#define ADD(path, test) g_test_add ("/power-loss/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    make_disk ();
    ADD ("stored", test_stored);
    ADD ("second-try", test_stored_at_the_second_try);
    ADD ("behind", test_stored_behind_what_failed);
    ADD ("fails-on", test_not_stored_while_it_fails);
    int code = g_test_run ();
    g_hash_table_unref (files);
    g_hash_table_unref (images);
    return code;
}
