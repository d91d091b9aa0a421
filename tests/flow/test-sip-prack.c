/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provisional responses of a called party that are acknowledged (RFC 3262 4). */

#include "common/sip-peers.h"

#include <stdlib.h>
#include <string.h>

#define RELIABLE(number) "Require: 100rel\r\nRSeq: " number "\r\n"

static const SipPeersOptions on_required = { .b_keys = "reliable-out = required\n" };
static const SipPeersOptions on_never = { .b_keys = "reliable-out = never\n" };

/* A calls; B has the INVITE, which is returned (transfer full). */
static char *
call_b (Flow *flow, const char *sdp)
{
    sip_invite (flow, "", sdp);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    return g_strdup (flow->b.last);
}

/* B gets the PRACK of what it said with NUMBER and TAG, as the request with CSEQ of its dialog, and answers it. */
static void
expect_prack (Flow *flow, unsigned number, const char *tag, unsigned cseq)
{
    g_autofree char *start = g_strdup_printf ("PRACK sip:peer@127.0.0.1:%u SIP/2.0", flow->b.port);
    g_autofree char *lines =
        g_strdup_printf ("\r\nCSeq: %u PRACK\r\nRAck: %u 1 INVITE\r\n", cseq, number);
    g_autofree char *to = g_strdup_printf (";tag=%s\r\n", tag);

    expect (&flow->b, start);
    g_assert_true (sip_has (&flow->b, lines));
    g_assert_true (sip_has (&flow->b, to));
    ANSWER (&flow->b, 200, NULL);
}

static void
expect_not (Flow *flow, const char *text)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    g_assert_null (strstr (to_b, text));
}

/* --- What an INVITE says ----------------------------------------------------------------- */

static void
test_supported (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    g_assert_nonnull (strstr (to_b, "\r\nSupported: 100rel\r\n"));
    g_assert_null (strstr (to_b, "\r\nRequire: "));
}

static void
test_required (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    g_assert_nonnull (strstr (to_b, "\r\nRequire: 100rel\r\n"));
}

static void
test_never (Flow *flow, gconstpointer data)
{
    expect_not (flow, "100rel");
    sip_answer_to (flow, &flow->b, flow->b.last, 180, "pt", RELIABLE ("7"), NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    expect_nothing (&flow->b);
}

/* RFC 3262 5: an offer in the response to it could not be answered. */
static void
test_no_offer (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, NULL);

    g_assert_null (strstr (to_b, "100rel"));
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("7"), SDP ("offer-b"));
    expect (&flow->a, "SIP/2.0 180 ");
    expect_nothing (&flow->b);
}

/* --- What is acknowledged ---------------------------------------------------------------- */

/* Once, however often it comes; the requests after it have higher numbers, the ACK that of the INVITE. */
static void
test_acknowledged (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    for (unsigned i = 0; i < 3; i++) {
        sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("988789"), NULL);
        if (i == 0) {
            expect_prack (flow, 988789, "pt", 2);
            expect (&flow->a, "SIP/2.0 180 ");
        }
        expect_nothing (&flow->b);
        expect_nothing (&flow->a);
    }
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("988790"), NULL);
    expect_prack (flow, 988790, "pt", 3);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, "\r\nCSeq: 1 ACK\r\n"));
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "BYE ");
    g_assert_true (sip_has (&flow->b, "\r\nCSeq: 4 BYE\r\n"));
    ANSWER (&flow->b, 200, NULL);
}

/* RFC 3262 4: what overtook another is not acknowledged, nor is the caller told of it. */
static void
test_gap (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("10"), NULL);
    expect_prack (flow, 10, "pt", 2);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", RELIABLE ("12"), SDP ("answer-b"));
    expect_nothing (&flow->b);
    expect_nothing (&flow->a);
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", RELIABLE ("11"), SDP ("answer-b"));
    expect_prack (flow, 11, "pt", 3);
    expect (&flow->a, "SIP/2.0 183 ");
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("12"), NULL);
    expect_prack (flow, 12, "pt", 4);
}

static void
test_highest_number (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("4294967295"), NULL);
    expect_prack (flow, UINT32_MAX, "pt", 2);
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("1"), NULL);
    expect_nothing (&flow->b);
}

/* RFC 3262 4: the numbers are of a dialog. */
static void
test_forks (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "one", RELIABLE ("5"), NULL);
    expect_prack (flow, 5, "one", 2);
    sip_answer_to (flow, &flow->b, to_b, 180, "two", RELIABLE ("900"), NULL);
    expect_prack (flow, 900, "two", 2);
    sip_answer_to (flow, &flow->b, to_b, 180, "one", RELIABLE ("6"), NULL);
    expect_prack (flow, 6, "one", 3);
    sip_answer_to (flow, &flow->b, to_b, 180, "two", RELIABLE ("6"), NULL);
    expect_nothing (&flow->b);
}

