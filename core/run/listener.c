/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners: opening and closing them, and the ports they share.
 *
 * Closing a port is a sweep over the lanes: the reader stops its source and ends its flows, and when every
 * lane has finished the turn it was in, nobody uses the descriptors any more and they are closed.
 */

#include "run/lane.h"
#include "run/port.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    TdPost post;
    TdPort *port;
} Begin;

typedef struct {
    GSource source;
    TdPort *port;
} Watch;

static void
listener_unref (TdListener *listener)
{
    if (atomic_fetch_sub_explicit (&listener->n_refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    td_port_unref (listener->port);
    g_free ((char *) listener->decl.name);
    g_free ((char *) listener->decl.identity);
    g_free (listener);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, void *data)
{
    TdPort *port = ((Watch *) source)->port;

    if (td_port_is_silent (port)) {
        return G_SOURCE_REMOVE; /* what keeps coming would keep the lane awake */
    }
    port->began_us = td_clock_now_us ();
    port->kind->read (port);
    return G_SOURCE_CONTINUE;
}

static void
begin_free (TdPost *post)
{
    td_port_unref (((Begin *) post)->port);
    g_free (post);
}

/* On the reader's lane: a source is made, served and destroyed by one thread. */
static void
begin (TdPost *post)
{
    static GSourceFuncs functions = { .dispatch = dispatch };
    TdPort *port = ((Begin *) post)->port;

    if (!td_port_is_silent (port)) {
        port->source = g_source_new (&functions, sizeof (Watch));
        ((Watch *) port->source)->port = port;
        g_source_add_unix_fd (port->source, port->kind->watched_fd (port), G_IO_IN);
        /* It never does, but otherwise its descriptor leaves the context for each dispatch, and
         * putting it back wakes the lane once for nothing. */
        g_source_set_can_recurse (port->source, TRUE);
        g_source_attach (port->source, td_lane_context (port->reader));
    }
    begin_free (post);
}

/* Declares a metric for the newest sharer. A lane that is reading finds it at PLACE ever since the first
 * one came. */
static void
declare (TdPort *port, TdMetric **place, TdMetricKind kind, const char *name, const char *help)
{
    g_autofree char *safe = g_strdelimit (g_strdup (port->name), "\"\\\n", '_');
    g_autofree char *labels = g_strdup_printf ("listener=\"%s\"", safe);
    TdMetricDecl decl = { sizeof decl, kind, name, help, labels, NULL, 0 };
    TdMetric *metric = td_metric_declare (td_port_module (port), &decl);

    if (*place == NULL) {
        *place = metric;
    }
}

static void
declare_metrics (TdPort *port)
{
    declare (port, &port->n_received, TD_METRIC_COUNTER, "tandem_socket_received_total",
             "Messages read from a listener and its connections.");
    declare (port, &port->n_sent, TD_METRIC_COUNTER, "tandem_socket_sent_total",
             "Messages given to the kernel to send.");
    declare (port, &port->n_dropped, TD_METRIC_COUNTER, "tandem_socket_dropped_total",
             "Messages let go: too long, or their lane had too much to do.");
    if (port->kind == &td_stream_kind) {
        declare (port, &port->n_connections, TD_METRIC_GAUGE, "tandem_socket_connections",
                 "Connections that are open or being made.");
        declare (port, &port->n_handshakes, TD_METRIC_GAUGE, "tandem_socket_handshakes",
                 "Connections of peers whose handshakes are under way, or wait for their turn.");
        declare (port, &port->n_turned_away, TD_METRIC_COUNTER, "tandem_socket_turned_away_total",
                 "Connections closed at once because their source had too many.");
        return;
    }
    declare (port, &port->n_overflowed, TD_METRIC_COUNTER, "tandem_socket_overflowed_total",
             "Datagrams lost because the kernel's receive buffer was full.");
    declare (port, &port->buffer_bytes, TD_METRIC_GAUGE, "tandem_socket_receive_buffer_bytes",
             "The receive buffer the kernel granted a listener.");
}

static void
revoke_listener (TdOwned *owned)
{
    td_listener_close ((TdListener *) owned);
}

/* --- Ports and who shares them ----------------------------------------------------------- */

/* All open ports; touched on the control lane only. */
static GPtrArray *ports;

static void
free_sharers (void *data)
{
    g_free (data);
}

/* Puts SHARERS in place; the ones before are freed when no lane can be reading them. */
static void
publish (TdPort *port, TdSharers *sharers)
{
    TdSharers *before = atomic_exchange (&port->sharers, sharers);

    if (before != NULL) {
        td_lane_sweep (NULL, NULL, free_sharers, free_sharers, before);
    }
}

static void
join (TdPort *port, TdListener *listener)
{
    const TdSharers *before = td_port_sharers (port);
    unsigned n = before != NULL ? before->n : 0;
    TdSharers *sharers = g_malloc (sizeof *sharers + (n + 1) * sizeof (TdListener *));

    if (n > 0) {
        memcpy (sharers->listeners, before->listeners, n * sizeof (TdListener *));
    }
    sharers->listeners[n] = listener;
    sharers->n = n + 1;
    listener->port = td_port_ref (port);
    publish (port, sharers);
}

/* Returns how many are left. */
static unsigned
leave (TdPort *port, const TdListener *listener)
{
    const TdSharers *before = td_port_sharers (port);
    TdSharers *sharers = g_malloc (sizeof *sharers + before->n * sizeof (TdListener *));

    sharers->n = 0;
    for (unsigned i = 0; i < before->n; i++) {
        if (before->listeners[i] != listener) {
            sharers->listeners[sharers->n++] = before->listeners[i];
        }
    }
    publish (port, sharers);
    return sharers->n;
}

/* The open port that an older build of MODULE has and DECL asks for, or NULL. */
static TdPort *
find_port (TdModule *module, const TdListenerDecl *decl)
{
    for (unsigned i = 0; ports != NULL && module != NULL && i < ports->len; i++) {
        TdPort *port = ports->pdata[i];
        const TdSharers *sharers = td_port_sharers (port);
        if (port->decl.transport == decl->transport
            && td_address_equal (&port->address, &decl->address)
            && strcmp (port->module_name, td_owner_of (module)->name) == 0
            && sharers->listeners[sharers->n - 1]->module != module) {
            return port;
        }
    }
    return NULL;
}

static void
post_begin (TdPort *port)
{
    Begin *post = g_new0 (Begin, 1);

    post->post = (TdPost){ .run = begin, .drop = begin_free };
    post->port = td_port_ref (port);
    td_lane_post (port->reader, &post->post);
}

/* A port of its own for LISTENER. */
static bool
open_port (TdListener *listener, TdLane *reader, GError **error)
{
    TdPort *port = g_new0 (TdPort, 1);

    port->name = g_strdup (listener->decl.name);
    port->module_name = g_strdup (td_owner_of (listener->module)->name);
    port->kind = listener->decl.transport == TD_TRANSPORT_UDP ? &td_datagram_kind : &td_stream_kind;
    port->decl = listener->decl;
    port->decl.name = port->name;
    port->reader = reader;
    port->fd = -1;
    port->address = listener->decl.address;
    join (port, listener);
    declare_metrics (port);
    bool is_open = port->kind->open (port, error);
    if (is_open) {
        if (ports == NULL) {
            ports = g_ptr_array_new ();
        }
        g_ptr_array_add (ports, port);
        post_begin (port);
    }
    return is_open;
}

TdListener *
td_listener_open (TdModule *module, TdLane *reader, const TdListenerDecl *decl, GError **error)
{
    TdListener *listener = g_new0 (TdListener, 1);

    memcpy (&listener->decl, decl, MIN (decl->size, sizeof listener->decl));
    listener->decl.name = g_strdup (decl->name);
    listener->decl.identity = g_strdup (listener->decl.identity);
    listener->module = module;
    atomic_init (&listener->n_refs, 1);
    TdPort *shared = find_port (module, decl);
    if (shared != NULL) {
        join (shared, listener);
        declare_metrics (shared);
    } else if (!open_port (listener, reader, error)) {
        listener_unref (listener);
        return NULL;
    }
    listener->owned =
        (TdOwned){ .kind = "listener", .name = listener->decl.name, .revoke = revoke_listener };
    td_owner_add (td_owner_of (module), &listener->owned);
    return listener;
}

/* --- Closing ----------------------------------------------------------------------------- */

static void
quit (TdPort *port)
{
    if (port->source != NULL) {
        g_source_destroy (port->source);
        g_clear_pointer (&port->source, g_source_unref);
    }
    if (port->kind->quit != NULL) {
        port->kind->quit (port);
    }
}

/* The sweep comes by. */
static void
quit_on_reader (TdLane *lane, void *data)
{
    const TdListener *listener = data;

    if (listener->was_last && lane == listener->port->reader) {
        quit (listener->port);
    }
}

/* Every lane has been visited: nobody calls the module or sends through the descriptor any more. */
static void
close_for_good (void *data)
{
    TdListener *listener = data;
    TdModule *module = listener->module;
    TdPort *port = listener->port;

    if (listener->was_last) {
        close (port->fd);
        port->fd = -1;
    }
    listener_unref (listener);
    td_owner_unuse (td_owner_of (module));
}

/* The lanes close before the sweep is over: there is nobody left to disturb. */
static void
close_in_haste (void *data)
{
    const TdListener *listener = data;

    if (listener->was_last) {
        quit (listener->port);
    }
    close_for_good (data);
}

void
td_listener_close (TdListener *listener)
{
    TdPort *port = listener->port;

    if (atomic_exchange_explicit (&listener->is_closing, true, memory_order_acq_rel)) {
        return;
    }
    /* Until the lanes have left its functions, the module stays where it is. */
    td_owner_use (td_owner_of (listener->module));
    td_owner_remove (&listener->owned);
    listener->was_last = leave (port, listener) == 0;
    if (listener->was_last) {
        atomic_store_explicit (&port->is_closing, true, memory_order_release);
        g_ptr_array_remove (ports, port);
        if (ports->len == 0) {
            g_clear_pointer (&ports, g_ptr_array_unref);
        }
    }
    td_lane_sweep (NULL, quit_on_reader, close_for_good, close_in_haste, listener);
}

TdAddress
td_listener_address (const TdListener *listener)
{
    return listener->port->address;
}

/* Says in CONTROL beside a datagram of FAMILY that it is marked with DSCP (ip(7), ipv6(7)). */
static void
add_mark (struct msghdr *message, int family, uint8_t dscp)
{
    int traffic_class = dscp << 2; /* the six upper bits: RFC 2474 3 */
    struct cmsghdr *control = CMSG_FIRSTHDR (message);

    control->cmsg_level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
    control->cmsg_type = family == AF_INET6 ? IPV6_TCLASS : IP_TOS;
    control->cmsg_len = CMSG_LEN (sizeof traffic_class);
    memcpy (CMSG_DATA (control), &traffic_class, sizeof traffic_class);
}

bool
td_listener_send_marked (TdListener *listener, const TdAddress *remote, const void *bytes,
                         size_t len_bytes, uint8_t dscp)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof (int))];
    } control = { .room = { 0 } };
    struct iovec part = { (void *) (uintptr_t) bytes, len_bytes };
    TdAddress to = *remote;
    struct msghdr message = { .msg_name = &to,
                              .msg_namelen = td_address_len_bytes (remote),
                              .msg_iov = &part,
                              .msg_iovlen = 1 };
    ssize_t n_sent;

    if (dscp == listener->port->decl.dscp
        && td_port_gather (listener->port, remote, bytes, len_bytes)) {
        return true;
    }
    if (dscp != listener->port->decl.dscp) { /* which the socket sees to */
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        add_mark (&message, remote->any.sa_family, dscp);
    }
    do {
        n_sent = sendmsg (listener->port->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n_sent < 0 && errno == EINTR);
    if (n_sent < 0) {
        return false;
    }
    td_metric_add (listener->port->n_sent, 1);
    return true;
}

bool
td_listener_send (TdListener *listener, const TdAddress *remote, const void *bytes,
                  size_t len_bytes)
{
    return td_listener_send_marked (listener, remote, bytes, len_bytes, listener->port->decl.dscp);
}
