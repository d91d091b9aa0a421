/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may come next on a command line, as the running tandemd knows it. */

#ifndef TANDEMCTL_COMPLETE_H
#define TANDEMCTL_COMPLETE_H

#include <glib.h>

/* The words that may stand where the last of WORDS, maybe empty, has been begun (transfer full,
 * NULL-terminated, sorted); none when no tandemd runs at PATH. */
char **complete_words (const char *path, const char *const *words);

#endif
