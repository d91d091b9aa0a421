/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A spool keeps facts until they are taken, says what it loses, and ends with all stored. */

#include "run/bus.h"

#include "base/metric.h"
#include "base/owner.h"
#include "common/folder.h"
#include "run/lane.h"

#include <stdatomic.h>
#include <string.h>
#include <tandem/metric.h>

typedef struct {
    uint32_t number;
    const char *text;
} Body;

static const TdField fields[] = {
    TD_FIELD (Body, number, TD_FIELD_UINT, "Which"),
    TD_FIELD (Body, text, TD_FIELD_TEXT, "Any"),
};

typedef struct {
    TdOwner module;
    TdSpool *spool;
    GString *taken; /* "[1 2 ]": a batch */
    bool is_broken;
    uint32_t again_ms;
    unsigned n_ends;
    char *journal; /* a folder, or NULL */
} Fixture;

static void
declare (void)
{
    static const char *const names[] = { "test.fact", "test.begin", "test.end" };

    for (unsigned i = 0; i < G_N_ELEMENTS (names); i++) {
        td_topic_declare (NULL, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                .version = 1,
                                                .name = names[i],
                                                .help = "A fact",
                                                .fields = fields,
                                                .n_fields = G_N_ELEMENTS (fields),
                                                .body_size = sizeof (Body) });
    }
}

static bool
take (const TdFact *const *facts, unsigned n_facts, uint32_t *ret_again_ms, void *data,
      GError **error)
{
    Fixture *fixture = data;

    g_assert_null (td_lane_current ());
    g_assert_cmpuint (fixture->n_ends, ==, 0);
    if (fixture->is_broken) {
        g_string_append_c (fixture->taken, '!');
        g_set_error_literal (error, TD_ERROR, TD_ERROR_SYSTEM, "the store is full: make room");
        return false;
    }
    *ret_again_ms = fixture->again_ms;
    g_string_append_c (fixture->taken, '[');
    for (unsigned i = 0; i < n_facts; i++) {
        g_string_append_printf (fixture->taken, "%u ", ((const Body *) facts[i]->body)->number);
    }
    g_string_append_c (fixture->taken, ']');
    return true;
}

static void
end (void *data)
{
    ((Fixture *) data)->n_ends++;
}

/* Settings are texts: they stand among what was taken. */
static void
configure (void *settings, void *data)
{
    g_autofree char *text = settings;

    g_assert_null (td_lane_current ());
    g_string_append_printf (((Fixture *) data)->taken, "{%s}", text);
}

/* A thousand more, and a hundred for each tenth of a second. */
static void
finish (void *body, const TdFact *begun, int64_t until_us)
{
    ((Body *) body)->number += 1000 + (uint32_t) ((until_us - begun->monotonic_us) / 1000);
}

static void
open_spool (Fixture *fixture, uint64_t capacity_bytes)
{
    fixture->spool = td_spool_open ((TdModule *) &fixture->module, TD_LIST ("test.*"),
                                    &(TdSpoolDecl){ .size = sizeof (TdSpoolDecl),
                                                    .name = "store",
                                                    .capacity_bytes = capacity_bytes,
                                                    .retry_ms = 1000,
                                                    .take = take,
                                                    .end = end,
                                                    .configure = configure,
                                                    .drop_settings = g_free,
                                                    .journal = fixture->journal,
                                                    .begins = "test.begin",
                                                    .ends = "test.end",
                                                    .finish = finish,
                                                    .data = fixture });
}

static void
open_world (Fixture *fixture, unsigned boot)
{
    td_lanes_open (&(TdLanesOptions){
        .n_lanes = 2, .is_fake = true, .seed = g_test_rand_int (), .boot = boot });
    td_bus_open ("exchange-1", boot);
    declare ();
    td_owner_init (&fixture->module, "guest");
    fixture->taken = g_string_new (NULL);
    open_spool (fixture, 1024 * 1024);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
    open_world (fixture, 3);
}

/* The module stops, and leaves nothing. */
static void
stop (Fixture *fixture)
{
    td_spool_close (fixture->spool);
    td_lanes_advance (4000);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    /* Metrics are leases; nothing else is left. */
    g_assert_cmpuint (td_owner_revoke_all (&fixture->module, NULL, NULL), ==, 0);
    td_lanes_settle ();
}

static void
clear (Fixture *fixture)
{
    td_owner_clear (&fixture->module);
    g_string_free (fixture->taken, TRUE);
    if (fixture->journal != NULL) {
        folder_remove (fixture->journal);
        g_free (fixture->journal);
    }
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
    stop (fixture);
    td_bus_close ();
    td_lanes_close ();
    clear (fixture);
}

static int64_t
metric (Fixture *fixture, TdMetricKind kind, const char *name, const char *help)
{
    return td_metric_value (td_metric_declare ((TdModule *) &fixture->module,
                                               &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                                .kind = kind,
                                                                .name = name,
                                                                .help = help,
                                                                .labels = "module=\"guest\"" }));
}

