/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the transaction layer say to each other. */

#ifndef SIP_TRANSACTION_INSIDE_H
#define SIP_TRANSACTION_INSIDE_H

#include "transaction.h"

bool sip_client_receive (SipStack *stack, const SipScan *scan);
bool sip_client_knows (SipStack *stack, const SipScan *scan);
SipReceived sip_server_receive (SipStack *stack, const SipScan *scan);
bool sip_server_knows (SipStack *stack, const SipScan *scan);

bool sip_transaction_send (SipTransaction *transaction);
void sip_transaction_keep (SipTransaction *transaction, const char *bytes, size_t len_bytes);
void sip_transaction_retire (SipTransaction *transaction);
void sip_transaction_fail (SipTransaction *transaction, SipFailure failure);
SipTransaction *sip_transaction_new (SipStack *stack, SipRole role, SipMethod method,
                                     const SipPath *path, const SipUser *user, void *data,
                                     size_t key_len_bytes);

/* Events. The first ones are the same for all four machines. */
typedef enum {
    SIP_EV_START,
    SIP_EV_PROVISIONAL, /* of clients: came; of servers: is sent */
    SIP_EV_SUCCESS,
    SIP_EV_FAILURE,
    SIP_EV_LINGERED,
    /* Clients. */
    SIP_EV_RETRANSMIT = SIP_EV_LINGERED + 1,
    SIP_EV_TIMEOUT,
    SIP_EV_BROKEN,
    SIP_N_CLIENT_EVENTS,
    /* Servers; from the ACK on of INVITE only. */
    SIP_EV_REQUEST = SIP_EV_LINGERED + 1,
    SIP_N_OTHER_SERVER_EVENTS,
    SIP_EV_ACK = SIP_N_OTHER_SERVER_EVENTS,
    SIP_EV_REPEAT,
    SIP_EV_NO_ACK,
    SIP_N_INVITE_SERVER_EVENTS,
} SipEvent;

/* The number in a branch of ours; false when it is none. */
bool sip_branch_number (SipView branch, unsigned *ret_lane, uint64_t *ret_number);

static inline SipEvent
sip_event_of_status (unsigned status)
{
    return status < 200 ? SIP_EV_PROVISIONAL : status < 300 ? SIP_EV_SUCCESS : SIP_EV_FAILURE;
}

#endif