/* RFC 3261 13.2.1: the answer is the first description that has come for certain. */
static void
test_answer (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 183, "pt", RELIABLE ("1"), SDP ("answer-b"));
    expect_prack (flow, 1, "pt", 2);
    expect (&flow->a, "SIP/2.0 183 ");
    g_assert_true (sip_has (&flow->a, "answer-b"));
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", SDP ("other-b"));
    expect (&flow->a, "SIP/2.0 180 ");
    g_assert_false (sip_has (&flow->a, "other-b"));
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("other-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "answer-b"));
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

/* --- What is not ------------------------------------------------------------------------- */

/* The caller hears it all the same. */
static void
test_bad_numbers (Flow *flow, gconstpointer data)
{
    static const char *const lines[] = {
        "Require: 100rel\r\n", RELIABLE (""),
        RELIABLE ("0"),        RELIABLE ("4294967296"),
        RELIABLE ("-1"),       RELIABLE ("1x"),
        RELIABLE ("1, 2"),     RELIABLE ("99999999999999999999"),
        "RSeq: 1\r\n",
    };
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    for (size_t i = 0; i < G_N_ELEMENTS (lines); i++) {
        sip_answer_to (flow, &flow->b, to_b, 180, "pt", lines[i], NULL);
        expect (&flow->a, "SIP/2.0 180 ");
        expect_nothing (&flow->b);
    }
    sip_answer_to (flow, &flow->b, to_b, 100, "pt", RELIABLE ("1"), NULL);
    expect_nothing (&flow->b);
    sip_answer_to (flow, &flow->b, to_b, 180, NULL, RELIABLE ("1"), NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    expect_nothing (&flow->b);
}

/* RFC 3261 22.2: once; the ACK bears nothing of it. */
static void
test_challenged (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("1"), NULL);
    for (unsigned i = 0; i < 2; i++) {
        expect (&flow->b, "PRACK ");
        g_assert_cmpint (sip_has (&flow->b, "\r\nProxy-Authorization: Digest "), ==, i == 1);
        g_assert_true (sip_has (&flow->b, "\r\nRAck: 1 1 INVITE\r\n"));
        sip_answer_to (flow, &flow->b, flow->b.last, 407, "pt",
                       "Proxy-Authenticate: Digest realm=\"b\", nonce=\"n\"\r\n", NULL);
    }
    expect_nothing (&flow->b);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    g_assert_false (sip_has (&flow->b, "Authorization"));
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

/* A refused PRACK, or one that nobody answers, does not end the call. */
static void
test_prack_in_vain (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("1"), NULL);
    expect (&flow->b, "PRACK ");
    ANSWER (&flow->b, 481, NULL);
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("2"), NULL);
    sip_advance (flow, 33000);
    g_assert_cmpuint (sip_drain (&flow->b, "PRACK "), ==, 11); /* RFC 3261 17.1.2.2 */
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
}

/* The call is over before its PRACK is answered. */
static void
test_over_before_the_challenge (Flow *flow, gconstpointer data)
{
    g_autofree char *to_b = call_b (flow, SDP ("offer-a"));

    sip_answer_to (flow, &flow->b, to_b, 180, "pt", RELIABLE ("1"), NULL);
    expect (&flow->b, "PRACK ");
    g_autofree char *prack = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 600, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    sip_answer_to (flow, &flow->b, prack, 407, "pt",
                   "Proxy-Authenticate: Digest realm=\"b\", nonce=\"n\"\r\n", NULL);
    expect_nothing (&flow->b);
}

/* Each leg by itself: the caller's responses have numbers of their own, and both wait for their own PRACK. */
static void
test_both_legs (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "Require: 100rel\r\n", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", RELIABLE ("2147483649"), SDP ("answer-b"));
    expect_prack (flow, 2147483649, "pt", 2);
    expect (&flow->a, "SIP/2.0 183 ");
    sip_learn_a (flow);
    g_autofree char *number = sip_field (flow->a.last, "RSeq");
    g_assert_cmpuint (strtoul (number, NULL, 10), <=, INT32_MAX);
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    expect_nothing (&flow->a);
    g_autofree char *line = g_strdup_printf ("RAck: %s 1 INVITE\r\n", number);
    sip_from_a (flow, "PRACK", 2, line, NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
#define ADD(name, options, function)                                                               \
    g_test_add ("/flow/sip-prack/" name, Flow, options, sip_peers_set_up, function,                \
                sip_peers_tear_down)
    ADD ("supported", NULL, test_supported);
    ADD ("required", &on_required, test_required);
    ADD ("never", &on_never, test_never);
    ADD ("no-offer", NULL, test_no_offer);
    ADD ("acknowledged", NULL, test_acknowledged);
    ADD ("gap", NULL, test_gap);
    ADD ("highest-number", NULL, test_highest_number);
    ADD ("forks", NULL, test_forks);
    ADD ("answer", NULL, test_answer);
    ADD ("bad-numbers", NULL, test_bad_numbers);
    ADD ("challenged", NULL, test_challenged);
    ADD ("prack-in-vain", NULL, test_prack_in_vain);
    ADD ("over-before-the-challenge", NULL, test_over_before_the_challenge);
    ADD ("both-legs", NULL, test_both_legs);
    return g_test_run ();
}
