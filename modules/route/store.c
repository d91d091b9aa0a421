/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routing tables on the disk: the file, and reading it. */

#include "store-inside.h"

#include "csv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    SCHEMA_VERSION = 1,
    APPLICATION_ID = 0x54645274, /* "TdRt", at byte 68 of the file */
    PULSE_STEPS = 100000,        /* of SQLite's machine: some milliseconds */
    FLUSH_BYTES = 1 << 16,
};

/* --- Errors ------------------------------------------------------------------------------ */

static const char *
advice_for (int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds it: end its transaction, or try again";
    case SQLITE_FULL:
        return "make room on its disk";
    case SQLITE_IOERR:
        return "is its disk full, or failing?";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return "let the user of tandemd write the file and its folder";
    case SQLITE_CANTOPEN:
        return "does it exist, and may the user of tandemd read and write it and its folder?";
    case SQLITE_CORRUPT:
        return "it is damaged: put a copy in its place, or save what can be saved with \"sqlite3 "
               "FILE .recover\"";
    case SQLITE_NOTADB:
        return "it is no database: name another file";
    default:
        return "look after the file and its disk";
    }
}

bool
store_fail (const Store *store, const char *what, GError **error)
{
    int code = sqlite3_extended_errcode (store->db);

    if (code == SQLITE_INTERRUPT) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED, "routing tables %s: cannot %s: stopped",
                     store->path, what);
    } else {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "routing tables %s: cannot %s: %s: %s",
                     store->path, what, sqlite3_errmsg (store->db), advice_for (code));
    }
    return false;
}

bool
store_check_place (const Store *store, GError **error)
{
    struct stat now;

    if (stat (store->path, &now) == 0 && now.st_dev == store->place.st_dev
        && now.st_ino == store->place.st_ino) {
        return true;
    }
    g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                 "routing tables %s: the file was moved, removed or replaced: put it back, or open "
                 "what is there now",
                 store->path);
    return false;
}

/* --- Statements -------------------------------------------------------------------------- */

bool
store_run (const Store *store, const char *sql, const char *what, GError **error)
{
    return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK
           || store_fail (store, what, error);
}

sqlite3_stmt *
store_prepare (const Store *store, const char *sql, GError **error)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        store_fail (store, "be used", error);
    }
    return statement;
}

bool
store_read_number (const Store *store, const char *sql, int64_t *ret_number, GError **error)
{
    sqlite3_stmt *query = store_prepare (store, sql, error);

    if (query == NULL) {
        return false;
    }
    bool is_read = sqlite3_step (query) == SQLITE_ROW;
    if (is_read) {
        *ret_number = sqlite3_column_int64 (query, 0);
    } else {
        store_fail (store, "be read", error);
    }
    sqlite3_finalize (query);
    return is_read;
}

void
store_undo (const Store *store)
{
    if (!sqlite3_get_autocommit (store->db)) {
        sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

/* --- Opening ----------------------------------------------------------------------------- */

/* Before anything is written: what is not ours is left as it is. */
static bool
check_owner (const Store *store, bool *ret_is_new, GError **error)
{
    int64_t id, version, n_tables;

    if (!store_read_number (store, "PRAGMA application_id", &id, error)
        || !store_read_number (store, "PRAGMA user_version", &version, error)
        || !store_read_number (store, "SELECT count (*) FROM sqlite_master", &n_tables, error)) {
        return false;
    }
    *ret_is_new = id == 0 && version == 0 && n_tables == 0;
    if (id != APPLICATION_ID && !*ret_is_new) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "routing tables %s: it is somebody else's database: name another file",
                     store->path);
        return false;
    }
    if (version > SCHEMA_VERSION) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "routing tables %s: they were made by a newer Tandem (schema %" G_GINT64_FORMAT
                     ", this one knows %d): run that one, or name another file",
                     store->path, version, SCHEMA_VERSION);
        return false;
    }
    return true;
}

