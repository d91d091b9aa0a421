/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stream listeners: accepting, connecting, framing, and what waits for a slow peer. */

#include "run/port.h"
#include "run/socket.h"

#include "run/lane.h"

#include <tandem/log.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 64,        /* served in one turn of the main context */
    READ_BYTES = 65536, /* taken from one connection in one go */
    WAITING_MAX_BYTES = 1 << 20,
    PAUSE_MS = 1000, /* before accepting is tried again without descriptors */
    /* For a connection to stand, and for a peer to acknowledge what it was sent: as long as a
     * transaction would wait for an answer, RFC 3261 17.1.1.2 (64*T1). */
    PATIENCE_MS = 32000,
};

typedef struct {
    char *bytes;
    size_t begin, end, size; /* what is there, and the room */
} Buffer;

/* A connection. What is not constant is the reader's own, but for N_WAITING. */
struct TdFlow {
    TdPort *port;
    uint64_t number;
    TdAddress local, remote;
    int fd;          /* -1: its errand has not come to the reader yet */
    uint32_t events; /* epoll watches for these */
    bool is_connected;
    bool is_doomed;                /* ends as soon as nobody is in its functions */
    atomic_size_t n_waiting_bytes; /* taken from the module, not yet by the kernel */
    int64_t active_us;
    TdTimer timer; /* for the connection to stand; then for idleness; at once when doomed */
    Buffer in, out;
};

typedef struct {
    TdPort *port;
    int epoll_fd;
    TdTimer pause;        /* of accepting */
    char *scratch;        /* READ_BYTES and a NUL */
    pthread_mutex_t lock; /* guards the tables: other lanes look up, only the reader removes */
    GHashTable *by_number, *by_remote;
} Streams;

static Streams *
streams_of (const TdPort *port)
{
    return port->inside;
}

/* What another lane wants done with a flow. */
typedef struct {
    TdPost post;
    TdPort *port;
    uint64_t flow;
    size_t len_bytes;
    char bytes[];
} Errand;

/* Never used twice in the life of the process, so a stale number finds nothing. */
static atomic_uint_least64_t last_number;

static void
buffer_append (Buffer *buffer, const char *bytes, size_t len_bytes)
{
    if (buffer->begin > 0 && buffer->size - buffer->end < len_bytes + 1) {
        memmove (buffer->bytes, buffer->bytes + buffer->begin, buffer->end - buffer->begin);
        buffer->end -= buffer->begin;
        buffer->begin = 0;
    }
    if (buffer->size - buffer->end < len_bytes + 1) { /* a NUL will find its place, too */
        buffer->size = MAX (buffer->size * 2, buffer->end + len_bytes + 1);
        buffer->bytes = g_realloc (buffer->bytes, buffer->size);
    }
    memcpy (buffer->bytes + buffer->end, bytes, len_bytes);
    buffer->end += len_bytes;
}

static size_t
buffer_len_bytes (const Buffer *buffer)
{
    return buffer->end - buffer->begin;
}

/* Takes away the first N_BYTES; an empty buffer keeps no memory, most connections are idle. */
static void
buffer_consume (Buffer *buffer, size_t n_bytes)
{
    buffer->begin += n_bytes;
    if (buffer->begin == buffer->end) {
        g_free (buffer->bytes);
        *buffer = (Buffer){ NULL, 0, 0, 0 };
    }
}

static unsigned
remote_hash (gconstpointer key)
{
    const TdAddress *address = key;
    uint32_t hash = td_address_port (address);

    if (address->any.sa_family == AF_INET) {
        return hash ^ address->v4.sin_addr.s_addr * 2654435761U;
    }
    for (unsigned i = 0; i < 4; i++) {
        hash = (hash ^ address->v6.sin6_addr.s6_addr32[i]) * 2654435761U;
    }
    return hash;
}

static gboolean
remote_equal (gconstpointer a, gconstpointer b)
{
    return td_address_equal (a, b);
}

static void
flow_free (void *data)
{
    TdFlow *flow = data;

    if (flow->fd >= 0) {
        close (flow->fd);
    }
    g_free (flow->in.bytes);
    g_free (flow->out.bytes);
    g_free (flow);
}

