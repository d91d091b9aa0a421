/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A change of the tables: its rows are gathered in a file of their own, then merged at once. */

#include "store-inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const SchemaTable *table;
    char **keys;
} Removal;

struct StoreChange {
    Store *store;
    sqlite3_stmt *insert[N_SCHEMA_TABLES]; /* NULL: no row of that table was put */
    bool is_replaced[N_SCHEMA_TABLES];
    GArray *removals;
    GString *reason;
};

/* --- Beginning and end ------------------------------------------------------------------- */

/* Beside the tables: there is as much room as they will need. The name is taken away at once, so that
 * nothing stays behind, whatever happens. */
static bool
attach (const Store *store, GError **error)
{
    g_autofree char *path = g_strconcat (store->path, "-incoming-XXXXXX", NULL);
    sqlite3_stmt *statement;
    int fd = mkstemp (path);

    if (fd < 0) {
        g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM,
                     "%s: cannot be made: %s: let the user of tandemd write that folder, and see "
                     "whether its disk is full",
                     path, g_strerror (errno));
        return false;
    }
    close (fd);
    statement = store_prepare (store, "ATTACH ? AS incoming", error);
    bool is_good = statement != NULL;
    if (is_good) {
        sqlite3_bind_text (statement, 1, path, -1, SQLITE_STATIC);
        is_good =
            sqlite3_step (statement) == SQLITE_DONE || store_fail (store, "be changed", error);
    }
    sqlite3_finalize (statement);
    is_good = is_good
              && store_run (store,
                            "PRAGMA incoming.locking_mode = EXCLUSIVE;"
                            "PRAGMA incoming.journal_mode = OFF;"
                            "PRAGMA incoming.synchronous = OFF;"
                            "PRAGMA incoming.cache_size = -32768;"
                            "PRAGMA main.cache_size = -16384; BEGIN",
                            "be changed", error);
    unlink (path);
    return is_good;
}

static void
detach (const Store *store)
{
    store_undo (store);
    sqlite3_exec (store->db, "DETACH incoming", NULL, NULL, NULL);
    sqlite3_exec (store->db, "PRAGMA main.cache_size = -2000", NULL, NULL, NULL);
    sqlite3_db_release_memory (store->db);
}

static void
clear_removal (void *data)
{
    g_strfreev (((Removal *) data)->keys);
}

StoreChange *
store_change_begin (Store *store, GError **error)
{
    g_return_val_if_fail (!store->is_changing, NULL);
    if (!store_check_place (store, error)) {
        return NULL;
    }
    if (!attach (store, error)) {
        detach (store);
        return NULL;
    }
    StoreChange *change = g_new0 (StoreChange, 1);
    change->store = store;
    change->removals = g_array_new (FALSE, FALSE, sizeof (Removal));
    g_array_set_clear_func (change->removals, clear_removal);
    change->reason = g_string_new (NULL);
    store->is_changing = true;
    return change;
}

static void
end_gathering (StoreChange *change)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        g_clear_pointer (&change->insert[i], sqlite3_finalize);
    }
}

void
store_change_free (StoreChange *change)
{
    if (change == NULL) {
        return;
    }
    end_gathering (change);
    detach (change->store);
    change->store->is_changing = false;
    g_array_unref (change->removals);
    g_string_free (change->reason, TRUE);
    g_free (change);
}

/* --- Gathering --------------------------------------------------------------------------- */

static bool
make_table (StoreChange *change, const SchemaTable *table, GError **error)
{
    g_autofree char *name = g_strdup_printf ("incoming.\"%s\"", table->name);
    g_autoptr (GString) sql = g_string_new (NULL);

    schema_append_create (sql, table, name, true, "line INTEGER NOT NULL");
    if (!store_run (change->store, sql->str, "be changed", error)) {
        return false;
    }
    g_string_printf (sql, "INSERT INTO %s VALUES (?", name);
    for (unsigned i = 0; i < table->n_columns; i++) {
        g_string_append (sql, ", ?");
    }
    g_string_append (sql, ") ON CONFLICT DO NOTHING");
    change->insert[table->id] = store_prepare (change->store, sql->str, error);
    return change->insert[table->id] != NULL;
}

static bool
check_cells (StoreChange *change, const SchemaTable *table, const char *const *cells, uint64_t line,
             Report *report)
{
    bool is_good = true;

    for (unsigned i = 0; i < table->n_columns; i++) {
        g_string_truncate (change->reason, 0);
        if (!cell_check (&table->columns[i], cells[i], change->reason)) {
            report_add (report, table, line, NULL, table->columns[i].name, "%s",
                        change->reason->str);
            is_good = false;
        }
    }
    return is_good;
}

