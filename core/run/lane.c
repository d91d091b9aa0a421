/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One lane: what is posted to it, and the turns it takes. */

#include "run/clock.h"
#include "run/lane-inside.h"

#include <tandem/log.h>

#include <errno.h>
#include <stdlib.h>

enum {
    BUDGET_US = 500, /* for posts, and again for timers, before the sockets have their go */
    URGENT_US =
        1000, /* for posts that go before ordinary arrivals, which most of what is read is */
    LONG_TURN_US = 2000,
};

typedef struct {
    GSource source;
    TdLane *lane;
} LaneSource;

_Thread_local TdLane *td_lane_here;

TdLane *
td_lane_current (void)
{
    return td_lane_here;
}

unsigned
td_lane_index (const TdLane *lane)
{
    return lane->index;
}

GMainContext *
td_lane_context (TdLane *lane)
{
    return lane->context;
}

TdIdTable *
td_lane_ids (TdLane *lane)
{
    return &lane->ids;
}

void
td_lane_wake (TdLane *lane)
{
    /* A descriptor of our own in the lane's source would cost a tenth more CPU for each hop
     * between lanes, and twice as much while the source may not recurse: the context takes the
     * source's descriptors out around each dispatch, and wakes itself when it puts them back. */
    g_main_context_wakeup (lane->context);
}

static bool
put (TdLane *lane, TdPost *post, unsigned inbox_class)
{
    bool must_wake = false;

    if (!td_inbox_put (&lane->inbox, post, inbox_class, &must_wake)) {
        return false;
    }
    if (must_wake) {
        td_lane_wake (lane);
    }
    return true;
}

void
td_lane_post (TdLane *lane, TdPost *post)
{
    g_return_if_fail (lane != NULL && post != NULL && post->run != NULL);
    put (lane, post, TD_INBOX_MUST);
}

bool
td_lane_try_post (TdLane *lane, TdPost *post, TdPostClass post_class)
{
    g_return_val_if_fail (lane != NULL && post != NULL && post->run != NULL, false);
    switch (post_class) {
    case TD_POST_ESTABLISHED:
        return put (lane, post, TD_INBOX_ESTABLISHED);
    case TD_POST_PRIORITY:
        return put (lane, post, TD_INBOX_PRIORITY);
    default:
        return put (lane, post, TD_INBOX_ORDINARY);
    }
}

static inline void
count (_Atomic uint64_t *counter)
{
    /* One writer: no read-modify-write cycle is needed. */
    uint64_t n = atomic_load_explicit (counter, memory_order_relaxed);
    atomic_store_explicit (counter, n + 1, memory_order_relaxed);
}

static void
note_long_turn (TdLane *lane, const TdModule *owner, int64_t turn_us)
{
    count (&lane->n_long_turns);
    if ((uint64_t) turn_us > atomic_load_explicit (&lane->longest_turn_us, memory_order_relaxed)) {
        atomic_store_explicit (&lane->longest_turn_us, (uint64_t) turn_us, memory_order_relaxed);
    }
    char subject[16];
    g_snprintf (subject, sizeof subject, "lane %u", lane->index);
    td_log_peer ((TdModule *) owner, "lane.long-turn", subject, NULL,
                 "a turn took %" G_GINT64_FORMAT " us, the most it may take is %d us: its code "
                 "waited or worked too long, or the machine has too few cores for its load",
                 turn_us, LONG_TURN_US);
}

static void
turn_over (TdLane *lane, const TdModule *owner)
{
    int64_t now_us = td_clock_read_us ();

    if (G_UNLIKELY (now_us - lane->now_us > LONG_TURN_US) && lane->is_in_turn) {
        note_long_turn (lane, owner, now_us - lane->now_us);
    }
    lane->now_us = now_us;
}

void
td_lane_turn_over (const TdModule *owner)
{
    g_return_if_fail (td_lane_here != NULL);
    turn_over (td_lane_here, owner);
}

static void
give_use_back (const TdModule *owner)
{
    if (owner != NULL) {
        td_owner_unuse (td_owner_of (owner));
    }
}

