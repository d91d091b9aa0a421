/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest of the core with a stream listener, on two lanes that are stepped: what it is told, and what the
 * peers of its connections see. */

#ifndef TANDEM_TESTS_STREAM_GUEST_H
#define TANDEM_TESTS_STREAM_GUEST_H

#include "base/log.h"
#include "run/port.h"
#include "stream-peers.h"

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
static inline ssize_t
guest_frame (const char *bytes, size_t len_bytes, void *data)
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

static inline TdSorting
sort (const TdPacket *packet, void *data)
{
    return ((Fixture *) data)->sorting;
}

static inline void
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

static inline void
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

static inline TdListenerDecl
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
                             .frame = guest_frame,
                             .closed = closed };
}

static inline void
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

static inline void
fixture_open (Fixture *fixture)
{
    fixture_open_at (fixture, "127.0.0.1:0");
}

static inline void
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
static inline void
until_done (Fixture *fixture, unsigned n)
{
    do {
        td_lanes_settle ();
    } while (fixture->n_delivered + fixture->n_closed < n);
    td_lanes_settle ();
}

/* Reads what the peer gets, stepping, until it is TEXT. */
static inline void
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

typedef struct {
    Fixture *fixture;
    TdAddress to;
    uint64_t flow, again;
    const char *text;
    bool is_sent;
} Caller;

static inline void
call_out (void *data)
{
    Caller *caller = data;
    TdListener *listener = caller->fixture->listener;

    caller->flow = td_flow_connect (listener, &caller->to);
    caller->again = td_flow_connect (listener, &caller->to);
    caller->is_sent = td_flow_send (listener, caller->flow, caller->text, strlen (caller->text));
    g_assert_cmpuint (caller->fixture->n_closed, ==, 0);
}

#endif
