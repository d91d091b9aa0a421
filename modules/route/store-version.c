/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The versions of the tables: their list, what is different between two, and the way back. */

#include "store-inside.h"

#include <string.h>

/* --- Numbers ----------------------------------------------------------------------------- */

static bool
find_oldest (const Store *store, int64_t newest, int64_t *ret_oldest, GError **error)
{
    int64_t oldest;

    if (!store_read_number (store, "SELECT min (number) FROM version", &oldest, error)) {
        return false;
    }
    /* Before the first one there was nothing: that can be gone back to, too. */
    *ret_oldest = newest == 0 || oldest == 1 ? 0 : oldest;
    return true;
}

bool
store_find_version (const Store *store, int64_t version, int64_t *ret_number, GError **error)
{
    int64_t newest, oldest;

    if (!store_read_number (store, "SELECT max (number) FROM version", &newest, error)
        || !find_oldest (store, newest, &oldest, error)) {
        return false;
    }
    if (version != STORE_NEWEST && (version < oldest || version > newest)) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "routing tables %s: version %" G_GINT64_FORMAT
                     " is not kept: there are %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
                     store->path, version, oldest, newest);
        return false;
    }
    *ret_number = version == STORE_NEWEST ? newest : version;
    return true;
}

bool
store_newest (Store *store, int64_t *ret_version, int64_t *ret_time_us, GError **error)
{
    return store_check_place (store, error)
           && store_find_version (store, STORE_NEWEST, ret_version, error)
           && store_read_number (store, "SELECT max (time_us) FROM version", ret_time_us, error);
}

/* --- Writing one ------------------------------------------------------------------------- */

bool
store_begin_version (const Store *store, int64_t *ret_number, GError **error)
{
    int64_t newest;

    if (!store_check_place (store, error)
        || !store_run (store, "BEGIN IMMEDIATE", "be locked", error)
        || !store_find_version (store, STORE_NEWEST, &newest, error)) {
        store_undo (store);
        return false;
    }
    *ret_number = newest + 1;
    return true;
}

static bool
finish (const Store *store, sqlite3_stmt *statement, GError **error)
{
    bool is_done =
        statement != NULL
        && (sqlite3_step (statement) == SQLITE_DONE || store_fail (store, "be written", error));

    sqlite3_finalize (statement);
    return is_done;
}

static void
bind_visible (sqlite3_stmt *statement, int index, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);

    sqlite3_bind_text (statement, index, valid, -1, SQLITE_TRANSIENT);
}

static bool
write_note (const Store *store, int64_t number, const StoreNote *note, GError **error)
{
    sqlite3_stmt *insert = store_prepare (
        store, "INSERT INTO version (number, time_us, who, comment) VALUES (?, ?, ?, ?)", error);

    if (insert == NULL) {
        return false;
    }
    sqlite3_bind_int64 (insert, 1, number);
    sqlite3_bind_int64 (insert, 2, note->time_us);
    bind_visible (insert, 3, note->who);
    bind_visible (insert, 4, note->comment);
    return finish (store, insert, error);
}

static bool
is_changed (const ReportCounts *counts)
{
    return counts->n_added + counts->n_removed + counts->n_changed > 0;
}

static bool
write_counts (const Store *store, int64_t number, const ReportCounts *counts, GError **error)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        if (!is_changed (&counts[i])) {
            continue;
        }
        sqlite3_stmt *insert =
            store_prepare (store, "INSERT INTO change VALUES (?, ?, ?, ?, ?)", error);
        if (insert == NULL) {
            return false;
        }
        sqlite3_bind_int64 (insert, 1, number);
        sqlite3_bind_text (insert, 2, schema_table (i)->name, -1, SQLITE_STATIC);
        sqlite3_bind_int64 (insert, 3, (int64_t) counts[i].n_added);
        sqlite3_bind_int64 (insert, 4, (int64_t) counts[i].n_removed);
        sqlite3_bind_int64 (insert, 5, (int64_t) counts[i].n_changed);
        if (!finish (store, insert, error)) {
            return false;
        }
    }
    return true;
}

