/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows that come from PostgreSQL and go there, by COPY: text, a line each, its cells between tabs. */

#include "store-postgresql.h"

#include <poll.h>
#include <string.h>

enum {
    MAX_CELLS = SCHEMA_MAX_COLUMNS + 3,
    FLUSH_BYTES = 1 << 16,
    BEAT_ROWS = 4096,
    BEAT_MS = 100,
};

struct StoreQuery {
    PgStore *store;
    char *line; /* libpq's, cut into CELLS; or NULL */
    char *cells[MAX_CELLS];
    unsigned n_cells, n_rows;
    bool is_ended;
};

/* --- Rows that come ---------------------------------------------------------------------- */

StoreQuery *
pg_query (Store *base, const char *sql, GError **error)
{
    PgStore *store = pg_of (base);
    g_autofree char *copy = g_strdup_printf ("COPY (%s) TO STDOUT", sql);

    if (!pg_beat (store, "be read", error)) {
        return NULL;
    }
    if (!PQsendQuery (store->connection, copy)) {
        pg_fail (store, NULL, "be read", error);
        return NULL;
    }
    pg_await (store);
    PGresult *result = PQgetResult (store->connection);
    bool is_copy = PQresultStatus (result) == PGRES_COPY_OUT;
    if (!is_copy) {
        pg_fail (store, result, "be read", error);
    }
    PQclear (result);
    StoreQuery *query = g_new0 (StoreQuery, 1);
    query->store = store;
    if (!is_copy) {
        pg_end_query (query);
        return NULL;
    }
    return query;
}

/* What stands for the letter behind a backslash. */
static char
unescape (char c)
{
    static const char letters[] = "bfnrtv", meant[] = "\b\f\n\r\t\v";
    const char *found = c != '\0' ? strchr (letters, c) : NULL;

    return found != NULL ? meant[found - letters] : c;
}

/* Cuts the line into cells, in its place. */
static void
cut (StoreQuery *query)
{
    char *from = query->line;

    query->n_cells = 0;
    while (query->n_cells < MAX_CELLS) {
        char *to = from, *cell = from;
        bool is_null = from[0] == '\\' && from[1] == 'N';
        while (*from != '\t' && *from != '\n' && *from != '\0') {
            if (*from == '\\' && from[1] != '\0') {
                from++;
                *to++ = unescape (*from++);
            } else {
                *to++ = *from++;
            }
        }
        bool is_last = *from != '\t';
        *to = '\0';
        query->cells[query->n_cells++] = is_null ? NULL : cell;
        if (is_last) {
            break;
        }
        from++;
    }
}

/* -1 at the end, as PQgetCopyData (). */
static int
receive (StoreQuery *query)
{
    PgStore *store = query->store;
    int n;

    while ((n = PQgetCopyData (store->connection, &query->line, 1)) == 0) {
        struct pollfd poller = { .fd = PQsocket (store->connection), .events = POLLIN };
        bool is_ready = poll (&poller, 1, BEAT_MS) > 0;
        if (is_ready ? !PQconsumeInput (store->connection) : !pg_beat (store, "", NULL)) {
            return -2;
        }
    }
    return n;
}

static StoreStep
end_rows (StoreQuery *query, int n, GError **error)
{
    PgStore *store = query->store;
    PGresult *result = n == -1 ? PQgetResult (store->connection) : NULL;
    bool is_good = PQresultStatus (result) == PGRES_COMMAND_OK;

    query->is_ended = true;
    if (!is_good && pg_beat (store, "be read", error)) {
        pg_fail (store, result, "be read", error);
    }
    PQclear (result);
    return is_good ? STORE_END : STORE_FAILED;
}

StoreStep
pg_step (StoreQuery *query, GError **error)
{
    g_clear_pointer (&query->line, PQfreemem);
    if (++query->n_rows % BEAT_ROWS == 0 && !pg_beat (query->store, "be read", error)) {
        return STORE_FAILED;
    }
    int n = receive (query);
    if (n < 0) {
        return end_rows (query, n, error);
    }
    cut (query);
    return STORE_ROW;
}

const char *
pg_text (StoreQuery *query, unsigned column)
{
    return column < query->n_cells ? query->cells[column] : NULL;
}

int64_t
pg_number (StoreQuery *query, unsigned column)
{
    const char *text = pg_text (query, column);

    return text != NULL ? g_ascii_strtoll (text, NULL, 10) : 0;
}

