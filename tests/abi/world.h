/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the ABI share: module files, and an operator who asks. */

#ifndef TESTS_ABI_WORLD_H
#define TESTS_ABI_WORLD_H

#include "common/fixture.h"

/* The module that was built as VARIANT, or as NAME (transfer full). */
char *abi_variant (const char *variant);
char *abi_module (const char *name);

/* A copy of FILE in the folder of FIXTURE in which TEXT (nullable) is replaced by the equally long
 * REPLACEMENT everywhere, cut to SIZE bytes (0: all) (transfer full). */
char *abi_edited (TdFixture *fixture, const char *file, const char *text, const char *replacement,
                  gsize size);

/* Gives the command LINE, words divided by blanks, and lets time pass until it is answered. Returns
 * (transfer full) JSON, or "error: " and the reason. */
char *abi_ask (const char *line_format, ...) G_GNUC_PRINTF (1, 2);

/* Asks, and fails the test when the answer does not contain EXPECTED. */
void abi_expect (const char *expected, const char *line_format, ...) G_GNUC_PRINTF (2, 3);

/* How many private copies of modules are mapped into this process, but for those that are only kept
 * for a leak checker. */
unsigned abi_count_mapped (void);

#endif
