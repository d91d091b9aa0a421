/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event bus: who hears what, and how a fact gets there.
 *
 * Each topic holds an array of its hearers that never changes: publishing is one atomic load and a
 * loop. A subscription that comes or goes makes new arrays; the old ones, and the subscription, are
 * freed after a sweep of the lanes, when nobody can be reading them.
 */

#include "run/bus.h"

#include "base/owner.h"
#include "run/topic.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <tandem/log.h>

enum {
    INLINE_BUDGET_US = 100,
    FACTS_PER_TURN = 64, /* of one queued subscription */
};

struct TdHearers {
    unsigned n;
    TdSubscription *subscriptions[];
};

/* A copied fact that waits, and how many were dropped right before it. */
typedef struct {
    TdFact *fact;
    uint64_t n_dropped_before;
} Waiting;

/* What a queued subscription has more than an inline one. */
typedef struct {
    TdSubscription *subscription;
    pthread_mutex_t lock;
    Waiting *ring;
    unsigned capacity, first, length;
    uint64_t n_dropped; /* since the last fact that fitted */
    bool is_posted;
    TdPost post;
    TdLane *lane;
    void (*gap) (uint64_t n_dropped, void *data);
} Queue;

struct TdSubscription {
    TdOwned owned; /* first */
    TdModule *module;
    char **patterns;
    char *patterns_text;
    void (*hear) (const TdFact *fact, void *data);
    void *data;
    Queue *queue; /* NULL: inline */
    atomic_ullong n_dropped, n_overruns;
    atomic_int n_refs; /* ours, and the post's while it is under way */
    atomic_bool is_over;
};

static struct {
    char *node;
    unsigned boot;
    pthread_mutex_t lock; /* guards the subscriptions, and who hears what */
    GPtrArray *subscriptions;
} bus = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* --- Who hears what ---------------------------------------------------------------------- */

static bool
is_match (const char *pattern, const char *name)
{
    size_t len = strlen (pattern);

    if (len > 0 && pattern[len - 1] == '*') {
        return strncmp (pattern, name, len - 1) == 0;
    }
    return strcmp (pattern, name) == 0;
}

bool
td_topic_matches (const TdTopic *topic, const char *pattern)
{
    return is_match (pattern, td_topic_name (topic));
}

static bool
wants (const TdSubscription *subscription, const char *name)
{
    for (char **pattern = subscription->patterns; *pattern != NULL; pattern++) {
        if (is_match (*pattern, name)) {
            return true;
        }
    }
    return false;
}

static void
no_visit (TdLane *lane, void *data)
{
}

/* Frees DATA once every lane has been through a turn. */
static void
free_after_sweep (void *data, void (*free_func) (void *data))
{
    td_lane_sweep (NULL, no_visit, free_func, free_func, data);
}

/* Gives TOPIC its hearers of now. Needs the lock. */
static void
gather_hearers (TdTopic *topic)
{
    TdHearers *hearers =
        g_malloc (sizeof (TdHearers) + bus.subscriptions->len * sizeof (TdSubscription *));

    hearers->n = 0;
    for (unsigned i = 0; i < bus.subscriptions->len; i++) {
        TdSubscription *subscription = bus.subscriptions->pdata[i];
        if (wants (subscription, topic->decl.name)) {
            hearers->subscriptions[hearers->n++] = subscription;
        }
    }
    TdHearers *old = atomic_exchange (&topic->hearers, hearers);
    if (old != NULL) {
        free_after_sweep (old, g_free);
    }
}

static void
topic_declared (TdTopic *topic)
{
    pthread_mutex_lock (&bus.lock);
    gather_hearers (topic);
    pthread_mutex_unlock (&bus.lock);
}

bool
td_topic_is_heard (const TdTopic *topic)
{
    TdHearers *hearers = atomic_load_explicit (&topic->hearers, memory_order_acquire);
    return hearers != NULL && hearers->n > 0;
}

/* --- Publishing -------------------------------------------------------------------------- */

static void
note_overrun (TdSubscription *subscription, const TdFact *fact, int64_t took_us)
{
    atomic_fetch_add (&subscription->n_overruns, 1);
    td_log_peer (subscription->module, "bus.overrun", fact->topic->decl.name, NULL,
                 "its inline subscriber took %" G_GINT64_FORMAT " us of the %d us it has", took_us,
                 INLINE_BUDGET_US);
}

