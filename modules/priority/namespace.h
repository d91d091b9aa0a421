/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The namespaces that are known, and what their values are worth: read from lines of text.
 *
 *     ets  queue  4:7 3:8 2:9 1:10 0:11      the lowest value first, each with its class; "10=" displaces
 *                                            its like */

#ifndef PRIORITY_NAMESPACE_H
#define PRIORITY_NAMESPACE_H

#include <tandem/priority.h>

enum { NAMESPACE_MAX_LEVELS = 16 };

typedef struct Namespace Namespace;

typedef struct {
    const Namespace *name_space;
    char value[TD_PRIORITY_TOKEN];
    uint8_t priority_class;
    bool takes_equals; /* preemption: displaces its like as well (RFC 4412 10.3) */
} Level;

struct Namespace {
    char name[TD_PRIORITY_TOKEN]; /* lower case, as the values */
    TdPriorityAlgorithm algorithm;
    Level levels[NAMESPACE_MAX_LEVELS]; /* the lowest first */
    unsigned n_levels;
};

typedef struct {
    GHashTable *by_name; /* name -> Namespace */
    GPtrArray *in_order; /* the same, in the order they came */
} NamespaceTable;

NamespaceTable *namespaces_new (void);
void namespaces_free (NamespaceTable *table);

/* Takes LINE, which stands in the place of an earlier one of the same name. Errors: what is wrong with
 * it, without a place. */
bool namespaces_add (NamespaceTable *table, const char *line, GError **error);

/* Takes every line of TEXT that is neither empty nor a comment ("#"). Errors: "NAME:LINE: what". */
bool namespaces_add_all (NamespaceTable *table, const char *text, const char *name, GError **error);

/* Forgets all that are not in NAMES. Errors: one of them is not there. */
bool namespaces_keep (NamespaceTable *table, const char *const *names, GError **error);

/* Case does not matter; the texts need no end (RFC 4412 3.1). NULL: it is not known. */
const Namespace *namespaces_find (const NamespaceTable *table, const char *name, size_t len_bytes);
const Level *namespace_find_level (const Namespace *name_space, const char *value,
                                   size_t len_bytes);

/* Whether C may stand in a token without dots (RFC 4412 3.1). */
bool mark_char (char c);

void level_to_priority (const Level *level, TdPriorityLearnt learnt, TdPriority *ret);

/* "ets.0" at the end of OUT, behind ", " where something stands there. */
void level_append (GString *out, const Level *level);

/* The table that ships: etc/priority/namespaces.conf. */
extern const char namespaces_shipped[];

#endif
