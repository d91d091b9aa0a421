/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module policy from the inside.
 *
 *     policy.c    its life and its configuration
 *     settings.c  the section [policy] taken apart
 *     pool.c      the servers, who is there, who is next
 *     ask.c       the route hook: a call waits while a server is asked, and maybe a second one
 *     keep.c      probes, and what is told of servers that are lost and come back
 *     serve.c     other nodes ask this one
 *     wire-*.c    what goes over the wire
 */

#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "settings.h"
#include "wire.h"

#include <stdatomic.h>
#include <tandem/bus.h>
#include <tandem/iface/http.h>
#include <tandem/module.h>

typedef struct Policy Policy;
typedef struct Probe Probe;

typedef enum {
    LOOKUP_ROUTE,
    LOOKUP_REFUSE,
    LOOKUP_MORE_DIGITS,
    LOOKUP_NONE,
    LOOKUP_BAD,
    N_LOOKUPS,
} Lookup;

struct Policy {
    TdModule *module;
    _Atomic (const TdHttpService *) http; /* NULL: there is none */
    TdSubscription *features;
    TdSnapshot *settings; /* Settings */
    Settings *prepared;
    PoolKeeper keeper;
    TdTopic *lost, *back;
    const TdAttribute *mark;
    TdMetric *lookups[N_LOOKUPS], *alone;

    /* The control lane's. */
    bool serves;
    TdTimer tick;
    Probe *probes[POOL_MAX_SERVERS]; /* one under way for each server, or NULL */
};

/* Thread: a lane, until its turn is over. */
Settings *policy_settings (const Policy *policy);

/* The hook "policy.route". */
bool ask_start (Policy *policy, GError **error);

/* Thread: control. */
void keep_declare (Policy *policy);
void keep_bind (Policy *policy, Pool *pool); /* metrics of its servers */
void keep_unbind (Policy *policy, const Pool *before,
                  const Pool *now); /* of those that have gone */
void keep_start (Policy *policy);
void keep_stop (Policy *policy);
bool commands_start (Policy *policy, GError **error);

/* Thread: control. */
bool serve_start (Policy *policy, const TdHttpService *http, GError **error);
void serve_stop (Policy *policy, const TdHttpService *http);
bool serve_declare (Policy *policy, GError **error);

#endif
