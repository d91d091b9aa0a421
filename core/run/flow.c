/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows: connections of a stream listener, their framing, and what waits for a slow peer. */

#include "run/flow.h"

#include "run/address.h"
#include "run/buffer.h"
#include "run/filtered.h"
#include "run/lane.h"
#include "run/socket.h"

#include <tandem/log.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 65536, /* taken from one connection in one go */
    WAITING_MAX_BYTES = 1 << 20,
    /* For a connection to stand, and for a peer to acknowledge what it was sent: as long as a
     * transaction would wait for an answer, RFC 3261 17.1.1.2 (64*T1). */
    PATIENCE_MS = 32000,
};

/* What a flow is looked for by: one whose peer was checked under one name is not another name's. */
typedef struct {
    TdAddress remote;
    const char *identity, *peer_name; /* nullable */
} Target;

/* A connection. What is not constant is the reader's own, but for N_WAITING. */
struct TdFlow {
    TdPort *port;
    uint64_t number;
    TdAddress local;
    Target target;
    int fd;                 /* -1: its errand has not come to the reader yet */
    uint32_t events;        /* epoll watches for these */
    uint8_t priority_class; /* of what it was made for */
    bool is_client;         /* this side connects */
    bool is_connected;
    bool is_shaking;               /* its filter does not know yet whom it is with */
    bool is_doomed;                /* ends as soon as nobody is in its functions */
    atomic_size_t n_waiting_bytes; /* taken from the module or the filter, not yet by the kernel */
    int64_t active_us;
    TdTimer timer; /* to stand; to shake hands; then for idleness; at once when doomed */
    TdFiltered filtered;
    TdBuffer in, out;
};

/* Never used twice in the life of the process, so a stale number finds nothing. */
static atomic_uint_least64_t last_number;

static TdFlows *
flows_of (const TdPort *port)
{
    return port->inside;
}

static unsigned
target_hash (gconstpointer key)
{
    return td_address_hash (&((const Target *) key)->remote);
}

static gboolean
target_equal (gconstpointer a, gconstpointer b)
{
    const Target *one = a, *other = b;

    return td_address_equal (&one->remote, &other->remote)
           && g_strcmp0 (one->identity, other->identity) == 0
           && g_strcmp0 (one->peer_name, other->peer_name) == 0;
}

static void
flow_free (void *data)
{
    TdFlow *flow = data;

    if (flow->fd >= 0) {
        close (flow->fd);
    }
    td_filtered_clear (&flow->filtered);
    g_free (flow->in.bytes);
    g_free (flow->out.bytes);
    g_free ((char *) flow->target.identity);
    g_free ((char *) flow->target.peer_name);
    g_free (flow);
}

/* Thread: any. The flow stays while the lock is held, or on the reader. */
static TdFlow *
find_flow (TdFlows *flows, uint64_t number)
{
    return g_hash_table_lookup (flows->by_number, &number);
}

static TdFlow *
find_flow_on_reader (TdFlows *flows, uint64_t number)
{
    pthread_mutex_lock (&flows->lock);
    TdFlow *flow = find_flow (flows, number);
    pthread_mutex_unlock (&flows->lock);
    return flow;
}

static void flow_timer_expired (TdTimer *timer);

/* Needs the lock. */
static TdFlow *
flow_new (TdPort *port, const Target *target)
{
    TdFlow *flow = g_new0 (TdFlow, 1);

    flow->port = port;
    flow->number = atomic_fetch_add_explicit (&last_number, 1, memory_order_relaxed) + 1;
    flow->target =
        (Target){ target->remote, g_strdup (target->identity), g_strdup (target->peer_name) };
    flow->is_shaking = port->decl.transport == TD_TRANSPORT_TLS;
    flow->fd = -1;
    td_timer_init (&flow->timer, NULL, flow_timer_expired);
    g_hash_table_insert (flows_of (port)->by_number, &flow->number, flow);
    g_hash_table_replace (flows_of (port)->by_target, &flow->target, flow);
    td_metric_add (port->n_connections, 1);
    return flow;
}

