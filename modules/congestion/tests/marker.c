/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* marker: stands in the place of a priority service and of a slow neighbour. A call to a number that
 * begins with 7 has class 8, one to 112 is an emergency call; each call holds its lane up. */

#include <poll.h>
#include <tandem/call.h>
#include <tandem/module.h>

enum { CLASS = 8 };

static const TdConfigKey keys[] = {
    { .name = "delay",
      .type = TD_CONFIG_DURATION,
      .default_text = "0 ms",
      .max = 1000,
      .help = "How long each call that is routed holds its lane up.",
      .since = "0.1" },
};

static const TdConfigSection section = { .size = sizeof (TdConfigSection),
                                         .key_size = sizeof (TdConfigKey),
                                         .name = "marker",
                                         .help = "For tests.",
                                         .keys = keys,
                                         .n_keys = G_N_ELEMENTS (keys) };

static TdHookAnswer
mark (void *subject, TdToken *token, void *data)
{
    const char *number = td_party_key (td_call_called (subject));
    TdPriority priority = { .name_space = "ets", .value = "0", .learnt = TD_LEARNT_NUMBER };

    if (g_str_has_prefix (number, "7") || g_str_equal (number, "112")) {
        priority.priority_class = *number == '7' ? CLASS : TD_CLASS_EMERGENCY;
        td_call_raise_priority (data, subject, &priority, false);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static TdHookAnswer
hold_up (void *subject, TdToken *token, void *data)
{
    /* As a look-up that should have gone to a worker would. */
    poll (NULL, 0, GPOINTER_TO_INT (td_module_state (data)));
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static bool
start (TdModule *module, GError **error)
{
    int64_t delay_ms = td_config_number (td_module_config (module), "marker", NULL, "delay");

    td_module_set_state (module, GINT_TO_POINTER (delay_ms));
    return td_hook_add (
               module, "admit",
               &(TdHook){
                   .size = sizeof (TdHook), .name = "priority.admit", .data = module, .ask = mark },
               error)
           && td_hook_add (module, "route",
                           &(TdHook){ .size = sizeof (TdHook),
                                      .name = "marker.route",
                                      .before = TD_LIST ("route-table.route"),
                                      .data = module,
                                      .ask = hold_up },
                           error);
}

TD_MODULE (marker, .summary = "For tests: marks calls, and holds lanes up", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST ("priority.class"),
           .config = &section, .n_config = 1, .start = start)
