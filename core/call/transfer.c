/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A called leg that hands the call on: an application that has asked the caller whom he wants.
 *
 *     A --- answered --- B                                A --- answered --- C
 *     A hears and says digits; B: "hand it on to C" --->  routing, hunting, as of any call
 *
 * Leg A keeps the termination and the description it has: nothing but sound can be told to it, and what it says
 * is turned into what C understands. When A was not answered before, all goes as for a call that begins.
 */

#include "call/call.h"

#include <string.h>
#include <tandem/log.h>

void
td_transfer_clear (TdTransfer *transfer)
{
    g_free (transfer->dialled);
}

bool
td_call_is_handed_on (const TdCall *call)
{
    return call->transfer.is_answered;
}

/* --- What is heard ----------------------------------------------------------------------- */

static bool
is_internal (const TdChannel *leg)
{
    return leg != NULL && leg->driver->driver.service != NULL;
}

/* A termination that makes SERVICE, connected with leg A's once the bridge gets to it. */
static unsigned
add_sound (TdCall *call, const char *service, TdId leg)
{
    TdCause failure;
    unsigned index = td_bridge_add (call->bridge, service, &failure);

    if (index != TD_NO_TERMINATION) {
        td_bridge_play (call->bridge, call->a->termination, index,
                        (TdBridgeTag){ leg, STEP_FOR_PLAY });
    }
    return index;
}

bool
td_call_play (TdCall *call, TdChannel *leg, const char *service)
{
    if (call->bridge == NULL || td_bridge_is_closing (call->bridge) || call->a == NULL
        || !td_call_leg_is_live (leg) || !is_internal (leg)) {
        return false;
    }
    unsigned before = leg->termination;
    if (before != TD_NO_TERMINATION) {
        td_bridge_remove (call->bridge, before);
    }
    leg->termination = add_sound (call, service, leg->id);
    return leg->termination != TD_NO_TERMINATION;
}

void
td_call_take_play_step (TdCall *call, const TdHappening *what)
{
    TdChannel *leg = td_channel_find (what->tag.leg);

    if (what->failure == NULL) {
        return;
    }
    if (leg == NULL) { /* ringing that cannot be heard: the caller waits in silence */
        td_call_end_ringback (call);
    } else if (td_call_leg_is_live (leg)) {
        td_leg_played (leg);
    }
}

void
td_call_begin_ringback (TdCall *call)
{
    TdTransfer *transfer = &call->transfer;

    if (transfer->ringback == TD_NO_TERMINATION && call->bridge != NULL && call->a != NULL) {
        transfer->ringback = add_sound (call, call->settings->ringback, TD_ID_NONE);
    }
}

void
td_call_end_ringback (TdCall *call)
{
    unsigned ringback = call->transfer.ringback;

    call->transfer.ringback = TD_NO_TERMINATION;
    if (ringback != TD_NO_TERMINATION && call->bridge != NULL) {
        td_bridge_remove (call->bridge, ringback);
    }
}

/* --- What is said ------------------------------------------------------------------------ */

void
td_call_take_digit (TdCall *call, const TdHappening *what)
{
    TdChannel *to = call->b != NULL ? call->b : call->early;
    bool is_event = what->event != NULL; /* beside the media */

    if (call->a == NULL || !is_internal (to)) {
        return;
    }
    if (is_event && what->leg == call->a) {
        td_leg_digit (to, what->event->digit, what->event->duration_ms);
    } else if (!is_event && what->media_kind == TD_MEDIA_DIGIT
               && what->termination == call->a->termination) {
        td_leg_digit (to, (char) what->value, 0);
    }
}

/* --- Handing on -------------------------------------------------------------------------- */

