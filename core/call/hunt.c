/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hunting: from a route list to the one leg that answers.
 *
 * Targets of one group ring together; when all of them have failed, and one of them for a cause that
 * is worth another try, the next group gets its turn (crankback). A target that is a trunk group is
 * asked about again, while the others of its group ring, as long as it has another member.
 */

#include "call/call.h"

#include "call/attribute.h"
#include "call/negotiate.h"

enum {
    NO_TARGET = UINT_MAX, /* what a leg was tried for is no target of the list that is hunted now */
};

/* Causes of a group's legs in the order in which they tell the caller the most: whoever is busy or
 * says no exists and was reached. Causes not named come last. */
static const uint8_t telling_causes[] = {
    TD_CAUSE_USER_BUSY,
    TD_CAUSE_CALL_REJECTED,
    TD_CAUSE_NO_ANSWER,
    TD_CAUSE_SUBSCRIBER_ABSENT,
    TD_CAUSE_NUMBER_CHANGED,
    TD_CAUSE_UNALLOCATED_NUMBER,
    TD_CAUSE_INCOMPATIBLE_DESTINATION,
};

/* Whether a leg is out whose failure, if it has failed, the call has not heard of yet. */
static bool
has_leg_out (const TdCall *call)
{
    for (unsigned i = 1; i < call->legs->len; i++) {
        if (((const TdChannel *) call->legs->pdata[i])->gave_up == TD_CAUSE_NONE) {
            return true;
        }
    }
    return false;
}

static unsigned
rank (unsigned cause)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (telling_causes); i++) {
        if (telling_causes[i] == cause) {
            return i;
        }
    }
    return G_N_ELEMENTS (telling_causes);
}

/* Keeps the cause of a failed leg, and what LEG (nullable) has to say with it, if it tells the caller
 * more than the one kept. */
static void
keep_cause (TdCall *call, const TdCause *cause, const TdChannel *leg)
{
    call->n_failed++;
    call->n_busy += cause->value == TD_CAUSE_USER_BUSY;
    if (call->cause.value != TD_CAUSE_NONE && rank (cause->value) > rank (call->cause.value)) {
        return;
    }
    call->cause = *cause;
    g_clear_pointer (&call->returned, td_attributes_free);
    if (leg != NULL) {
        call->returned = td_attributes_new ();
        td_attributes_add_returned (call->returned, leg->attributes);
    }
}

/* Whether CAUSE is worth another try, by the route list's own rules or by the common ones. */
static bool
is_try_next (const TdCall *call, unsigned cause)
{
    const TdHuntRules *rules = td_route_list_rules (call->routes);

    if (!rules->has_causes) {
        return td_cause_is_try_next (cause);
    }
    return cause < 128 && (rules->causes[cause / 64] >> cause % 64 & 1) != 0;
}

/* Whether what LEG failed for is worth another try. Of a call with a priority this is said more finely: that
 * nobody answered in time, or is there, is no word about the user as long as he was not called, and the peer
 * does not say that he was. */
static bool
is_worth_another (const TdCall *call, const TdChannel *leg, const TdCause *cause)
{
    bool is_vague = cause->space == TD_CODE_SIP && (cause->code == 408 || cause->code == 480);

    if (!is_vague || call->priority.priority_class <= TD_CLASS_ORDINARY
        || td_route_list_rules (call->routes)->has_causes) {
        return is_try_next (call, cause->value);
    }
    return !leg->has_progressed
           && (!cause->is_given
               || (cause->value != TD_CAUSE_NO_USER_RESPONDING && cause->value != TD_CAUSE_NO_ANSWER
                   && cause->value != TD_CAUSE_SUBSCRIBER_ABSENT));
}

/* Whether one more leg may be tried. The time runs from the first. */
static bool
may_try (TdCall *call)
{
    const TdHuntRules *rules = td_route_list_rules (call->routes);
    unsigned max = rules->max_attempts != 0 ? rules->max_attempts : call->settings->max_attempts;
    uint32_t within_ms = rules->within_ms != 0 ? rules->within_ms : call->settings->hunt_ms;
    int64_t now_us = td_clock_now_us ();

    if (call->hunt_until_us == 0) {
        call->hunt_until_us = within_ms != 0 ? now_us + (int64_t) within_ms * 1000 : INT64_MAX;
    }
    return call->n_attempts - call->n_before < max && now_us < call->hunt_until_us;
}

static void ask_next (TdCall *call);

