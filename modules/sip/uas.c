/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Incoming legs: INVITE until it is answered (RFC 3261 13.3). */

#include "leg.h"

#include "mime.h"

#include <tandem/log.h>

enum {
    MAX_EXPIRES_S = 24 * 3600, /* nobody waits for longer */
};

static void
server_failed (SipTransaction *transaction, SipFailure failure, void *data)
{
    /* RFC 6026 8.8: the timers decide. A response that never gets through ends with timer H, or with
     * the ACK that does not come. */
}

static void
server_ended (SipTransaction *transaction, void *data)
{
    SipLeg *leg = data;

    leg->invite = NULL;
}

static const SipUser server_user = { NULL, server_failed, server_ended };

/* --- Responses --------------------------------------------------------------------------- */

/* Begins a response that makes, or keeps up, the dialog (RFC 3261 12.1.1). */
static GString *
begin_response (SipLeg *leg, unsigned status, const char *reason)
{
    GString *out = leg->lane->stack.out;

    sip_compose_response (out, &leg->head, status, reason, leg->local_tag);
    return out;
}

static void
respond_early (SipLeg *leg, const SipEarly *early)
{
    TdDescription *description = sip_reliable_untold (leg, early->description);

    if (leg->invite == NULL || sip_reliable_defers (leg, early)) {
        return;
    }
    GString *out = begin_response (leg, early->status, NULL);
    g_string_append_len (out, leg->head.routes.text, (gssize) leg->head.routes.len_bytes);
    sip_reliable_compose (leg, out);
    sip_leg_compose_self (leg, out);
    sip_leg_compose_body (leg, out, description);
    sip_server_respond (leg->invite, early->status, out->str, out->len);
    sip_reliable_sent (leg, description);
    td_timer_start (&leg->repeat_timer, sip_reliable_repeat_ms (leg));
}

/* What another module tells the caller with the answer. */
static void
compose_answer_lines (const SipLeg *leg, GString *out)
{
    const TdAttributes *attributes = td_channel_attributes (leg->channel);
    const char *line;

    for (unsigned i = 0;
         (line = td_attributes_text (attributes, leg->lane->sip->answer_lines, i)) != NULL; i++) {
        g_string_append (out, line);
        g_string_append (out, "\r\n");
    }
}

static void
respond_ok (SipLeg *leg, TdDescription *description)
{
    if (leg->invite == NULL) {
        return;
    }
    SipPath path = leg->invite->path;
    GString *out = begin_response (leg, 200, NULL);
    g_string_append_len (out, leg->head.routes.text, (gssize) leg->head.routes.len_bytes);
    sip_leg_compose_self (leg, out);
    compose_answer_lines (leg, out);
    sip_leg_compose_body (leg, out, sip_reliable_untold (leg, description));
    sip_leg_keep_ok (leg, out, &path, leg->cseq);
    sip_reliable_amend (leg, description);
    sip_uas_clear (leg);
    leg->ok_has_offer = !leg->has_offered;
    leg->dialog.is_confirmed = true;
    sip_server_respond (leg->invite, 200, out->str, out->len);
    sip_reply_head_clear (&leg->head);
}

static void
respond_failure (SipLeg *leg, unsigned status, const char *reason, const TdCause *cause,
                 const char *lines)
{
    if (leg->invite == NULL) {
        return;
    }
    GString *out = begin_response (leg, status, reason);
    if (cause != NULL) {
        sip_cause_compose_for (leg, out, cause); /* RFC 6432: Reason in responses, too */
        sip_retry_after_compose (leg, out, status);
        sip_cause_compose_warning (leg, out, status, cause);
        sip_cause_compose_date (out, status, cause);
    }
    if (status < 400) {
        sip_redirect_compose (leg, out);
    }
    if (status == 405) {
        g_string_append (out, "Allow: " SIP_ALLOW "\r\n");
    }
    g_string_append (out, lines);
    sip_compose_end (out, NULL, NULL, 0);
    sip_server_respond (leg->invite, status, out->str, out->len);
}

