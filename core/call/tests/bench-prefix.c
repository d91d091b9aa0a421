/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a look-up costs in a table of N prefixes (a million), beside a hash of every length.
 *
 *     bench-prefix [N [SEED [FILE]]]
 *
 * FILE gets the prefixes, one a line, for somebody else to look up in.
 */

#include <tandem/number.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_DIGITS = 15, /* ITU-T E.164 6.1 */
    N_NUMBERS = 1 << 16,
    N_LOOKUPS = 1 << 23,
};

/* A number of LEN digits below one of a few hundred codes, as numbers are. */
static void
write_number (GRand *rand, char *into, unsigned len)
{
    snprintf (into, MAX_DIGITS + 1, "%03d%012" G_GINT64_FORMAT, g_rand_int_range (rand, 200, 600),
              (int64_t) (g_rand_double (rand) * 1e12));
    into[len] = '\0';
}

/* Of a core: what else runs on the machine does not count. */
static double
seconds_since (clock_t since)
{
    return (double) (clock () - since) / CLOCKS_PER_SEC;
}

static bool
write_prefixes (const char *path, char (*texts)[MAX_DIGITS + 1], unsigned n)
{
    FILE *file = fopen (path, "w");

    for (unsigned i = 0; file != NULL && i < n; i++) {
        fprintf (file, "%s\n", texts[i]);
    }
    return file != NULL && fclose (file) == 0;
}

static uint32_t
find_by_hash (GHashTable *hash, const char *number)
{
    char key[MAX_DIGITS + 1];
    void *value = NULL;

    memcpy (key, number, sizeof (key));
    for (size_t len = strlen (key); value == NULL && len > 0; len--) {
        key[len] = '\0';
        value = g_hash_table_lookup (hash, key);
    }
    return GPOINTER_TO_UINT (value) - 1;
}

int
main (int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned) strtoul (argv[1], NULL, 10) : 1000000;
    uint32_t seed = argc > 2 ? (uint32_t) strtoul (argv[2], NULL, 10) : 1;
    GRand *rand = g_rand_new_with_seed (seed);
    char (*texts)[MAX_DIGITS + 1] = g_malloc_n (n, MAX_DIGITS + 1);
    char (*numbers)[MAX_DIGITS + 1] = g_malloc_n (N_NUMBERS, MAX_DIGITS + 1);
    TdPrefix *prefixes = g_new (TdPrefix, n);
    GHashTable *hash = g_hash_table_new (g_str_hash, g_str_equal);
    uint64_t sum = 0, sum_hash = 0, sum_all = 0;

    for (unsigned i = 0; i < n; i++) {
        write_number (rand, texts[i], (unsigned) g_rand_int_range (rand, 5, 11));
        prefixes[i] = (TdPrefix){ texts[i], i };
        if (!g_hash_table_contains (hash, texts[i])) {
            g_hash_table_insert (hash, texts[i], GUINT_TO_POINTER (i + 1));
        }
    }
    for (unsigned i = 0; i < N_NUMBERS; i++) {
        write_number (rand, numbers[i], 12);
    }
    if (argc > 3 && !write_prefixes (argv[3], texts, n)) {
        perror (argv[3]);
        return 1;
    }
    clock_t since = clock ();
    TdPrefixTable *table = td_prefix_table_new (prefixes, n, NULL);
    printf ("%u prefixes, seed %u: made in %.2f s, %.1f MiB\n", n, seed, seconds_since (since),
            (double) td_prefix_table_size_bytes (table) / (1 << 20));

    since = clock ();
    for (unsigned i = 0; i < N_LOOKUPS; i++) {
        sum += td_prefix_table_find (table, numbers[i % N_NUMBERS]);
    }
    printf ("tree: %.2f million look-ups/s\n", N_LOOKUPS / seconds_since (since) / 1e6);
    since = clock ();
    for (unsigned i = 0; i < N_LOOKUPS; i++) {
        uint32_t values[MAX_DIGITS + 1];
        size_t n_values =
            td_prefix_table_find_all (table, numbers[i % N_NUMBERS], values, G_N_ELEMENTS (values));
        sum_all += n_values > 0 ? values[0] : TD_PREFIX_NO_VALUE;
    }
    printf ("tree, all that fit: %.2f million look-ups/s\n",
            N_LOOKUPS / seconds_since (since) / 1e6);
    since = clock ();
    for (unsigned i = 0; i < N_LOOKUPS; i++) {
        sum_hash += find_by_hash (hash, numbers[i % N_NUMBERS]);
    }
    printf ("hash: %.2f million look-ups/s\n", N_LOOKUPS / seconds_since (since) / 1e6);
    if (sum != sum_hash || sum != sum_all) {
        fprintf (stderr, "they do not find the same\n");
        return 1;
    }
    td_prefix_table_free (table);
    g_hash_table_unref (hash);
    g_rand_free (rand);
    g_free (prefixes);
    g_free (numbers);
    g_free (texts);
    return 0;
}
