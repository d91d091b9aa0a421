/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database: bindings written by a worker, many in one transaction; users only read. */

#include "store.h"

#include <tandem/log.h>
#include <tandem/metric.h>
#include <tandem/worker.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite-log.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

enum {
    SCHEMA_VERSION = 1,
    LOCK_WAIT_MS = 1000, /* for another process that writes */
    JUMP_US = 2000000,   /* less than this is no jump of the wall clock */
    MAX_BATCH = 1000,    /* jobs in one transaction */
};

struct Store {
    TdWork work; /* first */
    TdModule *module;
    char *path;
    TdMetric *commit_us, *failures;

    pthread_mutex_t lock; /* guards these three */
    StoreJob *first, **last;
    bool is_working; /* WORK is under way; always while jobs wait */

    /* The worker's, one at a time; nobody's while it opens. */
    sqlite3 *db;
    sqlite3_stmt *put, *remove;
    int64_t offset_us; /* wall minus monotonic time that the rows were written with */
    bool is_failing;
    bool is_log_settled; /* what was in it when it was opened has been written once more */
    int log_code;        /* of SQLite, why that failed */
    bool is_renewed;     /* the tables were missing, and were made */

    void (*renewed) (void *data); /* nullable */
    void *data;
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS binding ("
    " user TEXT NOT NULL, contact TEXT NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL,"
    " q INTEGER NOT NULL, received TEXT NOT NULL, user_agent TEXT NOT NULL,"
    " expires_us INTEGER NOT NULL, PRIMARY KEY (user, contact)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS binding_expires ON binding (expires_us);"
    "CREATE TABLE IF NOT EXISTS user ("
    " name TEXT NOT NULL PRIMARY KEY, password TEXT, ha1_md5 TEXT, ha1_sha256 TEXT);"
    "CREATE TABLE IF NOT EXISTS number ("
    " number TEXT NOT NULL PRIMARY KEY, user TEXT NOT NULL);"
    "PRAGMA user_version = 1;";

static const char put_sql[] = "INSERT OR REPLACE INTO binding"
                              " (user, contact, call_id, cseq, q, received, user_agent, expires_us)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
static const char remove_sql[] = "DELETE FROM binding WHERE user = ?1 AND contact = ?2";

/* --- Opening ----------------------------------------------------------------------------- */

static const char *
advice_for (int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another process keeps it locked: end that one";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "see to the owner and the mode of the file and its folder";
    case SQLITE_FULL:
    case SQLITE_IOERR:
        return "see to the disk: is it full, or failing?";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "it is damaged: move it away, and a new one is made; phones register again by "
               "themselves, users that stand only in it must be put back";
    default:
        return "see to the file";
    }
}

static bool
refuse (sqlite3 *db, const char *path, const char *what, GError **error)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "registrar database %s: cannot %s: %s: %s", path,
                 what, sqlite3_errmsg (db), advice_for (sqlite3_errcode (db)));
    return false;
}

/* Passwords may stand in it: nobody else is to read it. */
static void
make_private (const char *path)
{
    int fd = open (path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0) {
        close (fd);
    }
}

