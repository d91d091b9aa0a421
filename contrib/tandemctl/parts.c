/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A long table comes in parts. As JSON it goes out as it comes; a table for people has to be whole,
 * because its columns are as wide as the widest cell. */

#include "parts.h"

#include <tandem/command.h>

bool
parts_is_part (GVariant *piece)
{
    return g_variant_is_of_type (piece, G_VARIANT_TYPE_ARRAY)
           && !g_variant_is_of_type (piece, G_VARIANT_TYPE_DICTIONARY);
}

void
parts_add (Parts *parts, GVariant *part)
{
    if (parts->rows == NULL) {
        parts->rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
    }
    for (gsize i = 0; i < g_variant_n_children (part); i++) {
        GVariant *row = g_variant_get_child_value (part, i);
        if (g_variant_is_of_type (row, G_VARIANT_TYPE_VARIANT)) {
            GVariant *inner = g_variant_get_variant (row);
            g_variant_unref (row);
            row = inner;
        }
        g_ptr_array_add (parts->rows, row);
    }
}

void
parts_to_json (Parts *parts, Output *output, bool is_over)
{
    for (unsigned i = 0; i < parts->rows->len; i++) {
        g_autofree char *json = td_result_to_json (parts->rows->pdata[i]);
        output_text (output, parts->n_told++ == 0 ? "[" : ",");
        output_text (output, json);
    }
    g_ptr_array_set_size (parts->rows, 0);
    if (is_over) {
        output_text (output, parts->n_told == 0 ? "[]\n" : "]\n");
        parts_clear (parts);
    }
}

GVariant *
parts_end (Parts *parts)
{
    GVariantBuilder table;

    g_variant_builder_init (&table, G_VARIANT_TYPE ("av"));
    for (unsigned i = 0; i < parts->rows->len; i++) {
        g_variant_builder_add (&table, "v", parts->rows->pdata[i]);
    }
    parts_clear (parts);
    return g_variant_ref_sink (g_variant_builder_end (&table));
}

void
parts_clear (Parts *parts)
{
    g_clear_pointer (&parts->rows, g_ptr_array_unref);
    parts->n_told = 0;
}
