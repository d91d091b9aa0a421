/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is on a call, for hooks, drivers and commands to read; and what they may change of it, which has it done at
 * once and is no step of the call's own. */

#include "call/call.h"

#include "base/owner.h"
#include "run/lane.h"

#include <tandem/log.h>

/* --- What it is -------------------------------------------------------------------------- */

TdId
td_call_id (const TdCall *call)
{
    return call->id;
}

TdCall *
td_call_find (TdId id)
{
    return td_id_table_find (td_lane_ids (td_lane_current ()), TD_ID_CALL, id);
}

TdCallState
td_call_state (const TdCall *call)
{
    return td_fsm_state (&call->fsm);
}

const char *
td_call_state_name (const TdCall *call)
{
    return td_fsm_state_name (&call->fsm);
}

TdChannel *
td_call_incoming (const TdCall *call)
{
    return call->a;
}

bool
td_call_leg_is_live (const TdChannel *leg)
{
    return !leg->is_incoming && leg->gave_up == 0 && td_channel_is_alive (leg)
           && td_fsm_state (&leg->fsm) != TD_CHANNEL_RELEASING;
}

TdChannel *
td_call_outgoing (const TdCall *call)
{
    for (unsigned i = 1; call->b == NULL && i < call->legs->len; i++) {
        if (td_call_leg_is_live (call->legs->pdata[i])) {
            return call->legs->pdata[i];
        }
    }
    return call->b;
}

TdChannel *
td_call_other (const TdCall *call, const TdChannel *leg)
{
    TdChannel *other = leg == call->a ? call->b : leg == call->b ? call->a : NULL;

    return other != NULL && td_fsm_state (&other->fsm) == TD_CHANNEL_ANSWERED ? other : NULL;
}

const TdParty *
td_call_calling (const TdCall *call)
{
    return &call->calling;
}

const TdParty *
td_call_called (const TdCall *call)
{
    return &call->called;
}

TdAttributes *
td_call_attributes (TdCall *call)
{
    return call->attributes;
}

const TdPriority *
td_call_priority (const TdCall *call)
{
    return &call->priority;
}

TdConfig *
td_call_config (const TdCall *call)
{
    return call->settings->config;
}

const char *
td_call_trunk (const TdCall *call)
{
    if (call->question != NULL) {
        return call->question->trunk;
    }
    return call->a != NULL ? td_channel_trunk (call->a) : call->gone_a.trunk;
}

int64_t
td_call_time_us (const TdCall *call)
{
    return call->question != NULL ? call->question->time_us : call->started_wall_us;
}

/* --- Why it goes where it goes ----------------------------------------------------------- */

bool
td_call_is_explained (const TdCall *call)
{
    return call->question != NULL && call->question->explain != NULL;
}

void
td_call_explain (TdCall *call, const char *step, const char *format, ...)
{
    va_list arguments;

    if (!td_call_is_explained (call)) {
        return;
    }
    va_start (arguments, format);
    g_autofree char *text = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    call->question->explain (step, text, call->question->data);
}

/* --- Its target, for those who are asked about an attempt -------------------------------- */

const TdTarget *
td_call_target (const TdCall *call)
{
    return call->routes != NULL && call->next_target > 0
               ? td_route_list_target (call->routes, call->target)
               : NULL;
}

unsigned
td_call_target_tries (const TdCall *call)
{
    unsigned n_tries = 0;

    for (unsigned i = 0; i < call->legs->len; i++) {
        const TdChannel *leg = call->legs->pdata[i];
        n_tries += leg != call->a && leg->route_target == call->target;
    }
    return n_tries;
}

void
td_call_hold (TdCall *call, TdHold *hold)
{
    g_return_if_fail (td_call_target (call) != NULL);
    td_hold_add (&call->holds, hold);
}

void
td_call_set_address (TdCall *call, const char *address)
{
    char *old = call->address;

    call->address = g_strdup (address);
    g_free (old);
}

void
td_call_set_trunk (TdCall *call, const char *trunk)
{
    char *old = call->trunk;

    call->trunk = g_strdup (trunk);
    g_free (old);
}

void
td_call_set_number (TdCall *call, const char *number)
{
    char *old = call->number;

    call->number = g_strdup (number);
    g_free (old);
}

TdAttributes *
td_call_target_attributes (TdCall *call)
{
    return call->target_attributes;
}

/* --- What may be changed ----------------------------------------------------------------- */

void
td_call_set_called (TdCall *call, const TdParty *called)
{
    call->called = *called;
}

void
td_call_set_release_control (TdCall *call, TdReleaseControl control)
{
    call->release_control = control;
}

bool
td_call_may_raise (TdModule *module)
{
    if (!td_owner_of (module)->may_raise_priority) {
        td_log_error (module, "priority",
                      "it may not raise a call's class: its descriptor does not provide "
                      "priority.class");
        return false;
    }
    return true;
}

bool
td_call_take_priority (TdCall *call, const TdPriority *priority, bool is_late)
{
    if (priority->priority_class <= call->priority.priority_class
        || priority->priority_class > TD_CLASS_MAX) {
        return false;
    }
    call->priority = *priority;
    call->is_class_late = is_late;
    td_seat_raise (&call->seat, priority->priority_class);
    if (call->bridge != NULL) {
        td_bridge_set_class (call->bridge, priority->priority_class);
    }
    for (unsigned i = 0; i < call->legs->len; i++) {
        td_leg_reclassify (call->legs->pdata[i]);
    }
    td_call_tell (call, FACT_PRIORITY, NULL);
    return true;
}

bool
td_call_raise_priority (TdModule *module, TdCall *call, const TdPriority *priority, bool is_late)
{
    return td_call_may_raise (module) && td_call_take_priority (call, priority, is_late);
}
