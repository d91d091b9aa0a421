/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer that answers an INVITE with a 3xx: who is called then, and who is not. */

#include "common/sip-peers.h"

#include <tandem/bus.h>
#include <tandem/call.h>

#include <string.h>

/* 8... goes to B, then to C; 9... to C, 7... to B. */
#define ONLY_ROUTES                                                                                \
    "[route nine]\nprefix = 9\ntargets = c\n"                                                      \
    "[route seven]\nprefix = 7\ntargets = b\n"
#define ROUTES "[call]\nmedia = through\n" ONLY_ROUTES

static const SipPeersOptions by_default = { .more = ROUTES };
static const SipPeersOptions follows = { .b_keys = "redirect = follow\n", .more = ROUTES };
static const SipPeersOptions passes = { .b_keys = "redirect = pass\n", .more = ROUTES };
static const SipPeersOptions follows_two = {
    .b_keys = "redirect = follow\n",
    .more = "[call]\nmedia = through\nmax-redirects = 2\n" ONLY_ROUTES
};
static const SipPeersOptions follows_none = {
    .b_keys = "redirect = follow\n",
    .more = "[call]\nmedia = through\nmax-redirects = 0\n" ONLY_ROUTES
};
static const SipPeersOptions together = { .b_keys = "redirect = follow\n",
                                          .more = ROUTES
                                          "[route group]\nprefix = 80\ntargets = b + c\n" };

/* PEER answers the INVITE it has got with STATUS and LINES. */
static void
say (Flow *flow, Peer *peer, unsigned status, const char *lines)
{
    sip_answer_to (flow, peer, peer->last, status, "pt", lines, NULL);
    expect (peer, "ACK ");
}

/* PEER is called under the number that begins with INVITE, and says STATUS with LINES. */
static void
called_in_vain (Flow *flow, Peer *peer, const char *invite, unsigned status, const char *lines)
{
    expect (peer, invite);
    say (flow, peer, status, lines);
}

/* B gets A's call and redirects it. */
static void
redirect_as (Flow *flow, unsigned status, const char *lines)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    called_in_vain (flow, &flow->b, "INVITE sip:8001@", status, lines);
}

static void
redirect (Flow *flow, const char *lines)
{
    redirect_as (flow, 302, lines);
}

static void
refused (Flow *flow, const char *start)
{
    expect (&flow->a, start);
    sip_acknowledge (flow, &flow->a);
    expect_nothing (&flow->b);
    expect_nothing (&flow->c);
    flow->n_calls++;
}

/* C is called so, is busy, and that is the end of it. */
static void
busy_at_c (Flow *flow, const char *invite)
{
    called_in_vain (flow, &flow->c, invite, 486, "");
    refused (flow, "SIP/2.0 486 ");
}

/* --- What the key says ------------------------------------------------------------------- */

static void
test_next_target (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>\r\n");
    busy_at_c (flow, "INVITE sip:8001@");
}

/* Nobody is left; a 3xx is not the caller's to see. */
static void
test_nobody_left (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->c, "INVITE sip:8001@", 302, "Contact: <sip:9001@127.0.0.1>\r\n");
    refused (flow, "SIP/2.0 480 ");
    g_assert_false (sip_has (&flow->a, "9001"));
}

static void
test_passed (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>;q=0.2, \"N\" <sip:9002@127.0.0.1>\r\n");
    refused (flow, "SIP/2.0 302 ");
    g_assert_true (sip_has (&flow->a, "\r\nContact: \"N\" <sip:9002@127.0.0.1>\r\n"
                                      "Contact: <sip:9001@127.0.0.1>;q=0.2\r\n"));
}

/* Of 305 the caller would be the wrong one to hear (RFC 3261 21.3.4), of 380 nobody can read the body. */
static void
test_not_passed (Flow *flow, gconstpointer data)
{
    for (unsigned status = 305; status <= 380; status += 75) {
        redirect_as (flow, status, "Contact: <sip:9001@127.0.0.1>\r\n");
        busy_at_c (flow, "INVITE sip:8001@");
    }
}

