/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the module sip does not serve, and whom: the words and codes it refuses with. */

#include "common/sip-peers.h"

#include <tandem/command.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- Authentication ---------------------------------------------------------------------- */

static void
test_trunk_challenges (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    sip_answer_to (flow, &flow->b, flow->b.last, 407, "pt",
                   "Proxy-Authenticate: Digest realm=\"b\", nonce=\"n\", algorithm=MD5, "
                   "qop=\"auth\"\r\n",
                   NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "INVITE ");
    g_assert_true (
        sip_has (&flow->b, "\r\nProxy-Authorization: Digest username=\"us\", realm=\"b\", "));
    g_assert_true (sip_has (&flow->b, "\r\nCSeq: 2 INVITE\r\n"));
    sip_answer_to (flow, &flow->b, flow->b.last, 407, "pt",
                   "Proxy-Authenticate: Digest realm=\"b\", nonce=\"m\", algorithm=MD5\r\n", NULL);
    expect (&flow->b, "ACK ");
    expect_nothing (&flow->b); /* the same credentials are not tried again */
}

/* Nothing but a key of [trunk] that this module adds there: what the next call answers with. */
static void
test_reload_takes_credentials_over (Flow *flow, gconstpointer data)
{
    g_autofree char *config = NULL;

    g_assert_true (g_file_get_contents (flow->fixture->config_file, &config, NULL, NULL));
    g_autoptr (GString) changed = g_string_new (config);
    g_assert_cmpuint (g_string_replace (changed, "username = us", "username = we", 0), ==, 1);
    g_assert_true (g_file_set_contents (flow->fixture->config_file, changed->str, -1, NULL));
    g_assert_true (td_engine_reload (NULL, NULL));
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->b, "INVITE ");
    sip_answer_to (flow, &flow->b, flow->b.last, 401, "pt",
                   "WWW-Authenticate: Digest realm=\"b\", nonce=\"n\", algorithm=MD5\r\n", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "INVITE ");
    g_assert_true (sip_has (&flow->b, "\r\nAuthorization: Digest username=\"we\", realm=\"b\", "));
}

static const SipPeersOptions refuse_strangers = { .strangers = "refuse" };
static const SipPeersOptions by_name = { .strangers = "refuse", .b_host = "localhost" };

/* Its calls are told from strangers', and it is reached. */
static void
test_trunk_by_name (Flow *flow, gconstpointer data)
{
    Peer a = flow->a;

    flow->a = flow->b; /* B calls itself */
    sip_invite (flow, "", SDP ("offer-b"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "INVITE sip:8001@localhost:");
    ANSWER (&flow->a, 486, NULL);
    expect (&flow->a, "ACK ");
    expect (&flow->a, "SIP/2.0 486 ");
    flow->b = flow->a;
    flow->a = a;
}

static void
count_answer (TdRequest *request, GVariant *piece, bool is_last, const char *error_text, void *data)
{
    *(unsigned *) data += is_last && error_text == NULL;
}

/* Gives the command "module VERB sip", without waiting for its answer. */
static void
begin (const char *verb, unsigned *ret_n_answers)
{
    td_request_unref (td_command_run (NULL, TD_LIST ("module", verb, "sip"), "the test", true,
                                      count_answer, ret_n_answers));
}

/* The search needs what the stop frees. Which comes first is up to the seed. */
static void
test_stop_while_a_name_is_looked_for (Flow *flow, gconstpointer data)
{
    unsigned n_answers = 0;

    g_free (td_fixture_ask ("module stop sip"));
    for (unsigned round = 0; round < 100; round++) {
        begin ("load", &n_answers);
        for (unsigned i = 0; i < round % 5; i++) {
            td_engine_step ();
        }
        begin ("stop", &n_answers);
        td_engine_advance (1000);
    }
    g_assert_cmpuint (n_answers, ==, 200);
    g_free (td_fixture_ask ("module load sip"));
}

static void
test_strangers_are_refused (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 403 ");
    expect_nothing (&flow->b);
}

/* --- Targets that cannot be reached ------------------------------------------------------ */

/* The longest prefix counts: first over TLS, then C. */
static const SipPeersOptions over_tls = { .more = "[call]\nmedia = through\n"
                                                  "[route secure]\nprefix = 80\n"
                                                  "targets = sip:x@127.0.0.1;transport=tls, c\n" };

/* RFC 3261 26.2.2: never in the clear instead. */
static void
test_secure_transport (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 404, NULL);
    expect (&flow->c, "ACK ");
}

