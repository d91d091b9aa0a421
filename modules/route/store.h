/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routing tables on the disk, every version of them: one SQLite file, or a PostgreSQL database.
 *
 *     route:      cells, since, line           the rows that hold
 *     route_past: cells, since, line, until    rows that held before: since <= version < until
 *     version:    number, time, who, comment
 *     change:     version, table, how many rows were added, removed, changed
 *
 * A change is gathered beside them and merged in one transaction, so that what stays the same
 * is not written again: all of it is a new version, or nothing is. Readers see one version whole,
 * whatever is written meanwhile.
 *
 * All of this blocks: it belongs on a worker. One thread at a time may use a Store, but any number of
 * them may be open on the same tables.
 */

#ifndef ROUTE_STORE_H
#define ROUTE_STORE_H

#include "report.h"

#define STORE_NEWEST (-1)

typedef struct Store Store;

typedef struct {
    bool may_create;     /* a file that is missing is made; otherwise it is an error */
    int busy_ms;         /* how long to wait for whoever holds the tables */
    unsigned n_versions; /* so many are kept; 0: all */
} StoreOptions;

/* Whether NAME is postgresql://..., a database on a server, and not a file. */
bool store_is_server (const char *name);

/* NAME as it may be shown: of a URI only host and database. */
char *store_show_name (const char *name);

/* Opens the tables at NAME, a path or postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE. Errors: they
 * are missing, held, full, damaged, somebody else's or a newer version's, or the server does not
 * answer, with what to do. What is said of NAME is as store_show_name () has it. */
Store *store_open (const char *name, const StoreOptions *options, GError **error);
void store_close (Store *store); /* nullable */

/* Asks GO_ON now and then during whatever takes long; false ends it with an error. */
void store_set_pulse (Store *store, bool (*go_on) (void *data), void *data);

/* --- Reading --- */

typedef struct {
    const SchemaTable *table;
    const char *const *cells; /* as in a CSV; "" where nothing is said */
    int64_t since;            /* the version that brought it */
    uint64_t line;            /* of the CSV it came from, 0: of none */
} StoreRow;

/* False, with an error, ends the reading. */
typedef bool (*StoreVisit) (const StoreRow *row, void *data, GError **error);

/* Visits the rows of VERSION (or STORE_NEWEST; 0 has none) of all tables, or of ONLY (nullable): in
 * the order of the tables, in each by its key. RET_VERSION (nullable): which it was. */
bool store_load (Store *store, int64_t version, const SchemaTable *only, StoreVisit visit,
                 void *data, int64_t *ret_version, GError **error);

/* Writes the rows of TABLE to FD as a CSV, which import_csv () reads. */
bool store_export (Store *store, int64_t version, const SchemaTable *table, int fd, GError **error);

/* --- Versions --- */

/* By whom, when, why: kept with the version. */
typedef struct {
    const char *who, *comment;
    int64_t time_us; /* since 1970 */
} StoreNote;

typedef struct {
    int64_t number;
    StoreNote note;
    const ReportCounts *tables; /* N_SCHEMA_TABLES; what it changed */
} StoreVersion;

/* The newest one's number, 0 before the first, and when it was made: cheap enough to ask every second
 * whether another program has changed the tables. */
bool store_newest (Store *store, int64_t *ret_version, int64_t *ret_time_us, GError **error);

/* From now on STORE is told of new versions: the descriptor, which stays STORE's, can be read when there
 * may be one, or when the connection is lost; store_newest () then says which, and when it fails STORE is
 * to be closed. -1: a file does not tell, or the connection is lost. */
int store_listen (Store *store, GError **error);

/* Visits the versions that are kept, the newest first. */
bool store_list_versions (Store *store, void (*visit) (const StoreVersion *version, void *data),
                          void *data, GError **error);

typedef struct {
    const SchemaTable *table;
    const char *const *before; /* the cells, NULL: the row was added */
    const char *const *after;  /* NULL: it was removed */
} StoreDifference;

typedef bool (*StoreDiffVisit) (const StoreDifference *difference, void *data, GError **error);

/* Visits what is not the same in version FROM and version TO, in either order; STORE_NEWEST, 0 as
 * above. */
bool store_diff (Store *store, int64_t from, int64_t to, StoreDiffVisit visit, void *data,
                 GError **error);

/* Makes a new version that is as VERSION was, or, where IS_DRY, only counts in REPORT what would be
 * different; RET_VERSION is its number, or the newest one's when none was made. */
bool store_roll_back (Store *store, int64_t version, const StoreNote *note, bool is_dry,
                      Report *report, int64_t *ret_version, GError **error);

/* --- Changing --- */

typedef struct StoreChange StoreChange;

/* Begins a change; one at a time of each Store, which cannot be read meanwhile. Nothing of it is seen
 * before the commit, and nobody waits for it. */
StoreChange *store_change_begin (Store *store, GError **error);
void store_change_free (StoreChange *change); /* nullable; forgets what was not committed */

/* All rows of TABLE go that are not put. */
void store_change_replace (StoreChange *change, const SchemaTable *table);

/* Puts a row in the place of the one with the same key, if there is one. Bad cells, and a key that was
 * put before, are noted in REPORT, which is no failure. LINE: as in StoreRow. */
bool store_change_put (StoreChange *change, const SchemaTable *table, const char *const *cells,
                       uint64_t line, Report *report, GError **error);

/* Takes away the row of KEYS, the first cells of it. Removals come first in a commit. */
bool store_change_remove (StoreChange *change, const SchemaTable *table, const char *const *keys,
                          GError **error);

/* Merges the change, checks the references and makes a version of it, unless REPORT has problems or
 * gets some, or IS_DRY: then everything is as it was. RET_VERSION (nullable) is the number of the
 * version, or the newest one's when nothing is different. CHANGE can only be freed afterwards. */
bool store_change_commit (StoreChange *change, const StoreNote *note, bool is_dry, Report *report,
                          int64_t *ret_version, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Store, store_close)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreChange, store_change_free)

#endif
