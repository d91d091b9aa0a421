/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a call, from its admission to its end: its legs' places, and which members each of
 * its targets has tried.
 *
 *     admit    a leg comes in:  controls -> group_take ()                -> a hold on the leg
 *     attempt  a target's turn: controls -> hunting -> group_take ()     -> a hold on the leg to come
 *     facts    rings, answered, failed, ended: counted for the leg's group
 *
 * A call lives on one lane, and so does all that is here of it.
 */

#include "bandwidth.h"
#include "trunk.h"

#include <string.h>

typedef struct Call Call;

/* A leg with its place. Freed when it has ended and its call knows why. */
typedef struct Leg Leg;
struct Leg {
    TdHold hold; /* first */
    TrunkLeg leg;
    Trunk *trunk;
    Call *call; /* NULL: that has ended */
    Leg *next;  /* of the same call */
    bool has_ended;
};

typedef enum {
    BY_ITSELF,   /* by its own group */
    BY_OTHERS,   /* led to another group, before its own one is tried */
    BY_OVERFLOW, /* led to another group, because its own one had no place */
} TargetWay;

/* What was tried for one target of the route list. */
typedef struct {
    const TdTarget *target;
    TargetWay way;
    char *via;      /* the group it was led to */
    bool was_asked; /* the controls of its own group */
    Member *tried[GROUP_MAX_TRIES];
    unsigned n_tried;
} Try;

struct Call {
    TdId id; /* first: the key */
    Leg *legs;
    GPtrArray *tries;  /* Try */
    bool is_alternate; /* its first choice could not take it */
    bool was_placed, was_answered;
};

struct Calls {
    Trunk *trunk;
    const TdAttribute *retry_after;
    TdSubscription *facts; /* control lane */
    TdPost over;           /* the last call has ended, after the module was told to stop */
    atomic_bool is_over;
    atomic_uint n_calls;
    unsigned n_lanes;
    GHashTable *lanes[]; /* Call by id */
};

/* --- Calls of this lane ------------------------------------------------------------------ */

static void
forget_tried (Try *tried)
{
    while (tried->n_tried > 0) {
        member_unref (tried->tried[--tried->n_tried]);
    }
}

static void
free_try (void *data)
{
    Try *tried = data;

    forget_tried (tried);
    g_free (tried->via);
    g_free (tried);
}

static void
free_leg (Leg *leg)
{
    group_leg_clear (&leg->leg);
    g_free (leg);
}

/* The call is over: what was not concluded, the caller gave up. */
static void
free_call (void *data)
{
    Call *call = data;

    while (call->legs != NULL) {
        Leg *leg = call->legs;
        call->legs = leg->next;
        leg->call = NULL;
        group_leg_failed (&leg->leg, TD_CAUSE_NORMAL_CLEARING, false, td_clock_now_us (),
                          td_clock_wall_us ());
        if (leg->has_ended) {
            free_leg (leg);
        }
    }
    g_ptr_array_unref (call->tries);
    g_free (call);
}

static GHashTable *
calls_here (const Calls *calls)
{
    return calls->lanes[td_lane_index (td_lane_current ())];
}

static Call *
find_call (const Calls *calls, TdId id)
{
    return g_hash_table_lookup (calls_here (calls), &id);
}

static Call *
ensure_call (Calls *calls, TdId id)
{
    Call *call = find_call (calls, id);

    if (call == NULL) {
        call = g_new0 (Call, 1);
        call->id = id;
        atomic_fetch_add (&calls->n_calls, 1);
        call->tries = g_ptr_array_new_with_free_func (free_try);
        g_hash_table_insert (calls_here (calls), &call->id, call);
    }
    return call;
}

Calls *
calls_new (Trunk *trunk)
{
    unsigned n_lanes = td_lane_count ();
    Calls *calls = g_malloc0 (sizeof (Calls) + n_lanes * sizeof (GHashTable *));

    calls->trunk = trunk;
    calls->n_lanes = n_lanes;
    for (unsigned i = 0; i < n_lanes; i++) {
        calls->lanes[i] = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, free_call);
    }
    return calls;
}