/* From now on a new connection is made when somebody wants to reach FLOW's peer. */
static void
forget_target (TdFlow *flow)
{
    TdFlows *flows = flows_of (flow->port);

    pthread_mutex_lock (&flows->lock);
    if (g_hash_table_lookup (flows->by_target, &flow->target) == flow) {
        g_hash_table_remove (flows->by_target, &flow->target);
    }
    pthread_mutex_unlock (&flows->lock);
}

/* Ends FLOW, but not under the feet of the module that is in one of its functions. */
static void
doom (TdFlow *flow)
{
    if (!flow->is_doomed) {
        flow->is_doomed = true;
        forget_target (flow);
        td_timer_start (&flow->timer, 0);
    }
}

/* Dooms FLOW for a reason that an operator may want to know. */
static void TD_PRINTF (3, 4) doom_aloud (TdFlow *flow, const char *code, const char *format, ...)
{
    char peer[TD_ADDRESS_TEXT_SIZE];
    TdLogField fields[] = { { "peer", td_address_print (&flow->target.remote, peer) },
                            { NULL, NULL } };
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *why = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    td_log_peer (td_port_module (flow->port), code, flow->port->name, fields, "%s", why);
    doom (flow);
}

/* The scratch array of FLOWS for what a filter has for the wire; nobody needs it for long. */
static GByteArray *
empty_wire (TdFlows *flows)
{
    return g_byte_array_set_size (flows->wire, 0);
}

/* A peer that hears it need not wonder whether something is missing. */
static void
say_good_bye (TdFlow *flow)
{
    TdFiltered *filtered = &flow->filtered;
    GByteArray *wire = empty_wire (flows_of (flow->port));

    if (filtered->state != NULL && td_buffer_len_bytes (&flow->out) == 0) {
        filtered->filter->close (filtered->state, wire);
        if (wire->len > 0
            && send (flow->fd, wire->data, wire->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            return; /* it will see */
        }
    }
}

/* Whether FLOW's handshake is one that its peer makes this side pay for. */
static bool
is_guest_shaking (const TdFlow *flow)
{
    return flow->is_shaking && !flow->is_client;
}

static void
count_shaking (TdFlow *flow, bool is_begun)
{
    TdFlows *flows = flows_of (flow->port);

    if (!is_begun) {
        td_sources_give (flows->shaking, &flow->target.remote);
    }
    td_metric_add (flow->port->n_handshakes, is_begun ? 1 : -1);
}

static void
flow_end (TdFlow *flow)
{
    TdPort *port = flow->port;

    say_good_bye (flow);
    forget_target (flow);
    pthread_mutex_lock (&flows_of (port)->lock);
    g_hash_table_remove (flows_of (port)->by_number, &flow->number);
    pthread_mutex_unlock (&flows_of (port)->lock);
    td_timer_stop (&flow->timer);
    if (!flow->is_client) {
        td_sources_give (flows_of (port)->sources, &flow->target.remote);
    }
    if (is_guest_shaking (flow)) {
        count_shaking (flow, false);
    }
    td_metric_add (port->n_connections, -1);
    td_port_tell_closed (port, flow->number, &flow->target.remote);
    flow_free (flow);
}

/* Has epoll look for what FLOW needs now. */
static void
watch (TdFlow *flow)
{
    bool is_writing = !flow->is_connected || td_buffer_len_bytes (&flow->out) > 0;
    uint32_t events = (flow->is_connected ? EPOLLIN : 0) | (is_writing ? EPOLLOUT : 0);
    struct epoll_event event = { .events = events, .data.ptr = flow };
    int operation = flow->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    const TdFlows *flows = flows_of (flow->port);
    int epoll_fd = is_guest_shaking (flow) ? flows->shaking_fd : flows->epoll_fd;

    if (events == flow->events || flow->is_doomed) {
        return;
    }
    if (epoll_ctl (epoll_fd, operation, flow->fd, &event) != 0) {
        doom_aloud (flow, "socket.watch", "cannot watch the connection: %s", g_strerror (errno));
        return;
    }
    flow->events = events;
}

/* Has FLOW end when nothing happens: first with its handshake, then at all. */
static void
start_waiting (TdFlow *flow)
{
    const TdListenerDecl *decl = &flow->port->decl;
    uint32_t timeout_ms = flow->is_shaking ? decl->handshake_timeout_ms : decl->idle_timeout_ms;

    td_timer_stop (&flow->timer);
    if (timeout_ms > 0) {
        td_timer_start (&flow->timer, timeout_ms);
    }
}

/* FLOW stands. */
static void
flow_connected (TdFlow *flow)
{
    socklen_t len = sizeof flow->local;

    flow->is_connected = true;
    getsockname (flow->fd, &flow->local.any, &len);
    flow->active_us = td_clock_now_us ();
    start_waiting (flow);
    watch (flow);
}

static void
flow_timer_expired (TdTimer *timer)
{
    TdFlow *flow = (TdFlow *) ((char *) timer - offsetof (TdFlow, timer));
    uint32_t timeout_ms = flow->port->decl.idle_timeout_ms;

    if (!flow->is_doomed && !flow->is_connected) {
        doom_aloud (flow, "socket.connect", "cannot connect: no answer in %d s",
                    PATIENCE_MS / 1000);
    } else if (!flow->is_doomed && flow->is_shaking) {
        doom_aloud (flow, "socket.handshake", "the handshake is not over after %u ms",
                    flow->port->decl.handshake_timeout_ms);
    }
    if (!flow->is_doomed) {
        /* Idle means that nothing was sent or received: RFC 3261 18. */
        int64_t idle_ms = (td_clock_now_us () - flow->active_us) / 1000;
        if (idle_ms < timeout_ms) {
            td_timer_start (timer, timeout_ms - (uint32_t) idle_ms);
            return;
        }
    }
    flow_end (flow);
}

/* Gives the kernel what it takes of BYTES. Returns how much that was. */
static size_t
push (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    ssize_t n_sent = send (flow->fd, bytes, len_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n_sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            doom_aloud (flow, "socket.send", "cannot send: %s", g_strerror (errno));
        }
        return 0;
    }
    flow->active_us = td_clock_now_us ();
    atomic_fetch_sub_explicit (&flow->n_waiting_bytes, (size_t) n_sent, memory_order_relaxed);
    return (size_t) n_sent;
}

