/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-062 .. 070: who waits for a place in a group and who gets it, by its own functions. */

#include "queue.h"
#include "world.h"

#include <string.h>

enum {
    N_LEGS = 64,
    ORDINARY = TD_CLASS_ORDINARY,
    ETS = 8,
    HIGHER = 9,
    EMERGENCY = TD_CLASS_EMERGENCY,
    SECOND_US = 1000000,
};

typedef struct {
    Waiter waiter;
    TrunkLeg leg;
    char name;
} Waiting;

typedef struct {
    World world;
    TrunkLeg legs[N_LEGS];
    unsigned n_legs;
    Waiting waiting[N_LEGS];
    unsigned n_waiting;
} Test;

static void
nothing (TdPost *post)
{
}

static void
set_up (Test *test, gconstpointer data)
{
    memset (test, 0, sizeof *test);
    world_open (&test->world);
    test->world.settings.capacity[WAY_ALL] = 1;
    test->world.settings.queue_length = 50;
    test->world.settings.queue_way = WAY_OUT;
    test->world.settings.queue_wait_ms = 60000;
    test->world.settings.priority_percent = 25;
}

static void
end_all (Test *test)
{
    for (unsigned i = 0; i < test->n_waiting; i++) {
        Waiting *one = &test->waiting[i];
        if (one->waiter.group != NULL) {
            queue_leave (&one->waiter, LEVEL_ABANDONED);
        }
    }
    for (unsigned i = 0; i < test->n_waiting; i++) {
        Waiting *one = &test->waiting[i];
        if (one->waiter.state == WAITER_SERVED) {
            world_leave (&test->world, &one->leg);
        }
    }
    td_lanes_settle ();
    for (unsigned i = 0; i < test->n_waiting; i++) {
        if (test->waiting[i].waiter.group != NULL) {
            group_unref (test->waiting[i].waiter.group);
        }
    }
    g_assert_cmpuint (group_load (test->world.group, NULL), ==, 0);
    test->n_legs = test->n_waiting = 0;
}

static void
tear_down (Test *test, gconstpointer data)
{
    for (unsigned i = 0; i < test->n_legs; i++) {
        world_leave (&test->world, &test->legs[i]);
    }
    end_all (test);
    g_assert_cmpuint (test->world.group->n_waiting, ==, 0);
    g_assert_cmpuint (group_load (test->world.group, NULL), ==, 0);
    g_assert_cmpuint (test->world.group->n_priority, ==, 0);
    world_close (&test->world);
}

static TakeResult
take (Test *test, unsigned priority_class)
{
    TakeResult result =
        world_take (&test->world, &test->legs[test->n_legs], WAY_OUT, priority_class, false);

    test->n_legs += result == TAKE_DONE;
    return result;
}

/* NAME waits; false: the queue is full. */
static bool
wait_for (Test *test, char name, unsigned priority_class)
{
    Waiting *one = &test->waiting[test->n_waiting++];

    *one = (Waiting){
        .waiter = { .post = { .owner = (TdModule *) &test->world.module,
                              .run = nothing,
                              .drop = nothing },
                    .lane = td_lane_at (0),
                    .leg = &one->leg,
                    .demand = { .way = WAY_OUT,
                                .module = (TdModule *) &test->world.module,
                                .priority_class = priority_class,
                                .has_address = true,
                                .kbit_s = 80,
                                .now_us = ++test->world.now_us,
                                .wall_us = test->world.now_us } },
        .name = name,
    };
    return queue_enter (test->world.group, &one->waiter);
}

/* The names of those in STATE, in the order in which they came. */
static void
assert_in_state (const Test *test, WaiterState state, const char *names)
{
    g_autoptr (GString) found = g_string_new (NULL);

    for (unsigned i = 0; i < test->n_waiting; i++) {
        if (test->waiting[i].waiter.state == state) {
            g_string_append_c (found, test->waiting[i].name);
        }
    }
    g_assert_cmpstr (found->str, ==, names);
}

