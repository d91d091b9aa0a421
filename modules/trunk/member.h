/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The members of a trunk group: who they are, and which of them gets the next call. */

#ifndef TRUNK_MEMBER_H
#define TRUNK_MEMBER_H

#include "hunt.h"

#include <stdatomic.h>

typedef struct Demand Demand;
typedef struct Group Group;
typedef struct Member Member;
typedef struct TrunkLeg TrunkLeg;

/* What an operator, or a probe, has made of a group or a member. */
typedef struct {
    uint8_t state; /* StationState; station.h */
    bool is_unreachable;
    char *who, *why;        /* nullable */
    int64_t since_us;       /* wall */
    int64_t drain_until_us; /* wall: when calls of a draining one are ended, 0: never */
} Condition;

struct Member {
    HuntMember hunt; /* under the group's lock */
    atomic_int n_refs;
    char *name;
    char *address;       /* under the group's lock */
    Condition condition; /* control lane */
};

void condition_clear (Condition *condition);

Member *member_new (const char *name, const char *address);
Member *member_ref (Member *member);
void member_unref (Member *member);

/* The index of the member DEMAND goes to, -1: none. What LEG is spared thereby is noted in it. With the
 * lock held, as the next four. */
int member_pick (const Group *group, TrunkLeg *leg, const Demand *demand);

/* The one at INDEX has got LEG, and not only been looked at for one that found no place. */
void member_take (Group *group, TrunkLeg *leg, const Demand *demand, unsigned index);

/* Whether it is because they are full that no member takes a call, and not because of their states. */
bool group_has_full_member (const Group *group);

/* Whether it is only what is reserved for others that keeps DEMAND, which has tried none, from all members. */
bool group_has_reserved_member (const Group *group, const TrunkLeg *leg, const Demand *demand);

/* Whether DEMAND, which needs a member, would get one. */
bool group_has_member (const Group *group, const TrunkLeg *leg, const Demand *demand);

/* The address of MEMBER (transfer full). */
char *group_member_address (Group *group, const Member *member);

/* MEMBER is to get no calls before UNTIL_US, but those with a priority. */
void group_rest (Group *group, Member *member, int64_t until_us);

/* Whether calls may go out by MEMBER. IS_SILENT: it is only that it does not answer a probe. */
void group_set_member_up (Group *group, Member *member, bool is_up, bool is_silent);

#endif