static void
begin_attempt (TdCall *call)
{
    if (td_fsm_state (&call->fsm) != TD_CALL_ATTEMPTING) {
        td_fsm_enter (&call->fsm, TD_CALL_ATTEMPTING);
    } else {
        ask_next (call);
    }
}

/* What a call with a priority is told that was busy on all branches, which are more than one (RFC 4412
 * 4.6.6): nobody else needs to be tried. Others are told 486, as one of them was. */
static void
tell_busy_everywhere (const TdCall *call, TdCause *cause)
{
    if (call->priority.priority_class > TD_CLASS_ORDINARY && call->n_busy > 1
        && call->n_busy == call->n_failed) {
        *cause = td_cause (TD_CAUSE_USER_BUSY, "Busy Everywhere");
        cause->space = TD_CODE_SIP;
        cause->code = 600;
    }
}

/* The group has failed: the next one, or the end. */
static void
crank_back (TdCall *call)
{
    const TdTarget *next = td_route_list_target (call->routes, call->next_target);
    TdCause cause = call->cause;

    if (td_redirect_begin (call)) {
        return;
    }
    if (cause.value == TD_CAUSE_NONE) {
        cause = td_cause (TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
    }
    if (next == NULL || !call->may_try_next || !may_try (call)) {
        if (td_redirect_go_on (call)) {
            return;
        }
        call->failure.is_final = !call->may_try_next;
        tell_busy_everywhere (call, &cause);
        td_call_fail (call, &cause, "called", g_steal_pointer (&call->returned));
        return;
    }
    call->cause = (TdCause){ 0 };
    g_clear_pointer (&call->returned, td_attributes_free);
    call->may_try_next = false;
    call->group = next->group;
    begin_attempt (call);
}

/* The target whose leg has failed and that may have another member; false: none. */
static bool
find_again (TdCall *call)
{
    for (unsigned i = 0; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (leg->wants_again) {
            leg->wants_again = false;
            call->target = leg->route_target;
            return true;
        }
    }
    return false;
}

/* The next target of the group that was not asked about; false: it has no more. */
static bool
find_first_time (TdCall *call)
{
    const TdTarget *target = td_route_list_target (call->routes, call->next_target);

    if (target == NULL || target->group != call->group) {
        return false;
    }
    call->target = call->next_target++;
    return true;
}

/* Asks about the next target of the group; when it has no more, waits for the legs that are out. */
static void
ask_next (TdCall *call)
{
    if (may_try (call) && (find_again (call) || find_first_time (call))) {
        td_call_set_number (call, td_call_target (call)->number);
        td_call_set_address (call, NULL);
        td_call_set_trunk (call, NULL);
        td_attributes_free (call->target_attributes);
        call->target_attributes = td_attributes_copy (call->attributes);
        td_hook_run_start (&call->hook, "attempt");
    } else if (!has_leg_out (call)) {
        crank_back (call);
    }
}

void
td_hunt_begin (TdCall *call, TdRouteList *routes)
{
    td_route_list_follow (routes, call->routes);
    call->routes = routes;
    call->next_target = 0;
    call->group = td_route_list_target (routes, 0)->group;
    call->n_before = call->n_attempts;
    call->hunt_until_us = 0;
    call->cause = (TdCause){ 0 };
    call->may_try_next = false;
    call->n_failed = call->n_busy = 0;
    g_clear_pointer (&call->returned, td_attributes_free);
    for (unsigned i = 1; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        leg->route_target = NO_TARGET;
        leg->wants_again = false;
    }
    if (call->failure.is_treated && call->bridge != NULL) {
        td_bridge_drop_spares (call->bridge); /* what he hears is made of software */
    } else if (!call->failure.is_treated) {
        if (td_route_list_label (routes) != NULL) {
            g_free (call->route_label);
            call->route_label = g_strdup (td_route_list_label (routes));
        }
        td_call_tell (call, FACT_ROUTED, NULL);
    }
    begin_attempt (call);
}

void
td_hunt_enter (void *self)
{
    ask_next (self);
}

/* Places LEG, with its offer if leg A made one. */
static void
originate (TdCall *call, TdChannel *leg, TdDescription *offer)
{
    if (offer != NULL) {
        leg->offer = td_description_ref (offer);
    }
    td_timer_start (&leg->timer, leg->no_response_ms);
    call->n_attempts++;
    td_call_add_carrier (call, td_channel_trunk (leg));
    td_call_tell (call, FACT_ATTEMPT, leg);
    td_leg_originate (leg);
}

/* A leg has failed: what is asked already will go on by itself. */
static void
go_on (TdCall *call)
{
    if (!td_call_is_asking (call)) {
        ask_next (call);
    }
}

static void
fail_leg (TdCall *call, TdChannel *leg, const TdCause *cause)
{
    leg->gave_up = cause->value != TD_CAUSE_NONE ? cause->value : TD_CAUSE_NORMAL_UNSPECIFIED;
    td_timer_stop (&leg->timer); /* it may take its time to clear */
    call->may_try_next |= is_worth_another (call, leg, cause);
    keep_cause (call, cause, leg);
    if (td_channel_is_alive (leg)) {
        td_leg_release (leg, cause);
    }
    leg->cause = *cause;
    td_call_tell (call, FACT_ATTEMPT_FAILED, leg);
    if (call->early == leg) {
        call->early = NULL;
    }
    if (call->bridge != NULL && leg->termination != TD_NO_TERMINATION) {
        td_bridge_forget (call->bridge, leg->id);
        td_bridge_spare (call->bridge, leg->termination);
        leg->termination = TD_NO_TERMINATION;
    }
}

/* A leg to the destination the hooks have agreed to. */
static void
launch (TdCall *call, const TdDestination *to)
{
    TdCause failure;
    TdChannel *leg = td_call_make_leg (call, to, &failure);

    if (leg == NULL) {
        call->may_try_next = true;
        keep_cause (call, &failure, NULL);
        return;
    }
    if (!td_call_prepare_leg (call, to, leg, &failure)) {
        fail_leg (call, leg, &failure);
        return;
    }
    if (td_fsm_state (&call->fsm) == TD_CALL_ATTEMPTING) {
        td_fsm_enter (&call->fsm, TD_CALL_CALLING);
    }
    TdBridgeTag tag = { leg->id, STEP_FOR_ORIGINATE };
    if (call->a->offer == NULL) {
        td_bridge_reserve (call->bridge, call->a->termination, leg->termination, tag);
    } else {
        td_bridge_offer (call->bridge, call->a->termination, leg->termination, call->a->offer, tag);
    }
}

/* Goes where the hooks let it go. When all members of a trunk have been tried, what they said stays. */
static void
attempt (TdCall *call)
{
    TdDestination to;

    if (td_call_find_destination (call, &to)) {
        launch (call, &to);
        g_free (to.driver);
    } else if (td_call_target_tries (call) == 0) {
        TdCause cause = td_cause (TD_CAUSE_NO_CIRCUIT, "The trunk has no member");
        call->may_try_next = true;
        keep_cause (call, &cause, NULL);
    }
}

/* A hook has said no to the target: to all of it, or to what was left of it. */
static void
skip (TdCall *call, const TdHookAnswer *answer)
{
    if (td_call_target_tries (call) == 0) {
        TdCause cause =
            td_cause (answer->cause != 0 ? answer->cause : TD_CAUSE_NO_CIRCUIT, answer->reason);
        keep_cause (call, &cause, NULL);
    }
    call->may_try_next = true;
}

static void
take_attempt_answer (TdCall *call, const TdHappening *what)
{
    switch (what->answer->verdict) {
    case TD_HOOK_REFUSE:
        td_call_refuse (call, what);
        return;
    case TD_HOOK_SKIP:
        skip (call, what->answer);
        break;
    default:
        attempt (call);
    }
    td_holds_end (&call->holds, NULL); /* a leg has taken them, if there is one */
    if (td_fsm_state (&call->fsm) < TD_CALL_ANSWERED) {
        ask_next (call);
    }
}

/* Leg A is to be told of early media, which only one leg at a time may have. */
static bool
may_be_heard (TdCall *call, TdChannel *leg, const TdLegEvent *event)
{
    /* A leg with an internal termination has no description, and rings without a sound. */
    bool has_media = event->description != NULL
                     || (event->kind == LEG_PROGRESSED && leg->driver->driver.service != NULL);

    if (!has_media || call->a->offer == NULL || (call->early != NULL && call->early != leg)) {
        return false;
    }
    call->early = leg;
    return true;
}

/* LEG gives a sign of life: from now on it may take as long as it may ring, counted from the first
 * ringing. Another one does not begin the time again: a leg that rings says so every minute (RFC
 * 3261 13.3.1.1). */
static void
time_answer (TdChannel *leg, bool is_ringing)
{
    if (!leg->is_timed || (is_ringing && !leg->is_alerted)) {
        td_timer_start (&leg->timer, leg->no_answer_ms);
    }
    leg->is_timed = true;
    leg->is_alerted |= is_ringing;
}

static void
tell_early (TdCall *call, TdChannel *leg, const TdLegEvent *event)
{
    bool is_ringing = event->kind == LEG_RINGING;

    leg->has_progressed = true;
    time_answer (leg, is_ringing);
    if (may_be_heard (call, leg, event)) {
        td_call_end_ringback (call);
        td_bridge_answer (call->bridge, call->a->termination, leg->termination, call->a->offer,
                          event->description,
                          (TdBridgeTag){ leg->id, is_ringing ? STEP_FOR_RING : STEP_FOR_PROGRESS });
    } else if (is_ringing && !td_call_is_handed_on (call)) {
        td_leg_ring (call->a, NULL);
    } else if (is_ringing && call->early == NULL) {
        td_call_begin_ringback (call);
    }
    if (is_ringing && td_fsm_state (&call->fsm) != TD_CALL_ALERTING) {
        if (call->alerting_us == 0) {
            call->alerting_us = td_clock_now_us ();
            call->alerting_wall_us = td_clock_wall_us ();
        }
        td_fsm_enter (&call->fsm, TD_CALL_ALERTING);
        td_call_tell (call, FACT_ALERTING, leg);
    }
}

static void
release_losers (TdCall *call, const TdChannel *winner)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, "Call completed elsewhere");

    cause.space = TD_CODE_SIP; /* as RFC 3326 2 says it, and other protocols do not */
    cause.code = 200;
    for (unsigned i = 1; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (leg != winner && leg->gave_up == TD_CAUSE_NONE) {
            fail_leg (call, leg, &cause);
        }
    }
}

