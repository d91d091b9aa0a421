/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets go from peer to peer and nowhere else. */

#include "phones.h"
#include "starter.h"

#include <fcntl.h>
#include <sys/resource.h>

static void
test_both_ways (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    uint8_t packet[256];

    size_t n_bytes = talk (&pair.a, pair.to_a, 0, packet);
    turn (fixture);
    assert_hears (pair.b.rtp, packet, n_bytes);
    assert_hears_nothing (pair.a.rtp);
    n_bytes = talk (&pair.b, pair.to_b, 8, packet);
    turn (fixture);
    assert_hears (pair.a.rtp, packet, n_bytes);
    assert_hears_nothing (pair.b.rtp);
    RtpView seen = view (fixture, pair.to_a);
    g_assert_cmpuint (seen.received.packets, ==, 1);
    g_assert_cmpuint (seen.received.bytes, ==, 172);
    g_assert_cmpuint (seen.packets_sent, ==, 1);
    g_assert_cmpuint (seen.bytes_sent, ==, 172);
    g_assert_cmpint (seen.last_received_us, ==, clock_us);
    close_pair (fixture, &pair);
}

static void
test_peer_behind_a_translator (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    Peer outside = open_peer ("127.0.0.1");
    uint8_t packet[256];

    /* A speaks from another port than it said, and is answered there. */
    talk (&outside, pair.to_a, 0, packet);
    size_t n_bytes = talk (&pair.b, pair.to_b, 0, packet);
    turn (fixture);
    assert_hears (outside.rtp, packet, n_bytes);
    assert_hears_nothing (pair.a.rtp);
    close_peer (&outside);
    close_pair (fixture, &pair);
}

static void
test_strangers_are_ignored (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    Peer stranger = open_peer ("127.0.0.1");
    uint8_t packet[256];

    for (unsigned i = 0; i < 3; i++) {
        size_t n_bytes = talk (&pair.a, pair.to_a, 0, packet);
        turn (fixture);
        assert_hears (pair.b.rtp, packet, n_bytes);
    }
    clock_us += 10000000;
    size_t n_bytes = make_packet (packet, 0, 1, 160);
    packet[8] ^= 1; /* another SSRC */
    send_to (stranger.rtp, pair.to_a, 0, packet, n_bytes);
    send_to (stranger.rtcp, pair.to_a, 1, packet, n_bytes);
    turn (fixture);
    assert_hears_nothing (pair.b.rtp);
    assert_hears_nothing (pair.b.rtcp);
    RtpView seen = view (fixture, pair.to_a);
    g_assert_cmpuint (seen.packets_ignored, ==, 1);
    g_assert_cmpuint (seen.packets_bad, ==, 1);
    g_assert_cmpuint (seen.received.packets, ==, 3);
    close_peer (&stranger);
    close_pair (fixture, &pair);
}

static void
test_what_is_no_rtp_is_dropped (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    uint8_t packet[RTP_PACKET_BYTES + 1];

    make_packet (packet, 0, 1, sizeof packet - RTP_HEADER_BYTES);
    send_to (pair.a.rtp, pair.to_a, 0, packet, sizeof packet);
    send_to (pair.a.rtp, pair.to_a, 0, packet, 11);
    send_to (pair.a.rtp, pair.to_a, 0, packet, 0);
    packet[0] = 0x40;
    send_to (pair.a.rtp, pair.to_a, 0, packet, 172);
    turn (fixture);
    assert_hears_nothing (pair.b.rtp);
    g_assert_cmpuint (view (fixture, pair.to_a).packets_bad, ==, 4);
    packet[0] = 0x80;
    send_to (pair.a.rtp, pair.to_a, 0, packet, RTP_PACKET_BYTES);
    turn (fixture);
    assert_hears (pair.b.rtp, packet, RTP_PACKET_BYTES);
    close_pair (fixture, &pair);
}

/* A receiver report with nothing in it. */
static const uint8_t report[] = { 0x80, 201, 0, 1, 0x11, 0x22, 0x33, 0x44 };

static void
test_rtcp_beside_rtp (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);

    send_to (pair.a.rtcp, pair.to_a, 1, report, sizeof report);
    turn (fixture);
    assert_hears (pair.b.rtcp, report, sizeof report);
    assert_hears_nothing (pair.b.rtp);
    g_assert_cmpuint (view (fixture, pair.to_a).received.packets, ==, 0);
    close_pair (fixture, &pair);
}

