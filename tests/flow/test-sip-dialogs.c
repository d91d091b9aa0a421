/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dialogs of the module sip where their rules are easily broken: early ones, long ones, moved ones. */

#include "common/sip-peers.h"

#include <string.h>

/* --- Early dialogs ----------------------------------------------------------------------- */

/* The ACK bears the INVITE's number, whatever came in between (RFC 3261 13.2.2.4). */
static void
test_request_before_the_answer (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_learn_a (flow);
    sip_from_a (flow, "INFO", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_advance (flow, 5000);
    expect_nothing (&flow->a);
    sip_hang_up (flow);
}

/* RFC 3311 5.2: the called party may move before it answers. */
static void
test_update_before_the_answer (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_learn_b (flow, "pt");
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_from_b (flow, "UPDATE", 1, "", NULL);
    expect (&flow->b, "SIP/2.0 200 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

/* However many rang, the one that answers is the one (RFC 3261 13.2.2.4). */
static void
test_ninth_fork_answers (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    for (unsigned i = 0; i < 9; i++) {
        char tag[8];
        g_snprintf (tag, sizeof tag, "fork%u", i);
        sip_answer_to (flow, &flow->b, to_b, 180, tag, "", NULL);
    }
    sip_drain (&flow->a, "SIP/2.0 180 ");
    sip_answer_to (flow, &flow->b, to_b, 200, "fork8", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, ";tag=fork8"));
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

/* B answers its INVITE with LINES and a description, and says nothing of where it is. */
static void
answer_without_contact (Flow *flow, const char *lines)
{
    static const char *const copied[] = { "Via", "From", "Call-ID", "CSeq" };
    GString *text = g_string_new ("SIP/2.0 200 Test\r\n");
    g_autofree char *to = sip_field (flow->b.last, "To");

    for (size_t i = 0; i < G_N_ELEMENTS (copied); i++) {
        g_autofree char *value = sip_field (flow->b.last, copied[i]);
        g_string_append_printf (text, "%s: %s\r\n", copied[i], value);
    }
    g_string_append_printf (text,
                            "To: %s;tag=pt\r\n%sContent-Type: application/sdp\r\n"
                            "Content-Length: %zu\r\n\r\n%s",
                            to, lines, strlen (SDP ("answer-b")), SDP ("answer-b"));
    g_autofree char *whole = g_string_free (text, FALSE);
    sip_peer_send (flow, &flow->b, whole);
}

/* RFC 3261 13.2.2.4: a 2xx is acknowledged, whatever it lacks, and what cannot go on is ended, along
 * the route it names, to whom it is from. */
static void
test_answer_without_contact (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *route =
        g_strdup_printf ("Record-Route: <sip:127.0.0.1:%u;lr>\r\n", flow->c.port);
    answer_without_contact (flow, route);
    expect (&flow->c, "ACK sip:8001@127.0.0.1:");
    g_assert_true (sip_has (&flow->c, ";tag=pt\r\n"));
    g_assert_true (sip_has (&flow->c, "\r\nRoute: <sip:127.0.0.1:"));
    expect (&flow->c, "BYE sip:8001@127.0.0.1:");
    expect (&flow->c, "INVITE "); /* the next trunk */
    ANSWER (&flow->c, 404, NULL);
    expect (&flow->a, "SIP/2.0 404 ");
    expect_nothing (&flow->b);
}

/* RFC 3261 13.2.2.4, RFC 6026 7.2: for 64*T1 after the first answer, call or no call. */
static void
test_fork_answers_after_the_call (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 200, "one", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
    sip_answer_to (flow, &flow->b, to_b, 200, "two", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, ";tag=two\r\n"));
    g_assert_true (sip_has (&flow->b, "\r\nCSeq: 1 ACK\r\n"));
    expect (&flow->b, "BYE ");
    g_assert_true (sip_has (&flow->b, ";tag=two\r\n"));
    ANSWER (&flow->b, 200, NULL);
    sip_answer_to (flow, &flow->b, to_b, 200, "one", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, ";tag=one\r\n"));
    expect_nothing (&flow->b);
    sip_advance (flow, 33000);
    sip_answer_to (flow, &flow->b, to_b, 200, "three", "", SDP ("answer-b"));
    expect_nothing (&flow->b);
}

/* --- Long ringing ------------------------------------------------------------------------ */

/* RFC 3261 13.3.1.1: a proxy gives up after three minutes of silence. */
static void
test_ringing_is_repeated (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_advance (flow, 59000);
    expect_nothing (&flow->a);
    sip_advance (flow, 1100);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_advance (flow, 60000);
    expect (&flow->a, "SIP/2.0 180 ");
    expect_nothing (&flow->a);
}

static const SipPeersOptions short_ringing = { .more = "[call]\nmedia = through\n"
                                                       "no-answer = 100 s\n" };

/* A called party that keeps its proxies from giving up does not keep us from trying the next. */
static void
test_ringing_again_does_not_prolong (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    sip_advance (flow, 60000);
    sip_answer_to (flow, &flow->b, to_b, 180, "pt", "", NULL);
    sip_advance (flow, 41000);
    expect (&flow->b, "CANCEL ");
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 486, NULL);
}

