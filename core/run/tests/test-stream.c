/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stream listeners: messages whole and in order, whatever the peer does to the connection. */

#include "stream-guest.h"

#include <errno.h>
#include <unistd.h>

static void
test_messages_are_cut_and_answered (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.echo = "yes;";
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;two;thr");
    until_done (&fixture, 2);
    peer_says (peer, "ee;four;");
    until_done (&fixture, 4);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; 0:two; 0:three; 0:four; ");
    assert_peer_gets (peer, "yes;yes;yes;yes;");
    close (peer);
    until_done (&fixture, 5);
    g_assert_cmpuint (fixture.n_closed, ==, 1);
    fixture_close (&fixture);
}

static void
test_bytes_one_by_one (void)
{
    static const char text[] = "ab;c;;#0012;-----;d;";
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    for (const char *c = text; *c != '\0'; c++) {
        g_assert_cmpint (send (peer, c, 1, 0), ==, 1);
        td_lanes_settle ();
    }
    until_done (&fixture, 5);
    g_assert_cmpstr (fixture.news->str, ==, "0:ab; 0:c; 0:; 0:#0012;---- 0:d; ");
    close (peer);
    fixture_close (&fixture);
}

static void
test_delivered_on_the_lane_it_is_sorted_to (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.sorting.lane = 1;
    fixture.echo = "from afar;";
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;two;");
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "1:one; 1:two; ");
    assert_peer_gets (peer, "from afar;from afar;");
    close (peer);
    fixture_close (&fixture);
}

/* Sends FILLER bytes and a semicolon, stepping meanwhile. */
static void
peer_sends_much (Fixture *fixture, int peer, size_t n_filler)
{
    g_autofree char *bytes = g_malloc (n_filler + 1);
    size_t n_sent = 0;

    memset (bytes, 'a', n_filler);
    bytes[n_filler] = ';';
    while (n_sent <= n_filler && fixture->n_closed == 0) {
        ssize_t n = send (peer, bytes + n_sent, n_filler + 1 - n_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        n_sent += (size_t) MAX (n, 0);
        td_lanes_settle ();
    }
}

static void
test_longest_message_passes (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_sends_much (&fixture, peer, MAX_BYTES - 1);
    peer_sends_much (&fixture, peer, MAX_BYTES - 1);
    until_done (&fixture, 2);
    g_assert_cmpuint (fixture.n_delivered, ==, 2);
    g_assert_cmpuint (fixture.len_bytes, ==, MAX_BYTES);
    close (peer);
    fixture_close (&fixture);
}

static void
test_longer_message_ends_the_flow (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_sends_much (&fixture, peer, MAX_BYTES);
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "x ");
    assert_peer_sees_end (peer);
    fixture_close (&fixture);
}

/* The length is known to be too much before the message is there. */
static void
test_announced_length_ends_the_flow (void)
{
    Fixture fixture;
    g_autoptr (GError) error = NULL;

    fixture_open (&fixture);
    td_listener_close (fixture.listener);
    TdListenerDecl decl = decl_of (&fixture, "127.0.0.1:0");
    decl.max_message_bytes = 20;
    fixture.listener =
        td_listener_open ((TdModule *) &fixture.module, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "#0020;__________1234#0021;_");
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:#0020;____ x ");
    assert_peer_sees_end (peer);
    fixture_close (&fixture);
}

static void
test_no_message_ends_the_flow (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;!two;three;");
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; x ");
    assert_peer_sees_end (peer);
    fixture_close (&fixture);
}

static void
test_half_a_message_is_not_delivered (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;tw");
    close (peer);
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; x ");
    fixture_close (&fixture);
}

static void
test_reset_by_the_peer (void)
{
    Fixture fixture;
    struct linger at_once = { 1, 0 };

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    uint64_t flow = fixture.flow;
    setsockopt (peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close (peer);
    td_flow_send (fixture.listener, flow, "anybody?;", 9); /* from the control lane */
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; x ");
    g_assert_cmpuint (fixture.flow, ==, flow);
    g_assert_false (td_flow_send (fixture.listener, flow, "x", 1));
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_connections), ==, 0);
    fixture_close (&fixture);
}

