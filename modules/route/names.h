/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names as small numbers, in the order in which they were first met: what rows refer to by name, a
 * compiled table refers to by index. */

#ifndef ROUTE_NAMES_H
#define ROUTE_NAMES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NAMES_NONE UINT32_MAX

typedef struct Names Names;

Names *names_new (void);
void names_free (Names *names);

/* The index of NAME, which is added when it is new; NAMES_NONE for "". */
uint32_t names_add (Names *names, const char *name);

/* The index of NAME (nullable), or NAMES_NONE. */
uint32_t names_find (const Names *names, const char *name);

/* The name of INDEX; "" for NAMES_NONE. */
const char *names_text (const Names *names, uint32_t index);

uint32_t names_count (const Names *names);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Names, names_free)

#endif
