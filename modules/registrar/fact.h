/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told on the bus: "registration.added", "refreshed", "removed", "expired". */

#ifndef REGISTRAR_FACT_H
#define REGISTRAR_FACT_H

#include "binding.h"

#include <tandem/bus.h>

typedef struct {
    TdTopic *topics[CHANGE_EXPIRED + 1];
} Facts;

/* Thread: control. */
void facts_init (Facts *facts, TdModule *module);

/* Tells CHANGES (array of Change) of USER. Thread: a lane. */
void facts_tell (const Facts *facts, const char *user, const GArray *changes);

#endif
