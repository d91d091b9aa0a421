/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the programs of the crisis share: datagrams in batches, and pieces of SIP messages found without
 * parsing them. They know who writes to them, so they need no parser. */

#ifndef CRISIS_WIRE_H
#define CRISIS_WIRE_H

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define WIRE_BATCH 64
#define WIRE_BYTES 2048
#define WIRE_BURST 64 /* as many as the kernel cuts up at once */
#define WIRE_READ  16 /* buffers at a time, each of which may hold WIRE_BURST messages */

typedef struct {
    const char *text;
    size_t len_bytes;
} Piece;

/* Datagrams, WIRE_BATCH at a time. */
typedef struct {
    int fd;
    unsigned n;
    uint64_t n_refused; /* by the kernel, when sending */
    struct mmsghdr headers[WIRE_BATCH];
    struct iovec iovecs[WIRE_BATCH];
    struct sockaddr_in peers[WIRE_BATCH];
    char bytes[WIRE_BATCH][WIRE_BYTES];
} Wire;

/* Datagrams of one length to one peer, which leave as one buffer that the kernel cuts up (UDP_SEGMENT, udp(7)):
 * sending them one by one takes a generator longer than all else that it does. */
typedef struct {
    int fd;
    struct sockaddr_in peer;
    size_t each_bytes, len_bytes;
    char bytes[65507]; /* what a datagram of IPv4 holds */
} Burst;

/* What comes. Refusals come joined as they were sent (UDP_GRO): on loopback the sender would pay for cutting
 * them up, which on a wire is nobody's processor's work. */
typedef struct {
    int fd;
    struct mmsghdr headers[WIRE_READ];
    struct iovec iovecs[WIRE_READ];
    struct sockaddr_in peers[WIRE_READ];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE (sizeof (int))];
    } controls[WIRE_READ];
    char bytes[WIRE_READ][65536];
} Intake;

/* A MESSAGE has come, good until it returns. */
typedef void WireTake (const char *message, const struct sockaddr_in *peer, void *data);

int64_t wire_now_us (void);

/* "127.0.0.1:5060". */
bool wire_address (const char *text, struct sockaddr_in *ret_address);

/* A socket bound to OWN with large buffers, or -1 with a word on stderr. */
int wire_open (const struct sockaddr_in *own);

/* FD stays the caller's. */
Wire *wire_new (int fd);

/* Room for one more message to PEER, which goes out at the latest with wire_flush (). */
char *wire_room (Wire *wire, const struct sockaddr_in *peer);
void wire_add (Wire *wire, size_t len_bytes);
void wire_flush (Wire *wire);

/* Keeps a copy of LEN_BYTES, at most WIRE_BYTES, which goes out at the latest with wire_burst_flush (). */
void wire_burst_add (Burst *burst, const char *bytes, size_t len_bytes);
void wire_burst_flush (Burst *burst);

/* FD stays the caller's. */
Intake *wire_intake_new (int fd);

/* Hands what has come to TAKE, some WIRE_READ buffers of it, without waiting. Returns whether there may be
 * more. */
bool wire_read (Intake *intake, WireTake *take, void *data);

/* Lets REST_US pass, or less when a signal comes. Nobody waits for a message: on loopback it is the sender
 * who pays for waking somebody up, and that would be the switch, whose costs are to be its own. */
void wire_rest (int64_t rest_us);

/* The value of the header field NAME ("\r\nTo: "), as it is written. */
bool wire_field (const char *message, const char *name, Piece *ret_piece);

/* The status of a response, 0 for a request. */
unsigned wire_status (const char *message);

/* Whether CSeq names METHOD. */
bool wire_is_of (const char *message, const char *method);

#endif
