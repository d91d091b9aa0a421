/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Timers on the wheel of the lane that starts them. */

#include "base/owner.h"
#include "run/lane-inside.h"

void
td_timer_init (TdTimer *timer, TdModule *owner, void (*expire) (TdTimer *timer))
{
    g_return_if_fail (expire != NULL);
    *timer = (TdTimer){ .owner = owner, .expire = expire };
}

void
td_timer_start (TdTimer *timer, uint32_t delay_ms)
{
    TdLane *lane = td_lane_here;

    g_return_if_fail (lane != NULL);
    g_return_if_fail (timer->expire != NULL);
    td_timer_stop (timer);
    /* The lane was searched for the timers of a stopped module; one more would outlive it. */
    if (td_owner_is_stopped (timer->owner)) {
        return;
    }
    int64_t now_us = td_clock_now_us ();
    /* Without a delay the grain need not be waited for. */
    timer->due_us = delay_ms == 0 ? now_us - now_us % 1000 : now_us + (int64_t) delay_ms * 1000;
    td_wheel_add (&lane->wheel, timer);
}

void
td_timer_stop (TdTimer *timer)
{
    if (timer->next != NULL) {
        td_timer_unlink (timer);
    }
}

bool
td_timer_is_active (const TdTimer *timer)
{
    return timer->next != NULL;
}
