/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provisional responses to a caller that are sent until he says that he has them (RFC 3262 3, 5). */

#include "leg.h"

enum {
    REPEAT_MS = 60000,           /* RFC 3261 13.3.1.1: at every minute */
    RELIABLE_REPEAT_MS = 150000, /* RFC 3262 3: every two and a half minutes */
};

/* --- Whether ----------------------------------------------------------------------------- */

/* Who is on no trunk is answered as a trunk that says nothing. */
static SipReliability
wish_of (SipLane *lane, const TdPacket *packet)
{
    const SipTrunk *trunk = sip_trunks_by_source (lane, packet);

    return trunk != NULL ? trunk->reliable_in : SIP_RELIABILITY_REQUIRED;
}

bool
sip_reliable_is_known (SipLane *lane, const TdPacket *packet)
{
    return wish_of (lane, packet) != SIP_RELIABILITY_NEVER;
}

/* RFC 3262 5: the first reliable response to an INVITE without an offer makes one, which nobody here can
 * before the called party has answered. Then who insists hears nothing before the answer. */
void
sip_reliable_take_invite (SipLeg *leg, const SipScan *invite, const TdPacket *packet)
{
    SipReliability wish = wish_of (leg->lane, packet);
    bool is_required = sip_scan_lists (invite, SIP_HEADER_REQUIRE, SIP_TAG_RELIABLE);
    bool is_wanted = is_required
                     || (wish == SIP_RELIABILITY_SUPPORTED
                         && sip_scan_lists (invite, SIP_HEADER_SUPPORTED, SIP_TAG_RELIABLE));

    if (wish == SIP_RELIABILITY_NEVER || !is_wanted) {
        leg->reliable.kind = SIP_PROVISIONAL_PLAIN;
    } else if (leg->has_offered) {
        leg->reliable.kind = SIP_PROVISIONAL_RELIABLE;
    } else {
        leg->reliable.kind = is_required ? SIP_PROVISIONAL_NONE : SIP_PROVISIONAL_PLAIN;
    }
}

/* --- One after the other ----------------------------------------------------------------- */

static void
clear_early (SipEarly *early)
{
    g_clear_pointer (&early->description, td_description_unref);
}

/* What is told with the same status makes up for what was to be told before. */
static void
keep_waiting (SipReliable *reliable, const SipEarly *early)
{
    unsigned i = 0;

    while (i < reliable->n_waiting && reliable->waiting[i].status != early->status) {
        i++;
    }
    if (i == SIP_MAX_WAITING) {
        return;
    }
    if (i == reliable->n_waiting) {
        reliable->waiting[reliable->n_waiting++] = (SipEarly){ early->status, NULL };
    }
    if (early->description != NULL) {
        clear_early (&reliable->waiting[i]);
        reliable->waiting[i].description = td_description_ref (early->description);
    }
}

static void
forget_waiting (SipReliable *reliable)
{
    while (reliable->n_waiting > 0) {
        clear_early (&reliable->waiting[--reliable->n_waiting]);
    }
}

bool
sip_reliable_defers (SipLeg *leg, const SipEarly *early)
{
    SipReliable *reliable = &leg->reliable;

    if (reliable->kind != SIP_PROVISIONAL_RELIABLE) {
        return reliable->kind == SIP_PROVISIONAL_NONE;
    }
    /* RFC 3262 3: a second one not before the first is acknowledged. */
    if (reliable->is_unanswered) {
        keep_waiting (reliable, early);
    }
    return reliable->is_unanswered;
}

TdDescription *
sip_reliable_untold (const SipLeg *leg, TdDescription *description)
{
    /* RFC 3261 13.2.1: no description after the answer. */
    return leg->reliable.told == NULL ? description : NULL;
}

static bool
is_same_text (const TdDescription *a, const TdDescription *b)
{
    g_autoptr (GString) text_a = g_string_new (NULL), text_b = g_string_new (NULL);

    td_description_to_sdp (a, text_a);
    td_description_to_sdp (b, text_b);
    return g_string_equal (text_a, text_b);
}

