/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A trunk group on fake lanes, for tests of its own functions. */

#ifndef TRUNK_TESTS_WORLD_H
#define TRUNK_TESTS_WORLD_H

#include "tally.h"

typedef struct {
    TdOwner module;
    Group *group;
    GroupSettings settings;
    int64_t now_us;
} World;

static inline void
world_open (World *world)
{
    TdLanesOptions options = { .n_lanes = 1, .is_fake = true, .seed = 1 };

    *world = (World){ .now_us = 1 };
    td_lanes_open (&options);
    td_owner_init (&world->module, "trunk");
    world->group = group_new ("g", world->now_us, world->now_us);
    world->settings.max_tries = 5;
    for (Way way = WAY_ALL; way < N_WAYS; way++) {
        world->settings.capacity[way] = world->settings.bandwidth[way] = GROUP_UNLIMITED;
    }
}

/* Takes the settings over, with N_MEMBERS. */
static inline void
world_configure (World *world, unsigned n_members)
{
    GPtrArray *members = g_ptr_array_new ();

    for (unsigned i = 0; i < n_members; i++) {
        g_autofree char *name = g_strdup_printf ("m%u", i);
        g_ptr_array_add (members, member_new (name, "fake:x"));
    }
    group_configure (world->group,
                     world->group->calls[WAY_ALL] == NULL ? (TdModule *) &world->module : NULL,
                     &world->settings, members, world->now_us);
}

static inline void
world_close (World *world)
{
    group_close (world->group);
    group_unref (world->group);
    td_owner_clear (&world->module);
    td_lanes_close ();
}

static inline TakeResult
world_take (World *world, TrunkLeg *leg, Way way, unsigned priority_class, bool is_lesser)
{
    return group_take (world->group, leg,
                       &(Demand){ .way = way,
                                  .module = (TdModule *) &world->module,
                                  .priority_class = priority_class,
                                  .is_lesser = is_lesser,
                                  .has_address = true,
                                  .kbit_s = 80,
                                  .now_us = world->now_us,
                                  .wall_us = world->now_us });
}

static inline void
world_leave (World *world, TrunkLeg *leg)
{
    group_leave (leg, world->now_us, world->now_us);
    group_leg_clear (leg);
}

#endif
