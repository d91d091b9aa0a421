/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call's way: admitted, routed, hunted, answered, released.
 *
 *     admitting -> routing -> attempting -> calling -> alerting -> answered
 *         |           |  ^         ^           |          |           |
 *         |           v  |         +--crankback+----------+           |
 *         |        collecting                                         |
 *         +-----------+----------------------+------------------------+-> releasing -> ended
 *
 * Targets of one group ring together; when all of them have failed, and one of them for a cause that
 * is worth another try, the next group gets its turn.
 */

#include "call/call.h"

#include "call/negotiate.h"

#include <string.h>
#include <tandem/log.h>

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

/* --- Ending ------------------------------------------------------------------------------ */

void
td_call_end (TdCall *call, const TdCause *cause, const char *by)
{
    if (call->cause.value == TD_CAUSE_NONE || call->released_by == NULL) {
        call->cause = *cause;
    }
    if (call->released_by == NULL) {
        call->released_by = by;
    }
    td_fsm_enter (&call->fsm, TD_CALL_RELEASING);
}

static void
end_for (TdCall *call, unsigned value, const char *text)
{
    TdCause cause = td_cause (value, text);

    td_call_end (call, &cause, "switch");
}

static void
end_if_alone (TdCall *call)
{
    for (unsigned i = 0; i < call->legs->len; i++) {
        if (td_channel_is_alive (call->legs->pdata[i])) {
            return;
        }
    }
    if (call->bridge == NULL) {
        td_fsm_enter (&call->fsm, TD_CALL_ENDED);
    } else if (!td_bridge_is_closing (call->bridge)) { /* the last leg's release comes as well */
        td_bridge_close (call->bridge);
    }
}

static void
enter_releasing (void *self)
{
    TdCall *call = self;

    td_hook_run_cancel (&call->hook);
    td_timer_stop (&call->guard);
    call->ended_us = td_clock_now_us ();
    call->ended_wall_us = td_clock_wall_us ();
    for (unsigned i = call->legs->len; i > 0; i--) {
        td_leg_release (call->legs->pdata[i - 1], &call->cause);
    }
    end_if_alone (call);
}

static void
enter_ended (void *self)
{
    td_call_tell (self, FACT_ENDED, NULL);
}

/* A driver that does not clear in time must not keep a call for ever. */
static void
end_without_legs (TdCall *call)
{
    for (unsigned i = 0; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (td_channel_is_alive (leg)) {
            td_log_error (td_channel_module (leg), leg->peer_id,
                          "its leg was not released within %u ms: the call ends without it",
                          call->settings->release_ms);
            TdCause cause = td_cause (TD_CAUSE_RECOVERY_ON_TIMER, NULL);
            td_channel_released (leg, &cause);
        }
    }
}

static void
releasing (void *self, unsigned event, void *data)
{
    TdCall *call = self;

    switch (event) {
    case LEG_RELEASED:
    case CALL_CLOSED:
        end_if_alone (call);
        break;
    case CALL_RELEASE_TIMEOUT:
        end_without_legs (call);
        break;
    default: /* what a leg still had to say */
        break;
    }
}

/* Every state before the release ends in the same ways. Returns whether EVENT was one of them. */
static bool
is_end (TdCall *call, unsigned event, const TdHappening *what)
{
    if (event == CALL_RELEASE) {
        td_call_end (call, what->failure, "switch");
        return true;
    }
    if (event == LEG_RELEASED && what->leg == call->a) {
        td_call_end (call, &what->event->cause, "calling");
        return true;
    }
    return false;
}

/* --- Admitting, routing, collecting ------------------------------------------------------ */

static void
refuse (TdCall *call, const TdHappening *what)
{
    const TdHookAnswer *answer = what->answer;
    unsigned cause = answer->cause != 0 ? answer->cause : TD_CAUSE_CALL_REJECTED;

    td_log_info (NULL, what->hook_name, "refused a call: %s",
                 answer->reason != NULL ? answer->reason : td_cause_phrase (cause));
    end_for (call, cause, answer->reason);
}

/* More of the called number. Returns false when it is too long to be one. */
static bool
append_digits (TdCall *call, const TdLegEvent *event)
{
    for (const char *digit = event->digits; digit != NULL && *digit != '\0'; digit++) {
        if (!td_party_add_digit (&call->called, *digit)) {
            end_for (call, TD_CAUSE_INVALID_NUMBER_FORMAT, "The number is too long");
            return false;
        }
    }
    call->called.is_complete |= event->is_last;
    return true;
}

