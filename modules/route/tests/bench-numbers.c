/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What N whole numbers (ten million) take, while they are added and then, and what a look-up costs, beside a
 * hash of the same.
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

/* Writes a number to INTO; returns its value. */
static uint32_t
next_number (GRand *rand, char into[16])
{
    int code = g_rand_int_range (rand, 200, 1000);

    g_snprintf (into, 16, "%d%07d", code, g_rand_int_range (rand, 2000000, 10000000));
    return (uint32_t) g_rand_int_range (rand, 0, N_VALUES);
}

/* Numbers as integers are the least that a hash can do with: a pointer each, and nothing to allocate. */
static void *
key_of (const char *number)
{
    return GSIZE_TO_POINTER (g_ascii_strtoull (number, NULL, 10));
}

/* What is looked up in HASH as in the table. Returns how many were found. */
static uint32_t
time_hash (GHashTable *hash, char (*samples)[16], uint32_t n_samples, double mib)
{
    clock_t since = clock ();
    uint32_t n_found = 0;

    for (uint32_t i = 0; i < N_LOOKUPS; i++) {
        n_found += g_hash_table_contains (hash, key_of (samples[i % n_samples]));
    }
    printf ("hash: %.2f million look-ups/s, %.1f MiB\n", N_LOOKUPS / seconds_since (since) / 1e6,
            mib);
    return n_found;
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
        uint32_t value = next_number (rand, number);
        numbers_builder_add (builder, number, value);
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
    printf ("table: %.2f million look-ups/s\n", N_LOOKUPS / seconds_since (since) / 1e6);
    numbers_free (numbers);

    GHashTable *hash = g_hash_table_new (NULL, NULL);
    before_mib = memory_mib ("VmRSS:");
    g_rand_set_seed (rand, seed);
    for (uint32_t i = 0; i < n; i++) {
        char number[16];
        uint32_t value = next_number (rand, number);
        g_hash_table_insert (hash, key_of (number), GUINT_TO_POINTER (value + 1));
    }
    uint32_t n_by_hash =
        time_hash (hash, samples, MIN (n, N_SAMPLES), memory_mib ("VmRSS:") - before_mib);
    g_hash_table_unref (hash);
    g_rand_free (rand);
    g_free (samples);
    return n_found == N_LOOKUPS && n_by_hash == N_LOOKUPS ? 0 : 1;
}
