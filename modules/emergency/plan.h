/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which PSAPs a call goes to, one after the other.
 *
 *     LoST's URIs -> those of the caller's location -> of his region -> the fallback, whoever it is for
 */

#ifndef EMERGENCY_PLAN_H
#define EMERGENCY_PLAN_H

#include "keys.h"
#include "settings.h"

#include <tandem/call.h>

typedef struct {
    const Settings *settings;
    const char *service; /* a URN */
    const Place *place;  /* nullable */
    const Region *region;
    char *const *uris; /* nullable */
    TdId call;         /* TD_ID_NONE: of a call that is not made: it gets no number of its own */
    const TdParty *calling;
    Keys *keys;
    int64_t now_us; /* wall */
} PlanQuestion;

typedef struct {
    TdRouteList *routes;
    const char *psap; /* the first one: its name, or URI */
    bool has_key;     /* a number that stands for the call: keys_end () */
} Plan;

/* Transfer full of ROUTES, which has no target where nothing is configured. */
void plan_make (const PlanQuestion *question, Plan *ret);

/* For a call that only tests whether PSAP can be reached. */
TdRouteList *plan_test (const Psap *psap, const char *service);

#endif
