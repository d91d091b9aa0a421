/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A question: each token of a request gets its verdict, from memory or from the desk; when all have theirs,
 * the request is judged and whoever asked is told.
 *
 *     ask () --> item: header read --> remembered? -----------------------------.
 *                                  '-> certificate? (fetch) --> desk --> verdict --> all there? --> done ()
 */

#include "passport.h"

#include <string.h>

enum { MAX_TOKENS = 8 };

typedef struct Asked Asked;

/* One token. */
typedef struct {
    Job job; /* first */
    Asked *asked;
    Finding finding;   /* what is wrong before, or instead of, a verdict */
    GPtrArray *values; /* texts of the question */
} Item;

/* All on the lane that asked. */
struct Asked {
    TdPost answer;
    Passport *passport;
    TdPassportQuestion *question; /* NULL: cancelled */
    char *trunk;
    Settings *settings;
    unsigned n_items, n_pending;
    Item items[];
};

/* --- The answer -------------------------------------------------------------------------- */

static void
clear_item (Item *item)
{
    identity_clear (&item->job.identity);
    credential_unref (item->job.credential);
    verdict_unref (item->job.verdict);
    if (item->job.settings != NULL) {
        td_table_unref (&item->job.settings->table);
    }
    finding_clear (&item->finding);
    g_clear_pointer (&item->values, g_ptr_array_unref);
}

static void
free_asked (Asked *asked)
{
    TdModule *module = asked->passport->module;

    for (unsigned i = 0; i < asked->n_items; i++) {
        clear_item (&asked->items[i]);
    }
    td_table_unref (&asked->settings->table);
    g_free (asked->trunk);
    g_free (asked);
    td_module_unuse (module);
}

static const char *
or_empty (const char *text)
{
    return text != NULL ? text : "";
}

static void
judge_item (Item *item, const Request *request, TdPassportVerdict *ret)
{
    const Verdict *verdict = item->job.verdict;
    const Token *token = verdict != NULL ? verdict->token : NULL;

    item->values = g_ptr_array_new ();
    if (verdict != NULL) {
        judge (verdict, request, item->asked->passport->replays, item->values, &item->finding);
    }
    g_ptr_array_add (item->values, NULL);
    *ret = (TdPassportVerdict){
        .result = item->finding.result,
        .status = finding_status (item->finding.result),
        .reason = or_empty (item->finding.reason),
        .ppt = or_empty (item->job.identity.ppt),
        .info = or_empty (item->job.identity.info),
        .signer =
            verdict != NULL && verdict->credential != NULL ? verdict->credential->subject : "",
        .anchor = verdict != NULL ? or_empty (verdict->anchor) : "",
        .values = (const char *const *) item->values->pdata,
        .attest = token != NULL ? or_empty (token->attest) : "",
        .origid = token != NULL ? or_empty (token->origid) : "",
        .sph = token != NULL ? or_empty (token->sph) : "",
    };
}

/* RFC 8224 6.2.2: one good token is enough. 436 where no certificate can be had at all, 437 where one is
 * there and not trusted; 403 where all are stale. */
static void
sum_up (const TdPassportVerdict *verdicts, unsigned n, TdPassportAnswer *answer)
{
    unsigned counts[TD_PASSPORT_N_RESULTS] = { 0 }, n_used = 0;

    answer->status = 428;
    answer->reason = "it has no token that is understood";
    for (unsigned i = 0; i < n; i++) {
        counts[verdicts[i].result]++;
        if (verdicts[i].result != TD_PASSPORT_IGNORED) {
            n_used++;
            answer->reason = verdicts[i].reason;
        }
    }
    if (counts[TD_PASSPORT_VALID] > 0) {
        answer->status = 0;
        answer->reason = "";
    } else if (n_used > 0) {
        answer->status = counts[TD_PASSPORT_UNCHECKED] == n_used       ? 0
                         : counts[TD_PASSPORT_NO_CREDENTIAL] == n_used ? 436
                         : counts[TD_PASSPORT_STALE] == n_used         ? 403
                         : counts[TD_PASSPORT_UNTRUSTED] > 0           ? 437
                                                                       : 438;
    }
}

