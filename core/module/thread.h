/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of a module's own. Everything here: Thread: control. */

#ifndef CORE_MODULE_THREAD_H
#define CORE_MODULE_THREAD_H

#include "module/module.h"

/* Joins the threads of MODULE that have ended. */
void td_threads_reap (TdModule *module);

/* Where the clock is fake, waits until one of MODULE's threads has ended, for MS of real time at most:
 * threads live in real time, and before the clock goes on by MS they have had as much. */
void td_threads_await (TdModule *module, unsigned ms);

/* How many have not ended. */
unsigned td_threads_count (const TdModule *module);

/* Appends "thread NAME" for each that has not ended to LIST; returns how many. */
unsigned td_threads_append_names (const TdModule *module, GString *list);

/* Says once of each thread that it goes on for too long, WAITED_US after it was to end. */
void td_threads_name_late (TdModule *module, int64_t waited_us);

#endif
