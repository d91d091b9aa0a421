/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bridges: the media side of one call, how it begins, what is asked of it and what is known of it. */

#include "call/bridge-step.h"
#include "call/negotiate.h"
#include "run/lane.h"

/* --- Its beginning, and its legs --------------------------------------------------------- */

TdBridge *
td_bridge_new (const TdBridgeOptions *options, TdCause *ret_failure)
{
    TdProviderEntry *provider = options->is_through ? NULL : td_provider_acquire ();

    if (!options->is_through && provider == NULL) {
        *ret_failure = td_cause (TD_CAUSE_BEARER_NOT_AVAILABLE, "No media provider is running");
        return NULL;
    }
    TdBridge *bridge = g_new0 (TdBridge, 1);
    bridge->options = *options;
    bridge->provider = provider;
    td_bridge_seats_init (&bridge->seats);
    bridge->last = &bridge->first;
    bridge->keeper = TD_NO_TERMINATION;
    bridge->id = td_id_table_add (td_lane_ids (td_lane_current ()), TD_ID_BRIDGE, bridge);
    return bridge;
}

void
td_bridge_set_class (TdBridge *bridge, unsigned priority_class)
{
    bridge->options.priority_class = priority_class;
    for (unsigned i = 0; i < bridge->seats.n_seats; i++) {
        TdTermination *termination = td_bridge_seat_at (&bridge->seats, i)->termination;
        if (termination != NULL) {
            td_termination_set_class (termination, priority_class);
        }
    }
}

unsigned
td_bridge_add (TdBridge *bridge, const char *service, TdCause *ret_failure)
{
    TdTerminationKind kind = service != NULL ? TD_TERMINATION_INTERNAL : TD_TERMINATION_IP;

    if (bridge->provider != NULL && !td_provider_can (bridge->provider, kind, service)) {
        *ret_failure = td_cause (TD_CAUSE_BEARER_NOT_IMPLEMENTED,
                                 "The media provider has no such termination");
        return TD_NO_TERMINATION;
    }
    unsigned index =
        service == NULL ? td_bridge_seats_take_spare (&bridge->seats) : TD_NO_TERMINATION;
    if (index != TD_NO_TERMINATION) {
        return index;
    }
    index = td_bridge_seats_take_free (&bridge->seats);
    if (index == TD_NO_TERMINATION) {
        *ret_failure = td_cause (TD_CAUSE_RESOURCE_UNAVAILABLE, "Too many legs in one bridge");
    } else if (bridge->provider != NULL) {
        td_bridge_seat_at (&bridge->seats, index)->termination = td_termination_new (
            bridge->provider, bridge->id, index, kind, service, bridge->options.priority_class);
    }
    return index;
}

/* --- Steps that are asked for ------------------------------------------------------------ */

void
td_bridge_reserve (TdBridge *bridge, unsigned from, unsigned to, TdBridgeTag tag)
{
    td_bridge_ask (bridge,
                   &(TdStep){ .kind = TD_STEP_RESERVE, .from = from, .to = to, .tag = tag });
}

void
td_bridge_offer (TdBridge *bridge, unsigned from, unsigned to, TdDescription *offer,
                 TdBridgeTag tag)
{
    td_bridge_ask (
        bridge,
        &(TdStep){ .kind = TD_STEP_OFFER, .from = from, .to = to, .offer = offer, .tag = tag });
}

void
td_bridge_answer (TdBridge *bridge, unsigned from, unsigned to, TdDescription *offer,
                  TdDescription *answer, TdBridgeTag tag)
{
    TdBridgeSeat *seat = td_bridge_seat_find (&bridge->seats, to);

    if (seat != NULL) {
        seat->is_heard = true;
    }
    td_bridge_ask (bridge, &(TdStep){ .kind = TD_STEP_ANSWER,
                                      .from = from,
                                      .to = to,
                                      .offer = offer,
                                      .answer = answer,
                                      .tag = tag });
}

void
td_bridge_play (TdBridge *bridge, unsigned from, unsigned to, TdBridgeTag tag)
{
    td_bridge_ask (bridge, &(TdStep){ .kind = TD_STEP_PLAY, .from = from, .to = to, .tag = tag });
}

