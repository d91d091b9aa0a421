/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A leg: one channel's dialog, from INVITE to BYE.
 *
 *     incoming:  NEW -> OFFERED -> ANSWERED -----------------+
 *                          (2xx sent)     (ACK came)         v
 *     outgoing:  NEW -> CALLING -> [ACCEPTING] ---------> TALKING -> CLOSING -> GONE
 *                          |        (2xx with an offer,      (BYE)
 *                          +-> CANCELLING  ACK to come)
 *
 * GONE is where the channel has been told that it is released: the leg is freed by the core then,
 * at once or soon, and nothing may touch it after td_channel_released (). */

#ifndef SIP_LEG_H
#define SIP_LEG_H

#include "dialog.h"
#include "reliable.h"
#include "sip.h"

#include <tandem/call.h>

enum {
    SIP_LEG_NEW,
    SIP_LEG_OFFERED,
    SIP_LEG_ANSWERED,
    SIP_LEG_CALLING,
    SIP_LEG_ACCEPTING,
    SIP_LEG_CANCELLING,
    SIP_LEG_TALKING,
    SIP_LEG_CLOSING,
    SIP_LEG_GONE,
};

typedef enum {
    SIP_LEG_EV_INVITED,
    SIP_LEG_EV_PLACED,
    SIP_LEG_EV_EARLY,     /* verb: data is a SipEarly */
    SIP_LEG_EV_ANSWER,    /* verb: data is a TdDescription, nullable */
    SIP_LEG_EV_ACCEPT,    /* verb: data is a TdDescription, nullable */
    SIP_LEG_EV_RELEASE,   /* verb: data is a TdCause */
    SIP_LEG_EV_CANCELLED, /* CANCEL, or BYE before the answer */
    SIP_LEG_EV_ACKED,     /* data is the ACK */
    SIP_LEG_EV_ACK_LOST,
    SIP_LEG_EV_PROVISIONAL, /* data is the response */
    SIP_LEG_EV_SUCCESS,     /* data is the response */
    SIP_LEG_EV_FAILURE,     /* data is a TdCause */
    SIP_LEG_EV_BYE,         /* data is a TdCause */
    SIP_LEG_EV_CLOSED,      /* the answer to our BYE, or none */
    SIP_LEG_EV_PRACK_LOST,  /* of a provisional response of ours */
    SIP_LEG_N_EVENTS,
} SipLegEvent;

extern const TdMachine sip_leg_machine;

#define SIP_MAX_FORKS 8

/* One early dialog of an outgoing leg. Its early id is its place in the list, from 1. */
typedef struct {
    SipDialog dialog;
    TdDescription *description; /* what it said last */
    uint32_t number;     /* RSeq of the last response that was acknowledged; 0: there was none */
    uint32_t challenged; /* that whose PRACK had to be sent with credentials */
    bool is_settled;     /* DESCRIPTION is the answer: it said so for certain */
} SipFork;

struct SipLeg {
    SipLink link; /* by local_tag */
    SipLane *lane;
    TdChannel *channel;
    TdFsm fsm;
    char local_tag[SIP_TAG_SIZE];
    SipPath path;     /* where our requests go; of an incoming leg at first where it came from */
    TdAddress origin; /* where the INVITE came from, or went to */
    bool is_incoming;
    bool has_offered;   /* the INVITE had a description */
    bool peer_has_info; /* Allow named INFO, or there was none */
    bool has_tried;     /* credentials */
    bool is_sips;       /* the dialog is secure: RFC 3261 12.1 */
    bool has_marks;     /* of an outgoing leg: MARKS is all the priority there is to say */
    bool has_tried_marks;
    bool is_acknowledging; /* the INVITE says that reliable provisional responses are */
    bool is_pinned;        /* behind a translator: requests go where its own came from */

    SipDialog dialog;
    SipTransaction *invite; /* theirs or ours; NULL when it has ended */
    uint32_t cseq;          /* of the INVITE */
    TdCause cause;          /* why it is being released */

    /* Incoming. */
    SipReplyHead head;
    TdTimer repeat_timer; /* of the last provisional response */
    TdTimer expiry_timer; /* of the INVITE */
    SipReliable reliable;

    /* Outgoing. */
    SipFork *forks[SIP_MAX_FORKS + 1]; /* the last place is for one that answers */
    unsigned n_forks;
    SipFork *winner;
    char *request_uri;
    char *route;     /* value of Route, or NULL: the Request-URI says where it goes */
    char *from, *to; /* values */
    char *call_id;
    char *credentials;     /* a whole header line, or NULL */
    char *marks;           /* the value of Resource-Priority, or NULL */
    GPtrArray *identities; /* the values of Identity, NULL: those it came with */
    int64_t signed_us;     /* wall clock, when one of them was made; 0: none was */
    char *ack;             /* for a 2xx that comes again */
    size_t ack_len_bytes;
    uint32_t acked_cseq;