static void
append_ddl (GString *sql)
{
    g_string_append_printf (
        sql,
        "PRAGMA application_id = %d; PRAGMA user_version = %d;"
        "CREATE TABLE version (number INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,"
        " who TEXT NOT NULL, comment TEXT NOT NULL);"
        "CREATE TABLE change (version INTEGER NOT NULL, \"table\" TEXT NOT NULL,"
        " added INTEGER NOT NULL, removed INTEGER NOT NULL, changed INTEGER NOT NULL,"
        " PRIMARY KEY (version, \"table\")) WITHOUT ROWID;",
        APPLICATION_ID, SCHEMA_VERSION);
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        g_autofree char *past = g_strconcat (table->name, "_past", NULL);
        schema_append_create (sql, table, table->name, true,
                              "since INTEGER NOT NULL, line INTEGER NOT NULL");
        schema_append_create (
            sql, table, past, false,
            "since INTEGER NOT NULL, line INTEGER NOT NULL, until INTEGER NOT NULL");
        g_string_append_printf (sql, "CREATE INDEX %s_until ON %s (until);", past, past);
    }
}

/* In one transaction, after another look: two processes may begin at once. */
static bool
make_tables (const Store *store, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);
    bool is_new;

    append_ddl (sql);
    if (store_run (store, "BEGIN IMMEDIATE", "be locked", error)
        && check_owner (store, &is_new, error)
        && (!is_new || store_run (store, sql->str, "be made", error))
        && store_run (store, "COMMIT", "be made", error)) {
        return true;
    }
    store_undo (store);
    return false;
}

/* With a write-ahead log, who reads and who writes do not wait for each other. FULL: what was
 * answered is on the disk. */
static bool
prepare (const Store *store, GError **error)
{
    bool is_new;

    if (!check_owner (store, &is_new, error)) {
        return false;
    }
    if (is_new && !store->options.may_create) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "routing tables %s: it is empty: put the tables back", store->path);
        return false;
    }
    return store_run (store,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA journal_size_limit = 67108864;"
                      "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF",
                      "be opened", error)
           && (!is_new || make_tables (store, error));
}

Store *
store_open (const char *path, const StoreOptions *options, GError **error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
                | (options->may_create ? SQLITE_OPEN_CREATE : 0);
    g_autoptr (Store) store = g_new0 (Store, 1);

    store->path = g_strdup (path);
    store->options = *options;
    if (sqlite3_open_v2 (path, &store->db, flags, NULL) != SQLITE_OK) {
        store_fail (store, "be opened", error);
        return NULL;
    }
    sqlite3_busy_timeout (store->db, options->busy_ms);
    if (!prepare (store, error)) {
        return NULL;
    }
    stat (path, &store->place);
    return g_steal_pointer (&store);
}

void
store_close (Store *store)
{
    if (store != NULL) {
        sqlite3_close (store->db);
        g_free (store->path);
        g_free (store);
    }
}

static int
beat (void *data)
{
    const Store *store = data;

    return !store->go_on (store->data);
}

void
store_set_pulse (Store *store, bool (*go_on) (void *data), void *data)
{
    store->go_on = go_on;
    store->data = data;
    sqlite3_progress_handler (store->db, PULSE_STEPS, go_on != NULL ? beat : NULL, store);
}

/* --- Reading ----------------------------------------------------------------------------- */

void
store_read_cells (StoreCells *into, sqlite3_stmt *query, const SchemaTable *table, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        const SchemaColumn *column = &table->columns[i];
        int at = (int) i;
        if (!schema_is_integer (column)) {
            const char *text = (const char *) sqlite3_column_text (query, at);
            into->cells[i] = text != NULL ? text : "";
        } else if (sqlite3_column_type (query, at) == SQLITE_NULL) {
            into->cells[i] = "";
        } else {
            into->cells[i] =
                cell_unpack (column, sqlite3_column_int64 (query, at), into->integers[i]);
        }
    }
}

