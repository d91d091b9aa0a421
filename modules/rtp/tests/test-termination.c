/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests of bridges are answered once, with what the peers then find at our ports. The core's side
 * of a request is this file's own, and the thread is stepped by hand. */

#include "rules.h"
#include "stream.h"
#include "termination.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEAD "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"

/* What the last request was answered with. */
typedef struct {
    TdMediaRequest request; /* first */
    unsigned n_answers;
    unsigned cause;
    char *reason;
    TdDescription *local;
    TdMediaStats stats[TD_MAX_STREAMS];
    unsigned n_stats;
} Request;

typedef struct {
    RtpProvider provider;
    void *a, *b; /* terminations */
    Request request;
} Fixture;

static uint8_t upside_down[256];

void
td_media_done (TdMediaRequest *public, TdDescription *local, const TdMediaStats *stats,
               unsigned n_stats)
{
    Request *request = (Request *) public;

    request->n_answers++;
    g_clear_pointer (&request->local, td_description_unref);
    request->local = local;
    request->n_stats = n_stats;
    if (n_stats > 0) {
        memcpy (request->stats, stats, n_stats * sizeof *stats);
    }
}

void
td_media_failed (TdMediaRequest *public, TdCauseValue cause, const char *reason)
{
    Request *request = (Request *) public;

    request->n_answers++;
    request->cause = cause;
    g_free (request->reason);
    request->reason = g_strdup (reason);
}

void
td_media_event (TdModule *module, TdId bridge, unsigned termination, TdMediaEventKind kind,
                int64_t value)
{
    g_assert_cmpuint (bridge, ==, 77);
    g_assert_cmpuint (termination, <, 2);
}

static const uint8_t *
direct (const char *to, void *data)
{
    return strcmp (to, "PCMA") == 0 ? upside_down : NULL;
}

/* One byte a sample, as it is. */
static ssize_t
decode (void *state, const uint8_t *payload, size_t len_bytes, int16_t *samples, size_t max_samples)
{
    for (size_t i = 0; i < len_bytes; i++) {
        samples[i] = payload[i];
    }
    return (ssize_t) len_bytes;
}

/* One byte a sample, and one more. */
static ssize_t
encode (void *state, const int16_t *samples, size_t n_samples, uint8_t *out, size_t out_size)
{
    for (size_t i = 0; i < n_samples; i++) {
        out[i] = (uint8_t) (samples[i] + 1);
    }
    return (ssize_t) n_samples;
}

#define CODEC(codec_name)                                                                          \
    {                                                                                              \
        .name = codec_name, .clock_rate_hz = 8000, .sample_rate_hz = 8000, .channels = 1,          \
        .frame_us = 10000, .decode = decode, .encode = encode                                      \
    }
static const TdCodec codecs[] = {
    { .name = "PCMU", .clock_rate_hz = 8000, .direct = direct },
    CODEC ("one"),
    CODEC ("two"),
};
static unsigned n_acquired;

const TdCodec *
td_codec_acquire (const char *name, uint32_t clock_rate_hz)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (codecs); i++) {
        if (strcmp (name, codecs[i].name) == 0) {
            n_acquired++;
            return &codecs[i];
        }
    }
    return NULL;
}

void
td_codec_release (const TdCodec *released)
{
    if (released != NULL) {
        n_acquired--;
    }
}

static int64_t
stopped_clock (void)
{
    return 1000000;
}

static void
free_command (RtpThread *thread, RtpCommand *command)
{
    g_free (command);
}

static void
turn (Fixture *fixture)
{
    RtpCommand *command = g_new0 (RtpCommand, 1);

    command->run = free_command;
    rtp_thread_post (fixture->provider.engine->threads[0], command);
    rtp_thread_turn (fixture->provider.engine->threads[0]);
}

