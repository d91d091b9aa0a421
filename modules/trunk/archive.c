/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closed intervals on the disk. */

#include "archive.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <tandem/base.h>
#include <tandem/log.h>
#include <unistd.h>

#define PREFIX  "statistics-"
#define HEAD    "# tandem trunk statistics 1\n"
#define DAMAGED ".damaged"

enum {
    DAY_S = 86400,
    N_DAYS = 3, /* two days back from any moment are in the files of three */
    MAX_LINE_BYTES = 8192,
    MAX_FILE_BYTES = 1 << 29,
};

struct Archive {
    TdModule *module;
    char *folder;
    pthread_mutex_t lock; /* a stop writes while a worker may */
};

Archive *
archive_new (TdModule *module, const char *folder)
{
    Archive *archive = g_new0 (Archive, 1);

    archive->module = module;
    archive->folder = g_strdup (folder);
    pthread_mutex_init (&archive->lock, NULL);
    return archive;
}

void
archive_free (Archive *archive)
{
    if (archive != NULL) {
        pthread_mutex_destroy (&archive->lock);
        g_free (archive->folder);
        g_free (archive);
    }
}

/* --- Lines -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t offset;
} sums[] = {
    { "seconds", offsetof (Interval, length_s) },
    { "delays", offsetof (Interval, n_delays) },
    { "pdd_p50_ms", offsetof (Interval, delay_p50_ms) },
    { "pdd_p95_ms", offsetof (Interval, delay_p95_ms) },
    { "usage_s", offsetof (Interval, usage_s) },
    { "peak", offsetof (Interval, peak) },
    { "mean_centi", offsetof (Interval, mean_centi) },
};

enum { N_SUMS = G_N_ELEMENTS (sums), N_FIELDS = N_SUMS + N_COUNTS + N_CONTROL_KINDS };

#define CONTROL_PREFIX "control_"

/* The name of the field AT, behind PREFIX; its number in INTERVAL. */
static const char *
field_name (unsigned at, const char **ret_prefix)
{
    *ret_prefix = "";
    if (at < N_SUMS) {
        return sums[at].name;
    }
    if (at < N_SUMS + N_COUNTS) {
        return interval_count_name ((IntervalCount) (at - N_SUMS));
    }
    *ret_prefix = CONTROL_PREFIX;
    return control_kind_name ((ControlKind) (at - N_SUMS - N_COUNTS));
}

static uint32_t *
field_of (Interval *interval, unsigned at)
{
    return at < N_SUMS              ? (uint32_t *) ((char *) interval + sums[at].offset)
           : at < N_SUMS + N_COUNTS ? &interval->counts[at - N_SUMS]
                                    : &interval->control_hits[at - N_SUMS - N_COUNTS];
}

void
archive_append (GString *lines, const char *trunk, const Interval *interval)
{
    Interval copy = *interval;

    g_string_append_printf (lines, "begin_us=%" PRId64, copy.begin_us);
    for (unsigned at = 0; at < N_FIELDS; at++) {
        const char *prefix, *name = field_name (at, &prefix);
        uint32_t number = *field_of (&copy, at);
        if (number != 0) {
            g_string_append_printf (lines, " %s%s=%u", prefix, name, number);
        }
    }
    g_string_append_printf (lines, " trunk=%s\n", trunk);
}

static bool
is_named (unsigned at, const char *text, size_t len)
{
    const char *prefix, *name = field_name (at, &prefix);
    size_t prefix_len = strlen (prefix);

    return len == prefix_len + strlen (name) && strncmp (text, prefix, prefix_len) == 0
           && strncmp (text + prefix_len, name, len - prefix_len) == 0;
}

/* The number of the field called TEXT, or N_FIELDS. They come in order: NEXT is where to look first. */
static unsigned
find_field (const char *text, size_t len, unsigned next)
{
    for (unsigned i = 0; i < N_FIELDS; i++) {
        unsigned at = (next + i) % N_FIELDS;
        if (is_named (at, text, len)) {
            return at;
        }
    }
    return N_FIELDS;
}