static void
respond_trying (SipLeg *leg)
{
    GString *out = begin_response (leg, 100, NULL);

    sip_compose_end (out, NULL, NULL, 0);
    sip_server_respond (leg->invite, 100, out->str, out->len);
}

/* --- States ------------------------------------------------------------------------------ */

void
sip_uas_offered (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;
    const TdCause *cause = data;
    TdCause cancelled = td_cause (TD_CAUSE_NORMAL_CLEARING, "Cancelled");
    const char *reason;
    unsigned status;

    switch (event) {
    case SIP_LEG_EV_EARLY:
        respond_early (leg, data);
        break;
    case SIP_LEG_EV_ANSWER:
        if (!sip_reliable_holds (leg, data)) {
            td_fsm_enter (&leg->fsm, SIP_LEG_ANSWERED);
            respond_ok (leg, data);
        }
        break;
    case SIP_LEG_EV_PRACK_LOST:
        cancelled = td_cause (TD_CAUSE_RECOVERY_ON_TIMER, "No PRACK");
        respond_failure (leg, 504, NULL, &cancelled, "");
        sip_leg_gone (leg, &cancelled);
        break;
    case SIP_LEG_EV_RELEASE:
        status = sip_redirect_status (leg, cause, sip_cause_to_status (cause, &reason));
        respond_failure (leg, status, reason, cause, "");
        sip_leg_gone (leg, cause);
        break;
    case SIP_LEG_EV_BYE: /* of a caller in the early dialog: RFC 3261 15.1.2 */
    case SIP_LEG_EV_CANCELLED:
        respond_failure (leg, 487, NULL, NULL, "");
        sip_leg_gone (leg, cause != NULL ? cause : &cancelled);
        break;
    default:
        break;
    }
}

/* The 2xx is out; no BYE may go before its ACK (RFC 3261 15). */
void
sip_uas_answered (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;
    TdCause cause;

    switch (event) {
    case SIP_LEG_EV_ACKED:
        if (leg->cause.value != TD_CAUSE_NONE) { /* it was released meanwhile */
            cause = leg->cause;
            sip_leg_close (leg, &cause);
            break;
        }
        td_fsm_enter (&leg->fsm, SIP_LEG_TALKING);
        sip_offer_take_ack (leg, data);
        break;
    case SIP_LEG_EV_ACK_LOST:
        if (leg->cause.value != TD_CAUSE_NONE) {
            cause = leg->cause;
            sip_leg_close (leg, &cause);
            break;
        }
        cause = td_cause (TD_CAUSE_RECOVERY_ON_TIMER, "No ACK");
        sip_leg_abandon (leg, &cause);
        break;
    case SIP_LEG_EV_RELEASE:
        leg->cause = *(const TdCause *) data;
        break;
    case SIP_LEG_EV_BYE:
        sip_leg_gone (leg, data);
        break;
    default:
        break;
    }
}

/* --- Time ------------------------------------------------------------------------------- */

/* A proxy may give a transaction up that was silent for three minutes (RFC 3261 13.3.1.1). */
static void
repeat_expired (TdTimer *timer)
{
    SipLeg *leg = (SipLeg *) ((char *) timer - offsetof (SipLeg, repeat_timer));

    if (leg->invite == NULL) {
        return;
    }
    if (leg->reliable.kind == SIP_PROVISIONAL_RELIABLE) { /* a new one (RFC 3262 3) */
        SipEarly again = { leg->invite->last_status, NULL };
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_EARLY, &again);
        return;
    }
    sip_server_repeat (leg->invite);
    td_timer_start (&leg->repeat_timer, sip_reliable_repeat_ms (leg));
}

static void
invitation_expired (TdTimer *timer)
{
    SipLeg *leg = (SipLeg *) ((char *) timer - offsetof (SipLeg, expiry_timer));
    TdCause cause = td_cause (TD_CAUSE_NO_ANSWER, "INVITE has expired");

    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_CANCELLED, &cause); /* RFC 3261 13.3.1: 487 */
}

