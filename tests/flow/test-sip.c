/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole calls through the module sip: answer, refusal, CANCEL and its races, peers that misbehave. */

#include "common/sip-peers.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- Calls ------------------------------------------------------------------------------- */

static void
test_call (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "Max-Forwards: 7\r\n", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE sip:8001@127.0.0.1");
    g_assert_true (sip_has (&flow->b, "\r\na=offer-a\r\n"));
    g_assert_true (sip_has (&flow->b, "\r\nMax-Forwards: 6\r\n"));
    g_assert_true (sip_has (&flow->b, "\r\nFrom: \"Ann\" <sip:ann@127.0.0.1:"));
    g_assert_false (sip_has (&flow->b, "call-0"));
    g_autofree char *to_b = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    g_assert_true (sip_has (&flow->a, "\r\nContact: <sip:127.0.0.1:"));
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("early-b"));
    expect (&flow->a, "SIP/2.0 183 ");
    g_assert_true (sip_has (&flow->a, "\r\na=early-b\r\n"));
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\na=answer-b\r\n"));
    sip_learn_a (flow);
    expect (&flow->b, "ACK sip:peer@127.0.0.1");
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_from_a (flow, "BYE", 2, "Reason: Q.850;cause=31\r\n", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "BYE sip:peer@127.0.0.1");
    g_assert_true (sip_has (&flow->b, "\r\nReason: Q.850;cause=31;"));
    ANSWER (&flow->b, 200, NULL);
    expect_nothing (&flow->a);
    expect_nothing (&flow->b);
}

static void
test_called_hangs_up (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_b (flow, "BYE", 1, "", NULL);
    expect (&flow->b, "SIP/2.0 200 ");
    expect (&flow->a, "BYE sip:ann@127.0.0.1");
    ANSWER (&flow->a, 200, NULL);
    sip_from_b (flow, "INFO", 2, "", NULL);
    expect (&flow->b, "SIP/2.0 481 ");
}

/* The 200 to B's early SDP may come without a body of its own. */
static void
test_answer_in_early_media (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 183, "pt", "", SDP ("early-b"));
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 183 ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\na=early-b\r\n"));
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

static void
test_busy (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 486, NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 486 Test");
    expect_nothing (&flow->c); /* busy is no reason to try elsewhere */
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
}

static void
test_next_trunk (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 503, NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 200, SDP ("answer-c"));
    expect (&flow->c, "ACK ");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->c, "BYE ");
    ANSWER (&flow->c, 200, NULL);
}

static void
test_invite_again_is_absorbed (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    expect_nothing (&flow->b);
    ANSWER (&flow->b, 480, NULL);
    expect (&flow->a, "SIP/2.0 480 ");
    expect (&flow->b, "ACK ");
}

