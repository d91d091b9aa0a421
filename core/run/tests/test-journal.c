/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A journal gives back what was in it when its process ended, in order, whole or not at all. */

#include "run/journal.h"

#include "base/owner.h"
#include "common/folder.h"
#include "run/bus.h"
#include "run/lane.h"

#include <string.h>

typedef struct {
    const char *text, *nothing;
    bool is_set;
    int64_t number, time_us, duration_us;
    uint32_t count;
    TdId id;
} Body;

static const TdField fields[] = {
    TD_FIELD (Body, text, TD_FIELD_TEXT, "A text"),
    TD_FIELD (Body, nothing, TD_FIELD_TEXT, "None"),
    TD_FIELD (Body, is_set, TD_FIELD_BOOL, "A truth"),
    TD_FIELD (Body, number, TD_FIELD_INT, "A number"),
    TD_FIELD (Body, time_us, TD_FIELD_TIME, "A time"),
    TD_FIELD (Body, duration_us, TD_FIELD_DURATION, "A duration"),
    TD_FIELD (Body, count, TD_FIELD_UINT, "How many"),
    TD_FIELD (Body, id, TD_FIELD_ID, "A call"),
};

typedef struct {
    char *folder;
    TdTopic *topic;
    TdJournal *journal;
    GPtrArray *draining, *filling;
    unsigned n_skipped;
} Fixture;

static TdTopic *
declare (unsigned n_fields)
{
    return td_topic_declare (NULL, &(TdTopicDecl){ .size = sizeof (TdTopicDecl),
                                                   .version = 1,
                                                   .name = "test.fact",
                                                   .help = "A fact",
                                                   .fields = fields,
                                                   .n_fields = n_fields,
                                                   .body_size = sizeof (Body) });
}

static void
open_world (Fixture *fixture, unsigned n_fields)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 1, .is_fake = true, .boot = 3 });
    td_bus_open ("exchange-1", 3);
    fixture->topic = declare (n_fields);
}

static void
close_world (void)
{
    td_bus_close ();
    td_lanes_close ();
}

static void
free_facts (GPtrArray *facts)
{
    for (unsigned i = 0; i < facts->len; i++) {
        td_fact_free (facts->pdata[i]);
    }
    g_ptr_array_set_size (facts, 0);
}

static TdJournal *
open_journal (Fixture *fixture)
{
    g_autoptr (GError) error = NULL;

    free_facts (fixture->draining);
    free_facts (fixture->filling);
    TdJournal *journal = td_journal_open (fixture->folder, "facts", fixture->draining,
                                          fixture->filling, &fixture->n_skipped, &error);
    g_assert_no_error (error);
    return journal;
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
    fixture->folder = g_dir_make_tmp ("tandem-test-XXXXXX", NULL);
    fixture->draining = g_ptr_array_new ();
    fixture->filling = g_ptr_array_new ();
    open_world (fixture, G_N_ELEMENTS (fields));
    fixture->journal = open_journal (fixture);
    g_assert_cmpuint (fixture->draining->len + fixture->filling->len, ==, 0);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
    td_journal_close (fixture->journal);
    free_facts (fixture->draining);
    free_facts (fixture->filling);
    g_ptr_array_unref (fixture->draining);
    g_ptr_array_unref (fixture->filling);
    close_world ();
    folder_remove (fixture->folder);
    g_free (fixture->folder);
}

static void
add (Fixture *fixture, TdJournal *journal, int64_t first, int64_t last)
{
    for (int64_t i = first; i <= last; i++) {
        Body body = { .text = "a \"text\"",
                      .is_set = true,
                      .number = i,
                      .time_us = 5,
                      .duration_us = -6,
                      .count = 7,
                      .id = 8 };
        TdFact fact = { .topic = fixture->topic,
                        .node = "exchange-1",
                        .boot = 3,
                        .sequence = 9,
                        .call = 10,
                        .wall_us = 11,
                        .monotonic_us = 12,
                        .priority_class = 4,
                        .body = &body };
        g_assert_true (td_journal_add (journal, &fact));
    }
}

static void
reopen (Fixture *fixture)
{
    td_journal_close (fixture->journal);
    fixture->journal = open_journal (fixture);
}

/* "1 2 ": the numbers of FACTS. */
static void
assert_facts (GPtrArray *facts, const char *expected)
{
    g_autoptr (GString) text = g_string_new (NULL);

    for (unsigned i = 0; i < facts->len; i++) {
        const TdFact *fact = facts->pdata[i];
        g_string_append_printf (text, "%d ", (int) ((const Body *) fact->body)->number);
    }
    g_assert_cmpstr (text->str, ==, expected);
}

static void
test_fact_is_whole (Fixture *fixture, gconstpointer data)
{
    g_autoptr (GString) json = g_string_new (NULL);

    add (fixture, fixture->journal, 1, 1);
    reopen (fixture);
    g_assert_cmpuint (fixture->filling->len, ==, 1);
    td_fact_to_json (fixture->filling->pdata[0], json);
    g_assert_cmpstr (
        json->str, ==,
        "{\"event\":\"test.fact\",\"version\":1,\"node\":\"exchange-1\",\"boot\":3,"
        "\"call\":\"000-00-00000-00000a\",\"sequence\":9,\"time\":\"1970-01-01T00:00:00.000011Z\","
        "\"monotonic_us\":12,\"class\":4,\"data\":{\"text\":\"a \\\"text\\\"\","
        "\"nothing\":null,\"is_set\":true,\"number\":1,"
        "\"time_us\":\"1970-01-01T00:00:00.000005Z\",\"duration_us\":-6,\"count\":7,"
        "\"id\":\"000-00-00000-000008\"}}");
}

