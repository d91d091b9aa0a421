/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The threads for work that blocks: what is ready, what waits for its key, and the way back. */

#include "run/worker.h"

#include "base/owner.h"
#include "base/spawn.h"
#include "run/lane-inside.h"

#include <tandem/log.h>
#include <tandem/metric.h>
#include <tandem/priority.h>

#include <stdio.h>

enum {
    N_OPEN = 4,             /* for everything */
    N_THREADS = N_OPEN + 1, /* the last one is kept for calls with a priority */
};

/* Pieces of work in the order they were started. */
typedef struct {
    TdWork *first, **last;
} WorkList;

/* A key that is in use: one piece is ready or under way, the others wait here. */
typedef struct {
    char *name;
    WorkList waiting;
} Key;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_ready = PTHREAD_COND_INITIALIZER;    /* who does everything waits here */
static pthread_cond_t has_priority = PTHREAD_COND_INITIALIZER; /* who is kept waits here */

/* What may begin, in the order in which it is begun. */
typedef enum {
    READY_PRIORITY,
    READY_ORDINARY,
    N_READY,
} Readiness;

/* Guarded by the lock: */
static WorkList ready[N_READY];
static unsigned n_ready[N_READY];
static GHashTable *keys; /* name -> Key */
static bool is_closing;
static pthread_t threads[N_THREADS];
static unsigned n_threads;

/* Set while nothing else runs: */
static bool is_fake;
static TdMetric *waiting_metric, *works_metric;

