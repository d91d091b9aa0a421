/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits under real lanes: threads take, give, raise and change figures at the same time. */

#include "run/lane.h"

#include <tandem/resource.h>

/* --- The figures change while the others are in the middle of it ------------------------ */

enum { N_VISITORS = 16, N_ROUNDS = 2000, CAPACITY_MAX = 9 };

typedef struct {
    TdSeat seat;
    bool is_waiting;
} Visitor;

typedef struct {
    TdPost post;
    TdLimit *limit;
    uint32_t random;
    unsigned n_rounds;
    atomic_uint *n_busy;
    Visitor visitors[N_VISITORS];
} Gang;

static uint32_t
next_random (Gang *gang)
{
    gang->random = gang->random * 1664525u + 1013904223u;
    return gang->random >> 16;
}

static void
visitor_answered (TdSeat *seat)
{
    Visitor *visitor = (Visitor *) seat;

    g_assert_true (visitor->is_waiting);
    visitor->is_waiting = false;
}

static void
gang_round (TdPost *post)
{
    Gang *gang = (Gang *) post;

    for (unsigned i = 0; i < N_VISITORS; i++) {
        Visitor *visitor = &gang->visitors[i];
        uint32_t random = next_random (gang);
        if (random % 2 == 0) {
            td_seat_give (&visitor->seat);
            visitor->is_waiting = false;
            visitor->seat.weight = random / 32 % 4;
            visitor->is_waiting =
                td_seat_take (&visitor->seat, gang->limit, random / 2 % 16, true) == TD_SEAT_QUEUED;
        }
    }
    if (--gang->n_rounds > 0) {
        td_lane_post (td_lane_current (), post);
        return;
    }
    for (unsigned i = 0; i < N_VISITORS; i++) {
        td_seat_give (&gang->visitors[i].seat);
    }
    if (atomic_fetch_sub (gang->n_busy, 1) == 1) {
        td_lanes_quit ();
    }
}

static void
gang_drop (TdPost *post)
{
    g_assert_not_reached ();
}

static bool
count_holder (TdId holder, unsigned seat_class, void *data)
{
    g_assert_cmpuint (seat_class, <, TD_N_CLASSES);
    ++*(unsigned *) data;
    return true;
}

/* On the control lane, while the others are at it. */
static void
janitor_round (TdPost *post)
{
    Gang *janitor = (Gang *) post;
    unsigned n_holders = 0;

    td_limit_set_capacity (janitor->limit, next_random (janitor) % (CAPACITY_MAX + 1));
    td_limit_reserve (janitor->limit, next_random (janitor) % 16, next_random (janitor) % 3);
    td_limit_holders (janitor->limit, count_holder, &n_holders);
    g_assert_cmpuint (n_holders, <=, CAPACITY_MAX);
    g_assert_cmpuint (td_limit_in_use (janitor->limit), <=, CAPACITY_MAX);
    if (atomic_load (janitor->n_busy) > 0) {
        td_lane_post (td_lane_control (), post);
    }
}

static void
janitor_leave (TdPost *post)
{
}

static void
test_real_lanes_lose_no_seat (void)
{
    TdLanesOptions options = { .n_lanes = 2 };
    atomic_uint n_busy = 2;
    g_autofree Gang *gangs = g_new0 (Gang, 3);

    td_lanes_open (&options);
    TdLimit *limit = td_limit_new (NULL, "shared", CAPACITY_MAX, 6);
    for (unsigned i = 0; i < 3; i++) {
        gangs[i].post = (TdPost){ NULL, i < 2 ? gang_round : janitor_round,
                                  i < 2 ? gang_drop : janitor_leave, NULL };
        gangs[i].limit = limit;
        gangs[i].random = (uint32_t) g_test_rand_int ();
        gangs[i].n_rounds = N_ROUNDS;
        gangs[i].n_busy = &n_busy;
        for (unsigned j = 0; j < N_VISITORS; j++) {
            gangs[i].visitors[j].seat =
                (TdSeat){ .granted = visitor_answered, .refused = visitor_answered };
        }
        td_lane_post (i < 2 ? td_lane_at (i) : td_lane_control (), &gangs[i].post);
    }
    td_lanes_run ();
    g_assert_cmpuint (td_limit_in_use (limit), ==, 0);
    g_assert_cmpuint (td_limit_queued (limit), ==, 0);
    td_limit_retire (limit);
    td_lanes_close ();
}

/* --- No class is seated above its ceiling ------------------------------------------------ */

