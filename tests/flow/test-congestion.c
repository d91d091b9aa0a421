/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The switch has too much to do: the level rises, ordinary calls are thinned, others pass (ROU-051). */

#include "common/fake-endpoint.h"

#include <string.h>
#include <tandem/metric.h>

/* The fake clock says nothing of lanes: what is counted here is calls. */
#define CONFIG                                                                                     \
    "[call]\nmedia = through\n[modules]\ncongestion = required\nmarker = required\n"               \
    "[congestion]\nrise-after = 300 ms\nmemory = off\ndescriptors = off\n"

static const char by_calls[] = CONFIG "calls = 4, 8, 12\n";
static const char by_rate[] = CONFIG "calls-per-second = 10, 20, 30\ndwell = 2 s\n";
static const char no_mc2[] = CONFIG "calls = 4, off, off\n";
static const char by_hand[] = CONFIG;
static const char by_class[] = CONFIG "priority = 12\nadmit-mc1 = 0-4 25 %, 5-11 80 %\n"
                                      "retry-after = 0 s, 0 s, 30 s\n";

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    GString *levels; /* "0-1 calls 4/4 by ;" */
    unsigned n_refused, n_admitted;
    int64_t retry_after_s; /* of the last refused call */
} Flow;

static void
hear_level (const TdFact *fact, void *data)
{
    g_autoptr (GString) json = g_string_new (NULL);
    const char *body;

    td_fact_to_json (fact, json);
    body = strstr (json->str, "\"from\"");
    g_assert_nonnull (body);
    g_string_append_printf (((Flow *) data)->levels, "%.*s\n", (int) strcspn (body, "}"), body);
}

static void
hear_call (const TdFact *fact, void *data)
{
    Flow *flow = data;
    const TdCallFact *body = fact->body;
    TdCall *call = td_call_find (body->call);
    const TdAttribute *retry_after = td_attribute_find ("call.retry-after");

    if (strcmp (td_topic_name (fact->topic), "call.routed") == 0) {
        flow->n_admitted++;
    } else if (body->cause == TD_CAUSE_CONGESTION) {
        flow->n_refused++;
        g_assert_nonnull (call);
        flow->retry_after_s =
            td_attributes_number (td_channel_attributes (td_call_incoming (call)), retry_after);
    }
}

static void
set_up (Flow *flow, gconstpointer config)
{
    flow->fixture = td_fixture_new (config);
    g_assert_cmpstr (flow->fixture->problems->str, ==, "");
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1");
    flow->levels = g_string_new (NULL);
    td_bus_subscribe (NULL, TD_LIST ("congestion.level"), hear_level, flow);
    td_bus_subscribe (NULL, TD_LIST ("call.routed", "call.ended"), hear_call, flow);
}

static void
tear_down (Flow *flow, gconstpointer config)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    g_string_free (flow->levels, true);
}

static char *
show (const char *member)
{
    g_autofree char *reply = td_fixture_ask ("congestion show");
    g_autofree char *wanted = g_strdup_printf ("\"%s\":", member);
    const char *found = strstr (reply, wanted);

    g_assert_nonnull (found);
    found += strlen (wanted);
    return g_strndup (found, strcspn (found, ",}"));
}

#define assert_shows(member, expected)                                                             \
    do {                                                                                           \
        g_autofree char *shown = show (member);                                                    \
        g_assert_cmpstr (shown, ==, (expected));                                                   \
    } while (0)

#define assert_level(expected) assert_shows ("level", "\"" expected "\"")

#define assert_says(expected, line)                                                                \
    do {                                                                                           \
        g_autofree char *reply = td_fixture_ask (line);                                            \
        if (strstr (reply, (expected)) == NULL) {                                                  \
            g_error ("\"%s\" is not in: %s", (expected), reply);                                   \
        }                                                                                          \
    } while (0)

#define assert_levels(flow, expected)                                                              \
    do {                                                                                           \
        g_assert_cmpstr ((flow)->levels->str, ==, (expected));                                     \
        g_string_truncate ((flow)->levels, 0);                                                     \
    } while (0)

/* Answered calls of a1, a2 ... that stay up. */
static void
hold_calls (Flow *flow, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        g_autofree char *name = g_strdup_printf ("a%u", i);
        flow->endpoint->caller = name;
        fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
        fake_say (flow->endpoint, flow->fixture, "b1", FAKE_ANSWER, NULL);
    }
}

static void
end_calls (Flow *flow, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        g_autofree char *name = g_strdup_printf ("a%u", i);
        fake_say (flow->endpoint, flow->fixture, name, FAKE_RELEASE, "16");
    }
}

