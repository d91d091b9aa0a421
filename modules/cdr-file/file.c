/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that only grows by whole lines, and is rotated. */

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <tandem/base.h>
#include <unistd.h>

enum { MAX_MOVES = 8 }; /* that we follow before we give up */

static const char *
advice_for (int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return "make room, or move the file with [cdr-file] path";
    case EROFS:
        return "mount it for writing, or move the file with [cdr-file] path";
    case EACCES:
    case EPERM:
        return "give the user of tandemd the right to write there";
    case ENOENT:
    case ENOTDIR:
        return "make the folder, or correct [cdr-file] path";
    case EISDIR:
        return "[cdr-file] path must name a file";
    default:
        return "look after the disk, or move the file with [cdr-file] path";
    }
}

/* NUMBER is an errno. */
static bool
fail (const CdrFile *file, const char *what, int number, GError **error)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: %s: %s: %s", file->path, what,
                 g_strerror (number), advice_for (number));
    return false;
}

void
cdr_file_init (CdrFile *file, const char *path, const char *head)
{
    *file = (CdrFile){ .path = g_strdup (path),
                       .head = g_string_new (head),
                       .fd = -1,
                       .unsynced = g_string_new (NULL),
                       .end = -1 };
}

static void
close_file (CdrFile *file)
{
    if (file->fd >= 0) {
        close (file->fd);
        file->fd = -1;
    }
}

void
cdr_file_rest (CdrFile *file)
{
    file->is_owed |= file->unsynced->len > 0;
    close_file (file);
}

void
cdr_file_clear (CdrFile *file)
{
    close_file (file);
    g_clear_pointer (&file->path, g_free);
    if (file->head != NULL) {
        g_string_free (g_steal_pointer (&file->head), TRUE);
    }
    if (file->unsynced != NULL) {
        g_string_free (g_steal_pointer (&file->unsynced), TRUE);
    }
}

void
cdr_file_owe (CdrFile *file, GString *lines)
{
    g_string_free (file->unsynced, TRUE);
    file->unsynced = lines;
    file->end = -1;
    file->is_owed = lines->len > 0;
}

/* --- Opening ----------------------------------------------------------------------------- */

/* Locks what is open. A lock that a file system does not have is none. */
static void
lock (const CdrFile *file)
{
    while (flock (file->fd, LOCK_EX) != 0 && errno == EINTR) {
    }
}

static void
unlock (const CdrFile *file)
{
    flock (file->fd, LOCK_UN);
}

/* Whether the path still names what is open. */
static bool
is_in_place (const CdrFile *file)
{
    struct stat open_one, named_one;

    return fstat (file->fd, &open_one) == 0 && stat (file->path, &named_one) == 0
           && open_one.st_dev == named_one.st_dev && open_one.st_ino == named_one.st_ino;
}

static int64_t
period_of (const CdrFile *file, int64_t wall_us)
{
    return file->rotate_interval_us > 0 ? wall_us / file->rotate_interval_us : 0;
}

/* Whether what is in the file is ours: of another format, or with other columns, it is not. */
static bool
begins_well (const CdrFile *file)
{
    const char *expected = file->head->len > 0 ? file->head->str : "{";
    gsize len = strlen (expected);
    g_autofree char *found = g_malloc (len);
    ssize_t n = pread (file->fd, found, len, 0);

    return n <= 0 || memcmp (found, expected, (size_t) n) == 0;
}

/* How many bytes after the last end of a line there are among the first SIZE; -1: cannot be read. */
static int64_t
torn_bytes (const CdrFile *file, int64_t size)
{
    char block[4096];
    int64_t n_torn = 0;

    while (n_torn < size) {
        int64_t begin = MAX (0, size - n_torn - (int64_t) sizeof block);
        ssize_t n = pread (file->fd, block, (size_t) (size - n_torn - begin), begin);
        if (n <= 0) {
            return -1;
        }
        const char *end = memrchr (block, '\n', (size_t) n);
        if (end != NULL) {
            return n_torn + (block + n - end - 1);
        }
        n_torn += n;
    }
    return n_torn;
}