/* A connection to PATH, or NULL. */
static sqlite3 *
connect_to (const char *path, int flags, GError **error)
{
    sqlite3 *db = NULL;

    if (sqlite3_open_v2 (path, &db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        refuse (db, path, "open it", error);
        sqlite3_close (db);
        return NULL;
    }
    sqlite3_busy_timeout (db, LOCK_WAIT_MS);
    return db;
}

static bool
read_version (sqlite3 *db, int *ret_version)
{
    sqlite3_stmt *query = NULL;
    bool is_read = sqlite3_prepare_v2 (db, "PRAGMA user_version", -1, &query, NULL) == SQLITE_OK
                   && sqlite3_step (query) == SQLITE_ROW;

    if (is_read) {
        *ret_version = sqlite3_column_int (query, 0);
    }
    sqlite3_finalize (query);
    return is_read;
}

static bool
run_sql (sqlite3 *db, const char *sql)
{
    return sqlite3_exec (db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Tables where there are none. With a write-ahead log readers and the writer do not wait for each
 * other; FULL: a commit that was answered is on the disk. */
static bool
prepare_tables (Store *store, GError **error)
{
    sqlite3 *db = store->db;
    const char *path = store->path;
    int version = 0;

    if (!read_version (db, &version)) {
        return refuse (db, path, "read it", error);
    }
    if (version > SCHEMA_VERSION) {
        g_set_error (
            error, TD_ERROR, TD_ERROR_INVALID,
            "registrar database %s: its tables have version %d, this build knows up to %d: "
            "name another file, or run the newer build",
            path, version, SCHEMA_VERSION);
        return false;
    }
    if (sqlite3_db_readonly (db, "main") != 1) {
        run_sql (db, "PRAGMA journal_mode = WAL");
    }
    run_sql (db, "PRAGMA synchronous = FULL");
    if (version == SCHEMA_VERSION) {
        return true;
    }
    if (!run_sql (db, "BEGIN IMMEDIATE") || !run_sql (db, schema) || !run_sql (db, "COMMIT")) {
        refuse (db, path, "make its tables", error);
        run_sql (db, "ROLLBACK");
        return false;
    }
    store->is_renewed = true;
    return true;
}

static void
close_database (Store *store)
{
    sqlite3_finalize (store->put);
    sqlite3_finalize (store->remove);
    sqlite3_close (store->db);
    store->put = store->remove = NULL;
    store->db = NULL;
}

static bool
open_database (Store *store, GError **error)
{
    make_private (store->path);
    store->is_log_settled = false;
    store->db = connect_to (store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
    if (store->db == NULL) {
        return false;
    }
    if (!prepare_tables (store, error)) {
        close_database (store);
        return false;
    }
    if (sqlite3_prepare_v2 (store->db, put_sql, -1, &store->put, NULL) != SQLITE_OK
        || sqlite3_prepare_v2 (store->db, remove_sql, -1, &store->remove, NULL) != SQLITE_OK) {
        refuse (store->db, store->path, "use its tables", error);
        close_database (store);
        return false;
    }
    return true;
}

/* --- One transaction --------------------------------------------------------------------- */

static bool
step (sqlite3_stmt *statement)
{
    int code = sqlite3_step (statement);

    sqlite3_reset (statement);
    return code == SQLITE_DONE;
}

static void
bind_text (sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
}

static bool
remove_row (Store *store, const char *user, const Binding *binding)
{
    bind_text (store->remove, 1, user);
    bind_text (store->remove, 2, binding->contact);
    return step (store->remove);
}

static bool
put_row (Store *store, const char *user, const Binding *binding)
{
    bind_text (store->put, 1, user);
    bind_text (store->put, 2, binding->contact);
    bind_text (store->put, 3, binding->call_id);
    sqlite3_bind_int64 (store->put, 4, binding->cseq);
    sqlite3_bind_int (store->put, 5, binding->q_thousandths);
    bind_text (store->put, 6, binding->received);
    bind_text (store->put, 7, binding->user_agent);
    sqlite3_bind_int64 (store->put, 8, binding->deadline_us + store->offset_us);
    return step (store->put);
}

static bool
write_change (Store *store, const char *user, const Change *change)
{
    switch (change->kind) {
    case CHANGE_REFRESHED:
        /* The same contact may be written in another way. */
        if (strcmp (change->before->contact, change->binding->contact) != 0
            && !remove_row (store, user, change->before)) {
            return false;
        }
        return put_row (store, user, change->binding);
    case CHANGE_ADDED:
        return put_row (store, user, change->binding);
    case CHANGE_REMOVED:
    case CHANGE_EXPIRED:
        return remove_row (store, user, change->binding);
    }
    return false;
}

/* The wall clock was set: what is left of the rows' time is to stay what it was. */
static bool
follow_clock (Store *store)
{
    int64_t offset_us = td_clock_wall_us () - td_clock_now_us ();
    int64_t jump_us = offset_us - store->offset_us;

    if (ABS (jump_us) < JUMP_US) {
        return true;
    }
    g_autofree char *sql = g_strdup_printf (
        "UPDATE binding SET expires_us = expires_us + (%" G_GINT64_FORMAT ")", jump_us);
    if (!run_sql (store->db, sql)) {
        return false;
    }
    store->offset_us = offset_us;
    return true;
}

static bool
purge (Store *store)
{
    g_autofree char *sql =
        g_strdup_printf ("DELETE FROM binding WHERE expires_us <= %" G_GINT64_FORMAT,
                         td_clock_now_us () + store->offset_us);

    return run_sql (store->db, sql);
}

static bool
write_job (Store *store, const StoreJob *job)
{
    if (job->user == NULL) {
        return purge (store);
    }
    for (unsigned i = 0; i < job->changes->len; i++) {
        if (!write_change (store, job->user, &g_array_index (job->changes, Change, i))) {
            return false;
        }
    }
    return true;
}

static bool
settle_log (Store *store)
{
    if (!store->is_log_settled) {
        store->log_code = sqlite_log_settle (store->db);
        store->is_log_settled = store->log_code == SQLITE_OK;
    }
    return store->is_log_settled;
}

static bool
write_batch (Store *store, const StoreJob *jobs)
{
    if (!run_sql (store->db, "BEGIN IMMEDIATE") || !settle_log (store) || !follow_clock (store)) {
        return false;
    }
    for (; jobs != NULL; jobs = jobs->next) {
        if (!write_job (store, jobs)) {
            return false;
        }
    }
    return run_sql (store->db, "COMMIT");
}

/* --- The worker -------------------------------------------------------------------------- */

static void
tell_failure (Store *store, const char *reason)
{
    td_metric_add (store->failures, 1);
    if (!store->is_failing) {
        store->is_failing = true;
        td_log_error (store->module, "database",
                      "%s; contacts that are known stay known, new ones are refused meanwhile",
                      reason);
    }
}

static void
tell_success (Store *store)
{
    if (store->is_failing) {
        store->is_failing = false;
        td_log_notice (store->module, "database", "registrar database %s: it can be written again",
                       store->path);
    }
}

/* A connection whose file is gone or damaged is of no more use; the next batch tries a new one. */
static void
give_up_batch (Store *store, int64_t offset_us)
{
    g_autoptr (GError) error = NULL;
    int code = sqlite3_errcode (store->db) & 0xff;

    if (code == SQLITE_OK && store->log_code != SQLITE_OK) {
        code = store->log_code & 0xff;
        g_set_error (&error, TD_ERROR, TD_ERROR_SYSTEM,
                     "registrar database %s: cannot write its log: %s: %s", store->path,
                     sqlite3_errstr (store->log_code), advice_for (store->log_code));
    } else {
        refuse (store->db, store->path, "write", &error);
    }
    tell_failure (store, error->message);
    run_sql (store->db, "ROLLBACK");
    store->offset_us = offset_us;
    if (code != SQLITE_BUSY && code != SQLITE_LOCKED && code != SQLITE_FULL) {
        close_database (store);
    }
}

static bool
is_file_gone (Store *store)
{
    int has_moved = 0;

    sqlite3_file_control (store->db, "main", SQLITE_FCNTL_HAS_MOVED, &has_moved);
    return has_moved != 0;
}

static bool
has_database (Store *store)
{
    g_autoptr (GError) error = NULL;

    if (store->db != NULL && is_file_gone (store)) {
        td_log_error (store->module, "database",
                      "registrar database %s: it was moved away or removed; a new one is made",
                      store->path);
        close_database (store);
    }
    if (store->db == NULL && !open_database (store, &error)) {
        tell_failure (store, error->message);
        return false;
    }
    return true;
}

static bool
store_batch (Store *store, const StoreJob *jobs)
{
    int64_t begin_us = td_clock_now_us (), offset_us = store->offset_us;

    if (!has_database (store)) {
        return false;
    }
    if (!write_batch (store, jobs)) {
        give_up_batch (store, offset_us);
        return false;
    }
    td_metric_observe (store->commit_us, (uint64_t) (td_clock_now_us () - begin_us));
    tell_success (store);
    if (store->is_renewed && store->renewed != NULL) {
        store->renewed (store->data);
    }
    store->is_renewed = false;
    return true;
}

static StoreJob *
take_batch (Store *store)
{
    StoreJob *batch, **link;

    pthread_mutex_lock (&store->lock);
    batch = store->first;
    link = &store->first;
    for (unsigned n = 0; *link != NULL && n < MAX_BATCH; n++) {
        link = &(*link)->next;
    }
    store->first = *link;
    *link = NULL;
    if (store->first == NULL) {
        store->last = &store->first;
    }
    pthread_mutex_unlock (&store->lock);
    return batch;
}

static void
give_back (StoreJob *jobs, bool is_stored)
{
    while (jobs != NULL) {
        StoreJob *job = jobs;
        jobs = job->next;
        job->is_stored = is_stored;
        job->done (job);
    }
}

static void
run_work (TdWork *work)
{
    Store *store = (Store *) work;
    StoreJob *jobs = take_batch (store);

    give_back (jobs, store_batch (store, jobs));
}

static void
work_done (TdWork *work)
{
    Store *store = (Store *) work;

    pthread_mutex_lock (&store->lock);
    store->is_working = store->first != NULL;
    bool is_more = store->is_working;
    pthread_mutex_unlock (&store->lock);
    if (is_more) {
        td_work_start (work);
    }
}

/* The module was stopped by force: what waits is told so. */
static void
drop_work (TdWork *work)
{
    Store *store = (Store *) work;

    for (StoreJob *jobs = take_batch (store); jobs != NULL; jobs = take_batch (store)) {
        give_back (jobs, false);
    }
    pthread_mutex_lock (&store->lock);
    store->is_working = false;
    pthread_mutex_unlock (&store->lock);
}

void
store_submit (Store *store, StoreJob *job)
{
    job->next = NULL;
    pthread_mutex_lock (&store->lock);
    *store->last = job;
    store->last = &job->next;
    bool is_idle = !store->is_working;
    store->is_working = true;
    pthread_mutex_unlock (&store->lock);
    if (is_idle) {
        td_work_start (&store->work);
    }
}

static void
free_job (StoreJob *job)
{
    g_free (job);
}

void
store_tidy (Store *store)
{
    StoreJob *job = g_new0 (StoreJob, 1);

    job->done = free_job;
    store_submit (store, job);
}

/* --- Making and reading ------------------------------------------------------------------ */

static void
declare_metrics (Store *store)
{
    static const uint64_t bounds[] = {
        500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 1000000
    };

    store->commit_us = td_metric_declare (
        store->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_HISTOGRAM,
                                        .name = "tandem_registrar_commit_microseconds",
                                        .help = "How long a transaction of the registrar took.",
                                        .buckets = bounds,
                                        .n_buckets = G_N_ELEMENTS (bounds) });
    store->failures = td_metric_declare (
        store->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_COUNTER,
                         .name = "tandem_registrar_commit_failures_total",
                         .help = "Transactions of the registrar that the database refused." });
}

Store *
store_open (TdModule *module, const char *path, GError **error)
{
    Store *store = g_new0 (Store, 1);

    store->module = module;
    store->path = g_strdup (path);
    store->work =
        (TdWork){ .owner = module, .run = run_work, .done = work_done, .drop = drop_work };
    pthread_mutex_init (&store->lock, NULL);
    store->last = &store->first;
    store->offset_us = td_clock_wall_us () - td_clock_now_us ();
    if (!open_database (store, error)) {
        store_free (store);
        return NULL;
    }
    store->is_renewed = false;
    declare_metrics (store);
    if (sqlite3_db_readonly (store->db, "main") == 1) {
        td_log_warning (module, "database",
                        "registrar database %s: it cannot be written: nobody can register; see to "
                        "the owner and the mode of the file and its folder",
                        path);
    }
    return store;
}

void
store_on_renewed (Store *store, void (*renewed) (void *data), void *data)
{
    store->renewed = renewed;
    store->data = data;
}

void
store_free (Store *store)
{
    if (store == NULL) {
        return;
    }
    close_database (store);
    pthread_mutex_destroy (&store->lock);
    g_free (store->path);
    g_free (store);
}

static const char *
column_text (sqlite3_stmt *query, int column)
{
    const char *text = (const char *) sqlite3_column_text (query, column);

    return text != NULL ? text : "";
}

bool
store_load (Store *store,
            void (*visit) (const char *user, const TdBinding *binding, int64_t left_us, void *data),
            void *data, GError **error)
{
    sqlite3_stmt *query = NULL;
    int64_t wall_us = td_clock_wall_us ();
    int code = sqlite3_prepare_v2 (store->db,
                                   "SELECT user, contact, call_id, cseq, q, received, user_agent,"
                                   " expires_us FROM binding",
                                   -1, &query, NULL);

    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step (query);
        if (code == SQLITE_ROW) {
            TdBinding binding = {
                .size = sizeof binding,
                .contact = column_text (query, 1),
                .call_id = column_text (query, 2),
                .cseq = (uint32_t) sqlite3_column_int64 (query, 3),
                .q_thousandths = (uint16_t) CLAMP (sqlite3_column_int (query, 4), 0, 1000),
                .received = column_text (query, 5),
                .user_agent = column_text (query, 6),
                .expires_us = sqlite3_column_int64 (query, 7),
            };
            visit (column_text (query, 0), &binding, binding.expires_us - wall_us, data);
        }
    }
    if (code != SQLITE_DONE) {
        refuse (store->db, store->path, "read the bindings", error);
    }
    sqlite3_finalize (query);
    return code == SQLITE_DONE;
}

static bool
read_users (sqlite3 *db, const StoreUserVisits *visits, void *data)
{
    sqlite3_stmt *query = NULL;

    sqlite3_prepare_v2 (db, "SELECT name, password, ha1_md5, ha1_sha256 FROM user", -1, &query,
                        NULL);
    while (query != NULL && sqlite3_step (query) == SQLITE_ROW) {
        visits->user (column_text (query, 0), (const char *) sqlite3_column_text (query, 1),
                      (const char *) sqlite3_column_text (query, 2),
                      (const char *) sqlite3_column_text (query, 3), data);
    }
    return query != NULL && sqlite3_finalize (query) == SQLITE_OK;
}

static bool
read_numbers (sqlite3 *db, const StoreUserVisits *visits, void *data)
{
    sqlite3_stmt *query = NULL;

    sqlite3_prepare_v2 (db, "SELECT number, user FROM number", -1, &query, NULL);
    while (query != NULL && sqlite3_step (query) == SQLITE_ROW) {
        visits->number (column_text (query, 0), column_text (query, 1), data);
    }
    return query != NULL && sqlite3_finalize (query) == SQLITE_OK;
}

bool
store_read_users (const char *path, const StoreUserVisits *visits, void *data, GError **error)
{
    sqlite3 *db = connect_to (path, SQLITE_OPEN_READONLY, error);

    if (db == NULL) {
        return false;
    }
    bool is_read = (read_users (db, visits, data) && read_numbers (db, visits, data))
                   || refuse (db, path, "read the users", error);
    sqlite3_close (db);
    return is_read;
}