static void
set_up_with (Fixture *fixture, unsigned first_port, unsigned last_port)
{
    g_autoptr (GError) error = NULL;
    RtpEngineSetup setup = { .n_threads = 1,
                             .settings.lock_after = 3,
                             .settings.range.first = first_port,
                             .settings.range.last = last_port,
                             .event = rtp_termination_event,
                             .now_us = stopped_clock };

    fixture->provider.engine = rtp_engine_new (&setup, &error);
    g_assert_no_error (error);
    td_address_parse ("127.0.0.1", 0, &fixture->provider.ipv4.host);
    strcpy (fixture->provider.ipv4.told, "192.0.2.1");
    td_address_parse ("::1", 0, &fixture->provider.ipv6.host);
    strcpy (fixture->provider.ipv6.told, "2001:db8::1");
    for (unsigned i = 0; i < 256; i++) {
        upside_down[i] = (uint8_t) ~i;
    }
}

static void
set_up (Fixture *fixture, const void *data)
{
    /* Above those the kernel gives away, and far from those that tests which run beside will bind. */
    set_up_with (fixture, 61000, 65534);
}

static TdDescription *
read_text (const char *text)
{
    g_autoptr (GError) error = NULL;
    TdDescription *description = td_description_from_sdp (text, strlen (text), &error);

    g_assert_no_error (error);
    return description;
}

static Request *
ask (Fixture *fixture, TdMediaVerb verb, void **state, const char *wanted, const char *remote)
{
    Request *request = &fixture->request;

    request->request = (TdMediaRequest){ .verb = verb,
                                         .bridge = 77,
                                         .termination = state == &fixture->b,
                                         .kind = TD_TERMINATION_IP,
                                         .state = state };
    request->n_answers = request->cause = request->n_stats = 0;
    g_autoptr (TdDescription) wanted_description = wanted != NULL ? read_text (wanted) : NULL;
    g_autoptr (TdDescription) remote_description = remote != NULL ? read_text (remote) : NULL;
    request->request.wanted = wanted_description;
    request->request.remote = remote_description;
    rtp_provider_request (&request->request, &fixture->provider);
    turn (fixture);
    g_assert_cmpuint (request->n_answers, ==, 1);
    return request;
}

static Request *
connect_both (Fixture *fixture, TdDirection direction)
{
    Request *request = &fixture->request;

    request->request = (TdMediaRequest){ .verb = TD_MEDIA_CONNECT,
                                         .bridge = 77,
                                         .state = &fixture->a,
                                         .peer_state = &fixture->b,
                                         .direction = direction };
    request->n_answers = request->cause = 0;
    rtp_provider_request (&request->request, &fixture->provider);
    turn (fixture);
    g_assert_cmpuint (request->n_answers, ==, 1);
    return request;
}

static void
tear_down (Fixture *fixture, const void *data)
{
    ask (fixture, TD_MEDIA_SUBTRACT, &fixture->a, NULL, NULL);
    ask (fixture, TD_MEDIA_SUBTRACT, &fixture->b, NULL, NULL);
    g_assert_null (fixture->a);
    g_assert_null (fixture->b);
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture->provider.engine), ==, 0);
    g_assert_cmpuint (fixture->provider.engine->n_clients, ==, 0);
    g_assert_cmpuint (n_acquired, ==, 0);
    rtp_engine_free (fixture->provider.engine);
    g_clear_pointer (&fixture->request.local, td_description_unref);
    g_free (fixture->request.reason);
}

