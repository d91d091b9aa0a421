/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the media of a call take one way on a wire. */

#include "bandwidth.h"

enum {
    HEADERS_BITS_4 = (20 + 8 + 12) * 8, /* RFC 791 3.1, RFC 768, RFC 3550 5.1 */
    HEADERS_BITS_6 = (40 + 8 + 12) * 8, /* RFC 8200 3 */
    PTIME_MS = 20,                      /* RFC 3551 4.2 */
    OTHER_AUDIO_BIT_S = 64000,
    VIDEO_BIT_S = 1000000,
    TEXT_BIT_S = 4000,
};

/* The payload's bits a second, at most. RFC 3551 table 1 and the codecs' own documents. */
static const struct {
    const char *name;
    uint32_t bit_s;
} codecs[] = {
    { "PCMU", 64000 },    { "PCMA", 64000 },    { "G722", 64000 },    { "G729", 8000 },
    { "G723", 6300 },     { "G728", 16000 },    { "GSM", 13200 },     { "GSM-EFR", 12400 },
    { "iLBC", 15200 },    { "AMR", 12800 },     { "AMR-WB", 24400 },  { "EVS", 24800 },
    { "opus", 64000 },    { "speex", 24600 },   { "G726-16", 16000 }, { "G726-24", 24000 },
    { "G726-32", 32000 }, { "G726-40", 40000 }, { "L16", 256000 },    { "CLEARMODE", 64000 },
};

static uint32_t
payload_bit_s (const TdStream *stream, const TdFormat *format)
{
    for (unsigned i = 0; i < G_N_ELEMENTS (codecs); i++) {
        if (format->name != NULL && g_ascii_strcasecmp (codecs[i].name, format->name) == 0) {
            return codecs[i].bit_s;
        }
    }
    return stream->kind == TD_MEDIA_VIDEO  ? VIDEO_BIT_S
           : stream->kind == TD_MEDIA_TEXT ? TEXT_BIT_S
                                           : OTHER_AUDIO_BIT_S;
}

static uint32_t
with_headers (uint32_t bit_s, uint32_t ptime_ms, bool is_ipv6)
{
    uint32_t headers = is_ipv6 ? HEADERS_BITS_6 : HEADERS_BITS_4;

    return bit_s + headers * 1000 / (ptime_ms != 0 ? ptime_ms : PTIME_MS);
}

static uint32_t
stream_bit_s (const TdStream *stream)
{
    uint32_t widest = 0;

    if (stream->port == 0 || !td_stream_is_rtp (stream)) {
        return 0;
    }
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (!td_format_is_companion (&stream->formats[i])) {
            widest = MAX (widest, payload_bit_s (stream, &stream->formats[i]));
        }
    }
    return widest != 0 ? with_headers (widest, stream->ptime_ms, stream->is_ipv6) : 0;
}

uint32_t
bandwidth_of (const TdDescription *offer)
{
    uint32_t bit_s = 0;

    if (offer == NULL) {
        bit_s = with_headers (OTHER_AUDIO_BIT_S, 0, false);
    }
    for (unsigned i = 0; offer != NULL && i < offer->n_streams; i++) {
        bit_s += stream_bit_s (&offer->streams[i]);
    }
    return (bit_s + 999) / 1000;
}