static void
flush (TdFlow *flow)
{
    TdBuffer *out = &flow->out;

    if (td_buffer_len_bytes (out) > 0) {
        td_buffer_consume (out, push (flow, out->bytes + out->begin, td_buffer_len_bytes (out)));
    }
    watch (flow);
}

/* Sends what is counted as waiting. */
static void
send_raw (TdFlow *flow, const void *bytes, size_t len_bytes)
{
    size_t n_sent = 0;

    if (flow->is_connected && td_buffer_len_bytes (&flow->out) == 0) {
        n_sent = push (flow, bytes, len_bytes);
    }
    if (n_sent < len_bytes && !flow->is_doomed) {
        td_buffer_append (&flow->out, (const char *) bytes + n_sent, len_bytes - n_sent);
        if (flow->is_connected) {
            watch (flow);
        }
    }
}

/* Sends what a filter has made. */
static void
send_wire (TdFlow *flow, const GByteArray *wire)
{
    if (wire->len == 0 || flow->is_doomed) {
        return;
    }
    atomic_fetch_add_explicit (&flow->n_waiting_bytes, wire->len, memory_order_relaxed);
    send_raw (flow, wire->data, wire->len);
    if (td_buffer_len_bytes (&flow->out) > 2 * WAITING_MAX_BYTES && !flow->is_doomed) {
        doom_aloud (flow, "socket.send",
                    "the peer does not take what its own bytes are answered "
                    "with");
    }
}

/* Has the filter make something for the wire of BYTES, which were counted as waiting. */
static void
send_filtered (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    TdFiltered *filtered = &flow->filtered;
    GByteArray *wire = empty_wire (flows_of (flow->port));
    TdFilterState state = filtered->filter->send (filtered->state, bytes, len_bytes, wire);

    send_wire (flow, wire);
    atomic_fetch_sub_explicit (&flow->n_waiting_bytes, len_bytes, memory_order_relaxed);
    if (state == TD_FILTER_FAILED && !flow->is_doomed) {
        doom_aloud (flow, "socket.filter", "cannot send: %s",
                    filtered->filter->why (filtered->state));
    }
}

