/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one leg is told because of what the other one said, from the SDP that phones send. */

#include "call/negotiate.h"

#include <string.h>

#define HEAD "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\n"

static TdDescription *
read_text (const char *text)
{
    g_autoptr (GError) error = NULL;
    TdDescription *description = td_description_from_sdp (text, strlen (text), &error);

    g_assert_no_error (error);
    return description;
}

static void
test_ice_is_not_passed_on (void)
{
    g_autoptr (TdDescription) offer =
        read_text (HEAD "a=ice-ufrag:x\na=tool:y\nm=audio 8 RTP/AVP 0\na=candidate:1\na=mid:1\n"
                        "a=end-of-candidates\na=rtcp:77\n");
    g_autoptr (TdDescription) wanted = td_negotiate_offer (offer, false);

    g_assert_cmpstr (wanted->lines[0], ==, "a=tool:y");
    g_assert_null (wanted->lines[1]);
    g_assert_cmpstr (wanted->streams[0].lines[0], ==, "a=mid:1");
    g_assert_null (wanted->streams[0].lines[1]);
    g_assert_cmpuint (wanted->streams[0].rtcp_port, ==, 0);
}

static void
test_answer_has_the_offers_types (void)
{
    g_autoptr (TdDescription) offer =
        read_text (HEAD "m=audio 8 RTP/AVP 8 0 97\na=rtpmap:97 telephone-event/8000\n"
                        "m=video 10 RTP/AVP 31\n");
    g_autoptr (TdDescription) answer =
        read_text (HEAD "m=audio 4 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"
                        "a=fmtp:101 0-15\nm=video 0 RTP/AVP 31\n");
    g_autoptr (TdDescription) wanted = td_negotiate_answer (offer, answer, false);
    const TdStream *stream = &wanted->streams[0];

    g_assert_cmpuint (stream->n_formats, ==, 2);
    g_assert_cmpuint (stream->formats[0].payload_type, ==, 0);
    g_assert_cmpuint (stream->formats[1].payload_type, ==, 97);
    g_assert_cmpstr (stream->formats[1].fmtp, ==, "0-15");
    g_assert_cmpuint (wanted->streams[1].port, ==, 0);
}

static void
test_nothing_in_common (void)
{
    g_autoptr (TdDescription) offer = read_text (HEAD "m=audio 8 RTP/AVP 8\n");
    g_autoptr (TdDescription) answer = read_text (HEAD "m=audio 4 RTP/AVP 0\n");

    g_assert_null (td_negotiate_answer (offer, answer, false));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/negotiate/ice", test_ice_is_not_passed_on);
    g_test_add_func ("/call/negotiate/offers-types", test_answer_has_the_offers_types);
    g_test_add_func ("/call/negotiate/nothing-in-common", test_nothing_in_common);
    return g_test_run ();
}
