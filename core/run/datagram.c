/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagram listeners: read in batches into buffers that are used again and again.
 *
 * Datagrams of one peer and of one length that have come as one, from a sender that the kernel cuts up for or from
 * a device that joins them, are read as one and taken apart here (UDP_GRO, udp(7)). */

#include "run/gathered.h"
#include "run/lane-inside.h"
#include "run/port.h"
#include "run/socket.h"

#include <tandem/log.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = 64,
    DRAIN_US = 4000,        /* for emptying the kernel's buffer, before what was read has its go */
    BUFFER_BYTES = 4 << 20, /* the kernel's buffer is the first queue */
    LONGEST_BYTES = 65535,
    PAGE_BYTES = 4096,
    STAGGER_BYTES = 33 * 64, /* an odd number of cache lines, and as much as most messages have */
};

typedef union {
    struct cmsghdr header;
    char room[CMSG_SPACE (sizeof (uint32_t)) + CMSG_SPACE (sizeof (struct timespec))
              + CMSG_SPACE (sizeof (int))];
} Control;

typedef struct {
    TdGathered *gathered; /* what is sent while a batch is read */
    struct mmsghdr headers[BATCH];
    struct iovec iovecs[BATCH];
    TdAddress remotes[BATCH];
    Control controls[BATCH];
    unsigned n_asked;      /* of the next batch: about as many datagrams as BATCH are in them */
    unsigned n_used;       /* headers that the last batch wrote over */
    uint32_t n_overflowed; /* as the kernel counts, from the opening of the socket */
    size_t stride_bytes;   /* from one buffer to the next */
    char *buffers;
} Datagrams;

static void
free_inside (TdPort *port)
{
    Datagrams *datagrams = port->inside;

    if (datagrams != NULL) {
        td_gathered_free (datagrams->gathered);
        g_free (datagrams->buffers);
        g_free (datagrams);
    }
}

/* From one buffer to the next: a message, the NUL behind it, and what has them begin in other sets of the
 * processor's caches. Buffers a power of two apart would share a few sets, and by the time that the last
 * one of a batch is written the first ones would be gone from there. */
static size_t
stride_bytes (size_t max_message_bytes)
{
    return (max_message_bytes / PAGE_BYTES + 1) * PAGE_BYTES + STAGGER_BYTES;
}

static Datagrams *
datagrams_new (int fd, size_t max_message_bytes)
{
    Datagrams *datagrams = g_new0 (Datagrams, 1);

    datagrams->gathered = td_gathered_new (fd);
    datagrams->n_asked = datagrams->n_used = BATCH;
    datagrams->stride_bytes = stride_bytes (max_message_bytes);
    datagrams->buffers = g_malloc (BATCH * datagrams->stride_bytes);
    for (unsigned i = 0; i < BATCH; i++) {
        datagrams->iovecs[i] =
            (struct iovec){ datagrams->buffers + i * datagrams->stride_bytes, max_message_bytes };
    }
    return datagrams;
}

/* Sets anew what recvmmsg() wrote over. */
static void
rearm (Datagrams *datagrams)
{
    for (unsigned i = 0; i < datagrams->n_used; i++) {
        datagrams->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &datagrams->remotes[i],
            .msg_namelen = sizeof datagrams->remotes[i],
            .msg_iov = &datagrams->iovecs[i],
            .msg_iovlen = 1,
            .msg_control = &datagrams->controls[i],
            .msg_controllen = sizeof datagrams->controls[i],
        };
    }
}

static void
report_buffer (TdPort *port, int granted_bytes)
{
    td_metric_add (port->buffer_bytes, granted_bytes - td_metric_value (port->buffer_bytes));
    if (granted_bytes < BUFFER_BYTES) {
        td_log_warning (td_port_module (port), port->name,
                        "the kernel granted a receive buffer of %d bytes where %d were asked: "
                        "raise net.core.rmem_max, or give the capability CAP_NET_ADMIN",
                        granted_bytes, BUFFER_BYTES);
    } else {
        td_log_info (td_port_module (port), port->name, "listens with a receive buffer of %d bytes",
                     granted_bytes);
    }
}

