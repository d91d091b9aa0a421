/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An alarm is raised once and over once, by what is counted, wherever that is (PRI-102). */

#include "operate/operate.h"

#include "base/metric.h"
#include "base/owner.h"
#include "operate/command.h"
#include "run/bus.h"
#include "run/lane.h"

#include <tandem/iface/trunk-counter.h>
#include <tandem/priority.h>

enum { WINDOW_MS = 8000 };

typedef struct {
    TdOwner owner;
    GString *told;
} World;

static void
hear (const TdFact *fact, void *data)
{
    g_string_append_printf (((World *) data)->told, "%s %s %s class %u;",
                            td_topic_name (fact->topic), td_fact_text (fact, "alarm"),
                            td_fact_text (fact, "object"), fact->priority_class);
}

static void
set_up (World *world, const void *data)
{
    td_lanes_open (&(TdLanesOptions){ .n_lanes = 2, .is_fake = true, .seed = 7, .boot = 3 });
    td_bus_open ("exchange-1", 3);
    td_commands_start ();
    td_alarms_open ();
    td_owner_init (&world->owner, "trunk");
    world->told = g_string_new (NULL);
    td_bus_subscribe (NULL, TD_LIST ("alarm.*"), hear, world);
}

static void
tear_down (World *world, const void *data)
{
    td_owner_revoke_all (&world->owner, NULL, NULL);
    td_lanes_advance (2000);
    td_alarms_close ();
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_lanes_settle ();
    td_owner_clear (&world->owner);
    td_bus_close ();
    td_lanes_close ();
    g_string_free (world->told, TRUE);
}

static TdMetric *
declare (World *world, TdMetricKind kind, const char *labels, uint64_t raise_at,
         uint64_t clear_below)
{
    return td_metric_declare ((TdModule *) &world->owner,
                              &(TdMetricDecl){
                                  .size = sizeof (TdMetricDecl),
                                  .kind = kind,
                                  .name = kind == TD_METRIC_GAUGE ? "watched" : "watched_total",
                                  .help = "Help",
                                  .labels = labels,
                                  .is_priority = g_strcmp0 (labels, "p=\"1\"") == 0,
                                  .alarm = { "test", "Look at it", raise_at, clear_below,
                                             kind == TD_METRIC_GAUGE ? 0 : WINDOW_MS },
                              });
}

static void
add (TdMetric *metric, int amount)
{
    td_metric_add (metric, amount);
    td_lanes_settle ();
}

static void
assert_told (World *world, const char *expected)
{
    td_lanes_settle ();
    g_assert_cmpstr (world->told->str, ==, expected);
    g_string_truncate (world->told, 0);
}

static void
test_gauge (World *world, const void *data)
{
    TdMetric *metric = declare (world, TD_METRIC_GAUGE, "a=\"1\"", 4, 2);

    add (metric, 3);
    assert_told (world, "");
    add (metric, 1);
    td_lanes_advance (1100);
    assert_told (world, "alarm.raised test a=\"1\" class 4;");
    add (metric, 1);
    td_lanes_advance (1100);
    add (metric, -3);
    td_lanes_advance (10000);
    assert_told (world, "");
    add (metric, -1);
    td_lanes_advance (1100);
    assert_told (world, "alarm.cleared test a=\"1\" class 4;");
}

/* Nobody waits for a second to pass when all was quiet. */
static void
test_at_once (World *world, const void *data)
{
    TdMetric *metric = declare (world, TD_METRIC_GAUGE, "a=\"2\"", 1, 1);

    td_lanes_advance (10000);
    add (metric, 1);
    assert_told (world, "alarm.raised test a=\"2\" class 4;");
}

