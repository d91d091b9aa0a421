/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* codec-g711: PCMU and PCMA, and the direct way from the one to the other. */

#include "g711.h"

#include <tandem/codec.h>
#include <tandem/module.h>

#include <string.h>

typedef struct {
    uint8_t mulaw_to_alaw[256];
    uint8_t alaw_to_mulaw[256];
} State;

/* Every octet is a sample of its own, so any number of them is a frame. */

static ssize_t
encode_mulaw (void *state, const int16_t *samples, size_t n_samples, uint8_t *out, size_t out_size)
{
    if (n_samples == 0 || n_samples > out_size) {
        return -1;
    }
    for (size_t i = 0; i < n_samples; i++) {
        out[i] = g711_mulaw (samples[i]);
    }
    return (ssize_t) n_samples;
}

static ssize_t
encode_alaw (void *state, const int16_t *samples, size_t n_samples, uint8_t *out, size_t out_size)
{
    if (n_samples == 0 || n_samples > out_size) {
        return -1;
    }
    for (size_t i = 0; i < n_samples; i++) {
        out[i] = g711_alaw (samples[i]);
    }
    return (ssize_t) n_samples;
}

static ssize_t
decode_mulaw (void *state, const uint8_t *payload, size_t len_bytes, int16_t *samples,
              size_t max_samples)
{
    if (len_bytes == 0 || len_bytes > max_samples) {
        return -1;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        samples[i] = g711_from_mulaw (payload[i]);
    }
    g711_past_heard (state, samples, len_bytes);
    return (ssize_t) len_bytes;
}

static ssize_t
decode_alaw (void *state, const uint8_t *payload, size_t len_bytes, int16_t *samples,
             size_t max_samples)
{
    if (len_bytes == 0 || len_bytes > max_samples) {
        return -1;
    }
    for (size_t i = 0; i < len_bytes; i++) {
        samples[i] = g711_from_alaw (payload[i]);
    }
    g711_past_heard (state, samples, len_bytes);
    return (ssize_t) len_bytes;
}

static ssize_t
conceal (void *state, int16_t *samples, size_t n_samples)
{
    g711_past_conceal (state, samples, n_samples);
    return (ssize_t) n_samples;
}

static void *
decoder_new (const char *fmtp, void *data)
{
    return g_new0 (G711Past, 1);
}

static const uint8_t *
direct_from_mulaw (const char *to, void *data)
{
    return g_ascii_strcasecmp (to, "PCMA") == 0 ? ((State *) data)->mulaw_to_alaw : NULL;
}

static const uint8_t *
direct_from_alaw (const char *to, void *data)
{
    return g_ascii_strcasecmp (to, "PCMU") == 0 ? ((State *) data)->alaw_to_mulaw : NULL;
}

/* What both have in common. A frame of 10 ms fits every usual packet; static payload types, clock and
 * sample rate: RFC 3551 4.5.14 and Table 4. */
static TdCodec
common (State *state)
{
    return (TdCodec){
        .size = sizeof (TdCodec),
        .clock_rate_hz = 8000,
        .sample_rate_hz = 8000,
        .channels = 1,
        .frame_us = 10000,
        .max_frame_bytes = 80,
        .quality = 80,
        .cost_ns = 500,
        .data = state,
        .decoder_new = decoder_new,
        .decoder_free = g_free,
        .conceal = conceal,
    };
}

static bool
start (TdModule *module, GError **error)
{
    State *state = td_module_state (module);
    TdCodec mulaw = common (state), alaw = common (state);

    mulaw.name = "PCMU";
    mulaw.payload_type = 0;
    mulaw.encode = encode_mulaw;
    mulaw.decode = decode_mulaw;
    mulaw.direct = direct_from_mulaw;
    alaw.name = "PCMA";
    alaw.payload_type = 8;
    alaw.encode = encode_alaw;
    alaw.decode = decode_alaw;
    alaw.direct = direct_from_alaw;
    return td_codec_register (module, &mulaw, error) && td_codec_register (module, &alaw, error);
}

/* The tables live as long as the module: a stop does not take them from whoever still converts. */
static bool
load (TdModule *module, GError **error)
{
    State *state = g_new (State, 1);

    g711_fill_mulaw_to_alaw (state->mulaw_to_alaw);
    g711_fill_alaw_to_mulaw (state->alaw_to_mulaw);
    td_module_set_state (module, state);
    return true;
}

static void
unload (TdModule *module)
{
    g_free (td_module_state (module));
}

TD_MODULE_NAMED ("codec-g711", .summary = "The codecs PCMU and PCMA", .version = "1.0",
                 .license = "LGPL-2.1-or-later", .provides = TD_LIST ("codec.pcmu", "codec.pcma"),
                 .upgrade = TD_UPGRADE_BESIDE, .load = load, .start = start, .unload = unload)
