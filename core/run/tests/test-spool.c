/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A spool keeps facts until they are taken, says what it loses, and ends with all stored. */

#include "spool-guest.h"

#include <stdatomic.h>

static void
test_taken_in_order (Fixture *fixture, gconstpointer data)
{
    publish (1, 3);
    assert_taken ("[1 2 3 ]");
    publish (4, 4);
    assert_taken ("[4 ]");
    g_assert_cmpint (WAITING (), ==, 0);
}

/* To wake a worker for each costs as much as for all. */
static void
test_taken_together (Fixture *fixture, gconstpointer data)
{
    tell (1, 1);
    assert_taken ("[1 ]");
    tell (2, 2);
    tell (3, 4);
    assert_taken ("");
    td_lanes_advance (REST_MS);
    assert_taken ("[2 3 4 ]");
    tell (5, 5);
    td_spool_close (g_steal_pointer (&fixture->spool));
    td_lanes_settle ();
    assert_taken ("[5 ]");
}

/* An upgrade: the newer build hears before the older one has stopped. */
static void
test_next_build_stores_nothing_twice (Fixture *fixture, gconstpointer data)
{
    Fixture next = { .taken = g_string_new (NULL) };

    td_owner_init (&next.module, "guest");
    publish (1, 2);
    open_spool (&next, 1024 * 1024);
    publish (3, 4);
    td_spool_close (g_steal_pointer (&fixture->spool));
    publish (5, 6);
    assert_taken ("[1 2 ][3 4 ]");
    g_assert_cmpstr (next.taken->str, ==, "[5 6 ]");
    stop (&next);
    clear (&next);
}

/* What the older build has no room for, the newer one keeps. */
static void
test_next_build_keeps_what_the_other_cannot (Fixture *fixture, gconstpointer data)
{
    Fixture next = { .taken = g_string_new (NULL) };

    td_spool_close (g_steal_pointer (&fixture->spool));
    open_spool (fixture, 1);
    td_owner_init (&next.module, "guest");
    open_spool (&next, 1024 * 1024);
    publish (1, 2);
    assert_taken ("");
    g_assert_cmpstr (next.taken->str, ==, "[1 2 ]");
    stop (&next);
    clear (&next);
}

static void
test_large_batches_are_cut (Fixture *fixture, gconstpointer data)
{
    fixture->is_broken = true;
    publish (1, 1500);
    fixture->is_broken = false;
    g_string_truncate (fixture->taken, 0);
    td_lanes_advance (1000);
    g_auto (GStrv) batches = g_strsplit (fixture->taken->str, "]", -1);
    g_assert_true (g_str_has_prefix (batches[0], "[1 2 3 "));
    g_assert_true (g_str_has_suffix (batches[0], " 1024 "));
    g_assert_true (g_str_has_prefix (batches[1], "[1025 "));
    g_assert_true (g_str_has_suffix (batches[1], " 1500 "));
    g_assert_cmpstr (batches[2], ==, "");
}

static void
test_failure_is_tried_again (Fixture *fixture, gconstpointer data)
{
    fixture->is_broken = true;
    publish (1, 2);
    assert_taken ("!");
    publish (3, 3);
    assert_taken ("");
    g_assert_cmpint (FAILING (), ==, 1);
    g_assert_cmpint (WAITING (), ==, 3);
    td_lanes_advance (1000);
    assert_taken ("!");
    fixture->is_broken = false;
    td_lanes_advance (1000);
    assert_taken ("[1 2 ][3 ]");
    g_assert_cmpint (FAILING (), ==, 0);
    g_assert_cmpint (WAITING (), ==, 0);
    g_assert_cmpint (LOST (), ==, 0);
}

static void
test_what_does_not_fit_is_counted (Fixture *fixture, gconstpointer data)
{
    int64_t lost_before = LOST ();

    td_spool_close (fixture->spool);
    td_lanes_settle ();
    fixture->n_ends = 0;
    /* Each takes the same: the head, the body, the text, the node. */
    open_spool (fixture,
                3 * (((sizeof (TdFact) + 15) & ~15u) + sizeof (Body) + 10 + sizeof "exchange-1"));
    fixture->is_broken = true;
    publish (1, 5);
    g_assert_cmpint (LOST () - lost_before, ==, 2);
    fixture->is_broken = false;
    g_string_truncate (fixture->taken, 0);
    td_lanes_advance (1000);
    assert_taken ("[1 2 3 ]");
    publish (6, 8);
    assert_taken ("[6 7 8 ]");
    g_assert_cmpint (LOST () - lost_before, ==, 2);
}