static void
test_headers_are_carried (Flow *flow, gconstpointer data)
{
    sip_invite (flow,
                "X-Own: one,\r\n two\r\ns: Lunch\r\nResource-Priority: ets.0\r\n"
                "P-Asserted-Identity: <sip:x@y>\r\nUser-Agent: Phone\r\n",
                SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_assert_true (sip_has (&flow->b, "\r\nX-Own: one, two\r\n"));
    g_assert_true (sip_has (&flow->b, "\r\nSubject: Lunch\r\n"));
    g_assert_false (sip_has (&flow->b, "\r\nResource-Priority:")); /* nobody judges it */
    g_assert_false (sip_has (&flow->b, "P-Asserted-Identity"));
    g_assert_false (sip_has (&flow->b, "Phone"));
    ANSWER (&flow->b, 404, NULL);
}

/* RFC 4694: what stands behind the number goes with it. */
static void
test_number_parameters (Flow *flow, gconstpointer data)
{
    g_autofree char *text = sip_request_of (flow, "INVITE", "", SDP ("offer-a"));
    g_autoptr (GString) invite = g_string_new (text);

    g_string_replace (invite, "INVITE sip:8001@", "INVITE sip:8001;npdi;rn=+1-202@", 1);
    sip_peer_send (flow, &flow->a, invite->str);
    expect (&flow->b, "INVITE sip:8001;npdi;rn=+1-202@127.0.0.1");
    ANSWER (&flow->b, 404, NULL);
}

/* RFC 3372: ISUP beside the description. */
static void
test_other_parts_are_carried (Flow *flow, gconstpointer data)
{
    static const char body[] = "--x\r\nContent-Type: application/sdp\r\n\r\n" SDP (
        "offer-a") "\r\n--x\r\nContent-Type: application/isup;version=itu\r\n"
                   "Content-Disposition: signal;handling=optional\r\n\r\n\x01\x02\x03\r\n--x--\r\n";
    g_autofree char *text = sip_request_of (flow, "INVITE", "", NULL);
    g_autoptr (GString) invite = g_string_new (text);
    g_autofree char *tail = g_strdup_printf (
        "Content-Type: multipart/mixed;boundary=x\r\nContent-Length: %zu\r\n\r\n%s", strlen (body),
        body);

    g_string_replace (invite, "Content-Length: 0\r\n\r\n", tail, 1);
    sip_peer_send (flow, &flow->a, invite->str);
    expect (&flow->b, "INVITE ");
    g_assert_true (sip_has (&flow->b, "\r\nContent-Type: multipart/mixed;boundary="));
    g_assert_true (sip_has (&flow->b, "\r\na=offer-a\r\n"));
    g_assert_true (sip_has (&flow->b, "Content-Type: application/isup;version=itu\r\n"
                                      "Content-Disposition: signal;handling=optional\r\n"
                                      "\r\n\x01\x02\x03\r\n--"));
    ANSWER (&flow->b, 404, NULL);
}

static void
test_anonymous_caller (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "Privacy: id\r\n", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_assert_true (
        sip_has (&flow->b, "\r\nFrom: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag="));
    g_assert_false (sip_has (&flow->b, "ann@"));
    ANSWER (&flow->b, 404, NULL);
}

/* --- CANCEL and its races ---------------------------------------------------------------- */

static void
cancel_with (Flow *flow, const char *lines)
{
    g_autofree char *text = sip_request_of (flow, "CANCEL", lines, NULL);

    sip_peer_send (flow, &flow->a, text);
}

static void
cancel (Flow *flow)
{
    cancel_with (flow, "");
}

static void
test_cancel (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    cancel (flow);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 180 ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "CSeq: 1 CANCEL"));
    expect (&flow->a, "SIP/2.0 487 ");
    expect (&flow->b, "CANCEL ");
    ANSWER (&flow->b, 200, NULL);
    sip_answer_to (flow, &flow->b, to_b, 487, "pt", "", NULL);
    expect (&flow->b, "ACK ");
}

/* RFC 3326 2: why the caller gave up is passed on. */
static void
test_cancel_with_reason (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 180, NULL);
    cancel_with (flow, "Reason: Q.850;cause=31\r\n");
    expect (&flow->b, "CANCEL ");
    g_assert_true (sip_has (&flow->b, "\r\nReason: Q.850;cause=31;"));
}

static const SipPeersOptions together = { .more = "[call]\nmedia = through\n"
                                                  "[route group]\nprefix = 80\n"
                                                  "targets = b + c\n" };

/* RFC 3326 2: a telephone that hears it shows no missed call. */
static void
test_answered_elsewhere (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 180, NULL);
    ANSWER (&flow->b, 200, SDP ("answer-b"));
    expect (&flow->c, "CANCEL ");
    g_assert_true (
        sip_has (&flow->c, "\r\nReason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n"));
}

static void
test_answer_after_cancel (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    cancel (flow);
    expect (&flow->b, "CANCEL ");
    sip_answer_to (flow, &flow->b, to_b, 200, "pt", "", SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
    expect_nothing (&flow->b);
}

static void
test_cancel_after_answer (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    cancel (flow);
    expect (&flow->a, "SIP/2.0 200 ");
    expect_nothing (&flow->b);
    sip_hang_up (flow);
}

static void
test_cancel_of_nothing (Flow *flow, gconstpointer data)
{
    cancel (flow);
    expect (&flow->a, "SIP/2.0 481 ");
}

/* --- Peers that misbehave ---------------------------------------------------------------- */

static void
test_caller_never_acknowledges (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 200, SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 100 ");
    /* RFC 3261 13.3.1.4: 500, 1500, 3500 ms, then every 4 s. */
    sip_advance (flow, 31000);
    g_assert_cmpuint (sip_drain (&flow->a, "SIP/2.0 200 "), ==, 10);
    sip_advance (flow, 6000);
    const char *text;
    while ((text = sip_peer_receive (&flow->a)) != NULL
           && g_str_has_prefix (text, "SIP/2.0 200 ")) {
    }
    g_assert_true (g_str_has_prefix (flow->a.last, "BYE "));
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
}

static void
test_bye_is_never_answered (Flow *flow, gconstpointer data)
{
    sip_set_up_call (flow);
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    sip_advance (flow, 40000);
    /* Timer E until timer F: RFC 3261 17.1.2.2. */
    g_assert_cmpuint (sip_drain (&flow->b, "BYE "), ==, 11);
}

static void
test_called_never_responds (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    sip_advance (flow, 11000); /* no-response of [call] is 10 s */
    g_assert_cmpuint (sip_drain (&flow->b, "INVITE "), ==, 5);
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 486, NULL);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 486 ");
}

