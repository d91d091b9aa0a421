/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How fast personal numbers may be tried by one trunk, whoever is behind it: a bound, and no lock.
 *
 *     up to FAILURES in WINDOW    looked up at once
 *     more                        one each WINDOW / FAILURES, in their order, whatever they are
 *     a wait beyond 10 s          not at all: try again later
 *
 * A number that was good takes up no place: a trunk whose callers know their numbers is never slow, however many
 * they are. */

#ifndef ACCESS_PACE_H
#define ACCESS_PACE_H

#include <glib.h>
#include <stdint.h>

enum { PACE_LONGEST_S = 10 };

typedef struct Paces Paces;

typedef struct {
    unsigned failures; /* 0: any number */
    int64_t window_us;
} PaceRules;

Paces *paces_new (void);
void paces_free (Paces *paces);

/* A number is to be looked up of a caller by TRUNK ("": none; a configured one). Returns for how many us it waits
 * first; -1: it is not to wait for so long, and has taken no place. Thread, of both: any. */
int64_t paces_take (Paces *paces, const PaceRules *rules, const char *trunk, int64_t now_us);

/* It was good, or nobody has said what it was: its place is free again. */
void paces_give (Paces *paces, const PaceRules *rules, const char *trunk);

#endif