/* One "name=number" of LINE, which is moved behind it. NEXT is where it may be found. */
static bool
read_field (char **line, Interval *interval, unsigned *next)
{
    char *equals = strchr (*line, '='), *end;

    if (equals == NULL || !g_ascii_isdigit (equals[1])) {
        return false;
    }
    uint64_t number = g_ascii_strtoull (equals + 1, &end, 10);
    if (*end != ' ') {
        return false;
    }
    size_t len = (size_t) (equals - *line);
    if (len == strlen ("begin_us") && strncmp (*line, "begin_us", len) == 0) {
        interval->begin_us = (int64_t) number;
    } else {
        unsigned at = find_field (*line, len, *next);
        if (at < N_FIELDS && number <= UINT32_MAX) {
            *field_of (interval, at) = (uint32_t) number;
            *next = at + 1;
        } else if (at < N_FIELDS) {
            return false;
        }
    }
    *line = end + 1;
    return true;
}

/* Reads LINE, which ends with its newline, and writes over it. False: it is damaged. */
static bool
read_line (char *line, const char **ret_trunk, Interval *ret_interval)
{
    Interval interval = { 0 };
    unsigned next = 0;

    while (!g_str_has_prefix (line, "trunk=")) {
        if (!read_field (&line, &interval, &next)) {
            return false;
        }
    }
    if (interval.begin_us <= 0 || interval.length_s > DAY_S + 1) {
        return false;
    }
    *strchr (line, '\n') = '\0';
    *ret_trunk = line + strlen ("trunk=");
    *ret_interval = interval;
    return true;
}

/* --- Writing ------------------------------------------------------------------------------ */

/* The name of the file of the day that was DAYS before WALL_US (transfer full). */
static char *
name_of_day (int64_t wall_us, unsigned days)
{
    g_autoptr (GDateTime) day =
        g_date_time_new_from_unix_utc (wall_us / G_USEC_PER_SEC - (int64_t) days * DAY_S);

    return g_date_time_format (day, PREFIX "%Y%m%d");
}

/* Removes the files of days of which nothing is wanted any more. */
static void
prune (const Archive *archive, int64_t wall_us)
{
    g_autofree char *oldest = name_of_day (wall_us, N_DAYS - 1);
    g_autoptr (GDir) folder = g_dir_open (archive->folder, 0, NULL);
    const char *name;

    while (folder != NULL && (name = g_dir_read_name (folder)) != NULL) {
        if (g_str_has_prefix (name, PREFIX) && strcmp (name, oldest) < 0) {
            g_autofree char *path = g_build_filename (archive->folder, name, NULL);
            unlink (path);
        }
    }
}

static bool
fail (const char *path, const char *what, int number, GError **error)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: %s: %s", path, what, g_strerror (number));
    return false;
}

static bool
write_all (int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write (fd, text, len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        text += MAX (n, 0);
        len -= (size_t) MAX (n, 0);
    }
    return true;
}

/* Where the last whole line of the file, SIZE long, ends: who was killed while writing left a part of
 * one. */
static off_t
end_of_lines (int fd, off_t size)
{
    char tail[MAX_LINE_BYTES];
    off_t from = MAX (size - (off_t) sizeof tail, 0);
    ssize_t n = pread (fd, tail, sizeof tail, from);

    while (n > 0 && tail[n - 1] != '\n') {
        n--;
    }
    return n > 0 ? from + n : from == 0 ? 0 : size;
}

static bool
write_lines (const Archive *archive, const char *path, int fd, const GString *lines,
             int64_t wall_us, GError **error)
{
    struct stat status;

    if (fstat (fd, &status) != 0) {
        return fail (path, "no look at its size", errno, error);
    }
    off_t end = end_of_lines (fd, status.st_size);
    if (end > MAX_FILE_BYTES) {
        return fail (path, "it has grown beyond 512 MiB: give longer intervals with interval",
                     EFBIG, error);
    }
    if (end < status.st_size && ftruncate (fd, end) != 0) {
        return fail (path, "its last, broken line stays", errno, error);
    }
    if (end == 0) {
        prune (archive, wall_us);
    }
    if ((end > 0 || write_all (fd, HEAD, strlen (HEAD))) && write_all (fd, lines->str, lines->len)
        && fdatasync (fd) == 0) {
        return true;
    }
    int number = errno;
    if (ftruncate (fd, end) != 0) {
        number = errno;
    }
    return fail (path, "not written", number, error);
}

