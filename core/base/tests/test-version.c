/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A binary says which Tandem it is. */

#include "base/version.h"

static void
test_text_names_version_tree_and_abi (void)
{
    g_autofree char *expected = g_strdup_printf ("tandem %s (tree %s, ABI %d.%d)", td_version (),
                                                 td_version_tree (), TD_ABI_MAJOR, TD_ABI_MINOR);

    g_assert_cmpstr (td_version_text (), ==, expected);
    g_assert_true (g_ascii_isdigit (td_version ()[0]));
    g_assert_cmpstr (td_version_tree (), !=, "");
    g_assert_null (strchr (td_version_tree (), '@'));
}

int
main (int argc, char **argv)
{
    g_test_init (&argc, &argv, NULL);
    g_test_add_func ("/base/version/text-names-version-tree-and-abi",
                     test_text_names_version_tree_and_abi);
    return g_test_run ();
}
