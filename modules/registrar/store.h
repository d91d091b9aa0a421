/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database: bindings written by a worker, many in one transaction; users only read.
 *
 *     store_submit () --> queue --> worker: BEGIN, rows of all that wait, COMMIT --> job->done ()
 */

#ifndef REGISTRAR_STORE_H
#define REGISTRAR_STORE_H

#include "binding.h"

typedef struct Store Store;
typedef struct StoreJob StoreJob;

/* One user's changes. Embed it; it stays untouched until DONE, which gets it back. */
struct StoreJob {
    StoreJob *next; /* private */
    const char *user;
    const GArray *changes;        /* Change */
    bool is_stored;               /* on the disk, or everything is as it was */
    void (*done) (StoreJob *job); /* Thread: a worker, or the lane when the module has stopped */
};

/* Opens, and where it is missing makes, the database at PATH, which DONE of no job outlives.
 * Errors: what SQLite said, with the path and what to do. Thread: control. Blocks. */
Store *store_open (TdModule *module, const char *path, GError **error);
void store_free (Store *store);

/* Calls RENEWED whenever the database had to be made anew while it was in use: what is known is to be
 * written again. Before the first job only. RENEWED runs on a worker. */
void store_on_renewed (Store *store, void (*renewed) (void *data), void *data);

/* Queues JOB (transfer full until DONE). Thread: a lane. Blocks: never. */
void store_submit (Store *store, StoreJob *job);

/* Throws out rows that are over and forgotten, and looks whether the wall clock has jumped, so that
 * what is on the disk ends when it ends in memory. Thread: a lane. Blocks: never. */
void store_tidy (Store *store);

/* Visits every binding with the time it has left at most (microseconds). Before the first job only.
 * Thread: control. Blocks. */
bool store_load (Store *store,
                 void (*visit) (const char *user, const TdBinding *binding, int64_t left_us,
                                void *data),
                 void *data, GError **error);

/* Users and numbers of the database at PATH: VISIT_USER first, then VISIT_NUMBER for each. Secrets
 * are nullable. Opens a connection of its own. Thread: control. Blocks. */
typedef struct {
    void (*user) (const char *name, const char *password, const char *ha1_md5,
                  const char *ha1_sha256, void *data);
    void (*number) (const char *number, const char *user, void *data);
} StoreUserVisits;

bool store_read_users (const char *path, const StoreUserVisits *visits, void *data, GError **error);

#endif
