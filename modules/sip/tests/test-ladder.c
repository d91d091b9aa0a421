/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is drawn of a trace: ladders against what they must look like, harmless whatever is in them;
 * captures and masks byte by byte. */

#include "trace.h"

#include <netinet/in.h>

/* --- Traces ------------------------------------------------------------------------------ */

static void
clear_message (void *data)
{
    SipTraced *message = data;

    g_free (message->call_id);
    g_free (message->bytes);
}

static SipTraces
traces_new (void)
{
    SipTraces traces = { .messages = g_array_new (FALSE, FALSE, sizeof (SipTraced)) };

    g_array_set_clear_func (traces.messages, clear_message);
    return traces;
}

/* Adds a message AT_US after a fixed time; PEER is of the leg that came in where IS_LEFT. */
static SipTraced *
add_bytes (SipTraces *traces, int64_t at_us, const char *peer, bool is_left, bool is_sent,
           const char *bytes, size_t len_bytes)
{
    SipTraced message = { .record = { .wall_us = 1795327845000000 + at_us,
                                      .len_bytes = (uint32_t) len_bytes,
                                      .is_sent = is_sent },
                          .call_id = g_strdup (is_left ? "a" : "b"),
                          .bytes = g_malloc (len_bytes + 1),
                          .is_left = is_left };

    memcpy (message.bytes, bytes, len_bytes);
    message.bytes[len_bytes] = '\0';
    g_assert_true (td_address_parse (peer, 5060, &message.record.remote));
    g_assert_true (td_address_parse (peer[0] == '[' ? "[2001:db8::1]" : "192.0.2.1", 5060,
                                     &message.record.local));
    g_array_append_val (traces->messages, message);
    return &g_array_index (traces->messages, SipTraced, traces->messages->len - 1);
}

static SipTraced *
add (SipTraces *traces, int64_t at_us, const char *peer, bool is_left, bool is_sent,
     const char *bytes)
{
    return add_bytes (traces, at_us, peer, is_left, is_sent, bytes, strlen (bytes));
}

static char *
message_of (const char *start, const char *method, const char *sdp)
{
    return g_strdup_printf ("%s\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\n"
                            "Max-Forwards: 70\r\n"
                            "From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n"
                            "Call-ID: a\r\nCSeq: 1 %s\r\n%sContent-Length: %zu\r\n\r\n%s",
                            start, method, *sdp != '\0' ? "Content-Type: application/sdp\r\n" : "",
                            strlen (sdp), sdp);
}

static void
say (SipTraces *traces, int64_t at_us, const char *peer, bool is_left, bool is_sent,
     const char *start, const char *method, const char *sdp)
{
    g_autofree char *bytes = message_of (start, method, sdp);

    add (traces, at_us, peer, is_left, is_sent, bytes);
}

#define A "198.51.100.7:5060"
#define B "203.0.113.9:5070"
#define SDP                                                                                        \
    "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n"              \
    "m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"

static SipTraces
small_call (void)
{
    SipTraces traces = traces_new ();

    say (&traces, 0, A, true, false, "INVITE sip:b@example.com SIP/2.0", "INVITE", SDP);
    say (&traces, 400, A, true, true, "SIP/2.0 100 Trying", "INVITE", "");
    say (&traces, 900, B, false, true, "INVITE sip:b@203.0.113.9 SIP/2.0", "INVITE", "");
    say (&traces, 500900, B, false, true, "INVITE sip:b@203.0.113.9 SIP/2.0", "INVITE", "");
    say (&traces, 612345, B, false, false, "SIP/2.0 480 Temporarily Unavailable", "INVITE", "");
    return traces;
}

static char *
text_of (const SipTraces *traces, unsigned width)
{
    SipLadder *ladder = sip_ladder_new (traces, "call");
    char *text = sip_ladder_to_text (ladder, width);

    sip_ladder_free (ladder);
    return text;
}

static char *
svg_of (const SipTraces *traces)
{
    SipLadder *ladder = sip_ladder_new (traces, "<call> & \"more\"");
    char *text = sip_ladder_to_svg (ladder);

    sip_ladder_free (ladder);
    return text;
}

