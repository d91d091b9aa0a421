/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* On lanes that are threads: modules that are busy on every one of them come and go, and nothing of
 * them runs once they are unloaded. */

#include "base/log.h"
#include "module/registry.h"
#include "run/bus.h"
#include "run/hook.h"
#include "run/lane.h"
#include "support.h"

#include <semaphore.h>
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

/* A module whose hook is in the middle of being asked, on another lane, when the module is stopped. */
static struct {
    Folder folder;
    TdRegistry *registry;
    TdHookRun run;
    TdPost post;
    sem_t is_asked, may_go_on;
    TdToken *token;
    TdTimer delay; /* the module's: it answers when it expires */
    atomic_bool is_settled;
    bool is_unloaded;
} asked;

static void
answer_later (TdTimer *timer)
{
    td_token_answer (asked.token, (TdHookAnswer){ .verdict = TD_HOOK_DONE });
}

static TdHookAnswer
take_time (void *subject, TdToken *token, void *data)
{
    sem_post (&asked.is_asked);
    sem_wait (&asked.may_go_on);
    asked.token = td_token_take (token, NULL);
    td_timer_init (&asked.delay, data, answer_later);
    td_timer_start (&asked.delay, 1);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

static bool
add_hook (TdModule *module, GError **error)
{
    return td_hook_add (module, "admit",
                        &(TdHook){ .size = sizeof (TdHook),
                                   .name = "asked.admit",
                                   .deadline_ms = 100,
                                   .silence = { .verdict = TD_HOOK_CONTINUE },
                                   .data = module,
                                   .ask = take_time },
                        error);
}

static void
settled (TdHookRun *run, const TdHookAnswer *answer, const char *hook_name)
{
    atomic_store (&asked.is_settled, true);
}

static void
ask (TdPost *post)
{
    td_hook_run_start (&asked.run, "admit");
}

static void
note_unloaded (TdModule *module, const GError *error, void *data)
{
    g_assert_no_error (error);
    asked.is_unloaded = true;
}

static void
close_down (void *data)
{
    td_lanes_quit ();
}

static void
test_a_turn_under_way_still_takes_a_use (void)
{
    const TdModuleDescriptor own = { .name = "asked", .start = add_hook };
    const char *const nowhere[] = { NULL };
    TdImage *image = g_new0 (TdImage, 1);
    g_autoptr (GError) error = NULL;

    folder_make (&asked.folder, NULL);
    sem_init (&asked.is_asked, 0, 0);
    sem_init (&asked.may_go_on, 0, 0);
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1 });
    td_bus_open ("test", 1);
    td_hooks_open ();
    td_hook_point_declare ("admit", NULL);
    asked.registry = td_registry_open (
        &(TdRegistryOptions){ .module_path = nowhere, .state_dir = asked.folder.path });
    image->path = g_strdup ("/x/asked.so");
    image->descriptor = own;
    TdModule *module = td_module_new (asked.registry, "asked", image);
    td_registry_list (module);
    g_assert_true (td_module_load (module, &error) && td_module_start (module, &error));
    asked.run = (TdHookRun){ .settled = settled };
    asked.post = (TdPost){ .run = ask, .drop = ignore };
    td_lane_post (td_lane_at (0), &asked.post);
    sem_wait (&asked.is_asked);
    td_module_stop (module, 0, true, note_unloaded, NULL);
    while (g_main_context_iteration (NULL, FALSE)) { /* as far as it comes alone */
    }
    sem_post (&asked.may_go_on);
    while (!asked.is_unloaded) {
        g_main_context_iteration (NULL, TRUE);
    }
    g_assert_true (atomic_load (&asked.is_settled));
    td_registry_stop_all (asked.registry, 0, close_down, NULL);
    td_lanes_run ();
    td_lanes_close ();
    td_registry_close (asked.registry);
    td_hooks_close ();
    td_bus_close ();
    folder_remove (&asked.folder, NULL);
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
    g_test_add_func ("/module/threads/a-turn-under-way-still-takes-a-use",
                     test_a_turn_under_way_still_takes_a_use);
    return g_test_run ();
}