static void
admitting (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;

    if (is_end (call, event, what)) {
        return;
    }
    if (event == LEG_MORE_DIGITS) {
        append_digits (call, what->event);
    } else if (event == CALL_HOOK_ANSWERED && what->answer->verdict == TD_HOOK_REFUSE) {
        refuse (call, what);
    } else if (event == CALL_HOOK_ANSWERED) {
        td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
    }
}

static void
enter_routing (void *self)
{
    TdCall *call = self;

    call->has_more_digits = false;
    td_hook_run_start (&call->hook, "route");
}

static void
take_routes (TdCall *call, TdRouteList *routes)
{
    if (routes == NULL || td_route_list_length (routes) == 0) {
        td_route_list_free (routes);
        end_for (call, TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
        return;
    }
    call->routes = routes;
    call->route_label = td_route_list_label (routes);
    call->group = td_route_list_target (routes, 0)->group;
    td_call_tell (call, FACT_ROUTED, NULL);
    td_fsm_enter (&call->fsm, TD_CALL_ATTEMPTING);
}

static void
want_more_digits (TdCall *call)
{
    if (call->has_more_digits) {
        enter_routing (call);
    } else if (call->called.is_complete) {
        end_for (call, TD_CAUSE_INVALID_NUMBER_FORMAT, "The number is incomplete");
    } else {
        td_fsm_enter (&call->fsm, TD_CALL_COLLECTING);
    }
}

static void
take_route_answer (TdCall *call, const TdHappening *what)
{
    switch (what->answer->verdict) {
    case TD_HOOK_DONE:
        take_routes (call, what->answer->payload);
        break;
    case TD_HOOK_MORE_DIGITS:
        want_more_digits (call);
        break;
    case TD_HOOK_REFUSE:
        refuse (call, what);
        break;
    default:
        end_for (call, TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
    }
}

static void
routing (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;

    if (is_end (call, event, what)) {
        return;
    }
    if (event == LEG_MORE_DIGITS && append_digits (call, what->event)) {
        call->has_more_digits = true;
    } else if (event == CALL_HOOK_ANSWERED) {
        take_route_answer (call, what);
    }
}

static void
collecting (void *self, unsigned event, void *data)
{
    TdCall *call = self;

    if (event == CALL_DIGIT_TIMEOUT) {
        call->called.is_complete = true;
        td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
    } else if (!is_end (call, event, data) && event == LEG_MORE_DIGITS
               && append_digits (call, ((TdHappening *) data)->event)) {
        td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
    }
}

/* --- Hunting ----------------------------------------------------------------------------- */

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

/* Keeps the cause of a failed leg if it tells the caller more than the one kept. */
static void
keep_cause (TdCall *call, const TdCause *cause)
{
    if (call->cause.value == TD_CAUSE_NONE || rank (cause->value) <= rank (call->cause.value)) {
        call->cause = *cause;
    }
}

static void ask_next (TdCall *call);

/* The group has failed: the next one, or the end. */
static void
crank_back (TdCall *call)
{
    const TdTarget *next = td_route_list_target (call->routes, call->next_target);
    TdCause cause = call->cause;

    if (cause.value == TD_CAUSE_NONE) {
        cause = td_cause (TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
    }
    if (next == NULL || !call->may_try_next) {
        td_call_end (call, &cause, "called");
        return;
    }
    call->cause = (TdCause){ 0 };
    call->may_try_next = false;
    call->group = next->group;
    if (td_fsm_state (&call->fsm) != TD_CALL_ATTEMPTING) {
        td_fsm_enter (&call->fsm, TD_CALL_ATTEMPTING);
    } else {
        ask_next (call);
    }
}

/* Asks about the next target of the group; when it has no more, waits for the legs that are out. */
static void
ask_next (TdCall *call)
{
    const TdTarget *target = td_route_list_target (call->routes, call->next_target);

    if (target != NULL && target->group == call->group) {
        call->next_target++;
        td_call_set_number (call, target->number);
        td_attributes_free (call->target_attributes);
        call->target_attributes = td_attributes_copy (call->attributes);
        td_hook_run_start (&call->hook, "attempt");
    } else if (!has_leg_out (call)) {
        crank_back (call);
    }
}

static void
enter_attempting (void *self)
{
    ask_next (self);
}

static void
leg_expired (TdTimer *timer)
{
    TdChannel *leg = (TdChannel *) ((char *) timer - offsetof (TdChannel, timer));

    td_call_happen (leg->call, CALL_LEG_TIMEOUT, &(TdHappening){ .leg = leg });
}

static uint32_t
or_default (uint32_t value_ms, uint32_t default_ms)
{
    return value_ms != 0 ? value_ms : default_ms;
}

/* Whom the leg calls: the number to send, or who was called. */
static bool
set_parties (TdCall *call, TdChannel *leg)
{
    leg->calling = call->calling;
    leg->called = call->called;
    return call->number == NULL || td_party_from_number (&leg->called, call->number)
           || td_party_from_user (&leg->called, call->number, call->called.host);
}

static TdChannel *
make_leg (TdCall *call, const TdTarget *target, TdCause *ret_failure)
{
    TdDriverEntry *driver = td_driver_acquire (target->driver, NULL);

    if (driver == NULL) {
        *ret_failure = td_cause (TD_CAUSE_DESTINATION_OUT_OF_ORDER, "No such endpoint driver");
        return NULL;
    }
    TdChannel *leg = td_channel_new_outgoing (call, driver, target->address);
    if (leg == NULL) {
        *ret_failure = td_cause (TD_CAUSE_CONGESTION, NULL);
        return NULL;
    }
    g_ptr_array_add (call->legs, leg);
    leg->group = target->group;
    leg->no_response_ms = or_default (target->no_response_ms, call->settings->no_response_ms);
    leg->no_answer_ms = or_default (target->no_answer_ms, call->settings->no_answer_ms);
    td_timer_init (&leg->timer, NULL, leg_expired);
    td_channel_set_trunk (leg, target->trunk);
    td_attributes_free (leg->attributes);
    leg->attributes = g_steal_pointer (&call->target_attributes);
    return leg;
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
    td_call_tell (call, FACT_ATTEMPT, leg);
    td_leg_originate (leg);
}

static void
fail_leg (TdCall *call, TdChannel *leg, const TdCause *cause)
{
    leg->gave_up = cause->value != TD_CAUSE_NONE ? cause->value : TD_CAUSE_NORMAL_UNSPECIFIED;
    call->may_try_next |= td_cause_is_try_next (cause->value);
    keep_cause (call, cause);
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
        td_bridge_remove (call->bridge, leg->termination);
        leg->termination = TD_NO_TERMINATION;
    }
}

/* A leg for the target the hooks have agreed to. */
static void
launch (TdCall *call)
{
    const TdTarget *target = td_call_target (call);
    TdCause failure;
    TdChannel *leg = make_leg (call, target, &failure);

    if (leg == NULL) {
        call->may_try_next = true;
        keep_cause (call, &failure);
        return;
    }
    const char *service = leg->driver->driver.service;
    bool is_through = service == NULL && (target->is_media_through || call->settings->is_through);
    if (!set_parties (call, leg)) {
        failure = td_cause (TD_CAUSE_INVALID_NUMBER_FORMAT, NULL);
        fail_leg (call, leg, &failure);
        return;
    }
    if (!td_call_ensure_bridge (call, is_through, &failure)
        || (leg->termination = td_bridge_add (call->bridge, service, &failure))
               == TD_NO_TERMINATION) {
        fail_leg (call, leg, &failure);
        return;
    }
    if (td_fsm_state (&call->fsm) == TD_CALL_ATTEMPTING) {
        td_fsm_enter (&call->fsm, TD_CALL_CALLING);
    }
    if (call->a->offer == NULL) {
        originate (call, leg, NULL);
    } else {
        td_bridge_offer (call->bridge, call->a->termination, leg->termination, call->a->offer,
                         (TdBridgeTag){ leg->id, STEP_FOR_ORIGINATE });
    }
}

static void
take_attempt_answer (TdCall *call, const TdHappening *what)
{
    TdCause cause;

    switch (what->answer->verdict) {
    case TD_HOOK_REFUSE:
        refuse (call, what);
        return;
    case TD_HOOK_SKIP:
        cause = td_cause (what->answer->cause != 0 ? what->answer->cause : TD_CAUSE_NO_CIRCUIT,
                          what->answer->reason);
        call->may_try_next = true;
        keep_cause (call, &cause);
        break;
    default:
        launch (call);
    }
    if (td_fsm_state (&call->fsm) < TD_CALL_ANSWERED) {
        ask_next (call);
    }
}

/* Leg A is to be told of early media, which only one leg at a time may have. */
static bool
may_be_heard (TdCall *call, TdChannel *leg, const TdLegEvent *event)
{
    if (event->description == NULL || call->a->offer == NULL
        || (call->early != NULL && call->early != leg)) {
        return false;
    }
    call->early = leg;
    return true;
}

static void
tell_early (TdCall *call, TdChannel *leg, const TdLegEvent *event)
{
    bool is_ringing = event->kind == LEG_RINGING;

    td_timer_start (&leg->timer, leg->no_answer_ms);
    if (may_be_heard (call, leg, event)) {
        td_bridge_answer (call->bridge, call->a->termination, leg->termination, call->a->offer,
                          event->description,
                          (TdBridgeTag){ leg->id, is_ringing ? STEP_FOR_RING : STEP_FOR_PROGRESS });
    } else if (is_ringing) {
        td_leg_ring (call->a, NULL);
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
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);

    for (unsigned i = 1; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (leg != winner && leg->gave_up == TD_CAUSE_NONE) {
            fail_leg (call, leg, &cause);
        }
    }
}

static void
answer (TdCall *call, TdDescription *description)
{
    call->is_untold = false;
    call->answered_us = td_clock_now_us ();
    call->answered_wall_us = td_clock_wall_us ();
    td_fsm_enter (&call->fsm, TD_CALL_ANSWERED);
    td_leg_answer (call->a, description);
    td_call_tell (call, FACT_ANSWERED, call->b);
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

/* LEG has answered first: the others go, and its media become leg A's. */
static void
take_winner (TdCall *call, TdChannel *leg, TdDescription *description)
{
    td_timer_stop (&leg->timer);
    td_hook_run_cancel (&call->hook);
    call->b = leg;
    release_losers (call, leg);
    call->cause = (TdCause){ 0 };
    if (call->a->offer != NULL) {
        td_bridge_answer (call->bridge, call->a->termination, leg->termination, call->a->offer,
                          description, (TdBridgeTag){ leg->id, STEP_FOR_ANSWER });
    } else {
        answer_without_offer (call, description);
    }
}

static void
take_early_step (TdCall *call, const TdHappening *what)
{
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
        ask_next (call);
        break;
    case STEP_FOR_RING:
    case STEP_FOR_PROGRESS:
        take_early_step (call, what);
        break;
    default:
        if (what->failure != NULL) {
            td_call_end (call, what->failure, "switch");
        } else {
            answer (call, what->out);
        }
    }
}

/* One leg of the group has failed or was given up. */
static void
take_failure (TdCall *call, TdChannel *leg, const TdCause *cause)
{
    if (leg == call->b) {
        td_call_end (call, cause, "called");
        return;
    }
    if (leg->gave_up != 0) {
        return;
    }
    fail_leg (call, leg, cause);
    if (!td_hook_run_is_active (&call->hook)) {
        ask_next (call);
    }
}

static void
take_timeout (TdCall *call, TdChannel *leg)
{
    bool has_answered_signs = td_channel_state (leg) > TD_CHANNEL_CALLING;
    TdCause cause =
        td_cause (has_answered_signs ? TD_CAUSE_NO_ANSWER : TD_CAUSE_NO_USER_RESPONDING, NULL);

    call->may_try_next = true; /* nobody said no */
    fail_leg (call, leg, &cause);
    if (!td_hook_run_is_active (&call->hook)) {
        ask_next (call);
    }
}

static void
hunting (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;

    if (is_end (call, event, what)) {
        return;
    }
    switch (event) {
    case CALL_HOOK_ANSWERED:
        take_attempt_answer (call, what);
        break;
    case LEG_PROCEEDING:
        td_timer_start (&what->leg->timer, what->leg->no_answer_ms);
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
    case LEG_OFFERED: /* before the caller was answered: not now (RFC 3261 14.2) */
        td_leg_refuse (what->leg, &(TdCause){ 0 });
        break;
    default: /* digits and media events do not change who is called */
        break;
    }
}

/* --- Answered ---------------------------------------------------------------------------- */

/* The party that hung up has release control, or nobody has more of it. */
static bool
may_end (const TdCall *call, const TdChannel *leg)
{
    switch (call->release_control) {
    case TD_CONTROL_CALLING:
        return leg == call->a;
    case TD_CONTROL_CALLED:
        return leg == call->b;
    case TD_CONTROL_FIRST:
        break;
    }
    return true;
}

static void
take_hangup (TdCall *call, const TdHappening *what)
{
    const char *by = what->leg == call->a ? "calling" : "called";

    if (what->leg != call->a && what->leg != call->b) {
        return; /* a leg that was given up before has cleared */
    }
    if (may_end (call, what->leg) || call->settings->guard_ms == 0
        || td_call_other (call, what->leg) == NULL) {
        td_call_end (call, &what->event->cause, by);
        return;
    }
    call->cause = what->event->cause;
    td_timer_start (&call->guard, call->settings->guard_ms);
}

static void
take_media (TdCall *call, const TdHappening *what)
{
    TdCause cause;

    switch (what->media_kind) {
    case TD_MEDIA_BROKEN:
        cause = td_cause (TD_CAUSE_TEMPORARY_FAILURE, "The media provider failed");
        td_call_end (call, &cause, "switch");
        break;
    case TD_MEDIA_DIGIT:
        break;
    case TD_MEDIA_SILENCE:
    case TD_MEDIA_FLOWING:
        td_call_tell (call, FACT_MEDIA, NULL);
        break;
    }
}

static void
answered (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;
    TdChannel *other;

    switch (event) {
    case LEG_RELEASED:
        take_hangup (call, what);
        break;
    case CALL_RELEASE:
        td_call_end (call, what->failure, "switch");
        break;
    case CALL_GUARD_TIMEOUT:
        td_call_end (call, &call->cause, "called");
        break;
    case LEG_OFFERED:
        td_exchange_take_offer (call, what);
        break;
    case LEG_OFFER_ANSWERED:
        td_exchange_take_answer (call, what);
        break;
    case LEG_OFFER_REFUSED:
        td_exchange_take_refusal (call, what);
        break;
    case CALL_STEPPED:
        td_exchange_take_step (call, what);
        break;
    case LEG_DIGIT:
        other = td_call_other (call, what->leg);
        if (other != NULL) {
            td_leg_digit (other, what->event->digit, what->event->duration_ms);
        }
        break;
    case CALL_MEDIA:
        take_media (call, what);
        break;
    default:
        break;
    }
}

/* --- The table --------------------------------------------------------------------------- */

#define ALWAYS (TD_BIT (LEG_RELEASED) | TD_BIT (CALL_RELEASE))
#define HUNTING_EVENTS                                                                             \
    (ALWAYS | TD_BIT (CALL_HOOK_ANSWERED) | TD_BIT (LEG_PROCEEDING) | TD_BIT (LEG_RINGING)         \
     | TD_BIT (LEG_PROGRESSED) | TD_BIT (LEG_ANSWERED) | TD_BIT (CALL_LEG_TIMEOUT)                 \
     | TD_BIT (CALL_STEPPED) | TD_BIT (CALL_MEDIA) | TD_BIT (CALL_CLOSED) | TD_BIT (LEG_OFFERED)   \
     | TD_BIT (LEG_DIGIT) | TD_BIT (LEG_MORE_DIGITS))

static const TdState states[] = {
    [TD_CALL_ADMITTING] = {
        .name = "admitting",
        .events = ALWAYS | TD_BIT (CALL_HOOK_ANSWERED) | TD_BIT (LEG_MORE_DIGITS)
                  | TD_BIT (LEG_DIGIT),
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_RELEASING),
        .action = admitting,
    },
    [TD_CALL_ROUTING] = {
        .name = "routing",
        .events = ALWAYS | TD_BIT (CALL_HOOK_ANSWERED) | TD_BIT (LEG_MORE_DIGITS)
                  | TD_BIT (LEG_DIGIT),
        .next = TD_BIT (TD_CALL_COLLECTING) | TD_BIT (TD_CALL_ATTEMPTING)
                | TD_BIT (TD_CALL_RELEASING),
        .action = routing,
        .enter = enter_routing,
    },
    [TD_CALL_COLLECTING] = {
        .name = "collecting",
        .events = ALWAYS | TD_BIT (CALL_DIGIT_TIMEOUT) | TD_BIT (LEG_MORE_DIGITS)
                  | TD_BIT (LEG_DIGIT),
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_RELEASING),
        .action = collecting,
        .timer = { .name = "inter-digit", .default_ms = 4000, .event = CALL_DIGIT_TIMEOUT },
    },
    [TD_CALL_ATTEMPTING] = {
        .name = "attempting",
        .events = HUNTING_EVENTS,
        .next = TD_BIT (TD_CALL_CALLING) | TD_BIT (TD_CALL_RELEASING),
        .action = hunting,
        .enter = enter_attempting,
    },
    [TD_CALL_CALLING] = {
        .name = "calling",
        .events = HUNTING_EVENTS,
        .next = TD_BIT (TD_CALL_ATTEMPTING) | TD_BIT (TD_CALL_ALERTING)
                | TD_BIT (TD_CALL_ANSWERED) | TD_BIT (TD_CALL_RELEASING),
        .action = hunting,
    },
    [TD_CALL_ALERTING] = {
        .name = "alerting",
        .events = HUNTING_EVENTS,
        .next = TD_BIT (TD_CALL_ATTEMPTING) | TD_BIT (TD_CALL_ANSWERED)
                | TD_BIT (TD_CALL_RELEASING),
        .action = hunting,
    },
    [TD_CALL_ANSWERED] = {
        .name = "answered",
        .events = ALWAYS | TD_BIT (CALL_GUARD_TIMEOUT) | TD_BIT (LEG_OFFERED)
                  | TD_BIT (LEG_OFFER_ANSWERED) | TD_BIT (LEG_OFFER_REFUSED)
                  | TD_BIT (CALL_STEPPED) | TD_BIT (LEG_DIGIT) | TD_BIT (CALL_MEDIA),
        .next = TD_BIT (TD_CALL_RELEASING),
        .action = answered,
    },
    [TD_CALL_RELEASING] = {
        .name = "releasing",
        .events = (TD_BIT (N_CALL_EVENTS) - 1) & ~TD_BIT (CALL_HOOK_ANSWERED)
                  & ~TD_BIT (CALL_DIGIT_TIMEOUT) & ~TD_BIT (CALL_STEPPED),
        .next = TD_BIT (TD_CALL_ENDED),
        .action = releasing,
        .enter = enter_releasing,
        .timer = { .name = "release-timeout", .default_ms = 40000,
                   .event = CALL_RELEASE_TIMEOUT },
    },
    [TD_CALL_ENDED] = { .name = "ended", .enter = enter_ended },
};

