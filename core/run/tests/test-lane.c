/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Posts, timers and sweeps on fake lanes: what runs where, in which order, and what is dropped. */

#include "base/metric.h"
#include "run/lane.h"

#include <string.h>

enum { N_LANES = 3 };

/* Appends its letter to a text where it runs, "!" before it where it is dropped. */
typedef struct {
    TdPost post;
    TdTimer timer;
    char letter;
    GString *text;
    TdLane *lane;
} Letter;

typedef struct {
    GString *text;
    TdOwner module; /* as the rooms below module/ know it */
} Fixture;

static void
open_lanes (uint64_t seed, unsigned inbox_limit)
{
    TdLanesOptions options = {
        .n_lanes = N_LANES, .is_fake = true, .seed = seed, .inbox_limit = inbox_limit
    };

    td_lanes_open (&options);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
    fixture->text = g_string_new (NULL);
    td_owner_init (&fixture->module, "guest");
    open_lanes (g_test_rand_int (), 2);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
    td_lanes_close ();
    td_owner_clear (&fixture->module);
    g_string_free (fixture->text, TRUE);
}

static void
run_letter (TdPost *post)
{
    Letter *letter = (Letter *) post;

    letter->lane = td_lane_current ();
    g_string_append_c (letter->text, letter->letter);
}

static void
drop_letter (TdPost *post)
{
    g_string_append_c (((Letter *) post)->text, '!');
    run_letter (post);
}

static void
expire_letter (TdTimer *timer)
{
    Letter *letter = (Letter *) ((char *) timer - offsetof (Letter, timer));

    g_assert_false (td_timer_is_active (timer));
    run_letter (&letter->post);
}

static void
write_letter (Letter *letter, Fixture *fixture, TdOwner *owner, char character)
{
    *letter = (Letter){ .letter = character, .text = fixture->text };
    letter->post.owner = (TdModule *) owner;
    letter->post.run = run_letter;
    letter->post.drop = drop_letter;
    td_timer_init (&letter->timer, (TdModule *) owner, expire_letter);
}

static void
test_classes_are_served_in_their_order (Fixture *fixture, gconstpointer data)
{
    Letter letters[8];
    TdLane *lane = td_lane_at (1);

    for (unsigned i = 0; i < 8; i++) {
        write_letter (&letters[i], fixture, NULL, (char) ('a' + i));
    }
    g_assert_true (td_lane_try_post (lane, &letters[0].post, TD_POST_ORDINARY));
    g_assert_true (td_lane_try_post (lane, &letters[1].post, TD_POST_PRIORITY));
    td_lane_post (lane, &letters[2].post);
    g_assert_true (td_lane_try_post (lane, &letters[3].post, TD_POST_ORDINARY));
    g_assert_true (td_lane_try_post (lane, &letters[4].post, TD_POST_PRIORITY));
    td_lane_post (lane, &letters[5].post);
    g_assert_true (td_lane_try_post (lane, &letters[6].post, TD_POST_ESTABLISHED));
    g_assert_true (td_lane_try_post (lane, &letters[7].post, TD_POST_ESTABLISHED));
    g_assert_cmpstr (fixture->text->str, ==, "");
    td_lanes_settle ();
    g_assert_cmpstr (fixture->text->str, ==, "cfghbead");
    g_assert_true (letters[0].lane == lane);
    g_assert_true (td_lane_current () == td_lane_control ());
}

