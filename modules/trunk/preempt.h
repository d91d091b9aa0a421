/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places that are taken from calls for one of higher precedence (RFC 4412 4.5.1): multi-level precedence and
 * preemption, where a group has mlpp on.
 *
 *     group_take (): full --> victims: the lowest class, then the newest --> the place changes hands
 *                                |                                               |
 *                                +-- none below: full                            +-- they are released; the
 *                                                                                    winner goes on when they
 *                                                                                    have gone
 *
 * Places change hands under the group's lock: nobody who waits, or comes meanwhile, finds one free. No more
 * calls lose theirs than the winner needs.
 */

#ifndef TRUNK_PREEMPT_H
#define TRUNK_PREEMPT_H

#include "place.h"

enum { PREEMPT_MAX_VICTIMS = 8 }; /* of one call: a wide one may take the places of several */

typedef struct {
    TdId call;
    TrunkLeg *leg; /* NULL: it has gone; under the group's lock */
    bool is_incoming;
    uint8_t priority_class;
} Victim;

/* What a call takes from others. Private but for what is said. */
struct Takeover {
    TdPost post; /* to LANE, when all of them have gone; the caller fills both in */
    TdLane *lane;
    Group *group;                        /* NULL: nobody lost anything */
    Victim victims[PREEMPT_MAX_VICTIMS]; /* to be read by the winner */
    unsigned n_victims;                  /* likewise */
    unsigned n_left;                     /* of these, not gone yet */
    bool
        is_blocked; /* to be read: the group would have let it take a place, and there was none below */
};

/* Tries DEMAND, for which there was no place, once more, with the places of calls below it. With the lock
 * held; RESULT is why there was none. */
TakeResult preempt_take_locked (Group *group, TrunkLeg *leg, const Demand *demand,
                                TakeResult result);

/* LEG, whose place is given back or was taken, is about to be no more. With the lock held. Returns the
 * winner whose last victim it was, for preempt_tell () without the lock, or NULL. */
Takeover *preempt_gone (TrunkLeg *leg);
void preempt_tell (Takeover *takeover);

/* Nobody waits for the victims any more. False: the post is under way, and TAKEOVER lives until it comes. */
bool preempt_forget (Takeover *takeover);

#endif
