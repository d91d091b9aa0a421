/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PRI-070 .. 072: who takes a place from whom in a group, by its own functions. */

#include "preempt.h"
#include "queue.h"
#include "world.h"

#include <string.h>

enum {
    N_LEGS = 24,
    N_RUNS = 100000,
    STEPS = 16,
    ORDINARY = TD_CLASS_ORDINARY,
    ROUTINE = 5,
    FLASH = 8,
    OVERRIDE = 9,
    OVERRIDE_OVERRIDE = 10,
    EMERGENCY = TD_CLASS_EMERGENCY,
};

/* A kind of call: the namespaces as they stand on a trunk. */
typedef enum {
    KIND_ORDINARY,
    KIND_PREEMPTS, /* dsn, q735 */
    KIND_EQUALS,   /* drsn.flash-override-override */
    KIND_SPARED,   /* ets, wps, esnet, sos */
    N_KINDS,
} Kind;

typedef struct {
    TrunkLeg leg;
    Takeover takeover;
    Standing standing;
    bool has_place;
} One;

typedef struct {
    World world;
    One ones[N_LEGS];
    unsigned n_told; /* winners whose victims have all gone */
    int64_t clock_us;
    TdId next_call;
} Test;

static Test *current;

static void
told (TdPost *post)
{
    current->n_told++;
}

static void
set_up (Test *test, gconstpointer data)
{
    memset (test, 0, sizeof *test);
    current = test;
    world_open (&test->world);
    test->world.settings.capacity[WAY_ALL] = 2;
    test->world.settings.is_mlpp = true;
    test->next_call = 1;
}

/* The call I waits for nobody any more. */
static void
forget (Test *test, unsigned i)
{
    Takeover *takeover = &test->ones[i].takeover;

    if (takeover->group != NULL && !preempt_forget (takeover)) {
        td_lanes_settle (); /* the news is under way */
        g_clear_pointer (&takeover->group, group_unref);
    }
}

static void
leave (Test *test, unsigned i)
{
    One *one = &test->ones[i];

    forget (test, i);
    world_leave (&test->world, &one->leg);
    one->leg = (TrunkLeg){ 0 };
    one->has_place = false;
}

static void
end_all (Test *test)
{
    for (unsigned i = 0; i < N_LEGS; i++) {
        if (test->ones[i].leg.group != NULL) {
            leave (test, i);
        }
    }
    td_lanes_settle ();
}

static void
tear_down (Test *test, gconstpointer data)
{
    end_all (test);
    g_assert_cmpuint (group_load (test->world.group, NULL), ==, 0);
    g_assert_cmpuint (test->world.group->n_priority, ==, 0);
    world_close (&test->world);
}

static Standing
standing_of (Kind kind, unsigned class)
{
    bool preempts = kind == KIND_PREEMPTS || kind == KIND_EQUALS;

    return (Standing){ .priority_class = (uint8_t) class,
                       .may_take = preempts,
                       .takes_equals = kind == KIND_EQUALS,
                       .is_spared = kind == KIND_SPARED };
}

/* The call I comes. */
static TakeResult
come (Test *test, unsigned i, Kind kind, unsigned class, Way way, uint32_t kbit_s)
{
    One *one = &test->ones[i];

    one->takeover = (Takeover){
        .post = { .owner = (TdModule *) &test->world.module, .run = told, .drop = told },
        .lane = td_lane_at (0)
    };
    one->standing = standing_of (kind, class);
    test->world.now_us++;
    TakeResult result =
        group_take (test->world.group, &one->leg,
                    &(Demand){ .way = way,
                               .call = test->next_call++,
                               .module = (TdModule *) &test->world.module,
                               .priority_class = class,
                               .standing = one->standing,
                               .takeover = one->standing.may_take ? &one->takeover : NULL,
                               .has_address = true,
                               .kbit_s = kbit_s,
                               .now_us = test->world.now_us,
                               .wall_us = test->world.now_us });
    one->has_place = result == TAKE_DONE;
    return result;
}

