/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may have how many connections: what one source cannot take from others, and what is kept of the last. */

#include "run/socket.h"
#include "run/source.h"
#include "stream-guest.h"

#include <sys/resource.h>
#include <tandem/priority.h>

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

/* Whoever has many connections open leaves descriptors to others, and may have new ones for old. */
static void
test_one_source_has_so_many_connections (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.listener->port->decl.max_flows_of_source = 2;
    int first = peer_connect (fixture.listener), second = peer_connect (fixture.listener);
    td_lanes_settle ();
    int third = peer_connect (fixture.listener);
    assert_peer_sees_end (third);
    peer_says (second, "two;");
    until_done (&fixture, 1);
    close (first);
    until_done (&fixture, 2);
    int fourth = peer_connect (fixture.listener);
    peer_says (fourth, "four;");
    until_done (&fixture, 3);
    g_assert_cmpstr (fixture.news->str, ==, "0:two; x 0:four; ");
    close (second);
    close (fourth);
    fixture_close (&fixture);
}

static void
test_sources_are_networks (void)
{
    g_autoptr (GHashTable) sources = td_sources_new ();
    const TdAddress one = address_of ("[2001:db8::1]:1"), other = address_of ("[2001:db8::2]:2"),
                    far = address_of ("[2001:db8:0:1::1]:1"), v4 = address_of ("192.0.2.1:1"),
                    mapped = address_of ("[::ffff:192.0.2.2]:1");

    g_assert_true (td_sources_take (sources, &one, 1));
    g_assert_false (td_sources_take (sources, &other, 1));
    g_assert_true (td_sources_take (sources, &far, 1));
    g_assert_true (td_sources_take (sources, &v4, 1));
    g_assert_true (td_sources_take (sources, &mapped, 1));
    td_sources_give (sources, &other);
    g_assert_true (td_sources_take (sources, &one, 1));
    td_sources_give (sources, &one);
    g_assert_cmpuint (g_hash_table_size (sources), ==, 3);
}

int
main (int argc, char **argv)
{
    TdLogOptions log = { .level = TD_LOG_ERROR };

    g_test_init (&argc, &argv, NULL);
    td_log_open (&log);
    watchdog_start (WATCHDOG_S);
#define ADD(path, function) g_test_add_func ("/run/source/" path, function)
    ADD ("no-descriptors-left", test_no_descriptors_left);
    ADD ("PRI-078/last-descriptors-are-kept", test_last_descriptors_are_kept);
    ADD ("one-source-has-so-many-connections", test_one_source_has_so_many_connections);
    ADD ("sources-are-networks", test_sources_are_networks);
#undef ADD
    return g_test_run ();
}
