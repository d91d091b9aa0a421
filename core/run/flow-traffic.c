/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What passes on a flow: out to a peer that may be slow, in until a message is whole, and through its
 * filter. */

#include "run/flow-inside.h"
#include "run/lane.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* Gives the kernel what it takes of BYTES. Returns how much that was. */
static size_t
push (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    ssize_t n_sent = send (flow->fd, bytes, len_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n_sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            td_flow_doom_aloud (flow, "socket.send", "cannot send: %s", g_strerror (errno));
        }
        return 0;
    }
    flow->active_us = td_clock_now_us ();
    atomic_fetch_sub_explicit (&flow->n_waiting_bytes, (size_t) n_sent, memory_order_relaxed);
    return (size_t) n_sent;
}

void
td_flow_flush (TdFlow *flow)
{
    TdBuffer *out = &flow->out;

    if (td_buffer_len_bytes (out) > 0) {
        td_buffer_consume (out, push (flow, out->bytes + out->begin, td_buffer_len_bytes (out)));
    }
    td_flow_watch (flow);
}

/* Sends what is counted as waiting. */
static void
send_raw (TdFlow *flow, const void *bytes, size_t len_bytes)
{
    size_t n_sent = 0;

    if (flow->is_connected && td_buffer_len_bytes (&flow->out) == 0) {
        n_sent = push (flow, bytes, len_bytes);
    }
    if (n_sent < len_bytes && !flow->is_doomed) {
        td_buffer_append (&flow->out, (const char *) bytes + n_sent, len_bytes - n_sent);
        if (flow->is_connected) {
            td_flow_watch (flow);
        }
    }
}

/* Sends what a filter has made. */
static void
send_wire (TdFlow *flow, const GByteArray *wire)
{
    if (wire->len == 0 || flow->is_doomed) {
        return;
    }
    atomic_fetch_add_explicit (&flow->n_waiting_bytes, wire->len, memory_order_relaxed);
    send_raw (flow, wire->data, wire->len);
    if (td_buffer_len_bytes (&flow->out) > 2 * TD_FLOW_WAITING_BYTES && !flow->is_doomed) {
        td_flow_doom_aloud (flow, "socket.send",
                            "the peer does not take what its own bytes are answered "
                            "with");
    }
}

/* Has the filter make something for the wire of BYTES, which were counted as waiting. */
static void
send_filtered (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    TdFiltered *filtered = &flow->filtered;
    GByteArray *wire = td_flows_wire (td_flows_of (flow->port));
    TdFilterState state = filtered->filter->send (filtered->state, bytes, len_bytes, wire);

    send_wire (flow, wire);
    atomic_fetch_sub_explicit (&flow->n_waiting_bytes, len_bytes, memory_order_relaxed);
    if (state == TD_FILTER_FAILED && !flow->is_doomed) {
        td_flow_doom_aloud (flow, "socket.filter", "cannot send: %s",
                            filtered->filter->why (filtered->state));
    }
}

void
td_flow_send_now (TdFlow *flow, const char *bytes, size_t len_bytes)
{
    if (flow->is_doomed) {
        return;
    }
    td_metric_add (flow->port->n_sent, 1);
    if (flow->port->decl.transport != TD_TRANSPORT_TLS) {
        send_raw (flow, bytes, len_bytes);
    } else if (flow->is_shaking) {
        td_buffer_append (&flow->filtered.held, bytes, len_bytes);
    } else {
        send_filtered (flow, bytes, len_bytes);
    }
}

static void
deliver (TdFlow *flow, char *bytes, size_t len_bytes)
{
    TdPacket packet = { .flow = flow->number,
                        .transport = flow->port->decl.transport,
                        .local = flow->local,
                        .remote = flow->target.remote,
                        .arrival_us = td_clock_now_us (),
                        .bytes = bytes,
                        .len_bytes = len_bytes,
                        .peer = flow->filtered.peer };
    char saved = bytes[len_bytes];

    bytes[len_bytes] = '\0';
    td_port_hand_over (flow->port, &packet);
    bytes[len_bytes] = saved;
}

/* Delivers the messages that are whole in BYTES, behind which there is room for a NUL. Returns how
 * much of them that was. */
static size_t
cut_messages (TdFlow *flow, char *bytes, size_t len_bytes)
{
    uint32_t max_message_bytes = flow->port->decl.max_message_bytes;
    size_t done = 0;

    while (done < len_bytes && !flow->is_doomed && !td_port_is_silent (flow->port)) {
        size_t left = len_bytes - done;
        const TdListener *newest = td_port_newest (flow->port);
        if (newest == NULL) {
            break; /* closed in this very moment */
        }
        ssize_t len = newest->decl.frame (bytes + done, left, newest->decl.data);
        if (len < 0) {
            td_flow_doom_aloud (flow, "socket.frame", "what the peer sent is no message");
            break;
        }
        bool is_whole = len > 0 && (size_t) len <= left;
        if ((len > 0 ? (size_t) len : left) > max_message_bytes) {
            td_metric_add (flow->port->n_dropped, 1);
            td_flow_doom_aloud (flow, "socket.length",
                                "a message of the peer is longer than %u bytes", max_message_bytes);
            break;
        }
        if (!is_whole) {
            break;
        }
        deliver (flow, bytes + done, (size_t) len);
        done += (size_t) len;
    }
    return done;
}