void
td_bridge_remove (TdBridge *bridge, unsigned index)
{
    td_bridge_ask (bridge, &(TdStep){ .kind = TD_STEP_REMOVE, .from = index, .to = index });
}

void
td_bridge_forget (TdBridge *bridge, TdId leg)
{
    td_bridge_forget_steps (bridge, false, leg);
}

void
td_bridge_close (TdBridge *bridge)
{
    g_return_if_fail (!bridge->is_closing);
    bridge->is_closing = true;
    td_bridge_forget_steps (bridge, true, TD_ID_NONE);
    td_bridge_ask (bridge, &(TdStep){ .kind = TD_STEP_CLOSE });
}

/* --- A leg's termination for the next one ------------------------------------------------ */

/* Whether nothing is known of the seat of INDEX but to us, and nothing is under way. */
static bool
may_be_spared (TdBridge *bridge, unsigned index)
{
    const TdBridgeSeat *seat = td_bridge_seat_at (&bridge->seats, index);
    const TdStep *step = bridge->first;

    return seat->is_placed && !seat->is_heard && !seat->is_leaving
           && (step == NULL || (step->from != index && step->to != index));
}

void
td_bridge_spare (TdBridge *bridge, unsigned index)
{
    if (may_be_spared (bridge, index)) {
        TdBridgeSeat *seat = td_bridge_seat_at (&bridge->seats, index);
        seat->is_spare = true;
        g_clear_pointer (&seat->told, td_description_unref);
    } else {
        td_bridge_remove (bridge, index);
    }
}

void
td_bridge_drop_spares (TdBridge *bridge)
{
    for (unsigned i = 0; i < bridge->seats.n_seats; i++) {
        TdBridgeSeat *seat = td_bridge_seat_at (&bridge->seats, i);
        if (seat->is_spare) {
            seat->is_spare = false;
            td_bridge_remove (bridge, i);
        }
    }
    if (bridge->provider != NULL && bridge->options.can_transcode && !bridge->is_closing) {
        td_bridge_ask (bridge, &(TdStep){ .kind = TD_STEP_SPARE });
    }
}

/* --- What a leg was told ----------------------------------------------------------------- */

TdDescription *
td_bridge_settle (TdBridge *bridge, unsigned index, const TdDescription *said)
{
    TdBridgeSeat *seat = td_bridge_seat_find (&bridge->seats, index);

    if (seat == NULL || seat->told == NULL) {
        return NULL;
    }
    seat->is_settled = true;
    return td_negotiate_agreed (said, seat->told);
}

void
td_bridge_unsettle (TdBridge *bridge, unsigned index)
{
    TdBridgeSeat *seat = td_bridge_seat_find (&bridge->seats, index);

    if (seat != NULL) {
        seat->is_settled = false;
    }
}

/* --- What is known of it ----------------------------------------------------------------- */

const TdMediaStats *
td_bridge_stats (TdBridge *bridge, unsigned index)
{
    const TdBridgeSeat *seat = td_bridge_seat_find (&bridge->seats, index);

    return seat != NULL && seat->has_stats ? &seat->stats : NULL;
}

/* No step: it changes nothing and need not wait for what does. */
bool
td_bridge_audit (TdBridge *bridge, unsigned index, TdMediaAnswered answered, void *data)
{
    const TdBridgeSeat *seat = td_bridge_seat_find (&bridge->seats, index);

    if (seat == NULL || !td_bridge_seat_is_known (seat)) {
        return false;
    }
    td_media_audit (seat->termination, bridge->options.timeout_ms, answered, data);
    return true;
}

bool
td_bridge_is_closing (const TdBridge *bridge)
{
    return bridge->is_closing;
}

TdId
td_bridge_id (const TdBridge *bridge)
{
    return bridge->id;
}

bool
td_bridge_is_through (const TdBridge *bridge)
{
    return bridge->options.is_through;
}

/* --- Events ------------------------------------------------------------------------------ */

static void
take_event (TdId id, unsigned termination, TdMediaEventKind kind, int64_t value)
{
    TdBridge *bridge = td_id_table_find (td_lane_ids (td_lane_current ()), TD_ID_BRIDGE, id);

    if (bridge != NULL && !bridge->is_closing) {
        bridge->options.media_event (bridge->options.owner, termination, kind, value);
    }
}

void
td_bridges_open (void)
{
    td_media_set_event_sink (take_event);
}