/* The claimed r-values of QUESTION that one of the items authorises. */
static GPtrArray *
collect_values (const Asked *asked, const TdPassportQuestion *question)
{
    GPtrArray *values = g_ptr_array_new ();
    const char *const *value = question->values;

    for (; value != NULL && *value != NULL; value++) {
        for (unsigned i = 0; i < asked->n_items; i++) {
            if (g_ptr_array_find (asked->items[i].values, *value, NULL)) {
                g_ptr_array_add (values, (void *) *value);
                break;
            }
        }
    }
    g_ptr_array_add (values, NULL);
    return values;
}

static void
tell (const Asked *asked, const TdPassportQuestion *question, const TdPassportVerdict *verdicts)
{
    for (unsigned i = 0; i < asked->n_items; i++) {
        const Job *job = &asked->items[i].job;
        g_autoptr (GString) hash = g_string_new (NULL);
        for (unsigned b = 0; job->identity.token != NULL && b < 8; b++) {
            g_string_append_printf (hash, "%02x", job->hash.bytes[b]);
        }
        audit_tell (asked->passport, question, &verdicts[i], hash->str);
    }
}

/* Judges the request and says what came of it. */
static void
answer_question (Asked *asked, TdPassportQuestion *question)
{
    TdPassportVerdict verdicts[MAX_TOKENS + 1];
    TdPassportAnswer answer = { .size = sizeof answer,
                                .verdict_size = sizeof *verdicts,
                                .verdicts = verdicts,
                                .n_verdicts = asked->n_items };
    Request request;

    request_init (&request, question, asked->settings, td_clock_wall_us ());
    for (unsigned i = 0; i < asked->n_items; i++) {
        judge_item (&asked->items[i], &request, &verdicts[i]);
    }
    request_clear (&request);
    g_autoptr (GPtrArray) values = collect_values (asked, question);
    answer.values = (const char *const *) values->pdata;
    sum_up (verdicts, asked->n_items, &answer);
    tell (asked, question, verdicts);
    question->done (question, &answer);
}

static TdPassportQuestion *
take_question (Asked *asked)
{
    TdPassportQuestion *question = g_steal_pointer (&asked->question);

    if (question != NULL) {
        question->asked = NULL;
    }
    return question;
}

static Asked *
asked_of (TdPost *post)
{
    return (Asked *) ((char *) post - offsetof (Asked, answer));
}

static void
run_answer (TdPost *post)
{
    Asked *asked = asked_of (post);
    TdPassportQuestion *question = take_question (asked);

    if (question != NULL) {
        TdModule *owner = question->owner;
        answer_question (asked, question);
        td_module_unuse (owner);
    }
    free_asked (asked);
}

static void
drop_answer (TdPost *post)
{
    Asked *asked = asked_of (post);
    TdPassportQuestion *question = take_question (asked);

    if (question != NULL) {
        TdModule *owner = question->owner;
        question->drop (question);
        td_module_unuse (owner);
    }
    free_asked (asked);
}

/* One item less is on its way. */
static void
settle (Asked *asked)
{
    if (--asked->n_pending == 0) {
        td_lane_post (td_lane_current (), &asked->answer);
    }
}

/* --- Items ------------------------------------------------------------------------------- */

static void
have_verdict (TdPost *post)
{
    settle (((Item *) post)->asked);
}

/* The lane on which it fetched is not always the one that asked: what happens to JOB goes there. */
static void
send_home (Job *job)
{
    td_lane_post (job->lane, &job->post);
}

void
passport_hand_on (Job *job, const char *why, void *data)
{
    Passport *passport = data;
    Item *item = (Item *) job;

    if (job->credential == NULL) {
        finding_fail (&item->finding, "certificate", TD_PASSPORT_NO_CREDENTIAL, "%s", why);
        send_home (job);
    } else if (!desk_take (passport->desk, job)) {
        finding_fail (&item->finding, "queue", TD_PASSPORT_UNCHECKED,
                      "too many tokens of its trunk wait to be verified");
        send_home (job);
    }
}

