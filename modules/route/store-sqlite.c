/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routing tables in a file of SQLite. */

#include "store-driver.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite-log.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION_ID = 0x54645274, /* "TdRt", at byte 68 of the file */
    PULSE_STEPS = 100000,        /* of SQLite's machine: some milliseconds */
};

typedef struct {
    Store store; /* first */
    char *path;
    sqlite3 *db;
    bool is_log_settled; /* what was in it when it was opened has been written once more */
    struct stat place;   /* of the file that was opened */
    sqlite3_stmt *insert[N_SCHEMA_TABLES]; /* NULL: no row of that table was put */
} SqliteStore;

struct StoreQuery {
    SqliteStore *sqlite;
    sqlite3_stmt *statement;
};

static SqliteStore *
sqlite_of (Store *store)
{
    return (SqliteStore *) store;
}

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

/* "cannot WHAT", with what SQLite said last and what to do; false. */
static bool
fail (const SqliteStore *store, const char *what, GError **error)
{
    int code = sqlite3_extended_errcode (store->db);

    if (code == SQLITE_INTERRUPT) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED, "routing tables %s: cannot %s: stopped",
                     store->store.name, what);
    } else {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "routing tables %s: cannot %s: %s: %s",
                     store->store.name, what, sqlite3_errmsg (store->db), advice_for (code));
    }
    return false;
}

/* Whether the path still names what is open. */
static bool
check_place (Store *base, GError **error)
{
    const SqliteStore *store = sqlite_of (base);
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

static bool
run (Store *base, const char *sql, const char *what, uint64_t *ret_n, GError **error)
{
    const SqliteStore *store = sqlite_of (base);

    if (sqlite3_exec (store->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return fail (store, what, error);
    }
    if (ret_n != NULL) {
        *ret_n = (uint64_t) sqlite3_changes64 (store->db);
    }
    return true;
}

static sqlite3_stmt *
prepare (const SqliteStore *store, const char *sql, GError **error)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail (store, "be used", error);
    }
    return statement;
}

static StoreQuery *
query (Store *base, const char *sql, GError **error)
{
    sqlite3_stmt *statement = prepare (sqlite_of (base), sql, error);
    StoreQuery *made = NULL;

    if (statement != NULL) {
        made = g_new (StoreQuery, 1);
        *made = (StoreQuery){ sqlite_of (base), statement };
    }
    return made;
}

static StoreStep
step (StoreQuery *at, GError **error)
{
    int code = sqlite3_step (at->statement);

    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        fail (at->sqlite, "be read", error);
        return STORE_FAILED;
    }
    return code == SQLITE_ROW ? STORE_ROW : STORE_END;
}

static const char *
text (StoreQuery *at, unsigned column)
{
    return (const char *) sqlite3_column_text (at->statement, (int) column);
}

static int64_t
number (StoreQuery *at, unsigned column)
{
    return sqlite3_column_int64 (at->statement, (int) column);
}

static void
end_query (StoreQuery *at)
{
    if (at != NULL) {
        sqlite3_finalize (at->statement);
        g_free (at);
    }
}

/* --- Transactions ------------------------------------------------------------------------ */

static bool
begin_reading (Store *store, GError **error)
{
    return run (store, "BEGIN", "be read", NULL, error);
}

static void
undo (Store *base)
{
    const SqliteStore *store = sqlite_of (base);

    if (!sqlite3_get_autocommit (store->db)) {
        sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
    }
}

static bool
settle_log (SqliteStore *store, GError **error)
{
    if (store->is_log_settled) {
        return true;
    }
    int code = sqlite_log_settle (store->db);
    store->is_log_settled = code == SQLITE_OK;
    if (!store->is_log_settled) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM,
                     "routing tables %s: cannot write their log: %s: %s", store->store.name,
                     sqlite3_errstr (code), advice_for (code));
    }
    return store->is_log_settled;
}

static bool
begin_writing (Store *store, GError **error)
{
    if (!run (store, "BEGIN IMMEDIATE", "be locked", NULL, error)) {
        return false;
    }
    if (!settle_log (sqlite_of (store), error)) {
        undo (store);
        return false;
    }
    return true;
}

