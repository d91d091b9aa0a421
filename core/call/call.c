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

#include <stdatomic.h>
#include <string.h>
#include <tandem/log.h>
#include <tandem/metric.h>

struct TdDeferred {
    TdDeferred *next;
    TdCallEvent event;
    TdHappening what;
    TdLegEvent leg_event; /* what WHAT points to */
    TdCause cause;
    TdHookAnswer answer;
    char *digits, *hook_name;
};

static struct {
    atomic_bool is_refusing;
    atomic_uint n_calls;
    TdLimit *limit;
    TdMetric *begun, *up;
} calls;

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
    atomic_fetch_add (&calls.n_calls, 1);
    td_metric_add (calls.begun, 1);
    td_metric_add (calls.up, 1);
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
    atomic_fetch_sub (&calls.n_calls, 1);
    td_metric_add (calls.up, -1);
}

/* Why a new call is not even begun, or TD_CAUSE_NONE. */
static unsigned
refusal (TdCall *call)
{
    if (atomic_load_explicit (&calls.is_refusing, memory_order_relaxed)) {
        return TD_CAUSE_TEMPORARY_FAILURE;
    }
    if (td_seat_take (&call->seat, calls.limit, call->priority.priority_class, false)
        != TD_SEAT_GRANTED) {
        return TD_CAUSE_CONGESTION;
    }
    return TD_CAUSE_NONE;
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
    unsigned refused_for = refusal (call);
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

/* --- What is on a call ------------------------------------------------------------------- */

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

/* --- Doing something to a call ----------------------------------------------------------- */

void
td_call_release (TdCall *call, const TdCause *cause)
{
    td_call_happen (call, CALL_RELEASE, &(TdHappening){ .failure = cause });
}

typedef struct {
    TdPost post; /* first */
    TdId id;
    TdCause cause;
} Release;

static void
drop_release (TdPost *post)
{
    g_free (post);
}

static void
run_release (TdPost *post)
{
    Release *release = (Release *) post;
    TdCall *call = td_call_find (release->id);

    if (call != NULL) {
        td_call_release (call, &release->cause);
    }
    g_free (release);
}

void
td_call_release_by_id (TdModule *module, TdId id, const TdCause *cause)
{
    if (td_id_lane (id) >= td_lane_count ()) {
        return;
    }
    Release *release = g_new0 (Release, 1);
    release->post = (TdPost){ .owner = module, .run = run_release, .drop = drop_release };
    release->id = id;
    release->cause = *cause;
    td_lane_post (td_lane_at (td_id_lane (id)), &release->post);
}

/* --- All calls --------------------------------------------------------------------------- */

typedef struct {
    void (*visit) (TdCall *call, void *data);
    void *data;
} Visit;

static bool
visit_one (TdId id, void *object, void *data)
{
    Visit *visit = data;

    visit->visit (object, visit->data);
    return true;
}

void
td_calls_each (void (*visit) (TdCall *call, void *data), void *data)
{
    td_id_table_each (td_lane_ids (td_lane_current ()), TD_ID_CALL, visit_one,
                      &(Visit){ visit, data });
}

uint32_t
td_calls_some (uint32_t first, uint32_t n_slots, bool (*visit) (TdId id, void *call, void *data),
               void *data)
{
    return td_id_table_some (td_lane_ids (td_lane_current ()), TD_ID_CALL, first, n_slots, visit,
                             data);
}

unsigned
td_calls_count (void)
{
    return atomic_load (&calls.n_calls);
}

void
td_calls_refuse_new (void)
{
    atomic_store (&calls.is_refusing, true);
}

void
td_calls_set_limit (const TdConfig *config)
{
    int64_t max_calls = td_config_number (config, "call", NULL, "max-calls");
    int64_t reserve = td_config_number (config, "call", NULL, "reserve");

    td_limit_set_capacity (calls.limit, (unsigned) max_calls);
    td_limit_reserve (calls.limit, TD_CLASS_ORDINARY + 1, (unsigned) (max_calls * reserve / 100));
}

static void
declare_metrics (void)
{
    calls.begun =
        td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                  .kind = TD_METRIC_COUNTER,
                                                  .name = "tandem_calls_total",
                                                  .help = "Calls that came, refused ones too." });
    calls.up = td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                         .kind = TD_METRIC_GAUGE,
                                                         .name = "tandem_calls",
                                                         .help = "Calls that are there, in any "
                                                                 "state." });
}

void
td_calls_open (const TdConfig *config)
{
    atomic_store (&calls.is_refusing, false);
    declare_metrics ();
    calls.limit = td_limit_new (NULL, "calls", 0, 0);
    td_calls_set_limit (config);
    td_hook_point_declare ("admit", NULL);
    td_hook_point_declare ("route", (void (*) (void *)) td_route_list_free);
    td_hook_point_declare ("attempt", NULL);
    td_hook_point_declare ("failed", (void (*) (void *)) td_route_list_free);
    td_machine_register (NULL, &td_call_machine);
    td_machine_register (NULL, &td_channel_machine);
    td_call_facts_open ();
    td_bridges_open ();
    td_adoption_open ();
}

void
td_calls_close (void)
{
    calls.limit = NULL; /* the core's owner has taken it back */
}
