/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Random moves of many on three lanes, and a plain model of the rules that a limit must agree with at each. */

#include "run/lane.h"

#include <tandem/resource.h>

#include <string.h>

/* The same rules in their plainest form, to compare with. */
typedef enum {
    OUT,
    WAITING,
    IN,
    UNTOLD,   /* IN, but granted() has not been called yet */
    UNWANTED, /* OUT, but refused() has not been called yet */
} Place;

enum { N_GUESTS = 40, N_LANES = 3, N_STEPS = 20000 };

typedef struct {
    TdSeat seat;
    Place place;
    unsigned weight, seat_class, arrival, lane;
} Guest;

static struct {
    TdLimit *limit;
    unsigned capacity, queue_length, reserved[TD_N_CLASSES];
    unsigned n_arrivals;
    Guest guests[N_GUESTS];
    unsigned n_granted, n_refused, n_too_heavy; /* that a random walk came by here at all */
} model;

static unsigned
n_at (Place place)
{
    unsigned n = 0;

    for (unsigned i = 0; i < N_GUESTS; i++) {
        n += model.guests[i].place == place;
    }
    return n;
}

static unsigned
units_in_use (void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < N_GUESTS; i++) {
        const Guest *guest = &model.guests[i];
        n += guest->place == IN || guest->place == UNTOLD ? guest->weight : 0;
    }
    return n;
}

/* What SEAT_CLASS may bring the units in use to. */
static unsigned
ceiling_of (unsigned seat_class)
{
    unsigned n_reserved = 0;

    for (unsigned i = seat_class + 1; i < TD_N_CLASSES; i++) {
        n_reserved += model.reserved[i];
    }
    return model.capacity > n_reserved ? model.capacity - n_reserved : 0;
}

static bool
may_enter (const Guest *guest, unsigned seat_class)
{
    return units_in_use () + guest->weight <= ceiling_of (seat_class);
}

/* It would not fit among nobody, though others do. */
static bool
is_too_heavy (const Guest *guest, unsigned seat_class)
{
    return ceiling_of (seat_class) > 0 && guest->weight > ceiling_of (seat_class);
}

/* The waiter who is before (or, with LAST, behind) all the others. */
static Guest *
end_of_queue (bool is_last)
{
    Guest *found = NULL;

    for (unsigned i = 0; i < N_GUESTS; i++) {
        Guest *guest = &model.guests[i];
        if (guest->place != WAITING) {
            continue;
        }
        bool is_before =
            found == NULL || guest->seat_class > found->seat_class
            || (guest->seat_class == found->seat_class && guest->arrival < found->arrival);
        if (found == NULL || is_before != is_last) {
            found = guest;
        }
    }
    return found;
}

static void
model_serve (void)
{
    Guest *first;

    while ((first = end_of_queue (false)) != NULL && may_enter (first, first->seat_class)) {
        first->place = UNTOLD;
    }
}

/* Capacity or reservations have changed. */
static void
model_settle (void)
{
    for (unsigned i = 0; i < N_GUESTS; i++) {
        Guest *guest = &model.guests[i];
        if (guest->place == WAITING && is_too_heavy (guest, guest->seat_class)) {
            guest->place = UNWANTED;
            model.n_too_heavy++;
        }
    }
    model_serve ();
}

static TdSeatResult
model_take (Guest *guest, unsigned seat_class, bool may_queue)
{
    const Guest *first = end_of_queue (false);

    if (may_enter (guest, seat_class) && (first == NULL || first->seat_class < seat_class)) {
        guest->place = IN;
    } else if (!may_queue || model.queue_length == 0 || is_too_heavy (guest, seat_class)) {
        return TD_SEAT_FULL;
    } else if (n_at (WAITING) >= model.queue_length) {
        Guest *last = end_of_queue (true);
        if (last->seat_class >= seat_class) {
            return TD_SEAT_FULL;
        }
        last->place = UNWANTED;
    }
    guest->seat_class = seat_class;
    guest->arrival = model.n_arrivals++;
    if (guest->place != IN) {
        guest->place = WAITING;
        return TD_SEAT_QUEUED;
    }
    return TD_SEAT_GRANTED;
}

static void
guest_granted (TdSeat *seat)
{
    Guest *guest = (Guest *) seat;

    g_assert_cmpint (guest->place, ==, UNTOLD);
    g_assert_cmpuint (td_lane_index (td_lane_current ()), ==, guest->lane);
    guest->place = IN;
    model.n_granted++;
}

static void
guest_refused (TdSeat *seat)
{
    Guest *guest = (Guest *) seat;

    g_assert_cmpint (guest->place, ==, UNWANTED);
    g_assert_cmpuint (td_lane_index (td_lane_current ()), ==, guest->lane);
    guest->place = OUT;
    model.n_refused++;
}

