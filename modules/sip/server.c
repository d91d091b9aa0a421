/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Server transactions (RFC 3261 17.2, RFC 6026 7.1). */

#include "transaction-inside.h"

enum {
    NEW,
    PROCEEDING,
    COMPLETED,
    TERMINATED,
    ACCEPTED,          /* INVITE only */
    CONFIRMED,         /* INVITE only */
    TRYING = ACCEPTED, /* other requests only */
};

/* A response on its way out. */
typedef struct {
    unsigned status;
    const char *bytes;
    size_t len_bytes;
} Response;

static bool
is_reliable (const SipTransaction *transaction)
{
    return transaction->path.transport != TD_TRANSPORT_UDP;
}

/* RFC 6026 8.8: a response that cannot be sent does not end the transaction. */
static void
send_kept (SipTransaction *transaction)
{
    if (!sip_transaction_send (transaction)) {
        sip_transaction_fail (transaction, SIP_FAILURE_TRANSPORT);
    }
}

static void
send_response (SipTransaction *transaction, const Response *response)
{
    sip_transaction_keep (transaction, response->bytes, response->len_bytes);
    transaction->last_status = (uint16_t) response->status;
    send_kept (transaction);
}

/* A 2xx is sent again by the user (RFC 3261 13.3.1.4): no copy is kept here. */
static void
send_success (SipTransaction *transaction, const Response *response)
{
    SipStack *stack = transaction->stack;

    transaction->last_status = (uint16_t) response->status;
    if (!stack->send (&transaction->path, response->bytes, response->len_bytes, stack->data)) {
        sip_transaction_fail (transaction, SIP_FAILURE_TRANSPORT);
    }
}

static void
repeat (SipTransaction *transaction)
{
    transaction->stack->n_repeated++;
    send_kept (transaction);
}

static void
new_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    td_fsm_enter (&transaction->fsm, transaction->role == SIP_SERVER_INVITE ? PROCEEDING : TRYING);
}

static void
invite_proceeding_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    switch (event) {
    case SIP_EV_REQUEST:
        repeat (transaction);
        break;
    case SIP_EV_PROVISIONAL:
        send_response (transaction, data);
        break;
    case SIP_EV_SUCCESS:
        td_fsm_enter (&transaction->fsm, ACCEPTED);
        g_clear_pointer (&transaction->last, g_free);
        send_success (transaction, data);
        break;
    case SIP_EV_FAILURE:
        td_fsm_enter (&transaction->fsm, COMPLETED);
        send_response (transaction, data);
        if (!is_reliable (transaction)) { /* timer G */
            transaction->interval_ms = transaction->stack->timers.t1_ms;
            td_timer_start (&transaction->retransmit, transaction->interval_ms);
        }
        break;
    default: /* an ACK before any response means nothing */
        break;
    }
}

static void
accepted_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    if (event == SIP_EV_SUCCESS) {
        send_success (transaction, data);
    } else if (event == SIP_EV_REQUEST) {
        transaction->stack->n_repeated++; /* absorbed: RFC 6026 7.1 */
    } else if (event == SIP_EV_LINGERED) {
        td_fsm_enter (&transaction->fsm, TERMINATED);
    }
}

static void
invite_completed_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;
    const SipTimers *timers = &transaction->stack->timers;

    switch (event) {
    case SIP_EV_REQUEST:
        repeat (transaction);
        break;
    case SIP_EV_REPEAT:
        transaction->stack->n_retransmitted++;
        transaction->interval_ms = MIN (transaction->interval_ms * 2, timers->t2_ms);
        td_timer_start (&transaction->retransmit, transaction->interval_ms);
        send_kept (transaction);
        break;
    case SIP_EV_ACK:
        td_fsm_enter (&transaction->fsm, CONFIRMED);
        break;
    case SIP_EV_NO_ACK: /* timer H: the ACK never came */
        sip_transaction_fail (transaction, SIP_FAILURE_TIMEOUT);
        td_fsm_enter (&transaction->fsm, TERMINATED);
        break;
    default: /* a second final response is the user's mistake and goes nowhere */
        break;
    }
}

