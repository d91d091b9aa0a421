/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What marks that come in are worth, in the order of RFC 4412 4.6: read, understood, trusted, allowed. */

#include "judge.h"

#include "foreign.h"

#include <string.h>

/* What is known of one request while it is judged. */
typedef struct {
    const Settings *settings;
    const TdPriorityQuestion *question;
    const Policy *policy;
    Trust trust;
    Marks marks;
    TdPriorityVerdict *verdict;
    GString *pending, *conflict;
} Case;

/* --- Trust ------------------------------------------------------------------------------- */

/* Whether the request came by a way that nobody can forge: mutual TLS, a private network, or a connection
 * from an address of the trunk (RFC 4412 11.3). */
static bool
is_sure (const Policy *policy, const TdPriorityQuestion *question)
{
    if (question->known == TD_PEER_TLS) {
        return true;
    }
    if (policy->has_interface) {
        return question->local != NULL && td_address_is_at (question->local, &policy->interface);
    }
    return question->known != TD_PEER_UNKNOWN && !question->is_spoofable;
}

/* A signature proves itself, whichever way it came. */
static Trust
trust_of (const Policy *policy, const TdPriorityQuestion *question)
{
    return policy->trust == TRUST_ACCEPT && !is_sure (policy, question) ? TRUST_NONE
                                                                        : policy->trust;
}

static bool
is_allowed (const Policy *policy, const Level *level)
{
    return g_hash_table_contains (policy->accepted, level);
}

/* --- Answers ----------------------------------------------------------------------------- */

static void
append_allowed (const Settings *settings, const Policy *policy, GString *text)
{
    for (unsigned i = 0; i < settings->namespaces->in_order->len; i++) {
        const Namespace *name_space = settings->namespaces->in_order->pdata[i];
        for (unsigned j = 0; j < name_space->n_levels; j++) {
            if (is_allowed (policy, &name_space->levels[j])) {
                level_append (text, &name_space->levels[j]);
            }
        }
    }
}

static Judged
refuse (Case *one, unsigned status, const char *reason, Judged judged)
{
    g_string_truncate (one->verdict->kept, 0);
    g_string_truncate (one->pending, 0);
    one->verdict->status = status;
    one->verdict->reason = reason;
    one->verdict->priority = (TdPriority){ 0 };
    return judged;
}

/* RFC 4412 4.6.2, "enumerating the acceptable resource values". Of whoever is not trusted none is accepted, and
 * each is above TD_CLASS_ORDINARY: something to gain. An empty list says so (3.2). */
static Judged
refuse_unknown (Case *one)
{
    if (one->settings->tells_refused) {
        one->verdict->has_accepted = true;
        if (one->trust >= TRUST_ACCEPT) {
            append_allowed (one->settings, one->policy, one->verdict->accepted);
        }
    }
    return refuse (one, 417, NULL, JUDGED_REFUSED);
}

/* --- Judging ----------------------------------------------------------------------------- */

static void
keep (Case *one, const Mark *mark)
{
    mark_append (one->verdict->kept, mark);
}

/* RFC 4412 4.6.2: values that are not understood "MUST NOT be modified or deleted". */
static void
keep_unknown (Case *one)
{
    for (unsigned i = 0; i < one->marks.n_marks; i++) {
        if (one->marks.marks[i].level == NULL) {
            keep (one, &one->marks.marks[i]);
        }
    }
}

static void
keep_all (Case *one)
{
    for (unsigned i = 0; i < one->marks.n_marks; i++) {
        keep (one, &one->marks.marks[i]);
    }
}

/* RFC 4412 8.1: of several values the one with the highest relative priority. */
static void
rise_to (Case *one, const TdPriority *priority)
{
    if (priority->priority_class > one->verdict->priority.priority_class) {
        one->verdict->priority = *priority;
    }
}

static void
rise (Case *one, const Level *level, TdPriorityLearnt learnt)
{
    TdPriority priority;

    level_to_priority (level, learnt, &priority);
    rise_to (one, &priority);
}

