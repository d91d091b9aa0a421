/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls with a priority in the switch: what they are spared, where they wait, whom they never harm (PRI-013
 * to 017, PRI-060 to 070). A call to a number that begins with 7 has class 8, with 79 class 9; 112 is an
 * emergency call; others are ordinary. */

#include "trunk-flow.h"

#include <tandem/bus.h>

#define MARKED "marker = required\ntrunk-probe = required\n"
#define QUEUE  "queue = 2 calls\nqueue-wait = 60 s\n"
#define IN     "[trunk in]\naddress = fake:z\n"

static char *ended; /* of the latest "call.ended" */

static void
hear_ended (const TdFact *fact, void *data)
{
    const TdCallFact *body = fact->body;

    g_free (ended);
    ended = g_strdup_printf ("%u/%u queue=%s/%d exempt=%s carriers=%s", body->cause,
                             body->protocol_code, body->queue_result,
                             (int) (body->queue_wait_us / 1000), body->exemptions, body->carriers);
}

static void
set_up_marked (Flow *flow, gconstpointer data)
{
    set_up (flow, data);
    g_clear_pointer (&ended, g_free);
    td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear_ended, NULL);
}

static void
tear_down_marked (Flow *flow, gconstpointer data)
{
    tear_down (flow, data);
    g_clear_pointer (&ended, g_free);
}

/* A leg NAME comes in by TRUNK (nullable) for NUMBER. */
static void
dial (Flow *flow, const char *name, const char *number, const char *trunk)
{
    flow->endpoint->caller = name;
    flow->endpoint->trunk = trunk;
    fake_call (flow->endpoint, flow->fixture, number, NULL);
}

#define ENDED(expected) g_assert_cmpstr (ended, ==, (expected))

/* --- The queue --------------------------------------------------------------------------- */

/* PRI-062, 063: a place that comes free goes to who waits, and a new ordinary call finds none. */
static void
test_served (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate o1:answer ");
    dial (flow, "p1", "7001", NULL);
    LOG ("p1:queued ");
    g_assert_cmpint (shown ("one", "queued"), ==, 1);
    must ("trunk show one", "\"class\":8,\"waits_ms\":0");
    dial (flow, "o2", "8002", NULL);
    LOG ("o2:release(34) ");
    td_engine_advance (5000);
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("b:release(16) b:originate ");
    dial (flow, "o3", "8003", NULL);
    LOG ("o3:release(34) ");
    SAY ("b", FAKE_ANSWER, NULL);
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("p1:answer b:release(16) ");
    ENDED ("16/0 queue=served/5000 exempt=(null) carriers=one");
    g_assert_cmpint (shown ("one", "queued"), ==, 0);
    must ("trunk priority one", "\"served\":1");
}

static void
test_class_then_arrival (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    dial (flow, "p2", "7901", NULL);
    LOG ("b:originate p1:queued p2:queued ");
    SAY ("b", FAKE_RELEASE, "17");
    LOG ("o1:release(17) b:originate ");
    SAY ("p2", FAKE_RELEASE, "16"); /* it was the higher one that was served */
    LOG ("b:release(16) b:originate ");
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
}

/* PRI-065: not before every target of the list has been tried. */
static void
test_after_the_whole_list (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate c:originate ");
    SAY ("c", FAKE_RELEASE, "38");
    LOG ("p1:queued ");
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("b:release(16) b:originate ");
    SAY ("b", FAKE_RELEASE, "17");
    LOG ("p1:release(17) ");
    ENDED ("17/0 queue=served/0 exempt=(null) carriers=two,one");
}

/* Who was told that the user is busy does not wait for a trunk to him. */
static void
test_not_for_a_busy_user (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate c:originate ");
    SAY ("c", FAKE_RELEASE, "17");
    LOG ("p1:release(17) ");
    ENDED ("17/0 queue=(null)/0 exempt=(null) carriers=two");
}

