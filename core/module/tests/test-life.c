/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's life: every function is called when it should be, and whatever it forgets is taken
 * back and named. */

#include "module/error.h"
#include "world.h"

#include "run/fsm.h"
#include "run/lane.h"

#include <tandem/bus.h>

#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

static bool
load (TdModule *module, GError **error)
{
    g_string_append (world->calls, "load ");
    return true;
}

static bool
start (TdModule *module, GError **error)
{
    g_string_append (world->calls, "start ");
    return true;
}

static bool
fail (TdModule *module, GError **error)
{
    g_string_append (world->calls, "fail ");
    g_set_error_literal (error, g_quark_from_string ("test"), 1, "the moon is full");
    return false;
}

static bool
fail_silently (TdModule *module, GError **error)
{
    return false;
}

static void
stop (TdModule *module)
{
    g_assert_true (td_module_is_stopping (module));
    g_string_append (world->calls, "stop ");
}

static void
unload (TdModule *module)
{
    g_string_append (world->calls, "unload ");
}

static const TdModuleDescriptor plain = {
    .name = "plain",
    .summary = "A module of the tests",
    .version = "1.0",
    .license = "LGPL-2.1-or-later",
    .load = load,
    .start = start,
    .stop = stop,
    .unload = unload,
};

static void
assert_defects (const TdModule *module, const char *expected)
{
    g_autoptr (GString) all = g_string_new (NULL);

    for (unsigned i = 0; i < module->defects->len; i++) {
        g_string_append_printf (all, "%s;", (char *) module->defects->pdata[i]);
    }
    g_assert_cmpstr (all->str, ==, expected);
}

static void
test_table (void)
{
    g_autofree char *fault = td_machine_check (&td_module_machine);

    g_assert_cmpstr (fault, ==, NULL);
}

static void
test_from_load_to_unload (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);

    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_RUNNING);
    g_assert_cmpuint (td_module_generation (module), ==, 1);
    td_registry_unload (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    g_assert_cmpstr (own->calls->str, ==, "load start ");
    td_lanes_settle ();
    g_assert_cmpstr (own->calls->str, ==, "load start stop unload ");
    g_assert_cmpstr (own->answers->str, ==, "ok;");
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
    g_assert_null (module->image);
    assert_defects (module, "");
}

static void
test_starts_again_after_stop (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);

    td_registry_stop (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_STOPPED);
    td_registry_load (own->registry, "plain", NULL, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_RUNNING);
    g_assert_false (td_module_is_stopping (module));
    g_assert_cmpstr (own->calls->str, ==, "load start stop unload load start ");
    g_assert_cmpstr (own->answers->str, ==, "ok;ok;");
}

static void
test_failed_load (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;
    g_autoptr (GError) error = NULL;

    descriptor.load = fail;
    TdModule *module = world_add (&descriptor);
    g_assert_false (td_module_load (module, &error));
    g_assert_cmpstr (error->message, ==, "the moon is full");
    td_lanes_settle ();
    g_assert_cmpstr (own->calls->str, ==, "fail ");
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_FAILED);
    g_assert_cmpstr (module->reason, ==, "the moon is full");
}

static void
hear_nothing (const TdFact *fact, void *data)
{
}

static bool
subscribe_and_fail (TdModule *module, GError **error)
{
    td_bus_subscribe (module, TD_LIST ("*"), hear_nothing, NULL);
    return fail (module, error);
}

static void
test_failed_start_is_undone_without_blame (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;
    g_autoptr (GError) error = NULL;

    descriptor.start = subscribe_and_fail;
    TdModule *module = world_add (&descriptor);
    g_assert_true (td_module_load (module, NULL));
    g_assert_false (td_module_start (module, &error));
    td_lanes_settle ();
    g_assert_cmpstr (own->calls->str, ==, "load fail unload ");
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_FAILED);
    g_assert_cmpuint (td_owner_count (&module->owner), ==, 0);
    assert_defects (module, "");
}

static void
test_failure_without_a_reason (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;
    g_autoptr (GError) error = NULL;

    descriptor.start = fail_silently;
    TdModule *module = world_add (&descriptor);
    g_assert_true (td_module_load (module, NULL));
    g_assert_false (td_module_start (module, &error));
    g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FAILED);
    g_assert_cmpstr (error->message, ==, "start () failed and gave no reason");
    td_lanes_settle ();
}

/* What a careless module leaves behind. */
static TdTimer left_timer;
static unsigned n_left_ran;
static int left_pipe[2];

static void
expire_left (TdTimer *timer)
{
    n_left_ran++;
}

static void
watch_left (TdWatch *watch, unsigned conditions, void *data)
{
    n_left_ran++;
}

static void
hear_left (const TdFact *fact, void *data)
{
    n_left_ran++;
}

static void
start_left_timer (void *data)
{
    td_timer_init (&left_timer, data, expire_left);
    td_timer_start (&left_timer, 50);
}