static int
bind_any (const char *host, unsigned *ret_port)
{
    TdAddress address;
    socklen_t len_bytes = sizeof address;

    td_address_parse (host, 0, &address);
    int fd = socket (address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint (bind (fd, &address.any, td_address_len_bytes (&address)), ==, 0);
    getsockname (fd, &address.any, &len_bytes);
    *ret_port = td_address_port (&address);
    return fd;
}

static void
send_to (int fd, unsigned port, const void *bytes, size_t n_bytes)
{
    TdAddress target;

    td_address_parse ("127.0.0.1", (uint16_t) port, &target);
    g_assert_cmpint (sendto (fd, bytes, n_bytes, 0, &target.any, sizeof target.v4), ==,
                     (int) n_bytes);
}

static void
assert_hears (int fd, const void *bytes, size_t n_bytes)
{
    uint8_t heard[RTP_PACKET_BYTES];
    ssize_t n = recv (fd, heard, sizeof heard, 0);

    g_assert_cmpmem (heard, MAX (n, 0), bytes, n_bytes);
}

static void
test_offer_has_our_ports (Fixture *fixture, const void *data)
{
    Request *request =
        ask (fixture, TD_MEDIA_MODIFY, &fixture->a,
             HEAD "a=group:BUNDLE 1 2\na=tool:x\nm=audio 9 RTP/AVP 0\na=mid:1\n"
                  "m=video 0 RTP/AVP 31\nm=image 9 udptl t38\nm=message 9 TCP/MSRP *\n",
             NULL);
    const TdDescription *local = request->local;

    g_assert_cmpuint (local->n_streams, ==, 4);
    g_assert_cmpuint (local->streams[0].port, >=, 61000);
    g_assert_cmpstr (local->streams[0].address, ==, "192.0.2.1");
    g_assert_cmpstr (local->streams[0].lines[0], ==, "a=mid:1");
    g_assert_cmpuint (local->streams[1].port, ==, 0);
    g_assert_cmpuint (local->streams[2].port, >=, 61000);
    g_assert_cmpuint (local->streams[3].port, ==, 0);
    g_assert_cmpstr (local->origin_address, ==, "192.0.2.1");
    g_assert_cmpstr (local->lines[0], ==, "a=tool:x");
    g_assert_null (local->lines[1]);
}

static void
test_ports_stay (Fixture *fixture, const void *data)
{
    Request *request =
        ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 0\n", NULL);
    unsigned port = request->local->streams[0].port;

    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, NULL, HEAD "m=audio 4000 RTP/AVP 0\n");
    g_assert_cmpuint (request->local->streams[0].port, ==, port);
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a,
         HEAD "m=audio 9 RTP/AVP 0\na=sendonly\nm=video 9 RTP/AVP 31\n", NULL);
    g_assert_cmpuint (request->local->streams[0].port, ==, port);
    g_assert_cmpuint (request->local->streams[1].port, !=, 0);
    /* Audio that becomes fax is another stream at the same place. */
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=image 9 udptl t38\nm=video 0 RTP/AVP 31\n",
         NULL);
    g_assert_cmpuint (request->local->streams[0].port, !=, port);
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture->provider.engine), ==, 1);
}

static void
test_refused_stream_gives_its_ports_back (Fixture *fixture, const void *data)
{
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31\n",
         NULL);
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture->provider.engine), ==, 2);
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, NULL,
         HEAD "m=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 31\n");
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture->provider.engine), ==, 1);
}

static void
test_ipv6_for_ipv6 (Fixture *fixture, const void *data)
{
    Request *request = ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 0\n",
                            HEAD "m=audio 4000 RTP/AVP 0\nc=IN IP6 ::1\n");

    g_assert_true (request->local->streams[0].is_ipv6);
    g_assert_cmpstr (request->local->streams[0].address, ==, "2001:db8::1");
    g_assert_cmpstr (request->local->origin_address, ==, "2001:db8::1");
}

static void
test_one_port_where_it_is_offered (Fixture *fixture, const void *data)
{
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 0\na=rtcp-mux\n",
         HEAD "m=audio 4000 RTP/AVP 0\na=rtcp-mux\n");
    g_assert_cmpint (fixture->provider.engine->threads[0]->streams->rtcp.fd, ==, -1);
    ask (fixture, TD_MEDIA_MODIFY, &fixture->b, HEAD "m=audio 9 RTP/AVP 0\na=rtcp-mux\n", NULL);
    g_assert_cmpint (fixture->provider.engine->threads[0]->streams->rtcp.fd, >=, 0);
}

