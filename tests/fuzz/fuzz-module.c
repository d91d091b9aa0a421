/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Any bytes as a module's file: read as data, refused by one printable sentence, or good. */

#include "fuzz.h"

#include "module/note.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n_bytes)
{
    g_autoptr (GBytes) bytes = g_bytes_new_static (data, n_bytes);
    g_autoptr (GError) error = NULL;
    TdModuleNote note;

    bool is_good = td_note_check ("m.so", bytes, NULL, &note, &error);
    FUZZ_CHECK (is_good == (error == NULL));
    if (is_good) {
        FUZZ_CHECK (memchr (note.name, '\0', sizeof note.name) != NULL);
        FUZZ_CHECK (td_note_is_name (note.name));
        FUZZ_CHECK (note.abi_major == TD_ABI_MAJOR && note.abi_minor <= TD_ABI_MINOR);
    } else {
        FUZZ_CHECK (g_str_has_prefix (error->message, "m.so: "));
        FUZZ_CHECK (g_utf8_validate (error->message, -1, NULL));
        FUZZ_CHECK (strchr (error->message, '\n') == NULL);
    }
    g_autofree char *text = td_note_describe ("m.so", bytes, NULL);
    FUZZ_CHECK (text == NULL ? !is_good : g_utf8_validate (text, -1, NULL));
    return 0;
}
