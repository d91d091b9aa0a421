/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* route: where calls go, from tables that an operator fills and changes while calls go on.
 *
 *     ingress, translation, plan, screening, portability, route, list --> a route list
 *
 * The tables are in one SQLite file or on a server (store.h), compiled when there is a new
 * version (load.c, watch.c), and
 * asked by the route hook (hook.c). What a call is decided by is decision.h.
 */

#include "route.h"

#include "dip-settings.h"
#include "store.h"

#include <string.h>
#include <tandem/log.h>

static const TdConfigKey keys[] = {
    { .name = "database",
      .type = TD_CONFIG_PATH,
      .help = "The file with the routing tables, which tandem-routes fills; not given: route.db in "
              "the module's state folder.",
      .since = "0.1" },
    { .name = "server",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_SECRET,
      .help = "Instead of a file: the PostgreSQL database with the routing tables, as "
              "postgresql://USER@HOST/DATABASE. A password is better kept in ~/.pgpass.",
      .since = "0.1" },
    { .name = "poll",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1 s",
      .min = 100,
      .max = 3600000,
      .help = "How often to look whether the file has changed, or to try a server that was "
              "lost.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "routing",
      .help = "Where calls go, by tables that are changed while calls go on.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = DIP_SECTION_NAME,
      .help = "A source that is asked where a ported or a toll-free number is served; rows of the "
              "table \"ingress\" name it.",
      .is_named = true,
      .keys = dip_keys,
      .n_keys = N_DIP_KEYS },
};

/* --- How trunks do ----------------------------------------------------------------------- */

/* Another build of the module trunk or of a driver, or none any more. */
static void
hear_feature (const TdFact *fact, void *data)
{
    const char *feature = td_fact_text (fact, "feature");
    Route *route = data;

    if (feature != NULL && g_str_has_prefix (feature, TD_FEATURE_DIP)) {
        dips_hear (route->dips, feature);
    }
    if (g_strcmp0 (feature, TD_FEATURE_TRUNK) != 0) {
        return;
    }
    const TdTrunkService *next = td_feature_acquire (route->module, TD_FEATURE_TRUNK);

    if (atomic_exchange (&route->trunks, next) != NULL) {
        td_feature_release_swept (route->module, TD_FEATURE_TRUNK);
    }
}

/* --- Life -------------------------------------------------------------------------------- */

static void
poll_files (TdTimer *timer)
{
    Route *route = (Route *) ((char *) timer - offsetof (Route, poll));

    if (route->watch == NULL || route->is_stale) {
        route_load (route, false);
    }
    if (route->watch != NULL) {
        route_watch_ask (route->watch);
    }
    td_timer_start (timer, route->poll_ms);
}

static void
configure (Route *route, const TdConfig *config)
{
    route->poll_ms = (uint32_t) td_config_number (config, "routing", NULL, "poll");
}

static bool
find_server (Route *route, GError **error)
{
    const TdConfig *config = td_module_config (route->module);

    route->path = g_strdup (td_config_text (config, "routing", NULL, "server"));
    if (td_config_is_set (config, "routing", NULL, "database")) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "[routing] has both database and server: take one of them out");
        return false;
    }
    if (!store_is_server (route->path)) {
        g_set_error (error, TD_ERROR, TD_ERROR_INVALID,
                     "[routing] server: the value is not postgresql://USER@HOST/DATABASE");
        return false;
    }
    return true;
}

static bool
find_path (Route *route, GError **error)
{
    const TdConfig *config = td_module_config (route->module);
    const char *folder;

    if (td_config_is_set (config, "routing", NULL, "server")) {
        return find_server (route, error);
    }
    if (td_config_is_set (config, "routing", NULL, "database")) {
        route->path = g_strdup (td_config_text (config, "routing", NULL, "database"));
        return true;
    }
    folder = td_module_state_dir (route->module, error);
    route->path = folder != NULL ? g_build_filename (folder, "route.db", NULL) : NULL;
    return folder != NULL;
}

