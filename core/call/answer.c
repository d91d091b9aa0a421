/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to offers (RFC 3264 6): which formats match, what is kept, what is refused. */

#include "call/error.h"
#include "call/offer.h"

#include <string.h>

/* Parameters that are part of what a format is: two formats that differ in one of them do not
 * understand each other. */
static const struct {
    const char *format;
    const char *parameter;
    const char *fallback; /* what its absence means */
} defining[] = {
    { "AMR", "octet-align", "0" },         /* RFC 4867 8.3.1 */
    { "AMR-WB", "octet-align", "0" },      /* RFC 4867 8.3.1 */
    { "H264", "packetization-mode", "0" }, /* RFC 6184 8.2.2 */
};

bool
td_format_is_companion (const TdFormat *format)
{
    return format->name != NULL
           && (g_ascii_strcasecmp (format->name, "telephone-event") == 0
               || g_ascii_strcasecmp (format->name, "CN") == 0);
}

/* Finds the value of NAME in "a=1; b=2". Returns its length and RET_VALUE, or FALLBACK. */
static size_t
parameter_of (const char *fmtp, const char *name, const char *fallback, const char **ret_value)
{
    size_t len_bytes = strlen (name);

    while (fmtp != NULL && *fmtp != '\0') {
        fmtp += strspn (fmtp, "; ");
        if (g_ascii_strncasecmp (fmtp, name, len_bytes) == 0 && fmtp[len_bytes] == '=') {
            *ret_value = fmtp + len_bytes + 1;
            return strcspn (*ret_value, "; ");
        }
        fmtp += strcspn (fmtp, ";");
    }
    *ret_value = fallback;
    return strlen (fallback);
}

static bool
definitions_match (const TdFormat *a, const TdFormat *b)
{
    const char *value_a, *value_b;

    for (unsigned i = 0; i < G_N_ELEMENTS (defining); i++) {
        if (g_ascii_strcasecmp (a->name, defining[i].format) != 0) {
            continue;
        }
        size_t len_a =
            parameter_of (a->fmtp, defining[i].parameter, defining[i].fallback, &value_a);
        size_t len_b =
            parameter_of (b->fmtp, defining[i].parameter, defining[i].fallback, &value_b);
        if (len_a != len_b || memcmp (value_a, value_b, len_a) != 0) {
            return false;
        }
    }
    return true;
}

static unsigned
channels_of (const TdFormat *format)
{
    return format->channels == 0 ? 1 : format->channels;
}

bool
td_format_matches (const TdFormat *a, const TdFormat *b)
{
    if (a->name == NULL || b->name == NULL || *a->name == '\0') {
        return false;
    }
    return a->clock_rate_hz == b->clock_rate_hz && channels_of (a) == channels_of (b)
           && g_ascii_strcasecmp (a->name, b->name) == 0 && definitions_match (a, b);
}

static const TdFormat *
find_match (const TdStream *stream, const TdFormat *format)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (td_format_matches (&stream->formats[i], format)) {
            return &stream->formats[i];
        }
    }
    return NULL;
}

static bool
is_same_kind (const TdStream *a, const TdStream *b)
{
    return a->kind == b->kind && g_strcmp0 (a->kind_text, b->kind_text) == 0;
}

static bool
is_same_transport (const TdStream *a, const TdStream *b)
{
    return a->transport != NULL && b->transport != NULL
           && g_ascii_strcasecmp (a->transport, b->transport) == 0;
}

/* The stream of LOCAL that can answer OFFERED, the one at INDEX if it can, and marks it as USED. */
static const TdStream *
take_stream (const TdDescription *local, const TdStream *offered, unsigned index, uint64_t *used)
{
    for (unsigned i = 0; i < local->n_streams; i++) {
        unsigned at = (index + i) % local->n_streams;
        const TdStream *stream = &local->streams[at];
        if ((*used & UINT64_C (1) << at) == 0 && stream->port != 0 && is_same_kind (stream, offered)
            && is_same_transport (stream, offered)) {
            *used |= UINT64_C (1) << at;
            return stream;
        }
    }
    return NULL;
}