/* Thread: any. The flow stays while the lock is held, or on the reader. */
static TdFlow *
find_flow (Streams *streams, uint64_t number)
{
    return g_hash_table_lookup (streams->by_number, &number);
}

static TdFlow *
find_flow_on_reader (Streams *streams, uint64_t number)
{
    pthread_mutex_lock (&streams->lock);
    TdFlow *flow = find_flow (streams, number);
    pthread_mutex_unlock (&streams->lock);
    return flow;
}

static void flow_timer_expired (TdTimer *timer);

/* Needs the lock. */
static TdFlow *
flow_new (TdPort *port, const TdAddress *remote)
{
    TdFlow *flow = g_new0 (TdFlow, 1);

    flow->port = port;
    flow->number = atomic_fetch_add_explicit (&last_number, 1, memory_order_relaxed) + 1;
    flow->remote = *remote;
    flow->fd = -1;
    td_timer_init (&flow->timer, NULL, flow_timer_expired);
    g_hash_table_insert (streams_of (port)->by_number, &flow->number, flow);
    g_hash_table_replace (streams_of (port)->by_remote, &flow->remote, flow);
    td_metric_add (port->n_connections, 1);
    return flow;
}

/* From now on a new connection is made when somebody wants to reach FLOW's peer. */
static void
forget_remote (TdFlow *flow)
{
    Streams *streams = streams_of (flow->port);

    pthread_mutex_lock (&streams->lock);
    if (g_hash_table_lookup (streams->by_remote, &flow->remote) == flow) {
        g_hash_table_remove (streams->by_remote, &flow->remote);
    }
    pthread_mutex_unlock (&streams->lock);
}

/* Ends FLOW, but not under the feet of the module that is in one of its functions. */
static void
doom (TdFlow *flow)
{
    if (!flow->is_doomed) {
        flow->is_doomed = true;
        forget_remote (flow);
        td_timer_start (&flow->timer, 0);
    }
}

/* Dooms FLOW for a reason that an operator may want to know. */
static void TD_PRINTF (3, 4) doom_aloud (TdFlow *flow, const char *code, const char *format, ...)
{
    char peer[TD_ADDRESS_TEXT_SIZE];
    TdLogField fields[] = { { "peer", td_address_print (&flow->remote, peer) }, { NULL, NULL } };
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *why = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    td_log_peer (td_port_module (flow->port), code, flow->port->name, fields, "%s", why);
    doom (flow);
}

static void
flow_end (TdFlow *flow)
{
    TdPort *port = flow->port;

    forget_remote (flow);
    pthread_mutex_lock (&streams_of (port)->lock);
    g_hash_table_remove (streams_of (port)->by_number, &flow->number);
    pthread_mutex_unlock (&streams_of (port)->lock);
    td_timer_stop (&flow->timer);
    td_metric_add (port->n_connections, -1);
    td_port_tell_closed (port, flow->number, &flow->remote);
    flow_free (flow);
}

/* Has epoll look for what FLOW needs now. */
static void
watch (TdFlow *flow)
{
    bool is_writing = !flow->is_connected || buffer_len_bytes (&flow->out) > 0;
    uint32_t events = (flow->is_connected ? EPOLLIN : 0) | (is_writing ? EPOLLOUT : 0);
    struct epoll_event event = { .events = events, .data.ptr = flow };
    int operation = flow->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;

    if (events == flow->events || flow->is_doomed) {
        return;
    }
    if (epoll_ctl (streams_of (flow->port)->epoll_fd, operation, flow->fd, &event) != 0) {
        doom_aloud (flow, "socket.watch", "cannot watch the connection: %s", g_strerror (errno));
        return;
    }
    flow->events = events;
}

/* FLOW stands. */
static void
flow_connected (TdFlow *flow)
{
    socklen_t len = sizeof flow->local;

    flow->is_connected = true;
    getsockname (flow->fd, &flow->local.any, &len);
    flow->active_us = td_clock_now_us ();
    td_timer_stop (&flow->timer);
    if (flow->port->decl.idle_timeout_ms > 0) {
        td_timer_start (&flow->timer, flow->port->decl.idle_timeout_ms);
    }
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
    Buffer *out = &flow->out;

    if (buffer_len_bytes (out) > 0) {
        buffer_consume (out, push (flow, out->bytes + out->begin, buffer_len_bytes (out)));
    }
    watch (flow);
}