/* clang-format off */
static const char golden[] =
    "                       caller                       tandem                       callee\n"
    "                    198.51.100.7                   192.0.2.1                   203.0.113.9\n"
    "                      udp 5060                     udp 5060                     udp 5070\n"
    "    time s   delta ms     |                            |                            |\n"
    "     0.000                |---------- INVITE --------->|                            |\n"
    "                          |  audio 198.51.100.7:4000   |                            |\n"
    "                          |       sendonly PCMU        |                            |\n"
    "     0.000       0.40     |<-- 100 Trying (INVITE) ----|                            |\n"
    "     0.001       0.50     |                            |---------- INVITE --------->|\n"
    "     0.501     500.00     |                            |- - - - INVITE again  - - ->|\n"
    "     0.612     111.44     |                            |< 480 Temporar.. (INVITE) --|\n"
    "5 messages, 1 of them sent again\n";
/* clang-format on */

/* --- Ladders ----------------------------------------------------------------------------- */

static void
test_golden (void)
{
    SipTraces traces = small_call ();
    g_autofree char *text = text_of (&traces, 100);

    g_assert_cmpstr (text, ==, golden);
    sip_traces_clear (&traces);
}

static void
test_fits_its_width (void)
{
    SipTraces traces = small_call ();

    for (unsigned width = 98; width <= 140; width++) {
        g_autofree char *text = text_of (&traces, width);
        g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
        for (unsigned i = 0; lines[i] != NULL; i++) {
            g_assert_cmpuint (strlen (lines[i]), <=, width);
        }
    }
    sip_traces_clear (&traces);
}

/* What stands between two columns never runs over one. */
static void
test_columns_are_whole (void)
{
    SipTraces traces = traces_new ();

    say (&traces, 0, A, true, false, "INVITE sip:b@example.com SIP/2.0", "INVITE",
         SDP "a=rtpmap:96 averyveryverylongnameindeed/8000\r\nm=audio 65534 RTP/AVP 0 8 3 4 9 15 "
             "18\r\n");
    say (&traces, 1, B, false, true, "SIP/2.0 480 Temporarily Unavailable For A While", "INVITE",
         "v=0\r\no=- 1 1 IN IP4 255.255.255.255\r\ns=-\r\nc=IN IP4 255.255.255.255\r\nt=0 0\r\n"
         "m=audio 65534 RTP/AVP 0 8 3 4 9 15 18\r\n");
    for (unsigned width = 98; width <= 140; width++) {
        g_autofree char *text = text_of (&traces, width);
        g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
        for (unsigned i = 4; strchr (lines[i], '|') != NULL; i++) {
            for (const char *at = lines[3]; (at = strchr (at, '|')) != NULL; at++) {
                g_assert_cmpint (lines[i][at - lines[3]], ==, '|');
            }
        }
    }
    sip_traces_clear (&traces);
}

/* The widest of them all is as wide as its columns need, and whole. */
static void
test_many_peers (void)
{
    SipTraces traces = traces_new ();
    unsigned n_found = 0;

    for (unsigned i = 0; i < 40; i++) {
        g_autofree char *peer = g_strdup_printf ("203.0.113.%u:5060", i + 1);
        say (&traces, i, peer, i % 2 == 0, false, "SIP/2.0 200 OK", "INVITE", "");
    }
    g_autofree char *text = text_of (&traces, 40);
    for (const char *at = text; (at = strstr (at, "200 OK (INVITE)")) != NULL; at++) {
        n_found++;
    }
    g_assert_cmpuint (n_found, ==, 40);
    g_assert_nonnull (strstr (text, "and others"));
    sip_traces_clear (&traces);
}

static void
test_long_address_has_a_number (void)
{
    SipTraces traces = traces_new ();

    say (&traces, 0, "[2001:db8:1111:2222:3333:4444:5555:6666]:5060", true, false,
         "OPTIONS sip:b@example.com SIP/2.0", "OPTIONS", "");
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *peer = g_strdup_printf ("[2001:db8::%u]:5060", i + 2);
        say (&traces, 0, peer, false, true, "OPTIONS sip:b@example.com SIP/2.0", "OPTIONS", "");
    }
    g_autofree char *text = text_of (&traces, 100);
    g_assert_nonnull (strstr (text, "\n(1) 2001:db8:1111:2222:3333:4444:5555:6666\n"));
    sip_traces_clear (&traces);
}

