/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The members of a trunk group: who they are, and which of them gets the next call. */

#include "queue.h"

void
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

/* --- Order -------------------------------------------------------------------------------- */

static Hunt
hunt_of (const Group *group, const TrunkLeg *leg, const Demand *demand)
{
    return (Hunt){ .order = group->settings.hunt,
                   .members = group->hunted,
                   .n_members = group->members->len,
                   .cursor = group->cursor,
                   .now_us = demand->now_us,
                   .takes_reserved = demand_has_priority (leg, demand) };
}

/* Who is in need disturbs who rests, and asks the last one again that did not answer. */
int
member_pick (const Group *group, TrunkLeg *leg, const Demand *demand)
{
    Hunt hunt = hunt_of (group, leg, demand);
    uint32_t tried[GROUP_MAX_TRIES];

    for (unsigned i = 0; i < demand->n_tried; i++) { /* a reload may have moved, or removed, them */
        guint index;
        tried[i] = g_ptr_array_find (group->members, demand->tried[i], &index) ? index : UINT32_MAX;
    }
    int index = hunt_pick (&hunt, tried, demand->n_tried);
    if (index < 0 && demand_has_priority (leg, demand)) {
        hunt.now_us = INT64_MAX;
        index = hunt_pick (&hunt, tried, demand->n_tried);
        leg->exempted |= index >= 0 ? EXEMPT_REST : 0;
    }
    if (index < 0 && demand_has_priority (leg, demand)) {
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

    return member_pick (group, &asking, demand) >= 0;
}

void
member_take (Group *group, TrunkLeg *leg, const Demand *demand, unsigned index)
{
    if (demand->n_tried == 0) {
        Hunt hunt = hunt_of (group, leg, demand);
        hunt_take (&hunt, index);
        group->cursor = hunt.cursor;
    }
    leg->member = member_ref (group->members->pdata[index]);
    leg->member->hunt.load++;
    leg->member->hunt.used_us = demand->now_us;
}

bool
group_has_reserved_member (const Group *group, const TrunkLeg *leg, const Demand *demand)
{
    Hunt hunt = hunt_of (group, leg, demand);

    hunt.takes_reserved = true;
    return hunt_pick (&hunt, NULL, 0) >= 0;
}

bool
group_has_full_member (const Group *group)
{
    for (unsigned i = 0; i < group->members->len; i++) {
        if (group->hunted[i]->is_up) {
            return true;
        }
    }
    return false;
}

/* --- State -------------------------------------------------------------------------------- */

char *
group_member_address (Group *group, const Member *member)
{
    pthread_mutex_lock (&group->lock);
    char *address = g_strdup (member->address);
    pthread_mutex_unlock (&group->lock);
    return address;
}

void
group_rest (Group *group, Member *member, int64_t until_us)
{
    pthread_mutex_lock (&group->lock);
    member->hunt.rests_until_us = until_us;
    pthread_mutex_unlock (&group->lock);
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