void
sip_uas_init (SipLeg *leg)
{
    td_timer_init (&leg->repeat_timer, leg->lane->sip->module, repeat_expired);
    td_timer_init (&leg->expiry_timer, leg->lane->sip->module, invitation_expired);
    sip_reliable_init (leg);
}

void
sip_uas_clear (SipLeg *leg)
{
    td_timer_stop (&leg->repeat_timer);
    td_timer_stop (&leg->expiry_timer);
    sip_reliable_stop (leg);
}

/* An Expires that is no number counts as none (RFC 3261 20.19). */
static void
take_expires (SipLeg *leg, const SipScan *invite)
{
    uint64_t seconds;

    if (sip_view_number (sip_scan_header (invite, SIP_HEADER_EXPIRES), UINT32_MAX, &seconds)
        && seconds <= MAX_EXPIRES_S) {
        td_timer_start (&leg->expiry_timer, (uint32_t) seconds * 1000);
    }
}

/* --- INVITE ------------------------------------------------------------------------------ */

/* Whether the user of URI is a number, however it is written (RFC 3261 19.1.1, "user"). */
static bool
is_telephone (const SipUri *uri)
{
    SipView user;

    return uri->scheme == SIP_SCHEME_TEL
           || (sip_param_find (uri->params, "user", &user) && sip_view_is_nocase (user, "phone"));
}

static bool
take_called (TdParty *called, const SipUri *uri)
{
    char user[TD_PARTY_TEXT], host[TD_PARTY_TEXT];

    if (!sip_message_user_host (uri, user, sizeof user, host, sizeof host)) {
        return false;
    }
    /* RFC 3966 4: "-", "." and parentheses in it mean nothing: tel:9-1-1 is 911. */
    if (is_telephone (uri) && td_party_from_number (called, user)) {
        g_strlcpy (called->host, host, sizeof called->host);
    } else if (!td_party_from_user (called, user, host)) {
        return false;
    }
    called->is_complete = true;
    return true;
}

/* The service that a URN asks for, as whoever sees to it has it: a long or an odd one is not refused. */
static bool
take_service (SipLeg *leg, const SipScan *invite, const TdPacket *packet)
{
    TdEmergencyAnswer answer;

    return sip_emergency_kind (leg->lane, invite, packet, &answer) != TD_EMERGENCY_NONE
           && td_party_from_user (td_channel_called (leg->channel), answer.service, "");
}

/* Whether INVITE asks for PRIVACY; the values are divided by semicolons (RFC 3323 4.2). */
static bool
asks_privacy (const SipScan *invite, const char *privacy)
{
    const SipHeader *header;
    unsigned index = 0;

    while ((header = sip_scan_next (invite, SIP_HEADER_PRIVACY, &index)) != NULL) {
        SipView rest = sip_header_value (header), values, value;
        while (sip_view_split (&rest, ',', &values)) { /* not in the grammar, but meant so */
            while (sip_view_split (&values, ';', &value)) {
                if (sip_view_is_nocase (value, privacy)) {
                    return true;
                }
            }
        }
    }
    return false;
}

/* RFC 3323: whoever asks not to be shown is not. */
static void
take_calling (TdParty *calling, const SipScan *invite)
{
    char user[TD_PARTY_TEXT], host[TD_PARTY_TEXT];
    SipUri uri;

    if (sip_uri_scan (invite->from_addr.uri, &uri) == NULL
        && sip_message_user_host (&uri, user, sizeof user, host, sizeof host)) {
        td_party_from_user (calling, user, host);
    }
    if (!sip_message_display (&invite->from_addr, calling->display, sizeof calling->display)) {
        calling->display[0] = '\0';
    }
    if (asks_privacy (invite, "id") || asks_privacy (invite, "user")
        || g_ascii_strcasecmp (calling->user, "anonymous") == 0) {
        calling->presentation = TD_PRESENTATION_RESTRICTED;
    }
}

bool
sip_uas_parties (const SipScan *invite, TdParty *ret_called, TdParty *ret_calling)
{
    *ret_calling = (TdParty){ 0 };
    take_calling (ret_calling, invite);
    return take_called (ret_called, &invite->uri);
}