/* N calls to NUMBER that are over at once; how many of them were let in. */
static unsigned
place_calls (Flow *flow, unsigned n, const char *number)
{
    flow->n_refused = flow->n_admitted = 0;
    flow->endpoint->caller = "a";
    for (unsigned i = 0; i < n; i++) {
        unsigned before = flow->n_admitted;
        fake_call (flow->endpoint, flow->fixture, number, NULL);
        if (flow->n_admitted > before) {
            fake_say (flow->endpoint, flow->fixture, "a", FAKE_RELEASE, "16");
        }
    }
    g_assert_cmpuint (flow->n_refused + flow->n_admitted, ==, n);
    return flow->n_admitted;
}

static int64_t
metric (const char *name, const char *labels)
{
    const TdMetric *found = td_metric_find (name, labels);

    g_assert_nonnull (found);
    return td_metric_value (found);
}

/* --- Levels ------------------------------------------------------------------------------ */

#define FACT(from, to, measure, value, threshold, unit, by)                                        \
    "\"from\":" from ",\"to\":" to ",\"measure\":\"" measure "\",\"value\":" value                 \
    ",\"threshold\":" threshold ",\"unit\":\"" unit "\",\"by\":\"" by "\"\n"

static void
test_level_rises_and_falls (Flow *flow, gconstpointer config)
{
    hold_calls (flow, 1, 3);
    td_engine_advance (10000);
    assert_level ("MC0");
    hold_calls (flow, 4, 4);
    td_engine_advance (500);
    assert_level ("MC1");
    assert_levels (flow, FACT ("0", "1", "calls", "4", "4", "calls", ""));
    g_assert_cmpint (metric ("tandem_congestion_level", NULL), ==, 1);
    g_assert_cmpint (metric ("tandem_congestion_measure_level", "measure=\"calls\""), ==, 1);
    end_calls (flow, 1, 1); /* 3 of 4 are not below 70 % */
    td_engine_advance (20000);
    assert_level ("MC1");
    end_calls (flow, 2, 2);
    td_engine_advance (4800);
    assert_level ("MC1");
    td_engine_advance (400);
    assert_level ("MC0");
    assert_levels (flow, FACT ("1", "0", "", "0", "0", "", ""));
    g_assert_cmpint (metric ("tandem_congestion_level", NULL), ==, 0);
}

static void
test_rate_of_calls (Flow *flow, gconstpointer config)
{
    for (unsigned second = 0; second < 3; second++) {
        place_calls (flow, 25, "5550199");
        td_engine_advance (1000);
    }
    assert_level ("MC2");
    assert_shows ("by", "\"calls-per-second\"");
    td_engine_advance (10000);
    assert_level ("MC0");
}

static void
test_level_that_is_off (Flow *flow, gconstpointer config)
{
    hold_calls (flow, 1, 20);
    td_engine_advance (1000);
    assert_level ("MC1");
    assert_says ("\"mc1\":4,\"mc2\":\"off\",\"mc3\":\"off\"", "congestion show");
}

static void
test_short_peak_is_no_congestion (Flow *flow, gconstpointer config)
{
    hold_calls (flow, 1, 12);
    td_engine_advance (200);
    end_calls (flow, 1, 12);
    td_engine_advance (1000);
    assert_level ("MC0");
    assert_levels (flow, "");
}

/* --- Admission --------------------------------------------------------------------------- */

