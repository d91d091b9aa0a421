/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads session descriptions (RFC 4566).
 *
 * The text is copied once, into the block of the description; lines and words are cut in place and
 * the description points at them. Strict about structure, with the line's number in each error;
 * tolerant where real peers are sloppy and nothing can be misread: order of lines within a section,
 * bare line feeds, doubled and trailing spaces, missing o=, s= and t= lines.
 */

#include "call/error.h"
#include "call/offer.h"

#include <string.h>

typedef enum {
    LINE_TAKEN,
    LINE_CARRIED, /* kept as it stands */
    LINE_BAD,     /* the error is set */
} LineFate;

typedef struct {
    const char *original;  /* for errors: the line as it came */
    size_t original_bytes; /* without its end */
    unsigned line_number;  /* from 1 */
    TdDescription *description;
    TdStream *stream; /* NULL in the session's section */
    bool is_rtp;      /* STREAM is */
    unsigned stream_line;
    unsigned n_lines; /* carried in this section */
    bool has_version, has_origin, has_name;
    char *session_address;
    bool is_session_ipv6;
    TdDirection session_direction;
    GError **error;
} Reader;

G_GNUC_PRINTF (2, 3)
static LineFate
bad (Reader *reader, const char *format, ...)
{
    g_autofree char *line = td_quote (reader->original, reader->original_bytes);
    va_list args;

    va_start (args, format);
    g_autofree char *reason = g_strdup_vprintf (format, args);
    va_end (args);
    g_set_error (reader->error, TD_CALL_ERROR, TD_CALL_ERROR_SDP, "SDP line %u \"%s\": %s",
                 reader->line_number, line, reason);
    return LINE_BAD;
}

/* Reads digits at *CURSOR and moves it behind them. False when there is none or the number is above
 * MAX. */
static bool
read_number (const char **cursor, uint64_t max, uint64_t *ret_number)
{
    const char *digit = *cursor;
    uint64_t number = 0;

    if (!g_ascii_isdigit (*digit)) {
        return false;
    }
    for (; g_ascii_isdigit (*digit); digit++) {
        unsigned value = (unsigned) (*digit - '0');
        if (number > (max - value) / 10) {
            return false;
        }
        number = number * 10 + value;
    }
    *cursor = digit;
    *ret_number = number;
    return true;
}

/* The whole of WORD as a number. */
static bool
word_number (const char *word, uint64_t max, uint64_t *ret_number)
{
    return word != NULL && read_number (&word, max, ret_number) && *word == '\0';
}

