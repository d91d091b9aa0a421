/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller is told by SIP who waits for a trunk, or does not get one (PRI-013 to 017); and a peer that
 * asked for a rest (PRI-060). Every call to 8... has a priority here. Trunk c is out of service. */

#include "common/sip-peers.h"

#include <string.h>
#include <tandem/bus.h>
#include <tandem/call.h>

#define MODULES(more)                                                                              \
    "trunk = required\nmarker = required\n[marker]\nprefix = 8\n[call]\nmedia = through\n" more

static const SipPeersOptions queue = {
    .b_keys = "capacity = 1 calls\nqueue = 1 calls\nqueue-wait = 90 s\n",
    .more = MODULES (""),
};

static const SipPeersOptions no_queue = {
    .b_keys = "capacity = 1 calls\nno-place-status = 488\n",
    .more = MODULES (""),
};

static const SipPeersOptions no_limits = {
    .more = MODULES ("[route nine]\nprefix = 9\ntargets = b\n"),
};

static void
must (const char *line, const char *expected)
{
    g_autofree char *answer = td_fixture_ask (line);

    if (strstr (answer, expected) == NULL) {
        g_error ("\"%s\" is answered by %s, which does not say %s", line, answer, expected);
    }
}

/* The only place of b is taken by a call that is ringing. */
static void
fill (Flow *flow)
{
    must ("trunk block c", "blocked");
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    flow->n_calls++;
}

/* PRI-015; RFC 4412 4.7.2.2, RFC 3261 13.3.1.1: at once, and once a minute, before timer C of a proxy. */
static void
test_queued (Flow *flow, gconstpointer data)
{
    fill (flow);
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 182 Queued");
    g_assert_true (sip_has (&flow->a, "\r\nContact: <sip:127.0.0.1:"));
    sip_advance (flow, 59000);
    expect_nothing (&flow->a);
    sip_advance (flow, 1001);
    bool is_told = false;
    while (sip_peer_receive (&flow->a) != NULL) { /* of both calls */
        is_told |= sip_has (&flow->a, "SIP/2.0 182 Queued");
    }
    g_assert_true (is_told);
}

/* PRI-016; RFC 4412 4.6.5. */
static void
test_timeout (Flow *flow, gconstpointer data)
{
    fill (flow);
    sip_invite (flow, "", SDP ("offer-a"));
    sip_catch_up (flow);
    sip_drain (&flow->a, "SIP/2.0 1");
    sip_advance (flow, 60001);
    sip_drain (&flow->a, "SIP/2.0 18");
    sip_advance (flow, 30001);
    expect (&flow->a, "SIP/2.0 408 Request Timeout");
    g_assert_true (sip_has (&flow->a, "\r\nReason: Q.850;cause=34;"));
    sip_acknowledge (flow, &flow->a);
}

/* PRI-016: there is no place in the queue either. */
static void
test_overflow (Flow *flow, gconstpointer data)
{
    fill (flow);
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 182 ");
    flow->n_calls++;
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 503 ");
    g_assert_true (sip_has (&flow->a, "\r\nReason: Q.850;cause=34;"));
    sip_acknowledge (flow, &flow->a);
}

/* PRI-017: CANCEL while it waits. */
static void
test_cancel (Flow *flow, gconstpointer data)
{
    fill (flow);
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 182 ");
    g_autofree char *cancel = sip_request_of (flow, "CANCEL", "", NULL);
    sip_peer_send (flow, &flow->a, cancel);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->a, "SIP/2.0 487 ");
    sip_acknowledge (flow, &flow->a);
    must ("trunk show b", "\"queued\":0");
    must ("trunk priority b", "\"abandoned\":1");
}

/* PRI-063 on the wire: the place that comes free is for who waits. */
static void
test_served (Flow *flow, gconstpointer data)
{
    fill (flow);
    g_autofree char *first = g_strdup (flow->b.last);
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 182 ");
    sip_answer_to (flow, &flow->b, first, 486, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 180, NULL);
    sip_catch_up (flow);
    sip_drain (&flow->a, "SIP/2.0 ");
    g_assert_true (sip_has (&flow->a, "SIP/2.0 180 "));
}

/* PRI-013: RFC 4412 4.6.5 with its Warning, by the profile of the group the call came in by; by default 503,
 * so that others are tried. B itself calls: its own only place is taken by that. */
static void
test_no_place (Flow *flow, gconstpointer data)
{
    fill (flow);
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 503 ");
    g_assert_true (sip_has (&flow->a, "\r\nReason: Q.850;cause=34;"));
    g_assert_false (sip_has (&flow->a, "Warning:"));
    sip_acknowledge (flow, &flow->a);
    flow->n_calls++;
    g_autofree char *text = sip_request_of (flow, "INVITE", "", SDP ("offer-b"));
    sip_peer_send (flow, &flow->b, text);
    expect (&flow->b, "SIP/2.0 100 ");
    expect (&flow->b, "SIP/2.0 488 ");
    g_assert_true (sip_has (&flow->b, "\r\nReason: Q.850;cause=34;"));
    g_assert_true (sip_has (&flow->b, "\r\nWarning: 370 127.0.0.1"));
}

