/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The other ends of streams, for their tests: blocking sockets beside lanes that are stepped. */

#ifndef TANDEM_TESTS_STREAM_PEERS_H
#define TANDEM_TESTS_STREAM_PEERS_H

#include "run/lane.h"
#include "sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* A peer that is connected to LISTENER. */
static inline int
peer_connect (TdListener *listener)
{
    TdAddress to = td_listener_address (listener);
    int fd = socket (to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (connect (fd, &to.any, td_address_len_bytes (&to)), ==, 0);
    return fd;
}

/* A peer that listens, for a listener of ours to connect to. */
static inline int
open_server (TdAddress *ret_address)
{
    TdAddress address = address_of ("127.0.0.1:0");
    socklen_t len = sizeof *ret_address;
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint (bind (fd, &address.any, sizeof address.v4), ==, 0);
    g_assert_cmpint (listen (fd, 10), ==, 0);
    g_assert_cmpint (getsockname (fd, &ret_address->any, &len), ==, 0);
    return fd;
}

static inline void
peer_says (int peer, const char *text)
{
    g_assert_cmpint (send (peer, text, strlen (text), MSG_NOSIGNAL), ==, (ssize_t) strlen (text));
}

/* Steps until the peer sees the end, clean or not. */
static inline void
assert_peer_sees_end (int peer)
{
    char byte;
    ssize_t n;

    do {
        td_lanes_settle ();
        n = recv (peer, &byte, 1, MSG_DONTWAIT);
    } while (n < 0 && errno == EAGAIN);
    g_assert_cmpint (n, <=, 0);
    close (peer);
}

#endif