/* The latest call ends. */
static void
free_one (Test *test)
{
    TrunkLeg *leg = &test->legs[--test->n_legs];

    world_leave (&test->world, leg);
    memset (leg, 0, sizeof *leg);
}

/* What NAME was served with is free again. */
static void
end_served (Test *test, char name)
{
    for (unsigned i = 0; i < test->n_waiting; i++) {
        Waiting *one = &test->waiting[i];
        if (one->name == name) {
            g_assert_cmpint (one->waiter.state, ==, WAITER_SERVED);
            one->waiter.state = WAITER_NONE;
            world_leave (&test->world, &one->leg);
        }
    }
}

static void
test_class_then_arrival (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    wait_for (test, 'a', ETS);
    wait_for (test, 'b', ETS);
    wait_for (test, 'c', HIGHER);
    assert_in_state (test, WAITER_SERVED, "");
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "c");
    end_served (test, 'c');
    assert_in_state (test, WAITER_SERVED, "a");
    end_served (test, 'a');
    assert_in_state (test, WAITER_SERVED, "b");
}

static void
test_queue_before_new_calls (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 2;
    test->world.settings.bandwidth[WAY_ALL] = 160;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    wait_for (test, 'a', ETS);
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "a");
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_FULL);
}

/* A place that the first one cannot use, because it needs more, is nobody's who comes later. */
static void
test_nobody_overtakes (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 10;
    test->world.settings.bandwidth[WAY_ALL] = 100;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    wait_for (test, 'a', ETS); /* 80 kbit/s, and 20 are free */
    assert_in_state (test, WAITER_WAITS, "a");
    TrunkLeg light = { 0 };
    Demand demand = { .way = WAY_OUT,
                      .module = (TdModule *) &test->world.module,
                      .priority_class = ETS,
                      .has_address = true,
                      .kbit_s = 10,
                      .now_us = test->world.now_us };
    g_assert_cmpint (group_take (test->world.group, &light, &demand), ==, TAKE_FULL);
    demand.priority_class = HIGHER;
    g_assert_cmpint (group_take (test->world.group, &light, &demand), ==, TAKE_DONE);
    world_leave (&test->world, &light);
}

static void
test_full_queue (Test *test, gconstpointer data)
{
    test->world.settings.queue_length = 2;
    world_configure (&test->world, 1);
    take (test, ORDINARY);
    g_assert_true (wait_for (test, 'a', ETS));
    g_assert_true (wait_for (test, 'b', ETS));
    g_assert_false (wait_for (test, 'c', ETS));
    g_assert_true (wait_for (test, 'd', HIGHER)); /* the youngest of the lowest class goes */
    assert_in_state (test, WAITER_REFUSED, "b");
    assert_in_state (test, WAITER_WAITS, "ad");
    g_assert_cmpuint (test->world.group->levels[ETS].counts[LEVEL_OVERFLOW], ==, 1);
    g_assert_cmpuint (test->world.group->levels[ETS].counts[LEVEL_DISPLACED], ==, 1);
}

static void
test_raised (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    take (test, ORDINARY);
    wait_for (test, 'a', ETS);
    wait_for (test, 'b', ETS);
    queue_raise (&test->waiting[1].waiter, HIGHER);
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "b");
}

static void
test_leaving (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    take (test, ORDINARY);
    wait_for (test, 'a', ETS);
    wait_for (test, 'b', ETS);
    g_assert_true (queue_leave (&test->waiting[0].waiter, LEVEL_ABANDONED));
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "b");
    g_assert_false (
        queue_leave (&test->waiting[1].waiter, LEVEL_ABANDONED)); /* the news are on the way */
    g_assert_cmpuint (test->world.group->levels[ETS].counts[LEVEL_ABANDONED], ==, 1);
}

static void
test_more_capacity_serves (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    take (test, ORDINARY);
    wait_for (test, 'a', ETS);
    test->world.settings.capacity[WAY_ALL] = 2;
    world_configure (&test->world, 1);
    assert_in_state (test, WAITER_SERVED, "a");
}