/* Cuts the next word out of *CURSOR, or returns NULL at its end. */
static char *
next_word (char **cursor)
{
    char *word = *cursor;

    while (*word == ' ') {
        word++;
    }
    if (*word == '\0') {
        *cursor = word;
        return NULL;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    if (*end == ' ') {
        *end++ = '\0';
    }
    *cursor = end;
    return word;
}

/* Cuts off the spaces at the end. */
static void
trim_end (char *value)
{
    for (size_t n = strlen (value); n > 0 && value[n - 1] == ' '; n--) {
        value[n - 1] = '\0';
    }
}

/* RFC 4566 5.1. */
static LineFate
read_version (Reader *reader, char *value)
{
    if (reader->has_version) {
        return bad (reader, "a second v= line");
    }
    if (strcmp (value, "0") != 0) {
        return bad (reader, "this version is not known, only v=0 is");
    }
    reader->has_version = true;
    return LINE_TAKEN;
}

/* RFC 4566 5.2. */
static LineFate
read_origin (Reader *reader, char *value)
{
    TdDescription *description = reader->description;

    if (reader->has_origin) {
        return bad (reader, "a second o= line");
    }
    char *user = next_word (&value);
    char *id = next_word (&value);
    char *version = next_word (&value);
    char *net_type = next_word (&value);
    char *address_type = next_word (&value);
    char *address = next_word (&value);
    if (address == NULL || address_type == NULL || net_type == NULL) {
        return bad (reader, "o= needs a user, session id, version, network type, address type and "
                            "address");
    }
    /* RFC 3264 5: both fit into 64 bits. */
    if (!word_number (id, UINT64_MAX, &description->session_id)) {
        return bad (reader, "the session id is not a number of 64 bits");
    }
    if (!word_number (version, UINT64_MAX, &description->session_version)) {
        return bad (reader, "the session version is not a number of 64 bits");
    }
    description->origin_user = user;
    description->origin_address = address;
    reader->has_origin = true;
    return LINE_TAKEN;
}

/* RFC 4566 5.3. */
static LineFate
read_name (Reader *reader, char *value)
{
    if (reader->has_name) {
        return bad (reader, "a second s= line");
    }
    reader->description->session_name = value;
    reader->has_name = true;
    return LINE_TAKEN;
}

/* RFC 4566 5.7. Other networks than IN are carried. More than one c= line is for layers of a
 * multicast stream only; the further ones are carried, too. */
static LineFate
read_connection (Reader *reader, char *value)
{
    TdStream *stream = reader->stream;
    bool is_ipv6 = strncmp (value, "IN IP6 ", 7) == 0;

    if (!is_ipv6 && strncmp (value, "IN IP4 ", 7) != 0) {
        if (strchr (value, ' ') == NULL) {
            return bad (reader, "c= needs a network type, an address type and an address");
        }
        return LINE_CARRIED;
    }
    if (stream != NULL && stream->address != NULL && stream->address != reader->session_address) {
        return LINE_CARRIED;
    }
    value += 7;
    char *address = next_word (&value);
    if (address == NULL) {
        return bad (reader, "c= has no address");
    }
    if (stream != NULL) {
        stream->address = address;
        stream->is_ipv6 = is_ipv6;
        return LINE_TAKEN;
    }
    if (reader->session_address != NULL) {
        return bad (reader, "a second c= line for the session");
    }
    reader->session_address = address;
    reader->is_session_ipv6 = is_ipv6;
    return LINE_TAKEN;
}

static TdFormat *
find_format (TdStream *stream, uint64_t payload_type)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (stream->formats[i].payload_type == payload_type) {
            return &stream->formats[i];
        }
    }
    return NULL;
}

/* "rtpmap" and "fmtp" begin with the payload type they are about (RFC 4566 6). Returns the format
 * and moves *VALUE behind the spaces, or NULL when the line is about something else. */
static TdFormat *
read_subject (Reader *reader, char **value)
{
    const char *cursor = *value;
    uint64_t payload_type;

    if (!reader->is_rtp || !read_number (&cursor, 127, &payload_type) || *cursor != ' ') {
        return NULL;
    }
    while (*cursor == ' ') {
        cursor++;
    }
    *value += cursor - *value;
    return find_format (reader->stream, payload_type);
}

/* a=rtpmap:101 telephone-event/8000[/channels] */
static LineFate
read_rtpmap (Reader *reader, char *value)
{
    TdFormat *format = read_subject (reader, &value);
    uint64_t rate_hz, channels = 1;

    if (format == NULL) {
        return LINE_CARRIED;
    }
    char *slash = strchr (value, '/');
    if (slash == NULL || slash == value) {
        return bad (reader, "a=rtpmap needs an encoding and its clock rate, as in PCMU/8000");
    }
    const char *cursor = slash + 1;
    if (!read_number (&cursor, UINT32_MAX, &rate_hz) || rate_hz == 0) {
        return bad (reader, "the clock rate is not a number of 32 bits above 0");
    }
    if (*cursor == '/') {
        cursor++;
        if (!read_number (&cursor, UINT8_MAX, &channels) || channels == 0) {
            return bad (reader, "the number of channels is not from 1 to 255");
        }
    }
    if (cursor[strspn (cursor, " ")] != '\0') {
        return bad (reader, "what follows the clock rate is not understood");
    }
    *slash = '\0';
    format->name = value;
    format->clock_rate_hz = (uint32_t) rate_hz;
    format->channels = (uint8_t) channels;
    return LINE_TAKEN;
}

static LineFate
read_fmtp (Reader *reader, char *value)
{
    TdFormat *format = read_subject (reader, &value);

    if (format == NULL || format->fmtp != NULL) {
        return LINE_CARRIED;
    }
    format->fmtp = value;
    return LINE_TAKEN;
}

/* RFC 3264 5.1: greater than 0. Anything else says nothing and is carried. */
static LineFate
read_ptime (Reader *reader, char *value)
{
    uint64_t ptime_ms;

    if (reader->stream == NULL || !word_number (value, UINT16_MAX, &ptime_ms) || ptime_ms == 0) {
        return LINE_CARRIED;
    }
    reader->stream->ptime_ms = (uint16_t) ptime_ms;
    return LINE_TAKEN;
}

