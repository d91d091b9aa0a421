/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trunk groups under calls: who gets a place, who gives it back and when, what an operator may do to
 * groups meanwhile. With the module loaded. */

#include "trunk-flow.h"

#include <glib/gstdio.h>

/* --- Places come back ------------------------------------------------------------------- */

static void
test_capacity (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    LOG ("b:originate b:originate ");
    call (flow, "a3", NULL);
    LOG ("a3:release(34) ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 2);
    SAY ("b", FAKE_ANSWER, NULL);
    SAY ("b", FAKE_RELEASE, "16");
    LOG ("a2:answer a2:release(16) ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 1);
    call (flow, "a4", NULL);
    LOG ("b:originate ");
    g_assert_cmpfloat (counted ("one", "overflow"), ==, 1);
    g_assert_cmpfloat (counted ("one", "out_attempts"), ==, 4);
    g_assert_cmpfloat (counted ("one", "out_seizures"), ==, 3);
    g_assert_cmpfloat (counted ("one", "peak"), ==, 2);
}

/* However a leg ends, its place is free again and is counted right. */
typedef struct {
    Case of;
    void (*end) (Flow *flow);
    const char *count; /* what it was counted as */
    bool is_effective;
} Ending;

static void
end_busy (Flow *flow)
{
    SAY ("b", FAKE_RELEASE, "17");
}

static void
end_congested (Flow *flow)
{
    SAY ("b", FAKE_RELEASE, "42");
}

static void
end_abandoned (Flow *flow)
{
    SAY ("b", FAKE_RING, NULL);
    SAY ("a", FAKE_RELEASE, "16");
}

static void
end_no_response (Flow *flow)
{
    td_engine_advance (11000);
}

static void
end_no_answer (Flow *flow)
{
    SAY ("b", FAKE_RING, NULL);
    td_engine_advance (200000);
}

static void
end_rejected (Flow *flow)
{
    SAY ("b", FAKE_RELEASE, "21");
}

static void
end_answered_caller (Flow *flow)
{
    SAY ("b", FAKE_ANSWER, NULL);
    SAY ("a", FAKE_RELEASE, "16");
}

static void
end_hung_up (Flow *flow)
{
    SAY ("b", FAKE_ANSWER, NULL);
    must ("trunk drain one --force", "draining");
    td_engine_advance (2000);
}

static const Ending endings[] = {
    { { ONE, "@one" }, end_busy, "busy", true },
    { { ONE, "@one" }, end_congested, "congestion", false },
    { { ONE, "@one" }, end_abandoned, "no_answer", true },
    { { ONE, "@one" }, end_no_response, "failed", false },
    { { ONE, "@one" }, end_no_answer, "no_answer", true },
    { { ONE, "@one" }, end_rejected, "failed", true },
    { { ONE, "@one" }, end_answered_caller, "out_answers", true },
    { { ONE, "@one" }, end_hung_up, "out_answers", true },
};

static void
test_ending (Flow *flow, gconstpointer data)
{
    const Ending *ending = data;

    call (flow, "a", NULL);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 1);
    ending->end (flow);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
    g_assert_cmpfloat (counted ("one", ending->count), ==, 1);
    g_assert_cmpfloat (counted ("one", "out_effective"), ==, ending->is_effective);
    g_assert_cmpfloat (counted ("one", "out_seizures"), ==, 1);
}

static void
test_incoming (Flow *flow, gconstpointer data)
{
    call (flow, "a1", "one");
    call (flow, "a2", "one");
    LOG ("c:originate c:originate ");
    call (flow, "a3", "one");
    LOG ("a3:release(34) ");
    g_assert_cmpint (shown ("one", "calls_in"), ==, 2);
    SAY ("a1", FAKE_RELEASE, "16");
    LOG ("c:release(16) ");
    g_assert_cmpint (shown ("one", "calls_in"), ==, 1);
    g_assert_cmpfloat (counted ("one", "in_attempts"), ==, 3);
    g_assert_cmpfloat (counted ("one", "in_seizures"), ==, 2);
}

static void
test_reserved_for_calls_in (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    LOG ("b:originate ");
    call (flow, "a2", NULL);
    LOG ("a2:release(34) ");
    g_assert_cmpfloat (counted ("one", "reserved"), ==, 1);
    call (flow, "a3", "one");
    LOG ("a3:release(34) "); /* it came in; what goes out again by the group cannot */
    g_assert_cmpfloat (counted ("one", "in_seizures"), ==, 1);
}

static void
test_rate (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    LOG ("b:originate b:originate ");
    call (flow, "a3", NULL);
    LOG ("a3:release(42) ");
    td_engine_advance (500);
    call (flow, "a4", NULL);
    LOG ("b:originate ");
    g_assert_cmpfloat (counted ("one", "rate_exceeded"), ==, 1);
}

static const char offer[] = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\n"
                            "t=0 0\r\nm=audio 4000 RTP/AVP 18 8\r\na=ptime:20\r\n";

static void
test_bandwidth (Flow *flow, gconstpointer data)
{
    for (unsigned i = 0; i < 3; i++) { /* 80 kbit/s each, of 200 */
        fake_call (flow->endpoint, flow->fixture, "5550199", offer);
    }
    LOG ("b:originate<-> b:originate<-> a:release(34) ");
}

/* --- Hunting ---------------------------------------------------------------------------- */

static void
test_hunts_over_failing_members (Flow *flow, gconstpointer data)
{
    call (flow, "a", NULL);
    LOG ("e:originate ");
    SAY ("e", FAKE_RELEASE, "38");
    LOG ("w:originate ");
    SAY ("w", FAKE_RELEASE, "38");
    LOG ("b:originate "); /* the next target */
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    g_assert_cmpfloat (counted ("pair", "out_seizures"), ==, 2);
    g_assert_cmpfloat (counted ("pair", "overflow"), ==, 0);
}

static void
test_circular (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    call (flow, "a3", NULL);
    LOG ("e:originate w:originate e:originate ");
}

static void
test_full_member_is_passed_over (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    LOG ("e:originate w:originate ");
    SAY ("e", FAKE_RELEASE, "17");
    call (flow, "a3", NULL);
    LOG ("a1:release(17) e:originate ");
}

static void
test_max_tries (Flow *flow, gconstpointer data)
{
    call (flow, "a", NULL);
    SAY ("e", FAKE_RELEASE, "38");
    LOG ("e:originate b:originate ");
}

static void
test_full_group_overflows (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    call (flow, "a3", NULL);
    LOG ("b:originate b:originate c:originate ");
}

/* --- States ----------------------------------------------------------------------------- */

static void
test_block_in_mid_call (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate a1:answer ");
    must ("trunk block one --why maintenance", "blocked");
    call (flow, "a2", NULL);
    LOG ("a2:release(38) ");
    must ("trunk show one", "\"why\":\"maintenance\"");
    must ("trunk show one", "\"who\":\"the test\"");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 1); /* it goes on */
    must ("trunk unblock one", "in-service");
    call (flow, "a3", NULL);
    LOG ("b:originate ");
    must ("trunk unblock one", "error: trunk one is in-service already");
}

