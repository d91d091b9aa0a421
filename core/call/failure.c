/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call that failed before anybody answered: who has something to say to that.
 *
 *     hunting ---no target is left---> failing ---a route list---> hunting
 *     routing ---no route, refused--->    |
 *                                         +---nothing more------> releasing
 *
 * What the call failed for is kept apart while another list is hunted: the tone that the caller hears
 * instead is no reason why he did not get through.
 */

#include "call/call.h"

#include "call/attribute.h"

enum {
    MAX_LISTS = 4, /* of one call, from the "failed" hooks: two that send it to and fro must end */
};

void
td_failure_clear (TdFailure *failure)
{
    g_clear_pointer (&failure->returned, td_attributes_free);
}

void
td_call_end_failed (TdCall *call)
{
    TdFailure *failure = &call->failure;

    if (failure->returned != NULL && call->a != NULL) {
        td_attributes_add_returned (call->a->attributes, failure->returned);
    }
    td_call_end (call, &failure->cause, failure->by);
}

void
td_call_fail (TdCall *call, const TdCause *cause, const char *by, TdAttributes *returned)
{
    TdFailure *failure = &call->failure;

    if (failure->is_treated) { /* it has failed already */
        td_attributes_free (returned);
        td_call_end_failed (call);
        return;
    }
    td_redirect_stop (call);
    td_failure_clear (failure);
    failure->cause = *cause;
    failure->by = by;
    failure->returned = returned;
    td_hunt_give_up (call, cause);
    td_call_end_ringback (call);
    if (failure->n_lists < MAX_LISTS) {
        td_fsm_enter (&call->fsm, TD_CALL_FAILING);
    } else {
        td_call_end_failed (call);
    }
}

void
td_call_fail_for (TdCall *call, unsigned value, const char *text)
{
    TdCause cause = td_cause (value, text);

    call->failure.is_final = !td_cause_is_try_next (value);
    td_call_fail (call, &cause, "switch", NULL);
}

void
td_failing_enter (void *self)
{
    TdCall *call = self;

    td_hook_run_start (&call->hook, "failed");
}

void
td_call_set_failure (TdCall *call, const TdCause *cause)
{
    td_failure_clear (&call->failure);
    call->failure.cause = *cause;
    call->failure.by = "switch";
}

/* A hook wants the call to end for another cause. */
static void
fail_instead (TdFailure *failure, unsigned cause, const char *reason)
{
    td_failure_clear (failure);
    failure->cause = td_cause (cause, reason);
    failure->by = "switch";
}

/* Another way to go, or what the caller hears before he is let go. */
static void
take_list (TdCall *call, TdRouteList *routes)
{
    if (routes == NULL || td_route_list_length (routes) == 0) {
        td_route_list_free (routes);
        td_call_end_failed (call);
        return;
    }
    const TdHuntRules *rules = td_route_list_rules (routes);
    call->failure.n_lists++;
    call->failure.is_treated = rules->is_treatment;
    if (rules->is_treatment && rules->release_cause != TD_CAUSE_NONE) {
        fail_instead (&call->failure, rules->release_cause, NULL);
    }
    td_hunt_begin (call, routes);
}

static void
take_answer (TdCall *call, const TdHappening *what)
{
    const TdHookAnswer *answer = what->answer;

    if (answer->verdict == TD_HOOK_DONE) {
        take_list (call, answer->payload);
        return;
    }
    if (answer->verdict == TD_HOOK_REFUSE && answer->cause != TD_CAUSE_NONE) {
        fail_instead (&call->failure, answer->cause, answer->reason);
    }
    td_call_end_failed (call);
}

void
td_failing_act (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;

    if (td_call_is_end (call, event, what)) {
        return;
    }
    if (event == CALL_HOOK_ANSWERED) {
        take_answer (call, what);
    } else if (event == LEG_OFFERED) { /* before the caller was answered: not now (RFC 3261 14.2) */
        td_leg_refuse (what->leg, &(TdCause){ 0 });
    }
}

bool
td_call_may_go_elsewhere (const TdCall *call)
{
    return call->failure.by != NULL && !call->failure.is_final;
}

const TdCause *
td_call_failure (const TdCall *call)
{
    return call->failure.by != NULL ? &call->failure.cause : NULL;
}
