/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call's way: admitted, routed, hunted, answered, released.
 *
 *     admitting -> routing -> attempting -> calling -> alerting -> answered
 *         |         |  |  ^     |  ^  ^        |          |           |
 *         |         |  v  |     |  |  +--crankback--------+           |
 *         |         |collecting |  |           |          |           |
 *         |         +-----------+--|-> failing <----------+           |
 *         |                        +-----+ |                          |
 *         +--------------------------------+--------------------------+-> releasing -> ended
 */

#include "call/call.h"

#include <string.h>
#include <tandem/log.h>

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

void
td_call_end_for (TdCall *call, unsigned value, const char *text)
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

    td_wait_abandon (call);
    td_call_ask_no_more (call);
    td_holds_end (&call->holds, NULL);
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
end_without_legs (TdCall *call, bool is_told)
{
    for (unsigned i = 0; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (td_channel_is_alive (leg)) {
            if (is_told) {
                td_log_error (td_channel_module (leg), leg->peer_id,
                              "its leg was not released within %u ms: the call ends without it",
                              call->settings->release_ms);
            }
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
        end_without_legs (call, ((const TdHappening *) data)->failure == NULL);
        break;
    default: /* what a leg still had to say */
        break;
    }
}

void
td_call_abandon (TdCall *call)
{
    TdCause cause = td_cause (TD_CAUSE_TEMPORARY_FAILURE, "The switch is stopping");
    TdHappening what = { .failure = &cause };

    td_call_happen (
        call, td_fsm_state (&call->fsm) == TD_CALL_RELEASING ? CALL_RELEASE_TIMEOUT : CALL_RELEASE,
        &what);
}

static bool
is_hunting (const TdCall *call)
{
    unsigned state = td_fsm_state (&call->fsm);

    return state >= TD_CALL_ATTEMPTING && state <= TD_CALL_ALERTING && call->b == NULL;
}

/* Every state before the release ends in the same ways. Returns whether EVENT was one of them. */
bool
td_call_is_end (TdCall *call, unsigned event, const TdHappening *what)
{
    if (event == CALL_RELEASE && what->is_told_why && is_hunting (call)) {
        call->failure.is_final = true;
        td_call_fail (call, what->failure, "switch", NULL);
        return true;
    }
    if (event == CALL_RELEASE) {
        td_call_end (call, what->failure, "switch");
        return true;
    }
    if (event == LEG_RELEASED && what->leg == call->a) {
        if (call->failure.is_treated) { /* who hangs up in the tone had not got through before */
            td_call_end_failed (call);
        } else {
            td_call_end (call, &what->event->cause, "calling");
        }
        return true;
    }
    return false;
}

/* --- Admitting, routing, collecting ------------------------------------------------------ */

/* Who is not let in is let go; of others it is asked what to do. */
static void
give_up (TdCall *call, unsigned cause, const char *reason)
{
    if (td_fsm_state (&call->fsm) == TD_CALL_ADMITTING) {
        td_call_end_for (call, cause, reason);
    } else {
        td_call_fail_for (call, cause, reason);
    }
}

void
td_call_refuse (TdCall *call, const TdHappening *what)
{
    const TdHookAnswer *answer = what->answer;
    unsigned cause = answer->cause != 0 ? answer->cause : TD_CAUSE_CALL_REJECTED;

    /* Callers cause it, as often as they like; the record of the call has the cause. */
    td_log_debug (NULL, what->hook_name, "refused a call: %s",
                  answer->reason != NULL ? answer->reason : td_cause_phrase (cause));
    if (td_fsm_state (&call->fsm) == TD_CALL_ADMITTING && call->failure.by != NULL) {
        td_call_end_failed (call); /* the hook has said more than its answer can */
    } else {
        give_up (call, cause, answer->reason);
    }
}

/* More of the called number. Returns false when it is too long to be one. */
static bool
append_digits (TdCall *call, const TdLegEvent *event)
{
    for (const char *digit = event->digits; digit != NULL && *digit != '\0'; digit++) {
        if (!td_party_add_digit (&call->called, *digit)) {
            give_up (call, TD_CAUSE_INVALID_NUMBER_FORMAT, "The number is too long");
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

    if (td_call_is_end (call, event, what)) {
        return;
    }
    if (event == LEG_MORE_DIGITS) {
        append_digits (call, what->event);
    } else if (event == CALL_HOOK_ANSWERED && what->answer->verdict == TD_HOOK_REFUSE) {
        td_call_refuse (call, what);
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
        td_call_fail_for (call, TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
        return;
    }
    td_hunt_begin (call, routes);
}

static void
want_more_digits (TdCall *call)
{
    if (call->has_more_digits) {
        enter_routing (call);
    } else if (call->called.is_complete) {
        td_call_fail_for (call, TD_CAUSE_INVALID_NUMBER_FORMAT, "The number is incomplete");
    } else {
        td_fsm_enter (&call->fsm, TD_CALL_COLLECTING);
    }
}

static void
take_route_answer (TdCall *call, const TdHappening *what)
{
    if (td_redirect_is_asking (call)) {
        td_redirect_take_routes (call, what->answer);
        return;
    }
    switch (what->answer->verdict) {
    case TD_HOOK_DONE:
        take_routes (call, what->answer->payload);
        break;
    case TD_HOOK_MORE_DIGITS:
        want_more_digits (call);
        break;
    case TD_HOOK_REFUSE:
        td_call_refuse (call, what);
        break;
    default:
        td_call_fail_for (call, TD_CAUSE_NO_ROUTE_TO_DESTINATION, NULL);
    }
}

static void
routing (void *self, unsigned event, void *data)
{
    TdCall *call = self;
    const TdHappening *what = data;

    if (td_call_is_end (call, event, what)) {
        return;
    }
    if (event == LEG_MORE_DIGITS) {
        /* Digits are of the number that the caller dials, and not of one that he was sent to. */
        call->has_more_digits |= !td_redirect_is_asking (call) && append_digits (call, what->event);
    } else if (event == CALL_HOOK_ANSWERED) {
        take_route_answer (call, what);
    } else if (event == LEG_OFFERED) { /* of a call that was handed on: not now (RFC 3261 14.2) */
        td_leg_refuse (what->leg, &(TdCause){ 0 });
    }
}

static void
collecting (void *self, unsigned event, void *data)
{
    TdCall *call = self;

    if (event == CALL_DIGIT_TIMEOUT) {
        call->called.is_complete = true;
        td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
    } else if (!td_call_is_end (call, event, data) && event == LEG_MORE_DIGITS
               && append_digits (call, ((TdHappening *) data)->event)) {
        td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
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

/* Who hung up without having release control, and did not come back. */
static const char *
gone_party (const TdCall *call)
{
    return call->a != NULL && td_channel_is_alive (call->a) ? "called" : "calling";
}

void
td_call_take_end_of_media (TdCall *call, const TdHappening *what)
{
    for (unsigned i = 0; what->media_kind == TD_MEDIA_ENDED && i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        if (leg->termination == what->termination) {
            td_leg_played (leg);
            return;
        }
    }
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
        td_call_take_digit (call, what);
        break;
    case TD_MEDIA_ENDED:
        td_call_take_end_of_media (call, what);
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
        td_call_end (call, &call->cause, gone_party (call));
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
    case LEG_TRANSFERRED:
        td_call_take_transfer (call, what);
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
     | TD_BIT (LEG_DIGIT) | TD_BIT (LEG_MORE_DIGITS) | TD_BIT (LEG_TRANSFERRED))
/* What may still come of the media of a call that was handed on. */
#define MEDIA_EVENTS (TD_BIT (CALL_STEPPED) | TD_BIT (CALL_MEDIA) | TD_BIT (LEG_OFFERED))

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
                  | TD_BIT (LEG_DIGIT) | MEDIA_EVENTS,
        .next = TD_BIT (TD_CALL_COLLECTING) | TD_BIT (TD_CALL_ATTEMPTING)
                | TD_BIT (TD_CALL_FAILING) | TD_BIT (TD_CALL_RELEASING),
        .action = routing,
        .enter = enter_routing,
    },
    [TD_CALL_COLLECTING] = {
        .name = "collecting",
        .events = ALWAYS | TD_BIT (CALL_DIGIT_TIMEOUT) | TD_BIT (LEG_MORE_DIGITS)
                  | TD_BIT (LEG_DIGIT),
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_FAILING) | TD_BIT (TD_CALL_RELEASING),
        .action = collecting,
        .timer = { .name = "inter-digit", .default_ms = 4000, .event = CALL_DIGIT_TIMEOUT },
    },
    [TD_CALL_ATTEMPTING] = {
        .name = "attempting",
        .events = HUNTING_EVENTS,
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_CALLING) | TD_BIT (TD_CALL_FAILING)
                | TD_BIT (TD_CALL_RELEASING),
        .action = td_hunt_act,
        .enter = td_hunt_enter,
    },
    [TD_CALL_CALLING] = {
        .name = "calling",
        .events = HUNTING_EVENTS,
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_ATTEMPTING)
                | TD_BIT (TD_CALL_ALERTING) | TD_BIT (TD_CALL_FAILING)
                | TD_BIT (TD_CALL_ANSWERED) | TD_BIT (TD_CALL_RELEASING),
        .action = td_hunt_act,
    },
    [TD_CALL_ALERTING] = {
        .name = "alerting",
        .events = HUNTING_EVENTS,
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_ATTEMPTING)
                | TD_BIT (TD_CALL_FAILING) | TD_BIT (TD_CALL_ANSWERED)
                | TD_BIT (TD_CALL_RELEASING),
        .action = td_hunt_act,
    },
    [TD_CALL_FAILING] = {
        .name = "failing",
        .events = HUNTING_EVENTS & ~TD_BIT (CALL_LEG_TIMEOUT),
        .next = TD_BIT (TD_CALL_ATTEMPTING) | TD_BIT (TD_CALL_RELEASING),
        .action = td_failing_act,
        .enter = td_failing_enter,
    },
    [TD_CALL_ANSWERED] = {
        .name = "answered",
        .events = ALWAYS | TD_BIT (CALL_GUARD_TIMEOUT) | TD_BIT (LEG_OFFERED)
                  | TD_BIT (LEG_OFFER_ANSWERED) | TD_BIT (LEG_OFFER_REFUSED)
                  | TD_BIT (CALL_STEPPED) | TD_BIT (LEG_DIGIT) | TD_BIT (CALL_MEDIA)
                  | TD_BIT (LEG_TRANSFERRED),
        .next = TD_BIT (TD_CALL_ROUTING) | TD_BIT (TD_CALL_RELEASING),
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
    [LEG_TRANSFERRED] = "leg-transferred",
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