/* RFC 3605 2.1: a port and, perhaps, an address, which is not kept. */
static LineFate
read_rtcp (Reader *reader, char *value)
{
    const char *cursor = value;
    uint64_t port;

    if (!reader->is_rtp) {
        return LINE_CARRIED;
    }
    if (!read_number (&cursor, UINT16_MAX, &port) || (*cursor != '\0' && *cursor != ' ')) {
        return bad (reader, "a=rtcp needs a port from 0 to 65535");
    }
    if (port == 0) {
        return LINE_CARRIED;
    }
    reader->stream->rtcp_port = (uint16_t) port;
    return LINE_TAKEN;
}

/* RFC 5761 5.1.1. */
static LineFate
read_rtcp_mux (Reader *reader, char *value)
{
    if (!reader->is_rtp) {
        return LINE_CARRIED;
    }
    reader->stream->is_rtcp_mux = true;
    return LINE_TAKEN;
}

/* RFC 3264 5.1: of the stream, or of every stream of the session that says nothing itself. */
static LineFate
set_direction (Reader *reader, TdDirection direction)
{
    if (reader->stream != NULL) {
        reader->stream->direction = direction;
    } else {
        reader->session_direction = direction;
    }
    return LINE_TAKEN;
}

static LineFate
read_sendrecv (Reader *reader, char *value)
{
    return set_direction (reader, TD_DIRECTION_SENDRECV);
}

static LineFate
read_sendonly (Reader *reader, char *value)
{
    return set_direction (reader, TD_DIRECTION_SENDONLY);
}

static LineFate
read_recvonly (Reader *reader, char *value)
{
    return set_direction (reader, TD_DIRECTION_RECVONLY);
}

static LineFate
read_inactive (Reader *reader, char *value)
{
    return set_direction (reader, TD_DIRECTION_INACTIVE);
}

/* What is not listed is carried. */
static const struct {
    const char *name;
    uint8_t len_bytes;
    bool has_value;
    LineFate (*read) (Reader *reader, char *value);
} attributes[] = {
    { "rtpmap", 6, true, read_rtpmap },      { "fmtp", 4, true, read_fmtp },
    { "sendrecv", 8, false, read_sendrecv }, { "ptime", 5, true, read_ptime },
    { "rtcp-mux", 8, false, read_rtcp_mux }, { "rtcp", 4, true, read_rtcp },
    { "sendonly", 8, false, read_sendonly }, { "recvonly", 8, false, read_recvonly },
    { "inactive", 8, false, read_inactive },
};

/* RFC 4566 5.13. */
static LineFate
read_attribute (Reader *reader, char *value)
{
    trim_end (value);
    char *colon = strchrnul (value, ':');
    size_t len_bytes = (size_t) (colon - value);
    bool has_value = *colon == ':';

    if (len_bytes == 0) {
        return bad (reader, "the attribute has no name");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS (attributes); i++) {
        if (attributes[i].len_bytes == len_bytes && attributes[i].has_value == has_value
            && memcmp (attributes[i].name, value, len_bytes) == 0) {
            return attributes[i].read (reader, has_value ? colon + 1 : colon);
        }
    }
    return LINE_CARRIED;
}

static TdMediaKind
kind_of (const char *text)
{
    static const char *const kinds[] = {
        [TD_MEDIA_AUDIO] = "audio",
        [TD_MEDIA_VIDEO] = "video",
        [TD_MEDIA_TEXT] = "text",
        [TD_MEDIA_IMAGE] = "image",
        [TD_MEDIA_APPLICATION] = "application",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (kinds); i++) {
        if (strcmp (text, kinds[i]) == 0) {
            return (TdMediaKind) i;
        }
    }
    return TD_MEDIA_OTHER;
}

