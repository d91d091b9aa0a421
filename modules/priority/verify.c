/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks the passport service about marks, while the call waits to be admitted.
 *
 *     pending "ets.0, wps.1" -> ask () . . . done (): "ets.0" -> class, and what goes on */

#include "verify.h"

#include "count.h"

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

/* One call that waits. */
typedef struct {
    TdPassportQuestion question; /* first */
    Verifier *verifier;
    const TdPassportService *service;
    TdToken *token;
    TdId call;
    char **values;
    GPtrArray *identities;
    char *orig, *called, *meant, *call_id, *trunk;
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
    g_free (waiting->call_id);
    g_free (waiting->trunk);
    g_free (waiting);
}

static void
let_on (Waiting *waiting, TdHookVerdict verdict)
{
    TdToken *token = waiting->token;

    waiting_free (waiting);
    td_token_answer (token, (TdHookAnswer){ .verdict = verdict });
}

/* --- The answer -------------------------------------------------------------------------- */

/* What was verified gives the call its class, and goes on with it (RFC 8443 4.2). */
static void
take_values (Waiting *waiting, TdCall *call, const char *const *values)
{
    const TdAttribute *marks = td_attribute_find ("sip.header.resource-priority");
    const NamespaceTable *table = waiting->verifier->settings (waiting->verifier->data)->namespaces;
    const Level *best = NULL;
    TdPriority learnt;
    Mark mark;

    for (; *values != NULL; values++) {
        const char *at = *values;
        if (!marks_next (&at, table, &mark) || mark.level == NULL) {
            continue;
        }
        if (marks != NULL) {
            td_attributes_add_text (td_call_attributes (call), marks, *values);
        }
        if (best == NULL || mark.level->priority_class > best->priority_class) {
            best = mark.level;
        }
    }
    if (best != NULL) {
        level_to_priority (best, TD_LEARNT_SIGNATURE, &learnt);
        td_call_raise_priority (waiting->verifier->module, call, &learnt, false);
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

/* For the records: once for each call whose marks must prove true. */
static void
note (const Waiting *waiting, TdCall *call, const char *what)
{
    td_attributes_set_text (td_call_attributes (call), waiting->verifier->known->signature, what);
}

static void
note_answer (const Waiting *waiting, TdCall *call, const TdPassportAnswer *answer)
{
    g_autofree char *values = g_strjoinv (", ", (char **) answer->values);
    g_autofree char *text = *values != '\0' ? g_strconcat ("valid: ", values, NULL)
                            : answer->status == 0
                                ? g_strconcat ("unchecked: ", answer->reason, NULL)
                                : g_strdup_printf ("%u: %s", answer->status, answer->reason);

    note (waiting, call, text);
}

static void
tell_unproven (const Waiting *waiting, const TdPassportAnswer *answer, bool is_refused)
{
    g_autofree char *status = g_strdup_printf ("%u", answer->status);
    const TdLogField fields[] = { { "call_id", waiting->call_id },
                                  { "trunk", waiting->trunk },
                                  { "status", status },
                                  { NULL, NULL } };

    td_log_peer (waiting->verifier->module, "priority.unsigned", waiting->trunk, fields,
                 "Resource-Priority is not covered by a valid signature: %s; the call %s",
                 answer->reason, is_refused ? "is refused" : "goes on as an ordinary one");
}

/* By the class that it would have had. */
static void
count_unproven (const Waiting *waiting)
{
    const Settings *settings = waiting->verifier->settings (waiting->verifier->data);
    unsigned highest = TD_CLASS_ORDINARY;
    Mark mark;

    for (char **value = waiting->values; *value != NULL; value++) {
        const char *at = *value;
        if (marks_next (&at, settings->namespaces, &mark) && mark.level != NULL) {
            highest = MAX (highest, mark.level->priority_class);
        }
    }
    if (highest > TD_CLASS_ORDINARY) {
        counts_unproven (settings, waiting->trunk, highest);
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
        }
        keep_tokens (waiting, call, answer);
        is_refused = answer->status != 0 && needs_proof (waiting, call);
    }
    if (answer->status != 0) {
        tell_unproven (waiting, answer, is_refused);
        count_unproven (waiting);
    }
    if (is_refused) {
        refuse (waiting, call, answer->status);
    }
    let_on (waiting, is_refused ? TD_HOOK_REFUSE : TD_HOOK_CONTINUE);
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
        note (waiting, call, "unchecked: not in time");
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

/* RFC 8224 6.2, step 4: who is called is whom the To header field names. */
static char *
meant_of (TdCall *call)
{
    const TdAttribute *to = td_attribute_find ("sip.to");

    return g_strdup (to != NULL ? td_attributes_text (td_call_attributes (call), to, 0) : NULL);
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
        td_attributes_set_text (td_call_attributes (call), verifier->known->signature,
                                "unchecked: the module passport is not there");
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
    waiting->meant = meant_of (call);
    waiting->call_id = g_strdup (td_channel_peer_id (incoming));
    waiting->trunk = g_strdup (td_call_trunk (call));
    waiting->token = td_token_take (token, waiting);
    waiting->dests[0] = waiting->called;
    waiting->dests[1] = waiting->meant;
    waiting->question = (TdPassportQuestion){
        .size = sizeof (TdPassportQuestion),
        .owner = verifier->module,
        .identities = (const char *const *) waiting->identities->pdata,
        .only = "rph",
        .orig = waiting->orig,
        .dests = waiting->dests,
        .values = (const char *const *) waiting->values,
        .call_id = waiting->call_id,
        .trunk = waiting->trunk,
        .done = verified,
        .drop = dropped,
    };
    service->ask (&waiting->question, service->data);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

/* --- Who verifies ------------------------------------------------------------------------ */

static void
release (void *module)
{
    td_feature_release (module, TD_FEATURE_PASSPORT);
}

static void
take_newest (Verifier *verifier)
{
    const void *next = td_feature_acquire (verifier->module, TD_FEATURE_PASSPORT);
    const void *before = atomic_exchange (&verifier->service, next);

    if (before != NULL) {
        td_lane_sweep (verifier->module, NULL, release, release, verifier->module);
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
        td_lane_sweep (verifier->module, NULL, release, release, verifier->module);
    }
}

void
verifier_free (Verifier *verifier)
{
    g_free (verifier);
}
