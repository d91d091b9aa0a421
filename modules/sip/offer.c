/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offer and answer in an answered leg: re-INVITE both ways (RFC 3261 14), UPDATE (RFC 3311). */

#include "leg.h"

enum {
    MAX_GLARES = 3, /* then the offer counts as refused */
};

static void send_offer (SipLeg *leg);

/* --- The peer offers --------------------------------------------------------------------- */

static void
offer_in_ended (SipTransaction *transaction, void *data)
{
    ((SipLeg *) data)->offer_in = NULL;
}

static const SipUser server_user = { NULL, NULL, offer_in_ended };

/* Somewhere between 0 and 10 seconds (RFC 3261 14.2). */
static void
answer_busy (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    g_autofree char *line = g_strdup_printf ("Retry-After: %u\r\n", g_random_int_range (1, 10));

    sip_answer_simple (leg->lane, request, packet, 500, "Offer Pending", line);
}

/* Whether REQUEST must wait; then it has been answered (RFC 3261 14.2, RFC 3311 5.2). */
static bool
is_too_early (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    unsigned state = td_fsm_state (&leg->fsm);

    if (state == SIP_LEG_CLOSING || state == SIP_LEG_GONE) {
        sip_answer_simple (leg->lane, request, packet, 481, NULL, NULL);
    } else if (leg->is_offering || leg->is_ack_due || state == SIP_LEG_CALLING
               || state == SIP_LEG_ACCEPTING || state == SIP_LEG_CANCELLING) {
        sip_answer_simple (leg->lane, request, packet, 491, NULL, NULL);
    } else if (leg->offer_in != NULL || leg->ok != NULL || state == SIP_LEG_OFFERED) {
        answer_busy (leg, request, packet);
    } else {
        return false;
    }
    return true;
}

static void
begin_offer_in (SipLeg *leg, const SipScan *request, const TdPacket *packet, bool is_empty)
{
    SipLane *lane = leg->lane;
    SipPath path = sip_transport_reply_path (request, packet);
    SipView contact = sip_scan_header (request, SIP_HEADER_CONTACT);
    SipNameAddr addr;

    sip_reply_head_init (&leg->offer_head, request, &packet->remote, lane->sip->load);
    path.priority_class = leg->path.priority_class;
    leg->offer_in = sip_server_start (&lane->stack, request, &path, &server_user, leg);
    leg->offer_in_cseq = request->cseq_number;
    leg->offer_in_is_invite = request->method == SIP_METHOD_INVITE;
    leg->offer_in_is_empty = is_empty;
    g_clear_pointer (&leg->offer_target, g_free);
    if (contact.len_bytes > 0 && sip_name_addr_scan (contact, &addr) == NULL) {
        leg->offer_target = sip_view_dup (addr.uri);
    }
    if (leg->offer_in_is_invite) {
        sip_compose_response (lane->stack.out, &leg->offer_head, 100, NULL, NULL);
        sip_compose_end (lane->stack.out, NULL, NULL, 0);
        sip_server_respond (leg->offer_in, 100, lane->stack.out->str, lane->stack.out->len);
    }
}

/* An UPDATE without an offer says where its sender is; its 2xx says where we are (RFC 3311 5.1 and
 * table 1). */
static void
take_refresh (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    SipDialog *dialog = sip_leg_dialog_of (leg, request);
    g_autoptr (GString) lines = g_string_new (NULL);

    sip_dialog_refresh_target (dialog, request);
    if (dialog == &leg->dialog) {
        sip_leg_update_path (leg, dialog);
    }
    sip_leg_compose_self (leg, lines);
    sip_answer_simple (leg->lane, request, packet, 200, NULL, lines->str);
}

void
sip_offer_receive (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    g_autofree char *why = NULL;
    g_autoptr (TdDescription) description = sip_leg_description (request, &why);
    bool is_refresh = request->method == SIP_METHOD_UPDATE && description == NULL && why == NULL;

    if (is_refresh) {
        take_refresh (leg, request, packet);
        return;
    }
    if (is_too_early (leg, request, packet)) {
        return;
    }
    if (why != NULL) {
        sip_answer_simple (leg->lane, request, packet, 400, why, NULL);
        return;
    }
    begin_offer_in (leg, request, packet, description == NULL);
    td_channel_offered (leg->channel, description);
}

static void
forget_offer_in (SipLeg *leg)
{
    if (leg->offer_in != NULL) {
        sip_transaction_orphan (leg->offer_in);
        leg->offer_in = NULL;
    }
    sip_reply_head_clear (&leg->offer_head);
    g_clear_pointer (&leg->offer_target, g_free);
}

static void
respond_offer (SipLeg *leg, unsigned status, const char *reason, TdDescription *description)
{
    GString *out = leg->lane->stack.out;
    SipPath path = leg->offer_in->path;

    sip_compose_response (out, &leg->offer_head, status, reason, leg->local_tag);
    sip_leg_compose_self (leg, out);
    sip_leg_compose_body (leg, out, description);
    if (status < 300 && leg->offer_in_is_invite) {
        sip_leg_keep_ok (leg, out, &path, leg->offer_in_cseq);
        leg->ok_has_offer = leg->offer_in_is_empty;
    }
    sip_server_respond (leg->offer_in, status, out->str, out->len);
}

