/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database: one table of records, whose columns are the envelope's and those of the facts. */

#include "store.h"

#include <fcntl.h>
#include <sqlite-log.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SCHEMA_VERSION = 1, /* PRAGMA user_version; appended columns do not change it */
    N_ENVELOPE = 6,
};

struct CdrStore {
    char *path;
    sqlite3 *db;
    sqlite3_stmt *insert;
    struct stat place;   /* of the file that was opened */
    bool is_log_settled; /* what was in it when it was opened has been written once more */
};

static const char *
advice_for (int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds it: end its transaction";
    case SQLITE_FULL:
        return "make room, or move it with [cdr-sql] path";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return "give the user of tandemd the right to write the file and its folder";
    case SQLITE_CANTOPEN:
        return "make the folder, let the user of tandemd write there, mount the disk for writing, "
               "or correct "
               "[cdr-sql] path";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "it is damaged or no database: move it away and a new one is begun; \"sqlite3 FILE "
               ".recover\" saves what can be saved";
    default:
        return "look after the disk, or move it with [cdr-sql] path";
    }
}

static bool
fail_as (const CdrStore *store, const char *what, int code, const char *reason, GError **error)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: %s: %s: %s", store->path, what, reason,
                 advice_for (code));
    return false;
}

static bool
fail (const CdrStore *store, const char *what, GError **error)
{
    return fail_as (store, what, sqlite3_extended_errcode (store->db), sqlite3_errmsg (store->db),
                    error);
}

static bool
run (const CdrStore *store, const char *sql, const char *what, GError **error)
{
    return sqlite3_exec (store->db, sql, NULL, NULL, NULL) == SQLITE_OK
           || fail (store, what, error);
}

/* --- Schema ------------------------------------------------------------------------------ */

static bool
read_number (const CdrStore *store, const char *sql, int64_t *ret_number, GError **error)
{
    sqlite3_stmt *statement = NULL;
    bool is_good = sqlite3_prepare_v2 (store->db, sql, -1, &statement, NULL) == SQLITE_OK
                   && sqlite3_step (statement) == SQLITE_ROW;

    if (is_good) {
        *ret_number = sqlite3_column_int64 (statement, 0);
    }
    is_good = is_good || fail (store, "cannot be read", error);
    sqlite3_finalize (statement);
    return is_good;
}

/* The envelope has the call already. */
static bool
is_column (const TdField *field)
{
    return strcmp (field->name, "call") != 0;
}

static const char *
type_of (const TdField *field)
{
    return field->type == TD_FIELD_TEXT || field->type == TD_FIELD_ID ? "TEXT" : "INTEGER";
}

/* Whether FIELD needs no column, or has it. */
static bool
has_column (const CdrStore *store, const TdField *field, bool *ret_has, GError **error)
{
    g_autofree char *look = g_strdup_printf (
        "SELECT count (*) FROM pragma_table_info ('records') WHERE name = '%s'", field->name);
    int64_t n = 1;

    if (is_column (field) && !read_number (store, look, &n, error)) {
        return false;
    }
    *ret_has = n > 0;
    return true;
}

static bool
add_missing_columns (const CdrStore *store, const TdTopic *topic, GError **error)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (topic, &n_fields);

    for (uint32_t i = 0; i < n_fields; i++) {
        g_autofree char *add = g_strdup_printf ("ALTER TABLE records ADD COLUMN \"%s\" %s",
                                                fields[i].name, type_of (&fields[i]));
        bool has;
        if (!has_column (store, &fields[i], &has, error)
            || (!has && !run (store, add, "a column cannot be added", error))) {
            return false;
        }
    }
    return true;
}

static bool
make_table (const CdrStore *store, GError **error)
{
    return run (store,
                "CREATE TABLE records (id INTEGER PRIMARY KEY, record TEXT NOT NULL, node TEXT NOT "
                "NULL, boot INTEGER NOT NULL, call TEXT NOT NULL, sequence INTEGER NOT NULL, time "
                "INTEGER NOT NULL, UNIQUE (node, boot, call, sequence, time));"
                "PRAGMA user_version = 1",
                "its table cannot be made", error);
}

