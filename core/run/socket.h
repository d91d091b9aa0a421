/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all listeners have in common, for the files of this room only.
 *
 *     listener of the old build --\
 *                                  port: one socket, one reader, the connections
 *     listener of the new build --/
 *
 * A port is what the kernel knows of; a listener is one build's share of it. During an upgrade two
 * builds of a module share a port: a message is the old build's when it claims it, else the new one's.
 *
 *     socket.c     open, close, references, sorting and delivery
 *     datagram.c   one socket, read in batches
 *     stream.c     one listening socket and its flows, watched through one epoll descriptor, so that
 *                  the lane's main context sees one source however many peers are connected
 *
 * Closing a port is a sweep over the lanes: the reader stops its source and ends its flows, and when every
 * lane has finished the turn it was in, nobody uses the descriptors any more and they are closed.
 */

#ifndef CORE_RUN_SOCKET_H
#define CORE_RUN_SOCKET_H

#include "base/owner.h"

#include <tandem/metric.h>
#include <tandem/socket.h>

typedef struct TdDatagrams TdDatagrams; /* datagram.c */
typedef struct TdStreams TdStreams;     /* stream.c */

typedef struct TdPort TdPort;

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
};

struct TdPort {
    char *name, *module_name; /* of the first listener */
    TdListenerDecl decl;      /* of the first listener; its functions are not called from here */
    TdLane *reader;
    TdAddress address;
    int fd;                 /* the bound socket, -1 when closed */
    atomic_uint n_refs;     /* one for each listener, one for each post under way */
    atomic_bool is_closing; /* nobody shares it any more */
    _Atomic (TdSharers *) sharers;
    GSource *source;        /* the reader's own */
    TdDatagrams *datagrams; /* one of the two */
    TdStreams *streams;
    TdMetric *n_received, *n_sent, *n_dropped, *n_overflowed, *n_connections;
};

/* Sets ERROR to "NAME: cannot DO: reason" with what the kernel said, and a hint. */
void td_socket_fail (GError **error, const char *name, const char *what, int code);

/* Sets what both kinds of socket have: DSCP, IPv6 only where it says IPv6. */
bool td_socket_prepare (int fd, const TdListenerDecl *decl, GError **error);

/* Asks for the size of a buffer, with force where the process may. Returns what was granted. */
int td_socket_ask_buffer (int fd, int option, int forced_option, int size_bytes);

/* The newest listener whose module may be called, or NULL. Thread: a lane; good until the turn is
 * over. */
TdListener *td_port_newest (const TdPort *port);

/* Whether there is nobody to call. Thread: a lane. */
bool td_port_is_silent (const TdPort *port);

/* Whose port it is, for the log. Thread: a lane. */
TdModule *td_port_module (const TdPort *port);

TdPort *td_port_ref (TdPort *port);
void td_port_unref (TdPort *port);

/* Gives PACKET, whose listener is yet to be found, to the lane it is sorted to. Thread: the
 * reader. */
void td_port_hand_over (TdPort *port, const TdPacket *packet);

/* Tells the module that PACKET was let go. Thread: the reader. */
void td_port_drop (TdPort *port, const TdPacket *packet, const char *why);

/* Tells every sharer that a flow has ended. Thread: the reader. */
void td_port_tell_closed (TdPort *port, uint64_t flow, const TdAddress *remote);

/* The parts of each kind. open() binds; read() serves what is there; quit() ends what lives on the
 * reader; free() may run anywhere, when nobody is left. */
bool td_datagrams_open (TdPort *port, GError **error);
void td_datagrams_read (TdPort *port);
void td_datagrams_free (TdDatagrams *datagrams);

bool td_streams_open (TdPort *port, GError **error);
int td_streams_fd (const TdStreams *streams);
void td_streams_read (TdPort *port);
void td_streams_quit (TdPort *port);
void td_streams_free (TdStreams *streams);

#endif
