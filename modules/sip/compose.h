/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as we write them: once, into one buffer, in the order and the case they should have.
 *
 * A message is put together as text: the lines that come from the peer are copied from it, ours are
 * printed. There is no second model of a message to be filled in and serialised. */

#ifndef SIP_COMPOSE_H
#define SIP_COMPOSE_H

#include "load.h"
#include "scan.h"

#include <tandem/socket.h>

#define SIP_TAG_SIZE    32
#define SIP_BRANCH_SIZE 40

/* What answering a request takes, kept for as long as it may be answered. */
typedef struct {
    char *text;        /* owns the rest */
    SipView vias;      /* whole lines, Via and From */
    SipView to;        /* the value */
    SipView rest;      /* whole lines, Call-ID and CSeq */
    SipView routes;    /* whole lines, Record-Route; empty for none */
    SipView timestamp; /* a whole line, or empty */
    bool has_to_tag;
    SipLoad *load; /* what the topmost Via says of it, after LOAD_AT of VIAS; nullable: nothing */
    size_t load_at;
} SipReplyHead;

/* SOURCE: where the request came from, for "received" and "rport" (RFC 3261 18.2.1, RFC 3581 4). LOAD
 * (nullable) is told to whoever asks for it, as it is with each response (RFC 7339 5.2). */
void sip_reply_head_init (SipReplyHead *head, const SipScan *request, const TdAddress *source,
                          SipLoad *load);
void sip_reply_head_clear (SipReplyHead *head);

/* Begins a response (RFC 3261 8.2.6). TO_TAG (nullable) is added unless the request has a To tag or
 * the response is a 100. REASON NULL: the usual one. */
void sip_compose_response (GString *out, const SipReplyHead *head, unsigned status,
                           const char *reason, const char *to_tag);

/* A whole response to REQUEST that is never needed again (RFC 3261 8.2.6, 8.2.7): what the three functions
 * above make of it, with the whole header lines LINES (nullable), at a third of their cost. Of REQUEST only
 * the topmost Via, To, its tag and the header fields that are copied are looked at. */
void sip_compose_answer (GString *out, const SipScan *request, const TdAddress *source,
                         SipLoad *load, unsigned status, const char *reason, const char *lines,
                         const char *to_tag);

/* The usual reason phrase (RFC 3261 21); "Unknown" for a code nobody has given one. */
const char *sip_reason (unsigned status);

/* "udp", "tcp", "tls". */
const char *sip_transport_name (TdTransport transport);

/* Begins a request: its line, and our Via. VIA_HOST: "192.0.2.1:5060". */
void sip_compose_request (GString *out, const char *method, SipView uri, TdTransport transport,
                          const char *via_host, const char *branch);

/* "NAME: VALUE" with folded lines made one; a value that holds CR, LF or NUL loses them. */
void sip_compose_header (GString *out, const char *name, SipView value);
void sip_compose_text (GString *out, const char *name, const char *value);
void sip_compose_number (GString *out, const char *name, uint64_t number);
/* RFC 3261 20.17, in words that no locale changes. */
void sip_compose_date (GString *out, int64_t wall_us);

void sip_compose_cseq (GString *out, uint32_t number, const char *method);

/* HEADER as it came, but for folded lines and a compact name. */
void sip_compose_copy (GString *out, const SipHeader *header);

/* Every header field of SCAN with ID. */
void sip_compose_copy_all (GString *out, const SipScan *scan, SipHeaderId id);

/* TEXT in quotes, with what needs it escaped. */
void sip_compose_quoted (GString *out, const char *text);

/* Ends the message: Content-Type where there is a body, Content-Length, empty line, body. */
void sip_compose_end (GString *out, const char *content_type, const char *body, size_t len_bytes);

/* ACK for the failure RESPONSE to INVITE, on the same transaction (RFC 3261 17.1.1.3). */
void sip_compose_ack (GString *out, const SipScan *invite, const SipScan *response);

/* CANCEL for INVITE (RFC 3261 9.1) with LINES, which are whole header lines. */
void sip_compose_cancel (GString *out, const SipScan *invite, const char *lines);

#endif
