/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* priority: what Resource-Priority is worth (RFC 4412), and which calls are more than ordinary.
 *
 *     [trunk agency]                         # who may mark calls, and with what
 *     address    = sip:198.51.100.7;transport=tcp
 *     rph-trust  = accept
 *     rph-accept = ets, wps
 */

#include "count.h"
#include "foreign.h"
#include "show.h"
#include "sign.h"
#include "within.h"

#include <string.h>
#include <tandem/call.h>
#include <tandem/log.h>
#include <tandem/module.h>

typedef struct {
    TdModule *module;
    TdSnapshot *settings; /* Settings */
    Settings *prepared;   /* by a reload that is not committed yet */
    Counts *counts;
    Verifier *verifier;
    TdPriorityService service;
    TdArrivalService arrival;
    TdInterworkService interwork;
    Show show;
    TdSubscription *calls;
    Known known;
} Priority;

static const Settings *
settings_of (const Priority *priority)
{
    return (const Settings *) td_snapshot_peek (priority->settings);
}

/* --- What endpoints ask ------------------------------------------------------------------ */

/* As the trunk says it of its caller. */
static const char *
category_of (const TdPriorityQuestion *question)
{
    const TdAttribute *attribute =
        question->channel != NULL ? td_attribute_find ("party.category") : NULL;

    return attribute != NULL
               ? td_attributes_text (td_channel_attributes (question->channel), attribute, 0)
               : NULL;
}

/* RFC 4412 leaves values alone that mean something to others: what a border takes away is told. */
static void
tell_stripped (const Priority *priority, const TdPriorityQuestion *question)
{
    td_log_peer (priority->module, "priority.stripped", question->trunk, NULL,
                 "Resource-Priority \"%.64s\" of a peer that is not trusted with it is taken away",
                 *question->marks);
}

static void
apply_within (Priority *priority, const TdPriorityQuestion *question,
              const TdPriorityVerdict *verdict, const char *pending)
{
    const NamespaceTable *table = settings_of (priority)->namespaces;
    TdCall *call = td_channel_call (question->channel);

    if (call == NULL) {
        return;
    }
    g_autofree char *rising =
        within_rising (table, verdict->kept->str, td_call_priority (call)->priority_class);
    if (verdict->priority.priority_class > TD_CLASS_ORDINARY
        && td_call_raise_priority (priority->module, call, &verdict->priority, true)
        && rising != NULL) {
        within_grant (&priority->known, table, call, rising);
    }
    verifier_ask_within (priority->verifier, call, question, pending);
}

static void
apply (Priority *priority, const TdPriorityQuestion *question, const TdPriorityVerdict *verdict,
       const GString *pending, Judged judged)
{
    if (question->channel == NULL || verdict->status != 0) {
        return;
    }
    if (question->request == TD_MARKED_DIALOG) {
        apply_within (priority, question, verdict, pending->str);
        return;
    }
    if (pending->len > 0) {
        td_attributes_set_text (td_channel_attributes (question->channel), priority->known.pending,
                                pending->str);
    } else if (judged == JUDGED_ACCEPTED) {
        td_attributes_set_text (td_channel_attributes (question->channel), priority->known.granted,
                                verdict->kept->str);
    }
    if (verdict->priority.priority_class > TD_CLASS_ORDINARY
        && question->request == TD_MARKED_CALL) {
        td_channel_classify (priority->module, question->channel, &verdict->priority);
    }
}

/* Whether a call becomes more than ordinary by VERDICT, and there are too many of these. */
static bool
is_excess (const Priority *priority, const TdPriorityQuestion *question,
           const TdPriorityVerdict *verdict)
{
    return verdict->status == 0 && verdict->priority.priority_class > TD_CLASS_ORDINARY
           && question->channel != NULL
           && td_channel_priority (question->channel)->priority_class <= TD_CLASS_ORDINARY
           && !counts_admit (settings_of (priority), question->trunk, priority->module);
}

/* Whoever asks may have been built when there was less to say, and to answer. */
static void
take_question (const TdPriorityQuestion *question, TdPriorityQuestion *ret, TdForeign *ret_foreign)
{
    *ret = (TdPriorityQuestion){ 0 };
    memcpy (ret, question, MIN (question->size, sizeof *ret));
    if (ret->foreign != NULL) {
        *ret_foreign = (TdForeign){ 0 };
        memcpy (ret_foreign, ret->foreign, MIN (ret->foreign->size, sizeof *ret_foreign));
        ret->foreign = ret_foreign;
    }
}

