/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filters of streams: nothing passes before it is known whom a stream is with, and nothing is lost.
 *
 * The filter here is a child's secret: who connects says "I am NAME." and hears "Hello."; after that every
 * byte is its neighbour, but for "~", which says good-bye. "No." in its place ends it. */

#include "base/log.h"
#include "run/clock.h"
#include "run/lane.h"
#include "run/port.h"
#include "stream-peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IDLE_MS = 5000,
    HANDSHAKE_MS = 2000,
    WATCHDOG_S = 40,
};

typedef struct {
    TdOwner module, filter_module;
    TdListener *listener;
    TdStreamFilter filter;
    bool has_filter;
    unsigned lane;
    const char *echo; /* sent back for each message */
    GString *news;    /* "0:hello@ann " for what lane 0 was delivered of ann, "x " for an end */
    uint64_t flow;
    unsigned n_delivered, n_closed, n_begun, n_ended;
    char *identity, *peer_name; /* that the last one began with */
    int64_t step_us;            /* so long takes what is made of bytes before it opens */
} Fixture;

/* --- The filter --------------------------------------------------------------------------- */

typedef struct {
    Fixture *fixture;
    GString *said;
    bool is_client, is_open;
    char *name;
} Secret;

static void *
begin (const TdFilterFlow *flow, GByteArray *wire, const char **ret_why, void *data)
{
    Fixture *fixture = data;
    Secret *secret = g_new0 (Secret, 1);

    g_assert_true (td_lane_current () == fixture->listener->port->reader);
    fixture->n_begun++;
    g_free (fixture->identity);
    g_free (fixture->peer_name);
    fixture->identity = g_strdup (flow->identity);
    fixture->peer_name = g_strdup (flow->peer_name);
    if (g_strcmp0 (flow->identity, "nobody") == 0) {
        *ret_why = "there is no such identity";
        g_free (secret);
        return NULL;
    }
    *secret =
        (Secret){ .fixture = fixture, .said = g_string_new (NULL), .is_client = flow->is_client };
    if (flow->is_client) {
        g_byte_array_append (wire, (const uint8_t *) "I am us.", 8);
    }
    return secret;
}

/* Its answer to what was said before it opens: what is left of it stays in SAID. */
static TdFilterState
shake (Secret *secret, GByteArray *wire)
{
    const char *end = strchr (secret->said->str, '.');

    if (end == NULL) {
        return TD_FILTER_SHAKING;
    }
    if (g_str_has_prefix (secret->said->str, "No.")) {
        g_byte_array_append (wire, (const uint8_t *) "Why?", 4);
        return TD_FILTER_FAILED;
    }
    secret->name = secret->is_client
                       ? g_strdup ("server")
                       : g_strndup (secret->said->str + 5, (gsize) (end - secret->said->str) - 5);
    if (!secret->is_client) {
        g_byte_array_append (wire, (const uint8_t *) "Hello.", 6);
    }
    g_string_erase (secret->said, 0, end + 1 - secret->said->str);
    secret->is_open = true;
    return TD_FILTER_OPEN;
}

static TdFilterState
receive (void *state, const void *bytes, size_t len_bytes, GByteArray *plain, GByteArray *wire)
{
    Secret *secret = state;
    TdFilterState result = TD_FILTER_OPEN;

    g_assert_cmpuint (plain->len, ==, 0);
    g_assert_cmpuint (wire->len, ==, 0);
    g_string_append_len (secret->said, bytes, (gssize) len_bytes);
    if (!secret->is_open) {
        td_clock_fake_move (td_clock_read_us () + secret->fixture->step_us);
        result = shake (secret, wire);
    }
    for (gsize i = 0; result == TD_FILTER_OPEN && i < secret->said->len; i++) {
        uint8_t byte = (uint8_t) (secret->said->str[i] ^ 1);
        if (secret->said->str[i] == '~') {
            result = TD_FILTER_CLOSED;
        } else {
            g_byte_array_append (plain, &byte, 1);
        }
    }
    if (secret->is_open) {
        g_string_truncate (secret->said, 0);
    }
    return result;
}

