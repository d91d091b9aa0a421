/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits: seats, reservations, a queue and a list of holders under one leaf lock. */

#include "base/owner.h"

#include <tandem/resource.h>

#include <pthread.h>
#include <string.h>

enum {
    HOLDERS_BATCH = 64, /* so many ids are copied under the lock at once */
};

typedef enum {
    SEAT_NONE,
    SEAT_QUEUED,
    SEAT_GRANTED, /* counted as in use, its lane has not been told yet */
    SEAT_HELD,
    SEAT_REFUSED, /* out of the queue, its lane has not been told yet */
    SEAT_CURSOR,  /* no seat: a reader's mark in the list of holders */
} SeatState;

typedef struct {
    TdSeat *first, **end;
} SeatList;

typedef struct TdGrant TdGrant;

/* The news for a waiter, under way to its lane. Not a part of the seat, because the waiter may give
 * up, and be freed, while the news travels. Only the waiter's lane touches SEAT. */
struct TdGrant {
    TdPost post;
    TdSeat *seat; /* NULL: it gave up */
    TdLane *lane;
    TdGrant *next;
};

/* Grants to be posted once the lock is released. */
typedef struct {
    TdGrant *first, **end;
} GrantList;

/* The seats of all limits that one module has made under one name, in whichever generation. */
typedef struct {
    char *key;            /* "module name" */
    pthread_mutex_t lock; /* guards what follows, its limits, and the private part of their seats */
    TdLimit *in_force;    /* whose figures count; NULL: all are retired */
    unsigned n_limits;    /* none: about to be freed */
    unsigned ceiling[TD_N_CLASSES]; /* a seat of the class may not bring in_use above it */
    unsigned in_use;                /* units of the holders */
    unsigned n_holders, n_queued;
    uint64_t n_arrivals;
    SeatList holders;
    SeatList queues[TD_N_CLASSES];
} Pool;

/* What one generation of a module wants of its pool. */
struct TdLimit {
    TdOwned owned;
    Pool *pool;
    unsigned n_attached; /* seats and cursors that point here */
    bool is_retired;
    unsigned capacity, queue_length;
    unsigned reserved[TD_N_CLASSES];
    TdLimit *older; /* whose figures counted before and would again; NULL: nobody's */
};

/* Every pool by its key: a newer generation finds it here, or one that is started again. */
static struct {
    pthread_mutex_t lock; /* before a pool's, never the other way round */
    GHashTable *pools;    /* NULL when there are none */
} known = { PTHREAD_MUTEX_INITIALIZER, NULL };

static void
list_init (SeatList *list)
{
    list->first = NULL;
    list->end = &list->first;
}

/* Puts SEAT before the one that *LINK points to. */
static void
list_insert (SeatList *list, TdSeat **link, TdSeat *seat)
{
    seat->next = *link;
    seat->link = link;
    *link = seat;
    if (seat->next != NULL) {
        seat->next->link = &seat->next;
    } else {
        list->end = &seat->next;
    }
}

static void
list_remove (SeatList *list, TdSeat *seat)
{
    *seat->link = seat->next;
    if (seat->next != NULL) {
        seat->next->link = seat->link;
    } else {
        list->end = seat->link;
    }
    seat->next = NULL;
    seat->link = NULL;
}

static TdSeat *
list_last (SeatList *list)
{
    return list->first != NULL ? (TdSeat *) ((char *) list->end - offsetof (TdSeat, next)) : NULL;
}

static void
grants_add (GrantList *grants, TdGrant *grant)
{
    grant->next = NULL;
    *grants->end = grant;
    grants->end = &grant->next;
}

/* Posts what was collected under the lock. A grant may be gone as soon as it is posted. */
static void
grants_post (GrantList *grants)
{
    TdGrant *next;

    for (TdGrant *grant = grants->first; grant != NULL; grant = next) {
        next = grant->next;
        td_lane_post (grant->lane, &grant->post);
    }
}

static Pool *
pool_new (char *key)
{
    Pool *pool = g_new0 (Pool, 1);

    pool->key = key;
    pthread_mutex_init (&pool->lock, NULL);
    list_init (&pool->holders);
    for (unsigned i = 0; i < TD_N_CLASSES; i++) {
        list_init (&pool->queues[i]);
    }
    return pool;
}