static bool
commit (Store *store, GError **error)
{
    return run (store, "COMMIT", "be written", NULL, error);
}

/* --- Opening ----------------------------------------------------------------------------- */

/* Before anything is written: what is not ours is left as it is. */
static bool
check_owner (Store *store, bool *ret_is_new, bool *ret_is_old, GError **error)
{
    int64_t id, version, n_tables;

    if (!store_read_number (store, "PRAGMA application_id", &id, error)
        || !store_read_number (store, "PRAGMA user_version", &version, error)
        || !store_read_number (store, "SELECT count (*) FROM sqlite_master", &n_tables, error)) {
        return false;
    }
    *ret_is_new = id == 0 && version == 0 && n_tables == 0;
    *ret_is_old = !*ret_is_new && version < STORE_SCHEMA_VERSION;
    if (id != APPLICATION_ID && !*ret_is_new) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "routing tables %s: it is somebody else's database: name another file",
                     store->name);
        return false;
    }
    if (version > STORE_SCHEMA_VERSION) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "routing tables %s: they were made by a newer Tandem (schema %" G_GINT64_FORMAT
                     ", this one knows %d): run that one, or name another file",
                     store->name, version, STORE_SCHEMA_VERSION);
        return false;
    }
    return true;
}

static void
append_table (GString *sql, const SchemaTable *table)
{
    g_autofree char *past = g_strconcat (table->name, "_past", NULL);

    schema_append_create (sql, table, table->name, true,
                          "since INTEGER NOT NULL, line INTEGER NOT NULL");
    schema_append_create (sql, table, past, false,
                          "since INTEGER NOT NULL, line INTEGER NOT NULL, until INTEGER NOT NULL");
    g_string_append_printf (sql, "CREATE INDEX %s_until ON %s (until);", past, past);
}

static void
append_versions (GString *sql)
{
    g_string_append_printf (
        sql,
        "PRAGMA application_id = %d; PRAGMA user_version = %d;"
        "CREATE TABLE version (number INTEGER PRIMARY KEY, time_us INTEGER NOT NULL,"
        " who TEXT NOT NULL, comment TEXT NOT NULL);"
        "CREATE TABLE change (version INTEGER NOT NULL, \"table\" TEXT NOT NULL,"
        " added INTEGER NOT NULL, removed INTEGER NOT NULL, changed INTEGER NOT NULL,"
        " PRIMARY KEY (version, \"table\")) WITHOUT ROWID;",
        APPLICATION_ID, STORE_SCHEMA_VERSION);
}

static char *
look_for (const char *table, const char *column)
{
    return g_strdup_printf ("SELECT count (*) FROM pragma_table_info ('%s') WHERE name = '%s'",
                            table, column);
}

static const StoreLayout layout = {
    .lock = "BEGIN IMMEDIATE",
    .check_owner = check_owner,
    .append_versions = append_versions,
    .append_table = append_table,
    .look_for = look_for,
    .integer = "INTEGER",
    .text = "TEXT",
    .set_number = "PRAGMA user_version = ",
};

/* With a write-ahead log, who reads and who writes do not wait for each other. FULL: what was
 * answered is on the disk. */
static bool
make_ready (Store *store, GError **error)
{
    bool is_new, is_old;

    if (!check_owner (store, &is_new, &is_old, error)) {
        return false;
    }
    if (is_new && !store->options.may_create) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "routing tables %s: it is empty: put the tables back", store->name);
        return false;
    }
    return store_run (store,
                      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA journal_size_limit = 67108864;"
                      "PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF",
                      "be opened", error)
           && ((!is_new && !is_old) || store_lay_out (store, &layout, error));
}

static void
close_file (Store *base)
{
    SqliteStore *store = sqlite_of (base);

    sqlite3_close (store->db);
    g_free (store->path);
    g_free (store);
}

