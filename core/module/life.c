/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's life: the table of its states, and what is done in each. */

#include "module/error.h"
#include "module/feature.h"
#include "module/ledger.h"
#include "module/registry.h"
#include "module/thread.h"

#include <tandem/log.h>

#include "run/lane.h"

#include <string.h>

enum {
    POLL_MS_MAX = 256,
    CALL_US = 50 * 1000,
    /* After its deadline, and what it served was ended, a module is given so much more. */
    GRACE_MS = 5000,
};

G_STATIC_ASSERT (offsetof (TdModule, owner) == 0);

/* Whoever waits for the end of what is under way. */
typedef struct {
    TdModuleDone done;
    void *data;
} Waiter;

static void look_for_users (TdTimer *timer);
static void pass_deadline (TdTimer *timer);

static const TdModuleDescriptor *
descriptor_of (const TdModule *module)
{
    static const TdModuleDescriptor empty;

    return module->image != NULL ? &module->image->descriptor : &empty;
}

static char **
copy_features (const char *const *features)
{
    return features != NULL ? g_strdupv ((char **) features) : g_new0 (char *, 1);
}

TdModule *
td_module_new (TdRegistry *registry, const char *name, TdImage *image)
{
    TdModule *module = g_new0 (TdModule, 1);

    td_owner_init (&module->owner, name);
    module->registry = registry;
    module->generation = td_registry_next_generation (registry, name);
    module->image = image;
    module->summary = g_strdup (descriptor_of (module)->summary);
    module->version = g_strdup (descriptor_of (module)->version);
    module->license = g_strdup (descriptor_of (module)->license);
    module->path = g_strdup (image != NULL ? image->path : NULL);
    module->provides = copy_features (descriptor_of (module)->provides);
    module->owner.may_raise_priority =
        g_strv_contains ((const char *const *) module->provides, "priority.class");
    module->needs = copy_features (descriptor_of (module)->needs);
    module->wants = copy_features (descriptor_of (module)->wants);
    module->waiters = g_array_new (FALSE, FALSE, sizeof (Waiter));
    module->defects = g_ptr_array_new_with_free_func (g_free);
    module->threads = g_ptr_array_new ();
    module->features = g_ptr_array_new ();
    module->leases = g_ptr_array_new ();
    td_fsm_init (&module->fsm, NULL, &td_module_machine, module);
    td_timer_init (&module->poll, NULL, look_for_users);
    td_timer_init (&module->deadline, NULL, pass_deadline);
    return module;
}

void
td_module_free (TdModule *module)
{
    td_timer_stop (&module->poll);
    td_timer_stop (&module->deadline);
    td_fsm_clear (&module->fsm);
    td_image_unmap (g_steal_pointer (&module->image));
    g_clear_pointer (&module->config, td_config_unref);
    g_array_unref (module->waiters);
    g_strfreev (module->provides);
    g_strfreev (module->needs);
    g_strfreev (module->wants);
    g_ptr_array_unref (module->defects);
    g_ptr_array_unref (module->threads);
    g_ptr_array_unref (module->features);
    g_ptr_array_unref (module->leases);
    td_owner_clear (&module->owner);
    g_free (module->summary);
    g_free (module->version);
    g_free (module->license);
    g_free (module->path);
    g_free (module->place);
    g_free (module->state_dir);
    g_free (module->reason);
    g_free (module);
}

/* Goes to STATE and tells whoever listens. */
static void
enter (TdModule *module, TdModuleState state)
{
    bool was_running = td_module_phase (module) == TD_MODULE_RUNNING;

    if (!td_fsm_enter (&module->fsm, state)) {
        return;
    }
    td_registry_tell (module);
    if (was_running || state == TD_MODULE_RUNNING) {
        td_features_tell (module, state == TD_MODULE_RUNNING);
    }
}

/* What was asked of MODULE has come to its end. */
static void
finish (TdModule *module, const GError *error)
{
    g_autoptr (GArray) waiters = module->waiters;

    module->waiters = g_array_new (FALSE, FALSE, sizeof (Waiter));
    for (unsigned i = 0; i < waiters->len; i++) {
        const Waiter *waiter = &g_array_index (waiters, Waiter, i);
        waiter->done (module, error, waiter->data);
    }
}

static void
add_waiter (TdModule *module, TdModuleDone done, void *data)
{
    Waiter waiter = { done, data };

    if (done != NULL) {
        g_array_append_val (module->waiters, waiter);
    }
}

static void
set_reason (TdModule *module, const char *reason)
{
    g_free (module->reason);
    module->reason = g_strdup (reason);
    td_log_error (module, NULL, "%s", reason);
}

