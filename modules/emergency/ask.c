/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call waits while a LoST server is asked, and maybe a second one; never longer than the budget.
 *
 *     location? --none---------------------------------> the tables
 *        |
 *     kept, not expired? --yes-------------------------> what was said
 *        |  no
 *     a server that is not down --none-----------------> what was said once, or the tables
 *        |    ^
 *        |    '-- silence, nonsense: the next one, while there is time
 *        '------- mapping: is kept --------------------> what it says
 */

#include "emergency.h"

#include "lost.h"

#include <tandem/log.h>

#include <string.h>

enum {
    LEAST_MS = 20,     /* less is no time for an answer */
    SPARE_MS = 1000,   /* the timer is exact, and shows on the fake clock */
    DOWN_MS = 10000,   /* how long a server that was silent is left alone */
    MAX_QUESTIONS = 8, /* of one call */
};

typedef struct {
    TdHttpQuestion http; /* first */
    TdTimer timer;
    Emergency *emergency;
    Settings *settings; /* those the question began with */
    const TdHttpService *service;
    TdToken *token; /* NULL while the hook has not returned */
    TdCall *call;
    TdEmergencyAnswer asked;
    Location *location;
    char wanted[TD_PARTY_TEXT]; /* the service that is asked about: that of the call, or a parent */
    char *body;
    unsigned server, n_asked;
    int64_t asked_us, until_us;
} Question;

Settings *
emergency_settings (const Emergency *emergency)
{
    return (Settings *) td_snapshot_peek (emergency->settings);
}

static Question *
question_of (TdTimer *timer)
{
    return (Question *) ((char *) timer - offsetof (Question, timer));
}

static void
question_free (Question *question)
{
    td_timer_stop (&question->timer);
    td_table_unref (&question->settings->table);
    location_free (question->location);
    g_free (question->body);
    g_free (question);
}

static char *
key_of (const Question *question)
{
    return g_strconcat (question->asked.service, "\n", question->location->xml, NULL);
}

/* Ends QUESTION with the URIs that were FOUND. */
static void
settle (Question *question, char *const *uris, Found found)
{
    TdToken *token = question->token;
    TdHookAnswer answer = hooks_conclude (question->emergency, question->settings, question->call,
                                          &question->asked, uris, found);

    question_free (question);
    td_token_answer (token, answer);
}

/* --- Which server ------------------------------------------------------------------------ */

static bool
is_down (const Question *question, unsigned server)
{
    return atomic_load_explicit (&question->emergency->down_until_us[server], memory_order_relaxed)
           > td_clock_now_us ();
}

/* The next server from SERVER on that is not down; -1: none. RET_N_LEFT: how many there are. */
static int
find_server (const Question *question, unsigned server, unsigned *ret_n_left)
{
    int found = -1;

    *ret_n_left = 0;
    for (unsigned i = server; question->settings->servers[i] != NULL; i++) {
        if (!is_down (question, i)) {
            found = found < 0 ? (int) i : found;
            ++*ret_n_left;
        }
    }
    return found;
}

static void done (TdHttpQuestion *http, const TdHttpAnswer *answer);
static void drop (TdHttpQuestion *http);

static void
ask_server (Question *question, uint32_t within_ms)
{
    g_free (question->body);
    question->body = lost_print_question (question->wanted, question->location);
    question->http = (TdHttpQuestion){
        .owner = question->emergency->module,
        .method = "POST", /* RFC 5222 14 */
        .url = question->settings->servers[question->server],
        .type = LOST_TYPE,
        .body = question->body,
        .len_bytes = strlen (question->body),
        .deadline_ms = within_ms + SPARE_MS,
        .priority_class = TD_CLASS_EMERGENCY,
        .done = done,
        .drop = drop,
    };
    question->asked_us = td_clock_now_us ();
    question->n_asked++;
    td_timer_start (&question->timer, within_ms);
    question->service->ask (&question->http, question->service->data);
}

/* Asks the next server from SERVER on, if there is one, and time: an equal share of what is left. */
static bool
try_from (Question *question, unsigned server)
{
    int64_t left_ms = (question->until_us - td_clock_now_us ()) / 1000;
    unsigned n_left;
    int found = find_server (question, server, &n_left);

    question->service = atomic_load (&question->emergency->http);
    if (question->service == NULL || found < 0 || left_ms < LEAST_MS
        || question->n_asked == MAX_QUESTIONS) {
        return false;
    }
    question->server = (unsigned) found;
    ask_server (question, MAX ((uint32_t) left_ms / n_left, LEAST_MS));
    return true;
}

/* --- What came of it --------------------------------------------------------------------- */

/* No server has a mapping: what one said once, or the tables. */
static void
give_up (Question *question)
{
    g_autofree char *key = key_of (question);
    bool is_fresh;
    g_auto (GStrv) uris =
        mappings_find (question->emergency->mappings, key, td_clock_wall_us (), &is_fresh);

    td_call_explain (question->call, "lost", "no server has a mapping: %s",
                     uris != NULL ? "an expired one is used" : "the tables here decide");
    settle (question, uris, FOUND_STALE);
}

static void
note (Question *question, Outcome outcome, const char *why)
{
    const char *url = question->settings->servers[question->server];

    td_metric_add (question->emergency->outcomes[outcome], 1);
    if (outcome == OUTCOME_LOST) {
        atomic_store_explicit (&question->emergency->down_until_us[question->server],
                               td_clock_now_us () + DOWN_MS * INT64_C (1000), memory_order_relaxed);
    }
    if (why != NULL) {
        td_log_peer (question->emergency->module, "emergency.lost", url, NULL, "%s", why);
        td_call_explain (question->call, "lost", "%s: %s", url, why);
    }
}

