/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stream listeners: one listening socket, its flows, and how other lanes get at them. */

#include "run/clock.h"
#include "run/flow.h"
#include "run/lane.h"
#include "run/socket.h"

#include <tandem/log.h>
#include <tandem/priority.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 64,     /* served in one turn of the main context */
    PAUSE_MS = 1000, /* before accepting is tried again without descriptors */
};

typedef struct {
    TdFlows flows;      /* first */
    TdTimer pause;      /* of accepting */
    TdTimer rest;       /* from handshakes */
    int64_t rest_to_us; /* when the share of the time that they may take is theirs again */
} Streams;

static Streams *
streams_of (const TdPort *port)
{
    return port->inside;
}

/* What another lane wants done with a flow. */
typedef struct {
    TdPost post;
    TdPort *port;
    uint64_t flow;
    size_t len_bytes;
    char bytes[];
} Errand;

/* Watches the listening socket, which is the one without a flow. */
static bool
watch_listening (TdPort *port)
{
    struct epoll_event event = { .events = EPOLLIN };

    return epoll_ctl (streams_of (port)->flows.epoll_fd, EPOLL_CTL_ADD, port->fd, &event) == 0;
}

static void
pause_accepting (TdPort *port, const char *why)
{
    epoll_ctl (streams_of (port)->flows.epoll_fd, EPOLL_CTL_DEL, port->fd, NULL);
    td_timer_start (&streams_of (port)->pause, PAUSE_MS);
    td_log_peer (td_port_module (port), "socket.accept", port->name, NULL,
                 "cannot accept a connection, tries again in %d ms: %s", PAUSE_MS, why);
}

/* Takes the connections that wait. Without descriptors the socket would stay readable and keep the
 * lane busy for nothing, so it is left alone for a while: the peers wait in the kernel's queue. */
static void
accept_flows (TdPort *port)
{
    for (unsigned i = 0; i < EVENTS; i++) {
        TdAddress remote = { .v6 = { 0 } };
        socklen_t len = sizeof remote;
        int fd = accept4 (port->fd, &remote.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 && !td_descriptor_may_keep (fd, TD_CLASS_ORDINARY)) {
            close (fd); /* whom it is from is not known yet */
            pause_accepting (port, "the descriptors that are left are for calls with a priority");
            return;
        }
        if (fd >= 0) {
            td_flow_accepted (&streams_of (port)->flows, fd, &remote);
            continue;
        }
        switch (errno) {
        case EAGAIN:
            return;
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
            pause_accepting (port, g_strerror (errno));
            return;
        default: /* what befell that one connection before it was taken: accept(2) */
            break;
        }
    }
}

static void
accept_again (TdTimer *timer)
{
    Streams *streams = (Streams *) ((char *) timer - offsetof (Streams, pause));

    if (!watch_listening (streams->flows.port)) {
        td_timer_start (timer, PAUSE_MS);
    }
}

static void
shake_again (TdTimer *timer)
{
    Streams *streams = (Streams *) ((char *) timer - offsetof (Streams, rest));

    if (!td_flows_let_shake (&streams->flows, true)) {
        td_timer_start (timer, PAUSE_MS);
    }
}

/* Makes a step of a handshake that a peer began. However many begin one, they have no more than their share
 * of the lane's time: after each step the others have the rest of it. */
static void
shake (TdPort *port)
{
    Streams *streams = streams_of (port);
    unsigned percent = port->decl.handshake_percent;
    int64_t begun_us = td_clock_read_us ();

    td_flows_shake (&streams->flows);
    int64_t now_us = td_clock_read_us ();
    if (percent == 0 || percent >= 100) {
        return;
    }
    streams->rest_to_us =
        MAX (streams->rest_to_us, now_us) + (now_us - begun_us) * (100 - percent) / percent;
    if (streams->rest_to_us - now_us >= 1000 && td_flows_let_shake (&streams->flows, false)) {
        /* Timers count from the begin of the turn. */
        td_timer_start (&streams->rest,
                        (uint32_t) ((streams->rest_to_us - td_clock_now_us ()) / 1000));
    }
}

/* Handshakes cost a hundred messages each: one step a turn, and after all that is cheap. The others'
 * turn comes, epoll tells of them again. Those that this side began, for a call, wait for no stranger's. */
static void
serve (TdPort *port)
{
    TdFlows *flows = &streams_of (port)->flows;
    struct epoll_event events[EVENTS], *shaking = NULL;
    bool is_guest_shaking = false;
    int n = epoll_wait (flows->epoll_fd, events, EVENTS, 0);

    for (int i = 0; i < n && !td_port_is_silent (port); i++) {
        TdFlow *flow = events[i].data.ptr;
        if (flow == NULL) {
            accept_flows (port);
        } else if (events[i].data.ptr == &flows->shaking_fd) {
            is_guest_shaking = true;
        } else if (!td_flow_is_shaking (flow)) {
            td_flow_serve (flow, events[i].events);
        } else if (shaking == NULL) {
            shaking = &events[i];
        }
    }
    if (shaking != NULL && !td_port_is_silent (port)) {
        td_flow_serve (shaking->data.ptr, shaking->events);
    } else if (is_guest_shaking && !td_port_is_silent (port)) {
        shake (port);
    }
}

