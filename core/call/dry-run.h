/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A route asked for without a call: what would happen to a number. */

#ifndef CORE_CALL_DRY_RUN_H
#define CORE_CALL_DRY_RUN_H

#include <tandem/call.h>
#include <tandem/hook.h>

/* The outcome: HOOK_NAME (nullable: no hook decided) has answered. ROUTES: of TD_HOOK_DONE (transfer
 * none). On the lane that asked. */
typedef void (*TdDryRunDone) (const TdHookAnswer *answer, const char *hook_name,
                              const TdRouteList *routes, void *data);

/* Asks the route hooks where a call from CALLING to CALLED would go. They see a call without legs:
 * td_call_incoming() is NULL. Thread: a lane that carries calls. */
void td_call_dry_run (const TdParty *calling, const TdParty *called, TdDryRunDone done, void *data);

#endif
