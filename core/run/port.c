/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports: the way of a message to the build and the lane it is for. */

#include "run/port.h"

#include "run/lane-inside.h"

#include <string.h>
#include <unistd.h>

/* For how long a reader may serve what it reads before it only sorts. */
#define AT_ONCE_US 500

/* A message on its way to another lane, with its bytes and a NUL behind it. */
typedef struct {
    TdPost post;
    TdPort *port;
    TdPacket packet;
    char bytes[];
} Parcel;

/* Whether the module behind LISTENER must not be called any more. Thread: any. */
static bool
is_silent (const TdListener *listener)
{
    return atomic_load_explicit (&listener->is_closing, memory_order_acquire)
           || td_owner_is_stopped (listener->module);
}

TdSharers *
td_port_sharers (const TdPort *port)
{
    return atomic_load_explicit (&((TdPort *) port)->sharers, memory_order_acquire);
}

TdListener *
td_port_newest (const TdPort *port)
{
    const TdSharers *sharers = td_port_sharers (port);

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
    port->kind->free (port);
    g_free (atomic_load (&port->sharers));
    g_free (port->name);
    g_free (port->module_name);
    g_free (port);
}

/* Which build PACKET belongs to: the oldest that claims it, else the newest. On the packet's
 * lane. */
static TdListener *
find_addressee (const TdPort *port, TdPacket *packet)
{
    const TdSharers *sharers = td_port_sharers (port);
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

    if (parcel->packet.peer != NULL) {
        td_peer_unref (parcel->packet.peer);
    }
    td_port_unref (parcel->port);
    g_free (parcel);
}

static void
parcel_deliver (TdPost *post)
{
    Parcel *parcel = (Parcel *) post;

    if (!td_port_is_silent (parcel->port)) {
        parcel->packet.n_waiting = td_lane_count_ordinary (td_lane_current ());
        deliver (parcel->port, &parcel->packet);
        td_lane_turn_over (
            td_port_module (parcel->port)); /* whose turn it was, should it be long */
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
    const TdSharers *sharers = td_port_sharers (port);

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
    if (packet->peer != NULL) { /* its connection may end before the message arrives */
        td_peer_ref (packet->peer);
    }
    memcpy (parcel->bytes, packet->bytes, packet->len_bytes);
    parcel->bytes[packet->len_bytes] = '\0';
    if (!td_lane_try_post (lane, &parcel->post, sorting.post_class)) {
        parcel_free (&parcel->post);
        td_port_drop (port, packet, "the arrival queue of its lane is full");
    }
}

/* To serve a message where it was read costs least. But it must not overtake what waits, and a reader
 * that serves does not read: what matters more would wait in the kernel behind what matters less. */
static bool
may_serve_at_once (const TdPort *port)
{
    return td_clock_now_us () - port->began_us < AT_ONCE_US && !td_lane_has_arrivals (port->reader);
}

void
td_port_hand_over (TdPort *port, const TdPacket *packet)
{
    TdListener *newest = td_port_newest (port);
    unsigned own_lane = td_lane_index (port->reader);
    TdSorting sorting = { own_lane, TD_POST_ORDINARY };
    TdPacket sorted = *packet;

    if (newest == NULL) {
        return; /* closed in this very moment */
    }
    td_metric_add (port->n_received, 1);
    if (newest->decl.sort != NULL) {
        sorted.listener = newest;
        sorted.n_waiting = td_lane_count_ordinary (port->reader);
        sorting = newest->decl.sort (&sorted, newest->decl.data);
    }
    sorted.post_class = sorting.post_class;
    if (sorting.lane != own_lane || (!sorting.is_brief && !may_serve_at_once (port))) {
        send_parcel (port, &sorted, sorting);
    } else {
        port->is_gathering = sorting.is_brief;
        deliver (port, &sorted);
        port->is_gathering = false;
    }
    td_lane_turn_over (newest->module);
}
