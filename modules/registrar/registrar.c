/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registrar: where phones say where they are, and calls find them. */

#include "registrar.h"

#include <tandem/log.h>

#include <string.h>

enum { TIDY_MS = 60000 };

/* --- The contract of iface/registrar.h --------------------------------------------------- */

/* All domains are names of one set of users, so the user is the whole address. */
static char *
user_of (const char *aor)
{
    const char *at = strrchr (aor, '@');

    return at != NULL ? g_strndup (aor, (size_t) (at - aor)) : g_strdup (aor);
}

static bool
is_local (const char *domain, void *data)
{
    return directory_is_local (registrar_directory (data), domain);
}

static char *
credentials (const char *user, const char *realm, const char *algorithm, void *data)
{
    return directory_credentials (registrar_directory (data), user, realm, algorithm);
}

static void
update (TdModule *asker, const char *aor, const TdBinding *changes, unsigned n_changes,
        bool remove_all, TdRegistrarDone done, void *done_data, void *data)
{
    Registrar *registrar = data;
    g_autofree char *user = user_of (aor);

    g_return_if_fail (!remove_all || n_changes == 1);
    table_update (registrar->table, &(TableUpdate){ .asker = asker,
                                                    .user = user,
                                                    .changes = changes,
                                                    .n_changes = n_changes,
                                                    .remove_all = remove_all,
                                                    .done = done,
                                                    .done_data = done_data });
}

typedef void (*VisitBinding) (const TdBinding *binding, void *visit_data);

static unsigned
lookup (const char *aor, VisitBinding visit, void *visit_data, void *data)
{
    Registrar *registrar = data;
    g_autofree char *user = user_of (aor);
    const char *at = strrchr (aor, '@');

    if (at != NULL && !directory_is_local (registrar_directory (registrar), at + 1)) {
        return 0;
    }
    return table_lookup (registrar->table, user, visit, visit_data);
}

static void
expiry (uint32_t *ret_min_s, uint32_t *ret_default_s, uint32_t *ret_max_s, void *data)
{
    const Directory *directory = registrar_directory (data);

    *ret_min_s = directory->min_s;
    *ret_default_s = directory->default_s;
    *ret_max_s = directory->max_s;
}

/* --- Beginning --------------------------------------------------------------------------- */

static void
registrar_free (Registrar *registrar)
{
    if (registrar == NULL) {
        return;
    }
    table_free (registrar->table);
    store_free (registrar->store);
    g_clear_pointer (&registrar->handover, g_bytes_unref);
    g_free (registrar->path);
    g_free (registrar);
}

static bool
find_path (Registrar *registrar, GError **error)
{
    const TdConfig *config = td_module_config (registrar->module);
    const char *folder;

    if (td_config_is_set (config, "registrar", NULL, "database")) {
        registrar->path = g_strdup (td_config_text (config, "registrar", NULL, "database"));
        return true;
    }
    folder = td_module_state_dir (registrar->module, error);
    if (folder == NULL) {
        return false;
    }
    registrar->path = g_build_filename (folder, "registrar.db", NULL);
    return true;
}

typedef struct {
    Registrar *registrar;
    const Directory *directory;
} Loading;

/* A wall clock that was set back while nobody looked must not make contacts that never end. */
static void
load_binding (const char *user, const TdBinding *binding, int64_t left_us, void *data)
{
    Loading *loading = data;
    int64_t max_us = (int64_t) loading->directory->max_s * G_USEC_PER_SEC;

    if (left_us > 0 && directory_user (loading->directory, user) != NULL) {
        table_restore (loading->registrar->table, user, binding, MIN (left_us, max_us));
    }
}

/* From the disk; where that fails, from what another build handed over. */
static bool
load_bindings (Registrar *registrar, const Directory *directory, GError **error)
{
    Loading loading = { registrar, directory };
    g_autoptr (GError) why = NULL;

    if (store_load (registrar->store, load_binding, &loading, &why)) {
        if (registrar->handover != NULL) {
            registrar_import_flows (registrar, registrar->handover);
        }
        return true;
    }
    if (registrar->handover != NULL && registrar_import (registrar, registrar->handover)) {
        td_log_error (registrar->module, "database", "%s; the contacts of the build before go on",
                      why->message);
        return true;
    }
    g_propagate_error (error, g_steal_pointer (&why));
    return false;
}

static void
tidy (TdTimer *timer)
{
    Registrar *registrar = (Registrar *) ((char *) timer - offsetof (Registrar, tidy));

    store_tidy (registrar->store);
    td_timer_start (timer, TIDY_MS);
}

static bool
provide (Registrar *registrar, GError **error)
{
    registrar->iface = (TdRegistrar){
        .size = sizeof (TdRegistrar),
        .data = registrar,
        .is_local = is_local,
        .credentials = credentials,
        .update = update,
        .lookup = lookup,
        .expiry = expiry,
    };
    return registrar_add_route (registrar, error) && registrar_add_commands (registrar, error)
           && td_feature_provide (registrar->module, TD_FEATURE_REGISTRAR, &registrar->iface,
                                  error);
}

