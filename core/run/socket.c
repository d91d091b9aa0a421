/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Listeners: opening, closing, and the way of a message to its lane. */

#include "run/socket.h"

#include "run/lane.h"

#include <tandem/log.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message on its way to another lane, with its bytes and a NUL behind it. */
typedef struct {
    TdPost post;
    TdPort *port;
    TdPacket packet;
    char bytes[];
} Parcel;

typedef struct {
    TdPost post;
    TdPort *port;
} Begin;

typedef struct {
    GSource source;
    TdPort *port;
} Watch;

static const char *
hint (int code)
{
    switch (code) {
    case EADDRINUSE:
        return ": another program, or another Tandem, listens there";
    case EADDRNOTAVAIL:
        return ": no interface of this host has that address";
    case EACCES:
        return ": a port below 1024 needs the capability CAP_NET_BIND_SERVICE";
    case EAFNOSUPPORT:
        return ": this host does not speak that version of IP";
    case EMFILE:
        return ": raise the limit of open files (LimitNOFILE= in the systemd unit)";
    default:
        return "";
    }
}

void
td_socket_fail (GError **error, const char *name, const char *what, int code)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: cannot %s: %s%s", name, what,
                 g_strerror (code), hint (code));
}

bool
td_socket_prepare (int fd, const TdListenerDecl *decl, GError **error)
{
    bool is_v6 = decl->address.any.sa_family == AF_INET6;
    int traffic_class = decl->dscp << 2; /* the six upper bits: RFC 2474 3 */
    int on = 1;

    if (is_v6 && setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
        td_socket_fail (error, decl->name, "keep to IPv6", errno);
        return false;
    }
    if (setsockopt (fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS,
                    &traffic_class, sizeof traffic_class)
        != 0) {
        td_socket_fail (error, decl->name, "set the DSCP", errno);
        return false;
    }
    return true;
}

int
td_socket_ask_buffer (int fd, int option, int forced_option, int size_bytes)
{
    int granted = 0;
    socklen_t len = sizeof granted;

    if (setsockopt (fd, SOL_SOCKET, forced_option, &size_bytes, sizeof size_bytes) != 0) {
        setsockopt (fd, SOL_SOCKET, option, &size_bytes, sizeof size_bytes);
    }
    getsockopt (fd, SOL_SOCKET, option, &granted, &len);
    return granted / 2; /* Linux doubles what is asked, for its own bookkeeping: socket(7) */
}

/* Whether the module behind LISTENER must not be called any more. Thread: any. */
static bool
is_silent (const TdListener *listener)
{
    return atomic_load_explicit (&listener->is_closing, memory_order_acquire)
           || td_owner_is_stopped (listener->module);
}

static TdSharers *
sharers_of (const TdPort *port)
{
    return atomic_load_explicit (&((TdPort *) port)->sharers, memory_order_acquire);
}

TdListener *
td_port_newest (const TdPort *port)
{
    const TdSharers *sharers = sharers_of (port);

    for (unsigned i = sharers->n; i > 0; i--) {
        if (!is_silent (sharers->listeners[i - 1])) {
            return sharers->listeners[i - 1];
        }
    }
    return NULL;
}

bool
td_port_is_silent (const TdPort *port)
{
    return atomic_load_explicit (&((TdPort *) port)->is_closing, memory_order_acquire)
           || td_port_newest (port) == NULL;
}

TdModule *
td_port_module (const TdPort *port)
{
    TdListener *newest = td_port_newest (port);

    return newest != NULL ? newest->module : NULL;
}

TdPort *
td_port_ref (TdPort *port)
{
    atomic_fetch_add_explicit (&port->n_refs, 1, memory_order_relaxed);
    return port;
}

