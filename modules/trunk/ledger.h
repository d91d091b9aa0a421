/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who holds how many seats of a shared pool: the one text that nodes read, change and put back.
 *
 *     tandem-lease 1
 *     epoch 9f02c1b7a4e35d18 ripe 4c2c...e1      what the store was when the epoch began
 *     terms pool=300 timeout=40000 shares=...    what the nodes must agree on
 *     node exchange-1 6be1... 1044 120 2d5c...   boot, renewals, seats, its terms
 *
 * A change is made of the text that was read, and is taken only where the store still has that very text
 * (iface/lease.h), so every rule below is atomic. Times are not in it: clocks of nodes and of the store
 * have nothing in common. A node that is dead is known by its count of renewals, which stands still.
 */

#ifndef TRUNK_LEDGER_H
#define TRUNK_LEDGER_H

#include <tandem/iface/lease.h>

enum {
    LEDGER_MAX_NODES = 128,
    LEDGER_MAX_BYTES = TD_LEASE_MAX_BYTES,
};

typedef struct {
    char *name;
    uint64_t boot; /* one life of the node */
    uint64_t seq;  /* of its renewals in that life */
    uint32_t seats;
    uint64_t terms; /* a sum over those it goes by */
} LedgerNode;

typedef struct {
    uint64_t epoch; /* 0: the store has nothing */
    bool is_ripe;   /* all who held seats when it began are known, or have given them up */
    char *run;      /* of the store */
    char *terms;
    GPtrArray *nodes; /* LedgerNode */
} Ledger;

/* What all nodes must mean alike. */
typedef struct {
    uint32_t pool; /* seats to be leased */
    uint32_t timeout_ms;
    const char *text; /* both, and the nodes' own shares */
} LedgerTerms;

/* What a node wants of the ledger. */
typedef struct {
    const char *node;
    uint64_t boot, seq;
    uint64_t epoch; /* that HELD is of, 0: none */
    uint64_t fresh; /* nobody else's number: of the epoch that may have to begin */
    uint64_t known; /* the epoch it has known for a whole time-out, 0: none */
    bool is_leaving;
    uint32_t held; /* seats it relies on */
    uint32_t kept; /* seats its calls take, whether it may have them or not */
    uint32_t want; /* seats it would have, at least HELD */
    const LedgerTerms *terms;
    const LedgerNode *dead; /* who has stood still for a whole time-out */
    unsigned n_dead;
} LedgerAsk;

typedef struct {
    uint32_t seats;   /* what it may rely on when the change is taken */
    uint32_t n_free;  /* left in the pool */
    uint32_t n_taken; /* by all nodes */
    bool is_twin;     /* another one runs, or ran, by its name: it has got nothing */
    bool is_crowded;  /* there are too many nodes: the same */
    bool is_agreed;   /* its terms are the ones in force */
} LedgerVerdict;

/* Reads TEXT (nullable: the store has nothing). Errors: what is wrong with it. */
Ledger *ledger_parse (const char *text, GError **error);
char *ledger_print (const Ledger *ledger);
void ledger_free (Ledger *ledger);

LedgerNode *ledger_find (const Ledger *ledger, const char *name);

/* Makes of LEDGER what ASK may have of it; RUN is what the store is now. */
LedgerVerdict ledger_apply (Ledger *ledger, const char *run, const LedgerAsk *ask);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Ledger, ledger_free)

#endif
