/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ROU-002, ROU-003: who gets a place in a group, by its own functions. */

#include "world.h"

#include <string.h>

enum { N_LEGS = 64, ORDINARY = TD_CLASS_ORDINARY };

typedef struct {
    World world;
    TrunkLeg legs[N_LEGS];
    unsigned n_legs;
} Test;

static void
set_up (Test *test, gconstpointer data)
{
    memset (test, 0, sizeof *test);
    world_open (&test->world);
}

static void
tear_down (Test *test, gconstpointer data)
{
    for (unsigned i = 0; i < test->n_legs; i++) {
        world_leave (&test->world, &test->legs[i]);
    }
    world_close (&test->world);
}

/* How many calls of that kind get a place before one does not; RET_WHY (nullable): why that one. */
static unsigned
fill (Test *test, Way way, unsigned priority_class, bool is_lesser, TakeResult *ret_why)
{
    unsigned n = 0;
    TakeResult result;

    while ((result = world_take (&test->world, &test->legs[test->n_legs], way, priority_class,
                                 is_lesser))
           == TAKE_DONE) {
        test->n_legs++;
        n++;
    }
    if (ret_why != NULL) {
        *ret_why = result;
    }
    return n;
}

static void
test_caps (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;
    TakeResult why;

    settings->capacity[WAY_ALL] = 10;
    settings->capacity[WAY_IN] = 4;
    settings->capacity[WAY_OUT] = 8;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, &why), ==, 4);
    g_assert_cmpint (why, ==, TAKE_FULL);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 6);
}

static void
test_reserved_ways (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;
    TakeResult why;

    settings->capacity[WAY_ALL] = 10;
    settings->reserve_in = 3;
    settings->reserve_out = 2;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, &why), ==, 7);
    g_assert_cmpint (why, ==, TAKE_RESERVED);
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, NULL), ==, 3);
}

/* The last places: first without what is alternate-routed or hard to reach, then for those with a
 * priority alone. */
static void
test_two_thresholds (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;
    TakeResult why;

    settings->capacity[WAY_ALL] = 20;
    settings->reserve_direct = 5;
    settings->reserve_priority = 3;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, true, &why), ==, 12);
    g_assert_cmpint (why, ==, TAKE_RESERVED);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, &why), ==, 5);
    g_assert_cmpint (why, ==, TAKE_RESERVED);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY + 1, true, &why), ==, 3);
    g_assert_cmpint (why, ==, TAKE_FULL);
}

/* A capacity that other nodes carry, too: of what it may have a node takes no more, and of what is
 * reserved it keeps the same part. */
static void
test_shared (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;
    TakeResult why;

    settings->capacity[WAY_ALL] = 100;
    settings->reserve_priority = 10;
    settings->is_shared = true;
    settings->share = 5;
    world_configure (&test->world, 1);
    group_allow (test->world.group, 30, INT64_MAX, 5);
    g_assert_cmpuint (group_capacity (test->world.group), ==, 30);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, &why), ==, 27);
    g_assert_cmpint (why, ==, TAKE_RESERVED);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY + 1, false, &why), ==, 3);
    g_assert_cmpint (why, ==, TAKE_FULL);
}

static void
test_shared_each_way (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;

    settings->capacity[WAY_ALL] = 100;
    settings->capacity[WAY_IN] = 33;
    settings->is_shared = true;
    settings->share = 10;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, NULL), ==, 3);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 7);
}

static void
test_shared_until (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;

    settings->capacity[WAY_ALL] = 100;
    settings->is_shared = true;
    settings->share = 5;
    world_configure (&test->world, 1);
    group_allow (test->world.group, 30, test->world.now_us + 1000, 5);
    test->world.now_us += 1000;
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 5);
}

static void
test_shared_no_more (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;

    settings->capacity[WAY_ALL] = 20;
    settings->is_shared = true;
    settings->share = 5;
    world_configure (&test->world, 1);
    settings->is_shared = false;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 20);
}

static void
test_bandwidth (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;

    settings->bandwidth[WAY_ALL] = 1000;
    settings->bandwidth[WAY_IN] = 400;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, NULL), ==, 5);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 7);
}

static void
test_bandwidth_of_the_group (Test *test, gconstpointer data)
{
    test->world.settings.bandwidth[WAY_ALL] = 1000;
    test->world.settings.kbit_s = 100;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, NULL), ==, 10);
}

static void
test_rates (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;
    TakeResult why;

    settings->rate_millis[WAY_ALL] = 10000;
    settings->rate_millis[WAY_IN] = 4000;
    settings->burst = 3;
    world_configure (&test->world, 1);
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, &why), ==, 3);
    g_assert_cmpint (why, ==, TAKE_OVER_RATE);
    test->world.now_us += 250000;
    g_assert_cmpuint (fill (test, WAY_IN, ORDINARY, false, NULL), ==, 1);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 1);
}

static void
test_full_costs_no_rate (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 1;
    test->world.settings.rate_millis[WAY_ALL] = 1000;
    test->world.settings.burst = 2;
    world_configure (&test->world, 1);
    for (unsigned i = 0; i < 10; i++) {
        TakeResult why;
        fill (test, WAY_OUT, ORDINARY, false, &why);
        g_assert_cmpint (why, ==, TAKE_FULL);
    }
    world_leave (&test->world, &test->legs[--test->n_legs]);
    g_assert_cmpuint (fill (test, WAY_OUT, ORDINARY, false, NULL), ==, 1);
}

