/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a process that was killed has left to its spool: facts that were not stored, and calls without an end.
 *
 *     journal --------- facts -----------> BATCH and WAITING, in their order
 *     list of begun --- without an end --> an end for each, behind those
 */

#include "run/spool-inside.h"

#include <string.h>
#include <tandem/log.h>

enum { BEAT_MS = 1000 };

void
td_spool_open_journal (TdSpool *spool)
{
    g_autoptr (GError) error = NULL;
    unsigned n_skipped;

    spool->journal = td_journal_open (spool->decl.journal, spool->decl.name, spool->batch,
                                      spool->waiting, &n_skipped, &error);
    if (spool->journal == NULL) {
        td_log_warning (spool->module, spool->decl.name,
                        "%s; a kill would cost the facts that wait", error->message);
        return;
    }
    unsigned n_found = spool->batch->len + spool->waiting->len;
    for (unsigned i = 0; i < n_found; i++) {
        spool->held_bytes += td_fact_size_bytes (
            i < spool->batch->len ? spool->batch->pdata[i]
                                  : spool->waiting->pdata[i - spool->batch->len]);
    }
    td_metric_add (spool->waiting_facts, n_found);
    if (n_found > 0) {
        td_log_notice (spool->module, spool->decl.name,
                       "%u facts that were not stored when a process ended are stored now",
                       n_found);
        td_spool_wake (spool);
    }
    if (n_skipped > 0) {
        td_log_error (spool->module, spool->decl.name,
                      "%u facts in the journal in %s are lost: nobody knows what they are of",
                      n_skipped, spool->decl.journal);
        td_metric_add (spool->lost_total, n_skipped);
    }
}

static void
beat (TdTimer *timer)
{
    TdSpool *spool = (TdSpool *) ((char *) timer - offsetof (TdSpool, beat));

    if (td_begun_count (spool->begun) > 0) {
        td_begun_live (spool->begun, td_clock_now_us ());
    }
    td_timer_start (timer, BEAT_MS);
}

/* The end of what LEFT has begun, as far as it is known (transfer full). */
static TdFact *
make_end (const TdSpool *spool, const TdBegunLeft *left)
{
    g_autofree void *body = g_memdup2 (left->fact->body, td_topic_body_size (left->fact->topic));
    TdFact fact = *left->fact;

    spool->decl.finish (body, left->fact, left->until_us);
    fact.topic = spool->ends;
    fact.sequence++;
    fact.wall_us += left->until_us - fact.monotonic_us;
    fact.monotonic_us = left->until_us;
    fact.body = body;
    return td_fact_copy (&fact);
}

static void
note_ends (const TdSpool *spool, const GPtrArray *facts, GHashTable *ended)
{
    for (unsigned i = 0; i < facts->len; i++) {
        TdFact *fact = facts->pdata[i];
        if (fact->topic == spool->ends) {
            g_hash_table_add (ended, &fact->call);
        }
    }
}

/* Has the end of LEFT stored with the rest; it is off the list once that is in the journal. Of calls that
 * have ENDED the journal gave an end back: we were killed before they were off the list. */
static void
finish (TdSpool *spool, const TdBegunLeft *left, GHashTable *ended)
{
    TdId call = left->fact->call;

    if (left->fact->body != NULL && !g_hash_table_contains (ended, &call)) {
        TdFact *end = make_end (spool, left);
        td_spool_note (spool, end);
        g_ptr_array_add (spool->waiting, end);
        spool->held_bytes += td_fact_size_bytes (end);
        td_metric_add (spool->waiting_facts, 1);
    }
    td_begun_end (spool->begun, call);
}

static void
finish_all (TdSpool *spool, GArray *left)
{
    g_autoptr (GHashTable) ended = g_hash_table_new (g_int64_hash, g_int64_equal);

    note_ends (spool, spool->batch, ended);
    note_ends (spool, spool->waiting, ended);
    for (unsigned i = 0; i < left->len; i++) {
        TdBegunLeft *one = &g_array_index (left, TdBegunLeft, i);
        finish (spool, one, ended);
        td_fact_free (one->fact);
    }
    if (left->len > 0) {
        td_log_warning (spool->module, spool->decl.name,
                        "%u calls were going on when a process was killed: that they have ended is "
                        "on record now",
                        left->len);
        td_spool_wake (spool);
    }
}

void
td_spool_open_begun (TdSpool *spool)
{
    g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (TdBegunLeft));
    g_autoptr (GError) error = NULL;
    unsigned n_skipped = 0;

    spool->begins = td_topic_find (spool->decl.begins);
    spool->ends = td_topic_find (spool->decl.ends);
    g_return_if_fail (spool->begins != NULL && spool->ends != NULL
                      && td_topic_body_size (spool->begins) == td_topic_body_size (spool->ends));
    spool->begun = td_spool_share_begun (spool);
    if (spool->begun == NULL) {
        spool->begun = td_begun_open (spool->decl.journal, spool->decl.name, td_bus_boot (), left,
                                      &n_skipped, &error);
    }
    if (spool->begun == NULL) {
        td_log_warning (spool->module, spool->decl.name,
                        "%s; of calls that go on when we are killed no end will be on record",
                        error->message);
        return;
    }
    if (n_skipped > 0) {
        td_log_error (spool->module, spool->decl.name,
                      "%u calls in %s/%s.begun cannot be read: no end of theirs is on record",
                      n_skipped, spool->decl.journal, spool->decl.name);
    }
    finish_all (spool, left);
    td_timer_init (&spool->beat, spool->module, beat);
    td_timer_start (&spool->beat, BEAT_MS);
}
