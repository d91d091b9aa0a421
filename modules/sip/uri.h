/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* URIs and the header fields that hold one, taken apart as views. */

#ifndef SIP_URI_H
#define SIP_URI_H

#include "text.h"

#define SIP_MAX_PARAMS 64 /* of one URI, and of one header field value */

typedef enum {
    SIP_SCHEME_OTHER,
    SIP_SCHEME_SIP,
    SIP_SCHEME_SIPS,
    SIP_SCHEME_TEL,
    SIP_SCHEME_URN,
} SipScheme;

/* Of a tel URI, USER is the number; of a URN, all of it. */
typedef struct {
    SipView whole;
    SipScheme scheme;
    SipView user;    /* as it stands, escapes and all; without a password */
    SipView host;    /* an IPv6 reference keeps its brackets */
    uint16_t port;   /* 0: none given */
    SipView params;  /* from the first ";" on */
    SipView headers; /* after the "?" */
} SipUri;

/* "Display" <uri>;params, or uri;params (RFC 3261 20.10). */
typedef struct {
    SipView display; /* as it stands, with its quotes */
    SipView uri;
    SipView params;
    bool is_bracketed;
} SipNameAddr;

/* One value of a Via header field. */
typedef struct {
    SipView whole;
    SipView transport;
    SipView host;
    uint16_t port; /* 0: none given */
    SipView params;
    SipView branch;
    SipView received;
    SipView rport;
    bool has_rport;
    bool is_sip_2; /* "SIP/2.0" stands before the transport */
} SipVia;

/* Each returns NULL, or what is wrong (static text, good as a reason phrase). */
const char *sip_uri_scan (SipView text, SipUri *ret_uri);
const char *sip_name_addr_scan (SipView value, SipNameAddr *ret_addr);
/* HOST is filled in as soon as it is found, so that even a Via that is wrong after it can be answered. */
const char *sip_via_scan (SipView value, SipVia *ret_via);

/* "host", "host:port", "[v6]:port". */
const char *sip_hostport_scan (SipView text, SipView *ret_host, uint16_t *ret_port);

/* The user part without its escapes, as a text. An escaped NUL, control character or "%" stays
 * escaped: an identity is never cut short (RFC 4475 3.1.1.4), and no two different ones become the
 * same text. False when it does not fit. */
bool sip_unescape (SipView text, char *buffer, size_t buffer_size);

/* Appends TEXT with everything escaped that may not stand in a user part. */
void sip_escape_user (GString *to, const char *text);

/* RFC 3261 19.1.4, for the parts that name a resource: user with case and escapes resolved, host
 * without case, port, and the parameters that must agree. */
bool sip_uri_equal (const SipUri *a, const SipUri *b);

#endif
