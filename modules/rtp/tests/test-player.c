/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Players: what a peer hears of a source, and when. */

#include "player.h"
#include "stream.h"

#include <string.h>
#include <tandem/module.h>
#include <unistd.h>

enum { PAYLOAD_TYPE = 96, KEY = 77, HEARD_BYTES = 1024 };

/* Samples count from 1; N of them. */
typedef struct {
    TdSource source; /* first */
    int n_refs;
} Counting;

typedef struct {
    RtpEngine *engine;
    RtpStream *stream;
    Counting counting;
    int peer;          /* the socket of who hears it */
    unsigned ptime_ms; /* it wants */
    unsigned n_packet; /* samples it gets at a time */
    unsigned n_ended;
    bool is_stopped;
} World;

static int64_t now_us;
static int n_uses;
static bool is_silence; /* of which the codec sends nothing */

/* In the core's place. */
void
td_module_use (TdModule *module)
{
    n_uses++;
}

void
td_module_unuse (TdModule *module)
{
    n_uses--;
}

void
td_codec_release (const TdCodec *codec)
{
}

static unsigned
read_counting (const TdSource *source, uint64_t position, int16_t *samples, unsigned n_samples)
{
    unsigned n = 0;

    for (; n < n_samples && position + n < source->n_samples; n++) {
        samples[n] = (int16_t) ((position + n) % 100 + 1);
    }
    return n;
}

static void
ref_counting (TdSource *source)
{
    ((Counting *) source)->n_refs++;
}

static void
unref_counting (TdSource *source)
{
    ((Counting *) source)->n_refs--;
}

/* One byte a sample. */
static ssize_t
encode (void *state, const int16_t *samples, size_t n_samples, uint8_t *out, size_t out_size)
{
    g_assert_cmpuint (n_samples, ==, 80);
    if (is_silence) {
        return 0;
    }
    for (size_t i = 0; i < n_samples; i++) {
        out[i] = (uint8_t) samples[i];
    }
    return (ssize_t) n_samples;
}

static const TdCodec codec = { .name = "bytes",
                               .clock_rate_hz = 8000,
                               .sample_rate_hz = 8000,
                               .channels = 1,
                               .frame_us = 10000,
                               .encode = encode };

static int64_t
test_clock (void)
{
    return now_us;
}

static void
hear_event (void *owner, TdMediaEventKind kind, int64_t value, void *data)
{
    World *world = owner;

    g_assert_cmpint (kind, ==, TD_MEDIA_ENDED);
    world->n_ended++;
}

static void
free_command (RtpThread *thread, RtpCommand *command)
{
    g_free (command);
}

/* A turn at AT_MS. */
static void
turn (World *world, int64_t at_ms)
{
    RtpCommand *command = g_new0 (RtpCommand, 1);

    now_us = 1000000 + at_ms * 1000;
    command->run = free_command;
    rtp_thread_post (world->engine->threads[0], command);
    rtp_thread_turn (world->engine->threads[0]);
}

static void
set_up (World *world, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    RtpEngineSetup setup = { .n_threads = 1,
                             .settings.lock_after = 3,
                             .settings.range.first = 61000,
                             .settings.range.last = 65534,
                             .event = hear_event,
                             .now_us = test_clock };
    RtpAgreement agreement = { 0 };
    TdAddress host, heard;
    socklen_t len_bytes = sizeof heard;

    now_us = 1000000;
    n_uses = 0;
    world->n_packet = 160;
    td_address_parse ("127.0.0.1", 0, &host);
    world->peer = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint (bind (world->peer, &host.any, sizeof host.v4), ==, 0);
    getsockname (world->peer, &heard.any, &len_bytes);
    world->engine = rtp_engine_new (&setup, &error);
    g_assert_no_error (error);
    world->stream = rtp_stream_open (world->engine, KEY, &host, RTP_STREAM_PAIR, TD_CLASS_ORDINARY,
                                     world, &error);
    g_assert_no_error (error);
    agreement.remote = heard;
    rtp_stream_agree (world->stream, &agreement);
    world->counting.source = (TdSource){ .size = sizeof (TdSource),
                                         .n_samples = TD_SOURCE_ENDLESS,
                                         .read = read_counting,
                                         .ref = ref_counting,
                                         .unref = unref_counting };
}

static void
ignore_views (const RtpView *views, unsigned n_views, void *data)
{
}

static void
tear_down (World *world, gconstpointer data)
{
    rtp_streams_view (&world->stream, 1, true, ignore_views, NULL);
    turn (world, 100000);
    g_assert_null (world->engine->threads[0]->players);
    g_assert_cmpint (world->counting.n_refs, ==, 0);
    g_assert_cmpint (n_uses, ==, 0);
    rtp_engine_free (world->engine);
    close (world->peer);
}

