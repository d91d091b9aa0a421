/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a trunk group says of its calls with a priority: alarms (PRI-102). A call to a number that begins with
 * 7 has class 8, with 79 class 9. */

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
    ADD ("PRI-102/queue", DEEP, test_queue);
    ADD ("PRI-102/excess",
         ONE "capacity = 1 calls\npriority-calls = 1 calls\npriority-alarm-window = 10 s\n"
             "queue = 4 calls\n",
         test_excess);
    ADD ("PRI-102/thresholds-change", DEEP, test_thresholds_change);
    ADD ("PRI-102/upgrade", DEEP, test_upgrade);
    return g_test_run ();
}