static TdFilterState
send_secret (void *state, const void *bytes, size_t len_bytes, GByteArray *wire)
{
    g_assert_true (((Secret *) state)->is_open);
    for (size_t i = 0; i < len_bytes; i++) {
        uint8_t byte = ((const uint8_t *) bytes)[i] ^ 1;
        g_byte_array_append (wire, &byte, 1);
    }
    return TD_FILTER_OPEN;
}

static TdPeer *
peer (void *state)
{
    const Secret *secret = state;

    return td_peer_new (true, secret->name, (const char *const[]){ secret->name, NULL });
}

static const char *
why (void *state)
{
    return "it said no";
}

static void
say_good_bye (void *state, GByteArray *wire)
{
    if (((Secret *) state)->is_open) {
        g_byte_array_append (wire, (const uint8_t *) "~", 1);
    }
}

static void
end (void *state)
{
    Secret *secret = state;

    secret->fixture->n_ended++;
    g_string_free (secret->said, TRUE);
    g_free (secret->name);
    g_free (secret);
}

static const TdStreamFilter *
filter (void *data)
{
    Fixture *fixture = data;

    return fixture->has_filter ? &fixture->filter : NULL;
}

/* --- The listener ------------------------------------------------------------------------- */

static ssize_t
frame (const char *bytes, size_t len_bytes, void *data)
{
    const char *last = memchr (bytes, ';', len_bytes);

    return bytes[0] == '!' ? -1 : last != NULL ? last + 1 - bytes : 0;
}

static TdSorting
sort (const TdPacket *packet, void *data)
{
    return (TdSorting){ ((Fixture *) data)->lane, TD_POST_ORDINARY };
}

static void
deliver (const TdPacket *packet, void *data)
{
    Fixture *fixture = data;

    g_assert_cmpuint (packet->bytes[packet->len_bytes], ==, '\0');
    g_assert_cmpint (packet->transport, ==, TD_TRANSPORT_TLS);
    g_assert_nonnull (packet->peer);
    g_assert_true (td_peer_is (packet->peer, packet->peer->subject));
    g_assert_false (td_peer_is (packet->peer, "somebody"));
    fixture->n_delivered++;
    fixture->flow = packet->flow;
    g_string_append_printf (fixture->news, "%u:%.10s@%s ", td_lane_index (td_lane_current ()),
                            packet->bytes, packet->peer->subject);
    if (fixture->echo != NULL) {
        g_assert_true (
            td_flow_send (fixture->listener, packet->flow, fixture->echo, strlen (fixture->echo)));
    }
}

static void
closed (uint64_t flow, const TdAddress *remote, void *data)
{
    Fixture *fixture = data;

    fixture->n_closed++;
    fixture->flow = flow;
    g_string_append (fixture->news, "x ");
}

static void
fixture_open (Fixture *fixture)
{
    TdLanesOptions options = { .n_lanes = 2, .is_fake = true, .seed = 7 };
    g_autoptr (GError) error = NULL;

    memset (fixture, 0, sizeof *fixture);
    td_lanes_open (&options);
    td_owner_init (&fixture->module, "guest");
    td_owner_init (&fixture->filter_module, "secret");
    fixture->news = g_string_new (NULL);
    fixture->has_filter = true;
    fixture->filter = (TdStreamFilter){ .size = sizeof (TdStreamFilter),
                                        .module = (TdModule *) &fixture->filter_module,
                                        .data = fixture,
                                        .begin = begin,
                                        .receive = receive,
                                        .send = send_secret,
                                        .peer = peer,
                                        .why = why,
                                        .close = say_good_bye,
                                        .end = end };
    TdListenerDecl decl = { .size = sizeof decl,
                            .transport = TD_TRANSPORT_TLS,
                            .name = "test tls",
                            .max_message_bytes = 2 << 20,
                            .idle_timeout_ms = IDLE_MS,
                            .data = fixture,
                            .sort = sort,
                            .deliver = deliver,
                            .frame = frame,
                            .closed = closed,
                            .filter = filter,
                            .identity = "ours",
                            .handshake_timeout_ms = HANDSHAKE_MS };
    g_assert_true (td_address_parse ("127.0.0.1:0", 0, &decl.address));
    fixture->listener =
        td_listener_open ((TdModule *) &fixture->module, td_lane_at (0), &decl, &error);
    g_assert_no_error (error);
    td_lanes_settle ();
}

