/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trunk groups under calls: what keeps traffic away from them or leads it elsewhere, and how it is counted.
 * With the module loaded. */

#include "trunk-flow.h"

/* It says the level, and lets everybody in. */
#define CONGESTION                                                                                 \
    "congestion = required\n[congestion]\nadmit-mc1 = 100 %\nadmit-mc2 = 100 %\n"                  \
    "admit-mc3 = 100 %\n"

/* --- Controls --------------------------------------------------------------------------- */

static void
test_code_block (Flow *flow, gconstpointer data)
{
    must ("control set block --code 5550 --cause unallocated-number", "\"control\":1");
    call (flow, "a", NULL);
    LOG ("a:release(1) ");
    must ("control list", "\"hits\":1");
    must ("control clear 1", "\"cleared\":1");
    call (flow, "a", NULL);
    LOG ("b:originate ");
}

static void
test_cancel_and_skip (Flow *flow, gconstpointer data)
{
    must ("control set skip --trunk one", "\"control\":1");
    call (flow, "a1", NULL);
    LOG ("c:originate ");
    must ("control set cancel-to --trunk one", "\"control\":2");
    call (flow, "a2", NULL);
    LOG ("a2:release(42) ");
    g_assert_cmpfloat (counted ("one", "control_skip"), ==, 1);
    g_assert_cmpfloat (counted ("one", "control_cancel_to"), ==, 1);
}

static void
test_cancel_from (Flow *flow, gconstpointer data)
{
    call (flow, "a1", NULL);
    call (flow, "a2", NULL);
    must ("control set cancel-from --trunk one", "\"control\":1");
    LOG ("b:originate b:originate ");
    call (flow, "a3", NULL);
    LOG ("a3:release(42) ");
}

static void
test_reroute (Flow *flow, gconstpointer data)
{
    must ("control set reroute --trunk one --via two", "\"control\":1");
    call (flow, "a1", NULL);
    LOG ("c:originate ");
    g_assert_cmpfloat (counted ("two", "out_seizures"), ==, 1);
    g_assert_cmpfloat (counted ("one", "out_seizures"), ==, 0);
    SAY ("c", FAKE_RELEASE, "38"); /* then as it would have been */
    LOG ("b:originate ");
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("a1:answer ");
}

static void
test_reroute_of_overflow (Flow *flow, gconstpointer data)
{
    must ("control set reroute-overflow --trunk one --via two,three --spray", "\"control\":1");
    for (unsigned i = 0; i < 4; i++) {
        call (flow, "a", NULL);
    }
    LOG ("b:originate b:originate c:originate d:originate ");
}

static void
test_silc (Flow *flow, gconstpointer data)
{
    must ("control set silc --trunk two --percent 50", "\"control\":1");
    for (unsigned i = 0; i < 4; i++) {
        call (flow, "a", "two");
    }
    LOG ("b:originate a:release(42) b:originate a:release(42) ");
}

static void
place_four (Flow *flow, const char *expected)
{
    g_string_truncate (flow->endpoint->log, 0); /* of those that nobody answered */
    for (unsigned i = 0; i < 4; i++) {
        call (flow, "a", "two");
    }
    LOG (expected);
}

/* Nobody has to be awake: the level of the switch says how much of a group's traffic it takes. */
static void
test_silc_by_the_machine (Flow *flow, gconstpointer data)
{
    must ("control set silc --trunk two --machine", "\"control\":1");
    place_four (flow, "b:originate b:originate b:originate b:originate ");
    must ("congestion set MC1", "");
    place_four (flow, "b:originate b:originate b:originate a:release(42) ");
    must ("congestion set MC2", "");
    place_four (flow, "b:originate a:release(42) b:originate a:release(42) ");
    must ("module unload trunk", "unloaded"); /* it is what it was after a restart, too */
    must ("module load trunk", "running");
    must ("congestion set MC3", "");
    place_four (flow, "a:release(42) a:release(42) a:release(42) a:release(42) ");
    must ("congestion clear", "");
    must ("module unload congestion", "unloaded"); /* nobody keeps it */
    place_four (flow, "b:originate b:originate b:originate b:originate ");
}