static void
guest_moves (void *data)
{
    Guest *guest = data;

    if (guest->place == OUT) {
        unsigned seat_class = (unsigned) g_test_rand_int_range (0, TD_N_CLASSES);
        bool may_queue = g_test_rand_int_range (0, 4) > 0;
        guest->seat.weight = (unsigned) g_test_rand_int_range (0, 5);
        guest->weight = MAX (guest->seat.weight, 1);
        TdSeatResult expected = model_take (guest, seat_class, may_queue);
        g_assert_cmpint (td_seat_take (&guest->seat, model.limit, seat_class, may_queue), ==,
                         expected);
    } else if (g_test_rand_int_range (0, 3) == 0) {
        unsigned seat_class = (unsigned) g_test_rand_int_range (0, TD_N_CLASSES);
        guest->seat_class = MAX (guest->seat_class, seat_class);
        if (guest->place == WAITING && is_too_heavy (guest, guest->seat_class)) {
            guest->place = UNWANTED;
        }
        model_serve ();
        td_seat_raise (&guest->seat, seat_class);
    } else {
        guest->place = OUT;
        model_serve ();
        td_seat_give (&guest->seat);
        td_seat_give (&guest->seat);
    }
}

static void
random_move (void)
{
    unsigned seat_class = (unsigned) g_test_rand_int_range (0, TD_N_CLASSES);

    switch (g_test_rand_int_range (0, 20)) {
    case 0:
        model.capacity = (unsigned) g_test_rand_int_range (0, 20);
        td_limit_set_capacity (model.limit, model.capacity);
        model_settle ();
        break;
    case 1:
        model.reserved[seat_class] =
            g_test_rand_int_range (0, 3) > 0 ? 0 : (unsigned) g_test_rand_int_range (0, 5);
        td_limit_reserve (model.limit, seat_class, model.reserved[seat_class]);
        model_settle ();
        break;
    default: {
        Guest *guest = &model.guests[g_test_rand_int_range (0, N_GUESTS)];
        td_lanes_on (td_lane_at (guest->lane), guest_moves, guest);
    }
    }
}

static bool
strike_out (TdId holder, unsigned seat_class, void *data)
{
    const Guest *guest = &model.guests[holder];
    uint64_t *seen = data;

    g_assert_cmpuint (seat_class, ==, guest->seat_class);
    g_assert_true ((*seen & UINT64_C (1) << holder) == 0);
    *seen |= UINT64_C (1) << holder;
    return true;
}

G_STATIC_ASSERT (N_GUESTS <= 64);

static void
check_figures (void)
{
    uint64_t seen = 0;

    td_limit_holders (model.limit, strike_out, &seen);
    for (unsigned i = 0; i < N_GUESTS; i++) {
        const Guest *guest = &model.guests[i];
        g_assert_true ((seen >> i & 1) == (guest->place == IN || guest->place == UNTOLD));
    }
    g_assert_cmpuint (td_limit_in_use (model.limit), ==, units_in_use ());
    g_assert_cmpuint (td_limit_queued (model.limit), ==, n_at (WAITING));
}

/* Random moves agree with the plain model, step by step; the seed is printed by the framework. */
static void
test_random_moves_keep_the_rules (void)
{
    TdLanesOptions options = { .n_lanes = N_LANES, .is_fake = true };
    TdOwner module;

    options.seed = (uint64_t) g_test_rand_int ();
    memset (&model, 0, sizeof model);
    td_lanes_open (&options);
    td_owner_init (&module, "guest");
    model.capacity = 10;
    model.queue_length = 8;
    model.limit = td_limit_new ((TdModule *) &module, "random", 10, 8);
    for (unsigned i = 0; i < N_GUESTS; i++) {
        model.guests[i] = (Guest){ .seat = { .owner = (TdModule *) &module,
                                             .granted = guest_granted,
                                             .refused = guest_refused,
                                             .holder = i },
                                   .lane = i % N_LANES };
    }
    for (unsigned i = 0; i < N_STEPS; i++) {
        random_move ();
        check_figures ();
        for (int n = g_test_rand_int_range (0, 3); n > 0; n--) {
            td_lanes_step ();
        }
    }
    td_lanes_settle ();
    g_assert_cmpuint (n_at (UNTOLD) + n_at (UNWANTED), ==, 0);
    g_assert_cmpuint (model.n_granted, >, 100);
    g_assert_cmpuint (model.n_refused, >, 100);
    g_assert_cmpuint (model.n_too_heavy, >, 10);
    while (n_at (IN) + n_at (WAITING) > 0) {
        for (unsigned i = 0; i < N_GUESTS; i++) {
            model.guests[i].place = OUT;
            td_seat_give (&model.guests[i].seat);
        }
    }
    td_lanes_settle ();
    check_figures ();
    td_limit_retire (model.limit);
    g_assert_cmpuint (td_owner_uses (&module), ==, 0);
    td_owner_clear (&module);
    td_lanes_close ();
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/resource/random-moves-keep-the-rules",
                     test_random_moves_keep_the_rules);
    return g_test_run ();
}
