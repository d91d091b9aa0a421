/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which Tandem this is. */

#include "base/version.h"

#include "base/version-tree.h"

#define DIGITS(number)  #number
#define DECIMAL(number) DIGITS (number)

const char *
td_version (void)
{
    return TD_VERSION;
}

const char *
td_version_tree (void)
{
    return TD_VERSION_TREE;
}

const char *
td_version_text (void)
{
    return "tandem " TD_VERSION " (tree " TD_VERSION_TREE
           ", ABI " DECIMAL (TD_ABI_MAJOR) "." DECIMAL (TD_ABI_MINOR) ")";
}