/* The payload types of an m= line, with what the static ones stand for. */
static LineFate
read_formats (Reader *reader, char *value)
{
    TdStream *stream = reader->stream;
    const char *word;
    uint64_t payload_type;

    while ((word = next_word (&value)) != NULL) {
        if (!word_number (word, 127, &payload_type)) {
            g_autofree char *text = td_quote (word, strlen (word));
            return bad (reader, "payload type \"%s\" is not from 0 to 127", text);
        }
        if (find_format (stream, payload_type) != NULL) {
            continue;
        }
        TdFormat *format = td_stream_append_format (stream);
        if (format == NULL) {
            return bad (reader, "more than %d formats", TD_MAX_FORMATS);
        }
        const TdFormat *known = td_format_static ((unsigned) payload_type);
        if (known != NULL) {
            *format = *known;
        } else {
            format->payload_type = (uint8_t) payload_type;
            format->name = (char *) "\0" + 1; /* until an rtpmap says */
        }
    }
    return LINE_TAKEN;
}

/* RFC 4566 5.7: every stream has its own address or the session's. One that is refused needs none:
 * nothing is sent there. */
static bool
check_stream (Reader *reader)
{
    const TdStream *stream = reader->stream;

    if (stream == NULL || stream->port == 0 || stream->address != NULL) {
        return true;
    }
    g_autofree char *kind = td_quote (stream->kind_text, strlen (stream->kind_text));
    g_set_error (
        reader->error, TD_CALL_ERROR, TD_CALL_ERROR_SDP,
        "SDP line %u \"m=%s %u ...\": neither the stream nor the session has a c= line with "
        "an IP address",
        reader->stream_line, kind, stream->port);
    return false;
}

static LineFate
read_port (Reader *reader, const char *word, TdStream *stream)
{
    uint64_t port, n_ports = 1;

    if (!read_number (&word, UINT16_MAX, &port)) {
        return bad (reader, "the port is not from 0 to 65535");
    }
    if (*word == '/') {
        word++;
        if (!read_number (&word, UINT16_MAX, &n_ports)) {
            return bad (reader, "the number of ports is not from 1 to 65535");
        }
    }
    if (*word != '\0') {
        return bad (reader, "the port is followed by something else than a space");
    }
    /* RFC 4566 5.14: more ports are for layered encodings. */
    if (n_ports != 1) {
        return bad (reader, "only one port is supported, not %u", (unsigned) n_ports);
    }
    stream->port = (uint16_t) port;
    return LINE_TAKEN;
}

/* RFC 4566 5.14: m=<media> <port> <proto> <fmt> ... */
static LineFate
read_media (Reader *reader, char *value)
{
    if (!check_stream (reader)) {
        return LINE_BAD;
    }
    TdStream *stream = td_description_add_stream (reader->description);
    if (stream == NULL) {
        return bad (reader, "more than %d streams", TD_MAX_STREAMS);
    }
    reader->stream = stream;
    reader->stream_line = reader->line_number;
    reader->n_lines = 0;
    char *kind = next_word (&value);
    char *port = next_word (&value);
    char *transport = next_word (&value);
    value += strspn (value, " ");
    trim_end (value);
    if (transport == NULL || *value == '\0') {
        return bad (reader, "m= needs a kind of media, a port, a transport and a format");
    }
    stream->kind_text = kind;
    stream->kind = kind_of (kind);
    stream->transport = transport;
    stream->address = reader->session_address;
    stream->is_ipv6 = reader->is_session_ipv6;
    stream->direction = reader->session_direction;
    if (read_port (reader, port, stream) == LINE_BAD) {
        return LINE_BAD;
    }
    reader->is_rtp = td_stream_is_rtp (stream);
    if (reader->is_rtp) {
        return read_formats (reader, value);
    }
    stream->other_formats = value;
    return LINE_TAKEN;
}

/* A session that is not bounded is what every description says that says nothing. */
static LineFate
read_time (Reader *reader, char *value)
{
    return strcmp (value, "0 0") == 0 ? LINE_TAKEN : LINE_CARRIED;
}

static LineFate
read_session_line (Reader *reader, char type, char *value)
{
    if (!reader->has_version && type != 'v') {
        return bad (reader, "a description begins with v=0");
    }
    switch (type) {
    case 'v':
        return read_version (reader, value);
    case 'o':
        return read_origin (reader, value);
    case 's':
        return read_name (reader, value);
    case 't':
        return read_time (reader, value);
    case 'i':
    case 'u':
    case 'e':
    case 'p':
    case 'b':
    case 'r':
    case 'z':
    case 'k':
        return LINE_CARRIED;
    default:
        /* RFC 4566 5: the set of letters is closed, a reader refuses what has others. */
        return bad (reader, "a line of this type is not known");
    }
}