    /* A 2xx of ours that has not been acknowledged (RFC 3261 13.3.1.4). */
    char *ok;
    size_t ok_len_bytes;
    SipPath ok_path;
    uint32_t ok_cseq;
    uint32_t ok_interval_ms;
    int64_t ok_since_us;
    TdTimer ok_timer;
    bool ok_has_offer; /* the ACK brings the answer */

    /* Offer and answer in the call (RFC 3261 14, RFC 3311). */
    SipTransaction *offer_in; /* a re-INVITE or UPDATE that waits for accept or refuse */
    SipReplyHead offer_head;
    char *offer_target; /* the Contact it brought, or NULL */
    uint32_t offer_in_cseq;
    bool offer_in_is_invite;
    bool offer_in_is_empty;
    SipTransaction *offer_out; /* our last re-INVITE, until its transaction ends */
    bool is_offering;          /* it has no final response yet, or waits for its time */
    bool is_offer_empty;
    bool is_amending; /* the offer is the leg's own: its call does not know of it */
    bool is_ack_due;  /* its 2xx made an offer: the ACK waits for accept */
    uint8_t n_glares;
    bool has_tried_offer;             /* credentials */
    TdDescription *offer_description; /* nullable: what is or will be offered */
    TdDescription *peer_offer;        /* that of the 2xx, until it is answered */
    uint32_t ack_cseq;
    TdTimer offer_timer; /* after glare */
    SipTransaction *bye;
    bool has_tried_bye; /* credentials */
};

/* --- leg.c ------------------------------------------------------------------------------- */

SipLeg *sip_leg_new (SipLane *lane, bool is_incoming);
void sip_leg_free (void *leg); /* TdChannelDriver.freed */

/* The leg that REQUEST is in the dialog of, or NULL. */
SipLeg *sip_leg_find (SipLane *lane, const SipScan *request);

/* The leg of CHANNEL. */
SipLeg *sip_leg_of (TdChannel *channel);

/* The dialog of LEG that REQUEST belongs to, an early one among them. */
SipDialog *sip_leg_dialog_of (SipLeg *leg, const SipScan *request);

/* Takes note of REQUEST's number; false when it is out of order and has been answered (RFC 3261
 * 12.2.2). */
bool sip_leg_take_cseq (SipLeg *leg, const SipScan *request, const TdPacket *packet);

/* A request in the leg's dialog, in its order. */
void sip_leg_take_request (SipLeg *leg, const SipScan *request, const TdPacket *packet);
void sip_leg_take_ack (SipLeg *leg, const SipScan *ack);

/* Ends the leg: the last thing anybody does to it. */
void sip_leg_gone (SipLeg *leg, const TdCause *cause);

/* Begins to close an answered dialog that its call has released: BYE. */
void sip_leg_close (SipLeg *leg, const TdCause *cause);

/* Ends an answered leg that cannot go on: BYE, and whoever answers it finds nobody. */
void sip_leg_abandon (SipLeg *leg, const TdCause *cause);

/* The Request-URI of our requests in the dialog (transfer none). */
const char *sip_leg_request_uri (const SipLeg *leg);

/* One more try with the credentials of the leg's trunk, put into leg->credentials; false when there
 * are none, or they were refused (RFC 3261 22.2). */
bool sip_leg_answer_challenge (SipLeg *leg, const SipScan *response, const char *method,
                               const char *uri, bool has_tried);

/* Keeps the 2xx in OUT, which was sent by PATH, to send it until its ACK comes. */
void sip_leg_keep_ok (SipLeg *leg, const GString *out, const SipPath *path, uint32_t cseq);
void sip_leg_forget_ok (SipLeg *leg);

/* The description in SCAN's body: NULL with *RET_WHY untouched when it has none, NULL with a reason
 * (transfer full) when it cannot be read. */
TdDescription *sip_leg_description (const SipScan *scan, char **ret_why);

/* Ends the message in OUT with DESCRIPTION (nullable) as body. */
void sip_leg_compose_body (SipLeg *leg, GString *out, TdDescription *description);

/* Contact, Allow, User-Agent. */
void sip_leg_compose_self (SipLeg *leg, GString *out);

/* Sends ACK for the 2xx of CSEQ in DIALOG, with DESCRIPTION (nullable), and keeps it in leg->ack. */
void sip_leg_send_ack (SipLeg *leg, SipDialog *dialog, uint32_t cseq, TdDescription *description);

