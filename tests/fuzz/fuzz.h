/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a fuzz target is: one function that takes any bytes, for libFuzzer and for the replay. */

#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends the process, which is how a fuzzer learns of it. */
#define FUZZ_CHECK(claim)                                                                          \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            fprintf (stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #claim);                 \
            abort ();                                                                              \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes);

#endif
