/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Upgrade: a new build of a module takes the place of the running one.
 *
 *     map, check, configure, load --any refusal--> the new build goes, the old one is as it was
 *          |
 *          +-- beside:   start the new one; a turn of every lane later, the old one drains and goes
 *          |
 *          +-- restart:  stop the old one; start the new one ----ok---> the old one goes
 *          +-- handover: export, stop; import, start            \
 *                                                                no--> the old one is loaded and started again
 *
 * Names (commands, metrics, configuration, features) are leased to the newest generation.
 */

#include "module/error.h"
#include "module/registry.h"

#include <tandem/lane.h>
#include <tandem/log.h>

typedef struct {
    TdRegistry *registry;
    char *name;
    char *path;
    uint32_t deadline_ms;
    TdModuleDone done;
    void *data;
    TdModule *old, *new;
    GBytes *state; /* handed over */
} Upgrade;

/* Calls FUNCTION with both builds, as far as there are any. */
static void
hold (const Upgrade *upgrade, void (*function) (TdModule *module))
{
    if (upgrade->old != NULL) {
        function (upgrade->old);
    }
    if (upgrade->new != NULL) {
        function (upgrade->new);
    }
}

static void
end_upgrade (Upgrade *upgrade, const GError *error)
{
    if (error != NULL) {
        td_log_error (upgrade->old, NULL, "upgrade refused: %s", error->message);
    }
    if (upgrade->done != NULL) {
        upgrade->done (error == NULL ? upgrade->new : upgrade->old, error, upgrade->data);
    }
    hold (upgrade, td_registry_let_go);
    g_clear_pointer (&upgrade->state, g_bytes_unref);
    g_free (upgrade->name);
    g_free (upgrade->path);
    g_free (upgrade);
}

static const TdModuleDescriptor *
descriptor_of (const TdModule *module)
{
    return &module->image->descriptor;
}

/* Whether the new build can follow the old one at all. */
static bool
check_pair (const Upgrade *upgrade, GError **error)
{
    if (!td_registry_check_needs (upgrade->new, error)
        || !td_registry_check_needed (upgrade->old, upgrade->new, error)) {
        return false;
    }
    if (descriptor_of (upgrade->new)->upgrade == TD_UPGRADE_HANDOVER
        && (descriptor_of (upgrade->old)->export_state == NULL
            || descriptor_of (upgrade->new)->import_state == NULL)) {
        g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_DESCRIPTOR,
                     "%s: wants its state handed over, but %s: stop and load it instead",
                     upgrade->new->path,
                     descriptor_of (upgrade->new)->import_state == NULL
                         ? "has no import_state ()"
                         : "the running build has no export_state ()");
        return false;
    }
    return true;
}

/* Maps, checks, configures and loads the new build. On refusal it is gone again, or on its way. */
static bool
bring_new (Upgrade *upgrade, GError **error)
{
    upgrade->new = td_registry_map (upgrade->registry, upgrade->name, upgrade->path, error);
    if (upgrade->new == NULL) {
        return false;
    }
    upgrade->new->policy = upgrade->old->policy;
    td_registry_hold (upgrade->new);
    /* Listed first: the configuration is checked with the sections of the newest. */
    td_registry_list (upgrade->new);
    if (!check_pair (upgrade, error) || !td_registry_configure (upgrade->new, error)) {
        td_module_refuse (upgrade->new, (*error)->message);
        return false;
    }
    return td_module_load (upgrade->new, error);
}

/* No lane is in a turn any more in which it took the old build for the newest. */
static void
stop_old (void *data)
{
    Upgrade *upgrade = data;

    if (td_module_phase (upgrade->old) == TD_MODULE_RUNNING) {
        td_module_stop (upgrade->old, TD_DEADLINE_NONE, true, NULL, NULL);
    }
    end_upgrade (upgrade, NULL);
}

static void
start_beside (Upgrade *upgrade)
{
    g_autoptr (GError) error = NULL;

    if (!td_module_start (upgrade->new, &error)) {
        end_upgrade (upgrade, error);
        return;
    }
    td_registry_configured (upgrade->new);
    /* The call that a lane is just now handing to the old build would be refused by it. */
    td_lane_sweep (NULL, NULL, stop_old, stop_old, upgrade);
}

