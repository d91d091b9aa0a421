/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cdr-sql: a record for each answered, ended and failed call, a row each, in SQLite.
 *
 *     call.answered, call.ended --> spool --> take (), on a worker --> one transaction --> table
 */

#include "report.h"
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
    TdRecordPart part;
    bool is_private; /* nobody else may read the file */
    CdrSync sync;
    char **records; /* names in lower case */
} Settings;

/* A database and how far it is. */
typedef struct {
    TdModule *module;
    bool is_priority;   /* the one for who may see calls with a priority */
    TdSpool *spool;     /* NULL: not in use */
    Settings *prepared; /* by a reload that is not committed yet */
    /* The worker's, between start() and end (): */
    Settings *settings;
    CdrStore *store; /* NULL: to be opened */
} Outlet;

enum { N_OUTLETS = 2 };

typedef struct {
    Outlet outlets[N_OUTLETS];
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

/* The file that CONFIG names (transfer full). */
static char *
find_path (TdModule *module, const TdConfig *config, bool is_priority, GError **error)
{
    const char *key = is_priority ? "priority-path" : "path";

    if (td_config_is_set (config, "cdr-sql", NULL, key)) {
        return g_strdup (td_config_text (config, "cdr-sql", NULL, key));
    }
    const char *folder = td_module_state_dir (module, error);
    const char *name = is_priority ? "cdr-priority.sqlite" : "cdr.sqlite";
    return folder != NULL ? g_build_filename (folder, name, NULL) : NULL;
}

static Settings *
settings_new (TdModule *module, const TdConfig *config, bool is_priority, GError **error)
{
    char *path = find_path (module, config, is_priority, error);

    if (path == NULL) {
        return NULL;
    }
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
    Outlet *outlet = data;

    g_clear_pointer (&outlet->store, cdr_store_close);
    settings_free (outlet->settings);
    outlet->settings = settings;
}

/* A database that failed is opened anew: meanwhile it may have been mended, or moved away. */
static bool
take (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
      GError **error)
{
    Outlet *outlet = data;
    g_autofree const char **names = g_new (const char *, n_facts);

    if (outlet->store != NULL && !cdr_store_is_in_place (outlet->store)) {
        g_clear_pointer (&outlet->store, cdr_store_close);
    }
    if (outlet->store == NULL) {
        outlet->store = open_store (outlet->settings, BUSY_MS, error);
    }
    if (outlet->store == NULL) {
        return false;
    }
    g_autoptr (GPtrArray) bodies = g_ptr_array_new_with_free_func (g_free);
    g_autofree TdFact *masked = g_new (TdFact, n_facts);
    g_autofree const TdFact **parts = g_new (const TdFact *, n_facts);
    for (unsigned i = 0; i < n_facts; i++) {
        void *body = NULL;
        names[i] =
            td_record_chosen_name (facts[i], (const char *const *) outlet->settings->records);
        parts[i] = td_record_part_of (facts[i], outlet->settings->part, &masked[i], &body);
        names[i] = parts[i] != NULL ? names[i] : NULL;
        g_ptr_array_add (bodies, body);
    }
    if (n_facts > 0 && !cdr_store_add (outlet->store, parts, names, n_facts, error)) {
        g_clear_pointer (&outlet->store, cdr_store_close);
        return false;
    }
    return true;
}

static void
end (void *data)
{
    Outlet *outlet = data;

    g_clear_pointer (&outlet->store, cdr_store_close);
}

/* --- Life -------------------------------------------------------------------------------- */

static bool
load (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    for (unsigned i = 0; i < N_OUTLETS; i++) {
        state->outlets[i].module = module;
        state->outlets[i].is_priority = i > 0;
    }
    td_module_set_state (module, state);
    return true;
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    for (unsigned i = 0; i < N_OUTLETS; i++) {
        g_clear_pointer (&state->outlets[i].store, cdr_store_close);
        settings_free (state->outlets[i].settings);
    }
    g_free (state);
}

/* How many databases CONFIG wants; 0, with an error: two that are one. */
static unsigned
count_outlets (TdModule *module, const TdConfig *config, GError **error)
{
    if (td_config_number (config, "cdr-sql", NULL, "priority-records") == 0) {
        return 1;
    }
    g_autofree char *path = find_path (module, config, false, error);
    g_autofree char *other = path != NULL ? find_path (module, config, true, error) : NULL;
    if (other != NULL && g_str_equal (path, other)) {
        g_set_error (error, TD_ERROR, TD_ERROR_REFUSED,
                     "[cdr-sql] path and priority-path are both %s: what is withheld needs a "
                     "database of its own",
                     path);
        return 0;
    }
    return other != NULL ? N_OUTLETS : 0;
}

char *
cdr_whole_path (TdModule *module, GError **error)
{
    const State *state = td_module_state (module);

    return find_path (module, td_module_config (module), state->outlets[1].spool != NULL, error);
}

static bool
open_outlet (Outlet *outlet, const TdConfig *config, GError **error)
{
    Settings *settings = settings_new (outlet->module, config, outlet->is_priority, error);

    if (settings == NULL) {
        return false;
    }
    settings_free (outlet->settings);
    outlet->settings = settings;
    g_clear_pointer (&outlet->store, cdr_store_close);
    outlet->store = open_store (settings, PROBE_BUSY_MS, error);
    return outlet->store != NULL;
}

static void
open_spool (Outlet *outlet, const TdConfig *config)
{
    outlet->spool =
        td_spool_open (outlet->module, TD_RECORD_TOPICS,
                       &(TdSpoolDecl){ .size = sizeof (TdSpoolDecl),
                                       .retry_ms = RETRY_MS,
                                       .capacity_bytes = (uint64_t) td_config_number (
                                           config, "cdr-sql", NULL, "spool"),
                                       .name = outlet->is_priority ? "priority-records" : "records",
                                       .journal = td_module_state_dir (outlet->module, NULL),
                                       .begins = TD_RECORD_BEGINS,
                                       .ends = TD_RECORD_ENDS,
                                       .finish = td_record_finish,
                                       .take = take,
                                       .end = end,
                                       .data = outlet,
                                       .configure = configure,
                                       .drop_settings = settings_free });
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);
    const TdConfig *config = td_module_config (module);
    unsigned n_outlets = count_outlets (module, config, error);

    for (unsigned i = 0; i < n_outlets; i++) {
        if (!open_outlet (&state->outlets[i], config, error)) {
            return false;
        }
    }
    if (n_outlets == 0 || !cdr_report_add (module, error)) {
        return false;
    }
    for (unsigned i = 0; i < n_outlets; i++) {
        open_spool (&state->outlets[i], config);
    }
    return true;
}

