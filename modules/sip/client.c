/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Client transactions (RFC 3261 17.1, RFC 6026 7.2). */

#include "transaction-inside.h"

enum {
    NEW,
    CALLING, /* INVITE; of other requests: trying */
    PROCEEDING,
    COMPLETED,
    TERMINATED,
    ACCEPTED, /* INVITE only */
};

static bool
is_reliable (const SipTransaction *transaction)
{
    return transaction->path.transport != TD_TRANSPORT_UDP;
}

static void
broken (SipTransaction *transaction)
{
    sip_transaction_fail (transaction, SIP_FAILURE_TRANSPORT);
    td_fsm_enter (&transaction->fsm, TERMINATED);
}

static void
timed_out (SipTransaction *transaction)
{
    sip_transaction_fail (transaction, SIP_FAILURE_TIMEOUT);
    td_fsm_enter (&transaction->fsm, TERMINATED);
}

static void
tell (SipTransaction *transaction, const SipScan *response)
{
    if (transaction->user != NULL && transaction->user->response != NULL) {
        transaction->user->response (transaction, response, transaction->data);
    }
}

static void
start_retransmission (SipTransaction *transaction)
{
    if (!is_reliable (transaction)) {
        transaction->interval_ms = transaction->stack->timers.t1_ms;
        td_timer_start (&transaction->retransmit, transaction->interval_ms);
    }
}

/* The first sending. A request that cannot go out fails in a turn of its own: whoever started it
 * has not got it yet. */
static void
new_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    td_fsm_enter (&transaction->fsm, CALLING);
    if (sip_transaction_send (transaction)) {
        start_retransmission (transaction);
    } else {
        transaction->interval_ms = 0;
        td_timer_start (&transaction->retransmit, 0);
    }
}

static void
resend (SipTransaction *transaction)
{
    if (!sip_transaction_send (transaction)) {
        broken (transaction);
        return;
    }
    transaction->stack->n_retransmitted++;
    uint32_t next_ms = transaction->interval_ms * 2;
    if (transaction->role == SIP_CLIENT_OTHER) {
        /* Timer E: RFC 3261 17.1.2.2. */
        next_ms = td_fsm_state (&transaction->fsm) == PROCEEDING
                      ? transaction->stack->timers.t2_ms
                      : MIN (next_ms, transaction->stack->timers.t2_ms);
    }
    transaction->interval_ms = next_ms;
    td_timer_start (&transaction->retransmit, next_ms);
}

/* RFC 3261 17.1.1.3: the ACK takes the INVITE's place, to be sent for every copy of the failure. */
static void
acknowledge (SipTransaction *transaction, const SipScan *response)
{
    SipStack *stack = transaction->stack;
    g_autoptr (GString) ack = g_string_sized_new (512);

    sip_scan (stack->scan, transaction->last, transaction->last_len_bytes, false);
    sip_compose_ack (ack, stack->scan, response);
    sip_transaction_keep (transaction, ack->str, ack->len);
    sip_transaction_send (transaction);
}

/* CANCEL has a transaction of its own and the branch of its INVITE (RFC 3261 9.1). */
static void
send_cancel (SipTransaction *invite)
{
    SipStack *stack = invite->stack;
    g_autoptr (GString) cancel = g_string_sized_new (512);
    char branch[SIP_BRANCH_SIZE];

    sip_scan (stack->scan, invite->last, invite->last_len_bytes, false);
    if (!sip_view_copy (stack->scan->via.branch, branch, sizeof branch)) {
        return;
    }
    sip_compose_cancel (cancel, stack->scan, invite->cancel_lines);
    sip_client_start (stack, SIP_METHOD_CANCEL, branch, &invite->path, cancel->str, cancel->len,
                      NULL, NULL);
    /* RFC 3261 9.1: without a final response after 64*T1, the INVITE counts as cancelled. */
    td_timer_start (&invite->retransmit, 64 * stack->timers.t1_ms);
}