/* Nobody listens there (tcpmux is long gone). */
static const SipPeersOptions no_listener = { .more =
                                                 "[call]\nmedia = through\n"
                                                 "[route dead]\nprefix = 80\n"
                                                 "targets = sip:x@127.0.0.1:1;transport=tcp, c\n" };

/* RFC 3261 17.1.4: it is not waited for somebody who cannot have heard. */
static void
test_connection_refused (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    sip_wait_for (flow->c.fd);
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 404, NULL);
    expect (&flow->c, "ACK ");
}

/* --- When to try again ------------------------------------------------------------------- */

/* B refuses with STATUS and LINES, and A is told EXPECTED; C is only asked where B may be passed by. */
static void
refuse_for_a_while (Flow *flow, unsigned status, const char *lines, const char *expected)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    sip_answer_to (flow, &flow->b, flow->b.last, status, "pt", lines, NULL);
    expect (&flow->b, "ACK ");
    if (sip_peer_receive (&flow->c) != NULL) {
        sip_answer_to (flow, &flow->c, flow->c.last, status, "pt", lines, NULL);
        expect (&flow->c, "ACK ");
    }
    expect (&flow->a, expected);
    sip_acknowledge (flow, &flow->a);
    flow->n_calls++;
}

/* RFC 3261 20.33. */
static void
test_retry_after (Flow *flow, gconstpointer data)
{
    static const struct {
        unsigned status;
        const char *line, *told, *seconds;
    } cases[] = {
        { 404, "Retry-After: 7\r\n", "SIP/2.0 404 ", "7" },
        { 480, "Retry-After: 120 (I'm in a meeting)\r\n", "SIP/2.0 480 ", "120" },
        { 486, "Retry-After: 18000;duration=3600\r\n", "SIP/2.0 486 ", "18000" },
        { 503, "Retry-After: 9\r\n", "SIP/2.0 500 ", "9" },
        { 600, "Retry-After: 60\r\n", "SIP/2.0 600 ", "60" },
        { 603, "Retry-After: soon\r\n", "SIP/2.0 603 ", "" },
        { 606, "Retry-After: 5\r\n", "SIP/2.0 606 ", "" }, /* it may not stand there */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        refuse_for_a_while (flow, cases[i].status, cases[i].line, cases[i].told);
        g_autofree char *seconds = sip_field (flow->a.last, "Retry-After");
        g_assert_cmpstr (seconds, ==, cases[i].seconds);
    }
}

/* What counts is the refusal that ends the call. */
static void
test_retry_after_of_another_target (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    sip_answer_to (flow, &flow->b, flow->b.last, 503, "pt", "Retry-After: 9\r\n", NULL);
    expect (&flow->c, "INVITE ");
    ANSWER (&flow->c, 486, NULL);
    expect (&flow->a, "SIP/2.0 486 ");
    g_assert_false (sip_has (&flow->a, "Retry-After"));
}

/* --- Requests that are refused ----------------------------------------------------------- */

static void
refuse (Flow *flow, const char *method, const char *lines, const char *sdp, const char *status)
{
    flow->n_calls++;
    g_autofree char *text = sip_request_of (flow, method, lines, sdp);
    sip_peer_send (flow, &flow->a, text);
    expect (&flow->a, status);
}

