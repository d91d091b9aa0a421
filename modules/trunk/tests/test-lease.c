/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-061: one node's part of a shared limit, event by event, with a store that does what it is told. */

#include "lease-world.h"

#include "common/machines.h"

#include <string.h>

enum { SHARE = 10, POOL = 40, BLOCK = 5, LIMIT = 60 };

static LeaseWorld *
world_of_two (void)
{
    static const uint32_t shares[] = { SHARE, SHARE };

    return lease_world_new (1, 2, shares, POOL, BLOCK);
}

/* The epoch is ripe, and the first node has COUNT calls. */
static LeaseWorld *
world_with_calls (uint32_t count)
{
    LeaseWorld *world = world_of_two ();

    lease_world_run (world, WORLD_TIMEOUT_MS + 3 * WORLD_KEEP_ALIVE_MS);
    for (unsigned round = 0; round < 100 && world->nodes[0].n_calls < count; round++) {
        node_take (&world->nodes[0]);
        lease_world_run (world, 300);
    }
    g_assert_cmpuint (world->nodes[0].n_calls, ==, count);
    return world;
}

static unsigned
state_of (const LeaseNode *node)
{
    return td_fsm_state (&node->lease->fsm);
}

static unsigned
fill (LeaseNode *node)
{
    unsigned n = 0;

    while (node_take (node)) {
        n++;
    }
    return n;
}

/* --- Alone ------------------------------------------------------------------------------- */

static void
test_share_without_a_store (void)
{
    LeaseWorld *world = world_of_two ();

    world->is_store_down = true;
    lease_world_run (world, 10 * WORLD_TIMEOUT_MS);
    g_assert_cmpuint (fill (&world->nodes[0]), ==, SHARE);
    g_assert_cmpuint (state_of (&world->nodes[0]), ==, LEASE_ALONE);
    g_assert_nonnull (world->nodes[0].data->why);
    lease_world_free (world);
}

static void
test_new_store_gives_nothing_for_a_timeout (void)
{
    LeaseWorld *world = world_of_two ();

    lease_world_run (world, WORLD_TIMEOUT_MS - 1000);
    g_assert_cmpuint (state_of (&world->nodes[0]), ==, LEASE_SHARING);
    fill (&world->nodes[0]);
    g_assert_cmpuint (world->nodes[0].n_calls, ==, SHARE);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    fill (&world->nodes[0]);
    g_assert_cmpuint (world->nodes[0].n_calls, >, SHARE);
    lease_world_free (world);
}

/* --- Blocks ------------------------------------------------------------------------------ */

static void
test_one_node_may_have_the_whole_pool (void)
{
    LeaseWorld *world = world_with_calls (SHARE + POOL);

    lease_world_run (world, WORLD_TIMEOUT_MS);
    g_assert_cmpuint (fill (&world->nodes[0]), ==, 0);
    g_assert_cmpuint (fill (&world->nodes[1]), ==, SHARE);
    lease_world_free (world);
}

static void
test_blocks_go_back_when_they_are_free (void)
{
    LeaseWorld *world = world_with_calls (40);
    LeaseNode *node = &world->nodes[0];
    uint32_t held = node->data->held;

    node->n_calls = 20;
    lease_world_run (world, 4 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (node->data->held, ==, held);
    lease_world_run (world, 4 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (node->data->held, <, held);
    g_assert_cmpuint (node->data->held + SHARE, >=, node->n_calls);
    lease_world_free (world);
}

/* A load that swings by less than a block has nothing leased or given back. */
static void
test_blocks_do_not_flap (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];

    lease_world_run (world, 10 * WORLD_KEEP_ALIVE_MS);
    uint32_t held = node->data->held;
    for (unsigned round = 0; round < 50; round++) {
        node->n_calls = 30 - round % 3;
        lease_world_run (world, WORLD_KEEP_ALIVE_MS);
        g_assert_cmpuint (node->data->held, ==, held);
    }
    lease_world_free (world);
}

static void
test_who_leaves_gives_all_back_at_once (void)
{
    LeaseWorld *world = world_with_calls (40);

    world->nodes[0].n_calls = 0;
    lease_leave (world->nodes[0].lease, node_now_us (&world->nodes[0]));
    lease_world_run (world, 1000);
    g_autoptr (Ledger) ledger = ledger_parse (world->text, NULL);
    g_assert_null (ledger_find (ledger, "n0"));
    g_assert_nonnull (ledger_find (ledger, "n1"));
    lease_world_free (world);
}

/* --- Loss -------------------------------------------------------------------------------- */

static void
test_fence_after_half_a_timeout (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];

    world->is_store_stopped = true;
    lease_world_run (world, WORLD_TIMEOUT_MS / 2 + 1000);
    g_assert_cmpuint (state_of (node), ==, LEASE_FENCED);
    g_assert_cmpuint (node->n_calls, ==, 30);
    node->n_calls = SHARE + 1;
    g_assert_false (node_take (node));
    node->n_calls = SHARE - 1;
    g_assert_true (node_take (node));
    lease_world_free (world);
}

