/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routing tables in a PostgreSQL database, in a schema of their own: the connection, what can
 * befall it, and what is there.
 *
 * A commit notifies the channel that is called as the schema, in its transaction: whoever listens is told
 * of a version when it can be read.
 */

#include "store-postgresql.h"

#include <poll.h>
#include <string.h>

#define SCHEMA "tandem_routing"

#define LOCK_KEY "1415860852" /* of whoever makes the schema: "TdRt" */

enum { BEAT_MS = 100 };

/* --- Errors ------------------------------------------------------------------------------ */

typedef struct {
    const char *state; /* the beginning of an SQLSTATE */
    const char *advice;
} Advice;

static const Advice advices[] = {
    { "08", "see that the server runs and can be reached" },
    { "28", "see what pg_hba.conf asks of this user, and that PGPASSFILE or ~/.pgpass has the "
            "password" },
    { "3D", "make the database, for example with createdb" },
    { "40", "try again" },
    { "42501", "let the user of the URI use the schema " SCHEMA
               " (GRANT), or make it (GRANT CREATE ON DATABASE)" },
    { "53100", "make room on its disk" },
    { "53", "give the server more memory or connections" },
    { "55P03", "another program holds it: end its transaction, or try again" },
    { "57014", "do not cancel it" },
    { "57P", "see that the server runs and can be reached" },
    { "XX", "it is damaged: see the server's log, and restore a backup" },
};

static const char *
advice_for (const PgStore *store, const char *state)
{
    if (state == NULL || PQstatus (store->connection) == CONNECTION_BAD) {
        return "see that the server runs and can be reached";
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (advices); i++) {
        if (g_str_has_prefix (state, advices[i].state)) {
            return advices[i].advice;
        }
    }
    return "see the server's log";
}

/* The first line says it; others repeat the statement. */
static char *
first_line (const char *message)
{
    size_t len = strcspn (message, "\n");

    return len > 0 ? g_strndup (message, len) : g_strdup ("the connection was lost");
}

bool
pg_fail (const PgStore *store, const PGresult *result, const char *what, GError **error)
{
    const char *state = result != NULL ? PQresultErrorField (result, PG_DIAG_SQLSTATE) : NULL;
    const char *said = result != NULL ? PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    g_autofree char *message =
        first_line (said != NULL ? said : PQerrorMessage (store->connection));

    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "routing tables %s: cannot %s: %s: %s",
                 store->store.name, what, message, advice_for (store, state));
    return false;
}

bool
pg_beat (PgStore *store, const char *what, GError **error)
{
    if (store->store.go_on == NULL || store->store.go_on (store->store.data)) {
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_REFUSED, "routing tables %s: cannot %s: stopped",
                 store->store.name, what);
    return false;
}

/* --- Statements -------------------------------------------------------------------------- */

static void
cancel (PgStore *store)
{
    char said[256];
    PGcancel *handle = PQgetCancel (store->connection);

    if (handle != NULL) {
        PQcancel (handle, said, sizeof said);
        PQfreeCancel (handle);
    }
}

void
pg_await (PgStore *store)
{
    bool is_cancelled = false;

    while (PQisBusy (store->connection)) {
        struct pollfd poller = { .fd = PQsocket (store->connection), .events = POLLIN };
        bool is_ready = poll (&poller, 1, BEAT_MS) > 0;
        if (is_ready && !PQconsumeInput (store->connection)) {
            return;
        }
        if (!is_ready && !is_cancelled && !pg_beat (store, "", NULL)) {
            cancel (store);
            is_cancelled = true;
        }
    }
}

/* Keeps the first result that is an error, or the last of all. */
static PGresult *
take_results (PgStore *store)
{
    PGresult *kept = NULL;

    for (;;) {
        pg_await (store);
        PGresult *next = PQgetResult (store->connection);
        if (next == NULL) {
            return kept;
        }
        if (kept == NULL || PQresultStatus (kept) == PGRES_COMMAND_OK) {
            PQclear (kept);
            kept = next;
        } else {
            PQclear (next);
        }
        if (PQstatus (store->connection) == CONNECTION_BAD) {
            return kept;
        }
    }
}

bool
pg_run (Store *base, const char *sql, const char *what, uint64_t *ret_n, GError **error)
{
    PgStore *store = pg_of (base);

    if (!pg_beat (store, what, error)) {
        return false;
    }
    if (!PQsendQuery (store->connection, sql)) {
        return pg_fail (store, NULL, what, error);
    }
    PGresult *result = take_results (store);
    ExecStatusType status = PQresultStatus (result);
    bool is_good = status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY;
    if (is_good && ret_n != NULL) {
        *ret_n = g_ascii_strtoull (PQcmdTuples (result), NULL, 10);
    } else if (!is_good) {
        is_good = pg_beat (store, what, error) && pg_fail (store, result, what, error);
    }
    PQclear (result);
    return is_good;
}

/* --- Transactions ------------------------------------------------------------------------ */

