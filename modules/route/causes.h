/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* After which failure of a target the next one is tried: tables of causes by name. The rows of the
 * table "cause"; what a table does not say is as td_cause_is_try_next () has it. */

#ifndef ROUTE_CAUSES_H
#define ROUTE_CAUSES_H

#include "row.h"

typedef struct Causes Causes;

/* The names of tables are added to NAMES, which outlives it. */
Causes *causes_new (Names *names);
void causes_free (Causes *causes);
bool causes_add (Causes *causes, const Row *row, GError **error);

/* Whether rows of table INDEX were added. */
bool causes_has (const Causes *causes, uint32_t index);

/* Whether a row of table INDEX has "next" for CAUSE. */
bool causes_says_next (const Causes *causes, uint32_t index, unsigned cause);

/* INDEX may be NAMES_NONE: the rule without a table. */
bool causes_is_try_next (const Causes *causes, uint32_t index, unsigned cause);

#endif
