/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call's life, and the rule that only one thing happens to it at a time.
 *
 * A verb given to a driver may bring events about before it returns. Whatever comes while the call
 * is in the middle of a step is kept and happens right after it, so no action ever finds the call
 * changed under its feet.
 */

#include "call/call.h"

#include "base/owner.h"
#include "run/lane.h"

#include <string.h>

struct TdDeferred {
    TdDeferred *next;
    TdCallEvent event;
    TdHappening what;
    TdLegEvent leg_event; /* what WHAT points to */
    TdCause cause;
    TdHookAnswer answer;
    char *digits, *hook_name;
};

/* --- One thing at a time ----------------------------------------------------------------- */

/* Keeps WHAT, and all it points to, for later. */
static void
defer (TdCall *call, TdCallEvent event, const TdHappening *what)
{
    TdDeferred *deferred = g_new0 (TdDeferred, 1);

    deferred->event = event;
    deferred->what = *what;
    if (what->event != NULL) {
        deferred->leg_event = *what->event;
        deferred->what.event = &deferred->leg_event;
        if (what->event->description != NULL) {
            td_description_ref (what->event->description);
        }
        deferred->leg_event.digits = deferred->digits = g_strdup (what->event->digits);
    }
    if (what->failure != NULL) {
        deferred->cause = *what->failure;
        deferred->what.failure = &deferred->cause;
    }
    if (what->answer != NULL) {
        deferred->answer = *what->answer;
        deferred->what.answer = &deferred->answer;
        deferred->what.hook_name = deferred->hook_name = g_strdup (what->hook_name);
    }
    if (what->out != NULL) {
        td_description_ref (what->out);
    }
    *call->last = deferred;
    call->last = &deferred->next;
}

static void
deferred_free (TdDeferred *deferred)
{
    g_clear_pointer (&deferred->leg_event.description, td_description_unref);
    g_clear_pointer (&deferred->what.out, td_description_unref);
    g_free (deferred->digits);
    g_free (deferred->hook_name);
    g_free (deferred);
}

static void call_free (TdCall *call);

static void
leave (TdCall *call)
{
    TdDeferred *deferred;

    while (call->depth == 1 && (deferred = call->first) != NULL) {
        call->first = deferred->next;
        if (call->first == NULL) {
            call->last = &call->first;
        }
        if (td_fsm_state (&call->fsm) != TD_CALL_ENDED) {
            td_fsm_dispatch (&call->fsm, deferred->event, &deferred->what);
        }
        deferred_free (deferred);
    }
    call->depth--;
    if (call->depth == 0 && td_fsm_state (&call->fsm) == TD_CALL_ENDED) {
        call_free (call);
    }
}

void
td_call_happen (TdCall *call, TdCallEvent event, const TdHappening *what)
{
    if (call->depth > 0) {
        defer (call, event, what);
        return;
    }
    call->depth++;
    td_fsm_dispatch (&call->fsm, event, (void *) what);
    leave (call);
}

/* A hook that answers at once, while the call is busy, has its answer kept: it is still to come. */
bool
td_call_is_asking (const TdCall *call)
{
    bool is_asking = td_hook_run_is_active (&call->hook);

    for (const TdDeferred *kept = call->first; !is_asking && kept != NULL; kept = kept->next) {
        is_asking = kept->event == CALL_HOOK_ANSWERED;
    }
    return is_asking;
}

void
td_call_ask_no_more (TdCall *call)
{
    TdDeferred **link = &call->first;

    td_hook_run_cancel (&call->hook);
    while (*link != NULL) {
        TdDeferred *kept = *link;
        if (kept->event == CALL_HOOK_ANSWERED) {
            *link = kept->next;
            td_route_list_free (kept->answer.payload);
            deferred_free (kept);
        } else {
            link = &kept->next;
        }
    }
    call->last = link;
}

/* --- Where things come from -------------------------------------------------------------- */

void
td_call_hear (TdCall *call, TdChannel *leg, const TdLegEvent *event)
{
    td_call_happen (call, (TdCallEvent) event->kind, &(TdHappening){ .leg = leg, .event = event });
}