static void
pool_free (Pool *pool)
{
    pthread_mutex_lock (&known.lock);
    /* Another one may have been made, and have gone, under its name meanwhile. */
    if (known.pools != NULL && g_hash_table_lookup (known.pools, pool->key) == pool) {
        g_hash_table_remove (known.pools, pool->key);
        if (g_hash_table_size (known.pools) == 0) {
            g_clear_pointer (&known.pools, g_hash_table_unref);
        }
    }
    pthread_mutex_unlock (&known.lock);
    pthread_mutex_destroy (&pool->lock);
    g_free (pool->key);
    g_free (pool);
}

/* The pool that MODULE has under NAME, locked, and with one limit more. */
static Pool *
pool_enter (const TdModule *module, const char *name)
{
    /* No module's name has a space, and none is empty, as the core's is here. */
    char *key = g_strdup_printf ("%s %s", module != NULL ? td_owner_of (module)->name : "", name);

    pthread_mutex_lock (&known.lock);
    if (known.pools == NULL) {
        known.pools = g_hash_table_new (g_str_hash, g_str_equal);
    }
    Pool *pool = g_hash_table_lookup (known.pools, key);
    if (pool != NULL) {
        pthread_mutex_lock (&pool->lock);
    }
    if (pool == NULL || pool->n_limits == 0) {
        if (pool != NULL) {
            pthread_mutex_unlock (&pool->lock); /* a lane has given its last seat back just now */
        }
        pool = pool_new (g_steal_pointer (&key));
        pthread_mutex_lock (&pool->lock);
        g_hash_table_replace (known.pools, pool->key, pool);
    }
    pool->n_limits++;
    pthread_mutex_unlock (&known.lock);
    g_free (key);
    return pool;
}

/* Releases the lock, and what nobody is left to need. */
static void
unlock_and_free_last (TdLimit *limit)
{
    Pool *pool = limit->pool;
    bool is_over = limit->is_retired && limit->n_attached == 0;
    bool is_last = is_over && --pool->n_limits == 0;

    pthread_mutex_unlock (&pool->lock);
    if (is_over) {
        g_free (limit);
    }
    if (is_last) {
        pool_free (pool);
    }
}

static void
compute_ceilings (Pool *pool)
{
    const TdLimit *limit = pool->in_force;
    uint64_t reserved_above = 0;

    for (unsigned i = TD_N_CLASSES; i-- > 0;) {
        bool is_open = limit != NULL && limit->capacity > reserved_above;
        pool->ceiling[i] = is_open ? limit->capacity - (unsigned) reserved_above : 0;
        reserved_above += limit != NULL ? limit->reserved[i] : 0;
    }
}

static bool
fits (const Pool *pool, const TdSeat *seat)
{
    return (uint64_t) pool->in_use + seat->units <= pool->ceiling[seat->seat_class];
}

/* Whether SEAT would not fit if nobody were there: it would keep everybody behind it waiting in
 * vain. A class that may take nothing at all waits for better times, as nobody behind it fits. */
static bool
is_too_heavy (const Pool *pool, const TdSeat *seat)
{
    unsigned ceiling = pool->ceiling[seat->seat_class];

    return ceiling > 0 && seat->units > ceiling;
}

static void
sit_down (Pool *pool, TdSeat *seat, SeatState state)
{
    list_insert (&pool->holders, pool->holders.end, seat);
    pool->n_holders++;
    pool->in_use += seat->units;
    seat->state = (uint8_t) state;
}

static void
stand_up (Pool *pool, TdSeat *seat)
{
    list_remove (&pool->holders, seat);
    pool->n_holders--;
    pool->in_use -= seat->units;
}

static void
leave_queue (Pool *pool, TdSeat *seat)
{
    list_remove (&pool->queues[seat->seat_class], seat);
    pool->n_queued--;
}

/* Seats waiters while the rule allows it. The first one that does not fit keeps those behind it
 * waiting, lighter ones as well: else it might wait for ever. */
static void
serve (Pool *pool, GrantList *grants)
{
    for (unsigned i = TD_N_CLASSES; pool->n_queued > 0 && i-- > 0;) {
        TdSeat *seat;
        while ((seat = pool->queues[i].first) != NULL) {
            if (!fits (pool, seat)) {
                return;
            }
            leave_queue (pool, seat);
            sit_down (pool, seat, SEAT_GRANTED);
            grants_add (grants, seat->grant);
        }
    }
}

