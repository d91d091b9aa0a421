/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feature "store.lease": a text that several nodes share, changed by one at a time.
 *
 *     node a --- swap (run, before, after) --> store <-- swap (run, before, after) --- node b
 *                 is it still that run, and that text? then AFTER takes its place; what it has
 *                 now is the answer in any case
 *
 * A store keeps one text for each key and knows which run of itself it is: a text that says who began
 * when is of no use in a store that may have lost, or gone back over, what it was told. So RUN has to
 * change whenever the store may not have the last text any more: after a restart, on another server. One
 * step, in which run and text are compared and the text is replaced, is all that a store has to be good
 * at; it needs no clock and lets nothing expire.
 *
 * The table is published with td_feature_provide() and found with td_feature_acquire().
 */

#ifndef TANDEM_IFACE_LEASE_H
#define TANDEM_IFACE_LEASE_H

#include <tandem/base.h>

G_BEGIN_DECLS

#define TD_FEATURE_LEASE_STORE "store.lease"

enum {
    TD_LEASE_MAX_BYTES = 65536, /* a longer text is not taken, and an error when found */
};

typedef struct TdLeaseSwap TdLeaseSwap;

typedef struct {
    uint32_t size; /* sizeof (TdLeaseAnswer) */
    const char
        *error; /* nullable: what failed, where, what to do; whether AFTER was taken is not known */
    bool is_done;     /* AFTER has taken the place of BEFORE */
    const char *run;  /* the store's now; no text without an error is without it */
    const char *text; /* the store's now; NULL: it has none */
} TdLeaseAnswer;

/* One change. The texts are the asker's, and stay as they are until done(). */
struct TdLeaseSwap {
    uint32_t size; /* sizeof (TdLeaseSwap) */
    const char *key;
    const char *run;    /* nullable: nothing is changed, only read */
    const char *before; /* nullable: there is none */
    const char *after;
    /* On the control lane, exactly once, with an answer that is good until it returns; never from
     * within swap(). The asker sees to it that its code is there: it holds a use of itself, and of the
     * store by td_feature_acquire(). */
    void (*done) (TdLeaseSwap *swap, const TdLeaseAnswer *answer);
    void *data;
};

typedef struct {
    uint32_t size; /* sizeof (TdLeaseStore) */
    void *data;

    /* Begins SWAP. Its answer comes within a time that the store is configured with, or an error.
     * Thread: control. Blocks: never. */
    void (*swap) (TdLeaseSwap *swap, void *data);
} TdLeaseStore;

G_END_DECLS

#endif
