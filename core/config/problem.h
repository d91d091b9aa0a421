/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Problems: what is wrong in the files, where, and what to do; gathered, never thrown.
 *
 * A list of problems is a GPtrArray from td_problems_new(). Everybody who checks adds to it, so that
 * the operator gets one report of all mistakes of all files.
 */

#ifndef CORE_CONFIG_PROBLEM_H
#define CORE_CONFIG_PROBLEM_H

#include <tandem/base.h>

/* More problems than these are not kept: somebody has loaded what is no configuration. */
#define TD_PROBLEMS_MAX 1000

/* Where something stands. The file's name belongs to whoever made the place. */
typedef struct {
    const char *file;
    unsigned rank;         /* order of reading: 0 is the main file */
    unsigned line, column; /* from 1, the column in characters; line 0: a place without lines */
} TdPlace;

typedef struct {
    char *file;
    unsigned rank, line, column;
    char *text;
} TdProblem;

/* A list that frees its problems (transfer full). */
GPtrArray *td_problems_new (void);

/* Adds a problem. The text names keys and values, but never a secret value. */
void td_problem_add (GPtrArray *problems, const TdPlace *place, const char *format, ...)
    TD_PRINTF (3, 4);

/* Into the order of files and lines; equal places keep their order. */
void td_problems_sort (GPtrArray *problems);

/* Appends "file:line:column: reason", without the end of the line. */
void td_problem_print (const TdProblem *problem, GString *out);

/* All of them, a line each (transfer full). */
char *td_problems_to_text (const GPtrArray *problems);

/* "file:line:column", or only the file where there are no lines (transfer full). */
char *td_place_print (const TdPlace *place);

/* TEXT in double quotes for a message: cut at 60 characters, control characters and broken UTF-8
 * escaped (transfer full). */
char *td_problem_quote (const char *text);

/* The candidate that WORD most likely meant: offer all of them, then read BEST, which is NULL when
 * none is near. Upper and lower case count as the same. */
typedef struct {
    const char *word;
    const char *best;
    unsigned distance;
} TdNearest;

void td_nearest_init (TdNearest *nearest, const char *word);
void td_nearest_offer (TdNearest *nearest, const char *candidate);

#endif
