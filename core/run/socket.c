/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What datagram and stream sockets ask of the kernel alike. */

#include "run/socket.h"

#include <errno.h>
#include <sys/socket.h>

static const char *
hint (int code)
{
    switch (code) {
    case EADDRINUSE:
        return ": another program, or another Tandem, listens there (ss -lnup and ss -lntp show "
               "which)";
    case EADDRNOTAVAIL:
        return ": no interface of this host has that address";
    case EACCES:
        return ": a port below 1024 needs the capability CAP_NET_BIND_SERVICE";
    case EAFNOSUPPORT:
        return ": this host does not speak that version of IP";
    case EMFILE:
        return ": raise the limit of open files (LimitNOFILE= in the systemd unit)";
    default:
        return "";
    }
}

void
td_socket_fail (GError **error, const char *name, const char *what, int code)
{
    g_set_error (error, TD_ERROR, TD_ERROR_SYSTEM, "%s: cannot %s: %s%s", name, what,
                 g_strerror (code), hint (code));
}

bool
td_socket_prepare (int fd, const TdListenerDecl *decl, GError **error)
{
    bool is_v6 = decl->address.any.sa_family == AF_INET6;
    int traffic_class = decl->dscp << 2; /* the six upper bits: RFC 2474 3 */
    int on = 1;

    if (is_v6 && setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) {
        td_socket_fail (error, decl->name, "keep to IPv6", errno);
        return false;
    }
    if (setsockopt (fd, is_v6 ? IPPROTO_IPV6 : IPPROTO_IP, is_v6 ? IPV6_TCLASS : IP_TOS,
                    &traffic_class, sizeof traffic_class)
        != 0) {
        td_socket_fail (error, decl->name, "set the DSCP", errno);
        return false;
    }
    return true;
}

int
td_socket_ask_buffer (int fd, int option, int forced_option, int size_bytes)
{
    int granted = 0;
    socklen_t len = sizeof granted;

    if (setsockopt (fd, SOL_SOCKET, forced_option, &size_bytes, sizeof size_bytes) != 0) {
        setsockopt (fd, SOL_SOCKET, option, &size_bytes, sizeof size_bytes);
    }
    getsockopt (fd, SOL_SOCKET, option, &granted, &len);
    return granted / 2; /* Linux doubles what is asked, for its own bookkeeping: socket(7) */
}
