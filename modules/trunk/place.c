/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places in a trunk group: who gets one, in which class, and what it is spared; who gives it back. */

#include "place.h"

#include "preempt.h"
#include "queue.h"
#include "tally.h"

/* --- What it takes ------------------------------------------------------------------------ */

/* Whether DEMAND is one of those of which so many are taken as what they are. */
static bool
is_limited (const Demand *demand)
{
    return demand->priority_class > TD_CLASS_ORDINARY
           && demand->priority_class != TD_CLASS_EMERGENCY;
}

bool
demand_has_priority (const TrunkLeg *leg, const Demand *demand)
{
    return demand->priority_class > TD_CLASS_ORDINARY && !leg->is_over_limit;
}

static bool
take_seat (TrunkLeg *leg, unsigned which, TdLimit *limit, const Demand *demand, uint32_t weight)
{
    unsigned highest = demand_has_priority (leg, demand) ? TD_CLASS_MAX
                       : demand->is_lesser               ? GROUP_CLASS_LESSER
                                                         : GROUP_CLASS_DIRECT;
    unsigned seat_class = MIN (demand->priority_class, highest);
    TdSeat *seat = &leg->seats[which];

    *seat = (TdSeat){ .owner = demand->module, .holder = demand->call, .weight = weight };
    return weight == 0 || td_seat_take (seat, limit, seat_class, false) == TD_SEAT_GRANTED;
}

static void
give_seats (TrunkLeg *leg)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (leg->seats); i++) {
        td_seat_give (&leg->seats[i]);
    }
}

static bool
has_room (const TdLimit *limit, uint32_t capacity, uint32_t weight)
{
    return (uint64_t) td_limit_in_use (limit) + weight <= capacity;
}

/* Whether it is only what is reserved for others that keeps the call out. */
static bool
is_reserved (const Group *group, Way way, uint32_t kbit_s)
{
    const GroupSettings *settings = &group->settings;

    return has_room (group->calls[WAY_ALL], group_capacity_of (group, WAY_ALL), 1)
           && has_room (group->calls[way], group_capacity_of (group, way), 1)
           && has_room (group->kbits[WAY_ALL], settings->bandwidth[WAY_ALL], kbit_s)
           && has_room (group->kbits[way], settings->bandwidth[way], kbit_s);
}

static TakeResult
take_seats (Group *group, TrunkLeg *leg, const Demand *demand)
{
    uint32_t kbit_s = group->settings.kbit_s != 0 ? group->settings.kbit_s : demand->kbit_s;

    if (take_seat (leg, 0, group->calls[WAY_ALL], demand, 1)
        && take_seat (leg, 1, group->calls[demand->way], demand, 1)
        && take_seat (leg, 2, group->kbits[WAY_ALL], demand, kbit_s)
        && take_seat (leg, 3, group->kbits[demand->way], demand, kbit_s)) {
        return TAKE_DONE;
    }
    give_seats (leg);
    return is_reserved (group, demand->way, kbit_s) ? TAKE_RESERVED : TAKE_FULL;
}

static bool
take_tokens (Group *group, Way way, int64_t now_us)
{
    if (!bucket_take (&group->buckets[WAY_ALL], now_us)) {
        return false;
    }
    if (bucket_take (&group->buckets[way], now_us)) {
        return true;
    }
    bucket_return (&group->buckets[WAY_ALL]);
    return false;
}

static bool
is_over_limit (Group *group, const Demand *demand)
{
    uint32_t max = group->settings.priority_calls;

    return is_limited (demand)
           && ((max != 0 && group->n_priority >= max)
               || !bucket_take (&group->priority_bucket, demand->now_us));
}

static void
return_token (Group *group, const TrunkLeg *leg, const Demand *demand)
{
    if (is_limited (demand) && !leg->is_over_limit) {
        bucket_return (&group->priority_bucket);
    }
}

bool
group_is_over_limit (Group *group, const Demand *demand, int64_t now_us)
{
    Demand asking = *demand;
    TrunkLeg leg = { .is_over_limit = false };

    asking.now_us = now_us;
    bool is_over = is_over_limit (group, &asking);
    if (!is_over) {
        return_token (group, &leg, &asking);
    }
    return is_over;
}

/* --- Taking ------------------------------------------------------------------------------- */

/* Why DEMAND has got no member. */
static TakeResult
lack_of_member (const Group *group, const TrunkLeg *leg, const Demand *demand)
{
    if (demand->n_tried > 0 || !group_has_full_member (group)) {
        return TAKE_NO_MEMBER;
    }
    return group_has_reserved_member (group, leg, demand) ? TAKE_RESERVED : TAKE_FULL;
}

