/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that adds the key "seats" to a section that somebody else declares, and says what it knows
 * of it. */

#include <tandem/module.h>

#ifndef ADDER_NAME
#define ADDER_NAME "adder"
#endif
#ifndef ADDER_SECTION
#define ADDER_SECTION "trunk"
#endif

static const TdConfigKey keys[] = {
    { .name = "seats",
      .type = TD_CONFIG_INTEGER,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "1",
      .min = 1,
      .max = 9,
      .help = "How many may sit." },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = ADDER_SECTION,
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys),
      .is_addition = true },
};

/* The seats of all instances, and how often a reload was taken over. */
typedef struct {
    int64_t seats;
    unsigned n_reloads;
} State;

static int64_t
count_seats (const TdConfig *config)
{
    const char *const *names = td_config_instances (config, ADDER_SECTION);
    int64_t seats = 0;

    for (unsigned i = 0; names[i] != NULL; i++) {
        seats += td_config_number (config, ADDER_SECTION, names[i], "seats");
    }
    return seats;
}

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    td_module_set_state (module, state);
    return true;
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);

    state->seats = count_seats (td_module_config (module));
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    if (phase == TD_RELOAD_COMMIT) {
        state->seats = count_seats (next);
        state->n_reloads++;
    }
    return true;
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const State *state = td_module_state (module);

    g_variant_dict_insert (info, "seats", "x", state->seats);
    g_variant_dict_insert (info, "reloads", "u", state->n_reloads);
}

TD_MODULE_NAMED (ADDER_NAME, .summary = "Adds a key to a section", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .config = sections,
                 .n_config = G_N_ELEMENTS (sections), .load = load, .start = start,
                 .reload = reload, .unload = unload, .describe = describe)
