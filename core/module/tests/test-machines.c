/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's machine: every event at every state. */

#include "common/machines.h"
#include "world.h"

#include "run/lane.h"

typedef struct {
    World world; /* first */
    TdModule *module;
    bool is_used;
    void (*during_start) (void *data);
    void *data;
} ModuleWorld;

static bool
start (TdModule *module, GError **error)
{
    ModuleWorld *here = (ModuleWorld *) world;

    if (here->during_start != NULL) {
        here->during_start (here->data);
    }
    return true;
}

static const TdModuleDescriptor descriptor = {
    .name = "plain",
    .summary = "A module of the tests",
    .version = "1.0",
    .license = "LGPL-2.1-or-later",
    .start = start,
};

static void
stop (ModuleWorld *here, bool is_unload)
{
    td_module_stop (here->module, TD_DEADLINE_NONE, is_unload, NULL, NULL);
}

static void
lead (ModuleWorld *here, TdModuleState state)
{
    g_autoptr (GError) error = NULL;

    if (state == TD_MODULE_FAILED) {
        td_module_refuse (here->module, "the moon is full");
    }
    if (state == TD_MODULE_FOUND || state == TD_MODULE_FAILED) {
        return;
    }
    g_assert_true (td_module_load (here->module, &error));
    if (state == TD_MODULE_LOADED || state == TD_MODULE_STARTING) {
        return;
    }
    g_assert_true (td_module_start (here->module, &error));
    if (state == TD_MODULE_DRAINING) {
        td_module_use (here->module);
        here->is_used = true;
    }
    if (state >= TD_MODULE_DRAINING) {
        stop (here, state == TD_MODULE_UNLOADED);
    }
    while (state == TD_MODULE_CLEARING && td_module_phase (here->module) != TD_MODULE_CLEARING) {
        g_assert_true (td_lanes_step ());
    }
    if (state >= TD_MODULE_STOPPED) {
        td_lanes_settle ();
    }
}

static void *
begin (unsigned state)
{
    ModuleWorld *here = g_new0 (ModuleWorld, 1);

    world_set_up (&here->world, NULL);
    here->module = world_add (&descriptor);
    lead (here, (TdModuleState) state);
    return here;
}

static TdFsm *
find (void *data)
{
    return &((ModuleWorld *) data)->module->fsm;
}

/* Only the module itself is ever in the state starting: within its start (). */
static void
run (void *data, void (*function) (void *data), void *function_data)
{
    ModuleWorld *here = data;
    const MachineTrial *trial = function_data;

    if (trial->state != TD_MODULE_STARTING) {
        function (function_data);
        return;
    }
    here->during_start = function;
    here->data = function_data;
    g_autoptr (GError) error = NULL;
    td_module_start (here->module, &error);
    here->during_start = NULL;
}

static void
give (void *data, TdFsm *fsm, unsigned event)
{
    g_autoptr (GError) error = NULL;
    uint32_t deadline_ms = TD_DEADLINE_NONE;
    g_autofree char *reason = g_strdup ("the moon is full");
    void *const with[TD_MODULE_N_EVENTS] = {
        [TD_MODULE_EV_LOAD] = &error,
        [TD_MODULE_EV_START] = &error,
        [TD_MODULE_EV_REFUSE] = reason,
        [TD_MODULE_EV_STOP] = &deadline_ms,
    };

    td_fsm_dispatch (fsm, event, with[event]);
}

static void
end (void *data)
{
    ModuleWorld *here = data;

    if (here->is_used) {
        td_module_unuse (here->module);
    }
    td_lanes_settle ();
    world_tear_down (&here->world, NULL);
    g_free (here);
}

static const MachineCase cases[] = {
    { &td_module_machine, "", begin, find, give, run, end },
};

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    machine_case_add (&cases[0]);
    return g_test_run ();
}
