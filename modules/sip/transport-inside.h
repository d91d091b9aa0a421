/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the transport layer say to each other.
 *
 *     listen.c     where messages come in; which function they come to
 *     sort.c       which lane a message goes to, and before whom; its reader's lane
 *     receive.c    what a message is, and who takes it; its own lane
 *     transport.c  the ways out
 *
 * What every message goes through stands here, so that it is part of each file's own code. */

#ifndef SIP_TRANSPORT_INSIDE_H
#define SIP_TRANSPORT_INSIDE_H

#include "sip.h"

#define SIP_PORT     5060 /* RFC 3261 19.1.2 */
#define SIP_TLS_PORT 5061

static inline uint16_t
sip_default_port (TdTransport transport)
{
    return transport == TD_TRANSPORT_TLS ? SIP_TLS_PORT : SIP_PORT;
}

/* NULL on a lane that has no part of SIP. */
static inline SipLane *
sip_lane_here (Sip *sip)
{
    unsigned index = td_lane_index (td_lane_current ());

    return index < sip->n_lanes ? &sip->lanes[index] : NULL;
}

static inline SipVerdict
sip_scan_packet (SipLane *lane, const TdPacket *packet)
{
    return sip_scan (lane->scan, packet->bytes, packet->len_bytes,
                     packet->transport != TD_TRANSPORT_UDP);
}

/* --- What may come too late -------------------------------------------------------------- */

/* Whether a request of this kind is refused when it waited too long. */
static inline bool
sip_may_be_late (SipMethod method, SipView to_tag)
{
    return to_tag.len_bytes == 0 && method != SIP_METHOD_ACK && method != SIP_METHOD_CANCEL;
}

/* What may have to be refused. */
static inline bool
sip_is_new_request (const SipGlance *glance)
{
    return glance->is_request && glance->method != SIP_METHOD_OPTIONS
           && sip_may_be_late (glance->method, glance->to_tag);
}

/* Whether PACKET, an ordinary one, is likely to be refused: it has waited for too long, or, when it has
 * just come (IS_NEW), would have to; or whether it acknowledges such a refusal. All cost less than to let
 * it wait. */
static inline bool
sip_is_brief (const SipLane *lane, const SipGlance *glance, const TdPacket *packet, bool is_new)
{
    if (!glance->is_request) {
        return false;
    }
    if (glance->method == SIP_METHOD_ACK) {
        return glance->to_tag.len_bytes == SIP_STATELESS_TAG_LEN
               && glance->to_tag.text[0] == SIP_STATELESS_TAG;
    }
    return sip_is_new_request (glance)
           && ((is_new && sip_patience_is_full (&lane->patience, packet->n_waiting))
               || sip_patience_is_over (&lane->patience, td_clock_now_us () - packet->arrival_us));
}

/* --- Tracing ----------------------------------------------------------------------------- */

/* Keeps a message that came by LISTENER from REMOTE, or IS_SENT there, if anybody traces. */
static inline void
sip_keep (SipLane *lane, const SipListener *listener, SipView call_id, const TdAddress *remote,
          const char *bytes, size_t len_bytes, bool is_sent)
{
    if (lane->ring == NULL) {
        return;
    }
    SipRecord record = { .wall_us = td_clock_wall_us (),
                         .local = listener->address,
                         .remote = *remote,
                         .len_bytes = (uint32_t) len_bytes,
                         .transport = (uint8_t) listener->transport,
                         .is_sent = is_sent };
    sip_ring_add (lane->ring, call_id, &record, bytes);
}

/* --- What a listener calls; DATA is the SipListener -------------------------------------- */

TdSorting sip_sort (const TdPacket *packet, void *data);
void sip_deliver (const TdPacket *packet, void *data);
bool sip_claim (const TdPacket *packet, void *data);
void sip_flow_closed (uint64_t flow, const TdAddress *remote, void *data);
void sip_dropped (const TdPacket *packet, const char *why, void *data);

#endif