static void
calling_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    switch (event) {
    case SIP_EV_PROVISIONAL:
        td_timer_stop (&transaction->retransmit);
        td_fsm_enter (&transaction->fsm, PROCEEDING);
        if (transaction->is_cancelled) {
            send_cancel (transaction);
        }
        tell (transaction, data);
        break;
    case SIP_EV_SUCCESS:
        td_fsm_enter (&transaction->fsm, ACCEPTED);
        tell (transaction, data);
        break;
    case SIP_EV_FAILURE:
        acknowledge (transaction, data);
        td_fsm_enter (&transaction->fsm, COMPLETED);
        tell (transaction, data);
        break;
    case SIP_EV_RETRANSMIT:
        resend (transaction);
        break;
    case SIP_EV_TIMEOUT:
        timed_out (transaction);
        break;
    default:
        broken (transaction);
        break;
    }
}

static void
proceeding_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    if (event == SIP_EV_PROVISIONAL) {
        tell (transaction, data);
    } else if (event == SIP_EV_RETRANSMIT) {
        timed_out (transaction);
    } else {
        calling_action (self, event, data);
    }
}

static void
accepted_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    if (event == SIP_EV_SUCCESS) {
        tell (transaction, data);
    } else if (event == SIP_EV_LINGERED) {
        td_fsm_enter (&transaction->fsm, TERMINATED);
    }
    /* A 1xx or a failure of another fork comes too late to mean anything. */
}

static void
completed_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    if (event == SIP_EV_LINGERED) {
        td_fsm_enter (&transaction->fsm, TERMINATED);
    } else if (event == SIP_EV_FAILURE) {
        transaction->stack->n_repeated++;
        if (transaction->role == SIP_CLIENT_INVITE) {
            sip_transaction_send (transaction);
        }
    }
}

