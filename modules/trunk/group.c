/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk group as it stands: what it is set to, what may be taken of it, whether it takes calls. */

#include "queue.h"

/* --- Making ------------------------------------------------------------------------------- */

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
uint32_t
group_capacity_of (const Group *group, Way way)
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
    uint32_t all = group_capacity_of (group, WAY_ALL);
    uint32_t for_in = less (all, reserve_of (group, settings->reserve_out));
    uint32_t for_out = less (all, reserve_of (group, settings->reserve_in));

    td_limit_set_capacity (group->calls[WAY_ALL], all);
    td_limit_set_capacity (group->calls[WAY_IN], MIN (group_capacity_of (group, WAY_IN), for_in));
    td_limit_set_capacity (group->calls[WAY_OUT],
                           MIN (group_capacity_of (group, WAY_OUT), for_out));
    td_limit_reserve (group->calls[WAY_ALL], GROUP_CLASS_DIRECT,
                      reserve_of (group, settings->reserve_direct));
    td_limit_reserve (group->calls[WAY_ALL], GROUP_CLASS_DIRECT + 1,
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

/* --- State -------------------------------------------------------------------------------- */

/* Who sees to the lease has not come to it, because the process, or its control lane, stood still. */
void
group_let_lapse (Group *group, int64_t now_us)
{
    if (now_us < group->allowed_until_us) {
        return;
    }
    group->allowed = group->allowed_after;
    group->allowed_until_us = INT64_MAX;
    set_limits (group);
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

/* --- Looking ------------------------------------------------------------------------------ */

uint32_t
group_n_idle (Group *group)
{
    uint32_t capacity, in_use = 0;

    pthread_mutex_lock (&group->lock);
    capacity = group_capacity_of (group, WAY_ALL);
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
    uint32_t capacity = group_capacity_of (group, WAY_ALL);
    pthread_mutex_unlock (&group->lock);
    return capacity;
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