static TakeResult
out (Test *test, unsigned i, Kind kind, unsigned class)
{
    return come (test, i, kind, class, WAY_OUT, 80);
}

#define ASSERT_TAKEN(index) g_assert_false (test->ones[index].leg.has_place)
#define ASSERT_KEPT(index)  g_assert_true (test->ones[index].leg.has_place)

/* --- PRI-071 ------------------------------------------------------------------------------ */

static void
test_lowest_then_newest (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 4;
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, FLASH);
    out (test, 1, KIND_PREEMPTS, ROUTINE);
    out (test, 2, KIND_PREEMPTS, ROUTINE);
    out (test, 3, KIND_PREEMPTS, FLASH);
    g_assert_cmpint (out (test, 4, KIND_PREEMPTS, OVERRIDE), ==, TAKE_DONE);
    ASSERT_TAKEN (2);
    g_assert_cmpint (out (test, 5, KIND_PREEMPTS, OVERRIDE), ==, TAKE_DONE);
    ASSERT_TAKEN (1);
    g_assert_cmpint (out (test, 6, KIND_PREEMPTS, OVERRIDE), ==, TAKE_DONE);
    ASSERT_TAKEN (3);
    ASSERT_KEPT (0);
    g_assert_cmpuint (test->world.group->levels[ROUTINE].counts[LEVEL_PREEMPTED], ==, 2);
    g_assert_cmpuint (test->world.group->levels[OVERRIDE].counts[LEVEL_PREEMPTING], ==, 3);
    g_assert_cmpuint (group_in_use (test->world.group), ==, 4);
}

/* A call without a mark is below every value (RFC 4412 9). */
static void
test_ordinary_first (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    out (test, 0, KIND_ORDINARY, ORDINARY);
    out (test, 1, KIND_PREEMPTS, ROUTINE);
    g_assert_cmpint (out (test, 2, KIND_PREEMPTS, FLASH), ==, TAKE_DONE);
    ASSERT_TAKEN (0);
    ASSERT_KEPT (1);
}

static void
test_only_with_mlpp (Test *test, gconstpointer data)
{
    test->world.settings.is_mlpp = false;
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, ROUTINE);
    out (test, 1, KIND_PREEMPTS, ROUTINE);
    g_assert_cmpint (out (test, 2, KIND_PREEMPTS, FLASH), ==, TAKE_FULL);
    ASSERT_KEPT (0);
    ASSERT_KEPT (1);
}

/* Nobody loses a place while one is free. */
static void
test_free_places_first (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, ROUTINE);
    g_assert_cmpint (out (test, 1, KIND_PREEMPTS, FLASH), ==, TAKE_DONE);
    ASSERT_KEPT (0);
    g_assert_cmpuint (test->ones[1].takeover.n_victims, ==, 0);
}

/* The winner hears when its victims have gone, and who they are. */
static void
test_told_when_gone (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, FLASH);
    out (test, 1, KIND_PREEMPTS, ROUTINE);
    TdId victim = test->ones[1].leg.call;
    out (test, 2, KIND_PREEMPTS, OVERRIDE);
    g_assert_cmpuint (test->ones[2].takeover.victims[0].call, ==, victim);
    td_lanes_settle ();
    g_assert_cmpuint (test->n_told, ==, 0);
    leave (test, 1);
    td_lanes_settle ();
    g_assert_cmpuint (test->n_told, ==, 1);
}

/* ... unless it has given up waiting. */
static void
test_forgotten (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, ROUTINE);
    out (test, 1, KIND_PREEMPTS, ROUTINE);
    out (test, 2, KIND_PREEMPTS, OVERRIDE);
    forget (test, 2);
    leave (test, 1);
    td_lanes_settle ();
    g_assert_cmpuint (test->n_told, ==, 0);
}