/* Sends what take_room() has let in. */
static void
flow_write (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    if (flow->is_doomed) {
        return;
    }
    td_metric_add (flow->port->n_sent, 1);
    if (flow->port->decl.transport != TD_TRANSPORT_TLS) {
        send_raw (flow, bytes, len_bytes);
    } else if (flow->is_shaking) {
        td_buffer_append (&flow->filtered.held, bytes, len_bytes);
    } else {
        send_filtered (flow, bytes, len_bytes);
    }
}

static void
deliver (TdFlow *flow, char *bytes, size_t len_bytes)
{
    TdPacket packet = { .flow = flow->number,
                        .transport = flow->port->decl.transport,
                        .local = flow->local,
                        .remote = flow->target.remote,
                        .arrival_us = td_clock_now_us (),
                        .bytes = bytes,
                        .len_bytes = len_bytes,
                        .peer = flow->filtered.peer };
    char saved = bytes[len_bytes];

    bytes[len_bytes] = '\0';
    td_port_hand_over (flow->port, &packet);
    bytes[len_bytes] = saved;
}

/* Delivers the messages that are whole in BYTES, behind which there is room for a NUL. Returns how
 * much of them that was. */
static size_t
cut_messages (TdFlow *flow, char *bytes, size_t len_bytes)
{
    uint32_t max_message_bytes = flow->port->decl.max_message_bytes;
    size_t done = 0;

    while (done < len_bytes && !flow->is_doomed && !td_port_is_silent (flow->port)) {
        size_t left = len_bytes - done;
        const TdListener *newest = td_port_newest (flow->port);
        if (newest == NULL) {
            break; /* closed in this very moment */
        }
        ssize_t len = newest->decl.frame (bytes + done, left, newest->decl.data);
        if (len < 0) {
            doom_aloud (flow, "socket.frame", "what the peer sent is no message");
            break;
        }
        bool is_whole = len > 0 && (size_t) len <= left;
        if ((len > 0 ? (size_t) len : left) > max_message_bytes) {
            td_metric_add (flow->port->n_dropped, 1);
            doom_aloud (flow, "socket.length", "a message of the peer is longer than %u bytes",
                        max_message_bytes);
            break;
        }
        if (!is_whole) {
            break;
        }
        deliver (flow, bytes + done, (size_t) len);
        done += (size_t) len;
    }
    return done;
}

/* Takes N bytes, behind which there is room for a NUL, of what a peer meant. */
static void
take_plain (TdFlow *flow, char *bytes, size_t n)
{
    TdBuffer *in = &flow->in;

    if (td_buffer_len_bytes (in) == 0) {
        size_t done = cut_messages (flow, bytes, n);
        if (done < n) {
            td_buffer_append (in, bytes + done, n - done);
        }
    } else {
        td_buffer_append (in, bytes, n);
        td_buffer_consume (in,
                           cut_messages (flow, in->bytes + in->begin, td_buffer_len_bytes (in)));
    }
}

/* Begins to shake hands. */
static void
begin_filter (TdFlow *flow)
{
    const TdListener *newest = td_port_newest (flow->port);
    GByteArray *wire = empty_wire (flows_of (flow->port));

    if (newest == NULL) {
        doom (flow); /* closed in this very moment */
        return;
    }
    const Target *target = &flow->target;
    TdFilterFlow what = { .size = sizeof what,
                          .is_client = flow->is_client,
                          .identity =
                              target->identity != NULL ? target->identity : newest->decl.identity,
                          .peer_name = target->peer_name,
                          .remote = target->remote };
    const char *why = td_filtered_begin (&flow->filtered, newest, &what, wire);
    if (why != NULL) {
        doom_aloud (flow, "socket.handshake", "the connection cannot be served: %s", why);
        return;
    }
    send_wire (flow, wire);
}

