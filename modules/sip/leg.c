/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A leg: what incoming and outgoing ones have in common, and the table of their states. */

#include "leg.h"

#include "mime.h"

#include <tandem/log.h>

static void ok_expired (TdTimer *timer);

SipLeg *
sip_leg_new (SipLane *lane, bool is_incoming)
{
    SipLeg *leg = g_new0 (SipLeg, 1);

    leg->lane = lane;
    leg->is_incoming = is_incoming;
    leg->peer_has_info = true;
    sip_stack_make_tag (&lane->stack, leg->local_tag);
    sip_table_add (&lane->legs, &leg->link,
                   sip_view_hash (sip_view_of (leg->local_tag), lane->stack.secret));
    td_timer_init (&leg->ok_timer, lane->sip->module, ok_expired);
    sip_uas_init (leg);
    sip_offer_init (leg);
    td_fsm_init (&leg->fsm, lane->sip->module, &sip_leg_machine, leg);
    atomic_fetch_add (&lane->sip->n_legs, 1);
    return leg;
}

static void
free_forks (SipLeg *leg)
{
    for (unsigned i = 0; i < leg->n_forks; i++) {
        sip_dialog_clear (&leg->forks[i]->dialog);
        g_clear_pointer (&leg->forks[i]->description, td_description_unref);
        g_free (leg->forks[i]);
    }
    leg->n_forks = 0;
}

static void
orphan (SipTransaction *transaction)
{
    if (transaction != NULL) {
        sip_transaction_orphan (transaction);
    }
}

/* Nothing from the wire finds LEG any more. */
static void
let_go (SipLeg *leg)
{
    sip_table_remove (&leg->lane->legs, &leg->link);
    sip_leg_forget_ok (leg);
    sip_uas_clear (leg);
    sip_offer_clear (leg);
    if (leg->invite != NULL && !leg->is_incoming && !sip_client_is_refused (leg->invite)) {
        sip_late_take (leg, leg->invite);
    } else {
        orphan (leg->invite);
    }
    orphan (leg->bye);
    leg->invite = leg->bye = NULL;
}

void
sip_leg_free (void *data)
{
    SipLeg *leg = data;
    Sip *sip = leg->lane->sip;

    let_go (leg);
    td_fsm_clear (&leg->fsm);
    sip_reply_head_clear (&leg->head);
    sip_dialog_clear (&leg->dialog);
    free_forks (leg);
    g_free (leg->request_uri);
    g_free (leg->route);
    g_free (leg->from);
    g_free (leg->to);
    g_free (leg->call_id);
    g_free (leg->credentials);
    g_free (leg->marks);
    g_clear_pointer (&leg->identities, g_ptr_array_unref);
    g_free (leg->ack);
    g_free (leg);
    atomic_fetch_sub (&sip->n_legs, 1);
}

SipLeg *
sip_leg_of (TdChannel *channel)
{
    return td_channel_data (channel);
}

static bool
has_dialog (const SipLeg *leg, const SipScan *request)
{
    if (leg->dialog.call_id != NULL) {
        return sip_dialog_is_of (&leg->dialog, request);
    }
    for (unsigned i = 0; i < leg->n_forks; i++) {
        if (sip_dialog_is_of (&leg->forks[i]->dialog, request)) {
            return true;
        }
    }
    return false;
}

SipLeg *
sip_leg_find (SipLane *lane, const SipScan *request)
{
    SipLink *link =
        sip_table_first (&lane->legs, sip_view_hash (request->to_tag, lane->stack.secret));

    for (; link != NULL; link = sip_table_next (link)) {
        SipLeg *leg = (SipLeg *) link;
        if (sip_view_is (request->to_tag, leg->local_tag) && has_dialog (leg, request)) {
            return leg;
        }
    }
    return NULL;
}

/* For whoever asks for a call that is over: which messages were its. */
static void
note_leg (const SipLeg *leg)
{
    TdId call = td_channel_call_id (leg->channel);

    if (leg->lane->ring != NULL && call != TD_ID_NONE) {
        sip_ring_note (leg->lane->ring, sip_view_of (td_channel_peer_id (leg->channel)), call,
                       leg->is_incoming, td_channel_priority (leg->channel)->priority_class);
    }
}