/* Neither who waits, nor who comes, gets the place. */
static void
test_not_for_the_queue (Test *test, gconstpointer data)
{
    TrunkLeg leg = { 0 };
    Waiter waiter = {
        .post = { .owner = (TdModule *) &test->world.module, .run = told, .drop = told },
        .lane = td_lane_at (0),
        .leg = &leg,
        .demand = { .way = WAY_OUT,
                    .module = (TdModule *) &test->world.module,
                    .priority_class = OVERRIDE_OVERRIDE + 1,
                    .has_address = true,
                    .kbit_s = 80 }
    };

    test->world.settings.queue_length = 5;
    test->world.settings.queue_way = WAY_OUT;
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, ROUTINE);
    out (test, 1, KIND_PREEMPTS, ROUTINE);
    g_assert_true (queue_enter (test->world.group, &waiter));
    g_assert_cmpint (out (test, 2, KIND_PREEMPTS, FLASH), ==, TAKE_DONE);
    ASSERT_TAKEN (1);
    leave (test, 1); /* it has no place to give any more */
    g_assert_cmpint (waiter.state, ==, WAITER_WAITS);
    leave (test, 0);
    g_assert_cmpint (waiter.state, ==, WAITER_SERVED);
    td_lanes_settle ();
    world_leave (&test->world, &leg);
    group_unref (waiter.group);
}

/* A wide call takes what it needs, and what is over goes back to those who are needed less. */
static void
test_bandwidth (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = GROUP_UNLIMITED;
    test->world.settings.bandwidth[WAY_ALL] = 160;
    world_configure (&test->world, 1);
    come (test, 0, KIND_PREEMPTS, ROUTINE, WAY_OUT, 80);
    come (test, 1, KIND_ORDINARY, ORDINARY, WAY_OUT, 40);
    come (test, 2, KIND_ORDINARY, ORDINARY, WAY_OUT, 40);
    g_assert_cmpint (come (test, 3, KIND_PREEMPTS, FLASH, WAY_OUT, 80), ==, TAKE_DONE);
    ASSERT_TAKEN (1);
    ASSERT_TAKEN (2);
    ASSERT_KEPT (0);
    /* Here the one of 80 is enough: those of 24 before it would not be, and keep theirs. */
    end_all (test);
    come (test, 0, KIND_PREEMPTS, ROUTINE, WAY_OUT, 80);
    come (test, 1, KIND_ORDINARY, ORDINARY, WAY_OUT, 24);
    come (test, 2, KIND_ORDINARY, ORDINARY, WAY_OUT, 24);
    g_assert_cmpint (come (test, 3, KIND_PREEMPTS, FLASH, WAY_OUT, 112), ==, TAKE_DONE);
    ASSERT_TAKEN (0);
    ASSERT_KEPT (1);
    ASSERT_KEPT (2);
}

/* What is kept for the other way is no place. */
static void
test_own_way (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 2;
    test->world.settings.capacity[WAY_IN] = 1;
    world_configure (&test->world, 1);
    come (test, 0, KIND_PREEMPTS, FLASH, WAY_IN, 80);
    come (test, 1, KIND_ORDINARY, ORDINARY, WAY_OUT, 80);
    g_assert_cmpint (come (test, 2, KIND_PREEMPTS, OVERRIDE, WAY_IN, 80), ==, TAKE_DONE);
    ASSERT_TAKEN (0);
    ASSERT_KEPT (1);
}

/* The places of members count as well. */
static void
test_members (Test *test, gconstpointer data)
{
    Demand demand = { .way = WAY_OUT,
                      .call = 77,
                      .module = (TdModule *) &test->world.module,
                      .priority_class = FLASH,
                      .standing = standing_of (KIND_PREEMPTS, FLASH),
                      .kbit_s = 80,
                      .now_us = 10,
                      .wall_us = 10 };
    One *ones = test->ones;

    test->world.settings.capacity[WAY_ALL] = GROUP_UNLIMITED;
    world_configure (&test->world, 2);
    for (unsigned i = 0; i < 2; i++) {
        test->world.group->hunted[i]->capacity = 1;
        Demand lower = demand;
        lower.call = i + 1;
        lower.priority_class = ROUTINE + i;
        lower.standing = standing_of (KIND_PREEMPTS, ROUTINE + i);
        g_assert_cmpint (group_take (test->world.group, &ones[i].leg, &lower), ==, TAKE_DONE);
    }
    ones[2].takeover = (Takeover){ .post = { .run = told, .drop = told }, .lane = td_lane_at (0) };
    demand.takeover = &ones[2].takeover;
    const Member *freed = ones[0].leg.member;
    g_assert_cmpint (group_take (test->world.group, &ones[2].leg, &demand), ==, TAKE_DONE);
    ASSERT_TAKEN (0);
    ASSERT_KEPT (1);
    g_assert_true (ones[2].leg.member == freed);
}