static void
test_closed_group (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    take (test, ORDINARY);
    wait_for (test, 'a', ETS);
    group_close (test->world.group);
    assert_in_state (test, WAITER_REFUSED, "a");
}

static void
test_time (Test *test, gconstpointer data)
{
    const GroupLevel *level = &test->world.group->levels[ETS];

    world_configure (&test->world, 1);
    take (test, ORDINARY);
    wait_for (test, 'a', ETS);
    wait_for (test, 'b', ETS);
    test->world.now_us += 3 * SECOND_US;
    free_one (test);
    g_assert_cmpint (level->longest_us, ==, 3 * SECOND_US + 1);
    test->world.now_us += SECOND_US;
    end_served (test, 'a');
    g_assert_cmpint (level->wait_us, ==, 7 * SECOND_US + 1);
    g_assert_cmpuint (level->counts[LEVEL_SERVED], ==, 2);
    g_assert_cmpuint (test->world.group->most_waiting, ==, 2);
}

/* --- PRI-068 ------------------------------------------------------------------------------ */

/* WAITING, whose place is free again, waits once more, as one of PRIORITY_CLASS. */
static void
wait_again (Test *test, Waiting *waiting, unsigned priority_class)
{
    td_lanes_settle ();
    if (waiting->waiter.group != NULL) {
        group_unref (waiting->waiter.group);
    }
    test->n_waiting = (unsigned) (waiting - test->waiting);
    g_assert_true (wait_for (test, 'x', priority_class));
    test->n_waiting = 3;
}

/* Of N departures while both wait, how many go to PRIORITY_CLASS. One of three has the place, two wait. */
static unsigned
departures (Test *test, unsigned priority_class, unsigned n)
{
    unsigned n_special = 0;

    test->world.settings.is_public_use = true;
    world_configure (&test->world, 1);
    wait_for (test, 'x', ORDINARY); /* served at once */
    wait_for (test, 'x', priority_class);
    wait_for (test, 'x', ORDINARY);
    for (unsigned i = 0, holder = 0; i < n; i++) {
        unsigned next = holder;
        world_leave (&test->world, &test->waiting[holder].leg);
        test->waiting[holder].waiter.state = WAITER_NONE;
        for (unsigned j = 0; j < 3; j++) {
            next = test->waiting[j].waiter.state == WAITER_SERVED ? j : next;
        }
        g_assert_cmpuint (next, !=, holder);
        unsigned served_class = test->waiting[next].waiter.demand.priority_class;
        n_special += served_class == priority_class;
        wait_again (test, &test->waiting[holder], served_class);
        holder = next;
    }
    return n_special;
}

static void
test_share (Test *test, gconstpointer data)
{
    test->world.settings.priority_percent = GPOINTER_TO_UINT (data);
    g_assert_cmpuint (departures (test, ETS, 10000), ==, 100 * GPOINTER_TO_UINT (data));
}

/* Emergency calls are on neither side. */
static void
test_share_and_emergency (Test *test, gconstpointer data)
{
    g_assert_cmpuint (departures (test, EMERGENCY, 100), ==, 100);
}

/* What is reserved for calls with a priority is theirs, whosever turn it is. */
static void
test_share_and_reserve (Test *test, gconstpointer data)
{
    test->world.settings.reserve_priority = 1;
    test->world.settings.is_public_use = true;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ETS), ==, TAKE_DONE);
    wait_for (test, 'o', ORDINARY);
    wait_for (test, 'p', ETS);
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "p");
}

/* Nobody of the other kind waits: no place is kept free for it. */
static void
test_share_of_nothing (Test *test, gconstpointer data)
{
    test->world.settings.is_public_use = true;
    test->world.settings.priority_percent = 1;
    world_configure (&test->world, 1);
    take (test, ORDINARY);
    wait_for (test, 'p', ETS);
    wait_for (test, 'q', ETS);
    free_one (test);
    end_served (test, 'p');
    assert_in_state (test, WAITER_SERVED, "q");
}

/* --- PRI-067 ------------------------------------------------------------------------------ */