static void
test_idle_flow_ends (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    td_lanes_advance (IDLE_MS - 1);
    peer_says (peer, "tw");
    td_lanes_settle ();
    td_lanes_advance (IDLE_MS - 1);
    g_assert_cmpuint (fixture.n_closed, ==, 0);
    g_assert_true (td_flow_send (fixture.listener, fixture.flow, "yes;", 4));
    td_lanes_settle ();
    td_lanes_advance (IDLE_MS - 1);
    g_assert_cmpuint (fixture.n_closed, ==, 0);
    td_lanes_advance (2);
    g_assert_cmpuint (fixture.n_closed, ==, 1);
    assert_peer_gets (peer, "yes;");
    assert_peer_sees_end (peer);
    fixture_close (&fixture);
}

static void
test_flow_without_idle_timeout_stays (void)
{
    Fixture fixture;
    g_autoptr (GError) error = NULL;

    fixture_open (&fixture);
    td_listener_close (fixture.listener);
    TdListenerDecl decl = decl_of (&fixture, "127.0.0.1:0");
    decl.idle_timeout_ms = 0;
    fixture.listener =
        td_listener_open ((TdModule *) &fixture.module, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    td_lanes_advance (24 * 3600 * 1000);
    peer_says (peer, "two;");
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; 0:two; ");
    close (peer);
    fixture_close (&fixture);
}

/* A slow peer: what waits is bounded, no message is cut, and all that was taken arrives. */
static void
slow_peer (unsigned lane)
{
    enum { CHUNK = 10000 };
    Fixture fixture;
    g_autofree char *bytes = g_malloc (CHUNK);
    g_autofree char *got = g_malloc (CHUNK);
    size_t n_taken = 0, n_got = 0;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    Caller caller = { .fixture = &fixture, .to = fixture.remote };
    for (;;) {
        memset (bytes, 'a' + (int) (n_taken / (CHUNK - 1) % 26), CHUNK);
        bytes[CHUNK - 1] = '\0';
        caller.text = bytes;
        td_lanes_on (td_lane_at (lane), call_out, &caller);
        if (!caller.is_sent) {
            break;
        }
        n_taken += CHUNK - 1;
        td_lanes_settle ();
        g_assert_cmpuint (n_taken, <, 100 << 20);
    }
    g_assert_cmpuint (n_taken, >, 1 << 20);
    g_assert_true (td_flow_send (fixture.listener, caller.flow, "", 0));
    while (n_got < n_taken) {
        ssize_t n = recv (peer, got, CHUNK, MSG_DONTWAIT);
        for (ssize_t i = 0; i < n; i++) {
            char expected = 'a' + (char) (n_got / (CHUNK - 1) % 26);
            g_assert_cmpint (got[i], ==, expected);
            n_got++;
        }
        td_lanes_settle ();
    }
    td_lanes_settle ();
    g_assert_true (td_flow_send (fixture.listener, caller.flow, "more;", 5));
    assert_peer_gets (peer, "more;");
    close (peer);
    fixture_close (&fixture);
}

static void
test_slow_peer_bounds_the_readers_lane (void)
{
    slow_peer (0);
}

static void
test_slow_peer_bounds_another_lane (void)
{
    slow_peer (1);
}

static void
test_more_than_may_wait_is_refused (void)
{
    Fixture fixture;
    g_autofree char *bytes = g_malloc0 ((1 << 20) + 1);

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    g_assert_false (td_flow_send (fixture.listener, fixture.flow, bytes, (1 << 20) + 1));
    g_assert_false (td_flow_send (fixture.listener, fixture.flow, bytes, SIZE_MAX));
    g_assert_true (td_flow_send (fixture.listener, fixture.flow, bytes, 1 << 20));
    g_assert_false (td_flow_send (fixture.listener, fixture.flow, bytes, 1));
    close (peer);
    fixture_close (&fixture);
}

static void
test_stale_and_foreign_numbers_find_nothing (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    uint64_t old = fixture.flow;
    close (peer);
    until_done (&fixture, 2);
    peer = peer_connect (fixture.listener); /* most likely with the descriptor of the old one */
    peer_says (peer, "two;");
    until_done (&fixture, 3);
    g_assert_cmpuint (fixture.flow, !=, old);
    g_assert_false (td_flow_send (fixture.listener, old, "x", 1));
    g_assert_false (td_flow_send (fixture.listener, 0, "x", 1));
    g_assert_false (td_flow_send (fixture.listener, UINT64_MAX, "x", 1));
    close (peer);
    fixture_close (&fixture);
}

static void
test_closing_the_listener_ends_its_flows (void)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at);

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    td_flow_connect (fixture.listener, &at);
    td_listener_close (fixture.listener);
    g_assert_cmpuint (td_flow_connect (fixture.listener, &at), ==, 0);
    assert_peer_sees_end (peer);
    g_assert_cmpuint (fixture.n_closed, ==, 0);
    close (server);
    fixture_close (&fixture);
}

