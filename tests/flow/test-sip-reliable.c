/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provisional responses to a caller that he acknowledges (RFC 3262). */

#include "common/sip-peers.h"

#include <stdlib.h>
#include <string.h>

#define REQUIRED "Require: 100rel\r\n"

/* Everybody at this host is on trunk a. */
#define TRUNK_A(wish)                                                                              \
    "[call]\nmedia = through\n[trunk a]\naddress = sip:127.0.0.1\nreliable-in = " wish "\n"

static const SipPeersOptions on_supported = { .more = TRUNK_A ("supported") };
static const SipPeersOptions on_never = { .more = TRUNK_A ("never") };

/* A calls with LINES; B has the INVITE, which is returned (transfer full). */
static char *
call_b (Flow *flow, const char *lines, const char *sdp)
{
    sip_invite (flow, lines, sdp);
    expect (&flow->a, "SIP/2.0 100 ");
    g_assert_false (sip_has (&flow->a, "\r\nRSeq: "));
    expect (&flow->b, "INVITE ");
    return g_strdup (flow->b.last);
}

/* The RSeq of what A has got last; 0: none. */
static unsigned
number_at_a (Flow *flow)
{
    g_autofree char *required = sip_field (flow->a.last, "Require");
    g_autofree char *number = sip_field (flow->a.last, "RSeq");

    g_assert_cmpint (*number != '\0', ==, g_str_equal (required, "100rel"));
    return (unsigned) strtoul (number, NULL, 10);
}

/* A gets a response that begins with START: its number. */
static unsigned
expect_reliable (Flow *flow, const char *start)
{
    expect (&flow->a, start);
    sip_learn_a (flow);
    unsigned number = number_at_a (flow);
    g_assert_cmpuint (number, >=, 1);
    return number;
}

static void
prack (Flow *flow, unsigned cseq, unsigned number, const char *sdp)
{
    g_autofree char *line = g_strdup_printf ("RAck: %u 1 INVITE\r\n", number);

    sip_from_a (flow, "PRACK", cseq, line, sdp);
}

static void
end_call (Flow *flow)
{
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

/* --- Who gets them ----------------------------------------------------------------------- */

/* RFC 3262 3: the first number is one of 1 to 2**31 - 1, and every provisional response has one. */
static void
test_required (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    g_assert_cmpuint (number, <=, INT32_MAX);
    g_assert_true (sip_has (&flow->a, "\r\nContact: "));
    prack (flow, 2, number, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nCSeq: 2 PRACK\r\n"));
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "answer-b"));
    g_assert_cmpuint (number_at_a (flow), ==, 0);
    end_call (flow);
}

static void
ring_plain (Flow *flow, const char *lines)
{
    g_autofree char *to_b = call_b (flow, lines, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    g_assert_cmpuint (number_at_a (flow), ==, 0);
    sip_advance (flow, 5000);
    expect_nothing (&flow->a);
    sip_answer_to (flow, &flow->b, to_b, 486, "pt", "", NULL);
    expect (&flow->b, "ACK ");
}

static void
test_supported_is_not_enough (Flow *flow, gconstpointer data)
{
    ring_plain (flow, "Supported: 100rel\r\n");
}

static void
test_not_supported (Flow *flow, gconstpointer data)
{
    ring_plain (flow, "Supported: timer\r\n");
}

static void
test_supported (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, "Supported: timer, 100rel\r\n", SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    prack (flow, 2, expect_reliable (flow, "SIP/2.0 180 "), NULL);
    expect (&flow->a, "SIP/2.0 200 ");
}

static void
test_never (Flow *flow, gconstpointer data)
{
    sip_invite (flow, REQUIRED, SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 420 ");
    g_assert_true (sip_has (&flow->a, "\r\nUnsupported: 100rel\r\n"));
    expect_nothing (&flow->b);
}

/* RFC 3262 4: Require has it in an INVITE alone. */
static void
test_required_of_others (Flow *flow, gconstpointer data)
{
    g_autofree char *text = sip_request_of (flow, "OPTIONS", REQUIRED, NULL);

    sip_peer_send (flow, &flow->a, text);
    expect (&flow->a, "SIP/2.0 420 ");
    g_assert_true (sip_has (&flow->a, "\r\nUnsupported: 100rel\r\n"));
}

/* RFC 3262 5: a reliable response would have to make the offer. */
static void
test_no_offer (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, NULL);

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    sip_advance (flow, 100000);
    expect_nothing (&flow->a);
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("offer-b"));
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "offer-b"));
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", SDP ("answer-a"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, "answer-a"));
    sip_hang_up (flow);
}

/* --- Until they are acknowledged --------------------------------------------------------- */

