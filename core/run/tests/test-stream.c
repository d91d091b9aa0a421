/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stream listeners: messages whole and in order, whatever the peer does to the connection. */

#include "base/log.h"
#include "run/lane.h"
#include "run/port.h"
#include "run/socket.h"
#include "stream-peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <tandem/priority.h>
#include <unistd.h>

enum {
    MAX_BYTES = 100000,
    IDLE_MS = 5000,
    WATCHDOG_S = 40,
};

typedef struct {
    TdOwner module;
    TdListener *listener;
    TdSorting sorting;
    const char *echo; /* sent back for each message */
    GString *news;    /* "0:hello " for what lane 0 was delivered, "x " for a flow that ended */
    uint64_t flow;    /* of the last message, or of the last flow that ended */
    TdAddress remote;
    size_t len_bytes;
    unsigned n_delivered, n_closed;
    bool closes_listener;
} Fixture;

/* A message ends with a semicolon; what begins with an exclamation mark is none. A message that
 * begins with a hash says with four digits how long it is. */
static ssize_t
frame (const char *bytes, size_t len_bytes, void *data)
{
    if (bytes[0] == '!') {
        return -1;
    }
    if (bytes[0] == '#') {
        char digits[5] = { 0 };
        memcpy (digits, bytes + 1, MIN (len_bytes - 1, 4));
        return len_bytes < 7 ? 0 : atoi (digits);
    }
    const char *end = memchr (bytes, ';', len_bytes);
    return end != NULL ? end + 1 - bytes : 0;
}

static TdSorting
sort (const TdPacket *packet, void *data)
{
    return ((Fixture *) data)->sorting;
}

static void
deliver (const TdPacket *packet, void *data)
{
    Fixture *fixture = data;

    g_assert_cmpuint (packet->bytes[packet->len_bytes], ==, '\0');
    g_assert_cmpint (packet->transport, ==, TD_TRANSPORT_TCP);
    g_assert_true (packet->listener == fixture->listener);
    g_assert_true (td_address_equal (&packet->local, &fixture->listener->port->address));
    g_assert_cmpuint (packet->flow, !=, 0);
    fixture->n_delivered++;
    fixture->flow = packet->flow;
    fixture->remote = packet->remote;
    fixture->len_bytes = packet->len_bytes;
    g_string_append_printf (fixture->news, "%u:%.10s ", td_lane_index (td_lane_current ()),
                            packet->bytes);
    if (fixture->echo != NULL) {
        g_assert_true (
            td_flow_send (fixture->listener, packet->flow, fixture->echo, strlen (fixture->echo)));
    }
    if (fixture->closes_listener) {
        td_listener_close (fixture->listener);
    }
}

static void
closed (uint64_t flow, const TdAddress *remote, void *data)
{
    Fixture *fixture = data;

    g_assert_true (td_lane_current () == fixture->listener->port->reader);
    g_assert_false (td_flow_send (fixture->listener, flow, "x", 1));
    fixture->n_closed++;
    fixture->flow = flow;
    fixture->remote = *remote;
    g_string_append (fixture->news, "x ");
}

static TdListenerDecl
decl_of (Fixture *fixture, const char *address)
{
    return (TdListenerDecl){ .size = sizeof (TdListenerDecl),
                             .transport = TD_TRANSPORT_TCP,
                             .name = "test tcp",
                             .address = address_of (address),
                             .max_message_bytes = MAX_BYTES,
                             .idle_timeout_ms = IDLE_MS,
                             .data = fixture,
                             .sort = sort,
                             .deliver = deliver,
                             .frame = frame,
                             .closed = closed };
}

static void
fixture_open_at (Fixture *fixture, const char *address)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = 7 };
    g_autoptr (GError) error = NULL;

    memset (fixture, 0, sizeof *fixture);
    td_lanes_open (&options);
    td_owner_init (&fixture->module, "guest");
    fixture->news = g_string_new (NULL);
    TdListenerDecl decl = decl_of (fixture, address);
    fixture->listener =
        td_listener_open ((TdModule *) &fixture->module, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    td_lanes_settle ();
}

static void
fixture_open (Fixture *fixture)
{
    fixture_open_at (fixture, "127.0.0.1:0");
}

static void
fixture_close (Fixture *fixture)
{
    unsigned n_closed = fixture->n_closed;

    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_closed, ==, n_closed);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_owner_clear (&fixture->module);
    g_string_free (fixture->news, TRUE);
    td_lanes_close ();
}