/* Takes off a line that has no end. The file is locked. */
static bool
mend_end (CdrFile *file, CdrFileNews *news, GError **error)
{
    struct stat status;

    if (file->is_foreign) {
        return true;
    }
    if (fstat (file->fd, &status) != 0) {
        return fail (file, "cannot be looked at", errno, error);
    }
    if (!S_ISREG (status.st_mode)) {
        return true; /* a pipe, say: nothing to mend */
    }
    int64_t n_torn = torn_bytes (file, status.st_size);
    if (n_torn < 0) {
        return fail (file, "its end cannot be read", errno, error);
    }
    if (n_torn > 0 && ftruncate (file->fd, status.st_size - n_torn) != 0) {
        return fail (file, "its last line, which is not whole, cannot be taken off", errno, error);
    }
    news->n_cut_bytes += n_torn;
    return true;
}

/* The open file is not ours any more: what its disk does not take is for the next one. */
static void
leave (CdrFile *file)
{
    if (!file->is_owed && fsync (file->fd) == 0) {
        g_string_truncate (file->unsynced, 0);
    }
    file->is_owed = file->unsynced->len > 0;
    file->end = -1;
    close_file (file);
}

/* Opens and locks what the path names at last: it may be moved away between the two. */
static bool
open_and_lock (CdrFile *file, GError **error)
{
    for (unsigned i = 0; i < MAX_MOVES; i++) {
        bool is_new = file->fd < 0;
        if (is_new) {
            file->fd = open (file->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC,
                             file->is_private ? 0600 : 0640);
        }
        if (file->fd < 0) {
            return fail (file, "cannot be opened", errno, error);
        }
        lock (file);
        if (is_in_place (file)) {
            struct stat status;
            if (is_new && fstat (file->fd, &status) == 0) {
                file->is_foreign = !begins_well (file);
                file->period = period_of (file, (int64_t) status.st_mtime * G_USEC_PER_SEC);
            }
            return true;
        }
        leave (file);
    }
    return fail (file, "is moved away again and again", EBUSY, error);
}

bool
cdr_file_open (CdrFile *file, CdrFileNews *news, GError **error)
{
    if (!open_and_lock (file, error)) {
        return false;
    }
    bool is_good = mend_end (file, news, error);
    unlock (file);
    if (!is_good) {
        close_file (file);
    }
    return is_good;
}

/* --- Rotating ---------------------------------------------------------------------------- */

static void
sync_folder (const CdrFile *file)
{
    g_autofree char *folder = g_path_get_dirname (file->path);
    int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        fsync (fd);
        close (fd);
    }
}

/* A name that is not taken: the time, and a number where that is not enough. */
static char *
name_rotated (const CdrFile *file, int64_t now_us)
{
    g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (now_us / G_USEC_PER_SEC);
    g_autofree char *stamp = g_date_time_format (time, "%Y%m%dT%H%M%SZ");
    char *name = g_strdup_printf ("%s.%s", file->path, stamp);

    for (unsigned i = 1; access (name, F_OK) == 0; i++) {
        g_free (name);
        name = g_strdup_printf ("%s.%s-%u", file->path, stamp, i);
    }
    return name;
}

static bool
wants_rotation (const CdrFile *file, int64_t size, int64_t now_us)
{
    if (size == 0) {
        return false;
    }
    return file->is_foreign || (file->rotate_size_bytes > 0 && size >= file->rotate_size_bytes)
           || period_of (file, now_us) != file->period;
}

/* Renames the file and opens a new one, locked. The one that is open is locked. */
static bool
rotate (CdrFile *file, int64_t now_us, CdrFileNews *news, GError **error)
{
    g_autofree char *name = name_rotated (file, now_us);

    if (!cdr_file_sync (file, error)) {
        return false;
    }
    if (rename (file->path, name) != 0) {
        return fail (file, "cannot be rotated", errno, error);
    }
    close_file (file);
    sync_folder (file);
    g_free (news->rotated_to);
    news->rotated_to = g_steal_pointer (&name);
    return open_and_lock (file, error);
}

/* --- Writing ----------------------------------------------------------------------------- */

static int64_t
size_of (const CdrFile *file)
{
    struct stat status;

    return fstat (file->fd, &status) == 0 && S_ISREG (status.st_mode) ? status.st_size : -1;
}

