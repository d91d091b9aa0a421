/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands typed one after the other, or read from a pipe. */

#ifndef TANDEMCTL_INTERACTIVE_H
#define TANDEMCTL_INTERACTIVE_H

/* Reads lines from the terminal, with editing and completion, or from standard input, until it ends
 * or says "exit", and hands the words of each to OBEY. Returns the exit code of the last that
 * failed, 0 for none. PATH is the control socket that completion asks. */
int interactive_run (const char *path, int (*obey) (const char *const *words, void *data),
                     void *data);

#endif
