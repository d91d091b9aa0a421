/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the passport service about marks, while the call waits to be admitted; for those of a request within
 * the call nobody waits.
 *
 *     pending "ets.0, wps.1" -> ask () . . . done (): "ets.0" -> class, and what goes on */

#include "verify.h"

#include "count.h"
#include "within.h"

#include <stdatomic.h>
#include <tandem/bus.h>
#include <tandem/call.h>
#include <tandem/log.h>

enum { DEADLINE_MS = 4000 }; /* of a call that is not more than ordinary yet */

struct Verifier {
    TdModule *module;
    const Known *known;
    const Settings *(*settings) (void *data);
    void *data;
    _Atomic (const void *) service; /* TdPassportService, nullable */
    TdSubscription *changes;
};

/* One call that waits, or one request within a call. */
typedef struct {
    TdPassportQuestion question; /* first */
    Verifier *verifier;
    const TdPassportService *service;
    TdToken *token; /* NULL: within the call */
    TdId call;
    char **values;
    GPtrArray *identities;
    char *orig, *called, *meant, *priority, *call_id, *trunk;
    const char *dests[3]; /* of them */
} Waiting;

const TdPassportService *
verifier_service (Verifier *verifier)
{
    return atomic_load_explicit (&verifier->service, memory_order_acquire);
}

static void
waiting_free (Waiting *waiting)
{
    g_strfreev (waiting->values);
    g_ptr_array_unref (waiting->identities);
    g_free (waiting->orig);
    g_free (waiting->called);
    g_free (waiting->meant);
    g_free (waiting->priority);
    g_free (waiting->call_id);
    g_free (waiting->trunk);
    g_free (waiting);
}

static void
let_on (Waiting *waiting, TdHookVerdict verdict)
{
    TdToken *token = waiting->token;

    waiting_free (waiting);
    if (token != NULL) {
        td_token_answer (token, (TdHookAnswer){ .verdict = verdict });
    }
}

/* --- The answer -------------------------------------------------------------------------- */

static const NamespaceTable *
table_of (const Waiting *waiting)
{
    return waiting->verifier->settings (waiting->verifier->data)->namespaces;
}

/* The best one that is understood, or NULL. */
static const Level *
best_of (const Waiting *waiting, const char *const *values)
{
    const Level *best = NULL;
    Mark mark;

    for (; *values != NULL; values++) {
        const char *at = *values;
        if (marks_next (&at, table_of (waiting), &mark) && mark.level != NULL
            && (best == NULL || mark.level->priority_class > best->priority_class)) {
            best = mark.level;
        }
    }
    return best;
}

static bool
raise_to (const Waiting *waiting, TdCall *call, const Level *level, bool is_late)
{
    TdPriority learnt;

    level_to_priority (level, TD_LEARNT_SIGNATURE, &learnt);
    return td_call_raise_priority (waiting->verifier->module, call, &learnt, is_late);
}

/* What was verified gives the call its class, and goes on with it (RFC 8443 4.2). */
static void
take_values (const Waiting *waiting, TdCall *call, const char *const *values)
{
    const TdAttribute *marks = td_attribute_find ("sip.header.resource-priority");
    const Level *best = best_of (waiting, values);

    for (; marks != NULL && *values != NULL; values++) {
        if (best_of (waiting, TD_LIST (*values)) != NULL) {
            td_attributes_add_text (td_call_attributes (call), marks, *values);
        }
    }
    if (best != NULL) {
        raise_to (waiting, call, best, false);
    }
}

/* Whose class is known otherwise takes no place of the others. */
static bool
may_count (const Waiting *waiting, TdCall *call)
{
    return td_call_priority (call)->priority_class > TD_CLASS_ORDINARY
           || counts_admit (waiting->verifier->settings (waiting->verifier->data), waiting->trunk,
                            waiting->verifier->module);
}

