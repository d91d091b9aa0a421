/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A folder that a test made, and takes away with all that is in it. */

#ifndef TESTS_COMMON_FOLDER_H
#define TESTS_COMMON_FOLDER_H

#include <ftw.h>
#include <glib/gstdio.h>

static inline int
folder_remove_one (const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    return g_remove (path);
}

static inline void
folder_remove (const char *path)
{
    nftw (path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
