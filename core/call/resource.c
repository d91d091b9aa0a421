/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Limits: seats, reservations, a queue and a list of holders under one leaf lock. */

#include "base/owner.h"

#include <tandem/resource.h>

#include <pthread.h>

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

struct TdLimit {
    TdOwned owned;
    char *name;
    pthread_mutex_t lock; /* guards what follows, and the private part of every seat attached */
    unsigned capacity, queue_length;
    unsigned reserved[TD_N_CLASSES];
    unsigned ceiling[TD_N_CLASSES]; /* a seat of the class may not bring in_use above it */
    unsigned in_use;                /* units of the holders */
    unsigned n_holders, n_queued;
    unsigned n_attached; /* seats and cursors that point here */
    uint64_t n_arrivals;
    bool is_retired;
    SeatList holders;
    SeatList queues[TD_N_CLASSES];
};

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

static void
limit_free (TdLimit *limit)
{
    pthread_mutex_destroy (&limit->lock);
    g_free (limit->name);
    g_free (limit);
}

/* Releases the lock, and the limit when nobody is left to need it. */
static void
unlock_and_free_last (TdLimit *limit)
{
    bool is_last = limit->is_retired && limit->n_attached == 0;

    pthread_mutex_unlock (&limit->lock);
    if (is_last) {
        limit_free (limit);
    }
}

static void
compute_ceilings (TdLimit *limit)
{
    uint64_t reserved_above = 0;

    for (unsigned i = TD_N_CLASSES; i-- > 0;) {
        bool is_open = !limit->is_retired && limit->capacity > reserved_above;
        limit->ceiling[i] = is_open ? limit->capacity - (unsigned) reserved_above : 0;
        reserved_above += limit->reserved[i];
    }
}

static bool
fits (const TdLimit *limit, const TdSeat *seat)
{
    return (uint64_t) limit->in_use + seat->units <= limit->ceiling[seat->seat_class];
}

/* Whether SEAT would not fit if nobody were there: it would keep everybody behind it waiting in
 * vain. A class that may take nothing at all waits for better times, as nobody behind it fits. */
static bool
is_too_heavy (const TdLimit *limit, const TdSeat *seat)
{
    unsigned ceiling = limit->ceiling[seat->seat_class];

    return ceiling > 0 && seat->units > ceiling;
}

static void
sit_down (TdLimit *limit, TdSeat *seat, SeatState state)
{
    list_insert (&limit->holders, limit->holders.end, seat);
    limit->n_holders++;
    limit->in_use += seat->units;
    seat->state = (uint8_t) state;
}

static void
stand_up (TdLimit *limit, TdSeat *seat)
{
    list_remove (&limit->holders, seat);
    limit->n_holders--;
    limit->in_use -= seat->units;
}

static void
leave_queue (TdLimit *limit, TdSeat *seat)
{
    list_remove (&limit->queues[seat->seat_class], seat);
    limit->n_queued--;
}

/* Seats waiters while the rule allows it. The first one that does not fit keeps those behind it
 * waiting, lighter ones as well: else it might wait for ever. */
static void
serve (TdLimit *limit, GrantList *grants)
{
    for (unsigned i = TD_N_CLASSES; limit->n_queued > 0 && i-- > 0;) {
        TdSeat *seat;
        while ((seat = limit->queues[i].first) != NULL) {
            if (!fits (limit, seat)) {
                return;
            }
            leave_queue (limit, seat);
            sit_down (limit, seat, SEAT_GRANTED);
            grants_add (grants, seat->grant);
        }
    }
}

static void
refuse (TdLimit *limit, TdSeat *seat, GrantList *grants)
{
    leave_queue (limit, seat);
    seat->state = SEAT_REFUSED;
    grants_add (grants, seat->grant);
}

