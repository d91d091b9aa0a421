/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decodes, keeps samples until there are enough, encodes. */

#include "transcode.h"

#include <string.h>

enum {
    KEPT_MS = 200,     /* of samples, at most */
    CONCEALED_MS = 60, /* a longer hole is a pause */
};

struct RtpTranscoder {
    const TdCodec *from, *to;
    void *decoder, *encoder;
    unsigned n_frame;  /* samples of one frame of TO, of all channels */
    unsigned n_packet; /* of one packet: whole frames */
    bool is_running;
    bool is_marked;         /* the next packet comes after a pause */
    uint16_t sequence;      /* that comes next */
    uint32_t timestamp_in;  /* that comes next */
    uint32_t timestamp_out; /* of the first sample kept */
    unsigned n_kept, n_places;
    int16_t kept[];
};

/* Samples of all channels in MICROSECONDS of CODEC. */
static unsigned
samples_in (const TdCodec *codec, uint64_t microseconds)
{
    return (unsigned) (microseconds * codec->sample_rate_hz / 1000000) * codec->channels;
}

/* How far the RTP clock of CODEC goes in N_SAMPLES. */
static uint32_t
clock_of (const TdCodec *codec, unsigned n_samples)
{
    return (uint32_t) ((uint64_t) n_samples / codec->channels * codec->clock_rate_hz
                       / codec->sample_rate_hz);
}

static unsigned
samples_of (const TdCodec *codec, uint32_t ticks)
{
    return (unsigned) ((uint64_t) ticks * codec->sample_rate_hz / codec->clock_rate_hz)
           * codec->channels;
}

static bool
are_alike (const TdCodec *from, const TdCodec *to)
{
    return from->sample_rate_hz == to->sample_rate_hz && from->channels == to->channels;
}

RtpTranscoder *
rtp_transcoder_new (const TdCodec *from, const char *fmtp_from, const TdCodec *to,
                    const char *fmtp_to, unsigned packet_ms)
{
    unsigned n_frame = samples_in (to, to->frame_us);
    unsigned n_places = samples_in (from, KEPT_MS * 1000);

    if (!are_alike (from, to) || n_frame == 0 || n_frame > n_places) {
        td_codec_release (from);
        td_codec_release (to);
        return NULL;
    }
    RtpTranscoder *transcoder =
        g_malloc0 (sizeof *transcoder + n_places * sizeof transcoder->kept[0]);
    unsigned n_wanted = samples_in (to, (uint64_t) packet_ms * 1000);
    transcoder->from = from;
    transcoder->to = to;
    transcoder->n_places = n_places;
    transcoder->n_frame = n_frame;
    transcoder->n_packet = CLAMP (n_wanted, n_frame, n_places) / n_frame * n_frame;
    if (from->decoder_new != NULL) {
        transcoder->decoder = from->decoder_new (fmtp_from, from->data);
    }
    if (to->encoder_new != NULL) {
        transcoder->encoder = to->encoder_new (fmtp_to, to->data);
    }
    return transcoder;
}

void
rtp_transcoder_free (RtpTranscoder *transcoder)
{
    if (transcoder == NULL) {
        return;
    }
    if (transcoder->decoder != NULL && transcoder->from->decoder_free != NULL) {
        transcoder->from->decoder_free (transcoder->decoder);
    }
    if (transcoder->encoder != NULL && transcoder->to->encoder_free != NULL) {
        transcoder->to->encoder_free (transcoder->encoder);
    }
    td_codec_release (transcoder->from);
    td_codec_release (transcoder->to);
    g_free (transcoder);
}

/* Drops the oldest samples where there is no room: who takes too little may not grow old. */
static void
keep (RtpTranscoder *transcoder, const int16_t *samples, unsigned n_samples)
{
    n_samples = MIN (n_samples, transcoder->n_places);
    unsigned n_room = transcoder->n_places - transcoder->n_kept;
    if (n_samples > n_room) {
        unsigned n_gone = n_samples - n_room;
        memmove (transcoder->kept, transcoder->kept + n_gone,
                 (transcoder->n_kept - n_gone) * sizeof samples[0]);
        transcoder->n_kept -= n_gone;
        transcoder->timestamp_out += clock_of (transcoder->to, n_gone);
    }
    memcpy (transcoder->kept + transcoder->n_kept, samples, n_samples * sizeof samples[0]);
    transcoder->n_kept += n_samples;
}