static Judged
judge_untrusted (Case *one)
{
    if (one->question->is_required) {
        return refuse_unknown (one);
    }
    if (!one->policy->is_border) {
        keep_all (one);
        return JUDGED_PASSED;
    }
    keep_unknown (one);
    return JUDGED_STRIPPED;
}

/* Those in the list count, or wait for their signature; those beyond it are refused, or taken away. */
static Judged
judge_trusted (Case *one)
{
    Judged judged = one->trust == TRUST_VALIDATE ? JUDGED_PENDING : JUDGED_ACCEPTED;
    unsigned n_beyond = 0;

    for (unsigned i = 0; i < one->marks.n_marks; i++) {
        const Mark *mark = &one->marks.marks[i];
        if (mark->level == NULL) {
            keep (one, mark);
        } else if (!is_allowed (one->policy, mark->level)) {
            n_beyond++;
        } else if (one->trust == TRUST_VALIDATE) {
            mark_append (one->pending, mark);
        } else {
            keep (one, mark);
            rise (one, mark->level, TD_LEARNT_MARK);
        }
    }
    one->verdict->is_pending = one->pending->len > 0;
    if (n_beyond == 0) {
        return judged;
    }
    if (!one->policy->may_downgrade) { /* RFC 4412 4.6.4 */
        return refuse (one, 403, NULL, JUDGED_FORBIDDEN);
    }
    return n_beyond == one->marks.n_understood ? JUDGED_DOWNGRADED : judged;
}

static Judged
judge_marks (Case *one)
{
    if (one->marks.n_understood == 0) {
        if (one->question->is_required) {
            return refuse_unknown (one);
        }
        keep_all (one);
        return JUDGED_UNKNOWN;
    }
    switch (one->trust) {
    case TRUST_NONE:
        return judge_untrusted (one);
    case TRUST_PASS:
        keep_all (one);
        return JUDGED_PASSED;
    default:
        return judge_trusted (one);
    }
}

/* --- Categories, and other protocols ----------------------------------------------------- */

/* CATEGORY counts on a trunk that is believed. */
static void
hear_category (Case *one, const char *category)
{
    g_autofree char *normal = NULL;
    const Level *level;

    if (category == NULL || !one->policy->has_category) {
        return;
    }
    normal = settings_category (category);
    level = foreign_category (one->settings, one->policy, normal);
    if (level != NULL) {
        rise (one, level, TD_LEARNT_CATEGORY);
    }
}

/* The ISUP within a request stands for SAID, its Resource-Priority for something else. */
static void
settle (Case *one, const TdForeign *foreign, TdPriority *said)
{
    static const char *const counts[] = { "the higher one counts", "Resource-Priority counts",
                                          "the ISUP counts" };
    const TdPriority *mark = &one->verdict->priority;

    g_string_printf (one->conflict, "Resource-Priority \"%s.%s\" and the ISUP within, category %u",
                     mark->name_space, mark->value, foreign->category);
    if ((foreign->given & TD_FOREIGN_PRECEDENCE) != 0) {
        g_string_append_printf (one->conflict, ", precedence %u", foreign->precedence);
    }
    g_string_append_printf (one->conflict, ", disagree: %s", counts[one->policy->conflict]);
    switch (one->policy->conflict) {
    case CONFLICT_HEADER:
        *said = (TdPriority){ 0 };
        break;
    case CONFLICT_ISUP:
        one->verdict->priority = (TdPriority){ 0 };
        g_string_truncate (one->verdict->kept, 0);
        keep_unknown (one);
        break;
    case CONFLICT_HIGHER:
        break;
    }
}

