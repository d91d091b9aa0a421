/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands typed one after the other, or read from a pipe. */

#include "interactive.h"

#include "complete.h"
#include "connection.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef HAVE_LIBEDIT
#include <editline/readline.h>
#include <string.h>

static const char *completion_path;

/* What libedit asks for again and again: the next word that may come, to be freed by it. */
static char *
next_candidate (const char *begun, int state)
{
    static char **found;
    static unsigned next;

    if (state == 0) {
        g_autofree char *before = g_strndup (rl_line_buffer, (gsize) rl_point - strlen (begun));
        g_auto (GStrv) words = NULL;
        g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
        if (g_shell_parse_argv (before, NULL, &words, NULL)) {
            g_strv_builder_addv (builder, (const char **) words);
        }
        g_strv_builder_add (builder, begun);
        g_auto (GStrv) all = g_strv_builder_end (builder);
        g_clear_pointer (&found, g_strfreev);
        found = complete_words (completion_path, (const char *const *) all);
        next = 0;
    }
    return found[next] != NULL ? strdup (found[next++]) : NULL;
}

static char **
complete_line (const char *begun, int start, int end)
{
    rl_attempted_completion_over = 1; /* no names of files */
    return rl_completion_matches (begun, next_candidate);
}

/* A line (to be freed by free ()), or NULL at the end. */
static char *
edit_line (const char *path)
{
    completion_path = path;
    rl_attempted_completion_function = complete_line;
    char *line = readline ("tandem> ");
    if (line == NULL && connection_take_interrupt ()) {
        putchar ('\n'); /* the line was given up, not the session */
        return strdup ("");
    }
    if (line != NULL && *line != '\0') {
        add_history (line);
    }
    return line;
}
#endif

static char *
read_line (const char *path)
{
    char *line = NULL;
    size_t size = 0;

#ifdef HAVE_LIBEDIT
    if (isatty (STDIN_FILENO) && isatty (STDOUT_FILENO)) {
        return edit_line (path);
    }
#endif
    if (getline (&line, &size, stdin) < 0) {
        free (line);
        return NULL;
    }
    return line;
}

/* Whether LINE wants to go on; its exit code goes to RET_CODE where it failed. */
static bool
obey_line (const char *line, int (*obey) (const char *const *words, void *data), void *data,
           int *ret_code)
{
    g_auto (GStrv) words = NULL;
    g_autoptr (GError) error = NULL;

    if (!g_shell_parse_argv (line, NULL, &words, &error)) {
        if (!g_error_matches (error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING)) {
            fprintf (stderr, "tandemctl: the line cannot be read: %s\n", error->message);
            *ret_code = 2;
        }
        return true;
    }
    if (g_str_equal (words[0], "exit") || g_str_equal (words[0], "quit")) {
        return false;
    }
    int code = obey ((const char *const *) words, data);
    *ret_code = code != 0 ? code : *ret_code;
    return true;
}

int
interactive_run (const char *path, int (*obey) (const char *const *words, void *data), void *data)
{
    bool goes_on = true;
    int code = EXIT_SUCCESS;

    while (goes_on) {
        char *line = read_line (path);
        goes_on = line != NULL && obey_line (line, obey, data, &code);
        free (line);
    }
    return code;
}
