/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagram listeners: what comes is delivered where it is sorted to, or said to be let go. */

#include "base/log.h"
#include "base/metric.h"
#include "run/clock.h"
#include "run/lane.h"
#include "run/port.h"
#include "sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_BYTES = 2000,
    WATCHDOG_S = 30,
};

typedef struct {
    TdOwner module;
    TdListener *listener;
    TdSorting sorting;
    int peer;
    TdAddress peer_address;
    GString *news;       /* "0:hello " for what lane 0 was delivered */
    const char *dropped; /* why the last one was let go */
    size_t dropped_len_bytes;
    unsigned n_delivered, n_dropped;
    bool closes_itself;
    bool sorts_by_initial; /* "e..." established, "p..." priority */
    bool answers;          /* with what has come */
    unsigned turn_us;      /* how long each turn takes */
    unsigned most_waiting; /* posts that sort () was told of */
} Fixture;

static TdSorting
sort (const TdPacket *packet, void *data)
{
    Fixture *fixture = data;

    g_assert_true (td_lane_current () == fixture->listener->port->reader);
    fixture->most_waiting = MAX (fixture->most_waiting, packet->n_waiting);
    if (fixture->sorts_by_initial) {
        fixture->sorting.post_class = packet->bytes[0] == 'e'   ? TD_POST_ESTABLISHED
                                      : packet->bytes[0] == 'p' ? TD_POST_PRIORITY
                                                                : TD_POST_ORDINARY;
    }
    return fixture->sorting;
}

static void
deliver (const TdPacket *packet, void *data)
{
    Fixture *fixture = data;

    g_assert_cmpuint (packet->bytes[packet->len_bytes], ==, '\0');
    g_assert_cmpuint (packet->flow, ==, 0);
    g_assert_cmpint (packet->transport, ==, TD_TRANSPORT_UDP);
    g_assert_true (packet->listener == fixture->listener);
    g_assert_true (td_address_equal (&packet->local, &fixture->listener->port->address));
    g_assert_true (td_address_equal (&packet->remote, &fixture->peer_address));
    /* What it waited in the kernel, by a clock that is not fake, is taken off. */
    g_assert_cmpint (packet->arrival_us, <=, td_clock_now_us ());
    g_assert_cmpint (packet->arrival_us, >, td_clock_now_us () - G_USEC_PER_SEC);
    fixture->n_delivered++;
    g_string_append_printf (fixture->news, "%u:%.10s ", td_lane_index (td_lane_current ()),
                            packet->bytes);
    if (fixture->answers) {
        g_assert_true (
            td_listener_send (packet->listener, &packet->remote, packet->bytes, packet->len_bytes));
    }
    if (fixture->closes_itself) {
        td_listener_close (fixture->listener);
    }
    td_clock_fake_move (td_clock_read_us () + fixture->turn_us);
}

static void
dropped (const TdPacket *packet, const char *why, void *data)
{
    Fixture *fixture = data;

    g_assert_true (td_lane_current () == fixture->listener->port->reader);
    g_assert_true (td_address_equal (&packet->remote, &fixture->peer_address));
    fixture->dropped = why;
    fixture->dropped_len_bytes = packet->len_bytes;
    fixture->n_dropped++;
}

static TdListenerDecl
decl_of (Fixture *fixture, const char *address)
{
    return (TdListenerDecl){ .size = sizeof (TdListenerDecl),
                             .transport = TD_TRANSPORT_UDP,
                             .name = "test udp",
                             .address = address_of (address),
                             .max_message_bytes = MAX_BYTES,
                             .data = fixture,
                             .sort = sort,
                             .deliver = deliver,
                             .dropped = dropped };
}

