/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all listeners have in common, for the files of this room only.
 *
 *     socket.c     open, close, references, sorting and delivery
 *     datagram.c   one socket, read in batches
 *     stream.c     one listening socket and its flows, watched through one epoll descriptor, so that
 *                  the lane's main context sees one source however many peers are connected
 *
 * Closing is a sweep over the lanes: the reader stops its source and ends its flows, and when every
 * lane has finished the turn it was in, nobody uses the descriptors any more and they are closed.
 */

#ifndef CORE_RUN_SOCKET_H
#define CORE_RUN_SOCKET_H

#include "base/owner.h"

#include <tandem/metric.h>
#include <tandem/socket.h>

typedef struct TdDatagrams TdDatagrams; /* datagram.c */
typedef struct TdStreams TdStreams;     /* stream.c */

struct TdListener {
    TdOwned owned;
    TdModule *module;
    TdLane *reader;
    TdListenerDecl decl;
    TdAddress address;
    int fd;                 /* the bound socket, -1 when closed */
    atomic_uint n_refs;     /* one while open, one for each post under way */
    atomic_bool is_closing; /* the module is not called any more */
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

/* Whether the module behind LISTENER must not be called any more. Thread: any. */
bool td_listener_is_silent (const TdListener *listener);

TdListener *td_listener_ref (TdListener *listener);
void td_listener_unref (TdListener *listener);

/* Gives PACKET to the lane it is sorted to. Thread: the reader. */
void td_listener_hand_over (TdListener *listener, const TdPacket *packet);

/* Tells the module that PACKET was let go. Thread: the reader. */
void td_listener_drop (TdListener *listener, const TdPacket *packet, const char *why);

/* The parts of each kind. open() binds; read() serves what is there; quit() ends what lives on the
 * reader; free() may run anywhere, when nobody is left. */
bool td_datagrams_open (TdListener *listener, GError **error);
void td_datagrams_read (TdListener *listener);
void td_datagrams_free (TdDatagrams *datagrams);

bool td_streams_open (TdListener *listener, GError **error);
int td_streams_fd (const TdStreams *streams);
void td_streams_read (TdListener *listener);
void td_streams_quit (TdListener *listener);
void td_streams_free (TdStreams *streams);

#endif