static void
test_called_again_without_facts (Fixture *fixture, gconstpointer data)
{
    fixture->again_ms = 100;
    publish (1, 1);
    assert_taken ("[1 ]");
    td_lanes_advance (99 - REST_MS);
    assert_taken ("");
    fixture->again_ms = 0;
    td_lanes_advance (2);
    assert_taken ("[]");
    td_lanes_advance (1000);
    assert_taken ("");
}

static void
test_configured (Fixture *fixture, gconstpointer data)
{
    publish (1, 1);
    td_spool_configure (fixture->spool, g_strdup ("elsewhere"));
    td_lanes_settle ();
    publish (2, 2);
    assert_taken ("[1 ]{elsewhere}[][2 ]");
}

static void
test_configured_while_failing (Fixture *fixture, gconstpointer data)
{
    fixture->is_broken = true;
    publish (1, 1);
    fixture->is_broken = false;
    td_spool_configure (fixture->spool, g_strdup ("elsewhere"));
    td_lanes_settle ();
    assert_taken ("!{elsewhere}[1 ]");
}

/* While the worker is busy only the newest settings are kept; the others are freed. */
static void
test_last_settings_count (Fixture *fixture, gconstpointer data)
{
    for (unsigned i = 1; i <= 3; i++) {
        td_spool_configure (fixture->spool, g_strdup_printf ("%u", i));
    }
    td_lanes_settle ();
    assert_taken ("{1}[]{3}[]");
}

static void
close_now (void *data)
{
    Fixture *fixture = data;

    do_publish (&(Range){ 1, 3 });
    td_spool_close (g_steal_pointer (&fixture->spool));
    do_publish (&(Range){ 4, 4 });
    g_assert_cmpuint (td_owner_uses (&fixture->module), >, 0);
}

static void
test_close_in_full_work (Fixture *fixture, gconstpointer data)
{
    td_lanes_on (td_lane_control (), close_now, fixture);
    td_lanes_settle ();
    assert_taken ("[1 2 3 ]");
    g_assert_cmpuint (fixture->n_ends, ==, 1);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
}

static void
test_close_tries_again (Fixture *fixture, gconstpointer data)
{
    fixture->is_broken = true;
    publish (1, 2);
    td_spool_close (g_steal_pointer (&fixture->spool));
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_ends, ==, 0);
    fixture->is_broken = false;
    g_string_truncate (fixture->taken, 0);
    td_lanes_advance (250);
    assert_taken ("[1 2 ]");
    g_assert_cmpuint (fixture->n_ends, ==, 1);
}

static void
test_close_gives_up (Fixture *fixture, gconstpointer data)
{
    int64_t lost_before = LOST ();

    fixture->is_broken = true;
    publish (1, 2);
    td_spool_close (g_steal_pointer (&fixture->spool));
    td_lanes_advance (2900);
    g_assert_cmpuint (fixture->n_ends, ==, 0);
    g_assert_cmpint (LOST () - lost_before, ==, 0);
    td_lanes_advance (500);
    g_assert_cmpuint (fixture->n_ends, ==, 1);
    g_assert_cmpint (LOST () - lost_before, ==, 2);
    g_assert_cmpint (WAITING (), ==, 0);
    g_assert_cmpint (FAILING (), ==, 0);
}

static void
test_not_closed (Fixture *fixture, gconstpointer data)
{
    int64_t lost_before = LOST ();

    fixture->is_broken = true;
    publish (1, 2);
    fixture->spool = NULL;
    g_assert_cmpuint (td_owner_revoke_all (&fixture->module, NULL, NULL), ==, 1);
    td_lanes_settle ();
    g_assert_cmpint (LOST () - lost_before, ==, 2);
}

/* --- On real threads --------------------------------------------------------------------- */

enum { N_LANES = 3, N_FACTS = 2000, PER_TURN = 50, CLOSE_AFTER = 1000, POLL_MS = 1 };

/* A lane that publishes. */
typedef struct {
    TdPost post; /* first */
    struct Crowd *crowd;
    unsigned lane, n_published;
} Runner;

typedef struct Crowd {
    TdOwner module;
    TdSpool *spool;
    Runner runners[N_LANES];
    TdPost close;
    TdTimer poll;
    atomic_uint n_finished;
    unsigned n_taken[N_LANES];
    unsigned n_ends;
} Crowd;

