/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a bridge says to one leg because of what the other one said. */

#include "call/negotiate.h"

#include <string.h>
#include <tandem/codec.h>

enum {
    FIRST_DYNAMIC = 96,
    LAST_DYNAMIC = 127,
    NO_PAYLOAD_TYPE = 255,
    USUAL_EVENTS = 101, /* what most peers call telephone events, and some know no other */
};

/* What the other leg is not told where media are anchored: there our side of it is the session.
 *
 * - Text for people, which says who somebody is and by which means he wrote (RFC 4566 5.4 to 5.6 and
 *   6): the caller may have asked to stay unknown (RFC 3323 5.3).
 * - Addresses behind our back: connections of other networks, sources (RFC 4570 3), where a key is
 *   fetched (RFC 4566 5.12).
 * - ICE candidates. An answer without them is an agent that does not speak ICE (RFC 8839 4.2.5). */
static void
strip (char ***lines)
{
    static const char *const prefixes[] = {
        "i=",
        "u=",
        "e=",
        "p=",
        "a=cat:",
        "a=keywds:",
        "a=tool:",
        "c=",
        "k=uri:",
        "a=source-filter:",
        "a=candidate:",
        "a=ice-",
        "a=remote-candidates:",
        "a=end-of-candidates",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS (prefixes); i++) {
        td_description_drop_lines (lines, prefixes[i]);
    }
}

/* A copy of DESCRIPTION without what only its writer may say. */
static TdDescription *
copy_without_address (const TdDescription *description)
{
    TdDescription *copy = td_description_copy (description);

    strip (&copy->lines);
    for (unsigned i = 0; i < copy->n_streams; i++) {
        TdStream *stream = &copy->streams[i];
        strip (&stream->lines);
        stream->rtcp_port = 0;
    }
    return copy;
}

static bool
has_format (const TdStream *stream, const char *name, uint32_t clock_rate_hz)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (stream->formats[i].clock_rate_hz == clock_rate_hz
            && g_ascii_strcasecmp (stream->formats[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_registered (const TdFormat *format)
{
    const TdCodec *codec = td_codec_acquire (format->name, format->clock_rate_hz);

    td_codec_release (codec);
    return codec != NULL;
}

static bool
can_transcode_stream (const TdStream *stream)
{
    if (stream->kind != TD_MEDIA_AUDIO || !td_stream_is_rtp (stream) || stream->port == 0) {
        return false;
    }
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (!td_format_is_companion (&stream->formats[i]) && is_registered (&stream->formats[i])) {
            return true;
        }
    }
    return false;
}

static bool
is_payload_type_free (const TdStream *stream, unsigned payload_type)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (stream->formats[i].payload_type == payload_type) {
            return false;
        }
    }
    return true;
}

/* A free one, from WISH on. */
static unsigned
pick_dynamic (const TdStream *stream, unsigned wish)
{
    for (unsigned payload_type = wish; payload_type <= LAST_DYNAMIC; payload_type++) {
        if (is_payload_type_free (stream, payload_type)) {
            return payload_type;
        }
    }
    return NO_PAYLOAD_TYPE;
}

static unsigned
pick_payload_type (const TdStream *stream, const TdCodec *codec)
{
    if (codec->payload_type != NO_PAYLOAD_TYPE
        && is_payload_type_free (stream, codec->payload_type)) {
        return codec->payload_type;
    }
    return pick_dynamic (stream, FIRST_DYNAMIC);
}

static void
add_codec (const TdCodec *codec, void *data)
{
    TdStream *stream = data;

    if (has_format (stream, codec->name, codec->clock_rate_hz)
        || stream->n_formats == TD_MAX_FORMATS) {
        return;
    }
    unsigned payload_type = pick_payload_type (stream, codec);
    if (payload_type != NO_PAYLOAD_TYPE) {
        td_stream_add_format (stream, payload_type, codec->name, codec->clock_rate_hz,
                              codec->channels, NULL);
    }
}

TdDescription *
td_negotiate_offer (const TdDescription *offer, bool can_transcode)
{
    TdDescription *wanted = copy_without_address (offer);

    for (unsigned i = 0; can_transcode && i < wanted->n_streams; i++) {
        if (can_transcode_stream (&wanted->streams[i])) {
            td_codec_each (add_codec, &wanted->streams[i]);
        }
    }
    return wanted;
}

typedef struct {
    const TdStream *stream;
    bool can_add;
} Lookup;