static void
test_reservation (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 4;
    test->world.settings.reserve_priority = 2;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_RESERVED);
    g_assert_cmpint (take (test, ETS), ==, TAKE_DONE);
    test->world.settings.reserve_priority = 4; /* in force at once, and nobody has to go */
    world_configure (&test->world, 1);
    g_assert_cmpuint (group_load (test->world.group, NULL), ==, 3);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_RESERVED);
    test->world.settings.reserve_priority = 0;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
}

/* A call without an address of its own, which needs a member. */
static TakeResult
take_by_member (Test *test, unsigned priority_class)
{
    return group_take (test->world.group, &test->legs[test->n_legs++],
                       &(Demand){ .way = WAY_OUT,
                                  .module = (TdModule *) &test->world.module,
                                  .priority_class = priority_class,
                                  .now_us = test->world.now_us,
                                  .wall_us = test->world.now_us });
}

/* What a member keeps is its own: ordinary calls go to the others, then nowhere. */
static void
test_reservation_of_a_member (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 10;
    world_configure (&test->world, 2);
    HuntMember *const *members = test->world.group->hunted;
    *members[0] = (HuntMember){ .capacity = 2, .reserved = 1, .is_up = true };
    *members[1] = (HuntMember){ .capacity = 1, .is_up = true };
    g_assert_cmpint (take_by_member (test, ORDINARY), ==, TAKE_DONE);
    g_assert_cmpint (take_by_member (test, ORDINARY), ==, TAKE_DONE);
    g_assert_cmpuint (members[0]->load, ==, 1);
    g_assert_cmpint (take_by_member (test, ORDINARY), ==, TAKE_RESERVED);
    g_assert_cmpint (take_by_member (test, ETS), ==, TAKE_DONE);
    g_assert_cmpuint (members[0]->load, ==, 2);
    g_assert_cmpint (take_by_member (test, ORDINARY), ==, TAKE_FULL);
    g_assert_cmpint (take_by_member (test, ETS), ==, TAKE_FULL);
}

/* --- PRI-069 ------------------------------------------------------------------------------ */

static void
test_limit_of_calls (Test *test, gconstpointer data)
{
    const uint64_t *counts = test->world.group->levels[ETS].counts;

    test->world.settings.capacity[WAY_ALL] = 10;
    test->world.settings.reserve_priority = 6;
    test->world.settings.priority_calls = 2;
    world_configure (&test->world, 1);
    for (unsigned i = 0; i < 6;
         i++) { /* two as they are, four as ordinary ones up to what is reserved */
        g_assert_cmpint (take (test, ETS), ==, i < 4 ? TAKE_DONE : TAKE_RESERVED);
    }
    g_assert_cmpint (take (test, EMERGENCY), ==, TAKE_DONE);
    g_assert_cmpuint (counts[LEVEL_OVER_LIMIT], ==, 4);
    g_assert_cmpuint (counts[LEVEL_ADMITTED], ==, 4);
    g_assert_cmpuint (counts[LEVEL_REJECTED], ==, 2);
    g_assert_cmpuint (test->world.group->n_priority, ==, 2);
}

static void
test_limit_of_calls_a_second (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 10;
    test->world.settings.reserve_priority = 10;
    test->world.settings.priority_rate_millis = 1000;
    test->world.settings.priority_burst = 2;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ETS), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ETS), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ETS), ==, TAKE_RESERVED);
    test->world.now_us += SECOND_US;
    g_assert_cmpint (take (test, ETS), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ETS), ==, TAKE_RESERVED);
    g_assert_cmpint (take (test, EMERGENCY), ==, TAKE_DONE);
}

/* Who waits is one too many, or not, when his turn comes: at the limit those who wait are ordinary calls, the
 * oldest first, and none of what is reserved is theirs. */