/* An address that is too long for a line is on the next one, too: nothing of it is missing. */
static void
test_long_media_address_is_whole (void)
{
    SipTraces traces = traces_new ();

    say (&traces, 0, A, true, false, "INVITE sip:b@example.com SIP/2.0", "INVITE",
         "v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 2001:db8:1111:2222:3333:4444:5555:6666\r\n"
         "t=0 0\r\nm=audio 65534 RTP/AVP 0\r\n");
    g_autofree char *text = text_of (&traces, 60);
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
    g_autoptr (GString) found = g_string_new (NULL);
    for (unsigned i = 5; i < 7; i++) {
        g_auto (GStrv) parts = g_strsplit (lines[i], "|", -1);
        g_string_append (found, g_strstrip (parts[1]));
    }
    g_assert_cmpstr (found->str, ==, "audio [2001:db8:1111:2222:3333:4444:5555:6666]:65534");
    sip_traces_clear (&traces);
}

/* Two messages that differ are not one sent again, nor is the same to somebody else. */
static void
test_again_is_the_same_again (void)
{
    SipTraces traces = traces_new ();
    SipLadder *ladder;

    say (&traces, 0, A, true, true, "SIP/2.0 180 Ringing", "INVITE", "");
    say (&traces, 1, A, true, true, "SIP/2.0 180 Ringing!", "INVITE", "");
    say (&traces, 2, B, true, true, "SIP/2.0 180 Ringing", "INVITE", "");
    say (&traces, 3, A, true, false, "SIP/2.0 180 Ringing", "INVITE", "");
    ladder = sip_ladder_new (&traces, "");
    g_assert_cmpuint (ladder->n_again, ==, 0);
    sip_ladder_free (ladder);
    say (&traces, 4, A, true, true, "SIP/2.0 180 Ringing", "INVITE", "");
    ladder = sip_ladder_new (&traces, "");
    g_assert_cmpuint (ladder->n_again, ==, 1);
    g_assert_true (g_array_index (ladder->rungs, SipRung, 4).is_again);
    sip_ladder_free (ladder);
    sip_traces_clear (&traces);
}

static void
test_many_streams (void)
{
    SipTraces traces = traces_new ();
    g_autoptr (GString) sdp = g_string_new ("v=0\r\no=- 1 1 IN IP6 2001:db8::7\r\ns=-\r\n"
                                            "c=IN IP6 2001:db8::7\r\nt=0 0\r\n");

    for (unsigned i = 0; i < 6; i++) {
        g_string_append_printf (sdp, "m=audio %u RTP/AVP 0\r\n", i * 1000);
    }
    say (&traces, 0, A, true, false, "INVITE sip:b@example.com SIP/2.0", "INVITE", sdp->str);
    SipLadder *ladder = sip_ladder_new (&traces, "");
    const SipRung *rung = &g_array_index (ladder->rungs, SipRung, 0);
    g_assert_cmpuint (rung->n_media, ==, SIP_LADDER_MAX_MEDIA);
    g_assert_cmpuint (rung->n_more_media, ==, 2);
    g_assert_cmpstr (rung->media[0][1], ==, "refused PCMU");
    g_assert_cmpstr (rung->media[1][0], ==, "audio [2001:db8::7]:1000");
    g_assert_cmpstr (rung->media[1][1], ==, "sendrecv PCMU");
    sip_ladder_free (ladder);
    sip_traces_clear (&traces);
}

/* --- Harmless ---------------------------------------------------------------------------- */

static bool
is_clean (const char *text)
{
    for (const char *at = text; *at != '\0'; at = g_utf8_next_char (at)) {
        gunichar c = g_utf8_get_char (at);
        if (c != '\n' && (!g_unichar_isprint (c) || g_unichar_iszerowidth (c))) {
            return false;
        }
    }
    return true;
}

