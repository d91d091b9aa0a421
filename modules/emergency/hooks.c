/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked about calls: which class they have, where they go, and that nobody took one.
 *
 *     admit   it is one: class 12, before anybody who refuses calls is asked, where the endpoint has not
 *             asked before; it is a PSAP's callback: the same, when it is known whether it is signed
 *     route   it is one: PSAPs, before anybody else who knows routes is asked
 *     failed  it was one, and no PSAP has taken it
 */

#include "emergency.h"

#include "plan.h"

#include <string.h>
#include <tandem/iface/priority.h>
#include <tandem/log.h>

enum { HOOK_MS = 60000 }; /* the budget of LoST is shorter */

/* --- What a call is ---------------------------------------------------------------------- */

static TdEmergencyKind
recognise (const Settings *settings, const TdCall *call, TdEmergencyAnswer *ret)
{
    TdEmergencyQuestion question = { .size = sizeof question,
                                     .trunk = td_call_trunk (call),
                                     .called = td_party_key (td_call_called (call)),
                                     .calling = td_call_calling (call) };

    ret->size = sizeof *ret;
    return settings_recognise (settings, &question, ret);
}

static TdPriority
make_priority (const char *name_space, const char *value, TdPriorityLearnt learnt)
{
    TdPriority priority = { .priority_class = TD_CLASS_EMERGENCY,
                            .algorithm = TD_ALGORITHM_QUEUE,
                            .learnt = (uint8_t) learnt };

    g_strlcpy (priority.name_space, name_space, sizeof priority.name_space);
    g_strlcpy (priority.value, value, sizeof priority.value);
    return priority;
}

static TdPriority
priority_of (const TdEmergencyAnswer *answer)
{
    return answer->is_number ? make_priority ("sos", "number", TD_LEARNT_NUMBER)
                             : make_priority ("sos", "sos", TD_LEARNT_SOS);
}

static void
raise_class (Emergency *emergency, TdCall *call, const TdPriority *priority, bool is_late)
{
    if (td_call_incoming (call) != NULL) { /* else it is only asked about */
        td_call_raise_priority (emergency->module, call, priority, is_late);
    }
}

/* --- Callbacks of PSAPs (RFC 7090 4) ------------------------------------------------------ */

static const TdAttribute *
mark_of (const TdAttributes *attributes)
{
    const TdAttribute *priority = td_attribute_find ("sip.header.priority");

    return priority != NULL && td_attributes_text (attributes, priority, 0) != NULL ? priority
                                                                                    : NULL;
}

static bool
is_callback_mark (const char *text)
{
    return g_ascii_strcasecmp (text, "psap-callback") == 0;
}

static bool
is_marked (const TdAttributes *attributes)
{
    const TdAttribute *priority = mark_of (attributes);
    const char *text;

    for (unsigned i = 0;
         priority != NULL && (text = td_attributes_text (attributes, priority, i)) != NULL; i++) {
        if (is_callback_mark (text)) {
            return true;
        }
    }
    return false;
}

/* RFC 7090 5.3: who cannot be verified loses the mark, and "the callback reverts to a normal call". */
static void
remove_mark (Emergency *emergency, TdCall *call)
{
    TdAttributes *attributes = td_call_attributes (call);
    const TdAttribute *priority = mark_of (attributes);
    g_autoptr (GStrvBuilder) others = g_strv_builder_new ();
    const char *text;

    for (unsigned i = 0; (text = td_attributes_text (attributes, priority, i)) != NULL; i++) {
        if (!is_callback_mark (text)) {
            g_strv_builder_add (others, text);
        }
    }
    g_auto (GStrv) kept = g_strv_builder_end (others);
    td_attributes_set_text (attributes, priority, NULL);
    for (char **one = kept; *one != NULL; one++) {
        td_attributes_add_text (attributes, priority, *one);
    }
    td_log_peer (emergency->module, "emergency.callback", td_call_trunk (call), NULL,
                 "the mark of a PSAP's callback is taken away: the call did not come from one, or "
                 "by a way that can be forged (callback-trunks, callback-interface), and no "
                 "signature says that it is one");
}