static void
ask_judge (const TdPriorityQuestion *asked, TdPriorityVerdict *ret_verdict, void *data)
{
    Priority *priority = data;
    g_autoptr (GString) pending = g_string_new (NULL), conflict = g_string_new (NULL);
    const size_t size = MIN (ret_verdict->size, sizeof *ret_verdict);
    TdPriorityVerdict verdict = { 0 };
    TdPriorityQuestion question;
    TdForeign foreign;

    take_question (asked, &question, &foreign);
    memcpy (&verdict, ret_verdict, size);
    Judged judged = judge (settings_of (priority), &question, category_of (&question), &verdict,
                           pending, conflict);

    if (is_excess (priority, &question, &verdict)) {
        judged = judge_excess (settings_of (priority), &question, &verdict);
    }
    apply (priority, &question, &verdict, pending, judged);
    counts_judged (priority->counts, judged);
    if (judged == JUDGED_FORBIDDEN || judged == JUDGED_REFUSED) {
        counts_refused (settings_of (priority), question.trunk, REFUSED_HERE);
    }
    if (judged == JUDGED_STRIPPED) {
        tell_stripped (priority, &question);
    }
    if (conflict->len > 0) {
        td_log_peer (priority->module, "priority.conflict", question.trunk, NULL, "%s",
                     conflict->str);
    }
    memcpy (ret_verdict, &verdict, size);
}

static bool
ask_accepted (const char *trunk, GString *text, void *data)
{
    return judge_accepted (settings_of (data), trunk, text);
}

static void
ask_outgoing (TdChannel *channel, TdMarkedRequest request, const char *const *marks, GString *text,
              void *data)
{
    const Priority *priority = data;

    if (request == TD_MARKED_DIALOG) {
        within_outgoing (&priority->known, settings_of (priority), channel, *marks, text);
        return;
    }
    judge_outgoing (settings_of (priority), td_channel_trunk (channel), request,
                    td_channel_priority (channel), marks, text);
}

static TdStanding
ask_standing (const char *trunk, TdTransport transport, void *data)
{
    return judge_standing (settings_of (data), trunk, transport);
}

static void
hear_refused (TdChannel *channel, void *data)
{
    counts_refused (settings_of (data), td_channel_trunk (channel), REFUSED_THERE);
}

/* The peer has answered 417. */
static bool
ask_retry (TdChannel *channel, const char *const *accepted, GString *text, void *data)
{
    return judge_retry (settings_of (data), td_channel_trunk (channel),
                        td_channel_priority (channel), accepted, text);
}

static TdSignatures
ask_sign (const TdPriorityDemand *asked, GPtrArray *identities, void *data)
{
    Priority *priority = data;
    TdPriorityDemand demand = { 0 };
    const Signing signing = { .module = priority->module,
                              .settings = settings_of (priority),
                              .known = &priority->known,
                              .service = verifier_service (priority->verifier) };

    memcpy (&demand, asked, MIN (asked->size, sizeof demand));
    return sign_request (&signing, &demand, identities);
}

static bool
read_mark (const char *mark, TdPriority *ret, void *data)
{
    const char *dot = strrchr (mark, '.');
    const Namespace *name_space =
        dot != NULL ? namespaces_find (settings_of (data)->namespaces, mark, (size_t) (dot - mark))
                    : NULL;
    const Level *level =
        name_space != NULL ? namespace_find_level (name_space, dot + 1, strlen (dot + 1)) : NULL;

    if (level != NULL) {
        level_to_priority (level, TD_LEARNT_DEFAULT, ret);
    }
    return level != NULL;
}

/* --- Other protocols --------------------------------------------------------------------- */

static void
ask_foreign (const char *trunk, const TdPriority *priority, TdForeign *ret, void *data)
{
    const Settings *settings = settings_of (data);
    uint32_t size = MIN (ret->size, sizeof (TdForeign));
    TdForeign foreign;

    foreign_of (settings, settings_policy (settings, trunk), priority, &foreign);
    foreign.size = size;
    memcpy (ret, &foreign, size);
}

static uint8_t
ask_dscp (TdPlane plane, unsigned priority_class, void *data)
{
    return settings_of (data)->interwork->dscp[plane][MIN (priority_class, TD_CLASS_MAX)];
}

/* --- Numbers ----------------------------------------------------------------------------- */

