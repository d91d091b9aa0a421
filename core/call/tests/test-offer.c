/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptions are copied, changed and answered as RFC 3264 says. */

#include <string.h>

#include <tandem/offer.h>

#define HEAD "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=0 0\n"

static TdDescription *
read_text (const char *text)
{
    g_autoptr (GError) error = NULL;
    TdDescription *description = td_description_from_sdp (text, strlen (text), &error);

    g_assert_no_error (error);
    return description;
}

static char *
print (const TdDescription *description)
{
    GString *text = g_string_new (NULL);

    td_description_to_sdp (description, text);
    return g_string_free (text, FALSE);
}

static TdDescription *
answer_texts (const char *offer_text, const char *local_text)
{
    g_autoptr (TdDescription) offer = read_text (offer_text);
    g_autoptr (TdDescription) local = read_text (local_text);
    TdDescription *answer = td_description_answer (offer, local);

    if (answer != NULL) {
        g_autoptr (GError) error = NULL;
        td_description_is_answer_to (answer, offer, &error);
        g_assert_no_error (error);
    }
    return answer;
}

static void
test_built_by_hand (void)
{
    g_autoptr (TdDescription) description = td_description_new ();

    td_description_set_text (&description->origin_address, "10.0.0.1");
    TdStream *stream = td_description_add_stream (description);
    stream->kind = TD_MEDIA_AUDIO;
    td_description_set_text (&stream->kind_text, "audio");
    td_description_set_text (&stream->transport, "RTP/AVP");
    td_description_set_text (&stream->address, "10.0.0.1");
    stream->port = 4000;
    td_stream_add_format (stream, 101, "telephone-event", 8000, 0, "0-15");
    td_description_add_line (&stream->lines, "a=mid:1");
    td_description_add_line (&stream->lines, "b=AS:64");
    g_autofree char *text = print (description);
    g_assert_cmpstr (text, ==,
                     "v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
                     "m=audio 4000 RTP/AVP 101\r\nb=AS:64\r\na=rtpmap:101 telephone-event/8000\r\n"
                     "a=fmtp:101 0-15\r\na=sendrecv\r\na=mid:1\r\n");
}

static void
test_limits_of_adding (void)
{
    g_autoptr (TdDescription) description = td_description_new ();
    TdStream *stream = NULL;

    for (unsigned i = 0; i < TD_MAX_STREAMS; i++) {
        stream = td_description_add_stream (description);
        g_assert_nonnull (stream);
    }
    for (unsigned i = 0; i < TD_MAX_FORMATS; i++) {
        g_assert_nonnull (td_stream_add_format (stream, i, "x", 8000, 1, NULL));
    }
    g_assert_null (td_stream_add_format (stream, 99, "x", 8000, 1, NULL));
    g_assert_null (td_description_add_stream (description));
}

static void
test_copy_is_apart (void)
{
    g_autoptr (TdDescription) first =
        read_text (HEAD "a=tool:x\nm=audio 8 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"
                        "a=fmtp:101 0-15\na=mid:1\na=label:2\nm=image 9 udptl t38\n");
    g_autofree char *before = print (first);
    g_autoptr (TdDescription) copy = td_description_copy (first);
    g_autofree char *copied = print (copy);

    g_assert_cmpstr (copied, ==, before);
    td_description_set_text (&copy->streams[0].address, "192.0.2.1");
    td_description_set_text (&copy->streams[0].address, "192.0.2.2");
    td_description_set_text (&copy->streams[0].formats[1].fmtp, NULL);
    td_stream_add_format (&copy->streams[0], 8, "PCMA", 8000, 1, NULL);
    td_description_drop_lines (&copy->streams[0].lines, "a=mid:");
    td_description_add_line (&copy->streams[0].lines, "a=new");
    g_autofree char *after = print (first);
    g_assert_cmpstr (after, ==, before);
    g_assert_cmpstr (copy->streams[0].address, ==, "192.0.2.2");
    g_assert_cmpstr (copy->streams[0].lines[0], ==, "a=label:2");
    g_assert_cmpstr (copy->streams[0].lines[1], ==, "a=new");
    g_assert_null (copy->streams[0].lines[2]);
}

