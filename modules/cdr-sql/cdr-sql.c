/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cdr-sql: a record for each answered, ended and failed call, a row each, in SQLite.
 *
 *     call.answered, call.ended --> spool --> take (), on a worker --> one transaction --> table
 */

#include "report.h"
#include "store.h"

#include <tandem/iface/outlet.h>

#include <string.h>

enum {
    RETRY_MS = 5000,
    BUSY_MS = 2000,      /* on a worker: how long others may hold the database */
    PROBE_BUSY_MS = 200, /* on the control lane */
};

/* What the configuration says. */
typedef struct {
    char *path;
    TdRecordPart part;
    bool is_private; /* nobody else may read the file */
    CdrSync sync;
    char **records; /* names in lower case */
} Settings;

/* A database: the worker's, while it has a spool. */
typedef struct {
    Settings *settings;
    CdrStore *store; /* NULL: to be opened */
} Place;

typedef struct {
    TdOutlet outlets[TD_N_OUTLETS];
    Place places[TD_N_OUTLETS];
} State;

static const char *const syncs[] = { "off", "normal", "full", NULL };

static const TdConfigKey keys[] = {
    { .name = "path",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The database. Not given: cdr.sqlite in the module's folder in state-dir.",
      .since = "0.1" },
    { .name = "records",
      .type = TD_CONFIG_LIST,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = TD_RECORD_DEFAULT,
      .choices = TD_RECORD_CHOICES,
      .help = "Which records are stored: start when a call is answered, stop when an answered call "
              "ends, attempt when a call ends that was never answered.",
      .since = "0.1" },
    { .name = "priority-records",
      .type = TD_CONFIG_CHOICE,
      .default_text = "include",
      .choices = TD_RECORD_PRIORITY_CHOICES,
      .help = "Where what is known of priorities goes: include (in the database that path names), "
              "withhold (there as if no call "
              "had one, and whole where priority-path says), separate (calls with a priority are "
              "where priority-path says, and there alone).",
      .since = "0.1" },
    { .name = "priority-path",
      .type = TD_CONFIG_PATH,
      .flags = TD_CONFIG_RELOADABLE,
      .help = "The database of what is withheld, which nobody else may read. Not given: "
              "cdr-priority.sqlite in the module's folder in state-dir.",
      .since = "0.1" },
    { .name = "synchronous",
      .type = TD_CONFIG_CHOICE,
      .flags = TD_CONFIG_RELOADABLE,
      .default_text = "full",
      .choices = syncs,
      .help = "How much a dead machine may cost: full (nothing that was stored), normal (the last "
              "transactions), off (the database may be damaged).",
      .since = "0.1" },
    { .name = "spool",
      .type = TD_CONFIG_SIZE,
      .default_text = "64 MiB",
      .min = 64 * 1024,
      .max = INT64_MAX,
      .help = "How much memory records may take that wait while they cannot be stored.",
      .since = "0.1" },
};

static const TdConfigSection sections[] = {
    { .size = sizeof (TdConfigSection),
      .key_size = sizeof (TdConfigKey),
      .name = "cdr-sql",
      .help = "Call detail records in a SQLite database.",
      .keys = keys,
      .n_keys = G_N_ELEMENTS (keys) },
};

/* --- Settings ---------------------------------------------------------------------------- */

static void
settings_free (void *data)
{
    Settings *settings = data;

    if (settings != NULL) {
        g_free (settings->path);
        g_strfreev (settings->records);
        g_free (settings);
    }
}

static const char *
name (const TdConfig *config, bool is_priority)
{
    return is_priority ? "cdr-priority.sqlite" : "cdr.sqlite";
}

static void *
read_settings (const TdConfig *config, char *path, bool is_priority)
{
    Settings *settings = g_new0 (Settings, 1);

    settings->path = path;
    settings->part = td_record_part (td_config_number (config, "cdr-sql", NULL, "priority-records"),
                                     is_priority);
    settings->is_private = is_priority;
    settings->sync = (CdrSync) td_config_number (config, "cdr-sql", NULL, "synchronous");
    settings->records = g_strdupv ((char **) td_config_list (config, "cdr-sql", NULL, "records"));
    return settings;
}

static CdrStore *
open_store (const Settings *settings, int busy_ms, GError **error)
{
    return cdr_store_open (settings->path, settings->sync, settings->is_private, busy_ms,
                           td_topic_find ("call.ended"), error);
}

/* --- On the worker ----------------------------------------------------------------------- */

