/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one leg is told because of what the other one said, from the SDP that phones send. */

#include "call/negotiate.h"

#include "base/owner.h"
#include "call/codec.h"
#include "common/mute-codec.h"

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
        read_text (HEAD "a=ice-ufrag:x\na=group:y\nm=audio 8 RTP/AVP 0\na=candidate:1\na=mid:1\n"
                        "a=end-of-candidates\na=rtcp:77\n");
    g_autoptr (TdDescription) wanted = td_negotiate_offer (offer, false);

    g_assert_cmpstr (wanted->lines[0], ==, "a=group:y");
    g_assert_null (wanted->lines[1]);
    g_assert_cmpstr (wanted->streams[0].lines[0], ==, "a=mid:1");
    g_assert_null (wanted->streams[0].lines[1]);
    g_assert_cmpuint (wanted->streams[0].rtcp_port, ==, 0);
}

/* RFC 3323 5.3: who somebody is, and where, the other side does not read between the lines. */
static void
test_session_is_ours (void)
{
    g_autoptr (TdDescription) telling = read_text (
        "v=0\no=ann 1 1 IN IP4 10.0.0.1\ns=Ann\ni=Ann\nu=http://ann\ne=ann@home\np=+1 555\n"
        "c=IN IP4 10.0.0.1\nb=AS:64\nt=0 0\nk=uri:http://ann\na=cat:ann\na=keywds:ann\n"
        "a=tool:ann\na=source-filter:incl IN IP4 * 10.0.0.1\na=group:x\nm=audio 8 RTP/AVP 0\n"
        "i=Ann\nc=ATM NSAP 47.0091\nb=AS:32\nk=uri:http://ann\na=mid:1\n");
    g_autoptr (TdDescription) offered = td_negotiate_offer (telling, false);
    g_autoptr (TdDescription) told = td_negotiate_answer (telling, telling, false);
    TdDescription *both[] = { offered, told };

    for (unsigned i = 0; i < G_N_ELEMENTS (both); i++) {
        g_autofree char *session = g_strjoinv (" ", both[i]->lines);
        g_autofree char *stream = g_strjoinv (" ", both[i]->streams[0].lines);
        g_assert_cmpstr (session, ==, "b=AS:64 a=group:x");
        g_assert_cmpstr (stream, ==, "b=AS:32 a=mid:1");
    }
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

/* RFC 3264 5.1: a stream with port zero is offered, and not to be used. */
static void
test_nothing_wanted (void)
{
    g_autoptr (TdDescription) offer = read_text (HEAD "m=audio 0 RTP/AVP 8\n");
    g_autoptr (TdDescription) none = read_text (HEAD);
    g_autoptr (TdDescription) told = td_negotiate_answer (offer, offer, false);
    g_autoptr (TdDescription) told_none = td_negotiate_answer (none, none, false);

    g_assert_nonnull (told);
    g_assert_cmpuint (told->streams[0].port, ==, 0);
    g_assert_nonnull (told_none);
    g_assert_cmpuint (told_none->n_streams, ==, 0);
}

static void
open_codecs (void)
{
    td_codecs_open ();
    mute_codec_add ("PCMU", 0, 60);
    mute_codec_add ("PCMA", 8, 60);
    mute_codec_add ("GOOD", 255, 90);
}

static void
close_codecs (void)
{
    td_owner_revoke_all (&td_owner_core, NULL, NULL);
    td_codecs_close ();
}

static void
test_codecs_are_added_behind_the_offered_ones (void)
{
    g_autoptr (TdDescription) offer = read_text (
        HEAD "m=audio 8 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\nm=video 10 RTP/AVP 31\n");

    open_codecs ();
    g_autoptr (TdDescription) wanted = td_negotiate_offer (offer, true);
    const TdStream *audio = &wanted->streams[0];
    g_assert_cmpuint (audio->n_formats, ==, 4);
    g_assert_cmpstr (audio->formats[0].name, ==, "PCMU");
    g_assert_cmpuint (audio->formats[1].payload_type, ==, 96);
    g_assert_cmpstr (audio->formats[2].name, ==, "GOOD");
    g_assert_cmpuint (audio->formats[2].payload_type, ==, 97);
    g_assert_cmpstr (audio->formats[3].name, ==, "PCMA");
    g_assert_cmpuint (wanted->streams[1].n_formats, ==, 1);
    g_assert_true (td_negotiate_can_add (offer));
    g_assert_false (td_negotiate_can_add (wanted));
    close_codecs ();
}

static void
test_nothing_is_added_where_nothing_can_be_transcoded (void)
{
    g_autoptr (TdDescription) offer = read_text (HEAD "m=audio 8 RTP/AVP 18\n");

    open_codecs ();
    g_autoptr (TdDescription) wanted = td_negotiate_offer (offer, true);
    g_assert_cmpuint (wanted->streams[0].n_formats, ==, 1);
    g_assert_false (td_negotiate_can_add (offer));
    close_codecs ();
}

/* The caller speaks PCMU only, the called party took the PCMA that was added. */
static void
test_transcoded_answer (void)
{
    g_autoptr (TdDescription) offer =
        read_text (HEAD "m=audio 8 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n");
    g_autoptr (TdDescription) answer =
        read_text (HEAD "m=audio 9 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\n");

    open_codecs ();
    g_assert_null (td_negotiate_answer (offer, answer, false));
    g_autoptr (TdDescription) told = td_negotiate_answer (offer, answer, true);
    g_assert_nonnull (told);
    g_assert_cmpuint (told->streams[0].n_formats, ==, 2);
    g_assert_cmpstr (told->streams[0].formats[0].name, ==, "PCMU");
    g_assert_cmpstr (told->streams[0].formats[1].name, ==, "telephone-event");
    close_codecs ();
}

static void
test_relay_is_preferred_to_transcoding (void)
{
    g_autoptr (TdDescription) offer = read_text (HEAD "m=audio 8 RTP/AVP 0 8\n");
    g_autoptr (TdDescription) answer = read_text (HEAD "m=audio 9 RTP/AVP 8\n");

    open_codecs ();
    g_autoptr (TdDescription) told = td_negotiate_answer (offer, answer, true);
    g_assert_cmpuint (told->streams[0].n_formats, ==, 1);
    g_assert_cmpstr (told->streams[0].formats[0].name, ==, "PCMA");
    close_codecs ();
}

static void
test_other_streams_are_no_answer (void)
{
    g_autoptr (TdDescription) offer = read_text (HEAD "m=audio 8 RTP/AVP 0\n");
    g_autoptr (TdDescription) two = read_text (HEAD "m=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31\n");
    g_autoptr (TdDescription) video = read_text (HEAD "m=video 9 RTP/AVP 31\n");

    open_codecs ();
    g_assert_null (td_negotiate_answer (offer, two, true));
    g_assert_null (td_negotiate_answer (offer, video, true));
    close_codecs ();
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/negotiate/ice", test_ice_is_not_passed_on);
    g_test_add_func ("/call/negotiate/session-is-ours", test_session_is_ours);
    g_test_add_func ("/call/negotiate/offers-types", test_answer_has_the_offers_types);
    g_test_add_func ("/call/negotiate/nothing-in-common", test_nothing_in_common);
    g_test_add_func ("/call/negotiate/nothing-wanted", test_nothing_wanted);
    g_test_add_func ("/call/negotiate/codecs-added", test_codecs_are_added_behind_the_offered_ones);
    g_test_add_func ("/call/negotiate/codecs-not-added",
                     test_nothing_is_added_where_nothing_can_be_transcoded);
    g_test_add_func ("/call/negotiate/transcoded", test_transcoded_answer);
    g_test_add_func ("/call/negotiate/relay-preferred", test_relay_is_preferred_to_transcoding);
    g_test_add_func ("/call/negotiate/other-streams", test_other_streams_are_no_answer);
    return g_test_run ();
}
