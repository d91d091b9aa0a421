/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits: nobody gets more than the rule allows, nobody jumps the queue, no seat is lost. */

#include "run/lane.h"

#include <tandem/resource.h>

#include <string.h>

/* A seat that writes down what befalls it. */
typedef struct {
    TdSeat seat;
    char name;
    GString *news;
} Waiter;

typedef struct {
    TdOwner module;
    TdLimit *limit;
    GString *news; /* "a+": a was granted, "a-": refused */
    Waiter waiters[26];
} Fixture;

static void
granted (TdSeat *seat)
{
    Waiter *waiter = (Waiter *) seat;

    g_assert_true (td_lane_current () == td_lane_at (0));
    g_string_append_printf (waiter->news, "%c+", waiter->name);
}

static void
refused (TdSeat *seat)
{
    Waiter *waiter = (Waiter *) seat;

    g_assert_true (td_lane_current () == td_lane_at (0));
    g_string_append_printf (waiter->news, "%c-", waiter->name);
}

static void
fixture_open (Fixture *fixture, unsigned capacity, unsigned queue_length)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = 1 };

    memset (fixture, 0, sizeof *fixture);
    td_lanes_open (&options);
    td_owner_init (&fixture->module, "guest");
    fixture->news = g_string_new (NULL);
    fixture->limit =
        td_limit_new ((TdModule *) &fixture->module, "trunk a", capacity, queue_length);
    for (unsigned i = 0; i < G_N_ELEMENTS (fixture->waiters); i++) {
        fixture->waiters[i] = (Waiter){ .seat = { .owner = (TdModule *) &fixture->module,
                                                  .granted = granted,
                                                  .refused = refused,
                                                  .holder = i + 1 },
                                        .name = (char) ('a' + i),
                                        .news = fixture->news };
    }
}

/* Every seat must have been given back. */
static void
fixture_close (Fixture *fixture)
{
    g_assert_cmpuint (td_limit_in_use (fixture->limit), ==, 0);
    g_assert_cmpuint (td_limit_queued (fixture->limit), ==, 0);
    td_limit_retire (fixture->limit);
    td_lanes_settle ();
    g_assert_cmpuint (td_owner_count (&fixture->module), ==, 0);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_owner_clear (&fixture->module);
    g_string_free (fixture->news, TRUE);
    td_lanes_close ();
}

typedef struct {
    Fixture *fixture;
    const char *script;
    TdSeatResult last;
} Play;

static Waiter *
waiter_of (Fixture *fixture, char name)
{
    return &fixture->waiters[name - 'a'];
}

/* "a5" takes a seat of class 5 for a and may queue, "a:" gives it back, "a^9" raises to 9. */
static void
play_on_lane (void *data)
{
    Play *play = data;

    for (const char *c = play->script; *c != '\0'; c++) {
        TdSeat *seat = &waiter_of (play->fixture, *c++)->seat;
        if (*c == ':') {
            td_seat_give (seat);
        } else if (*c == '^') {
            td_seat_raise (seat, (unsigned) g_ascii_xdigit_value (*++c));
        } else {
            play->last = td_seat_take (seat, play->fixture->limit,
                                       (unsigned) g_ascii_xdigit_value (*c), true);
        }
    }
}

/* Plays SCRIPT on lane 0 and returns how its last take ended. */
static TdSeatResult
play (Fixture *fixture, const char *script)
{
    Play now = { fixture, script, TD_SEAT_FULL };

    td_lanes_on (td_lane_at (0), play_on_lane, &now);
    return now.last;
}

static void
assert_news (Fixture *fixture, const char *news)
{
    td_lanes_settle ();
    g_assert_cmpstr (fixture->news->str, ==, news);
    g_string_truncate (fixture->news, 0);
}

