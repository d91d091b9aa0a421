/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prefixes of numbers, each with a value, and the longest one that a number begins with.
 *
 *                   (empty) = 7
 *                  /       \
 *               "4"         "1800" = 2          a node skips the digits that all below it share,
 *              /    \                           and keeps its children side by side, in the order
 *       "30" = 1     "9"                        of their digits: 16 bytes a node
 *                   /   \
 *             "" = 3     "89" = 4
 *
 * A table is made once and never changed. Numbers with a "+" are a tree of their own.
 */

#ifndef ROUTE_TABLE_PREFIX_H
#define ROUTE_TABLE_PREFIX_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PREFIX_NO_VALUE UINT32_MAX

typedef struct PrefixTable PrefixTable;

typedef struct {
    const char *digits; /* 0-9 * # A-D, after a "+" for international numbers; "": any */
    uint32_t value;     /* not PREFIX_NO_VALUE */
} Prefix;

/* Whether TEXT can be a prefix. */
bool prefix_is_valid (const char *text);

/* A table of PREFIXES (which are sorted by this, and not needed afterwards). Of two that are equal
 * the one with the lower value counts; RET_DUPLICATE (nullable) is one that was left out, or without
 * digits (NULL). */
PrefixTable *prefix_table_new (Prefix *prefixes, size_t n_prefixes, Prefix *ret_duplicate);
void prefix_table_free (PrefixTable *table);

/* The value of the longest prefix that NUMBER begins with, or PREFIX_NO_VALUE. */
uint32_t prefix_table_find (const PrefixTable *table, const char *number);

/* Whether there is a prefix that begins with NUMBER and is longer. */
bool prefix_table_has_longer (const PrefixTable *table, const char *number);

/* The memory that TABLE takes. */
size_t prefix_table_size_bytes (const PrefixTable *table);

#endif