#define WAITING() metric (fixture, TD_METRIC_GAUGE, "tandem_spool_waiting", "w")
#define FAILING() metric (fixture, TD_METRIC_GAUGE, "tandem_spool_failing", "f")
#define LOST()    metric (fixture, TD_METRIC_COUNTER, "tandem_spool_lost_total", "l")

#define assert_taken(expected)                                                                     \
    do {                                                                                           \
        g_assert_cmpstr (fixture->taken->str, ==, (expected));                                     \
        g_string_truncate (fixture->taken, 0);                                                     \
    } while (0)

typedef struct {
    unsigned first, last;
} Range;

static void
do_publish (void *data)
{
    const Range *range = data;

    for (unsigned i = range->first; i <= range->last; i++) {
        Body body = { .number = i, .text = "some text" };
        td_bus_publish (td_topic_find ("test.fact"), TD_ID_NONE, NULL, 4, &body);
    }
}

static void
publish (unsigned first, unsigned last)
{
    td_lanes_on (td_lane_at (0), do_publish, &(Range){ first, last });
    td_lanes_settle ();
}

static void
test_taken_in_order (Fixture *fixture, gconstpointer data)
{
    publish (1, 3);
    assert_taken ("[1 2 3 ]");
    publish (4, 4);
    assert_taken ("[4 ]");
    g_assert_cmpint (WAITING (), ==, 0);
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
    td_lanes_advance (99);
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

/* --- With a journal ---------------------------------------------------------------------- */

/* A new spool with a journal in place of that of the fixture. */
static void
change_spool (Fixture *fixture)
{
    td_spool_close (fixture->spool);
    td_lanes_advance (4000);
    fixture->n_ends = 0;
    fixture->journal = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    open_spool (fixture, 1024 * 1024);
}

static void
test_left_behind_is_taken_by_the_next (Fixture *fixture, gconstpointer data)
{
    change_spool (fixture);
    publish (1, 2);
    assert_taken ("[1 2 ]");
    int64_t lost_before = LOST ();
    fixture->is_broken = true;
    publish (3, 4);
    publish (5, 5);
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    assert_taken ("!");
    fixture->is_broken = false;
    open_spool (fixture, 1024 * 1024);
    g_assert_cmpint (WAITING (), ==, 3);
    td_lanes_settle ();
    publish (6, 6);
    assert_taken ("[3 4 ][5 ][6 ]");
    g_assert_cmpint (LOST () - lost_before, ==, 0);
    g_assert_cmpint (WAITING (), ==, 0);
}

static void
test_stopped_while_it_fails_keeps_all (Fixture *fixture, gconstpointer data)
{
    change_spool (fixture);
    int64_t lost_before = LOST ();
    fixture->is_broken = true;
    publish (1, 2);
    td_spool_close (fixture->spool);
    td_lanes_advance (4000);
    g_assert_cmpuint (fixture->n_ends, ==, 1);
    g_string_truncate (fixture->taken, 0);
    fixture->is_broken = false;
    fixture->n_ends = 0;
    open_spool (fixture, 1024 * 1024);
    td_lanes_settle ();
    assert_taken ("[1 2 ]");
    g_assert_cmpint (LOST () - lost_before, ==, 0);
}

/* Without it facts are stored all the same. */
static void
test_journal_that_cannot_be (Fixture *fixture, gconstpointer data)
{
    change_spool (fixture);
    td_spool_close (fixture->spool);
    td_lanes_advance (4000);
    fixture->n_ends = 0;
    folder_remove (fixture->journal);
    open_spool (fixture, 1024 * 1024);
    publish (1, 1);
    assert_taken ("[1 ]");
}

/* --- Begun and not ended ----------------------------------------------------------------- */

typedef struct {
    const char *topic;
    TdId call;
    unsigned number;
    const char *text;
} Event;

static void
do_happen (void *data)
{
    const Event *event = data;
    Body body = { .number = event->number, .text = event->text };
    uint32_t sequence = 0;

    td_bus_publish (td_topic_find (event->topic), event->call, &sequence, 4, &body);
}

static void
happen (const char *topic, TdId call, unsigned number)
{
    td_lanes_on (td_lane_at (0), do_happen, &(Event){ topic, call, number, "some text" });
    td_lanes_settle ();
}

static void
copy_files (const char *from, const char *to)
{
    g_autoptr (GDir) folder = g_dir_open (from, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name (folder)) != NULL) {
        g_autofree char *source = g_build_filename (from, name, NULL);
        g_autofree char *target = g_build_filename (to, name, NULL), *bytes = NULL;
        gsize length;
        g_assert_true (g_file_get_contents (source, &bytes, &length, NULL));
        g_assert_true (g_file_set_contents (target, bytes, (gssize) length, NULL));
    }
}

/* The process is killed; what it leaves is found by the next one, BOOT. */
static void
die_and_begin (Fixture *fixture, unsigned boot)
{
    char *left = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);

    copy_files (fixture->journal, left);
    tear_down (fixture, NULL);
    *fixture = (Fixture){ .journal = left };
    open_world (fixture, boot);
    td_lanes_settle ();
}