/* What has become of the offer in the 2xx that this ACK is for; and whether another offer waited for
 * it. */
void
sip_offer_take_ack (SipLeg *leg, const SipScan *ack)
{
    g_autofree char *why = NULL;
    bool is_answer = leg->ok_has_offer;

    leg->ok_has_offer = false;
    if (leg->is_offering && leg->offer_out == NULL && !td_timer_is_active (&leg->offer_timer)) {
        send_offer (leg);
    }
    if (is_answer) {
        g_autoptr (TdDescription) description = sip_leg_description (ack, &why);
        TdCause cause = td_cause (TD_CAUSE_INCOMPATIBLE_DESTINATION, "ACK without an answer");
        if (description != NULL) {
            td_channel_offer_answered (leg->channel, description);
        } else {
            td_channel_offer_refused (leg->channel, &cause);
        }
    }
}

/* --- We offer ---------------------------------------------------------------------------- */

static void
forget_offer_out (SipLeg *leg)
{
    if (leg->offer_out != NULL) {
        sip_transaction_orphan (leg->offer_out);
        leg->offer_out = NULL;
    }
}

static void
stop_offering (SipLeg *leg)
{
    leg->is_offering = false;
    leg->has_tried_offer = false;
    leg->n_glares = 0;
    g_clear_pointer (&leg->offer_description, td_description_unref);
}

static bool
take_amended (SipLeg *leg)
{
    bool is_amended = leg->is_amending;

    leg->is_amending = false;
    return is_amended;
}

static void
refused (SipLeg *leg, const TdCause *cause)
{
    stop_offering (leg);
    if (!take_amended (leg)) {
        td_channel_offer_refused (leg->channel, cause);
    }
}

static void
take_ok (SipLeg *leg, const SipScan *response)
{
    g_autofree char *why = NULL;
    g_autoptr (TdDescription) description = sip_leg_description (response, &why);
    TdCause cause = td_cause (TD_CAUSE_INCOMPATIBLE_DESTINATION, "2xx without a description");

    sip_dialog_refresh_target (&leg->dialog, response);
    sip_leg_update_path (leg, &leg->dialog);
    if (leg->is_offer_empty && description != NULL) {
        leg->is_ack_due = true;
        leg->ack_cseq = response->cseq_number;
        leg->peer_offer = td_description_ref (description);
        stop_offering (leg);
        td_channel_offer_answered (leg->channel, description);
        return;
    }
    sip_leg_send_ack (leg, &leg->dialog, response->cseq_number, NULL);
    if (description == NULL) {
        refused (leg, &cause);
        return;
    }
    stop_offering (leg);
    if (!take_amended (leg)) {
        td_channel_offer_answered (leg->channel, description);
    }
}

/* RFC 3261 14.1: whoever made the Call-ID waits for longer. */
static void
take_glare (SipLeg *leg, const TdCause *cause)
{
    int32_t delay_ms =
        leg->is_incoming ? g_random_int_range (0, 200) * 10 : g_random_int_range (210, 400) * 10;

    leg->has_tried_offer = false; /* what answered a challenge was for that request */
    if (++leg->n_glares > MAX_GLARES) {
        refused (leg, cause);
        return;
    }
    td_timer_start (&leg->offer_timer, (uint32_t) delay_ms);
}

static void
offer_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    SipLeg *leg = data;
    TdCause cause;

    if (response->status < 200) {
        return;
    }
    if (!leg->is_offering) { /* a 2xx again */
        if (leg->ack != NULL && leg->acked_cseq == response->cseq_number) {
            sip_transport_send (&leg->path, leg->ack, leg->ack_len_bytes, leg->lane);
        }
        return;
    }
    if (response->status < 300) {
        take_ok (leg, response);
        return;
    }
    sip_marks_hear_inside (leg, response);
    cause = sip_cause_of_response (response);
    if (response->status == 491) {
        take_glare (leg, &cause);
    } else if (!leg->has_tried_offer
               && sip_leg_answer_challenge (leg, response, "INVITE", sip_leg_request_uri (leg),
                                            false)) {
        leg->has_tried_offer = true;
        send_offer (leg);
    } else if (response->status == 408 || response->status == 481) {
        stop_offering (leg);
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_FAILURE, &cause);
    } else {
        refused (leg, &cause);
    }
}

static void
offer_failed (SipTransaction *transaction, SipFailure failure, void *data)
{
    SipLeg *leg = data;
    TdCause cause = td_cause (TD_CAUSE_RECOVERY_ON_TIMER, "No response to re-INVITE");

    if (leg->is_offering) {
        stop_offering (leg);
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_FAILURE, &cause); /* RFC 3261 12.2.1.2 */
    }
}

