/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two clocks, and the fake ones that tests move by hand. */

#include "run/clock.h"

#include "run/lane-inside.h"

#include <stdatomic.h>
#include <time.h>

/* Where the fake clocks begin: an hour after a boot, on 2026-01-01 00:00 UTC. */
#define FAKE_BEGIN_US      INT64_C (3600000000)
#define FAKE_BEGIN_WALL_US INT64_C (1767225600000000)

/* Threads that are no lanes look, too. */
static atomic_bool is_fake;
static _Atomic int64_t fake_now_us;
static _Atomic int64_t fake_wall_offset_us;

static int64_t
read_clock (clockid_t clock)
{
    struct timespec now;

    clock_gettime (clock, &now);
    return (int64_t) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

int64_t
td_clock_real_us (void)
{
    return read_clock (CLOCK_MONOTONIC);
}

bool
td_clock_real_wait (pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us)
{
    struct timespec until = { .tv_sec = until_us / G_USEC_PER_SEC,
                              .tv_nsec = until_us % G_USEC_PER_SEC * 1000 };

    return pthread_cond_clockwait (condition, lock, CLOCK_MONOTONIC, &until) == 0;
}

int64_t
td_clock_read_us (void)
{
    if (G_UNLIKELY (atomic_load_explicit (&is_fake, memory_order_relaxed))) {
        return atomic_load_explicit (&fake_now_us, memory_order_relaxed);
    }
    return td_clock_real_us ();
}

int64_t
td_clock_now_us (void)
{
    const TdLane *lane = td_lane_here;

    return lane != NULL && lane->is_in_turn ? lane->now_us : td_clock_read_us ();
}

int64_t
td_clock_wall_us (void)
{
    if (G_UNLIKELY (atomic_load_explicit (&is_fake, memory_order_relaxed))) {
        return atomic_load_explicit (&fake_now_us, memory_order_relaxed)
               + atomic_load_explicit (&fake_wall_offset_us, memory_order_relaxed);
    }
    return read_clock (CLOCK_REALTIME);
}

void
td_clock_fake_begin (void)
{
    atomic_store (&fake_now_us, FAKE_BEGIN_US);
    atomic_store (&fake_wall_offset_us, FAKE_BEGIN_WALL_US - FAKE_BEGIN_US);
    atomic_store (&is_fake, true);
}

void
td_clock_fake_end (void)
{
    atomic_store (&is_fake, false);
}

bool
td_clock_is_fake (void)
{
    return atomic_load (&is_fake);
}

void
td_clock_fake_move (int64_t now_us)
{
    g_return_if_fail (now_us >= atomic_load (&fake_now_us));
    atomic_store (&fake_now_us, now_us);
}

void
td_clock_fake_set_wall (int64_t wall_us)
{
    atomic_store (&fake_wall_offset_us, wall_us - atomic_load (&fake_now_us));
}