void
sip_leg_gone (SipLeg *leg, const TdCause *cause)
{
    td_fsm_enter (&leg->fsm, SIP_LEG_GONE);
    note_leg (leg);
    let_go (leg);
    td_channel_released (leg->channel, cause);
}

/* --- Bodies and common header fields ----------------------------------------------------- */

TdDescription *
sip_leg_description (const SipScan *scan, char **ret_why)
{
    g_autoptr (GError) error = NULL;
    SipPart part;

    if (scan->body.len_bytes == 0
        || !sip_mime_find (scan->content_type, scan->body, "application/sdp", &part)) {
        return NULL;
    }
    TdDescription *description =
        td_description_from_sdp (part.body.text, part.body.len_bytes, &error);
    if (description == NULL) {
        *ret_why = g_strdup (error->message);
    }
    return description;
}

void
sip_leg_compose_body (SipLeg *leg, GString *out, TdDescription *description)
{
    GString *sdp = leg->lane->stack.key; /* scratch, and nobody else's meanwhile */

    g_string_truncate (sdp, 0);
    if (description != NULL) {
        td_description_to_sdp (description, sdp);
    }
    sip_compose_end (out, "application/sdp", sdp->str, sdp->len);
}

void
sip_leg_compose_self (SipLeg *leg, GString *out)
{
    sip_transport_compose_self (leg->lane->sip, &leg->path, out, leg->is_incoming, leg->is_sips);
}

void
sip_dialog_find_path (Sip *sip, const SipDialog *dialog, bool is_pinned, SipPath *path)
{
    TdTransport transport;
    TdAddress address;
    SipPath found;
    SipUri uri;

    if ((is_pinned && dialog->hop == NULL)
        || sip_uri_scan (sip_view_of (sip_dialog_next_hop (dialog)), &uri) != NULL
        || !sip_transport_can (&uri) || !sip_transport_numeric (&uri, &transport, &address)) {
        return;
    }
    if (transport == path->transport && td_address_equal (&address, &path->remote)) {
        return; /* the same connection, the same listener */
    }
    if (!sip_transport_path (sip, transport, &address, &found)) {
        return;
    }
    if (transport == TD_TRANSPORT_TLS) {
        found.wish = path->wish != NULL ? path->wish : sip_wish (sip, NULL, uri.host);
    }
    /* A host that came to us over TLS has proved who it is on that connection: it is used on, though its
     * port is not the one that it says it listens on. */
    if (transport == TD_TRANSPORT_TLS && path->transport == TD_TRANSPORT_TLS
        && td_address_equal_host (&address, &path->remote)) {
        found.flow = path->flow;
        found.listener = path->listener;
    }
    found.priority_class = path->priority_class;
    *path = found;
}

/* What is under way already goes on as it is. */
void
sip_leg_classify (SipLeg *leg)
{
    uint8_t priority_class = td_channel_priority (leg->channel)->priority_class;

    leg->path.priority_class = leg->ok_path.priority_class = priority_class;
    if (leg->invite != NULL) {
        leg->invite->path.priority_class = priority_class;
    }
    if (leg->offer_in != NULL) {
        leg->offer_in->path.priority_class = priority_class;
    }
}

void
sip_leg_update_path (SipLeg *leg, const SipDialog *dialog)
{
    sip_dialog_find_path (leg->lane->sip, dialog, leg->is_pinned, &leg->path);
}

/* --- Requests of ours in a dialog -------------------------------------------------------- */

void
sip_leg_send_ack (SipLeg *leg, SipDialog *dialog, uint32_t cseq, TdDescription *description)
{
    SipLane *lane = leg->lane;
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE];

    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, dialog, "ACK", cseq, leg->path.transport,
                        sip_transport_listener (lane->sip, &leg->path)->host, branch);
    if (leg->credentials != NULL) {
        g_string_append (out, leg->credentials); /* RFC 3261 22.1: the same as in the INVITE */
    }
    sip_marks_compose_inside (leg, out);
    sip_leg_compose_body (leg, out, description);
    g_free (leg->ack);
    leg->ack = g_memdup2 (out->str, out->len);
    leg->ack_len_bytes = out->len;
    leg->acked_cseq = cseq;
    sip_transport_send (&leg->path, out->str, out->len, lane);
}