static void
refuse (Pool *pool, TdSeat *seat, GrantList *grants)
{
    leave_queue (pool, seat);
    seat->state = SEAT_REFUSED;
    grants_add (grants, seat->grant);
}

/* Other figures are in force. Who waited through RETIRED (nullable) has lost. */
static void
apply (Pool *pool, const TdLimit *retired, GrantList *grants)
{
    compute_ceilings (pool);
    for (unsigned i = TD_N_CLASSES; pool->n_queued > 0 && i-- > 0;) {
        TdSeat *next;
        for (TdSeat *seat = pool->queues[i].first; seat != NULL; seat = next) {
            next = seat->next;
            if (pool->in_force == NULL || seat->limit == retired || is_too_heavy (pool, seat)) {
                refuse (pool, seat, grants);
            }
        }
    }
    serve (pool, grants);
}

static void
revoke_limit (TdOwned *owned)
{
    td_limit_retire ((TdLimit *) owned);
}

TdLimit *
td_limit_new (TdModule *module, const char *name, unsigned capacity, unsigned queue_length)
{
    GrantList grants = { NULL, &grants.first };
    TdLimit *limit = g_new0 (TdLimit, 1);
    Pool *pool = pool_enter (module, name);

    limit->pool = pool;
    limit->capacity = capacity;
    limit->queue_length = queue_length;
    limit->older = pool->in_force;
    pool->in_force = limit;
    apply (pool, NULL, &grants);
    pthread_mutex_unlock (&pool->lock);
    grants_post (&grants);
    limit->owned = (TdOwned){ .kind = "limit",
                              .name = strchr (pool->key, ' ') + 1,
                              .revoke = revoke_limit,
                              .is_lease = true };
    td_owner_add (td_owner_of (module), &limit->owned);
    return limit;
}

/* LIMIT's figures do not count any more, neither now nor when the newer ones are gone. */
static void
step_back (Pool *pool, const TdLimit *limit)
{
    TdLimit **link = &pool->in_force;

    while (*link != limit) {
        link = &(*link)->older;
    }
    *link = limit->older;
}

void
td_limit_retire (TdLimit *limit)
{
    GrantList grants = { NULL, &grants.first };
    Pool *pool = limit->pool;

    td_owner_remove (&limit->owned);
    pthread_mutex_lock (&pool->lock);
    if (!limit->is_retired) {
        bool was_in_force = pool->in_force == limit;
        limit->is_retired = true;
        step_back (pool, limit);
        if (was_in_force) {
            apply (pool, limit, &grants);
        }
    }
    unlock_and_free_last (limit);
    grants_post (&grants);
}

/* Releases the lock; what LIMIT wants has changed. */
static void
apply_and_unlock (TdLimit *limit)
{
    GrantList grants = { NULL, &grants.first };

    if (limit->pool->in_force == limit) {
        apply (limit->pool, NULL, &grants);
    }
    pthread_mutex_unlock (&limit->pool->lock);
    grants_post (&grants);
}

void
td_limit_set_capacity (TdLimit *limit, unsigned capacity)
{
    pthread_mutex_lock (&limit->pool->lock);
    limit->capacity = capacity;
    apply_and_unlock (limit);
}

void
td_limit_reserve (TdLimit *limit, unsigned seat_class, unsigned n_units)
{
    g_return_if_fail (seat_class < TD_N_CLASSES);
    pthread_mutex_lock (&limit->pool->lock);
    limit->reserved[seat_class] = n_units;
    apply_and_unlock (limit);
}

unsigned
td_limit_capacity (const TdLimit *limit)
{
    pthread_mutex_lock (&limit->pool->lock);
    const TdLimit *in_force = limit->pool->in_force;
    unsigned capacity = (in_force != NULL ? in_force : limit)->capacity;
    pthread_mutex_unlock (&limit->pool->lock);
    return capacity;
}

/* Reads one figure of POOL. */
static unsigned
peek (Pool *pool, const unsigned *figure)
{
    pthread_mutex_lock (&pool->lock);
    unsigned value = *figure;
    pthread_mutex_unlock (&pool->lock);
    return value;
}

unsigned
td_limit_in_use (const TdLimit *limit)
{
    return peek (limit->pool, &limit->pool->in_use);
}

unsigned
td_limit_queued (const TdLimit *limit)
{
    return peek (limit->pool, &limit->pool->n_queued);
}

