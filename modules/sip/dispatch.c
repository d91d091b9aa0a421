/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that begin a transaction: which may be served, and by whom (RFC 3261 8.2). */

#include "leg.h"

#include "mime.h"

#include <tandem/log.h>

void
sip_answer_tagged (SipLane *lane, const SipScan *request, const TdPacket *packet, unsigned status,
                   const char *reason, const char *lines, const char *tag)
{
    SipPath path = sip_transport_reply_path (request, packet);

    path.priority_class = lane->answer_class;
    SipTransaction *transaction = sip_server_start (&lane->stack, request, &path, NULL, NULL);
    GString *out = lane->stack.out;
    SipReplyHead head;

    sip_reply_head_init (&head, request, &packet->remote, lane->sip->load);
    sip_compose_response (out, &head, status, reason, tag);
    if (lines != NULL) {
        g_string_append (out, lines);
    }
    sip_compose_end (out, NULL, NULL, 0);
    sip_server_respond (transaction, status, out->str, out->len);
    sip_reply_head_clear (&head);
}

void
sip_answer_simple (SipLane *lane, const SipScan *request, const TdPacket *packet, unsigned status,
                   const char *reason, const char *lines)
{
    char tag[SIP_TAG_SIZE];

    sip_stack_make_tag (&lane->stack, tag);
    sip_answer_tagged (lane, request, packet, status, reason, lines, tag);
}

/* The To tag is a hash of the request, so that it is the same each time (RFC 3261 8.2.7). The topmost Via
 * is that of its ACK, too (RFC 3261 17.1.1.3). */
static void
make_stateless_tag (const SipLane *lane, SipView via, char tag[SIP_TAG_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = sip_seal (&lane->stack.seal, via);
    unsigned n = 0;

    tag[n++] = SIP_STATELESS_TAG;
    while (n < SIP_STATELESS_TAG_LEN) {
        tag[n++] = digits[hash >> 60];
        hash <<= 4;
    }
    tag[n] = '\0';
}

void
sip_answer_stateless (SipLane *lane, const SipScan *request, const TdPacket *packet,
                      unsigned status, const char *reason, const char *lines)
{
    SipPath path = sip_transport_reply_path (request, packet);
    GString *out = lane->stack.out;
    char tag[SIP_TAG_SIZE];

    path.priority_class = lane->answer_class;
    make_stateless_tag (lane, request->via.whole, tag);
    sip_compose_answer (out, request, &packet->remote, lane->sip->load, status, reason, lines, tag);
    sip_transport_send (&path, out->str, out->len, lane);
}

bool
sip_is_of_refusal (const SipLane *lane, const SipGlance *ack)
{
    SipView rest = ack->first_via, via;
    char tag[SIP_TAG_SIZE];

    if (!sip_view_split (&rest, ',', &via)) {
        return false;
    }
    make_stateless_tag (lane, via, tag);
    return sip_view_is (ack->to_tag, tag);
}

/* --- CANCEL (RFC 3261 9.2) --------------------------------------------------------------- */

/* RFC 3261 22.1: a CANCEL cannot be challenged, so it counts when it comes from where the INVITE came
 * from. */
static bool
is_same_hop (const SipTransaction *invite, const TdPacket *packet)
{
    const SipLeg *leg = invite->data;

    return leg == NULL
           || (td_address_equal_host (&leg->origin, &packet->remote)
               && sip_secure_is_kept (leg, packet));
}

static void
take_cancel (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    SipTransaction *invite = sip_server_find_invite (&lane->stack, request);
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, "Cancelled");

    if (invite != NULL && !is_same_hop (invite, packet)) {
        /* Without a transaction, which would absorb the CANCEL of whoever may send it. */
        invite = NULL;
    }
    if (invite == NULL) {
        sip_answer_stateless (lane, request, packet, 481, NULL, NULL);
        return;
    }
    sip_cause_of_reason (request, &cause);
    lane->answer_class = invite->path.priority_class;
    SipLeg *leg = invite->data;
    if (leg != NULL) { /* RFC 3261 9.2: the tag of the INVITE's responses */
        sip_answer_tagged (lane, request, packet, 200, NULL, NULL, leg->local_tag);
    } else {
        sip_answer_simple (lane, request, packet, 200, NULL, NULL);
    }
    if (leg == NULL || invite->last_status >= 200) {
        return; /* answered already: nothing to cancel */
    }
    if (leg->invite == invite && td_fsm_state (&leg->fsm) == SIP_LEG_OFFERED) {
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_CANCELLED, &cause);
    }
}

