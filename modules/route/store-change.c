/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A change of the tables: its rows are gathered beside them, then merged at once. */

#include "store-driver.h"

typedef struct {
    const SchemaTable *table;
    char **keys;
} Removal;

struct StoreChange {
    Store *store;
    bool was_put[N_SCHEMA_TABLES];
    bool is_replaced[N_SCHEMA_TABLES];
    GArray *removals;
    GString *reason;
};

/* --- Beginning and end ------------------------------------------------------------------- */

static void
clear_removal (void *data)
{
    g_strfreev (((Removal *) data)->keys);
}

StoreChange *
store_change_begin (Store *store, GError **error)
{
    g_return_val_if_fail (!store->is_changing, NULL);
    if (!store->driver->check_place (store, error)
        || !store->driver->begin_gathering (store, error)) {
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

void
store_change_free (StoreChange *change)
{
    if (change == NULL) {
        return;
    }
    change->store->driver->forget_gathered (change->store);
    change->store->is_changing = false;
    g_array_unref (change->removals);
    g_string_free (change->reason, TRUE);
    g_free (change);
}

/* --- Gathering --------------------------------------------------------------------------- */

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

char *
store_describe_key (const SchemaTable *table, const char *const *cells)
{
    g_autoptr (GString) key = g_string_new (NULL);

    for (unsigned i = 0; i < table->n_keys; i++) {
        g_string_append (key, i > 0 ? ", " : "");
        td_text_append_value (key, cells[i]);
    }
    return g_string_free (g_steal_pointer (&key), FALSE);
}

void
store_note_twice (Report *report, const SchemaTable *table, const char *key, uint64_t line,
                  int64_t first)
{
    report_add (report, table, line, key, NULL,
                "%s stands on line %" G_GINT64_FORMAT " already: take one of them out", key, first);
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
    change->was_put[table->id] = true;
    return change->store->driver->put (change->store, table, cells, line, report, error);
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
    g_string_append_printf (sql, "INSERT INTO \"%s_past\" (", table->name);
    schema_append_columns (sql, table, table->n_columns, "");
    g_string_append (sql, ", since, line, until) SELECT ");
    schema_append_columns (sql, table, table->n_columns, "c.");
    g_string_append_printf (sql, ", c.since, c.line, %" G_GINT64_FORMAT " ", version);
}

/* " WHERE key = ... AND ..." */
static void
append_where_key (GString *sql, const Removal *removal)
{
    for (unsigned i = 0; i < removal->table->n_keys; i++) {
        const SchemaColumn *column = &removal->table->columns[i];
        const char *key = store_cell (column, removal->keys[i]);
        g_string_append_printf (sql, "%s\"%s\" = ", i > 0 ? " AND " : " WHERE ", column->name);
        if (schema_is_integer (column)) {
            g_string_append_printf (sql, "%" G_GINT64_FORMAT, cell_pack (column, key));
        } else {
            store_append_literal (sql, key);
        }
    }
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
    g_string_append (sql, "(false");
    for (unsigned i = table->n_keys; i < table->n_columns; i++) {
        const char *name = table->columns[i].name;
        g_string_append_printf (sql, " OR %s\"%s\" IS DISTINCT FROM %s\"%s\"", a, name, b, name);
    }
    g_string_append_c (sql, ')');
}

static bool
remove_row (Store *store, const Removal *removal, int64_t version, Report *report, GError **error)
{
    const SchemaTable *table = removal->table;
    g_autoptr (GString) sql = g_string_new (NULL);

    uint64_t n;

    store_append_end (sql, table, version);
    g_string_append_printf (sql, "FROM \"%s\" c", table->name);
    append_where_key (sql, removal);
    if (!store->driver->run (store, sql->str, "be changed", &n, error)) {
        return false;
    }
    if (n == 0) {
        g_autofree char *key = store_describe_key (table, (const char *const *) removal->keys);
        report_add (report, table, 0, key, NULL, "there is no such row to take away");
        return true;
    }
    report->tables[table->id].n_removed++;
    g_string_printf (sql, "DELETE FROM \"%s\"", table->name);
    append_where_key (sql, removal);
    return store_run (store, sql->str, "be changed", error);
}

/* Of a table that is replaced, ends the rows that were not put. */
static bool
end_missing (StoreChange *change, const SchemaTable *table, int64_t version, Report *report,
             GError **error)
{
    g_autoptr (GString) condition = g_string_new (NULL), sql = g_string_new (NULL);
    Store *store = change->store;
    uint64_t n = 0;

    if (change->was_put[table->id]) {
        g_string_printf (condition, "WHERE NOT EXISTS (SELECT 1 FROM %s.\"%s\" i WHERE ",
                         store->driver->incoming, table->name);
        append_same_key (condition, table);
        g_string_append_c (condition, ')');
    }
    store_append_end (sql, table, version);
    g_string_append_printf (sql, "FROM \"%s\" c %s", table->name, condition->str);
    if (!store->driver->run (store, sql->str, "be changed", &n, error)) {
        return false;
    }
    report->tables[table->id].n_removed += n;
    g_string_printf (sql, "DELETE FROM \"%s\" AS c %s", table->name, condition->str);
    return n == 0 || store_run (store, sql->str, "be changed", error);
}

/* What is different under a key that is there is of the past. */
static bool
end_changed (Store *store, const SchemaTable *table, int64_t version, uint64_t *ret_n,
             GError **error)
{
    g_autoptr (GString) rows = g_string_new (NULL), sql = g_string_new (NULL);

    g_string_printf (rows, "FROM %s.\"%s\" i CROSS JOIN \"%s\" c WHERE ", store->driver->incoming,
                     table->name, table->name);
    append_same_key (rows, table);
    g_string_append (rows, " AND ");
    append_different (rows, table, "c.", "i.");
    store_append_end (sql, table, version);
    g_string_append (sql, rows->str);
    if (!store->driver->run (store, sql->str, "be changed", ret_n, error)) {
        return false;
    }
    g_string_printf (sql, "DELETE FROM \"%s\" WHERE (", table->name);
    schema_append_columns (sql, table, table->n_keys, "");
    g_string_append (sql, ") IN (SELECT ");
    schema_append_columns (sql, table, table->n_keys, "c.");
    g_string_append_printf (sql, " %s)", rows->str);
    return *ret_n == 0 || store_run (store, sql->str, "be changed", error);
}

/* In the order of the key, in which a table grows the quickest. */
static bool
add_rows (Store *store, const SchemaTable *table, int64_t version, uint64_t *ret_n, GError **error)
{
    g_autoptr (GString) names = g_string_new (NULL), sql = g_string_new (NULL);

    schema_append_columns (names, table, table->n_columns, "");
    g_string_printf (sql,
                     "INSERT INTO \"%s\" (%s, since, line) SELECT %s, %" G_GINT64_FORMAT
                     ", line FROM %s.\"%s\" i WHERE NOT EXISTS (SELECT 1 FROM \"%s\" c WHERE ",
                     table->name, names->str, names->str, version, store->driver->incoming,
                     table->name, table->name);
    append_same_key (sql, table);
    g_string_append (sql, ") ORDER BY ");
    schema_append_columns (sql, table, table->n_keys, "i.");
    return store->driver->run (store, sql->str, "be changed", ret_n, error);
}

static bool
merge_rows (StoreChange *change, const SchemaTable *table, int64_t version, Report *report,
            GError **error)
{
    uint64_t n_changed, n_added;

    if (!end_changed (change->store, table, version, &n_changed, error)
        || !add_rows (change->store, table, version, &n_added, error)) {
        return false;
    }
    report->tables[table->id].n_changed += n_changed;
    report->tables[table->id].n_added += n_added - n_changed;
    return true;
}

static bool
merge (StoreChange *change, int64_t version, Report *report, GError **error)
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
        if (change->was_put[i] && !merge_rows (change, table, version, report, error)) {
            return false;
        }
    }
    return true;
}

