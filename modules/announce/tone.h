/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tones: what a plan says of one, and the samples of it at any moment.
 *
 *     480+620 500, 0 500        two frequencies for half a second, silence as long, again and again
 *     985.2 380, 1370.6 274, 1776.7 380    three in turn; once, where the plan says so
 *     350+440                   without an end
 *
 * A step begins where the one before has left off in phase, unless silence was between.
 */

#ifndef MODULES_ANNOUNCE_TONE_H
#define MODULES_ANNOUNCE_TONE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    TONE_RATE_HZ = 8000,
    TONE_MAX_STEPS = 16,
    TONE_MAX_FREQUENCIES = 4,
};

#define TONE_ENDLESS UINT64_MAX

typedef struct {
    unsigned n_frequencies; /* 0: silence */
    uint16_t decihertz[TONE_MAX_FREQUENCIES];
    uint32_t phase[TONE_MAX_FREQUENCIES]; /* at the beginning, of 10 * TONE_RATE_HZ to a turn */
    uint64_t n_samples;                   /* TONE_ENDLESS: of one that never ends */
} ToneStep;

/* Immutable once it is read. */
typedef struct {
    ToneStep steps[TONE_MAX_STEPS];
    unsigned n_steps;
    uint64_t n_once; /* samples of all steps, TONE_ENDLESS when one is without an end */
    bool is_repeated;
    double amplitude; /* of each frequency, in steps of 16 bits */
} Tone;

/* Reads STEPS, as above, each frequency at LEVEL (-60 .. 3 dBm0). Errors: what is wrong with which step. */
bool tone_parse (Tone *tone, const char *steps, double level_dbm0, bool is_repeated,
                 GError **error);

/* All samples there are, or TONE_ENDLESS. */
uint64_t tone_length (const Tone *tone);

/* The N_SAMPLES at POSITION: silence behind the end. Thread: any. */
void tone_read (const Tone *tone, uint64_t position, int16_t *samples, unsigned n_samples);

#endif
