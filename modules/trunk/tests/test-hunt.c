/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-005: the orders of hunting, by themselves. */

#include "hunt.h"

#include <string.h>

enum { MAX_MEMBERS = 8 };

typedef struct {
    HuntMember members[MAX_MEMBERS];
    HuntMember *pointers[MAX_MEMBERS];
    Hunt hunt;
} World;

static void
world_init (World *world, HuntOrder order, unsigned n)
{
    *world = (World){ 0 };
    for (unsigned i = 0; i < n; i++) {
        world->members[i] = (HuntMember){ .capacity = 10, .share = 1, .is_up = true };
        world->pointers[i] = &world->members[i];
    }
    world->hunt = (Hunt){ order, world->pointers, n, MAX_MEMBERS, 0 };
}

static int
pick (World *world)
{
    int picked = hunt_pick (&world->hunt, NULL, 0);

    if (picked >= 0) {
        hunt_take (&world->hunt, (unsigned) picked);
    }
    return picked;
}

/* The members in the order in which one call tries them all: "0 1 2 ". */
static char *
walk (World *world)
{
    GString *text = g_string_new (NULL);
    uint32_t tried[MAX_MEMBERS];
    unsigned n = 0;

    for (int at; (at = hunt_pick (&world->hunt, tried, n)) >= 0; n++) {
        g_string_append_printf (text, "%d ", at);
        tried[n] = (uint32_t) at;
        if (n == 0) {
            hunt_take (&world->hunt, (unsigned) at);
        }
    }
    return g_string_free (text, false);
}

static void
assert_walk (World *world, const char *expected)
{
    g_autofree char *text = walk (world);

    g_assert_cmpstr (text, ==, expected);
}

static void
test_sequential (void)
{
    World world;

    world_init (&world, HUNT_SEQUENTIAL, 4);
    assert_walk (&world, "0 1 2 3 ");
    assert_walk (&world, "0 1 2 3 ");
    world.members[0].load = 10;
    world.members[2].is_up = false;
    assert_walk (&world, "1 3 ");
}

static void
test_circular (void)
{
    World world;

    world_init (&world, HUNT_CIRCULAR, 4);
    assert_walk (&world, "0 1 2 3 ");
    assert_walk (&world, "1 2 3 0 ");
    world.members[2].is_up = false;
    assert_walk (&world, "3 0 1 ");
}

static void
test_circular_back (void)
{
    World world;

    world_init (&world, HUNT_CIRCULAR_BACK, 4);
    assert_walk (&world, "3 2 1 0 ");
    assert_walk (&world, "2 1 0 3 ");
}

static void
test_cursor_of_fewer_members (void)
{
    World world;

    world_init (&world, HUNT_CIRCULAR, 4);
    world.hunt.cursor = 3;
    world.hunt.n_members = 2; /* a reload took two away */
    assert_walk (&world, "0 1 ");
}

static void
test_most_idle (void)
{
    World world;

    world_init (&world, HUNT_MOST_IDLE, 3);
    world.members[0] = (HuntMember){ .load = 5, .capacity = 10, .used_us = 1, .is_up = true };
    world.members[1] = (HuntMember){ .load = 20, .capacity = 100, .used_us = 2, .is_up = true };
    world.members[2] = (HuntMember){ .load = 2, .capacity = 10, .used_us = 1, .is_up = true };
    assert_walk (&world, "2 1 0 ");
}

static void
test_least_idle (void)
{
    World world;

    world_init (&world, HUNT_LEAST_IDLE, 3);
    world.members[1].load = 9;
    world.members[2].load = 10;
    assert_walk (&world, "1 0 ");
}

static void
test_least_cost (void)
{
    World world;

    world_init (&world, HUNT_LEAST_COST, 3);
    world.members[0].cost = 7;
    world.members[1].cost = 3;
    world.members[1].load = 1;
    world.members[2].cost = 3;
    assert_walk (&world, "2 1 0 ");
}

static void
test_percent (void)
{
    static const unsigned shares[] = { 50, 30, 15, 5 };
    unsigned counts[4] = { 0 }, n = 100000;
    World world;

    world_init (&world, HUNT_PERCENT, 4);
    for (unsigned i = 0; i < 4; i++) {
        world.members[i].share = shares[i];
    }
    for (unsigned i = 0; i < n; i++) {
        counts[pick (&world)]++;
    }
    for (unsigned i = 0; i < 4; i++) { /* within one call, not one point */
        g_assert_cmpuint (counts[i], >=, n / 100 * shares[i] - 1);
        g_assert_cmpuint (counts[i], <=, n / 100 * shares[i] + 1);
    }
}

