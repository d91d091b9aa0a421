/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses as keys of tables. */

#ifndef CORE_RUN_ADDRESS_H
#define CORE_RUN_ADDRESS_H

#include <tandem/socket.h>

/* The same for equal addresses. Nobody who does not know this process's key finds addresses for which it
 * is the same otherwise: peers choose theirs, of IPv6 half of the bits. Thread: any. */
unsigned td_address_hash (const TdAddress *address);

#endif
