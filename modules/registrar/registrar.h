/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the module, and what they share. */

#ifndef REGISTRAR_REGISTRAR_H
#define REGISTRAR_REGISTRAR_H

#include "directory.h"
#include "store.h"
#include "table.h"

#include <tandem/module.h>

typedef struct {
    TdModule *module;
    char *path; /* of the database */
    Store *store;
    TdSnapshot *directory; /* Directory */
    Directory *prepared;   /* by a reload that is not committed yet */
    Table *table;
    GBytes *handover; /* what another build, or an earlier life of this one, left; nullable */
    TdTimer tidy;
    TdRegistrar iface;
} Registrar;

enum { REGISTRAR_N_SECTIONS = 2 };

extern const TdConfigSection registrar_sections[REGISTRAR_N_SECTIONS];

/* The directory of this turn. Thread: a lane. */
static inline const Directory *
registrar_directory (const Registrar *registrar)
{
    return (const Directory *) td_snapshot_peek (registrar->directory);
}

/* Thread, of all here: control. */
bool registrar_add_route (Registrar *registrar, GError **error);
bool registrar_add_commands (Registrar *registrar, GError **error);

/* All bindings as bytes (transfer full), and back into an empty table; false where STATE is of
 * another version. */
GBytes *registrar_export (Registrar *registrar);
bool registrar_import (Registrar *registrar, GBytes *state);

/* As registrar_import (), but only tells flows to bindings that are there: the connections of
 * phones outlive a build, not a process, so they are not on the disk. */
bool registrar_import_flows (Registrar *registrar, GBytes *state);

#endif