/* Writes all of TEXT, or takes back what it wrote. The file is locked. */
static bool
write_whole (CdrFile *file, const GString *text, GError **error)
{
    int64_t size_before = size_of (file);

    for (gsize n_written = 0; n_written < text->len;) {
        ssize_t n = write (file->fd, text->str + n_written, text->len - n_written);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int number = errno;
            /* What this cannot undo is taken off as a line without an end before the next try. */
            if (n_written > 0 && size_before >= 0 && ftruncate (file->fd, size_before) != 0) {
                close_file (file);
            }
            return fail (file, "cannot be written", number, error);
        }
        n_written += (gsize) n;
    }
    return true;
}

/* Whether nothing has been written behind what is unsynced. */
static bool
ends_as_we_left_it (const CdrFile *file)
{
    struct stat status;

    return fstat (file->fd, &status) == 0 && status.st_size == file->end
           && status.st_dev == file->place[0] && status.st_ino == file->place[1];
}

static void
keep_lines (CdrFile *file, const GString *lines)
{
    struct stat status;

    g_string_append_len (file->unsynced, lines->str, (gssize) lines->len);
    file->end = -1;
    if (fstat (file->fd, &status) == 0 && S_ISREG (status.st_mode)) {
        file->end = status.st_size;
        file->place[0] = status.st_dev;
        file->place[1] = status.st_ino;
    }
}

/* Writes LINES, and keeps them until they are on the disk. */
static bool
write_lines (CdrFile *file, const GString *lines, GError **error)
{
    g_autoptr (GString) text = g_string_new (size_of (file) == 0 ? file->head->str : NULL);

    g_string_append_len (text, lines->str, (gssize) lines->len);
    if (!write_whole (file, text, error)) {
        return false;
    }
    if (!file->is_never_synced) {
        keep_lines (file, lines);
    }
    return true;
}

/* Writes again what the disk did not take: in its place, unless somebody else has written meanwhile.
 * Rather twice than not at all. */
static bool
write_owed (CdrFile *file, GError **error)
{
    g_autoptr (GString) owed = g_steal_pointer (&file->unsynced);

    file->unsynced = g_string_new (NULL);
    if (ends_as_we_left_it (file) && ftruncate (file->fd, file->end - (int64_t) owed->len) != 0) {
        int number = errno;
        cdr_file_owe (file, g_steal_pointer (&owed));
        return fail (file, "cannot be written again", number, error);
    }
    if (!write_lines (file, owed, error)) {
        cdr_file_owe (file, g_steal_pointer (&owed));
        return false;
    }
    file->is_owed = false;
    return true;
}

static bool
append_locked (CdrFile *file, const GString *text, int64_t now_us, CdrFileNews *news,
               GError **error)
{
    if (!mend_end (file, news, error) || (file->is_owed && !write_owed (file, error))) {
        return false;
    }
    if (wants_rotation (file, size_of (file), now_us) && !rotate (file, now_us, news, error)) {
        return false;
    }
    if (text->len == 0) {
        return true;
    }
    file->period = period_of (file, now_us);
    return write_lines (file, text, error);
}

bool
cdr_file_append (CdrFile *file, const GString *text, int64_t now_us, CdrFileNews *news,
                 GError **error)
{
    if (!open_and_lock (file, error)) {
        return false;
    }
    bool is_good = append_locked (file, text, now_us, news, error);
    if (file->fd >= 0) {
        unlock (file);
    }
    return is_good;
}

GString *
cdr_file_tail (CdrFile *file, size_t size)
{
    int64_t len = MAX (0, size_of (file)), begin = MAX (0, len - (int64_t) size);
    GString *tail = g_string_new (NULL);

    g_string_set_size (tail, (gsize) (len - begin));
    ssize_t n = pread (file->fd, tail->str, tail->len, begin);
    g_string_truncate (tail, (gsize) MAX (0, n));
    return tail;
}

bool
cdr_file_sync (CdrFile *file, GError **error)
{
    if (file->fd < 0 || file->unsynced->len == 0) {
        return true;
    }
    if (fdatasync (file->fd) != 0 && errno != EINVAL) { /* of a pipe, say */
        file->is_owed = true;
        return fail (file, "cannot be brought to the disk", errno, error);
    }
    g_string_truncate (file->unsynced, 0);
    return true;
}
