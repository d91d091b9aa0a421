/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places that are taken from calls for one of higher precedence. */

#include "preempt.h"

#include "tally.h"

/* What is not there for a call. Places and kbit/s, both ways together and its own way. */
typedef struct {
    int64_t units[4];
    bool needs_member; /* all of them are full */
} Lack;

/* --- What is missing ---------------------------------------------------------------------- */

static int64_t
lack_of (const TdLimit *limit, uint32_t weight)
{
    int64_t lack = (int64_t) td_limit_in_use (limit) + weight - td_limit_capacity (limit);

    return weight > 0 ? MAX (lack, 0) : 0;
}

static Lack
find_lack (Group *group, const TrunkLeg *leg, const Demand *demand)
{
    uint32_t kbit_s = group->settings.kbit_s != 0 ? group->settings.kbit_s : demand->kbit_s;
    bool needs_member = demand->way == WAY_OUT && !demand->has_address;

    return (Lack){ .units = { lack_of (group->calls[WAY_ALL], 1),
                              lack_of (group->calls[demand->way], 1),
                              lack_of (group->kbits[WAY_ALL], kbit_s),
                              lack_of (group->kbits[demand->way], kbit_s) },
                   .needs_member = needs_member && !group_has_member (group, leg, demand) };
}

static bool
is_nothing (const Lack *lack)
{
    return lack->units[0] <= 0 && lack->units[1] <= 0 && lack->units[2] <= 0 && lack->units[3] <= 0
           && !lack->needs_member;
}

/* What LEG's going would give to a call that goes DEMAND's way. */
static int64_t
gain (const TrunkLeg *leg, const Demand *demand, unsigned unit)
{
    bool is_of_one_way = unit == 1 || unit == 3;

    return is_of_one_way && leg->way != demand->way ? 0 : leg->seats[unit].weight;
}

/* Whether a call could go by the member of LEG, were LEG gone. */
static bool
frees_member (const Group *group, const TrunkLeg *leg, const Demand *demand)
{
    const Member *member = leg->member;

    if (member == NULL || !member->hunt.is_up
        || member->hunt.load
               > hunt_places (&member->hunt, demand->priority_class > TD_CLASS_ORDINARY)
        || !g_ptr_array_find (group->members, member, NULL)) {
        return false;
    }
    for (unsigned i = 0; i < demand->n_tried; i++) {
        if (demand->tried[i] == member) {
            return false;
        }
    }
    return true;
}

static bool
helps (const Group *group, const TrunkLeg *leg, const Demand *demand, const Lack *lack)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (lack->units); i++) {
        if (lack->units[i] > 0 && gain (leg, demand, i) > 0) {
            return true;
        }
    }
    return lack->needs_member && frees_member (group, leg, demand);
}

/* --- Who it is ---------------------------------------------------------------------------- */

/* Whether LEG's call may lose its place to DEMAND's. RFC 4412 4.5.1: "requests do not preempt other requests
 * of equal priority", but those of a kind that does not defend itself against its like (10.3). */
static bool
is_below (const TrunkLeg *leg, const Demand *demand)
{
    const Standing *mine = &demand->standing, *its = &leg->standing;

    if (its->is_spared || leg->call == demand->call) {
        return false;
    }
    return its->priority_class < mine->priority_class
           || (its->priority_class == mine->priority_class && mine->takes_equals
               && its->takes_equals);
}

/* The lowest class, then the newest: the newest stand first in the list. */
static TrunkLeg *
next_victim (const Group *group, const Demand *demand, const Lack *lack)
{
    TrunkLeg *victim = NULL;

    for (TrunkLeg *leg = group->legs; leg != NULL; leg = leg->next) {
        if (!leg->is_victim && is_below (leg, demand)
            && (victim == NULL || leg->standing.priority_class < victim->standing.priority_class)
            && helps (group, leg, demand, lack)) {
            victim = leg;
        }
    }
    return victim;
}

/* What is missing yet if LEG goes, or (SIGN -1) if it stays after all. */
static void
count_gain (Lack *lack, const TrunkLeg *leg, const Demand *demand, int sign)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (lack->units); i++) {
        lack->units[i] -= sign * gain (leg, demand, i);
    }
}