static bool
is_signed_callback (const TdAttributes *attributes)
{
    const TdAttribute *proof = td_attribute_find (TD_ATTRIBUTE_CALLBACK);

    return proof != NULL && td_attributes_text (attributes, proof, 0) != NULL;
}

static void
take_callback (Emergency *emergency, TdCall *call)
{
    bool is_known = td_attributes_number (td_call_attributes (call), emergency->callback) != 0;
    bool is_signed = !is_known && is_signed_callback (td_call_attributes (call));
    TdPriority priority =
        make_priority ("psap-callback", "", is_signed ? TD_LEARNT_SIGNATURE : TD_LEARNT_MARK);

    if (!is_known && !is_signed) {
        remove_mark (emergency, call);
        return;
    }
    td_attributes_set_number (td_call_attributes (call), emergency->callback, 1);
    raise_class (emergency, call, &priority, false);
    td_metric_add (emergency->callbacks, 1);
}

/* --- Classes ----------------------------------------------------------------------------- */

/* Endpoints that ask in time. */
void
hooks_classify (TdChannel *channel, const TdEmergencyWay *way, void *data)
{
    Emergency *emergency = data;
    const Settings *settings = emergency_settings (emergency);
    TdAttributes *attributes = td_channel_attributes (channel);
    TdEmergencyQuestion question = { .size = sizeof question,
                                     .trunk = td_channel_trunk (channel),
                                     .called = td_party_key (td_channel_called (channel)),
                                     .calling = td_channel_calling (channel) };
    TdEmergencyAnswer answer = { .size = sizeof answer };
    TdPriority priority;

    if (settings_recognise (settings, &question, &answer) == TD_EMERGENCY_CALL) {
        priority = priority_of (&answer);
    } else if (is_marked (attributes) && settings_is_psap (settings, question.trunk, way)) {
        td_attributes_set_number (attributes, emergency->callback, 1);
        priority = make_priority ("psap-callback", "", TD_LEARNT_MARK);
    } else {
        return;
    }
    td_channel_classify (emergency->module, channel, &priority);
}

typedef struct {
    TdHold hold; /* first */
    Emergency *emergency;
} Stranger;

static void
stranger_gone (TdHold *hold, TdChannel *leg)
{
    Stranger *stranger = (Stranger *) hold;

    atomic_fetch_sub (&stranger->emergency->n_strangers, 1);
    td_metric_add (stranger->emergency->strangers, -1);
    g_free (stranger);
}

/* As long as the call is up. */
static void
count_stranger (Emergency *emergency, const Settings *settings, TdCall *call)
{
    TdChannel *incoming = td_call_incoming (call);

    if (incoming == NULL || *td_call_trunk (call) != '\0') {
        return;
    }
    Stranger *stranger = g_new0 (Stranger, 1);
    stranger->hold = (TdHold){ .owner = emergency->module, .ended = stranger_gone };
    stranger->emergency = emergency;
    unsigned n = atomic_fetch_add (&emergency->n_strangers, 1) + 1;
    td_metric_add (emergency->strangers, 1);
    tell_strangers (emergency, n, settings->max_strangers);
    td_channel_hold (incoming, &stranger->hold);
}

/* All others; and what is counted. What the call asks for is known to all who come later: nobody takes its
 * place, whatever other mark it has. */