static void
test_acc_by_the_machine (Flow *flow, gconstpointer data)
{
    must ("control set acc --trunk one --machine --direct 0,50,100", "\"control\":1");
    must ("congestion set MC1", "");
    place_four (flow, "b:originate b:originate b:originate b:originate ");
    must ("congestion set MC2", "");
    place_four (flow, "b:originate a:release(42) b:originate a:release(42) ");
    must ("control list", "\"machine\":\"yes\"");
}

static void
test_wrong_controls (Flow *flow, gconstpointer data)
{
    must ("control set skip --trunk nobody", "error: there is no trunk \"nobody\"");
    must ("control set jump", "error: KIND jump: no control");
    must ("control set gap --code 1 --gap 5", "error: --gap 5: no time");
    must ("control set skip --trunk one --from yesterday", "error: --from yesterday: no time");
    must ("control set acc --trunk one --direct 1,2,3,4",
          "error: --direct 1,2,3,4: write at most 3");
    must ("control set block --code 1 --cause 200", "error: --cause 200: no cause");
    must ("control set skip --trunk one --percent 0", "1 to 100 percent");
    must ("control clear 7", "error: there is no control \"7\"");
    must ("control set skip --trunk one", "\"control\":1");
    must ("control clear 1,2", "error: there is no control \"1,2\"");
    must ("control set skip --trunk one --until 2001-01-01T00:00:00Z", "error: --until");
    must ("trunk statistics one --last 5h", "error: \"5h\" is no number of intervals");
    must ("trunk show on", "is \"one\" meant?");
    must ("trunk block one nobody", "has no member");
    must ("trunk drain one --timeout soon", "no time up to a day");
    must ("trunk statistics one --form png", "no form");
}

/* --- Statistics ------------------------------------------------------------------------- */

static void
test_statistics (Flow *flow, gconstpointer data)
{
    call (flow, "a", "two");
    td_engine_advance (2000);
    SAY ("b", FAKE_RING, NULL);
    td_engine_advance (3000);
    SAY ("b", FAKE_ANSWER, NULL);
    td_engine_advance (60000);
    SAY ("b", FAKE_RELEASE, "16");
    g_assert_cmpfloat (counted ("one", "asr_percent"), ==, 100);
    g_assert_cmpfloat (counted ("one", "acd_s"), ==, 60);
    g_assert_cmpfloat_with_epsilon (counted ("one", "pdd_p50_ms"), 1750, 250);
    g_assert_cmpfloat (counted ("two", "in_answers"), ==, 1);
    g_assert_cmpfloat (counted ("two", "acd_s"), ==, 60);
    td_engine_advance (900 * 1000);
    must ("trunk statistics one --form csv", "begin,seconds,asr_percent");
    must ("trunk statistics one --form svg", "<svg");
    must ("trunk statistics", "\"trunk\":\"one\"");
    must ("metric", "tandem_trunk_answers_total");
}

/* Two of three are answered: 66.66 percent, whoever prints it. */
static void
test_forms_agree (Flow *flow, gconstpointer data)
{
    for (unsigned i = 0; i < 3; i++) {
        call (flow, "a", NULL);
        if (i > 0) {
            SAY ("b", FAKE_ANSWER, NULL);
        }
        SAY ("a", FAKE_RELEASE, "16");
    }
    must ("trunk statistics one --last 1", "\"asr_percent\":66.7");
    must ("trunk statistics one --last 1 --form csv", ",66.7,");
}

static char *
path_of_statistics (const Flow *flow)
{
    return g_build_filename (flow->fixture->dir, "trunk", "statistics-20260101", NULL);
}

