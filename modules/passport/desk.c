/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Queues of tokens that are served in turn. */

#include "desk.h"

#include <pthread.h>

enum { BATCH = 32 }; /* about 3 ms of a worker: others need them, too */

typedef struct {
    char *trunk;
    GQueue jobs; /* Job */
} Queue;

struct Desk {
    TdModule *module;
    Verdicts *verdicts;

    pthread_mutex_t lock; /* of what follows */
    GHashTable *queues;   /* trunk -> Queue: those that are not empty */
    GQueue turns;         /* Queue: whose turn is next is at the head */
    unsigned n_runners, n_jobs;
};

typedef struct {
    TdWork work; /* first */
    Desk *desk;
} Runner;

static void
free_queue (void *data)
{
    Queue *queue = data;

    g_free (queue->trunk);
    g_free (queue);
}

Desk *
desk_new (TdModule *module, Verdicts *verdicts)
{
    Desk *desk = g_new0 (Desk, 1);

    desk->module = module;
    desk->verdicts = verdicts;
    pthread_mutex_init (&desk->lock, NULL);
    desk->queues = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_queue);
    g_queue_init (&desk->turns);
    return desk;
}

void
desk_free (Desk *desk)
{
    if (desk == NULL) {
        return;
    }
    g_hash_table_unref (desk->queues);
    g_queue_clear (&desk->turns);
    pthread_mutex_destroy (&desk->lock);
    g_free (desk);
}

/* Whose turn it is, or NULL. */
static Job *
take_next (Desk *desk)
{
    Job *job = NULL;

    pthread_mutex_lock (&desk->lock);
    Queue *queue = g_queue_pop_head (&desk->turns);
    if (queue != NULL) {
        job = g_queue_pop_head (&queue->jobs);
        desk->n_jobs--;
        if (g_queue_is_empty (&queue->jobs)) {
            g_hash_table_remove (desk->queues, queue->trunk);
        } else {
            g_queue_push_tail (&desk->turns, queue);
        }
    }
    pthread_mutex_unlock (&desk->lock);
    return job;
}

static void
verify (Desk *desk, Job *job)
{
    Finding finding = { 0 };

    /* Another request may have brought it meanwhile. */
    job->verdict = verdicts_find (desk->verdicts, &job->hash, job->settings);
    if (job->verdict == NULL) {
        job->verdict =
            verdict_make (&job->identity, &job->hash, job->credential, job->settings, &finding);
        verdicts_add (desk->verdicts, job->verdict, job->settings);
    }
    finding_clear (&finding);
    td_lane_post (job->lane, &job->post);
}

static void
run (TdWork *work)
{
    Runner *runner = (Runner *) work;
    Job *job;

    for (unsigned n = 0; n < BATCH && (job = take_next (runner->desk)) != NULL; n++) {
        verify (runner->desk, job);
    }
}

/* Goes on with what has come meanwhile, behind what others want of the workers. */
static void
finish (TdWork *work)
{
    Runner *runner = (Runner *) work;
    Desk *desk = runner->desk;

    pthread_mutex_lock (&desk->lock);
    bool has_more = !g_queue_is_empty (&desk->turns);
    if (!has_more) {
        desk->n_runners--;
    }
    pthread_mutex_unlock (&desk->lock);
    if (has_more) {
        td_work_start (work);
    } else {
        g_free (runner);
    }
}

static void
drop (TdWork *work)
{
    g_free (work);
}

static void
start_runner (Desk *desk)
{
    Runner *runner = g_new0 (Runner, 1);

    runner->work = (TdWork){ .owner = desk->module, .run = run, .done = finish, .drop = drop };
    runner->desk = desk;
    td_work_start (&runner->work);
}

static Queue *
find_queue_locked (Desk *desk, const char *trunk)
{
    Queue *queue = g_hash_table_lookup (desk->queues, trunk);

    if (queue == NULL) {
        queue = g_new0 (Queue, 1);
        queue->trunk = g_strdup (trunk);
        g_queue_init (&queue->jobs);
        g_hash_table_insert (desk->queues, queue->trunk, queue);
        g_queue_push_tail (&desk->turns, queue);
    }
    return queue;
}

bool
desk_take (Desk *desk, Job *job)
{
    bool is_taken = false, needs_runner = false;

    pthread_mutex_lock (&desk->lock);
    Queue *queue = find_queue_locked (desk, job->trunk);
    if (g_queue_get_length (&queue->jobs) < job->settings->max_queue) {
        g_queue_push_tail (&queue->jobs, job);
        desk->n_jobs++;
        is_taken = true;
        needs_runner = desk->n_runners < job->settings->n_verifiers;
        desk->n_runners += needs_runner;
    }
    pthread_mutex_unlock (&desk->lock);
    if (needs_runner) {
        start_runner (desk);
    }
    return is_taken;
}

unsigned
desk_depth (Desk *desk)
{
    pthread_mutex_lock (&desk->lock);
    unsigned n = desk->n_jobs;
    pthread_mutex_unlock (&desk->lock);
    return n;
}