/* Header fields that only a domain of trust may write or read (RFC 3324, RFC 7315 6, RFC 5502) and that
 * are otherwise unknown here. */
static bool
is_of_trust (const SipHeader *header)
{
    static const char *const names[] = {
        "P-Asserted-Service",
        "P-Charging-Function-Addresses",
        "P-Private-Network-Indication",
        "P-Profile-Key",
        "P-Served-User",
        "P-User-Database",
        "P-Visited-Network-ID",
        "Remote-Party-ID",
    };
    SipView name = { header->name, header->name_len_bytes };

    for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
        if (sip_view_is_nocase (name, names[i])) {
            return true;
        }
    }
    return false;
}

/* What the other leg may want to pass on. */
static void
take_headers (const Sip *sip, TdAttributes *attributes, const SipScan *invite)
{
    for (unsigned i = 0; i < invite->n_headers; i++) {
        const SipHeader *header = &invite->headers[i];
        g_autofree char *value = NULL;
        if (header->id == SIP_HEADER_OTHER) {
            if (is_of_trust (header)) {
                continue;
            }
            value = sip_view_dup (sip_header_value (header));
            g_autofree char *line =
                g_strdup_printf ("%.*s: %s", (int) header->name_len_bytes, header->name, value);
            td_attributes_add_text (attributes, sip->other_headers, line);
            continue;
        }
        for (unsigned j = 0; j < sip->n_carried; j++) {
            if (sip->carried[j].id == header->id) {
                value = sip_view_dup (sip_header_value (header));
                td_attributes_add_text (attributes, sip->carried[j].attribute, value);
                break;
            }
        }
    }
    if (invite->max_forwards >= 0) {
        td_attributes_set_number (attributes, sip->max_forwards, invite->max_forwards);
    }
}

SipView
sip_uas_number_parameters (const SipUri *uri)
{
    SipView user = uri->user;

    if (uri->scheme == SIP_SCHEME_TEL) {
        return uri->params;
    }
    const char *semicolon = user.len_bytes > 0 ? memchr (user.text, ';', user.len_bytes) : NULL;
    if (semicolon == NULL || (user.text[0] != '+' && !g_ascii_isdigit (user.text[0]))) {
        return (SipView){ 0 };
    }
    return sip_view_span (semicolon, user.text + user.len_bytes);
}

static void
take_user_parameters (SipLeg *leg, const SipUri *uri)
{
    SipView params = sip_uas_number_parameters (uri);

    if (params.len_bytes > 0) {
        g_autofree char *text = sip_view_dup (params);
        td_attributes_set_text (td_channel_attributes (leg->channel),
                                leg->lane->sip->user_parameters, text);
    }
}

/* Whom the caller meant, when the request was sent elsewhere on its way (RFC 3261 8.1.1.2). */
static void
take_meant (SipLeg *leg, const SipScan *invite)
{
    const TdParty *called = td_channel_called (leg->channel);
    SipUri uri;
    TdParty meant;

    if (sip_uri_scan (invite->to_addr.uri, &uri) != NULL || !take_called (&meant, &uri)
        || strcmp (td_party_key (&meant), td_party_key (called)) != 0
        || (meant.digits[0] == '\0' && g_ascii_strcasecmp (meant.host, called->host) != 0)) {
        g_autofree char *text = sip_view_dup (invite->to_addr.uri);
        td_attributes_set_text (td_channel_attributes (leg->channel), leg->lane->sip->to, text);
    }
}

static void
take_parameter (SipLeg *leg, SipView params, const char *name, const TdAttribute *attribute)
{
    SipView value;

    if (sip_param_find (params, name, &value) && value.len_bytes > 0) {
        g_autofree char *text = sip_view_dup (value);
        td_attributes_set_text (td_channel_attributes (leg->channel), attribute, text);
    }
}

/* What a trunk says of the line its caller is on (3GPP TS 24.229 7.2A.12). From a stranger it would be
 * anybody's word. */