static void
test_refs_keep_it (void)
{
    TdDescription *description = read_text (HEAD);
    TdDescription *same = td_description_ref (description);

    td_description_unref (description);
    g_assert_cmpstr (same->origin_address, ==, "10.0.0.1");
    td_description_unref (same);
    td_description_unref (NULL);
}

static void
test_answer_keeps_order_and_types (void)
{
    g_autoptr (TdDescription) answer = answer_texts (
        HEAD "m=audio 8 RTP/AVP 8 97 0 100\na=rtpmap:97 iLBC/8000\na=fmtp:97 mode=20\n"
             "a=rtpmap:100 telephone-event/8000\na=fmtp:100 0-16\n",
        HEAD "m=audio 4000 RTP/AVP 0 8 110 101\na=rtpmap:110 iLBC/8000\n"
             "a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na=mid:a\n");
    const TdStream *stream = &answer->streams[0];

    g_assert_cmpuint (stream->port, ==, 4000);
    g_assert_cmpuint (stream->ptime_ms, ==, 20);
    g_assert_cmpstr (stream->lines[0], ==, "a=mid:a");
    g_assert_cmpuint (stream->n_formats, ==, 4);
    g_assert_cmpuint (stream->formats[0].payload_type, ==, 8);
    g_assert_cmpuint (stream->formats[1].payload_type, ==, 97);
    g_assert_cmpstr (stream->formats[1].fmtp, ==, "mode=20"); /* local has no wish */
    g_assert_cmpuint (stream->formats[2].payload_type, ==, 0);
    g_assert_cmpuint (stream->formats[3].payload_type, ==, 100);
    g_assert_cmpstr (stream->formats[3].fmtp, ==, "0-15"); /* its own */
}

static void
test_answer_refuses_stream_by_stream (void)
{
    g_autoptr (TdDescription) answer =
        answer_texts (HEAD "m=video 10 RTP/AVP 31\nm=audio 8 RTP/AVP 0 8\nm=audio 0 RTP/AVP 0\n"
                           "m=audio 12 RTP/SAVP 0\n",
                      HEAD "m=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 8\n");

    g_assert_cmpuint (answer->n_streams, ==, 4);
    g_assert_cmpuint (answer->streams[0].port, ==, 0);
    g_assert_cmpstr (answer->streams[0].kind_text, ==, "video");
    g_assert_cmpuint (answer->streams[0].n_formats, ==, 1);
    g_assert_cmpuint (answer->streams[1].port, ==, 4002); /* the one at its place */
    g_assert_cmpuint (answer->streams[1].formats[0].payload_type, ==, 8);
    g_assert_cmpuint (answer->streams[2].port, ==, 0);
    g_assert_cmpuint (answer->streams[3].port, ==, 0);
}

static void
test_nothing_in_common_is_no_answer (void)
{
    g_assert_null (answer_texts (HEAD "m=audio 8 RTP/AVP 18\n", HEAD "m=audio 4 RTP/AVP 0\n"));
    /* Digits alone are no conversation. */
    g_assert_null (
        answer_texts (HEAD "m=audio 8 RTP/AVP 18 101\na=rtpmap:101 telephone-event/8000\n",
                      HEAD "m=audio 4 RTP/AVP 0 101\na=rtpmap:101 telephone-event/8000\n"));
    g_assert_null (answer_texts (HEAD "m=audio 8 RTP/AVP 0\n", HEAD "m=audio 0 RTP/AVP 0\n"));
    g_assert_null (answer_texts (HEAD "m=audio 8 RTP/AVP 0\n", HEAD));
}

static void
test_nothing_wanted_is_answered (void)
{
    g_autoptr (TdDescription) none = answer_texts (HEAD, HEAD "m=audio 4 RTP/AVP 0\n");
    g_autoptr (TdDescription) refused =
        answer_texts (HEAD "m=audio 0 RTP/AVP 0\n", HEAD "m=audio 4 RTP/AVP 0\n");

    g_assert_cmpuint (none->n_streams, ==, 0);
    g_assert_cmpuint (refused->n_streams, ==, 1);
    g_assert_cmpuint (refused->streams[0].port, ==, 0);
}

