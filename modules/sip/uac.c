/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outgoing legs: INVITE until it is answered (RFC 3261 13.2), with forks and challenges. */

#include "leg.h"

#include <tandem/log.h>

static const SipUser client_user;

/* --- Writing the INVITE ------------------------------------------------------------------ */

/* What tells who the caller is and does not go out when he asked not to be shown: RFC 3323 5.3; and the
 * signature over his number (RFC 8224 4), which would not hold for another From anyway. */
static bool
is_telling (SipHeaderId id)
{
    switch (id) {
    case SIP_HEADER_CALL_INFO:
    case SIP_HEADER_IDENTITY:
    case SIP_HEADER_IDENTITY_INFO:
    case SIP_HEADER_IN_REPLY_TO:
    case SIP_HEADER_ORGANIZATION:
    case SIP_HEADER_REPLY_TO:
    case SIP_HEADER_SUBJECT:
        return true;
    default:
        return false;
    }
}

/* How far the called party is told who calls: TD_ATTRIBUTE_SHOWN, or -1: not at all. */
static int
openness (const SipLeg *leg)
{
    int64_t shown =
        td_attributes_number (td_channel_attributes (leg->channel), leg->lane->sip->shown);

    if (shown > 0) { /* a PSAP, whatever a caller for help asks for */
        return (int) shown;
    }
    return td_channel_calling (leg->channel)->presentation == TD_PRESENTATION_RESTRICTED ? -1 : 0;
}

bool
sip_uac_hides_caller (const SipLeg *leg)
{
    return openness (leg) < 0;
}

static bool
is_carried (const SipCarried *carried, int how_open)
{
    if (carried->id == SIP_HEADER_P_ASSERTED_IDENTITY && how_open == 2) {
        return true;
    }
    if ((td_attribute_flags (carried->attribute) & TD_ATTRIBUTE_PASS) == 0) {
        return false;
    }
    if (how_open > 0) {
        return carried->id != SIP_HEADER_PRIVACY;
    }
    return how_open == 0 || !is_telling (carried->id);
}

static void
append_carried (SipLeg *leg, GString *out)
{
    const Sip *sip = leg->lane->sip;
    TdAttributes *attributes = td_channel_attributes (leg->channel);
    int how_open = openness (leg);
    const char *text;

    for (unsigned i = 0; i < sip->n_carried; i++) {
        const SipCarried *one = &sip->carried[i];
        if (!is_carried (one, how_open) || sip_marks_have (leg, one->id)) {
            continue;
        }
        for (unsigned n = 0; (text = td_attributes_text (attributes, one->attribute, n)) != NULL;
             n++) {
            sip_compose_text (out, sip_header_name (one->id), text);
        }
    }
    for (unsigned n = 0; (text = td_attributes_text (attributes, sip->other_headers, n)) != NULL;
         n++) {
        if (strpbrk (text, "\r\n") == NULL) {
            g_string_append (out, text);
            g_string_append (out, "\r\n");
        }
    }
}

/* RFC 3261 16.6 3, for what is a proxy to those who loop. */
static unsigned
max_forwards_of (SipLeg *leg)
{
    TdAttributes *attributes = td_channel_attributes (leg->channel);
    int64_t number = td_attributes_number (attributes, leg->lane->sip->max_forwards);

    return number > 0 ? (unsigned) number - 1 : 70;
}

static void
send_invite (SipLeg *leg)
{
    SipLane *lane = leg->lane;
    GString *out = lane->stack.out;
    const SipListener *listener = sip_transport_listener (lane->sip, &leg->path);
    char branch[SIP_BRANCH_SIZE];

    sip_stack_make_branch (&lane->stack, branch);
    sip_compose_request (out, "INVITE", sip_view_of (leg->request_uri), leg->path.transport,
                         listener->host, branch);
    sip_compose_number (out, "Max-Forwards", max_forwards_of (leg));
    if (leg->route != NULL) {
        sip_compose_text (out, "Route", leg->route);
    }
    sip_compose_text (out, "From", leg->from);
    sip_compose_text (out, "To", leg->to);
    sip_compose_text (out, "Call-ID", leg->call_id);
    sip_compose_cseq (out, leg->cseq, "INVITE");
    sip_leg_compose_self (leg, out);
    sip_prack_offer (leg, out);
    if (leg->credentials != NULL) {
        g_string_append (out, leg->credentials);
    }
    append_carried (leg, out);
    sip_marks_compose (leg, out);
    if (!sip_parts_compose (leg, out, td_channel_offer (leg->channel))) {
        sip_leg_compose_body (leg, out, td_channel_offer (leg->channel));
    }
    leg->invite = sip_client_start (&lane->stack, SIP_METHOD_INVITE, branch, &leg->path, out->str,
                                    out->len, &client_user, leg);
}

