/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A lane from the inside, for the files of this room only. */

#ifndef CORE_RUN_LANE_INSIDE_H
#define CORE_RUN_LANE_INSIDE_H

#include "base/id.h"
#include "run/inbox.h"
#include "run/lane.h"
#include "run/wheel.h"

#include <pthread.h>
#include <stdatomic.h>

struct TdLane {
    /* What other threads write to. */
    TdInbox inbox;
    int wake_fd;
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
    void *wake_tag;
    pthread_t thread;

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

/* Wakes LANE wherever it waits. Thread: any, and in signal handlers. */
void td_lane_wake (TdLane *lane);

/* One post or one timer, if there is any. Thread: LANE. */
bool td_lane_serve_post (TdLane *lane);
bool td_lane_serve_timer (TdLane *lane);

/* Takes everything out of the inbox. Thread: LANE. */
void td_lane_collect (TdLane *lane);

bool td_lane_has_posts (TdLane *lane);

/* Drops POST and gives its owner's use back. Thread: the lane it was posted to. */
void td_lane_drop_post (TdPost *post);

/* Drops every post that waits; returns whether there was any. Thread: LANE. */
bool td_lane_drop_posts (TdLane *lane);

/* The lane by INDEX, control included, or NULL beyond. */
TdLane *td_lane_nth (unsigned index);

#endif