/* The good tokens, for who signs what goes out: one that still holds there need not be made anew. */
static void
keep_tokens (const Waiting *waiting, TdCall *call, const TdPassportAnswer *answer)
{
    const Known *known = waiting->verifier->known;
    TdAttributes *attributes = td_call_attributes (call);
    const char *at = (const char *) answer->verdicts;

    for (unsigned i = 0; i < answer->n_verdicts; i++, at += answer->verdict_size) {
        const TdPassportVerdict *verdict = (const TdPassportVerdict *) (const void *) at;
        if (verdict->result == TD_PASSPORT_VALID && *verdict->values != NULL) {
            g_autofree char *proven = g_strjoinv (", ", (char **) verdict->values);
            td_attributes_add_text (attributes, known->proven, proven);
            td_attributes_add_text (attributes, known->tokens, waiting->identities->pdata[i]);
        }
    }
}

/* RFC 9027 4: whoever may sign esnet r-values says that a PSAP calls back. */
static bool
is_callback (const TdPassportAnswer *answer)
{
    const char *at = (const char *) answer->verdicts;

    if (answer->verdict_size <= offsetof (TdPassportVerdict, sph)) {
        return false; /* of an older build */
    }
    for (unsigned i = 0; i < answer->n_verdicts; i++, at += answer->verdict_size) {
        const TdPassportVerdict *verdict = (const TdPassportVerdict *) (const void *) at;
        if (verdict->result == TD_PASSPORT_VALID && *verdict->values != NULL
            && *verdict->sph != '\0') {
            return true;
        }
    }
    return false;
}

/* For the records: of the call's beginning, where its marks must prove true, and the last word on what came
 * within it. */
static void
note (const Known *known, TdCall *call, bool is_within, const char *what)
{
    static const char within[] = "within the call: ";
    TdAttributes *attributes = td_call_attributes (call);
    const char *before = td_attributes_text (attributes, known->signature, 0);
    g_autofree char *text = NULL;

    if (is_within && before != NULL && !g_str_has_prefix (before, within)) {
        const char *end = strstr (before, within);
        int len = end != NULL ? (int) (end - before) - 2 : (int) strlen (before);
        text = g_strdup_printf ("%.*s; %s%s", len, before, within, what);
    } else {
        text = g_strconcat (is_within ? within : "", what, NULL);
    }
    td_attributes_set_text (attributes, known->signature, text);
}

static void
note_answer (const Waiting *waiting, TdCall *call, const TdPassportAnswer *answer)
{
    g_autofree char *values = g_strjoinv (", ", (char **) answer->values);
    g_autofree char *text = *values != '\0' ? g_strconcat ("valid: ", values, NULL)
                            : answer->status == 0
                                ? g_strconcat ("unchecked: ", answer->reason, NULL)
                                : g_strdup_printf ("%u: %s", answer->status, answer->reason);

    note (waiting->verifier->known, call, waiting->token == NULL, text);
}

static void
tell_unproven (const Waiting *waiting, unsigned status, const char *reason, const char *outcome)
{
    g_autofree char *number = g_strdup_printf ("%u", status);
    const TdLogField fields[] = { { "call_id", waiting->call_id },
                                  { "trunk", waiting->trunk },
                                  { "status", number },
                                  { NULL, NULL } };

    td_log_peer (waiting->verifier->module, "priority.unsigned", waiting->trunk, fields,
                 "Resource-Priority is not covered by a valid signature: %s; the call %s", reason,
                 outcome);
}

/* By the class that it would have had. */
static void
count_unproven (const Waiting *waiting)
{
    const Settings *settings = waiting->verifier->settings (waiting->verifier->data);
    const Level *best = best_of (waiting, (const char *const *) waiting->values);

    if (best != NULL && best->priority_class > TD_CLASS_ORDINARY) {
        counts_unproven (settings, waiting->trunk, best->priority_class);
    }
}

