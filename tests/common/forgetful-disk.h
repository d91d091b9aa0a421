/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A disk for SQLite that forgets what it could not sync.
 *
 * SQLite writes to files through a layer of ours, which keeps beside each of them what the disk has: a
 * sync brings there what was written since the one before. One that fails forgets it, as the kernel
 * does, while the file goes on showing it.
 */

#ifndef TESTS_COMMON_FORGETFUL_DISK_H
#define TESTS_COMMON_FORGETFUL_DISK_H

#include <stdbool.h>

/* All that SQLite opens from here on is on this disk. */
void forgetful_disk_make (void);
void forgetful_disk_end (void);

/* As it was when it was made. */
void forgetful_disk_clear (void);

/* Whether syncs fail from now on. */
void forgetful_disk_fail (bool fails);

/* Writes what the disk has of the database PATH, and of its log, to COPY: what a machine finds that begins
 * anew. */
void forgetful_disk_copy (const char *path, const char *copy);

#endif
