/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where answers go: to standard output, or to a file; and answers that are a file themselves.
 *
 * A command whose answer is a file (a picture, a capture) answers with a dictionary that has a member
 * "file": a dictionary of "name" and "type" (a media type), with the content as "text" or as
 * "base64". The content is written as it is. Only a terminal never gets what could steer it. */

#ifndef TANDEMCTL_OUTPUT_H
#define TANDEMCTL_OUTPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct {
    const char *path; /* NULL or "-": standard output */
    FILE *stream;     /* NULL until there is something to write: a failure leaves the file alone */
    char *failure; /* what went wrong first (transfer full, to be freed by the caller), or NULL */
} Output;

void output_text (Output *output, const char *text);

/* Writes the file that ANSWER is; false when it is none. */
bool output_file (Output *output, GVariant *answer);

void output_flush (Output *output);

/* Ends the output. Returns the exit code. */
int output_close (Output *output);

#endif
