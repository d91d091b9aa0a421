/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A route asked for without a call. */

#include "call/dry-run.h"

#include "call/call.h"

/* A call that nobody can find: no id, no leg, no fact is told of it. */
typedef struct {
    TdCall call; /* first */
    TdDryRunDone done;
    void *data;
} DryRun;

static void
settled (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    DryRun *dry_run = run->subject;
    TdRouteList *routes = answer->verdict == TD_HOOK_DONE ? answer->payload : NULL;

    dry_run->done (answer, hook_name, routes, dry_run->data);
    td_route_list_free (routes);
    td_attributes_free (dry_run->call.attributes);
    td_call_settings_unref (dry_run->call.settings);
    g_free (dry_run);
}

void
td_call_dry_run (const TdParty *calling, const TdParty *called, TdDryRunDone done, void *data)
{
    DryRun *dry_run = g_new0 (DryRun, 1);

    dry_run->done = done;
    dry_run->data = data;
    dry_run->call.settings = td_call_settings_ref ();
    dry_run->call.calling = *calling;
    dry_run->call.called = *called;
    dry_run->call.attributes = td_attributes_new ();
    dry_run->call.priority.priority_class = TD_CLASS_ORDINARY;
    dry_run->call.hook.subject = dry_run;
    dry_run->call.hook.settled = settled;
    td_hook_run_start (&dry_run->call.hook, "route");
}
