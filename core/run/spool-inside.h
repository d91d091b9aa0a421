/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A spool from the inside, for its two files only: spool.c stores what is heard, spool-left.c brings it what
 * a process that was killed has left. */

#ifndef TANDEM_RUN_SPOOL_INSIDE_H
#define TANDEM_RUN_SPOOL_INSIDE_H

#include "base/owner.h"
#include "run/begun.h"
#include "run/bus.h"
#include "run/journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <tandem/metric.h>
#include <tandem/worker.h>

/* A fact by its name. */
typedef struct {
    const TdTopic *topic; /* NULL: none */
    TdId call;
    uint32_t sequence;
} FactName;

struct TdSpool {
    TdOwned owned; /* first */
    TdModule *module;
    TdSpoolDecl decl; /* the name is our own copy */
    char *queue;      /* of its work: no other spool's */
    TdSubscription *subscription;
    TdMetric *waiting_facts, *failing, *taken_total, *lost_total;

    /* During an upgrade both builds hear a fact, the older one first, and it is to be stored once: who
     * keeps it tells the other one. */
    _Atomic (TdSpool *) successor;
    FactName *kept; /* by the spool before, a place a lane: the fact that is being told there */

    pthread_mutex_t lock; /* guards the next seven */
    TdJournal *journal;   /* NULL: none; its draining half belongs to whom BATCH does */
    bool is_journal_whole;
    GPtrArray *waiting;
    uint64_t held_bytes; /* of WAITING and BATCH */
    uint64_t n_lost;
    bool is_posted; /* the post is under way */
    bool is_awake;  /* the control lane will look again by itself */

    const TdTopic *begins, *ends;
    TdBegun *begun; /* nullable */

    /* Of the control lane: */
    TdPost post;
    TdTimer timer, beat;
    GPtrArray *batch;
    unsigned first; /* of the batch, that is not taken yet */
    bool is_failing, is_due, is_closing, is_silent;
    void *settings; /* not handed over yet */
    int64_t failing_since_us, give_up_us;
    int64_t rested_us; /* when a few facts are given to the worker again */

    TdWork work;
    bool is_working;
    /* Of the work: */
    unsigned n_given;
    void *new_settings; /* or NULL */
    uint32_t again_ms;
    bool is_taken;
    GError *error;
};

/* Puts FACT into the journal. Returns errno where the first one cannot be. The lock is held, or nobody else has
 * SPOOL yet. */
int td_spool_note (TdSpool *spool, const TdFact *fact);

/* Has the control lane look, before it is told of any fact. */
void td_spool_wake (TdSpool *spool);

/* The list that another build of the module has open (transfer full), or NULL. */
TdBegun *td_spool_share_begun (const TdSpool *spool);

/* --- spool-left.c: before SPOOL hears anything. Thread: control --- */

/* Takes over what a process before has left, and has it stored. */
void td_spool_open_journal (TdSpool *spool);

/* With that in hand: has the end stored of what had begun, and keeps the list of what begins from now on. */
void td_spool_open_begun (TdSpool *spool);

#endif