/* --- Placing ----------------------------------------------------------------------------- */

/* "Ann" <sip:user@host>;tag=... : our own host, so that nobody sees what is behind us. */
static void
write_from (SipLeg *leg, const char *host)
{
    const TdParty *calling = td_channel_calling (leg->channel);
    GString *from = g_string_new (NULL);

    if (openness (leg) < 0) { /* RFC 3323 4.1.1.3 */
        g_string_append (from, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
    } else {
        if (calling->display[0] != '\0') {
            sip_compose_quoted (from, calling->display);
            g_string_append_c (from, ' ');
        }
        g_string_append (from, "<sip:");
        if (calling->user[0] != '\0') {
            sip_escape_user (from, calling->user);
            g_string_append_c (from, '@');
        }
        g_string_append (from, host);
        g_string_append_c (from, '>');
    }
    g_string_append (from, ";tag=");
    g_string_append (from, leg->local_tag);
    leg->from = g_string_free (from, FALSE);
}

/* Whether the call came with "sips": whoever dialled that wants TLS on every hop (RFC 3261 26.2.2). */
static bool
must_be_secure (const SipLeg *leg)
{
    return td_attributes_number (td_channel_attributes (leg->channel), leg->lane->sip->is_sips)
           != 0;
}

/* A service goes out as it is, by way of the target (RFC 3261 8.1.1.1, 8.1.2; RFC 6443 9.2). */
static void
write_service (SipLeg *leg, const SipUri *target, const char *urn)
{
    SipView value;
    bool is_loose = sip_param_find (target->params, "lr", &value);

    leg->request_uri = g_strdup (urn);
    leg->to = g_strconcat ("<", urn, ">", NULL);
    leg->route = g_strdup_printf ("<%.*s%s>", (int) target->whole.len_bytes, target->whole.text,
                                  is_loose ? "" : ";lr");
    leg->is_sips = target->scheme == SIP_SCHEME_SIPS; /* RFC 3261 8.1.1.8 */
}

/* The target with the number in it where it names only a host. */
static void
write_request_uri (SipLeg *leg, const SipUri *target)
{
    const TdParty *called = td_channel_called (leg->channel);
    const char *parameters = td_attributes_text (td_channel_attributes (leg->channel),
                                                 leg->lane->sip->user_parameters, 0);

    if (g_ascii_strncasecmp (called->user, "urn:", 4) == 0) {
        write_service (leg, target, called->user);
        return;
    }
    GString *uri = g_string_new (NULL);
    if (target->user.len_bytes > 0 || called->user[0] == '\0') {
        g_string_append_len (uri, target->whole.text, (gssize) target->whole.len_bytes);
    } else {
        g_string_append (uri, target->scheme == SIP_SCHEME_SIPS || must_be_secure (leg) ? "sips:"
                                                                                        : "sip:");
        sip_escape_user (uri, called->user);
        if (called->digits[0] != '\0' && parameters != NULL) {
            g_string_append (uri, parameters);
        }
        g_string_append_c (uri, '@');
        g_string_append_len (
            uri, target->host.text,
            (gssize) (target->whole.text + target->whole.len_bytes - target->host.text));
    }
    leg->request_uri = g_string_free (uri, FALSE);
    leg->to = g_strconcat ("<", leg->request_uri, ">", NULL);
    leg->is_sips = g_str_has_prefix (leg->request_uri, "sips:"); /* RFC 3261 8.1.1.8 */
}

static void
write_call_id (SipLeg *leg)
{
    char tag[SIP_TAG_SIZE];

    sip_stack_make_tag (&leg->lane->stack, tag);
    leg->call_id = g_strconcat (tag, leg->local_tag, NULL);
    td_channel_set_peer_id (leg->channel, leg->call_id);
}

static void
fail_new (SipLeg *leg, unsigned cause_value, const char *text)
{
    TdCause cause = td_cause (cause_value, text);

    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_FAILURE, &cause);
}