/* RFC 8224 6.2.2. */
static void
refuse (const Waiting *waiting, TdCall *call, unsigned status)
{
    TdCause cause = td_cause (TD_CAUSE_CALL_REJECTED, NULL);

    /* The phrase of a 403 says which one; the others have their own. */
    g_strlcpy (cause.text, status == 403 ? "Stale Date" : "", sizeof cause.text);

    cause.space = TD_CODE_SIP;
    cause.code = (uint16_t) status;
    td_call_set_failure (call, &cause);
}

/* Whose class is known otherwise, such as a call for help, is not refused for its marks. */
static bool
needs_proof (const Waiting *waiting, TdCall *call)
{
    const Settings *settings = waiting->verifier->settings (waiting->verifier->data);

    return settings_policy (settings, waiting->trunk)->needs_proof
           && td_call_priority (call)->priority_class <= TD_CLASS_ORDINARY;
}

static void
verified (TdPassportQuestion *question, const TdPassportAnswer *answer)
{
    Waiting *waiting = (Waiting *) question;
    TdCall *call = td_call_find (waiting->call);
    bool is_refused = false;

    if (call != NULL) {
        note_answer (waiting, call, answer);
        if (*answer->values != NULL && may_count (waiting, call)) {
            take_values (waiting, call, answer->values);
            td_attributes_set_text (td_call_attributes (call), waiting->verifier->known->callback,
                                    is_callback (answer) ? "yes" : NULL);
        }
        keep_tokens (waiting, call, answer);
        is_refused = answer->status != 0 && needs_proof (waiting, call);
    }
    if (answer->status != 0) {
        tell_unproven (waiting, answer->status, answer->reason,
                       is_refused ? "is refused" : "goes on as an ordinary one");
        count_unproven (waiting);
    }
    if (is_refused) {
        refuse (waiting, call, answer->status);
    }
    let_on (waiting, is_refused ? TD_HOOK_REFUSE : TD_HOOK_CONTINUE);
}

/* The values that raise CALL still, when their turn has come. */
static void
take_within (const Waiting *waiting, TdCall *call, const char *const *values)
{
    g_autofree char *list = g_strjoinv (", ", (char **) values);
    g_autofree char *rising =
        within_rising (table_of (waiting), list, td_call_priority (call)->priority_class);

    if (rising != NULL && may_count (waiting, call)
        && raise_to (waiting, call, best_of (waiting, values), true)) {
        within_grant (waiting->verifier->known, table_of (waiting), call, rising);
    }
}

static void
verified_within (TdPassportQuestion *question, const TdPassportAnswer *answer)
{
    Waiting *waiting = (Waiting *) question;
    TdCall *call = td_call_find (waiting->call);

    if (call != NULL) {
        note_answer (waiting, call, answer);
        take_within (waiting, call, answer->values);
    }
    if (answer->status != 0) {
        tell_unproven (waiting, answer->status, answer->reason, "keeps its class");
        count_unproven (waiting);
    }
    waiting_free (waiting);
}

static void
dropped (TdPassportQuestion *question)
{
    let_on ((Waiting *) question, TD_HOOK_CONTINUE);
}

static void
cancel (TdToken *token, void *state, void *data)
{
    Waiting *waiting = state;

    TdCall *call = td_call_find (waiting->call);

    waiting->service->cancel (&waiting->question, waiting->service->data);
    if (call != NULL) {
        note (waiting->verifier->known, call, false, "unchecked: not in time");
    }
    let_on (waiting, TD_HOOK_CONTINUE);
}

/* --- The question ------------------------------------------------------------------------ */

/* A number, or a URI. */
static char *
party_text (const TdParty *party)
{
    if (party->digits[0] != '\0') {
        return g_strdup (td_party_key (party));
    }
    return party->host[0] != '\0' ? g_strdup_printf ("sip:%s@%s", party->user, party->host)
                                  : g_strdup (party->user); /* a service */
}

