/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A PostgreSQL server, asked over several connections by one thread that never waits for a single one.
 *
 *     DOWN --> CONNECTING --> PREPARING --> FREE <--> ASKING
 *      ^-----------------------------------------------/     an error, or no answer for too long
 */

#include "source.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define STATEMENT "dip"

enum {
    CONNECT_US = 5000000, /* for a connection to be made */
    RETRY_US = 1000000,   /* until the next attempt after one has failed */
    LOOK_MS = 100,
    MAX_CONNECTIONS = 32,
};

typedef enum { DOWN, CONNECTING, PREPARING, FREE, ASKING } LinkState;

typedef struct {
    Source *source;
    LinkState state;
    PGconn *connection;
    PostgresPollingStatusType wants; /* CONNECTING */
    SqlAsked *asked;                 /* ASKING */
    int64_t since_us;
} Link;

typedef struct {
    Source *source;
    Link links[MAX_CONNECTIONS];
    unsigned n_links;
    int64_t retry_us;           /* no connection is begun before */
    char error[SQL_ERROR_SIZE]; /* why there is no connection; "": there is, or may be */
} Pool;

bool
postgresql_can_read (const char *uri)
{
    PQconninfoOption *options = PQconninfoParse (uri, NULL);

    PQconninfoFree (options);
    return options != NULL;
}

/* --- One connection ---------------------------------------------------------------------- */

/* Otherwise libpq writes them to the standard error output. */
static void
ignore_notice (void *data, const char *message)
{
}

static void
enter (Link *link, LinkState state)
{
    link->state = state;
    link->since_us = g_get_monotonic_time ();
}

/* The first line says it; others repeat the statement. */
static void
take_message (char error[SQL_ERROR_SIZE], const char *message)
{
    size_t len = strcspn (message, "\n");

    g_snprintf (error, SQL_ERROR_SIZE, "%.*s", (int) len, len > 0 ? message : "");
    if (len == 0) {
        g_strlcpy (error, "the connection was lost", SQL_ERROR_SIZE);
    }
}

/* MESSAGE: why. */
static void
drop (Pool *pool, Link *link, const char *message)
{
    char error[SQL_ERROR_SIZE];
    bool was_made = link->state == FREE || link->state == ASKING;

    take_message (error, message);
    if (link->asked != NULL) {
        source_fail (g_steal_pointer (&link->asked), "%s", error);
    }
    g_clear_pointer (&link->connection, PQfinish);
    enter (link, DOWN);
    if (!was_made) {
        g_strlcpy (pool->error, error, sizeof pool->error);
        pool->retry_us = link->since_us + RETRY_US;
    }
}

/* A name is looked up here and now: that is what the thread is for. */
static void
begin (Pool *pool, Link *link)
{
    static const char *const names[] = { "application_name",
                                         "keepalives_idle",
                                         "keepalives_interval",
                                         "keepalives_count",
                                         "tcp_user_timeout",
                                         "client_encoding",
                                         "dbname",
                                         NULL };
    const char *const values[] = {
        "tandem-dip", "10", "5", "3", "10000", "UTF8", pool->source->settings.server, NULL
    };

    link->connection = PQconnectStartParams (names, values, 1);
    link->wants = PGRES_POLLING_WRITING;
    enter (link, CONNECTING);
    if (link->connection == NULL || PQstatus (link->connection) == CONNECTION_BAD) {
        drop (pool, link,
              link->connection != NULL ? PQerrorMessage (link->connection) : "no memory");
        return;
    }
    PQsetNoticeProcessor (link->connection, ignore_notice, NULL);
}

static void
connect_on (Pool *pool, Link *link)
{
    link->wants = PQconnectPoll (link->connection);
    if (link->wants == PGRES_POLLING_FAILED) {
        drop (pool, link, PQerrorMessage (link->connection));
    } else if (link->wants == PGRES_POLLING_OK) {
        enter (link, PREPARING);
        PQsetnonblocking (link->connection, 1);
        if (!PQsendPrepare (link->connection, STATEMENT, pool->source->settings.query, 0, NULL)) {
            drop (pool, link, PQerrorMessage (link->connection));
        }
    }
}

static const char *
cell (const PGresult *result, int column)
{
    return column < PQnfields (result) && !PQgetisnull (result, 0, column)
               ? PQgetvalue (result, 0, column)
               : NULL;
}

static const char *
message_of (const PGresult *result)
{
    const char *said = PQresultErrorField (result, PG_DIAG_MESSAGE_PRIMARY);

    return said != NULL ? said : PQresultErrorMessage (result);
}