static void
test_no_ports_left (Fixture *fixture, const void *data)
{
    Request *request;

    rtp_engine_free (fixture->provider.engine);
    set_up_with (fixture, 61000, 61001);
    request = ask (fixture, TD_MEDIA_MODIFY, &fixture->a,
                   HEAD "m=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31\n", NULL);
    g_assert_cmpuint (request->cause, ==, TD_CAUSE_RESOURCE_UNAVAILABLE);
    g_assert_nonnull (strstr (request->reason, "widen the range"));
}

/* A and B, with the SDP "m=audio PORT RTP/AVP ..." each. Returns our port towards A. */
static unsigned
set_up_call (Fixture *fixture, unsigned port_a, const char *formats_a, unsigned port_b,
             const char *formats_b)
{
    g_autofree char *a = g_strdup_printf (HEAD "m=audio %u RTP/AVP %s\n", port_a, formats_a);
    g_autofree char *b = g_strdup_printf (HEAD "m=audio %u RTP/AVP %s\n", port_b, formats_b);

    ask (fixture, TD_MEDIA_MODIFY, &fixture->b, b, b);
    Request *request = ask (fixture, TD_MEDIA_MODIFY, &fixture->a, a, a);
    return request->local->streams[0].port;
}

static void
test_call_with_other_numbers_and_codec (Fixture *fixture, const void *data)
{
    uint8_t event[] = { 0x80, 97, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0 };
    uint8_t voice[] = { 0x80, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4, 0x0f };
    uint8_t noise[] = { 0x80, 13, 0, 3, 0, 0, 0, 0, 1, 2, 3, 4, 1 };
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);

    unsigned port = set_up_call (fixture, port_a, "0 13 97\na=rtpmap:97 telephone-event/8000",
                                 port_b, "8 101\na=rtpmap:101 telephone-event/8000");
    connect_both (fixture, TD_DIRECTION_SENDRECV);
    g_assert_cmpuint (n_acquired, ==, 1);
    send_to (a, port, event, sizeof event);
    send_to (a, port, voice, sizeof voice);
    send_to (a, port, noise, sizeof noise);
    turn (fixture);
    event[1] = 101;
    assert_hears (b, event, sizeof event);
    voice[1] = 8;
    voice[12] = 0xf0;
    assert_hears (b, voice, sizeof voice);
    assert_hears (b, NULL, 0); /* comfort noise that B never asked for */
    Request *request = ask (fixture, TD_MEDIA_AUDIT, &fixture->b, NULL, NULL);
    g_assert_cmpuint (request->n_stats, ==, 1);
    g_assert_cmpuint (request->stats[0].packets_sent, ==, 2);
    request = ask (fixture, TD_MEDIA_SUBTRACT, &fixture->a, NULL, NULL);
    g_assert_cmpuint (request->stats[0].packets_received, ==, 3);
    g_assert_cmpstr (request->stats[0].codec, ==, "CN/8000");
    g_assert_cmpuint (request->stats[0].packets_reordered, ==, 0);
    g_autofree char *told = g_strdup_printf ("127.0.0.1:%u", port_a);
    g_assert_cmpstr (request->stats[0].remote, ==, told);
    close (a);
    close (b);
}

static void
test_disorder_is_counted (Fixture *fixture, const void *data)
{
    static const uint8_t sequence[] = { 1, 3, 2, 3, 5 };
    uint8_t voice[] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0x0f };
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);
    unsigned port = set_up_call (fixture, port_a, "0", port_b, "0");

    for (unsigned i = 0; i < G_N_ELEMENTS (sequence); i++) {
        voice[3] = sequence[i];
        send_to (a, port, voice, sizeof voice);
    }
    turn (fixture);
    Request *request = ask (fixture, TD_MEDIA_AUDIT, &fixture->a, NULL, NULL);
    g_assert_cmpuint (request->stats[0].size, ==, sizeof (TdMediaStats));
    g_assert_cmpuint (request->stats[0].packets_received, ==, 5);
    g_assert_cmpuint (request->stats[0].packets_duplicated, ==, 1);
    g_assert_cmpuint (request->stats[0].packets_reordered, ==, 1);
    g_assert_cmpuint (request->stats[0].packets_lost, ==, 1);
    close (a);
    close (b);
}

