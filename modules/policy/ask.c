/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The route hook: a call waits while a server is asked, and maybe a second one.
 *
 *     ask --> picked? --no------------------------------------> CONTINUE: the tables here
 *              |  yes
 *              v      first try: half the deadline
 *            http ---- answered --> what it says
 *              |
 *              '- silence, too busy, of no use here --> another server, with the rest of the deadline
 *                                                        '-- again --> CONTINUE
 */

#include "policy.h"

#include <tandem/log.h>

#include <string.h>

enum { MAX_TRIES = 2, LEAST_MS = 20, HOOK_MS = 60000, SPARE_MS = 1000 };

typedef struct {
    TdHttpQuestion http; /* first */
    TdTimer timer;
    Policy *policy;
    Settings *settings;           /* those the question began with */
    const TdHttpService *service; /* that is asked now */
    TdToken *token;
    TdCall *call;
    char *body, *url;
    Server *server;
    int index;
    unsigned n_tries;
    int64_t asked_us, until_us;
} Question;

Settings *
policy_settings (const Policy *policy)
{
    return (Settings *) td_snapshot_peek (policy->settings);
}

static Question *
question_of (TdTimer *timer)
{
    return (Question *) ((char *) timer - offsetof (Question, timer));
}

static bool
is_emergency (const Settings *settings, const TdCall *call)
{
    return td_call_priority (call)->priority_class >= TD_CLASS_EMERGENCY
           || g_hash_table_contains (settings->emergency, td_party_key (td_call_called (call)));
}

/* How long CALL waits at most. */
static uint32_t
deadline_ms (const Settings *settings, const TdCall *call)
{
    if (is_emergency (settings, call)) {
        return settings->emergency_ms;
    }
    return td_call_priority (call)->priority_class > TD_CLASS_ORDINARY ? settings->priority_ms
                                                                       : settings->deadline_ms;
}

static void
question_free (Question *question)
{
    td_timer_stop (&question->timer);
    td_table_unref (&question->settings->table);
    g_free (question->body);
    g_free (question->url);
    g_free (question);
}

/* Ends QUESTION with ANSWER. */
static void
settle (Question *question, TdHookAnswer answer)
{
    TdToken *token = question->token;

    question_free (question);
    td_token_answer (token, answer);
}

/* --- What came of a try ------------------------------------------------------------------ */

static bool try_next (Question *question);

static void
note (Question *question, Outcome outcome, const char *why)
{
    int64_t took_us = td_clock_now_us () - question->asked_us;
    Server *server = question->server;

    td_metric_add (server->outcomes[outcome], 1);
    if (outcome == OUTCOME_ANSWERED) {
        td_metric_observe (server->delay, (uint64_t) took_us);
    } else {
        td_log_peer (question->policy->module, "policy.answer", server->url, NULL, "%s", why);
        td_call_explain (question->call, "policy", "%s: %s", server->url, why);
    }
    server_note (server, outcome, took_us, why);
}

