/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last messages of a lane as they were on the wire, for tracing: a ring of fixed size. */

#include "ring.h"

#include "seal.h"

#include <sys/mman.h>

/* An entry: this head, the Call-ID, the message, without a gap. Any of them may go over the end of
 * the memory and on at its begin. */
typedef struct {
    uint32_t size_bytes; /* of the whole entry */
    uint32_t call_id_len_bytes;
    uint64_t hash;
    TdId call;
    SipRecord record;
} Entry;

struct SipRing {
    char *memory;
    size_t size_bytes;
    /* Places count bytes from the ring's birth and never go back. */
    uint64_t first; /* of the oldest entry */
    uint64_t end;   /* behind the newest */
};

SipRing *
sip_ring_new (size_t size_bytes)
{
    SipRing *ring = g_new0 (SipRing, 1);
    void *memory = mmap (NULL, size_bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory != MAP_FAILED) {
        ring->memory = memory;
        ring->size_bytes = size_bytes;
    }
    return ring;
}

void
sip_ring_free (SipRing *ring)
{
    if (ring == NULL) {
        return;
    }
    if (ring->memory != NULL) {
        munmap (ring->memory, ring->size_bytes);
    }
    g_free (ring);
}

static void
copy_in (SipRing *ring, const void *from, size_t len_bytes)
{
    size_t offset, straight;

    if (len_bytes == 0) {
        return;
    }
    offset = ring->end % ring->size_bytes;
    straight = MIN (len_bytes, ring->size_bytes - offset);
    memcpy (ring->memory + offset, from, straight);
    memcpy (ring->memory, (const char *) from + straight, len_bytes - straight);
    ring->end += len_bytes;
}

static void
copy_out (const SipRing *ring, uint64_t place, void *to, size_t len_bytes)
{
    size_t offset = place % ring->size_bytes;
    size_t straight = MIN (len_bytes, ring->size_bytes - offset);

    memcpy (to, ring->memory + offset, straight);
    memcpy ((char *) to + straight, ring->memory, len_bytes - straight);
}

static void
add (SipRing *ring, SipView call_id, TdId call, const SipRecord *record, const char *bytes)
{
    size_t size_bytes = sizeof (Entry) + call_id.len_bytes + record->len_bytes;

    if (size_bytes > ring->size_bytes / 4) {
        return;
    }
    while (ring->end + size_bytes - ring->first > ring->size_bytes) {
        uint32_t oldest_bytes;
        copy_out (ring, ring->first, &oldest_bytes, sizeof oldest_bytes);
        ring->first += oldest_bytes;
    }
    Entry entry = { (uint32_t) size_bytes, (uint32_t) call_id.len_bytes, sip_view_hash (call_id, 0),
                    call, *record };
    copy_in (ring, &entry, sizeof entry);
    copy_in (ring, call_id.text, call_id.len_bytes);
    copy_in (ring, bytes, record->len_bytes);
}

void
sip_ring_add (SipRing *ring, SipView call_id, const SipRecord *record, const char *bytes)
{
    if (!sip_has_digits (bytes, record->len_bytes)) {
        add (ring, call_id, TD_ID_NONE, record, bytes);
        return;
    }
    /* A digit may be one of a secret: it is not even kept. */
    char *masked = g_memdup2 (bytes, record->len_bytes);
    sip_mask_digits (masked, record->len_bytes);
    add (ring, call_id, TD_ID_NONE, record, masked);
    g_free (masked);
}

void
sip_ring_note (SipRing *ring, SipView call_id, TdId call, bool is_incoming, uint8_t priority_class)
{
    add (ring, call_id, call,
         &(SipRecord){ .is_sent = !is_incoming, .priority_class = priority_class }, NULL);
}

bool
sip_ring_next (const SipRing *ring, uint64_t *place, SipRingEntry *ret_entry)
{
    uint64_t at = MAX (*place, ring->first);
    Entry entry;

    if (at >= ring->end) {
        return false;
    }
    copy_out (ring, at, &entry, sizeof entry);
    *ret_entry = (SipRingEntry){ at,         entry.size_bytes, entry.call_id_len_bytes,
                                 entry.hash, entry.call,       entry.record };
    *place = at + entry.size_bytes;
    return true;
}

uint64_t
sip_ring_end (const SipRing *ring)
{
    return ring->end;
}

char *
sip_ring_copy (const SipRing *ring, const SipRingEntry *entry)
{
    size_t len_bytes = entry->size_bytes - sizeof (Entry);
    char *text = g_malloc (len_bytes + 1);

    copy_out (ring, entry->place + sizeof (Entry), text, len_bytes);
    text[len_bytes] = '\0';
    return text;
}
