/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that wait for a place in a trunk group: one that came in, or one for which no target of its route
 * list had a place.
 *
 *     admit, failed hook --LATER--> queue --served--> it goes on: it has its place
 *                                     |
 *                                     +--time over, displaced--> it fails: 408 (RFC 4412 4.5.2)
 *
 * A call waits once, in one queue: that of the first group of its list that was full and has one.
 */

#include "calls.h"
#include "queue.h"

#include <string.h>

struct Wait {
    Waiter waiter; /* first */
    TdTimer timer;
    Trunk *trunk;
    TdId call;
    TdToken *token; /* NULL: nobody waits for the answer any more */
    Leg *leg;
    const TdTarget *target; /* of a call that goes out; it lives as long as the call */
};

static void
wait_free (Wait *wait)
{
    if (wait->leg != NULL) {
        call_leg_discard (wait->leg);
    }
    if (wait->waiter.group != NULL) {
        group_unref (wait->waiter.group);
    }
    g_free (wait);
}

/* --- What the caller is told ------------------------------------------------------------- */

/* CALL fails for want of places: where it could have taken one from a call below it, and there was none,
 * that is "precedence call blocked" (ITU-T Q.850 2.2.7, cause 46). In SIP with STATUS, 0: as the cause says
 * (503). */
static void
fail_with (TdCall *call, const Call *known, unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } phrases[] = { { 408, "Request Timeout" },
                    { 488, "Not Acceptable Here" },
                    { 600, "Busy Everywhere" } };
    unsigned value = known->is_blocked ? TD_CAUSE_PRECEDENCE_BLOCKED : TD_CAUSE_NO_CIRCUIT;
    TdCause cause = td_cause (value, NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS (phrases); i++) {
        if (phrases[i].status == status) {
            cause = td_cause (value, phrases[i].phrase);
            cause.space = TD_CODE_SIP;
            cause.code = (uint16_t) status;
        }
    }
    td_call_set_failure (call, &cause);
}

/* What calls by the group that CALL came in by are told. */
static GroupSettings
profile_of (const Trunk *trunk, TdCall *call)
{
    Group *group = group_table_find (trunk_groups (trunk), td_call_trunk (call));
    GroupSettings settings = { .wait_status = 408 };

    if (group != NULL) {
        pthread_mutex_lock (&group->lock);
        settings = group->settings;
        pthread_mutex_unlock (&group->lock);
    }
    return settings;
}

/* --- The end of a wait ------------------------------------------------------------------- */

static void
answer (Wait *wait, TdHookAnswer answer)
{
    Call *known = calls_find (wait->trunk->calls, wait->call);

    if (known != NULL) {
        known->wait = NULL;
    }
    td_timer_stop (&wait->timer);
    td_token_answer (g_steal_pointer (&wait->token), answer);
}

/* Not one of its places came free in time, or another call needed its place in the queue. */
static void
give_up (Wait *wait, TdCall *call, const char *result)
{
    const Call *known = calls_ensure (wait->trunk->calls, wait->call);
    GroupSettings profile = profile_of (wait->trunk, call);
    bool is_in = wait->waiter.demand.way == WAY_IN;

    td_call_wait_ended (call, result);
    fail_with (call, known, profile.wait_status);
    answer (wait, (TdHookAnswer){ .verdict = is_in ? TD_HOOK_REFUSE : TD_HOOK_CONTINUE,
                                  .cause = is_in ? TD_CAUSE_NO_CIRCUIT : TD_CAUSE_NONE,
                                  .reason = "No place in time" });
}

static void
expired (TdTimer *timer)
{
    Wait *wait = (Wait *) ((char *) timer - offsetof (Wait, timer));
    TdCall *call = td_call_find (wait->call);

    if (!queue_leave (&wait->waiter, LEVEL_TIMEOUT)) {
        return; /* it was served in this moment */
    }
    if (call != NULL) {
        give_up (wait, call, "timeout");
    }
    wait_free (wait);
}

