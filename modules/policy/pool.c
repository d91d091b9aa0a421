/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The servers that may be asked, and which one is next. */

#include "pool.h"

#include <string.h>

enum {
    BUSY_LEVEL = 3, /* of a server that refuses to be asked */
    BUSY_US = 1000000,
    MEMORY = 16, /* how many answers the mean of the delay goes back, about */
    FULL_TURN = 100,
};

/* --- The machine ------------------------------------------------------------------------- */

static void act (void *self, unsigned event, void *data);

#define ALL_EVENTS (TD_BIT (SERVER_ANSWER) | TD_BIT (SERVER_SILENCE) | TD_BIT (SERVER_PROBED))

static const TdState states[N_SERVER_STATES] = {
    [SERVER_UNTRIED] = { .name = "untried",
                         .events = ALL_EVENTS,
                         .next = TD_BIT (SERVER_UP) | TD_BIT (SERVER_LOST),
                         .action = act },
    [SERVER_UP] = { .name = "up",
                    .events = ALL_EVENTS,
                    .next = TD_BIT (SERVER_LOST),
                    .action = act },
    [SERVER_LOST] = { .name = "lost",
                      .events = ALL_EVENTS,
                      .next = TD_BIT (SERVER_UP),
                      .action = act },
};

static const char *const events[N_SERVER_EVENTS] = { "answer", "silence", "probed" };

const TdMachine policy_server_machine = { .name = "policy.server",
                                          .states = states,
                                          .n_states = N_SERVER_STATES,
                                          .events = events,
                                          .n_events = N_SERVER_EVENTS };

const char *
server_state_name (ServerState state)
{
    return states[state].name;
}

static void
go (Server *server, ServerState state)
{
    ServerState before = td_fsm_state (&server->fsm);

    if (before == state || !td_fsm_enter (&server->fsm, state)) {
        return;
    }
    atomic_store (&server->standing, state);
    server->since_wall_us = td_clock_wall_us ();
    server->keeper->changed (server, before, server->keeper->data);
}

/* DATA: why, in words, of a silence. An answer that was still on its way when the server was lost does
 * not bring it back. */
static void
act (void *self, unsigned event, void *data)
{
    Server *server = self;

    if (event == SERVER_SILENCE) {
        g_free (server->why);
        server->why = g_strdup (data);
        atomic_store (&server->standing, SERVER_LOST);
        go (server, SERVER_LOST);
    } else if (event == SERVER_PROBED || td_fsm_state (&server->fsm) == SERVER_UNTRIED) {
        g_clear_pointer (&server->why, g_free);
        go (server, SERVER_UP);
    }
}

/* What a lane has found out, on its way to the control lane. */
typedef struct {
    TdPost post; /* first */
    Server *server;
    ServerEvent event;
    char *why;
} Finding;

static void
drop_finding (TdPost *post)
{
    Finding *finding = (Finding *) post;

    server_unref (finding->server);
    g_free (finding->why);
    g_free (finding);
}

static void
run_finding (TdPost *post)
{
    Finding *finding = (Finding *) post;

    td_fsm_dispatch (&finding->server->fsm, finding->event, finding->why);
    drop_finding (post);
}

static void
tell (Server *server, ServerEvent event, const char *why)
{
    Finding *finding = g_new0 (Finding, 1);

    finding->post =
        (TdPost){ .owner = server->keeper->module, .run = run_finding, .drop = drop_finding };
    finding->server = server_ref (server);
    finding->event = event;
    finding->why = g_strdup (why);
    td_lane_post (td_lane_control (), &finding->post);
}

/* --- Servers ----------------------------------------------------------------------------- */

static Server *
server_new (const PoolKeeper *keeper, const char *url)
{
    Server *server = g_new0 (Server, 1);

    atomic_init (&server->n_refs, 1);
    atomic_init (&server->standing, SERVER_UNTRIED);
    server->url = g_strdup (url);
    server->keeper = keeper;
    server->since_wall_us = td_clock_wall_us ();
    pthread_mutex_init (&server->lock, NULL);
    td_fsm_init (&server->fsm, keeper->module, &policy_server_machine, server);
    return server;
}

Server *
server_ref (Server *server)
{
    atomic_fetch_add (&server->n_refs, 1);
    return server;
}

void
server_unref (Server *server)
{
    if (atomic_fetch_sub (&server->n_refs, 1) == 1) {
        pthread_mutex_destroy (&server->lock);
        g_free (server->why);
        g_free (server->url);
        g_free (server);
    }
}

void
server_note_level (Server *server, unsigned level)
{
    pthread_mutex_lock (&server->lock);
    server->level = MIN (level, POOL_N_LEVELS - 1);
    server->level_until_us = 0;
    pthread_mutex_unlock (&server->lock);
}

static void
note_busy_locked (Server *server)
{
    server->level = BUSY_LEVEL;
    server->level_until_us = td_clock_now_us () + BUSY_US;
}