static void
test_limit_in_the_queue (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 2;
    test->world.settings.priority_calls = 1;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    g_assert_cmpint (take (test, ORDINARY), ==, TAKE_DONE);
    wait_for (test, 'a', ETS);
    wait_for (test, 'b', ETS);
    wait_for (test, 'c', HIGHER);
    wait_for (test, 'e', EMERGENCY);
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "e");
    free_one (test);
    assert_in_state (test, WAITER_SERVED, "ce");
    g_assert_cmpuint (test->world.group->n_priority, ==, 1);
    end_served (test, 'e');
    assert_in_state (test, WAITER_SERVED, "ac");
    g_assert_cmpuint (test->world.group->n_priority, ==, 1);
    g_assert_cmpuint (test->world.group->levels[ETS].counts[LEVEL_OVER_LIMIT], ==, 1);
    end_served (test, 'c');
    assert_in_state (test, WAITER_SERVED, "ab");
    g_assert_cmpuint (test->world.group->n_priority, ==, 1);
    end_served (test, 'a');
}

static void
test_limit_and_reserve_in_the_queue (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 2;
    test->world.settings.reserve_priority = 2;
    test->world.settings.priority_rate_millis = 1000;
    test->world.settings.priority_burst = 1;
    world_configure (&test->world, 1);
    TrunkLeg first = { 0 }, second = { 0 };
    g_assert_cmpint (world_take (&test->world, &first, WAY_OUT, EMERGENCY, false), ==, TAKE_DONE);
    g_assert_cmpint (world_take (&test->world, &second, WAY_OUT, EMERGENCY, false), ==, TAKE_DONE);
    wait_for (test, 'a', ETS);
    wait_for (test, 'b', ETS);
    world_leave (&test->world, &first);
    world_leave (&test->world, &second);
    assert_in_state (test, WAITER_SERVED, "a"); /* one a second */
    test->world.now_us += SECOND_US;
    td_lanes_advance (SECOND_US / 1000 + 1);
    queue_look (test->world.group);
    assert_in_state (test, WAITER_SERVED, "ab");
}

/* A call that is ordinary here puts nobody out of a full queue. */
static void
test_limit_and_full_queue (Test *test, gconstpointer data)
{
    test->world.settings.queue_length = 1;
    test->world.settings.is_public_use = true;
    test->world.settings.priority_calls = 1;
    world_configure (&test->world, 1);
    g_assert_cmpint (take (test, ETS), ==, TAKE_DONE);
    g_assert_true (wait_for (test, 'o', ORDINARY));
    g_assert_false (wait_for (test, 'p', ETS));
    g_assert_true (wait_for (test, 'e', EMERGENCY));
    assert_in_state (test, WAITER_REFUSED, "o");
}

static void
test_limits_each_way (Test *test, gconstpointer data)
{
    TrunkLeg in = { 0 };

    test->world.settings.capacity[WAY_ALL] = 10;
    world_configure (&test->world, 1);
    g_assert_cmpint (world_take (&test->world, &in, WAY_IN, ETS, false), ==, TAKE_DONE);
    take (test, ETS);
    take (test, ETS);
    g_assert_cmpuint (test->world.group->levels[ETS].in, ==, 1);
    g_assert_cmpuint (test->world.group->levels[ETS].counts[LEVEL_ADMITTED], ==, 3);
    world_leave (&test->world, &in);
}

/* --- PRI-070 ------------------------------------------------------------------------------ */

/* Whatever calls of the classes of ets, wps and esnet come, wait and go: who has a place keeps it until it
 * goes by itself. */