static void
test_try_post_is_bounded_for_each_class (Fixture *fixture, gconstpointer data)
{
    Letter letters[8];
    TdLane *lane = td_lane_at (0);
    TdLaneStats stats;

    for (unsigned i = 0; i < 8; i++) {
        write_letter (&letters[i], fixture, &fixture->module, (char) ('a' + i));
    }
    g_assert_true (td_lane_try_post (lane, &letters[0].post, TD_POST_ORDINARY));
    g_assert_true (td_lane_try_post (lane, &letters[1].post, TD_POST_ORDINARY));
    g_assert_false (td_lane_try_post (lane, &letters[2].post, TD_POST_ORDINARY));
    g_assert_true (td_lane_try_post (lane, &letters[3].post, TD_POST_PRIORITY));
    g_assert_true (td_lane_try_post (lane, &letters[4].post, TD_POST_ESTABLISHED));
    td_lane_post (lane, &letters[5].post);
    td_lane_post (lane, &letters[6].post);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 6);
    td_lane_stats (lane, &stats);
    g_assert_cmpuint (stats.n_refused_ordinary, ==, 1);
    g_assert_cmpuint (stats.n_refused_priority, ==, 0);
    g_assert_cmpuint (stats.n_refused_established, ==, 0);
    g_assert_cmpuint (stats.n_waiting_must, ==, 2);
    g_assert_cmpuint (stats.n_waiting_established, ==, 1);
    g_assert_cmpuint (stats.n_waiting_ordinary, ==, 2);
    td_lanes_settle ();
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_lane_stats (lane, &stats);
    g_assert_cmpuint (stats.n_posts, ==, 6);
    g_assert_cmpuint (stats.n_waiting_must + stats.n_waiting_ordinary, ==, 0);
    g_assert_true (td_lane_try_post (lane, &letters[2].post, TD_POST_ORDINARY));
    g_assert_true (td_lane_try_post (lane, &letters[7].post, TD_POST_ORDINARY));
    td_lanes_settle ();
}

static void
find_metric (const TdMetricView *view, void *data)
{
    GString *text = data;

    if (g_str_has_prefix (view->name, "tandem_lane_")
        && strncmp (view->labels, "lane=\"2\"", 8) == 0 && view->value != 0) {
        g_string_append_printf (text, "%s{%s} %d\n", view->name, view->labels, (int) view->value);
    }
}

static void
test_metrics_tell_what_waits_and_what_was_served (Fixture *fixture, gconstpointer data)
{
    g_autoptr (GString) text = g_string_new (NULL);
    Letter letters[5];

    /* Metrics last as long as the process: whatever other tests left here is for lanes 0 and 1. */
    for (unsigned i = 0; i < 5; i++) {
        write_letter (&letters[i], fixture, NULL, 'a');
        td_lane_try_post (td_lane_at (2), &letters[i].post, TD_POST_ORDINARY);
    }
    td_lanes_step ();
    td_metric_each (find_metric, text);
    g_assert_nonnull (strstr (text->str, "tandem_lane_waiting{lane=\"2\",class=\"ordinary\"} 1\n"));
    g_assert_nonnull (
        strstr (text->str, "tandem_lane_refused_total{lane=\"2\",class=\"ordinary\"} 3\n"));
    g_assert_nonnull (strstr (text->str, "tandem_lane_posts_total{lane=\"2\"} "));
    td_lanes_settle ();
    g_string_truncate (text, 0);
    td_metric_each (find_metric, text);
    g_assert_null (strstr (text->str, "tandem_lane_waiting"));
}

static void
test_post_of_a_stopped_module_is_dropped_on_the_lane (Fixture *fixture, gconstpointer data)
{
    Letter letter, other;

    write_letter (&letter, fixture, &fixture->module, 'a');
    write_letter (&other, fixture, NULL, 'b');
    td_lane_post (td_lane_at (2), &letter.post);
    td_lane_post (td_lane_at (2), &other.post);
    atomic_store (&fixture->module.is_stopped, true);
    td_lanes_settle ();
    g_assert_cmpstr (fixture->text->str, ==, "!ab");
    g_assert_true (letter.lane == td_lane_at (2));
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
}

static void
start_timer (void *data)
{
    td_timer_start (data, 20);
}

static void
test_timer_expires_on_its_lane_never_early (Fixture *fixture, gconstpointer data)
{
    Letter letter;
    int64_t begin_us = td_clock_now_us ();

    write_letter (&letter, fixture, NULL, 'a');
    td_lanes_on (td_lane_at (1), start_timer, &letter.timer);
    g_assert_true (td_timer_is_active (&letter.timer));
    td_lanes_advance (19);
    g_assert_cmpstr (fixture->text->str, ==, "");
    td_lanes_advance (1);
    g_assert_cmpstr (fixture->text->str, ==, "a");
    g_assert_true (letter.lane == td_lane_at (1));
    g_assert_cmpint (td_clock_now_us (), ==, begin_us + 20000);
}