static void
test_ordinary_is_thinned_exactly (Flow *flow, gconstpointer config)
{
    static const struct {
        const char *level;
        unsigned n_admitted;
    } rows[] = { { "MC0", 400 }, { "MC1", 300 }, { "MC2", 200 }, { "MC3", 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autofree char *line = g_strconcat ("congestion set ", rows[i].level, NULL);
        assert_says (rows[i].level, line);
        g_assert_cmpuint (place_calls (flow, 400, "5550199"), ==, rows[i].n_admitted);
        g_assert_cmpuint (place_calls (flow, 4, "5550199"), ==, rows[i].n_admitted / 100);
    }
    g_assert_cmpint (metric ("tandem_congestion_refused_total", "level=\"3\""), >=, 404);
    g_assert_cmpint (flow->retry_after_s, ==, 5);
}

static void
test_lanes_share_one_remainder (Flow *flow, gconstpointer config)
{
    unsigned n_admitted = 0;

    assert_says ("MC1", "congestion set 1");
    for (unsigned i = 0; i < 400; i++) {
        flow->endpoint->lane = (unsigned) g_test_rand_int_range (0, 2);
        n_admitted += place_calls (flow, 1, "5550199");
    }
    g_assert_cmpuint (n_admitted, ==, 300);
}

static void
test_priority_passes (Flow *flow, gconstpointer config)
{
    assert_says ("MC3", "congestion set MC3");
    g_assert_cmpuint (place_calls (flow, 50, "5550199"), ==, 0);
    g_assert_cmpuint (place_calls (flow, 50, "7100"), ==, 50);
    g_assert_cmpuint (place_calls (flow, 50, "112"), ==, 50);
}

static void
test_shares_by_class (Flow *flow, gconstpointer config)
{
    assert_says ("MC1", "congestion set MC1");
    g_assert_cmpuint (place_calls (flow, 100, "5550199"), ==, 25);
    g_assert_cmpint (flow->retry_after_s, ==, 0);
    g_assert_cmpuint (place_calls (flow, 100, "7100"), ==, 80);
    assert_says ("MC3", "congestion set MC3");
    g_assert_cmpuint (place_calls (flow, 100, "7100"), ==, 0);
    g_assert_cmpint (flow->retry_after_s, ==, 30);
    g_assert_cmpuint (place_calls (flow, 100, "112"), ==, 100);
}

/* --- By hand ----------------------------------------------------------------------------- */

static void
test_set_and_clear (Flow *flow, gconstpointer config)
{
    assert_says ("\"set_by\":\"the test\"", "congestion set mc2");
    assert_level ("MC2");
    assert_shows ("by", "\"operator\"");
    assert_levels (flow, FACT ("0", "2", "", "0", "0", "", "the test"));
    assert_says ("\"measured\":\"MC0\"", "congestion show");
    assert_says ("\"level\":\"MC0\"", "congestion clear");
    assert_levels (flow, FACT ("2", "0", "", "0", "0", "", ""));
    assert_says ("error: no level is set by hand", "congestion clear");
}

static void
test_set_for_a_time (Flow *flow, gconstpointer config)
{
    assert_says ("\"set_until\":", "congestion set MC3 --for 2min");
    td_engine_advance (119900);
    assert_level ("MC3");
    td_engine_advance (300);
    assert_level ("MC0");
}

static void
test_set_to_nonsense (Flow *flow, gconstpointer config)
{
    assert_says ("error: \"MC4\" is no level", "congestion set MC4");
    assert_says ("error: \"-1\" is no level", "congestion set -- -1");
    assert_says ("error: \"soon\" is no time", "congestion set 1 --for soon");
    assert_says ("error: \"0s\" is no time", "congestion set 1 --for 0s");
    assert_says ("error: \"99999999999999999999s\" is no time",
                 "congestion set 1 --for 99999999999999999999s");
    assert_level ("MC0");
}

/* An operator may also say that there is no congestion where the measures say there is. */
static void
test_override_downwards (Flow *flow, gconstpointer config)
{
    hold_calls (flow, 1, 12);
    td_engine_advance (1000);
    assert_level ("MC3");
    assert_says ("\"measured\":\"MC3\"", "congestion set MC0");
    g_assert_cmpuint (place_calls (flow, 10, "5550199"), ==, 10);
    assert_says ("\"level\":\"MC3\"", "congestion clear");
    g_assert_cmpuint (place_calls (flow, 10, "5550199"), ==, 0);
}

/* --- Reload, upgrade --------------------------------------------------------------------- */

static void
note_problem (const char *problem, void *data)
{
    g_string_append_printf (data, "%s\n", problem);
}

static bool
reload (Flow *flow, const char *config, GString *problems)
{
    g_assert_true (g_file_set_contents (flow->fixture->config_file, config, -1, NULL));
    return td_engine_reload (note_problem, problems);
}

static void
test_reload (Flow *flow, gconstpointer config)
{
    g_autoptr (GString) problems = g_string_new (NULL);

    hold_calls (flow, 1, 3);
    td_engine_advance (1000);
    assert_level ("MC0");
    g_assert_true (reload (flow, CONFIG "calls = 1, 2, 3\nadmit-mc3 = 10 %\n", problems));
    td_engine_advance (1000);
    assert_level ("MC3");
    g_assert_cmpuint (place_calls (flow, 100, "5550199"), ==, 10);
    g_assert_true (reload (flow, CONFIG "calls = off\n", problems));
    td_engine_advance (1000);
    assert_level ("MC0");
    g_assert_cmpstr (problems->str, ==, "");
}

static void
test_bad_settings_are_refused (Flow *flow, gconstpointer config)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        { "calls = 1, 2\n", "is not three values" },
        { "calls = 1, 3, 3\n", "3 is not above the value before it" },
        { "calls = 0, 3, 4\n", "0 would always be reached" },
        { "calls = 1, off, 3\n", "3 is not above the value before it" },
        { "calls = 1, 2, x\n", "x is no number" },
        { "lane-delay = 1 ms, 2 ms, 3\n", "3 is no time" },
        { "lane-delay = 1 ms, 2 ms, -3 ms\n", "\"-3 ms\" is no time" },
        { "lane-delay = 1 ms, 2 ms, 9999999999999999999 d\n", "is no time" },
        { "adaptive = calls\n", "calls is off: give its thresholds" },
        { "adaptive-times = 2, 3, 1\n", "1 is not above the value before it" },
        { "admit-mc1 = 110 %\n", "\"110 %\" is no share" },
        { "admit-mc1 = 4 75\n", "\"4 75\" is no share" },
        { "admit-mc2 = 0-6 20 %\n", "\"0-6 20 %\" names a class that always passes" },
        { "admit-mc2 = 3-1 20 %\n", "\"3-1 20 %\" is no share" },
        { "admit-mc3 = 99999999999 20 %\n", "names a class that always passes" },
        { "retry-after = 5 s\n", "is not three values" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++) {
        g_autoptr (GString) problems = g_string_new (NULL);
        g_autofree char *text = g_strconcat (CONFIG, rows[i].text, NULL);
        g_assert_false (reload (flow, text, problems));
        if (strstr (problems->str, rows[i].reason) == NULL
            || strstr (problems->str, "tandem.conf:") == NULL) {
            g_error ("%s: expected \"%s\" and a place, got: %s", rows[i].text, rows[i].reason,
                     problems->str);
        }
    }
    assert_level ("MC0");
}