static void
test_rtcp_between_one_port_and_two (Fixture *fixture, const void *data)
{
    Peer a = open_peer ("127.0.0.1"), b = open_peer ("127.0.0.1");
    RtpStream *to_a = open_stream (fixture, "127.0.0.1", RTP_STREAM_MUX, 1);
    RtpStream *to_b = open_stream (fixture, "127.0.0.1", RTP_STREAM_PAIR, 2);

    agree (to_a, &a, NULL);
    agree (to_b, &b, NULL);
    rtp_stream_connect (to_a, to_b, NULL, 0);
    rtp_stream_connect (to_b, to_a, NULL, 0);
    turn (fixture);
    send_to (a.rtp, to_a, 0, report, sizeof report);
    turn (fixture);
    assert_hears (b.rtcp, report, sizeof report);
    send_to (b.rtcp, to_b, 1, report, sizeof report);
    turn (fixture);
    assert_hears (a.rtp, report, sizeof report);
    close_streams (fixture, to_a, to_b);
    close_peer (&a);
    close_peer (&b);
}

static void
test_rules (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    uint8_t table[256], packet[256];
    RtpRule rules[] = { { .type_in = 97, .type_out = 101 },
                        { .type_in = 13, .is_dropped = true },
                        { .type_in = 0, .type_out = 8, .table = table } };

    for (unsigned i = 0; i < 256; i++) {
        table[i] = (uint8_t) (255 - i);
    }
    rtp_stream_connect (pair.to_a, pair.to_b, rules, G_N_ELEMENTS (rules));
    talk (&pair.a, pair.to_a, 0x80 | 97, packet); /* with its marker */
    turn (fixture);
    packet[1] = 0x80 | 101;
    assert_hears (pair.b.rtp, packet, 172);
    talk (&pair.a, pair.to_a, 13, packet);
    turn (fixture);
    assert_hears_nothing (pair.b.rtp);
    talk (&pair.a, pair.to_a, 0, packet);
    turn (fixture);
    packet[1] = 8;
    memset (packet + RTP_HEADER_BYTES, 255 - 0x5a, 160);
    assert_hears (pair.b.rtp, packet, 172);
    talk (&pair.a, pair.to_a, 18, packet); /* no rule: as it is */
    turn (fixture);
    assert_hears (pair.b.rtp, packet, 172);
    close_pair (fixture, &pair);
}

static void
test_only_payload_is_translated (Fixture *fixture, const void *data)
{
    /* A contributing source, an extension of one word, 4 bytes of payload, 3 of padding. */
    uint8_t packet[] = { 0xb1, 0, 0, 1, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, /* head */
                         9,    9, 9, 9, 1, 1, 0, 1, 5,    5,    5,    5,    /* before */
                         7,    7, 7, 7, 0, 0, 3 };
    uint8_t table[256];
    RtpRule rule = { .type_in = 0, .type_out = 8, .table = table };
    Pair pair = connect_pair (fixture);

    memset (table, 0xee, sizeof table);
    rtp_stream_connect (pair.to_a, pair.to_b, &rule, 1);
    send_to (pair.a.rtp, pair.to_a, 0, packet, sizeof packet);
    turn (fixture);
    packet[1] = 8;
    memset (packet + 24, 0xee, 4);
    assert_hears (pair.b.rtp, packet, sizeof packet);
    /* An extension and a padding longer than the packet leave no payload. */
    packet[1] = 0;
    packet[19] = 200;
    packet[sizeof packet - 1] = 255;
    send_to (pair.a.rtp, pair.to_a, 0, packet, sizeof packet);
    turn (fixture);
    packet[1] = 8;
    assert_hears (pair.b.rtp, packet, sizeof packet);
    close_pair (fixture, &pair);
}

static void
test_loop (Fixture *fixture, const void *data)
{
    Peer a = open_peer ("127.0.0.1");
    RtpStream *to_a = open_stream (fixture, "127.0.0.1", RTP_STREAM_PAIR, 1);
    uint8_t packet[256], heard[256];

    agree (to_a, &a, NULL);
    rtp_stream_connect (to_a, to_a, NULL, 0);
    turn (fixture);
    talk (&a, to_a, 0, packet);
    send_to (a.rtcp, to_a, 1, report, sizeof report);
    turn (fixture);
    g_assert_cmpint (recv (a.rtp, heard, sizeof heard, MSG_DONTWAIT), ==, 172);
    g_assert_cmpint (memcmp (heard + 8, packet + 8, 4), !=, 0);
    memcpy (heard + 8, packet + 8, 4);
    g_assert_cmpmem (heard, 172, packet, 172);
    assert_hears_nothing (a.rtcp);
    close_streams (fixture, to_a, NULL);
    close_peer (&a);
}

