/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One node's part of a limit that several nodes share: its own share, and seats it leases from a pool.
 *
 *               renewed                      half a time-out           three quarters
 *      ALONE --------------> SHARING -------------------------> FENCED ---------------> ALONE
 *      own share only        share and lease   <--- renewed --- no new calls            calls above the
 *        |                        |                             above the share         share are released
 *        +------- refused --------+-----> TWIN: another switch has this node's name; no calls at all
 *
 * Times count from when the renewal that was confirmed last was sent, on this node's own clock. Others
 * may have what it holds when they have seen it stand still for a whole time-out, on theirs. The last
 * quarter is for clocks that run apart, and for calls to end.
 */

#ifndef TRUNK_LEASE_H
#define TRUNK_LEASE_H

#include "ledger.h"

#include <tandem/fsm.h>

typedef enum {
    LEASE_ALONE,
    LEASE_SHARING,
    LEASE_FENCED,
    LEASE_TWIN,
    N_LEASE_STATES,
} LeaseState;

typedef enum {
    LEASE_RENEWED, /* the store has confirmed what we hold */
    LEASE_LATE,    /* it has not for half a time-out */
    LEASE_LOST,    /* nor for three quarters */
    LEASE_REFUSED, /* another one of our name renews */
} LeaseEvent;

/* What is seen of a node in the ledger. */
typedef struct {
    char *name;
    uint64_t boot, seq;
    uint32_t seats;
    int64_t moved_us; /* when it was first seen so; on our clock */
    bool is_alive;    /* it has renewed under our eyes */
} LeasePeer;

/* What outlives a build of the module: it hangs on the group. Points to no function. Control lane. */
typedef struct {
    uint8_t state;     /* LeaseState */
    bool is_shrinking; /* a lease was lost: calls above what is left are to go */
    bool is_ripe;
    bool is_starved; /* it wanted more than there was */
    uint64_t boot, seq;
    uint64_t epoch;           /* of the ledger as seen last */
    uint64_t held_epoch;      /* in which HELD was confirmed */
    int64_t epoch_us;         /* when EPOCH was first seen */
    int64_t sent_us;          /* the renewal that was confirmed last */
    int64_t tried_us;         /* the last attempt to renew */
    int64_t calm_us;          /* since when so much is free that a block could be given back ... */
    uint32_t calm_free;       /* ... and at least how much */
    uint32_t share;           /* our own that is in force */
    uint32_t held;            /* seats leased */
    uint32_t in_use;          /* when it was last looked */
    uint32_t n_free, n_taken; /* of the pool, as seen last */
    uint32_t timeout_ms;      /* that the others go by */
    uint32_t told_held;       /* in the metrics; see shared.c */
    bool is_told_alone;
    GPtrArray *peers; /* LeasePeer, ourselves among them */
    char *why;        /* why it could not renew; NULL: it could */
} LeaseData;

typedef struct {
    uint32_t pool, share, block; /* seats */
    uint32_t keep_alive_ms, timeout_ms;
    bool is_kept; /* calls above the share go on when the lease is lost */
    char *terms;
} LeaseSettings;

typedef struct Lease Lease;

/* Who keeps leases, and does for them what touches the world. */
typedef struct {
    TdModule *module;
    void *data;
    uint32_t (*in_use) (Lease *lease, void *data);
    /* So many SEATS may be taken until UNTIL_US, then only AFTER. Takes effect before it returns. */
    void (*allow) (Lease *lease, uint32_t seats, int64_t until_us, uint32_t after, void *data);
    /* N calls are to end, those of the lowest class first. */
    void (*release) (Lease *lease, uint32_t n, void *data);
    /* Puts AFTER in place of BEFORE (nullable: nothing) where the store is RUN; all NULL: only reads.
     * lease_answer () comes later, once, unless it returns false: there is no store. */
    bool (*swap) (Lease *lease, const char *run, const char *before, const char *after, void *data);
    void (*changed) (Lease *lease, LeaseState before, void *data);
    /* Renewing fails, or does so no more (WHY is NULL). */
    void (*troubled) (Lease *lease, const char *why, void *data);
    uint64_t (*random) (void *data);
} LeaseKeeper;

struct Lease {
    TdFsm fsm;
    const LeaseKeeper *keeper;
    LeaseData *data;
    void *owner; /* the keeper's */
    char *node;
    LeaseSettings settings;
    char *run, *value; /* the store's, as read last; both NULL: not read */
    /* What is under way: */
    bool is_busy, is_leaving, is_farewell; /* the last one: what is under way says so */
    unsigned n_tries;
    uint64_t ticket; /* the keeper's, to know the answer by */
    int64_t asked_us;
    uint32_t want;
    char *after;
    LedgerVerdict verdict;
};

/* What the store said. */
typedef struct {
    const char *error; /* nullable: it did answer */
    bool is_done;      /* the change was taken */
    const char *run, *value;
} LeaseAnswer;

extern const TdMachine lease_machine;

LeaseData *lease_data_new (uint32_t share);
void lease_data_free (LeaseData *data);

/* In the state that DATA (transfer none) is in. SETTINGS: transfer full. Thread of all: control. */
Lease *lease_new (const LeaseKeeper *keeper, LeaseData *data, const char *node,
                  const LeaseSettings *settings, void *owner, int64_t now_us);
void lease_free (Lease *lease);

void lease_configure (Lease *lease, const LeaseSettings *settings, int64_t now_us);

/* Does what is due. */
void lease_look (Lease *lease, int64_t now_us);

/* Gives everything back, in one attempt; nothing else is to come after it. */
void lease_leave (Lease *lease, int64_t now_us);

void lease_answer (Lease *lease, const LeaseAnswer *answer, int64_t now_us);

/* What may be taken now. */
uint32_t lease_allowed (const LeaseData *data);

const char *lease_state_name (unsigned state);

void lease_settings_clear (LeaseSettings *settings);

#endif