static TakeResult
try_take (Group *group, TrunkLeg *leg, const Demand *demand, int *ret_member)
{
    int index = -1;

    if (!group->is_up || group->calls[WAY_ALL] == NULL) {
        return TAKE_OUT_OF_SERVICE;
    }
    if (demand->way == WAY_OUT && !group->is_reachable) {
        if (!demand_has_priority (leg, demand)) {
            return TAKE_OUT_OF_SERVICE;
        }
        leg->exempted |= EXEMPT_PROBE;
    }
    group_let_lapse (group, demand->now_us);
    if (demand->n_tried >= group->settings.max_tries) {
        return TAKE_NO_MEMBER;
    }
    if (demand->way == WAY_OUT && !demand->has_address) {
        index = member_pick (group, leg, demand);
        if (index < 0) {
            return lack_of_member (group, leg, demand);
        }
    }
    if (queue_is_before (group, leg, demand)) {
        return TAKE_FULL;
    }
    TakeResult result = take_seats (group, leg, demand);
    if (result != TAKE_DONE) {
        return result;
    }
    if (!take_tokens (group, demand->way, demand->now_us)) {
        if (!demand_has_priority (leg, demand)) {
            give_seats (leg);
            return TAKE_OVER_RATE;
        }
        leg->exempted |= EXEMPT_RATE;
    }
    *ret_member = index;
    return TAKE_DONE;
}

static void
enter (Group *group, TrunkLeg *leg, const Demand *demand, int member)
{
    leg->group = group_ref (group);
    leg->has_place = true;
    leg->way = demand->way;
    leg->call = demand->call;
    leg->standing = demand->standing;
    leg->is_victim = false;
    leg->placed_us = demand->now_us;
    leg->has_priority = is_limited (demand) && !leg->is_over_limit;
    group->n_priority += leg->has_priority;
    if (member >= 0) {
        member_take (group, leg, demand, (unsigned) member);
    }
    leg->next = group->legs;
    leg->link = &group->legs;
    if (leg->next != NULL) {
        leg->next->link = &leg->next;
    }
    group->legs = leg;
    group->n_legs[WAY_ALL]++;
    group->n_legs[demand->way]++;
    group_count_entry (group, leg, demand);
}

TakeResult
group_take_locked (Group *group, TrunkLeg *leg, const Demand *demand)
{
    int member = -1;

    leg->priority_class = (uint8_t) demand->priority_class;
    leg->exempted = 0;
    TakeResult result = try_take (group, leg, demand, &member);
    if (result == TAKE_DONE) {
        enter (group, leg, demand, member);
    }
    return result;
}

TakeResult
group_take_turn_locked (Group *group, TrunkLeg *leg, const Demand *demand)
{
    leg->is_over_limit = is_over_limit (group, demand);
    TakeResult result = group_take_locked (group, leg, demand);
    if (result != TAKE_DONE) {
        return_token (group, leg, demand);
    } else if (leg->is_over_limit) {
        group_count_excess (group, demand->priority_class);
    }
    return result;
}

TakeResult
group_take (Group *group, TrunkLeg *leg, const Demand *demand)
{
    pthread_mutex_lock (&group->lock);
    leg->is_over_limit = is_over_limit (group, demand);
    TakeResult result = group_take_locked (group, leg, demand);
    result = preempt_take_locked (group, leg, demand, result);
    /* What is left of the places of several is for those who wait. */
    Waiter *served = demand->takeover != NULL && demand->takeover->n_victims > 0
                         ? queue_serve (group, demand->now_us, demand->wall_us)
                         : NULL;
    group_count_bid (group, leg, demand, result);
    if (result != TAKE_DONE) {
        return_token (group, leg, demand);
    }
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
    return result;
}

/* --- Leaving ------------------------------------------------------------------------------ */

void
group_leave_locked (Group *group, TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    if (!leg->has_place) { /* it was taken from it */
        return;
    }
    leg->has_place = false;
    give_seats (leg);
    group->n_priority -= leg->has_priority;
    *leg->link = leg->next;
    if (leg->next != NULL) {
        leg->next->link = leg->link;
    }
    if (leg->member != NULL) {
        leg->member->hunt.load--;
    }
    group->n_legs[WAY_ALL]--;
    group->n_legs[leg->way]--;
    group_count_exit (group, leg, now_us, wall_us);
}

void
group_leave (TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    Group *group = leg->group;

    if (group == NULL) {
        return;
    }
    pthread_mutex_lock (&group->lock);
    bool had_place = leg->has_place;
    group_leave_locked (group, leg, now_us, wall_us);
    Takeover *takeover = preempt_gone (leg);
    Waiter *served = had_place ? queue_serve (group, now_us, wall_us) : NULL;
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
    preempt_tell (takeover);
}

void
group_hand_over (TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    pthread_mutex_lock (&leg->group->lock);
    group_leave_locked (leg->group, leg, now_us, wall_us);
    Takeover *takeover = preempt_gone (leg);
    pthread_mutex_unlock (&leg->group->lock);
    preempt_tell (takeover);
}

void
group_set_standing (TrunkLeg *leg, const Standing *standing)
{
    if (leg->group != NULL) {
        pthread_mutex_lock (&leg->group->lock);
        leg->standing = *standing;
        pthread_mutex_unlock (&leg->group->lock);
    }
}

void
group_leg_clear (TrunkLeg *leg)
{
    g_clear_pointer (&leg->member, member_unref);
    g_clear_pointer (&leg->group, group_unref);
}
