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
    TdPacket packet;
    char bytes[];
} Parcel;

typedef struct {
    TdPost post;
    TdListener *listener;
} Begin;

typedef struct {
    GSource source;
    TdListener *listener;
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

bool
td_listener_is_silent (const TdListener *listener)
{
    return atomic_load_explicit (&listener->is_closing, memory_order_acquire)
           || td_owner_is_stopped (listener->module);
}

TdListener *
td_listener_ref (TdListener *listener)
{
    atomic_fetch_add_explicit (&listener->n_refs, 1, memory_order_relaxed);
    return listener;
}

void
td_listener_unref (TdListener *listener)
{
    if (atomic_fetch_sub_explicit (&listener->n_refs, 1, memory_order_acq_rel) > 1) {
        return;
    }
    if (listener->fd >= 0) {
        close (listener->fd);
    }
    g_clear_pointer (&listener->datagrams, td_datagrams_free);
    g_clear_pointer (&listener->streams, td_streams_free);
    g_free ((char *) listener->decl.name);
    g_free (listener);
}

static void
parcel_free (TdPost *post)
{
    Parcel *parcel = (Parcel *) post;

    td_listener_unref (parcel->packet.listener);
    g_free (parcel);
}

static void
parcel_deliver (TdPost *post)
{
    Parcel *parcel = (Parcel *) post;
    TdListener *listener = parcel->packet.listener;

    if (!td_listener_is_silent (listener)) {
        listener->decl.deliver (&parcel->packet, listener->decl.data);
    }
    parcel_free (post);
}

void
td_listener_drop (TdListener *listener, const TdPacket *packet, const char *why)
{
    td_metric_add (listener->n_dropped, 1);
    if (listener->decl.dropped != NULL && !td_listener_is_silent (listener)) {
        listener->decl.dropped (packet, why, listener->decl.data);
    }
}

static void
send_parcel (TdListener *listener, const TdPacket *packet, TdSorting sorting)
{
    TdLane *lane = sorting.lane < td_lane_count () ? td_lane_at (sorting.lane) : td_lane_control ();
    Parcel *parcel = g_malloc (sizeof *parcel + packet->len_bytes + 1);

    parcel->post =
        (TdPost){ .owner = listener->module, .run = parcel_deliver, .drop = parcel_free };
    parcel->packet = *packet;
    parcel->packet.bytes = parcel->bytes;
    memcpy (parcel->bytes, packet->bytes, packet->len_bytes);
    parcel->bytes[packet->len_bytes] = '\0';
    td_listener_ref (listener);
    if (!td_lane_try_post (lane, &parcel->post, sorting.post_class)) {
        parcel_free (&parcel->post);
        td_listener_drop (listener, packet, "the arrival queue of its lane is full");
    }
}

void
td_listener_hand_over (TdListener *listener, const TdPacket *packet)
{
    const TdListenerDecl *decl = &listener->decl;
    unsigned own_lane = td_lane_index (listener->reader);
    TdSorting sorting = { own_lane, TD_POST_ORDINARY };

    td_metric_add (listener->n_received, 1);
    if (decl->sort != NULL) {
        sorting = decl->sort (packet, decl->data);
    }
    if (sorting.lane != own_lane) {
        send_parcel (listener, packet, sorting);
    } else {
        decl->deliver (packet, decl->data);
    }
    td_lane_turn_over (listener->module);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, void *data)
{
    TdListener *listener = ((Watch *) source)->listener;

    if (td_listener_is_silent (listener)) {
        return G_SOURCE_REMOVE; /* what keeps coming would keep the lane awake */
    }
    if (listener->streams != NULL) {
        td_streams_read (listener);
    } else {
        td_datagrams_read (listener);
    }
    return G_SOURCE_CONTINUE;
}

static void
begin_free (TdPost *post)
{
    td_listener_unref (((Begin *) post)->listener);
    g_free (post);
}

/* On the reader's lane: a source is made, served and destroyed by one thread. */
static void
begin (TdPost *post)
{
    static GSourceFuncs functions = { .dispatch = dispatch };
    TdListener *listener = ((Begin *) post)->listener;

    if (!td_listener_is_silent (listener)) {
        int fd = listener->streams != NULL ? td_streams_fd (listener->streams) : listener->fd;
        listener->source = g_source_new (&functions, sizeof (Watch));
        ((Watch *) listener->source)->listener = listener;
        g_source_add_unix_fd (listener->source, fd, G_IO_IN);
        /* It never does, but otherwise its descriptor leaves the context for each dispatch, and
         * putting it back wakes the lane once for nothing. */
        g_source_set_can_recurse (listener->source, TRUE);
        g_source_attach (listener->source, td_lane_context (listener->reader));
    }
    begin_free (post);
}

static TdMetric *
declare (TdListener *listener, TdMetricKind kind, const char *name, const char *help)
{
    g_autofree char *safe = g_strdelimit (g_strdup (listener->decl.name), "\"\\\n", '_');
    g_autofree char *labels = g_strdup_printf ("listener=\"%s\"", safe);
    TdMetricDecl decl = { sizeof decl, kind, name, help, labels, NULL, 0 };

    return td_metric_declare (listener->module, &decl);
}

static void
declare_metrics (TdListener *listener)
{
    listener->n_received = declare (listener, TD_METRIC_COUNTER, "tandem_socket_received_total",
                                    "Messages read from a listener and its connections.");
    listener->n_sent = declare (listener, TD_METRIC_COUNTER, "tandem_socket_sent_total",
                                "Messages given to the kernel to send.");
    listener->n_dropped = declare (listener, TD_METRIC_COUNTER, "tandem_socket_dropped_total",
                                   "Messages let go: too long, or their lane had too much to do.");
    if (listener->decl.transport == TD_TRANSPORT_TCP) {
        listener->n_connections = declare (listener, TD_METRIC_GAUGE, "tandem_socket_connections",
                                           "Connections that are open or being made.");
    } else {
        listener->n_overflowed =
            declare (listener, TD_METRIC_COUNTER, "tandem_socket_overflowed_total",
                     "Datagrams lost because the kernel's receive buffer was full.");
    }
}

static void
revoke_listener (TdOwned *owned)
{
    td_listener_close ((TdListener *) owned);
}

TdListener *
td_listener_open (TdModule *module, TdLane *reader, const TdListenerDecl *decl, GError **error)
{
    TdListener *listener = g_new0 (TdListener, 1);

    memcpy (&listener->decl, decl, MIN (decl->size, sizeof listener->decl));
    listener->decl.name = g_strdup (decl->name);
    listener->module = module;
    listener->reader = reader;
    listener->fd = -1;
    listener->address = decl->address;
    atomic_init (&listener->n_refs, 1);
    declare_metrics (listener);
    bool is_open = decl->transport == TD_TRANSPORT_TCP ? td_streams_open (listener, error)
                                                       : td_datagrams_open (listener, error);
    if (!is_open) {
        td_listener_unref (listener);
        return NULL;
    }
    listener->owned =
        (TdOwned){ .kind = "listener", .name = listener->decl.name, .revoke = revoke_listener };
    td_owner_add (td_owner_of (module), &listener->owned);

    Begin *post = g_new0 (Begin, 1);
    post->post = (TdPost){ .run = begin, .drop = begin_free };
    post->listener = td_listener_ref (listener);
    td_lane_post (reader, &post->post);
    return listener;
}

static void
quit (TdListener *listener)
{
    if (listener->source != NULL) {
        g_source_destroy (listener->source);
        g_clear_pointer (&listener->source, g_source_unref);
    }
    if (listener->streams != NULL) {
        td_streams_quit (listener);
    }
}

/* The sweep comes by. */
static void
quit_on_reader (TdLane *lane, void *data)
{
    TdListener *listener = data;

    if (lane == listener->reader) {
        quit (listener);
    }
}

/* Every lane has been visited: nobody sends through the descriptor any more. */
static void
close_for_good (void *data)
{
    TdListener *listener = data;
    TdModule *module = listener->module;

    close (listener->fd);
    listener->fd = -1;
    td_listener_unref (listener);
    td_owner_unuse (td_owner_of (module));
}

/* The lanes close before the sweep is over: there is nobody left to disturb. */
static void
close_in_haste (void *data)
{
    quit (data);
    close_for_good (data);
}

void
td_listener_close (TdListener *listener)
{
    if (atomic_exchange_explicit (&listener->is_closing, true, memory_order_acq_rel)) {
        return;
    }
    /* Until the lanes have left its functions, the module stays where it is. */
    td_owner_use (td_owner_of (listener->module));
    td_owner_remove (&listener->owned);
    td_lane_sweep (NULL, quit_on_reader, close_for_good, close_in_haste, listener);
}

TdAddress
td_listener_address (const TdListener *listener)
{
    return listener->address;
}

bool
td_listener_send (TdListener *listener, const TdAddress *remote, const void *bytes,
                  size_t len_bytes)
{
    ssize_t n_sent;

    do {
        n_sent = sendto (listener->fd, bytes, len_bytes, MSG_DONTWAIT | MSG_NOSIGNAL, &remote->any,
                         td_address_len_bytes (remote));
    } while (n_sent < 0 && errno == EINTR);
    if (n_sent < 0) {
        return false;
    }
    td_metric_add (listener->n_sent, 1);
    return true;
}
