/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as JSON: what is read can be written as JSON and as text, and reads back the same. */

#include "fuzz.h"

#include <string.h>
#include <tandem/command.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) value = td_result_from_json ((const char *) data, n_bytes, &error);

    FUZZ_CHECK ((value == NULL) == (error != NULL));
    if (value == NULL) {
        return 0;
    }
    g_autofree char *text = td_result_to_text (value);
    FUZZ_CHECK (g_utf8_validate (text, -1, NULL));
    g_autofree char *json = td_result_to_json (value);
    FUZZ_CHECK (g_utf8_validate (json, -1, NULL));
    FUZZ_CHECK (strchr (json, '\n') == NULL);
    g_autoptr (GVariant) again = td_result_from_json (json, strlen (json), NULL);
    FUZZ_CHECK (again != NULL);
    g_autofree char *json_again = td_result_to_json (again);
    FUZZ_CHECK (g_str_equal (json, json_again));
    return 0;
}