/* Imports what was handed over, and starts. */
static bool
start_with_state (const Upgrade *upgrade, TdModule *module, GError **error)
{
    bool (*import_state) (TdModule *, GBytes *, GError **) = descriptor_of (module)->import_state;

    if (upgrade->state != NULL && import_state != NULL
        && !import_state (module, upgrade->state, error)) {
        if (*error == NULL) {
            g_set_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FAILED,
                         "import_state () failed and gave no reason");
        }
        td_module_refuse (module, (*error)->message);
        return false;
    }
    return td_module_start (module, error);
}

/* The old build is stopped: the new one's turn; or the old one's again. */
static void
old_is_stopped (TdModule *old, const GError *stop_error, void *data)
{
    Upgrade *upgrade = data;
    g_autoptr (GError) error = NULL;
    g_autoptr (GError) second = NULL;

    if (stop_error != NULL) {
        error = g_error_copy (stop_error);
    } else if (td_module_phase (old) != TD_MODULE_STOPPED
               || td_module_phase (upgrade->new) != TD_MODULE_LOADED) {
        g_set_error (&error, TD_MODULE_ERROR, TD_MODULE_ERROR_STATE,
                     "module %s: one of the two builds was unloaded meanwhile", upgrade->name);
    }
    if (error != NULL) {
        if (td_module_phase (upgrade->new) == TD_MODULE_LOADED) {
            td_module_refuse (upgrade->new, error->message);
        }
    } else if (start_with_state (upgrade, upgrade->new, &error)) {
        td_registry_configured (upgrade->new);
        td_module_unload (old, NULL, NULL);
    } else if (td_module_load (old, &second) && start_with_state (upgrade, old, &second)) {
        g_prefix_error (&error, "the build before goes on: ");
    } else {
        g_prefix_error (&error,
                        "the build before does not start again either (%s): ", second->message);
    }
    end_upgrade (upgrade, error);
}

static void
start_after_stop (Upgrade *upgrade)
{
    TdModule *old = upgrade->old;
    g_autoptr (GError) error = NULL;

    if (descriptor_of (upgrade->new)->upgrade == TD_UPGRADE_HANDOVER) {
        upgrade->state = descriptor_of (old)->export_state (old, &error);
        if (upgrade->state == NULL) {
            if (error == NULL) {
                g_set_error (&error, TD_MODULE_ERROR, TD_MODULE_ERROR_FAILED,
                             "export_state () failed and gave no reason");
            }
            td_module_refuse (upgrade->new, error->message);
            end_upgrade (upgrade, error);
            return;
        }
    }
    td_module_stop (old, upgrade->deadline_ms, false, old_is_stopped, upgrade);
}

static void
do_upgrade (void *data)
{
    Upgrade *upgrade = data;
    g_autoptr (GError) error = NULL;

    upgrade->old = td_registry_find (upgrade->registry, upgrade->name);
    if (upgrade->old == NULL || td_module_phase (upgrade->old) != TD_MODULE_RUNNING) {
        g_set_error (&error, TD_MODULE_ERROR, TD_MODULE_ERROR_STATE,
                     "module %s is %s: only a running module is upgraded, load it instead",
                     upgrade->name,
                     upgrade->old != NULL ? td_fsm_state_name (&upgrade->old->fsm) : "not loaded");
        upgrade->old = NULL;
        end_upgrade (upgrade, error);
        return;
    }
    td_registry_hold (upgrade->old);
    if (!bring_new (upgrade, &error)) {
        end_upgrade (upgrade, error);
    } else if (descriptor_of (upgrade->new)->upgrade == TD_UPGRADE_BESIDE) {
        start_beside (upgrade);
    } else {
        start_after_stop (upgrade);
    }
}

void
td_registry_upgrade (TdRegistry *registry, const char *name, const char *path, uint32_t deadline_ms,
                     TdModuleDone done, void *data)
{
    Upgrade *upgrade = g_new0 (Upgrade, 1);

    upgrade->registry = registry;
    upgrade->name = g_strdup (name);
    upgrade->path = g_strdup (path);
    upgrade->deadline_ms = deadline_ms;
    upgrade->done = done;
    upgrade->data = data;
    td_registry_later (do_upgrade, upgrade);
}