/* Returns whether the certificate is there; otherwise the item waits, or FINDING says why not. */
static bool
find_certificate (Item *item, bool *ret_waits)
{
    Passport *passport = item->asked->passport;
    const Provisioned *provisioned =
        g_hash_table_lookup (item->job.settings->provisioned, item->job.identity.info);
    const char *why = NULL;

    if (provisioned != NULL) {
        item->job.credential = credential_ref (provisioned->credential);
        return true;
    }
    switch (fetcher_find (passport->fetcher, &item->job, &why)) {
    case FETCH_HAVE:
        return true;
    case FETCH_WAIT:
        *ret_waits = true;
        return false;
    default:
        return finding_fail (&item->finding, "certificate", TD_PASSPORT_NO_CREDENTIAL, "%s", why);
    }
}

/* RFC 8224 6.2, step 1: what is not understood is as if it were not there. */
static bool
is_wanted (Item *item, const char *only)
{
    const char *ppt = item->job.identity.ppt;

    if (token_type (ppt) == TOKEN_OTHER) {
        return finding_fail (&item->finding, "type", TD_PASSPORT_IGNORED,
                             "tokens of its type are not understood");
    }
    if (only != NULL && strcmp (ppt, only) != 0) {
        return finding_fail (&item->finding, "type", TD_PASSPORT_IGNORED,
                             "tokens of its type are not asked for");
    }
    return true;
}

/* Begins with the token in TEXT. Returns whether something will come of it later. */
static bool
begin_item (Item *item, const char *text, const char *only)
{
    Asked *asked = item->asked;
    Passport *passport = asked->passport;
    bool waits = false;

    item->job.post =
        (TdPost){ .owner = passport->module, .run = have_verdict, .drop = have_verdict };
    item->job.lane = td_lane_current ();
    item->job.trunk = asked->trunk;
    item->job.settings = (Settings *) td_table_ref (&asked->settings->table);
    if (!identity_read (&item->job.identity, text, &item->finding) || !is_wanted (item, only)) {
        return false;
    }
    verdict_hash (&item->job.hash, &item->job.identity);
    item->job.verdict = verdicts_find (passport->verdicts, &item->job.hash, asked->settings);
    if (item->job.verdict != NULL) {
        td_metric_add (passport->remembered, 1);
        return false;
    }
    if (!find_certificate (item, &waits)) {
        return waits;
    }
    return desk_take (passport->desk, &item->job)
           || finding_fail (&item->finding, "queue", TD_PASSPORT_UNCHECKED,
                            "too many tokens of its trunk wait to be verified");
}

/* A request with so many tokens is none that is meant well. */
static bool
begin (Asked *asked, unsigned index)
{
    Item *item = &asked->items[index];

    item->asked = asked;
    if (index == MAX_TOKENS) {
        return finding_fail (&item->finding, "header", TD_PASSPORT_INVALID,
                             "the request has more than %d tokens: this one, and those behind it, "
                             "are not looked at",
                             MAX_TOKENS);
    }
    return begin_item (item, asked->question->identities[index], asked->question->only);
}

void
passport_ask (TdPassportQuestion *question, void *data)
{
    Passport *passport = data;
    unsigned n = MIN (g_strv_length ((char **) question->identities), (unsigned) MAX_TOKENS + 1);
    Asked *asked = g_malloc0 (sizeof (Asked) + n * sizeof (Item));

    td_module_use (passport->module);
    td_module_use (question->owner);
    asked->answer = (TdPost){ .owner = question->owner, .run = run_answer, .drop = drop_answer };
    asked->passport = passport;
    asked->question = question;
    asked->trunk = g_strdup (question->trunk);
    asked->settings = (Settings *) td_table_ref (&passport_settings (passport)->table);
    asked->n_items = n;
    asked->n_pending = 1; /* this function */
    question->asked = asked;
    for (unsigned i = 0; i < n; i++) {
        asked->n_pending++;
        if (!begin (asked, i)) {
            asked->n_pending--;
        }
    }
    settle (asked);
}

void
passport_cancel (TdPassportQuestion *question, void *data)
{
    Asked *asked = question->asked;

    question->asked = NULL;
    asked->question = NULL;
    asked->answer.owner = asked->passport->module; /* who asked may be gone before the answer */
    td_module_unuse (question->owner);
}