static const char *const event_names[N_CALL_EVENTS] = {
    [LEG_PROCEEDING] = "leg-proceeding",
    [LEG_RINGING] = "leg-ringing",
    [LEG_PROGRESSED] = "leg-progressed",
    [LEG_ANSWERED] = "leg-answered",
    [LEG_OFFERED] = "leg-offered",
    [LEG_OFFER_ANSWERED] = "leg-offer-answered",
    [LEG_OFFER_REFUSED] = "leg-offer-refused",
    [LEG_DIGIT] = "leg-digit",
    [LEG_MORE_DIGITS] = "leg-more-digits",
    [LEG_RELEASED] = "leg-released",
    [CALL_LEG_TIMEOUT] = "leg-timeout",
    [CALL_HOOK_ANSWERED] = "hook-answered",
    [CALL_STEPPED] = "bridge-stepped",
    [CALL_MEDIA] = "media",
    [CALL_DIGIT_TIMEOUT] = "digit-timeout",
    [CALL_RELEASE] = "release",
    [CALL_RELEASE_TIMEOUT] = "release-timeout",
    [CALL_CLOSED] = "bridge-closed",
    [CALL_GUARD_TIMEOUT] = "guard-timeout",
};

static uint32_t
timeout_ms (void *self, unsigned state)
{
    const TdCall *call = self;

    return state == TD_CALL_COLLECTING ? call->settings->digit_ms : call->settings->release_ms;
}

static void
expired (void *self, unsigned event)
{
    td_call_happen (self, (TdCallEvent) event, &(TdHappening){ 0 });
}

const TdMachine td_call_machine = {
    .name = "call",
    .states = states,
    .n_states = G_N_ELEMENTS (states),
    .events = event_names,
    .n_events = N_CALL_EVENTS,
    .timeout_ms = timeout_ms,
    .expired = expired,
};
