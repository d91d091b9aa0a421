/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread that libsoup lives on, and how work gets there. */

#include "loop.h"

void
loop_init (Loop *loop)
{
    *loop = (Loop){ .context = g_main_context_new () };
    loop->last = &loop->first;
    pthread_mutex_init (&loop->lock, NULL);
}

void
loop_clear (Loop *loop)
{
    pthread_mutex_destroy (&loop->lock);
    g_clear_pointer (&loop->context, g_main_context_unref);
}

bool
loop_post (Loop *loop, Errand *errand)
{
    errand->next = NULL;
    pthread_mutex_lock (&loop->lock);
    bool is_open = !loop->is_closed;
    if (is_open) {
        *loop->last = errand;
        loop->last = &errand->next;
        /* Here: with this errand done, the thread may end, and the loop go with it. */
        g_main_context_wakeup (loop->context);
    }
    pthread_mutex_unlock (&loop->lock);
    return is_open;
}

static Errand *
take_all (Loop *loop, bool closes)
{
    pthread_mutex_lock (&loop->lock);
    Errand *first = g_steal_pointer (&loop->first);
    loop->last = &loop->first;
    loop->is_closed = closes;
    pthread_mutex_unlock (&loop->lock);
    return first;
}

static void
run_errands (Loop *loop, bool closes)
{
    Errand *next;

    for (Errand *errand = take_all (loop, closes); errand != NULL; errand = next) {
        next = errand->next;
        errand->run (errand);
    }
}

/* A wake-up that comes between the look into the inbox and the wait ends the wait at once. */
void
loop_run (Loop *loop, bool (*is_over) (void *data), void *data)
{
    while (run_errands (loop, false), !is_over (data)) {
        g_main_context_iteration (loop->context, TRUE);
    }
    run_errands (loop, true);
}

GSource *
loop_add_timeout (Loop *loop, unsigned ms, GSourceFunc expire, void *data)
{
    GSource *source = g_timeout_source_new (ms);

    g_source_set_callback (source, expire, data, NULL);
    g_source_attach (source, loop->context);
    return source;
}

void
loop_drop_source (GSource **source)
{
    if (*source != NULL) {
        g_source_destroy (*source);
        g_clear_pointer (source, g_source_unref);
    }
}
