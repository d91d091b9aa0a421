/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offer and answer between the legs of an answered call: hold, resume, other media.
 *
 *     X offers -> bridge -> offered to Y -> Y answers -> bridge -> X is told
 *
 * One exchange at a time; whoever offers meanwhile gets glare (RFC 3261 14.2, RFC 3264 4). A leg that
 * asks for an offer (a re-INVITE without a body) gets one from the other leg, whose exchange it then
 * is.
 */

#include "call/call.h"

#include "call/attribute.h"

void
td_exchange_clear (TdExchange *exchange)
{
    g_clear_pointer (&exchange->offer, td_description_unref);
    *exchange = (TdExchange){ 0 };
}

static void
begin (TdExchange *exchange, TdChannel *from, TdChannel *to, TdDescription *offer)
{
    td_exchange_clear (exchange);
    exchange->from = from;
    exchange->to = to;
    exchange->offer = offer != NULL ? td_description_ref (offer) : NULL;
}

/* Leg A came without an offer and is about to be answered with leg B's. */
void
td_exchange_begin_delayed (TdCall *call, TdDescription *offer)
{
    begin (&call->exchange, call->b, call->a, offer);
}

/* The exchange is over, and nothing is kept for its answer any more. */
static void
end_exchange (TdCall *call)
{
    td_exchange_clear (&call->exchange);
    if (call->bridge != NULL) {
        td_bridge_drop_spares (call->bridge);
    }
}

static void
refuse (TdCall *call, const TdCause *cause)
{
    TdChannel *from = call->exchange.from;
    bool is_ours = call->exchange.is_ours;

    end_exchange (call);
    if (!is_ours) {
        td_leg_refuse (from, cause);
    }
}

void
td_exchange_begin_ours (TdCall *call, TdChannel *leg)
{
    TdChannel *other = td_call_other (call, leg);

    if (other == NULL) {
        return;
    }
    begin (&call->exchange, other, leg, NULL);
    call->exchange.asker = other;
    call->exchange.is_ours = true;
    if (!td_leg_offer (leg, NULL)) {
        end_exchange (call);
    }
}

static bool
is_internal (const TdChannel *leg)
{
    return leg->driver->driver.service != NULL;
}

/* Carries the offer of the exchange to the other side. */
static void
carry_offer (TdCall *call)
{
    TdExchange *exchange = &call->exchange;

    if (is_internal (exchange->to)) {
        td_bridge_answer (call->bridge, exchange->from->termination, exchange->to->termination,
                          exchange->offer, NULL,
                          (TdBridgeTag){ exchange->to->id, STEP_FOR_ACCEPT });
    } else {
        td_bridge_offer (call->bridge, exchange->from->termination, exchange->to->termination,
                         exchange->offer, (TdBridgeTag){ exchange->to->id, STEP_FOR_REOFFER });
    }
}

/* Whether whoever offers this wants to hear nothing (RFC 3264 8.4; 0.0.0.0 is the way of RFC 2543). */
static bool
is_hold (const TdDescription *offer)
{
    bool has_media = false;

    for (unsigned i = 0; offer != NULL && i < offer->n_streams; i++) {
        const TdStream *stream = &offer->streams[i];
        bool hears = (stream->direction & TD_DIRECTION_RECVONLY) != 0
                     && g_strcmp0 (stream->address, "0.0.0.0") != 0;
        has_media |= stream->port != 0;
        if (stream->port != 0 && hears) {
            return false;
        }
    }
    return has_media;
}

/* Who called for help stays on the line for as long as the called party wants him (RFC 6443 13). */
static bool
may_hold (TdCall *call, const TdChannel *from)
{
    const TdAttribute *no_hold = td_attribute_find (TD_ATTRIBUTE_NO_HOLD);

    return from != call->a || no_hold == NULL
           || td_attributes_number (td_call_attributes (call), no_hold) == 0;
}

