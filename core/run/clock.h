/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two clocks, and the fake ones that tests move by hand. */

#ifndef CORE_RUN_CLOCK_H
#define CORE_RUN_CLOCK_H

#include <tandem/lane.h>

#include <pthread.h>

/* The monotonic clock, read afresh; the fake clock's while there is one. Thread: any. */
int64_t td_clock_read_us (void);

/* From now on both clocks stand still, on a whole second, until moved. */
void td_clock_fake_begin (void);
void td_clock_fake_end (void);

/* Whether they are moved by hand. Thread: any. */
bool td_clock_is_fake (void);

/* For what threads do in real time, also while the clocks are fake: the monotonic clock of the machine;
 * and pthread_cond_timedwait() until it shows UNTIL_US: false: it does. Thread: any. */
int64_t td_clock_real_us (void);
bool td_clock_real_wait (pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us);

/* Moves both clocks so that the monotonic one shows NOW_US, which is no earlier than it shows. */
void td_clock_fake_move (int64_t now_us);

/* Sets the wall clock alone, as an operator or a time server does. */
void td_clock_fake_set_wall (int64_t wall_us);

#endif
