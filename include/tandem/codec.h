/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codecs: from a payload to samples and back, one fixed frame at a time.
 *
 *     payload --- decode () ---> 16-bit samples --- encode () ---> payload
 *                 conceal () -->                                   (0 bytes: nothing to send, DTX)
 *
 * A codec names itself as SDP does, and says what it costs and how good it is, so that a bridge that
 * must transcode picks the cheapest pair that sounds right. States are per direction and per call;
 * functions run on media threads and never block or allocate but in _new.
 */

#ifndef TANDEM_CODEC_H
#define TANDEM_CODEC_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct {
    uint32_t size;           /* sizeof (TdCodec) */
    const char *name;        /* "PCMU": the encoding name of RFC 3551 or its own RFC */
    uint32_t clock_rate_hz;  /* of the RTP timestamp */
    uint32_t sample_rate_hz; /* of the samples */
    uint8_t channels;
    uint8_t payload_type; /* the static one, or 255 */
    uint32_t frame_us;    /* of one frame; a packet holds one or more */
    uint32_t max_frame_bytes;
    uint8_t quality;  /* 0 .. 100, how it sounds after one pass */
    uint32_t cost_ns; /* of encoding and decoding 20 ms, on some ordinary core */
    void *data;

    /* NULL: no state is needed, the functions below get NULL. FMTP is nullable. */
    void *(*encoder_new) (const char *fmtp, void *data);
    void (*encoder_free) (void *state);
    /* One frame of samples to OUT; returns bytes, 0 for silence that is not sent, -1 when N_SAMPLES
     * is no frame or OUT is too small. */
    ssize_t (*encode) (void *state, const int16_t *samples, size_t n_samples, uint8_t *out,
                       size_t out_size);
    void *(*decoder_new) (const char *fmtp, void *data);
    void (*decoder_free) (void *state);
    /* One payload to samples; returns how many, -1 when the payload is none of this codec's or
     * SAMPLES is too small. */
    ssize_t (*decode) (void *state, const uint8_t *payload, size_t len_bytes, int16_t *samples,
                       size_t max_samples);
    /* Nullable: fills in for a lost frame. */
    ssize_t (*conceal) (void *state, int16_t *samples, size_t n_samples);
    /* Nullable: a table of 256 that turns one byte of this codec into one byte of TO ("PCMA"), where
     * such a table is exact; NULL otherwise. Lives as long as the module. */
    const uint8_t *(*direct) (const char *to, void *data);
} TdCodec;

/* Makes CODEC (copied but for its texts) known. Errors: the same name and rate from another module
 * that runs. Thread: control. */
TD_API bool td_codec_register (TdModule *module, const TdCodec *codec, GError **error);

/* The codec of NAME (case does not matter) and CLOCK_RATE_HZ, or NULL. Its module is in use until
 * td_codec_release(). Thread: any. */
TD_API const TdCodec *td_codec_acquire (const char *name, uint32_t clock_rate_hz);
TD_API void td_codec_release (const TdCodec *codec); /* nullable */

/* Calls VISIT with each codec, the best first. Thread: any; VISIT must not register one. */
TD_API void td_codec_each (void (*visit) (const TdCodec *codec, void *data), void *data);

G_END_DECLS

#endif
