/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a recording: all samples are inside the file, and what is refused says why. */

#include "fuzz.h"

#include "wav.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autoptr (GError) error = NULL;
    size_t n_samples = 0;
    g_autofree int16_t *samples = wav_parse (data, n_bytes, &n_samples, &error);

    FUZZ_CHECK ((samples == NULL) == (error != NULL));
    FUZZ_CHECK (samples == NULL || (n_samples > 0 && n_samples * 2 < n_bytes));
    FUZZ_CHECK (error == NULL || g_utf8_validate (error->message, -1, NULL));
    return 0;
}
