/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Connections that a stream listener makes itself: they serve both ways, and who cannot be reached is told. */

#include "stream-guest.h"

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

int
main (int argc, char **argv)
{
    TdLogOptions log = { .level = TD_LOG_ERROR };

    g_test_init (&argc, &argv, NULL);
    td_log_open (&log);
    watchdog_start (WATCHDOG_S);
#define ADD(path, function) g_test_add_func ("/run/connect/" path, function)
    ADD ("connects-from-the-readers-lane", test_connects_from_the_readers_lane);
    ADD ("connects-from-another-lane", test_connects_from_another_lane);
    ADD ("finds-the-connection-a-peer-opened", test_finds_the_connection_a_peer_opened);
    ADD ("refused-connection-is-told-afterwards", test_refused_connection_is_told_afterwards);
    ADD ("unreachable-family-is-told-afterwards", test_unreachable_family_is_told_afterwards);
    ADD ("connection-that-never-stands-is-given-up", test_connection_that_never_stands_is_given_up);
#undef ADD
    return g_test_run ();
}