static void
take_result (Pool *pool, Link *link, const PGresult *result)
{
    bool is_good = PQresultStatus (result) == PGRES_TUPLES_OK;

    if (link->state == PREPARING) {
        if (PQresultStatus (result) == PGRES_COMMAND_OK) {
            pool->error[0] = '\0';
        } else {
            drop (pool, link, message_of (result));
        }
    } else if (link->asked != NULL && is_good && PQntuples (result) > 0) {
        source_found (g_steal_pointer (&link->asked), cell (result, 0), cell (result, 1),
                      cell (result, 2));
    } else if (link->asked != NULL && is_good) {
        link->asked->result = TD_DIP_NOT_FOUND;
        source_answer (g_steal_pointer (&link->asked));
    } else if (link->asked != NULL) {
        char error[SQL_ERROR_SIZE];
        take_message (error, message_of (result));
        source_fail (g_steal_pointer (&link->asked), "%s", error);
    }
}

/* There is something to read. */
static void
read_on (Pool *pool, Link *link)
{
    if (!PQconsumeInput (link->connection)) {
        drop (pool, link, PQerrorMessage (link->connection));
        return;
    }
    while (link->state >= PREPARING && !PQisBusy (link->connection)) {
        PGresult *result = PQgetResult (link->connection);
        if (result == NULL) {
            enter (link, FREE);
            break;
        }
        take_result (pool, link, result);
        PQclear (result);
    }
    if (link->state == FREE && PQstatus (link->connection) == CONNECTION_BAD) {
        drop (pool, link, PQerrorMessage (link->connection));
    }
}

static void
send_question (Pool *pool, Link *link, SqlAsked *asked)
{
    const char *const values[] = { asked->number };

    link->asked = asked;
    enter (link, ASKING);
    if (!PQsendQueryPrepared (link->connection, STATEMENT, 1, values, NULL, NULL, 0)
        || PQflush (link->connection) < 0) {
        drop (pool, link, PQerrorMessage (link->connection));
    }
}

/* Of a question that is answered, the server's word that it is ready may still be missing. */
static bool
is_late (const Link *link, int64_t now_us)
{
    if (link->state == ASKING && link->asked != NULL) {
        return now_us - link->asked->asked_us > link->asked->limit_us;
    }
    return link->state != DOWN && link->state != FREE && now_us - link->since_us > CONNECT_US;
}

static void
give_up_late (Pool *pool, Link *link, int64_t now_us)
{
    if (is_late (link, now_us)) {
        drop (pool, link, "the server does not answer");
    }
}

/* --- All of them ------------------------------------------------------------------------- */

/* Where something waits, hands it to who is free, and makes connections as long as too few are. */
static void
serve (Pool *pool)
{
    for (unsigned i = 0; i < pool->n_links; i++) {
        Link *link = &pool->links[i];
        if (link->state == FREE) {
            SqlAsked *asked = source_take (pool->source);
            if (asked != NULL) {
                send_question (pool, link, asked);
            }
        } else if (link->state == DOWN && g_get_monotonic_time () >= pool->retry_us) {
            begin (pool, link);
        }
    }
}

static bool
has_hope (const Pool *pool)
{
    if (pool->error[0] == '\0') {
        return true;
    }
    for (unsigned i = 0; i < pool->n_links; i++) {
        if (pool->links[i].state >= FREE) {
            return true;
        }
    }
    return false;
}

static short
events_of (const Link *link)
{
    bool wants_write = (link->state == CONNECTING && link->wants == PGRES_POLLING_WRITING);

    return wants_write ? POLLOUT : POLLIN;
}

static void
await_events (Pool *pool)
{
    struct pollfd pollers[MAX_CONNECTIONS + 1] = { { .fd = pool->source->wake, .events = POLLIN } };
    uint64_t n;

    for (unsigned i = 0; i < pool->n_links; i++) {
        const Link *link = &pool->links[i];
        pollers[i + 1] = (struct pollfd){
            .fd = link->state != DOWN ? PQsocket (link->connection) : -1,
            .events = events_of (link),
        };
    }
    if (poll (pollers, pool->n_links + 1, LOOK_MS) <= 0) {
        return;
    }
    if (pollers[0].revents != 0 && read (pool->source->wake, &n, sizeof n) < 0) {
        return;
    }
    for (unsigned i = 0; i < pool->n_links; i++) {
        Link *link = &pool->links[i];
        if (pollers[i + 1].revents == 0) {
            continue;
        }
        if (link->state == CONNECTING) {
            connect_on (pool, link);
        } else if (link->state != DOWN) {
            read_on (pool, link);
        }
    }
}

void
postgresql_run (Source *source)
{
    Pool pool = { .source = source, .n_links = source->settings.n_connections };

    while (source_goes_on (source)) {
        serve (&pool);
        await_events (&pool);
        int64_t now_us = g_get_monotonic_time ();
        for (unsigned i = 0; i < pool.n_links; i++) {
            give_up_late (&pool, &pool.links[i], now_us);
        }
        source_fail_waiting (source, has_hope (&pool) ? NULL : pool.error);
    }
    for (unsigned i = 0; i < pool.n_links; i++) {
        if (pool.links[i].state != DOWN) {
            drop (&pool, &pool.links[i], "it has stopped");
        }
    }
}