/* LEG has done its part. Its events, and those of its termination, are for nobody any more. */
static void
let_go (TdCall *call, TdChannel *leg)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);

    leg->gave_up = TD_CAUSE_NORMAL_CLEARING;
    td_timer_stop (&leg->timer);
    td_leg_release (leg, &cause);
    if (call->bridge != NULL && leg->termination != TD_NO_TERMINATION) {
        td_bridge_forget (call->bridge, leg->id);
        td_bridge_remove (call->bridge, leg->termination);
        leg->termination = TD_NO_TERMINATION;
    }
    call->b = NULL;
    call->early = NULL;
}

/* What leg A and we have agreed on is what it offers from now on. */
static bool
settle (TdCall *call)
{
    TdChannel *a = call->a;
    TdDescription *agreed = NULL;

    if (call->exchange.from == a) {
        td_leg_refuse (a, &(TdCause){ 0 }); /* not now (RFC 3261 14.2) */
    }
    td_exchange_clear (&call->exchange);
    if (call->bridge != NULL && !td_bridge_is_through (call->bridge) && a->offer != NULL) {
        agreed = td_bridge_settle (call->bridge, a->termination, a->offer);
    }
    if (agreed == NULL) {
        return false;
    }
    td_description_unref (a->offer);
    a->offer = agreed;
    call->transfer.is_answered = true;
    return true;
}

/* What the call had failed for, or came to, before it was handed on is of no account now. */
static void
begin_anew (TdCall *call, const TdParty *called)
{
    if (call->transfer.dialled == NULL) {
        call->transfer.dialled = g_strdup (td_party_key (&call->called));
    }
    call->called = *called;
    call->called.is_complete = true;
    td_failure_clear (&call->failure);
    call->failure = (TdFailure){ 0 };
    call->cause = (TdCause){ 0 };
    call->released_by = NULL;
}

/* Who called for help is not sent to somebody else (RFC 6443 13). */
bool
td_call_may_be_handed_on (TdCall *call)
{
    const TdAttribute *no_transfer = td_attribute_find (TD_ATTRIBUTE_NO_TRANSFER);

    return no_transfer == NULL
           || td_attributes_number (td_call_attributes (call), no_transfer) == 0;
}

static void
refuse_transfer (TdCall *call, TdChannel *leg)
{
    TdCause cause = td_cause (TD_CAUSE_FACILITY_REJECTED, "This Call Is Not Handed On");
    char text[TD_ID_TEXT_SIZE];

    td_log_warning (td_channel_module (leg), td_id_print (call->id, text),
                    "the call is for help: it stays where it is and is not handed on");
    td_leg_refuse_transfer (leg, &cause);
}

void
td_call_take_transfer (TdCall *call, const TdHappening *what)
{
    TdParty called;
    bool is_answered = call->a != NULL && td_channel_state (call->a) == TD_CHANNEL_ANSWERED;

    if (!td_call_leg_is_live (what->leg) || (call->b != NULL && call->b != what->leg)) {
        return;
    }
    if (!td_call_may_be_handed_on (call)) {
        refuse_transfer (call, what->leg);
        return;
    }
    if (call->a == NULL || !td_party_from_number (&called, what->event->digits)) {
        td_call_end_for (call, TD_CAUSE_INVALID_NUMBER_FORMAT, NULL);
        return;
    }
    td_redirect_stop (call);
    let_go (call, what->leg);
    if (!is_answered) {
        TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);
        td_hunt_give_up (call, &cause); /* others that ring beside it */
    } else if (!settle (call)) {
        td_call_end_for (call, TD_CAUSE_BEARER_NOT_AVAILABLE, "Media run past the switch");
        return;
    }
    begin_anew (call, &called);
    td_fsm_enter (&call->fsm, TD_CALL_ROUTING);
}

void
td_call_connect (TdCall *call)
{
    td_bridge_unsettle (call->bridge, call->a->termination);
    call->transfer.connected_us = td_clock_now_us ();
    call->transfer.connected_wall_us = td_clock_wall_us ();
    td_fsm_enter (&call->fsm, TD_CALL_ANSWERED);
    td_call_tell (call, FACT_CONNECTED, call->b);
}