static void
play (World *world)
{
    TdFormat format = { .payload_type = PAYLOAD_TYPE };

    rtp_stream_play (world->stream, rtp_player_new (td_source_keep (&world->counting.source),
                                                    &codec, &format, world->ptime_ms, world));
}

/* The next packet, or false. */
static bool
hear (World *world, uint8_t packet[HEARD_BYTES], RtpHeader *ret_header)
{
    ssize_t n = recv (world->peer, packet, HEARD_BYTES, 0);

    if (n <= 0) {
        return false;
    }
    g_assert_cmpint (n, ==, RTP_HEADER_BYTES + world->n_packet);
    g_assert_true (rtp_read_header (packet, (size_t) n, ret_header));
    g_assert_cmpuint (ret_header->payload_type, ==, PAYLOAD_TYPE);
    return true;
}

static unsigned
count_heard (World *world)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader header;
    unsigned n = 0;

    while (hear (world, packet, &header)) {
        n++;
    }
    return n;
}

static void
test_one_packet_each_20_ms (World *world, gconstpointer data)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader first, second;

    play (world);
    turn (world, 0);
    g_assert_true (hear (world, packet, &first));
    g_assert_true (first.is_marked);
    g_assert_cmpuint (packet[12], ==, 1);
    g_assert_cmpuint (packet[12 + 159], ==, 60);
    turn (world, 19);
    g_assert_cmpuint (count_heard (world), ==, 0);
    turn (world, 20);
    g_assert_true (hear (world, packet, &second));
    g_assert_false (second.is_marked);
    g_assert_cmpuint (packet[12], ==, 61);
    g_assert_cmpuint (second.sequence, ==, (uint16_t) (first.sequence + 1));
    g_assert_cmpuint (second.timestamp, ==, first.timestamp + 160);
    g_assert_cmpuint (second.ssrc, ==, first.ssrc);
    g_assert_cmpint (rtp_players_wait_us (world->engine->threads[0]), ==, 20000);
}

/* RFC 3264 6.1. */
static void
test_as_long_as_the_peer_wants_them (World *world, gconstpointer data)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader first, second;

    world->ptime_ms = 30;
    world->n_packet = 240;
    play (world);
    turn (world, 0);
    g_assert_true (hear (world, packet, &first));
    turn (world, 29);
    g_assert_cmpuint (count_heard (world), ==, 0);
    turn (world, 30);
    g_assert_true (hear (world, packet, &second));
    g_assert_cmpuint (packet[12], ==, 41);
    g_assert_cmpuint (second.timestamp, ==, first.timestamp + 240);
    g_assert_cmpint (rtp_players_wait_us (world->engine->threads[0]), ==, 30000);
}

static void
test_no_shorter_and_no_longer_than_it_can_be (World *world, gconstpointer data)
{
    static const unsigned wanted_got[][2] = { { 1, 80 }, { 25, 160 }, { 60, 480 }, { 200, 480 } };

    for (unsigned i = 0; i < G_N_ELEMENTS (wanted_got); i++) {
        world->ptime_ms = wanted_got[i][0];
        world->n_packet = wanted_got[i][1];
        play (world);
        turn (world, 1000 * (i + 1));
        g_assert_cmpuint (count_heard (world), ==, 1);
        rtp_players_stop (world->engine, KEY, world, NULL, NULL);
        turn (world, 1000 * (i + 1) + 5);
    }
}

/* What is 30 ms long does not change the beat of what is 20 ms long. */
static void
test_two_beats_on_one_thread (World *world, gconstpointer data)
{
    g_autoptr (GError) error = NULL;
    TdFormat format = { .payload_type = PAYLOAD_TYPE };
    TdAddress host;
    unsigned n_heard = 0;

    td_address_parse ("127.0.0.1", 0, &host);
    RtpStream *other = rtp_stream_open (world->engine, KEY, &host, RTP_STREAM_PAIR,
                                        TD_CLASS_ORDINARY, world, &error);
    g_assert_no_error (error);
    play (world);
    rtp_stream_play (other, rtp_player_new (td_source_keep (&world->counting.source), &codec,
                                            &format, 30, world));
    for (unsigned ms = 0; ms < 120; ms += 10) {
        turn (world, ms);
        unsigned n = count_heard (world);
        g_assert_cmpuint (n, ==, ms % 20 == 0);
        n_heard += n;
    }
    g_assert_cmpuint (n_heard, ==, 6);
    rtp_streams_view (&other, 1, true, ignore_views, NULL);
}

