/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may stand in one cell of a table, and how a number is kept as an integer. */

#ifndef ROUTE_CELL_H
#define ROUTE_CELL_H

#include "schema.h"

enum { CELL_INTEGER_SIZE = 24 }; /* of an integer's or a number's text, with its NUL */

/* Whether TEXT, UTF-8, may stand in COLUMN; otherwise why not, with TEXT, is appended to REASON
 * (nullable). */
bool cell_check (const SchemaColumn *column, const char *text, GString *reason);

/* Of an INTEGER or a NUMBER that was checked: what is stored; and its text, into INTO. "+12" and
 * "12" are two numbers, "012" and "12" as well. */
int64_t cell_pack (const SchemaColumn *column, const char *text);
const char *cell_unpack (const SchemaColumn *column, int64_t stored, char into[CELL_INTEGER_SIZE]);

#endif
