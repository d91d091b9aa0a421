/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Provisional responses that arrive for certain (RFC 3262): those of ours to a caller, one at a time.
 *
 *     early ---> sent, RSeq 1 -- T1, 2*T1, 4*T1 ... ---> PRACK ---> the next early, or the answer
 *        \                            |
 *         +--> waiting, when one      +- 64*T1: the INVITE is refused
 *              is unacknowledged
 */

#ifndef SIP_RELIABLE_H
#define SIP_RELIABLE_H

#include "sip.h"

/* A provisional response that is asked for. */
typedef struct {
    unsigned status; /* 180, 182 or 183 */
    TdDescription *description;
} SipEarly;

/* How many may wait: one of each status, and no more is ever worth telling. */
#define SIP_MAX_WAITING 3

typedef enum {
    SIP_PROVISIONAL_PLAIN,
    SIP_PROVISIONAL_RELIABLE,
    SIP_PROVISIONAL_NONE, /* there would have to be an offer in it, and there is none to be made */
} SipProvisional;

/* Of an incoming leg. */
typedef struct {
    SipProvisional kind;
    uint32_t number;    /* RSeq of the last one, or one less than that of the first */
    bool is_unanswered; /* the last one has not been acknowledged */
    bool is_telling;    /* and has a description */
    bool is_held;       /* the 2xx waits for that, with ANSWER */
    TdDescription *answer;
    TdDescription
        *told;         /* the answer, told for certain: what its INVITE's 2xx has no more to say */
    unsigned n_offers; /* that PRACKs have made */
    SipEarly waiting[SIP_MAX_WAITING];
    unsigned n_waiting;
    uint32_t interval_ms;
    int64_t since_us;
    TdTimer timer;
} SipReliable;

/* Whether the extension may be required of us in an INVITE by whoever has sent PACKET (RFC 3262 3). */
bool sip_reliable_is_known (SipLane *lane, const TdPacket *packet);

void sip_reliable_init (SipLeg *leg);

/* Takes note of what INVITE, and its trunk, want of provisional responses to LEG. */
void sip_reliable_take_invite (SipLeg *leg, const SipScan *invite, const TdPacket *packet);

/* Whether EARLY is not to be sent now: it is sent by an event of LEG later, or never. */
bool sip_reliable_defers (SipLeg *leg, const SipEarly *early);

/* What DESCRIPTION (nullable) has to tell a caller who may know all of it already (transfer none). */
TdDescription *sip_reliable_untold (const SipLeg *leg, TdDescription *description);

/* The 2xx is out, and no PRACK is due: a DESCRIPTION (nullable) other than the caller was told is offered
 * to him. */
void sip_reliable_amend (SipLeg *leg, TdDescription *description);

/* Writes what makes the next response a reliable one, where it is to be that; takes note that it went
 * out with DESCRIPTION (nullable). */
void sip_reliable_compose (const SipLeg *leg, GString *out);
void sip_reliable_sent (SipLeg *leg, TdDescription *description);

/* Whether the 2xx with DESCRIPTION (nullable) must wait: it is asked for again by an event of LEG. */
bool sip_reliable_holds (SipLeg *leg, TdDescription *description);

/* There is a final response: nothing is sent again. */
void sip_reliable_stop (SipLeg *leg);

/* How long the last response keeps proxies patient. */
uint32_t sip_reliable_repeat_ms (const SipLeg *leg);

void sip_reliable_take_prack (SipLeg *leg, const SipScan *prack, const TdPacket *packet);

#endif
