/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints session descriptions, each section in the order RFC 4566 5 asks for. */

#include "call/offer.h"

#include <string.h>

/* The address of a stream that is refused and never had one. */
#define NOWHERE "0.0.0.0"

#define PUT(text, literal) g_string_append_len ((text), (literal), sizeof (literal) - 1)

static void
put (GString *text, const char *value)
{
    g_string_append_len (text, value, (gssize) strlen (value));
}

static void
put_number (GString *text, uint64_t number)
{
    char digits[20];
    unsigned at = sizeof digits;

    do {
        digits[--at] = (char) ('0' + number % 10);
        number /= 10;
    } while (number > 0);
    g_string_append_len (text, digits + at, sizeof digits - at);
}

/* The carried lines whose letter is one of TYPES, in their order. */
static void
put_lines (GString *text, char *const *lines, const char *types)
{
    for (char *const *line = lines; line != NULL && *line != NULL; line++) {
        if (strchr (types, **line) != NULL) {
            put (text, *line);
            PUT (text, "\r\n");
        }
    }
}

static void
put_connection (GString *text, const char *address, bool is_ipv6)
{
    g_string_append (text, is_ipv6 ? "c=IN IP6 " : "c=IN IP4 ");
    put (text, address);
    PUT (text, "\r\n");
}

/* Where media goes in the session's section. */
typedef struct {
    const char *address; /* NULL: each stream says its own */
    bool is_ipv6;
} Connection;

static bool
has_line (char *const *lines, char type)
{
    for (char *const *line = lines; line != NULL && *line != NULL; line++) {
        if (**line == type) {
            return true;
        }
    }
    return false;
}

/* The address of all streams that have one, if it is the same. A stream with further c= lines needs
 * its own in front of them. */
static Connection
find_common (const TdDescription *description)
{
    Connection common = { NULL, false };

    for (unsigned i = 0; i < description->n_streams; i++) {
        const TdStream *stream = &description->streams[i];
        if (has_line (stream->lines, 'c')) {
            return (Connection){ NULL, false };
        }
        if (stream->address == NULL) {
            continue;
        }
        if (common.address == NULL) {
            common = (Connection){ stream->address, stream->is_ipv6 };
        } else if (stream->is_ipv6 != common.is_ipv6
                   || (stream->address != common.address
                       && strcmp (stream->address, common.address) != 0)) {
            return (Connection){ NULL, false };
        }
    }
    if (common.address == NULL && description->n_streams > 0) {
        common.address = NOWHERE;
    }
    return common;
}

static void
put_origin (GString *text, const TdDescription *description)
{
    const char *user = description->origin_user;
    const char *address = description->origin_address;

    for (unsigned i = 0; i < description->n_streams && address == NULL; i++) {
        address = description->streams[i].address;
    }
    PUT (text, "o=");
    put (text, user != NULL && *user != '\0' ? user : "-");
    g_string_append_c (text, ' ');
    put_number (text, description->session_id);
    g_string_append_c (text, ' ');
    put_number (text, description->session_version);
    bool is_ipv6 = address != NULL && strchr (address, ':') != NULL;
    g_string_append (text, is_ipv6 ? " IN IP6 " : " IN IP4 ");
    put (text, address != NULL ? address : NOWHERE);
    PUT (text, "\r\n");
}

static void
put_session (GString *text, const TdDescription *description, const Connection *common)
{
    char *const *lines = description->lines;
    const char *name = description->session_name;

    PUT (text, "v=0\r\n");
    put_origin (text, description);
    PUT (text, "s=");
    put (text, name != NULL && *name != '\0' ? name : "-");
    PUT (text, "\r\n");
    put_lines (text, lines, "i");
    put_lines (text, lines, "u");
    put_lines (text, lines, "e");
    put_lines (text, lines, "p");
    if (common->address != NULL) {
        put_connection (text, common->address, common->is_ipv6);
    }
    put_lines (text, lines, "c");
    put_lines (text, lines, "b");
    if (!has_line (lines, 't')) {
        PUT (text, "t=0 0\r\n");
    }
    put_lines (text, lines, "tr");
    put_lines (text, lines, "z");
    put_lines (text, lines, "k");
    put_lines (text, lines, "a");
}