static void
test_refusals (Flow *flow, gconstpointer data)
{
    refuse (flow, "OPTIONS", "", NULL, "SIP/2.0 200 ");
    g_assert_true (sip_has (&flow->a, "\r\nAllow: INVITE, "));
    refuse (flow, "SUBSCRIBE", "", NULL, "SIP/2.0 405 ");
    g_assert_true (sip_has (&flow->a, "\r\nAllow: INVITE, "));
    refuse (flow, "FROB", "", NULL, "SIP/2.0 501 ");
    refuse (flow, "REGISTER", "", NULL, "SIP/2.0 405 ");
    refuse (flow, "BYE", "", NULL, "SIP/2.0 481 ");
    refuse (flow, "INVITE", "Require: x, y\r\n", NULL, "SIP/2.0 420 ");
    g_assert_true (sip_has (&flow->a, "\r\nUnsupported: x, y\r\n"));
    refuse (flow, "INVITE", "Max-Forwards: 0\r\n", NULL, "SIP/2.0 483 ");
    refuse (flow, "INVITE", "Max-Forwards: many\r\n", NULL,
            "SIP/2.0 400 Max-Forwards is no number from 0 to 255");
    expect_nothing (&flow->b);
}

/* Another request with the branch of one that was answered gets an answer of its own: of the first nothing is
 * left but what its copy gets once more. */
static void
expect_no_transaction (Flow *flow, const char *method, const char *lines, const char *sdp,
                       const char *status)
{
    flow->n_calls++;
    g_autofree char *text = sip_request_of (flow, method, lines, sdp);
    g_autofree char *other_id = g_strdup_printf ("other-%u", flow->n_calls);
    g_autofree char *call_id = sip_field (text, "Call-ID");
    g_autoptr (GString) other = g_string_new (text);

    g_assert_cmpuint (g_string_replace (other, call_id, other_id, 1), ==, 1);
    sip_peer_send (flow, &flow->a, text);
    expect (&flow->a, status);
    g_autofree char *first = g_strdup (flow->a.last);
    sip_peer_send (flow, &flow->a, text);
    expect (&flow->a, status);
    g_assert_cmpstr (flow->a.last, ==, first);
    sip_peer_send (flow, &flow->a, other->str);
    expect (&flow->a, status);
    g_autofree char *answered = sip_field (flow->a.last, "Call-ID");
    g_assert_cmpstr (answered, ==, other_id);
    td_engine_advance (2000);
    expect_nothing (&flow->a); /* nobody sends a refusal of an INVITE again but when asked again */
}

/* RFC 3261 8.2.7. */
static void
test_refusals_leave_nothing (Flow *flow, gconstpointer data)
{
    expect_no_transaction (flow, "OPTIONS", "", NULL, "SIP/2.0 200 ");
    expect_no_transaction (flow, "SUBSCRIBE", "", NULL, "SIP/2.0 405 ");
    expect_no_transaction (flow, "FROB", "", NULL, "SIP/2.0 501 ");
    expect_no_transaction (flow, "REGISTER", "", NULL, "SIP/2.0 405 ");
    expect_no_transaction (flow, "BYE", "", NULL, "SIP/2.0 481 ");
    expect_no_transaction (flow, "CANCEL", "", NULL, "SIP/2.0 481 ");
    expect_no_transaction (flow, "OPTIONS", "Require: x\r\n", NULL, "SIP/2.0 420 ");
    expect_no_transaction (flow, "INVITE", "Max-Forwards: 0\r\n", NULL, "SIP/2.0 483 ");
    expect_no_transaction (flow, "INVITE", "Content-Encoding: gzip\r\n", SDP ("offer-a"),
                           "SIP/2.0 415 ");
}

static void
test_strangers_leave_nothing (Flow *flow, gconstpointer data)
{
    expect_no_transaction (flow, "INVITE", "", SDP ("offer-a"), "SIP/2.0 403 ");
}

/* RFC 3261 16.3 5: whoever passes calls on is a proxy to those who ask something of proxies. */
static void
test_proxy_require (Flow *flow, gconstpointer data)
{
    refuse (flow, "INVITE", "Proxy-Require: sec-agree\r\nRequire: x\r\n", SDP ("offer-a"),
            "SIP/2.0 420 ");
    g_assert_true (sip_has (&flow->a, "\r\nUnsupported: x\r\nUnsupported: sec-agree\r\n"));
    expect_nothing (&flow->b);
}