/* What is on its way is cancelled and read to its end. */
void
pg_end_query (StoreQuery *query)
{
    if (query == NULL) {
        return;
    }
    PGconn *connection = query->store->connection;
    PGcancel *handle = query->is_ended ? NULL : PQgetCancel (connection);
    char said[256], *rest = NULL;
    PGresult *result;

    PQfreemem (query->line);
    if (handle != NULL) {
        PQcancel (handle, said, sizeof said);
        PQfreeCancel (handle);
    }
    while ((result = PQgetResult (connection)) != NULL && PQstatus (connection) != CONNECTION_BAD) {
        while (PQresultStatus (result) == PGRES_COPY_OUT
               && PQgetCopyData (connection, &rest, 0) > 0) {
            PQfreemem (rest);
        }
        PQclear (result);
        result = NULL;
    }
    PQclear (result);
    g_free (query);
}

/* --- Rows that go ------------------------------------------------------------------------ */

static const SchemaColumn plain = { .type = SCHEMA_INTEGER };

/* A key is never NULL, a text never: an empty one says nothing. Texts are compared byte by byte, as
 * everywhere in the tables. */
void
pg_append_columns (GString *sql, const SchemaTable *table)
{
    for (unsigned i = 0; i < table->n_columns; i++) {
        bool is_integer = schema_is_integer (&table->columns[i]);
        g_string_append_printf (sql, "\"%s\" %s%s, ", table->columns[i].name,
                                is_integer ? "BIGINT" : "TEXT COLLATE \"C\"",
                                !is_integer || i < table->n_keys ? " NOT NULL" : "");
    }
}

bool
pg_begin_gathering (Store *base, GError **error)
{
    PgStore *store = pg_of (base);

    if (store->buffer == NULL) {
        store->buffer = g_string_sized_new (FLUSH_BYTES + 8192);
    }
    return true;
}

static bool
flush (PgStore *store, GError **error)
{
    GString *buffer = store->buffer;
    bool is_sent = pg_beat (store, "be changed", error)
                   && (PQputCopyData (store->connection, buffer->str, (int) buffer->len) == 1
                       || pg_fail (store, NULL, "be changed", error));

    g_string_truncate (buffer, 0);
    return is_sent;
}

/* Ends the COPY that is under way, if there is one; REASON: as a failure. */
static bool
end_copy (PgStore *store, const char *reason, GError **error)
{
    bool is_good = true;

    if (store->copying == NULL) {
        return true;
    }
    is_good = reason != NULL || flush (store, error);
    store->copying = NULL;
    if (PQputCopyEnd (store->connection, is_good ? reason : "stopped") != 1) {
        return is_good && pg_fail (store, NULL, "be changed", error);
    }
    pg_await (store);
    PGresult *result = PQgetResult (store->connection);
    if (is_good && reason == NULL && PQresultStatus (result) != PGRES_COMMAND_OK) {
        is_good = pg_fail (store, result, "be changed", error);
    }
    while (result != NULL && PQstatus (store->connection) != CONNECTION_BAD) {
        PQclear (result);
        result = PQgetResult (store->connection);
    }
    PQclear (result);
    return is_good;
}

static bool
make_table (PgStore *store, const SchemaTable *table, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);

    g_string_printf (sql, "DROP TABLE IF EXISTS pg_temp.\"%s\"; CREATE TEMPORARY TABLE \"%s\" (",
                     table->name, table->name);
    pg_append_columns (sql, table);
    g_string_append (sql, "line BIGINT NOT NULL)");
    store->is_made[table->id] = pg_run (&store->store, sql->str, "be changed", NULL, error);
    return store->is_made[table->id];
}

static bool
begin_copy (PgStore *store, const SchemaTable *table, GError **error)
{
    g_autofree char *sql = g_strdup_printf ("COPY pg_temp.\"%s\" FROM STDIN", table->name);

    if (!end_copy (store, NULL, error)
        || (!store->is_made[table->id] && !make_table (store, table, error))) {
        return false;
    }
    PGresult *result = PQexec (store->connection, sql);
    bool is_copy =
        PQresultStatus (result) == PGRES_COPY_IN || pg_fail (store, result, "be changed", error);
    PQclear (result);
    store->copying = is_copy ? table : NULL;
    return is_copy;
}

static void
append_escaped (GString *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '\\':
        case '\t':
        case '\n':
        case '\r':
            g_string_append_c (out, '\\');
            g_string_append_c (out, *at == '\t'   ? 't'
                                    : *at == '\n' ? 'n'
                                    : *at == '\r' ? 'r'
                                                  : '\\');
            break;
        default:
            g_string_append_c (out, *at);
        }
    }
}

static void
append_cell (GString *out, const SchemaColumn *column, const char *cell)
{
    char packed[CELL_INTEGER_SIZE];

    cell = store_cell (column, cell);
    if (!schema_is_integer (column)) {
        append_escaped (out, cell);
    } else if (*cell == '\0') {
        g_string_append (out, "\\N");
    } else {
        g_string_append (out, cell_unpack (&plain, cell_pack (column, cell), packed));
    }
}