void
td_lane_drop_post (TdPost *post)
{
    const TdModule *owner = post->owner;

    if (post->drop != NULL) {
        post->drop (post);
    }
    turn_over (td_lane_here, owner);
    give_use_back (owner);
}

void
td_lane_collect (TdLane *lane)
{
    td_inbox_take (&lane->inbox, lane->taken, lane->n_served, &lane->inbox_counts);
}

/* The next post that was taken from the inbox, or NULL. */
static TdPost *
next_taken (TdLane *lane)
{
    for (unsigned i = 0; i < TD_INBOX_CLASSES; i++) {
        TdPost *post = td_post_list_pop (&lane->taken[i]);
        if (post != NULL) {
            lane->n_served[i]++;
            return post;
        }
    }
    return NULL;
}

bool
td_lane_serve_post (TdLane *lane)
{
    TdPost *post = next_taken (lane);

    if (post == NULL) {
        return false;
    }
    TdModule *owner = post->owner;
    count (&lane->n_posts);
    if (td_owner_is_stopped (owner)) {
        td_lane_drop_post (post);
        return true;
    }
    post->run (post);
    turn_over (lane, owner);
    give_use_back (owner);
    return true;
}

bool
td_lane_serve_timer (TdLane *lane)
{
    if (td_wheel_next_us (&lane->wheel) > td_clock_now_us ()) {
        return false;
    }
    TdTimer *timer = td_wheel_take (&lane->wheel, td_clock_now_us ());
    /* Without a timer part of the search is done: a turn, too. */
    TdModule *owner = timer != NULL ? timer->owner : NULL;
    if (timer != NULL && !td_owner_is_stopped (owner)) {
        count (&lane->n_expiries);
        timer->expire (timer);
    }
    turn_over (lane, owner);
    return true;
}

/* Whether anything of CLASS or of those behind it was taken. */
static bool
has_taken_from (const TdLane *lane, unsigned inbox_class)
{
    for (unsigned i = inbox_class; i < TD_INBOX_CLASSES; i++) {
        if (lane->taken[i].first != NULL) {
            return true;
        }
    }
    return false;
}

static bool
has_taken (const TdLane *lane)
{
    return has_taken_from (lane, 0);
}

bool
td_lane_has_posts (TdLane *lane)
{
    return has_taken (lane) || td_inbox_has_mail (&lane->inbox, 0);
}

bool
td_lane_has_arrivals (TdLane *lane)
{
    return has_taken_from (lane, TD_INBOX_MUST + 1)
           || td_inbox_has_mail (&lane->inbox, TD_INBOX_MUST + 1);
}

unsigned
td_lane_count_ordinary (TdLane *lane)
{
    return td_inbox_count (&lane->inbox, TD_INBOX_ORDINARY) - lane->n_served[TD_INBOX_ORDINARY];
}

bool
td_lane_drop_posts (TdLane *lane)
{
    TdPost *post;
    bool any = false;

    td_lane_collect (lane);
    while ((post = next_taken (lane)) != NULL) {
        td_lane_drop_post (post);
        any = true;
    }
    td_lane_collect (lane);
    td_lane_publish (lane);
    return any;
}

/* How long poll may wait, in ms; -1 for ever. */
static int
timeout_ms (TdLane *lane)
{
    int64_t next_us = td_wheel_next_us (&lane->wheel);

    if (next_us == INT64_MAX) {
        return -1;
    }
    int64_t wait_us = next_us - td_clock_read_us ();
    /* Rounded up: waking early would only mean to wait again. */
    return wait_us <= 0 ? 0 : (int) MIN ((wait_us + 999) / 1000, G_MAXINT);
}

static gboolean
prepare (GSource *source, int *timeout)
{
    TdLane *lane = ((LaneSource *) source)->lane;

    *timeout = td_lane_has_posts (lane) ? 0 : timeout_ms (lane);
    return *timeout == 0;
}

static gboolean
check (GSource *source)
{
    TdLane *lane = ((LaneSource *) source)->lane;

    return td_lane_has_posts (lane) || td_wheel_next_us (&lane->wheel) <= lane->now_us;
}