static void
test_counter (World *world, const void *data)
{
    TdMetric *metric = declare (world, TD_METRIC_COUNTER, "a=\"3\"", 3, 2);

    td_lanes_advance (60000);
    add (metric, 2);
    td_lanes_advance (WINDOW_MS + 2000);
    assert_told (world, "");
    add (metric, 2);
    td_lanes_advance (WINDOW_MS / 2);
    add (metric, 1);
    td_lanes_advance (1100);
    assert_told (world, "alarm.raised test a=\"3\" class 4;");
    for (unsigned i = 0; i < 10; i++) { /* it goes on, if more slowly */
        td_lanes_advance (WINDOW_MS / 4);
        add (metric, 1);
    }
    assert_told (world, "");
    td_lanes_advance (WINDOW_MS + 2000);
    assert_told (world, "alarm.cleared test a=\"3\" class 4;");
    td_lanes_advance (10 * WINDOW_MS);
    assert_told (world, "");
}

/* What was counted before the module came, another time, is none of its business. */
static void
test_counted_before (World *world, const void *data)
{
    TdMetric *metric = declare (world, TD_METRIC_COUNTER, "a=\"4\"", 3, 3);

    add (metric, 10);
    assert_told (world, "alarm.raised test a=\"4\" class 4;");
    td_owner_revoke_all (&world->owner, NULL, NULL);
    assert_told (world, "");
    td_lanes_advance (1100);
    assert_told (world, "alarm.cleared test a=\"4\" class 4;");
    declare (world, TD_METRIC_COUNTER, "a=\"4\"", 3, 3);
    td_lanes_advance (1100);
    assert_told (world, "");
}

static void
test_other_thresholds (World *world, const void *data)
{
    TdMetric *metric = declare (world, TD_METRIC_GAUGE, "a=\"5\"", 10, 5);

    add (metric, 4);
    assert_told (world, "");
    g_assert_true (declare (world, TD_METRIC_GAUGE, "a=\"5\"", 4, 2) == metric);
    g_assert_cmpuint (td_owner_count (&world->owner), ==, 1);
    td_lanes_advance (1100);
    assert_told (world, "alarm.raised test a=\"5\" class 4;");
    declare (world, TD_METRIC_GAUGE, "a=\"5\"", 0, 0);
    td_lanes_advance (1100);
    assert_told (world, "alarm.cleared test a=\"5\" class 4;");
}

/* --- Who is told ------------------------------------------------------------------------- */

static void
take (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    g_autofree char *json = piece != NULL ? td_result_to_json (piece) : NULL;

    g_string_append (data, json != NULL ? json : error_text);
}

static char *
ask (World *world, const char *line, unsigned rights)
{
    g_auto (GStrv) words = g_strsplit (line, " ", -1);
    g_autoptr (GString) heard = g_string_new (NULL);
    TdRequest *request = td_command_run ((TdModule *) &world->owner, (const char *const *) words,
                                         "uid 7", rights, take, heard);

    td_request_unref (request);
    return g_string_free (g_steal_pointer (&heard), FALSE);
}

static void
assert_shown (World *world, const char *line, unsigned rights, const char *part, bool is_shown)
{
    g_autofree char *answer = ask (world, line, rights);

    if (is_shown != (strstr (answer, part) != NULL)) {
        g_error ("%s (rights %u): %s", line, rights, answer);
    }
}

/* PRI-103 */
static void
test_role (World *world, const void *data)
{
    static const char *const lines[] = { "alarm list", "alarm list --all", "metric watched",
                                         "metric --prometheus" };
    static const char *const objects[] = { "a=\\\"6\\\"", "p=\\\"1\\\"" };

    for (unsigned i = 0; i < G_N_ELEMENTS (objects); i++) {
        add (declare (world, TD_METRIC_GAUGE, i == 0 ? "a=\"6\"" : "p=\"1\"", 1, 1), 1);
    }
    td_lanes_advance (1100);
    assert_told (world, "alarm.raised test a=\"6\" class 4;alarm.raised test p=\"1\" class 15;");
    for (unsigned i = 0; i < G_N_ELEMENTS (lines); i++) {
        assert_shown (world, lines[i], 0, objects[0], true);
        assert_shown (world, lines[i], 0, objects[1], false);
        assert_shown (world, lines[i], TD_MAY_SEE_PRIORITY, objects[1], true);
    }
}

