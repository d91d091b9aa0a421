/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Multipart bodies (RFC 2046 5.1, RFC 5621), taken apart as views. */

#ifndef SIP_MIME_H
#define SIP_MIME_H

#include "header.h"

#define SIP_MAX_PARTS   16
#define SIP_MAX_NESTING 2

typedef struct {
    SipView content_type; /* empty: text/plain (RFC 2046 5.1) */
    SipView disposition;
    SipView content_id;
    SipView head; /* all of its header fields */
    SipView body;
} SipPart;

/* "application/sdp" of "application/sdp;charset=x", without its parameters. */
SipView sip_mime_type (SipView content_type);

/* Whether CONTENT_TYPE is multipart/anything. */
bool sip_mime_is_multipart (SipView content_type);

/* Divides BODY. Fills in PARTS and RET_N_PARTS. Returns NULL, or what is wrong (static text). */
const char *sip_mime_split (SipView content_type, SipView body, SipPart parts[SIP_MAX_PARTS],
                            unsigned *ret_n_parts);

/* Whether a body that says it is multipart is one, within the limits. NULL, or what is wrong. */
const char *sip_mime_check (SipView content_type, SipView body);

/* The first part, at any depth, whose type is TYPE; BODY itself when CONTENT_TYPE is TYPE. */
bool sip_mime_find (SipView content_type, SipView body, const char *type, SipPart *ret_part);

#endif
