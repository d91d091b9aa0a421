/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the store share. */

#ifndef ROUTE_STORE_INSIDE_H
#define ROUTE_STORE_INSIDE_H

#include "cell.h"
#include "store.h"

#include <sqlite3.h>
#include <sys/stat.h>

struct Store {
    char *path;
    sqlite3 *db;
    struct stat place; /* of the file that was opened */
    StoreOptions options;
    bool (*go_on) (void *data); /* nullable */
    void *data;
    bool is_changing;
};

/* The cells of a row that a query is at, until its next step. */
typedef struct {
    const char *cells[SCHEMA_MAX_COLUMNS];
    char integers[SCHEMA_MAX_COLUMNS][CELL_INTEGER_SIZE];
} StoreCells;

/* "cannot WHAT", with what SQLite said last and what to do; false. */
bool store_fail (const Store *store, const char *what, GError **error);

/* Whether the path still names what is open. */
bool store_check_place (const Store *store, GError **error);

bool store_run (const Store *store, const char *sql, const char *what, GError **error);
bool store_read_number (const Store *store, const char *sql, int64_t *ret_number, GError **error);
sqlite3_stmt *store_prepare (const Store *store, const char *sql, GError **error);

/* Undoes the transaction that is open, if there is one. */
void store_undo (const Store *store);

/* Appends "INSERT INTO <table>_past ... SELECT" of the rows of TABLE, "c", up to "FROM". */
void store_append_end (GString *sql, const SchemaTable *table, int64_t version);

/* Reads the first N cells of the row, which begin in column FIRST of QUERY. */
void store_read_cells (StoreCells *into, sqlite3_stmt *query, const SchemaTable *table, unsigned n);

/* The number of VERSION, which may be STORE_NEWEST; false, with an error, when it is not kept. */
bool store_find_version (const Store *store, int64_t version, int64_t *ret_number, GError **error);

/* Begins a transaction that writes the version RET_NUMBER; and ends it, with what it did, or undoes it
 * where it did nothing. */
bool store_begin_version (const Store *store, int64_t *ret_number, GError **error);
bool store_end_version (const Store *store, int64_t number, const StoreNote *note, bool is_dry,
                        const Report *report, int64_t *ret_version, GError **error);

#endif
