/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The route hook: what a call is, put as a question to the tables; what they decide, as a route list. */

#include "route.h"

#include <string.h>
#include <tandem/call.h>

enum { PARAMETER_SIZE = 64 };

/* --- Parameters of a telephone number (RFC 3966 3, RFC 4694) ------------------------------ */

/* The value of NAME in ";npdi;rn=+12125550000", "" when it has none; false when it is not there, or too
 * long to mean anything. */
static bool
find_parameter (const char *parameters, const char *name, char ret_value[PARAMETER_SIZE])
{
    g_auto (GStrv) parts = g_strsplit (parameters != NULL ? parameters : "", ";", -1);

    for (char **part = parts; *part != NULL; part++) {
        size_t len = strcspn (*part, "=");
        if (len == strlen (name) && g_ascii_strncasecmp (*part, name, len) == 0) {
            const char *value = *part + len + ((*part)[len] == '=');
            return g_strlcpy (ret_value, value, PARAMETER_SIZE) < PARAMETER_SIZE;
        }
    }
    return false;
}

/* The same of a number, without its visual separators (RFC 3966 3); false as well when no row could
 * name it, such as one with hexadecimal digits. */
static bool
find_number (const char *parameters, const char *name, char ret_value[PARAMETER_SIZE])
{
    char *end = ret_value;

    if (!find_parameter (parameters, name, ret_value)) {
        return false;
    }
    for (const char *at = ret_value; *at != '\0'; at++) {
        if (strchr ("-.()", *at) == NULL) {
            *end++ = *at;
        }
    }
    *end = '\0';
    return *ret_value != '\0' && td_prefix_is_valid (ret_value);
}

/* What says in which network a number that is local to it holds, for as long as that number goes on. */
static void
append_context (GString *out, const char *parameters, const char *name, const char *context,
                const char *number)
{
    char before[PARAMETER_SIZE], value[PARAMETER_SIZE];

    if (find_number (parameters, name, before) && strcmp (before, number) == 0
        && find_parameter (parameters, context, value)) {
        g_string_append_printf (out, ";%s=%s", context, value);
    }
}

static void
append_others (GString *out, const char *parameters)
{
    static const char *const ours[] = { "npdi", "rn", "rn-context", "cic", "cic-context", NULL };
    g_auto (GStrv) parts = g_strsplit (parameters != NULL ? parameters : "", ";", -1);

    for (char **part = parts; *part != NULL; part++) {
        g_autofree char *name = g_ascii_strdown (*part, (gssize) strcspn (*part, "="));
        if (*name != '\0' && !g_strv_contains (ours, name)) {
            g_string_append_printf (out, ";%s", *part);
        }
    }
}

/* Rows may name carriers as they like; a "cic" has hexadecimal digits (RFC 4694 4). */
static bool
is_carrier_code (const char *carrier)
{
    const char *digits = carrier + (*carrier == '+');

    return *digits != '\0' && strspn (digits, "0123456789ABCDEFabcdef") == strlen (digits);
}

/* What has been looked up goes out with the number, so that nobody does it again (RFC 4694 5.2). */
static void
write_parameters (const Route *route, TdCall *call, const Decision *decision)
{
    TdAttributes *attributes = td_call_attributes (call);
    const char *before = td_attributes_text (attributes, route->user_parameters, 0);
    g_autoptr (GString) text = g_string_new (NULL);

    append_others (text, before);
    if (decision->is_dipped) {
        g_string_append (text, ";npdi");
    }
    if (decision->routing_number[0] != '\0') {
        g_string_append_printf (text, ";rn=%s", decision->routing_number);
        append_context (text, before, "rn", "rn-context", decision->routing_number);
    }
    if (is_carrier_code (decision->carrier)) {
        g_string_append_printf (text, ";cic=%s", decision->carrier);
        append_context (text, before, "cic", "cic-context", decision->carrier);
    }
    if (g_strcmp0 (text->str, before != NULL ? before : "") != 0) {
        td_attributes_set_text (attributes, route->user_parameters,
                                text->len > 0 ? text->str : NULL);
    }
}

