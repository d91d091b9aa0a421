/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as SDP: what is read can be printed, copied and answered, and printing is stable. */

#include "fuzz.h"

#include <tandem/offer.h>

enum {
    MAX_SDP_BYTES = 64 * 1024,
};

static GString *
print (const TdDescription *description)
{
    GString *text = g_string_new (NULL);

    td_description_to_sdp (description, text);
    return text;
}

/* What was printed is read again, unless rtpmap lines made it too long, and prints the same. */
static void
check_stable (const TdDescription *description)
{
    g_autoptr (GString) first = print (description);
    g_autoptr (TdDescription) copy = td_description_copy (description);
    g_autoptr (GString) copied = print (copy);

    FUZZ_CHECK (g_string_equal (first, copied));
    if (first->len > MAX_SDP_BYTES) {
        return;
    }
    g_autoptr (TdDescription) again = td_description_from_sdp (first->str, first->len, NULL);
    FUZZ_CHECK (again != NULL);
    g_autoptr (GString) second = print (again);
    FUZZ_CHECK (g_string_equal (first, second));
}

static void
check_answer (const TdDescription *description)
{
    g_autoptr (TdDescription) answer = td_description_answer (description, description);

    if (answer != NULL) {
        g_autoptr (GString) text = print (answer);
        FUZZ_CHECK (g_str_has_prefix (text->str, "v=0\r\n"));
        FUZZ_CHECK (td_description_is_answer_to (answer, description, NULL));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (TdDescription) description =
        td_description_from_sdp ((const char *) data, n_bytes, &error);

    FUZZ_CHECK ((description == NULL) == (error != NULL));
    if (description == NULL) {
        FUZZ_CHECK (g_utf8_validate (error->message, -1, NULL));
        return 0;
    }
    check_stable (description);
    check_answer (description);
    return 0;
}