static void
take_line (SipLeg *leg, const SipScan *invite)
{
    const Sip *sip = leg->lane->sip;
    SipUri uri;

    if (sip_uri_scan (invite->from_addr.uri, &uri) == NULL) {
        SipView params = sip_uas_number_parameters (&uri);
        take_parameter (leg, params, "cpc", sip->category);
        take_parameter (leg, params, "isup-oli", sip->line_information);
        take_parameter (leg, params, "oli", sip->line_information);
    }
}

/* Who calls, by what cannot be written into a request: for whoever counts what one caller does. */
static void
take_source (SipLeg *leg, const TdPacket *packet, const char *user)
{
    char host[TD_ADDRESS_TEXT_SIZE];
    g_autofree char *source = NULL;

    if (*user != '\0') {
        source = g_strconcat ("user ", user, NULL);
    } else if (sip_is_mutual (packet) && *packet->peer->subject != '\0') {
        source = g_strconcat ("certificate ", packet->peer->subject, NULL);
    } else {
        source = g_strconcat ("address ", td_address_print_host (&packet->remote, host), NULL);
    }
    td_attributes_set_text (td_channel_attributes (leg->channel), leg->lane->sip->source, source);
}

/* Gives the channel of LEG what the INVITE says, and USER, who its sender has proved to be. */
static bool
fill_channel (SipLeg *leg, const SipScan *invite, const TdPacket *packet, const char *user)
{
    TdChannel *channel = leg->channel;
    const SipTrunk *trunk = sip_trunks_by_source (leg->lane, packet);
    char peer[TD_ADDRESS_TEXT_SIZE];
    g_autofree char *call_id = sip_view_dup (invite->call_id);

    if (invite->uri.scheme == SIP_SCHEME_URN
            ? !take_service (leg, invite, packet)
            : !take_called (td_channel_called (channel), &invite->uri)) {
        return false;
    }
    take_calling (td_channel_calling (channel), invite);
    take_headers (leg->lane->sip, td_channel_attributes (channel), invite);
    take_user_parameters (leg, &invite->uri);
    take_meant (leg, invite);
    take_source (leg, packet, user);
    if (trunk != NULL) {
        take_line (leg, invite);
    }
    sip_parts_take (leg, invite);
    if (invite->uri.scheme == SIP_SCHEME_SIPS) {
        td_attributes_set_number (td_channel_attributes (channel), leg->lane->sip->is_sips, 1);
    }
    td_channel_set_trunk (channel, trunk != NULL ? trunk->name : "");
    td_channel_set_peer_id (channel, call_id);
    td_channel_set_peer_address (channel, td_address_print (&packet->remote, peer));
    return true;
}

/* Whether the INVITE came straight from a user agent whose Contact is not where it came from. */
static bool
is_translated (const SipScan *invite, const SipDialog *dialog, const TdPacket *packet)
{
    TdTransport transport;
    TdAddress address;
    SipUri uri;

    return invite->n_vias == 1 && dialog->hop == NULL
           && sip_uri_scan (sip_view_of (dialog->target), &uri) == NULL
           && sip_transport_numeric (&uri, &transport, &address)
           && !td_address_equal_host (&address, &packet->remote);
}

/* Whom a connection would have to be made to if the one of PACKET, a trunk's, ended; nullable. */
static const SipWish *
wish_back (SipLane *lane, const TdPacket *packet)
{
    const SipTrunk *trunk =
        packet->transport == TD_TRANSPORT_TLS ? sip_trunks_by_source (lane, packet) : NULL;

    return trunk != NULL ? sip_wish (lane->sip, trunk, sip_view_of (trunk->domain)) : NULL;
}

/* RFC 3261 12.1.1: whether our Contact must have "sips". */
static bool
is_sips_dialog (const SipScan *invite, const SipDialog *dialog)
{
    return invite->uri.scheme == SIP_SCHEME_SIPS
           || g_ascii_strncasecmp (sip_dialog_next_hop (dialog), "sips:", 5) == 0;
}

