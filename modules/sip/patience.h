/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long new requests may wait for their turn before service would come too late. One for each lane.
 *
 *     least wait of a window    ____/‾‾‾‾‾‾‾       not falling, two windows long: overload
 *     what may be waited        WAIT ------, TARGET - - ,- - WAIT
 *                                          '- - - - - - '   once few have to be refused
 *
 * A queue that only stood still for a moment gets shorter again, and then nobody in it is lost. One that
 * does not is under more load than can be served: then most of it has to be refused anyhow, and the
 * sooner, the less those wait who are served. It is refused as it comes, when as many wait as will be served
 * within the target. In the manner of CoDel (RFC 8289 3.1, 4.2) it is the least
 * wait of an interval that tells the one from the other. CoDel's law for dropping is for senders who
 * slow down; callers do not. */

#ifndef SIP_PATIENCE_H
#define SIP_PATIENCE_H

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A queue that grows fast is known before its callers send again. */
typedef struct {
    atomic_uint n_come; /* in the window that ends next */
    unsigned n;         /* got their turn in it */
    unsigned n_times;   /* windows in a row in which more came */
    uint64_t n_left;    /* without a turn in all of these */
    int64_t end_us;
} SipRush;

typedef struct {
    int64_t wait_us;   /* the most that is served; 0: for ever */
    int64_t target_us; /* under overload */
    bool is_overloaded;
    unsigned n_may_wait; /* under overload */

    /* Of the window that ends next. */
    int64_t end_us;
    int64_t least_us;
    unsigned n, n_refused;

    int64_t least_before_us;   /* of the one before; 0: nobody waited then */
    unsigned n_waiting_before; /* when the window began */
    SipRush rush;
} SipPatience;

void sip_patience_init (SipPatience *patience, int64_t wait_us, int64_t target_us);

/* Whether a request that has WAITED_US is to be refused. */
static inline bool
sip_patience_is_over (const SipPatience *patience, int64_t waited_us)
{
    return patience->wait_us > 0
           && waited_us > (patience->is_overloaded ? patience->target_us : patience->wait_us);
}

/* A new request has come. Thread: any. */
static inline void
sip_patience_count (SipPatience *patience)
{
    atomic_fetch_add_explicit (&patience->rush.n_come, 1, memory_order_relaxed);
}

/* Whether a request that has come while N_WAITING wait is to be refused at once. */
static inline bool
sip_patience_is_full (const SipPatience *patience, unsigned n_waiting)
{
    return patience->is_overloaded && patience->wait_us > 0 && n_waiting >= patience->n_may_wait;
}

/* At its turn, or when it was refused, a new request had waited for WAITED_US, and N_WAITING others did. */
void sip_patience_note (SipPatience *patience, int64_t waited_us, unsigned n_waiting,
                        bool is_refused, int64_t now_us);

#endif
