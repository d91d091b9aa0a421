/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A long table comes in parts: pieces that are arrays, and an array as the result. */

#ifndef TANDEMCTL_PARTS_H
#define TANDEMCTL_PARTS_H

#include "output.h"

/* Zero at first. */
typedef struct {
    GPtrArray *rows; /* of what has come so far, NULL: no part has */
    unsigned n_told; /* as JSON */
} Parts;

/* Whether PIECE is part of a table, and not something of its own. */
bool parts_is_part (GVariant *piece);

/* Keeps the rows of PART. */
void parts_add (Parts *parts, GVariant *part);

/* Writes the rows that came since the last time as elements of one JSON array, which is ended when
 * IS_OVER. */
void parts_to_json (Parts *parts, Output *output, bool is_over);

/* All rows as one table (transfer full); PARTS is as at first. */
GVariant *parts_end (Parts *parts);

void parts_clear (Parts *parts);

#endif