/* RFC 3264 6: a refused stream has port 0 and one format, which is ignored. */
static void
refuse (TdStream *answer, const TdStream *offered)
{
    td_description_set_text (&answer->kind_text, offered->kind_text);
    answer->kind = offered->kind;
    td_description_set_text (&answer->transport, offered->transport);
    td_description_set_text (&answer->other_formats, offered->other_formats);
    answer->port = 0;
    answer->direction = TD_DIRECTION_INACTIVE;
    if (offered->n_formats > 0) {
        const TdFormat *format = &offered->formats[0];
        td_stream_add_format (answer, format->payload_type, format->name, format->clock_rate_hz,
                              format->channels, NULL);
    }
}

/* RFC 3264 6.1: what both have, in the offer's order and with its payload types. A parameter that
 * LOCAL does not speak of is taken over, so that what configures a format is the same on both
 * sides. Returns whether a codec was among it. */
static bool
keep_formats (TdStream *answer, const TdStream *offered, const TdStream *local)
{
    bool has_codec = false;

    for (unsigned i = 0; i < offered->n_formats; i++) {
        const TdFormat *format = &offered->formats[i];
        const TdFormat *match = find_match (local, format);
        if (match == NULL) {
            continue;
        }
        td_stream_add_format (answer, format->payload_type, format->name, format->clock_rate_hz,
                              format->channels, match->fmtp != NULL ? match->fmtp : format->fmtp);
        has_codec = has_codec || !td_format_is_companion (format);
    }
    return has_codec;
}

static void
fill_accepted (TdStream *answer, const TdStream *offered, const TdStream *local)
{
    td_description_set_text (&answer->kind_text, offered->kind_text);
    answer->kind = offered->kind;
    td_description_set_text (&answer->transport, offered->transport);
    td_description_set_text (&answer->address, local->address);
    answer->is_ipv6 = local->is_ipv6;
    answer->port = local->port;
    answer->rtcp_port = local->rtcp_port;
    answer->is_rtcp_mux = local->is_rtcp_mux && offered->is_rtcp_mux; /* RFC 5761 5.1.1 */
    /* RFC 3264 6.1: sendonly is answered with recvonly or inactive, and so on. */
    answer->direction = local->direction & td_direction_reverse (offered->direction);
    answer->ptime_ms = local->ptime_ms;
    for (char *const *line = local->lines; line != NULL && *line != NULL; line++) {
        td_description_add_line (&answer->lines, *line);
    }
}

/* Answers OFFERED with what LOCAL (nullable) has. Returns whether the stream is accepted. */
static bool
answer_stream (TdStream *answer, const TdStream *offered, const TdStream *local)
{
    if (local == NULL) {
        refuse (answer, offered);
        return false;
    }
    if (!td_stream_is_rtp (offered)) {
        fill_accepted (answer, offered, local);
        td_description_set_text (&answer->other_formats, local->other_formats);
        return true;
    }
    if (!keep_formats (answer, offered, local)) {
        td_stream_clear_formats (answer);
        refuse (answer, offered);
        return false;
    }
    fill_accepted (answer, offered, local);
    return true;
}

static bool
is_time_line (const char *line)
{
    return line[0] == 't' || line[0] == 'r' || line[0] == 'z';
}

/* RFC 3264 6: the origin is the answerer's, the time is the offerer's. */
static void
fill_session (TdDescription *answer, const TdDescription *offer, const TdDescription *local)
{
    td_description_set_text (&answer->origin_user, local->origin_user);
    answer->session_id = local->session_id;
    answer->session_version = local->session_version;
    td_description_set_text (&answer->origin_address, local->origin_address);
    td_description_set_text (&answer->session_name, local->session_name);
    for (char *const *line = offer->lines; line != NULL && *line != NULL; line++) {
        if (is_time_line (*line)) {
            td_description_add_line (&answer->lines, *line);
        }
    }
    for (char *const *line = local->lines; line != NULL && *line != NULL; line++) {
        if (!is_time_line (*line)) {
            td_description_add_line (&answer->lines, *line);
        }
    }
}

