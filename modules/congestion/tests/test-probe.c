/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lane that is slow is seen, while it is and after (ROU-051). */

#include "probe.h"

typedef struct {
    TdOwner module;
    Probes *probes;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
    td_lanes_open (&(TdLanesOptions){
        .n_lanes = 2, .is_fake = true, .seed = g_test_rand_int (), .inbox_limit = 1 });
    td_owner_init (&fixture->module, "congestion");
    fixture->probes = probes_new ((TdModule *) &fixture->module);
}

static void
tear_down (Fixture *fixture, const void *data)
{
    td_lanes_close ();
    probes_free (fixture->probes);
    td_owner_clear (&fixture->module);
}

static void
pass (int64_t us)
{
    td_clock_fake_move (td_clock_read_us () + us);
}

/* Control's clock is read at the beginning of its turn, as it is in the module. */
static void
turn (void *data)
{
    void **arguments = data;

    probes_turn (arguments[0], arguments[1]);
}

static ProbeReading
read_probes (Fixture *fixture)
{
    ProbeReading reading;

    td_lanes_on (td_lane_control (), turn, (void *[]){ fixture->probes, &reading });
    return reading;
}

static void
test_idle_lane_has_no_delay (Fixture *fixture, const void *data)
{
    read_probes (fixture);
    td_lanes_settle ();
    pass (100000);
    g_assert_cmpint (read_probes (fixture).delay_us, ==, 0);
}

static void
test_delay_until_its_turn (Fixture *fixture, const void *data)
{
    read_probes (fixture);
    pass (30000);
    td_lanes_settle ();
    pass (70000);
    g_assert_cmpint (read_probes (fixture).delay_us, ==, 30000);
    td_lanes_settle ();
    pass (100000);
    g_assert_cmpint (read_probes (fixture).delay_us, ==, 0);
}

static void
test_lane_that_hangs_is_seen_while_it_does (Fixture *fixture, const void *data)
{
    read_probes (fixture);
    for (int64_t ms = 100; ms <= 1000; ms += 100) {
        pass (100000);
        g_assert_cmpint (read_probes (fixture).delay_us, ==, ms * 1000);
    }
    td_lanes_settle ();
    g_assert_cmpint (read_probes (fixture).delay_us, ==, 1000000);
}

static void
ignore (TdPost *post)
{
}

static void
test_full_queue_is_a_delay (Fixture *fixture, const void *data)
{
    TdPost filler = { .run = ignore, .drop = ignore };

    td_lanes_settle ();
    g_assert_true (td_lane_try_post (td_lane_at (1), &filler, TD_POST_ORDINARY));
    read_probes (fixture);
    pass (250000);
    ProbeReading reading = read_probes (fixture);
    g_assert_cmpint (reading.delay_us, ==, 250000);
    td_lanes_settle ();
    pass (10000);
    read_probes (fixture);
    td_lanes_settle ();
    g_assert_cmpint (read_probes (fixture).delay_us, ==, 260000); /* that one waited so long */
    td_lanes_settle ();
    g_assert_cmpint (read_probes (fixture).delay_us, ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/congestion/probe/" path, Fixture, NULL, set_up, function, tear_down)
    ADD ("idle", test_idle_lane_has_no_delay);
    ADD ("delay", test_delay_until_its_turn);
    ADD ("hangs", test_lane_that_hangs_is_seen_while_it_does);
    ADD ("full-queue", test_full_queue_is_a_delay);
    return g_test_run ();
}
