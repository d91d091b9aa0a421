/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Session descriptions that are hard to answer, in calls whose media go through the switch. */

#include "common/sip-peers.h"

#include <stdlib.h>
#include <string.h>

static const SipPeersOptions anchored = {
    .more = "rtp = required\n[call]\nmedia = anchor\n" TD_FIXTURE_MEDIA_PORTS,
};

#define HEAD "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"

/* A description of N lines LINE (transfer full). */
static char *
streams (unsigned n, const char *line)
{
    GString *text = g_string_new (HEAD);

    for (unsigned i = 0; i < n; i++) {
        g_string_append (text, line);
    }
    return g_string_free (text, FALSE);
}

static unsigned
count (const char *text, const char *part)
{
    unsigned n = 0;

    while ((text = strstr (text, part)) != NULL) {
        text += strlen (part);
        n++;
    }
    return n;
}

/* A's OFFER comes to B. */
static void
put_to_b (Flow *flow, const char *offer)
{
    sip_invite (flow, "", offer);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
}

/* B accepts with ANSWER, and A is told. */
static void
accept_by_b (Flow *flow, const char *answer)
{
    ANSWER (&flow->b, 200, answer);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
}

/* B accepts with ANSWER, which is of no use: both legs end. */
static void
accept_in_vain (Flow *flow, const char *answer)
{
    ANSWER (&flow->b, 200, answer);
    expect (&flow->b, "ACK ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
    expect (&flow->a, "SIP/2.0 488 ");
}

/* A acknowledges what it was told. */
static void
acknowledge (Flow *flow)
{
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
}

/* RFC 3264 6: as many streams in the answer as in the offer. */
static void
test_sixty_streams (Flow *flow, gconstpointer data)
{
    g_autofree char *offer = streams (60, "m=audio 4000 RTP/AVP 0\r\n");

    put_to_b (flow, offer);
    g_assert_cmpuint (count (flow->b.last, "\r\nm=audio "), ==, 60);
    g_assert_cmpuint (count (flow->b.last, "\r\nm=audio 4000 "), ==, 0);
    accept_by_b (flow, offer);
    g_assert_cmpuint (count (flow->a.last, "\r\nm=audio "), ==, 60);
    acknowledge (flow);
    sip_hang_up (flow);
}

static void
test_too_many_streams (Flow *flow, gconstpointer data)
{
    g_autofree char *offer = streams (65, "m=audio 4000 RTP/AVP 0\r\n");

    sip_invite (flow, "", offer);
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 400 ");
    g_assert_true (sip_has (&flow->a, "64"));
    expect_nothing (&flow->b);
}

/* RFC 3264 5.1: port 0 in an offer is a stream that is not wanted; the call itself is. */
static void
test_all_ports_zero (Flow *flow, gconstpointer data)
{
    g_autofree char *offer = streams (2, "m=audio 0 RTP/AVP 0\r\n");

    put_to_b (flow, offer);
    g_assert_cmpuint (count (flow->b.last, "\r\nm=audio 0 "), ==, 2);
    accept_by_b (flow, offer);
    g_assert_cmpuint (count (flow->a.last, "\r\nm=audio 0 "), ==, 2);
    acknowledge (flow);
    sip_hang_up (flow);
}

/* The callee refuses each stream and answers all the same: RFC 3264 6. */
static void
test_answer_with_all_ports_zero (Flow *flow, gconstpointer data)
{
    put_to_b (flow, HEAD "m=audio 4000 RTP/AVP 0\r\n");
    accept_in_vain (flow, HEAD "m=audio 0 RTP/AVP 0\r\n");
    acknowledge (flow);
}

/* An answer with a codec that was not offered, and none that was: no call, and the next trunk is not
 * to be tried, as the callee has lifted the receiver. */
static void
test_nothing_in_common (Flow *flow, gconstpointer data)
{
    put_to_b (flow, HEAD "m=audio 4000 RTP/AVP 18\r\n");
    accept_in_vain (flow, HEAD "m=audio 4000 RTP/AVP 9\r\n");
    acknowledge (flow);
    expect_nothing (&flow->c);
}

/* The callee says so himself. */
static void
test_refused_with_488 (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "", HEAD "m=audio 4000 RTP/AVP 18\r\n");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 488, NULL);
    expect (&flow->b, "ACK ");
    for (unsigned i = 0; i < 2 && sip_peer_receive (&flow->c) != NULL; i++) {
        ANSWER (&flow->c, 488, NULL);
    }
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->a, "SIP/2.0 488 ");
}