static void
test_call_that_is_transcoded (Fixture *fixture, const void *data)
{
    uint8_t voice[12 + 80] = { 0x80, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4 }, heard[256];
    uint8_t event[] = { 0x80, 97, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4, 1, 0, 0, 0 };
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);

    unsigned port = set_up_call (
        fixture, port_a, "96 97\na=rtpmap:96 one/8000\na=rtpmap:97 telephone-event/8000", port_b,
        "98 97\na=rtpmap:98 two/8000\na=rtpmap:97 telephone-event/8000\na=ptime:20");
    connect_both (fixture, TD_DIRECTION_SENDRECV);
    send_to (a, port, voice, sizeof voice); /* 10 ms: half a packet */
    turn (fixture);
    assert_hears (b, NULL, 0);
    send_to (a, port, event, sizeof event); /* between them, and of the same sequence */
    voice[3] = 3;
    voice[7] = 80;
    send_to (a, port, voice, sizeof voice);
    turn (fixture);
    g_assert_cmpint (recv (b, heard, sizeof heard, 0), ==, sizeof event);
    unsigned sequence = rtp_read_u16 (heard + 2);
    g_assert_cmpmem (heard + 12, 4, event + 12, 4);
    g_assert_cmpint (recv (b, heard, sizeof heard, 0), ==, 12 + 160);
    g_assert_cmpint (heard[1], ==, 0x80 | 98);
    g_assert_cmpuint (rtp_read_u16 (heard + 2), ==, (uint16_t) (sequence + 1));
    g_assert_cmpuint (rtp_read_u32 (heard + 4), ==, 0);
    g_assert_cmpmem (heard + 8, 4, voice + 8, 4);
    g_assert_cmpint (heard[12], ==, 1);
    close (a);
    close (b);
}

static void
bound (Fixture *fixture, unsigned n_transcodes)
{
    fixture->provider.transcodes = td_limit_new (NULL, "rtp.transcodes", n_transcodes, 0);
    fixture->provider.untranscoded =
        td_metric_declare (NULL, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                  .kind = TD_METRIC_COUNTER,
                                                  .name = "tandem_rtp_transcodes_refused_total",
                                                  .help = "Refused." });
}

/* PRI-078: the place that a call has is another one's when it needs it no more. */
static void
test_bounded_transcodes (Fixture *fixture, const void *data)
{
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);
    TdSeat other = { 0 };

    bound (fixture, 1);
    set_up_call (fixture, port_a, "96\na=rtpmap:96 one/8000", port_b, "98\na=rtpmap:98 two/8000");
    g_assert_cmpint (td_seat_take (&other, fixture->provider.transcodes, 4, false), ==,
                     TD_SEAT_GRANTED);
    g_assert_cmpuint (connect_both (fixture, TD_DIRECTION_SENDRECV)->cause, ==,
                      TD_CAUSE_RESOURCE_UNAVAILABLE);
    g_assert_cmpint (td_metric_value (fixture->provider.untranscoded), ==, 1);
    td_seat_give (&other);
    g_assert_cmpuint (connect_both (fixture, TD_DIRECTION_SENDRECV)->cause, ==, 0);
    g_assert_cmpuint (connect_both (fixture, TD_DIRECTION_SENDRECV)->cause, ==, 0);
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 1);
    connect_both (fixture, TD_DIRECTION_INACTIVE);
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 0);
    connect_both (fixture, TD_DIRECTION_SENDRECV);
    ask (fixture, TD_MEDIA_SUBTRACT, &fixture->a, NULL, NULL);
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 0);
    td_limit_retire (fixture->provider.transcodes);
    close (a);
    close (b);
}

