/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On lanes that are threads: modules that are busy on every one of them come and go, and nothing of
 * them runs once they are unloaded. */

#include "base/log.h"
#include "module/registry.h"
#include "run/bus.h"
#include "run/lane.h"
#include "support.h"

#include <tandem/worker.h>

enum { N_LANES = 2, N_CYCLES = 50, ALIVE = 0x600d, DEAD = 0xdead };

/* What a module's life hangs on: freed, after it is marked, in unload(). */
typedef struct State State;

typedef struct {
    TdTimer timer;
    TdPost begin, end;
    State *state;
} OnLane;

struct State {
    int mark;
    TdModule *module;
    TdSubscription *subscription;
    OnLane on_lanes[N_LANES];
    TdWork work;
};

static struct {
    Folder folder;
    TdRegistry *registry;
    TdTopic *topic;
    TdTimer publishers[N_LANES];
    TdPost start_posts[N_LANES];
    bool is_careless; /* the module leaves everything behind */
    bool is_ending;
    unsigned n_cycles;
    atomic_uint n_ran;
} world;

static void
be_alive (const State *state)
{
    g_assert_cmpint (state->mark, ==, ALIVE);
    atomic_fetch_add (&world.n_ran, 1);
}

static void
hear (const TdFact *fact, void *data)
{
    be_alive (data);
}

static void
expire (TdTimer *timer)
{
    be_alive (((OnLane *) timer)->state);
    td_timer_start (timer, 0);
}

static void
start_on_lane (TdPost *post)
{
    OnLane *here = (OnLane *) ((char *) post - offsetof (OnLane, begin));

    be_alive (here->state);
    td_timer_start (&here->timer, 0);
}

static void
stop_on_lane (TdPost *post)
{
    OnLane *here = (OnLane *) ((char *) post - offsetof (OnLane, end));

    be_alive (here->state);
    td_timer_stop (&here->timer);
}

static void
ignore (TdPost *post)
{
}

static void
work_run (TdWork *work)
{
    be_alive ((State *) ((char *) work - offsetof (State, work)));
}

static void
work_done (TdWork *work)
{
    State *state = (State *) ((char *) work - offsetof (State, work));

    be_alive (state);
    if (!td_module_is_stopping (state->module)) {
        td_work_start (work);
    }
}

static void
work_drop (TdWork *work)
{
}

static void
thread_run (void *data)
{
    State *state = data;

    while (!td_module_is_stopping (state->module)) {
        be_alive (state);
        g_thread_yield ();
    }
}

static bool
start (TdModule *module, GError **error)
{
    State *state = g_new0 (State, 1);

    state->mark = ALIVE;
    state->module = module;
    td_module_set_state (module, state);
    state->subscription = td_bus_subscribe (module, TD_LIST ("test.tick"), hear, state);
    for (unsigned i = 0; i < N_LANES; i++) {
        OnLane *here = &state->on_lanes[i];
        here->state = state;
        td_timer_init (&here->timer, module, expire);
        here->begin = (TdPost){ .owner = module, .run = start_on_lane, .drop = ignore };
        td_lane_post (td_lane_at (i), &here->begin);
    }
    state->work =
        (TdWork){ .owner = module, .run = work_run, .done = work_done, .drop = work_drop };
    td_work_start (&state->work);
    return td_thread_start (module, "pump", thread_run, state, error);
}

static void
stop (TdModule *module)
{
    State *state = td_module_state (module);

    if (world.is_careless) {
        return;
    }
    td_bus_unsubscribe (state->subscription);
    for (unsigned i = 0; i < N_LANES; i++) {
        OnLane *here = &state->on_lanes[i];
        here->end = (TdPost){ .owner = module, .run = stop_on_lane, .drop = ignore };
        td_lane_post (td_lane_at (i), &here->end);
    }
}

static void
unload (TdModule *module)
{
    State *state = td_module_state (module);

    state->mark = DEAD;
    g_free (state);
}

static const TdModuleDescriptor descriptor = {
    .name = "busy", .start = start, .stop = stop, .unload = unload
};

static void
publish (TdTimer *timer)
{
    struct {
        bool nothing;
    } body = { false };

    td_bus_publish (world.topic, TD_ID_NONE, NULL, 0, &body);
    td_timer_start (timer, 0);
}

static void
start_publisher (TdPost *post)
{
    td_timer_start (&world.publishers[post - world.start_posts], 0);
}

static void
quit (void *data)
{
    td_lanes_quit ();
}

static void live_once (void *data);

static void
next_life (TdModule *module, const GError *error, void *data)
{
    g_assert_no_error (error);
    /* On a machine with much else to do, posts are under way for so long that they count as calls. */
    g_assert_true ((module->defects->len > 0) == world.is_careless || module->is_excused);
    if (--world.n_cycles > 0) {
        td_registry_later (live_once, NULL);
    } else {
        td_registry_stop_all (world.registry, 0, quit, NULL);
    }
}

/* Waits until the module has run on every thread, more or less. */
static void
end_life (TdTimer *timer)
{
    td_registry_unload (world.registry, "busy", 10000, next_life, NULL);
}

static TdTimer life;

static void
live_once (void *data)
{
    TdImage *image = g_new0 (TdImage, 1);
    g_autoptr (GError) error = NULL;

    image->path = g_strdup ("/x/busy.so");
    image->descriptor = descriptor;
    TdModule *module = td_module_new (world.registry, "busy", image);
    td_registry_list (module);
    g_assert_true (td_module_load (module, &error) && td_module_start (module, &error));
    td_timer_init (&life, NULL, end_life);
    td_timer_start (&life, world.n_cycles % 4);
}

static void
run_lives (bool is_careless)
{
    static const TdTopicDecl tick = {
        .size = sizeof tick, .version = 1, .name = "test.tick", .help = "Time goes on."
    };
    const char *const nowhere[] = { NULL };

    folder_make (&world.folder, NULL);
    world.is_careless = is_careless;
    world.n_cycles = N_CYCLES;
    td_lanes_open (&(TdLanesOptions){ .n_lanes = N_LANES });
    td_bus_open ("test", 1);
    world.registry = td_registry_open (
        &(TdRegistryOptions){ .module_path = nowhere, .state_dir = world.folder.path });
    world.topic = td_topic_declare (NULL, &tick);
    for (unsigned i = 0; i < N_LANES; i++) {
        td_timer_init (&world.publishers[i], NULL, publish);
        world.start_posts[i] = (TdPost){ .run = start_publisher, .drop = ignore };
        td_lane_post (td_lane_at (i), &world.start_posts[i]);
    }
    td_registry_later (live_once, NULL);
    td_lanes_run ();
    td_lanes_close ();
    td_registry_close (world.registry);
    td_bus_close ();
    folder_remove (&world.folder, NULL);
    g_assert_cmpuint (atomic_load (&world.n_ran), >, N_CYCLES);
}

static void
test_careful_modules_come_and_go (void)
{
    run_lives (false);
}

static void
test_careless_modules_come_and_go (void)
{
    run_lives (true);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    td_log_set_level (TD_LOG_ERROR);
    g_test_add_func ("/module/threads/careful-modules-come-and-go",
                     test_careful_modules_come_and_go);
    g_test_add_func ("/module/threads/careless-modules-come-and-go",
                     test_careless_modules_come_and_go);
    return g_test_run ();
}