void
calls_free (Calls *calls)
{
    for (unsigned i = 0; calls != NULL && i < calls->n_lanes; i++) {
        g_hash_table_unref (calls->lanes[i]);
    }
    g_free (calls);
}

/* Facts are heard as long as calls are known, also after the module was told to stop. */
static void
end_facts (TdPost *post)
{
    Calls *calls = (Calls *) ((char *) post - offsetof (Calls, over));

    td_bus_unsubscribe (g_steal_pointer (&calls->facts));
}

static void
forget_call (Calls *calls, const Call *call)
{
    g_hash_table_remove (calls_here (calls), &call->id);
    if (atomic_fetch_sub (&calls->n_calls, 1) == 1
        && td_module_is_stopping (calls->trunk->module)) {
        td_lane_post (td_lane_control (), &calls->over);
    }
}

void
calls_stop (Trunk *trunk)
{
    if (atomic_load (&trunk->calls->n_calls) == 0) {
        td_bus_unsubscribe (g_steal_pointer (&trunk->calls->facts));
    }
}

/* Whether a hook is asked in vain: another build, or nobody, is in charge from now on. */
static bool
is_in_charge (const Trunk *trunk)
{
    return atomic_load (&trunk->book->newest) == td_module_generation (trunk->module)
           && !td_module_is_stopping (trunk->module);
}

/* --- Legs -------------------------------------------------------------------------------- */

/* A peer that sends calls away for a while says so (RFC 3261 21.5.4). */
static void
heed_retry_after (const Trunk *trunk, Group *group, TdChannel *channel)
{
    const TdCause *cause = td_channel_cause (channel);
    int64_t seconds =
        td_attributes_number (td_channel_attributes (channel), trunk->calls->retry_after);

    if (cause->space == TD_CODE_SIP && cause->code == 503 && seconds > 0) {
        group_tell_level (group, 2, MIN (seconds, 3600) * G_USEC_PER_SEC, td_clock_now_us ());
    }
}

static void
unlink_leg (Leg *leg)
{
    Leg **link = &leg->call->legs;

    while (*link != leg) {
        link = &(*link)->next;
    }
    *link = leg->next;
    leg->call = NULL;
}

static void
leg_ended (TdHold *hold, TdChannel *channel)
{
    Leg *leg = (Leg *) hold;
    int64_t now_us = td_clock_now_us (), wall_us = td_clock_wall_us ();

    group_leave (&leg->leg, now_us, wall_us);
    leg->has_ended = true;
    if (channel == NULL) { /* no leg came of it */
        group_leg_failed (&leg->leg, TD_CAUSE_NETWORK_OUT_OF_ORDER, false, now_us, wall_us);
    } else if (leg->leg.way == WAY_OUT) {
        heed_retry_after (leg->trunk, leg->leg.group, channel);
    }
    if (leg->call != NULL && leg->leg.is_concluded) {
        unlink_leg (leg);
    }
    if (leg->call == NULL) {
        free_leg (leg);
    }
}

static Leg *
leg_new (Trunk *trunk, Call *call)
{
    Leg *leg = g_new0 (Leg, 1);

    leg->hold.owner = trunk->module;
    leg->hold.ended = leg_ended;
    leg->trunk = trunk;
    leg->call = call;
    return leg;
}

static void
link_leg (Leg *leg)
{
    leg->next = leg->call->legs;
    leg->call->legs = leg;
}

/* --- Questions --------------------------------------------------------------------------- */

static bool
is_hard_to_reach (const Trunk *trunk, const char *number)
{
    bool is_hard = false;

    if (atomic_load (&trunk->book->is_reach_on)) {
        pthread_mutex_lock (&trunk->book->lock);
        is_hard = reach_is_hard (trunk->book->reach, number, td_clock_now_us ());
        pthread_mutex_unlock (&trunk->book->lock);
    }
    return is_hard;
}