/* Members come and go, get full and empty: the shares hold among those that can take calls. */
static void
test_percent_with_changes (void)
{
    unsigned counts[3] = { 0 }, n = 0;
    World world;

    world_init (&world, HUNT_PERCENT, 3);
    world.members[0].share = 60;
    world.members[1].share = 20;
    world.members[2].share = 20;
    for (unsigned i = 0; i < 100000; i++) {
        world.members[2].is_up = g_test_rand_int_range (0, 2) == 0;
        int at = pick (&world);
        if (!world.members[2].is_up) {
            counts[at]++;
            n++;
        }
    }
    g_assert_cmpuint (counts[2], ==, 0);
    g_assert_cmpfloat_with_epsilon (100.0 * counts[0] / n, 75.0, 1.0);
}

static void
test_percent_failing_over (void)
{
    World world;

    world_init (&world, HUNT_PERCENT, 3);
    world.members[0].share = 100;
    world.members[1].share = 0;
    world.members[2].share = 0;
    assert_walk (&world, "0 1 2 ");
    world.members[0].is_up = false;
    assert_walk (&world, "1 2 ");
}

static void
test_resting (void)
{
    World world;

    world_init (&world, HUNT_SEQUENTIAL, 3);
    world.members[0].rests_until_us = 100;
    world.hunt.now_us = 99;
    assert_walk (&world, "1 2 ");
    world.hunt.now_us = 100;
    assert_walk (&world, "0 1 2 ");
}

static void
test_none_left (void)
{
    for (HuntOrder order = HUNT_SEQUENTIAL; order <= HUNT_PERCENT; order++) {
        World world;
        world_init (&world, order, 2);
        world.members[0].is_up = world.members[1].is_up = false;
        g_assert_cmpint (pick (&world), ==, -1);
        world.hunt.n_members = 0;
        g_assert_cmpint (pick (&world), ==, -1);
    }
}

/* Whatever the order and the states: a walk visits each member that can take a call, once. */
static void
test_every_member_once (void)
{
    for (unsigned round = 0; round < 2000; round++) {
        World world;
        unsigned n = (unsigned) g_test_rand_int_range (1, MAX_MEMBERS + 1), n_walked = 0;
        world_init (&world, (HuntOrder) g_test_rand_int_range (0, HUNT_PERCENT + 1), n);
        for (unsigned i = 0; i < n; i++) {
            world.members[i] = (HuntMember){
                .load = (uint32_t) g_test_rand_int_range (0, 4),
                .capacity = (uint32_t) g_test_rand_int_range (0, 4),
                .cost = (uint32_t) g_test_rand_int_range (0, 3),
                .share = (uint32_t) g_test_rand_int_range (0, 3),
                .used_us = g_test_rand_int_range (0, 3),
                .is_up = g_test_rand_int_range (0, 3) > 0,
            };
        }
        g_autofree char *text = walk (&world);
        for (const char *c = text; *c != '\0'; c += 2, n_walked++) {
            g_assert_null (strchr (c + 1, *c));
        }
        g_assert_cmpuint (n_walked, ==, hunt_n_free (&world.hunt));
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/trunk/ROU-005/sequential", test_sequential);
    g_test_add_func ("/trunk/ROU-005/circular", test_circular);
    g_test_add_func ("/trunk/ROU-005/circular-back", test_circular_back);
    g_test_add_func ("/trunk/ROU-005/fewer-members", test_cursor_of_fewer_members);
    g_test_add_func ("/trunk/ROU-005/most-idle", test_most_idle);
    g_test_add_func ("/trunk/ROU-005/least-idle", test_least_idle);
    g_test_add_func ("/trunk/ROU-005/least-cost", test_least_cost);
    g_test_add_func ("/trunk/ROU-005/percent", test_percent);
    g_test_add_func ("/trunk/ROU-005/percent-with-changes", test_percent_with_changes);
    g_test_add_func ("/trunk/ROU-005/percent-failing-over", test_percent_failing_over);
    g_test_add_func ("/trunk/ROU-005/resting", test_resting);
    g_test_add_func ("/trunk/ROU-005/none-left", test_none_left);
    g_test_add_func ("/trunk/ROU-005/every-member-once", test_every_member_once);
    return g_test_run ();
}