/* Another called party has answered than the one that was heard before. */
void
sip_reliable_amend (SipLeg *leg, TdDescription *description)
{
    const TdDescription *told = leg->reliable.told;

    if (told != NULL && description != NULL && !is_same_text (description, told)) {
        sip_offer_amend (leg, description);
    }
}

void
sip_reliable_compose (const SipLeg *leg, GString *out)
{
    const SipReliable *reliable = &leg->reliable;

    if (reliable->kind == SIP_PROVISIONAL_RELIABLE) {
        sip_compose_text (out, "Require", SIP_TAG_RELIABLE);
        sip_compose_number (out, "RSeq", reliable->number + 1);
    }
}

void
sip_reliable_sent (SipLeg *leg, TdDescription *description)
{
    SipReliable *reliable = &leg->reliable;

    if (reliable->kind != SIP_PROVISIONAL_RELIABLE) {
        return;
    }
    reliable->number++;
    reliable->is_unanswered = true;
    reliable->is_telling = description != NULL;
    if (description != NULL) {
        reliable->told = td_description_ref (description);
    }
    reliable->since_us = td_clock_now_us ();
    reliable->interval_ms = leg->lane->stack.timers.t1_ms;
    td_timer_start (&reliable->timer, reliable->interval_ms);
}

uint32_t
sip_reliable_repeat_ms (const SipLeg *leg)
{
    return leg->reliable.kind == SIP_PROVISIONAL_RELIABLE ? RELIABLE_REPEAT_MS : REPEAT_MS;
}

bool
sip_reliable_holds (SipLeg *leg, TdDescription *description)
{
    SipReliable *reliable = &leg->reliable;

    /* RFC 3262 3: nothing new after a final response. */
    forget_waiting (reliable);
    reliable->is_held = reliable->is_unanswered && reliable->is_telling;
    if (reliable->is_held && description != reliable->answer) {
        g_clear_pointer (&reliable->answer, td_description_unref);
        reliable->answer = description != NULL ? td_description_ref (description) : NULL;
    }
    return reliable->is_held;
}

/* RFC 3262 3: T1, 2*T1, 4*T1 ... without an upper bound, whatever the transport, for 64*T1. */
static void
unanswered (TdTimer *timer)
{
    SipLeg *leg = (SipLeg *) ((char *) timer - offsetof (SipLeg, reliable.timer));
    SipReliable *reliable = &leg->reliable;
    int64_t left_ms = 64 * (int64_t) leg->lane->stack.timers.t1_ms
                      - (td_clock_now_us () - reliable->since_us) / 1000;

    if (left_ms <= 0) {
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_PRACK_LOST, NULL);
        return;
    }
    reliable->interval_ms *= 2;
    td_timer_start (timer, (uint32_t) MIN (reliable->interval_ms, left_ms));
    if (leg->invite != NULL) {
        leg->lane->stack.n_retransmitted++;
        sip_server_repeat (leg->invite);
    }
}

void
sip_reliable_init (SipLeg *leg)
{
    td_timer_init (&leg->reliable.timer, leg->lane->sip->module, unanswered);
    leg->reliable.number = (uint32_t) g_random_int_range (0, INT32_MAX); /* RFC 3262 3 */
}

void
sip_reliable_stop (SipLeg *leg)
{
    td_timer_stop (&leg->reliable.timer);
    forget_waiting (&leg->reliable);
    g_clear_pointer (&leg->reliable.answer, td_description_unref);
    g_clear_pointer (&leg->reliable.told, td_description_unref);
}

/* --- PRACK ------------------------------------------------------------------------------- */

/* response-num LWS CSeq-num LWS Method (RFC 3262 7.2, 10), which a line may be folded between. */
static bool
read_rack (const SipScan *prack, uint64_t *ret_number, uint64_t *ret_cseq, SipView *ret_method)
{
    SipView rest = sip_scan_header (prack, SIP_HEADER_RACK);
    SipView parts[3];

    for (unsigned i = 0; i < G_N_ELEMENTS (parts); i++) {
        const char *at = rest.text, *end = sip_view_end (rest);
        while (at < end && !sip_char_is (*at, SIP_CHAR_LWS)) {
            at++;
        }
        parts[i] = sip_view_span (rest.text, at);
        rest = sip_view_trim (sip_view_span (at, end));
    }
    *ret_method = parts[2];
    return rest.len_bytes == 0 && sip_view_number (parts[0], UINT32_MAX, ret_number)
           && sip_view_number (parts[1], UINT32_MAX, ret_cseq) && parts[2].len_bytes > 0;
}