static bool
start_carelessly (TdModule *module, GError **error)
{
    td_bus_subscribe (module, TD_LIST ("module.changed"), hear_left, NULL);
    td_lanes_on (td_lane_at (1), start_left_timer, module);
    g_assert_cmpint (pipe (left_pipe), ==, 0);
    td_watch_open (module, left_pipe[0], TD_WATCH_READ, watch_left, NULL);
    return true;
}

static void
test_what_is_left_is_taken_back_and_named (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;

    descriptor.start = start_carelessly;
    TdModule *module = world_run (&descriptor);
    td_registry_stop (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_settle ();
    n_left_ran = 0;
    assert_defects (module, "watch file descriptor;subscription module.changed;1 timer;");
    g_assert_cmpuint (td_owner_count (&module->owner), ==, 0);
    td_registry_unload (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpint (write (left_pipe[1], "!", 1), ==, 1);
    td_lanes_advance (1000);
    g_assert_cmpuint (n_left_ran, ==, 0);
    g_assert_cmpstr (own->answers->str, ==, "ok;ok;");
    close (left_pipe[0]);
    close (left_pipe[1]);
}

/* A call that lives on a lane while its module drains. */
static unsigned n_expired;

static void
expire_call (TdTimer *timer)
{
    n_expired++;
    td_timer_start (timer, 10);
}

static void
start_call (void *data)
{
    TdTimer *timer = data;

    td_module_use (timer->owner);
    td_timer_start (timer, 10);
}

static void
end_call (void *data)
{
    TdTimer *timer = data;

    td_timer_stop (timer);
    td_module_unuse (timer->owner);
}

static bool
subscribe (TdModule *module, GError **error)
{
    td_bus_subscribe (module, TD_LIST ("*"), hear_nothing, NULL);
    return true;
}

static void
test_calls_go_on_while_it_drains (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;
    TdTimer timer;

    descriptor.start = subscribe;
    TdModule *module = world_run (&descriptor);
    td_timer_init (&timer, module, expire_call);
    td_lanes_on (td_lane_at (1), start_call, &timer);
    td_registry_unload (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_settle ();
    n_expired = 0;
    td_lanes_advance (100);
    g_assert_cmpuint (n_expired, >=, 9);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_DRAINING);
    /* Calls may need what it has taken. */
    g_assert_cmpuint (td_owner_count (&module->owner), ==, 1);
    td_lanes_on (td_lane_at (1), end_call, &timer);
    td_lanes_advance (1000);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
    assert_defects (module, "");
    g_assert_cmpuint (own->n_evicted, ==, 0);
    g_assert_cmpstr (own->answers->str, ==, "ok;");
}

static void
test_deadline_ends_calls (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);
    g_autofree char *expected = g_strdup (
        "module plain: still used by 1 call or piece of work, 5 s after its deadline: it stays "
        "mapped until they have ended;");

    td_module_use (module);
    td_registry_unload (own->registry, "plain", 2000, note_answer, NULL);
    td_lanes_advance (1999);
    g_assert_cmpuint (own->n_evicted, ==, 0);
    td_lanes_advance (10);
    g_assert_cmpuint (own->n_evicted, ==, 1);
    g_assert_cmpstr (own->answers->str, ==, "");
    td_lanes_advance (5001);
    g_assert_cmpstr (own->answers->str, ==, expected);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_DRAINING);
    td_module_unuse (module);
    td_lanes_advance (1000);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
}

typedef struct {
    TdPost post;
    unsigned n_run, n_dropped;
} CountedPost;

static void
count_run (TdPost *post)
{
    ((CountedPost *) post)->n_run++;
}

static void
count_drop (TdPost *post)
{
    ((CountedPost *) post)->n_dropped++;
}

static void
test_posts_are_run_before_it_ends (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);
    CountedPost posts[3] = { 0 };

    td_registry_unload (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    for (unsigned i = 0; i < 3; i++) {
        posts[i].post = (TdPost){ .owner = module, .run = count_run, .drop = count_drop };
        td_lane_post (i < 2 ? td_lane_at (i) : td_lane_control (), &posts[i].post);
    }
    td_lanes_advance (1000);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint (posts[i].n_run + posts[i].n_dropped, ==, 1);
    }
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
}

/* A module that asks for its own end from its own code. */
static void
expire_and_ask (TdTimer *timer)
{
    td_registry_unload (world->registry, "plain", 0, note_answer, NULL);
    g_string_append (world->calls, "asked ");
}

static void
test_never_stopped_in_its_own_callback (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);
    TdTimer timer;

    td_timer_init (&timer, module, expire_and_ask);
    td_timer_start (&timer, 1);
    td_lanes_advance (100);
    g_assert_cmpstr (own->calls->str, ==, "load start asked stop unload ");
}

/* Threads of a module's own. */
static sem_t may_end;