static void
test_disconnected (Fixture *fixture, const void *data)
{
    Pair pair = connect_pair (fixture);
    uint8_t packet[256];

    rtp_stream_disconnect (pair.to_a, pair.to_b);
    rtp_stream_disconnect (pair.to_a, pair.to_b);
    talk (&pair.a, pair.to_a, 0, packet);
    turn (fixture);
    assert_hears_nothing (pair.b.rtp);
    size_t n_bytes = talk (&pair.b, pair.to_b, 0, packet);
    turn (fixture);
    assert_hears (pair.a.rtp, packet, n_bytes);
    /* What is connected with a stream that closes goes on without it. */
    close_streams (fixture, pair.to_a, NULL);
    talk (&pair.b, pair.to_b, 0, packet);
    turn (fixture);
    close_streams (fixture, pair.to_b, NULL);
    close_peer (&pair.a);
    close_peer (&pair.b);
}

static void
test_codec_is_named (Fixture *fixture, const void *data)
{
    g_autoptr (TdDescription) local = read_sdp ("0 8 9 97\na=rtpmap:97 opus/48000/2");
    Pair pair = connect_pair (fixture);
    uint8_t packet[256];

    g_assert_cmpstr (view (fixture, pair.to_a).codec, ==, "");
    agree (pair.to_a, &pair.a, local);
    talk (&pair.a, pair.to_a, 97, packet);
    turn (fixture);
    g_assert_cmpstr (view (fixture, pair.to_a).codec, ==, "opus/48000");
    talk (&pair.a, pair.to_a, 8, packet);
    turn (fixture);
    g_assert_cmpstr (view (fixture, pair.to_a).codec, ==, "PCMA/8000");
    g_assert_cmpuint (view (fixture, pair.to_a).payload_type, ==, 8);
    close_pair (fixture, &pair);
}

