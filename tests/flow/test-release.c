/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whoever hangs up, in whichever state: both legs clear, the facts say why, nothing is left. */

#include "common/fake-endpoint.h"

#include <tandem/metric.h>

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    GString *facts;
    unsigned n_ended;
} Flow;

static void
hear (const TdFact *fact, void *data)
{
    Flow *flow = data;
    const TdCallFact *body = fact->body;

    g_string_append_printf (flow->facts, "%s ", td_topic_name (fact->topic) + strlen ("call."));
    if (g_strcmp0 (td_topic_name (fact->topic), "call.ended") == 0) {
        g_string_append_printf (flow->facts, "(%u %s) ", body->cause, body->released_by);
        flow->n_ended++;
    }
}

static void
set_up (Flow *flow, gconstpointer data)
{
    flow->fixture = td_fixture_new (NULL);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1");
    flow->facts = g_string_new (NULL);
    td_bus_subscribe (NULL, TD_LIST ("call.*"), hear, flow);
}

static void
tear_down (Flow *flow, gconstpointer data)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
    g_string_free (flow->facts, true);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))

static void
call (Flow *flow)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
}

static int64_t
metric (const char *name)
{
    TdMetric *found = td_metric_find (name, NULL);

    g_assert_nonnull (found);
    return td_metric_value (found);
}

static void
test_calls_are_counted (Flow *flow, gconstpointer data)
{
    int64_t n_begun = metric ("tandem_calls_total");

    call (flow);
    g_assert_cmpint (metric ("tandem_calls"), ==, 1);
    g_assert_cmpint (metric ("tandem_calls_total"), ==, n_begun + 1);
    SAY ("a", FAKE_RELEASE, "16");
    g_assert_cmpint (metric ("tandem_calls"), ==, 0);
    g_assert_cmpint (metric ("tandem_calls_total"), ==, n_begun + 1);
}

static void
test_caller_gives_up_while_calling (Flow *flow, gconstpointer data)
{
    call (flow);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate b1:release(16) ");
    g_assert_cmpstr (flow->facts->str, ==, "started routed attempt ended (16 calling) ");
}

static void
test_caller_gives_up_while_ringing (Flow *flow, gconstpointer data)
{
    call (flow);
    SAY ("b1", FAKE_RING, NULL);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate a:ring b1:release(16) ");
    g_assert_cmpstr (flow->facts->str, ==, "started routed attempt alerting ended (16 calling) ");
}

static void
test_called_hangs_up (Flow *flow, gconstpointer data)
{
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    SAY ("b1", FAKE_RELEASE, "31");
    LOG ("b1:originate a:answer a:release(31) ");
    g_assert_cmpstr (flow->facts->str, ==, "started routed attempt answered ended (31 called) ");
}

static void
test_both_hang_up_at_once (Flow *flow, gconstpointer data)
{
    flow->endpoint->is_quick = false;
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    SAY ("a", FAKE_RELEASE, "16");
    SAY ("b1", FAKE_RELEASE, "16");
    LOG ("b1:originate a:answer b1:release(16) ");
    g_assert_cmpuint (flow->n_ended, ==, 1);
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
}

static void
test_caller_is_gone_when_the_group_fails (Flow *flow, gconstpointer data)
{
    flow->endpoint->is_quick = false;
    call (flow);
    SAY ("a", FAKE_RELEASE, "16");
    SAY ("b1", FAKE_RELEASE, "17");
    g_assert_cmpstr (flow->facts->str, ==, "started routed attempt ended (16 calling) ");
}

/* A driver that never clears: the call ends without it, and says so once. */
static void
test_leg_that_never_clears (Flow *flow, gconstpointer data)
{
    flow->endpoint->is_quick = false;
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    SAY ("a", FAKE_RELEASE, "16");
    td_engine_advance (39000);
    g_assert_cmpuint (flow->n_ended, ==, 0);
    td_engine_advance (1001);
    g_assert_cmpuint (flow->n_ended, ==, 1);
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "b1"));
}

static void
release_by_command (void *data)
{
    Flow *flow = data;
    TdId *id = g_hash_table_lookup (flow->endpoint->legs, "a");
    TdCause cause = td_cause (TD_CAUSE_CALL_REJECTED, NULL);

    td_call_release (td_channel_call (td_channel_find (*id)), &cause);
}

static void
test_switch_ends_the_call (Flow *flow, gconstpointer data)
{
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    td_fixture_on (flow->fixture, 0, release_by_command, flow);
    LOG ("b1:originate a:answer b1:release(21) a:release(21) ");
    g_assert_cmpstr (flow->facts->str, ==, "started routed attempt answered ended (21 switch) ");
}

static void
caller_controls (void *data)
{
    Flow *flow = data;
    TdId *id = g_hash_table_lookup (flow->endpoint->legs, "a");

    td_call_set_release_control (td_channel_call (td_channel_find (*id)), TD_CONTROL_CALLING);
}

static void
test_calling_party_control (Flow *flow, gconstpointer data)
{
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    td_fixture_on (flow->fixture, 0, caller_controls, flow);
    SAY ("b1", FAKE_RELEASE, "16");
    LOG ("b1:originate a:answer ");
    td_engine_advance (89999);
    LOG ("");
    td_engine_advance (2);
    LOG ("a:release(16) ");
    g_assert_cmpuint (flow->n_ended, ==, 1);
}

