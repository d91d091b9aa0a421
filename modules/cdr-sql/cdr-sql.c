/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cdr-sql: a record for each answered, ended and failed call, a row each, in SQLite.
 *
 *     call.answered, call.ended --> spool --> take (), on a worker --> one transaction --> table
 */

#include "store.h"

#include <tandem/iface/record.h>
#include <tandem/log.h>
#include <tandem/module.h>

#include <string.h>

enum {
    RETRY_MS = 5000,
    BUSY_MS = 2000,      /* on a worker: how long others may hold the database */
    PROBE_BUSY_MS = 200, /* on the control lane */
};

/* What the configuration says. */
typedef struct {
    char *path;
    CdrSync sync;
    char **records; /* names in lower case */
} Settings;

typedef struct {
    TdModule *module;
    TdSpool *spool;
    Settings *prepared; /* by a reload that is not committed yet */
    /* The worker's, between start() and end (): */
    Settings *settings;
    CdrStore *store; /* NULL: to be opened */
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

/* The file that CONFIG names (transfer full). */
static char *
find_path (TdModule *module, const TdConfig *config, GError **error)
{
    if (td_config_is_set (config, "cdr-sql", NULL, "path")) {
        return g_strdup (td_config_text (config, "cdr-sql", NULL, "path"));
    }
    const char *folder = td_module_state_dir (module, error);
    return folder != NULL ? g_build_filename (folder, "cdr.sqlite", NULL) : NULL;
}

static Settings *
settings_new (TdModule *module, const TdConfig *config, GError **error)
{
    char *path = find_path (module, config, error);

    if (path == NULL) {
        return NULL;
    }
    Settings *settings = g_new0 (Settings, 1);
    settings->path = path;
    settings->sync = (CdrSync) td_config_number (config, "cdr-sql", NULL, "synchronous");
    settings->records = g_strdupv ((char **) td_config_list (config, "cdr-sql", NULL, "records"));
    return settings;
}

static CdrStore *
open_store (const Settings *settings, int busy_ms, GError **error)
{
    return cdr_store_open (settings->path, settings->sync, busy_ms, td_topic_find ("call.ended"),
                           error);
}

/* --- On the worker ----------------------------------------------------------------------- */

/* Goes over to what a reload has committed. */
static void
configure (void *settings, void *data)
{
    State *state = data;

    g_clear_pointer (&state->store, cdr_store_close);
    settings_free (state->settings);
    state->settings = settings;
}

/* A database that failed is opened anew: meanwhile it may have been mended, or moved away. */
static bool
take (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
      GError **error)
{
    State *state = data;
    g_autofree const char **names = g_new (const char *, n_facts);

    if (state->store != NULL && !cdr_store_is_in_place (state->store)) {
        g_clear_pointer (&state->store, cdr_store_close);
    }
    if (state->store == NULL) {
        state->store = open_store (state->settings, BUSY_MS, error);
    }
    if (state->store == NULL) {
        return false;
    }
    for (unsigned i = 0; i < n_facts; i++) {
        names[i] = td_record_chosen_name (facts[i], (const char *const *) state->settings->records);
    }
    if (n_facts > 0 && !cdr_store_add (state->store, facts, names, n_facts, error)) {
        g_clear_pointer (&state->store, cdr_store_close);
        return false;
    }
    return true;
}

static void
end (void *data)
{
    State *state = data;

    g_clear_pointer (&state->store, cdr_store_close);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    state->module = module;
    td_module_set_state (module, state);
    return true;
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    settings_free (state->settings);
    g_free (state);
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);
    const TdConfig *config = td_module_config (module);
    Settings *settings = settings_new (module, config, error);

    if (settings == NULL) {
        return false;
    }
    settings_free (state->settings);
    state->settings = settings;
    state->store = open_store (settings, PROBE_BUSY_MS, error);
    if (state->store == NULL) {
        return false;
    }
    state->spool = td_spool_open (module, TD_RECORD_TOPICS,
                                  &(TdSpoolDecl){ .size = sizeof (TdSpoolDecl),
                                                  .retry_ms = RETRY_MS,
                                                  .capacity_bytes = (uint64_t) td_config_number (
                                                      config, "cdr-sql", NULL, "spool"),
                                                  .name = "records",
                                                  .journal = td_module_state_dir (module, NULL),
                                                  .begins = TD_RECORD_BEGINS,
                                                  .ends = TD_RECORD_ENDS,
                                                  .finish = td_record_finish,
                                                  .take = take,
                                                  .end = end,
                                                  .data = state,
                                                  .configure = configure,
                                                  .drop_settings = settings_free });
    return true;
}

/* Another database is tried out before it is taken over. */
static bool
prepare (State *state, const TdConfig *next, GError **error)
{
    state->prepared = settings_new (state->module, next, error);
    if (state->prepared == NULL) {
        return false;
    }
    g_autofree char *now = find_path (state->module, td_module_config (state->module), NULL);
    if (g_strcmp0 (now, state->prepared->path) == 0) {
        return true;
    }
    CdrStore *probe = open_store (state->prepared, PROBE_BUSY_MS, error);
    if (probe != NULL) {
        cdr_store_close (probe);
        return true;
    }
    g_clear_pointer (&state->prepared, settings_free);
    return false;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        return prepare (state, next, error);
    case TD_RELOAD_COMMIT:
        td_spool_configure (state->spool, g_steal_pointer (&state->prepared));
        break;
    case TD_RELOAD_ABANDON:
        g_clear_pointer (&state->prepared, settings_free);
        break;
    }
    return true;
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    td_spool_close (g_steal_pointer (&state->spool));
}

static void
describe (TdModule *module, GVariantDict *info)
{
    g_autofree char *path = find_path (module, td_module_config (module), NULL);

    g_variant_dict_insert (info, "path", "s", path != NULL ? path : "");
}

TD_MODULE_NAMED ("cdr-sql", .summary = "Call detail records in a SQLite database", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST ("records.sql"),
                 .config = sections, .n_config = G_N_ELEMENTS (sections),
                 .upgrade = TD_UPGRADE_BESIDE, .load = load, .start = start, .reload = reload,
                 .stop = stop, .unload = unload, .describe = describe)