/* Forgets rows that hold in no version that is kept. */
static bool
prune (const Store *store, int64_t number, GError **error)
{
    int64_t oldest = number - (int64_t) store->options.n_versions + 1;
    g_autoptr (GString) sql = g_string_new (NULL);

    if (store->options.n_versions == 0 || oldest < 2) {
        return true;
    }
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        g_string_append_printf (sql, "DELETE FROM %s_past WHERE until <= %" G_GINT64_FORMAT ";",
                                schema_table (i)->name, oldest);
    }
    g_string_append_printf (sql,
                            "DELETE FROM version WHERE number < %" G_GINT64_FORMAT
                            "; DELETE FROM change WHERE version < %" G_GINT64_FORMAT,
                            oldest, oldest);
    return store_run (store, sql->str, "be pruned", error);
}

bool
store_end_version (const Store *store, int64_t number, const StoreNote *note, bool is_dry,
                   const Report *report, int64_t *ret_version, GError **error)
{
    bool is_new = false;

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        is_new = is_new || is_changed (&report->tables[i]);
    }
    is_new = is_new && !is_dry;
    bool is_good =
        !is_new
        || (write_note (store, number, note, error)
            && write_counts (store, number, report->tables, error) && prune (store, number, error)
            && store_run (store, "COMMIT", "be written", error));
    store_undo (store);
    if (is_good && ret_version != NULL) {
        *ret_version = is_new ? number : number - 1;
    }
    return is_good;
}

/* --- Listing ----------------------------------------------------------------------------- */

/* What each version changed is a few rows behind its own. */
static const char list_sql[] =
    "SELECT number, time_us, who, comment, \"table\", added, removed, changed FROM version"
    " LEFT JOIN change ON change.version = number ORDER BY number DESC";

static void
read_counts (sqlite3_stmt *query, ReportCounts *counts)
{
    const char *name = (const char *) sqlite3_column_text (query, 4);
    const SchemaTable *table = name != NULL ? schema_find_table (name) : NULL;

    if (table != NULL) {
        counts[table->id] =
            (ReportCounts){ .n_added = (uint64_t) sqlite3_column_int64 (query, 5),
                            .n_removed = (uint64_t) sqlite3_column_int64 (query, 6),
                            .n_changed = (uint64_t) sqlite3_column_int64 (query, 7) };
    }
}

bool
store_list_versions (Store *store, void (*visit) (const StoreVersion *version, void *data),
                     void *data, GError **error)
{
    ReportCounts counts[N_SCHEMA_TABLES];
    StoreVersion version = { .tables = counts };
    g_autofree char *who = NULL, *comment = NULL;
    sqlite3_stmt *query;
    int code;

    if (!store_check_place (store, error)
        || (query = store_prepare (store, list_sql, error)) == NULL) {
        return false;
    }
    while ((code = sqlite3_step (query)) == SQLITE_ROW) {
        int64_t number = sqlite3_column_int64 (query, 0);
        if (number != version.number) {
            if (version.number != 0) {
                visit (&version, data);
            }
            memset (counts, 0, sizeof counts);
            g_free (who);
            g_free (comment);
            who = g_strdup ((const char *) sqlite3_column_text (query, 2));
            comment = g_strdup ((const char *) sqlite3_column_text (query, 3));
            version.number = number;
            version.note = (StoreNote){ who, comment, sqlite3_column_int64 (query, 1) };
        }
        read_counts (query, counts);
    }
    bool is_good = code == SQLITE_DONE || store_fail (store, "be read", error);
    sqlite3_finalize (query);
    if (is_good && version.number != 0) {
        visit (&version, data);
    }
    return is_good;
}

/* --- Differences ------------------------------------------------------------------------- */

/* One side of a comparison: rows in the order of their keys. */
typedef struct {
    sqlite3_stmt *query;
    StoreCells cells;
    bool is_row;
} Side;

