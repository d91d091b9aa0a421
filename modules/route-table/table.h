/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The routes of one configuration. Immutable. */

#ifndef ROUTE_TABLE_TABLE_H
#define ROUTE_TABLE_TABLE_H

#include <tandem/number.h>

#include <tandem/call.h>
#include <tandem/config.h>
#include <tandem/snapshot.h>

typedef struct {
    char *name;
    char *prefix;
    char *prepend;
    unsigned min_digits, strip;
    GArray *targets; /* TdTarget, without a number; texts are our own */
} Route;

typedef struct {
    TdTable table;           /* first */
    GPtrArray *routes;       /* Route, in the order of the configuration */
    TdPrefixTable *prefixes; /* of their indices */
} RouteTable;

/* The [route] sections of CONFIG. Errors: file, line, and what is wrong with a prefix or target. */
RouteTable *route_table_new (const TdConfig *config, GError **error);

/* The route with the longest prefix of KEY, or NULL. */
const Route *route_table_find (const RouteTable *table, const char *key);

/* Whether more digits of CALLED could lead to another route than FOUND (nullable), or are needed for
 * it. */
bool route_table_wants_more (const RouteTable *table, const Route *found, const TdParty *called);

/* The number to send for KEY (transfer full), or NULL where it goes out as it came. */
char *route_number (const Route *route, const char *key);

#endif
