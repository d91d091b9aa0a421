/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The route hook: what a call is, put as a question to the tables; what they decide, as a route list. */

#include "route.h"

#include "parameters.h"

#include <string.h>
#include <tandem/call.h>
#include <tandem/cause.h>

enum { DEADLINE_MS = 60000 }; /* dips have shorter ones of their own */

/* --- The question ------------------------------------------------------------------------ */

/* What a request points to. */
typedef struct {
    Route *route;
    TdCall *call;
    const RouteTables *tables;
    Parameters parameters;
    uint32_t chance;
    unsigned release_cause; /* what the call has failed for; 0: it has not */
    DipAnswer answers[N_DIP_KINDS];
    bool has_answer[N_DIP_KINDS];
    TdDipKind asked; /* which answer is awaited */
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

/* What this call was answered, or what is known without asking. */
static bool
find_answer (TdDipKind kind, const char *name, const char *number, DipAnswer *ret_answer,
             void *data)
{
    Question *question = data;

    if (!question->has_answer[kind]) {
        question->has_answer[kind] =
            dips_peek (question->route->dips, name, kind, number, &question->answers[kind]);
    }
    if (question->has_answer[kind]) {
        *ret_answer = question->answers[kind];
    }
    return question->has_answer[kind];
}

static const char *
said (const char *text)
{
    return *text != '\0' ? text : NULL;
}

/* What the line may call holds for what its owner pays. Whom an account with a priority may call was decided by who
 * gave the call the account. */
static bool
is_unscreened (const Question *question)
{
    return td_call_priority (question->call)->priority_class > TD_CLASS_ORDINARY
           && text_of (question, question->route->account) != NULL;
}

static void
make_request (Question *question, DecisionRequest *ret_request)
{
    const Route *route = question->route;
    const Parameters *parameters = &question->parameters;
    TdCall *call = question->call;

    *ret_request = (DecisionRequest){
        .trunk = td_call_trunk (call),
        .called = td_call_called (call),
        .calling = td_call_calling (call),
        .carrier = said (parameters->carrier),
        .carrier_context = said (parameters->carrier_context),
        .routing_number = said (parameters->routing_number),
        .routing_context = said (parameters->routing_context),
        .is_dipped = parameters->is_dipped,
        .is_released = question->release_cause != 0,
        .release_cause = question->release_cause,
        .line_information = read_line_information (text_of (question, route->line_information)),
        .category = text_of (question, route->category),
        .bearer = text_of (question, route->bearer),
        .is_unscreened = is_unscreened (question),
        .attribute = attribute,
        .quality = quality,
        .dip = find_answer,
        .data = question,
        .time_us = td_call_time_us (call),
        .chance = question->chance,
    };
}

static void
begin_question (Route *route, TdCall *call, Question *ret_question)
{
    *ret_question = (Question){
        .route = route,
        .call = call,
        .tables = route_tables (route),
        .chance = targets_chance (
            atomic_fetch_add_explicit (&route->n_decisions, 1, memory_order_relaxed)),
    };
    parameters_read (text_of (ret_question, route->user_parameters), &ret_question->parameters);
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
    g_autofree char *parameters =
        parameters_write (td_attributes_text (attributes, route->user_parameters, 0), decision);

    td_attributes_set_text (attributes, route->user_parameters, parameters);
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

/* --- Deciding ---------------------------------------------------------------------------- */

/* A call that has failed: only what was not looked up before leads elsewhere. */
static TdHookAnswer
conclude_release (const Question *question, const Decision *decision)
{
    if (decision->verdict != DECISION_ROUTE || !decision->is_queried
        || decision->routing_number[0] == '\0') {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    td_metric_add (question->route->queried, 1);
    return answer_with (question->route, question->tables->tables, question->call, decision, NULL);
}

static TdHookAnswer
conclude (const Question *question, const Decision *decision, Explanation *explanation)
{
    const Route *route = question->route;
    TdHookAnswer answer = { .verdict = TD_HOOK_CONTINUE };

    note_treatment (route, question->call, decision);
    switch (decision->verdict) {
    case DECISION_ROUTE:
        td_metric_add (route->decided, 1);
        answer =
            answer_with (route, question->tables->tables, question->call, decision, explanation);
        break;
    case DECISION_MORE_DIGITS:
        answer.verdict = TD_HOOK_MORE_DIGITS;
        break;
    case DECISION_REFUSE:
        td_metric_add (route->unrouted, 1);
        answer = (TdHookAnswer){ .verdict = TD_HOOK_REFUSE, .cause = (uint8_t) decision->cause };
        break;
    case DECISION_DIP:
        break;
    }
    if (explanation != NULL) {
        tell (question->call, explanation);
    }
    return answer;
}

/* Decides as far as is known. TD_HOOK_LATER: a dip has to be asked, and WAITER (nullable) waits for its
 * answer. */
static TdHookAnswer
decide (Question *question, DipWaiter *waiter)
{
    for (;;) {
        bool is_explained = td_call_is_explained (question->call);
        g_autoptr (Explanation) explanation = is_explained ? explanation_new () : NULL;
        DecisionRequest request;
        Decision decision;
        make_request (question, &request);
        decision_make (question->tables->tables, &request, &decision, explanation);
        if (decision.verdict != DECISION_DIP) {
            if (decision.is_exempted) {
                td_call_add_exemption (question->call, "screening");
            }
            return question->release_cause != 0 ? conclude_release (question, &decision)
                                                : conclude (question, &decision, explanation);
        }
        question->asked = decision.dip_kind;
        if (waiter == NULL
            || !dips_ask (question->route->dips, decision.dip, question->asked, decision.dip_number,
                          waiter, &question->answers[question->asked])) {
            if (waiter != NULL && waiter->is_exempted) {
                td_call_add_exemption (question->call, "dip");
            }
            return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
        }
        question->has_answer[question->asked] = true;
    }
}

/* A call that waits for the answer of a dip. It keeps the tables that it began with. */
typedef struct {
    DipWaiter waiter; /* first */
    Question question;
    TdToken *token; /* NULL: it is answered */
    TdPost last;
    bool is_cancelled;
} Pending;

static void
free_pending (Pending *pending)
{
    td_table_unref ((TdTable *) &pending->question.tables->table);
    g_free (pending);
}

static void
run_last (TdPost *post)
{
    free_pending ((Pending *) ((char *) post - offsetof (Pending, last)));
}

/* Until the answer has gone through the lane, the call may end and the hook be cancelled: PENDING stays
 * behind it. */
static void
answer_token (Pending *pending, TdHookAnswer answer)
{
    td_token_answer (g_steal_pointer (&pending->token), answer);
    pending->last =
        (TdPost){ .owner = pending->question.route->module, .run = run_last, .drop = run_last };
    td_lane_post (td_lane_current (), &pending->last);
}

static void
hear_dip (DipWaiter *waiter, const DipAnswer *answer)
{
    Pending *pending = (Pending *) waiter;
    Question *question = &pending->question;

    if (pending->is_cancelled) {
        free_pending (pending);
        return;
    }
    question->answers[question->asked] = *answer;
    question->has_answer[question->asked] = true;
    TdHookAnswer decided = decide (question, waiter);
    if (decided.verdict != TD_HOOK_LATER) {
        answer_token (pending, decided);
    }
}

/* The module has stopped; the core looks after the token. */
static void
drop_dip (DipWaiter *waiter)
{
    free_pending ((Pending *) waiter);
}

static void
cancel (TdToken *token, void *state, void *data)
{
    Pending *pending = state;

    if (pending->token == NULL) {
        return;
    }
    td_token_answer (g_steal_pointer (&pending->token),
                     (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    pending->is_cancelled = true;
    if (dips_cancel (&pending->waiter)) {
        free_pending (pending);
    }
}

/* Asks what QUESTION lacks, and decides then: at once, or when the answer has come. */
static TdHookAnswer
wait_for_dip (const Question *question, TdToken *token)
{
    Pending *pending = g_new0 (Pending, 1);

    pending->waiter.answered = hear_dip;
    pending->waiter.dropped = drop_dip;
    pending->waiter.is_priority =
        td_call_priority (question->call)->priority_class > TD_CLASS_ORDINARY;
    pending->question = *question;
    td_table_ref ((TdTable *) &question->tables->table);
    TdHookAnswer answer = decide (&pending->question, &pending->waiter);
    if (answer.verdict == TD_HOOK_LATER) {
        pending->token = td_token_take (token, pending);
    } else {
        free_pending (pending);
    }
    return answer;
}

static TdHookAnswer
route_call (void *subject, TdToken *token, void *data)
{
    Route *route = data;
    Question question;

    if (route_tables (route)->n_rows == 0) {
        td_call_explain (subject, "tables", "they are empty: tandem-routes fills them");
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    begin_question (route, subject, &question);
    TdHookAnswer answer = decide (&question, NULL);
    return answer.verdict == TD_HOOK_LATER ? wait_for_dip (&question, token) : answer;
}

/* Query on release: the number is looked up when those who served it before have said that they do not. */
static TdHookAnswer
query_failed (void *subject, TdToken *token, void *data)
{
    const TdCause *failure = td_call_failure (subject);
    Route *route = data;
    Question question;

    if (failure == NULL || failure->value == 0 || route_tables (route)->n_rows == 0) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    begin_question (route, subject, &question);
    question.release_cause = failure->value;
    TdHookAnswer answer = decide (&question, NULL);
    return answer.verdict == TD_HOOK_LATER ? wait_for_dip (&question, token) : answer;
}

/* --- Before an attempt ------------------------------------------------------------------- */

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
        g_autofree char *others = parameters_write_others (before);
        td_attributes_set_text (attributes, route->user_parameters, others);
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
    route->account =
        declare (route, TD_ATTRIBUTE_ACCOUNT, 0, "The account that pays for the call", error);
    return route->user_parameters != NULL && route->number != NULL && route->jurisdiction != NULL
           && route->carrier != NULL && route->category != NULL && route->line_information != NULL
           && route->bearer != NULL && route->treatment != NULL && route->announcement != NULL
           && route->account != NULL
           && td_hook_add (route->module, "route",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "route.route",
                                      .before = TD_LIST ("route-table.route"),
                                      .deadline_ms = DEADLINE_MS,
                                      .silence = { .verdict = TD_HOOK_REFUSE,
                                                   .cause = TD_CAUSE_TEMPORARY_FAILURE },
                                      .data = route,
                                      .ask = route_call,
                                      .cancel = cancel },
                           error)
           && td_hook_add (route->module, "failed",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "route.failed",
                                      .deadline_ms = DEADLINE_MS,
                                      .data = route,
                                      .ask = query_failed,
                                      .cancel = cancel },
                           error)
           && td_hook_add (route->module, "attempt",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "route.number",
                                      .data = route,
                                      .ask = check_number },
                           error);
}
