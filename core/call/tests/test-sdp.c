/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Session descriptions are read, kept and printed as they were meant; bad ones get a place. */

#include <string.h>

#include <tandem/offer.h>

#define HEAD                                                                                       \
    "v=0\r\no=alice 2890844526 2890844527 IN IP4 10.47.16.5\r\ns=-\r\nc=IN IP4 10.47.16.5\r\n"     \
    "t=0 0\r\n"

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

static void
test_audio_offer (void)
{
    g_autoptr (TdDescription) description =
        read_text (HEAD "m=audio 49170 RTP/AVP 0 8 97 101\r\n"
                        "a=rtpmap:97 iLBC/8000\r\na=fmtp:97 mode=30\r\n"
                        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
                        "a=ptime:20\r\na=rtcp:53020\r\na=rtcp-mux\r\na=sendonly\r\n");

    g_assert_cmpstr (description->origin_user, ==, "alice");
    g_assert_cmpuint (description->session_id, ==, 2890844526);
    g_assert_cmpuint (description->session_version, ==, 2890844527);
    g_assert_cmpstr (description->origin_address, ==, "10.47.16.5");
    g_assert_cmpuint (description->n_streams, ==, 1);
    const TdStream *stream = &description->streams[0];
    g_assert_cmpint (stream->kind, ==, TD_MEDIA_AUDIO);
    g_assert_cmpstr (stream->address, ==, "10.47.16.5");
    g_assert_cmpuint (stream->port, ==, 49170);
    g_assert_cmpuint (stream->rtcp_port, ==, 53020);
    g_assert_true (stream->is_rtcp_mux);
    g_assert_cmpint (stream->direction, ==, TD_DIRECTION_SENDONLY);
    g_assert_cmpuint (stream->ptime_ms, ==, 20);
    g_assert_cmpuint (stream->n_formats, ==, 4);
    g_assert_cmpstr (stream->formats[0].name, ==, "PCMU");
    g_assert_cmpuint (stream->formats[0].clock_rate_hz, ==, 8000);
    g_assert_cmpstr (stream->formats[1].name, ==, "PCMA");
    g_assert_cmpstr (stream->formats[2].name, ==, "iLBC");
    g_assert_cmpstr (stream->formats[2].fmtp, ==, "mode=30");
    g_assert_cmpstr (stream->formats[3].fmtp, ==, "0-16");
    g_assert_null (stream->lines);
    g_assert_null (description->lines);
}

static void
test_prints_what_it_reads (void)
{
    static const char text[] =
        "v=0\r\no=alice 1 2 IN IP6 2001:db8::1\r\ns=call\r\ni=about\r\nc=IN IP6 2001:db8::1\r\n"
        "b=AS:64\r\nt=0 0\r\na=group:BUNDLE 1\r\n"
        "m=audio 49170 RTP/AVP 0 101\r\nb=AS:80\r\n"
        "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        "a=ptime:20\r\na=rtcp:49180\r\na=rtcp-mux\r\na=sendrecv\r\na=mid:1\r\n"
        "m=image 49172 udptl t38\r\na=T38FaxVersion:0\r\n";
    g_autoptr (TdDescription) description = read_text (text);
    g_autofree char *printed = print (description);

    g_assert_cmpstr (printed, ==, text);
    g_assert_true (description->streams[0].is_ipv6);
}

static void
test_order_of_lines_is_mended (void)
{
    g_autoptr (TdDescription) description =
        read_text ("v=0\na=tool:x\nt=0 0\nb=AS:1\ns=-\no=- 1 1 IN IP4 10.0.0.1\n"
                   "m=audio 8 RTP/AVP 0\na=mid:1\nb=AS:2\nc=IN IP4 10.0.0.2\ni=voice\n");
    g_autofree char *printed = print (description);

    g_assert_cmpstr (printed, ==,
                     "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nb=AS:1\r\n"
                     "t=0 0\r\na=tool:x\r\nm=audio 8 RTP/AVP 0\r\ni=voice\r\nb=AS:2\r\n"
                     "a=rtpmap:0 PCMU/8000\r\na=sendrecv\r\na=mid:1\r\n");
}