/* --- Following --------------------------------------------------------------------------- */

typedef struct {
    char *called, *original;
    unsigned redirections, attempts;
} Record;

static void
hear (const TdFact *fact, void *data)
{
    const TdCallFact *call = fact->body;
    Record *record = data;

    record->called = g_strdup (call->called);
    record->original = g_strdup (call->original_called);
    record->redirections = call->redirections;
    record->attempts = call->attempts;
}

static void
test_followed (Flow *flow, gconstpointer data)
{
    Record record = { 0 };
    TdSubscription *subscription =
        td_bus_subscribe (NULL, TD_LIST ("call.answered"), hear, &record);

    redirect (flow, "Contact: <sip:9001@elsewhere.example>\r\n");
    expect (&flow->c, "INVITE sip:9001@127.0.0.1");
    ANSWER (&flow->c, 200, SDP ("answer-c"));
    expect (&flow->c, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    td_bus_unsubscribe (subscription);
    g_assert_cmpstr (record.called, ==, "9001");
    g_assert_cmpstr (record.original, ==, "8001");
    g_assert_cmpuint (record.redirections, ==, 1);
    g_assert_cmpuint (record.attempts, ==, 2);
    g_free (record.called);
    g_free (record.original);
    sip_from_a (flow, "BYE", 2, "", NULL);
    expect (&flow->c, "BYE ");
    ANSWER (&flow->c, 200, NULL);
}

/* What cannot be followed: the call goes on as if nobody had been named. */
static void
test_not_followed (Flow *flow, gconstpointer data)
{
    static const char *const lines[] = {
        "",
        "Contact: *\r\n",
        "Contact: <x:y>;q=x, <sip:5001@[::1]>;q=9\r\n",
        "Contact: <urn:service:sos>\r\n",
        "Contact: <mailto:ann@127.0.0.1>\r\n",
        "Contact: <sip:bob@elsewhere.example>\r\n",     /* not a name of ours */
        "Contact: <sip:elsewhere.example>\r\n",         /* nobody there to call */
        "Contact: <sips:9001@127.0.0.1>\r\n",           /* would have to be secure on every hop */
        "Contact: <sip:9001@127.0.0.1;method=BYE>\r\n", /* RFC 3261 19.1.5 */
        "Contact: <sip:9001@127.0.0.1?Require=x>\r\n",  /* ... */
        "Contact: <sip:9001@127.0.0.1?a=b&Replaces=x>\r\n",
        "Contact: <sip:5001@127.0.0.1>\r\n", /* routing leads nowhere */
        "Contact: <sip:8001@127.0.0.1>\r\n", /* that is what it was */
        "Contact: <tel:8001>, <sip:8001@127.0.0.1;x=y>\r\n",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (lines); i++) {
        redirect (flow, lines[i]);
        busy_at_c (flow, "INVITE sip:8001@");
    }
}

/* What its parameters say of the host goes nowhere; what stands behind the number goes with it. */
static void
test_parameters (Flow *flow, gconstpointer data)
{
    redirect (flow,
              "Contact: <sip:9001;npdi;rn=9002@127.0.0.1;maddr=127.0.0.9?Subject=no&X-A=b>\r\n");
    expect (&flow->c, "INVITE sip:9001;npdi;rn=9002@127.0.0.1");
    g_assert_false (sip_has (&flow->c, "maddr"));
    g_assert_false (sip_has (&flow->c, "Subject"));
    g_assert_false (sip_has (&flow->c, "X-A"));
    say (flow, &flow->c, 486, "");
    refused (flow, "SIP/2.0 486 ");
}

static void
test_tel (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <tel:9001>\r\n");
    busy_at_c (flow, "INVITE sip:9001@");
}

static void
test_others_by_their_q (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>;q=0.1, <sip:9002@127.0.0.1>;q=0.9\r\n"
                    "Contact: <sip:9003@127.0.0.1>;q=0.95\r\n");
    called_in_vain (flow, &flow->c, "INVITE sip:9003@", 503, "");
    called_in_vain (flow, &flow->c, "INVITE sip:9002@", 486, "");
    busy_at_c (flow, "INVITE sip:9001@");
}

