/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ITU-T G.711: samples to mu-law and A-law octets and back, and octets of one law to the other. */

#include "g711.h"

#include <string.h>

/* Both laws: a sign, a segment of three bits, a step of four. Magnitudes are ones' complements, so
 * that the decision values, which are in between two quantised values, fall the same way on both
 * sides of zero. */

enum {
    ALAW_TOGGLE = 0x55, /* G.711 3.1: even bits are inverted */
    MULAW_BIAS = 33,
    MULAW_MAX = 8158, /* of 14 bits; beyond is overload */
};

static unsigned
log2_of (unsigned value)
{
    return 31 - (unsigned) __builtin_clz (value);
}

uint8_t
g711_mulaw (int16_t sample)
{
    unsigned magnitude = (unsigned) (sample < 0 ? ~sample : sample) >> 2;
    unsigned biased = MIN (magnitude, MULAW_MAX) + MULAW_BIAS;
    unsigned segment = log2_of (biased) - 5;
    unsigned code = segment << 4 | (biased >> (segment + 1) & 0xf);

    return (uint8_t) ((sample < 0 ? 0x7f : 0xff) ^ code);
}

int16_t
g711_from_mulaw (uint8_t octet)
{
    unsigned code = ~octet & 0x7fu;
    int magnitude = (int) (((((code & 0xf) << 1) + MULAW_BIAS) << (code >> 4)) - MULAW_BIAS) * 4;

    return (int16_t) (octet & 0x80 ? magnitude : -magnitude);
}

uint8_t
g711_alaw (int16_t sample)
{
    unsigned magnitude = (unsigned) (sample < 0 ? ~sample : sample) >> 4;
    /* The two lowest segments have the same step: their codes are the magnitude itself. */
    unsigned segment = magnitude < 32 ? 0 : log2_of (magnitude) - 3;
    unsigned code = magnitude < 32 ? magnitude : segment << 4 | (magnitude >> (segment - 1) & 0xf);

    return (uint8_t) (((sample < 0 ? 0 : 0x80) | code) ^ ALAW_TOGGLE);
}

int16_t
g711_from_alaw (uint8_t octet)
{
    unsigned code = (octet ^ ALAW_TOGGLE) & 0x7fu;
    unsigned segment = code >> 4;
    unsigned middle = ((code & 0xf) << 1) + 1;
    int magnitude = (int) (segment == 0 ? middle : (middle + 32) << (segment - 1)) * 8;

    return (int16_t) (octet & 0x80 ? magnitude : -magnitude);
}

/* --- From one law to the other ----------------------------------------------------------- */

/* Numbers of decoder output values are codes without their sign: 0 to 127 in mu-law, but 1 to 128 in
 * A-law. Those of A-law for those of mu-law: G.711 Table 3. */
static const uint8_t alaw_for_mulaw[128] = {
    1,   1,   2,   2,   3,   3,   4,   4,   5,   5,   6,   6,   7,   7,   8,   8,   9,   10,  11,
    12,  13,  14,  15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  27,  29,  31,  33,  34,
    35,  36,  37,  38,  39,  40,  41,  42,  43,  44,  46,  48,  49,  50,  51,  52,  53,  54,  55,
    56,  57,  58,  59,  60,  61,  62,  64,  65,  66,  67,  68,  69,  70,  71,  72,  73,  74,  75,
    76,  77,  78,  79,  80,  82,  83,  84,  85,  86,  87,  88,  89,  90,  91,  92,  93,  94,  95,
    96,  97,  98,  99,  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114,
    115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128,
};

/* Those of mu-law for those of A-law: G.711 Table 4. */
static const uint8_t mulaw_for_alaw[128] = {
    1,   3,   5,   7,   9,   11,  13,  15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  26,
    27,  28,  29,  30,  31,  32,  32,  33,  33,  34,  34,  35,  35,  36,  37,  38,  39,  40,  41,
    42,  43,  44,  45,  46,  47,  48,  48,  49,  49,  50,  51,  52,  53,  54,  55,  56,  57,  58,
    59,  60,  61,  62,  63,  64,  64,  65,  66,  67,  68,  69,  70,  71,  72,  73,  74,  75,  76,
    77,  78,  79,  80,  80,  81,  82,  83,  84,  85,  86,  87,  88,  89,  90,  91,  92,  93,  94,
    95,  96,  97,  98,  99,  100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113,
    114, 115, 116, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127,
};

void
g711_fill_mulaw_to_alaw (uint8_t table[256])
{
    for (unsigned octet = 0; octet < 256; octet++) {
        unsigned code = alaw_for_mulaw[~octet & 0x7f] - 1u;
        table[octet] = (uint8_t) ((octet & 0x80) | (code ^ ALAW_TOGGLE));
    }
}

void
g711_fill_alaw_to_mulaw (uint8_t table[256])
{
    for (unsigned octet = 0; octet < 256; octet++) {
        unsigned code = mulaw_for_alaw[(octet ^ ALAW_TOGGLE) & 0x7f];
        table[octet] = (uint8_t) ((octet & 0x80) | (code ^ 0x7f));
    }
}

/* --- Lost frames ------------------------------------------------------------------------- */

void
g711_past_heard (G711Past *past, const int16_t *samples, size_t n_samples)
{
    unsigned n_new = (unsigned) MIN (n_samples, G711_HISTORY);
    unsigned n_kept = MIN (past->n_history, G711_HISTORY - n_new);

    memmove (past->history, past->history + past->n_history - n_kept, n_kept * sizeof (int16_t));
    memcpy (past->history + n_kept, samples + n_samples - n_new, n_new * sizeof (int16_t));
    past->n_history = n_kept + n_new;
    past->n_concealed = 0;
}

static int16_t
fade (int16_t sample, unsigned n_concealed)
{
    if (n_concealed < G711_HOLD) {
        return sample;
    }
    return (int16_t) (sample * (int) (G711_FADE - n_concealed) / (G711_FADE - G711_HOLD));
}

void
g711_past_conceal (G711Past *past, int16_t *samples, size_t n_samples)
{
    for (size_t i = 0; i < n_samples; i++) {
        if (past->n_concealed >= G711_FADE || past->n_history == 0) {
            samples[i] = 0;
            continue;
        }
        int16_t sample = past->history[past->n_concealed % past->n_history];
        samples[i] = fade (sample, past->n_concealed);
        past->n_concealed++;
    }
}