/* --- PRI-072 ------------------------------------------------------------------------------ */

static void
test_never_equal (Test *test, gconstpointer data)
{
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, FLASH);
    out (test, 1, KIND_PREEMPTS, OVERRIDE);
    g_assert_cmpint (out (test, 2, KIND_PREEMPTS, FLASH), ==, TAKE_FULL);
    g_assert_true (test->ones[2].takeover.is_blocked);
    g_assert_cmpint (out (test, 2, KIND_PREEMPTS, ROUTINE), ==, TAKE_FULL);
    ASSERT_KEPT (0);
    ASSERT_KEPT (1);
}

/* RFC 4412 10.3: "a newly arriving 'flash-override-override' request will displace another one of equal
 * priority". */
static void
test_override_override (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = 2;
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, OVERRIDE_OVERRIDE); /* dsn-000000.9: it defends itself */
    out (test, 1, KIND_EQUALS, OVERRIDE_OVERRIDE);
    g_assert_cmpint (out (test, 2, KIND_EQUALS, OVERRIDE_OVERRIDE), ==, TAKE_DONE);
    ASSERT_KEPT (0);
    ASSERT_TAKEN (1);
}

/* Too many would have to go: none goes. */
static void
test_all_or_none (Test *test, gconstpointer data)
{
    test->world.settings.capacity[WAY_ALL] = GROUP_UNLIMITED;
    test->world.settings.bandwidth[WAY_ALL] = 160;
    world_configure (&test->world, 1);
    come (test, 0, KIND_PREEMPTS, FLASH, WAY_OUT, 120);
    come (test, 1, KIND_ORDINARY, ORDINARY, WAY_OUT, 40);
    g_assert_cmpint (come (test, 2, KIND_PREEMPTS, FLASH, WAY_OUT, 80), ==, TAKE_FULL);
    ASSERT_KEPT (0);
    ASSERT_KEPT (1);
}

/* One that is not taken as what it is takes nothing. */
static void
test_over_limit (Test *test, gconstpointer data)
{
    test->world.settings.priority_calls = 1;
    world_configure (&test->world, 1);
    out (test, 0, KIND_PREEMPTS, ROUTINE);
    out (test, 1, KIND_ORDINARY, ORDINARY);
    g_assert_cmpint (out (test, 2, KIND_PREEMPTS, FLASH), ==, TAKE_FULL);
    ASSERT_KEPT (1);
}

/* --- PRI-070 ------------------------------------------------------------------------------ */

static unsigned
random_class (GRand *random, Kind kind)
{
    switch (kind) {
    case KIND_ORDINARY:
        return (unsigned) g_rand_int_range (random, 0, ORDINARY + 1);
    case KIND_EQUALS:
        return OVERRIDE_OVERRIDE;
    default:
        return (unsigned) g_rand_int_range (random, ROUTINE, TD_CLASS_MAX + 1);
    }
}

/* Whether WINNER may have taken the place of VICTIM. */
static bool
is_right (const Standing *winner, const Standing *victim)
{
    return winner->may_take && !victim->is_spared
           && (victim->priority_class < winner->priority_class
               || (victim->priority_class == winner->priority_class && winner->takes_equals
                   && victim->takes_equals));
}

