/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Has the C library give memory back to the system after a busy time. */

#include "trim.h"

#include <malloc.h>
#include <tandem/lane.h>
#include <tandem/log.h>
#include <tandem/worker.h>

#define LOOK_MS        10000
#define MIN_FREE_BYTES (4u << 20) /* less is not worth the page faults of the next call */

static TdTimer timer;
static TdWork work;
static bool is_on;

/* Takes the lock of one arena after the other, so lanes that allocate meanwhile wait for one arena at
 * most; while more is in use than free, that is, in the busy time itself, nothing happens. */
static void
trim (TdWork *unused)
{
    struct mallinfo2 heap = mallinfo2 ();

    if (heap.fordblks < MIN_FREE_BYTES || heap.fordblks < heap.uordblks) {
        return;
    }
    malloc_trim (0);
    td_log_debug (NULL, "memory", "gave back what was free: %zu KiB, beside %zu KiB in use",
                  heap.fordblks / 1024, heap.uordblks / 1024);
}

static void
look_again (TdWork *unused)
{
    if (is_on) {
        td_timer_start (&timer, LOOK_MS);
    }
}

static void
look (TdTimer *unused)
{
    td_work_start (&work);
}

void
td_trim_start (void)
{
    is_on = true;
    work = (TdWork){ .run = trim, .done = look_again, .drop = look_again };
    td_timer_init (&timer, NULL, look);
    td_timer_start (&timer, LOOK_MS);
}

void
td_trim_stop (void)
{
    is_on = false;
    td_timer_stop (&timer);
}