static void
offer_out_ended (SipTransaction *transaction, void *data)
{
    SipLeg *leg = data;

    if (leg->offer_out == transaction) {
        leg->offer_out = NULL;
        g_clear_pointer (&leg->ack, g_free);
    }
}

static const SipUser client_user = { offer_response, offer_failed, offer_out_ended };

static void
send_offer (SipLeg *leg)
{
    SipLane *lane = leg->lane;
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE];

    forget_offer_out (leg);
    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, &leg->dialog, "INVITE", ++leg->dialog.local_cseq, leg->path.transport,
                        sip_transport_listener (lane->sip, &leg->path)->host, branch);
    sip_leg_compose_self (leg, out);
    sip_marks_compose_again (leg, out);
    if (leg->has_tried_offer && leg->credentials != NULL) { /* made for this re-INVITE */
        g_string_append (out, leg->credentials);
    }
    sip_leg_compose_body (leg, out, leg->offer_description);
    leg->offer_out = sip_client_start (&lane->stack, SIP_METHOD_INVITE, branch, &leg->path,
                                       out->str, out->len, &client_user, leg);
}

static void
offer_expired (TdTimer *timer)
{
    send_offer ((SipLeg *) ((char *) timer - offsetof (SipLeg, offer_timer)));
}

/* RFC 3261 14.1: no re-INVITE while the INVITE before has not been acknowledged. */
void
sip_offer_send (SipLeg *leg, TdDescription *description)
{
    TdCause glare = { 0 };

    if (leg->is_offering || leg->offer_in != NULL || leg->is_ack_due) {
        td_channel_offer_refused (leg->channel, &glare);
        return;
    }
    leg->is_offering = true;
    leg->is_offer_empty = description == NULL;
    leg->offer_description = description != NULL ? td_description_ref (description) : NULL;
    if (leg->ok == NULL && td_fsm_state (&leg->fsm) == SIP_LEG_TALKING) {
        send_offer (leg);
    }
}

void
sip_offer_amend (SipLeg *leg, TdDescription *description)
{
    leg->is_amending = true;
    sip_offer_send (leg, description);
}

/* --- Verbs that end an exchange ---------------------------------------------------------- */

void
sip_offer_accept (SipLeg *leg, TdDescription *description)
{
    if (leg->is_ack_due) {
        leg->is_ack_due = false;
        g_clear_pointer (&leg->peer_offer, td_description_unref);
        sip_leg_send_ack (leg, &leg->dialog, leg->ack_cseq, description);
    } else if (leg->offer_in != NULL) {
        if (leg->offer_target != NULL) {
            g_free (leg->dialog.target);
            leg->dialog.target = g_steal_pointer (&leg->offer_target);
            sip_leg_update_path (leg, &leg->dialog);
        }
        respond_offer (leg, 200, NULL, description);
        forget_offer_in (leg);
    }
}

/* An ACK must bring one (RFC 3261 14.1, RFC 3264 6). */
TdDescription *
sip_offer_refuse_all (const TdDescription *offer)
{
    TdDescription *answer = td_description_copy (offer);

    for (unsigned i = 0; i < answer->n_streams; i++) {
        answer->streams[i].port = 0;
        answer->streams[i].direction = TD_DIRECTION_INACTIVE;
    }
    return answer;
}

static void
refuse_peer_offer (SipLeg *leg)
{
    g_autoptr (TdDescription) answer = sip_offer_refuse_all (leg->peer_offer);

    sip_offer_accept (leg, answer);
}

void
sip_offer_refuse (SipLeg *leg, const TdCause *cause)
{
    const char *reason = NULL;
    unsigned status = 491;

    if (leg->is_ack_due) {
        refuse_peer_offer (leg);
        return;
    }
    if (leg->offer_in == NULL) {
        return;
    }
    if (cause->value != TD_CAUSE_NONE) {
        status = sip_cause_to_status (cause, &reason);
        if (cause->space != TD_CODE_SIP) { /* whatever else it was: the call goes on as it is */
            status = 488;
            reason = NULL;
        }
    }
    respond_offer (leg, status, reason, NULL);
    forget_offer_in (leg);
}

void
sip_offer_init (SipLeg *leg)
{
    td_timer_init (&leg->offer_timer, leg->lane->sip->module, offer_expired);
}

void
sip_offer_clear (SipLeg *leg)
{
    td_timer_stop (&leg->offer_timer);
    if (leg->is_ack_due) { /* every 2xx is acknowledged (RFC 3261 13.2.2.4, 14.1) */
        refuse_peer_offer (leg);
    }
    if (leg->offer_in != NULL) { /* the dialog ends over it (RFC 3261 15.1.2) */
        respond_offer (leg, 487, NULL, NULL);
    }
    forget_offer_in (leg);
    forget_offer_out (leg);
    stop_offering (leg);
    leg->is_amending = false;
    g_clear_pointer (&leg->peer_offer, td_description_unref);
}
