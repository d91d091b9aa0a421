/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Work goes away and its answer comes back, in order for one key, to the lane that asked. */

#include "base/metric.h"
#include "run/lane.h"
#include "run/worker.h"

#include <string.h>
#include <tandem/priority.h>

typedef struct {
    TdWork work;
    char letter;
    GString *ran, *answered;
    TdLane *lane;
} Job;

typedef struct {
    TdOwner module;
    GString *ran, *answered;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = g_test_rand_int () };

    td_lanes_open (&options);
    td_owner_init (&fixture->module, "guest");
    fixture->ran = g_string_new (NULL);
    fixture->answered = g_string_new (NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
    td_lanes_close ();
    td_owner_clear (&fixture->module);
    g_string_free (fixture->ran, TRUE);
    g_string_free (fixture->answered, TRUE);
}

static void
run_job (TdWork *work)
{
    Job *job = (Job *) work;

    g_assert_null (td_lane_current ());
    g_string_append_c (job->ran, job->letter);
}

static void
job_done (TdWork *work)
{
    Job *job = (Job *) work;

    job->lane = td_lane_current ();
    g_string_append_c (job->answered, job->letter);
}

static void
drop_job (TdWork *work)
{
    g_string_append_c (((Job *) work)->answered, '!');
    job_done (work);
}

static void
make_job (Job *job, Fixture *fixture, char letter, const char *queue)
{
    *job = (Job){ .letter = letter, .ran = fixture->ran, .answered = fixture->answered };
    job->work.owner = (TdModule *) &fixture->module;
    job->work.queue = queue;
    job->work.run = run_job;
    job->work.done = job_done;
    job->work.drop = drop_job;
}

static void
start (void *data)
{
    td_work_start (data);
}

static void
test_answer_comes_to_the_lane_that_asked (Fixture *fixture, gconstpointer data)
{
    Job job;

    make_job (&job, fixture, 'a', NULL);
    td_lanes_on (td_lane_at (1), start, &job);
    g_assert_cmpstr (fixture->ran->str, ==, "");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 1);
    td_lanes_settle ();
    g_assert_cmpstr (fixture->ran->str, ==, "a");
    g_assert_cmpstr (fixture->answered->str, ==, "a");
    g_assert_true (job.lane == td_lane_at (1));
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
}

static void
test_one_key_keeps_its_order (Fixture *fixture, gconstpointer data)
{
    Job jobs[10];
    char key[10][8];

    for (unsigned i = 0; i < 10; i++) {
        /* Equal texts at ten places are one key. */
        strcpy (key[i], "journal");
        make_job (&jobs[i], fixture, (char) ('a' + i), key[i]);
        td_work_start (&jobs[i].work);
        g_assert_cmpuint (td_workers_n_ready (), ==, 1);
    }
    td_lanes_settle ();
    g_assert_cmpstr (fixture->ran->str, ==, "abcdefghij");
    g_assert_cmpstr (fixture->answered->str, ==, "abcdefghij");
}

static void
test_other_keys_do_not_wait (Fixture *fixture, gconstpointer data)
{
    Job jobs[4];

    make_job (&jobs[0], fixture, 'a', "one");
    make_job (&jobs[1], fixture, 'b', "two");
    make_job (&jobs[2], fixture, 'c', NULL);
    make_job (&jobs[3], fixture, 'd', NULL);
    for (unsigned i = 0; i < 4; i++) {
        td_work_start (&jobs[i].work);
    }
    g_assert_cmpuint (td_workers_n_ready (), ==, 4);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->answered->len, ==, 4);
}

static void
test_priority_goes_first (Fixture *fixture, gconstpointer data)
{
    Job jobs[4];

    for (unsigned i = 0; i < 4; i++) {
        make_job (&jobs[i], fixture, (char) ('a' + i), NULL);
        jobs[i].work.priority_class = i == 3 ? TD_CLASS_EMERGENCY : TD_CLASS_ORDINARY;
        td_work_start (&jobs[i].work);
    }
    td_workers_step (0);
    g_assert_cmpstr (fixture->ran->str, ==, "d");
    td_lanes_settle ();
    g_assert_cmpuint (fixture->answered->len, ==, 4);
}

static void
find_waiting (const TdMetricView *view, void *data)
{
    if (strcmp (view->name, "tandem_worker_waiting") == 0) {
        *(int64_t *) data = view->value;
    }
}

static void
test_metric_tells_what_waits (Fixture *fixture, gconstpointer data)
{
    int64_t n_waiting = -1;
    Job jobs[3];

    for (unsigned i = 0; i < 3; i++) {
        make_job (&jobs[i], fixture, 'a', "key");
        td_work_start (&jobs[i].work);
    }
    td_metric_each (find_waiting, &n_waiting);
    g_assert_cmpint (n_waiting, ==, 3);
    td_workers_step (0);
    td_metric_each (find_waiting, &n_waiting);
    g_assert_cmpint (n_waiting, ==, 2);
    atomic_store (&fixture->module.is_stopped, true);
    g_assert_cmpuint (td_workers_revoke ((TdModule *) &fixture->module), ==, 2);
    td_metric_each (find_waiting, &n_waiting);
    g_assert_cmpint (n_waiting, ==, 0);
    td_lanes_settle ();
}