static void
errand_free (TdPost *post)
{
    td_port_unref (((Errand *) post)->port);
    g_free (post);
}

static void
run_connect (TdPost *post)
{
    Errand *errand = (Errand *) post;

    td_flow_connect_now (&streams_of (errand->port)->flows, errand->flow);
    errand_free (post);
}

static void
run_send (TdPost *post)
{
    Errand *errand = (Errand *) post;

    td_flow_write (&streams_of (errand->port)->flows, errand->flow, errand->bytes,
                   errand->len_bytes);
    errand_free (post);
}

/* Has the reader RUN something for FLOW. The core's own: what a module sent before it stopped is
 * still sent. */
static void
post_errand (TdPort *port, uint64_t flow, void (*run) (TdPost *post), const void *bytes,
             size_t len_bytes)
{
    Errand *errand = g_malloc (sizeof *errand + len_bytes);

    errand->post = (TdPost){ .run = run, .drop = errand_free };
    errand->port = td_port_ref (port);
    errand->flow = flow;
    errand->len_bytes = len_bytes;
    if (len_bytes > 0) {
        memcpy (errand->bytes, bytes, len_bytes);
    }
    td_lane_post (port->reader, &errand->post);
}

uint64_t
td_flow_connect_as (TdListener *listener, const TdAddress *remote, const TdFlowWish *wish)
{
    TdPort *port = listener->port;
    TdFlowWish whole = { 0 };
    bool is_new;

    memcpy (&whole, wish, MIN (wish->size, sizeof whole));

    g_return_val_if_fail (port->kind == &td_stream_kind, 0);
    if (td_port_is_silent (port)) {
        return 0;
    }
    uint64_t number = td_flow_to (&streams_of (port)->flows, remote, &whole, &is_new);
    if (is_new) { /* on the reader, too: closed() must not come before the number is known */
        post_errand (port, number, run_connect, NULL, 0);
    }
    return number;
}

uint64_t
td_flow_connect (TdListener *listener, const TdAddress *remote)
{
    TdFlowWish wish = { .size = sizeof wish, .priority_class = TD_CLASS_ORDINARY };

    return td_flow_connect_as (listener, remote, &wish);
}

bool
td_flow_send (TdListener *listener, uint64_t number, const void *bytes, size_t len_bytes)
{
    TdPort *port = listener->port;
    TdFlows *flows = &streams_of (port)->flows;

    g_return_val_if_fail (port->kind == &td_stream_kind, false);
    if (!td_flow_take_room (flows, number, len_bytes)) {
        return false;
    }
    if (td_lane_current () != port->reader) {
        post_errand (port, number, run_send, bytes, len_bytes);
        return true;
    }
    return td_flow_write (flows, number, bytes, len_bytes);
}

static int
watched_fd (const TdPort *port)
{
    return streams_of (port)->flows.epoll_fd;
}

static bool
open_socket (TdPort *port, GError **error)
{
    const TdListenerDecl *decl = &port->decl;
    socklen_t len = sizeof port->address;
    Streams *streams = g_new0 (Streams, 1);
    int on = 1;

    port->inside = streams;
    td_timer_init (&streams->pause, NULL, accept_again);
    td_timer_init (&streams->rest, NULL, shake_again);
    bool is_open = td_flows_open (&streams->flows, port);
    port->fd = socket (decl->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port->fd < 0 || !is_open) {
        td_socket_fail (error, decl->name, "make a socket", errno);
        return false;
    }
    /* Connections of an earlier life that linger in the kernel do not keep the port. */
    setsockopt (port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!td_flow_prepare (port->fd, decl, error)) {
        return false;
    }
    if (bind (port->fd, &decl->address.any, td_address_len_bytes (&decl->address)) != 0) {
        td_socket_fail (error, decl->name, "bind", errno);
        return false;
    }
    if (listen (port->fd, SOMAXCONN) != 0) {
        td_socket_fail (error, decl->name, "listen", errno);
        return false;
    }
    if (getsockname (port->fd, &port->address.any, &len) != 0 || !watch_listening (port)) {
        td_socket_fail (error, decl->name, "watch its own socket", errno);
        return false;
    }
    return true;
}

static void
quit (TdPort *port)
{
    td_timer_stop (&streams_of (port)->pause);
    td_timer_stop (&streams_of (port)->rest);
    td_flows_end (&streams_of (port)->flows);
}

static void
free_inside (TdPort *port)
{
    td_flows_close (&streams_of (port)->flows);
    g_free (port->inside);
}

const TdPortKind td_stream_kind = {
    .open = open_socket, .watched_fd = watched_fd, .read = serve, .quit = quit, .free = free_inside
};