/* Takes N bytes, behind which there is room for a NUL, of what a peer meant. */
static void
take_plain (TdFlow *flow, char *bytes, size_t n)
{
    TdBuffer *in = &flow->in;

    if (td_buffer_len_bytes (in) == 0) {
        size_t done = cut_messages (flow, bytes, n);
        if (done < n) {
            td_buffer_append (in, bytes + done, n - done);
        }
    } else {
        td_buffer_append (in, bytes, n);
        td_buffer_consume (in,
                           cut_messages (flow, in->bytes + in->begin, td_buffer_len_bytes (in)));
    }
}

void
td_flow_begin_filter (TdFlow *flow)
{
    const TdListener *newest = td_port_newest (flow->port);
    GByteArray *wire = td_flows_wire (td_flows_of (flow->port));

    if (newest == NULL) {
        td_flow_doom (flow); /* closed in this very moment */
        return;
    }
    const TdFlowTarget *target = &flow->target;
    TdFilterFlow what = { .size = sizeof what,
                          .is_client = flow->is_client,
                          .identity =
                              target->identity != NULL ? target->identity : newest->decl.identity,
                          .peer_name = target->peer_name,
                          .remote = target->remote };
    const char *why = td_filtered_begin (&flow->filtered, newest, &what, wire);
    if (why != NULL) {
        td_flow_doom_aloud (flow, "socket.handshake", "the connection cannot be served: %s", why);
        return;
    }
    send_wire (flow, wire);
}

/* It is known whom FLOW is with: what waited for that goes out. */
static void
flow_opened (TdFlow *flow)
{
    TdFiltered *filtered = &flow->filtered;
    TdBuffer held = filtered->held;

    td_flow_shaken (flow);
    filtered->held = (TdBuffer){ 0 };
    filtered->peer = filtered->filter->peer (filtered->state);
    td_flow_start_waiting (flow);
    if (td_buffer_len_bytes (&held) > 0) {
        send_filtered (flow, held.bytes + held.begin, td_buffer_len_bytes (&held));
    }
    g_free (held.bytes);
}

/* Takes N bytes from the wire. */
static void
take_filtered (TdFlow *flow, const char *bytes, size_t n)
{
    TdFlows *flows = td_flows_of (flow->port);
    TdFiltered *filtered = &flow->filtered;
    GByteArray *wire = td_flows_wire (flows), *plain = g_byte_array_set_size (flows->plain, 0);

    if (filtered->state == NULL) { /* a peer that says nothing costs no more than its socket */
        td_flow_begin_filter (flow);
    }
    if (flow->is_doomed) {
        return;
    }
    TdFilterState state = filtered->filter->receive (filtered->state, bytes, n, plain, wire);
    send_wire (flow, wire);
    if (state == TD_FILTER_FAILED && !flow->is_doomed) {
        td_flow_doom_aloud (flow, flow->is_shaking ? "socket.handshake" : "socket.filter", "%s: %s",
                            flow->is_shaking ? "the handshake failed" : "the connection is broken",
                            filtered->filter->why (filtered->state));
        return;
    }
    if (state != TD_FILTER_SHAKING && flow->is_shaking && !flow->is_doomed) {
        flow_opened (flow);
    }
    if (plain->len > 0 && !flow->is_doomed) {
        size_t n_plain = plain->len;
        g_byte_array_set_size (plain, plain->len + 1);
        take_plain (flow, (char *) plain->data, n_plain);
    }
    if (state == TD_FILTER_CLOSED) {
        td_flow_doom (flow);
    }
}

void
td_flow_read (TdFlow *flow)
{
    char *scratch = td_flows_of (flow->port)->scratch;
    ssize_t n = recv (flow->fd, scratch, TD_FLOW_READ_BYTES, MSG_DONTWAIT);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            td_flow_doom_aloud (flow, "socket.receive", "cannot receive: %s", g_strerror (errno));
        }
        return;
    }
    if (n == 0) {
        if (flow->is_shaking && flow->filtered.state != NULL) {
            td_flow_doom_aloud (flow, "socket.handshake", "the peer hung up during the handshake");
        }
        td_flow_doom (flow);
        return;
    }
    flow->active_us = td_clock_now_us ();
    if (flow->port->decl.transport == TD_TRANSPORT_TLS) {
        take_filtered (flow, scratch, (size_t) n);
    } else {
        take_plain (flow, scratch, (size_t) n);
    }
}
