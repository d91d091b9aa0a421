/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offer and answer between two legs: early, delayed, again, and both at once. */

#include "common/fake-endpoint.h"

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
    flow->fixture = td_fixture_new (NULL);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->endpoint->routes = g_strdup ("b1;b2");
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
answered_call (Flow *flow)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    SAY ("b1", FAKE_ANSWER, SDP ("answer-b"));
    LOG ("b1:originate<offer-a> a:answer<answer-b> ");
}

static void
test_offer_and_answer_pass (Flow *flow, gconstpointer data)
{
    answered_call (flow);
}

static void
test_early_media (Flow *flow, gconstpointer data)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    SAY ("b1", FAKE_PROGRESS, SDP ("early-b"));
    SAY ("b1", FAKE_RING, NULL);
    SAY ("b1", FAKE_ANSWER, SDP ("answer-b"));
    LOG ("b1:originate<offer-a> a:progress<early-b> a:ring a:answer<answer-b> ");
}

static void
test_early_media_then_crankback (Flow *flow, gconstpointer data)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer-a"));
    SAY ("b1", FAKE_RING, SDP ("early-b1"));
    SAY ("b1", FAKE_RELEASE, "38");
    SAY ("b2", FAKE_RING, SDP ("early-b2"));
    LOG ("b1:originate<offer-a> a:ring<early-b1> b2:originate<offer-a> a:ring<early-b2> ");
}

static void
test_delayed_offer (Flow *flow, gconstpointer data)
{
    fake_call (flow->endpoint, flow->fixture, "5550199", NULL);
    SAY ("b1", FAKE_ANSWER, SDP ("offer-b"));
    LOG ("b1:originate a:answer<offer-b> ");
    SAY ("a", FAKE_OFFER_ANSWERED, SDP ("answer-a"));
    LOG ("b1:accept<answer-a> ");
}

static void
test_hold_and_resume (Flow *flow, gconstpointer data)
{
    answered_call (flow);
    SAY ("a", FAKE_OFFER, SDP ("hold"));
    LOG ("b1:offer<hold> ");
    SAY ("b1", FAKE_OFFER_ANSWERED, SDP ("held"));
    LOG ("a:accept<held> ");
    SAY ("b1", FAKE_OFFER, SDP ("resume"));
    LOG ("a:offer<resume> ");
    SAY ("a", FAKE_OFFER_ANSWERED, SDP ("resumed"));
    LOG ("b1:accept<resumed> ");
}

static void
test_refused_offer (Flow *flow, gconstpointer data)
{
    answered_call (flow);
    SAY ("a", FAKE_OFFER, SDP ("video"));
    SAY ("b1", FAKE_OFFER_REFUSED, "88");
    LOG ("b1:offer<video> a:refuse(88) ");
    SAY ("a", FAKE_OFFER, SDP ("again"));
    LOG ("b1:offer<again> ");
}

static void
test_glare (Flow *flow, gconstpointer data)
{
    answered_call (flow);
    SAY ("a", FAKE_OFFER, SDP ("from-a"));
    SAY ("b1", FAKE_OFFER, SDP ("from-b"));
    LOG ("b1:offer<from-a> b1:refuse(0) ");
    SAY ("b1", FAKE_OFFER_ANSWERED, SDP ("to-a"));
    LOG ("a:accept<to-a> ");
    SAY ("b1", FAKE_OFFER, SDP ("from-b"));
    LOG ("a:offer<from-b> ");
}

static void
test_offer_that_is_asked_for (Flow *flow, gconstpointer data)
{
    answered_call (flow);
    SAY ("a", FAKE_OFFER, NULL);
    LOG ("b1:ask-offer ");
    SAY ("b1", FAKE_OFFER_ANSWERED, SDP ("offer-b"));
    LOG ("a:accept<offer-b> ");
    SAY ("a", FAKE_OFFER_ANSWERED, SDP ("answer-a"));
    LOG ("b1:accept<answer-a> ");
    SAY ("b1", FAKE_OFFER, SDP ("free-again"));
    LOG ("a:offer<free-again> ");
}

static void
test_release_in_the_middle (Flow *flow, gconstpointer data)
{
    answered_call (flow);
    SAY ("a", FAKE_OFFER, SDP ("hold"));
    SAY ("b1", FAKE_RELEASE, "16");
    LOG ("b1:offer<hold> a:release(16) ");
}

static void
test_digits_pass (Flow *flow, gconstpointer data)
{
    answered_call (flow);
    SAY ("a", FAKE_DIGIT, "5");
    SAY ("b1", FAKE_DIGIT, "#");
    LOG ("b1:digit(5,100) a:digit(#,100) ");
}

#define ADD(name, test) g_test_add ("/flow/exchange/" name, Flow, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("offer-and-answer", test_offer_and_answer_pass);
    ADD ("early-media", test_early_media);
    ADD ("early-media-crankback", test_early_media_then_crankback);
    ADD ("delayed-offer", test_delayed_offer);
    ADD ("hold-and-resume", test_hold_and_resume);
    ADD ("refused-offer", test_refused_offer);
    ADD ("glare", test_glare);
    ADD ("asked-for-offer", test_offer_that_is_asked_for);
    ADD ("release-in-the-middle", test_release_in_the_middle);
    ADD ("digits", test_digits_pass);
    return g_test_run ();
}