/* The answer to an OFFER (nullable) in a PRACK (RFC 3262 5), of what the caller has been told: the called
 * party cannot be asked yet. NULL: there was none, or it came before the answer to the one before, against
 * RFC 3264 4. Nothing in common refuses every stream (RFC 3264 6). */
static TdDescription *
answer_offer (SipReliable *reliable, const TdDescription *offer)
{
    TdDescription *answer;

    if (offer == NULL || reliable->told == NULL) {
        return NULL;
    }
    answer = td_description_answer (offer, reliable->told);
    if (answer == NULL) {
        answer = sip_offer_refuse_all (offer);
        td_description_set_text (&answer->origin_user, reliable->told->origin_user);
        td_description_set_text (&answer->origin_address, reliable->told->origin_address);
        answer->session_id = reliable->told->session_id;
        answer->session_version = reliable->told->session_version;
    }
    if (!is_same_text (answer, reliable->told)) { /* RFC 3264 8 */
        answer->session_version += ++reliable->n_offers;
    }
    return answer;
}

static void
answer_prack (SipLeg *leg, const SipScan *prack, const TdPacket *packet, TdDescription *answer)
{
    SipLane *lane = leg->lane;
    SipPath path = sip_transport_reply_path (prack, packet);
    GString *out = lane->stack.out;
    SipReplyHead head;

    path.priority_class = lane->answer_class;
    SipTransaction *transaction = sip_server_start (&lane->stack, prack, &path, NULL, NULL);
    sip_reply_head_init (&head, prack, &packet->remote, lane->sip->load);
    sip_compose_response (out, &head, 200, NULL, leg->local_tag);
    sip_leg_compose_body (leg, out, answer);
    sip_server_respond (transaction, 200, out->str, out->len);
    sip_reply_head_clear (&head);
}

/* What waited for the acknowledgement. */
static void
go_on (SipLeg *leg)
{
    SipReliable *reliable = &leg->reliable;
    SipEarly next;

    if (reliable->is_held) {
        g_autoptr (TdDescription) answer = g_steal_pointer (&reliable->answer);
        td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_ANSWER, answer);
        return;
    }
    if (reliable->n_waiting == 0) {
        return;
    }
    next = reliable->waiting[0];
    reliable->n_waiting--;
    memmove (reliable->waiting, reliable->waiting + 1,
             reliable->n_waiting * sizeof reliable->waiting[0]);
    td_fsm_dispatch (&leg->fsm, SIP_LEG_EV_EARLY, &next);
    clear_early (&next);
}

void
sip_reliable_take_prack (SipLeg *leg, const SipScan *prack, const TdPacket *packet)
{
    SipReliable *reliable = &leg->reliable;
    g_autofree char *why = NULL;
    g_autoptr (TdDescription) offer = sip_leg_description (prack, &why);
    uint64_t number, cseq;
    SipView method;

    if (!read_rack (prack, &number, &cseq, &method)) {
        sip_answer_simple (leg->lane, prack, packet, 400, "PRACK without a usable RAck", NULL);
        return;
    }
    if (!reliable->is_unanswered || number != reliable->number || cseq != leg->cseq
        || !sip_view_is (method, "INVITE")) {
        sip_answer_simple (leg->lane, prack, packet, 481, NULL, NULL);
        return;
    }
    if (why != NULL) {
        sip_answer_simple (leg->lane, prack, packet, 400, why, NULL);
        return;
    }
    reliable->is_unanswered = false;
    td_timer_stop (&reliable->timer);
    g_autoptr (TdDescription) answer = answer_offer (reliable, offer);
    answer_prack (leg, prack, packet, answer);
    go_on (leg);
}
