/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transactions of one lane: made, found, ended. What each kind does stands in client.c and
 * server.c. */

#include "transaction-inside.h"

#define COOKIE "z9hG4bK" /* RFC 3261 8.1.1.7 */

/* RFC 3261 17.1.1.1, 17.1.2.2; timer D: 17.1.1.2. */
const SipTimers sip_timers_default = { 500, 4000, 5000, 32000 };

static const TdMachine *const machines[] = {
    [SIP_CLIENT_INVITE] = &sip_invite_client,
    [SIP_CLIENT_OTHER] = &sip_other_client,
    [SIP_SERVER_INVITE] = &sip_invite_server,
    [SIP_SERVER_OTHER] = &sip_other_server,
};

static void
free_transaction (SipTransaction *transaction)
{
    td_fsm_clear (&transaction->fsm);
    td_timer_stop (&transaction->retransmit);
    g_free (transaction->last);
    g_free (transaction->cancel_lines);
    g_free (transaction->rest);
    g_free (transaction);
}

/* A machine may not be freed from within its own step. */
static void
reap (SipStack *stack)
{
    while (stack->dead != NULL) {
        SipTransaction *transaction = stack->dead;
        stack->dead = transaction->next_dead;
        free_transaction (transaction);
    }
}

static void
reaper_expired (TdTimer *timer)
{
    reap ((SipStack *) ((char *) timer - offsetof (SipStack, reaper)));
}

void
sip_stack_init (SipStack *stack, TdModule *module, unsigned lane, const SipTimers *timers,
                uint64_t secret)
{
    *stack = (SipStack){ .module = module,
                         .lane = lane,
                         .timers = *timers,
                         .secret = secret,
                         .out = g_string_sized_new (2048),
                         .key = g_string_sized_new (256),
                         .scan = g_new (SipScan, 1) };
    stack->seal = sip_seal_of_process ("sip tags", secret);
    stack->draw = (SipSeal){ secret, stack->seal.high };
    sip_table_init (&stack->clients);
    sip_table_init (&stack->servers);
    sip_table_init (&stack->merges);
    sip_table_init (&stack->ways);
    td_timer_init (&stack->reaper, module, reaper_expired);
}

static void
clear_table (SipTable *table)
{
    SipLink *link;

    while ((link = sip_table_any (table)) != NULL) {
        sip_table_remove (table, link);
        free_transaction ((SipTransaction *) link);
    }
    sip_table_clear (table);
}

void
sip_stack_clear (SipStack *stack)
{
    td_timer_stop (&stack->reaper);
    reap (stack);
    clear_table (&stack->clients);
    clear_table (&stack->servers);
    sip_table_clear (&stack->merges);
    sip_table_clear (&stack->ways);
    g_string_free (stack->out, TRUE);
    g_string_free (stack->key, TRUE);
    g_free (stack->scan);
}

/* --- Tags and branches ------------------------------------------------------------------- */

static void
print_hex (char *to, uint64_t number, unsigned n_digits)
{
    for (unsigned i = n_digits; i-- > 0; number >>= 4) {
        to[i] = "0123456789abcdef"[number & 15];
    }
}

static uint64_t
next_number (SipStack *stack)
{
    uint64_t count = stack->counter++;
    SipView view = { (const char *) &count, sizeof count };

    return sip_seal (&stack->draw, view);
}

enum { OPEN_LENGTH = 19, SEAL_LENGTH = 8, TAG_LENGTH = OPEN_LENGTH + SEAL_LENGTH };

/* Of the first part of TAG. */
static void
print_seal (const SipStack *stack, const char *tag, char *to)
{
    print_hex (to, sip_seal (&stack->seal, (SipView){ tag, OPEN_LENGTH }), SEAL_LENGTH);
}

/* "t" LANE NUMBER SEAL, two, sixteen and eight hexadecimal digits: whoever reads it knows at once
 * whether we made it, without looking it up. */
void
sip_stack_make_tag (SipStack *stack, char tag[SIP_TAG_SIZE])
{
    tag[0] = 't';
    print_hex (tag + 1, stack->lane, 2);
    print_hex (tag + 3, next_number (stack), 16);
    print_seal (stack, tag, tag + OPEN_LENGTH);
    tag[TAG_LENGTH] = '\0';
}

void
sip_stack_make_branch (SipStack *stack, char branch[SIP_BRANCH_SIZE])
{
    memcpy (branch, COOKIE, 7);
    sip_stack_make_tag (stack, branch + 7);
}

static bool
read_tag (SipView tag, unsigned *ret_lane, uint64_t *ret_number)
{
    uint64_t number = 0, lane = 0;

    if (tag.len_bytes != TAG_LENGTH || tag.text[0] != 't') {
        return false;
    }
    for (unsigned i = 1; i < OPEN_LENGTH; i++) {
        int digit = g_ascii_xdigit_value (tag.text[i]);
        if (digit < 0) {
            return false;
        }
        lane = i <= 2 ? lane << 4 | (uint64_t) digit : lane;
        number = i > 2 ? number << 4 | (uint64_t) digit : number;
    }
    *ret_lane = (unsigned) lane;
    *ret_number = number;
    return true;
}