/* What the controls say; VIA of the answer is transfer full. */
static ControlAnswer
ask_controls (Trunk *trunk, ControlPoint point, TdCall *call, Group *group, bool is_alternate)
{
    ControlAnswer answer = { .verdict = CONTROL_PASS };
    const char *number = td_party_key (td_call_called (call));

    if (atomic_load (&trunk->book->n_controls) == 0) {
        return answer;
    }
    ControlQuestion question = {
        .trunk = group != NULL ? group->name : "",
        .code = number,
        .is_alternate = is_alternate,
        .is_hard_to_reach = is_hard_to_reach (trunk, number),
        .is_priority = td_call_priority (call)->priority_class > TD_CLASS_ORDINARY,
        .level = group != NULL ? states_level (trunk, group) : 0,
        .n_idle = group != NULL ? group_n_idle (group) : UINT32_MAX,
        .now_us = td_clock_now_us (),
        .wall_us = td_clock_wall_us (),
    };
    pthread_mutex_lock (&trunk->book->lock);
    answer = control_set_ask (trunk->book->controls, point, &question);
    answer.via = g_strdup (answer.via);
    pthread_mutex_unlock (&trunk->book->lock);
    if (answer.verdict != CONTROL_PASS && group != NULL) {
        group_count_control (group, answer.kind, question.now_us, question.wall_us);
    }
    return answer;
}

static TdHookAnswer
refuse (TdHookVerdict verdict, unsigned cause, const char *reason)
{
    return (TdHookAnswer){ .verdict = verdict, .cause = (uint8_t) cause, .reason = reason };
}

static TdHookAnswer
refuse_taken (TdHookVerdict verdict, TakeResult result)
{
    switch (result) {
    case TAKE_OUT_OF_SERVICE:
        return refuse (verdict, TD_CAUSE_NETWORK_OUT_OF_ORDER, "Trunk group out of service");
    case TAKE_NO_MEMBER:
        return refuse (verdict, TD_CAUSE_NETWORK_OUT_OF_ORDER, "No member in service");
    case TAKE_OVER_RATE:
        return refuse (verdict, TD_CAUSE_CONGESTION, "Too many calls a second");
    default:
        return refuse (verdict, TD_CAUSE_NO_CIRCUIT, "Trunk group full");
    }
}

static Demand
demand_of (const Trunk *trunk, TdCall *call, Way way, bool is_lesser)
{
    TdChannel *incoming = td_call_incoming (call);

    return (Demand){
        .way = way,
        .call = td_call_id (call),
        .module = trunk->module,
        .priority_class = td_call_priority (call)->priority_class,
        .is_lesser = is_lesser,
        .kbit_s = bandwidth_of (incoming != NULL ? td_channel_offer (incoming) : NULL),
        .now_us = td_clock_now_us (),
        .wall_us = td_clock_wall_us (),
    };
}

/* --- A leg comes in ---------------------------------------------------------------------- */

