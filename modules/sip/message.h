/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A message as libosip2 models it, filled in field by field as somebody asks.
 *
 * libosip2 parses a header field only when its value is wanted: a malformed field that nobody needs
 * harms nobody (RFC 3261 8.2.2), and a message costs what is read of it. Three things are always
 * read from the scan's views instead, because libosip2 alters them: the user part of a URI (it cuts
 * it at an escaped NUL), the name of a header field it does not know (it changes its case), and the
 * order of fields. */

#ifndef SIP_MESSAGE_H
#define SIP_MESSAGE_H

#include "scan.h"

#include <osipparser2/osip_message.h>

typedef struct {
    const SipScan *scan;
    osip_message_t *osip; /* NULL until something was asked for */
    uint64_t asked[2];    /* a bit for each SipHeaderId */
    uint64_t broken[2];
} SipMessage;

/* A message over SCAN (transfer none), to be cleared in the same turn. */
void sip_message_init (SipMessage *message, const SipScan *scan);
void sip_message_clear (SipMessage *message);

/* Fills in the values of ID, one of: Accept, Allow, Authorization, Contact, Content-Type, From,
 * Proxy-Authenticate, Proxy-Authorization, Record-Route, Route, To, WWW-Authenticate. Returns the
 * model (transfer none), or NULL when libosip2 refuses one of the values. */
const osip_message_t *sip_message_need (SipMessage *message, SipHeaderId id);

/* The "expires" of contact INDEX, or else the Expires header field, or else FALLBACK; what is no
 * number counts as FALLBACK (RFC 3261 10.2.1.1, RFC 4475 3.1.2.4). */
uint32_t sip_message_expires (SipMessage *message, unsigned index, uint32_t fallback);

/* The name to show of From or To, without quotes and escapes; false when there is none that fits. */
bool sip_message_display (const SipNameAddr *addr, char *buffer, size_t buffer_size);

/* The user and host of ADDR's URI as texts; false when one does not fit, or holds what no party may
 * (see td_party_from_user()). A URI without a user gives "". */
bool sip_message_user_host (const SipUri *uri, char *user, size_t user_size, char *host,
                            size_t host_size);

/* "0.5" and the like, in thousandths (RFC 3261 25.1 qvalue); what is none counts as 1. */
unsigned sip_q_read (SipView value);

#endif
