/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Compares what two peers have agreed on, payload type by payload type. */

#include "rules.h"

enum {
    DEFAULT_PACKET_MS = 20, /* RFC 3551 4.2 */
};

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

/* A format that was named by nothing but a number that is not in any table. */
static bool
has_type (const TdStream *stream, const TdFormat *format)
{
    for (unsigned i = 0; i < stream->n_formats; i++) {
        if (stream->formats[i].payload_type == format->payload_type) {
            return true;
        }
    }
    return false;
}

/* Turns FORMAT into one that the other side has, byte for byte, where a codec knows how. */
static bool
find_table (const TdStream *spoken, const TdFormat *format, RtpRule *rule)
{
    const TdCodec *codec = td_codec_acquire (format->name, format->clock_rate_hz);

    for (unsigned i = 0; codec != NULL && codec->direct != NULL && i < spoken->n_formats; i++) {
        const TdFormat *to = &spoken->formats[i];
        if (to->clock_rate_hz != format->clock_rate_hz || td_format_is_companion (to)) {
            continue;
        }
        rule->table = codec->direct (to->name, codec->data);
        if (rule->table != NULL) {
            rule->type_out = to->payload_type;
            rule->codec = codec;
            return true;
        }
    }
    td_codec_release (codec);
    return false;
}

/* Turns FORMAT into one that the other side has by way of samples, the one it likes best. */
static bool
find_transcoder (const TdStream *spoken, const TdFormat *format, RtpRule *rule)
{
    unsigned packet_ms = spoken->ptime_ms != 0 ? spoken->ptime_ms : DEFAULT_PACKET_MS;

    for (unsigned i = 0; i < spoken->n_formats && rule->transcoder == NULL; i++) {
        const TdFormat *to = &spoken->formats[i];
        if (td_format_is_companion (to)) {
            continue;
        }
        const TdCodec *decodes = td_codec_acquire (format->name, format->clock_rate_hz);
        const TdCodec *encodes = td_codec_acquire (to->name, to->clock_rate_hz);
        if (decodes == NULL || encodes == NULL) {
            td_codec_release (decodes);
            td_codec_release (encodes);
            continue;
        }
        rule->type_out = to->payload_type;
        rule->transcoder = rtp_transcoder_new (decodes, format->fmtp, encodes, to->fmtp, packet_ms);
    }
    return rule->transcoder != NULL;
}

/* Whether FORMAT needs a rule, and which. */
static bool
make_rule (const TdStream *spoken, const TdFormat *format, RtpRule *rule)
{
    const TdFormat *match = find_match (spoken, format);

    *rule = (RtpRule){ .type_in = format->payload_type };
    if (match != NULL) {
        rule->type_out = match->payload_type;
        return rule->type_in != rule->type_out;
    }
    if (*format->name == '\0' && has_type (spoken, format)) {
        return false;
    }
    rule->is_dropped =
        td_format_is_companion (format)
        || (!find_table (spoken, format, rule) && !find_transcoder (spoken, format, rule));
    return true;
}

unsigned
rtp_rules_make (const TdStream *heard, const TdStream *spoken, RtpRule rules[TD_MAX_FORMATS])
{
    unsigned n_rules = 0;

    for (unsigned i = 0; i < heard->n_formats && n_rules < TD_MAX_FORMATS; i++) {
        n_rules += make_rule (spoken, &heard->formats[i], &rules[n_rules]);
    }
    return n_rules;
}
