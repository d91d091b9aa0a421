/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads for work that blocks, as the lanes drive them. */

#ifndef CORE_RUN_WORKER_H
#define CORE_RUN_WORKER_H

#include <tandem/worker.h>

/* IS_FAKE: no threads, td_workers_step() does the work. Real threads start with the first work. */
void td_workers_open (bool is_fake);

/* Waits for the work under way. What has not begun is dropped, on the lane that started it, as soon
 * as that lane takes posts. */
void td_workers_close (void);

/* How many pieces of work could begin now: waiting, and no other of their key under way. Those of calls
 * with a priority, as long as there are any, else the others. */
unsigned td_workers_n_ready (void);

/* Fake workers: does the piece of ready work with INDEX, oldest first. */
void td_workers_step (unsigned index);

/* Sends the work of OWNER that has not begun back to its lanes, to be dropped there. Returns how
 * many pieces. OWNER is stopped. Thread: any. */
unsigned td_workers_revoke (const TdModule *owner);

#endif