/* Lanes take, give and raise at random, together; control changes the figures while none of them
 * moves, so that the ceilings at the time of each take are known. Some takes are made alone, for then
 * all that is in use is known, too. */
enum { N_LANES = 3, N_RIDERS = 12, N_MOVES = 20000, UNITS_MAX = 40, WEIGHT_MAX = 7 };

typedef enum { OUT, WAITING, IN } Place;

typedef struct {
    TdSeat seat;
    Place place;
    unsigned weight, seat_class; /* which it had when it was seated, at most */
} Rider;

typedef struct {
    TdPost post;
    uint32_t random;
    unsigned n_moves;
    Rider riders[N_RIDERS];
} Crew;

static struct {
    TdLimit *limit;
    pthread_rwlock_t moving; /* held for writing by who wants all others to stand still */
    unsigned ceiling[TD_N_CLASSES];
    unsigned capacity, reserved[TD_N_CLASSES];
    pthread_mutex_t lock;
    unsigned units[TD_N_CLASSES]; /* held for sure, by the class that took them */
    atomic_uint n_busy, n_granted, n_full, n_queued;
} ride;

static uint32_t
next_below (uint32_t *random, uint32_t n)
{
    *random = *random * 1664525u + 1013904223u;
    return (*random >> 16) % n;
}

/* What all classes up to SEAT_CLASS hold now that RIDER has got in, or got out. */
static unsigned
count_units (const Rider *rider, bool is_in)
{
    unsigned sum = 0;

    pthread_mutex_lock (&ride.lock);
    ride.units[rider->seat_class] += is_in ? rider->weight : -rider->weight;
    for (unsigned i = 0; i <= rider->seat_class; i++) {
        sum += ride.units[i];
    }
    pthread_mutex_unlock (&ride.lock);
    return sum;
}

static void
rider_granted (TdSeat *seat)
{
    Rider *rider = (Rider *) seat;

    g_assert_cmpint (rider->place, ==, WAITING);
    rider->place = IN;
    g_assert_cmpuint (count_units (rider, true), <=, UNITS_MAX);
    atomic_fetch_add (&ride.n_granted, 1);
}

static void
rider_refused (TdSeat *seat)
{
    Rider *rider = (Rider *) seat;

    g_assert_cmpint (rider->place, ==, WAITING);
    rider->place = OUT;
}

static void
rider_takes (Crew *crew, Rider *rider, bool is_alone)
{
    bool may_queue = next_below (&crew->random, 3) > 0;

    rider->weight = 1 + next_below (&crew->random, WEIGHT_MAX);
    rider->seat_class = next_below (&crew->random, TD_N_CLASSES);
    rider->seat.weight = rider->weight;
    rider->seat.holder = rider->weight;
    switch (td_seat_take (&rider->seat, ride.limit, rider->seat_class, may_queue)) {
    case TD_SEAT_GRANTED:
        rider->place = IN;
        g_assert_cmpuint (count_units (rider, true), <=, ride.ceiling[rider->seat_class]);
        if (is_alone) {
            g_assert_cmpuint (td_limit_in_use (ride.limit), <=, ride.ceiling[rider->seat_class]);
        }
        atomic_fetch_add (&ride.n_granted, 1);
        break;
    case TD_SEAT_QUEUED:
        rider->place = WAITING;
        atomic_fetch_add (&ride.n_queued, 1);
        break;
    case TD_SEAT_FULL:
        atomic_fetch_add (&ride.n_full, 1);
    }
}

static void
rider_leaves (Rider *rider)
{
    if (rider->place == IN) {
        count_units (rider, false);
    }
    rider->place = OUT;
    td_seat_give (&rider->seat);
}

static void
rider_raises (Crew *crew, Rider *rider)
{
    unsigned seat_class = next_below (&crew->random, TD_N_CLASSES);

    if (rider->place == WAITING) {
        rider->seat_class = MAX (rider->seat_class, seat_class);
    }
    td_seat_raise (&rider->seat, seat_class);
}

static void
crew_moves (TdPost *post)
{
    Crew *crew = (Crew *) post;
    Rider *rider = &crew->riders[next_below (&crew->random, N_RIDERS)];
    bool is_alone = next_below (&crew->random, 4) == 0;

    (is_alone ? pthread_rwlock_wrlock : pthread_rwlock_rdlock) (&ride.moving);
    if (rider->place == OUT) {
        rider_takes (crew, rider, is_alone);
    } else if (next_below (&crew->random, 4) == 0) {
        rider_raises (crew, rider);
    } else {
        rider_leaves (rider);
    }
    pthread_rwlock_unlock (&ride.moving);
    if (--crew->n_moves > 0) {
        td_lane_post (td_lane_current (), post);
        return;
    }
    pthread_rwlock_rdlock (&ride.moving);
    for (unsigned i = 0; i < N_RIDERS; i++) {
        rider_leaves (&crew->riders[i]);
    }
    pthread_rwlock_unlock (&ride.moving);
    if (atomic_fetch_sub (&ride.n_busy, 1) == 1) {
        td_lanes_quit ();
    }
}