static void
grant_free (TdGrant *grant)
{
    td_owner_unuse (td_owner_of (grant->post.owner));
    g_free (grant);
}

/* On the waiter's lane: the seat is its own now, or the queue is behind it. */
static void
run_grant (TdPost *post)
{
    TdGrant *grant = (TdGrant *) post;
    TdSeat *seat = grant->seat;

    if (seat != NULL) {
        TdLimit *limit = seat->limit;
        pthread_mutex_lock (&limit->pool->lock);
        bool is_granted = seat->state == SEAT_GRANTED;
        seat->grant = NULL;
        seat->state = is_granted ? SEAT_HELD : SEAT_NONE;
        if (!is_granted) {
            seat->limit = NULL;
            limit->n_attached--;
        }
        unlock_and_free_last (limit);
        (is_granted ? seat->granted : seat->refused) (seat);
    }
    grant_free (grant);
}

/* The same when the waiter's module has stopped. */
static void
drop_grant (TdPost *post)
{
    TdGrant *grant = (TdGrant *) post;

    if (grant->seat != NULL) {
        td_seat_give (grant->seat);
    }
    grant_free (grant);
}

/* A grant for SEAT. It holds a use of the waiter's module, whose code it will run. */
static TdGrant *
grant_new (TdSeat *seat)
{
    TdGrant *grant = g_new0 (TdGrant, 1);

    grant->post = (TdPost){ .owner = seat->owner, .run = run_grant, .drop = drop_grant };
    grant->seat = seat;
    grant->lane = td_lane_current ();
    td_owner_use (td_owner_of (seat->owner));
    return grant;
}

/* Whether there is a place in the queue for SEAT_CLASS. When it is full, the youngest of the lowest
 * class below has to go. */
static bool
make_room (Pool *pool, unsigned seat_class, GrantList *grants)
{
    unsigned queue_length = pool->in_force->queue_length;

    if (pool->n_queued < queue_length) {
        return true;
    }
    for (unsigned i = 0; queue_length > 0 && i < seat_class; i++) {
        TdSeat *last = list_last (&pool->queues[i]);
        if (last != NULL) {
            refuse (pool, last, grants);
            return true;
        }
    }
    return false;
}

/* Whether somebody of SEAT_CLASS or a higher one waits: who is light does not jump the queue. */
static bool
has_waiters (const Pool *pool, unsigned seat_class)
{
    for (unsigned i = TD_N_CLASSES; pool->n_queued > 0 && i-- > seat_class;) {
        if (pool->queues[i].first != NULL) {
            return true;
        }
    }
    return false;
}

/* The lock is held. */
static TdSeatResult
take (Pool *pool, TdSeat *seat, TdGrant *grant, GrantList *grants)
{
    SeatList *queue = &pool->queues[seat->seat_class];

    if (fits (pool, seat) && !has_waiters (pool, seat->seat_class)) {
        sit_down (pool, seat, SEAT_HELD);
        return TD_SEAT_GRANTED;
    }
    if (grant == NULL || is_too_heavy (pool, seat) || !make_room (pool, seat->seat_class, grants)) {
        return TD_SEAT_FULL;
    }
    list_insert (queue, queue->end, seat);
    pool->n_queued++;
    seat->arrival = pool->n_arrivals++;
    seat->grant = grant;
    seat->state = SEAT_QUEUED;
    return TD_SEAT_QUEUED;
}

TdSeatResult
td_seat_take (TdSeat *seat, TdLimit *limit, unsigned seat_class, bool may_queue)
{
    GrantList grants = { NULL, &grants.first };

    g_return_val_if_fail (seat->limit == NULL, TD_SEAT_FULL);
    g_return_val_if_fail (seat_class < TD_N_CLASSES, TD_SEAT_FULL);
    g_return_val_if_fail (!may_queue || (seat->granted != NULL && seat->refused != NULL),
                          TD_SEAT_FULL);
    g_return_val_if_fail (!may_queue || td_lane_current () != NULL, TD_SEAT_FULL);

    Pool *pool = limit->pool;
    TdGrant *grant = may_queue ? grant_new (seat) : NULL;
    seat->seat_class = (uint8_t) seat_class;
    seat->units = MAX (seat->weight, 1);
    pthread_mutex_lock (&pool->lock);
    TdSeatResult result = limit->is_retired ? TD_SEAT_FULL : take (pool, seat, grant, &grants);
    if (result != TD_SEAT_FULL) {
        seat->limit = limit;
        limit->n_attached++;
    }
    pthread_mutex_unlock (&pool->lock);
    grants_post (&grants);
    if (grant != NULL && result != TD_SEAT_QUEUED) {
        grant_free (grant);
    }
    return result;
}

