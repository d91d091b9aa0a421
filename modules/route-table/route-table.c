/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* route-table: the longest prefix of the called number names the targets. From configuration.
 *
 *     [route north]
 *     prefix = 49
 *     targets = carrier-a, carrier-b + carrier-c, echo:
 *
 * carrier-a is tried first, with all its members; then carrier-b and carrier-c ring together; then the driver echo. A
 * target is the name of a trunk, or DRIVER:ADDRESS.
 */

#include "table.h"

#include <tandem/call.h>
#include <tandem/log.h>
#include <tandem/module.h>
#include <tandem/snapshot.h>

typedef struct {
    TdSnapshot *table;    /* RouteTable */
    RouteTable *prepared; /* by a reload that is not committed yet */
} State;

static const TdConfigKey keys[] = {
    { .name = "prefix",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "What the called number begins with: digits, * and #, or + for an international "
              "number. Empty: any number and any name. The longest prefix that fits is taken.",
      .since = "0.1" },
    { .name = "min-digits",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .unit = "digits",
      .min = 0,
      .max = 32,
      .help = "Overlap dialling: with fewer digits, more are awaited.",
      .since = "0.1" },
    { .name = "strip",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0",
      .unit = "digits",
      .min = 0,
      .max = 32,
      .help = "How many digits to take off the front of the number that is sent.",
      .since = "0.1" },
    { .name = "prepend",
      .type = TD_CONFIG_TEXT,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "",
      .help = "Digits to put in front of the number that is sent.",
      .since = "0.1" },
    { .name = "targets",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE | TD_CONFIG_REQUIRED,
      .help = "Where the call goes: trunks, or DRIVER:ADDRESS, tried in turn; those joined by + "
              "ring together.",
      .since = "0.1" },
    { .name = "no-answer",
      .type = TD_CONFIG_DURATION,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "0 s",
      .min = 0,
      .max = 3600000,
      .help = "How long a target may ring before the next one is tried; 0: as [call] says.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "route",
      .help = "Where numbers with a prefix go.",
      .is_named = true,
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

static TdHookAnswer
answer_with (const Route *route, const TdParty *called)
{
    TdRouteList *list = td_route_list_new (route->name);
    g_autofree char *number = route_number (route, td_party_key (called));

    for (unsigned i = 0; i < route->targets->len; i++) {
        TdTarget target = g_array_index (route->targets, TdTarget, i);
        target.number = number;
        td_route_list_add (list, &target);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_DONE, .payload = list };
}

/* For "route test". */
static void
explain (TdCall *call, const Route *route)
{
    const char *key = td_party_key (td_call_called (call));

    if (route == NULL) {
        td_call_explain (call, "prefix", "no [route] has a prefix that \"%s\" begins with", key);
    } else {
        td_call_explain (call, "prefix",
                         "\"%s\" is the longest one that \"%s\" begins with: [route %s]",
                         route->prefix, key, route->name);
    }
}

static TdHookAnswer
route_call (void *subject, TdToken *token, void *data)
{
    const State *state = data;
    const RouteTable *table = (const RouteTable *) td_snapshot_peek (state->table);
    const TdParty *called = td_call_called (subject);
    const Route *route = route_table_find (table, td_party_key (called));

    explain (subject, route);
    if (!called->is_complete && route_table_wants_more (table, route, called)) {
        return (TdHookAnswer){ .verdict = TD_HOOK_MORE_DIGITS };
    }
    return route != NULL ? answer_with (route, called)
                         : (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static bool
check (const TdConfig *config, GError **error)
{
    RouteTable *table = route_table_new (config, error);

    if (table != NULL) {
        td_table_unref (&table->table);
    }
    return table != NULL;
}

static bool
start (TdModule *module, GError **error)
{
    RouteTable *table = route_table_new (td_module_config (module), error);

    if (table == NULL) {
        return false;
    }
    State *state = g_new0 (State, 1);
    td_module_set_state (module, state);
    state->table = td_snapshot_new (module, "routes", &table->table);
    return td_hook_add (module, "route",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "route-table.route",
                                   .data = state,
                                   .ask = route_call },
                        error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        state->prepared = route_table_new (next, error);
        return state->prepared != NULL;
    case TD_RELOAD_COMMIT:
        td_snapshot_swap (state->table, &state->prepared->table);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&state->prepared->table);
        break;
    }
    state->prepared = NULL;
    return true;
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("route-table", .summary = "Routes by the longest prefix, from configuration",
                 .version = "1.0", .license = "LGPL-2.1-or-later",
                 .provides = TD_LIST ("service.routing"), .config = sections,
                 .n_config = G_N_ELEMENTS (sections), .upgrade = TD_UPGRADE_BESIDE, .start = start,
                 .reload = reload, .unload = unload, .check = check)