static void
test_directions_of_answers (void)
{
    static const struct {
        const char *offered, *local;
        TdDirection answer;
    } cases[] = {
        { "a=sendonly", "a=sendrecv", TD_DIRECTION_RECVONLY },
        { "a=recvonly", "a=sendrecv", TD_DIRECTION_SENDONLY },
        { "a=sendrecv", "a=recvonly", TD_DIRECTION_RECVONLY },
        { "a=sendonly", "a=sendonly", TD_DIRECTION_INACTIVE },
        { "a=inactive", "a=sendrecv", TD_DIRECTION_INACTIVE },
        { "a=sendrecv", "a=sendrecv", TD_DIRECTION_SENDRECV },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *offered =
            g_strconcat (HEAD "m=audio 8 RTP/AVP 0\n", cases[i].offered, "\n", NULL);
        g_autofree char *local =
            g_strconcat (HEAD "m=audio 4 RTP/AVP 0\n", cases[i].local, "\n", NULL);
        g_autoptr (TdDescription) answer = answer_texts (offered, local);
        g_assert_cmpint (answer->streams[0].direction, ==, cases[i].answer);
    }
}

static void
test_time_is_the_offers (void)
{
    g_autoptr (TdDescription) answer =
        answer_texts ("v=0\no=a 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 10.0.0.1\nt=1 2\n",
                      "v=0\no=b 3 4 IN IP4 10.0.0.2\ns=mine\nt=5 6\na=tool:x\n");
    g_autofree char *text = print (answer);

    g_assert_cmpstr (text, ==, "v=0\r\no=b 3 4 IN IP4 10.0.0.2\r\ns=mine\r\nt=1 2\r\na=tool:x\r\n");
}

static void
test_rtcp_mux_needs_both (void)
{
    g_autoptr (TdDescription) one =
        answer_texts (HEAD "m=audio 8 RTP/AVP 0\n", HEAD "m=audio 4 RTP/AVP 0\na=rtcp-mux\n");
    g_autoptr (TdDescription) both = answer_texts (HEAD "m=audio 8 RTP/AVP 0\na=rtcp-mux\n",
                                                   HEAD "m=audio 4 RTP/AVP 0\na=rtcp-mux\n");

    g_assert_false (one->streams[0].is_rtcp_mux);
    g_assert_true (both->streams[0].is_rtcp_mux);
}

static void
test_fax_is_answered (void)
{
    g_autoptr (TdDescription) answer =
        answer_texts (HEAD "m=image 8 udptl t38\na=T38FaxVersion:3\n",
                      HEAD "m=image 4 udptl t38\na=T38FaxVersion:0\n");

    g_assert_cmpstr (answer->streams[0].other_formats, ==, "t38");
    g_assert_cmpstr (answer->streams[0].lines[0], ==, "a=T38FaxVersion:0");
}

static void
test_formats_match (void)
{
    static const struct {
        TdFormat a, b;
        bool matches;
    } cases[] = {
        { { 0, 1, 8000, (char *) "PCMU", NULL }, { 96, 0, 8000, (char *) "pcmu", NULL }, true },
        { { 0, 1, 8000, (char *) "PCMU", NULL }, { 0, 1, 8000, (char *) "PCMA", NULL }, false },
        { { 9, 1, 8000, (char *) "L16", NULL }, { 9, 1, 16000, (char *) "L16", NULL }, false },
        { { 9, 1, 8000, (char *) "L16", NULL }, { 9, 2, 8000, (char *) "L16", NULL }, false },
        { { 96, 1, 0, (char *) "", NULL }, { 96, 1, 0, (char *) "", NULL }, false },
        { { 96, 1, 8000, (char *) "AMR", (char *) "mode-set=7; octet-align=1" },
          { 96, 1, 8000, (char *) "AMR", (char *) "octet-align=1" },
          true },
        { { 96, 1, 8000, (char *) "AMR", (char *) "octet-align=1" },
          { 96, 1, 8000, (char *) "AMR", NULL },
          false },
        { { 96, 1, 8000, (char *) "AMR", (char *) "octet-align=0" },
          { 96, 1, 8000, (char *) "AMR", (char *) "mode-set=7" },
          true },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_assert_cmpint (td_format_matches (&cases[i].a, &cases[i].b), ==, cases[i].matches);
        g_assert_cmpint (td_format_matches (&cases[i].b, &cases[i].a), ==, cases[i].matches);
    }
}