static void
place (SipLeg *leg)
{
    char peer[TD_ADDRESS_TEXT_SIZE];

    if (must_be_secure (leg) && leg->path.transport != TD_TRANSPORT_TLS) {
        fail_new (leg, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "A sips call does not go in the clear");
        return;
    }
    if (sip_overload_spares (leg->lane->sip->overload, &leg->path.remote,
                             td_channel_priority (leg->channel)->priority_class)) {
        td_metric_add (leg->lane->sip->spared, 1);
        fail_new (leg, TD_CAUSE_CONGESTION, "Peer asks for fewer calls");
        return;
    }
    sip_leg_classify (leg);
    leg->origin = leg->path.remote;
    td_channel_set_peer_address (leg->channel, td_address_print (&leg->path.remote, peer));
    write_from (leg, sip_transport_listener (leg->lane->sip, &leg->path)->host);
    write_call_id (leg);
    leg->cseq = 1;
    leg->has_offered = td_channel_offer (leg->channel) != NULL;
    sip_marks_place (leg);
    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_PLACED, NULL);
    send_invite (leg);
}

/* A name is being looked for; the channel may end meanwhile. */
typedef struct {
    TdId channel;
    TdTransport transport;
    const SipWish *wish;
} Search;

static void
resolved (const TdAddress *address, void *data)
{
    g_autofree Search *search = data;
    TdChannel *channel = td_channel_find (search->channel);
    SipLeg *leg = channel != NULL ? sip_leg_of (channel) : NULL;

    if (leg == NULL || td_fsm_state (&leg->fsm) != SIP_LEG_NEW) {
        return;
    }
    if (address == NULL
        || !sip_transport_path (leg->lane->sip, search->transport, address, &leg->path)) {
        fail_new (leg, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "Peer's name has no address");
        return;
    }
    leg->path.wish = search->wish;
    place (leg);
}

/* Where a registered contact is reached: "received" and "flow" behind the target, as
 * iface/registrar.h has them. False when there is neither. */
static bool
received_path (Sip *sip, const SipNameAddr *target, SipPath *path)
{
    char address_text[TD_ADDRESS_TEXT_SIZE];
    TdTransport transport;
    TdAddress address;
    SipView received, flow;
    uint64_t number;

    if (!sip_param_find (target->params, "received", &received) || received.len_bytes < 4) {
        return false;
    }
    transport = g_ascii_strncasecmp (received.text, "tls:", 4) == 0   ? TD_TRANSPORT_TLS
                : g_ascii_strncasecmp (received.text, "tcp:", 4) == 0 ? TD_TRANSPORT_TCP
                                                                      : TD_TRANSPORT_UDP;
    received = sip_view_span (received.text + 4, received.text + received.len_bytes);
    if (!sip_view_copy (received, address_text, sizeof address_text)
        || !td_address_parse (address_text, 5060, &address)
        || !sip_transport_path (sip, transport, &address, path)) {
        return false;
    }
    if (transport != TD_TRANSPORT_UDP && sip_param_find (target->params, "flow", &flow)
        && sip_view_number (flow, UINT64_MAX, &number)) {
        path->flow = number;
    }
    return true;
}

/* Finds out where the request goes, and places the leg, at once or when a name is resolved. */
static void
find_way (SipLeg *leg, const SipNameAddr *target, const SipUri *uri)
{
    Search search = { .channel = td_channel_id (leg->channel) };
    Sip *sip = leg->lane->sip;
    TdAddress address;

    if (received_path (sip, target, &leg->path)) {
        leg->is_pinned = true;
        place (leg);
        return;
    }
    bool is_numeric = sip_transport_numeric (uri, &search.transport, &address);
    if (search.transport == TD_TRANSPORT_TLS) {
        search.wish =
            sip_wish (sip, sip_trunks_by_name (sip, td_channel_trunk (leg->channel)), uri->host);
    }
    if (!is_numeric) {
        g_autofree char *host = sip_view_dup (uri->host);
        sip_resolve (leg->lane, host, sip_transport_port (uri),
                     td_channel_priority (leg->channel)->priority_class, resolved,
                     g_memdup2 (&search, sizeof search));
    } else if (!sip_transport_path (sip, search.transport, &address, &leg->path)) {
        fail_new (leg, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "No listener for this transport");
    } else {
        leg->path.wish = search.wish;
        place (leg);
    }
}

