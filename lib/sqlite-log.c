/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found in the log of a database of SQLite, written once more. */

#include "sqlite-log.h"

#include <glib.h>

enum { CHUNK_BYTES = 64 * 1024 }; /* that are read and written at once */

/* Writes LOG over itself and syncs it; returns SQLite's code. */
static int
rewrite_log (sqlite3_file *log)
{
    g_autofree char *chunk = g_malloc (CHUNK_BYTES);
    sqlite3_int64 size = 0;
    int code = log->pMethods->xFileSize (log, &size);

    for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += CHUNK_BYTES) {
        int n = (int) MIN (size - at, CHUNK_BYTES);
        code = log->pMethods->xRead (log, chunk, n, at);
        if (code == SQLITE_OK) {
            code = log->pMethods->xWrite (log, chunk, n, at);
        }
    }
    return code == SQLITE_OK && size > 0 ? log->pMethods->xSync (log, SQLITE_SYNC_FULL) : code;
}

int
sqlite_log_settle (sqlite3 *db)
{
    sqlite3_file *log = NULL;

    sqlite3_file_control (db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    return log != NULL && log->pMethods != NULL ? rewrite_log (log) : SQLITE_OK;
}
