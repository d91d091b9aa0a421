/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lanes as the engine, the fixture and the rooms above see them.
 *
 * Real lanes are threads, and the thread that opens them carries the control lane. Fake lanes have
 * no thread: the opening thread steps them all, one piece of work at a time, on a lane that a
 * seeded generator picks, and the clocks stand still until they are moved. On the opening thread
 * the control lane is the current one whenever no other lane is being stepped.
 */

#ifndef CORE_RUN_LANE_H
#define CORE_RUN_LANE_H

#include <tandem/lane.h>

#include "base/id.h"
#include "base/owner.h"

typedef struct {
    unsigned n_lanes; /* that carry calls, 1 .. TD_LANES_MAX */
    bool is_fake;
    uint64_t seed;        /* of the order in which fake lanes are stepped */
    unsigned boot;        /* goes into every id */
    unsigned inbox_limit; /* posts of each bounded class that may wait on one lane; 0: 4096 */
} TdLanesOptions;

enum { TD_LANES_MAX = 255 };

/* Opens lanes; they must not be open. Thread: the one that becomes control. */
void td_lanes_open (const TdLanesOptions *options);

/* Ends workers and lanes. What still waits is dropped, on its lane; timers do not expire. Every id
 * must be gone. Thread: control. Blocks: until the turns and the work under way have ended. */
void td_lanes_close (void);

/* Runs the control lane until td_lanes_quit(), which may have been called before. Fake lanes are
 * stepped until then or until all is quiet. Thread: control. */
void td_lanes_run (void);
void td_lanes_quit (void); /* Thread: any, and in signal sources */

/* The context that LANE waits in; the default one for control. Thread: any. */
GMainContext *td_lane_context (TdLane *lane);

/* The ids of what lives on LANE. Thread: LANE. */
TdIdTable *td_lane_ids (TdLane *lane);

/* What a module left on the lanes and with the workers. */
typedef struct {
    unsigned n_timers;
    unsigned n_posts;
    unsigned n_works; /* waiting for a worker; dropped on the lane that started them */
} TdLaneLeftovers;

/* After OWNER's is_stopped is set: drops its posts and takes off its timers on every lane, in
 * bounded turns, then calls DONE on control. As every lane has begun a turn since, OWNER's code is
 * left by then, but for what holds a use. Thread: control. Blocks: never. */
void td_lane_revoke (TdOwner *owner, void (*done) (const TdLaneLeftovers *found, void *data),
                     void *data);

/* What one lane has done so far, and what waits there. */
typedef struct {
    uint64_t n_posts;
    uint64_t n_expiries;
    uint64_t n_refused_established, n_refused_priority,
        n_refused_ordinary; /* by td_lane_try_post () */
    uint64_t n_long_turns;  /* over 2 ms */
    uint64_t longest_turn_us;
    unsigned n_waiting_must, n_waiting_established, n_waiting_priority, n_waiting_ordinary;
} TdLaneStats;

/* Thread: any. */
void td_lane_stats (TdLane *lane, TdLaneStats *ret_stats);

/* Ends a turn and begins the next: for who calls modules from a source of his own on a lane. OWNER
 * is whose code had the turn (NULL: the core) and is named when it took too long.
 * Thread: a lane. */
void td_lane_turn_over (const TdModule *owner);

/* Fake lanes. One post, timer, piece of work, or dispatch of a lane's context; false when all is
 * quiet. Thread: control, not from within a step. */
bool td_lanes_step (void);

/* Steps until all is quiet. */
void td_lanes_settle (void);

/* Settles, and moves both clocks by MS, from one timer to the next, settling each time. */
void td_lanes_advance (uint32_t ms);

/* Sets the fake wall clock alone. */
void td_lanes_set_wall (int64_t wall_us);

/* Runs FUNCTION at once as a turn of LANE. */
void td_lanes_on (TdLane *lane, void (*function) (void *data), void *data);

#endif