static void
bind_cell (sqlite3_stmt *statement, int index, const SchemaColumn *column, const char *text)
{
    if (*text == '\0' && column->fallback != NULL) {
        text = column->fallback;
    }
    if (!schema_is_integer (column)) {
        sqlite3_bind_text (statement, index, text, -1, SQLITE_STATIC);
    } else if (*text == '\0') {
        sqlite3_bind_null (statement, index);
    } else {
        sqlite3_bind_int64 (statement, index, cell_pack (column, text));
    }
}

/* "main, +44, 0" */
static char *
describe_key (const SchemaTable *table, const char *const *cells)
{
    g_autoptr (GString) key = g_string_new (NULL);

    for (unsigned i = 0; i < table->n_keys; i++) {
        g_string_append (key, i > 0 ? ", " : "");
        td_text_append_value (key, cells[i]);
    }
    return g_string_free (g_steal_pointer (&key), FALSE);
}

static void
append_where_key (GString *sql, const SchemaTable *table)
{
    for (unsigned i = 0; i < table->n_keys; i++) {
        g_string_append_printf (sql, "%s\"%s\" = ?", i > 0 ? " AND " : " WHERE ",
                                table->columns[i].name);
    }
}

static bool
note_twice (StoreChange *change, const SchemaTable *table, const char *const *cells, uint64_t line,
            Report *report, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);
    g_autofree char *key = describe_key (table, cells);

    g_string_printf (sql, "SELECT line FROM incoming.\"%s\"", table->name);
    append_where_key (sql, table);
    sqlite3_stmt *query = store_prepare (change->store, sql->str, error);
    if (query == NULL) {
        return false;
    }
    for (unsigned i = 0; i < table->n_keys; i++) {
        bind_cell (query, (int) i + 1, &table->columns[i], cells[i]);
    }
    bool is_found = sqlite3_step (query) == SQLITE_ROW;
    if (is_found) {
        int64_t first = sqlite3_column_int64 (query, 0);
        report_add (report, table, line, key, NULL,
                    "%s stands on line %" G_GINT64_FORMAT " already: take one of them out", key,
                    first);
    } else {
        store_fail (change->store, "be changed", error);
    }
    sqlite3_finalize (query);
    return is_found;
}

void
store_change_replace (StoreChange *change, const SchemaTable *table)
{
    change->is_replaced[table->id] = true;
}

bool
store_change_put (StoreChange *change, const SchemaTable *table, const char *const *cells,
                  uint64_t line, Report *report, GError **error)
{
    report->tables[table->id].n_read++;
    if (!check_cells (change, table, cells, line, report)) {
        return true;
    }
    if (change->insert[table->id] == NULL && !make_table (change, table, error)) {
        return false;
    }
    sqlite3_stmt *insert = change->insert[table->id];
    for (unsigned i = 0; i < table->n_columns; i++) {
        bind_cell (insert, (int) i + 1, &table->columns[i], cells[i]);
    }
    sqlite3_bind_int64 (insert, (int) table->n_columns + 1, (int64_t) line);
    bool is_good =
        sqlite3_step (insert) == SQLITE_DONE || store_fail (change->store, "be changed", error);
    sqlite3_reset (insert);
    if (is_good && sqlite3_changes64 (change->store->db) == 0) {
        is_good = note_twice (change, table, cells, line, report, error);
    }
    return is_good;
}

bool
store_change_remove (StoreChange *change, const SchemaTable *table, const char *const *keys,
                     GError **error)
{
    Removal removal = { .table = table, .keys = g_new0 (char *, table->n_keys + 1) };

    for (unsigned i = 0; i < table->n_keys; i++) {
        g_string_truncate (change->reason, 0);
        if (!cell_check (&table->columns[i], keys[i], change->reason)) {
            g_set_error (error, TD_ERROR, TD_ERROR_INVALID, "%s, %s: %s", table->name,
                         table->columns[i].name, change->reason->str);
            clear_removal (&removal);
            return false;
        }
        removal.keys[i] = g_strdup (keys[i]);
    }
    g_array_append_val (change->removals, removal);
    return true;
}

/* --- Merging ----------------------------------------------------------------------------- */

void
store_append_end (GString *sql, const SchemaTable *table, int64_t version)
{
    g_string_append_printf (sql, "INSERT INTO main.\"%s_past\" SELECT ", table->name);
    schema_append_columns (sql, table, table->n_columns, "c.");
    g_string_append_printf (sql, ", c.since, c.line, %" G_GINT64_FORMAT " ", version);
}

