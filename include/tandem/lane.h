/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lanes: the threads calls live on. Timers and posts: how anything happens there later.
 *
 *      other threads                              lane
 *     +-------------+   td_lane_post ()     +----------------+      +--------------+
 *     | worker      | --------------------> | inbox          | ---> |  your code,  |
 *     | other lane  |   td_lane_try_post () |  must          |      |  one turn at |
 *     | media       | --------------------> |  established   |      |  a time,     |
 *     | reader      |   (may be refused)    |  priority      | ---> |  never over  |
 *     +-------------+                       |  ordinary      |      |  2 ms        |
 *                                           | timer wheel    | ---> |              |
 *                                           | sockets        | ---> |              |
 *                                           +----------------+      +--------------+
 *
 * A call lives on one lane from its first message to its last; nothing of it needs a lock. One
 * more lane, the control lane, runs on the main thread: modules start and stop there, commands
 * run there, no call lives there.
 *
 * Posts and timers are embedded in the object that waits, so they cost no allocation and cannot
 * fail. Each names the module whose code it runs; once that module has stopped, the code is not
 * run any more: a post is dropped, a timer is taken off the wheel.
 */

#ifndef TANDEM_LANE_H
#define TANDEM_LANE_H

#include <tandem/base.h>

G_BEGIN_DECLS

typedef struct TdPost TdPost;
typedef struct TdTimer TdTimer;

/* In the order of service: established, priority, ordinary. */
typedef enum {
    TD_POST_PRIORITY, /* what is new and carries a mark that counts */
    TD_POST_ORDINARY,
    TD_POST_ESTABLISHED, /* what belongs to something under way: finishing it frees what it holds */
} TdPostClass;

/* One piece of work on its way to a lane. Embed it; fill in OWNER, RUN and DROP; leave the rest
 * alone between posting and RUN or DROP, exactly one of which is called, on the lane. */
struct TdPost {
    TdModule *owner;             /* whose code RUN is; holds a use of it while under way */
    void (*run) (TdPost *post);  /* does the work; the post may be posted again or freed */
    void (*drop) (TdPost *post); /* frees what RUN would have used; the owner has stopped */
    TdPost *next;                /* private */
};

/* Hands POST to LANE (transfer full until run or dropped). Cannot fail and is not bounded: for
 * work that already has its place in memory, an answer that somebody waits for.
 * Thread: any. Blocks: never. */
TD_API void td_lane_post (TdLane *lane, TdPost *post);

/* As td_lane_post(), for work that comes from outside: bounded for each class. Returns false, with
 * POST still the caller's, when that class's inbox is full. Thread: any. Blocks: never. */
TD_API bool td_lane_try_post (TdLane *lane, TdPost *post, TdPostClass post_class);

/* The lane whose turn this thread is in, or NULL on a thread that is no lane. Thread: any. */
TD_API TdLane *td_lane_current (void);

/* The control lane. Thread: any. */
TD_API TdLane *td_lane_control (void);

/* How many lanes carry calls, at least 1 and fixed until the process ends. Thread: any. */
TD_API unsigned td_lane_count (void);

/* The lane with INDEX, 0 .. td_lane_count () - 1. Thread: any. */
TD_API TdLane *td_lane_at (unsigned index);

/* The index of LANE; the control lane's is td_lane_count (). Thread: any. */
TD_API unsigned td_lane_index (const TdLane *lane);

/* Visits every lane, one after the other, the control lane last: VISIT runs on each with DATA,
 * DONE on the control lane at the end. Each lane has finished the turn it was in before VISIT runs
 * there, so after DONE nobody is left in code that was reached before the sweep began. VISIT is
 * nullable. Once MODULE, of which the sweep holds a use, has stopped, neither VISIT nor DONE is
 * called any more, but DROP (nullable) with DATA, on the control lane, after the last lane.
 * Thread: any. Blocks: never. */
TD_API void td_lane_sweep (TdModule *module, void (*visit) (TdLane *lane, void *data),
                           void (*done) (void *data), void (*drop) (void *data), void *data);

/* Monotonic time in microseconds, read once a turn on a lane, afresh elsewhere; the fake clock's
 * in a test. Thread: any. */
TD_API int64_t td_clock_now_us (void);

/* Wall time in microseconds since 1970-01-01 00:00 UTC; the fake clock's in a test. Thread: any. */
TD_API int64_t td_clock_wall_us (void);

/* A timer on a lane's wheel: O(1) to start and to stop, a grain of 1 ms. Embed it. */
struct TdTimer {
    TdModule *owner;                 /* whose code EXPIRE is */
    void (*expire) (TdTimer *timer); /* runs on the lane, once a start, with the timer stopped */
    int64_t due_us;                  /* private */
    TdTimer *next, *prev;            /* private */
};

/* Prepares TIMER, stopped. Thread: any. */
TD_API void td_timer_init (TdTimer *timer, TdModule *owner, void (*expire) (TdTimer *timer));

/* Starts TIMER, or starts it anew, to expire DELAY_MS milliseconds (0 to 2^31) from now on the
 * current lane. Never early; late by a grain and the turn before it. Thread: the lane TIMER is
 * or will be on. */
TD_API void td_timer_start (TdTimer *timer, uint32_t delay_ms);

/* Stops TIMER; nothing happens when it is stopped already. Thread: the lane it is on. */
TD_API void td_timer_stop (TdTimer *timer);

/* Thread: the lane it is on. */
TD_API bool td_timer_is_active (const TdTimer *timer);

/* A file descriptor of the module's own, waited for on the control lane: for what is neither a
 * listener nor a flow of socket.h, such as a Unix socket. */
typedef struct TdWatch TdWatch;

typedef enum {
    TD_WATCH_READ = 1 << 0,
    TD_WATCH_WRITE = 1 << 1,
    TD_WATCH_END = 1 << 2, /* hung up or in error; told unasked, again and again until closed */
} TdWatchConditions;

/* Calls READY, a turn each time, whenever one of CONDITIONS or TD_WATCH_END holds for FD (any that
 * can be polled; stays the caller's). The watch belongs to MODULE until td_watch_close(), which
 * comes before FD is closed. Returns (transfer none). Thread: control. */
TD_API TdWatch *td_watch_open (TdModule *module, int fd, unsigned conditions,
                               void (*ready) (TdWatch *watch, unsigned conditions, void *data),
                               void *data);

/* Waits for other CONDITIONS from now on. Thread: control. */
TD_API void td_watch_set (TdWatch *watch, unsigned conditions);

/* Ends WATCH, also from within READY. Thread: control. */
TD_API void td_watch_close (TdWatch *watch);

G_END_DECLS

#endif