/* The only place is taken by a call that stays. */
static void
fill (Flow *flow)
{
    dial (flow, "o1", "8001", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate o1:answer ");
}

/* PRI-016 */
static void
test_wait_is_over (Flow *flow, gconstpointer data)
{
    fill (flow);
    dial (flow, "p1", "7001", NULL);
    LOG ("p1:queued ");
    td_engine_advance (59999);
    LOG ("");
    td_engine_advance (2);
    LOG ("p1:release(34) ");
    ENDED ("34/408 queue=timeout/60000 exempt=(null) carriers=(null)");
    g_assert_cmpint (shown ("one", "queued"), ==, 0);
    must ("trunk priority one", "\"timeouts\":1");
}

/* PRI-016: towards another gateway of ours. */
static void
test_wait_is_over_for_a_gateway (Flow *flow, gconstpointer data)
{
    fill (flow);
    dial (flow, "p1", "7001", "in");
    td_engine_advance (60001);
    LOG ("p1:queued p1:release(34) ");
    ENDED ("34/0 queue=timeout/60000 exempt=(null) carriers=(null)");
}

static void
test_queue_is_full (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    dial (flow, "p2", "7002", NULL);
    LOG ("b:originate p1:queued p2:queued ");
    dial (flow, "p3", "7003", NULL);
    LOG ("p3:release(34) ");
    ENDED ("34/0 queue=overflow/0 exempt=(null) carriers=(null)");
    dial (flow, "p4", "7904", NULL); /* a higher class: the youngest one goes (RFC 4412 4.5.2) */
    LOG ("p4:queued p2:release(34) ");
    ENDED ("34/408 queue=displaced/0 exempt=(null) carriers=(null)");
    must ("trunk priority one", "\"overflow\":1");
}

static void
test_queue_is_full_by_profile (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    dial (flow, "p2", "7002", NULL);
    dial (flow, "p3", "7003", "in");
    ENDED ("34/600 queue=overflow/0 exempt=(null) carriers=(null)");
}

/* PRI-017 */
static void
test_hanging_up_leaves_nothing (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    td_engine_advance (3000);
    SAY ("p1", FAKE_RELEASE, "16");
    ENDED ("16/0 queue=abandoned/3000 exempt=(null) carriers=(null)");
    g_assert_cmpint (shown ("one", "queued"), ==, 0);
    LOG ("b:originate p1:queued ");
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
    td_engine_advance (100000);
    LOG ("");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
}

/* The place it was granted is free again when its caller is gone in that moment. */
static void
test_operator_releases (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    must ("trunk block one", "blocked");
    SAY ("o1", FAKE_RELEASE, "16"); /* no place: what was blocked by hand stays so */
    LOG ("b:originate p1:queued b:release(16) ");
    must ("trunk unblock one", "in-service");
    LOG ("b:originate ");
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 0);
}

/* PRI-013: without a queue. */
static void
test_no_place (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate p1:release(34) ");
    ENDED ("34/0 queue=(null)/0 exempt=(null) carriers=(null)");
    dial (flow, "p2", "7001", "in");
    ENDED ("34/488 queue=(null)/0 exempt=(null) carriers=(null)");
    dial (flow, "o2", "8001", "in");
    ENDED ("34/0 queue=(null)/0 exempt=(null) carriers=(null)");
}

/* Calls that come in wait for a place of their own group. */
static void
test_incoming (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", "one");
    LOG ("c:originate ");
    dial (flow, "p1", "7001", "one");
    LOG ("p1:queued ");
    dial (flow, "o2", "8001", "one");
    LOG ("o2:release(34) ");
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("c:release(16) c:originate ");
    SAY ("c", FAKE_ANSWER, NULL);
    LOG ("p1:answer ");
    g_assert_cmpint (shown ("one", "calls_in"), ==, 1);
    dial (flow, "p2", "7001", "one");
    td_engine_advance (60001);
    LOG ("p2:queued p2:release(34) ");
    ENDED ("34/408 queue=timeout/60000 exempt=(null) carriers=(null)");
    SAY ("p1", FAKE_RELEASE, "16");
    g_assert_cmpint (shown ("one", "calls_in"), ==, 0);
}