void
td_hunt_give_up (TdCall *call, const TdCause *cause)
{
    td_call_ask_no_more (call);
    td_holds_end (&call->holds, NULL);
    for (unsigned i = 1; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (leg->gave_up == TD_CAUSE_NONE) {
            fail_leg (call, leg, cause);
        }
    }
}

static void
answer (TdCall *call, TdDescription *description)
{
    if (td_call_is_handed_on (call)) {
        td_call_connect (call);
        return;
    }
    call->is_untold = false;
    call->answered_us = td_clock_now_us ();
    call->answered_wall_us = td_clock_wall_us ();
    td_fsm_enter (&call->fsm, TD_CALL_ANSWERED);
    /* First on record, then on the wire: whoever was told of an answer has paid for it. */
    td_call_tell (call, FACT_ANSWERED, call->b);
    td_leg_answer (call->a, description);
}

/* Leg A made no offer: it is answered with leg B's, or with one for a leg B without an address. */
static void
answer_without_offer (TdCall *call, TdDescription *description)
{
    bool is_internal = call->b->driver->driver.service != NULL;
    g_autoptr (TdDescription) offer = description != NULL ? td_description_ref (description)
                                      : is_internal       ? td_negotiate_any_offer ()
                                                          : NULL;

    if (offer == NULL) {
        answer (call, NULL);
        return;
    }
    td_exchange_begin_delayed (call, offer);
    td_bridge_offer (call->bridge, call->b->termination, call->a->termination, offer,
                     (TdBridgeTag){ call->b->id, STEP_FOR_ANSWER_OFFER });
}