void
td_call_release (TdCall *call, const TdCause *cause)
{
    td_call_happen (call, CALL_RELEASE, &(TdHappening){ .failure = cause });
}

static void
hook_settled (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    TdCall *call = run->subject;

    td_call_happen (call, CALL_HOOK_ANSWERED,
                    &(TdHappening){ .answer = answer, .hook_name = hook_name });
}

static void
stepped (void *owner, TdBridgeTag tag, TdDescription *out, const TdCause *failure)
{
    td_call_happen (owner, CALL_STEPPED,
                    &(TdHappening){ .tag = tag, .out = out, .failure = failure });
}

static void
media_event (void *owner, unsigned termination, TdMediaEventKind kind, int64_t value)
{
    td_call_happen (
        owner, CALL_MEDIA,
        &(TdHappening){ .termination = termination, .media_kind = kind, .value = value });
}

static void
guard_expired (TdTimer *timer)
{
    td_call_happen ((TdCall *) ((char *) timer - offsetof (TdCall, guard)), CALL_GUARD_TIMEOUT,
                    &(TdHappening){ 0 });
}

/* Each leg's termination is gone with the bridge; what it has seen stays with the leg. */
static void
bridge_closed (void *owner)
{
    TdCall *call = owner;

    for (unsigned i = 0; i < call->legs->len; i++) {
        TdChannel *leg = call->legs->pdata[i];
        const TdMediaStats *stats = td_bridge_stats (call->bridge, leg->termination);
        if (stats != NULL && leg->stats == NULL) {
            leg->stats = g_memdup2 (stats, sizeof (TdMediaStats));
        }
    }
    call->bridge = NULL;
    call->transfer.ringback = TD_NO_TERMINATION;
    td_call_happen (call, CALL_CLOSED, &(TdHappening){ 0 });
}

/* --- Life -------------------------------------------------------------------------------- */

static TdCall *
call_new (TdChannel *a)
{
    TdCall *call = g_new0 (TdCall, 1);

    call->id = td_id_table_add (td_lane_ids (td_lane_current ()), TD_ID_CALL, call);
    if (call->id == TD_ID_NONE) {
        g_free (call);
        return NULL;
    }
    call->last = &call->first;
    call->settings = td_call_settings_ref ();
    call->priority = *td_channel_priority (a); /* what was learnt before there was a call */
    call->a = a;
    a->call = call;
    call->legs = g_ptr_array_new ();
    g_ptr_array_add (call->legs, a);
    call->is_untold = true;
    call->transfer.ringback = TD_NO_TERMINATION;
    call->calling = a->calling;
    call->called = a->called;
    call->attributes = td_attributes_copy (a->attributes);
    call->hook.settled = hook_settled;
    call->hook.subject = call;
    call->started_us = td_clock_now_us ();
    call->started_wall_us = td_clock_wall_us ();
    td_timer_init (&call->guard, NULL, guard_expired);
    td_fsm_init (&call->fsm, NULL, &td_call_machine, call);
    td_calls_count_begun ();
    return call;
}

static void clear_trace (TdLegTrace *trace);

static void
call_free (TdCall *call)
{
    td_call_ask_no_more (call);
    while (call->first != NULL) {
        TdDeferred *deferred = call->first;
        call->first = deferred->next;
        deferred_free (deferred);
    }
    td_timer_stop (&call->guard);
    td_fsm_clear (&call->fsm);
    td_exchange_clear (&call->exchange);
    for (unsigned i = 0; i < call->legs->len; i++) {
        td_channel_free (call->legs->pdata[i]);
    }
    g_ptr_array_unref (call->legs);
    td_attributes_free (call->attributes);
    td_attributes_free (call->target_attributes);
    td_attributes_free (call->returned);
    td_failure_clear (&call->failure);
    td_transfer_clear (&call->transfer);
    td_redirects_free (call->redirects);
    g_free (call->route_label);
    if (call->exemptions != NULL) {
        g_string_free (call->exemptions, true);
    }
    if (call->carriers != NULL) {
        g_string_free (call->carriers, true);
    }
    if (call->preempted != NULL) {
        g_string_free (call->preempted, true);
    }
    td_route_list_free (call->routes);
    clear_trace (&call->gone_a);
    clear_trace (&call->gone_b);
    g_free (call->number);
    g_free (call->address);
    g_free (call->trunk);
    td_holds_end (&call->holds, NULL);
    td_call_settings_unref (call->settings);
    td_seat_give (&call->seat);
    td_id_table_remove (td_lane_ids (td_lane_current ()), call->id);
    g_free (call);
    td_calls_count_ended ();
}