/* A call that is answered and ends: most of an interval. */
static void
count_one (Flow *flow)
{
    call (flow, "a", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    SAY ("b", FAKE_RELEASE, "16");
}

static void
test_statistics_outlive_a_restart (Flow *flow, gconstpointer data)
{
    count_one (flow);
    td_engine_advance (900 * 1000);
    count_one (flow);
    td_engine_advance (60 * 1000);
    must ("module unload trunk", "unloaded");
    must ("module load trunk", "running");
    g_autofree char *answer = ask ("trunk statistics one --form csv", NULL);
    g_auto (GStrv) lines = g_strsplit (answer, "\\r\\n", -1);
    g_assert_cmpuint (g_strv_length (lines), ==, 5); /* head, two closed ones, this one, the end */
}

/* A process that is killed has stored all intervals but the present one. */
static void
test_statistics_outlive_a_kill (Flow *flow, gconstpointer data)
{
    g_autofree char *path = path_of_statistics (flow), *text = NULL;

    count_one (flow);
    td_engine_advance (899 * 1000);
    td_engine_advance (2000);
    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_assert_nonnull (strstr (text, " out_answers=1 "));
}

/* The book goes on: nothing is read again, or written twice. */
static void
test_statistics_outlive_an_upgrade (Flow *flow, gconstpointer data)
{
    g_autofree char *upgrade =
        g_strdup_printf ("module upgrade trunk --file %s", g_getenv ("TRUNK_MODULE"));

    count_one (flow);
    td_engine_advance (900 * 1000);
    must (upgrade, "");
    td_engine_advance (5000);
    must ("trunk statistics one", "\"out_answers\":1");
    td_engine_advance (900 * 1000);
    g_autofree char *path = path_of_statistics (flow), *text = NULL;
    g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    g_assert_cmpuint (g_strv_length (lines), ==, 3);
}

static void
test_interval_of_its_own (Flow *flow, gconstpointer data)
{
    count_one (flow);
    td_engine_advance (301 * 1000);
    must ("trunk statistics one", "\"seconds\":300");
    g_assert_cmpfloat (counted ("one", "seconds"), ==, 1);
    g_assert_cmpfloat (counted ("two", "seconds"), ==, 301);
}

/* A name that has what ends a label. */
static void
test_label_of_odd_name (Flow *flow, gconstpointer data)
{
    must ("metric", "trunk=\\\"o\\\\\\\"n\\\\\\\\e\\\",way=");
}

/* What is shown of the pair adds up: all calls are over. */
static void
assert_sums (void)
{
    static const char *const failures[] = { "busy", "no_answer", "congestion", "no_route",
                                            "failed" };
    double seizures = counted ("pair", "out_seizures"), answers = counted ("pair", "out_answers");
    double sum = answers;

    for (unsigned i = 0; i < G_N_ELEMENTS (failures); i++) {
        sum += counted ("pair", failures[i]);
    }
    g_assert_cmpfloat (sum, ==, seizures);
    g_assert_cmpfloat (counted ("pair", "ended"), ==, answers);
    g_assert_cmpfloat (seizures + counted ("pair", "overflow") + counted ("pair", "rate_exceeded")
                           + counted ("pair", "not_in_service"),
                       ==, counted ("pair", "out_attempts"));
}

/* Two members ring together. Whichever rings, answers or fails, in whatever order: it is counted as
 * what it was. */
static void
test_sums (Flow *flow, gconstpointer data)
{
    static const char *const names[] = { "e", "w" };
    unsigned n_answered = 0, n_busy = 0;

    for (unsigned round = 0; round < 40; round++) {
        unsigned first = (unsigned) g_test_rand_int_range (0, 2);
        int ringing = g_test_rand_int_range (0, 3);
        bool is_busy = g_test_rand_bit (), is_answered = g_test_rand_bit ();
        call (flow, "a", NULL);
        for (int i = 0; i < ringing; i++) {
            SAY (names[(first + (unsigned) i) % 2], FAKE_RING, NULL);
        }
        if (is_busy) {
            SAY (names[!first], FAKE_RELEASE, "17");
            n_busy++;
        }
        if (is_answered) {
            SAY (names[first], FAKE_ANSWER, NULL);
            td_engine_advance (2000);
            n_answered++;
        }
        SAY ("a", FAKE_RELEASE, "16");
        g_assert_cmpfloat (counted ("pair", "out_answers"), ==, n_answered);
        g_assert_cmpfloat (counted ("pair", "busy"), ==, n_busy);
        g_assert_cmpfloat (counted ("pair", "talk_seconds"), ==, 2 * n_answered);
        assert_sums ();
    }
}

/* Two legs of one group ring together. What becomes of one is not put down to the other: the one that
 * rang has reached the called user when the caller gives up, whoever was busy before. */
static void
test_ringing_together (Flow *flow, gconstpointer data)
{
    call (flow, "a", NULL);
    SAY ("e", FAKE_RING, NULL);
    SAY ("w", FAKE_RELEASE, "17");
    SAY ("a", FAKE_RELEASE, "16");
    g_assert_cmpfloat (counted ("pair", "busy"), ==, 1);
    g_assert_cmpfloat (counted ("pair", "no_answer"), ==, 1);
    g_assert_cmpfloat (counted ("pair", "out_effective"), ==, 2);
}

static void
test_congestion_is_told (Flow *flow, gconstpointer data)
{
    for (unsigned i = 0; i < 12; i++) {
        call (flow, "a", NULL);
        SAY ("b", FAKE_RELEASE, "42");
    }
    td_engine_advance (1001);
    g_assert_cmpint (shown ("one", "congestion"), ==, 3);
    td_engine_advance (11000);
    g_assert_cmpint (shown ("one", "congestion"), ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD_CASE ("ROU-050/code-block", ONE, "@one", test_code_block);
    ADD_CASE ("ROU-050/cancel-and-skip", ONE TWO, "@one;@two", test_cancel_and_skip);
    ADD_CASE ("ROU-050/cancel-from", SMALL TWO, "@one;@two", test_cancel_from);
    ADD_CASE ("ROU-050/reroute", ONE TWO, "@one", test_reroute);
    ADD_CASE ("ROU-050/reroute-overflow", SMALL TWO THREE, "@one", test_reroute_of_overflow);
    ADD_CASE ("ROU-050/silc", ONE TWO, "@one", test_silc);
    ADD_CASE ("ROU-050/silc-by-the-machine", CONGESTION ONE TWO, "@one", test_silc_by_the_machine);
    ADD_CASE ("ROU-050/acc-by-the-machine", CONGESTION ONE TWO, "@one", test_acc_by_the_machine);
    ADD_CASE ("ROU-050/wrong", ONE, "@one", test_wrong_controls);
    ADD_CASE ("ROU-009/statistics", ONE TWO, "@one", test_statistics);
    ADD_CASE ("ROU-009/forms-agree", ONE, "@one", test_forms_agree);
    ADD_CASE ("ROU-009/restart", ONE, "@one", test_statistics_outlive_a_restart);
    ADD_CASE ("ROU-009/kill", ONE, "@one", test_statistics_outlive_a_kill);
    ADD_CASE ("ROU-009/upgrade", ONE, "@one", test_statistics_outlive_an_upgrade);
    ADD_CASE ("ROU-009/interval", ONE "interval = 5 min\n" TWO, "@one", test_interval_of_its_own);
    ADD_CASE ("ROU-009/interval-as-traffic",
              ONE TWO "interval = 1440 min\n[traffic]\ninterval = 5 min\n", "@one",
              test_interval_of_its_own);
    ADD_CASE ("ROU-009/odd-name", "[trunk o\"n\\e]\naddress = fake:b\n", "b",
              test_label_of_odd_name);
    ADD_CASE ("ROU-009/sums", MEMBERS ("hunt = circular\n", "", ""), "@pair @pair", test_sums);
    ADD_CASE ("ROU-009/ringing-together", MEMBERS ("hunt = circular\n", "", ""), "@pair @pair",
              test_ringing_together);
    ADD_CASE ("ROU-008/congestion", ONE, "@one", test_congestion_is_told);
    return g_test_run ();
}
