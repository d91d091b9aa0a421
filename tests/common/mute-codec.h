/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Codecs that are known and do nothing, for tests of what is said about codecs.
 *
 *     mute_codec_add ("PCMU", 0, 60);     until the core's owner is revoked
 */

#ifndef TESTS_COMMON_MUTE_CODEC_H
#define TESTS_COMMON_MUTE_CODEC_H

#include <tandem/codec.h>

static inline ssize_t
mute_codec_encode (void *state, const int16_t *samples, size_t n_samples, uint8_t *out,
                   size_t out_size)
{
    return -1;
}

static inline ssize_t
mute_codec_decode (void *state, const uint8_t *payload, size_t len_bytes, int16_t *samples,
                   size_t max_samples)
{
    return -1;
}

/* PAYLOAD_TYPE: 255 for a dynamic one. */
static inline void
mute_codec_add (const char *name, unsigned payload_type, unsigned quality)
{
    g_autoptr (GError) error = NULL;

    td_codec_register (NULL,
                       &(TdCodec){ .size = sizeof (TdCodec),
                                   .name = name,
                                   .clock_rate_hz = 8000,
                                   .sample_rate_hz = 8000,
                                   .channels = 1,
                                   .payload_type = (uint8_t) payload_type,
                                   .frame_us = 10000,
                                   .quality = (uint8_t) quality,
                                   .encode = mute_codec_encode,
                                   .decode = mute_codec_decode },
                       &error);
    g_assert_no_error (error);
}

#endif