static void
fixture_open_for (Fixture *fixture, const char *address, unsigned inbox_limit,
                  uint32_t max_message_bytes)
{
    TdLanesOptions options = {
        .n_lanes = 2, .is_fake = true, .seed = 7, .inbox_limit = inbox_limit
    };
    g_autoptr (GError) error = NULL;

    memset (fixture, 0, sizeof *fixture);
    td_lanes_open (&options);
    td_owner_init (&fixture->module, "guest");
    fixture->news = g_string_new (NULL);
    fixture->peer = open_peer (address, &fixture->peer_address);
    TdListenerDecl decl = decl_of (fixture, address);
    decl.max_message_bytes = max_message_bytes;
    fixture->listener =
        td_listener_open ((TdModule *) &fixture->module, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    td_lanes_settle ();
}

static void
fixture_open_at (Fixture *fixture, const char *address, unsigned inbox_limit)
{
    fixture_open_for (fixture, address, inbox_limit, MAX_BYTES);
}

static void
fixture_open (Fixture *fixture)
{
    fixture_open_at (fixture, "127.0.0.1:0", 0);
}

/* Metrics and open listeners are taken back. */
static void
fixture_close (Fixture *fixture)
{
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    td_owner_clear (&fixture->module);
    g_string_free (fixture->news, TRUE);
    close (fixture->peer);
    td_lanes_close ();
}

static void
peer_sends (Fixture *fixture, const void *bytes, size_t len_bytes)
{
    TdAddress to = td_listener_address (fixture->listener);

    g_assert_cmpint (
        sendto (fixture->peer, bytes, len_bytes, 0, &to.any, td_address_len_bytes (&to)), ==,
        (ssize_t) len_bytes);
}

static void
peer_says (Fixture *fixture, const char *text)
{
    peer_sends (fixture, text, strlen (text));
}

/* Steps until N datagrams have come through or were let go: loopback needs a moment at times. */
static void
until_done (Fixture *fixture, unsigned n)
{
    do {
        td_lanes_settle ();
    } while (fixture->n_delivered + fixture->n_dropped < n);
}

static void
test_delivered_on_own_lane (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    peer_says (&fixture, "hello");
    peer_says (&fixture, "");
    peer_says (&fixture, "you");
    until_done (&fixture, 3);
    g_assert_cmpstr (fixture.news->str, ==, "0:hello 0: 0:you ");
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_received), >=, 3);
    fixture_close (&fixture);
}

static void
test_delivered_on_the_lane_it_is_sorted_to (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.sorting.lane = 1;
    peer_says (&fixture, "hello");
    until_done (&fixture, 1);
    fixture.sorting.lane = td_lane_count ();
    peer_says (&fixture, "control");
    until_done (&fixture, 2);
    fixture.sorting = (TdSorting){ 1, TD_POST_PRIORITY };
    peer_says (&fixture, "urgent");
    until_done (&fixture, 3);
    g_assert_cmpstr (fixture.news->str, ==, "1:hello 2:control 1:urgent ");
    fixture_close (&fixture);
}

/* PRI-073 on the reader's own lane: a turn that takes long lets the rest be sorted before it is
 * served. */
static void
test_reader_that_is_late_sorts_first (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.sorts_by_initial = true;
    fixture.turn_us = 1000;
    peer_says (&fixture, "o1");
    peer_says (&fixture, "o2");
    peer_says (&fixture, "p1");
    peer_says (&fixture, "o3");
    peer_says (&fixture, "e1");
    peer_says (&fixture, "p2");
    until_done (&fixture, 6);
    g_assert_cmpstr (fixture.news->str, ==, "0:o1 0:e1 0:p1 0:p2 0:o2 0:o3 ");
    fixture_close (&fixture);
}

static void
test_sorting_is_told_how_many_wait (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.sorting.post_class = TD_POST_ORDINARY;
    fixture.turn_us = 1000;
    for (unsigned i = 0; i < 10; i++) {
        peer_says (&fixture, "again");
    }
    until_done (&fixture, 10);
    g_assert_cmpuint (fixture.most_waiting, ==, 8); /* one was served at once, one is the last */
    fixture_close (&fixture);
}

static void
peer_hears (const Fixture *fixture, size_t expected_bytes)
{
    char bytes[MAX_BYTES];

    g_assert_cmpint (recv (fixture->peer, bytes, sizeof bytes, 0), ==, (ssize_t) expected_bytes);
}

