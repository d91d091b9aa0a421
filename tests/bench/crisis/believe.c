/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* believe: for tests, takes any Resource-Priority from the trunks it is told for what it says, and none
 * from others. Stands in where only the treatment is tried and not the trust. */

#include <string.h>
#include <tandem/attribute.h>
#include <tandem/call.h>
#include <tandem/iface/arrival.h>
#include <tandem/module.h>

enum { CLASS = 10 };

static const TdConfigKey keys[] = {
    { .name = "trunks",
      .type = TD_CONFIG_LIST,
      .default_text = "",
      .help = "Whose marks are believed.",
      .since = "0.1" },
};

static const TdConfigSection section = { .size = sizeof (TdConfigSection),
                                         .key_size = sizeof (TdConfigKey),
                                         .name = "believe",
                                         .help = "For tests of priority.",
                                         .keys = keys,
                                         .n_keys = G_N_ELEMENTS (keys) };

typedef struct {
    TdArrivalService service;
    const char *const *trunks; /* of the configuration */
} Believe;

static bool
is_believed (const Believe *believe, const char *trunk)
{
    for (const char *const *name = believe->trunks; *name != NULL; name++) {
        if (strcmp (*name, trunk) == 0) {
            return true;
        }
    }
    return false;
}

static TdStanding
marked (const char *trunk, TdTransport transport, void *data)
{
    return is_believed (data, trunk) ? TD_STANDING_TRUSTED : TD_STANDING_NONE;
}

static TdHookAnswer
admit (void *subject, TdToken *token, void *data)
{
    const Believe *believe = td_module_state (data);
    const TdAttribute *mark = td_attribute_find ("sip.header.resource-priority");
    const TdPriority priority = {
        .name_space = "ets", .value = "0", .priority_class = CLASS, .learnt = TD_LEARNT_MARK
    };
    TdChannel *incoming = td_call_incoming (subject);

    if (believe != NULL && mark != NULL && incoming != NULL
        && td_attributes_text (td_channel_attributes (incoming), mark, 0) != NULL
        && is_believed (believe, td_call_trunk (subject))) {
        td_call_raise_priority (data, subject, &priority, false);
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static bool
start (TdModule *module, GError **error)
{
    Believe *believe = g_new0 (Believe, 1);

    believe->trunks = td_config_list (td_module_config (module), "believe", NULL, "trunks");
    believe->service =
        (TdArrivalService){ .size = sizeof (TdArrivalService), .data = believe, .marked = marked };
    g_free (td_module_state (module));
    td_module_set_state (module, believe);
    return td_hook_add (module, "admit",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "priority.admit",
                                   .data = module,
                                   .ask = admit },
                        error)
           && td_feature_provide (module, TD_FEATURE_ARRIVAL, &believe->service, error);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
    td_module_set_state (module, NULL);
}

TD_MODULE (believe, .summary = "For tests: believes marks", .version = "1.0",
           .license = "LGPL-2.1-or-later",
           .provides = TD_LIST ("priority.class", TD_FEATURE_ARRIVAL), .config = &section,
           .n_config = 1, .start = start, .unload = unload)