static LineFate
read_stream_line (Reader *reader, char type)
{
    switch (type) {
    case 'i':
    case 'b':
    case 'k':
        return LINE_CARRIED;
    case 'v':
    case 'o':
    case 's':
    case 'u':
    case 'e':
    case 'p':
    case 't':
    case 'r':
    case 'z':
        return bad (reader, "this belongs before the first m= line");
    default:
        return bad (reader, "a line of this type is not known");
    }
}

/* Files LINE, N_BYTES long and with a NUL at its end, in the description. */
static bool
read_line (Reader *reader, char *line, size_t n_bytes)
{
    LineFate fate;

    if (n_bytes < 2 || line[1] != '=') {
        bad (reader, "a line begins with a letter and \"=\"");
        return false;
    }
    if (memchr (line, '\r', n_bytes) != NULL) {
        bad (reader, "a carriage return without a line feed");
        return false;
    }
    if (line[0] == 'm' && reader->has_version) {
        fate = read_media (reader, line + 2);
    } else if (line[0] == 'a' && reader->has_version) {
        fate = read_attribute (reader, line + 2);
    } else if (line[0] == 'c' && reader->has_version) {
        fate = read_connection (reader, line + 2);
    } else if (reader->stream == NULL) {
        fate = read_session_line (reader, line[0], line + 2);
    } else {
        fate = read_stream_line (reader, line[0]);
    }
    if (fate == LINE_CARRIED) {
        char ***lines =
            reader->stream != NULL ? &reader->stream->lines : &reader->description->lines;
        td_lines_append (lines, reader->n_lines++, line);
    }
    return fate != LINE_BAD;
}

/* Reads LEN_BYTES of ORIGINAL, of which TEXT is the copy to cut up. */
static bool
read_lines (Reader *reader, const char *original, char *text, size_t len_bytes)
{
    char *end = text + len_bytes;

    for (char *line = text; line < end;) {
        char *feed = memchr (line, '\n', (size_t) (end - line));
        char *next = feed != NULL ? feed + 1 : end;
        char *stop = feed != NULL ? feed : end;
        if (feed != NULL && stop > line && stop[-1] == '\r') {
            stop--;
        }
        *stop = '\0';
        reader->original = original + (line - text);
        reader->original_bytes = (size_t) (stop - line);
        reader->line_number++;
        if (!read_line (reader, line, reader->original_bytes)) {
            return false;
        }
        line = next;
    }
    if (!reader->has_version) {
        g_set_error (reader->error, TD_CALL_ERROR, TD_CALL_ERROR_SDP, "the SDP is empty");
        return false;
    }
    return check_stream (reader);
}

/* Line ends after the last line are no lines. */
static size_t
without_blank_end (const char *text, size_t len_bytes)
{
    while (len_bytes > 0 && (text[len_bytes - 1] == '\n' || text[len_bytes - 1] == '\r')) {
        len_bytes--;
    }
    return len_bytes;
}

TdDescription *
td_description_from_sdp (const char *text, size_t len_bytes, GError **error)
{
    char *copy;

    if (len_bytes > TD_MAX_SDP_BYTES) {
        g_set_error (error, TD_CALL_ERROR, TD_CALL_ERROR_SDP,
                     "the SDP has %zu bytes, %d are allowed", len_bytes, TD_MAX_SDP_BYTES);
        return NULL;
    }
    const char *nul = memchr (text, '\0', len_bytes);
    if (nul != NULL) {
        g_set_error (error, TD_CALL_ERROR, TD_CALL_ERROR_SDP, "the SDP has a NUL at byte %zu",
                     (size_t) (nul - text));
        return NULL;
    }
    len_bytes = without_blank_end (text, len_bytes);
    g_autoptr (TdDescription) description = td_description_new_block (len_bytes + 1, &copy);
    memcpy (copy, text, len_bytes);
    Reader reader = {
        .description = description,
        .session_direction = TD_DIRECTION_SENDRECV,
        .error = error,
    };
    if (!read_lines (&reader, text, copy, len_bytes)) {
        return NULL;
    }
    return g_steal_pointer (&description);
}