/* Sends BYE; without USER nobody waits for its answer. */
void sip_leg_send_bye (SipLeg *leg, SipDialog *dialog, const TdCause *cause, const SipUser *user);

/* Where requests of DIALOG go, from its next hop; leaves PATH alone when that is a name, or IS_PINNED
 * and there is no route. */
void sip_dialog_find_path (Sip *sip, const SipDialog *dialog, bool is_pinned, SipPath *path);
void sip_leg_update_path (SipLeg *leg, const SipDialog *dialog);

/* Messages of LEG go in the class that its call has now. */
void sip_leg_classify (SipLeg *leg);

/* --- secure.c ---------------------------------------------------------------------------- */

/* Whether PACKET may be of LEG's peer as far as TLS has to do with it: whoever talks to us over TLS does not
 * go on in the clear, and whoever shows a certificate shows that of the leg's trunk. */
bool sip_secure_is_kept (const SipLeg *leg, const TdPacket *packet);

/* --- cause.c ----------------------------------------------------------------------------- */

/* Of a final response to INVITE; of a Reason header field, when there is one (RFC 3326). */
TdCause sip_cause_of_response (const SipScan *response);
bool sip_cause_of_reason (const SipScan *scan, TdCause *ret_cause);
/* The status and, in RET_REASON, the phrase (transfer none) to refuse an INVITE with. */
unsigned sip_cause_to_status (const TdCause *cause, const char **ret_reason);
void sip_cause_compose (GString *out, const TdCause *cause);
/* The same as LEG's peer is to see it. */
void sip_cause_compose_for (const SipLeg *leg, GString *out, const TdCause *cause);
/* Date with a refusal for want of a valid signature, so that the peer can compare clocks. */
void sip_cause_compose_date (GString *out, unsigned status, const TdCause *cause);
/* Warning: with a 488 that stands for want of trunks or bandwidth (RFC 4412 4.6.5). */
void sip_cause_compose_warning (SipLeg *leg, GString *out, unsigned status, const TdCause *cause);

/* Keeps the Retry-After of RESPONSE as an attribute of LEG's channel; writes it where a response of
 * STATUS may have one. */
void sip_retry_after_take (SipLeg *leg, const SipScan *response);
void sip_retry_after_compose (SipLeg *leg, GString *out, unsigned status);

/* --- emergency.c ------------------------------------------------------------------------- */

/* Has LEG's channel, which is yet to be offered, begin with the class of a call for help, where it is one. */
void sip_emergency_classify (SipLeg *leg, const TdPacket *packet);

/* --- marks.c ----------------------------------------------------------------------------- */

/* Has the marks of INVITE judged, which classifies LEG's channel, and keeps what is left of them for the
 * other leg. Returns 0, or the status to refuse with, its phrase (nullable), and header lines. */
unsigned sip_marks_take (SipLeg *leg, const SipScan *invite, const TdPacket *packet, GString *lines,
                         const char **ret_reason);

/* The same for REQUEST in the dialog of LEG, which may raise its call, or (NULL) outside one, of another
 * method. False: it was answered. */
bool sip_marks_admit (SipLane *lane, const SipScan *request, const TdPacket *packet, SipLeg *leg);

/* What a 200 to OPTIONS says of it. */
void sip_marks_compose_options (SipLane *lane, const TdPacket *packet, GString *lines);

/* Makes up what LEG's INVITE is marked with; writes that into the INVITE, into another request in the
 * dialog, and, signed anew, into another INVITE there. */
void sip_marks_place (SipLeg *leg);
void sip_marks_compose (const SipLeg *leg, GString *out);
/* Whether the header field ID of LEG's INVITE is written by that, and not as it came. */
bool sip_marks_have (const SipLeg *leg, SipHeaderId id);
void sip_marks_compose_inside (const SipLeg *leg, GString *out);
void sip_marks_compose_again (const SipLeg *leg, GString *out);

/* RESPONSE is to a request of ours in LEG's dialog: what is refused there for its marks is counted. */
void sip_marks_hear_inside (SipLeg *leg, const SipScan *response);

/* Whether to send the INVITE that has got RESPONSE once more, with other marks. */
bool sip_marks_try_others (SipLeg *leg, const SipScan *response);

/* --- parts.c ----------------------------------------------------------------------------- */

/* Keeps the parts of INVITE that are no description as an attribute of LEG's channel. */
void sip_parts_take (SipLeg *leg, const SipScan *invite);

/* What the ISUP in INVITE says of priority goes to RET; false: it has none that can be read. */
bool sip_parts_read_isup (const SipScan *invite, TdForeign *ret);

