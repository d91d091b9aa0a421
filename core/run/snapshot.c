/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables that every lane reads and one swaps: the old one goes after a quiet turn of all lanes. */

#include <tandem/snapshot.h>

#include "base/owner.h"
#include "run/lane-inside.h"

struct TdSnapshot {
    TdOwned owned;
    TdModule *module;
    char *name;
    _Atomic (TdTable *) table;
};

void
td_table_init (TdTable *table, void (*free) (TdTable *table))
{
    g_return_if_fail (free != NULL);
    *table = (TdTable){ .free = free, .n_refs = 1 };
}

TdTable *
td_table_ref (TdTable *table)
{
    g_atomic_int_inc (&table->n_refs);
    return table;
}

void
td_table_unref (TdTable *table)
{
    if (table != NULL && g_atomic_int_dec_and_test (&table->n_refs)) {
        table->free (table);
    }
}

static void
unref_table (void *data)
{
    td_table_unref (data);
}

static void
free_snapshot (void *data)
{
    TdSnapshot *snapshot = data;

    td_table_unref (atomic_load (&snapshot->table));
    g_free (snapshot->name);
    g_free (snapshot);
}

static void
take_back (TdOwned *owned)
{
    TdSnapshot *snapshot = (TdSnapshot *) owned;

    /* A lane may be reading it; the sweep keeps the module, whose free function it is, mapped. */
    td_lane_sweep (snapshot->module, NULL, free_snapshot, free_snapshot, snapshot);
}

TdSnapshot *
td_snapshot_new (TdModule *module, const char *name, TdTable *first)
{
    TdSnapshot *snapshot = g_new0 (TdSnapshot, 1);

    snapshot->module = module;
    snapshot->name = g_strdup (name);
    atomic_init (&snapshot->table, first);
    snapshot->owned = (TdOwned){
        .kind = "snapshot", .name = snapshot->name, .revoke = take_back, .is_lease = true
    };
    td_owner_add (td_owner_of (module), &snapshot->owned);
    return snapshot;
}

TdTable *
td_snapshot_peek (const TdSnapshot *snapshot)
{
    return atomic_load_explicit (&snapshot->table, memory_order_acquire);
}

void
td_snapshot_swap (TdSnapshot *snapshot, TdTable *next)
{
    TdTable *old = atomic_exchange_explicit (&snapshot->table, next, memory_order_acq_rel);

    if (old != NULL) {
        td_lane_sweep (snapshot->module, NULL, unref_table, unref_table, old);
    }
}