static GPtrArray *
identities_of (TdCall *call)
{
    const TdAttribute *identity = td_attribute_find ("sip.header.identity");
    GPtrArray *texts = g_ptr_array_new_with_free_func (g_free);
    const char *text;

    for (unsigned i = 0;
         identity != NULL
         && (text = td_attributes_text (td_call_attributes (call), identity, i)) != NULL;
         i++) {
        g_ptr_array_add (texts, g_strdup (text));
    }
    g_ptr_array_add (texts, NULL);
    return texts;
}

/* A copy, or NULL. */
static char *
text_of (const TdAttributes *attributes, const char *name)
{
    const TdAttribute *attribute = td_attribute_find (name);

    return g_strdup (attribute != NULL ? td_attributes_text (attributes, attribute, 0) : NULL);
}

static void
ask (Waiting *waiting)
{
    waiting->question = (TdPassportQuestion){
        .size = sizeof (TdPassportQuestion),
        .owner = waiting->verifier->module,
        .identities = (const char *const *) waiting->identities->pdata,
        .only = "rph",
        .orig = waiting->orig,
        .dests = waiting->dests,
        .values = (const char *const *) waiting->values,
        .priority = waiting->priority,
        .call_id = waiting->call_id,
        .trunk = waiting->trunk,
        .done = waiting->token != NULL ? verified : verified_within,
        .drop = dropped,
    };
    waiting->service->ask (&waiting->question, waiting->service->data);
}

