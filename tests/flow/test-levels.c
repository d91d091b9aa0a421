/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a trunk group says of its calls with a priority: counters by class (PRI-101), alarms (PRI-102). A call to
 * a number that begins with 7 has class 8, with 79 class 9; with 6 it preempts, where the marker says so. */

#include "trunk-flow.h"

#include <tandem/bus.h>

#define MARKED "marker = required\ntrunk-probe = required\n"

static GString *told; /* of alarms */

static void
hear (const TdFact *fact, void *data)
{
    g_string_append_printf (told, "%s %s;", td_topic_name (fact->topic),
                            td_fact_text (fact, "alarm"));
}

static void
set_up_alarms (Flow *flow, gconstpointer data)
{
    set_up (flow, data);
    told = g_string_new (NULL);
    td_bus_subscribe (NULL, TD_LIST ("alarm.*"), hear, NULL);
}

static void
tear_down_alarms (Flow *flow, gconstpointer data)
{
    tear_down (flow, data);
    g_string_free (told, TRUE);
}

static void
dial (Flow *flow, const char *name, const char *number)
{
    flow->endpoint->caller = name;
    flow->endpoint->trunk = NULL;
    fake_call (flow->endpoint, flow->fixture, number, NULL);
}

#define TOLD(expected)                                                                             \
    do {                                                                                           \
        td_engine_settle ();                                                                       \
        g_assert_cmpstr (told->str, ==, (expected));                                               \
        g_string_truncate (told, 0);                                                               \
    } while (0)

/* --- PRI-101 ----------------------------------------------------------------------------- */

/* That PART is what the counters of trunk one say of CLASS, whose row ends before the next one. */
static void
counted_of (const char *class, const char *part)
{
    g_autofree char *answer = ask ("trunk priority one", NULL);
    g_autofree char *key = g_strdup_printf ("{\"class\":%s,", class);
    g_autofree char *value = g_strdup_printf ("%s,", part);
    char *row = strstr (answer, key), *end = row != NULL ? strchr (row, '}') : NULL;

    g_assert_nonnull (end);
    *end = ',';
    end[1] = '\0';
    if (strstr (row, value) == NULL) {
        g_error ("no %s in %s", value, row);
    }
}

/* One after the other: waits and is served, waits in vain, finds the queue full, hangs up, is put out by a
 * higher class. */
static void
test_counters_of_the_queue (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001");
    SAY ("b", FAKE_ANSWER, NULL);
    dial (flow, "p1", "7001");
    dial (flow, "p2", "7002");
    dial (flow, "p3", "7003");
    counted_of ("8", "\"offered\":3");
    counted_of ("8", "\"rejected\":3"); /* three bids for a place, by admission control */
    counted_of ("8", "\"queued\":2");
    counted_of ("8", "\"overflow\":1");
    counted_of ("8", "\"queued_now\":2");
    td_engine_advance (4000);
    SAY ("o1", FAKE_RELEASE, "16");
    SAY ("b", FAKE_ANSWER, NULL);
    counted_of ("8", "\"served\":1");
    counted_of ("8", "\"admitted\":1");
    counted_of ("8", "\"admitted_out\":1");
    counted_of ("8", "\"completed\":1");
    counted_of ("8", "\"wait_ms\":4000");
    td_engine_advance (2000);
    dial (flow, "p4", "7904");
    dial (flow, "p5", "7905");
    counted_of ("8", "\"displaced\":1"); /* p2, after 6 s */
    counted_of ("8", "\"wait_ms\":10000");
    counted_of ("8", "\"wait_longest_ms\":6000");
    counted_of ("8", "\"queued_now\":0");
    counted_of ("8", "\"queued_most\":2");
    counted_of ("9", "\"queued_most\":2");
    SAY ("p4", FAKE_RELEASE, "16");
    counted_of ("9", "\"abandoned\":1");
    td_engine_advance (60001);
    counted_of ("9", "\"timeouts\":1");
    counted_of ("9", "\"served\":0");
}

static void
test_counters_of_limits (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001");
    dial (flow, "p2", "7002");
    dial (flow, "p3", "7003");
    counted_of ("8", "\"exempt\":1"); /* p2, from a call a second */
    counted_of ("8", "\"over_limit\":1");
    counted_of ("8", "\"rejected\":1");
}

static void
test_counters_of_preemption (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "6101");
    SAY ("b", FAKE_ANSWER, NULL);
    dial (flow, "p2", "6401");
    counted_of ("5", "\"preempted\":1");
    counted_of ("8", "\"preempting\":1");
}

/* PRI-068: what only time brings back, such as calls a second, is seen by itself. */
static void
test_time_alone (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001");
    dial (flow, "o2", "8002");
    LOG ("b:originate o2:queued ");
    SAY ("o1", FAKE_RELEASE, "16");
    LOG ("b:release(16) "); /* the place is free, but one call a second is the rate */
    td_engine_advance (2100);
    LOG ("b:originate ");
    SAY ("o2", FAKE_RELEASE, "16");
}