/* Lets go who was chosen first and is not needed beside those chosen later, the highest class first. */
static unsigned
spare_needless (const Group *group, TrunkLeg **victims, unsigned n, const Demand *demand,
                const Lack *lack, bool needed_member)
{
    Lack left = *lack;
    unsigned n_kept = 0;

    for (unsigned i = n; i-- > 0;) {
        bool is_for_member = needed_member && frees_member (group, victims[i], demand);
        count_gain (&left, victims[i], demand, -1);
        if (!is_for_member && is_nothing (&left)) {
            victims[i]->is_victim = false;
            victims[i] = NULL;
        } else {
            count_gain (&left, victims[i], demand, 1);
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (victims[i] != NULL) {
            victims[n_kept++] = victims[i];
        }
    }
    return n_kept;
}

/* Fills VICTIMS; 0: they would not be enough, or there are none. */
static unsigned
choose (Group *group, const TrunkLeg *leg, const Demand *demand,
        TrunkLeg *victims[PREEMPT_MAX_VICTIMS])
{
    Lack lack = find_lack (group, leg, demand);
    bool needed_member = lack.needs_member;
    unsigned n = 0;
    TrunkLeg *victim;

    while (!is_nothing (&lack) && n < PREEMPT_MAX_VICTIMS
           && (victim = next_victim (group, demand, &lack)) != NULL) {
        victims[n++] = victim;
        victim->is_victim = true;
        count_gain (&lack, victim, demand, 1);
        lack.needs_member = lack.needs_member && !frees_member (group, victim, demand);
    }
    if (is_nothing (&lack)) {
        return spare_needless (group, victims, n, demand, &lack, needed_member);
    }
    for (unsigned i = 0; i < n; i++) {
        victims[i]->is_victim = false;
    }
    return 0;
}

/* --- Taking ------------------------------------------------------------------------------- */

static void
take_from (Group *group, TrunkLeg *leg, const Demand *demand)
{
    Takeover *takeover = demand->takeover;

    takeover->victims[takeover->n_victims++] =
        (Victim){ .call = leg->call,
                  .leg = leg,
                  .is_incoming = leg->way == WAY_IN,
                  .priority_class = leg->standing.priority_class };
    takeover->n_left++;
    leg->lost_to = takeover;
    group_leave_locked (group, leg, demand->now_us, demand->wall_us);
    group_count_level (group, leg->standing.priority_class, LEVEL_PREEMPTED);
    group_add_to_metric (group, METRIC_PREEMPTED, 1);
    intervals_count (&group->intervals, COUNT_PREEMPTED, demand->now_us, demand->wall_us);
}

TakeResult
preempt_take_locked (Group *group, TrunkLeg *leg, const Demand *demand, TakeResult result)
{
    TrunkLeg *victims[PREEMPT_MAX_VICTIMS];

    if (!group->settings.is_mlpp || demand->takeover == NULL || !demand->standing.may_take
        || leg->is_over_limit || (result != TAKE_FULL && result != TAKE_RESERVED)) {
        return result;
    }
    unsigned n = choose (group, leg, demand, victims);
    demand->takeover->is_blocked = n == 0;
    if (n == 0) {
        return result;
    }
    demand->takeover->group = group_ref (group);
    for (unsigned i = 0; i < n; i++) {
        take_from (group, victims[i], demand);
    }
    Demand again = *demand;
    again.is_waiter = true; /* the place was made free for it: it is not for those who wait */
    group_count_level (group, demand->priority_class, LEVEL_PREEMPTING);
    return group_take_locked (group, leg, &again);
}

Takeover *
preempt_gone (TrunkLeg *leg)
{
    Takeover *takeover = g_steal_pointer (&leg->lost_to);

    if (takeover == NULL) {
        return NULL;
    }
    for (unsigned i = 0; i < takeover->n_victims; i++) {
        if (takeover->victims[i].leg == leg) {
            takeover->victims[i].leg = NULL;
        }
    }
    return --takeover->n_left == 0 ? takeover : NULL;
}

void
preempt_tell (Takeover *takeover)
{
    if (takeover != NULL) {
        td_lane_post (takeover->lane, &takeover->post); /* it may be gone from now on */
    }
}

bool
preempt_forget (Takeover *takeover)
{
    Group *group = takeover->group;

    if (group == NULL) {
        return true;
    }
    pthread_mutex_lock (&group->lock);
    bool is_waiting = takeover->n_left > 0;
    for (unsigned i = 0; i < takeover->n_victims; i++) {
        if (takeover->victims[i].leg != NULL) {
            takeover->victims[i].leg->lost_to = NULL;
        }
    }
    pthread_mutex_unlock (&group->lock);
    if (is_waiting) {
        group_unref (g_steal_pointer (&takeover->group));
    }
    return is_waiting;
}