static void
test_block_a_member (Flow *flow, gconstpointer data)
{
    must ("trunk block pair east", "blocked");
    call (flow, "a1", NULL);
    LOG ("w:originate ");
    must ("trunk block pair west", "blocked");
    call (flow, "a2", NULL);
    LOG ("a2:release(38) ");
    g_assert_cmpfloat (counted ("pair", "not_in_service"), ==, 1);
}

static void
test_drain (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate a1:answer ");
    must ("trunk drain one", "draining");
    td_engine_advance (3600 * 1000);
    must ("trunk list", "\"draining\"");
    SAY ("b", FAKE_RELEASE, "16");
    td_engine_advance (1001);
    must ("trunk list", "\"out-of-service\"");
}

static void
test_drain_with_time (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate a1:answer ");
    must ("trunk drain one --timeout 30s", "draining");
    td_engine_advance (29000);
    LOG ("");
    td_engine_advance (1001);
    LOG ("b:release(38) a1:release(38) ");
    td_engine_advance (1001);
    must ("trunk list", "\"out-of-service\"");
}

static void
test_drain_of_an_empty_one (Flow *flow, gconstpointer data)
{
    must ("trunk drain one", "out-of-service");
}

static void
test_block_outlives_a_restart (Flow *flow, gconstpointer data)
{
    must ("trunk block pair east --why cable", "blocked");
    must ("control set skip --trunk pair --percent 30 --from 2026-01-01T00:00:00Z",
          "\"control\":1");
    must ("module unload trunk", "unloaded");
    must ("module load trunk", "running");
    must ("trunk show pair", "cable");
    must ("control list", "\"percent\":\"30\"");
    must ("control list", "2026-01-01T00:00:00Z");
    call (flow, "a1", NULL);
    LOG ("w:originate ");
}

