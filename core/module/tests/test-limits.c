/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A limit outlives the generation that made it: whoever comes next counts the seats it finds. */

#include "world.h"

#include "run/lane.h"

#include <tandem/resource.h>

/* What start() makes of the limit, and the limits it made, in their order. */
static struct {
    unsigned capacity, n_reserved;
    bool fails;
    TdLimit *made[4];
    unsigned n_made;
} plan;

static bool
start (TdModule *module, GError **error)
{
    TdLimit *limit = td_limit_new (module, "trunk a", plan.capacity, 4);

    if (plan.n_reserved > 0) {
        td_limit_reserve (limit, 8, plan.n_reserved);
    }
    plan.made[plan.n_made++] = limit;
    return !plan.fails;
}

static const TdModuleDescriptor group = {
    .name = "group",
    .summary = "A module of the tests",
    .version = "1.0",
    .license = "LGPL-2.1-or-later",
    .start = start,
};

static TdModule *
run_next (unsigned capacity)
{
    plan.capacity = capacity;
    return world_run (&group);
}

static void
set_up (World *own, gconstpointer unused)
{
    plan.n_reserved = plan.n_made = 0;
    plan.fails = false;
    world_set_up (own, NULL);
}

typedef struct {
    TdSeat seat;
    TdLimit *limit;
    unsigned seat_class;
    TdSeatResult result;
} Call;

static void
granted (TdSeat *seat)
{
    g_assert_true (td_lane_current () == td_lane_at (1));
    g_string_append (world->calls, "granted ");
}

static void
refused (TdSeat *seat)
{
    g_assert_true (td_lane_current () == td_lane_at (1));
    g_string_append (world->calls, "refused ");
}

static void
take_on_lane (void *data)
{
    Call *call = data;

    call->result = td_seat_take (&call->seat, call->limit, call->seat_class, true);
}

static void
give_on_lane (void *data)
{
    td_seat_give (data);
}

/* A call of MODULE in SEAT_CLASS, on lane 1, which may queue. */
static TdSeatResult
take (Call *call, TdModule *module, TdLimit *limit, unsigned seat_class)
{
    *call = (Call){
        { .owner = module, .granted = granted, .refused = refused }, limit, seat_class, TD_SEAT_FULL
    };
    td_lanes_on (td_lane_at (1), take_on_lane, call);
    return call->result;
}

static void
give (Call *call)
{
    td_lanes_on (td_lane_at (1), give_on_lane, &call->seat);
}

static void
assert_news (const char *expected)
{
    td_lanes_settle ();
    g_assert_cmpstr (world->calls->str, ==, expected);
    g_string_truncate (world->calls, 0);
}

static void
unload (TdModule *module)
{
    td_module_stop (module, TD_DEADLINE_NONE, true, NULL, NULL);
    td_lanes_settle ();
    td_lanes_advance (1000);
}

static void
test_a_new_build_counts_the_calls_of_the_old_one (World *own, gconstpointer unused)
{
    Call old_call, call;

    TdModule *old = run_next (5);
    g_assert_cmpint (take (&old_call, old, plan.made[0], 0), ==, TD_SEAT_GRANTED);
    TdModule *new = run_next (1);
    g_assert_cmpuint (td_module_generation (new), ==, 2);
    g_assert_cmpuint (td_limit_in_use (plan.made[1]), ==, 1);
    g_assert_cmpint (take (&call, new, plan.made[1], 0), ==, TD_SEAT_QUEUED);
    give (&old_call);
    assert_news ("granted ");
    give (&call);
}

/* Its seats are held by legs that the old build does not serve any more. */
static void
test_seats_outlive_the_module_that_took_them (World *own, gconstpointer unused)
{
    Call old_call, call;

    TdModule *old = run_next (1);
    take (&old_call, old, plan.made[0], 0);
    unload (old);
    TdModule *new = run_next (1);
    g_assert_cmpuint (td_limit_in_use (plan.made[1]), ==, 1);
    g_assert_cmpint (take (&call, new, plan.made[1], 0), ==, TD_SEAT_QUEUED);
    give (&old_call);
    assert_news ("granted ");
    give (&call);
}

