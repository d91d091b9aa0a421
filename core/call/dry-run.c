/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A route asked for without a call. */

#include "base/owner.h"
#include "call/call.h"

#include <string.h>

/* A call that nobody can find: no id, no leg, no fact is told of it. */
typedef struct {
    TdCall call; /* first */
    TdRouteQuestion question;
    TdAttributes *attributes; /* those the question brought none of */
} DryRun;

static void
settled (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    DryRun *dry_run = run->subject;
    TdModule *owner = dry_run->question.owner;
    TdRouteList *routes = answer->verdict == TD_HOOK_DONE ? answer->payload : NULL;

    dry_run->question.done (answer, hook_name, routes, dry_run->question.data);
    td_route_list_free (routes);
    td_attributes_free (dry_run->attributes);
    td_call_settings_unref (dry_run->call.settings);
    g_free (dry_run);
    td_owner_unuse (td_owner_of (owner));
}

void
td_route_ask (const TdRouteQuestion *question)
{
    DryRun *dry_run = g_new0 (DryRun, 1);
    TdCall *call = &dry_run->call;

    memcpy (&dry_run->question, question, MIN (question->size, sizeof dry_run->question));
    td_owner_use (td_owner_of (question->owner));
    call->question = &dry_run->question;
    call->settings = td_call_settings_ref ();
    call->calling = question->calling;
    call->called = question->called;
    if (question->attributes == NULL) {
        dry_run->attributes = td_attributes_new ();
    }
    call->attributes = question->attributes != NULL ? question->attributes : dry_run->attributes;
    call->priority = question->priority;
    call->priority.priority_class =
        MAX (call->priority.priority_class, (uint8_t) TD_CLASS_ORDINARY);
    call->hook.subject = dry_run;
    call->hook.settled = settled;
    td_hook_run_start (&call->hook, "route");
}