static void
look_at_codec (const TdCodec *codec, void *data)
{
    Lookup *lookup = data;

    lookup->can_add |= lookup->stream->n_formats < TD_MAX_FORMATS
                       && !has_format (lookup->stream, codec->name, codec->clock_rate_hz);
}

bool
td_negotiate_can_add (const TdDescription *offer)
{
    Lookup lookup = { 0 };

    for (unsigned i = 0; i < offer->n_streams && !lookup.can_add; i++) {
        lookup.stream = &offer->streams[i];
        if (can_transcode_stream (lookup.stream)) {
            td_codec_each (look_at_codec, &lookup);
        }
    }
    return lookup.can_add;
}

TdDescription *
td_negotiate_any_offer (void)
{
    TdDescription *offer = td_description_new ();
    TdStream *stream = td_description_add_stream (offer);

    stream->kind = TD_MEDIA_AUDIO;
    stream->direction = TD_DIRECTION_SENDRECV;
    stream->port = 9; /* any but 0, which would refuse the stream; the provider puts in its own */
    td_description_set_text (&stream->kind_text, "audio");
    td_description_set_text (&stream->transport, "RTP/AVP");
    td_codec_each (add_codec, stream);
    /* RFC 4733 7.1.1: the sixteen events that are digits. */
    unsigned events = pick_dynamic (stream, USUAL_EVENTS);
    if (events != NO_PAYLOAD_TYPE && stream->n_formats < TD_MAX_FORMATS) {
        td_stream_add_format (stream, events, "telephone-event", 8000, 0, "0-15");
    }
    return offer;
}

static const TdFormat *
find_match (const TdStream *stream, const TdFormat *wanted)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (td_format_matches (&stream->formats[i], wanted)) {
            return &stream->formats[i];
        }
    }
    return NULL;
}

static void
add_format (TdStream *stream, const TdFormat *format, const char *fmtp)
{
    td_stream_add_format (stream, format->payload_type, format->name, format->clock_rate_hz,
                          format->channels, fmtp);
}

/* Adds what OFFERED and ANSWERED share, with the offer's payload types, in the answer's order.
 * Returns whether a real codec was among it. */
static bool
add_shared (TdStream *stream, const TdStream *offered, const TdStream *answered)
{
    bool has_codec = false;

    for (unsigned i = 0; i < answered->n_formats; i++) {
        const TdFormat *format = find_match (offered, &answered->formats[i]);
        if (format != NULL) {
            add_format (stream, format, answered->formats[i].fmtp);
            has_codec |= !td_format_is_companion (format);
        }
    }
    return has_codec;
}

void
td_negotiate_keep_codecs (TdStream *stream)
{
    TdStream kept = { 0 };
    bool has_codec = false;

    for (unsigned i = 0; i < stream->n_formats; i++) {
        const TdFormat *format = &stream->formats[i];
        bool is_companion = td_format_is_companion (format);
        if (is_companion || is_registered (format)) {
            add_format (&kept, format, format->fmtp);
            has_codec |= !is_companion;
        }
    }
    if (has_codec) {
        td_stream_clear_formats (stream);
        for (unsigned i = 0; i < kept.n_formats; i++) {
            add_format (stream, &kept.formats[i], kept.formats[i].fmtp);
        }
    }
    td_stream_clear_formats (&kept);
}

TdDescription *
td_negotiate_agreed (const TdDescription *said, const TdDescription *told)
{
    TdDescription *agreed = td_description_copy (said);

    for (unsigned i = 0; i < agreed->n_streams; i++) {
        TdStream *stream = &agreed->streams[i];
        const TdStream *other = i < told->n_streams ? &told->streams[i] : NULL;
        if (other == NULL || other->port == 0) {
            stream->port = 0;
        } else if (td_stream_is_rtp (stream)) {
            td_stream_clear_formats (stream);
            add_shared (stream, &said->streams[i], other);
        }
    }
    return agreed;
}

static const TdFormat *
first_registered (const TdStream *stream)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (!td_format_is_companion (&stream->formats[i]) && is_registered (&stream->formats[i])) {
            return &stream->formats[i];
        }
    }
    return NULL;
}

/* Replaces STREAM's formats by one that can be turned into what was answered. */
static bool
transcode (TdStream *stream, const TdStream *offered, const TdStream *answered)
{
    const TdFormat *ours = first_registered (offered);

    if (ours == NULL || first_registered (answered) == NULL) {
        return false;
    }
    td_stream_clear_formats (stream);
    add_format (stream, ours, ours->fmtp);
    for (unsigned i = 0; i < answered->n_formats; i++) {
        const TdFormat *companion = find_match (offered, &answered->formats[i]);
        if (companion != NULL && td_format_is_companion (companion)) {
            add_format (stream, companion, answered->formats[i].fmtp);
        }
    }
    return true;
}