/* LEG has answered first: the others go, and its media become leg A's. The bridge is asked for the
 * answer before it takes their terminations down, because that takes time. */
static void
take_winner (TdCall *call, TdChannel *leg, TdDescription *description)
{
    td_timer_stop (&leg->timer);
    td_call_ask_no_more (call);
    td_holds_end (&call->holds, NULL); /* what hooks held for a target that nobody asks about now */
    call->b = leg;
    td_call_end_ringback (call);
    if (call->a->offer != NULL) {
        td_bridge_answer (call->bridge, call->a->termination, leg->termination, call->a->offer,
                          description, (TdBridgeTag){ leg->id, STEP_FOR_ANSWER });
    }
    release_losers (call, leg);
    td_bridge_drop_spares (call->bridge);
    call->cause = (TdCause){ 0 };
    if (call->a->offer == NULL) {
        answer_without_offer (call, description);
    }
}

static void take_failure (TdCall *call, TdChannel *leg, const TdCause *cause);

/* LEG is NULL when it is gone. One that is only there to be heard has failed when it cannot be. */
static void
take_early_step (TdCall *call, TdChannel *leg, const TdHappening *what)
{
    if (what->failure != NULL && leg != NULL && td_call_leg_is_live (leg)
        && leg->driver->driver.service != NULL) {
        take_failure (call, leg, what->failure);
        return;
    }
    if (td_call_is_handed_on (call)) { /* he hears it */
        return;
    }
    call->is_untold &= what->out == NULL;
    if (what->tag.purpose == STEP_FOR_RING) {
        td_leg_ring (call->a, what->out);
    } else if (what->out != NULL) {
        td_leg_progress (call->a, what->out);
    }
}