static void
test_addresses_of_streams (void)
{
    g_autoptr (TdDescription) description =
        read_text (HEAD "m=audio 8 RTP/AVP 0\r\nm=video 10 RTP/AVP 31\r\nc=IN IP6 ::1\r\n"
                        "m=audio 0 RTP/AVP 8\r\n");
    g_autofree char *printed = print (description);

    g_assert_cmpstr (description->streams[0].address, ==, "10.47.16.5");
    g_assert_cmpstr (description->streams[1].address, ==, "::1");
    g_assert_true (description->streams[1].is_ipv6);
    g_assert_cmpstr (description->streams[2].address, ==, "10.47.16.5");
    /* They differ, so each says its own. */
    g_assert_nonnull (strstr (printed, "m=audio 8 RTP/AVP 0\r\nc=IN IP4 10.47.16.5\r\n"));
    g_assert_nonnull (strstr (printed, "m=video 10 RTP/AVP 31\r\nc=IN IP6 ::1\r\n"));
}

static void
test_direction_is_inherited (void)
{
    g_autoptr (TdDescription) description =
        read_text (HEAD "a=recvonly\r\nm=audio 8 RTP/AVP 0\r\nm=audio 10 RTP/AVP 0\r\n"
                        "a=inactive\r\n");

    g_assert_cmpint (description->streams[0].direction, ==, TD_DIRECTION_RECVONLY);
    g_assert_cmpint (description->streams[1].direction, ==, TD_DIRECTION_INACTIVE);
}

static void
test_rtpmap_beats_the_static_type (void)
{
    g_autoptr (TdDescription) description =
        read_text (HEAD "m=audio 8 RTP/AVP 10 2 96\r\na=rtpmap:10 L16/48000/2\r\n");
    const TdStream *stream = &description->streams[0];

    g_assert_cmpuint (stream->formats[0].clock_rate_hz, ==, 48000);
    g_assert_cmpuint (stream->formats[0].channels, ==, 2);
    /* Reserved and dynamic types stand for nothing by themselves. */
    g_assert_cmpstr (stream->formats[1].name, ==, "");
    g_assert_cmpstr (stream->formats[2].name, ==, "");
}

static void
test_what_is_not_understood_is_carried (void)
{
    g_autoptr (TdDescription) description =
        read_text (HEAD "k=prompt\r\na=x-new\r\n"
                        "m=audio 8 RTP/AVP 0\r\na=fmtp:77 orphan\r\na=ptime:20.5\r\n"
                        "a=rtpmap:77 orphan/1\r\na=crypto:1 AES inline:abc\r\n");
    char *const *lines = description->streams[0].lines;

    g_assert_cmpstr (description->lines[0], ==, "k=prompt");
    g_assert_cmpstr (description->lines[1], ==, "a=x-new");
    g_assert_null (description->lines[2]);
    g_assert_cmpstr (lines[0], ==, "a=fmtp:77 orphan");
    g_assert_cmpstr (lines[1], ==, "a=ptime:20.5");
    g_assert_cmpstr (lines[2], ==, "a=rtpmap:77 orphan/1");
    g_assert_cmpstr (lines[3], ==, "a=crypto:1 AES inline:abc");
    g_assert_null (lines[4]);
}

static void
test_sloppy_but_clear (void)
{
    g_autoptr (TdDescription) description =
        read_text ("v=0\nc=IN IP4 10.0.0.1 \nm=audio  4000  RTP/AVP  0 8 0 \na=sendonly \n\r\n\n");

    g_assert_null (description->origin_user);
    g_assert_cmpuint (description->streams[0].n_formats, ==, 2);
    g_assert_cmpint (description->streams[0].direction, ==, TD_DIRECTION_SENDONLY);
    g_autofree char *printed = print (description);
    g_assert_true (g_str_has_prefix (printed, "v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\ns=-\r\n"));
}

static void
test_port_zero_needs_no_address (void)
{
    g_autoptr (TdDescription) description = read_text ("v=0\r\nm=audio 0 RTP/AVP 0\r\n");
    g_autofree char *printed = print (description);
    g_autoptr (TdDescription) again = read_text (printed);

    g_assert_cmpuint (again->streams[0].port, ==, 0);
}

