/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lane from the inside, for the files of this room only. */

#ifndef CORE_RUN_LANE_INSIDE_H
#define CORE_RUN_LANE_INSIDE_H

#include "base/id.h"
#include "run/inbox.h"
#include "run/lane.h"
#include "run/wheel.h"

#include <tandem/metric.h>

#include <pthread.h>
#include <stdatomic.h>

enum {
    TD_LANE_POSTS,
    TD_LANE_EXPIRIES,
    TD_LANE_LONG_TURNS,
    TD_LANE_REFUSED_ESTABLISHED,
    TD_LANE_REFUSED_PRIORITY,
    TD_LANE_REFUSED_ORDINARY,
    TD_LANE_WAITING_MUST,
    TD_LANE_WAITING_ESTABLISHED,
    TD_LANE_WAITING_PRIORITY,
    TD_LANE_WAITING_ORDINARY,
    TD_LANE_ARRIVALS,
    TD_LANE_ARRIVAL_WAIT,
    TD_LANE_METRICS,
};

struct TdLane {
    /* What other threads write to. */
    TdInbox inbox;
    atomic_bool is_quitting;

    /* The lane's own. */
    _Alignas(64) int64_t now_us; /* when the present turn began */
    bool is_in_turn;             /* now_us is good */
    bool has_thread;
    unsigned index;
    unsigned n_served[TD_INBOX_CLASSES];
    TdPostList taken[TD_INBOX_CLASSES]; /* from the inbox */
    TdWheel wheel;
    TdIdTable ids;
    GMainContext *context;
    GSource *source;
    pthread_t thread;

    /* What is told as metrics, and how much of it was. */
    TdInboxCounts inbox_counts; /* as of the last look */
    TdMetric *metrics[TD_LANE_METRICS];
    int64_t told[TD_LANE_METRICS];

    /* Written by the lane, read by whoever asks. */
    _Atomic uint64_t n_posts, n_expiries, n_long_turns, longest_turn_us;
};

/* The lane this thread is on. libtandem is loaded when the process starts, so the fast model of
 * thread-local storage is available. */
extern __attribute__ ((tls_model ("initial-exec"))) _Thread_local TdLane *td_lane_here;

/* LANE gets CONTEXT (transfer none), and watches it when IS_FAKE is false. */
TdLane *td_lane_new (unsigned index, GMainContext *context, const TdLanesOptions *options);
void td_lane_free (TdLane *lane);

/* Waits and dispatches until is_quitting; the thread is LANE's. */
void td_lane_loop (TdLane *lane);

/* Wakes LANE where it waits. Thread: any. */
void td_lane_wake (TdLane *lane);

/* One post or one timer, if there is any. Thread: LANE. */
bool td_lane_serve_post (TdLane *lane);
bool td_lane_serve_timer (TdLane *lane);

/* Takes everything out of the inbox. Thread: LANE. */
void td_lane_collect (TdLane *lane);

bool td_lane_has_posts (TdLane *lane);

/* Whether anything waits that td_lane_try_post () let in. Thread: LANE. */
bool td_lane_has_arrivals (TdLane *lane);

/* How many ordinary posts wait for their turn. Thread: LANE. */
unsigned td_lane_count_ordinary (TdLane *lane);

/* Drops POST and gives its owner's use back. Thread: the lane it was posted to. */
void td_lane_drop_post (TdPost *post);

/* Drops every post that waits; returns whether there was any. Thread: LANE. */
bool td_lane_drop_posts (TdLane *lane);

/* Thread: control, before LANE begins. */
void td_lane_declare_metrics (TdLane *lane, bool is_control);

/* Brings the metrics up to what was counted. Thread: LANE. */
void td_lane_publish (TdLane *lane);

/* A batch was read from a socket whose first message had waited in the kernel for WAITED_US.
 * Thread: LANE. */
void td_lane_note_arrival (TdLane *lane, int64_t waited_us);

/* The lane by INDEX, control included, or NULL beyond. */
TdLane *td_lane_nth (unsigned index);

#endif
