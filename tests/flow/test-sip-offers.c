/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offers and digits in a SIP call that is up: hold, resume, glare, delayed offers. */

#include "common/sip-peers.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- Offers in a call -------------------------------------------------------------------- */

static void
test_hold_and_resume (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "INVITE", 2, "", SDP ("sendonly"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_assert_true (sip_has (&flow->b, "a=sendonly"));
    ANSWER (&flow->b, 200, SDP ("recvonly"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "a=recvonly"));
    sip_from_a (flow, "ACK", 2, "", NULL);
    sip_from_b (flow, "INVITE", 1, "", SDP ("resume-b"));
    expect (&flow->b, "SIP/2.0 100 ");
    expect (&flow->a, "INVITE sip:peer@127.0.0.1");
    ANSWER (&flow->a, 200, SDP ("resumed-a"));
    expect (&flow->a, "ACK ");
    expect (&flow->b, "SIP/2.0 200 ");
    sip_from_b (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

static void
test_update (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "UPDATE", 2, "", SDP ("update-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 200, SDP ("updated-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\na=updated-b\r\n"));
    sip_from_a (flow, "UPDATE", 3, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect_nothing (&flow->b);
    sip_hang_up (flow);
}

static void
test_offer_refused (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "INVITE", 2, "", SDP ("video-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 488, NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 488 ");
    sip_from_a (flow, "ACK", 2, "", NULL);
    sip_hang_up (flow);
}

static void
test_both_offer (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "INVITE", 2, "", SDP ("offer-again"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_from_b (flow, "INVITE", 1, "", SDP ("offer-b"));
    expect (&flow->b, "SIP/2.0 491 ");
    sip_acknowledge (flow, &flow->b);
    sip_answer_to (flow, &flow->b, to_b, 491, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    /* RFC 3261 14.1: 2.1 to 4 s for whoever made the Call-ID. */
    sip_advance (flow, 2090);
    expect_nothing (&flow->b);
    for (unsigned i = 0; i < 192 && sip_peer_receive (&flow->b) == NULL; i++) {
        sip_advance (flow, 10);
    }
    g_assert_true (g_str_has_prefix (flow->b.last, "INVITE "));
    ANSWER (&flow->b, 200, SDP ("answer-again"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "ACK", 2, "", NULL);
    sip_hang_up (flow);
}

static void
test_delayed_offer (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", NULL);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_assert_false (sip_has (&flow->b, "v=0"));
    ANSWER (&flow->b, 200, SDP ("offer-b"));
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\na=offer-b\r\n"));
    expect_nothing (&flow->b);
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", SDP ("answer-a"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, "\r\na=answer-a\r\n"));
    sip_hang_up (flow);
}

static void
test_reinvite_without_offer (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "INVITE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_assert_false (sip_has (&flow->b, "v=0"));
    ANSWER (&flow->b, 200, SDP ("offer-b"));
    expect_nothing (&flow->b);
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\na=offer-b\r\n"));
    sip_from_a (flow, "ACK", 2, "", SDP ("answer-a"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, "\r\na=answer-a\r\n"));
    sip_hang_up (flow);
}

/* Every 2xx is acknowledged, even by a call that is over (RFC 3261 13.2.2.4, 14.1). */
static void
test_hangup_before_the_answer (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "INVITE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 200, SDP ("offer-b"));
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "BYE", 3, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, "\r\nm=audio 0 ")); /* an answer there must be */
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
}

static void
test_reinvite_dialog_gone (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "INVITE", 2, "", SDP ("offer-again"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 481, NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 481, NULL);
    expect (&flow->a, "SIP/2.0 487 ");
    expect (&flow->a, "BYE ");
    ANSWER (&flow->a, 200, NULL);
}

static void
test_digits (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    GString *text = g_string_new (NULL);
    g_string_printf (text,
                     "INFO sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP "
                     "127.0.0.1:%u;branch=z9hG4bKinfo\r\n%sCall-ID: call-0\r\nCSeq: 2 INFO\r\n"
                     "Content-Type: application/dtmf-relay\r\nContent-Length: 24\r\n\r\n"
                     "Signal=#\r\nDuration=250\r\n",
                     flow->a.port, flow->a_parties);
    g_autofree char *info = g_string_free (text, FALSE);
    sip_peer_send (flow, &flow->a, info);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "INFO ");
    g_assert_true (sip_has (&flow->b, "Signal=#\r\nDuration=250\r\n"));
    ANSWER (&flow->b, 200, NULL);
    sip_hang_up (flow);
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/flow/sip-offers/" path, Flow, data, sip_peers_set_up, function,                  \
                sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("hold-and-resume", test_hold_and_resume, NULL);
    ADD ("update", test_update, NULL);
    ADD ("offer-refused", test_offer_refused, NULL);
    ADD ("both-offer", test_both_offer, NULL);
    ADD ("delayed-offer", test_delayed_offer, NULL);
    ADD ("reinvite-without-offer", test_reinvite_without_offer, NULL);
    ADD ("hangup-before-the-answer", test_hangup_before_the_answer, NULL);
    ADD ("reinvite-dialog-gone", test_reinvite_dialog_gone, NULL);
    ADD ("digits", test_digits, NULL);
    return g_test_run ();
}
