/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is on record of calls whose peers misbehave. */

#include "common/sip-peers.h"

#include <tandem/bus.h>
#include <tandem/iface/record.h>

#include <string.h>

typedef struct {
    Flow flow; /* first */
    GString *records;
    TdSubscription *subscription;
    int64_t told_us; /* the last of them */
} Test;

/* "START", then "STOP 16 calling 5 s": record, cause, who released, duration. */
static void
hear (const TdFact *fact, void *data)
{
    Test *test = data;
    const TdCallFact *call = fact->body;
    const char *name = td_record_name (fact);

    test->told_us = td_clock_now_us ();
    g_string_append_printf (test->records, "%s%s", test->records->len > 0 ? ", " : "", name);
    if (strcmp (name, "START") != 0) {
        g_string_append_printf (test->records, " %u %s %d s", call->cause, call->released_by,
                                (int) (call->duration_us / G_USEC_PER_SEC));
    }
}

static void
set_up (Test *test, gconstpointer data)
{
    sip_peers_set_up (&test->flow, data);
    test->records = g_string_new (NULL);
    test->subscription = td_bus_subscribe (NULL, TD_RECORD_TOPICS, hear, test);
}

static void
tear_down (Test *test, gconstpointer data)
{
    if (test->flow.fixture != NULL) {
        td_bus_unsubscribe (test->subscription);
    }
    sip_peers_tear_down (&test->flow, data);
    g_string_free (test->records, TRUE);
}

/* RFC 3261 13.3.1.4: BYE after 64*T1. The call was answered, and is paid for until then. */
static void
test_caller_never_acknowledges (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 200, SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    sip_advance (flow, 40000);
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
    sip_advance (flow, 40000); /* A says nothing to the BYE either */
    g_assert_cmpstr (test->records->str, ==, "START, STOP 102 calling 32 s");
}

/* The record says when the caller hung up, not when we gave up on the called party. */
static void
test_called_never_answers_bye (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_set_up_call (flow);
    sip_advance (flow, 5000);
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    sip_advance (flow, 40000);
    g_assert_cmpstr (test->records->str, ==, "START, STOP 16 calling 5 s");
}

/* RFC 3261 9.1: the call is over for the caller, whatever the called party does. */
static void
test_answer_after_cancel (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    g_autofree char *cancel = sip_request_of (flow, "CANCEL", "", NULL);
    sip_peer_send (flow, &flow->a, cancel);
    expect (&flow->b, "CANCEL ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
    sip_advance (flow, 40000);
    g_assert_cmpstr (test->records->str, ==, "ATTEMPT 16 calling 0 s");
}

static void
test_second_fork_answers (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 200, "one", "", SDP ("answer-one"));
    expect (&flow->b, "ACK ");
    sip_answer_to (flow, &flow->b, to_b, 200, "two", "", SDP ("answer-two"));
    expect (&flow->b, "ACK ");
    expect (&flow->b, "BYE ");
    g_assert_true (sip_has (&flow->b, ";tag=two"));
    ANSWER (&flow->b, 200, NULL);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_advance (flow, 3000);
    sip_hang_up (flow);
    g_assert_cmpstr (test->records->str, ==, "START, STOP 16 calling 3 s");
}

/* What comes twice, and what comes in the wrong order, changes nothing. */
static void
test_doubled_and_out_of_order (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_invite (flow, "", SDP ("offer-a"));
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL); /* overtaken by the 200 */
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    g_assert_cmpuint (sip_drain (&flow->b, "ACK "), ==, 2);
    while (sip_peer_receive (&flow->a) != NULL) {
    }
    g_assert_true (g_str_has_prefix (flow->a.last, "SIP/2.0 200 "));
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_invite (flow, "", SDP ("offer-a"));
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
    sip_from_a (flow, "BYE", 3, "", NULL);
    expect (&flow->a, "SIP/2.0 481 ");
    expect_nothing (&flow->b);
    g_assert_cmpstr (test->records->str, ==, "START, STOP 16 calling 0 s");
}

/* BYE overtakes the ACK (RFC 3261 15): the call ends, and the ACK finds nobody. */
static void
test_bye_before_ack (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 200, SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "BYE", 2, "", NULL);
    sip_from_a (flow, "ACK", 1, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
    sip_advance (flow, 40000);
    expect_nothing (&flow->a); /* the 200 to the INVITE is sent no more */
    g_assert_cmpstr (test->records->str, ==, "START, STOP 16 calling 0 s");
}

/* Neither peer answers the BYE, nor its copies: what is told of the call does not wait for that. */
static void
test_switch_stops_beside_silent_peers (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_set_up_call (flow);
    sip_advance (flow, 5000);
    int64_t stopped_us = td_clock_now_us ();
    sip_peers_stop_switch (flow);
    g_assert_cmpstr (test->records->str, ==, "START, STOP 41 switch 5 s");
    g_assert_cmpint (test->told_us - stopped_us, <, 5 * G_USEC_PER_SEC);
    g_assert_cmpuint (sip_drain (&flow->a, "BYE "), ==, 4); /* 0, 0.5, 1.5 and 3.5 s */
    g_assert_cmpuint (sip_drain (&flow->b, "BYE "), ==, 4);
}

/* The INVITE that rings is cancelled, and nobody answers that. */
static void
test_switch_stops_while_a_silent_peer_rings (Test *test, gconstpointer data)
{
    Flow *flow = &test->flow;

    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 180, NULL);
    int64_t stopped_us = td_clock_now_us ();
    sip_peers_stop_switch (flow);
    g_assert_cmpstr (test->records->str, ==, "ATTEMPT 41 switch 0 s");
    g_assert_cmpint (test->told_us - stopped_us, <, 5 * G_USEC_PER_SEC);
    g_assert_cmpuint (sip_drain (&flow->b, "CANCEL "), ==, 4);
}

#define ADD(path, function)                                                                        \
    g_test_add ("/flow/sip-records/" path, Test, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("caller-never-acknowledges", test_caller_never_acknowledges);
    ADD ("called-never-answers-bye", test_called_never_answers_bye);
    ADD ("answer-after-cancel", test_answer_after_cancel);
    ADD ("second-fork-answers", test_second_fork_answers);
    ADD ("doubled-and-out-of-order", test_doubled_and_out_of_order);
    ADD ("bye-before-ack", test_bye_before_ack);
    ADD ("stop-beside-silent-peers", test_switch_stops_beside_silent_peers);
    ADD ("stop-while-a-silent-peer-rings", test_switch_stops_while_a_silent_peer_rings);
    return g_test_run ();
}