/* The ISUP in the parts that LEG's channel has says from now on that the call is ordinary. */
void sip_parts_void_isup (SipLeg *leg);

/* Ends the message in OUT with DESCRIPTION (nullable) and the parts that LEG's channel has, its
 * ISUP as the call's class is said to the leg's trunk; false, with OUT untouched, when it has none. */
bool sip_parts_compose (SipLeg *leg, GString *out, TdDescription *description);

/* --- redirect.c -------------------------------------------------------------------------- */

/* RESPONSE to LEG's INVITE has failed it for CAUSE: where it is a 3xx, what LEG's trunk says is done about it. */
void sip_redirect_take (SipLeg *leg, const SipScan *response, TdCause *cause);

/* The status to refuse LEG's INVITE with for CAUSE, which is OTHERWISE where no 3xx has to do with it; writes the
 * Contacts of one that is passed on. */
unsigned sip_redirect_status (const SipLeg *leg, const TdCause *cause, unsigned otherwise);
void sip_redirect_compose (const SipLeg *leg, GString *out);

/* --- uas.c ------------------------------------------------------------------------------- */

/* USER: whom the sender has proved to be; "": he was not asked. */
void sip_uas_invite (SipLane *lane, const SipScan *invite, const TdPacket *packet,
                     const char *user);

/* Whom INVITE calls, and who does; false when the former cannot be had. */
bool sip_uas_parties (const SipScan *invite, TdParty *ret_called, TdParty *ret_calling);

/* The parameters behind a telephone number, ";" first (RFC 3261 19.1.6): of a tel URI, or in the user
 * part. */
SipView sip_uas_number_parameters (const SipUri *uri);

void sip_uas_init (SipLeg *leg);
void sip_uas_clear (SipLeg *leg);
void sip_uas_offered (void *leg, unsigned event, void *data);
void sip_uas_answered (void *leg, unsigned event, void *data);

/* --- prack.c ----------------------------------------------------------------------------- */

/* Writes into LEG's INVITE what it says of reliable provisional responses. */
void sip_prack_offer (SipLeg *leg, GString *out);

typedef enum {
    SIP_PRACK_PLAIN, /* a response as any other */
    SIP_PRACK_SENT,  /* it was acknowledged: it has arrived in its order */
    SIP_PRACK_DISCARDED, /* it was there before, or is before its time: nothing is to be done about it */
} SipPrack;

/* Acknowledges the provisional RESPONSE in the early dialog EARLY_ID of LEG (0: in none), where it wants that. */
SipPrack sip_prack_take (SipLeg *leg, unsigned early_id, const SipScan *response);

/* --- late.c ------------------------------------------------------------------------------ */

/* ACK, and BYE unless the dialog IS_OVER, for the 2xx RESPONSE to an INVITE that went by INVITE_PATH
 * with CREDENTIALS (nullable). */
void sip_late_dismiss (SipLane *lane, const SipScan *response, const SipPath *invite_path,
                       bool is_pinned, const char *credentials, bool is_over);

/* LEG goes: from now on each 2xx to its INVITE is dismissed. */
void sip_late_take (SipLeg *leg, SipTransaction *invite);

/* --- uac.c ------------------------------------------------------------------------------- */

void sip_uac_originate (TdChannel *channel);
/* Whether LEG's INVITE does not say who calls, as he asked. */
bool sip_uac_hides_caller (const SipLeg *leg);
void sip_uac_calling (void *leg, unsigned event, void *data);
void sip_uac_accepting (void *leg, unsigned event, void *data);
void sip_uac_cancelling (void *leg, unsigned event, void *data);

/* --- offer.c ----------------------------------------------------------------------------- */

void sip_offer_receive (SipLeg *leg, const SipScan *request, const TdPacket *packet);
void sip_offer_send (SipLeg *leg, TdDescription *description);
/* The same, to say other than the peer was told in an answer; its call is not asked. */
void sip_offer_amend (SipLeg *leg, TdDescription *description);
/* An answer to OFFER that takes no stream (transfer full). */
TdDescription *sip_offer_refuse_all (const TdDescription *offer);
void sip_offer_accept (SipLeg *leg, TdDescription *description);
void sip_offer_refuse (SipLeg *leg, const TdCause *cause);
void sip_offer_init (SipLeg *leg);
/* The ACK for a 2xx of ours: it may bring an answer, and free the way for an offer of ours. */
void sip_offer_take_ack (SipLeg *leg, const SipScan *ack);
void sip_offer_clear (SipLeg *leg);

/* --- driver.c ---------------------------------------------------------------------------- */

extern const TdChannelDriver sip_channel_driver;

#endif