static void
test_stopped_module_gets_drop (Fixture *fixture, gconstpointer data)
{
    Job jobs[2];

    make_job (&jobs[0], fixture, 'a', "key");
    make_job (&jobs[1], fixture, 'b', "key");
    td_work_start (&jobs[0].work);
    td_work_start (&jobs[1].work);
    atomic_store (&fixture->module.is_stopped, true);
    td_lanes_settle ();
    g_assert_cmpstr (fixture->ran->str, ==, "");
    g_assert_cmpstr (fixture->answered->str, ==, "!a!b");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
}

static void
note_leftovers (const TdLaneLeftovers *found, void *data)
{
    *(TdLaneLeftovers *) data = *found;
}

static void
test_revoke_takes_back_what_has_not_begun (Fixture *fixture, gconstpointer data)
{
    Job jobs[5], other, others[2];
    TdLaneLeftovers found = { 0 };

    for (unsigned i = 0; i < 5; i++) {
        make_job (&jobs[i], fixture, (char) ('a' + i), i < 3 ? "key" : NULL);
    }
    make_job (&other, fixture, 'x', "key");
    make_job (&others[0], fixture, 'y', NULL);
    make_job (&others[1], fixture, 'z', "key");
    other.work.owner = others[0].work.owner = others[1].work.owner = NULL;
    td_work_start (&jobs[0].work);
    td_work_start (&jobs[1].work);
    td_work_start (&other.work);
    td_work_start (&jobs[2].work);
    td_work_start (&others[1].work);
    td_work_start (&jobs[3].work);
    td_work_start (&others[0].work);
    td_work_start (&jobs[4].work);
    atomic_store (&fixture->module.is_stopped, true);
    td_lane_revoke (&fixture->module, note_leftovers, &found);
    td_lanes_settle ();
    g_assert_cmpuint (found.n_works, ==, 5);
    g_assert_cmpuint (found.n_posts, ==, 0);
    g_assert_cmpuint (fixture->ran->len, ==, 3);
    g_assert_cmpuint (fixture->answered->len, ==, 5 * 2 + 3);
    g_assert_true (strchr (fixture->ran->str, 'x') < strchr (fixture->ran->str, 'z'));
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    /* The key is free again. */
    make_job (&other, fixture, 'w', "key");
    other.work.owner = NULL;
    td_work_start (&other.work);
    td_lanes_settle ();
    g_assert_nonnull (strchr (fixture->answered->str, 'w'));
}

static void
test_close_drops_what_has_not_begun (Fixture *fixture, gconstpointer data)
{
    TdLanesOptions options = { .n_lanes = 1, .is_fake = true };
    Job jobs[3];

    for (unsigned i = 0; i < 3; i++) {
        make_job (&jobs[i], fixture, (char) ('a' + i), "key");
        td_work_start (&jobs[i].work);
    }
    td_lanes_close ();
    g_assert_cmpuint (fixture->answered->len, ==, 6);
    g_assert_cmpstr (fixture->ran->str, ==, "");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_lanes_open (&options);
}

/* Real threads: works of four keys, whose plain counters only their order protects. */
enum { N_KEYS = 4, N_WORKS = 400 };

typedef struct {
    TdWork work;
    unsigned number;
    unsigned *n_run, *n_done;
} Piece;

static unsigned n_answers;

static void
run_piece (TdWork *work)
{
    Piece *piece = (Piece *) work;

    g_assert_null (td_lane_current ());
    g_assert_cmpuint (piece->number, ==, (*piece->n_run)++);
}

static void
piece_done (TdWork *work)
{
    Piece *piece = (Piece *) work;

    g_assert_true (td_lane_current () == td_lane_control ());
    g_assert_cmpuint (piece->number, ==, (*piece->n_done)++);
    if (++n_answers == N_WORKS) {
        td_lanes_quit ();
    }
}

static void
test_keys_serialize_threads (void)
{
    static const char *const keys[N_KEYS] = { "a", "b", "c", "d" };
    TdLanesOptions options = { .n_lanes = 1 };
    g_autofree Piece *pieces = g_new0 (Piece, N_WORKS);
    unsigned n_run[N_KEYS] = { 0 }, n_done[N_KEYS] = { 0 };

    td_lanes_open (&options);
    for (unsigned i = 0; i < N_WORKS; i++) {
        unsigned key = i % N_KEYS;
        pieces[i] = (Piece){ .number = i / N_KEYS, .n_run = &n_run[key], .n_done = &n_done[key] };
        pieces[i].work.queue = keys[key];
        pieces[i].work.run = run_piece;
        pieces[i].work.done = piece_done;
        td_work_start (&pieces[i].work);
    }
    td_lanes_run ();
    td_lanes_close ();
    g_assert_cmpuint (n_answers, ==, N_WORKS);
}