/* --- OPTIONS (RFC 3261 11.2) ------------------------------------------------------------- */

static void
compose_supported (SipLane *lane, const TdPacket *packet, GString *lines)
{
    bool knows_priority = sip_priority (lane->sip) != NULL;
    bool knows_reliable = sip_reliable_is_known (lane, packet);

    g_string_append_printf (lines, "Supported: %s%s%s\r\n", knows_reliable ? SIP_TAG_RELIABLE : "",
                            knows_reliable && knows_priority ? ", " : "",
                            knows_priority ? SIP_TAG_PRIORITY : "");
}

static void
take_options (SipLane *lane, const SipScan *request, const TdPacket *packet, bool is_inside)
{
    g_autoptr (GString) lines =
        g_string_new ("Allow: " SIP_ALLOW "\r\nAccept: application/sdp\r\n"
                      "Accept-Encoding: identity\r\nAccept-Language: en\r\n");

    compose_supported (lane, packet, lines);
    sip_marks_compose_options (lane, packet, lines);
    if (is_inside) { /* its CSeq was taken: the same one would be refused when it comes again */
        sip_answer_simple (lane, request, packet, 200, NULL, lines->str);
    } else {
        sip_answer_stateless (lane, request, packet, 200, NULL, lines->str);
    }
}

/* --- What may be served at all ----------------------------------------------------------- */

/* RFC 3261 8.2.2.1: what "sips" asks for cannot be had of what came without TLS; of URNs those of emergency
 * services are known, where somebody sees to them (RFC 5031). */
static bool
refuse_scheme (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    TdEmergencyAnswer answer;
    bool is_unknown = request->uri.scheme == SIP_SCHEME_URN
                      && sip_emergency_kind (lane, request, packet, &answer) == TD_EMERGENCY_NONE;

    if (!is_unknown
        && (request->uri.scheme != SIP_SCHEME_SIPS || packet->transport == TD_TRANSPORT_TLS)) {
        return false;
    }
    sip_answer_stateless (lane, request, packet, 416, NULL, NULL);
    return true;
}

/* Whether the extension TAG may be required: of priority where somebody knows what it is worth (RFC 4412
 * 4.3), of reliable provisional responses in an INVITE alone (RFC 3262 4). */
static bool
is_supported (SipView tag, bool knows_priority, bool knows_reliable)
{
    return (knows_priority && sip_view_is_nocase (tag, SIP_TAG_PRIORITY))
           || (knows_reliable && sip_view_is_nocase (tag, SIP_TAG_RELIABLE));
}

/* Writes those of the extensions in HEADER that we do not know. */
static void
append_unsupported (SipLane *lane, GString *lines, const SipHeader *header, bool knows_reliable)
{
    bool knows_priority = sip_priority (lane->sip) != NULL;
    SipView rest = sip_header_value (header), tag;
    g_autoptr (GString) tags = g_string_new (NULL);

    while (sip_view_split (&rest, ',', &tag)) {
        if (tag.len_bytes > 0 && !is_supported (tag, knows_priority, knows_reliable)) {
            g_string_append (tags, tags->len > 0 ? ", " : "");
            g_string_append_len (tags, tag.text, (gssize) tag.len_bytes);
        }
    }
    if (tags->len > 0) {
        sip_compose_text (lines, "Unsupported", tags->str);
    }
}

