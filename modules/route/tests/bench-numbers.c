/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What N whole numbers (ten million) take, while they are added and then, and what a look-up costs.
 *
 *     bench-numbers [N [SEED]]
 */

#include "numbers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    N_SAMPLES = 1 << 16,
    N_LOOKUPS = 1 << 23,
    N_VALUES = 20000, /* routing numbers of a large country */
};

/* Of a core: what else runs on the machine does not count. */
static double
seconds_since (clock_t since)
{
    return (double) (clock () - since) / CLOCKS_PER_SEC;
}

/* A field of /proc/self/status, proc(5), in MiB. */
static double
memory_mib (const char *field)
{
    g_autofree char *text = NULL;
    const char *at;

    if (!g_file_get_contents ("/proc/self/status", &text, NULL, NULL)
        || (at = strstr (text, field)) == NULL) {
        return 0;
    }
    return strtod (at + strlen (field), NULL) / 1024;
}

int
main (int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t) strtoul (argv[1], NULL, 10) : 10000000;
    uint32_t seed = argc > 2 ? (uint32_t) strtoul (argv[2], NULL, 10) : 1;
    GRand *rand = g_rand_new_with_seed (seed);
    char (*samples)[16] = g_malloc_n (N_SAMPLES, 16);
    uint32_t n_found = 0;
    double before_mib = memory_mib ("VmRSS:");
    clock_t since = clock ();

    NumbersBuilder *builder = numbers_builder_new ();
    for (uint32_t i = 0; i < n; i++) {
        char number[16];
        g_snprintf (number, sizeof number, "%d%07d", g_rand_int_range (rand, 200, 1000),
                    g_rand_int_range (rand, 2000000, 10000000));
        numbers_builder_add (builder, number, (uint32_t) g_rand_int_range (rand, 0, N_VALUES));
        if (i < N_SAMPLES) {
            memcpy (samples[i], number, sizeof number);
        }
    }
    clock_t added = clock ();
    Numbers *numbers = numbers_builder_end (builder);
    printf ("%u numbers, seed %u: made in %.2f s, %.1f MiB, %.1f MiB at most on the way\n", n, seed,
            seconds_since (since), (double) numbers_size_bytes (numbers) / (1 << 20),
            memory_mib ("VmHWM:") - before_mib);
    printf ("%.2f s of that for sorting\n", seconds_since (added));
    since = clock ();
    for (uint32_t i = 0; i < N_LOOKUPS; i++) {
        n_found += numbers_find (numbers, samples[i % MIN (n, N_SAMPLES)]) != NUMBERS_NO_VALUE;
    }
    printf ("%.2f million look-ups/s\n", N_LOOKUPS / seconds_since (since) / 1e6);
    numbers_free (numbers);
    g_rand_free (rand);
    g_free (samples);
    return n_found == N_LOOKUPS ? 0 : 1;
}