static void
init_list (WorkList *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void
append (WorkList *list, TdWork *work)
{
    work->next = NULL;
    *list->last = work;
    list->last = &work->next;
}

/* Takes out what LINK points at. */
static TdWork *
take (WorkList *list, TdWork **link)
{
    TdWork *work = *link;

    *link = work->next;
    if (*link == NULL) {
        list->last = link;
    }
    work->next = NULL;
    return work;
}

static Readiness
readiness_of (const TdWork *work)
{
    return work->priority_class > TD_CLASS_ORDINARY ? READY_PRIORITY : READY_ORDINARY;
}

/* Needs the lock. */
static void
make_ready_locked (TdWork *work)
{
    Readiness readiness = readiness_of (work);

    append (&ready[readiness], work);
    n_ready[readiness]++;
    pthread_cond_signal (&has_ready);
    if (readiness == READY_PRIORITY) {
        pthread_cond_signal (&has_priority);
    }
}

/* Which list is next, N_READY when there is nothing. Needs the lock. */
static Readiness
next_ready_locked (void)
{
    return n_ready[READY_PRIORITY] > 0   ? READY_PRIORITY
           : n_ready[READY_ORDINARY] > 0 ? READY_ORDINARY
                                         : N_READY;
}

/* Takes of the list that is next, which has it, the work with INDEX, oldest first. Needs the lock. */
static TdWork *
take_ready_locked (unsigned index)
{
    Readiness readiness = next_ready_locked ();
    TdWork **link = &ready[readiness].first;

    while (index-- > 0) {
        link = &(*link)->next;
    }
    n_ready[readiness]--;
    return take (&ready[readiness], link);
}

static void
free_key (void *data)
{
    Key *key = data;

    g_free (key->name);
    g_free (key);
}

/* The key of WORK, or NULL. Needs the lock. */
static Key *
find_key_locked (const TdWork *work)
{
    return work->queue != NULL ? g_hash_table_lookup (keys, work->queue) : NULL;
}

/* What had KEY (nullable) is over or will not be done: the next one has its turn. Needs the lock. */
static void
pass_on_locked (Key *key)
{
    if (key == NULL) {
        return;
    }
    if (key->waiting.first != NULL) {
        make_ready_locked (take (&key->waiting, &key->waiting.first));
    } else {
        g_hash_table_remove (keys, key->name);
    }
}

static TdWork *
work_of (TdPost *post)
{
    return (TdWork *) ((char *) post - offsetof (TdWork, post));
}

static void
bring_back (TdPost *post)
{
    TdWork *work = work_of (post);

    work->done (work);
}

static void
drop_back (TdPost *post)
{
    TdWork *work = work_of (post);

    if (work->drop != NULL) {
        work->drop (work);
    }
}

/* Sends WORK to the lane that started it, there to be done with or dropped. */
static void
send_back (TdWork *work, void (*run) (TdPost *post))
{
    TdModule *owner = work->owner;

    work->post = (TdPost){ owner, run, drop_back, NULL };
    td_lane_post (work->origin, &work->post);
    /* The post holds a use of its own by now. */
    if (owner != NULL) {
        td_owner_unuse (td_owner_of (owner));
    }
}

/* Does WORK, which holds KEY (nullable). Its answer is on the way before the next of its key may
 * begin, so that answers keep the order, too. */
static void
do_work (TdWork *work, Key *key)
{
    td_metric_add (waiting_metric, -1);
    td_metric_add (works_metric, 1);
    if (!td_owner_is_stopped (work->owner)) {
        work->run (work);
    }
    send_back (work, bring_back);
    pthread_mutex_lock (&lock);
    pass_on_locked (key);
    pthread_mutex_unlock (&lock);
}

/* Waits for what this thread may begin, or for the end. Needs the lock. */
static void
await_ready_locked (bool is_kept)
{
    Readiness last = is_kept ? READY_PRIORITY : READY_ORDINARY;

    while (next_ready_locked () > last && !is_closing) {
        pthread_cond_wait (is_kept ? &has_priority : &has_ready, &lock);
    }
}

/* DATA: not NULL for the one that is kept. */
static void *
run_thread (void *data)
{
    pthread_mutex_lock (&lock);
    while (true) {
        await_ready_locked (data != NULL);
        if (is_closing) {
            break;
        }
        TdWork *work = take_ready_locked (0);
        Key *key = find_key_locked (work);
        pthread_mutex_unlock (&lock);
        do_work (work, key);
        pthread_mutex_lock (&lock);
    }
    pthread_mutex_unlock (&lock);
    return NULL;
}

/* Starts as many threads as the kernel grants; one is enough to go on, and with none the next work
 * tries again. Needs the lock. */
static void
start_threads_locked (void)
{
    int error = 0;

    while (n_threads < N_THREADS && error == 0) {
        char name[16];
        error = td_spawn (&threads[n_threads], run_thread, n_threads < N_OPEN ? NULL : threads);
        if (error == 0) {
            snprintf (name, sizeof name, "worker-%u", n_threads);
            pthread_setname_np (threads[n_threads], name);
            n_threads++;
        }
    }
    if (error != 0) {
        td_log_error (NULL, "workers",
                      "%u of %d threads could be started: %s; what blocks waits "
                      "longer: raise the limit of tasks",
                      n_threads, N_THREADS, g_strerror (error));
    }
}

/* Needs the lock. */
static void
start_locked (TdWork *work)
{
    Key *key = find_key_locked (work);

    if (key != NULL) {
        append (&key->waiting, work);
    } else {
        if (work->queue != NULL) {
            key = g_new (Key, 1);
            key->name = g_strdup (work->queue);
            init_list (&key->waiting);
            g_hash_table_insert (keys, key->name, key);
        }
        make_ready_locked (work);
    }
    if (n_threads == 0 && !is_fake) {
        start_threads_locked ();
    }
}

void
td_work_start (TdWork *work)
{
    g_return_if_fail (td_lane_here != NULL);
    g_return_if_fail (work->run != NULL && work->done != NULL);
    work->origin = td_lane_here;
    if (work->owner != NULL) {
        td_owner_use (td_owner_of (work->owner));
    }
    pthread_mutex_lock (&lock);
    bool is_refused = is_closing;
    if (!is_refused) {
        td_metric_add (waiting_metric, 1);
        start_locked (work);
    }
    pthread_mutex_unlock (&lock);
    if (is_refused) {
        send_back (work, drop_back);
    }
}

static void
declare_metrics (void)
{
    static const TdMetricDecl waiting = {
        .size = sizeof waiting,
        .kind = TD_METRIC_GAUGE,
        .name = "tandem_worker_waiting",
        .help = "Pieces of blocking work that wait for a thread or for their key.",
    };
    static const TdMetricDecl works = {
        .size = sizeof works,
        .kind = TD_METRIC_COUNTER,
        .name = "tandem_worker_works_total",
        .help = "Pieces of blocking work that a thread began.",
    };

    waiting_metric = td_metric_declare (NULL, &waiting);
    works_metric = td_metric_declare (NULL, &works);
}

void
td_workers_open (bool fake)
{
    declare_metrics ();
    is_fake = fake;
    is_closing = false;
    for (unsigned i = 0; i < N_READY; i++) {
        init_list (&ready[i]);
    }
    keys = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, free_key);
}

