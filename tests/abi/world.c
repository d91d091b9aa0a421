/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of the ABI share: module files, and an operator who asks. */

#include "world.h"

#include <string.h>

char *
abi_variant (const char *variant)
{
    return g_strdup_printf ("%s/variant-%s.so", g_getenv ("VARIANTS"), variant);
}

char *
abi_module (const char *name)
{
    return g_strdup_printf ("%s/%s.so", g_getenv ("ABI_MODULES"), name);
}

char *
abi_edited (TdFixture *fixture, const char *file, const char *text, const char *replacement,
            gsize size)
{
    g_autofree char *data = NULL;
    gsize length;
    unsigned n_replaced = 0;

    g_assert_true (g_file_get_contents (file, &data, &length, NULL));
    for (gsize i = 0; text != NULL && i + strlen (text) <= length; i++) {
        if (memcmp (data + i, text, strlen (text)) == 0) {
            memcpy (data + i, replacement, strlen (text));
            n_replaced++;
        }
    }
    g_assert_true (text == NULL || n_replaced > 0);
    char *to = g_build_filename (fixture->dir, "edited.so", NULL);
    g_assert_true (g_file_set_contents_full (to, data, size == 0 ? (gssize) length : (gssize) size,
                                             G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    return to;
}

char *
abi_ask (const char *line_format, ...)
{
    va_list arguments;

    va_start (arguments, line_format);
    g_autofree char *line = g_strdup_vprintf (line_format, arguments);
    va_end (arguments);
    return td_fixture_ask (line);
}

void
abi_expect (const char *expected, const char *line_format, ...)
{
    va_list arguments;

    va_start (arguments, line_format);
    g_autofree char *line = g_strdup_vprintf (line_format, arguments);
    va_end (arguments);
    g_autofree char *answer = td_fixture_ask (line);
    if (strstr (answer, expected) == NULL) {
        g_error ("\"%s\" is answered by %s, which does not say %s", line, answer, expected);
    }
}

unsigned
abi_count_mapped (void)
{
    g_autofree char *maps = NULL;
    g_autoptr (GHashTable) files = g_hash_table_new (g_str_hash, g_str_equal);

    g_assert_true (g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL));
    g_auto (GStrv) lines = g_strsplit (maps, "\n", -1);
    for (unsigned i = 0; lines[i] != NULL; i++) {
        char *file = strchr (lines[i], '/');
        if (file != NULL && strstr (file, "/.images/") != NULL
            && !g_str_has_suffix (file, " (deleted)")) {
            g_hash_table_add (files, file);
        }
    }
    return g_hash_table_size (files);
}
