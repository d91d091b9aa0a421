/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provisional responses of called parties that are acknowledged, each early dialog's in its order (RFC 3262 4). */

#include "leg.h"

#include <tandem/log.h>

/* Who is on no trunk is called as a trunk that says nothing. RFC 3262 5: who got no offer would make one in its
 * first reliable response, which nobody here can answer before the call is answered. */
void
sip_prack_offer (SipLeg *leg, GString *out)
{
    const SipTrunk *trunk = sip_trunks_by_name (leg->lane->sip, td_channel_trunk (leg->channel));
    SipReliability wish = trunk != NULL ? trunk->reliable_out : SIP_RELIABILITY_SUPPORTED;

    for (unsigned i = 0; i < leg->n_forks;
         i++) { /* RFC 3262 3: the numbers are of one transaction */
        leg->forks[i]->number = 0;
        leg->forks[i]->is_settled = false;
    }
    leg->is_acknowledging = leg->has_offered && wish != SIP_RELIABILITY_NEVER;
    if (leg->is_acknowledging) {
        sip_compose_text (out, wish == SIP_RELIABILITY_REQUIRED ? "Require" : "Supported",
                          SIP_TAG_RELIABLE);
    }
}

/* --- PRACK ------------------------------------------------------------------------------- */

/* What a PRACK is about, kept until its transaction ends: the leg may end before. */
typedef struct {
    TdId channel;
    unsigned fork; /* its place in the list */
    uint32_t number, cseq;
} Receipt;

static const SipUser prack_user;

static void
send_prack (SipLeg *leg, const Receipt *receipt, const char *credentials)
{
    SipLane *lane = leg->lane;
    SipDialog *dialog = &leg->forks[receipt->fork]->dialog;
    SipPath path = leg->path;
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE];

    sip_dialog_find_path (lane->sip, dialog, leg->is_pinned, &path);
    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, dialog, "PRACK", ++dialog->local_cseq, path.transport,
                        sip_transport_listener (lane->sip, &path)->host, branch);
    g_string_append_printf (out, "RAck: %u %u INVITE\r\n", receipt->number, receipt->cseq);
    if (credentials != NULL) {
        g_string_append (out, credentials);
    }
    sip_marks_compose_inside (leg, out);
    sip_compose_end (out, NULL, NULL, 0);
    SipTransaction *transaction = sip_client_start (&lane->stack, SIP_METHOD_PRACK, branch, &path,
                                                    out->str, out->len, &prack_user, NULL);
    sip_client_leave (transaction, &prack_user, g_memdup2 (receipt, sizeof *receipt));
}

/* The credentials of the INVITE stay what they are: its ACK bears them (RFC 3261 22.1). */
static void
answer_challenge (SipLeg *leg, const Receipt *receipt, const SipScan *response)
{
    const SipDialog *dialog = &leg->forks[receipt->fork]->dialog;
    const char *uri = dialog->uri != NULL ? dialog->uri : dialog->target;
    char *of_invite = g_steal_pointer (&leg->credentials);

    if (sip_leg_answer_challenge (leg, response, "PRACK", uri, false)) {
        send_prack (leg, receipt, leg->credentials);
    }
    g_free (leg->credentials);
    leg->credentials = of_invite;
}

/* Any other refusal is not the end of the call: the called party goes on, or refuses the INVITE. */
static void
prack_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    const Receipt *receipt = data;
    TdChannel *channel = td_channel_find (receipt->channel);
    SipLeg *leg = channel != NULL ? sip_leg_of (channel) : NULL;

    if (leg == NULL || td_fsm_state (&leg->fsm) != SIP_LEG_CALLING || response->status < 300) {
        return;
    }
    sip_marks_hear_inside (leg, response);
    /* Once, and not for a response that others have followed. */
    SipFork *fork = receipt->fork < leg->n_forks ? leg->forks[receipt->fork] : NULL;
    if (fork != NULL && fork->number == receipt->number && fork->challenged != receipt->number) {
        fork->challenged = receipt->number;
        answer_challenge (leg, receipt, response);
    }
}

static const SipUser prack_user = { prack_response, NULL, NULL };

/* --- Responses --------------------------------------------------------------------------- */

static void
note_unusable (SipLeg *leg, const SipScan *response)
{
    char peer[TD_ADDRESS_TEXT_SIZE];

    td_log_peer (leg->lane->sip->module, "sip.no-prack", td_address_print (&leg->path.remote, peer),
                 NULL,
                 "%u to INVITE wants to be acknowledged and cannot: RSeq is not one number from 1 "
                 "to 4294967295, or it makes no dialog",
                 response->status);
}

SipPrack
sip_prack_take (SipLeg *leg, unsigned early_id, const SipScan *response)
{
    SipFork *fork = early_id > 0 ? leg->forks[early_id - 1] : NULL;
    uint64_t number;

    if (!leg->is_acknowledging
        || !sip_scan_lists (response, SIP_HEADER_REQUIRE, SIP_TAG_RELIABLE)) {
        return SIP_PRACK_PLAIN;
    }
    if (fork == NULL
        || !sip_view_number (sip_scan_header (response, SIP_HEADER_RSEQ), UINT32_MAX, &number)
        || number == 0) {
        note_unusable (leg, response);
        return SIP_PRACK_PLAIN;
    }
    if (fork->number != 0 && number != (uint64_t) fork->number + 1) {
        return SIP_PRACK_DISCARDED; /* RFC 3262 4: not even processed */
    }
    Receipt receipt = { td_channel_id (leg->channel), early_id - 1, (uint32_t) number,
                        response->cseq_number };
    fork->number = (uint32_t) number;
    send_prack (leg, &receipt, NULL);
    return SIP_PRACK_SENT;
}