void
td_call_start (TdChannel *a)
{
    TdCall *call = call_new (a);

    if (call == NULL) {
        TdCause cause = td_cause (TD_CAUSE_CONGESTION, "This lane carries all the calls it can");
        td_leg_release (a, &cause);
        return;
    }
    call->depth++;
    td_call_tell (call, FACT_STARTED, NULL);
    unsigned refused_for = td_calls_refusal (call);
    if (refused_for != TD_CAUSE_NONE) {
        TdCause cause = td_cause (refused_for, NULL);
        td_call_end (call, &cause, "switch");
    } else {
        td_hook_run_start (&call->hook, "admit");
    }
    leave (call);
}

bool
td_call_ensure_bridge (TdCall *call, bool is_through, TdCause *ret_failure)
{
    /* A bridge through which nobody was told anything may still become an anchored one. */
    if (call->bridge != NULL && td_bridge_is_through (call->bridge) && !is_through
        && call->is_untold) {
        td_bridge_close (call->bridge);
    }
    if (call->bridge != NULL) {
        return true;
    }
    call->bridge = td_bridge_new (
        &(TdBridgeOptions){
            .is_through = is_through,
            .can_transcode = call->settings->can_transcode,
            .timeout_ms = call->settings->media_ms,
            .priority_class = call->priority.priority_class,
            .owner = call,
            .stepped = stepped,
            .media_event = media_event,
            .closed = bridge_closed,
        },
        ret_failure);
    if (call->bridge == NULL) {
        return false;
    }
    g_autofree char *service = td_leg_service (call->a);
    call->a->termination = td_bridge_add (call->bridge, service, ret_failure);
    return call->a->termination != TD_NO_TERMINATION;
}

static void
keep_trace (TdLegTrace *trace, const TdChannel *leg)
{
    if (trace->trunk == NULL) {
        trace->trunk = g_strdup (td_channel_trunk (leg));
        trace->peer_address = g_strdup (leg->peer_address);
        trace->peer_id = g_strdup (leg->peer_id);
        trace->marks = g_strdup (leg->marks);
        trace->leg = leg->id;
    }
}

static void
clear_trace (TdLegTrace *trace)
{
    g_free (trace->trunk);
    g_free (trace->peer_address);
    g_free (trace->peer_id);
    g_free (trace->marks);
}

void
td_call_leave_leg (TdCall *call, TdChannel *leg, uint32_t grace_ms)
{
    g_ptr_array_remove (call->legs, leg);
    if (call->a == leg) {
        keep_trace (&call->gone_a, leg);
        call->a = NULL;
    } else {
        keep_trace (&call->gone_b, leg);
        call->b = NULL;
    }
    call->released_by = "switch";
    call->cause = td_cause (TD_CAUSE_NORMAL_CLEARING, "Transferred to another call");
    if (call->a != NULL || call->b != NULL) {
        td_timer_start (&call->guard, grace_ms);
    } else {
        td_call_happen (call, CALL_GUARD_TIMEOUT, &(TdHappening){ 0 });
    }
}

void
td_call_seat_leg (TdCall *call, TdChannel *leg, const TdChannel *old)
{
    TdCause failure;

    g_ptr_array_add (call->legs, leg);
    if (call->a == old) {
        call->a = leg;
    } else {
        call->b = leg;
    }
    td_timer_stop (&call->guard);
    call->released_by = NULL;
    call->cause = (TdCause){ 0 };
    if (call->bridge != NULL) {
        g_autofree char *service = td_leg_service (leg);
        leg->termination = td_bridge_add (call->bridge, service, &failure);
    }
    td_call_tell (call, FACT_UPDATED, NULL);
}