static TdHookAnswer
admit (void *subject, TdToken *token, void *data)
{
    Emergency *emergency = data;
    const Settings *settings = emergency_settings (emergency);
    TdAttributes *attributes = td_call_attributes (subject);
    TdEmergencyAnswer answer;
    TdPriority priority;

    if (recognise (settings, subject, &answer) == TD_EMERGENCY_CALL) {
        priority = priority_of (&answer);
        td_attributes_set_text (attributes, emergency->asked_for, answer.service);
        raise_class (emergency, subject, &priority, false);
        count_stranger (emergency, settings, subject);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

/* After signatures were looked at: one over the mark is as good as the PSAP's trunk. */
static TdHookAnswer
admit_callback (void *subject, TdToken *token, void *data)
{
    Emergency *emergency = data;
    const TdAttributes *attributes = td_call_attributes (subject);

    if (is_marked (attributes)
        && td_attributes_text (attributes, emergency->asked_for, 0) == NULL) {
        take_callback (emergency, subject);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

/* --- Where it goes ----------------------------------------------------------------------- */

/* What is given back when the call is over: its number. */
typedef struct {
    TdHold hold; /* first */
    Emergency *emergency;
    TdId call;
    int64_t life_us;
} Held;

static void
call_over (TdHold *hold, TdChannel *leg)
{
    Held *held = (Held *) hold;

    keys_end (held->emergency->keys, held->call, td_clock_wall_us () + held->life_us);
    g_free (held);
}

static void
hold_key (Emergency *emergency, const Settings *settings, TdCall *call)
{
    Held *held = g_new0 (Held, 1);

    held->hold = (TdHold){ .owner = emergency->module, .ended = call_over };
    held->emergency = emergency;
    held->call = td_call_id (call);
    held->life_us = settings->key_life_ms * INT64_C (1000);
    td_channel_hold (td_call_incoming (call), &held->hold);
}

static void
explain (TdCall *call, const TdEmergencyAnswer *asked, const Plan *plan, const Region *region,
         const Place *place)
{
    td_call_explain (call, "emergency", "%s, by its %s; region \"%s\", location \"%s\"",
                     asked->service, asked->is_number ? "number" : "URN",
                     region != NULL ? region->name : "", place != NULL ? place->name : "");
    td_call_explain (call, "psap", "\"%s\" first, %u targets; no other list is asked",
                     plan->psap != NULL ? plan->psap : "", td_route_list_length (plan->routes));
}

TdHookAnswer
hooks_conclude (Emergency *emergency, const Settings *settings, TdCall *call,
                const TdEmergencyAnswer *asked, char *const *uris, Found found)
{
    const TdParty *calling = td_call_calling (call);
    const Place *place = settings_place (settings, td_call_trunk (call), calling);
    const Region *region = settings_region (settings, td_call_trunk (call), place);
    bool is_made = td_call_incoming (call) != NULL;
    PlanQuestion question = { .settings = settings,
                              .service = asked->service,
                              .place = place,
                              .region = region,
                              .uris = uris,
                              .call = is_made ? td_call_id (call) : TD_ID_NONE,
                              .calling = calling,
                              .keys = emergency->keys,
                              .now_us = td_clock_wall_us () };
    Plan plan;

    plan_make (&question, &plan);
    if (uris == NULL) {
        found = place != NULL && place->psaps->len > 0     ? FOUND_PROVISIONED
                : region != NULL && region->psaps->len > 0 ? FOUND_REGION
                                                           : FOUND_FALLBACK;
    }
    explain (call, asked, &plan, region, place);
    td_attributes_set_text (td_call_attributes (call), emergency->asked_for, asked->service);
    td_attributes_set_number (td_call_attributes (call), emergency->no_transfer, 1);
    if (!settings->may_hold) {
        td_attributes_set_number (td_call_attributes (call), emergency->no_hold, 1);
    }
    if (settings->shows_caller) { /* what a stranger asserts of himself is worth nothing */
        td_attributes_set_number (td_call_attributes (call), emergency->shown,
                                  *td_call_trunk (call) != '\0' ? 2 : 1);
    }
    if (td_route_list_length (plan.routes) == 0) {
        td_route_list_free (plan.routes);
        return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                               .cause = TD_CAUSE_NO_ROUTE_TO_DESTINATION,
                               .reason = "No [emergency-psap] is configured" };
    }
    if (is_made) {
        if (plan.has_key) {
            hold_key (emergency, settings, call);
        }
        tell_routed (emergency, call, asked, region != NULL ? region->name : NULL,
                     place != NULL ? place->name : NULL, plan.psap, found);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = plan.routes };
}

/* Nobody is in need: whoever has no PSAP for that says so, and the call does not look for another way. */
static TdHookAnswer
route_test (Emergency *emergency, const Settings *settings, TdCall *call,
            const TdEmergencyAnswer *asked)
{
    td_metric_add (emergency->tests, td_call_incoming (call) != NULL);
    td_call_explain (call, "emergency", "%s: a test, for \"%s\"", asked->service,
                     settings->test != NULL ? settings->test->name : "");
    if (settings->test == NULL) { /* 488: RFC 3398 7.2.4.1 */
        return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                               .cause = TD_CAUSE_BEARER_NOT_IMPLEMENTED,
                               .reason = "No test of emergency calls" };
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE,
                           .payload = plan_test (settings->test, asked->service) };
}

static bool
wants_more (const Settings *settings, const TdCall *call)
{
    const TdParty *called = td_call_called (call);
    TdEmergencyQuestion question = { .size = sizeof question,
                                     .trunk = td_call_trunk (call),
                                     .called = td_party_key (called),
                                     .calling = td_call_calling (call) };

    return !called->is_complete && *question.called != '\0'
           && settings_has_longer (settings, &question);
}

static TdHookAnswer
route_call (void *subject, TdToken *token, void *data)
{
    Emergency *emergency = data;
    const Settings *settings = emergency_settings (emergency);
    TdEmergencyAnswer answer;
    TdPriority priority;

    switch (recognise (settings, subject, &answer)) {
    case TD_EMERGENCY_CALL:
        /* Where the number came digit by digit it is known only now. */
        priority = priority_of (&answer);
        raise_class (emergency, subject, &priority, true);
        return ask_route (emergency, subject, &answer, token);
    case TD_EMERGENCY_TEST:
        return route_test (emergency, settings, subject, &answer);
    case TD_EMERGENCY_NONE:
        break;
    }
    return (TdHookAnswer){ .verdict = wants_more (settings, subject) ? TD_HOOK_MORE_DIGITS
                                                                     : TD_HOOK_CONTINUE };
}

/* --- Nobody took it ---------------------------------------------------------------------- */

static TdHookAnswer
hear_failure (void *subject, TdToken *token, void *data)
{
    Emergency *emergency = data;
    TdAttributes *attributes = td_call_attributes (subject);
    const TdCause *cause = td_call_failure (subject);

    if (cause != NULL && td_attributes_text (attributes, emergency->asked_for, 0) != NULL
        && td_attributes_text (attributes, emergency->failed, 0) == NULL) {
        td_attributes_set_text (attributes, emergency->failed, "yes");
        tell_failed (emergency, subject, cause);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

bool
hooks_add (Emergency *emergency, GError **error)
{
    const TdHook admission = {
        .size = sizeof (TdHook),
        .name = "emergency.admit",
        .before = TD_LIST ("congestion.admit", "priority.admit", "trunk.admit"),
        .data = emergency,
        .ask = admit,
    };
    const TdHook callback = {
        .size = sizeof (TdHook),
        .name = "emergency.callback",
        .after = TD_LIST ("emergency.admit", "priority.admit"),
        .before = TD_LIST ("congestion.admit", "trunk.admit"),
        .data = emergency,
        .ask = admit_callback,
    };
    const TdHook routing = {
        .size = sizeof (TdHook),
        .name = "emergency.route",
        .before = TD_LIST ("registrar.route", "policy.route", "priority.route", "route.route",
                           "route-table.route"),
        .deadline_ms = HOOK_MS,
        .silence = { .verdict = TD_HOOK_REFUSE, .cause = TD_CAUSE_TEMPORARY_FAILURE },
        .data = emergency,
        .ask = route_call,
        .cancel = ask_cancel,
    };
    const TdHook failing = {
        .size = sizeof (TdHook),
        .name = "emergency.failed",
        .before = TD_LIST ("route.failed", "announce.treat"),
        .data = emergency,
        .ask = hear_failure,
    };

    return td_hook_add (emergency->module, "admit", &admission, error)
           && td_hook_add (emergency->module, "admit", &callback, error)
           && td_hook_add (emergency->module, "route", &routing, error)
           && td_hook_add (emergency->module, "failed", &failing, error);
}