static void
test_order_is_kept_over_turns (Fixture *fixture, gconstpointer data)
{
    add (fixture, fixture->journal, 1, 3);
    td_journal_turn (fixture->journal);
    add (fixture, fixture->journal, 4, 5);
    reopen (fixture);
    assert_facts (fixture->draining, "1 2 3 ");
    assert_facts (fixture->filling, "4 5 ");
    add (fixture, fixture->journal, 6, 6);
    reopen (fixture);
    assert_facts (fixture->draining, "1 2 3 ");
    assert_facts (fixture->filling, "4 5 6 ");
}

static void
test_what_is_stored_does_not_come_again (Fixture *fixture, gconstpointer data)
{
    add (fixture, fixture->journal, 1, 4);
    td_journal_turn (fixture->journal);
    td_journal_drained (fixture->journal, 1, false);
    reopen (fixture);
    assert_facts (fixture->draining, "2 3 4 ");
    td_journal_drained (fixture->journal, 2, false);
    reopen (fixture);
    assert_facts (fixture->draining, "4 ");
    td_journal_drained (fixture->journal, 1, true);
    td_journal_turn (fixture->journal);
    add (fixture, fixture->journal, 5, 5);
    reopen (fixture);
    assert_facts (fixture->draining, "");
    assert_facts (fixture->filling, "5 ");
}

/* Two builds of a module run beside each other; what one leaves comes to who opens next. */
static void
test_two_beside_each_other (Fixture *fixture, gconstpointer data)
{
    TdJournal *second = open_journal (fixture), *third;

    add (fixture, fixture->journal, 1, 2);
    add (fixture, second, 3, 4);
    td_journal_turn (second);
    add (fixture, second, 5, 5);
    td_journal_close (second);
    third = open_journal (fixture);
    assert_facts (fixture->draining, "3 4 ");
    assert_facts (fixture->filling, "5 ");
    td_journal_close (third);
    reopen (fixture);
    assert_facts (fixture->draining, "");
    assert_facts (fixture->filling, "1 2 3 4 5 ");
    reopen (fixture);
    assert_facts (fixture->filling, "1 2 3 4 5 ");
}

/* At whatever byte the writer was killed, the facts before are there, and new ones follow. */
static void
test_cut_anywhere (Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_build_filename (fixture->folder, "facts.0a.journal", NULL);
    g_autofree char *bytes = NULL;
    gsize length, whole;

    add (fixture, fixture->journal, 1, 1);
    g_assert_true (g_file_get_contents (path, &bytes, &whole, NULL));
    g_clear_pointer (&bytes, g_free);
    add (fixture, fixture->journal, 2, 2);
    g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
    for (gsize cut = 0; cut < length; cut++) {
        td_journal_close (fixture->journal);
        g_assert_true (g_file_set_contents (path, bytes, (gssize) cut, NULL));
        fixture->journal = open_journal (fixture);
        assert_facts (fixture->filling, cut >= whole ? "1 " : "");
        add (fixture, fixture->journal, 3, 3);
        reopen (fixture);
        assert_facts (fixture->filling, cut >= whole ? "1 3 " : "3 ");
    }
}

/* A disk that gave back something else: nothing crashes, what is no fact is counted. */
static void
test_any_byte_changed (Fixture *fixture, gconstpointer data)
{
    g_autofree char *path = g_build_filename (fixture->folder, "facts.0a.journal", NULL);
    g_autofree char *bytes = NULL;
    gsize length;

    add (fixture, fixture->journal, 1, 2);
    g_assert_true (g_file_get_contents (path, &bytes, &length, NULL));
    for (gsize i = 0; i < length; i++) {
        td_journal_close (fixture->journal);
        bytes[i] ^= (char) 0xff;
        g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
        bytes[i] ^= (char) 0xff;
        fixture->journal = open_journal (fixture);
        g_assert_cmpuint (fixture->draining->len + fixture->filling->len, <=, 2);
    }
}

/* The next build has a field more, or one less. */
static void
test_other_build (Fixture *fixture, gconstpointer data)
{
    for (unsigned n = 4; n <= G_N_ELEMENTS (fields); n += 2) {
        td_journal_close (fixture->journal);
        close_world ();
        open_world (fixture, n);
        fixture->journal = open_journal (fixture);
        add (fixture, fixture->journal, n, n);
    }
    td_journal_close (fixture->journal);
    close_world ();
    open_world (fixture, 5);
    fixture->journal = open_journal (fixture);
    g_assert_cmpuint (fixture->n_skipped, ==, 0);
    assert_facts (fixture->filling, "4 6 8 ");
}

static void
test_no_folder (Fixture *fixture, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    unsigned n_skipped;

    g_assert_null (td_journal_open ("/nowhere", "facts", fixture->draining, fixture->filling,
                                    &n_skipped, &error));
    g_assert_nonnull (strstr (error->message, "/nowhere/facts.0a.journal: cannot be opened"));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, test) g_test_add ("/run/journal/" path, Fixture, NULL, set_up, test, tear_down)
    ADD ("fact-is-whole", test_fact_is_whole);
    ADD ("order-is-kept-over-turns", test_order_is_kept_over_turns);
    ADD ("what-is-stored-does-not-come-again", test_what_is_stored_does_not_come_again);
    ADD ("two-beside-each-other", test_two_beside_each_other);
    ADD ("cut-anywhere", test_cut_anywhere);
    ADD ("any-byte-changed", test_any_byte_changed);
    ADD ("other-build", test_other_build);
    ADD ("no-folder", test_no_folder);
    return g_test_run ();
}
