/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives memory back to the system after a busy time. */

#ifndef CORE_TRIM_H
#define CORE_TRIM_H

/* Looks every ten seconds, on a worker, how much of the heap is free, and gives it back when that is
 * more than what is in use: the C library itself keeps whatever the busiest minute needed.
 * Thread: control. */
void td_trim_start (void);
void td_trim_stop (void);

#endif
