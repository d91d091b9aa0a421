/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Samples keep their order and their time from one codec to the other. */

#include "transcode.h"

#include <glib.h>
#include <string.h>

/* A codec of two bytes a sample, in frames of FRAME_US; a decoder counts what it was asked. */
typedef struct {
    unsigned n_decoded, n_concealed;
} Decoder;

static unsigned n_codecs;

static void *
decoder_new (const char *fmtp, void *data)
{
    g_assert_cmpstr (fmtp, ==, "in=1");
    return data;
}

static ssize_t
decode (void *state, const uint8_t *payload, size_t len_bytes, int16_t *samples, size_t max_samples)
{
    ((Decoder *) state)->n_decoded++;
    if (len_bytes % 2 != 0 || len_bytes / 2 > max_samples) {
        return -1;
    }
    memcpy (samples, payload, len_bytes);
    return (ssize_t) len_bytes / 2;
}

static ssize_t
conceal (void *state, int16_t *samples, size_t n_samples)
{
    ((Decoder *) state)->n_concealed++;
    for (size_t i = 0; i < n_samples; i++) {
        samples[i] = -1;
    }
    return (ssize_t) n_samples;
}

/* All zeros is silence, which is not sent. */
static ssize_t
encode (void *state, const int16_t *samples, size_t n_samples, uint8_t *out, size_t out_size)
{
    bool is_silent = true;

    for (size_t i = 0; i < n_samples; i++) {
        is_silent = is_silent && samples[i] == 0;
    }
    if (is_silent || n_samples * 2 > out_size) {
        return is_silent ? 0 : -1;
    }
    memcpy (out, samples, n_samples * 2);
    return (ssize_t) n_samples * 2;
}

void
td_codec_release (const TdCodec *codec)
{
    n_codecs -= codec != NULL;
}

static TdCodec
make_codec (uint32_t clock_rate_hz, uint32_t sample_rate_hz, uint32_t frame_us, Decoder *decoder)
{
    n_codecs++;
    return (TdCodec){ .name = "L16",
                      .clock_rate_hz = clock_rate_hz,
                      .sample_rate_hz = sample_rate_hz,
                      .channels = 1,
                      .frame_us = frame_us,
                      .data = decoder,
                      .decoder_new = decoder_new,
                      .decode = decode,
                      .conceal = conceal,
                      .encode = encode };
}

typedef struct {
    TdCodec from, to;
    Decoder decoder;
    RtpTranscoder *transcoder;
    RtpHeader header; /* of the next packet */
    int16_t next;     /* its first sample */
    int16_t samples[RTP_MAX_SAMPLES];
    GString
        *packets; /* "TIMESTAMP:FIRST-LAST" of each packet that came out, "!" before marked ones */
} Fixture;

static void
set_up (Fixture *fixture, unsigned in_clock_hz, unsigned rate_hz, unsigned out_frame_us,
        unsigned packet_ms)
{
    memset (fixture, 0, sizeof *fixture);
    fixture->from = make_codec (in_clock_hz, rate_hz, 10000, &fixture->decoder);
    fixture->to = make_codec (8000, rate_hz, out_frame_us, NULL);
    fixture->transcoder =
        rtp_transcoder_new (&fixture->from, "in=1", &fixture->to, NULL, packet_ms);
    g_assert_nonnull (fixture->transcoder);
    fixture->header = (RtpHeader){ .sequence = 65534, .timestamp = UINT32_MAX - 99 };
    fixture->next = 1;
    fixture->packets = g_string_new (NULL);
}

static void
tear_down (Fixture *fixture)
{
    rtp_transcoder_free (fixture->transcoder);
    g_string_free (fixture->packets, TRUE);
    g_assert_cmpuint (n_codecs, ==, 0);
}

static void
get_all (Fixture *fixture)
{
    int16_t out[2000];
    uint32_t timestamp;
    bool is_marked;
    size_t n_bytes;

    while ((n_bytes = rtp_transcoder_get (fixture->transcoder, (uint8_t *) out, sizeof out,
                                          &timestamp, &is_marked))
           > 0) {
        g_string_append_printf (fixture->packets, "%s%d:%d-%d ", is_marked ? "!" : "",
                                (int) (timestamp + 100), out[0], out[n_bytes / 2 - 1]);
    }
}

/* The next N_SAMPLES, which count up; or silence. Not given to anybody when they are LOST. */
static void
say (Fixture *fixture, unsigned n_samples, bool is_silent, bool is_lost)
{
    int16_t payload[2000] = { 0 };

    for (unsigned i = 0; i < n_samples; i++) {
        payload[i] = is_silent ? 0 : (int16_t) (fixture->next + (int) i);
    }
    fixture->next = (int16_t) (fixture->next + (int) n_samples);
    if (!is_lost) {
        rtp_transcoder_put (fixture->transcoder, &fixture->header, (uint8_t *) payload,
                            n_samples * 2, fixture->samples);
        get_all (fixture);
    }
    fixture->header.sequence++;
    fixture->header.timestamp += (uint32_t) ((uint64_t) n_samples * fixture->from.clock_rate_hz
                                             / fixture->from.sample_rate_hz);
}

static void
test_longer_packets (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 30000, 30);
    for (unsigned i = 0; i < 6; i++) {
        say (&fixture, 160, false, false);
    }
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-240 240:241-480 480:481-720 720:721-960 ");
    tear_down (&fixture);
}

static void
test_shorter_packets (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 10000, 10);
    say (&fixture, 240, false, false);
    say (&fixture, 100, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-80 80:81-160 160:161-240 240:241-320 ");
    tear_down (&fixture);
}