/* Without TLS nothing that is asked for by "sips" can be had (RFC 3261 26.2.2). */
static void
test_sips_is_refused (Flow *flow, gconstpointer data)
{
    g_autofree char *text = sip_request_of (flow, "INVITE", "", SDP ("offer-a"));
    g_autoptr (GString) invite = g_string_new (text);

    g_string_replace (invite, "INVITE sip:", "INVITE sips:", 1);
    sip_peer_send (flow, &flow->a, invite->str);
    expect (&flow->a, "SIP/2.0 416 ");
    expect_nothing (&flow->b);
}

static void
test_bodies_are_refused (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "Content-Encoding: gzip\r\n", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 415 ");
    g_assert_true (sip_has (&flow->a, "\r\nAccept-Encoding: identity\r\n"));
    flow->n_calls++;
    g_autofree char *text = sip_request_of (flow, "INVITE", "Content-Type: text/plain\r\n", NULL);
    g_autofree char *with_body = g_strconcat (text, "", NULL);
    char *length = strstr (with_body, "Content-Length: 0\r\n\r\n");
    g_assert_nonnull (length);
    *length = '\0';
    g_autofree char *whole = g_strconcat (with_body, "Content-Length: 2\r\n\r\nhi", NULL);
    sip_peer_send (flow, &flow->a, whole);
    expect (&flow->a, "SIP/2.0 415 ");
    g_assert_true (sip_has (&flow->a, "\r\nAccept: application/sdp"));
    expect_nothing (&flow->b);
}

/* RFC 3261 8.2.2.2. */
static void
test_merged_request (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *text = sip_request_of (flow, "INVITE", "", SDP ("offer-a"));
    g_autoptr (GString) other = g_string_new (text);
    g_string_replace (other, "z9hG4bKcall0", "z9hG4bKother", 1);
    sip_peer_send (flow, &flow->a, other->str);
    expect (&flow->a, "SIP/2.0 482 ");
    expect_nothing (&flow->b);
    ANSWER (&flow->b, 404, NULL);
}

static void
test_sdp_is_refused (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", "v=0\r\nrubbish\r\n");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 400 ");
    expect_nothing (&flow->b);
}

static void
test_keepalive_is_silent (Flow *flow, gconstpointer data)
{
    sip_peer_send (flow, &flow->a, "\r\n\r\n");
    sip_peer_send (flow, &flow->a, "rubbish");
    sip_peer_send (flow, &flow->a, "SIP/2.0 200 OK\r\n\r\n");
    expect_nothing (&flow->a);
}

#define ADD(path, function, data)                                                                  \
    g_test_add ("/flow/sip-refusals/" path, Flow, data, sip_peers_set_up, function,                \
                sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("trunk-challenges", test_trunk_challenges, NULL);
    ADD ("reload-takes-credentials-over", test_reload_takes_credentials_over, NULL);
    ADD ("strangers-are-refused", test_strangers_are_refused, &refuse_strangers);
    ADD ("trunk-by-name", test_trunk_by_name, &by_name);
    ADD ("stop-while-a-name-is-looked-for", test_stop_while_a_name_is_looked_for, &by_name);
    ADD ("refusals", test_refusals, NULL);
    ADD ("refusals-leave-nothing", test_refusals_leave_nothing, NULL);
    ADD ("strangers-leave-nothing", test_strangers_leave_nothing, &refuse_strangers);
    ADD ("connection-refused", test_connection_refused, &no_listener);
    ADD ("retry-after", test_retry_after, NULL);
    ADD ("retry-after-of-another-target", test_retry_after_of_another_target, NULL);
    ADD ("proxy-require", test_proxy_require, NULL);
    ADD ("sips-is-refused", test_sips_is_refused, NULL);
    ADD ("secure-transport-is-skipped", test_secure_transport, &over_tls);
    ADD ("bodies-are-refused", test_bodies_are_refused, NULL);
    ADD ("merged-request", test_merged_request, NULL);
    ADD ("sdp-is-refused", test_sdp_is_refused, NULL);
    ADD ("keepalive-is-silent", test_keepalive_is_silent, NULL);
    return g_test_run ();
}