/* Figures of LIMIT have changed. */
static void
apply (TdLimit *limit, GrantList *grants)
{
    compute_ceilings (limit);
    for (unsigned i = TD_N_CLASSES; limit->n_queued > 0 && i-- > 0;) {
        TdSeat *next;
        for (TdSeat *seat = limit->queues[i].first; seat != NULL; seat = next) {
            next = seat->next;
            if (limit->is_retired || is_too_heavy (limit, seat)) {
                refuse (limit, seat, grants);
            }
        }
    }
    serve (limit, grants);
}

static void
revoke_limit (TdOwned *owned)
{
    td_limit_retire ((TdLimit *) owned);
}

TdLimit *
td_limit_new (TdModule *module, const char *name, unsigned capacity, unsigned queue_length)
{
    TdLimit *limit = g_new0 (TdLimit, 1);

    limit->name = g_strdup (name);
    pthread_mutex_init (&limit->lock, NULL);
    limit->capacity = capacity;
    limit->queue_length = queue_length;
    list_init (&limit->holders);
    for (unsigned i = 0; i < TD_N_CLASSES; i++) {
        list_init (&limit->queues[i]);
    }
    compute_ceilings (limit);
    limit->owned = (TdOwned){ .kind = "limit", .name = limit->name, .revoke = revoke_limit };
    td_owner_add (td_owner_of (module), &limit->owned);
    return limit;
}

void
td_limit_retire (TdLimit *limit)
{
    GrantList grants = { NULL, &grants.first };

    td_owner_remove (&limit->owned);
    pthread_mutex_lock (&limit->lock);
    limit->is_retired = true;
    apply (limit, &grants);
    unlock_and_free_last (limit);
    grants_post (&grants);
}

void
td_limit_set_capacity (TdLimit *limit, unsigned capacity)
{
    GrantList grants = { NULL, &grants.first };

    pthread_mutex_lock (&limit->lock);
    limit->capacity = capacity;
    apply (limit, &grants);
    pthread_mutex_unlock (&limit->lock);
    grants_post (&grants);
}

void
td_limit_reserve (TdLimit *limit, unsigned seat_class, unsigned n_units)
{
    GrantList grants = { NULL, &grants.first };

    g_return_if_fail (seat_class < TD_N_CLASSES);
    pthread_mutex_lock (&limit->lock);
    limit->reserved[seat_class] = n_units;
    apply (limit, &grants);
    pthread_mutex_unlock (&limit->lock);
    grants_post (&grants);
}

/* Reads one figure of LIMIT. */
static unsigned
peek (const TdLimit *limit, const unsigned *figure)
{
    TdLimit *mutable_limit = (TdLimit *) limit;

    pthread_mutex_lock (&mutable_limit->lock);
    unsigned value = *figure;
    pthread_mutex_unlock (&mutable_limit->lock);
    return value;
}

unsigned
td_limit_capacity (const TdLimit *limit)
{
    return peek (limit, &limit->capacity);
}

unsigned
td_limit_in_use (const TdLimit *limit)
{
    return peek (limit, &limit->in_use);
}