void
sip_uac_originate (TdChannel *channel)
{
    Sip *sip = td_module_state (td_channel_module (channel));
    SipLeg *leg = sip_leg_new (&sip->lanes[td_lane_index (td_lane_current ())], false);
    SipView text = sip_view_of (td_channel_target (channel));
    SipNameAddr target = { .uri = text };
    SipUri uri;

    leg->channel = channel;
    td_channel_set_data (channel, leg);
    if ((text.text[0] == '<' && sip_name_addr_scan (text, &target) != NULL)
        || sip_uri_scan (target.uri, &uri) != NULL || uri.host.len_bytes == 0) {
        fail_new (leg, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "Target is no SIP URI");
        return;
    }
    if (!sip_transport_can (&uri)) { /* never in the clear instead: RFC 3261 26.2.2 */
        fail_new (leg, TD_CAUSE_NO_ROUTE_TO_DESTINATION, "No listener for this transport");
        return;
    }
    write_request_uri (leg, &uri);
    find_way (leg, &target, &uri);
}

/* --- Responses --------------------------------------------------------------------------- */

static SipFork *
find_fork (SipLeg *leg, const SipScan *response, unsigned *ret_early_id)
{
    for (unsigned i = 0; i < leg->n_forks; i++) {
        if (sip_view_is (response->to_tag, leg->forks[i]->dialog.remote_tag)) {
            *ret_early_id = i + 1;
            return leg->forks[i];
        }
    }
    return NULL;
}

/* The early dialog of RESPONSE, a new one where there is none; NULL when it makes none, or there are
 * too many. */
static SipFork *
fork_of (SipLeg *leg, const SipScan *response, unsigned *ret_early_id)
{
    SipFork *fork = find_fork (leg, response, ret_early_id);
    unsigned n_places = response->status < 200 ? SIP_MAX_FORKS : SIP_MAX_FORKS + 1;
    SipDialog dialog;

    *ret_early_id = fork != NULL ? *ret_early_id : 0;
    if (fork != NULL || leg->n_forks >= n_places || !sip_dialog_init_uac (&dialog, response)) {
        return fork;
    }
    fork = g_new0 (SipFork, 1);
    fork->dialog = dialog;
    leg->forks[leg->n_forks++] = fork;
    *ret_early_id = leg->n_forks;
    return fork;
}

static void
take_provisional (SipLeg *leg, const SipScan *response)
{
    g_autofree char *why = NULL;
    g_autoptr (TdDescription) description = NULL;
    unsigned early_id = 0;

    if (response->status == 100) {
        td_channel_proceeding (leg->channel);
        return;
    }
    SipFork *fork = fork_of (leg, response, &early_id);
    SipPrack prack = sip_prack_take (leg, early_id, response);
    if (prack == SIP_PRACK_DISCARDED) {
        return;
    }
    bool is_settled = fork != NULL && fork->is_settled;
    description = leg->has_offered && !is_settled ? sip_leg_description (response, &why) : NULL;
    if (fork != NULL && description != NULL) {
        g_clear_pointer (&fork->description, td_description_unref);
        fork->description = td_description_ref (description);
        fork->is_settled = prack == SIP_PRACK_SENT;
    }
    if (response->status == 180) {
        td_channel_ringing (leg->channel, early_id, description);
    } else if (description != NULL || response->status / 10 == 18) {
        td_channel_progressed (leg->channel, early_id, description);
    } else {
        td_channel_proceeding (leg->channel);
    }
}

/* The peer's answer to our offer: in this response, or in an earlier one of the same dialog. What comes
 * after the answer is none (RFC 3261 13.2.1). */
static TdDescription *
answer_of (const SipFork *fork, const SipScan *response)
{
    g_autofree char *why = NULL;
    TdDescription *description = fork->is_settled ? NULL : sip_leg_description (response, &why);

    if (description == NULL && why == NULL && fork->description != NULL) {
        return td_description_ref (fork->description);
    }
    return description;
}

