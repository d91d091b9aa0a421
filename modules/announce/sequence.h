/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sequences: tones and recordings one after the other, as a treatment or a target says them.
 *
 *     tone/reorder 10 s                          a tone for so long
 *     tone/sit-vc, prompt/vacant * 2             one after the other, all of it twice
 *     prompt/closed, silence 500 ms, tone/busy   the last one may be without an end
 */

#ifndef MODULES_ANNOUNCE_SEQUENCE_H
#define MODULES_ANNOUNCE_SEQUENCE_H

#include "library.h"

enum {
    SEQUENCE_MAX_PARTS = 16,
    SEQUENCE_MAX_TIMES = 100,
    SEQUENCE_MAX_MS = 3600000, /* of one part */
};

/* One part: a tone, a recording, or silence. */
typedef struct {
    const Tone *tone;     /* nullable */
    const Prompt *prompt; /* nullable */
    uint64_t n_samples;   /* TONE_ENDLESS: the last one may have no end */
} SequencePart;

/* Immutable. What its parts point to is the library's. */
typedef struct {
    SequencePart parts[SEQUENCE_MAX_PARTS];
    unsigned n_parts;
    uint64_t n_once; /* samples of all parts */
    uint64_t n_samples;
} Sequence;

/* Reads TEXT, with the tones and recordings of LIBRARY. Errors: what it names that is not there, and
 * what else is wrong with it. */
bool sequence_parse (Sequence *sequence, const Library *library, const char *text, GError **error);

/* Fills SAMPLES with the N_SAMPLES at POSITION; returns how many there were. Thread: any. */
unsigned sequence_read (const Sequence *sequence, uint64_t position, int16_t *samples,
                        unsigned n_samples);

#endif