static void
test_fork (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    g_autofree char *to_b = g_strdup (flow->b.last);
    sip_answer_to (flow, &flow->b, to_b, 180, "one", "", NULL);
    sip_answer_to (flow, &flow->b, to_b, 180, "two", "", NULL);
    sip_answer_to (flow, &flow->b, to_b, 200, "two", "", SDP ("answer-two"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, ";tag=two"));
    sip_answer_to (flow, &flow->b, to_b, 200, "one", "", SDP ("answer-one"));
    expect (&flow->b, "ACK ");
    g_assert_true (sip_has (&flow->b, ";tag=one"));
    expect (&flow->b, "BYE ");
    g_assert_true (sip_has (&flow->b, ";tag=one"));
    ANSWER (&flow->b, 200, NULL);
    sip_answer_to (flow, &flow->b, to_b, 200, "two", "", SDP ("answer-two"));
    expect (&flow->b, "ACK ");
    expect_nothing (&flow->b);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 180 ");
    expect (&flow->a, "SIP/2.0 180 ");
    expect (&flow->a, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\na=answer-two\r\n"));
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    sip_hang_up (flow);
}

/* --- TCP --------------------------------------------------------------------------------- */

static void
test_call_over_tcp (Flow *flow, gconstpointer data)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons (flow->port),
                                   .sin_addr = { htonl (INADDR_LOOPBACK) } };
    char buffer[4096] = "";
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint (connect (fd, (struct sockaddr *) &address, sizeof address), ==, 0);
    g_autofree char *text = sip_request_of (flow, "INVITE", "", SDP ("offer-a"));
    char *via = strstr (text, "UDP");
    memcpy (via, "TCP", 3);
    size_t half = strlen (text) / 2;
    g_assert_cmpint (send (fd, text, half, 0), ==, (ssize_t) half);
    sip_catch_up (flow);
    expect_nothing (&flow->b);
    g_assert_cmpint (send (fd, text + half, strlen (text) - half, 0), >, 0);
    sip_wait_for (flow->b.fd);
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 486, NULL);
    ssize_t length = 0, more;
    while (strstr (buffer, "SIP/2.0 486 ") == NULL) {
        sip_wait_for (fd);
        more = recv (fd, buffer + length, sizeof buffer - 1 - (size_t) length, 0);
        g_assert_cmpint (more, >, 0);
        length += more;
    }
    g_assert_true (g_str_has_prefix (buffer, "SIP/2.0 100 "));
    close (fd);
    td_engine_settle ();
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/flow/sip/" path, Flow, data, sip_peers_set_up, function, sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("call", test_call, NULL);
    ADD ("called-hangs-up", test_called_hangs_up, NULL);
    ADD ("answer-in-early-media", test_answer_in_early_media, NULL);
    ADD ("busy", test_busy, NULL);
    ADD ("next-trunk", test_next_trunk, NULL);
    ADD ("invite-again-is-absorbed", test_invite_again_is_absorbed, NULL);
    ADD ("headers-are-carried", test_headers_are_carried, NULL);
    ADD ("number-parameters", test_number_parameters, NULL);
    ADD ("other-parts-are-carried", test_other_parts_are_carried, NULL);
    ADD ("anonymous-caller", test_anonymous_caller, NULL);
    ADD ("cancel", test_cancel, NULL);
    ADD ("cancel-with-reason", test_cancel_with_reason, NULL);
    ADD ("answered-elsewhere", test_answered_elsewhere, &together);
    ADD ("answer-after-cancel", test_answer_after_cancel, NULL);
    ADD ("cancel-after-answer", test_cancel_after_answer, NULL);
    ADD ("cancel-of-nothing", test_cancel_of_nothing, NULL);
    ADD ("caller-never-acknowledges", test_caller_never_acknowledges, NULL);
    ADD ("bye-is-never-answered", test_bye_is_never_answered, NULL);
    ADD ("called-never-responds", test_called_never_responds, NULL);
    ADD ("fork", test_fork, NULL);
    ADD ("call-over-tcp", test_call_over_tcp, NULL);
    return g_test_run ();
}