bool
pg_put (Store *base, const SchemaTable *table, const char *const *cells, uint64_t line,
        Report *report, GError **error)
{
    PgStore *store = pg_of (base);
    char number[CELL_INTEGER_SIZE];

    if (store->copying != table && !begin_copy (store, table, error)) {
        return false;
    }
    for (unsigned i = 0; i < table->n_columns; i++) {
        append_cell (store->buffer, &table->columns[i], cells[i]);
        g_string_append_c (store->buffer, '\t');
    }
    g_string_append (store->buffer, cell_unpack (&plain, (int64_t) line, number));
    g_string_append_c (store->buffer, '\n');
    return store->buffer->len < FLUSH_BYTES || flush (store, error);
}

/* --- All of them are there --------------------------------------------------------------- */

/* The rows whose key came before, in the order in which they came. */
static bool
note_twice (PgStore *store, const SchemaTable *table, Report *report, GError **error)
{
    g_autoptr (GString) names = g_string_new (NULL), keys = g_string_new (NULL);
    Store *base = &store->store;
    StoreCells cells;
    StoreStep step;

    schema_append_columns (names, table, table->n_columns, "");
    schema_append_columns (keys, table, table->n_keys, "");
    g_autofree char *sql = g_strdup_printf (
        "SELECT %s, line, first FROM (SELECT *, ctid AS place, first_value (line) OVER w AS first, "
        "row_number () OVER w AS n FROM pg_temp.\"%s\" WINDOW w AS (PARTITION BY %s ORDER BY "
        "ctid)) AS rows WHERE n > 1 ORDER BY place",
        names->str, table->name, keys->str);
    StoreQuery *query = pg_query (base, sql, error);
    if (query == NULL) {
        return false;
    }
    while ((step = pg_step (query, error)) == STORE_ROW) {
        store_read_cells (base, &cells, query, 0, table);
        g_autofree char *key = store_describe_key (table, cells.cells);
        store_note_twice (report, table, key, (uint64_t) pg_number (query, table->n_columns),
                          pg_number (query, table->n_columns + 1));
    }
    pg_end_query (query);
    return step == STORE_END;
}

/* With a key, rows that came twice are found, and merging is quick. */
static bool
add_key (PgStore *store, const SchemaTable *table, Report *report, GError **error)
{
    g_autoptr (GString) sql = g_string_new (NULL);
    PGresult *result;

    g_string_printf (sql, "ALTER TABLE pg_temp.\"%s\" ADD PRIMARY KEY (", table->name);
    schema_append_columns (sql, table, table->n_keys, "");
    g_string_append (sql, ")");
    if (!pg_beat (store, "be changed", error)) {
        return false;
    }
    if (!PQsendQuery (store->connection, sql->str)) {
        return pg_fail (store, NULL, "be changed", error);
    }
    pg_await (store);
    result = PQgetResult (store->connection);
    bool is_good = PQresultStatus (result) == PGRES_COMMAND_OK;
    const char *state = PQresultErrorField (result, PG_DIAG_SQLSTATE);
    bool is_twice = g_strcmp0 (state, "23505") == 0; /* unique_violation */
    if (!is_good && !is_twice) {
        pg_fail (store, result, "be changed", error);
    }
    PQclear (result);
    PQclear (PQgetResult (store->connection));
    return is_twice ? note_twice (store, table, report, error) : is_good;
}

bool
pg_end_gathering (Store *base, Report *report, GError **error)
{
    PgStore *store = pg_of (base);

    if (!end_copy (store, NULL, error)) {
        return false;
    }
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        const SchemaTable *table = schema_table (i);
        g_autofree char *sql = g_strdup_printf ("ANALYZE pg_temp.\"%s\"", table->name);
        if (store->is_made[i]
            && (!add_key (store, table, report, error)
                || !pg_run (base, sql, "be changed", NULL, error))) {
            return false;
        }
    }
    return true;
}

void
pg_forget_gathered (Store *base)
{
    PgStore *store = pg_of (base);

    end_copy (store, "not wanted", NULL);
    base->driver->undo (base);
    g_string_truncate (store->buffer, 0);
    for (unsigned i = 0; i < N_SCHEMA_TABLES; i++) {
        if (store->is_made[i]) {
            g_autofree char *sql =
                g_strdup_printf ("DROP TABLE IF EXISTS pg_temp.\"%s\"", schema_table (i)->name);
            PQclear (PQexec (store->connection, sql));
            store->is_made[i] = false;
        }
    }
}