static TdHookAnswer
admit (Trunk *trunk, TdCall *call, TdChannel *incoming, Group *group)
{
    int64_t now_us = td_clock_now_us (), wall_us = td_clock_wall_us ();
    ControlAnswer control = ask_controls (trunk, AT_CALL, call, group, false);

    if (control.verdict == CONTROL_CANCEL) {
        if (group != NULL) {
            group_count (group, COUNT_IN_ATTEMPTS, now_us, wall_us);
        }
        return refuse (TD_HOOK_REFUSE, control.cause, "Network management");
    }
    if (group == NULL || incoming == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    Call *known = ensure_call (trunk->calls, td_call_id (call));
    Leg *leg = leg_new (trunk, known);
    Demand demand = demand_of (trunk, call, WAY_IN, false);
    TakeResult result = group_take (group, &leg->leg, &demand);
    if (result != TAKE_DONE) {
        g_free (leg);
        return refuse_taken (TD_HOOK_REFUSE, result);
    }
    link_leg (leg);
    td_channel_hold (incoming, &leg->hold);
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static TdHookAnswer
ask_admit (void *subject, TdToken *token, void *data)
{
    Trunk *trunk = data;
    TdChannel *incoming = td_call_incoming (subject);
    Group *group = incoming != NULL
                       ? group_table_find (trunk_groups (trunk), td_channel_trunk (incoming))
                       : NULL;

    if (!is_in_charge (trunk)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    return admit (trunk, subject, incoming, group);
}

/* --- A target's turn --------------------------------------------------------------------- */

/* What was tried for the present target of CALL; anew when it is asked about for the first time. */
static Try *
find_try (Call *known, TdCall *call)
{
    const TdTarget *target = td_call_target (call);
    Try *tried = NULL;

    for (unsigned i = 0; i < known->tries->len && tried == NULL; i++) {
        Try *one = known->tries->pdata[i];
        tried = one->target == target ? one : NULL;
    }
    if (tried == NULL) {
        tried = g_new0 (Try, 1);
        g_ptr_array_add (known->tries, tried);
    } else if (td_call_target_tries (call) > 0) {
        return tried;
    }
    forget_tried (tried);
    g_free (tried->via);
    *tried = (Try){ .target = target };
    return tried;
}

static void
lead_off (Try *tried, TargetWay way, const char *via)
{
    g_free (tried->via);
    tried->via = g_strdup (via);
    tried->way = way;
    forget_tried (tried);
}

/* What the controls say before the group of a target is tried. Returns whether ANSWER is to be given. */
static bool
is_kept_out (Trunk *trunk, TdCall *call, const Call *known, Group *group, Try *tried,
             TdHookAnswer *ret_answer)
{
    if (tried->was_asked || tried->way != BY_ITSELF) {
        return false;
    }
    tried->was_asked = true;
    ControlAnswer control = ask_controls (trunk, AT_TARGET, call, group, known->is_alternate);
    if (control.verdict == CONTROL_LEAD_OFF) {
        lead_off (tried, BY_OTHERS, control.via);
    }
    g_free ((char *) control.via);
    if (control.verdict == CONTROL_CANCEL) {
        *ret_answer = refuse (TD_HOOK_REFUSE, control.cause, "Network management");
    } else if (control.verdict == CONTROL_GO_ON) {
        *ret_answer = refuse (TD_HOOK_SKIP, control.cause, "Network management");
    }
    return control.verdict == CONTROL_CANCEL || control.verdict == CONTROL_GO_ON;
}

/* The group had no place for the call. Returns whether ANSWER, RESULT in words by now, is to be given;
 * otherwise the target is tried again. */
static bool
is_given_up (Trunk *trunk, TdCall *call, const Call *known, Group *group, Try *tried,
             TdHookAnswer *ret_answer)
{
    if (tried->way == BY_OTHERS) { /* now its own group */
        lead_off (tried, BY_ITSELF, NULL);
        return false;
    }
    if (tried->way == BY_OVERFLOW) {
        return true;
    }
    ControlAnswer control = ask_controls (trunk, AT_OVERFLOW, call, group, known->is_alternate);
    if (control.verdict == CONTROL_LEAD_OFF) {
        lead_off (tried, BY_OVERFLOW, control.via);
    } else if (control.verdict == CONTROL_CANCEL) {
        *ret_answer = refuse (TD_HOOK_REFUSE, control.cause, "Network management");
    }
    g_free ((char *) control.via);
    return control.verdict != CONTROL_LEAD_OFF;
}

static TakeResult
take_place (Trunk *trunk, TdCall *call, Call *known, Group *group, Try *tried)
{
    const TdTarget *target = td_call_target (call);
    Demand demand = demand_of (
        trunk, call, WAY_OUT,
        known->is_alternate || is_hard_to_reach (trunk, td_party_key (td_call_called (call))));
    Leg *leg = leg_new (trunk, known);

    demand.has_address = target->address != NULL && tried->via == NULL;
    demand.tried = tried->tried;
    demand.n_tried = tried->n_tried;
    TakeResult result = group_take (group, &leg->leg, &demand);
    if (result != TAKE_DONE) {
        g_free (leg);
        return result;
    }
    if (leg->leg.member != NULL) {
        g_autofree char *address = group_member_address (group, leg->leg.member);
        tried->tried[tried->n_tried++] = member_ref (leg->leg.member);
        td_call_set_address (call, address);
    }
    if (tried->via != NULL) {
        td_call_set_trunk (call, tried->via);
    }
    known->was_placed = true;
    link_leg (leg);
    td_call_hold (call, &leg->hold);
    return TAKE_DONE;
}

/* Tries the target by its group, or by those that the controls name. */
static TdHookAnswer
try_target (Trunk *trunk, TdCall *call, Call *known, Try *tried)
{
    const TdTarget *target = td_call_target (call);
    const GroupTable *groups = trunk_groups (trunk);
    TdHookAnswer answer = { .verdict = TD_HOOK_CONTINUE };

    for (;;) {
        const char *name = tried->via != NULL ? tried->via : target->trunk;
        Group *group = group_table_find (groups, name);
        if (group == NULL && tried->via == NULL) {
            return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
        }
        if (group != NULL && is_kept_out (trunk, call, known, group, tried, &answer)) {
            return answer;
        }
        if (tried->via != NULL && strcmp (tried->via, name) != 0) {
            continue; /* led off just now */
        }
        TakeResult result =
            group != NULL ? take_place (trunk, call, known, group, tried) : TAKE_NO_MEMBER;
        if (result == TAKE_DONE) {
            return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
        }
        answer = refuse_taken (TD_HOOK_SKIP, result);
        if (is_given_up (trunk, call, known, group, tried, &answer)) {
            return answer;
        }
    }
}

static TdHookAnswer
ask_attempt (void *subject, TdToken *token, void *data)
{
    Trunk *trunk = data;
    const TdTarget *target = td_call_target (subject);

    if (target->trunk == NULL || !is_in_charge (trunk)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    Call *known = ensure_call (trunk->calls, td_call_id (subject));
    known->is_alternate = target->group > 0;
    return try_target (trunk, subject, known, find_try (known, subject));
}

/* --- Facts ------------------------------------------------------------------------------- */

/* The leg out by TRUNK (nullable) that is not concluded, the one that rings first; the leg in. */
static Leg *
find_leg (const Call *call, Way way, const char *trunk)
{
    Leg *found = NULL;

    for (Leg *leg = call->legs; leg != NULL; leg = leg->next) {
        if (leg->leg.way == way && !leg->leg.is_concluded
            && (trunk == NULL || strcmp (leg->leg.group->name, trunk) == 0)
            && (found == NULL || leg->leg.alerted_us != 0)) {
            found = leg;
        }
    }
    return found;
}

static void
count_reach (const Trunk *trunk, const char *number, bool is_answered)
{
    if (number != NULL && atomic_load (&trunk->book->is_reach_on)) {
        pthread_mutex_lock (&trunk->book->lock);
        reach_count (trunk->book->reach, number, is_answered, td_clock_now_us ());
        pthread_mutex_unlock (&trunk->book->lock);
    }
}

static void
hear_alerting (const Call *call, const TdCallFact *fact, int64_t now_us, int64_t wall_us)
{
    Leg *out = find_leg (call, WAY_OUT, fact->called_trunk);

    if (out != NULL) {
        group_leg_alerted (&out->leg, now_us, wall_us);
    }
}

static void
hear_answered (Call *call, const TdCallFact *fact, int64_t now_us, int64_t wall_us)
{
    Leg *out = find_leg (call, WAY_OUT, fact->called_trunk);
    Leg *in = find_leg (call, WAY_IN, NULL);

    if (out != NULL) {
        group_leg_answered (&out->leg, now_us, wall_us);
        call->was_answered = true;
    }
    if (in != NULL) {
        group_leg_answered (&in->leg, now_us, wall_us);
    }
}

static void
hear_failed (const Call *call, const TdCallFact *fact, int64_t now_us, int64_t wall_us)
{
    Leg *out = find_leg (call, WAY_OUT, fact->called_trunk);

    if (out == NULL) {
        return;
    }
    group_leg_failed (&out->leg, fact->cause, fact->protocol_code != 0, now_us, wall_us);
    if (out->has_ended) {
        unlink_leg (out);
        free_leg (out);
    }
}

static uint32_t
loss_permille (int64_t received, int64_t lost)
{
    return received + lost > 0 && lost > 0 ? (uint32_t) (lost * 1000 / (received + lost)) : 0;
}

static void
grade (const Trunk *trunk, const char *name, int64_t received, int64_t lost, uint32_t jitter_us)
{
    Group *group = group_table_find (trunk_groups (trunk), name);

    if (group != NULL && received + lost > 0) {
        group_count (group, interval_grade (loss_permille (received, lost), jitter_us),
                     td_clock_now_us (), td_clock_wall_us ());
    }
}

static void
hear_ended (const Trunk *trunk, const Call *call, const TdCallFact *fact)
{
    grade (trunk, fact->calling_trunk, fact->packets_from_calling, fact->packets_lost_from_calling,
           fact->jitter_from_calling_us);
    grade (trunk, fact->called_trunk, fact->packets_from_called, fact->packets_lost_from_called,
           fact->jitter_from_called_us);
    if (call->was_placed) {
        count_reach (trunk, fact->called, call->was_answered);
    }
    forget_call (trunk->calls, call);
}

static void
hear (const TdFact *fact, void *data)
{
    const Trunk *trunk = data;
    Call *call = find_call (trunk->calls, fact->call);
    const char *name = td_topic_name (fact->topic);
    int64_t now_us = fact->monotonic_us, wall_us = fact->wall_us;

    if (call == NULL) {
        return;
    }
    if (strcmp (name, "call.alerting") == 0) {
        hear_alerting (call, fact->body, now_us, wall_us);
    } else if (strcmp (name, "call.answered") == 0) {
        hear_answered (call, fact->body, now_us, wall_us);
    } else if (strcmp (name, "call.attempt-failed") == 0) {
        hear_failed (call, fact->body, now_us, wall_us);
    } else {
        hear_ended (trunk, call, fact->body);
    }
}

bool
calls_start (Trunk *trunk, GError **error)
{
    const TdHook admission = {
        .size = sizeof (TdHook), .name = "trunk.admit", .data = trunk, .ask = ask_admit
    };
    const TdHook attempt = {
        .size = sizeof (TdHook), .name = "trunk.attempt", .data = trunk, .ask = ask_attempt
    };

    /* Whichever of us and the endpoint comes first declares it. */
    trunk->calls->retry_after = td_attribute_declare (
        trunk->module, "call.retry-after", TD_ATTRIBUTE_NUMBER, TD_ATTRIBUTE_RETURN,
        "Seconds after which a call that was refused may be tried again (RFC 3261 20.33).", error);
    if (trunk->calls->retry_after == NULL) {
        return false;
    }
    trunk->calls->over = (TdPost){ .owner = trunk->module, .run = end_facts, .drop = end_facts };
    trunk->calls->facts = td_bus_subscribe (
        trunk->module,
        TD_LIST ("call.alerting", "call.answered", "call.attempt-failed", "call.ended"), hear,
        trunk);
    return td_hook_add (trunk->module, "admit", &admission, error)
           && td_hook_add (trunk->module, "attempt", &attempt, error);
}
