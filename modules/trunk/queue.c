/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that wait for a place in a trunk group. */

#include "queue.h"

#include "tally.h"

enum { WHOLE_PERCENT = 100 };

static bool
is_priority (const Waiter *waiter)
{
    return waiter->demand.priority_class > TD_CLASS_ORDINARY;
}

/* The first ordinary call that waits, NULL: none. */
static Waiter *
first_ordinary (const Group *group)
{
    Waiter *waiter = group->waiting;

    while (waiter != NULL && is_priority (waiter)) {
        waiter = waiter->next;
    }
    return waiter;
}

static void
take_out (Group *group, Waiter *waiter)
{
    Waiter **link = &group->waiting;

    while (*link != waiter) {
        link = &(*link)->next;
    }
    *link = waiter->next;
    waiter->next = NULL;
    group->n_waiting--;
    group->levels[waiter->demand.priority_class % TD_N_CLASSES].n_waiting--;
}

static void
unlink_waiter (Group *group, Waiter *waiter)
{
    take_out (group, waiter);
    group_add_to_metric (group, METRIC_WAITING, -1);
}

/* Behind all of its class and above. */
static void
link_waiter (Group *group, Waiter *waiter)
{
    Waiter **link = &group->waiting;
    GroupLevel *level = &group->levels[waiter->demand.priority_class % TD_N_CLASSES];

    while (*link != NULL
           && ((*link)->demand.priority_class > waiter->demand.priority_class
               || ((*link)->demand.priority_class == waiter->demand.priority_class
                   && (*link)->since_us <= waiter->since_us))) {
        link = &(*link)->next;
    }
    waiter->next = *link;
    *link = waiter;
    group->n_waiting++;
    group->most_waiting = MAX (group->most_waiting, group->n_waiting);
    level->n_waiting++;
    level->most_waiting = MAX (level->most_waiting, level->n_waiting);
    group_add_to_metric (group, METRIC_WAITING, 1);
}

/* --- Serving ----------------------------------------------------------------------------- */

static void
count_wait (Group *group, const Waiter *waiter, LevelCount count, int64_t now_us)
{
    GroupLevel *level = &group->levels[waiter->demand.priority_class % TD_N_CLASSES];
    int64_t waited_us = now_us - waiter->since_us;

    group_count_level (group, waiter->demand.priority_class, count);
    level->wait_us += waited_us;
    level->longest_us = MAX (level->longest_us, waited_us);
    if (count == LEVEL_SERVED) {
        group_add_to_metric (group, METRIC_SERVED, 1);
    } else if (count == LEVEL_ABANDONED) {
        group_add_to_metric (group, METRIC_ABANDONED, 1);
    } else {
        group_add_to_metric (group, METRIC_TIMEOUT, 1);
    }
}

static bool
serve_one (Group *group, Waiter *waiter, int64_t now_us, int64_t wall_us)
{
    waiter->demand.now_us = now_us;
    waiter->demand.wall_us = wall_us;
    return group_take_turn_locked (group, waiter->leg, &waiter->demand) == TAKE_DONE;
}

/* No more calls with a priority may have a place as what they are: an emergency call goes first, then who
 * has waited longest. */
static Waiter *
first_at_limit (const Group *group)
{
    Waiter *oldest = group->waiting;

    for (Waiter *waiter = group->waiting; waiter != NULL; waiter = waiter->next) {
        if (waiter->demand.priority_class == TD_CLASS_EMERGENCY) {
            return waiter;
        }
        oldest = waiter->since_us < oldest->since_us ? waiter : oldest;
    }
    return oldest;
}

/* Who gets the next place. Of places that both kinds wait for, those with a priority are owed their
 * percent of each; when that makes a whole one, it is theirs. */
static Waiter *
serve_next (Group *group, int64_t now_us, int64_t wall_us)
{
    Waiter *first = group->waiting, *ordinary = first_ordinary (group);

    if (group_is_over_limit (group, &first->demand, now_us)) {
        first = first_at_limit (group);
        return serve_one (group, first, now_us, wall_us) ? first : NULL;
    }
    bool is_contested =
        ordinary != NULL && ordinary != first && first->demand.priority_class != TD_CLASS_EMERGENCY;
    unsigned owed = group->owed + group->settings.priority_percent;
    bool is_theirs = !is_contested || owed >= WHOLE_PERCENT;
    Waiter *next = is_theirs ? first : ordinary;

    if (serve_one (group, next, now_us, wall_us)) {
        if (is_contested) {
            group->owed = is_theirs ? owed - WHOLE_PERCENT : owed;
        }
        return next;
    }
    /* What is reserved for those with a priority is no place for the others. */
    return !is_theirs && serve_one (group, first, now_us, wall_us) ? first : NULL;
}

Waiter *
queue_serve (Group *group, int64_t now_us, int64_t wall_us)
{
    Waiter *news = NULL, **end = &news, *served;

    while (group->waiting != NULL && (served = serve_next (group, now_us, wall_us)) != NULL) {
        unlink_waiter (group, served);
        count_wait (group, served, LEVEL_SERVED, now_us);
        served->state = WAITER_SERVED;
        *end = served;
        end = &served->next;
    }
    return news;
}

