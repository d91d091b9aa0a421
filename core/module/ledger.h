/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module's ledger: what it has taken from the core, who uses it, and what it left behind. */

#ifndef CORE_MODULE_LEDGER_H
#define CORE_MODULE_LEDGER_H

#include "module/module.h"

/* Takes back what MODULE still owns. What it could have given back itself is its defect, unless
 * calls went on for a while after stop(), or it failed. Thread: control. */
void td_ledger_revoke (TdModule *module);

/* The lanes had N_TIMERS more of it; reports all defects. Thread: control. */
void td_ledger_add_leftovers (TdModule *module, unsigned n_timers);

/* Who uses MODULE: "2 calls, thread pump, feature codec.g711 for rtp" (transfer full). */
char *td_ledger_users (TdModule *module);

/* Declares the room's metrics. */
void td_ledger_init (void);

#endif
