/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Journeys over all lanes: the quiet turn, and the search for what a module left behind. */

#include "base/owner.h"
#include "run/lane-inside.h"
#include "run/worker.h"

/* A visit to every lane, one after the other. */
typedef struct {
    TdPost post; /* of the core, so that it is not dropped with the module */
    TdModule *module;
    void (*visit) (TdLane *lane, void *data);
    void (*done) (void *data);
    void (*drop) (void *data);
    void *data;
} Sweep;

static void
free_sweep (Sweep *sweep)
{
    if (sweep->module != NULL) {
        td_owner_unuse (td_owner_of (sweep->module));
    }
    g_free (sweep);
}

static void
drop_sweep (TdPost *post)
{
    Sweep *sweep = (Sweep *) post;

    if (sweep->drop != NULL) {
        sweep->drop (sweep->data);
    }
    free_sweep (sweep);
}

static void
visit_lane (TdPost *post)
{
    Sweep *sweep = (Sweep *) post;
    TdLane *lane = td_lane_here;

    if (sweep->visit != NULL && !td_owner_is_stopped (sweep->module)) {
        sweep->visit (lane, sweep->data);
    }
    if (lane->index < td_lane_count ()) {
        td_lane_post (td_lane_nth (lane->index + 1), post);
        return;
    }
    if (td_owner_is_stopped (sweep->module)) {
        drop_sweep (post);
        return;
    }
    sweep->done (sweep->data);
    free_sweep (sweep);
}

void
td_lane_sweep (TdModule *module, void (*visit) (TdLane *lane, void *data),
               void (*done) (void *data), void (*drop) (void *data), void *data)
{
    Sweep *sweep;

    g_return_if_fail (done != NULL);
    sweep = g_new0 (Sweep, 1);
    *sweep = (Sweep){ { NULL, visit_lane, drop_sweep, NULL }, module, visit, done, drop, data };
    if (module != NULL) {
        td_owner_use (td_owner_of (module));
    }
    td_lane_post (td_lane_nth (0), &sweep->post);
}

/* A search of every lane, in as many turns as it takes. */
typedef struct {
    TdPost post;
    TdOwner *owner;
    TdWheelCursor cursor; /* on the present lane's wheel */
    TdLaneLeftovers found;
    void (*done) (const TdLaneLeftovers *found, void *data);
    void *data;
} Search;

static void
drop_posts_of (TdLane *lane, Search *search)
{
    TdPostList list;
    TdPost *post;

    td_post_list_init (&list);
    td_lane_collect (lane);
    for (unsigned i = 0; i < TD_INBOX_CLASSES; i++) {
        lane->n_served[i] += td_post_list_pick (&lane->taken[i], (TdModule *) search->owner, &list);
    }
    while ((post = td_post_list_pop (&list)) != NULL) {
        search->found.n_posts++;
        td_lane_drop_post (post);
    }
}

static void
search_lane (TdPost *post)
{
    Search *search = (Search *) post;
    TdLane *lane = td_lane_here;

    if (search->cursor.n_lists == 0 && search->cursor.mark.next == NULL) {
        drop_posts_of (lane, search);
    }
    bool is_over = td_wheel_revoke (&lane->wheel, &search->cursor, (TdModule *) search->owner,
                                    &search->found.n_timers);
    if (!is_over) {
        td_lane_post (lane, post);
        return;
    }
    if (lane->index < td_lane_count ()) {
        search->cursor = (TdWheelCursor){ 0 };
        td_lane_post (td_lane_nth (lane->index + 1), post);
        return;
    }
    if (search->done != NULL) {
        search->done (&search->found, search->data);
    }
    g_free (search);
}

/* The lanes close: what is left goes with them. */
static void
drop_search (TdPost *post)
{
    Search *search = (Search *) post;

    if (search->cursor.mark.next != NULL) {
        td_timer_unlink (&search->cursor.mark);
    }
    g_free (search);
}

void
td_lane_revoke (TdOwner *owner, void (*done) (const TdLaneLeftovers *found, void *data), void *data)
{
    Search *search;

    g_return_if_fail (owner != NULL && owner != &td_owner_core);
    search = g_new0 (Search, 1);
    search->post = (TdPost){ NULL, search_lane, drop_search, NULL };
    search->owner = owner;
    search->done = done;
    search->data = data;
    search->found.n_works = td_workers_revoke ((TdModule *) owner);
    td_lane_post (td_lane_nth (0), &search->post);
}
