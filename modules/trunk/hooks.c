/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked about calls: may this one come in by its group, by which group and member may it go out.
 *
 *     admit    a leg comes in:  controls -> group_take ()            -> a hold on the leg
 *     attempt  a target's turn: controls -> hunting -> group_take () -> a hold on the leg to come
 */

#include "bandwidth.h"
#include "calls.h"
#include "tally.h"

#include <string.h>

static void
forget_tried (Try *tried)
{
    while (tried->n_tried > 0) {
        member_unref (tried->tried[--tried->n_tried]);
    }
}

void
try_free (void *data)
{
    Try *tried = data;

    forget_tried (tried);
    g_free (tried->via);
    g_free (tried->full);
    g_free (tried);
}

/* Whether a hook is asked in vain: another build, or nobody, is in charge from now on. */
bool
hooks_are_in_charge (const Trunk *trunk)
{
    return atomic_load (&trunk->book->newest) == td_module_generation (trunk->module)
           && !td_module_is_stopping (trunk->module);
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
        .machine_level = machine_level (trunk),
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
    for (ControlKind kind = 0; kind < N_CONTROL_KINDS; kind++) {
        if ((answer.spared >> kind & 1) != 0) {
            td_call_add_exemption (call, control_kind_name (kind));
        }
    }
    if (answer.spared != 0 && group != NULL) {
        group_count_exemption (group, td_call_priority (call)->priority_class);
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

/* Whether KEY of GROUP lists NAME, or is not there. */
static bool
is_listed (const TdCall *call, const Group *group, const char *key, const char *name)
{
    const char *const *names = td_config_list (td_call_config (call), "trunk", group->name, key);

    for (unsigned i = 0; names != NULL && names[i] != NULL; i++) {
        if (g_ascii_strcasecmp (names[i], name) == 0) {
            return true;
        }
    }
    return names == NULL;
}

/* Whether CALL asks for help, whatever else it is marked with. */
static bool
is_emergency (TdCall *call)
{
    const TdAttribute *service = td_attribute_find ("emergency.service");

    return td_call_priority (call)->priority_class == TD_CLASS_EMERGENCY
           || (service != NULL
               && td_attributes_text (td_call_attributes (call), service, 0) != NULL);
}

Standing
hooks_standing (TdCall *call, const Group *group)
{
    const TdPriority *priority = td_call_priority (call);
    Standing standing = { .priority_class = priority->priority_class };

    if (priority->priority_class > TD_CLASS_ORDINARY) {
        standing.is_spared = priority->algorithm == TD_ALGORITHM_QUEUE || is_emergency (call)
                             || is_listed (call, group, "mlpp-spares", priority->name_space);
        standing.may_take = !standing.is_spared;
        standing.takes_equals =
            standing.may_take && priority->algorithm == TD_ALGORITHM_PREEMPT_EQUAL;
    }
    return standing;
}

Demand
hooks_demand (const Trunk *trunk, TdCall *call, const Group *group, Way way, bool is_lesser)
{
    TdChannel *incoming = td_call_incoming (call);

    return (Demand){
        .way = way,
        .call = td_call_id (call),
        .module = trunk->module,
        .priority_class = td_call_priority (call)->priority_class,
        .standing = hooks_standing (call, group),
        .is_lesser = is_lesser,
        .kbit_s = bandwidth_of (incoming != NULL ? td_channel_offer (incoming) : NULL),
        .now_us = td_clock_now_us (),
        .wall_us = td_clock_wall_us (),
    };
}

void
hooks_tell_exemptions (TdCall *call, const TrunkLeg *leg)
{
    static const struct {
        Exemption bit;
        const char *name;
    } names[] = { { EXEMPT_RATE, "rate" },
                  { EXEMPT_REST, "retry-after" },
                  { EXEMPT_PROBE, "probe" } };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        if ((leg->exempted & names[i].bit) != 0) {
            td_call_add_exemption (call, names[i].name);
        }
    }
}

/* --- A leg comes in ---------------------------------------------------------------------- */

static TdHookAnswer
admit (Trunk *trunk, TdCall *call, TdChannel *incoming, Group *group, TdToken *token)
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
    Call *known = calls_ensure (trunk->calls, td_call_id (call));
    Leg *leg = call_leg_new (trunk, known);
    Demand demand = hooks_demand (trunk, call, group, WAY_IN, false);
    demand.takeover = demand.standing.may_take ? succession_begin (trunk) : NULL;
    TakeResult result = group_take (group, &leg->leg, &demand);
    succession_end (trunk, call, known, demand.takeover);
    if (result != TAKE_DONE) {
        TdHookAnswer answer = refuse_taken (TD_HOOK_REFUSE, result);
        if (result == TAKE_FULL || result == TAKE_RESERVED) {
            answer = wait_for_admission (trunk, call, known, group, leg, token);
        }
        g_free (leg);
        return answer;
    }
    call_link_leg (leg);
    hooks_tell_exemptions (call, &leg->leg);
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

    if (!hooks_are_in_charge (trunk)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    return admit (trunk, subject, incoming, group, token);
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
    g_free (tried->full);
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
    if (tried->was_asked || tried->way != BY_ITSELF || known->granted != NULL) {
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

/* A leg with a place in GROUP: the one the call has waited for, or a new one. */
static TakeResult
make_leg (Trunk *trunk, TdCall *call, Call *known, Group *group, Try *tried, Leg **ret_leg)
{
    const TdTarget *target = td_call_target (call);

    if (known->granted != NULL && known->granted->leg.group == group) {
        *ret_leg = g_steal_pointer (&known->granted);
        return TAKE_DONE;
    }
    Demand demand = hooks_demand (
        trunk, call, group, WAY_OUT,
        known->is_alternate || is_hard_to_reach (trunk, td_party_key (td_call_called (call))));
    Leg *leg = call_leg_new (trunk, known);

    demand.has_address = target->address != NULL && tried->via == NULL;
    demand.tried = tried->tried;
    demand.n_tried = tried->n_tried;
    demand.takeover = demand.standing.may_take ? succession_begin (trunk) : NULL;
    TakeResult result = group_take (group, &leg->leg, &demand);
    succession_end (trunk, call, known, demand.takeover);
    tried->is_over_limit = leg->leg.is_over_limit;
    if (result != TAKE_DONE) {
        g_free (leg);
        return result;
    }
    *ret_leg = leg;
    return TAKE_DONE;
}

static TakeResult
take_place (Trunk *trunk, TdCall *call, Call *known, Group *group, Try *tried)
{
    Leg *leg;
    TakeResult result = make_leg (trunk, call, known, group, tried, &leg);

    if (result != TAKE_DONE) {
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
    call_link_leg (leg);
    hooks_tell_exemptions (call, &leg->leg);
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
        bool is_full = result == TAKE_FULL || result == TAKE_RESERVED;
        bool is_busy = is_full && group_is_line (group);
        if (is_full && !is_busy && tried->full == NULL) {
            tried->full = g_strdup (name);
        }
        answer = is_busy ? refuse (TD_HOOK_SKIP, TD_CAUSE_USER_BUSY, "The line is busy")
                         : refuse_taken (TD_HOOK_SKIP, result);
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

    if (target->trunk == NULL || !hooks_are_in_charge (trunk)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    Call *known = calls_ensure (trunk->calls, td_call_id (subject));
    known->is_alternate = target->group > 0;
    return try_target (trunk, subject, known, find_try (known, subject));
}

bool
hooks_add (Trunk *trunk, GError **error)
{
    const TdHook admission = {
        .size = sizeof (TdHook),
        .name = "trunk.admit",
        .after = TD_LIST ("priority.admit", "emergency.admit"), /* the class decides who waits */
        .deadline_ms = WAIT_DEADLINE_MS,
        .silence = { .verdict = TD_HOOK_REFUSE, .cause = TD_CAUSE_NO_CIRCUIT },
        .data = trunk,
        .ask = ask_admit,
        .cancel = wait_cancel,
    };
    const TdHook attempt = {
        .size = sizeof (TdHook), .name = "trunk.attempt", .data = trunk, .ask = ask_attempt
    };

    return td_hook_add (trunk->module, "admit", &admission, error)
           && td_hook_add (trunk->module, "attempt", &attempt, error);
}
