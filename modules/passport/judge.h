/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A token that is good by itself, held against the request that brought it. */

#ifndef PASSPORT_JUDGE_H
#define PASSPORT_JUDGE_H

#include "replay.h"

/* A request as it is compared: read once for all its tokens. */
typedef struct {
    const Settings *settings;
    Canon orig;
    Canon *dests;
    unsigned n_dests;
    bool is_read;              /* its parties are what can be compared */
    const char *const *values; /* claimed, maybe empty */
    const char *priority, *call_id, *trunk;
    int64_t now_us; /* wall */
} Request;

void request_init (Request *request, const TdPassportQuestion *question, const Settings *settings,
                   int64_t now_us);
void request_clear (Request *request);

/* Whether VERDICT holds for REQUEST; FINDING says why not. The values of REQUEST that it authorises are
 * added to RET_VALUES. REPLAYS is nullable: an operator's look is no call. Thread: any; a few us. */
bool judge (const Verdict *verdict, const Request *request, Replays *replays, GPtrArray *ret_values,
            Finding *finding);

#endif