static void
lingering_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    if (event == SIP_EV_LINGERED) {
        td_fsm_enter (&transaction->fsm, TERMINATED);
    } else if (event == SIP_EV_REQUEST && transaction->role == SIP_SERVER_OTHER) {
        repeat (transaction);
    }
}

/* Until there is a response, a request that comes again is discarded (RFC 3261 17.2.2). */
static void
other_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    if (event == SIP_EV_REQUEST) {
        transaction->stack->n_repeated++;
        if (transaction->last != NULL) {
            send_kept (transaction);
        }
        return;
    }
    if (event == SIP_EV_PROVISIONAL) {
        if (td_fsm_state (&transaction->fsm) == TRYING) {
            td_fsm_enter (&transaction->fsm, PROCEEDING);
        }
    } else {
        td_fsm_enter (&transaction->fsm, COMPLETED);
    }
    send_response (transaction, data);
}

static void
stop_retransmission (void *self)
{
    td_timer_stop (&((SipTransaction *) self)->retransmit);
}

static void
terminated (void *self)
{
    sip_transaction_retire (self);
}

/* RFC 3261 17.2.1, 17.2.2; RFC 6026 7.1. */
static uint32_t
timeout_ms (void *self, unsigned state)
{
    SipTransaction *transaction = self;
    const SipTimers *timers = &transaction->stack->timers;
    bool is_invite = transaction->role == SIP_SERVER_INVITE;

    switch (state) {
    case ACCEPTED:
        return is_invite ? 64 * timers->t1_ms : 0;
    case COMPLETED:
        /* "Zero seconds" is one grain of the wheel. */
        return is_invite || !is_reliable (transaction) ? 64 * timers->t1_ms : 1;
    case CONFIRMED:
        return is_reliable (transaction) ? 1 : timers->t4_ms;
    default:
        return 0;
    }
}

#define RESPONSES (TD_BIT (SIP_EV_PROVISIONAL) | TD_BIT (SIP_EV_SUCCESS) | TD_BIT (SIP_EV_FAILURE))

static const TdState invite_states[] = {
    [NEW] = { "new", TD_BIT (SIP_EV_START), TD_BIT (PROCEEDING), new_action, NULL, NULL, { 0 } },
    [PROCEEDING] = { "proceeding",
                     RESPONSES | TD_BIT (SIP_EV_REQUEST) | TD_BIT (SIP_EV_ACK),
                     TD_BIT (ACCEPTED) | TD_BIT (COMPLETED) | TD_BIT (TERMINATED),
                     invite_proceeding_action,
                     NULL,
                     NULL,
                     { 0 } },
    [ACCEPTED] = { "accepted",
                   RESPONSES | TD_BIT (SIP_EV_REQUEST) | TD_BIT (SIP_EV_LINGERED),
                   TD_BIT (TERMINATED),
                   accepted_action,
                   NULL,
                   NULL,
                   { "Timer L", "RFC 6026 7.1", 32000, SIP_EV_LINGERED } },
    [COMPLETED] = { "completed",
                    RESPONSES | TD_BIT (SIP_EV_REQUEST) | TD_BIT (SIP_EV_REPEAT)
                        | TD_BIT (SIP_EV_ACK) | TD_BIT (SIP_EV_NO_ACK),
                    TD_BIT (CONFIRMED) | TD_BIT (TERMINATED),
                    invite_completed_action,
                    NULL,
                    stop_retransmission,
                    { "Timer H", "RFC 3261 17.2.1", 32000, SIP_EV_NO_ACK } },
    [CONFIRMED] = { "confirmed",
                    RESPONSES | TD_BIT (SIP_EV_REQUEST) | TD_BIT (SIP_EV_ACK)
                        | TD_BIT (SIP_EV_LINGERED),
                    TD_BIT (TERMINATED),
                    lingering_action,
                    NULL,
                    NULL,
                    { "Timer I", "RFC 3261 17.2.1", 5000, SIP_EV_LINGERED } },
    [TERMINATED] = { "terminated", 0, 0, NULL, terminated, NULL, { 0 } },
};