/* What REASON is when a module's function returned false, in our own words where it gave none. */
static GError *
complete_error (TdModule *module, const char *function, GError *error)
{
    if (error == NULL) {
        return g_error_new (TD_MODULE_ERROR, TD_MODULE_ERROR_FAILED,
                            "%s () failed and gave no reason", function);
    }
    return error;
}

/* Takes no new work from here on; looks whether anybody still uses the module. */
static void
drain (TdModule *module)
{
    atomic_store_explicit (&module->owner.is_stopping, true, memory_order_release);
    module->drained_since_us = td_clock_now_us ();
    module->poll_ms = 1;
    module->is_shut = false;
    g_ptr_array_set_size (module->defects, 0);
    enter (module, TD_MODULE_DRAINING);
}

/* Ends the wait for users when there are none; looks again later when there are. */
static void
look_for_users (TdTimer *timer)
{
    TdModule *module = (TdModule *) ((char *) timer - offsetof (TdModule, poll));

    td_threads_reap (module);
    if (td_owner_uses (&module->owner) == 0) {
        td_fsm_dispatch (&module->fsm, TD_MODULE_EV_IDLE, NULL);
        return;
    }
    int64_t waited_us = td_clock_now_us () - module->drained_since_us;
    if (td_owner_uses (&module->owner) == td_threads_count (module)) {
        td_threads_await (module, module->poll_ms);
        td_threads_name_late (module, waited_us);
    } else if (waited_us >= CALL_US) {
        /* Posts and work that were under way are soon over: these are calls, which may need its
         * threads until they end. */
        module->is_excused = true;
        module->drained_since_us = td_clock_now_us () - CALL_US;
    }
    td_timer_start (&module->poll, module->poll_ms);
    module->poll_ms = MIN (module->poll_ms * 2, POLL_MS_MAX);
}

/* The time for an end of its own is over: what it serves is ended; and if that does not help,
 * whoever waits is told. */
static void
pass_deadline (TdTimer *timer)
{
    TdModule *module = (TdModule *) ((char *) timer - offsetof (TdModule, deadline));
    g_autofree char *users = NULL;

    if (!module->is_evicted) {
        module->is_evicted = true;
        td_registry_evict (module);
        td_timer_start (&module->deadline, GRACE_MS);
        return;
    }
    users = td_ledger_users (module);
    g_autoptr (GError) error =
        g_error_new (TD_MODULE_ERROR, TD_MODULE_ERROR_STATE,
                     "module %s: still used by %s, %d s after its deadline: it stays mapped until "
                     "they have ended",
                     module->owner.name, users, GRACE_MS / 1000);
    td_log_error (module, NULL, "still used by %s, %d s after its deadline", users,
                  GRACE_MS / 1000);
    module->is_given_up = true;
    finish (module, error);
}

static void
quiet (void *data)
{
    TdModule *module = data;

    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_QUIET, NULL);
}

static void
revoked (const TdLaneLeftovers *found, void *data)
{
    TdModule *module = data;

    td_ledger_add_leftovers (module, found->n_timers);
    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_REVOKED, NULL);
}

/* Nobody uses it: takes back what it left, on whatever lane that lives. */
static void
clear (TdModule *module)
{
    td_timer_stop (&module->poll);
    td_timer_stop (&module->deadline);
    enter (module, TD_MODULE_CLEARING);
    /* Its code is not called any more; only then is it safe to look for what would call it. */
    atomic_store_explicit (&module->owner.is_stopped, true, memory_order_release);
    td_ledger_revoke (module);
    td_lane_revoke (&module->owner, revoked, module);
}

/* Calls unload() where load() was called. */
static void
end_life (TdModule *module)
{
    const TdModuleDescriptor *descriptor = descriptor_of (module);

    if (module->is_loaded && descriptor->unload != NULL) {
        descriptor->unload (module);
    }
    module->is_loaded = false;
    module->state = NULL;
}

static void
take_down (TdModule *module)
{
    end_life (module);
    td_image_unmap (g_steal_pointer (&module->image));
    enter (module, module->reason != NULL ? TD_MODULE_FAILED : TD_MODULE_UNLOADED);
    finish (module, NULL);
    td_registry_bury (module);
}

/* Calls load(); the module ends failed when that says no. */
static void
load (TdModule *module, GError **error)
{
    const TdModuleDescriptor *descriptor = descriptor_of (module);

    if (descriptor->load == NULL || descriptor->load (module, error)) {
        module->is_loaded = true;
        enter (module, TD_MODULE_LOADED);
        return;
    }
    *error = complete_error (module, "load", *error);
    set_reason (module, (*error)->message);
    drain (module);
    look_for_users (&module->poll);
}