/* Steps until N messages and ends of flows have come. */
static void
until_done (Fixture *fixture, unsigned n)
{
    do {
        td_lanes_settle ();
    } while (fixture->n_delivered + fixture->n_closed < n);
    td_lanes_settle ();
}

/* Reads what the peer gets, stepping, until it is TEXT. */
static void
assert_peer_gets (int peer, const char *text)
{
    char bytes[100];
    size_t len = strlen (text), n_got = 0;

    g_assert_cmpuint (len, <, sizeof bytes);
    while (n_got < len) {
        td_lanes_settle ();
        ssize_t n = recv (peer, bytes + n_got, len - n_got, MSG_DONTWAIT);
        g_assert_true (n > 0 || (n < 0 && errno == EAGAIN));
        n_got += (size_t) MAX (n, 0);
    }
    bytes[n_got] = '\0';
    g_assert_cmpstr (bytes, ==, text);
}

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

typedef struct {
    Fixture *fixture;
    TdAddress to;
    uint64_t flow, again;
    const char *text;
    bool is_sent;
} Caller;

static void
call_out (void *data)
{
    Caller *caller = data;
    TdListener *listener = caller->fixture->listener;

    caller->flow = td_flow_connect (listener, &caller->to);
    caller->again = td_flow_connect (listener, &caller->to);
    caller->is_sent = td_flow_send (listener, caller->flow, caller->text, strlen (caller->text));
    g_assert_cmpuint (caller->fixture->n_closed, ==, 0);
}

/* Connects from LANE, sends at once, and hears the answer. */
static void
connect_from (TdLane *lane, Fixture *fixture)
{
    TdAddress at, from = { .v6 = { 0 } };
    socklen_t len = sizeof from;
    int server = open_server (&at);
    Caller caller = { .fixture = fixture, .to = at, .text = "hello;" };
    unsigned n_delivered = fixture->n_delivered;

    td_lanes_on (lane, call_out, &caller);
    g_assert_true (caller.is_sent);
    g_assert_cmpuint (caller.flow, !=, 0);
    g_assert_cmpuint (caller.again, ==, caller.flow);
    td_lanes_settle ();
    int peer = accept (server, &from.any, &len);
    g_assert_cmpint (peer, >=, 0);
    g_assert_true (td_address_equal_host (&from, &fixture->listener->port->address));
    assert_peer_gets (peer, "hello;");
    fixture->listener->port->address = from; /* deliver() compares with it */
    peer_says (peer, "welcome;");
    until_done (fixture, n_delivered + 1);
    g_assert_cmpuint (fixture->flow, ==, caller.flow);
    g_assert_true (td_address_equal (&fixture->remote, &at));
    close (peer);
    close (server);
    until_done (fixture, n_delivered + 2);
    g_assert_cmpuint (fixture->n_closed, ==, 1);
}

static void
test_connects_from_the_readers_lane (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    connect_from (td_lane_at (0), &fixture);
    fixture_close (&fixture);
}

static void
test_connects_from_another_lane (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    connect_from (td_lane_at (1), &fixture);
    fixture_close (&fixture);
}

/* An accepted connection serves to reach its peer, too. */
static void
test_finds_the_connection_a_peer_opened (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int peer = peer_connect (fixture.listener);
    peer_says (peer, "one;");
    until_done (&fixture, 1);
    g_assert_cmpuint (td_flow_connect (fixture.listener, &fixture.remote), ==, fixture.flow);
    close (peer);
    fixture_close (&fixture);
}

static void
test_refused_connection_is_told_afterwards (void)
{
    Fixture fixture;
    TdAddress at;

    fixture_open (&fixture);
    close (open_server (&at));
    for (unsigned i = 0; i < 2; i++) {
        Caller caller = { .fixture = &fixture, .to = at, .text = "hello;" };
        td_lanes_on (td_lane_at (i), call_out, &caller);
        g_assert_true (caller.is_sent);
        until_done (&fixture, 1);
        g_assert_cmpuint (fixture.flow, ==, caller.flow);
        g_assert_true (td_address_equal (&fixture.remote, &at));
        fixture.n_closed = 0;
    }
    fixture_close (&fixture);
}

static void
test_unreachable_family_is_told_afterwards (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    Caller caller = { .fixture = &fixture, .to = address_of ("[::1]:9"), .text = "hello;" };
    td_lanes_on (td_lane_at (0), call_out, &caller);
    until_done (&fixture, 1);
    g_assert_cmpuint (fixture.flow, ==, caller.flow);
    fixture_close (&fixture);
}