static void
append_same_key (GString *sql, const SchemaTable *table)
{
    for (unsigned i = 0; i < table->n_keys; i++) {
        const char *name = table->columns[i].name;
        g_string_append_printf (sql, "%si.\"%s\" = c.\"%s\"", i > 0 ? " AND " : "", name, name);
    }
}

/* Whether the row of A is not that of B, which has the same key. */
static void
append_different (GString *sql, const SchemaTable *table, const char *a, const char *b)
{
    g_string_append (sql, "(0");
    for (unsigned i = table->n_keys; i < table->n_columns; i++) {
        const char *name = table->columns[i].name;
        g_string_append_printf (sql, " OR %s\"%s\" IS NOT %s\"%s\"", a, name, b, name);
    }
    g_string_append_c (sql, ')');
}

/* Runs SQL and says how many rows it wrote. */
static bool
run_counted (const Store *store, const char *sql, uint64_t *ret_n, GError **error)
{
    if (!store_run (store, sql, "be changed", error)) {
        return false;
    }
    *ret_n = (uint64_t) sqlite3_changes64 (store->db);
    return true;
}

static bool
run_with_keys (const Store *store, const char *sql, const Removal *removal, GError **error)
{
    sqlite3_stmt *statement = store_prepare (store, sql, error);

    if (statement == NULL) {
        return false;
    }
    for (unsigned i = 0; i < removal->table->n_keys; i++) {
        bind_cell (statement, (int) i + 1, &removal->table->columns[i], removal->keys[i]);
    }
    bool is_good =
        sqlite3_step (statement) == SQLITE_DONE || store_fail (store, "be changed", error);
    sqlite3_finalize (statement);
    return is_good;
}

static bool
remove_row (const Store *store, const Removal *removal, int64_t version, Report *report,
            GError **error)
{
    const SchemaTable *table = removal->table;
    g_autoptr (GString) sql = g_string_new (NULL);

    store_append_end (sql, table, version);
    g_string_append_printf (sql, "FROM main.\"%s\" c", table->name);
    append_where_key (sql, table);
    if (!run_with_keys (store, sql->str, removal, error)) {
        return false;
    }
    if (sqlite3_changes64 (store->db) == 0) {
        g_autofree char *key = describe_key (table, (const char *const *) removal->keys);
        report_add (report, table, 0, key, NULL, "there is no such row to take away");
        return true;
    }
    report->tables[table->id].n_removed++;
    g_string_printf (sql, "DELETE FROM main.\"%s\"", table->name);
    append_where_key (sql, table);
    return run_with_keys (store, sql->str, removal, error);
}

/* Of a table that is replaced, ends the rows that were not put. */
static bool
end_missing (StoreChange *change, const SchemaTable *table, int64_t version, Report *report,
             GError **error)
{
    g_autoptr (GString) condition = g_string_new (NULL), sql = g_string_new (NULL);
    uint64_t n = 0, n_deleted;

    if (change->insert[table->id] != NULL) {
        g_string_printf (condition, "WHERE NOT EXISTS (SELECT 1 FROM incoming.\"%s\" i WHERE ",
                         table->name);
        append_same_key (condition, table);
        g_string_append_c (condition, ')');
    }
    store_append_end (sql, table, version);
    g_string_append_printf (sql, "FROM main.\"%s\" c %s", table->name, condition->str);
    if (!run_counted (change->store, sql->str, &n, error)) {
        return false;
    }
    report->tables[table->id].n_removed += n;
    g_string_printf (sql, "DELETE FROM main.\"%s\" AS c %s", table->name, condition->str);
    return n == 0 || run_counted (change->store, sql->str, &n_deleted, error);
}

/* What is different under a key that is there gets a new row, and the old one is of the past. */
static bool
merge_rows (StoreChange *change, const SchemaTable *table, int64_t version, Report *report,
            GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL), names = g_string_new (NULL);
    uint64_t n_changed, n_written;

    store_append_end (sql, table, version);
    g_string_append_printf (sql, "FROM incoming.\"%s\" i CROSS JOIN main.\"%s\" c ON ", table->name,
                            table->name);
    append_same_key (sql, table);
    g_string_append (sql, " WHERE ");
    append_different (sql, table, "c.", "i.");
    if (!run_counted (change->store, sql->str, &n_changed, error)) {
        return false;
    }
    schema_append_columns (names, table, table->n_columns, "");
    g_string_printf (sql,
                     "INSERT INTO main.\"%s\" AS c (%s, since, line) SELECT %s, %" G_GINT64_FORMAT
                     ", line FROM incoming.\"%s\" WHERE true ON CONFLICT DO UPDATE SET ",
                     table->name, names->str, names->str, version, table->name);
    for (unsigned i = table->n_keys; i < table->n_columns; i++) {
        const char *name = table->columns[i].name;
        g_string_append_printf (sql, "\"%s\" = excluded.\"%s\", ", name, name);
    }
    g_string_append (sql, "since = excluded.since, line = excluded.line WHERE ");
    append_different (sql, table, "c.", "excluded.");
    if (!run_counted (change->store, sql->str, &n_written, error)) {
        return false;
    }
    report->tables[table->id].n_changed += n_changed;
    report->tables[table->id].n_added += n_written - n_changed;
    return true;
}

