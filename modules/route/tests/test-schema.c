/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The declaration of the tables: whole, true to itself, and what SQLite and the manual say. */

#include "schema.h"

#include <sqlite3.h>
#include <string.h>

static void
test_columns_are_whole (void)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        g_assert_cmpuint (table->id, ==, i);
        g_assert_cmpuint (table->n_columns, <=, SCHEMA_MAX_COLUMNS);
        g_assert_true (schema_find_table (table->name) == table);
        for (unsigned j = 0; j < table->n_columns; j++) {
            const SchemaColumn *column = &table->columns[j];
            g_assert_nonnull (column->name);
            g_assert_nonnull (column->help);
            g_assert_cmpint (schema_find_column (table, column->name), ==, j);
            g_assert_true ((column->type == SCHEMA_CHOICE) == (column->choices != NULL));
            g_assert_true ((column->type == SCHEMA_INTEGER) == (column->max > column->min));
            g_assert_false (column->is_required && column->fallback != NULL);
        }
    }
    g_assert_null (schema_find_table ("rout"));
    g_assert_cmpint (schema_find_column (schema_table (SCHEMA_ROUTE), "prefixes"), ==, -1);
}

/* An integer of a key must be said, or have a fallback: NULL is no key. */
static void
test_keys_are_never_null (void)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        for (unsigned j = 0; j < table->n_keys; j++) {
            const SchemaColumn *column = &table->columns[j];
            g_assert_true (!schema_is_integer (column) || column->is_required
                           || column->fallback != NULL);
        }
    }
}

static void
test_references_lead_to_keys (void)
{
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        for (unsigned j = 0; j < table->n_columns; j++) {
            const SchemaColumn *column = &table->columns[j];
            if (column->refers_column == NULL) {
                continue;
            }
            const SchemaTable *other = schema_find_table (column->refers);
            g_assert_nonnull (other);
            g_assert_cmpint (schema_find_column (other, column->refers_column), ==, 0);
        }
    }
}

static void
test_sqlite_takes_ddl (void)
{
    sqlite3 *db = NULL;

    g_assert_cmpint (sqlite3_open (":memory:", &db), ==, SQLITE_OK);
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        g_autoptr (GString) sql = g_string_new (NULL);
        char *reason = NULL;
        schema_append_create (sql, table, "keyed", true, "line INTEGER NOT NULL");
        schema_append_create (sql, table, "free", false, "line INTEGER NOT NULL");
        g_string_append (sql, "INSERT INTO free SELECT ");
        schema_append_columns (sql, table, table->n_columns, "k.");
        g_string_append (sql, ", line FROM keyed k; DROP TABLE keyed; DROP TABLE free");
        sqlite3_exec (db, sql->str, NULL, NULL, &reason);
        g_assert_cmpstr (reason, ==, NULL);
    }
    sqlite3_close (db);
}

static void
test_header_has_columns (void)
{
    g_autoptr (GString) header = g_string_new (NULL);

    schema_append_header (header, schema_table (SCHEMA_PORTED));
    g_assert_cmpstr (header->str, ==, "number,routing_number");
}

static void
test_markdown_has_columns (void)
{
    g_autoptr (GString) text = g_string_new (NULL);

    schema_append_markdown (text, schema_table (SCHEMA_EMERGENCY));
    g_assert_cmpstr (text->str, ==,
                     "| column | type | when empty | |\n"
                     "|---|---|---|---|\n"
                     "| `region` (key) | text | required | where the caller is |\n"
                     "| `number` (key) | digits | required | the number |\n"
                     "| `label` | text | required | the route list (`list.label`) |\n");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/route/ROU-040/schema/columns-are-whole", test_columns_are_whole);
    g_test_add_func ("/route/ROU-040/schema/keys-are-never-null", test_keys_are_never_null);
    g_test_add_func ("/route/ROU-040/schema/references-lead-to-keys", test_references_lead_to_keys);
    g_test_add_func ("/route/ROU-040/schema/sqlite-takes-ddl", test_sqlite_takes_ddl);
    g_test_add_func ("/route/ROU-040/schema/header-has-columns", test_header_has_columns);
    g_test_add_func ("/route/ROU-040/schema/markdown-has-columns", test_markdown_has_columns);
    return g_test_run ();
}