static bool
ask_transcoder (Fixture *fixture, TdTranscoderWish wish, unsigned priority_class)
{
    Request *request = &fixture->request;

    request->request = (TdMediaRequest){ .verb = TD_MEDIA_MODIFY,
                                         .bridge = 77,
                                         .kind = TD_TERMINATION_IP,
                                         .state = &fixture->a,
                                         .priority_class = (uint8_t) priority_class,
                                         .transcoder = wish };
    request->n_answers = request->cause = 0;
    rtp_provider_request (&request->request, &fixture->provider);
    turn (fixture);
    g_assert_cmpuint (request->cause, ==, 0);
    return request->request.has_transcoder;
}

/* PRI-078: before it is known whether it will be needed, a call has its place, and with a priority one of
 * those that are reserved. */
static void
test_kept_transcode (Fixture *fixture, const void *data)
{
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);

    bound (fixture, 1);
    td_limit_reserve (fixture->provider.transcodes, TD_CLASS_ORDINARY + 1, 1);
    set_up_call (fixture, port_a, "0", port_b, "0");
    int64_t before = td_metric_value (fixture->provider.untranscoded);
    g_assert_false (ask_transcoder (fixture, TD_TRANSCODER_KEEP, TD_CLASS_ORDINARY));
    g_assert_cmpint (td_metric_value (fixture->provider.untranscoded), ==, before + 1);
    g_assert_true (ask_transcoder (fixture, TD_TRANSCODER_KEEP, TD_CLASS_ORDINARY + 1));
    connect_both (fixture, TD_DIRECTION_SENDRECV); /* early media that need none: the answer may */
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 1);
    ask_transcoder (fixture, TD_TRANSCODER_SPARE, TD_CLASS_ORDINARY + 1);
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 0);
    td_limit_retire (fixture->provider.transcodes);
    close (a);
    close (b);
}

static void
test_kept_transcode_is_used (Fixture *fixture, const void *data)
{
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);

    bound (fixture, 1);
    set_up_call (fixture, port_a, "96\na=rtpmap:96 one/8000", port_b, "98\na=rtpmap:98 two/8000");
    g_assert_true (ask_transcoder (fixture, TD_TRANSCODER_KEEP, TD_CLASS_ORDINARY));
    g_assert_cmpuint (connect_both (fixture, TD_DIRECTION_SENDRECV)->cause, ==, 0);
    ask_transcoder (fixture, TD_TRANSCODER_SPARE, TD_CLASS_ORDINARY);
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 1);
    g_assert_true (ask_transcoder (fixture, TD_TRANSCODER_KEEP, TD_CLASS_ORDINARY));
    ask (fixture, TD_MEDIA_SUBTRACT, &fixture->a, NULL, NULL);
    g_assert_cmpuint (td_limit_in_use (fixture->provider.transcodes), ==, 0);
    td_limit_retire (fixture->provider.transcodes);
    close (a);
    close (b);
}

static void
test_directions (Fixture *fixture, const void *data)
{
    uint8_t voice[] = { 0x80, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4, 0x0f };
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);
    unsigned port = set_up_call (fixture, port_a, "0", port_b, "0");

    connect_both (fixture, TD_DIRECTION_RECVONLY);
    send_to (a, port, voice, sizeof voice);
    turn (fixture);
    assert_hears (b, NULL, 0);
    connect_both (fixture, TD_DIRECTION_SENDONLY);
    send_to (a, port, voice, sizeof voice);
    turn (fixture);
    assert_hears (b, voice, sizeof voice);
    connect_both (fixture, TD_DIRECTION_INACTIVE);
    send_to (a, port, voice, sizeof voice);
    turn (fixture);
    assert_hears (b, NULL, 0);
    close (a);
    close (b);
}