static void
test_what_began_has_an_end (void)
{
    Fixture own = { 0 }, *fixture = &own;

    own.journal = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    open_world (&own, 3);
    happen ("test.begin", 11, 1);
    happen ("test.begin", 12, 2);
    happen ("test.end", 11, 3);
    td_lanes_advance (2500);
    happen ("test.begin", 13, 4);
    assert_taken ("[1 ][2 ][3 ][4 ]");
    die_and_begin (&own, 4);
    /* By place: the third one has that of the first. It lived until 2 s, or as long as it had to. */
    assert_taken ("[1004 3002 ]");
    die_and_begin (&own, 5);
    assert_taken (""); /* once */
    tear_down (&own, NULL);
}

/* The end was in the journal and not off the list yet. */
static void
test_ended_in_the_journal (void)
{
    Fixture own = { 0 }, *fixture = &own;

    own.journal = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    open_world (&own, 3);
    happen ("test.begin", 11, 1);
    g_autofree char *list = g_build_filename (own.journal, "store.begun", NULL);
    g_autofree char *bytes = NULL;
    gsize length;
    g_assert_true (g_file_get_contents (list, &bytes, &length, NULL));
    own.is_broken = true;
    happen ("test.end", 11, 2);
    g_assert_true (g_file_set_contents (list, bytes, (gssize) length, NULL));
    die_and_begin (&own, 4);
    assert_taken ("[2 ]");
    tear_down (&own, NULL);
}

/* Another build, or the same one loaded again: calls of this process go on. */
static void
test_list_is_handed_on (Fixture *fixture, gconstpointer data)
{
    Fixture next = { .taken = g_string_new (NULL) };

    change_spool (fixture);
    happen ("test.begin", 11, 1);
    td_owner_init (&next.module, "guest");
    next.journal = g_strdup (fixture->journal);
    open_spool (&next, 1024 * 1024);
    td_spool_close (g_steal_pointer (&fixture->spool));
    td_lanes_advance (4000);
    happen ("test.end", 11, 2);
    g_assert_cmpstr (next.taken->str, ==, "[2 ]");
    td_spool_close (next.spool);
    td_lanes_advance (4000);
    next.n_ends = 0;
    g_string_truncate (next.taken, 0);
    open_spool (&next, 1024 * 1024);
    happen ("test.begin", 12, 3);
    g_assert_cmpstr (next.taken->str, ==, "[3 ]");
    stop (&next);
    g_clear_pointer (&next.journal, g_free);
    clear (&next);
}

/* Cut at any byte, or of another kind: said, and no more. */
static void
test_damaged_list (void)
{
    Fixture own = { 0 };

    own.journal = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    open_world (&own, 3);
    for (unsigned i = 0; i < 3; i++) {
        happen ("test.begin", 11 + i, i);
    }
    g_autofree char *bytes = NULL;
    for (unsigned round = 0; round < 200; round++) {
        g_autofree char *list = g_build_filename (own.journal, "store.begun", NULL);
        gsize length;
        if (bytes == NULL) {
            g_assert_true (g_file_get_contents (list, &bytes, &length, NULL));
            length = 4 * 2048;
        }
        g_autofree char *damaged = g_memdup2 (bytes, 4 * 2048);
        for (unsigned i = 0; i < 20; i++) {
            damaged[g_test_rand_int_range (0, 4 * 2048)] = (char) g_test_rand_int ();
        }
        g_assert_true (
            g_file_set_contents (list, damaged, g_test_rand_int_range (0, 4 * 2048 + 1), NULL));
        die_and_begin (&own, 4 + round);
        happen ("test.begin", 99, 5);
        happen ("test.end", 99, 6);
        g_assert_nonnull (strstr (own.taken->str, "[5 ][6 ]"));
    }
    tear_down (&own, NULL);
}

/* A text that is too long for the list is cut there; the call has its end. */
static void
test_long_texts (void)
{
    Fixture own = { 0 }, *fixture = &own;
    g_autofree char *text = g_strnfill (5000, 'x');

    own.journal = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    open_world (&own, 3);
    td_lanes_on (td_lane_at (0), do_happen, &(Event){ "test.begin", 11, 1, text });
    td_lanes_settle ();
    assert_taken ("[1 ]");
    die_and_begin (&own, 4);
    assert_taken ("[1001 ]");
    tear_down (&own, NULL);
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
    ADD ("journal/left-behind", test_left_behind_is_taken_by_the_next);
    ADD ("journal/stopped-while-failing", test_stopped_while_it_fails_keeps_all);
    ADD ("journal/cannot-be", test_journal_that_cannot_be);
    ADD ("begun/handed-on", test_list_is_handed_on);
    g_test_add_func ("/spool/BIL-012/begun/killed", test_what_began_has_an_end);
    g_test_add_func ("/spool/BIL-012/begun/ended-in-the-journal", test_ended_in_the_journal);
    g_test_add_func ("/spool/begun/damaged", test_damaged_list);
    g_test_add_func ("/spool/begun/long-texts", test_long_texts);
    g_test_add_func ("/spool/close/while-lanes-publish", test_closed_while_lanes_publish);
    return g_test_run ();
}
