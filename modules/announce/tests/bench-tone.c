/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What 20 ms of a tone cost, in processor time. */

#include "tone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { N_FRAMES = 500000, N_SAMPLES = 160 };

static void
measure (const char *steps)
{
    int16_t samples[N_SAMPLES];
    unsigned sum = 0;
    Tone tone;

    if (!tone_parse (&tone, steps, -24, true, NULL)) {
        abort ();
    }
    clock_t start = clock ();
    for (uint64_t i = 0; i < N_FRAMES; i++) {
        tone_read (&tone, i * N_SAMPLES, samples, N_SAMPLES);
        sum += (uint16_t) samples[i % N_SAMPLES];
    }
    double each_ns = (double) (clock () - start) / CLOCKS_PER_SEC * 1e9 / N_FRAMES;
    printf ("%-12s %6.0f ns for 20 ms (%u)\n", steps, each_ns, sum);
}

int
main (void)
{
    measure ("425");
    measure ("480+620");
    return 0;
}