static SipLeg *
make_leg (SipLane *lane, const SipScan *invite, const TdPacket *packet)
{
    SipLeg *leg = sip_leg_new (lane, true);
    SipPath path = sip_transport_reply_path (invite, packet);

    if (!sip_dialog_init_uas (&leg->dialog, invite, leg->local_tag)) {
        sip_leg_free (leg);
        return NULL;
    }
    leg->path = (SipPath){ .listener = packet->listener,
                           .flow = packet->flow,
                           .transport = packet->transport,
                           .remote = packet->remote,
                           .wish = wish_back (lane, packet) };
    leg->is_sips = packet->transport == TD_TRANSPORT_TLS && is_sips_dialog (invite, &leg->dialog);
    leg->origin = packet->remote;
    leg->cseq = invite->cseq_number;
    leg->is_pinned = is_translated (invite, &leg->dialog, packet);
    sip_leg_update_path (leg, &leg->dialog);
    leg->peer_has_info = !sip_scan_has (invite, SIP_HEADER_ALLOW)
                         || sip_scan_lists (invite, SIP_HEADER_ALLOW, "INFO");
    sip_reply_head_init (&leg->head, invite, &packet->remote, lane->sip->load);
    leg->invite = sip_server_start (&lane->stack, invite, &path, &server_user, leg);
    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_INVITED, NULL);
    return leg;
}

/* Refuses the INVITE of a leg whose channel has not been offered to anybody. LINES are whole header
 * lines. */
static void
refuse_early (SipLeg *leg, unsigned status, const char *reason, unsigned cause_value,
              const char *lines)
{
    TdCause cause = td_cause (cause_value, reason);

    respond_failure (leg, status, reason, NULL, lines);
    if (leg->channel != NULL) {
        sip_leg_gone (leg, &cause);
    } else {
        sip_leg_free (leg);
    }
}

/* RFC 6442 4.3. */
static void
refuse_location (SipLeg *leg, unsigned error)
{
    g_autofree char *line =
        g_strdup_printf ("Geolocation-Error: %u;code=\"Cannot Process Location\"\r\n", error);

    refuse_early (leg, 424, NULL, TD_CAUSE_PROTOCOL_ERROR, line);
}

void
sip_uas_invite (SipLane *lane, const SipScan *invite, const TdPacket *packet, const char *user)
{
    g_autofree char *why = NULL;
    g_autoptr (TdDescription) offer = sip_leg_description (invite, &why);
    g_autoptr (GString) lines = g_string_new (NULL);
    SipLeg *leg = make_leg (lane, invite, packet);
    const char *reason = NULL;
    unsigned status = 0, location_error = 0;

    if (leg == NULL) {
        sip_answer_simple (lane, invite, packet, 400, "INVITE without a Contact", NULL);
        return;
    }
    leg->channel = td_channel_new (lane->sip->module, "sip", leg);
    bool is_read = leg->channel != NULL && why == NULL && fill_channel (leg, invite, packet, user);
    if (is_read) { /* before anything is taken, or said */
        status = sip_marks_take (leg, invite, packet, lines, &reason);
        sip_emergency_classify (leg, packet);
        sip_leg_classify (leg);
    }
    respond_trying (leg);
    if (leg->channel == NULL) {
        refuse_early (leg, 503, NULL, TD_CAUSE_CONGESTION, "");
    } else if (why != NULL) {
        refuse_early (leg, 400, why, TD_CAUSE_PROTOCOL_ERROR, "");
    } else if (!is_read) {
        refuse_early (leg, 404, NULL, TD_CAUSE_INVALID_NUMBER_FORMAT, "");
    } else if (status != 0 && !sip_emergency_is_call (lane, invite, packet)) {
        refuse_early (leg, status, reason, TD_CAUSE_CALL_REJECTED, lines->str);
    } else if ((location_error = sip_emergency_location_error (
                    lane, invite, packet, td_channel_attributes (leg->channel)))
               != 0) {
        refuse_location (leg, location_error);
    } else {
        leg->has_offered = offer != NULL;
        sip_reliable_take_invite (leg, invite, packet);
        take_expires (leg, invite);
        td_channel_offer_call (leg->channel, offer);
    }
}