/* Whatever a peer sends, what is drawn is UTF-8, steers no terminal and stays XML. */
static void
test_anything_is_harmless (void)
{
    static const char *const starts[] = {
        "SIP/2.0 200 \x1b[2J\x07",
        "SIP/2.0 200 \xe2\x80\xae"
        "gnp.exe",
        "SIP/2.0 200 \xc3\x28\xff\xfe",
        "SIP/2.0 200 <script>alert(1)</script>&'\"",
        "INVITE<b> sip:b SIP/2.0",
        "\x1b]0;title\x07",
        "SIP/2.0 200 \xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd"
        "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0\xe5\xa5\xbd",
        "",
    };
    SipTraces traces = traces_new ();

    for (size_t i = 0; i < G_N_ELEMENTS (starts); i++) {
        say (&traces, (int64_t) i, A, true, false, starts[i], "IN\x1b[1mVITE",
             SDP "m=\x1b 1 <b> x");
    }
    for (unsigned i = 0; i < 3000; i++) {
        char noise[200];
        for (size_t j = 0; j < sizeof noise; j++) {
            noise[j] = (char) g_test_rand_int ();
        }
        g_autoptr (GString) bytes = g_string_new (i % 2 == 0 ? "SIP/2.0 200 " : "");
        g_string_append_len (bytes, noise, sizeof noise);
        add_bytes (&traces, 100, A, i % 3 == 0, false, bytes->str, bytes->len);
    }
    g_autofree char *text = text_of (&traces, 100);
    g_autofree char *svg = svg_of (&traces);
    g_assert_true (g_utf8_validate (text, -1, NULL) && is_clean (text));
    g_assert_true (g_utf8_validate (svg, -1, NULL) && is_clean (svg));
    g_assert_null (strstr (svg, "<script"));
    g_autoptr (GMarkupParseContext) context = g_markup_parse_context_new (
        &(GMarkupParser){ NULL, NULL, NULL, NULL, NULL }, 0, NULL, NULL);
    g_autoptr (GError) error = NULL;
    g_markup_parse_context_parse (context, svg, -1, &error);
    g_assert_no_error (error);
    g_assert_true (g_markup_parse_context_end_parse (context, NULL));
    sip_traces_clear (&traces);
}

