/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dialogs: who talks to whom, by which way, and with which numbers (RFC 3261 12). */

#ifndef SIP_DIALOG_H
#define SIP_DIALOG_H

#include "compose.h"

typedef struct {
    char *call_id;
    char *local;      /* the From value of our requests, tag and all */
    char *remote;     /* the To value of our requests, tag and all */
    char *remote_tag; /* "": the peer speaks RFC 2543 */
    char *target;     /* URI: where the peer wants requests */
    char *routes;     /* Route lines as we send them; NULL for none */
    char *uri;        /* the Request-URI where it is not the target: strict routing; or NULL */
    char *hop; /* URI of whom we send to where it is not the target: the first route; or NULL */
    char local_tag[SIP_TAG_SIZE];
    uint32_t local_cseq;
    uint32_t remote_cseq;
    bool has_remote_cseq;
    bool is_target_guessed; /* the 2xx had no Contact: TARGET is whom it says it is from */
    bool is_confirmed;      /* a 2xx was sent or received */
} SipDialog;

/* From an INVITE that came and the tag we answer it with (RFC 3261 12.1.1). False, with DIALOG
 * cleared, when there is no Contact to send requests to. */
bool sip_dialog_init_uas (SipDialog *dialog, const SipScan *invite, const char *local_tag);

/* From a response to our INVITE (RFC 3261 12.1.2). False when it makes no dialog: a provisional one
 * without a To tag or a Contact. A 2xx must be acknowledged and can be ended (RFC 3261 13.2.2.4): it
 * makes one without a Contact, too, with the remote URI as target. */
bool sip_dialog_init_uac (SipDialog *dialog, const SipScan *response);

void sip_dialog_clear (SipDialog *dialog);

/* What a 2xx says of the route set and the target counts more than what a provisional said (RFC 3261
 * 13.2.2.4). */
void sip_dialog_confirm_uac (SipDialog *dialog, const SipScan *response);

/* The new target of a target refresh, when SCAN has a Contact (RFC 3261 12.2.1.2, 12.2.2). */
void sip_dialog_refresh_target (SipDialog *dialog, const SipScan *scan);

/* Whether the request, or response, SCAN belongs to DIALOG. */
bool sip_dialog_is_of (const SipDialog *dialog, const SipScan *scan);

/* Takes note of a request's CSeq; false when it is out of order: 500 (RFC 3261 12.2.2). */
bool sip_dialog_take_cseq (SipDialog *dialog, const SipScan *request);

/* Begins a request of METHOD with number CSEQ: request line, Via, Max-Forwards, Route, From, To,
 * Call-ID, CSeq. */
void sip_dialog_compose (GString *out, const SipDialog *dialog, const char *method, uint32_t cseq,
                         TdTransport transport, const char *via_host, const char *branch);

/* The URI whose host the requests go to (transfer none). */
const char *sip_dialog_next_hop (const SipDialog *dialog);

#endif
