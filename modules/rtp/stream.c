/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams: their sockets, and what lanes ask of them. */

#include "stream.h"

#include "player.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <tandem/priority.h>
#include <unistd.h>

enum {
    MAX_PORT_TRIES = 64, /* pairs that somebody else on this machine may hold */
};

/* Says what the kernel said, and what helps. */
static bool
set_system_error (GError **error, int code, const TdAddress *host)
{
    char text[TD_ADDRESS_TEXT_SIZE];
    const char *advice = "";

    if (code == EMFILE || code == ENFILE) {
        advice = ": raise the limit of open files (LimitNOFILE), a leg takes two";
    } else if (code == EADDRNOTAVAIL) {
        advice = ": [rtp] address must be one of this machine";
    }
    g_set_error (error, g_quark_from_string ("td-rtp-error"), code, "no media port at %s: %s%s",
                 td_address_print_host (host, text), g_strerror (code), advice);
    return false;
}

/* The mark is a wish: a socket that cannot have it still carries the call. One call for a socket, none for
 * a packet. */
static void
mark (int fd, bool is_ipv6, unsigned dscp)
{
    int traffic_class = (int) (dscp << 2);

    setsockopt (fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP, is_ipv6 ? IPV6_TCLASS : IP_TOS,
                &traffic_class, sizeof traffic_class);
}

static unsigned
dscp_of (const RtpStream *stream, unsigned priority_class)
{
    RtpEngine *engine = stream->thread->engine;

    return rtp_setting (priority_class > TD_CLASS_ORDINARY ? &engine->priority_dscp
                                                           : &engine->dscp);
}