static TdHookAnswer
admit (void *subject, TdToken *token, void *data)
{
    Verifier *verifier = data;
    TdCall *call = subject;
    TdChannel *incoming = td_call_incoming (call);
    const TdPassportService *service = verifier_service (verifier);
    const char *pending =
        td_attributes_text (td_call_attributes (call), verifier->known->pending, 0);

    if (pending != NULL && service == NULL) {
        note (verifier->known, call, false, "unchecked: the module passport is not there");
    }
    if (pending == NULL || service == NULL || incoming == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    Waiting *waiting = g_new0 (Waiting, 1);
    waiting->verifier = verifier;
    waiting->service = service;
    waiting->call = td_call_id (call);
    waiting->values = g_strsplit (pending, ", ", -1);
    waiting->identities = identities_of (call);
    waiting->orig = party_text (td_call_calling (call));
    waiting->called = party_text (td_call_called (call));
    /* RFC 8224 6.2, step 4: who is called is whom the To header field names. */
    waiting->meant = text_of (td_call_attributes (call), "sip.to");
    /* RFC 9027 4: as it came; of the call the mark of a callback may have been taken away. */
    waiting->priority = text_of (td_channel_attributes (incoming), "sip.header.priority");
    waiting->call_id = g_strdup (td_channel_peer_id (incoming));
    waiting->trunk = g_strdup (td_call_trunk (call));
    waiting->token = td_token_take (token, waiting);
    waiting->dests[0] = waiting->called;
    waiting->dests[1] = waiting->meant;
    ask (waiting);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

/* --- Within a call ----------------------------------------------------------------------- */

/* Whether CALL had not all of MARKS yet, which it has from now on: what a peer says in each request of the call
 * is told once. */
static bool
take_news (const Verifier *verifier, TdCall *call, const NamespaceTable *table, const char *marks)
{
    TdAttributes *attributes = td_call_attributes (call);
    const char *known = td_attributes_text (attributes, verifier->known->pending, 0);
    g_autofree char *all = within_merge (table, known, marks);
    bool is_news = !within_knows (table, known, marks);

    td_attributes_set_text (attributes, verifier->known->pending, all);
    return is_news;
}

static Waiting *
waiting_within (Verifier *verifier, TdCall *call, const TdPriorityQuestion *question,
                const char *marks)
{
    Waiting *waiting = g_new0 (Waiting, 1);
    const char *const *identity = question->identities;

    waiting->verifier = verifier;
    waiting->call = td_call_id (call);
    waiting->values = g_strsplit (marks, ", ", -1);
    waiting->identities = g_ptr_array_new_with_free_func (g_free);
    for (; identity != NULL && *identity != NULL; identity++) {
        g_ptr_array_add (waiting->identities, g_strdup (*identity));
    }
    g_ptr_array_add (waiting->identities, NULL);
    waiting->orig = g_strdup (question->orig);
    waiting->called = g_strdup (question->dest);
    waiting->priority = g_strdup (question->priority);
    waiting->call_id = g_strdup (td_channel_peer_id (question->channel));
    waiting->trunk = g_strdup (question->trunk);
    waiting->dests[0] = waiting->called;
    return waiting;
}

/* Nothing is asked: there is no signature, nor can there be one. */
static void
find_unproven (Waiting *waiting, TdCall *call, unsigned status, const char *reason)
{
    g_autofree char *text = g_strdup_printf ("%u: %s", status, reason);

    note (waiting->verifier->known, call, true, text);
    tell_unproven (waiting, status, reason, "keeps its class");
    count_unproven (waiting);
    waiting_free (waiting);
}

void
verifier_ask_within (Verifier *verifier, TdCall *call, const TdPriorityQuestion *question,
                     const char *marks)
{
    const NamespaceTable *table = verifier->settings (verifier->data)->namespaces;
    g_autofree char *rising = within_rising (table, marks, td_call_priority (call)->priority_class);
    bool is_news = rising != NULL && take_news (verifier, call, table, rising);
    bool is_signed = question->identities != NULL && *question->identities != NULL;
    const TdPassportService *service = verifier_service (verifier);

    if (rising == NULL || (!is_news && !is_signed)) {
        return;
    }
    if (is_signed && service == NULL) {
        note (verifier->known, call, true, "unchecked: the module passport is not there");
        return;
    }
    Waiting *waiting = waiting_within (verifier, call, question, rising);
    if (!is_signed) {
        find_unproven (waiting, call, 428,
                       question->identities == NULL ? "only an INVITE may have one (RFC 8443 7.1)"
                                                    : "it has no token");
        return;
    }
    waiting->service = service;
    ask (waiting);
}

/* --- Who verifies ------------------------------------------------------------------------ */

static void
take_newest (Verifier *verifier)
{
    const void *next = td_feature_acquire (verifier->module, TD_FEATURE_PASSPORT);

    if (atomic_exchange (&verifier->service, next) != NULL) {
        td_feature_release_swept (verifier->module, TD_FEATURE_PASSPORT);
    }
}

static void
hear_feature (const TdFact *fact, void *data)
{
    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_PASSPORT) == 0) {
        take_newest (data);
    }
}

Verifier *
verifier_new (TdModule *module, const Known *known, const Settings *(*settings) (void *data),
              void *data, GError **error)
{
    Verifier *verifier = g_new0 (Verifier, 1);
    const TdHook hook = {
        .size = sizeof (TdHook),
        .name = "priority.admit",
        .deadline_ms = DEADLINE_MS,
        .silence = { .verdict = TD_HOOK_CONTINUE },
        .data = verifier,
        .ask = admit,
        .cancel = cancel,
    };

    verifier->module = module;
    verifier->known = known;
    verifier->settings = settings;
    verifier->data = data;
    if (!td_hook_add (module, "admit", &hook, error)) {
        g_free (verifier);
        return NULL;
    }
    atomic_init (&verifier->service, td_feature_acquire (module, TD_FEATURE_PASSPORT));
    verifier->changes =
        td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, verifier);
    return verifier;
}

void
verifier_stop (Verifier *verifier)
{
    g_clear_pointer (&verifier->changes, td_bus_unsubscribe);
    if (atomic_exchange (&verifier->service, NULL) != NULL) {
        td_feature_release_swept (verifier->module, TD_FEATURE_PASSPORT);
    }
}

void
verifier_free (Verifier *verifier)
{
    g_free (verifier);
}