void
sip_leg_send_bye (SipLeg *leg, SipDialog *dialog, const TdCause *cause, const SipUser *user)
{
    SipLane *lane = leg->lane;
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE];

    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, dialog, "BYE", ++dialog->local_cseq, leg->path.transport,
                        sip_transport_listener (lane->sip, &leg->path)->host, branch);
    if (leg->has_tried_bye && leg->credentials != NULL) { /* made for this BYE */
        g_string_append (out, leg->credentials);
    }
    sip_cause_compose_for (leg, out, cause);
    sip_marks_compose_inside (leg, out);
    sip_compose_end (out, NULL, NULL, 0);
    SipTransaction *transaction =
        sip_client_start (&lane->stack, SIP_METHOD_BYE, branch, &leg->path, out->str, out->len,
                          user, user != NULL ? leg : NULL);
    if (user != NULL) {
        leg->bye = transaction;
    }
}

const char *
sip_leg_request_uri (const SipLeg *leg)
{
    return leg->dialog.uri != NULL ? leg->dialog.uri : leg->dialog.target;
}

bool
sip_leg_answer_challenge (SipLeg *leg, const SipScan *response, const char *method, const char *uri,
                          bool has_tried)
{
    const SipTrunk *trunk = sip_trunks_by_name (leg->lane->sip, td_channel_trunk (leg->channel));
    g_autoptr (GString) line = g_string_new (NULL);
    char cnonce[SIP_TAG_SIZE];
    SipMessage message;

    if (trunk == NULL || trunk->username[0] == '\0'
        || (response->status != 401 && response->status != 407)) {
        return false;
    }
    SipCredentials credentials = { trunk->username, trunk->password };
    sip_stack_make_tag (&leg->lane->stack, cnonce);
    sip_message_init (&message, response);
    bool is_answered =
        sip_auth_answer (line, &message, &credentials, method, uri, cnonce, has_tried);
    sip_message_clear (&message);
    if (is_answered) {
        g_free (leg->credentials);
        leg->credentials = g_strdup (line->str);
    }
    return is_answered;
}

static const SipUser bye_user;

static void
bye_answered (SipTransaction *transaction, const SipScan *response, void *data)
{
    SipLeg *leg = data;

    if (response->status < 200) {
        return;
    }
    if (!leg->has_tried_bye
        && sip_leg_answer_challenge (leg, response, "BYE", sip_leg_request_uri (leg), false)) {
        leg->has_tried_bye = true;
        sip_transaction_orphan (transaction);
        sip_leg_send_bye (leg, &leg->dialog, &leg->cause, &bye_user);
        return;
    }
    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_CLOSED, NULL);
}

static void
bye_failed (SipTransaction *transaction, SipFailure failure, void *data)
{
    SipLeg *leg = data;

    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_CLOSED, NULL);
}

static void
bye_ended (SipTransaction *transaction, void *data)
{
    SipLeg *leg = data;

    if (leg->bye == transaction) {
        leg->bye = NULL;
    }
}

static const SipUser bye_user = { bye_answered, bye_failed, bye_ended };

void
sip_leg_close (SipLeg *leg, const TdCause *cause)
{
    leg->cause = *cause;
    sip_leg_forget_ok (leg);
    sip_offer_clear (leg);
    td_fsm_enter (&leg->fsm, SIP_LEG_CLOSING);
    sip_leg_send_bye (leg, &leg->dialog, cause, &bye_user);
}

void
sip_leg_abandon (SipLeg *leg, const TdCause *cause)
{
    sip_offer_clear (leg);
    sip_leg_send_bye (leg, &leg->dialog, cause, NULL);
    sip_leg_gone (leg, cause);
}

/* --- A 2xx of ours until its ACK --------------------------------------------------------- */

void
sip_leg_keep_ok (SipLeg *leg, const GString *out, const SipPath *path, uint32_t cseq)
{
    sip_leg_forget_ok (leg);
    leg->ok = g_memdup2 (out->str, out->len);
    leg->ok_len_bytes = out->len;
    leg->ok_path = *path;
    leg->ok_cseq = cseq;
    leg->ok_since_us = td_clock_now_us ();
    leg->ok_interval_ms = leg->lane->stack.timers.t1_ms;
    td_timer_start (&leg->ok_timer, leg->ok_interval_ms);
}

void
sip_leg_forget_ok (SipLeg *leg)
{
    td_timer_stop (&leg->ok_timer);
    g_clear_pointer (&leg->ok, g_free);
}