/* Sends what reserve_room() has let in. Thread: the reader. */
static void
flow_write (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    size_t n_sent = 0;

    if (flow->is_doomed) {
        return;
    }
    td_metric_add (flow->port->n_sent, 1);
    if (flow->is_connected && buffer_len_bytes (&flow->out) == 0) {
        n_sent = push (flow, bytes, len_bytes);
    }
    if (n_sent < len_bytes && !flow->is_doomed) {
        buffer_append (&flow->out, bytes + n_sent, len_bytes - n_sent);
        if (flow->is_connected) {
            watch (flow);
        }
    }
}

static void
deliver (TdFlow *flow, char *bytes, size_t len_bytes)
{
    TdPacket packet = { .flow = flow->number,
                        .transport = TD_TRANSPORT_TCP,
                        .local = flow->local,
                        .remote = flow->remote,
                        .arrival_us = td_clock_now_us (),
                        .bytes = bytes,
                        .len_bytes = len_bytes };
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

static void
flow_read (TdFlow *flow)
{
    Buffer *in = &flow->in;
    char *scratch = streams_of (flow->port)->scratch;
    ssize_t n = recv (flow->fd, scratch, READ_BYTES, MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            doom_aloud (flow, "socket.receive", "cannot receive: %s", g_strerror (errno));
        }
        return;
    }
    if (n == 0) {
        doom (flow);
        return;
    }
    flow->active_us = td_clock_now_us ();
    if (buffer_len_bytes (in) == 0) {
        size_t done = cut_messages (flow, scratch, (size_t) n);
        if (done < (size_t) n) {
            buffer_append (in, scratch + done, (size_t) n - done);
        }
    } else {
        buffer_append (in, scratch, (size_t) n);
        buffer_consume (in, cut_messages (flow, in->bytes + in->begin, buffer_len_bytes (in)));
    }
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
    flush (flow);
}

static void
serve_flow (TdFlow *flow, uint32_t events)
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

/* Watches the listening socket, which is the one without a flow. */
static bool
watch_listening (TdPort *port)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl (streams_of (port)->epoll_fd, EPOLL_CTL_ADD, port->fd, &event) == 0;
}

static void
pause_accepting (TdPort *port, int code)
{
    epoll_ctl (streams_of (port)->epoll_fd, EPOLL_CTL_DEL, port->fd, NULL);
    td_timer_start (&streams_of (port)->pause, PAUSE_MS);
    td_log_peer (td_port_module (port), "socket.accept", port->name, NULL,
                 "cannot accept a connection, tries again in %d ms: %s", PAUSE_MS,
                 g_strerror (code));
}

static void
accept_one (TdPort *port, int fd, const TdAddress *remote)
{
    Streams *streams = streams_of (port);

    pthread_mutex_lock (&streams->lock);
    TdFlow *flow = flow_new (port, remote);
    pthread_mutex_unlock (&streams->lock);
    flow->fd = fd;
    flow_connected (flow);
}

/* Takes the connections that wait. Without descriptors the socket would stay readable and keep the
 * lane busy for nothing, so it is left alone for a while: the peers wait in the kernel's queue. */
static void
accept_flows (TdPort *port)
{
    for (unsigned i = 0; i < EVENTS; i++) {
        TdAddress remote = { .v6 = { 0 } };
        socklen_t len = sizeof remote;
        int fd = accept4 (port->fd, &remote.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one (port, fd, &remote);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            pause_accepting (port, errno);
            return;
        default: /* what befell that one connection before it was taken: accept(2) */
            break;
        }
    }
}

static void
accept_again (TdTimer *timer)
{
    Streams *streams = (Streams *) ((char *) timer - offsetof (Streams, pause));

    if (!watch_listening (streams->port)) {
        td_timer_start (timer, PAUSE_MS);
    }
}

