/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An answered leg goes to another call, on the same lane and on another one. */

#include "common/fake-endpoint.h"

#include <string.h>

#define SDP(label)                                                                                 \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\na=" label "\r\n"

typedef struct {
    TdFixture *fixture;
    FakeEndpoint *endpoint;
    unsigned other_lane; /* where the second call lives */
    unsigned n_done, n_adopted, n_ended;
} Flow;

static void
hear (const TdFact *fact, void *data)
{
    ((Flow *) data)->n_ended++;
}

#define LOG(expected) fake_assert_log (flow->endpoint, (expected))

static void
say (Flow *flow, const char *name, FakeEvent event, const char *text)
{
    bool is_first_call = name[0] == 'a' || name[0] == 'b';

    flow->endpoint->lane = is_first_call ? 0 : flow->other_lane;
    fake_say (flow->endpoint, flow->fixture, name, event, text);
}

static void
place (Flow *flow, unsigned lane, const char *caller, const char *route)
{
    flow->endpoint->lane = lane;
    flow->endpoint->caller = caller;
    g_free (flow->endpoint->routes);
    flow->endpoint->routes = g_strdup (route);
    fake_call (flow->endpoint, flow->fixture, "5550199", SDP ("offer"));
    say (flow, route, FAKE_ANSWER, SDP ("answer"));
    g_string_truncate (flow->endpoint->log, 0);
}

/* Two answered calls: a with b1 on lane 0, c with d1 on the other one. */
static void
set_up (Flow *flow, gconstpointer lane)
{
    flow->fixture = td_fixture_new (NULL);
    flow->endpoint = fake_endpoint_new (flow->fixture);
    flow->other_lane = GPOINTER_TO_UINT (lane);
    td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear, flow);
    place (flow, 0, "a", "b1");
    place (flow, flow->other_lane, "c", "d1");
}

static void
tear_down (Flow *flow, gconstpointer lane)
{
    td_fixture_free (flow->fixture);
    fake_endpoint_free (flow->endpoint);
}

static void
done (bool is_adopted, void *data)
{
    Flow *flow = data;

    flow->n_done++;
    flow->n_adopted += is_adopted;
}

static TdId
id_of (Flow *flow, const char *name)
{
    return *(TdId *) g_hash_table_lookup (flow->endpoint->legs, name);
}

/* On lane 0: d1 takes the place of b1. */
static void
adopt_d1 (void *data)
{
    Flow *flow = data;
    TdCall *call = td_channel_call (td_channel_find (id_of (flow, "a")));

    td_call_adopt_leg (NULL, call, id_of (flow, "d1"), id_of (flow, "b1"), done, flow);
}

static void
test_leg_changes_calls (Flow *flow, gconstpointer lane)
{
    td_fixture_on (flow->fixture, 0, adopt_d1, flow);
    g_assert_cmpuint (flow->n_adopted, ==, 1);
    LOG ("b1:release(16) d1:ask-offer ");
    say (flow, "d1", FAKE_OFFER_ANSWERED, SDP ("offer-d"));
    LOG ("a:offer<offer-d> ");
    say (flow, "a", FAKE_OFFER_ANSWERED, SDP ("answer-a"));
    LOG ("d1:accept<answer-a> ");
    td_engine_advance (501);
    LOG ("c:release(16) ");
    g_assert_cmpuint (flow->n_ended, ==, 1);

    say (flow, "d1", FAKE_DIGIT, "5");
    say (flow, "a", FAKE_OFFER, SDP ("hold"));
    LOG ("a:digit(5,100) d1:offer<hold> ");
    say (flow, "d1", FAKE_OFFER_ANSWERED, SDP ("held"));
    LOG ("a:accept<held> ");
    say (flow, "a", FAKE_RELEASE, "16");
    LOG ("d1:release(16) ");
    g_assert_cmpuint (flow->n_ended, ==, 2);
}

static void
test_adopted_leg_hangs_up (Flow *flow, gconstpointer lane)
{
    td_fixture_on (flow->fixture, 0, adopt_d1, flow);
    td_engine_advance (501);
    g_string_truncate (flow->endpoint->log, 0);
    say (flow, "d1", FAKE_RELEASE, "31");
    LOG ("a:release(31) ");
    g_assert_cmpuint (flow->n_ended, ==, 2);
}

static void
test_other_leg_hangs_up_first (Flow *flow, gconstpointer lane)
{
    td_fixture_on (flow->fixture, 0, adopt_d1, flow);
    say (flow, "c", FAKE_RELEASE, "16");
    g_assert_cmpuint (flow->n_ended, ==, 1);
    td_engine_advance (501);
    g_assert_cmpuint (flow->n_ended, ==, 1);
    g_assert_true (fake_is_there (flow->endpoint, flow->fixture, "d1"));
}

/* Released before the request gets there: nobody is adopted, the first call goes on. */
static void
test_leg_that_is_gone (Flow *flow, gconstpointer lane)
{
    TdId stale = id_of (flow, "d1");

    say (flow, "d1", FAKE_RELEASE, "16");
    *(TdId *) g_hash_table_lookup (flow->endpoint->legs, "d1") = stale;
    g_string_truncate (flow->endpoint->log, 0);
    td_fixture_on (flow->fixture, 0, adopt_d1, flow);
    g_assert_cmpuint (flow->n_done, ==, 1);
    g_assert_cmpuint (flow->n_adopted, ==, 0);
    LOG ("");
    flow->endpoint->lane = 0;
    g_assert_cmpstr (fake_call_state (flow->endpoint, flow->fixture, "a"), ==, "answered");
}

#define ADD(name, test)                                                                            \
    g_test_add ("/flow/adopt/same-lane/" name, Flow, GUINT_TO_POINTER (0), set_up, test,           \
                tear_down);                                                                        \
    g_test_add ("/flow/adopt/other-lane/" name, Flow, GUINT_TO_POINTER (1), set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("leg-changes-calls", test_leg_changes_calls);
    ADD ("adopted-leg-hangs-up", test_adopted_leg_hangs_up);
    ADD ("other-leg-hangs-up-first", test_other_leg_hangs_up_first);
    ADD ("leg-that-is-gone", test_leg_that_is_gone);
    return g_test_run ();
}
