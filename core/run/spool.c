/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts that wait until a worker has stored them.
 *
 *     lanes                    control lane                       worker
 *     hear () -- waiting -- post --> look () -- batch -- work --> take ()
 *                                      ^  <------- done ----------/
 *                                      \--- timer: retry, or again
 *
 * A fact is in one of two places: in WAITING, which every lane fills, or in BATCH, which belongs to
 * the control lane and, while there is work under way, to the worker. It is freed once taken.
 */

#include "run/spool-inside.h"

#include <errno.h>
#include <string.h>
#include <tandem/log.h>

enum {
    MAX_BATCH = 1024,
    REST_MS = 10,
    CLOSE_PATIENCE_US = 3 * G_USEC_PER_SEC,
    CLOSE_RETRY_MS = 250,
};

/* Those that hear; of the control lane. */
static GPtrArray *spools;

static void look (TdSpool *spool);

/* --- On the lanes ------------------------------------------------------------------------ */

/* The first, the second, the fourth, the eighth ...: a flood of losses is no flood of lines. */
static void
tell_loss (TdSpool *spool, uint64_t n_lost)
{
    if ((n_lost & (n_lost - 1)) == 0) {
        td_log_error (spool->module, spool->decl.name,
                      "%" G_GUINT64_FORMAT " facts lost: the %" G_GUINT64_FORMAT
                      " KiB of memory for "
                      "those that wait are full: mend what is said to fail, or give it more",
                      n_lost, spool->decl.capacity_bytes / 1024);
    }
}

/* Whether the spool before has kept FACT; of all facts that are told on one lane, it is the last one it
 * heard. */
static bool
is_kept_before (const TdSpool *spool, const TdFact *fact)
{
    const FactName *kept = &spool->kept[td_lane_index (td_lane_current ())];

    return kept->topic == fact->topic && kept->call == fact->call
           && kept->sequence == fact->sequence;
}

static void
tell_successor (TdSpool *spool, const TdFact *fact)
{
    TdSpool *successor = atomic_load (&spool->successor);

    if (successor != NULL) {
        successor->kept[td_lane_index (td_lane_current ())] =
            (FactName){ fact->topic, fact->call, fact->sequence };
    }
}

/* Facts go on being stored; only a kill would cost those that wait. */
static void
tell_journal (TdSpool *spool, int number)
{
    td_log_warning (spool->module, spool->decl.name,
                    "the journal in %s cannot be written: %s: see to the state directory; a kill "
                    "would cost the facts that wait",
                    spool->decl.journal, g_strerror (number));
}

int
td_spool_note (TdSpool *spool, const TdFact *fact)
{
    bool was_whole = spool->is_journal_whole;

    if (spool->journal == NULL || td_journal_add (spool->journal, fact)) {
        return 0;
    }
    spool->is_journal_whole = false;
    return was_whole ? errno : 0;
}

/* Whether FACT is what is known of a call that goes on: its beginning, or what was heard of it since. */
static bool
is_for_list (const TdSpool *spool, const TdFact *fact)
{
    if (spool->begun == NULL || fact->topic == spool->begins || fact->topic == spool->ends) {
        return spool->begun != NULL && fact->topic == spool->begins;
    }
    return td_topic_body_size (fact->topic) == td_topic_body_size (spool->begins)
           && td_begun_has (spool->begun, fact->call);
}

/* Puts FACT into the journal, and what it begins or ends on the list: that a call has begun is known
 * before its fact is, and that it has ended after, so that each has an end whenever we are killed. Returns
 * errno where the first one cannot be. The lock is held. */
static int
write_down (TdSpool *spool, const TdFact *fact)
{
    bool is_listed = !is_for_list (spool, fact) || td_begun_add (spool->begun, fact);
    int list_number = errno, number = td_spool_note (spool, fact);

    if (spool->begun != NULL && fact->topic == spool->ends) {
        td_begun_end (spool->begun, fact->call);
    }
    if (!is_listed && spool->is_journal_whole) {
        spool->is_journal_whole = false;
        number = list_number;
    }
    return number;
}