static void
test_safe_text_is_cut (void)
{
    static const struct {
        const char *text;
        unsigned max;
        const char *expected;
        unsigned width;
    } cases[] = {
        { "ringing", 7, "ringing", 7 },
        { "ringing", 6, "ring..", 6 },
        { "ringing", 2, "..", 2 },
        { "ringing", 1, "", 0 },
        { "", 5, "", 0 },
        { "a\tb\177", 9, "a?b?", 4 },
        { "\xe4\xbd\xa0\xe5\xa5\xbd", 4, "\xe4\xbd\xa0\xe5\xa5\xbd", 4 },
        { "\xe4\xbd\xa0\xe5\xa5\xbd", 3, "..", 2 },
        { "\xc3\xbc", 1, "\xc3\xbc", 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autoptr (GString) out = g_string_new (NULL);
        unsigned width = sip_ladder_append_safe (out, sip_view_of (cases[i].text), cases[i].max);
        g_assert_cmpstr (out->str, ==, cases[i].expected);
        g_assert_cmpuint (width, ==, cases[i].width);
    }
}

static void
test_picture_stands_alone (void)
{
    SipTraces traces = small_call ();
    g_autofree char *svg = svg_of (&traces);

    g_assert_nonnull (strstr (svg, "<title>&lt;call&gt; &amp; &quot;more&quot;</title>"));
    g_assert_nonnull (strstr (svg, "stroke-dasharray"));
    g_assert_nonnull (strstr (svg, ">480 Temporarily Unavailable (INVITE)<"));
    g_assert_null (strstr (svg, "href"));
    g_assert_null (strstr (svg, "url("));
    sip_traces_clear (&traces);
}

/* --- Masks ------------------------------------------------------------------------------- */

static void
test_masks (void)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "A\r\nAuthorization: Digest username=\"a\", response=\"b\"\r\nB: c\r\n",
          "A\r\nAuthorization: Digest ************* ************\r\nB: c\r\n" },
        { "A\r\nproxy-AUTHORIZATION \t: secret\r\n\r\n",
          "A\r\nproxy-AUTHORIZATION \t: ******\r\n\r\n" },
        { "A\r\nAuthorization:\r\n Basic YTpi\r\n\tmore\r\nB: c",
          "A\r\nAuthorization:\r\n Basic ****\r\n\t****\r\nB: c" },
        { "A\nAuthorization: x\nB: c", "A\nAuthorization: *\nB: c" },
        { "A\rAuthorization: x\rB: c", "A\rAuthorization: *\rB: c" },
        { "A\r\nAuthorization: Digestive x", "A\r\nAuthorization: ********* *" },
        { "Refer-To: <sip:a@b?Authorization=Digest%20x&Subject=y>",
          "Refer-To: <sip:a@b?Authorization=**********&Subject=y>" },
        { "A\r\n\r\nbody\r\nProxy-Authorization: x", "A\r\n\r\nbody\r\nProxy-Authorization: *" },
        { "A\r\nAuthorization-Info: x\r\nX-Authorization: y\r\nSubject: Authorization: z",
          "A\r\nAuthorization-Info: x\r\nX-Authorization: y\r\nSubject: Authorization: z" },
        { "WWW-Authenticate: Digest nonce=x", "WWW-Authenticate: Digest nonce=x" },
        { "Authorization", "Authorization" },
        { "Authorization:", "Authorization:" },
        { "Authorization:\r\n", "Authorization:\r\n" },
        { "", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *bytes = g_strdup (cases[i].before);
        sip_mask (bytes, strlen (bytes));
        g_assert_cmpstr (bytes, ==, cases[i].after);
    }
}

/* PRI-049: what somebody types is in no trace, not even in memory. */
static void
test_masks_digits (void)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        { "INFO x\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n",
          "INFO x\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=*\r\nDuration=160\r\n" },
        { "INFO x\r\nc: APPLICATION/DTMF-RELAY\r\n\r\nDuration=160\nsignal = 5 \n",
          "INFO x\r\nc: APPLICATION/DTMF-RELAY\r\n\r\nDuration=160\nsignal = * \n" },
        { "INFO x\r\nContent-Type: application/dtmf\r\n\r\n 5 \r\n",
          "INFO x\r\nContent-Type: application/dtmf\r\n\r\n * \r\n" },
        { "INFO x\r\nContent-Type: text/plain\r\n\r\nSignal=5",
          "INFO x\r\nContent-Type: text/plain\r\n\r\nSignal=5" },
        { "INFO x\r\nContent-Type: application/dtmf\r\n",
          "INFO x\r\nContent-Type: application/dtmf\r\n" },
        { "INFO x\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=",
          "INFO x\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=" },
        { "", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
        g_autofree char *bytes = g_strdup (cases[i].before);
        sip_mask_digits (bytes, strlen (bytes));
        g_assert_cmpstr (bytes, ==, cases[i].after);
    }
    g_assert_true (sip_has_digits ("INFO sip:a@b SIP/2.0", 20));
    g_assert_false (sip_has_digits ("INFORM", 6));
}

/* --- Captures ---------------------------------------------------------------------------- */