static void
test_companions (void)
{
    TdFormat event = { .name = (char *) "Telephone-Event" };
    TdFormat noise = { .name = (char *) "CN" };
    TdFormat codec = { .name = (char *) "PCMU" };

    g_assert_true (td_format_is_companion (&event));
    g_assert_true (td_format_is_companion (&noise));
    g_assert_false (td_format_is_companion (&codec));
}

static void
test_illegal_answers (void)
{
    static const struct {
        const char *answer, *reason;
    } cases[] = {
        { HEAD, "0 streams and the offer 2" },
        { HEAD "m=video 4 RTP/AVP 31\nm=audio 0 RTP/AVP 0\n", "another kind: \"video\"" },
        { HEAD "m=audio 4 RTP/AVP 0\nm=audio 6 RTP/AVP 0\n",
          "stream 2 of the answer is not refused" },
        { HEAD "m=audio 4 RTP/SAVP 0\nm=audio 0 RTP/AVP 0\n", "transport: \"RTP/SAVP\"" },
        { HEAD "m=audio 4 RTP/AVP 18\nm=audio 0 RTP/AVP 0\n", "no format in common" },
    };
    g_autoptr (TdDescription) offer = read_text (HEAD "m=audio 8 RTP/AVP 0\nm=audio 0 RTP/AVP 0\n");

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (TdDescription) answer = read_text (cases[i].answer);
        g_assert_false (td_description_is_answer_to (answer, offer, &error));
        g_assert_nonnull (strstr (error->message, cases[i].reason));
    }
}

static void
test_lenient_answers (void)
{
    g_autoptr (TdDescription) offer =
        read_text (HEAD "m=audio 8 RTP/AVPF 0 96\na=sendonly\nm=video 8 RTP/AVP 31\n");
    g_autoptr (TdDescription) answer =
        read_text (HEAD "m=audio 4 RTP/AVP 96\na=sendrecv\nm=video 0 RTP/AVP 99\n");

    g_assert_true (td_description_is_answer_to (answer, offer, NULL));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/offer/built-by-hand", test_built_by_hand);
    g_test_add_func ("/call/offer/limits-of-adding", test_limits_of_adding);
    g_test_add_func ("/call/offer/copy-is-apart", test_copy_is_apart);
    g_test_add_func ("/call/offer/refs", test_refs_keep_it);
    g_test_add_func ("/call/offer/answer-order", test_answer_keeps_order_and_types);
    g_test_add_func ("/call/offer/answer-refuses", test_answer_refuses_stream_by_stream);
    g_test_add_func ("/call/offer/nothing-in-common", test_nothing_in_common_is_no_answer);
    g_test_add_func ("/call/offer/nothing-wanted", test_nothing_wanted_is_answered);
    g_test_add_func ("/call/offer/directions", test_directions_of_answers);
    g_test_add_func ("/call/offer/time", test_time_is_the_offers);
    g_test_add_func ("/call/offer/rtcp-mux", test_rtcp_mux_needs_both);
    g_test_add_func ("/call/offer/fax", test_fax_is_answered);
    g_test_add_func ("/call/offer/formats-match", test_formats_match);
    g_test_add_func ("/call/offer/companions", test_companions);
    g_test_add_func ("/call/offer/illegal-answers", test_illegal_answers);
    g_test_add_func ("/call/offer/lenient-answers", test_lenient_answers);
    return g_test_run ();
}
