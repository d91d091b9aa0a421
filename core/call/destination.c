/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where an attempt goes, and the leg that is made for it. */

#include "call/call.h"

#include <string.h>

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

/* Another number for PARTY, who keeps name, host and the right to be shown. */
static bool
renumber (TdParty *party, const char *number)
{
    TdParty other;

    if (!td_party_from_number (&other, number)) {
        return false;
    }
    memcpy (party->digits, other.digits, sizeof party->digits);
    memcpy (party->user, other.user, sizeof party->user);
    party->nature = other.nature;
    return true;
}

/* Who calls, and whom: the numbers to send, or those that came. */
static bool
set_parties (TdCall *call, TdChannel *leg)
{
    const TdTarget *target = td_call_target (call);

    leg->calling = call->calling;
    leg->called = call->called;
    if (target->calling != NULL && !renumber (&leg->calling, target->calling)) {
        return false;
    }
    return call->number == NULL || td_party_from_number (&leg->called, call->number)
           || td_party_from_user (&leg->called, call->number, call->called.host);
}

/* What the target says of a driver is about its own trunk. */
static void
take_address (TdDestination *to, const char *address)
{
    bool has_driver = to->target->driver != NULL && to->trunk_name == to->target->trunk;

    to->address = address;
    to->driver =
        has_driver ? g_strdup (to->target->driver) : g_strndup (address, strcspn (address, ":"));
}

bool
td_call_find_destination (TdCall *call, TdDestination *ret)
{
    const TdTarget *target = td_call_target (call);
    unsigned n_tries = td_call_target_tries (call);
    TdDestination to = { .target = target,
                         .trunk_name = call->trunk != NULL ? call->trunk : target->trunk };

    if (to.trunk_name != NULL) {
        to.trunk = g_hash_table_lookup (call->settings->trunks, to.trunk_name);
    }
    if (call->address != NULL) {
        take_address (&to, call->address);
    } else if (target->address != NULL) {
        take_address (&to, target->address);
    } else if (to.trunk != NULL && n_tries < to.trunk->members->len) {
        take_address (&to, g_array_index (to.trunk->members, TdMember, n_tries).address);
    } else {
        return false;
    }
    *ret = to;
    return true;
}

TdChannel *
td_call_make_leg (TdCall *call, const TdDestination *to, TdCause *ret_failure)
{
    const TdTarget *target = to->target;
    TdDriverEntry *driver = td_driver_acquire (to->driver, NULL);

    if (driver == NULL) {
        *ret_failure = td_cause (TD_CAUSE_DESTINATION_OUT_OF_ORDER, "No such endpoint driver");
        return NULL;
    }
    TdChannel *leg = td_channel_new_outgoing (call, driver, to->address);
    if (leg == NULL) {
        *ret_failure = td_cause (TD_CAUSE_CONGESTION, NULL);
        return NULL;
    }
    g_ptr_array_add (call->legs, leg);
    leg->is_treatment = call->failure.is_treated;
    leg->group = target->group;
    leg->route_target = call->target;
    leg->no_response_ms = or_default (target->no_response_ms, call->settings->no_response_ms);
    leg->no_answer_ms = or_default (target->no_answer_ms, call->settings->no_answer_ms);
    td_timer_init (&leg->timer, NULL, leg_expired);
    td_channel_set_trunk (leg, to->trunk_name);
    td_attributes_free (leg->attributes);
    leg->attributes = g_steal_pointer (&call->target_attributes);
    td_holds_move (&call->holds, leg);
    return leg;
}

static bool
is_through (const TdCall *call, const TdDestination *to, const TdChannel *leg)
{
    TdTrunkMedia media = to->trunk != NULL ? to->trunk->media : TRUNK_MEDIA_DEFAULT;

    if (leg->driver->driver.service != NULL) {
        return false;
    }
    return to->target->is_media_through || media == TRUNK_MEDIA_THROUGH
           || (media == TRUNK_MEDIA_DEFAULT && call->settings->is_through);
}

bool
td_call_prepare_leg (TdCall *call, const TdDestination *to, TdChannel *leg, TdCause *ret_failure)
{
    if (!set_parties (call, leg)) {
        *ret_failure = td_cause (TD_CAUSE_INVALID_NUMBER_FORMAT, NULL);
        return false;
    }
    if (!td_call_ensure_bridge (call, is_through (call, to, leg), ret_failure)) {
        return false;
    }
    g_autofree char *service = td_leg_service (leg);
    if (service != NULL && td_bridge_is_through (call->bridge)) {
        *ret_failure =
            td_cause (TD_CAUSE_BEARER_NOT_AVAILABLE, "Media run past the switch already");
        return false;
    }
    leg->termination = td_bridge_add (call->bridge, service, ret_failure);
    return leg->termination != TD_NO_TERMINATION;
}