/* --- The next engine of the process ------------------------------------------------------- */

static void
note_shown (const TdMetricView *view, void *data)
{
    if (strcmp (view->name, "tandem_alarm_raised") == 0
        && strstr (view->labels, "a=\"9\"") != NULL) {
        *(int64_t *) data = view->value;
    }
}

static int64_t
shown (void)
{
    int64_t value = -1;

    td_metric_each (note_shown, &value);
    return value;
}

/* Nothing is raised when it begins, whatever was when the one before ended. */
static void
test_next_engine (World *world, const void *data)
{
    TdMetric *metric = declare (world, TD_METRIC_GAUGE, "a=\"9\"", 1, 1);

    add (metric, 1);
    td_lanes_advance (1100);
    g_assert_cmpint (shown (), ==, 1);
    td_alarms_close ();
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_commands_start ();
    td_alarms_open ();
    add (metric, 1);
    td_lanes_advance (1100);
    g_assert_cmpint (shown (), ==, 1);
}

/* --- Counters by trunk (tandem/iface/trunk-counter.h) ------------------------------------- */

static void
count (TdTrunkCounter *counter, const char *trunk, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        td_trunk_counter_add (counter, trunk);
    }
    td_lanes_advance (1100);
}

static int64_t
counted (const char *trunk)
{
    g_autofree char *labels = g_strdup_printf ("trunk=\"%s\",way=\"in\"", trunk);
    const TdMetric *metric = td_metric_find ("tandem_test_failed_total", labels);

    return metric != NULL ? td_metric_value (metric) : -1;
}

/* However many names come by, there is a figure for each one that was configured, and no other. */
static void
test_by_trunk (World *world, const void *data)
{
    static const TdTrunkCounterDecl decl = { .name = "tandem_test_failed_total",
                                             .help = "Failures",
                                             .labels = "way=\"in\"",
                                             .alarm = "test-failures",
                                             .alarm_help = "Look at it" };
    TdTrunkCounter counter = { 0 };

    td_trunk_counter_clear (&counter);
    td_trunk_counter_init (&counter, (TdModule *) &world->owner, &decl);
    td_trunk_counter_configure (&counter, TD_LIST ("ea"), 3, WINDOW_MS);
    td_trunk_counter_configure (&counter, TD_LIST ("we\"st"), 4, WINDOW_MS);
    g_assert_cmpint (counted ("we\\\"st"), ==, 0);
    count (&counter, "we\"st", 3);
    assert_told (world, "");
    count (&counter, "nobody has named it", 2);
    assert_told (world, "");
    count (&counter, "", 2);
    assert_told (world, "alarm.raised test-failures trunk=\"\",way=\"in\" class 4;");
    g_assert_cmpint (counted ("nobody has named it"), ==, -1);
    g_assert_cmpint (counted (""), ==, 4);
    count (&counter, "ea", 1); /* the reload that has brought the other one has kept it */
    g_assert_cmpint (counted ("ea"), ==, 1);
    td_trunk_counter_configure (&counter, TD_LIST ("we\"st"), 3, WINDOW_MS);
    td_lanes_advance (1100);
    assert_told (world, "alarm.raised test-failures trunk=\"we\\\"st\",way=\"in\" class 4;");
    td_lanes_advance (WINDOW_MS);
    g_assert_cmpint (counted ("we\\\"st"), ==, 3);
    td_trunk_counter_clear (&counter);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(path, function)                                                                        \
    g_test_add ("/operate/alarm/" path, World, NULL, set_up, function, tear_down)
    ADD ("gauge", test_gauge);
    ADD ("at-once", test_at_once);
    ADD ("counter", test_counter);
    ADD ("counted-before", test_counted_before);
    ADD ("other-thresholds", test_other_thresholds);
    ADD ("role", test_role);
    ADD ("by-trunk", test_by_trunk);
    ADD ("next-engine", test_next_engine);
#undef ADD
    return g_test_run ();
}
