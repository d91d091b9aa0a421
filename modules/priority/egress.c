/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What marks go out by a trunk: pass, map, generate, strip. */

#include "judge.h"

#include <string.h>

/* At most one value of a namespace (RFC 4412 3.1: "a particular namespace MUST NOT appear more than
 * once"). */
typedef struct {
    const Level *levels[MARKS_MAX];
    unsigned n_levels;
} Chosen;

/* The higher one of a namespace stays. */
static void
choose (Chosen *chosen, const Level *level)
{
    for (unsigned i = 0; i < chosen->n_levels; i++) {
        if (chosen->levels[i]->name_space == level->name_space) {
            chosen->levels[i] = MAX (chosen->levels[i], level); /* in one table, the lowest first */
            return;
        }
    }
    if (chosen->n_levels < MARKS_MAX) {
        chosen->levels[chosen->n_levels++] = level;
    }
}

static bool
is_of (const Level *level, const char *name_space)
{
    return strcmp (level->name_space->name, name_space) == 0;
}

/* Takes back what NAME_SPACE would stand there a second time for, behind a value that is not understood
 * and not ours to touch. */
static void
leave_out (Chosen *chosen, const Namespace *name_space)
{
    for (unsigned i = 0; i < chosen->n_levels; i++) {
        if (chosen->levels[i]->name_space == name_space) {
            chosen->levels[i] = chosen->levels[--chosen->n_levels];
            return;
        }
    }
}

/* Peers exist that look at the first value alone, and want wps before ets. */
static void
append_chosen (GString *text, const Chosen *chosen)
{
    for (unsigned i = 0; i < chosen->n_levels; i++) {
        if (is_of (chosen->levels[i], "wps")) {
            level_append (text, chosen->levels[i]);
        }
    }
    for (unsigned i = 0; i < chosen->n_levels; i++) {
        if (!is_of (chosen->levels[i], "wps")) {
            level_append (text, chosen->levels[i]);
        }
    }
}

/* Of each namespace that may be sent the highest value that the call's class is worth. */
static void
generate (const Policy *policy, const TdPriority *priority, Chosen *chosen)
{
    for (unsigned i = 0; priority->priority_class > TD_CLASS_ORDINARY && i < policy->sent->len;
         i++) {
        const Level *level = policy->sent->pdata[i];
        bool is_its_own = is_of (level, priority->name_space);
        if (is_its_own ? strcmp (level->value, priority->value) == 0
                       : level->priority_class <= priority->priority_class) {
            choose (chosen, level);
        }
    }
}

static const Level *
mapped (const Policy *policy, const Level *level)
{
    for (unsigned i = 0; i < policy->mappings->len; i++) {
        const Mapping *mapping = &g_array_index (policy->mappings, Mapping, i);
        if (mapping->from == level) {
            return mapping->to;
        }
    }
    return level;
}

void
judge_outgoing (const Settings *settings, const char *trunk, TdMarkedRequest request,
                const TdPriority *priority, const char *const *marks, GString *text)
{
    const Policy *policy = settings_policy (settings, trunk);
    Chosen chosen = { .n_levels = 0 };
    Marks read;

    if (request == TD_MARKED_DIALOG) {
        if (policy->marks_dialog && *marks != NULL) {
            g_string_append (text, *marks);
        }
        return;
    }
    if (marks_read (&read, settings->namespaces, marks) != NULL) {
        return; /* nothing that could stand in a message */
    }
    for (unsigned i = 0; i < read.n_marks; i++) {
        const Mark *mark = &read.marks[i];
        if (mark->level == NULL || policy->egress == EGRESS_PASS) {
            mark_append (text, mark);
        } else if (policy->egress == EGRESS_MAP) {
            choose (&chosen, mapped (policy, mark->level));
        }
    }
    if (policy->egress == EGRESS_GENERATE) {
        generate (policy, priority, &chosen);
    }
    for (unsigned i = 0; i < read.n_marks; i++) {
        if (read.marks[i].level == NULL) {
            leave_out (&chosen, read.marks[i].name_space);
        }
    }
    append_chosen (text, &chosen);
}

bool
judge_vouches (const Settings *settings, const char *trunk, const TdPriority *priority,
               const Marks *granted, const Level *level)
{
    const Policy *policy = settings_policy (settings, trunk);

    for (unsigned i = 0; i < granted->n_marks; i++) {
        const Level *one = granted->marks[i].level;
        if (one != NULL
            && (one == level || (policy->egress == EGRESS_MAP && mapped (policy, one) == level))) {
            return true;
        }
    }
    return priority->priority_class > TD_CLASS_ORDINARY
           && level->priority_class <= priority->priority_class
           && g_ptr_array_find (policy->sent, level, NULL);
}

/* RFC 4412 4.7.1: of the values that the peer accepts the best one that we may send and that the call is
 * worth. */
bool
judge_retry (const Settings *settings, const char *trunk, const TdPriority *priority,
             const char *const *accepted, GString *text)
{
    const Policy *policy = settings_policy (settings, trunk);
    const Level *best = NULL;
    Mark mark;

    if (!policy->may_retry || priority->priority_class <= TD_CLASS_ORDINARY) {
        return false;
    }
    for (; *accepted != NULL; accepted++) {
        const char *at = *accepted;
        while (*at != '\0' && marks_next (&at, settings->namespaces, &mark)) {
            const Level *level = mark.level;
            if (level != NULL && level->priority_class <= priority->priority_class
                && g_ptr_array_find (policy->sent, level, NULL)
                && (best == NULL || level->priority_class > best->priority_class)) {
                best = level;
            }
        }
    }
    if (best != NULL) {
        level_append (text, best);
    }
    return best != NULL;
}