static void
declare_metrics (Route *route)
{
    route->version_metric = td_metric_declare (
        route->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_GAUGE,
                                        .name = "tandem_routing_version",
                                        .help = "Version of the routing tables in use" });
    route->decided = td_metric_declare (
        route->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_COUNTER,
                                        .name = "tandem_routing_routed_total",
                                        .help = "Calls that the routing tables had a route for" });
    route->unrouted = td_metric_declare (
        route->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                        .kind = TD_METRIC_COUNTER,
                                        .name = "tandem_routing_refused_total",
                                        .help = "Calls that the routing tables refused" });
    route->queried = td_metric_declare (
        route->module,
        &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                         .kind = TD_METRIC_COUNTER,
                         .name = "tandem_routing_queried_total",
                         .help = "Calls that failed and went on to where the number is served" });
}

/* Calls wait for nobody: the tables are read before the module says that it runs, while an older build
 * still answers. */
static bool
start (TdModule *module, GError **error)
{
    Route *route = g_new0 (Route, 1);

    route->module = module;
    td_module_set_state (module, route);
    if (!find_path (route, error)) {
        return false;
    }
    route->name = store_show_name (route->path);
    declare_metrics (route);
    RouteTables *tables = route_load_now (route, error);
    if (tables == NULL) {
        return false;
    }
    route->current = td_snapshot_new (module, "routing", &tables->table);
    configure (route, td_module_config (module));
    route->dips = dips_new (module);
    dips_apply (route->dips, td_module_config (module));
    atomic_init (&route->trunks, td_feature_acquire (module, TD_FEATURE_TRUNK));
    route->features = td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, route);
    td_timer_init (&route->poll, module, poll_files);
    td_timer_start (&route->poll, route->poll_ms);
    if (store_is_server (route->path)) {
        route->watch = route_watch_new (route);
        route_watch_ask (route->watch);
    }
    return route_hook_start (route, error) && route_commands_start (route, error)
           && dip_commands_start (route->dips, module, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Route *route = td_module_state (module);

    if (phase == TD_RELOAD_COMMIT) {
        configure (route, next);
        dips_apply (route->dips, next);
        route->is_stale = true; /* trunks and dips may have come or gone: a look at once */
        td_timer_start (&route->poll, 0);
    }
    return true;
}

static void
stop (TdModule *module)
{
    Route *route = td_module_state (module);

    td_timer_stop (&route->poll);
    if (route->watch != NULL) {
        route_watch_stop (route->watch);
    }
    g_clear_pointer (&route->features, td_bus_unsubscribe);
    dips_stop (route->dips);
    if (atomic_exchange (&route->trunks, NULL) != NULL) {
        td_feature_release_swept (module, TD_FEATURE_TRUNK);
    }
}

static void
unload (TdModule *module)
{
    Route *route = td_module_state (module);

    if (route == NULL) {
        return;
    }
    if (route->refused != NULL) {
        td_table_unref (&route->refused->table);
    }
    g_free (route->trouble);
    route_watch_free (route->watch);
    dips_free (route->dips);
    g_free (route->name);
    g_free (route->path);
    g_free (route);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Route *route = td_module_state (module);

    if (route->version_metric != NULL) { /* else it has no file, and is about to go */
        g_variant_dict_insert (info, "database", "s", route->name);
        g_variant_dict_insert (info, "tables_version", "x",
                               td_metric_value (route->version_metric));
    }
}

TD_MODULE (route, .summary = "Where calls go, by tables that change while calls go on",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .provides = TD_LIST ("service.routing"),
           .wants = TD_LIST (TD_FEATURE_TRUNK, TD_FEATURE_DIP "enum", TD_FEATURE_DIP "http",
                             TD_FEATURE_DIP "sql"),
           .config = sections, .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE,
           .start = start, .reload = reload, .stop = stop, .unload = unload, .describe = describe,
           .check = dip_settings_check)