static bool
check_version (const CdrStore *store, int64_t version, int64_t n_tables, GError **error)
{
    if (version > SCHEMA_VERSION) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "%s: was made by a newer Tandem (schema %" G_GINT64_FORMAT
                     ", this one knows %d): use that one, or name another file with [cdr-sql] path",
                     store->path, version, SCHEMA_VERSION);
        return false;
    }
    if (version == 0 && n_tables > 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "%s: is somebody else's database: name another file with [cdr-sql] path",
                     store->path);
        return false;
    }
    return true;
}

/* Whether all is there, and may be written. This takes no lock: a build that is upgraded may be in the
 * middle of a transaction, and a disk needs its time for each. */
static bool
is_prepared (const CdrStore *store, const TdTopic *topic, bool *ret_is_prepared, GError **error)
{
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (topic, &n_fields);
    int64_t version;

    if (!read_number (store, "PRAGMA user_version", &version, error)) {
        return false;
    }
    bool is_whole = version == SCHEMA_VERSION && sqlite3_db_readonly (store->db, "main") == 0;
    for (uint32_t i = 0; is_whole && i < n_fields; i++) {
        if (!has_column (store, &fields[i], &is_whole, error)) {
            return false;
        }
    }
    *ret_is_prepared = is_whole;
    return true;
}

