/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first look at a message: is it one, whose is it, and if it is wrong, what is wrong with it.
 *
 *     bytes -> sip_frame (streams) -> sip_scan -> GOOD       to transactions and the parser
 *                                        |------> REFUSE     answered with STATUS and WHY
 *                                        |------> DROP       a response, an ACK, or unanswerable
 *                                        \------> KEEPALIVE  CRLF, or nothing
 *
 * One pass over the bytes, nothing allocated, nothing copied: all views point into the message. The
 * scan goes on after the first mistake as far as it can, so that a refusal finds its Via. */

#ifndef SIP_SCAN_H
#define SIP_SCAN_H

#include "header.h"
#include "uri.h"

#include <sys/types.h>

#define SIP_MAX_MESSAGE_BYTES 65536
#define SIP_MAX_HEADERS       256

typedef enum {
    SIP_SCAN_GOOD,
    SIP_SCAN_KEEPALIVE,
    SIP_SCAN_REFUSE,
    SIP_SCAN_DROP,
} SipVerdict;

typedef struct {
    const char *name;
    const char *value; /* trimmed; folded lines as they came */
    uint32_t value_len_bytes;
    uint16_t name_len_bytes;
    uint8_t id; /* SipHeaderId */
} SipHeader;

typedef struct {
    SipVerdict verdict;
    unsigned refusal; /* the status to refuse with; set for DROP, too, where one would fit */
    const char *why;  /* static text, what is wrong */

    bool is_request;
    SipMethod method; /* of a response: the one in CSeq */
    SipView method_name;
    SipView request_uri;
    SipUri uri; /* of a request, when it is well formed */
    unsigned status;
    SipView reason;

    SipVia via; /* the topmost one; WHOLE is empty when there is none that is well formed */
    unsigned n_vias;
    SipView from, to; /* whole values */
    SipNameAddr from_addr, to_addr;
    SipView from_tag, to_tag; /* empty: none */
    SipView call_id;
    SipView cseq; /* whole value */
    uint32_t cseq_number;
    SipView cseq_method;
    int max_forwards; /* -1: none */
    SipView content_type;
    SipView body;

    unsigned n_headers;
    SipHeader headers[SIP_MAX_HEADERS]; /* the first N_HEADERS are filled in */
} SipScan;

/* Looks at one whole message. IS_STREAM: Content-Length must be there and must fit exactly. */
SipVerdict sip_scan (SipScan *scan, const char *bytes, size_t len_bytes, bool is_stream);

/* Looks at no more of a request than it takes to find its transaction and to refuse it: start line, Via,
 * From, To, Call-ID, CSeq; HEADERS has these. What it fills in is what sip_scan () would. False for a
 * response, and for whatever is wrong or unusual: then sip_scan () has to say. */
bool sip_scan_brief (SipScan *scan, const char *bytes, size_t len_bytes);

/* For a stream: the length of the first message in BYTES, which may be more than LEN_BYTES; 0 when more is
 * needed to know it; -1 when no end can be found (no Content-Length, one that is no number, a head over 64
 * KiB). White lines before a message are a message of their own: keep-alives (RFC 3261 7.5, RFC 5626 3.5.1). */
ssize_t sip_frame (const char *bytes, size_t len_bytes);

/* The first header field with ID at or after *INDEX (0 to begin); moves *INDEX behind it. NULL at
 * the end. */
const SipHeader *sip_scan_next (const SipScan *scan, SipHeaderId id, unsigned *index);

/* The value of the first header field with ID, or an empty view. */
SipView sip_scan_header (const SipScan *scan, SipHeaderId id);
bool sip_scan_has (const SipScan *scan, SipHeaderId id);

/* Whether a list header (Require, Supported, Allow ...) names TOKEN, without regard to case. */
bool sip_scan_lists (const SipScan *scan, SipHeaderId id, const char *token);

static inline SipView
sip_header_value (const SipHeader *header)
{
    return (SipView){ header->value, header->value_len_bytes };
}

#endif
