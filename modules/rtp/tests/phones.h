/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Phones, and streams between them. The thread's turns are stepped by hand, on a clock that is moved by hand. */

#ifndef RTP_TESTS_PHONES_H
#define RTP_TESTS_PHONES_H

#include "stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    RtpEngine *engine;
    GString *events; /* "1:flowing:0 2:digit:53 " */
} Fixture;

/* A phone: two sockets. */
typedef struct {
    int rtp, rtcp;
    uint16_t sequence;
} Peer;

static int64_t clock_us;

static inline int64_t
read_clock (void)
{
    return clock_us;
}

static inline void
record_event (void *owner, TdMediaEventKind kind, int64_t value, void *data)
{
    static const char *const names[] = { "silence", "flowing", "digit", "broken" };

    g_string_append_printf (data, "%d:%s:%d ", GPOINTER_TO_INT (owner), names[kind], (int) value);
}

/* Ports above those the kernel gives away, and far from those that tests which run beside will bind. */
static inline RtpEngineSetup
make_setup (GString *events)
{
    return (RtpEngineSetup){ .n_threads = 1,
                             .settings.silence_ms = 5000,
                             .settings.lock_after = 3,
                             .settings.range.first = 61000,
                             .settings.range.last = 65534,
                             .event = record_event,
                             .data = events,
                             .now_us = read_clock };
}

static inline void
set_up (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;

    clock_us = 1000000;
    fixture->events = g_string_new (NULL);
    RtpEngineSetup setup = make_setup (fixture->events);
    fixture->engine = rtp_engine_new (&setup, &error);
    g_assert_no_error (error);
}

static inline void
free_command (RtpThread *thread, RtpCommand *command)
{
    g_free (command);
}

/* A turn that does not wait: a command that does nothing comes with it. */
static inline void
turn (Fixture *fixture)
{
    RtpCommand *command = g_new0 (RtpCommand, 1);

    command->run = free_command;
    rtp_thread_post (fixture->engine->threads[0], command);
    rtp_thread_turn (fixture->engine->threads[0]);
}

static inline void
keep_view (const RtpView *views, unsigned n_views, void *data)
{
    if (data != NULL) {
        memcpy (data, views, n_views * sizeof *views);
    }
}

static inline RtpView
view (Fixture *fixture, RtpStream *stream)
{
    RtpView result;

    rtp_streams_view (&stream, 1, false, keep_view, &result);
    turn (fixture);
    return result;
}

static inline void
close_streams (Fixture *fixture, RtpStream *a, RtpStream *b)
{
    RtpStream *streams[] = { a, b };

    rtp_streams_view (streams, b != NULL ? 2 : 1, true, keep_view, NULL);
    turn (fixture);
}

static inline void
tear_down (Fixture *fixture, const void *data)
{
    g_assert_cmpuint (fixture->engine->threads[0]->n_streams, ==, 0);
    g_assert_cmpuint (fixture->engine->threads[0]->n_awaited, ==, 0);
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture->engine), ==, 0);
    rtp_engine_free (fixture->engine);
    g_string_free (fixture->events, TRUE);
}