static bool
take_in_order (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
               GError **error)
{
    Crowd *crowd = data;

    for (unsigned i = 0; i < n_facts; i++) {
        const Body *body = facts[i]->body;
        unsigned lane = body->number / N_FACTS;
        g_assert_cmpuint (body->number % N_FACTS, ==, crowd->n_taken[lane]++);
    }
    return true;
}

static void
end_crowd (void *data)
{
    ((Crowd *) data)->n_ends++;
}

static void
publish_some (TdPost *post)
{
    Runner *runner = (Runner *) post;
    unsigned first = runner->lane * N_FACTS + runner->n_published;

    do_publish (&(Range){ first, first + PER_TURN - 1 });
    runner->n_published += PER_TURN;
    if (runner->lane == 0 && runner->n_published == CLOSE_AFTER) {
        td_lane_post (td_lane_control (), &runner->crowd->close);
    }
    if (runner->n_published < N_FACTS) {
        td_lane_post (td_lane_current (), post);
    } else {
        atomic_fetch_add (&runner->crowd->n_finished, 1);
    }
}

static void
close_crowd (TdPost *post)
{
    Crowd *crowd = (Crowd *) ((char *) post - offsetof (Crowd, close));

    td_spool_close (g_steal_pointer (&crowd->spool));
}

static void
quit_when_over (TdTimer *timer)
{
    Crowd *crowd = (Crowd *) ((char *) timer - offsetof (Crowd, poll));

    if (crowd->spool == NULL && td_owner_uses (&crowd->module) == 0
        && atomic_load (&crowd->n_finished) == N_LANES) {
        td_lanes_quit ();
    } else {
        td_timer_start (timer, POLL_MS);
    }
}

static void
test_closed_while_lanes_publish (void)
{
    g_autofree Crowd *crowd = g_new0 (Crowd, 1);

    td_lanes_open (&(TdLanesOptions){ .n_lanes = N_LANES });
    td_bus_open ("exchange-1", 3);
    declare ();
    td_owner_init (&crowd->module, "crowd");
    crowd->close = (TdPost){ .run = close_crowd, .drop = close_crowd };
    crowd->spool = td_spool_open ((TdModule *) &crowd->module, TD_LIST ("test.*"),
                                  &(TdSpoolDecl){ .size = sizeof (TdSpoolDecl),
                                                  .name = "store",
                                                  .capacity_bytes = 64 * 1024 * 1024,
                                                  .retry_ms = 1000,
                                                  .take = take_in_order,
                                                  .end = end_crowd,
                                                  .data = crowd });
    for (unsigned i = 0; i < N_LANES; i++) {
        crowd->runners[i] = (Runner){ { .run = publish_some, .drop = publish_some }, crowd, i, 0 };
        td_lane_post (td_lane_at (i), &crowd->runners[i].post);
    }
    td_timer_init (&crowd->poll, NULL, quit_when_over);
    td_timer_start (&crowd->poll, POLL_MS);
    td_lanes_run ();
    g_assert_cmpuint (crowd->n_ends, ==, 1);
    g_assert_cmpuint (crowd->n_taken[0], >=, CLOSE_AFTER);
    td_owner_revoke_all (&crowd->module, NULL, NULL);
    td_lanes_close ();
    td_bus_close ();
    td_owner_clear (&crowd->module);
}

#define ADD(path, test) g_test_add ("/spool/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("taken-in-order", test_taken_in_order);
    ADD ("taken-together", test_taken_together);
    ADD ("next-build/nothing-twice", test_next_build_stores_nothing_twice);
    ADD ("next-build/what-the-other-cannot", test_next_build_keeps_what_the_other_cannot);
    ADD ("large-batches-are-cut", test_large_batches_are_cut);
    ADD ("failure-is-tried-again", test_failure_is_tried_again);
    ADD ("what-does-not-fit-is-counted", test_what_does_not_fit_is_counted);
    ADD ("called-again", test_called_again_without_facts);
    ADD ("configured", test_configured);
    ADD ("configured-while-failing", test_configured_while_failing);
    ADD ("last-settings-count", test_last_settings_count);
    ADD ("close/in-full-work", test_close_in_full_work);
    ADD ("close/tries-again", test_close_tries_again);
    ADD ("close/gives-up", test_close_gives_up);
    ADD ("close/forgotten", test_not_closed);
    g_test_add_func ("/spool/close/while-lanes-publish", test_closed_while_lanes_publish);
    return g_test_run ();
}