static void
test_may_be_closed_in_its_own_delivery (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.closes_listener = true;
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;two;");
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; ");
    assert_peer_sees_end (peer);
    fixture_close (&fixture);
}

/* A connection is under way when the lanes close. */
static void
test_left_open_when_the_lanes_close (void)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at);

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    td_flow_connect (fixture.listener, &at);
    td_listener_close (fixture.listener);
    td_lanes_close ();
    g_assert_cmpuint (td_owner_uses (&fixture.module), ==, 0);
    td_owner_revoke_all (&fixture.module, NULL, NULL);
    td_owner_clear (&fixture.module);
    g_string_free (fixture.news, TRUE);
    close (peer);
    close (server);
}

static void
test_port_in_use_says_so (void)
{
    Fixture fixture;
    g_autoptr (GError) error = NULL;

    fixture_open (&fixture);
    TdListenerDecl decl = decl_of (&fixture, "127.0.0.1:0");
    decl.name = "sip tcp:there";
    decl.address = td_listener_address (fixture.listener);
    g_assert_null (td_listener_open (NULL, td_lane_at (0), &decl, &error));
    g_assert_nonnull (error);
    g_assert_cmpstr (error->message, ==,
                     "sip tcp:there: cannot bind: Address already in use: another program, or "
                     "another Tandem, listens there (ss -lnup and ss -lntp show which)");
    fixture_close (&fixture);
}

static void
test_ipv6 (void)
{
    Fixture fixture;

    if (access ("/proc/net/if_inet6", F_OK) != 0) {
        g_test_skip ("this host does not speak IPv6");
        return;
    }
    fixture_open_at (&fixture, "[::1]:0");
    fixture.echo = "yes;";
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    assert_peer_gets (peer, "yes;");
    g_assert_cmpuint (td_flow_connect (fixture.listener, &fixture.remote), ==, fixture.flow);
    close (peer);
    fixture_close (&fixture);
}

/* Real lanes and two listeners. One connects to the other from all lanes; messages go back
 * and forth and are served here or there by turns. */
enum { N_BALLS = 16, N_HITS = 400 };

typedef struct {
    TdListener *listeners[2];
    atomic_uint n_left;
    TdPost serves[N_BALLS];
} Court;

static Court court;

static unsigned
n_hits_of (const TdPacket *packet)
{
    return (unsigned) atoi (packet->bytes);
}

static TdSorting
sort_by_turns (const TdPacket *packet, void *data)
{
    return (TdSorting){ n_hits_of (packet) / 2 % td_lane_count (), TD_POST_PRIORITY };
}

static void
hit_back (const TdPacket *packet, void *data)
{
    unsigned n_hits = n_hits_of (packet);
    char text[12];

    g_assert_cmpuint (td_lane_index (td_lane_current ()), ==, n_hits / 2 % td_lane_count ());
    if (n_hits == N_HITS) {
        if (atomic_fetch_sub (&court.n_left, 1) == 1) {
            td_lanes_quit ();
        }
        return;
    }
    int len = g_snprintf (text, sizeof text, "%u;", n_hits + 1);
    g_assert_true (td_flow_send (packet->listener, packet->flow, text, (size_t) len));
}

static void
serve_ball (TdPost *post)
{
    TdAddress right = td_listener_address (court.listeners[1]);
    uint64_t flow = td_flow_connect (court.listeners[0], &right);

    g_assert_true (td_flow_send (court.listeners[0], flow, "0;", 2));
}