static void
test_timer_starts_anew_and_stops (Fixture *fixture, gconstpointer data)
{
    Letter letter;

    write_letter (&letter, fixture, NULL, 'a');
    td_timer_stop (&letter.timer);
    td_timer_start (&letter.timer, 10);
    td_lanes_advance (9);
    td_timer_start (&letter.timer, 10);
    td_lanes_advance (9);
    g_assert_cmpstr (fixture->text->str, ==, "");
    td_lanes_advance (1);
    g_assert_cmpstr (fixture->text->str, ==, "a");
    td_timer_start (&letter.timer, 10);
    td_timer_stop (&letter.timer);
    td_timer_stop (&letter.timer);
    td_lanes_advance (100);
    g_assert_cmpstr (fixture->text->str, ==, "a");
}

static void
test_timer_without_delay_needs_no_time (Fixture *fixture, gconstpointer data)
{
    Letter letter;

    write_letter (&letter, fixture, NULL, 'a');
    td_timer_start (&letter.timer, 0);
    g_assert_cmpstr (fixture->text->str, ==, "");
    td_lanes_settle ();
    g_assert_cmpstr (fixture->text->str, ==, "a");
}

static void
test_clocks_move_together_or_wall_alone (Fixture *fixture, gconstpointer data)
{
    int64_t now_us = td_clock_now_us ();
    int64_t wall_us = td_clock_wall_us ();

    td_lanes_advance (1234);
    g_assert_cmpint (td_clock_now_us () - now_us, ==, 1234000);
    g_assert_cmpint (td_clock_wall_us () - wall_us, ==, 1234000);
    td_lanes_set_wall (5);
    g_assert_cmpint (td_clock_wall_us (), ==, 5);
    td_lanes_advance (1);
    g_assert_cmpint (td_clock_wall_us (), ==, 1005);
    g_assert_cmpint (td_clock_now_us () - now_us, ==, 1235000);
}

static void
test_time_stands_until_posts_are_done (Fixture *fixture, gconstpointer data)
{
    Letter post, timer;

    write_letter (&post, fixture, NULL, 'p');
    write_letter (&timer, fixture, NULL, 't');
    td_timer_start (&timer.timer, 1);
    td_lane_post (td_lane_at (0), &post.post);
    td_lanes_advance (1);
    g_assert_cmpstr (fixture->text->str, ==, "pt");
}

/* Posts one letter to every lane and returns the order in which they ran. */
static char *
order_of_seed (Fixture *fixture, uint64_t seed)
{
    Letter letters[40];

    td_lanes_close ();
    open_lanes (seed, 0);
    g_string_truncate (fixture->text, 0);
    for (unsigned i = 0; i < 40; i++) {
        write_letter (&letters[i], fixture, NULL, (char) ('A' + i));
        td_lane_post (td_lane_at (i % N_LANES), &letters[i].post);
    }
    td_lanes_settle ();
    return g_strdup (fixture->text->str);
}

static void
test_seed_decides_the_order (Fixture *fixture, gconstpointer data)
{
    g_autofree char *first = order_of_seed (fixture, 1);
    g_autofree char *again = order_of_seed (fixture, 1);
    g_autofree char *other = order_of_seed (fixture, 2);

    g_assert_cmpuint (strlen (first), ==, 40);
    g_assert_cmpstr (first, ==, again);
    g_assert_cmpstr (first, !=, other);
}

static gboolean
hear_idle (void *data)
{
    g_string_append_printf (data, "%u", td_lane_index (td_lane_current ()));
    return G_SOURCE_REMOVE;
}

static void
test_sources_of_a_context_are_stepped (Fixture *fixture, gconstpointer data)
{
    for (unsigned i = 0; i < N_LANES; i++) {
        g_autoptr (GSource) source = g_idle_source_new ();
        g_source_set_callback (source, hear_idle, fixture->text, NULL);
        g_source_attach (source, td_lane_context (td_lane_at (i)));
    }
    g_assert_true (td_lanes_step ());
    g_assert_cmpuint (fixture->text->len, ==, 1);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->text->len, ==, N_LANES);
    g_assert_nonnull (strchr (fixture->text->str, '2'));
}

