/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places in a trunk group: who gets one, and who gives it back.
 *
 *     group_take ()    state? -> member? -> places? -> calls a second? ---> a leg has its places
 *                        |         |           |             |
 *                        +---------+-----------+-------------+---> why not, counted
 *     group_leave ()   whatever became of the leg; those who wait for a place (queue.h) get it first
 *
 * A call with a priority class above the ordinary one is spared what would only spread a shortage: calls a
 * second, rests, probes that went unanswered. How many such calls a group takes as what they are can be
 * limited; those above it are ordinary ones there. Emergency calls are not limited.
 */

#ifndef TRUNK_PLACE_H
#define TRUNK_PLACE_H

#include "group.h"

/* How a call stands when places are taken from calls. */
typedef struct {
    uint8_t priority_class;
    bool may_take;     /* its namespace preempts (RFC 4412 4.5.1) ... */
    bool takes_equals; /* ... and its value displaces its like as well (RFC 4412 10.3) */
    bool is_spared;    /* nobody takes its place */
} Standing;

/* A leg's place in a group. Embedded in what the module knows of the leg; all zero before. */
struct TrunkLeg {
    Group *group;
    Member *member; /* of an outgoing one; NULL: an address of the target's own */
    Way way;
    TdId call;
    TdSeat seats[4];
    TrunkLeg *next, **link;
    int64_t placed_us, alerted_us, answered_us;
    uint8_t priority_class; /* it was offered with */
    Standing standing;      /* under the group's lock, as the next two */
    Takeover *lost_to;      /* who has its place and waits for it to go; nullable */
    bool is_victim;         /* its place is being taken, or was */
    uint8_t exempted;       /* Exemption bits: what it was spared */
    bool has_priority;      /* it counts as one of those */
    bool is_over_limit;     /* it would, but for the limit on them */
    bool has_place;         /* between group_take () and group_leave () */
    bool is_concluded;      /* what became of it has been counted */
};

typedef enum {
    EXEMPT_RATE = 1 << 0,  /* calls a second */
    EXEMPT_REST = 1 << 1,  /* the time a member asked for with Retry-After */
    EXEMPT_PROBE = 1 << 2, /* nobody answered the probes of the last member */
} Exemption;

typedef enum {
    TAKE_DONE,
    TAKE_OUT_OF_SERVICE,
    TAKE_NO_MEMBER, /* none that is in service, or all have been tried */
    TAKE_FULL,
    TAKE_RESERVED, /* full but for what is reserved for others */
    TAKE_OVER_RATE,
} TakeResult;

struct Demand {
    Way way; /* WAY_IN or WAY_OUT */
    TdId call;
    TdModule *module;
    unsigned priority_class;
    bool is_lesser; /* alternate-routed, or to a code that is hard to reach */
    uint32_t kbit_s;
    Standing standing;
    Takeover *takeover;   /* nullable: it takes nobody's place */
    bool is_waiter;       /* it has waited for its turn */
    bool has_address;     /* outgoing: no member is needed */
    Member *const *tried; /* by the same call, for the same target */
    unsigned n_tried;
    int64_t now_us, wall_us;
};

/* Whether DEMAND is treated as what it is: a call with a priority, and not one too many of them. */
bool demand_has_priority (const TrunkLeg *leg, const Demand *demand);

/* Gives LEG a place, and (an outgoing one) its member, or says why not. */
TakeResult group_take (Group *group, TrunkLeg *leg, const Demand *demand);

/* The same with the lock held, and without counting a bid. */
TakeResult group_take_locked (Group *group, TrunkLeg *leg, const Demand *demand);

/* The same for who has waited and whose turn it is: whether it is one too many of those with a priority is
 * judged now. */
TakeResult group_take_turn_locked (Group *group, TrunkLeg *leg, const Demand *demand);

/* Whether DEMAND would be one too many of them now. With the lock held. */
bool group_is_over_limit (Group *group, const Demand *demand, int64_t now_us);

/* Gives back what LEG has, serving nobody. With the lock held. */
void group_leave_locked (Group *group, TrunkLeg *leg, int64_t now_us, int64_t wall_us);

/* LEG's call stands otherwise from now on. */
void group_set_standing (TrunkLeg *leg, const Standing *standing);

/* Gives back what LEG has; nothing happens when that is nothing. LEG still knows its group, until
 * group_leg_clear (). Thread: the lane that took it. */
void group_leave (TrunkLeg *leg, int64_t now_us, int64_t wall_us);
void group_leg_clear (TrunkLeg *leg);

/* The same, but nobody who waits is served: LEG's call takes the place in another way, in a moment. */
void group_hand_over (TrunkLeg *leg, int64_t now_us, int64_t wall_us);

#endif
