/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports: what listeners share, and the way of a message to the build and the lane it is for.
 *
 *     listener of the old build --\
 *                                  port: one socket, one reader, the connections
 *     listener of the new build --/
 *
 * A port is what the kernel knows of; a listener is one build's share of it. During an upgrade two
 * builds of a module share a port: a message is the old build's when it claims it, else the new one's.
 *
 *     listener.c   open, close: who shares a port, and its life
 *     datagram.c   one socket, read in batches
 *     gathered.c   what is answered to a batch, sent in one go
 *     stream.c     one listening socket and its flows, watched through one epoll descriptor, so that
 *                  the lane's main context sees one source however many peers are connected
 *     flow.c       one connection
 *     port.c       sorting and delivery
 *     socket.c     what both kinds ask of the kernel
 */

#ifndef CORE_RUN_PORT_H
#define CORE_RUN_PORT_H

#include "base/owner.h"

#include <tandem/metric.h>
#include <tandem/socket.h>

typedef struct TdPort TdPort;

/* One kind of socket. */
typedef struct {
    bool (*open) (TdPort *port, GError **error); /* binds */
    int (*watched_fd) (const TdPort *port);      /* what the reader waits for */
    void (*read) (TdPort *port);                 /* serves what is there. Thread: the reader */
    void (*quit) (TdPort *port); /* nullable: ends what lives on the reader. Thread: the reader */
    void (*free) (TdPort *port); /* nobody is left. Thread: any */
} TdPortKind;

extern const TdPortKind td_datagram_kind, td_stream_kind;

/* Who shares a port, oldest first. Never changed once it is published. */
typedef struct {
    unsigned n;
    TdListener *listeners[];
} TdSharers;

struct TdListener {
    TdOwned owned;
    TdModule *module;
    TdListenerDecl decl;
    TdPort *port;
    atomic_uint n_refs;     /* one while open, one for each post under way */
    atomic_bool is_closing; /* the module is not called any more */
    bool was_last;          /* its closing ends the port, once every lane's turn is over */
};

struct TdPort {
    const TdPortKind *kind;
    char *name, *module_name; /* of the first listener */
    TdListenerDecl decl;      /* of the first listener; its functions are not called from here */
    TdLane *reader;
    TdAddress address;
    int fd;                 /* the bound socket, -1 when closed */
    atomic_uint n_refs;     /* one for each listener, one for each post under way */
    atomic_bool is_closing; /* nobody shares it any more */
    _Atomic (TdSharers *) sharers;
    GSource *source;   /* the reader's own */
    int64_t began_us;  /* when the reader began to read this time; the reader's own */
    bool is_gathering; /* what is sent goes out with the batch; the reader's own */
    void *inside;      /* the kind's own */
    TdMetric *n_received, *n_sent, *n_dropped, *n_overflowed, *n_connections, *buffer_bytes;
    TdMetric *n_handshakes, *n_turned_away;
};

/* The listeners of PORT. Thread: a lane; good until the turn is over. */
TdSharers *td_port_sharers (const TdPort *port);

/* The newest listener whose module may be called, or NULL. Thread: a lane; good until the turn is
 * over. */
TdListener *td_port_newest (const TdPort *port);

/* Whether there is nobody to call. Thread: a lane. */
bool td_port_is_silent (const TdPort *port);

/* Whose port it is, for the log. Thread: a lane. */
TdModule *td_port_module (const TdPort *port);

TdPort *td_port_ref (TdPort *port);
void td_port_unref (TdPort *port);

/* Keeps what is to be sent until the batch that is being read is over. False when it must be sent now:
 * the port does not gather, or it is too long. Thread: any. */
bool td_port_gather (TdPort *port, const TdAddress *remote, const void *bytes, size_t len_bytes);

/* Gives PACKET, whose listener is yet to be found, to the lane it is sorted to. Thread: the
 * reader. */
void td_port_hand_over (TdPort *port, const TdPacket *packet);

/* Tells the module that PACKET was let go. Thread: the reader. */
void td_port_drop (TdPort *port, const TdPacket *packet, const char *why);

/* Tells every sharer that a flow has ended. Thread: the reader. */
void td_port_tell_closed (TdPort *port, uint64_t flow, const TdAddress *remote);

#endif
