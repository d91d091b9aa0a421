/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Of tables on a server: hears when there is a new version.
 *
 *     the connection can be read, or it is time --> worker: connect, which version? --> lane: load it
 *
 * The lane waits for the descriptor, so that no worker is kept. Without a connection, or without word,
 * the server is asked as often as a file is looked at.
 */

#include "route.h"

#include "store.h"

#include <tandem/log.h>

enum { BUSY_MS = 2000 };

struct RouteWatch {
    TdWork work; /* first */
    Route *route;
    Store *store;      /* NULL: not connected. The worker's while IS_BUSY */
    int fd;            /* of it */
    TdWatch *readable; /* of FD, while not IS_BUSY */
    bool is_busy;
    atomic_bool is_ending;
    int64_t newest, newest_us;
    GError *error;
    char *loss; /* why there is no connection, or NULL */
};

/* --- On a worker ------------------------------------------------------------------------- */

static bool
goes_on (void *data)
{
    return !atomic_load (&((RouteWatch *) data)->is_ending);
}

static bool
connect_store (RouteWatch *watch, GError **error)
{
    const StoreOptions options = { .busy_ms = BUSY_MS };

    watch->store = store_open (watch->route->path, &options, error);
    if (watch->store == NULL) {
        return false;
    }
    store_set_pulse (watch->store, goes_on, watch);
    watch->fd = store_listen (watch->store, error);
    return watch->fd >= 0;
}

static void
run_asking (TdWork *work)
{
    RouteWatch *watch = (RouteWatch *) work;

    if (watch->store != NULL || connect_store (watch, &watch->error)) {
        store_newest (watch->store, &watch->newest, &watch->newest_us, &watch->error);
    }
}

/* --- On the lane ------------------------------------------------------------------------- */

static void
hear (TdWatch *readable, unsigned conditions, void *data)
{
    route_watch_ask (data);
}

static void
lose (RouteWatch *watch)
{
    TdModule *module = watch->route->module;

    g_clear_pointer (&watch->store, store_close);
    if (watch->loss == NULL) {
        td_log_error (module, "tables", "%s; the tables in use stay", watch->error->message);
    }
    g_free (watch->loss);
    watch->loss = g_strdup (watch->error->message);
    g_clear_error (&watch->error);
}

static void
asked (TdWork *work)
{
    RouteWatch *watch = (RouteWatch *) work;
    Route *route = watch->route;

    watch->is_busy = false;
    if (watch->error != NULL) {
        lose (watch);
        return;
    }
    if (watch->loss != NULL) {
        td_log_notice (route->module, "tables", "connected to %s again", route->name);
        g_clear_pointer (&watch->loss, g_free);
    }
    watch->readable = td_watch_open (route->module, watch->fd, TD_WATCH_READ, hear, watch);
    const RouteTables *known = route_known (route);
    if (watch->newest != known->version || watch->newest_us != known->time_us) {
        route_load (route, false);
    }
}

static void
drop_asking (TdWork *work)
{
    RouteWatch *watch = (RouteWatch *) work;

    watch->is_busy = false;
    g_clear_error (&watch->error);
}

void
route_watch_ask (RouteWatch *watch)
{
    if (watch->is_busy) {
        return;
    }
    g_clear_pointer (&watch->readable, td_watch_close);
    watch->is_busy = true;
    watch->work = (TdWork){ .owner = watch->route->module,
                            .queue = "route-watch",
                            .run = run_asking,
                            .done = asked,
                            .drop = drop_asking };
    td_work_start (&watch->work);
}

/* --- Life -------------------------------------------------------------------------------- */

RouteWatch *
route_watch_new (Route *route)
{
    RouteWatch *watch = g_new0 (RouteWatch, 1);

    watch->route = route;
    return watch;
}

void
route_watch_stop (RouteWatch *watch)
{
    atomic_store (&watch->is_ending, true);
    g_clear_pointer (&watch->readable, td_watch_close);
}

void
route_watch_free (RouteWatch *watch)
{
    if (watch != NULL) {
        store_close (watch->store);
        g_free (watch->loss);
        g_free (watch);
    }
}

const char *
route_watch_loss (const RouteWatch *watch)
{
    return watch->loss;
}