static const TdState other_states[] = {
    [NEW] = { "new", TD_BIT (SIP_EV_START), TD_BIT (TRYING), new_action, NULL, NULL, { 0 } },
    [TRYING] = { "trying",
                 RESPONSES | TD_BIT (SIP_EV_REQUEST),
                 TD_BIT (PROCEEDING) | TD_BIT (COMPLETED) | TD_BIT (TERMINATED),
                 other_action,
                 NULL,
                 NULL,
                 { 0 } },
    [PROCEEDING] = { "proceeding",
                     RESPONSES | TD_BIT (SIP_EV_REQUEST),
                     TD_BIT (COMPLETED) | TD_BIT (TERMINATED),
                     other_action,
                     NULL,
                     NULL,
                     { 0 } },
    [COMPLETED] = { "completed",
                    RESPONSES | TD_BIT (SIP_EV_REQUEST) | TD_BIT (SIP_EV_LINGERED),
                    TD_BIT (TERMINATED),
                    lingering_action,
                    NULL,
                    NULL,
                    { "Timer J", "RFC 3261 17.2.2", 32000, SIP_EV_LINGERED } },
    [TERMINATED] = { "terminated", 0, 0, NULL, terminated, NULL, { 0 } },
};

static const char *const event_names[SIP_N_INVITE_SERVER_EVENTS] = {
    [SIP_EV_START] = "start",       [SIP_EV_PROVISIONAL] = "1xx",
    [SIP_EV_SUCCESS] = "2xx",       [SIP_EV_FAILURE] = "300-699",
    [SIP_EV_LINGERED] = "lingered", [SIP_EV_REQUEST] = "request again",
    [SIP_EV_ACK] = "ACK",           [SIP_EV_REPEAT] = "retransmit",
    [SIP_EV_NO_ACK] = "no ACK",
};

const TdMachine sip_invite_server = { "sip.invite-server", "RFC 3261 17.2.1, RFC 6026 7.1",
                                      invite_states,       G_N_ELEMENTS (invite_states),
                                      event_names,         SIP_N_INVITE_SERVER_EVENTS,
                                      timeout_ms };

const TdMachine sip_other_server = { "sip.non-invite-server",
                                     "RFC 3261 17.2.2",
                                     other_states,
                                     G_N_ELEMENTS (other_states),
                                     event_names,
                                     SIP_N_OTHER_SERVER_EVENTS,
                                     timeout_ms };

/* --- Matching ---------------------------------------------------------------------------- */

static void
append_part (GString *key, SipView part)
{
    g_string_append_len (key, part.text, (gssize) part.len_bytes);
    g_string_append_c (key, '\n'); /* stands in none of the parts */
}

/* What tells a request apart from others of the same method. RFC 3261 17.2.3: branch and sent-by;
 * without the cookie, as RFC 2543 had it, the fields that together identify the request. The To tag
 * is left out of these: an ACK has one where its INVITE had none. */
static SipView
make_key (SipStack *stack, const SipScan *scan)
{
    GString *key = stack->key;

    g_string_truncate (key, 0);
    if (scan->via.branch.len_bytes > 7
        && g_ascii_strncasecmp (scan->via.branch.text, "z9hG4bK", 7) == 0) {
        append_part (key, scan->via.branch);
        append_part (key, scan->via.host);
        for (size_t i = key->len - scan->via.host.len_bytes - 1; i < key->len; i++) {
            key->str[i] = g_ascii_tolower (key->str[i]);
        }
    } else {
        append_part (key, scan->request_uri);
        append_part (key, scan->from_tag);
        append_part (key, scan->call_id);
        append_part (key, (SipView){ (const char *) &scan->cseq_number, sizeof (uint32_t) });
        append_part (key, scan->via.whole);
    }
    return (SipView){ key->str, key->len };
}

static uint64_t
key_hash (const SipStack *stack, SipMethod method, SipView key)
{
    return sip_view_hash (key, stack->secret + method);
}

