/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which lane a message goes to, and before whom it has its turn there.
 *
 * It is asked of each message where it is read, mostly at a glance; see arrival.h. */

#include "transport-inside.h"

#include <string.h>

/* --- Which lane -------------------------------------------------------------------------- */

/* The tag in a Replaces or Join that is one of ours (RFC 3891 3, RFC 3911 4: "to-tag"). */
static bool
replaced_lane (const SipStack *stack, const SipScan *scan, unsigned *ret_lane)
{
    static const SipHeaderId ids[] = { SIP_HEADER_REPLACES, SIP_HEADER_JOIN };

    for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
        SipView value = sip_scan_header (scan, ids[i]), tag;
        const char *params = value.len_bytes > 0 ? memchr (value.text, ';', value.len_bytes) : NULL;
        if (params != NULL
            && sip_param_find (sip_view_span (params, value.text + value.len_bytes), "to-tag", &tag)
            && sip_tag_lane (stack, tag, ret_lane)) {
            return true;
        }
    }
    return false;
}

/* The lane of what belongs to something of ours; false for all else. */
static bool
established_lane (const SipLane *here, const SipGlance *glance, unsigned *ret_lane)
{
    return glance->is_request ? sip_tag_lane (&here->stack, glance->to_tag, ret_lane)
                              : sip_branch_lane (&here->stack, glance->branch, ret_lane);
}

/* The lane of what belongs to nothing yet. */
static unsigned
new_lane (SipLane *here, const SipGlance *glance, const TdPacket *packet)
{
    unsigned lane;

    if (glance->is_request && glance->names_dialog) {
        sip_scan_packet (here, packet);
        if (replaced_lane (&here->stack, here->scan, &lane)) {
            return lane;
        }
    }
    /* By the secret of the process: during an upgrade both builds must sort alike, but no caller may
     * choose the lane. */
    return (unsigned) (sip_seal (&here->stack.seal, glance->call_id) % here->sip->n_lanes);
}

/* --- Before whom ------------------------------------------------------------------------- */

/* What the word of whoever sent PACKET counts when it says that it matters more than others. */
static TdStanding
standing_of (const SipLane *lane, const SipGlance *glance, const TdPacket *packet)
{
    const TdArrivalService *service = glance->is_marked ? sip_arrival_service (lane->sip) : NULL;
    TdStanding standing = TD_STANDING_NONE;

    if (service != NULL) {
        const SipTrunk *trunk = sip_trunks_by_source (lane, packet);
        standing =
            service->marked (trunk != NULL ? trunk->name : "", packet->transport, service->data);
    }
    if (standing == TD_STANDING_NONE
        && sip_glance_is_for (glance, (const char *const *) lane->sip->first_numbers)) {
        standing = TD_STANDING_CLAIMED;
    }
    return standing;
}

/* A CANCEL must not overtake its INVITE. One that has had its turn is known, here at least. */
static bool
cancels_known (SipLane *lane, const TdPacket *packet)
{
    return sip_scan_packet (lane, packet) == SIP_SCAN_GOOD
           && sip_server_find_invite (&lane->stack, lane->scan) != NULL;
}

/* What belongs to a call that is up, or is about to be, goes first: it has cost something already, and
 * ends sooner. But a tag of ours is given to everybody who is answered, so that it counts so often and
 * no more. */
static TdPostClass
established_class (SipLane *lane, const SipGlance *glance)
{
    SipView own = glance->is_request ? glance->to_tag : glance->branch;

    return sip_claims_take (lane->established, own, SIP_ESTABLISHED_RATE, td_clock_now_us ())
               ? TD_POST_ESTABLISHED
               : TD_POST_ORDINARY;
}

/* A trunk's source can be forged as well, but it is one of a few. */
static bool
is_forgeable (const SipLane *lane, const TdPacket *packet)
{
    return packet->transport == TD_TRANSPORT_UDP && sip_trunks_by_source (lane, packet) == NULL;
}

/* What is marked by somebody whose marks count goes before the rest. A tag or a branch that is none of
 * ours belongs to nothing. */
static TdPostClass
new_class (SipLane *lane, const SipGlance *glance, const TdPacket *packet, bool is_here)
{
    const Sip *sip = lane->sip;

    if (!glance->is_request || glance->to_tag.len_bytes > 0) {
        return TD_POST_ORDINARY;
    }
    if (glance->method == SIP_METHOD_CANCEL && is_here && cancels_known (lane, packet)) {
        return TD_POST_ESTABLISHED;
    }
    switch (standing_of (lane, glance, packet)) {
    case TD_STANDING_TRUSTED:
        return TD_POST_PRIORITY;
    case TD_STANDING_CLAIMED:
        return sip_claims_take_of (lane->claims, &packet->remote, is_forgeable (lane, packet),
                                   sip->first_rate, td_clock_now_us ())
                   ? TD_POST_PRIORITY
                   : TD_POST_ORDINARY;
    default:
        return TD_POST_ORDINARY;
    }
}

/* --- Both -------------------------------------------------------------------------------- */

TdSorting
sip_sort (const TdPacket *packet, void *data)
{
    SipListener *listener = data;
    Sip *sip = listener->sip;
    SipLane *lane = sip_lane_here (sip);
    unsigned here = (unsigned) (lane - sip->lanes);
    TdSorting sorting = { .lane = here, .post_class = TD_POST_ORDINARY };
    SipGlance *glance = &lane->glance;

    lane->glanced_at = NULL;
    if (!sip_glance (glance, packet->bytes, packet->len_bytes)) {
        if (sip_scan_packet (lane, packet) == SIP_SCAN_KEEPALIVE) {
            return sorting;
        }
        sip_glance_of_scan (glance, lane->scan);
    }
    if (established_lane (lane, glance, &sorting.lane)) {
        sorting.lane %= sip->n_lanes;
        sorting.post_class = established_class (lane, glance);
        return sorting;
    }
    sorting.lane = here;
    if (sip->n_lanes > 1) {
        sorting.lane = new_lane (lane, glance, packet) % sip->n_lanes;
    }
    sorting.post_class = new_class (lane, glance, packet, sorting.lane == here);
    if (sorting.post_class == TD_POST_ORDINARY && sip_is_new_request (glance)) {
        sip_patience_count (&sip->lanes[sorting.lane].patience);
    }
    sorting.is_brief = sorting.lane == here && sorting.post_class == TD_POST_ORDINARY
                       && sip_is_brief (lane, glance, packet, true);
    lane->glanced_at = sorting.is_brief ? packet->bytes : NULL;
    return sorting;
}