static void subscription_unref (TdSubscription *subscription);

/* Puts a copy of FACT into the ring, or counts it as dropped; posts when nobody is on the way. */
static void
enqueue (TdSubscription *subscription, const TdFact *fact)
{
    Queue *queue = subscription->queue;
    bool must_post = false;

    pthread_mutex_lock (&queue->lock);
    if (queue->length == queue->capacity) {
        queue->n_dropped++;
        atomic_fetch_add (&subscription->n_dropped, 1);
    } else {
        unsigned last = (queue->first + queue->length++) % queue->capacity;
        queue->ring[last] = (Waiting){ td_fact_copy (fact), queue->n_dropped };
        queue->n_dropped = 0;
        must_post = !queue->is_posted;
        queue->is_posted = true;
    }
    pthread_mutex_unlock (&queue->lock);
    if (must_post) {
        atomic_fetch_add (&subscription->n_refs, 1);
        td_lane_post (queue->lane, &queue->post);
    }
}

static void
tell (TdSubscription *subscription, const TdFact *fact)
{
    if (atomic_load_explicit (&subscription->is_over, memory_order_acquire)) {
        return;
    }
    if (subscription->queue != NULL) {
        enqueue (subscription, fact);
        return;
    }
    int64_t began_us = g_get_monotonic_time ();
    subscription->hear (fact, subscription->data);
    int64_t took_us = g_get_monotonic_time () - began_us;
    if (took_us > INLINE_BUDGET_US) {
        note_overrun (subscription, fact, took_us);
    }
}

void
td_bus_publish (TdTopic *topic, TdId call, uint32_t *sequence, uint8_t priority_class,
                const void *body)
{
    TdHearers *hearers = atomic_load_explicit (&topic->hearers, memory_order_acquire);
    TdFact fact = {
        .topic = topic,
        .node = bus.node,
        .boot = bus.boot,
        .sequence = sequence != NULL ? ++*sequence : atomic_fetch_add (&topic->sequence, 1) + 1,
        .call = call,
        .wall_us = td_clock_wall_us (),
        .monotonic_us = td_clock_now_us (),
        .priority_class = priority_class,
        .body = body,
    };

    for (unsigned i = 0; hearers != NULL && i < hearers->n; i++) {
        tell (hearers->subscriptions[i], &fact);
    }
}

/* --- Subscriptions ----------------------------------------------------------------------- */

/* Takes the next fact out of the ring; NULL, with nobody posted any more, when there is none. */
static TdFact *
dequeue (Queue *queue, uint64_t *ret_n_dropped)
{
    TdFact *fact = NULL;

    pthread_mutex_lock (&queue->lock);
    if (queue->length == 0) {
        queue->is_posted = false;
    } else {
        Waiting *waiting = &queue->ring[queue->first];
        fact = g_steal_pointer (&waiting->fact);
        *ret_n_dropped = waiting->n_dropped_before;
        queue->first = (queue->first + 1) % queue->capacity;
        queue->length--;
    }
    pthread_mutex_unlock (&queue->lock);
    return fact;
}

static TdSubscription *
subscription_of (TdPost *post)
{
    return ((Queue *) ((char *) post - offsetof (Queue, post)))->subscription;
}

static void
run_queue (TdPost *post)
{
    TdSubscription *subscription = subscription_of (post);
    Queue *queue = subscription->queue;

    for (unsigned i = 0; i < FACTS_PER_TURN; i++) {
        uint64_t n_dropped;
        g_autoptr (TdFact) fact = dequeue (queue, &n_dropped);
        if (fact == NULL) {
            subscription_unref (subscription);
            return;
        }
        if (atomic_load (&subscription->is_over)) {
            continue;
        }
        if (n_dropped > 0 && queue->gap != NULL) {
            queue->gap (n_dropped, subscription->data);
        }
        subscription->hear (fact, subscription->data);
    }
    td_lane_post (queue->lane, post);
}

static void
drop_queue (TdPost *post)
{
    subscription_unref (subscription_of (post));
}

static void
queue_free (Queue *queue)
{
    for (unsigned i = 0; i < queue->length; i++) {
        td_fact_free (queue->ring[(queue->first + i) % queue->capacity].fact);
    }
    g_free (queue->ring);
    pthread_mutex_destroy (&queue->lock);
    g_free (queue);
}