/* RFC 3261 8.2.2.3. That of priority may be asked of those who pass a request on (RFC 3261 16.3 5), too. */
static bool
refuse_extensions (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    g_autoptr (GString) lines = NULL;
    static const SipHeaderId ids[] = { SIP_HEADER_REQUIRE, SIP_HEADER_PROXY_REQUIRE };
    const SipHeader *header;

    if (!sip_scan_has (request, ids[0]) && !sip_scan_has (request, ids[1])) {
        return false;
    }
    lines = g_string_new (NULL);
    for (size_t i = 0; i < G_N_ELEMENTS (ids); i++) {
        bool knows_reliable = ids[i] == SIP_HEADER_REQUIRE && request->method == SIP_METHOD_INVITE
                              && sip_reliable_is_known (lane, packet);
        unsigned index = 0;
        while ((header = sip_scan_next (request, ids[i], &index)) != NULL) {
            append_unsupported (lane, lines, header, knows_reliable);
        }
    }
    if (lines->len == 0) {
        return false;
    }
    sip_answer_stateless (lane, request, packet, 420, NULL, lines->str);
    return true;
}

/* RFC 3261 8.2.3: a body of another kind, unless it is said to be optional. */
static bool
refuse_body (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    SipView encoding = sip_scan_header (request, SIP_HEADER_CONTENT_ENCODING);
    SipView disposition = sip_scan_header (request, SIP_HEADER_CONTENT_DISPOSITION), handling;
    const char *params =
        disposition.len_bytes > 0 ? memchr (disposition.text, ';', disposition.len_bytes) : NULL;
    SipPart part;

    if (request->body.len_bytes == 0
        || (request->method != SIP_METHOD_INVITE && request->method != SIP_METHOD_UPDATE)) {
        return false;
    }
    if (params != NULL
        && sip_param_find (sip_view_span (params, disposition.text + disposition.len_bytes),
                           "handling", &handling)
        && sip_view_is_nocase (handling, "optional")) {
        return false;
    }
    if (encoding.len_bytes > 0 && !sip_view_is_nocase (encoding, "identity")) {
        sip_answer_stateless (lane, request, packet, 415, NULL, "Accept-Encoding: identity\r\n");
        return true;
    }
    if (!sip_mime_find (request->content_type, request->body, "application/sdp", &part)) {
        sip_answer_stateless (lane, request, packet, 415, NULL,
                              "Accept: application/sdp, multipart/mixed\r\n");
        return true;
    }
    return false;
}

/* --- Outside a dialog -------------------------------------------------------------------- */

static void
take_invite (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    char user[TD_PARTY_TEXT] = "";

    if (request->max_forwards == 0) { /* whoever passes calls on keeps loops from going on */
        sip_answer_stateless (lane, request, packet, 483, NULL, NULL);
    } else if (atomic_load (&lane->sip->is_closing)) {
        /* Not without a transaction: the build that comes next would serve a copy of it. */
        sip_answer_simple (lane, request, packet, 503, "Closing Down", NULL);
    } else if (sip_trunks_by_source (lane, packet) != NULL
               || sip_emergency_admits (lane, request, packet)
               || sip_admit_stranger (lane, request, packet, user)) {
        sip_uas_invite (lane, request, packet, user);
    }
}

/* RFC 4412 4.6: marks are judged whatever the request is for. */
static void
take_outside (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    switch (request->method) {
    case SIP_METHOD_INVITE:
        take_invite (lane, request, packet);
        break;
    case SIP_METHOD_OPTIONS:
        if (sip_marks_admit (lane, request, packet, NULL)) {
            take_options (lane, request, packet, false);
        }
        break;
    case SIP_METHOD_REGISTER:
        if (sip_marks_admit (lane, request, packet, NULL)) {
            sip_register (lane, request, packet);
        }
        break;
    case SIP_METHOD_BYE:
    case SIP_METHOD_INFO:
    case SIP_METHOD_UPDATE:
    case SIP_METHOD_PRACK:
        sip_answer_stateless (lane, request, packet, 481, NULL, NULL);
        break;
    case SIP_METHOD_OTHER: /* RFC 3261 21.5.2 */
        sip_answer_stateless (lane, request, packet, 501, NULL, "Allow: " SIP_ALLOW "\r\n");
        break;
    default: /* RFC 3261 8.2.1 */
        if (sip_marks_admit (lane, request, packet, NULL)) {
            sip_answer_stateless (lane, request, packet, 405, NULL, "Allow: " SIP_ALLOW "\r\n");
        }
        break;
    }
}

/* --- In a dialog ------------------------------------------------------------------------- */