/* RFC 3261 13.3.1. */
static void
test_invitation_expires (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "Expires: 20\r\n", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    sip_advance (flow, 19000);
    expect_nothing (&flow->b);
    sip_advance (flow, 1100);
    expect (&flow->a, "SIP/2.0 487 ");
    expect (&flow->b, "CANCEL ");
}

/* --- Parties that move ------------------------------------------------------------------- */

/* An UPDATE without an offer moves its sender (RFC 3311 5.1), and its 2xx says where we are (RFC 3311
 * 7, table 1). */
static void
test_update_moves_the_caller (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    g_autofree char *text =
        g_strdup_printf ("UPDATE sip:127.0.0.1:%u SIP/2.0\r\n"
                         "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bKmoved\r\n"
                         "%sCall-ID: call-0\r\nCSeq: 2 UPDATE\r\n"
                         "Contact: <sip:moved@127.0.0.1:%u>\r\nContent-Length: 0\r\n\r\n",
                         flow->port, flow->a.port, flow->a_parties, flow->c.port);

    sip_peer_send (flow, &flow->a, text);
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nContact: <sip:127.0.0.1:"));
    sip_from_b (flow, "BYE", 1, "", NULL);
    expect (&flow->b, "SIP/2.0 200 ");
    expect_nothing (&flow->a);
    expect (&flow->c, "BYE sip:moved@127.0.0.1:");
    ANSWER (&flow->c, 200, NULL);
}

/* --- Order ------------------------------------------------------------------------------ */

/* RFC 3261 12.2.2: of whatever method. */
static void
test_options_out_of_order (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "OPTIONS", 5, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "INFO", 4, "", NULL);
    expect (&flow->a, "SIP/2.0 500 ");
    sip_from_a (flow, "OPTIONS", 4, "", NULL);
    expect (&flow->a, "SIP/2.0 500 ");
    sip_hang_up (flow);
}

/* --- Credentials ------------------------------------------------------------------------- */

#define CHALLENGE(nonce)                                                                           \
    "Proxy-Authenticate: Digest realm=\"b\", nonce=\"" nonce "\", algorithm=MD5, "                 \
    "qop=\"auth\"\r\n"

static void
set_up_challenged_call (Flow *flow)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    sip_answer_to (flow, &flow->b, flow->b.last, 407, "pt", CHALLENGE ("n"), NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 200, SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, "\r\nProxy-Authorization: ")); /* RFC 3261 22.1 */
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
}

/* A response to a challenge holds for one method and one URI (RFC 7616 3.4.3): with that of the INVITE
 * a BYE would be taken for a guess at the password. */
static void
test_bye_has_its_own_credentials (Flow *flow, gconstpointer data)
{
    set_up_challenged_call (flow);
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "BYE ");
    g_assert_false (sip_has (&flow->b, "Proxy-Authorization"));
    sip_answer_to (flow, &flow->b, flow->b.last, 407, "pt", CHALLENGE ("m"), NULL);
    expect (&flow->b, "BYE ");
    g_assert_true (sip_has (&flow->b, "nonce=\"m\", uri=\"sip:peer@127.0.0.1:"));
    ANSWER (&flow->b, 200, NULL);
    expect_nothing (&flow->b);
}

static void
test_reinvite_has_its_own_credentials (Flow *flow, gconstpointer data)
{
    set_up_challenged_call (flow);
    sip_from_a (flow, "INVITE", 2, "", SDP ("again-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_assert_false (sip_has (&flow->b, "Proxy-Authorization"));
    sip_answer_to (flow, &flow->b, flow->b.last, 407, "pt", CHALLENGE ("m"), NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "INVITE ");
    g_assert_true (sip_has (&flow->b, "nonce=\"m\", uri=\"sip:peer@127.0.0.1:"));
    ANSWER (&flow->b, 200, SDP ("again-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_from_a (flow, "ACK", 2, "", NULL);
    sip_hang_up (flow);
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/flow/sip-dialogs/" path, Flow, data, sip_peers_set_up, function,                 \
                sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("request-before-the-answer", test_request_before_the_answer, NULL);
    ADD ("update-before-the-answer", test_update_before_the_answer, NULL);
    ADD ("ninth-fork-answers", test_ninth_fork_answers, NULL);
    ADD ("answer-without-contact", test_answer_without_contact, NULL);
    ADD ("fork-answers-after-the-call", test_fork_answers_after_the_call, NULL);
    ADD ("ringing-is-repeated", test_ringing_is_repeated, NULL);
    ADD ("ringing-again-does-not-prolong", test_ringing_again_does_not_prolong, &short_ringing);
    ADD ("invitation-expires", test_invitation_expires, NULL);
    ADD ("update-moves-the-caller", test_update_moves_the_caller, NULL);
    ADD ("options-out-of-order", test_options_out_of_order, NULL);
    ADD ("bye-has-its-own-credentials", test_bye_has_its_own_credentials, NULL);
    ADD ("reinvite-has-its-own-credentials", test_reinvite_has_its_own_credentials, NULL);
    return g_test_run ();
}
