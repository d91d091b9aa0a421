/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that leaves behind whatever the build tells it to, and gives back everything otherwise. */

#include <tandem/bus.h>
#include <tandem/lane.h>
#include <tandem/metric.h>
#include <tandem/module.h>

#include <stdlib.h>
#include <unistd.h>

#ifndef CARELESS_NAME
#define CARELESS_NAME "careless"
#endif
#ifndef LEAVES
#define LEAVES 0
#endif

enum { SUBSCRIPTION = 1, TIMER = 2, WATCH = 4, THREAD = 8 };

typedef struct {
    TdModule *module;
    TdSubscription *subscription;
    TdTimer timer;
    TdPost to_lane; /* starts and stops the timer there */
    TdWatch *watch;
    int pipe[2];
    TdMetric *n_run; /* how often its code was called */
} State;

static void
hear (const TdFact *fact, void *data)
{
    td_metric_add (((State *) data)->n_run, 1);
}

static void
be_ready (TdWatch *watch, unsigned conditions, void *data)
{
    td_metric_add (((State *) data)->n_run, 1);
}

static void
expire (TdTimer *timer)
{
    State *state = (State *) ((char *) timer - offsetof (State, timer));

    td_metric_add (state->n_run, 1);
    td_timer_start (timer, 5);
}

static State *
state_of (TdPost *post)
{
    return (State *) ((char *) post - offsetof (State, to_lane));
}

static void
start_timer (TdPost *post)
{
    td_timer_start (&state_of (post)->timer, 5);
}

static void
stop_timer (TdPost *post)
{
    td_timer_stop (&state_of (post)->timer);
}

static void
forget (TdPost *post)
{
}

static void
run_thread (void *data)
{
    State *state = data;
    char end;

    /* Ends when the module closes the pipe, or, where it does not, with the process. */
    while (read (state->pipe[0], &end, 1) > 0) {
    }
}

static bool
load (TdModule *module, GError **error)
{
    static const TdMetricDecl decl = { .size = sizeof decl,
                                       .kind = TD_METRIC_COUNTER,
                                       .name = "test_careless_runs_total",
                                       .help = "How often the module's code was called." };
    State *state = g_new0 (State, 1);

    state->module = module;
    state->n_run = td_metric_declare (module, &decl);
    td_module_set_state (module, state);
    return true;
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);

    if (pipe (state->pipe) < 0) {
        abort ();
    }
    state->subscription = td_bus_subscribe (module, TD_LIST ("module.changed"), hear, state);
    state->watch = td_watch_open (module, state->pipe[0], TD_WATCH_READ, be_ready, state);
    td_timer_init (&state->timer, module, expire);
    state->to_lane = (TdPost){ .owner = module, .run = start_timer, .drop = forget };
    td_lane_post (td_lane_at (0), &state->to_lane);
    return (LEAVES & THREAD) == 0 || td_thread_start (module, "pump", run_thread, state, error);
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    if ((LEAVES & SUBSCRIPTION) == 0) {
        td_bus_unsubscribe (state->subscription);
    }
    if ((LEAVES & WATCH) == 0) {
        td_watch_close (state->watch);
    }
    if ((LEAVES & TIMER) == 0) {
        state->to_lane = (TdPost){ .owner = module, .run = stop_timer, .drop = forget };
        td_lane_post (td_lane_at (0), &state->to_lane);
    }
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    if (state->pipe[1] > 0) {
        close (state->pipe[0]);
        close (state->pipe[1]);
    }
    g_free (state);
}

static void
describe (TdModule *module, GVariantDict *info)
{
    State *state = td_module_state (module);

    g_variant_dict_insert (info, "n_run", "x", td_metric_value (state->n_run));
    g_variant_dict_insert (info, "end_of_pipe", "i", state->pipe[1]);
}

TD_MODULE_NAMED (CARELESS_NAME, .summary = "Leaves things behind", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .load = load, .start = start, .stop = stop,
                 .unload = unload, .describe = describe)