static bool
open_socket (TdPort *port, GError **error)
{
    const TdListenerDecl *decl = &port->decl;
    socklen_t len = sizeof port->address;
    int on = 1;

    port->fd = socket (decl->address.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (port->fd < 0) {
        td_socket_fail (error, decl->name, "make a socket", errno);
        return false;
    }
    if (!td_socket_prepare (port->fd, decl, error)) {
        return false;
    }
    /* No SO_REUSEADDR: two programs would share the port, and one would starve. */
    if (bind (port->fd, &decl->address.any, td_address_len_bytes (&decl->address)) != 0) {
        td_socket_fail (error, decl->name, "bind", errno);
        return false;
    }
    if (getsockname (port->fd, &port->address.any, &len) != 0) {
        td_socket_fail (error, decl->name, "learn its own address", errno);
        return false;
    }
    setsockopt (port->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    setsockopt (port->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
    /* What is joined is as long as a datagram can be, and has to fit. */
    if (decl->max_message_bytes >= LONGEST_BYTES) {
        setsockopt (port->fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on);
    }
    td_socket_ask_buffer (port->fd, SO_SNDBUF, SO_SNDBUFFORCE, BUFFER_BYTES);
    report_buffer (port, td_socket_ask_buffer (port->fd, SO_RCVBUF, SO_RCVBUFFORCE, BUFFER_BYTES));
    port->inside = datagrams_new (port->fd, decl->max_message_bytes);
    return true;
}

/* What the kernel says of TYPE of LEVEL beside a message (socket(7)). */
static bool
read_control (struct msghdr *header, int level, int type, void *ret_value, size_t len_bytes)
{
    struct cmsghdr *cmsg = CMSG_FIRSTHDR (header);

    while (cmsg != NULL && (cmsg->cmsg_level != level || cmsg->cmsg_type != type)) {
        cmsg = CMSG_NXTHDR (header, cmsg);
    }
    if (cmsg != NULL) {
        memcpy (ret_value, CMSG_DATA (cmsg), len_bytes);
    }
    return cmsg != NULL;
}

/* How long the message of HEADER had waited in the kernel at NOW. The stamp and the clock it is from are
 * the wall's, which may be set meanwhile: a wait below nothing is none, and one of hours would be no
 * wait. */
static int64_t
waited_us (struct msghdr *header, const struct timespec *now)
{
    enum { LONGEST_S = 60 };
    struct timespec stamp;

    if (!read_control (header, SOL_SOCKET, SCM_TIMESTAMPNS, &stamp, sizeof stamp)) {
        return 0;
    }
    int64_t seconds = (int64_t) now->tv_sec - stamp.tv_sec;
    int64_t wait_us = seconds * G_USEC_PER_SEC + (now->tv_nsec - stamp.tv_nsec) / 1000;
    return seconds <= LONGEST_S ? MAX (wait_us, 0) : 0;
}

/* The kernel puts its count of lost datagrams beside each message that follows a loss. What had come joined
 * counts as one there. */
static void
count_overflow (TdPort *port, struct msghdr *header)
{
    Datagrams *datagrams = port->inside;
    uint32_t n_overflowed;

    if (!read_control (header, SOL_SOCKET, SO_RXQ_OVFL, &n_overflowed, sizeof n_overflowed)) {
        return;
    }
    uint32_t n_new = n_overflowed - datagrams->n_overflowed;
    if (n_new > 0) {
        datagrams->n_overflowed = n_overflowed;
        td_metric_add (port->n_overflowed, n_new);
        td_log_peer (td_port_module (port), "socket.overflow", port->name, NULL,
                     "the kernel's receive buffer was full, %u datagrams were lost", n_new);
    }
}

static void
send_gathered (TdPort *port)
{
    Datagrams *datagrams = port->inside;
    unsigned n_sent = td_gathered_send (datagrams->gathered);

    if (n_sent > 0) {
        td_metric_add (port->n_sent, n_sent);
    }
}

/* PACKET is filled in but for its bytes. */
static void
take_in (TdPort *port, TdPacket *packet, char *bytes, size_t len_bytes)
{
    char behind = bytes[len_bytes];

    packet->bytes = bytes;
    packet->len_bytes = len_bytes;
    bytes[len_bytes] = '\0';
    td_port_hand_over (port, packet);
    bytes[len_bytes] = behind; /* the next one's first */
}

/* Takes what has come as one apart: equally long datagrams, and the last one may be shorter (udp(7)). Returns
 * how many there were. */
static unsigned
take_apart (TdPort *port, struct msghdr *header, TdPacket *packet, size_t len_bytes)
{
    char *bytes = header->msg_iov->iov_base;
    size_t at = 0;
    unsigned n = 0;
    int each_bytes = 0;

    if (!read_control (header, IPPROTO_UDP, UDP_GRO, &each_bytes, sizeof each_bytes)
        || each_bytes <= 0) {
        each_bytes = LONGEST_BYTES;
    }
    do {
        size_t rest_bytes = len_bytes - at;
        take_in (port, packet, bytes + at, MIN (rest_bytes, (size_t) each_bytes));
        at += (size_t) each_bytes;
        n++;
    } while (at < len_bytes && !td_port_is_silent (port));
    return n;
}

/* Returns how many datagrams there are in the buffer of INDEX. */
static unsigned
take_buffer (TdPort *port, unsigned index, int64_t arrival_us)
{
    Datagrams *datagrams = port->inside;
    struct mmsghdr *message = &datagrams->headers[index];
    TdPacket packet = {
        .transport = TD_TRANSPORT_UDP,
        .local = port->address,
        .remote = datagrams->remotes[index],
        .arrival_us = arrival_us,
    };

    count_overflow (port, &message->msg_hdr);
    if ((message->msg_hdr.msg_flags & MSG_TRUNC) == 0) {
        return take_apart (port, &message->msg_hdr, &packet, message->msg_len);
    }
    packet.bytes = datagrams->iovecs[index].iov_base;
    packet.len_bytes = message->msg_len;
    td_metric_add (port->n_received, 1);
    td_port_drop (port, &packet, "it is too long");
    return 1;
}

bool
td_port_gather (TdPort *port, const TdAddress *remote, const void *bytes, size_t len_bytes)
{
    if (td_lane_here != port->reader || !port->is_gathering) {
        return false;
    }
    Datagrams *datagrams = port->inside;
    if (td_gathered_is_full (datagrams->gathered)) {
        send_gathered (port);
    }
    return td_gathered_add (datagrams->gathered, remote, bytes, len_bytes);
}

/* So many headers that about BATCH datagrams are in them, as they come now: what is read is all served before
 * the clock is looked at. */
static void
adapt (Datagrams *datagrams, unsigned n_headers, unsigned n_datagrams)
{
    datagrams->n_asked = CLAMP (BATCH * n_headers / n_datagrams, 1, BATCH);
}

/* Returns whether there may be more. */
static bool
read_batch (TdPort *port)
{
    Datagrams *datagrams = port->inside;
    unsigned n_asked = datagrams->n_asked, n_datagrams = 0;
    struct timespec now;

    rearm (datagrams);
    int n = recvmmsg (port->fd, datagrams->headers, n_asked, MSG_DONTWAIT, NULL);
    datagrams->n_used = (unsigned) MAX (n, 0);
    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            td_log_peer (td_port_module (port), "socket.receive", port->name, NULL,
                         "cannot receive: %s", g_strerror (errno));
        }
        return false;
    }
    int64_t read_us = td_clock_now_us ();
    clock_gettime (CLOCK_REALTIME, &now);
    for (int i = 0; i < n && !td_port_is_silent (port); i++) {
        int64_t wait_us = waited_us (&datagrams->headers[i].msg_hdr, &now);
        if (i == 0) {
            td_lane_note_arrival (port->reader, wait_us);
        }
        n_datagrams += take_buffer (port, (unsigned) i, read_us - wait_us);
    }
    send_gathered (port);
    adapt (datagrams, (unsigned) n, MAX (n_datagrams, 1));
    return (unsigned) n == n_asked;
}

/* Under load all that the kernel holds, so that what goes first does not wait there behind the rest;
 * timers and posts have their go in between. */
static void
read_all (TdPort *port)
{
    while (read_batch (port) && !td_port_is_silent (port)
           && td_clock_now_us () - port->began_us < DRAIN_US) {
    }
}

static int
watched_fd (const TdPort *port)
{
    return port->fd;
}

const TdPortKind td_datagram_kind = {
    .open = open_socket, .watched_fd = watched_fd, .read = read_all, .free = free_inside
};