static void
take_hunting_step (TdCall *call, const TdHappening *what)
{
    TdChannel *leg = td_channel_find (what->tag.leg);

    switch (what->tag.purpose) {
    case STEP_FOR_ORIGINATE:
        if (leg == NULL || !td_call_leg_is_live (leg)) {
            break;
        }
        if (what->failure == NULL) {
            originate (call, leg, what->out);
            break;
        }
        fail_leg (call, leg, what->failure);
        go_on (call);
        break;
    case STEP_FOR_RING:
    case STEP_FOR_PROGRESS:
        take_early_step (call, leg, what);
        break;
    case STEP_FOR_PLAY:
        td_call_take_play_step (call, what);
        break;
    case STEP_FOR_ACCEPT: /* of a leg that has handed the call on */
    case STEP_FOR_REOFFER:
    case STEP_FOR_REACCEPT:
        break;
    default:
        if (what->failure != NULL) {
            td_call_end (call, what->failure, "switch");
        } else {
            answer (call, what->out);
        }
    }
}

/* Whether the target of LEG is a trunk group, of which another member may do what one did not. */
static bool
has_members (const TdCall *call, const TdChannel *leg)
{
    const TdTarget *target = td_route_list_target (call->routes, leg->route_target);

    return target->trunk != NULL && target->address == NULL;
}

/* One leg of the group has failed or was given up. */
static void
take_failure (TdCall *call, TdChannel *leg, const TdCause *cause)
{
    if (leg == call->b) {
        td_call_end (call, cause, "called");
        return;
    }
    fail_leg (call, leg, cause);
    td_redirect_take (call, leg);
    leg->wants_again = is_worth_another (call, leg, cause) && has_members (call, leg);
    go_on (call);
}

static void
take_timeout (TdCall *call, TdChannel *leg)
{
    bool has_answered_signs = td_channel_state (leg) > TD_CHANNEL_CALLING;
    TdCause cause =
        td_cause (has_answered_signs ? TD_CAUSE_NO_ANSWER : TD_CAUSE_NO_USER_RESPONDING, NULL);

    call->may_try_next = true; /* nobody said no */
    fail_leg (call, leg, &cause);
    leg->wants_again = !has_answered_signs && has_members (call, leg);
    go_on (call);
}

void
td_hunt_act (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;

    if (td_call_is_end (call, event, what)) {
        return;
    }
    if (what->leg != NULL && what->leg->gave_up != TD_CAUSE_NONE) {
        return; /* it clears, and nobody waits for what else it has to say */
    }
    switch (event) {
    case CALL_HOOK_ANSWERED:
        take_attempt_answer (call, what);
        break;
    case LEG_PROCEEDING:
        time_answer (what->leg, false);
        break;
    case LEG_RINGING:
    case LEG_PROGRESSED:
        if (call->b == NULL) {
            tell_early (call, what->leg, what->event);
        }
        break;
    case LEG_ANSWERED:
        if (call->b == NULL) {
            take_winner (call, what->leg, what->event->description);
        }
        break;
    case LEG_RELEASED:
        take_failure (call, what->leg, &what->event->cause);
        break;
    case CALL_LEG_TIMEOUT:
        take_timeout (call, what->leg);
        break;
    case CALL_STEPPED:
        take_hunting_step (call, what);
        break;
    case CALL_MEDIA:
        td_call_take_end_of_media (call, what);
        td_call_take_digit (call, what);
        break;
    case LEG_DIGIT:
        td_call_take_digit (call, what);
        break;
    case LEG_TRANSFERRED:
        td_call_take_transfer (call, what);
        break;
    case LEG_OFFERED: /* before the caller was answered: not now (RFC 3261 14.2) */
        td_leg_refuse (what->leg, &(TdCause){ 0 });
        break;
    default: /* digits do not change who is called */
        break;
    }
}