static void
test_calls_end_after_three_quarters (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];

    world->is_store_stopped = true;
    lease_world_run (world, WORLD_TIMEOUT_MS / 4 * 3 - 3 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (node->n_released, ==, 0);
    lease_world_run (world, 4 * WORLD_KEEP_ALIVE_MS + WORLD_END_US / 1000);
    g_assert_cmpuint (state_of (node), ==, LEASE_ALONE);
    g_assert_cmpuint (node->n_released, ==, 20);
    g_assert_cmpuint (node->n_calls, ==, SHARE);
    lease_world_free (world);
}

static void
test_calls_are_kept_where_the_operator_wants_it (void)
{
    LeaseWorld *world = world_of_two ();
    LeaseNode *node = &world->nodes[0];

    node->lease->settings.is_kept = true;
    lease_world_run (world, WORLD_TIMEOUT_MS + 3 * WORLD_KEEP_ALIVE_MS);
    while (node->n_calls < 30) {
        node_take (node);
        lease_world_run (world, 300);
    }
    world->is_store_down = true;
    lease_world_run (world, 2 * WORLD_TIMEOUT_MS);
    g_assert_cmpuint (node->n_calls, ==, 30);
    g_assert_false (node_take (node));
    /* A store that has lost all hears of them before it gives anything to anybody. */
    world->is_store_down = false;
    store_new_run (world);
    store_set (world, NULL);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    g_autoptr (Ledger) ledger = ledger_parse (world->text, NULL);
    g_assert_cmpuint (ledger_find (ledger, "n0")->seats, ==, 20);
    lease_world_free (world);
}

/* No call ends when the store is away for a moment only, and comes back without its memory. */
static void
test_store_that_lost_all_costs_no_call (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];

    world->is_store_down = true;
    lease_world_run (world, 5000);
    world->is_store_down = false;
    store_new_run (world);
    store_set (world, NULL);
    lease_world_run (world, 2 * WORLD_TIMEOUT_MS);
    g_assert_cmpuint (node->n_released, ==, 0);
    g_assert_cmpuint (node->n_calls, ==, 30);
    g_assert_cmpuint (state_of (node), ==, LEASE_SHARING);
    lease_world_free (world);
}

static void
test_process_that_stood_still_takes_nothing (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];

    node->is_stopped = true;
    lease_world_run (world, 3 * WORLD_TIMEOUT_MS);
    node->is_stopped = false;
    node->n_calls = SHARE;
    /* Before its own look. */
    g_assert_false (node_take (node));
    lease_world_free (world);
}

/* --- Death ------------------------------------------------------------------------------- */

static void
test_blocks_of_the_dead_come_back_in_time (void)
{
    LeaseWorld *world = world_with_calls (SHARE + POOL);
    LeaseNode *other = &world->nodes[1];
    int64_t killed_us = world->now_us;

    node_kill (&world->nodes[0]);
    fill (other);
    while (other->n_calls == SHARE) {
        lease_world_run (world, 100);
        fill (other);
        g_assert_cmpint (world->now_us - killed_us, <,
                         (WORLD_TIMEOUT_MS + 2 * WORLD_KEEP_ALIVE_MS) * INT64_C (1000));
    }
    g_assert_cmpint (world->now_us - killed_us, >=,
                     (WORLD_TIMEOUT_MS - 2 * WORLD_KEEP_ALIVE_MS) * INT64_C (1000));
    lease_world_free (world);
}

static void
test_next_life_waits_for_the_last_one (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];

    node_kill (node);
    node_start (node);
    lease_world_run (world, WORLD_TIMEOUT_MS - 2000);
    g_assert_cmpuint (state_of (node), ==, LEASE_ALONE);
    g_assert_cmpuint (fill (node), ==, SHARE);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (state_of (node), ==, LEASE_SHARING);
    lease_world_free (world);
}

