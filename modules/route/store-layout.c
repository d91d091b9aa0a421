/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of the tables: made where there are none, and brought to this Tandem's schema where they are
 * older. */

#include "store-driver.h"

/* Appends what TABLE lacks. */
static bool
append_missing (Store *store, const StoreLayout *layout, GString *sql, const SchemaTable *table,
                GError **error)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        const SchemaColumn *column = &table->columns[i];
        g_autofree char *look = layout->look_for (table->name, column->name);
        int64_t n;
        if (!store_read_number (store, look, &n, error)) {
            return false;
        }
        if (i == 0 && n == 0) {
            layout->append_table (sql, table);
            return true;
        }
        if (n == 0) {
            schema_append_addition (sql, table, i,
                                    schema_is_integer (column) ? layout->integer : layout->text);
        }
    }
    return true;
}

/* Tables of an older schema get what they lack: all their versions stay. */
static bool
migrate (Store *store, const StoreLayout *layout, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);

    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        if (!append_missing (store, layout, sql, schema_table (i), error)) {
            return false;
        }
    }
    g_string_append_printf (sql, "%s%d", layout->set_number, STORE_SCHEMA_VERSION);
    return store_run (store, sql->str, "be brought to this Tandem's schema", error);
}

/* Each with its past. */
static bool
make (Store *store, const StoreLayout *layout, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);

    layout->append_versions (sql);
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        layout->append_table (sql, schema_table (i));
    }
    return store_run (store, sql->str, "be made", error);
}

bool
store_lay_out (Store *store, const StoreLayout *layout, GError **error)
{
    bool is_new, is_old;

    if (store_run (store, layout->lock, "be locked", error)
        && layout->check_owner (store, &is_new, &is_old, error)
        && (!is_new || make (store, layout, error)) && (!is_old || migrate (store, layout, error))
        && store_run (store, "COMMIT", "be made", error)) {
        return true;
    }
    store->driver->undo (store);
    return false;
}
