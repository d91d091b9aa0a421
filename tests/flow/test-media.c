/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls whose media go through the module rtp: what each side is told, and that nothing is left. */

#include "common/fake-endpoint.h"

#include <string.h>
#include <tandem/module.h>

#define SDP(label)                                                                                 \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\na=" label "\r\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
} Flow;

static void
set_up (Flow *flow, gconstpointer data)
{
    flow->fixture = td_fixture_new ("[modules]\nrtp = required\n" TD_FIXTURE_MEDIA_PORTS);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1;b2");
    flow->endpoint->is_quick = true;
}

static void
tear_down (Flow *flow, gconstpointer data)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
}

#define SAY(name, event, text) fake_say (flow->endpoint, flow->fixture, (name), (event), (text))
#define LOG(expected)          fake_assert_log (flow->endpoint, (expected))

static void
assert_over (Flow *flow)
{
    td_engine_settle ();
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "");
}

static void
test_answered_and_released (Flow *flow, gconstpointer data)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    LOG ("b1:originate<offer-a> ");
    SAY ("b1", FAKE_ANSWER, SDP ("answer-b"));
    LOG ("a:answer<answer-b> ");
    SAY ("a", FAKE_RELEASE, NULL);
    assert_over (flow);
}

/* Both legs clear in the turn that releases them, long before the media have gone. */
static void
test_anchored_media_are_given_back_once (Flow *flow, gconstpointer data)
{
    flow->endpoint->is_through = false;
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    SAY ("b1", FAKE_ANSWER, SDP ("answer-b"));
    SAY ("a", FAKE_RELEASE, NULL);
    assert_over (flow);
}

static void
test_early_media_and_crankback (Flow *flow, gconstpointer data)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    SAY ("b1", FAKE_PROGRESS, SDP ("early-b1"));
    SAY ("b1", FAKE_RELEASE, "38");
    SAY ("b2", FAKE_ANSWER, SDP ("answer-b2"));
    LOG ("b1:originate<offer-a> a:progress<early-b1> b2:originate<offer-a> "
         "a:answer<answer-b2> ");
    SAY ("b2", FAKE_RELEASE, NULL);
    assert_over (flow);
}

/* Each target that rings has a termination of its own, and those that go do not delay the answer. */
static void
test_ten_targets_ring_together (Flow *flow, gconstpointer data)
{
    flow->endpoint->is_through = false;
    g_free (flow->endpoint->routes);
    flow->endpoint->routes = g_strdup ("b1 b2 b3 b4 b5 b6 b7 b8 b9 b10");
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "b10"));
    SAY ("b10", FAKE_ANSWER, SDP ("answer-b"));
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "answered");
    SAY ("a", FAKE_RELEASE, NULL);
    assert_over (flow);
}

static void
test_hold_and_resume (Flow *flow, gconstpointer data)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    SAY ("b1", FAKE_ANSWER, SDP ("answer-b"));
    SAY ("a", FAKE_OFFER, SDP ("sendonly"));
    SAY ("b1", FAKE_OFFER_ANSWERED, SDP ("recvonly"));
    SAY ("b1", FAKE_OFFER, SDP ("sendrecv"));
    SAY ("a", FAKE_OFFER_ANSWERED, SDP ("sendrecv"));
    SAY ("b1", FAKE_RELEASE, NULL);
    assert_over (flow);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add ("/flow/media/answered-and-released", Flow, NULL, set_up, test_answered_and_released,
                tear_down);
    g_test_add ("/flow/media/anchored-media-are-given-back-once", Flow, NULL, set_up,
                test_anchored_media_are_given_back_once, tear_down);
    g_test_add ("/flow/media/early-media-and-crankback", Flow, NULL, set_up,
                test_early_media_and_crankback, tear_down);
    g_test_add ("/flow/media/ten-targets-ring-together", Flow, NULL, set_up,
                test_ten_targets_ring_together, tear_down);
    g_test_add ("/flow/media/hold-and-resume", Flow, NULL, set_up, test_hold_and_resume, tear_down);
    return g_test_run ();
}
