/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trunk groups whose members speak SIP. */

#include "common/sip-peers.h"

#include <string.h>

static const SipPeersOptions with_trunks = {
    .more = "trunk = required\n[call]\nmedia = through\n",
};

static void
must (const char *line, const char *expected)
{
    g_autofree char *answer = td_fixture_ask (line);

    if (strstr (answer, expected) == NULL) {
        g_error ("\"%s\" is answered by %s, which does not say %s", line, answer, expected);
    }
}

/* ROU-008, RFC 3261 21.5.4: the peer says for how long it wants no calls. */
static void
test_retry_after_is_congestion (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    sip_answer_to (flow, &flow->b, flow->b.last, 503, "pt", "Retry-After: 30\r\n", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->c, "INVITE ");
    must ("trunk show b", "\"congestion\":2");
    must ("trunk show c", "\"congestion\":0");
    must ("trunk statistics b --last 1", "\"congestion\":1");
    ANSWER (&flow->c, 486, NULL);
    expect (&flow->a, "SIP/2.0 486 ");
    sip_acknowledge (flow, &flow->a);
    sip_advance (flow, 30001);
    must ("trunk show b", "\"congestion\":0");
    must ("trunk statistics c --last 1", "\"busy\":1");
}

/* RFC 3261 21.5.4: and it gets none. */
static void
test_retry_after_is_heeded (Flow *flow, gconstpointer data)
{
    for (unsigned i = 0; i < 3; i++) {
        sip_invite (flow, "", SDP ("offer-a"));
        expect (&flow->a, "SIP/2.0 100 ");
        if (i == 0) {
            expect (&flow->b, "INVITE ");
            sip_answer_to (flow, &flow->b, flow->b.last, 503, "pt", "Retry-After: 30\r\n", NULL);
            expect (&flow->b, "ACK ");
        } else if (i == 2) {
            expect (&flow->b, "INVITE "); /* it is over */
            return;
        }
        expect (&flow->c, "INVITE ");
        ANSWER (&flow->c, 486, NULL);
        expect (&flow->c, "ACK ");
        expect (&flow->a, "SIP/2.0 486 ");
        sip_acknowledge (flow, &flow->a);
        flow->n_calls++;
        if (i == 1) {
            sip_advance (flow, 30001);
        }
    }
}

/* What an operator does to a trunk is what its peer sees. */
static void
test_blocked (Flow *flow, gconstpointer data)
{
    must ("trunk block b", "blocked");
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->c, "INVITE ");
    expect_nothing (&flow->b);
    ANSWER (&flow->c, 486, NULL);
    expect (&flow->a, "SIP/2.0 486 ");
    sip_acknowledge (flow, &flow->a);
}

#define ADD(path, test)                                                                            \
    g_test_add ("/sip-trunk/" path, Flow, &with_trunks, sip_peers_set_up, test, sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("ROU-008/retry-after", test_retry_after_is_congestion);
    ADD ("ROU-008/heeded", test_retry_after_is_heeded);
    ADD ("ROU-006/blocked", test_blocked);
    return g_test_run ();
}
