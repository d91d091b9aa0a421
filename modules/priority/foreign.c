/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Priority in protocols other than SIP: what they say here, and what is said there. */

#include "foreign.h"

#include <string.h>

static bool
is_given (const TdForeign *foreign, TdForeignField field)
{
    return (foreign->given & field) != 0;
}

static bool
may_use (const Policy *policy, const Level *level)
{
    return level != NULL && g_hash_table_contains (policy->accepted, level);
}

/* --- From there -------------------------------------------------------------------------- */

static const CategoryRule *
find_rule (const GArray *rules, const char *category)
{
    for (unsigned i = 0; rules != NULL && i < rules->len; i++) {
        const CategoryRule *rule = &g_array_index (rules, CategoryRule, i);
        if (strcmp (rule->category, category) == 0) {
            return rule;
        }
    }
    return NULL;
}

const Level *
foreign_category (const Settings *settings, const Policy *policy, const char *category)
{
    const CategoryRule *rule = find_rule (
        policy->categories != NULL ? policy->categories : settings->categories, category);

    return rule != NULL && may_use (policy, rule->level) ? rule->level : NULL;
}

bool
foreign_is_marked (const Settings *settings, const Policy *policy, const TdForeign *foreign)
{
    char category[4];

    g_snprintf (category, sizeof category, "%u", foreign->category);
    return is_given (foreign, TD_FOREIGN_PRECEDENCE)
           || (is_given (foreign, TD_FOREIGN_CATEGORY)
               && (find_rule (policy->categories, category) != NULL
                   || find_rule (settings->categories, category) != NULL));
}

/* Whether LINE has what FOREIGN says in FIELD. */
static bool
has_same (const InterworkLine *line, const TdForeign *foreign, TdForeignField field)
{
    const TdForeign *own = &line->foreign;

    if (!is_given (own, field)) {
        return false;
    }
    switch (field) {
    case TD_FOREIGN_PRECEDENCE:
        return own->precedence == foreign->precedence;
    case TD_FOREIGN_CONTEXT: /* the flag alone: any of them */
        return own->is_ieps == foreign->is_ieps
               && (own->context_priority == foreign->context_priority
                   || (foreign->is_ieps && foreign->context_priority == 0));
    case TD_FOREIGN_RADIO:
        return own->radio_level == foreign->radio_level;
    default:
        return own->emlpp == foreign->emlpp;
    }
}

/* The first line that has what FOREIGN says in FIELD and that a trunk of POLICY may use. NAME_SPACE
 * (nullable): of that one. */
static const Level *
find_line (const Settings *settings, const Policy *policy, const TdForeign *foreign,
           TdForeignField field, const Namespace *name_space)
{
    const GPtrArray *lines = settings->interwork->in_order;
    const bool is_any = field == TD_FOREIGN_CONTEXT && foreign->context_priority == 0;
    const Level *found = NULL;

    for (unsigned i = 0; i < lines->len; i++) {
        const InterworkLine *line = lines->pdata[i];
        if (!may_use (policy, line->level) || !has_same (line, foreign, field)
            || (name_space != NULL && line->level->name_space != name_space)) {
            continue;
        }
        if (!is_any) {
            return line->level;
        }
        if (found == NULL || line->level->priority_class < found->priority_class) {
            found = line->level; /* no more than what was said for certain */
        }
    }
    return found;
}

/* A precedence without a category of its own is MLPP's (ITU-T Q.735.3). */
static const Level *
find_mlpp (const Settings *settings, const Policy *policy, const TdForeign *foreign)
{
    const GPtrArray *lines = settings->interwork->in_order;

    for (unsigned i = 0; i < lines->len; i++) {
        const InterworkLine *line = lines->pdata[i];
        if (line->ansi == 0 && line->itu == 0 && may_use (policy, line->level)
            && has_same (line, foreign, TD_FOREIGN_PRECEDENCE)) {
            return line->level;
        }
    }
    return NULL;
}

TdPriority
foreign_isup (const Settings *settings, const Policy *policy, const TdForeign *foreign)
{
    const bool has_precedence = is_given (foreign, TD_FOREIGN_PRECEDENCE);
    const Level *level = NULL, *exact;
    TdPriority said = { .priority_class = 0 };

    if (policy->isup == ISUP_NONE) {
        return said;
    }
    if (is_given (foreign, TD_FOREIGN_CATEGORY)) {
        char category[4];
        g_snprintf (category, sizeof category, "%u", foreign->category);
        level = foreign_category (settings, policy, category);
    }
    if (level == NULL && has_precedence) {
        level = find_mlpp (settings, policy, foreign);
    } else if (level != NULL && has_precedence
               && (exact = find_line (settings, policy, foreign, TD_FOREIGN_PRECEDENCE,
                                      level->name_space))
                      != NULL) {
        level = exact;
    }
    if (level != NULL) {
        level_to_priority (level, TD_LEARNT_CATEGORY, &said);
    }
    return said;
}