/* The dialog of the first 2xx becomes the leg's. */
static bool
adopt_dialog (SipLeg *leg, SipFork *fork, const SipScan *response)
{
    if (fork == NULL) {
        return false;
    }
    leg->winner = fork;
    sip_dialog_confirm_uac (&fork->dialog, response);
    leg->dialog = fork->dialog;
    fork->dialog = (SipDialog){ 0 };
    leg->dialog.local_cseq = MAX (leg->dialog.local_cseq, leg->cseq); /* PRACKs have theirs */
    leg->peer_has_info = !sip_scan_has (response, SIP_HEADER_ALLOW)
                         || sip_scan_lists (response, SIP_HEADER_ALLOW, "INFO");
    sip_leg_update_path (leg, &leg->dialog);
    return true;
}

/* What only placing the leg needed; of the forks only the winner's place in the list is left. */
static void
forget_placing (SipLeg *leg)
{
    g_clear_pointer (&leg->request_uri, g_free);
    g_clear_pointer (&leg->from, g_free);
    g_clear_pointer (&leg->to, g_free);
    g_clear_pointer (&leg->call_id, g_free);
    for (unsigned i = 0; i < leg->n_forks; i++) {
        sip_dialog_clear (&leg->forks[i]->dialog);
        g_clear_pointer (&leg->forks[i]->description, td_description_unref);
        g_free (leg->forks[i]);
    }
    leg->n_forks = 0;
    leg->winner = NULL;
}

/* RFC 3261 12.1.1: a 2xx has a Contact. Without one the peer cannot be reached for the length of a
 * call, but what it takes for one is ended along the way the INVITE went. */
static void
end_without_contact (SipLeg *leg)
{
    TdCause cause = td_cause (TD_CAUSE_PROTOCOL_ERROR, "2xx without a Contact");
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_log_peer (leg->lane->sip->module, "sip.no-contact",
                 td_address_print (&leg->path.remote, peer), NULL,
                 "2xx to INVITE without a usable Contact, Call-ID %s: acknowledged and ended with "
                 "BYE to %s",
                 leg->dialog.call_id, leg->dialog.target);
    sip_leg_send_ack (leg, &leg->dialog, leg->cseq, NULL);
    sip_leg_abandon (leg, &cause);
}

static void
take_answer (SipLeg *leg, const SipScan *response)
{
    unsigned early_id = 0;
    SipFork *fork = fork_of (leg, response, &early_id);
    g_autoptr (TdDescription) description = fork != NULL ? answer_of (fork, response) : NULL;
    TdCause cause = td_cause (TD_CAUSE_PROTOCOL_ERROR, "2xx without a usable description");

    if (!adopt_dialog (leg, fork, response)) {
        cause = td_cause (TD_CAUSE_PROTOCOL_ERROR, "2xx that makes no dialog");
        sip_leg_gone (leg, &cause);
        return;
    }
    forget_placing (leg);
    if (leg->dialog.is_target_guessed) {
        end_without_contact (leg);
        return;
    }
    if (!leg->has_offered && description != NULL) {
        leg->ack_cseq = leg->cseq;
        td_fsm_enter (&leg->fsm, SIP_LEG_ACCEPTING);
        td_channel_answered (leg->channel, early_id, description);
        return;
    }
    sip_leg_send_ack (leg, &leg->dialog, leg->cseq, NULL);
    if (leg->has_offered && description == NULL) {
        sip_leg_abandon (leg, &cause);
        return;
    }
    td_fsm_enter (&leg->fsm, SIP_LEG_TALKING);
    td_channel_answered (leg->channel, early_id, description);
}

/* With credentials (RFC 3261 22.2), or with other marks (RFC 4412 4.7.1). */
static bool
try_again (SipLeg *leg, const SipScan *response)
{
    if (sip_leg_answer_challenge (leg, response, "INVITE", leg->request_uri, leg->has_tried)) {
        leg->has_tried = true;
    } else if (!sip_marks_try_others (leg, response)) {
        return false;
    }
    leg->cseq++;
    sip_transaction_orphan (leg->invite);
    send_invite (leg);
    return true;
}

