/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two clocks, and the fake ones that tests move by hand. */

#ifndef CORE_RUN_CLOCK_H
#define CORE_RUN_CLOCK_H

#include <tandem/lane.h>

/* The monotonic clock, read afresh; the fake clock's while there is one. Thread: any. */
int64_t td_clock_read_us (void);

/* From now on both clocks stand still, on a whole second, until moved. */
void td_clock_fake_begin (void);
void td_clock_fake_end (void);

/* Moves both clocks so that the monotonic one shows NOW_US, which is no earlier than it shows. */
void td_clock_fake_move (int64_t now_us);

/* Sets the wall clock alone, as an operator or a time server does. */
void td_clock_fake_set_wall (int64_t wall_us);

#endif