static void
test_twin_is_refused_and_gets_nothing (void)
{
    LeaseWorld *world = world_of_two ();
    LeaseNode *twin = &world->nodes[1];

    node_kill (twin);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    memcpy (twin->name, world->nodes[0].name, sizeof twin->name);
    node_start (twin);
    fill (twin);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS + WORLD_END_US / 1000);
    g_assert_cmpuint (state_of (twin), ==, LEASE_TWIN);
    g_assert_cmpuint (twin->n_calls, ==, 0);
    g_assert_cmpuint (fill (twin), ==, 0);
    g_assert_cmpuint (state_of (&world->nodes[0]), ==, LEASE_SHARING);
    g_assert_nonnull (strstr (twin->data->why, "[tandem] node"));
    /* Once the other one is gone the name is its own. */
    node_kill (&world->nodes[0]);
    lease_world_run (world, WORLD_TIMEOUT_MS + 3 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (state_of (twin), ==, LEASE_SHARING);
    lease_world_free (world);
}

/* --- Bad stores -------------------------------------------------------------------------- */

static void
test_nonsense_in_the_store_is_left_alone (void)
{
    LeaseWorld *world = world_of_two ();

    store_set (world, "somebody else's");
    lease_world_run (world, WORLD_TIMEOUT_MS);
    g_assert_cmpstr (world->text, ==, "somebody else's");
    g_assert_nonnull (strstr (world->nodes[0].data->why, "what the store has"));
    g_assert_cmpuint (fill (&world->nodes[0]), ==, SHARE);
    lease_world_free (world);
}

/* One that says it has changed what it was only asked for. */
static void
test_answer_that_makes_no_sense_is_no_lease (void)
{
    LeaseWorld *world = world_of_two ();
    LeaseNode *node = &world->nodes[0];

    world->is_store_stopped = true;
    lease_look (node->lease, node_now_us (node));
    g_assert_true (node->lease->is_busy);
    node->ticket++;
    lease_answer (node->lease, &(LeaseAnswer){ .is_done = true, .run = "r", .value = "x" },
                  node_now_us (node));
    g_assert_cmpstr (node->data->why, ==, "the store's answer makes no sense");
    g_assert_cmpuint (state_of (node), ==, LEASE_ALONE);
    lease_world_free (world);
}

static void
test_answer_that_comes_too_late_is_no_lease (void)
{
    LeaseWorld *world = world_with_calls (SHARE);
    LeaseNode *node = &world->nodes[0];

    node_kill (&world->nodes[1]); /* nobody else changes what is there */
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    while (!node->lease->is_busy) {
        world->now_us += 10000;
        node_look (node);
    }
    node->is_stopped = true;
    lease_world_run (world, WORLD_TIMEOUT_MS);
    node->is_stopped = false;
    world_deliver (world);
    g_assert_cmpstr (node->data->why, ==, "the store answers too late");
    lease_world_free (world);
}

static void
test_lease_counts_from_the_question (void)
{
    LeaseWorld *world = world_with_calls (SHARE);
    LeaseNode *node = &world->nodes[0];

    node_kill (&world->nodes[1]);
    world->answer_us = 15000000;
    world->delay_us = 5000000;
    lease_world_run (world, WORLD_TIMEOUT_MS);
    int64_t sent_us = node->data->sent_us;
    while (node->data->sent_us == sent_us) {
        lease_world_run (world, 100);
    }
    g_assert_cmpint (node_now_us (node) - node->data->sent_us, >=, 2 * world->delay_us);
    lease_world_free (world);
}

/* --- Reload ------------------------------------------------------------------------------ */

static void
reconfigure (LeaseNode *node, uint32_t share, uint32_t pool)
{
    LeaseSettings settings = node->settings;

    settings.share = share;
    settings.pool = pool;
    settings.terms = g_strdup_printf ("pool=%u", pool);
    lease_configure (node->lease, &settings, node_now_us (node));
}

static void
test_larger_share_holds_once_all_agree (void)
{
    LeaseWorld *world = world_with_calls (SHARE);

    reconfigure (&world->nodes[0], 20, 20);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (world->nodes[0].data->share, ==, SHARE);
    g_assert_nonnull (strstr (world->nodes[0].data->why, "differ"));
    reconfigure (&world->nodes[1], 20, 20);
    lease_world_run (world, 3 * WORLD_KEEP_ALIVE_MS);
    g_assert_cmpuint (world->nodes[0].data->share, ==, 20);
    g_assert_cmpuint (world->nodes[1].data->share, ==, 20);
    g_assert_null (world->nodes[0].data->why);
    lease_world_free (world);
}