/* Whether requests of DIALOG's peer may come from REMOTE: from its next hop, or, where that is a name,
 * from anywhere. */
static bool
is_hop_of (const SipDialog *dialog, const TdAddress *remote)
{
    TdTransport transport;
    TdAddress address;
    SipUri uri;

    return dialog->target != NULL
           && (sip_uri_scan (sip_view_of (sip_dialog_next_hop (dialog)), &uri) != NULL
               || !sip_transport_numeric (&uri, &transport, &address)
               || td_address_equal_host (&address, remote));
}

/* Whether PACKET comes from where LEG's peer is known to be. Ports are not compared: they change with
 * connections and translators. */
static bool
is_from_peer (const SipLeg *leg, const TdPacket *packet)
{
    const TdAddress *remote = &packet->remote;

    if (!sip_secure_is_kept (leg, packet)) {
        return false;
    }
    if (td_address_equal_host (&leg->origin, remote)
        || td_address_equal_host (&leg->path.remote, remote) || is_hop_of (&leg->dialog, remote)) {
        return true;
    }
    for (unsigned i = 0; i < leg->n_forks; i++) {
        if (is_hop_of (&leg->forks[i]->dialog, remote)) {
            return true;
        }
    }
    return sip_trunks_by_source (leg->lane, packet) != NULL;
}

/* Whoever has seen a call's tags is not its peer yet: what comes from elsewhere is a stranger's, who
 * must prove to be the user that the dialog is with. A user on the move can. */
static bool
admit_inside (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    SipNameAddr peer;

    if (is_from_peer (leg, packet)) {
        return true;
    }
    if (leg->lane->sip->strangers == SIP_STRANGERS_CHALLENGE
        && (leg->dialog.remote == NULL
            || sip_name_addr_scan (sip_view_of (leg->dialog.remote), &peer) != NULL
            || !sip_view_equal (peer.uri, request->from_addr.uri))) {
        sip_answer_stateless (leg->lane, request, packet, 403, NULL, NULL);
        return false;
    }
    return sip_admit_stranger (leg->lane, request, packet, NULL);
}

static void
take_inside (SipLane *lane, const SipScan *request, const TdPacket *packet)
{
    SipLeg *leg = sip_leg_find (lane, request);

    if (leg != NULL) { /* RFC 4412 3.3: responses have no mark of their own */
        lane->answer_class = leg->path.priority_class;
    }
    if (leg == NULL) { /* RFC 3261 12.2.2 */
        sip_answer_stateless (lane, request, packet, 481, NULL, NULL);
    } else if (!admit_inside (leg, request, packet) || !sip_leg_take_cseq (leg, request, packet)
               || !sip_marks_admit (lane, request, packet, leg)) {
        return;
    } else if (request->method == SIP_METHOD_OPTIONS) {
        take_options (lane, request, packet, true);
    } else if (request->method == SIP_METHOD_OTHER) {
        sip_answer_simple (lane, request, packet, 501, NULL, "Allow: " SIP_ALLOW "\r\n");
    } else {
        sip_leg_take_request (leg, request, packet);
    }
}

static void
take_ack (SipLane *lane, const SipScan *ack, const TdPacket *packet)
{
    SipLeg *leg = sip_leg_find (lane, ack);

    if (leg != NULL) {
        sip_marks_admit (lane, ack, packet, leg); /* it cannot be refused */
        sip_leg_take_ack (leg, ack);
    }
}

void
sip_dispatch_request (SipLane *lane, const SipScan *request, const TdPacket *packet,
                      SipReceived received)
{
    if (received == SIP_RECEIVED_ACK) {
        take_ack (lane, request, packet);
    } else if (request->method == SIP_METHOD_CANCEL) {
        take_cancel (lane, request, packet);
    } else if (received == SIP_RECEIVED_MERGED) { /* RFC 3261 8.2.2.2 */
        sip_answer_stateless (lane, request, packet, 482, NULL, NULL);
    } else if (refuse_scheme (lane, request, packet) || refuse_extensions (lane, request, packet)
               || refuse_body (lane, request, packet)) {
        return;
    } else if (request->to_tag.len_bytes > 0) {
        take_inside (lane, request, packet);
    } else {
        take_outside (lane, request, packet);
    }
}
