/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found in the log of a database of SQLite, written once more. */

#ifndef SQLITE_LOG_H
#define SQLITE_LOG_H

#include <sqlite3.h>

/* A batch whose sync failed, or was cut short by a kill, perhaps in another process, is in the write-ahead log
 * that is found when the database is opened, and looks stored; but it may never get to the disk, as the kernel
 * takes pages that it could not write for written, and no sync brings those there. Whatever is written behind
 * it would be lost with it in a power failure. So before what is found counts as stored, and before
 * anything is written behind it, this writes it once more and syncs it. A checkpoint would not do: until a new
 * log is begun the old one, without what the disk lacks of it, undoes a part of it after a power failure.
 *
 * Once for each opening of DB, which is locked for writing, so that its log does not change. Returns SQLite's
 * code: SQLITE_OK, also where there is no log. Thread: DB's. Blocks: for the disk. */
int sqlite_log_settle (sqlite3 *db);

#endif
