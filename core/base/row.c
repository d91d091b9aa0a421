/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of what is shown to an operator. */

#include "base/row.h"

#include <string.h>

void
td_row_text (GVariantBuilder *row, const char *name, const char *value)
{
    if (value != NULL && *value != '\0') {
        g_variant_builder_add (row, "{sv}", name,
                               g_variant_new_take_string (g_utf8_make_valid (value, -1)));
    }
}

void
td_row_number (GVariantBuilder *row, const char *name, int64_t value)
{
    g_variant_builder_add (row, "{sv}", name, g_variant_new_int64 (value));
}

void
td_row_list (GVariantBuilder *row, const char *name, const char *const *values, gssize n)
{
    GVariantBuilder list;

    g_variant_builder_init (&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (gssize i = 0; n < 0 ? values[i] != NULL : i < n; i++) {
        g_variant_builder_add_value (&list,
                                     g_variant_new_take_string (g_utf8_make_valid (values[i], -1)));
    }
    g_variant_builder_add (row, "{sv}", name, g_variant_builder_end (&list));
}

static int
compare_names (const void *a, const void *b)
{
    return strcmp (*(const char *const *) a, *(const char *const *) b);
}

void
td_row_rest (GVariantBuilder *row, GVariantDict *dict)
{
    g_autoptr (GVariant) all = g_variant_ref_sink (g_variant_dict_end (dict));
    g_autoptr (GPtrArray) names = g_ptr_array_new ();
    GVariantIter each;
    const char *name;

    g_variant_iter_init (&each, all);
    while (g_variant_iter_next (&each, "{&sv}", &name, NULL)) {
        g_ptr_array_add (names, (void *) name);
    }
    g_ptr_array_sort (names, compare_names);
    for (unsigned i = 0; i < names->len; i++) {
        g_autoptr (GVariant) value = g_variant_lookup_value (all, names->pdata[i], NULL);
        g_variant_builder_add (row, "{sv}", names->pdata[i], value);
    }
}
