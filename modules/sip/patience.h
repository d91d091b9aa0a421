/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long new requests may wait for their turn before service would come too late. One for each lane.
 *
 *     least wait of a window    ____/‾‾‾‾‾‾‾       not falling, two windows long: overload
 *     what may be waited        WAIT ------, TARGET - - ,- - WAIT
 *                                          '- - - - - - '   once few have to be refused
 *
 * A queue that only stood still for a moment gets shorter again, and then nobody in it is lost. One that
 * does not is under more load than can be served: then most of it has to be refused anyhow, and the
 * sooner, the less those wait who are served. In the manner of CoDel (RFC 8289 3.1, 4.2) it is the least
 * wait of an interval that tells the one from the other. CoDel's law for dropping is for senders who
 * slow down; callers do not. */

#ifndef SIP_PATIENCE_H
#define SIP_PATIENCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t wait_us;   /* the most that is served; 0: for ever */
    int64_t target_us; /* under overload */
    bool is_overloaded;

    /* Of the window that ends next. */
    int64_t end_us;
    int64_t least_us;
    unsigned n, n_refused;

    int64_t least_before_us; /* of the one before; 0: nobody waited then */
} SipPatience;

void sip_patience_init (SipPatience *patience, int64_t wait_us, int64_t target_us);

/* Whether a request that has WAITED_US is to be refused. */
static inline bool
sip_patience_is_over (const SipPatience *patience, int64_t waited_us)
{
    return patience->wait_us > 0
           && waited_us > (patience->is_overloaded ? patience->target_us : patience->wait_us);
}

/* At its turn a new request had waited for WAITED_US. */
void sip_patience_note (SipPatience *patience, int64_t waited_us, bool is_refused, int64_t now_us);

#endif