static void
go_on (Question *question, Outcome outcome, const char *why)
{
    note (question, outcome, why);
    g_strlcpy (question->wanted, question->asked.service, sizeof question->wanted);
    if (!try_from (question, question->server + 1)) {
        give_up (question);
    }
}

static void
take_mapping (Question *question, const LostAnswer *answer)
{
    g_autofree char *key = key_of (question);
    int64_t took_us = td_clock_now_us () - question->asked_us;

    note (question, OUTCOME_MAPPING, NULL);
    td_metric_observe (question->emergency->delay, (uint64_t) MAX (took_us, 0));
    td_call_explain (question->call, "lost", "%s: %s (%s)",
                     question->settings->servers[question->server], answer->uris[0], answer->name);
    mappings_put (question->emergency->mappings, key, answer->uris, answer->expires_us);
    settle (question, answer->uris, FOUND_LOST);
}

/* The service is not known there, but its parent may be (RFC 5031 3). */
static bool
ask_for_parent (Question *question, const LostAnswer *answer)
{
    char *dot = strrchr (question->wanted, '.');

    if (!g_str_has_prefix (answer->text, "serviceNotImplemented") || dot == NULL) {
        return false;
    }
    *dot = '\0';
    return try_from (question, question->server);
}

static void
read_answer (Question *question, const TdHttpAnswer *http)
{
    g_autoptr (GError) error = NULL;
    g_autofree char *why = NULL;
    LostAnswer answer;

    if (g_ascii_strcasecmp (http->type, LOST_TYPE) != 0) {
        why = g_strdup_printf ("answers with \"%.60s\", which is not " LOST_TYPE, http->type);
        go_on (question, OUTCOME_WRONG, why);
        return;
    }
    if (!lost_read_answer (http->body, http->len_bytes, &answer, &error)) {
        why = g_strdup_printf ("its answer cannot be used: %s", error->message);
        go_on (question, OUTCOME_WRONG, why);
        return;
    }
    if (answer.kind == LOST_MAPPING) {
        take_mapping (question, &answer);
    } else if (!ask_for_parent (question, &answer)) {
        g_autoptr (GString) said = g_string_new (
            answer.kind == LOST_ERROR ? "has no mapping: " : "sends us elsewhere, to ");
        td_text_append_value (said, answer.text);
        go_on (question, OUTCOME_NONE, said->str);
    }
    lost_answer_clear (&answer);
}

static void
done (TdHttpQuestion *http, const TdHttpAnswer *answer)
{
    Question *question = (Question *) http;
    g_autofree char *why = NULL;

    td_timer_stop (&question->timer);
    if (answer->status >= 200 && answer->status < 300) { /* RFC 5222 14 */
        read_answer (question, answer);
    } else if (answer->status == 0) {
        go_on (question, OUTCOME_LOST, answer->error);
    } else {
        why = g_strdup_printf ("answers with status %u", answer->status);
        go_on (question, OUTCOME_LOST, why);
    }
}

/* The module has stopped; the call goes by the tables. */
static void
drop (TdHttpQuestion *http)
{
    settle ((Question *) http, NULL, FOUND_FALLBACK);
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

/* The call has ended. */
void
ask_cancel (TdToken *token, void *state, void *data)
{
    Question *question = state;

    question->service->cancel (&question->http, question->service->data);
    question_free (question);
    td_token_answer (token, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
}

/* --- Asking ------------------------------------------------------------------------------ */

/* The caller's own location, or the one that is known of his line; transfer full, nullable. */
static Location *
find_location (const Settings *settings, TdCall *call)
{
    const Place *place = settings_place (settings, td_call_trunk (call), td_call_calling (call));
    Location *location = NULL;

    if (settings->takes_location) {
        switch (location_from_call (td_call_attributes (call), &location)) {
        case LOCATION_FOUND:
            td_call_explain (call, "location", "the caller's own: %s", location->xml);
            return location;
        case LOCATION_REFERENCE:
        case LOCATION_BAD: /* PRI-093: he is not refused for that */
            td_call_explain (call, "location", "the caller's own cannot be used");
            break;
        case LOCATION_NONE:
            break;
        }
    }
    if (place != NULL && place->location != NULL) {
        location = g_new0 (Location, 1);
        location->profile = place->location->profile;
        location->xml = g_strdup (place->location->xml);
    }
    return location;
}

TdHookAnswer
ask_route (Emergency *emergency, TdCall *call, const TdEmergencyAnswer *asked, TdToken *token)
{
    Settings *settings = emergency_settings (emergency);
    g_autoptr (Location) location =
        settings->servers[0] != NULL ? find_location (settings, call) : NULL;
    bool is_fresh = false;

    if (location == NULL) {
        return hooks_conclude (emergency, settings, call, asked, NULL, FOUND_FALLBACK);
    }
    Question *question = g_new0 (Question, 1);
    question->emergency = emergency;
    question->settings = (Settings *) td_table_ref (&settings->table);
    question->call = call;
    question->asked = *asked;
    question->location = g_steal_pointer (&location);
    question->until_us = td_clock_now_us () + settings->budget_ms * INT64_C (1000);
    g_strlcpy (question->wanted, asked->service, sizeof question->wanted);
    td_timer_init (&question->timer, emergency->module, expire);
    g_autofree char *key = key_of (question);
    g_auto (GStrv) uris = mappings_find (emergency->mappings, key, td_clock_wall_us (), &is_fresh);
    if (!is_fresh && try_from (question, 0)) {
        question->token = td_token_take (token, question);
        return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
    }
    question_free (question);
    return hooks_conclude (emergency, settings, call, asked, uris,
                           is_fresh ? FOUND_CACHE : FOUND_STALE);
}
