/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an operator asks of one module: load, stop, unload. Each begins in a turn of its own, where
 * no module's code is under way: a module may ask for its own end. */

#include "module/error.h"
#include "module/registry.h"

#include <tandem/log.h>

#include <string.h>

typedef struct {
    TdRegistry *registry;
    char *name;
    char *path;
    uint32_t deadline_ms;
    bool is_unload;
    TdModuleDone done;
    void *data;
} Request;

static Request *
new_request (TdRegistry *registry, const char *name, TdModuleDone done, void *data)
{
    Request *request = g_new0 (Request, 1);

    request->registry = registry;
    request->name = g_strdup (name);
    request->done = done;
    request->data = data;
    return request;
}

static void
free_request (Request *request)
{
    g_free (request->name);
    g_free (request->path);
    g_free (request);
}

/* Answers and frees REQUEST. */
static void
answer (Request *request, TdModule *module, const GError *error)
{
    if (request->done != NULL) {
        request->done (module, error, request->data);
    }
    free_request (request);
}

/* MODULE is in a state in which the request makes no sense. */
static GError *
wrong_state (const char *name, const TdModule *module, const char *advice)
{
    if (module == NULL) {
        return g_error_new (TD_MODULE_ERROR, TD_MODULE_ERROR_STATE,
                            "module %s is not loaded: \"module list\" shows those that are", name);
    }
    return g_error_new (TD_MODULE_ERROR, TD_MODULE_ERROR_STATE, "module %s is %s: %s", name,
                        td_fsm_state_name (&module->fsm), advice);
}

/* Maps, loads and starts a module that is not there. */
static TdModule *
bring (TdRegistry *registry, const char *name, const char *path, GError **error)
{
    TdModule *module = td_registry_map (registry, name, path, error);

    if (module == NULL) {
        return NULL;
    }
    module->policy = TD_POLICY_OPTIONAL;
    td_registry_list (module);
    if (!td_registry_check_needs (module, error) || !td_registry_configure (module, error)) {
        td_module_refuse (module, (*error)->message);
        return module;
    }
    if (td_module_load (module, error) && td_module_start (module, error)) {
        td_registry_configured (module);
    }
    return module;
}

static void
do_load (void *data)
{
    Request *request = data;
    TdModule *module = td_registry_find (request->registry, request->name);
    g_autoptr (GError) error = NULL;

    if (module == NULL || td_module_is_over (module)) {
        module = bring (request->registry, request->name, request->path, &error);
    } else if (td_module_phase (module) != TD_MODULE_STOPPED) {
        error = wrong_state (request->name, module,
                             td_module_phase (module) == TD_MODULE_RUNNING
                                 ? "\"module upgrade\" puts another build in its place"
                                 : "wait until it has come to an end");
    } else if (request->path != NULL) {
        error = wrong_state (request->name, module, "unload it before loading another file");
    } else if (td_registry_check_needs (module, &error) && td_module_load (module, &error)) {
        td_module_start (module, &error);
    }
    answer (request, module, error);
}

void
td_registry_load (TdRegistry *registry, const char *name, const char *path, TdModuleDone done,
                  void *data)
{
    Request *request = new_request (registry, name, done, data);

    request->path = g_strdup (path);
    td_registry_later (do_load, request);
}

static void
end_request (TdModule *module, const GError *error, void *data)
{
    answer (data, module, error);
}

static void
do_stop (void *data)
{
    Request *request = data;
    TdModule *module = td_registry_find (request->registry, request->name);
    TdModuleState state = module != NULL ? td_module_phase (module) : TD_MODULE_UNLOADED;
    g_autoptr (GError) error = NULL;

    if (state == TD_MODULE_RUNNING) {
        if (td_registry_check_needed (module, NULL, &error)) {
            td_module_stop (module, request->deadline_ms, request->is_unload, end_request, request);
            return;
        }
    } else if (request->is_unload
               && (state == TD_MODULE_STOPPED || state == TD_MODULE_LOADED
                   || state == TD_MODULE_FOUND)) {
        td_module_unload (module, end_request, request);
        return;
    } else if (request->is_unload && state == TD_MODULE_DRAINING) {
        td_module_hurry (module, request->deadline_ms, end_request, request);
        return;
    } else {
        error = wrong_state (request->name, module, "it is not running");
    }
    answer (request, module, error);
}