/* After the call at AT has come: who lost a place lost it to that one, and rightly; as many as it names. */
static void
check_victims (Test *test, unsigned at)
{
    const One *winner = &test->ones[at];
    unsigned n_lost = 0;

    for (unsigned i = 0; i < N_LEGS; i++) {
        One *one = &test->ones[i];
        if (i != at && one->has_place && !one->leg.has_place) {
            g_assert_true (winner->leg.has_place);
            g_assert_true (is_right (&winner->standing, &one->standing));
            g_assert_true (one->leg.lost_to == &winner->takeover);
            one->has_place = false;
            n_lost++;
        }
    }
    g_assert_cmpuint (winner->takeover.n_victims, ==, n_lost);
}

static void
random_run (Test *test, GRand *random)
{
    const GroupSettings *settings = &test->world.settings;

    for (unsigned step = 0; step < STEPS; step++) {
        unsigned at = (unsigned) g_rand_int_range (random, 0, N_LEGS);
        if (test->ones[at].leg.group != NULL) {
            leave (test, at);
            continue;
        }
        Kind kind = (Kind) g_rand_int_range (random, 0, N_KINDS);
        Way way = g_rand_boolean (random) ? WAY_IN : WAY_OUT;
        uint32_t kbit_s = (uint32_t) g_rand_int_range (random, 1, 4) * 40;
        come (test, at, kind, random_class (random, kind), way, kbit_s);
        check_victims (test, at);
        g_assert_cmpuint (td_limit_in_use (test->world.group->calls[WAY_ALL]), <=,
                          settings->capacity[WAY_ALL]);
        g_assert_cmpuint (td_limit_in_use (test->world.group->calls[WAY_IN]), <=,
                          settings->capacity[WAY_IN]);
        g_assert_cmpuint (td_limit_in_use (test->world.group->kbits[WAY_ALL]), <=,
                          settings->bandwidth[WAY_ALL]);
    }
    end_all (test);
    g_assert_cmpuint (td_limit_in_use (test->world.group->calls[WAY_ALL]), ==, 0);
}

/* Nobody is released for a call of ets, wps or esnet, nor for one that is not above it; an emergency call
 * never; and there are never more calls than places. */
static void
test_property (Test *test, gconstpointer data)
{
    GRand *random = g_rand_new_with_seed ((guint32) g_test_rand_int ());

    for (unsigned run = 0; run < N_RUNS; run++) {
        if (run % 100 == 0) { /* another kind of group */
            uint32_t capacity = (uint32_t) g_rand_int_range (random, 1, 6);
            test->world.settings.capacity[WAY_ALL] = capacity;
            test->world.settings.capacity[WAY_IN] =
                (uint32_t) g_rand_int_range (random, 0, (gint32) capacity + 1);
            test->world.settings.bandwidth[WAY_ALL] =
                (uint32_t) g_rand_int_range (random, 1, 12) * 40;
            test->world.settings.reserve_priority = (uint32_t) g_rand_int_range (random, 0, 2);
            test->world.settings.priority_calls = (uint32_t) g_rand_int_range (random, 0, 4);
            world_configure (&test->world, 1);
        }
        random_run (test, random);
    }
    g_rand_free (random);
}

#define ADD(path, test) g_test_add ("/priority/" path, Test, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-070/property", test_property);
    ADD ("PRI-071/lowest-then-newest", test_lowest_then_newest);
    ADD ("PRI-071/ordinary-first", test_ordinary_first);
    ADD ("PRI-071/only-with-mlpp", test_only_with_mlpp);
    ADD ("PRI-071/free-places-first", test_free_places_first);
    ADD ("PRI-071/told-when-gone", test_told_when_gone);
    ADD ("PRI-071/forgotten", test_forgotten);
    ADD ("PRI-071/not-for-the-queue", test_not_for_the_queue);
    ADD ("PRI-071/bandwidth", test_bandwidth);
    ADD ("PRI-071/own-way", test_own_way);
    ADD ("PRI-071/members", test_members);
    ADD ("PRI-072/never-equal", test_never_equal);
    ADD ("PRI-072/override-override", test_override_override);
    ADD ("PRI-072/all-or-none", test_all_or_none);
    ADD ("PRI-072/over-limit", test_over_limit);
    return g_test_run ();
}