/* Fills STREAM, a copy of what was answered, for the leg that OFFERED. */
static bool
negotiate_stream (TdStream *stream, const TdStream *offered, const TdStream *answered,
                  bool can_transcode)
{
    if (offered->port == 0 || answered->port == 0) {
        return false;
    }
    /* RFC 3264 6.1: many answer sendrecv to whoever only sends; it must not come back to him so. */
    stream->direction = answered->direction & td_direction_reverse (offered->direction);
    if (!td_stream_is_rtp (offered)) {
        return true;
    }
    td_stream_clear_formats (stream);
    return add_shared (stream, offered, answered)
           || (can_transcode && offered->kind == TD_MEDIA_AUDIO
               && transcode (stream, offered, answered));
}

/* A refused stream still names a format (RFC 3264 6: port zero, the rest is ignored). */
static void
refuse_stream (TdStream *stream, const TdStream *offered)
{
    stream->port = 0;
    td_stream_clear_formats (stream);
    if (offered->n_formats > 0) {
        add_format (stream, &offered->formats[0], NULL);
    }
    td_description_set_text (&stream->other_formats, offered->other_formats);
}

/* Whether ANSWER has OFFER's streams, one for one (RFC 3264 6). Its formats are another matter: it
 * answers an offer to which codecs were added. */
static bool
has_same_streams (const TdDescription *offer, const TdDescription *answer)
{
    for (unsigned i = 0; i < MIN (offer->n_streams, answer->n_streams); i++) {
        if (offer->streams[i].kind != answer->streams[i].kind) {
            return false;
        }
    }
    return offer->n_streams == answer->n_streams;
}

TdDescription *
td_negotiate_answer (const TdDescription *offer, const TdDescription *answer, bool can_transcode)
{
    if (!has_same_streams (offer, answer)) {
        return NULL;
    }
    g_autoptr (TdDescription) wanted = copy_without_address (answer);
    bool is_any_left = false, is_any_offered = false;

    for (unsigned i = 0; i < wanted->n_streams; i++) {
        is_any_offered |= offer->streams[i].port != 0;
        if (negotiate_stream (&wanted->streams[i], &offer->streams[i], &answer->streams[i],
                              can_transcode)) {
            is_any_left = true;
        } else {
            refuse_stream (&wanted->streams[i], &offer->streams[i]);
        }
    }
    /* RFC 3264 5: who offers nothing yet wishes to communicate all the same. */
    return is_any_left || !is_any_offered ? g_steal_pointer (&wanted) : NULL;
}

/* --- What a termination of our own answers ----------------------------------------------- */

/* Whoever answers so has said nothing of keys of its own: sound and echo go in the clear. */
static void
drop_keys (char ***lines)
{
    static const char *const prefixes[] = { "k=", "a=crypto:", "a=key-mgmt:", "a=fingerprint:",
                                            "a=setup:" };

    for (unsigned i = 0; i < G_N_ELEMENTS (prefixes); i++) {
        td_description_drop_lines (lines, prefixes[i]);
    }
}

/* An internal termination takes whatever is offered first, unless it is encrypted. */
static bool
is_for_internal (const TdStream *stream)
{
    return stream->kind == TD_MEDIA_AUDIO
           && (g_ascii_strcasecmp (stream->transport, "RTP/AVP") == 0
               || g_ascii_strcasecmp (stream->transport, "RTP/AVPF") == 0);
}

/* The codec in which sound is made is one of ours, and so is to be what comes back: whoever is connected with
 * the peer later must understand it. An echo gives back what it gets, whatever that is. */
static void
keep_codecs (TdStream *stream)
{
    if (stream->kind == TD_MEDIA_AUDIO && stream->port != 0) {
        td_negotiate_keep_codecs (stream);
    }
}

TdDescription *
td_negotiate_own_answer (const TdDescription *offer, bool is_source)
{
    TdDescription *answer = td_description_copy (offer);

    drop_keys (&answer->lines);
    for (unsigned i = 0; i < answer->n_streams; i++) {
        TdStream *stream = &answer->streams[i];
        stream->direction = td_direction_reverse (stream->direction);
        drop_keys (&stream->lines);
        if (!is_for_internal (stream)) {
            stream->port = 0;
        }
        if (is_source) {
            keep_codecs (stream);
        }
    }
    return answer;
}