/* The called number says it when the call has been admitted: the late stage. */
static TdHookAnswer
classify_number (void *subject, TdToken *token, void *data)
{
    Priority *priority = data;
    TdCall *call = subject;
    const NumberRule *rule = judge_number (settings_of (priority), td_call_trunk (call),
                                           td_party_key (td_call_called (call)));
    TdPriority learnt;

    if (rule == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    td_call_explain (call, "priority", "[priority-number %s]", rule->name);
    if (rule->kind == NUMBER_FEATURE_CODE) {
        return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                               .cause = rule->cause,
                               .reason = "Feature code" };
    }
    level_to_priority (rule->level, TD_LEARNT_ACCESS, &learnt);
    if (td_call_incoming (call) != NULL) { /* not of a call that is only asked about */
        td_call_raise_priority (priority->module, call, &learnt, true);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static void
hear_call (const TdFact *fact, void *data)
{
    Priority *priority = data;

    if (fact->priority_class > TD_CLASS_ORDINARY) {
        counts_hear (priority->counts, settings_of (priority), fact);
    }
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
check (const TdConfig *config, GError **error)
{
    Settings *settings = settings_new (config, settings_has_passport (config), error);

    if (settings != NULL) {
        td_table_unref (&settings->table);
    }
    return settings != NULL;
}

static const Settings *
settings_now (void *data)
{
    return settings_of (data);
}

static bool
declare_known (Priority *priority, GError **error)
{
    const struct {
        const TdAttribute **place;
        const char *name;
        unsigned flags;
        const char *help;
    } all[] = {
        { &priority->known.granted, "priority.granted", 0, "Marks of priority that count." },
        { &priority->known.pending, "priority.pending", 0,
          "Marks of priority that count when a signature over them has been verified." },
        { &priority->known.tokens, "priority.tokens", TD_ATTRIBUTE_MANY,
          "Signatures over marks of priority that have been verified." },
        { &priority->known.proven, "priority.proven", TD_ATTRIBUTE_MANY,
          "The marks that each of these signatures is over." },
        { &priority->known.within, "priority.within", 0,
          "Marks of priority that have raised the call since it began." },
        { &priority->known.signature, TD_ATTRIBUTE_SIGNATURE, 0,
          "What was found of signatures over what the caller claims." },
        { &priority->known.callback, TD_ATTRIBUTE_CALLBACK, 0,
          "That a signature proves the call to be a PSAP's callback." },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (all); i++) {
        *all[i].place = td_attribute_declare (priority->module, all[i].name, TD_ATTRIBUTE_TEXT,
                                              all[i].flags, all[i].help, error);
        if (*all[i].place == NULL) {
            return false;
        }
    }
    return true;
}

static bool
start_parts (Priority *priority, GError **error)
{
    TdModule *module = priority->module;
    const TdHook hook = {
        .size = sizeof (TdHook),
        .name = "priority.route",
        /* Whoever routes may look at the class. */
        .before = TD_LIST ("policy.route", "registrar.route", "route.route", "route-table.route"),
        .data = priority,
        .ask = classify_number,
    };

    if (!declare_known (priority, error)) {
        return false;
    }
    priority->verifier = verifier_new (module, &priority->known, settings_now, priority, error);
    return priority->verifier != NULL && td_hook_add (module, "route", &hook, error)
           && show_add_commands (module, &priority->show, error)
           && td_feature_provide (module, TD_FEATURE_PRIORITY, &priority->service, error)
           && td_feature_provide (module, TD_FEATURE_ARRIVAL, &priority->arrival, error)
           && td_feature_provide (module, TD_FEATURE_INTERWORK, &priority->interwork, error);
}

static bool
start (TdModule *module, GError **error)
{
    const TdConfig *config = td_module_config (module);
    Settings *settings = settings_new (config, settings_has_passport (config), error);

    if (settings == NULL) {
        return false;
    }
    Priority *priority = g_new0 (Priority, 1);
    priority->module = module;
    priority->counts = counts_new (module);
    counts_prepare (priority->counts, settings);
    priority->settings = td_snapshot_new (module, "priority", &settings->table);
    priority->service = (TdPriorityService){ .size = sizeof (TdPriorityService),
                                             .data = priority,
                                             .judge = ask_judge,
                                             .accepted = ask_accepted,
                                             .outgoing = ask_outgoing,
                                             .retry = ask_retry,
                                             .sign = ask_sign,
                                             .read = read_mark,
                                             .refused = hear_refused };
    priority->arrival = (TdArrivalService){ .size = sizeof (TdArrivalService),
                                            .data = priority,
                                            .marked = ask_standing };
    priority->interwork = (TdInterworkService){
        .size = sizeof (TdInterworkService), .data = priority, .of = ask_foreign, .dscp = ask_dscp
    };
    priority->show = (Show){ settings_now, priority };
    td_module_set_state (module, priority);
    if (!start_parts (priority, error)) {
        return false;
    }
    priority->calls = td_bus_subscribe (
        module, TD_LIST ("call.started", "call.priority", "call.routed", "call.answered"),
        hear_call, priority);
    td_log_notice (
        module, NULL,
        "calls with priority are served; in the United States of America use of GETS and WPS "
        "is restricted to authorised users");
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Priority *priority = td_module_state (module);
    Settings *prepared = g_steal_pointer (&priority->prepared);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        priority->prepared = settings_new (next, settings_has_passport (next), error);
        return priority->prepared != NULL;
    case TD_RELOAD_COMMIT:
        counts_prepare (priority->counts, prepared);
        td_snapshot_swap (priority->settings, &prepared->table);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&prepared->table);
        break;
    }
    return true;
}

static void
stop (TdModule *module)
{
    Priority *priority = td_module_state (module);

    g_clear_pointer (&priority->calls, td_bus_unsubscribe);
    verifier_stop (priority->verifier);
}

static void
unload (TdModule *module)
{
    Priority *priority = td_module_state (module);

    if (priority != NULL) {
        counts_free (priority->counts);
        verifier_free (priority->verifier);
        g_free (priority);
    }
    td_module_set_state (module, NULL);
}

TD_MODULE (priority, .summary = "Resource-Priority: whose calls get through when not all can",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .provides = TD_LIST (TD_FEATURE_ARRIVAL, TD_FEATURE_INTERWORK, TD_FEATURE_PRIORITY,
                                "priority.class"),
           .wants = TD_LIST (TD_FEATURE_PASSPORT), .config = priority_sections,
           .n_config = PRIORITY_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE, .start = start,
           .reload = reload, .stop = stop, .unload = unload, .check = check)