bool
archive_write (Archive *archive, const GString *lines, int64_t wall_us, GError **error)
{
    g_autofree char *name = name_of_day (wall_us, 0);
    g_autofree char *path = g_build_filename (archive->folder, name, NULL);
    bool is_written;

    pthread_mutex_lock (&archive->lock);
    int fd = open (path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        is_written = fail (path, "not opened", errno, error);
    } else {
        is_written = write_lines (archive, path, fd, lines, wall_us, error);
        close (fd);
    }
    pthread_mutex_unlock (&archive->lock);
    return is_written;
}

/* --- Reading ------------------------------------------------------------------------------ */

/* Goes through FILE; good lines are given to EACH, and written to COPY (nullable). Returns the number
 * of the first damaged line, 0: there is none. What was begun as the last one and not finished is no
 * damage. */
static unsigned
read_lines (FILE *file, FILE *copy, ArchiveEach each, void *data)
{
    char line[MAX_LINE_BYTES];
    unsigned damaged = 0, number = 0;
    bool is_whole = true; /* the line before this piece of the file */

    while (fgets (line, sizeof line, file) != NULL) {
        bool is_begin = is_whole, has_end = strchr (line, '\n') != NULL;
        const char *trunk;
        Interval interval;
        is_whole = has_end;
        number += is_begin;
        if (is_begin && has_end && number == 1) {
            if (strcmp (line, HEAD) != 0) {
                return 1; /* not of this form */
            }
        } else if (is_begin && has_end && read_line (line, &trunk, &interval)) {
            if (copy != NULL) {
                g_autoptr (GString) text = g_string_new (NULL);
                archive_append (text, trunk, &interval);
                fputs (text->str, copy);
            } else {
                each (trunk, &interval, data);
            }
        } else if (damaged == 0 && (has_end || !feof (file))) {
            damaged = number;
        }
    }
    return damaged;
}

/* What is good in FILE, which was read to its end, under its name again; the whole is set aside. */
static bool
set_aside (FILE *file, const char *path)
{
    g_autofree char *aside = g_strconcat (path, DAMAGED, NULL);

    rewind (file);
    if (rename (path, aside) != 0) {
        return false;
    }
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *copy = fd >= 0 ? fdopen (fd, "w") : NULL;
    if (copy == NULL) {
        return false;
    }
    fputs (HEAD, copy);
    read_lines (file, copy, NULL, NULL);
    return fclose (copy) == 0;
}

static void
read_file (const Archive *archive, const char *path, ArchiveEach each, void *data)
{
    FILE *file = fopen (path, "re");

    if (file == NULL) {
        if (errno != ENOENT) {
            td_log_error (archive->module, "statistics", "%s: %s: its intervals are missing", path,
                          g_strerror (errno));
        }
        return;
    }
    unsigned damaged = read_lines (file, NULL, each, data);
    if (damaged > 0) {
        bool is_aside = set_aside (file, path);
        td_log_error (archive->module, "statistics",
                      "%s: line %u is damaged, or of another form; what is good was taken over, "
                      "the file %s",
                      path, damaged,
                      is_aside ? "set aside under the same name with " DAMAGED
                               : "could not be set aside");
    }
    fclose (file);
}

void
archive_read (Archive *archive, int64_t wall_us, ArchiveEach each, void *data)
{
    prune (archive, wall_us);
    for (unsigned days = N_DAYS; days-- > 0;) { /* the oldest first */
        g_autofree char *name = name_of_day (wall_us, days);
        g_autofree char *path = g_build_filename (archive->folder, name, NULL);
        read_file (archive, path, each, data);
    }
}
