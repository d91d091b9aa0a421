/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Peers that say what the test says, over real sockets on loopback. */

#include "common/sip-peers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- Peers ------------------------------------------------------------------------------- */

void
sip_peer_open (Peer *peer)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl (INADDR_LOOPBACK) } };
    socklen_t length = sizeof address;

    peer->fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    g_assert_cmpint (bind (peer->fd, (struct sockaddr *) &address, length), ==, 0);
    g_assert_cmpint (getsockname (peer->fd, (struct sockaddr *) &address, &length), ==, 0);
    peer->port = ntohs (address.sin_port);
    peer->last = NULL;
}

void
sip_peer_close (Peer *peer)
{
    close (peer->fd);
    g_free (peer->last);
}

static void
send_text (Flow *flow, Peer *peer, const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons (flow->port),
                                   .sin_addr = { htonl (INADDR_LOOPBACK) } };

    g_assert_cmpint (
        sendto (peer->fd, text, strlen (text), 0, (struct sockaddr *) &address, sizeof address), ==,
        (ssize_t) strlen (text));
}

/* Steps the switch until FD has something to read. */
void
sip_wait_for (int fd)
{
    struct pollfd poller = { .fd = fd, .events = POLLIN };
    int64_t end_us = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

    do {
        td_engine_settle ();
        g_assert_cmpint (g_get_monotonic_time (), <, end_us);
    } while (poll (&poller, 1, 1) == 0);
}

/* The sockets are real and the kernel takes its time: what was sent before is served when the answer
 * to a probe is there. */
void
sip_catch_up (Flow *flow)
{
    static unsigned n_probes;
    char buffer[2048];
    g_autofree char *text = g_strdup_printf (
        "OPTIONS sip:127.0.0.1 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bKprobe%u\r\nFrom: <sip:p@p>;tag=%u\r\n"
        "To: <sip:q@q>\r\nCall-ID: probe%u\r\nCSeq: 1 OPTIONS\r\n\r\n",
        flow->probe.port, n_probes, n_probes, n_probes);

    n_probes++;
    send_text (flow, &flow->probe, text);
    sip_wait_for (flow->probe.fd);
    g_assert_cmpint (recv (flow->probe.fd, buffer, sizeof buffer, 0), >, 0);
    td_engine_settle (); /* the other lane */
}

void
sip_peer_send (Flow *flow, Peer *peer, const char *text)
{
    send_text (flow, peer, text);
    sip_catch_up (flow);
}

void
sip_advance (Flow *flow, uint32_t ms)
{
    td_engine_advance (ms);
    sip_catch_up (flow);
}

const char *
sip_peer_receive (Peer *peer)
{
    char buffer[65536];
    ssize_t length = recv (peer->fd, buffer, sizeof buffer - 1, 0);

    if (length < 0) {
        return NULL;
    }
    g_free (peer->last);
    return peer->last = g_strndup (buffer, (gsize) length);
}

void
sip_expect_at (Peer *peer, const char *start, int line)
{
    const char *text = sip_peer_receive (peer);

    if (text == NULL || !g_str_has_prefix (text, start)) {
        g_error ("line %d: expected \"%s\", got %s", line, start, text != NULL ? text : "nothing");
    }
}

void
sip_expect_nothing_at (Peer *peer, int line)
{
    const char *text = sip_peer_receive (peer);

    if (text != NULL) {
        g_error ("line %d: expected nothing, got %s", line, text);
    }
}

unsigned
sip_drain (Peer *peer, const char *start)
{
    unsigned n = 0;

    while (sip_peer_receive (peer) != NULL) {
        g_assert_true (g_str_has_prefix (peer->last, start));
        n++;
    }
    return n;
}

/* --- Messages ---------------------------------------------------------------------------- */

/* The value of the first header field NAME of TEXT (transfer full), or "". */
char *
sip_field (const char *text, const char *name)
{
    g_autofree char *start = g_strdup_printf ("\r\n%s: ", name);
    const char *at = strstr (text, start);

    if (at == NULL) {
        return g_strdup ("");
    }
    at += strlen (start);
    return g_strndup (at, strcspn (at, "\r"));
}

bool
sip_has (const Peer *peer, const char *text)
{
    return strstr (peer->last, text) != NULL;
}

/* Ends a message under construction. */
static char *
finish (GString *text, const char *sdp)
{
    if (sdp != NULL) {
        g_string_append (text, "Content-Type: application/sdp\r\n");
    }
    g_string_append_printf (text, "Content-Length: %zu\r\n\r\n%s", sdp != NULL ? strlen (sdp) : 0,
                            sdp != NULL ? sdp : "");
    return g_string_free (text, FALSE);
}