static void
test_end_is_told_once (World *world, gconstpointer data)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader header;

    world->counting.source.n_samples = 400;
    play (world);
    turn (world, 0);
    turn (world, 20);
    g_assert_cmpuint (count_heard (world), ==, 2);
    g_assert_cmpuint (world->n_ended, ==, 0);
    turn (world, 40);
    g_assert_true (hear (world, packet, &header));
    g_assert_cmpuint (packet[12 + 79], ==, 100);
    g_assert_cmpuint (packet[12 + 80], ==, 0);
    g_assert_cmpuint (world->n_ended, ==, 1);
    turn (world, 60);
    g_assert_cmpuint (count_heard (world), ==, 0);
    g_assert_cmpuint (world->n_ended, ==, 1);
    g_assert_cmpint (rtp_players_wait_us (world->engine->threads[0]), ==, -1);
}

/* A thread that was kept from its work makes up for a little, and forgets what is too long ago. */
static void
test_late (World *world, gconstpointer data)
{
    play (world);
    turn (world, 0);
    turn (world, 65);
    g_assert_cmpuint (count_heard (world), ==, 4);
    turn (world, 5000);
    g_assert_cmpuint (count_heard (world), ==, 1);
    turn (world, 5020);
    g_assert_cmpuint (count_heard (world), ==, 1);
}

static void
test_played_anew_it_goes_on (World *world, gconstpointer data)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader first, second;

    play (world);
    turn (world, 0);
    g_assert_true (hear (world, packet, &first));
    play (world);
    turn (world, 20);
    g_assert_true (hear (world, packet, &second));
    g_assert_cmpuint (packet[12], ==, 61);
    g_assert_cmpuint (second.sequence, ==, (uint16_t) (first.sequence + 1));
    g_assert_cmpuint (second.ssrc, ==, first.ssrc);
}

/* It neither stutters nor begins a talkspurt in the middle of one (RFC 3551 4.1). */
static void
test_played_anew_in_its_beat (World *world, gconstpointer data)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader header;

    play (world);
    turn (world, 0);
    g_assert_true (hear (world, packet, &header));
    play (world);
    turn (world, 5);
    g_assert_cmpuint (count_heard (world), ==, 0);
    turn (world, 20);
    g_assert_true (hear (world, packet, &header));
    g_assert_false (header.is_marked);
}

/* RFC 3551 4.1: the first packet after silence that was not sent begins a talkspurt. */
static void
test_mark_after_silence (World *world, gconstpointer data)
{
    uint8_t packet[HEARD_BYTES];
    RtpHeader first, second;

    play (world);
    turn (world, 0);
    g_assert_true (hear (world, packet, &first));
    is_silence = true;
    turn (world, 20);
    g_assert_cmpuint (count_heard (world), ==, 0);
    is_silence = false;
    turn (world, 40);
    g_assert_true (hear (world, packet, &second));
    g_assert_true (second.is_marked);
    g_assert_cmpuint (second.sequence, ==, (uint16_t) (first.sequence + 1));
    g_assert_cmpuint (second.timestamp, ==, first.timestamp + 320);
}

static void
note_stopped (void *data)
{
    ((World *) data)->is_stopped = true;
}

static void
test_stopped (World *world, gconstpointer data)
{
    play (world);
    turn (world, 0);
    rtp_players_stop (world->engine, KEY, NULL, NULL, NULL); /* somebody else's */
    turn (world, 20);
    g_assert_cmpuint (count_heard (world), ==, 2);
    rtp_players_stop (world->engine, KEY, world, note_stopped, world);
    turn (world, 40);
    g_assert_true (world->is_stopped);
    g_assert_cmpuint (count_heard (world), ==, 0);
    g_assert_cmpuint (world->n_ended, ==, 0);
}

static void
test_codecs_that_fit (World *world, gconstpointer data)
{
    TdCodec other = codec;

    g_assert_true (rtp_player_can (&other));
    other.sample_rate_hz = 16000;
    g_assert_false (rtp_player_can (&other));
    other = codec;
    other.frame_us = 30000;
    g_assert_false (rtp_player_can (&other));
    other = codec;
    other.channels = 2;
    g_assert_false (rtp_player_can (&other));
    other = codec;
    other.frame_us = 100; /* less than a sample */
    g_assert_false (rtp_player_can (&other));
}

#define ADD(name, test) g_test_add ("/rtp/player/" name, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("each-20-ms", test_one_packet_each_20_ms);
    ADD ("ptime", test_as_long_as_the_peer_wants_them);
    ADD ("ptime-bounds", test_no_shorter_and_no_longer_than_it_can_be);
    ADD ("two-beats", test_two_beats_on_one_thread);
    ADD ("end", test_end_is_told_once);
    ADD ("late", test_late);
    ADD ("anew", test_played_anew_it_goes_on);
    ADD ("anew-in-its-beat", test_played_anew_in_its_beat);
    ADD ("mark", test_mark_after_silence);
    ADD ("stopped", test_stopped);
    ADD ("codecs", test_codecs_that_fit);
    return g_test_run ();
}
