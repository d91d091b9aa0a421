/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows keep their order and take what peers wrote. */

#include "base/row.h"

static char *
print_row (GVariantBuilder *row)
{
    g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_builder_end (row));

    return g_variant_print (value, FALSE);
}

static void
test_order_is_kept (void)
{
    GVariantBuilder row;
    GVariantDict dict;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "zebra", "z");
    td_row_number (&row, "ant", -1);
    td_row_list (&row, "list", TD_LIST ("one", "two"), -1);
    td_row_list (&row, "some", TD_LIST ("one", "two"), 1);
    td_row_list (&row, "none", TD_LIST (NULL), -1);
    g_variant_dict_init (&dict, NULL);
    g_variant_dict_insert (&dict, "y", "s", "1");
    g_variant_dict_insert (&dict, "b", "u", 2);
    td_row_rest (&row, &dict);
    g_autofree char *text = print_row (&row);
    g_assert_cmpstr (text, ==,
                     "{'zebra': <'z'>, 'ant': <int64 -1>, 'list': <['one', 'two']>, "
                     "'some': <['one']>, 'none': <@as []>, 'b': <uint32 2>, 'y': <'1'>}");
}

static void
test_nothing_is_left_out (void)
{
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "a", NULL);
    td_row_text (&row, "b", "");
    g_autofree char *text = print_row (&row);
    g_assert_cmpstr (text, ==, "{}");
}

static void
test_bytes_of_a_peer (void)
{
    GVariantBuilder row;

    g_variant_builder_init (&row, G_VARIANT_TYPE_VARDICT);
    td_row_text (&row, "a", "x\xff");
    td_row_list (&row, "b", TD_LIST ("\xc3"), -1);
    g_autofree char *text = print_row (&row);
    g_assert_cmpstr (text, ==, "{'a': <'x\xef\xbf\xbd'>, 'b': <['\xef\xbf\xbd']>}");
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/row/order-is-kept", test_order_is_kept);
    g_test_add_func ("/base/row/nothing-is-left-out", test_nothing_is_left_out);
    g_test_add_func ("/base/row/bytes-of-a-peer", test_bytes_of_a_peer);
    return g_test_run ();
}