static void
act_found (void *self, unsigned event, void *data)
{
    TdModule *module = self;

    if (event == TD_MODULE_EV_LOAD) {
        load (module, data);
        return;
    }
    if (event == TD_MODULE_EV_REFUSE) {
        set_reason (module, data);
    }
    take_down (module);
}

/* Calls start(), and dispatches what came of it. */
static void
start (TdModule *module, GError **error)
{
    const TdModuleDescriptor *descriptor = descriptor_of (module);

    enter (module, TD_MODULE_STARTING);
    atomic_store (&module->owner.is_starting, true);
    bool is_started = descriptor->start == NULL || descriptor->start (module, error);
    atomic_store (&module->owner.is_starting, false);
    if (is_started) {
        td_fsm_dispatch (&module->fsm, TD_MODULE_EV_STARTED, NULL);
        return;
    }
    *error = complete_error (module, "start", *error);
    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_REFUSE, (*error)->message);
}

static void
act_loaded (void *self, unsigned event, void *data)
{
    TdModule *module = self;

    if (event == TD_MODULE_EV_START) {
        start (module, data);
        return;
    }
    if (event == TD_MODULE_EV_REFUSE) {
        set_reason (module, data);
    }
    drain (module);
    look_for_users (&module->poll);
}

static void
act_starting (void *self, unsigned event, void *data)
{
    TdModule *module = self;

    if (event == TD_MODULE_EV_STARTED) {
        enter (module, TD_MODULE_RUNNING);
        return;
    }
    set_reason (module, data);
    drain (module);
    look_for_users (&module->poll);
}

static void
act_running (void *self, unsigned event, void *data)
{
    TdModule *module = self;
    const TdModuleDescriptor *descriptor = descriptor_of (module);
    uint32_t deadline_ms = *(uint32_t *) data;

    module->is_evicted = module->is_given_up = module->is_excused = false;
    drain (module);
    if (descriptor->stop != NULL) {
        descriptor->stop (module);
    }
    if (deadline_ms != TD_DEADLINE_NONE) {
        td_timer_start (&module->deadline, deadline_ms);
    }
    look_for_users (&module->poll);
}

static void
shut (void *data)
{
    TdModule *module = data;

    if (td_module_phase (module) == TD_MODULE_DRAINING) {
        module->is_shut = true;
        look_for_users (&module->poll);
    }
}

/* Nobody uses it; but a lane may be in its hook, or about to place a leg with it, and take a use
 * before its turn is over. So its doors are shut first, and it is looked again when every lane has
 * had a turn. */
static void
act_draining (void *self, unsigned event, void *data)
{
    TdModule *module = self;

    if (module->is_shut) {
        clear (module);
        return;
    }
    td_owner_shut_doors (&module->owner);
    td_lane_sweep (NULL, NULL, shut, NULL, module);
}

static void
act_clearing (void *self, unsigned event, void *data)
{
    TdModule *module = self;

    if (event != TD_MODULE_EV_QUIET) {
        /* Work on a worker's thread may have begun just before it was stopped. */
        if (td_owner_uses (&module->owner) > 0) {
            td_timer_start (&module->poll, 1);
            return;
        }
        td_lane_sweep (NULL, NULL, quiet, NULL, module);
        return;
    }
    enter (module, TD_MODULE_STOPPED);
    if (module->unload_when_stopped || module->reason != NULL) {
        td_fsm_dispatch (&module->fsm, TD_MODULE_EV_UNLOAD, NULL);
        return;
    }
    finish (module, NULL);
}

static void
act_stopped (void *self, unsigned event, void *data)
{
    TdModule *module = self;

    if (event == TD_MODULE_EV_UNLOAD) {
        take_down (module);
        return;
    }
    /* A new life from the beginning: what load() declared is gone with the old one. */
    end_life (module);
    atomic_store (&module->owner.is_stopped, false);
    atomic_store (&module->owner.is_stopping, false);
    module->is_excused = false;
    load (module, data);
}

static const char *const event_names[] = {
    [TD_MODULE_EV_LOAD] = "load",       [TD_MODULE_EV_START] = "start",
    [TD_MODULE_EV_STARTED] = "started", [TD_MODULE_EV_REFUSE] = "refuse",
    [TD_MODULE_EV_STOP] = "stop",       [TD_MODULE_EV_IDLE] = "idle",
    [TD_MODULE_EV_REVOKED] = "revoked", [TD_MODULE_EV_QUIET] = "quiet",
    [TD_MODULE_EV_UNLOAD] = "unload",
};