static void
lose_ball (TdPost *post)
{
    g_assert_not_reached ();
}

static void
quit_lanes (void *data)
{
    td_lanes_quit ();
}

static void
play_on_real_lanes (unsigned n_lanes)
{
    TdLanesOptions options = { .n_lanes = n_lanes };
    g_autoptr (GError) error = NULL;
    TdOwner module;

    atomic_store (&court.n_left, N_BALLS);
    td_lanes_open (&options);
    td_owner_init (&module, "guest");
    for (unsigned i = 0; i < 2; i++) {
        TdListenerDecl decl = { .size = sizeof decl,
                                .transport = TD_TRANSPORT_TCP,
                                .name = i == 0 ? "left" : "right",
                                .address = address_of ("127.0.0.1:0"),
                                .max_message_bytes = 100,
                                .idle_timeout_ms = 60000,
                                .sort = sort_by_turns,
                                .deliver = hit_back,
                                .frame = guest_frame };
        court.listeners[i] =
            td_listener_open ((TdModule *) &module, td_lane_at (i % n_lanes), &decl, &error);
        g_assert_no_error (error);
    }
    for (unsigned i = 0; i < N_BALLS; i++) {
        court.serves[i] = (TdPost){ (TdModule *) &module, serve_ball, lose_ball, NULL };
        td_lane_post (td_lane_at (i % n_lanes), &court.serves[i]);
    }
    td_lanes_run ();
    td_owner_revoke_all (&module, NULL, NULL);
    td_lane_sweep (NULL, NULL, quit_lanes, NULL, NULL);
    td_lanes_run ();
    g_assert_cmpuint (td_owner_uses (&module), ==, 0);
    td_owner_clear (&module);
    td_lanes_close ();
}

static void
test_two_real_lanes_play (void)
{
    play_on_real_lanes (2);
}

static void
test_single_real_lane_plays (void)
{
    play_on_real_lanes (1);
}

int
main (int argc, char **argv)
{
    TdLogOptions log = { .level = TD_LOG_ERROR };

    g_test_init (&argc, &argv, NULL);
    td_log_open (&log);
    watchdog_start (WATCHDOG_S);
#define ADD(path, function) g_test_add_func ("/run/stream/" path, function)
    ADD ("messages-are-cut-and-answered", test_messages_are_cut_and_answered);
    ADD ("bytes-one-by-one", test_bytes_one_by_one);
    ADD ("delivered-on-the-lane-it-is-sorted-to", test_delivered_on_the_lane_it_is_sorted_to);
    ADD ("longest-message-passes", test_longest_message_passes);
    ADD ("longer-message-ends-the-flow", test_longer_message_ends_the_flow);
    ADD ("announced-length-ends-the-flow", test_announced_length_ends_the_flow);
    ADD ("no-message-ends-the-flow", test_no_message_ends_the_flow);
    ADD ("half-a-message-is-not-delivered", test_half_a_message_is_not_delivered);
    ADD ("reset-by-the-peer", test_reset_by_the_peer);
    ADD ("idle-flow-ends", test_idle_flow_ends);
    ADD ("flow-without-idle-timeout-stays", test_flow_without_idle_timeout_stays);
    ADD ("slow-peer-bounds-the-readers-lane", test_slow_peer_bounds_the_readers_lane);
    ADD ("slow-peer-bounds-another-lane", test_slow_peer_bounds_another_lane);
    ADD ("more-than-may-wait-is-refused", test_more_than_may_wait_is_refused);
    ADD ("stale-and-foreign-numbers-find-nothing", test_stale_and_foreign_numbers_find_nothing);
    ADD ("closing-the-listener-ends-its-flows", test_closing_the_listener_ends_its_flows);
    ADD ("may-be-closed-in-its-own-delivery", test_may_be_closed_in_its_own_delivery);
    ADD ("left-open-when-the-lanes-close", test_left_open_when_the_lanes_close);
    ADD ("port-in-use-says-so", test_port_in_use_says_so);
    ADD ("ipv6", test_ipv6);
    ADD ("two-real-lanes-play", test_two_real_lanes_play);
    ADD ("single-real-lane-plays", test_single_real_lane_plays);
#undef ADD
    return g_test_run ();
}
