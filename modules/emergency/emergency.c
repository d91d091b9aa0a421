/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* emergency: public emergency calls. Recognised before they are asked for a password, in the class that
 * nothing refuses, to the PSAP that is theirs, and to another one when that does not answer. */

#include "emergency.h"

#include <tandem/log.h>

#include <string.h>

/* --- The feature ------------------------------------------------------------------------- */

/* Those who are many enough must prove who they are: whoever can gets through. */
static bool
has_room_for_strangers (Emergency *emergency)
{
    unsigned max = emergency_settings (emergency)->max_strangers;

    return max == 0 || atomic_load (&emergency->n_strangers) < max;
}

static TdEmergencyKind
recognise (const TdEmergencyQuestion *question, TdEmergencyAnswer *ret, void *data)
{
    TdEmergencyKind kind = settings_recognise (emergency_settings (data), question, ret);

    if (ret->is_admitted && *question->trunk == '\0') {
        ret->is_admitted = has_room_for_strangers (data);
    }
    return kind;
}

static unsigned
location_error (const TdAttributes *attributes, void *data)
{
    Location *location = NULL;

    if (!emergency_settings (data)->refuses_bad_location) {
        return 0;
    }
    LocationResult result = location_from_call (attributes, &location);
    location_free (location);
    /* RFC 6442 4.4: 100, Cannot Process Location. A reference may be good for somebody else. */
    return result == LOCATION_BAD ? 100 : 0;
}

static char *
digit_map (const char *trunk, void *data)
{
    return settings_digit_map (emergency_settings (data), trunk);
}

static bool
find_key (const char *key, TdEmergencyCaller *ret, void *data)
{
    return keys_find (((Emergency *) data)->keys, key, td_clock_wall_us (), ret);
}

/* --- The module http --------------------------------------------------------------------- */

static void
take_http (Emergency *emergency, const TdHttpService *next)
{
    if (atomic_exchange (&emergency->http, next) != NULL) {
        td_feature_release_swept (emergency->module, TD_FEATURE_HTTP);
    }
}

static void
hear_feature (const TdFact *fact, void *data)
{
    Emergency *emergency = data;

    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_HTTP) == 0) {
        take_http (emergency, td_feature_acquire (emergency->module, TD_FEATURE_HTTP));
    }
}

/* It may be a network where nobody forges: the operator's to know. */
static void
warn_of_names (Emergency *emergency, const TdConfig *config, const Settings *settings)
{
    for (unsigned i = 0; settings->servers[i] != NULL; i++) {
        g_autoptr (GError) place = NULL;
        if (td_http_is_forgeable (settings->servers[i])) {
            td_config_refuse (config, "emergency", NULL, "lost-servers", settings->servers[i],
                              &place,
                              "is a name asked without a certificate: a forged answer of DNS "
                              "leads calls for help elsewhere; write https:, or the server's "
                              "address");
            td_log_warning (emergency->module, "lost-servers", "%s", place->message);
        }
    }
}

/* Calls go without, so it is not an error. */
static void
warn (Emergency *emergency, const TdConfig *config, const Settings *settings)
{
    warn_of_names (emergency, config, settings);
    if (settings->fallback->len == 0) {
        td_log_warning (emergency->module, "fallback",
                        "nobody takes emergency calls, and they are refused: name an "
                        "[emergency-psap]");
    }
    if (settings->servers[0] != NULL && atomic_load (&emergency->http) == NULL) {
        td_log_warning (emergency->module, "lost-servers",
                        "nobody can ask them: no module that runs provides HTTP; say http = "
                        "required in [modules]");
    }
}

/* --- Life -------------------------------------------------------------------------------- */

static void
emergency_free (Emergency *emergency)
{
    if (emergency != NULL) {
        mappings_free (emergency->mappings);
        keys_free (emergency->keys);
        g_free (emergency);
    }
}

static Emergency *
emergency_new (TdModule *module)
{
    Emergency *emergency = g_new0 (Emergency, 1);

    emergency->module = module;
    emergency->mappings = mappings_new ();
    emergency->keys = keys_new ();
    emergency->service = (TdEmergencyService){ .size = sizeof (TdEmergencyService),
                                               .data = emergency,
                                               .recognise = recognise,
                                               .location_error = location_error,
                                               .digit_map = digit_map,
                                               .find_key = find_key,
                                               .classify = hooks_classify };
    return emergency;
}

static bool
start (TdModule *module, GError **error)
{
    Settings *settings = settings_new (td_module_config (module), error);

    if (settings == NULL) {
        return false;
    }
    emergency_free (td_module_state (module)); /* of an earlier life */
    Emergency *emergency = emergency_new (module);
    td_module_set_state (module, emergency);
    mappings_set_size (emergency->mappings, settings->cache_size);
    emergency->settings = td_snapshot_new (module, "emergency", &settings->table);
    atomic_init (&emergency->http, td_feature_acquire (module, TD_FEATURE_HTTP));
    emergency->features =
        td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, emergency);
    warn (emergency, td_module_config (module), settings);
    if (!tell_declare (emergency, error) || !hooks_add (emergency, error)
        || !td_feature_provide (module, TD_FEATURE_EMERGENCY, &emergency->service, error)) {
        g_clear_pointer (&emergency->features, td_bus_unsubscribe);
        take_http (emergency, NULL);
        return false;
    }
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Emergency *emergency = td_module_state (module);
    Settings *prepared = g_steal_pointer (&emergency->prepared);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        emergency->prepared = settings_new (next, error);
        return emergency->prepared != NULL;
    case TD_RELOAD_COMMIT:
        mappings_set_size (emergency->mappings, prepared->cache_size);
        for (unsigned i = 0; i < SETTINGS_MAX_SERVERS; i++) {
            atomic_store (&emergency->down_until_us[i], 0); /* they may be others */
        }
        warn (emergency, next, prepared);
        td_snapshot_swap (emergency->settings, &prepared->table);
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
    Emergency *emergency = td_module_state (module);

    g_clear_pointer (&emergency->features, td_bus_unsubscribe);
    take_http (emergency, NULL);
}

static void
unload (TdModule *module)
{
    emergency_free (td_module_state (module));
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
    const Emergency *emergency = td_module_state (module);

    if (emergency != NULL && emergency->settings != NULL) {
        const Settings *settings = emergency_settings (emergency);
        g_variant_dict_insert (info, "psaps", "u", settings->psaps->len);
        g_variant_dict_insert (info, "regions", "u", settings->regions->len);
        g_variant_dict_insert (info, "mappings", "u", mappings_count (emergency->mappings));
    }
}

TD_MODULE (emergency, .summary = "Public emergency calls: known, let in, and sent to a PSAP",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .provides = TD_LIST (TD_FEATURE_EMERGENCY, "priority.class"),
           .wants = TD_LIST (TD_FEATURE_HTTP), .config = emergency_sections,
           .n_config = SETTINGS_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE, .start = start,
           .reload = reload, .stop = stop, .unload = unload, .check = check, .describe = describe)
