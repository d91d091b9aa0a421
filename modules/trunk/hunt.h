/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which order the members of a trunk group are tried.
 *
 *     sequential      1 2 3 4          as configured, from the first one every time
 *     circular        3 4 1 2          goes on behind the one taken last
 *     circular-back   1 4 3 2          the same, backwards
 *     most-idle       the largest share of free places, then the longest without a new call
 *     least-idle      the smallest share of free places, then the latest call: fills one after another
 *     least-cost      the smallest cost, then as most-idle
 *     percent         each its share of the calls, exactly
 *
 * A member that is out of service, full but for what is kept for others, rests, or was tried for this call
 * already is passed over.
 */

#ifndef TRUNK_HUNT_H
#define TRUNK_HUNT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    HUNT_SEQUENTIAL,
    HUNT_CIRCULAR,
    HUNT_CIRCULAR_BACK,
    HUNT_MOST_IDLE,
    HUNT_LEAST_IDLE,
    HUNT_LEAST_COST,
    HUNT_PERCENT,
} HuntOrder;

/* What hunting knows of a member. */
typedef struct {
    uint32_t load;     /* calls it carries */
    uint32_t capacity; /* 0: no limit */
    uint32_t reserved; /* the last places of it: for those with a priority alone */
    uint32_t cost;
    uint32_t share;
    int32_t credit;         /* of percent: what it is owed, in shares */
    int64_t used_us;        /* when it got its latest call */
    int64_t rests_until_us; /* it wants no calls before */
    bool is_up;
    bool is_silent; /* it is not, because it does not answer: somebody in need may try it */
} HuntMember;

typedef struct {
    HuntOrder order;
    HuntMember *const *members;
    unsigned n_members;
    unsigned cursor; /* the one taken last, n_members or more: none */
    int64_t now_us;
    bool takes_silent;
    bool takes_reserved;
} Hunt;

/* How many of the places of MEMBER, which has a capacity, who TAKES_RESERVED ones, or does not, may have. */
uint32_t hunt_places (const HuntMember *member, bool takes_reserved);

/* The index of the member to try now, or -1 when none is left. TRIED: the N_TRIED that this call has
 * tried. */
int hunt_pick (const Hunt *hunt, const uint32_t *tried, unsigned n_tried);

/* The member PICKED, a first choice, has got a call: the cursor and the credits move. To be called
 * before its load is another. */
void hunt_take (Hunt *hunt, unsigned picked);

/* Whether any member could take a call now, and how many could. */
unsigned hunt_n_free (const Hunt *hunt);

#endif