/* RFC 3261 13.3.1.4: after T1, 2*T1 ... T2, whatever the transport, for 64*T1. */
static void
ok_expired (TdTimer *timer)
{
    SipLeg *leg = (SipLeg *) ((char *) timer - offsetof (SipLeg, ok_timer));
    const SipTimers *timers = &leg->lane->stack.timers;

    int64_t left_ms = 64 * (int64_t) timers->t1_ms - (td_clock_now_us () - leg->ok_since_us) / 1000;

    if (left_ms <= 0) {
        sip_leg_forget_ok (leg);
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_ACK_LOST, NULL);
        return;
    }
    leg->lane->stack.n_retransmitted++;
    leg->ok_interval_ms = MIN (leg->ok_interval_ms * 2, timers->t2_ms);
    td_timer_start (&leg->ok_timer, (uint32_t) MIN (leg->ok_interval_ms, left_ms));
    sip_transport_send (&leg->ok_path, leg->ok, leg->ok_len_bytes, leg->lane);
}

void
sip_leg_take_ack (SipLeg *leg, const SipScan *ack)
{
    if (leg->ok == NULL || ack->cseq_number != leg->ok_cseq) {
        return; /* of an older one, or once more */
    }
    sip_leg_forget_ok (leg);
    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_ACKED, (void *) (uintptr_t) ack);
}

/* --- Requests of the peer in the dialog -------------------------------------------------- */

static void
take_bye (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    TdCause cause = td_cause (TD_CAUSE_NORMAL_CLEARING, NULL);

    sip_cause_of_reason (request, &cause);
    sip_answer_simple (leg->lane, request, packet, 200, NULL, NULL);
    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_BYE, &cause);
}

/* "Signal=5" and "Duration=160" of application/dtmf-relay; application/dtmf is the digit alone. */
static bool
read_digit (const SipScan *request, char *ret_digit, uint32_t *ret_duration_ms)
{
    SipView type = sip_mime_type (request->content_type), rest = request->body, line;
    uint64_t duration_ms;

    *ret_digit = '\0';
    *ret_duration_ms = 100;
    if (sip_view_is_nocase (type, "application/dtmf")) {
        line = sip_view_trim (request->body);
        *ret_digit = line.len_bytes > 0 ? line.text[0] : '\0';
    } else if (!sip_view_is_nocase (type, "application/dtmf-relay")) {
        return false;
    }
    while (sip_view_split (&rest, '\n', &line)) {
        const char *equals = memchr (line.text, '=', line.len_bytes);
        if (equals == NULL) {
            continue;
        }
        SipView name = sip_view_trim (sip_view_span (line.text, equals));
        SipView value = sip_view_trim (sip_view_span (equals + 1, line.text + line.len_bytes));
        if (sip_view_is_nocase (name, "Signal") && value.len_bytes > 0) {
            *ret_digit = value.text[0];
        } else if (sip_view_is_nocase (name, "Duration")
                   && sip_view_number (value, 60000, &duration_ms)) {
            *ret_duration_ms = (uint32_t) duration_ms;
        }
    }
    return true;
}

static void
take_info (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    uint32_t duration_ms;
    char digit;

    if (request->body.len_bytes == 0) {
        sip_answer_simple (leg->lane, request, packet, 200, NULL, NULL);
    } else if (!read_digit (request, &digit, &duration_ms)) {
        sip_answer_simple (leg->lane, request, packet, 415, NULL,
                           "Accept: application/dtmf-relay, application/dtmf\r\n");
    } else if (digit == '\0' || strchr ("0123456789*#ABCDabcd", digit) == NULL) {
        sip_answer_simple (leg->lane, request, packet, 400, "INFO with a signal that is no digit",
                           NULL);
    } else {
        sip_answer_simple (leg->lane, request, packet, 200, NULL, NULL);
        td_channel_digit (leg->channel, g_ascii_toupper (digit), duration_ms);
    }
}

SipDialog *
sip_leg_dialog_of (SipLeg *leg, const SipScan *request)
{
    for (unsigned i = 0; i < leg->n_forks; i++) {
        if (sip_dialog_is_of (&leg->forks[i]->dialog, request)) {
            return &leg->forks[i]->dialog;
        }
    }
    return &leg->dialog;
}

