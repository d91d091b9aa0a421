/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* policy: one node's routing for many. Other nodes ask this one, or this one asks others. */

#include "policy.h"

#include <string.h>
#include <tandem/log.h>

/* --- The module http --------------------------------------------------------------------- */

/* Serves, or does not, as the settings want it, with the http there is. */
static bool
set_serving (Policy *policy, bool serves, GError **error)
{
    const TdHttpService *http = atomic_load (&policy->http);

    if (policy->serves && !serves && http != NULL) {
        serve_stop (policy, http);
    }
    policy->serves = serves;
    return !serves || http == NULL || serve_start (policy, http, error);
}

/* Another build of the module http, or none any more: questions go on with the one they were asked of,
 * which is in use until they are answered. */
static void
hear_feature (const TdFact *fact, void *data)
{
    Policy *policy = data;

    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_HTTP) != 0) {
        return;
    }
    const TdHttpService *next = td_feature_acquire (policy->module, TD_FEATURE_HTTP);
    if (atomic_exchange (&policy->http, next) != NULL) {
        td_feature_release_swept (policy->module, TD_FEATURE_HTTP);
    }
    set_serving (policy, policy->serves, NULL);
}

/* It may be a network where nobody forges: the operator's to know. */
static void
warn_of_names (Policy *policy, const TdConfig *config, const Settings *settings)
{
    for (unsigned i = 0; settings->urls[i] != NULL; i++) {
        g_autoptr (GError) place = NULL;
        if (td_http_is_forgeable (settings->urls[i])) {
            td_config_refuse (config, "policy", NULL, "servers", settings->urls[i], &place,
                              "is a name asked without a certificate: a forged answer of DNS "
                              "leads calls elsewhere; write https:, or the server's address");
            td_log_warning (policy->module, "servers", "%s", place->message);
        }
    }
}

/* --- Life -------------------------------------------------------------------------------- */

/* The servers of SETTINGS, and those of BEFORE (nullable) that are the same. */
static void
make_pool (Policy *policy, Settings *settings, const Pool *before)
{
    settings->pool =
        pool_new (&policy->keeper, (const char *const *) settings->urls, settings->shares, before);
    keep_bind (policy, settings->pool);
}

static bool
load (TdModule *module, GError **error)
{
    td_machine_register (module, &policy_server_machine);
    return true;
}

static bool
start (TdModule *module, GError **error)
{
    Policy *policy = g_new0 (Policy, 1);
    Settings *settings = settings_new (td_module_config (module), error);

    policy->module = module;
    td_module_set_state (module, policy);
    if (settings == NULL) {
        return false;
    }
    warn_of_names (policy, td_module_config (module), settings);
    keep_declare (policy);
    make_pool (policy, settings, NULL);
    policy->settings = td_snapshot_new (module, "policy", &settings->table);
    if (!serve_declare (policy, error) || !commands_start (policy, error)) {
        return false;
    }
    atomic_init (&policy->http, td_feature_acquire (module, TD_FEATURE_HTTP));
    if (atomic_load (&policy->http) == NULL) {
        g_set_error (error, TD_ERROR, TD_ERROR_NOT_FOUND,
                     "it asks and is asked over HTTP, and no module that runs provides that: say "
                     "http = required in [modules]");
        return false;
    }
    if (!set_serving (policy, settings->serves, error) || !ask_start (policy, error)) {
        td_feature_release (module, TD_FEATURE_HTTP);
        return false;
    }
    policy->features = td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, policy);
    keep_start (policy);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Policy *policy = td_module_state (module);
    Settings *prepared = g_steal_pointer (&policy->prepared);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        policy->prepared = settings_new (next, error);
        return policy->prepared != NULL;
    case TD_RELOAD_COMMIT: {
        Pool *before = policy_settings (policy)->pool;
        make_pool (policy, prepared, before);
        keep_unbind (policy, before, prepared->pool);
        set_serving (policy, prepared->serves, NULL);
        warn_of_names (policy, next, prepared);
        td_snapshot_swap (policy->settings, &prepared->table);
        td_timer_start (&policy->tick, 0);
        break;
    }
    case TD_RELOAD_ABANDON:
        td_table_unref (&prepared->table);
        break;
    }
    return true;
}

static void
stop (TdModule *module)
{
    Policy *policy = td_module_state (module);

    keep_stop (policy);
    set_serving (policy, false, NULL);
    g_clear_pointer (&policy->features, td_bus_unsubscribe);
    if (atomic_exchange (&policy->http, NULL) != NULL) {
        td_feature_release_swept (module, TD_FEATURE_HTTP);
    }
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
    td_module_set_state (module, NULL);
}

static bool
check (const TdConfig *config, GError **error)
{
    Settings *settings = settings_new (config, error);

    if (settings != NULL) {
        td_table_unref (&settings->table);
    }
    return settings != NULL;
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Policy *policy = td_module_state (module);

    if (policy != NULL && policy->settings != NULL) {
        g_variant_dict_insert (info, "servers", "u", policy_settings (policy)->pool->n_servers);
        g_variant_dict_insert (info, "serves", "b", (gboolean) policy->serves);
    }
}

TD_MODULE (policy, .summary = "One node's routing for many: asks policy servers, and is one",
           .version = "1.0", .license = "LGPL-2.1-or-later", .wants = TD_LIST (TD_FEATURE_HTTP),
           .config = &policy_section, .n_config = 1, .upgrade = TD_UPGRADE_BESIDE, .load = load,
           .start = start, .reload = reload, .stop = stop, .unload = unload, .check = check,
           .describe = describe)
