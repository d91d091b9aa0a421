/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that only grows by whole lines, and is rotated.
 *
 *     path  --- rotate: rename ---> path.20260131T235959Z
 *
 * Whoever else writes to it (another build of the module, another process) must lock it, too. A line
 * that was cut by the death of its writer is taken off before the next one is written.
 *
 * What was written is kept in memory until it is known to be on the disk: a disk that fails to take it
 * leaves the kernel free to forget it, so it is written again, to this file or to the next one.
 */

#ifndef CDR_FILE_FILE_H
#define CDR_FILE_FILE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *path;
    bool is_private;            /* nobody else may read a new file */
    int64_t rotate_size_bytes;  /* 0: never */
    int64_t rotate_interval_us; /* of the wall clock; 0: never */
    GString *head;              /* what a new file begins with; empty: each line with a brace */
    int fd;                     /* -1: not open */
    int64_t period;             /* number of the interval that the file's lines are of */
    bool is_foreign; /* what is in it begins in another way: it is rotated, never mended */
    bool is_never_synced;
    GString *unsynced; /* the lines written since the last sync; empty where IS_NEVER_SYNCED */
    int64_t end;       /* of the file when they had been written; -1: of none */
    uint64_t place[2]; /* which file that was: device and inode */
    bool is_owed;      /* the disk did not take them: they are to be written again */
} CdrFile;

/* What happened to the file that an operator should know of. */
typedef struct {
    int64_t n_cut_bytes; /* of a line without an end */
    char *rotated_to;    /* g_free() */
} CdrFileNews;

/* Prepares FILE, not open; HEAD is copied. */
void cdr_file_init (CdrFile *file, const char *path, const char *head);
void cdr_file_clear (CdrFile *file);

/* Closes the file until the next append: nobody can take a disk off that has an open file. */
void cdr_file_rest (CdrFile *file);

/* Opens the file, if it is not open or somebody has moved it away, and mends its end. */
bool cdr_file_open (CdrFile *file, CdrFileNews *news, GError **error);

/* Appends TEXT, whole lines or nothing, after a rotation where NOW_US (wall) or the size asks for
 * one. TEXT may be empty. */
bool cdr_file_append (CdrFile *file, const GString *text, int64_t now_us, CdrFileNews *news,
                      GError **error);

/* The last SIZE bytes of the file, or all it has (transfer full). */
GString *cdr_file_tail (CdrFile *file, size_t size);

/* Lets FILE write LINES (transfer full) first, which another one owes. */
void cdr_file_owe (CdrFile *file, GString *lines);

/* Brings what was appended to the disk. What it does not take is owed: the next append writes it
 * again before anything else. */
bool cdr_file_sync (CdrFile *file, GError **error);

#endif