/* --- The question ------------------------------------------------------------------------ */

/* What a request points to. */
typedef struct {
    const Route *route;
    TdCall *call;
    char routing_number[PARAMETER_SIZE], carrier[PARAMETER_SIZE], unused[PARAMETER_SIZE];
} Question;

static const char *
attribute (const char *name, void *data)
{
    const Question *question = data;
    const TdAttribute *found = td_attribute_find (name);

    return found != NULL && td_attribute_type (found) == TD_ATTRIBUTE_TEXT
               ? td_attributes_text (td_call_attributes (question->call), found, 0)
               : NULL;
}

static int
percent (uint32_t part, uint32_t whole)
{
    return whole > 0 ? (int) (100 * (uint64_t) part / whole) : TARGETS_NOT_KNOWN;
}

static bool
quality (const char *trunk, TargetQuality *ret_quality, void *data)
{
    const Question *question = data;
    const TdTrunkService *trunks = atomic_load (&question->route->trunks);
    TdTrunkQuality found = { .size = sizeof found };

    if (trunks == NULL || !trunks->quality (trunk, &found, trunks->data)) {
        return false;
    }
    *ret_quality = (TargetQuality){
        .asr = percent (found.answers, found.seizures),
        .ner = percent (found.effective, found.seizures),
        .pdd_ms = found.delay_p50_ms > 0 ? (int) found.delay_p50_ms : TARGETS_NOT_KNOWN,
        /* Grades go from 1 to 4, opinion scores from 4.4 down to 1 (ITU-T G.107 Annex B). */
        .mos = found.mean_grade > 0 ? (int) (440 - (found.mean_grade - 1) * 340 / 3)
                                    : TARGETS_NOT_KNOWN,
    };
    return true;
}

static const char *
text_of (const Question *question, const TdAttribute *attribute)
{
    return td_attributes_text (td_call_attributes (question->call), attribute, 0);
}

/* ANI II digits: two of them, or one; anything else says nothing. */
static int
read_line_information (const char *text)
{
    size_t len = text != NULL ? strlen (text) : 0;

    return len > 0 && len <= 2 && strspn (text, "0123456789") == len
               ? (int) g_ascii_strtoll (text, NULL, 10)
               : ROW_NOT_SAID;
}

static void
ask (Route *route, Question *question, DecisionRequest *ret_request)
{
    TdCall *call = question->call;
    const char *parameters = text_of (question, route->user_parameters);
    bool has_number = find_number (parameters, "rn", question->routing_number);
    bool has_carrier = find_number (parameters, "cic", question->carrier);

    *ret_request = (DecisionRequest){
        .trunk = td_call_trunk (call),
        .called = td_call_called (call),
        .calling = td_call_calling (call),
        .carrier = has_carrier ? question->carrier : NULL,
        .routing_number = has_number ? question->routing_number : NULL,
        .is_dipped = find_parameter (parameters, "npdi", question->unused),
        .line_information = read_line_information (text_of (question, route->line_information)),
        .category = text_of (question, route->category),
        .bearer = text_of (question, route->bearer),
        .attribute = attribute,
        .quality = quality,
        .data = question,
        .time_us = td_call_time_us (call),
        .chance = targets_chance (
            atomic_fetch_add_explicit (&route->n_decisions, 1, memory_order_relaxed)),
    };
}

/* --- The answer -------------------------------------------------------------------------- */

