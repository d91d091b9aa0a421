/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One dip: what is kept, what is under way, whether its source answers. For dip.c and dips.c alone. */

#ifndef ROUTE_DIP_INSIDE_H
#define ROUTE_DIP_INSIDE_H

#include "dip-cache.h"
#include "dip-settings.h"
#include "dip.h"

#include <pthread.h>
#include <stdatomic.h>
#include <tandem/metric.h>
#include <tandem/module.h>

typedef enum {
    METRIC_CACHED,
    METRIC_FOUND,
    METRIC_NOT_FOUND,
    METRIC_FAILED,
    METRIC_LATE,
    METRIC_SPARED,
    N_COUNTERS,
} Counter;

typedef struct Dip {
    atomic_int n_refs;
    TdModule *module;
    char *name, *feature;
    _Atomic (const TdDipDriver *) driver; /* nullable */
    TdMetric *counters[N_COUNTERS], *under_way, *took;
    pthread_mutex_t lock; /* a leaf; of all below */
    DipSettings settings;
    DipCache *cache;
    GHashTable *asked;   /* key -> DipInquiry */
    unsigned n_failures; /* in a row */
    int64_t silent_us;   /* since then (wall), 0: it answers */
    int64_t probe_us;    /* of a silent one: when to ask again */
    char trouble[DIP_ERROR_SIZE];
} Dip;

/* Takes SETTINGS over. Thread: control. */
Dip *dip_new (TdModule *module, const char *name, DipSettings *settings);
Dip *dip_ref (Dip *dip);
void dip_unref (void *dip);

/* Takes SETTINGS over, and forgets what is kept: the driver may ask elsewhere from now on. */
void dip_change (Dip *dip, DipSettings *settings);

/* As dips_peek () and dips_ask (). */
bool dip_peek (Dip *dip, TdDipKind kind, const char *number, DipAnswer *ret_answer);
bool dip_ask (Dip *dip, TdDipKind kind, const char *number, DipWaiter *waiter,
              DipAnswer *ret_answer);

#endif