static void
test_loop (Fixture *fixture, const void *data)
{
    uint8_t voice[] = { 0x80, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4, 0x0f }, heard[64];
    unsigned port_a;
    int a = bind_any ("127.0.0.1", &port_a);
    g_autofree char *sdp = g_strdup_printf (HEAD "m=audio %u RTP/AVP 0\n", port_a);

    Request *request = ask (fixture, TD_MEDIA_MODIFY, &fixture->a, sdp, sdp);
    unsigned port = request->local->streams[0].port;
    fixture->request.request = (TdMediaRequest){ .verb = TD_MEDIA_MODIFY,
                                                 .bridge = 77,
                                                 .kind = TD_TERMINATION_INTERNAL,
                                                 .service = "loop",
                                                 .state = &fixture->b };
    rtp_provider_request (&request->request, &fixture->provider);
    connect_both (fixture, TD_DIRECTION_SENDRECV);
    send_to (a, port, voice, sizeof voice);
    turn (fixture);
    g_assert_cmpint (recv (a, heard, sizeof heard, 0), ==, sizeof voice);
    g_assert_cmpmem (heard, 8, voice, 8);
    g_assert_cmpint (heard[12], ==, 0x0f);
    close (a);
}

static void
test_nothing_to_connect (Fixture *fixture, const void *data)
{
    Request *request = connect_both (fixture, TD_DIRECTION_SENDRECV);

    g_assert_cmpuint (request->cause, ==, TD_CAUSE_TEMPORARY_FAILURE);
}

static void
test_stopping_takes_nothing_new (Fixture *fixture, const void *data)
{
    Request *request =
        ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 0\n", NULL);

    rtp_engine_stop (fixture->provider.engine);
    /* The leg of a call that goes on is no new work. */
    ask (fixture, TD_MEDIA_MODIFY, &fixture->b, HEAD "m=audio 9 RTP/AVP 0\n", NULL);
    g_assert_cmpuint (request->cause, ==, 0);
    ask (fixture, TD_MEDIA_SUBTRACT, &fixture->a, NULL, NULL);
    ask (fixture, TD_MEDIA_SUBTRACT, &fixture->b, NULL, NULL);
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 0\n", NULL);
    g_assert_cmpuint (request->cause, ==, TD_CAUSE_TEMPORARY_FAILURE);
}

static void
test_peer_that_tells_a_name (Fixture *fixture, const void *data)
{
    uint8_t voice[] = { 0x80, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4, 0x0f };
    unsigned port_a, port_b;
    int a = bind_any ("127.0.0.1", &port_a), b = bind_any ("127.0.0.1", &port_b);
    unsigned port_towards_a = set_up_call (fixture, port_a, "0", port_b, "0");

    Request *request = ask (fixture, TD_MEDIA_MODIFY, &fixture->b, NULL,
                            HEAD "m=audio 4000 RTP/AVP 0\nc=IN IP4 phone.example.com\n");
    unsigned port_towards_b = request->local->streams[0].port;
    connect_both (fixture, TD_DIRECTION_SENDRECV);
    send_to (b, port_towards_b, voice, sizeof voice);
    turn (fixture);
    assert_hears (a, voice, sizeof voice);
    send_to (a, port_towards_a, voice, sizeof voice);
    turn (fixture);
    assert_hears (b, voice, sizeof voice);
    close (a);
    close (b);
}

/* --- What is played ---------------------------------------------------------------------- */

void
td_module_use (TdModule *module)
{
}

void
td_module_unuse (TdModule *module)
{
}

static unsigned
read_sound (const TdSource *source, uint64_t position, int16_t *samples, unsigned n_samples)
{
    memset (samples, 0, n_samples * sizeof *samples);
    return n_samples;
}

static void
ignore_source (TdSource *source)
{
}

static TdSource *
open_sound (const char *name, const char **ret_why, void *data)
{
    static TdSource sound = { .size = sizeof sound,
                              .n_samples = TD_SOURCE_ENDLESS,
                              .read = read_sound,
                              .ref = ignore_source,
                              .unref = ignore_source };

    return &sound;
}

