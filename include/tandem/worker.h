/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where blocking work goes: files, DNS, SQL. The answer comes back to the lane that asked.
 *
 *     lane                worker thread             lane
 *     td_work_start () -> work->run () may block -> work->done ()
 *
 * Work of one queue key runs in the order it was started and never at the same time; work without
 * a key runs on whichever thread is free. That of calls with a priority is begun before all other, and
 * has a thread that does nothing else: the others may all be held up by a server that does not answer.
 */

#ifndef TANDEM_WORKER_H
#define TANDEM_WORKER_H

#include <tandem/lane.h>

G_BEGIN_DECLS

typedef struct TdWork TdWork;

/* Embed it in what the work needs; it stays there, untouched, until DONE or DROP. */
struct TdWork {
    TdModule *owner;             /* holds a use of it while under way */
    const char *queue;           /* NULL, or a key, static or living as long as the work */
    void (*run) (TdWork *work);  /* on a worker thread; may block */
    void (*done) (TdWork *work); /* on the lane that started it */
    void (*drop) (TdWork *work); /* instead of DONE, on that lane, when the owner has stopped */
    uint8_t priority_class;      /* 0 .. 15, of the call it is for; 0: of none */
    TdPost post;                 /* private */
    TdLane *origin;              /* private */
    TdWork *next;                /* private */
};

/* Starts WORK (transfer full until DONE or DROP). Thread: a lane. Blocks: never. */
TD_API void td_work_start (TdWork *work);

G_END_DECLS

#endif