/* Pieces that wait for each other: only as many threads let them end. */
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t has_come;
    unsigned n_wanted, n_here, n_done;
} Meeting;

typedef struct {
    TdWork work;
    Meeting *meeting;
} Guest;

static void
meet (TdWork *work)
{
    Meeting *meeting = ((Guest *) work)->meeting;

    pthread_mutex_lock (&meeting->lock);
    meeting->n_here++;
    pthread_cond_broadcast (&meeting->has_come);
    while (meeting->n_here < meeting->n_wanted) {
        pthread_cond_wait (&meeting->has_come, &meeting->lock);
    }
    pthread_mutex_unlock (&meeting->lock);
}

static void
met (TdWork *work)
{
    Meeting *meeting = ((Guest *) work)->meeting;

    if (++meeting->n_done == meeting->n_wanted) {
        td_lanes_quit ();
    }
}

static void
test_four_may_block_at_once (void)
{
    TdLanesOptions options = { .n_lanes = 1 };
    Meeting meeting = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 4, 0, 0 };
    Guest guests[4];

    td_lanes_open (&options);
    for (unsigned i = 0; i < 4; i++) {
        guests[i] = (Guest){ .work = { .run = meet, .done = met }, .meeting = &meeting };
        td_work_start (&guests[i].work);
    }
    td_lanes_run ();
    td_lanes_close ();
    g_assert_cmpuint (meeting.n_done, ==, 4);
}

/* The threads for everything are all held up: what a call with a priority needs lets them go. */
static void
test_priority_has_a_thread_left (void)
{
    TdLanesOptions options = { .n_lanes = 1 };
    Meeting meeting = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 5, 0, 0 };
    Guest guests[5];

    td_lanes_open (&options);
    for (unsigned i = 0; i < 5; i++) {
        guests[i] = (Guest){ .work = { .run = meet, .done = met }, .meeting = &meeting };
        if (i == 4) {
            guests[i].work.priority_class = TD_CLASS_EMERGENCY;
            pthread_mutex_lock (&meeting.lock);
            while (meeting.n_here < 4) {
                pthread_cond_wait (&meeting.has_come, &meeting.lock);
            }
            pthread_mutex_unlock (&meeting.lock);
        }
        td_work_start (&guests[i].work);
    }
    td_lanes_run ();
    td_lanes_close ();
    g_assert_cmpuint (meeting.n_done, ==, 5);
}

static void
count_to_two (TdWork *work)
{
    if (++n_answers == 2) {
        td_lanes_quit ();
    }
}

static void
do_nothing (TdWork *work)
{
}

/* The kernel grants no thread at first; all that comes afterwards is for the same key. */
static void
test_threads_are_tried_again_for_a_key (void)
{
    TdLanesOptions options = { .n_lanes = 1 };
    TdWork works[2];
    pthread_attr_t usual, too_large;

    pthread_getattr_default_np (&usual);
    pthread_getattr_default_np (&too_large);
    pthread_attr_setstacksize (&too_large, (size_t) 1 << 46);
    td_lanes_open (&options);
    n_answers = 0;
    for (unsigned i = 0; i < 2; i++) {
        pthread_setattr_default_np (i == 0 ? &too_large : &usual);
        works[i] = (TdWork){ .queue = "key", .run = do_nothing, .done = count_to_two };
        td_work_start (&works[i]);
    }
    td_lanes_run ();
    td_lanes_close ();
    pthread_attr_destroy (&usual);
    pthread_attr_destroy (&too_large);
}

#define ADD(name, function)                                                                        \
    g_test_add ("/run/worker/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("answer-comes-to-the-lane-that-asked", test_answer_comes_to_the_lane_that_asked);
    ADD ("one-key-keeps-its-order", test_one_key_keeps_its_order);
    ADD ("other-keys-do-not-wait", test_other_keys_do_not_wait);
    ADD ("PRI-078/goes-first", test_priority_goes_first);
    ADD ("metric-tells-what-waits", test_metric_tells_what_waits);
    ADD ("stopped-module-gets-drop", test_stopped_module_gets_drop);
    ADD ("revoke-takes-back-what-has-not-begun", test_revoke_takes_back_what_has_not_begun);
    ADD ("close-drops-what-has-not-begun", test_close_drops_what_has_not_begun);
    g_test_add_func ("/run/worker/keys-serialize-threads", test_keys_serialize_threads);
    g_test_add_func ("/run/worker/four-may-block-at-once", test_four_may_block_at_once);
    g_test_add_func ("/run/worker/PRI-078/thread-left", test_priority_has_a_thread_left);
    g_test_add_func ("/run/worker/threads-are-tried-again-for-a-key",
                     test_threads_are_tried_again_for_a_key);
    return g_test_run ();
}
