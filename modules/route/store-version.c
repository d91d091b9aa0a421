/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The versions of the tables: their list, what is different between two, and the way back. */

#include "store-driver.h"

#include <string.h>

/* --- Numbers ----------------------------------------------------------------------------- */

static bool
find_oldest (Store *store, int64_t newest, int64_t *ret_oldest, GError **error)
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
store_find_version (Store *store, int64_t version, int64_t *ret_number, GError **error)
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
                     store->name, version, oldest, newest);
        return false;
    }
    *ret_number = version == STORE_NEWEST ? newest : version;
    return true;
}

bool
store_newest (Store *store, int64_t *ret_version, int64_t *ret_time_us, GError **error)
{
    const StoreDriver *driver = store->driver;

    if (!driver->check_place (store, error)) {
        return false;
    }
    if (driver->was_told != NULL) {
        driver->was_told (store);
    }
    /* What is told while the question is answered may be of one that the answer does not know. */
    do {
        if (!store_find_version (store, STORE_NEWEST, ret_version, error)
            || !store_read_number (store, "SELECT max (time_us) FROM version", ret_time_us,
                                   error)) {
            return false;
        }
    } while (driver->was_told != NULL && driver->was_told (store));
    return true;
}

/* --- Writing one ------------------------------------------------------------------------- */

bool
store_begin_version (Store *store, int64_t *ret_number, GError **error)
{
    int64_t newest;

    if (!store->driver->check_place (store, error) || !store->driver->begin_writing (store, error)
        || !store_find_version (store, STORE_NEWEST, &newest, error)) {
        store->driver->undo (store);
        return false;
    }
    *ret_number = newest + 1;
    return true;
}

static void
append_visible (GString *sql, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);

    store_append_literal (sql, valid);
}

static bool
write_note (Store *store, int64_t number, const StoreNote *note, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);

    g_string_printf (sql,
                     "INSERT INTO version (number, time_us, who, comment) VALUES (%" G_GINT64_FORMAT
                     ", %" G_GINT64_FORMAT ", ",
                     number, note->time_us);
    append_visible (sql, note->who);
    g_string_append (sql, ", ");
    append_visible (sql, note->comment);
    g_string_append_c (sql, ')');
    return store_run (store, sql->str, "be written", error);
}

static bool
is_changed (const ReportCounts *counts)
{
    return counts->n_added + counts->n_removed + counts->n_changed > 0;
}

static bool
write_counts (Store *store, int64_t number, const ReportCounts *counts, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        if (is_changed (&counts[i])) {
            g_string_append_printf (sql,
                                    "INSERT INTO change VALUES (%" G_GINT64_FORMAT
                                    ", '%s', %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                                    ", %" G_GUINT64_FORMAT ");",
                                    number, schema_table (i)->name, counts[i].n_added,
                                    counts[i].n_removed, counts[i].n_changed);
        }
    }
    return store_run (store, sql->str, "be written", error);
}

/* Forgets rows that hold in no version that is kept. */
static bool
prune (Store *store, int64_t number, GError **error)
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
store_end_version (Store *store, int64_t number, const StoreNote *note, bool is_dry,
                   const Report *report, int64_t *ret_version, GError **error)
{
    bool is_new = false;

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        is_new = is_new || is_changed (&report->tables[i]);
    }
    is_new = is_new && !is_dry;
    bool is_good = !is_new
                   || (write_note (store, number, note, error)
                       && write_counts (store, number, report->tables, error)
                       && prune (store, number, error) && store->driver->commit (store, error));
    store->driver->undo (store);
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
read_counts (const StoreDriver *driver, StoreQuery *query, ReportCounts *counts)
{
    const char *name = driver->text (query, 4);
    const SchemaTable *table = name != NULL ? schema_find_table (name) : NULL;

    if (table != NULL) {
        counts[table->id] = (ReportCounts){ .n_added = (uint64_t) driver->number (query, 5),
                                            .n_removed = (uint64_t) driver->number (query, 6),
                                            .n_changed = (uint64_t) driver->number (query, 7) };
    }
}

bool
store_list_versions (Store *store, void (*visit) (const StoreVersion *version, void *data),
                     void *data, GError **error)
{
    const StoreDriver *driver = store->driver;
    ReportCounts counts[N_SCHEMA_TABLES];
    StoreVersion version = { .tables = counts };
    g_autofree char *who = NULL, *comment = NULL;
    StoreQuery *query;
    StoreStep step;

    if (!driver->check_place (store, error)
        || (query = driver->query (store, list_sql, error)) == NULL) {
        return false;
    }
    while ((step = driver->step (query, error)) == STORE_ROW) {
        int64_t number = driver->number (query, 0);
        if (number != version.number) {
            if (version.number != 0) {
                visit (&version, data);
            }
            memset (counts, 0, sizeof counts);
            g_free (who);
            g_free (comment);
            who = g_strdup (driver->text (query, 2));
            comment = g_strdup (driver->text (query, 3));
            version.number = number;
            version.note = (StoreNote){ who, comment, driver->number (query, 1) };
        }
        read_counts (driver, query, counts);
    }
    driver->end_query (query);
    if (step == STORE_END && version.number != 0) {
        visit (&version, data);
    }
    return step == STORE_END;
}

/* --- Differences ------------------------------------------------------------------------- */