/* Goes over to what a reload has committed. */
static void
configure (void *settings, void *data)
{
    Place *place = data;

    g_clear_pointer (&place->store, cdr_store_close);
    settings_free (place->settings);
    place->settings = settings;
}

/* A database that failed is opened anew: meanwhile it may have been mended, or moved away. */
static bool
take (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
      GError **error)
{
    Place *place = data;
    g_autofree const char **names = g_new (const char *, n_facts);

    if (place->store != NULL && !cdr_store_is_in_place (place->store)) {
        g_clear_pointer (&place->store, cdr_store_close);
    }
    if (place->store == NULL) {
        place->store = open_store (place->settings, BUSY_MS, error);
    }
    if (place->store == NULL) {
        return false;
    }
    g_autoptr (GPtrArray) bodies = g_ptr_array_new_with_free_func (g_free);
    g_autofree TdFact *masked = g_new (TdFact, n_facts);
    g_autofree const TdFact **parts = g_new (const TdFact *, n_facts);
    for (unsigned i = 0; i < n_facts; i++) {
        void *body = NULL;
        names[i] = td_record_chosen_name (facts[i], (const char *const *) place->settings->records);
        parts[i] = td_record_part_of (facts[i], place->settings->part, &masked[i], &body);
        names[i] = parts[i] != NULL ? names[i] : NULL;
        g_ptr_array_add (bodies, body);
    }
    if (n_facts > 0 && !cdr_store_add (place->store, parts, names, n_facts, error)) {
        g_clear_pointer (&place->store, cdr_store_close);
        return false;
    }
    return true;
}

static void
end (void *data)
{
    Place *place = data;

    g_clear_pointer (&place->store, cdr_store_close);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
open_place (TdOutlet *outlet, void *settings, GError **error)
{
    Place *place = outlet->place;

    settings_free (place->settings);
    place->settings = settings;
    g_clear_pointer (&place->store, cdr_store_close);
    place->store = open_store (settings, PROBE_BUSY_MS, error);
    return place->store != NULL;
}

/* Another database is tried out before it is taken over. */
static bool
probe (const TdOutlet *outlet, const void *settings, GError **error)
{
    const Settings *next = settings;
    g_autofree char *now = td_outlet_path (outlet, td_module_config (outlet->module), NULL);

    if (g_strcmp0 (now, next->path) == 0) {
        return true;
    }
    CdrStore *store = open_store (next, PROBE_BUSY_MS, error);
    if (store != NULL) {
        cdr_store_close (store);
    }
    return store != NULL;
}

static const TdOutletDecl outlet_decl = {
    .section = "cdr-sql",
    .noun = "database",
    .retry_ms = RETRY_MS,
    .name = name,
    .read = read_settings,
    .open = open_place,
    .probe = probe,
    .drop_settings = settings_free,
    .take = take,
    .end = end,
    .configure = configure,
};

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    td_outlets_init (state->outlets, &outlet_decl, module, state->places, sizeof (Place));
    td_module_set_state (module, state);
    return true;
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    for (unsigned i = 0; i < TD_N_OUTLETS; i++) {
        g_clear_pointer (&state->places[i].store, cdr_store_close);
        settings_free (state->places[i].settings);
    }
    g_free (state);
}

char *
cdr_whole_path (TdModule *module, GError **error)
{
    const State *state = td_module_state (module);
    bool is_apart = state->outlets[1].spool != NULL;

    return td_outlet_path (&state->outlets[is_apart ? 1 : 0], td_module_config (module), error);
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);
    const TdConfig *config = td_module_config (module);
    unsigned n_outlets = td_outlets_open (state->outlets, config, error);

    if (n_outlets == 0 || !cdr_report_add (module, error)) {
        return false;
    }
    td_outlets_begin (state->outlets, n_outlets, config);
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    return td_outlets_reload (state->outlets, phase, next, error);
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    td_outlets_end (state->outlets);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    const State *state = td_module_state (module);
    g_autofree char *path = td_outlet_path (&state->outlets[0], td_module_config (module), NULL);

    g_variant_dict_insert (info, "path", "s", path != NULL ? path : "");
}

TD_MODULE_NAMED ("cdr-sql", .summary = "Call detail records in a SQLite database", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST ("records.sql"),
                 .config = sections, .n_config = G_N_ELEMENTS (sections),
                 .upgrade = TD_UPGRADE_BESIDE, .load = load, .start = start, .reload = reload,
                 .stop = stop, .unload = unload, .describe = describe)