/* What is longer than is worth gathering leaves at once, and so before what came before it. */
static void
test_answers_to_what_is_brief_leave_together (void)
{
    static const char text[1500] = { 0 };
    Fixture fixture;

    fixture_open (&fixture);
    fixture.sorting.is_brief = true;
    fixture.answers = true;
    peer_sends (&fixture, text, 10);
    peer_sends (&fixture, text, 11);
    peer_sends (&fixture, text, sizeof text);
    until_done (&fixture, 3);
    peer_hears (&fixture, sizeof text);
    peer_hears (&fixture, 10);
    peer_hears (&fixture, 11);
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_sent), ==, 3);
    fixture.sorting.is_brief = false;
    peer_sends (&fixture, text, 12);
    until_done (&fixture, 4);
    peer_hears (&fixture, 12);
    fixture_close (&fixture);
}

/* One buffer of the peer's that is datagrams of EACH_BYTES, and the last one of what is left (udp(7)). */
static void
peer_sends_joined (Fixture *fixture, const char *bytes, size_t len_bytes, uint16_t each_bytes)
{
    TdAddress to = td_listener_address (fixture->listener);
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof each_bytes)];
    } control = { .header = { .cmsg_level = IPPROTO_UDP,
                              .cmsg_type = UDP_SEGMENT,
                              .cmsg_len = CMSG_LEN (sizeof each_bytes) } };
    struct iovec iovec = { (void *) (uintptr_t) bytes, len_bytes };
    struct msghdr message = { .msg_name = &to,
                              .msg_namelen = td_address_len_bytes (&to),
                              .msg_iov = &iovec,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };

    memcpy (CMSG_DATA (&control.header), &each_bytes, sizeof each_bytes);
    g_assert_cmpint (sendmsg (fixture->peer, &message, 0), ==, (ssize_t) len_bytes);
}

/* Whether the kernel may hand them over as one, or cuts them up before, as it must where they would not fit. */
static void
test_what_has_come_as_one_is_taken_apart (void)
{
    static const char *const addresses[] = { "127.0.0.1:0", "[::1]:0" };
    static const uint32_t most_bytes[] = { MAX_BYTES, 65536 };

    for (unsigned i = 0; i < 4; i++) {
        Fixture fixture;
        fixture_open_for (&fixture, addresses[i / 2], 0, most_bytes[i % 2]);
        int64_t before = td_metric_value (fixture.listener->port->n_received);
        peer_sends_joined (&fixture, "onetwosix7", 10, 3);
        peer_says (&fixture, "alone");
        peer_sends_joined (&fixture, "tenten", 6, 3);
        until_done (&fixture, 7);
        g_assert_cmpstr (fixture.news->str, ==, "0:one 0:two 0:six 0:7 0:alone 0:ten 0:ten ");
        g_assert_cmpint (td_metric_value (fixture.listener->port->n_received), ==, before + 7);
        fixture_close (&fixture);
    }
}

/* More answers than leave together at once: none is lost, and those of one length keep their order. */
static void
test_each_of_many_that_came_as_one_is_answered (void)
{
    enum { N_BUFFERS = 5, N_EACH = 50, EACH_BYTES = 20 };
    char bytes[N_EACH * EACH_BYTES], answer[MAX_BYTES];
    Fixture fixture;

    fixture_open_for (&fixture, "127.0.0.1:0", 0, 65536);
    fixture.sorting.is_brief = true;
    fixture.answers = true;
    for (unsigned i = 0; i < N_BUFFERS; i++) {
        for (unsigned j = 0; j < N_EACH; j++) {
            memset (bytes + j * EACH_BYTES, (int) ('0' + j), EACH_BYTES);
        }
        peer_sends_joined (&fixture, bytes, sizeof bytes, EACH_BYTES);
    }
    until_done (&fixture, N_BUFFERS * N_EACH);
    for (unsigned i = 0; i < N_BUFFERS * N_EACH; i++) {
        g_assert_cmpint (recv (fixture.peer, answer, sizeof answer, 0), ==, EACH_BYTES);
        g_assert_cmpint (answer[0], ==, '0' + i % N_EACH);
        g_assert_cmpint (answer[EACH_BYTES - 1], ==, answer[0]);
    }
    fixture_close (&fixture);
}