static bool
begin_reading (Store *store, GError **error)
{
    return pg_run (store, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "be read", NULL,
                   error);
}

/* Who reads does not mind, who writes waits. */
static bool
begin_writing (Store *store, GError **error)
{
    return pg_run (store, "BEGIN; LOCK TABLE version IN EXCLUSIVE MODE", "be locked", NULL, error);
}

static bool
commit (Store *store, GError **error)
{
    return pg_run (store, "NOTIFY " SCHEMA "; COMMIT", "be written", NULL, error);
}

static void
undo (Store *base)
{
    PgStore *store = pg_of (base);

    if (PQtransactionStatus (store->connection) == PQTRANS_INTRANS
        || PQtransactionStatus (store->connection) == PQTRANS_INERROR) {
        PQclear (PQexec (store->connection, "ROLLBACK"));
    }
}

/* --- The connection ---------------------------------------------------------------------- */

/* Otherwise libpq writes them to the standard error output. */
static void
ignore_notice (void *data, const char *message)
{
}

/* What the URI does not say itself. A peer that has vanished is missed in half a minute. */
static bool
connect_to (PgStore *store, GError **error)
{
    static const char *const names[] = {
        "application_name",    "connect_timeout",  "keepalives_idle",
        "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "client_encoding",     "dbname",           NULL
    };
    const char *const values[] = { "tandem-route", "10",   "10",       "5", "3",
                                   "30000",        "UTF8", store->uri, NULL };
    g_autofree char *settings = g_strdup_printf (
        "SET search_path = " SCHEMA ", pg_temp; SET standard_conforming_strings = on;"
        "SET synchronous_commit = on; SET statement_timeout = 0; SET lock_timeout = %d;"
        "SET idle_in_transaction_session_timeout = 0; SET client_min_messages = warning;"
        "SET temp_buffers = '32MB'; SET work_mem = '32MB'; SET maintenance_work_mem = '128MB';"
        /* Statements are few and their plans plain: a glance at the rows is enough for them. */
        "SET default_statistics_target = 10; SET jit = off",
        store->store.options.busy_ms);

    PQfinish (store->connection);
    store->connection = PQconnectdbParams (names, values, 1);
    PQsetNoticeProcessor (store->connection, ignore_notice, NULL);
    return (PQstatus (store->connection) == CONNECTION_OK
            || pg_fail (store, NULL, "be opened", error))
           && pg_run (&store->store, settings, "be opened", NULL, error);
}

/* A server that ends a connection says so before: its end comes behind. */
static bool
is_connected (PgStore *store)
{
    struct pollfd poller = { .fd = PQsocket (store->connection), .events = POLLIN };

    while (PQstatus (store->connection) == CONNECTION_OK && poll (&poller, 1, 0) > 0) {
        if (!PQconsumeInput (store->connection)) {
            return false;
        }
        PQisBusy (store->connection); /* takes notice of it */
    }
    return PQstatus (store->connection) == CONNECTION_OK;
}

/* A connection that was lost is made again, unless somebody waits on it. */
static bool
check_place (Store *base, GError **error)
{
    PgStore *store = pg_of (base);

    if (is_connected (store)) {
        return true;
    }
    if (store->is_listening) {
        return pg_fail (store, NULL, "be asked", error);
    }
    return connect_to (store, error);
}

static int
listen_there (Store *base, GError **error)
{
    PgStore *store = pg_of (base);

    if (!check_place (base, error) || !pg_run (base, "LISTEN " SCHEMA, "be asked", NULL, error)) {
        return -1;
    }
    store->is_listening = true;
    return PQsocket (store->connection);
}

static bool
was_told (Store *base)
{
    bool is_told = false;

    for (PGnotify *notify; (notify = PQnotifies (pg_of (base)->connection)) != NULL;) {
        PQfreemem (notify);
        is_told = true;
    }
    return is_told;
}

/* --- Opening ----------------------------------------------------------------------------- */

/* Libpq quotes from a URI that it cannot read, perhaps its password: that is not passed on. */
static bool
check_uri (const char *uri, const char *shown, GError **error)
{
    PQconninfoOption *options = PQconninfoParse (uri, NULL);
    bool is_good = options != NULL && strcmp (shown, "postgresql://...") != 0;

    PQconninfoFree (options);
    if (!is_good) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "routing tables %s: the URI cannot be read: write it as "
                     "postgresql://USER@HOST:PORT/DATABASE, and what is special in a password as "
                     "%%40 for @, %%2F for /",
                     shown);
    }
    return is_good;
}

