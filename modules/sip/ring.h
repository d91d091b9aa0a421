/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last messages of a lane as they were on the wire, for tracing: a ring of fixed size.
 *
 * A message is copied once, behind the one before; the oldest make room. Nothing is allocated after
 * the ring was made, and memory the ring has not reached yet costs nothing. */

#ifndef SIP_RING_H
#define SIP_RING_H

#include "text.h"

#include <tandem/id.h>
#include <tandem/socket.h>

#define SIP_RING_BYTES (16 << 20)

typedef struct SipRing SipRing;

typedef struct {
    int64_t wall_us;
    TdAddress local, remote;
    uint32_t len_bytes;
    uint8_t transport;      /* TdTransport */
    bool is_sent;           /* of a note: the leg goes out */
    uint8_t priority_class; /* of a note: the call's */
} SipRecord;

/* Thread, of all here: the ring's lane. */
SipRing *sip_ring_new (size_t size_bytes);
void sip_ring_free (SipRing *ring);

/* Keeps a message of CALL_ID. One larger than a quarter of the ring is not kept. */
void sip_ring_add (SipRing *ring, SipView call_id, const SipRecord *record, const char *bytes);

/* Notes that the messages of CALL_ID are a leg of CALL, which has PRIORITY_CLASS. A note takes its place among
 * the messages, and goes when they do. */
void sip_ring_note (SipRing *ring, SipView call_id, TdId call, bool is_incoming,
                    uint8_t priority_class);

/* What stands in the ring: a message, or a note. */
typedef struct {
    uint64_t place;
    uint32_t size_bytes, call_id_len_bytes;
    uint64_t hash; /* of the Call-ID, as sip_view_hash () has it without a seed */
    TdId call;     /* TD_ID_NONE: a message */
    SipRecord record;
} SipRingEntry;

/* The oldest entry at or behind *PLACE, which moves behind it; a place that is gone is passed over.
 * False at the end. */
bool sip_ring_next (const SipRing *ring, uint64_t *place, SipRingEntry *ret_entry);

/* The place behind the newest entry. */
uint64_t sip_ring_end (const SipRing *ring);

/* The Call-ID of ENTRY and, without a gap, the message (transfer full), ended by a NUL. ENTRY must be
 * there still. */
char *sip_ring_copy (const SipRing *ring, const SipRingEntry *entry);

/* --- mask.c --- */

/* Whether the message BYTES may carry a digit that somebody types, and the same message without it. */
bool sip_has_digits (const char *bytes, size_t len_bytes);
void sip_mask_digits (char *bytes, size_t len_bytes);

#endif