static void
test_reserved_seats_are_for_higher_classes (void)
{
    Fixture fixture;

    fixture_open (&fixture, 4, 0);
    td_limit_reserve (fixture.limit, 8, 1);
    td_limit_reserve (fixture.limit, 15, 1);
    g_assert_cmpint (play (&fixture, "a0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "b7"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "c7"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "c8"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "de"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "df"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "ef"), ==, TD_SEAT_FULL);
    g_assert_cmpuint (td_limit_in_use (fixture.limit), ==, 4);
    play (&fixture, "a:b:c:d:e:");
    fixture_close (&fixture);
}

static void
test_reserving_more_than_there_is (void)
{
    Fixture fixture;

    fixture_open (&fixture, 2, 0);
    td_limit_reserve (fixture.limit, 15, UINT32_MAX);
    td_limit_reserve (fixture.limit, 14, UINT32_MAX);
    g_assert_cmpint (play (&fixture, "a0"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "ad"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "af"), ==, TD_SEAT_GRANTED);
    play (&fixture, "a:");
    fixture_close (&fixture);
}

static void
test_queue_is_by_class_then_arrival (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 10);
    g_assert_cmpint (play (&fixture, "a0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "b0c5d0ef"), ==, TD_SEAT_QUEUED);
    g_assert_cmpint (play (&fixture, "f5"), ==, TD_SEAT_QUEUED);
    g_assert_cmpuint (td_limit_queued (fixture.limit), ==, 5);
    play (&fixture, "a:");
    assert_news (&fixture, "e+");
    td_limit_set_capacity (fixture.limit, 4);
    assert_news (&fixture, "c+f+b+");
    play (&fixture, "e:");
    assert_news (&fixture, "d+");
    play (&fixture, "b:c:d:f:");
    fixture_close (&fixture);
}

static void
test_raised_waiter_keeps_its_arrival (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 10);
    play (&fixture, "a0b0c5d0e5b^5d^3d^1");
    play (&fixture, "a:");
    assert_news (&fixture, "b+");
    play (&fixture, "b:");
    assert_news (&fixture, "c+");
    play (&fixture, "c:e:");
    assert_news (&fixture, "d+");
    play (&fixture, "d:");
    fixture_close (&fixture);
}

static void
test_raised_waiter_may_use_what_is_reserved (void)
{
    Fixture fixture;

    fixture_open (&fixture, 2, 10);
    td_limit_reserve (fixture.limit, 8, 1);
    play (&fixture, "a0b0b^7");
    assert_news (&fixture, "");
    play (&fixture, "b^8");
    assert_news (&fixture, "b+");
    play (&fixture, "a:b:");
    fixture_close (&fixture);
}

static void
test_full_queue_makes_room_for_higher_class (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 3);
    play (&fixture, "a0b2c1d1");
    g_assert_cmpint (play (&fixture, "e1"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "e3"), ==, TD_SEAT_QUEUED);
    assert_news (&fixture, "d-");
    g_assert_cmpint (play (&fixture, "d2"), ==, TD_SEAT_QUEUED);
    assert_news (&fixture, "c-");
    g_assert_cmpuint (td_limit_queued (fixture.limit), ==, 3);
    play (&fixture, "a:");
    assert_news (&fixture, "e+");
    play (&fixture, "b:c:d:e:");
    fixture_close (&fixture);
}

static void
test_waiter_that_leaves_is_not_called (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 10);
    play (&fixture, "a0b0c0b:a:");
    assert_news (&fixture, "c+");
    play (&fixture, "c:b:");
    fixture_close (&fixture);
}

/* B gives up while the grant is under way to it: the seat goes to C. */
static void
test_seat_given_before_its_grant_arrives (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 10);
    play (&fixture, "a0b0c0a:b:");
    memset (&waiter_of (&fixture, 'b')->seat, 0xff, sizeof (TdSeat)); /* it may be freed, too */
    assert_news (&fixture, "c+");
    play (&fixture, "c:");
    fixture_close (&fixture);
}

static void
test_seat_taken_anew_while_the_old_grant_is_under_way (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 10);
    play (&fixture, "a0b0a:b:c0b0");
    assert_news (&fixture, "");
    play (&fixture, "c:");
    assert_news (&fixture, "b+");
    play (&fixture, "b:");
    fixture_close (&fixture);
}