/* It is known whom FLOW is with: what waited for that goes out. */
static void
flow_opened (TdFlow *flow)
{
    TdFiltered *filtered = &flow->filtered;
    TdBuffer held = filtered->held;

    if (is_guest_shaking (flow)) { /* from now on it is served as the others are */
        epoll_ctl (flows_of (flow->port)->shaking_fd, EPOLL_CTL_DEL, flow->fd, NULL);
        flow->events = 0;
        count_shaking (flow, false);
    }
    flow->is_shaking = false;
    watch (flow);
    filtered->held = (TdBuffer){ 0 };
    filtered->peer = filtered->filter->peer (filtered->state);
    start_waiting (flow);
    if (td_buffer_len_bytes (&held) > 0) {
        send_filtered (flow, held.bytes + held.begin, td_buffer_len_bytes (&held));
    }
    g_free (held.bytes);
}

/* Takes N bytes from the wire. */
static void
take_filtered (TdFlow *flow, const char *bytes, size_t n)
{
    TdFlows *flows = flows_of (flow->port);
    TdFiltered *filtered = &flow->filtered;
    GByteArray *wire = empty_wire (flows), *plain = g_byte_array_set_size (flows->plain, 0);

    if (filtered->state == NULL) { /* a peer that says nothing costs no more than its socket */
        begin_filter (flow);
    }
    if (flow->is_doomed) {
        return;
    }
    TdFilterState state = filtered->filter->receive (filtered->state, bytes, n, plain, wire);
    send_wire (flow, wire);
    if (state == TD_FILTER_FAILED && !flow->is_doomed) {
        doom_aloud (flow, flow->is_shaking ? "socket.handshake" : "socket.filter", "%s: %s",
                    flow->is_shaking ? "the handshake failed" : "the connection is broken",
                    filtered->filter->why (filtered->state));
        return;
    }
    if (state != TD_FILTER_SHAKING && flow->is_shaking && !flow->is_doomed) {
        flow_opened (flow);
    }
    if (plain->len > 0 && !flow->is_doomed) {
        size_t n_plain = plain->len;
        g_byte_array_set_size (plain, plain->len + 1);
        take_plain (flow, (char *) plain->data, n_plain);
    }
    if (state == TD_FILTER_CLOSED) {
        doom (flow);
    }
}

static void
flow_read (TdFlow *flow)
{
    char *scratch = flows_of (flow->port)->scratch;
    ssize_t n = recv (flow->fd, scratch, READ_BYTES, MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            doom_aloud (flow, "socket.receive", "cannot receive: %s", g_strerror (errno));
        }
        return;
    }
    if (n == 0) {
        if (flow->is_shaking && flow->filtered.state != NULL) {
            doom_aloud (flow, "socket.handshake", "the peer hung up during the handshake");
        }
        doom (flow);
        return;
    }
    flow->active_us = td_clock_now_us ();
    if (flow->port->decl.transport == TD_TRANSPORT_TLS) {
        take_filtered (flow, scratch, (size_t) n);
    } else {
        take_plain (flow, scratch, (size_t) n);
    }
}

bool
td_flow_is_shaking (const TdFlow *flow)
{
    return flow->is_shaking;
}

static void
finish_connect (TdFlow *flow)
{
    int code = 0;
    socklen_t len = sizeof code;

    getsockopt (flow->fd, SOL_SOCKET, SO_ERROR, &code, &len);
    if (code != 0) {
        doom_aloud (flow, "socket.connect", "cannot connect: %s", g_strerror (code));
        return;
    }
    flow_connected (flow);
    if (flow->is_shaking && !flow->is_doomed) {
        begin_filter (flow);
    }
    if (!flow->is_doomed) {
        flush (flow);
    }
}

void
td_flow_serve (TdFlow *flow, uint32_t events)
{
    if (!flow->is_doomed && !flow->is_connected) {
        finish_connect (flow);
    } else {
        if (!flow->is_doomed && (events & EPOLLOUT) != 0) {
            flush (flow);
        }
        if (!flow->is_doomed && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
            flow_read (flow);
        }
    }
    if (flow->is_doomed) {
        flow_end (flow);
    }
}

static bool
is_wildcard (const TdAddress *address)
{
    return address->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED (&address->v6.sin6_addr)
                                              : address->v4.sin_addr.s_addr == INADDR_ANY;
}

bool
td_flow_prepare (int fd, const TdListenerDecl *decl, GError **error)
{
    int on = 1, patience_ms = PATIENCE_MS;

    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt (fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &patience_ms, sizeof patience_ms);
    setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return td_socket_prepare (fd, decl, error);
}

