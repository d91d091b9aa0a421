/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The servers that may be asked, and which one is next.
 *
 *     untried --answer, probe answered--> up <--probe answered-- lost
 *        '----------silence------------------------silence--------^
 *
 * Servers that are up take turns, each as often as its share says: smooth weighted round robin, so that
 * of shares 100, 50 the order is a b a a b a and never a a b. A congested one has a smaller share. When
 * none is up, one that nobody has tried yet is asked; one that is lost never is, but by the probe.
 *
 * The machine of a server lives on the control lane. What other lanes find out takes effect at once
 * (standing) and is posted there. Picking and noting may be done on any lane: leaf locks, held for a few
 * loads and stores.
 */

#ifndef POLICY_POOL_H
#define POLICY_POOL_H

#include <pthread.h>
#include <stdatomic.h>
#include <tandem/fsm.h>
#include <tandem/metric.h>
#include <tandem/snapshot.h>

enum { POOL_MAX_SERVERS = 9, POOL_N_LEVELS = 4, POOL_NONE = -1 };

typedef enum {
    SERVER_UNTRIED,
    SERVER_UP,
    SERVER_LOST,
    N_SERVER_STATES,
} ServerState;

typedef enum {
    SERVER_ANSWER,  /* of a question */
    SERVER_SILENCE, /* of a question or a probe */
    SERVER_PROBED,  /* a probe is answered */
    N_SERVER_EVENTS,
} ServerEvent;

/* What came of asking a server. */
typedef enum {
    OUTCOME_ANSWERED,
    OUTCOME_BUSY,  /* 503: it is there, and has too much to do */
    OUTCOME_WRONG, /* it is there, but what it says cannot be used here */
    OUTCOME_LOST,  /* nothing, not in time, or nothing that is an answer */
    N_OUTCOMES,
} Outcome;

typedef struct Server Server;

/* Who looks after the servers. CHANGED: SERVER has come to another state; on the control lane. */
typedef struct {
    TdModule *module;
    void (*changed) (Server *server, ServerState before, void *data);
    void *data;
} PoolKeeper;

/* One server; kept over reloads as long as its URL is the same. */
struct Server {
    atomic_int n_refs;
    char *url; /* without a slash at the end */
    const PoolKeeper *keeper;
    atomic_uint standing; /* ServerState, as far as anybody knows */

    /* The control lane's. */
    TdFsm fsm;
    int64_t since_wall_us;
    char *why; /* nullable: why it is lost */

    pthread_mutex_t lock; /* of what follows */
    unsigned level;
    int64_t level_until_us; /* of a level that only a refusal told: monotonic; 0: it was said */
    uint64_t n_outcomes[N_OUTCOMES];
    double latency_us; /* weighted mean of the last answers */

    TdMetric *outcomes[N_OUTCOMES], *is_up, *delay;
};

typedef struct {
    TdTable table; /* first */
    pthread_mutex_t lock;
    Server *servers[POOL_MAX_SERVERS];
    int turns[POOL_MAX_SERVERS]; /* of the round robin, under the lock */
    unsigned n_servers;
    uint8_t shares[POOL_N_LEVELS]; /* percent of its turns that a server of that level gets */
} Pool;

/* What an operator sees of a server. */
typedef struct {
    ServerState state;
    unsigned level, share;
    int64_t since_wall_us;
    const char *why; /* nullable */
    uint64_t n_outcomes[N_OUTCOMES];
    double latency_us;
} ServerView;

extern const TdMachine policy_server_machine;

/* A pool of URLS, with the servers that BEFORE (nullable) had already. Thread: control. */
Pool *pool_new (const PoolKeeper *keeper, const char *const *urls,
                const uint8_t shares[POOL_N_LEVELS], const Pool *before);

/* The index of who is asked next, not EXCEPT (or POOL_NONE); POOL_NONE: nobody is there to be asked.
 * Thread: any. */
int pool_pick (Pool *pool, int except, int64_t now_us);

/* SERVER was asked and has given OUTCOME after TOOK_US; WHY in words where it gave none. Thread: a
 * lane. */
void server_note (Server *server, Outcome outcome, int64_t took_us, const char *why);

/* It said how congested it is. Thread: any. */
void server_note_level (Server *server, unsigned level);

/* Whether a probe was answered. Thread: control. */
void server_note_probe (Server *server, bool is_answered, const char *why);

/* Thread: control. */
void pool_view (Pool *pool, unsigned index, int64_t now_us, ServerView *ret_view);
const char *server_state_name (ServerState state);

Server *server_ref (Server *server);
void server_unref (Server *server);

#endif
