/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection to a running tandemd: a question, and its answers as they come. */

#ifndef TANDEMCTL_CONNECTION_H
#define TANDEMCTL_CONNECTION_H

#include <glib.h>
#include <stdbool.h>

typedef enum {
    OUTCOME_DONE,
    OUTCOME_FAILED,
    OUTCOME_MISUSE,    /* the words were wrong */
    OUTCOME_NO_DAEMON, /* nobody listens */
    OUTCOME_INTERRUPTED,
} Outcome;

/* From now on SIGINT ends the question, not the program. */
void connection_catch_interrupt (void);

/* Whether there was one since the last time; it is forgotten. */
bool connection_take_interrupt (void);

/* Asks WORDS at the control socket PATH. VISIT gets each piece and then the result, NULL where
 * there is none. RET_TEXT (transfer full) says what went wrong, on anything but OUTCOME_DONE and
 * OUTCOME_INTERRUPTED. */
Outcome connection_ask (const char *path, const char *const *words,
                        void (*visit) (GVariant *answer, bool is_piece, void *data), void *data,
                        char **ret_text);

#endif