/* --- PRI-102 ----------------------------------------------------------------------------- */

#define DEEP ONE "capacity = 1 calls\nqueue = 4 calls\nqueue-alarm = 75 %\nqueue-wait = 60 s\n"

/* Three of four wait: an alarm, until fewer than two do. */
static void
test_queue (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001");
    SAY ("b", FAKE_ANSWER, NULL);
    dial (flow, "p1", "7001");
    dial (flow, "p2", "7002");
    td_engine_advance (1100);
    TOLD ("");
    dial (flow, "p3", "7003");
    td_engine_advance (1100);
    TOLD ("alarm.raised trunk-queue;");
    must ("alarm list",
          "\"alarm\":\"trunk-queue\",\"object\":\"trunk=\\\"one\\\",way=\\\"any\\\"\","
          "\"state\":\"raised\",\"value\":3,\"raise_at\":3,\"clear_below\":2");
    must ("metric tandem_alarm_raised",
          "alarm=\\\"trunk-queue\\\",trunk=\\\"one\\\",way=\\\"any\\\"\",\"value\":1");
    SAY ("p3", FAKE_RELEASE, "16");
    td_engine_advance (1100);
    TOLD ("");
    SAY ("p2", FAKE_RELEASE, "16");
    td_engine_advance (1100);
    TOLD ("alarm.cleared trunk-queue;");
    must ("alarm list", "[]");
}

/* PRI-038: what is above the limit is an ordinary call, and an alarm. */
static void
test_excess (Flow *flow, gconstpointer data)
{
    dial (flow, "p1", "7001");
    SAY ("b", FAKE_ANSWER, NULL);
    LOG ("b:originate p1:answer ");
    TOLD ("");
    dial (flow, "p2", "7002");
    LOG ("p2:release(34) ");
    td_engine_advance (1100);
    TOLD ("alarm.raised trunk-priority-excess;");
    td_engine_advance (5000);
    dial (flow, "p3", "7003");
    LOG ("p3:release(34) ");
    td_engine_advance (6000);
    TOLD ("");
    td_engine_advance (6000);
    TOLD ("alarm.cleared trunk-priority-excess;");
}

static void
test_thresholds_change (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001");
    dial (flow, "p1", "7001");
    td_engine_advance (1100);
    TOLD ("");
    reconfigure (flow, MARKED ONE "capacity = 1 calls\nqueue = 4 calls\nqueue-alarm = 25 %\n");
    must ("config reload", "");
    td_engine_advance (1100);
    TOLD ("alarm.raised trunk-queue;");
    reconfigure (flow, MARKED ONE "capacity = 1 calls\nqueue = 4 calls\nqueue-alarm = 0 %\n");
    must ("config reload", "");
    td_engine_advance (1100);
    TOLD ("alarm.cleared trunk-queue;");
    SAY ("p1", FAKE_RELEASE, "16");
}

/* The build that watches goes, the alarm stays as it is. */
static void
test_upgrade (Flow *flow, gconstpointer data)
{
    dial (flow, "o1", "8001");
    dial (flow, "p1", "7001");
    dial (flow, "p2", "7002");
    dial (flow, "p3", "7003");
    td_engine_advance (1100);
    TOLD ("alarm.raised trunk-queue;");
    must ("module upgrade trunk", "");
    td_engine_advance (5000);
    TOLD ("");
    SAY ("p1", FAKE_RELEASE, "16");
    SAY ("p2", FAKE_RELEASE, "16");
    td_engine_advance (1100);
    TOLD ("alarm.cleared trunk-queue;");
    SAY ("p3", FAKE_RELEASE, "16");
}

#define ADD(path, config_text, test)                                                               \
    do {                                                                                           \
        static const Case of = { MARKED config_text, "@one" };                                     \
        g_test_add ("/priority/" path, Flow, &of, set_up_alarms, test, tear_down_alarms);          \
    } while (0)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-101/queue",
         ONE "capacity = 1 calls\nqueue = 2 calls\nqueue-wait = 60 s\nqueue-alarm = 0 %\n",
         test_counters_of_the_queue);
    ADD ("PRI-101/limits", ONE "capacity = 9 calls\nrate = 1 calls/s\npriority-calls = 2 calls\n",
         test_counters_of_limits);
    ADD ("PRI-101/preemption", "[marker]\ndsn = yes\n" ONE "capacity = 1 calls\nmlpp = on\n",
         test_counters_of_preemption);
    ADD ("PRI-068/time-alone",
         ONE "capacity = 1 calls\nrate = 1 calls/s\npublic-use = yes\nqueue = 5 calls\n",
         test_time_alone);
    ADD ("PRI-102/queue", DEEP, test_queue);
    ADD ("PRI-102/excess",
         ONE "capacity = 1 calls\npriority-calls = 1 calls\npriority-alarm-window = 10 s\n"
             "queue = 4 calls\n",
         test_excess);
    ADD ("PRI-102/thresholds-change", DEEP, test_thresholds_change);
    ADD ("PRI-102/upgrade", DEEP, test_upgrade);
    return g_test_run ();
}
