/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many patterns, each with a value, and those that fit a number: a tree finds the digits they begin
 * with, the rest is compared.
 *
 *     "1800NXX" -> tree: "1800" -> NXX       "NXX" -> tree: "" -> NXX, and what else begins freely
 *
 * Of two that fit, that one is the closer which, where they differ first, leaves fewer digits open,
 * or which is longer: 911 before NXX, 011 before 01, 0NXX before 0.
 */

#ifndef ROUTE_PATTERN_INDEX_H
#define ROUTE_PATTERN_INDEX_H

#include "pattern.h"

typedef struct PatternIndex PatternIndex;

PatternIndex *pattern_index_new (void);
void pattern_index_free (PatternIndex *index);

/* Before pattern_index_end (). */
void pattern_index_add (PatternIndex *index, const Pattern *pattern, uint32_t value);

/* After that it is never changed again. */
void pattern_index_end (PatternIndex *index);

/* Tells VISIT of each value whose pattern fits NUMBER, or would with further digits; the closest one
 * first, equal ones in the order they were added. It ends when VISIT says so with true. */
typedef bool (*PatternVisit) (uint32_t value, PatternFit fit, void *data);
void pattern_index_each (const PatternIndex *index, const char *number, PatternVisit visit,
                         void *data);

/* Whether a pattern begins with all of NUMBER and certain further digits: pattern_index_each () does
 * not tell of those. */
bool pattern_index_has_longer (const PatternIndex *index, const char *number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (PatternIndex, pattern_index_free)

#endif