void
td_port_unref (TdPort *port)
{
    if (atomic_fetch_sub_explicit (&port->n_refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (port->fd >= 0) {
        close (port->fd);
    }
    g_clear_pointer (&port->datagrams, td_datagrams_free);
    g_clear_pointer (&port->streams, td_streams_free);
    g_free (atomic_load (&port->sharers));
    g_free (port->name);
    g_free (port->module_name);
    g_free (port);
}

static void
listener_unref (TdListener *listener)
{
    if (atomic_fetch_sub_explicit (&listener->n_refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    td_port_unref (listener->port);
    g_free ((char *) listener->decl.name);
    g_free (listener);
}

/* Which build PACKET belongs to: the oldest that claims it, else the newest. On the packet's
 * lane. */
static TdListener *
find_addressee (const TdPort *port, TdPacket *packet)
{
    const TdSharers *sharers = sharers_of (port);
    TdListener *newest = td_port_newest (port);

    for (unsigned i = 0; i < sharers->n && sharers->listeners[i] != newest; i++) {
        TdListener *listener = sharers->listeners[i];
        packet->listener = listener;
        if (!is_silent (listener) && listener->decl.claim != NULL
            && listener->decl.claim (packet, listener->decl.data)) {
            return listener;
        }
    }
    packet->listener = newest;
    return newest;
}

static void
deliver (const TdPort *port, const TdPacket *packet)
{
    TdPacket addressed = *packet;
    TdListener *listener = find_addressee (port, &addressed);

    if (listener != NULL) {
        listener->decl.deliver (&addressed, listener->decl.data);
    }
}

static void
parcel_free (TdPost *post)
{
    Parcel *parcel = (Parcel *) post;

    td_port_unref (parcel->port);
    g_free (parcel);
}

static void
parcel_deliver (TdPost *post)
{
    Parcel *parcel = (Parcel *) post;

    if (!td_port_is_silent (parcel->port)) {
        deliver (parcel->port, &parcel->packet);
    }
    parcel_free (post);
}

void
td_port_drop (TdPort *port, const TdPacket *packet, const char *why)
{
    TdListener *listener = td_port_newest (port);
    TdPacket addressed = *packet;

    td_metric_add (port->n_dropped, 1);
    addressed.listener = listener;
    if (listener != NULL && listener->decl.dropped != NULL) {
        listener->decl.dropped (&addressed, why, listener->decl.data);
    }
}

void
td_port_tell_closed (TdPort *port, uint64_t flow, const TdAddress *remote)
{
    const TdSharers *sharers = sharers_of (port);

    for (unsigned i = 0; i < sharers->n; i++) {
        TdListener *listener = sharers->listeners[i];
        if (!is_silent (listener) && listener->decl.closed != NULL) {
            listener->decl.closed (flow, remote, listener->decl.data);
            td_lane_turn_over (listener->module);
        }
    }
}

/* The module is not named as the post's owner: which build the message is for is only known when it
 * has arrived. */
static void
send_parcel (TdPort *port, const TdPacket *packet, TdSorting sorting)
{
    TdLane *lane = sorting.lane < td_lane_count () ? td_lane_at (sorting.lane) : td_lane_control ();
    Parcel *parcel = g_malloc (sizeof *parcel + packet->len_bytes + 1);

    parcel->post = (TdPost){ .run = parcel_deliver, .drop = parcel_free };
    parcel->port = td_port_ref (port);
    parcel->packet = *packet;
    parcel->packet.bytes = parcel->bytes;
    memcpy (parcel->bytes, packet->bytes, packet->len_bytes);
    parcel->bytes[packet->len_bytes] = '\0';
    if (!td_lane_try_post (lane, &parcel->post, sorting.post_class)) {
        parcel_free (&parcel->post);
        td_port_drop (port, packet, "the arrival queue of its lane is full");
    }
}

void
td_port_hand_over (TdPort *port, const TdPacket *packet)
{
    TdListener *newest = td_port_newest (port);
    unsigned own_lane = td_lane_index (port->reader);
    TdSorting sorting = { own_lane, TD_POST_ORDINARY };

    if (newest == NULL) {
        return; /* closed in this very moment */
    }
    td_metric_add (port->n_received, 1);
    if (newest->decl.sort != NULL) {
        TdPacket addressed = *packet;
        addressed.listener = newest;
        sorting = newest->decl.sort (&addressed, newest->decl.data);
    }
    if (sorting.lane != own_lane) {
        send_parcel (port, packet, sorting);
    } else {
        deliver (port, packet);
    }
    td_lane_turn_over (newest->module);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, void *data)
{
    TdPort *port = ((Watch *) source)->port;

    if (td_port_is_silent (port)) {
        return G_SOURCE_REMOVE; /* what keeps coming would keep the lane awake */
    }
    if (port->streams != NULL) {
        td_streams_read (port);
    } else {
        td_datagrams_read (port);
    }
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
        int fd = port->streams != NULL ? td_streams_fd (port->streams) : port->fd;
        port->source = g_source_new (&functions, sizeof (Watch));
        ((Watch *) port->source)->port = port;
        g_source_add_unix_fd (port->source, fd, G_IO_IN);
        /* It never does, but otherwise its descriptor leaves the context for each dispatch, and
         * putting it back wakes the lane once for nothing. */
        g_source_set_can_recurse (port->source, TRUE);
        g_source_attach (port->source, td_lane_context (port->reader));
    }
    begin_free (post);
}

static TdMetric *
declare (TdPort *port, TdMetricKind kind, const char *name, const char *help)
{
    g_autofree char *safe = g_strdelimit (g_strdup (port->name), "\"\\\n", '_');
    g_autofree char *labels = g_strdup_printf ("listener=\"%s\"", safe);
    TdMetricDecl decl = { sizeof decl, kind, name, help, labels, NULL, 0 };

    return td_metric_declare (td_port_module (port), &decl);
}

static void
declare_metrics (TdPort *port)
{
    port->n_received = declare (port, TD_METRIC_COUNTER, "tandem_socket_received_total",
                                "Messages read from a listener and its connections.");
    port->n_sent = declare (port, TD_METRIC_COUNTER, "tandem_socket_sent_total",
                            "Messages given to the kernel to send.");
    port->n_dropped = declare (port, TD_METRIC_COUNTER, "tandem_socket_dropped_total",
                               "Messages let go: too long, or their lane had too much to do.");
    if (port->decl.transport == TD_TRANSPORT_TCP) {
        port->n_connections = declare (port, TD_METRIC_GAUGE, "tandem_socket_connections",
                                       "Connections that are open or being made.");
    } else {
        port->n_overflowed =
            declare (port, TD_METRIC_COUNTER, "tandem_socket_overflowed_total",
                     "Datagrams lost because the kernel's receive buffer was full.");
    }
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
    const TdSharers *before = sharers_of (port);
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
    const TdSharers *before = sharers_of (port);
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
        const TdSharers *sharers = sharers_of (port);
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
    port->decl = listener->decl;
    port->decl.name = port->name;
    port->reader = reader;
    port->fd = -1;
    port->address = listener->decl.address;
    join (port, listener);
    declare_metrics (port);
    bool is_open = port->decl.transport == TD_TRANSPORT_TCP ? td_streams_open (port, error)
                                                            : td_datagrams_open (port, error);
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
    if (port->streams != NULL) {
        td_streams_quit (port);
    }
}

/* The sweep comes by. */
static void
quit_on_reader (TdLane *lane, void *data)
{
    TdPort *port = ((TdListener *) data)->port;

    if (lane == port->reader && atomic_load (&port->is_closing)) {
        quit (port);
    }
}

/* Every lane has been visited: nobody calls the module or sends through the descriptor any more. */
static void
close_for_good (void *data)
{
    TdListener *listener = data;
    TdModule *module = listener->module;
    TdPort *port = listener->port;

    if (atomic_load (&port->is_closing) && port->fd >= 0) {
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
    TdPort *port = ((TdListener *) data)->port;

    if (atomic_load (&port->is_closing)) {
        quit (port);
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
    if (leave (port, listener) == 0) {
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

bool
td_listener_send (TdListener *listener, const TdAddress *remote, const void *bytes,
                  size_t len_bytes)
{
    ssize_t n_sent;

    do {
        n_sent = sendto (listener->port->fd, bytes, len_bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                         &remote->any, td_address_len_bytes (remote));
    } while (n_sent < 0 && errno == EINTR);
    if (n_sent < 0) {
        return false;
    }
    td_metric_add (listener->port->n_sent, 1);
    return true;
}
