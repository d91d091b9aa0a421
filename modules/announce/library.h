/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All that can be heard, by name: the tones of a plan, the recordings of a folder. */

#ifndef MODULES_ANNOUNCE_LIBRARY_H
#define MODULES_ANNOUNCE_LIBRARY_H

#include "tone.h"

#include <stddef.h>

enum {
    LIBRARY_MAX_PROMPTS = 1000,
    LIBRARY_MAX_BYTES = 256 * 1024 * 1024, /* of all recordings */
};

typedef struct {
    int16_t *samples;
    size_t n_samples;
} Prompt;

/* Immutable once it is loaded. */
typedef struct {
    GHashTable *tones;   /* const char * -> Tone * */
    GHashTable *prompts; /* const char * -> Prompt * */
    size_t n_bytes;      /* of all recordings */
} Library;

Library *library_new (void);
void library_free (Library *library); /* nullable */

/* Adds the tones of the plan at PATH. Errors: the file, the tone and what is wrong with it. Blocks. */
bool library_add_tones (Library *library, const char *path, GError **error);

/* The same for a plan that is TEXT. */
bool library_parse_tones (Library *library, const char *text, size_t n_bytes, const char *path,
                          GError **error);

/* Adds each NAME.wav in FOLDER. Errors: the file and what is wrong with it. Blocks. */
bool library_add_prompts (Library *library, const char *folder, GError **error);

const Tone *library_tone (const Library *library, const char *name);
const Prompt *library_prompt (const Library *library, const char *name);

#endif
