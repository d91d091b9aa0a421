/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What our responses say of our own load (RFC 7339, we as the server, algorithm "loss").
 *
 *     new requests: served, or refused as late -> share to be kept back -> Via: ...;oc=87;oc-validity=500
 *                        machine congestion, MC1..3 -----^
 *
 * One for all lanes; what lanes write are a few atomics. */

#ifndef SIP_LOAD_H
#define SIP_LOAD_H

#include "uri.h"

typedef struct SipLoad SipLoad;

SipLoad *sip_load_new (void);
void sip_load_free (SipLoad *load);

/* A new request was served, or was refused because there was no time for it. Thread: a lane. */
void sip_load_count (SipLoad *load, bool is_refused);

/* No less than PERCENT is asked for, whatever becomes of requests. Thread: any. */
void sip_load_set_least (SipLoad *load, unsigned percent);

/* Whether whoever wrote VIA understands "loss" (RFC 7339 5.1). */
bool sip_load_is_asked (const SipVia *via);

/* Writes the parameters of a response that leaves now. LOAD is nullable: then there is nothing to keep
 * back. Thread: a lane. */
void sip_load_write (SipLoad *load, GString *out);

#endif