static void
test_full_arrival_queue_lets_go_aloud (void)
{
    Fixture fixture;

    fixture_open_at (&fixture, "127.0.0.1:0", 3);
    fixture.sorting.lane = 1;
    for (unsigned i = 0; i < 10; i++) {
        peer_says (&fixture, "x");
    }
    until_done (&fixture, 10);
    g_assert_cmpuint (fixture.n_delivered, ==, 3);
    g_assert_cmpuint (fixture.n_dropped, ==, 7);
    g_assert_cmpstr (fixture.dropped, ==, "the arrival queue of its lane is full");
    fixture_close (&fixture);
}

static void
test_longest_message_passes_and_a_longer_one_is_told (void)
{
    Fixture fixture;
    char bytes[MAX_BYTES + 1];

    fixture_open (&fixture);
    memset (bytes, 'a', sizeof bytes);
    peer_sends (&fixture, bytes, MAX_BYTES);
    until_done (&fixture, 1);
    g_assert_cmpuint (fixture.n_delivered, ==, 1);
    peer_sends (&fixture, bytes, MAX_BYTES + 1);
    until_done (&fixture, 2);
    g_assert_cmpuint (fixture.n_dropped, ==, 1);
    g_assert_cmpstr (fixture.dropped, ==, "it is too long");
    g_assert_cmpuint (fixture.dropped_len_bytes, ==, MAX_BYTES);
    fixture_close (&fixture);
}

/* More than one batch, with the buffers used again: nothing is lost or mixed up. */
static void
test_many_in_order (void)
{
    Fixture fixture;
    g_autoptr (GString) expected = g_string_new (NULL);

    fixture_open (&fixture);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 150; i++) {
            g_autofree char *text = g_strdup_printf ("%u", i * 977 + round);
            g_string_append_printf (expected, "0:%s ", text);
            peer_says (&fixture, text);
        }
        until_done (&fixture, 150 * (round + 1));
    }
    g_assert_cmpstr (fixture.news->str, ==, expected->str);
    fixture_close (&fixture);
}

static void
test_sends_from_any_lane (void)
{
    Fixture fixture;
    char bytes[10] = "";
    TdAddress from = { .v6 = { 0 } };
    socklen_t len = sizeof from;

    fixture_open (&fixture);
    g_assert_true (td_listener_send (fixture.listener, &fixture.peer_address, "hi", 2));
    g_assert_cmpint (recvfrom (fixture.peer, bytes, sizeof bytes, 0, &from.any, &len), ==, 2);
    g_assert_cmpstr (bytes, ==, "hi");
    TdAddress expected = td_listener_address (fixture.listener);
    g_assert_true (td_address_equal (&from, &expected));
    g_autofree char *long_message = g_malloc0 (70000);
    errno = 0;
    g_assert_false (
        td_listener_send (fixture.listener, &fixture.peer_address, long_message, 70000));
    g_assert_cmpint (errno, ==, EMSGSIZE);
    fixture_close (&fixture);
}

/* The kernel's buffer overflows: the loss is counted. */
static void
test_overflow_is_counted (void)
{
    Fixture fixture;
    g_autofree char *bytes = g_malloc0 (MAX_BYTES);
    unsigned n_sent = 20000;
    int small = 65536;

    fixture_open (&fixture);
    /* Where the port's number is one that an earlier test had, its metric goes on. */
    int64_t n_before = td_metric_value (fixture.listener->port->n_overflowed);
    setsockopt (fixture.listener->port->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (unsigned i = 0; i < n_sent; i++) {
        peer_sends (&fixture, bytes, MAX_BYTES);
    }
    until_done (&fixture, 1);
    td_lanes_settle ();
    peer_says (&fixture, "the count comes with the next one");
    until_done (&fixture, fixture.n_delivered + 1);
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_overflowed) - n_before, ==,
                     n_sent + 1 - fixture.n_delivered);
    fixture_close (&fixture);
}