/* Tables that root makes belong to whose folder it is: otherwise tandemd, which runs as a user of its own,
 * could not change them. What SQLite puts beside the file it gives to the owner of the file. */
static bool
make_file (const SqliteStore *store, GError **error)
{
    g_autofree char *folder = g_path_get_dirname (store->path);
    struct stat status;

    if (geteuid () != 0 || stat (folder, &status) != 0 || status.st_uid == 0) {
        return true;
    }
    int fd = open (store->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return true; /* it is there, or SQLite says why not */
    }
    bool is_given = fchown (fd, status.st_uid, status.st_gid) == 0;
    int number = errno;
    close (fd);
    if (!is_given) {
        unlink (store->path);
        g_set_error (
            error, TD_ERROR, TD_ERROR_SYSTEM,
            "routing tables %s: cannot be given to the owner of the folder: %s: make them as "
            "that user",
            store->path, g_strerror (number));
    }
    return is_given;
}

static Store *
open_file (const char *path, const StoreOptions *options, GError **error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
                | (options->may_create ? SQLITE_OPEN_CREATE : 0);
    SqliteStore *store = g_new0 (SqliteStore, 1);
    g_autoptr (Store) base = &store->store;

    *base = (Store){ .driver = &store_sqlite, .name = g_strdup (path), .options = *options };
    store->path = g_strdup (path);
    if (options->may_create && !make_file (store, error)) {
        return NULL;
    }
    if (sqlite3_open_v2 (path, &store->db, flags, NULL) != SQLITE_OK) {
        fail (store, "be opened", error);
        return NULL;
    }
    sqlite3_busy_timeout (store->db, options->busy_ms);
    if (!make_ready (base, error)) {
        return NULL;
    }
    stat (path, &store->place);
    return g_steal_pointer (&base);
}

static int
beat (void *data)
{
    const Store *store = data;

    return !store->go_on (store->data);
}

static void
pulse_changed (Store *store)
{
    sqlite3_progress_handler (sqlite_of (store)->db, PULSE_STEPS,
                              store->go_on != NULL ? beat : NULL, store);
}

/* --- Gathering --------------------------------------------------------------------------- */

/* Beside the tables: there is as much room as they will need. The name is taken away at once, so that
 * nothing stays behind, whatever happens. */
static bool
attach (SqliteStore *store, const char *path, GError **error)
{
    sqlite3_stmt *statement = prepare (store, "ATTACH ? AS incoming", error);
    bool is_good = statement != NULL;

    if (is_good) {
        sqlite3_bind_text (statement, 1, path, -1, SQLITE_STATIC);
        is_good = sqlite3_step (statement) == SQLITE_DONE || fail (store, "be changed", error);
    }
    sqlite3_finalize (statement);
    return is_good
           && store_run (&store->store,
                         "PRAGMA incoming.locking_mode = EXCLUSIVE;"
                         "PRAGMA incoming.journal_mode = OFF;"
                         "PRAGMA incoming.synchronous = OFF;"
                         "PRAGMA incoming.cache_size = -32768;"
                         "PRAGMA main.cache_size = -16384; BEGIN",
                         "be changed", error);
}

static void
forget_gathered (Store *base)
{
    SqliteStore *store = sqlite_of (base);

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        g_clear_pointer (&store->insert[i], sqlite3_finalize);
    }
    undo (base);
    sqlite3_exec (store->db, "DETACH incoming", NULL, NULL, NULL);
    sqlite3_exec (store->db, "PRAGMA main.cache_size = -2000", NULL, NULL, NULL);
    sqlite3_db_release_memory (store->db);
}

static bool
begin_gathering (Store *base, GError **error)
{
    SqliteStore *store = sqlite_of (base);
    g_autofree char *path = g_strconcat (store->path, "-incoming-XXXXXX", NULL);
    int fd = mkstemp (path);

    if (fd < 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM,
                     "%s: cannot be made: %s: let the user of tandemd write that folder, and see "
                     "whether its disk is full",
                     path, g_strerror (errno));
        return false;
    }
    close (fd);
    bool is_good = attach (store, path, error);
    unlink (path);
    if (!is_good) {
        forget_gathered (base);
    }
    return is_good;
}