static void
called_controls (void *data)
{
    Flow *flow = data;
    TdId *id = g_hash_table_lookup (flow->endpoint->legs, "a");

    td_call_set_release_control (td_channel_call (td_channel_find (*id)), TD_CONTROL_CALLED);
}

static void
test_called_party_control (Flow *flow, gconstpointer data)
{
    call (flow);
    SAY ("b1", FAKE_ANSWER, NULL);
    td_fixture_on (flow->fixture, 0, called_controls, flow);
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:originate a:answer ");
    td_engine_advance (90001);
    LOG ("b1:release(16) ");
    g_assert_cmpstr (flow->facts->str, ==, "started routed attempt answered ended (16 calling) ");
}

static TdHookAnswer
refuse (void *subject, TdToken *token, void *data)
{
    return (TdHookAnswer){ .verdict = TD_HOOK_REFUSE,
                           .cause = TD_CAUSE_BEARER_NOT_AUTHORIZED,
                           .reason = "not today" };
}

static void
test_admission_refuses (Flow *flow, gconstpointer data)
{
    g_autoptr (GError) error = NULL;

    td_hook_add (NULL, "admit",
                 &(TdHook){ .size = sizeof (TdHook), .name = "test.refuse", .ask = refuse },
                 &error);
    g_assert_no_error (error);
    call (flow);
    LOG ("a:release(57) ");
    g_assert_cmpstr (flow->facts->str, ==, "started ended (57 switch) ");
}

static TdToken *held;
static unsigned n_cancelled;

static TdHookAnswer
take_time (void *subject, TdToken *token, void *data)
{
    held = td_token_take (token, NULL);
    return (TdHookAnswer){ .verdict = TD_HOOK_LATER };
}

static void
count_cancel (TdToken *token, void *state, void *data)
{
    n_cancelled++;
}

static void
add_slow_hook (const char *point)
{
    g_autoptr (GError) error = NULL;

    n_cancelled = 0;
    td_hook_add (NULL, point,
                 &(TdHook){ .size = sizeof (TdHook),
                            .name = "test.slow",
                            .deadline_ms = 500,
                            .silence = { .verdict = TD_HOOK_REFUSE, .cause = 41 },
                            .ask = take_time,
                            .cancel = count_cancel },
                 &error);
    g_assert_no_error (error);
}

static void
test_hook_answers_late (Flow *flow, gconstpointer point)
{
    add_slow_hook (point);
    call (flow);
    td_engine_advance (400);
    LOG ("");
    td_token_answer (held, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
    LOG ("b1:originate ");
    SAY ("a", FAKE_RELEASE, "16");
}

static void
test_hook_answers_too_late (Flow *flow, gconstpointer point)
{
    add_slow_hook (point);
    call (flow);
    td_engine_advance (501);
    LOG ("a:release(41) ");
    g_assert_cmpuint (n_cancelled, ==, 1);
    td_token_answer (held, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
    LOG ("");
    g_assert_cmpuint (flow->n_ended, ==, 1);
}

/* The caller goes while the hook thinks: it is told, and its answer comes to nothing. */
static void
test_hook_whose_call_ends (Flow *flow, gconstpointer point)
{
    add_slow_hook (point);
    call (flow);
    SAY ("a", FAKE_RELEASE, "16");
    g_assert_cmpuint (n_cancelled, ==, 1);
    g_assert_cmpuint (flow->n_ended, ==, 1);
    td_token_answer (held, (TdHookAnswer){ .verdict = TD_HOOK_CONTINUE });
    td_engine_settle ();
    LOG ("");
}

#define ADD(name, data, test)                                                                      \
    g_test_add ("/flow/release/" name, Flow, data, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("calls-are-counted", NULL, test_calls_are_counted);
    ADD ("caller-while-calling", NULL, test_caller_gives_up_while_calling);
    ADD ("caller-while-ringing", NULL, test_caller_gives_up_while_ringing);
    ADD ("called", NULL, test_called_hangs_up);
    ADD ("both-at-once", NULL, test_both_hang_up_at_once);
    ADD ("group-fails-after-caller", NULL, test_caller_is_gone_when_the_group_fails);
    ADD ("leg-never-clears", NULL, test_leg_that_never_clears);
    ADD ("switch", NULL, test_switch_ends_the_call);
    ADD ("calling-party-control", NULL, test_calling_party_control);
    ADD ("called-party-control", NULL, test_called_party_control);
    ADD ("admission-refuses", NULL, test_admission_refuses);
    ADD ("hook-late/admit", "admit", test_hook_answers_late);
    ADD ("hook-late/attempt", "attempt", test_hook_answers_late);
    ADD ("hook-too-late/admit", "admit", test_hook_answers_too_late);
    ADD ("hook-too-late/attempt", "attempt", test_hook_answers_too_late);
    ADD ("hook-call-ends/admit", "admit", test_hook_whose_call_ends);
    ADD ("hook-call-ends/attempt", "attempt", test_hook_whose_call_ends);
    return g_test_run ();
}