/* Moves from LIST to GONE the work of OWNER, or all when IS_ALL. Returns how many. */
static unsigned
pick (WorkList *list, const TdModule *owner, bool is_all, WorkList *gone)
{
    unsigned n_picked = 0;
    TdWork **link = &list->first;

    while (*link != NULL) {
        if (is_all || (*link)->owner == owner) {
            append (gone, take (list, link));
            n_picked++;
        } else {
            link = &(*link)->next;
        }
    }
    return n_picked;
}

/* Takes out what has not begun. Needs the lock. */
static unsigned
pick_all_locked (const TdModule *owner, bool is_all, WorkList *gone)
{
    unsigned n_waiting = 0;
    WorkList unready;
    GHashTableIter iter;
    void *key;

    g_hash_table_iter_init (&iter, keys);
    while (g_hash_table_iter_next (&iter, NULL, &key)) {
        n_waiting += pick (&((Key *) key)->waiting, owner, is_all, gone);
    }
    init_list (&unready);
    unsigned n_unready = 0;
    for (unsigned i = 0; i < N_READY; i++) {
        unsigned n_picked = pick (&ready[i], owner, is_all, &unready);
        n_ready[i] -= n_picked;
        n_unready += n_picked;
    }
    while (unready.first != NULL) {
        TdWork *work = take (&unready, &unready.first);
        pass_on_locked (find_key_locked (work));
        append (gone, work);
    }
    return n_waiting + n_unready;
}

static unsigned
drop_waiting (const TdModule *owner, bool is_all)
{
    WorkList gone;

    init_list (&gone);
    pthread_mutex_lock (&lock);
    unsigned n_gone = pick_all_locked (owner, is_all, &gone);
    pthread_mutex_unlock (&lock);
    td_metric_add (waiting_metric, -(int64_t) n_gone);
    while (gone.first != NULL) {
        send_back (take (&gone, &gone.first), drop_back);
    }
    return n_gone;
}

unsigned
td_workers_revoke (const TdModule *owner)
{
    return drop_waiting (owner, false);
}

void
td_workers_close (void)
{
    pthread_mutex_lock (&lock);
    is_closing = true;
    unsigned n_running = n_threads;
    pthread_cond_broadcast (&has_ready);
    pthread_cond_broadcast (&has_priority);
    pthread_mutex_unlock (&lock);
    for (unsigned i = 0; i < n_running; i++) {
        pthread_join (threads[i], NULL);
    }
    n_threads = 0;
    drop_waiting (NULL, true);
    g_clear_pointer (&keys, g_hash_table_unref);
}

unsigned
td_workers_n_ready (void)
{
    pthread_mutex_lock (&lock);
    Readiness next = next_ready_locked ();
    unsigned n = next < N_READY ? n_ready[next] : 0;
    pthread_mutex_unlock (&lock);
    return n;
}

void
td_workers_step (unsigned index)
{
    pthread_mutex_lock (&lock);
    Readiness next = next_ready_locked ();
    if (next == N_READY || index >= n_ready[next]) {
        pthread_mutex_unlock (&lock);
        return;
    }
    TdWork *work = take_ready_locked (index);
    Key *key = find_key_locked (work);
    pthread_mutex_unlock (&lock);
    TdLane *lane = td_lane_here;
    td_lane_here = NULL;
    do_work (work, key);
    td_lane_here = lane;
}