static void
test_upgrade_keeps_the_level (Flow *flow, gconstpointer config)
{
    hold_calls (flow, 1, 8);
    td_engine_advance (1000);
    assert_level ("MC2");
    g_string_truncate (flow->levels, 0);
    assert_says ("2", "module upgrade congestion");
    assert_level ("MC2");
    assert_levels (flow, "");
    g_assert_cmpuint (place_calls (flow, 100, "5550199"), ==, 50);
    end_calls (flow, 1, 8);
    td_engine_advance (12000);
    assert_level ("MC0");
}

static void
test_upgrade_keeps_what_is_set (Flow *flow, gconstpointer config)
{
    assert_says ("MC3", "congestion set MC3 --for 60s");
    assert_says ("2", "module upgrade congestion");
    assert_says ("\"set_by\":\"the test\"", "congestion show");
    assert_level ("MC3");
    g_assert_cmpuint (place_calls (flow, 10, "5550199"), ==, 0);
    td_engine_advance (60000);
    assert_level ("MC0");
}

/* Stopped, it lets everybody in; started again, it knows nothing of before. */
static void
test_starts_again (Flow *flow, gconstpointer config)
{
    for (unsigned i = 0; i < 3; i++) {
        assert_says ("MC3", "congestion set MC3");
        g_assert_cmpuint (place_calls (flow, 10, "5550199"), ==, 0);
        g_autofree char *stopped = td_fixture_ask ("module stop congestion");
        g_assert_null (strstr (stopped, "error"));
        g_assert_cmpuint (place_calls (flow, 10, "5550199"), ==, 10);
        g_autofree char *loaded = td_fixture_ask ("module load congestion");
        g_assert_null (strstr (loaded, "error"));
        assert_level ("MC0");
    }
}

#define ADD(path, config, test)                                                                    \
    g_test_add ("/flow/congestion/ROU-051/" path, Flow, config, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("rises-and-falls", by_calls, test_level_rises_and_falls);
    ADD ("rate", by_rate, test_rate_of_calls);
    ADD ("level-off", no_mc2, test_level_that_is_off);
    ADD ("short-peak", by_calls, test_short_peak_is_no_congestion);
    ADD ("thinned-exactly", by_hand, test_ordinary_is_thinned_exactly);
    ADD ("thinned-over-lanes", by_hand, test_lanes_share_one_remainder);
    ADD ("priority-passes", by_hand, test_priority_passes);
    ADD ("shares-by-class", by_class, test_shares_by_class);
    ADD ("set-and-clear", by_hand, test_set_and_clear);
    ADD ("set-for-a-time", by_hand, test_set_for_a_time);
    ADD ("set-to-nonsense", by_hand, test_set_to_nonsense);
    ADD ("override-downwards", by_calls, test_override_downwards);
    ADD ("reload", by_calls, test_reload);
    ADD ("bad-settings", by_hand, test_bad_settings_are_refused);
    ADD ("upgrade/level", by_calls, test_upgrade_keeps_the_level);
    ADD ("upgrade/by-hand", by_hand, test_upgrade_keeps_what_is_set);
    ADD ("starts-again", by_hand, test_starts_again);
    return g_test_run ();
}