void
td_seat_raise (TdSeat *seat, unsigned seat_class)
{
    GrantList grants = { NULL, &grants.first };
    TdLimit *limit = seat->limit;

    g_return_if_fail (seat_class < TD_N_CLASSES);
    if (limit == NULL || seat_class <= seat->seat_class) {
        return;
    }
    Pool *pool = limit->pool;
    pthread_mutex_lock (&pool->lock);
    if (seat->state == SEAT_QUEUED) {
        SeatList *queue = &pool->queues[seat_class];
        TdSeat **link = &queue->first;
        while (*link != NULL && (*link)->arrival < seat->arrival) {
            link = &(*link)->next;
        }
        list_remove (&pool->queues[seat->seat_class], seat);
        list_insert (queue, link, seat);
    }
    seat->seat_class = (uint8_t) seat_class;
    if (seat->state == SEAT_QUEUED && is_too_heavy (pool, seat)) {
        refuse (pool, seat, &grants);
    }
    serve (pool, &grants);
    pthread_mutex_unlock (&pool->lock);
    grants_post (&grants);
}

void
td_seat_give (TdSeat *seat)
{
    GrantList grants = { NULL, &grants.first };
    TdLimit *limit = seat->limit;
    TdGrant *unused = NULL;

    if (limit == NULL) {
        return;
    }
    Pool *pool = limit->pool;
    pthread_mutex_lock (&pool->lock);
    if (seat->state == SEAT_QUEUED) {
        leave_queue (pool, seat);
        unused = seat->grant;
    } else if (seat->state != SEAT_REFUSED) {
        stand_up (pool, seat);
    }
    serve (pool, &grants);
    if (seat->grant != NULL) {
        seat->grant->seat = NULL; /* the news will find nobody */
    }
    seat->grant = NULL;
    seat->limit = NULL;
    seat->state = SEAT_NONE;
    limit->n_attached--;
    unlock_and_free_last (limit);
    grants_post (&grants);
    if (unused != NULL) {
        grant_free (unused);
    }
}

typedef struct {
    TdId holder;
    uint8_t seat_class;
} Holder;

/* Copies up to MAX holders behind CURSOR and moves CURSOR behind them. */
static unsigned
copy_holders (Pool *pool, TdSeat *cursor, Holder *holders, unsigned max)
{
    unsigned n = 0;

    pthread_mutex_lock (&pool->lock);
    TdSeat *seat = cursor->next;
    for (; seat != NULL && n < max; seat = seat->next) {
        if (seat->state != SEAT_CURSOR) {
            holders[n++] = (Holder){ seat->holder, seat->seat_class };
        }
    }
    list_remove (&pool->holders, cursor);
    list_insert (&pool->holders, seat != NULL ? seat->link : pool->holders.end, cursor);
    pthread_mutex_unlock (&pool->lock);
    return n;
}

void
td_limit_holders (TdLimit *limit, bool (*visit) (TdId holder, unsigned seat_class, void *data),
                  void *data)
{
    Pool *pool = limit->pool;
    TdSeat cursor = { .state = SEAT_CURSOR };
    Holder holders[HOLDERS_BATCH];
    bool is_wanted = true;
    unsigned n;

    pthread_mutex_lock (&pool->lock);
    unsigned n_left = pool->n_holders; /* who comes later is not waited for */
    list_insert (&pool->holders, &pool->holders.first, &cursor);
    limit->n_attached++;
    pthread_mutex_unlock (&pool->lock);

    while (is_wanted && n_left > 0
           && (n = copy_holders (pool, &cursor, holders, MIN (n_left, HOLDERS_BATCH))) > 0) {
        n_left -= n;
        for (unsigned i = 0; is_wanted && i < n; i++) {
            is_wanted = visit (holders[i].holder, holders[i].seat_class, data);
        }
    }

    pthread_mutex_lock (&pool->lock);
    list_remove (&pool->holders, &cursor);
    limit->n_attached--;
    unlock_and_free_last (limit);
}
