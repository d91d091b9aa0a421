/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gives memory back to the system after a busy time. */

#ifndef CORE_TRIM_H
#define CORE_TRIM_H

/* What the busiest minute needed is free afterwards, and would be kept. With jemalloc a thread of its own
 * returns what nobody has asked for in ten seconds; with the C library a worker looks every ten seconds,
 * and returns what is free when that is more than what is in use.
 * Thread: control. */
void td_trim_start (void);
void td_trim_stop (void);

#endif
