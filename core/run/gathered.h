/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Datagrams that leave in one go: for what is brief, entering the kernel costs as much as composing it, and
 * the way through it costs more than both. What goes to one peer and is equally long takes that way once, as
 * one buffer that the kernel cuts up at its end (UDP_SEGMENT, udp(7)); each is a datagram of its own for
 * whoever receives it. */

#ifndef CORE_RUN_GATHERED_H
#define CORE_RUN_GATHERED_H

#include <stdbool.h>
#include <stddef.h>
#include <tandem/socket.h>

typedef struct TdGathered TdGathered;

/* For what leaves through FD. */
TdGathered *td_gathered_new (int fd);
void td_gathered_free (TdGathered *gathered);

/* Keeps a copy of BYTES for REMOTE. Returns false when they are too long to be gathered, or when there is no
 * room until what was gathered is sent. */
bool td_gathered_add (TdGathered *gathered, const TdAddress *remote, const void *bytes,
                      size_t len_bytes);

bool td_gathered_is_full (const TdGathered *gathered);

/* Sends all of them. What the kernel does not take is lost, as others are on their way. Returns
 * how many it took. */
unsigned td_gathered_send (TdGathered *gathered);

#endif