/* RFC 3264 6.1: an rtpmap for dynamic payload types, and better for all. */
static void
put_format (GString *text, const TdFormat *format)
{
    if (format->name != NULL && *format->name != '\0') {
        PUT (text, "a=rtpmap:");
        put_number (text, format->payload_type);
        g_string_append_c (text, ' ');
        put (text, format->name);
        g_string_append_c (text, '/');
        put_number (text, format->clock_rate_hz);
        if (format->channels > 1) {
            g_string_append_c (text, '/');
            put_number (text, format->channels);
        }
        PUT (text, "\r\n");
    }
    if (format->fmtp != NULL) {
        PUT (text, "a=fmtp:");
        put_number (text, format->payload_type);
        g_string_append_c (text, ' ');
        put (text, format->fmtp);
        PUT (text, "\r\n");
    }
}

static void
put_direction (GString *text, TdDirection direction)
{
    switch (direction) {
    case TD_DIRECTION_INACTIVE:
        PUT (text, "a=inactive\r\n");
        break;
    case TD_DIRECTION_SENDONLY:
        PUT (text, "a=sendonly\r\n");
        break;
    case TD_DIRECTION_RECVONLY:
        PUT (text, "a=recvonly\r\n");
        break;
    case TD_DIRECTION_SENDRECV:
        PUT (text, "a=sendrecv\r\n");
        break;
    }
}

static void
put_media_line (GString *text, const TdStream *stream, bool is_rtp)
{
    PUT (text, "m=");
    put (text, stream->kind_text);
    g_string_append_c (text, ' ');
    put_number (text, stream->port);
    g_string_append_c (text, ' ');
    put (text, stream->transport);
    for (unsigned i = 0; i < stream->n_formats; i++) {
        g_string_append_c (text, ' ');
        put_number (text, stream->formats[i].payload_type);
    }
    if (!is_rtp && stream->other_formats != NULL) {
        g_string_append_c (text, ' ');
        put (text, stream->other_formats);
    } else if (stream->n_formats == 0) {
        PUT (text, " 0"); /* RFC 3264 6: one format must be there, even if it is ignored */
    }
    PUT (text, "\r\n");
}

static void
put_stream_attributes (GString *text, const TdStream *stream, bool is_rtp)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        put_format (text, &stream->formats[i]);
    }
    if (stream->ptime_ms != 0) {
        PUT (text, "a=ptime:");
        put_number (text, stream->ptime_ms);
        PUT (text, "\r\n");
    }
    if (is_rtp && stream->rtcp_port != 0) {
        PUT (text, "a=rtcp:");
        put_number (text, stream->rtcp_port);
        PUT (text, "\r\n");
    }
    if (is_rtp && stream->is_rtcp_mux) {
        PUT (text, "a=rtcp-mux\r\n");
    }
    /* RFC 3264 5.1: sendrecv is the default. It is spelt out for voice, where old phones look for
     * it after a hold, and not where it means nothing, as for fax. */
    if (stream->direction != TD_DIRECTION_SENDRECV || (is_rtp && stream->port != 0)) {
        put_direction (text, stream->direction);
    }
}

static void
put_stream (GString *text, const TdStream *stream, bool has_common_address)
{
    bool is_rtp = td_stream_is_rtp (stream);

    put_media_line (text, stream, is_rtp);
    put_lines (text, stream->lines, "i");
    /* RFC 4566 5.7: each stream needs an address, even one that is refused. */
    if (!has_common_address) {
        put_connection (text, stream->address != NULL ? stream->address : NOWHERE,
                        stream->address != NULL && stream->is_ipv6);
    }
    put_lines (text, stream->lines, "c");
    put_lines (text, stream->lines, "b");
    put_lines (text, stream->lines, "k");
    put_stream_attributes (text, stream, is_rtp);
    put_lines (text, stream->lines, "a");
}

void
td_description_to_sdp (const TdDescription *description, GString *text)
{
    Connection common = find_common (description);

    put_session (text, description, &common);
    for (unsigned i = 0; i < description->n_streams; i++) {
        put_stream (text, &description->streams[i], common.address != NULL);
    }
}
