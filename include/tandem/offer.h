/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Neutral media descriptions: what SDP says, without SIP, MGCP or H.248 around it.
 *
 * A description is immutable and counted: the same one stands in an offer, in a call and in a
 * termination. Change one by copying it, changing the copy before anybody else sees it. Lines that
 * Tandem does not understand are kept and carried (RFC 3264 6).
 */

#ifndef TANDEM_OFFER_H
#define TANDEM_OFFER_H

#include <tandem/base.h>

G_BEGIN_DECLS

#define TD_MAX_STREAMS 64
#define TD_MAX_FORMATS 32 /* of one stream */

typedef enum {
    TD_MEDIA_AUDIO,
    TD_MEDIA_VIDEO,
    TD_MEDIA_TEXT,
    TD_MEDIA_IMAGE,
    TD_MEDIA_APPLICATION,
    TD_MEDIA_OTHER, /* KIND_TEXT says what */
} TdMediaKind;

/* Seen from whoever wrote the description (RFC 3264 5.1). */
typedef enum {
    TD_DIRECTION_INACTIVE = 0,
    TD_DIRECTION_SENDONLY = 1,
    TD_DIRECTION_RECVONLY = 2,
    TD_DIRECTION_SENDRECV = 3,
} TdDirection;

typedef struct {
    uint8_t payload_type;   /* RTP streams */
    uint8_t channels;       /* 1 unless said */
    uint32_t clock_rate_hz; /* of the RTP clock */
    char *name;             /* "PCMU", filled in for static payload types (RFC 3551 6) */
    char *fmtp;             /* the parameters after "a=fmtp:N ", or NULL */
} TdFormat;

typedef struct {
    TdMediaKind kind;
    char *kind_text;
    char *transport; /* "RTP/AVP", as it stands in the m= line */
    char *address;   /* of this stream, from its own or the session's c= line, or NULL */
    bool is_ipv6;
    uint16_t port;      /* 0: the stream is refused or not used (RFC 3264 6) */
    uint16_t rtcp_port; /* RFC 3605, without its address; 0: port + 1 */
    bool is_rtcp_mux;   /* RFC 5761 */
    TdDirection direction;
    uint16_t ptime_ms; /* 0: not said */
    TdFormat *formats; /* RTP streams, in order of preference */
    unsigned n_formats;
    char *other_formats; /* the formats of a stream that is no RTP, as they stand */
    char **lines;        /* b=, k= and a= lines that are not taken apart, in their order */
} TdStream;

struct TdDescription {
    int n_refs; /* private, atomic */
    char *origin_user;
    uint64_t session_id;
    uint64_t session_version;
    char *origin_address;
    char *session_name;
    char **lines; /* session-level lines that are not taken apart */
    TdStream *streams;
    unsigned n_streams;
};

/* Thread, of all here: any. */
TD_API TdDescription *td_description_new (void);
TD_API TdDescription *td_description_copy (const TdDescription *description);
TD_API TdDescription *td_description_ref (TdDescription *description);
TD_API void td_description_unref (TdDescription *description);

/* Adds an empty stream and returns it (transfer none, good until the next one is added), or NULL
 * when there are TD_MAX_STREAMS. Only before anybody else sees DESCRIPTION. */
TD_API TdStream *td_description_add_stream (TdDescription *description);
TD_API TdFormat *td_stream_add_format (TdStream *stream, unsigned payload_type, const char *name,
                                       uint32_t clock_rate_hz, unsigned channels, const char *fmtp);
/* Takes all formats out of STREAM. */
TD_API void td_stream_clear_formats (TdStream *stream);
/* Replaces a text of a description or stream under construction. No text is set or freed in another
 * way: most of them share the description's own block. */
TD_API void td_description_set_text (char **text, const char *value);

/* Adds LINE ("b=AS:64", "a=label:1") to the lines of a description or stream under construction, and
 * takes out those that begin with PREFIX. */
TD_API void td_description_add_line (char ***lines, const char *line);
TD_API void td_description_drop_lines (char ***lines, const char *prefix);

/* Whether STREAM is carried by RTP, plain or secured: it has FORMATS, not OTHER_FORMATS. */
TD_API bool td_stream_is_rtp (const TdStream *stream);

/* Whether FORMAT is telephone-event or comfort noise: a companion of a codec, not one itself. */
TD_API bool td_format_is_companion (const TdFormat *format);
TD_API bool td_format_matches (const TdFormat *a, const TdFormat *b);

/* Reads SDP (RFC 4566; RFC 3264 for what it means). Errors: the line's number, the line and why;
 * over TD_MAX_STREAMS streams or 64 KiB is an error, too. */
TD_API TdDescription *td_description_from_sdp (const char *text, size_t len_bytes, GError **error);

/* Appends DESCRIPTION as SDP with CRLF line ends to TEXT. */
TD_API void td_description_to_sdp (const TdDescription *description, GString *text);

/* The answer to OFFER (RFC 3264 6): a stream for each of its streams, in its order. Stream for
 * stream, what LOCAL has and OFFER names is kept, in OFFER's order of preference and with its
 * payload types; nothing in common, or no stream of that kind in LOCAL, becomes port 0. Returns
 * NULL when OFFER wants a stream and not one is left: 488, TD_CAUSE_BEARER_NOT_IMPLEMENTED. */
TD_API TdDescription *td_description_answer (const TdDescription *offer,
                                             const TdDescription *local);

/* Whether ANSWER is a legal answer to OFFER: the same number and kinds of streams (RFC 3264 6), each
 * refused or with a transport and a format of the offer. Directions are not judged. */
TD_API bool td_description_is_answer_to (const TdDescription *answer, const TdDescription *offer,
                                         GError **error);

TD_API TdDirection td_direction_reverse (TdDirection direction);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TdDescription, td_description_unref)

G_END_DECLS

#endif