TdPriority
foreign_other (const Settings *settings, const Policy *policy, const TdForeign *foreign)
{
    static const TdForeignField fields[] = { TD_FOREIGN_CONTEXT, TD_FOREIGN_RADIO,
                                             TD_FOREIGN_EMLPP };
    const Level *best = NULL;
    TdPriority said = { .priority_class = 0 };

    for (size_t i = 0; i < G_N_ELEMENTS (fields); i++) {
        const Level *level = is_given (foreign, fields[i])
                                 ? find_line (settings, policy, foreign, fields[i], NULL)
                                 : NULL;
        if (level != NULL && (best == NULL || level->priority_class > best->priority_class)) {
            best = level;
        }
    }
    if (best != NULL) {
        level_to_priority (best, TD_LEARNT_MARK, &said);
    }
    if (foreign->is_emergency && is_given (foreign, TD_FOREIGN_CONTEXT)
        && said.priority_class < TD_CLASS_EMERGENCY) {
        said = (TdPriority){ .name_space = "sos",
                             .value = "sos",
                             .priority_class = TD_CLASS_EMERGENCY,
                             .algorithm = TD_ALGORITHM_QUEUE,
                             .learnt = TD_LEARNT_MARK };
    }
    return said;
}

static uint8_t
category_of (const Policy *policy, const InterworkLine *line)
{
    if (line == NULL || policy->isup == ISUP_NONE) {
        return 0;
    }
    return policy->isup == ISUP_ANSI ? line->ansi : line->itu;
}

bool
foreign_agrees (const Settings *settings, const Policy *policy, const TdForeign *foreign,
                const TdPriority *said, const TdPriority *mark)
{
    const InterworkLine *line = interwork_find (settings->interwork, mark);
    const uint8_t category = category_of (policy, line);
    const bool has_both = line != NULL && is_given (foreign, TD_FOREIGN_PRECEDENCE)
                          && is_given (&line->foreign, TD_FOREIGN_PRECEDENCE);
    const bool is_same = has_both && line->foreign.precedence == foreign->precedence;

    if (category == 0) { /* a mark that no category stands for, as those of MLPP */
        return said->priority_class == 0 || is_same;
    }
    return is_given (foreign, TD_FOREIGN_CATEGORY) && foreign->category == category
           && (!has_both || is_same);
}

/* --- To there ---------------------------------------------------------------------------- */

/* Its value's number in its namespace: "the greatest priority is always allocated value 0" (RFC 6401 7). */
static void
set_rank (const Settings *settings, const TdPriority *priority, TdForeign *ret)
{
    const Namespace *name_space =
        namespaces_find (settings->namespaces, priority->name_space, strlen (priority->name_space));
    const Level *level = name_space != NULL ? namespace_find_level (name_space, priority->value,
                                                                    strlen (priority->value))
                                            : NULL;

    if (level != NULL) {
        ret->given |= TD_FOREIGN_RANK;
        ret->rank = (uint8_t) (name_space->n_levels - 1 - (size_t) (level - name_space->levels));
    }
}

/* As the profile of the trunk has it. */
static void
set_profile (const Policy *policy, const InterworkLine *line, TdForeign *ret)
{
    uint32_t hidden = 0;

    ret->category = category_of (policy, line);
    ret->given |= ret->category != 0 ? TD_FOREIGN_CATEGORY : 0;
    if (policy->isup != ISUP_ANSI) {
        hidden |= TD_FOREIGN_MESSAGE_PRIORITY;
        ret->message_priority = 0;
    }
    if (policy->isup == ISUP_NONE || !policy->says_precedence) {
        hidden |= TD_FOREIGN_PRECEDENCE;
        ret->precedence = 0;
    } else if (is_given (ret, TD_FOREIGN_PRECEDENCE)) {
        ret->precedence_network = policy->precedence_network;
        ret->precedence_domain = policy->precedence_domain;
    }
    if (!policy->has_model) {
        hidden |= TD_FOREIGN_ADMISSION;
        ret->admission = 0;
    } else {
        ret->model = (uint8_t) policy->model;
    }
    ret->given &= ~hidden;
}

void
foreign_of (const Settings *settings, const Policy *policy, const TdPriority *priority,
            TdForeign *ret)
{
    const InterworkLine *line = priority->priority_class > TD_CLASS_ORDINARY
                                    ? interwork_find (settings->interwork, priority)
                                    : NULL;

    *ret = (TdForeign){ .size = sizeof *ret };
    if (line == NULL) {
        return;
    }
    *ret = line->foreign;
    ret->size = sizeof (TdForeign);
    set_profile (policy, line, ret);
    ret->may_queue = is_given (ret, TD_FOREIGN_RADIO);
    ret->may_preempt = ret->may_queue && priority->algorithm != TD_ALGORITHM_QUEUE;
    if (policy->has_model) {
        set_rank (settings, priority, ret);
    }
}