static void
hear (const TdFact *fact, void *data)
{
    TdSpool *spool = data;

    if (is_kept_before (spool, fact)) {
        tell_successor (spool, fact);
        return;
    }
    TdFact *copy = td_fact_copy (fact);
    size_t size_bytes = td_fact_size_bytes (fact);
    uint64_t n_lost = 0;
    bool must_post = false;
    int number = 0;

    pthread_mutex_lock (&spool->lock);
    if (spool->held_bytes + size_bytes > spool->decl.capacity_bytes) {
        n_lost = ++spool->n_lost;
        if (spool->begun != NULL && fact->topic == spool->ends) {
            td_begun_end (spool->begun, fact->call);
        }
    } else {
        number = write_down (spool, fact);
        g_ptr_array_add (spool->waiting, g_steal_pointer (&copy));
        spool->held_bytes += size_bytes;
        must_post = !spool->is_posted && !spool->is_awake;
        spool->is_posted |= must_post;
    }
    pthread_mutex_unlock (&spool->lock);
    if (must_post) {
        td_lane_post (td_lane_control (), &spool->post);
    }
    if (number != 0) {
        tell_journal (spool, number);
    }
    if (n_lost > 0) {
        td_fact_free (copy);
        td_metric_add (spool->lost_total, 1);
        tell_loss (spool, n_lost);
    } else {
        td_metric_add (spool->waiting_facts, 1);
        tell_successor (spool, fact);
    }
}

/* --- On the worker ----------------------------------------------------------------------- */

static TdSpool *
spool_of_work (TdWork *work)
{
    return (TdSpool *) ((char *) work - offsetof (TdSpool, work));
}

static void
run_take (TdWork *work)
{
    TdSpool *spool = spool_of_work (work);
    const TdFact *const *facts = (const TdFact *const *) spool->batch->pdata;

    if (spool->new_settings != NULL) {
        spool->decl.configure (g_steal_pointer (&spool->new_settings), spool->decl.data);
    }
    spool->is_taken =
        spool->decl.take (spool->n_given > 0 ? facts + spool->first : NULL, spool->n_given,
                          &spool->again_ms, spool->decl.data, &spool->error);
    if (spool->is_taken && spool->n_given > 0 && spool->journal != NULL) {
        td_journal_drained (spool->journal, spool->n_given,
                            spool->first + spool->n_given == spool->batch->len);
    }
}

static void
run_end (TdWork *work)
{
    TdSpool *spool = spool_of_work (work);

    if (spool->decl.end != NULL) {
        spool->decl.end (spool->decl.data);
    }
}

/* --- On the control lane ----------------------------------------------------------------- */

static uint64_t
free_facts (GPtrArray *facts, unsigned first, unsigned n)
{
    uint64_t size_bytes = 0;

    for (unsigned i = first; i < first + n; i++) {
        size_bytes += td_fact_size_bytes (facts->pdata[i]);
        td_fact_free (facts->pdata[i]);
    }
    return size_bytes;
}

/* The facts that were given to the worker are stored. */
static void
let_go (TdSpool *spool)
{
    uint64_t size_bytes = free_facts (spool->batch, spool->first, spool->n_given);

    spool->first += spool->n_given;
    if (spool->first == spool->batch->len) {
        g_ptr_array_set_size (spool->batch, 0);
        spool->first = 0;
    }
    pthread_mutex_lock (&spool->lock);
    spool->held_bytes -= size_bytes;
    pthread_mutex_unlock (&spool->lock);
    td_metric_add (spool->taken_total, spool->n_given);
    td_metric_add (spool->waiting_facts, -(int64_t) spool->n_given);
}

static unsigned
count_held (TdSpool *spool)
{
    pthread_mutex_lock (&spool->lock);
    unsigned n_waiting = spool->waiting->len;
    pthread_mutex_unlock (&spool->lock);
    return n_waiting + spool->batch->len - spool->first;
}

/* All that is held is lost, or stays in the journal. */
static void
lose_all (TdSpool *spool, const char *why)
{
    unsigned n_held = count_held (spool);

    if (n_held > 0 && spool->journal != NULL && spool->is_journal_whole) {
        td_log_warning (spool->module, spool->decl.name,
                        "%u facts wait in %s for the next start: %s", n_held, spool->decl.journal,
                        why);
        td_metric_add (spool->waiting_facts, -(int64_t) n_held);
    } else if (n_held > 0) {
        td_log_error (spool->module, spool->decl.name, "%u facts lost: %s", n_held, why);
        td_metric_add (spool->lost_total, n_held);
        td_metric_add (spool->waiting_facts, -(int64_t) n_held);
    }
    free_facts (spool->batch, spool->first, spool->batch->len - spool->first);
    g_ptr_array_set_size (spool->batch, 0);
    spool->first = 0;
    pthread_mutex_lock (&spool->lock);
    free_facts (spool->waiting, 0, spool->waiting->len);
    g_ptr_array_set_size (spool->waiting, 0);
    spool->held_bytes = 0;
    pthread_mutex_unlock (&spool->lock);
}