/* Before anything is written: what is not ours is left as it is. */
static bool
check_owner (Store *store, bool *ret_is_new, bool *ret_is_old, GError **error)
{
    int64_t n_schemas, n_layouts, version;

    if (!store_read_number (
            store, "SELECT count (*) FROM pg_catalog.pg_namespace WHERE nspname = '" SCHEMA "'",
            &n_schemas, error)
        || !store_read_number (
            store,
            "SELECT count (*) FROM pg_catalog.pg_tables WHERE schemaname = '" SCHEMA
            "' AND tablename = 'layout'",
            &n_layouts, error)) {
        return false;
    }
    *ret_is_new = n_schemas == 0;
    *ret_is_old = false;
    if (*ret_is_new) {
        return true;
    }
    if (n_layouts == 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "routing tables %s: its schema " SCHEMA
                     " is somebody else's: name another database",
                     store->name);
        return false;
    }
    if (!store_read_number (store, "SELECT max (number) FROM " SCHEMA ".layout", &version, error)) {
        return false;
    }
    if (version > STORE_SCHEMA_VERSION) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "routing tables %s: they were made by a newer Tandem (schema %" G_GINT64_FORMAT
                     ", this one knows %d): run that one, or name another database",
                     store->name, version, STORE_SCHEMA_VERSION);
        return false;
    }
    *ret_is_old = version < STORE_SCHEMA_VERSION;
    return true;
}

static void
append_table (GString *sql, const SchemaTable *table)
{
    g_string_append_printf (sql, "CREATE TABLE \"%s\" (", table->name);
    pg_append_columns (sql, table);
    g_string_append (sql, "since BIGINT NOT NULL, line BIGINT NOT NULL, PRIMARY KEY (");
    schema_append_columns (sql, table, table->n_keys, "");
    g_string_append_printf (sql, ")); CREATE TABLE \"%s_past\" (", table->name);
    pg_append_columns (sql, table);
    g_string_append_printf (sql,
                            "since BIGINT NOT NULL, line BIGINT NOT NULL, until BIGINT NOT NULL);"
                            "CREATE INDEX ON \"%s_past\" (until);",
                            table->name);
}

static void
append_versions (GString *sql)
{
    g_string_append_printf (
        sql,
        "CREATE SCHEMA " SCHEMA ";"
        "CREATE TABLE layout (number INTEGER NOT NULL); INSERT INTO layout VALUES (%d);"
        "CREATE TABLE version (number BIGINT PRIMARY KEY, time_us BIGINT NOT NULL,"
        " who TEXT NOT NULL, comment TEXT NOT NULL);"
        "CREATE TABLE change (version BIGINT NOT NULL, \"table\" TEXT NOT NULL,"
        " added BIGINT NOT NULL, removed BIGINT NOT NULL, changed BIGINT NOT NULL,"
        " PRIMARY KEY (version, \"table\"));",
        STORE_SCHEMA_VERSION);
}

static char *
look_for (const char *table, const char *column)
{
    return g_strdup_printf (
        "SELECT count (*) FROM information_schema.columns WHERE table_schema = '" SCHEMA
        "' AND table_name = '%s' AND column_name = '%s'",
        table, column);
}

static const StoreLayout layout = {
    .lock = "BEGIN; DO 'BEGIN PERFORM pg_advisory_xact_lock (" LOCK_KEY "); END'",
    .check_owner = check_owner,
    .append_versions = append_versions,
    .append_table = append_table,
    .look_for = look_for,
    .integer = "BIGINT",
    .text = "TEXT COLLATE \"C\"",
    .set_number = "UPDATE layout SET number = ",
};

static bool
make_ready (Store *store, GError **error)
{
    bool is_new, is_old;

    if (!check_owner (store, &is_new, &is_old, error)) {
        return false;
    }
    if (is_new && !store->options.may_create) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "routing tables %s: it has no schema " SCHEMA
                     ": put the tables back, or name the database that has them",
                     store->name);
        return false;
    }
    return (!is_new && !is_old) || store_lay_out (store, &layout, error);
}

static void
close_connection (Store *base)
{
    PgStore *store = pg_of (base);

    PQfinish (store->connection);
    if (store->buffer != NULL) {
        g_string_free (store->buffer, TRUE);
    }
    g_free (store->uri);
    g_free (store);
}

static Store *
open_connection (const char *uri, const StoreOptions *options, GError **error)
{
    PgStore *store = g_new0 (PgStore, 1);
    g_autoptr (Store) base = &store->store;

    *base =
        (Store){ .driver = &store_postgresql, .name = store_show_name (uri), .options = *options };
    store->uri = g_strdup (uri);
    if (!check_uri (uri, base->name, error) || !connect_to (store, error)
        || !make_ready (base, error)) {
        return NULL;
    }
    return g_steal_pointer (&base);
}

const StoreDriver store_postgresql = {
    .incoming = "pg_temp",
    .open = open_connection,
    .close = close_connection,
    .check_place = check_place,
    .run = pg_run,
    .query = pg_query,
    .step = pg_step,
    .text = pg_text,
    .number = pg_number,
    .end_query = pg_end_query,
    .begin_reading = begin_reading,
    .begin_writing = begin_writing,
    .commit = commit,
    .undo = undo,
    .begin_gathering = pg_begin_gathering,
    .put = pg_put,
    .end_gathering = pg_end_gathering,
    .forget_gathered = pg_forget_gathered,
    .listen = listen_there,
    .was_told = was_told,
};