static void
test_a_module_that_starts_again_counts_its_calls (World *own, gconstpointer unused)
{
    Call call;

    TdModule *module = run_next (3);
    take (&call, module, plan.made[0], 0);
    td_registry_stop (own->registry, "group", TD_DEADLINE_NONE, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (td_module_phase (module), ==, TD_MODULE_STOPPED);
    td_registry_load (own->registry, "group", NULL, note_answer, NULL);
    td_lanes_settle ();
    g_assert_cmpstr (own->answers->str, ==, "ok;ok;");
    g_assert_cmpuint (td_limit_in_use (plan.made[1]), ==, 1);
    g_assert_cmpuint (module->defects->len, ==, 0);
    give (&call);
    g_assert_cmpuint (td_limit_in_use (plan.made[1]), ==, 0);
}

static void
test_the_end_of_the_old_build_leaves_the_new_one_its_limit (World *own, gconstpointer unused)
{
    Call old_call, call;

    TdModule *old = run_next (5);
    take (&old_call, old, plan.made[0], 0);
    TdModule *new = run_next (2);
    td_limit_retire (plan.made[0]); /* as its stop () may do */
    g_assert_cmpint (take (&call, old, plan.made[0], 15), ==, TD_SEAT_FULL);
    unload (old);
    g_assert_cmpuint (td_limit_capacity (plan.made[1]), ==, 2);
    g_assert_cmpint (take (&call, new, plan.made[1], 0), ==, TD_SEAT_GRANTED);
    give (&call);
    give (&old_call);
}

static void
test_waiters_of_the_old_build_wait_for_the_new_one (World *own, gconstpointer unused)
{
    Call old_call, first, second;

    TdModule *old = run_next (1);
    take (&old_call, old, plan.made[0], 0);
    take (&first, old, plan.made[0], 0);
    take (&second, old, plan.made[0], 0);
    run_next (1);
    td_limit_retire (plan.made[0]);
    assert_news ("");
    g_assert_cmpuint (td_limit_queued (plan.made[1]), ==, 2);
    give (&old_call);
    assert_news ("granted ");
    td_limit_retire (plan.made[1]);
    assert_news ("refused ");
    give (&first);
}

static void
test_waiters_of_a_build_that_goes_first_are_refused (World *own, gconstpointer unused)
{
    Call held, waiter_of_old, waiter_of_new;

    TdModule *old = run_next (1);
    take (&held, old, plan.made[0], 0);
    take (&waiter_of_old, old, plan.made[0], 0);
    TdModule *new = run_next (1);
    take (&waiter_of_new, new, plan.made[1], 0);
    td_limit_retire (plan.made[1]);
    assert_news ("refused ");
    g_assert_cmpuint (td_limit_queued (plan.made[0]), ==, 1);
    give (&held);
    assert_news ("granted ");
    give (&waiter_of_old);
}

static void
test_figures_of_the_new_build_count (World *own, gconstpointer unused)
{
    Call call;

    plan.n_reserved = 5;
    TdModule *old = run_next (5);
    g_assert_cmpint (take (&call, old, plan.made[0], 0), ==, TD_SEAT_QUEUED);
    plan.n_reserved = 0;
    run_next (3);
    assert_news ("granted "); /* nothing is reserved any more */
    td_limit_set_capacity (plan.made[0], 9);
    td_limit_reserve (plan.made[0], 8, 3);
    g_assert_cmpuint (td_limit_capacity (plan.made[0]), ==, 3);
    g_assert_cmpuint (td_limit_capacity (plan.made[1]), ==, 3);
    give (&call);
    g_assert_cmpint (take (&call, old, plan.made[0], 0), ==, TD_SEAT_GRANTED);
    give (&call);
}

static void
test_a_build_that_does_not_start_leaves_all_as_it_was (World *own, gconstpointer unused)
{
    Call high, low;
    g_autoptr (GError) error = NULL;

    plan.n_reserved = 1;
    TdModule *old = run_next (2);
    take (&high, old, plan.made[0], 0);
    plan.fails = true;
    plan.capacity = plan.n_reserved = 0;
    TdModule *new = world_add (&group);
    g_assert_true (td_module_load (new, NULL));
    g_assert_false (td_module_start (new, &error));
    td_lanes_settle ();
    g_assert_cmpuint (td_limit_capacity (plan.made[0]), ==, 2);
    g_assert_cmpint (take (&low, old, plan.made[0], 7), ==, TD_SEAT_QUEUED);
    give (&high);
    assert_news ("granted ");
    g_assert_cmpint (take (&high, old, plan.made[0], 8), ==, TD_SEAT_GRANTED);
    give (&high);
    give (&low);
}

static void
test_limits_of_two_modules_do_not_meet (World *own, gconstpointer unused)
{
    TdModuleDescriptor other = group;
    Call call;

    TdModule *module = run_next (1);
    take (&call, module, plan.made[0], 0);
    other.name = "other";
    world_run (&other);
    g_assert_cmpuint (td_limit_in_use (plan.made[1]), ==, 0);
    unload (module);
    TdLimit *cores = td_limit_new (NULL, "trunk a", 1, 0);
    g_assert_cmpuint (td_limit_in_use (cores), ==, 0);
    td_limit_retire (cores);
    give (&call);
}

/* With its last seat the limit goes; what comes later begins anew. */
static void
test_nothing_is_left_of_a_limit_without_seats (World *own, gconstpointer unused)
{
    Call call;

    TdModule *old = run_next (1);
    take (&call, old, plan.made[0], 0);
    unload (old);
    give (&call);
    run_next (1);
    g_assert_cmpuint (td_limit_in_use (plan.made[1]), ==, 0);
}

static void
add (const char *path, void (*test) (World *, gconstpointer))
{
    g_test_add (path, World, NULL, set_up, test, world_tear_down);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    add ("/module/limits/ROU-002-a-new-build-counts-the-calls-of-the-old-one",
         test_a_new_build_counts_the_calls_of_the_old_one);
    add ("/module/limits/ROU-002-seats-outlive-the-module-that-took-them",
         test_seats_outlive_the_module_that_took_them);
    add ("/module/limits/ROU-002-a-module-that-starts-again-counts-its-calls",
         test_a_module_that_starts_again_counts_its_calls);
    add ("/module/limits/ROU-002-the-end-of-the-old-build-leaves-the-new-one-its-limit",
         test_the_end_of_the_old_build_leaves_the_new_one_its_limit);
    add ("/module/limits/ROU-002-waiters-of-the-old-build-wait-for-the-new-one",
         test_waiters_of_the_old_build_wait_for_the_new_one);
    add ("/module/limits/waiters-of-a-build-that-goes-first-are-refused",
         test_waiters_of_a_build_that_goes_first_are_refused);
    add ("/module/limits/ROU-003-figures-of-the-new-build-count",
         test_figures_of_the_new_build_count);
    add ("/module/limits/ROU-003-a-build-that-does-not-start-leaves-all-as-it-was",
         test_a_build_that_does_not_start_leaves_all_as_it_was);
    add ("/module/limits/limits-of-two-modules-do-not-meet",
         test_limits_of_two_modules_do_not_meet);
    add ("/module/limits/nothing-is-left-of-a-limit-without-seats",
         test_nothing_is_left_of_a_limit_without_seats);
    return g_test_run ();
}