static void
subscription_unref (TdSubscription *subscription)
{
    if (atomic_fetch_sub (&subscription->n_refs, 1) > 1) {
        return;
    }
    g_clear_pointer (&subscription->queue, queue_free);
    g_strfreev (subscription->patterns);
    g_free (subscription->patterns_text);
    g_free (subscription);
}

static void
subscription_release (void *data)
{
    subscription_unref (data);
}

static void
end_subscription (TdSubscription *subscription)
{
    atomic_store (&subscription->is_over, true);
    pthread_mutex_lock (&bus.lock);
    g_ptr_array_remove (bus.subscriptions, subscription);
    td_topics_each_version (gather_hearers);
    pthread_mutex_unlock (&bus.lock);
    free_after_sweep (subscription, subscription_release);
}

static void
revoke_subscription (TdOwned *owned)
{
    end_subscription ((TdSubscription *) owned);
}

void
td_bus_unsubscribe (TdSubscription *subscription)
{
    if (subscription != NULL) {
        td_owner_remove (&subscription->owned);
        end_subscription (subscription);
    }
}

static TdSubscription *
subscribe (TdModule *module, const char *const *topics, Queue *queue,
           void (*hear) (const TdFact *fact, void *data), void *data)
{
    TdSubscription *subscription = g_new0 (TdSubscription, 1);

    subscription->module = module;
    subscription->patterns = g_strdupv ((char **) topics);
    subscription->patterns_text = g_strjoinv (" ", subscription->patterns);
    subscription->hear = hear;
    subscription->data = data;
    subscription->queue = queue;
    if (queue != NULL) {
        queue->subscription = subscription;
    }
    atomic_init (&subscription->n_refs, 1);
    subscription->owned = (TdOwned){ .kind = "subscription",
                                     .name = subscription->patterns_text,
                                     .revoke = revoke_subscription };
    td_owner_add (td_owner_of (module), &subscription->owned);
    pthread_mutex_lock (&bus.lock);
    g_ptr_array_add (bus.subscriptions, subscription);
    td_topics_each_version (gather_hearers);
    pthread_mutex_unlock (&bus.lock);
    return subscription;
}

TdSubscription *
td_bus_subscribe (TdModule *module, const char *const *topics,
                  void (*hear) (const TdFact *fact, void *data), void *data)
{
    return subscribe (module, topics, NULL, hear, data);
}

TdSubscription *
td_bus_subscribe_queued (TdModule *module, const char *const *topics, TdLane *lane,
                         unsigned capacity, void (*hear) (const TdFact *fact, void *data),
                         void (*gap) (uint64_t n_dropped, void *data), void *data)
{
    g_return_val_if_fail (capacity >= 1 && capacity <= 65536, NULL);

    Queue *queue = g_new0 (Queue, 1);
    pthread_mutex_init (&queue->lock, NULL);
    queue->ring = g_new0 (Waiting, capacity);
    queue->capacity = capacity;
    queue->lane = lane;
    queue->gap = gap;
    queue->post = (TdPost){ .owner = module, .run = run_queue, .drop = drop_queue };
    return subscribe (module, topics, queue, hear, data);
}

void
td_subscriptions_each (void (*visit) (const char *owner, const char *topics, uint64_t n_dropped,
                                      uint64_t n_overruns, void *data),
                       void *data)
{
    for (unsigned i = 0; i < bus.subscriptions->len; i++) {
        TdSubscription *subscription = bus.subscriptions->pdata[i];
        visit (td_owner_of (subscription->module)->name, subscription->patterns_text,
               atomic_load (&subscription->n_dropped), atomic_load (&subscription->n_overruns),
               data);
    }
}

/* --- Life -------------------------------------------------------------------------------- */

uint32_t
td_bus_boot (void)
{
    return bus.boot;
}

void
td_bus_open (const char *node, unsigned boot)
{
    bus.node = g_strdup (node);
    bus.boot = boot;
    td_topics_open (topic_declared);
    bus.subscriptions = g_ptr_array_new ();
}

void
td_bus_close (void)
{
    for (unsigned i = 0; i < bus.subscriptions->len; i++) {
        TdSubscription *subscription = bus.subscriptions->pdata[i];
        td_owner_remove (&subscription->owned);
        subscription_unref (subscription);
    }
    g_clear_pointer (&bus.subscriptions, g_ptr_array_unref);
    td_topics_close ();
    g_clear_pointer (&bus.node, g_free);
}