/* A peer whose queue of connections is full never answers. */
static void
test_connection_that_never_stands_is_given_up (void)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at), fillers[8];

    listen (server, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS (fillers); i++) {
        fillers[i] = socket (AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect (fillers[i], &at.any, sizeof at.v4);
    }
    fixture_open (&fixture);
    Caller caller = { .fixture = &fixture, .to = at, .text = "hello;" };
    td_lanes_on (td_lane_at (0), call_out, &caller);
    td_lanes_advance (31999);
    g_assert_cmpuint (fixture.n_closed, ==, 0);
    td_lanes_advance (10);
    g_assert_cmpuint (fixture.n_closed, ==, 1);
    g_assert_cmpuint (fixture.flow, ==, caller.flow);
    for (unsigned i = 0; i < G_N_ELEMENTS (fillers); i++) {
        close (fillers[i]);
    }
    close (server);
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

/* Without descriptors accepting rests, the lane does not spin (it would never settle), and the
 * peers that waited are served later. */
static void
test_no_descriptors_left (void)
{
    Fixture fixture;
    struct rlimit before, tight;
    int spare;

    fixture_open (&fixture);
    int first = peer_connect (fixture.listener), second = peer_connect (fixture.listener);
    g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
    spare = dup (first);
    close (spare);
    tight = before;
    tight.rlim_cur = (rlim_t) spare + 1; /* one more, and no holes below it */
    g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &tight), ==, 0);
    peer_says (first, "one;");
    peer_says (second, "two;");
    until_done (&fixture, 1);
    td_lanes_advance (3000);
    g_assert_cmpuint (fixture.n_delivered, ==, 1);
    g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
    td_lanes_advance (1000);
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one; 0:two; ");
    close (first);
    close (second);
    fixture_close (&fixture);
}

static void
connect_first (void *data)
{
    Caller *caller = data;
    TdFlowWish wish = { .size = sizeof wish, .priority_class = TD_CLASS_EMERGENCY };

    caller->flow = td_flow_connect_as (caller->fixture->listener, &caller->to, &wish);
}

/* All that is left is kept for calls with a priority: nobody else is let in or called, who has one is. */
static void
test_last_descriptors_are_kept (void)
{
    Fixture fixture;
    struct rlimit before, tight;
    TdAddress at;
    int server = open_server (&at);

    fixture_open (&fixture);
    int spare = dup (server);
    close (spare);
    g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &before), ==, 0);
    tight = before;
    tight.rlim_cur = (rlim_t) spare * 2;
    g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &tight), ==, 0);
    td_descriptors_reserve (50);
    int peer = peer_connect (fixture.listener);
    until_done (&fixture, 0);
    assert_peer_sees_end (peer);
    td_flow_connect (fixture.listener, &at);
    until_done (&fixture, 1);
    g_assert_cmpuint (fixture.n_closed, ==, 1);
    Caller caller = { .fixture = &fixture, .to = at };
    td_lanes_on (td_lane_at (0), connect_first, &caller);
    td_lanes_settle ();
    int taken = accept (server, NULL, NULL);
    g_assert_cmpint (taken, >=, 0);
    g_assert_cmpuint (fixture.n_closed, ==, 1);
    close (taken);
    until_done (&fixture, 2);
    td_descriptors_reserve (0);
    g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &before), ==, 0);
    close (server);
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
                                .frame = frame };
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
    ADD ("connects-from-the-readers-lane", test_connects_from_the_readers_lane);
    ADD ("connects-from-another-lane", test_connects_from_another_lane);
    ADD ("finds-the-connection-a-peer-opened", test_finds_the_connection_a_peer_opened);
    ADD ("refused-connection-is-told-afterwards", test_refused_connection_is_told_afterwards);
    ADD ("unreachable-family-is-told-afterwards", test_unreachable_family_is_told_afterwards);
    ADD ("connection-that-never-stands-is-given-up", test_connection_that_never_stands_is_given_up);
    ADD ("idle-flow-ends", test_idle_flow_ends);
    ADD ("flow-without-idle-timeout-stays", test_flow_without_idle_timeout_stays);
    ADD ("slow-peer-bounds-the-readers-lane", test_slow_peer_bounds_the_readers_lane);
    ADD ("slow-peer-bounds-another-lane", test_slow_peer_bounds_another_lane);
    ADD ("more-than-may-wait-is-refused", test_more_than_may_wait_is_refused);
    ADD ("stale-and-foreign-numbers-find-nothing", test_stale_and_foreign_numbers_find_nothing);
    ADD ("no-descriptors-left", test_no_descriptors_left);
    ADD ("PRI-078/last-descriptors-are-kept", test_last_descriptors_are_kept);
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