static void
hear_foreign (Case *one, const TdForeign *foreign)
{
    TdPriority said, other;

    said = foreign_isup (one->settings, one->policy, foreign);
    other = foreign_other (one->settings, one->policy, foreign);
    if (one->policy->isup != ISUP_NONE && (foreign->given & TD_FOREIGN_CATEGORY) != 0
        && one->verdict->priority.learnt == TD_LEARNT_MARK
        && !foreign_agrees (one->settings, one->policy, foreign, &said, &one->verdict->priority)) {
        settle (one, foreign, &said);
    }
    rise_to (one, &said);
    rise_to (one, &other);
}

/* What is not trusted ends here, as marks do: the next one may believe us. */
static bool
is_void (const Case *one, const TdForeign *foreign)
{
    return one->policy->is_border && one->trust != TRUST_PASS
           && one->verdict->priority.priority_class <= TD_CLASS_ORDINARY
           && foreign_is_marked (one->settings, one->policy, foreign);
}

Judged
judge (const Settings *settings, const TdPriorityQuestion *question, const char *category,
       TdPriorityVerdict *verdict, GString *pending, GString *conflict)
{
    const Policy *policy = settings_policy (settings, question->trunk);
    Case one = { .settings = settings,
                 .question = question,
                 .policy = policy,
                 .trust = trust_of (policy, question),
                 .verdict = verdict,
                 .pending = pending,
                 .conflict = conflict };
    const char *why = marks_read (&one.marks, settings->namespaces, question->marks);
    Judged judged = JUDGED_UNMARKED;

    if (why != NULL) {
        if (!settings->ignores_faulty) {
            return refuse (&one, 400, why, JUDGED_FAULTY);
        }
        one.marks.n_marks = one.marks.n_understood = 0;
        judged = JUDGED_FAULTY;
    } else if (one.marks.n_marks > 0) {
        judged = judge_marks (&one);
    }
    if (verdict->status == 0 && one.trust == TRUST_ACCEPT) {
        if (question->foreign != NULL) {
            hear_foreign (&one, question->foreign);
        }
        hear_category (&one, category);
    }
    verdict->is_foreign_void = question->foreign != NULL && is_void (&one, question->foreign);
    return judged == JUDGED_UNMARKED && verdict->priority.priority_class > 0 ? JUDGED_ACCEPTED
                                                                             : judged;
}

Judged
judge_excess (const Settings *settings, const TdPriorityQuestion *question,
              TdPriorityVerdict *verdict)
{
    Case one = { .verdict = verdict };

    g_string_truncate (verdict->kept, 0);
    verdict->priority = (TdPriority){ 0 };
    if (marks_read (&one.marks, settings->namespaces, question->marks) == NULL) {
        keep_unknown (&one);
    }
    return JUDGED_EXCESS;
}

/* Where it came to is not known yet, and what was signed is not verified: these must keep to a rate. */
TdStanding
judge_standing (const Settings *settings, const char *trunk, TdTransport transport)
{
    const Policy *policy = settings_policy (settings, trunk);

    switch (policy->trust) {
    case TRUST_VALIDATE:
        return TD_STANDING_CLAIMED;
    case TRUST_ACCEPT:
        if (policy->has_interface) {
            return TD_STANDING_CLAIMED;
        }
        return transport == TD_TRANSPORT_UDP ? TD_STANDING_NONE : TD_STANDING_TRUSTED;
    default:
        return TD_STANDING_NONE;
    }
}

bool
judge_accepted (const Settings *settings, const char *trunk, GString *text)
{
    const Policy *policy = settings_policy (settings, trunk);

    if (policy->trust < TRUST_ACCEPT) {
        return false;
    }
    append_allowed (settings, policy, text);
    return true;
}

const NumberRule *
judge_number (const Settings *settings, const char *trunk, const char *number)
{
    uint32_t index = settings->numbers != NULL ? td_prefix_table_find (settings->numbers, number)
                                               : TD_PREFIX_NO_VALUE;

    if (index == TD_PREFIX_NO_VALUE) {
        return NULL;
    }
    const NumberRule *rule = &g_array_index (settings->rules, NumberRule, index);
    return *rule->trunks == NULL || g_strv_contains (rule->trunks, trunk) ? rule : NULL;
}
