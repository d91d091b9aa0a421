/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* burn: makes each call cost a stated time of the processor, as heavy routing would, so that what a switch
 * can carry is known and is reached. A call to the number 0000 holds its lane up without burning. */

#include <poll.h>
#include <string.h>
#include <tandem/call.h>
#include <tandem/module.h>
#include <time.h>

static const TdConfigKey keys[] = {
    { .name = "microseconds",
      .type = TD_CONFIG_INTEGER,
      .default_text = "0",
      .max = 1000000,
      .help = "Processor time that each call that is routed takes from its lane.",
      .since = "0.1" },
    { .name = "stall",
      .type = TD_CONFIG_DURATION,
      .default_text = "5 s",
      .max = 60000,
      .help = "How long a call to 0000 holds its lane up.",
      .since = "0.1" },
};

static const TdConfigSection section = { .size = sizeof (TdConfigSection),
                                         .key_size = sizeof (TdConfigKey),
                                         .name = "burn",
                                         .help = "For tests of overload.",
                                         .keys = keys,
                                         .n_keys = G_N_ELEMENTS (keys) };

typedef struct {
    int64_t burn_us;
    int stall_ms;
} Burn;

/* What others take from the processor meanwhile is not counted. */
static int64_t
own_us (void)
{
    struct timespec time;

    clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
    return (int64_t) time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static TdHookAnswer
burn (void *subject, TdToken *token, void *data)
{
    const Burn *settings = td_module_state (data);

    if (settings == NULL) {
        return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
    }
    if (strcmp (td_party_key (td_call_called (subject)), "0000") == 0) {
        poll (NULL, 0, settings->stall_ms);
        return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                               .cause = TD_CAUSE_NORMAL_UNSPECIFIED,
                               .reason = "The lane stood still" };
    }
    for (int64_t end_us = own_us () + settings->burn_us; own_us () < end_us;) {
    }
    return (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE };
}

static bool
start (TdModule *module, GError **error)
{
    const TdConfig *config = td_module_config (module);
    Burn *settings = g_new0 (Burn, 1);

    settings->burn_us = td_config_number (config, "burn", NULL, "microseconds");
    settings->stall_ms = (int) td_config_number (config, "burn", NULL, "stall");
    g_free (td_module_state (module));
    td_module_set_state (module, settings);
    return td_hook_add (module, "route",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "burn.route",
                                   .before = TD_LIST ("route-table.route"),
                                   .data = module,
                                   .ask = burn },
                        error);
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
    td_module_set_state (module, NULL);
}

TD_MODULE (burn, .summary = "For tests: each call costs processor time", .version = "1.0",
           .license = "LGPL-2.1-or-later", .config = &section, .n_config = 1, .start = start,
           .unload = unload)
