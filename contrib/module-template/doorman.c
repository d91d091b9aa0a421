/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* doorman: refuses calls to numbers that begin as the configuration says. */

#include <string.h>
#include <tandem/call.h>
#include <tandem/module.h>

static const TdConfigKey keys[] = {
    { .name = "refuse",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "900",
      .help = "What numbers begin with that nobody may call.",
      .since = "1.0" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "doorman",
      .help = "Numbers that nobody may call.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

/* Asked on the call's lane before the call is let in. Blocking here would stop every call of the
 * lane; whoever has to wait takes the token and answers later. */
static TdHookAnswer
ask (void *subject, TdToken *token, void *data)
{
    TdCall *call = subject;
    const char *number = td_party_key (td_call_called (call));
    const char *const *refused = td_config_list (td_call_config (call), "doorman", NULL, "refuse");

    for (; *refused != NULL; refused++) {
        if (strncmp (number, *refused, strlen (*refused)) == 0) {
            return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                                   .cause = TD_CAUSE_CALL_REJECTED,
                                   .reason = "The doorman does not let it in" };
        }
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static bool
start (TdModule *module, GError **error)
{
    const TdHook hook = {
        .size = sizeof (TdHook), .name = "doorman.admit", .deadline_ms = 1000, .ask = ask
    };

    return td_hook_add (module, "admit", &hook, error);
}

/* A call keeps the configuration it began with, so a reload needs no work of ours. */
static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    return true;
}

TD_MODULE (doorman, .summary = "Refuses numbers that nobody may call", .version = "1.0",
           .license = "LGPL-2.1-or-later", .config = sections, .n_config = G_N_ELEMENTS (sections),
           .upgrade = TD_UPGRADE_BESIDE, .start = start, .reload = reload)