static void
fixture_close (Fixture *fixture)
{
    td_owner_revoke_all (&fixture->module, NULL, NULL);
    td_lanes_settle ();
    g_assert_cmpuint (fixture->n_ended, ==, fixture->n_begun);
    g_assert_cmpuint (td_owner_uses (&fixture->module), ==, 0);
    g_assert_cmpuint (td_owner_uses (&fixture->filter_module), ==, 0);
    td_owner_clear (&fixture->module);
    td_owner_clear (&fixture->filter_module);
    g_string_free (fixture->news, TRUE);
    g_free (fixture->identity);
    g_free (fixture->peer_name);
    td_lanes_close ();
}

static void
peer_whispers (int fd, const char *text)
{
    g_autofree char *secret = g_strdup (text);

    for (char *c = secret; *c != '\0'; c++) {
        *c ^= 1;
    }
    peer_says (fd, secret);
}

static void
until_done (Fixture *fixture, unsigned n)
{
    do {
        td_lanes_settle ();
    } while (fixture->n_delivered + fixture->n_closed < n);
    td_lanes_settle ();
}

/* Reads N bytes, stepping; as they are on the wire, or turned back. */
static char *
peer_reads (int fd, size_t n, bool is_secret)
{
    char *bytes = g_malloc0 (n + 1);
    size_t n_got = 0;

    while (n_got < n) {
        td_lanes_settle ();
        ssize_t got = recv (fd, bytes + n_got, n - n_got, MSG_DONTWAIT);
        g_assert_true (got > 0 || (got < 0 && errno == EAGAIN));
        n_got += (size_t) MAX (got, 0);
    }
    for (size_t i = 0; is_secret && i < n; i++) {
        bytes[i] ^= 1;
    }
    return bytes;
}

static void
assert_peer_gets (int fd, const char *text, bool is_secret)
{
    g_autofree char *bytes = peer_reads (fd, strlen (text), is_secret);

    g_assert_cmpstr (bytes, ==, text);
}

/* --- Who connects ------------------------------------------------------------------------- */

static void
test_messages_pass_behind_the_handshake (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.echo = "yes;";
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.");
    assert_peer_gets (fd, "Hello.", false);
    peer_whispers (fd, "one;two;thr");
    until_done (&fixture, 2);
    peer_whispers (fd, "ee;");
    until_done (&fixture, 3);
    g_assert_cmpstr (fixture.news->str, ==, "0:one;@ann 0:two;@ann 0:three;@ann ");
    assert_peer_gets (fd, "yes;yes;yes;", true);
    g_assert_cmpstr (fixture.identity, ==, "ours");
    g_assert_null (fixture.peer_name);
    close (fd);
    until_done (&fixture, 4);
    fixture_close (&fixture);
}