static bool
add_weight (TdId holder, unsigned seat_class, void *data)
{
    *(unsigned *) data += (unsigned) holder;
    return true;
}

/* Nobody else moves. */
static void
change_figures (Crew *janitor)
{
    unsigned seat_class = next_below (&janitor->random, TD_N_CLASSES);
    unsigned n_reserved = 0;

    ride.capacity = next_below (&janitor->random, UNITS_MAX + 1);
    ride.reserved[seat_class] = next_below (&janitor->random, 4);
    for (unsigned i = TD_N_CLASSES; i-- > 0;) {
        ride.ceiling[i] = ride.capacity > n_reserved ? ride.capacity - n_reserved : 0;
        n_reserved += ride.reserved[i];
    }
    unsigned in_use = td_limit_in_use (ride.limit);
    unsigned queued = td_limit_queued (ride.limit);
    td_limit_set_capacity (ride.limit, ride.capacity);
    td_limit_reserve (ride.limit, seat_class, ride.reserved[seat_class]);
    g_assert_cmpuint (td_limit_in_use (ride.limit), >=, in_use); /* nobody loses a seat */
    g_assert_cmpuint (td_limit_queued (ride.limit), <=, queued);
}

static void
janitor_moves (TdPost *post)
{
    Crew *janitor = (Crew *) post;
    unsigned n_units = 0;

    pthread_rwlock_wrlock (&ride.moving);
    td_limit_holders (ride.limit, add_weight, &n_units);
    g_assert_cmpuint (td_limit_in_use (ride.limit), ==, n_units);
    change_figures (janitor);
    pthread_rwlock_unlock (&ride.moving);
    if (atomic_load (&ride.n_busy) > 0) {
        td_lane_post (td_lane_control (), post);
    }
}

static void
stay_away (TdPost *post)
{
}

static void
open_ride (Crew *crews)
{
    atomic_store (&ride.n_busy, N_LANES);
    pthread_rwlock_init (&ride.moving, NULL);
    pthread_mutex_init (&ride.lock, NULL);
    ride.limit = td_limit_new (NULL, "ride", 0, 8); /* the janitor opens it */
    for (unsigned i = 0; i <= N_LANES; i++) {
        crews[i].post = (TdPost){ NULL, i < N_LANES ? crew_moves : janitor_moves, stay_away, NULL };
        crews[i].random = (uint32_t) g_test_rand_int ();
        crews[i].n_moves = N_MOVES;
        for (unsigned j = 0; j < N_RIDERS; j++) {
            crews[i].riders[j].seat =
                (TdSeat){ .granted = rider_granted, .refused = rider_refused };
        }
        td_lane_post (i < N_LANES ? td_lane_at (i) : td_lane_control (), &crews[i].post);
    }
}

static void
test_no_class_is_seated_above_its_ceiling (void)
{
    TdLanesOptions options = { .n_lanes = N_LANES };
    g_autofree Crew *crews = g_new0 (Crew, N_LANES + 1);

    td_lanes_open (&options);
    open_ride (crews);
    td_lanes_run ();
    g_assert_cmpuint (td_limit_in_use (ride.limit), ==, 0);
    g_assert_cmpuint (td_limit_queued (ride.limit), ==, 0);
    for (unsigned i = 0; i < TD_N_CLASSES; i++) {
        g_assert_cmpuint (ride.units[i], ==, 0);
    }
    g_assert_cmpuint (atomic_load (&ride.n_granted), >, N_MOVES / 100);
    g_assert_cmpuint (atomic_load (&ride.n_queued), >, N_MOVES / 100);
    g_assert_cmpuint (atomic_load (&ride.n_full), >, N_MOVES / 100);
    td_limit_retire (ride.limit);
    td_lanes_close ();
    pthread_mutex_destroy (&ride.lock);
    pthread_rwlock_destroy (&ride.moving);
}

/* --- A limit that is made anew while it is in use ---------------------------------------- */

/* Runners take a seat on one lane and give it back on another; control puts one generation of the
 * limit in the place of the other, beside it or after it. */