static inline int
bind_any (const char *host)
{
    TdAddress address;
    struct timeval limit = { .tv_sec = 10 };

    g_assert_true (td_address_parse (host, 0, &address));
    int fd = socket (address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint (fd, >=, 0);
    setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    g_assert_cmpint (bind (fd, &address.any, td_address_len_bytes (&address)), ==, 0);
    return fd;
}

static inline TdAddress
name_of (int fd)
{
    TdAddress address;
    socklen_t len_bytes = sizeof address;

    g_assert_cmpint (getsockname (fd, &address.any, &len_bytes), ==, 0);
    return address;
}

static inline Peer
open_peer (const char *host)
{
    return (Peer){ .rtp = bind_any (host), .rtcp = bind_any (host), .sequence = 1 };
}

static inline void
close_peer (Peer *peer)
{
    close (peer->rtp);
    close (peer->rtcp);
}

static inline RtpStream *
open_stream (Fixture *fixture, const char *host, RtpStreamKind kind, int owner)
{
    TdAddress address;
    g_autoptr (GError) error = NULL;

    g_assert_true (td_address_parse (host, 0, &address));
    RtpStream *stream = rtp_stream_open (fixture->engine, 1, &address, kind, TD_CLASS_ORDINARY,
                                         GINT_TO_POINTER (owner), &error);
    g_assert_no_error (error);
    return stream;
}

static inline void
agree (RtpStream *stream, const Peer *peer, TdDescription *local)
{
    RtpAgreement agreement = { .local = local,
                               .remote = name_of (peer->rtp),
                               .remote_rtcp = name_of (peer->rtcp),
                               .is_awaited = true };

    rtp_stream_agree (stream, &agreement);
}

static inline TdDescription *
read_sdp (const char *formats)
{
    g_autofree char *text =
        g_strconcat ("v=0\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP ", formats, "\n", NULL);
    TdDescription *description = td_description_from_sdp (text, strlen (text), NULL);

    g_assert_nonnull (description);
    return description;
}

static inline void
send_to (int fd, const RtpStream *stream, unsigned offset, const void *bytes, size_t n_bytes)
{
    TdAddress address = name_of (fd), target;

    g_assert_true (
        td_address_parse (address.any.sa_family == AF_INET ? "127.0.0.1" : "::1", 0, &target));
    td_address_set_port (&target, (uint16_t) (rtp_stream_port (stream) + offset));
    g_assert_cmpint (sendto (fd, bytes, n_bytes, 0, &target.any, td_address_len_bytes (&target)),
                     ==, (int) n_bytes);
}

/* 12 bytes of head and N_PAYLOAD of payload. */
static inline size_t
make_packet (uint8_t *packet, uint8_t payload_type, uint16_t sequence, size_t n_payload)
{
    memset (packet, 0x5a, RTP_HEADER_BYTES + n_payload);
    packet[0] = 0x80;
    packet[1] = payload_type;
    packet[2] = (uint8_t) (sequence >> 8);
    packet[3] = (uint8_t) sequence;
    packet[6] = (uint8_t) (sequence * 160 >> 8);
    packet[7] = (uint8_t) (sequence * 160);
    packet[8] = 0x11, packet[9] = 0x22, packet[10] = 0x33, packet[11] = 0x44;
    return RTP_HEADER_BYTES + n_payload;
}

static inline size_t
talk (Peer *peer, const RtpStream *stream, uint8_t payload_type, uint8_t *packet)
{
    size_t n_bytes = make_packet (packet, payload_type, peer->sequence++, 160);

    send_to (peer->rtp, stream, 0, packet, n_bytes);
    return n_bytes;
}

static inline void
assert_hears (int fd, const void *bytes, size_t n_bytes)
{
    uint8_t heard[RTP_PACKET_BYTES];

    ssize_t n = recv (fd, heard, sizeof heard, MSG_DONTWAIT);
    g_assert_cmpmem (heard, n, bytes, n_bytes);
}

static inline void
assert_hears_nothing (int fd)
{
    uint8_t heard[RTP_PACKET_BYTES];

    g_assert_cmpint (recv (fd, heard, sizeof heard, MSG_DONTWAIT), ==, -1);
    g_assert_cmpint (errno, ==, EAGAIN);
}

/* Two phones in conversation. */
typedef struct {
    Peer a, b;
    RtpStream *to_a, *to_b;
} Pair;

static inline Pair
connect_pair (Fixture *fixture)
{
    Pair pair = { open_peer ("127.0.0.1"), open_peer ("127.0.0.1"),
                  open_stream (fixture, "127.0.0.1", RTP_STREAM_PAIR, 1),
                  open_stream (fixture, "127.0.0.1", RTP_STREAM_PAIR, 2) };

    agree (pair.to_a, &pair.a, NULL);
    agree (pair.to_b, &pair.b, NULL);
    rtp_stream_connect (pair.to_a, pair.to_b, NULL, 0);
    rtp_stream_connect (pair.to_b, pair.to_a, NULL, 0);
    turn (fixture);
    return pair;
}

static inline void
close_pair (Fixture *fixture, Pair *pair)
{
    close_streams (fixture, pair->to_a, pair->to_b);
    close_peer (&pair->a);
    close_peer (&pair->b);
}

#endif