/* What waits in the kernel is the longest queue of a lane that is late: how long is told. */
static void
test_wait_in_the_kernel_is_told (void)
{
    enum { WAIT_US = 2000 };
    Fixture fixture;

    fixture_open (&fixture);
    TdMetric *n = td_metric_find ("tandem_lane_arrivals_total", "lane=\"0\"");
    TdMetric *wait = td_metric_find ("tandem_lane_arrival_wait_microseconds_total", "lane=\"0\"");
    int64_t n_before = td_metric_value (n), before_us = td_metric_value (wait);
    peer_says (&fixture, "early");
    /* By the kernel's clock, which no test moves. */
    for (int64_t end_us = g_get_monotonic_time () + WAIT_US; g_get_monotonic_time () < end_us;) {
    }
    until_done (&fixture, 1);
    g_assert_cmpint (td_metric_value (n) - n_before, ==, 1);
    g_assert_cmpint (td_metric_value (wait) - before_us, >=, WAIT_US);
    fixture_close (&fixture);
}

static void
test_closed_listener_is_silent_and_leaves_the_port (void)
{
    Fixture fixture;
    g_autoptr (GError) error = NULL;

    fixture_open (&fixture);
    TdListenerDecl decl = decl_of (&fixture, "127.0.0.1:0");
    decl.address = td_listener_address (fixture.listener);
    peer_says (&fixture, "late");
    td_listener_close (fixture.listener);
    td_lanes_settle ();
    g_assert_cmpuint (fixture.n_delivered, ==, 0);
    fixture.listener =
        td_listener_open ((TdModule *) &fixture.module, td_lane_at (1), &decl, &error);
    g_assert_no_error (error);
    fixture.sorting.lane = 1;
    peer_says (&fixture, "again");
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "1:again ");
    fixture_close (&fixture);
}

static void
test_closed_before_it_began (void)
{
    Fixture fixture;
    g_autoptr (GError) error = NULL;

    fixture_open (&fixture);
    TdListenerDecl decl = decl_of (&fixture, "127.0.0.1:0");
    TdListener *listener =
        td_listener_open ((TdModule *) &fixture.module, td_lane_at (1), &decl, &error);
    g_assert_no_error (error);
    td_listener_close (listener);
    td_lanes_settle ();
    g_assert_cmpuint (td_owner_uses (&fixture.module), ==, 0);
    fixture_close (&fixture);
}

static void
test_may_be_closed_in_its_own_delivery (void)
{
    Fixture fixture;

    fixture_open_at (&fixture, "127.0.0.1:0", 0);
    fixture.closes_itself = true;
    peer_says (&fixture, "one");
    peer_says (&fixture, "two");
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "0:one ");
    fixture_close (&fixture);
}

/* What is on its way to another lane when the listener closes stays undelivered. */
static void
test_parcels_of_a_closed_listener_are_let_go (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.sorting = (TdSorting){ 1, TD_POST_ORDINARY };
    peer_says (&fixture, "one");
    TdLaneStats stats;
    do {
        td_lanes_step ();
        td_lane_stats (td_lane_at (1), &stats);
    } while (stats.n_waiting_ordinary == 0);
    td_listener_close (fixture.listener);
    td_lanes_settle ();
    g_assert_cmpuint (fixture.n_delivered, ==, 0);
    fixture_close (&fixture);
}

static void
test_stopped_module_is_not_called (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    atomic_store (&fixture.module.is_stopped, true);
    peer_says (&fixture, "hello");
    td_lanes_settle ();
    g_assert_cmpuint (fixture.n_delivered, ==, 0);
    fixture_close (&fixture);
}

static void
test_left_open_when_the_lanes_close (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    td_listener_close (fixture.listener);
    td_lanes_close ();
    g_assert_cmpuint (td_owner_uses (&fixture.module), ==, 0);
    td_owner_revoke_all (&fixture.module, NULL, NULL);
    td_owner_clear (&fixture.module);
    g_string_free (fixture.news, TRUE);
    close (fixture.peer);
}

static void
assert_refused (Fixture *fixture, const char *address, const char *message)
{
    TdListenerDecl decl = decl_of (fixture, address);
    g_autoptr (GError) error = NULL;

    decl.name = "sip udp:there";
    g_assert_null (td_listener_open (NULL, td_lane_at (0), &decl, &error));
    g_assert_nonnull (error);
    g_assert_cmpstr (error->message, ==, message);
}

