/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners: who has taken what from the core, and who is still in use.
 *
 * An owner is a name, a list of things that can be revoked, and a count of uses. A module's ledger
 * is an owner; the rooms below module/ know a module only as that. Each room embeds a TdOwned in
 * what it hands out, so that whatever a module forgets is found, named and taken back.
 */

#ifndef CORE_BASE_OWNER_H
#define CORE_BASE_OWNER_H

#include <tandem/base.h>

#include <pthread.h>
#include <stdatomic.h>

typedef struct TdOwned TdOwned;
typedef struct TdOwner TdOwner;

/* The part of a thing that its owner sees. */
struct TdOwned {
    TdOwner *owner;
    const char *kind; /* "subscription", "listener": static text of the core */
    const char *name; /* lives as long as the thing */
    void (*revoke) (TdOwned *owned);
    bool is_lease; /* cannot be given back by hand: that it is still there is nobody's defect */
    bool is_door;  /* through it a lane comes to the module anew, and takes a use */
    TdOwned *next, *prev;
};

struct TdOwner {
    char *name;
    pthread_mutex_t lock; /* guards the list, never held while calling out */
    TdOwned *first;
    unsigned n_owned;
    bool may_raise_priority; /* set once, by whoever makes the owner */
    atomic_uint n_uses;
    atomic_uint n_threads;   /* of its own: not lanes, not workers */
    atomic_bool is_starting; /* takes no new work yet: it may lack half of what it needs */
    atomic_bool is_stopping; /* refuses new work */
    atomic_bool is_stopped;  /* its code is not called any more, but for drop and free functions */
};

/* The owner of what the core keeps for itself. */
extern TdOwner td_owner_core;

/* What a ledger says of one thing: "subscription call.*". */
typedef void (*TdOwnedVisit) (const char *kind, const char *name, void *data);

void td_owner_init (TdOwner *owner, const char *name);

/* OWNER must own nothing and be in no use. */
void td_owner_clear (TdOwner *owner);

/* Puts OWNED, filled in but for the links, into OWNER's list. Thread: any. */
void td_owner_add (TdOwner *owner, TdOwned *owned);

/* Takes OWNED out of its owner's list; nothing happens when it is in none. Thread: any. */
void td_owner_remove (TdOwned *owned);

/* Takes everything back, youngest first: each OWNED leaves the list, VISIT (nullable) is told
 * unless it is a lease, its revoke function runs. Returns how many there were but for leases.
 * Thread: control. */
unsigned td_owner_revoke_all (TdOwner *owner, TdOwnedVisit visit, void *data);

/* Takes back the doors alone; they must be leases. Thread: control. */
void td_owner_shut_doors (TdOwner *owner);

void td_owner_each (TdOwner *owner, TdOwnedVisit visit, void *data);
unsigned td_owner_count (TdOwner *owner);

/* Thread: any. */
void td_owner_use (TdOwner *owner);
void td_owner_unuse (TdOwner *owner);
unsigned td_owner_uses (const TdOwner *owner);

/* A module begins with its owner, which is all the lower rooms know of it; module/ asserts so. NULL
 * is the core itself. */
static inline TdOwner *
td_owner_of (const TdModule *module)
{
    return module != NULL ? (TdOwner *) module : &td_owner_core;
}

static inline bool
td_owner_is_stopped (const TdModule *module)
{
    return module != NULL
           && atomic_load_explicit (&((const TdOwner *) module)->is_stopped, memory_order_acquire);
}

#endif