/* In one transaction, so that two processes that begin at once do not meet half-way. */
static bool
prepare_schema (const CdrStore *store, const TdTopic *topic, GError **error)
{
    int64_t version, n_tables;
    bool is_whole;

    if (!is_prepared (store, topic, &is_whole, error)) {
        return false;
    }
    if (is_whole) {
        return true;
    }
    if (!run (store, "BEGIN IMMEDIATE", "cannot be locked", error)) {
        return false;
    }
    if (read_number (store, "PRAGMA user_version", &version, error)
        && read_number (store, "SELECT count (*) FROM sqlite_master WHERE type = 'table'",
                        &n_tables, error)
        && check_version (store, version, n_tables, error)
        && (version > 0 || make_table (store, error)) && add_missing_columns (store, topic, error)
        && run (store, "COMMIT", "its tables cannot be stored", error)) {
        return true;
    }
    sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool
prepare_insert (CdrStore *store, const TdTopic *topic, GError **error)
{
    g_autoptr (GString) names = g_string_new ("record, node, boot, call, sequence, time");
    g_autoptr (GString) marks = g_string_new ("?, ?, ?, ?, ?, ?");
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (topic, &n_fields);

    for (uint32_t i = 0; i < n_fields; i++) {
        if (is_column (&fields[i])) {
            g_string_append_printf (names, ", \"%s\"", fields[i].name);
            g_string_append (marks, ", ?");
        }
    }
    g_autofree char *sql =
        g_strdup_printf ("INSERT INTO records (%s) VALUES (%s) ON CONFLICT (node, boot, call, "
                         "sequence, time) DO NOTHING",
                         names->str, marks->str);
    return sqlite3_prepare_v3 (store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &store->insert, NULL)
               == SQLITE_OK
           || fail (store, "cannot be written", error);
}

/* --- Opening ----------------------------------------------------------------------------- */

void
cdr_store_close (CdrStore *store)
{
    if (store != NULL) {
        sqlite3_finalize (store->insert);
        sqlite3_close (store->db);
        g_free (store->path);
        g_free (store);
    }
}

CdrStore *
cdr_store_open (const char *path, CdrSync sync, bool is_private, int busy_ms, const TdTopic *topic,
                GError **error)
{
    static const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    CdrStore *store = g_new0 (CdrStore, 1);
    g_autofree char *pragmas = g_strdup_printf ("PRAGMA synchronous = %d", sync);

    store->path = g_strdup (path);
    if (is_private) { /* its log and its index get the same rights */
        close (open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    }
    if (sqlite3_open_v2 (path, &store->db, flags, NULL) != SQLITE_OK) {
        fail (store, "cannot be opened", error);
        cdr_store_close (store);
        return NULL;
    }
    sqlite3_busy_timeout (store->db, busy_ms);
    if (!run (store, "PRAGMA journal_mode = WAL", "cannot be opened", error)
        || !run (store, pragmas, "cannot be opened", error) || !prepare_schema (store, topic, error)
        || !prepare_insert (store, topic, error)) {
        cdr_store_close (store);
        return NULL;
    }
    stat (path, &store->place);
    return store;
}

bool
cdr_store_is_in_place (const CdrStore *store)
{
    struct stat now;

    return stat (store->path, &now) == 0 && now.st_dev == store->place.st_dev
           && now.st_ino == store->place.st_ino;
}

/* --- Adding ------------------------------------------------------------------------------ */

/* A peer's text may be anything; what reads the database wants UTF-8. */
static void
bind_text (sqlite3_stmt *insert, int index, const char *text)
{
    if (text == NULL || g_utf8_validate (text, -1, NULL)) {
        sqlite3_bind_text (insert, index, text, -1, SQLITE_TRANSIENT);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid (text, -1);
    sqlite3_bind_text (insert, index, valid, -1, SQLITE_TRANSIENT);
}

static void
bind_id (sqlite3_stmt *insert, int index, TdId id)
{
    char text[TD_ID_TEXT_SIZE];

    sqlite3_bind_text (insert, index, td_id_print (id, text), -1, SQLITE_TRANSIENT);
}

/* A time that has not come, and an id of nothing, are NULL, as they are after a reset. */
static void
bind_value (sqlite3_stmt *insert, int index, const void *body, const TdField *field)
{
    const void *value = (const char *) body + field->offset;

    switch (field->type) {
    case TD_FIELD_BOOL:
        sqlite3_bind_int (insert, index, *(const bool *) value);
        break;
    case TD_FIELD_INT:
    case TD_FIELD_DURATION:
        sqlite3_bind_int64 (insert, index, *(const int64_t *) value);
        break;
    case TD_FIELD_UINT:
        sqlite3_bind_int64 (insert, index, *(const uint32_t *) value);
        break;
    case TD_FIELD_TEXT:
        bind_text (insert, index, *(const char *const *) value);
        break;
    case TD_FIELD_ID:
        if (*(const TdId *) value != TD_ID_NONE) {
            bind_id (insert, index, *(const TdId *) value);
        }
        break;
    case TD_FIELD_TIME:
        if (*(const int64_t *) value != 0) {
            sqlite3_bind_int64 (insert, index, *(const int64_t *) value);
        }
        break;
    }
}

static bool
add_one (CdrStore *store, const TdFact *fact, const char *record, GError **error)
{
    sqlite3_stmt *insert = store->insert;
    uint32_t n_fields;
    const TdField *fields = td_topic_fields (fact->topic, &n_fields);
    int index = N_ENVELOPE + 1;

    sqlite3_clear_bindings (insert);
    sqlite3_bind_text (insert, 1, record, -1, SQLITE_STATIC);
    bind_text (insert, 2, fact->node);
    sqlite3_bind_int64 (insert, 3, fact->boot);
    bind_id (insert, 4, fact->call);
    sqlite3_bind_int64 (insert, 5, fact->sequence);
    sqlite3_bind_int64 (insert, 6, fact->wall_us);
    for (uint32_t i = 0; i < n_fields; i++) {
        if (is_column (&fields[i])) {
            bind_value (insert, index++, fact->body, &fields[i]);
        }
    }
    bool is_good = sqlite3_step (insert) == SQLITE_DONE || fail (store, "cannot be written", error);
    sqlite3_reset (insert);
    return is_good;
}

/* Before a record counts as stored because it is there, what was found is on the disk. */
static bool
settle_log (CdrStore *store, GError **error)
{
    if (store->is_log_settled) {
        return true;
    }
    int code = sqlite_log_settle (store->db);
    store->is_log_settled = code == SQLITE_OK;
    return store->is_log_settled
           || fail_as (store, "its log cannot be written", code, sqlite3_errstr (code), error);
}

bool
cdr_store_add (CdrStore *store, const TdFact *const *facts, const char *const *records,
               unsigned n_facts, GError **error)
{
    bool is_good = run (store, "BEGIN IMMEDIATE", "cannot be locked", error);

    if (!is_good) {
        return false;
    }
    is_good = settle_log (store, error);
    for (unsigned i = 0; is_good && i < n_facts; i++) {
        is_good = records[i] == NULL || add_one (store, facts[i], records[i], error);
    }
    if (is_good && run (store, "COMMIT", "cannot be written", error)) {
        return true;
    }
    sqlite3_exec (store->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