static void
forget_request (void *self)
{
    SipTransaction *transaction = self;

    td_timer_stop (&transaction->retransmit);
    if (transaction->role == SIP_CLIENT_OTHER || td_fsm_state (&transaction->fsm) == ACCEPTED) {
        g_clear_pointer (&transaction->last, g_free);
    }
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

static void
trying_action (void *self, unsigned event, void *data)
{
    SipTransaction *transaction = self;

    switch (event) {
    case SIP_EV_PROVISIONAL:
        if (td_fsm_state (&transaction->fsm) == CALLING) {
            td_fsm_enter (&transaction->fsm, PROCEEDING);
        }
        tell (transaction, data);
        break;
    case SIP_EV_SUCCESS:
    case SIP_EV_FAILURE:
        td_fsm_enter (&transaction->fsm, COMPLETED);
        tell (transaction, data);
        break;
    case SIP_EV_RETRANSMIT:
        resend (transaction);
        break;
    case SIP_EV_TIMEOUT:
        timed_out (transaction);
        break;
    default:
        broken (transaction);
        break;
    }
}

/* RFC 3261 17.1.1.2, 17.1.2.2; RFC 6026 7.2. */
static uint32_t
timeout_ms (void *self, unsigned state)
{
    SipTransaction *transaction = self;
    const SipTimers *timers = &transaction->stack->timers;
    bool is_invite = transaction->role == SIP_CLIENT_INVITE;
    int64_t passed_ms = (td_clock_now_us () - transaction->started_us) / 1000;

    switch (state) {
    case CALLING:
        return 64 * timers->t1_ms;
    case PROCEEDING: /* timer F goes on; an INVITE may ring for as long as its user likes */
        return is_invite ? 0 : (uint32_t) MAX (64 * (int64_t) timers->t1_ms - passed_ms, 1);
    case ACCEPTED:
        return 64 * timers->t1_ms;
    case COMPLETED:
        /* "Zero seconds" is one grain of the wheel. */
        return is_reliable (transaction) ? 1 : is_invite ? timers->timer_d_ms : timers->t4_ms;
    default:
        return 0;
    }
}

#define RESPONSES (TD_BIT (SIP_EV_PROVISIONAL) | TD_BIT (SIP_EV_SUCCESS) | TD_BIT (SIP_EV_FAILURE))

static const TdState invite_states[] = {
    [NEW] = { "new", TD_BIT (SIP_EV_START), TD_BIT (CALLING), new_action, NULL, NULL, { 0 } },
    [CALLING] = { "calling",
                  RESPONSES | TD_BIT (SIP_EV_RETRANSMIT) | TD_BIT (SIP_EV_TIMEOUT)
                      | TD_BIT (SIP_EV_BROKEN),
                  TD_BIT (PROCEEDING) | TD_BIT (ACCEPTED) | TD_BIT (COMPLETED)
                      | TD_BIT (TERMINATED),
                  calling_action,
                  NULL,
                  NULL,
                  { "Timer B", "RFC 3261 17.1.1.2", 32000, SIP_EV_TIMEOUT } },
    [PROCEEDING] = { "proceeding",
                     RESPONSES | TD_BIT (SIP_EV_RETRANSMIT) | TD_BIT (SIP_EV_BROKEN),
                     TD_BIT (ACCEPTED) | TD_BIT (COMPLETED) | TD_BIT (TERMINATED),
                     proceeding_action,
                     NULL,
                     NULL,
                     { 0 } },
    [ACCEPTED] = { "accepted",
                   RESPONSES | TD_BIT (SIP_EV_LINGERED),
                   TD_BIT (TERMINATED),
                   accepted_action,
                   forget_request,
                   NULL,
                   { "Timer M", "RFC 6026 7.2", 32000, SIP_EV_LINGERED } },
    [COMPLETED] = { "completed",
                    RESPONSES | TD_BIT (SIP_EV_LINGERED),
                    TD_BIT (TERMINATED),
                    completed_action,
                    stop_retransmission,
                    NULL,
                    { "Timer D", "RFC 3261 17.1.1.2", 32000, SIP_EV_LINGERED } },
    [TERMINATED] = { "terminated", 0, 0, NULL, terminated, NULL, { 0 } },
};

static const TdState other_states[] = {
    [NEW] = { "new", TD_BIT (SIP_EV_START), TD_BIT (CALLING), new_action, NULL, NULL, { 0 } },
    [CALLING] = { "trying",
                  RESPONSES | TD_BIT (SIP_EV_RETRANSMIT) | TD_BIT (SIP_EV_TIMEOUT)
                      | TD_BIT (SIP_EV_BROKEN),
                  TD_BIT (PROCEEDING) | TD_BIT (COMPLETED) | TD_BIT (TERMINATED),
                  trying_action,
                  NULL,
                  NULL,
                  { "Timer F", "RFC 3261 17.1.2.2", 32000, SIP_EV_TIMEOUT } },
    [PROCEEDING] = { "proceeding",
                     RESPONSES | TD_BIT (SIP_EV_RETRANSMIT) | TD_BIT (SIP_EV_TIMEOUT)
                         | TD_BIT (SIP_EV_BROKEN),
                     TD_BIT (COMPLETED) | TD_BIT (TERMINATED),
                     trying_action,
                     NULL,
                     NULL,
                     { "Timer F", "RFC 3261 17.1.2.2", 32000, SIP_EV_TIMEOUT } },
    [COMPLETED] = { "completed",
                    RESPONSES | TD_BIT (SIP_EV_LINGERED),
                    TD_BIT (TERMINATED),
                    completed_action,
                    forget_request,
                    NULL,
                    { "Timer K", "RFC 3261 17.1.2.2", 5000, SIP_EV_LINGERED } },
    [TERMINATED] = { "terminated", 0, 0, NULL, terminated, NULL, { 0 } },
};

static const char *const event_names[SIP_N_CLIENT_EVENTS] = {
    [SIP_EV_START] = "start",       [SIP_EV_PROVISIONAL] = "1xx",
    [SIP_EV_SUCCESS] = "2xx",       [SIP_EV_FAILURE] = "300-699",
    [SIP_EV_LINGERED] = "lingered", [SIP_EV_RETRANSMIT] = "retransmit",
    [SIP_EV_TIMEOUT] = "timeout",   [SIP_EV_BROKEN] = "transport error",
};

const TdMachine sip_invite_client = { "sip.invite-client", "RFC 3261 17.1.1, RFC 6026 7.2",
                                      invite_states,       G_N_ELEMENTS (invite_states),
                                      event_names,         SIP_N_CLIENT_EVENTS,
                                      timeout_ms };

const TdMachine sip_other_client = { "sip.non-invite-client",
                                     "RFC 3261 17.1.2",
                                     other_states,
                                     G_N_ELEMENTS (other_states),
                                     event_names,
                                     SIP_N_CLIENT_EVENTS,
                                     timeout_ms };

/* A CANCEL has its INVITE's branch: its hash is another one. */
static uint64_t
client_hash (uint64_t number, bool is_cancel)
{
    return number ^ (is_cancel ? UINT64_C (0x5bd1e9955bd1e995) : 0);
}

SipTransaction *
sip_client_start (SipStack *stack, SipMethod method, const char *branch, const SipPath *path,
                  const char *bytes, size_t len_bytes, const SipUser *user, void *data)
{
    SipRole role = method == SIP_METHOD_INVITE ? SIP_CLIENT_INVITE : SIP_CLIENT_OTHER;
    SipTransaction *transaction = sip_transaction_new (stack, role, method, path, user, data, 0);
    uint64_t number = 0;
    unsigned lane;

    transaction->is_canceller = method == SIP_METHOD_CANCEL;
    sip_branch_number (sip_view_of (branch), &lane, &number);
    sip_table_add (&stack->clients, &transaction->link,
                   client_hash (number, transaction->is_canceller));
    sip_transaction_keep (transaction, bytes, len_bytes);
    td_fsm_dispatch (&transaction->fsm, SIP_EV_START, NULL);
    return transaction;
}

void
sip_client_cancel (SipTransaction *transaction, const char *lines)
{
    if (transaction->is_cancelled) {
        return;
    }
    transaction->is_cancelled = true;
    transaction->cancel_lines = g_strdup (lines);
    if (td_fsm_state (&transaction->fsm) == PROCEEDING) {
        send_cancel (transaction);
    }
}

bool
sip_client_is_refused (const SipTransaction *invite)
{
    return td_fsm_state (&invite->fsm) == COMPLETED;
}

void
sip_client_leave (SipTransaction *transaction, const SipUser *user, void *rest)
{
    transaction->user = user;
    transaction->data = transaction->rest = rest;
}

/* RFC 3261 17.1.3: the branch of the topmost Via, and the method in CSeq. */
static SipTransaction *
find (SipStack *stack, const SipScan *scan)
{
    bool is_cancel = scan->method == SIP_METHOD_CANCEL;
    uint64_t number;
    unsigned lane;

    if (!sip_branch_number (scan->via.branch, &lane, &number) || lane != stack->lane) {
        return NULL;
    }
    SipLink *link = sip_table_first (&stack->clients, client_hash (number, is_cancel));
    for (; link != NULL; link = sip_table_next (link)) {
        SipTransaction *transaction = (SipTransaction *) link;
        if (transaction->is_canceller == is_cancel
            && (is_cancel || transaction->method == scan->method)) {
            return transaction;
        }
    }
    return NULL;
}

bool
sip_client_receive (SipStack *stack, const SipScan *scan)
{
    SipTransaction *transaction = find (stack, scan);

    if (transaction == NULL) {
        return false;
    }
    td_fsm_dispatch (&transaction->fsm, sip_event_of_status (scan->status),
                     (void *) (uintptr_t) scan);
    return true;
}

static SipTransaction *
find_by_flow (SipStack *stack, uint64_t flow)
{
    SipLink *link = sip_table_first (&stack->ways, flow);

    return link != NULL ? (SipTransaction *) ((char *) link - offsetof (SipTransaction, way))
                        : NULL;
}

/* What has had a response may have the next one by another connection (RFC 3261 18.2.2). */
void
sip_client_lose_flow (SipStack *stack, uint64_t flow)
{
    SipTransaction *transaction;

    while ((transaction = find_by_flow (stack, flow)) != NULL) {
        sip_table_remove (&stack->ways, &transaction->way);
        if (td_fsm_state (&transaction->fsm) == CALLING) {
            td_fsm_dispatch (&transaction->fsm, SIP_EV_BROKEN, NULL);
        }
    }
}

bool
sip_client_knows (SipStack *stack, const SipScan *scan)
{
    return find (stack, scan) != NULL;
}
