/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message that has its turn: refused because it comes too late, or is none, or handed to its transaction
 * and from there to whoever serves it.
 *
 *     brief: too late    -> 503 before all of it was read
 *     keep-alive         -> answered
 *     good               -> transaction -> dispatch.c
 *     wrong              -> refused, or dropped when there is nobody to answer
 */

#include "leg.h"
#include "transport-inside.h"

#include <tandem/log.h>

/* --- What comes too late ----------------------------------------------------------------- */

/* Whether the request in the scan comes too late to be served: it waited so long for its turn, or would
 * have to (IS_OVER), that this would only make those behind it late as well, and its caller gives up, or
 * sends it again. Whoever only asks whether we are there gets an answer. What was once refused is refused
 * again: the copy that its caller sent meanwhile may have waited less, but the caller has had its answer. */
static bool
is_too_late (SipLane *lane, const TdPacket *packet, bool is_over)
{
    const SipScan *scan = lane->scan;
    SipPatience *patience = &lane->patience;

    if (patience->wait_us == 0 || !sip_may_be_late (scan->method, scan->to_tag)) {
        return false;
    }
    uint64_t hash = sip_view_hash (scan->via.whole, lane->stack.secret + scan->cseq_number);
    hash = sip_view_hash (scan->call_id, hash) | 1;
    uint64_t *place = &lane->late[hash / 2 % SIP_N_LATE];
    /* While what is known is looked up: all are far away in memory. */
    __builtin_prefetch (place, 1);
    bool is_known = sip_knows (&lane->stack, scan);
    if (*place == hash) {
        return true;
    }
    int64_t now_us = td_clock_now_us (), waited_us = now_us - packet->arrival_us;
    if (packet->post_class != TD_POST_ORDINARY || scan->method == SIP_METHOD_OPTIONS || is_known) {
        return false;
    }
    bool is_late = is_over || sip_patience_is_over (patience, waited_us);
    sip_patience_note (patience, waited_us, packet->n_waiting, is_late, now_us);
    if (is_late) {
        *place = hash;
    }
    return is_late;
}

/* What becomes of new calls is what peers are told of our load. */
static void
count_load (SipLane *lane, bool is_refused)
{
    const TdCongestionService *congestion = sip_congestion_service (lane->sip);
    const SipScan *scan = lane->scan;

    if (lane->sip->load == NULL || scan->method != SIP_METHOD_INVITE
        || scan->to_tag.len_bytes > 0) {
        return;
    }
    sip_load_count (lane->sip->load, is_refused);
    if (congestion != NULL && congestion->size > offsetof (TdCongestionService, spared)) {
        sip_load_set_least (lane->sip->load,
                            congestion->spared (TD_CLASS_ORDINARY, congestion->data));
    }
}

static void
refuse_late (SipLane *lane, const TdPacket *packet)
{
    count_load (lane, true);
    td_metric_add (lane->sip->late, 1);
    sip_answer_stateless (lane, lane->scan, packet, 503, NULL, NULL);
}

/* Serves PACKET without having read all of it when there is nothing to be done but to refuse it, or when
 * it acknowledges such a refusal. What is wrong with the rest of it does not matter then. */
static bool
take_brief (SipLane *lane, const SipListener *listener, const TdPacket *packet)
{
    SipGlance *glance = &lane->glance;
    bool is_known = lane->glanced_at == packet->bytes; /* to be brief: it has just been sorted */

    if (packet->post_class != TD_POST_ORDINARY
        || (!is_known
            && (!sip_glance (glance, packet->bytes, packet->len_bytes)
                || !sip_is_brief (lane, glance, packet, false)))) {
        return false;
    }
    bool is_ack = glance->method == SIP_METHOD_ACK;
    if (is_ack ? !sip_is_of_refusal (lane, glance)
               : !sip_scan_brief (lane->scan, packet->bytes, packet->len_bytes)
                     || !is_too_late (lane, packet, is_known)) {
        return false;
    }
    td_metric_add (lane->sip->received, 1);
    sip_keep (lane, listener, glance->call_id, &packet->remote, packet->bytes, packet->len_bytes,
              false);
    if (!is_ack) {
        refuse_late (lane, packet);
    }
    return true;
}

/* --- What is served ---------------------------------------------------------------------- */

/* RFC 5626 3.5.1: two CRLF on a stream are answered with one. */
static void
answer_keepalive (const TdPacket *packet)
{
    if (packet->transport != TD_TRANSPORT_UDP && packet->len_bytes >= 4) {
        td_flow_send (packet->listener, packet->flow, "\r\n", 2);
    }
}

