/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers that ask for fewer requests (RFC 7339, we as the client, algorithm "loss").
 *
 *     INVITE  Via: ...;oc;oc-algo="loss"  ->
 *                                         <-  Via: ...;oc=20;oc-validity=500;oc-seq=17.0
 *     for 500 ms every fifth INVITE to that address and port is kept back
 *
 * Shared by all lanes, under one mutex that is held for a few loads and stores. */

#ifndef SIP_OVERLOAD_H
#define SIP_OVERLOAD_H

#include "scan.h"

#include <tandem/socket.h>

typedef struct SipOverload SipOverload;

/* What stands behind the Via of every request of ours (RFC 7339 4.1, 4.2). */
#define SIP_OVERLOAD_PARAMETERS ";oc;oc-algo=\"loss\""

SipOverload *sip_overload_new (void);
void sip_overload_free (SipOverload *overload);

/* From now on what has a priority goes to a server that wants nothing at all (oc=100), too: more than it
 * allows (RFC 7339 5.5). Before any call. */
void sip_overload_pass_priority (SipOverload *overload);

/* Whether RESPONSE says anything of its server's load: cheap. */
bool sip_overload_is_told (const SipScan *response);

/* Takes over what RESPONSE, which came from SERVER, asks for. True when that is news: then RET_LEVEL of
 * congestion, 0 to 3, holds for RET_DURATION_MS. Thread: any. */
bool sip_overload_hear (SipOverload *overload, const SipScan *response, const TdAddress *server,
                        unsigned *ret_level, uint32_t *ret_duration_ms);

/* Whether an INVITE of PRIORITY_CLASS to SERVER is to be kept back; counts it. Thread: any. */
bool sip_overload_spares (SipOverload *overload, const TdAddress *server, unsigned priority_class);

#endif
