/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of one call, gathered from the rings, and what is drawn of them.
 *
 *     rings of all lanes -> SipTraces -> sip_ladder_new () -> text, SVG
 *            (trace.c)              \--> sip_capture ()    -> pcap
 *                                    \-> sip_trace_raw ()  -> the messages as they were
 */

#ifndef SIP_TRACE_H
#define SIP_TRACE_H

#include "ring.h"

/* One message. Credentials in it have been masked. */
typedef struct {
    SipRecord record;
    char *call_id;
    char *bytes;  /* ended by a NUL that is not counted */
    bool is_left; /* of the leg that came in */
} SipTraced;

typedef struct {
    GArray *messages;    /* SipTraced, in the order of time */
    unsigned n_left_out; /* messages that were too many */
} SipTraces;

void sip_traces_clear (SipTraces *traces);

/* Overwrites the credentials of Authorization and Proxy-Authorization fields, wherever they stand in
 * BYTES (RFC 3261 22.4; also folded, in bodies, and in the headers of a URI), with '*'. The length
 * stays, and so does the name of the scheme. */
void sip_mask (char *bytes, size_t len_bytes);

/* --- ladder.c ---------------------------------------------------------------------------- */

#define SIP_LADDER_MAX_COLUMNS 9
#define SIP_LADDER_MAX_MEDIA   4

/* Somebody that messages come from and go to. */
typedef struct {
    TdAddress address;
    uint8_t transport;
    bool is_left;
    bool is_shared; /* there were too many: this one stands for others, too */
    const char *role;
    char host[TD_ADDRESS_TEXT_SIZE];
    char port[24]; /* "udp 5060" */
} SipColumn;

/* One message of the ladder. All its texts are UTF-8 that is harmless on a terminal. */
typedef struct {
    const SipTraced *message;
    unsigned from, to;                    /* columns */
    int64_t since_us;                     /* the first message */
    int64_t delta_us;                     /* since the one before */
    bool is_again;                        /* a retransmission */
    unsigned status;                      /* 0: a request */
    char *what;                           /* "INVITE", "180 Ringing" */
    char *of;                             /* "INVITE" of a response, or "" */
    char *media[SIP_LADDER_MAX_MEDIA][2]; /* "audio 192.0.2.7:4000", "sendrecv PCMU" */
    unsigned n_media, n_more_media;
} SipRung;

typedef struct {
    SipColumn columns[SIP_LADDER_MAX_COLUMNS];
    unsigned n_columns, self; /* the column of this switch */
    GArray *rungs;            /* SipRung */
    unsigned n_again, n_left_out;
    char *title;
} SipLadder;

/* The ladder of TRACES (at least one message), which must outlive it. */
SipLadder *sip_ladder_new (const SipTraces *traces, const char *title);
void sip_ladder_free (SipLadder *ladder);

/* Appends TEXT, at most MAX_CELLS columns of a terminal wide, with ".." where it was cut; what could
 * steer a terminal, hide, or is no UTF-8 becomes "?". Returns the columns it takes. */
unsigned sip_ladder_append_safe (GString *out, SipView text, unsigned max_cells);

/* As lines for a terminal that is WIDTH columns wide, or more where that is too little. */
char *sip_ladder_to_text (const SipLadder *ladder, unsigned width);

/* As a self-contained SVG 1.1 document. */
char *sip_ladder_to_svg (const SipLadder *ladder);

/* --- capture.c --------------------------------------------------------------------------- */

/* A pcap file (LINKTYPE_RAW) of TRACES: each message in IP and UDP or TCP headers made for it. */
GByteArray *sip_capture (const SipTraces *traces);

/* The messages, each behind a line that says when, from where and to where. */
GByteArray *sip_trace_raw (const SipTraces *traces);

/* "2026-11-22 05:55:38.123456" in UTC (transfer full). */
char *sip_trace_time (int64_t wall_us);

#endif