/* --- References -------------------------------------------------------------------------- */

/* Notes the rows of TABLE, brought by version SINCE or a later one, whose cell in column I names
 * nothing. */
static bool
check_reference (Store *store, const SchemaTable *table, unsigned i, int64_t since, int64_t version,
                 Report *report, GError **error)
{
    const SchemaColumn *column = &table->columns[i];
    g_autoptr (GString) sql = g_string_new ("SELECT ");
    StoreCells cells;
    StoreStep step;

    schema_append_columns (sql, table, table->n_columns, "c.");
    g_string_append_printf (sql,
                            ", since, line FROM \"%s\" c WHERE c.since >= %" G_GINT64_FORMAT
                            " AND c.\"%s\" <> '' AND NOT EXISTS (SELECT 1 FROM \"%s\" r "
                            "WHERE r.\"%s\" = c.\"%s\")",
                            table->name, since, column->name, column->refers, column->refers_column,
                            column->name);
    StoreQuery *query = store->driver->query (store, sql->str, error);
    if (query == NULL) {
        return false;
    }
    while ((step = store->driver->step (query, error)) == STORE_ROW) {
        store_read_cells (store, &cells, query, 0, table);
        bool is_new = store->driver->number (query, table->n_columns) == version;
        int64_t line = store->driver->number (query, table->n_columns + 1);
        g_autofree char *key = store_describe_key (table, cells.cells);
        g_autoptr (GString) value = g_string_new (NULL);
        td_text_append_value (value, cells.cells[i]);
        report_add (report, table, is_new ? (uint64_t) line : 0, key, column->name,
                    "%s is not in the table %s: add it there, or name another", value->str,
                    column->refers);
    }
    store->driver->end_query (query);
    return step == STORE_END;
}

static bool
check_references (Store *store, int64_t version, Report *report, GError **error)
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
merge_and_check (StoreChange *change, int64_t version, Report *report, GError **error)
{
    return merge (change, version, report, error)
           && check_references (change->store, version, report, error)
           && report_is_clean (report, error);
}

bool
store_change_commit (StoreChange *change, const StoreNote *note, bool is_dry, Report *report,
                     int64_t *ret_version, GError **error)
{
    Store *store = change->store;
    int64_t number;

    if (!store->driver->end_gathering (store, report, error) || !report_is_clean (report, error)
        || !store_begin_version (store, &number, error)) {
        return false;
    }
    if (!merge_and_check (change, number, report, error)) {
        store->driver->undo (store);
        return false;
    }
    return store_end_version (store, number, note, is_dry, report, ret_version, error);
}
