/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk group as it lives: who is in it, who has a place, what has been counted. */

#include "group.h"

#include "archive.h"
#include "preempt.h"
#include "queue.h"

#include <string.h>

enum {
    /* Classes of the limits: who is kept out first, and who next. Above come the calls' own. */
    CLASS_LESSER = TD_CLASS_ORDINARY - 1,
    CLASS_DIRECT = TD_CLASS_ORDINARY,
};

/* --- Making ------------------------------------------------------------------------------ */

static void
condition_clear (Condition *condition)
{
    g_free (condition->who);
    g_free (condition->why);
}

Member *
member_new (const char *name, const char *address)
{
    Member *member = g_new0 (Member, 1);

    atomic_init (&member->n_refs, 1);
    member->name = g_strdup (name);
    member->address = g_strdup (address);
    member->hunt.is_up = true;
    return member;
}

Member *
member_ref (Member *member)
{
    atomic_fetch_add (&member->n_refs, 1);
    return member;
}

void
member_unref (Member *member)
{
    if (atomic_fetch_sub (&member->n_refs, 1) == 1) {
        condition_clear (&member->condition);
        g_free (member->name);
        g_free (member->address);
        g_free (member);
    }
}

Group *
group_new (const char *name, int64_t now_us, int64_t wall_us)
{
    Group *group = g_new0 (Group, 1);

    atomic_init (&group->n_refs, 1);
    group->name = g_strdup (name);
    pthread_mutex_init (&group->lock, NULL);
    group->is_up = group->is_reachable = true;
    group->allowed = GROUP_UNLIMITED;
    group->allowed_until_us = INT64_MAX;
    group->cursor = UINT32_MAX;
    intervals_init (&group->intervals, now_us, wall_us);
    return group;
}

Group *
group_ref (Group *group)
{
    atomic_fetch_add (&group->n_refs, 1);
    return group;
}

static void
free_members (Group *group)
{
    for (unsigned i = 0; group->members != NULL && i < group->members->len; i++) {
        member_unref (group->members->pdata[i]);
    }
    g_clear_pointer (&group->members, g_ptr_array_unref);
    g_clear_pointer (&group->hunted, g_free);
}

void
group_unref (Group *group)
{
    if (atomic_fetch_sub (&group->n_refs, 1) > 1) {
        return;
    }
    free_members (group);
    intervals_clear (&group->intervals);
    condition_clear (&group->condition);
    lease_data_free (group->lease);
    pthread_mutex_destroy (&group->lock);
    g_free (group->name);
    g_free (group);
}

/* A limit must not be gone while a lane takes from it: the lock sees to that. */
static void
bind_limits (Group *group, TdModule *module)
{
    static const char *const ways[] = { "", ".in", ".out" };

    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        g_autofree char *calls = g_strdup_printf ("%s.calls%s", group->name, ways[way]);
        g_autofree char *kbits = g_strdup_printf ("%s.kbit%s", group->name, ways[way]);
        group->calls[way] = td_limit_new (module, calls, GROUP_UNLIMITED, 0);
        group->kbits[way] = td_limit_new (module, kbits, GROUP_UNLIMITED, 0);
    }
}

/* The calls that this node may have of a capacity: of one that is shared, as large a part as of the
 * whole, so that the parts of all nodes do not exceed it. */
static uint32_t
capacity_of (const Group *group, Way way)
{
    uint32_t capacity = group->settings.capacity[way], all = group->settings.capacity[WAY_ALL];

    if (capacity == GROUP_UNLIMITED || group->allowed >= all) {
        return capacity;
    }
    return (uint32_t) ((uint64_t) capacity * group->allowed / all);
}

/* The same part of what is reserved, rounded up. */
static uint32_t
reserve_of (const Group *group, uint32_t calls)
{
    uint32_t all = group->settings.capacity[WAY_ALL];

    if (group->allowed >= all) {
        return calls;
    }
    return (uint32_t) (((uint64_t) calls * group->allowed + all - 1) / all);
}

static uint32_t
less (uint32_t capacity, uint32_t reserved)
{
    return capacity == GROUP_UNLIMITED ? capacity : capacity - MIN (capacity, reserved);
}

