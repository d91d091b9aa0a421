/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the PostgreSQL driver share. */

#ifndef ROUTE_STORE_POSTGRESQL_H
#define ROUTE_STORE_POSTGRESQL_H

#include "store-driver.h"

#include <libpq-fe.h>

typedef struct {
    Store store; /* first */
    char *uri;   /* with its secrets: never shown */
    PGconn *connection;
    bool is_listening;
    bool is_made[N_SCHEMA_TABLES]; /* the table that its rows are gathered in */
    const SchemaTable *copying;    /* rows are being sent for it, or NULL */
    GString *buffer;               /* of them, or NULL */
} PgStore;

static inline PgStore *
pg_of (Store *store)
{
    return (PgStore *) store;
}

/* "cannot WHAT", with what the server said in RESULT (nullable: what libpq said) and what to do;
 * false. */
bool pg_fail (const PgStore *store, const PGresult *result, const char *what, GError **error);

/* Asks the pulse; false, with an error, where it wants an end. */
bool pg_beat (PgStore *store, const char *what, GError **error);

/* Waits until libpq has what comes next. A pulse that wants an end cancels what the server does, which
 * is then its answer. */
void pg_await (PgStore *store);

/* Runs SQL to its last result, as StoreDriver.run. */
bool pg_run (Store *base, const char *sql, const char *what, uint64_t *ret_n, GError **error);

/* --- store-postgresql-rows.c ------------------------------------------------------------- */

StoreQuery *pg_query (Store *base, const char *sql, GError **error);
StoreStep pg_step (StoreQuery *query, GError **error);
const char *pg_text (StoreQuery *query, unsigned column);
int64_t pg_number (StoreQuery *query, unsigned column);
void pg_end_query (StoreQuery *query); /* nullable */

bool pg_begin_gathering (Store *base, GError **error);
bool pg_put (Store *base, const SchemaTable *table, const char *const *cells, uint64_t line,
             Report *report, GError **error);
bool pg_end_gathering (Store *base, Report *report, GError **error);
void pg_forget_gathered (Store *base);

/* Appends TABLE's columns as PostgreSQL declares them, each with a comma behind. */
void pg_append_columns (GString *sql, const SchemaTable *table);

#endif
