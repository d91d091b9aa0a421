/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What values are in other protocols: read from lines of text.
 *
 *     ets.0  ansi:0xe2 itu:0x0e mtp:1 precedence:0 h248:11 ieps ...
 *     dscp.h248  0:24 5:40 */

#ifndef PRIORITY_INTERWORK_H
#define PRIORITY_INTERWORK_H

#include "namespace.h"

#include <tandem/iface/interwork.h>

enum { INTERWORK_N_PLANES = TD_PLANE_POLICY + 1 };

typedef struct {
    char mark[2 * TD_PRIORITY_TOKEN]; /* "ets.0", "sos", "class.7" */
    const Level *level;               /* NULL: of no namespace that is served */
    TdForeign foreign; /* but for CATEGORY and MODEL, which the trunk's profile chooses */
    uint8_t ansi, itu; /* categories, 0: none */
} InterworkLine;

typedef struct {
    GPtrArray *in_order; /* InterworkLine */
    GHashTable *by_mark; /* the same: mark -> InterworkLine */
    uint8_t dscp[INTERWORK_N_PLANES][TD_CLASS_MAX + 1];
} InterworkTable;

InterworkTable *interwork_new (void);
void interwork_free (InterworkTable *table);

/* Takes LINE, which stands in the place of an earlier one of the same mark or plane. Errors: what is wrong
 * with it, without a place. */
bool interwork_add (InterworkTable *table, const char *line, GError **error);

/* Takes every line of TEXT that is neither empty nor a comment. Errors: "NAME:LINE: what". */
bool interwork_add_all (InterworkTable *table, const char *text, const char *name, GError **error);

/* Finds the level of each line; those of namespaces that are not in NAMESPACES stand for nothing. */
void interwork_resolve (InterworkTable *table, const NamespaceTable *namespaces);

/* The line of PRIORITY, that of its class where it has none of its own, or NULL. */
const InterworkLine *interwork_find (const InterworkTable *table, const TdPriority *priority);

/* The table that ships: etc/priority/interwork.conf. */
extern const char interwork_shipped[];

#endif