/* What is kept for calls that come in, calls that go out cannot have, and the other way round. */
static void
set_limits (Group *group)
{
    const GroupSettings *settings = &group->settings;
    uint32_t all = capacity_of (group, WAY_ALL);
    uint32_t for_in = less (all, reserve_of (group, settings->reserve_out));
    uint32_t for_out = less (all, reserve_of (group, settings->reserve_in));

    td_limit_set_capacity (group->calls[WAY_ALL], all);
    td_limit_set_capacity (group->calls[WAY_IN], MIN (capacity_of (group, WAY_IN), for_in));
    td_limit_set_capacity (group->calls[WAY_OUT], MIN (capacity_of (group, WAY_OUT), for_out));
    td_limit_reserve (group->calls[WAY_ALL], CLASS_DIRECT,
                      reserve_of (group, settings->reserve_direct));
    td_limit_reserve (group->calls[WAY_ALL], CLASS_DIRECT + 1,
                      reserve_of (group, settings->reserve_priority));
    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        td_limit_set_capacity (group->kbits[way], settings->bandwidth[way]);
    }
}

void
group_configure (Group *group, TdModule *module, const GroupSettings *settings, GPtrArray *members,
                 int64_t now_us)
{
    pthread_mutex_lock (&group->lock);
    if (module != NULL || group->calls[WAY_ALL] == NULL) {
        bind_limits (group, module);
    }
    free_members (group);
    if (!settings->is_shared) {
        group->allowed = GROUP_UNLIMITED;
        group->allowed_until_us = INT64_MAX;
    } else if (!group->settings.is_shared) {
        group->allowed = group->allowed_after = settings->share;
    }
    group->settings = *settings;
    group->members = members;
    group->hunted = g_new (HuntMember *, members->len + 1);
    for (unsigned i = 0; i < members->len; i++) {
        group->hunted[i] = &((Member *) members->pdata[i])->hunt;
    }
    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        bucket_set (&group->buckets[way], settings->rate_millis[way], settings->burst, now_us);
    }
    bucket_set (&group->priority_bucket, settings->priority_rate_millis, settings->priority_burst,
                now_us);
    set_limits (group);
    Waiter *served = queue_serve (group, now_us, td_clock_wall_us ());
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
}

void
group_close (Group *group)
{
    pthread_mutex_lock (&group->lock);
    Waiter *refused = queue_empty (group);
    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        if (group->calls[way] != NULL) {
            td_limit_retire (g_steal_pointer (&group->calls[way]));
            td_limit_retire (g_steal_pointer (&group->kbits[way]));
        }
    }
    pthread_mutex_unlock (&group->lock);
    queue_tell (refused);
}

/* --- Taking and leaving ------------------------------------------------------------------ */

void
group_add_to_metric (Group *group, GroupMetric metric, int amount)
{
    if (group->metrics[metric] != NULL) {
        td_metric_add (group->metrics[metric], amount);
    }
}

void
group_count_level (Group *group, unsigned priority_class, LevelCount count)
{
    group->levels[priority_class % TD_N_CLASSES].counts[count]++;
}

/* Whether DEMAND is one of those of which so many are taken as what they are. */
static bool
is_limited (const Demand *demand)
{
    return demand->priority_class > TD_CLASS_ORDINARY
           && demand->priority_class != TD_CLASS_EMERGENCY;
}

/* Whether DEMAND is treated as what it is: a call with a priority, and not one too many of them. */
static bool
has_priority (const TrunkLeg *leg, const Demand *demand)
{
    return demand->priority_class > TD_CLASS_ORDINARY && !leg->is_over_limit;
}