/* Everything that comes back for our INVITE. */
static void
client_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    SipLeg *leg = data;
    unsigned state = td_fsm_state (&leg->fsm);
    TdCause cause;

    if (response->status < 200) {
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_PROVISIONAL, (void *) (uintptr_t) response);
    } else if (response->status < 300) {
        if (leg->dialog.call_id == NULL) {
            td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_SUCCESS, (void *) (uintptr_t) response);
        } else if (!sip_dialog_is_of (&leg->dialog, response)) {
            sip_late_dismiss (leg->lane, response, &transaction->path, leg->is_pinned,
                              leg->credentials, false);
        } else if (leg->ack != NULL
                   && leg->acked_cseq
                          == response->cseq_number) { /* RFC 3261 13.2.2.4: an ACK for each */
            sip_transport_send (&leg->path, leg->ack, leg->ack_len_bytes, leg->lane);
        }
    } else if (state != SIP_LEG_CALLING || !try_again (leg, response)) {
        cause = sip_cause_of_response (response);
        sip_redirect_take (leg, response, &cause);
        sip_retry_after_take (leg, response);
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_FAILURE, &cause);
    }
}

static void
client_failed (SipTransaction *transaction, SipFailure failure, void *data)
{
    SipLeg *leg = data;
    TdCause cause = failure == SIP_FAILURE_TIMEOUT
                        ? td_cause (TD_CAUSE_NO_USER_RESPONDING, "No response to INVITE")
                        : td_cause (TD_CAUSE_DESTINATION_OUT_OF_ORDER, "INVITE cannot be sent");

    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_FAILURE, &cause);
}

static void
client_ended (SipTransaction *transaction, void *data)
{
    SipLeg *leg = data;

    if (leg->invite == transaction) {
        leg->invite = NULL;
        if (leg->offer_out == NULL) { /* no 2xx can come any more that asks for it */
            g_clear_pointer (&leg->ack, g_free);
        }
    }
}

static const SipUser client_user = { client_response, client_failed, client_ended };

/* RFC 3326 2. */
static void
cancel (SipLeg *leg)
{
    g_autoptr (GString) lines = g_string_new (NULL);

    sip_cause_compose_for (leg, lines, &leg->cause);
    sip_client_cancel (leg->invite, lines->str);
}

/* --- States ------------------------------------------------------------------------------ */

void
sip_uac_calling (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;

    switch (event) {
    case SIP_LEG_EV_PROVISIONAL:
        take_provisional (leg, data);
        break;
    case SIP_LEG_EV_SUCCESS:
        take_answer (leg, data);
        break;
    case SIP_LEG_EV_FAILURE:
        sip_leg_gone (leg, data);
        break;
    case SIP_LEG_EV_RELEASE:
        leg->cause = *(const TdCause *) data;
        td_fsm_enter (&leg->fsm, SIP_LEG_CANCELLING);
        cancel (leg);
        break;
    default: /* a BYE before the answer: the final response will follow */
        break;
    }
}

/* The peer's offer is being answered. */
void
sip_uac_accepting (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;

    switch (event) {
    case SIP_LEG_EV_ACCEPT:
        sip_leg_send_ack (leg, &leg->dialog, leg->ack_cseq, data);
        td_fsm_enter (&leg->fsm, SIP_LEG_TALKING);
        break;
    case SIP_LEG_EV_RELEASE:
        sip_leg_send_ack (leg, &leg->dialog, leg->ack_cseq, NULL);
        sip_leg_close (leg, data);
        break;
    case SIP_LEG_EV_BYE:
        sip_leg_gone (leg, data);
        break;
    default:
        break;
    }
}

/* A 2xx may cross the CANCEL: then it is answered and ended (RFC 3261 9.1). */
void
sip_uac_cancelling (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;
    TdCause cause = leg->cause;

    if (event == SIP_LEG_EV_FAILURE) {
        sip_leg_gone (leg, &cause);
    } else if (event == SIP_LEG_EV_SUCCESS) {
        unsigned early_id;
        if (!adopt_dialog (leg, fork_of (leg, data, &early_id), data)) {
            sip_leg_gone (leg, &cause);
            return;
        }
        forget_placing (leg);
        sip_leg_send_ack (leg, &leg->dialog, leg->cseq, NULL);
        sip_leg_close (leg, &cause);
    }
}
