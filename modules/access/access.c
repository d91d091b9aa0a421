/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* access: calls with priority by a personal number, or by subscription.
 *
 *     [access]                            [access-profile gets]
 *     numbers = 7106274387                mark = ets.0
 *     pins    = /etc/tandem/pins.table
 */

#include "access.h"

#include <tandem/log.h>
#include <tandem/module.h>

/* --- Who else has a part in it ----------------------------------------------------------- */

static void
take_pins (Access *access, const TdPinService *next)
{
    if (atomic_exchange (&access->pins, next) != NULL) {
        td_feature_release_swept (access->module, TD_FEATURE_PIN);
    }
}

static void
take_priorities (Access *access, const TdPriorityService *next)
{
    if (atomic_exchange (&access->priorities, next) != NULL) {
        td_feature_release_swept (access->module, TD_FEATURE_PRIORITY);
    }
}

static void
hear_feature (const TdFact *fact, void *data)
{
    Access *access = data;
    const char *feature = td_fact_text (fact, "feature");

    if (g_strcmp0 (feature, TD_FEATURE_PIN) == 0) {
        take_pins (access, td_feature_acquire (access->module, TD_FEATURE_PIN));
    } else if (g_strcmp0 (feature, TD_FEATURE_PRIORITY) == 0) {
        take_priorities (access, td_feature_acquire (access->module, TD_FEATURE_PRIORITY));
    }
}

static void
open_features (Access *access)
{
    TdModule *module = access->module;

    atomic_init (&access->pins, td_feature_acquire (module, TD_FEATURE_PIN));
    atomic_init (&access->priorities, td_feature_acquire (module, TD_FEATURE_PRIORITY));
    access->features = td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, access);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
check (const TdConfig *config, GError **error)
{
    Settings *settings = settings_new (config, error);

    if (settings != NULL) {
        td_table_unref (&settings->table);
    }
    return settings != NULL;
}

static bool
start (TdModule *module, GError **error)
{
    Access *access = g_new0 (Access, 1);
    Settings *settings = settings_new (td_module_config (module), error);

    access->module = module;
    td_module_set_state (module, access);
    if (settings == NULL) {
        return false;
    }
    access->settings = td_snapshot_new (module, "access", &settings->table);
    /* One that is typed, and one that is looked up. */
    access->secrets = secrets_new (settings->capacity + settings->n_checks, error);
    if (access->secrets == NULL) {
        return false;
    }
    access->limit = td_limit_new (module, "access", settings->capacity, 0);
    open_features (access);
    if (!guard_start (access, error)) {
        return false;
    }
    guard_configure (access, td_module_config (module), settings);
    return access_legs_start (access, error) && access_route_start (access, error);
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Access *access = td_module_state (module);
    Settings *prepared = g_steal_pointer (&access->prepared);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        access->prepared = settings_new (next, error);
        return access->prepared != NULL;
    case TD_RELOAD_COMMIT:
        td_limit_set_capacity (access->limit, prepared->capacity);
        guard_configure (access, next, prepared);
        td_snapshot_swap (access->settings, &prepared->table);
        break;
    case TD_RELOAD_ABANDON:
        td_table_unref (&prepared->table);
        break;
    }
    return true;
}

static void
stop (TdModule *module)
{
    Access *access = td_module_state (module);

    if (access != NULL && access->features != NULL) {
        g_clear_pointer (&access->features, td_bus_unsubscribe);
        take_pins (access, NULL);
        take_priorities (access, NULL);
    }
}

static void
unload (TdModule *module)
{
    Access *access = td_module_state (module);

    if (access != NULL) {
        secrets_free (access->secrets);
        guard_free (access);
        g_free (access);
        td_module_set_state (module, NULL);
    }
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const Access *access = td_module_state (module);

    if (access != NULL && access->up != NULL) {
        g_variant_dict_insert (info, "callers", "x", td_metric_value (access->up));
    }
}

TD_MODULE (access, .summary = "Calls with priority by a personal number, or by subscription",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .provides = TD_LIST ("endpoint.access", "priority.class"),
           .wants = TD_LIST ("media", "media.source", TD_FEATURE_PRIORITY, TD_FEATURE_PIN),
           .config = access_sections, .n_config = ACCESS_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE,
           .start = start, .reload = reload, .stop = stop, .unload = unload, .describe = describe,
           .check = check)
