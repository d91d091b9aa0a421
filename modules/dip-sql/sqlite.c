/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file of SQLite, read with one statement. A file that was replaced is opened anew. */

#include "source.h"

#include <poll.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS = 100, /* how long somebody else may hold the file */
    LOOK_MS = 1000,
};

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *select;
    struct stat place;
} File;

static void
close_file (File *file)
{
    sqlite3_finalize (file->select);
    sqlite3_close (file->db);
    *file = (File){ NULL };
}

static void
fail (File *file, SqlAsked *asked)
{
    source_fail (asked, "%s: %s", asked->source->settings.database,
                 file->db != NULL ? sqlite3_errmsg (file->db) : "it cannot be opened");
    close_file (file);
}

static bool
open_file (File *file, const SqlSettings *settings)
{
    if (sqlite3_open_v2 (settings->database, &file->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX,
                         NULL)
        != SQLITE_OK) {
        return false;
    }
    sqlite3_busy_timeout (file->db, BUSY_MS);
    return sqlite3_prepare_v3 (file->db, settings->query, -1, SQLITE_PREPARE_PERSISTENT,
                               &file->select, NULL)
               == SQLITE_OK
           && stat (settings->database, &file->place) == 0;
}

/* Whether the path still names what is open. */
static bool
is_in_place (const File *file, const char *path)
{
    struct stat now;

    return stat (path, &now) == 0 && now.st_dev == file->place.st_dev
           && now.st_ino == file->place.st_ino;
}

static const char *
text (sqlite3_stmt *select, int column)
{
    return column < sqlite3_column_count (select)
               ? (const char *) sqlite3_column_text (select, column)
               : NULL;
}

static void
look_up (File *file, SqlAsked *asked)
{
    const SqlSettings *settings = &asked->source->settings;

    if (file->db != NULL && !is_in_place (file, settings->database)) {
        close_file (file);
    }
    if (file->db == NULL && !open_file (file, settings)) {
        fail (file, asked);
        return;
    }
    if (sqlite3_bind_parameter_count (file->select) != 1) {
        source_fail (asked, "the query has %d parameters, and one is wanted: write ?1",
                     sqlite3_bind_parameter_count (file->select));
        close_file (file);
        return;
    }
    sqlite3_bind_text (file->select, 1, asked->number, -1, SQLITE_TRANSIENT);
    int code = sqlite3_step (file->select);
    if (code == SQLITE_ROW) {
        source_found (asked, text (file->select, 0), text (file->select, 1),
                      text (file->select, 2));
    } else if (code == SQLITE_DONE) {
        asked->result = TD_DIP_NOT_FOUND;
        source_answer (asked);
    } else {
        fail (file, asked);
        return;
    }
    sqlite3_reset (file->select);
}

void
sqlite_run (Source *source)
{
    File file = { NULL };
    uint64_t n;
    SqlAsked *asked;

    while (source_goes_on (source)) {
        struct pollfd poller = { .fd = source->wake, .events = POLLIN };
        if (poll (&poller, 1, LOOK_MS) > 0 && read (source->wake, &n, sizeof n) < 0) {
            continue;
        }
        while (source_goes_on (source) && (asked = source_take (source)) != NULL) {
            look_up (&file, asked);
        }
    }
    close_file (&file);
}
