/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-060: which server is asked next, and who is left out. */

#include "pool.h"

#include "common/machines.h"

#include <string.h>

typedef struct {
    TdOwner module;
    PoolKeeper keeper;
    Pool *pool;
    unsigned n_changes;
} World;

static const uint8_t shares[POOL_N_LEVELS] = { 100, 75, 50, 0 };

static void
changed (Server *server, ServerState before, void *data)
{
    g_assert_cmpuint (td_fsm_state (&server->fsm), !=, before);
    ((World *) data)->n_changes++;
}

static World *
world_new (const char *const *urls)
{
    TdLanesOptions options = { .n_lanes = 1, .is_fake = true, .seed = 1 };
    World *world = g_new0 (World, 1);

    td_lanes_open (&options);
    td_owner_init (&world->module, "policy");
    world->keeper = (PoolKeeper){ (TdModule *) &world->module, changed, world };
    world->pool = pool_new (&world->keeper, urls, shares, NULL);
    return world;
}

static void
world_free (void *data)
{
    World *world = data;

    td_lanes_settle ();
    td_table_unref (&world->pool->table);
    td_owner_clear (&world->module);
    td_lanes_close ();
    g_free (world);
}

static Server *
bring_up (World *world, unsigned index)
{
    server_note_probe (world->pool->servers[index], true, NULL);
    return world->pool->servers[index];
}

/* Who is asked N times in a row: "abab". */
static char *
ask (World *world, unsigned n)
{
    GString *order = g_string_new (NULL);

    for (unsigned i = 0; i < n; i++) {
        int index = pool_pick (world->pool, POOL_NONE, td_clock_now_us ());
        g_string_append_c (order, index == POOL_NONE ? '-' : (char) ('a' + index));
    }
    return g_string_free (order, FALSE);
}

static void
assert_asked (World *world, const char *expected)
{
    g_autofree char *order = ask (world, (unsigned) strlen (expected));

    g_assert_cmpstr (order, ==, expected);
}

static void
test_round_robin (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b", "http://c"));

    for (unsigned i = 0; i < 3; i++) {
        bring_up (world, i);
    }
    assert_asked (world, "abcabcabc");
    world_free (world);
}

static void
test_lost_is_left_out_until_it_is_probed (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));

    bring_up (world, 0);
    bring_up (world, 1);
    server_note (world->pool->servers[0], OUTCOME_LOST, 0, "no answer");
    assert_asked (world, "bbbb"); /* at once, before the control lane has heard of it */
    td_lanes_settle ();
    g_assert_cmpstr (world->pool->servers[0]->why, ==, "no answer");
    server_note (world->pool->servers[0], OUTCOME_ANSWERED, 1000,
                 NULL); /* one that was on its way */
    td_lanes_settle ();
    assert_asked (world, "bbbb");
    server_note_probe (world->pool->servers[0], true, NULL);
    g_autofree char *order = ask (world, 4);
    g_assert_nonnull (strchr (order, 'a'));
    g_assert_cmpuint (world->n_changes, ==, 4);
    world_free (world);
}

static void
test_nobody_is_there (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));

    for (unsigned i = 0; i < 2; i++) {
        server_note_probe (world->pool->servers[i], false, "refused");
    }
    assert_asked (world, "--");
    world_free (world);
}

static void
test_untried_is_the_last_resort (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));

    assert_asked (world, "abab");
    bring_up (world, 1);
    assert_asked (world, "bbbb");
    world_free (world);
}

static void
test_the_second_try_is_another_one (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));

    bring_up (world, 0);
    server_note_probe (world->pool->servers[1], false, "refused");
    g_assert_cmpint (pool_pick (world->pool, 0, 0), ==, POOL_NONE);
    bring_up (world, 1);
    g_assert_cmpint (pool_pick (world->pool, 0, 0), ==, 1);
    g_assert_cmpint (pool_pick (world->pool, 1, 0), ==, 0);
    world_free (world);
}

static unsigned
count (const char *order, char who)
{
    unsigned n = 0;

    for (; *order != '\0'; order++) {
        n += *order == who;
    }
    return n;
}

/* Beside one that is not congested. */
static void
test_congested_gets_its_share (void)
{
    for (unsigned level = 0; level < POOL_N_LEVELS; level++) {
        World *world = world_new (TD_LIST ("http://a", "http://b"));
        bring_up (world, 0);
        bring_up (world, 1);
        server_note_level (world->pool->servers[0], level);
        g_autofree char *order = ask (world, 300);
        unsigned expected = 300 * shares[level] / (100 + shares[level]);
        g_assert_cmpint (ABS ((int) (count (order, 'a') - expected)), <=, 1);
        world_free (world);
    }
}

static void
test_all_congested_are_asked_alike (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));

    bring_up (world, 0);
    bring_up (world, 1);
    server_note_level (world->pool->servers[0], 3);
    server_note_level (world->pool->servers[1], 3);
    g_autofree char *order = ask (world, 100);
    g_assert_cmpuint (count (order, 'a'), ==, 50);
    world_free (world);
}

static void
test_busy_is_spared_for_a_second (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));

    bring_up (world, 0);
    bring_up (world, 1);
    server_note (world->pool->servers[0], OUTCOME_BUSY, 0, "busy");
    assert_asked (world, "bbbb");
    td_lanes_advance (1001);
    g_autofree char *order = ask (world, 4);
    g_assert_cmpuint (count (order, 'a'), ==, 2);
    world_free (world);
}

static void
test_reload_keeps_who_stays (void)
{
    World *world = world_new (TD_LIST ("http://a", "http://b"));
    Server *b = bring_up (world, 1);
    Pool *next = pool_new (&world->keeper, TD_LIST ("http://c", "http://b"), shares, world->pool);

    td_table_unref (&world->pool->table);
    world->pool = next;
    g_assert_true (next->servers[1] == b);
    assert_asked (world, "bb");
    world_free (world);
}

/* --- Every event at every state ---------------------------------------------------------- */

static void *
begin (unsigned state)
{
    World *world = world_new (TD_LIST ("http://a"));

    if (state != SERVER_UNTRIED) {
        server_note_probe (world->pool->servers[0], state == SERVER_UP, "refused");
    }
    return world;
}

static TdFsm *
find (void *data)
{
    return &((World *) data)->pool->servers[0]->fsm;
}

static void
give (void *data, TdFsm *fsm, unsigned event)
{
    td_fsm_dispatch (fsm, event, event == SERVER_SILENCE ? (void *) "no answer" : NULL);
}

static const MachineCase servers = {
    &policy_server_machine, "", begin, find, give, NULL, world_free
};

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/policy/ROU-060/round-robin", test_round_robin);
    g_test_add_func ("/policy/ROU-060/lost-is-left-out", test_lost_is_left_out_until_it_is_probed);
    g_test_add_func ("/policy/ROU-060/nobody-is-there", test_nobody_is_there);
    g_test_add_func ("/policy/ROU-060/untried-is-the-last-resort", test_untried_is_the_last_resort);
    g_test_add_func ("/policy/ROU-060/second-try", test_the_second_try_is_another_one);
    g_test_add_func ("/policy/ROU-060/congested-gets-its-share", test_congested_gets_its_share);
    g_test_add_func ("/policy/ROU-060/all-congested", test_all_congested_are_asked_alike);
    g_test_add_func ("/policy/ROU-060/busy-is-spared", test_busy_is_spared_for_a_second);
    g_test_add_func ("/policy/ROU-060/reload-keeps-who-stays", test_reload_keeps_who_stays);
    machine_case_add (&servers);
    return g_test_run ();
}