/* PRI-064 */
static void
test_two_queues_are_refused (Flow *flow, gconstpointer data)
{
    reconfigure (flow, MARKED "[trunk one]\naddress = fake:b\n" QUEUE
                              "[trunk two]\naddress = fake:c\nqueue-for = incoming\n" QUEUE);
    must ("config reload", "a call could wait twice");
    reconfigure (flow, MARKED "[trunk one]\naddress = fake:b\nqueue = 257 calls\n");
    must ("config reload", "257");
    reconfigure (flow,
                 MARKED "[trunk one]\naddress = fake:b\nqueue = 1 calls\nqueue-wait = 91 s\n");
    must ("config reload", "91 s");
    reconfigure (flow, MARKED "[trunk one]\naddress = fake:b\npublic-use = yes\n");
    must ("config reload", "there is no queue to wait in");
    reconfigure (flow, MARKED "[trunk one]\naddress = fake:b\nalternates = eleven\n");
    must ("config reload", "there is no trunk");
}

/* PRI-068: where the group is for public use, ordinary calls wait, too. */
static void
test_public_use (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "o2", "8002", NULL);
    dial (flow, "o3", "8003", NULL);
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate o2:queued o3:queued p1:queued ");
    SAY ("o1", FAKE_RELEASE, "16"); /* 50 % are owed to p1 by now, o2 goes */
    LOG ("b:release(16) b:originate ");
    SAY ("o2", FAKE_RELEASE, "16"); /* 100 % */
    LOG ("b:release(16) b:originate ");
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) b:originate ");
    SAY ("o3", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
}

