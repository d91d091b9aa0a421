/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads Resource-Priority and Accept-Resource-Priority (RFC 4412 3.1, 3.2). */

#ifndef PRIORITY_MARKS_H
#define PRIORITY_MARKS_H

#include "namespace.h"

/* More values than there are namespaces that one message could sensibly name. */
enum { MARKS_MAX = 64 };

/* One r-value. */
typedef struct {
    const char *text; /* as it came, in the text that was read */
    size_t len_bytes;
    size_t dot;                  /* where its namespace ends */
    const Namespace *name_space; /* NULL: not known */
    const Level *level;          /* NULL: not understood */
} Mark;

typedef struct {
    Mark marks[MARKS_MAX];
    unsigned n_marks, n_understood;
} Marks;

/* Reads all TEXTS as one list; the texts live as long as RET. Returns NULL, or what is wrong with
 * them (static text): then RET is of no use. */
const char *marks_read (Marks *ret, const NamespaceTable *table, const char *const *texts);

/* Takes one r-value of the list at *AT, and goes on to the next, or to the end of the text. False: there
 * is none, or what follows is none. For lists that may be long, and empty, as Accept-Resource-Priority
 * (RFC 4412 3.2). */
bool marks_next (const char **at, const NamespaceTable *table, Mark *ret);

/* MARK, as it came, at the end of OUT, behind ", " where something stands there. */
void mark_append (GString *out, const Mark *mark);

#endif