TdDescription *
td_description_answer (const TdDescription *offer, const TdDescription *local)
{
    g_autoptr (TdDescription) answer = td_description_new ();
    unsigned n_wanted = 0, n_accepted = 0;
    uint64_t used = 0;

    G_STATIC_ASSERT (TD_MAX_STREAMS <= 64);
    fill_session (answer, offer, local);
    for (unsigned i = 0; i < offer->n_streams; i++) {
        const TdStream *offered = &offer->streams[i];
        const TdStream *stream = NULL;
        if (offered->port != 0) { /* RFC 3264 8.2: port 0 is answered with port 0 */
            n_wanted++;
            stream = take_stream (local, offered, i, &used);
        }
        n_accepted += answer_stream (td_description_add_stream (answer), offered, stream);
    }
    if (n_wanted > 0 && n_accepted == 0) {
        return NULL;
    }
    return g_steal_pointer (&answer);
}

/* "RTP/AVP" and "RTP/AVPF" reach each other; "RTP/AVP" and "RTP/SAVP" do not. */
static bool
transports_agree (const char *a, const char *b)
{
    size_t len_a = strlen (a), len_b = strlen (b);

    if (strstr (a, "RTP/") != NULL && strstr (b, "RTP/") != NULL) {
        len_a -= g_str_has_suffix (a, "F");
        len_b -= g_str_has_suffix (b, "F");
    }
    return len_a == len_b && g_ascii_strncasecmp (a, b, len_a) == 0;
}

static bool
fail (GError **error, unsigned index, const char *reason, const char *got, const char *wanted)
{
    g_autofree char *quoted = td_quote (got, strlen (got));
    g_autofree char *offered = td_quote (wanted, strlen (wanted));

    g_set_error (error, TD_CALL_ERROR, TD_CALL_ERROR_ANSWER,
                 "stream %u of the answer %s: \"%s\", where the offer has \"%s\"", index + 1,
                 reason, quoted, offered);
    return false;
}

/* RFC 3264 6.1: an accepted stream lists at least one format of the offer. */
static bool
has_offered_format (const TdStream *answer, const TdStream *offered)
{
    for (unsigned i = 0; i < answer->n_formats; i++) {
        const TdFormat *format = &answer->formats[i];
        if (find_match (offered, format) != NULL) {
            return true;
        }
        for (unsigned j = 0; j < offered->n_formats; j++) {
            if (*format->name == '\0' && offered->formats[j].payload_type == format->payload_type) {
                return true;
            }
        }
    }
    return false;
}

static bool
check_stream (const TdStream *answer, const TdStream *offered, unsigned index, GError **error)
{
    if (!is_same_kind (answer, offered)) {
        return fail (error, index, "is of another kind", answer->kind_text, offered->kind_text);
    }
    if (answer->port == 0) {
        return true;
    }
    if (offered->port == 0) { /* RFC 3264 8.2 */
        return fail (error, index, "is not refused", "a port", "port 0");
    }
    if (!transports_agree (answer->transport, offered->transport)) {
        return fail (error, index, "has another transport", answer->transport, offered->transport);
    }
    if (td_stream_is_rtp (offered) && !has_offered_format (answer, offered)) {
        return fail (error, index, "has no format in common with the offer",
                     answer->n_formats > 0 ? answer->formats[0].name : "",
                     offered->n_formats > 0 ? offered->formats[0].name : "");
    }
    return true;
}

bool
td_description_is_answer_to (const TdDescription *answer, const TdDescription *offer,
                             GError **error)
{
    if (answer->n_streams != offer->n_streams) {
        g_set_error (error, TD_CALL_ERROR, TD_CALL_ERROR_ANSWER,
                     "the answer has %u streams and the offer %u; RFC 3264 6 asks for the same "
                     "number",
                     answer->n_streams, offer->n_streams);
        return false;
    }
    /* Directions are not looked at: many phones answer a hold with sendrecv, and who relays takes
     * what both sides allow. */
    for (unsigned i = 0; i < offer->n_streams; i++) {
        if (!check_stream (&answer->streams[i], &offer->streams[i], i, error)) {
            return false;
        }
    }
    return true;
}