/* The answer of PEER to REQUEST. */
void
sip_answer_to (Flow *flow, Peer *peer, const char *request, unsigned status, const char *tag,
               const char *lines, const char *sdp)
{
    GString *text = g_string_new (NULL);
    static const char *const copied[] = { "Via", "From", "Call-ID", "CSeq" };

    g_string_printf (text, "SIP/2.0 %u Test\r\n", status);
    for (size_t i = 0; i < G_N_ELEMENTS (copied); i++) {
        g_autofree char *value = sip_field (request, copied[i]);
        g_string_append_printf (text, "%s: %s\r\n", copied[i], value);
    }
    g_autofree char *to = sip_field (request, "To");
    g_string_append_printf (text, "To: %s%s%s\r\n", to,
                            tag != NULL && !strstr (to, "tag=") ? ";tag=" : "",
                            tag != NULL && !strstr (to, "tag=") ? tag : "");
    if (status > 100 && status < 300) {
        g_string_append_printf (text, "Contact: <sip:peer@127.0.0.1:%u>\r\n", peer->port);
    }
    g_string_append (text, lines);
    g_autofree char *whole = finish (text, sdp);
    sip_peer_send (flow, peer, whole);
}

/* A request of A outside a dialog. */
char *
sip_request_of (Flow *flow, const char *method, const char *lines, const char *sdp)
{
    GString *text = g_string_new (NULL);

    g_string_printf (text,
                     "%s sip:8001@127.0.0.1:%u SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bKcall%u\r\n"
                     "From: \"Ann\" <sip:ann@127.0.0.1>;tag=at\r\nTo: <sip:8001@127.0.0.1>\r\n"
                     "Call-ID: call-%u\r\nCSeq: 1 %s\r\nContact: <sip:ann@127.0.0.1:%u>\r\n%s",
                     method, flow->port, flow->a.port, flow->n_calls, flow->n_calls, method,
                     flow->a.port, lines);
    return finish (text, sdp);
}

void
sip_invite (Flow *flow, const char *lines, const char *sdp)
{
    g_autofree char *text = sip_request_of (flow, "INVITE", lines, sdp);

    sip_peer_send (flow, &flow->a, text);
}

/* A request in the dialog of PEER. PARTIES is "From: ...\r\nTo: ...\r\n" of that side, TARGET where
 * it goes. */
static void
in_dialog (Flow *flow, Peer *peer, const char *method, unsigned cseq, const char *parties,
           const char *call_id, const char *lines, const char *sdp)
{
    GString *text = g_string_new (NULL);

    g_string_printf (text,
                     "%s sip:127.0.0.1:%u SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 127.0.0.1:%u;rport;branch=z9hG4bK%s%u%u\r\n"
                     "%sCall-ID: %s\r\nCSeq: %u %s\r\nContact: <sip:peer@127.0.0.1:%u>\r\n%s",
                     method, flow->port, peer->port, method, cseq, ++flow->n_branches, parties,
                     call_id, cseq, method, peer->port, lines);
    g_autofree char *whole = finish (text, sdp);
    sip_peer_send (flow, peer, whole);
}

void
sip_learn_a (Flow *flow)
{
    g_autofree char *from = sip_field (flow->a.last, "From");
    g_autofree char *to = sip_field (flow->a.last, "To");

    g_free (flow->a_parties);
    flow->a_parties = g_strdup_printf ("From: %s\r\nTo: %s\r\n", from, to);
}

void
sip_learn_b (Flow *flow, const char *tag)
{
    g_autofree char *from = sip_field (flow->b.last, "From");
    g_autofree char *to = sip_field (flow->b.last, "To");

    g_free (flow->b_parties);
    g_free (flow->b_call_id);
    flow->b_parties = g_strdup_printf ("From: %s;tag=%s\r\nTo: %s\r\n", to, tag, from);
    flow->b_call_id = sip_field (flow->b.last, "Call-ID");
}

void
sip_from_a (Flow *flow, const char *method, unsigned cseq, const char *lines, const char *sdp)
{
    in_dialog (flow, &flow->a, method, cseq, flow->a_parties, "call-0", lines, sdp);
}

void
sip_from_b (Flow *flow, const char *method, unsigned cseq, const char *lines, const char *sdp)
{
    in_dialog (flow, &flow->b, method, cseq, flow->b_parties, flow->b_call_id, lines, sdp);
}

/* ACK for the failure that PEER has just got (RFC 3261 17.1.1.3). */
void
sip_acknowledge (Flow *flow, Peer *peer)
{
    g_autofree char *via = sip_field (peer->last, "Via");
    g_autofree char *from = sip_field (peer->last, "From");
    g_autofree char *to = sip_field (peer->last, "To");
    g_autofree char *call_id = sip_field (peer->last, "Call-ID");
    g_autofree char *cseq = sip_field (peer->last, "CSeq");
    g_autofree char *text = g_strdup_printf (
        "ACK sip:127.0.0.1 SIP/2.0\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\n"
        "CSeq: %d ACK\r\nContent-Length: 0\r\n\r\n",
        via, from, to, call_id, atoi (cseq));

    sip_peer_send (flow, peer, text);
}

