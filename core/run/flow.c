/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows: connections of a stream listener, from the first packet to the last, and how they are found. */

#include "run/flow-inside.h"

#include "run/address.h"
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
    /* For a connection to stand, and for a peer to acknowledge what it was sent: as long as a
     * transaction would wait for an answer, RFC 3261 17.1.1.2 (64*T1). */
    PATIENCE_MS = 32000,
};

/* Never used twice in the life of the process, so a stale number finds nothing. */
static atomic_uint_least64_t last_number;

static unsigned
target_hash (gconstpointer key)
{
    return td_address_hash (&((const TdFlowTarget *) key)->remote);
}

static gboolean
target_equal (gconstpointer a, gconstpointer b)
{
    const TdFlowTarget *one = a, *other = b;

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
flow_new (TdPort *port, const TdFlowTarget *target)
{
    TdFlow *flow = g_new0 (TdFlow, 1);

    flow->port = port;
    flow->number = atomic_fetch_add_explicit (&last_number, 1, memory_order_relaxed) + 1;
    flow->target =
        (TdFlowTarget){ target->remote, g_strdup (target->identity), g_strdup (target->peer_name) };
    flow->is_shaking = port->decl.transport == TD_TRANSPORT_TLS;
    flow->fd = -1;
    td_timer_init (&flow->timer, NULL, flow_timer_expired);
    g_hash_table_insert (td_flows_of (port)->by_number, &flow->number, flow);
    g_hash_table_replace (td_flows_of (port)->by_target, &flow->target, flow);
    td_metric_add (port->n_connections, 1);
    return flow;
}

/* From now on a new connection is made when somebody wants to reach FLOW's peer. */
static void
forget_target (TdFlow *flow)
{
    TdFlows *flows = td_flows_of (flow->port);

    pthread_mutex_lock (&flows->lock);
    if (g_hash_table_lookup (flows->by_target, &flow->target) == flow) {
        g_hash_table_remove (flows->by_target, &flow->target);
    }
    pthread_mutex_unlock (&flows->lock);
}

void
td_flow_doom (TdFlow *flow)
{
    if (!flow->is_doomed) {
        flow->is_doomed = true;
        forget_target (flow);
        td_timer_start (&flow->timer, 0);
    }
}

void
td_flow_doom_aloud (TdFlow *flow, const char *code, const char *format, ...)
{
    char peer[TD_ADDRESS_TEXT_SIZE];
    TdLogField fields[] = { { "peer", td_address_print (&flow->target.remote, peer) },
                            { NULL, NULL } };
    va_list arguments;

    va_start (arguments, format);
    g_autofree char *why = g_strdup_vprintf (format, arguments);
    va_end (arguments);
    td_log_peer (td_port_module (flow->port), code, flow->port->name, fields, "%s", why);
    td_flow_doom (flow);
}

/* A peer that hears it need not wonder whether something is missing. */
static void
say_good_bye (TdFlow *flow)
{
    TdFiltered *filtered = &flow->filtered;
    GByteArray *wire = td_flows_wire (td_flows_of (flow->port));

    if (filtered->state != NULL && td_buffer_len_bytes (&flow->out) == 0) {
        filtered->filter->close (filtered->state, wire);
        if (wire->len > 0
            && send (flow->fd, wire->data, wire->len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            return; /* it will see */
        }
    }
}

static void
count_shaking (TdFlow *flow, bool is_begun)
{
    TdFlows *flows = td_flows_of (flow->port);

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
    pthread_mutex_lock (&td_flows_of (port)->lock);
    g_hash_table_remove (td_flows_of (port)->by_number, &flow->number);
    pthread_mutex_unlock (&td_flows_of (port)->lock);
    td_timer_stop (&flow->timer);
    if (!flow->is_client) {
        td_sources_give (td_flows_of (port)->sources, &flow->target.remote);
    }
    if (td_flow_is_guest (flow)) {
        count_shaking (flow, false);
    }
    td_metric_add (port->n_connections, -1);
    td_port_tell_closed (port, flow->number, &flow->target.remote);
    flow_free (flow);
}

void
td_flow_watch (TdFlow *flow)
{
    bool is_writing = !flow->is_connected || td_buffer_len_bytes (&flow->out) > 0;
    uint32_t events = (flow->is_connected ? EPOLLIN : 0) | (is_writing ? EPOLLOUT : 0);
    struct epoll_event event = { .events = events, .data.ptr = flow };
    int operation = flow->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    const TdFlows *flows = td_flows_of (flow->port);
    int epoll_fd = td_flow_is_guest (flow) ? flows->shaking_fd : flows->epoll_fd;

    if (events == flow->events || flow->is_doomed) {
        return;
    }
    if (epoll_ctl (epoll_fd, operation, flow->fd, &event) != 0) {
        td_flow_doom_aloud (flow, "socket.watch", "cannot watch the connection: %s",
                            g_strerror (errno));
        return;
    }
    flow->events = events;
}

void
td_flow_shaken (TdFlow *flow)
{
    if (td_flow_is_guest (flow)) {
        epoll_ctl (td_flows_of (flow->port)->shaking_fd, EPOLL_CTL_DEL, flow->fd, NULL);
        flow->events = 0;
        count_shaking (flow, false);
    }
    flow->is_shaking = false;
    td_flow_watch (flow);
}

void
td_flow_start_waiting (TdFlow *flow)
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
    td_flow_start_waiting (flow);
    td_flow_watch (flow);
}

static void
flow_timer_expired (TdTimer *timer)
{
    TdFlow *flow = (TdFlow *) ((char *) timer - offsetof (TdFlow, timer));
    uint32_t timeout_ms = flow->port->decl.idle_timeout_ms;

    if (!flow->is_doomed && !flow->is_connected) {
        td_flow_doom_aloud (flow, "socket.connect", "cannot connect: no answer in %d s",
                            PATIENCE_MS / 1000);
    } else if (!flow->is_doomed && flow->is_shaking) {
        td_flow_doom_aloud (flow, "socket.handshake", "the handshake is not over after %u ms",
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
        td_flow_doom_aloud (flow, "socket.connect", "cannot connect: %s", g_strerror (code));
        return;
    }
    flow_connected (flow);
    if (flow->is_shaking && !flow->is_doomed) {
        td_flow_begin_filter (flow);
    }
    if (!flow->is_doomed) {
        td_flow_flush (flow);
    }
}

void
td_flow_serve (TdFlow *flow, uint32_t events)
{
    if (!flow->is_doomed && !flow->is_connected) {
        finish_connect (flow);
    } else {
        if (!flow->is_doomed && (events & EPOLLOUT) != 0) {
            td_flow_flush (flow);
        }
        if (!flow->is_doomed && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
            td_flow_read (flow);
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
    TdFlowTarget target = { *remote, wish->identity, wish->peer_name };

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
        td_flow_watch (flow);
    } else if (flow != NULL) {
        td_flow_doom_aloud (flow, "socket.connect", "%s", error->message);
    }
}

/* Whether LEN_BYTES more may wait for the peer; if so they are counted. */
static bool
take_room (TdFlow *flow, size_t len_bytes)
{
    size_t n_waiting =
        atomic_fetch_add_explicit (&flow->n_waiting_bytes, len_bytes, memory_order_relaxed);

    if (n_waiting + len_bytes <= TD_FLOW_WAITING_BYTES) {
        return true;
    }
    atomic_fetch_sub_explicit (&flow->n_waiting_bytes, len_bytes, memory_order_relaxed);
    return false;
}

bool
td_flow_take_room (TdFlows *flows, uint64_t number, size_t len_bytes)
{
    if (len_bytes > TD_FLOW_WAITING_BYTES) {
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
        td_flow_send_now (flow, bytes, len_bytes);
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
    TdFlowTarget target = { .remote = *remote };

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
    flows->scratch = g_malloc (TD_FLOW_READ_BYTES + 1);
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
        if (td_flow_is_guest (flow)) {
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