/* RFC 3261 21.6. */
static void
test_last_word (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>, <sip:9002@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->c, "INVITE sip:9001@", 603, "");
    refused (flow, "SIP/2.0 603 ");
}

/* Whoever was named is worth another try, and none is left: what the list has behind B. */
static void
test_rest_of_the_list (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->c, "INVITE sip:9001@", 503, "");
    busy_at_c (flow, "INVITE sip:8001@");
}

/* Not to a trunk because it is named, but only where the routing leads. */
static void
test_trunk_that_is_not_allowed (Flow *flow, gconstpointer data)
{
    g_autofree char *lines = g_strdup_printf ("Contact: <sip:9001@127.0.0.1:%u>\r\n", flow->b.port);

    redirect (flow, lines);
    busy_at_c (flow, "INVITE sip:8001@");
}

/* Of those that the routing allows the one that is named: 8002 would go to B first. */
static void
test_trunk_that_is_named (Flow *flow, gconstpointer data)
{
    g_autofree char *lines = g_strdup_printf ("Contact: <sip:8002@127.0.0.1:%u>\r\n", flow->c.port);

    redirect (flow, lines);
    busy_at_c (flow, "INVITE sip:8002@");
}

/* RFC 3261 21.3.4: the same number, by the proxy that is named, where that is a trunk. */
static void
test_use_proxy (Flow *flow, gconstpointer data)
{
    g_autofree char *lines = g_strdup_printf ("Contact: <sip:127.0.0.1:%u>\r\n", flow->c.port);

    redirect_as (flow, 305, lines);
    busy_at_c (flow, "INVITE sip:8001@");
}

static void
test_alternative_service (Flow *flow, gconstpointer data)
{
    redirect_as (flow, 380, "Contact: <sip:9001@127.0.0.1>\r\n");
    busy_at_c (flow, "INVITE sip:8001@");
}

/* --- Bounds ------------------------------------------------------------------------------ */