static bool
take_seat (TrunkLeg *leg, unsigned which, TdLimit *limit, const Demand *demand, uint32_t weight)
{
    unsigned highest = has_priority (leg, demand) ? TD_CLASS_MAX
                       : demand->is_lesser        ? CLASS_LESSER
                                                  : CLASS_DIRECT;
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

    return has_room (group->calls[WAY_ALL], capacity_of (group, WAY_ALL), 1)
           && has_room (group->calls[way], capacity_of (group, way), 1)
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

static Hunt
hunt_of (const Group *group, const Demand *demand)
{
    return (Hunt){ .order = group->settings.hunt,
                   .members = group->hunted,
                   .n_members = group->members->len,
                   .cursor = group->cursor,
                   .now_us = demand->now_us };
}

/* The index of the member the call goes to, -1: none. Who is in need disturbs who rests, and asks the last
 * one again that did not answer. */
static int
pick_member (const Group *group, TrunkLeg *leg, const Demand *demand)
{
    Hunt hunt = hunt_of (group, demand);
    uint32_t tried[GROUP_MAX_TRIES];

    for (unsigned i = 0; i < demand->n_tried; i++) { /* a reload may have moved, or removed, them */
        guint index;
        tried[i] = g_ptr_array_find (group->members, demand->tried[i], &index) ? index : UINT32_MAX;
    }
    int index = hunt_pick (&hunt, tried, demand->n_tried);
    if (index < 0 && has_priority (leg, demand)) {
        hunt.now_us = INT64_MAX;
        index = hunt_pick (&hunt, tried, demand->n_tried);
        leg->exempted |= index >= 0 ? EXEMPT_REST : 0;
    }
    if (index < 0 && has_priority (leg, demand)) {
        hunt.takes_silent = true;
        index = hunt_pick (&hunt, tried, demand->n_tried);
        leg->exempted |= index >= 0 ? EXEMPT_PROBE : 0;
    }
    return index;
}

bool
group_has_member (const Group *group, const TrunkLeg *leg, const Demand *demand)
{
    TrunkLeg asking = { .is_over_limit = leg->is_over_limit };

    return pick_member (group, &asking, demand) >= 0;
}

/* It has got the call, and not only been looked at for one that found no place. */
static void
take_member (Group *group, TrunkLeg *leg, const Demand *demand, unsigned index)
{
    if (demand->n_tried == 0) {
        Hunt hunt = hunt_of (group, demand);
        hunt_take (&hunt, index);
        group->cursor = hunt.cursor;
    }
    leg->member = member_ref (group->members->pdata[index]);
    leg->member->hunt.load++;
    leg->member->hunt.used_us = demand->now_us;
}

/* Whether it is because they are full that no member takes a call, and not because of their states. */
static bool
has_full_member (const Group *group)
{
    for (unsigned i = 0; i < group->members->len; i++) {
        if (group->hunted[i]->is_up) {
            return true;
        }
    }
    return false;
}

/* Who sees to the lease has not come to it, because the process, or its control lane, stood still. */
static void
lapse (Group *group)
{
    group->allowed = group->allowed_after;
    group->allowed_until_us = INT64_MAX;
    set_limits (group);
}

static TakeResult
try_take (Group *group, TrunkLeg *leg, const Demand *demand, int *ret_member)
{
    int index = -1;

    if (!group->is_up || group->calls[WAY_ALL] == NULL) {
        return TAKE_OUT_OF_SERVICE;
    }
    if (demand->way == WAY_OUT && !group->is_reachable) {
        if (!has_priority (leg, demand)) {
            return TAKE_OUT_OF_SERVICE;
        }
        leg->exempted |= EXEMPT_PROBE;
    }
    if (demand->now_us >= group->allowed_until_us) {
        lapse (group);
    }
    if (demand->n_tried >= group->settings.max_tries) {
        return TAKE_NO_MEMBER;
    }
    if (demand->way == WAY_OUT && !demand->has_address) {
        index = pick_member (group, leg, demand);
        if (index < 0) {
            return demand->n_tried == 0 && has_full_member (group) ? TAKE_FULL : TAKE_NO_MEMBER;
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
        if (!has_priority (leg, demand)) {
            give_seats (leg);
            return TAKE_OVER_RATE;
        }
        leg->exempted |= EXEMPT_RATE;
    }
    *ret_member = index;
    return TAKE_DONE;
}

static void
count_at (Group *group, IntervalCount count, const Demand *demand)
{
    intervals_count (&group->intervals, count, demand->now_us, demand->wall_us);
}

static void
count_offer (Group *group, const TrunkLeg *leg, const Demand *demand)
{
    group_count_level (group, demand->priority_class, LEVEL_OFFERED);
    if (leg->is_over_limit) {
        group_count_level (group, demand->priority_class, LEVEL_OVER_LIMIT);
    }
}

static void
count_refusal (Group *group, TakeResult result, const Demand *demand)
{
    group_add_to_metric (group, METRIC_REFUSED, 1);
    group_count_level (group, demand->priority_class, LEVEL_REJECTED);
    switch (result) {
    case TAKE_OUT_OF_SERVICE:
    case TAKE_NO_MEMBER:
        count_at (group, COUNT_STATE, demand);
        break;
    case TAKE_OVER_RATE:
        count_at (group, COUNT_RATE, demand);
        break;
    case TAKE_RESERVED:
        count_at (group, COUNT_RESERVED, demand);
        count_at (group, COUNT_OVERFLOW, demand);
        break;
    default:
        count_at (group, COUNT_OVERFLOW, demand);
    }
}

static void
enter (Group *group, TrunkLeg *leg, const Demand *demand, int member)
{
    bool is_in = demand->way == WAY_IN;

    leg->group = group_ref (group);
    leg->has_place = true;
    leg->way = demand->way;
    leg->call = demand->call;
    leg->standing = demand->standing;
    leg->is_victim = false;
    leg->placed_us = demand->now_us;
    leg->has_priority = is_limited (demand) && !leg->is_over_limit;
    group->n_priority += leg->has_priority;
    group_count_level (group, leg->priority_class, LEVEL_ADMITTED);
    group->levels[leg->priority_class % TD_N_CLASSES].in += is_in;
    if (leg->exempted != 0) {
        group_count_level (group, leg->priority_class, LEVEL_EXEMPT);
        group_add_to_metric (group, METRIC_EXEMPT, 1);
    }
    if (member >= 0) {
        take_member (group, leg, demand, (unsigned) member);
    }
    leg->next = group->legs;
    leg->link = &group->legs;
    if (leg->next != NULL) {
        leg->next->link = &leg->next;
    }
    group->legs = leg;
    group->n_legs[WAY_ALL]++;
    group->n_legs[demand->way]++;
    count_at (group, is_in ? COUNT_IN_SEIZURES : COUNT_OUT_SEIZURES, demand);
    intervals_busy (&group->intervals, 1, demand->now_us, demand->wall_us);
    group_add_to_metric (group, is_in ? METRIC_CALLS_IN : METRIC_CALLS_OUT, 1);
    if (!is_in) {
        group_add_to_metric (group, METRIC_SEIZURES_OUT, 1);
    }
}

static bool
is_over_limit (Group *group, const Demand *demand)
{
    uint32_t max = group->settings.priority_calls;

    return is_limited (demand)
           && ((max != 0 && group->n_priority >= max)
               || !bucket_take (&group->priority_bucket, demand->now_us));
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
group_take (Group *group, TrunkLeg *leg, const Demand *demand)
{
    bool is_in = demand->way == WAY_IN;

    pthread_mutex_lock (&group->lock);
    leg->is_over_limit = is_over_limit (group, demand);
    TakeResult result = group_take_locked (group, leg, demand);
    result = preempt_take_locked (group, leg, demand, result);
    /* What is left of the places of several is for those who wait. */
    Waiter *served = demand->takeover != NULL && demand->takeover->n_victims > 0
                         ? queue_serve (group, demand->now_us, demand->wall_us)
                         : NULL;
    /* That all members have been tried is no new bid, but the end of the last one. */
    if (result != TAKE_NO_MEMBER || demand->n_tried == 0) {
        count_at (group, is_in ? COUNT_IN_ATTEMPTS : COUNT_OUT_ATTEMPTS, demand);
        group_add_to_metric (group, is_in ? METRIC_ATTEMPTS_IN : METRIC_ATTEMPTS_OUT, 1);
        count_offer (group, leg, demand);
        if (result != TAKE_DONE) {
            count_refusal (group, result, demand);
        }
    }
    if (result != TAKE_DONE && is_limited (demand) && !leg->is_over_limit) {
        bucket_return (&group->priority_bucket);
    }
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
    return result;
}

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
    intervals_busy (&group->intervals, -1, now_us, wall_us);
    if (leg->answered_us != 0) {
        intervals_talk (&group->intervals, now_us - leg->answered_us, now_us, wall_us);
    }
    group_add_to_metric (group, leg->way == WAY_IN ? METRIC_CALLS_IN : METRIC_CALLS_OUT, -1);
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

/* --- What becomes of a leg --------------------------------------------------------------- */

void
group_leg_alerted (TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    if (leg->group == NULL || leg->alerted_us != 0) {
        return;
    }
    leg->alerted_us = now_us;
    pthread_mutex_lock (&leg->group->lock);
    if (leg->way == WAY_OUT) {
        intervals_delay (&leg->group->intervals, now_us - leg->placed_us, now_us, wall_us);
    }
    pthread_mutex_unlock (&leg->group->lock);
}

void
group_leg_answered (TrunkLeg *leg, int64_t now_us, int64_t wall_us)
{
    bool is_out = leg->way == WAY_OUT;
    Group *group = leg->group;

    if (group == NULL || leg->is_concluded) {
        return;
    }
    group_leg_alerted (leg, now_us, wall_us);
    leg->is_concluded = true;
    pthread_mutex_lock (&group->lock);
    leg->answered_us = now_us;
    group_count_level (group, leg->priority_class, LEVEL_COMPLETED);
    if (is_out) {
        intervals_count (&group->intervals, COUNT_OUT_ANSWERS, now_us, wall_us);
        intervals_count (&group->intervals, COUNT_OUT_EFFECTIVE, now_us, wall_us);
        congestion_count (&group->congestion, false, now_us);
        group_add_to_metric (group, METRIC_ANSWERS_OUT, 1);
    } else {
        intervals_count (&group->intervals, COUNT_IN_ANSWERS, now_us, wall_us);
    }
    pthread_mutex_unlock (&group->lock);
}

static bool
is_congestion (unsigned cause)
{
    return cause == TD_CAUSE_NO_CIRCUIT || cause == TD_CAUSE_CONGESTION
           || cause == TD_CAUSE_RESOURCE_UNAVAILABLE || cause == TD_CAUSE_TEMPORARY_FAILURE;
}

/* What kind of failure CAUSE is, and whether the network had done its part (ITU-T E.425 1.5): the user
 * was busy, did not answer, or refused. That nobody responds (18) says so only from a peer: else it was
 * the peer itself that was silent. */
static IntervalCount
classify (const TrunkLeg *leg, unsigned cause, bool has_code, bool *ret_is_effective)
{
    *ret_is_effective = true;
    switch (cause) {
    case TD_CAUSE_USER_BUSY:
        return COUNT_BUSY;
    case TD_CAUSE_NO_USER_RESPONDING:
        *ret_is_effective = has_code || leg->alerted_us != 0;
        return *ret_is_effective ? COUNT_NO_ANSWER : COUNT_FAILED;
    case TD_CAUSE_NO_ANSWER:
    case TD_CAUSE_SUBSCRIBER_ABSENT:
    case TD_CAUSE_NORMAL_CLEARING: /* the caller gave up, or somebody else was faster */
    case TD_CAUSE_NONE:
        *ret_is_effective = leg->alerted_us != 0 || cause == TD_CAUSE_SUBSCRIBER_ABSENT
                            || cause == TD_CAUSE_NO_ANSWER;
        return COUNT_NO_ANSWER;
    case TD_CAUSE_CALL_REJECTED:
        return COUNT_FAILED;
    default:
        break;
    }
    *ret_is_effective = false;
    return is_congestion (cause)                                     ? COUNT_CONGESTION
           : cause == TD_CAUSE_NO_ROUTE_TO_DESTINATION || cause == 2 ? COUNT_NO_ROUTE
                                                                     : COUNT_FAILED;
}

void
group_leg_failed (TrunkLeg *leg, unsigned cause, bool has_code, int64_t now_us, int64_t wall_us)
{
    Group *group = leg->group;
    bool is_effective;

    if (group == NULL || leg->is_concluded || leg->way != WAY_OUT) {
        return;
    }
    leg->is_concluded = true;
    IntervalCount count = classify (leg, cause, has_code, &is_effective);
    pthread_mutex_lock (&group->lock);
    intervals_count (&group->intervals, count, now_us, wall_us);
    if (is_effective) {
        intervals_count (&group->intervals, COUNT_OUT_EFFECTIVE, now_us, wall_us);
    }
    congestion_count (&group->congestion, is_congestion (cause), now_us);
    pthread_mutex_unlock (&group->lock);
}

void
group_count (Group *group, IntervalCount count, int64_t now_us, int64_t wall_us)
{
    pthread_mutex_lock (&group->lock);
    intervals_count (&group->intervals, count, now_us, wall_us);
    pthread_mutex_unlock (&group->lock);
}

void
group_count_control (Group *group, ControlKind kind, int64_t now_us, int64_t wall_us)
{
    pthread_mutex_lock (&group->lock);
    intervals_control (&group->intervals, kind, now_us, wall_us);
    pthread_mutex_unlock (&group->lock);
}

void
group_count_exemption (Group *group, unsigned priority_class)
{
    pthread_mutex_lock (&group->lock);
    group_count_level (group, priority_class, LEVEL_EXEMPT);
    group_add_to_metric (group, METRIC_EXEMPT, 1);
    pthread_mutex_unlock (&group->lock);
}

void
group_restore (Group *group, const Interval *interval)
{
    pthread_mutex_lock (&group->lock);
    intervals_restore (&group->intervals, interval);
    pthread_mutex_unlock (&group->lock);
}

void
group_append_unstored (Group *group, GString *lines, bool is_last, int64_t now_us, int64_t wall_us)
{
    const Interval *closed;

    pthread_mutex_lock (&group->lock);
    Interval now = intervals_now (&group->intervals, now_us, wall_us);
    while ((closed = intervals_take_unstored (&group->intervals)) != NULL) {
        archive_append (lines, group->name, closed);
    }
    if (is_last && !interval_is_empty (&now)) {
        archive_append (lines, group->name, &now);
    }
    pthread_mutex_unlock (&group->lock);
}

/* --- Looking ----------------------------------------------------------------------------- */

char *
group_member_address (Group *group, const Member *member)
{
    pthread_mutex_lock (&group->lock);
    char *address = g_strdup (member->address);
    pthread_mutex_unlock (&group->lock);
    return address;
}

unsigned
group_level (Group *group, int64_t now_us, unsigned *ret_before)
{
    pthread_mutex_lock (&group->lock);
    unsigned level = congestion_level (&group->congestion, now_us);
    *ret_before = group->told_level;
    group->told_level = level;
    pthread_mutex_unlock (&group->lock);
    return level;
}

void
group_tell_level (Group *group, unsigned level, int64_t duration_us, int64_t now_us)
{
    pthread_mutex_lock (&group->lock);
    congestion_tell (&group->congestion, level, duration_us, now_us);
    pthread_mutex_unlock (&group->lock);
}

void
group_rest (Group *group, Member *member, int64_t until_us)
{
    pthread_mutex_lock (&group->lock);
    member->hunt.rests_until_us = until_us;
    pthread_mutex_unlock (&group->lock);
}

uint32_t
group_n_idle (Group *group)
{
    uint32_t capacity, in_use = 0;

    pthread_mutex_lock (&group->lock);
    capacity = capacity_of (group, WAY_ALL);
    if (capacity != GROUP_UNLIMITED && group->calls[WAY_ALL] != NULL) {
        in_use = td_limit_in_use (group->calls[WAY_ALL]);
    }
    pthread_mutex_unlock (&group->lock);
    return capacity == GROUP_UNLIMITED ? UINT32_MAX : capacity - MIN (capacity, in_use);
}

bool
group_is_line (Group *group)
{
    pthread_mutex_lock (&group->lock);
    bool is_line = group->settings.is_line;
    pthread_mutex_unlock (&group->lock);
    return is_line;
}

void
group_allow (Group *group, uint32_t calls, int64_t until_us, uint32_t after)
{
    pthread_mutex_lock (&group->lock);
    bool is_other = group->allowed != calls;
    group->allowed = calls;
    group->allowed_until_us = until_us;
    group->allowed_after = after;
    if (is_other && group->calls[WAY_ALL] != NULL) {
        set_limits (group);
    }
    Waiter *served = queue_serve (group, td_clock_now_us (), td_clock_wall_us ());
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
}

uint32_t
group_in_use (Group *group)
{
    pthread_mutex_lock (&group->lock);
    uint32_t n = group->calls[WAY_ALL] != NULL ? td_limit_in_use (group->calls[WAY_ALL]) : 0;
    pthread_mutex_unlock (&group->lock);
    return n;
}

uint32_t
group_capacity (Group *group)
{
    pthread_mutex_lock (&group->lock);
    uint32_t capacity = capacity_of (group, WAY_ALL);
    pthread_mutex_unlock (&group->lock);
    return capacity;
}

static void
add_quality (TdTrunkQuality *sum, uint32_t graded[4], const Interval *interval)
{
    sum->seizures += interval->counts[COUNT_OUT_SEIZURES];
    sum->answers += interval->counts[COUNT_OUT_ANSWERS];
    sum->effective += interval->counts[COUNT_OUT_EFFECTIVE];
    if (interval->n_delays > 0) {
        sum->delay_p50_ms = interval->delay_p50_ms;
    }
    for (unsigned i = 0; i < 4; i++) {
        graded[i] += interval->counts[COUNT_GOOD + i];
    }
}

void
group_quality (Group *group, TdTrunkQuality *ret, int64_t now_us, int64_t wall_us)
{
    uint32_t graded[4] = { 0 }, n_graded = 0, sum = 0;

    pthread_mutex_lock (&group->lock);
    Interval now = intervals_now (&group->intervals, now_us, wall_us);
    const Interval *last = intervals_closed (&group->intervals, group->intervals.n_kept - 1);
    if (last != NULL) {
        add_quality (ret, graded, last);
    }
    add_quality (ret, graded, &now);
    ret->calls = group->n_legs[WAY_ALL];
    ret->capacity = capacity_of (group, WAY_ALL);
    ret->is_in_service = group->is_up && group->is_reachable;
    pthread_mutex_unlock (&group->lock);
    for (unsigned i = 0; i < 4; i++) {
        n_graded += graded[i];
        sum += graded[i] * (i + 1);
    }
    ret->mean_grade = n_graded > 0 ? (double) sum / n_graded : 0;
}

void
group_set_up (Group *group, bool is_up, bool is_reachable)
{
    pthread_mutex_lock (&group->lock);
    group->is_up = is_up;
    group->is_reachable = is_reachable;
    Waiter *served = queue_serve (group, td_clock_now_us (), td_clock_wall_us ());
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
}

void
group_set_member_up (Group *group, Member *member, bool is_up, bool is_silent)
{
    pthread_mutex_lock (&group->lock);
    member->hunt.is_up = is_up;
    member->hunt.is_silent = is_silent;
    Waiter *served = queue_serve (group, td_clock_now_us (), td_clock_wall_us ());
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
}

uint32_t
group_load (Group *group, const Member *member)
{
    pthread_mutex_lock (&group->lock);
    uint32_t load = member != NULL ? member->hunt.load : group->n_legs[WAY_ALL];
    pthread_mutex_unlock (&group->lock);
    return load;
}

unsigned
group_calls (Group *group, const Member *member, TdId *ret_calls, unsigned max)
{
    unsigned n = 0;

    pthread_mutex_lock (&group->lock);
    for (const TrunkLeg *leg = group->legs; leg != NULL && n < max; leg = leg->next) {
        if (member == NULL || leg->member == member) {
            ret_calls[n++] = leg->call;
        }
    }
    pthread_mutex_unlock (&group->lock);
    return n;
}
