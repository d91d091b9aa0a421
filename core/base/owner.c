/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners: who has taken what from the core, and who is still in use. */

#include "base/owner.h"

/* What belongs to no module belongs to the core. */
TdOwner td_owner_core = { .name = (char *) "core", .lock = PTHREAD_MUTEX_INITIALIZER };

void
td_owner_init (TdOwner *owner, const char *name)
{
    *owner = (TdOwner){ .name = g_strdup (name) };
    pthread_mutex_init (&owner->lock, NULL);
}

void
td_owner_clear (TdOwner *owner)
{
    g_return_if_fail (owner->n_owned == 0);
    g_return_if_fail (td_owner_uses (owner) == 0);
    pthread_mutex_destroy (&owner->lock);
    g_clear_pointer (&owner->name, g_free);
}

void
td_owner_add (TdOwner *owner, TdOwned *owned)
{
    pthread_mutex_lock (&owner->lock);
    owned->owner = owner;
    owned->prev = NULL;
    owned->next = owner->first;
    if (owner->first != NULL) {
        owner->first->prev = owned;
    }
    owner->first = owned;
    owner->n_owned++;
    pthread_mutex_unlock (&owner->lock);
}

/* Takes OWNED out of the list it is in. Needs the lock. */
static void
unlink_locked (TdOwner *owner, TdOwned *owned)
{
    if (owned->prev != NULL) {
        owned->prev->next = owned->next;
    } else {
        owner->first = owned->next;
    }
    if (owned->next != NULL) {
        owned->next->prev = owned->prev;
    }
    owned->next = owned->prev = NULL;
    owned->owner = NULL;
    owner->n_owned--;
}

void
td_owner_remove (TdOwned *owned)
{
    TdOwner *owner = owned->owner;

    if (owner == NULL) {
        return;
    }
    pthread_mutex_lock (&owner->lock);
    if (owned->owner == owner) {
        unlink_locked (owner, owned);
    }
    pthread_mutex_unlock (&owner->lock);
}

/* Takes the youngest thing, or the youngest door, out of the list, or returns NULL. */
static TdOwned *
pop (TdOwner *owner, bool is_door)
{
    pthread_mutex_lock (&owner->lock);
    TdOwned *owned = owner->first;
    while (is_door && owned != NULL && !owned->is_door) {
        owned = owned->next;
    }
    if (owned != NULL) {
        unlink_locked (owner, owned);
    }
    pthread_mutex_unlock (&owner->lock);
    return owned;
}

unsigned
td_owner_revoke_all (TdOwner *owner, TdOwnedVisit visit, void *data)
{
    unsigned n_revoked = 0;
    TdOwned *owned;

    while ((owned = pop (owner, false)) != NULL) {
        if (visit != NULL && !owned->is_lease) {
            visit (owned->kind, owned->name, data);
        }
        n_revoked += !owned->is_lease;
        owned->revoke (owned);
    }
    return n_revoked;
}

void
td_owner_shut_doors (TdOwner *owner)
{
    TdOwned *owned;

    while ((owned = pop (owner, true)) != NULL) {
        owned->revoke (owned);
    }
}

void
td_owner_each (TdOwner *owner, TdOwnedVisit visit, void *data)
{
    pthread_mutex_lock (&owner->lock);
    for (TdOwned *owned = owner->first; owned != NULL; owned = owned->next) {
        visit (owned->kind, owned->name, data);
    }
    pthread_mutex_unlock (&owner->lock);
}

unsigned
td_owner_count (TdOwner *owner)
{
    pthread_mutex_lock (&owner->lock);
    unsigned n_owned = owner->n_owned;
    pthread_mutex_unlock (&owner->lock);
    return n_owned;
}

void
td_owner_use (TdOwner *owner)
{
    atomic_fetch_add_explicit (&owner->n_uses, 1, memory_order_relaxed);
}

void
td_owner_unuse (TdOwner *owner)
{
    unsigned before = atomic_fetch_sub_explicit (&owner->n_uses, 1, memory_order_release);
    g_return_if_fail (before > 0);
}

unsigned
td_owner_uses (const TdOwner *owner)
{
    return atomic_load_explicit (&owner->n_uses, memory_order_acquire);
}
