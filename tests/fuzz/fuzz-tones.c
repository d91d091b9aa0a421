/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a tone plan, and the same as a sequence of what is in it: what is taken can be heard at any
 * moment, what is refused says why. */

#include "fuzz.h"

#include "sequence.h"

#include <string.h>

static void
read_at (const Sequence *sequence, uint64_t position)
{
    int16_t samples[160];
    unsigned n = sequence_read (sequence, position, samples, G_N_ELEMENTS (samples));

    FUZZ_CHECK (n <= G_N_ELEMENTS (samples));
    FUZZ_CHECK (n == G_N_ELEMENTS (samples) || sequence->n_samples != TONE_ENDLESS);
}

static void
play (const Library *library, const char *text)
{
    g_autoptr (GError) error = NULL;
    Sequence sequence;

    if (!sequence_parse (&sequence, library, text, &error)) {
        FUZZ_CHECK (error != NULL);
        return;
    }
    FUZZ_CHECK (sequence.n_samples > 0);
    read_at (&sequence, 0);
    read_at (&sequence, 12345);
    read_at (&sequence,
             sequence.n_samples == TONE_ENDLESS ? UINT64_C (1) << 40 : sequence.n_samples - 1);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_strndup ((const char *) data, n_bytes);
    Library *library = library_new ();
    g_autoptr (GError) error = NULL;
    GHashTableIter iter;
    void *name;

    FUZZ_CHECK (library_parse_tones (library, (const char *) data, n_bytes, "plan", &error)
                == (error == NULL));
    FUZZ_CHECK (error == NULL || g_utf8_validate (error->message, -1, NULL));
    g_hash_table_iter_init (&iter, library->tones);
    while (g_hash_table_iter_next (&iter, &name, NULL)) {
        g_autofree char *one = g_strconcat ("tone/", (const char *) name, NULL);
        play (library, one);
    }
    play (library, text);
    library_free (library);
    return 0;
}