static void
test_refusals_say_why (void)
{
    Fixture fixture;
    char text[TD_ADDRESS_TEXT_SIZE];

    fixture_open (&fixture);
    TdAddress address = td_listener_address (fixture.listener);
    assert_refused (&fixture, td_address_print (&address, text),
                    "sip udp:there: cannot bind: Address already in use: another program, or "
                    "another Tandem, listens there (ss -lnup and ss -lntp show which)");
    assert_refused (&fixture, "192.0.2.1:0",
                    "sip udp:there: cannot bind: Cannot assign requested address: no interface of "
                    "this host has that address");
    fixture_close (&fixture);
}

static void
test_ipv6_and_ipv4_have_ports_of_their_own (void)
{
    Fixture fixture;
    g_autoptr (GError) error = NULL;

    if (access ("/proc/net/if_inet6", F_OK) != 0) {
        g_test_skip ("this host does not speak IPv6");
        return;
    }
    fixture_open_at (&fixture, "[::1]:0", 0);
    peer_says (&fixture, "hello");
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "0:hello ");

    TdListenerDecl decl = decl_of (&fixture, "[::]:0");
    TdListener *six = td_listener_open (NULL, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    TdAddress bound = td_listener_address (six);
    decl.address = address_of ("0.0.0.0:0");
    td_address_set_port (&decl.address, td_address_port (&bound));
    TdListener *four = td_listener_open (NULL, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    td_listener_close (four);
    td_listener_close (six);
    fixture_close (&fixture);
}

/* The upper six bits of what arrives at PEER in the control message of TYPE. */
static int
received_dscp (int peer, int level, int type)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof (int))];
    } control;
    char byte;
    struct iovec iovec = { &byte, 1 };
    struct msghdr message = { .msg_iov = &iovec,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof control };
    g_assert_cmpint (recvmsg (peer, &message, 0), ==, 1);
    struct cmsghdr *cmsg = CMSG_FIRSTHDR (&message);
    g_assert_nonnull (cmsg);
    g_assert_cmpint (cmsg->cmsg_level, ==, level);
    g_assert_cmpint (cmsg->cmsg_type, ==, type);
    return *(uint8_t *) CMSG_DATA (cmsg) >> 2;
}

static void
test_dscp_is_set (void)
{
    static const struct {
        const char *address;
        int level, option, type;
    } families[] = { { "127.0.0.1:0", IPPROTO_IP, IP_RECVTOS, IP_TOS },
                     { "[::1]:0", IPPROTO_IPV6, IPV6_RECVTCLASS, IPV6_TCLASS } };

    for (unsigned i = 0; i < G_N_ELEMENTS (families); i++) {
        Fixture fixture;
        g_autoptr (GError) error = NULL;
        int on = 1;
        if (i == 1 && access ("/proc/net/if_inet6", F_OK) != 0) {
            continue;
        }
        fixture_open_at (&fixture, families[i].address, 0);
        g_assert_cmpint (
            setsockopt (fixture.peer, families[i].level, families[i].option, &on, sizeof on), ==,
            0);
        TdListenerDecl decl = decl_of (&fixture, families[i].address);
        decl.dscp = 46;
        TdListener *listener =
            td_listener_open ((TdModule *) &fixture.module, td_lane_at (0), &decl, &error);
        g_assert_no_error (error);
        g_assert_true (td_listener_send (listener, &fixture.peer_address, "x", 1));
        g_assert_cmpint (received_dscp (fixture.peer, families[i].level, families[i].type), ==, 46);
        fixture_close (&fixture);
    }
}

/* Real lanes and two listeners; what comes is served here or there by turns, and sent back
 * until the ball has gone round often enough. */
enum { N_BALLS = 32, N_HITS = 500 };

typedef struct {
    TdListener *listeners[2];
    atomic_uint n_left;
} Court;

static TdSorting
sort_by_turns (const TdPacket *packet, void *data)
{
    unsigned n_hits = (unsigned) atoi (packet->bytes);

    return (TdSorting){ n_hits / 2 % td_lane_count (),
                        n_hits % 3 == 0 ? TD_POST_PRIORITY : TD_POST_ORDINARY };
}