bool
sip_leg_take_cseq (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    if (!sip_dialog_take_cseq (sip_leg_dialog_of (leg, request), request)) {
        sip_answer_simple (leg->lane, request, packet, 500, "CSeq out of order", NULL);
        return false;
    }
    return true;
}

void
sip_leg_take_request (SipLeg *leg, const SipScan *request, const TdPacket *packet)
{
    switch (request->method) {
    case SIP_METHOD_BYE:
        take_bye (leg, request, packet);
        break;
    case SIP_METHOD_INVITE:
    case SIP_METHOD_UPDATE:
        sip_offer_receive (leg, request, packet);
        break;
    case SIP_METHOD_INFO:
        take_info (leg, request, packet);
        break;
    case SIP_METHOD_PRACK:
        sip_reliable_take_prack (leg, request, packet);
        break;
    default: /* dispatch.c has let nothing else through */
        sip_answer_simple (leg->lane, request, packet, 405, NULL, "Allow: " SIP_ALLOW "\r\n");
        break;
    }
}

/* --- The table --------------------------------------------------------------------------- */

static void
new_action (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;

    switch (event) {
    case SIP_LEG_EV_INVITED:
        td_fsm_enter (&leg->fsm, SIP_LEG_OFFERED);
        break;
    case SIP_LEG_EV_PLACED:
        td_fsm_enter (&leg->fsm, SIP_LEG_CALLING);
        break;
    default: /* released before the peer's address was found, or there is none */
        sip_leg_gone (leg, data);
        break;
    }
}

static void
talking_action (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;
    TdCause cause;

    switch (event) {
    case SIP_LEG_EV_RELEASE:
        sip_leg_close (leg, data);
        break;
    case SIP_LEG_EV_BYE:
        sip_leg_gone (leg, data);
        break;
    case SIP_LEG_EV_FAILURE: /* a 481 or 408 within the dialog (RFC 3261 12.2.1.2) */
        sip_leg_abandon (leg, data);
        break;
    case SIP_LEG_EV_ACK_LOST: /* of a re-INVITE's 2xx (RFC 3261 13.3.1.4) */
        cause = td_cause (TD_CAUSE_RECOVERY_ON_TIMER, "No ACK");
        sip_leg_abandon (leg, &cause);
        break;
    case SIP_LEG_EV_ACKED:
        sip_offer_take_ack (leg, data);
        break;
    case SIP_LEG_EV_ACCEPT:
        sip_offer_accept (leg, data);
        break;
    default: /* a 2xx of the INVITE that came again was acknowledged in uac.c */
        break;
    }
}

static void
closing_action (void *self, unsigned event, void *data)
{
    SipLeg *leg = self;

    if (event == SIP_LEG_EV_CLOSED || event == SIP_LEG_EV_BYE) { /* they may meet */
        TdCause cause = leg->cause;
        sip_leg_gone (leg, &cause);
    }
}

/* What may come late in any answered state and means nothing there. */
#define LATE                                                                                       \
    (TD_BIT (SIP_LEG_EV_PROVISIONAL) | TD_BIT (SIP_LEG_EV_SUCCESS) | TD_BIT (SIP_LEG_EV_FAILURE)   \
     | TD_BIT (SIP_LEG_EV_CANCELLED) | TD_BIT (SIP_LEG_EV_ACKED) | TD_BIT (SIP_LEG_EV_ACK_LOST)    \
     | TD_BIT (SIP_LEG_EV_ACCEPT) | TD_BIT (SIP_LEG_EV_CLOSED))