static void
test_bytes_one_by_one (void)
{
    static const char text[] = "I am ann.ab:c:"; /* "`c;b;" behind the handshake */
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    for (const char *c = text; *c != '\0'; c++) {
        g_assert_cmpint (send (fd, c, 1, 0), ==, 1);
        td_lanes_settle ();
    }
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:`c;@ann 0:b;@ann ");
    close (fd);
    fixture_close (&fixture);
}

static void
test_handshake_and_message_in_one_go (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.nod:"); /* "one;" */
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "0:one;@ann ");
    close (fd);
    fixture_close (&fixture);
}

/* Whom it was with is known on the other lane even when the connection has ended meanwhile. */
static void
test_peer_is_known_on_another_lane (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.lane = 1;
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.nod:");
    close (fd);
    until_done (&fixture, 2);
    g_assert_nonnull (strstr (fixture.news->str, "1:one;@ann "));
    fixture_close (&fixture);
}

static void
test_silent_peer_costs_no_filter_and_is_sent_away (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    td_lanes_settle ();
    td_lanes_advance (HANDSHAKE_MS - 1);
    g_assert_cmpuint (fixture.n_begun, ==, 0);
    g_assert_cmpuint (fixture.n_closed, ==, 0);
    td_lanes_advance (1);
    until_done (&fixture, 1);
    g_assert_cmpuint (fixture.n_begun, ==, 0);
    assert_peer_sees_end (fd);
    fixture_close (&fixture);
}

static void
test_slow_handshake_is_sent_away (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    for (unsigned i = 0; i < 5; i++) {
        peer_says (fd, "I");
        do {
            td_lanes_settle ();
        } while (fixture.n_begun == 0);
        td_lanes_advance (HANDSHAKE_MS / 5);
    }
    until_done (&fixture, 1);
    g_assert_cmpuint (fixture.n_begun, ==, 1);
    assert_peer_sees_end (fd);
    fixture_close (&fixture);
}

static void
test_idle_flow_ends_with_a_good_bye (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.");
    assert_peer_gets (fd, "Hello.", false);
    td_lanes_advance (HANDSHAKE_MS);
    g_assert_cmpuint (fixture.n_closed, ==, 0);
    td_lanes_advance (IDLE_MS);
    until_done (&fixture, 1);
    assert_peer_gets (fd, "~", false);
    assert_peer_sees_end (fd);
    fixture_close (&fixture);
}

static void
test_failed_handshake_says_why_and_ends (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "No.");
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "x ");
    assert_peer_gets (fd, "Why?", false);
    assert_peer_sees_end (fd);
    fixture_close (&fixture);
}

static void
test_good_bye_of_the_peer_ends_the_flow (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.nod:~nod:");
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one;@ann x ");
    close (fd);
    fixture_close (&fixture);
}

static void
test_no_message_behind_the_filter_ends_the_flow (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.");
    peer_whispers (fd, "one;!two;");
    until_done (&fixture, 2);
    g_assert_cmpstr (fixture.news->str, ==, "0:one;@ann x ");
    close (fd);
    fixture_close (&fixture);
}

static void
test_without_a_filter_nobody_is_served (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.has_filter = false;
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.nod:");
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "x ");
    assert_peer_sees_end (fd);
    fixture_close (&fixture);
}

static void
test_filter_is_in_use_as_long_as_its_flow (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.");
    assert_peer_gets (fd, "Hello.", false);
    g_assert_cmpuint (td_owner_uses (&fixture.filter_module), ==, 1);
    close (fd);
    until_done (&fixture, 1);
    g_assert_cmpuint (td_owner_uses (&fixture.filter_module), ==, 0);
    fixture_close (&fixture);
}

typedef struct {
    Fixture *fixture;
    TdAddress to;
    const char *identity, *peer_name, *text;
    uint64_t flow;
} Caller;

static void
call_out (void *data)
{
    Caller *caller = data;
    TdListener *listener = caller->fixture->listener;

    caller->flow = td_flow_connect_as (listener, &caller->to,
                                       &(TdFlowWish){ .size = sizeof (TdFlowWish),
                                                      .identity = caller->identity,
                                                      .peer_name = caller->peer_name });
    g_assert_true (td_flow_send (listener, caller->flow, caller->text, strlen (caller->text)));
}

/* --- What handshakes may take ------------------------------------------------------------- */

/* A peer whose handshake is the one that the lane rests from. */
static int
begin_rest (Fixture *fixture)
{
    fixture->listener->port->decl.handshake_percent = 25;
    fixture->step_us = 4000;
    int fd = peer_connect (fixture->listener);
    peer_says (fd, "I am ann.");
    assert_peer_gets (fd, "Hello.", false);
    fixture->step_us = 0; /* the clock is the test's again */
    return fd;
}

/* A step of 4 ms at 25 percent: 12 ms are for others. */
static void
test_handshakes_take_no_more_than_their_share (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    int first = begin_rest (&fixture), second = peer_connect (fixture.listener);
    peer_says (second, "I am bob.");
    td_lanes_settle ();
    td_lanes_advance (11);
    g_assert_cmpuint (fixture.n_begun, ==, 1);
    peer_whispers (first, "one;");
    until_done (&fixture, 1); /* who stands is served */
    td_lanes_advance (1);
    assert_peer_gets (second, "Hello.", false);
    g_assert_cmpuint (fixture.n_begun, ==, 2);
    close (first);
    close (second);
    fixture_close (&fixture);
}

static void
test_handshakes_of_ours_wait_for_nobody (void)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at);
    Caller caller = { &fixture, at, "me", "server", "hello;", 0 };

    fixture_open (&fixture);
    int guest = begin_rest (&fixture);
    td_lanes_on (td_lane_at (0), call_out, &caller);
    td_lanes_settle ();
    int fd = accept (server, NULL, NULL);
    peer_says (fd, "Hello.");
    assert_peer_gets (fd, "I am us.", false);
    assert_peer_gets (fd, "hello;", true);
    close (guest);
    close (fd);
    close (server);
    fixture_close (&fixture);
}

static void
test_one_source_has_so_many_handshakes (void)
{
    Fixture fixture;

    fixture_open (&fixture);
    fixture.listener->port->decl.max_handshakes_of_source = 2;
    int first = peer_connect (fixture.listener), second = peer_connect (fixture.listener);
    td_lanes_settle ();
    assert_peer_sees_end (peer_connect (fixture.listener));
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_handshakes), ==, 2);
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_turned_away), ==, 1);
    peer_says (first, "I am ann.");
    assert_peer_gets (first, "Hello.", false);
    int third = peer_connect (fixture.listener);
    peer_says (third, "I am bob.");
    assert_peer_gets (third, "Hello.", false);
    close (second);
    until_done (&fixture, 1);
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_handshakes), ==, 0);
    g_assert_cmpint (td_metric_value (fixture.listener->port->n_connections), ==, 2);
    close (first);
    close (third);
    fixture_close (&fixture);
}

/* --- Whom we connect to ------------------------------------------------------------------- */

/* What was sent at once goes out when it is known whom it goes to. */
static void
connect_from (unsigned lane)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at);
    Caller caller = { &fixture, at, "me", "server", "hello;", 0 };

    fixture_open (&fixture);
    td_lanes_on (td_lane_at (lane), call_out, &caller);
    td_lanes_settle ();
    int fd = accept (server, NULL, NULL);
    assert_peer_gets (fd, "I am us.", false);
    td_lanes_settle ();
    char byte;
    g_assert_cmpint (recv (fd, &byte, 1, MSG_DONTWAIT), ==, -1);
    g_assert_cmpstr (fixture.identity, ==, "me");
    g_assert_cmpstr (fixture.peer_name, ==, "server");
    peer_says (fd, "Hello.");
    assert_peer_gets (fd, "hello;", true);
    peer_whispers (fd, "welcome;");
    until_done (&fixture, 1);
    g_assert_cmpuint (fixture.flow, ==, caller.flow);
    g_assert_cmpstr (fixture.news->str, ==, "0:welcome;@server ");
    close (fd);
    close (server);
    until_done (&fixture, 2);
    fixture_close (&fixture);
}

static void
test_connects_from_the_readers_lane (void)
{
    connect_from (0);
}

static void
test_connects_from_another_lane (void)
{
    connect_from (1);
}

static void
test_connections_are_of_one_name (void)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at);
    Caller callers[] = { { &fixture, at, "me", "a", "1;", 0 },
                         { &fixture, at, "me", "a", "2;", 0 },
                         { &fixture, at, "me", "b", "3;", 0 },
                         { &fixture, at, "you", "a", "4;", 0 },
                         { &fixture, at, NULL, NULL, "5;", 0 } };

    fixture_open (&fixture);
    for (size_t i = 0; i < G_N_ELEMENTS (callers); i++) {
        td_lanes_on (td_lane_at (0), call_out, &callers[i]);
    }
    g_assert_cmpuint (callers[0].flow, ==, callers[1].flow);
    for (size_t i = 1; i < G_N_ELEMENTS (callers); i++) {
        for (size_t j = i + 1; j < G_N_ELEMENTS (callers); j++) {
            g_assert_cmpuint (callers[i].flow, !=, callers[j].flow);
        }
    }
    td_lanes_settle ();
    fixture_close (&fixture);
    close (server);
}

static void
test_identity_that_is_not_there_ends_the_flow (void)
{
    Fixture fixture;
    TdAddress at;
    int server = open_server (&at);
    Caller caller = { &fixture, at, "nobody", "server", "hello;", 0 };

    fixture_open (&fixture);
    td_lanes_on (td_lane_at (0), call_out, &caller);
    until_done (&fixture, 1);
    g_assert_cmpstr (fixture.news->str, ==, "x ");
    fixture.n_ended++; /* it never began */
    fixture_close (&fixture);
    close (server);
}

/* A slow peer: what is sent is bounded, and when it has read all there is room again. */
static void
test_slow_peer_bounds_what_waits (void)
{
    Fixture fixture;
    g_autofree char *text = g_malloc (100000);
    unsigned n_sent = 0;

    memset (text, 'a', 100000);
    fixture_open (&fixture);
    int fd = peer_connect (fixture.listener);
    peer_says (fd, "I am ann.nod:");
    until_done (&fixture, 1);
    assert_peer_gets (fd, "Hello.", false);
    while (n_sent < 1000 && td_flow_send (fixture.listener, fixture.flow, text, 100000)) {
        n_sent++;
        td_lanes_settle ();
    }
    g_assert_cmpuint (n_sent, >, 9);
    g_assert_cmpuint (n_sent, <, 1000);
    g_autofree char *got = peer_reads (fd, (size_t) n_sent * 100000, true);
    g_assert_cmpuint (strspn (got, "a"), ==, (size_t) n_sent * 100000);
    td_lanes_settle ();
    for (unsigned i = 0; i < 10; i++) { /* as much as may wait at all */
        g_assert_true (td_flow_send (fixture.listener, fixture.flow, text, 100000));
    }
    close (fd);
    fixture_close (&fixture);
}

int
main (int argc, char **argv)
{
    TdLogOptions log = { .level = TD_LOG_ERROR };

    g_test_init (&argc, &argv, NULL);
    td_log_open (&log);
    watchdog_start (WATCHDOG_S);
#define ADD(path, function) g_test_add_func ("/run/filter/" path, function)
    ADD ("messages-pass-behind-the-handshake", test_messages_pass_behind_the_handshake);
    ADD ("bytes-one-by-one", test_bytes_one_by_one);
    ADD ("handshake-and-message-in-one-go", test_handshake_and_message_in_one_go);
    ADD ("peer-is-known-on-another-lane", test_peer_is_known_on_another_lane);
    ADD ("silent-peer-costs-no-filter-and-is-sent-away",
         test_silent_peer_costs_no_filter_and_is_sent_away);
    ADD ("slow-handshake-is-sent-away", test_slow_handshake_is_sent_away);
    ADD ("idle-flow-ends-with-a-good-bye", test_idle_flow_ends_with_a_good_bye);
    ADD ("failed-handshake-says-why-and-ends", test_failed_handshake_says_why_and_ends);
    ADD ("good-bye-of-the-peer-ends-the-flow", test_good_bye_of_the_peer_ends_the_flow);
    ADD ("no-message-behind-the-filter-ends-the-flow",
         test_no_message_behind_the_filter_ends_the_flow);
    ADD ("without-a-filter-nobody-is-served", test_without_a_filter_nobody_is_served);
    ADD ("filter-is-in-use-as-long-as-its-flow", test_filter_is_in_use_as_long_as_its_flow);
    ADD ("connects-from-the-readers-lane", test_connects_from_the_readers_lane);
    ADD ("connects-from-another-lane", test_connects_from_another_lane);
    ADD ("connections-are-of-one-name", test_connections_are_of_one_name);
    ADD ("identity-that-is-not-there-ends-the-flow", test_identity_that_is_not_there_ends_the_flow);
    ADD ("handshakes-take-no-more-than-their-share", test_handshakes_take_no_more_than_their_share);
    ADD ("handshakes-of-ours-wait-for-nobody", test_handshakes_of_ours_wait_for_nobody);
    ADD ("one-source-has-so-many-handshakes", test_one_source_has_so_many_handshakes);
    ADD ("slow-peer-bounds-what-waits", test_slow_peer_bounds_what_waits);
#undef ADD
    return g_test_run ();
}
