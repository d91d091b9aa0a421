/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables that are read by every lane and swapped whole: configuration, routes, prompts.
 *
 * A reader gets the table with one atomic load and may use it until its turn is over. Who needs it
 * longer (a call keeps the table it began with) takes a reference. A writer puts a new table in
 * place; the old one loses the snapshot's reference after every lane has finished its turn.
 */

#ifndef TANDEM_SNAPSHOT_H
#define TANDEM_SNAPSHOT_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct TdTable TdTable;
typedef struct TdSnapshot TdSnapshot;

/* The head of every table kept in a snapshot: put it first in your struct. */
struct TdTable {
    void (*free) (TdTable *table);
    int n_refs; /* private, atomic */
};

/* Prepares the head of a table with one reference, the caller's. Thread: any. */
TD_API void td_table_init (TdTable *table, void (*free) (TdTable *table));

/* Thread: any. */
TD_API TdTable *td_table_ref (TdTable *table);
TD_API void td_table_unref (TdTable *table);

/* A snapshot that holds FIRST (transfer full, nullable). It belongs to MODULE, whose stop drops it
 * and the table in it. Returns (transfer none). Thread: control. */
TD_API TdSnapshot *td_snapshot_new (TdModule *module, const char *name, TdTable *first);

/* The table, good until the turn is over (transfer none, nullable). Thread: a lane. */
TD_API TdTable *td_snapshot_peek (const TdSnapshot *snapshot);

/* Puts NEXT (transfer full, nullable) in place of the table. Thread: control. Blocks: never. */
TD_API void td_snapshot_swap (TdSnapshot *snapshot, TdTable *next);

G_END_DECLS

#endif
