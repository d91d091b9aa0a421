/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The channel driver: a call's verbs become events of a leg. */

#include "leg.h"

static void
early (TdChannel *channel, unsigned status, TdDescription *description)
{
    SipEarly what = { status, description };

    td_fsm_dispatch (&sip_leg_of (channel)->fsm, SIP_LEG_EV_EARLY, &what);
}

static void
ring (TdChannel *channel, TdDescription *description)
{
    early (channel, 180, description);
}

static void
progress (TdChannel *channel, TdDescription *description)
{
    early (channel, 183, description);
}

/* RFC 4412 4.7.2.2: what is said once a minute to those who wait is said again by the leg's timer. */
static void
queued (TdChannel *channel)
{
    early (channel, 182, NULL);
}

static void
answer (TdChannel *channel, TdDescription *description)
{
    td_fsm_dispatch (&sip_leg_of (channel)->fsm, SIP_LEG_EV_ANSWER, description);
}

static void
offer (TdChannel *channel, TdDescription *description)
{
    sip_offer_send (sip_leg_of (channel), description);
}

static void
accept_offer (TdChannel *channel, TdDescription *description)
{
    td_fsm_dispatch (&sip_leg_of (channel)->fsm, SIP_LEG_EV_ACCEPT, description);
}

/* An offer in the 2xx to our INVITE cannot be refused but by ending the leg, which its call does. */
static void
refuse (TdChannel *channel, const TdCause *cause)
{
    SipLeg *leg = sip_leg_of (channel);

    if (td_fsm_state (&leg->fsm) == SIP_LEG_ACCEPTING) {
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_RELEASE, (void *) (uintptr_t) cause);
    } else {
        sip_offer_refuse (leg, cause);
    }
}

/* The leg may end before. */
static void
digit_response (SipTransaction *transaction, const SipScan *response, void *data)
{
    TdChannel *channel = td_channel_find (*(const TdId *) data);

    if (channel != NULL && sip_leg_of (channel) != NULL) {
        sip_marks_hear_inside (sip_leg_of (channel), response);
    }
}

static const SipUser digit_user = { digit_response, NULL, NULL };

static void
digit (TdChannel *channel, char sent, uint32_t duration_ms)
{
    SipLeg *leg = sip_leg_of (channel);
    SipLane *lane = leg->lane;
    GString *out = lane->stack.out;
    char branch[SIP_BRANCH_SIZE], body[64];

    if (leg->dialog.call_id == NULL || !leg->dialog.is_confirmed || !leg->peer_has_info) {
        return;
    }
    int length = g_snprintf (body, sizeof body, "Signal=%c\r\nDuration=%u\r\n", sent,
                             duration_ms != 0 ? duration_ms : 100);
    sip_stack_make_branch (&lane->stack, branch);
    sip_dialog_compose (out, &leg->dialog, "INFO", ++leg->dialog.local_cseq, leg->path.transport,
                        sip_transport_listener (lane->sip, &leg->path)->host, branch);
    sip_marks_compose_inside (leg, out);
    sip_compose_end (out, "application/dtmf-relay", body, (size_t) length);
    const TdId id = td_channel_id (channel);
    SipTransaction *transaction = sip_client_start (&lane->stack, SIP_METHOD_INFO, branch,
                                                    &leg->path, out->str, out->len, NULL, NULL);
    sip_client_leave (transaction, &digit_user, g_memdup2 (&id, sizeof id));
}

static void
reclassify (TdChannel *channel)
{
    SipLeg *leg = sip_leg_of (channel);

    if (leg != NULL) { /* else it is yet to be placed */
        sip_leg_classify (leg);
    }
}

static void
release (TdChannel *channel, const TdCause *cause)
{
    td_fsm_dispatch (&sip_leg_of (channel)->fsm, SIP_LEG_EV_RELEASE, (void *) (uintptr_t) cause);
}

static void
describe (TdChannel *channel, GVariantDict *info)
{
    const SipLeg *leg = sip_leg_of (channel);

    g_variant_dict_insert (info, "sip-state", "s", td_fsm_state_name (&leg->fsm));
    g_variant_dict_insert (info, "sip-local-tag", "s", leg->local_tag);
    if (leg->dialog.call_id != NULL) {
        g_variant_dict_insert (info, "sip-target", "s", leg->dialog.target);
        g_variant_dict_insert (info, "sip-remote-tag", "s", leg->dialog.remote_tag);
    }
}

const TdChannelDriver sip_channel_driver = {
    .size = sizeof (TdChannelDriver),
    .name = "sip",
    .originate = sip_uac_originate,
    .ring = ring,
    .progress = progress,
    .answer = answer,
    .offer = offer,
    .accept = accept_offer,
    .refuse = refuse,
    .digit = digit,
    .reclassify = reclassify,
    .release = release,
    .freed = sip_leg_free,
    .describe = describe,
    .queued = queued,
};