static void
hit_back (const TdPacket *packet, void *data)
{
    Court *court = data;
    unsigned n_hits = (unsigned) atoi (packet->bytes);
    char text[12];

    g_assert_cmpuint (td_lane_index (td_lane_current ()), ==, n_hits / 2 % td_lane_count ());
    if (n_hits == N_HITS) {
        if (atomic_fetch_sub (&court->n_left, 1) == 1) {
            td_lanes_quit ();
        }
        return;
    }
    int len = g_snprintf (text, sizeof text, "%u", n_hits + 1);
    g_assert_true (td_listener_send (packet->listener, &packet->remote, text, (size_t) len));
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
    Court court = { .n_left = N_BALLS };
    g_autoptr (GError) error = NULL;
    TdOwner module;

    td_lanes_open (&options);
    td_owner_init (&module, "guest");
    for (unsigned i = 0; i < 2; i++) {
        TdListenerDecl decl = { .size = sizeof decl,
                                .name = i == 0 ? "left" : "right",
                                .address = address_of ("127.0.0.1:0"),
                                .max_message_bytes = 100,
                                .data = &court,
                                .sort = sort_by_turns,
                                .deliver = hit_back };
        court.listeners[i] =
            td_listener_open ((TdModule *) &module, td_lane_at (i % n_lanes), &decl, &error);
        g_assert_no_error (error);
    }
    TdAddress right = td_listener_address (court.listeners[1]);
    for (unsigned i = 0; i < N_BALLS; i++) {
        g_assert_true (td_listener_send (court.listeners[0], &right, "0", 1));
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
#define ADD(path, function) g_test_add_func ("/run/socket/" path, function)
    ADD ("delivered-on-own-lane", test_delivered_on_own_lane);
    ADD ("delivered-on-the-lane-it-is-sorted-to", test_delivered_on_the_lane_it_is_sorted_to);
    ADD ("PRI-075/sorting-is-told-how-many-wait", test_sorting_is_told_how_many_wait);
    ADD ("answers-to-what-is-brief-leave-together", test_answers_to_what_is_brief_leave_together);
    ADD ("what-has-come-as-one-is-taken-apart", test_what_has_come_as_one_is_taken_apart);
    ADD ("each-of-many-that-came-as-one-is-answered",
         test_each_of_many_that_came_as_one_is_answered);
    ADD ("PRI-073/reader-that-is-late-sorts-first", test_reader_that_is_late_sorts_first);
    ADD ("full-arrival-queue-lets-go-aloud", test_full_arrival_queue_lets_go_aloud);
    ADD ("longest-message-passes-and-a-longer-one-is-told",
         test_longest_message_passes_and_a_longer_one_is_told);
    ADD ("many-in-order", test_many_in_order);
    ADD ("sends-from-any-lane", test_sends_from_any_lane);
    ADD ("overflow-is-counted", test_overflow_is_counted);
    ADD ("wait-in-the-kernel", test_wait_in_the_kernel_is_told);
    ADD ("closed-listener-is-silent-and-leaves-the-port",
         test_closed_listener_is_silent_and_leaves_the_port);
    ADD ("closed-before-it-began", test_closed_before_it_began);
    ADD ("may-be-closed-in-its-own-delivery", test_may_be_closed_in_its_own_delivery);
    ADD ("parcels-of-a-closed-listener-are-let-go", test_parcels_of_a_closed_listener_are_let_go);
    ADD ("stopped-module-is-not-called", test_stopped_module_is_not_called);
    ADD ("left-open-when-the-lanes-close", test_left_open_when_the_lanes_close);
    ADD ("refusals-say-why", test_refusals_say_why);
    ADD ("ipv6-and-ipv4-have-ports-of-their-own", test_ipv6_and_ipv4_have_ports_of_their_own);
    ADD ("dscp-is-set", test_dscp_is_set);
    ADD ("two-real-lanes-play", test_two_real_lanes_play);
    ADD ("single-real-lane-plays", test_single_real_lane_plays);
#undef ADD
    return g_test_run ();
}