static void
test_flood_is_carried_whole (Fixture *fixture, const void *data)
{
    enum { N = 700 };
    Pair pair = connect_pair (fixture);
    uint8_t packet[256], heard[256];
    int room = 8 << 20;
    unsigned n_heard = 0;

    /* Loopback is allowed to lose what does not fit into a socket. */
    setsockopt (pair.to_a->rtp.fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    setsockopt (pair.b.rtp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    socklen_t len_bytes = sizeof room;
    getsockopt (pair.to_a->rtp.fd, SOL_SOCKET, SO_RCVBUF, &room, &len_bytes);
    unsigned n_sent = room > (2 << 20) ? N : 100; /* only root gets as much as it asks for */
    for (unsigned i = 0; i < n_sent; i++) {
        talk (&pair.a, pair.to_a, 0, packet);
    }
    for (unsigned i = 0; i < 4; i++) { /* one turn takes 256 of a socket */
        turn (fixture);
    }
    while (recv (pair.b.rtp, heard, sizeof heard, MSG_DONTWAIT) > 0) {
        n_heard++;
    }
    g_assert_cmpuint (n_heard, ==, n_sent);
    RtpView seen = view (fixture, pair.to_a);
    g_assert_cmpuint (rtp_stats_lost (&seen.received), ==, 0);
    close_pair (fixture, &pair);
}

static void
test_fax_passes_untouched (Fixture *fixture, const void *data)
{
    static const uint8_t datagram[] = { 0, 1, 2 };
    Peer a = open_peer ("127.0.0.1"), b = open_peer ("127.0.0.1"),
         stranger = open_peer ("127.0.0.1");
    RtpStream *to_a = open_stream (fixture, "127.0.0.1", RTP_STREAM_OPAQUE, 1);
    RtpStream *to_b = open_stream (fixture, "127.0.0.1", RTP_STREAM_OPAQUE, 2);

    agree (to_a, &a, NULL);
    agree (to_b, &b, NULL);
    rtp_stream_connect (to_a, to_b, NULL, 0);
    send_to (a.rtp, to_a, 0, datagram, sizeof datagram);
    send_to (stranger.rtp, to_a, 0, datagram, 1);
    turn (fixture);
    assert_hears (b.rtp, datagram, sizeof datagram);
    assert_hears_nothing (b.rtp);
    RtpView seen = view (fixture, to_a);
    g_assert_cmpuint (seen.received.packets, ==, 1);
    g_assert_cmpuint (seen.packets_ignored, ==, 1);
    close_streams (fixture, to_a, to_b);
    close_peer (&a);
    close_peer (&b);
    close_peer (&stranger);
}

static void
test_ipv6_to_ipv4 (Fixture *fixture, const void *data)
{
    Peer a = open_peer ("::1"), b = open_peer ("127.0.0.1");
    RtpStream *to_a = open_stream (fixture, "::1", RTP_STREAM_PAIR, 1);
    RtpStream *to_b = open_stream (fixture, "127.0.0.1", RTP_STREAM_PAIR, 2);
    uint8_t packet[256];

    agree (to_a, &a, NULL);
    agree (to_b, &b, NULL);
    rtp_stream_connect (to_a, to_b, NULL, 0);
    rtp_stream_connect (to_b, to_a, NULL, 0);
    turn (fixture);
    size_t n_bytes = talk (&a, to_a, 0, packet);
    turn (fixture);
    assert_hears (b.rtp, packet, n_bytes);
    n_bytes = talk (&b, to_b, 0, packet);
    turn (fixture);
    assert_hears (a.rtp, packet, n_bytes);
    close_streams (fixture, to_a, to_b);
    close_peer (&a);
    close_peer (&b);
}

static void
test_port_of_somebody_else (void)
{
    g_autoptr (GString) events = g_string_new (NULL);
    g_autoptr (GError) error = NULL;
    RtpEngineSetup setup = make_setup (events);
    TdAddress host;

    /* One pair, and one of its ports is taken. */
    int other = bind_any ("127.0.0.1");
    TdAddress address = name_of (other);
    unsigned port = td_address_port (&address);
    setup.settings.range.first = port - port % 2;
    setup.settings.range.last = setup.settings.range.first + 1;
    RtpEngine *engine = rtp_engine_new (&setup, &error);
    g_assert_no_error (error);
    td_address_parse ("127.0.0.1", 0, &host);
    g_assert_null (
        rtp_stream_open (engine, 1, &host, RTP_STREAM_PAIR, TD_CLASS_ORDINARY, NULL, &error));
    g_assert_nonnull (strstr (error->message, "no media port is free"));
    g_assert_cmpuint (rtp_engine_ports_in_use (engine), ==, 0);
    close (other);
    rtp_engine_free (engine);
}

static void
test_address_of_somebody_else (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    TdAddress host;

    td_address_parse ("192.0.2.1", 0, &host);
    g_assert_null (rtp_stream_open (fixture->engine, 1, &host, RTP_STREAM_PAIR, TD_CLASS_ORDINARY,
                                    NULL, &error));
    g_assert_nonnull (strstr (error->message, "192.0.2.1"));
    g_assert_nonnull (strstr (error->message, "one of this machine"));
}

static void
test_no_descriptors (Fixture *fixture, const void *data)
{
    g_autoptr (GError) error = NULL;
    struct rlimit limit, low;
    TdAddress host;

    /* Room for one socket more, where a pair needs two. */
    int next = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    close (next);
    getrlimit (RLIMIT_NOFILE, &limit);
    low = (struct rlimit){ .rlim_cur = (rlim_t) next + 1, .rlim_max = limit.rlim_max };
    g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &low), ==, 0);
    td_address_parse ("127.0.0.1", 0, &host);
    g_assert_null (rtp_stream_open (fixture->engine, 1, &host, RTP_STREAM_PAIR, TD_CLASS_ORDINARY,
                                    NULL, &error));
    setrlimit (RLIMIT_NOFILE, &limit);
    g_assert_cmpint (error->code, ==, EMFILE);
    g_assert_nonnull (strstr (error->message, "LimitNOFILE"));
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture->engine), ==, 0);
}

