/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls for help: what the module emergency, where it is, knows of a request before anybody is asked who
 * he is. */

#include "leg.h"

TdEmergencyKind
sip_emergency_kind (SipLane *lane, const SipScan *request, const TdPacket *packet,
                    TdEmergencyAnswer *ret)
{
    const TdEmergencyService *service = sip_emergency_service (lane->sip);
    g_autofree char *urn = NULL;
    TdParty called, calling;

    if (service == NULL) {
        return TD_EMERGENCY_NONE;
    }
    bool is_read = sip_uas_parties (request, &called, &calling);
    if (request->uri.scheme == SIP_SCHEME_URN) { /* however long it is */
        urn = sip_view_dup (request->request_uri);
    } else if (!is_read) {
        return TD_EMERGENCY_NONE;
    }
    const SipTrunk *trunk = sip_trunks_by_source (lane, packet);
    TdEmergencyQuestion question = { .size = sizeof question,
                                     .trunk = trunk != NULL ? trunk->name : "",
                                     .called = urn != NULL ? urn : td_party_key (&called),
                                     .calling = &calling };
    ret->size = sizeof *ret;
    return service->recognise (&question, ret, service->data);
}

bool
sip_emergency_is_call (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    TdEmergencyAnswer answer;

    return sip_emergency_kind (lane, request, packet, &answer) == TD_EMERGENCY_CALL;
}

bool
sip_emergency_admits (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    TdEmergencyAnswer answer;

    return sip_emergency_kind (lane, request, packet, &answer) == TD_EMERGENCY_CALL
           && answer.is_admitted;
}

void
sip_emergency_classify (SipLeg *leg, const TdPacket *packet)
{
    const TdEmergencyService *service = sip_emergency_service (leg->lane->sip);
    const TdEmergencyWay way = { .size = sizeof way,
                                 .is_spoofable = packet->transport == TD_TRANSPORT_UDP,
                                 .local = &packet->local };

    if (service != NULL) {
        service->classify (leg->channel, &way, service->data);
    }
}

unsigned
sip_emergency_location_error (SipLane *lane, const SipScan *invite, const TdPacket *packet,
                              const TdAttributes *attributes)
{
    const TdEmergencyService *service = sip_emergency_service (lane->sip);
    TdEmergencyAnswer answer;

    if (service == NULL || !sip_scan_has (invite, SIP_HEADER_GEOLOCATION)
        || sip_emergency_kind (lane, invite, packet, &answer) != TD_EMERGENCY_NONE) {
        return 0;
    }
    return service->location_error (attributes, service->data);
}