static void
test_sixty_streams (void)
{
    g_autoptr (GString) text = g_string_new (HEAD);

    for (unsigned i = 0; i < 60; i++) {
        g_string_append_printf (text, "m=audio %u RTP/AVP 0 8\r\na=mid:%u\r\n", 2000 + 2 * i, i);
    }
    g_autoptr (TdDescription) description = read_text (text->str);
    g_assert_cmpuint (description->n_streams, ==, 60);
    g_assert_cmpuint (description->streams[59].port, ==, 2118);
    g_assert_cmpstr (description->streams[59].lines[0], ==, "a=mid:59");
}

static void
test_no_end_needed (void)
{
    static const char text[] = "v=0\r\nm=audio 0 RTP/AVP 0!";
    g_autoptr (TdDescription) description = td_description_from_sdp (text, sizeof text - 2, NULL);

    g_assert_nonnull (description);
    g_assert_cmpuint (description->streams[0].n_formats, ==, 1);
}

static void
test_errors_tell_where_and_why (void)
{
    static const struct {
        const char *text, *line, *reason;
    } cases[] = {
        { "", "empty", "SDP" },
        { "\r\n\r\n", "empty", "SDP" },
        { "o=- 1 1 IN IP4 1.2.3.4\r\n", "line 1", "begins with v=0" },
        { "m=audio 4 RTP/AVP 0\r\n", "line 1", "begins with v=0" },
        { "v=1\r\n", "line 1 \"v=1\"", "version" },
        { "v=0\r\nv=0\r\n", "line 2", "second v=" },
        { "v=0\r\no=- 1 1 IN IP4\r\n", "line 2", "o= needs" },
        { "v=0\r\no=- x 1 IN IP4 1.2.3.4\r\n", "line 2", "session id" },
        { "v=0\r\no=- 1 18446744073709551616 IN IP4 1.2.3.4\r\n", "line 2", "session version" },
        { HEAD "o=- 1 1 IN IP4 1.2.3.4\r\n", "line 6", "second o=" },
        { HEAD "s=x\r\n", "line 6", "second s=" },
        { HEAD "c=IN IP4 1.2.3.4\r\n", "line 6", "second c=" },
        { "v=0\r\nc=IN\r\n", "line 2", "c= needs" },
        { "v=0\r\nc=IN IP4 \r\n", "line 2", "no address" },
        { HEAD "m=audio\r\n", "line 6", "m= needs" },
        { HEAD "m=audio 4 RTP/AVP\r\n", "line 6", "m= needs" },
        { HEAD "m=audio 65536 RTP/AVP 0\r\n", "line 6", "0 to 65535" },
        { HEAD "m=audio -1 RTP/AVP 0\r\n", "line 6", "0 to 65535" },
        { HEAD "m=audio 99999999999999999999 RTP/AVP 0\r\n", "line 6", "0 to 65535" },
        { HEAD "m=audio 4/2 RTP/AVP 0\r\n", "line 6", "only one port" },
        { HEAD "m=audio 4/0 RTP/AVP 0\r\n", "line 6", "only one port" },
        { HEAD "m=audio 4x RTP/AVP 0\r\n", "line 6", "something else" },
        { HEAD "m=audio 4 RTP/AVP 128\r\n", "line 6", "\"128\" is not from 0 to 127" },
        { HEAD "m=audio 4 RTP/AVP *\r\n", "line 6", "\"*\" is not" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=rtpmap:0 PCMU\r\n", "line 7", "clock rate" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=rtpmap:0 PCMU/0\r\n", "line 7", "above 0" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=rtpmap:0 P/4294967296\r\n", "line 7", "32 bits" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=rtpmap:0 P/8000/256\r\n", "line 7", "channels" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=rtpmap:0 P/8000x\r\n", "line 7", "not understood" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=rtcp:x\r\n", "line 7", "a=rtcp" },
        { HEAD "m=audio 4 RTP/AVP 0\r\na=:x\r\n", "line 7", "no name" },
        { HEAD "m=audio 4 RTP/AVP 0\r\no=- 1 1 IN IP4 1.2.3.4\r\n", "line 7",
          "before the first m=" },
        { HEAD "x=new\r\n", "line 6", "not known" },
        { HEAD "\r\nm=audio 4 RTP/AVP 0\r\n", "line 6", "begins with a letter" },
        { HEAD "nonsense\r\n", "line 6 \"nonsense\"", "begins with a letter" },
        { HEAD "i=a\rb\r\n", "line 6 \"i=a\\rb\"", "carriage return" },
        { "v=0\r\nm=audio 4 RTP/AVP 0\r\n", "line 2", "c= line" },
        { "v=0\r\nm=audio 4 RTP/AVP 0\r\nm=audio 0 RTP/AVP 0\r\n", "line 2", "c= line" },
        { "v=0\r\nc=TN RFC2543 5551212\r\nm=audio 4 RTP/AVP 0\r\n", "line 3", "c= line" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GError) error = NULL;
        g_autoptr (TdDescription) description =
            td_description_from_sdp (cases[i].text, strlen (cases[i].text), &error);
        g_assert_null (description);
        g_assert_nonnull (error);
        g_test_message ("%s", error->message);
        g_assert_nonnull (strstr (error->message, cases[i].line));
        g_assert_nonnull (strstr (error->message, cases[i].reason));
    }
}