static SipTransaction *
find (SipStack *stack, const SipScan *scan, SipMethod method, SipView key)
{
    SipLink *link = sip_table_first (&stack->servers, key_hash (stack, method, key));

    for (; link != NULL; link = sip_table_next (link)) {
        SipTransaction *transaction = (SipTransaction *) link;
        if (transaction->method == method && transaction->port == scan->via.port
            && sip_view_equal ((SipView){ transaction->key, transaction->key_len_bytes }, key)) {
            return transaction;
        }
    }
    return NULL;
}

static uint64_t
merge_hash (const SipStack *stack, const SipScan *scan)
{
    uint64_t hash = sip_view_hash (scan->call_id, stack->secret);

    hash = sip_view_hash (scan->from_tag, hash + scan->cseq_number);
    return sip_view_hash (scan->cseq_method, hash);
}

/* RFC 3261 8.2.2.2. HASH, of 64 bits and with a secret, stands for the three fields. */
static bool
is_merged (SipStack *stack, const SipScan *scan, uint64_t hash)
{
    return scan->to_tag.len_bytes == 0 && scan->from_tag.len_bytes > 0
           && scan->method != SIP_METHOD_ACK && scan->method != SIP_METHOD_CANCEL
           && sip_table_first (&stack->merges, hash) != NULL;
}

SipReceived
sip_server_receive (SipStack *stack, const SipScan *scan)
{
    bool is_ack = scan->method == SIP_METHOD_ACK;
    SipTransaction *transaction =
        find (stack, scan, is_ack ? SIP_METHOD_INVITE : scan->method, make_key (stack, scan));

    if (transaction == NULL) {
        return is_ack                                              ? SIP_RECEIVED_ACK
               : is_merged (stack, scan, merge_hash (stack, scan)) ? SIP_RECEIVED_MERGED
                                                                   : SIP_RECEIVED_NEW;
    }
    if (is_ack && td_fsm_state (&transaction->fsm) == ACCEPTED) {
        return SIP_RECEIVED_ACK; /* RFC 6026 7.1 */
    }
    td_fsm_dispatch (&transaction->fsm, is_ack ? SIP_EV_ACK : SIP_EV_REQUEST, NULL);
    return SIP_RECEIVED_HANDLED;
}

bool
sip_server_knows (SipStack *stack, const SipScan *scan)
{
    bool is_of_invite = scan->method == SIP_METHOD_ACK || scan->method == SIP_METHOD_CANCEL;
    uint64_t merge = merge_hash (stack, scan);
    SipView key = make_key (stack, scan);

    sip_table_expect (&stack->merges, merge);
    return find (stack, scan, scan->method, key) != NULL
           || (is_of_invite && find (stack, scan, SIP_METHOD_INVITE, key) != NULL)
           || is_merged (stack, scan, merge);
}

SipTransaction *
sip_server_start (SipStack *stack, const SipScan *request, const SipPath *path, const SipUser *user,
                  void *data)
{
    SipRole role = request->method == SIP_METHOD_INVITE ? SIP_SERVER_INVITE : SIP_SERVER_OTHER;
    SipView key = make_key (stack, request);
    SipTransaction *transaction =
        sip_transaction_new (stack, role, request->method, path, user, data, key.len_bytes);

    memcpy (transaction->key, key.text, key.len_bytes);
    transaction->port = request->via.port;
    sip_table_add (&stack->servers, &transaction->link, key_hash (stack, request->method, key));
    if (request->to_tag.len_bytes == 0 && request->from_tag.len_bytes > 0) {
        sip_table_add (&stack->merges, &transaction->merge, merge_hash (stack, request));
    }
    td_fsm_dispatch (&transaction->fsm, SIP_EV_START, NULL);
    return transaction;
}

void
sip_server_respond (SipTransaction *transaction, unsigned status, const char *bytes,
                    size_t len_bytes)
{
    Response response = { status, bytes, len_bytes };

    td_fsm_dispatch (&transaction->fsm, sip_event_of_status (status), &response);
}

void
sip_server_repeat (SipTransaction *transaction)
{
    send_kept (transaction);
}

SipTransaction *
sip_server_find_invite (SipStack *stack, const SipScan *cancel)
{
    return find (stack, cancel, SIP_METHOD_INVITE, make_key (stack, cancel));
}
