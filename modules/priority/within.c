/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Marks that come within a call: which of them raise it, and what goes out from then on. */

#include "within.h"

#include <tandem/call.h>

/* Takes the next mark of the list at *AT; false: there is none. */
static bool
next_mark (const char **at, const NamespaceTable *table, Mark *ret)
{
    return *at != NULL && **at != '\0' && marks_next (at, table, ret);
}

char *
within_rising (const NamespaceTable *table, const char *marks, unsigned priority_class)
{
    GString *text = g_string_new (NULL);
    Mark mark;

    while (next_mark (&marks, table, &mark)) {
        if (mark.level != NULL && mark.level->priority_class > priority_class) {
            mark_append (text, &mark);
        }
    }
    return g_string_free (text, text->len == 0);
}

static bool
has (const NamespaceTable *table, const char *list, const Level *level)
{
    Mark mark;

    while (next_mark (&list, table, &mark)) {
        if (mark.level == level) {
            return true;
        }
    }
    return false;
}

bool
within_knows (const NamespaceTable *table, const char *known, const char *marks)
{
    Mark mark;

    while (next_mark (&marks, table, &mark)) {
        if (!has (table, known, mark.level)) {
            return false;
        }
    }
    return true;
}

static bool
names (const char *list, const NamespaceTable *table, const Namespace *name_space)
{
    Mark mark;

    while (next_mark (&list, table, &mark)) {
        if (mark.name_space != NULL && mark.name_space == name_space) {
            return true;
        }
    }
    return false;
}

char *
within_merge (const NamespaceTable *table, const char *old, const char *more)
{
    GString *text = g_string_new (NULL);
    Mark mark;

    while (next_mark (&old, table, &mark)) {
        if (!names (more, table, mark.name_space)) {
            mark_append (text, &mark);
        }
    }
    while (next_mark (&more, table, &mark)) {
        mark_append (text, &mark);
    }
    return g_string_free (text, FALSE);
}

/* Sets ATTRIBUTE, which has maybe several lists, to these with MARKS. */
static void
add_to (const TdAttribute *attribute, const NamespaceTable *table, TdCall *call, const char *marks)
{
    TdAttributes *attributes = td_call_attributes (call);
    g_autoptr (GString) old = g_string_new (NULL);
    const char *text;

    for (unsigned i = 0; (text = td_attributes_text (attributes, attribute, i)) != NULL; i++) {
        g_string_append_printf (old, "%s%s", old->len > 0 ? ", " : "", text);
    }
    g_autofree char *merged = within_merge (table, old->str, marks);
    td_attributes_set_text (attributes, attribute, merged);
}

void
within_grant (const Known *known, const NamespaceTable *table, TdCall *call, const char *marks)
{
    const TdAttribute *carried = td_attribute_find ("sip.header.resource-priority");

    add_to (known->granted, table, call, marks);
    add_to (known->within, table, call, marks);
    if (carried != NULL) {
        add_to (carried, table, call, marks);
    }
}

void
within_outgoing (const Known *known, const Settings *settings, TdChannel *channel,
                 const char *invite_marks, GString *text)
{
    TdCall *call = td_channel_call (channel);
    const char *raised =
        call != NULL ? td_attributes_text (td_call_attributes (call), known->within, 0) : NULL;
    const char *trunk = td_channel_trunk (channel);
    const TdPriority *priority = td_channel_priority (channel);
    g_autoptr (GString) before = g_string_new (NULL), more = g_string_new (NULL);

    judge_outgoing (settings, trunk, TD_MARKED_DIALOG, priority, TD_LIST (invite_marks), before);
    if (raised != NULL && settings_policy (settings, trunk)->marks_dialog) {
        judge_outgoing (settings, trunk, TD_MARKED_CALL, priority, TD_LIST (raised), more);
    }
    g_autofree char *merged = within_merge (settings->namespaces, before->str, more->str);
    g_string_append (text, merged);
}
