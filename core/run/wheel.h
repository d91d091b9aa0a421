/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The timer wheel of one lane: slots of 1 ms, of 64 ms, of 4 s and so on, seven levels of 64.
 *
 *     level 2 |  4096 ms a slot  | ...         a timer stands on the level where its due time and
 *     level 1 |    64 ms a slot  | ...         the wheel's tick first differ, so every level lies
 *     level 0 |     1 ms a slot  | ...         wholly before the one above it
 *
 * When the tick reaches a slot of an upper level, the slot's timers move down, a bounded number at
 * a time, so that a million timers in one slot do not make a long turn. Nothing ticks while nothing
 * is due: td_wheel_next_us() says when there is something to do, found by a few bit scans.
 */

#ifndef CORE_RUN_WHEEL_H
#define CORE_RUN_WHEEL_H

#include <tandem/lane.h>

enum {
    TD_WHEEL_BITS = 6, /* of a tick, for one level */
    TD_WHEEL_SLOTS = 1 << TD_WHEEL_BITS,
    TD_WHEEL_LEVELS = 7,   /* 2^42 ms, 139 years */
    TD_WHEEL_STRIDE = 512, /* timers moved down or looked at in one go */
};

/* Has lists that point at themselves: stays where it was initialized. */
typedef struct {
    uint64_t tick;                      /* the millisecond looked at last */
    uint64_t occupied[TD_WHEEL_LEVELS]; /* a bit may outlive the last timer of its slot */
    TdTimer slots[TD_WHEEL_LEVELS][TD_WHEEL_SLOTS]; /* heads of circular lists, oldest first */
    TdTimer falling; /* head: taken out of an upper slot that the tick has reached */
    TdTimer due;     /* head: taken out of a slot of level 0 */
} TdWheel;

/* How far a search for one module's timers has come. */
typedef struct {
    unsigned n_lists; /* heads already behind it */
    TdTimer mark;     /* stands among the timers of the present list while it is waiting */
} TdWheelCursor;

void td_wheel_init (TdWheel *wheel, int64_t now_us);

/* Takes every timer off; none expires. */
void td_wheel_clear (TdWheel *wheel);

/* Puts TIMER, stopped and with its due_us filled in, in its place. */
void td_wheel_add (TdWheel *wheel, TdTimer *timer);

/* When td_wheel_take() has something to do: no later than the first timer is due, possibly earlier;
 * INT64_MAX when there is no timer. */
int64_t td_wheel_next_us (TdWheel *wheel);

/* Takes off one timer that is due at NOW_US, or does a bounded part of what is needed to find it.
 * Returns NULL when it found none: td_wheel_next_us() then says whether to go on. */
TdTimer *td_wheel_take (TdWheel *wheel, int64_t now_us);

/* Takes off OWNER's timers, looking at no more than TD_WHEEL_STRIDE. CURSOR begins as zeros. Adds
 * to N_FOUND; returns true when the whole wheel has been seen. */
bool td_wheel_revoke (TdWheel *wheel, TdWheelCursor *cursor, const TdModule *owner,
                      unsigned *n_found);

/* Takes TIMER out of the list it is in. */
static inline void
td_timer_unlink (TdTimer *timer)
{
    timer->prev->next = timer->next;
    timer->next->prev = timer->prev;
    timer->next = timer->prev = NULL;
}

#endif
