/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A table is there for as long as somebody may look at it, and not longer. */

#include "run/lane.h"

#include <tandem/snapshot.h>

typedef struct {
    TdTable table;
    int number;
    GString *freed;
} Table;

typedef struct {
    TdOwner module;
    GString *freed;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = g_test_rand_int () };

    td_lanes_open (&options);
    td_owner_init (&fixture->module, "guest");
    fixture->freed = g_string_new (NULL);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
    g_assert_cmpuint (td_owner_revoke_all (&fixture->module, NULL, NULL), ==, 0);
    td_lanes_settle ();
    td_lanes_close ();
    td_owner_clear (&fixture->module);
    g_string_free (fixture->freed, TRUE);
}

static void
free_table (TdTable *table)
{
    g_string_append_printf (((Table *) table)->freed, "%d", ((Table *) table)->number);
    g_free (table);
}

static TdTable *
make_table (Fixture *fixture, int number)
{
    Table *table = g_new0 (Table, 1);

    td_table_init (&table->table, free_table);
    table->number = number;
    table->freed = fixture->freed;
    return &table->table;
}

static int
number_in (const TdSnapshot *snapshot)
{
    return ((Table *) td_snapshot_peek (snapshot))->number;
}

static void
test_old_table_goes_after_a_quiet_turn (Fixture *fixture, gconstpointer data)
{
    TdSnapshot *snapshot =
        td_snapshot_new ((TdModule *) &fixture->module, "routes", make_table (fixture, 1));

    g_assert_cmpint (number_in (snapshot), ==, 1);
    td_snapshot_swap (snapshot, make_table (fixture, 2));
    g_assert_cmpint (number_in (snapshot), ==, 2);
    g_assert_cmpstr (fixture->freed->str, ==, "");
    td_lanes_step ();
    g_assert_cmpstr (fixture->freed->str, ==, "");
    td_lanes_settle ();
    g_assert_cmpstr (fixture->freed->str, ==, "1");
}

static void
test_reference_keeps_a_table (Fixture *fixture, gconstpointer data)
{
    TdSnapshot *snapshot =
        td_snapshot_new ((TdModule *) &fixture->module, "routes", make_table (fixture, 1));
    TdTable *kept = td_table_ref (td_snapshot_peek (snapshot));

    td_snapshot_swap (snapshot, make_table (fixture, 2));
    td_lanes_settle ();
    g_assert_cmpstr (fixture->freed->str, ==, "");
    td_table_unref (kept);
    g_assert_cmpstr (fixture->freed->str, ==, "1");
    td_table_unref (NULL);
}

static void
test_snapshot_may_be_empty (Fixture *fixture, gconstpointer data)
{
    TdSnapshot *snapshot = td_snapshot_new ((TdModule *) &fixture->module, "routes", NULL);

    g_assert_null (td_snapshot_peek (snapshot));
    td_snapshot_swap (snapshot, make_table (fixture, 1));
    td_snapshot_swap (snapshot, NULL);
    g_assert_null (td_snapshot_peek (snapshot));
    td_lanes_settle ();
    g_assert_cmpstr (fixture->freed->str, ==, "1");
}

static void
test_stop_takes_the_snapshot_and_keeps_the_module (Fixture *fixture, gconstpointer data)
{
    TdSnapshot *snapshot =
        td_snapshot_new ((TdModule *) &fixture->module, "routes", make_table (fixture, 1));

    td_snapshot_swap (snapshot, make_table (fixture, 2));
    atomic_store (&fixture->module.is_stopped, true);
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 2);
    g_assert_cmpstr (fixture->freed->str, ==, "");
    td_lanes_settle ();
    g_assert_cmpstr (fixture->freed->str, ==, "12");
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
}

/* Readers on real lanes against a writer; a reader that meets a freed table is a fault. */
enum { N_SWAPS = 300 };

typedef struct {
    TdPost posts[3];
    TdSnapshot *snapshot;
    atomic_bool is_over;
    atomic_uint n_readers;
    unsigned n_swaps;
    unsigned n_freed;
} Race;

typedef struct {
    TdTable table;
    Race *race;
    unsigned check;
} RaceTable;

static void
free_race_table (TdTable *table)
{
    RaceTable *race_table = (RaceTable *) table;

    race_table->race->n_freed++;
    race_table->check = 0;
    g_free (race_table);
}

static TdTable *
make_race_table (Race *race)
{
    RaceTable *table = g_new0 (RaceTable, 1);

    td_table_init (&table->table, free_race_table);
    table->race = race;
    table->check = 4711;
    return &table->table;
}

static Race *the_race;

static void
read_table (TdPost *post)
{
    Race *race = the_race;

    RaceTable *table = (RaceTable *) td_snapshot_peek (race->snapshot);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpuint (table->check, ==, 4711);
    }
    if (!atomic_load (&race->is_over)) {
        td_lane_post (td_lane_current (), post);
    } else if (atomic_fetch_sub (&race->n_readers, 1) == 1) {
        td_lanes_quit ();
    }
}

static void
swap_table (TdPost *post)
{
    Race *race = the_race;

    td_snapshot_swap (race->snapshot, make_race_table (race));
    if (++race->n_swaps < N_SWAPS) {
        td_lane_post (td_lane_current (), post);
    } else {
        atomic_store (&race->is_over, true);
    }
}

static void
quit_on (void *data)
{
    td_lanes_quit ();
}

static void
test_lanes_read_while_control_swaps (void)
{
    TdLanesOptions options = { .n_lanes = 2 };
    Race race = { .n_readers = 2 };

    the_race = &race;
    td_lanes_open (&options);
    race.snapshot = td_snapshot_new (NULL, "race", make_race_table (&race));
    for (unsigned i = 0; i < 2; i++) {
        race.posts[i].run = read_table;
        td_lane_post (td_lane_at (i), &race.posts[i]);
    }
    race.posts[2].run = swap_table;
    td_lane_post (td_lane_control (), &race.posts[2]);
    td_lanes_run ();
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_lane_sweep (NULL, NULL, quit_on, NULL, NULL);
    td_lanes_run ();
    td_lanes_close ();
    g_assert_cmpuint (race.n_freed, ==, N_SWAPS + 1);
}

#define ADD(name, function)                                                                        \
    g_test_add ("/run/snapshot/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("old-table-goes-after-a-quiet-turn", test_old_table_goes_after_a_quiet_turn);
    ADD ("reference-keeps-a-table", test_reference_keeps_a_table);
    ADD ("snapshot-may-be-empty", test_snapshot_may_be_empty);
    ADD ("stop-takes-the-snapshot-and-keeps-the-module",
         test_stop_takes_the_snapshot_and_keeps_the_module);
    g_test_add_func ("/run/snapshot/lanes-read-while-control-swaps",
                     test_lanes_read_while_control_swaps);
    return g_test_run ();
}
