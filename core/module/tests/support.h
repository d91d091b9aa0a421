/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of this room share: built modules, and files made of them. */

#ifndef CORE_MODULE_TESTS_SUPPORT_H
#define CORE_MODULE_TESTS_SUPPORT_H

#include <glib.h>

/* A folder of the test's own, with all that is in it removed at the end. */
typedef struct {
    char *path;
    char *images; /* for private copies */
} Folder;

void folder_make (Folder *folder, gconstpointer unused);
void folder_remove (Folder *folder, gconstpointer unused);

/* How many files are in PATH. */
unsigned count_files (const char *path);

/* The module that was built as VARIANT (transfer full). */
char *variant_path (const char *variant);

/* A copy of it in FOLDER in which the first TEXT (NULL: none) is replaced by the equally long
 * REPLACEMENT everywhere, cut to SIZE bytes (0: all) (transfer full). */
char *variant_edited (const Folder *folder, const char *variant, const char *text,
                      const char *replacement, gsize size);

#endif
