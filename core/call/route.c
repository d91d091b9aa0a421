/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Route lists: what a route hook answers with. */

#include "call/call.h"

#include <string.h>

enum { MAX_TARGETS = 100 };

struct TdRouteList {
    char *label;
    TdHuntRules rules;
    GArray *targets;     /* TdTarget, texts our own */
    TdRouteList *before; /* the one whose place this one has taken; nullable */
};

static void
clear_target (void *data)
{
    TdTarget *target = data;

    g_free ((char *) target->driver);
    g_free ((char *) target->trunk);
    g_free ((char *) target->address);
    g_free ((char *) target->number);
    g_free ((char *) target->calling);
}

TdRouteList *
td_route_list_new (const char *label)
{
    TdRouteList *list = g_new0 (TdRouteList, 1);

    list->label = g_strdup (label);
    list->targets = g_array_new (false, false, sizeof (TdTarget));
    g_array_set_clear_func (list->targets, clear_target);
    return list;
}

void
td_route_list_free (TdRouteList *list)
{
    if (list != NULL) {
        td_route_list_free (list->before);
        g_array_unref (list->targets);
        g_free (list->label);
        g_free (list);
    }
}

void
td_route_list_follow (TdRouteList *list, TdRouteList *before)
{
    g_return_if_fail (list->before == NULL);
    list->before = before;
}

bool
td_route_list_add (TdRouteList *list, const TdTarget *target)
{
    TdTarget copy = { 0 };

    if (list->targets->len == MAX_TARGETS) {
        return false;
    }
    memcpy (&copy, target, MIN (target->size, sizeof (TdTarget)));
    copy.size = sizeof (TdTarget);
    copy.driver = g_strdup (copy.driver);
    copy.trunk = g_strdup (copy.trunk);
    copy.address = g_strdup (copy.address);
    copy.number = g_strdup (copy.number);
    copy.calling = g_strdup (copy.calling);
    g_array_append_val (list->targets, copy);
    return true;
}

TdRouteList *
td_route_list_part (const TdRouteList *list, unsigned first, const char *trunk)
{
    TdRouteList *part = td_route_list_new (list->label);

    part->rules = list->rules;
    for (unsigned i = first; i < list->targets->len; i++) {
        const TdTarget *target = td_route_list_target (list, i);
        if (trunk == NULL || g_strcmp0 (target->trunk, trunk) == 0) {
            td_route_list_add (part, target);
        }
    }
    return part;
}

void
td_route_list_set_rules (TdRouteList *list, const TdHuntRules *rules)
{
    list->rules = (TdHuntRules){ 0 };
    memcpy (&list->rules, rules, MIN (rules->size, sizeof (TdHuntRules)));
}

const TdHuntRules *
td_route_list_rules (const TdRouteList *list)
{
    return &list->rules;
}

unsigned
td_route_list_length (const TdRouteList *list)
{
    return list->targets->len;
}

const TdTarget *
td_route_list_target (const TdRouteList *list, unsigned index)
{
    return index < list->targets->len ? &g_array_index (list->targets, TdTarget, index) : NULL;
}

const char *
td_route_list_label (const TdRouteList *list)
{
    return list->label;
}
