/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as the answer of a LoST server, and as a PIDF-LO: whatever is taken can be called, and asked
 * about (PRI-091). */

#include "fuzz.h"

#include "lost.h"

#include <string.h>

static void
check_mapping (const LostAnswer *answer)
{
    FUZZ_CHECK (answer->uris[0] != NULL && answer->name != NULL && answer->number != NULL);
    for (char **uri = answer->uris; *uri != NULL; uri++) {
        FUZZ_CHECK (lost_is_uri (*uri));
        FUZZ_CHECK (strpbrk (*uri, "\r\n <>\"") == NULL);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autofree char *text = g_memdup2 (data, n_bytes); /* its end is the end */
    g_autoptr (GError) error = NULL;
    LostAnswer answer;

    if (lost_read_answer (text, n_bytes, &answer, &error)) {
        FUZZ_CHECK (answer.text != NULL && error == NULL);
        if (answer.kind == LOST_MAPPING) {
            check_mapping (&answer);
        }
        lost_answer_clear (&answer);
    } else {
        FUZZ_CHECK (error != NULL);
    }
    g_autoptr (Location) location = location_from_pidf (text, n_bytes, NULL);
    if (location != NULL) {
        g_autofree char *question = lost_print_question ("urn:service:sos", location);
        LostAnswer none;
        FUZZ_CHECK (g_utf8_validate (question, -1, NULL));
        FUZZ_CHECK (!lost_read_answer (question, strlen (question), &none, NULL));
    }
    return 0;
}
