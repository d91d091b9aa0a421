/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Closed intervals on the disk: a restart, or a crash, keeps the traffic of two days.
 *
 *     statistics-20260329            the day on which it was written, UTC
 *     | # tandem trunk statistics 1
 *     | begin_us=1774785600000000 seconds=900 peak=12 out_attempts=40 ... trunk=carrier-a
 *
 * A file only grows, by whole lines; one of a day before yesterday's yesterday is removed. What is 0
 * is left out, and a name that is not known is passed over, so that another build reads it as well.
 */

#ifndef TRUNK_ARCHIVE_H
#define TRUNK_ARCHIVE_H

#include "interval.h"

#include <tandem/module.h>

typedef struct Archive Archive;

/* What was read; TRUNK is good until it returns. */
typedef void (*ArchiveEach) (const char *trunk, const Interval *interval, void *data);

/* Files in FOLDER. Nothing is opened yet. */
Archive *archive_new (TdModule *module, const char *folder);
void archive_free (Archive *archive);

/* INTERVAL of TRUNK as a line behind LINES. */
void archive_append (GString *lines, const char *trunk, const Interval *interval);

/* Writes LINES to the file of the day WALL_US is in. Errors: which file, why, and what to do. Thread:
 * any. Blocks: on the disk. */
bool archive_write (Archive *archive, const GString *lines, int64_t wall_us, GError **error);

/* Calls EACH for what is stored. A file that is damaged is reported, set aside as NAME.damaged, and
 * what is good in it kept. Thread: control. Blocks: on the disk. */
void archive_read (Archive *archive, int64_t wall_us, ArchiveEach each, void *data);

#endif