static void
ask_to_stop (TdRegistry *registry, const char *name, uint32_t deadline_ms, bool is_unload,
             TdModuleDone done, void *data)
{
    Request *request = new_request (registry, name, done, data);

    request->deadline_ms = deadline_ms;
    request->is_unload = is_unload;
    td_registry_later (do_stop, request);
}

void
td_registry_stop (TdRegistry *registry, const char *name, uint32_t deadline_ms, TdModuleDone done,
                  void *data)
{
    ask_to_stop (registry, name, deadline_ms, false, done, data);
}

void
td_registry_unload (TdRegistry *registry, const char *name, uint32_t deadline_ms, TdModuleDone done,
                    void *data)
{
    ask_to_stop (registry, name, deadline_ms, true, done, data);
}

/* Reload. */

void
td_registry_check (TdRegistry *registry, const TdConfig *config, GPtrArray *texts)
{
    GPtrArray *modules = td_registry_modules (registry);

    for (unsigned i = 0; i < modules->len; i++) {
        const TdModule *module = modules->pdata[i];
        g_autoptr (GError) error = NULL;
        if (td_registry_find (registry, module->owner.name) != module || td_module_is_over (module)
            || module->image == NULL || module->image->descriptor.check == NULL
            || module->image->descriptor.check (config, &error)) {
            continue;
        }
        g_ptr_array_add (texts, error != NULL
                                    ? g_strdup (error->message)
                                    : g_strdup_printf ("module %s: refuses the configuration and "
                                                       "gave no reason",
                                                       module->owner.name));
    }
}

bool
td_registry_prepare (TdRegistry *registry, TdConfig *next, GPtrArray *problems)
{
    GPtrArray *modules = td_registry_modules (registry);
    bool is_ready = true;

    for (unsigned i = 0; i < modules->len; i++) {
        TdModule *module = modules->pdata[i];
        g_autoptr (GError) error = NULL;
        if (td_module_phase (module) != TD_MODULE_RUNNING
            || module->image->descriptor.reload == NULL) {
            continue;
        }
        module->is_prepared = true;
        if (!module->image->descriptor.reload (module, TD_RELOAD_PREPARE, next, &error)) {
            module->is_prepared = false;
            is_ready = false;
            g_ptr_array_add (
                problems,
                g_strdup_printf ("module %s: %s", module->owner.name,
                                 error != NULL ? error->message : "refused and gave no reason"));
        }
    }
    if (!is_ready) {
        td_registry_abandon (registry, next);
    }
    return is_ready;
}

/* Ends the reload for every module that was prepared. */
static void
end_reload (TdRegistry *registry, TdConfig *next, TdReloadPhase phase)
{
    GPtrArray *modules = td_registry_modules (registry);

    for (unsigned i = 0; i < modules->len; i++) {
        TdModule *module = modules->pdata[i];
        g_autoptr (GError) error = NULL;
        if (!module->is_prepared) {
            continue;
        }
        module->is_prepared = false;
        if (!module->image->descriptor.reload (module, phase, next, &error)
            && phase == TD_RELOAD_COMMIT) {
            td_log_error (module, NULL, "does not take over the configuration it was ready for: %s",
                          error != NULL ? error->message : "it gave no reason");
        }
    }
}

void
td_registry_commit (TdRegistry *registry, TdConfig *next)
{
    td_registry_set_config (registry, next);
    end_reload (registry, next, TD_RELOAD_COMMIT);
}

void
td_registry_abandon (TdRegistry *registry, TdConfig *next)
{
    end_reload (registry, next, TD_RELOAD_ABANDON);
}
