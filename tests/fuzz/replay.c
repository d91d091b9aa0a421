/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives a fuzz target every file of its corpus: whole, cut short at each byte, and with damage that
 * is the same in every run. */

#include "fuzz.h"

#include <stdio.h>

enum {
    N_DAMAGED = 2000, /* variants of each file */
    MAX_CUT = 4096,   /* longer files are cut at their first bytes only */
};

/* xorshift: small, and the same everywhere. */
static uint32_t
next_random (uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* The target gets an allocation of just this size, so that a sanitizer sees each byte behind it. */
static void
run (const uint8_t *data, size_t n_bytes)
{
    g_autofree uint8_t *copy = g_memdup2 (data, n_bytes);

    LLVMFuzzerTestOneInput (n_bytes > 0 ? copy : (const uint8_t *) "", n_bytes);
}

static void
run_damaged (const uint8_t *data, size_t n_bytes, uint32_t *state)
{
    static const uint8_t tokens[] = "\0\r\n =:/;,0199999azAZ\xff\x80-*";
    g_autofree uint8_t *copy = g_memdup2 (data, n_bytes);

    for (unsigned n = 1 + next_random (state) % 4; n > 0; n--) {
        size_t at = next_random (state) % n_bytes;
        uint32_t how = next_random (state);
        copy[at] = (how & 1) != 0 ? (uint8_t) (how >> 8) : tokens[(how >> 8) % sizeof tokens];
    }
    LLVMFuzzerTestOneInput (copy, n_bytes);
}

static bool
replay (const char *path)
{
    g_autofree char *data = NULL;
    g_autoptr (GError) error = NULL;
    size_t n_bytes;
    uint32_t state = 2463534242u;

    if (!g_file_get_contents (path, &data, &n_bytes, &error)) {
        fprintf (stderr, "%s\n", error->message);
        return false;
    }
    const uint8_t *bytes = (const uint8_t *) data;
    run (bytes, n_bytes);
    for (size_t n = 0; n < n_bytes && n < MAX_CUT; n++) {
        run (bytes, n);
    }
    for (unsigned i = 0; i < N_DAMAGED && n_bytes > 0; i++) {
        run_damaged (bytes, n_bytes, &state);
    }
    return true;
}

int
main (int argc, char **argv)
{
    unsigned n_files = 0;
    const char *name;

    if (argc != 2) {
        fprintf (stderr, "Usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    GDir *corpus = g_dir_open (argv[1], 0, NULL);
    while (corpus != NULL && (name = g_dir_read_name (corpus)) != NULL) {
        g_autofree char *path = g_build_filename (argv[1], name, NULL);
        if (!replay (path)) {
            return 1;
        }
        n_files++;
    }
    g_clear_pointer (&corpus, g_dir_close);
    printf ("%u files\n", n_files);
    return n_files > 0 ? 0 : 1;
}
