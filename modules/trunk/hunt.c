/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which order the members of a trunk group are tried. */

#include "hunt.h"

typedef struct {
    const Hunt *hunt;
    const uint32_t *tried;
    unsigned n_tried;
} Choice;

uint32_t
hunt_places (const HuntMember *member, bool takes_reserved)
{
    return takes_reserved ? member->capacity
                          : member->capacity - MIN (member->capacity, member->reserved);
}

static bool
has_place (const Hunt *hunt, const HuntMember *member)
{
    bool is_up = member->is_up || (hunt->takes_silent && member->is_silent);

    return is_up
           && (member->capacity == 0 || member->load < hunt_places (member, hunt->takes_reserved))
           && hunt->now_us >= member->rests_until_us;
}

static bool
is_candidate (const Choice *choice, unsigned index)
{
    if (!has_place (choice->hunt, choice->hunt->members[index])) {
        return false;
    }
    for (unsigned i = 0; i < choice->n_tried; i++) {
        if (choice->tried[i] == index) {
            return false;
        }
    }
    return true;
}

/* From START in steps of STEP, once around. */
static int
pick_around (const Choice *choice, unsigned start, unsigned step)
{
    unsigned n = choice->hunt->n_members;

    for (unsigned i = 0, at = start % n; i < n; i++, at = (at + step) % n) {
        if (is_candidate (choice, at)) {
            return (int) at;
        }
    }
    return -1;
}

static int
pick_circular (const Choice *choice, bool is_back)
{
    unsigned n = choice->hunt->n_members, step = is_back ? n - 1 : 1;
    unsigned last = choice->n_tried > 0 ? choice->tried[choice->n_tried - 1] : choice->hunt->cursor;

    if (last >= n) { /* none yet: the first one in this direction */
        return pick_around (choice, is_back ? n - 1 : 0, step);
    }
    return pick_around (choice, last + step, step);
}

/* Negative when A carries less of what it can than B. Without a capacity, what it carries counts. */
static int
compare_loads (const HuntMember *a, const HuntMember *b)
{
    uint64_t x = a->load, y = b->load;

    if (a->capacity != 0 && b->capacity != 0) {
        x *= b->capacity;
        y *= a->capacity;
    }
    return x < y ? -1 : x > y;
}

static bool
is_more_idle (const HuntMember *a, const HuntMember *b)
{
    int order = compare_loads (a, b);

    return order < 0 || (order == 0 && a->used_us < b->used_us);
}

static bool
is_less_idle (const HuntMember *a, const HuntMember *b)
{
    int order = compare_loads (a, b);

    return order > 0 || (order == 0 && a->used_us > b->used_us);
}

static bool
is_cheaper (const HuntMember *a, const HuntMember *b)
{
    return a->cost != b->cost ? a->cost < b->cost : is_more_idle (a, b);
}

static bool
has_more_credit (const HuntMember *a, const HuntMember *b)
{
    return a->credit > b->credit;
}

typedef bool (*Comparison) (const HuntMember *a, const HuntMember *b);

/* The candidate that IS_BETTER than all others; among equals the one configured first. */
static int
pick_best (const Choice *choice, Comparison is_better)
{
    int best = -1;

    for (unsigned i = 0; i < choice->hunt->n_members; i++) {
        if (is_candidate (choice, i)
            && (best < 0 || is_better (choice->hunt->members[i], choice->hunt->members[best]))) {
            best = (int) i;
        }
    }
    return best;
}

/* Whether MEMBER earns its share of the call that is to be placed. */
static bool
earns (const Hunt *hunt, const HuntMember *member)
{
    return member->share > 0 && has_place (hunt, member);
}

/* Each candidate earns its share, the richest one is taken and pays for all: so nobody is ever owed
 * as much as one call more than its share. Who cannot take a call earns nothing meanwhile. */
static int
pick_by_share (const Choice *choice)
{
    const Hunt *hunt = choice->hunt;
    int64_t richest = 0;
    int best = -1;

    if (choice->n_tried > 0) { /* this call has been counted */
        return pick_best (choice, has_more_credit);
    }
    for (unsigned i = 0; i < hunt->n_members; i++) {
        const HuntMember *member = hunt->members[i];
        int64_t credit = (int64_t) member->credit + member->share;
        if (earns (hunt, member) && (best < 0 || credit > richest)) {
            best = (int) i;
            richest = credit;
        }
    }
    /* What has no share is there for when nothing else is. */
    return best >= 0 ? best : pick_around (choice, 0, 1);
}

static void
pay (const Hunt *hunt, unsigned picked)
{
    int64_t total = 0;

    for (unsigned i = 0; i < hunt->n_members; i++) {
        HuntMember *member = hunt->members[i];
        if (earns (hunt, member)) {
            member->credit += (int32_t) member->share;
            total += member->share;
        }
    }
    hunt->members[picked]->credit -= (int32_t) total;
}

int
hunt_pick (const Hunt *hunt, const uint32_t *tried, unsigned n_tried)
{
    Choice choice = { hunt, tried, n_tried };

    if (hunt->n_members == 0) {
        return -1;
    }
    switch (hunt->order) {
    case HUNT_CIRCULAR:
    case HUNT_CIRCULAR_BACK:
        return pick_circular (&choice, hunt->order == HUNT_CIRCULAR_BACK);
    case HUNT_MOST_IDLE:
        return pick_best (&choice, is_more_idle);
    case HUNT_LEAST_IDLE:
        return pick_best (&choice, is_less_idle);
    case HUNT_LEAST_COST:
        return pick_best (&choice, is_cheaper);
    case HUNT_PERCENT:
        return pick_by_share (&choice);
    case HUNT_SEQUENTIAL:
        break;
    }
    return pick_around (&choice, 0, 1);
}

void
hunt_take (Hunt *hunt, unsigned picked)
{
    if (hunt->order == HUNT_PERCENT) {
        pay (hunt, picked);
    }
    hunt->cursor = picked;
}

unsigned
hunt_n_free (const Hunt *hunt)
{
    unsigned n = 0;

    for (unsigned i = 0; i < hunt->n_members; i++) {
        n += has_place (hunt, hunt->members[i]);
    }
    return n;
}