static void
log_bad (const SipLane *lane, const TdPacket *packet, const char *what)
{
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_address_print (&packet->remote, peer);
    td_log_peer (lane->sip->module, "sip.malformed", peer, NULL, "%s: %s", what, lane->scan->why);
}

/* What a response to a request of ours says of its sender's load; the others' word counts nothing. */
static void
hear_load (SipLane *lane, const TdPacket *packet)
{
    const TdTrunkService *service = sip_trunk_service (lane->sip);
    const SipTrunk *trunk;
    uint32_t duration_ms;
    unsigned level;

    if (!sip_overload_is_told (lane->scan) || !sip_knows (&lane->stack, lane->scan)
        || !sip_overload_hear (lane->sip->overload, lane->scan, &packet->remote, &level,
                               &duration_ms)) {
        return;
    }
    trunk = sip_trunks_by_source (lane, packet);
    if (service != NULL && trunk != NULL) {
        service->level (trunk->name, level, duration_ms, service->data);
    }
}

static void
take_good (SipLane *lane, const TdPacket *packet)
{
    if (lane->scan->is_request && is_too_late (lane, packet, false)) {
        refuse_late (lane, packet);
        return;
    }
    hear_load (lane, packet);
    SipReceived received = sip_receive (&lane->stack, lane->scan);

    if (received == SIP_RECEIVED_NEW) {
        count_load (lane, false);
    }
    if (received != SIP_RECEIVED_HANDLED) {
        sip_dispatch_request (lane, lane->scan, packet, received);
    }
}

void
sip_deliver (const TdPacket *packet, void *data)
{
    SipListener *listener = data;
    Sip *sip = listener->sip;
    SipLane *lane = sip_lane_here (sip);

    lane->answer_class = 0;
    bool is_taken = take_brief (lane, listener, packet);

    lane->glanced_at = NULL; /* the bytes may be another message's next time */
    if (is_taken) {
        return;
    }
    SipVerdict verdict = sip_scan_packet (lane, packet);
    if (verdict == SIP_SCAN_KEEPALIVE) {
        answer_keepalive (packet);
        return;
    }
    lane->registrar = sip_registrar (sip);
    td_metric_add (sip->received, 1);
    sip_keep (lane, listener, lane->scan->call_id, &packet->remote, packet->bytes,
              packet->len_bytes, false);
    switch (verdict) {
    case SIP_SCAN_GOOD:
        take_good (lane, packet);
        break;
    case SIP_SCAN_REFUSE:
        td_metric_add (sip->refused, 1);
        log_bad (lane, packet, "request refused");
        sip_answer_stateless (lane, lane->scan, packet, lane->scan->refusal, lane->scan->why, NULL);
        break;
    default:
        td_metric_add (sip->dropped, 1);
        log_bad (lane, packet, "message dropped");
        break;
    }
}

/* --- What else a listener tells ---------------------------------------------------------- */

/* Asked while a newer build shares the port: whether PACKET belongs to a transaction or a dialog of
 * this one. */
bool
sip_claim (const TdPacket *packet, void *data)
{
    SipListener *listener = data;
    SipLane *lane = sip_lane_here (listener->sip);
    const SipScan *scan = lane->scan;

    if (sip_scan_packet (lane, packet) != SIP_SCAN_GOOD) {
        return false;
    }
    return sip_knows (&lane->stack, scan)
           || (scan->is_request && scan->to_tag.len_bytes > 0 && sip_leg_find (lane, scan) != NULL);
}

/* A flow has ended, on its way to a lane. */
typedef struct {
    TdPost post; /* first */
    SipLane *lane;
    uint64_t flow;
} Loss;

static void
drop_loss (TdPost *post)
{
    g_free (post);
}

static void
run_loss (TdPost *post)
{
    Loss *loss = (Loss *) post;

    if (loss->lane->sip != NULL) {
        sip_client_lose_flow (&loss->lane->stack, loss->flow);
    }
    g_free (loss);
}

/* Requests of any lane may have gone by FLOW. */
void
sip_flow_closed (uint64_t flow, const TdAddress *remote, void *data)
{
    Sip *sip = ((SipListener *) data)->sip;

    for (unsigned i = 0; i < sip->n_lanes; i++) {
        Loss *loss = g_new0 (Loss, 1);
        *loss = (Loss){ .post = { .owner = sip->module, .run = run_loss, .drop = drop_loss },
                        .lane = &sip->lanes[i],
                        .flow = flow };
        td_lane_post (td_lane_at (i), &loss->post);
    }
}

void
sip_dropped (const TdPacket *packet, const char *why, void *data)
{
    SipListener *listener = data;
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_metric_add (listener->sip->dropped, 1);
    td_address_print (&packet->remote, peer);
    td_log_peer (listener->sip->module, "sip.dropped", peer, NULL, "message dropped: %s", why);
}
