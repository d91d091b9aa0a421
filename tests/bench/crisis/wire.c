/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs of the crisis share: datagrams in batches, and pieces of SIP messages. */

#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BUFFER_BYTES (16 << 20)

int64_t
wire_now_us (void)
{
    struct timespec now;

    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

bool
wire_address (const char *text, struct sockaddr_in *ret_address)
{
    g_auto (GStrv) parts = g_strsplit (text != NULL ? text : "", ":", 2);

    *ret_address = (struct sockaddr_in){ .sin_family = AF_INET };
    if (g_strv_length (parts) != 2 || inet_pton (AF_INET, parts[0], &ret_address->sin_addr) != 1) {
        g_printerr ("\"%s\" is no address: write 127.0.0.1:5060\n", text != NULL ? text : "");
        return false;
    }
    ret_address->sin_port = htons ((uint16_t) atoi (parts[1]));
    return true;
}

int
wire_open (const struct sockaddr_in *own)
{
    int fd = socket (AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int bytes = BUFFER_BYTES;

    /* The first needs a right that not everybody has; the second is cut down to what is allowed. */
    if (setsockopt (fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
        setsockopt (fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    if (bind (fd, (const struct sockaddr *) own, sizeof *own) != 0) {
        g_printerr ("port %u: %s\n", ntohs (own->sin_port), g_strerror (errno));
        return -1;
    }
    return fd;
}

Wire *
wire_new (int fd)
{
    Wire *wire = g_new0 (Wire, 1);

    wire->fd = fd;
    for (unsigned i = 0; i < WIRE_BATCH; i++) {
        wire->headers[i].msg_hdr = (struct msghdr){ .msg_name = &wire->peers[i],
                                                    .msg_namelen = sizeof wire->peers[i],
                                                    .msg_iov = &wire->iovecs[i],
                                                    .msg_iovlen = 1 };
        wire->iovecs[i] = (struct iovec){ wire->bytes[i], WIRE_BYTES - 1 };
    }
    return wire;
}

char *
wire_room (Wire *wire, const struct sockaddr_in *peer)
{
    if (wire->n == WIRE_BATCH) {
        wire_flush (wire);
    }
    wire->peers[wire->n] = *peer;
    return wire->bytes[wire->n];
}

void
wire_add (Wire *wire, size_t len_bytes)
{
    wire->iovecs[wire->n++].iov_len = len_bytes;
}

void
wire_flush (Wire *wire)
{
    unsigned n_done = 0;

    while (n_done < wire->n) {
        int n = sendmmsg (wire->fd, wire->headers + n_done, wire->n - n_done, 0);
        if (n <= 0) {
            wire->n_refused++; /* and on with the next: what was due is not sent later */
            n = 1;
        }
        n_done += (unsigned) n;
    }
    wire->n = 0;
}

void
wire_burst_add (Burst *burst, const char *bytes, size_t len_bytes)
{
    if (len_bytes != burst->each_bytes || burst->len_bytes + len_bytes > sizeof burst->bytes
        || burst->len_bytes / len_bytes == WIRE_BURST) {
        wire_burst_flush (burst);
    }
    memcpy (burst->bytes + burst->len_bytes, bytes, len_bytes);
    burst->each_bytes = len_bytes;
    burst->len_bytes += len_bytes;
}

void
wire_burst_flush (Burst *burst)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof (uint16_t))];
    } control = { .header = { .cmsg_len = CMSG_LEN (sizeof (uint16_t)),
                              .cmsg_level = IPPROTO_UDP,
                              .cmsg_type = UDP_SEGMENT } };
    struct iovec piece = { burst->bytes, burst->len_bytes };
    uint16_t each_bytes = (uint16_t) burst->each_bytes;

    if (burst->len_bytes > 0) {
        memcpy (CMSG_DATA (&control.header), &each_bytes, sizeof each_bytes);
        sendmsg (burst->fd,
                 &(struct msghdr){ .msg_name = &burst->peer,
                                   .msg_namelen = sizeof burst->peer,
                                   .msg_iov = &piece,
                                   .msg_iovlen = 1,
                                   .msg_control = &control,
                                   .msg_controllen = sizeof control },
                 0);
    }
    burst->len_bytes = 0;
}

Intake *
wire_intake_new (int fd)
{
    Intake *intake = g_new0 (Intake, 1);
    int on = 1;

    intake->fd = fd;
    setsockopt (fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on); /* without it they come one by one */
    for (unsigned i = 0; i < WIRE_READ; i++) {
        intake->iovecs[i] = (struct iovec){ intake->bytes[i], sizeof intake->bytes[i] - 1 };
    }
    return intake;
}

/* How long each message in the buffer of HEADER is, but the last one (udp(7)). */
static size_t
each_bytes (struct mmsghdr *header)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR (&header->msg_hdr);
    int each = 0;

    if (control != NULL && control->cmsg_level == IPPROTO_UDP && control->cmsg_type == UDP_GRO) {
        memcpy (&each, CMSG_DATA (control), sizeof each);
    }
    return each > 0 ? (size_t) each : MAX (header->msg_len, 1);
}

static void
take_apart (Intake *intake, unsigned index, WireTake *take, void *data)
{
    struct mmsghdr *header = &intake->headers[index];
    size_t each = each_bytes (header);

    for (size_t at = 0; at < header->msg_len; at += each) {
        char *message = intake->bytes[index] + at;
        size_t len_bytes = MIN (each, header->msg_len - at);
        char behind = message[len_bytes];
        message[len_bytes] = '\0';
        take (message, &intake->peers[index], data);
        message[len_bytes] = behind;
    }
}

bool
wire_read (Intake *intake, WireTake *take, void *data)
{
    for (unsigned i = 0; i < WIRE_READ; i++) {
        intake->headers[i].msg_hdr =
            (struct msghdr){ .msg_name = &intake->peers[i],
                             .msg_namelen = sizeof intake->peers[i],
                             .msg_iov = &intake->iovecs[i],
                             .msg_iovlen = 1,
                             .msg_control = &intake->controls[i],
                             .msg_controllen = sizeof intake->controls[i] };
    }
    int n = recvmmsg (intake->fd, intake->headers, WIRE_READ, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        take_apart (intake, (unsigned) i, take, data);
    }
    return n == WIRE_READ;
}

void
wire_rest (int64_t rest_us)
{
    struct timespec rest = { .tv_sec = rest_us / G_USEC_PER_SEC,
                             .tv_nsec = rest_us % G_USEC_PER_SEC * 1000 };

    nanosleep (&rest, NULL);
}

bool
wire_field (const char *message, const char *name, Piece *ret_piece)
{
    const char *at = strstr (message, name);

    if (at == NULL) {
        return false;
    }
    at += strlen (name);
    const char *end = strchr (at, '\r');
    *ret_piece = (Piece){ at, end != NULL ? (size_t) (end - at) : strlen (at) };
    return true;
}

unsigned
wire_status (const char *message)
{
    return strncmp (message, "SIP/2.0 ", 8) == 0 ? (unsigned) strtoul (message + 8, NULL, 10) : 0;
}

bool
wire_is_of (const char *message, const char *method)
{
    Piece cseq;
    size_t len_bytes = strlen (method);

    return wire_field (message, "\r\nCSeq: ", &cseq) && cseq.len_bytes > len_bytes
           && memcmp (cseq.text + cseq.len_bytes - len_bytes, method, len_bytes) == 0;
}