static const TdState states[] = {
    [TD_MODULE_FOUND] = {
        .name = "found",
        .events = TD_BIT (TD_MODULE_EV_LOAD) | TD_BIT (TD_MODULE_EV_REFUSE)
                  | TD_BIT (TD_MODULE_EV_UNLOAD),
        .next = TD_BIT (TD_MODULE_LOADED) | TD_BIT (TD_MODULE_DRAINING)
                | TD_BIT (TD_MODULE_UNLOADED) | TD_BIT (TD_MODULE_FAILED),
        .action = act_found,
    },
    [TD_MODULE_LOADED] = {
        .name = "loaded",
        .events = TD_BIT (TD_MODULE_EV_START) | TD_BIT (TD_MODULE_EV_REFUSE)
                  | TD_BIT (TD_MODULE_EV_UNLOAD),
        .next = TD_BIT (TD_MODULE_STARTING) | TD_BIT (TD_MODULE_DRAINING),
        .action = act_loaded,
    },
    [TD_MODULE_STARTING] = {
        .name = "starting",
        .events = TD_BIT (TD_MODULE_EV_STARTED) | TD_BIT (TD_MODULE_EV_REFUSE),
        .next = TD_BIT (TD_MODULE_RUNNING) | TD_BIT (TD_MODULE_DRAINING),
        .action = act_starting,
    },
    [TD_MODULE_RUNNING] = {
        .name = "running",
        .events = TD_BIT (TD_MODULE_EV_STOP),
        .next = TD_BIT (TD_MODULE_DRAINING),
        .action = act_running,
    },
    [TD_MODULE_DRAINING] = {
        .name = "draining",
        .events = TD_BIT (TD_MODULE_EV_IDLE),
        .next = TD_BIT (TD_MODULE_CLEARING),
        .action = act_draining,
    },
    [TD_MODULE_CLEARING] = {
        .name = "clearing",
        .events = TD_BIT (TD_MODULE_EV_REVOKED) | TD_BIT (TD_MODULE_EV_IDLE)
                  | TD_BIT (TD_MODULE_EV_QUIET),
        .next = TD_BIT (TD_MODULE_STOPPED),
        .action = act_clearing,
    },
    [TD_MODULE_STOPPED] = {
        .name = "stopped",
        .events = TD_BIT (TD_MODULE_EV_LOAD) | TD_BIT (TD_MODULE_EV_UNLOAD),
        .next = TD_BIT (TD_MODULE_LOADED) | TD_BIT (TD_MODULE_DRAINING)
                | TD_BIT (TD_MODULE_UNLOADED) | TD_BIT (TD_MODULE_FAILED),
        .action = act_stopped,
    },
    [TD_MODULE_UNLOADED] = { .name = "unloaded" },
    [TD_MODULE_FAILED] = { .name = "failed" },
};

G_STATIC_ASSERT (G_N_ELEMENTS (states) == TD_MODULE_N_STATES);
G_STATIC_ASSERT (G_N_ELEMENTS (event_names) == TD_MODULE_N_EVENTS);

const TdMachine td_module_machine = {
    .name = "module",
    .states = states,
    .n_states = G_N_ELEMENTS (states),
    .events = event_names,
    .n_events = G_N_ELEMENTS (event_names),
};

bool
td_module_load (TdModule *module, GError **error)
{
    GError *own = NULL;

    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_LOAD, &own);
    if (own != NULL) {
        g_propagate_error (error, own);
        return false;
    }
    return true;
}

bool
td_module_start (TdModule *module, GError **error)
{
    GError *own = NULL;

    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_START, &own);
    if (own != NULL) {
        g_propagate_error (error, own);
        return false;
    }
    return true;
}

void
td_module_stop (TdModule *module, uint32_t deadline_ms, bool is_unload, TdModuleDone done,
                void *data)
{
    module->unload_when_stopped = is_unload;
    add_waiter (module, done, data);
    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_STOP, &deadline_ms);
}

void
td_module_hurry (TdModule *module, uint32_t deadline_ms, TdModuleDone done, void *data)
{
    module->unload_when_stopped = true;
    add_waiter (module, done, data);
    if (!module->is_evicted && td_module_phase (module) == TD_MODULE_DRAINING
        && deadline_ms != TD_DEADLINE_NONE) {
        td_timer_start (&module->deadline, deadline_ms);
    }
}

void
td_module_unload (TdModule *module, TdModuleDone done, void *data)
{
    module->unload_when_stopped = true;
    add_waiter (module, done, data);
    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_UNLOAD, NULL);
}

void
td_module_refuse (TdModule *module, const char *reason)
{
    g_autofree char *copy = g_strdup (reason);

    td_fsm_dispatch (&module->fsm, TD_MODULE_EV_REFUSE, copy);
}
