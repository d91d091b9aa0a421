/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables of text: a line an entry, words between blanks, "#" begins a comment. */

#include "lines.h"

bool
lines_add_all (const char *text, const char *name, LineAdd add, void *table, GError **error)
{
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    for (unsigned i = 0; lines[i] != NULL; i++) {
        g_strstrip (lines[i]);
        if (lines[i][0] != '\0' && lines[i][0] != '#' && !add (table, lines[i], error)) {
            g_prefix_error (error, "%s:%u: ", name, i + 1);
            return false;
        }
    }
    return true;
}

char **
line_words (const char *line)
{
    char **words = g_strsplit_set (line, " \t\r\n", -1);
    unsigned n_words = 0;

    for (unsigned i = 0; words[i] != NULL; i++) { /* several blanks are one */
        char *word = words[i];
        words[i] = NULL;
        if (*word != '\0') {
            words[n_words++] = word;
        } else {
            g_free (word);
        }
    }
    return words;
}