/* There was no answer that counts: another server, or the tables here. */
static void
go_on (Question *question, Outcome outcome, const char *why)
{
    note (question, outcome, why);
    if (try_next (question)) {
        return;
    }
    td_metric_add (question->policy->alone, 1);
    td_call_explain (question->call, "policy", "no server has answered: the tables here decide");
    settle (question, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
}

/* For "route test". */
static void
explain (const Question *question, const WireAnswer *answer)
{
    TdCall *call = question->call;
    g_autoptr (GString) what = g_string_new (NULL);

    if (!td_call_is_explained (call)) {
        return;
    }
    switch (answer->verdict) {
    case TD_HOOK_DONE:
        g_string_append_printf (what, "route %s, %u targets", td_route_list_label (answer->routes),
                                td_route_list_length (answer->routes));
        break;
    case TD_HOOK_REFUSE:
        g_string_append_printf (what, "refused, cause %u%s%s", answer->cause,
                                answer->reason != NULL ? ": " : "",
                                answer->reason != NULL ? answer->reason : "");
        break;
    case TD_HOOK_MORE_DIGITS:
        g_string_append (what, "more digits are needed");
        break;
    default:
        g_string_append (what, "it knows no route: the tables here decide");
    }
    for (unsigned i = 0; answer->steps != NULL && i < answer->steps->len; i++) {
        const WireStep *step = &g_array_index (answer->steps, WireStep, i);
        td_call_explain (call, "server", "%s: %s", step->step, step->text);
    }
    td_call_explain (call, "policy", "%s (%s, MC%u, %.1f ms) says: %s%s%s%s", question->server->url,
                     answer->node != NULL ? answer->node : "no name", answer->level,
                     (double) (td_clock_now_us () - question->asked_us) / 1000, what->str,
                     answer->decided_by != NULL ? " (" : "",
                     answer->decided_by != NULL ? answer->decided_by : "",
                     answer->decided_by != NULL ? ")" : "");
}

static void
take (Question *question, WireAnswer *answer)
{
    TdHookAnswer hook = { .verdict = answer->verdict };

    note (question, OUTCOME_ANSWERED, NULL);
    server_note_level (question->server, answer->level);
    explain (question, answer);
    wire_set_attributes (answer, td_call_attributes (question->call));
    if (answer->verdict == TD_HOOK_DONE) {
        hook.payload = g_steal_pointer (&answer->routes);
    } else if (answer->verdict == TD_HOOK_REFUSE) {
        hook.cause = (uint8_t) answer->cause;
        hook.reason = "A policy server refuses it";
    }
    wire_answer_clear (answer);
    settle (question, hook);
}

/* An answer with status 200: what it says, or that it cannot be used. */
static void
read_answer (Question *question, const TdHttpAnswer *http)
{
    g_autoptr (GError) error = NULL;
    WireAnswer answer;

    if (g_ascii_strcasecmp (http->type, WIRE_TYPE) != 0) {
        g_autofree char *why = g_strdup_printf ("answers with \"%.60s\", which is not " WIRE_TYPE
                                                ": is it a policy server?",
                                                http->type);
        go_on (question, OUTCOME_LOST, why);
    } else if (wire_read_answer (http->body, http->len_bytes, settings_has_trunk,
                                 question->settings, &answer, &error)) {
        take (question, &answer);
    } else {
        bool is_well_made = g_error_matches (error, TD_ERROR, TD_ERROR_NOT_FOUND);
        g_autofree char *why = g_strdup_printf ("its answer cannot be used: %s", error->message);
        go_on (question, is_well_made ? OUTCOME_WRONG : OUTCOME_LOST, why);
    }
}

static void
done (TdHttpQuestion *http, const TdHttpAnswer *answer)
{
    Question *question = (Question *) http;
    g_autofree char *why = NULL;

    td_timer_stop (&question->timer);
    switch (answer->status) {
    case 200:
        read_answer (question, answer);
        return;
    case 0:
        go_on (question, OUTCOME_LOST, answer->error);
        return;
    case 400: /* of this one question it says so, not of others */
    case 413:
        why = g_strdup_printf ("does not understand the question: %.200s", answer->body);
        go_on (question, OUTCOME_WRONG, g_strdelimit (why, "\r\n", ' '));
        return;
    case 503:
        go_on (question, OUTCOME_BUSY, "has too much to do");
        return;
    case 401:
        go_on (question, OUTCOME_LOST, "does not take our token: see [policy] token");
        return;
    default:
        why = g_strdup_printf ("answers with status %u", answer->status);
        go_on (question, OUTCOME_LOST, why);
    }
}

static void
drop (TdHttpQuestion *http)
{
    settle ((Question *) http, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
}

static void
expire (TdTimer *timer)
{
    Question *question = question_of (timer);
    g_autofree char *why = g_strdup_printf (
        "no answer within %d ms", (int) ((td_clock_now_us () - question->asked_us) / 1000));

    question->service->cancel (&question->http, question->service->data);
    go_on (question, OUTCOME_LOST, why);
}

/* --- Asking ------------------------------------------------------------------------------ */

static void
send (Question *question, uint32_t within_ms)
{
    g_free (question->url);
    question->url = g_strconcat (question->server->url, WIRE_ROUTE_PATH, NULL);
    question->http = (TdHttpQuestion){
        .owner = question->policy->module,
        .method = "POST",
        .url = question->url,
        .type = WIRE_TYPE,
        .body = question->body,
        .len_bytes = strlen (question->body),
        .deadline_ms = within_ms + SPARE_MS, /* the timer is exact, and shows on the fake clock */
        .token = question->settings->token,
        .priority_class = is_emergency (question->settings, question->call)
                              ? TD_CLASS_EMERGENCY
                              : td_call_priority (question->call)->priority_class,
        .done = done,
        .drop = drop,
    };
    question->asked_us = td_clock_now_us ();
    question->n_tries++;
    td_timer_start (&question->timer, within_ms);
    question->service->ask (&question->http, question->service->data);
}

/* Asks the next server there is, if there is one, and time. */
static bool
try_next (Question *question)
{
    int64_t now_us = td_clock_now_us ();
    int64_t left_ms = (question->until_us - now_us) / 1000;
    int except = question->n_tries > 0 ? question->index : POOL_NONE;

    question->service = atomic_load (&question->policy->http);
    if (question->n_tries == MAX_TRIES || left_ms < LEAST_MS || question->service == NULL) {
        return false;
    }
    question->index = pool_pick (question->settings->pool, except, now_us);
    if (question->index == POOL_NONE) {
        return false;
    }
    question->server = question->settings->pool->servers[question->index];
    send (question, (uint32_t) (question->n_tries == 0 ? left_ms / 2 : left_ms));
    return true;
}

/* Why nobody is asked about CALL, or NULL. */
static const char *
find_reason_not_to (const Policy *policy, const Settings *settings, TdCall *call)
{
    if (td_attributes_text (td_call_attributes (call), policy->mark, 0) != NULL) {
        return "asked for another node, so no server is asked: the tables here decide";
    }
    if (deadline_ms (settings, call) == 0) {
        return "a call that waits for no server: the tables here decide";
    }
    return NULL;
}

static TdHookAnswer
route_call (void *subject, TdToken *token, void *data)
{
    Policy *policy = data;
    Settings *settings = policy_settings (policy);
    TdHookAnswer answer = { .verdict = TD_HOOK_CONTINUE };

    if (settings->pool->n_servers == 0) {
        return answer;
    }
    const char *reason = find_reason_not_to (policy, settings, subject);
    if (reason != NULL) {
        td_call_explain (subject, "policy", "%s", reason);
        return answer;
    }
    Question *question = g_new0 (Question, 1);
    question->policy = policy;
    question->settings = (Settings *) td_table_ref (&settings->table);
    question->call = subject;
    question->body = wire_print_question (subject, settings->node);
    question->until_us = td_clock_now_us () + deadline_ms (settings, subject) * INT64_C (1000);
    td_timer_init (&question->timer, policy->module, expire);
    if (try_next (question)) {
        question->token = td_token_take (token, question);
        answer.verdict = TD_HOOK_LATER;
        return answer;
    }
    td_metric_add (policy->alone, 1);
    td_call_explain (subject, "policy", "no server is there: the tables here decide");
    question_free (question);
    return answer;
}

/* The call has ended. */
static void
cancel (TdToken *token, void *state, void *data)
{
    Question *question = state;

    question->service->cancel (&question->http, question->service->data);
    settle (question, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
}

bool
ask_start (Policy *policy, GError **error)
{
    return td_hook_add (policy->module, "route",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .deadline_ms = HOOK_MS, /* its own are shorter */
                                   .name = "policy.route",
                                   .before = TD_LIST ("route.route", "route-table.route"),
                                   .after = TD_LIST ("registrar.route"),
                                   .data = policy,
                                   .ask = route_call,
                                   .cancel = cancel },
                        error);
}