static void
test_loop (Flow *flow, gconstpointer data)
{
    g_autofree char *itself =
        g_strdup_printf ("Contact: <sip:7001@127.0.0.1:%u>\r\n", flow->b.port);

    redirect (flow, "Contact: <sip:7001@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->b, "INVITE sip:7001@", 302, itself);
    busy_at_c (flow, "INVITE sip:8001@");

    redirect (flow, "Contact: <sip:7001@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->b, "INVITE sip:7001@", 302, "Contact: <sip:8001@127.0.0.1>\r\n");
    busy_at_c (flow, "INVITE sip:8001@");
}

static void
test_bound (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:7001@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->b, "INVITE sip:7001@", 302, "Contact: <sip:7002@127.0.0.1>\r\n");
    called_in_vain (flow, &flow->b, "INVITE sip:7002@", 302, "Contact: <sip:7003@127.0.0.1>\r\n");
    busy_at_c (flow, "INVITE sip:8001@");
}

/* Of forty that are named, in one line and in many, ten are tried. */
static void
test_many (Flow *flow, gconstpointer data)
{
    g_autoptr (GString) lines = g_string_new (NULL);

    for (unsigned i = 0; i < 40; i++) {
        g_string_append_printf (lines, "%s<sip:90%02u@127.0.0.1>%s",
                                i % 4 == 0 ? "Contact: " : ", ", i, i % 4 == 3 ? "\r\n" : "");
    }
    redirect (flow, lines->str);
    for (unsigned i = 0; i < 9; i++) {
        g_autofree char *invite = g_strdup_printf ("INVITE sip:90%02u@", i);
        called_in_vain (flow, &flow->c, invite, 486, "");
    }
    busy_at_c (flow, "INVITE sip:9009@");
}

/* --- At another time --------------------------------------------------------------------- */

/* Who was heard already is heard no more. */
static void
test_after_early_media (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *invite = g_strdup (flow->b.last);
    ANSWER (&flow->b, 183, SDP ("early-b"));
    expect (&flow->a, "SIP/2.0 183 ");
    sip_answer_to (flow, &flow->b, invite, 302, "pt", "Contact: <sip:9001@127.0.0.1>\r\n", NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->c, "INVITE sip:9001@");
    ANSWER (&flow->c, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    say (flow, &flow->c, 486, "");
    refused (flow, "SIP/2.0 486 ");
}

/* The caller hangs up while the 3xx is on its way. */
static void
test_cancelled (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    g_autofree char *invite = g_strdup (flow->b.last);
    ANSWER (&flow->b, 180, NULL);
    expect (&flow->a, "SIP/2.0 180 ");
    g_autofree char *cancel = sip_request_of (flow, "CANCEL", "", NULL);
    sip_peer_send (flow, &flow->a, cancel);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "CANCEL ");
    ANSWER (&flow->b, 200, NULL);
    sip_answer_to (flow, &flow->b, invite, 302, "pt", "Contact: <sip:9001@127.0.0.1>\r\n", NULL);
    expect (&flow->b, "ACK ");
    refused (flow, "SIP/2.0 487 ");
}

/* B redirects, C rings beside it: who is named has his turn when nobody of the group has answered. */
static void
test_one_of_a_group (Flow *flow, gconstpointer data)
{
    redirect (flow, "Contact: <sip:9001@127.0.0.1>\r\n");
    expect (&flow->c, "INVITE sip:8001@");
    expect_nothing (&flow->c);
    say (flow, &flow->c, 486, "");
    busy_at_c (flow, "INVITE sip:9001@");

    redirect (flow, "Contact: <sip:9001@127.0.0.1>\r\n");
    expect (&flow->c, "INVITE sip:8001@");
    ANSWER (&flow->c, 200, SDP ("answer-c"));
    expect (&flow->c, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    expect_nothing (&flow->c);
}

#define ADD(name, options, test)                                                                   \
    g_test_add ("/sip/redirect/" name, Flow, options, sip_peers_set_up, test, sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("advance/next-target", &by_default, test_next_target);
    ADD ("advance/nobody-left", &by_default, test_nobody_left);
    ADD ("pass/contacts", &passes, test_passed);
    ADD ("pass/use-proxy", &passes, test_not_passed);
    ADD ("follow/record", &follows, test_followed);
    ADD ("follow/unusable", &follows, test_not_followed);
    ADD ("follow/parameters", &follows, test_parameters);
    ADD ("follow/tel", &follows, test_tel);
    ADD ("follow/order", &follows, test_others_by_their_q);
    ADD ("follow/last-word", &follows, test_last_word);
    ADD ("follow/rest", &follows, test_rest_of_the_list);
    ADD ("follow/trunk-not-allowed", &follows, test_trunk_that_is_not_allowed);
    ADD ("follow/trunk-named", &follows, test_trunk_that_is_named);
    ADD ("follow/use-proxy", &follows, test_use_proxy);
    ADD ("follow/alternative-service", &follows, test_alternative_service);
    ADD ("follow/loop", &follows, test_loop);
    ADD ("follow/bound", &follows_two, test_bound);
    ADD ("follow/none", &follows_none, test_next_target);
    ADD ("follow/many", &follows, test_many);
    ADD ("follow/early-media", &follows, test_after_early_media);
    ADD ("follow/cancelled", &follows, test_cancelled);
    ADD ("follow/group", &together, test_one_of_a_group);
    return g_test_run ();
}