/* RFC 1071: over what holds its own checksum the sum is all ones. */
static unsigned
sum_of (const uint8_t *bytes, size_t len_bytes, uint32_t sum)
{
    for (size_t i = 0; i < len_bytes; i++) {
        sum += i % 2 == 0 ? (uint32_t) bytes[i] << 8 : bytes[i];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static void
test_capture (void)
{
    SipTraces traces = traces_new ();
    uint32_t head[4];

    add (&traces, 7, A, true, false, "odd");
    add (&traces, 8, "[2001:db8::7]:5060", true, true, "even");
    g_autoptr (GByteArray) file = sip_capture (&traces);
    g_assert_cmpuint (file->len, ==, 24 + 16 + 20 + 8 + 3 + 16 + 40 + 8 + 4);
    const uint8_t *at = file->data + 24;
    memcpy (head, at, sizeof head);
    g_assert_cmpuint (head[0], ==, 1795327845);
    g_assert_cmpuint (head[1], ==, 7);
    g_assert_cmpuint (head[2], ==, 31);
    at += 16;
    g_assert_cmpuint (sum_of (at, 20, 0), ==, 0xffff);
    g_assert_cmpuint (sum_of (at + 12, 19, IPPROTO_UDP + 11), ==, 0xffff);
    g_assert_cmpmem (at + 12, 4, "\xc6\x33\x64\x07", 4); /* from A */
    at += 31 + 16;
    g_assert_cmpuint (at[0] >> 4, ==, 6);
    g_assert_cmpuint (sum_of (at + 8, 44, IPPROTO_UDP + 12), ==, 0xffff);
    sip_traces_clear (&traces);
}

/* The largest message there is fits, in two segments that follow each other. */
static void
test_capture_of_the_largest (void)
{
    SipTraces traces = traces_new ();
    g_autofree char *large = g_strnfill (65536, 'x');

    add (&traces, 0, A, true, true, large)->record.transport = TD_TRANSPORT_TCP;
    add (&traces, 0, A, true, true, "next")->record.transport = TD_TRANSPORT_TCP;
    g_autoptr (GByteArray) file = sip_capture (&traces);
    const uint8_t *second = file->data + 24 + 16 + 65535 + 16;
    g_assert_cmpuint (file->len, ==, 24 + 3 * (16 + 40) + 65536 + 4);
    uint32_t sequence;
    memcpy (&sequence, second + 24, sizeof sequence);
    g_assert_cmpuint (GUINT32_FROM_BE (sequence), ==, 65496);
    g_assert_cmpuint (sum_of (second, 20, 0), ==, 0xffff);
    sip_traces_clear (&traces);
}

static void
test_raw (void)
{
    SipTraces traces = traces_new ();

    add (&traces, 7, A, true, false, "one\r\n");
    add (&traces, 8, B, false, true, "two");
    g_autoptr (GByteArray) raw = sip_trace_raw (&traces);
    const char *expected = "--- 2026-11-22 06:10:45.000007 UTC udp 198.51.100.7:5060 -> "
                           "192.0.2.1:5060, 5 bytes\none\r\n\n"
                           "--- 2026-11-22 06:10:45.000008 UTC udp 192.0.2.1:5060 -> "
                           "203.0.113.9:5070, 3 bytes\ntwo";
    g_assert_cmpmem (raw->data, raw->len, expected, strlen (expected));
    sip_traces_clear (&traces);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/sip/ladder/golden", test_golden);
    g_test_add_func ("/sip/ladder/fits-its-width", test_fits_its_width);
    g_test_add_func ("/sip/ladder/columns-are-whole", test_columns_are_whole);
    g_test_add_func ("/sip/ladder/many-peers", test_many_peers);
    g_test_add_func ("/sip/ladder/long-address-has-a-number", test_long_address_has_a_number);
    g_test_add_func ("/sip/ladder/long-media-address-is-whole", test_long_media_address_is_whole);
    g_test_add_func ("/sip/ladder/again-is-the-same-again", test_again_is_the_same_again);
    g_test_add_func ("/sip/ladder/many-streams", test_many_streams);
    g_test_add_func ("/sip/ladder/anything-is-harmless", test_anything_is_harmless);
    g_test_add_func ("/sip/ladder/safe-text-is-cut", test_safe_text_is_cut);
    g_test_add_func ("/sip/ladder/picture-stands-alone", test_picture_stands_alone);
    g_test_add_func ("/sip/trace/masks", test_masks);
    g_test_add_func ("/sip/trace/PRI-049/masks-digits", test_masks_digits);
    g_test_add_func ("/sip/trace/capture", test_capture);
    g_test_add_func ("/sip/trace/capture-of-the-largest", test_capture_of_the_largest);
    g_test_add_func ("/sip/trace/raw", test_raw);
    return g_test_run ();
}
