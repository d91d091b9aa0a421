/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of the store share, and what one kind of database does for them.
 *
 *     store.c store-layout.c store-version.c store-change.c   what all have in common, in SQL that all know
 *        |
 *     StoreDriver -- store-sqlite.c                  a file
 *                 \- store-postgresql*.c             a server
 */

#ifndef ROUTE_STORE_DRIVER_H
#define ROUTE_STORE_DRIVER_H

#include "cell.h"
#include "store.h"

/* The rows of one statement, from one to the next. */
typedef struct StoreQuery StoreQuery;

typedef enum {
    STORE_ROW,
    STORE_END,
    STORE_FAILED,
} StoreStep;

typedef struct {
    /* The database that rows are gathered in before they are merged: "incoming". */
    const char *incoming;

    Store *(*open) (const char *name, const StoreOptions *options, GError **error);
    void (*close) (Store *store);
    /* Nullable: STORE's pulse is another one now. */
    void (*pulse_changed) (Store *store);
    /* Whether what was opened is still there, before anything is begun. */
    bool (*check_place) (Store *store, GError **error);

    /* Runs statements; WHAT: "be read", for errors. RET_N (nullable): rows the last one wrote. */
    bool (*run) (Store *store, const char *sql, const char *what, uint64_t *ret_n, GError **error);
    /* One at a time. A text is good until the next step, NULL where there is none; a number is 0. */
    StoreQuery *(*query) (Store *store, const char *sql, GError **error);
    StoreStep (*step) (StoreQuery *query, GError **error);
    const char *(*text) (StoreQuery *query, unsigned column);
    int64_t (*number) (StoreQuery *query, unsigned column);
    void (*end_query) (StoreQuery *query); /* nullable */

    /* A transaction that sees one version whole; one that nobody else writes beside. */
    bool (*begin_reading) (Store *store, GError **error);
    bool (*begin_writing) (Store *store, GError **error);
    /* Ends the latter with a version, and tells whoever listens; or undoes what is open, if anything. */
    bool (*commit) (Store *store, GError **error);
    void (*undo) (Store *store);

    /* Where rows are gathered: "<incoming>.<table>" with a column LINE. Which key was put twice is
     * noted by either of the last two. */
    bool (*begin_gathering) (Store *store, GError **error);
    bool (*put) (Store *store, const SchemaTable *table, const char *const *cells, uint64_t line,
                 Report *report, GError **error);
    bool (*end_gathering) (Store *store, Report *report, GError **error);
    void (*forget_gathered) (Store *store);

    int (*listen) (Store *store, GError **error); /* nullable: it does not tell */
    /* Nullable: whether something was told since the last time. */
    bool (*was_told) (Store *store);
} StoreDriver;

extern const StoreDriver store_sqlite;
#ifdef HAVE_POSTGRESQL
extern const StoreDriver store_postgresql;
#endif

/* The first member of each driver's own. */
struct Store {
    const StoreDriver *driver;
    char *name; /* for messages: without secrets */
    StoreOptions options;
    bool (*go_on) (void *data); /* nullable */
    void *data;
    bool is_changing;
};

enum { STORE_SCHEMA_VERSION = 2 }; /* of what stands in a database of any kind */

/* How one kind of database makes the tables, and learns what they lack. */
typedef struct {
    const char *lock; /* begins a transaction in which one process is at a time */
    /* Before anything is written: what is not ours is left as it is. */
    bool (*check_owner) (Store *store, bool *ret_is_new, bool *ret_is_old, GError **error);
    void (*append_versions) (GString *sql); /* the tables that tell of versions */
    void (*append_table) (GString *sql, const SchemaTable *table);
    /* What counts the columns of TABLE that are called COLUMN (transfer full). */
    char *(*look_for) (const char *table, const char *column);
    const char *integer, *text; /* the types of columns that are added */
    const char *set_number;     /* ... before the number of the schema */
} StoreLayout;

/* Makes the tables where they are new, or gives them what they lack where they are old: in one
 * transaction, after another look, as two processes may begin at once. */
bool store_lay_out (Store *store, const StoreLayout *layout, GError **error);

/* The cells of a row that a query is at, until its next step. */
typedef struct {
    const char *cells[SCHEMA_MAX_COLUMNS];
    char integers[SCHEMA_MAX_COLUMNS][CELL_INTEGER_SIZE];
} StoreCells;

/* What is stored for TEXT in COLUMN: with its fallback. */
const char *store_cell (const SchemaColumn *column, const char *text);

bool store_run (Store *store, const char *sql, const char *what, GError **error);
/* The first number of the first row of SQL, 0 where it is NULL. */
bool store_read_number (Store *store, const char *sql, int64_t *ret_number, GError **error);

/* Appends TEXT as SQL writes it. */
void store_append_literal (GString *sql, const char *text);

/* Appends "INSERT INTO <table>_past ... SELECT" of the rows of TABLE, "c", up to "FROM". */
void store_append_end (GString *sql, const SchemaTable *table, int64_t version);

/* Reads the cells of the row, which begin in column FIRST of QUERY. */
void store_read_cells (const Store *store, StoreCells *into, StoreQuery *query, unsigned first,
                       const SchemaTable *table);

/* "main, +44, 0" */
char *store_describe_key (const SchemaTable *table, const char *const *cells);

/* Notes that KEY was put at LINE, and before at FIRST. */
void store_note_twice (Report *report, const SchemaTable *table, const char *key, uint64_t line,
                       int64_t first);

/* The number of VERSION, which may be STORE_NEWEST; false, with an error, when it is not kept. */
bool store_find_version (Store *store, int64_t version, int64_t *ret_number, GError **error);

/* Begins a transaction that writes the version RET_NUMBER; and ends it, with what it did, or undoes it
 * where it did nothing. */
bool store_begin_version (Store *store, int64_t *ret_number, GError **error);
bool store_end_version (Store *store, int64_t number, const StoreNote *note, bool is_dry,
                        const Report *report, int64_t *ret_version, GError **error);

#endif