static void
test_threads (void)
{
    g_autoptr (GError) error = NULL;
    RtpEngineSetup setup = make_setup (NULL);
    Fixture fixture = { 0 };
    uint8_t packet[256], heard[256];

    setup.n_threads = 2;
    setup.settings.batch_us = 1000;
    setup.now_us = NULL;
    setup.event = ignore_event;
    setup.start = start;
    fixture.engine = rtp_engine_new (&setup, &error);
    g_assert_no_error (error);
    g_assert_true (rtp_engine_start (fixture.engine, &error));
    Peer a = open_peer ("127.0.0.1"), b = open_peer ("127.0.0.1");
    RtpStream *streams[] = { open_stream (&fixture, "127.0.0.1", RTP_STREAM_PAIR, 1),
                             open_stream (&fixture, "127.0.0.1", RTP_STREAM_PAIR, 2) };
    agree (streams[0], &a, NULL);
    agree (streams[1], &b, NULL);
    rtp_stream_connect (streams[0], streams[1], NULL, 0);
    for (unsigned i = 0; i < 200; i++) {
        talk (&a, streams[0], 0, packet);
        /* Waits: the receiver's time limit is ten seconds. */
        g_assert_cmpint (recv (b.rtp, heard, sizeof heard, 0), ==, 172);
        g_assert_cmpmem (heard, 172, packet, 172);
    }
    /* Threads end when the last client is gone, not before. */
    g_assert_true (rtp_engine_enter (fixture.engine));
    rtp_engine_stop (fixture.engine);
    talk (&a, streams[0], 0, packet);
    g_assert_cmpint (recv (b.rtp, heard, sizeof heard, 0), ==, 172);
    RtpView views[2];
    rtp_streams_view (streams, 2, true, keep_view, views);
    rtp_engine_leave (fixture.engine);
    g_assert_false (rtp_engine_enter (fixture.engine));
    join_starters ();
    g_assert_cmpuint (views[0].received.packets, ==, 201);
    g_assert_cmpuint (views[1].packets_sent, ==, 201);
    rtp_engine_free (fixture.engine);
    close_peer (&a);
    close_peer (&b);
}

static bool
hold_back (const char *name, RtpThreadRun run, void *thread, void *data, GError **error)
{
    *(Starter *) data = (Starter){ .run = run, .data = thread };
    return true;
}

/* A thread that first runs when the engine has been stopped already. */
static void
test_a_late_thread_leaves_nothing (void)
{
    g_autoptr (GError) error = NULL;
    RtpEngineSetup setup = make_setup (NULL);
    Starter starter = { 0 };
    Fixture fixture = { 0 };

    setup.start = hold_back;
    setup.data = &starter;
    fixture.engine = rtp_engine_new (&setup, &error);
    g_assert_no_error (error);
    g_assert_true (rtp_engine_start (fixture.engine, &error));
    RtpStream *stream = open_stream (&fixture, "127.0.0.1", RTP_STREAM_PAIR, 1);
    rtp_streams_view (&stream, 1, true, keep_view, NULL);
    rtp_engine_stop (fixture.engine);
    starter.run (starter.data);
    g_assert_cmpuint (rtp_engine_ports_in_use (fixture.engine), ==, 0);
    rtp_engine_free (fixture.engine);
}

#define ADD(path, function)                                                                        \
    g_test_add ("/rtp/relay/" path, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    ADD ("both-ways", test_both_ways);
    ADD ("translator", test_peer_behind_a_translator);
    ADD ("strangers", test_strangers_are_ignored);
    ADD ("no-rtp", test_what_is_no_rtp_is_dropped);
    ADD ("rtcp", test_rtcp_beside_rtp);
    ADD ("rtcp-one-port-and-two", test_rtcp_between_one_port_and_two);
    ADD ("rules", test_rules);
    ADD ("payload-only", test_only_payload_is_translated);
    ADD ("loop", test_loop);
    ADD ("disconnected", test_disconnected);
    ADD ("codec", test_codec_is_named);
    ADD ("flood", test_flood_is_carried_whole);
    ADD ("fax", test_fax_passes_untouched);
    ADD ("ipv6-to-ipv4", test_ipv6_to_ipv4);
    ADD ("no-descriptors", test_no_descriptors);
    ADD ("other-address", test_address_of_somebody_else);
    g_test_add_func ("/rtp/relay/other-program", test_port_of_somebody_else);
    g_test_add_func ("/rtp/relay/threads", test_threads);
    g_test_add_func ("/rtp/relay/late-thread", test_a_late_thread_leaves_nothing);
    return g_test_run ();
}
