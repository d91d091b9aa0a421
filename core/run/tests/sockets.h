/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of sockets share: addresses by their text, and an end to waiting for what never comes. */

#ifndef TANDEM_TESTS_SOCKETS_H
#define TANDEM_TESTS_SOCKETS_H

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <tandem/socket.h>
#include <unistd.h>

static inline TdAddress
address_of (const char *text)
{
    TdAddress address;

    g_assert_true (td_address_parse (text, 0, &address));
    return address;
}

/* A peer that sends and hears datagrams. */
static inline int
open_peer (const char *text, TdAddress *ret_address)
{
    TdAddress address = address_of (text);
    socklen_t len = sizeof *ret_address;
    int fd = socket (address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint (fd, >=, 0);
    g_assert_cmpint (bind (fd, &address.any, td_address_len_bytes (&address)), ==, 0);
    g_assert_cmpint (getsockname (fd, &ret_address->any, &len), ==, 0);
    return fd;
}

static inline void
bark (int signal_number)
{
    static const char text[] = "the watchdog barked: nothing happened any more\n";
    ssize_t n_written = write (STDERR_FILENO, text, sizeof text - 1);

    (void) n_written;
    abort ();
}

/* All tests of the program together must be over in SECONDS. */
static inline void
watchdog_start (unsigned seconds)
{
    signal (SIGALRM, bark);
    alarm (seconds);
}

#endif