static void
hear_ended (const TdFact *fact, void *data)
{
    const TdCallFact *body = fact->body;

    g_string_append_printf (data, "%s ", body->exemptions);
}

/* PRI-060: RFC 3261 21.5.4; who is in need disturbs who rests. */
static void
test_retry_after (Flow *flow, gconstpointer data)
{
    g_autoptr (GString) records = g_string_new (NULL);
    TdSubscription *ended = td_bus_subscribe (NULL, TD_LIST ("call.ended"), hear_ended, records);

    must ("trunk block c", "blocked");
    for (unsigned i = 0; i < 2; i++) {
        sip_invite (flow, "", SDP ("offer-a"));
        expect (&flow->a, "SIP/2.0 100 ");
        expect (&flow->b, "INVITE ");
        sip_answer_to (flow, &flow->b, flow->b.last, 503, "pt", "Retry-After: 30\r\n", NULL);
        expect (&flow->b, "ACK ");
        sip_catch_up (flow);
        sip_drain (&flow->a, "SIP/2.0 ");
        sip_acknowledge (flow, &flow->a);
        flow->n_calls++;
    }
    g_autofree char *text = sip_request_of (flow, "INVITE", "", SDP ("offer-a"));
    char *number;
    while ((number = strstr (text, "sip:8001")) != NULL) {
        number[strlen ("sip:")] = '9'; /* an ordinary call: 9001 */
    }
    must ("route test 9001", "targets");
    sip_peer_send (flow, &flow->a, text);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 503 ");
    expect_nothing (&flow->b);
    g_assert_cmpstr (records->str, ==, "(null) retry-after (null) ");
    td_bus_unsubscribe (ended);
}

/* PRI-066: b says STATUS with REASON (maybe "") after EARLY (0: nothing); is c tried? */
static void
advance (Flow *flow, unsigned early, unsigned status, const char *reason, bool is_tried)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *invite = g_strdup (flow->b.last);
    if (early != 0) {
        sip_answer_to (flow, &flow->b, invite, early, "pt", "", NULL);
    }
    sip_answer_to (flow, &flow->b, invite, status, "pt", reason, NULL);
    expect (&flow->b, "ACK ");
    if (is_tried) {
        expect (&flow->c, "INVITE ");
        sip_answer_to (flow, &flow->c, flow->c.last, 486, "pt", "", NULL);
        expect (&flow->c, "ACK ");
    } else {
        expect_nothing (&flow->c);
    }
    sip_catch_up (flow);
    sip_drain (&flow->a, "SIP/2.0 ");
    sip_acknowledge (flow, &flow->a);
    flow->n_calls++;
}

static void
test_vague_answers (Flow *flow, gconstpointer data)
{
    static const unsigned vague[] = { 408, 480 };

    for (unsigned i = 0; i < G_N_ELEMENTS (vague); i++) {
        advance (flow, 0, vague[i], "", true);
        advance (flow, 100, vague[i], "", true);
        advance (flow, 180, vague[i], "", false);
        advance (flow, 182, vague[i], "", false);
        advance (flow, 0, vague[i], "Reason: Q.850;cause=18\r\n", false);
        advance (flow, 0, vague[i], "Reason: Q.850;cause=19\r\n", false);
        advance (flow, 0, vague[i], "Reason: Q.850;cause=20\r\n", false);
        advance (flow, 0, vague[i], "Reason: Q.850;cause=34\r\n", true);
    }
}

static void
test_plain_answers (Flow *flow, gconstpointer data)
{
    static const unsigned on[] = { 500, 501, 502, 503, 504, 505, 513 },
                          off[] = { 404, 486, 600, 603 };

    for (unsigned i = 0; i < G_N_ELEMENTS (on); i++) {
        advance (flow, 0, on[i], "", true);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (off); i++) {
        advance (flow, 0, off[i], "", false);
    }
}

#define ADD(path, options, test)                                                                   \
    g_test_add ("/priority/" path, Flow, &(options), sip_peers_set_up, test, sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("PRI-015/queued", queue, test_queued);
    ADD ("PRI-016/timeout", queue, test_timeout);
    ADD ("PRI-016/overflow", queue, test_overflow);
    ADD ("PRI-017/cancel", queue, test_cancel);
    ADD ("PRI-063/served", queue, test_served);
    ADD ("PRI-013/no-place", no_queue, test_no_place);
    ADD ("PRI-066/408-and-480", no_limits, test_vague_answers);
    ADD ("PRI-066/5xx", no_limits, test_plain_answers);
    ADD ("PRI-060/retry-after", no_limits, test_retry_after);
    return g_test_run ();
}