static bool
merge (StoreChange *change, int64_t version, bool *was_put, Report *report, GError **error)
{
    for (unsigned i = 0; i < change->removals->len; i++) {
        const Removal *removal = &g_array_index (change->removals, Removal, i);
        if (!remove_row (change->store, removal, version, report, error)) {
            return false;
        }
    }
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        if (change->is_replaced[i] && !end_missing (change, table, version, report, error)) {
            return false;
        }
        if (was_put[i] && !merge_rows (change, table, version, report, error)) {
            return false;
        }
    }
    return true;
}

/* --- References -------------------------------------------------------------------------- */

/* Notes the rows of TABLE, brought by version SINCE or a later one, whose cell in column I names
 * nothing. */
static bool
check_reference (const Store *store, const SchemaTable *table, unsigned i, int64_t since,
                 int64_t version, Report *report, GError **error)
{
    const SchemaColumn *column = &table->columns[i];
    g_autoptr (GString) sql = g_string_new ("SELECT ");
    StoreCells cells;
    int code;

    schema_append_columns (sql, table, table->n_columns, "c.");
    g_string_append_printf (sql,
                            ", since, line FROM main.\"%s\" c WHERE c.since >= %" G_GINT64_FORMAT
                            " AND c.\"%s\" <> '' AND NOT EXISTS (SELECT 1 FROM main.\"%s\" r "
                            "WHERE r.\"%s\" = c.\"%s\")",
                            table->name, since, column->name, column->refers, column->refers_column,
                            column->name);
    sqlite3_stmt *query = store_prepare (store, sql->str, error);
    if (query == NULL) {
        return false;
    }
    while ((code = sqlite3_step (query)) == SQLITE_ROW) {
        store_read_cells (&cells, query, table, table->n_columns);
        bool is_new = sqlite3_column_int64 (query, (int) table->n_columns) == version;
        int64_t line = sqlite3_column_int64 (query, (int) table->n_columns + 1);
        g_autofree char *key = describe_key (table, cells.cells);
        g_autoptr (GString) value = g_string_new (NULL);
        td_text_append_value (value, cells.cells[i]);
        report_add (report, table, is_new ? (uint64_t) line : 0, key, column->name,
                    "%s is not in the table %s: add it there, or name another", value->str,
                    column->refers);
    }
    sqlite3_finalize (query);
    return code == SQLITE_DONE || store_fail (store, "be checked", error);
}

static bool
check_references (const Store *store, int64_t version, Report *report, GError **error)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        bool is_larger = report->tables[i].n_added + report->tables[i].n_changed > 0;
        for (unsigned j = 0; j < table->n_columns; j++) {
            const SchemaColumn *column = &table->columns[j];
            if (column->refers_column == NULL) {
                continue;
            }
            /* What held before may hang in the air only if something was taken away. */
            const SchemaTable *other = schema_find_table (column->refers);
            bool has_lost = report->tables[other->id].n_removed > 0;
            if ((is_larger || has_lost)
                && !check_reference (store, table, j, has_lost ? 0 : version, version, report,
                                     error)) {
                return false;
            }
        }
    }
    return true;
}

/* --- Commit ------------------------------------------------------------------------------ */

static bool
merge_and_check (StoreChange *change, int64_t version, bool *was_put, Report *report,
                 GError **error)
{
    return merge (change, version, was_put, report, error)
           && check_references (change->store, version, report, error)
           && report_is_clean (report, error);
}

bool
store_change_commit (StoreChange *change, const StoreNote *note, bool is_dry, Report *report,
                     int64_t *ret_version, GError **error)
{
    const Store *store = change->store;
    bool was_put[N_SCHEMA_TABLES];
    int64_t number;

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        was_put[i] = change->insert[i] != NULL;
    }
    if (!report_is_clean (report, error) || !store_run (store, "COMMIT", "be changed", error)
        || !store_begin_version (store, &number, error)) {
        return false;
    }
    if (!merge_and_check (change, number, was_put, report, error)) {
        store_undo (store);
        return false;
    }
    return store_end_version (store, number, note, is_dry, report, ret_version, error);
}