/* PRI-067: another reservation, and nobody is dropped. */
static void
test_reservation_changes (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    dial (flow, "o2", "8002", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate o1:answer b:originate o2:answer ");
    reconfigure (flow, MARKED ONE "capacity = 3 calls\nreserve-priority = 3 calls\n");
    must ("config reload", "taken over");
    LOG ("");
    dial (flow, "o3", "8003", NULL);
    LOG ("o3:release(34) ");
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate ");
    g_assert_cmpint (shown ("one", "calls_out"), ==, 3);
}

/* PRI-067: a member keeps its own places, of the whole or a part, and nobody is dropped for them. */
static void
test_reservation_of_a_member (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    SAY ("e", FAKE_ANSWER, NULL);
    dial (flow, "o2", "8002", NULL);
    SAY ("w", FAKE_ANSWER, NULL);
    LOG ("e:originate o1:answer w:originate o2:answer ");
    dial (flow, "o3", "8003", NULL);
    LOG ("o3:release(34) ");
    dial (flow, "p1", "7001", NULL);
    LOG ("e:originate ");
    reconfigure (flow, MARKED MEMBERS ("", "capacity = 2 calls\nreserve-priority = 100 %\n",
                                       "capacity = 1 calls\nreserve-priority = 1 calls\n"));
    must ("config reload", "taken over");
    LOG ("");
    SAY ("o2", FAKE_RELEASE, "16");
    LOG ("w:release(16) ");
    dial (flow, "o4", "8004", NULL);
    LOG ("o4:release(34) ");
    dial (flow, "p2", "7002", NULL);
    LOG ("w:originate ");
    must ("trunk show pair", "\"reserve_priority\":2");
}

/* PRI-069: above the limit they are ordinary calls, which do not wait here. */
static void
test_own_limit (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001", NULL);
    dial (flow, "p2", "7002", NULL);
    LOG ("b:originate p2:release(34) ");
    must ("trunk priority one", "\"over_limit\":1");
    dial (flow, "e1", "112", NULL);
    LOG ("e1:queued ");
}

/* The module is told to go while somebody waits: it goes when his turn has come. */
static void
test_module_stops (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate p1:queued ");
    must ("module unload trunk-probe", "unloaded");
    must ("module unload trunk", "unloaded");
    LOG ("b:release(18) o1:release(18) b:originate ");
    SAY ("p1", FAKE_RELEASE, "16");
    LOG ("b:release(16) ");
}

/* --- PRI-066: alternate carriers --------------------------------------------------------- */

static void
test_alternates (Flow *flow, gconstpointer data)
{
    static const unsigned advance[] = { 34, 38, 41, 42, 44, 47, 27, 3 }, stay[] = { 17, 1, 21 };

    for (unsigned i = 0; i < G_N_ELEMENTS (advance); i++) {
        g_autofree char *cause = g_strdup_printf ("%u", advance[i]);
        dial (flow, "p1", "7001", NULL);
        SAY ("b", FAKE_RELEASE, cause);
        LOG ("b:originate c:originate ");
        SAY ("c", FAKE_RELEASE, cause);
        LOG ("d:originate ");
        SAY ("d", FAKE_ANSWER, NULL);
        SAY ("p1", FAKE_RELEASE, "16");
        LOG ("p1:answer d:release(16) ");
        ENDED ("16/0 queue=(null)/0 exempt=(null) carriers=one,two,three");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (stay); i++) {
        g_autofree char *cause = g_strdup_printf ("%u", stay[i]);
        g_autofree char *log = g_strdup_printf ("b:originate p1:release(%u) ", stay[i]);
        dial (flow, "p1", "7001", NULL);
        SAY ("b", FAKE_RELEASE, cause);
        LOG (log);
    }
}

/* An ordinary call has its route list, and no other way. */
static void
test_alternates_are_for_priority (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    SAY ("b", FAKE_RELEASE, "38");
    LOG ("b:originate o1:release(38) ");
}

static void
test_alternates_are_bounded (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001", NULL);
    SAY ("b", FAKE_RELEASE, "38");
    SAY ("c", FAKE_RELEASE, "38");
    LOG ("b:originate c:originate p1:release(38) "); /* one try */
}

static void
test_alternates_are_in_time (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001", NULL);
    SAY ("b", FAKE_RELEASE, "38");
    td_engine_advance (2001);
    SAY ("c", FAKE_RELEASE, "38");
    LOG ("b:originate c:originate p1:release(38) ");
}

/* PRI-065: alternates first, then the queue. */
static void
test_queue_behind_alternates (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001", NULL);
    SAY ("b", FAKE_ANSWER, NULL);
    dial (flow, "p1", "7001", NULL);
    LOG ("b:originate o1:answer c:originate ");
    SAY ("c", FAKE_RELEASE, "38");
    LOG ("p1:queued ");
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("b:release(16) b:originate ");
}

/* --- PRI-060: one test a control --------------------------------------------------------- */

typedef struct {
    Case of;
    const char *command, *also; /* nullable: what brings the control to its limit */
    const char *in;             /* the calls come in by it; nullable */
    unsigned n_before;          /* ordinary calls that pass before */
    const char *verdict;        /* of the next one */
    const char *passes;         /* of a call with a priority */
    const char *exemption;
} Exemption;

static const Exemption exemptions[] = {
    { { MARKED ONE, "@one" },
      "control set gap --trunk one --gap 1h",
      NULL,
      NULL,
      1,
      "x:release(42) ",
      "b:originate ",
      "gap" },
    { { MARKED ONE, "@one" },
      "control set block --trunk one",
      NULL,
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "block" },
    { { MARKED ONE, "@one" },
      "control set block --code 8",
      "control set block --code 7",
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "block" },
    { { MARKED ONE, "@one" },
      "control set gap --code 8 --gap 1h",
      "control set gap --code 7 --gap 1h",
      NULL,
      1,
      "x:release(42) ",
      "b:originate ",
      "gap" },
    { { MARKED ONE, "@one" },
      "control set cancel-to --trunk one",
      NULL,
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "cancel-to" },
    { { MARKED ONE "capacity = 1 calls\n" TWO, "@one;@two" },
      "control set cancel-from --trunk one",
      NULL,
      NULL,
      1,
      "x:release(42) ",
      "c:originate ",
      "cancel-from" },
    { { MARKED ONE, "@one" },
      "control set skip --trunk one",
      NULL,
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "skip" },
    { { MARKED ONE, "@one" },
      "control set acc --trunk one --direct 100,100,100",
      "probe level one 3",
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "acc" },
    { { MARKED ONE TWO, "@two" },
      "control set silc --trunk one --percent 100",
      NULL,
      "one",
      0,
      "x:release(42) ",
      "c:originate ",
      "silc" },
    { { MARKED ONE "capacity = 2 calls\n", "@one" },
      "control set reservation --trunk one --free 2,2 --direct 100,100,100",
      NULL,
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "reservation" },
    { { MARKED ONE "rate = 1 calls/s\n", "@one" },
      NULL,
      NULL,
      NULL,
      1,
      "x:release(42) ",
      "b:originate ",
      "rate" },
    { { MARKED ONE "rate-in = 1 calls/s\n" TWO, "@two" },
      NULL,
      NULL,
      "one",
      1,
      "x:release(42) ",
      "c:originate ",
      "rate" },
    { { MARKED "congestion = required\n[congestion]\nadmit-mc3 = 0 %\n" ONE, "@one" },
      "congestion set MC3",
      NULL,
      NULL,
      0,
      "x:release(42) ",
      "b:originate ",
      "congestion" },
    { { MARKED MEMBERS ("", "", ""), "@pair" },
      "probe down pair east",
      "probe down pair west",
      NULL,
      0,
      "x:release(38) ",
      "e:originate ",
      "probe" },
    { { MARKED ONE, "@one" },
      "probe down one one",
      NULL,
      NULL,
      0,
      "x:release(38) ",
      "b:originate ",
      "probe" },
};

static void
test_exempt (Flow *flow, gconstpointer data)
{
    const Exemption *exemption = data;

    if (exemption->command != NULL) {
        must (exemption->command, NULL);
    }
    if (exemption->also != NULL) {
        must (exemption->also, NULL);
    }
    for (unsigned i = 0; i < exemption->n_before; i++) {
        dial (flow, "w", "8000", exemption->in);
    }
    g_string_truncate (flow->endpoint->log, 0);
    dial (flow, "x", "8001", exemption->in);
    LOG (exemption->verdict);
    dial (flow, "y", "7001", exemption->in);
    LOG (exemption->passes);
    SAY (exemption->passes[0] == 'b'   ? "b"
         : exemption->passes[0] == 'c' ? "c"
                                       : "e",
         FAKE_ANSWER, NULL);
    LOG ("y:answer ");
    SAY ("y", FAKE_RELEASE, "16");
    if (strstr (ended, exemption->exemption) == NULL) {
        g_error ("%s does not name %s", ended, exemption->exemption);
    }
}

/* What an operator takes out of service is out of service for everybody. */
static void
test_blocked_by_hand (Flow *flow, gconstpointer data)
{
    must ("trunk block one", "blocked");
    dial (flow, "y", "7001", NULL);
    LOG ("y:release(38) ");
}

/* PRI-061 */
static void
test_reroute (Flow *flow, gconstpointer data)
{
    must ("control set reroute --trunk one --via two", "control");
    dial (flow, "y", "7001", NULL);
    LOG ("c:originate ");
    SAY ("c", FAKE_ANSWER, NULL);
    SAY ("y", FAKE_RELEASE, "16");
    ENDED ("16/0 queue=(null)/0 exempt=(null) carriers=two");
    must ("trunk priority two", "\"class\":8");
}

#define ADD(path, config_text, routes_text, test)                                                  \
    do {                                                                                           \
        static const Case of = { MARKED config_text, routes_text };                                \
        g_test_add ("/priority/" path, Flow, &of, set_up_marked, test, tear_down_marked);          \
    } while (0)

static void
add_exemptions (void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (exemptions); i++) {
        g_autofree char *path =
            g_strdup_printf ("/priority/PRI-060/%s/%u", exemptions[i].exemption, i);
        g_test_add (path, Flow, &exemptions[i], set_up_marked, test_exempt, tear_down_marked);
    }
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-062/served", ONE "capacity = 1 calls\n" QUEUE, "@one", test_served);
    ADD ("PRI-062/class-then-arrival", ONE "capacity = 1 calls\n" QUEUE, "@one",
         test_class_then_arrival);
    ADD ("PRI-062/module-stops", ONE "capacity = 1 calls\n" QUEUE, "@one", test_module_stops);
    ADD ("PRI-065/whole-list", ONE "capacity = 1 calls\n" QUEUE TWO, "@one;@two",
         test_after_the_whole_list);
    ADD ("PRI-065/busy", ONE "capacity = 1 calls\n" QUEUE TWO, "@one;@two",
         test_not_for_a_busy_user);
    ADD ("PRI-016/timeout", ONE "capacity = 1 calls\n" QUEUE, "@one", test_wait_is_over);
    ADD ("PRI-016/timeout-by-profile",
         ONE "capacity = 1 calls\n" QUEUE IN "queue-wait-status = 503\n", "@one",
         test_wait_is_over_for_a_gateway);
    ADD ("PRI-016/full", ONE "capacity = 1 calls\n" QUEUE, "@one", test_queue_is_full);
    ADD ("PRI-016/full-by-profile", ONE "capacity = 1 calls\n" QUEUE IN "queue-full-status = 600\n",
         "@one", test_queue_is_full_by_profile);
    ADD ("PRI-017/hanging-up", ONE "capacity = 1 calls\n" QUEUE, "@one",
         test_hanging_up_leaves_nothing);
    ADD ("PRI-060/by-hand-while-waiting", ONE "capacity = 1 calls\n" QUEUE, "@one",
         test_operator_releases);
    ADD ("PRI-013/no-place", ONE "capacity = 1 calls\n" IN "no-place-status = 488\n", "@one",
         test_no_place);
    ADD ("PRI-064/incoming", ONE "capacity = 1 calls\nqueue-for = incoming\n" QUEUE TWO, "@two",
         test_incoming);
    ADD ("PRI-064/refused", ONE, "@one", test_two_queues_are_refused);
    ADD ("PRI-067/reservation", ONE "capacity = 3 calls\n", "@one", test_reservation_changes);
    ADD ("PRI-067/member",
         MEMBERS ("", "capacity = 2 calls\nreserve-priority = 50 %\n", "capacity = 1 calls\n"),
         "@pair", test_reservation_of_a_member);
    ADD ("PRI-068/public-use",
         ONE "capacity = 1 calls\npublic-use = yes\npublic-use-share = 50 %\nqueue = 3 calls\n",
         "@one", test_public_use);
    ADD ("PRI-069/limit", ONE "capacity = 1 calls\npriority-calls = 1 calls\n" QUEUE, "@one",
         test_own_limit);
    ADD ("PRI-066/advance", ONE "alternates = two, three\n" TWO THREE, "@one", test_alternates);
    ADD ("PRI-066/ordinary", ONE "alternates = two\n" TWO, "@one",
         test_alternates_are_for_priority);
    ADD ("PRI-066/tries", ONE "alternates = two, three\nalternate-tries = 1 legs\n" TWO THREE,
         "@one", test_alternates_are_bounded);
    ADD ("PRI-066/time", ONE "alternates = two, three\nalternate-time = 2 s\n" TWO THREE, "@one",
         test_alternates_are_in_time);
    ADD ("PRI-065/alternates-first", ONE "capacity = 1 calls\nalternates = two\n" QUEUE TWO, "@one",
         test_queue_behind_alternates);
    add_exemptions ();
    ADD ("PRI-060/by-hand", ONE, "@one", test_blocked_by_hand);
    ADD ("PRI-061/reroute", ONE TWO, "@one", test_reroute);
    return g_test_run ();
}