static void
test_packets_are_whole_frames (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 30000, 20); /* not less than a frame */
    say (&fixture, 240, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-240 ");
    tear_down (&fixture);
    set_up (&fixture, 8000, 8000, 10000, 35);
    say (&fixture, 240, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-240 ");
    tear_down (&fixture);
}

static void
test_clock_that_is_not_the_sample_rate (void)
{
    Fixture fixture;

    /* As G.722: 16 kHz on a clock of 8 kHz (RFC 3551 4.5.2). */
    set_up (&fixture, 16000, 16000, 20000, 20);
    say (&fixture, 320, false, false);
    say (&fixture, 320, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-320 160:321-640 ");
    tear_down (&fixture);
}

static void
test_loss_is_concealed (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 20000, 20);
    say (&fixture, 160, false, false);
    say (&fixture, 160, false, true);
    say (&fixture, 160, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-160 160:-1--1 320:321-480 ");
    g_assert_cmpuint (fixture.decoder.n_concealed, ==, 2); /* frames of 10 ms */
    tear_down (&fixture);
}

static void
test_late_is_dropped (void)
{
    Fixture fixture;
    RtpHeader late;

    set_up (&fixture, 8000, 8000, 20000, 20);
    say (&fixture, 160, false, false);
    late = fixture.header;
    say (&fixture, 160, false, true);
    say (&fixture, 160, false, false);
    rtp_transcoder_put (fixture.transcoder, &late, (const uint8_t *) "ab", 2, fixture.samples);
    get_all (&fixture);
    g_assert_cmpuint (fixture.decoder.n_decoded, ==, 2);
    tear_down (&fixture);
}

static void
test_pause_stays_a_pause (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 20000, 20);
    say (&fixture, 160, false, false);
    say (&fixture, 80, false, false);       /* half a packet, that the pause cuts off */
    fixture.header.timestamp += 8000 - 240; /* nothing was sent, nothing is lost */
    say (&fixture, 160, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-160 !8000:241-400 ");
    g_assert_cmpuint (fixture.decoder.n_concealed, ==, 0);
    tear_down (&fixture);
}

static void
test_long_loss_is_a_pause (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 20000, 20);
    say (&fixture, 160, false, false);
    for (unsigned i = 0; i < 4; i++) {
        say (&fixture, 160, false, true);
    }
    say (&fixture, 160, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-160 !800:801-960 ");
    g_assert_cmpuint (fixture.decoder.n_concealed, ==, 0);
    tear_down (&fixture);
}

static void
test_silence_is_not_sent (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 20000, 20);
    say (&fixture, 160, false, false);
    say (&fixture, 160, true, false);
    say (&fixture, 160, false, false);
    g_assert_cmpstr (fixture.packets->str, ==, "!0:1-160 !320:321-480 ");
    tear_down (&fixture);
}

static void
test_payload_that_is_none (void)
{
    Fixture fixture;

    set_up (&fixture, 8000, 8000, 20000, 20);
    rtp_transcoder_put (fixture.transcoder, &fixture.header, (const uint8_t *) "abc", 3,
                        fixture.samples);
    rtp_transcoder_put (fixture.transcoder, &fixture.header, (const uint8_t *) "", 0,
                        fixture.samples);
    get_all (&fixture);
    g_assert_cmpstr (fixture.packets->str, ==, "");
    tear_down (&fixture);
}

static void
test_flood_keeps_what_fits (void)
{
    Fixture fixture;
    int16_t payload[1600] = { 0 };

    set_up (&fixture, 8000, 8000, 20000, 20);
    /* 200 ms are kept; more comes without anybody taking it. */
    for (unsigned i = 0; i < 10; i++) {
        payload[0] = (int16_t) (i + 1); /* the only one that is no silence */
        rtp_transcoder_put (fixture.transcoder, &fixture.header, (uint8_t *) payload, 1500 * 2,
                            fixture.samples);
        fixture.header.sequence++;
        fixture.header.timestamp += 1500;
    }
    get_all (&fixture);
    g_assert_cmpstr (fixture.packets->str, ==, "!13400:0-0 ");
    tear_down (&fixture);
}

static void
test_other_rate_is_refused (void)
{
    TdCodec from = make_codec (8000, 8000, 10000, NULL),
            to = make_codec (16000, 16000, 10000, NULL);

    g_assert_null (rtp_transcoder_new (&from, NULL, &to, NULL, 20));
    g_assert_cmpuint (n_codecs, ==, 0);
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/rtp/transcode/longer-packets", test_longer_packets);
    g_test_add_func ("/rtp/transcode/shorter-packets", test_shorter_packets);
    g_test_add_func ("/rtp/transcode/whole-frames", test_packets_are_whole_frames);
    g_test_add_func ("/rtp/transcode/other-clock", test_clock_that_is_not_the_sample_rate);
    g_test_add_func ("/rtp/transcode/loss", test_loss_is_concealed);
    g_test_add_func ("/rtp/transcode/late", test_late_is_dropped);
    g_test_add_func ("/rtp/transcode/pause", test_pause_stays_a_pause);
    g_test_add_func ("/rtp/transcode/long-loss", test_long_loss_is_a_pause);
    g_test_add_func ("/rtp/transcode/silence", test_silence_is_not_sent);
    g_test_add_func ("/rtp/transcode/no-payload", test_payload_that_is_none);
    g_test_add_func ("/rtp/transcode/flood", test_flood_keeps_what_fits);
    g_test_add_func ("/rtp/transcode/other-rate", test_other_rate_is_refused);
    return g_test_run ();
}