/* Somebody has edited the file: what is no state and no control is said, and the rest taken. */
static void
test_states_of_another_shape (void)
{
    static const Case of = { ONE "[trunk two]\naddress = fake:c\n", "@one" };
    Flow flow;

    if (!g_test_subprocess ()) {
        g_test_trap_subprocess (NULL, 0, 0);
        g_test_trap_assert_passed ();
        g_test_trap_assert_stderr ("*trunks.json: states: no trunk, or no state of one: left out*");
        g_test_trap_assert_stderr ("*trunks.json: two: no trunk, or no state of one: left out*");
        g_test_trap_assert_stderr ("*trunks.json: controls: no list of objects: left out*");
        return;
    }
    set_up (&flow, &of);
    g_autofree char *path = g_build_filename (flow.fixture->dir, "trunk", "trunks.json", NULL);
    must ("module unload trunk", "unloaded");
    g_assert_true (g_file_set_contents (
        path,
        "{\"states\":[{\"trunk\":5,\"state\":\"blocked\"},{\"trunk\":\"two\",\"state\":\"red\"},"
        "{\"trunk\":\"one\",\"member\":\"\",\"state\":\"blocked\"}],\"controls\":{\"id\":1}}",
        -1, NULL));
    must ("module load trunk", "running");
    must ("trunk show one", "\"state\":\"blocked\"");
    tear_down (&flow, NULL);
}

/* --- Reload ----------------------------------------------------------------------------- */

static void
test_reload_under_calls (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    LOG ("b:originate b:originate ");
    reconfigure (flow, ONE "capacity = 1 calls\n");
    must ("config reload", "");
    call (flow, "a3", NULL);
    LOG ("a3:release(34) "); /* and nobody was thrown out */
    g_assert_cmpint (shown ("one", "calls_out"), ==, 2);
    reconfigure (flow, ONE "capacity = 3 calls\n");
    must ("config reload", "");
    call (flow, "a4", NULL);
    LOG ("b:originate ");
    call (flow, "a5", NULL);
    LOG ("a5:release(34) ");
}

static void
test_reload_of_members (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    LOG ("e:originate ");
    reconfigure (flow, "[trunk pair]\n[member west]\ntrunk = pair\naddress = fake:w\n"
                       "[member north]\ntrunk = pair\naddress = fake:n\n");
    must ("config reload", "");
    call (flow, "a2", NULL);
    LOG ("w:originate ");
    SAY ("e", FAKE_RELEASE, "38"); /* west has not been tried for this call yet */
    LOG ("w:originate ");
    must ("trunk show pair", "\"north\"");
}

