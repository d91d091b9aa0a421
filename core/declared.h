/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be configured: the core's own sections, and those of every module that is mapped. */

#ifndef CORE_DECLARED_H
#define CORE_DECLARED_H

#include "config/config.h"
#include "config/schema.h"
#include "module/registry.h"

/* The schema of the core and of the modules of REGISTRY (nullable), the newest build of each.
 * EARLIER (nullable) is an earlier look at the files: what [modules] names there and is not mapped
 * may have a section of its name (transfer full). */
TdSchema *td_declared_schema (TdRegistry *registry, const TdConfig *earlier, GError **error);

/* How many lanes CONFIG asks for; what no table can check goes to PROBLEMS. */
unsigned td_declared_lanes (const TdConfig *config, GPtrArray *problems);

/* Adds to PROBLEMS: a trunk without a member, an address without a scheme. */
void td_declared_check_trunks (const TdConfig *config, GPtrArray *problems);

#endif
