/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fake lanes: the generator that picks the next piece of work. */

#ifndef CORE_RUN_STEP_H
#define CORE_RUN_STEP_H

#include "run/lane.h"

/* The steps from here on follow from SEED. */
void td_step_begin (uint64_t seed);

#endif