void
wait_cancel (TdToken *token, void *state, void *data)
{
    Wait *wait = state;

    answer (wait, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    if (queue_leave (&wait->waiter, LEVEL_ABANDONED)) {
        wait_free (wait);
    }
}

void
wait_raise (Wait *wait, unsigned priority_class)
{
    queue_raise (&wait->waiter, priority_class);
}

/* --- Served ------------------------------------------------------------------------------ */

/* The target that the call has waited for. */
static TdRouteList *
list_of (const Wait *wait)
{
    TdRouteList *list = td_route_list_new (NULL);
    TdTarget target = *wait->target;

    target.group = 0;
    if (strcmp (target.trunk, wait->waiter.group->name) != 0) { /* it was led there */
        target.trunk = wait->waiter.group->name;
        target.address = NULL;
        target.driver = NULL;
    }
    td_route_list_add (list, &target);
    return list;
}

/* It came in by the group, and goes on. */
static void
let_in (Wait *wait, TdCall *call, Call *known)
{
    Leg *leg = g_steal_pointer (&wait->leg);

    leg->call = known;
    call_link_leg (leg);
    hooks_tell_exemptions (call, &leg->leg);
    td_channel_hold (td_call_incoming (call), &leg->hold);
    answer (wait, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
}

/* It goes out by the group: the hook of its attempt finds what it was granted. Where another build is in
 * charge by now, that one's hook takes the place. */
static void
let_out (Wait *wait, Call *known)
{
    if (hooks_are_in_charge (wait->trunk)) {
        known->granted = g_steal_pointer (&wait->leg);
    } else {
        group_hand_over (&wait->leg->leg, td_clock_now_us (), td_clock_wall_us ());
    }
    answer (wait, (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list_of (wait) });
}

static void
run_news (TdPost *post)
{
    Wait *wait = (Wait *) post;
    TdCall *call = wait->token != NULL ? td_call_find (wait->call) : NULL;

    if (call == NULL) {
        wait_free (wait);
        return;
    }
    Call *known = calls_ensure (wait->trunk->calls, wait->call);
    if (wait->waiter.state != WAITER_SERVED) {
        give_up (wait, call, "displaced");
    } else {
        td_call_wait_ended (call, "served");
        if (wait->waiter.demand.way == WAY_IN) {
            let_in (wait, call, known);
        } else {
            let_out (wait, known);
        }
    }
    wait_free (wait);
}

/* The module has stopped; the core looks after the token. */
static void
drop_news (TdPost *post)
{
    wait_free ((Wait *) post);
}

/* --- Beginning to wait ------------------------------------------------------------------- */

/* CALL gets into the queue of GROUP; false: it is full. */
static bool
begin (Trunk *trunk, TdCall *call, Call *known, Group *group, Way way, const TdTarget *target,
       TdToken *token)
{
    Wait *wait = g_new0 (Wait, 1);

    pthread_mutex_lock (&group->lock);
    uint32_t wait_ms = group->settings.queue_wait_ms;
    pthread_mutex_unlock (&group->lock);
    wait->waiter.post = (TdPost){ .owner = trunk->module, .run = run_news, .drop = drop_news };
    wait->waiter.lane = td_lane_current ();
    wait->waiter.demand = hooks_demand (trunk, call, group, way, known->is_alternate);
    wait->waiter.demand.has_address =
        target != NULL && target->address != NULL && strcmp (target->trunk, group->name) == 0;
    wait->trunk = trunk;
    wait->call = known->id;
    wait->target = target;
    wait->leg = call_leg_new (trunk, known);
    wait->waiter.leg = &wait->leg->leg;
    td_timer_init (&wait->timer, trunk->module, expired);
    known->has_waited = true;
    if (!queue_enter (group, &wait->waiter)) {
        td_call_wait_ended (call, "overflow");
        wait_free (wait);
        return false;
    }
    known->wait = wait;
    wait->token = td_token_take (token, wait);
    td_timer_start (&wait->timer, wait_ms);
    td_call_wait (call);
    return true;
}

/* Whether CALL, which found no place in GROUP, waits there. */
static bool
may_wait (Group *group, Way way, const TdCall *call, bool is_over_limit)
{
    pthread_mutex_lock (&group->lock);
    bool is_priority =
        td_call_priority (call)->priority_class > TD_CLASS_ORDINARY && !is_over_limit;
    bool may_wait = group->settings.queue_length > 0 && group->settings.queue_way == way
                    && (is_priority || group->settings.is_public_use);
    pthread_mutex_unlock (&group->lock);
    return may_wait;
}

TdHookAnswer
wait_for_admission (Trunk *trunk, TdCall *call, Call *known, Group *group, const Leg *refused,
                    TdToken *token)
{
    TdHookAnswer answer = { .verdict = TD_HOOK_REFUSE,
                            .cause = TD_CAUSE_NO_CIRCUIT,
                            .reason = "Trunk group full" };
    bool is_priority = td_call_priority (call)->priority_class > TD_CLASS_ORDINARY;
    GroupSettings profile = profile_of (trunk, call);

    if (may_wait (group, WAY_IN, call, refused->leg.is_over_limit)) {
        if (begin (trunk, call, known, group, WAY_IN, NULL, token)) {
            return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
        }
        fail_with (call, known, profile.overflow_status);
    } else if (is_priority) {
        fail_with (call, known, profile.full_status);
    }
    return answer;
}

/* The first target whose group was full and lets the call wait. */
static Group *
find_queue (Trunk *trunk, TdCall *call, const Call *known, const TdTarget **ret_target,
            bool *ret_was_full)
{
    for (unsigned i = 0; i < known->tries->len; i++) {
        const Try *tried = known->tries->pdata[i];
        Group *group = group_table_find (trunk_groups (trunk), tried->full);
        *ret_was_full |= tried->full != NULL;
        if (group != NULL && may_wait (group, WAY_OUT, call, tried->is_over_limit)) {
            *ret_target = tried->target;
            return group;
        }
    }
    return NULL;
}

static bool
was_tried (const Call *known, const char *trunk)
{
    for (unsigned i = 0; i < known->tries->len; i++) {
        const Try *tried = known->tries->pdata[i];
        if (g_strcmp0 (tried->target->trunk, trunk) == 0 || g_strcmp0 (tried->via, trunk) == 0) {
            return true;
        }
    }
    return false;
}

/* What TARGET was, by each of ALTERNATES that was not tried. */
static TdRouteList *
list_alternates (const Call *known, const TdTarget *before, const char *const *alternates)
{
    TdRouteList *list = td_route_list_new (NULL);

    for (uint32_t i = 0; alternates[i] != NULL; i++) {
        TdTarget target = { .size = sizeof (TdTarget),
                            .group = i,
                            .trunk = alternates[i],
                            .number = before->number,
                            .calling = before->calling,
                            .no_answer_ms = before->no_answer_ms,
                            .no_response_ms = before->no_response_ms,
                            .is_media_through = before->is_media_through };
        if (!was_tried (known, alternates[i])) {
            td_route_list_add (list, &target);
        }
    }
    return list;
}

/* The alternates of the first target that has some, NULL: none that was not tried. */
static TdRouteList *
find_alternates (Trunk *trunk, TdCall *call, const Call *known)
{
    for (unsigned i = 0; i < known->tries->len; i++) {
        const TdTarget *target = ((const Try *) known->tries->pdata[i])->target;
        Group *group = group_table_find (trunk_groups (trunk), target->trunk);
        const char *const *alternates =
            group != NULL
                ? td_config_list (td_call_config (call), "trunk", target->trunk, "alternates")
                : NULL;
        if (alternates == NULL || *alternates == NULL) {
            continue;
        }
        pthread_mutex_lock (&group->lock);
        TdHuntRules rules = { .size = sizeof (TdHuntRules),
                              .max_attempts = group->settings.alternate_tries,
                              .within_ms = group->settings.alternate_ms };
        pthread_mutex_unlock (&group->lock);
        TdRouteList *list = list_alternates (known, target, alternates);
        if (td_route_list_length (list) > 0) {
            td_route_list_set_rules (list, &rules);
            return list;
        }
        td_route_list_free (list);
    }
    return NULL;
}

/* The whole route list has been tried. What said no for another reason than want of means is no reason to
 * wait. */
static TdHookAnswer
ask_failed (void *subject, TdToken *token, void *data)
{
    TdHookAnswer go_on = { .verdict = TD_HOOK_CONTINUE };
    const TdCause *failure = td_call_failure (subject);
    Trunk *trunk = data;
    Call *known = calls_find (trunk->calls, td_call_id (subject));
    const TdTarget *target = NULL;
    bool was_full = false;

    if (known == NULL || failure == NULL || !hooks_are_in_charge (trunk) || known->has_waited
        || !td_call_may_go_elsewhere (subject)) {
        return go_on;
    }
    if (!known->was_led_on && td_call_priority (subject)->priority_class > TD_CLASS_ORDINARY) {
        TdRouteList *alternates = find_alternates (trunk, subject, known);
        known->was_led_on = true;
        if (alternates != NULL) {
            return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = alternates };
        }
    }
    Group *group = find_queue (trunk, subject, known, &target, &was_full);
    GroupSettings profile = profile_of (trunk, subject);
    if (group != NULL) {
        if (begin (trunk, subject, known, group, WAY_OUT, target, token)) {
            return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
        }
        fail_with (subject, known, profile.overflow_status);
    } else if (was_full && failure->code == 0
               && td_call_priority (subject)->priority_class > TD_CLASS_ORDINARY) {
        fail_with (subject, known, profile.full_status);
    }
    return go_on;
}

bool
waits_add_hook (Trunk *trunk, GError **error)
{
    return td_hook_add (trunk->module, "failed",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "trunk.failed",
                                   .after = TD_LIST ("route.failed"),
                                   .before = TD_LIST ("announce.treat"),
                                   .deadline_ms = WAIT_DEADLINE_MS,
                                   .silence = { .verdict = TD_HOOK_CONTINUE },
                                   .data = trunk,
                                   .ask = ask_failed,
                                   .cancel = wait_cancel },
                        error);
}

void
waits_free (Trunk *trunk)
{
    GHashTableIter iter;
    void *group;

    g_hash_table_iter_init (&iter, trunk->book->groups);
    while (g_hash_table_iter_next (&iter, NULL, &group)) {
        Waiter *left;
        while ((left = queue_forget (group, trunk->module)) != NULL) {
            wait_free ((Wait *) left);
        }
    }
}