bool
sip_tag_lane (const SipStack *stack, SipView tag, unsigned *ret_lane)
{
    char seal[SEAL_LENGTH];
    uint64_t number;
    unsigned lane;

    if (!read_tag (tag, &lane, &number)) {
        return false;
    }
    print_seal (stack, tag.text, seal);
    if (memcmp (seal, tag.text + OPEN_LENGTH, SEAL_LENGTH) != 0) {
        return false;
    }
    *ret_lane = lane;
    return true;
}

/* The tag in a branch of ours, or none. */
static SipView
branch_tag (SipView branch)
{
    return branch.len_bytes > 7 && memcmp (branch.text, COOKIE, 7) == 0
               ? sip_view_span (branch.text + 7, branch.text + branch.len_bytes)
               : SIP_VIEW_NONE;
}

bool
sip_branch_number (SipView branch, unsigned *ret_lane, uint64_t *ret_number)
{
    return read_tag (branch_tag (branch), ret_lane, ret_number);
}

bool
sip_branch_lane (const SipStack *stack, SipView branch, unsigned *ret_lane)
{
    return sip_tag_lane (stack, branch_tag (branch), ret_lane);
}

/* --- A transaction's life ---------------------------------------------------------------- */

static void
retransmit_expired (TdTimer *timer)
{
    SipTransaction *transaction =
        (SipTransaction *) ((char *) timer - offsetof (SipTransaction, retransmit));

    if (transaction->role > SIP_CLIENT_OTHER) {
        td_fsm_dispatch (&transaction->fsm, SIP_EV_REPEAT, NULL);
    } else { /* without an interval it never went out */
        td_fsm_dispatch (&transaction->fsm,
                         transaction->interval_ms == 0 ? SIP_EV_BROKEN : SIP_EV_RETRANSMIT, NULL);
    }
}

SipTransaction *
sip_transaction_new (SipStack *stack, SipRole role, SipMethod method, const SipPath *path,
                     const SipUser *user, void *data, size_t key_len_bytes)
{
    SipTransaction *transaction = g_malloc0 (sizeof (SipTransaction) + key_len_bytes);

    transaction->stack = stack;
    transaction->role = (uint8_t) role;
    transaction->method = (uint8_t) method;
    transaction->path = *path;
    transaction->user = user;
    transaction->data = data;
    transaction->started_us = td_clock_now_us ();
    transaction->key_len_bytes = (uint32_t) key_len_bytes;
    td_timer_init (&transaction->retransmit, stack->module, retransmit_expired);
    td_fsm_init (&transaction->fsm, stack->module, machines[role], transaction);
    return transaction;
}

bool
sip_transaction_send (SipTransaction *transaction)
{
    SipStack *stack = transaction->stack;

    if (transaction->last == NULL) {
        return true;
    }
    bool is_sent = stack->send (&transaction->path, transaction->last, transaction->last_len_bytes,
                                stack->data);
    if (is_sent && transaction->role <= SIP_CLIENT_OTHER && transaction->path.flow != 0) {
        sip_table_remove (&stack->ways, &transaction->way);
        sip_table_add (&stack->ways, &transaction->way, transaction->path.flow);
    }
    return is_sent;
}

void
sip_transaction_keep (SipTransaction *transaction, const char *bytes, size_t len_bytes)
{
    char *copy = g_memdup2 (bytes, len_bytes);

    g_free (transaction->last);
    transaction->last = copy;
    transaction->last_len_bytes = (uint32_t) len_bytes;
}

void
sip_transaction_fail (SipTransaction *transaction, SipFailure failure)
{
    transaction->stack->n_timeouts += failure == SIP_FAILURE_TIMEOUT;
    if (transaction->user != NULL && transaction->user->failed != NULL) {
        transaction->user->failed (transaction, failure, transaction->data);
    }
}

void
sip_transaction_retire (SipTransaction *transaction)
{
    SipStack *stack = transaction->stack;
    const SipUser *user = transaction->user;

    td_timer_stop (&transaction->retransmit);
    sip_table_remove (&stack->merges, &transaction->merge);
    sip_table_remove (&stack->ways, &transaction->way);
    sip_table_remove (transaction->role <= SIP_CLIENT_OTHER ? &stack->clients : &stack->servers,
                      &transaction->link);
    transaction->user = NULL;
    transaction->next_dead = stack->dead;
    stack->dead = transaction;
    if (!td_timer_is_active (&stack->reaper)) {
        td_timer_start (&stack->reaper, 0);
    }
    if (user != NULL && user->ended != NULL) {
        user->ended (transaction, transaction->data);
    }
}

void
sip_transaction_orphan (SipTransaction *transaction)
{
    transaction->user = NULL;
    transaction->data = NULL;
}

SipReceived
sip_receive (SipStack *stack, const SipScan *scan)
{
    if (scan->is_request) {
        return sip_server_receive (stack, scan);
    }
    if (!sip_client_receive (stack, scan)) {
        stack->n_stray++; /* RFC 6026 8.9: silently discarded */
    }
    return SIP_RECEIVED_HANDLED;
}

bool
sip_knows (SipStack *stack, const SipScan *scan)
{
    return scan->is_request ? sip_server_knows (stack, scan) : sip_client_knows (stack, scan);
}