static bool
make_table (SqliteStore *store, const SchemaTable *table, GError **error)
{
    g_autofree char *name = g_strdup_printf ("incoming.\"%s\"", table->name);
    g_autoptr (GString) sql = g_string_new (NULL);

    schema_append_create (sql, table, name, true, "line INTEGER NOT NULL");
    if (!store_run (&store->store, sql->str, "be changed", error)) {
        return false;
    }
    g_string_printf (sql, "INSERT INTO %s VALUES (?", name);
    for (unsigned i = 0; i < table->n_columns; i++) {
        g_string_append (sql, ", ?");
    }
    g_string_append (sql, ") ON CONFLICT DO NOTHING");
    store->insert[table->id] = prepare (store, sql->str, error);
    return store->insert[table->id] != NULL;
}

static void
bind_cell (sqlite3_stmt *statement, int index, const SchemaColumn *column, const char *cell)
{
    cell = store_cell (column, cell);
    if (!schema_is_integer (column)) {
        sqlite3_bind_text (statement, index, cell, -1, SQLITE_STATIC);
    } else if (*cell == '\0') {
        sqlite3_bind_null (statement, index);
    } else {
        sqlite3_bind_int64 (statement, index, cell_pack (column, cell));
    }
}

static bool
note_twice (SqliteStore *store, const SchemaTable *table, const char *const *cells, uint64_t line,
            Report *report, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);
    g_autofree char *key = store_describe_key (table, cells);

    g_string_printf (sql, "SELECT line FROM incoming.\"%s\"", table->name);
    for (unsigned i = 0; i < table->n_keys; i++) {
        g_string_append_printf (sql, "%s\"%s\" = ?", i > 0 ? " AND " : " WHERE ",
                                table->columns[i].name);
    }
    sqlite3_stmt *statement = prepare (store, sql->str, error);
    if (statement == NULL) {
        return false;
    }
    for (unsigned i = 0; i < table->n_keys; i++) {
        bind_cell (statement, (int) i + 1, &table->columns[i], cells[i]);
    }
    bool is_found = sqlite3_step (statement) == SQLITE_ROW;
    if (is_found) {
        store_note_twice (report, table, key, line, sqlite3_column_int64 (statement, 0));
    } else {
        fail (store, "be changed", error);
    }
    sqlite3_finalize (statement);
    return is_found;
}

static bool
put (Store *base, const SchemaTable *table, const char *const *cells, uint64_t line, Report *report,
     GError **error)
{
    SqliteStore *store = sqlite_of (base);

    if (store->insert[table->id] == NULL && !make_table (store, table, error)) {
        return false;
    }
    sqlite3_stmt *insert = store->insert[table->id];
    for (unsigned i = 0; i < table->n_columns; i++) {
        bind_cell (insert, (int) i + 1, &table->columns[i], cells[i]);
    }
    sqlite3_bind_int64 (insert, (int) table->n_columns + 1, (int64_t) line);
    bool is_good = sqlite3_step (insert) == SQLITE_DONE || fail (store, "be changed", error);
    sqlite3_reset (insert);
    if (is_good && sqlite3_changes64 (store->db) == 0) {
        is_good = note_twice (store, table, cells, line, report, error);
    }
    return is_good;
}

static bool
end_gathering (Store *base, Report *report, GError **error)
{
    return store_run (base, "COMMIT", "be changed", error);
}

const StoreDriver store_sqlite = {
    .incoming = "incoming",
    .open = open_file,
    .close = close_file,
    .pulse_changed = pulse_changed,
    .check_place = check_place,
    .run = run,
    .query = query,
    .step = step,
    .text = text,
    .number = number,
    .end_query = end_query,
    .begin_reading = begin_reading,
    .begin_writing = begin_writing,
    .commit = commit,
    .undo = undo,
    .begin_gathering = begin_gathering,
    .put = put,
    .end_gathering = end_gathering,
    .forget_gathered = forget_gathered,
};
