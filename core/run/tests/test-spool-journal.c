/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A spool with a journal: what one that was killed or stopped leaves, the next one takes; what had begun has an
 * end. */

#include "spool-guest.h"

#include <string.h>

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
    assert_taken ("[3 4 ][5 6 ]");
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
    assert_taken ("[1 ][2 3 ][4 ]");
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
        td_lanes_advance (REST_MS);
        happen ("test.begin", 99, 5);
        td_lanes_advance (REST_MS);
        happen ("test.end", 99, 6);
        td_lanes_advance (REST_MS);
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

#define ADD(path, test) g_test_add ("/spool/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("journal/left-behind", test_left_behind_is_taken_by_the_next);
    ADD ("journal/stopped-while-failing", test_stopped_while_it_fails_keeps_all);
    ADD ("journal/cannot-be", test_journal_that_cannot_be);
    ADD ("begun/handed-on", test_list_is_handed_on);
    g_test_add_func ("/spool/BIL-012/begun/killed", test_what_began_has_an_end);
    g_test_add_func ("/spool/BIL-012/begun/ended-in-the-journal", test_ended_in_the_journal);
    g_test_add_func ("/spool/begun/damaged", test_damaged_list);
    g_test_add_func ("/spool/begun/long-texts", test_long_texts);
    return g_test_run ();
}