static bool
has_urgent (const TdLane *lane)
{
    for (unsigned i = 0; i < TD_INBOX_ORDINARY; i++) {
        if (lane->taken[i].first != NULL) {
            return true;
        }
    }
    return false;
}

/* Whether the next post that was taken has its go before the sockets, posts having been served since
 * BEGUN_US. */
static bool
may_serve_post (const TdLane *lane, int64_t begun_us)
{
    return lane->now_us - begun_us < (has_urgent (lane) ? URGENT_US : BUDGET_US);
}

/* Serves timers and posts for a while each, so that neither starves the other or the sockets. */
static gboolean
dispatch (GSource *source, GSourceFunc callback, void *data)
{
    TdLane *lane = ((LaneSource *) source)->lane;

    turn_over (lane, NULL);
    int64_t end_us = lane->now_us + BUDGET_US;
    while (lane->now_us < end_us && td_lane_serve_timer (lane)) {
    }
    int64_t begun_us = lane->now_us;
    td_lane_collect (lane);
    do {
        while (may_serve_post (lane, begun_us) && td_lane_serve_post (lane)) {
        }
        /* Also when nothing came: the inbox has to learn what was served before the lane waits. */
        td_lane_collect (lane);
    } while (may_serve_post (lane, begun_us) && has_taken (lane));
    td_lane_publish (lane);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs lane_source_funcs = { prepare, check, dispatch, NULL, NULL, NULL };

/* The poll function of a lane's context: the one place where a lane waits, and so the place where
 * a turn's time is read and where others learn that it must be woken. */
static int
wait_in_poll (GPollFD *fds, guint n_fds, int timeout)
{
    TdLane *lane = td_lane_here;

    if (lane == NULL) {
        return g_poll (fds, n_fds, timeout);
    }
    turn_over (lane, NULL);
    lane->is_in_turn = false;
    bool is_asleep = timeout != 0 && td_inbox_fall_asleep (&lane->inbox);
    int n_ready = g_poll (fds, n_fds, is_asleep ? timeout : 0);
    int saved_errno = errno;
    if (is_asleep) {
        td_inbox_wake_up (&lane->inbox);
    }
    lane->now_us = td_clock_read_us ();
    lane->is_in_turn = true;
    errno = saved_errno;
    return n_ready;
}

static void
attach_source (TdLane *lane)
{
    lane->source = g_source_new (&lane_source_funcs, sizeof (LaneSource));
    ((LaneSource *) lane->source)->lane = lane;
    g_source_set_name (lane->source, "lane");
    g_source_attach (lane->source, lane->context);
    g_main_context_set_poll_func (lane->context, wait_in_poll);
}

TdLane *
td_lane_new (unsigned index, GMainContext *context, const TdLanesOptions *options)
{
    TdLane *lane = aligned_alloc (_Alignof(TdLane), sizeof (TdLane));

    g_assert (lane != NULL);
    *lane = (TdLane){ .index = index, .context = g_main_context_ref (context) };
    td_inbox_init (&lane->inbox, options->inbox_limit);
    for (unsigned i = 0; i < TD_INBOX_CLASSES; i++) {
        td_post_list_init (&lane->taken[i]);
    }
    td_wheel_init (&lane->wheel, td_clock_read_us ());
    td_id_table_init (&lane->ids, options->boot, index);
    td_lane_declare_metrics (lane, index == options->n_lanes);
    if (!options->is_fake) {
        attach_source (lane);
    }
    return lane;
}

void
td_lane_free (TdLane *lane)
{
    if (lane->source != NULL) {
        g_main_context_set_poll_func (lane->context, g_poll);
        g_source_destroy (lane->source);
        g_source_unref (lane->source);
    }
    td_wheel_clear (&lane->wheel);
    td_id_table_clear (&lane->ids);
    td_inbox_clear (&lane->inbox);
    g_main_context_unref (lane->context);
    free (lane);
}

void
td_lane_loop (TdLane *lane)
{
    while (!atomic_load_explicit (&lane->is_quitting, memory_order_acquire)) {
        g_main_context_iteration (lane->context, TRUE);
    }
    lane->is_in_turn = false;
}