typedef struct {
    const SchemaTable *table;
    bool is_back; /* after and before are the wrong way round */
    StoreDiffVisit visit;
    void *data;
    bool is_waiting; /* BEFORE has a row whose key may come again */
    char *before[SCHEMA_MAX_COLUMNS];
} Diff;

static bool
is_same (const Diff *diff, const char *const *after, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        if (strcmp (diff->before[i], after[i]) != 0) {
            return false;
        }
    }
    return true;
}

static bool
tell (const Diff *diff, const char *const *before, const char *const *after, GError **error)
{
    StoreDifference difference = { .table = diff->table,
                                   .before = diff->is_back ? after : before,
                                   .after = diff->is_back ? before : after };

    return diff->visit (&difference, diff->data, error);
}

static void
forget (Diff *diff)
{
    for (unsigned i = 0; i < diff->table->n_columns; i++) {
        g_clear_pointer (&diff->before[i], g_free);
    }
    diff->is_waiting = false;
}

/* Tells of the row that waits, which is no more there. */
static bool
flush (Diff *diff, GError **error)
{
    bool is_good =
        !diff->is_waiting || tell (diff, (const char *const *) diff->before, NULL, error);

    forget (diff);
    return is_good;
}

/* Rows come by their keys, of one key the one that ended before the one that began. */
static bool
take (Diff *diff, bool is_after, const char *const *cells, GError **error)
{
    const SchemaTable *table = diff->table;

    if (is_after && diff->is_waiting && is_same (diff, cells, 0, table->n_keys)) {
        bool is_good = is_same (diff, cells, table->n_keys, table->n_columns)
                       || tell (diff, (const char *const *) diff->before, cells, error);
        forget (diff);
        return is_good;
    }
    if (!flush (diff, error)) {
        return false;
    }
    if (is_after) {
        return tell (diff, NULL, cells, error);
    }
    for (unsigned i = 0; i < table->n_columns; i++) {
        diff->before[i] = g_strdup (cells[i]);
    }
    diff->is_waiting = true;
    return true;
}

/* The rows of TABLE that hold in version FROM and no more in TO, with a 0 in front, and those that hold
 * in TO and did not in FROM, with a 1; FROM < TO. */
static StoreQuery *
select_both (Store *store, const SchemaTable *table, int64_t from, int64_t to, GError **error)
{
    g_autoptr (GString) names = g_string_new (NULL), sql = g_string_new (NULL);
    g_autofree char *a = g_strdup_printf ("%" G_GINT64_FORMAT, from);
    g_autofree char *b = g_strdup_printf ("%" G_GINT64_FORMAT, to);

    schema_append_columns (names, table, table->n_columns, "");
    g_string_append_printf (sql,
                            "SELECT 0 AS side, %s FROM \"%s_past\" WHERE since <= %s AND until > %s"
                            " AND until <= %s UNION ALL "
                            "SELECT 1, %s FROM \"%s\" WHERE since > %s AND since <= %s UNION ALL "
                            "SELECT 1, %s FROM \"%s_past\" WHERE since > %s AND since <= %s AND "
                            "until > %s ORDER BY ",
                            names->str, table->name, a, a, b, names->str, table->name, a, b,
                            names->str, table->name, a, b, b);
    schema_append_columns (sql, table, table->n_keys, "");
    g_string_append (sql, ", side");
    return store->driver->query (store, sql->str, error);
}

/* Whether a version after FROM, up to TO, changed TABLE: a table of ten million rows is not looked
 * through for nothing. */
static bool
find_changed (Store *store, const SchemaTable *table, int64_t from, int64_t to,
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
diff_table (Store *store, const SchemaTable *table, int64_t from, int64_t to, StoreDiffVisit visit,
            void *data, GError **error)
{
    int64_t low = MIN (from, to), high = MAX (from, to);
    Diff diff = { .table = table, .is_back = from > to, .visit = visit, .data = data };
    StoreCells cells;
    StoreStep step = STORE_FAILED;
    bool is_table_changed, is_good = true;

    if (!find_changed (store, table, low, high, &is_table_changed, error)) {
        return false;
    }
    if (!is_table_changed) {
        return true;
    }
    StoreQuery *query = select_both (store, table, low, high, error);
    while (query != NULL && is_good && (step = store->driver->step (query, error)) == STORE_ROW) {
        store_read_cells (store, &cells, query, 1, table);
        is_good = take (&diff, store->driver->number (query, 0) == 1, cells.cells, error);
    }
    is_good = is_good && step == STORE_END && flush (&diff, error);
    forget (&diff);
    store->driver->end_query (query);
    return is_good;
}

bool
store_diff (Store *store, int64_t from, int64_t to, StoreDiffVisit visit, void *data,
            GError **error)
{
    int64_t a, b;

    g_return_val_if_fail (!store->is_changing, false);
    bool is_good =
        store->driver->check_place (store, error) && store->driver->begin_reading (store, error)
        && store_find_version (store, from, &a, error) && store_find_version (store, to, &b, error);

    for (unsigned i = 0; is_good && i < N_SCHEMA_TABLES; i++) {
        is_good = diff_table (store, schema_table (i), a, b, visit, data, error);
    }
    store->driver->undo (store);
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
restore_table (Store *store, const SchemaTable *table, int64_t version, int64_t number,
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
restore_all (Store *store, int64_t version, int64_t number, Report *report, GError **error)
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
        store->driver->undo (store);
        return false;
    }
    return store_end_version (store, number, note, is_dry, report, ret_version, error);
}
