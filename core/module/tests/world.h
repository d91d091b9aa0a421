/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A registry on fake lanes, and modules that are part of the test program. */

#ifndef CORE_MODULE_TESTS_WORLD_H
#define CORE_MODULE_TESTS_WORLD_H

#include "module/registry.h"
#include "support.h"

typedef struct {
    Folder folder;
    TdRegistry *registry;
    GPtrArray *problems;
    GString *calls; /* what the modules' functions append to */
    unsigned n_evicted;
    GString *answers; /* what note_answer() appends to */
} World;

/* The one that is set up now: descriptors have no room for data. */
extern World *world;

void world_set_up (World *own, gconstpointer unused);
/* Stops and unloads whatever is left. */
void world_tear_down (World *own, gconstpointer unused);

/* A module of the test program, found and listed. */
TdModule *world_add (const TdModuleDescriptor *descriptor);
/* The same, running. */
TdModule *world_run (const TdModuleDescriptor *descriptor);

/* A TdModuleDone: appends "ok;" or the error. */
void note_answer (TdModule *module, const GError *error, void *data);

#endif