void
td_exchange_take_offer (TdCall *call, const TdHappening *what)
{
    static const TdCause glare = { 0 };
    TdChannel *from = what->leg, *to = td_call_other (call, from);

    if (call->exchange.from != NULL || to == NULL) {
        td_leg_refuse (from, &glare);
        return;
    }
    if (is_hold (what->event->description) && !may_hold (call, from)) {
        TdCause cause = td_cause (TD_CAUSE_BEARER_NOT_IMPLEMENTED, "No Hold In This Call");
        td_leg_refuse (from, &cause);
        return;
    }
    begin (&call->exchange, from, to, what->event->description);
    if (what->event->description != NULL) {
        carry_offer (call);
        return;
    }
    call->exchange.asker = from;
    if (is_internal (to) || !td_leg_offer (to, NULL)) {
        TdCause cause = td_cause (TD_CAUSE_BEARER_NOT_IMPLEMENTED, NULL);
        refuse (call, &cause);
    }
}

/* What leg A has said last of its media: what a call that is handed on goes by. */
static void
note_description (TdCall *call, const TdChannel *from, TdDescription *description)
{
    if (from == call->a && description != NULL) {
        td_description_ref (description);
        g_clear_pointer (&call->a->offer, td_description_unref);
        call->a->offer = description;
    }
}

void
td_exchange_take_answer (TdCall *call, const TdHappening *what)
{
    TdExchange *exchange = &call->exchange;
    TdDescription *description = what->event->description;

    if (exchange->asker != NULL && what->leg == exchange->to) {
        /* The offer that was asked for: from here on it is the answering leg's exchange. */
        TdChannel *asker = exchange->asker;
        unsigned purpose = exchange->is_ours ? STEP_FOR_REOFFER : STEP_FOR_REACCEPT;
        begin (exchange, what->leg, asker, description);
        td_bridge_offer (call->bridge, exchange->from->termination, exchange->to->termination,
                         description, (TdBridgeTag){ asker->id, purpose });
    } else if (what->leg == exchange->to && exchange->offer != NULL) {
        note_description (call, what->leg, description);
        td_bridge_answer (call->bridge, exchange->from->termination, exchange->to->termination,
                          exchange->offer, description,
                          (TdBridgeTag){ exchange->to->id, STEP_FOR_ACCEPT });
    }
}

void
td_exchange_take_refusal (TdCall *call, const TdHappening *what)
{
    if (call->exchange.from != NULL && what->leg == call->exchange.to) {
        refuse (call, &what->event->cause);
    }
}

/* The exchange came to an end the offering side is told of, or cannot be. */
static void
accept (TdCall *call, const TdHappening *what)
{
    TdChannel *from = call->exchange.from;

    if (what->failure != NULL) {
        refuse (call, what->failure);
        return;
    }
    note_description (call, from, call->exchange.offer);
    end_exchange (call);
    td_leg_accept (from, what->out);
    td_call_tell (call, FACT_UPDATED, NULL);
}

void
td_exchange_take_step (TdCall *call, const TdHappening *what)
{
    TdExchange *exchange = &call->exchange;

    if (what->tag.purpose == STEP_FOR_PLAY) {
        td_call_take_play_step (call, what);
        return;
    }
    if (exchange->from == NULL) {
        return;
    }
    switch (what->tag.purpose) {
    case STEP_FOR_REOFFER:
        if (what->failure != NULL) {
            refuse (call, what->failure);
        } else if (!td_leg_offer (exchange->to, what->out)) {
            TdCause cause = td_cause (TD_CAUSE_BEARER_NOT_IMPLEMENTED, NULL);
            refuse (call, &cause);
        }
        break;
    case STEP_FOR_REACCEPT:
        if (what->failure != NULL) {
            td_leg_refuse (exchange->to, what->failure);
            end_exchange (call);
        } else {
            td_leg_accept (exchange->to, what->out);
        }
        break;
    case STEP_FOR_ACCEPT:
        accept (call, what);
        break;
    default: /* early media that came when the call was up already */
        break;
    }
}