static bool
start_parts (Registrar *registrar, GError **error)
{
    TdModule *module = registrar->module;

    if (!find_path (registrar, error)) {
        return false;
    }
    registrar->store = store_open (module, registrar->path, error);
    if (registrar->store == NULL) {
        return false;
    }
    Directory *directory =
        directory_new (module, td_module_config (module), registrar->path, error);
    if (directory == NULL) {
        return false;
    }
    registrar->directory = td_snapshot_new (module, "registrar", &directory->table);
    registrar->table = table_new (module, registrar->store, registrar->directory);
    return load_bindings (registrar, directory, error) && provide (registrar, error);
}

/* What is there already is of an earlier life, or of an import. */
static bool
start (TdModule *module, GError **error)
{
    Registrar *before = td_module_state (module);
    Registrar *registrar = g_new0 (Registrar, 1);

    registrar->module = module;
    registrar->handover = before != NULL ? g_steal_pointer (&before->handover) : NULL;
    registrar_free (before);
    td_module_set_state (module, registrar);
    if (!start_parts (registrar, error)) {
        return false;
    }
    g_clear_pointer (&registrar->handover, g_bytes_unref);
    td_timer_init (&registrar->tidy, module, tidy);
    td_timer_start (&registrar->tidy, TIDY_MS);
    table_begin (registrar->table);
    return true;
}

/* --- Reload, end ------------------------------------------------------------------------- */

/* Who is no user any more is not called any more. */
static void
remove_leavers (Registrar *registrar, const Directory *before, const Directory *after)
{
    GHashTableIter iter;
    void *name;

    g_hash_table_iter_init (&iter, before->users);
    while (g_hash_table_iter_next (&iter, &name, NULL)) {
        BindingSet *set =
            directory_user (after, name) == NULL ? table_set_of (registrar->table, name) : NULL;
        if (set != NULL) {
            table_update (registrar->table, &(TableUpdate){ .asker = registrar->module,
                                                            .user = name,
                                                            .remove_all = true,
                                                            .is_forced = true });
        }
        binding_set_unref (set);
    }
}

static bool
reload (TdModule *module, TdReloadPhase phase, const TdConfig *next, GError **error)
{
    Registrar *registrar = td_module_state (module);

    switch (phase) {
    case TD_RELOAD_PREPARE:
        registrar->prepared = directory_new (module, next, registrar->path, error);
        return registrar->prepared != NULL;
    case TD_RELOAD_COMMIT: {
        const Directory *before = registrar_directory (registrar);
        const Directory *after = registrar->prepared;
        td_snapshot_swap (registrar->directory, &registrar->prepared->table);
        remove_leavers (registrar, before, after);
        break;
    }
    case TD_RELOAD_ABANDON:
        td_table_unref (&registrar->prepared->table);
        break;
    }
    registrar->prepared = NULL;
    return true;
}

static void
stop (TdModule *module)
{
    Registrar *registrar = td_module_state (module);

    td_timer_stop (&registrar->tidy);
    table_quiet (registrar->table);
}

static void
unload (TdModule *module)
{
    registrar_free (td_module_state (module));
    td_module_set_state (module, NULL);
}

static GBytes *
export_state (TdModule *module, GError **error)
{
    Registrar *registrar = td_module_state (module);

    g_clear_pointer (&registrar->handover, g_bytes_unref);
    /* Kept as well: should the next build not start, this one begins anew. */
    registrar->handover = registrar_export (registrar);
    return g_bytes_ref (registrar->handover);
}

static bool
import_state (TdModule *module, GBytes *state, GError **error)
{
    Registrar *registrar = g_new0 (Registrar, 1);

    registrar->handover = g_bytes_ref (state);
    td_module_set_state (module, registrar);
    return true;
}

static void
count_bindings (const char *user, const BindingSet *set, void *data)
{
    *(unsigned *) data += set->n;
}

static void
describe (TdModule *module, GVariantDict *info)
{
    Registrar *registrar = td_module_state (module);
    unsigned n_bindings = 0;

    if (registrar == NULL || registrar->table == NULL) {
        return;
    }
    table_each (registrar->table, count_bindings, &n_bindings);
    g_variant_dict_insert (info, "database", "s", registrar->path);
    g_variant_dict_insert (info, "contacts", "u", n_bindings);
}

TD_MODULE (registrar, .summary = "Where phones say where they are, and calls find them",
           .version = "1.0", .license = "LGPL-2.1-or-later",
           .provides = TD_LIST (TD_FEATURE_REGISTRAR), .config = registrar_sections,
           .n_config = REGISTRAR_N_SECTIONS, .upgrade = TD_UPGRADE_HANDOVER, .start = start,
           .reload = reload, .stop = stop, .unload = unload, .check = directory_check,
           .describe = describe, .export_state = export_state, .import_state = import_state)
