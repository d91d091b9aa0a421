/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A route asked for without a call. */

#include "call/dry-run.h"

/* A call that nobody can find: no id, no leg, no fact is told of it. */

static void
settled (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    TdCall *call = run->subject;
    TdRouteList *routes = answer->verdict == TD_HOOK_DONE ? answer->payload : NULL;

    call->question->done (answer, hook_name, routes, call->question->data);
    td_route_list_free (routes);
    td_attributes_free (call->attributes);
    td_call_settings_unref (call->settings);
    g_free (call);
}

void
td_call_dry_run (const TdQuestion *question)
{
    TdCall *call = g_new0 (TdCall, 1);

    call->question = question;
    call->settings = td_call_settings_ref ();
    call->calling = question->calling;
    call->called = question->called;
    call->attributes = td_attributes_new ();
    call->priority.priority_class = TD_CLASS_ORDINARY;
    call->hook.subject = call;
    call->hook.settled = settled;
    td_hook_run_start (&call->hook, "route");
}