unsigned
td_limit_queued (const TdLimit *limit)
{
    return peek (limit, &limit->n_queued);
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
        pthread_mutex_lock (&limit->lock);
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
make_room (TdLimit *limit, unsigned seat_class, GrantList *grants)
{
    if (limit->is_retired || limit->queue_length == 0) {
        return false;
    }
    if (limit->n_queued < limit->queue_length) {
        return true;
    }
    for (unsigned i = 0; i < seat_class; i++) {
        TdSeat *last = list_last (&limit->queues[i]);
        if (last != NULL) {
            refuse (limit, last, grants);
            return true;
        }
    }
    return false;
}

/* Whether somebody of SEAT_CLASS or a higher one waits: who is light does not jump the queue. */
static bool
has_waiters (const TdLimit *limit, unsigned seat_class)
{
    for (unsigned i = TD_N_CLASSES; limit->n_queued > 0 && i-- > seat_class;) {
        if (limit->queues[i].first != NULL) {
            return true;
        }
    }
    return false;
}

/* The lock is held. */
static TdSeatResult
take (TdLimit *limit, TdSeat *seat, TdGrant *grant, GrantList *grants)
{
    SeatList *queue = &limit->queues[seat->seat_class];

    if (fits (limit, seat) && !has_waiters (limit, seat->seat_class)) {
        sit_down (limit, seat, SEAT_HELD);
        return TD_SEAT_GRANTED;
    }
    if (grant == NULL || is_too_heavy (limit, seat)
        || !make_room (limit, seat->seat_class, grants)) {
        return TD_SEAT_FULL;
    }
    list_insert (queue, queue->end, seat);
    limit->n_queued++;
    seat->arrival = limit->n_arrivals++;
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

    TdGrant *grant = may_queue ? grant_new (seat) : NULL;
    seat->seat_class = (uint8_t) seat_class;
    seat->units = MAX (seat->weight, 1);
    pthread_mutex_lock (&limit->lock);
    TdSeatResult result = take (limit, seat, grant, &grants);
    if (result != TD_SEAT_FULL) {
        seat->limit = limit;
        limit->n_attached++;
    }
    pthread_mutex_unlock (&limit->lock);
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
    pthread_mutex_lock (&limit->lock);
    if (seat->state == SEAT_QUEUED) {
        SeatList *queue = &limit->queues[seat_class];
        TdSeat **link = &queue->first;
        while (*link != NULL && (*link)->arrival < seat->arrival) {
            link = &(*link)->next;
        }
        list_remove (&limit->queues[seat->seat_class], seat);
        list_insert (queue, link, seat);
    }
    seat->seat_class = (uint8_t) seat_class;
    if (seat->state == SEAT_QUEUED && is_too_heavy (limit, seat)) {
        refuse (limit, seat, &grants);
    }
    serve (limit, &grants);
    pthread_mutex_unlock (&limit->lock);
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
    pthread_mutex_lock (&limit->lock);
    if (seat->state == SEAT_QUEUED) {
        leave_queue (limit, seat);
        unused = seat->grant;
    } else if (seat->state != SEAT_REFUSED) {
        stand_up (limit, seat);
    }
    serve (limit, &grants);
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
copy_holders (TdLimit *limit, TdSeat *cursor, Holder *holders, unsigned max)
{
    unsigned n = 0;

    pthread_mutex_lock (&limit->lock);
    TdSeat *seat = cursor->next;
    for (; seat != NULL && n < max; seat = seat->next) {
        if (seat->state != SEAT_CURSOR) {
            holders[n++] = (Holder){ seat->holder, seat->seat_class };
        }
    }
    list_remove (&limit->holders, cursor);
    list_insert (&limit->holders, seat != NULL ? seat->link : limit->holders.end, cursor);
    pthread_mutex_unlock (&limit->lock);
    return n;
}

void
td_limit_holders (TdLimit *limit, bool (*visit) (TdId holder, unsigned seat_class, void *data),
                  void *data)
{
    TdSeat cursor = { .state = SEAT_CURSOR };
    Holder holders[HOLDERS_BATCH];
    bool is_wanted = true;
    unsigned n;

    pthread_mutex_lock (&limit->lock);
    unsigned n_left = limit->n_holders; /* who comes later is not waited for */
    list_insert (&limit->holders, &limit->holders.first, &cursor);
    limit->n_attached++;
    pthread_mutex_unlock (&limit->lock);

    while (is_wanted && n_left > 0
           && (n = copy_holders (limit, &cursor, holders, MIN (n_left, HOLDERS_BATCH))) > 0) {
        n_left -= n;
        for (unsigned i = 0; is_wanted && i < n; i++) {
            is_wanted = visit (holders[i].holder, holders[i].seat_class, data);
        }
    }

    pthread_mutex_lock (&limit->lock);
    list_remove (&limit->holders, &cursor);
    limit->n_attached--;
    unlock_and_free_last (limit);
}
