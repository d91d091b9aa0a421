/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Flows: the connections of a stream listener. Each lives on the reader of its port; other lanes know
 * its number, by which it is found or not.
 *
 *     td_flow_to () --> connecting --> stands <--> what waits for a slow peer
 *     accept ()     ----------------->   |   (and shakes hands, where there is a filter)
 *                                        +--> doomed: idle, ended, or its peer sent no message
 */

#ifndef CORE_RUN_FLOW_H
#define CORE_RUN_FLOW_H

#include "run/port.h"
#include "run/source.h"

/* Those of one port, whose inside begins with it. */
typedef struct {
    TdPort *port;
    int epoll_fd;   /* watches them all: an event's data is its flow, or the place of ... */
    int shaking_fd; /* ... this one, which watches those of peers that shake hands; -1 for none */
    char *scratch;
    GByteArray *plain, *wire; /* scratch of what filters have made */
    pthread_mutex_t lock;     /* guards the tables: other lanes look up, only the reader removes */
    GHashTable *by_number, *by_target;
    TdSources *sources,
        *shaking; /* of accepted connections, of those that shake hands; the reader's own */
} TdFlows;

/* Returns false, with errno, without a descriptor for epoll; FLOWS is to be closed then, too. */
bool td_flows_open (TdFlows *flows, TdPort *port);

/* Ends all flows, which nobody is told. Thread: the reader. */
void td_flows_end (TdFlows *flows);

/* Frees what FLOWS holds, when nobody is left. Thread: any. */
void td_flows_close (TdFlows *flows);

/* Sets what accepted connections inherit from the listening socket, and others get one by one. */
bool td_flow_prepare (int fd, const TdListenerDecl *decl, GError **error);

/* Takes in FD, an accepted connection. Thread: the reader. */
void td_flow_accepted (TdFlows *flows, int fd, const TdAddress *remote);

/* The number of the flow to REMOTE that WISH asks for; a new one is still to be connected.
 * Thread: any. */
uint64_t td_flow_to (TdFlows *flows, const TdAddress *remote, const TdFlowWish *wish,
                     bool *ret_is_new);

/* Begins to connect the flow of NUMBER. Thread: the reader. */
void td_flow_connect_now (TdFlows *flows, uint64_t number);

/* Whether the flow is there and LEN_BYTES more may wait for its peer; they are counted as waiting
 * until td_flow_write() and the kernel have taken them. Thread: any. */
bool td_flow_take_room (TdFlows *flows, uint64_t number, size_t len_bytes);

/* Returns false when the flow has ended, or just did. Thread: the reader. */
bool td_flow_write (TdFlows *flows, uint64_t number, const char *bytes, size_t len_bytes);

/* Whether its filter does not know yet whom FLOW is with: serving it may cost much. Thread: the
 * reader. */
bool td_flow_is_shaking (const TdFlow *flow);

/* Serves one of the peers that shake hands, which costs much. Thread: the reader. */
void td_flows_shake (TdFlows *flows);

/* Has those peers served, or wait: IS_ON. Returns false, with errno, when the kernel has no memory.
 * Thread: the reader. */
bool td_flows_let_shake (TdFlows *flows, bool is_on);

/* Serves the EVENTS that epoll has for FLOW. Thread: the reader. */
void td_flow_serve (TdFlow *flow, uint32_t events);

#endif
