/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread that libsoup lives on, and how work gets there.
 *
 *     any thread -- loop_post (errand) --> [ lock ] --> errand->run () on the thread, in order
 */

#ifndef HTTP_LOOP_H
#define HTTP_LOOP_H

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct Errand Errand;

/* One piece of work for the thread. Embed it. */
struct Errand {
    void (*run) (Errand *errand);
    Errand *next; /* private */
};

typedef struct {
    GMainContext *context;
    pthread_mutex_t lock;
    Errand *first, **last; /* under the lock */
    bool is_closed;        /* under the lock: takes no more */
} Loop;

void loop_init (Loop *loop);
void loop_clear (Loop *loop);

/* Hands ERRAND (transfer full until it is run) to the thread. Returns false, with ERRAND still the
 * caller's, when the loop is closed. Thread: any. Blocks: never. */
bool loop_post (Loop *loop, Errand *errand);

/* Runs errands and sources until IS_OVER () says so; from then on loop_post () refuses, and all that it
 * took before has been run. Thread: the loop's own. */
void loop_run (Loop *loop, bool (*is_over) (void *data), void *data);

/* A timeout on the loop, attached (transfer full). Thread: the loop's own. */
GSource *loop_add_timeout (Loop *loop, unsigned ms, GSourceFunc expire, void *data);

/* Destroys *SOURCE (nullable) and forgets it. Thread: the loop's own. */
void loop_drop_source (GSource **source);

#endif