static void
drop_settings (TdSpool *spool, void **settings)
{
    if (*settings != NULL && spool->decl.drop_settings != NULL) {
        spool->decl.drop_settings (*settings);
    }
    *settings = NULL;
}

static void
spool_free (void *data)
{
    TdSpool *spool = data;

    drop_settings (spool, &spool->settings);
    drop_settings (spool, &spool->new_settings);

    if (spool->is_failing) {
        td_metric_add (spool->failing, -1);
    }
    free_facts (spool->waiting, 0, spool->waiting->len);
    g_ptr_array_unref (spool->waiting);
    g_ptr_array_unref (spool->batch);
    td_journal_close (spool->journal);
    td_begun_unref (spool->begun);
    pthread_mutex_destroy (&spool->lock);
    g_clear_error (&spool->error);
    g_free ((char *) spool->decl.name);
    g_free ((char *) spool->decl.journal);
    g_free (spool->queue);
    g_free (spool->kept);
    g_free (spool);
}

static void
note_success (TdSpool *spool)
{
    if (!spool->is_failing) {
        return;
    }
    spool->is_failing = false;
    td_metric_add (spool->failing, -1);
    pthread_mutex_lock (&spool->lock);
    uint64_t n_lost = spool->n_lost;
    spool->n_lost = 0;
    pthread_mutex_unlock (&spool->lock);
    td_log_notice (spool->module, spool->decl.name,
                   "facts are stored again after %" G_GINT64_FORMAT " s; %" G_GUINT64_FORMAT
                   " were lost meanwhile",
                   (td_clock_now_us () - spool->failing_since_us) / G_USEC_PER_SEC, n_lost);
}

/* The reason is told when it begins to fail; each further try would say the same. */
static void
note_failure (TdSpool *spool)
{
    if (!spool->is_failing) {
        spool->is_failing = true;
        spool->failing_since_us = td_clock_now_us ();
        td_metric_add (spool->failing, 1);
        td_log_error (spool->module, spool->decl.name,
                      "%s; %u facts wait, there is room for %" G_GUINT64_FORMAT
                      " KiB, the next try is in %u ms",
                      spool->error != NULL ? spool->error->message : "failed and gave no reason",
                      count_held (spool), spool->decl.capacity_bytes / 1024, spool->decl.retry_ms);
    }
    g_clear_error (&spool->error);
}

static void
work_done (TdWork *work)
{
    TdSpool *spool = spool_of_work (work);

    spool->is_working = false;
    if (spool->is_taken) {
        let_go (spool);
        note_success (spool);
        if (spool->again_ms > 0 && spool->batch->len == 0) {
            td_timer_start (&spool->timer, spool->again_ms);
        }
    } else {
        spool->is_due |= spool->n_given == 0;
        note_failure (spool);
        td_timer_start (&spool->timer, spool->is_closing
                                           ? MIN (CLOSE_RETRY_MS, spool->decl.retry_ms)
                                           : spool->decl.retry_ms);
    }
    look (spool);
}

static void
end_done (TdWork *work)
{
    TdSpool *spool = spool_of_work (work);
    TdModule *module = spool->module;

    spool_free (spool);
    if (module != NULL) {
        td_owner_unuse (td_owner_of (module));
    }
}

static void
start_work (TdSpool *spool, void (*run) (TdWork *work), void (*done) (TdWork *work))
{
    spool->is_working = true;
    spool->work = (TdWork){
        .owner = spool->module, .queue = spool->queue, .run = run, .done = done, .drop = done
    };
    td_work_start (&spool->work);
}

static void
start_take (TdSpool *spool)
{
    td_timer_stop (&spool->timer);
    spool->is_due = false;
    spool->rested_us = td_clock_now_us () + REST_MS * 1000;
    spool->n_given = MIN (MAX_BATCH, spool->batch->len - spool->first);
    spool->new_settings = g_steal_pointer (&spool->settings);
    spool->again_ms = 0;
    spool->is_taken = false;
    start_work (spool, run_take, work_done);
}

/* Makes what waits the next batch. Returns whether everything is quiet: nothing waits, nothing is on
 * the way, and from here on it takes a post to wake us. */