static void
serve (TdPort *port)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait (streams_of (port)->epoll_fd, events, EVENTS, 0);

    for (int i = 0; i < n && !td_port_is_silent (port); i++) {
        if (events[i].data.ptr == NULL) {
            accept_flows (port);
        } else {
            serve_flow (events[i].data.ptr, events[i].events);
        }
    }
}

static bool
is_wildcard (const TdAddress *address)
{
    return address->any.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED (&address->v6.sin6_addr)
                                              : address->v4.sin_addr.s_addr == INADDR_ANY;
}

/* What accepted connections inherit from the listening socket, and others get one by one. */
static bool
prepare_stream (int fd, const TdListenerDecl *decl, GError **error)
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

    if (flow->remote.any.sa_family != local.any.sa_family) {
        td_socket_fail (error, port->name, "connect from this listener", EAFNOSUPPORT);
        return false;
    }
    flow->fd = socket (local.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (flow->fd < 0) {
        td_socket_fail (error, port->name, "make a socket", errno);
        return false;
    }
    if (!prepare_stream (flow->fd, &port->decl, error)) {
        return false;
    }
    td_address_set_port (&local, 0);
    setsockopt (flow->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (!is_wildcard (&local) && bind (flow->fd, &local.any, td_address_len_bytes (&local)) != 0) {
        td_socket_fail (error, port->name, "bind a new connection", errno);
        return false;
    }
    if (connect (flow->fd, &flow->remote.any, td_address_len_bytes (&flow->remote)) != 0
        && errno != EINPROGRESS) {
        td_socket_fail (error, port->name, "connect", errno);
        return false;
    }
    return true;
}

static void
errand_free (TdPost *post)
{
    td_port_unref (((Errand *) post)->port);
    g_free (post);
}

static void
run_connect (TdPost *post)
{
    Errand *errand = (Errand *) post;
    TdFlow *flow = find_flow_on_reader (streams_of (errand->port), errand->flow);
    g_autoptr (GError) error = NULL;

    if (flow != NULL && td_port_is_silent (errand->port)) {
        flow_end (flow);
    } else if (flow != NULL && begin_connecting (flow, &error)) {
        td_timer_start (&flow->timer, PATIENCE_MS);
        watch (flow);
    } else if (flow != NULL) {
        doom_aloud (flow, "socket.connect", "%s", error->message);
    }
    errand_free (post);
}

static void
run_send (TdPost *post)
{
    Errand *errand = (Errand *) post;
    TdFlow *flow = find_flow_on_reader (streams_of (errand->port), errand->flow);

    if (flow != NULL) {
        flow_write (flow, errand->bytes, errand->len_bytes);
    }
    errand_free (post);
}

/* Has the reader RUN something for FLOW. The core's own: what a module sent before it stopped is
 * still sent. */
static void
post_errand (TdPort *port, uint64_t flow, void (*run) (TdPost *post), const void *bytes,
             size_t len_bytes)
{
    Errand *errand = g_malloc (sizeof *errand + len_bytes);

    errand->post = (TdPost){ .run = run, .drop = errand_free };
    errand->port = td_port_ref (port);
    errand->flow = flow;
    errand->len_bytes = len_bytes;
    if (len_bytes > 0) {
        memcpy (errand->bytes, bytes, len_bytes);
    }
    td_lane_post (port->reader, &errand->post);
}

uint64_t
td_flow_connect (TdListener *listener, const TdAddress *remote)
{
    TdPort *port = listener->port;
    Streams *streams = streams_of (port);

    g_return_val_if_fail (port->kind == &td_stream_kind, 0);
    if (td_port_is_silent (port)) {
        return 0;
    }
    pthread_mutex_lock (&streams->lock);
    TdFlow *flow = g_hash_table_lookup (streams->by_remote, remote);
    bool is_new = flow == NULL;
    if (is_new) {
        flow = flow_new (port, remote);
    }
    uint64_t number = flow->number;
    pthread_mutex_unlock (&streams->lock);
    if (is_new) { /* on the reader, too: closed() must not come before the number is known */
        post_errand (port, number, run_connect, NULL, 0);
    }
    return number;
}

/* Whether LEN_BYTES more may wait for the peer; if so they are counted. Thread: any. */
static bool
reserve_room (TdFlow *flow, size_t len_bytes)
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
td_flow_send (TdListener *listener, uint64_t number, const void *bytes, size_t len_bytes)
{
    TdPort *port = listener->port;
    Streams *streams = streams_of (port);

    g_return_val_if_fail (port->kind == &td_stream_kind, false);
    if (len_bytes > WAITING_MAX_BYTES) {
        return false;
    }
    pthread_mutex_lock (&streams->lock);
    TdFlow *flow = find_flow (streams, number);
    bool has_room = flow != NULL && reserve_room (flow, len_bytes);
    pthread_mutex_unlock (&streams->lock);
    if (!has_room) {
        return false;
    }
    if (td_lane_current () != port->reader) {
        post_errand (port, number, run_send, bytes, len_bytes);
        return true;
    }
    flow_write (flow, bytes, len_bytes);
    return !flow->is_doomed;
}

static int
watched_fd (const TdPort *port)
{
    return streams_of (port)->epoll_fd;
}

static Streams *
streams_new (TdPort *port)
{
    Streams *streams = g_new0 (Streams, 1);

    streams->port = port;
    streams->scratch = g_malloc (READ_BYTES + 1);
    streams->by_number = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, NULL);
    streams->by_remote = g_hash_table_new (remote_hash, remote_equal);
    td_timer_init (&streams->pause, NULL, accept_again);
    pthread_mutex_init (&streams->lock, NULL);
    streams->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
    return streams;
}

