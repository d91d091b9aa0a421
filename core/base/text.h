/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts that others wrote, made safe for a line of the log and for a message. */

#ifndef CORE_BASE_TEXT_H
#define CORE_BASE_TEXT_H

#include <tandem/base.h>

#include <sys/types.h>

/* Whether C could hide what a line says, break it, or steer a terminal. */
bool td_text_is_hidden (gunichar c);

/* Appends LEN_BYTES (-1: up to the NUL) of TEXT so that it stays on one line and cannot steer a
 * terminal: control, format and separator characters, bytes that are not UTF-8 and the backslash
 * become \n, \r, \t, \xNN, \u{NNNN} and \\. Thread: any. */
void td_text_append_visible (GString *out, const char *text, ssize_t len_bytes);

/* How many characters must be added, taken away, changed or swapped with their neighbour to make
 * A of B. */
unsigned td_text_distance (const char *a, const char *b);

#endif
