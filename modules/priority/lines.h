/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of text: a line an entry, words between blanks, "#" begins a comment. */

#ifndef PRIORITY_LINES_H
#define PRIORITY_LINES_H

#include <tandem/base.h>

typedef bool (*LineAdd) (void *table, const char *line, GError **error);

/* Gives ADD every line of TEXT that is neither empty nor a comment. Errors: "NAME:LINE: what". */
bool lines_add_all (const char *text, const char *name, LineAdd add, void *table, GError **error);

/* The words of LINE, NULL-terminated (transfer full, g_strfreev ()). */
char **line_words (const char *line);

#endif