static void
random_run (Test *test, GRand *random)
{
    static const unsigned classes[] = { ORDINARY, 5, ETS, HIGHER, EMERGENCY, TD_CLASS_MAX };
    unsigned n_taken = 0;
    bool had_place[N_LEGS] = { false };

    test->n_legs = test->n_waiting = 0;
    memset (test->legs, 0, sizeof test->legs);
    memset (test->waiting, 0, sizeof test->waiting);
    for (unsigned step = 0; step < 24; step++) {
        unsigned class = classes[g_rand_int_range (random, 0, G_N_ELEMENTS (classes))];
        unsigned at = (unsigned) g_rand_int_range (random, 0, 16);
        test->world.now_us += g_rand_int_range (random, 1, SECOND_US);
        if (g_rand_int_range (random, 0, 3) == 0 && had_place[at]) { /* it hangs up */
            world_leave (&test->world, &test->legs[at]);
            memset (&test->legs[at], 0, sizeof test->legs[at]);
            had_place[at] = false;
            n_taken--;
        } else if (!had_place[at]) {
            had_place[at] =
                world_take (&test->world, &test->legs[at], WAY_OUT, class, false) == TAKE_DONE;
            n_taken += had_place[at];
            if (!had_place[at] && test->n_waiting < 24) {
                wait_for (test, 'x', class);
            }
        }
        for (unsigned i = 0; i < 16; i++) {
            g_assert_cmpint (test->legs[i].has_place, ==, had_place[i]);
        }
        unsigned n_served = 0;
        for (unsigned i = 0; i < test->n_waiting; i++) {
            n_served += test->waiting[i].leg.has_place;
            g_assert_true (test->waiting[i].leg.has_place
                           == (test->waiting[i].waiter.state == WAITER_SERVED));
        }
        g_assert_cmpuint (group_load (test->world.group, NULL), ==, n_taken + n_served);
    }
    for (unsigned i = 0; i < 16; i++) {
        if (had_place[i]) {
            world_leave (&test->world, &test->legs[i]);
        }
    }
}

static void
test_nobody_is_released (Test *test, gconstpointer data)
{
    GRand *random = g_rand_new_with_seed ((guint32) g_test_rand_int ());

    for (unsigned run = 0; run < 100000; run++) {
        if (run % 100 == 0) { /* another kind of group */
            test->world.settings.capacity[WAY_ALL] = (uint32_t) g_rand_int_range (random, 1, 6);
            test->world.settings.reserve_priority = (uint32_t) g_rand_int_range (random, 0, 2);
            test->world.settings.is_public_use = g_rand_boolean (random);
            test->world.settings.priority_calls = (uint32_t) g_rand_int_range (random, 0, 4);
            world_configure (&test->world, 1);
        }
        random_run (test, random);
        end_all (test);
    }
    g_rand_free (random);
}

#define ADD(path, data, test) g_test_add ("/priority/" path, Test, (data), set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-062/class-then-arrival", NULL, test_class_then_arrival);
    ADD ("PRI-062/full", NULL, test_full_queue);
    ADD ("PRI-062/raised", NULL, test_raised);
    ADD ("PRI-062/closed", NULL, test_closed_group);
    ADD ("PRI-063/queue-first", NULL, test_queue_before_new_calls);
    ADD ("PRI-063/nobody-overtakes", NULL, test_nobody_overtakes);
    ADD ("PRI-063/more-capacity", NULL, test_more_capacity_serves);
    ADD ("PRI-017/leaving", NULL, test_leaving);
    ADD ("PRI-067/reload", NULL, test_reservation);
    ADD ("PRI-067/member", NULL, test_reservation_of_a_member);
    ADD ("PRI-068/ratio-25", GUINT_TO_POINTER (25), test_share);
    ADD ("PRI-068/ratio-7", GUINT_TO_POINTER (7), test_share);
    ADD ("PRI-068/ratio-60", GUINT_TO_POINTER (60), test_share);
    ADD ("PRI-068/emergency", NULL, test_share_and_emergency);
    ADD ("PRI-068/reserved", NULL, test_share_and_reserve);
    ADD ("PRI-068/work-conserving", NULL, test_share_of_nothing);
    ADD ("PRI-069/calls", NULL, test_limit_of_calls);
    ADD ("PRI-069/rate", NULL, test_limit_of_calls_a_second);
    ADD ("PRI-069/waiting", NULL, test_limit_in_the_queue);
    ADD ("PRI-069/waiting-for-the-rate", NULL, test_limit_and_reserve_in_the_queue);
    ADD ("PRI-069/full-queue", NULL, test_limit_and_full_queue);
    ADD ("PRI-069/each-way", NULL, test_limits_each_way);
    ADD ("PRI-070/property", NULL, test_nobody_is_released);
    ADD ("PRI-101/time", NULL, test_time);
    return g_test_run ();
}
