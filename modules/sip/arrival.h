/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In which arrival queue a message waits, seen at a glance.
 *
 *     response of our branch, request with our tag  ->  established, within a rate a call
 *     a mark that counts, from a source that may    ->  priority, within a rate unless it is trusted
 *     all else                                      ->  ordinary
 *
 * The glance reads the start line and the few header fields it needs, of messages written as nearly
 * all are; what is written otherwise it leaves to the scan. It decides what is served first, and
 * nothing else: what it was wrong about is only served at another time. */

#ifndef SIP_ARRIVAL_H
#define SIP_ARRIVAL_H

#include "scan.h"

#include <tandem/iface/arrival.h>
#include <tandem/socket.h>

/* What sorting needs to know of a message. */
typedef struct {
    bool is_request;
    SipMethod method;    /* of a request */
    SipView request_uri; /* of a request */
    SipView branch;      /* of a response's topmost Via */
    SipView first_via;   /* of a request, the first header field's whole value */
    SipView to_tag;
    SipView call_id;
    bool is_marked;    /* it has a Resource-Priority */
    bool names_dialog; /* it has a Replaces or a Join */
} SipGlance;

/* False for what only the scan can tell. */
bool sip_glance (SipGlance *glance, const char *bytes, size_t len_bytes);

void sip_glance_of_scan (SipGlance *glance, const SipScan *scan);

/* Whether the request is for emergency help (RFC 5031), or for one of NUMBERS, which are user parts. */
bool sip_glance_is_for (const SipGlance *glance, const char *const *numbers);

/* How often each of many may go first, each on its own. For one lane. */
typedef struct SipClaims SipClaims;

/* N_PLACES: those that fall into one place share it, so that nobody gains by being many. */
SipClaims *sip_claims_new (uint64_t secret, unsigned n_places);
void sip_claims_free (SipClaims *claims);

/* Whether WHO, who may go first RATE times a second, may do so now; counts it. */
bool sip_claims_take (SipClaims *claims, SipView who, unsigned rate, int64_t now_us);

/* The same for SOURCE. Those of datagrams MAY_BE_FORGED, another one each time, so that it says little how often
 * each goes first: together they do so as often as some. */
enum { SIP_FORGED_SOURCES = 20 };

bool sip_claims_take_of (SipClaims *claims, const TdAddress *source, bool may_be_forged,
                         unsigned rate, int64_t now_us);

/* What tells a source apart from others: its address without the port. */
SipView sip_claim_of_source (const TdAddress *source);

#endif