static void
add_target (TdRouteList *list, const Tables *tables, const Decision *decision, unsigned index,
            const TdCall *call, Explanation *explanation)
{
    DecisionTarget target;

    decision_target (tables, decision, index, &target, explanation);
    const char *called = target.numbers.called.text, *calling = target.numbers.calling.text;
    bool is_same = strcmp (calling, td_party_key (td_call_calling (call))) == 0;
    td_route_list_add (list, &(TdTarget){ .size = sizeof (TdTarget),
                                          .group = target.group,
                                          .trunk = target.trunk,
                                          .number = *called != '\0' ? called : NULL,
                                          .calling = *calling == '\0' || is_same ? NULL : calling,
                                          .no_answer_ms = target.no_answer_s * 1000 });
}

static void
set_rules (TdRouteList *list, const Tables *tables, const Decision *decision)
{
    TdHuntRules rules = { .size = sizeof rules,
                          .max_attempts = decision->tries,
                          .within_ms = decision->seconds * 1000,
                          .has_causes = decision->causes != NAMES_NONE };

    for (unsigned cause = 1; rules.has_causes && cause < 128; cause++) {
        uint64_t bit = decision_is_try_next (tables, decision, cause);
        rules.causes[cause / 64] |= bit << cause % 64;
    }
    td_route_list_set_rules (list, &rules);
}

/* What the decision says of the call, for those who come later: other hooks, records, the wire. */
static void
note_decision (const Route *route, TdCall *call, const Decision *decision)
{
    TdAttributes *attributes = td_call_attributes (call);

    write_parameters (route, call, decision);
    td_attributes_set_text (attributes, route->number,
                            decision->numbers.called.text[0] != '\0' ? decision->numbers.called.text
                                                                     : NULL);
    td_attributes_set_text (attributes, route->jurisdiction,
                            jurisdiction_name (decision->jurisdiction));
    td_attributes_set_text (attributes, route->carrier,
                            decision->carrier[0] != '\0' ? decision->carrier : NULL);
    for (unsigned i = 0; i < decision->numbers.n_attributes; i++) {
        const TranslationAttribute *set = &decision->numbers.attributes[i];
        const TdAttribute *found = td_attribute_find (set->name);
        if (found != NULL && td_attribute_type (found) == TD_ATTRIBUTE_TEXT) {
            td_attributes_set_text (attributes, found, set->value);
        } else {
            td_call_explain (call, "attribute", "nobody knows \"%s\": it is not set", set->name);
        }
    }
}

/* What the caller is to hear if the call fails, for whoever makes it heard. */
static void
note_treatment (const Route *route, TdCall *call, const Decision *decision)
{
    TdAttributes *attributes = td_call_attributes (call);

    td_attributes_set_text (attributes, route->treatment,
                            *decision->treatment != '\0' ? decision->treatment : NULL);
    td_attributes_set_text (attributes, route->announcement,
                            *decision->announcement != '\0' ? decision->announcement : NULL);
}

