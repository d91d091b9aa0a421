/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names as small numbers. */

#include "names.h"

struct Names {
    GHashTable *indices; /* name -> index + 1 */
    GPtrArray *texts;
};

Names *
names_new (void)
{
    Names *names = g_new (Names, 1);

    names->indices = g_hash_table_new (g_str_hash, g_str_equal);
    names->texts = g_ptr_array_new_with_free_func (g_free);
    return names;
}

void
names_free (Names *names)
{
    if (names != NULL) {
        g_hash_table_unref (names->indices);
        g_ptr_array_unref (names->texts);
        g_free (names);
    }
}

uint32_t
names_find (const Names *names, const char *name)
{
    if (name == NULL || *name == '\0') {
        return NAMES_NONE;
    }
    return GPOINTER_TO_UINT (g_hash_table_lookup (names->indices, name)) - 1; /* 0: none */
}

uint32_t
names_add (Names *names, const char *name)
{
    uint32_t index = names_find (names, name);

    if (index == NAMES_NONE && *name != '\0') {
        char *copy = g_strdup (name);
        index = names->texts->len;
        g_ptr_array_add (names->texts, copy);
        g_hash_table_insert (names->indices, copy, GUINT_TO_POINTER (index + 1));
    }
    return index;
}

const char *
names_text (const Names *names, uint32_t index)
{
    return index < names->texts->len ? names->texts->pdata[index] : "";
}

uint32_t
names_count (const Names *names)
{
    return names->texts->len;
}
