/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A flow from the inside, for its two files only. All but what says otherwise is the reader's. */

#ifndef CORE_RUN_FLOW_INSIDE_H
#define CORE_RUN_FLOW_INSIDE_H

#include "run/buffer.h"
#include "run/filtered.h"
#include "run/flow.h"

enum {
    TD_FLOW_READ_BYTES = 65536, /* taken from one connection in one go */
    TD_FLOW_WAITING_BYTES = 1 << 20,
};

/* What a flow is looked for by: one whose peer was checked under one name is not another name's. */
typedef struct {
    TdAddress remote;
    const char *identity, *peer_name; /* nullable */
} TdFlowTarget;

/* A connection. What is not constant is the reader's own, but for N_WAITING. */
struct TdFlow {
    TdPort *port;
    uint64_t number;
    TdAddress local;
    TdFlowTarget target;
    int fd;                 /* -1: its errand has not come to the reader yet */
    uint32_t events;        /* epoll watches for these */
    uint8_t priority_class; /* of what it was made for */
    bool is_client;         /* this side connects */
    bool is_connected;
    bool is_shaking;               /* its filter does not know yet whom it is with */
    bool is_doomed;                /* ends as soon as nobody is in its functions */
    atomic_size_t n_waiting_bytes; /* taken from the module or the filter, not yet by the kernel */
    int64_t active_us;
    TdTimer timer; /* to stand; to shake hands; then for idleness; at once when doomed */
    TdFiltered filtered;
    TdBuffer in, out;
};

static inline TdFlows *
td_flows_of (const TdPort *port)
{
    return port->inside;
}

/* The scratch array of FLOWS for what a filter has for the wire; nobody needs it for long. */
static inline GByteArray *
td_flows_wire (TdFlows *flows)
{
    return g_byte_array_set_size (flows->wire, 0);
}

/* Whether FLOW's handshake is one that its peer makes this side pay for. */
static inline bool
td_flow_is_guest (const TdFlow *flow)
{
    return flow->is_shaking && !flow->is_client;
}

/* --- flow.c ------------------------------------------------------------------------------ */

/* Ends FLOW, but not under the feet of the module that is in one of its functions; aloud: for a reason that an
 * operator may want to know. */
void td_flow_doom (TdFlow *flow);
void td_flow_doom_aloud (TdFlow *flow, const char *code, const char *format, ...) TD_PRINTF (3, 4);

/* Has epoll look for what FLOW needs now. */
void td_flow_watch (TdFlow *flow);

/* Has FLOW end when nothing happens: first with its handshake, then at all. */
void td_flow_start_waiting (TdFlow *flow);

/* FLOW's handshake is over: from now on it is served as the others are. */
void td_flow_shaken (TdFlow *flow);

/* --- flow-traffic.c ---------------------------------------------------------------------- */

/* Sends what td_flow_take_room () has let in. */
void td_flow_send_now (TdFlow *flow, const char *bytes, size_t len_bytes);

/* Gives the kernel what waits for it. */
void td_flow_flush (TdFlow *flow);

/* Begins to shake hands. */
void td_flow_begin_filter (TdFlow *flow);

/* Takes what has come. */
void td_flow_read (TdFlow *flow);

#endif