/* A pause, or the beginning: what is kept is old. */
static void
begin_anew (RtpTranscoder *transcoder, const RtpHeader *header)
{
    unsigned n_gone = transcoder->n_kept;
    uint32_t ticks = header->timestamp - transcoder->timestamp_in;

    /* The time that has passed for who sends has passed for who hears, too. */
    transcoder->timestamp_out =
        transcoder->is_running
            ? transcoder->timestamp_out
                  + clock_of (transcoder->to, n_gone + samples_of (transcoder->from, ticks))
            : header->timestamp;
    transcoder->n_kept = 0;
    transcoder->is_running = transcoder->is_marked = true;
}

/* Fills a hole of N_SAMPLES, frame by frame as the decoder does it. */
static void
conceal (RtpTranscoder *transcoder, unsigned n_samples, int16_t *samples)
{
    unsigned n_frame = samples_in (transcoder->from, transcoder->from->frame_us);

    while (n_samples > 0) {
        unsigned n = MIN (MIN (n_samples, MAX (n_frame, 1)), RTP_MAX_SAMPLES);
        if (transcoder->from->conceal == NULL
            || transcoder->from->conceal (transcoder->decoder, samples, n) != (ssize_t) n) {
            memset (samples, 0, n * sizeof samples[0]);
        }
        keep (transcoder, samples, n);
        n_samples -= n;
    }
}

/* Whether the packet is to be taken; what is missing before it has been filled in. */
static bool
bridge_gap (RtpTranscoder *transcoder, const RtpHeader *header, int16_t *samples)
{
    uint32_t hole = header->timestamp - transcoder->timestamp_in;
    uint16_t n_lost = (uint16_t) (header->sequence - transcoder->sequence);

    if (!transcoder->is_running) {
        begin_anew (transcoder, header);
        return true;
    }
    if (n_lost >= 0x8000) {
        return false; /* late */
    }
    if (hole == 0) {
        return true;
    }
    if (n_lost > 0 && hole <= transcoder->from->clock_rate_hz * CONCEALED_MS / 1000) {
        conceal (transcoder, samples_of (transcoder->from, hole), samples);
    } else {
        begin_anew (transcoder, header);
    }
    return true;
}

void
rtp_transcoder_put (RtpTranscoder *transcoder, const RtpHeader *header, const uint8_t *payload,
                    size_t n_bytes, int16_t *samples)
{
    if (!bridge_gap (transcoder, header, samples)) {
        return;
    }
    ssize_t n =
        transcoder->from->decode (transcoder->decoder, payload, n_bytes, samples, RTP_MAX_SAMPLES);
    n = CLAMP (n, 0, RTP_MAX_SAMPLES);
    keep (transcoder, samples, (unsigned) n);
    transcoder->sequence = (uint16_t) (header->sequence + 1);
    transcoder->timestamp_in = header->timestamp + clock_of (transcoder->from, (unsigned) n);
}

/* Takes the first N_SAMPLES away. */
static void
consume (RtpTranscoder *transcoder, unsigned n_samples)
{
    transcoder->n_kept -= n_samples;
    memmove (transcoder->kept, transcoder->kept + n_samples,
             transcoder->n_kept * sizeof transcoder->kept[0]);
    transcoder->timestamp_out += clock_of (transcoder->to, n_samples);
}

size_t
rtp_transcoder_get (RtpTranscoder *transcoder, uint8_t *out, size_t out_size,
                    uint32_t *ret_timestamp, bool *ret_is_marked)
{
    size_t n_bytes = 0;

    while (transcoder->n_kept >= transcoder->n_packet && n_bytes == 0) {
        *ret_timestamp = transcoder->timestamp_out;
        for (unsigned at = 0; at < transcoder->n_packet; at += transcoder->n_frame) {
            ssize_t n =
                transcoder->to->encode (transcoder->encoder, transcoder->kept + at,
                                        transcoder->n_frame, out + n_bytes, out_size - n_bytes);
            n_bytes += (size_t) CLAMP (n, 0, (ssize_t) (out_size - n_bytes));
        }
        consume (transcoder, transcoder->n_packet);
        /* Nothing to send is silence (DTX): the next packet begins a talkspurt. */
        transcoder->is_marked = transcoder->is_marked || n_bytes == 0;
    }
    if (n_bytes > 0) {
        *ret_is_marked = transcoder->is_marked;
        transcoder->is_marked = false;
    }
    return n_bytes;
}
