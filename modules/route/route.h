/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The module's parts, and what they share.
 *
 *     route.db --load.c, on a worker--> RouteTables --snapshot--> hook.c, on the lanes
 *        ^                                  |                        |
 *        +-- tandem-routes, another switch  +--> command.c           +--> dips.c, dip.c --> drivers
 */

#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "decision.h"
#include "dip.h"

#include <stdatomic.h>
#include <tandem/attribute.h>
#include <tandem/bus.h>
#include <tandem/iface/trunk.h>
#include <tandem/metric.h>
#include <tandem/module.h>
#include <tandem/snapshot.h>
#include <tandem/worker.h>

/* One version, compiled. Immutable. */
typedef struct {
    TdTable table; /* first */
    Tables *tables;
    int64_t version, time_us; /* 0 of a file without any, and when it was made */
    Findings *findings;
    int64_t n_rows;
    double took_s;
} RouteTables;

typedef struct Loading Loading;
typedef struct RouteWatch RouteWatch;

typedef struct {
    TdModule *module;
    char *path;          /* of the file, or the URI of the server with its secrets */
    char *name;          /* PATH as it may be shown */
    RouteWatch *watch;   /* of tables on a server, or NULL */
    TdSnapshot *current; /* RouteTables */
    Loading *loading;    /* on its way to a worker and back, or NULL */
    bool is_stale;       /* the same version is to be read again */
    TdTimer poll;
    uint32_t poll_ms;
    uint64_t seen;        /* what the files looked like when they were read */
    char *trouble;        /* why the newest version is not in use, or NULL */
    RouteTables *refused; /* what is wrong with it, or NULL */
    Dips *dips;
    _Atomic (const TdTrunkService *) trunks; /* nullable */
    TdSubscription *features;
    atomic_uint n_decisions;
    const TdAttribute *user_parameters, *number, *jurisdiction, *carrier, *category,
        *line_information, *bearer, *treatment, *announcement, *account;
    TdMetric *version_metric, *decided, *unrouted, *queried;
} Route;

/* The tables, good until the turn is over; there are some from start() on. Thread: a lane. */
static inline const RouteTables *
route_tables (const Route *route)
{
    return (const RouteTables *) td_snapshot_peek (route->current);
}

/* --- load.c ------------------------------------------------------------------------------ */

/* The newest version, at once, and told of: for start(). Errors: the file cannot be read. Blocks. */
RouteTables *route_load_now (Route *route, GError **error);

/* Looks on a worker whether there is a newer version, and takes it over when it is good. IS_FORCED:
 * reads what is there again, because the trunks have changed. Thread: control. */
void route_load (Route *route, bool is_forced);

/* The version that need not be read: in use, or refused. Thread: a lane. */
const RouteTables *route_known (const Route *route);

/* --- watch.c ----------------------------------------------------------------------------- */

RouteWatch *route_watch_new (Route *route);
void route_watch_stop (RouteWatch *watch);
void route_watch_free (RouteWatch *watch); /* nullable */

/* Asks the server on a worker which version is the newest, and loads it where it is not known. Thread:
 * control. */
void route_watch_ask (RouteWatch *watch);

/* Why there is no connection, or NULL. */
const char *route_watch_loss (const RouteWatch *watch);

/* --- hook.c ------------------------------------------------------------------------------ */

bool route_hook_start (Route *route, GError **error);

/* --- command.c --------------------------------------------------------------------------- */

bool route_commands_start (Route *route, GError **error);

#endif
