/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last messages of a lane as they were on the wire, for tracing: a ring of fixed size.
 *
 * A message is copied once, behind the one before; the oldest make room. Nothing is allocated after
 * the ring was made, and memory the ring has not reached yet costs nothing. */

#ifndef SIP_RING_H
#define SIP_RING_H

#include "text.h"

#include <tandem/socket.h>

#define SIP_RING_BYTES (16 << 20)

typedef struct SipRing SipRing;

typedef struct {
    int64_t wall_us;
    TdAddress local, remote;
    uint32_t len_bytes;
    uint8_t transport; /* TdTransport */
    bool is_sent;
} SipRecord;

/* Thread, of all here: the ring's lane. */
SipRing *sip_ring_new (size_t size_bytes);
void sip_ring_free (SipRing *ring);

/* Keeps a message of CALL_ID. One larger than a quarter of the ring is not kept. */
void sip_ring_add (SipRing *ring, SipView call_id, const SipRecord *record, const char *bytes);

/* Visits the messages whose Call-ID is CALL_ID, oldest first. */
void sip_ring_each (const SipRing *ring, SipView call_id,
                    void (*visit) (const SipRecord *record, const char *bytes, void *data),
                    void *data);

#endif