static bool
open_socket (TdPort *port, GError **error)
{
    const TdListenerDecl *decl = &port->decl;
    socklen_t len = sizeof port->address;
    int on = 1;

    port->inside = streams_new (port);
    port->fd = socket (decl->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port->fd < 0 || streams_of (port)->epoll_fd < 0) {
        td_socket_fail (error, decl->name, "make a socket", errno);
        return false;
    }
    /* Connections of an earlier life that linger in the kernel do not keep the port. */
    setsockopt (port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!prepare_stream (port->fd, decl, error)) {
        return false;
    }
    if (bind (port->fd, &decl->address.any, td_address_len_bytes (&decl->address)) != 0) {
        td_socket_fail (error, decl->name, "bind", errno);
        return false;
    }
    if (listen (port->fd, SOMAXCONN) != 0) {
        td_socket_fail (error, decl->name, "listen", errno);
        return false;
    }
    if (getsockname (port->fd, &port->address.any, &len) != 0 || !watch_listening (port)) {
        td_socket_fail (error, decl->name, "watch its own socket", errno);
        return false;
    }
    return true;
}

static void
quit (TdPort *port)
{
    Streams *streams = streams_of (port);
    GHashTableIter flows;
    void *flow;

    td_timer_stop (&streams->pause);
    pthread_mutex_lock (&streams->lock);
    g_hash_table_remove_all (streams->by_remote);
    g_hash_table_iter_init (&flows, streams->by_number);
    while (g_hash_table_iter_next (&flows, NULL, &flow)) {
        g_hash_table_iter_steal (&flows);
        td_timer_stop (&((TdFlow *) flow)->timer);
        td_metric_add (port->n_connections, -1);
        flow_free (flow);
    }
    pthread_mutex_unlock (&streams->lock);
}

static void
free_inside (TdPort *port)
{
    Streams *streams = streams_of (port);
    GHashTableIter flows;
    void *flow;

    /* What was asked for after the reader had been visited, and then dropped with its lane. */
    g_hash_table_iter_init (&flows, streams->by_number);
    while (g_hash_table_iter_next (&flows, NULL, &flow)) {
        flow_free (flow);
    }
    g_hash_table_unref (streams->by_number);
    g_hash_table_unref (streams->by_remote);
    if (streams->epoll_fd >= 0) {
        close (streams->epoll_fd);
    }
    pthread_mutex_destroy (&streams->lock);
    g_free (streams->scratch);
    g_free (streams);
}

const TdPortKind td_stream_kind = {
    .open = open_socket, .watched_fd = watched_fd, .read = serve, .quit = quit, .free = free_inside
};
