/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routes of one configuration. */

#include "table.h"

#include <string.h>

static void
clear_target (void *data)
{
    TdTarget *target = data;

    g_free ((char *) target->driver);
    g_free ((char *) target->trunk);
    g_free ((char *) target->address);
}

static void
route_free (void *data)
{
    Route *route = data;

    g_free (route->name);
    g_free (route->prefix);
    g_free (route->prepend);
    g_clear_pointer (&route->targets, g_array_unref);
    g_free (route);
}

static void
table_free (TdTable *head)
{
    RouteTable *table = (RouteTable *) head;

    g_clear_pointer (&table->prefixes, td_prefix_table_free);
    g_ptr_array_unref (table->routes);
    g_free (table);
}

static bool
check_prefix (const TdConfig *config, const Route *route, GError **error)
{
    if (!td_prefix_is_valid (route->prefix)) {
        return td_config_refuse (
            config, "route", route->name, "prefix", route->prefix, error,
            "is no prefix: that is digits, * and #, after a + for international "
            "numbers");
    }
    return true;
}

/* A trunk by its name, or "DRIVER:ADDRESS". */
static bool
read_target (const TdConfig *config, const Route *route, const char *text, unsigned group,
             TdTarget *ret_target, GError **error)
{
    const char *colon = strchr (text, ':');
    TdTarget target = {
        .size = sizeof (TdTarget),
        .group = group,
        .no_answer_ms = (uint32_t) td_config_number (config, "route", route->name, "no-answer"),
    };

    if (colon != NULL) {
        target.driver = g_strndup (text, (size_t) (colon - text));
        target.address = g_strdup (text);
    } else if (g_strv_contains (td_config_instances (config, "trunk"), text)) {
        target.trunk = g_strdup (text);
    } else {
        return td_config_refuse (config, "route", route->name, "targets", text, error,
                                 "is the name of no [trunk]; a driver is written DRIVER:");
    }
    *ret_target = target;
    return true;
}

static bool
read_targets (const TdConfig *config, Route *route, GError **error)
{
    const char *const *groups = td_config_list (config, "route", route->name, "targets");

    for (unsigned group = 0; groups[group] != NULL; group++) {
        g_auto (GStrv) names = g_strsplit (groups[group], "+", -1);
        for (char **name = names; *name != NULL; name++) {
            TdTarget target;
            if (!read_target (config, route, g_strstrip (*name), group, &target, error)) {
                return false;
            }
            g_array_append_val (route->targets, target);
        }
    }
    if (route->targets->len == 0) {
        return td_config_refuse (config, "route", route->name, "targets", NULL, error,
                                 "name at least one trunk or driver");
    }
    return true;
}

static Route *
route_new (const TdConfig *config, const char *name)
{
    Route *route = g_new0 (Route, 1);

    route->name = g_strdup (name);
    route->prefix = g_strdup (td_config_text (config, "route", name, "prefix"));
    route->prepend = g_strdup (td_config_text (config, "route", name, "prepend"));
    route->min_digits = (unsigned) td_config_number (config, "route", name, "min-digits");
    route->strip = (unsigned) td_config_number (config, "route", name, "strip");
    route->targets = g_array_new (false, false, sizeof (TdTarget));
    g_array_set_clear_func (route->targets, clear_target);
    return route;
}

/* Of two routes with one prefix the later one is named. */
static bool
add_prefixes (RouteTable *table, const TdConfig *config, GError **error)
{
    g_autofree TdPrefix *prefixes = g_new (TdPrefix, table->routes->len);
    TdPrefix duplicate;

    for (unsigned i = 0; i < table->routes->len; i++) {
        const Route *route = table->routes->pdata[i];
        prefixes[i] = (TdPrefix){ route->prefix, i };
    }
    table->prefixes = td_prefix_table_new (prefixes, table->routes->len, &duplicate);
    if (duplicate.digits != NULL) {
        const Route *route = table->routes->pdata[duplicate.value];
        return td_config_refuse (config, "route", route->name, "prefix", route->prefix, error,
                                 "is the prefix of another [route]");
    }
    return true;
}

RouteTable *
route_table_new (const TdConfig *config, GError **error)
{
    RouteTable *table = g_new0 (RouteTable, 1);
    const char *const *names = td_config_instances (config, "route");

    td_table_init (&table->table, table_free);
    table->routes = g_ptr_array_new_with_free_func (route_free);
    for (; *names != NULL; names++) {
        Route *route = route_new (config, *names);
        g_ptr_array_add (table->routes, route);
        if (!check_prefix (config, route, error) || !read_targets (config, route, error)) {
            td_table_unref (&table->table);
            return NULL;
        }
    }
    if (!add_prefixes (table, config, error)) {
        td_table_unref (&table->table);
        return NULL;
    }
    return table;
}

const Route *
route_table_find (const RouteTable *table, const char *key)
{
    uint32_t index = td_prefix_table_find (table->prefixes, key);

    if (index == TD_PREFIX_NO_VALUE) { /* the empty prefix fits a "+", too */
        index = td_prefix_table_find (table->prefixes, "");
    }
    return index != TD_PREFIX_NO_VALUE ? table->routes->pdata[index] : NULL;
}

bool
route_table_wants_more (const RouteTable *table, const Route *found, const TdParty *called)
{
    return (found != NULL && strlen (called->digits) < found->min_digits)
           || td_prefix_table_has_longer (table->prefixes, td_party_key (called));
}

char *
route_number (const Route *route, const char *key)
{
    if (route->strip == 0 && route->prepend[0] == '\0') {
        return NULL;
    }
    return g_strconcat (route->prepend, key + MIN (route->strip, strlen (key)), NULL);
}