static const TdState states[] = {
    [SIP_LEG_NEW] = { .name = "new",
                      .events = TD_BIT (SIP_LEG_EV_INVITED) | TD_BIT (SIP_LEG_EV_PLACED)
                                | TD_BIT (SIP_LEG_EV_RELEASE) | TD_BIT (SIP_LEG_EV_FAILURE),
                      .next = TD_BIT (SIP_LEG_OFFERED) | TD_BIT (SIP_LEG_CALLING)
                              | TD_BIT (SIP_LEG_GONE),
                      .action = new_action },
    [SIP_LEG_OFFERED] = { .name = "offered",
                          .events = TD_BIT (SIP_LEG_EV_EARLY) | TD_BIT (SIP_LEG_EV_ANSWER)
                                    | TD_BIT (SIP_LEG_EV_RELEASE) | TD_BIT (SIP_LEG_EV_CANCELLED)
                                    | TD_BIT (SIP_LEG_EV_BYE) | TD_BIT (SIP_LEG_EV_PRACK_LOST),
                          .next = TD_BIT (SIP_LEG_ANSWERED) | TD_BIT (SIP_LEG_GONE),
                          .action = sip_uas_offered },
    [SIP_LEG_ANSWERED] = { .name = "answered",
                           .events = TD_BIT (SIP_LEG_EV_RELEASE) | TD_BIT (SIP_LEG_EV_BYE) | LATE,
                           .next = TD_BIT (SIP_LEG_TALKING) | TD_BIT (SIP_LEG_CLOSING)
                                   | TD_BIT (SIP_LEG_GONE),
                           .action = sip_uas_answered },
    [SIP_LEG_CALLING] = { .name = "calling",
                          .events = TD_BIT (SIP_LEG_EV_PROVISIONAL) | TD_BIT (SIP_LEG_EV_SUCCESS)
                                    | TD_BIT (SIP_LEG_EV_FAILURE) | TD_BIT (SIP_LEG_EV_RELEASE)
                                    | TD_BIT (SIP_LEG_EV_BYE),
                          .next = TD_BIT (SIP_LEG_ACCEPTING) | TD_BIT (SIP_LEG_CANCELLING)
                                  | TD_BIT (SIP_LEG_TALKING) | TD_BIT (SIP_LEG_CLOSING)
                                  | TD_BIT (SIP_LEG_GONE),
                          .action = sip_uac_calling },
    [SIP_LEG_ACCEPTING] = { .name = "accepting",
                            .events = TD_BIT (SIP_LEG_EV_RELEASE) | TD_BIT (SIP_LEG_EV_BYE) | LATE,
                            .next = TD_BIT (SIP_LEG_TALKING) | TD_BIT (SIP_LEG_CLOSING)
                                    | TD_BIT (SIP_LEG_GONE),
                            .action = sip_uac_accepting },
    [SIP_LEG_CANCELLING] = { .name = "cancelling",
                             .events = TD_BIT (SIP_LEG_EV_PROVISIONAL) | TD_BIT (SIP_LEG_EV_SUCCESS)
                                       | TD_BIT (SIP_LEG_EV_FAILURE) | TD_BIT (SIP_LEG_EV_BYE),
                             .next = TD_BIT (SIP_LEG_CLOSING) | TD_BIT (SIP_LEG_GONE),
                             .action = sip_uac_cancelling },
    [SIP_LEG_TALKING] = { .name = "talking",
                          .events = TD_BIT (SIP_LEG_EV_RELEASE) | TD_BIT (SIP_LEG_EV_BYE) | LATE,
                          .next = TD_BIT (SIP_LEG_CLOSING) | TD_BIT (SIP_LEG_GONE),
                          .action = talking_action },
    [SIP_LEG_CLOSING] = { .name = "closing",
                          .events = TD_BIT (SIP_LEG_EV_BYE) | LATE,
                          .next = TD_BIT (SIP_LEG_GONE),
                          .action = closing_action },
    [SIP_LEG_GONE] = { .name = "gone" },
};

static const char *const event_names[SIP_LEG_N_EVENTS] = {
    [SIP_LEG_EV_INVITED] = "invited",
    [SIP_LEG_EV_PLACED] = "placed",
    [SIP_LEG_EV_EARLY] = "early",
    [SIP_LEG_EV_ANSWER] = "answer",
    [SIP_LEG_EV_ACCEPT] = "accept",
    [SIP_LEG_EV_RELEASE] = "release",
    [SIP_LEG_EV_CANCELLED] = "CANCEL",
    [SIP_LEG_EV_ACKED] = "ACK",
    [SIP_LEG_EV_ACK_LOST] = "no ACK",
    [SIP_LEG_EV_PROVISIONAL] = "1xx",
    [SIP_LEG_EV_SUCCESS] = "2xx",
    [SIP_LEG_EV_FAILURE] = "failure",
    [SIP_LEG_EV_BYE] = "BYE",
    [SIP_LEG_EV_CLOSED] = "BYE answered",
    [SIP_LEG_EV_PRACK_LOST] = "no PRACK",
};

const TdMachine sip_leg_machine = { "sip.leg",   "RFC 3261 12-15", states, G_N_ELEMENTS (states),
                                    event_names, SIP_LEG_N_EVENTS, NULL };
