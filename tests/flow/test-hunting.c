/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call finds its way: targets in turn, targets together, digits one by one. */

#include "common/fake-endpoint.h"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
} Flow;

static void
set_up (Flow *flow, gconstpointer routes)
{
    flow->fixture = td_fixture_new (NULL);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup (routes);
}

static void
tear_down (Flow *flow, gconstpointer routes)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))

static void
call (Flow *flow, const char *called)
{
    fake_call (flow->endpoint, flow->fixture, called, NULL);
}

static void
test_no_route (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("a:release(3) ");
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
}

static void
test_first_target_answers (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("b1:originate ");
    SAY ("b1", FAKE_RING, NULL);
    LOG ("a:ring ");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "alerting");
    SAY ("b1", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "answered");
    SAY ("b1", FAKE_RELEASE, "16");
    LOG ("a:release(16) ");
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
}

static void
test_crankback_over_three_targets (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("b1:originate b2:originate b3:originate ");
    SAY ("b3", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b3:release(16) ");
}

static void
test_crankback_ends_with_the_last_cause (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("b1:originate b2:originate a:release(38) ");
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "a"));
}

static void
test_busy_is_not_tried_again (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("b1:originate a:release(17) ");
}

static void
test_crankback_after_ringing (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    SAY ("b1", FAKE_RING, NULL);
    LOG ("b1:originate a:ring ");
    SAY ("b1", FAKE_RELEASE, "38");
    LOG ("b2:originate ");
    SAY ("b2", FAKE_RING, NULL);
    SAY ("b2", FAKE_ANSWER, NULL);
    LOG ("a:ring a:answer ");
    SAY ("b2", FAKE_RELEASE, "16");
}

static void
test_no_response_tries_the_next (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    td_engine_advance (9999);
    LOG ("b1:originate ");
    td_engine_advance (2);
    LOG ("b1:release(18) b2:originate ");
    SAY ("b2", FAKE_ANSWER, NULL);
    LOG ("a:answer ");
    SAY ("b2", FAKE_RELEASE, "16");
}

static void
test_no_answer_tries_the_next (Flow *flow, gconstpointer routes)
{
    flow->endpoint->no_answer_ms = 20000;
    call (flow, "5550199");
    SAY ("b1", FAKE_RING, NULL);
    td_engine_advance (19999);
    LOG ("b1:originate a:ring ");
    td_engine_advance (2);
    LOG ("b1:release(19) b2:originate ");
    td_engine_advance (10001);
    LOG ("b2:release(18) a:release(18) ");
}

static void
test_group_rings_together (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("b1:originate b2:originate b3:originate ");
    SAY ("b2", FAKE_RING, NULL);
    SAY ("b1", FAKE_RING, NULL);
    LOG ("a:ring a:ring ");
    SAY ("b2", FAKE_ANSWER, NULL);
    LOG ("b1:release(16) b3:release(16) a:answer ");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b2:release(16) ");
}

static void
test_group_fails_as_a_whole (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    LOG ("b1:originate b2:originate ");
    SAY ("b1", FAKE_RELEASE, "17");
    LOG ("");
    SAY ("b2", FAKE_RELEASE, "38");
    LOG ("b3:originate ");
    SAY ("b3", FAKE_RELEASE, "38");
    LOG ("a:release(38) ");
}

static void
test_the_most_telling_cause_of_a_group (Flow *flow, gconstpointer routes)
{
    call (flow, "5550199");
    SAY ("b1", FAKE_RELEASE, "17");
    SAY ("b2", FAKE_RELEASE, "38");
    LOG ("b1:originate b2:originate a:release(17) ");
}

static void
test_both_answer_and_one_is_first (Flow *flow, gconstpointer routes)
{
    flow->endpoint->is_quick = false;
    call (flow, "5550199");
    SAY ("b2", FAKE_ANSWER, NULL);
    LOG ("b1:originate b2:originate b3:originate b1:release(16) b3:release(16) a:answer ");
    /* The loser's answer was on its way: the driver clears it, the call is not touched. */
    SAY ("b1", FAKE_RELEASE, "16");
    SAY ("b3", FAKE_RELEASE, "16");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "answered");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b2:release(16) ");
    SAY ("b2", FAKE_RELEASE, "16");
    g_assert_false (fake_is_there (flow->endpoint, flow->fixture, "b2"));
}

static void
test_overlap_digits (Flow *flow, gconstpointer routes)
{
    flow->endpoint->min_digits = 7;
    call (flow, "555");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "collecting");
    SAY ("a", FAKE_MORE_DIGITS, "01");
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "collecting");
    LOG ("");
    SAY ("a", FAKE_MORE_DIGITS, "99");
    LOG ("b1:originate ");
    SAY ("a", FAKE_RELEASE, "16");
    LOG ("b1:release(16) ");
}

static void
test_overlap_runs_out_of_time (Flow *flow, gconstpointer routes)
{
    flow->endpoint->min_digits = 7;
    call (flow, "555");
    td_engine_advance (3999);
    SAY ("a", FAKE_MORE_DIGITS, "0");
    td_engine_advance (3999);
    LOG ("");
    td_engine_advance (2);
    LOG ("a:release(28) ");
}

static void
test_overlap_ends_too_short (Flow *flow, gconstpointer routes)
{
    flow->endpoint->min_digits = 7;
    call (flow, "555");
    SAY ("a", FAKE_LAST_DIGITS, "0");
    LOG ("a:release(28) ");
}

#define ADD(name, routes, test)                                                                    \
    g_test_add ("/flow/hunting/" name, Flow, routes, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("no-route", NULL, test_no_route);
    ADD ("first-target-answers", "b1;b2", test_first_target_answers);
    ADD ("crankback-over-three-targets", "b1=38;b2=42;b3", test_crankback_over_three_targets);
    ADD ("crankback-last-cause", "b1=42;b2=38", test_crankback_ends_with_the_last_cause);
    ADD ("busy-is-final", "b1=17;b2", test_busy_is_not_tried_again);
    ADD ("crankback-after-ringing", "b1;b2", test_crankback_after_ringing);
    ADD ("no-response", "b1;b2", test_no_response_tries_the_next);
    ADD ("no-answer", "b1;b2", test_no_answer_tries_the_next);
    ADD ("group-rings-together", "b1 b2 b3", test_group_rings_together);
    ADD ("group-fails-as-a-whole", "b1 b2;b3", test_group_fails_as_a_whole);
    ADD ("group-most-telling-cause", "b1 b2", test_the_most_telling_cause_of_a_group);
    ADD ("both-answer", "b1 b2 b3", test_both_answer_and_one_is_first);
    ADD ("overlap-digits", "b1", test_overlap_digits);
    ADD ("overlap-timeout", "b1", test_overlap_runs_out_of_time);
    ADD ("overlap-too-short", "b1", test_overlap_ends_too_short);
    return g_test_run ();
}