static void
visit_lane (TdLane *lane, void *data)
{
    g_assert_true (td_lane_current () == lane);
    g_string_append_printf (data, "%u", td_lane_index (lane));
}

static void
sweep_done (void *data)
{
    g_assert_true (td_lane_current () == td_lane_control ());
    g_string_append (data, ".");
}

static void
sweep_drop (void *data)
{
    g_assert_true (td_lane_current () == td_lane_control ());
    g_string_append (data, "!");
}

static void
test_sweep_visits_every_lane_once_control_last (Fixture *fixture, gconstpointer data)
{
    td_lane_sweep ((TdModule *) &fixture->module, visit_lane, sweep_done, sweep_drop,
                   fixture->text);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 1);
    td_lanes_settle ();
    g_assert_cmpstr (fixture->text->str, ==, "0123.");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_lane_sweep (NULL, NULL, sweep_done, NULL, fixture->text);
    td_lanes_settle ();
    g_assert_cmpstr (fixture->text->str, ==, "0123..");
}

static void
test_sweep_of_a_stopped_module_is_dropped (Fixture *fixture, gconstpointer data)
{
    td_lane_sweep ((TdModule *) &fixture->module, visit_lane, sweep_done, sweep_drop,
                   fixture->text);
    td_lanes_step ();
    g_assert_cmpstr (fixture->text->str, ==, "0");
    atomic_store (&fixture->module.is_stopped, true);
    td_lanes_settle ();
    g_assert_cmpstr (fixture->text->str, ==, "0!");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
}

static void
note_leftovers (const TdLaneLeftovers *found, void *data)
{
    *(TdLaneLeftovers *) data = *found;
}

static void
test_revoke_finds_what_was_left (Fixture *fixture, gconstpointer data)
{
    Letter timers[5], posts[3], other;
    TdLaneLeftovers found = { 0 };

    for (unsigned i = 0; i < 5; i++) {
        write_letter (&timers[i], fixture, &fixture->module, 't');
        TdLane *lane = i < N_LANES ? td_lane_at (i) : td_lane_control ();
        td_lanes_on (lane, start_timer, &timers[i].timer);
    }
    write_letter (&other, fixture, NULL, 'o');
    td_timer_start (&other.timer, 20);
    atomic_store (&fixture->module.is_stopped, true);
    for (unsigned i = 0; i < 3; i++) {
        write_letter (&posts[i], fixture, &fixture->module, (char) ('a' + i));
    }
    /* Behind the search in the queue, so that it is the search that finds them. */
    td_lane_revoke (&fixture->module, note_leftovers, &found);
    td_lane_post (td_lane_at (0), &posts[0].post);
    g_assert_true (td_lane_try_post (td_lane_at (0), &posts[1].post, TD_POST_ORDINARY));
    g_assert_true (td_lane_try_post (td_lane_at (0), &posts[2].post, TD_POST_PRIORITY));
    td_lanes_settle ();
    g_assert_cmpuint (found.n_timers, ==, 5);
    g_assert_cmpuint (found.n_posts, ==, 3);
    g_assert_cmpstr (fixture->text->str, ==, "!a!c!b");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_lanes_advance (20);
    g_assert_cmpstr (fixture->text->str, ==, "!a!c!bo");
}

static void
test_revoke_of_a_crowd_takes_bounded_turns (Fixture *fixture, gconstpointer data)
{
    enum { N = 5000 };
    g_autofree Letter *letters = g_new (Letter, N);
    TdLaneLeftovers found = { 0 };
    TdLaneStats stats;

    for (unsigned i = 0; i < N; i++) {
        write_letter (&letters[i], fixture, &fixture->module, 't');
        td_timer_start (&letters[i].timer, 1800000 + i);
    }
    atomic_store (&fixture->module.is_stopped, true);
    td_lane_revoke (&fixture->module, note_leftovers, &found);
    td_lanes_settle ();
    g_assert_cmpuint (found.n_timers, ==, N);
    td_lane_stats (td_lane_control (), &stats);
    g_assert_cmpuint (stats.n_posts, >=, 5);
}