/* Any order of coming, going and reconfiguring: the books are right at every moment. */
static void
test_any_order (Test *test, gconstpointer data)
{
    GroupSettings *settings = &test->world.settings;
    bool is_up[N_LEGS] = { false };

    settings->capacity[WAY_ALL] = 20;
    world_configure (&test->world, 1);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned at = (unsigned) g_test_rand_int_range (0, N_LEGS), n_up = 0, n_in = 0;
        Way way = g_test_rand_bit () ? WAY_IN : WAY_OUT;
        test->world.now_us += g_test_rand_int_range (0, 1000000);
        if (g_test_rand_int_range (0, 50) == 0) {
            settings->capacity[WAY_ALL] = (uint32_t) g_test_rand_int_range (0, 40);
            settings->reserve_in =
                (uint32_t) g_test_rand_int_range (0, (int) settings->capacity[WAY_ALL] + 1);
            world_configure (&test->world, 1);
        }
        if (is_up[at]) {
            world_leave (&test->world, &test->legs[at]);
            is_up[at] = false;
        } else {
            TrunkLeg *leg = &test->legs[at];
            *leg = (TrunkLeg){ 0 };
            is_up[at] = world_take (&test->world, leg, way, ORDINARY, false) == TAKE_DONE;
            g_assert_true (!is_up[at]
                           || td_limit_in_use (test->world.group->calls[WAY_ALL])
                                  <= settings->capacity[WAY_ALL]);
        }
        for (unsigned i = 0; i < N_LEGS; i++) {
            n_up += is_up[i];
            n_in += is_up[i] && test->legs[i].way == WAY_IN;
        }
        g_assert_cmpuint (td_limit_in_use (test->world.group->calls[WAY_ALL]), ==, n_up);
        g_assert_cmpuint (td_limit_in_use (test->world.group->calls[WAY_IN]), ==, n_in);
        g_assert_cmpuint (td_limit_in_use (test->world.group->kbits[WAY_ALL]), ==, n_up * 80);
        g_assert_cmpuint (group_load (test->world.group, NULL), ==, n_up);
        g_assert_cmpuint (test->world.group->intervals.n_busy, ==, n_up);
    }
    for (unsigned i = 0; i < N_LEGS; i++) {
        if (is_up[i]) {
            world_leave (&test->world, &test->legs[i]);
        }
    }
}

static TakeResult
take_member (Test *test, TrunkLeg *leg)
{
    *leg = (TrunkLeg){ 0 };
    return group_take (test->world.group, leg,
                       &(Demand){ .way = WAY_OUT,
                                  .module = (TdModule *) &test->world.module,
                                  .priority_class = ORDINARY,
                                  .now_us = ++test->world.now_us,
                                  .wall_us = test->world.now_us });
}

/* A call that gets no place is no member's turn. */
static void
test_turns (Test *test, gconstpointer data)
{
    static const HuntOrder orders[] = { HUNT_CIRCULAR, HUNT_CIRCULAR_BACK, HUNT_PERCENT };

    test->world.settings.capacity[WAY_ALL] = 1;
    for (unsigned i = 0; i < G_N_ELEMENTS (orders); i++) {
        TrunkLeg taken, refused;
        unsigned n[2] = { 0 };
        test->world.settings.hunt = orders[i];
        world_configure (&test->world, 2);
        GPtrArray *members = test->world.group->members;
        ((Member *) members->pdata[0])->hunt.share = 1;
        ((Member *) members->pdata[1])->hunt.share = 1;
        for (unsigned round = 0; round < 20; round++) {
            g_assert_cmpint (take_member (test, &taken), ==, TAKE_DONE);
            g_assert_cmpint (take_member (test, &refused), ==, TAKE_FULL);
            n[taken.member == members->pdata[1]]++;
            world_leave (&test->world, &taken);
        }
        g_assert_cmpuint (n[0], ==, 10);
        g_assert_cmpuint (n[1], ==, 10);
    }
}

static void
test_closed (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    g_assert_cmpint (world_take (&test->world, &test->legs[0], WAY_OUT, ORDINARY, false), ==,
                     TAKE_DONE);
    test->n_legs = 1;
    group_close (test->world.group);
    g_assert_cmpint (world_take (&test->world, &test->legs[1], WAY_OUT, ORDINARY, false), ==,
                     TAKE_OUT_OF_SERVICE);
}

#define ADD(path, test) g_test_add ("/trunk/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("ROU-002/caps", test_caps);
    ADD ("ROU-003/ways", test_reserved_ways);
    ADD ("ROU-003/two-thresholds", test_two_thresholds);
    ADD ("ROU-002/bandwidth", test_bandwidth);
    ADD ("ROU-002/bandwidth-of-the-group", test_bandwidth_of_the_group);
    ADD ("ROU-061/part", test_shared);
    ADD ("ROU-061/each-way", test_shared_each_way);
    ADD ("ROU-061/until", test_shared_until);
    ADD ("ROU-061/no-more", test_shared_no_more);
    ADD ("ROU-002/rates", test_rates);
    ADD ("ROU-002/full-costs-no-rate", test_full_costs_no_rate);
    ADD ("ROU-002/any-order", test_any_order);
    ADD ("ROU-005/turns", test_turns);
    ADD ("ROU-002/closed", test_closed);
    return g_test_run ();
}
