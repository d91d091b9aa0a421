/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One codec turned into another by way of samples, on a media thread.
 *
 *     payload -> decode -> samples kept until a packet of the other side is full -> encode -> payload
 *
 * Packets may differ in length on both sides. A lost packet is concealed, a pause stays a pause, a
 * packet that comes late is dropped: nobody waits here.
 */

#ifndef MODULES_RTP_TRANSCODE_H
#define MODULES_RTP_TRANSCODE_H

#include "packet.h"

#include <tandem/codec.h>

enum {
    RTP_MAX_SAMPLES = 5760 * 2, /* 120 ms at 48 kHz, two channels */
};

typedef struct RtpTranscoder RtpTranscoder;

/* From FROM to TO (transfer full of both, whatever comes out), FMTP_FROM and FMTP_TO nullable, in packets
 * of PACKET_MS or what comes nearest. NULL when the two do not share a rate and channels. */
RtpTranscoder *rtp_transcoder_new (const TdCodec *from, const char *fmtp_from, const TdCodec *to,
                                   const char *fmtp_to, unsigned packet_ms);
void rtp_transcoder_free (RtpTranscoder *transcoder); /* nullable */

/* Takes one packet's payload. SAMPLES is room for RTP_MAX_SAMPLES. */
void rtp_transcoder_put (RtpTranscoder *transcoder, const RtpHeader *header, const uint8_t *payload,
                         size_t n_bytes, int16_t *samples);

/* The payload of the next packet into OUT, OUT_SIZE long. Returns its length, or 0 when there is none
 * yet. RET_IS_MARKED: it is the first one after a pause. */
size_t rtp_transcoder_get (RtpTranscoder *transcoder, uint8_t *out, size_t out_size,
                           uint32_t *ret_timestamp, bool *ret_is_marked);

#endif