/* RFC 3262 3: after T1, 2*T1, 4*T1 ..., which T2 does not bound; after 64*T1 the INVITE is refused. */
static void
test_nobody_acknowledges (Flow *flow, gconstpointer data)
{
    static const uint32_t waits_ms[] = { 500, 1000, 2000, 4000, 8000, 16000 };
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    for (size_t i = 0; i < G_N_ELEMENTS (waits_ms); i++) {
        sip_advance (flow, waits_ms[i] - 50);
        expect_nothing (&flow->a);
        sip_advance (flow, 50);
        expect (&flow->a, "SIP/2.0 180 ");
        g_assert_cmpuint (number_at_a (flow), ==, number);
    }
    sip_advance (flow, 450);
    expect_nothing (&flow->a);
    expect_nothing (&flow->b);
    sip_advance (flow, 100);
    expect (&flow->a, "SIP/2.0 504 ");
    g_assert_true (sip_has (&flow->a, "\r\nReason: Q.850;cause=102"));
    expect (&flow->b, "CANCEL ");
    prack (flow, 2, number, NULL);
    expect (&flow->a, "SIP/2.0 481 ");
}

/* What is acknowledged is not sent again, and keeps proxies patient for two and a half minutes. */
static void
test_acknowledged (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    prack (flow, 2, number, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    sip_advance (flow, 149000);
    expect_nothing (&flow->a);
    sip_advance (flow, 1100);
    g_assert_cmpuint (expect_reliable (flow, "SIP/2.0 180 "), ==, number + 1);
}

/* RFC 3262 3: the second when the first is acknowledged, with a number greater by one. */
static void
test_one_after_the_other (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    expect_nothing (&flow->a);
    prack (flow, 2, number, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_cmpuint (expect_reliable (flow, "SIP/2.0 183 "), ==, number + 1);
    g_assert_true (sip_has (&flow->a, "answer-b"));
    prack (flow, 3, number + 1, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect_nothing (&flow->a);
}

/* RFC 3262 3: what is no acknowledgement of the response stops nothing; what acknowledged it was one. */
static void
test_no_match (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    const char *const behind[] = { "2 INVITE", "1 UPDATE", "1 invite" };
    unsigned cseq = 2;
    for (size_t i = 0; i < G_N_ELEMENTS (behind); i++) {
        g_autofree char *line = g_strdup_printf ("RAck: %u %s\r\n", number, behind[i]);
        sip_from_a (flow, "PRACK", cseq++, line, NULL);
        expect (&flow->a, "SIP/2.0 481 ");
    }
    prack (flow, cseq++, number + 1, NULL);
    expect (&flow->a, "SIP/2.0 481 ");
    prack (flow, cseq++, number - 1, NULL);
    expect (&flow->a, "SIP/2.0 481 ");
    sip_advance (flow, 500);
    expect (&flow->a, "SIP/2.0 180 ");
    prack (flow, cseq++, number, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    prack (flow, cseq++, number, NULL);
    expect (&flow->a, "SIP/2.0 481 ");
}

static void
test_garbage (Flow *flow, gconstpointer data)
{
    static const char *const lines[] = {
        "",
        "RAck:\r\n",
        "RAck: 1\r\n",
        "RAck: 1 1\r\n",
        "RAck: 1 1 INVITE 1\r\n",
        "RAck: -1 1 INVITE\r\n",
        "RAck: 4294967296 1 INVITE\r\n",
        "RAck: 1 4294967296 INVITE\r\n",
        "RAck: 99999999999999999999999999 1 INVITE\r\n",
        "RAck: 0x1 1 INVITE\r\n",
        "RAck: 1,1,INVITE\r\n",
        "RAck: INVITE 1 1\r\n",
    };
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    for (unsigned i = 0; i < G_N_ELEMENTS (lines); i++) {
        sip_from_a (flow, "PRACK", 2 + i, lines[i], NULL);
        expect (&flow->a, "SIP/2.0 400 ");
    }
    g_autofree char *folded = g_strdup_printf ("RAck:  %u\r\n 1 \t INVITE \r\n", number);
    sip_from_a (flow, "PRACK", 50, folded, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
}

/* --- Before the answer ------------------------------------------------------------------- */

/* RFC 3262 3, 5: the 2xx waits for the acknowledgement of a description, and says it no more (RFC 3261
 * 13.2.1). */
static void
test_answer_waits (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    unsigned number = expect_reliable (flow, "SIP/2.0 183 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect_nothing (&flow->a);
    sip_advance (flow, 500);
    expect (&flow->a, "SIP/2.0 183 ");
    prack (flow, 2, number, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nCSeq: 2 PRACK\r\n"));
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nCSeq: 1 INVITE\r\n"));
    g_assert_true (sip_has (&flow->a, "\r\nContent-Length: 0\r\n"));
    end_call (flow);
}

/* Otherwise it does not, and ends what was sent again; its PRACK may come all the same. */
static void
test_answer_does_not_wait (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "answer-b"));
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_advance (flow, 5000);
    expect_nothing (&flow->a);
    prack (flow, 2, number, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect_nothing (&flow->a);
    sip_hang_up (flow);
}

/* Whoever has answered is let go. */
static void
test_answer_waits_in_vain (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    sip_advance (flow, 31900);
    g_assert_cmpuint (sip_drain (&flow->a, "SIP/2.0 183 "), ==, 7);
    sip_advance (flow, 200);
    expect (&flow->a, "SIP/2.0 504 ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
}

static void
test_cancel_while_the_answer_waits (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));
    g_autofree char *cancel = sip_request_of (flow, "CANCEL", "", NULL);

    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    expect_reliable (flow, "SIP/2.0 183 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    sip_peer_send (flow, &flow->a, cancel);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->a, "SIP/2.0 487 ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
}

/* A final response that is no 2xx never waits. */
static void
test_refusal_does_not_wait (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    expect_reliable (flow, "SIP/2.0 183 ");
    sip_answer_to (flow, &flow->b, to_b, 404, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 404 ");
    sip_acknowledge (flow, &flow->a);
    sip_advance (flow, 40000);
    expect_nothing (&flow->a);
}

/* --- Offers ------------------------------------------------------------------------------ */

/* RFC 3262 5: the answer stands in the 2xx. */
static void
test_prack_with_an_offer (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    unsigned number = expect_reliable (flow, "SIP/2.0 183 ");
    prack (flow, 2, number, SDP ("again-a"));
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nm=audio 4000 RTP/AVP 0\r\n"));
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("answer-b"));
    g_assert_cmpuint (expect_reliable (flow, "SIP/2.0 183 "), ==, number + 1);
    g_assert_true (sip_has (&flow->a, "\r\nContent-Length: 0\r\n"));
    prack (flow, 3, number + 1,
           "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
           "m=video 4002 RTP/AVP 31\r\n");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nm=video 0 RTP/AVP 31\r\n"));
}

/* Nobody has answered the offer of the INVITE yet (RFC 3264 4). */
static void
test_prack_with_an_offer_too_early (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    unsigned number = expect_reliable (flow, "SIP/2.0 180 ");
    prack (flow, 2, number, "v=0\r\nm=nonsense");
    expect (&flow->a, "SIP/2.0 400 ");
    prack (flow, 3, number, SDP ("again-a"));
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nContent-Length: 0\r\n"));
}

/* RFC 3261 13.2.1: the caller has its answer; what the fork that takes the call says is an offer then. */
static void
test_another_fork_answers (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, REQUIRED, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 183, "one", "", SDP ("answer-one"));
    prack (flow, 2, expect_reliable (flow, "SIP/2.0 183 "), NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "two", "", SDP ("answer-two"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nContent-Length: 0\r\n"));
    sip_from_a (flow, "ACK", 1, "", NULL);
    expect (&flow->a, "INVITE ");
    g_assert_true (sip_has (&flow->a, "answer-two"));
    ANSWER (&flow->a, 200, SDP ("again-a"));
    expect (&flow->a, "ACK ");
    expect_nothing (&flow->b);
    /* After that it is a call as any other. */
    sip_from_a (flow, "INVITE", 3, "", SDP ("other-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_assert_true (sip_has (&flow->b, "other-a"));
    ANSWER (&flow->b, 200, SDP ("other-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "ACK", 3, "", NULL);
    sip_hang_up (flow);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(name, options, function)                                                               \
    g_test_add ("/flow/sip-reliable/" name, Flow, options, sip_peers_set_up, function,             \
                sip_peers_tear_down)
    ADD ("required", NULL, test_required);
    ADD ("supported-is-not-enough", NULL, test_supported_is_not_enough);
    ADD ("not-supported", &on_supported, test_not_supported);
    ADD ("supported", &on_supported, test_supported);
    ADD ("never", &on_never, test_never);
    ADD ("required-of-others", NULL, test_required_of_others);
    ADD ("no-offer", NULL, test_no_offer);
    ADD ("nobody-acknowledges", NULL, test_nobody_acknowledges);
    ADD ("acknowledged", NULL, test_acknowledged);
    ADD ("one-after-the-other", NULL, test_one_after_the_other);
    ADD ("no-match", NULL, test_no_match);
    ADD ("garbage", NULL, test_garbage);
    ADD ("answer-waits", NULL, test_answer_waits);
    ADD ("answer-does-not-wait", NULL, test_answer_does_not_wait);
    ADD ("answer-waits-in-vain", NULL, test_answer_waits_in_vain);
    ADD ("cancel-while-the-answer-waits", NULL, test_cancel_while_the_answer_waits);
    ADD ("refusal-does-not-wait", NULL, test_refusal_does_not_wait);
    ADD ("prack-with-an-offer", NULL, test_prack_with_an_offer);
    ADD ("prack-with-an-offer-too-early", NULL, test_prack_with_an_offer_too_early);
    ADD ("another-fork-answers", NULL, test_another_fork_answers);
    return g_test_run ();
}
