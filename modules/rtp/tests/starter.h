/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of an engine without a module that they could belong to. */

#ifndef RTP_TESTS_STARTER_H
#define RTP_TESTS_STARTER_H

#include "engine.h"

#include <pthread.h>

enum { STARTERS_MAX = 16 };

typedef struct {
    void (*run) (void *data);
    void *data;
    pthread_t thread;
} Starter;

static Starter starters[STARTERS_MAX];
static unsigned n_starters;

static inline void *
run_starter (void *data)
{
    Starter *starter = data;

    starter->run (starter->data);
    return NULL;
}

/* Of an RtpEngineSetup. */
static inline bool
start (const char *name, RtpThreadRun run, void *thread, void *data, GError **error)
{
    Starter *starter = &starters[n_starters++];

    *starter = (Starter){ .run = run, .data = thread };
    return pthread_create (&starter->thread, NULL, run_starter, starter) == 0;
}

static inline void
join_starters (void)
{
    while (n_starters > 0) {
        pthread_join (starters[--n_starters].thread, NULL);
    }
}

static inline void
ignore_event (void *owner, TdMediaEventKind kind, int64_t value, void *data)
{
}

#endif