/* Begins to connect FLOW, from the address that its listener is bound to. */
static bool
begin_connecting (TdFlow *flow, GError **error)
{
    const TdPort *port = flow->port;
    TdAddress local = port->address;
    int on = 1;

    if (flow->target.remote.any.sa_family != local.any.sa_family) {
        td_socket_fail (error, port->name, "connect from this listener", EAFNOSUPPORT);
        return false;
    }
    flow->fd = socket (local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (flow->fd < 0 || !td_descriptor_may_keep (flow->fd, flow->priority_class)) {
        td_socket_fail (error, port->name, "make a socket", errno);
        return false;
    }
    if (!td_flow_prepare (flow->fd, &port->decl, error)) {
        return false;
    }
    td_address_set_port (&local, 0);
    setsockopt (flow->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (!is_wildcard (&local) && bind (flow->fd, &local.any, td_address_len_bytes (&local)) != 0) {
        td_socket_fail (error, port->name, "bind a new connection", errno);
        return false;
    }
    if (connect (flow->fd, &flow->target.remote.any, td_address_len_bytes (&flow->target.remote))
            != 0
        && errno != EINPROGRESS) {
        td_socket_fail (error, port->name, "connect", errno);
        return false;
    }
    return true;
}

uint64_t
td_flow_to (TdFlows *flows, const TdAddress *remote, const TdFlowWish *wish, bool *ret_is_new)
{
    Target target = { *remote, wish->identity, wish->peer_name };

    pthread_mutex_lock (&flows->lock);
    TdFlow *flow = g_hash_table_lookup (flows->by_target, &target);
    *ret_is_new = flow == NULL;
    if (flow == NULL) {
        flow = flow_new (flows->port, &target);
        flow->is_client = true;
        flow->priority_class = (uint8_t) wish->priority_class;
    }
    uint64_t number = flow->number;
    pthread_mutex_unlock (&flows->lock);
    return number;
}

void
td_flow_connect_now (TdFlows *flows, uint64_t number)
{
    TdFlow *flow = find_flow_on_reader (flows, number);
    g_autoptr (GError) error = NULL;

    if (flow != NULL && td_port_is_silent (flows->port)) {
        flow_end (flow);
    } else if (flow != NULL && begin_connecting (flow, &error)) {
        td_timer_start (&flow->timer, PATIENCE_MS);
        watch (flow);
    } else if (flow != NULL) {
        doom_aloud (flow, "socket.connect", "%s", error->message);
    }
}

/* Whether LEN_BYTES more may wait for the peer; if so they are counted. */
static bool
take_room (TdFlow *flow, size_t len_bytes)
{
    size_t n_waiting =
        atomic_fetch_add_explicit (&flow->n_waiting_bytes, len_bytes, memory_order_relaxed);

    if (n_waiting + len_bytes <= WAITING_MAX_BYTES) {
        return true;
    }
    atomic_fetch_sub_explicit (&flow->n_waiting_bytes, len_bytes, memory_order_relaxed);
    return false;
}

bool
td_flow_take_room (TdFlows *flows, uint64_t number, size_t len_bytes)
{
    if (len_bytes > WAITING_MAX_BYTES) {
        return false;
    }
    pthread_mutex_lock (&flows->lock);
    TdFlow *flow = find_flow (flows, number);
    bool has_room = flow != NULL && take_room (flow, len_bytes);
    pthread_mutex_unlock (&flows->lock);
    return has_room;
}

bool
td_flow_write (TdFlows *flows, uint64_t number, const char *bytes, size_t len_bytes)
{
    TdFlow *flow = find_flow_on_reader (flows, number);

    if (flow != NULL) {
        flow_write (flow, bytes, len_bytes);
    }
    return flow != NULL && !flow->is_doomed;
}

void
td_flows_shake (TdFlows *flows)
{
    struct epoll_event event;

    if (epoll_wait (flows->shaking_fd, &event, 1, 0) == 1) {
        td_flow_serve (event.data.ptr, event.events);
    }
}

bool
td_flows_let_shake (TdFlows *flows, bool is_on)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &flows->shaking_fd };

    return epoll_ctl (flows->epoll_fd, is_on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, flows->shaking_fd,
                      &event)
           == 0;
}