static void
test_stopped_module_starts_no_timer (Fixture *fixture, gconstpointer data)
{
    Letter letter;

    write_letter (&letter, fixture, &fixture->module, 'a');
    td_timer_start (&letter.timer, 5);
    atomic_store (&fixture->module.is_stopped, true);
    td_timer_start (&letter.timer, 5);
    g_assert_false (td_timer_is_active (&letter.timer));
}

static void
test_timer_of_a_stopped_module_does_not_expire (Fixture *fixture, gconstpointer data)
{
    Letter letter;

    write_letter (&letter, fixture, &fixture->module, 'a');
    td_timer_start (&letter.timer, 5);
    atomic_store (&fixture->module.is_stopped, true);
    td_lanes_advance (10);
    g_assert_cmpstr (fixture->text->str, ==, "");
    g_assert_false (td_timer_is_active (&letter.timer));
}

static void
test_close_drops_what_waits (Fixture *fixture, gconstpointer data)
{
    Letter letter;

    write_letter (&letter, fixture, &fixture->module, 'a');
    td_lane_post (td_lane_at (1), &letter.post);
    td_lane_sweep ((TdModule *) &fixture->module, visit_lane, sweep_done, NULL, fixture->text);
    td_timer_start (&letter.timer, 5);
    td_lanes_close ();
    g_assert_cmpstr (fixture->text->str, ==, "!a");
    g_assert_false (td_timer_is_active (&letter.timer));
    g_assert_null (td_lane_current ());
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    open_lanes (1, 0);
}

static void
test_run_ends_when_told_or_quiet (Fixture *fixture, gconstpointer data)
{
    Letter letter;

    write_letter (&letter, fixture, NULL, 'a');
    td_lane_post (td_lane_at (1), &letter.post);
    td_lanes_quit ();
    td_lanes_run ();
    g_assert_cmpstr (fixture->text->str, ==, "");
    td_lanes_run ();
    g_assert_cmpstr (fixture->text->str, ==, "a");
}

#define ADD(name, function)                                                                        \
    g_test_add ("/run/lane/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("classes-are-served-in-their-order", test_classes_are_served_in_their_order);
    ADD ("try-post-is-bounded-for-each-class", test_try_post_is_bounded_for_each_class);
    ADD ("metrics-tell-what-waits-and-what-was-served",
         test_metrics_tell_what_waits_and_what_was_served);
    ADD ("post-of-a-stopped-module-is-dropped-on-the-lane",
         test_post_of_a_stopped_module_is_dropped_on_the_lane);
    ADD ("timer-expires-on-its-lane-never-early", test_timer_expires_on_its_lane_never_early);
    ADD ("timer-starts-anew-and-stops", test_timer_starts_anew_and_stops);
    ADD ("timer-without-delay-needs-no-time", test_timer_without_delay_needs_no_time);
    ADD ("clocks-move-together-or-wall-alone", test_clocks_move_together_or_wall_alone);
    ADD ("time-stands-until-posts-are-done", test_time_stands_until_posts_are_done);
    ADD ("seed-decides-the-order", test_seed_decides_the_order);
    ADD ("sources-of-a-context-are-stepped", test_sources_of_a_context_are_stepped);
    ADD ("sweep-visits-every-lane-once-control-last",
         test_sweep_visits_every_lane_once_control_last);
    ADD ("sweep-of-a-stopped-module-is-dropped", test_sweep_of_a_stopped_module_is_dropped);
    ADD ("revoke-finds-what-was-left", test_revoke_finds_what_was_left);
    ADD ("revoke-of-a-crowd-takes-bounded-turns", test_revoke_of_a_crowd_takes_bounded_turns);
    ADD ("stopped-module-starts-no-timer", test_stopped_module_starts_no_timer);
    ADD ("timer-of-a-stopped-module-does-not-expire",
         test_timer_of_a_stopped_module_does_not_expire);
    ADD ("close-drops-what-waits", test_close_drops_what_waits);
    ADD ("run-ends-when-told-or-quiet", test_run_ends_when_told_or_quiet);
    return g_test_run ();
}