/* A re-INVITE that leaves nothing in common is refused, and the call goes on as it was. */
static void
test_nothing_in_common_later (Flow *flow, gconstpointer data)
{
    put_to_b (flow, HEAD "m=audio 4000 RTP/AVP 0\r\n");
    sip_learn_b (flow, "pt");
    accept_by_b (flow, HEAD "m=audio 4002 RTP/AVP 0\r\n");
    acknowledge (flow);
    sip_from_a (flow, "INVITE", 2, "", HEAD "m=audio 4000 RTP/AVP 18\r\n");
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE ");
    ANSWER (&flow->b, 488, NULL);
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 488 ");
    sip_acknowledge (flow, &flow->a);
    expect_nothing (&flow->a);
    sip_hang_up (flow);
}

/* RFC 3264 6.1: who is offered to listen only is not told that it may be spoken to, whatever the other
 * side answers. */
static void
test_hold_is_answered_as_offered (Flow *flow, gconstpointer data)
{
    put_to_b (flow, HEAD "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n");
    g_assert_true (sip_has (&flow->b, "\r\na=sendonly\r\n"));
    accept_by_b (flow, HEAD "m=audio 4002 RTP/AVP 0\r\na=sendrecv\r\n");
    g_assert_true (sip_has (&flow->a, "\r\na=recvonly\r\n"));
    acknowledge (flow);
    sip_hang_up (flow);
}

/* RFC 3323 5.3: a caller who wishes to stay unknown is not told of by what he wrote into his
 * description. */
static void
test_description_does_not_tell (Flow *flow, gconstpointer data)
{
    sip_invite (flow, "Privacy: user\r\n",
                "v=0\r\no=ann 1 1 IN IP4 127.0.0.1\r\ns=ann\r\ni=ann\r\nu=http://ann\r\n"
                "e=ann@home\r\np=+1 555 ann\r\nc=IN IP4 127.0.0.1\r\nb=AS:64\r\nt=0 0\r\n"
                "a=tool:ann\r\nm=audio 4000 RTP/AVP 0\r\ni=ann\r\na=label:1\r\n");
    expect (&flow->b, "INVITE ");
    g_assert_false (sip_has (&flow->b, "ann"));
    g_assert_true (sip_has (&flow->b, "\r\nb=AS:64\r\n"));
    g_assert_true (sip_has (&flow->b, "\r\na=label:1\r\n"));
    ANSWER (&flow->b, 404, NULL);
}

#define ADD(path, function)                                                                        \
    g_test_add ("/flow/sip-media/" path, Flow, &anchored, sip_peers_set_up, function,              \
                sip_peers_tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("sixty-streams", test_sixty_streams);
    ADD ("too-many-streams", test_too_many_streams);
    ADD ("all-ports-zero", test_all_ports_zero);
    ADD ("answer-with-all-ports-zero", test_answer_with_all_ports_zero);
    ADD ("nothing-in-common", test_nothing_in_common);
    ADD ("nothing-in-common-later", test_nothing_in_common_later);
    ADD ("refused-with-488", test_refused_with_488);
    ADD ("hold-is-answered-as-offered", test_hold_is_answered_as_offered);
    ADD ("description-does-not-tell", test_description_does_not_tell);
    return g_test_run ();
}
