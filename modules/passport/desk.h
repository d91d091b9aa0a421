/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where tokens wait to be verified: a bounded queue for each trunk, served in turn, by few workers.
 *
 *     carrier-a   | t t t t t t |---\
 *     carrier-b   | t |--------------+--> one of each, round and round --> verdict --> the lane that asked
 *     (strangers) | t t t |---------/
 *
 * However many tokens one trunk brings, another one's wait for one of each trunk.
 */

#ifndef PASSPORT_DESK_H
#define PASSPORT_DESK_H

#include "memory.h"

#include <tandem/worker.h>

typedef struct Desk Desk;
typedef struct Job Job;

/* A token that is to be verified. Embed it. */
struct Job {
    TdPost post; /* first: to the lane that asked */
    TdLane *lane;
    const char *trunk; /* as long as the job */
    Identity identity;
    VerdictHash hash;
    Credential *credential; /* nullable */
    Settings *settings;     /* under which it is verified */
    Verdict *verdict;       /* the outcome */
};

Desk *desk_new (TdModule *module, Verdicts *verdicts);
void desk_free (Desk *desk);

/* Takes JOB, whose post will be sent to its lane when it has its verdict. Returns false, with JOB still the
 * caller's, when its trunk's queue is full. Thread: a lane. Blocks: never. */
bool desk_take (Desk *desk, Job *job);

/* How many tokens wait. Thread: any. */
unsigned desk_depth (Desk *desk);

#endif
