/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams that leave in one go, those of one peer and of one length as one buffer. */

#include "run/gathered.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

enum {
    MOST = 64,
    LONGEST_BYTES = 1024, /* answers that say little are no longer */
    MOST_AT_ONCE =
        65507, /* bytes: what a datagram of IPv4 holds is the most that the kernel cuts up */
};

typedef union {
    struct cmsghdr header;
    char room[CMSG_SPACE (sizeof (uint16_t))];
} Control;

typedef struct {
    TdAddress remote;
    uint16_t len_bytes;
    char bytes[LONGEST_BYTES];
} Datagram;

/* What the kernel takes at once: the N datagrams of one length for one peer. */
typedef struct {
    const Datagram *first;
    unsigned n;
    unsigned n_placed; /* iovecs that are filled in */
    struct iovec *iovecs;
    Control control;
} Run;

struct TdGathered {
    int fd;
    unsigned n;
    bool is_single; /* the kernel, or the way to some peer, does not take several at once */
    Datagram datagrams[MOST];
    /* While they are sent: */
    unsigned n_runs;
    uint8_t run_of[MOST];
    Run runs[MOST];
    struct mmsghdr headers[MOST];
    struct iovec iovecs[MOST];
};

TdGathered *
td_gathered_new (int fd)
{
    TdGathered *gathered = g_new0 (TdGathered, 1);
    int length;
    socklen_t size = sizeof length;

    gathered->fd = fd;
    /* A kernel that does not know of it (before Linux 4.18) would send a buffer as one datagram. */
    gathered->is_single = getsockopt (fd, IPPROTO_UDP, UDP_SEGMENT, &length, &size) != 0;
    return gathered;
}

void
td_gathered_free (TdGathered *gathered)
{
    g_free (gathered);
}

bool
td_gathered_add (TdGathered *gathered, const TdAddress *remote, const void *bytes, size_t len_bytes)
{
    if (len_bytes == 0 || len_bytes > LONGEST_BYTES || gathered->n == MOST) {
        return false;
    }
    Datagram *datagram = &gathered->datagrams[gathered->n++];
    datagram->remote = *remote;
    datagram->len_bytes = (uint16_t) len_bytes;
    memcpy (datagram->bytes, bytes, len_bytes);
    return true;
}

/* Whether DATAGRAM can go with those of RUN. */
static bool
joins (const TdGathered *gathered, const Run *run, const Datagram *datagram)
{
    return !gathered->is_single && run->first->len_bytes == datagram->len_bytes
           && (run->n + 1) * datagram->len_bytes <= MOST_AT_ONCE
           && td_address_equal (&run->first->remote, &datagram->remote);
}

/* Puts each into a run. Most are refusals, which come from few peers. */
static void
sort_into_runs (TdGathered *gathered)
{
    gathered->n_runs = 0;
    for (unsigned i = 0; i < gathered->n; i++) {
        const Datagram *datagram = &gathered->datagrams[i];
        unsigned run = gathered->n_runs;
        while (run > 0 && !joins (gathered, &gathered->runs[run - 1], datagram)) {
            run--;
        }
        if (run == 0) {
            run = ++gathered->n_runs;
            gathered->runs[run - 1] = (Run){ .first = datagram };
        }
        gathered->runs[run - 1].n++;
        gathered->run_of[i] = (uint8_t) (run - 1);
    }
}

/* Says beside the message of HEADER how long each datagram in it is (udp(7)). */
static void
add_length (struct msghdr *header, Control *control, uint16_t len_bytes)
{
    header->msg_control = control->room;
    header->msg_controllen = sizeof control->room;
    struct cmsghdr *message = CMSG_FIRSTHDR (header);
    message->cmsg_level = IPPROTO_UDP;
    message->cmsg_type = UDP_SEGMENT;
    message->cmsg_len = CMSG_LEN (sizeof len_bytes);
    memcpy (CMSG_DATA (message), &len_bytes, sizeof len_bytes);
}

static void
write_headers (TdGathered *gathered)
{
    struct iovec *iovecs = gathered->iovecs;

    for (unsigned i = 0; i < gathered->n_runs; i++) {
        Run *run = &gathered->runs[i];
        struct msghdr *header = &gathered->headers[i].msg_hdr;
        run->iovecs = iovecs;
        iovecs += run->n;
        *header = (struct msghdr){ .msg_name = (void *) (uintptr_t) &run->first->remote,
                                   .msg_namelen = td_address_len_bytes (&run->first->remote),
                                   .msg_iov = run->iovecs,
                                   .msg_iovlen = run->n };
        if (run->n > 1) {
            add_length (header, &run->control, run->first->len_bytes);
        }
    }
    for (unsigned i = 0; i < gathered->n; i++) {
        Run *run = &gathered->runs[gathered->run_of[i]];
        Datagram *datagram = &gathered->datagrams[i];
        run->iovecs[run->n_placed++] = (struct iovec){ datagram->bytes, datagram->len_bytes };
    }
}

/* The datagrams of RUN one by one, which the kernel did not take at once: the way there takes shorter ones
 * only, or has no checksums. Returns how many it took. */
static unsigned
send_singly (const TdGathered *gathered, const Run *run)
{
    unsigned n_sent = 0;

    for (unsigned i = 0; i < run->n; i++) {
        n_sent += sendto (gathered->fd, run->iovecs[i].iov_base, run->iovecs[i].iov_len,
                          MSG_DONTWAIT | MSG_NOSIGNAL, &run->first->remote.any,
                          td_address_len_bytes (&run->first->remote))
                  >= 0;
    }
    return n_sent;
}

bool
td_gathered_is_full (const TdGathered *gathered)
{
    return gathered->n == MOST;
}

unsigned
td_gathered_send (TdGathered *gathered)
{
    unsigned n_done = 0, n_sent = 0;

    sort_into_runs (gathered);
    write_headers (gathered);
    while (n_done < gathered->n_runs) {
        int n = sendmmsg (gathered->fd, gathered->headers + n_done, gathered->n_runs - n_done,
                          MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        for (int i = 0; i < n; i++) {
            n_sent += gathered->runs[n_done++].n;
        }
        if (n < 0) {
            const Run *run = &gathered->runs[n_done++];
            if (run->n > 1 && errno != EAGAIN) {
                gathered->is_single = true;
                n_sent += send_singly (gathered, run);
            }
        }
    }
    gathered->n = 0;
    return n_sent;
}
