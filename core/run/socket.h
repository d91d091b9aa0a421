/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What datagram and stream sockets ask of the kernel alike. */

#ifndef CORE_RUN_SOCKET_H
#define CORE_RUN_SOCKET_H

#include <tandem/socket.h>

/* Sets ERROR to "NAME: cannot DO: reason" with what the kernel said, and a hint. */
void td_socket_fail (GError **error, const char *name, const char *what, int code);

/* Sets what both kinds of socket have: DSCP, IPv6 only where it says IPv6. */
bool td_socket_prepare (int fd, const TdListenerDecl *decl, GError **error);

/* Asks for the size of a buffer, with force where the process may. Returns what was granted. */
int td_socket_ask_buffer (int fd, int option, int forced_option, int size_bytes);

/* From now on PERCENT of the descriptors that this process may have are for classes above ordinary.
 * Thread: control. */
void td_descriptors_reserve (unsigned percent);

#endif