static bool
advance (const Store *store, Side *side, const SchemaTable *table, GError **error)
{
    int code = sqlite3_step (side->query);

    side->is_row = code == SQLITE_ROW;
    if (side->is_row) {
        store_read_cells (&side->cells, side->query, table, table->n_columns);
    }
    return side->is_row || code == SQLITE_DONE || store_fail (store, "be read", error);
}

/* As SQLite orders them. */
static int
compare_keys (const Side *a, const Side *b, const SchemaTable *table)
{
    int order = (int) b->is_row - (int) a->is_row; /* the one without a row comes last */

    for (unsigned i = 0; order == 0 && i < table->n_keys; i++) {
        if (schema_is_integer (&table->columns[i])) {
            int64_t left = sqlite3_column_int64 (a->query, (int) i);
            int64_t right = sqlite3_column_int64 (b->query, (int) i);
            order = (left > right) - (left < right);
        } else {
            order = strcmp (a->cells.cells[i], b->cells.cells[i]);
        }
    }
    return order;
}

static bool
is_same (const Side *a, const Side *b, const SchemaTable *table)
{
    for (unsigned i = table->n_keys; i < table->n_columns; i++) {
        if (strcmp (a->cells.cells[i], b->cells.cells[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* BEFORE has what ended between the two versions, AFTER what began. */
static bool
compare (const Store *store, Side *before, Side *after, const SchemaTable *table, bool is_back,
         StoreDiffVisit visit, void *data, GError **error)
{
    bool is_good = advance (store, before, table, error) && advance (store, after, table, error);

    while (is_good && (before->is_row || after->is_row)) {
        int order = compare_keys (before, after, table);
        StoreDifference difference = { .table = table,
                                       .before = order <= 0 ? before->cells.cells : NULL,
                                       .after = order >= 0 ? after->cells.cells : NULL };
        if (is_back) {
            const char *const *swap = difference.before;
            difference.before = difference.after;
            difference.after = swap;
        }
        is_good =
            ((order == 0 && is_same (before, after, table)) || visit (&difference, data, error))
            && (order > 0 || advance (store, before, table, error))
            && (order < 0 || advance (store, after, table, error));
    }
    return is_good;
}

/* The rows of TABLE that hold in version FROM and no more in TO, or, where IS_AFTER, the other way
 * round; FROM < TO. */
static sqlite3_stmt *
select_side (const Store *store, const SchemaTable *table, int64_t from, int64_t to, bool is_after,
             GError **error)
{
    g_autoptr (GString) names = g_string_new (NULL), sql = g_string_new (NULL);
    g_autofree char *a = g_strdup_printf ("%" G_GINT64_FORMAT, from);
    g_autofree char *b = g_strdup_printf ("%" G_GINT64_FORMAT, to);

    schema_append_columns (names, table, table->n_columns, "");
    if (is_after) {
        g_string_append_printf (sql,
                                "SELECT %s FROM \"%s\" WHERE since > %s AND since <= %s UNION ALL "
                                "SELECT %s FROM \"%s_past\" WHERE since > %s AND since <= %s AND "
                                "until > %s",
                                names->str, table->name, a, b, names->str, table->name, a, b, b);
    } else {
        g_string_append_printf (
            sql, "SELECT %s FROM \"%s_past\" WHERE since <= %s AND until > %s AND until <= %s",
            names->str, table->name, a, a, b);
    }
    g_string_append (sql, " ORDER BY ");
    schema_append_columns (sql, table, table->n_keys, "");
    return store_prepare (store, sql->str, error);
}

/* Whether a version after FROM, up to TO, changed TABLE: a table of ten million rows is not looked
 * through for nothing. */
static bool
find_changed (const Store *store, const SchemaTable *table, int64_t from, int64_t to,
              bool *ret_is_changed, GError **error)
{
    g_autofree char *sql = g_strdup_printf (
        "SELECT count (*) FROM change WHERE \"table\" = '%s' AND version > %" G_GINT64_FORMAT
        " AND version <= %" G_GINT64_FORMAT,
        table->name, from, to);
    int64_t n;

    if (!store_read_number (store, sql, &n, error)) {
        return false;
    }
    *ret_is_changed = n > 0;
    return true;
}

static bool
diff_table (const Store *store, const SchemaTable *table, int64_t from, int64_t to,
            StoreDiffVisit visit, void *data, GError **error)
{
    g_autofree Side *sides = g_new0 (Side, 2);
    int64_t low = MIN (from, to), high = MAX (from, to);
    bool is_table_changed;

    if (!find_changed (store, table, low, high, &is_table_changed, error)) {
        return false;
    }
    if (!is_table_changed) {
        return true;
    }
    sides[0].query = select_side (store, table, low, high, false, error);
    sides[1].query =
        sides[0].query != NULL ? select_side (store, table, low, high, true, error) : NULL;
    bool is_good = sides[1].query != NULL
                   && compare (store, &sides[0], &sides[1], table, from > to, visit, data, error);
    sqlite3_finalize (sides[0].query);
    sqlite3_finalize (sides[1].query);
    return is_good;
}

bool
store_diff (Store *store, int64_t from, int64_t to, StoreDiffVisit visit, void *data,
            GError **error)
{
    int64_t a, b;

    g_return_val_if_fail (!store->is_changing, false);
    bool is_good = store_check_place (store, error) && store_run (store, "BEGIN", "be read", error)
                   && store_find_version (store, from, &a, error)
                   && store_find_version (store, to, &b, error);

    for (unsigned i = 0; is_good && i < N_SCHEMA_TABLES; i++) {
        is_good = diff_table (store, schema_table (i), a, b, visit, data, error);
    }
    store_undo (store);
    return is_good;
}

/* --- The way back ------------------------------------------------------------------------ */

static bool
count_difference (const StoreDifference *difference, void *data, GError **error)
{
    ReportCounts *counts = &((Report *) data)->tables[difference->table->id];

    counts->n_added += difference->before == NULL;
    counts->n_removed += difference->after == NULL;
    counts->n_changed += difference->before != NULL && difference->after != NULL;
    return true;
}

/* What began after VERSION ends with NUMBER, what held then begins again. */
static bool
restore_table (const Store *store, const SchemaTable *table, int64_t version, int64_t number,
               GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL), names = g_string_new (NULL);

    schema_append_columns (names, table, table->n_columns, "");
    store_append_end (sql, table, number);
    g_string_append_printf (sql, "FROM \"%s\" c WHERE c.since > %" G_GINT64_FORMAT ";", table->name,
                            version);
    g_string_append_printf (sql, "DELETE FROM \"%s\" WHERE since > %" G_GINT64_FORMAT ";",
                            table->name, version);
    g_string_append_printf (
        sql,
        "INSERT INTO \"%s\" (%s, since, line) SELECT %s, %" G_GINT64_FORMAT
        ", line FROM \"%s_past\" WHERE since <= %" G_GINT64_FORMAT " AND until > %" G_GINT64_FORMAT,
        table->name, names->str, names->str, number, table->name, version, version);
    return store_run (store, sql->str, "be rolled back", error);
}

static bool
restore_all (const Store *store, int64_t version, int64_t number, Report *report, GError **error)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        if (!diff_table (store, table, number - 1, version, count_difference, report, error)) {
            return false;
        }
        if (is_changed (&report->tables[i])
            && !restore_table (store, table, version, number, error)) {
            return false;
        }
    }
    return true;
}

bool
store_roll_back (Store *store, int64_t version, const StoreNote *note, bool is_dry, Report *report,
                 int64_t *ret_version, GError **error)
{
    int64_t number, wanted;

    g_return_val_if_fail (!store->is_changing, false);
    if (!store_begin_version (store, &number, error)) {
        return false;
    }
    if (!store_find_version (store, version, &wanted, error)
        || !restore_all (store, wanted, number, report, error)) {
        store_undo (store);
        return false;
    }
    return store_end_version (store, number, note, is_dry, report, ret_version, error);
}
