/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One database that is asked, with a thread of its own: what it does may block, and holds nobody up.
 *
 *     lane -- source_ask () --> queue --> thread: database --> post --> lane: the question's done ()
 */

#ifndef DIP_SQL_SOURCE_H
#define DIP_SQL_SOURCE_H

#include <tandem/iface/dip.h>
#include <tandem/lane.h>
#include <tandem/module.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
    SQL_TEXT_SIZE = 64,
    SQL_ERROR_SIZE = 160,
};

typedef struct {
    char *database; /* a file of SQLite, or NULL */
    char *server;   /* or the URI of a PostgreSQL database */
    char *query;
    unsigned n_connections; /* to a server */
} SqlSettings;

typedef struct Source Source;

/* A question on its way to the thread and back. */
typedef struct SqlAsked {
    TdPost post; /* first */
    Source *source;
    TdDipQuestion *question; /* the lane's; NULL: cancelled */
    TdLane *lane;
    struct SqlAsked *next;
    int64_t asked_us, limit_us; /* monotonic; it is given up LIMIT_US later */
    char number[SQL_TEXT_SIZE];
    /* The thread's: */
    TdDipResult result;
    char found[SQL_TEXT_SIZE], carrier[SQL_TEXT_SIZE], error[SQL_ERROR_SIZE];
    bool has_ttl;
    uint32_t ttl_s;
} SqlAsked;

struct Source {
    atomic_int n_refs;
    TdModule *module;
    char *name;
    SqlSettings settings;
    int wake; /* an eventfd */
    atomic_bool is_ending;
    pthread_mutex_t lock; /* a leaf; of the queue */
    SqlAsked *first, **last;
};

/* Starts the thread; SETTINGS (transfer full). Errors: there is no thread to be had. Thread: control. */
Source *source_new (TdModule *module, const char *name, SqlSettings *settings, GError **error);
/* Lets it end; what it is asked is answered with a failure. */
void source_end (Source *source);
Source *source_ref (Source *source);
void source_unref (Source *source);

void sql_settings_clear (SqlSettings *settings);
bool sql_settings_equal (const SqlSettings *a, const SqlSettings *b);

/* As TdDipDriver has them. */
const char *source_ask (Source *source, TdDipQuestion *question);
void source_cancel (TdDipQuestion *question);

/* --- For the thread ---------------------------------------------------------------------- */

/* Whether it is to work on. */
bool source_goes_on (const Source *source);
/* The oldest question, or NULL. */
SqlAsked *source_take (Source *source);
/* Its answer is in it. */
void source_answer (SqlAsked *asked);
void source_fail (SqlAsked *asked, const char *format, ...) TD_PRINTF (2, 3);
/* Takes what the database has said, the texts of a row; nullable. */
void source_found (SqlAsked *asked, const char *number, const char *carrier, const char *ttl);
/* Fails what waits for too long, all of it where REASON is not NULL. */
void source_fail_waiting (Source *source, const char *reason);

/* sqlite.c, postgresql.c: what the thread does as long as it goes on. */
void sqlite_run (Source *source);
#ifdef HAVE_POSTGRESQL
void postgresql_run (Source *source);
/* Whether the URI can be read. */
bool postgresql_can_read (const char *uri);
#endif

#endif
