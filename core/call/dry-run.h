/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A route asked for without a call: what would happen to a number. */

#ifndef CORE_CALL_DRY_RUN_H
#define CORE_CALL_DRY_RUN_H

#include "call/call.h"

/* What is asked. */
struct TdQuestion {
    TdParty calling, called;
    const char *trunk; /* the trunk group the call would come by, "" for none */
    int64_t time_us;   /* wall */
    /* One line of how the answer is found. */
    void (*explain) (const char *step, const char *text, void *data);
    /* The outcome: HOOK_NAME (nullable: no hook decided) has answered. ROUTES: of TD_HOOK_DONE
     * (transfer none). */
    void (*done) (const TdHookAnswer *answer, const char *hook_name, const TdRouteList *routes,
                  void *data);
    void *data;
};

/* Asks the route hooks QUESTION, which must live until it is done. They see a call without legs:
 * td_call_incoming() is NULL. All answers come on this lane. Thread: a lane that carries calls. */
void td_call_dry_run (const TdQuestion *question);

#endif