enum { N_RUNNERS = 8, N_LEGS = 2000, N_PLACES = 3 };

typedef struct {
    TdPost post;
    TdSeat seat;
    unsigned n_legs; /* to go */
} Runner;

static struct {
    _Atomic (TdLimit *) limit; /* NULL: between two generations */
    TdLimit *old;
    atomic_uint n_in, n_busy;
    unsigned n_generations;
    bool is_alone; /* the old generation goes before the new one comes */
} relay;

static void
run_on (TdPost *post)
{
    td_lane_post (td_lane_current (), post);
}

static void runner_runs (TdPost *post);

static void
give_elsewhere (TdPost *post)
{
    Runner *runner = (Runner *) ((char *) post - offsetof (Runner, post));

    atomic_fetch_sub (&relay.n_in, 1);
    td_seat_raise (&runner->seat, 9);
    td_seat_give (&runner->seat);
    runner->post.run = runner_runs;
    run_on (post);
}

static void
runner_granted (TdSeat *seat)
{
    Runner *runner = (Runner *) ((char *) seat - offsetof (Runner, seat));
    unsigned here = td_lane_index (td_lane_current ());

    /* Were a generation not to know the seats of the one before, there would be more. */
    g_assert_cmpuint (atomic_fetch_add (&relay.n_in, 1), <, N_PLACES);
    runner->n_legs--;
    runner->post.run = give_elsewhere;
    td_lane_post (td_lane_at ((here + 1) % td_lane_count ()), &runner->post);
}

static void
runner_refused (TdSeat *seat)
{
    run_on (&((Runner *) ((char *) seat - offsetof (Runner, seat)))->post);
}

static void
runner_runs (TdPost *post)
{
    Runner *runner = (Runner *) post;
    TdLimit *limit = atomic_load (&relay.limit);

    if (runner->n_legs == 0) {
        if (atomic_fetch_sub (&relay.n_busy, 1) == 1) {
            td_lanes_quit ();
        }
        return;
    }
    switch (limit != NULL ? td_seat_take (&runner->seat, limit, 3, true) : TD_SEAT_FULL) {
    case TD_SEAT_GRANTED:
        runner_granted (&runner->seat);
        break;
    case TD_SEAT_QUEUED:
        break;
    case TD_SEAT_FULL:
        run_on (post);
    }
}

static TdLimit *
next_generation (void)
{
    relay.n_generations++;
    return td_limit_new (NULL, "relay", N_PLACES, N_RUNNERS);
}

/* No lane is about to take a seat of the old generation any more. */
static void
end_change (void *data)
{
    td_limit_retire (relay.old);
    if (relay.is_alone) {
        atomic_store (&relay.limit, next_generation ());
    }
    if (atomic_load (&relay.n_busy) > 0) {
        td_lane_post (td_lane_control (), data);
    }
}

static void
begin_change (TdPost *post)
{
    relay.is_alone = !relay.is_alone;
    relay.old = atomic_exchange (&relay.limit, relay.is_alone ? NULL : next_generation ());
    td_lane_sweep (NULL, NULL, end_change, NULL, post);
}

static void
test_generations_share_their_seats (void)
{
    TdLanesOptions options = { .n_lanes = 2 };
    TdPost change = { NULL, begin_change, stay_away, NULL };
    g_autofree Runner *runners = g_new0 (Runner, N_RUNNERS);

    td_lanes_open (&options);
    atomic_store (&relay.limit, next_generation ());
    atomic_store (&relay.n_busy, N_RUNNERS);
    for (unsigned i = 0; i < N_RUNNERS; i++) {
        runners[i] = (Runner){ .post = { NULL, runner_runs, stay_away, NULL },
                               .seat = { .granted = runner_granted, .refused = runner_refused },
                               .n_legs = N_LEGS };
        td_lane_post (td_lane_at (i % 2), &runners[i].post);
    }
    td_lane_post (td_lane_control (), &change);
    td_lanes_run ();
    g_assert_cmpuint (atomic_load (&relay.n_in), ==, 0);
    g_assert_cmpuint (relay.n_generations, >, 10);
    td_lanes_close ();
    td_owner_revoke_all (&td_owner_core, NULL, NULL); /* a change may have been under way */
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/call/resource/" path, function)
    ADD ("real-lanes-lose-no-seat", test_real_lanes_lose_no_seat);
    ADD ("ROU-003-no-class-is-seated-above-its-ceiling", test_no_class_is_seated_above_its_ceiling);
    ADD ("ROU-002-generations-share-their-seats", test_generations_share_their_seats);
    return g_test_run ();
}