static void
refuse (Group *group, Waiter *waiter, Waiter **news)
{
    unlink_waiter (group, waiter);
    count_wait (group, waiter, LEVEL_DISPLACED, waiter->demand.now_us);
    waiter->state = WAITER_REFUSED;
    waiter->next = *news;
    *news = waiter;
}

Waiter *
queue_empty (Group *group)
{
    Waiter *news = NULL;

    while (group->waiting != NULL) {
        refuse (group, group->waiting, &news);
    }
    return news;
}

Waiter *
queue_forget (Group *group, const TdModule *module)
{
    pthread_mutex_lock (&group->lock);
    Waiter *waiter = group->waiting;
    while (waiter != NULL && waiter->demand.module != module) {
        waiter = waiter->next;
    }
    if (waiter != NULL) {
        take_out (group, waiter);
    }
    pthread_mutex_unlock (&group->lock);
    return waiter;
}

void
queue_tell (Waiter *news)
{
    while (news != NULL) {
        Waiter *waiter = news;
        news = waiter->next;
        waiter->next = NULL;
        td_lane_post (waiter->lane, &waiter->post); /* it may be gone from now on */
    }
}

void
queue_look (Group *group)
{
    pthread_mutex_lock (&group->lock);
    Waiter *served = queue_serve (group, td_clock_now_us (), td_clock_wall_us ());
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
}

bool
queue_is_before (const Group *group, const TrunkLeg *leg, const Demand *demand)
{
    unsigned class = leg->is_over_limit ? TD_CLASS_ORDINARY : demand->priority_class;

    return !demand->is_waiter && group->waiting != NULL && group->waiting->demand.way == demand->way
           && group->waiting->demand.priority_class >= MIN (class, TD_CLASS_MAX);
}

/* --- Coming and going -------------------------------------------------------------------- */

/* A full queue makes room for a higher class: its youngest of the lowest class goes. False: there is none
 * below. */
static bool
make_room (Group *group, const Waiter *waiter, Waiter **news)
{
    Waiter *last = group->waiting;

    if (group->n_waiting < group->settings.queue_length) {
        return true;
    }
    if (group_is_over_limit (group, &waiter->demand, waiter->demand.now_us)) {
        return false; /* an ordinary call, which puts nobody out */
    }
    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    if (last == NULL || last->demand.priority_class >= waiter->demand.priority_class) {
        return false;
    }
    last->demand.now_us = waiter->demand.now_us;
    refuse (group, last, news);
    return true;
}

bool
queue_enter (Group *group, Waiter *waiter)
{
    Waiter *refused = NULL, *served = NULL;

    waiter->demand.is_waiter = true;
    waiter->since_us = waiter->demand.now_us;
    pthread_mutex_lock (&group->lock);
    bool has_room = make_room (group, waiter, &refused);
    if (has_room) {
        waiter->group = group_ref (group);
        waiter->state = WAITER_WAITS;
        link_waiter (group, waiter);
        group_count_level (group, waiter->demand.priority_class, LEVEL_QUEUED);
        served = queue_serve (group, waiter->demand.now_us, waiter->demand.wall_us);
    } else {
        group_count_level (group, waiter->demand.priority_class, LEVEL_OVERFLOW);
        group_add_to_metric (group, METRIC_OVERFLOW, 1);
    }
    pthread_mutex_unlock (&group->lock);
    queue_tell (refused);
    queue_tell (served);
    return has_room;
}

bool
queue_leave (Waiter *waiter, LevelCount count)
{
    Group *group = waiter->group;

    pthread_mutex_lock (&group->lock);
    bool is_waiting = waiter->state == WAITER_WAITS;
    Waiter *served = NULL;
    if (is_waiting) {
        unlink_waiter (group, waiter);
        waiter->state = WAITER_NONE;
        count_wait (group, waiter, count, td_clock_now_us ());
        served = queue_serve (group, td_clock_now_us (), td_clock_wall_us ());
    }
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
    return is_waiting;
}

void
queue_raise (Waiter *waiter, unsigned priority_class)
{
    Group *group = waiter->group;

    pthread_mutex_lock (&group->lock);
    Waiter *served = NULL;
    if (waiter->state == WAITER_WAITS && priority_class > waiter->demand.priority_class) {
        unlink_waiter (group, waiter);
        waiter->demand.priority_class = priority_class;
        link_waiter (group, waiter);
        served = queue_serve (group, td_clock_now_us (), td_clock_wall_us ());
    }
    pthread_mutex_unlock (&group->lock);
    queue_tell (served);
}

unsigned
queue_list (Group *group, QueueEntry *ret_entries, unsigned max, int64_t now_us)
{
    unsigned n = 0;

    pthread_mutex_lock (&group->lock);
    for (const Waiter *waiter = group->waiting; waiter != NULL && n < max; waiter = waiter->next) {
        ret_entries[n++] = (QueueEntry){ waiter->demand.call, waiter->demand.priority_class,
                                         now_us - waiter->since_us };
    }
    pthread_mutex_unlock (&group->lock);
    return n;
}