/* What the next build of the module begins with. */
static void
test_next_build_goes_on (void)
{
    LeaseWorld *world = world_with_calls (30);
    LeaseNode *node = &world->nodes[0];
    LeaseSettings settings = node->settings;

    settings.terms = g_strdup (node->settings.terms);
    lease_free (node->lease);
    node->ticket++;
    node->lease =
        lease_new (&world->keeper, node->data, node->name, &settings, node, node_now_us (node));
    g_assert_cmpuint (state_of (node), ==, LEASE_SHARING);
    lease_world_run (world, 2 * WORLD_TIMEOUT_MS);
    g_assert_cmpuint (node->n_calls, ==, 30);
    g_assert_cmpuint (node->n_released, ==, 0);
    lease_world_free (world);
}

/* --- Every event at every state ---------------------------------------------------------- */

static void *
begin (unsigned state)
{
    LeaseWorld *world = world_of_two ();
    static const struct {
        LeaseEvent events[3];
        unsigned n;
    } ways[N_LEASE_STATES] = {
        [LEASE_SHARING] = { { LEASE_RENEWED }, 1 },
        [LEASE_FENCED] = { { LEASE_RENEWED, LEASE_LATE }, 2 },
        [LEASE_TWIN] = { { LEASE_REFUSED }, 1 },
    };

    for (unsigned i = 0; i < ways[state].n; i++) {
        td_fsm_dispatch (&world->nodes[0].lease->fsm, ways[state].events[i], NULL);
    }
    return world;
}

static TdFsm *
find (void *data)
{
    return &((LeaseWorld *) data)->nodes[0].lease->fsm;
}

static void
give (void *data, TdFsm *fsm, unsigned event)
{
    LeaseNode *node = &((LeaseWorld *) data)->nodes[0];

    td_fsm_dispatch (fsm, event, NULL);
    g_assert_cmpuint (node->data->state, ==, td_fsm_state (fsm));
    g_assert_cmpuint (node->allowed, ==, lease_allowed (node->data));
}

static void
end (void *data)
{
    lease_world_run (data, 2 * WORLD_TIMEOUT_MS);
    g_assert_cmpuint (td_fsm_state (find (data)), ==, LEASE_SHARING);
    lease_world_free (data);
}

int
main (int argc, char **argv)
{
    static const MachineCase leases = { &lease_machine, "", begin, find, give, NULL, end };

    g_test_init (&argc, &argv, NULL);
    td_machine_register (NULL, &lease_machine);
    machine_case_add (&leases);
    g_test_add_func ("/trunk/ROU-061/share", test_share_without_a_store);
    g_test_add_func ("/trunk/ROU-061/new-store", test_new_store_gives_nothing_for_a_timeout);
    g_test_add_func ("/trunk/ROU-061/whole-pool", test_one_node_may_have_the_whole_pool);
    g_test_add_func ("/trunk/ROU-061/give-back", test_blocks_go_back_when_they_are_free);
    g_test_add_func ("/trunk/ROU-061/no-flapping", test_blocks_do_not_flap);
    g_test_add_func ("/trunk/ROU-061/leave", test_who_leaves_gives_all_back_at_once);
    g_test_add_func ("/trunk/ROU-061/fence", test_fence_after_half_a_timeout);
    g_test_add_func ("/trunk/ROU-061/release", test_calls_end_after_three_quarters);
    g_test_add_func ("/trunk/ROU-061/keep", test_calls_are_kept_where_the_operator_wants_it);
    g_test_add_func ("/trunk/ROU-061/store-lost-all", test_store_that_lost_all_costs_no_call);
    g_test_add_func ("/trunk/ROU-061/stood-still", test_process_that_stood_still_takes_nothing);
    g_test_add_func ("/trunk/ROU-061/dead", test_blocks_of_the_dead_come_back_in_time);
    g_test_add_func ("/trunk/ROU-061/next-life", test_next_life_waits_for_the_last_one);
    g_test_add_func ("/trunk/ROU-061/twin", test_twin_is_refused_and_gets_nothing);
    g_test_add_func ("/trunk/ROU-061/nonsense", test_nonsense_in_the_store_is_left_alone);
    g_test_add_func ("/trunk/ROU-061/no-sense", test_answer_that_makes_no_sense_is_no_lease);
    g_test_add_func ("/trunk/ROU-061/too-late", test_answer_that_comes_too_late_is_no_lease);
    g_test_add_func ("/trunk/ROU-061/counted-from", test_lease_counts_from_the_question);
    g_test_add_func ("/trunk/ROU-061/larger-share", test_larger_share_holds_once_all_agree);
    g_test_add_func ("/trunk/ROU-061/next-build", test_next_build_goes_on);
    return g_test_run ();
}