static bool
fetch (TdSpool *spool)
{
    pthread_mutex_lock (&spool->lock);
    if (spool->batch->len == 0 && spool->waiting->len > 0) {
        GPtrArray *empty = spool->batch;
        spool->batch = spool->waiting;
        spool->waiting = empty;
        if (spool->journal != NULL) {
            td_journal_turn (spool->journal);
        }
    } else if (spool->batch->len == 0) {
        spool->is_journal_whole = true;
    }
    spool->is_awake = spool->batch->len > 0 || spool->is_due;
    bool is_quiet = !spool->is_awake && !spool->is_posted;
    pthread_mutex_unlock (&spool->lock);
    return is_quiet;
}

/* Whether what waits shall wait until others have joined it: to have a worker store a few facts costs as
 * much as to store many, and it holds the lanes up that tell them. One that comes after a rest is stored at
 * once. Wakes the control lane when the rest is over. */
static bool
rest (TdSpool *spool)
{
    int64_t left_us = spool->rested_us - td_clock_now_us ();

    if (left_us <= 0 || spool->is_due || spool->is_closing || spool->batch->len > 0) {
        return false;
    }
    pthread_mutex_lock (&spool->lock);
    bool may_rest = spool->waiting->len > 0 && spool->waiting->len < MAX_BATCH;
    spool->is_awake |= may_rest;
    pthread_mutex_unlock (&spool->lock);
    if (may_rest) {
        td_timer_start (&spool->timer, (uint32_t) (left_us / 1000) + 1);
    }
    return may_rest;
}

/* Decides what is to be done next. */
static void
look (TdSpool *spool)
{
    if (spool->is_working) {
        return;
    }
    if (spool->is_failing && td_timer_is_active (&spool->timer)) {
        if (!spool->is_silent || td_clock_now_us () < spool->give_up_us) {
            return;
        }
        td_timer_stop (&spool->timer);
        lose_all (spool, "the module stops, and storing them fails on");
        spool->is_due = false;
    }
    if (rest (spool)) {
        return;
    }
    bool is_quiet = fetch (spool);
    if (spool->batch->len > 0 || spool->is_due) {
        start_take (spool);
    } else if (spool->is_silent && is_quiet) {
        td_timer_stop (&spool->timer);
        start_work (spool, run_end, end_done);
    }
}

static void
expire (TdTimer *timer)
{
    TdSpool *spool = (TdSpool *) ((char *) timer - offsetof (TdSpool, timer));

    spool->is_due = true;
    look (spool);
}

static TdSpool *
spool_of_post (TdPost *post)
{
    return (TdSpool *) ((char *) post - offsetof (TdSpool, post));
}

static void
run_post (TdPost *post)
{
    TdSpool *spool = spool_of_post (post);

    pthread_mutex_lock (&spool->lock);
    spool->is_posted = false;
    pthread_mutex_unlock (&spool->lock);
    look (spool);
}

/* The module has stopped without closing the spool: revoke() is near. */
static void
drop_post (TdPost *post)
{
}

/* --- Life -------------------------------------------------------------------------------- */

/* SPOOL hears from now on; so does, for a little while, the one of the build before. */
static void
enlist (TdSpool *spool)
{
    if (spools == NULL) {
        spools = g_ptr_array_new ();
    }
    for (unsigned i = spools->len; i > 0; i--) {
        TdSpool *other = spools->pdata[i - 1];
        if (other->module != spool->module && g_str_equal (other->queue, spool->queue)) {
            atomic_store (&other->successor, spool);
            break;
        }
    }
    g_ptr_array_add (spools, spool);
}

/* SPOOL hears no more; it is freed when no lane can be telling it anything. */
static void
delist (TdSpool *spool)
{
    td_timer_stop (&spool->beat);
    g_ptr_array_remove (spools, spool);
    for (unsigned i = 0; i < spools->len; i++) {
        TdSpool *other = spools->pdata[i];
        if (atomic_load (&other->successor) == spool) {
            atomic_store (&other->successor, NULL);
        }
    }
    if (spools->len == 0) {
        g_clear_pointer (&spools, g_ptr_array_unref);
    }
}

static void
revoke_spool (TdOwned *owned)
{
    TdSpool *spool = (TdSpool *) owned;

    delist (spool);
    td_bus_unsubscribe (spool->subscription);
    td_timer_stop (&spool->timer);
    lose_all (spool, "the module has stopped without closing its spool");
    /* Now, while the module that frees them is still mapped. */
    drop_settings (spool, &spool->settings);
    drop_settings (spool, &spool->new_settings);
    /* A lane may be in hear() until its turn is over. */
    td_lane_sweep (NULL, NULL, spool_free, spool_free, spool);
}