/* --- The switch -------------------------------------------------------------------------- */

/* Whether PORT can be bound on loopback for KIND of socket. */
static bool
is_free (int kind, uint16_t port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons (port),
                                   .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    int fd = socket (AF_INET, kind | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind (fd, (struct sockaddr *) &address, sizeof address) == 0;

    if (fd >= 0) {
        close (fd);
    }
    return is_bound;
}

/* Claims PORT among all tests that run at the same time, those of tests/common/peers/ports.py, too:
 * between our look and the switch's binding nobody else takes it. Returns what holds the claim, or
 * -1. */
static int
claim (uint16_t port)
{
    g_autofree char *folder =
        g_strdup_printf ("%s/tandem-test-ports-%u", g_get_tmp_dir (), (unsigned) getuid ());
    g_autofree char *file = g_strdup_printf ("%s/%u", folder, port);

    g_mkdir_with_parents (folder, 0700);
    int fd = open (file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    g_assert_cmpint (fd, >=, 0);
    if (flock (fd, LOCK_EX | LOCK_NB) < 0) {
        close (fd);
        return -1;
    }
    return fd;
}

/* Takes a port for both transports, below those that the kernel gives away. */
static void
take_port (Flow *flow)
{
    for (;;) {
        flow->port = (uint16_t) g_random_int_range (10000, 30000);
        flow->claim = claim (flow->port);
        if (flow->claim >= 0 && is_free (SOCK_DGRAM, flow->port)
            && is_free (SOCK_STREAM, flow->port)) {
            return;
        }
        if (flow->claim >= 0) {
            close (flow->claim);
        }
    }
}

void
sip_peers_set_up (Flow *flow, gconstpointer data)
{
    const SipPeersOptions *options = data;
    const char *strangers = options != NULL ? options->strangers : NULL;
    const char *b_host = options != NULL ? options->b_host : NULL;
    const char *b_keys = options != NULL && options->b_keys != NULL ? options->b_keys : "";
    const char *more = options != NULL ? options->more : NULL;

    sip_peer_open (&flow->a);
    sip_peer_open (&flow->b);
    sip_peer_open (&flow->c);
    sip_peer_open (&flow->probe);
    take_port (flow);
    g_autofree char *config =
        g_strdup_printf ("[modules]\nsip = required\nroute-table = required\n%s"
                         "[sip]\nlisten = udp:127.0.0.1:%u, tcp:127.0.0.1:%u\nstrangers = %s\n"
                         "[trunk b]\naddress = sip:%s:%u\nusername = us\npassword = secret\n%s"
                         "[trunk c]\naddress = sip:127.0.0.1:%u\n"
                         "[route all]\nprefix = 8\ntargets = b, c\n",
                         more != NULL ? more : "[call]\nmedia = through\n", flow->port, flow->port,
                         strangers != NULL ? strangers : "accept",
                         b_host != NULL ? b_host : "127.0.0.1", flow->b.port, b_keys, flow->c.port);
    flow->fixture = td_fixture_new (config);
}

void
sip_peers_stop_switch (Flow *flow)
{
    g_clear_pointer (&flow->fixture, td_fixture_free);
}

void
sip_peers_tear_down (Flow *flow, gconstpointer data)
{
    if (flow->fixture != NULL) {
        td_engine_advance (100 * 1000);
        sip_peers_stop_switch (flow);
    }
    sip_peer_close (&flow->a);
    sip_peer_close (&flow->b);
    sip_peer_close (&flow->c);
    sip_peer_close (&flow->probe);
    close (flow->claim);
    g_clear_pointer (&flow->a_parties, g_free);
    g_clear_pointer (&flow->b_parties, g_free);
    g_clear_pointer (&flow->b_call_id, g_free);
}

/* A calls B, B answers, all is acknowledged. */
void
sip_set_up_call (Flow *flow)
{
    sip_invite (flow, "", SDP ("offer-a"));
    expect (&flow->a, "SIP/2.0 100 ");
    expect (&flow->b, "INVITE sip:8001@127.0.0.1");
    sip_learn_b (flow, "pt");
    ANSWER (&flow->b, 200, SDP ("answer-b"));
    expect (&flow->b, "ACK ");
    expect (&flow->a, "SIP/2.0 200 ");
    sip_learn_a (flow);
    sip_from_a (flow, "ACK", 1, "", NULL);
    expect_nothing (&flow->a);
    expect_nothing (&flow->b);
}

void
sip_hang_up (Flow *flow)
{
    sip_from_a (flow, "BYE", 99, "", NULL);
    expect (&flow->a, "SIP/2.0 200 ");
    expect (&flow->b, "BYE ");
    ANSWER (&flow->b, 200, NULL);
}
