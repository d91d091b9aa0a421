/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ITU-T G.711: samples to mu-law and A-law octets and back, and octets of one law to the other. */

#ifndef CODEC_G711_G711_H
#define CODEC_G711_G711_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* One sample, 16 bits wide: the 14 bits of mu-law and the 13 bits of A-law stand at the top. */
uint8_t g711_mulaw (int16_t sample);
uint8_t g711_alaw (int16_t sample);
int16_t g711_from_mulaw (uint8_t octet);
int16_t g711_from_alaw (uint8_t octet);

/* Octets of the one law for octets of the other, by Tables 3 and 4 of G.711. */
void g711_fill_mulaw_to_alaw (uint8_t table[256]);
void g711_fill_alaw_to_mulaw (uint8_t table[256]);

/* --- Lost frames ------------------------------------------------------------------------- */

enum {
    G711_HISTORY = 160, /* samples that are played again: 20 ms */
    G711_HOLD = 80,     /* samples at full strength, 10 ms, before they fade ... */
    G711_FADE = 480,    /* ... to silence at 60 ms: as G.711 Appendix I does */
};

/* What was heard last. All zero: nothing yet. */
typedef struct {
    int16_t history[G711_HISTORY];
    unsigned n_history;
    unsigned n_concealed; /* samples since then */
} G711Past;

void g711_past_heard (G711Past *past, const int16_t *samples, size_t n_samples);
void g711_past_conceal (G711Past *past, int16_t *samples, size_t n_samples);

#endif