static void
turn_away (TdPort *port, int fd, const TdAddress *remote, const char *why)
{
    char peer[TD_ADDRESS_TEXT_SIZE];
    TdLogField fields[] = { { "peer", td_address_print (remote, peer) }, { NULL, NULL } };

    close (fd);
    td_log_peer (td_port_module (port), "socket.accept", port->name, fields,
                 "its source has %s already", why);
    td_metric_add (port->n_turned_away, 1);
}

/* Whether one more connection from REMOTE is let in; FD is closed otherwise. */
static bool
let_in (TdFlows *flows, int fd, const TdAddress *remote)
{
    TdPort *port = flows->port;
    bool is_shaking = port->decl.transport == TD_TRANSPORT_TLS;

    if (!td_sources_take (flows->sources, remote, port->decl.max_flows_of_source)) {
        turn_away (port, fd, remote, "as many connections open as one may have");
        return false;
    }
    if (is_shaking
        && !td_sources_take (flows->shaking, remote, port->decl.max_handshakes_of_source)) {
        td_sources_give (flows->sources, remote);
        turn_away (port, fd, remote, "as many handshakes under way as one may have");
        return false;
    }
    return true;
}

void
td_flow_accepted (TdFlows *flows, int fd, const TdAddress *remote)
{
    Target target = { .remote = *remote };

    if (!let_in (flows, fd, remote)) {
        return;
    }
    pthread_mutex_lock (&flows->lock);
    TdFlow *flow = flow_new (flows->port, &target);
    pthread_mutex_unlock (&flows->lock);
    flow->fd = fd;
    if (flow->is_shaking) {
        count_shaking (flow, true);
    }
    flow_connected (flow);
}

bool
td_flows_open (TdFlows *flows, TdPort *port)
{
    flows->port = port;
    flows->scratch = g_malloc (READ_BYTES + 1);
    flows->plain = g_byte_array_new ();
    flows->wire = g_byte_array_new ();
    flows->sources = td_sources_new ();
    flows->shaking = td_sources_new ();
    flows->by_number = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, NULL);
    flows->by_target = g_hash_table_new (target_hash, target_equal);
    pthread_mutex_init (&flows->lock, NULL);
    flows->shaking_fd = -1;
    flows->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    if (flows->epoll_fd < 0 || port->decl.transport != TD_TRANSPORT_TLS) {
        return flows->epoll_fd >= 0;
    }
    flows->shaking_fd = epoll_create1 (EPOLL_CLOEXEC);
    return flows->shaking_fd >= 0 && td_flows_let_shake (flows, true);
}

void
td_flows_end (TdFlows *flows)
{
    GHashTableIter all;
    void *data;

    pthread_mutex_lock (&flows->lock);
    g_hash_table_remove_all (flows->by_target);
    g_hash_table_iter_init (&all, flows->by_number);
    while (g_hash_table_iter_next (&all, NULL, &data)) {
        TdFlow *flow = data;
        g_hash_table_iter_steal (&all);
        td_timer_stop (&flow->timer);
        td_metric_add (flows->port->n_connections, -1);
        if (is_guest_shaking (flow)) {
            count_shaking (flow, false);
        }
        flow_free (flow);
    }
    pthread_mutex_unlock (&flows->lock);
}

void
td_flows_close (TdFlows *flows)
{
    GHashTableIter all;
    void *flow;

    /* What was asked for after the reader had been visited, and then dropped with its lane. */
    g_hash_table_iter_init (&all, flows->by_number);
    while (g_hash_table_iter_next (&all, NULL, &flow)) {
        flow_free (flow);
    }
    g_hash_table_unref (flows->by_number);
    g_hash_table_unref (flows->by_target);
    if (flows->shaking_fd >= 0) {
        close (flows->shaking_fd);
    }
    if (flows->epoll_fd >= 0) {
        close (flows->epoll_fd);
    }
    pthread_mutex_destroy (&flows->lock);
    g_byte_array_unref (flows->plain);
    g_byte_array_unref (flows->wire);
    td_sources_free (flows->sources);
    td_sources_free (flows->shaking);
    g_free (flows->scratch);
}