static TdMetric *
declare (TdSpool *spool, TdMetricKind kind, const char *name, const char *help)
{
    g_autofree char *labels = g_strdup_printf ("module=\"%s\"", td_owner_of (spool->module)->name);

    return td_metric_declare (spool->module, &(TdMetricDecl){ .size = sizeof (TdMetricDecl),
                                                              .kind = kind,
                                                              .name = name,
                                                              .help = help,
                                                              .labels = labels });
}

static void
declare_metrics (TdSpool *spool)
{
    spool->waiting_facts = declare (spool, TD_METRIC_GAUGE, "tandem_spool_waiting",
                                    "Facts that wait in memory to be stored.");
    spool->failing = declare (spool, TD_METRIC_GAUGE, "tandem_spool_failing",
                              "1 while storing facts fails; the log says why.");
    spool->taken_total =
        declare (spool, TD_METRIC_COUNTER, "tandem_spool_taken_total", "Facts that were stored.");
    spool->lost_total = declare (spool, TD_METRIC_COUNTER, "tandem_spool_lost_total",
                                 "Facts that were lost because too many waited or the module "
                                 "stopped.");
}

void
td_spool_wake (TdSpool *spool)
{
    if (!spool->is_posted) {
        spool->is_posted = true;
        td_lane_post (td_lane_control (), &spool->post);
    }
}

TdBegun *
td_spool_share_begun (const TdSpool *spool)
{
    for (unsigned i = 0; i < spools->len; i++) {
        const TdSpool *other = spools->pdata[i];
        if (other != spool && other->begun != NULL && g_str_equal (other->queue, spool->queue)) {
            return td_begun_ref (other->begun);
        }
    }
    return NULL;
}

TdSpool *
td_spool_open (TdModule *module, const char *const *topics, const TdSpoolDecl *decl)
{
    g_return_val_if_fail (decl->size >= offsetof (TdSpoolDecl, journal) && decl->take != NULL,
                          NULL);
    TdSpool *spool = g_new0 (TdSpool, 1);

    spool->module = module;
    memcpy (&spool->decl, decl, MIN (decl->size, sizeof (TdSpoolDecl)));
    spool->decl.name = g_strdup (spool->decl.name);
    spool->decl.journal = g_strdup (spool->decl.journal);
    spool->queue = g_strdup_printf ("%s %s", td_owner_of (module)->name, decl->name);
    pthread_mutex_init (&spool->lock, NULL);
    spool->waiting = g_ptr_array_new ();
    spool->batch = g_ptr_array_new ();
    spool->post = (TdPost){ .owner = module, .run = run_post, .drop = drop_post };
    td_timer_init (&spool->timer, module, expire);
    declare_metrics (spool);
    spool->is_journal_whole = true;
    spool->kept = g_new0 (FactName, td_lane_count () + 1);
    enlist (spool);
    if (spool->decl.journal != NULL) {
        td_spool_open_journal (spool);
    }
    if (spool->decl.journal != NULL && spool->decl.finish != NULL) {
        td_spool_open_begun (spool);
    }
    spool->subscription = td_bus_subscribe (module, topics, hear, spool);
    /* After the subscription, which is to go with it. */
    spool->owned = (TdOwned){ .kind = "spool", .name = spool->decl.name, .revoke = revoke_spool };
    td_owner_add (td_owner_of (module), &spool->owned);
    return spool;
}

void
td_spool_configure (TdSpool *spool, void *settings)
{
    g_return_if_fail (spool->decl.configure != NULL);
    drop_settings (spool, &spool->settings);
    spool->settings = settings;
    spool->is_due = true;
    if (spool->is_failing) {
        td_timer_stop (&spool->timer);
    }
    look (spool);
}

/* No lane is in hear() any more, and none will be. */
static void
silent (void *data)
{
    TdSpool *spool = data;

    spool->is_silent = true;
    look (spool);
}

void
td_spool_close (TdSpool *spool)
{
    if (spool == NULL) {
        return;
    }
    if (spool->module != NULL) {
        td_owner_use (td_owner_of (spool->module));
    }
    td_owner_remove (&spool->owned);
    delist (spool);
    td_bus_unsubscribe (g_steal_pointer (&spool->subscription));
    spool->is_closing = true;
    spool->give_up_us = td_clock_now_us () + CLOSE_PATIENCE_US;
    if (spool->is_failing) {
        td_timer_stop (&spool->timer);
    }
    td_lane_sweep (spool->module, NULL, silent, silent, spool);
    look (spool);
}
