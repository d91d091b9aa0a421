/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* passport: verifies and signs PASSporTs for other modules. */

#include "passport.h"

#include <tandem/log.h>

Settings *
passport_settings (const Passport *passport)
{
    return (Settings *) td_snapshot_peek (passport->settings);
}

Credential *
passport_find (const Passport *passport, const char *info, const Settings *settings)
{
    const Provisioned *provisioned = g_hash_table_lookup (settings->provisioned, info);

    return provisioned != NULL ? credential_ref (provisioned->credential)
                               : fetcher_peek (passport->fetcher, info, settings);
}

/* --- HTTP -------------------------------------------------------------------------------- */

/* Who fetches now may be in the code of the one before until each lane has finished its turn. */
static void
set_http (Passport *passport, const TdHttpService *next)
{
    if (fetcher_set_http (passport->fetcher, next) != NULL) {
        td_feature_release_swept (passport->module, TD_FEATURE_HTTP);
    }
}

static void
hear_feature (const TdFact *fact, void *data)
{
    Passport *passport = data;

    if (g_strcmp0 (td_fact_text (fact, "feature"), TD_FEATURE_HTTP) == 0) {
        set_http (passport, td_feature_acquire (passport->module, TD_FEATURE_HTTP));
    }
}

/* --- Life -------------------------------------------------------------------------------- */

static void
look_each_day (TdTimer *timer)
{
    audit_look_at_certificates ((Passport *) ((char *) timer - offsetof (Passport, daily)));
}

static const TdTrunkCounterDecl failures_decl = {
    .name = "tandem_passport_failed_total",
    .help = "PASSporTs that are no good, by trunk; empty: of strangers.",
    .is_priority = true,
    .alarm = "passport-failures",
    .alarm_help =
        "Many PASSporTs of the trunk are no good: the log says why, \"passport verify\" goes "
        "through one.",
};

static void
configure_failures (Passport *passport, const TdConfig *config, const Settings *settings)
{
    td_trunk_counter_configure (&passport->failures, td_config_instances (config, "trunk"),
                                settings->max_failures, settings->window_ms);
}

/* A replay that nobody remembers is worse than one that the next life of the process has forgotten. */
static void
open_replays (Passport *passport, const Settings *settings)
{
    g_autoptr (GError) error = NULL;
    const char *folder = td_module_state_dir (passport->module, &error);
    g_autofree char *path = folder != NULL ? g_build_filename (folder, "replays", NULL) : NULL;

    passport->replays = replays_new (passport->module, settings->max_replays);
    if (path == NULL || !replays_keep (passport->replays, path, g_get_real_time (), &error)) {
        td_log_error (passport->module, "replays",
                      "%s; tokens are remembered in memory, and a restart forgets them",
                      error->message);
    }
}

static bool
start (TdModule *module, GError **error)
{
    Passport *passport = g_new0 (Passport, 1);
    Settings *settings = settings_new (td_module_config (module), error);

    passport->module = module;
    td_module_set_state (module, passport);
    if (settings == NULL) {
        return false;
    }
    passport->settings = td_snapshot_new (module, "passport", &settings->table);
    audit_declare (passport);
    passport->verdicts = verdicts_new ();
    open_replays (passport, settings);
    passport->desk = desk_new (module, passport->verdicts);
    passport->fetcher = fetcher_new (module, passport_hand_on, passport);
    td_trunk_counter_init (&passport->failures, module, &failures_decl);
    configure_failures (passport, td_module_config (module), settings);
    passport->service = (TdPassportService){ .size = sizeof (TdPassportService),
                                             .data = passport,
                                             .ask = passport_ask,
                                             .cancel = passport_cancel,
                                             .sign = passport_sign };
    if (!commands_start (passport, error)
        || !td_feature_provide (module, TD_FEATURE_PASSPORT, &passport->service, error)) {
        return false;
    }
    fetcher_set_http (passport->fetcher, td_feature_acquire (module, TD_FEATURE_HTTP));
    passport->features =
        td_bus_subscribe (module, TD_LIST ("feature.changed"), hear_feature, passport);
    td_timer_init (&passport->daily, module, look_each_day);
    audit_look_at_certificates (passport);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Passport *passport = td_module_state (module);
    Settings *prepared = g_steal_pointer (&passport->prepared);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        passport->prepared = settings_new (next, error);
        return passport->prepared != NULL;
    case TD_RELOAD_COMMIT:
        configure_failures (passport, next, prepared);
        td_snapshot_swap (passport->settings, &prepared->table);
        audit_look_at_certificates (passport);
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
    Passport *passport = td_module_state (module);

    td_timer_stop (&passport->daily);
    g_clear_pointer (&passport->features, td_bus_unsubscribe);
    set_http (passport, NULL);
}

static void
unload (TdModule *module)
{
    Passport *passport = td_module_state (module);

    if (passport == NULL) {
        return;
    }
    td_trunk_counter_clear (&passport->failures);
    fetcher_free (passport->fetcher);
    desk_free (passport->desk);
    replays_free (passport->replays);
    verdicts_free (passport->verdicts);
    g_free (passport);
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
    const Passport *passport = td_module_state (module);

    if (passport != NULL && passport->settings != NULL) {
        const Settings *settings = passport_settings (passport);
        g_variant_dict_insert (info, "anchors", "u", settings->anchors->len);
        g_variant_dict_insert (info, "signers", "u", settings->signers->len);
        g_variant_dict_insert (info, "waiting", "u", desk_depth (passport->desk));
    }
}

/* OpenSSL keeps state of its own in threads and at the end of the process: it stays mapped. */
TD_MODULE (passport, .flags = TD_MODULE_RESIDENT,
           .summary = "Verifies and signs PASSporTs: who may call with priority", .version = "1.0",
           .license = "LGPL-2.1-or-later", .provides = TD_LIST (TD_FEATURE_PASSPORT),
           .wants = TD_LIST (TD_FEATURE_HTTP), .config = passport_sections,
           .n_config = PASSPORT_N_SECTIONS, .upgrade = TD_UPGRADE_BESIDE, .start = start,
           .reload = reload, .stop = stop, .unload = unload, .check = check, .describe = describe)
