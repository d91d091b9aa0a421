/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All bindings, in memory, for the way of a call.
 *
 *     any lane                   the user's home lane              worker
 *     table_lookup () --- leaf lock of the user's shard: a few loads
 *     table_update () --post--> order, CSeq, limit --> store ----> COMMIT
 *     done () <--------post---- the new set is in place <--post----+
 *
 * A user belongs to a shard, a shard to a lane, and only that lane changes it: so requests of a user
 * are done in the order they came, each whole before the next begins (RFC 3261 10.3), and what is
 * seen is what is on the disk.
 */

#ifndef REGISTRAR_TABLE_H
#define REGISTRAR_TABLE_H

#include "binding.h"
#include "store.h"

#include <tandem/snapshot.h>

typedef struct Table Table;

/* DIRECTORY holds a Directory. Both outlive the table. Declares topics and metrics.
 * Thread: control. */
Table *table_new (TdModule *module, Store *store, TdSnapshot *directory);
void table_free (Table *table); /* nothing of it is under way */

/* Before table_begin () only: a binding that was known before. Thread: control. */
void table_restore (Table *table, const char *user, const TdBinding *binding, int64_t left_us);

/* Lets time run for what was restored. Thread: control. */
void table_begin (Table *table);

/* Stops all timers, on their lanes; the table goes on otherwise. Thread: control. */
void table_quiet (Table *table);

typedef struct {
    TdModule *asker;
    const char *user;
    const TdBinding *changes;
    unsigned n_changes;
    bool remove_all;
    bool is_forced;       /* by the operator: no order, no known user asked for */
    TdRegistrarDone done; /* nullable */
    void *done_data;
} TableUpdate;

/* As TdRegistrar.update. Thread: a lane. */
void table_update (Table *table, const TableUpdate *update);

/* As TdRegistrar.lookup. Thread: any. */
unsigned table_lookup (Table *table, const char *user,
                       void (*visit) (const TdBinding *binding, void *data), void *data);

/* The set of USER (transfer full), or NULL. Thread: any. */
BindingSet *table_set_of (Table *table, const char *user);

/* Visits every user that has bindings, in no order. Thread: any. */
void table_each (Table *table, void (*visit) (const char *user, const BindingSet *set, void *data),
                 void *data);

#endif
