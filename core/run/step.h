/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fake lanes: the generator that picks the next piece of work. */

#ifndef CORE_RUN_STEP_H
#define CORE_RUN_STEP_H

#include "run/lane.h"

/* The steps from here on follow from SEED. */
void td_step_begin (uint64_t seed);

/* A module's threads live in real time. Who waits for what one of them will post says so, and the
 * lanes do not come to rest, nor does the clock move on, before it has come; or a thread has not
 * answered for so long that it never will. For fake lanes only. Thread: any. */
void td_step_expect (void);
void td_step_came (void);

#endif