static TdHookAnswer
answer_with (const Route *route, const Tables *tables, TdCall *call, const Decision *decision,
             Explanation *explanation)
{
    TdRouteList *list = td_route_list_new (decision->label);

    for (unsigned i = 0; i < decision->n_targets; i++) {
        add_target (list, tables, decision, i, call, explanation);
    }
    set_rules (list, tables, decision);
    note_decision (route, call, decision);
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

static void
tell (TdCall *call, const Explanation *explanation)
{
    for (unsigned i = 0; i < explanation->steps->len; i++) {
        const ExplanationStep *step = &g_array_index (explanation->steps, ExplanationStep, i);
        td_call_explain (call, step->step, "%s", step->sentence);
    }
    for (unsigned i = 0; i < explanation->candidates->len; i++) {
        const Candidate *candidate = &g_array_index (explanation->candidates, Candidate, i);
        td_call_explain (call, candidate->kind, "%s %s (line %u): %s",
                         candidate->is_chosen ? "+" : "-", candidate->name, candidate->line,
                         candidate->reason);
    }
}

static TdHookAnswer
route_call (void *subject, TdToken *token, void *data)
{
    Route *route = data;
    const RouteTables *current = route_tables (route);
    g_autoptr (Explanation) explanation = NULL;
    Question question = { .route = route, .call = subject };
    TdHookAnswer answer = { .verdict = TD_HOOK_CONTINUE };
    DecisionRequest request;
    Decision decision;

    if (current->n_rows == 0) {
        td_call_explain (subject, "tables", "they are empty: tandem-routes fills them");
        return answer;
    }
    explanation = td_call_is_explained (subject) ? explanation_new () : NULL;
    ask (route, &question, &request);
    decision_make (current->tables, &request, &decision, explanation);
    note_treatment (route, subject, &decision);
    switch (decision.verdict) {
    case DECISION_ROUTE:
        td_metric_add (route->decided, 1);
        answer = answer_with (route, current->tables, subject, &decision, explanation);
        break;
    case DECISION_MORE_DIGITS:
        answer.verdict = TD_HOOK_MORE_DIGITS;
        break;
    case DECISION_REFUSE:
        td_metric_add (route->unrouted, 1);
        answer = (TdHookAnswer){ .verdict = TD_HOOK_REFUSE, .cause = (uint8_t) decision.cause };
        break;
    }
    if (explanation != NULL) {
        tell (subject, explanation);
    }
    return answer;
}

/* What was looked up for the called number is said of that one only: behind the number that a target
 * has of its own, it would lead the next switch astray. */
static TdHookAnswer
check_number (void *subject, TdToken *token, void *data)
{
    const Route *route = data;
    TdAttributes *attributes = td_call_target_attributes (subject);
    const char *before = td_attributes_text (attributes, route->user_parameters, 0);
    const char *looked_up = td_attributes_text (attributes, route->number, 0);
    const TdTarget *target = td_call_target (subject);

    if (before != NULL && looked_up != NULL && target->number != NULL
        && !number_is_alike (looked_up, target->number)) {
        g_autoptr (GString) text = g_string_new (NULL);
        append_others (text, before);
        td_attributes_set_text (attributes, route->user_parameters,
                                text->len > 0 ? text->str : NULL);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static const TdAttribute *
declare (Route *route, const char *name, unsigned flags, const char *help, GError **error)
{
    return td_attribute_declare (route->module, name, TD_ATTRIBUTE_TEXT, flags, help, error);
}

bool
route_hook_start (Route *route, GError **error)
{
    route->user_parameters =
        declare (route, "sip.user-parameters", TD_ATTRIBUTE_PASS,
                 "Parameters of the called telephone number (RFC 3966 3, RFC 4694)", error);
    route->number = declare (route, "call.number", 0, "The called number, as it was routed", error);
    route->jurisdiction =
        declare (route, "call.jurisdiction", 0, "How far apart the parties are", error);
    route->carrier = declare (route, "call.carrier", 0, "The carrier that was chosen", error);
    route->category = declare (route, "party.category", 0,
                               "The calling party's category (ITU-T Q.763 3.11)", error);
    route->line_information = declare (route, "party.line-information", 0,
                                       "Originating line information, ANI II digits", error);
    route->bearer = declare (route, "call.bearer", 0, "The bearer that is asked for", error);
    route->treatment =
        declare (route, "call.treatment", 0, "What the caller hears when the call fails", error);
    route->announcement =
        declare (route, "call.announcement", 0, "What a refused caller is to be told", error);
    return route->user_parameters != NULL && route->number != NULL && route->jurisdiction != NULL
           && route->carrier != NULL && route->category != NULL && route->line_information != NULL
           && route->bearer != NULL && route->treatment != NULL && route->announcement != NULL
           && td_hook_add (route->module, "route",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "route.route",
                                      .before = TD_LIST ("route-table.route"),
                                      .data = route,
                                      .ask = route_call },
                           error)
           && td_hook_add (route->module, "attempt",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "route.number",
                                      .data = route,
                                      .ask = check_number },
                           error);
}