static void
test_nul_is_refused (void)
{
    static const char text[] = "v=0\r\ns=a\0b\r\n";
    g_autoptr (GError) error = NULL;

    g_assert_null (td_description_from_sdp (text, sizeof text - 1, &error));
    g_assert_nonnull (strstr (error->message, "NUL at byte 8"));
}

static void
assert_refused (const GString *text, const char *reason)
{
    g_autoptr (GError) error = NULL;

    g_assert_null (td_description_from_sdp (text->str, text->len, &error));
    g_assert_nonnull (strstr (error->message, reason));
}

static void
test_limits (void)
{
    g_autoptr (GString) streams = g_string_new (HEAD);
    g_autoptr (GString) formats = g_string_new (HEAD "m=audio 4 RTP/AVP");
    g_autoptr (GString) bytes = g_string_new (HEAD "i=");

    for (unsigned i = 0; i < TD_MAX_STREAMS; i++) {
        g_string_append (streams, "m=audio 4 RTP/AVP 0\r\n");
    }
    td_description_unref (read_text (streams->str));
    g_string_append (streams, "m=audio 4 RTP/AVP 0\r\n");
    assert_refused (streams, "line 70");
    assert_refused (streams, "more than 64 streams");

    for (unsigned i = 0; i < TD_MAX_FORMATS; i++) {
        g_string_append_printf (formats, " %u", i);
    }
    td_description_unref (read_text (formats->str));
    g_string_append (formats, " 100");
    assert_refused (formats, "more than 32 formats");

    while (bytes->len < 65536) {
        g_string_append_c (bytes, 'x');
    }
    td_description_unref (read_text (bytes->str));
    g_string_append_c (bytes, 'x');
    assert_refused (bytes, "65537 bytes");
}

static void
test_many_lines_are_no_attack (void)
{
    g_autoptr (GString) text = g_string_new ("v=0\n");

    while (text->len < 65530) {
        g_string_append (text, "a=x\n");
    }
    g_autoptr (TdDescription) description = read_text (text->str);
    g_assert_cmpuint (g_strv_length (description->lines), ==, text->len / 4 - 1);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/call/sdp/audio-offer", test_audio_offer);
    g_test_add_func ("/call/sdp/prints-what-it-reads", test_prints_what_it_reads);
    g_test_add_func ("/call/sdp/order-is-mended", test_order_of_lines_is_mended);
    g_test_add_func ("/call/sdp/addresses-of-streams", test_addresses_of_streams);
    g_test_add_func ("/call/sdp/direction-is-inherited", test_direction_is_inherited);
    g_test_add_func ("/call/sdp/rtpmap-beats-static", test_rtpmap_beats_the_static_type);
    g_test_add_func ("/call/sdp/unknown-is-carried", test_what_is_not_understood_is_carried);
    g_test_add_func ("/call/sdp/sloppy-but-clear", test_sloppy_but_clear);
    g_test_add_func ("/call/sdp/port-zero-needs-no-address", test_port_zero_needs_no_address);
    g_test_add_func ("/call/sdp/sixty-streams", test_sixty_streams);
    g_test_add_func ("/call/sdp/no-end-needed", test_no_end_needed);
    g_test_add_func ("/call/sdp/errors", test_errors_tell_where_and_why);
    g_test_add_func ("/call/sdp/nul", test_nul_is_refused);
    g_test_add_func ("/call/sdp/limits", test_limits);
    g_test_add_func ("/call/sdp/many-lines", test_many_lines_are_no_attack);
    return g_test_run ();
}