void
server_note (Server *server, Outcome outcome, int64_t took_us, const char *why)
{
    pthread_mutex_lock (&server->lock);
    server->n_outcomes[outcome]++;
    if (outcome == OUTCOME_ANSWERED) {
        server->latency_us += server->latency_us == 0
                                  ? (double) took_us
                                  : ((double) took_us - server->latency_us) / MEMORY;
    } else if (outcome == OUTCOME_BUSY) {
        note_busy_locked (server);
    }
    pthread_mutex_unlock (&server->lock);
    if (outcome == OUTCOME_LOST
        && atomic_exchange (&server->standing, SERVER_LOST) != SERVER_LOST) {
        tell (server, SERVER_SILENCE, why);
    } else if (outcome == OUTCOME_ANSWERED && atomic_load (&server->standing) == SERVER_UNTRIED) {
        tell (server, SERVER_ANSWER, NULL);
    }
}

void
server_note_probe (Server *server, bool is_answered, const char *why)
{
    td_fsm_dispatch (&server->fsm, is_answered ? SERVER_PROBED : SERVER_SILENCE, (void *) why);
}

/* --- Pools ------------------------------------------------------------------------------- */

static void
pool_free (TdTable *table)
{
    Pool *pool = (Pool *) table;

    for (unsigned i = 0; i < pool->n_servers; i++) {
        server_unref (pool->servers[i]);
    }
    pthread_mutex_destroy (&pool->lock);
    g_free (pool);
}

static Server *
find (const PoolKeeper *keeper, const Pool *pool, const char *url)
{
    for (unsigned i = 0; pool != NULL && i < pool->n_servers; i++) {
        if (strcmp (pool->servers[i]->url, url) == 0) {
            return server_ref (pool->servers[i]);
        }
    }
    return server_new (keeper, url);
}

Pool *
pool_new (const PoolKeeper *keeper, const char *const *urls, const uint8_t shares[POOL_N_LEVELS],
          const Pool *before)
{
    Pool *pool = g_new0 (Pool, 1);

    td_table_init (&pool->table, pool_free);
    pthread_mutex_init (&pool->lock, NULL);
    memcpy (pool->shares, shares, sizeof pool->shares);
    while (urls[pool->n_servers] != NULL && pool->n_servers < POOL_MAX_SERVERS) {
        pool->servers[pool->n_servers] = find (keeper, before, urls[pool->n_servers]);
        pool->n_servers++;
    }
    return pool;
}

static unsigned
level_at_locked (const Server *server, int64_t now_us)
{
    return server->level_until_us != 0 && now_us >= server->level_until_us ? 0 : server->level;
}

static unsigned
level_at (Server *server, int64_t now_us)
{
    pthread_mutex_lock (&server->lock);
    unsigned level = level_at_locked (server, now_us);
    pthread_mutex_unlock (&server->lock);
    return level;
}

/* Gives every server of STANDING but EXCEPT a full turn. */
static unsigned
weigh_alike (const Pool *pool, ServerState standing, int except, unsigned weights[POOL_MAX_SERVERS])
{
    unsigned total = 0;

    for (unsigned i = 0; i < pool->n_servers; i++) {
        bool is_meant = (int) i != except && atomic_load (&pool->servers[i]->standing) == standing;
        weights[i] = is_meant ? FULL_TURN : 0;
        total += weights[i];
    }
    return total;
}

/* How much of the turns each server gets. When the shares of all who are up are 0, they are asked alike: a
 * look-up at a congested server is better than none. */
static unsigned
weigh (const Pool *pool, int except, int64_t now_us, unsigned weights[POOL_MAX_SERVERS])
{
    unsigned full = weigh_alike (pool, SERVER_UP, except, weights), total = 0;

    if (full == 0) {
        return weigh_alike (pool, SERVER_UNTRIED, except, weights);
    }
    for (unsigned i = 0; i < pool->n_servers; i++) {
        weights[i] = weights[i] * pool->shares[level_at (pool->servers[i], now_us)] / FULL_TURN;
        total += weights[i];
    }
    return total > 0 ? total : weigh_alike (pool, SERVER_UP, except, weights);
}

int
pool_pick (Pool *pool, int except, int64_t now_us)
{
    unsigned weights[POOL_MAX_SERVERS];
    int picked = POOL_NONE;

    pthread_mutex_lock (&pool->lock);
    unsigned total = weigh (pool, except, now_us, weights);
    for (unsigned i = 0; i < pool->n_servers; i++) {
        if (weights[i] == 0) {
            /* Who comes back does not bring turns along. */
            pool->turns[i] = (int) i == except ? pool->turns[i] : 0;
            continue;
        }
        pool->turns[i] += (int) weights[i];
        if (picked == POOL_NONE || pool->turns[i] > pool->turns[picked]) {
            picked = (int) i;
        }
    }
    if (picked != POOL_NONE) {
        pool->turns[picked] -= (int) total;
    }
    pthread_mutex_unlock (&pool->lock);
    return picked;
}

void
pool_view (Pool *pool, unsigned index, int64_t now_us, ServerView *ret_view)
{
    Server *server = pool->servers[index];

    *ret_view = (ServerView){ .state = td_fsm_state (&server->fsm),
                              .since_wall_us = server->since_wall_us,
                              .why = server->why };
    pthread_mutex_lock (&server->lock);
    ret_view->level = level_at_locked (server, now_us);
    ret_view->latency_us = server->latency_us;
    memcpy (ret_view->n_outcomes, server->n_outcomes, sizeof ret_view->n_outcomes);
    pthread_mutex_unlock (&server->lock);
    ret_view->share = ret_view->state == SERVER_UP ? pool->shares[ret_view->level] : 0;
}