static void
test_grant_to_a_stopped_module_gives_the_seat_back (void)
{
    Fixture fixture;
    TdOwner other;

    fixture_open (&fixture, 1, 10);
    td_owner_init (&other, "gone");
    waiter_of (&fixture, 'b')->seat.owner = (TdModule *) &other;
    play (&fixture, "a0b0c0");
    g_assert_cmpuint (td_owner_uses (&other), ==, 1);
    atomic_store (&other.is_stopped, true);
    play (&fixture, "a:");
    assert_news (&fixture, "c+");
    g_assert_cmpuint (td_owner_uses (&other), ==, 0);
    play (&fixture, "b:c:");
    td_owner_clear (&other);
    fixture_close (&fixture);
}

static void
test_retired_limit_refuses_and_lives_for_its_seats (void)
{
    Fixture fixture;

    fixture_open (&fixture, 1, 10);
    TdLimit *old = fixture.limit;
    play (&fixture, "a0b0c1");
    td_owner_revoke_all (&fixture.module, NULL, NULL);
    fixture.limit = td_limit_new ((TdModule *) &fixture.module, "trunk b", 1, 0);
    assert_news (&fixture, "c-b-");
    td_limit_set_capacity (old, 100);
    g_assert_cmpuint (td_limit_in_use (old), ==, 1);
    play (&fixture, "a:b:c:"); /* frees it, as the sanitizers see */
    fixture_close (&fixture);
}

static void
test_retired_limit_gives_no_seat (void)
{
    Fixture fixture;

    fixture_open (&fixture, 2, 10);
    play (&fixture, "a0");
    TdLimit *old = fixture.limit;
    td_limit_retire (old);
    g_assert_cmpint (play (&fixture, "bf"), ==, TD_SEAT_FULL);
    fixture.limit = td_limit_new (NULL, "trunk b", 1, 0);
    play (&fixture, "a:");
    fixture_close (&fixture);
}

static void
test_smaller_capacity_takes_no_seat_away (void)
{
    Fixture fixture;

    fixture_open (&fixture, 3, 1);
    play (&fixture, "a0b0c0");
    td_limit_set_capacity (fixture.limit, 1);
    g_assert_cmpuint (td_limit_capacity (fixture.limit), ==, 1);
    g_assert_cmpuint (td_limit_in_use (fixture.limit), ==, 3);
    play (&fixture, "dfa:b:");
    assert_news (&fixture, "");
    play (&fixture, "c:");
    assert_news (&fixture, "d+");
    play (&fixture, "d:");
    fixture_close (&fixture);
}

/* The waiters' weights, "a2b5"; all others weigh nothing, which is one. */
static void
weigh (Fixture *fixture, const char *weights)
{
    for (const char *c = weights; *c != '\0'; c += 2) {
        waiter_of (fixture, c[0])->seat.weight = (unsigned) (c[1] - '0');
    }
}