/* Another database is tried out before it is taken over. */
static bool
prepare (Outlet *outlet, const TdConfig *next, GError **error)
{
    outlet->prepared = settings_new (outlet->module, next, outlet->is_priority, error);
    if (outlet->prepared == NULL) {
        return false;
    }
    g_autofree char *now =
        find_path (outlet->module, td_module_config (outlet->module), outlet->is_priority, NULL);
    if (g_strcmp0 (now, outlet->prepared->path) == 0) {
        return true;
    }
    CdrStore *probe = open_store (outlet->prepared, PROBE_BUSY_MS, error);
    if (probe != NULL) {
        cdr_store_close (probe);
        return true;
    }
    g_clear_pointer (&outlet->prepared, settings_free);
    return false;
}

static bool
reload_outlet (Outlet *outlet, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    switch (phase) {
    case TD_RELOAD_PREPARE:
        return prepare (outlet, next, error);
    case TD_RELOAD_COMMIT:
        td_spool_configure (outlet->spool, g_steal_pointer (&outlet->prepared));
        break;
    case TD_RELOAD_ABANDON:
        g_clear_pointer (&outlet->prepared, settings_free);
        break;
    }
    return true;
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    State *state = td_module_state (module);
    bool is_good = phase != TD_RELOAD_PREPARE || count_outlets (module, next, error) > 0;

    for (unsigned i = 0; is_good && i < N_OUTLETS; i++) {
        is_good = state->outlets[i].spool == NULL
                  || reload_outlet (&state->outlets[i], phase, next, error);
    }
    return is_good;
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    for (unsigned i = 0; i < N_OUTLETS; i++) {
        td_spool_close (g_steal_pointer (&state->outlets[i].spool));
    }
}

static void
describe (TdModule *module, GVariantDict *info)
{
    g_autofree char *path = find_path (module, td_module_config (module), false, NULL);

    g_variant_dict_insert (info, "path", "s", path != NULL ? path : "");
}

TD_MODULE_NAMED ("cdr-sql", .summary = "Call detail records in a SQLite database", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST ("records.sql"),
                 .config = sections, .n_config = G_N_ELEMENTS (sections),
                 .upgrade = TD_UPGRADE_BESIDE, .load = load, .start = start, .reload = reload,
                 .stop = stop, .unload = unload, .describe = describe)
