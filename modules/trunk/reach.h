/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which codes are hard to reach: too few of the calls to them are answered (ITU-T E.412 (01/2003) 2.2).
 *
 * Calls are counted by the first digits of the number, in windows one after the other. At the end of a
 * window a code with enough calls is judged: below one ratio it is marked, above another one it is
 * free again, between them it stays what it was. A code nobody called in a window is forgotten.
 */

#ifndef TRUNK_REACH_H
#define TRUNK_REACH_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    unsigned n_digits;     /* of the number that make a code, 0: nothing is watched */
    unsigned min_calls;    /* in a window, to be judged */
    unsigned mark_percent; /* answered: less than that marks a code */
    unsigned free_percent; /* that much frees it */
    int64_t window_us;
} ReachSettings;

enum { REACH_MAX_CODES = 20000 };

typedef struct Reach Reach;

Reach *reach_new (void);
void reach_free (Reach *reach);

/* Other settings; with other digits all is counted anew. */
void reach_set (Reach *reach, const ReachSettings *settings, int64_t now_us);

/* A call to NUMBER has ended, answered or not. */
void reach_count (Reach *reach, const char *number, bool is_answered, int64_t now_us);

bool reach_is_hard (Reach *reach, const char *number, int64_t now_us);

/* Calls VISIT with each marked code and the percentage answered in the window it was judged by. */
void reach_each (Reach *reach, int64_t now_us,
                 void (*visit) (const char *code, unsigned percent, void *data), void *data);

#endif