static void
run_well (void *data)
{
    while (!td_module_is_stopping (data)) {
        g_thread_yield ();
    }
}

/* As on a machine that has much else to do. */
static void
run_slowly (void *data)
{
    run_well (data);
    poll (NULL, 0, 200);
}

static void
run_badly (void *data)
{
    sem_wait (&may_end);
}

static bool
start_good_thread (TdModule *module, GError **error)
{
    return td_thread_start (module, "pump", run_well, module, error);
}

static bool
start_slow_thread (TdModule *module, GError **error)
{
    return td_thread_start (module, "pump", run_slowly, module, error);
}

static bool
start_bad_thread (TdModule *module, GError **error)
{
    sem_init (&may_end, 0, 0);
    return td_thread_start (module, "pump", run_badly, module, error);
}

static void
test_threads_are_joined (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;

    descriptor.start = start_good_thread;
    TdModule *module = world_run (&descriptor);
    g_assert_cmpuint (td_owner_uses (&module->owner), ==, 1);
    td_registry_unload (own->registry, "plain", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_settle ();
    /* The clock stands still: it is not late however slowly it ends. */
    while (td_owner_uses (&module->owner) > 0) {
        g_thread_yield ();
    }
    td_lanes_advance (300);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
    assert_defects (module, "");
}

/* However far the clock is moved meanwhile. */
static void
test_a_slow_thread_has_its_time (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;

    descriptor.start = start_slow_thread;
    TdModule *module = world_run (&descriptor);
    td_registry_unload (own->registry, "plain", 0, note_answer, NULL);
    td_lanes_advance (7000);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
    assert_defects (module, "");
}

static void
test_a_thread_that_does_not_end_is_named (World *own, gconstpointer unused)
{
    TdModuleDescriptor descriptor = plain;

    descriptor.start = start_bad_thread;
    TdModule *module = world_run (&descriptor);
    td_registry_unload (own->registry, "plain", 0, note_answer, NULL);
    td_lanes_advance (7000);
    g_assert_cmpstr (own->answers->str, ==,
                     "module plain: still used by thread pump, 5 s after its deadline: it stays "
                     "mapped until they have ended;");
    assert_defects (module, "thread pump;");
    sem_post (&may_end);
    while (td_owner_uses (&module->owner) > 0) {
        g_thread_yield ();
    }
    td_lanes_advance (300);
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_UNLOADED);
}

static void
test_state_folder (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);
    g_autofree char *expected = g_build_filename (own->folder.path, "plain", NULL);
    const char *folder = td_module_state_dir (module, NULL);

    g_assert_cmpstr (folder, ==, expected);
    g_assert_true (g_file_test (folder, G_FILE_TEST_IS_DIR));
}

static void
test_state_folder_that_cannot_be_made (World *own, gconstpointer unused)
{
    TdModule *module = world_run (&plain);
    g_autofree char *file = g_build_filename (own->folder.path, "plain", NULL);
    g_autoptr (GError) error = NULL;

    g_assert_true (g_file_set_contents (file, "", 0, NULL));
    g_assert_null (td_module_state_dir (module, &error));
    g_assert_error (error, TD_MODULE_ERROR, TD_MODULE_ERROR_FILE);
    g_assert_nonnull (strstr (error->message, "module plain: cannot make its folder"));
}

static void
add (const char *path, void (*test) (World *, gconstpointer))
{
    g_test_add (path, World, NULL, world_set_up, test, world_tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/module/life/table", test_table);
    add ("/module/life/from-load-to-unload", test_from_load_to_unload);
    add ("/module/life/starts-again-after-stop", test_starts_again_after_stop);
    add ("/module/life/failed-load", test_failed_load);
    add ("/module/life/failed-start-is-undone-without-blame",
         test_failed_start_is_undone_without_blame);
    add ("/module/life/failure-without-a-reason", test_failure_without_a_reason);
    add ("/module/life/what-is-left-is-taken-back-and-named",
         test_what_is_left_is_taken_back_and_named);
    add ("/module/life/calls-go-on-while-it-drains", test_calls_go_on_while_it_drains);
    add ("/module/life/deadline-ends-calls", test_deadline_ends_calls);
    add ("/module/life/posts-are-run-before-it-ends", test_posts_are_run_before_it_ends);
    add ("/module/life/never-stopped-in-its-own-callback", test_never_stopped_in_its_own_callback);
    add ("/module/life/threads-are-joined", test_threads_are_joined);
    add ("/module/life/a-slow-thread-has-its-time", test_a_slow_thread_has_its_time);
    add ("/module/life/a-thread-that-does-not-end-is-named",
         test_a_thread_that_does_not_end_is_named);
    add ("/module/life/state-folder", test_state_folder);
    add ("/module/life/state-folder-that-cannot-be-made", test_state_folder_that_cannot_be_made);
    return g_test_run ();
}