/* A hears sound, at ADDRESS, as far as ATTRIBUTE lets it. Returns how many packets it got. */
static unsigned
play_to_peer (Fixture *fixture, const char *address, const char *attribute)
{
    static const TdSourceService service = { .size = sizeof service, .open = open_sound };
    unsigned port_a, n = 0;
    uint8_t heard[256];
    int a = bind_any ("127.0.0.1", &port_a);
    g_autofree char *remote = g_strdup_printf (HEAD "m=audio %u RTP/AVP 96\nc=IN IP4 %s\n"
                                                    "a=rtpmap:96 one/8000\n%s",
                                               port_a, address, attribute);

    atomic_store (&fixture->provider.sources, &service);
    ask (fixture, TD_MEDIA_MODIFY, &fixture->a, HEAD "m=audio 9 RTP/AVP 96\na=rtpmap:96 one/8000\n",
         remote);
    fixture->request.request = (TdMediaRequest){ .verb = TD_MEDIA_MODIFY,
                                                 .bridge = 77,
                                                 .kind = TD_TERMINATION_INTERNAL,
                                                 .service = "source/any",
                                                 .state = &fixture->b };
    rtp_provider_request (&fixture->request.request, &fixture->provider);
    g_assert_cmpuint (connect_both (fixture, TD_DIRECTION_SENDRECV)->cause, ==, 0);
    while (recv (a, heard, sizeof heard, 0) > 0) {
        n++;
    }
    close (a);
    return n;
}

static void
test_sound (Fixture *fixture, const void *data)
{
    g_assert_cmpuint (play_to_peer (fixture, "127.0.0.1", ""), ==, 1);
}

/* RFC 3264 5.1: a peer that only sends, or does nothing, wants no media. */
static void
test_no_sound_for_a_peer_that_sends (Fixture *fixture, const void *data)
{
    g_assert_cmpuint (play_to_peer (fixture, "127.0.0.1", "a=sendonly\n"), ==, 0);
}

static void
test_no_sound_for_an_inactive_peer (Fixture *fixture, const void *data)
{
    g_assert_cmpuint (play_to_peer (fixture, "127.0.0.1", "a=inactive\n"), ==, 0);
}

/* RFC 3264 8.4: the old way to hold, which the kernel would take for this machine. */
static void
test_no_sound_for_no_address (Fixture *fixture, const void *data)
{
    g_assert_cmpuint (play_to_peer (fixture, "0.0.0.0", ""), ==, 0);
}

#define ADD(path, function)                                                                        \
    g_test_add ("/rtp/termination/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("offer", test_offer_has_our_ports);
    ADD ("ports-stay", test_ports_stay);
    ADD ("refused-stream", test_refused_stream_gives_its_ports_back);
    ADD ("ipv6", test_ipv6_for_ipv6);
    ADD ("one-port", test_one_port_where_it_is_offered);
    ADD ("no-ports-left", test_no_ports_left);
    ADD ("call", test_call_with_other_numbers_and_codec);
    ADD ("disorder", test_disorder_is_counted);
    ADD ("transcoded", test_call_that_is_transcoded);
    ADD ("bounded-transcodes", test_bounded_transcodes);
    ADD ("kept-transcode", test_kept_transcode);
    ADD ("kept-transcode-is-used", test_kept_transcode_is_used);
    ADD ("directions", test_directions);
    ADD ("loop", test_loop);
    ADD ("nothing-to-connect", test_nothing_to_connect);
    ADD ("stopping", test_stopping_takes_nothing_new);
    ADD ("name", test_peer_that_tells_a_name);
    ADD ("sound", test_sound);
    ADD ("sound-sendonly", test_no_sound_for_a_peer_that_sends);
    ADD ("sound-inactive", test_no_sound_for_an_inactive_peer);
    ADD ("sound-nowhere", test_no_sound_for_no_address);
    return g_test_run ();
}
