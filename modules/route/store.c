/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routing tables on the disk: opening them, and reading what is there. */

#include "store-driver.h"

#include "csv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { FLUSH_BYTES = 1 << 16 };

/* --- Opening ----------------------------------------------------------------------------- */

bool
store_is_server (const char *name)
{
    return g_str_has_prefix (name, "postgresql://") || g_str_has_prefix (name, "postgres://");
}

Store *
store_open (const char *name, const StoreOptions *options, GError **error)
{
    if (!store_is_server (name)) {
        return store_sqlite.open (name, options, error);
    }
#ifdef HAVE_POSTGRESQL
    return store_postgresql.open (name, options, error);
#else
    g_autofree char *shown = store_show_name (name);
    g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                 "routing tables %s: this build knows no PostgreSQL: build it with libpq and "
                 "-Dpostgresql=enabled, or name a file",
                 shown);
    return NULL;
#endif
}

void
store_close (Store *store)
{
    if (store != NULL) {
        g_free (store->name);
        store->driver->close (store);
    }
}

void
store_set_pulse (Store *store, bool (*go_on) (void *data), void *data)
{
    store->go_on = go_on;
    store->data = data;
    if (store->driver->pulse_changed != NULL) {
        store->driver->pulse_changed (store);
    }
}

int
store_listen (Store *store, GError **error)
{
    if (store->driver->listen == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED, "routing tables %s: a file does not tell",
                     store->name);
        return -1;
    }
    return store->driver->listen (store, error);
}

/* --- Statements -------------------------------------------------------------------------- */

const char *
store_cell (const SchemaColumn *column, const char *text)
{
    return *text == '\0' && column->fallback != NULL ? column->fallback : text;
}

bool
store_run (Store *store, const char *sql, const char *what, GError **error)
{
    return store->driver->run (store, sql, what, NULL, error);
}

bool
store_read_number (Store *store, const char *sql, int64_t *ret_number, GError **error)
{
    StoreQuery *query = store->driver->query (store, sql, error);

    if (query == NULL) {
        return false;
    }
    StoreStep step = store->driver->step (query, error);
    if (step != STORE_FAILED) {
        *ret_number = step == STORE_ROW ? store->driver->number (query, 0) : 0;
    }
    store->driver->end_query (query);
    return step != STORE_FAILED;
}

void
store_append_literal (GString *sql, const char *text)
{
    g_string_append_c (sql, '\'');
    for (; *text != '\0'; text++) {
        g_string_append_c (sql, *text);
        if (*text == '\'') {
            g_string_append_c (sql, '\'');
        }
    }
    g_string_append_c (sql, '\'');
}

/* --- Reading ----------------------------------------------------------------------------- */

void
store_read_cells (const Store *store, StoreCells *into, StoreQuery *query, unsigned first,
                  const SchemaTable *table)
{
    const StoreDriver *driver = store->driver;

    for (unsigned i = 0; i < table->n_columns; i++) {
        const SchemaColumn *column = &table->columns[i];
        const char *text = driver->text (query, first + i);
        if (text == NULL) {
            into->cells[i] = "";
        } else if (!schema_is_integer (column)) {
            into->cells[i] = text;
        } else {
            into->cells[i] =
                cell_unpack (column, driver->number (query, first + i), into->integers[i]);
        }
    }
}

static StoreQuery *
select_rows (Store *store, const SchemaTable *table, int64_t version, bool is_newest,
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
    return store->driver->query (store, sql->str, error);
}

static bool
visit_rows (Store *store, StoreQuery *query, const SchemaTable *table, StoreVisit visit, void *data,
            GError **error)
{
    const StoreDriver *driver = store->driver;
    StoreCells cells;
    StoreRow row = { .table = table, .cells = cells.cells };
    StoreStep step;

    while ((step = driver->step (query, error)) == STORE_ROW) {
        store_read_cells (store, &cells, query, 0, table);
        row.since = driver->number (query, table->n_columns);
        row.line = (uint64_t) driver->number (query, table->n_columns + 1);
        if (!visit (&row, data, error)) {
            return false;
        }
    }
    return step == STORE_END;
}

static bool
load_table (Store *store, const SchemaTable *table, int64_t version, int64_t newest,
            StoreVisit visit, void *data, GError **error)
{
    StoreQuery *query = select_rows (store, table, version, version == newest, error);
    bool is_good = query != NULL && visit_rows (store, query, table, visit, data, error);

    store->driver->end_query (query);
    return is_good;
}

bool
store_load (Store *store, int64_t version, const SchemaTable *only, StoreVisit visit, void *data,
            int64_t *ret_version, GError **error)
{
    int64_t number, newest;

    g_return_val_if_fail (!store->is_changing, false);
    bool is_good = store->driver->check_place (store, error)
                   && store->driver->begin_reading (store, error)
                   && store_find_version (store, STORE_NEWEST, &newest, error)
                   && store_find_version (store, version, &number, error);

    for (unsigned i = 0; is_good && i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        is_good = (only != NULL && only != table)
                  || load_table (store, table, number, newest, visit, data, error);
    }
    store->driver->undo (store);
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