static void
test_removed_under_a_call (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate a1:answer ");
    reconfigure (flow, "[trunk two]\naddress = fake:c\n");
    must ("config reload", "");
    SAY ("a1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
    reconfigure (flow, SMALL);
    must ("config reload", "");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
}

/* A slip of the operator's, soon mended: the call is the group's again, and so is the block. */
static void
test_removed_and_brought_back_under_a_call (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate a1:answer ");
    must ("trunk block one --why cable", "blocked");
    reconfigure (flow, "[trunk two]\naddress = fake:c\n");
    must ("config reload", "");
    reconfigure (flow, SMALL);
    must ("config reload", "");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 1);
    must ("trunk show one", "cable");
    must ("trunk drain one --force", "");
    td_engine_advance (1000);
    LOG ("b:release(38) a1:release(38) ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
    must ("trunk show one", "out-of-service");
}

static void
test_bad_reload_changes_nothing (Flow *flow, gconstpointer data)
{
    reconfigure (flow, ONE "capacity = 5 calls\nreserve-in = 6 calls\n");
    must ("config reload", "reserve-in: \"6 calls\": this is more than the capacity");
    reconfigure (flow, SMALL MEMBERS ("", "capacity = 2 calls\nreserve-priority = 3 calls\n",
                                      "reserve-priority = 10 %\n"));
    must ("config reload", "reserve-priority: \"3 calls\": this is more than the capacity");
    reconfigure (flow, SMALL MEMBERS ("", "", "reserve-priority = 10 %\n"));
    must ("config reload", "reserve-priority: \"10 %\": places are reserved of a capacity");
    g_assert_cmpint (shown ("one", "capacity"), ==, 2);
}

/* --- Upgrade ---------------------------------------------------------------------------- */

static void
test_upgrade_under_calls (Flow *flow, gconstpointer data)
{
    g_autofree char *line =
        g_strdup_printf ("module upgrade trunk --file %s", g_getenv ("TRUNK_MODULE"));

    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    LOG ("b:originate b:originate ");
    must ("control set skip --trunk one --percent 1", "\"control\":1");
    must (line, "running");
    must ("control list", "\"skip\"");
    call (flow, "a3", NULL);
    LOG ("a3:release(34) ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 2);
    g_assert_cmpfloat (counted ("one", "out_seizures"), ==, 2);
    SAY ("b", FAKE_ANSWER,
         NULL); /* of the old build's call, counted by it where the new one looks */
    SAY ("b", FAKE_RELEASE, "16");
    LOG ("a2:answer a2:release(16) ");
    g_assert_cmpfloat (counted ("one", "out_answers"), ==, 1);
    g_assert_cmpint (shown ("one", "calls_out"), ==, 1);
    call (flow, "a4", NULL);
    LOG ("b:originate ");
}

static void
test_state_outlives_an_upgrade (Flow *flow, gconstpointer data)
{
    g_autofree char *line =
        g_strdup_printf ("module upgrade trunk --file %s", g_getenv ("TRUNK_MODULE"));

    call (flow, "a1", NULL);
    LOG ("b:originate ");
    must ("trunk drain one", "draining");
    must (line, "running");
    must ("trunk list", "draining");
    SAY ("b", FAKE_RELEASE, "17");
    td_engine_advance (1001);
    must ("trunk list", "out-of-service");
    must ("trunk unblock one", "in-service");
}

static void
test_time_to_drain_outlives_an_upgrade (Flow *flow, gconstpointer data)
{
    g_autofree char *line =
        g_strdup_printf ("module upgrade trunk --file %s", g_getenv ("TRUNK_MODULE"));

    call (flow, "a1", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate a1:answer ");
    must ("trunk drain one --timeout 30s", "draining");
    td_engine_advance (20000);
    must (line, "running");
    LOG ("");
    td_engine_advance (11000);
    LOG ("b:release(38) a1:release(38) ");
}

/* --- What endpoints and routing have of it ------------------------------------------------ */

static void
test_probe (Flow *flow, gconstpointer data)
{
    must ("probe down pair east silent", "");
    must ("probe down pair nobody", "");
    must ("probe down one one", "");
    must ("trunk show pair", "\"why\":\"silent\"");
    must ("trunk show one", "\"unreachable\"");
    call (flow, "a1", "one"); /* but it calls */
    LOG ("w:originate ");
    must ("probe up pair east", "");
    call (flow, "a2", NULL);
    LOG ("e:originate ");
}

static void
test_quality (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    must ("probe level one 2", "");
    must ("probe glare one", "");
    must ("probe quality one",
          "\"seizures\":2,\"answers\":1,\"calls\":2,\"capacity\":2,\"level\":2,"
          "\"in_service\":true");
    must ("probe quality nobody", "error: no such trunk");
    g_assert_cmpfloat (counted ("one", "glare"), ==, 1);
    td_engine_advance (6000);
    must ("probe quality one", "\"level\":0");
}

/* A code nobody answers at: counted once a call, however many legs that has. */
static void
test_hard_to_reach (Flow *flow, gconstpointer data)
{
    for (unsigned i = 0; i < 4; i++) {
        call (flow, "a", NULL);
        SAY ("b", FAKE_RELEASE, "17");
    }
    must ("code list", "[]");
    td_engine_advance (61000);
    must ("code list", "\"code\":\"5550\",\"answered_percent\":0");
    must ("control set cancel-to --trunk one --hard-to-reach", "\"control\":1");
    g_string_truncate (flow->endpoint->log, 0);
    call (flow, "a", NULL);
    LOG ("a:release(42) ");
}

/* --- Size ------------------------------------------------------------------------------- */

enum { N_GROUPS = 2000, N_MEMBERS = 100000 };

static uint64_t
resident_kib (void)
{
    g_autofree char *status = NULL;

    g_assert_true (g_file_get_contents ("/proc/self/status", &status, NULL, NULL));
    return g_ascii_strtoull (strstr (status, "VmRSS:") + strlen ("VmRSS:"), NULL, 10);
}

/* The members in files of their own: one file may be 4 MiB. */
static void
write_members (const char *folder)
{
    enum { PER_FILE = 25000 };
    g_autofree char *drop_ins = g_build_filename (folder, "conf.d", NULL);

    g_assert_cmpint (g_mkdir (drop_ins, 0700), ==, 0);
    for (unsigned file = 0; file < N_MEMBERS / PER_FILE; file++) {
        g_autoptr (GString) text = g_string_new (NULL);
        g_autofree char *name = g_strdup_printf ("%s/members-%u.conf", drop_ins, file);
        for (unsigned i = file * PER_FILE; i < (file + 1) * PER_FILE; i++) {
            g_string_append_printf (text, "[member m%u]\ntrunk = g%u\naddress = fake:m%u\n", i,
                                    i % N_GROUPS, i);
        }
        g_assert_true (g_file_set_contents (name, text->str, -1, NULL));
    }
}

static void
add_groups (GString *config, const char *rest)
{
    for (unsigned i = 0; i < N_GROUPS; i++) {
        g_string_append_printf (config, "[trunk g%u]\ncapacity = 480 calls\n%s", i, rest);
    }
}

/* Takes over, and hunts in, as many groups and members as are promised. What that takes is said, not
 * judged: no test fails for a slow machine. */
static void
test_many (void)
{
    g_autoptr (GString) config = g_string_new (MODULE), next = g_string_new (NULL);
    Flow flow = { 0 };

    add_groups (config, "address = fake:x\n");
    add_groups (next, "hunt = circular\n");
    flow.fixture = td_fixture_new (config->str);
    flow.endpoint = fake_endpoint_new (flow.fixture);
    flow.endpoint->routes = g_strdup ("@g1999");
    uint64_t before_kib = resident_kib ();
    write_members (flow.fixture->dir);
    reconfigure (&flow, next->str);
    int64_t begin_us = g_get_monotonic_time ();
    must ("config reload", "");
    int64_t took_ms = (g_get_monotonic_time () - begin_us) / 1000;
    g_test_message ("%d groups, %d members: taken over in %d ms, %d KiB more resident", N_GROUPS,
                    N_MEMBERS, (int) took_ms, (int) (resident_kib () - before_kib));
    call (&flow, "a1", NULL);
    call (&flow, "a2", NULL);
    fake_assert_log (flow.endpoint, "m1999:originate m3999:originate ");
    tear_down (&flow, NULL);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD_CASE ("ROU-002/capacity", SMALL, "@one", test_capacity);
    ADD_CASE ("ROU-002/incoming", SMALL TWO, "@two", test_incoming);
    ADD_CASE ("ROU-002/rate", ONE "rate = 2 calls/s\n", "@one", test_rate);
    ADD_CASE ("ROU-002/bandwidth", ONE "bandwidth = 200 kbit/s\n", "@one", test_bandwidth);
    ADD_CASE ("ROU-003/calls-in", SMALL "reserve-in = 50 %\n", "@one", test_reserved_for_calls_in);
    for (unsigned i = 0; i < G_N_ELEMENTS (endings); i++) {
        g_autofree char *path = g_strdup_printf ("/trunk/ROU-002/ending/%u", i);
        g_test_add (path, Flow, &endings[i], set_up, test_ending, tear_down);
    }
    ADD_CASE ("ROU-005/failing-members", MEMBERS ("", "", "") ONE, "@pair;@one",
              test_hunts_over_failing_members);
    ADD_CASE ("ROU-005/circular", MEMBERS ("hunt = circular\n", "", ""), "@pair", test_circular);
    ADD_CASE ("ROU-005/full-member", MEMBERS ("", "capacity = 1 calls\n", ""), "@pair",
              test_full_member_is_passed_over);
    ADD_CASE ("ROU-005/max-tries", MEMBERS ("max-tries = 1 members\n", "", "") ONE, "@pair;@one",
              test_max_tries);
    ADD_CASE ("ROU-007/overflow", SMALL TWO, "@one;@two", test_full_group_overflows);
    ADD_CASE ("ROU-006/block-in-mid-call", ONE, "@one", test_block_in_mid_call);
    ADD_CASE ("ROU-006/block-a-member", MEMBERS ("", "", ""), "@pair", test_block_a_member);
    ADD_CASE ("ROU-006/drain", ONE, "@one", test_drain);
    ADD_CASE ("ROU-006/drain-with-time", ONE, "@one", test_drain_with_time);
    ADD_CASE ("ROU-006/drain-an-empty-one", ONE, "@one", test_drain_of_an_empty_one);
    ADD_CASE ("ROU-006/restart", MEMBERS ("", "", ""), "@pair", test_block_outlives_a_restart);
    ADD_CASE ("ROU-003/reload", SMALL, "@one", test_reload_under_calls);
    ADD_CASE ("ROU-003/reload-of-members", MEMBERS ("", "", ""), "@pair", test_reload_of_members);
    ADD_CASE ("ROU-003/removed", SMALL, "@one", test_removed_under_a_call);
    ADD_CASE ("ROU-003/brought-back", SMALL, "@one", test_removed_and_brought_back_under_a_call);
    ADD_CASE ("ROU-003/bad-reload", SMALL, "@one", test_bad_reload_changes_nothing);
    ADD_CASE ("ROU-003/upgrade", SMALL, "@one", test_upgrade_under_calls);
    ADD_CASE ("ROU-006/upgrade", ONE, "@one", test_state_outlives_an_upgrade);
    ADD_CASE ("ROU-006/upgrade-with-time", ONE, "@one", test_time_to_drain_outlives_an_upgrade);
    ADD_CASE ("ROU-006/probe", "trunk-probe = required\n" MEMBERS ("", "", "") ONE, "@pair",
              test_probe);
    ADD_CASE ("ROU-008/quality", "trunk-probe = required\n" SMALL, "@one", test_quality);
    ADD_CASE ("ROU-004/hard-to-reach",
              ONE "[traffic]\nhard-to-reach-digits = 4\nhard-to-reach-window = 60 s\n"
                  "hard-to-reach-calls = 4\n",
              "@one", test_hard_to_reach);
    g_test_add_func ("/trunk/ROU-006/states-of-another-shape", test_states_of_another_shape);
    g_test_add_func ("/trunk/ROU-001/many", test_many);
    return g_test_run ();
}
