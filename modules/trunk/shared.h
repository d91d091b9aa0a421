/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The leases of all groups that are shared, between the groups and the store. Thread of all: control. */

#ifndef TRUNK_SHARED_H
#define TRUNK_SHARED_H

#include "trunk.h"

Shared *shared_new (Trunk *trunk);
void shared_free (Shared *shared);

/* The groups are what PLAN says; those that are shared are seen to from now on. */
void shared_apply (Shared *shared, const Plan *plan);

/* The last call has ended, and no other will come: gives back what there is. */
void shared_end (Shared *shared);

/* Adds what is to be said of GROUP's lease to ROW; nothing when it has none. */
void shared_show (const Shared *shared, Group *group, GVariantBuilder *row);

bool shared_commands_start (Trunk *trunk, GError **error);

#endif
