/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that wait for a place in a trunk group: the highest class first, then who came first (RFC 4412
 * 4.5.2).
 *
 *     group_take (): full --> queue_enter () --> waits --> queue_serve (): has its place, told by a post
 *                                 |               |
 *                                 +-> full        +--> queue_leave ()
 *
 * Whoever makes a place free serves those who wait before the lock is released, so nobody who comes later
 * takes it first. The first waiter that does not fit keeps those behind it waiting. In a group that is for
 * public use, ordinary calls wait, too; of what is freed while both wait, exactly the configured share
 * goes to calls with a priority, and the rest to the others. Emergency calls are on neither side: they are
 * served first and cost neither its share.
 */

#ifndef TRUNK_QUEUE_H
#define TRUNK_QUEUE_H

#include "place.h"

typedef enum {
    WAITER_NONE,
    WAITER_WAITS,
    WAITER_SERVED, /* LEG has its place; POST is under way */
    WAITER_REFUSED, /* a higher class took its place in the queue, or the group is no more; likewise */
} WaiterState;

/* Embed it; fill in the first ones, leave the others zero. */
struct Waiter {
    TdPost post; /* to LANE, with the news; STATE says which */
    TdLane *lane;
    TrunkLeg *leg;
    Demand demand;
    Group *group; /* private from here; under its lock */
    WaiterState state;
    int64_t since_us;
    Waiter *next;
};

/* WAITER waits for a place in GROUP; false: so many do already. */
bool queue_enter (Group *group, Waiter *waiter);

/* WAITER has waited for long enough, or in vain. Returns whether it was still waiting: otherwise its post
 * is under way, and it lives until that comes. COUNT: what it is counted as then. */
bool queue_leave (Waiter *waiter, LevelCount count);

/* WAITER's call has a higher class now. */
void queue_raise (Waiter *waiter, unsigned priority_class);

/* For the group itself, with its lock held: gives places to those who fit; takes all out. What they return
 * is for queue_tell () without the lock. */
Waiter *queue_serve (Group *group, int64_t now_us, int64_t wall_us);
Waiter *queue_empty (Group *group);
void queue_tell (Waiter *news);

/* Takes one waiter of MODULE, which is no more, out of the queue and returns it; NULL: there is none. */
Waiter *queue_forget (Group *group, const TdModule *module);

/* Whether LEG has to wait behind others, even if there is a place: whoever was first will have it. */
bool queue_is_before (const Group *group, const TrunkLeg *leg, const Demand *demand);

/* Serves those for whom there is a place by now. */
void queue_look (Group *group);

typedef struct {
    TdId call;
    unsigned priority_class;
    int64_t waited_us;
} QueueEntry;

/* Those who wait, at most MAX, the one served next first. */
unsigned queue_list (Group *group, QueueEntry *ret_entries, unsigned max, int64_t now_us);

#endif
