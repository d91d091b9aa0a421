/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* marker: stands in the place of a priority service and of a slow neighbour. A call to a number that
 * begins with 7, or with what "prefix" says, has class 8, one that begins with 79 class 9, one to 112 is an
 * emergency call; each call holds its lane up. With "dsn = yes" one to a number that begins with 6 preempts: 61
 * has class 5, 62 class 6 and so on, and 66 is what displaces its like. */

#include <poll.h>
#include <tandem/call.h>
#include <tandem/module.h>

enum { CLASS = 8 };

typedef struct {
    TdModule *module;
    char *prefix;
    bool has_dsn;
    int delay_ms;
} Marker;

static const TdConfigKey keys[] = {
    { .name = "delay",
      .type = TD_CONFIG_DURATION,
      .default_text = "0 ms",
      .max = 1000,
      .help = "How long each call that is routed holds its lane up.",
      .since = "0.1" },
    { .name = "prefix",
      .type = TD_CONFIG_TEXT,
      .default_text = "7",
      .help = "What the numbers of calls with a priority begin with.",
      .since = "0.1" },
    { .name = "dsn",
      .type = TD_CONFIG_BOOL,
      .default_text = "no",
      .help = "Whether numbers that begin with 6 preempt.",
      .since = "0.1" },
};

static const TdConfigSection section = { .size = sizeof (TdConfigSection),
                                         .key_size = sizeof (TdConfigKey),
                                         .name = "marker",
                                         .help = "For tests.",
                                         .keys = keys,
                                         .n_keys = G_N_ELEMENTS (keys) };

static unsigned
class_of (const Marker *marker, const char *number)
{
    return g_str_equal (number, "112")                 ? TD_CLASS_EMERGENCY
           : g_str_has_prefix (number, "79")           ? CLASS + 1
           : g_str_has_prefix (number, marker->prefix) ? CLASS
                                                       : TD_CLASS_ORDINARY;
}

/* Whether NUMBER preempts, and with what. */
static bool
is_dsn (const Marker *marker, const char *number, TdPriority *ret)
{
    if (!marker->has_dsn || number[0] != '6' || number[1] < '1' || number[1] > '6') {
        return false;
    }
    *ret = (TdPriority){ .name_space = "dsn",
                         .value = "x",
                         .learnt = TD_LEARNT_NUMBER,
                         .algorithm =
                             number[1] == '6' ? TD_ALGORITHM_PREEMPT_EQUAL : TD_ALGORITHM_PREEMPT,
                         .priority_class = (uint8_t) (TD_CLASS_ORDINARY + number[1] - '0') };
    return true;
}

static TdHookAnswer
mark (void *subject, TdToken *token, void *data)
{
    const Marker *marker = data;
    unsigned class = class_of (marker, td_party_key (td_call_called (subject)));
    TdPriority priority = { .name_space = "ets",
                            .value = "0",
                            .learnt = TD_LEARNT_NUMBER,
                            .priority_class = (uint8_t) class };

    if (is_dsn (marker, td_party_key (td_call_called (subject)), &priority)
        || class > TD_CLASS_ORDINARY) {
        td_call_raise_priority (marker->module, subject, &priority, false);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static TdHookAnswer
hold_up (void *subject, TdToken *token, void *data)
{
    /* As a look-up that should have gone to a worker would. */
    poll (NULL, 0, ((const Marker *) data)->delay_ms);
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static bool
start (TdModule *module, GError **error)
{
    const TdConfig *config = td_module_config (module);
    Marker *marker = g_new0 (Marker, 1);

    marker->module = module;
    marker->delay_ms = (int) td_config_number (config, "marker", NULL, "delay");
    marker->has_dsn = td_config_bool (config, "marker", NULL, "dsn");
    marker->prefix = g_strdup (td_config_text (config, "marker", NULL, "prefix"));
    td_module_set_state (module, marker);
    return td_hook_add (
               module, "admit",
               &(TdHook){
                   .size = sizeof (TdHook), .name = "priority.admit", .data = marker, .ask = mark },
               error)
           && td_hook_add (module, "route",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "marker.route",
                                      .before = TD_LIST ("route-table.route"),
                                      .data = marker,
                                      .ask = hold_up },
                           error);
}

static void
unload (TdModule *module)
{
    Marker *marker = td_module_state (module);

    if (marker != NULL) {
        g_free (marker->prefix);
        g_free (marker);
    }
    td_module_set_state (module, NULL);
}

TD_MODULE (marker, .summary = "For tests: marks calls, and holds lanes up", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST ("priority.class"),
           .config = &section, .n_config = 1, .start = start, .unload = unload)
