/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inbox of a lane: four queues behind one mutex, emptied in one go. */

#ifndef CORE_RUN_INBOX_H
#define CORE_RUN_INBOX_H

#include <tandem/lane.h>

#include <pthread.h>

enum {
    TD_INBOX_MUST,        /* td_lane_post(): served first, not bounded */
    TD_INBOX_ESTABLISHED, /* td_lane_try_post (), and so on */
    TD_INBOX_PRIORITY,
    TD_INBOX_ORDINARY,
    TD_INBOX_CLASSES,
};

/* Posts in the order they came. LAST points at the place for the next one. */
typedef struct {
    TdPost *first, **last;
} TdPostList;

typedef struct {
    unsigned n_waiting[TD_INBOX_CLASSES]; /* here or taken, and not yet reported as served */
    uint64_t n_refused[TD_INBOX_CLASSES];
} TdInboxCounts;

typedef struct {
    pthread_mutex_t lock;
    TdPostList lists[TD_INBOX_CLASSES];
    TdInboxCounts counts;
    unsigned limit; /* for each bounded class */
    bool is_asleep; /* the lane waits in poll, and must be woken */
} TdInbox;

void td_inbox_init (TdInbox *inbox, unsigned limit);
void td_inbox_clear (TdInbox *inbox);

/* Puts POST in; a use of its owner is taken. Returns false when the class is full. RET_WAKE says
 * whether the lane sleeps and the caller must wake it. Thread: any. */
bool td_inbox_put (TdInbox *inbox, TdPost *post, unsigned inbox_class, bool *ret_wake);

/* Appends all that is there to TAKEN, and learns that N_SERVED posts of each class are done with,
 * which it sets to 0. RET_COUNTS says how it stands then. Thread: the lane. */
void td_inbox_take (TdInbox *inbox, TdPostList taken[TD_INBOX_CLASSES],
                    unsigned n_served[TD_INBOX_CLASSES], TdInboxCounts *ret_counts);

/* How many of INBOX_CLASS are there or taken, and not yet reported as served. Thread: any. */
unsigned td_inbox_count (TdInbox *inbox, unsigned inbox_class);

/* Whether anything of INBOX_CLASS, or of those served after it, is there to take. Thread: any. */
bool td_inbox_has_mail (TdInbox *inbox, unsigned inbox_class);

/* Says that the lane is about to wait; returns false, and does not, when there is mail. */
bool td_inbox_fall_asleep (TdInbox *inbox);
void td_inbox_wake_up (TdInbox *inbox);

void td_post_list_init (TdPostList *list);
void td_post_list_append (TdPostList *list, TdPost *post);

/* Takes the oldest, or returns NULL. */
TdPost *td_post_list_pop (TdPostList *list);

/* Moves the posts of OWNER from LIST to the end of TO. Returns how many. */
unsigned td_post_list_pick (TdPostList *list, const TdModule *owner, TdPostList *to);

#endif