static void
test_seats_are_counted_by_weight (void)
{
    Fixture fixture;

    fixture_open (&fixture, 10, 0);
    weigh (&fixture, "a4b5c2d1");
    td_limit_reserve (fixture.limit, 8, 1);
    g_assert_cmpint (play (&fixture, "a0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "b0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpuint (td_limit_in_use (fixture.limit), ==, 9);
    g_assert_cmpint (play (&fixture, "d0"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "c8"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "d8"), ==, TD_SEAT_GRANTED);
    weigh (&fixture, "a1"); /* what it took counts */
    play (&fixture, "a:");
    g_assert_cmpuint (td_limit_in_use (fixture.limit), ==, 6);
    play (&fixture, "b:d:");
    fixture_close (&fixture);
}

static void
test_light_seats_do_not_starve_a_heavy_one (void)
{
    Fixture fixture;

    fixture_open (&fixture, 6, 10);
    weigh (&fixture, "a2b2c5d2");
    play (&fixture, "a0b0");
    g_assert_cmpint (play (&fixture, "c0"), ==, TD_SEAT_QUEUED);
    g_assert_cmpint (play (&fixture, "d0"), ==, TD_SEAT_QUEUED);
    g_assert_cmpint (play (&fixture, "e1"), ==, TD_SEAT_GRANTED); /* but a higher class */
    play (&fixture, "a:");
    assert_news (&fixture, "");
    play (&fixture, "b:");
    assert_news (&fixture, "c+");
    play (&fixture, "c:");
    assert_news (&fixture, "d+");
    play (&fixture, "d:e:");
    fixture_close (&fixture);
}

static void
test_heavy_waiter_that_leaves_lets_light_ones_in (void)
{
    Fixture fixture;

    fixture_open (&fixture, 6, 10);
    weigh (&fixture, "a4c3");
    play (&fixture, "a0c0d0c:");
    assert_news (&fixture, "d+");
    play (&fixture, "a:d:");
    fixture_close (&fixture);
}

static void
test_seat_that_would_never_fit_is_refused (void)
{
    Fixture fixture;

    fixture_open (&fixture, 6, 10);
    weigh (&fixture, "a6b7c4d3");
    g_assert_cmpint (play (&fixture, "b0"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "a0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "c0d0"), ==, TD_SEAT_QUEUED);
    td_limit_set_capacity (fixture.limit, 3);
    assert_news (&fixture, "c-");
    td_limit_set_capacity (fixture.limit,
                           0); /* nobody gets a seat now: it waits for better times */
    assert_news (&fixture, "");
    g_assert_cmpint (play (&fixture, "b0"), ==, TD_SEAT_QUEUED);
    play (&fixture, "a:");
    td_limit_set_capacity (fixture.limit, 6);
    assert_news (&fixture, "b-d+");
    play (&fixture, "d:");
    fixture_close (&fixture);
}

static void
test_weights_near_the_largest_number (void)
{
    Fixture fixture;

    fixture_open (&fixture, UINT_MAX, 0);
    waiter_of (&fixture, 'a')->seat.weight = UINT_MAX - 1;
    waiter_of (&fixture, 'b')->seat.weight = UINT_MAX;
    g_assert_cmpint (play (&fixture, "a0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "b0"), ==, TD_SEAT_FULL);
    g_assert_cmpint (play (&fixture, "c0"), ==, TD_SEAT_GRANTED);
    g_assert_cmpint (play (&fixture, "d0"), ==, TD_SEAT_FULL);
    play (&fixture, "a:c:");
    fixture_close (&fixture);
}

static void
raise_and_give (void *data)
{
    td_seat_raise (data, 15);
    td_seat_give (data);
}

static void
test_held_seat_is_given_back_from_another_lane (void)
{
    Fixture fixture;

    fixture_open (&fixture, 2, 10);
    play (&fixture, "a0b0c0d0a:");
    assert_news (&fixture, "c+");
    td_lanes_on (td_lane_at (1), raise_and_give, &waiter_of (&fixture, 'b')->seat);
    assert_news (&fixture, "d+");
    td_lanes_on (td_lane_at (1), raise_and_give, &waiter_of (&fixture, 'c')->seat);
    g_assert_cmpuint (td_limit_in_use (fixture.limit), ==, 1);
    play (&fixture, "d:");
    fixture_close (&fixture);
}

typedef struct {
    Fixture *fixture;
    GString *seen;
    const char *give_after_first;
    unsigned max;
} Reader;

static bool
see (TdId holder, unsigned seat_class, void *data)
{
    Reader *reader = data;

    g_string_append_printf (reader->seen, "%c%x", (int) ('a' + holder - 1), seat_class);
    if (reader->give_after_first != NULL) {
        play (reader->fixture, reader->give_after_first);
        reader->give_after_first = NULL;
    }
    return --reader->max > 0;
}

static void
test_holders_are_told_oldest_first (void)
{
    Fixture fixture;
    g_autoptr (GString) seen = g_string_new (NULL);
    Reader reader = { &fixture, seen, NULL, 100 };

    fixture_open (&fixture, 3, 10);
    play (&fixture, "c0a5b0d0a:c^f");
    td_limit_holders (fixture.limit, see, &reader);
    g_assert_cmpstr (seen->str, ==, "cfb0d0");
    g_string_truncate (seen, 0);
    reader.max = 2;
    td_limit_holders (fixture.limit, see, &reader);
    g_assert_cmpstr (seen->str, ==, "cfb0");
    play (&fixture, "b:c:d:");
    fixture_close (&fixture);
}

enum { MANY = 1000 };

typedef struct {
    TdLimit *limit;
    TdSeat *seats;
    TdId last;
    unsigned n_seen;
} Crowd;

static void
take_many (void *data)
{
    Crowd *crowd = data;

    for (unsigned i = 0; i < MANY; i++) {
        crowd->seats[i].holder = i + 1;
        g_assert_cmpint (td_seat_take (&crowd->seats[i], crowd->limit, 0, false), ==,
                         TD_SEAT_GRANTED);
    }
}

/* Gives the seat itself and the next but one back, so that the list changes under the reader. */
static bool
see_and_give (TdId holder, unsigned seat_class, void *data)
{
    Crowd *crowd = data;

    g_assert_cmpuint (holder, >, crowd->last);
    crowd->last = holder;
    crowd->n_seen++;
    td_seat_give (&crowd->seats[holder - 1]);
    td_seat_give (&crowd->seats[MIN (holder + 200, MANY - 1)]);
    return true;
}

static void
test_holders_may_change_while_they_are_told (void)
{
    Fixture fixture;
    g_autofree TdSeat *seats = g_new0 (TdSeat, MANY);

    fixture_open (&fixture, MANY, 0);
    Crowd crowd = { fixture.limit, seats, 0, 0 };
    td_lanes_on (td_lane_at (0), take_many, &crowd);
    td_limit_holders (fixture.limit, see_and_give, &crowd);
    g_assert_cmpuint (crowd.n_seen, >=, MANY / 2);
    g_assert_cmpuint (crowd.n_seen, <, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        td_seat_give (&seats[i]);
    }
    fixture_close (&fixture);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function) g_test_add_func ("/call/resource/" path, function)
    ADD ("reserved-seats-are-for-higher-classes", test_reserved_seats_are_for_higher_classes);
    ADD ("reserving-more-than-there-is", test_reserving_more_than_there_is);
    ADD ("queue-is-by-class-then-arrival", test_queue_is_by_class_then_arrival);
    ADD ("raised-waiter-keeps-its-arrival", test_raised_waiter_keeps_its_arrival);
    ADD ("raised-waiter-may-use-what-is-reserved", test_raised_waiter_may_use_what_is_reserved);
    ADD ("full-queue-makes-room-for-higher-class", test_full_queue_makes_room_for_higher_class);
    ADD ("waiter-that-leaves-is-not-called", test_waiter_that_leaves_is_not_called);
    ADD ("seat-given-before-its-grant-arrives", test_seat_given_before_its_grant_arrives);
    ADD ("seat-taken-anew-while-the-old-grant-is-under-way",
         test_seat_taken_anew_while_the_old_grant_is_under_way);
    ADD ("grant-to-a-stopped-module-gives-the-seat-back",
         test_grant_to_a_stopped_module_gives_the_seat_back);
    ADD ("retired-limit-refuses-and-lives-for-its-seats",
         test_retired_limit_refuses_and_lives_for_its_seats);
    ADD ("retired-limit-gives-no-seat", test_retired_limit_gives_no_seat);
    ADD ("smaller-capacity-takes-no-seat-away", test_smaller_capacity_takes_no_seat_away);
    ADD ("held-seat-is-given-back-from-another-lane",
         test_held_seat_is_given_back_from_another_lane);
    ADD ("ROU-002-seats-are-counted-by-weight", test_seats_are_counted_by_weight);
    ADD ("ROU-002-light-seats-do-not-starve-a-heavy-one",
         test_light_seats_do_not_starve_a_heavy_one);
    ADD ("ROU-002-heavy-waiter-that-leaves-lets-light-ones-in",
         test_heavy_waiter_that_leaves_lets_light_ones_in);
    ADD ("ROU-002-seat-that-would-never-fit-is-refused", test_seat_that_would_never_fit_is_refused);
    ADD ("ROU-002-weights-near-the-largest-number", test_weights_near_the_largest_number);
    ADD ("holders-are-told-oldest-first", test_holders_are_told_oldest_first);
    ADD ("holders-may-change-while-they-are-told", test_holders_may_change_while_they_are_told);
#undef ADD
    return g_test_run ();
}