/* Binds a socket to PORT of HOST for STREAM, or returns -1 with errno. */
static int
bind_port (const RtpStream *stream, const TdAddress *host, unsigned port)
{
    TdAddress address = *host;

    td_address_set_port (&address, (uint16_t) port);
    int fd = socket (address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    mark (fd, address.any.sa_family == AF_INET6, dscp_of (stream, stream->priority_class));
    if (!td_descriptor_may_keep (fd, stream->priority_class)
        || bind (fd, &address.any, td_address_len_bytes (&address)) < 0) {
        int code = errno;
        close (fd);
        errno = code;
        return -1;
    }
    return fd;
}

static bool
bind_pair (RtpStream *stream, const TdAddress *host, unsigned port)
{
    stream->rtp.fd = bind_port (stream, host, port);
    if (stream->rtp.fd < 0) {
        return false;
    }
    if (stream->kind != RTP_STREAM_PAIR) {
        return true;
    }
    stream->rtcp.fd = bind_port (stream, host, port + 1);
    if (stream->rtcp.fd < 0) {
        int code = errno;
        close (stream->rtp.fd);
        stream->rtp.fd = -1;
        errno = code;
        return false;
    }
    return true;
}

/* Takes pairs until one can be bound. One that another program holds goes back to rest. */
static bool
open_ports (RtpStream *stream, const TdAddress *host, GError **error)
{
    RtpPorts *ports = stream->thread->engine->ports;
    int64_t now_us = rtp_engine_now_us (stream->thread->engine);
    bool is_priority = stream->priority_class > TD_CLASS_ORDINARY;

    for (unsigned i = 0; i < MAX_PORT_TRIES; i++) {
        unsigned port = rtp_ports_take (ports, is_priority, now_us);
        if (port == 0) {
            break;
        }
        if (bind_pair (stream, host, port)) {
            stream->port = (uint16_t) port;
            return true;
        }
        int code = errno;
        rtp_ports_give (ports, port, now_us);
        if (code != EADDRINUSE) {
            return set_system_error (error, code, host);
        }
    }
    unsigned first, last;
    rtp_ports_range (ports, is_priority, &first, &last);
    g_set_error (
        error, g_quark_from_string ("td-rtp-error"), EADDRINUSE,
        "no media port is free of %u to %u: %u pairs are in use, the others rest or belong "
        "to other programs; widen the range with [rtp] first-port and last-port",
        first, last, rtp_ports_in_use (ports));
    return false;
}

RtpStreamKind
rtp_stream_kind (const RtpStream *stream)
{
    return (RtpStreamKind) stream->kind;
}

unsigned
rtp_stream_port (const RtpStream *stream)
{
    return stream->port;
}

bool
rtp_stream_is_ipv6 (const RtpStream *stream)
{
    return stream->is_ipv6;
}

void
rtp_stream_rearm (RtpStream *stream, RtpSocket *socket)
{
    uintptr_t tag = socket->is_rtcp ? RTP_TAG_RTCP : RTP_TAG_RTP;
    struct epoll_event event = { .events = EPOLLIN | EPOLLET,
                                 .data.ptr = (void *) ((uintptr_t) stream | tag) };

    epoll_ctl (stream->thread->epoll_fd, EPOLL_CTL_MOD, socket->fd, &event);
}

static bool
watch (RtpStream *stream, RtpSocket *socket)
{
    uintptr_t tag = socket->is_rtcp ? RTP_TAG_RTCP : RTP_TAG_RTP;
    struct epoll_event event = { .events = EPOLLIN | EPOLLET,
                                 .data.ptr = (void *) ((uintptr_t) stream | tag) };

    return socket->fd < 0
           || epoll_ctl (stream->thread->epoll_fd, EPOLL_CTL_ADD, socket->fd, &event) == 0;
}

/* A command that is about one stream. */
typedef struct {
    RtpCommand command;
    RtpStream *stream;
    union {
        RtpAgreement agreement;
        RtpPath *path; /* to be put in its place */
        RtpStream *to;
        unsigned dscp;
    };
} StreamCommand;

static void
post (RtpStream *stream, StreamCommand *command, RtpRun run)
{
    command->command.run = run;
    command->stream = stream;
    rtp_thread_post (stream->thread, &command->command);
}

static void
run_add (RtpThread *thread, RtpCommand *command)
{
    RtpStream *stream = ((StreamCommand *) command)->stream;

    stream->next = thread->streams;
    if (stream->next != NULL) {
        stream->next->prev = stream;
    }
    thread->streams = stream;
    thread->n_streams++;
    /* Registered last: a packet that is there already must find a stream of this thread. */
    if (!watch (stream, &stream->rtp) || !watch (stream, &stream->rtcp)) {
        const RtpEngineSetup *setup = &thread->engine->setup;
        setup->event (stream->owner, TD_MEDIA_BROKEN, errno, setup->data);
    }
    g_free (command);
}

RtpThread *
rtp_engine_thread_of (RtpEngine *engine, uint64_t key)
{
    /* Neighbouring keys differ in their low bits; the golden ratio spreads them. */
    uint64_t spread = key * UINT64_C (0x9e3779b97f4a7c15) >> 32;

    return engine->threads[spread % engine->n_threads];
}

RtpStream *
rtp_stream_open (RtpEngine *engine, uint64_t key, const TdAddress *host, RtpStreamKind kind,
                 unsigned priority_class, void *owner, GError **error)
{
    RtpStream *stream = g_new0 (RtpStream, 1);

    stream->thread = rtp_engine_thread_of (engine, key);
    stream->owner = owner;
    stream->kind = (uint8_t) kind;
    stream->priority_class = (uint8_t) priority_class;
    stream->payload_type = 255;
    stream->rtp.fd = stream->rtcp.fd = -1;
    stream->rtcp.is_rtcp = true;
    stream->is_ipv6 = host->any.sa_family == AF_INET6;
    if (!open_ports (stream, host, error)) {
        g_free (stream);
        return NULL;
    }
    post (stream, g_new0 (StreamCommand, 1), run_add);
    return stream;
}

static void
run_mark (RtpThread *thread, RtpCommand *command)
{
    StreamCommand *ask = (StreamCommand *) command;
    const RtpStream *stream = ask->stream;
    bool is_ipv6 = stream->is_ipv6;

    mark (stream->rtp.fd, is_ipv6, ask->dscp);
    if (stream->rtcp.fd >= 0) {
        mark (stream->rtcp.fd, is_ipv6, ask->dscp);
    }
    g_free (command);
}

void
rtp_stream_classify (RtpStream *stream, unsigned priority_class)
{
    unsigned before = dscp_of (stream, stream->priority_class);
    unsigned after = dscp_of (stream, priority_class);

    stream->priority_class = (uint8_t) priority_class;
    if (before != after) {
        StreamCommand *command = g_new0 (StreamCommand, 1);
        command->dscp = after;
        post (stream, command, run_mark);
    }
}

static void
await (RtpThread *thread, RtpStream *stream, bool is_awaited)
{
    if (stream->is_awaited == is_awaited) {
        return;
    }
    stream->is_awaited = is_awaited;
    stream->awaited_since_us = thread->now_us;
    if (is_awaited) {
        thread->n_awaited++;
    } else {
        thread->n_awaited--;
        stream->is_silent = false;
    }
}

static void
run_agree (RtpThread *thread, RtpCommand *command)
{
    RtpStream *stream = ((StreamCommand *) command)->stream;
    const RtpAgreement *agreement = &((StreamCommand *) command)->agreement;

    if (agreement->local != NULL) {
        g_clear_pointer (&stream->local, td_description_unref);
        stream->local = agreement->local; /* the command's reference */
        stream->index = agreement->index;
        stream->payload_type = 255; /* what it means is looked up anew */
    }
    if (agreement->remote.any.sa_family != AF_UNSPEC) {
        rtp_source_signal (&stream->rtp.source, &agreement->remote);
        rtp_source_signal (&stream->rtcp.source, &agreement->remote_rtcp);
        stream->is_remote_mux = agreement->is_remote_mux;
    }
    await (thread, stream, agreement->is_awaited);
    g_free (command);
}

void
rtp_stream_agree (RtpStream *stream, const RtpAgreement *agreement)
{
    StreamCommand *command = g_new0 (StreamCommand, 1);

    command->agreement = *agreement;
    if (agreement->local != NULL) {
        td_description_ref (agreement->local);
    }
    post (stream, command, run_agree);
}

/* Takes the path from FROM to TO out of both lists and returns it, or NULL. */
static RtpPath *
unlink_path (RtpStream *from, RtpStream *to)
{
    RtpPath **place = &from->outgoing;

    while (*place != NULL && (*place)->to != to) {
        place = &(*place)->next_of_from;
    }
    RtpPath *path = *place;
    if (path == NULL) {
        return NULL;
    }
    *place = path->next_of_from;
    for (place = &to->incoming; *place != path; place = &(*place)->next_of_to) {
    }
    *place = path->next_of_to;
    return path;
}

static void
free_path (RtpPath *path)
{
    for (unsigned i = 0; path != NULL && i < path->n_rules; i++) {
        td_codec_release (path->rules[i].codec);
        rtp_transcoder_free (path->rules[i].transcoder);
    }
    g_free (path);
}

static void
run_connect (RtpThread *thread, RtpCommand *command)
{
    RtpPath *path = ((StreamCommand *) command)->path;

    free_path (unlink_path (path->from, path->to));
    path->next_of_from = path->from->outgoing;
    path->from->outgoing = path;
    path->next_of_to = path->to->incoming;
    path->to->incoming = path;
    g_free (command);
}

void
rtp_stream_connect (RtpStream *from, RtpStream *to, const RtpRule *rules, unsigned n_rules)
{
    g_return_if_fail (from->thread == to->thread);

    StreamCommand *command = g_new0 (StreamCommand, 1);
    RtpPath *path = g_malloc0 (sizeof *path + n_rules * sizeof *rules);
    path->from = from;
    path->to = to;
    path->ssrc_change = from == to ? g_random_int () | 1 : 0;
    path->n_rules = n_rules;
    if (n_rules > 0) {
        memcpy (path->rules, rules, n_rules * sizeof *rules);
    }
    for (unsigned i = 0; i < n_rules; i++) {
        path->is_renumbered = path->is_renumbered || rules[i].transcoder != NULL;
    }
    path->sequence = (uint16_t) g_random_int ();
    command->path = path;
    post (from, command, run_connect);
}

static void
run_disconnect (RtpThread *thread, RtpCommand *command)
{
    free_path (unlink_path (((StreamCommand *) command)->stream, ((StreamCommand *) command)->to));
    g_free (command);
}

void
rtp_stream_disconnect (RtpStream *from, RtpStream *to)
{
    StreamCommand *command = g_new0 (StreamCommand, 1);

    command->to = to;
    post (from, command, run_disconnect);
}

/* Asks for views of some streams. */
typedef struct {
    RtpCommand command;
    RtpDone done;
    void *data;
    bool is_closing;
    unsigned n_streams;
    RtpStream *streams[];
} ViewCommand;

static void
name_codec (const RtpStream *stream, char text[32])
{
    *text = '\0';
    if (stream->local == NULL || stream->index >= stream->local->n_streams) {
        return;
    }
    const TdStream *said = &stream->local->streams[stream->index];
    for (unsigned i = 0; i < said->n_formats; i++) {
        if (said->formats[i].payload_type == stream->payload_type) {
            g_snprintf (text, 32, "%.20s/%u", said->formats[i].name,
                        (unsigned) said->formats[i].clock_rate_hz);
            return;
        }
    }
}

static void
fill_view (const RtpStream *stream, RtpView *view)
{
    *view = (RtpView){
        .received = stream->received,
        .report = stream->report,
        .packets_sent = stream->packets_sent,
        .bytes_sent = stream->bytes_sent,
        .packets_ignored = stream->packets_ignored,
        .packets_bad = stream->packets_bad,
        .packets_unsent = stream->packets_unsent,
        .last_received_us = stream->last_received_us,
        .payload_type = stream->payload_type,
    };
    const TdAddress *target = rtp_source_target (&stream->rtp.source);
    if (target != NULL) {
        view->remote = *target;
    }
    name_codec (stream, view->codec);
}

static void
close_socket (RtpSocket *socket)
{
    if (socket->fd >= 0) {
        close (socket->fd);
        socket->fd = -1;
    }
}

static void
close_stream (RtpThread *thread, RtpStream *stream)
{
    await (thread, stream, false);
    rtp_player_leave (stream);
    while (stream->outgoing != NULL) {
        free_path (unlink_path (stream, stream->outgoing->to));
    }
    while (stream->incoming != NULL) {
        free_path (unlink_path (stream->incoming->from, stream));
    }
    if (stream->prev != NULL) {
        stream->prev->next = stream->next;
    } else {
        thread->streams = stream->next;
    }
    if (stream->next != NULL) {
        stream->next->prev = stream->prev;
    }
    thread->n_streams--;
    close_socket (&stream->rtp);
    close_socket (&stream->rtcp);
    rtp_ports_give (thread->engine->ports, stream->port, rtp_engine_now_us (thread->engine));
    g_clear_pointer (&stream->local, td_description_unref);
    stream->next = thread->dead;
    thread->dead = stream;
}

void
rtp_streams_bury (RtpThread *thread)
{
    while (thread->dead != NULL) {
        RtpStream *stream = thread->dead;
        thread->dead = stream->next;
        g_free (stream);
    }
}

static void
run_view (RtpThread *thread, RtpCommand *command)
{
    ViewCommand *ask = (ViewCommand *) command;
    g_autofree RtpView *views = g_new (RtpView, ask->n_streams);

    for (unsigned i = 0; i < ask->n_streams; i++) {
        fill_view (ask->streams[i], &views[i]);
        if (ask->is_closing) {
            close_stream (thread, ask->streams[i]);
        }
    }
    ask->done (views, ask->n_streams, ask->data);
    g_free (ask);
}

void
rtp_streams_view (RtpStream *const *streams, unsigned n_streams, bool is_closing, RtpDone done,
                  void *data)
{
    g_return_if_fail (n_streams > 0);

    ViewCommand *ask = g_malloc0 (sizeof *ask + n_streams * sizeof streams[0]);
    ask->command.run = run_view;
    ask->done = done;
    ask->data = data;
    ask->is_closing = is_closing;
    ask->n_streams = n_streams;
    memcpy (ask->streams, streams, n_streams * sizeof streams[0]);
    rtp_thread_post (streams[0]->thread, &ask->command);
}
