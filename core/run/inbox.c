/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inbox of a lane: four queues behind one mutex, emptied in one go. */

#include "run/inbox.h"

#include "base/owner.h"

void
td_post_list_init (TdPostList *list)
{
    list->first = NULL;
    list->last = &list->first;
}

void
td_post_list_append (TdPostList *list, TdPost *post)
{
    post->next = NULL;
    *list->last = post;
    list->last = &post->next;
}

TdPost *
td_post_list_pop (TdPostList *list)
{
    TdPost *post = list->first;

    if (post == NULL) {
        return NULL;
    }
    list->first = post->next;
    if (list->first == NULL) {
        list->last = &list->first;
    }
    post->next = NULL;
    return post;
}

unsigned
td_post_list_pick (TdPostList *list, const TdModule *owner, TdPostList *to)
{
    unsigned n_picked = 0;
    TdPostList kept;
    TdPost *post;

    td_post_list_init (&kept);
    while ((post = td_post_list_pop (list)) != NULL) {
        bool is_wanted = post->owner == owner;
        td_post_list_append (is_wanted ? to : &kept, post);
        n_picked += is_wanted;
    }
    if (kept.first != NULL) {
        *list = kept;
    }
    return n_picked;
}

void
td_inbox_init (TdInbox *inbox, unsigned limit)
{
    *inbox = (TdInbox){ .limit = limit };
    pthread_mutex_init (&inbox->lock, NULL);
    for (unsigned i = 0; i < TD_INBOX_CLASSES; i++) {
        td_post_list_init (&inbox->lists[i]);
    }
}

void
td_inbox_clear (TdInbox *inbox)
{
    pthread_mutex_destroy (&inbox->lock);
}

bool
td_inbox_put (TdInbox *inbox, TdPost *post, unsigned inbox_class, bool *ret_wake)
{
    pthread_mutex_lock (&inbox->lock);
    if (inbox_class != TD_INBOX_MUST && inbox->counts.n_waiting[inbox_class] >= inbox->limit) {
        inbox->counts.n_refused[inbox_class]++;
        pthread_mutex_unlock (&inbox->lock);
        return false;
    }
    /* Under the lock: the lane must not give the use back before it is taken. */
    if (post->owner != NULL) {
        td_owner_use (td_owner_of (post->owner));
    }
    td_post_list_append (&inbox->lists[inbox_class], post);
    inbox->counts.n_waiting[inbox_class]++;
    *ret_wake = inbox->is_asleep;
    inbox->is_asleep = false;
    pthread_mutex_unlock (&inbox->lock);
    return true;
}

void
td_inbox_take (TdInbox *inbox, TdPostList taken[TD_INBOX_CLASSES],
               unsigned n_served[TD_INBOX_CLASSES], TdInboxCounts *ret_counts)
{
    pthread_mutex_lock (&inbox->lock);
    for (unsigned i = 0; i < TD_INBOX_CLASSES; i++) {
        TdPostList *list = &inbox->lists[i];
        inbox->counts.n_waiting[i] -= n_served[i];
        n_served[i] = 0;
        if (list->first != NULL) {
            *taken[i].last = list->first;
            taken[i].last = list->last;
            td_post_list_init (list);
        }
    }
    *ret_counts = inbox->counts;
    pthread_mutex_unlock (&inbox->lock);
}

unsigned
td_inbox_count (TdInbox *inbox, unsigned inbox_class)
{
    pthread_mutex_lock (&inbox->lock);
    unsigned n_waiting = inbox->counts.n_waiting[inbox_class];
    pthread_mutex_unlock (&inbox->lock);
    return n_waiting;
}

static bool
has_mail_locked (const TdInbox *inbox, unsigned inbox_class)
{
    for (unsigned i = inbox_class; i < TD_INBOX_CLASSES; i++) {
        if (inbox->lists[i].first != NULL) {
            return true;
        }
    }
    return false;
}

bool
td_inbox_has_mail (TdInbox *inbox, unsigned inbox_class)
{
    pthread_mutex_lock (&inbox->lock);
    bool has_mail = has_mail_locked (inbox, inbox_class);
    pthread_mutex_unlock (&inbox->lock);
    return has_mail;
}

bool
td_inbox_fall_asleep (TdInbox *inbox)
{
    pthread_mutex_lock (&inbox->lock);
    inbox->is_asleep = !has_mail_locked (inbox, 0);
    bool is_asleep = inbox->is_asleep;
    pthread_mutex_unlock (&inbox->lock);
    return is_asleep;
}

void
td_inbox_wake_up (TdInbox *inbox)
{
    pthread_mutex_lock (&inbox->lock);
    inbox->is_asleep = false;
    pthread_mutex_unlock (&inbox->lock);
}