static sqlite3_stmt *
select_rows (const Store *store, const SchemaTable *table, int64_t version, bool is_newest,
             GError **error)
{
    g_autoptr (GString) sql = g_string_new ("SELECT ");

    schema_append_columns (sql, table, table->n_columns, "");
    g_string_append_printf (sql, ", since, line FROM \"%s\"", table->name);
    if (!is_newest) {
        g_string_append_printf (sql, " WHERE since <= %" G_GINT64_FORMAT " UNION ALL SELECT ",
                                version);
        schema_append_columns (sql, table, table->n_columns, "");
        g_string_append_printf (sql,
                                ", since, line FROM \"%s_past\" WHERE since <= %" G_GINT64_FORMAT
                                " AND until > %" G_GINT64_FORMAT,
                                table->name, version, version);
    }
    g_string_append (sql, " ORDER BY ");
    schema_append_columns (sql, table, table->n_keys, "");
    return store_prepare (store, sql->str, error);
}

static bool
visit_rows (const Store *store, sqlite3_stmt *query, const SchemaTable *table, StoreVisit visit,
            void *data, GError **error)
{
    StoreCells cells;
    StoreRow row = { .table = table, .cells = cells.cells };
    int code;

    while ((code = sqlite3_step (query)) == SQLITE_ROW) {
        store_read_cells (&cells, query, table, table->n_columns);
        row.since = sqlite3_column_int64 (query, (int) table->n_columns);
        row.line = (uint64_t) sqlite3_column_int64 (query, (int) table->n_columns + 1);
        if (!visit (&row, data, error)) {
            return false;
        }
    }
    return code == SQLITE_DONE || store_fail (store, "be read", error);
}

static bool
load_table (const Store *store, const SchemaTable *table, int64_t version, int64_t newest,
            StoreVisit visit, void *data, GError **error)
{
    sqlite3_stmt *query = select_rows (store, table, version, version == newest, error);
    bool is_good = query != NULL && visit_rows (store, query, table, visit, data, error);

    sqlite3_finalize (query);
    return is_good;
}

bool
store_load (Store *store, int64_t version, const SchemaTable *only, StoreVisit visit, void *data,
            int64_t *ret_version, GError **error)
{
    int64_t number, newest;

    g_return_val_if_fail (!store->is_changing, false);
    bool is_good = store_check_place (store, error) && store_run (store, "BEGIN", "be read", error)
                   && store_find_version (store, STORE_NEWEST, &newest, error)
                   && store_find_version (store, version, &number, error);

    for (unsigned i = 0; is_good && i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        is_good = (only != NULL && only != table)
                  || load_table (store, table, number, newest, visit, data, error);
    }
    store_undo (store);
    if (is_good && ret_version != NULL) {
        *ret_version = number;
    }
    return is_good;
}

/* --- Export ------------------------------------------------------------------------------ */

typedef struct {
    GString *text;
    int fd;
} Export;

static bool
flush (Export *export, GError **error)
{
    for (size_t at = 0; at < export->text->len;) {
        ssize_t n = write (export->fd, export->text->str + at, export->text->len - at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "the CSV cannot be written: %s",
                         g_strerror (errno));
            return false;
        }
        at += (size_t) n;
    }
    g_string_truncate (export->text, 0);
    return true;
}

static bool
export_row (const StoreRow *row, void *data, GError **error)
{
    Export *export = data;

    for (unsigned i = 0; i < row->table->n_columns; i++) {
        if (i > 0) {
            g_string_append_c (export->text, ',');
        }
        csv_append_cell (export->text, row->cells[i]);
    }
    g_string_append (export->text, "\r\n"); /* RFC 4180 2.1 */
    return export->text->len < FLUSH_BYTES || flush (export, error);
}

bool
store_export (Store *store, int64_t version, const SchemaTable *table, int fd, GError **error)
{
    Export export = { .text = g_string_sized_new (FLUSH_BYTES + 4096), .fd = fd };

    schema_append_header (export.text, table);
    g_string_append (export.text, "\r\n");
    bool is_good = store_load (store, version, table, export_row, &export, NULL, error)
                   && flush (&export, error);
    g_string_free (export.text, TRUE);
    return is_good;
}
